//! R8: for a leader epoch of a partition at most one broker ever leads or appends with it.
//!
//! Looks at what was committed, at who says that it leads, and at whom a log was appended to as leader.
//! Does not look at a leader that nobody follows any more and that has not noticed: that is legal, and
//! its epoch is an older one.

use super::property::{Property, Violation};
use super::replica_key::{ReplicaKey, broker_id};
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, Fact, NO_LEADER, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

const NAME: &str = "a leader epoch has one leader";

#[derive(Debug, Default)]
pub(super) struct OneLeaderAnEpoch {
    /// Leader by partition (under broker 0) and epoch.
    leaders: BTreeMap<ReplicaKey, BTreeMap<i32, BrokerId>>,
    looked_at: u64,
}

impl Property for OneLeaderAnEpoch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Appended]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let (partition, leader, epoch) = claim(entry)?;
        self.looked_at += 1;
        let epochs = self
            .leaders
            .entry(ReplicaKey::new(0, partition))
            .or_default();
        let first = *epochs.entry(epoch).or_insert(leader);
        (first != leader).then(|| {
            let sentence = format!(
                "broker-{leader} leads {partition} in epoch {epoch}, which broker-{first} has led"
            );
            Violation::at(NAME, entry, sentence)
                .of(partition)
                .with([first, leader])
        })
    }

    fn figures(&self) -> String {
        let epochs: usize = self.leaders.values().map(BTreeMap::len).sum();
        format!(
            "{} about {}",
            counted(self.looked_at, "statement"),
            counted(epochs, "epoch")
        )
    }
}

/// Who leads what, and since which epoch, according to a fact.
fn claim(entry: &TraceEntry) -> Option<(&TopicPartition, BrokerId, i32)> {
    match &entry.fact {
        Fact::StateWritten {
            partition,
            leader,
            leader_epoch,
            ..
        } if *leader > NO_LEADER => Some((partition, *leader, *leader_epoch)),
        Fact::BecameLeader {
            partition,
            leader_epoch,
            ..
        }
        | Fact::Appended {
            partition,
            leader_epoch,
            as_leader: true,
            ..
        } => Some((partition, broker_id(&entry.node)?, *leader_epoch)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, appended, became_leader, state};

    #[test]
    fn r8_fires_when_two_brokers_lead_in_one_epoch() {
        let scene = Scene::new();
        let mut property = alone(OneLeaderAnEpoch::default());
        let fine = [
            scene.fact("broker-3", state("t-0", 1, 4, &[1, 2])),
            scene.fact("broker-1", became_leader("t-0", 4, 10, 8)),
            scene.fact("broker-1", appended("t-0", 10, 12, 4, true)),
            scene.fact("broker-2", became_leader("t-0", 5, 10, 8)),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let stolen = [scene.fact("broker-2", appended("t-0", 10, 10, 4, true))];
        let violation = property.after_event(&stolen, &scene).unwrap();
        assert_eq!(
            violation.sentence,
            "broker-2 leads t-0 in epoch 4, which broker-1 has led"
        );
    }
}
