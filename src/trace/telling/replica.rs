//! Replicas in words: who leads and follows, what is written, cut and refused, and why acks=all waits.

use super::process::{expiry, span};
use super::{Telling, brokers_named, episode, ids, joined, meaning, quiet};
use crate::kernel::{Duration, Time};
use crate::protocol::{BrokerId, ErrorCode, Fact, IsrChange, NO_LEADER, TopicPartition};
use crate::trace::TraceEntry;
use crate::trace::story::{Absence, Story, broker_id, broker_name};

pub(super) fn of_replica(entry: &TraceEntry, story: &Story) -> Telling {
    match &entry.fact {
        Fact::BecameLeader {
            partition,
            leader_epoch,
            log_end_offset,
            high_watermark,
            ..
        } => {
            let words = joined(
                "leads ",
                format!(
                    "{partition} (epoch {leader_epoch}; log ends at {log_end_offset}, committed below {high_watermark})"
                ),
                "",
            );
            let leads_already = story.believes(&entry.node, partition, broker_id(&entry.node));
            // The controller's line has named the leaders of new partitions.
            let is_new = *leader_epoch == 0 && *log_end_offset == 0;
            if leads_already || is_new {
                words.quiet()
            } else {
                words
            }
        }
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
            let follows_already = story.believes(&entry.node, partition, *leader);
            // That an empty log follows is news only where there is something to copy.
            let is_new = *log_end_offset == 0 && !story.is_written(partition);
            if follows_already || is_new {
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
        Fact::SegmentsDeleted {
            partition,
            log_start_offset,
            why,
            ..
        } => joined(
            format!("deletes old segments ({why}): "),
            format!("{partition} starts at {log_start_offset} now"),
            "",
        ),
        Fact::LogStartMoved {
            partition,
            log_start_offset,
        } => quiet(format!(
            "log of {partition} begins at {log_start_offset} now"
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
            lag_time_max_ms,
            ..
        } => {
            let lag = Duration::from_millis(*lag_time_max_ms);
            joined(
                "acks=all waits on ",
                partition.to_string(),
                why_it_waits(entry, partition, waits_for, lag, story),
            )
        }
        Fact::HighWatermarkHeld {
            partition,
            high_watermark,
            isr,
            min_insync_replicas,
        } => joined(
            "commits nothing more in ",
            format!(
                "{partition} (committed below {high_watermark}, ISR {})",
                ids(isr)
            ),
            format!(
                ": its ISR is smaller than min.insync.replicas ({min_insync_replicas}). Until it has grown consumers read no further and acks=all is not acknowledged; with acks=1 writes go on"
            ),
        ),
        Fact::ProduceRefused {
            partition,
            error: ErrorCode::RequestTimedOut,
        } => episode(
            "gives up waiting for its ISR and answers REQUEST_TIMED_OUT (what it has written stays): ",
            partition.to_string(),
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

/// Partitions whose ISR was too small, for lines about the end of that.
pub(in crate::trace) fn commits_again(partition: &TopicPartition) -> Telling {
    joined("commits again: ", partition.to_string(), "")
}

/// A stall of acks=all in words that keep a beginner from taking it for a bug (CT33).
fn why_it_waits(
    entry: &TraceEntry,
    partition: &TopicPartition,
    waits_for: &[BrokerId],
    lag: Duration,
    story: &Story,
) -> String {
    let node = &entry.node;
    let leader = story.leader(partition);
    if leader > NO_LEADER && leader != broker_id(node) {
        return format!(
            ": {node} does not know yet that {} leads now; nobody copies from it any more, so what it took will not be acknowledged",
            broker_name(leader)
        );
    }
    let who = brokers_named(waits_for);
    let (are, have, it_goes) = match waits_for.len() {
        1 => ("is", "has", "it goes"),
        _ => ("are", "have", "they go"),
    };
    let away = |absence| {
        let mut brokers = waits_for.iter();
        brokers.all(|id| story.absence(*id) == Some(absence))
    };
    let timeouts = waits_for.iter().map(|id| story.session_timeout(*id));
    let session = expiry(timeouts.max().unwrap_or_default());
    // I5: the leader looks twice within its lag time.
    let missed = (lag, Duration::from_millis(lag.as_millis() * 3 / 2));
    if waits_for.iter().all(|id| story.has_session(*id)) {
        let end = if away(Absence::Crashed) {
            Some("crash")
        } else {
            away(Absence::Ended).then_some("end")
        };
        if let Some(end) = end {
            return format!(
                ": {who} {are} still in the ISR and {have} not fetched; until {} this is no bug",
                until_it_leaves(session, missed, end)
            );
        }
        if away(Absence::Paused) {
            return format!(
                ": {who} {are} paused and still in the ISR; until {} or {it_goes} on this is no bug",
                until_it_leaves(session, missed, "pause")
            );
        }
    }
    let leaves = format!(
        "one that stays away leaves the ISR after {} (replica.lag.time.max.ms) or with its session",
        span(missed.0, missed.1)
    );
    let refused = |id: &BrokerId| story.refused_lately(partition, *id, entry.time);
    if let [first, others @ ..] = waits_for
        && let Some((time, error)) = refused(first)
        && others
            .iter()
            .all(|id| refused(id).is_some_and(|it| it.1 == error))
    {
        let (asks, waits) = match others {
            [] => ("asks", "it waits"),
            _ => ("ask", "they wait"),
        };
        return format!(
            ": the last fetch of {who} was refused at {} with {error}{}; {waits} for replica.fetch.backoff.ms and {asks} again. This is no bug; {leaves}",
            seconds(time.since(Time::ZERO)),
            refusal(error),
        );
    }
    format!(": {who} {are} in the ISR and {have} not fetched; this is no bug: {leaves}")
}

/// What a leader's refusal of a fetch says to a beginner, in brackets.
fn refusal(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::UnknownLeaderEpoch => {
            " (it had heard of a new leader epoch before the leader itself had)"
        }
        ErrorCode::FencedLeaderEpoch => " (it had not yet heard of the new leader epoch)",
        _ => meaning(error),
    }
}

/// `44.012 s`.
fn seconds(since_start: Duration) -> String {
    let ms = since_start.as_millis();
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}

/// What takes a silent member out of the ISR first, ZooKeeper or its leader (CT33). Each is given as the
/// earliest and the latest time after `what` befell it.
fn until_it_leaves(
    session: (Duration, Duration),
    missed: (Duration, Duration),
    what: &str,
) -> String {
    let by_zookeeper = format!(
        "ZooKeeper gives up its session ({} after the {what})",
        span(session.0, session.1)
    );
    let by_leader = format!(
        "its leader has missed it for replica.lag.time.max.ms (it leaves the ISR {} after the {what})",
        span(missed.0, missed.1)
    );
    if session.1 <= missed.0 {
        by_zookeeper
    } else if missed.1 <= session.0 {
        by_leader
    } else {
        format!("{by_zookeeper} or {by_leader}")
    }
}
