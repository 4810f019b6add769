//! Where a consumer reads on, and what that means for its group: what is read twice, what is skipped, and that nothing
//! lies there yet.
//!
//! An application works off what `poll` has given it, so that is not skipped while its process lives. What lies in
//! no log cannot be skipped either.

use crate::protocol::{TopicPartition, counted};
use crate::trace::story::Story;
use std::fmt;

/// The partition and the offset, and in brackets what a beginner would not see in them.
pub(super) fn position(
    node: &str,
    partition: &TopicPartition,
    offset: i64,
    story: &Story,
) -> String {
    let mut words = Vec::new();
    let log_end = story.high_watermark(partition).filter(|end| *end < offset);
    let reached = log_end.unwrap_or(offset);
    if let Some(had) = had_by_group(node, partition, story) {
        let end = had.end;
        if offset < end {
            let twice = counted_are(end - offset);
            let done = if had.is_done { "processed" } else { "read" };
            words.push(format!("{had} all up to {}: {twice} {done} twice", end - 1));
        } else if reached > end {
            let skipped = counted_are(reached - end);
            words.push(format!(
                "{had} all up to {} only: {skipped} skipped",
                end - 1
            ));
        }
    }
    if let Some(end) = log_end {
        words.push(format!(
            "past the end of what is committed: high watermark {end}"
        ));
    }
    match words.is_empty() {
        true => format!("{partition} offset {offset}"),
        false => format!("{partition} offset {offset} ({})", words.join("; ")),
    }
}

/// What a group has of a partition, and which member of it: "it had processed", "other was given".
struct Had {
    /// Behind the last such record.
    end: i64,
    who: String,
    /// It was done with that record too, and not only given it.
    is_done: bool,
}

impl fmt::Display for Had {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_done {
            "had processed"
        } else {
            "was given"
        };
        write!(f, "{} {how}", self.who)
    }
}

fn had_by_group(node: &str, partition: &TopicPartition, story: &Story) -> Option<Had> {
    let processed = story.processed_by_group(node, partition);
    let handed = story.handed_to_group(node, partition);
    let handed = handed.filter(|(end, _)| processed.is_none_or(|(done, _)| done < *end));
    let is_done = handed.is_none();
    let (end, member) = handed.or(processed)?;
    let who = if member == node { "it" } else { member }.to_owned();
    Some(Had { end, who, is_done })
}

fn counted_are(records: i64) -> String {
    let verb = if records == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(records as usize, "record"))
}
