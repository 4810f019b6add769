//! Batches that fail, and what each of their records is told (CP32, CP33).

use super::{Delivery, Sender};
use crate::client::producer_batch::ProducerBatch;
use crate::kernel::Time;
use crate::protocol::{Ctx, ErrorCode};

/// What a record is told whose batch was refused for the sake of others in it.
const IN_BAD_COMPANY: &str = "KafkaException";

impl Sender {
    /// CP33: batches older than `delivery.timeout.ms` fail, also those in flight, whose outcome is unknown (P6).
    /// Those that were never sent fail first. False if there are none.
    pub(super) fn expire(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let now = ctx.wall();
        let mut expired = self.accumulator.expired_batches(now);
        let waiting = expired.len();
        let timeout = self.delivery_timeout;
        if now >= self.next_expiry {
            self.next_expiry = Time::MAX;
            for in_flight in self.in_flight.values_mut() {
                let old = in_flight
                    .iter()
                    .take_while(|it| it.has_reached(timeout, now));
                let old = old.count();
                expired.extend(in_flight.drain(..old));
                if let Some(first) = in_flight.front() {
                    self.next_expiry = self.next_expiry.min(first.created + timeout);
                }
            }
        }
        let any = !expired.is_empty();
        for (index, batch) in expired.into_iter().enumerate() {
            if let Some(transactions) = &mut self.transactions {
                transactions.failed(&batch, ErrorCode::RequestTimedOut, false);
                // CP41
                if batch.attempts > 0 {
                    transactions.mark_unresolved(&batch);
                }
            }
            let attempt = u32::from(index >= waiting);
            let mut batch = batch;
            if attempt > 0 {
                self.lend_unwritten(ctx, &mut batch);
            }
            self.fail(batch, "TimeoutException", attempt);
        }
        any
    }

    /// Nothing that was handed over will be sent any more: the producer has come to its end.
    pub(super) fn abort_batches(&mut self, exception: &'static str) {
        let mut batches = self.accumulator.take_all();
        let in_flight = std::mem::take(&mut self.in_flight);
        batches.extend(in_flight.into_values().flatten());
        batches.sort_unstable_by_key(|batch| batch.id);
        for batch in batches {
            self.fail(batch, exception, 0);
        }
    }

    /// CP32: a broker that says which records are at fault is believed. Only of one alone it is known what the
    /// error of all was about.
    pub(super) fn fail_each(&mut self, batch: ProducerBatch, error: ErrorCode, at_fault: &[i32]) {
        let own = match at_fault.len() {
            0 => return self.fail(batch, error.exception(), 1),
            1 => error,
            _ => ErrorCode::InvalidRecord,
        };
        let records: Vec<(i32, u64)> = (0..).zip(batch.sends.iter().copied()).collect();
        let is_at_fault = |(place, _): &(i32, u64)| at_fault.contains(place);
        for alike in records.chunk_by(|a, b| is_at_fault(a) == is_at_fault(b)) {
            let exception = match alike.first().is_some_and(is_at_fault) {
                true => own.exception(),
                false => IN_BAD_COMPANY,
            };
            self.deliveries.push_back(Delivery::Failed {
                sends: alike.iter().map(|(_, send)| *send).collect(),
                partition: batch.partition.clone(),
                exception: exception.into(),
                attempts: batch.attempts + 1,
            });
        }
        self.accumulator.let_go(&batch);
    }

    /// `attempt`: 1 if it failed, or expired, while one was under way.
    pub(super) fn fail(&mut self, batch: ProducerBatch, exception: &str, attempt: u32) {
        self.accumulator.let_go(&batch);
        self.deliveries.push_back(Delivery::Failed {
            attempts: batch.attempts + attempt,
            sends: batch.sends,
            partition: batch.partition,
            exception: exception.into(),
        });
    }
}
