//! Records that come and go, counted instead of told: the transcript shows the counts before what changes
//! the course of things.

use super::TraceEntry;
use super::by_node::ByNode;
use super::transcript::write_line;
use crate::kernel::{Duration, Time};
use crate::protocol::Fact;
use std::collections::BTreeMap;

/// Counts are not shown more often than this.
const BETWEEN_COUNTS: Duration = Duration::from_secs(5);

/// Records acknowledged, sent without that (acks=0), sent again, given up and read so far, by group of
/// clients.
#[derive(Debug, Default)]
pub(super) struct Counts {
    acknowledged: ByNode<u64>,
    sent: ByNode<u64>,
    given_up: ByNode<u64>,
    again: ByNode<u64>,
    read: ByNode<u64>,
    last_shown: Option<Time>,
    changed: bool,
}

impl Counts {
    pub(super) fn count(&mut self, entry: &TraceEntry) {
        let counts = match entry.fact {
            Fact::Acked { offset: -1, .. } => &mut self.sent,
            Fact::Acked { .. } => &mut self.acknowledged,
            Fact::Failed { .. } => &mut self.given_up,
            Fact::Retrying { .. } => &mut self.again,
            Fact::Consumed { .. } => &mut self.read,
            _ => return,
        };
        // By node, so that the common case allocates nothing; grouped when shown.
        *counts.of(&entry.node) += 1;
        self.changed = true;
    }

    /// The line that is due before one that changes the course of things.
    pub(super) fn line_before(&mut self, time: Time) -> Option<String> {
        let shown = self.last_shown;
        match shown.is_some_and(|shown| time.since(shown) < BETWEEN_COUNTS) {
            true => None,
            false => self.line(time),
        }
    }

    pub(super) fn line(&mut self, time: Time) -> Option<String> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        self.last_shown = Some(time);
        let mut parts = Vec::new();
        for (counts, words) in [
            (&self.acknowledged, ": records acknowledged"),
            (&self.sent, ": records sent with acks=0"),
            (&self.again, ": records sent again"),
            (&self.given_up, ": records given up"),
            (&self.read, " has read"),
        ] {
            for (group, count) in grouped(counts) {
                parts.push(format!("{group}{words} {count}"));
            }
        }
        let text = format!("so far {}", parts.join("; "));
        Some(write_line(time, "clients", &text))
    }
}

/// Sums over `trucks-1`, `trucks-2` and so on under `trucks`.
fn grouped(counts: &ByNode<u64>) -> BTreeMap<&str, u64> {
    let mut groups = BTreeMap::new();
    for (node, count) in counts.iter() {
        let group = match node.rsplit_once('-') {
            Some((group, number)) if number.bytes().all(|b| b.is_ascii_digit()) => group,
            _ => node,
        };
        *groups.entry(group).or_insert(0) += count;
    }
    groups
}
