//! What stands still, since when, and for whom: read off facts that nodes state anyway, so that no node
//! needs a timer that exists to tell.
//!
//! A leader's high watermark that does not move although its log goes on holds up acks=all writes and
//! consumers that have read all that is committed. Where it has for a second, and somebody waits, that is a
//! stall (CT33). Where nobody waits there is nothing to tell.
//!
//! May not know more than the facts before it: a stall is told with what had happened until then.

use super::TraceEntry;
use super::story::{Story, broker_id, broker_name};
use crate::kernel::{Duration, Time};
use crate::protocol::{BrokerId, ErrorCode, Fact, NO_LEADER, TopicPartition};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Whoever has waited so long stands still.
const LONG: Duration = Duration::from_secs(1);

/// Somebody waits for a high watermark that does not move.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stall {
    /// When it had lasted for a second.
    pub at: Time,
    pub leader: Rc<str>,
    pub partition: TopicPartition,
    /// Since when the high watermark stands.
    pub since: Time,
    pub high_watermark: i64,
    /// Offset of the first acks=all write that waits.
    pub write: Option<i64>,
    /// Consumers that have read all that is committed, or are about to.
    pub readers: Vec<Rc<str>>,
    /// Members of the ISR that have not copied what waits; all of them, if each has.
    pub waits_for: Vec<BrokerId>,
    /// What is waited for has been copied: it is the followers' word that is missing.
    pub copied: bool,
}

/// A stall that is over, or has not ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Waiting {
    pub leader: Rc<str>,
    pub partition: TopicPartition,
    pub writes: bool,
    pub readers: bool,
    /// The ISR was smaller than min.insync.replicas.
    pub held: bool,
}

/// Finds stalls in a trace, by itself: for who needs them without a transcript.
#[derive(Debug, Default)]
pub struct StallReader {
    story: Story,
    stalls: Stalls,
}

impl StallReader {
    /// One that also finds who waits while an ISR is smaller than `min.insync.replicas`. A transcript tells of that
    /// when it begins (`HighWatermarkHeld`), and needs no stall beside it.
    pub fn of_all() -> Self {
        let mut reader = StallReader::default();
        reader.stalls.finds_held = true;
        reader
    }

    /// When a stall may begin to be one.
    pub fn due(&self) -> Option<Time> {
        self.stalls.look_at
    }

    /// Time passes: what has waited long by now. Every entry before `now` has to be known.
    pub fn pass(&mut self, now: Time) -> Vec<Stall> {
        self.stalls.pass(now, &self.story)
    }

    /// Takes in an entry, after time has passed to it.
    pub fn learn(&mut self, entry: &TraceEntry) {
        self.stalls.learn(entry);
        self.story.learn(entry);
    }
}

/// What waits on which partition.
#[derive(Debug, Default)]
pub(super) struct Stalls {
    partitions: BTreeMap<TopicPartition, Watched>,
    /// Nobody can have waited long before this.
    look_at: Option<Time>,
    /// Also those of which the leader has said itself that its ISR is too small.
    finds_held: bool,
}

#[derive(Debug, Default)]
struct Watched {
    /// Brokers that hold themselves to lead: one, or a deposed one beside it.
    leaders: Vec<Leader>,
    followers: Vec<Follower>,
    readers: Vec<Reader>,
}

#[derive(Debug)]
struct Leader {
    node: Rc<str>,
    log_end: i64,
    high_watermark: i64,
    isr: Vec<BrokerId>,
    /// Whom it wants in the ISR: it waits for them already.
    joining: Vec<BrokerId>,
    /// Since when its log has gone beyond its high watermark without that one moving.
    stands_since: Option<Time>,
    /// The first acks=all write that waits, and since when.
    write: Option<(i64, Time)>,
    last_write: i64,
    /// It has said that its ISR is too small.
    held: bool,
    told: Option<Told>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    write: Option<i64>,
    readers: bool,
}

#[derive(Debug)]
struct Follower {
    node: Rc<str>,
    log_end: i64,
}

#[derive(Debug)]
struct Reader {
    node: Rc<str>,
    position: i64,
    since: Time,
}

impl Stalls {
    /// What has waited long by now and was not told yet, oldest first.
    pub(super) fn pass(&mut self, now: Time, story: &Story) -> Vec<Stall> {
        if self.look_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let mut next: Option<Time> = None;
        let mut begun = Vec::new();
        for (partition, watched) in &mut self.partitions {
            let followers = &watched.followers;
            let leads = story.leader(partition);
            for leader in &mut watched.leaders {
                // Nobody reads from one that was deposed.
                let is_deposed = leads > NO_LEADER && leads != broker_id(&leader.node);
                let readers: &[Reader] = match is_deposed {
                    true => &[],
                    false => &watched.readers,
                };
                let due = match leader.held && !self.finds_held {
                    true => None,
                    false => leader.due(readers, story),
                };
                match due {
                    Some(due) if due > now => next = Some(next.map_or(due, |at| at.min(due))),
                    // What a paused leader holds up is told of its pause.
                    Some(due) if story.absence(&leader.node).is_none() => {
                        begun.push(leader.begins(due, partition, followers, readers, story));
                    }
                    _ => {}
                }
            }
        }
        self.look_at = next;
        begun.sort_by_key(|stall| stall.at);
        begun
    }

    /// Takes in an entry; answers what it ends.
    pub(super) fn learn(&mut self, entry: &TraceEntry) -> Option<Waiting> {
        let (node, now) = (&entry.node, entry.time);
        match &entry.fact {
            Fact::Appended {
                partition,
                base_offset,
                last_offset,
                as_leader: true,
                acks_all,
                ..
            } => {
                if let Some(leader) = self.leader(partition, node) {
                    leader.appends(*base_offset, *last_offset, *acks_all, now);
                    self.look_in_a_while(now);
                }
            }
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            } => {
                let leader = self.leader(partition, node)?;
                let ended = leader.moves(*high_watermark, now, partition);
                let stands = leader.stands_since.is_some();
                if stands {
                    self.look_in_a_while(now);
                }
                return ended;
            }
            Fact::Consumed {
                partition, offset, ..
            } => self.reads(partition, node, offset + 1, now),
            Fact::PositionSet {
                partition, offset, ..
            } => self.reads(partition, node, *offset, now),
            Fact::Appended {
                partition,
                last_offset,
                as_leader: false,
                ..
            } => self.copies(partition, node, last_offset + 1),
            Fact::Truncated { partition, to, .. } => self.copies(partition, node, *to),
            Fact::BecameFollower {
                partition,
                log_end_offset,
                ..
            } => {
                self.drop_leader(partition, node);
                self.copies(partition, node, *log_end_offset);
            }
            Fact::ReplicaStopped { partition, .. } => self.drop_leader(partition, node),
            Fact::BecameLeader {
                partition,
                log_end_offset,
                high_watermark,
                isr,
                ..
            } => {
                let leader = self.new_leader(partition, node);
                leader.leads(*log_end_offset, *high_watermark, isr, now);
                self.look_in_a_while(now);
            }
            Fact::IsrChanged { partition, isr, .. } => {
                if let Some(leader) = self.leader(partition, node) {
                    leader.isr.clone_from(isr);
                    leader.joining.clear();
                }
            }
            Fact::IsrChangeAsked { partition, isr, .. } => {
                if let Some(leader) = self.leader(partition, node) {
                    leader.joining.clone_from(isr);
                }
            }
            Fact::HighWatermarkHeld { partition, .. } => {
                if let Some(leader) = self.leader(partition, node) {
                    leader.held = true;
                }
            }
            Fact::ProduceRefused {
                partition,
                error: ErrorCode::RequestTimedOut,
            } => {
                if let Some(leader) = self.leader(partition, node) {
                    (leader.write, leader.last_write) = (None, -1);
                }
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } | Fact::Started => {
                for watched in self.partitions.values_mut() {
                    watched.leaders.retain(|leader| leader.node != *node);
                    watched.readers.retain(|reader| reader.node != *node);
                }
            }
            Fact::Resumed => {
                // Nobody could copy from it until now.
                let leaders = self.partitions.values_mut().flat_map(|it| &mut it.leaders);
                for leader in leaders.filter(|leader| leader.node == *node) {
                    leader.stands_since = leader.stands_since.map(|_| now);
                    leader.write = leader.write.map(|(offset, _)| (offset, now));
                }
                self.look_in_a_while(now);
            }
            _ => {}
        }
        None
    }

    /// The leader has said already that its ISR is too small, and nothing has moved since.
    pub(super) fn knows_as_held(&self, partition: &TopicPartition, node: &Rc<str>) -> bool {
        let watched = self.partitions.get(partition);
        let mut leaders = watched.iter().flat_map(|watched| &watched.leaders);
        leaders.any(|leader| leader.node == *node && leader.held)
    }

    /// What was told and goes on.
    pub(super) fn still(&self, story: &Story) -> Vec<Waiting> {
        let mut still = Vec::new();
        for (partition, watched) in &self.partitions {
            for leader in &watched.leaders {
                let told = leader.told.filter(|_| !leader.held);
                let waiting = Waiting {
                    leader: leader.node.clone(),
                    partition: partition.clone(),
                    writes: leader.write.is_some() && told.is_some_and(|it| it.write.is_some()),
                    readers: told.is_some_and(|it| it.readers)
                        && watched.readers.iter().any(|reader| reader.is_there(story)),
                    held: leader.held,
                };
                if waiting.writes || waiting.readers || waiting.held {
                    still.push(waiting);
                }
            }
        }
        still
    }

    fn leader(&mut self, partition: &TopicPartition, node: &Rc<str>) -> Option<&mut Leader> {
        let watched = self.partitions.get_mut(partition)?;
        watched.leaders.iter_mut().find(|it| it.node == *node)
    }

    fn new_leader(&mut self, partition: &TopicPartition, node: &Rc<str>) -> &mut Leader {
        let leaders = &mut self.watched(partition).leaders;
        let known = leaders.iter().position(|leader| leader.node == *node);
        let place = known.unwrap_or_else(|| {
            leaders.push(Leader::new(node));
            leaders.len() - 1
        });
        &mut leaders[place]
    }

    fn drop_leader(&mut self, partition: &TopicPartition, node: &Rc<str>) {
        if let Some(watched) = self.partitions.get_mut(partition) {
            watched.leaders.retain(|leader| leader.node != *node);
        }
    }

    fn copies(&mut self, partition: &TopicPartition, node: &Rc<str>, log_end: i64) {
        let followers = &mut self.watched(partition).followers;
        match followers.iter_mut().find(|it| it.node == *node) {
            Some(follower) => follower.log_end = log_end,
            None => followers.push(Follower {
                node: node.clone(),
                log_end,
            }),
        }
    }

    fn reads(&mut self, partition: &TopicPartition, node: &Rc<str>, position: i64, since: Time) {
        let watched = self.watched(partition);
        match watched.readers.iter_mut().find(|it| it.node == *node) {
            Some(reader) => (reader.position, reader.since) = (position, since),
            None => watched.readers.push(Reader {
                node: node.clone(),
                position,
                since,
            }),
        }
        let stands = |leader: &Leader| leader.stands_since.is_some();
        if watched.leaders.iter().any(stands) {
            self.look_in_a_while(since);
        }
    }

    fn watched(&mut self, partition: &TopicPartition) -> &mut Watched {
        self.partitions.entry(partition.clone()).or_default()
    }

    fn look_in_a_while(&mut self, now: Time) {
        let at = now + LONG;
        self.look_at = Some(self.look_at.map_or(at, |sooner| sooner.min(at)));
    }
}

impl Leader {
    fn new(node: &Rc<str>) -> Self {
        Leader {
            node: node.clone(),
            log_end: 0,
            high_watermark: 0,
            isr: Vec::new(),
            joining: Vec::new(),
            stands_since: None,
            write: None,
            last_write: -1,
            held: false,
            told: None,
        }
    }

    fn leads(&mut self, log_end: i64, high_watermark: i64, isr: &[BrokerId], now: Time) {
        (self.log_end, self.high_watermark) = (log_end, high_watermark);
        self.isr = isr.to_vec();
        self.joining.clear();
        self.stands_since = match high_watermark < log_end {
            true => self.stands_since.or(Some(now)),
            false => None,
        };
    }

    fn appends(&mut self, base_offset: i64, last_offset: i64, acks_all: bool, now: Time) {
        self.log_end = last_offset + 1;
        self.stands_since.get_or_insert(now);
        if acks_all {
            self.write.get_or_insert((base_offset, now));
            self.last_write = last_offset;
        }
    }

    fn moves(
        &mut self,
        high_watermark: i64,
        now: Time,
        partition: &TopicPartition,
    ) -> Option<Waiting> {
        self.high_watermark = high_watermark;
        self.stands_since = (high_watermark < self.log_end).then_some(now);
        self.write = (high_watermark <= self.last_write).then_some((high_watermark, now));
        let held = std::mem::take(&mut self.held);
        let is_past = |told: &Told| told.write.is_none_or(|offset| high_watermark > offset);
        let told = self.told.take_if(|told| is_past(told));
        (held || told.is_some()).then(|| Waiting {
            leader: self.node.clone(),
            partition: partition.clone(),
            writes: told.is_some_and(|told| told.write.is_some()),
            readers: told.is_some_and(|told| told.readers),
            held,
        })
    }

    /// When the first of those who wait for it has waited long.
    fn due(&self, readers: &[Reader], story: &Story) -> Option<Time> {
        let since = self.stands_since?;
        if self.told.is_some() {
            return None;
        }
        let readers = readers
            .iter()
            .filter(|reader| reader.position >= self.high_watermark && reader.is_there(story))
            .map(|reader| reader.since.max(since));
        let write = self.write.map(|(_, since)| since);
        let first = readers.chain(write).min()?;
        Some(first + LONG)
    }

    fn begins(
        &mut self,
        at: Time,
        partition: &TopicPartition,
        followers: &[Follower],
        readers: &[Reader],
        story: &Story,
    ) -> Stall {
        let write = self.write.map(|(offset, _)| offset);
        let wanted = write.unwrap_or(self.high_watermark);
        let members = self.isr.iter().chain(&self.joining);
        let mut waits_for: Vec<BrokerId> = members.copied().collect();
        waits_for.sort_unstable();
        waits_for.dedup();
        waits_for.retain(|id| *id != broker_id(&self.node));
        let has_copied = |id: &BrokerId| {
            let name = broker_name(*id);
            let mut of_it = followers.iter().filter(|it| *it.node == *name);
            of_it.any(|follower| follower.log_end > wanted)
        };
        let copied = waits_for.iter().all(has_copied);
        if !copied {
            waits_for.retain(|id| !has_copied(id));
        }
        let readers = readers.iter().filter(|reader| reader.is_there(story));
        let readers: Vec<Rc<str>> = readers.map(|reader| reader.node.clone()).collect();
        self.told = Some(Told {
            write,
            readers: !readers.is_empty(),
        });
        Stall {
            at,
            leader: self.node.clone(),
            partition: partition.clone(),
            since: self.stands_since.unwrap_or(at),
            high_watermark: self.high_watermark,
            write,
            readers,
            waits_for,
            copied,
        }
    }
}

impl Reader {
    fn is_there(&self, story: &Story) -> bool {
        story.absence(&self.node).is_none()
    }
}

#[cfg(test)]
mod tests;
