//! What brokers know of idempotent producers.

use super::{Telling, Weight, joined, loud, quiet};
use crate::protocol::{EpochBumpReason, ErrorCode, ProducerStateFact};

pub(super) fn of_producer_state(fact: &ProducerStateFact) -> Telling {
    match fact {
        ProducerStateFact::IdsAllocated { first, last } => quiet(format!(
            "is given the ids {first} to {last} for producers by the controller"
        )),
        ProducerStateFact::Duplicate {
            partition,
            producer_id,
            first_sequence,
            last_sequence,
            base_offset,
            ..
        } => loud(format!(
            "has the batch of producer {producer_id} with the sequence numbers {first_sequence} to \
             {last_sequence} already, at offset {base_offset} of {partition}: it is answered as stored, and not \
             stored twice"
        )),
        ProducerStateFact::OutOfOrder {
            partition,
            producer_id,
            expected,
            found,
        } => loud(format!(
            "refuses a batch for {partition}: of producer {producer_id} it expects the sequence number {expected}, \
             and this begins with {found}, so that one before is missing (OUT_OF_ORDER_SEQUENCE_NUMBER)"
        )),
        ProducerStateFact::OldEpoch {
            partition,
            producer_id,
            known,
            found,
        } => loud(format!(
            "refuses a batch for {partition}: producer {producer_id} is at epoch {known} by now, and this is of \
             epoch {found} (INVALID_PRODUCER_EPOCH)"
        )),
        ProducerStateFact::Forgotten {
            partition,
            producer_ids,
        } => {
            let ids: Vec<String> = producer_ids.iter().map(ToString::to_string).collect();
            joined(
                format!("forgets the producers {} of ", ids.join(", ")),
                partition.to_string(),
                ", whose last records are older than producer.id.expiration.ms",
            )
        }
        ProducerStateFact::IdGiven {
            producer_id,
            producer_epoch,
        } => quiet(format!(
            "is given producer id {producer_id}, epoch {producer_epoch}"
        )),
        ProducerStateFact::EpochBumped {
            producer_id,
            producer_epoch,
            partitions,
        } => {
            let mut reasons: Vec<(EpochBumpReason, Vec<String>)> = Vec::new();
            for (partition, reason) in partitions {
                let known = reasons.iter_mut().find(|(known, _)| known == reason);
                match known {
                    Some((_, alike)) => alike.push(partition.to_string()),
                    None => reasons.push((*reason, vec![partition.to_string()])),
                }
            }
            let reasons = reasons.iter().map(|(reason, partitions)| {
                format!("in {}: {}", partitions.join(", "), why(*reason))
            });
            let reasons: Vec<String> = reasons.collect();
            let mut whys = partitions.values();
            let of_a_loss = whys.all(|why| matches!(why, EpochBumpReason::GivenUp { .. }));
            Telling {
                // It is told where what was given up is.
                weight: match of_a_loss {
                    true => Weight::Episode,
                    false => Weight::Loud,
                },
                after: format!(", with sequence numbers from 0 on {}", reasons.join("; ")),
                ..joined(
                    format!("goes on as producer {producer_id} in epoch "),
                    producer_epoch.to_string(),
                    "",
                )
            }
        }
    }
}

/// What has led to a new epoch of a partition.
fn why(reason: EpochBumpReason) -> String {
    match reason {
        EpochBumpReason::GivenUp { error } => {
            let stored = match error {
                ErrorCode::NetworkException | ErrorCode::RequestTimedOut => " (it may be stored)",
                _ => "",
            };
            format!(
                "a batch was given up after {error}{stored}, and the next numbers would follow its own"
            )
        }
        EpochBumpReason::Expired { first, last } => format!(
            "of what was sent with the numbers {first} to {last}, and given up when delivery.timeout.ms was over, it cannot find out what is stored"
        ),
        EpochBumpReason::ExpiredIsMissing => {
            "what was given up when delivery.timeout.ms was over is not stored, since the leader refuses what follows it (OUT_OF_ORDER_SEQUENCE_NUMBER)".to_owned()
        }
        EpochBumpReason::AcknowledgedIsMissing => {
            "the leader does not have what was acknowledged last, since it refuses what follows that (OUT_OF_ORDER_SEQUENCE_NUMBER)".to_owned()
        }
        EpochBumpReason::Unknown => {
            "the leader has no record of it any more (UNKNOWN_PRODUCER_ID)".to_owned()
        }
    }
}
