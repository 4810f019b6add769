//! Requests that a broker parks: what they wait for, and what they look at (HW6; classes `DelayedProduce`,
//! `DelayedFetch`, `DelayedDeleteRecords`, `DelayedElectLeader`).
//!
//! May not know what completes a request: who moves something has those looked at that wait for it.

use super::delete_records::DelayedDeleteRecords;
use super::elect_leaders::DelayedElectLeaders;
use super::outbox::Env;
use super::replica_manager::{DelayedFetch, DelayedProduce, HostedPartitions};
use crate::kernel::{ConnId, TimerId};
pub(crate) use crate::protocol::Pending;
use crate::protocol::{FetchRequest, Response, TopicPartition};
use crate::purgatory::{DelayedOperation, DelayedOperationPurgatory};

/// All parked requests of a broker.
pub(crate) type Purgatory = DelayedOperationPurgatory<WatchKey, Delayed>;

/// What a request may wait for a change of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum WatchKey {
    /// Where logs begin, and who is alive: DeleteRecords.
    LogStarts,
    /// How far a partition is replicated, and who leads it: produces.
    Replication(TopicPartition),
    /// Anything that a partition's readers may see: fetches.
    Data(TopicPartition),
    /// The leader that the metadata cache knows: ElectLeaders.
    Leader(TopicPartition),
}

/// Who hears what a request came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Requester {
    Client(Pending),
    /// Of this broker; with what it knows the batch by, if it wants to hear of it.
    GroupCoordinator(Option<u64>),
}

impl From<Pending> for Requester {
    fn from(to: Pending) -> Self {
        Requester::Client(to)
    }
}

impl Requester {
    pub(crate) fn conn(self) -> Option<ConnId> {
        match self {
            Requester::Client(to) => Some(to.conn),
            Requester::GroupCoordinator(_) => None,
        }
    }
}

/// The answer to a request that was parked, or is answered at the end of its own event.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) to: Requester,
    /// Its time-out, which is no longer needed.
    pub(crate) timer: Option<TimerId>,
    /// `None` for acks=0: nothing is sent.
    pub(crate) response: Option<Response>,
    /// acks=0 has no other way to say that it failed.
    pub(crate) close: bool,
}

impl Answer {
    pub(crate) fn now(to: impl Into<Requester>, response: impl Into<Response>) -> Self {
        Answer {
            to: to.into(),
            timer: None,
            response: Some(response.into()),
            close: false,
        }
    }
}

/// A parked request.
#[derive(Debug)]
pub(crate) struct Delayed {
    pub(crate) to: Requester,
    /// Ends the wait.
    pub(crate) timer: Option<TimerId>,
    pub(crate) operation: Operation,
}

#[derive(Debug)]
pub(crate) enum Operation {
    Produce(DelayedProduce),
    Fetch(DelayedFetch),
    DeleteRecords(DelayedDeleteRecords),
    ElectLeaders(DelayedElectLeaders),
}

impl Delayed {
    pub(crate) fn new(to: impl Into<Requester>, operation: Operation) -> Self {
        Delayed {
            to: to.into(),
            timer: None,
            operation,
        }
    }

    pub(crate) fn fetch(&self) -> Option<&FetchRequest> {
        match &self.operation {
            Operation::Fetch(fetch) => Some(&fetch.request),
            _ => None,
        }
    }
}

/// What a request sees of its broker: the partitions that are hosted here, and their surroundings.
pub(crate) struct Hosted<'a, 'e> {
    pub(crate) partitions: &'a mut HostedPartitions,
    pub(crate) env: &'a mut Env<'e>,
}

impl DelayedOperation<Hosted<'_, '_>> for Delayed {
    fn try_complete(&mut self, hosted: &mut Hosted<'_, '_>) -> bool {
        match &mut self.operation {
            Operation::Produce(produce) => produce.try_complete(hosted),
            Operation::Fetch(fetch) => hosted.is_satisfied(&fetch.request),
            Operation::DeleteRecords(delete) => delete.try_complete(hosted),
            Operation::ElectLeaders(elect) => elect.try_complete(hosted.env.cache),
        }
    }

    fn on_expiration(&mut self, hosted: &mut Hosted<'_, '_>) {
        match &mut self.operation {
            Operation::Produce(produce) => produce.on_expiration(hosted),
            // What is there is answered.
            Operation::Fetch(_) => {}
            Operation::DeleteRecords(delete) => delete.on_expiration(),
            Operation::ElectLeaders(elect) => elect.on_expiration(),
        }
    }

    fn on_complete(self, hosted: &mut Hosted<'_, '_>) {
        let response: Response = match self.operation {
            Operation::Produce(produce) => produce.into_response().into(),
            Operation::Fetch(fetch) => fetch.into_response(hosted).into(),
            Operation::DeleteRecords(delete) => delete.into_response().into(),
            Operation::ElectLeaders(elect) => elect.into_response().into(),
        };
        hosted.env.out.answers.push(Answer {
            timer: self.timer,
            ..Answer::now(self.to, response)
        });
    }
}
