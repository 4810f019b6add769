//! ElectLeaders: the controller's word on it is answered once the metadata cache knows the leaders that were
//! elected (class `DelayedElectLeader`; `ReplicaManager.electLeaders`).
//!
//! May not know why a leader was elected, or not: the controller said so.

use super::outbox::Env;
use super::purgatory::{Delayed, Operation, Pending, WatchKey};
use super::{Broker, BrokerOutput};
use crate::metadata::MetadataCache;
use crate::protocol::{
    BrokerId, Ctx, ElectLeadersRequest, ElectLeadersResponse, ErrorCode, TopicPartition,
    UpdateMetadataRequest,
};

/// What the controller made of an ElectLeaders request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Election {
    /// What is left of the request's timeout.
    pub timeout_ms: i32,
    pub error: ErrorCode,
    /// The leader elected for each partition, or why none was.
    pub results: Vec<(TopicPartition, Result<BrokerId, ErrorCode>)>,
}

/// An election whose leaders have yet to be heard of here.
#[derive(Debug)]
pub(crate) struct DelayedElectLeaders {
    error: ErrorCode,
    results: Vec<(TopicPartition, ErrorCode)>,
    waits_for: Vec<(TopicPartition, BrokerId)>,
}

impl Broker {
    /// Who asks for all partitions means those that this broker knows; of these, he is told nothing of such as
    /// need no election (`KafkaApis.handleElectLeaders`).
    pub(super) fn forward_election(&mut self, to: Pending, mut request: ElectLeadersRequest) {
        let token = self.forward(to);
        if request.partitions.is_none() {
            self.elections_of_all.insert(token);
            let known = self.metadata_cache.all_partitions();
            request.partitions = Some(known.map(|state| state.partition.clone()).collect());
        }
        self.outputs.push(BrokerOutput::ToController {
            token,
            body: request.into(),
        });
    }

    /// The controller's answer to the ElectLeaders that went to it with this token.
    pub fn elected(&mut self, ctx: &mut Ctx<'_>, token: u64, mut election: Election) {
        if let Some(to) = self.forwarded.remove(&token) {
            if self.elections_of_all.remove(&token) {
                let needless = Err(ErrorCode::ElectionNotNeeded);
                election.results.retain(|(_, result)| *result != needless);
            }
            let timeout_ms = election.timeout_ms;
            let elect = DelayedElectLeaders::new(election);
            let keys = elect.keys();
            let delayed = Delayed::new(to, Operation::ElectLeaders(elect));
            let mut env = env!(self, ctx);
            let replicas = &mut self.replicas;
            let parked = replicas.complete_or_park(&mut env, delayed, keys, timeout_ms);
            if let Some(parked) = parked {
                self.park(ctx, parked);
            }
            self.flush(ctx);
        }
    }

    /// The metadata cache has taken an UpdateMetadata in.
    pub(super) fn complete_elections(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: &UpdateMetadataRequest,
    ) {
        let mut env = env!(self, ctx);
        for state in &request.partition_states {
            let key = WatchKey::Leader(state.partition.clone());
            self.replicas.check_and_complete(&mut env, &key);
        }
    }
}

impl DelayedElectLeaders {
    fn new(election: Election) -> Self {
        let mut delayed = DelayedElectLeaders {
            error: election.error,
            results: Vec::new(),
            waits_for: Vec::new(),
        };
        for (partition, result) in election.results {
            match result {
                Ok(leader) => delayed.waits_for.push((partition, leader)),
                Err(error) => delayed.results.push((partition, error)),
            }
        }
        delayed
    }

    fn keys(&self) -> Vec<WatchKey> {
        let waiting = self.waits_for.iter();
        waiting
            .map(|(partition, _)| WatchKey::Leader(partition.clone()))
            .collect()
    }

    pub(crate) fn try_complete(&mut self, cache: &MetadataCache) -> bool {
        let is_known = |partition: &TopicPartition, leader| {
            cache.partition(partition).map(|state| state.leader) == Some(leader)
        };
        let known = self
            .waits_for
            .extract_if(.., |(partition, leader)| is_known(partition, *leader));
        self.results
            .extend(known.map(|(partition, _)| (partition, ErrorCode::None)));
        self.waits_for.is_empty()
    }

    pub(crate) fn on_expiration(&mut self) {
        let missing = self.waits_for.drain(..);
        self.results
            .extend(missing.map(|(partition, _)| (partition, ErrorCode::RequestTimedOut)));
    }

    pub(crate) fn into_response(mut self) -> ElectLeadersResponse {
        self.results.sort();
        ElectLeadersResponse {
            error: self.error,
            results: self.results,
        }
    }
}
