//! What `poll` does before the application sees a record: deserializers make objects of its bytes. Where they cannot,
//! `poll` throws, and what comes of that is the application's choice (CC17).
//!
//! What was polled before such a record is returned first. Then the position stays on the record, and each call
//! throws again, of whatever partition, until the application seeks past it.

use super::dead_letters::DeadLetters;
use super::{Consumer, ConsumerOptions, Poison};
use crate::client::kafka_consumer::{ConsumerRecord, KafkaConsumer, Polled};
use crate::client::schema_registry_client::SchemaRegistryClient;
use crate::client::serializers::{Deserializers, Reading as Read};
use crate::kernel::Duration;
use crate::protocol::config::SerializerConfig;
use crate::protocol::{
    ClientTimer, Ctx, Event, Fact, MessageFact, Part, RegistryRequest, Timer, TopicPartition,
};
use crate::serialization::bytes_in_words;
use std::collections::BTreeSet;

/// From one call of `poll` that threw to the next: what an application that goes round in a loop should do.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Reading {
    deserializers: Option<Deserializers>,
    registry: SchemaRegistryClient,
    /// A record whose schema the registry is asked for: `poll` has not returned.
    waiting: Option<Waiting>,
    /// It is looked at before all that the library has.
    first: Option<ConsumerRecord>,
    thrown: Option<Thrown>,
    dead_letters: Option<DeadLetters>,
    /// Partitions of which the rest of a poll was given back.
    given_back: BTreeSet<TopicPartition>,
    /// Schemas by which something was read.
    seen: BTreeSet<Option<u32>>,
}

#[derive(Debug)]
struct Waiting {
    record: ConsumerRecord,
    part: Part,
    id: u32,
}

/// What `poll` throws.
#[derive(Debug)]
struct Thrown {
    record: ConsumerRecord,
    part: Part,
    expected: String,
    found: String,
    times: u32,
}

impl Reading {
    pub(super) fn new(options: &ConsumerOptions) -> Reading {
        let config = SerializerConfig::of_consumer(&options.properties).unwrap_or_default();
        Reading {
            deserializers: Deserializers::new(&config, &options.schemas),
            registry: SchemaRegistryClient::new(&options.name, options.schemas.registry),
            waiting: None,
            first: None,
            thrown: None,
            dead_letters: DeadLetters::new(options),
            given_back: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    /// A record is looked at, and `poll` has not returned it; or `poll` throws for one.
    pub(super) fn has_something_in_hand(&self) -> bool {
        self.waiting.is_some() || self.first.is_some() || self.thrown.is_some()
    }

    /// These partitions are another's: a record of theirs is no concern any more.
    pub(super) fn give_up(&mut self, library: &mut KafkaConsumer, partitions: &[TopicPartition]) {
        let is_theirs = |thrown: &Thrown| partitions.contains(&thrown.record.partition);
        if self.thrown.as_ref().is_some_and(is_theirs) {
            self.thrown = None;
            library.hold(false);
        }
    }
}

impl Consumer {
    /// What the application gets next; nothing while a schema is asked for.
    pub(super) fn next_polled(&mut self) -> Option<Polled> {
        if self.reading.waiting.is_some() {
            return None;
        }
        match self.reading.first.take() {
            Some(record) => Some(Polled::Record(record)),
            None => self.library.next_polled(),
        }
    }

    /// A call of `poll`.
    pub(super) fn poll(&mut self, ctx: &mut Ctx<'_>) {
        match self.reading.thrown.is_some() {
            true => self.throw(ctx),
            false => self.library.begin_poll(ctx),
        }
    }

    /// Whether the application sees this record.
    pub(super) fn deserializes(&mut self, ctx: &mut Ctx<'_>, record: &ConsumerRecord) -> bool {
        let Some(deserializers) = &self.reading.deserializers else {
            return true;
        };
        if self.reading.thrown.is_some() {
            self.give_back(record);
            return false;
        }
        match deserializers.read(record.key.as_deref(), record.value.as_deref()) {
            Read::Objects { key, value, schema } => {
                let first = self.reading.seen.insert(schema);
                if ctx.states_routine() {
                    ctx.fact(Fact::from(MessageFact::Deserialized {
                        partition: record.partition.clone(),
                        offset: record.offset,
                        key: key.to_string().into(),
                        value: value.to_string().into(),
                        schema,
                        first,
                    }));
                }
                true
            }
            Read::NeedsSchema { part, id } => {
                self.library.hold(true);
                self.ask(ctx, record.clone(), part, id);
                false
            }
            Read::Unreadable {
                part,
                expected,
                found,
            } => {
                self.cannot_read(record.clone(), part, expected, found);
                false
            }
        }
    }

    /// A consumer without a group has nothing that ends a poll but the end of what was fetched.
    pub(super) fn throw_if_nothing_is_left(&mut self, ctx: &mut Ctx<'_>) {
        let is_new = |thrown: &Thrown| thrown.times == 0;
        if self.config.group.is_none() && self.reading.thrown.as_ref().is_some_and(is_new) {
            self.throw(ctx);
        }
    }

    /// The application calls `poll` again after it threw.
    pub(super) fn poll_again(&mut self, ctx: &mut Ctx<'_>) {
        if self.leaving.is_some() {
            return;
        }
        let Some(thrown) = self.reading.thrown.take() else {
            return;
        };
        let record = &thrown.record;
        let read = self.reading.deserializers.as_ref().map(|deserializers| {
            deserializers.read(record.key.as_deref(), record.value.as_deref())
        });
        match read {
            Some(Read::Unreadable { .. }) => {
                self.reading.thrown = Some(thrown);
                self.throw(ctx);
            }
            // The registry could not be asked, or had no such schema.
            Some(Read::NeedsSchema { part, id }) => {
                let record = thrown.record.clone();
                self.reading.thrown = Some(thrown);
                self.ask(ctx, record, part, id);
            }
            Some(Read::Objects { .. }) | None => self.go_on(ctx),
        }
    }

    /// Gives back an event that concerns neither schemas nor dead letters.
    pub(super) fn on_event_of_reading(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Option<Event> {
        if self.reading.deserializers.is_none() {
            return Some(event);
        }
        match self.reading.registry.on_event(event, ctx) {
            Ok(()) => {
                self.take_schema(ctx);
                None
            }
            Err(other) => match &mut self.reading.dead_letters {
                Some(letters) => letters.on_event(other, ctx).err(),
                None => Some(other),
            },
        }
    }

    pub(super) fn start_dead_letters(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(letters) = &mut self.reading.dead_letters {
            letters.start(ctx);
        }
    }

    /// A record that was sent to the dead-letter topic is there, or is not.
    pub(super) fn take_dead_letters(&mut self, ctx: &mut Ctx<'_>) {
        let Some(letters) = &mut self.reading.dead_letters else {
            return;
        };
        match letters.settled(ctx) {
            Some(true) => self.seek_past(ctx),
            Some(false) => {
                ctx.set_timer(PAUSE, Timer::Client(ClientTimer::PollAgain));
            }
            None => {}
        }
    }

    fn ask(&mut self, ctx: &mut Ctx<'_>, record: ConsumerRecord, part: Part, id: u32) {
        self.reading.waiting = Some(Waiting { record, part, id });
        self.reading
            .registry
            .ask(ctx, RegistryRequest::SchemaById(id));
        self.take_schema(ctx);
    }

    fn take_schema(&mut self, ctx: &mut Ctx<'_>) {
        let Some(answer) = self.reading.registry.take_answer() else {
            return;
        };
        let reading = &mut self.reading;
        let (Some(Waiting { record, part, id }), Some(deserializers)) =
            (reading.waiting.take(), &mut reading.deserializers)
        else {
            return;
        };
        if let Err(why) = &answer {
            ctx.fact(Fact::from(MessageFact::RegistryNotReached {
                what: format!("schema {id}").into(),
                why: why.as_str().into(),
            }));
        }
        match deserializers.learn(id, answer) {
            Ok(()) if reading.thrown.is_some() => self.poll_again(ctx),
            Ok(()) => {
                reading.first = Some(record);
                self.library.hold(false);
                self.state_polled(ctx);
                self.library.poll(ctx);
            }
            Err(expected) => {
                let bytes = match part {
                    Part::Key => &record.key,
                    Part::Value => &record.value,
                };
                let found = bytes_in_words(bytes.as_deref().unwrap_or_default());
                match reading.thrown.is_some() {
                    true => self.throw(ctx),
                    false => {
                        self.cannot_read(record, part, expected, found);
                        self.state_polled(ctx);
                    }
                }
            }
        }
    }

    fn cannot_read(&mut self, record: ConsumerRecord, part: Part, expected: String, found: String) {
        self.library.hold(true);
        self.give_back(&record);
        self.reading.thrown = Some(Thrown {
            record,
            part,
            expected,
            found,
            times: 0,
        });
    }

    /// The position of its partition stays on, or goes back to, the first that the application has not seen.
    fn give_back(&mut self, record: &ConsumerRecord) {
        if self.reading.given_back.insert(record.partition.clone()) {
            self.library.seek(&record.partition, record.offset);
        }
    }

    fn throw(&mut self, ctx: &mut Ctx<'_>) {
        self.reading.given_back.clear();
        let Some(thrown) = &mut self.reading.thrown else {
            return;
        };
        thrown.times = thrown.times.saturating_add(1);
        let (partition, offset) = (thrown.record.partition.clone(), thrown.record.offset);
        ctx.fact(Fact::from(MessageFact::NotDeserialized {
            partition: partition.clone(),
            offset,
            part: thrown.part,
            expected: thrown.expected.as_str().into(),
            found: thrown.found.as_str().into(),
            times: thrown.times,
        }));
        match &self.options.poison {
            Poison::Stuck => {
                // Its group hears of it as long as it polls.
                self.library.begin_poll(ctx);
                ctx.set_timer(PAUSE, Timer::Client(ClientTimer::PollAgain));
            }
            Poison::Skip => {
                ctx.fact(Fact::from(MessageFact::PoisonSkipped { partition, offset }));
                self.seek_past(ctx);
            }
            Poison::DeadLetter(_) => {
                self.library.begin_poll(ctx);
                if let (Some(letters), Some(thrown)) =
                    (&mut self.reading.dead_letters, &self.reading.thrown)
                {
                    let why = format!(
                        "expected {} of the {}, found {}",
                        thrown.expected,
                        thrown.part.name(),
                        thrown.found
                    );
                    letters.send(ctx, &thrown.record, &why);
                }
            }
        }
    }

    /// The application seeks past the record that it cannot read, and goes on.
    fn seek_past(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(Thrown { record, .. }) = self.reading.thrown.take() {
            let offset = record.offset + 1;
            self.library.seek(&record.partition, offset);
            ctx.fact(Fact::PositionSet {
                partition: record.partition,
                offset,
                why: "its application seeks past what it cannot read".into(),
                by_application: true,
            });
        }
        self.go_on(ctx);
    }

    fn go_on(&mut self, ctx: &mut Ctx<'_>) {
        self.library.hold(false);
        match self.config.group.is_some() {
            true => self.library.begin_poll(ctx),
            false => self.library.poll(ctx),
        }
    }
}
