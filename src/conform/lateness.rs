//! How much later than real Kafka a step came to what was recorded, and which steps may.

use super::compare::Difference;
use crate::kernel::Duration;
use serde_json::json;

/// How late a step was: it was equal from so long after the recorded end of the step on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lateness {
    /// From 1; the tree at the end has the number after the last step.
    pub step: usize,
    pub what: String,
    pub late: Duration,
}

/// A step that is later than this differs.
const MOST: Duration = Duration::from_secs(1);

/// Steps that may be later: recording, step, by how much, and why.
const EXCEPTIONS: &[(&str, usize, Duration, &str)] = &[];

/// The difference that a step's lateness is, if it is more than is allowed; `until_then` is what differed
/// last.
pub(super) fn too_late(
    recording: &str,
    step: usize,
    late: Duration,
    until_then: Option<&Difference>,
) -> Option<Difference> {
    let exception = EXCEPTIONS
        .iter()
        .find(|(name, number, ..)| *name == recording && *number == step);
    let most = exception.map_or(MOST, |(_, _, most, _)| *most);
    if late <= most {
        return None;
    }
    let until_then = until_then.map_or(String::new(), |difference| {
        format!(": until then {} differed", difference.field)
    });
    Some(Difference {
        field: "lasted".to_string(),
        kafka: Some(json!(format!(
            "settled when it was looked at, or at most {} s later",
            seconds(most)
        ))),
        ours: Some(json!(format!(
            "settled {} s later{until_then}",
            seconds(late)
        ))),
    })
}

/// Seconds with three digits.
pub fn seconds(duration: Duration) -> String {
    let ms = duration.as_millis();
    format!("{}.{:03}", ms / 1000, ms % 1000)
}
