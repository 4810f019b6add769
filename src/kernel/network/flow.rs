//! How packets move: sent, diverted by faults, held, let go, answered by a reset.

use super::Network;
use super::connection::{CLIENT, Flight, Packet, Pipe, SERVER, State, Trouble, Unsent};
use super::rules::{Distance, Path};
use crate::kernel::event::Entry;
use crate::kernel::queue::Queue;
use crate::kernel::{CloseReason, ConnId, Domain, Duration, NodeId, Time};

impl<D: Domain> Network<D> {
    /// Sends a packet to `ends[side]`, or holds it if its path is closed.
    #[inline]
    pub(super) fn launch(
        &mut self,
        at: usize,
        side: usize,
        packet: Packet<D::Message>,
        bytes: u64,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) {
        let conn = &mut self.conns[at];
        let pipe = &mut conn.pipes[side];
        if pipe.ended {
            return;
        }
        if pipe.path.is_special() && self.divert(at, side, &packet, now, queue) {
            return;
        }
        let held = self.conns[at].pipes[side].held;
        let arrival = if held {
            Time::MAX
        } else {
            self.transmit(at, side, bytes, now)
        };
        let pipe = &mut self.conns[at].pipes[side];
        pipe.ended = matches!(packet, Packet::Fin | Packet::Abort(_));
        pipe.in_flight += bytes;
        pipe.packets.push_back(Flight {
            arrival,
            bytes,
            sent_in: self.cause,
            packet,
        });
        if !held && !pipe.flying {
            self.fly(at, side, queue);
        }
    }

    /// What a fault does to a packet that is sent; true if it is gone.
    pub(super) fn divert(
        &mut self,
        at: usize,
        side: usize,
        packet: &Packet<D::Message>,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) -> bool {
        let pipe = &mut self.conns[at].pipes[side];
        if pipe.path.cut && matches!(packet, Packet::Abort(_)) {
            pipe.drop_unread_flights();
            pipe.ended = true;
            self.doubt = true;
            return true;
        }
        if pipe.path.loses && matches!(packet, Packet::Message(_)) {
            let (from, to) = (
                self.conns[at].ends[1 - side].node,
                self.conns[at].ends[side].node,
            );
            self.doubt = true;
            self.rules.message_lost(from, to);
            self.paths_changed(now, queue);
            for side in [CLIENT, SERVER] {
                let pipe = &mut self.conns[at].pipes[side];
                pipe.drop_unread_flights();
                self.launch(at, side, Packet::Abort(CloseReason::Reset), 0, now, queue);
            }
            return true;
        }
        if pipe.path.cut || pipe.path.stalled {
            self.hold(at, side, now, queue);
        } else if pipe.path.ack_cut {
            self.begin_trouble(at, side, now, queue);
        }
        false
    }

    /// Sends bytes through the sender's link and over the way; answers when they arrive.
    #[inline]
    pub(super) fn transmit(&mut self, at: usize, side: usize, bytes: u64, now: Time) -> Time {
        let conn = &mut self.conns[at];
        let (from, to) = (conn.ends[1 - side].node, conn.ends[side].node);
        let pipe = &mut conn.pipes[side];
        let mut departure = now;
        if from != to {
            let link = &mut self.hosts[from.0 as usize].link_free;
            departure =
                now.max(*link) + Duration(bytes.saturating_mul(self.picos_per_byte) / 1_000);
            *link = departure;
        }
        if pipe.path.throttled {
            departure = departure.max(self.rules.throttle(from, to, bytes, now));
        }
        let trip = pipe.path.latency(&self.config).sample(&mut conn.random) + pipe.path.extra;
        pipe.last_arrival = pipe.last_arrival.max(departure + trip);
        pipe.last_arrival
    }

    /// Lets the next packet on its way arrive.
    #[inline]
    pub(super) fn fly(&mut self, at: usize, side: usize, queue: &mut Queue<Entry<D>>) {
        let to = self.id_of(at, side);
        let pipe = &mut self.conns[at].pipes[side];
        if let Some(next) = pipe.packets.get(pipe.arrived)
            && !pipe.held
        {
            pipe.flying = true;
            queue.push(
                next.arrival,
                Entry::Arrive {
                    to,
                    epoch: pipe.epoch,
                },
            );
        }
    }

    pub(super) fn hold(&mut self, at: usize, side: usize, now: Time, queue: &mut Queue<Entry<D>>) {
        self.doubt = true;
        let pipe = &mut self.conns[at].pipes[side];
        pipe.held = true;
        pipe.epoch += 1;
        pipe.flying = false;
        if pipe.path.cut {
            self.begin_trouble(at, side, now, queue);
        }
    }

    pub(super) fn begin_trouble(
        &mut self,
        at: usize,
        side: usize,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) {
        let to = self.id_of(at, side);
        let conn = &mut self.conns[at];
        if conn.pipes[side].trouble.is_none() {
            let wait = if conn.established {
                self.config.retransmit_first
            } else {
                self.config.connect_retry_first
            };
            conn.pipes[side].trouble = Some(Trouble { since: now, wait });
            queue.push(now + wait, Entry::Retransmit { to });
        }
    }

    /// Sends everything again that was held.
    pub(super) fn let_go(
        &mut self,
        at: usize,
        side: usize,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) {
        let pipe = &mut self.conns[at].pipes[side];
        pipe.held = false;
        for n in pipe.arrived..pipe.packets.len() {
            let bytes = self.conns[at].pipes[side].packets[n].bytes;
            let arrival = self.transmit(at, side, bytes, now);
            self.conns[at].pipes[side].packets[n].arrival = arrival;
        }
        self.fly(at, side, queue);
    }

    /// Sends what waits for window. After a read (`learned`), the sender hears of it one trip later.
    pub(super) fn pump(
        &mut self,
        at: usize,
        side: usize,
        learned: bool,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) {
        let conn = &mut self.conns[at];
        let pipe = &conn.pipes[side];
        let too_early = side == SERVER && !conn.established;
        let closed = pipe.path.cut || pipe.path.ack_cut || pipe.trouble.is_some();
        if pipe.unsent.is_empty() || closed || too_early {
            return;
        }
        let mut from = now;
        if learned && pipe.in_flight < self.config.window {
            from = now + pipe.path.latency(&self.config).sample(&mut conn.random) + pipe.path.extra;
        }
        while self.conns[at].pipes[side].in_flight < self.config.window
            && let Some(Unsent {
                bytes,
                sent_in,
                packet,
            }) = self.conns[at].pipes[side].unsent.pop_front()
        {
            let cause = std::mem::replace(&mut self.cause, sent_in);
            self.launch(at, side, packet, bytes, from, queue);
            self.cause = cause;
        }
    }

    /// An attempt to connect reaches a host; true if the process there is to read.
    pub(super) fn knock(
        &mut self,
        at: usize,
        to: ConnId,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) -> bool {
        let conn = &mut self.conns[at];
        if conn.ends[CLIENT].state == State::Closed {
            // Given up meanwhile: the handshake comes to nothing.
            conn.ends[SERVER].state = State::Closed;
            self.release_if_over(at);
            return false;
        }
        if !self.is_taken_in(at) {
            let conn = &mut self.conns[at];
            conn.ends[SERVER].state = State::Closed;
            conn.pipes[SERVER].drop_unread_flights();
            self.doubt = true;
            self.launch(
                at,
                CLIENT,
                Packet::Abort(CloseReason::Refused),
                0,
                now,
                queue,
            );
            return false;
        }
        let conn = &mut self.conns[at];
        conn.ends[SERVER].state = State::Open;
        let pipe = &mut conn.pipes[SERVER];
        pipe.arrived += 1;
        pipe.told += 1;
        self.fly(at, SERVER, queue);
        self.launch(at, CLIENT, Packet::SynAck, 0, now, queue);
        self.find(to).is_some()
    }

    /// A packet has reached an end that is gone: it is dropped, and its sender hears of it.
    pub(super) fn reject(
        &mut self,
        at: usize,
        side: usize,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) {
        let conn = &mut self.conns[at];
        let pipe = &mut conn.pipes[side];
        let Some(flight) = pipe.packets.remove(pipe.arrived) else {
            return;
        };
        pipe.in_flight -= flight.bytes;
        self.fly(at, side, queue);
        if matches!(flight.packet, Packet::Message(_) | Packet::SynAck) {
            // A reset goes out once more if what this end said last was lost.
            let back = &mut self.conns[at].pipes[1 - side];
            back.ended &= back.packets.len() > back.arrived;
            self.launch(
                at,
                1 - side,
                Packet::Abort(CloseReason::Reset),
                0,
                now,
                queue,
            );
        }
        self.release_if_over(at);
    }

    /// Puts an end's own news behind what has arrived; answers the end if it is to read.
    pub(super) fn tell_locally(
        &mut self,
        at: usize,
        side: usize,
        reason: CloseReason,
    ) -> Option<ConnId> {
        let to = self.id_of(at, side);
        let conn = &mut self.conns[at];
        if !conn.ends[side].is_readable() {
            return None;
        }
        let outgoing = &mut conn.pipes[1 - side];
        outgoing.unsent.clear();
        outgoing.ended = true;
        let pipe = &mut conn.pipes[side];
        pipe.packets.insert(
            pipe.arrived,
            Flight {
                arrival: Time::ZERO,
                bytes: 0,
                sent_in: self.cause,
                packet: Packet::Abort(reason),
            },
        );
        pipe.arrived += 1;
        if conn.ends[side].is_deaf() {
            return None;
        }
        pipe.told += 1;
        Some(to)
    }

    pub(super) fn release_if_over(&mut self, at: usize) {
        let conn = &mut self.conns[at];
        let never_reached =
            conn.ends[SERVER].state == State::Unborn && conn.pipes[SERVER].packets.is_empty();
        let over = conn.ends[CLIENT].state == State::Closed
            && (conn.ends[SERVER].state == State::Closed || never_reached);
        if conn.serial == 0 || !over {
            return;
        }
        conn.serial = 0;
        self.doubt = true;
        conn.pipes = [Pipe::new(Path::default()), Pipe::new(Path::default())];
        self.free.push(at);
    }

    pub(super) fn path(&self, from: NodeId, to: NodeId) -> Path {
        let [a, b] = [from, to].map(|node| &self.hosts[node.0 as usize]);
        let mut path = self.rules.path(from, to);
        path.cut |= !a.powered || !b.powered;
        path.ack_cut |= !a.powered || !b.powered;
        path.distance = match () {
            () if from == to => Distance::Loopback,
            () if a.rack != b.rack && a.rack.is_some() && b.rack.is_some() => Distance::OtherRack,
            () => Distance::SameRack,
        };
        path
    }

    pub(super) fn paths_changed(&mut self, now: Time, queue: &mut Queue<Entry<D>>) {
        for at in 0..self.conns.len() {
            if self.conns[at].serial == 0 {
                continue;
            }
            for side in [CLIENT, SERVER] {
                let conn = &self.conns[at];
                let path = self.path(conn.ends[1 - side].node, conn.ends[side].node);
                let pipe = &mut self.conns[at].pipes[side];
                pipe.path = path;
                let (held, troubled) = (pipe.held, pipe.trouble.is_some());
                if held && !troubled && path.cut {
                    self.begin_trouble(at, side, now, queue);
                } else if held && !troubled && !path.stalled {
                    self.let_go(at, side, now, queue);
                }
                self.pump(at, side, true, now, queue);
                self.probe_if_cut(at, side, now, queue);
            }
        }
    }

    /// Who has something to send asks a full window again and again whether it has room.
    pub(super) fn probe_if_cut(
        &mut self,
        at: usize,
        side: usize,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) {
        let conn = &self.conns[at];
        let pipe = &conn.pipes[side];
        if conn.established && !pipe.unsent.is_empty() && (pipe.path.cut || pipe.path.ack_cut) {
            self.begin_trouble(at, side, now, queue);
        }
    }
}
