//! R9: epochs only rise: those of the controller, of a partition's committed state, and of the batches in
//! each log.
//!
//! Looks at what is committed and appended after each event, and at the bytes of every log at the end,
//! where offsets must rise too. Not at damage, which disks may do; what it takes away is lost for others to
//! see. The epoch cache is the log's own affair.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::replica_key::{ReplicaKey, broker_id};
use super::stored_log::StoredLog;
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, Fact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

const NAME: &str = "epochs never fall";

#[derive(Debug, Default)]
pub(super) struct EpochsNeverFall {
    controller_epoch: i32,
    /// Leader epoch and partition epoch of each committed state, under broker 0.
    committed: BTreeMap<ReplicaKey, (i32, i32)>,
    /// Where each epoch begins in each log, as far as appends have told since its broker started.
    logs: BTreeMap<ReplicaKey, Vec<(i32, i64)>>,
    looked_at: u64,
}

impl Property for EpochsNeverFall {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Appended]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        self.look_at(entry)
    }

    fn at_end_of(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut violations = Vec::new();
        if let Some(state) = end.partition(partition) {
            for broker in &state.replicas {
                let log = end.log(*broker, &state.partition);
                self.looked_at += log.batches.len() as u64;
                if let Some(what) = disorder(&log) {
                    let sentence = format!("log of {} on broker-{broker}: {what}", state.partition);
                    let violation = Violation::finally(NAME, sentence);
                    violations.push(violation.of(&state.partition).with([*broker]));
                }
            }
        }
        violations
    }

    fn figures(&self) -> String {
        format!("{} in states and logs", counted(self.looked_at, "epoch"))
    }
}

impl EpochsNeverFall {
    fn look_at(&mut self, entry: &TraceEntry) -> Option<Violation> {
        let fell = |what: std::fmt::Arguments<'_>, from: i32, to: i32| {
            (to < from)
                .then(|| Violation::at(NAME, entry, format!("{what} fell from {from} to {to}")))
        };
        match &entry.fact {
            Fact::ControllerElected { controller_epoch } => {
                self.looked_at += 1;
                let before = std::mem::replace(&mut self.controller_epoch, *controller_epoch);
                // Each election writes a higher one.
                (*controller_epoch <= before).then(|| {
                    let sentence = format!(
                        "a controller is elected with epoch {controller_epoch}, and {before} was there before"
                    );
                    Violation::at(NAME, entry, sentence)
                })
            }
            Fact::StateWritten {
                partition,
                leader_epoch,
                partition_epoch,
                ..
            } => {
                self.looked_at += 1;
                let key = ReplicaKey::new(0, partition);
                let now = (*leader_epoch, *partition_epoch);
                let before = self.committed.insert(key, now)?;
                fell(
                    format_args!("the leader epoch of {partition}"),
                    before.0,
                    now.0,
                )
                .or_else(|| {
                    fell(
                        format_args!("the state's version of {partition}"),
                        before.1,
                        now.1,
                    )
                })
                .map(|violation| violation.of(partition))
            }
            Fact::Appended {
                partition,
                base_offset,
                leader_epoch,
                ..
            } => {
                self.looked_at += 1;
                let log = self.log_of(broker_id(&entry.node)?, partition);
                let before = log.last().map_or(*leader_epoch, |(epoch, _)| *epoch);
                if log.is_empty() || before < *leader_epoch {
                    log.push((*leader_epoch, *base_offset));
                }
                fell(
                    format_args!("the epoch in the log of {partition}"),
                    before,
                    *leader_epoch,
                )
                .map(|violation| violation.of(partition))
            }
            Fact::Truncated { partition, to, .. } => {
                let log = self.log_of(broker_id(&entry.node)?, partition);
                log.retain(|(_, start)| start < to);
                None
            }
            Fact::ReplicaStopped { partition, .. } => {
                self.log_of(broker_id(&entry.node)?, partition).clear();
                None
            }
            // What of the page cache has survived is not told: begin anew.
            Fact::Started => {
                let broker = broker_id(&entry.node)?;
                self.logs.retain(|key, _| key.broker() != broker);
                None
            }
            _ => None,
        }
    }

    fn log_of(&mut self, broker: BrokerId, partition: &TopicPartition) -> &mut Vec<(i32, i64)> {
        self.logs
            .entry(ReplicaKey::new(broker, partition))
            .or_default()
    }
}

/// What is out of order in the bytes of a log.
fn disorder(log: &StoredLog) -> Option<String> {
    log.batches.windows(2).find_map(|pair| {
        let (last, epoch) = (pair[0].last_offset(), pair[0].leader_epoch);
        let (base, next_epoch) = (pair[1].base_offset, pair[1].leader_epoch);
        if base <= last {
            Some(format!("a batch at {base} follows one that ends at {last}"))
        } else if next_epoch < epoch {
            Some(format!(
                "epoch {next_epoch} at {base} follows epoch {epoch}"
            ))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, appended, batch, state};

    fn fires(facts: Vec<Fact>) -> Option<String> {
        let scene = Scene::new();
        let entries: Vec<_> = facts
            .into_iter()
            .map(|f| scene.fact("broker-1", f))
            .collect();
        let violation = alone(EpochsNeverFall::default()).after_event(&entries, &scene);
        violation.map(|violation| violation.sentence)
    }

    #[test]
    fn r9_fires_on_a_state_of_an_older_epoch() {
        let old = vec![state("t-0", 1, 4, &[1]), state("t-0", 2, 3, &[2])];
        assert_eq!(
            fires(old).unwrap(),
            "the leader epoch of t-0 fell from 4 to 3"
        );
        assert_eq!(
            fires(vec![state("t-0", 1, 4, &[1]), state("t-0", 2, 5, &[2])]),
            None
        );
    }

    #[test]
    fn r9_fires_on_a_second_controller_of_one_epoch() {
        let elected = |controller_epoch| Fact::ControllerElected { controller_epoch };
        assert_eq!(fires(vec![elected(1), elected(2)]), None);
        assert!(fires(vec![elected(1), elected(1)]).is_some());
    }

    #[test]
    fn r9_fires_on_an_append_of_an_older_epoch_unless_the_log_was_cut() {
        let appends = |between: Option<Fact>| {
            let first = appended("t-0", 0, 4, 1, true);
            let second = appended("t-0", 5, 9, 3, false);
            let third = appended("t-0", 5, 9, 2, false);
            [Some(first), Some(second), between, Some(third)]
                .into_iter()
                .flatten()
                .collect()
        };
        assert!(fires(appends(None)).is_some());
        let cut = Fact::Truncated {
            partition: TopicPartition::new("t", 0),
            from: 10,
            to: 5,
            leader: 2,
        };
        assert_eq!(fires(appends(Some(cut))), None);
        assert_eq!(fires(appends(Some(Fact::Started))), None, "told by nobody");
    }

    #[test]
    fn r9_fires_on_bytes_whose_epochs_or_offsets_fall() {
        let look = |bytes: Vec<u8>| {
            let mut scene = Scene::new();
            scene.commit("t-0", 1, &[1]);
            scene.store(1, "t-0", bytes);
            let found = alone(EpochsNeverFall::default()).at_end(&EndOfRun::new(&scene));
            found.first().map(|violation| violation.sentence.clone())
        };
        assert_eq!(
            look([batch(0, 1, &["a", "b"]), batch(2, 2, &["c"])].concat()),
            None
        );
        assert_eq!(
            look([batch(0, 2, &["a", "b"]), batch(2, 1, &["c"])].concat()).unwrap(),
            "log of t-0 on broker-1: epoch 1 at 2 follows epoch 2"
        );
        assert_eq!(
            look([batch(0, 1, &["a", "b"]), batch(1, 1, &["c"])].concat()).unwrap(),
            "log of t-0 on broker-1: a batch at 1 follows one that ends at 1"
        );
    }
}
