//! Each consumer reads its partitions record by record from its first position on (Jepsen's poll-skip, J6,
//! for consumers with assigned partitions).
//!
//! Looks at what each consumer process got since it started, or since its application last chose a position, or
//! its group last gave it the partition.
//! No gap is what holds no data record in the
//! log that counts (control records), and what retention was allowed to delete. Reading again after a position was
//! set back is no gap. Whether it reaches the end is left to expectations.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use crate::kernel::Time;
use crate::node::view::ClusterView;
use crate::protocol::{Fact, GroupFact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

const NAME: &str = "each consumer reads without gaps";

#[derive(Debug, Default)]
pub(super) struct ConsumersReadWithoutGaps {
    /// First offset that was not read yet, by partition and consumer.
    next: BTreeMap<(i32, Rc<str>, Rc<str>), i64>,
    gaps: Vec<Gap>,
    looked_at: u64,
}

/// Offsets that a consumer stepped over.
#[derive(Debug)]
struct Gap {
    consumer: Rc<str>,
    partition: TopicPartition,
    offsets: Range<i64>,
    event: u64,
    time: Time,
}

impl Property for ConsumersReadWithoutGaps {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Consumed]
    }

    fn after_event(&mut self, facts: &[TraceEntry], _: &dyn ClusterView) -> Option<Violation> {
        for entry in facts {
            match &entry.fact {
                Fact::Started => self
                    .next
                    .retain(|(_, _, consumer), _| *consumer != entry.node),
                // What others read meanwhile, its group knows: it begins where that has committed.
                Fact::Group(GroupFact::PartitionsAssigned { partitions, .. }) => {
                    for partition in partitions {
                        self.next.remove(&key(entry, partition));
                    }
                }
                Fact::PositionSet {
                    partition,
                    offset,
                    by_application,
                    ..
                } => {
                    let next = self.next.entry(key(entry, partition)).or_insert(*offset);
                    // Where the application seeks to, it begins anew; a reset policy skips nothing.
                    if *by_application {
                        *next = *offset;
                    }
                }
                Fact::Consumed {
                    partition, offset, ..
                } => self.consumed(entry, partition, *offset),
                _ => {}
            }
        }
        None
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut violations = Vec::new();
        for gap in &self.gaps {
            let Some((_, log)) = end.authority(&gap.partition) else {
                continue;
            };
            let missed: Vec<i64> = log
                .records
                .iter()
                .map(|record| record.offset)
                .filter(|offset| gap.offsets.contains(offset))
                .filter(|offset| *offset >= end.may_begin_at(&gap.partition))
                .collect();
            let [first, ..] = missed[..] else { continue };
            let sentence = format!(
                "{} did not get {} of {}, offset {first} the first of them, but what comes after",
                gap.consumer,
                counted(missed.len(), "record"),
                gap.partition
            );
            let mut violation = Violation::finally(NAME, sentence).of(&gap.partition);
            violation.event = Some(gap.event);
            violation.time = Some(gap.time);
            violation.nodes.push(gap.consumer.clone());
            violations.push(violation);
        }
        violations
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "read")
    }
}

impl ConsumersReadWithoutGaps {
    fn consumed(&mut self, entry: &TraceEntry, partition: &TopicPartition, offset: i64) {
        self.looked_at += 1;
        let next = self.next.entry(key(entry, partition)).or_insert(offset);
        if offset > *next {
            self.gaps.push(Gap {
                consumer: entry.node.clone(),
                partition: partition.clone(),
                offsets: *next..offset,
                event: entry.event,
                time: entry.time,
            });
        }
        *next = (*next).max(offset + 1);
    }
}

fn key(entry: &TraceEntry, partition: &TopicPartition) -> (i32, Rc<str>, Rc<str>) {
    (
        partition.partition,
        partition.topic.clone(),
        entry.node.clone(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, batch, consumed, position};

    fn scene() -> Scene {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        // Offset 2 holds no data record.
        scene.store(
            1,
            "t-0",
            [batch(0, 1, &["a", "b"]), batch(3, 1, &["d", "e"])].concat(),
        );
        scene
    }

    fn look(scene: &Scene, facts: Vec<Fact>) -> Vec<String> {
        look_where_logs_begin_at(0, scene, facts)
    }

    fn look_where_logs_begin_at(start: i64, scene: &Scene, facts: Vec<Fact>) -> Vec<String> {
        let entries: Vec<_> = facts
            .into_iter()
            .map(|fact| scene.fact("c-1", fact))
            .collect();
        let mut property = alone(ConsumersReadWithoutGaps::default());
        property.after_event(&entries, scene);
        let violations = property.at_end(&scene.end_where_logs_begin_at("t-0", start));
        violations
            .into_iter()
            .map(|violation| violation.sentence)
            .collect()
    }

    #[test]
    fn fires_when_a_consumer_steps_over_a_record() {
        let facts = vec![
            position("t-0", 0),
            consumed("t-0", 0, "a"),
            consumed("t-0", 3, "d"),
        ];
        assert_eq!(
            look(&scene(), facts),
            ["c-1 did not get 1 record of t-0, offset 1 the first of them, but what comes after"]
        );
    }

    /// A broker that says that its log begins later hides nothing by that.
    #[test]
    fn fires_when_a_consumer_steps_over_what_a_broker_alone_says_is_deleted() {
        let mut scene = scene();
        scene.replica_mut(1, "t-0").log_start_offset = 3;
        let facts = vec![
            position("t-0", 0),
            consumed("t-0", 0, "a"),
            consumed("t-0", 3, "d"),
        ];
        assert_eq!(look(&scene, facts).len(), 1);
    }

    #[test]
    fn a_fresh_process_knows_nothing_of_the_one_before() {
        let between = |started: Option<Fact>| {
            let first = [position("t-0", 0), consumed("t-0", 0, "a")];
            let second = [position("t-0", 3), consumed("t-0", 3, "d")];
            first.into_iter().chain(started).chain(second).collect()
        };
        assert_eq!(look(&scene(), between(None)).len(), 1);
        assert!(look(&scene(), between(Some(Fact::Started))).is_empty());
    }

    #[test]
    fn fires_when_the_first_record_is_not_at_the_first_position() {
        assert_eq!(
            look(&scene(), vec![position("t-0", 0), consumed("t-0", 1, "b")]).len(),
            1
        );
    }

    #[test]
    fn control_records_deleted_records_and_reading_again_are_no_gaps() {
        let whole = vec![
            position("t-0", 0),
            consumed("t-0", 0, "a"),
            consumed("t-0", 1, "b"),
            position("t-0", 0),
            consumed("t-0", 0, "a"),
            consumed("t-0", 3, "d"),
        ];
        assert!(look(&scene(), whole).is_empty());
        let jumped = vec![
            position("t-0", 0),
            consumed("t-0", 0, "a"),
            consumed("t-0", 3, "d"),
        ];
        assert!(look_where_logs_begin_at(3, &scene(), jumped).is_empty());
    }
}
