//! An item under `predict`: a question at a moment, why, what happened, and what shows it.

use crate::scenario::expected::Expected;
use crate::scenario::words::{Ordered, Time};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with id, at, ask, options and answer"
)]
pub(in crate::scenario) struct Predict {
    pub(in crate::scenario) id: String,
    pub(in crate::scenario) at: Time,
    pub(in crate::scenario) ask: String,
    pub(in crate::scenario) options: Ordered<Choice>,
    pub(in crate::scenario) answer: Answer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) recall: Option<Recall>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) reveal: Option<Reveal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) then_try: Option<String>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "{say: ...}, with the misconception that it stands for"
)]
pub(in crate::scenario) struct Choice {
    pub(in crate::scenario) say: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) misconception: Option<String>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map such as {is: kept, when: no acknowledged record is lost}"
)]
pub(in crate::scenario) struct Answer {
    pub(in crate::scenario) is: String,
    pub(in crate::scenario) when: Expected,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map with ask, options and is")]
pub(in crate::scenario) struct Reason {
    pub(in crate::scenario) ask: String,
    pub(in crate::scenario) options: Ordered<Choice>,
    pub(in crate::scenario) is: String,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map with ask, options and answer")]
pub(in crate::scenario) struct Recall {
    pub(in crate::scenario) ask: String,
    pub(in crate::scenario) options: Ordered<Choice>,
    pub(in crate::scenario) answer: Answer,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map such as {kind: leadership, around: 30s}"
)]
pub(in crate::scenario) struct Reveal {
    pub(in crate::scenario) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) around: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) partition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) at: Option<Time>,
}
