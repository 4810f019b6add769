//! Checks what brokers will read when they are upgraded: the same that a broker refuses when it starts.

use super::{Check, Checked, config_problem};
use crate::kernel::Duration;
use crate::plan::{Action, BrokerPlan, Entry, Plan, Role, Targets, When};
use crate::protocol::BrokerId;
use crate::protocol::config::{BrokerConfig, ConfigError, Properties};
use std::collections::BTreeMap;

/// What a broker's `server.properties` say; `None` from the first line on of which it cannot be told
/// beforehand whether it changes this broker.
type Known = BTreeMap<BrokerId, Option<Properties>>;

impl Check<'_> {
    /// Goes through the upgrades in the order of their times. Refused is what no broker that the line can
    /// mean would start with.
    pub(super) fn upgrades(&self) -> Checked {
        let mut known = as_written(self.plan);
        let mut lines: Vec<(usize, &Entry)> = self.plan.timeline.iter().enumerate().collect();
        lines.sort_by_key(|(_, entry)| earliest(&entry.when));
        for (i, entry) in lines {
            let Action::Upgrade { targets, set } = &entry.action else {
                continue;
            };
            let certain = matches!(entry.when, When::At(_)) && !entry.optional;
            let named = self.named_brokers(targets);
            let meant: Vec<BrokerId> = named
                .clone()
                .unwrap_or_else(|| known.keys().copied().collect());
            let refusals: Vec<ConfigError> = meant
                .iter()
                .filter_map(|id| self.refusal(known.get(id)?.as_ref()?, set))
                .collect();
            let refused = match named {
                Some(_) => !refusals.is_empty(),
                None => refusals.len() == meant.len(),
            };
            if let Some(error) = refusals.into_iter().next().filter(|_| refused) {
                let at = |key: &str| {
                    ["timeline", &i.to_string(), "set", key]
                        .map(str::to_string)
                        .to_vec()
                };
                return Err(config_problem(error, &at));
            }
            for id in meant {
                match known.get_mut(&id) {
                    Some(Some(properties)) if certain && named.is_some() => {
                        properties.extend(set.clone());
                    }
                    Some(properties) => *properties = None,
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn refusal(&self, properties: &Properties, set: &Properties) -> Option<ConfigError> {
        let mut changed = properties.clone();
        changed.extend(set.clone());
        BrokerConfig::from_properties(&changed, self.plan.cluster.kafka_version).err()
    }

    /// The brokers that are meant whenever one asks; `None` if that depends on the moment.
    pub(super) fn named_brokers(&self, targets: &Targets) -> Option<Vec<BrokerId>> {
        let brokers = &self.plan.cluster.brokers;
        let mut ids = Vec::new();
        for role in &targets.0 {
            match role {
                Role::Broker { id } => ids.push(id.0),
                Role::AllBrokers => ids.extend(brokers.iter().map(|broker| broker.id)),
                Role::Rack { rack } => {
                    let inside = |broker: &&BrokerPlan| broker.rack.as_ref() == Some(rack);
                    ids.extend(brokers.iter().filter(inside).map(|broker| broker.id));
                }
                _ => return None,
            }
        }
        Some(ids)
    }
}

fn as_written(plan: &Plan) -> Known {
    let whole = |own: &Properties| {
        let mut whole = plan.cluster.config.clone();
        whole.extend(own.clone());
        Some(whole)
    };
    let brokers = plan.cluster.brokers.iter();
    brokers
        .map(|broker| (broker.id, whole(&broker.config)))
        .collect()
}

fn earliest(when: &When) -> Duration {
    match when {
        When::At(at) => *at,
        When::Every { from, .. } | When::On { from, .. } => *from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgrade(at: u64, targets: Targets, key: &str, value: &str) -> (Duration, Action) {
        let set = Properties::from([(key.to_string(), value.to_string())]);
        (Duration::from_secs(at), Action::Upgrade { targets, set })
    }

    fn complaint(upgrades: Vec<(Duration, Action)>) -> Option<String> {
        let plan = Plan::new("upgrades").brokers(2);
        let plan = upgrades
            .into_iter()
            .fold(plan, |plan, (at, action)| plan.at(at, action));
        plan.validate().err().map(|problem| problem.to_string())
    }

    #[test]
    fn an_upgrade_is_held_against_what_earlier_ones_left() {
        let first = || {
            upgrade(
                20,
                Role::broker(1).into(),
                "replica.fetch.wait.max.ms",
                "50",
            )
        };
        let second = |role: Role| upgrade(40, role.into(), "replica.lag.time.max.ms", "100");
        assert_eq!(complaint(vec![first(), second(Role::broker(1))]), None);
        // Whoever writes the later line first is told the same.
        assert_eq!(complaint(vec![second(Role::broker(1)), first()]), None);
        let told = "timeline/0/set/replica.fetch.wait.max.ms: replica.fetch.wait.max.ms cannot be \"500\"; expected at most replica.lag.time.max.ms, which is 100";
        assert_eq!(
            complaint(vec![second(Role::broker(2)), first()]).as_deref(),
            Some(told)
        );
    }

    #[test]
    fn a_role_is_refused_only_what_no_broker_takes() {
        let first = || {
            upgrade(
                20,
                Role::broker(1).into(),
                "replica.fetch.wait.max.ms",
                "50",
            )
        };
        let second = || {
            upgrade(
                40,
                Role::StoppedBrokers.into(),
                "replica.lag.time.max.ms",
                "100",
            )
        };
        assert_eq!(complaint(vec![first(), second()]), None);
        assert!(complaint(vec![second()]).is_some());
        // After a line of which nobody knows whom it changes, nothing is certain.
        let unknown = upgrade(
            30,
            Role::StoppedBrokers.into(),
            "replica.fetch.wait.max.ms",
            "60",
        );
        let named = upgrade(40, Role::broker(2).into(), "replica.lag.time.max.ms", "100");
        assert_eq!(complaint(vec![unknown, named]), None);
    }
}
