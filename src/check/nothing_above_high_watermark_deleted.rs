//! S-4: retention never deletes what is not committed yet: the log start never passes the high watermark.
//!
//! Looks at every statement of a deletion, and at the high watermark of that replica after it, which a
//! deletion does not move.

use super::property::{Property, Violation};
use super::replica_key::broker_id;
use crate::node::view::ClusterView;
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;

const NAME: &str = "nothing above the high watermark is deleted";

#[derive(Debug, Default)]
pub(super) struct NothingAboveHighWatermarkDeleted {
    looked_at: u64,
}

impl Property for NothingAboveHighWatermarkDeleted {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) -> Option<Violation> {
        let (Fact::SegmentsDeleted {
            partition,
            log_start_offset,
            ..
        }
        | Fact::LogStartMoved {
            partition,
            log_start_offset,
            ..
        }) = &entry.fact
        else {
            return None;
        };
        let replica = view.replica_offsets(broker_id(&entry.node)?, partition)?;
        self.looked_at += 1;
        let start = replica.log_start_offset.max(*log_start_offset);
        (start > replica.high_watermark).then(|| {
            let sentence = format!(
                "{} deleted {partition} up to {start}, its high watermark is {}",
                entry.node, replica.high_watermark
            );
            Violation::at(NAME, entry, sentence).of(partition)
        })
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "deletion")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, deleted};

    #[test]
    fn s4_fires_when_the_log_start_passes_the_high_watermark() {
        let mut scene = Scene::new();
        let mut property = alone(NothingAboveHighWatermarkDeleted::default());
        scene.replica_mut(1, "t-0").high_watermark = 5;
        let told = [scene.fact("broker-1", deleted("t-0", 5))];
        assert_eq!(property.after_event(&told, &scene), None);
        let told = [scene.fact("broker-1", deleted("t-0", 6))];
        assert_eq!(
            property.after_event(&told, &scene).unwrap().sentence,
            "broker-1 deleted t-0 up to 6, its high watermark is 5"
        );
    }
}
