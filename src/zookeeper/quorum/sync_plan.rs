//! How a leader brings a learner up to date (`LearnerHandler.syncFollower`; ZB7): by what the learner
//! lacks, by cutting what only it has, or by a snapshot. Pure.

use super::committed_log::CommittedLog;
use crate::protocol::zab::{SyncMode, Txn, counter_of, epoch_of};
use crate::protocol::zookeeper::Zxid;
use std::rc::Rc;

/// What the learner is told first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opening {
    Diff(Zxid),
    Trunc(Zxid),
    Snap,
}

impl Opening {
    pub const fn mode(self) -> SyncMode {
        match self {
            Opening::Diff(_) => SyncMode::Diff,
            Opening::Trunc(_) => SyncMode::Trunc,
            Opening::Snap => SyncMode::Snap,
        }
    }
}

/// What is sent to a learner before NEWLEADER.
#[derive(Clone, Debug)]
pub struct SyncPlan {
    pub opening: Opening,
    /// Committed transactions that follow, each with its commit.
    pub committed: Vec<Rc<Txn>>,
    /// The last transaction that the learner has then.
    pub up_to: Zxid,
}

/// The plan for a learner whose last transaction is `peer`. `last_processed` is the leader's;
/// `txn_log` reads what its log files hold from `peer` on, if they are worth reading.
pub fn plan(
    peer: Zxid,
    last_processed: Zxid,
    log: &CommittedLog,
    txn_log: impl FnOnce() -> Vec<Rc<Txn>>,
) -> SyncPlan {
    let min = log.min().unwrap_or(last_processed);
    let max = log.max().unwrap_or(last_processed);
    let of_new_epoch = counter_of(peer) == 0;
    let mut walk = Walk {
        last_committed: max,
        opening: None,
        committed: Vec::new(),
    };
    let mut needs_snapshot = true;
    let mut up_to = peer;
    if last_processed == peer {
        walk.opening = Some(Opening::Diff(peer));
        needs_snapshot = false;
    } else if peer > max && !of_new_epoch {
        walk.opening = Some(Opening::Trunc(max));
        up_to = max;
        needs_snapshot = false;
    } else if min <= peer && peer <= max {
        up_to = walk.queue(log.iter(), peer, None);
        needs_snapshot = false;
    } else if peer < min {
        let from_files = txn_log();
        if !from_files.is_empty() {
            up_to = walk.queue(from_files.iter(), peer, Some(min));
            if up_to < min {
                walk.opening = None;
                walk.committed.clear();
            } else {
                up_to = walk.queue(log.iter(), up_to, None);
                needs_snapshot = false;
            }
        }
    }
    match walk.opening {
        Some(opening) if !needs_snapshot => SyncPlan {
            opening,
            committed: walk.committed,
            up_to,
        },
        _ => SyncPlan {
            opening: Opening::Snap,
            committed: Vec::new(),
            up_to: last_processed,
        },
    }
}

/// `queueCommittedProposals`
struct Walk {
    last_committed: Zxid,
    opening: Option<Opening>,
    committed: Vec<Rc<Txn>>,
}

impl Walk {
    /// Goes through committed transactions and queues those after `from`, up to `limit`; answers the
    /// last one queued.
    fn queue<'a>(
        &mut self,
        txns: impl Iterator<Item = &'a Rc<Txn>>,
        from: Zxid,
        limit: Option<Zxid>,
    ) -> Zxid {
        let of_new_epoch = counter_of(from) == 0;
        let mut queued = from;
        let mut previous = -1;
        for txn in txns {
            if limit.is_some_and(|limit| txn.zxid > limit) {
                break;
            }
            if txn.zxid < from {
                previous = txn.zxid;
                continue;
            }
            if self.opening.is_none() {
                if txn.zxid == from {
                    self.opening = Some(Opening::Diff(self.last_committed));
                    continue;
                }
                if of_new_epoch {
                    self.opening = Some(Opening::Diff(self.last_committed));
                } else if epoch_of(txn.zxid) != epoch_of(from) {
                    // A cut may not cross epochs.
                    return queued;
                } else {
                    self.opening = Some(Opening::Trunc(previous));
                }
            }
            if txn.zxid > queued {
                self.committed.push(txn.clone());
                queued = txn.zxid;
            }
        }
        if self.opening.is_none() && of_new_epoch {
            self.opening = Some(Opening::Diff(self.last_committed));
        }
        queued
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::zab::{TxnBody, first_zxid};
    use crate::protocol::zookeeper::Code;

    fn txn(epoch: i64, counter: i64) -> Rc<Txn> {
        Rc::new(Txn {
            session: 1,
            cxid: 1,
            zxid: first_zxid(epoch) + counter,
            time: 0,
            body: TxnBody::Error(Code::NoNode),
        })
    }

    fn zxid(epoch: i64, counter: i64) -> Zxid {
        first_zxid(epoch) + counter
    }

    /// The leader holds 1:3 to 1:5 and 3:1, 3:2 in memory, and has files from 1:1 on.
    fn plan_for(peer: Zxid, files: &[Rc<Txn>]) -> SyncPlan {
        let mut log = CommittedLog::default();
        for (epoch, counter) in [(1, 3), (1, 4), (1, 5), (3, 1), (3, 2)] {
            log.push(txn(epoch, counter));
        }
        plan(peer, zxid(3, 2), &log, || files.to_vec())
    }

    fn zxids(plan: &SyncPlan) -> Vec<Zxid> {
        plan.committed.iter().map(|txn| txn.zxid).collect()
    }

    #[test]
    fn zb7_1_one_that_has_all_gets_an_empty_diff() {
        let plan = plan_for(zxid(3, 2), &[]);
        assert_eq!(plan.opening, Opening::Diff(zxid(3, 2)));
        assert!(zxids(&plan).is_empty());
    }

    #[test]
    fn zb7_2_one_that_has_more_is_cut_unless_it_only_saw_a_new_epoch() {
        assert_eq!(
            plan_for(zxid(3, 4), &[]).opening,
            Opening::Trunc(zxid(3, 2))
        );
        assert_eq!(plan_for(zxid(4, 0), &[]).opening, Opening::Snap);
    }

    #[test]
    fn zb7_3_the_committed_log_is_walked() {
        let plan = plan_for(zxid(1, 4), &[]);
        assert_eq!(plan.opening, Opening::Diff(zxid(3, 2)));
        assert_eq!(zxids(&plan), [zxid(1, 5), zxid(3, 1), zxid(3, 2)]);
        // It has transactions that the leader never saw: within an epoch they are cut off...
        let plan = plan_for(zxid(3, 0), &[]);
        assert_eq!(plan.opening, Opening::Diff(zxid(3, 2)));
        assert_eq!(zxids(&plan), [zxid(3, 1), zxid(3, 2)]);
        // ... across epochs only a snapshot helps.
        assert_eq!(plan_for(zxid(1, 7), &[]).opening, Opening::Snap);
        assert_eq!(plan_for(zxid(2, 3), &[]).opening, Opening::Snap);
    }

    #[test]
    fn zb7_3_a_transaction_that_was_skipped_within_the_epoch_is_cut_off() {
        let mut log = CommittedLog::default();
        for counter in [2, 3, 6, 7] {
            log.push(txn(1, counter));
        }
        let plan = plan(zxid(1, 5), zxid(1, 7), &log, Vec::new);
        assert_eq!(plan.opening, Opening::Trunc(zxid(1, 3)));
        assert_eq!(zxids(&plan), [zxid(1, 6), zxid(1, 7)]);
    }

    #[test]
    fn zb7_4_older_ones_come_from_the_files_if_there_is_no_gap() {
        let files: Vec<_> = (1..=3).map(|counter| txn(1, counter)).collect();
        let plan = plan_for(zxid(1, 1), &files);
        assert_eq!(plan.opening, Opening::Diff(zxid(3, 2)));
        assert_eq!(zxids(&plan).len(), 6);
        let gap: Vec<_> = (1..=2).map(|counter| txn(1, counter)).collect();
        assert_eq!(plan_for(zxid(1, 1), &gap).opening, Opening::Snap);
        assert_eq!(plan_for(zxid(1, 1), &[]).opening, Opening::Snap, "ZB7 (5)");
    }
}
