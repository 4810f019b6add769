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
//!
//! May not know what is sent: size and order are all that count.

mod connection;
mod flow;
mod ports;
mod readers;
mod rules;

use super::causes::OUTSIDE;
use super::event::Entry;
use super::lane::Lane;
use super::queue::Queue;
use super::{
    Address, CloseReason, ConnId, Domain, Fault, FaultId, NetworkConfig, NodeId, Stream, Time,
};
use connection::{
    CLIENT, Conn, End, Flight, Packet, Pipe, SERVER, State, Trouble, Unsent, id, parts,
};
use ports::Port;
use rules::Rules;
use std::collections::BTreeMap;

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
    /// An arrival or a retransmission that is in the queue may have become void.
    doubt: bool,
    /// The event in which what is sent now was sent.
    cause: u64,
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
    /// On these ports only, unless there are none.
    ports: Vec<Port>,
    /// When the link will have sent what was given to it.
    link_free: Time,
}

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
            doubt: false,
            cause: OUTSIDE,
        }
    }

    /// What is sent from now on was sent in this event.
    #[inline]
    pub(super) fn set_cause(&mut self, event: u64) {
        self.cause = event;
    }

    pub(super) fn add_host(&mut self, name: &str, rack: Option<String>) {
        self.hosts.push(Host {
            name: name.to_owned(),
            rack,
            powered: true,
            listening: false,
            ports: Vec::new(),
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
        self.doubt = true;
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
        self.doubt = true;
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
    pub(super) fn open(&mut self, from: NodeId, address: Address) -> ConnId {
        let to = address.node;
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
            busy: false,
            lane: Lane::MAIN,
        };
        let conn = Conn {
            serial,
            port: address.port,
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
                pipe.unsent.push_back(Unsent {
                    bytes,
                    sent_in: self.cause,
                    packet: Packet::Message(message),
                });
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
                .map(|unsent| unsent.bytes)
                .sum()
        })
    }

    /// The oldest message that a process has sent and of which nothing has left for want of window.
    pub(super) fn first_unsent(&mut self, from: ConnId) -> Option<&mut D::Message> {
        let (at, side) = self.find(from)?;
        let first = self.conns[at].pipes[1 - side].unsent.front_mut()?;
        match &mut first.packet {
            Packet::Message(message) => Some(message),
            _ => None,
        }
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
                outgoing.unsent.push_back(Unsent {
                    bytes: 0,
                    sent_in: self.cause,
                    packet: Packet::Fin,
                });
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
        if conn.ends[side].busy {
            return 0;
        }
        let pipe = &mut conn.pipes[side];
        let untold = pipe.arrived.saturating_sub(pipe.told);
        pipe.told += untold;
        untold
    }

    /// The process reads the next packet of its end, if there is one for it; and the event in which
    /// that was sent.
    #[inline]
    pub(super) fn read(
        &mut self,
        end: ConnId,
        now: Time,
        queue: &mut Queue<Entry<D>>,
    ) -> Option<(Read<D::Message>, u64)> {
        let (at, side) = self.find(end)?;
        let conn = &mut self.conns[at];
        let pipe = &mut conn.pipes[side];
        pipe.told = pipe.told.saturating_sub(1);
        if pipe.arrived == 0 || conn.ends[side].is_deaf() || !conn.ends[side].is_readable() {
            return None;
        }
        let flight = pipe.packets.pop_front()?;
        let sent_in = flight.sent_in;
        pipe.arrived -= 1;
        pipe.in_flight -= flight.bytes;
        if !pipe.unsent.is_empty() {
            self.pump(at, side, true, now, queue);
        }
        let reason = match flight.packet {
            Packet::Syn => {
                let from = self.conns[at].ends[1 - side].node;
                return Some((Read::Accepted { from }, sent_in));
            }
            Packet::SynAck => return Some((Read::Connected, sent_in)),
            Packet::Message(message) => {
                let bytes = flight.bytes;
                return Some((Read::Message { message, bytes }, sent_in));
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
        Some((Read::Closed(reason), sent_in))
    }

    // What the queue brings.

    /// Whether this arrival still holds.
    #[inline]
    pub(super) fn expects(&self, to: ConnId, epoch: u32) -> bool {
        self.find(to)
            .is_some_and(|(at, side)| self.conns[at].pipes[side].epoch == epoch)
    }

    /// Whether something in the queue may have become void since the last time it was asked.
    #[inline]
    pub(super) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.doubt)
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
                self.doubt = true;
            } else {
                self.hold(at, side, now, queue);
            }
            return false;
        }
        let Some(flight) = pipe.packets.get(pipe.arrived) else {
            return false;
        };
        // What the operating system answers has the cause of what it answers.
        self.cause = flight.sent_in;
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
                self.doubt = true;
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
            let tell = !conn.ends[side].is_deaf();
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
        self.cause = OUTSIDE;
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
        self.doubt = true;
        let told = self.tell_locally(at, 1 - side, CloseReason::TimedOut);
        self.release_if_over(at);
        told
    }

    #[inline]
    fn find(&self, conn: ConnId) -> Option<(usize, usize)> {
        let (serial, at, side) = parts(conn);
        (self.conns.get(at)?.serial == serial).then_some((at, side))
    }

    fn id_of(&self, at: usize, side: usize) -> ConnId {
        id(self.conns[at].serial, at, side)
    }
}
