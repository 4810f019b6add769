//! The network: connections that behave as TCP does.
//!
//! A connection has two ends and two pipes; `pipes[side]` carries packets to `ends[side]`, in order.
//! A packet leaves through its sender's link (bandwidth), takes a trip (latency), and has then
//! arrived: it waits in the receiver's socket buffer until the process reads it. Bytes on their way
//! and bytes that wait fill the window; beyond it they stay with the sender.
//!
//! A pipe whose path is cut is held: its packets wait for a retransmission, each twice as late as the
//! one before; when that goes on for too long, the sender's end times out. Packets that are delivered
//! while only the way back is cut stay unacknowledged, with the same end. A packet that reaches an
//! end that is gone is answered by a reset.
//!
//! Rules of faults are looked at when they change, never for each packet: every pipe keeps the
//! verdict on its own path. The network knows hosts and processes as up or down only; who runs there
//! is the engine's business.

mod rules;

use super::event::Entry;
use super::queue::Queue;
use super::{
    CloseReason, ConnId, Domain, Duration, Fault, FaultId, NetworkConfig, NodeId, Stream, Time,
};
use rules::{Path, Rules};
use std::collections::{BTreeMap, VecDeque};

pub(super) struct Network<D: Domain> {
    config: NetworkConfig,
    picos_per_byte: u64,
    seed: u64,
    hosts: Vec<Host>,
    conns: Vec<Conn<D::Message>>,
    free: Vec<usize>,
    next_serial: u64,
    /// How many connections each node has opened to each other: part of their streams' names.
    opened: BTreeMap<(NodeId, NodeId), u32>,
    rules: Rules,
}

/// What a process finds when it reads.
pub(in crate::kernel) enum Read<M> {
    Accepted { from: NodeId },
    Connected,
    Message { message: M, bytes: u64 },
    Closed(CloseReason),
}

struct Host {
    name: String,
    rack: Option<String>,
    powered: bool,
    listening: bool,
    /// When the link will have sent what was given to it.
    link_free: Time,
}

struct Conn<M> {
    /// 0: not in use.
    serial: u64,
    ends: [End; 2],
    pipes: [Pipe<M>; 2],
    /// Until the handshake is done, repetitions follow those of connection attempts.
    established: bool,
    random: Stream,
}

#[derive(Clone, Copy)]
struct End {
    node: NodeId,
    state: State,
    muted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The side that is connected to, before the attempt has reached it.
    Unborn,
    /// The side that connects, before the answer has reached it.
    Opening,
    Open,
    /// The process has closed it; the farewell is still to be sent.
    Closing,
    Closed,
}

struct Pipe<M> {
    /// First those that have arrived and were not read, then those on their way or held.
    packets: VecDeque<Flight<M>>,
    arrived: usize,
    /// How many times the receiver has been told to read and has not done so yet.
    told: usize,
    /// What does not fit into the window.
    unsent: VecDeque<(u64, Packet<M>)>,
    /// Bytes sent and not read.
    in_flight: u64,
    last_arrival: Time,
    /// Changes whenever the pending arrival no longer holds.
    epoch: u32,
    /// An arrival is pending.
    flying: bool,
    /// Packets wait for the path to come back.
    held: bool,
    trouble: Option<Trouble>,
    /// The last packet has been sent: a farewell or a reset.
    ended: bool,
    path: Path,
}

struct Flight<M> {
    arrival: Time,
    bytes: u64,
    packet: Packet<M>,
}

enum Packet<M> {
    /// Opens.
    Syn,
    /// Answers an opening.
    SynAck,
    Message(M),
    /// Closes in order.
    Fin,
    /// Closes by force; never sent again when lost.
    Abort(CloseReason),
}

/// Bytes are not acknowledged.
#[derive(Clone, Copy)]
struct Trouble {
    since: Time,
    wait: Duration,
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl<D: Domain> Network<D> {
    pub(super) fn new(config: NetworkConfig, seed: u64) -> Self {
        Self {
            picos_per_byte: 1_000_000_000_000 / config.bytes_per_second.max(1),
            config,
            seed,
            hosts: Vec::new(),
            conns: Vec::new(),
            free: Vec::new(),
            next_serial: 1,
            opened: BTreeMap::new(),
            rules: Rules::default(),
        }
    }

    pub(super) fn add_host(&mut self, name: &str, rack: Option<String>) {
        self.hosts.push(Host {
            name: name.to_owned(),
            rack,
            powered: true,
            listening: false,
            link_free: Time::ZERO,
        });
    }

    pub(super) fn set_listening(&mut self, node: NodeId, on: bool) {
        self.hosts[node.0 as usize].listening = on;
    }

    pub(super) fn is_powered(&self, node: NodeId) -> bool {
        self.hosts[node.0 as usize].powered
    }

    pub(super) fn set_powered(
        &mut self,
        node: NodeId,
        on: bool,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) {
        self.hosts[node.0 as usize].powered = on;
        self.paths_changed(now, queue);
    }

    /// Adds a lasting rule. `None` if the fault is no network rule.
    pub(super) fn add_rule(
        &mut self,
        fault: &Fault,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) -> Option<FaultId> {
        let id = self.rules.add(fault)?;
        self.paths_changed(now, queue);
        Some(id)
    }

    pub(super) fn heal(&mut self, fault: Option<FaultId>, now: Time, queue: &mut Queue<Entry<D>>) {
        self.rules.remove(fault);
        self.paths_changed(now, queue);
    }

    /// Resets every connection between the two groups; answers the ends that are to read of it.
    pub(super) fn reset(&mut self, a: &[NodeId], b: &[NodeId]) -> Vec<ConnId> {
        let between = |x: NodeId, y: NodeId| a.contains(&x) && b.contains(&y);
        let mut told = Vec::new();
        for at in 0..self.conns.len() {
            let conn = &mut self.conns[at];
            let [x, y] = [conn.ends[0].node, conn.ends[1].node];
            if conn.serial == 0 || !(between(x, y) || between(y, x)) {
                continue;
            }
            for side in [CLIENT, SERVER] {
                conn.pipes[side].drop_unread_flights();
                conn.pipes[side].ended = true;
                if conn.ends[side].state == State::Unborn {
                    conn.ends[side].state = State::Closed;
                }
            }
            for side in [CLIENT, SERVER] {
                told.extend(self.tell_locally(at, side, CloseReason::Reset));
            }
            self.release_if_over(at);
        }
        told
    }

    /// A process has ended: its sockets are closed by its operating system, or, if the machine has
    /// lost power (`silently`), by nobody.
    pub(super) fn process_died(
        &mut self,
        node: NodeId,
        silently: bool,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) {
        for at in 0..self.conns.len() {
            for side in [CLIENT, SERVER] {
                let conn = &mut self.conns[at];
                let end = &mut conn.ends[side];
                if conn.serial == 0 || end.node != node {
                    continue;
                }
                let was = end.state;
                if was != State::Unborn {
                    end.state = State::Closed;
                }
                conn.pipes[side].drop_arrived();
                let outgoing = &mut conn.pipes[1 - side];
                if silently {
                    outgoing.drop_unread_flights();
                } else if !matches!(was, State::Closed | State::Unborn) {
                    outgoing.unsent.clear();
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
        }
    }

    // What a process does.

    /// A new connection's client end; nothing is sent yet.
    pub(super) fn open(&mut self, from: NodeId, to: NodeId) -> ConnId {
        let count = self.opened.entry((from, to)).or_insert(0);
        let name = match *count {
            0 => format!(
                "conn {}→{}",
                self.hosts[from.0 as usize].name, self.hosts[to.0 as usize].name
            ),
            n => format!(
                "conn {}→{} #{n}",
                self.hosts[from.0 as usize].name, self.hosts[to.0 as usize].name
            ),
        };
        *count += 1;
        let serial = self.next_serial;
        self.next_serial += 1;
        let end = |node, state| End {
            node,
            state,
            muted: false,
        };
        let conn = Conn {
            serial,
            ends: [end(from, State::Opening), end(to, State::Unborn)],
            pipes: [
                Pipe::new(self.path(to, from)),
                Pipe::new(self.path(from, to)),
            ],
            established: false,
            random: Stream::named(self.seed, &name),
        };
        let at = match self.free.pop() {
            Some(at) => {
                self.conns[at] = conn;
                at
            }
            None => {
                self.conns.push(conn);
                self.conns.len() - 1
            }
        };
        id(serial, at, CLIENT)
    }

    /// Sends the attempt to connect.
    pub(super) fn dial(&mut self, conn: ConnId, now: Time, queue: &mut Queue<Entry<D>>) {
        if let Some((at, side)) = self.find(conn) {
            self.launch(at, 1 - side, Packet::Syn, 0, now, queue);
        }
    }

    pub(super) fn send(
        &mut self,
        from: ConnId,
        message: D::Message,
        bytes: u64,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) {
        let Some((at, side)) = self.find(from) else {
            return;
        };
        let conn = &mut self.conns[at];
        let pipe = &mut conn.pipes[1 - side];
        let early = side == CLIENT && !conn.established;
        match conn.ends[side].state {
            _ if pipe.ended => {}
            State::Open | State::Closing
                if !early && pipe.unsent.is_empty() && pipe.in_flight < self.config.window =>
            {
                self.launch(at, 1 - side, Packet::Message(message), bytes, now, queue);
            }
            State::Open | State::Opening | State::Closing => {
                pipe.unsent.push_back((bytes, Packet::Message(message)));
                self.probe_if_cut(at, 1 - side, now, queue);
            }
            State::Unborn | State::Closed => {}
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.conns.len() - self.free.len()
    }

    /// Bytes that a process has sent and that have not left for want of window.
    pub(super) fn unsent(&self, from: ConnId) -> u64 {
        self.find(from).map_or(0, |(at, side)| {
            self.conns[at].pipes[1 - side]
                .unsent
                .iter()
                .map(|(bytes, _)| bytes)
                .sum()
        })
    }

    /// The process will hear no more of this connection.
    pub(super) fn stop_reading(&mut self, conn: ConnId) {
        if let Some((at, side)) = self.find(conn) {
            let end = &mut self.conns[at].ends[side];
            if end.is_readable() {
                end.state = State::Closing;
            }
        }
    }

    /// Says farewell, after what is unsent.
    pub(super) fn close(&mut self, conn: ConnId, now: Time, queue: &mut Queue<Entry<D>>) {
        let Some((at, side)) = self.find(conn) else {
            return;
        };
        let conn = &mut self.conns[at];
        if conn.ends[side].state != State::Closing {
            return;
        }
        conn.ends[side].state = State::Closed;
        conn.pipes[side].drop_arrived();
        let outgoing = &mut conn.pipes[1 - side];
        if !conn.established && side == CLIENT {
            outgoing.unsent.clear();
        }
        if !outgoing.ended {
            if outgoing.unsent.is_empty() {
                self.launch(at, 1 - side, Packet::Fin, 0, now, queue);
            } else {
                outgoing.unsent.push_back((0, Packet::Fin));
            }
        }
        self.release_if_over(at);
    }

    pub(super) fn mute(&mut self, conn: ConnId) {
        if let Some((at, side)) = self.find(conn) {
            self.conns[at].ends[side].muted = true;
        }
    }

    /// Reads again; answers how many packets wait that the process has not been told of.
    pub(super) fn unmute(&mut self, conn: ConnId) -> usize {
        let Some((at, side)) = self.find(conn) else {
            return 0;
        };
        let conn = &mut self.conns[at];
        if !conn.ends[side].is_readable() {
            return 0;
        }
        conn.ends[side].muted = false;
        let pipe = &mut conn.pipes[side];
        let untold = pipe.arrived.saturating_sub(pipe.told);
        pipe.told += untold;
        untold
    }

    /// The process reads the next packet of its end, if there is one for it.
    #[inline]
    pub(super) fn read(
        &mut self,
        end: ConnId,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) -> Option<Read<D::Message>> {
        let (at, side) = self.find(end)?;
        let conn = &mut self.conns[at];
        let pipe = &mut conn.pipes[side];
        pipe.told = pipe.told.saturating_sub(1);
        if pipe.arrived == 0 || conn.ends[side].muted || !conn.ends[side].is_readable() {
            return None;
        }
        let flight = pipe.packets.pop_front()?;
        pipe.arrived -= 1;
        pipe.in_flight -= flight.bytes;
        if !pipe.unsent.is_empty() {
            self.pump(at, side, true, now, queue);
        }
        let reason = match flight.packet {
            Packet::Syn => {
                return Some(Read::Accepted {
                    from: self.conns[at].ends[1 - side].node,
                });
            }
            Packet::SynAck => return Some(Read::Connected),
            Packet::Message(message) => {
                return Some(Read::Message {
                    message,
                    bytes: flight.bytes,
                });
            }
            Packet::Fin => CloseReason::ByPeer,
            Packet::Abort(reason) => reason,
        };
        let conn = &mut self.conns[at];
        conn.ends[side].state = State::Closed;
        conn.pipes[side].drop_arrived();
        let outgoing = &mut conn.pipes[1 - side];
        outgoing.unsent.clear();
        outgoing.ended = true;
        self.release_if_over(at);
        Some(Read::Closed(reason))
    }

    // What the queue brings.

    /// Whether this arrival still holds.
    #[inline]
    pub(super) fn expects(&self, to: ConnId, epoch: u32) -> bool {
        self.find(to)
            .is_some_and(|(at, side)| self.conns[at].pipes[side].epoch == epoch)
    }

    pub(super) fn is_troubled(&self, to: ConnId) -> bool {
        self.find(to)
            .is_some_and(|(at, side)| self.conns[at].pipes[side].trouble.is_some())
    }

    pub(super) fn node_of(&self, end: ConnId) -> Option<NodeId> {
        self.find(end)
            .map(|(at, side)| self.conns[at].ends[side].node)
    }

    /// The next packet reaches its end; true if the process there is to read.
    #[inline]
    pub(super) fn arrive(&mut self, to: ConnId, now: Time, queue: &mut Queue<Entry<D>>) -> bool {
        let Some((at, side)) = self.find(to) else {
            return false;
        };
        let conn = &mut self.conns[at];
        let pipe = &mut conn.pipes[side];
        pipe.flying = false;
        if pipe.path.cut || pipe.path.stalled {
            if pipe.path.cut
                && matches!(
                    pipe.packets.get(pipe.arrived),
                    Some(Flight {
                        packet: Packet::Abort(_),
                        ..
                    })
                )
            {
                pipe.drop_unread_flights();
            } else {
                self.hold(at, side, now, queue);
            }
            return false;
        }
        let Some(flight) = pipe.packets.get(pipe.arrived) else {
            return false;
        };
        let live = conn.ends[side].is_readable();
        let for_process = match &flight.packet {
            Packet::Syn => return self.knock(at, to, now, queue),
            Packet::SynAck if live => {
                conn.ends[side].state = State::Open;
                conn.established = true;
                true
            }
            Packet::Abort(_) if live => {
                let outgoing = &mut conn.pipes[1 - side];
                outgoing.unsent.clear();
                outgoing.ended = true;
                outgoing.trouble = None;
                true
            }
            Packet::Message(_) | Packet::Fin => live,
            Packet::SynAck | Packet::Abort(_) => false,
        };
        if for_process {
            let pipe = &mut conn.pipes[side];
            pipe.arrived += 1;
            self.fly(at, side, queue);
            let conn = &mut self.conns[at];
            if !conn.pipes[1 - side].unsent.is_empty() {
                self.pump(at, 1 - side, false, now, queue);
            }
            let conn = &mut self.conns[at];
            let tell = !conn.ends[side].muted;
            conn.pipes[side].told += usize::from(tell);
            return tell;
        }
        self.reject(at, side, now, queue);
        false
    }

    /// The time for a retransmission has come; answers the end that is to read that it timed out.
    pub(super) fn retransmit(
        &mut self,
        to: ConnId,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) -> Option<ConnId> {
        let (at, side) = self.find(to)?;
        let conn = &mut self.conns[at];
        let give_up = if conn.established {
            self.config.give_up
        } else {
            self.config.connect_give_up
        };
        let pipe = &mut conn.pipes[side];
        let trouble = pipe.trouble?;
        if !pipe.path.cut && !pipe.path.ack_cut {
            pipe.trouble = None;
            if pipe.held && !pipe.path.stalled {
                self.let_go(at, side, now, queue);
            }
            self.pump(at, side, true, now, queue);
            // A probe of the full window of an end that is gone is answered by a reset.
            let conn = &self.conns[at];
            let refused =
                !conn.pipes[side].unsent.is_empty() && conn.ends[side].state == State::Closed;
            return if refused {
                self.tell_locally(at, 1 - side, CloseReason::Reset)
            } else {
                None
            };
        }
        let deadline = trouble.since + give_up;
        if now < deadline {
            let wait = trouble
                .wait
                .saturating_mul(2)
                .min(self.config.retransmit_longest);
            pipe.trouble = Some(Trouble { wait, ..trouble });
            queue.push((now + wait).min(deadline), Entry::Retransmit { to });
            return None;
        }
        pipe.drop_unread_flights();
        pipe.ended = true;
        let told = self.tell_locally(at, 1 - side, CloseReason::TimedOut);
        self.release_if_over(at);
        told
    }
}

impl<D: Domain> Network<D> {
    #[inline]
    fn find(&self, conn: ConnId) -> Option<(usize, usize)> {
        let (serial, at, side) = parts(conn);
        (self.conns.get(at)?.serial == serial).then_some((at, side))
    }

    fn id_of(&self, at: usize, side: usize) -> ConnId {
        id(self.conns[at].serial, at, side)
    }

    /// Sends a packet to `ends[side]`, or holds it if its path is closed.
    #[inline]
    fn launch(
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
            packet,
        });
        if !held && !pipe.flying {
            self.fly(at, side, queue);
        }
    }

    /// What a fault does to a packet that is sent; true if it is gone.
    fn divert(
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
            return true;
        }
        if pipe.path.loses && matches!(packet, Packet::Message(_)) {
            let (from, to) = (
                self.conns[at].ends[1 - side].node,
                self.conns[at].ends[side].node,
            );
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
    fn transmit(&mut self, at: usize, side: usize, bytes: u64, now: Time) -> Time {
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
    fn fly(&mut self, at: usize, side: usize, queue: &mut Queue<Entry<D>>) {
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

    fn hold(&mut self, at: usize, side: usize, now: Time, queue: &mut Queue<Entry<D>>) {
        let pipe = &mut self.conns[at].pipes[side];
        pipe.held = true;
        pipe.epoch += 1;
        pipe.flying = false;
        if pipe.path.cut {
            self.begin_trouble(at, side, now, queue);
        }
    }

    fn begin_trouble(&mut self, at: usize, side: usize, now: Time, queue: &mut Queue<Entry<D>>) {
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
    fn let_go(&mut self, at: usize, side: usize, now: Time, queue: &mut Queue<Entry<D>>) {
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
    fn pump(
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
            && let Some((bytes, packet)) = self.conns[at].pipes[side].unsent.pop_front()
        {
            self.launch(at, side, packet, bytes, from, queue);
        }
    }

    /// An attempt to connect reaches a host; true if the process there is to read.
    fn knock(&mut self, at: usize, to: ConnId, now: Time, queue: &mut Queue<Entry<D>>) -> bool {
        let conn = &mut self.conns[at];
        let host = &self.hosts[conn.ends[SERVER].node.0 as usize];
        if conn.ends[CLIENT].state == State::Closed {
            // Given up meanwhile: the handshake comes to nothing.
            conn.ends[SERVER].state = State::Closed;
            self.release_if_over(at);
            return false;
        }
        if !host.listening {
            conn.ends[SERVER].state = State::Closed;
            conn.pipes[SERVER].drop_unread_flights();
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
        conn.ends[SERVER].state = State::Open;
        let pipe = &mut conn.pipes[SERVER];
        pipe.arrived += 1;
        pipe.told += 1;
        self.fly(at, SERVER, queue);
        self.launch(at, CLIENT, Packet::SynAck, 0, now, queue);
        self.find(to).is_some()
    }

    /// A packet has reached an end that is gone: it is dropped, and its sender hears of it.
    fn reject(&mut self, at: usize, side: usize, now: Time, queue: &mut Queue<Entry<D>>) {
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
    fn tell_locally(&mut self, at: usize, side: usize, reason: CloseReason) -> Option<ConnId> {
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
                packet: Packet::Abort(reason),
            },
        );
        pipe.arrived += 1;
        if conn.ends[side].muted {
            return None;
        }
        pipe.told += 1;
        Some(to)
    }

    fn release_if_over(&mut self, at: usize) {
        let conn = &mut self.conns[at];
        let never_reached =
            conn.ends[SERVER].state == State::Unborn && conn.pipes[SERVER].packets.is_empty();
        let over = conn.ends[CLIENT].state == State::Closed
            && (conn.ends[SERVER].state == State::Closed || never_reached);
        if conn.serial == 0 || !over {
            return;
        }
        conn.serial = 0;
        conn.pipes = [Pipe::new(Path::default()), Pipe::new(Path::default())];
        self.free.push(at);
    }

    fn path(&self, from: NodeId, to: NodeId) -> Path {
        let [a, b] = [from, to].map(|node| &self.hosts[node.0 as usize]);
        let mut path = self.rules.path(from, to);
        path.cut |= !a.powered || !b.powered;
        path.ack_cut |= !a.powered || !b.powered;
        path.distance = match () {
            () if from == to => rules::Distance::Loopback,
            () if a.rack != b.rack && a.rack.is_some() && b.rack.is_some() => {
                rules::Distance::OtherRack
            }
            () => rules::Distance::SameRack,
        };
        path
    }

    fn paths_changed(&mut self, now: Time, queue: &mut Queue<Entry<D>>) {
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
    fn probe_if_cut(&mut self, at: usize, side: usize, now: Time, queue: &mut Queue<Entry<D>>) {
        let conn = &self.conns[at];
        let pipe = &conn.pipes[side];
        if conn.established && !pipe.unsent.is_empty() && (pipe.path.cut || pipe.path.ack_cut) {
            self.begin_trouble(at, side, now, queue);
        }
    }
}

impl End {
    #[inline]
    fn is_readable(&self) -> bool {
        matches!(self.state, State::Opening | State::Open)
    }
}

impl<M> Pipe<M> {
    fn new(path: Path) -> Self {
        Self {
            packets: VecDeque::new(),
            arrived: 0,
            told: 0,
            unsent: VecDeque::new(),
            in_flight: 0,
            last_arrival: Time::ZERO,
            epoch: 0,
            flying: false,
            held: false,
            trouble: None,
            ended: false,
            path,
        }
    }

    /// What has arrived will not be read.
    fn drop_arrived(&mut self) {
        self.in_flight -= self
            .packets
            .drain(..self.arrived)
            .map(|flight| flight.bytes)
            .sum::<u64>();
        (self.arrived, self.told) = (0, 0);
    }

    /// What is on its way or waits to be sent is lost, and nobody will send it again.
    fn drop_unread_flights(&mut self) {
        self.in_flight -= self
            .packets
            .drain(self.arrived..)
            .map(|flight| flight.bytes)
            .sum::<u64>();
        self.unsent.clear();
        self.epoch += 1;
        (self.flying, self.held, self.trouble) = (false, false, None);
    }
}

/// A handle: 39 bits of serial number (the order of opening), 24 of place, one of side.
fn id(serial: u64, at: usize, side: usize) -> ConnId {
    assert!(at < 1 << 24, "more than 16 million connections");
    ConnId(serial << 25 | (at as u64) << 1 | side as u64)
}

#[inline]
fn parts(conn: ConnId) -> (u64, usize, usize) {
    (
        conn.0 >> 25,
        (conn.0 >> 1) as usize & 0xff_ffff,
        (conn.0 & 1) as usize,
    )
}
