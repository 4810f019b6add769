//! A connection: two ends, two pipes, and what travels in them.

use super::rules::Path;
use crate::kernel::lane::Lane;
use crate::kernel::{CloseReason, ConnId, Duration, NodeId, Stream, Time};
use std::collections::VecDeque;

pub(super) struct Conn<M> {
    /// 0: not in use.
    pub(super) serial: u64,
    /// To which it was opened.
    pub(super) port: u16,
    pub(super) ends: [End; 2],
    pub(super) pipes: [Pipe<M>; 2],
    /// Until the handshake is done, repetitions follow those of connection attempts.
    pub(super) established: bool,
    pub(super) random: Stream,
}

#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) node: NodeId,
    pub(super) state: State,
    pub(super) muted: bool,
    /// One of several threads works on what was read last.
    pub(super) busy: bool,
    /// Who reads it.
    pub(super) lane: Lane,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The side that is connected to, before the attempt has reached it.
    Unborn,
    /// The side that connects, before the answer has reached it.
    Opening,
    Open,
    /// The process has closed it; the farewell is still to be sent.
    Closing,
    Closed,
}

pub(super) struct Pipe<M> {
    /// First those that have arrived and were not read, then those on their way or held.
    pub(super) packets: VecDeque<Flight<M>>,
    pub(super) arrived: usize,
    /// How many times the receiver has been told to read and has not done so yet.
    pub(super) told: usize,
    /// What does not fit into the window.
    pub(super) unsent: VecDeque<Unsent<M>>,
    /// Bytes sent and not read.
    pub(super) in_flight: u64,
    pub(super) last_arrival: Time,
    /// Changes whenever the pending arrival no longer holds.
    pub(super) epoch: u32,
    /// An arrival is pending.
    pub(super) flying: bool,
    /// Packets wait for the path to come back.
    pub(super) held: bool,
    pub(super) trouble: Option<Trouble>,
    /// The last packet has been sent: a farewell or a reset.
    pub(super) ended: bool,
    pub(super) path: Path,
}

pub(super) struct Flight<M> {
    pub(super) arrival: Time,
    pub(super) bytes: u64,
    /// The event in which it was sent.
    pub(super) sent_in: u64,
    pub(super) packet: Packet<M>,
}

/// A packet that waits for window.
pub(super) struct Unsent<M> {
    pub(super) bytes: u64,
    /// The event in which the process sent it.
    pub(super) sent_in: u64,
    pub(super) packet: Packet<M>,
}

pub(super) enum Packet<M> {
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
pub(super) struct Trouble {
    pub(super) since: Time,
    pub(super) wait: Duration,
}

pub(super) const CLIENT: usize = 0;
pub(super) const SERVER: usize = 1;

impl End {
    #[inline]
    pub(super) fn is_readable(&self) -> bool {
        matches!(self.state, State::Opening | State::Open)
    }

    #[inline]
    pub(super) fn is_deaf(&self) -> bool {
        self.muted || self.busy
    }
}

impl<M> Pipe<M> {
    pub(super) fn new(path: Path) -> Self {
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
    pub(super) fn drop_arrived(&mut self) {
        self.in_flight -= self
            .packets
            .drain(..self.arrived)
            .map(|flight| flight.bytes)
            .sum::<u64>();
        (self.arrived, self.told) = (0, 0);
    }

    /// What is on its way or waits to be sent is lost, and nobody will send it again.
    pub(super) fn drop_unread_flights(&mut self) {
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
pub(super) fn id(serial: u64, at: usize, side: usize) -> ConnId {
    assert!(at < 1 << 24, "more than 16 million connections");
    ConnId(serial << 25 | (at as u64) << 1 | side as u64)
}

#[inline]
pub(super) fn parts(conn: ConnId) -> (u64, usize, usize) {
    (
        conn.0 >> 25,
        (conn.0 >> 1) as usize & 0xff_ffff,
        (conn.0 & 1) as usize,
    )
}
