//! What a member of an ensemble keeps whether it leads, follows or looks for a leader (`QuorumPeer`,
//! `ZKDatabase`): the tree and its clients, the log, the committed log, the epochs.

use super::committed_log::CommittedLog;
use super::epochs::{ACCEPTED_EPOCH, CURRENT_EPOCH, Epochs, file};
use crate::kernel::{Disk, Duration};
use crate::protocol::rules::ZkAcceptedEpoch;
use crate::protocol::zab::{ServerId, Txn};
use crate::protocol::zookeeper::Zxid;
use crate::protocol::{Ctx, Fact};
use crate::zookeeper::config::QuorumConfig;
use crate::zookeeper::file_snap;
use crate::zookeeper::file_txn_log::{self, LoadError};
use crate::zookeeper::request::Request;
use crate::zookeeper::sync_processor::SyncProcessor;
use crate::zookeeper::zookeeper_server::{Finished, ZooKeeperServer};
use std::rc::Rc;

#[derive(Debug)]
pub struct Member {
    pub quorum: QuorumConfig,
    pub server: ZooKeeperServer,
    pub committed: CommittedLog,
    pub epochs: Epochs,
    pub log: SyncProcessor<Rc<Txn>>,
    /// The last transaction that is durable in the log.
    pub last_logged: Zxid,
    /// The last transaction known to be committed.
    pub last_committed: Zxid,
    /// The last transaction that it stated to be committed.
    pub stated: Zxid,
    /// Files that are being written: the server waits for them before it takes another part.
    pub writing: u32,
    /// A snapshot is being written beside the traffic.
    pub snapshotting: bool,
}

/// Why a server leaves its part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Leave {
    /// It looks for a leader again.
    Look(String),
    /// The process ends.
    Exit(String),
}

impl From<crate::kernel::DiskError> for Leave {
    fn from(error: crate::kernel::DiskError) -> Self {
        Leave::Exit(format!(
            "{}: {error}",
            crate::zookeeper::standalone::CANNOT_WRITE
        ))
    }
}

impl From<LoadError> for Leave {
    fn from(error: LoadError) -> Self {
        Leave::Exit(error.to_string())
    }
}

/// Tokens of disk operations.
pub mod token {
    pub const LOG_SYNCED: u64 = 1;
    /// A snapshot beside the traffic.
    pub const SNAPSHOT_TAKEN: u64 = 2;
    pub const ACCEPTED_EPOCH: u64 = 3;
    pub const CURRENT_EPOCH: u64 = 4;
    /// The snapshot that ends a synchronisation by SNAP or TRUNC.
    pub const SYNC_SNAPSHOT: u64 = 5;
    /// The committed transactions of a synchronisation by DIFF.
    pub const SYNC_LOGGED: u64 = 6;
    /// What a start waits for.
    pub const LOADED: u64 = 7;
}

impl Member {
    pub fn id(&self) -> ServerId {
        self.quorum.my_id
    }

    pub fn tick(&self) -> Duration {
        Duration::from_millis(u64::from(self.server.config.tick_time_ms))
    }

    pub fn init_time(&self) -> Duration {
        Duration(self.tick().0 * u64::from(self.quorum.init_limit))
    }

    pub fn sync_time(&self) -> Duration {
        Duration(self.tick().0 * u64::from(self.quorum.sync_limit))
    }

    /// Makes an epoch durable; `token::ACCEPTED_EPOCH` tells when it is.
    pub fn accept_epoch(&mut self, ctx: &mut Ctx<'_>, epoch: i64) {
        assert!(
            epoch >= self.epochs.accepted,
            "epoch {epoch} is accepted after {}",
            self.epochs.accepted
        );
        if self.server.config.rules.zk_accepted_epoch == ZkAcceptedEpoch::Remembered {
            self.epochs.accepted = epoch;
        }
        let accepted = self.epochs.accepted;
        let (path, content) = file(&self.server.log_dir(), ACCEPTED_EPOCH, accepted);
        self.writing += 1;
        ctx.replace_later(&path, content, token::ACCEPTED_EPOCH);
    }

    /// Makes an epoch durable; `token::CURRENT_EPOCH` tells when it is.
    pub fn set_current_epoch(&mut self, ctx: &mut Ctx<'_>, epoch: i64) {
        assert!(
            epoch >= self.epochs.current,
            "epoch {epoch} begins after {}",
            self.epochs.current
        );
        self.epochs.current = epoch;
        let (path, content) = file(&self.server.log_dir(), CURRENT_EPOCH, epoch);
        self.writing += 1;
        ctx.replace_later(&path, content, token::CURRENT_EPOCH);
    }

    pub fn take_snapshot(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        let path = file_snap::path(&self.server.log_dir(), &self.server.tree);
        self.writing += 1;
        ctx.replace_later(&path, file_snap::encode(&self.server.tree), token);
    }

    /// Queues a transaction for the log.
    pub fn log(&mut self, txn: Rc<Txn>) {
        self.log.push(txn);
    }

    /// Lets the log go on as far as it can without waiting.
    pub fn run_log(&mut self, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        let synced = self.log.run(ctx)?;
        if synced.snapshot && !self.snapshotting {
            self.snapshotting = true;
            self.take_snapshot(ctx, token::SNAPSHOT_TAKEN);
        }
        Ok(())
    }

    /// Zxids of what the fsync that has ended made durable, in order.
    pub fn flushed(&mut self) -> Vec<Zxid> {
        let zxids: Vec<Zxid> = self.log.flushed().map(|txn| txn.zxid).collect();
        self.last_logged = zxids.last().copied().unwrap_or(self.last_logged);
        zxids
    }

    /// A request has come through: it is applied, and answered.
    pub fn finish(&mut self, ctx: &mut Ctx<'_>, request: Request, leads: bool) -> Finished {
        if let Some(txn) = &request.txn {
            self.last_committed = txn.zxid;
            self.committed.push(txn.clone());
            self.stated = txn.zxid;
            ctx.fact(Fact::TxnApplied { txn: txn.clone() });
        }
        self.server.finish(ctx, request, leads)
    }

    /// What an established leader has in its log is committed with its epoch (ZB12).
    pub fn state_taken_over(&mut self, ctx: &mut Ctx<'_>) {
        let dir = self.server.log_dir();
        for txn in file_txn_log::peek_after(ctx.disk(), &dir, self.stated) {
            ctx.fact(Fact::TxnApplied { txn });
        }
        self.stated = self.server.last_zxid();
    }

    /// A committed transaction, while nobody is served.
    pub fn apply(&mut self, txn: &Rc<Txn>) {
        self.committed.push(txn.clone());
        self.server.tree.apply(txn);
    }

    /// Brings the tree up to what is logged, committed or not (`fastForwardDataBase`).
    pub fn fast_forward(&mut self, disk: &mut Disk) -> Result<(), LoadError> {
        let dir = self.server.log_dir();
        for txn in file_txn_log::read_after(disk, &dir, self.server.last_zxid())? {
            self.apply(&txn);
        }
        Ok(())
    }

    /// A snapshot of the leader's state is durable: what was logged before it may never have been
    /// committed, and must neither be replayed nor handed to others.
    pub fn forget_log(&mut self, disk: &mut Disk) -> Result<(), LoadError> {
        let dir = self.server.log_dir();
        self.log.roll();
        file_txn_log::delete_all(disk, &dir)?;
        file_snap::delete_after(disk, &dir, self.server.last_zxid())
    }

    /// Forgets the tree and reads it from the disk again. Answers whether there is a snapshot.
    pub fn reload(&mut self, disk: &mut Disk) -> Result<bool, LoadError> {
        let restored = file_snap::restore(disk, &self.server.log_dir())?;
        self.server.tree = restored.tree;
        self.committed.clear();
        for txn in restored.replayed {
            self.committed.push(txn);
        }
        self.last_logged = self.server.last_zxid();
        Ok(restored.has_snapshot)
    }
}
