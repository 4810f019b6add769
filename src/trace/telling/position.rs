//! Where a consumer reads on, and what that means for its group: what is read twice, what is skipped, and that nothing
//! lies there yet.
//!
//! An application works off what `poll` has given it, so that is not skipped while its process lives. What lies in
//! no log cannot be skipped either.

use crate::protocol::{TopicPartition, counted};
use crate::trace::story::Story;

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
    if let Some((end, had)) = had_by_group(node, partition, story) {
        if offset < end {
            let twice = counted_are(end - offset);
            words.push(format!("{had} all up to {}: {twice} read twice", end - 1));
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

/// Behind the last record that the group has, and how it has it: which member was given it, or was done with it.
fn had_by_group(node: &str, partition: &TopicPartition, story: &Story) -> Option<(i64, String)> {
    let processed = story.processed_by_group(node, partition);
    let handed = story.handed_to_group(node, partition);
    let handed = handed.filter(|(end, _)| processed.is_none_or(|(done, _)| done < *end));
    let ((end, member), how) = match handed {
        Some(handed) => (handed, "was given"),
        None => (processed?, "had processed"),
    };
    let who = if member == node { "it" } else { member };
    Some((end, format!("{who} {how}")))
}

fn counted_are(records: i64) -> String {
    let verb = if records == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(records as usize, "record"))
}
