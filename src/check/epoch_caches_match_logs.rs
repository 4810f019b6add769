//! R9, its second half: a log's epoch cache says where each of its leader epochs begins, and a leader knows from
//! its first moment on where its own does.
//!
//! Looks at each new leader's cache, and at the end at the cache and the bytes of every replica that runs. What
//! the cache is for, finding where two logs part, is judged by others (`logs_equal_below_high_watermark`).

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::replica_key::broker_id;
use crate::node::view::ClusterView;
use crate::protocol::{Fact, Routine};
use crate::trace::TraceEntry;

const NAME: &str = "a log's epoch cache says where its epochs begin";

#[derive(Debug, Default)]
pub(super) struct EpochCachesMatchLogs {
    looked_at: u64,
}

impl Property for EpochCachesMatchLogs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) -> Option<Violation> {
        let Fact::BecameLeader {
            partition,
            leader_epoch,
            log_end_offset,
            ..
        } = &entry.fact
        else {
            return None;
        };
        let epochs = view.leader_epochs(broker_id(&entry.node)?, partition)?;
        self.looked_at += 1;
        let last = epochs.last().copied();
        let known =
            last.is_some_and(|(epoch, start)| epoch == *leader_epoch && start <= *log_end_offset);
        (!known).then(|| {
            let sentence = format!(
                "{} leads {partition} in epoch {leader_epoch} from offset {log_end_offset} on, \
                     and its epoch cache ends with {last:?}",
                entry.node
            );
            Violation::at(NAME, entry, sentence).of(partition)
        })
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut violations = Vec::new();
        for replica in end.view.replicas() {
            let (broker, partition) = (replica.broker, &replica.partition);
            let Some(epochs) = end.view.leader_epochs(broker, partition) else {
                continue;
            };
            self.looked_at += 1;
            let log = end.log(broker, partition);
            let wrong = log.batches.iter().find(|(base, last, epoch)| {
                let first = *base.max(&replica.log_start_offset);
                let covering = epochs.iter().rev().find(|(_, start)| *start <= first);
                *last >= replica.log_start_offset && covering.map(|(epoch, _)| epoch) != Some(epoch)
            });
            if let Some((base, _, epoch)) = wrong {
                let sentence = format!(
                    "broker-{broker}: the batch at {base} of {partition} is of epoch {epoch}, and the \
                     epoch cache says {epochs:?}"
                );
                let violation = Violation::finally(NAME, sentence);
                violations.push(violation.of(partition).with([broker]));
            }
        }
        violations
    }

    fn figures(&self) -> String {
        format!("{} looks at caches", self.looked_at)
    }
}
