//! How connections begin, are held back and end (`ClusterConnectionStates`; CN9, CN10, CN16).

use super::addresses::Addresses;
use super::peer::{Link, Peer};
use super::{Completed, Disconnected, NetworkClient, Node};
use crate::kernel::{CloseReason, Duration, Time};
use crate::protocol::{Ctx, NetworkOwner, NetworkTimer, Timer, exponential};

impl<T: Clone + std::fmt::Debug> NetworkClient<T> {
    pub(super) fn connect(&mut self, ctx: &mut Ctx<'_>, id: i32) {
        let config = self.config;
        let owner = self.owner;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.node.place != peer.listens {
            // It has moved: what was tried before counts no more (`ClusterConnectionStates.connecting`).
            peer.node.place = peer.listens;
            peer.addresses = Addresses::default();
            peer.failed_attempts = 0;
            peer.failed_setups = 0;
            peer.end_throttle(ctx);
        }
        let Some(address) = peer.addresses.next(&self.hosts, peer.node.place) else {
            unreachable!("only a host that is known has a place");
        };
        let conn = ctx.connect(address);
        let limit = exponential(
            ctx,
            config.connection_setup_timeout_ms,
            config.connection_setup_timeout_max_ms,
            peer.failed_setups,
        );
        let timer = ctx.set_timer(limit, connect_timeout(owner, id));
        let deadline = ctx.wall() + limit;
        peer.link = Link::Connecting {
            conn,
            timer,
            deadline,
        };
        peer.last_attempt = ctx.wall();
        peer.used = ctx.now();
        self.next_deadline = self.next_deadline.min(deadline);
        self.conns.insert(conn, id);
        self.watch_idle(ctx, ctx.now());
    }

    pub(super) fn on_connect_timeout(&mut self, ctx: &mut Ctx<'_>, id: i32) -> Vec<Completed<T>> {
        let owner = self.owner;
        let Some(peer) = self.peers.get_mut(&id) else {
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
            *timer = ctx.set_timer(left, connect_timeout(owner, id));
            return Vec::new();
        }
        ctx.close(*conn);
        let reason = CloseReason::TimedOut;
        self.lost(
            ctx,
            id,
            reason,
            Disconnected::InFlight(reason),
            Disconnected::NotSent(reason),
        )
    }

    /// CN12: closes the connection that was used longest ago, if that is too long; one with each look.
    pub(super) fn on_idle(&mut self, ctx: &mut Ctx<'_>) -> Vec<Completed<T>> {
        self.watches_idle = false;
        let Some(limit) = self.config.connections_max_idle_ms else {
            return Vec::new();
        };
        let connected = |peer: &&Peer<T>| peer.link.conn().is_some();
        let by_use = |peer: &&Peer<T>| (peer.used, peer.node.id);
        let oldest = self.peers.values().filter(connected).min_by_key(by_use);
        let Some(peer) = oldest else {
            return Vec::new();
        };
        let (id, conn) = (peer.node.id, peer.link.conn());
        let is_idle = peer.used + Duration::from_millis(limit) <= ctx.now();
        let Some(conn) = conn.filter(|_| is_idle) else {
            self.watch_idle(ctx, peer.used);
            return Vec::new();
        };
        ctx.close(conn);
        let reason = CloseReason::ByPeer;
        let ended = self.lost(
            ctx,
            id,
            reason,
            Disconnected::InFlight(reason),
            Disconnected::NotSent(reason),
        );
        let others = self.peers.values().filter(connected);
        if let Some(used) = others.map(|peer| peer.used).min() {
            self.watch_idle(ctx, used);
        }
        ended
    }

    /// Looks at connections again when one that was last used then has been idle for too long.
    fn watch_idle(&mut self, ctx: &mut Ctx<'_>, used: Time) {
        if let Some(limit) = self.config.connections_max_idle_ms
            && !std::mem::replace(&mut self.watches_idle, true)
        {
            let left = (used + Duration::from_millis(limit)).since(ctx.now());
            let least = Duration::from_millis(1);
            ctx.set_timer(left.max(least), timer(self.owner, 0, NetworkTimer::Idle));
        }
    }

    pub(super) fn on_backoff(&mut self, ctx: &mut Ctx<'_>, id: i32) {
        let owner = self.owner;
        let Some(peer) = self.peers.get_mut(&id) else {
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
            peer.backoff_timer = Some(ctx.set_timer(left, reconnect_backoff(owner, id)));
            return;
        }
        peer.link = Link::Down;
        if !peer.waiting.is_empty() {
            self.connect(ctx, id);
        }
    }

    /// Closes a connection of its own accord (`disconnectAsync`): what is under way there, or waits for it, ends as
    /// lost in an event of its own. Nobody looks for other brokers because of it.
    pub fn disconnect(&mut self, ctx: &mut Ctx<'_>, to: Node) {
        let Some(peer) = self.peers.get_mut(&to.id) else {
            return;
        };
        let reason = CloseReason::ByPeer;
        let (in_flight, waiting) = (
            Disconnected::InFlight(reason),
            Disconnected::NotSent(reason),
        );
        let ended = match peer.link.conn() {
            Some(conn) => {
                let ended = self.lost(ctx, to.id, reason, in_flight, waiting);
                ctx.close(conn);
                ended
            }
            None => peer.fail_all(in_flight, waiting),
        };
        if let Some(peer) = self.peers.get_mut(&to.id) {
            peer.lost = None;
        }
        for ended in ended {
            self.end_soon(ctx, ended);
        }
    }

    /// The connection is gone, or was never made: fails all that waited for it and holds the
    /// next attempt back.
    pub(super) fn lost(
        &mut self,
        ctx: &mut Ctx<'_>,
        id: i32,
        reason: CloseReason,
        in_flight: Disconnected,
        waiting: Disconnected,
    ) -> Vec<Completed<T>> {
        let config = self.config;
        let owner = self.owner;
        let Some(peer) = self.peers.get_mut(&id) else {
            return Vec::new();
        };
        if let Some(conn) = peer.link.conn() {
            self.conns.remove(&conn);
        }
        match peer.link {
            Link::Connecting { .. } => peer.failed_setups += 1,
            Link::CheckingApiVersions(_) | Link::Up(_) => {
                peer.failed_setups = 0;
                peer.addresses.forget();
            }
            Link::Down | Link::BackingOff { .. } => peer.failed_setups = 0,
        }
        peer.cancel_timers(ctx);
        let backoff = exponential(
            ctx,
            config.reconnect_backoff_ms,
            config.reconnect_backoff_max_ms,
            peer.failed_attempts,
        );
        peer.failed_attempts += 1;
        peer.backoff_timer = Some(ctx.set_timer(backoff, reconnect_backoff(owner, id)));
        let until = ctx.wall() + backoff;
        peer.link = Link::BackingOff { until };
        peer.last_attempt = ctx.wall();
        self.next_deadline = self.next_deadline.min(until);
        peer.lost = Some(reason);
        self.any_lost = true;
        peer.fail_all(in_flight, waiting)
    }
}

fn connect_timeout(owner: NetworkOwner, id: i32) -> Timer {
    timer(owner, id, NetworkTimer::ConnectTimeout)
}

fn reconnect_backoff(owner: NetworkOwner, id: i32) -> Timer {
    timer(owner, id, NetworkTimer::ReconnectBackoff)
}

pub(super) fn timer(owner: NetworkOwner, id: i32, what: NetworkTimer) -> Timer {
    Timer::Network {
        owner,
        conn_or_node: u64::from(id as u32),
        what,
    }
}

/// The node id that a timer names.
pub(super) fn id_of(conn_or_node: u64) -> i32 {
    conn_or_node as u32 as i32
}
