//! S-3: deleting old records changes neither the offsets nor the order of those that stay, nor the end of
//! the log; and no offset is given away again (L1).
//!
//! Follows what every broker says of the ends of its logs: an append must begin behind all that was there,
//! unless the log was cut (`Truncated`) or the broker has started anew since. Looks at a replica's files each
//! time when its broker says that it has deleted segments: they must hold rising offsets, begin where the
//! broker says that its log starts, end where it ended before, and hold at every offset what they held there
//! when they were looked at last. Compaction is not modelled; it would have to keep to the same.

use super::property::{Property, Violation};
use super::replica_key::{ReplicaKey, broker_id};
use super::stored_log::{StoredBatch, StoredLog};
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, Fact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

const NAME: &str = "deleting old records changes no offset";

#[derive(Debug, Default)]
pub(super) struct RetentionKeepsOffsets {
    replicas: BTreeMap<ReplicaKey, Known>,
    looked_at: u64,
}

/// What is known of a replica of a broker since its start.
#[derive(Debug, Default)]
struct Known {
    /// Where its log ends.
    end: i64,
    /// What its files held when they were looked at last.
    held: StoredLog,
    /// Nothing was cut below this offset since.
    uncut_below: i64,
}

impl Property for RetentionKeepsOffsets {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Appended]
    }

    fn after_event(&mut self, facts: &[TraceEntry], view: &dyn ClusterView) -> Option<Violation> {
        let mut found = None;
        for entry in facts {
            let Some(broker) = broker_id(&entry.node) else {
                continue;
            };
            if let Some((partition, wrong)) = self.learn(broker, &entry.fact) {
                let sentence = format!("{} {wrong}", entry.node);
                found.get_or_insert(Violation::at(NAME, entry, sentence).of(partition));
            }
        }
        // The view shows what is after the whole event.
        for entry in facts {
            if let Fact::SegmentsDeleted { partition, .. } = &entry.fact
                && let Some(broker) = broker_id(&entry.node)
                && let Some(wrong) = self.look(broker, partition, view)
            {
                let sentence = format!(
                    "{} after deleting segments of {partition}: {wrong}",
                    entry.node
                );
                found.get_or_insert(Violation::at(NAME, entry, sentence).of(partition));
            }
        }
        found
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "deletion")
    }
}

impl RetentionKeepsOffsets {
    /// Follows where logs end; answers what is wrong with an append.
    fn learn<'f>(
        &mut self,
        broker: BrokerId,
        fact: &'f Fact,
    ) -> Option<(&'f TopicPartition, String)> {
        let key = |partition: &TopicPartition| ReplicaKey::new(broker, partition);
        match fact {
            Fact::Started => self.replicas.retain(|key, _| key.broker() != broker),
            Fact::ReplicaStopped {
                partition,
                deleted: true,
            } => {
                self.replicas.remove(&key(partition));
            }
            Fact::Truncated { partition, to, .. } => {
                if let Some(known) = self.replicas.get_mut(&key(partition)) {
                    known.end = *to;
                    known.uncut_below = known.uncut_below.min(*to);
                }
            }
            Fact::Appended {
                partition,
                base_offset,
                last_offset,
                ..
            } => {
                let known = self.replicas.entry(key(partition)).or_default();
                let end = std::mem::replace(&mut known.end, last_offset + 1);
                if *base_offset < end {
                    let wrong = format!(
                        "gave offset {base_offset} of {partition} away again: its log had ended at {end}"
                    );
                    return Some((partition, wrong));
                }
            }
            _ => {}
        }
        None
    }

    /// What is wrong with a replica's files after segments were deleted.
    fn look(
        &mut self,
        broker: BrokerId,
        partition: &TopicPartition,
        view: &dyn ClusterView,
    ) -> Option<String> {
        let replica = view.replica_offsets(broker, partition)?;
        let (start, end) = (replica.log_start_offset, replica.log_end_offset);
        let files = view.log_files(broker, partition);
        self.looked_at += 1;
        let base = |name: &String| name.strip_suffix(".log")?.parse::<i64>().ok();
        let first = files.first().and_then(|(name, _)| base(name));
        let last = files.last().and_then(|(name, _)| base(name));
        let log = StoredLog::read(&files);
        // The last segment is empty and says the end by its name, or the last batch says it.
        let files_end = log.end_offset().max(last);
        let rising = |pair: &[StoredBatch]| pair[0].last_offset() < pair[1].base_offset;
        let rises = log.batches.windows(2).all(rising);
        let damaged = log.damage.is_some();

        let known = self
            .replicas
            .entry(ReplicaKey::new(broker, partition))
            .or_default();
        let told = std::mem::replace(&mut known.end, end);
        let held = std::mem::replace(&mut known.held, log);
        let uncut_below = std::mem::replace(&mut known.uncut_below, end);
        let log = &known.held;
        let changed = held
            .records
            .iter()
            .filter(|record| (start..uncut_below).contains(&record.offset))
            .find(|record| !damaged && rises && log.at(record.offset) != Some(record));
        if first.is_none_or(|first| first > start) {
            Some(format!(
                "its files begin at {first:?}, its log starts at {start}"
            ))
        } else if files_end != Some(end) && !damaged {
            Some(format!("its files end at {files_end:?}, its log at {end}"))
        } else if end < told {
            Some(format!("its log ends at {end}, it had ended at {told}"))
        } else if !rises {
            Some("its offsets do not rise".to_owned())
        } else {
            changed.map(|record| format!("offset {} does not hold what it held", record.offset))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, appended, batch, deleted, tp};

    #[test]
    fn s3_fires_when_the_files_and_the_log_disagree() {
        let mut scene = Scene::new();
        let mut property = alone(RetentionKeepsOffsets::default());
        let told = [scene.fact("broker-1", deleted("t-0", 0))];
        scene.store(1, "t-0", batch(0, 1, &["a", "b"]));
        scene.replica_mut(1, "t-0").log_end_offset = 2;
        assert_eq!(property.after_event(&told, &scene), None);
        assert_eq!(property.figures(), "1 deletion");
        scene.replica_mut(1, "t-0").log_end_offset = 3;
        let fired = property.after_event(&told, &scene).unwrap();
        assert_eq!(
            fired.sentence,
            "broker-1 after deleting segments of t-0: its files end at Some(2), its log at 3"
        );
        scene.replica_mut(1, "t-0").log_end_offset = 2;
        let again = [batch(0, 1, &["a", "b"]), batch(0, 1, &["a", "b"])].concat();
        scene.store(1, "t-0", again);
        let mut property = alone(RetentionKeepsOffsets::default());
        let fired = property.after_event(&told, &scene).unwrap();
        assert!(fired.sentence.ends_with("its offsets do not rise"));
    }

    #[test]
    fn s3_fires_when_an_offset_is_given_away_again() {
        let scene = Scene::new();
        let mut property = alone(RetentionKeepsOffsets::default());
        let append = |base, last| [scene.fact("broker-1", appended("t-0", base, last, 1, true))];
        assert_eq!(property.after_event(&append(0, 4), &scene), None);
        assert_eq!(property.after_event(&append(5, 5), &scene), None);
        let cut = Fact::Truncated {
            partition: tp("t-0"),
            from: 6,
            to: 3,
            leader: 2,
        };
        assert_eq!(
            property.after_event(&[scene.fact("broker-1", cut)], &scene),
            None
        );
        assert_eq!(property.after_event(&append(3, 9), &scene), None);
        let fired = property.after_event(&append(9, 9), &scene).unwrap();
        assert_eq!(
            fired.sentence,
            "broker-1 gave offset 9 of t-0 away again: its log had ended at 10"
        );
        let started = [scene.fact("broker-1", Fact::Started)];
        assert_eq!(property.after_event(&started, &scene), None);
        assert_eq!(property.after_event(&append(8, 8), &scene), None);
    }

    #[test]
    fn s3_fires_when_what_stays_is_changed() {
        let mut scene = Scene::new();
        let mut property = alone(RetentionKeepsOffsets::default());
        let told = [scene.fact("broker-1", deleted("t-0", 0))];
        scene.replica_mut(1, "t-0").log_end_offset = 2;
        scene.store(1, "t-0", batch(0, 1, &["a", "b"]));
        assert_eq!(property.after_event(&told, &scene), None);
        scene.store(1, "t-0", batch(0, 1, &["a", "c"]));
        let fired = property.after_event(&told, &scene).unwrap();
        assert_eq!(
            fired.sentence,
            "broker-1 after deleting segments of t-0: offset 1 does not hold what it held"
        );
        scene.replica_mut(1, "t-0").log_end_offset = 1;
        scene.store(1, "t-0", batch(0, 1, &["a"]));
        let fired = property.after_event(&told, &scene).unwrap();
        assert!(
            fired
                .sentence
                .ends_with("its log ends at 1, it had ended at 2")
        );
    }
}
