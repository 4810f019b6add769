//! Replicas in words: who leads and follows, what is written, cut and refused, and why acks=all waits.

use super::{Telling, brokers_named, episode, ids, joined, meaning, quiet};
use crate::kernel::Duration;
use crate::protocol::{BrokerId, Fact, IsrChange, NO_LEADER, TopicPartition};
use crate::trace::story::{Absence, Story, broker_name};

pub(super) fn of_replica(fact: &Fact, story: &Story) -> Telling {
    match fact {
        Fact::BecameLeader {
            partition,
            leader_epoch,
            log_end_offset,
            high_watermark,
            ..
        } => joined(
            "leads ",
            format!(
                "{partition} (epoch {leader_epoch}; log ends at {log_end_offset}, committed below {high_watermark})"
            ),
            "",
        ),
        Fact::BecameFollower {
            partition, leader, ..
        } if *leader == NO_LEADER => joined("knows no leader of ", partition.to_string(), ""),
        Fact::BecameFollower {
            partition,
            leader,
            leader_epoch,
            log_end_offset,
            ..
        } => {
            let words = joined(
                format!("follows {} in ", broker_name(*leader)),
                format!("{partition} (epoch {leader_epoch}; log ends at {log_end_offset})"),
                "",
            );
            // Followers of new partitions are no news: the controller's line has named them.
            if *log_end_offset == 0 {
                words.quiet()
            } else {
                words
            }
        }
        Fact::ReplicaStopped { partition, deleted } => joined(
            "stops its replica of ",
            partition.to_string(),
            if *deleted {
                " and deletes its files"
            } else {
                ""
            },
        ),
        Fact::IsrChangeAsked {
            partition,
            change,
            isr,
            brokers,
        } => {
            let verb = match change {
                IsrChange::Expand => "has caught up",
                IsrChange::Shrink => "lags",
            };
            quiet(format!(
                "tells the controller that {} {verb} in {partition}: the ISR shall be {}",
                brokers_named(brokers),
                ids(isr)
            ))
        }
        Fact::IsrChanged { partition, isr, .. } => {
            quiet(format!("knows the ISR of {partition}: {}", ids(isr)))
        }
        Fact::Appended {
            partition,
            base_offset,
            last_offset,
            as_leader,
            ..
        } => quiet(format!(
            "writes {partition} offsets {base_offset} to {last_offset} {}",
            if *as_leader {
                "as leader"
            } else {
                "as follower"
            }
        )),
        Fact::HighWatermarkMoved {
            partition,
            high_watermark,
            as_leader,
        } => quiet(format!(
            "high watermark of {partition} is {high_watermark} {}",
            if *as_leader { "(leader)" } else { "(follower)" }
        )),
        Fact::Truncated {
            partition,
            from,
            to,
            leader,
        } => joined(
            format!(
                "cuts what {}, the leader, does not have: ",
                broker_name(*leader)
            ),
            format!("{partition} from {from} back to {to}"),
            "",
        ),
        Fact::ProduceStalls {
            partition,
            waits_for,
            ..
        } => joined(
            "acks=all waits on ",
            partition.to_string(),
            why_it_waits(waits_for, story),
        ),
        Fact::ProduceRefused { partition, error } => episode(
            format!("refuses writes with {error}{}: ", meaning(*error)),
            partition.to_string(),
        ),
        Fact::FetchRefused {
            partition,
            replica,
            error,
        } => {
            let who = if *replica < 0 {
                "a consumer".to_owned()
            } else {
                broker_name(*replica)
            };
            quiet(format!(
                "refuses the fetch of {who} from {partition} with {error}"
            ))
        }
        other => unreachable!("not of a replica: {other:?}"),
    }
}

/// Partitions that wait, for lines about the end of a stall.
pub(in crate::trace) fn goes_on(partition: &TopicPartition) -> Telling {
    joined("acks=all goes on for ", partition.to_string(), "")
}

/// A stall of acks=all in words that keep a beginner from taking it for a bug (CT33).
fn why_it_waits(waits_for: &[BrokerId], story: &Story) -> String {
    let who = brokers_named(waits_for);
    let away = |absence| {
        waits_for
            .iter()
            .all(|id| story.absence(*id) == Some(absence))
    };
    let crashed = away(Absence::Crashed) || away(Absence::Ended);
    if crashed && waits_for.iter().all(|id| story.has_session(*id)) {
        let timeout = waits_for
            .iter()
            .map(|id| story.session_timeout(*id))
            .max()
            .unwrap_or_default();
        return format!(
            ": {who} is still in the ISR and has not fetched; until ZooKeeper gives up its session ({} after the crash) this is no bug",
            expiry_window(timeout)
        );
    }
    if away(Absence::Paused) {
        return format!(
            ": {who} is still in the ISR and is paused; until its session or replica.lag.time.max.ms is over this is no bug"
        );
    }
    format!(
        ": {who} is still in the ISR and has not fetched; until it does, or leaves the ISR (replica.lag.time.max.ms, or its session), this is no bug"
    )
}

/// When a session expires after a crash: the last ping may be a third of the timeout old, and servers
/// round up to a tick (3 s by ZooKeeper's own default).
fn expiry_window(timeout: Duration) -> String {
    let seconds = timeout.as_millis() / 1_000;
    format!("{} to {} s", seconds - seconds / 3, seconds + 3)
}
