//! Replicas in words: who leads and follows, what is written, cut and refused.

use super::{Telling, brokers_named, episode, ids, joined, loud, meaning, quiet};
use crate::protocol::{ErrorCode, Fact, IsrChange, LogStartReason, NO_LEADER};
use crate::trace::TraceEntry;
use crate::trace::story::{Story, broker_id, broker_name};

/// Why segments are deleted that no setting asks for.
const BELOW_LOG_START: &str = "the log start";

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
            match &**why {
                BELOW_LOG_START => "deletes old segments below the log's start: ".to_owned(),
                why => format!("deletes old segments ({why}): "),
            },
            format!("{partition} starts at {log_start_offset} now"),
            "",
        ),
        Fact::LogStartMoved {
            partition,
            log_start_offset,
            reason,
        } => quiet(format!(
            "log of {partition} begins at {log_start_offset} now, {}",
            match reason {
                LogStartReason::Asked => "as DeleteRecords asks",
                LogStartReason::Leader => "as its leader's does",
                LogStartReason::Emptied => "emptied, since nothing of it is in its leader's",
            }
        )),
        Fact::FetcherPartitionFailed { partition, why } => loud(format!(
            "copies {partition} no further, until it is told of a leader in a higher epoch: {why}"
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
