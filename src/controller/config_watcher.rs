//! How a broker learns of changed configurations (`ZkConfigManager`,
//! `ZkNodeChangeNotificationListener`, RK10): it watches /config/changes and reads the named entity
//! anew for each new notice.

use super::ZkCalls;
use crate::protocol::TopicName;
use crate::protocol::config::Properties;
use crate::protocol::zookeeper::{Code, WatchedEvent};

/// A topic's own configuration as it stands in /config/topics/<topic> (`ZkConfigRepository`): what a
/// broker reads when it makes a partition's log, and at its start. Empty if there is none.
pub async fn fetch_topic_config(zk: &ZkCalls, topic: &str) -> Result<Properties, Code> {
    let _ = (zk, topic);
    todo!()
}

/// What happens to the watcher.
#[derive(Debug)]
pub enum ConfigWatcherInput {
    /// The broker starts: read what is there, begin to watch.
    Startup,
    /// A new session was opened after an expiry: look again.
    SessionReopened,
    /// A watch of the session fired. Those of others are ignored.
    Watch(WatchedEvent),
}

/// What the watcher tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigWatcherOutput {
    /// The topic's own configuration is this now (without defaults).
    TopicConfigChanged {
        topic: TopicName,
        properties: Properties,
    },
}

/// One broker's watcher.
pub struct ConfigWatcher {
    zk: ZkCalls,
}

impl ConfigWatcher {
    pub fn new(zk: ZkCalls) -> ConfigWatcher {
        ConfigWatcher { zk }
    }

    /// Questions to ZooKeeper; after answers, call `poll`.
    pub fn zk(&self) -> &ZkCalls {
        &self.zk
    }

    pub fn input(&mut self, now_ms: i64, input: ConfigWatcherInput) {
        let _ = (now_ms, input);
        todo!()
    }

    pub fn poll(&mut self, now_ms: i64) {
        let _ = now_ms;
        todo!()
    }

    pub fn take_outputs(&mut self) -> Vec<ConfigWatcherOutput> {
        todo!()
    }
}
