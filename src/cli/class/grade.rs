//! Grading: answers that students have given, held against the run of the seed that each names. What a file says of its answers
//! being right is not believed.

use super::lesson::{Asked, Lesson};
use crate::check::Judgement;
use crate::cli::predict::read_answers;
use crate::cli::terminal::Terminal;
use crate::cli::{Status, inputs};
use crate::report::{Answer, Part};
use crate::scenario::Diagnostic;
use std::collections::BTreeMap;

/// Of a question: the prediction's id, and which part.
type Item = (String, Part);

/// By scenario and seed: the right option of each question that the run judges so, and none of what it does not.
type Keys = BTreeMap<(String, u64), BTreeMap<Item, Option<String>>>;

pub(super) fn grade(
    lessons: &[Lesson],
    files: &[String],
    terminal: &mut Terminal,
) -> Result<Status, Diagnostic> {
    let mut persons: BTreeMap<String, Vec<(String, Answer)>> = BTreeMap::new();
    for file in files {
        for answer in read_answers(file)? {
            let who = answer.who.clone().unwrap_or_else(|| file.clone());
            persons.entry(who).or_default().push((file.clone(), answer));
        }
    }
    if persons.is_empty() {
        return Err(
            Diagnostic::about_file(files.join(" "), "there is no answer")
                .expected("what \"trial predict --out\" has written"),
        );
    }
    let mut keys = Keys::new();
    let mut all_right = true;
    for (who, answers) in &persons {
        let mut first: BTreeMap<(String, Item), &Answer> = BTreeMap::new();
        for (file, answer) in answers {
            learn(&mut keys, lessons, file, answer)?;
            let item = (answer.id.clone(), answer.part);
            first
                .entry((answer.scenario.clone(), item))
                .or_insert(answer);
        }
        let wanted: Vec<String> = match lessons.is_empty() {
            true => first.keys().map(|(scenario, _)| scenario.clone()).collect(),
            false => lessons.iter().map(|it| it.plan.name.clone()).collect(),
        };
        all_right &= one(who, &first, wanted, lessons, &keys, terminal)?;
    }
    Ok(if all_right {
        Status::Well
    } else {
        Status::Failed
    })
}

/// One person: a line each for what is not right, and one for the whole.
fn one(
    who: &str,
    answers: &BTreeMap<(String, Item), &Answer>,
    mut wanted: Vec<String>,
    lessons: &[Lesson],
    keys: &Keys,
    terminal: &mut Terminal,
) -> Result<bool, Diagnostic> {
    wanted.dedup();
    let (mut right, mut of) = (0, 0);
    let mut faults = Vec::new();
    for scenario in wanted {
        let seed = answers
            .iter()
            .find(|((of, _), _)| *of == scenario)
            .map(|(_, answer)| answer.seed);
        let items: Vec<Item> = match seed.and_then(|seed| keys.get(&(scenario.clone(), seed))) {
            Some(key) => key.keys().cloned().collect(),
            None => lessons
                .iter()
                .filter(|it| it.plan.name == scenario)
                .flat_map(|it| it.asked())
                .map(|it| item(&it))
                .collect(),
        };
        for item in items {
            of += 1;
            let name = format!("{scenario} {} {}", item.0, item.1);
            let Some(answer) = answers.get(&(scenario.clone(), item.clone())) else {
                faults.push(format!("{name}: no answer"));
                continue;
            };
            let key = keys
                .get(&(scenario.clone(), answer.seed))
                .and_then(|key| key.get(&item));
            match key {
                Some(Some(is)) if *is == answer.option => right += 1,
                Some(Some(_)) => faults.push(format!(
                    "{name}: \"{}\" is not right (seed {})",
                    answer.option, answer.seed
                )),
                _ => faults.push(format!(
                    "{name}: the run of seed {} does not give the scenario's answer",
                    answer.seed
                )),
            }
        }
    }
    terminal.line(&format!("{who}: {right} of {of} right"));
    faults
        .iter()
        .for_each(|fault| terminal.line(&format!("  {fault}")));
    Ok(right == of)
}

/// Plays what an answer is about, unless it was played.
fn learn(
    keys: &mut Keys,
    lessons: &[Lesson],
    file: &str,
    answer: &Answer,
) -> Result<(), Diagnostic> {
    let name = (answer.scenario.clone(), answer.seed);
    if keys.contains_key(&name) {
        return Ok(());
    }
    let shipped;
    let lesson = match lessons.iter().find(|it| it.plan.name == answer.scenario) {
        Some(lesson) => lesson,
        None => {
            let input = inputs::shipped_as(&answer.scenario).map_err(|_| {
                Diagnostic::about_file(
                    file,
                    format!("it answers \"{}\", which does not ship", answer.scenario),
                )
                .expected("that scenario's file beside --grade")
            })?;
            let loaded = inputs::load(&input.name, input.bytes, &[])?;
            shipped = Lesson::new(input.name, loaded.plan);
            &shipped
        }
    };
    let report = lesson.play(answer.seed)?;
    let judged: BTreeMap<Item, Judgement> = lesson
        .judged(&report)
        .map(|(asked, it)| (item(&asked), it.judgement))
        .collect();
    let key = lesson.asked().map(|asked| {
        // A reason stands and falls with what it is the reason of.
        let judged_as = match asked.part {
            Part::Reason => (asked.prediction.id.clone(), Part::Predict),
            part => (asked.prediction.id.clone(), part),
        };
        let holds = judged.get(&judged_as) == Some(&Judgement::Held);
        (item(&asked), holds.then(|| asked.question.is.clone()))
    });
    keys.insert(name, key.collect());
    Ok(())
}

fn item(asked: &Asked<'_>) -> Item {
    (asked.prediction.id.clone(), asked.part)
}
