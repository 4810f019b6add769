//! Following one broker over one connection (classes `ReplicaFetcherThread`, `AbstractFetcherThread`;
//! rules E5, E6, CT29, CC19): what it asks. What it makes of answers: `answers`.
//!
//! A fetcher has one request under way: a Fetch, or a ListOffsets after OFFSET_OUT_OF_RANGE. May not
//! know what became of what it asks for but by the log that it fetches into.

mod answers;

use super::connections::{Asker, Connections};
use super::outbox::Env;
use super::replica_manager::ReplicaManager;
use crate::kernel::{Duration, Time, TimerId};
use crate::log::UnifiedLog;
use crate::network_client::{FetchRequestData, FetchSessionHandler, Node};
use crate::protocol::config::BrokerConfig;
use crate::protocol::rules::Truncation;
use crate::protocol::{
    BrokerId, BrokerTimer, Ctx, EARLIEST_TIMESTAMP, FetchPartition, FetchRequest, FetcherId,
    LATEST_TIMESTAMP, ListOffsetsPartition, ListOffsetsRequest, Request, Timer, TopicId,
    TopicPartition, UNKNOWN_EPOCH,
};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// What is the same for all fetchers.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) local_broker: BrokerId,
    /// Sent with each fetch (KIP-903).
    pub(super) broker_epoch: i64,
    pub(super) config: Rc<BrokerConfig>,
}

/// The partitions that are followed from one broker.
#[derive(Debug)]
pub(super) struct ReplicaFetcher {
    /// Where its leader runs.
    pub(super) node: Node,
    partitions: BTreeMap<TopicPartition, PartitionFetchState>,
    session: FetchSessionHandler,
    under_way: UnderWay,
    /// What has to be asked before the next Fetch.
    out_of_range: VecDeque<OutOfRange>,
    /// Who got data last goes last next time, where not all fits.
    next_turn: u64,
    wake: Option<TimerId>,
    /// What the fetch that is being made asks for, each with its turn; empty between two.
    ready: Vec<(u64, FetchPartition)>,
}

#[derive(Clone, Debug)]
struct PartitionFetchState {
    topic_id: TopicId,
    fetch_offset: i64,
    current_leader_epoch: i32,
    /// E5; `None` with an empty epoch cache.
    last_fetched_epoch: Option<i32>,
    /// CT29: the log is to be cut to the fetch offset (the high watermark) before anything else.
    truncating: bool,
    /// By the wall clock (`PartitionFetchState.isDelayed`).
    delayed_until: Option<Time>,
    turn: u64,
    /// Where logs are compared but once: that is done.
    compared: bool,
}

#[derive(Debug)]
enum UnderWay {
    Nothing,
    /// What is asked for, the session knows.
    Fetch,
    Offsets(OutOfRange),
    /// A Fetch's answer is being taken in.
    Fetched(answers::Fetched),
}

/// A partition whose offset its leader called out of range: the leader is asked for its end, and if
/// that is not below the own one, for its start (E9).
#[derive(Debug)]
struct OutOfRange {
    partition: TopicPartition,
    /// Leader epoch of the fetch that was refused.
    request_epoch: i32,
    leader_end: Option<i64>,
}

/// What is known of a partition that a broker begins to follow.
#[derive(Clone, Debug)]
pub(crate) struct InitialFetchState {
    pub(crate) partition: TopicPartition,
    pub(crate) leader: BrokerId,
    pub(crate) node: Node,
    pub(crate) topic_id: TopicId,
    pub(crate) leader_epoch: i32,
}

impl ReplicaFetcher {
    pub(super) fn new(node: Node) -> Self {
        ReplicaFetcher {
            node,
            partitions: BTreeMap::new(),
            session: FetchSessionHandler::default(),
            under_way: UnderWay::Nothing,
            out_of_range: VecDeque::new(),
            next_turn: 0,
            wake: None,
            ready: Vec::new(),
        }
    }

    /// CT29: a partition that is followed in this leader epoch already goes on.
    pub(super) fn add(
        &mut self,
        initial: &InitialFetchState,
        log: &UnifiedLog,
        truncation: Truncation,
    ) {
        let known = self.partitions.get(&initial.partition);
        if known.is_some_and(|state| state.current_leader_epoch == initial.leader_epoch) {
            return;
        }
        let last_fetched_epoch = match truncation {
            Truncation::HighWatermark => None,
            _ => log.latest_epoch(),
        };
        let state = PartitionFetchState {
            topic_id: initial.topic_id,
            fetch_offset: match last_fetched_epoch {
                Some(_) => log.log_end_offset(),
                None => log.high_watermark(),
            },
            current_leader_epoch: initial.leader_epoch,
            last_fetched_epoch,
            truncating: last_fetched_epoch.is_none(),
            delayed_until: None,
            turn: self.take_turn(),
            compared: truncation == Truncation::HighWatermark,
        };
        self.partitions.insert(initial.partition.clone(), state);
    }

    pub(super) fn remove(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Nothing is under way.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.under_way, UnderWay::Nothing)
    }

    /// Its pause is over.
    pub(super) fn on_backoff(&mut self) {
        self.wake = None;
    }

    fn take_turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }

    /// What is under way is forgotten; so is a pause.
    pub(super) fn shutdown(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(timer) = self.wake.take() {
            ctx.cancel_timer(timer);
        }
    }

    // ---- asking

    pub(super) fn truncate_to_high_watermarks(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
    ) {
        let mut failed = Vec::new();
        for (name, state) in &mut self.partitions {
            if !state.truncating {
                continue;
            }
            let Some(partition) = replicas.partition_mut(name) else {
                continue;
            };
            match partition.truncate_to(env, state.fetch_offset) {
                Ok(()) => {
                    state.truncating = false;
                    state.last_fetched_epoch = partition.log().and_then(UnifiedLog::latest_epoch);
                }
                Err(error) => failed.push((name.clone(), error)),
            }
        }
        for (name, error) in failed {
            self.fail(env, &name, &error);
        }
    }

    /// Sends the next request, if there is one to send; otherwise sets the timer for it.
    pub(super) fn send_next(
        &mut self,
        ctx: &mut Ctx<'_>,
        line: Line<'_>,
        replicas: &ReplicaManager,
    ) {
        while let Some(question) = self.out_of_range.pop_front() {
            if let Some(state) = self.partitions.get(&question.partition) {
                line.ask_offset(ctx, &question, state.current_leader_epoch);
                self.under_way = UnderWay::Offsets(question);
                return;
            }
        }
        let now = ctx.wall();
        let mut due: Option<Time> = None;
        let ready = &mut self.ready;
        for (name, state) in &mut self.partitions {
            if let Some(until) = state.delayed_until.filter(|until| now < *until) {
                due = Some(due.map_or(until, |at| at.min(until)));
                continue;
            }
            state.delayed_until = None;
            let Some(log) = replicas.partition(name).and_then(|p| p.log()) else {
                continue;
            };
            let fetch = FetchPartition {
                partition: name.clone(),
                topic_id: state.topic_id,
                current_leader_epoch: state.current_leader_epoch,
                fetch_offset: state.fetch_offset,
                last_fetched_epoch: match state.compared {
                    true => UNKNOWN_EPOCH,
                    false => state.last_fetched_epoch.unwrap_or(UNKNOWN_EPOCH),
                },
                log_start_offset: log.log_start_offset(),
                max_bytes: line.settings.config.replica_fetch_max_bytes,
            };
            ready.push((state.turn, fetch));
        }
        ready.sort_unstable_by_key(|(turn, _)| *turn);
        let wanted = ready.drain(..).map(|(_, fetch)| fetch);
        let data = self.session.build(wanted);
        // Who wants nothing at the moment still has to say what is to be forgotten.
        if self.session.is_empty() && data.forgotten.is_empty() {
            if let Some(due) = due.filter(|_| self.wake.is_none()) {
                let timer = Timer::Broker(BrokerTimer::FetcherBackoff(line.id));
                self.wake = Some(ctx.set_timer(due.since(now), timer));
            }
            return;
        }
        line.fetch(ctx, data);
        self.under_way = UnderWay::Fetch;
    }
}

/// A fetcher's connection to its leader.
pub(super) struct Line<'a> {
    pub(super) id: FetcherId,
    pub(super) node: Node,
    pub(super) settings: &'a Settings,
    pub(super) connections: &'a mut Connections,
}

impl Line<'_> {
    fn fetch(self, ctx: &mut Ctx<'_>, data: FetchRequestData) {
        let config = &self.settings.config;
        let request = FetchRequest {
            replica_id: self.settings.local_broker,
            replica_epoch: self.settings.broker_epoch,
            max_wait_ms: config.replica_fetch_wait_max_ms,
            min_bytes: config.replica_fetch_min_bytes,
            max_bytes: config.replica_fetch_response_max_bytes,
            isolation_level: 0,
            version: data.version,
            session: data.metadata,
            partitions: data.to_send,
            forgotten: data.forgotten,
            rack_id: None,
        };
        self.send(ctx, request.into());
    }

    fn ask_offset(self, ctx: &mut Ctx<'_>, question: &OutOfRange, current_leader_epoch: i32) {
        let request = ListOffsetsRequest {
            replica_id: self.settings.local_broker,
            isolation_level: 0,
            partitions: vec![ListOffsetsPartition {
                partition: question.partition.clone(),
                current_leader_epoch,
                timestamp: match question.leader_end {
                    None => LATEST_TIMESTAMP,
                    Some(_) => EARLIEST_TIMESTAMP,
                },
            }],
        };
        self.send(ctx, request.into());
    }

    fn send(self, ctx: &mut Ctx<'_>, request: Request) {
        let timeout = Duration::from_millis(self.settings.config.replica_socket_timeout_ms);
        let asker = Asker::Fetcher(self.id);
        self.connections
            .send(ctx, asker, self.node, request, timeout);
    }
}

#[cfg(test)]
mod tests;
