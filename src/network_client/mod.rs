//! Requests and answers over connections that come and go (`NetworkClient`, `NodeToControllerChannelManager`).
//!
//! One connection a destination; connects on demand with Kafka's back-off, keeps requests in order,
//! matches answers by correlation id, gives up on a silent server after the request's timeout (by
//! closing the connection, which fails all that is in flight on it). Never sends anything twice:
//! retrying is its user's decision. It may not know what requests mean; of a produce only that acks=0 gets
//! no answer.
//!
//! Its times are the wall clock's, as Java's are. It looks at them when something happens, or when the
//! longest wait that it asked its timers for is over: a clock that is set forward is noticed with the next
//! event (`time_out`), one that is set back makes each wait so much longer.

mod peer;
mod unreached;

use crate::kernel::{Address, CloseReason, ConnId, Duration, Time};
use crate::protocol::config::NetworkClientConfig;
use crate::protocol::{
    Ctx, ErrorCode, KafkaRequest, KafkaResponse, Message, NetworkOwner, NetworkTimer,
    PartitionProduceResponse, ProduceRequest, ProduceResponse, Request, Response, Timer,
    exponential,
};
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
}

/// The end of a request.
#[derive(Clone, Debug)]
pub struct Completed<T> {
    pub tag: T,
    pub to: Address,
    pub result: Result<Response, Disconnected>,
}

/// The client side of any number of connections. `T` is what its user wants back with each answer.
#[derive(Debug)]
pub struct NetworkClient<T> {
    owner: NetworkOwner,
    client_id: Rc<str>,
    config: NetworkClientConfig,
    next_correlation_id: i32,
    peers: BTreeMap<Address, Peer<T>>,
    conns: BTreeMap<ConnId, Address>,
    /// Requests without an answer that have left, until their `Sent` timer tells their user.
    sent: VecDeque<Completed<T>>,
    /// Nothing times out before this.
    next_deadline: Time,
}

impl<T: Clone + std::fmt::Debug> NetworkClient<T> {
    /// `owner` tells this client's timers from those of others on the same node
    /// (`Timer::Network { owner, .. }`).
    pub fn new(owner: NetworkOwner, client_id: Rc<str>, config: NetworkClientConfig) -> Self {
        NetworkClient {
            owner,
            client_id,
            config,
            next_correlation_id: 0,
            peers: BTreeMap::new(),
            conns: BTreeMap::new(),
            sent: VecDeque::new(),
            next_deadline: Time::MAX,
        }
    }

    /// Sends once the connection is up and fewer than `max_in_flight` requests wait on it; connects
    /// first if need be (after the back-off, if one is running). The timeout runs from the moment of
    /// sending. Exactly one `Completed` with `tag` follows, never from within this call. A produce
    /// with acks=0 completes when sent, with a response that Kafka's producer makes up itself: no
    /// error, offset -1.
    pub fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Address,
        body: Request,
        timeout: Duration,
        tag: T,
    ) {
        let peer = self.peers.entry(to).or_default();
        peer.waiting.push_back(Waiting { body, timeout, tag });
        match peer.link {
            Link::Up(conn) => self.flush(ctx, to, conn),
            Link::Down => self.connect(ctx, to),
            Link::Connecting { .. } | Link::BackingOff { .. } => {}
        }
    }

    /// `NetworkClient.ready`: true if a request would leave at once; otherwise begins to connect,
    /// unless that is under way or held back.
    pub fn ready(&mut self, ctx: &mut Ctx<'_>, to: Address) -> bool {
        let peer = self.peers.entry(to).or_default();
        if matches!(peer.link, Link::Down) {
            self.connect(ctx, to);
        }
        self.can_send(to)
    }

    /// True if a request would leave at once (`canSendRequest`).
    pub fn can_send(&self, to: Address) -> bool {
        self.peers.get(&to).is_some_and(|peer| {
            matches!(peer.link, Link::Up(_)) && peer.has_room(self.config.max_in_flight)
        })
    }

    /// When this client last began to connect to `to`, or lost that connection
    /// (`lastConnectAttemptMs`); zero if never.
    pub fn last_attempt(&self, to: Address) -> Time {
        self.peers
            .get(&to)
            .map_or(Time::ZERO, |peer| peer.last_attempt)
    }

    /// True if a request given now would leave at once, or as soon as a connection is made: it would
    /// wait neither for a back-off nor for answers.
    pub fn is_ready(&self, to: Address) -> bool {
        self.peers.get(&to).is_none_or(|peer| {
            !matches!(peer.link, Link::BackingOff { .. })
                && peer.has_room(self.config.max_in_flight)
        })
    }

    /// True if the connection to `to` is up.
    pub fn is_connected(&self, to: Address) -> bool {
        let is_up = |peer: &Peer<T>| matches!(peer.link, Link::Up(_));
        self.peers.get(&to).is_some_and(is_up)
    }

    /// True while a connection to `to` is being made.
    pub fn is_connecting(&self, to: Address) -> bool {
        self.peers
            .get(&to)
            .is_some_and(|peer| matches!(peer.link, Link::Connecting { .. }))
    }

    /// True while connecting to `to` is held back after a failure (`connectionFailed`).
    pub fn is_backing_off(&self, to: Address) -> bool {
        self.peers
            .get(&to)
            .is_some_and(|peer| matches!(peer.link, Link::BackingOff { .. }))
    }

    /// Requests that wait or are in flight to `to`.
    pub fn in_flight(&self, to: Address) -> u32 {
        self.peers.get(&to).map_or(0, Peer::load)
    }

    /// A connection that was lost, or could not be made, since this was last asked (at most one for
    /// each destination is remembered): what makes Kafka's clients ask for new metadata.
    pub fn take_lost(&mut self) -> Option<(Address, CloseReason)> {
        self.peers
            .iter_mut()
            .find_map(|(node, peer)| peer.lost.take().map(|reason| (*node, reason)))
    }

    /// Closes the connection to `to` and forgets its back-off; requests that wait or are in flight
    /// there complete as lost.
    pub fn close(&mut self, ctx: &mut Ctx<'_>, to: Address) -> Vec<Completed<T>> {
        let Some(mut peer) = self.peers.remove(&to) else {
            return Vec::new();
        };
        if let Some(conn) = peer.link.conn() {
            self.conns.remove(&conn);
            ctx.close(conn);
        }
        peer.cancel_timers(ctx);
        let reason = CloseReason::ByPeer;
        peer.fail_all(
            to,
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
    pub fn destination(&self, conn: ConnId) -> Option<Address> {
        self.conns.get(&conn).copied()
    }

    pub fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        let Some(&to) = self.conns.get(&conn) else {
            return;
        };
        let peer = self.peers.entry(to).or_default();
        if let Link::Connecting { timer, .. } = peer.link {
            ctx.cancel_timer(timer);
        }
        peer.link = Link::Up(conn);
        peer.failed_attempts = 0;
        peer.failed_setups = 0;
        self.flush(ctx, to, conn);
    }

    pub fn on_response(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        response: KafkaResponse,
    ) -> Option<Completed<T>> {
        let &to = self.conns.get(&conn)?;
        let peer = self.peers.entry(to).or_default();
        let request = peer.in_flight.pop_front()?;
        assert_eq!(
            request.correlation_id, response.correlation_id,
            "answers come in the order of requests"
        );
        if !peer.waiting.is_empty() {
            self.flush(ctx, to, conn);
        }
        Some(Completed {
            tag: request.tag,
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
            Some(&to) => self.lost(
                ctx,
                to,
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
        let node = Address::from_bits(conn_or_node);
        match what {
            NetworkTimer::RequestTimeout => self.on_request_timeout(ctx, ConnId(conn_or_node)),
            NetworkTimer::ReconnectBackoff => {
                self.on_backoff(ctx, node);
                Vec::new()
            }
            NetworkTimer::ConnectTimeout => self.on_connect_timeout(ctx, node),
            NetworkTimer::Sent => self.sent.pop_front().into_iter().collect(),
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
        let late: Vec<Address> = self
            .peers
            .iter()
            .filter(|(_, peer)| due(peer))
            .map(|(node, _)| *node)
            .collect();
        let mut completed = Vec::new();
        for node in late {
            match self.peers[&node].link {
                Link::Connecting { .. } => completed.extend(self.on_connect_timeout(ctx, node)),
                Link::Up(conn) => completed.extend(self.on_request_timeout(ctx, conn)),
                Link::BackingOff { .. } => self.on_backoff(ctx, node),
                Link::Down => {}
            }
        }
        let deadlines = self.peers.values().filter_map(Peer::deadline);
        self.next_deadline = deadlines.min().unwrap_or(Time::MAX);
        completed
    }

    fn connect(&mut self, ctx: &mut Ctx<'_>, to: Address) {
        let config = self.config;
        let owner = self.owner;
        let peer = self.peers.entry(to).or_default();
        let conn = ctx.connect(to);
        let limit = exponential(
            ctx,
            config.connection_setup_timeout_ms,
            config.connection_setup_timeout_max_ms,
            peer.failed_setups,
        );
        let timer = ctx.set_timer(limit, connect_timeout(owner, to));
        let deadline = ctx.wall() + limit;
        peer.link = Link::Connecting {
            conn,
            timer,
            deadline,
        };
        peer.last_attempt = ctx.wall();
        self.next_deadline = self.next_deadline.min(deadline);
        self.conns.insert(conn, to);
    }

    fn on_connect_timeout(&mut self, ctx: &mut Ctx<'_>, to: Address) -> Vec<Completed<T>> {
        let owner = self.owner;
        let Some(peer) = self.peers.get_mut(&to) else {
            return Vec::new();
        };
        let Link::Connecting {
            conn,
            timer,
            deadline,
        } = &mut peer.link
        else {
            return Vec::new();
        };
        let left = deadline.since(ctx.wall());
        if left > Duration::ZERO {
            *timer = ctx.set_timer(left, connect_timeout(owner, to));
            return Vec::new();
        }
        ctx.close(*conn);
        let reason = CloseReason::TimedOut;
        self.lost(
            ctx,
            to,
            reason,
            Disconnected::InFlight(reason),
            Disconnected::NotSent(reason),
        )
    }

    fn on_backoff(&mut self, ctx: &mut Ctx<'_>, to: Address) {
        let owner = self.owner;
        let Some(peer) = self.peers.get_mut(&to) else {
            return;
        };
        let Link::BackingOff { until } = peer.link else {
            return;
        };
        if let Some(timer) = peer.backoff_timer.take() {
            ctx.cancel_timer(timer);
        }
        let left = until.since(ctx.wall());
        if left > Duration::ZERO {
            peer.backoff_timer = Some(ctx.set_timer(left, reconnect_backoff(owner, to)));
            return;
        }
        peer.link = Link::Down;
        if !peer.waiting.is_empty() {
            self.connect(ctx, to);
        }
    }

    /// Sends what waits, as far as there is room.
    fn flush(&mut self, ctx: &mut Ctx<'_>, to: Address, conn: ConnId) {
        let max_in_flight = self.config.max_in_flight as usize;
        let peer = self.peers.entry(to).or_default();
        while peer.in_flight.len() < max_in_flight {
            let Some(Waiting { body, timeout, tag }) = peer.waiting.pop_front() else {
                break;
            };
            let correlation_id = self.next_correlation_id;
            self.next_correlation_id = correlation_id.wrapping_add(1) & i32::MAX;
            if let Some(response) = made_up_response(&body) {
                self.sent.push_back(Completed {
                    tag,
                    to,
                    result: Ok(response),
                });
                ctx.set_timer(
                    Duration::ZERO,
                    Timer::Network {
                        owner: self.owner,
                        conn_or_node: to.to_bits(),
                        what: NetworkTimer::Sent,
                    },
                );
            } else {
                let deadline = ctx.wall() + timeout;
                self.next_deadline = self.next_deadline.min(deadline);
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
            ctx.send(
                conn,
                Message::Request(KafkaRequest {
                    correlation_id,
                    client_id: Rc::clone(&self.client_id),
                    body,
                }),
            );
        }
    }

    /// One timer a connection, for the earliest deadline when it was set; looked at again when it
    /// fires, since most requests are answered long before.
    fn on_request_timeout(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) -> Vec<Completed<T>> {
        let Some(&to) = self.conns.get(&conn) else {
            return Vec::new();
        };
        let now = ctx.wall();
        let peer = self.peers.entry(to).or_default();
        if let Some((_, timer)) = peer.request_timer.take() {
            ctx.cancel_timer(timer);
        }
        match peer.in_flight.iter().map(|request| request.deadline).min() {
            None => Vec::new(),
            Some(deadline) if now < deadline => {
                peer.arm_request_timer(ctx, self.owner, conn, deadline.since(now));
                Vec::new()
            }
            Some(_) => {
                ctx.close(conn);
                let reason = CloseReason::TimedOut;
                self.lost(
                    ctx,
                    to,
                    reason,
                    Disconnected::TimedOut,
                    Disconnected::NotSent(reason),
                )
            }
        }
    }

    /// The connection to `to` is gone, or was never made: fails all that waited for it and holds the
    /// next attempt back.
    fn lost(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Address,
        reason: CloseReason,
        in_flight: Disconnected,
        waiting: Disconnected,
    ) -> Vec<Completed<T>> {
        let config = self.config;
        let owner = self.owner;
        let peer = self.peers.entry(to).or_default();
        if let Some(conn) = peer.link.conn() {
            self.conns.remove(&conn);
        }
        match peer.link {
            Link::Connecting { .. } => peer.failed_setups += 1,
            _ => peer.failed_setups = 0,
        }
        peer.cancel_timers(ctx);
        let backoff = exponential(
            ctx,
            config.reconnect_backoff_ms,
            config.reconnect_backoff_max_ms,
            peer.failed_attempts,
        );
        peer.failed_attempts += 1;
        peer.backoff_timer = Some(ctx.set_timer(backoff, reconnect_backoff(owner, to)));
        let until = ctx.wall() + backoff;
        peer.link = Link::BackingOff { until };
        peer.last_attempt = ctx.wall();
        self.next_deadline = self.next_deadline.min(until);
        peer.lost = Some(reason);
        peer.fail_all(to, in_flight, waiting)
    }
}

fn connect_timeout(owner: NetworkOwner, to: Address) -> Timer {
    Timer::Network {
        owner,
        conn_or_node: to.to_bits(),
        what: NetworkTimer::ConnectTimeout,
    }
}

fn reconnect_backoff(owner: NetworkOwner, to: Address) -> Timer {
    Timer::Network {
        owner,
        conn_or_node: to.to_bits(),
        what: NetworkTimer::ReconnectBackoff,
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
