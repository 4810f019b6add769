//! One record's way through a cluster, a line a station: its bytes, its partition and why, its batch, the leader's
//! log, each replica, the commit, the acknowledgement, its readers and their commits; or where it was lost.
//!
//! The run is played twice: first to learn which record is meant, then to look at logs on disk at the moments
//! when it comes and goes. Nothing of a long trace has to be kept.
//!
//! May not know more than facts, and the bytes that lie on brokers' disks.

mod ending;
mod search;
mod stored;
mod words;

use crate::check::millis;
use crate::kernel::{Duration, Time};
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::protocol::{
    BrokerId, Fact, GroupFact, ProducerStateFact, RecordId, TopicPartition, counted,
};
use crate::run::{Run, Unbuildable};
use crate::trace::{Keep, TraceEntry};
use search::{Found, Search};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use stored::{Stored, find_content};
use words::{acknowledged, in_batch};

/// Which record is to be followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// `truck-1#5`: number 5 of this producer.
    Record(RecordId),
    /// `key=truck 7`: the first with this key.
    Key(String),
    /// `t-0@17`: what was acknowledged last at this offset, else what lies there at the end.
    At(TopicPartition, i64),
}

/// A record's way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Journey {
    pub record: RecordId,
    /// What it is, a line each.
    pub what: Vec<String>,
    pub stations: Vec<Station>,
    /// What has become of it.
    pub end: Vec<String>,
}

/// Something that happened to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Station {
    pub time: Time,
    pub node: Rc<str>,
    pub what: String,
}

/// Why there is nothing to follow.
#[derive(Debug)]
pub enum NoJourney {
    Unbuildable(Unbuildable),
    /// No such record was made; what was made instead.
    NotMade(String),
}

impl Wanted {
    /// How it is written.
    pub const EXPECTED: &'static str = "a record such as trucks-1#5 (producer and number), key=truck 7 or t-0@17 (partition and offset)";

    pub fn parse(text: &str) -> Option<Wanted> {
        if let Some(key) = text.strip_prefix("key=") {
            return (!key.is_empty()).then(|| Wanted::Key(key.to_owned()));
        }
        if let Some((producer, number)) = text.rsplit_once('#') {
            let number = number.parse().ok()?;
            let producer = Rc::from(producer);
            return Some(Wanted::Record(RecordId { producer, number }));
        }
        let (partition, offset) = text.rsplit_once('@')?;
        let (topic, number) = partition.rsplit_once('-')?;
        let partition = TopicPartition::new(topic, number.parse().ok()?);
        Some(Wanted::At(partition, offset.parse().ok()?))
    }
}

/// Follows one record of a run.
///
/// # Errors
/// A plan that cannot be run, or a record that is not made in it.
pub fn follow(plan: &Plan, seed: u64, wanted: &Wanted) -> Result<Journey, NoJourney> {
    let start = || Run::start(plan, seed).map_err(NoJourney::Unbuildable);
    let mut search = Search::new(plan, wanted);
    let mut run = start()?;
    run.keep(Keep::Nothing);
    run.until_watched(run.end(), &mut search);
    let found = search.finish(&run.view())?;

    let mut run = start()?;
    run.keep(Keep::Nothing);
    let mut walk = Walk::new(plan, found);
    let end = run.end();
    while run.now() <= end && run.step() {
        // What the step has stated is all that there is.
        let stated = run.trace().to_vec();
        for entry in stated.iter().filter(|entry| entry.time <= end) {
            walk.fact(entry, &run.view());
        }
    }
    Ok(walk.finish(&run.view()))
}

const HANDS_IT: &str = "hands it to its producer";

/// After its producer has done with a record, a request on its way may still bring it.
const STILL_ON_ITS_WAY: Duration = Duration::from_secs(60);

struct Walk<'a> {
    plan: &'a Plan,
    found: Found,
    /// Another record has its name now, of a process that was started again.
    is_succeeded: bool,
    /// The ids that its producer's node was given.
    producer_ids: Vec<i64>,
    partition: Option<TopicPartition>,
    /// Its producer's library has it in a batch.
    created: Option<Time>,
    /// Its producer is done with it.
    settled: Option<Time>,
    acknowledged: bool,
    what: Vec<String>,
    stations: Vec<Station>,
    copies: Vec<StoredCopy>,
    /// As its leader knows it.
    high_watermark: i64,
    /// How often each reader got it.
    reads: BTreeMap<Rc<str>, u64>,
    /// Groups that have committed it.
    committed_by: BTreeSet<Rc<str>>,
    bytes: Option<Stored>,
    partitions: Option<u32>,
}

/// The record at an offset.
struct StoredCopy {
    offset: i64,
    /// Another record may come to this offset when it is cut off, with a newer epoch.
    leader_epoch: i32,
    holders: BTreeSet<BrokerId>,
    committed: bool,
}

impl StoredCopy {
    fn is(&self, stored: &Stored) -> bool {
        (self.offset, self.leader_epoch) == (stored.offset, stored.batch.partition_leader_epoch())
    }
}

impl<'a> Walk<'a> {
    fn new(plan: &'a Plan, found: Found) -> Self {
        Walk {
            plan,
            found,
            is_succeeded: false,
            producer_ids: Vec::new(),
            partition: None,
            created: None,
            settled: None,
            acknowledged: false,
            what: Vec::new(),
            stations: Vec::new(),
            copies: Vec::new(),
            high_watermark: 0,
            reads: BTreeMap::new(),
            committed_by: BTreeSet::new(),
            bytes: None,
            partitions: None,
        }
    }

    fn record(&self) -> &RecordId {
        &self.found.made.record
    }

    /// A fact about a record of this name is about this one.
    fn is_it(&self, record: &RecordId) -> bool {
        self.partition.is_some() && !self.is_succeeded && record == self.record()
    }

    fn fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) {
        match &entry.fact {
            Fact::RecordCreated { record, .. }
                if record == self.record() && entry.event != self.found.made.event =>
            {
                self.is_succeeded = self.partition.is_some();
            }
            Fact::RecordCreated {
                record, partition, ..
            } if record == self.record() => {
                self.partition = Some(partition.clone());
                let topics = view.topics();
                let topic = topics.iter().find(|topic| topic.name == partition.topic);
                self.partitions = topic.map(|topic| topic.partition_count);
                self.created = Some(entry.time);
                self.says(entry, HANDS_IT.to_owned());
            }
            Fact::Retrying {
                record,
                error,
                attempts,
                ..
            } if self.is_it(record) => {
                self.says(
                    entry,
                    format!("will send it again: attempt {attempts} ended with {error}"),
                );
            }
            Fact::Acked {
                record,
                offset,
                latency_ns,
                attempts,
                ..
            } if self.is_it(record) => {
                self.settled = Some(entry.time);
                self.acknowledged = *offset >= 0;
                self.handed_over_at(entry.time, Duration(*latency_ns));
                self.says(entry, acknowledged(*offset, *latency_ns, *attempts));
            }
            Fact::Failed {
                record,
                exception,
                attempts,
                ..
            } if self.is_it(record) => {
                self.settled = Some(entry.time);
                // Said to be made only now, since it has come into no batch: it may have waited before.
                let in_no_batch = *attempts == 0 && self.created == Some(entry.time);
                if in_no_batch && self.stations.last().is_some_and(|it| it.what == HANDS_IT) {
                    self.stations.pop();
                    let what = format!("send gives it up before it is in a batch: {exception}");
                    self.says(entry, what);
                } else {
                    self.says(entry, format!("gives it up: {exception}"));
                }
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. }
                if entry.node == self.found.made.node
                    && self.partition.is_some()
                    && self.settled.is_none() =>
            {
                self.settled = Some(entry.time);
                self.says(entry, "ends before it learns what became of it".to_owned());
            }
            Fact::ProducerState(ProducerStateFact::IdGiven { producer_id, .. })
                if entry.node == self.found.made.node =>
            {
                self.producer_ids.push(*producer_id);
            }
            fact => {
                if let (Some(of_fact), Some(own)) = (partition_of(fact), self.partition.clone())
                    && *of_fact == own
                {
                    self.fact_of_partition(entry, &own, view);
                }
            }
        }
    }

    fn fact_of_partition(
        &mut self,
        entry: &TraceEntry,
        partition: &TopicPartition,
        view: &dyn ClusterView,
    ) {
        let broker = broker_of(&entry.node);
        match &entry.fact {
            Fact::Appended {
                base_offset,
                last_offset,
                as_leader,
                ..
            } => {
                if let Some(broker) = broker {
                    let range = (*base_offset, *last_offset);
                    self.appended(entry, broker, partition, range, *as_leader, view);
                }
            }
            Fact::HighWatermarkMoved {
                high_watermark,
                as_leader: true,
                ..
            } => {
                self.high_watermark = *high_watermark;
                let by = broker.unwrap_or_default();
                let reached = self.copies.iter_mut().filter(|copy| {
                    !copy.committed && copy.offset < *high_watermark && copy.holders.contains(&by)
                });
                let reached = reached.map(|copy| copy.committed = true).count();
                if reached > 0 {
                    let what = "counts it as committed: every replica that is in sync has it";
                    self.says(entry, format!("{what} (high watermark {high_watermark})"));
                }
            }
            Fact::BecameLeader { leader_epoch, .. } => {
                let by = broker.unwrap_or_default();
                let mut copies = self.copies.iter().filter(|copy| !copy.holders.is_empty());
                if copies.next().is_some() {
                    let has = self.copies.iter().any(|copy| copy.holders.contains(&by));
                    let has = if has { "has it" } else { "does not have it" };
                    self.says(
                        entry,
                        format!("leads {partition} from now on (epoch {leader_epoch}), and {has}"),
                    );
                }
            }
            Fact::Truncated { from, to, .. } => {
                let what = format!(
                    "cuts it off: its log differs from the leader's from offset {to} on (it went to {})",
                    from - 1
                );
                self.loses(entry, *to.., &what);
            }
            Fact::SegmentsDeleted {
                log_start_offset,
                why,
                ..
            } => self.loses(entry, ..*log_start_offset, &format!("deletes it: {why}")),
            Fact::LogStartMoved {
                log_start_offset, ..
            } => {
                let what = format!("no longer has it: its log begins at {log_start_offset} now");
                self.loses(entry, ..*log_start_offset, &what);
            }
            Fact::Consumed {
                offset, content, ..
            } if *content == self.found.made.content
                && self.copies.iter().any(|it| it.offset == *offset) =>
            {
                let times = self.reads.entry(entry.node.clone()).or_default();
                *times += 1;
                let again = if *times > 1 { " again" } else { "" };
                let behind = (self.high_watermark - offset - 1).max(0) as u64;
                let behind = match behind {
                    0 => "nothing committed is left to read behind it".to_owned(),
                    behind => format!("{} behind it are committed", counted(behind, "record")),
                };
                self.says(
                    entry,
                    format!("reads it{again} at offset {offset}; {behind}"),
                );
            }
            Fact::Group(GroupFact::Processed { offset, .. })
                if self.copies.iter().any(|copy| copy.offset == *offset) =>
            {
                self.says(entry, "is done with it".to_owned());
            }
            Fact::Group(GroupFact::OffsetCommitted { group, offset, .. })
                if self.copies.iter().any(|copy| copy.offset < *offset)
                    && self.committed_by.insert(group.clone()) =>
            {
                self.says(
                    entry,
                    format!(
                        "stores that group {group} goes on at offset {offset}: it is behind that"
                    ),
                );
            }
            _ => {}
        }
    }

    /// Looks whether it is among what a broker has just appended.
    fn appended(
        &mut self,
        entry: &TraceEntry,
        broker: BrokerId,
        partition: &TopicPartition,
        (base, last): (i64, i64),
        as_leader: bool,
        view: &dyn ClusterView,
    ) {
        let known = self
            .copies
            .iter()
            .any(|it| (base..=last).contains(&it.offset));
        let late = |settled: Time| entry.time.since(settled) > STILL_ON_ITS_WAY;
        if !known && (!as_leader || self.settled.is_some_and(late)) {
            return;
        }
        let content = self.found.made.content;
        for stored in find_content(view, broker, partition, (base, last), content) {
            let offset = stored.offset;
            let known = self.copies.iter().position(|copy| copy.is(&stored));
            let is_own = || self.found.is_own(&stored, entry.time, &self.producer_ids);
            if known.is_none() && !(as_leader && is_own()) {
                continue;
            }
            let place = known.unwrap_or_else(|| {
                self.copies.push(StoredCopy {
                    offset,
                    leader_epoch: stored.batch.partition_leader_epoch(),
                    holders: BTreeSet::new(),
                    committed: false,
                });
                self.copies.len() - 1
            });
            self.copies[place].holders.insert(broker);
            let what = match (as_leader, self.copies.len()) {
                (false, _) => "copies it from the leader".to_owned(),
                (true, 1) => format!("appends it as leader: {}", in_batch(&stored)),
                (true, _) => format!("appends it once more, as leader: {}", in_batch(&stored)),
            };
            self.says(entry, what);
            self.bytes.get_or_insert(stored);
        }
    }

    /// A broker has no longer what lies at these offsets.
    fn loses(&mut self, entry: &TraceEntry, offsets: impl std::ops::RangeBounds<i64>, what: &str) {
        let by = broker_of(&entry.node).unwrap_or_default();
        let gone = self
            .copies
            .iter_mut()
            .filter(|it| offsets.contains(&it.offset));
        let gone = gone
            .filter_map(|copy| copy.holders.remove(&by).then_some(()))
            .count();
        if gone > 0 {
            self.says(entry, what.to_owned());
        }
    }

    /// When its application called `send`, as its acknowledgement tells: before it was in a batch, if `send` waited.
    fn handed_over_at(&mut self, acknowledged: Time, latency: Duration) {
        let called = Time(acknowledged.0.saturating_sub(latency.0));
        let first = self.stations.iter().position(|it| it.what == HANDS_IT);
        if let (Some(place), Some(created)) = (first, self.created)
            && called < created
        {
            let waited = millis(created.since(called));
            self.stations[place].what = format!("has it in a batch: send had waited for {waited}");
            let station = Station {
                time: called,
                what: HANDS_IT.to_owned(),
                ..self.stations[place].clone()
            };
            self.stations.insert(place, station);
        }
    }

    fn says(&mut self, entry: &TraceEntry, what: String) {
        self.stations.push(Station {
            time: entry.time,
            node: entry.node.clone(),
            what,
        });
    }
}

fn partition_of(fact: &Fact) -> Option<&TopicPartition> {
    match fact {
        Fact::Appended { partition, .. }
        | Fact::HighWatermarkMoved { partition, .. }
        | Fact::BecameLeader { partition, .. }
        | Fact::Truncated { partition, .. }
        | Fact::SegmentsDeleted { partition, .. }
        | Fact::LogStartMoved { partition, .. }
        | Fact::Consumed { partition, .. }
        | Fact::Group(
            GroupFact::Processed { partition, .. } | GroupFact::OffsetCommitted { partition, .. },
        ) => Some(partition),
        _ => None,
    }
}

fn broker_of(node: &str) -> Option<BrokerId> {
    node.strip_prefix("broker-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_named_in_three_ways() {
        let record = |producer: &str, number| {
            Some(Wanted::Record(RecordId {
                producer: producer.into(),
                number,
            }))
        };
        assert_eq!(Wanted::parse("trucks-1#5"), record("trucks-1", 5));
        assert_eq!(
            Wanted::parse("key=truck 7"),
            Some(Wanted::Key("truck 7".into()))
        );
        let at = Wanted::At(TopicPartition::new("a-b", 0), 17);
        assert_eq!(Wanted::parse("a-b-0@17"), Some(at));
        for wrong in ["", "truck", "truck#x", "key=", "t@1", "t-x@1", "t-0@"] {
            assert_eq!(Wanted::parse(wrong), None, "{wrong}");
        }
    }
}
