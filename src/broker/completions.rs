//! The ends of what a broker has asked others, and the effects that each of its handlers leaves behind.

use super::Broker;
use super::BrokerOutput;
use super::connections::{Answered, Asker};
use super::current_leader::name_current_leaders;
use super::locks::{Interrupted, append_locks, change_locks, partition_map_lock};
use super::outbox::Env;
use super::purgatory::{Requester, WatchKey};
use crate::kernel::ConnId;
use crate::protocol::{Ctx, ErrorCode, Fact, FetcherId, KafkaResponse, Lock, Message, Response};

/// Answers to the broker's own requests.
impl Broker {
    pub(super) fn on_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        answered: impl IntoIterator<Item = Answered>,
    ) {
        for answered in answered {
            match answered.tag {
                Asker::Fetcher(fetcher) => self.on_fetcher_answered(ctx, fetcher, answered),
                Asker::AlterPartition => self.on_alter_partition_answered(ctx, answered),
                Asker::Forwarding => {
                    let (connections, cache) = (&mut self.connections, &self.metadata_cache);
                    self.producer_ids
                        .on_answered(ctx, connections, cache, answered);
                }
                Asker::ControlledShutdown => {
                    let connections = &mut self.connections;
                    let done = self
                        .controlled_shutdown
                        .on_answered(ctx, connections, answered);
                    self.end_controlled_shutdown(ctx, done);
                }
            }
        }
    }

    pub(super) fn on_fetcher_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        fetcher: FetcherId,
        answered: Answered,
    ) {
        let mut answered = answered;
        if answered.result.is_err() {
            self.connections.close(ctx, answered.tag, answered.to);
        } else if ctx.any_locks() {
            let wanted = Self::wanted_by_fetcher(fetcher, &answered);
            let what = Interrupted::Answered(fetcher, answered);
            let free = self.unless_taken(ctx, wanted, what);
            let Some(Interrupted::Answered(_, free)) = free else {
                return;
            };
            answered = free;
        }
        let now = ctx.wall();
        let mut env = env!(self, ctx);
        self.fetchers
            .on_answered(now, &mut env, &mut self.replicas, fetcher, answered.result);
        if env.disk.has_waited() {
            env.out.locks.push(partition_map_lock(fetcher));
        }
        self.take_in_fetched(ctx, fetcher);
        self.flush(ctx);
    }

    /// LK12: what a fetcher was answered goes partition by partition; it keeps its own lock all through, and a
    /// partition's as long as that has its turn.
    pub(super) fn take_in_fetched(&mut self, ctx: &mut Ctx<'_>, fetcher: FetcherId) {
        while let Some(name) = self.fetchers.next_partition(fetcher) {
            if ctx.any_locks() {
                let mut wanted = append_locks(name).to_vec();
                wanted.push(partition_map_lock(fetcher));
                let again = Interrupted::Fetched(fetcher);
                if self.unless_taken(ctx, wanted, again).is_none() {
                    return;
                }
            }
            let replicas = &mut self.replicas;
            let mut env = env!(self, ctx);
            self.fetchers.take_in_next(&mut env, replicas, fetcher);
            if env.disk.has_waited() && env.out.log_dir_failed.is_none() {
                env.out.locks.push(partition_map_lock(fetcher));
                return self.finish_after_flush(ctx, Interrupted::Fetched(fetcher));
            }
            if ctx.any_locks() {
                ctx.give_back(&[Lock::PartitionMap(fetcher)]);
            }
        }
        let (now, replicas) = (ctx.wall(), &mut self.replicas);
        self.fetchers
            .finish_answer(now, &mut env!(self, ctx), replicas, fetcher);
        self.run_fetchers(ctx);
    }

    pub(super) fn run_fetchers(&mut self, ctx: &mut Ctx<'_>) {
        self.fetchers
            .run(ctx, &mut self.connections, &self.replicas);
    }

    fn on_alter_partition_answered(&mut self, ctx: &mut Ctx<'_>, answered: Answered) {
        let (connections, cache) = (&mut self.connections, &self.metadata_cache);
        if self
            .alter_partition
            .on_answered(ctx, connections, cache, answered)
        {
            self.give_outcomes(ctx);
        }
        self.flush(ctx);
    }

    /// LK14: what the controller said goes partition by partition.
    pub(super) fn give_outcomes(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(name) = self.alter_partition.next_partition() {
            if ctx.any_locks() {
                let wanted = change_locks(name).into();
                if self
                    .unless_taken(ctx, wanted, Interrupted::AlterPartition)
                    .is_none()
                {
                    return;
                }
            }
            if let Some((sent, answer)) = self.alter_partition.next_outcome() {
                self.replicas.on_alter_partition_answer(
                    &mut env!(self, ctx),
                    &sent,
                    answer.as_ref().map_err(|error| *error),
                );
            }
            if ctx.any_locks() {
                ctx.give_back(&[]);
            }
        }
        let (connections, cache) = (&mut self.connections, &self.metadata_cache);
        self.alter_partition
            .on_outcomes_given(ctx, connections, cache);
    }
}

/// Effects.
impl Broker {
    /// Carries out what a handler has left behind.
    pub(super) fn flush(&mut self, ctx: &mut Ctx<'_>) {
        for name in self.out.isr_changes_dropped.drain(..) {
            self.alter_partition.drop_change(&name);
        }
        while !self.out.isr_changes.is_empty() {
            for change in std::mem::take(&mut self.out.isr_changes) {
                let (connections, cache) = (&mut self.connections, &self.metadata_cache);
                let taken = self
                    .alter_partition
                    .submit(ctx, connections, cache, change.clone());
                if !taken {
                    self.replicas.on_alter_partition_answer(
                        &mut env!(self, ctx),
                        &change,
                        Err(ErrorCode::OperationNotAttempted),
                    );
                }
            }
        }
        if self.replicas.purgatory.watches(&WatchKey::LogStarts) {
            self.replicas.complete_deletes(&mut env!(self, ctx));
        }
        self.take_log_tasks(ctx);
        self.flush_groups(ctx);
        self.hold_through_waits(ctx);
        for fact in self.out.facts.drain(..) {
            ctx.fact(fact);
        }
        for answer in self.out.answers.drain(..) {
            if let Some(timer) = answer.timer {
                ctx.cancel_timer(timer);
            }
            let Requester::Client(to) = answer.to else {
                continue;
            };
            let conn = to.conn;
            if self.unanswered == Some(conn) {
                self.unanswered = None;
            }
            if answer.close && self.accepted.remove(&conn).is_some() {
                ctx.close(conn);
            }
            let Some(accepted) = self.accepted.get_mut(&conn) else {
                continue;
            };
            if std::mem::replace(&mut accepted.muted, false) {
                ctx.unmute(conn);
            }
            if let Some(mut body) = answer.response {
                if let Response::Fetch(response) = &mut body {
                    let (now_ms, random) = (ctx.wall_ms(), || ctx.stream("fetch sessions"));
                    let facts = self.fetch_manager.finish(to, response, now_ms, random);
                    facts.into_iter().for_each(|fact| ctx.fact(fact.into()));
                }
                self.request_log.on_answer(ctx.now(), to, &body);
                let listener = self.config.listeners.on_port(ctx.port(conn));
                name_current_leaders(&self.replicas, &self.metadata_cache, listener, &mut body);
                let response = KafkaResponse {
                    correlation_id: to.correlation_id,
                    throttle_time_ms: 0,
                    body,
                };
                ctx.send(conn, Message::Response(response));
            }
        }
        if let Some(why) = self.out.log_dir_failed.take().filter(|_| !self.failed) {
            self.failed = true;
            ctx.fact(Fact::LogDirFailed {
                why: why.as_str().into(),
            });
            self.outputs.push(BrokerOutput::Failed { why });
        }
    }

    /// Nobody waits for an answer on this connection any more.
    pub(super) fn forget(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        self.fetch_manager.forget(conn);
        let purgatory = &mut self.replicas.purgatory;
        for delayed in purgatory.cancel(|delayed| delayed.to.conn() == Some(conn)) {
            if let Some(timer) = delayed.timer {
                ctx.cancel_timer(timer);
            }
        }
    }
}
