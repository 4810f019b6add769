//! What a client knows of one destination: its connection, and what waits or is in flight there
//! (`ClusterConnectionStates`, `InFlightRequests`).

use super::addresses::Addresses;
use super::throttling::Throttle;
use super::{Completed, Disconnected, Node};
use crate::kernel::{CloseReason, ConnId, Duration, Time, TimerId};
use crate::protocol::{
    ApiVersion, Ctx, KNOWN_VERSIONS, NetworkOwner, NetworkTimer, Place, Request, Timer,
};
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Peer<T> {
    /// Where it was last sought.
    pub(super) node: Node,
    /// Where it is by what was last said of it.
    pub(super) listens: Place,
    pub(super) addresses: Addresses,
    pub(super) link: Link,
    /// What it takes, by its own words; `None` if it was not asked.
    pub(super) api_versions: Option<&'static [ApiVersion]>,
    /// In which version it was asked that.
    pub(super) api_versions_asked: i16,
    pub(super) last_attempt: Time,
    /// Attempts that failed since a connection was last up (`failedAttempts`).
    pub(super) failed_attempts: u32,
    /// The same, as far as no connection came to be (`failedConnectAttempts`).
    pub(super) failed_setups: u32,
    pub(super) backoff_timer: Option<TimerId>,
    /// With the time on the monotonic clock at which it fires.
    pub(super) request_timer: Option<(Time, TimerId)>,
    pub(super) waiting: VecDeque<Waiting<T>>,
    pub(super) in_flight: VecDeque<InFlight<T>>,
    pub(super) lost: Option<CloseReason>,
    /// CN17: nothing is sent before its end.
    pub(super) throttle: Option<Throttle>,
    /// CN12: when its connection was begun, or last brought or took something, on the monotonic clock.
    pub(super) used: Time,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    Down,
    BackingOff {
        until: Time,
    },
    Connecting {
        conn: ConnId,
        timer: TimerId,
        deadline: Time,
    },
    /// Connected, and asked which requests it knows (CHECKING_API_VERSIONS).
    CheckingApiVersions(ConnId),
    Up(ConnId),
}

impl Link {
    pub(super) fn conn(self) -> Option<ConnId> {
        match self {
            Link::Connecting { conn, .. } | Link::CheckingApiVersions(conn) | Link::Up(conn) => {
                Some(conn)
            }
            Link::Down | Link::BackingOff { .. } => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Waiting<T> {
    pub(super) body: Request,
    pub(super) timeout: Duration,
    pub(super) tag: T,
}

#[derive(Debug)]
pub(super) struct InFlight<T> {
    pub(super) correlation_id: i32,
    pub(super) deadline: Time,
    /// `None`: the client's own ApiVersions.
    pub(super) tag: Option<T>,
}

impl<T> Peer<T> {
    pub(super) fn new(node: Node) -> Self {
        Peer {
            node,
            listens: node.place,
            addresses: Addresses::default(),
            link: Link::Down,
            api_versions: None,
            api_versions_asked: 0,
            last_attempt: Time::ZERO,
            failed_attempts: 0,
            failed_setups: 0,
            backoff_timer: None,
            request_timer: None,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            lost: None,
            throttle: None,
            used: Time::ZERO,
        }
    }

    /// CN5: both sides know a version of this request.
    pub(super) fn takes(&self, body: &Request) -> bool {
        self.api_versions.is_none_or(|known| {
            let key = body.api_key();
            let theirs = ApiVersion::of(known, key);
            let ours = ApiVersion::of(KNOWN_VERSIONS, key);
            theirs
                .zip(ours)
                .is_some_and(|(theirs, ours)| theirs.latest_usable(ours).is_some())
        })
    }

    pub(super) fn load(&self) -> u32 {
        (self.waiting.len() + self.in_flight.len()) as u32
    }

    pub(super) fn has_room(&self, max_in_flight: u32) -> bool {
        self.load() < max_in_flight
    }

    /// When something here has waited long enough, by the wall clock.
    pub(super) fn deadline(&self) -> Option<Time> {
        let of_link = match self.link {
            Link::Connecting { deadline, .. } => Some(deadline),
            Link::BackingOff { until } => Some(until),
            Link::Up(_) | Link::CheckingApiVersions(_) => {
                self.in_flight.iter().map(|r| r.deadline).min()
            }
            Link::Down => None,
        };
        let throttled = self.throttle.as_ref().map(|it| it.until);
        of_link.into_iter().chain(throttled).min()
    }

    pub(super) fn arm_request_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        owner: NetworkOwner,
        conn: ConnId,
        after: Duration,
    ) {
        if let Some((_, timer)) = self.request_timer.take() {
            ctx.cancel_timer(timer);
        }
        let timer = ctx.set_timer(
            after,
            Timer::Network {
                owner,
                conn_or_node: conn.0,
                what: NetworkTimer::RequestTimeout,
            },
        );
        self.request_timer = Some((ctx.now() + after, timer));
    }

    pub(super) fn cancel_timers(&mut self, ctx: &mut Ctx<'_>) {
        if let Link::Connecting { timer, .. } = self.link {
            ctx.cancel_timer(timer);
        }
        if let Some(timer) = self.backoff_timer.take() {
            ctx.cancel_timer(timer);
        }
        if let Some((_, timer)) = self.request_timer.take() {
            ctx.cancel_timer(timer);
        }
    }

    pub(super) fn fail_all(
        &mut self,
        in_flight: Disconnected,
        waiting: Disconnected,
    ) -> Vec<Completed<T>> {
        let to = self.node;
        let in_flight = self
            .in_flight
            .drain(..)
            .filter_map(|r| Some((r.tag?, in_flight)));
        let waiting = self.waiting.drain(..).map(|w| (w.tag, waiting));
        in_flight
            .chain(waiting)
            .map(|(tag, why)| Completed {
                tag,
                to,
                result: Err(why),
            })
            .collect()
    }
}
