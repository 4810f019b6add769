//! What `zoo.cfg` says, with its defaults (`ServerConfig`; section 1.8).

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
