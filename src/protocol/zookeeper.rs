//! ZooKeeper's client protocol: requests, answers, watch events, codes and stats.
//!
//! Named after ZooKeeper's `ZooDefs.OpCode`, `KeeperException.Code`, `Watcher.Event` and `Stat`.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::rc::Rc;

/// Transaction id: epoch in the high 32 bits, counter in the low 32 (standalone: counts from 1).
pub type Zxid = i64;
pub type SessionId = i64;

/// A znode's path, shared.
pub type Path = Rc<str>;

/// What a client sends on its connection to a server.
#[derive(Clone, Debug, Hash)]
pub enum ClientMessage {
    Connect(ConnectRequest),
    Ping,
    Request { xid: i32, op: Op },
}

/// What a server sends to a client.
#[derive(Clone, Debug, Hash)]
pub enum ServerMessage {
    /// `timeout_ms` 0 and session 0: the session is gone, or its password was wrong.
    Connected(ConnectResponse),
    Pong,
    Reply {
        xid: i32,
        zxid: Zxid,
        result: Result<Answer, Code>,
    },
    Watch(WatchedEvent),
}

#[derive(Clone, Debug, Hash)]
pub struct ConnectRequest {
    /// A server that is behind this closes the connection (ZK5).
    pub last_zxid_seen: Zxid,
    pub timeout_ms: u32,
    /// 0 asks for a new session.
    pub session_id: SessionId,
    pub password: u64,
}

#[derive(Clone, Debug, Hash)]
pub struct ConnectResponse {
    pub timeout_ms: u32,
    pub session_id: SessionId,
    pub password: u64,
}

/// A request to the tree. `version` -1 matches any version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    Create {
        path: Path,
        #[serde(with = "super::escaped")]
        data: Bytes,
        mode: CreateMode,
    },
    Delete {
        path: Path,
        version: i32,
    },
    SetData {
        path: Path,
        #[serde(with = "super::escaped")]
        data: Bytes,
        version: i32,
    },
    GetData {
        path: Path,
        watch: bool,
    },
    Exists {
        path: Path,
        watch: bool,
    },
    GetChildren {
        path: Path,
        watch: bool,
    },
    GetAcl {
        path: Path,
    },
    /// `version` is compared with the node's aversion. Stored and counted, never enforced.
    SetAcl {
        path: Path,
        acl: Acls,
        version: i32,
    },
    Multi(Vec<MultiOp>),
    Sync {
        path: Path,
    },
    SetWatches {
        relative_zxid: Zxid,
        data: Vec<Path>,
        exist: Vec<Path>,
        child: Vec<Path>,
    },
    CloseSession,
}

impl Op {
    /// ZooKeeper's name of the request.
    pub const fn name(&self) -> &'static str {
        match self {
            Op::Create { .. } => "create",
            Op::Delete { .. } => "delete",
            Op::SetData { .. } => "setData",
            Op::GetData { .. } => "getData",
            Op::Exists { .. } => "exists",
            Op::GetChildren { .. } => "getChildren",
            Op::GetAcl { .. } => "getACL",
            Op::SetAcl { .. } => "setACL",
            Op::Multi(_) => "multi",
            Op::Sync { .. } => "sync",
            Op::SetWatches { .. } => "setWatches",
            Op::CloseSession => "closeSession",
        }
    }

    /// Does it go through the log?
    pub const fn is_write(&self) -> bool {
        matches!(
            self,
            Op::Create { .. }
                | Op::Delete { .. }
                | Op::SetData { .. }
                | Op::SetAcl { .. }
                | Op::Multi(_)
                | Op::CloseSession
        )
    }

    /// Length of the request's body, as ZooKeeper encodes it.
    pub fn wire_bytes(&self) -> u64 {
        op_bytes(self)
    }
}

/// An access control list, shared.
pub type Acls = Rc<[Acl]>;

/// One entry of an access control list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub struct Acl {
    /// Bits as `ZooDefs.Perms`: read 1, write 2, create 4, delete 8, admin 16.
    pub perms: i32,
    pub scheme: Rc<str>,
    pub id: Rc<str>,
}

impl Acl {
    /// `ZooDefs.Ids.OPEN_ACL_UNSAFE`: everybody may do everything.
    pub fn open() -> Self {
        Acl {
            perms: 31,
            scheme: Rc::from("world"),
            id: Rc::from("anyone"),
        }
    }
}

/// One operation of a multi.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MultiOp {
    Create {
        path: Path,
        #[serde(with = "super::escaped")]
        data: Bytes,
        mode: CreateMode,
    },
    Delete {
        path: Path,
        version: i32,
    },
    SetData {
        path: Path,
        #[serde(with = "super::escaped")]
        data: Bytes,
        version: i32,
    },
    Check {
        path: Path,
        version: i32,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct CreateMode {
    pub ephemeral: bool,
    pub sequential: bool,
}

impl CreateMode {
    pub const PERSISTENT: CreateMode = CreateMode {
        ephemeral: false,
        sequential: false,
    };
    pub const EPHEMERAL: CreateMode = CreateMode {
        ephemeral: true,
        sequential: false,
    };
    pub const PERSISTENT_SEQUENTIAL: CreateMode = CreateMode {
        ephemeral: false,
        sequential: true,
    };
    pub const EPHEMERAL_SEQUENTIAL: CreateMode = CreateMode {
        ephemeral: true,
        sequential: true,
    };
}

/// A successful answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The path made (with its sequence number).
    Created {
        path: Path,
        stat: Stat,
    },
    Deleted,
    SetData(Stat),
    Data {
        #[serde(with = "super::escaped")]
        data: Bytes,
        stat: Stat,
    },
    Exists(Stat),
    Children {
        children: Vec<Rc<str>>,
        stat: Stat,
    },
    Acl {
        acl: Acls,
        stat: Stat,
    },
    AclSet(Stat),
    /// One result an operation. A failed multi is an answer too: `Ok` before the failing
    /// one, its code there, `RuntimeInconsistency` after it.
    Multi(Vec<Result<MultiAnswer, Code>>),
    Synced,
    WatchesSet,
    SessionClosed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MultiAnswer {
    Created(Path),
    Deleted,
    SetData(Stat),
    Checked,
    /// An operation before the failing one: done, then taken back.
    RolledBack,
}

/// A node's counters, as ZooKeeper shows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default, Serialize, Deserialize)]
pub struct Stat {
    pub czxid: Zxid,
    pub mzxid: Zxid,
    /// Milliseconds since 1970 on the server's clock.
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    /// 0: not ephemeral.
    pub ephemeral_owner: SessionId,
    pub data_length: i32,
    pub num_children: i32,
    pub pzxid: Zxid,
}

/// `KeeperException.Code`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Code {
    RuntimeInconsistency,
    ConnectionLoss,
    MarshallingError,
    Unimplemented,
    BadArguments,
    NoNode,
    BadVersion,
    NoChildrenForEphemerals,
    NodeExists,
    NotEmpty,
    SessionExpired,
    SessionMoved,
}

impl Code {
    /// The int32 on the wire.
    pub const fn code(self) -> i32 {
        match self {
            Code::RuntimeInconsistency => -2,
            Code::ConnectionLoss => -4,
            Code::MarshallingError => -5,
            Code::Unimplemented => -6,
            Code::BadArguments => -8,
            Code::NoNode => -101,
            Code::BadVersion => -103,
            Code::NoChildrenForEphemerals => -108,
            Code::NodeExists => -110,
            Code::NotEmpty => -111,
            Code::SessionExpired => -112,
            Code::SessionMoved => -118,
        }
    }

    /// The code of an int32 on the wire; `None` for one that is not met here.
    pub fn of(code: i32) -> Option<Code> {
        Code::ALL.into_iter().find(|c| c.code() == code)
    }

    const ALL: [Code; 12] = [
        Code::RuntimeInconsistency,
        Code::ConnectionLoss,
        Code::MarshallingError,
        Code::Unimplemented,
        Code::BadArguments,
        Code::NoNode,
        Code::BadVersion,
        Code::NoChildrenForEphemerals,
        Code::NodeExists,
        Code::NotEmpty,
        Code::SessionExpired,
        Code::SessionMoved,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Code::RuntimeInconsistency => "RUNTIMEINCONSISTENCY",
            Code::ConnectionLoss => "CONNECTIONLOSS",
            Code::MarshallingError => "MARSHALLINGERROR",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::BadArguments => "BADARGUMENTS",
            Code::NoNode => "NONODE",
            Code::BadVersion => "BADVERSION",
            Code::NoChildrenForEphemerals => "NOCHILDRENFOREPHEMERALS",
            Code::NodeExists => "NODEEXISTS",
            Code::NotEmpty => "NOTEMPTY",
            Code::SessionExpired => "SESSIONEXPIRED",
            Code::SessionMoved => "SESSIONMOVED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let code = Code::ALL.into_iter().find(|code| code.name() == name);
        code.ok_or_else(|| D::Error::custom(format!("no code of ZooKeeper's is called {name}")))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchType {
    NodeCreated,
    NodeDeleted,
    NodeDataChanged,
    NodeChildrenChanged,
}

/// What a one-shot watch tells.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub struct WatchedEvent {
    pub kind: WatchType,
    pub path: Path,
}

impl fmt::Display for WatchedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.path)
    }
}

impl ClientMessage {
    pub const fn name(&self) -> &'static str {
        match self {
            ClientMessage::Connect(_) => "connect",
            ClientMessage::Ping => "ping",
            ClientMessage::Request { op, .. } => op.name(),
        }
    }

    /// Length of the frame, as ZooKeeper encodes it.
    pub fn wire_bytes(&self) -> u64 {
        match self {
            ClientMessage::Connect(_) => 49,
            ClientMessage::Ping => 12,
            ClientMessage::Request { op, .. } => 12 + op_bytes(op),
        }
    }
}

impl ServerMessage {
    pub const fn name(&self) -> &'static str {
        match self {
            ServerMessage::Connected(_) => "connected",
            ServerMessage::Pong => "pong",
            ServerMessage::Reply { .. } => "reply",
            ServerMessage::Watch(_) => "watch event",
        }
    }

    /// Length of the frame, as ZooKeeper encodes it.
    pub fn wire_bytes(&self) -> u64 {
        match self {
            ServerMessage::Connected(_) => 41,
            ServerMessage::Pong => 20,
            ServerMessage::Reply { result, .. } => 20 + result.as_ref().map_or(0, answer_bytes),
            ServerMessage::Watch(event) => 28 + string_bytes(&event.path),
        }
    }
}

const STAT_BYTES: u64 = 68;

fn string_bytes(text: &str) -> u64 {
    4 + text.len() as u64
}

fn acl_bytes(acl: &[Acl]) -> u64 {
    4 + acl
        .iter()
        .map(|a| 4 + string_bytes(&a.scheme) + string_bytes(&a.id))
        .sum::<u64>()
}

/// One entry that is open to the world: what every create carries.
const OPEN_ACL_BYTES: u64 = 27;

fn op_bytes(op: &Op) -> u64 {
    let paths = |paths: &[Path]| 4 + paths.iter().map(|p| string_bytes(p)).sum::<u64>();
    match op {
        Op::Create { path, data, .. } => {
            string_bytes(path) + 4 + data.len() as u64 + OPEN_ACL_BYTES + 4
        }
        Op::Delete { path, .. } => string_bytes(path) + 4,
        Op::SetData { path, data, .. } => string_bytes(path) + 8 + data.len() as u64,
        Op::GetData { path, .. } | Op::Exists { path, .. } | Op::GetChildren { path, .. } => {
            string_bytes(path) + 1
        }
        Op::GetAcl { path } | Op::Sync { path } => string_bytes(path),
        Op::SetAcl { path, acl, .. } => string_bytes(path) + acl_bytes(acl) + 4,
        Op::Multi(ops) => {
            9 + ops
                .iter()
                .map(|op| {
                    9 + match op {
                        MultiOp::Create { path, data, .. } => {
                            string_bytes(path) + 4 + data.len() as u64 + OPEN_ACL_BYTES + 4
                        }
                        MultiOp::Delete { path, .. } | MultiOp::Check { path, .. } => {
                            string_bytes(path) + 4
                        }
                        MultiOp::SetData { path, data, .. } => {
                            string_bytes(path) + 8 + data.len() as u64
                        }
                    }
                })
                .sum::<u64>()
        }
        Op::SetWatches {
            data, exist, child, ..
        } => 8 + paths(data) + paths(exist) + paths(child),
        Op::CloseSession => 0,
    }
}

fn answer_bytes(answer: &Answer) -> u64 {
    match answer {
        Answer::Created { path, .. } => string_bytes(path) + STAT_BYTES,
        Answer::Deleted | Answer::WatchesSet | Answer::SessionClosed => 0,
        Answer::SetData(_) | Answer::Exists(_) | Answer::AclSet(_) => STAT_BYTES,
        Answer::Data { data, .. } => 4 + data.len() as u64 + STAT_BYTES,
        Answer::Children { children, .. } => {
            4 + children.iter().map(|c| string_bytes(c)).sum::<u64>() + STAT_BYTES
        }
        Answer::Acl { acl, .. } => acl_bytes(acl) + STAT_BYTES,
        Answer::Multi(results) => {
            9 + results
                .iter()
                .map(|result| {
                    9 + match result {
                        Ok(MultiAnswer::Created(path)) => string_bytes(path),
                        Ok(MultiAnswer::SetData(_)) => STAT_BYTES,
                        Ok(MultiAnswer::Deleted | MultiAnswer::Checked) => 0,
                        Ok(MultiAnswer::RolledBack) | Err(_) => 4,
                    }
                })
                .sum::<u64>()
        }
        Answer::Synced => 4,
    }
}

/// What a session client tells the one who uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// Connected (again) to the ensemble with this session.
    Connected { session: SessionId },
    /// The connection is lost; requests in flight ended in `ConnectionLoss`, the session may live.
    Disconnected,
    /// With the connection its watches were given up: only of a client that does not set them again.
    WatchesForgotten,
    /// A server said that the session is gone: final. Its watches and ephemerals are gone too.
    Expired,
    /// The session that `close` was asked for is over (or left to expire, if no server was there).
    Closed,
    /// A watch fired.
    Watch(WatchedEvent),
    /// The answer to a request that was made with `token`.
    Answer {
        token: u64,
        result: Result<Answer, Code>,
    },
}
