//! Which kinds a run is about, where nobody names one: three to five, by what has happened in it, in the order in which
//! they are best read.

use super::{Kind, Recording};
use crate::protocol::{Fact, GroupFact, MessageFact, StateWriteReason, is_internal_topic};
use crate::trace::TraceEntry;
use std::collections::BTreeSet;
use std::rc::Rc;

/// So many at most.
const MOST: usize = 5;

/// What of a run says that a kind has something to show.
#[derive(Default)]
struct Seen {
    leaders_change: bool,
    isr_changes: bool,
    processes_end: bool,
    sessions_matter: bool,
    is_disturbed: bool,
    logs_are_cut: bool,
    groups_rebalance: u32,
    #[cfg(feature = "charts")]
    commits: bool,
    readers: BTreeSet<Rc<str>>,
    serializers: BTreeSet<Rc<str>>,
}

/// The kinds, most telling first.
pub fn chosen(recording: &Recording) -> Vec<Kind> {
    let mut seen = Seen::default();
    for entry in &recording.facts {
        seen.learn(entry);
    }
    let is_calm = !seen.is_disturbed && !seen.sessions_matter && seen.groups_rebalance == 0;
    let is_simple = is_calm && seen.serializers.is_empty();
    let fitting = [
        (is_simple && recording.has_trucks(), Kind::Map),
        (seen.leaders_change && seen.processes_end, Kind::Outage),
        (seen.leaders_change || seen.isr_changes, Kind::Leadership),
        (seen.sessions_matter, Kind::Znodes),
        (seen.serializers.len() > 3, Kind::Message),
        (seen.readers.len() > 4, Kind::Links),
        (true, Kind::Messages),
        (seen.logs_are_cut, Kind::Logs),
        (seen.groups_rebalance > 1, Kind::Rebalance),
        #[cfg(feature = "charts")]
        (seen.commits, Kind::Lag),
        (true, Kind::Logs),
        #[cfg(feature = "charts")]
        (true, Kind::Latency),
        #[cfg(feature = "charts")]
        (true, Kind::Throughput),
    ];
    let mut kinds: Vec<Kind> = Vec::new();
    for (_, kind) in fitting.into_iter().filter(|(fits, _)| *fits) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.truncate(MOST);
    kinds
}

impl Seen {
    fn learn(&mut self, entry: &TraceEntry) {
        let is_zookeeper = || entry.node.starts_with("zookeeper-");
        match &entry.fact {
            // An ensemble leads where ZooKeeper is what a run is about.
            Fact::ZooKeeperLeads { .. } | Fact::ZooKeeperSessionLost { .. } | Fact::Shell(_) => {
                self.sessions_matter = true;
            }
            Fact::TimelineEvent { .. } => self.is_disturbed = true,
            Fact::Crashed | Fact::PowerFailed | Fact::Paused if is_zookeeper() => {
                (self.sessions_matter, self.processes_end) = (true, true);
            }
            Fact::Consumed { .. } if !self.readers.contains(&entry.node) => {
                self.readers.insert(entry.node.clone());
            }
            Fact::Message(MessageFact::Serialized { value, .. })
                if !self.serializers.contains(&value.by) =>
            {
                self.serializers.insert(value.by.clone());
            }
            Fact::StateWritten {
                partition, reason, ..
            } if !is_internal_topic(&partition.topic) => match reason {
                StateWriteReason::NewPartition => {}
                StateWriteReason::AlterPartition | StateWriteReason::ReplicaOffline => {
                    self.isr_changes = true;
                }
                _ => self.leaders_change = true,
            },
            Fact::Crashed | Fact::PowerFailed | Fact::Paused | Fact::LinkFault { .. } => {
                self.processes_end = true;
            }
            Fact::Truncated { .. } => self.logs_are_cut = true,
            Fact::Group(GroupFact::PartitionsAssigned { generation, .. }) => {
                self.groups_rebalance = self.groups_rebalance.max((*generation).unsigned_abs());
            }
            #[cfg(feature = "charts")]
            Fact::Group(GroupFact::OffsetCommitted { .. }) => self.commits = true,
            _ => {}
        }
    }
}
