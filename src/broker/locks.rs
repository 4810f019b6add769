//! What threads of a broker wait for: locks, and the flush of what they have appended (classes
//! `Partition`, `UnifiedLog`, `ReplicaManager`; LK1 to LK4).
//!
//! Memory changes at once, whatever thread a handler runs on, so that a lock matters only while its
//! holder waits for a device or for another lock. That is when one is held here, and only while one is
//! held anybody looks. A thread that finds a lock taken keeps what it was about to do, stands in line,
//! and goes on with it once the lock is its own: it serves nobody else meanwhile, as in life.

use super::Broker;
use super::background::Cleanup;
use super::connections::Answered;
use super::delete_records::DeleteRecords;
use super::outbox::Env;
use super::partition::fetch::Due;
use super::produce::Produce;
use super::purgatory::{Delayed, Pending};
use crate::kernel::{Duration, Hold, Time};
use crate::protocol::{
    BrokerTimer, CONSUMER_REPLICA_ID, Ctx, Fact, FetchRequest, FetcherId, GroupTimer, KafkaRequest,
    Lock, Request, Response, Timer, TopicPartition,
};
use std::collections::BTreeMap;

/// A flush that took longer is told.
const LONG_FLUSH: Duration = Duration::from_secs(3);

/// A lock, and how it is wanted.
pub(super) type Wanted = (Lock, Hold);

/// What a thread will go on with (`BrokerTimer::GoOn`).
#[derive(Debug)]
pub(super) enum Interrupted {
    /// A request that has yet to be carried out. A follower's fetch may have acknowledged the first
    /// few of its partitions; what the high watermark of the next one makes of it may be `due`.
    Request {
        to: Pending,
        request: KafkaRequest,
        acknowledged: usize,
        due: bool,
    },
    /// A produce of which some partitions are appended.
    Produce(Produce),
    /// A DeleteRecords of which some partitions have had their turn.
    DeleteRecords(DeleteRecords),
    /// A fetcher's answer.
    Answered(FetcherId, Answered),
    /// A Fetch's answer of which some partitions may have had their turn.
    Fetched(FetcherId),
    /// The outcomes of an AlterPartition, of which some may be given.
    AlterPartition,
    /// Retention, which has looked at some logs.
    Cleanup(Cleanup),
    /// A task of the scheduler, or the expiry of a parked request.
    Task(BrokerTimer),
}

/// All that is interrupted, by number.
#[derive(Debug, Default)]
pub(super) struct Interruptions {
    next: u64,
    waiting: BTreeMap<u64, Interruption>,
}

#[derive(Debug)]
struct Interruption {
    since: Time,
    what: Interrupted,
    /// What the same thread writes after it.
    then: Vec<Produce>,
}

impl Broker {
    /// Carries a request out, or stands in line for what it needs first.
    pub(super) fn serve(&mut self, ctx: &mut Ctx<'_>, to: Pending, mut request: KafkaRequest) {
        if self.take_in(ctx, to, &mut request) {
            self.serve_from(ctx, to, request, 0);
        }
    }

    fn serve_from(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: KafkaRequest,
        acknowledged: usize,
    ) {
        if !ctx.any_locks() {
            return self.handle(ctx, to, request);
        }
        let wanted = self.wanted_by(&request.body);
        let what = Interrupted::Request {
            to,
            request,
            acknowledged,
            due: false,
        };
        let free = self.unless_taken(ctx, wanted, what);
        let Some(Interrupted::Request { request, .. }) = free else {
            return;
        };
        if let Request::Fetch(fetch) = &request.body
            && fetch.replica_id != CONSUMER_REPLICA_ID
            && let Some((at, due, wanted)) = self.acknowledge(ctx, fetch, acknowledged)
        {
            let what = Interrupted::Request {
                to,
                request,
                acknowledged: at,
                due,
            };
            self.unless_taken(ctx, wanted, what);
            return;
        }
        self.handle(ctx, to, request);
    }

    /// LK3: a follower's fetch is noted first and draws its conclusions then; those may need a lock
    /// that is taken. The place of that partition, whether the high watermark is concerned, and what
    /// is wanted.
    fn acknowledge(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: &FetchRequest,
        from: usize,
    ) -> Option<(usize, bool, Vec<Wanted>)> {
        for (place, fetch) in request.partitions.iter().enumerate().skip(from) {
            let name = &fetch.partition;
            let Some(partition) = self.replicas.partition_mut(name) else {
                continue;
            };
            let env = env!(self, ctx);
            let wanted = match partition.due_after_fetch(&env, fetch, request.replica_id) {
                Due::Nothing => continue,
                Due::IsrExpansion => vec![(Lock::LeaderIsrUpdate(name.clone()), Hold::Alone)],
                Due::HighWatermark => append_locks(name).into(),
            };
            if wanted.iter().all(|(lock, how)| ctx.is_free(lock, *how)) {
                continue;
            }
            let now_ms = ctx.wall_ms();
            let due = partition.note_fetch(now_ms, fetch, request.replica_id);
            return Some((place, due, wanted));
        }
        None
    }

    /// Goes on with what was interrupted.
    pub(super) fn go_on(&mut self, ctx: &mut Ctx<'_>, number: u64) {
        let interrupted = self.interruptions.waiting.remove(&number);
        assert!(
            interrupted.is_some(),
            "a thread goes on with what it has done already"
        );
        let Some(Interruption { since, what, then }) = interrupted else {
            return;
        };
        match what {
            Interrupted::Request {
                to,
                request,
                mut acknowledged,
                due,
            } => {
                if due && let Request::Fetch(fetch) = &request.body {
                    let name = &fetch.partitions[acknowledged].partition;
                    self.replicas.on_acknowledged(&mut env!(self, ctx), name);
                    acknowledged += 1;
                }
                self.serve_from(ctx, to, request, acknowledged);
            }
            Interrupted::Produce(produce) => {
                if let Some(partition) = produce.is_flushed() {
                    self.tell_long_flush(ctx, since, partition);
                }
                self.go_on_with_produce(ctx, produce);
            }
            Interrupted::Answered(fetcher, answered) => {
                self.on_fetcher_answered(ctx, fetcher, answered);
            }
            Interrupted::Fetched(fetcher) => self.take_in_fetched(ctx, fetcher),
            Interrupted::AlterPartition => self.give_outcomes(ctx),
            Interrupted::Cleanup(cleanup) => self.clean_up_logs(ctx, cleanup),
            Interrupted::DeleteRecords(deletion) => self.delete_records(ctx, deletion),
            Interrupted::Task(task) => self.on_timer(ctx, task),
        }
        for produce in then {
            self.produce(ctx, produce);
        }
    }

    /// Leaves a produce to the end of what this thread does already, if that is interrupted.
    pub(super) fn unless_interrupted(
        &mut self,
        ctx: &Ctx<'_>,
        produce: Produce,
    ) -> Option<Produce> {
        let number = self.interruptions.next;
        match self.interruptions.waiting.get_mut(&number) {
            Some(current) if ctx.goes_on() => {
                current.then.push(produce);
                None
            }
            _ => Some(produce),
        }
    }

    /// LK1: records that were flushed as they came are answered for after the flush; until then
    /// their log is locked.
    pub(super) fn finish_after_flush(&mut self, ctx: &mut Ctx<'_>, what: Interrupted) {
        let number = self.interrupt(ctx, what);
        ctx.go_on(Timer::Broker(BrokerTimer::GoOn(number)));
    }

    /// Gives back what is to be done if all that it wants is free. Otherwise waits for the first lock that is
    /// not, and goes on once that is its own. Meanwhile it holds what comes before it in the order of locks
    /// and is of the same partition, since Kafka works partition by partition, or of no partition. It holds
    /// nothing that comes later, nor a share of what it wants alone: no two wait for each other. A change of state
    /// takes partitions from the fetchers and lets those go before it waits for anything else (LK9).
    pub(super) fn unless_taken(
        &mut self,
        ctx: &mut Ctx<'_>,
        mut wanted: Vec<Wanted>,
        what: Interrupted,
    ) -> Option<Interrupted> {
        let is_taken = |(lock, how): &Wanted| !ctx.is_free(lock, *how);
        if !wanted.iter().any(is_taken) {
            return Some(what);
        }
        wanted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let taken = wanted.iter().position(is_taken)?;
        let (lock, how) = wanted.swap_remove(taken);
        wanted.truncate(taken);
        let changes_state = wanted.iter().any(|(it, _)| *it == Lock::ReplicaStateChange);
        wanted.retain(|(held, _)| match held {
            Lock::PartitionMap(_) => !changes_state,
            other => other
                .partition()
                .is_none_or(|it| Some(it) == lock.partition()),
        });
        assert!(
            wanted.iter().all(|(held, _)| *held < lock),
            "{lock:?} is waited for with one that comes later, or with a share of it"
        );
        let kept: Vec<Lock> = wanted.iter().map(|(lock, _)| lock.clone()).collect();
        ctx.give_back(&kept);
        for (lock, how) in wanted {
            ctx.hold(lock, how);
        }
        let number = self.interrupt(ctx, what);
        ctx.wait_for(lock, how, Timer::Broker(BrokerTimer::GoOn(number)));
        None
    }

    fn interrupt(&mut self, ctx: &Ctx<'_>, what: Interrupted) -> u64 {
        self.interruptions.next += 1;
        let number = self.interruptions.next;
        let interruption = Interruption {
            since: ctx.now(),
            what,
            then: Vec::new(),
        };
        self.interruptions.waiting.insert(number, interruption);
        number
    }

    fn tell_long_flush(&self, ctx: &mut Ctx<'_>, since: Time, partition: &TopicPartition) {
        let waited = ctx.now().since(since);
        if waited >= LONG_FLUSH {
            let waiting = self.interruptions.waiting.len();
            ctx.fact(Fact::FlushWaited {
                partition: partition.clone(),
                ms: waited.as_millis(),
                waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
            });
        }
    }

    /// What a handler locks while it waits for the device.
    pub(super) fn hold_through_waits(&mut self, ctx: &mut Ctx<'_>) {
        for (lock, how) in self.out.locks.drain(..) {
            ctx.hold(lock, how);
        }
    }

    // ---- who wants what

    fn wanted_by(&self, request: &Request) -> Vec<Wanted> {
        match request {
            Request::Fetch(request) => {
                let names = request.partitions.iter().map(|fetch| &fetch.partition);
                names.map(read_lock).collect()
            }
            Request::ListOffsets(request) => {
                let names = request.partitions.iter().map(|asked| &asked.partition);
                names.map(read_lock).collect()
            }
            Request::OffsetForLeaderEpoch(request) => {
                let names = request.partitions.iter().map(|asked| &asked.partition);
                names.map(read_lock).collect()
            }
            Request::StopReplica(request) => {
                let states = request.partition_states.iter();
                let deleted = states.filter(|state| state.delete_partition);
                self.state_change_locks(deleted.map(|state| &state.partition))
            }
            Request::LeaderAndIsr(_) => vec![(Lock::ReplicaStateChange, Hold::Alone)],
            Request::UpdateMetadata(_) => vec![(Lock::ReplicaStateChange, Hold::Alone)],
            // What follows a rebalance's end or a member's return is written by whoever brings it about.
            Request::JoinGroup(request) if request.group_instance_id.is_some() => {
                self.wanted_by_group(&request.group_id)
            }
            Request::SyncGroup(request) if !request.assignments.is_empty() => {
                self.wanted_by_group(&request.group_id)
            }
            Request::LeaveGroup(request) => self.wanted_by_group(&request.group_id),
            Request::OffsetCommit(request) => self.wanted_by_group(&request.group_id),
            Request::OffsetDelete(request) => self.wanted_by_group(&request.group_id),
            _ => Vec::new(),
        }
    }

    /// To write what becomes of a group.
    fn wanted_by_group(&self, group: &str) -> Vec<Wanted> {
        append_locks(&self.partition_of_group(group)).into()
    }

    /// LK4: one state change at a time; fetchers give partitions up between two answers; then the
    /// partitions themselves.
    pub(super) fn state_change_locks<'a>(
        &self,
        names: impl Iterator<Item = &'a TopicPartition>,
    ) -> Vec<Wanted> {
        let mut wanted = vec![(Lock::ReplicaStateChange, Hold::Alone)];
        let fetchers = self.fetchers.ids();
        wanted.extend(fetchers.map(|fetcher| (Lock::PartitionMap(fetcher), Hold::Alone)));
        wanted.extend(names.flat_map(change_locks));
        wanted
    }

    /// What a fetcher needs to look at an answer.
    pub(super) fn wanted_by_fetcher(fetcher: FetcherId, answered: &Answered) -> Vec<Wanted> {
        let mut wanted = vec![partition_map_lock(fetcher)];
        if let Ok(Response::ListOffsets(response)) = &answered.result {
            let names = response.partitions.iter().map(|found| &found.partition);
            wanted.extend(names.flat_map(append_locks));
        }
        wanted
    }

    /// What a task of the scheduler or of the reaper of parked requests needs.
    pub(super) fn wanted_by_task(&self, task: &BrokerTimer) -> Vec<Wanted> {
        match task {
            BrokerTimer::Purgatory(op) => {
                let fetch = self.replicas.purgatory.get(*op).and_then(Delayed::fetch);
                let partitions = fetch.iter().flat_map(|fetch| &fetch.partitions);
                partitions.map(|it| read_lock(&it.partition)).collect()
            }
            BrokerTimer::Group(
                GroupTimer::Session { group, .. }
                | GroupTimer::Join { group }
                | GroupTimer::Sync { group, .. },
            ) => self.wanted_by_group(group),
            BrokerTimer::StateChange => vec![(Lock::ReplicaStateChange, Hold::Alone)],
            _ => Vec::new(),
        }
    }
}

impl Env<'_> {
    /// What an append or a truncation holds, if it waits for the device.
    pub(super) fn appended(&mut self, name: &TopicPartition) {
        if self.disk.has_waited() {
            self.out.locks.extend(append_locks(name));
        }
    }

    /// What a change of leadership holds, if it waits for the device.
    pub(super) fn changed(&mut self, name: &TopicPartition) {
        if self.disk.has_waited() {
            self.out.locks.extend(change_locks(name));
        }
    }
}

/// LK2: who reads needs no lock of the log.
fn read_lock(name: &TopicPartition) -> Wanted {
    (Lock::LeaderIsrUpdate(name.clone()), Hold::Shared)
}

pub(super) fn partition_map_lock(fetcher: FetcherId) -> Wanted {
    (Lock::PartitionMap(fetcher), Hold::Alone)
}

pub(super) fn append_locks(name: &TopicPartition) -> [Wanted; 2] {
    [
        (Lock::LeaderIsrUpdate(name.clone()), Hold::Shared),
        (Lock::Log(name.clone()), Hold::Alone),
    ]
}

pub(super) fn change_locks(name: &TopicPartition) -> [Wanted; 2] {
    [
        (Lock::LeaderIsrUpdate(name.clone()), Hold::Alone),
        (Lock::Log(name.clone()), Hold::Alone),
    ]
}
