//! A ZooKeeper server by itself (`ZooKeeperServer`, standalone mode): clients' connections, sessions,
//! and the pipeline Prep, Sync, Final around the tree.
//!
//! A write is answered after its fsync; everything read after it waits behind it. Zxids count from 1
//! without an epoch. What is only in memory (watches, connections, deadlines of sessions) is gone
//! with the process; sessions themselves are in the log and live on with full timeouts.

use super::DataTree;
use super::config::ServerConfig;
use super::connections::{Connections, password_of};
use super::data_tree::{Applied, Change};
use super::file_snap;
use super::file_txn_log::{FileTxnLog, LoadError};
use super::final_processor;
use super::prep_processor::{Origin, PrepProcessor};
use super::request::{Request, RequestKind};
use super::session_tracker::SessionTracker;
use super::sync_processor::SyncProcessor;
use super::txn::TxnBody;
use super::watch_manager::WatchManager;
use crate::kernel::{ConnId, DiskError, Duration, Time, TimerId};
use crate::protocol::zookeeper::{
    ClientMessage, ConnectRequest, ConnectResponse, Op, Path, ServerMessage, SessionId, Zxid,
};
use crate::protocol::{Ctx, Event, Fact, Message, Timer, ZooKeeperTimer};
use std::rc::Rc;

/// A session as its server sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionView {
    pub id: SessionId,
    pub timeout_ms: u32,
    /// When it expires unless it is heard of, on the server's own clock.
    pub expires: Option<Time>,
    pub ephemerals: Vec<Path>,
}

/// One server, standalone.
#[derive(Clone, Debug)]
pub struct Server {
    config: ServerConfig,
    tree: DataTree,
    connections: Connections,
    watches: WatchManager,
    /// `None` while it is not serving: before its tree is loaded, and once it has failed.
    pipeline: Option<Pipeline>,
    /// The tick that is set, and when it will come.
    tick: Option<(Time, TimerId)>,
}

/// What a serving server works with.
#[derive(Clone, Debug)]
struct Pipeline {
    prep: PrepProcessor,
    sync: SyncProcessor,
    sessions: SessionTracker,
}

impl Server {
    /// A fresh process: it recovers from its disk on `Event::Started`.
    pub fn new(config: ServerConfig) -> Self {
        Server {
            config,
            tree: DataTree::new(),
            connections: Connections::default(),
            watches: WatchManager::default(),
            pipeline: None,
            tick: None,
        }
    }

    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Started => self.load(ctx),
            Event::Terminate => ctx.exit(0),
            Event::Timer(Timer::ZooKeeper(ZooKeeperTimer::Tick)) => self.on_tick(ctx),
            Event::Accepted { conn, .. } => self.connections.accept(conn),
            Event::Message {
                conn,
                message: Message::ZooKeeperRequest(message),
            } => self.on_message(ctx, conn, *message),
            Event::Closed { conn, .. } => self.forget(conn),
            Event::Disk { token, result } => match result {
                Ok(()) => self.on_disk(ctx, token),
                Err(error) => self.fail(ctx, error),
            },
            Event::Timer(_) | Event::Message { .. } | Event::Connected(_) => {}
        }
    }

    /// What this server would answer to a read.
    pub fn tree(&self) -> &DataTree {
        &self.tree
    }

    /// Living sessions by id.
    pub fn sessions(&self) -> Vec<SessionView> {
        let view = |(id, timeout_ms): (&SessionId, &u32)| SessionView {
            id: *id,
            timeout_ms: *timeout_ms,
            expires: self
                .pipeline
                .as_ref()
                .and_then(|pipeline| pipeline.sessions.expires(*id)),
            ephemerals: self.tree.ephemerals(*id).cloned().collect(),
        };
        self.tree.sessions().iter().map(view).collect()
    }

    /// The last transaction applied.
    pub fn last_zxid(&self) -> Zxid {
        self.tree.last_processed_zxid()
    }

    pub fn is_serving(&self) -> bool {
        self.pipeline.is_some()
    }

    // ---- start and end

    fn load(&mut self, ctx: &mut Ctx<'_>) {
        let dir = self.log_dir();
        let loaded = match ctx.disk().make_dir(&dir) {
            Ok(()) => file_snap::restore(ctx.disk(), &dir),
            Err(error) => Err(LoadError::Disk(error)),
        };
        match loaded {
            Ok(tree) => {
                self.tree = tree;
                self.take_snapshot(ctx);
            }
            Err(error) => self.refuse_to_start(ctx, &error),
        }
    }

    /// The snapshot taken at the start stands: clients may come.
    fn serve(&mut self, ctx: &mut Ctx<'_>) {
        let tick = Duration::from_millis(u64::from(self.config.tick_time_ms));
        let mut sessions = SessionTracker::new(STANDALONE_ID, tick, ctx.now());
        for (session, timeout_ms) in self.tree.sessions() {
            sessions.track(*session, *timeout_ms, ctx.now());
        }
        let last_zxid = self.last_zxid();
        let log = FileTxnLog::new(&self.log_dir());
        self.pipeline = Some(Pipeline {
            prep: PrepProcessor::new(last_zxid),
            sync: SyncProcessor::new(log, LOG_SYNCED, self.config.snap_count, ctx),
            sessions,
        });
        ctx.fact(Fact::ZooKeeperServing { last_zxid });
        self.set_tick(ctx);
    }

    fn on_disk(&mut self, ctx: &mut Ctx<'_>, token: u64) {
        match token {
            SNAPSHOT_TAKEN if self.pipeline.is_none() => self.serve(ctx),
            LOG_SYNCED => {
                let flushed = match &mut self.pipeline {
                    Some(pipeline) => pipeline.sync.flushed(),
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
        let path = file_snap::path(&self.log_dir(), &self.tree);
        ctx.replace_later(&path, file_snap::encode(&self.tree), SNAPSHOT_TAKEN);
    }

    /// A server that cannot write its log must not go on.
    fn fail(&mut self, ctx: &mut Ctx<'_>, error: DiskError) {
        self.pipeline = None;
        self.exit(
            ctx,
            &format!("the transaction log or a snapshot could not be written: {error}"),
        );
    }

    fn refuse_to_start(&mut self, ctx: &mut Ctx<'_>, error: &LoadError) {
        let why = match error {
            LoadError::Disk(error) => format!("the data directory cannot be used: {error}"),
            LoadError::Corrupt { file } => {
                format!("the transaction log {file} is damaged: wrong checksum")
            }
            LoadError::NoValidSnapshot => {
                "there are transaction logs and no valid snapshot".to_owned()
            }
        };
        self.exit(ctx, &why);
    }

    fn exit(&mut self, ctx: &mut Ctx<'_>, why: &str) {
        let why = Rc::from(why);
        ctx.fact(Fact::Exiting { status: 1, why });
        ctx.exit(1);
    }

    fn log_dir(&self) -> String {
        format!("{}/version-2", self.config.data_dir)
    }

    // ---- sessions

    fn on_connect(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, request: &ConnectRequest) {
        let last_zxid = self.last_zxid();
        let Some(pipeline) = &mut self.pipeline else {
            return self.close(ctx, conn);
        };
        // It must not read an older state than it has seen elsewhere (ZK5, fact 22).
        if request.last_zxid_seen > last_zxid {
            return self.close(ctx, conn);
        }
        let (min, max) = (
            self.config.min_session_timeout_ms,
            self.config.max_session_timeout_ms,
        );
        let timeout_ms = request.timeout_ms.min(max).max(min);
        if request.session_id == 0 {
            let session = pipeline.sessions.next_id();
            pipeline.sessions.track(session, timeout_ms, ctx.now());
            let origin = Origin {
                session,
                cxid: 0,
                time: ctx.wall_ms(),
            };
            let txn = pipeline.prep.create_session(origin, timeout_ms);
            pipeline.sync.push(Request {
                conn: Some(conn),
                session,
                cxid: 0,
                kind: RequestKind::CreateSession,
                txn: Some(Rc::new(txn)),
                error: None,
            });
            self.connections.bind(conn, session, timeout_ms);
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
        if let Some(old) = self.connections.of_session(session) {
            self.close(ctx, old);
        }
        self.connections.bind(conn, session, timeout_ms);
        let now = ctx.now();
        let alive = request.password == password_of(session)
            && self
                .pipeline
                .as_mut()
                .is_some_and(|pipeline| pipeline.sessions.touch(session, timeout_ms, now));
        self.finish_session_init(ctx, conn, session, alive);
        if alive {
            ctx.fact(Fact::SessionResumed { session });
        }
    }

    fn finish_session_init(
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

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        self.tick = None;
        let Some(pipeline) = &mut self.pipeline else {
            return;
        };
        for session in pipeline.sessions.expired(ctx.now()) {
            let origin = Origin {
                session,
                cxid: 0,
                time: ctx.wall_ms(),
            };
            let txn = pipeline.prep.close_session(origin, &self.tree);
            pipeline.sync.push(Request {
                conn: None,
                session,
                cxid: 0,
                kind: RequestKind::Op(Op::CloseSession),
                txn: Some(Rc::new(txn)),
                error: None,
            });
        }
        self.run(ctx);
        self.set_tick(ctx);
    }

    /// One tick is set, for the earliest bucket that holds a session; those touched since are found
    /// in a later bucket when it comes.
    fn set_tick(&mut self, ctx: &mut Ctx<'_>) {
        let Some(pipeline) = &self.pipeline else {
            return;
        };
        let Some(next) = pipeline.sessions.next_expiry() else {
            return;
        };
        if let Some((at, timer)) = self.tick {
            if at <= next {
                return;
            }
            ctx.cancel_timer(timer);
        }
        let timer = Timer::ZooKeeper(ZooKeeperTimer::Tick);
        self.tick = Some((next, ctx.set_timer(next - ctx.now(), timer)));
    }

    // ---- requests

    fn on_message(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, message: ClientMessage) {
        let Some(connection) = self.connections.get(conn) else {
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
                self.close(ctx, conn);
            }
        }
    }

    fn submit(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, cxid: i32, kind: RequestKind) {
        let (Some(pipeline), Some(connection)) = (&mut self.pipeline, self.connections.get(conn))
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
        let origin = Origin {
            session,
            cxid,
            time: ctx.wall_ms(),
        };
        let (txn, error) = match &kind {
            RequestKind::Op(Op::CloseSession) => {
                pipeline.sessions.set_closing(session);
                (Some(pipeline.prep.close_session(origin, &self.tree)), None)
            }
            RequestKind::Op(op) => {
                match pipeline
                    .prep
                    .request(origin, op, &self.tree, &pipeline.sessions)
                {
                    Ok(txn) => (txn, None),
                    Err(code) => (None, Some(code)),
                }
            }
            RequestKind::Ping | RequestKind::CreateSession => (None, None),
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
        let applied = request.txn.as_ref().map(|txn| {
            let applied = self.tree.apply(txn);
            if let Some(pipeline) = &mut self.pipeline {
                pipeline.prep.applied(txn.zxid);
            }
            self.tell_watchers(ctx, &applied.changes);
            self.note_session(ctx, &request, &txn.body, &applied);
            applied
        });
        let Some(conn) = request.conn else {
            return;
        };
        if self.connections.get(conn).is_none() {
            return;
        }
        match request.kind {
            RequestKind::CreateSession => {
                self.finish_session_init(ctx, conn, request.session, true);
            }
            RequestKind::Ping => send(ctx, conn, ServerMessage::Pong),
            RequestKind::Op(op) => {
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
        }
    }

    /// Watch events leave before any reply that could show the change (fact 13).
    fn tell_watchers(&mut self, ctx: &mut Ctx<'_>, changes: &[Change]) {
        for change in changes {
            for (conn, event) in self.watches.trigger(change) {
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
    ) {
        let session = request.session;
        match body {
            TxnBody::CreateSession { timeout_ms } => ctx.fact(Fact::SessionOpened {
                session,
                timeout_ms: timeout_ms.unsigned_abs(),
            }),
            TxnBody::CloseSession { .. } => {
                if let Some(pipeline) = &mut self.pipeline {
                    pipeline.sessions.remove(session);
                }
                let deleted = applied.changes.iter().filter_map(|change| match change {
                    Change::Deleted(path) => Some(path.clone()),
                    Change::Created(_) | Change::DataChanged(_) => None,
                });
                let ephemerals: Vec<Path> = deleted.collect();
                if request.conn.is_some() {
                    ctx.fact(Fact::SessionClosed {
                        session,
                        ephemerals,
                    });
                } else {
                    ctx.fact(Fact::SessionExpired {
                        session,
                        ephemerals,
                    });
                    if let Some(conn) = self.connections.of_session(session) {
                        self.close(ctx, conn);
                    }
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        ctx.close(conn);
        self.forget(conn);
    }

    fn forget(&mut self, conn: ConnId) {
        self.connections.remove(conn);
        self.watches.remove(conn);
    }
}

/// Tokens of disk operations.
const LOG_SYNCED: u64 = 1;
const SNAPSHOT_TAKEN: u64 = 2;

/// The server number of a server by itself.
const STANDALONE_ID: u8 = 1;

fn send(ctx: &mut Ctx<'_>, conn: ConnId, message: ServerMessage) {
    ctx.send(conn, Message::ZooKeeperReply(Box::new(message)));
}
