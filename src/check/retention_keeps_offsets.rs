//! S-3: deleting old records changes neither the offsets nor the order of those that stay, nor the end of
//! the log.
//!
//! Looks at a replica's files each time when its broker says that it has deleted segments: they must hold
//! rising offsets, begin where the broker says that its log starts, and end where it says that its log
//! ends. Compaction is not modelled; it would have to keep to the same.

use super::property::{Property, Violation, broker_id};
use super::stored_log::StoredLog;
use crate::node::view::ClusterView;
use crate::protocol::Fact;
use crate::trace::TraceEntry;

const NAME: &str = "deleting old records changes no offset";

#[derive(Debug, Default)]
pub(super) struct RetentionKeepsOffsets {
    looked_at: u64,
}

impl Property for RetentionKeepsOffsets {
    fn name(&self) -> &'static str {
        NAME
    }

    fn after_event(&mut self, facts: &[TraceEntry], view: &dyn ClusterView) -> Option<Violation> {
        facts.iter().find_map(|entry| {
            let Fact::SegmentsDeleted { partition, .. } = &entry.fact else {
                return None;
            };
            let broker = broker_id(&entry.node)?;
            let replica = view.replica_offsets(broker, partition)?;
            let files = view.log_files(broker, partition);
            self.looked_at += 1;
            let base = |name: &String| name.strip_suffix(".log")?.parse::<i64>().ok();
            let first = files.first().and_then(|(name, _)| base(name));
            let last = files.last().and_then(|(name, _)| base(name));
            let log = StoredLog::read(&files);
            // The last segment is empty and says the end by its name, or the last batch says it.
            let end = log.end_offset().max(last);
            let rising = |pair: &[(i64, i64, i32)]| pair[0].1 < pair[1].0;
            let wrong = if first.is_none_or(|first| first > replica.log_start_offset) {
                format!(
                    "its files begin at {first:?}, its log starts at {}",
                    replica.log_start_offset
                )
            } else if end != Some(replica.log_end_offset) {
                format!(
                    "its files end at {end:?}, its log at {}",
                    replica.log_end_offset
                )
            } else if !log.batches.windows(2).all(rising) {
                "its offsets do not rise".to_owned()
            } else {
                return None;
            };
            let sentence = format!(
                "{} after deleting segments of {partition}: {wrong}",
                entry.node
            );
            Some(Violation::at(NAME, entry, sentence).of(partition))
        })
    }

    fn figures(&self) -> String {
        format!("{} deletions", self.looked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, batch, deleted};

    #[test]
    fn s3_fires_when_the_files_and_the_log_disagree() {
        let mut scene = Scene::new();
        let mut property = RetentionKeepsOffsets::default();
        let told = [scene.fact("broker-1", deleted("t-0", 0))];
        scene.store(1, "t-0", batch(0, 1, &["a", "b"]));
        scene.replica_mut(1, "t-0").log_end_offset = 2;
        assert_eq!(property.after_event(&told, &scene), None);
        assert_eq!(property.figures(), "1 deletions");
        scene.replica_mut(1, "t-0").log_end_offset = 3;
        let fired = property.after_event(&told, &scene).unwrap();
        assert_eq!(
            fired.sentence,
            "broker-1 after deleting segments of t-0: its files end at Some(2), its log at 3"
        );
        scene.replica_mut(1, "t-0").log_end_offset = 2;
        let again = [batch(0, 1, &["a", "b"]), batch(0, 1, &["a", "b"])].concat();
        scene.store(1, "t-0", again);
        let fired = property.after_event(&told, &scene).unwrap();
        assert!(fired.sentence.ends_with("its offsets do not rise"));
    }
}
