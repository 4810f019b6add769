//! On which ports processes take connections in. A process that names none takes in all, and a connection to
//! port 0 is for whoever listens.

use super::connection::{CLIENT, SERVER};
use super::{ConnId, Domain, Network, NodeId};

pub(super) struct Port {
    number: u16,
    /// For processes of the same machine only.
    local: bool,
}

impl<D: Domain> Network<D> {
    /// A process is gone or begins, and with it its ports.
    pub(in crate::kernel) fn close_ports(&mut self, node: NodeId) {
        self.hosts[node.0 as usize].ports.clear();
    }

    pub(in crate::kernel) fn listen_on(&mut self, node: NodeId, number: u16, local: bool) {
        self.hosts[node.0 as usize]
            .ports
            .push(Port { number, local });
    }

    /// To which a connection was opened.
    pub(in crate::kernel) fn port(&self, conn: ConnId) -> u16 {
        self.find(conn).map_or(0, |(at, _)| self.conns[at].port)
    }

    /// Somebody takes in what comes to this connection's port.
    pub(super) fn is_taken_in(&self, at: usize) -> bool {
        let conn = &self.conns[at];
        let [from, to] = [conn.ends[CLIENT].node, conn.ends[SERVER].node];
        let host = &self.hosts[to.0 as usize];
        let is_open = |port: &Port| port.number == conn.port && (!port.local || from == to);
        host.listening
            && (conn.port == 0 || host.ports.is_empty() || host.ports.iter().any(is_open))
    }
}
