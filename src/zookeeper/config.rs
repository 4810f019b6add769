//! What `zoo.cfg` says, with its defaults (`ServerConfig`).

use crate::kernel::NodeId;
use crate::protocol::rules::Rules;
use crate::protocol::zab::ServerId;
use std::collections::BTreeMap;

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
    /// The ensemble that it is a member of; none for a server by itself.
    pub quorum: Option<QuorumConfig>,
    /// How the release does it; no setting.
    pub rules: Rules,
}

/// The `server.N` lines of `zoo.cfg`, and `myid`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuorumConfig {
    pub my_id: ServerId,
    /// Every voter, this one included, and where it runs.
    pub servers: BTreeMap<ServerId, NodeId>,
    /// `initLimit` in ticks: how long discovery and synchronisation may take.
    pub init_limit: u32,
    /// `syncLimit` in ticks: how long a leader and a follower may be silent.
    pub sync_limit: u32,
}

impl QuorumConfig {
    /// With the limits of ZooKeeper's sample configuration.
    pub fn new(my_id: ServerId, servers: BTreeMap<ServerId, NodeId>) -> Self {
        QuorumConfig {
            my_id,
            servers,
            init_limit: 10,
            sync_limit: 5,
        }
    }

    /// Whether so many voters are a majority (`QuorumMaj`; ZB17).
    pub fn is_quorum(&self, voters: usize) -> bool {
        voters > self.servers.len() / 2
    }
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
            quorum: None,
            rules: Rules::default(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self::with_tick(2000)
    }
}
