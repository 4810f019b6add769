//! What settings let retention delete: of each topic the shortest time and the smallest size that were
//! ever in force, or may be, since a broker learns of a change later than it is made.
//!
//! From the plan, from what administrators ask for, and from what is committed; never from what a broker
//! says of its own log.

use crate::node::view::ClusterView;
use crate::plan::{Action, Plan};
use crate::protocol::config::{BrokerConfig, KafkaVersion, Properties, TopicConfig};
use crate::protocol::{ConfigResource, Fact, TopicName};
use std::collections::BTreeMap;

/// Milliseconds and bytes, the least that were in force; none: without limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Limits {
    pub(super) ms: Option<i64>,
    pub(super) bytes: Option<i64>,
}

impl Limits {
    fn of(config: &TopicConfig) -> Self {
        Limits {
            ms: Some(config.retention_ms).filter(|ms| *ms >= 0),
            bytes: Some(config.retention_bytes).filter(|bytes| *bytes >= 0),
        }
    }

    fn or_less(self, other: Limits) -> Self {
        let least = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Limits {
            ms: least(self.ms, other.ms),
            bytes: least(self.bytes, other.bytes),
        }
    }
}

#[derive(Debug)]
pub(super) struct RetentionLimits {
    version: KafkaVersion,
    /// Lines of `server.properties` that some broker has or had.
    brokers: Vec<Properties>,
    /// Settings that some topic has or had.
    topics: BTreeMap<TopicName, Vec<Properties>>,
}

impl RetentionLimits {
    pub(super) fn of(plan: &Plan) -> Self {
        let cluster = &plan.cluster;
        let mut brokers: Vec<Properties> = Vec::new();
        let upgrades = plan
            .timeline
            .iter()
            .filter_map(|entry| match &entry.action {
                Action::Upgrade { set, .. } => Some(set),
                _ => None,
            });
        let upgrades: Vec<_> = upgrades.collect();
        for broker in &cluster.brokers {
            let mut properties = cluster.config.clone();
            properties.extend(broker.config.clone());
            brokers.push(properties.clone());
            for set in &upgrades {
                properties.extend((*set).clone());
                brokers.push(properties.clone());
            }
        }
        brokers.dedup();
        RetentionLimits {
            version: cluster.kafka_version,
            brokers,
            topics: BTreeMap::new(),
        }
    }

    /// Follows what administrators ask for; whether it is done or not.
    pub(super) fn learn(&mut self, fact: &Fact) {
        let Fact::ConfigAsked {
            resource,
            name,
            settings,
        } = fact
        else {
            return;
        };
        let with = |properties: &Properties| {
            let mut changed = properties.clone();
            for (key, value) in &**settings {
                match value {
                    Some(value) => changed.insert(key.clone(), value.clone()),
                    None => changed.remove(key),
                };
            }
            changed
        };
        match resource {
            ConfigResource::Topic => {
                let known = self.topics.entry(name.clone()).or_default();
                let last = known.last().map_or_else(|| with(&Properties::new()), with);
                known.push(last);
            }
            ConfigResource::Broker => {
                let changed: Vec<_> = self.brokers.iter().map(with).collect();
                self.brokers.extend(changed);
            }
        }
    }

    /// The least that a topic was ever held to.
    pub(super) fn of_topic(&self, topic: &str, view: &dyn ClusterView) -> Limits {
        let committed = view.topics().into_iter();
        let committed = committed
            .filter(|seen| *seen.name == *topic)
            .map(|seen| seen.configs.into_iter().collect::<Properties>());
        let mut settings: Vec<Properties> = committed.collect();
        settings.extend(self.topics.get(topic).into_iter().flatten().cloned());
        let defaults: Vec<TopicConfig> = self
            .brokers
            .iter()
            .filter_map(|lines| BrokerConfig::from_properties(lines, self.version).ok())
            .map(|config| config.topic_defaults)
            .collect();
        let mut limits = Limits::default();
        for default in &defaults {
            for own in &settings {
                if let Ok(config) = default.with_overrides(own) {
                    limits = limits.or_less(Limits::of(&config));
                }
            }
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::Scene;
    use std::rc::Rc;

    fn asked(resource: ConfigResource, name: &str, settings: &[(&str, Option<&str>)]) -> Fact {
        let settings = settings.iter().map(|(key, value)| {
            let value = value.map(str::to_owned);
            ((*key).to_owned(), value)
        });
        Fact::ConfigAsked {
            resource,
            name: name.into(),
            settings: Rc::new(settings.collect()),
        }
    }

    #[test]
    fn the_least_that_was_ever_asked_for_counts() {
        let mut plan = Plan::new("p");
        plan.cluster
            .config
            .insert("log.retention.ms".to_owned(), "90000".to_owned());
        let mut limits = RetentionLimits::of(&plan);
        let scene = Scene::new();
        let topic = ConfigResource::Topic;
        limits.learn(&asked(topic, "t", &[("retention.bytes", Some("500"))]));
        let found = |limits: &RetentionLimits| limits.of_topic("t", &scene);
        let (ms, bytes) = (Some(90_000), Some(500));
        assert_eq!(found(&limits), Limits { ms, bytes });
        // A change leaves other settings as they are, and what was in force may still be.
        limits.learn(&asked(topic, "t", &[("retention.ms", Some("-1"))]));
        limits.learn(&asked(topic, "t", &[("retention.bytes", None)]));
        assert_eq!(found(&limits), Limits { ms, bytes });
        let broker = ConfigResource::Broker;
        limits.learn(&asked(broker, "1", &[("log.retention.ms", Some("7000"))]));
        assert_eq!(found(&limits).ms, Some(7_000));
        assert_eq!(limits.of_topic("other", &scene), Limits::default());
    }
}
