//! The dead-letter topic of an application: a record that it cannot read goes there as it is, by a producer of the
//! application's own. Only when it is acknowledged there the consumer goes on behind it.

use super::own_producer::OwnProducer;
use super::{ConsumerOptions, Poison};
use crate::client::kafka_consumer::ConsumerRecord;
use crate::log::batch::Headers;
use crate::protocol::{Ctx, Event, Fact, MessageFact};

/// The library's number among those of the node.
const OWNER: u8 = 2;

#[derive(Debug)]
pub(super) struct DeadLetters {
    producer: OwnProducer,
}

impl DeadLetters {
    pub(super) fn new(options: &ConsumerOptions) -> Option<DeadLetters> {
        let Poison::DeadLetter(topic) = &options.poison else {
            return None;
        };
        let producer = OwnProducer::new(OWNER, options, "dead-letters", &options.name, topic)?;
        Some(DeadLetters { producer })
    }

    pub(super) fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.producer.start(ctx);
    }

    pub(super) fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        self.producer.on_event(event, ctx)
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
        let timestamp_ms = Some(record.timestamp_ms);
        self.producer.send(ctx, record, timestamp_ms, headers);
    }

    /// True once the record is acknowledged, false once it is given up. To be called after each event.
    pub(super) fn settled(&mut self, ctx: &mut Ctx<'_>) -> Option<bool> {
        let settled = self.producer.settled(ctx)?;
        let (partition, offset) = (settled.partition, settled.offset);
        let is_stored = settled.to.is_ok();
        ctx.fact(Fact::from(match settled.to {
            Ok((to, to_offset)) => MessageFact::DeadLettered {
                partition,
                offset,
                to,
                to_offset,
            },
            Err(exception) => MessageFact::DeadLetterFailed {
                partition,
                offset,
                exception,
            },
        }));
        Some(is_stored)
    }
}
