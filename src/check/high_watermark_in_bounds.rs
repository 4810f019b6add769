//! R1: on every replica, log start offset <= high watermark <= log end offset.
//!
//! Looks at the view of each replica that an event touched. The last stable offset joins the chain when
//! transactions are modelled.

use super::property::{Property, Violation};
use super::replica_key::broker_id;
use crate::node::view::ClusterView;
use crate::protocol::{Fact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;

const NAME: &str = "the high watermark lies between the log's start and its end";

#[derive(Debug, Default)]
pub(super) struct HighWatermarkInBounds {
    looked_at: u64,
}

impl Property for HighWatermarkInBounds {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Appended, Routine::HighWatermarkMoved]
    }

    fn after_event(&mut self, facts: &[TraceEntry], view: &dyn ClusterView) -> Option<Violation> {
        let mut before = None;
        facts.iter().find_map(|entry| {
            let partition = touched(&entry.fact)?;
            // The view is that after the event: one look at a replica is enough.
            if before.replace((&entry.node, partition)) == Some((&entry.node, partition)) {
                return None;
            }
            let replica = view.replica_offsets(broker_id(&entry.node)?, partition)?;
            self.looked_at += 1;
            let (start, end) = (replica.log_start_offset, replica.log_end_offset);
            let inside = start <= replica.high_watermark && replica.high_watermark <= end;
            (!inside).then(|| {
                let sentence = format!(
                    "{}: the high watermark of {partition} is {}, its log holds {start} to {end}",
                    entry.node, replica.high_watermark
                );
                Violation::at(NAME, entry, sentence).of(partition)
            })
        })
    }

    fn figures(&self) -> String {
        format!("{} at replicas", counted(self.looked_at, "look"))
    }
}

/// The replica of the stating broker whose offsets may have moved.
fn touched(fact: &Fact) -> Option<&TopicPartition> {
    match fact {
        Fact::HighWatermarkMoved { partition, .. }
        | Fact::Truncated { partition, .. }
        | Fact::BecameLeader { partition, .. }
        | Fact::BecameFollower { partition, .. }
        | Fact::Appended { partition, .. } => Some(partition),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, appended, high_watermark};

    #[test]
    fn r1_fires_above_the_end_and_below_the_start() {
        let mut scene = Scene::new();
        let mut property = alone(HighWatermarkInBounds::default());
        let facts = [scene.fact("broker-1", appended("t-0", 4, 4, 0, true))];
        scene.replica_mut(1, "t-0").log_end_offset = 5;
        scene.replica_mut(1, "t-0").high_watermark = 5;
        assert_eq!(property.after_event(&facts, &scene), None);
        scene.replica_mut(1, "t-0").high_watermark = 6;
        let violation = property.after_event(&facts, &scene).unwrap();
        assert_eq!(
            violation.sentence,
            "broker-1: the high watermark of t-0 is 6, its log holds 0 to 5"
        );
        scene.replica_mut(1, "t-0").high_watermark = 2;
        scene.replica_mut(1, "t-0").log_start_offset = 3;
        let facts = [scene.fact("broker-1", high_watermark("t-0", 2, true))];
        assert!(property.after_event(&facts, &scene).is_some());
    }
}
