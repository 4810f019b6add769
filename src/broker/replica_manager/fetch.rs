//! Fetch requests: what is there is answered, a request that would find too little is parked (classes
//! `ReplicaManager`, `DelayedFetch`; rules F1 to F3, I2, CC26).
//!
//! May not know whose fetch it is but by the replica id that it names, nor of which session it is: a request names
//! all its partitions here (`fetch_manager`).

use super::{Parked, ReplicaManager, absent};
use crate::broker::outbox::Env;
use crate::broker::partition::fetch::{Available, ReadInfo, ReadRequest};
use crate::broker::partition::read_replica::Reader;
use crate::broker::purgatory::{Answer, Delayed, Hosted, Operation, Pending, WatchKey};
use crate::protocol::config::ReplicaSelector;
use crate::protocol::{
    BrokerId, CONSUMER_REPLICA_ID, ErrorCode, Fact, FetchMetadata, FetchPartition,
    FetchPartitionResponse, FetchRequest, FetchResponse, ListenerName, TopicId,
};
use crate::purgatory::OperationId;
use smallvec::SmallVec;

/// A fetch that found too little.
#[derive(Debug)]
pub(crate) struct DelayedFetch {
    pub(crate) request: Box<FetchRequest>,
    /// A consumer that may be sent elsewhere.
    reader: Option<Reader>,
}

/// What a read over the partitions of a fetch came to (F2).
#[derive(Debug, Default)]
struct ReadSummary {
    responses: Vec<FetchPartitionResponse>,
    bytes: u64,
    /// An error, a diverging epoch, or another replica to read from: nothing to wait for.
    complete_now: bool,
    /// Partitions, by place in the request, whose high watermark a follower moved.
    moved: SmallVec<[usize; 4]>,
}

impl ReplicaManager {
    /// F1 to F3, E6, E11. Answers at once unless there is too little to return. `listener`: by which it has come.
    pub(crate) fn fetch(
        &mut self,
        env: &mut Env<'_>,
        to: Pending,
        mut request: Box<FetchRequest>,
        listener: &ListenerName,
    ) -> Option<Parked> {
        let reader = self.reader(&request, listener);
        request.max_bytes = request.max_bytes.min(self.config.fetch_max_bytes);
        request.min_bytes = request.min_bytes.min(request.max_bytes);
        let partitions = &mut self.partitions;
        let mut hosted = Hosted { partitions, env };
        let read = hosted.read_from_log(&request, reader.as_ref(), true);
        let min_bytes = u64::try_from(request.min_bytes).unwrap_or(0);
        if request.max_wait_ms <= 0
            || request.partitions.is_empty()
            || read.bytes >= min_bytes
            || read.complete_now
            || hosted.is_satisfied(&request)
        {
            env.out
                .answers
                .push(Answer::now(to, response(read.responses)));
            for place in read.moved {
                self.complete(env, &request.partitions[place].partition, true, true);
            }
            None
        } else {
            for place in &read.moved {
                self.complete(env, &request.partitions[*place].partition, true, true);
            }
            let timeout_ms = request.max_wait_ms;
            let delayed = DelayedFetch { request, reader };
            let op = self.park_fetch(to, delayed);
            Some(Parked { op, timeout_ms })
        }
    }

    /// CC26: a consumer that says its rack, where there is a selector for such.
    fn reader(&self, request: &FetchRequest, listener: &ListenerName) -> Option<Reader> {
        let is_asked = self.config.replica_selector == ReplicaSelector::RackAware
            && request.replica_id == CONSUMER_REPLICA_ID;
        Some(Reader {
            rack: request.rack_id.clone().filter(|_| is_asked)?,
            listener: listener.clone(),
        })
    }

    fn park_fetch(&mut self, to: Pending, delayed: DelayedFetch) -> OperationId {
        let partitions = delayed.request.partitions.iter();
        let keys: Vec<WatchKey> = partitions
            .map(|fetch| WatchKey::Data(fetch.partition.clone()))
            .collect();
        let operation = Operation::Fetch(delayed);
        self.purgatory.watch(Delayed::new(to, operation), keys)
    }
}

impl Hosted<'_, '_> {
    fn read_from_log(
        &mut self,
        request: &FetchRequest,
        reader: Option<&Reader>,
        first_read: bool,
    ) -> ReadSummary {
        let mut summary = ReadSummary {
            responses: Vec::with_capacity(request.partitions.len()),
            ..ReadSummary::default()
        };
        let mut limit = u64::try_from(request.max_bytes).unwrap_or(0);
        let mut min_one_message = true;
        for (place, fetch) in request.partitions.iter().enumerate() {
            let max_bytes = u64::try_from(fetch.max_bytes).unwrap_or(0).min(limit);
            let read = self.read_partition(
                fetch,
                reader,
                ReadRequest {
                    replica: request.replica_id,
                    read_committed: request.isolation_level == 1,
                    max_bytes: u32::try_from(max_bytes).unwrap_or(u32::MAX),
                    min_one_message,
                    update_fetch_state: first_read,
                },
            );
            match read {
                Err(error) => {
                    summary.complete_now = true;
                    let response = refused(self.env, fetch, request.replica_id, error);
                    summary.responses.push(response);
                }
                Ok(read) => {
                    let size = read.records.size_in_bytes();
                    limit = limit.saturating_sub(size);
                    min_one_message &= size == 0;
                    summary.bytes += size;
                    summary.complete_now |= read.diverging_epoch.is_some();
                    summary.complete_now |= read.preferred_read_replica.is_some();
                    if read.high_watermark_moved {
                        summary.moved.push(place);
                    }
                    summary.responses.push(FetchPartitionResponse {
                        partition: fetch.partition.clone(),
                        error: ErrorCode::None,
                        current_leader: None,
                        high_watermark: read.high_watermark,
                        last_stable_offset: read.last_stable_offset,
                        log_start_offset: read.log_start_offset,
                        diverging_epoch: read.diverging_epoch,
                        aborted_transactions: read.aborted_transactions,
                        preferred_read_replica: read.preferred_read_replica.unwrap_or(-1),
                        records: read.records,
                    });
                }
            }
        }
        summary
    }

    fn read_partition(
        &mut self,
        fetch: &FetchPartition,
        reader: Option<&Reader>,
        request: ReadRequest,
    ) -> Result<ReadInfo, ErrorCode> {
        let Some(partition) = self.partitions.get_mut(&fetch.partition) else {
            return Err(absent(self.env.cache, &fetch.partition));
        };
        if fetch.topic_id != TopicId::ZERO
            && partition.topic_id() != TopicId::ZERO
            && fetch.topic_id != partition.topic_id()
        {
            return Err(ErrorCode::InconsistentTopicId);
        }
        let preferred = reader.and_then(|reader| {
            partition.preferred_read_replica(self.env, reader, fetch.fetch_offset)
        });
        match preferred {
            Some(preferred) => partition.send_elsewhere(fetch, preferred),
            None => partition.fetch_records(self.env, fetch, request),
        }
    }

    /// F3: whether a parked fetch has something to return now.
    pub(crate) fn is_satisfied(&mut self, request: &FetchRequest) -> bool {
        let min_bytes = u64::try_from(request.min_bytes).unwrap_or(0);
        let mut bytes = 0;
        for fetch in &request.partitions {
            let Some(partition) = self.partitions.get(&fetch.partition) else {
                return true;
            };
            let available = partition.available(
                self.env.disk,
                fetch,
                request.replica_id,
                request.isolation_level == 1,
                min_bytes,
            );
            match available {
                Available::CompleteNow => return true,
                Available::Bytes(more) => bytes += more,
            }
        }
        bytes >= min_bytes
    }
}

impl DelayedFetch {
    /// Reads again (I2).
    pub(crate) fn into_response(self, hosted: &mut Hosted<'_, '_>) -> FetchResponse {
        let read = hosted.read_from_log(&self.request, self.reader.as_ref(), false);
        response(read.responses)
    }
}

fn response(responses: Vec<FetchPartitionResponse>) -> FetchResponse {
    FetchResponse {
        error: ErrorCode::None,
        session_id: FetchMetadata::INVALID_SESSION_ID,
        responses,
        node_endpoints: Vec::new(),
    }
}

/// A partition of which there is nothing but an error.
pub(crate) fn refused(
    env: &mut Env<'_>,
    fetch: &FetchPartition,
    replica: BrokerId,
    error: ErrorCode,
) -> FetchPartitionResponse {
    env.out.facts.push(Fact::FetchRefused {
        partition: fetch.partition.clone(),
        replica,
        error,
    });
    FetchPartitionResponse::without_data(fetch.partition.clone(), error)
}
