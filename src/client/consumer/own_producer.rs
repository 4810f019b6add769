//! A producer of an application's own: it sends what the application has read, one record at a time, as it is, and
//! says what came of it.

use super::ConsumerOptions;
use crate::client::delivery::Delivery;
use crate::client::kafka_consumer::ConsumerRecord;
use crate::client::kafka_producer::{KafkaProducer, ProducerRecord};
use crate::kernel::Time;
use crate::log::batch::Headers;
use crate::protocol::config::ProducerConfig;
use crate::protocol::{Ctx, Event, Fact, RecordId, TopicName, TopicPartition, content_of};
use std::rc::Rc;

#[derive(Debug)]
pub(super) struct OwnProducer {
    topic: TopicName,
    library: KafkaProducer,
    /// Under which its records are told of.
    name: Rc<str>,
    /// Records handed over.
    sent: u64,
    on_the_way: Option<Sent>,
}

#[derive(Debug)]
struct Sent {
    partition: TopicPartition,
    offset: i64,
    content: u64,
    created: Time,
}

/// What came of a record that was read there.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) partition: TopicPartition,
    pub(super) offset: i64,
    /// Where it is stored, or Java's exception.
    pub(super) to: Result<(TopicPartition, i64), Rc<str>>,
}

impl OwnProducer {
    /// `owner` is the library's number among those of the node; `suffix` makes its `client.id`.
    pub(super) fn new(
        owner: u8,
        options: &ConsumerOptions,
        suffix: &str,
        name: &str,
        topic: &TopicName,
    ) -> Option<OwnProducer> {
        let config = ProducerConfig::parse(&options.own_producer).ok()?;
        let client_id = format!("{}-{suffix}", options.name);
        Some(OwnProducer {
            topic: TopicName::clone(topic),
            library: KafkaProducer::new(owner, &client_id, &options.bootstrap, &config),
            name: name.into(),
            sent: 0,
            on_the_way: None,
        })
    }

    pub(super) fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.library.start(ctx);
    }

    pub(super) fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        self.library.on_event(event, ctx)
    }

    pub(super) fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        record: &ConsumerRecord,
        timestamp_ms: Option<i64>,
        headers: Headers,
    ) {
        self.sent += 1;
        self.on_the_way = Some(Sent {
            partition: record.partition.clone(),
            offset: record.offset,
            content: content_of(record.key.as_deref(), record.value.as_deref()),
            created: ctx.now(),
        });
        self.library.send(
            ctx,
            ProducerRecord {
                topic: TopicName::clone(&self.topic),
                partition: None,
                timestamp_ms,
                key: record.key.clone(),
                value: record.value.clone(),
                headers,
            },
        );
        // The library has a thread of its own: it does not wait for the consumer's next event.
        self.library.run_sender(ctx);
    }

    /// Once the record is acknowledged, or given up. To be called after each event.
    pub(super) fn settled(&mut self, ctx: &mut Ctx<'_>) -> Option<Settled> {
        let settled = self.take_deliveries(ctx);
        self.library.run_sender(ctx);
        settled.or_else(|| self.take_deliveries(ctx))
    }

    fn take_deliveries(&mut self, ctx: &mut Ctx<'_>) -> Option<Settled> {
        let mut settled = None;
        while let Some(delivery) = self.library.next_delivery() {
            let record = RecordId {
                producer: Rc::clone(&self.name),
                number: self.sent,
            };
            let Some(sent) = &self.on_the_way else {
                continue;
            };
            let to = match delivery {
                Delivery::Queued { partition, .. } => {
                    ctx.fact(Fact::RecordCreated {
                        record,
                        partition,
                        content: sent.content,
                    });
                    continue;
                }
                Delivery::Retrying {
                    partition,
                    error,
                    attempts,
                    idempotent,
                    ..
                } => {
                    ctx.fact(Fact::Retrying {
                        record,
                        partition,
                        error,
                        attempts,
                        idempotent,
                    });
                    continue;
                }
                Delivery::Stored {
                    partition,
                    base_offset: offset,
                    attempts,
                    ..
                } => {
                    ctx.fact(Fact::Acked {
                        record,
                        partition: partition.clone(),
                        offset,
                        content: sent.content,
                        latency_ns: ctx.now().since(sent.created).0,
                        attempts,
                    });
                    Ok((partition, offset))
                }
                Delivery::Failed {
                    partition,
                    exception,
                    attempts,
                    ..
                } => {
                    ctx.fact(Fact::Failed {
                        record,
                        partition,
                        exception: Rc::clone(&exception),
                        attempts,
                    });
                    Err(exception)
                }
            };
            settled = Some(Settled {
                partition: sent.partition.clone(),
                offset: sent.offset,
                to,
            });
            self.on_the_way = None;
        }
        settled
    }
}
