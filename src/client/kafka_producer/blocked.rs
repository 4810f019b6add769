//! A call of `send` that has not returned (`KafkaProducer.waitOnMetadata`, `BufferPool.allocate`).
//!
//! Its time is measured by two clocks: the wall clock while it waits for metadata, the monotonic one while it waits
//! for memory.

use super::{NO_TIMESTAMP, ProducerRecord, UNKNOWN_PARTITION};
use crate::client::producer_batch::Content;
use crate::kernel::{Duration, Time};
use crate::protocol::{Ctx, TopicName};

#[derive(Debug)]
pub(super) struct Blocked {
    /// Its number.
    pub send: u64,
    pub topic: TopicName,
    /// What the application says.
    pub partition: Option<i32>,
    pub content: Content,
    /// Once its topic is known.
    pub chosen: Option<Chosen>,
    /// What an application is told if it fails now.
    pub last_partition: i32,
    /// By the clock of what it waits for.
    deadline: Time,
    why: Wait,
}

/// Where a record is to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    /// `None`: the built-in partitioner decides, when there is room.
    pub partition: Option<i32>,
    /// The partitioner is asked again before a batch is begun.
    pub tells_of_new_batch: bool,
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
    pub fn new(ctx: &Ctx<'_>, send: u64, record: ProducerRecord, max_block: Duration) -> Self {
        let why = Wait::Metadata;
        Blocked {
            send,
            topic: record.topic,
            partition: record.partition,
            content: Content {
                timestamp_ms: record.timestamp_ms.unwrap_or(NO_TIMESTAMP),
                key: record.key,
                value: record.value,
                headers: record.headers,
            },
            chosen: None,
            last_partition: record.partition.unwrap_or(UNKNOWN_PARTITION),
            deadline: why.clock(ctx) + max_block,
            why,
        }
    }

    pub fn waits_for(&self, why: Wait) -> bool {
        self.why == why
    }

    /// What is left of `max.block.ms` (CP3: for both waits together).
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
