//! What a reader of a transcript has been told so far. Later lines say what changed since.

use super::TraceEntry;
use crate::kernel::{Duration, Time};
use crate::protocol::zookeeper::SessionId;
use crate::protocol::{BrokerId, ErrorCode, Fact, NO_LEADER, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Session timeout of a broker that has not been given one yet: Kafka's default of
/// `zookeeper.session.timeout.ms`.
const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(18);

/// A follower that was refused so long ago has asked again, unless something else holds it up.
const REFUSED_LATELY: Duration = Duration::from_secs(3);

/// Why a node does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Absence {
    Crashed,
    Paused,
    /// It ended by itself, or was asked to.
    Ended,
}

/// A cluster as far as facts have told of it.
#[derive(Debug, Default)]
pub(super) struct Story {
    started: BTreeSet<Rc<str>>,
    absent: BTreeMap<Rc<str>, Absence>,
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
    /// When each node last went on after a pause.
    resumed: BTreeMap<Rc<str>, Time>,
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
                self.resumed.insert(node.clone(), entry.time);
            }
            Fact::Appended { partition, .. } if !self.written.contains(partition) => {
                self.written.insert(partition.clone());
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
            Fact::Crashed | Fact::PowerFailed => self.is_away(node, Absence::Crashed),
            Fact::Paused => self.is_away(node, Absence::Paused),
            Fact::Exiting { .. } => self.is_away(node, Absence::Ended),
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

    fn is_away(&mut self, node: &Rc<str>, absence: Absence) {
        self.absent.insert(node.clone(), absence);
        if absence != Absence::Paused {
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

    /// The node that states this has gone on after a pause a moment ago.
    pub(super) fn was_just_resumed(&self, entry: &TraceEntry) -> bool {
        let resumed = self.resumed.get(&entry.node);
        resumed.is_some_and(|resumed| entry.time.since(*resumed) < Duration::from_secs(1))
    }

    pub(super) fn absence(&self, broker: BrokerId) -> Option<Absence> {
        let name = broker_name(broker);
        self.absent.get(name.as_str()).copied()
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

    /// The broker is a partition's leader, as last written.
    pub(super) fn leads_something(&self, broker: BrokerId) -> bool {
        self.leader.values().any(|leader| *leader == broker)
    }

    /// The broker's present process has begun to lead a partition, and is its leader as last written.
    pub(super) fn has_led_something(&self, node: &Rc<str>) -> bool {
        let mut led = self.leader.iter().filter(|(_, id)| **id == broker_id(node));
        led.any(|(partition, id)| self.believes(node, partition, *id))
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
