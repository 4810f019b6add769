//! The dead-letter topic of an application: a record that it cannot read goes there as it is, by a producer of the
//! application's own. Only when it is acknowledged there the consumer goes on behind it.

use super::{ConsumerOptions, Poison};
use crate::client::kafka_consumer::ConsumerRecord;
use crate::client::kafka_producer::{KafkaProducer, ProducerRecord};
use crate::client::sender::Delivery;
use crate::kernel::Time;
use crate::log::batch::Headers;
use crate::protocol::config::ProducerConfig;
use crate::protocol::{
    Ctx, Event, Fact, MessageFact, RecordId, TopicName, TopicPartition, content_of,
};
use std::rc::Rc;

/// The library's number among those of the node.
const OWNER: u8 = 2;

#[derive(Debug)]
pub(super) struct DeadLetters {
    topic: TopicName,
    library: KafkaProducer,
    name: Rc<str>,
    /// Records handed over.
    sent: u64,
    on_the_way: Option<Letter>,
}

#[derive(Debug)]
struct Letter {
    partition: TopicPartition,
    offset: i64,
    content: u64,
    created: Time,
}

impl DeadLetters {
    pub(super) fn new(options: &ConsumerOptions) -> Option<DeadLetters> {
        let Poison::DeadLetter(topic) = &options.poison else {
            return None;
        };
        let config = ProducerConfig::parse(&options.dead_letters).ok()?;
        let name = format!("{}-dead-letters", options.name);
        Some(DeadLetters {
            topic: TopicName::clone(topic),
            library: KafkaProducer::new(OWNER, &name, &options.bootstrap, &config),
            name: options.name.as_str().into(),
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

    /// Hands a record over as it is, with where it comes from and what was wrong in headers of Connect's names.
    pub(super) fn send(&mut self, ctx: &mut Ctx<'_>, record: &ConsumerRecord, why: &str) {
        let origin = [
            ("__connect.errors.topic", record.partition.topic.to_string()),
            (
                "__connect.errors.partition",
                record.partition.partition.to_string(),
            ),
            ("__connect.errors.offset", record.offset.to_string()),
            (
                "__connect.errors.exception.class.name",
                "org.apache.kafka.common.errors.RecordDeserializationException".to_owned(),
            ),
            ("__connect.errors.exception.message", why.to_owned()),
        ];
        let own: Vec<_> = record.headers.iter().collect();
        let own = own
            .iter()
            .map(|(name, value)| (&name[..], value.as_deref()));
        let origin = origin.iter();
        let origin = origin.map(|(name, value)| (name.as_bytes(), Some(value.as_bytes())));
        let headers: Headers = own.chain(origin).collect();
        self.sent += 1;
        self.on_the_way = Some(Letter {
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
                timestamp_ms: Some(record.timestamp_ms),
                key: record.key.clone(),
                value: record.value.clone(),
                headers,
            },
        );
        // The library has a thread of its own: it does not wait for the consumer's next event.
        self.library.run_sender(ctx);
    }

    /// True once the record is acknowledged, false once it is given up. To be called after each event.
    pub(super) fn settled(&mut self, ctx: &mut Ctx<'_>) -> Option<bool> {
        let settled = self.take_deliveries(ctx);
        self.library.run_sender(ctx);
        settled.or_else(|| self.take_deliveries(ctx))
    }

    fn take_deliveries(&mut self, ctx: &mut Ctx<'_>) -> Option<bool> {
        let mut settled = None;
        while let Some(delivery) = self.library.next_delivery() {
            let record = RecordId {
                producer: Rc::clone(&self.name),
                number: self.sent,
            };
            let Some(letter) = &self.on_the_way else {
                continue;
            };
            let (partition, offset) = (letter.partition.clone(), letter.offset);
            match delivery {
                Delivery::Queued { partition, .. } => ctx.fact(Fact::RecordCreated {
                    record,
                    partition,
                    content: letter.content,
                }),
                Delivery::Retrying {
                    partition,
                    error,
                    attempts,
                    idempotent,
                    ..
                } => ctx.fact(Fact::Retrying {
                    record,
                    partition,
                    error,
                    attempts,
                    idempotent,
                }),
                Delivery::Stored {
                    partition: to,
                    base_offset: to_offset,
                    attempts,
                    ..
                } => {
                    ctx.fact(Fact::Acked {
                        record,
                        partition: to.clone(),
                        offset: to_offset,
                        content: letter.content,
                        latency_ns: ctx.now().since(letter.created).0,
                        attempts,
                    });
                    ctx.fact(Fact::from(MessageFact::DeadLettered {
                        partition,
                        offset,
                        to,
                        to_offset,
                    }));
                    settled = Some(true);
                }
                Delivery::Failed {
                    partition: to,
                    exception,
                    attempts,
                    ..
                } => {
                    ctx.fact(Fact::Failed {
                        record,
                        partition: to,
                        exception: Rc::clone(&exception),
                        attempts,
                    });
                    ctx.fact(Fact::from(MessageFact::DeadLetterFailed {
                        partition,
                        offset,
                        exception,
                    }));
                    settled = Some(false);
                }
            }
            if settled.is_some() {
                self.on_the_way = None;
            }
        }
        settled
    }
}
