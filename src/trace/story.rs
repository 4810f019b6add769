//! What a reader of a transcript has been told so far. Later lines say what changed since.

use super::TraceEntry;
use super::by_node::ByNode;
use crate::kernel::{Duration, Time};
use crate::protocol::zookeeper::SessionId;
use crate::protocol::{
    BrokerId, ErrorCode, Fact, GroupFact, LinkFault, MachineFault, NO_LEADER, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Session timeout of a broker that has not been given one yet: Kafka's default of
/// `zookeeper.session.timeout.ms`.
const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(18);

/// Kafka's default of `replica.lag.time.max.ms`, for a broker that has not said what it works by.
const DEFAULT_LAG_TIME_MAX: Duration = Duration::from_secs(30);

/// A producer that made its last record less long ago is about to make another.
const STILL_AT_WORK: Duration = Duration::from_secs(10);

/// A follower that was refused so long ago has asked again, unless something else holds it up.
const REFUSED_LATELY: Duration = Duration::from_secs(3);

/// Why a node does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Absence {
    Crashed,
    WithoutPower,
    Paused,
    /// It ended by itself, or was asked to.
    Ended,
}

/// A producer, as far as one partition is concerned.
#[derive(Debug, Default)]
struct Writer {
    /// Records of which it has not learned what became of them.
    unsettled: u64,
    /// When it made the last one.
    last: Time,
}

/// A fault between sets of nodes.
#[derive(Debug)]
struct Link {
    fault: LinkFault,
    sides: Vec<Vec<Rc<str>>>,
    since: Time,
}

impl Link {
    /// It lies between these two. A single side is cut off from everybody else.
    fn is_between(&self, a: &str, b: &str) -> bool {
        let side = |node: &str| {
            let holds = |side: &Vec<Rc<str>>| side.iter().any(|one| **one == *node);
            self.sides.iter().position(holds)
        };
        match (side(a), side(b), self.sides.len()) {
            (Some(a), Some(b), _) => a != b,
            (a, b, 1) => a.is_some() || b.is_some(),
            _ => false,
        }
    }
}

/// A cluster as far as facts have told of it.
#[derive(Debug, Default)]
pub(super) struct Story {
    started: BTreeSet<Rc<str>>,
    absent: BTreeMap<Rc<str>, (Absence, Time)>,
    session_owner: BTreeMap<SessionId, Rc<str>>,
    session_timeout: BTreeMap<SessionId, Duration>,
    /// The session that each node opened last.
    newest_session: BTreeMap<Rc<str>, SessionId>,
    isr: BTreeMap<TopicPartition, Vec<BrokerId>>,
    leader: BTreeMap<TopicPartition, BrokerId>,
    /// Whom each process believes to lead.
    believed: BTreeMap<(Rc<str>, TopicPartition), BrokerId>,
    /// Brokers that have had replicas.
    held_replicas: BTreeSet<Rc<str>>,
    /// Partitions that have had records.
    written: BTreeSet<TopicPartition>,
    /// When and why a leader last refused a follower's fetch.
    refused: BTreeMap<(TopicPartition, BrokerId), (Time, ErrorCode)>,
    /// Producers of a partition that run.
    writers: BTreeMap<TopicPartition, ByNode<Writer>>,
    /// Consumers of a partition that run.
    readers: BTreeMap<TopicPartition, BTreeSet<Rc<str>>>,
    /// The group of each member that was given partitions.
    group_of: BTreeMap<Rc<str>, Rc<str>>,
    /// Behind the last record that a group is done with, and which member was.
    processed: BTreeMap<(Rc<str>, TopicPartition), (i64, Rc<str>)>,
    /// Behind the last record that `poll` gave each consumer's process: its application works off what it has been
    /// given, wherever its consumer reads on.
    handed: BTreeMap<TopicPartition, ByNode<i64>>,
    /// The highest that a leader has stated.
    high_watermarks: BTreeMap<TopicPartition, i64>,
    has_acks_all: bool,
    /// What machines suffer from, and since when.
    machines: BTreeMap<(Rc<str>, MachineFault), Time>,
    /// What messages suffer from, by the fault's number.
    links: BTreeMap<u32, Link>,
    /// `replica.lag.time.max.ms` of each broker.
    lag_time_max: BTreeMap<Rc<str>, Duration>,
    /// The topic in which groups are kept could not be made.
    groups_have_no_topic: bool,
}

impl Story {
    /// Takes in an entry; called after it has been put into words.
    pub(super) fn learn(&mut self, entry: &TraceEntry) {
        let node = &entry.node;
        match &entry.fact {
            Fact::Started => {
                self.started.insert(node.clone());
                self.absent.remove(node);
                // However the process before it ended.
                self.believed.retain(|(believer, _), _| believer != node);
            }
            Fact::LogsLoaded { .. } => {
                self.started.insert(node.clone());
                self.absent.remove(node);
            }
            Fact::Resumed => {
                self.absent.remove(node);
            }
            Fact::Appended {
                partition,
                acks_all,
                ..
            } => {
                self.has_acks_all |= acks_all;
                if !self.written.contains(partition) {
                    self.written.insert(partition.clone());
                }
            }
            Fact::RecordCreated { partition, .. } => {
                let writer = self.writer(partition, node);
                writer.unsettled += 1;
                writer.last = entry.time;
            }
            Fact::Acked { partition, .. } | Fact::Failed { partition, .. } => {
                let writer = self.writer(partition, node);
                writer.unsettled = writer.unsettled.saturating_sub(1);
            }
            Fact::Consumed {
                partition, offset, ..
            } => {
                let end = self.handed.entry(partition.clone()).or_default();
                let end = end.of(node);
                *end = (*end).max(offset + 1);
            }
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader: true,
            } => match self.high_watermarks.get_mut(partition) {
                Some(highest) => *highest = (*highest).max(*high_watermark),
                None => {
                    self.high_watermarks
                        .insert(partition.clone(), *high_watermark);
                }
            },
            Fact::Group(
                GroupFact::PartitionsAssigned { group, .. }
                | GroupFact::AssignedByHand { group, .. },
            ) => {
                self.group_of.insert(node.clone(), group.clone());
            }
            Fact::Group(GroupFact::Processed {
                group,
                partition,
                offset,
            }) => {
                let place = (group.clone(), partition.clone());
                let end = offset + 1;
                let furthest = self.processed.get(&place);
                if furthest.is_none_or(|(furthest, _)| end >= *furthest) {
                    self.processed.insert(place, (end, node.clone()));
                }
            }
            Fact::Group(GroupFact::TopicRefused { .. }) => self.groups_have_no_topic = true,
            Fact::Group(GroupFact::Loaded { .. }) => self.groups_have_no_topic = false,
            Fact::PositionSet { partition, .. } => {
                let readers = self.readers.entry(partition.clone()).or_default();
                readers.insert(node.clone());
            }
            Fact::BecameLeader { partition, .. } => {
                self.held_replicas.insert(node.clone());
                let own = broker_id(node);
                self.believed.insert((node.clone(), partition.clone()), own);
            }
            Fact::BecameFollower {
                partition, leader, ..
            } => {
                self.held_replicas.insert(node.clone());
                self.believed
                    .insert((node.clone(), partition.clone()), *leader);
            }
            Fact::FetchRefused {
                partition,
                replica,
                error,
            } if *replica >= 0 => {
                let follower = (partition.clone(), *replica);
                self.refused.insert(follower, (entry.time, *error));
            }
            Fact::Crashed => self.is_away(entry, Absence::Crashed),
            Fact::PowerFailed => self.is_away(entry, Absence::WithoutPower),
            Fact::Paused => self.is_away(entry, Absence::Paused),
            Fact::Exiting { .. } => self.is_away(entry, Absence::Ended),
            Fact::MachineFault { fault, on: true } => {
                let machine = (node.clone(), *fault);
                self.machines.entry(machine).or_insert(entry.time);
            }
            Fact::MachineFault { fault, on: false } => {
                self.machines.remove(&(node.clone(), *fault));
            }
            Fact::LinkFault {
                number,
                fault,
                sides,
            } => {
                let link = Link {
                    fault: *fault,
                    sides: sides.clone(),
                    since: entry.time,
                };
                self.links.insert(*number, link);
            }
            Fact::LinkHealed { number } => {
                self.links.remove(number);
            }
            Fact::BrokerConfigured {
                replica_lag_time_max_ms,
            } => {
                let lag = Duration::from_millis(*replica_lag_time_max_ms);
                self.lag_time_max.insert(node.clone(), lag);
            }
            Fact::ZooKeeperConnected { session, .. } => {
                self.session_owner.insert(*session, node.clone());
                self.newest_session.insert(node.clone(), *session);
                self.absent.remove(node);
            }
            Fact::SessionOpened {
                session,
                timeout_ms,
            } => {
                let timeout = Duration::from_millis(u64::from(*timeout_ms));
                self.session_timeout.insert(*session, timeout);
            }
            Fact::SessionExpired { session, .. } | Fact::SessionClosed { session, .. } => {
                self.session_timeout.remove(session);
            }
            Fact::StateWritten {
                partition,
                leader,
                isr,
                ..
            } => {
                self.isr.insert(partition.clone(), isr.clone());
                self.leader.insert(partition.clone(), *leader);
            }
            _ => {}
        }
    }

    fn is_away(&mut self, entry: &TraceEntry, absence: Absence) {
        let node = &entry.node;
        self.absent.insert(node.clone(), (absence, entry.time));
        if absence != Absence::Paused {
            for writers in self.writers.values_mut() {
                writers.remove(node);
            }
            for readers in self.readers.values_mut() {
                readers.remove(node);
            }
            for handed in self.handed.values_mut() {
                handed.remove(node);
            }
            self.believed.retain(|(believer, _), _| believer != node);
        }
    }

    /// The node's process has run before.
    pub(super) fn has_run(&self, node: &str) -> bool {
        self.started.contains(node)
    }

    /// The broker, in this life or an earlier one, has had replicas.
    pub(super) fn has_held_replicas(&self, node: &str) -> bool {
        self.held_replicas.contains(node)
    }

    /// Records were written to the partition.
    pub(super) fn is_written(&self, partition: &TopicPartition) -> bool {
        self.written.contains(partition)
    }

    /// Who waits while nobody leads these partitions: clients that run, and have something to do there.
    pub(super) fn who_waits<'a>(
        &self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
        now: Time,
    ) -> Option<&'static str> {
        let (mut reads, mut writes) = (false, false);
        for partition in partitions {
            let readers = self.readers.get(partition);
            reads |= readers.is_some_and(|readers| !readers.is_empty());
            let writers = self.writers.get(partition).into_iter();
            writes |= writers
                .flat_map(ByNode::iter)
                .any(|(_, writer)| writer.unsettled > 0 || now.since(writer.last) < STILL_AT_WORK);
        }
        match (reads, writes) {
            (true, true) => Some("reads and writes wait"),
            (true, false) => Some("reads wait"),
            (false, true) => Some("writes wait"),
            (false, false) => None,
        }
    }

    /// Behind the last record of the partition that the node's group is done with, if it has done any, and which
    /// member was.
    pub(super) fn processed_by_group(
        &self,
        node: &str,
        partition: &TopicPartition,
    ) -> Option<(i64, &str)> {
        let group = self.group_of.get(node)?;
        let place = (group.clone(), partition.clone());
        let (end, member) = self.processed.get(&place)?;
        Some((*end, member))
    }

    /// Behind the last record of the partition that a member of the node's group, whose process lives, was given, and
    /// which member: the node itself before another that was given as much.
    pub(super) fn handed_to_group(
        &self,
        node: &str,
        partition: &TopicPartition,
    ) -> Option<(i64, &str)> {
        let group = self.group_of.get(node)?;
        let handed = self.handed.get(partition)?.iter();
        let of_group = handed.filter(|(member, _)| self.group_of.get(*member) == Some(group));
        let furthest = of_group.max_by_key(|(member, end)| (**end, ***member == *node));
        furthest.map(|(member, end)| (*end, &**member))
    }

    /// Where the committed records of the partition end, as far as its leaders have stated.
    pub(super) fn high_watermark(&self, partition: &TopicPartition) -> Option<i64> {
        self.high_watermarks.get(partition).copied()
    }

    /// Some broker could not make it, and none has read it since.
    pub(super) fn groups_have_no_topic(&self) -> bool {
        self.groups_have_no_topic
    }

    /// Somebody writes with acks=all.
    pub(super) fn is_written_with_acks_all(&self) -> bool {
        self.has_acks_all
    }

    fn writer(&mut self, partition: &TopicPartition, node: &Rc<str>) -> &mut Writer {
        let writers = self.writers.entry(partition.clone()).or_default();
        writers.of(node)
    }

    /// Why the node does nothing, and since when.
    pub(super) fn absence(&self, node: &str) -> Option<(Absence, Time)> {
        self.absent.get(node).copied()
    }

    /// What holds the node's machine up, and since when.
    pub(super) fn machine_fault(&self, node: &str) -> Option<(MachineFault, Time)> {
        let mut faults = self.machines.iter().filter(|((of, _), _)| **of == *node);
        faults.next().map(|((_, fault), since)| (*fault, *since))
    }

    /// What holds messages between two nodes up, and since when: the fault that began last.
    pub(super) fn link_fault(&self, a: &str, b: &str) -> Option<(LinkFault, Time)> {
        let mut links = self.links.values().rev();
        let link = links.find(|link| link.is_between(a, b))?;
        Some((link.fault, link.since))
    }

    /// How long a follower may lag behind this leader before it leaves the ISR.
    pub(super) fn lag_time_max(&self, leader: &str) -> Duration {
        let told = self.lag_time_max.get(leader).copied();
        told.unwrap_or(DEFAULT_LAG_TIME_MAX)
    }

    /// ZooKeeper still holds a session of this broker.
    pub(super) fn has_session(&self, broker: BrokerId) -> bool {
        self.session_of(broker).is_some()
    }

    /// The timeout that ZooKeeper granted to this broker's session.
    pub(super) fn session_timeout(&self, broker: BrokerId) -> Duration {
        self.session_of(broker)
            .and_then(|session| self.session_timeout.get(&session).copied())
            .unwrap_or(DEFAULT_SESSION_TIMEOUT)
    }

    fn session_of(&self, broker: BrokerId) -> Option<SessionId> {
        let session = self.newest_session.get(broker_name(broker).as_str())?;
        let lives = self.session_timeout.contains_key(session);
        lives.then_some(*session)
    }

    /// ZooKeeper has given it up, or closed it.
    pub(super) fn is_over(&self, session: SessionId) -> bool {
        self.session_owner.contains_key(&session) && !self.session_timeout.contains_key(&session)
    }

    /// Its owner has opened another since.
    pub(super) fn is_left_behind(&self, session: SessionId) -> bool {
        let owner = self.session_owner.get(&session);
        let newest = owner.and_then(|owner| self.newest_session.get(owner));
        newest.is_some_and(|newest| *newest != session)
    }

    /// Whose session it is, as far as that node has told.
    pub(super) fn owner(&self, session: SessionId) -> Option<&str> {
        self.session_owner.get(&session).map(|owner| &**owner)
    }

    /// Why a follower's fetch was refused, if it was so shortly before `now` that it may be waiting still.
    pub(super) fn refused_lately(
        &self,
        partition: &TopicPartition,
        follower: BrokerId,
        now: Time,
    ) -> Option<(Time, ErrorCode)> {
        let refused = self.refused.get(&(partition.clone(), follower)).copied();
        refused.filter(|(time, _)| now.since(*time) <= REFUSED_LATELY)
    }

    /// The broker is in the ISR of a partition.
    pub(super) fn is_in_some_isr(&self, broker: BrokerId) -> bool {
        self.isr.values().any(|isr| isr.contains(&broker))
    }

    /// What the broker leads, as last written.
    pub(super) fn led_by(&self, broker: BrokerId) -> impl Iterator<Item = &TopicPartition> {
        let led = self.leader.iter().filter(move |(_, id)| **id == broker);
        led.map(|(partition, _)| partition)
    }

    /// What the broker's present process has begun to lead, and leads as last written.
    pub(super) fn begun_to_lead(&self, node: &Rc<str>) -> impl Iterator<Item = &TopicPartition> {
        let id = broker_id(node);
        let led = self.led_by(id);
        led.filter(move |partition| self.believes(node, partition, id))
    }

    /// The ISR that was last written.
    pub(super) fn isr(&self, partition: &TopicPartition) -> &[BrokerId] {
        self.isr.get(partition).map_or(&[], Vec::as_slice)
    }

    /// The node has stated already that this broker leads, and its process has lived since.
    pub(super) fn believes(
        &self,
        node: &Rc<str>,
        partition: &TopicPartition,
        leader: BrokerId,
    ) -> bool {
        let believed = self.believed.get(&(node.clone(), partition.clone()));
        believed.is_some_and(|believed| *believed == leader)
    }

    /// The leader that was last written.
    pub(super) fn leader(&self, partition: &TopicPartition) -> BrokerId {
        self.leader.get(partition).copied().unwrap_or(NO_LEADER)
    }
}

/// The name of a broker's node.
pub(super) fn broker_name(broker: BrokerId) -> String {
    format!("broker-{broker}")
}

/// The id of the broker that a node is; 0 for another node.
pub(super) fn broker_id(node: &str) -> BrokerId {
    let id = node.strip_prefix("broker-").and_then(|id| id.parse().ok());
    id.unwrap_or_default()
}
