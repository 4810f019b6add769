//! A ZooKeeper server's process: one by itself, or a member of an ensemble.

use super::DataTree;
use super::config::ServerConfig;
use super::quorum::{QuorumPeer, QuorumRole, QuorumView};
use super::standalone::Standalone;
use super::zookeeper_server::ZooKeeperServer;
use crate::kernel::Time;
use crate::protocol::zab::ServerId;
use crate::protocol::zookeeper::{Path, SessionId, Zxid};
use crate::protocol::{Ctx, Event};

/// A session as its server sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionView {
    pub id: SessionId,
    pub timeout_ms: u32,
    /// When it expires unless it is heard of, on the server's own clock; `None` on a server that does
    /// not watch over sessions (a follower).
    pub expires: Option<Time>,
    /// The member that it speaks with, as far as the leader of an ensemble knows.
    pub owner: Option<ServerId>,
    pub ephemerals: Vec<Path>,
}

/// One server.
#[derive(Debug)]
pub struct Server {
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    Standalone(Box<Standalone>),
    Quorum(Box<QuorumPeer>),
}

impl Server {
    /// A fresh process: it recovers from its disk on `Event::Started`. It is a member of an ensemble
    /// where its configuration names one.
    pub fn new(config: ServerConfig) -> Self {
        let mode = if config.quorum.is_some() {
            Mode::Quorum(Box::new(QuorumPeer::new(config)))
        } else {
            Mode::Standalone(Box::new(Standalone::new(config)))
        };
        Server { mode }
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match &mut self.mode {
            Mode::Standalone(server) => server.on_event(event, ctx),
            Mode::Quorum(peer) => peer.on_event(event, ctx),
        }
    }

    pub fn config(&self) -> &ServerConfig {
        &self.server().config
    }

    /// What this server would answer to a read.
    pub fn tree(&self) -> &DataTree {
        &self.server().tree
    }

    /// Living sessions by id.
    pub fn sessions(&self) -> Vec<SessionView> {
        let tree = self.tree();
        let view = |(id, timeout_ms): (&SessionId, &u32)| SessionView {
            id: *id,
            timeout_ms: *timeout_ms,
            expires: match &self.mode {
                Mode::Standalone(server) => server.expires(*id),
                Mode::Quorum(peer) => peer.expires(*id),
            },
            owner: match &self.mode {
                Mode::Standalone(_) => None,
                Mode::Quorum(peer) => peer.owner(*id),
            },
            ephemerals: tree.ephemerals(*id).cloned().collect(),
        };
        tree.sessions().iter().map(view).collect()
    }

    /// What it would tell its clients: whether of a node's children, the path, and to which session.
    pub fn watches(&self) -> impl Iterator<Item = (bool, &Path, SessionId)> {
        let server = self.server();
        server.watches.all().filter_map(|(children, path, conn)| {
            let connection = server.connections.get(conn)?;
            Some((children, path, connection.session))
        })
    }

    /// The last transaction applied.
    pub fn last_zxid(&self) -> Zxid {
        self.server().last_zxid()
    }

    /// Clients are served: in an ensemble, as its established leader or as a follower of one.
    pub fn is_serving(&self) -> bool {
        match &self.mode {
            Mode::Standalone(server) => server.is_serving(),
            Mode::Quorum(peer) => peer.is_serving(),
        }
    }

    /// It serves, and orders the writes: the leader of an ensemble, or a server by itself. Standalone
    /// servers lead while they run.
    pub fn leads(&self) -> bool {
        match &self.mode {
            Mode::Standalone(_) => true,
            Mode::Quorum(peer) => {
                matches!(peer.view().role, QuorumRole::Leading { serves: true })
            }
        }
    }

    /// What it is in its ensemble; `None` for a server by itself.
    pub fn quorum(&self) -> Option<QuorumView> {
        match &self.mode {
            Mode::Standalone(_) => None,
            Mode::Quorum(peer) => Some(peer.view()),
        }
    }

    fn server(&self) -> &ZooKeeperServer {
        match &self.mode {
            Mode::Standalone(server) => &server.server,
            Mode::Quorum(peer) => peer.server(),
        }
    }
}
