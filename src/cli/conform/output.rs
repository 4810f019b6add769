//! What `trial conform` found, for other programs: the form of `trial run`'s documents. The book describes
//! it.

use super::recordings::Input;
use super::{Unusable, value};
use crate::cli::run::as_json;
use crate::conform::{Difference, Lateness, Outcome, StepDifference};
use crate::report::{Suite, Wrong, json_document_of, json_unusable, junit};
use serde_json::{Value, json};

/// Version of the document.
const VERSION: u64 = 1;

/// One document of all recordings, in the order in which they were named.
#[derive(Default)]
pub(super) struct Output {
    runs: Vec<Value>,
    suites: Vec<Suite>,
}

impl Output {
    pub(super) fn played(&mut self, input: &Input, outcome: &Outcome, lateness: &[Lateness]) {
        self.runs.push(run(input, outcome, lateness));
        self.suites.push(suite(input, outcome));
    }

    pub(super) fn unusable(&mut self, unusable: &Unusable) {
        self.runs
            .push(json_unusable(&unusable.path, as_json(&unusable.why)));
        let why = Wrong::Error(unusable.why.to_string());
        self.suites
            .push(Suite::of_one(&unusable.path, "can be played", Some(why)));
    }

    pub(super) fn json(self) -> String {
        let document = json_document_of("kafka-trial conformance", VERSION, self.runs);
        format!("{document:#}")
    }

    pub(super) fn junit(&self) -> String {
        junit(&self.suites)
    }
}

fn run(input: &Input, outcome: &Outcome, lateness: &[Lateness]) -> Value {
    let (held, skipped, differing) = match outcome {
        Outcome::Agreed { .. } => (Some(true), None, vec![]),
        Outcome::Skipped { why } => (None, Some(why), vec![]),
        Outcome::Differed(steps) => (Some(false), None, steps.iter().map(differing).collect()),
    };
    let late = |step: &Lateness| json!({"step": step.step, "late_ms": step.late.as_millis()});
    json!({
        "file": input.path().display().to_string(),
        "error": null,
        "recording": input.name(),
        "real": input.real(),
        "held": held,
        "skipped": skipped,
        "steps": input.steps(),
        "differing": differing,
        "lateness": lateness.iter().map(late).collect::<Vec<_>>(),
    })
}

fn differing(step: &StepDifference) -> Value {
    let one = |difference: &Difference| json!({"field": difference.field, "real": difference.kafka, "ours": difference.ours});
    json!({
        "step": step.step,
        "do": step.what,
        "differences": step.differences.iter().map(one).collect::<Vec<_>>(),
        "transcript_before": step.before,
        "transcript": step.meanwhile,
    })
}

fn suite(input: &Input, outcome: &Outcome) -> Suite {
    let real = input.real();
    let wrong = match outcome {
        Outcome::Agreed { .. } => None,
        Outcome::Skipped { why } => Some(Wrong::Skipped(why.clone())),
        Outcome::Differed(steps) => {
            let sentences = steps.iter().flat_map(|step| {
                step.differences.iter().map(move |difference| {
                    format!(
                        "step {} ({}): {}: {real} {}, here {}",
                        step.step,
                        step.what,
                        difference.field,
                        value(&difference.kafka),
                        value(&difference.ours)
                    )
                })
            });
            Some(Wrong::Failure(sentences.collect::<Vec<_>>().join("; ")))
        }
    };
    Suite::of_one(input.name(), &format!("agrees with {real}"), wrong)
}
