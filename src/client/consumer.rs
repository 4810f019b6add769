//! A consumer node: an application that reads all partitions of its topics with a `KafkaConsumer`.

use crate::client::{Bootstrap, ConfigError, ConsumerConfig};
use crate::protocol::config::Properties;
use crate::protocol::{Ctx, Event, TopicName, TopicPartition};
use std::collections::BTreeMap;

/// What a consumer node is built from.
#[derive(Clone, Debug)]
pub struct ConsumerOptions {
    /// Also its `client.id`.
    pub name: String,
    pub bootstrap: Bootstrap,
    pub properties: Properties,
    /// All partitions of these are read.
    pub topics: Vec<TopicName>,
    /// Where to begin; partitions not named here begin by `auto.offset.reset`.
    pub start: BTreeMap<TopicPartition, i64>,
}

#[derive(Debug)]
pub struct Consumer {
    options: ConsumerOptions,
    config: ConsumerConfig,
}

impl Consumer {
    pub fn new(options: ConsumerOptions) -> Result<Consumer, ConfigError> {
        let config = ConsumerConfig::parse(&options.properties)?;
        Ok(Consumer { options, config })
    }
    pub fn rebooted(&self) -> Consumer {
        Consumer {
            options: self.options.clone(),
            config: self.config.clone(),
        }
    }
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let _ = (event, ctx);
        todo!()
    }
    /// The next offset to read of each partition that has a position.
    pub fn positions(&self) -> BTreeMap<TopicPartition, i64> {
        todo!()
    }
    /// Records read since the process started.
    pub fn records_read(&self) -> u64 {
        todo!()
    }
}
