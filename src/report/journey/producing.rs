//! What a record's producer does with it: hands it over, has it made bytes, sends it again, is answered, gives it up.

use super::what::KeyAndValue;
use super::words::{acknowledged, given_up, is_refusal};
use super::{Station, Walk};
use crate::check::millis;
use crate::client::REGISTRY_REFUSES;
use crate::kernel::{Cause, Duration, Time};
use crate::node::view::ClusterView;
use crate::protocol::{
    ErrorCode, Fact, MessageFact, ProducerStateFact, RecordId, Serialized, TopicPartition,
};
use crate::trace::{CauseEntry, TraceEntry, meaning_of};
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Default)]
pub(super) struct Producing {
    /// Processes that its node has had so far: another's records may have its name.
    life: u32,
    /// The ids that its process was given.
    pub(super) ids: Vec<i64>,
    /// Once it is made.
    pub(super) partition: Option<TopicPartition>,
    /// How many partitions its topic has had until then, each number once.
    pub(super) counts: Vec<u32>,
    created: Option<Time>,
    /// Its producer is done with it.
    pub(super) settled: Option<Time>,
    pub(super) acknowledged: bool,
    pub(super) sent_unanswered: bool,
    /// The exception, and why.
    pub(super) given_up: Option<String>,
    /// A broker said no to it, or the registry to its schema.
    pub(super) refused: bool,
    /// The event in which it was.
    pub(super) given_up_in: Option<u64>,
    /// In no request, until it was given up.
    pub(super) never_sent: bool,
    /// Key and value, as its serializers have made bytes of them.
    pub(super) serialized: Option<(Serialized, Serialized)>,
    pub(super) not_serialized: Option<String>,
    /// As its application has it.
    pub(super) bytes: Option<KeyAndValue>,
    /// What a registry said to its producer before it was made.
    registry: Vec<Station>,
    /// After which error it was last sent again, and whether with sequence numbers.
    pub(super) sent_again: Option<(ErrorCode, bool)>,
    /// While it is on its way: what was heard in an event was sent in which.
    answers: BTreeMap<u64, u64>,
    /// Its leaders' refusals, by their events.
    refusals: BTreeMap<u64, (Rc<str>, ErrorCode)>,
}

impl Producing {
    fn is_on_its_way(&self) -> bool {
        self.partition.is_some() && self.settled.is_none()
    }

    /// Which broker said what is heard in this event.
    fn refusal(&self, event: u64) -> Option<&(Rc<str>, ErrorCode)> {
        self.refusals.get(self.answers.get(&event)?)
    }

    fn settle(&mut self, now: Time) {
        self.settled = Some(now);
        self.answers.clear();
        self.refusals.clear();
    }
}

impl Walk<'_> {
    pub(super) fn cause(&mut self, cause: &CauseEntry, view: &dyn ClusterView) {
        let is_its_node = cause.node == self.found.made.node;
        let is_unmade = self.made.partition.is_none() && self.made.bytes.is_none();
        if is_its_node && is_unmade && self.is_its_process() {
            self.looks_at_application(view);
        }
        if let Cause::Packet { sent_in } = cause.cause
            && is_its_node
            && self.made.is_on_its_way()
        {
            self.made.answers.insert(cause.event, sent_in);
        }
    }

    /// What its node states is of the process that makes it.
    fn is_its_process(&self) -> bool {
        self.made.life == self.found.made.life
    }

    /// A fact about a record of this name is about this one.
    fn is_it(&self, record: &RecordId) -> bool {
        self.made.partition.is_some() && self.is_its_process() && record == self.record()
    }

    /// It is not made yet, and this is the name that it will have.
    fn will_be(&self, record: &RecordId) -> bool {
        self.made.partition.is_none() && self.is_its_process() && record == self.record()
    }

    pub(super) fn fact_of_producer(&mut self, entry: &TraceEntry, view: &dyn ClusterView) {
        let is_its_node = entry.node == self.found.made.node;
        match &entry.fact {
            Fact::RecordCreated {
                record,
                partition,
                waited_ns,
                ..
            } if is_its_node && record == self.record() && self.is_its_process() => {
                self.made.partition = Some(partition.clone());
                self.made.created = Some(entry.time);
                self.is_handed_over(entry, Duration(*waited_ns));
            }
            Fact::RecordCreated { .. } if is_its_node => self.made.registry.clear(),
            Fact::StateWritten { partition, .. } if self.made.partition.is_none() => {
                self.counts_partitions(partition, view);
            }
            Fact::Consumed {
                partition,
                offset,
                content,
                ..
            } if is_its_node
                && self.made.partition.is_none()
                && *content == self.found.made.content =>
            {
                self.looks_at_origin(partition, *offset, view);
            }
            Fact::Message(MessageFact::NotDeserialized {
                partition, offset, ..
            }) if is_its_node && self.made.partition.is_none() => {
                self.looks_at_origin(partition, *offset, view);
            }
            Fact::Message(fact) => self.message_fact(entry, fact),
            Fact::Retrying {
                record,
                error,
                attempts,
                idempotent,
                ..
            } if self.is_it(record) => {
                self.made.sent_again = Some((*error, *idempotent));
                self.made.refused |= self.made.refusal(entry.event).is_some();
                let by = match self.made.refusal(entry.event) {
                    Some((broker, _)) => format!("{broker} answers attempt {attempts} with"),
                    None => format!("attempt {attempts} ended with"),
                };
                let meaning = meaning_of(*error, *idempotent);
                self.says(entry, format!("will send it again: {by} {error}{meaning}"));
            }
            Fact::Acked {
                record,
                offset,
                latency_ns,
                attempts,
                ..
            } if self.is_it(record) => {
                self.made.settle(entry.time);
                self.made.acknowledged = *offset >= 0;
                self.made.sent_unanswered = *offset < 0;
                self.says(entry, acknowledged(*offset, *latency_ns, *attempts));
            }
            Fact::Failed {
                record,
                exception,
                attempts,
                ..
            } if self.is_it(record) => self.is_given_up(entry, exception, *attempts),
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. }
                if is_its_node && self.made.is_on_its_way() =>
            {
                self.made.settle(entry.time);
                self.says(entry, "ends before it learns what became of it".to_owned());
            }
            Fact::ProduceRefused { partition, error }
                if self.is_at(partition) && self.made.is_on_its_way() =>
            {
                let refusal = (entry.node.clone(), *error);
                self.made.refusals.insert(entry.event, refusal);
            }
            Fact::Started if is_its_node => self.made.life += 1,
            Fact::ProducerState(ProducerStateFact::IdGiven { producer_id, .. })
                if is_its_node && self.is_its_process() =>
            {
                self.made.ids.push(*producer_id);
            }
            _ => {}
        }
    }

    fn counts_partitions(&mut self, written: &TopicPartition, view: &dyn ClusterView) {
        if written.topic != self.found.made.partition.topic {
            return;
        }
        let topics = view.topics();
        let topic = topics.iter().find(|topic| topic.name == written.topic);
        let count = topic.map(|topic| topic.partition_count);
        if self.made.counts.last().copied() != count {
            self.made.counts.extend(count);
        }
    }

    fn message_fact(&mut self, entry: &TraceEntry, fact: &MessageFact) {
        let asks = |client: &Rc<str>| *client == self.found.made.node;
        let said = match fact {
            MessageFact::Serialized {
                record, key, value, ..
            } if self.will_be(record) => {
                self.made.serialized = Some((*key.clone(), *value.clone()));
                return;
            }
            MessageFact::NotSerialized { record, part, why } if self.will_be(record) => {
                self.made.refused = why.starts_with(REGISTRY_REFUSES);
                self.made.not_serialized = Some(format!("its {}: {why}", part.name()));
                return;
            }
            MessageFact::SchemaRegistered {
                subject,
                version,
                id,
                client,
            } if asks(client) => {
                format!("takes its schema as version {version} of {subject}, id {id}")
            }
            MessageFact::SchemaRefused {
                subject,
                compatibility,
                why,
                client,
            } if asks(client) => format!(
                "refuses its schema for {subject} (409, compatibility {compatibility}): {why}"
            ),
            MessageFact::SchemaAsked { id, client } if asks(client) => {
                format!("knows its schema: id {id}")
            }
            MessageFact::RegistryNotReached { what, why } if entry.node == self.found.made.node => {
                format!("cannot ask the schema registry for {what}: {why}")
            }
            _ => return,
        };
        if self.made.partition.is_none() {
            self.made.registry.push(Station {
                time: entry.time,
                node: entry.node.clone(),
                what: said,
            });
        }
    }

    /// Stated when it is in a batch, or given up before that.
    fn is_handed_over(&mut self, entry: &TraceEntry, waited: Duration) {
        let called = Time(entry.time.0.saturating_sub(waited.0));
        self.says_since(called, &entry.node, "hands it to its producer".to_owned());
        for said in std::mem::take(&mut self.made.registry) {
            if said.time >= called {
                self.says_since(said.time, &said.node, said.what);
            }
        }
        if waited > Duration::ZERO {
            let waited = millis(waited);
            self.says(
                entry,
                format!("has it in a batch: send had waited for {waited}"),
            );
        }
    }

    fn is_given_up(&mut self, entry: &TraceEntry, exception: &Rc<str>, attempts: u32) {
        // Of what comes into no batch both is stated at once.
        let in_no_batch = attempts == 0 && self.made.created == Some(entry.time);
        if in_no_batch {
            let in_batch = |it: &Station| it.time == entry.time && it.what.starts_with("has it in");
            self.stations.retain(|it| !in_batch(it));
        }
        let refusal = self.made.refusal(entry.event);
        let is_refused = refusal.is_some() || is_refusal(exception, attempts);
        let retries = self
            .producer()
            .is_some_and(|it| it.config.contains_key("retries"));
        let why = match (&self.made.not_serialized, refusal) {
            (Some(why), _) => format!(": {why}"),
            (None, Some((broker, error))) => {
                format!(
                    ": {broker} answers with {error}{}",
                    meaning_of(*error, true)
                )
            }
            (None, None) => {
                let why = given_up(exception, attempts, in_no_batch, retries);
                let before = self.made.sent_again.map(|(error, idempotent)| {
                    let meaning = meaning_of(error, idempotent);
                    format!("; the attempt before ended with {error}{meaning}")
                });
                format!("{why}{}", before.unwrap_or_default())
            }
        };
        let does = match in_no_batch {
            true => "send gives it up before it is in a batch",
            false => "gives it up",
        };
        self.says(entry, format!("{does}: {exception}{why}"));
        self.made.given_up = Some(format!("{exception}{why}"));
        self.made.given_up_in = Some(entry.event);
        self.made.refused |= is_refused;
        self.made.never_sent = attempts == 0;
        self.made.settle(entry.time);
    }
}
