//! What is told after the run: what is so, what was believed instead, and what the run says to it.

use super::{Answered, Arguments};
use crate::check::{Judgement, Outcome};
use crate::cli::run::quoted;
use crate::cli::terminal::Terminal;
use crate::plan::{Question, Reveal, misconception, write_duration};
use crate::report::Verdict;

pub(super) fn tell(
    answered: &Answered<'_>,
    verdict: &Verdict,
    scenario: &str,
    arguments: &Arguments,
    terminal: &mut Terminal,
) {
    let prediction = answered.prediction;
    let part = match arguments.sets.is_empty() {
        true => part,
        false => part_of_changed,
    };
    terminal.line(&format!("\n{}", prediction.question.ask));
    part(
        &prediction.question,
        answered.predict,
        Some(&verdict.of_predict),
        terminal,
    );
    if let (Some(reason), Some(place)) = (&prediction.reason, answered.reason) {
        terminal.line(&format!("\n{}", reason.ask));
        part(reason, place, None, terminal);
    }
    if let (Some(recall), Some(place)) = (&prediction.recall, answered.recall) {
        terminal.line(&format!("\n{}", recall.question.ask));
        part(
            &recall.question,
            place,
            verdict.of_recall.as_ref(),
            terminal,
        );
    }
    terminal.line("");
    if let Some(reveal) = &prediction.reveal {
        let line = chart_line(scenario, reveal, arguments);
        terminal.line(&format!("  See it: {line}"));
    }
    if let Some(line) = &prediction.then_try {
        terminal.line(&format!("  Then try: {line}"));
    }
}

/// One question: what is so, what was said, and why that is not so.
fn part(question: &Question, place: usize, outcome: Option<&Outcome>, terminal: &mut Terminal) {
    let taken = &question.options[place];
    if let Some(outcome) = outcome.filter(|it| it.judgement != Judgement::Held) {
        said(question, place, terminal);
        is_not_so(question, outcome, terminal);
        return;
    }
    let right = question.right();
    match taken.name == question.is {
        true => terminal.line(&format!("  Yes. {}: {right}", question.is)),
        false => {
            said(question, place, terminal);
            terminal.line(&format!("  It is {}: {right}", question.is));
            let believed = taken.misconception.as_deref();
            if let Some(explained) = believed.and_then(misconception) {
                terminal.line(&format!("  {explained}"));
            }
        }
    }
    if let Some(outcome) = outcome {
        by_the_run(outcome, terminal);
    }
}

/// With changed values: what the run says, and no reason why it is so. Those of the scenario speak of other values.
fn part_of_changed(
    question: &Question,
    place: usize,
    outcome: Option<&Outcome>,
    terminal: &mut Terminal,
) {
    said(question, place, terminal);
    match outcome {
        Some(outcome) if outcome.judgement != Judgement::Held => {
            is_not_so(question, outcome, terminal);
        }
        Some(outcome) => {
            terminal.line(&format!(
                "  With the changed values too the scenario's own answer is so: {}",
                question.right()
            ));
            by_the_run(outcome, terminal);
        }
        None => terminal.line("  Values were changed: no reason is called right or wrong."),
    }
}

fn said(question: &Question, place: usize, terminal: &mut Terminal) {
    let taken = &question.options[place];
    terminal.line(&format!("  You said {}: {}", taken.name, taken.say));
}

fn is_not_so(question: &Question, outcome: &Outcome, terminal: &mut Terminal) {
    terminal.line(&format!(
        "  In this run the scenario's own answer, \"{}\", is not so: {outcome}",
        question.right()
    ));
}

fn by_the_run(outcome: &Outcome, terminal: &mut Terminal) {
    terminal.line(&format!(
        "  The run: {} — {}",
        outcome.sentence, outcome.figures
    ));
    if let Some(because) = &outcome.because {
        terminal.line(&format!("  Because: {because}"));
    }
}

fn chart_line(scenario: &str, reveal: &Reveal, arguments: &Arguments) -> String {
    let mut words: Vec<String> = ["trial", "chart", scenario, "--kind"]
        .map(String::from)
        .into();
    words.push(reveal.kind.clone());
    let at = reveal.at.map(write_duration);
    for (key, value) in [
        ("--around", &reveal.around),
        ("--partition", &reveal.partition),
        ("--at", &at),
        ("--seed", &arguments.seed.map(|seed| seed.to_string())),
    ] {
        words.extend(
            value
                .iter()
                .flat_map(|value| [key.to_owned(), value.clone()]),
        );
    }
    for set in &arguments.sets {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}
