//! A fact in two or three words, for a place where no more has room; and the epoch that colours it.

use crate::kernel::Time;
use crate::protocol::{BrokerId, Fact, GroupFact};
use serde_json::Value;

/// What it says in a picture; `None` for facts that a picture of messages leaves out.
pub(super) fn short(fact: &Fact) -> Option<String> {
    let text = match fact {
        Fact::RecordCreated { record, .. } => format!("#{} in a batch", record.number),
        Fact::Appended { last_offset, .. } => format!("log end {}", last_offset + 1),
        Fact::HighWatermarkMoved { high_watermark, .. } => format!("commit < {high_watermark}"),
        Fact::HighWatermarkHeld { high_watermark, .. } => format!("held at {high_watermark}"),
        Fact::Acked { offset, .. } => format!("stored at {offset}"),
        Fact::Retrying { error, .. } => format!("again: {}", error.name()),
        Fact::Failed { exception, .. } => exception.to_string(),
        Fact::ProduceRefused { error, .. } => error.name().to_owned(),
        Fact::Consumed { offset, .. } => format!("reads {offset}"),
        Fact::BecameLeader { leader_epoch, .. } => format!("leads, epoch {leader_epoch}"),
        Fact::BecameFollower { leader, .. } => format!("follows broker-{leader}"),
        Fact::StateWritten {
            leader,
            leader_epoch,
            isr,
            ..
        } => format!("leader {leader} e{leader_epoch} ISR {}", ids(isr)),
        Fact::IsrChanged { isr, .. } => format!("ISR {}", ids(isr)),
        Fact::IsrChangeAsked { isr, .. } => format!("asks: ISR {}", ids(isr)),
        Fact::Truncated { to, .. } => format!("cuts to {to}"),
        Fact::Crashed => "crash".to_owned(),
        Fact::PowerFailed => "no power".to_owned(),
        Fact::Paused => "stands still".to_owned(),
        Fact::Resumed => "goes on".to_owned(),
        Fact::Started => "starts".to_owned(),
        Fact::Exiting { .. } => "ends".to_owned(),
        Fact::SessionExpired { .. } => "session expired".to_owned(),
        Fact::SessionOpened { .. } => "session opened".to_owned(),
        Fact::SessionClosed { .. } => "session closed".to_owned(),
        Fact::SessionResumed { .. } => "session goes on".to_owned(),
        Fact::ZooKeeperSessionLost { .. } => "session lost".to_owned(),
        Fact::ZooKeeperDisconnected { .. } => "loses ZooKeeper".to_owned(),
        Fact::ZooKeeperConnected { .. } => "has ZooKeeper".to_owned(),
        Fact::ZooKeeperLeaves { .. } => "leaves".to_owned(),
        Fact::ZooKeeperServing { .. } => "serves".to_owned(),
        Fact::Bootstrapped { from } => format!("learns: {from}"),
        Fact::BootstrapFailed { from } => format!("silent: {from}"),
        Fact::LogDirFailed { .. } => "disk failed".to_owned(),
        Fact::ElectionFailed { .. } => "nobody may lead".to_owned(),
        Fact::FlushWaited { ms, .. } => format!("disk: {ms} ms"),
        Fact::FetchRefused { error, .. } => error.name().to_owned(),
        Fact::ConsumerError { exception, .. } => exception.to_string(),
        Fact::BrokerNotReached { broker, .. } => format!("cannot reach {broker}"),
        Fact::PositionSet { offset, .. } => format!("reads on at {offset}"),
        Fact::LogLoaded { log_end_offset, .. } => format!("log end {log_end_offset}"),
        Fact::Registered { .. } => "registered".to_owned(),
        Fact::ControllerElected { controller_epoch } => {
            format!("controller, epoch {controller_epoch}")
        }
        Fact::ControllerResigned { .. } => "controller no more".to_owned(),
        Fact::BrokersChanged { new, dead, .. } => match dead.is_empty() {
            true => format!("sees {} come", ids(new)),
            false => format!("sees {} gone", ids(dead)),
        },
        Fact::ZooKeeperLeads { epoch, .. } => format!("leads, epoch {epoch}"),
        Fact::ZooKeeperFollows { leader, .. } => format!("follows zookeeper-{leader}"),
        Fact::ZooKeeperLooks { round, .. } => format!("looks, round {round}"),
        Fact::Group(GroupFact::OffsetCommitted { group, offset, .. }) => {
            format!("{group} goes on at {offset}")
        }
        Fact::Group(GroupFact::Changed {
            state, generation, ..
        }) => format!("{state}, gen {generation}"),
        Fact::Group(GroupFact::PartitionsAssigned {
            generation,
            partitions,
            ..
        }) => {
            format!("has {}, gen {generation}", partitions.len())
        }
        _ => return None,
    };
    Some(text)
}

/// Leader epoch, or generation, that it speaks of.
pub(super) fn epoch_of(fact: &Fact) -> Option<u32> {
    let epoch = match fact {
        Fact::Appended { leader_epoch, .. }
        | Fact::BecameLeader { leader_epoch, .. }
        | Fact::BecameFollower { leader_epoch, .. }
        | Fact::StateWritten { leader_epoch, .. }
        | Fact::Consumed { leader_epoch, .. } => *leader_epoch,
        Fact::ControllerElected { controller_epoch } => *controller_epoch,
        Fact::Group(
            GroupFact::Changed { generation, .. }
            | GroupFact::PartitionsAssigned { generation, .. },
        ) => *generation,
        _ => return None,
    };
    u32::try_from(epoch).ok()
}

/// As a trace names it.
pub fn tag(fact: &Fact) -> String {
    let value = serde_json::to_value(fact).unwrap_or_default();
    match value.get("fact") {
        Some(Value::String(tag)) => tag.clone(),
        _ => String::new(),
    }
}

/// `12.004 519`: seconds, milliseconds and, apart, microseconds, since a message takes less than a millisecond.
pub(super) fn moment(time: Time) -> String {
    const SECOND: u64 = 1_000_000_000;
    let (whole, micros) = (time.0 / SECOND, time.0 % SECOND / 1_000);
    format!("{whole}.{:03} {:03}", micros / 1_000, micros % 1_000)
}

fn ids(brokers: &[BrokerId]) -> String {
    let ids = brokers.iter().map(ToString::to_string);
    ids.collect::<Vec<_>>().join(",")
}
