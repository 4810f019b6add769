//! Requests become durable (`SyncRequestProcessor`; ZB11): transactions are appended and fsynced in
//! batches, and everything waits its turn behind them.

use super::file_txn_log::FileTxnLog;
use super::request::Request;
use crate::kernel::{DiskError, FileId};
use crate::protocol::Ctx;
use crate::protocol::zab::Txn;
use std::collections::VecDeque;
use std::rc::Rc;

/// What waits its turn at the log.
pub trait Logged {
    /// What is to be written; `None` for what only waits behind others.
    fn txn(&self) -> Option<&Txn>;
}

impl Logged for Request {
    fn txn(&self) -> Option<&Txn> {
        self.txn.as_deref()
    }
}

impl Logged for Rc<Txn> {
    fn txn(&self) -> Option<&Txn> {
        Some(self)
    }
}

/// The log, what waits for it, and what waits for its fsync.
#[derive(Clone, Debug)]
pub struct SyncProcessor<T> {
    log: FileTxnLog,
    queued: VecDeque<T>,
    to_flush: Vec<T>,
    /// The token with which the log's fsyncs end.
    token: u64,
    snap_count: u32,
    /// Transactions before the next snapshot.
    until_snapshot: u64,
}

/// What a step of the processor came to.
#[derive(Debug)]
pub struct Synced<T> {
    /// What may go on, in order.
    pub done: Vec<T>,
    /// So many transactions were logged since the last snapshot that it is time for another.
    pub snapshot: bool,
}

impl<T: Logged> SyncProcessor<T> {
    pub fn new(log: FileTxnLog, token: u64, snap_count: u32, ctx: &mut Ctx<'_>) -> Self {
        let mut processor = Self::idle(log, token, snap_count);
        processor.plan_snapshot(ctx);
        processor
    }

    /// One that takes no snapshots until `plan_snapshot` is called.
    pub fn idle(log: FileTxnLog, token: u64, snap_count: u32) -> Self {
        SyncProcessor {
            log,
            queued: VecDeque::new(),
            to_flush: Vec::new(),
            token,
            snap_count: snap_count.max(2),
            until_snapshot: u64::MAX,
        }
    }

    /// Nothing is queued, nothing is on its way to the disk.
    pub fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.to_flush.is_empty()
    }

    /// Writes a transaction past the (idle) queue; the caller sees to its fsync.
    pub fn append_now(&mut self, ctx: &mut Ctx<'_>, txn: &Txn) -> Result<FileId, DiskError> {
        self.log.append(ctx.disk(), txn)
    }

    /// The next transaction begins a new file.
    pub fn roll(&mut self) {
        self.log.roll();
    }

    pub fn push(&mut self, waiting: T) {
        self.queued.push_back(waiting);
    }

    /// Works on the queue unless an fsync is under way: begins one as soon as something was written
    /// and the queue is empty or the batch is full. Reads that wait for no write go straight on.
    pub fn run(&mut self, ctx: &mut Ctx<'_>) -> Result<Synced<T>, DiskError> {
        let mut synced = Synced {
            done: Vec::new(),
            snapshot: false,
        };
        if !self.to_flush.is_empty() {
            return Ok(synced);
        }
        let mut written = None;
        while self.to_flush.len() < MAX_BATCH_SIZE
            && let Some(waiting) = self.queued.pop_front()
        {
            if let Some(txn) = waiting.txn() {
                written = Some(self.log.append(ctx.disk(), txn)?);
                self.until_snapshot -= 1;
                if self.until_snapshot == 0 {
                    synced.snapshot = true;
                    self.plan_snapshot(ctx);
                }
            } else if self.to_flush.is_empty() {
                synced.done.push(waiting);
                continue;
            }
            self.to_flush.push(waiting);
        }
        if let Some(file) = written {
            ctx.sync_later(file, self.token);
            if synced.snapshot {
                self.log.roll();
            }
        }
        Ok(synced)
    }

    /// The fsync has ended: its batch goes on.
    pub fn flushed(&mut self) -> std::vec::Drain<'_, T> {
        self.to_flush.drain(..)
    }

    /// Draws how many transactions from now the next snapshot is due.
    pub fn plan_snapshot(&mut self, ctx: &mut Ctx<'_>) {
        let half = u64::from(self.snap_count / 2);
        self.until_snapshot = half + ctx.random().below(half) + 1;
    }
}

/// `zookeeper.maxBatchSize`
const MAX_BATCH_SIZE: usize = 1000;
