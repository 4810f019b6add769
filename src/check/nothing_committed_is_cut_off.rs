//! R4, as a follower sees it (KAFKA-14704): no replica cuts its log below what it holds for committed.
//!
//! Looks at each cut, at the high watermark with which the replica began to follow, and at what the same event
//! made of that. A log that holds nothing loses nothing: it goes back where its leader's log begins in the middle of a
//! batch, which it gets whole. After an unclean election, and where page caches were lost, leaders may have less than their
//! followers know to be committed: nothing is said from then on.

use super::property::{Property, Violation};
use super::replica_key::{ReplicaKey, broker_id};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, Routine, StateWriteReason, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

const NAME: &str = "no replica cuts off what it holds for committed";

#[derive(Debug, Default)]
pub(super) struct NothingCommittedIsCutOff {
    /// Where each replica's high watermark stood when it began to follow.
    followers: BTreeMap<ReplicaKey, i64>,
    /// Where a replica's log begins, once it has moved.
    starts: BTreeMap<ReplicaKey, i64>,
    /// Something committed was given up.
    excused: bool,
    cuts: u64,
}

impl Property for NothingCommittedIsCutOff {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::PowerFailed
            | Fact::StateWritten {
                reason: StateWriteReason::UncleanElection,
                ..
            } => {
                self.excused = true;
                None
            }
            Fact::Started => {
                let broker = broker_id(&entry.node)?;
                self.followers.retain(|key, _| key.broker() != broker);
                self.starts.retain(|key, _| key.broker() != broker);
                None
            }
            Fact::BecameFollower {
                partition,
                high_watermark,
                ..
            } => {
                let key = ReplicaKey::new(broker_id(&entry.node)?, partition);
                self.followers.insert(key, *high_watermark);
                None
            }
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: false,
            } => {
                let key = ReplicaKey::new(broker_id(&entry.node)?, partition);
                self.followers.insert(key, *high_watermark);
                None
            }
            Fact::LogStartMoved {
                partition,
                log_start_offset,
                ..
            } => {
                let key = ReplicaKey::new(broker_id(&entry.node)?, partition);
                self.starts.insert(key, *log_start_offset);
                None
            }
            Fact::Truncated {
                partition,
                from,
                to,
                ..
            } => {
                self.cuts += 1;
                let key = ReplicaKey::new(broker_id(&entry.node)?, partition);
                let committed = *self.followers.get(&key)?;
                if self.starts.get(&key).is_some_and(|start| from <= start) {
                    return None;
                }
                (to < from && *to < committed && !self.excused).then(|| {
                    let sentence = format!(
                        "{} cut {partition} from {from} to {to}, and held all below {committed} for committed",
                        entry.node
                    );
                    Violation::at(NAME, entry, sentence).of(partition)
                })
            }
            _ => None,
        }
    }

    fn figures(&self) -> String {
        counted(self.cuts, "cut")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, tp};

    #[test]
    fn r4_fires_where_a_follower_cuts_below_its_high_watermark() {
        let scene = Scene::new();
        let follows = Fact::BecameFollower {
            partition: tp("t-0"),
            leader: 2,
            leader_epoch: 1,
            log_end_offset: 9,
            high_watermark: 5,
        };
        let cut = |to| Fact::Truncated {
            partition: tp("t-0"),
            from: 9,
            to,
            leader: 2,
        };
        let mut property = alone(NothingCommittedIsCutOff::default());
        let fine = [
            scene.fact("broker-1", follows),
            scene.fact("broker-1", cut(5)),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let bad = [scene.fact("broker-1", cut(4))];
        assert!(property.after_event(&bad, &scene).is_some());
        // What was lost with the power may be missing everywhere.
        let dark = [
            scene.fact("broker-2", Fact::PowerFailed),
            scene.fact("broker-1", cut(4)),
        ];
        assert_eq!(property.after_event(&dark, &scene), None);
    }

    /// Its leader's log begins within a batch, which is copied whole.
    #[test]
    fn r4_an_empty_log_that_goes_back_to_the_begin_of_a_batch_loses_nothing() {
        let scene = Scene::new();
        let partition = tp("t-0");
        let high_watermark = Fact::HighWatermarkMoved {
            partition: partition.clone(),
            high_watermark: 18,
            as_leader: false,
        };
        let start = Fact::LogStartMoved {
            partition: partition.clone(),
            log_start_offset: 18,
            reason: crate::protocol::LogStartReason::Emptied,
        };
        let cut = |from| Fact::Truncated {
            partition: partition.clone(),
            from,
            to: 17,
            leader: 3,
        };
        let fires = |from| {
            let facts = [high_watermark.clone(), start.clone(), cut(from)];
            let facts = facts.map(|fact| scene.fact("broker-1", fact));
            alone(NothingCommittedIsCutOff::default())
                .after_event(&facts, &scene)
                .is_some()
        };
        assert!(!fires(18));
        assert!(fires(19), "it had one record");
    }
}
