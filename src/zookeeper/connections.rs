//! The clients' connections to one server (`ServerCnxnFactory`, `ServerCnxn`).

use crate::kernel::ConnId;
use crate::protocol::zookeeper::SessionId;
use std::collections::BTreeMap;

/// Open connections, and which of them a session speaks on.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    by_id: BTreeMap<ConnId, Connection>,
    by_session: BTreeMap<SessionId, ConnId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Connection {
    /// 0 until it said which session it is, or was given one.
    pub session: SessionId,
    /// The timeout negotiated on this connection: what each sign of life buys.
    pub timeout_ms: u32,
    /// The session was confirmed to the client; until then nothing else is read from it.
    pub established: bool,
}

impl Connections {
    pub fn accept(&mut self, conn: ConnId) {
        self.by_id.insert(conn, Connection::default());
    }

    pub fn get(&self, conn: ConnId) -> Option<Connection> {
        self.by_id.get(&conn).copied()
    }

    /// The connection speaks for this session from now on.
    pub fn bind(&mut self, conn: ConnId, session: SessionId, timeout_ms: u32) {
        if let Some(connection) = self.by_id.get_mut(&conn) {
            connection.session = session;
            connection.timeout_ms = timeout_ms;
            self.by_session.insert(session, conn);
        }
    }

    pub fn establish(&mut self, conn: ConnId) {
        if let Some(connection) = self.by_id.get_mut(&conn) {
            connection.established = true;
        }
    }

    pub fn of_session(&self, session: SessionId) -> Option<ConnId> {
        self.by_session.get(&session).copied()
    }

    /// Every open connection, in the order in which they were opened.
    pub fn all(&self) -> Vec<ConnId> {
        self.by_id.keys().copied().collect()
    }

    /// Forgets a connection; its session stays.
    pub fn remove(&mut self, conn: ConnId) {
        if let Some(connection) = self.by_id.remove(&conn)
            && self.of_session(connection.session) == Some(conn)
        {
            self.by_session.remove(&connection.session);
        }
    }
}

/// A session's password follows from its id and a secret that all servers share, so that none
/// needs to be stored (`ZooKeeperServer.generatePasswd`).
pub fn password_of(session: SessionId) -> u64 {
    const SUPER_SECRET: u64 = 0xb341_5c00;
    let mut hash = (session as u64 ^ SUPER_SECRET).wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
