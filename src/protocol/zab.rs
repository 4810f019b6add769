//! What the servers of an ensemble say to each other: votes on the election connections, and the
//! packets between a leader and its learners, with the transactions that these carry.
//!
//! Named after ZooKeeper's `FastLeaderElection.Notification`, `QuorumPacket` and
//! `org.apache.zookeeper.txn`; packet types as in `Leader`.

use super::zookeeper::{Acls, Code, Op, Path, SessionId, Zxid};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::rc::Rc;

/// A server's number in its ensemble (`myid`), from 1.
pub type ServerId = u8;

/// The epoch of a zxid.
pub const fn epoch_of(zxid: Zxid) -> i64 {
    zxid >> 32
}

/// The counter of a zxid within its epoch.
pub const fn counter_of(zxid: Zxid) -> i64 {
    zxid & 0xffff_ffff
}

/// The zxid before the first transaction of an epoch.
pub const fn first_zxid(epoch: i64) -> Zxid {
    epoch << 32
}

/// How a leader brings a learner up to date.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SyncMode {
    /// It is sent what it lacks.
    Diff,
    /// It cuts off what the leader does not have first.
    Trunc,
    /// It is sent the whole tree.
    Snap,
}

impl SyncMode {
    pub const ALL: [SyncMode; 3] = [SyncMode::Diff, SyncMode::Trunc, SyncMode::Snap];
}

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SyncMode::Diff => "DIFF",
            SyncMode::Trunc => "TRUNC",
            SyncMode::Snap => "SNAP",
        })
    }
}

/// A transaction with its header (`TxnHeader`).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Txn {
    pub session: SessionId,
    /// The client's number of the request; 0 for what the server does by itself.
    pub cxid: i32,
    pub zxid: Zxid,
    /// Milliseconds since 1970 on the clock of the server that prepared it.
    pub time: i64,
    pub body: TxnBody,
}

impl fmt::Display for TxnBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TxnBody::CreateSession { timeout_ms } => write!(f, "createSession {timeout_ms} ms"),
            TxnBody::CloseSession { paths } => {
                f.write_str("closeSession")?;
                paths.iter().try_for_each(|path| write!(f, " {path}"))
            }
            TxnBody::Create {
                path,
                ephemeral: false,
                ..
            } => write!(f, "create {path}"),
            TxnBody::Create { path, .. } => write!(f, "create {path} ephemeral"),
            TxnBody::Delete { path } => write!(f, "delete {path}"),
            TxnBody::SetData { path, version, .. } => write!(f, "setData {path} version {version}"),
            TxnBody::SetAcl { path, version, .. } => write!(f, "setACL {path} version {version}"),
            TxnBody::Check { path, version } => write!(f, "check {path} version {version}"),
            TxnBody::Multi(bodies) => {
                f.write_str("multi")?;
                bodies.iter().try_for_each(|body| write!(f, " [{body}]"))
            }
            TxnBody::Error(code) => write!(f, "error {code}"),
        }
    }
}

/// What a transaction does. Conditions were checked when it was prepared: what stands here is the
/// outcome (the version that a node will have, the name with its sequence number).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TxnBody {
    CreateSession {
        timeout_ms: i32,
    },
    CloseSession {
        /// The session's ephemerals, those that are still being made included.
        paths: Vec<Path>,
    },
    Create {
        path: Path,
        #[serde(with = "super::escaped")]
        data: Bytes,
        acl: Acls,
        ephemeral: bool,
        /// Children ever created under the parent, this one included.
        parent_cversion: i32,
    },
    Delete {
        path: Path,
    },
    SetData {
        path: Path,
        #[serde(with = "super::escaped")]
        data: Bytes,
        version: i32,
    },
    SetAcl {
        path: Path,
        acl: Acls,
        version: i32,
    },
    Check {
        path: Path,
        version: i32,
    },
    Multi(Vec<TxnBody>),
    /// A failed write: it changes nothing but uses its zxid.
    Error(Code),
}

/// What a server is doing (`QuorumPeer.ServerState`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    Looking,
    Following,
    Leading,
}

/// On an election connection.
#[derive(Clone, Debug, Hash)]
pub enum ElectionMessage {
    /// The first one: who has dialled (`QuorumCnxManager.InitialMessage`).
    Hello {
        sid: ServerId,
    },
    Notification(Notification),
}

/// A server's vote (ZB1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Notification {
    /// Whom it proposes, or follows.
    pub leader: ServerId,
    /// That one's last zxid.
    pub zxid: Zxid,
    /// That one's currentEpoch.
    pub peer_epoch: i64,
    /// The round of elections (`logicalclock`).
    pub election_epoch: u64,
    /// What the sender is doing.
    pub state: ServerState,
}

/// Between a leader and a learner.
#[derive(Clone, Debug, Hash)]
pub enum QuorumPacket {
    // ---- discovery
    FollowerInfo {
        sid: ServerId,
        accepted_epoch: i64,
    },
    LeaderInfo {
        epoch: i64,
    },
    /// `current_epoch` is `None` (-1) where the epoch had been accepted before: it does not count.
    AckEpoch {
        current_epoch: Option<i64>,
        last_zxid: Zxid,
    },
    // ---- synchronisation
    /// What is missing follows.
    Diff {
        zxid: Zxid,
    },
    /// The log is to be cut after `zxid`.
    Trunc {
        zxid: Zxid,
    },
    /// The whole state, as a snapshot's bytes.
    Snap {
        zxid: Zxid,
        snapshot: Bytes,
    },
    NewLeader {
        zxid: Zxid,
    },
    UpToDate,
    // ---- broadcast
    Proposal(Rc<Txn>),
    Ack {
        zxid: Zxid,
    },
    Commit {
        zxid: Zxid,
    },
    /// The leader's carries what it proposed last; the learner's the sessions that it heard of, with
    /// their timeouts in milliseconds.
    Ping {
        zxid: Zxid,
        touched: Vec<(SessionId, u32)>,
    },
    // ---- a learner's clients
    /// A write, or a sync, of a learner's client.
    Request {
        session: SessionId,
        cxid: i32,
        op: LearnerOp,
    },
    /// The answer to a sync.
    Sync,
    /// Does this session live? It is the learner's from now on.
    Revalidate {
        session: SessionId,
        timeout_ms: u32,
    },
    Revalidated {
        session: SessionId,
        valid: bool,
    },
}

/// What a learner asks its leader for.
#[derive(Clone, Debug, Hash)]
pub enum LearnerOp {
    CreateSession { timeout_ms: u32 },
    Op(Op),
}

impl ElectionMessage {
    pub const fn name(&self) -> &'static str {
        match self {
            ElectionMessage::Hello { .. } => "hello",
            ElectionMessage::Notification(_) => "notification",
        }
    }

    /// Length of the frame, as ZooKeeper encodes it (a notification carries the configuration).
    pub const fn wire_bytes(&self) -> u64 {
        match self {
            ElectionMessage::Hello { .. } => 40,
            ElectionMessage::Notification(_) => 200,
        }
    }
}

impl QuorumPacket {
    pub const fn name(&self) -> &'static str {
        match self {
            QuorumPacket::FollowerInfo { .. } => "FOLLOWERINFO",
            QuorumPacket::LeaderInfo { .. } => "LEADERINFO",
            QuorumPacket::AckEpoch { .. } => "ACKEPOCH",
            QuorumPacket::Diff { .. } => "DIFF",
            QuorumPacket::Trunc { .. } => "TRUNC",
            QuorumPacket::Snap { .. } => "SNAP",
            QuorumPacket::NewLeader { .. } => "NEWLEADER",
            QuorumPacket::UpToDate => "UPTODATE",
            QuorumPacket::Proposal(_) => "PROPOSAL",
            QuorumPacket::Ack { .. } => "ACK",
            QuorumPacket::Commit { .. } => "COMMIT",
            QuorumPacket::Ping { .. } => "PING",
            QuorumPacket::Request { .. } => "REQUEST",
            QuorumPacket::Sync => "SYNC",
            QuorumPacket::Revalidate { .. } | QuorumPacket::Revalidated { .. } => "REVALIDATE",
        }
    }

    /// Length of the packet, as ZooKeeper encodes it.
    pub fn wire_bytes(&self) -> u64 {
        PACKET_BYTES
            + match self {
                QuorumPacket::FollowerInfo { .. } => 20,
                QuorumPacket::LeaderInfo { .. } | QuorumPacket::AckEpoch { .. } => 4,
                QuorumPacket::Snap { snapshot, .. } => snapshot.len() as u64,
                QuorumPacket::Proposal(txn) => TXN_HEADER_BYTES + body_bytes(&txn.body),
                QuorumPacket::Ping { touched, .. } => 12 * touched.len() as u64,
                QuorumPacket::Request { op, .. } => {
                    16 + match op {
                        LearnerOp::CreateSession { .. } => 4,
                        LearnerOp::Op(op) => op.wire_bytes(),
                    }
                }
                QuorumPacket::Revalidate { .. } => 12,
                QuorumPacket::Revalidated { .. } => 9,
                QuorumPacket::Diff { .. }
                | QuorumPacket::Trunc { .. }
                | QuorumPacket::NewLeader { .. }
                | QuorumPacket::UpToDate
                | QuorumPacket::Ack { .. }
                | QuorumPacket::Commit { .. }
                | QuorumPacket::Sync => 0,
            }
    }
}

/// Type, zxid, length of the data, no authentication.
const PACKET_BYTES: u64 = 20;
/// `TxnHeader`: session, cxid, zxid, time, type.
const TXN_HEADER_BYTES: u64 = 32;

fn body_bytes(body: &TxnBody) -> u64 {
    let text = |text: &str| 4 + text.len() as u64;
    let acls = |acl: &Acls| {
        4 + acl
            .iter()
            .map(|acl| 4 + text(&acl.scheme) + text(&acl.id))
            .sum::<u64>()
    };
    match body {
        TxnBody::CreateSession { .. } | TxnBody::Error(_) => 4,
        TxnBody::CloseSession { paths } => 4 + paths.iter().map(|path| text(path)).sum::<u64>(),
        TxnBody::Create {
            path, data, acl, ..
        } => text(path) + 4 + data.len() as u64 + acls(acl) + 5,
        TxnBody::Delete { path } => text(path),
        TxnBody::SetData { path, data, .. } => text(path) + 8 + data.len() as u64,
        TxnBody::SetAcl { path, acl, .. } => text(path) + acls(acl) + 4,
        TxnBody::Check { path, .. } => text(path) + 4,
        TxnBody::Multi(bodies) => 4 + bodies.iter().map(|body| 8 + body_bytes(body)).sum::<u64>(),
    }
}
