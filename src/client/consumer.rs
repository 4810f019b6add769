//! A consumer node: an application that reads all partitions of its topics with a `KafkaConsumer` and
//! states what it reads.

use crate::client::Bootstrap;
use crate::client::kafka_consumer::{KafkaConsumer, Polled};
use crate::protocol::config::{ConfigError, ConsumerConfig, Properties};
use crate::protocol::{Ctx, Event, Fact, TopicName, TopicPartition, content_of};
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
    /// The same for every partition that is not named.
    pub seek: Option<i64>,
}

#[derive(Debug)]
pub struct Consumer {
    options: ConsumerOptions,
    config: ConsumerConfig,
    library: KafkaConsumer,
    /// The metadata in which partitions were last looked for.
    seen_metadata: u64,
    records_read: u64,
}

/// The library's number among those of this node.
const OWNER: u8 = 0;

impl Consumer {
    pub fn new(options: ConsumerOptions) -> Result<Consumer, ConfigError> {
        let config = ConsumerConfig::parse(&options.properties)?;
        Ok(Consumer::fresh(options, config))
    }

    pub fn rebooted(&self) -> Consumer {
        Consumer::fresh(self.options.clone(), self.config.clone())
    }

    fn fresh(options: ConsumerOptions, config: ConsumerConfig) -> Consumer {
        Consumer {
            library: KafkaConsumer::new(OWNER, &options.name, &options.bootstrap, config.clone()),
            options,
            config,
            seen_metadata: 0,
            records_read: 0,
        }
    }

    /// The next offset to read of each partition that has a position.
    pub fn positions(&self) -> BTreeMap<TopicPartition, i64> {
        self.library.positions()
    }

    /// Records read since the process started.
    pub fn records_read(&self) -> u64 {
        self.records_read
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Started => {
                for topic in &self.options.topics {
                    self.library.add_topic(topic);
                }
                self.library.start(ctx);
            }
            Event::Terminate => {
                ctx.fact(Fact::Exiting {
                    status: 0,
                    why: "asked to stop".into(),
                });
                ctx.exit(0);
            }
            other => {
                // What is not the library's is of no concern to this node.
                let _ = self.library.on_event(other, ctx);
                self.assign_new_partitions(ctx);
            }
        }
        self.state_polled(ctx);
    }

    fn assign_new_partitions(&mut self, ctx: &mut Ctx<'_>) {
        if self.seen_metadata == self.library.metadata_version() {
            return;
        }
        self.seen_metadata = self.library.metadata_version();
        let mut any = false;
        for topic in &self.options.topics {
            for partition in 0..self.library.partitions_of(topic).unwrap_or(0) {
                let partition = TopicPartition::new(TopicName::clone(topic), partition);
                if self.library.is_assigned(&partition) {
                    continue;
                }
                any = true;
                self.library.assign(partition.clone());
                let named = self.options.start.get(&partition).copied();
                if let Some(offset) = named.or(self.options.seek) {
                    self.library.seek(&partition, offset);
                    ctx.fact(Fact::PositionSet {
                        partition,
                        offset,
                        why: "asked by the application".into(),
                        by_application: true,
                    });
                }
            }
        }
        if any {
            self.library.throw_for_missing_positions();
            self.library.poll(ctx);
        }
    }

    fn state_polled(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(polled) = self.library.next_polled() {
            ctx.fact(match polled {
                Polled::PositionSet {
                    partition,
                    offset,
                    why,
                } => Fact::PositionSet {
                    partition,
                    offset,
                    why,
                    by_application: false,
                },
                Polled::Record(_) if !ctx.states_routine() => {
                    self.records_read += 1;
                    continue;
                }
                Polled::Record(record) => {
                    self.records_read += 1;
                    Fact::Consumed {
                        content: content_of(record.key.as_deref(), record.value.as_deref()),
                        partition: record.partition,
                        offset: record.offset,
                        leader_epoch: record.leader_epoch,
                    }
                }
                Polled::Exception {
                    partition,
                    exception,
                } => Fact::ConsumerError {
                    partition,
                    exception: exception.into(),
                },
            });
        }
    }
}
