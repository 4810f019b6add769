//! A learner takes over what its leader has (`Learner.syncWithLeader`): nothing is acknowledged
//! before it is durable (ZB8).

use super::member::{Leave, Member, token};
use crate::protocol::Ctx;
use crate::protocol::rules::{ZkNewleaderAck, ZkSyncTrunc};
use crate::protocol::zab::{QuorumPacket, Txn};
use crate::protocol::zookeeper::Zxid;
use crate::zookeeper::file_snap;
use crate::zookeeper::file_txn_log;
use std::collections::VecDeque;
use std::rc::Rc;

/// A synchronisation under way.
#[derive(Clone, Debug)]
pub struct LearnerSync {
    /// SNAP or TRUNC: the tree goes into a snapshot, transactions before NEWLEADER with it.
    pub snapshot_needed: bool,
    /// SNAP: the tree in memory is not what the disk holds until the snapshot is written.
    pub replaced: bool,
    /// Proposals that are neither logged nor applied.
    pub proposed: VecDeque<Rc<Txn>>,
    /// Commits of some of these.
    pub committed: VecDeque<Zxid>,
    write_to_log: bool,
    last_queued: Zxid,
}

/// What a packet came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// More will come.
    Goes,
    /// What must be durable is on its way to the disk; `token` tells when.
    Persists,
    /// It is durable already.
    Durable,
    UpToDate,
}

impl LearnerSync {
    /// The leader's first packet: how the learner is brought up to date.
    pub fn begin(
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        packet: QuorumPacket,
    ) -> Result<Self, Leave> {
        let mut sync = LearnerSync {
            snapshot_needed: true,
            replaced: false,
            proposed: VecDeque::new(),
            committed: VecDeque::new(),
            write_to_log: false,
            last_queued: 0,
        };
        match packet {
            QuorumPacket::Diff { .. } => {
                sync.snapshot_needed = false;
                sync.write_to_log = true;
            }
            QuorumPacket::Trunc { .. }
                if member.server.config.rules.zk_sync_trunc == ZkSyncTrunc::Off =>
            {
                sync.snapshot_needed = false;
                sync.write_to_log = true;
            }
            QuorumPacket::Trunc { zxid } => {
                let dir = member.server.log_dir();
                let cut = file_snap::delete_after(ctx.disk(), &dir, zxid)
                    .and_then(|()| file_txn_log::truncate(ctx.disk(), &dir, zxid))?;
                member.log.roll();
                if !cut {
                    return Err(Leave::Exit(format!(
                        "the log cannot be truncated to 0x{zxid:x}"
                    )));
                }
                member.reload(ctx.disk())?;
                member.server.tree.set_last_processed_zxid(zxid);
            }
            QuorumPacket::Snap { zxid, snapshot } => {
                let Some(tree) = file_snap::decode(&snapshot, zxid) else {
                    return Err(Leave::Look("the leader's snapshot is damaged".to_owned()));
                };
                sync.replaced = true;
                member.server.tree = tree;
                member.committed.clear();
                member.log.roll();
            }
            other => {
                let name = other.name();
                return Err(Leave::Exit(format!("the leader began with {name}")));
            }
        }
        Ok(sync)
    }

    pub fn on_packet(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        packet: QuorumPacket,
    ) -> Result<Step, Leave> {
        match packet {
            QuorumPacket::Proposal(txn) => {
                let (zxid, last) = (txn.zxid, self.last_queued);
                if last != 0 && zxid != last + 1 && zxid >> 32 <= last >> 32 {
                    return Err(Leave::Look(format!("0x{zxid:x} came after 0x{last:x}")));
                }
                self.last_queued = zxid;
                self.proposed.push_back(txn);
                Ok(Step::Goes)
            }
            QuorumPacket::Commit { zxid } => {
                if self.write_to_log {
                    self.committed.push_back(zxid);
                } else if let Some(txn) = self.proposed.pop_front_if(|txn| txn.zxid == zxid) {
                    member.apply(&txn);
                }
                Ok(Step::Goes)
            }
            QuorumPacket::NewLeader { .. } => self.on_new_leader(member, ctx),
            QuorumPacket::UpToDate => Ok(Step::UpToDate),
            // The leader's pings only show that it is there.
            _ => Ok(Step::Goes),
        }
    }

    /// Everything committed before NEWLEADER is made durable: by a snapshot, or in the log.
    fn on_new_leader(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) -> Result<Step, Leave> {
        self.write_to_log = true;
        if self.snapshot_needed {
            member.take_snapshot(ctx, token::SYNC_SNAPSHOT);
            return Ok(Step::Persists);
        }
        match member.server.config.rules.zk_newleader_ack {
            ZkNewleaderAck::Durable => self.log_committed(member, ctx),
            ZkNewleaderAck::EpochFirst
            | ZkNewleaderAck::BeforeFsync
            | ZkNewleaderAck::WhenServing => Ok(Step::Durable),
        }
    }

    /// The epoch is durable. Releases that wrote it first log only now what a DIFF brought; some waited for that, some
    /// did not, and some did nothing before they served.
    pub fn on_epoch_set(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) -> Result<Step, Leave> {
        match member.server.config.rules.zk_newleader_ack {
            ZkNewleaderAck::EpochFirst => self.log_committed(member, ctx),
            ZkNewleaderAck::BeforeFsync => {
                self.log_committed(member, ctx)?;
                Ok(Step::Durable)
            }
            ZkNewleaderAck::Durable | ZkNewleaderAck::WhenServing => Ok(Step::Durable),
        }
    }

    /// What a DIFF brought goes into the log.
    fn log_committed(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) -> Result<Step, Leave> {
        let mut file = None;
        for zxid in std::mem::take(&mut self.committed) {
            if let Some(txn) = self.proposed.pop_front_if(|txn| txn.zxid == zxid) {
                file = Some(member.log.append_now(ctx, &txn)?);
                member.apply(&txn);
            }
        }
        match file {
            Some(file) => {
                member.writing += 1;
                ctx.sync_later(file, token::SYNC_LOGGED);
                Ok(Step::Persists)
            }
            None => Ok(Step::Durable),
        }
    }
}
