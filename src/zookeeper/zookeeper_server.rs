//! What every server has that serves clients (`ZooKeeperServer`): its tree, their connections and
//! watches, the two ends of a session's handshake, and the last step of a request
//! (`FinalRequestProcessor`). A server by itself and the members of an ensemble share it.

use super::DataTree;
use super::config::ServerConfig;
use super::connections::{Connections, password_of};
use super::data_tree::{Applied, Change};
use super::final_processor;
use super::request::{Request, RequestKind};
use super::watch_manager::WatchManager;
use crate::kernel::ConnId;
use crate::protocol::rules::ZkWatch;
use crate::protocol::zab::TxnBody;
use crate::protocol::zookeeper::{
    Answer, ClientMessage, Code, ConnectRequest, ConnectResponse, Op, Path, ServerMessage,
    SessionId, Zxid,
};
use crate::protocol::{Ctx, Fact, Message};

/// See the module's doc.
#[derive(Clone, Debug)]
pub struct ZooKeeperServer {
    pub config: ServerConfig,
    pub tree: DataTree,
    pub connections: Connections,
    pub watches: WatchManager,
}

/// What a client of a serving member of an ensemble wants.
#[derive(Clone, Debug)]
pub enum ClientCall {
    NewSession {
        timeout_ms: u32,
    },
    /// Its session from before, on this connection now; `trusted`: with the right password.
    Reopen {
        session: SessionId,
        timeout_ms: u32,
        trusted: bool,
    },
    Request {
        session: SessionId,
        timeout_ms: u32,
        cxid: i32,
        kind: RequestKind,
    },
}

/// What came of a request that has gone through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finished {
    /// The transaction that is in the tree now.
    pub zxid: Option<Zxid>,
    /// The session that ended with it.
    pub closed: Option<SessionId>,
    /// The session that began with it, and its timeout in milliseconds.
    pub opened: Option<(SessionId, u32)>,
}

impl ZooKeeperServer {
    pub fn new(config: ServerConfig) -> Self {
        ZooKeeperServer {
            config,
            tree: DataTree::new(),
            connections: Connections::default(),
            watches: WatchManager::default(),
        }
    }

    /// The last transaction applied.
    pub fn last_zxid(&self) -> Zxid {
        self.tree.last_processed_zxid()
    }

    /// Where log and snapshots stand.
    pub fn log_dir(&self) -> String {
        format!("{}/version-2", self.config.data_dir)
    }

    /// The timeout that a client gets for its wish.
    pub fn negotiated(&self, timeout_ms: u32) -> u32 {
        let (min, max) = (
            self.config.min_session_timeout_ms,
            self.config.max_session_timeout_ms,
        );
        timeout_ms.min(max).max(min)
    }

    /// Whether it must not read here: it would see an older state than it has seen elsewhere (ZK5, ZB15).
    pub fn turns_away(&self, ctx: &mut Ctx<'_>, request: &ConnectRequest) -> bool {
        let (seen, last_zxid) = (request.last_zxid_seen, self.last_zxid());
        if seen > last_zxid {
            ctx.fact(Fact::AheadClientRefused { seen, last_zxid });
        }
        seen > last_zxid
    }

    /// A client's message to a serving member. Whoever does not speak the protocol, or has seen more
    /// than this server, is cut off.
    pub fn on_message(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        message: ClientMessage,
    ) -> Option<ClientCall> {
        let connection = self.connections.get(conn)?;
        let (session, timeout_ms) = (connection.session, connection.timeout_ms);
        if let ClientMessage::Connect(request) = &message
            && self.turns_away(ctx, request)
        {
            self.close(ctx, conn);
            return None;
        }
        let (cxid, kind) = match message {
            ClientMessage::Connect(request) if session == 0 => {
                let timeout_ms = self.negotiated(request.timeout_ms);
                return Some(match request.session_id {
                    0 => ClientCall::NewSession { timeout_ms },
                    session => ClientCall::Reopen {
                        session,
                        timeout_ms,
                        trusted: self.reopen(ctx, conn, &request, timeout_ms),
                    },
                });
            }
            ClientMessage::Ping if connection.established => (0, RequestKind::Ping),
            ClientMessage::Request { xid, op } if connection.established => {
                (xid, RequestKind::Op(op))
            }
            ClientMessage::Connect(_) | ClientMessage::Ping | ClientMessage::Request { .. } => {
                self.close(ctx, conn);
                return None;
            }
        };
        Some(ClientCall::Request {
            session,
            timeout_ms,
            cxid,
            kind,
        })
    }

    /// A client is back with a session that it had: its connection speaks for it, an older one goes.
    /// False if the password is wrong.
    pub fn reopen(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        request: &ConnectRequest,
        timeout_ms: u32,
    ) -> bool {
        let session = request.session_id;
        if let Some(old) = self.connections.of_session(session) {
            self.close(ctx, old);
        }
        self.connections.bind(conn, session, timeout_ms);
        request.password == password_of(session)
    }

    /// Tells a client whether it has its session; without one its connection is closed.
    pub fn finish_session_init(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        session: SessionId,
        valid: bool,
    ) {
        let Some(connection) = self.connections.get(conn) else {
            return;
        };
        let response = if valid {
            ConnectResponse {
                timeout_ms: connection.timeout_ms,
                session_id: session,
                password: password_of(session),
            }
        } else {
            ConnectResponse {
                timeout_ms: 0,
                session_id: 0,
                password: 0,
            }
        };
        send(ctx, conn, ServerMessage::Connected(response));
        if valid {
            self.connections.establish(conn);
        } else {
            self.close(ctx, conn);
        }
    }

    /// A request has come through: it is applied, and answered. `states`: whether this server states
    /// the facts of sessions (one in an ensemble does).
    pub fn finish(&mut self, ctx: &mut Ctx<'_>, request: Request, states: bool) -> Finished {
        let mut finished = Finished::default();
        let applied = request.txn.as_ref().map(|txn| {
            let applied = self.tree.apply(txn);
            finished.zxid = Some(txn.zxid);
            self.tell_watchers(ctx, &applied.changes);
            self.note_session(ctx, &request, &txn.body, &applied, states, &mut finished);
            applied
        });
        if let Some(conn) = request.conn
            && self.connections.get(conn).is_some()
        {
            self.answer(ctx, conn, request, applied);
        }
        finished
    }

    fn answer(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        request: Request,
        applied: Option<Applied>,
    ) {
        let op = match request.kind {
            RequestKind::CreateSession => {
                return self.finish_session_init(ctx, conn, request.session, true);
            }
            RequestKind::Ping => return send(ctx, conn, ServerMessage::Pong),
            RequestKind::Replicated => return,
            RequestKind::Op(op) => op,
        };
        let result = match (request.error, applied) {
            (Some(code), _) => Err(code),
            (None, Some(applied)) => applied
                .answer
                .map(|answer| answer.expect("a client's write has an answer")),
            (None, None) => {
                let (missed, result) =
                    final_processor::read(&self.tree, &mut self.watches, conn, &op);
                for event in missed {
                    send(ctx, conn, ServerMessage::Watch(event));
                }
                result
            }
        };
        // Its session speaks with another server: no answer, the connection goes (ZB15).
        if has_moved(&result) {
            return self.close(ctx, conn);
        }
        let reply = ServerMessage::Reply {
            xid: request.cxid,
            zxid: self.last_zxid(),
            result,
        };
        send(ctx, conn, reply);
        if op == Op::CloseSession {
            self.close(ctx, conn);
        }
    }

    /// Watch events leave before any reply that could show the change.
    fn tell_watchers(&mut self, ctx: &mut Ctx<'_>, changes: &[Change]) {
        for change in changes {
            let events = self.watches.trigger(change);
            if self.config.rules.zk_watch == ZkWatch::Dropped
                && matches!(change, Change::DataChanged(_))
            {
                continue;
            }
            for (conn, event) in events {
                send(ctx, conn, ServerMessage::Watch(event));
            }
        }
    }

    fn note_session(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: &Request,
        body: &TxnBody,
        applied: &Applied,
        states: bool,
        finished: &mut Finished,
    ) {
        let session = request.session;
        match body {
            TxnBody::CreateSession { timeout_ms } => {
                let timeout_ms = timeout_ms.unsigned_abs();
                finished.opened = Some((session, timeout_ms));
                if states {
                    ctx.fact(Fact::SessionOpened {
                        session,
                        timeout_ms,
                    });
                }
            }
            TxnBody::CloseSession { .. } => {
                finished.closed = Some(session);
                let deleted = applied.changes.iter().filter_map(|change| match change {
                    Change::Deleted(path) => Some(path.clone()),
                    Change::Created(_) | Change::DataChanged(_) => None,
                });
                let ephemerals: Vec<Path> = deleted.collect();
                // Clients count their requests from 1: 0 is the server's own, an expiry.
                if states && request.cxid == 0 {
                    ctx.fact(Fact::SessionExpired {
                        session,
                        ephemerals,
                    });
                } else if states {
                    ctx.fact(Fact::SessionClosed {
                        session,
                        ephemerals,
                    });
                }
                if request.conn.is_none()
                    && let Some(conn) = self.connections.of_session(session)
                {
                    self.close(ctx, conn);
                }
            }
            _ => {}
        }
    }

    pub fn close(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        ctx.close(conn);
        self.forget(conn);
    }

    /// A server that does not serve has no clients.
    pub fn close_all(&mut self, ctx: &mut Ctx<'_>) {
        for conn in self.connections.all() {
            self.close(ctx, conn);
        }
    }

    pub fn forget(&mut self, conn: ConnId) {
        self.connections.remove(conn);
        self.watches.remove(conn);
    }
}

pub fn send(ctx: &mut Ctx<'_>, conn: ConnId, message: ServerMessage) {
    ctx.send(conn, Message::ZooKeeperReply(Box::new(message)));
}

fn has_moved(result: &Result<Answer, Code>) -> bool {
    match result {
        Err(code) => *code == Code::SessionMoved,
        Ok(Answer::Multi(results)) => results.contains(&Err(Code::SessionMoved)),
        Ok(_) => false,
    }
}
