//! Requests and answers over connections that come and go (`NetworkClient`, `NodeToControllerChannelManager`).
//!
//! One connection a node id (CN1); connects on demand with Kafka's back-off, asks first which requests the other
//! side knows if its user wants that, keeps requests in order, matches answers by correlation id, gives up on a
//! silent server after the request's timeout (by closing the connection, which fails all that is in flight on it).
//! Never sends anything twice: retrying is its user's decision. It may not know what requests mean; of a produce
//! only that acks=0 gets no answer.
//!
//! Its times are the wall clock's, as Java's are. It looks at them when something happens, or when the
//! longest wait that it asked its timers for is over: a clock that is set forward is noticed with the next
//! event (`time_out`), one that is set back makes each wait so much longer.

mod addresses;
mod api_versions;
mod connecting;
mod fetch_session_handler;
mod node;
mod peer;
mod throttling;
mod unreached;

use crate::kernel::{Address, CloseReason, ConnId, Duration, Time};
use crate::protocol::config::NetworkClientConfig;
use crate::protocol::{
    Ctx, ErrorCode, Hosts, KafkaRequest, KafkaResponse, Message, NetworkOwner, NetworkTimer,
    PartitionProduceResponse, ProduceRequest, ProduceResponse, Request, Response,
};
use connecting::{id_of, timer};
pub use fetch_session_handler::{FetchRequestData, FetchSessionHandler};
pub use node::Node;
use peer::{InFlight, Link, Peer, Waiting};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
pub use unreached::Unreached;

/// How a request ended without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disconnected {
    /// No connection could be made; the request was never sent.
    NotSent(CloseReason),
    /// The connection was lost with the request in flight: outcome unknown.
    InFlight(CloseReason),
    /// No answer within the request's timeout: outcome unknown.
    TimedOut,
    /// The other side knows no version of this request that this side knows (CN5): it was never sent.
    UnsupportedVersion,
}

/// The end of a request.
#[derive(Clone, Debug)]
pub struct Completed<T> {
    pub tag: T,
    pub to: Node,
    pub result: Result<Response, Disconnected>,
}

/// The client side of any number of connections. `T` is what its user wants back with each answer.
#[derive(Debug)]
pub struct NetworkClient<T> {
    owner: NetworkOwner,
    client_id: Rc<str>,
    hosts: Hosts,
    config: NetworkClientConfig,
    next_correlation_id: i32,
    /// By node id.
    peers: BTreeMap<i32, Peer<T>>,
    conns: BTreeMap<ConnId, i32>,
    /// Ends of requests that no event brings, until their `Ended` timers tell their user: those without an
    /// answer that have left, and those that are not sent at all.
    ended: VecDeque<Completed<T>>,
    /// Some peer's connection was lost since `take_lost` was asked last.
    any_lost: bool,
    /// Nothing times out before this.
    next_deadline: Time,
    /// An `Idle` timer is set.
    watches_idle: bool,
}

impl<T: Clone + std::fmt::Debug> NetworkClient<T> {
    /// `owner` tells this client's timers from those of others on the same node
    /// (`Timer::Network { owner, .. }`).
    pub fn new(
        owner: NetworkOwner,
        client_id: Rc<str>,
        hosts: Hosts,
        config: NetworkClientConfig,
    ) -> Self {
        NetworkClient {
            owner,
            client_id,
            hosts,
            config,
            next_correlation_id: 0,
            peers: BTreeMap::new(),
            conns: BTreeMap::new(),
            ended: VecDeque::new(),
            any_lost: false,
            next_deadline: Time::MAX,
            watches_idle: false,
        }
    }

    /// Sends once the connection is up and fewer than `max_in_flight` requests wait on it; connects
    /// first if need be (after the back-off, if one is running). The timeout runs from the moment of
    /// sending. Exactly one `Completed` with `tag` follows, never from within this call. A produce
    /// with acks=0 completes when sent, with a response that Kafka's producer makes up itself: no
    /// error, offset -1.
    pub fn send(&mut self, ctx: &mut Ctx<'_>, to: Node, body: Request, timeout: Duration, tag: T) {
        let peer = self.peer(to);
        peer.waiting.push_back(Waiting { body, timeout, tag });
        match peer.link {
            Link::Up(conn) => self.flush(ctx, to.id, conn),
            Link::Down => self.connect(ctx, to.id),
            Link::Connecting { .. } | Link::CheckingApiVersions(_) | Link::BackingOff { .. } => {}
        }
    }

    /// `NetworkClient.ready`: true if a request would leave at once; otherwise begins to connect,
    /// unless that is under way or held back.
    pub fn ready(&mut self, ctx: &mut Ctx<'_>, to: Node) -> bool {
        if matches!(self.peer(to).link, Link::Down) {
            self.connect(ctx, to.id);
        }
        self.can_send(to)
    }

    /// True if a request would leave at once (`canSendRequest`).
    pub fn can_send(&self, to: Node) -> bool {
        self.peers.get(&to.id).is_some_and(|peer| {
            matches!(peer.link, Link::Up(_))
                && !peer.is_throttled()
                && peer.has_room(self.config.max_in_flight)
        })
    }

    /// When this client last began to connect to `to`, or lost that connection
    /// (`lastConnectAttemptMs`); zero if never.
    pub fn last_attempt(&self, to: Node) -> Time {
        self.peers
            .get(&to.id)
            .map_or(Time::ZERO, |peer| peer.last_attempt)
    }

    /// True if a request given now would leave at once, or as soon as a connection is made: it would
    /// wait neither for a back-off nor a throttle nor for answers.
    pub fn is_ready(&self, to: Node) -> bool {
        self.peers.get(&to.id).is_none_or(|peer| {
            !matches!(peer.link, Link::BackingOff { .. })
                && !peer.is_throttled()
                && peer.has_room(self.config.max_in_flight)
        })
    }

    /// True if the connection to `to` is up, and takes requests (READY).
    pub fn is_connected(&self, to: Node) -> bool {
        self.has_link(to, |link| matches!(link, Link::Up(_)))
    }

    /// CN17: `to` has asked not to be asked for a while.
    pub fn is_throttled(&self, to: Node) -> bool {
        self.peers.get(&to.id).is_some_and(Peer::is_throttled)
    }

    /// True while a connection to `to` is being made.
    pub fn is_connecting(&self, to: Node) -> bool {
        self.has_link(to, |link| matches!(link, Link::Connecting { .. }))
    }

    /// The same, and until it is known which requests the other side knows (`isPreparingConnection`).
    pub fn is_preparing(&self, to: Node) -> bool {
        self.has_link(to, |link| {
            matches!(link, Link::Connecting { .. } | Link::CheckingApiVersions(_))
        })
    }

    /// True while connecting to `to` is held back after a failure (`connectionFailed`).
    pub fn is_backing_off(&self, to: Node) -> bool {
        self.has_link(to, |link| matches!(link, Link::BackingOff { .. }))
    }

    fn has_link(&self, to: Node, is: impl Fn(&Link) -> bool) -> bool {
        self.peers.get(&to.id).is_some_and(|peer| is(&peer.link))
    }

    /// Requests that wait or are in flight to `to`.
    pub fn in_flight(&self, to: Node) -> u32 {
        self.peers.get(&to.id).map_or(0, Peer::load)
    }

    /// A connection that was lost, or could not be made, since this was last asked (at most one for
    /// each destination is remembered): what makes Kafka's clients ask for new metadata.
    pub fn take_lost(&mut self) -> Option<(Node, CloseReason)> {
        if !self.any_lost {
            return None;
        }
        let mut peers = self.peers.values_mut();
        let lost = peers.find_map(|peer| peer.lost.take().map(|reason| (peer.node, reason)));
        self.any_lost = lost.is_some();
        lost
    }

    /// Closes the connection to `to` and forgets its back-off; requests that wait or are in flight
    /// there complete as lost.
    pub fn close(&mut self, ctx: &mut Ctx<'_>, to: Node) -> Vec<Completed<T>> {
        let Some(mut peer) = self.peers.remove(&to.id) else {
            return Vec::new();
        };
        if let Some(conn) = peer.link.conn() {
            self.conns.remove(&conn);
            ctx.close(conn);
        }
        peer.cancel_timers(ctx);
        peer.end_throttle(ctx);
        let reason = CloseReason::ByPeer;
        peer.fail_all(
            Disconnected::InFlight(reason),
            Disconnected::NotSent(reason),
        )
    }

    /// Closes all connections without a word to anyone: the client is done for.
    pub fn close_all(&mut self, ctx: &mut Ctx<'_>) {
        for (_, mut peer) in std::mem::take(&mut self.peers) {
            if let Some(conn) = peer.link.conn() {
                ctx.close(conn);
            }
            peer.cancel_timers(ctx);
            peer.end_throttle(ctx);
        }
        self.conns.clear();
    }

    pub fn owner(&self) -> NetworkOwner {
        self.owner
    }

    /// True if the connection is one of this client's: its events belong here.
    pub fn owns(&self, conn: ConnId) -> bool {
        self.conns.contains_key(&conn)
    }

    /// Where one of this client's connections leads.
    pub fn destination(&self, conn: ConnId) -> Option<Node> {
        self.node(*self.conns.get(&conn)?)
    }

    /// Where `to` was last sought: one of the machines that its host stands for.
    pub fn address(&self, to: Node) -> Option<Address> {
        self.peers.get(&to.id)?.addresses.last_attempted(to.place)
    }

    /// Has a look at each request of which its connection has taken nothing yet: its bytes lie with this process, and
    /// are sent as they are when the connection takes them.
    pub fn visit_unwritten(&self, ctx: &mut Ctx<'_>, mut visit: impl FnMut(&mut Request)) {
        for peer in self.peers.values() {
            if let Link::Up(conn) = peer.link
                && let Some(Message::Request(request)) = ctx.first_unsent(conn)
            {
                visit(&mut request.body);
            }
        }
    }

    /// Whom a timer of this client is about.
    pub fn destination_of_timer(&self, conn_or_node: u64, what: NetworkTimer) -> Option<Node> {
        match what {
            NetworkTimer::RequestTimeout => self.destination(ConnId(conn_or_node)),
            _ => self.node(id_of(conn_or_node)),
        }
    }

    fn node(&self, id: i32) -> Option<Node> {
        self.peers.get(&id).map(|peer| peer.node)
    }

    /// What is known of `to`, who is to be found there from now on.
    fn peer(&mut self, to: Node) -> &mut Peer<T> {
        let peer = self.peers.entry(to.id).or_insert_with(|| Peer::new(to));
        peer.listens = to.place;
        peer
    }

    pub fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        let Some((id, peer)) = self.peer_at(conn) else {
            return;
        };
        if let Link::Connecting { timer, .. } = peer.link {
            ctx.cancel_timer(timer);
        }
        peer.failed_setups = 0;
        peer.used = ctx.now();
        if self.config.discover_broker_versions {
            self.check_api_versions(ctx, id, conn);
        } else {
            self.on_ready(ctx, id, conn);
        }
    }

    /// The connection takes requests.
    fn on_ready(&mut self, ctx: &mut Ctx<'_>, id: i32, conn: ConnId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.link = Link::Up(conn);
            peer.failed_attempts = 0;
            self.flush(ctx, id, conn);
        }
    }

    fn peer_at(&mut self, conn: ConnId) -> Option<(i32, &mut Peer<T>)> {
        let id = *self.conns.get(&conn)?;
        Some((id, self.peers.get_mut(&id)?))
    }

    pub fn on_response(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        response: KafkaResponse,
    ) -> Option<Completed<T>> {
        let (id, peer) = self.peer_at(conn)?;
        let request = peer.in_flight.pop_front()?;
        peer.used = ctx.now();
        assert_eq!(
            request.correlation_id, response.correlation_id,
            "answers come in the order of requests"
        );
        let to = peer.node;
        let somebody_waits = !peer.waiting.is_empty();
        self.maybe_throttle(ctx, id, &response);
        let Some(tag) = request.tag else {
            self.on_api_versions(ctx, id, conn, response.body);
            return None;
        };
        if somebody_waits {
            self.flush(ctx, id, conn);
        }
        Some(Completed {
            tag,
            to,
            result: Ok(response.body),
        })
    }

    pub fn on_closed(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        reason: CloseReason,
    ) -> Vec<Completed<T>> {
        match self.conns.get(&conn) {
            Some(&id) => self.lost(
                ctx,
                id,
                reason,
                Disconnected::InFlight(reason),
                Disconnected::NotSent(reason),
            ),
            None => Vec::new(),
        }
    }

    /// `Timer::Network` with this client's owner.
    pub fn on_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn_or_node: u64,
        what: NetworkTimer,
    ) -> Vec<Completed<T>> {
        let id = id_of(conn_or_node);
        match what {
            NetworkTimer::RequestTimeout => self.on_request_timeout(ctx, ConnId(conn_or_node)),
            NetworkTimer::ReconnectBackoff => {
                self.on_backoff(ctx, id);
                Vec::new()
            }
            NetworkTimer::ConnectTimeout => self.on_connect_timeout(ctx, id),
            NetworkTimer::Idle => self.on_idle(ctx),
            NetworkTimer::Throttle => {
                self.on_throttle(ctx, id);
                Vec::new()
            }
            NetworkTimer::Ended => self.ended.pop_front().into_iter().collect(),
        }
    }

    /// `time_out` may have something to do.
    pub fn is_late(&self, ctx: &Ctx<'_>) -> bool {
        self.next_deadline <= ctx.wall()
    }

    /// What has waited long enough by the wall clock, though its timer has not fired: called after each
    /// event and each `send` of a client that waits for several things at once, as `NetworkClient.poll`
    /// looks at all of them. (A broker's thread waits for one answer, and takes that.)
    pub fn time_out(&mut self, ctx: &mut Ctx<'_>) -> Vec<Completed<T>> {
        let now = ctx.wall();
        let due = |peer: &Peer<T>| peer.deadline().is_some_and(|deadline| deadline <= now);
        let late: Vec<i32> = self
            .peers
            .iter()
            .filter(|(_, peer)| due(peer))
            .map(|(id, _)| *id)
            .collect();
        let mut completed = Vec::new();
        for id in late {
            self.on_throttle(ctx, id);
            match self.peers[&id].link {
                Link::Connecting { .. } => completed.extend(self.on_connect_timeout(ctx, id)),
                Link::Up(conn) | Link::CheckingApiVersions(conn) => {
                    completed.extend(self.on_request_timeout(ctx, conn));
                }
                Link::BackingOff { .. } => self.on_backoff(ctx, id),
                Link::Down => {}
            }
        }
        let deadlines = self.peers.values().filter_map(Peer::deadline);
        self.next_deadline = deadlines.min().unwrap_or(Time::MAX);
        completed
    }

    /// Sends what waits, as far as there is room.
    fn flush(&mut self, ctx: &mut Ctx<'_>, id: i32, conn: ConnId) {
        let max_in_flight = self.config.max_in_flight as usize;
        while let Some(peer) = self.peers.get_mut(&id) {
            if peer.in_flight.len() >= max_in_flight || peer.is_throttled() {
                break;
            }
            let Some(Waiting { body, timeout, tag }) = peer.waiting.pop_front() else {
                break;
            };
            let to = peer.node;
            peer.used = ctx.now();
            if !peer.takes(&body) {
                let result = Err(Disconnected::UnsupportedVersion);
                self.end_soon(ctx, Completed { tag, to, result });
            } else if let Some(response) = made_up_response(&body) {
                self.write(ctx, conn, body);
                let result = Ok(response);
                self.end_soon(ctx, Completed { tag, to, result });
            } else {
                self.write_and_wait(ctx, id, conn, body, timeout, Some(tag));
            }
        }
    }

    /// Sends, with the answer to come within `timeout`. Without a tag it is this client's own request.
    fn write_and_wait(
        &mut self,
        ctx: &mut Ctx<'_>,
        id: i32,
        conn: ConnId,
        body: Request,
        timeout: Duration,
        tag: Option<T>,
    ) {
        let correlation_id = self.write(ctx, conn, body);
        // CN15: an answer is late once more whole milliseconds have passed than the timeout has.
        let sent_ms = ctx.wall().as_millis();
        let deadline = Time::ZERO + Duration::from_millis(sent_ms + 1) + timeout;
        let timeout = deadline.since(ctx.wall());
        self.next_deadline = self.next_deadline.min(deadline);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.in_flight.push_back(InFlight {
            correlation_id,
            deadline,
            tag,
        });
        let fires = ctx.now() + timeout;
        if peer.request_timer.is_none_or(|(at, _)| fires < at) {
            peer.arm_request_timer(ctx, self.owner, conn, timeout);
        }
    }

    fn write(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, body: Request) -> i32 {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1) & i32::MAX;
        ctx.send(
            conn,
            Message::Request(KafkaRequest {
                correlation_id,
                client_id: Rc::clone(&self.client_id),
                body,
            }),
        );
        correlation_id
    }

    /// Tells the end of a request with an event of its own.
    pub(super) fn end_soon(&mut self, ctx: &mut Ctx<'_>, completed: Completed<T>) {
        let timer = timer(self.owner, completed.to.id, NetworkTimer::Ended);
        ctx.set_timer(Duration::ZERO, timer);
        self.ended.push_back(completed);
    }

    /// CN15. One timer a connection, for the earliest deadline when it was set; looked at again when it
    /// fires, since most requests are answered long before.
    fn on_request_timeout(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) -> Vec<Completed<T>> {
        let owner = self.owner;
        let Some((id, peer)) = self.peer_at(conn) else {
            return Vec::new();
        };
        let now = ctx.wall();
        if let Some((_, timer)) = peer.request_timer.take() {
            ctx.cancel_timer(timer);
        }
        match peer.in_flight.iter().map(|request| request.deadline).min() {
            None => Vec::new(),
            Some(deadline) if now < deadline => {
                peer.arm_request_timer(ctx, owner, conn, deadline.since(now));
                Vec::new()
            }
            Some(_) => {
                ctx.close(conn);
                let reason = CloseReason::TimedOut;
                self.lost(
                    ctx,
                    id,
                    reason,
                    Disconnected::TimedOut,
                    Disconnected::NotSent(reason),
                )
            }
        }
    }
}

/// What stands for the answer to a request that gets none.
fn made_up_response(body: &Request) -> Option<Response> {
    let Request::Produce(produce) = body else {
        return None;
    };
    let ProduceRequest { acks: 0, data, .. } = &**produce else {
        return None;
    };
    let responses = data
        .iter()
        .map(|(partition, _)| PartitionProduceResponse {
            partition: partition.clone(),
            error: ErrorCode::None,
            current_leader: None,
            base_offset: -1,
            log_append_time_ms: -1,
            record_errors: Vec::new(),
            log_start_offset: -1,
        })
        .collect();
    let node_endpoints = Vec::new();
    Some(
        ProduceResponse {
            responses,
            node_endpoints,
        }
        .into(),
    )
}
