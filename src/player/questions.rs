//! What the page asks while it plays: the plan's predictions in the order of their moments, with what the run says to
//! their answers.

use crate::check::{Judgement, Outcome};
use crate::plan::{Plan, Question, Reveal, misconception};
use crate::report::Verdict;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn questions(plan: &Plan, verdicts: &BTreeMap<String, Verdict>) -> Vec<Value> {
    let mut predictions: Vec<_> = plan.predict.iter().collect();
    predictions.sort_by_key(|prediction| prediction.at);
    let one = |prediction: &&crate::plan::Prediction| {
        let verdict = verdicts.get(&prediction.id);
        let of_predict = verdict.map(|it| &it.of_predict);
        let of_recall = verdict.and_then(|it| it.of_recall.as_ref());
        let recall = prediction.recall.as_ref();
        json!({
            "id": prediction.id,
            "at": prediction.at.0 / 1_000,
            "predict": question(&prediction.question, of_predict),
            "reason": prediction.reason.as_ref().map(|reason| question(reason, None)),
            "recall": recall.map(|recall| question(&recall.question, of_recall)),
            "see": prediction.reveal.as_ref().map(see),
            "then_try": prediction.then_try,
        })
    };
    predictions.iter().map(one).collect()
}

/// What is asked, the options with what is so instead of what they stand for, the right one, and what the run says.
fn question(question: &Question, outcome: Option<&Outcome>) -> Value {
    let options = question.options.iter().map(|option| {
        let believed = option.misconception.as_deref();
        json!([option.say, believed.and_then(misconception)])
    });
    let options: Vec<Value> = options.collect();
    let right = question
        .options
        .iter()
        .position(|it| it.name == question.is);
    json!({
        "ask": question.ask,
        "options": options,
        "is": right,
        "run": outcome.map(run_says),
    })
}

/// Whether it bears the answer out, its sentence with figures, and why.
fn run_says(outcome: &Outcome) -> Value {
    let held = outcome.judgement == Judgement::Held;
    let says = match held {
        true => format!("{} — {}", outcome.sentence, outcome.figures),
        false => outcome.to_string(),
    };
    json!([held, says, outcome.because])
}

/// Where in the run it is seen: a record to follow, or a moment.
fn see(reveal: &Reveal) -> Value {
    let record = reveal
        .around
        .as_ref()
        .filter(|it| it.starts_with("record:"));
    json!({"record": record, "at": reveal.at.map(|at| at.0 / 1_000)})
}
