//! A call of `send` that has not returned (`KafkaProducer.waitOnMetadata`, `BufferPool.allocate`).
//!
//! Its time is measured by two clocks: the wall clock while it waits for metadata, the monotonic one while it waits
//! for room.

use super::ProducerRecord;
use crate::kernel::{Duration, Time};
use crate::protocol::Ctx;

#[derive(Debug)]
pub(super) struct Blocked {
    pub id: u64,
    pub record: ProducerRecord,
    /// By the clock of what it waits for.
    deadline: Time,
    why: Wait,
}

/// What a blocked `send` waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    Metadata,
    Memory,
}

/// Why a call of `send` cannot return its record as queued.
pub(super) enum Refused {
    /// Never; the future fails with this exception.
    Failed(&'static str),
    /// It may later.
    NotYet(Wait),
}

impl Blocked {
    pub fn new(ctx: &Ctx<'_>, id: u64, record: ProducerRecord, max_block: Duration) -> Self {
        let why = Wait::Metadata;
        Blocked {
            id,
            record,
            deadline: why.clock(ctx) + max_block,
            why,
        }
    }

    pub fn waits_for(&self, why: Wait) -> bool {
        self.why == why
    }

    /// What is left of `max.block.ms`.
    pub fn left(&self, ctx: &Ctx<'_>) -> Duration {
        self.deadline.since(self.why.clock(ctx))
    }

    /// It goes on waiting, for this.
    pub fn wait_for(&mut self, why: Wait, ctx: &Ctx<'_>) {
        self.deadline = why.clock(ctx) + self.left(ctx);
        self.why = why;
    }
}

impl Wait {
    /// What the application sees once `max.block.ms` is over.
    pub const fn exception(self) -> &'static str {
        match self {
            Wait::Metadata => "TimeoutException",
            Wait::Memory => "BufferExhaustedException",
        }
    }

    fn clock(self, ctx: &Ctx<'_>) -> Time {
        match self {
            Wait::Metadata => ctx.wall(),
            Wait::Memory => ctx.now(),
        }
    }
}
