//! How a broker learns of changed configurations (`ZkConfigManager`,
//! `ZkNodeChangeNotificationListener`, RK10): it watches /config/changes and reads the named entity
//! anew for each new notice.

use super::ZkCalls;
use super::zk_requests::{ANY_VERSION, entity_config};
use crate::kernel::task::{Mailbox, Task};
use crate::metadata::znode;
use crate::protocol::TopicName;
use crate::protocol::config::Properties;
use crate::protocol::zookeeper::{Answer, Code, Op, WatchType, WatchedEvent};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Notices are deleted after this time.
const CHANGE_EXPIRATION_MS: i64 = 15 * 60 * 1000;

/// A topic's own configuration as it stands in `/config/topics/<topic>` (`ZkConfigRepository`): what a
/// broker reads when it makes a partition's log, and at its start. Empty if there is none.
pub async fn fetch_topic_config(zk: &ZkCalls, topic: &str) -> Result<Properties, Code> {
    entity_config(zk, znode::topic_config_path(topic)).await
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
    task: Task,
    shared: Rc<Shared>,
}

struct Shared {
    /// To look at the notices; never more than one waits.
    looks: Mailbox<Look>,
    outputs: RefCell<Vec<ConfigWatcherOutput>>,
    now_ms: Cell<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    AtNotices,
    /// At the start, the configurations of all topics too.
    AtEverything,
}

impl ConfigWatcher {
    pub fn new(zk: ZkCalls) -> ConfigWatcher {
        let shared = Rc::new(Shared {
            looks: Mailbox::new(),
            outputs: RefCell::default(),
            now_ms: Cell::new(0),
        });
        let listener = Listener {
            zk: zk.clone(),
            shared: Rc::clone(&shared),
            last_executed_change: -1,
        };
        ConfigWatcher {
            zk,
            task: Task::new(listener.run()),
            shared,
        }
    }

    /// Questions to ZooKeeper; after answers, call `poll`.
    pub fn zk(&self) -> &ZkCalls {
        &self.zk
    }

    /// `now_ms`: since 1970 on the broker's clock.
    pub fn input(&mut self, now_ms: i64, input: ConfigWatcherInput) {
        match input {
            ConfigWatcherInput::Startup => self.shared.looks.put(Look::AtEverything),
            ConfigWatcherInput::SessionReopened => self.look_at_notices(),
            ConfigWatcherInput::Watch(event)
                if event.kind == WatchType::NodeChildrenChanged
                    && &*event.path == znode::CONFIG_CHANGES =>
            {
                self.look_at_notices();
            }
            ConfigWatcherInput::Watch(_) => {}
        }
        self.poll(now_ms);
    }

    pub fn poll(&mut self, now_ms: i64) {
        self.shared.now_ms.set(now_ms);
        self.task.poll();
    }

    pub fn take_outputs(&mut self) -> Vec<ConfigWatcherOutput> {
        self.shared.outputs.take()
    }

    fn look_at_notices(&self) {
        if self.shared.looks.is_empty() {
            self.shared.looks.put(Look::AtNotices);
        }
    }
}

impl std::fmt::Debug for ConfigWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigWatcher")
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

/// The thread that processes notices, one look after the other.
struct Listener {
    zk: ZkCalls,
    shared: Rc<Shared>,
    last_executed_change: i64,
}

impl Listener {
    async fn run(mut self) {
        loop {
            let look = self.shared.looks.take().await;
            // An error ends this look; the next change or the next session brings another.
            let looked = self.process_notices().await;
            if look == Look::AtEverything && looked.is_ok() {
                let _ = self.read_all_topics().await;
            }
        }
    }

    async fn process_notices(&mut self) -> Result<(), Code> {
        let mut notices = self.children(znode::CONFIG_CHANGES, true).await?;
        notices.sort_unstable();
        let now_ms = self.shared.now_ms.get();
        for notice in &notices {
            let Some(number) = change_number(notice) else {
                continue;
            };
            if number <= self.last_executed_change {
                continue;
            }
            if let Some((data, _)) = self.notice(notice).await? {
                self.process_notice(&data).await?;
            }
            self.last_executed_change = number;
        }
        self.purge_obsolete(now_ms, &notices).await
    }

    /// Passes over what is no notice on a topic: no other entity's configuration is modelled.
    async fn process_notice(&self, data: &[u8]) -> Result<(), Code> {
        let Some(entity) = znode::decode_config_change(data) else {
            return Ok(());
        };
        match entity.strip_prefix("topics/") {
            Some(topic) => self.read_topic(topic).await,
            None => Ok(()),
        }
    }

    async fn read_all_topics(&self) -> Result<(), Code> {
        let mut topics = self.children(znode::TOPIC_CONFIGS, false).await?;
        topics.sort_unstable();
        for topic in topics {
            self.read_topic(&topic).await?;
        }
        Ok(())
    }

    async fn read_topic(&self, topic: &str) -> Result<(), Code> {
        let properties = fetch_topic_config(&self.zk, topic).await?;
        self.shared
            .outputs
            .borrow_mut()
            .push(ConfigWatcherOutput::TopicConfigChanged {
                topic: topic.into(),
                properties,
            });
        Ok(())
    }

    async fn purge_obsolete(&self, now_ms: i64, notices: &[Rc<str>]) -> Result<(), Code> {
        for notice in notices {
            let Some((_, made_ms)) = self.notice(notice).await? else {
                continue;
            };
            if now_ms.saturating_sub(made_ms) > CHANGE_EXPIRATION_MS {
                let path = format!("{}/{notice}", znode::CONFIG_CHANGES).into();
                let version = ANY_VERSION;
                match self.zk.call(Op::Delete { path, version }).await {
                    Ok(_) | Err(Code::NoNode) => {}
                    Err(code) => return Err(code),
                }
            }
        }
        Ok(())
    }

    async fn children(&self, path: &str, watch: bool) -> Result<Vec<Rc<str>>, Code> {
        let path = path.into();
        match self.zk.call(Op::GetChildren { path, watch }).await {
            Ok(Answer::Children { children, .. }) => Ok(children),
            Ok(_) => Err(Code::MarshallingError),
            Err(Code::NoNode) => Ok(Vec::new()),
            Err(code) => Err(code),
        }
    }

    /// A notice's content and when it was made; `None` if it is gone.
    async fn notice(&self, name: &str) -> Result<Option<(bytes::Bytes, i64)>, Code> {
        let path = format!("{}/{name}", znode::CONFIG_CHANGES).into();
        match self.zk.call(Op::GetData { path, watch: false }).await {
            Ok(Answer::Data { data, stat }) => Ok(Some((data, stat.ctime))),
            Ok(_) => Err(Code::MarshallingError),
            Err(Code::NoNode) => Ok(None),
            Err(code) => Err(code),
        }
    }
}

fn change_number(name: &str) -> Option<i64> {
    name.strip_prefix(znode::CONFIG_CHANGE_PREFIX)?.parse().ok()
}
