//! A producer node: an application that hands its workload's records to a `KafkaProducer`.

use crate::client::workload::Workload;
use crate::client::{Bootstrap, ConfigError, ProducerConfig};
use crate::protocol::config::Properties;
use crate::protocol::{Ctx, Event, TopicName};

/// What a producer node is built from.
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// Also its `client.id`, and the producer in its records' ids.
    pub name: String,
    pub bootstrap: Bootstrap,
    pub properties: Properties,
    pub topic: TopicName,
    pub workload: Workload,
}

#[derive(Debug)]
pub struct Producer {
    options: ProducerOptions,
    config: ProducerConfig,
}

impl Producer {
    pub fn new(options: ProducerOptions) -> Result<Producer, ConfigError> {
        let config = ProducerConfig::parse(&options.properties)?;
        Ok(Producer { options, config })
    }
    pub fn rebooted(&self) -> Producer {
        Producer {
            options: self.options.clone(),
            config: self.config.clone(),
        }
    }
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let _ = (event, ctx);
        todo!()
    }
}
