//! What `send` does before a record has a partition: serializers make bytes of its objects (CS8). Where one of them
//! has a schema, it asks a registry for the schema's id first, and `send` does not return before.

use super::{Producer, ProducerOptions};
use crate::client::kafka_producer::UNKNOWN_PARTITION;
use crate::client::schema_registry_client::SchemaRegistryClient;
use crate::client::serializers::Serializers;
use crate::client::workload::Objects;
use crate::kernel::Time;
use crate::protocol::config::SerializerConfig;
use crate::protocol::{Ctx, Event, Fact, MessageFact, Part, TopicName, TopicPartition, content_of};
use std::rc::Rc;

#[derive(Debug)]
pub(super) struct Sending {
    serializers: Option<Serializers>,
    registry: SchemaRegistryClient,
    waiting: Option<Waiting>,
}

/// A record that is not bytes yet.
#[derive(Debug)]
struct Waiting {
    number: u64,
    /// When its application has called `send`.
    called: Time,
    objects: Objects,
    timestamp_ms: Option<i64>,
}

impl Sending {
    pub(super) fn new(options: &ProducerOptions) -> Sending {
        let config = SerializerConfig::of_producer(&options.properties).unwrap_or_default();
        Sending {
            serializers: Serializers::new(&config, &options.schemas, &options.topic),
            registry: SchemaRegistryClient::new(&options.name, options.schemas.registry),
            waiting: None,
        }
    }

    /// The library does, not the application.
    pub(super) fn serializes(&self) -> bool {
        self.serializers.is_some()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}

impl Producer {
    pub(super) fn serialize(
        &mut self,
        ctx: &mut Ctx<'_>,
        number: u64,
        objects: Objects,
        timestamp_ms: Option<i64>,
    ) {
        self.sending.waiting = Some(Waiting {
            number,
            called: ctx.now(),
            objects,
            timestamp_ms,
        });
        self.go_on_serializing(ctx);
    }

    /// Gives back an event that is not the registry's.
    pub(super) fn on_registry_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Option<Event> {
        if !self.sending.serializes() {
            return Some(event);
        }
        if let Err(other) = self.sending.registry.on_event(event, ctx) {
            return Some(other);
        }
        self.go_on_serializing(ctx);
        None
    }

    fn go_on_serializing(&mut self, ctx: &mut Ctx<'_>) {
        let Sending {
            serializers: Some(serializers),
            registry,
            waiting,
        } = &mut self.sending
        else {
            return;
        };
        if waiting.is_none() {
            return;
        }
        while let Some((part, question)) = serializers.missing() {
            let learned = match registry.take_answer() {
                None => {
                    if !registry.is_busy() {
                        registry.ask(ctx, question);
                    }
                    if registry.is_busy() {
                        return;
                    }
                    continue;
                }
                Some(Ok(answer)) => serializers.learn(part, answer),
                Some(Err(why)) => {
                    ctx.fact(Fact::from(MessageFact::RegistryNotReached {
                        what: "the id of its schema".into(),
                        why: why.as_str().into(),
                    }));
                    Err(format!(
                        "the registry cannot be asked for its schema's id: {why}"
                    ))
                }
            };
            if let Err(why) = learned {
                return self.throw(ctx, part, &why);
            }
        }
        let Some(record) = waiting else {
            return;
        };
        let (number, called) = (record.number, record.called);
        let timestamp_ms = record.timestamp_ms;
        let key = serializers.key(&record.objects.key);
        let value = serializers.value(&record.objects.value);
        match (key, value) {
            (Err(why), _) => self.throw(ctx, Part::Key, &why),
            (_, Err(why)) => self.throw(ctx, Part::Value, &why),
            (Ok((key, key_written)), Ok((value, value_written))) => {
                self.sending.waiting = None;
                if ctx.states_routine() {
                    ctx.fact(Fact::from(MessageFact::Serialized {
                        record: self.on_the_way.record_id(number),
                        key: Box::new(key_written),
                        value: Box::new(value_written),
                        headers: self.headers_as_text(),
                    }));
                }
                self.send(ctx, (number, called), timestamp_ms, key, value);
            }
        }
    }

    fn headers_as_text(&self) -> Vec<(Rc<str>, Rc<str>)> {
        let text = |bytes: &[u8]| Rc::from(String::from_utf8_lossy(bytes).as_ref());
        let headers = self.options.headers.iter();
        let headers = headers.map(|(name, value)| {
            let value = value.as_deref().unwrap_or_default();
            (text(&name), text(value))
        });
        headers.collect()
    }

    /// SerializationException out of `send`: the record is in no batch, and no callback is called.
    fn throw(&mut self, ctx: &mut Ctx<'_>, part: Part, why: &str) {
        let Some(Waiting {
            number,
            called,
            objects,
            ..
        }) = self.sending.waiting.take()
        else {
            return;
        };
        let (key, value) = (objects.key.text, objects.value.text);
        let topic = TopicName::clone(&self.options.topic);
        let partition = TopicPartition::new(topic, UNKNOWN_PARTITION);
        ctx.fact(Fact::from(MessageFact::NotSerialized {
            record: self.on_the_way.record_id(number),
            part,
            why: why.into(),
        }));
        let content = content_of(key.as_deref(), value.as_deref());
        let exception = "SerializationException";
        self.on_the_way
            .state_thrown(ctx, (number, called), content, partition, exception);
    }
}
