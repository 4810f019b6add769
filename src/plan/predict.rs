//! Predictions: what a learner is asked before something happens, why, and afterwards what happened.
//!
//! The answer is a condition on the run: an expectation that holds if the answer is right. A run judges it
//! as it judges what the plan expects, so a text that says otherwise than the run fails.
//!
//! May not know who answers, nor what a figure is.

use super::Plan;
use super::expectation::Expected;
use crate::kernel::Duration;

/// A question at a moment of the run, with all that belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prediction {
    /// Unique within the plan: answers name it.
    pub id: String,
    /// The run pauses here, before what the timeline does at this time.
    pub at: Duration,
    pub question: Question,
    /// Holds if the answer is right.
    pub when: Expected,
    /// Why it is so.
    pub reason: Option<Question>,
    /// What happened, asked at the end of the run.
    pub recall: Option<Recall>,
    /// The figure that shows it.
    pub reveal: Option<Reveal>,
    /// The command line that turns the knob.
    pub then_try: Option<String>,
}

/// Something to be answered with one of several options.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    pub ask: String,
    /// In the order in which they are shown.
    pub options: Vec<Choice>,
    /// The name of the right one.
    pub is: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    pub name: String,
    pub say: String,
    /// What somebody believes who takes it (`MISCONCEPTIONS`).
    pub misconception: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recall {
    pub question: Question,
    pub when: Expected,
}

/// A figure, as `trial chart` takes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reveal {
    pub kind: String,
    pub around: Option<String>,
    pub partition: Option<String>,
    pub at: Option<Duration>,
}

impl Question {
    pub fn option(&self, name: &str) -> Option<&Choice> {
        self.options.iter().find(|option| option.name == name)
    }

    /// What the right option says.
    pub fn right(&self) -> &str {
        self.option(&self.is).map_or("", |option| &option.say)
    }
}

impl Plan {
    /// What a run is judged by: what the plan expects, then the answers of its predictions, each followed by
    /// that of its recall.
    pub fn sentences(&self) -> impl Iterator<Item = &Expected> {
        self.expect.iter().chain(self.answers())
    }

    /// The conditions of all answers.
    pub fn answers(&self) -> impl Iterator<Item = &Expected> {
        self.predict.iter().flat_map(|prediction| {
            let recall = prediction.recall.iter().map(|recall| &recall.when);
            std::iter::once(&prediction.when).chain(recall)
        })
    }
}
