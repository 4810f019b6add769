//! Every key that a scenario file may have, with what it says: what editors show through the schema, and the book's
//! reference.
//!
//! A room is a map of the file with the keys that may stand in it. What a key takes is a form; `json_schema` makes a
//! JSON Schema of these, the book a table. That they are the keys that are read is held by tests against the reader itself.
//!
//! May not know of any one scenario: what a name means, whether a number fits the cluster.

mod clients;
mod forms;
mod questions;
mod rules;
mod servers;
mod timeline;

pub(in crate::scenario) use forms::in_any_case;
pub use forms::{Form, Written};

use crate::protocol::config::Scope;

/// A map of a scenario file.
#[derive(Debug)]
pub struct Room {
    /// A heading; links and definitions are made of it.
    pub title: &'static str,
    /// Where it stands, such as `producers`, by name.
    pub stands: &'static str,
    pub keys: &'static [Key],
    /// Of each of these sets exactly one key is said.
    pub exactly_one: &'static [&'static [&'static str]],
}

/// A key, and what stands behind it.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub form: Form,
    /// What it says, in Markdown.
    pub says: &'static str,
    /// What holds without it; `None`: it must be said.
    pub unless: Option<&'static str>,
    /// It stands beside one of these, or not at all.
    pub beside: &'static [&'static str],
    /// It wants all of these beside it.
    pub needs: &'static [&'static str],
}

const fn must(name: &'static str, form: Form, says: &'static str) -> Key {
    Key {
        name,
        form,
        says,
        unless: None,
        beside: &[],
        needs: &[],
    }
}

const fn may(name: &'static str, form: Form, says: &'static str, unless: &'static str) -> Key {
    Key {
        name,
        form,
        says,
        unless: Some(unless),
        beside: &[],
        needs: &[],
    }
}

impl Key {
    const fn beside(self, beside: &'static [&'static str]) -> Key {
        Key { beside, ..self }
    }

    const fn needs(self, needs: &'static [&'static str]) -> Key {
        Key { needs, ..self }
    }
}

impl Room {
    const fn new(title: &'static str, stands: &'static str, keys: &'static [Key]) -> Room {
        Room {
            title,
            stands,
            keys,
            exactly_one: &[],
        }
    }

    const fn exactly_one(self, exactly_one: &'static [&'static [&'static str]]) -> Room {
        Room {
            exactly_one,
            ..self
        }
    }
}

/// All rooms, in the order in which a reader meets them.
pub static ROOMS: &[&Room] = &[
    &SCENARIO,
    &servers::CLUSTER,
    &servers::ZOOKEEPER,
    &servers::BROKER,
    &servers::MACHINE,
    &servers::FILE,
    &servers::NETWORK,
    &servers::DISK,
    &servers::SPREAD,
    &servers::TOPIC,
    &clients::SCHEMA,
    &clients::REGISTRY,
    &clients::PRODUCER,
    &clients::RECORD_KEY,
    &clients::RECORD_VALUE,
    &clients::CONSUMER,
    &clients::MATCHING,
    &clients::GOES,
    &clients::STEP,
    &clients::DEAD_LETTER,
    &clients::ZOOKEEPER_CLIENT,
    &clients::SERVICE,
    &timeline::LINE,
    &questions::QUESTION,
    &questions::OPTION,
    &questions::ANSWER,
    &questions::REASON,
    &questions::RECALL,
    &questions::REVEAL,
    &rules::RULES,
    &rules::FOUND,
];

/// The settings of Kafka that may stand in a `config`, with where that is.
pub const SETTINGS: [(Scope, &str, &str); 4] = [
    (
        Scope::Broker,
        "Settings of brokers",
        "`config` under `cluster`, of a broker, `set` of an `upgrade`",
    ),
    (
        Scope::Topic,
        "Settings of topics",
        "`config` of a topic, `set` of `alter topic`",
    ),
    (
        Scope::Producer,
        "Settings of producers",
        "`config` of a producer",
    ),
    (
        Scope::Consumer,
        "Settings of consumers",
        "`config` of a consumer",
    ),
];

/// The whole file.
pub static SCENARIO: Room = Room::new(
    "Scenario",
    "the file itself",
    &[
        must(
            "format",
            Form::Whole { least: 1, most: 1 },
            "1, as the first key",
        ),
        must(
            "name",
            Form::Written(&forms::NAME),
            "a short name: lower-case letters, digits, hyphens, at most 64",
        ),
        must("about", Form::Text, "what happens, and what to watch"),
        may(
            "seed",
            forms::COUNT,
            "the seed that is used where the command line names none",
            "1",
        ),
        must(
            "duration",
            Form::Time,
            "how long the run lasts: `90s`, `2m`, `1m30s`, `36h`; units are `d`, `h`, `m`, `s`, `ms`, `us`, `ns`",
        ),
        may(
            "until",
            Form::Time,
            "the run is cut short at this time, as by `--until`; its expectations are then not judged",
            "the whole run",
        ),
        may(
            "cluster",
            Form::Map(&servers::CLUSTER),
            "the servers",
            "one ZooKeeper server, one broker",
        ),
        may(
            "network",
            Form::Map(&servers::NETWORK),
            "latencies and bandwidths between machines, and names for them",
            "what [What things cost](../costs.md) says",
        ),
        may(
            "disk",
            Form::Map(&servers::DISK),
            "latencies, bandwidth and size of disks",
            "what [What things cost](../costs.md) says",
        ),
        may(
            "buggify",
            Form::Percent,
            "how often rare but legal paths are taken, such as `2%`: a fetch answered with one batch only, a retry that comes late, a checkpoint written early",
            "`0%`",
        ),
        may(
            "topics",
            Form::Names(Some(&forms::TOPIC_NAME), &Form::Map(&servers::TOPIC)),
            "topics by name, made when the cluster is up",
            "none",
        ),
        may(
            "schemas",
            Form::Names(None, &Form::Map(&clients::SCHEMA)),
            "schemas by name, for serializers that write by one",
            "none",
        ),
        may(
            "schema_registry",
            Form::Map(&clients::REGISTRY),
            "there is one, a node called `schema-registry`",
            "none",
        ),
        may(
            "producers",
            Form::Names(Some(&forms::CLIENT_NAME), &Form::Map(&clients::PRODUCER)),
            "who sends records, by name",
            "none",
        ),
        may(
            "consumers",
            Form::Names(Some(&forms::CLIENT_NAME), &Form::Map(&clients::CONSUMER)),
            "who reads records, by name",
            "none",
        ),
        may(
            "zookeeper_clients",
            Form::Names(
                Some(&forms::CLIENT_NAME),
                &Form::Map(&clients::ZOOKEEPER_CLIENT),
            ),
            "clients that speak with ZooKeeper by themselves, as `zkCli` does, by name; the timeline says what they ask",
            "none",
        ),
        may(
            "services",
            Form::Names(Some(&forms::CLIENT_NAME), &Form::Map(&clients::SERVICE)),
            "programs outside of Kafka that applications call, by name",
            "none",
        ),
        may(
            "timeline",
            Form::List(&Form::Map(&timeline::LINE)),
            "what goes wrong and what an administrator does, a line each",
            "nothing",
        ),
        may(
            "expect",
            Form::List(&Form::Expected),
            "sentences that must hold (`trial sentences` lists their forms): a sentence, or `{that: <sentence>, from: 10s, until: 30s, because: ...}`, which bounds it in time and says why",
            "nothing",
        ),
        may(
            "predict",
            Form::List(&Form::Map(&questions::QUESTION)),
            "what a learner is asked while the run goes on, a question each",
            "nothing",
        ),
        may(
            "rules",
            Form::Map(&rules::RULES),
            "rules of the protocol as an old release had them, or as somebody could get them wrong",
            "today's",
        ),
        may(
            "found",
            Form::Map(&rules::FOUND),
            "what `trial fuzz` found with this plan",
            "nothing",
        ),
    ],
);
