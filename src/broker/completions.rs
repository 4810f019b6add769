//! The ends of what a broker has asked others, and the effects that each of its handlers leaves behind.

use super::Broker;
use super::BrokerOutput;
use super::current_leader::name_current_leaders;
use super::locks::Interrupted;
use super::outbox::Env;
use crate::kernel::{ConnId, Hold};
use crate::network_client::Completed;
use crate::protocol::{BrokerId, Ctx, ErrorCode, Fact, KafkaResponse, Lock, Message};

/// Answers to the broker's own requests.
impl Broker {
    pub(super) fn on_fetches_completed(
        &mut self,
        ctx: &mut Ctx<'_>,
        completed: impl IntoIterator<Item = Completed<BrokerId>>,
    ) {
        for completed in completed {
            if completed.result.is_err() {
                self.fetchers.client.close(ctx, completed.to);
                self.on_fetched(ctx, completed);
            } else if !ctx.any_locks() {
                self.on_fetched(ctx, completed);
            } else {
                let wanted = Self::wanted_by_fetcher(&completed);
                let what = Interrupted::Fetched(completed);
                if let Some(Interrupted::Fetched(completed)) = self.unless_taken(ctx, wanted, what)
                {
                    self.on_fetched(ctx, completed);
                }
            }
        }
    }

    pub(super) fn on_fetched(&mut self, ctx: &mut Ctx<'_>, completed: Completed<BrokerId>) {
        let (now, leader) = (ctx.wall(), completed.tag);
        let mut env = env!(self, ctx);
        self.fetchers
            .on_completed(now, &mut env, &mut self.replicas, completed);
        if env.disk.has_waited() {
            let lock = (Lock::PartitionMap(leader), Hold::Alone);
            env.out.locks.push(lock);
        }
        self.fetchers.run(ctx, &self.replicas);
        self.flush(ctx);
    }

    pub(super) fn on_alter_partition_completed(
        &mut self,
        ctx: &mut Ctx<'_>,
        completed: Vec<Completed<()>>,
    ) {
        let wanted = match ctx.any_locks() {
            true => Self::wanted_by_outcomes(&completed),
            false => Vec::new(),
        };
        let what = Interrupted::AlterPartition(completed);
        let free = self.unless_taken(ctx, wanted, what);
        let Some(Interrupted::AlterPartition(completed)) = free else {
            return;
        };
        for completed in completed {
            let Some(outcomes) =
                self.alter_partition
                    .on_completed(ctx, &self.metadata_cache, completed)
            else {
                continue;
            };
            for (sent, answer) in outcomes {
                let mut env = env!(self, ctx);
                self.replicas.on_alter_partition_answer(
                    &mut env,
                    &sent,
                    answer.as_ref().map_err(|error| *error),
                );
            }
            self.alter_partition
                .on_outcomes_given(ctx, &self.metadata_cache);
        }
        self.flush(ctx);
    }

    pub(super) fn on_controlled_shutdown_completed(
        &mut self,
        ctx: &mut Ctx<'_>,
        completed: Vec<Completed<()>>,
    ) {
        for completed in completed {
            let done = self.controlled_shutdown.on_completed(ctx, completed);
            self.end_controlled_shutdown(ctx, done);
        }
    }
}

/// Effects.
impl Broker {
    /// Carries out what a handler has left behind.
    pub(super) fn flush(&mut self, ctx: &mut Ctx<'_>) {
        while !self.out.isr_changes.is_empty() {
            for change in std::mem::take(&mut self.out.isr_changes) {
                let taken = self
                    .alter_partition
                    .submit(ctx, &self.metadata_cache, change.clone());
                if !taken {
                    self.replicas.on_alter_partition_answer(
                        &mut env!(self, ctx),
                        &change,
                        Err(ErrorCode::OperationNotAttempted),
                    );
                }
            }
        }
        if !self.replicas.purgatory.deletes.is_empty() {
            self.replicas.complete_deletes(&mut env!(self, ctx));
        }
        self.take_log_tasks(ctx);
        self.hold_through_waits(ctx);
        for fact in self.out.facts.drain(..) {
            ctx.fact(fact);
        }
        for answer in self.out.answers.drain(..) {
            let conn = answer.to.conn;
            if let Some(timer) = answer.timer {
                ctx.cancel_timer(timer);
            }
            if self.unanswered == Some(conn) {
                self.unanswered = None;
            }
            if answer.close && self.accepted.remove(&conn).is_some() {
                ctx.close(conn);
            }
            let Some(muted) = self.accepted.get_mut(&conn) else {
                continue;
            };
            if std::mem::replace(muted, false) {
                ctx.unmute(conn);
            }
            if let Some(mut body) = answer.response {
                name_current_leaders(&self.replicas, &self.metadata_cache, &mut body);
                let response = KafkaResponse {
                    correlation_id: answer.to.correlation_id,
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
        for timer in self.replicas.purgatory.forget(conn) {
            ctx.cancel_timer(timer);
        }
    }
}
