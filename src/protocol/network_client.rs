//! Requests and answers over connections that come and go (`NetworkClient`, `NodeToControllerChannelManager`).
//!
//! One connection a destination; connects on demand with Kafka's back-off, keeps requests in order,
//! matches answers by correlation id, gives up on a silent server after the request's timeout (by
//! closing the connection, which fails all that is in flight on it). Never sends anything twice:
//! retrying is its user's decision.

use super::{Ctx, KafkaResponse, Request, Response};
use crate::kernel::{CloseReason, ConnId, Duration, NodeId};
use std::rc::Rc;

/// What a `NetworkClient` asks its clock for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NetworkTimer {
    /// The request with this correlation id has waited for its timeout.
    RequestTimeout(i32),
    /// The back-off before the next attempt to connect is over.
    ReconnectBackoff,
    /// The attempt to connect has taken too long.
    ConnectTimeout,
}

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
    pub to: NodeId,
    pub result: Result<Response, Disconnected>,
}

/// Kafka's client settings for connections. Milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetworkClientConfig {
    /// `reconnect.backoff.ms`
    pub reconnect_backoff_ms: u64,
    /// `reconnect.backoff.max.ms`
    pub reconnect_backoff_max_ms: u64,
    /// `socket.connection.setup.timeout.ms`
    pub connection_setup_timeout_ms: u64,
    /// `max.in.flight.requests.per.connection`
    pub max_in_flight: u32,
}

impl Default for NetworkClientConfig {
    fn default() -> Self {
        NetworkClientConfig {
            reconnect_backoff_ms: 50,
            reconnect_backoff_max_ms: 1000,
            connection_setup_timeout_ms: 10_000,
            max_in_flight: 5,
        }
    }
}

/// The client side of any number of connections. `T` is what its user wants back with each answer.
#[derive(Debug)]
pub struct NetworkClient<T> {
    _todo: std::marker::PhantomData<T>,
}

impl<T: Clone + std::fmt::Debug> NetworkClient<T> {
    /// `owner` tells this client's timers from those of others on the same node
    /// (`Timer::Network { owner, .. }`).
    pub fn new(owner: u8, client_id: Rc<str>, config: NetworkClientConfig) -> Self {
        let _ = (owner, client_id, config);
        todo!()
    }

    /// Sends once the connection is up and fewer than `max_in_flight` requests wait on it; connects
    /// first if need be. The timeout runs from the moment of sending. Exactly one `Completed` with
    /// `tag` follows, unless `expects_answer` is false (acks=0): then it completes when sent.
    pub fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: NodeId,
        body: Request,
        timeout: Duration,
        tag: T,
    ) {
        let _ = (ctx, to, body, timeout, tag);
        todo!()
    }

    /// True if a request could leave now, or as soon as the connection that is being made is up.
    pub fn is_ready(&self, to: NodeId) -> bool {
        let _ = to;
        todo!()
    }

    /// True while connecting to `to` is held back after a failure (`connectionFailed`).
    pub fn is_backing_off(&self, to: NodeId) -> bool {
        let _ = to;
        todo!()
    }

    pub fn in_flight(&self, to: NodeId) -> u32 {
        let _ = to;
        todo!()
    }

    /// Closes the connection to `to`; requests that wait or are in flight there complete as lost.
    pub fn close(&mut self, ctx: &mut Ctx<'_>, to: NodeId) -> Vec<Completed<T>> {
        let _ = (ctx, to);
        todo!()
    }

    /// True if the connection is one of this client's: its events belong here.
    pub fn owns(&self, conn: ConnId) -> bool {
        let _ = conn;
        todo!()
    }

    pub fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) -> Vec<Completed<T>> {
        let _ = (ctx, conn);
        todo!()
    }

    pub fn on_response(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        response: KafkaResponse,
    ) -> Vec<Completed<T>> {
        let _ = (ctx, conn, response);
        todo!()
    }

    pub fn on_closed(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        reason: CloseReason,
    ) -> Vec<Completed<T>> {
        let _ = (ctx, conn, reason);
        todo!()
    }

    /// `Timer::Network` with this client's owner number.
    pub fn on_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn_or_node: u64,
        what: NetworkTimer,
    ) -> Vec<Completed<T>> {
        let _ = (ctx, conn_or_node, what);
        todo!()
    }
}
