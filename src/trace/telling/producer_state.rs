//! What brokers know of idempotent producers.

use super::{Telling, joined, loud, quiet};
use crate::protocol::ProducerStateFact;

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
            let partitions: Vec<String> = partitions.iter().map(ToString::to_string).collect();
            loud(format!(
                "goes on as producer {producer_id} in epoch {producer_epoch}, with sequence numbers from 0 on in {}: \
                 after what has failed, the old ones would have a gap, or may be stored",
                partitions.join(", ")
            ))
        }
    }
}
