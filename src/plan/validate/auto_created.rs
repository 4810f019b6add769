//! Topics that nobody declares, since brokers make them when a client asks about them (CT24).

use super::topics::LEGAL_NAME;
use super::{Check, Checked};
use crate::plan::{AUTO_CREATE, Action, Plan, Problem};
use crate::protocol::config::Properties;
use crate::protocol::{is_internal_topic, is_topic_name};

impl Plan {
    /// Names of topics that clients may have made; some may be declared too. Brokers' own are none: those are
    /// made for groups and transactions, which are not modelled.
    pub(super) fn auto_created(&self) -> Vec<&str> {
        if !self.a_broker_creates_topics() {
            return Vec::new();
        }
        let written = self.producers.iter().map(|plan| plan.topic.as_str());
        let allowed = self
            .consumers
            .iter()
            .filter(|plan| says(&plan.config, "allow.auto.create.topics").unwrap_or(true));
        let read = allowed.flat_map(|plan| plan.topics.iter().map(String::as_str));
        let of_clients = written.chain(read);
        of_clients.filter(|name| !is_internal_topic(name)).collect()
    }

    /// From the start, or after an upgrade.
    fn a_broker_creates_topics(&self) -> bool {
        let everywhere = says(&self.cluster.config, AUTO_CREATE).unwrap_or(false);
        let brokers = &self.cluster.brokers;
        let from_the_start = brokers
            .iter()
            .any(|broker| says(&broker.config, AUTO_CREATE).unwrap_or(everywhere));
        from_the_start
            || self.timeline.iter().any(|entry| match &entry.action {
                Action::Upgrade { set, .. } => says(set, AUTO_CREATE) == Some(true),
                _ => false,
            })
    }
}

impl Check<'_> {
    /// A topic that a client works with: declared, or made when it is asked about.
    pub(super) fn topic_of_client(&self, name: &str, path: Vec<String>) -> Checked {
        if self.plan.auto_created().contains(&name) && !is_topic_name(name) {
            return Err(
                Problem::new(path, format!("\"{name}\" is no name for a topic"))
                    .expected(LEGAL_NAME),
            );
        }
        if is_internal_topic(name) {
            let found = format!("\"{name}\" is a topic that brokers keep for themselves");
            return Err(Problem::new(path, found).expected(
                "a topic for records: brokers take none for theirs from a producer, and what stands in it no consumer here reads",
            ));
        }
        self.topic_there(name, path).map_err(|problem| {
            let declared = problem.expected.clone().unwrap_or_default();
            problem.expected(match self.plan.a_broker_creates_topics() {
                false => format!(
                    "{declared}; or {AUTO_CREATE}: true in the config of the cluster, with which brokers make what is asked for"
                ),
                true => format!(
                    "{declared}; or a client that may have it made: a producer, or a consumer with allow.auto.create.topics"
                ),
            })
        })
    }
}

fn says(config: &Properties, key: &str) -> Option<bool> {
    let value = config.get(key)?.trim();
    Some(value.eq_ignore_ascii_case("true"))
}
