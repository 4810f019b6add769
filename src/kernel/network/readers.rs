//! Which process and which of its threads reads a connection, and whether that is at work on what it has read.

use super::Network;
use super::connection::{Packet, State};
use crate::kernel::lane::{Incoming, Lane};
use crate::kernel::{ConnId, Domain, NodeId};

impl<D: Domain> Network<D> {
    /// A thread works on a message of this connection: nobody reads the next one meanwhile.
    pub(in crate::kernel) fn occupy(&mut self, conn: ConnId) {
        if let Some((at, side)) = self.find(conn) {
            self.conns[at].ends[side].busy = true;
        }
    }

    /// It is done; answers how many packets wait that the process has not been told of.
    pub(in crate::kernel) fn vacate(&mut self, conn: ConnId) -> usize {
        let Some((at, side)) = self.find(conn) else {
            return 0;
        };
        let end = &mut self.conns[at].ends[side];
        end.busy = false;
        if end.muted { 0 } else { self.unmute(conn) }
    }

    /// Whose message it would be that is sent on this end now, to whom, and to which end; `None` where a connection takes
    /// none any more.
    pub(in crate::kernel) fn takes_messages(
        &self,
        from: ConnId,
    ) -> Option<(NodeId, NodeId, ConnId)> {
        let (at, side) = self.find(from)?;
        let conn = &self.conns[at];
        let sends = matches!(
            conn.ends[side].state,
            State::Opening | State::Open | State::Closing
        );
        let sends = sends && !conn.pipes[1 - side].ended;
        sends.then(|| {
            let (from, to) = (conn.ends[side].node, conn.ends[1 - side].node);
            (from, to, self.id_of(at, 1 - side))
        })
    }

    /// Remembers which lane reads a connection.
    pub(in crate::kernel) fn set_lane(&mut self, conn: ConnId, lane: Lane) {
        if let Some((at, side)) = self.find(conn) {
            self.conns[at].ends[side].lane = lane;
        }
    }

    pub(in crate::kernel) fn reader_of(&self, end: ConnId) -> Option<(NodeId, Lane)> {
        self.find(end).map(|(at, side)| {
            let end = &self.conns[at].ends[side];
            (end.node, end.lane)
        })
    }

    /// What the process would read next.
    pub(in crate::kernel) fn incoming(&self, conn: ConnId) -> Incoming<'_, D> {
        let next = self.find(conn).and_then(|(at, side)| {
            let pipe = &self.conns[at].pipes[side];
            pipe.packets.front().filter(|_| pipe.arrived > 0)
        });
        match next.map(|flight| &flight.packet) {
            None => Incoming::Nothing,
            Some(Packet::Syn) => Incoming::Accepted,
            Some(Packet::SynAck) => Incoming::Connected(conn),
            Some(Packet::Message(message)) => Incoming::Message { conn, message },
            Some(Packet::Fin | Packet::Abort(_)) => Incoming::Closed(conn),
        }
    }
}
