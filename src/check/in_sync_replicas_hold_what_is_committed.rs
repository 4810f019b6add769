//! R6, R7 (LeaderCompleteness, CandidateCompleteness): whoever is in a partition's committed ISR has a log that
//! reaches as far as any leader's high watermark ever did, and so has whoever leads.
//!
//! Looks at each move of a leader's high watermark, at each member that joins the ISR, at each leader and each
//! cut of a log; at how far logs reach, not at what they hold (`logs_equal_below_high_watermark`). A leader that
//! the committed state has passed over moves nothing. What a power failure took from page caches, and what an
//! unclean election gave up, is committed no more: both begin anew with the next leader. A member that lost power and
//! is in the ISR still is not held against it until it has all again, or has left. A plan that says how many
//! acknowledged records are lost is not held against this.

use super::property::{Property, Violation};
use super::replica_key::{ReplicaKey, broker_id};
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, Fact, Routine, StateWriteReason, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "who is in the ISR has all that is committed";

#[derive(Debug, Default)]
pub(super) struct InSyncReplicasHoldWhatIsCommitted {
    /// Under broker 0.
    partitions: BTreeMap<ReplicaKey, Known>,
    looked_at: u64,
}

/// A partition as its committed state and its leader told.
#[derive(Debug, Default)]
struct Known {
    leader: BrokerId,
    leader_epoch: i32,
    isr: Vec<BrokerId>,
    /// The committed leader has heard that it leads.
    leads: bool,
    /// The highest that a leader's high watermark ever was.
    committed: i64,
    /// The next leader's log is what is committed, however short.
    begins_anew: bool,
    /// Members that lost power, and have not been seen with all of it since.
    may_lack: BTreeSet<BrokerId>,
}

impl Property for InSyncReplicasHoldWhatIsCommitted {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::HighWatermarkMoved]
    }

    fn after_fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) -> Option<Violation> {
        let (partition, lacks) = self.look_at(entry, view)?;
        let known = self.partitions.get(&ReplicaKey::new(0, partition))?;
        let sentence = format!(
            "broker-{lacks} is in the ISR {:?} of {partition}, of which all below offset {} is \
                 committed, and does not have it",
            known.isr, known.committed
        );
        let violation = Violation::at(NAME, entry, sentence).of(partition);
        Some(violation.with([lacks]))
    }

    fn figures(&self) -> String {
        format!(
            "{} at {}",
            counted(self.looked_at, "look"),
            counted(self.partitions.len(), "partition")
        )
    }
}

impl InSyncReplicasHoldWhatIsCommitted {
    /// Who lacks what is committed.
    fn look_at<'a>(
        &mut self,
        entry: &'a TraceEntry,
        view: &dyn ClusterView,
    ) -> Option<(&'a TopicPartition, BrokerId)> {
        match &entry.fact {
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            } => {
                let known = self.partitions.get_mut(&ReplicaKey::new(0, partition))?;
                if !known.leads || broker_id(&entry.node) != Some(known.leader) {
                    return None;
                }
                known.committed = known.committed.max(*high_watermark);
                known.forgive_no_longer(partition, view);
                self.looked_at += 1;
                let others = known.isr.iter().copied().filter(|id| *id != known.leader);
                let lacks = known.lacking(others, partition, view)?;
                Some((partition, lacks))
            }
            Fact::StateWritten {
                partition,
                leader,
                leader_epoch,
                isr,
                reason,
                ..
            } => {
                let known = self.known(partition);
                if *reason == StateWriteReason::UncleanElection {
                    known.begins_anew = true;
                }
                known.leads &= known.leader_epoch == *leader_epoch;
                (known.leader, known.leader_epoch) = (*leader, *leader_epoch);
                let before = std::mem::replace(&mut known.isr, isr.clone());
                known.may_lack.retain(|id| isr.contains(id));
                let joined = isr.iter().copied().filter(|id| !before.contains(id));
                let lacks = known.lacking(joined, partition, view)?;
                Some((partition, lacks))
            }
            Fact::BecameLeader {
                partition,
                leader_epoch,
                log_end_offset,
                high_watermark,
                isr,
            } => {
                let broker = broker_id(&entry.node)?;
                let known = self.known(partition);
                // Written by a controller that never heard so, and has read it since.
                if *leader_epoch > known.leader_epoch {
                    (known.leader, known.leader_epoch) = (broker, *leader_epoch);
                    known.isr.clone_from(isr);
                }
                if (known.leader, known.leader_epoch) != (broker, *leader_epoch) {
                    return None;
                }
                known.leads = true;
                let lost_some = known.may_lack.contains(&broker);
                if std::mem::take(&mut known.begins_anew) || lost_some {
                    known.committed = *high_watermark;
                }
                (*log_end_offset < known.committed).then_some((partition, broker))
            }
            Fact::Truncated { partition, to, .. } => {
                let broker = broker_id(&entry.node)?;
                let known = self.partitions.get(&ReplicaKey::new(0, partition))?;
                let is_held_to_it =
                    known.isr.contains(&broker) && !known.may_lack.contains(&broker);
                let lacks = is_held_to_it && known.counts() && *to < known.committed;
                lacks.then_some((partition, broker))
            }
            // What it had not synced may be gone, and it may be the only one that can lead.
            Fact::PowerFailed => {
                let broker = broker_id(&entry.node)?;
                let affected = self.partitions.values_mut();
                affected
                    .filter(|known| known.isr.contains(&broker))
                    .for_each(|known| {
                        known.begins_anew = true;
                        known.may_lack.insert(broker);
                    });
                None
            }
            _ => None,
        }
    }

    fn known(&mut self, partition: &TopicPartition) -> &mut Known {
        self.looked_at += 1;
        self.partitions
            .entry(ReplicaKey::new(0, partition))
            .or_default()
    }
}

impl Known {
    /// False from a loss until the next leader says what is left.
    fn counts(&self) -> bool {
        !self.begins_anew
    }

    /// The first of these, if any, that runs with too short a log.
    fn lacking(
        &self,
        mut brokers: impl Iterator<Item = BrokerId>,
        partition: &TopicPartition,
        view: &dyn ClusterView,
    ) -> Option<BrokerId> {
        if !self.counts() {
            return None;
        }
        brokers.find(|id| !self.may_lack.contains(id) && self.is_short(*id, partition, view))
    }

    fn is_short(&self, id: BrokerId, partition: &TopicPartition, view: &dyn ClusterView) -> bool {
        let replica = view.replica_offsets(id, partition);
        replica.is_some_and(|replica| replica.log_end_offset < self.committed)
    }

    /// Who lost power and has all that is committed is held to it from now on.
    fn forgive_no_longer(&mut self, partition: &TopicPartition, view: &dyn ClusterView) {
        let forgiven = std::mem::take(&mut self.may_lack).into_iter();
        let has_all = |id: &BrokerId| {
            view.replica_offsets(*id, partition).is_some() && !self.is_short(*id, partition, view)
        };
        self.may_lack = forgiven.filter(|id| !has_all(id)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, state, tp};

    /// Broker 1 leads t-0 in epoch 4, and all below 5 is committed.
    fn committed(scene: &mut Scene) -> [TraceEntry; 3] {
        for (broker, end) in [(1, 7), (2, 5), (3, 4)] {
            scene.replica_mut(broker, "t-0").log_end_offset = end;
        }
        let leads = Fact::BecameLeader {
            partition: tp("t-0"),
            leader_epoch: 4,
            log_end_offset: 7,
            high_watermark: 3,
            isr: vec![1, 2],
        };
        let moved = Fact::HighWatermarkMoved {
            partition: tp("t-0"),
            high_watermark: 5,
            as_leader: true,
        };
        [
            scene.fact("broker-9", state("t-0", 1, 4, &[1, 2])),
            scene.fact("broker-1", leads),
            scene.fact("broker-1", moved),
        ]
    }

    #[test]
    fn r7_fires_when_a_member_joins_without_what_is_committed() {
        let mut scene = Scene::new();
        let facts = committed(&mut scene);
        let mut property = alone(InSyncReplicasHoldWhatIsCommitted::default());
        assert_eq!(property.after_event(&facts, &scene), None);
        let joins = [scene.fact("broker-9", state("t-0", 1, 4, &[1, 2, 3]))];
        assert_eq!(
            property.after_event(&joins, &scene).unwrap().sentence,
            "broker-3 is in the ISR [1, 2, 3] of t-0, of which all below offset 5 is committed, and does not \
             have it"
        );
    }

    #[test]
    fn r7_fires_when_the_high_watermark_passes_a_member_or_a_member_cuts_its_log() {
        let mut scene = Scene::new();
        let facts = committed(&mut scene);
        let mut property = alone(InSyncReplicasHoldWhatIsCommitted::default());
        assert_eq!(property.after_event(&facts, &scene), None);
        let cut = Fact::Truncated {
            partition: tp("t-0"),
            from: 5,
            to: 4,
            leader: 1,
        };
        assert!(
            property
                .after_event(&[scene.fact("broker-2", cut)], &scene)
                .is_some()
        );
        scene.replica_mut(2, "t-0").log_end_offset = 4;
        assert!(property.after_event(&facts[2..], &scene).is_some());
    }

    #[test]
    fn r7_knows_the_isr_that_a_controller_wrote_without_hearing_so() {
        let mut scene = Scene::new();
        let facts = committed(&mut scene);
        let mut property = alone(InSyncReplicasHoldWhatIsCommitted::default());
        assert_eq!(property.after_event(&facts, &scene), None);
        let leads = Fact::BecameLeader {
            partition: tp("t-0"),
            leader_epoch: 5,
            log_end_offset: 7,
            high_watermark: 5,
            isr: vec![1],
        };
        let moved = Fact::HighWatermarkMoved {
            partition: tp("t-0"),
            high_watermark: 7,
            as_leader: true,
        };
        let alone = [leads, moved].map(|fact| scene.fact("broker-1", fact));
        assert_eq!(property.after_event(&alone, &scene), None);
    }

    /// Broker 2 loses power and comes back, in the ISR all the while, with less; then it leads.
    #[test]
    fn r7_holds_nothing_against_a_member_that_lost_power_until_it_has_all_again() {
        let leads = |epoch, log_end_offset, high_watermark, isr: &[BrokerId]| Fact::BecameLeader {
            partition: tp("t-0"),
            leader_epoch: epoch,
            log_end_offset,
            high_watermark,
            isr: isr.to_vec(),
        };
        let moved = Fact::HighWatermarkMoved {
            partition: tp("t-0"),
            high_watermark: 6,
            as_leader: true,
        };
        for catches_up in [false, true] {
            let mut scene = Scene::new();
            let facts = committed(&mut scene);
            let mut property = alone(InSyncReplicasHoldWhatIsCommitted::default());
            assert_eq!(property.after_event(&facts, &scene), None);
            scene.replica_mut(2, "t-0").log_end_offset = 4;
            let goes_on = [
                scene.fact("broker-2", Fact::PowerFailed),
                scene.fact("broker-9", state("t-0", 1, 5, &[1, 2])),
                scene.fact("broker-1", leads(5, 7, 5, &[1, 2])),
            ];
            assert_eq!(property.after_event(&goes_on, &scene), None);
            if catches_up {
                scene.replica_mut(2, "t-0").log_end_offset = 7;
                let moved = [scene.fact("broker-1", moved.clone())];
                assert_eq!(property.after_event(&moved, &scene), None);
            }
            let second = [
                scene.fact("broker-9", state("t-0", 2, 6, &[2])),
                scene.fact("broker-2", leads(6, 4, 4, &[2])),
            ];
            let found = property.after_event(&second, &scene);
            assert_eq!(found.is_some(), catches_up, "{found:?}");
        }
    }
}
