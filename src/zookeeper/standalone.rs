//! A ZooKeeper server by itself (`ZooKeeperServerMain`, standalone mode): clients' connections,
//! sessions, and the pipeline Prep, Sync, Final around the tree.
//!
//! A write is answered after its fsync; everything read after it waits behind it. Zxids count from 1
//! without an epoch. What is only in memory (watches, connections, deadlines of sessions) is gone
//! with the process; sessions themselves are in the log and live on with full timeouts.

use super::config::ServerConfig;
use super::file_snap;
use super::file_txn_log::{self, FileTxnLog, LoadError};
use super::prep_processor::{Origin, PrepProcessor};
use super::request::{Request, RequestKind};
use super::session_expiry::SessionTracker;
use super::sync_processor::SyncProcessor;
use super::zookeeper_server::ZooKeeperServer;
use crate::kernel::{ConnId, DiskError, Duration, Time};
use crate::protocol::zookeeper::{ClientMessage, ConnectRequest, Op, SessionId};
use crate::protocol::{Ctx, Event, Fact, Message, Timer, ZooKeeperTimer};
use std::rc::Rc;

/// One server, standalone.
#[derive(Clone, Debug)]
pub struct Standalone {
    pub server: ZooKeeperServer,
    /// `None` while it is not serving: before its tree is loaded, and once it has failed.
    pipeline: Option<Pipeline>,
}

/// What a serving server works with.
#[derive(Clone, Debug)]
struct Pipeline {
    prep: PrepProcessor,
    sync: SyncProcessor<Request>,
    sessions: SessionTracker,
}

impl Standalone {
    /// A fresh process: it recovers from its disk on `Event::Started`.
    pub fn new(config: ServerConfig) -> Self {
        Standalone {
            server: ZooKeeperServer::new(config),
            pipeline: None,
        }
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Started => self.load(ctx),
            Event::Terminate => ctx.exit(0),
            Event::Timer(Timer::ZooKeeper(ZooKeeperTimer::Tick)) => self.on_tick(ctx),
            Event::Accepted { conn, .. } => self.server.connections.accept(conn),
            Event::Message {
                conn,
                message: Message::ZooKeeperRequest(message),
            } => self.on_message(ctx, conn, *message),
            Event::Closed { conn, .. } => self.server.forget(conn),
            Event::Disk { token, result } => match result {
                Ok(()) => self.on_disk(ctx, token),
                Err(error) => self.fail(ctx, error),
            },
            Event::Timer(_) | Event::Message { .. } | Event::Connected(_) => {}
        }
    }

    pub fn is_serving(&self) -> bool {
        self.pipeline.is_some()
    }

    /// When a session expires unless it is heard of.
    pub fn expires(&self, session: SessionId) -> Option<Time> {
        self.pipeline.as_ref()?.sessions.expires(session)
    }

    // ---- start and end

    fn load(&mut self, ctx: &mut Ctx<'_>) {
        let dir = self.server.log_dir();
        let loaded = match ctx.disk().make_dir(&dir) {
            Ok(()) => file_snap::restore(ctx.disk(), &dir),
            Err(error) => Err(LoadError::Disk(error)),
        };
        match loaded {
            Ok(restored) => {
                self.server.tree = restored.tree;
                self.take_snapshot(ctx);
            }
            Err(error) => exit(ctx, &error.to_string()),
        }
    }

    /// The snapshot taken at the start stands: clients may come.
    fn serve(&mut self, ctx: &mut Ctx<'_>) {
        let config = &self.server.config;
        let tick = Duration::from_millis(u64::from(config.tick_time_ms));
        let mut sessions = SessionTracker::new(STANDALONE_ID, tick, ctx.now());
        for (session, timeout_ms) in self.server.tree.sessions() {
            sessions.track(*session, *timeout_ms, ctx.now());
        }
        let last_zxid = self.server.last_zxid();
        let log = FileTxnLog::new(&self.server.log_dir());
        self.pipeline = Some(Pipeline {
            prep: PrepProcessor::new(last_zxid, &config.rules),
            sync: SyncProcessor::new(log, LOG_SYNCED, config.snap_count, ctx),
            sessions,
        });
        // What was logged, and perhaps not applied before the end of the process before.
        let dir = self.server.log_dir();
        for txn in file_txn_log::peek_after(ctx.disk(), &dir, 0) {
            ctx.fact(Fact::TxnApplied { txn });
        }
        ctx.fact(Fact::ZooKeeperServing { last_zxid });
        self.set_tick(ctx);
    }

    fn on_disk(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        match token {
            SNAPSHOT_TAKEN if self.pipeline.is_none() => self.serve(ctx),
            LOG_SYNCED => {
                let flushed: Vec<Request> = match &mut self.pipeline {
                    Some(pipeline) => pipeline.sync.flushed().collect(),
                    None => return,
                };
                for request in flushed {
                    self.finish(ctx, request);
                }
                self.run(ctx);
            }
            _ => {}
        }
    }

    fn take_snapshot(&mut self, ctx: &mut Ctx<'_>) {
        let path = file_snap::path(&self.server.log_dir(), &self.server.tree);
        ctx.replace_later(&path, file_snap::encode(&self.server.tree), SNAPSHOT_TAKEN);
    }

    /// A server that cannot write its log must not go on.
    fn fail(&mut self, ctx: &mut Ctx<'_>, error: DiskError) {
        self.pipeline = None;
        exit(ctx, &format!("{CANNOT_WRITE}: {error}"));
    }

    // ---- sessions

    fn on_connect(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, request: &ConnectRequest) {
        let Some(pipeline) = &mut self.pipeline else {
            return self.server.close(ctx, conn);
        };
        if self.server.turns_away(ctx, request) {
            return self.server.close(ctx, conn);
        }
        let timeout_ms = self.server.negotiated(request.timeout_ms);
        if request.session_id == 0 {
            let session = pipeline.sessions.next_id();
            pipeline.sessions.track(session, timeout_ms, ctx.now());
            let origin = origin(ctx, session, 0);
            let txn = pipeline.prep.create_session(origin, timeout_ms);
            pipeline.sync.push(Request {
                conn: Some(conn),
                session,
                cxid: 0,
                kind: RequestKind::CreateSession,
                txn: Some(Rc::new(txn)),
                error: None,
            });
            self.server.connections.bind(conn, session, timeout_ms);
            self.set_tick(ctx);
            self.run(ctx);
        } else {
            self.reopen_session(ctx, conn, request, timeout_ms);
        }
    }

    /// A client is back with a session that it had (ZB15).
    fn reopen_session(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        request: &ConnectRequest,
        timeout_ms: u32,
    ) {
        let session = request.session_id;
        let now = ctx.now();
        let alive = self.server.reopen(ctx, conn, request, timeout_ms)
            && self
                .pipeline
                .as_mut()
                .is_some_and(|pipeline| pipeline.sessions.touch(session, timeout_ms, now));
        self.server.finish_session_init(ctx, conn, session, alive);
        if alive {
            ctx.fact(Fact::SessionResumed { session });
        }
    }

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        let Some(pipeline) = &mut self.pipeline else {
            return;
        };
        for session in pipeline.sessions.on_tick(ctx.now()) {
            let origin = origin(ctx, session, 0);
            let txn = pipeline.prep.close_session(origin, &self.server.tree);
            pipeline.sync.push(Request {
                conn: None,
                session,
                cxid: 0,
                kind: RequestKind::Replicated,
                txn: Some(Rc::new(txn)),
                error: None,
            });
        }
        self.run(ctx);
        self.set_tick(ctx);
    }

    fn set_tick(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(pipeline) = &mut self.pipeline {
            pipeline.sessions.set_tick(ctx);
        }
    }

    // ---- requests

    fn on_message(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, message: ClientMessage) {
        let Some(connection) = self.server.connections.get(conn) else {
            return;
        };
        match message {
            ClientMessage::Connect(request) if connection.session == 0 => {
                self.on_connect(ctx, conn, &request);
            }
            ClientMessage::Ping if connection.established => {
                self.submit(ctx, conn, 0, RequestKind::Ping);
            }
            ClientMessage::Request { xid, op } if connection.established => {
                self.submit(ctx, conn, xid, RequestKind::Op(op));
            }
            // Nobody who speaks the protocol does this.
            ClientMessage::Connect(_) | ClientMessage::Ping | ClientMessage::Request { .. } => {
                self.server.close(ctx, conn);
            }
        }
    }

    fn submit(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, cxid: i32, kind: RequestKind) {
        let (Some(pipeline), Some(connection)) =
            (&mut self.pipeline, self.server.connections.get(conn))
        else {
            return;
        };
        let session = connection.session;
        // What a closing session still asks is dropped: its connection closes in a moment.
        if !pipeline
            .sessions
            .touch(session, connection.timeout_ms, ctx.now())
        {
            return;
        }
        let origin = origin(ctx, session, cxid);
        let tree = &self.server.tree;
        let (txn, error) = match &kind {
            RequestKind::Op(Op::CloseSession) => {
                pipeline.sessions.set_closing(session);
                (Some(pipeline.prep.close_session(origin, tree)), None)
            }
            RequestKind::Op(op) => {
                match pipeline
                    .prep
                    .request(origin, op, tree, &mut pipeline.sessions)
                {
                    Ok(txn) => (txn, None),
                    Err(code) => (None, Some(code)),
                }
            }
            RequestKind::Ping | RequestKind::CreateSession | RequestKind::Replicated => {
                (None, None)
            }
        };
        pipeline.sync.push(Request {
            conn: Some(conn),
            session,
            cxid,
            kind,
            txn: txn.map(Rc::new),
            error,
        });
        self.run(ctx);
    }

    /// Lets the queue go on as far as it can without waiting.
    fn run(&mut self, ctx: &mut Ctx<'_>) {
        let Some(pipeline) = &mut self.pipeline else {
            return;
        };
        match pipeline.sync.run(ctx) {
            Ok(synced) => {
                for request in synced.done {
                    self.finish(ctx, request);
                }
                if synced.snapshot {
                    self.take_snapshot(ctx);
                }
            }
            Err(error) => self.fail(ctx, error),
        }
    }

    /// A request has come through: it is applied, and answered.
    fn finish(&mut self, ctx: &mut Ctx<'_>, request: Request) {
        if let Some(txn) = &request.txn {
            ctx.fact(Fact::TxnApplied { txn: txn.clone() });
        }
        let finished = self.server.finish(ctx, request, true);
        let Some(pipeline) = &mut self.pipeline else {
            return;
        };
        if let Some(zxid) = finished.zxid {
            pipeline.prep.applied(zxid);
        }
        if let Some(session) = finished.closed {
            pipeline.sessions.remove(session);
        }
    }
}

fn origin(ctx: &Ctx<'_>, session: SessionId, cxid: i32) -> Origin {
    Origin {
        session,
        cxid,
        time: ctx.wall_ms(),
        server: STANDALONE_ID,
    }
}

/// The process gives up and says why.
pub fn exit(ctx: &mut Ctx<'_>, why: &str) {
    let why = Rc::from(why);
    ctx.fact(Fact::Exiting { status: 1, why });
    ctx.exit(1);
}

/// A disk that takes no more.
pub const CANNOT_WRITE: &str = "the transaction log or a snapshot could not be written";

/// Tokens of disk operations.
const LOG_SYNCED: u64 = 1;
const SNAPSHOT_TAKEN: u64 = 2;

/// The server number of a server by itself.
const STANDALONE_ID: u8 = 1;
