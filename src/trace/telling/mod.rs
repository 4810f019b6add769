//! Each fact in words that a beginner understands: what happened, and why.
//!
//! A telling has three parts, so that equal ones can be told in one line: "takes broker-1 out of the ISR
//! of " · "t-1 (now 2,3)" · ": it is gone". Tellings with the same first and last part are joined.

mod application;
mod client;
mod controller;
mod fetch_session;
mod group;
mod message;
mod not_reached;
mod position;
mod process;
mod producer_state;
mod replica;
mod shell;
mod stall;

pub(super) use stall::{end_of_stall, stall, stands_still_again, still_stands};

use super::TraceEntry;
use super::story::{Story, broker_name};
use crate::protocol::{BrokerId, ErrorCode, Fact};

/// How much a line matters to who reads the transcript.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Weight {
    /// A line of the story.
    Loud,
    /// A line of the story the first time; then silent until it has not been heard for a while.
    Episode,
    /// Left to `--verbose`.
    Quiet,
}

/// A fact in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Telling {
    pub weight: Weight,
    pub before: String,
    /// What differs between tellings that are joined.
    pub item: String,
    pub after: String,
    /// It may be joined with the same of other nodes, under the name "clients".
    pub of_clients: bool,
}

/// Puts an entry into words. `story` is what was told before it.
pub(super) fn tell(entry: &TraceEntry, story: &Story) -> Telling {
    match &entry.fact {
        Fact::Started
        | Fact::Crashed
        | Fact::Lingers
        | Fact::Gone
        | Fact::PowerFailed
        | Fact::Paused
        | Fact::Resumed
        | Fact::TerminateAsked
        | Fact::Exiting { .. }
        | Fact::TimelineEvent { .. }
        | Fact::NobodyFits { .. }
        | Fact::StartUnfinished { .. }
        | Fact::MachineFault { .. }
        | Fact::LinkFault { .. }
        | Fact::LinkHealed { .. }
        | Fact::LogDirFailed { .. } => process::of_process(entry, story),

        Fact::ZooKeeperServing { .. }
        | Fact::AheadClientRefused { .. }
        | Fact::SessionOpened { .. }
        | Fact::SessionResumed { .. }
        | Fact::SessionExpired { .. }
        | Fact::SessionClosed { .. }
        | Fact::ZooKeeperLooks { .. }
        | Fact::ZooKeeperElects { .. }
        | Fact::LearnerSynchronised { .. }
        | Fact::ZooKeeperLeads { .. }
        | Fact::ZooKeeperFollows { .. }
        | Fact::ZooKeeperLeaves { .. }
        | Fact::TxnApplied { .. }
        | Fact::ZooKeeperAsked { .. }
        | Fact::ZooKeeperAnswered { .. }
        | Fact::ZooKeeperWatchFired { .. }
        | Fact::ZooKeeperConnected { .. }
        | Fact::ZooKeeperDisconnected { .. }
        | Fact::ZooKeeperWatchesForgotten { .. }
        | Fact::ZooKeeperSessionLost { .. } => process::of_zookeeper(&entry.fact, story),

        Fact::BrokerConfigured { .. }
        | Fact::LogsLoaded { .. }
        | Fact::SegmentScanned { .. }
        | Fact::LogLoaded { .. }
        | Fact::LogRepaired { .. }
        | Fact::Registered { .. }
        | Fact::RegistrationRefused { .. }
        | Fact::Serving
        | Fact::ControllerObeyed { .. }
        | Fact::ControlledShutdownBegins
        | Fact::ControlledShutdownEnds { .. }
        | Fact::TopicMissed { .. }
        | Fact::TopicAutoCreated { .. }
        | Fact::FlushWaited { .. } => process::of_broker(entry, story),

        Fact::ControllerElected { .. }
        | Fact::ControllerResigned { .. }
        | Fact::BrokersChanged { .. }
        | Fact::TopicSeen { .. }
        | Fact::StateWritten { .. }
        | Fact::ElectionFailed { .. }
        | Fact::LeadersImbalanced { .. }
        | Fact::AlterPartitionRefused { .. } => controller::of_controller(entry, story),

        Fact::BecameLeader { .. }
        | Fact::BecameFollower { .. }
        | Fact::FetcherPartitionFailed { .. }
        | Fact::SegmentsDeleted { .. }
        | Fact::LogStartMoved { .. }
        | Fact::ReplicaStopped { .. }
        | Fact::IsrChangeAsked { .. }
        | Fact::IsrChanged { .. }
        | Fact::Appended { .. }
        | Fact::HighWatermarkMoved { .. }
        | Fact::HighWatermarkHeld { .. }
        | Fact::Truncated { .. }
        | Fact::ProduceRefused { .. }
        | Fact::FetchRefused { .. } => replica::of_replica(entry, story),

        Fact::Bootstrapped { .. }
        | Fact::BootstrapFailed { .. }
        | Fact::BrokerNotReached { .. }
        | Fact::RecordCreated { .. }
        | Fact::Acked { .. }
        | Fact::Retrying { .. }
        | Fact::Failed { .. }
        | Fact::PositionSet { .. }
        | Fact::ReadReplicaChosen { .. }
        | Fact::Consumed { .. }
        | Fact::ConsumerError { .. }
        | Fact::ConfigAsked { .. }
        | Fact::DeleteRecordsAsked { .. }
        | Fact::RecordsDeleted { .. }
        | Fact::AdminAnswered { .. } => client::of_client(entry, story),

        Fact::Shell(fact) => shell::of_shell(fact),
        Fact::ProducerState(fact) => producer_state::of_producer_state(fact),
        Fact::FetchSession(fact) => fetch_session::of_fetch_session(fact),

        Fact::Group(fact) => group::of_group(fact, story),
        Fact::Message(fact) => message::of_message(fact),
        Fact::Application(fact) => application::of_application(fact),
    }
}

impl Telling {
    /// The words as one sentence that stands behind the name of that node.
    pub(super) fn sentence(&self, node: &str) -> String {
        let before = match self.of_clients {
            true => of_one(&self.before),
            false => self.before.clone(),
        };
        match self.of_clients && *self.item == *node {
            true => before.trim_end_matches(": ").to_owned(),
            false => format!("{before}{}{}", self.item, self.after),
        }
    }

    /// Members of groups by the names of their clients alone.
    pub(super) fn with_short_ids(self) -> Telling {
        Telling {
            before: group::without_uuids(self.before),
            after: group::without_uuids(self.after),
            ..self
        }
    }

    fn quiet(self) -> Telling {
        Telling {
            weight: Weight::Quiet,
            ..self
        }
    }

    fn of_clients(self) -> Telling {
        Telling {
            of_clients: true,
            ..self
        }
    }
}

/// What clients do, of one: `learn of` is `learns of`.
fn of_one(words: &str) -> String {
    let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
    let rest = rest.replace(" and are told ", " and is told ");
    match verb {
        "have" => format!("has {rest}"),
        verb => format!("{verb}s {rest}"),
    }
}

fn joined(before: impl Into<String>, item: impl Into<String>, after: impl Into<String>) -> Telling {
    Telling {
        weight: Weight::Loud,
        before: before.into(),
        item: item.into(),
        after: after.into(),
        of_clients: false,
    }
}

fn loud(sentence: impl Into<String>) -> Telling {
    joined(sentence, "", "")
}

fn quiet(sentence: impl Into<String>) -> Telling {
    loud(sentence).quiet()
}

fn episode(before: impl Into<String>, item: impl Into<String>) -> Telling {
    Telling {
        weight: Weight::Episode,
        ..joined(before, item, "")
    }
}

/// `1,2,3`, or `nobody`.
fn ids(brokers: &[BrokerId]) -> String {
    if brokers.is_empty() {
        return "nobody".to_owned();
    }
    let words: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    words.join(",")
}

fn brokers_named(brokers: &[BrokerId]) -> String {
    let names: Vec<String> = brokers.iter().map(|id| broker_name(*id)).collect();
    names.join(" and ")
}

/// What an error says to a beginner, in brackets.
fn meaning(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::NotLeaderOrFollower => {
            " (the broker that was asked does not lead the partition)"
        }
        ErrorCode::LeaderNotAvailable => " (the partition has no leader at the moment)",
        ErrorCode::NotEnoughReplicas => " (the ISR is smaller than min.insync.replicas)",
        ErrorCode::NotEnoughReplicasAfterAppend => {
            " (written, but then the ISR was smaller than min.insync.replicas)"
        }
        ErrorCode::NetworkException => {
            " (the connection is lost, and with it the answer: it may be stored already, and then twice)"
        }
        ErrorCode::RequestTimedOut => {
            " (no answer in time: it may be stored already, and then twice)"
        }
        ErrorCode::InvalidTimestamp => {
            " (a record's own timestamp lies further from the broker's clock than message.timestamp.before.max.ms or message.timestamp.after.max.ms allows)"
        }
        ErrorCode::MessageTooLarge => " (a batch is larger than max.message.bytes allows)",
        ErrorCode::InvalidReplicationFactor => {
            " (each replica needs a broker of its own, and fewer are alive)"
        }
        ErrorCode::InvalidTopicException => {
            " (no name for a topic, or one that differs from another's in dots and underscores only)"
        }
        ErrorCode::UnknownTopicOrPartition => " (the broker that was asked does not know it)",
        ErrorCode::OutOfOrderSequenceNumber => " (a batch before it is missing)",
        _ => "",
    }
}

/// What an error means to a producer: " (why)", or nothing where the name says it.
pub fn meaning_of(error: ErrorCode, idempotent: bool) -> &'static str {
    match idempotent {
        true => meaning_with_sequences(error),
        false => meaning(error),
    }
}

/// The same of a batch with sequence numbers, which a leader takes once.
fn meaning_with_sequences(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::NetworkException => {
            " (the connection is lost, and with it the answer: if it is stored already, its sequence numbers tell)"
        }
        ErrorCode::RequestTimedOut => {
            " (no answer in time: if it is stored already, its sequence numbers tell)"
        }
        error => meaning(error),
    }
}
