//! R4, as a follower sees it (KAFKA-14704): no replica cuts its log below what it holds for committed.
//!
//! Looks at each cut, at the high watermark with which the replica began to follow, and at what the same event
//! made of that. After an unclean election, and where page caches were lost, leaders may have less than their
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
            Fact::Truncated {
                partition,
                from,
                to,
                ..
            } => {
                self.cuts += 1;
                let key = ReplicaKey::new(broker_id(&entry.node)?, partition);
                let committed = *self.followers.get(&key)?;
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
}
