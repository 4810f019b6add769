//! ZooKeeper's servers and sessions.
//!
//! ZOOKEEPER-2845. A server whose part is over used to forget its tree and read it from its disk again. ZOOKEEPER-2678
//! (3.4.10, 3.5.3) let it keep the tree, which lacks what was logged and not applied yet. It voted and told its new
//! leader by the tree, the leader found nothing to cut (DIFF), and what it sent came behind the uncommitted transaction
//! in the log. The next start applied all of the log: one server has what no quorum ever had (agreement, prefix
//! consistency). Shortest: the leader is cut off and logs a write; the others commit one in the next epoch; the first
//! comes back, starts again, and is asked. Mended in 3.4.12, 3.5.4 and 3.6.0: the tree is brought up to the log before
//! it is kept (`ZKDatabase.fastForwardDataBase`).
//!
//! ZOOKEEPER-3911. The same change spared a learner that is sent a DIFF its snapshot, and with that what made the DIFF
//! durable before NEWLEADER was acknowledged: it was only logged after UPTODATE. Its currentEpoch was on disk by then.
//! One that dies in between votes with the new epoch and without the transactions, and wins against whoever has them:
//! what was committed is gone (agreement). Shortest: one server is away while a write is committed; another one goes,
//! the first is brought up to date and dies with the leader before UPTODATE; it and the one that was away last are the
//! next quorum. 3.6.3 and 3.7.0 log the DIFF before the acknowledgement, and do not wait for the fsync
//! (ZOOKEEPER-4646, ZOOKEEPER-4785: a power failure does what a crash did); 3.9.3 waits.

use super::Entry;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "B62",
        title: "A follower keeps what only it has logged",
        report: "ZOOKEEPER-1154, ZOOKEEPER-2832",
        rules: "zk_sync_trunc=off",
        safe: &[],
        broken: "ZooKeeper's writes are linearizable",
        scenario: "b62-no-trunc",
        since: "3.3.0",
        fixed: "3.3.4, 3.4.0",
        shortest: 3,
    },
    Entry {
        id: "B63",
        title: "A write of a session that has moved takes effect late",
        report: "ZOOKEEPER-417",
        rules: "zk_session_owner_check=off",
        safe: &[],
        broken: "a ZooKeeper session never goes back",
        scenario: "b63-write-of-a-moved-session",
        since: "3.0.0",
        fixed: "3.2.0",
        shortest: 6,
    },
    Entry {
        id: "B64",
        title: "A follower acknowledges what is not on its disk",
        report: "ZOOKEEPER-4643, ZOOKEEPER-4646, ZOOKEEPER-4785",
        rules: "zk_newleader_ack=before-fsync",
        safe: &[],
        broken: "ZooKeeper forgets nothing",
        scenario: "b64-acknowledged-before-it-was-written",
        since: "3.6.3",
        fixed: "3.9.3",
        shortest: 10,
    },
    Entry {
        id: "ZK-2845",
        title: "A tree is retained that lacks what the log has",
        report: "ZOOKEEPER-2845, ZOOKEEPER-2678",
        rules: "zk_retained_tree=as-applied",
        safe: &[],
        broken: "ZooKeeper's writes are linearizable",
        scenario: "zk-2845-uncommitted-history-survives",
        since: "3.4.10, 3.5.3",
        fixed: "3.4.12, 3.5.4",
        shortest: 5,
    },
    Entry {
        id: "ZK-3911",
        title: "A follower logs what it was sent when its leader serves",
        report: "ZOOKEEPER-3911",
        rules: "zk_newleader_ack=when-serving",
        safe: &[],
        broken: "ZooKeeper forgets nothing",
        scenario: "zk-3911-logged-when-it-serves",
        since: "3.4.10, 3.5.3",
        fixed: "3.6.3, 3.7.0",
        shortest: 7,
    },
];
