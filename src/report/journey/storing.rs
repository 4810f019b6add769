//! What brokers do with a record: the leader's append, each replica's copy, the commit, elections; and how it goes
//! again: cut off, deleted, not on the disk any more.

use super::Walk;
use super::stored::{Stored, find_content};
use super::words::in_batch;
use crate::kernel::{Duration, Time};
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, Fact, LogStartReason, ProducerStateFact, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::BTreeSet;
use std::ops::RangeBounds;
use std::rc::Rc;

/// After its producer has done with a record, a request on its way may still bring it.
const STILL_ON_ITS_WAY: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Storing {
    pub(super) copies: Vec<StoredCopy>,
    /// As its leader knows it.
    pub(super) high_watermark: i64,
    pub(super) bytes: Option<Stored>,
    /// Who leads its partition, unless it has ended or follows since.
    leader: Option<BrokerId>,
    /// Brokers whose power has failed since they were started last.
    without_power: BTreeSet<Rc<str>>,
    /// How the last copy that was lost was lost.
    pub(super) gone: Option<Gone>,
}

/// The record at an offset.
pub(super) struct StoredCopy {
    pub(super) offset: i64,
    /// Another record may come to this offset when it is cut off, with a newer epoch.
    leader_epoch: i32,
    holders: BTreeSet<BrokerId>,
    committed: bool,
}

/// Why a log has it no longer.
#[derive(Clone)]
pub(super) enum Gone {
    /// As it should.
    Deleted(String),
    Lost(String),
}

impl StoredCopy {
    pub(super) fn is(&self, stored: &Stored) -> bool {
        (self.offset, self.leader_epoch) == (stored.offset, stored.batch.partition_leader_epoch())
    }

    /// As far as facts have told.
    pub(super) fn is_held_by(&self, broker: BrokerId) -> bool {
        self.holders.contains(&broker)
    }
}

impl Storing {
    fn is_held_by(&self, broker: BrokerId) -> bool {
        let mut copies = self.copies.iter();
        copies.any(|it| it.is_held_by(broker))
    }

    /// Every log that had it has it no longer.
    fn is_gone_as(&self) -> Option<&Gone> {
        let mut copies = self.copies.iter();
        let is_nowhere = copies.all(|copy| copy.holders.is_empty());
        self.gone.as_ref().filter(|_| is_nowhere)
    }

    /// Whether it was deleted or lost.
    pub(super) fn is_gone(&self) -> Option<&'static str> {
        self.is_gone_as().map(|gone| match gone {
            Gone::Deleted(_) => "deleted",
            Gone::Lost(_) => "lost",
        })
    }

    fn leads_no_longer(&mut self, broker: BrokerId) {
        self.leader.take_if(|leader| *leader == broker);
    }

    /// A log has it at this offset.
    pub(super) fn lies_at(&self, offset: i64) -> bool {
        let mut copies = self.copies.iter();
        copies.any(|it| it.offset == offset && !it.holders.is_empty())
    }

    /// The same, or it was deleted there: no other record comes to that offset, and a reader may have fetched it.
    pub(super) fn lay_at(&self, offset: i64) -> bool {
        let is_deleted = matches!(self.is_gone_as(), Some(Gone::Deleted(_)));
        let mut copies = self.copies.iter();
        self.lies_at(offset) || is_deleted && copies.any(|it| it.offset == offset)
    }
}

impl Walk<'_> {
    pub(super) fn fact_of_broker(&mut self, entry: &TraceEntry, view: &dyn ClusterView) {
        let Some(broker) = broker_of(&entry.node) else {
            return;
        };
        if let Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } = entry.fact {
            self.kept.leads_no_longer(broker);
        }
        match &entry.fact {
            Fact::Appended {
                partition,
                base_offset,
                last_offset,
                as_leader,
                ..
            } if self.is_at(partition) => {
                let range = (*base_offset, *last_offset);
                self.appended(entry, broker, partition, range, *as_leader, view);
            }
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            } if self.is_at(partition) => self.committed(entry, broker, *high_watermark),
            Fact::BecameLeader {
                partition,
                leader_epoch,
                ..
            } if self.found.made.partition == *partition => {
                self.leads(entry, broker, partition, *leader_epoch);
            }
            Fact::BecameFollower { partition, .. } if self.found.made.partition == *partition => {
                self.kept.leads_no_longer(broker);
            }
            Fact::Truncated {
                partition,
                from,
                to,
                leader,
            } if self.is_at(partition) => {
                let what = format!(
                    "cuts it off: its log differs from the leader's from offset {to} on (it went to {})",
                    from - 1
                );
                let why = format!(
                    "{} cut it off when it came to follow broker-{leader}, which does not have it",
                    entry.node
                );
                self.loses(entry, broker, *to.., &what, Gone::Lost(why));
            }
            Fact::SegmentsDeleted {
                partition,
                log_start_offset,
                why,
                ..
            } if self.is_at(partition) => {
                let gone = Gone::Deleted(why.to_string());
                self.loses(
                    entry,
                    broker,
                    ..*log_start_offset,
                    &format!("deletes it, with its segments: {why}"),
                    gone,
                );
            }
            Fact::LogStartMoved {
                partition,
                log_start_offset,
                reason,
            } if self.is_at(partition) => {
                let (how, why) = match reason {
                    LogStartReason::Asked => {
                        ("as DeleteRecords asks", "an administrator asked for it")
                    }
                    LogStartReason::Leader | LogStartReason::Emptied => {
                        ("as its leader's does", "its leader's log begins behind it")
                    }
                };
                let gone = match (reason, &self.kept.gone) {
                    // Why its leader's log did is told.
                    (LogStartReason::Leader | LogStartReason::Emptied, Some(gone)) => gone.clone(),
                    _ => Gone::Deleted(why.to_owned()),
                };
                let what =
                    format!("no longer has it: its log begins at {log_start_offset} now, {how}");
                self.loses(entry, broker, ..*log_start_offset, &what, gone);
            }
            Fact::ProducerState(ProducerStateFact::Duplicate {
                partition,
                producer_id,
                first_sequence,
                last_sequence,
                base_offset,
                ..
            }) if self.is_at(partition) && self.made.ids.contains(producer_id) => {
                let last = base_offset + i64::from(last_sequence - first_sequence);
                let mut offsets = *base_offset..=last;
                if offsets.any(|offset| self.kept.lies_at(offset)) {
                    let what = format!(
                        "has the batch already (producer id {producer_id}, sequences {first_sequence} to {last_sequence}): it answers with offset {base_offset}, and does not store it twice"
                    );
                    self.says(entry, what);
                }
            }
            Fact::Crashed if self.kept.is_held_by(broker) => {
                self.says(entry, "crashes, and has it".to_owned());
            }
            Fact::PowerFailed => {
                self.kept.without_power.insert(entry.node.clone());
                if self.kept.is_held_by(broker) {
                    self.says(entry, "loses its power, and had it".to_owned());
                }
            }
            Fact::LogLoaded { partition, .. } if self.is_at(partition) => {
                self.looks_after_start(entry, broker, partition, view);
            }
            _ => {}
        }
    }

    /// Also before the record is made: who led then may lead on.
    fn leads(
        &mut self,
        entry: &TraceEntry,
        broker: BrokerId,
        partition: &TopicPartition,
        epoch: i32,
    ) {
        let led = self.kept.leader.replace(broker) == Some(broker);
        let mut copies = self.kept.copies.iter();
        if copies.all(|copy| copy.holders.is_empty()) {
            return;
        }
        let has = match self.kept.is_held_by(broker) {
            true => "has it",
            false => "does not have it",
        };
        let what = match led {
            true => format!("leads {partition} on, in epoch {epoch}, and {has}"),
            false => format!("leads {partition} from now on (epoch {epoch}), and {has}"),
        };
        self.says(entry, what);
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
        let mut copies = self.kept.copies.iter();
        let known = copies.any(|it| (base..=last).contains(&it.offset));
        let late = |settled: Time| entry.time.since(settled) > STILL_ON_ITS_WAY;
        if !known && (!as_leader || self.made.settled.is_some_and(late)) {
            return;
        }
        let content = self.found.made.content;
        for stored in find_content(view, broker, partition, (base, last), content) {
            let offset = stored.offset;
            let known = self.kept.copies.iter().position(|copy| copy.is(&stored));
            let is_own = || self.found.is_own(&stored, entry.time, &self.made.ids);
            if known.is_none() && !(as_leader && is_own()) {
                continue;
            }
            let place = known.unwrap_or_else(|| {
                self.kept.copies.push(StoredCopy {
                    offset,
                    leader_epoch: stored.batch.partition_leader_epoch(),
                    holders: BTreeSet::new(),
                    committed: false,
                });
                self.kept.copies.len() - 1
            });
            self.kept.copies[place].holders.insert(broker);
            let what = match (as_leader, self.kept.copies.len()) {
                (false, _) => "copies it from the leader".to_owned(),
                (true, 1) => format!("appends it as leader: {}", in_batch(&stored)),
                (true, _) => format!("appends it once more, as leader: {}", in_batch(&stored)),
            };
            self.says(entry, what);
            self.kept.bytes.get_or_insert(stored);
        }
    }

    fn committed(&mut self, entry: &TraceEntry, broker: BrokerId, high_watermark: i64) {
        self.kept.high_watermark = high_watermark;
        let reached = self.kept.copies.iter_mut().filter(|copy| {
            !copy.committed && copy.offset < high_watermark && copy.holders.contains(&broker)
        });
        let reached = reached.map(|copy| copy.committed = true).count();
        if reached > 0 {
            let what = "counts it as committed: every replica that is in sync has it";
            self.says(entry, format!("{what} (high watermark {high_watermark})"));
        }
    }

    /// A broker has no longer what lies at these offsets.
    fn loses(
        &mut self,
        entry: &TraceEntry,
        broker: BrokerId,
        offsets: impl RangeBounds<i64>,
        what: &str,
        gone: Gone,
    ) {
        let copies = self.kept.copies.iter_mut();
        let copies = copies.filter(|it| offsets.contains(&it.offset));
        let lost = copies.filter_map(|copy| copy.holders.remove(&broker).then_some(()));
        if lost.count() > 0 {
            self.says(entry, what.to_owned());
            self.kept.gone = Some(gone);
        }
    }

    /// What was not on its disk when it ended is not there when it starts again.
    fn looks_after_start(
        &mut self,
        entry: &TraceEntry,
        broker: BrokerId,
        partition: &TopicPartition,
        view: &dyn ClusterView,
    ) {
        let power_failed = self.kept.without_power.remove(&entry.node);
        let copies = self.kept.copies.iter();
        let held: Vec<i64> = copies
            .filter(|copy| copy.holders.contains(&broker))
            .map(|copy| copy.offset)
            .collect();
        let content = self.found.made.content;
        for offset in held {
            if !find_content(view, broker, partition, (offset, offset), content).is_empty() {
                continue;
            }
            let why = match power_failed {
                true => "it was not flushed when the power failed",
                false => "it is not on its disk any more",
            };
            let gone = Gone::Lost(format!("{} lost it: {why}", entry.node));
            let what = format!("starts again without it: {why}");
            self.loses(entry, broker, offset..=offset, &what, gone);
        }
    }
}

fn broker_of(node: &str) -> Option<BrokerId> {
    node.strip_prefix("broker-")?.parse().ok()
}
