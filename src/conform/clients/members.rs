//! The recorder's members of groups (class Member of the lab): a consumer in a process of its own that polls as
//! long as it lives, and what its application was told.

use super::recording::Deed;
use crate::client::{
    Bootstrap, Client, Consumer, ConsumerOptions, Poison, SchemaOptions, WorkOptions,
};
use crate::node::Node;
use crate::protocol::config::{
    ConfigError, ConsumerConfig, KafkaVersion, Properties, SerializerConfig,
};
use crate::protocol::rules::Rules;
use crate::protocol::{Fact, GroupFact, TopicName, TopicPartition, UNKNOWN_GENERATION_ID};
use crate::run::Unbuildable;
use crate::trace::TraceEntry;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// All members are of this group.
pub(super) const GROUP: &str = "g";

/// A member's process, as it is started for a join.
pub(super) fn process(deed: &Deed, bootstrap: Bootstrap) -> Result<Node, Unbuildable> {
    let Deed::Join {
        member,
        topics,
        properties,
    } = deed
    else {
        return Err(Unbuildable("only who joins has a process".to_owned()));
    };
    let options = ConsumerOptions {
        name: member.clone(),
        bootstrap,
        properties: settings(properties),
        topics: topics.iter().map(TopicName::clone).collect(),
        pattern: None,
        assign: None,
        start: BTreeMap::new(),
        seek: None,
        work: WorkOptions::default(),
        schemas: SchemaOptions::default(),
        poison: Poison::default(),
        own_producer: Properties::new(),
        release: KafkaVersion::V3_9,
        rules: Rules::default(),
    };
    let consumer = Consumer::new(options).map_err(|error| Unbuildable(error.to_string()))?;
    Ok(Node::Client(Client::Consumer(Box::new(consumer))))
}

/// Whether a consumer can be made with a member's own settings.
pub(super) fn check_properties(own: &Properties) -> Result<(), ConfigError> {
    let all = settings(own);
    ConsumerConfig::parse(&all)?;
    SerializerConfig::of_consumer(&all).map(drop)
}

/// What the recorder gives every member, under its own.
fn settings(own: &Properties) -> Properties {
    let shared = [
        ("group.id", GROUP),
        ("auto.offset.reset", "earliest"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "500"),
        ("auto.commit.interval.ms", "500"),
    ];
    let shared = shared.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut settings = Properties::from(shared);
    settings.extend(own.clone());
    settings
}

/// What a member's listener heard since the last look, and what it had when its last `poll` returned.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    log: Vec<String>,
    generation: i32,
    assigned: BTreeSet<TopicPartition>,
    /// What `poll` has thrown. The recorder's member closes then, and says so afterwards; nobody looks any more at what it
    /// has.
    thrown: Option<Rc<str>>,
}

impl Heard {
    /// Of a member that has polled, and has joined nothing yet.
    pub(super) fn nothing() -> Heard {
        Heard {
            log: Vec::new(),
            generation: UNKNOWN_GENERATION_ID,
            assigned: BTreeSet::new(),
            thrown: None,
        }
    }

    pub(super) fn hear(&mut self, entry: &TraceEntry) {
        if let Fact::Exiting { .. } = &entry.fact
            && let Some(exception) = self.thrown.take()
        {
            self.log.push(format!("error {exception}"));
        }
        let Fact::Group(fact) = &entry.fact else {
            return;
        };
        match fact {
            GroupFact::PartitionsAssigned {
                partitions,
                kept,
                generation,
                ..
            } => {
                self.log.push(format!("assigned {}", names(partitions)));
                self.generation = *generation;
                self.assigned = partitions.iter().chain(kept.iter()).cloned().collect();
            }
            GroupFact::PartitionsRevoked { partitions, .. } => {
                self.log.push(format!("revoked {}", names(partitions)));
                self.give_up(partitions);
            }
            GroupFact::PartitionsLost { partitions, .. } => {
                self.log.push(format!("lost {}", names(partitions)));
                self.give_up(partitions);
            }
            GroupFact::Failed { exception, .. } => {
                self.thrown = Some(Rc::clone(exception));
            }
            _ => {}
        }
    }

    fn give_up(&mut self, partitions: &[TopicPartition]) {
        if self.thrown.is_none() {
            self.assigned.retain(|it| !partitions.contains(it));
        }
    }

    /// As the recorder wrote it down.
    pub(super) fn shown(&self) -> Value {
        let assigned: BTreeSet<String> = self.assigned.iter().map(ToString::to_string).collect();
        json!({ "log": self.log, "generation": self.generation, "assigned": assigned })
    }

    /// The recorder has looked.
    pub(super) fn looked_at(&mut self) {
        self.log.clear();
    }
}

/// `[t-0 t-1]`, in the order of the names.
fn names(partitions: &[TopicPartition]) -> String {
    let names: BTreeSet<String> = partitions.iter().map(ToString::to_string).collect();
    let names: Vec<String> = names.into_iter().collect();
    format!("[{}]", names.join(" "))
}
