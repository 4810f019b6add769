//! Holds a plan against itself: what it names must be there, what it asks for must be possible.

mod clients;
mod expectations;
mod names;
mod timeline;
mod topics;
mod topology;
mod upgrades;

pub use topology::MOST_BROKERS;

use crate::kernel::Duration;
use crate::plan::{Action, Plan, Problem, TopicPlan, write_duration};
use crate::protocol::config::{
    BrokerConfig, ConfigError, NO_COMPACTION, Properties, Scope, asks_for_compaction,
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
        for producer in &self.producers {
            check.producer(producer)?;
        }
        for consumer in &self.consumers {
            check.consumer(consumer)?;
        }
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
        check.upgrades()?;
        for (i, expected) in self.expect.iter().enumerate() {
            check
                .expected(expected)
                .map_err(|problem| problem.below(&i.to_string()).below("expect"))?;
        }
        check.losses()?;
        Ok(check.warnings)
    }

    /// Topics that are there at the start or made by the timeline, with their numbers of partitions.
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
        self.topics
            .iter()
            .chain(made)
            .map(|topic| (topic.name.as_str(), count(topic)))
            .collect()
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
            if asks_for_compaction(key, value) {
                return Err(Problem::new(path(key), NO_COMPACTION).expected("delete"));
            }
            match scope.check(key, value) {
                Ok(known) if !known.modelled => self.warnings.push(
                    Problem::new(path(key), format!("Kafka has the {scope} configuration \"{key}\", but it is not modelled yet and changes nothing"))
                        .on_key(),
                ),
                Ok(_) => {}
                Err(error) => return Err(config_problem(error, &path)),
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
        } => Problem::new(path(key), format!("{key} cannot be \"{value}\"")).expected(expected),
    }
}

fn with_suggestion(problem: Problem, word: Option<&str>) -> Problem {
    match word {
        Some(word) => problem.suggest(format!("\"{word}\"")),
        None => problem,
    }
}
