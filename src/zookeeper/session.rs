//! The session client (`ClientCnxn` and `StaticHostProvider`; ZB15, ZB16).

use crate::kernel::{CloseReason, ConnId, NodeId};
use crate::protocol::zookeeper::{Op, ServerMessage, SessionEvent, SessionId};
use crate::protocol::{Ctx, SessionTimer};

/// A client's session with an ensemble.
///
/// Its owner hands it the events of its connections (`owns`) and its timers, and after each of
/// these, and after each call, takes what it tells with `take_events`.
#[derive(Debug)]
pub struct Session {
    events: Vec<SessionEvent>,
}

impl Session {
    /// `servers` in the order of the connection string; `timeout_ms` is the wish that servers negotiate.
    pub fn new(servers: Vec<NodeId>, timeout_ms: u32) -> Self {
        let _ = (servers, timeout_ms);
        Session { events: Vec::new() }
    }

    /// Begins to connect. Call once, when the process starts.
    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
        todo!()
    }

    /// Asks for `op`; exactly one `SessionEvent::Answer` with `token` follows. While no server is
    /// connected it waits for the running attempt: it is sent if that succeeds, and ends in
    /// `ConnectionLoss` if it fails. After expiry or close it ends in `SessionExpired`.
    pub fn request(&mut self, ctx: &mut Ctx<'_>, token: u64, op: Op) {
        let _ = (ctx, token, op);
        todo!()
    }

    /// Ends the session: sends closeSession if a server is connected or being connected; otherwise
    /// the session is left to expire (as `ZooKeeper.close` does). No reconnect follows.
    pub fn close(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
        todo!()
    }

    /// A brand-new session, after `Expired` (or `close`).
    pub fn reopen(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
        todo!()
    }

    /// True if the connection is this session's: its events belong here.
    pub fn owns(&self, conn: ConnId) -> bool {
        let _ = conn;
        todo!()
    }

    pub fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        let _ = (ctx, conn);
        todo!()
    }

    pub fn on_message(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, message: ServerMessage) {
        let _ = (ctx, conn, message);
        todo!()
    }

    pub fn on_closed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: CloseReason) {
        let _ = (ctx, conn, reason);
        todo!()
    }

    pub fn on_timer(&mut self, ctx: &mut Ctx<'_>, timer: SessionTimer) {
        let _ = (ctx, timer);
        todo!()
    }

    /// What happened since the last call, in order. A watch event stands before any answer that
    /// could show the change.
    pub fn take_events(&mut self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.events)
    }

    /// The session's id once a server gave one; `None` after expiry and close.
    pub fn session_id(&self) -> Option<SessionId> {
        todo!()
    }

    pub fn is_connected(&self) -> bool {
        todo!()
    }
}
