//! Requests that wait: acks=all produces for the high watermark, fetches for data (HW6; classes
//! `DelayedProduce`, `DelayedFetch`, `DelayedOperationPurgatory`).
//!
//! Kept here by number; each partition lists the numbers of those that wait for it ([`Watchers`]).
//! Numbers of requests that are done are dropped from the lists when these are next walked.
//!
//! May not know what completes a request: who moves something looks whether that was waited for.

use super::delete_records::DelayedDeleteRecords;
use super::replica_manager::produce_response;
use crate::kernel::{ConnId, Time, TimerId};
use crate::protocol::{
    ErrorCode, FetchPartitionResponse, FetchRequest, PartitionProduceResponse, Response,
    TopicPartition,
};
use std::collections::BTreeMap;

/// Number of a parked request.
pub(crate) type OpId = u64;

/// Whom an answer goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pending {
    pub(crate) conn: ConnId,
    pub(crate) correlation_id: i32,
}

/// The answer to a request that was parked, or is answered at the end of its own event.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) to: Pending,
    /// Its time-out, which is no longer needed.
    pub(crate) timer: Option<TimerId>,
    /// `None` for acks=0: nothing is sent.
    pub(crate) response: Option<Response>,
    /// acks=0 has no other way to say that it failed.
    pub(crate) close: bool,
}

impl Answer {
    pub(crate) fn now(to: Pending, response: impl Into<Response>) -> Self {
        Answer {
            to,
            timer: None,
            response: Some(response.into()),
            close: false,
        }
    }
}

/// The parked requests that wait for one partition.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    /// With the offset that the high watermark has to reach.
    pub(crate) produce: Vec<(i64, OpId)>,
    pub(crate) fetch: Vec<OpId>,
}

/// Lists of waiting fetches are cleaned of dead numbers when they have grown to this length.
const PURGE_LENGTH: usize = 64;

/// A produce with acks=all.
#[derive(Debug)]
pub(crate) struct DelayedProduce {
    pub(crate) to: Pending,
    pub(crate) since: Time,
    timer: Option<TimerId>,
    /// What will be answered: REQUEST_TIMED_OUT as long as a partition waits.
    pub(crate) responses: Vec<PartitionProduceResponse>,
    /// For each response the offset that it waits for; `None` once its outcome is known.
    pub(crate) required: Vec<Option<i64>>,
}

/// A fetch that found too little.
#[derive(Debug)]
pub(crate) struct DelayedFetch {
    pub(crate) to: Pending,
    timer: Option<TimerId>,
    pub(crate) request: Box<FetchRequest>,
    /// Partitions that were refused when the request came.
    pub(crate) erroneous: Vec<FetchPartitionResponse>,
}

/// All parked requests of a broker.
#[derive(Debug, Default)]
pub(crate) struct Purgatory {
    next: OpId,
    produces: BTreeMap<OpId, DelayedProduce>,
    fetches: BTreeMap<OpId, DelayedFetch>,
    pub(crate) deletes: Vec<DelayedDeleteRecords>,
}

impl Purgatory {
    /// Parks a produce under its number.
    pub(crate) fn park_produce(
        &mut self,
        op: OpId,
        to: Pending,
        since: Time,
        responses: Vec<PartitionProduceResponse>,
        required: Vec<Option<i64>>,
    ) {
        let delayed = DelayedProduce {
            to,
            since,
            timer: None,
            responses,
            required,
        };
        let other = self.produces.insert(op, delayed);
        assert!(other.is_none(), "two produces wait under number {op}");
    }

    pub(crate) fn park_fetch(
        &mut self,
        to: Pending,
        request: Box<FetchRequest>,
        erroneous: Vec<FetchPartitionResponse>,
    ) -> OpId {
        let op = self.take_number();
        let delayed = DelayedFetch {
            to,
            timer: None,
            request,
            erroneous,
        };
        let other = self.fetches.insert(op, delayed);
        assert!(other.is_none(), "two fetches wait under number {op}");
        op
    }

    /// A number for a request that is to be parked.
    pub(crate) fn take_number(&mut self) -> OpId {
        self.next += 1;
        self.next
    }

    /// Remembers the timer that ends the wait.
    pub(crate) fn set_timer(&mut self, op: OpId, timer: TimerId) {
        if let Some(produce) = self.produces.get_mut(&op) {
            produce.timer = Some(timer);
        } else if let Some(fetch) = self.fetches.get_mut(&op) {
            fetch.timer = Some(timer);
        } else if let Some(delete) = self.deletes.iter_mut().find(|delete| delete.op == op) {
            delete.timer = Some(timer);
        }
    }

    /// The outcome of one partition of a produce; the answer once all are known.
    pub(crate) fn resolve_produce(
        &mut self,
        op: OpId,
        partition: &TopicPartition,
        outcome: ErrorCode,
    ) -> Option<Answer> {
        let produce = self.produces.get_mut(&op)?;
        for (response, required) in produce.responses.iter_mut().zip(&mut produce.required) {
            if required.is_some() && response.partition == *partition {
                *required = None;
                response.error = outcome;
            }
        }
        if produce.required.iter().any(Option::is_some) {
            return None;
        }
        self.take_produce(op)
    }

    /// Takes a produce out as it stands: all known, or its time is up.
    pub(crate) fn take_produce(&mut self, op: OpId) -> Option<Answer> {
        let produce = self.produces.remove(&op)?;
        Some(Answer {
            timer: produce.timer,
            ..Answer::now(produce.to, produce_response(produce.responses))
        })
    }

    pub(crate) fn produces(&self) -> impl Iterator<Item = &DelayedProduce> {
        self.produces.values()
    }

    pub(crate) fn has_produces(&self) -> bool {
        !self.produces.is_empty()
    }

    pub(crate) fn fetch(&self, op: OpId) -> Option<&DelayedFetch> {
        self.fetches.get(&op)
    }

    pub(crate) fn take_fetch(&mut self, op: OpId) -> Option<(DelayedFetch, Option<TimerId>)> {
        let fetch = self.fetches.remove(&op)?;
        let timer = fetch.timer;
        Some((fetch, timer))
    }

    /// Adds a fetch to a partition's list.
    pub(crate) fn watch_fetch(&self, watchers: &mut Watchers, op: OpId) {
        if watchers.fetch.len() >= PURGE_LENGTH && watchers.fetch.len() == watchers.fetch.capacity()
        {
            watchers.fetch.retain(|op| self.fetches.contains_key(op));
        }
        watchers.fetch.push(op);
    }

    /// Drops what a connection that is gone had parked; its timers.
    pub(crate) fn forget(&mut self, conn: ConnId) -> Vec<TimerId> {
        let mut timers = Vec::new();
        self.produces.retain(|_, produce| {
            let gone = produce.to.conn == conn;
            timers.extend(produce.timer.filter(|_| gone));
            !gone
        });
        self.fetches.retain(|_, fetch| {
            let gone = fetch.to.conn == conn;
            timers.extend(fetch.timer.filter(|_| gone));
            !gone
        });
        self.deletes.retain(|delete| {
            let gone = delete.to.conn == conn;
            timers.extend(delete.timer.filter(|_| gone));
            !gone
        });
        timers
    }
}
