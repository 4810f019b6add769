//! Holds a plan against itself: what it names must be there, what it asks for must be possible.

mod applications;
mod auto_created;
mod broker_topics;
mod clients;
mod expectations;
mod hosts;
mod listeners;
mod names;
mod predictions;
mod prose;
mod serializers;
mod timeline;
mod topics;
mod topology;
mod upgrades;

pub use topology::MOST_BROKERS;

use crate::kernel::Duration;
use crate::plan::{Action, Plan, Problem, TopicPlan, write_duration};
use crate::protocol::config::{
    BrokerConfig, ConfigError, Key, Lack, Properties, Scope, Unmodelled, in_a_line,
};
use std::collections::BTreeMap;

/// Records that producers may make in a run; more is more than a machine holds.
pub const MOST_RECORDS: u64 = 10_000_000;

impl Plan {
    /// The first thing that is impossible; else what the author should know.
    pub fn validate(&self) -> Result<Vec<Problem>, Problem> {
        let mut check = Check {
            plan: self,
            partitions: self.partition_counts(),
            warnings: Vec::new(),
        };
        check.head()?;
        check.prose()?;
        check.cluster(&self.cluster)?;
        check.latencies()?;
        for topic in &self.topics {
            let config = |key: &str| {
                vec![
                    "topics".to_string(),
                    topic.name.clone(),
                    "config".into(),
                    key.to_string(),
                ]
            };
            check.topic(topic, &["topics", &topic.name])?;
            check.properties(Scope::Topic, &topic.config, config)?;
        }
        check.topic_names()?;
        check.client_names()?;
        check.host_names()?;
        let schemas = check.schemas()?;
        for producer in &self.producers {
            check.producer(producer)?;
            check.serializers(producer, &schemas)?;
        }
        for consumer in &self.consumers {
            check.consumer(consumer)?;
            check.deserializers(consumer, &schemas)?;
        }
        check.topics_of_brokers()?;
        for client in &self.zookeeper_clients {
            check.zookeeper_client(client)?;
        }
        for (i, entry) in self.timeline.iter().enumerate() {
            let below = |problem: Problem| problem.below(&i.to_string()).below("timeline");
            let known = check.warnings.len();
            check.entry(entry).map_err(below)?;
            for warning in &mut check.warnings[known..] {
                *warning = below(warning.clone());
            }
        }
        check.all_replicas_in_bounds()?;
        check.upgrades()?;
        for (i, expected) in self.expect.iter().enumerate() {
            check
                .expected(expected)
                .map_err(|problem| problem.below(&i.to_string()).below("expect"))?;
        }
        check.losses()?;
        check.predictions()?;
        Ok(check.warnings)
    }

    /// Topics that are there at the start, made by the timeline or for a client, with the most partitions that they
    /// come to have.
    fn partition_counts(&self) -> BTreeMap<&str, u32> {
        let default = self
            .cluster
            .config
            .get("num.partitions")
            .and_then(|n| n.parse().ok())
            .unwrap_or(1);
        let made = self
            .timeline
            .iter()
            .filter_map(|entry| match &entry.action {
                Action::CreateTopic(topic) => Some(topic),
                _ => None,
            });
        let count = |topic: &TopicPlan| match topic.assignment.len() {
            0 => topic.partitions.unwrap_or(default),
            n => n as u32,
        };
        let declared = self.topics.iter().chain(made);
        let declared = declared.map(|topic| (topic.name.as_str(), count(topic)));
        let auto_created = self.auto_created().into_iter();
        let auto_created = auto_created.map(|name| (name, default));
        let mut counts: BTreeMap<&str, u32> = auto_created.chain(declared).collect();
        for entry in &self.timeline {
            if let Action::CreatePartitions { topic, partitions } = &entry.action
                && let Some(count) = counts.get_mut(topic.as_str())
            {
                *count = (*count).max(*partitions);
            }
        }
        counts
    }
}

struct Check<'a> {
    plan: &'a Plan,
    partitions: BTreeMap<&'a str, u32>,
    warnings: Vec<Problem>,
}

type Checked = Result<(), Problem>;

impl Check<'_> {
    fn head(&self) -> Checked {
        let name = &self.plan.name;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(plain) || name.len() > 64 {
            return Err(Problem::new(["name"], format!("\"{name}\""))
                .expected("lower-case letters, digits and hyphens, at most 64"));
        }
        if self.plan.duration == Duration::ZERO {
            return Err(Problem::new(["duration"], "a run of no length")
                .expected("a duration above 0, such as 2m"));
        }
        if let Some(until) = self.plan.until {
            if until == Duration::ZERO {
                return Err(Problem::new(["until"], "a run that is cut short at once")
                    .expected("a time above 0, such as 40s"));
            }
            self.within_run(until, vec!["until".into()])?;
        }
        Ok(())
    }

    fn properties(
        &mut self,
        scope: Scope,
        properties: &Properties,
        path: impl Fn(&str) -> Vec<String>,
    ) -> Checked {
        for (key, value) in properties {
            let known = scope
                .check(key, value)
                .map_err(|error| config_problem(error, &path))?;
            match known.unmodelled(value) {
                None => {}
                Some(Unmodelled::Idle) => self.warnings.push(
                    Problem::new(
                        path(key),
                        format!("{key} is not modelled, and changes nothing here"),
                    )
                    .on_key(),
                ),
                Some(Unmodelled::Refused { lack, as_here }) => {
                    return Err(refused(known, lack, as_here, path(key)));
                }
            }
        }
        Ok(())
    }

    fn broker_config(
        &self,
        properties: &Properties,
        path: impl Fn(&str) -> Vec<String>,
    ) -> Checked {
        BrokerConfig::from_properties(properties, self.plan.cluster.kafka_version)
            .map(|_| ())
            .map_err(|error| config_problem(error, &path))
    }

    fn within_run(&self, time: Duration, path: Vec<String>) -> Checked {
        match time <= self.plan.duration {
            true => Ok(()),
            false => Err(Problem::new(
                path,
                format!("{} is after the end of the run", write_duration(time)),
            )
            .expected(format!(
                "at most {}, the duration",
                write_duration(self.plan.duration)
            ))),
        }
    }
}

/// A setting without which the run would teach the opposite of what its author is after.
fn refused(key: &Key, lack: Lack, as_here: &'static [&'static str], path: Vec<String>) -> Problem {
    let problem = Problem::new(path, format!("{}: {lack}", key.name)).on_key();
    match (lack, as_here) {
        (Lack::SaidElsewhere(example), _) => problem.expected(example),
        (_, []) => problem.expected("no such setting"),
        (_, some) => {
            let some: Vec<&str> = some
                .iter()
                .copied()
                .filter(|value| !value.is_empty())
                .collect();
            problem.expected(match some[..] {
                [] => "nothing, or no such setting".to_string(),
                _ => format!(
                    "{}, which is what happens here, or no such setting",
                    some.join(" or ")
                ),
            })
        }
    }
}

fn config_problem(error: ConfigError, path: &impl Fn(&str) -> Vec<String>) -> Problem {
    match error {
        ConfigError::Unknown {
            scope,
            key,
            nearest,
        } => {
            let problem = Problem::new(
                path(&key),
                format!("Kafka has no {scope} configuration \"{key}\""),
            )
            .on_key()
            .expected(format!("a {scope} configuration of Kafka 3.9"));
            with_suggestion(problem, nearest)
        }
        ConfigError::Value {
            key,
            value,
            expected,
        } => {
            let found = format!("{key} cannot be \"{}\"", in_a_line(&value));
            Problem::new(path(key), found).expected(expected)
        }
    }
}

fn with_suggestion(problem: Problem, word: Option<&str>) -> Problem {
    match word {
        Some(word) => problem.suggest(format!("\"{word}\"")),
        None => problem,
    }
}
