//! `trial predict`: a run that pauses and asks what will happen, why, and afterwards what happened.
//!
//! Questions come in the order of their moments. A run pauses before what the timeline does at the moment. No
//! score is kept: what counts is the reason, and what was believed instead.

mod answers;
mod check;
mod reader;
mod reveal;
mod statistics;

pub(super) use answers::read as read_answers;
pub(super) use check::check;
pub(super) use reader::Reader;

use super::terminal::Terminal;
use super::{Status, ask, inputs, lists, seeds};
use crate::kernel::{Duration, Time};
use crate::plan::{Plan, Prediction, Question, write_duration};
use crate::report::verdicts;
use crate::run::{Report, Run};
use crate::scenario::Diagnostic;
use crate::trace::{Style, Transcript, with_legend};
use answers::{AnswerFile, Sitting};
use clap::Args;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Predict what will happen in a run, then see it: it pauses and asks. Answers come from standard input.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A scenario file, or the name of a shipped one; without it, list those that ask
    #[arg(value_name = "SCENARIO")]
    scenario: Option<String>,
    /// Use this seed instead of the scenario's
    #[arg(long, allow_hyphen_values = true, value_parser = seeds::one)]
    seed: Option<u64>,
    /// Change a value first, as in "trial run". The questions stay as they are, so no reason is called right or wrong then
    #[arg(long = "set", value_name = "[+]KEY=VALUE")]
    sets: Vec<String>,
    /// So many lines of the transcript are shown before a question
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 20,
        allow_hyphen_values = true
    )]
    lines: usize,
    /// Append the answers to this file, a JSON line each. Not with --set: answers are graded by runs without changes
    #[arg(long, value_name = "FILE", requires = "scenario")]
    out: Option<PathBuf>,
    /// Whose answers these are; without it they are nobody's
    #[arg(long = "as", value_name = "NAME", requires = "out", value_parser = answers::person)]
    who: Option<String>,
    /// Read such files instead: how many answered each question right, how well it tells who knows from who does
    /// not, and what was believed. A person is who --as named, else a file
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["scenario", "seed", "sets", "out", "who"])]
    stats: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let done = match &arguments.scenario {
        Some(scenario) => predict(scenario, arguments, terminal),
        None if arguments.stats.is_empty() => {
            lists::that_ask(terminal);
            Ok(Status::Well)
        }
        None => statistics::tell(&arguments.stats, terminal).map(|()| Status::Well),
    };
    done.unwrap_or_else(|error| {
        terminal.complain(&error);
        Status::Unusable
    })
}

/// What was answered to one prediction.
struct Answered<'a> {
    prediction: &'a Prediction,
    predict: usize,
    reason: Option<usize>,
    recall: Option<usize>,
}

fn predict(
    scenario: &str,
    arguments: &Arguments,
    terminal: &mut Terminal,
) -> Result<Status, Diagnostic> {
    let is_changed = !arguments.sets.is_empty();
    if is_changed && arguments.out.is_some() {
        return Err(Diagnostic::about_file(
            "--out",
            "answers are graded by runs without changes, and --set changes this one",
        )
        .expected("--out or --set, not both"));
    }
    let input = inputs::one_by_name(scenario, "the answers come from standard input")?;
    let loaded = inputs::load(&input.name, input.bytes, &arguments.sets)?;
    for warning in &loaded.warnings {
        terminal.complain(warning);
    }
    let plan = loaded.plan;
    if plan.predict.is_empty() {
        return Err(
            Diagnostic::about_file(scenario, "this scenario asks nothing")
                .expected(lists::one_that_asks(&plan.name)),
        );
    }
    let seed = arguments.seed.unwrap_or(plan.seed);
    let mut file = (arguments.out.as_deref())
        .map(AnswerFile::open)
        .transpose()?;
    let run = Run::start(&plan, seed)
        .map_err(|error| Diagnostic::about_file(scenario, error.to_string()))?;
    let mut player = Player::new(run, arguments.lines);
    let mut reader = Reader::default();
    terminal.line(&plan.about);
    if is_changed {
        terminal.line(&format!("\n{}", changed(&arguments.sets)));
    }
    let answered = ask_all(&plan, &mut player, &mut reader, terminal);
    let report = player.finish();
    let verdicts = verdicts(&plan, &report.answers);
    let sitting = Sitting {
        scenario: &plan.name,
        seed,
        who: arguments.who.as_deref(),
    };
    let mut status = Status::Well;
    for answer in &answered {
        let verdict = &verdicts[&answer.prediction.id];
        reveal::tell(answer, verdict, scenario, arguments, terminal);
        if verdict.disagree() {
            status = Status::Failed;
        }
        if let Some(file) = &mut file {
            file.append(&sitting.lines(answer, verdict))?;
        }
    }
    if let Some(why) = reader.failed {
        return Err(Diagnostic::about_file("standard input", why));
    }
    if answered.len() < plan.predict.len() || !reader.more {
        terminal.note("the answers ended here");
    }
    Ok(status)
}

/// What questions were written for is no more.
fn changed(sets: &[String]) -> String {
    format!(
        "Changed: {}. The questions are those of the scenario without that, and what they say of it may no longer be so. Afterwards \
         the run tells what happened; no reason is called right or wrong.",
        sets.join(", ")
    )
}

/// Asks while the run goes on, until nobody answers.
fn ask_all<'a>(
    plan: &'a Plan,
    player: &mut Player,
    reader: &mut Reader,
    terminal: &mut Terminal,
) -> Vec<Answered<'a>> {
    let mut predictions: Vec<&Prediction> = plan.predict.iter().collect();
    predictions.sort_by_key(|prediction| prediction.at);
    let mut answered = Vec::new();
    for prediction in predictions {
        player.play_before(prediction.at, terminal);
        let place = format!("At {}: ", write_duration(prediction.at));
        let Some(predict) = asked(&place, &prediction.question, reader, terminal) else {
            return answered;
        };
        let reason = prediction.reason.as_ref();
        let reason = reason.and_then(|reason| asked("", reason, reader, terminal));
        answered.push(Answered {
            prediction,
            predict,
            reason,
            recall: None,
        });
        if !reader.more {
            return answered;
        }
    }
    player.play(Time::ZERO + plan.end(), terminal);
    for answer in &mut answered {
        let Some(recall) = &answer.prediction.recall else {
            continue;
        };
        answer.recall = asked("It has happened. ", &recall.question, reader, terminal);
        if answer.recall.is_none() {
            break;
        }
    }
    answered
}

/// Asks until there is an answer, the place of an option; none at the end of the input.
fn asked(
    place: &str,
    question: &Question,
    reader: &mut Reader,
    terminal: &mut Terminal,
) -> Option<usize> {
    terminal.line(&format!("\n{place}{}", question.ask));
    for (number, option) in (1..).zip(&question.options) {
        terminal.line(&format!("  {number}  {}: {}", option.name, option.say));
    }
    loop {
        terminal.prompt("> ");
        let line = reader.line()?;
        match chosen(question, &line) {
            Some(place) => {
                let option = &question.options[place];
                terminal.line(&format!("You say: {}", option.name));
                return Some(place);
            }
            None if line == "?" => terminal.line(KEYS),
            None if line.is_empty() => {}
            None => terminal.line(&format!(
                "\"{line}\" is none of these: {}, or {}; ? explains",
                ask::those_of(question.options.len()),
                (question.options.iter())
                    .map(|option| option.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }
}

const KEYS: &str = "Type the number of an option, its letter (A is the first) or its name, then Enter. Ctrl-D ends it with what was answered so far. \
     Nobody counts how many are right: think of a reason before you answer.";

fn chosen(question: &Question, line: &str) -> Option<usize> {
    let named = |name: &str| name.eq_ignore_ascii_case(line);
    let by_name = question.options.iter().position(|it| named(&it.name));
    by_name.or_else(|| ask::place_of(line, question.options.len()))
}

/// A run that is shown piece by piece.
struct Player {
    run: Run,
    most: usize,
    /// Lines that were told at the last pause.
    told: Vec<String>,
    /// Words of the legend.
    explained: BTreeSet<String>,
}

impl Player {
    fn new(run: Run, most: usize) -> Self {
        Player {
            run,
            most,
            told: Vec::new(),
            explained: BTreeSet::new(),
        }
    }

    /// Up to a moment, without what the timeline does then.
    fn play_before(&mut self, at: Duration, terminal: &mut Terminal) {
        if at > Duration::ZERO {
            self.play(Time::ZERO + Duration(at.0 - 1), terminal);
        }
    }

    /// Tells what is new in the transcript: its first and last lines.
    fn play(&mut self, until: Time, terminal: &mut Terminal) {
        self.run.until(until);
        let mut transcript = Transcript::new(Style::default());
        self.run.trace().iter().for_each(|it| transcript.push(it));
        let lines = transcript.finish();
        let same = |(old, new): &(&String, &String)| old == new;
        let known = self.told.iter().zip(&lines).take_while(same).count();
        let new = &lines[known..];
        let first = match known {
            // How a cluster starts is the same everywhere.
            0 => 0,
            _ => self.most,
        };
        let left_out = new.len().saturating_sub(first + self.most);
        let mut shown = new[..first.min(new.len())].to_vec();
        match left_out {
            0 => shown = new.to_vec(),
            _ => shown.extend_from_slice(&new[first + left_out..]),
        }
        terminal.line("");
        self.explain(&shown, terminal);
        for (i, line) in shown.iter().enumerate() {
            if left_out > 0 && i == first {
                terminal.line(&format!("  ... {left_out} lines are left out ..."));
            }
            terminal.line(line);
        }
        self.told = lines;
    }

    /// Words that stand in the lines for the first time.
    fn explain(&mut self, lines: &[String], terminal: &mut Terminal) {
        let text = with_legend(lines);
        let words = text.lines().take_while(|line| !line.is_empty()).skip(1);
        for word in words {
            // Columns are as wide as their widest word.
            let parts = word.trim_start().split_once("  ");
            let word = parts.map(|(word, what)| format!("  {word}: {}", what.trim_start()));
            let Some(word) = word else { continue };
            if self.explained.insert(word.clone()) {
                terminal.line(&word);
            }
        }
    }

    fn finish(mut self) -> Report {
        self.run.until(self.run.end());
        self.run.finish()
    }
}
