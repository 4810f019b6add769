//! A producer of an application's own: it sends what the application has read, one record at a time, as it is, and
//! says what came of it.

use super::ConsumerOptions;
use crate::client::delivery::Delivery;
use crate::client::kafka_consumer::ConsumerRecord;
use crate::client::kafka_producer::{KafkaProducer, ProducerRecord};
use crate::client::outstanding::Outstanding;
use crate::log::batch::Headers;
use crate::protocol::config::ProducerConfig;
use crate::protocol::{Ctx, Event, TopicName, TopicPartition};
use std::rc::Rc;

#[derive(Debug)]
pub(super) struct OwnProducer {
    topic: TopicName,
    library: KafkaProducer,
    outstanding: Outstanding,
    /// Where the record was read that is on its way.
    on_the_way: Option<(TopicPartition, i64)>,
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
    /// `owner` is the library's number among those of the node; `suffix` makes its `client.id`. Its records are told of
    /// under `name`.
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
            library: KafkaProducer::new(owner, &client_id, &options.bootstrap, &config)
                .of_release(options.release),
            outstanding: Outstanding::new(name.into()),
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
        self.on_the_way = Some((record.partition.clone(), record.offset));
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let content = Outstanding::content(ctx, key, value);
        let send = self.library.send(
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
        self.outstanding.push(ctx, send, send + 1, content);
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
            self.outstanding.state(ctx, &delivery);
            let to = match delivery {
                Delivery::Queued { .. } | Delivery::Retrying { .. } => continue,
                // It is alone in its batch.
                Delivery::Stored {
                    partition,
                    base_offset,
                    ..
                } => Ok((partition, base_offset)),
                Delivery::Failed { exception, .. } => Err(exception),
            };
            if let Some((partition, offset)) = self.on_the_way.take() {
                settled = Some(Settled {
                    partition,
                    offset,
                    to,
                });
            }
        }
        settled
    }
}
