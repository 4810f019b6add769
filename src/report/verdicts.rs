//! What a run says to the answers of a plan's predictions.

use crate::check::Outcome;
use crate::plan::Plan;
use std::collections::BTreeMap;

/// Of one prediction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    pub of_predict: Outcome,
    pub of_recall: Option<Outcome>,
}

impl Verdict {
    /// Whether the text says otherwise than the run.
    pub fn disagree(&self) -> bool {
        self.of_predict.failed() || self.of_recall.iter().any(Outcome::failed)
    }
}

/// By the ids of predictions; `answers` are the run's, in the order of `Plan::answers`.
pub fn verdicts(plan: &Plan, answers: &[Outcome]) -> BTreeMap<String, Verdict> {
    let mut outcomes = answers.iter().cloned();
    let mut verdicts = BTreeMap::new();
    for prediction in &plan.predict {
        let Some(of_predict) = outcomes.next() else {
            break;
        };
        let of_recall = prediction.recall.as_ref().and_then(|_| outcomes.next());
        let verdict = Verdict {
            of_predict,
            of_recall,
        };
        verdicts.insert(prediction.id.clone(), verdict);
    }
    verdicts
}
