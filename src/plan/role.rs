//! Roles: whom a fault is for. A role is resolved by the run at the moment when it is needed.

use super::sentence::{Sentence, SentenceError, Slot, sentences};
use crate::protocol::BrokerId;
use std::fmt;
use std::str::FromStr;

sentences! {
    /// Whom a fault is for.
    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub enum Role, "a role" {
        /// The leader in the committed metadata.
        LeaderOf { partition: Partition } = "leader of {partition}",
        /// Every replica in the ISR but the leader.
        IsrFollowersOf { partition: Partition } = "in-sync followers of {partition}",
        /// The lowest id of those that do not lead and can be meant: crash means one that runs, restart one that is down.
        FollowerOf { partition: Partition } = "a follower of {partition}",
        /// Every replica but the leader.
        FollowersOf { partition: Partition } = "followers of {partition}",
        /// Every replica.
        ReplicasOf { partition: Partition } = "replicas of {partition}",
        /// The broker that is the active controller.
        Controller = "controller",
        /// The server that leads the ensemble (the only one, where there is one).
        ZooKeeperLeader = "zookeeper leader",
        /// The running server of the ensemble with the lowest number that does not lead.
        ZooKeeperFollower = "a zookeeper follower",
        /// Every running server of the ensemble that does not lead.
        ZooKeeperFollowers = "zookeeper followers",
        /// All brokers.
        AllBrokers = "all brokers",
        /// All brokers but the leader of this partition.
        OtherBrokers { partition: Partition } = "all brokers but the leader of {partition}",
        /// Brokers whose process is not running because it crashed or lost power.
        CrashedBrokers = "crashed brokers",
        /// Brokers whose process is not running because it ended by itself or was stopped.
        StoppedBrokers = "stopped brokers",
        /// Brokers that are paused.
        PausedBrokers = "paused brokers",
        /// All ZooKeeper servers.
        AllZooKeepers = "all zookeepers",
        /// All producers, consumers and clients of ZooKeeper.
        AllClients = "all clients",
        /// All nodes.
        Everyone = "everyone",
        /// The brokers of a rack.
        Rack { rack: String } = "rack {rack}",
        /// A broker by its id.
        Broker { id: Number } = "broker-{id}",
        /// A ZooKeeper server by its number.
        ZooKeeper { number: Number } = "zookeeper-{number}",
        /// A producer, a consumer, or all members of such a group; a client of ZooKeeper.
        Client { name: String } = "{name}",
    }
}

impl Role {
    /// Whom it means depends on when one asks.
    pub const fn is_of_the_moment(&self) -> bool {
        match self {
            Role::LeaderOf { .. }
            | Role::IsrFollowersOf { .. }
            | Role::FollowerOf { .. }
            | Role::FollowersOf { .. }
            | Role::ReplicasOf { .. }
            | Role::Controller
            | Role::ZooKeeperLeader
            | Role::ZooKeeperFollower
            | Role::ZooKeeperFollowers
            | Role::OtherBrokers { .. }
            | Role::CrashedBrokers
            | Role::StoppedBrokers
            | Role::PausedBrokers => true,
            Role::AllBrokers
            | Role::AllZooKeepers
            | Role::AllClients
            | Role::Everyone
            | Role::Rack { .. }
            | Role::Broker { .. }
            | Role::ZooKeeper { .. }
            | Role::Client { .. } => false,
        }
    }

    pub const fn broker(id: BrokerId) -> Role {
        Role::Broker { id: Number(id) }
    }
}

impl FromStr for Role {
    type Err = SentenceError;

    /// A leading "the" is allowed: "the leader of trucks_gps-0".
    fn from_str(text: &str) -> Result<Self, SentenceError> {
        let text = text.strip_prefix("the ").unwrap_or(text);
        Role::read_sentence(text)
    }
}

impl Slot for Role {
    fn read(words: &str) -> Option<Self> {
        words.parse().ok()
    }

    fn pattern() -> String {
        format!("(the )?({})", Role::patterns().join("|"))
    }
}

/// A number from 1, as in `broker-2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Number(pub i32);

impl Slot for Number {
    fn read(words: &str) -> Option<Self> {
        let digits = words.bytes().all(|b| b.is_ascii_digit()) && !words.starts_with('0');
        (digits && !words.is_empty())
            .then(|| words.parse().ok().map(Number))
            .flatten()
    }

    fn pattern() -> String {
        "[1-9][0-9]*".into()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Those whom a fault is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Targets(pub Vec<Role>);

impl From<Role> for Targets {
    fn from(role: Role) -> Self {
        Targets(vec![role])
    }
}

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, role) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(if i + 1 == self.0.len() { " and " } else { ", " })?;
            }
            write!(f, "{role}")?;
        }
        Ok(())
    }
}

/// A partition of a topic by name: `trucks_gps-0`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Partition {
    pub topic: String,
    pub partition: i32,
}

impl Partition {
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Partition {
            topic: topic.into(),
            partition,
        }
    }
}

impl Slot for Partition {
    fn read(words: &str) -> Option<Self> {
        let (topic, number) = words.rsplit_once('-')?;
        let plain = !topic.is_empty() && !topic.contains(' ');
        let number = (number == "0")
            .then_some(Number(0))
            .or_else(|| Number::read(number))?;
        plain.then(|| Partition::new(topic, number.0))
    }

    fn pattern() -> String {
        "[^ ]+-(0|[1-9][0-9]*)".into()
    }
}

impl FromStr for Partition {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Partition::read(text).ok_or(())
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A record of a producer by name: `trucks-7#16`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Record {
    pub producer: String,
    pub number: u64,
}

impl Slot for Record {
    fn read(words: &str) -> Option<Self> {
        let (producer, number) = words.split_once('#')?;
        let producer = String::read(producer)?;
        Some(Record {
            producer,
            number: number.parse().ok()?,
        })
    }

    fn pattern() -> String {
        r"[^ #]+#\+?[0-9]+".into()
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.producer, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_read_and_write() {
        let partition = || Partition::new("trucks_gps", 0);
        for (text, role) in [
            (
                "leader of trucks_gps-0",
                Role::LeaderOf {
                    partition: partition(),
                },
            ),
            (
                "a follower of trucks_gps-0",
                Role::FollowerOf {
                    partition: partition(),
                },
            ),
            (
                "followers of my-topic-12",
                Role::FollowersOf {
                    partition: Partition::new("my-topic", 12),
                },
            ),
            ("controller", Role::Controller),
            ("rack a", Role::Rack { rack: "a".into() }),
            ("broker-2", Role::broker(2)),
            ("zookeeper-1", Role::ZooKeeper { number: Number(1) }),
            (
                "trucks-7",
                Role::Client {
                    name: "trucks-7".into(),
                },
            ),
            ("crashed brokers", Role::CrashedBrokers),
        ] {
            assert_eq!(text.parse::<Role>().as_ref(), Ok(&role), "{text}");
            assert_eq!(role.to_string(), text);
        }
        assert_eq!("the controller".parse(), Ok(Role::Controller));
    }

    #[test]
    fn what_is_no_role_is_told_the_nearest() {
        let error = "leder of trucks_gps-0".parse::<Role>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "this is not a role; the nearest is \"leader of {partition}\""
        );
        assert!("leader of trucks_gps".parse::<Role>().is_err());
        assert!(
            "broker-0".parse::<Role>()
                == Ok(Role::Client {
                    name: "broker-0".into()
                })
        );
    }
}
