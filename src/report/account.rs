//! What reports take from the facts of a run, as they are stated: the transcript and figures of clients.
//! So no run has to keep its trace for its report, and a trace that is read gives the same.

use super::groups::GroupsTold;
use crate::check::{Latencies, Violation};
use crate::kernel::Time;
use crate::protocol::zookeeper::SessionId;
use crate::protocol::{Fact, TopicPartition};
use crate::trace::{ByNode, LastLines, Observer, Style, TraceEntry, Transcript};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Lines shown of each node that a violation names.
const LINES: usize = 6;

/// Looks at every fact, and keeps what reports need of it.
#[derive(Debug, Default)]
pub struct Account {
    transcript: Option<Transcript>,
    verbose: Option<Transcript>,
    told: Told,
}

/// What the facts of a run came to.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Lines of the transcript, if one was asked for.
    pub transcript: Vec<String>,
    /// Lines of the transcript with every fact, if that was asked for.
    pub verbose: Vec<String>,
    /// By node.
    pub totals: ByNode<ClientTotals>,
    pub latencies: Latencies,
    pub groups: GroupsTold,
    /// The node that last said that it has a session.
    pub session_owners: BTreeMap<SessionId, Rc<str>>,
}

/// What one group of clients did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientTotals {
    pub created: u64,
    pub acknowledged: u64,
    /// Handed to the network with acks=0: nobody acknowledges.
    pub sent: u64,
    pub failed: u64,
    /// Made, and gone with the process before anything came of it.
    pub gone: u64,
    /// Times that a record was sent again.
    pub retried: u64,
    pub read: u64,
    /// Reads of offsets that it had read before, as after a restart without committed offsets.
    pub read_again: u64,
    /// Offset behind the last one that was read.
    read_up_to: BTreeMap<TopicPartition, i64>,
}

impl ClientTotals {
    fn reads(&mut self, partition: &TopicPartition, offset: i64) {
        self.read += 1;
        match self.read_up_to.get_mut(partition) {
            Some(up_to) if offset < *up_to => self.read_again += 1,
            Some(up_to) => *up_to = offset + 1,
            None => {
                self.read_up_to.insert(partition.clone(), offset + 1);
            }
        }
    }

    /// Made, and neither acknowledged nor given up yet.
    pub fn waiting(&self) -> u64 {
        let settled = self.acknowledged + self.sent + self.failed + self.gone;
        self.created.saturating_sub(settled)
    }
}

impl Account {
    /// With the transcript, and with every fact in words too if `verbose`.
    pub fn with_transcript(verbose: bool) -> Self {
        Account {
            transcript: Some(Transcript::new(Style::default())),
            verbose: verbose.then(|| Transcript::new(Style { verbose: true })),
            told: Told::default(),
        }
    }

    /// That of a whole trace.
    pub fn of(trace: &[TraceEntry], verbose: bool) -> Told {
        let mut account = Account::with_transcript(verbose);
        trace.iter().for_each(|entry| account.fact(entry));
        let last = trace.last().map_or(Time::ZERO, |entry| entry.time);
        account.finish(last)
    }

    /// The groups that facts have named so far.
    pub fn groups(&self) -> impl Iterator<Item = &Rc<str>> {
        self.told.groups.groups().map(|(name, _)| name)
    }

    /// Of a run that lasts until `end`.
    pub fn finish(mut self, end: Time) -> Told {
        self.told.groups.end(end);
        let lines = |transcript: Option<Transcript>| transcript.map(Transcript::finish);
        Told {
            transcript: lines(self.transcript).unwrap_or_default(),
            verbose: lines(self.verbose).unwrap_or_default(),
            ..self.told
        }
    }
}

impl Observer for Account {
    fn fact(&mut self, entry: &TraceEntry) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(entry);
        }
        if let Some(verbose) = &mut self.verbose {
            verbose.push(entry);
        }
        let told = &mut self.told;
        told.groups.fact(entry);
        let field: fn(&mut ClientTotals) -> &mut u64 = match entry.fact {
            Fact::RecordCreated { .. } => |totals| &mut totals.created,
            Fact::Acked { offset: -1, .. } => |totals| &mut totals.sent,
            Fact::Acked { latency_ns, .. } => {
                told.latencies.push(latency_ns);
                |totals| &mut totals.acknowledged
            }
            Fact::Failed { .. } => |totals| &mut totals.failed,
            Fact::Retrying { .. } => |totals| &mut totals.retried,
            Fact::Consumed {
                ref partition,
                offset,
                ..
            } => return told.totals_of(&entry.node).reads(partition, offset),
            Fact::ZooKeeperConnected { session, .. } => {
                told.session_owners.insert(session, entry.node.clone());
                return;
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                let totals = told.totals_of(&entry.node);
                totals.gone += totals.waiting();
                return;
            }
            _ => return,
        };
        *field(told.totals_of(&entry.node)) += 1;
    }
}

impl Told {
    /// Totals of these nodes together.
    pub fn sum(&self, names: &[String]) -> ClientTotals {
        let mut sum = ClientTotals::default();
        for one in names.iter().filter_map(|name| self.totals.get(name)) {
            sum.created += one.created;
            sum.acknowledged += one.acknowledged;
            sum.sent += one.sent;
            sum.failed += one.failed;
            sum.gone += one.gone;
            sum.retried += one.retried;
            sum.read += one.read;
            sum.read_again += one.read_again;
        }
        sum
    }

    fn totals_of(&mut self, node: &Rc<str>) -> &mut ClientTotals {
        self.totals.of(node)
    }
}

/// What a broken property needs of a run beside its sentence: the last lines of the nodes that it names,
/// and who made the records that it is about. A run that broke is played again for it.
#[derive(Debug)]
pub struct Evidence {
    last_lines: LastLines,
    makers: Vec<(u64, Option<String>)>,
}

impl Evidence {
    pub fn of(violation: &Violation) -> Self {
        let until = violation.event.unwrap_or(u64::MAX);
        let contents = violation.contents.iter();
        Evidence {
            last_lines: LastLines::of(&violation.nodes, until, LINES),
            makers: contents.map(|content| (*content, None)).collect(),
        }
    }

    pub(super) fn in_words(&self) -> String {
        let mut text = String::new();
        for (content, maker) in &self.makers {
            if let Some(maker) = maker {
                text.push_str(&format!("{content:016x} is {maker}\n"));
            }
        }
        for (node, lines) in self.last_lines.lines() {
            text.push_str(&format!("last lines of {node}:\n"));
            for line in lines {
                text.push_str(&format!("  {line}\n"));
            }
        }
        text
    }
}

impl Observer for Evidence {
    fn fact(&mut self, entry: &TraceEntry) {
        self.last_lines.fact(entry);
        if let Fact::RecordCreated {
            record, content, ..
        } = &entry.fact
        {
            for (wanted, maker) in &mut self.makers {
                if wanted == content && maker.is_none() {
                    *maker = Some(format!("{}#{}", record.producer, record.number));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;

    #[test]
    fn what_a_consumer_reads_again_is_counted() {
        let read = |node: &str, partition: i32, offset: i64| TraceEntry {
            event: 1,
            time: Time(1),
            node: node.into(),
            fact: Fact::Consumed {
                partition: TopicPartition::new("t", partition),
                offset,
                content: 7,
                leader_epoch: 0,
            },
        };
        let trace = [
            read("c", 0, 0),
            read("c", 0, 1),
            read("c", 1, 0),
            read("d", 0, 0),
            read("c", 0, 0),
            read("c", 0, 1),
            read("c", 0, 2),
        ];
        let told = Account::of(&trace, false);
        let of = |name: &str| told.sum(&[name.to_owned()]);
        assert_eq!((of("c").read, of("c").read_again), (6, 2));
        assert_eq!((of("d").read, of("d").read_again), (1, 0));
    }
}
