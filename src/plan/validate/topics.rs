//! Checks topics: names, numbers, placement.

use super::{Check, Checked};
use crate::plan::{Action, Problem, TopicPlan};
use crate::protocol::{counted, is_internal_topic, is_topic_name};

/// Of a plan, all topics together: 90 s of a run with so many, and a crash in it, took 3.7 GB and 45 s of a processor. More
/// would be a slip of the pen, not a plan.
const MOST_REPLICAS: u64 = 30_000;
pub(super) const LEGAL_NAME: &str = "at most 249 letters, digits, dots, underscores and hyphens";

/// Of one topic.
pub(super) fn replicas_in_bounds(partitions: u32, factor: u32, path: Vec<String>) -> Checked {
    let factor = factor.max(1);
    if u64::from(partitions) * u64::from(factor) <= MOST_REPLICAS {
        return Ok(());
    }
    let found = format!(
        "{} with {} each",
        counted(partitions, "partition"),
        counted(factor, "replica")
    );
    let most = MOST_REPLICAS / u64::from(factor);
    Err(Problem::new(path, found).expected(format!(
        "at most {MOST_REPLICAS} replicas: {}",
        counted(most, "partition")
    )))
}

/// Brokers would hold on to how many partitions their settings say that their own topics have, and take no record for
/// them from a producer: nothing that a plan makes of such a topic is what its author is after.
pub(super) fn not_of_brokers(name: &str, path: &[&str]) -> Checked {
    if !is_internal_topic(name) {
        return Ok(());
    }
    let found = format!("\"{name}\" is a topic that brokers make for themselves");
    Err(Problem::new(path, found).on_key().expected(
        "another name (how many partitions and replicas theirs have, the cluster's config says: offsets.topic.num.partitions)",
    ))
}

impl Check<'_> {
    pub(super) fn topic(&self, topic: &TopicPlan, path: &[&str]) -> Checked {
        let at = |key: &str| {
            path.iter()
                .copied()
                .chain([key])
                .map(str::to_string)
                .collect::<Vec<_>>()
        };
        let brokers = self.plan.cluster.brokers.len() as u64;
        let name = &topic.name;
        if !is_topic_name(name) {
            return Err(
                Problem::new(path, format!("\"{name}\" is no name for a topic"))
                    .on_key()
                    .expected(LEGAL_NAME),
            );
        }
        not_of_brokers(name, path)?;
        if topic.partitions == Some(0) {
            return Err(
                Problem::new(at("partitions"), "no partitions").expected("at least 1 partition")
            );
        }
        if topic.replication_factor == Some(0) {
            return Err(
                Problem::new(at("replication.factor"), "replication factor 0")
                    .expected("at least 1"),
            );
        }
        let factor = self.factor(topic);
        if topic.assignment.is_empty() && u64::from(factor) > brokers {
            return Err(Problem::new(
                at("replication.factor"),
                format!(
                    "replication factor {factor} with {brokers} broker{}",
                    if brokers == 1 { "" } else { "s" }
                ),
            )
            .expected(format!(
                "at most {brokers}: each replica needs a broker of its own"
            )));
        }
        if topic.assignment.is_empty() {
            self.all_or_none_in_racks(at)?;
        }
        if let Some(count) = topic.partitions {
            replicas_in_bounds(count, factor, at("partitions"))?;
        }
        self.assignment(topic, at("assignment"))
    }

    /// How many replicas a topic of the plan, there at the start or made later, has of each partition.
    pub(super) fn factor_of(&self, name: &str) -> u32 {
        let made = self.plan.timeline.iter().filter_map(|it| match &it.action {
            Action::CreateTopic(topic) => Some(topic),
            _ => None,
        });
        let mut topics = self.plan.topics.iter().chain(made);
        let topic = topics.find(|topic| topic.name == name);
        topic.map_or(self.default_factor(), |topic| self.factor(topic))
    }

    pub(super) fn factor(&self, topic: &TopicPlan) -> u32 {
        match topic.assignment.first() {
            Some(replicas) => replicas.len() as u32,
            None => topic.replication_factor.unwrap_or(self.default_factor()),
        }
    }

    fn default_factor(&self) -> u32 {
        let written = self.plan.cluster.config.get("default.replication.factor");
        written.and_then(|n| n.parse().ok()).unwrap_or(1)
    }

    /// A controller refuses to place replicas where it knows the racks of some brokers only (CT21).
    fn all_or_none_in_racks(&self, at: impl Fn(&str) -> Vec<String>) -> Checked {
        let brokers = &self.plan.cluster.brokers;
        let stray = brokers.iter().find(|broker| broker.rack.is_none());
        match (stray, brokers.iter().find(|broker| broker.rack.is_some())) {
            (Some(stray), Some(_)) => Err(Problem::new(
                at("replication.factor"),
                format!(
                    "replicas cannot be placed: broker {} stands in no rack, others do",
                    stray.id
                ),
            )
            .expected("a rack for every broker or for none, or an assignment")),
            _ => Ok(()),
        }
    }

    /// The topics that are there at the start, and those that the timeline makes or enlarges.
    pub(super) fn all_replicas_in_bounds(&self) -> Checked {
        let mut replicas = 0;
        for topic in &self.plan.topics {
            let partitions = self.partitions.get(topic.name.as_str());
            let partitions = u64::from(partitions.copied().unwrap_or(1));
            replicas += partitions * u64::from(self.factor(topic).max(1));
            if replicas > MOST_REPLICAS {
                let found = format!("{replicas} replicas with the topics before");
                return Err(Problem::new(["topics", &topic.name], found)
                    .on_key()
                    .expected(format!("at most {MOST_REPLICAS} replicas in all topics")));
            }
        }
        for (i, entry) in self.plan.timeline.iter().enumerate() {
            let Action::CreateTopic(topic) = &entry.action else {
                continue;
            };
            let partitions = self.partitions.get(topic.name.as_str());
            let partitions = u64::from(partitions.copied().unwrap_or(1));
            replicas += partitions * u64::from(self.factor(topic).max(1));
            if replicas > MOST_REPLICAS {
                let found = format!("{replicas} replicas with the topics that are there");
                return Err(Problem::new(["timeline", &i.to_string()], found)
                    .expected(format!("at most {MOST_REPLICAS} replicas in all topics")));
            }
        }
        Ok(())
    }

    pub(super) fn assignment(&self, topic: &TopicPlan, path: Vec<String>) -> Checked {
        let Some(first) = topic.assignment.first() else {
            return Ok(());
        };
        self.says_no_more_than_assignment(topic, path.clone())?;
        for replicas in &topic.assignment {
            if replicas.is_empty() || replicas.len() != first.len() {
                return Err(
                    Problem::new(path, "partitions with different numbers of replicas")
                        .expected("the same number for each partition, at least 1"),
                );
            }
            for (i, id) in replicas.iter().enumerate() {
                if replicas[..i].contains(id) {
                    return Err(
                        Problem::new(path, format!("broker {id} twice for one partition"))
                            .expected("each replica on a broker of its own"),
                    );
                }
                if !self
                    .plan
                    .cluster
                    .brokers
                    .iter()
                    .any(|broker| broker.id == *id)
                {
                    return Err(self.no_such_broker(path, *id));
                }
            }
        }
        Ok(())
    }

    /// An assignment says how many partitions and replicas there are: nothing else may say it too.
    pub(super) fn says_no_more_than_assignment(
        &self,
        topic: &TopicPlan,
        path: Vec<String>,
    ) -> Checked {
        match topic.partitions.is_some() || topic.replication_factor.is_some() {
            true => Err(Problem::new(
                path,
                "an assignment beside partitions or replication.factor",
            )
            .on_key()
            .expected("one or the other: an assignment says both")),
            false => Ok(()),
        }
    }

    /// Kafka keeps metrics under names in which dots are underscores.
    pub(super) fn topic_names(&self) -> Checked {
        for (i, topic) in self.plan.topics.iter().enumerate() {
            let same =
                |other: &&TopicPlan| other.name.replace('.', "_") == topic.name.replace('.', "_");
            if let Some(other) = self.plan.topics[..i].iter().find(same) {
                return Err(Problem::new(
                    ["topics", &topic.name],
                    format!("\"{}\" collides with \"{}\"", topic.name, other.name),
                )
                .on_key()
                .expected(
                    "names that differ in more than dots and underscores, as Kafka demands",
                ));
            }
        }
        Ok(())
    }
}
