//! The buffer of a batch that expires in flight goes back to the pool, though its connection may not have taken the
//! request yet: what the next batch writes into it is sent in place of the first (CB3; KAFKA-19012, from 2.8 to 3.9.1).
//!
//! May not know when a connection takes something; what it has taken stays as it was.

use super::Sender;
use crate::client::producer_batch::ProducerBatch;
use crate::log::Records;
use crate::protocol::config::KafkaVersion;
use crate::protocol::{Ctx, Request};

impl Sender {
    pub(in crate::client) fn is_of_release(&mut self, release: KafkaVersion) {
        self.gives_back_unwritten = release >= KafkaVersion::V2_8;
    }

    /// A batch has expired in flight, and its buffer will be another's.
    pub(super) fn lend_unwritten(&self, ctx: &mut Ctx<'_>, batch: &mut ProducerBatch) {
        let records = batch.records();
        let mut found = false;
        self.visit_unwritten(ctx, |held| found |= held.is(&records));
        if found && self.gives_back_unwritten {
            batch.unwritten.0.push(records);
        }
    }

    /// Puts what was written into such buffers into the requests that hold them, and forgets what none holds any more:
    /// its connection has taken it, or is gone. Each record comes by here, mostly where nothing is lent.
    pub(in crate::client) fn overwrite_unwritten(&mut self, ctx: &mut Ctx<'_>) {
        if !self.accumulator.any_unwritten() {
            return;
        }
        for (old, new) in self.accumulator.take_overwritten() {
            self.visit_unwritten(ctx, |held| {
                if held.is(&old) {
                    *held = new.clone();
                }
            });
        }
        let mut requests = Vec::new();
        self.visit_unwritten(ctx, |held| requests.push(held.clone()));
        let in_flight = self.in_flight.values_mut().flatten();
        self.accumulator
            .retain_unwritten(in_flight, |lent| requests.iter().any(|held| held.is(lent)));
    }

    fn visit_unwritten(&self, ctx: &mut Ctx<'_>, mut visit: impl FnMut(&mut Records)) {
        self.client.visit_unwritten(ctx, |request| {
            if let Request::Produce(request) = request {
                let held = request.data.iter_mut();
                held.for_each(|(_, records)| visit(records));
            }
        });
    }
}
