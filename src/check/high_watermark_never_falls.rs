//! R10: a leader's high watermark never falls while it leads in one epoch.
//!
//! Looks at what leaders state, and holds the view to it: a high watermark below what was stated fell
//! without a word. A follower's may fall (HW5), and so may that of a broker that starts anew.

use super::property::{Property, Violation};
use super::replica_key::{ReplicaKey, broker_id};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

const NAME: &str = "a leader's high watermark never falls";

#[derive(Debug, Default)]
pub(super) struct HighWatermarkNeverFalls {
    /// Epoch and high watermark of who leads.
    leaders: BTreeMap<ReplicaKey, (i32, i64)>,
    looked_at: u64,
}

impl Property for HighWatermarkNeverFalls {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::HighWatermarkMoved]
    }

    fn after_fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) -> Option<Violation> {
        let key = |partition| Some(ReplicaKey::new(broker_id(&entry.node)?, partition));
        match &entry.fact {
            // However the process before has ended.
            Fact::Started => {
                let broker = broker_id(&entry.node)?;
                self.leaders.retain(|key, _| key.broker() != broker);
                None
            }
            Fact::BecameFollower { partition, .. } | Fact::ReplicaStopped { partition, .. } => {
                self.leaders.remove(&key(partition)?);
                None
            }
            Fact::BecameLeader {
                partition,
                leader_epoch,
                high_watermark,
                ..
            } => {
                let now = (*leader_epoch, *high_watermark);
                let before = self.leaders.insert(key(partition)?, now);
                let before = before.filter(|(epoch, _)| epoch == leader_epoch);
                fell(entry, partition, before?.1, *high_watermark)
            }
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            } => {
                self.looked_at += 1;
                let key = key(partition)?;
                let (_, known) = self.leaders.get_mut(&key)?;
                let before = std::mem::replace(known, *high_watermark);
                let seen = view
                    .replica_offsets(key.broker(), partition)
                    .filter(|r| r.is_leader);
                let now = seen.map_or(*high_watermark, |r| r.high_watermark);
                fell(entry, partition, before, *high_watermark)
                    .or_else(|| fell(entry, partition, *high_watermark, now))
            }
            _ => None,
        }
    }

    fn figures(&self) -> String {
        format!("{} of leaders", counted(self.looked_at, "move"))
    }
}

fn fell(entry: &TraceEntry, partition: &TopicPartition, from: i64, to: i64) -> Option<Violation> {
    (to < from).then(|| {
        let node = &entry.node;
        let sentence =
            format!("{node} leads {partition}; its high watermark fell from {from} to {to}");
        Violation::at(NAME, entry, sentence).of(partition)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, became_leader, high_watermark};

    #[test]
    fn r10_fires_when_a_leaders_high_watermark_falls() {
        let scene = Scene::new();
        let mut property = alone(HighWatermarkNeverFalls::default());
        let fine = [
            scene.fact("broker-1", became_leader("t-0", 1, 9, 7)),
            scene.fact("broker-1", high_watermark("t-0", 9, true)),
            scene.fact("broker-2", high_watermark("t-0", 3, false)),
            scene.fact("broker-2", high_watermark("t-0", 2, false)),
            scene.fact("broker-1", Fact::Started),
            scene.fact("broker-1", became_leader("t-0", 2, 9, 5)),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let fall = [scene.fact("broker-1", high_watermark("t-0", 4, true))];
        assert_eq!(
            property.after_event(&fall, &scene).unwrap().sentence,
            "broker-1 leads t-0; its high watermark fell from 5 to 4"
        );
    }

    #[test]
    fn r10_fires_when_the_view_has_fallen_without_a_word() {
        let mut scene = Scene::new();
        let mut property = alone(HighWatermarkNeverFalls::default());
        let facts = [
            scene.fact("broker-1", became_leader("t-0", 1, 9, 7)),
            scene.fact("broker-1", high_watermark("t-0", 9, true)),
        ];
        scene.replica_mut(1, "t-0").is_leader = true;
        scene.replica_mut(1, "t-0").high_watermark = 8;
        assert!(property.after_event(&facts, &scene).is_some());
    }
}
