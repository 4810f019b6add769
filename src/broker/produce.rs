//! A produce goes through its partitions one after the other: each is locked, written, and flushed if its
//! topic asks for that, before the next one has its turn (method `appendToLocalLog` of class
//! `ReplicaManager`; LK1, LK10). Whoever has to wait between two of them holds neither.
//!
//! May not know who produces.

use super::Broker;
use super::locks::{Interrupted, append_locks};
use super::outbox::Env;
use super::purgatory::Requester;
use super::replica_manager::Appended;
use crate::protocol::{Ctx, ProduceRequest, TopicPartition};

/// A produce, and how far it has come.
#[derive(Debug)]
pub(super) struct Produce {
    to: Requester,
    request: Box<ProduceRequest>,
    appended: Appended,
    /// The last partition's records are written, and waited for their flush.
    flushes: bool,
}

impl Produce {
    pub(super) fn new(to: Requester, request: Box<ProduceRequest>) -> Produce {
        Produce {
            to,
            request,
            appended: Appended::default(),
            flushes: false,
        }
    }

    /// The partition whose flush is done, if that is what was waited for.
    pub(super) fn is_flushed(&self) -> Option<&TopicPartition> {
        let flushed = self
            .appended
            .count()
            .checked_sub(1)
            .filter(|_| self.flushes)?;
        self.request.data.get(flushed).map(|(name, _)| name)
    }

    fn next_partition(&self) -> Option<&TopicPartition> {
        let next = self.request.data.get(self.appended.count());
        next.map(|(name, _)| name)
    }

    /// Coordinators alone write to internal topics.
    fn is_internal(&self) -> bool {
        matches!(self.to, Requester::GroupCoordinator(_))
    }
}

impl Broker {
    /// Carries a produce out, or as much of it as can be done without waiting.
    pub(super) fn produce(&mut self, ctx: &mut Ctx<'_>, produce: Produce) {
        let Some(mut produce) = self.unless_interrupted(ctx, produce) else {
            return;
        };
        while let Some(name) = produce.next_partition() {
            if ctx.any_locks() {
                let wanted = append_locks(name).into();
                let free = self.unless_taken(ctx, wanted, Interrupted::Produce(produce));
                let Some(Interrupted::Produce(free)) = free else {
                    return;
                };
                produce = free;
            }
            let internal = produce.is_internal();
            let mut env = env!(self, ctx);
            let Produce {
                request, appended, ..
            } = &mut produce;
            self.replicas
                .append_next(&mut env, request, appended, internal);
            if env.disk.has_waited() && env.out.log_dir_failed.is_none() {
                produce.flushes = true;
                return self.finish_after_flush(ctx, Interrupted::Produce(produce));
            }
        }
        self.finish_produce(ctx, produce);
    }

    /// Goes on with one that has waited, for a lock or for a flush.
    pub(super) fn go_on_with_produce(&mut self, ctx: &mut Ctx<'_>, mut produce: Produce) {
        if std::mem::take(&mut produce.flushes) {
            let Produce {
                request, appended, ..
            } = &mut produce;
            self.replicas
                .on_flushed(&mut env!(self, ctx), request, appended);
            ctx.give_back(&[]);
        }
        self.produce(ctx, produce);
    }

    fn finish_produce(&mut self, ctx: &mut Ctx<'_>, produce: Produce) {
        let Produce {
            to,
            request,
            appended,
            ..
        } = produce;
        let mut env = env!(self, ctx);
        let parked = self
            .replicas
            .finish_produce(&mut env, to, &request, appended);
        if let Some(parked) = parked {
            self.park(ctx, parked);
        }
    }
}
