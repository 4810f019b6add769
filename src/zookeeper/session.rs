//! The session client (`ClientCnxn`; ZB15, ZB16): it looks for a server, keeps the session alive,
//! and hands requests and answers through in order.
//!
//! It never declares its own session expired: only a server can tell it (ZK9). A request in flight
//! when the connection is lost ends in `ConnectionLoss`: it may have happened or not (ZK11).

use super::client_watches::ClientWatches;
use super::host_provider::HostProvider;
use crate::kernel::{CloseReason, ConnId, Duration, Lane, NodeId, Time, TimerId};
use crate::protocol::zookeeper::{
    Answer, ClientMessage, Code, ConnectRequest, ConnectResponse, Op, Path, ServerMessage,
    SessionEvent, SessionId, Zxid,
};
use crate::protocol::{Ctx, Fact, Message, SessionTimer, Timer};
use std::collections::VecDeque;
use std::rc::Rc;

/// A client's session with an ensemble.
///
/// Its owner hands it the events of its connections (`owns`) and its timers, and after each of
/// these, and after each call, takes what it tells with `take_events`.
#[derive(Debug)]
pub struct Session {
    servers: Vec<NodeId>,
    /// It tells all that it asks and hears.
    is_witness: bool,
    /// Its watches end with its connection.
    forgets_watches: bool,
    /// Its send thread, in a process that has several.
    send_thread: Lane,
    /// What is asked for at each connect, whatever was negotiated before.
    wanted_timeout: Duration,
    hosts: Option<HostProvider>,
    state: State,
    closing: bool,
    /// Once a connection came up, later attempts wait a random while (a herd must not return at once).
    ever_connected: bool,

    session_id: SessionId,
    password: u64,
    last_zxid: Zxid,
    connect_timeout: Duration,
    read_timeout: Duration,

    next_xid: i32,
    outgoing: VecDeque<Packet>,
    pending: VecDeque<Packet>,
    watches: ClientWatches,
    events: Vec<SessionEvent>,

    last_send: Time,
    last_heard: Time,
    /// When there is something to do if nothing happens before.
    next_wake: Time,
    /// The timer that is set, and when it will come.
    check: Option<(Time, TimerId)>,
    /// The pause before the next server.
    pause: Option<TimerId>,
    /// The server to try next.
    target: Option<NodeId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Not started.
    New,
    /// A pause before the next server is tried.
    Pausing,
    /// A connection is being made.
    Connecting(ConnId),
    /// The connection is up; the server was asked for the session.
    Associating(ConnId),
    Connected(ConnId),
    /// Closed, or expired.
    Closed,
}

#[derive(Debug)]
struct Packet {
    /// `None` for what the session asks by itself.
    token: Option<u64>,
    xid: i32,
    op: Op,
}

impl Session {
    /// `servers` in the order of the connection string; `timeout_ms` is the wish that servers negotiate.
    pub fn new(servers: Vec<NodeId>, timeout_ms: u32) -> Self {
        let wanted_timeout = Duration::from_millis(u64::from(timeout_ms));
        let mut session = Session {
            is_witness: servers.len() > 1,
            forgets_watches: false,
            send_thread: Lane::MAIN,
            servers,
            wanted_timeout,
            hosts: None,
            state: State::New,
            closing: false,
            ever_connected: false,
            session_id: 0,
            password: 0,
            last_zxid: 0,
            connect_timeout: Duration::ZERO,
            read_timeout: Duration::ZERO,
            next_xid: 1,
            outgoing: VecDeque::new(),
            pending: VecDeque::new(),
            watches: ClientWatches::default(),
            events: Vec::new(),
            last_send: Time::ZERO,
            last_heard: Time::ZERO,
            next_wake: Time::MAX,
            check: None,
            pause: None,
            target: None,
        };
        session.negotiate(wanted_timeout);
        session
    }

    /// It tells all that it asks and hears, for properties to be held against.
    pub fn as_witness(mut self) -> Self {
        self.is_witness = true;
        self
    }

    /// The thread that its events come to. What others ask it sends when they are done with their work.
    pub fn sends_on(mut self, thread: Lane) -> Self {
        self.send_thread = thread;
        self
    }

    /// As kazoo does: what it watched for is forgotten when the connection is lost, not set again on the next
    /// one.
    pub fn forget_watches_with_connection(&mut self) {
        self.forgets_watches = true;
    }

    /// Begins to connect. Call once, when the process starts.
    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.hosts = Some(HostProvider::new(self.servers.clone(), ctx.random()));
        self.next_attempt(ctx);
    }

    /// Asks for `op`; exactly one `SessionEvent::Answer` with `token` follows. While no server is
    /// connected it waits for the running attempt: it is sent if that succeeds, and ends in
    /// `ConnectionLoss` if it fails. After expiry or close it ends in `SessionExpired`.
    pub fn request(&mut self, ctx: &mut Ctx<'_>, token: u64, op: Op) {
        self.queue(ctx, Some(token), op);
    }

    /// Ends the session: sends closeSession if a server is connected or the running attempt finds
    /// one; otherwise the session is left to expire (as `ZooKeeper.close` does). `Closed` follows.
    pub fn close(&mut self, ctx: &mut Ctx<'_>) {
        match self.state {
            State::New | State::Closed => self.finish_close(),
            _ if self.closing => {}
            _ => {
                self.queue(ctx, None, Op::CloseSession);
                self.closing = true;
            }
        }
    }

    /// A brand-new session, after `Expired` or `Closed`; a connection of the old one is dropped.
    pub fn reopen(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(conn) = self.conn() {
            ctx.close(conn);
        }
        let timers = [self.pause, self.check.map(|(_, timer)| timer)];
        for timer in timers.into_iter().flatten() {
            ctx.cancel_timer(timer);
        }
        self.fail_packets(Code::SessionExpired);
        let timeout_ms = self.wanted_timeout.as_millis() as u32;
        *self = Session {
            is_witness: self.is_witness,
            forgets_watches: self.forgets_watches,
            send_thread: self.send_thread,
            events: std::mem::take(&mut self.events),
            ..Session::new(std::mem::take(&mut self.servers), timeout_ms)
        };
        self.start(ctx);
    }

    /// True if the connection is this session's: its events belong here.
    pub fn owns(&self, conn: ConnId) -> bool {
        self.conn() == Some(conn)
    }

    pub fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        if self.state != State::Connecting(conn) {
            return;
        }
        self.state = State::Associating(conn);
        self.ever_connected = true;
        self.last_send = ctx.now();
        self.last_heard = ctx.now();
        let request = ConnectRequest {
            last_zxid_seen: self.last_zxid,
            timeout_ms: self.wanted_timeout.as_millis() as u32,
            session_id: self.session_id,
            password: self.password,
        };
        self.send(ctx, conn, ClientMessage::Connect(request));
        self.on_wake(ctx);
    }

    pub fn on_message(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, message: ServerMessage) {
        if !self.owns(conn) {
            return;
        }
        self.last_heard = ctx.now();
        match (self.state, message) {
            (State::Associating(_), ServerMessage::Connected(response)) => {
                self.on_associated(ctx, conn, &response);
            }
            (State::Connected(_), ServerMessage::Pong) => {}
            (State::Connected(_), ServerMessage::Watch(event)) => {
                if self.is_witness {
                    let (session, change) = (self.session_id, event.clone());
                    ctx.fact(Fact::ZooKeeperWatchFired { session, change });
                }
                if self.watches.fire(&event) {
                    self.events.push(SessionEvent::Watch(event));
                }
            }
            (State::Connected(_), ServerMessage::Reply { xid, zxid, result }) => {
                self.on_reply(ctx, conn, xid, zxid, result);
            }
            // Not the protocol: give this server up.
            _ => self.disconnect(ctx, conn),
        }
        self.on_wake(ctx);
    }

    pub fn on_closed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: CloseReason) {
        let _ = reason;
        if self.owns(conn) {
            self.on_disconnected(ctx);
        }
    }

    pub fn on_timer(&mut self, ctx: &mut Ctx<'_>, timer: SessionTimer) {
        match timer {
            SessionTimer::Reconnect => {
                self.pause = None;
                if self.state == State::Pausing {
                    self.connect(ctx);
                }
            }
            SessionTimer::Check => {
                self.check = None;
                if ctx.now() >= self.next_wake {
                    self.on_wake(ctx);
                } else {
                    self.set_check(ctx);
                }
            }
            SessionTimer::Send => self.send_outgoing(ctx),
        }
    }

    /// What happened since the last call, in order. A watch event stands before any answer that
    /// could show the change.
    pub fn take_events(&mut self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.events)
    }

    /// The session's id once a server gave one; `None` after expiry and close.
    pub fn session_id(&self) -> Option<SessionId> {
        (self.session_id != 0 && self.state != State::Closed).then_some(self.session_id)
    }

    /// What it counts on being told of: whether of a node's children, and the path.
    pub fn watches(&self) -> impl Iterator<Item = (bool, &Path)> {
        self.watches.all()
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }
}

impl Session {
    // ---- connecting

    fn next_attempt(&mut self, ctx: &mut Ctx<'_>) {
        if self.closing {
            return self.finish_close();
        }
        let Some((server, mut pause)) = self.hosts.as_mut().and_then(HostProvider::next) else {
            return;
        };
        if self.ever_connected {
            pause = pause + Duration::from_millis(ctx.random().below(1000));
        }
        self.target = Some(server);
        if pause == Duration::ZERO {
            self.connect(ctx);
        } else {
            self.state = State::Pausing;
            let timer = ctx.set_timer(pause, Timer::Session(SessionTimer::Reconnect));
            self.pause = Some(timer);
        }
    }

    fn connect(&mut self, ctx: &mut Ctx<'_>) {
        let Some(server) = self.target else {
            return;
        };
        self.state = State::Connecting(ctx.connect(server));
        self.last_send = ctx.now();
        self.last_heard = ctx.now();
        self.on_wake(ctx);
    }

    fn on_associated(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, response: &ConnectResponse) {
        if response.timeout_ms == 0 {
            return self.on_expired(ctx, conn);
        }
        let resumed = self.session_id != 0;
        let session = response.session_id;
        self.negotiate(Duration::from_millis(u64::from(response.timeout_ms)));
        if let Some(hosts) = &mut self.hosts {
            hosts.on_connected();
        }
        self.session_id = session;
        self.password = response.password;
        self.state = State::Connected(conn);
        ctx.fact(Fact::ZooKeeperConnected { session, resumed });
        self.events.push(SessionEvent::Connected { session });
        if let Some(op) = self.watches.set_watches(self.last_zxid) {
            let (token, xid) = (None, 0);
            self.outgoing.push_front(Packet { token, xid, op });
        }
        self.send_outgoing(ctx);
    }

    fn on_expired(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        ctx.close(conn);
        ctx.fact(Fact::ZooKeeperSessionLost {
            session: self.session_id,
        });
        self.state = State::Closed;
        self.watches = ClientWatches::default();
        self.events.push(SessionEvent::Expired);
        self.fail_packets(Code::SessionExpired);
        if self.closing {
            self.events.push(SessionEvent::Closed);
        }
    }

    /// Gives a connection up.
    fn disconnect(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        ctx.close(conn);
        self.on_disconnected(ctx);
    }

    fn on_disconnected(&mut self, ctx: &mut Ctx<'_>) {
        let was_connected = self.is_connected();
        self.state = State::Pausing;
        self.fail_packets(Code::ConnectionLoss);
        if was_connected {
            ctx.fact(Fact::ZooKeeperDisconnected {
                session: self.session_id,
            });
            self.events.push(SessionEvent::Disconnected);
            if self.forgets_watches && !self.watches.is_empty() {
                self.watches = ClientWatches::default();
                ctx.fact(Fact::ZooKeeperWatchesForgotten {
                    session: self.session_id,
                });
                self.events.push(SessionEvent::WatchesForgotten);
            }
        }
        self.next_attempt(ctx);
    }

    fn finish_close(&mut self) {
        self.state = State::Closed;
        self.watches = ClientWatches::default();
        self.fail_packets(Code::SessionExpired);
        self.events.push(SessionEvent::Closed);
    }

    fn negotiate(&mut self, timeout: Duration) {
        let servers = self.servers.len().max(1) as u64;
        let timeout_ms = timeout.as_millis();
        self.connect_timeout = Duration::from_millis(timeout_ms / servers);
        self.read_timeout = Duration::from_millis(timeout_ms * 2 / 3);
    }

    fn conn(&self) -> Option<ConnId> {
        match self.state {
            State::Connecting(conn) | State::Associating(conn) | State::Connected(conn) => {
                Some(conn)
            }
            State::New | State::Pausing | State::Closed => None,
        }
    }

    // ---- requests

    fn queue(&mut self, ctx: &mut Ctx<'_>, token: Option<u64>, op: Op) {
        let packet = Packet { token, xid: 0, op };
        match self.state {
            State::Closed => self.answer(packet, Err(Code::SessionExpired)),
            _ if self.closing => self.answer(packet, Err(Code::ConnectionLoss)),
            _ => {
                self.outgoing.push_back(packet);
                self.wake_send_thread(ctx);
            }
        }
    }

    /// What two threads send by themselves would leave in the order in which their work ends.
    fn wake_send_thread(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.is_on(self.send_thread) {
            self.send_outgoing(ctx);
        } else if self.is_connected() {
            ctx.set_timer(Duration::ZERO, Timer::Session(SessionTimer::Send));
        }
    }

    fn send_outgoing(&mut self, ctx: &mut Ctx<'_>) {
        if let State::Connected(conn) = self.state {
            while let Some(packet) = self.outgoing.pop_front() {
                self.send_packet(ctx, conn, packet);
            }
            self.on_wake(ctx);
        }
    }

    fn send_packet(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, mut packet: Packet) {
        packet.xid = self.next_xid;
        self.next_xid = self.next_xid.checked_add(1).unwrap_or(1);
        if self.is_witness {
            ctx.fact(Fact::ZooKeeperAsked {
                session: self.session_id,
                xid: packet.xid,
                op: Rc::new(packet.op.clone()),
            });
        }
        let request = ClientMessage::Request {
            xid: packet.xid,
            op: packet.op.clone(),
        };
        self.send(ctx, conn, request);
        self.pending.push_back(packet);
    }

    fn on_reply(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        xid: i32,
        zxid: Zxid,
        result: Result<Answer, Code>,
    ) {
        if self.is_witness {
            ctx.fact(Fact::ZooKeeperAnswered {
                session: self.session_id,
                xid,
                zxid,
                result: Rc::new(result.clone()),
            });
        }
        if self.pending.front().map(|packet| packet.xid) != Some(xid) {
            return self.disconnect(ctx, conn);
        }
        let Some(packet) = self.pending.pop_front() else {
            return;
        };
        self.last_zxid = if zxid > 0 { zxid } else { self.last_zxid };
        self.watches.answered(&packet.op, &result);
        if packet.op == Op::CloseSession {
            ctx.close(conn);
            self.finish_close();
        } else {
            self.answer(packet, result);
        }
    }

    fn answer(&mut self, packet: Packet, result: Result<Answer, Code>) {
        if let Some(token) = packet.token {
            self.events.push(SessionEvent::Answer { token, result });
        }
    }

    /// Everything that waits for an answer ends in `code`, in order.
    fn fail_packets(&mut self, code: Code) {
        let pending = std::mem::take(&mut self.pending);
        for packet in pending
            .into_iter()
            .chain(std::mem::take(&mut self.outgoing))
        {
            self.answer(packet, Err(code));
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, message: ClientMessage) {
        self.last_send = ctx.now();
        ctx.send(conn, Message::ZooKeeperRequest(Box::new(message)));
    }

    // ---- silence

    /// The send thread comes round: it gives a silent server up, pings it before it would do the
    /// same, and says when it wants to be woken (`SendThread.run`).
    fn on_wake(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let heard = now - self.last_heard;
        let (conn, timeout) = match self.state {
            State::Connecting(conn) | State::Associating(conn) => (conn, self.connect_timeout),
            State::Connected(conn) => (conn, self.read_timeout),
            State::New | State::Pausing | State::Closed => {
                self.next_wake = Time::MAX;
                return;
            }
        };
        if heard >= timeout {
            return self.disconnect(ctx, conn);
        }
        let mut sleep = timeout.saturating_sub(heard);
        if self.is_connected() {
            if self.time_to_next_ping(now) == Duration::ZERO {
                self.send(ctx, conn, ClientMessage::Ping);
            }
            sleep = sleep.min(self.time_to_next_ping(now));
        }
        self.next_wake = now + sleep;
        self.set_check(ctx);
    }

    fn time_to_next_ping(&self, now: Time) -> Duration {
        let idle = now - self.last_send;
        if idle > MAX_SEND_PING_INTERVAL {
            return Duration::ZERO;
        }
        let slack = if idle > PING_SLACK {
            PING_SLACK
        } else {
            Duration::ZERO
        };
        Duration(self.read_timeout.0 / 2).saturating_sub(idle + slack)
    }

    /// One timer is set, and left alone when there is less to do than it was set for.
    fn set_check(&mut self, ctx: &mut Ctx<'_>) {
        if let Some((at, timer)) = self.check {
            if at <= self.next_wake {
                return;
            }
            ctx.cancel_timer(timer);
        }
        let delay = self.next_wake - ctx.now();
        let timer = ctx.set_timer(delay, Timer::Session(SessionTimer::Check));
        self.check = Some((self.next_wake, timer));
    }
}

/// Idle for longer than this, the client pings this much earlier, so as not to miss its second ping.
const PING_SLACK: Duration = Duration::from_secs(1);
const MAX_SEND_PING_INTERVAL: Duration = Duration::from_secs(10);
