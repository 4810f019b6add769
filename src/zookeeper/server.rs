//! A ZooKeeper server (`ZooKeeperServer`).

use super::DataTree;
use crate::kernel::Time;
use crate::protocol::zookeeper::{Path, SessionId, Zxid};
use crate::protocol::{Ctx, Event};

/// `zoo.cfg` of one server. Times in milliseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerConfig {
    /// `tickTime`; width of the buckets in which sessions expire.
    pub tick_time_ms: u32,
    /// `minSessionTimeout`: shorter wishes are raised to it. Default 2 ticks.
    pub min_session_timeout_ms: u32,
    /// `maxSessionTimeout`: longer wishes are cut to it. Default 20 ticks.
    pub max_session_timeout_ms: u32,
    /// `dataDir`; log and snapshots stand in its `version-2`.
    pub data_dir: String,
    /// `snapCount`: about so many transactions between snapshots.
    pub snap_count: u32,
}

impl ServerConfig {
    /// The defaults that follow from a tick.
    pub fn with_tick(tick_time_ms: u32) -> Self {
        ServerConfig {
            tick_time_ms,
            min_session_timeout_ms: tick_time_ms.saturating_mul(2),
            max_session_timeout_ms: tick_time_ms.saturating_mul(20),
            data_dir: "zookeeper".to_owned(),
            snap_count: 100_000,
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self::with_tick(2000)
    }
}

/// A session as its server sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionView {
    pub id: SessionId,
    pub timeout_ms: u32,
    /// When it expires unless it is heard of, on the server's own clock.
    pub expires: Option<Time>,
    pub ephemerals: Vec<Path>,
}

/// One server, standalone.
#[derive(Clone, Debug)]
pub struct Server {
    config: ServerConfig,
    tree: DataTree,
}

impl Server {
    /// A fresh process: it recovers from its disk on `Event::Started`.
    pub fn new(config: ServerConfig) -> Self {
        Server {
            config,
            tree: DataTree::default(),
        }
    }

    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let _ = (event, ctx);
        todo!()
    }

    /// What this server would answer to a read.
    pub fn tree(&self) -> &DataTree {
        &self.tree
    }

    /// Living sessions by id.
    pub fn sessions(&self) -> Vec<SessionView> {
        todo!()
    }

    /// The last transaction applied.
    pub fn last_zxid(&self) -> Zxid {
        todo!()
    }

    pub fn is_serving(&self) -> bool {
        todo!()
    }
}
