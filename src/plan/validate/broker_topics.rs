//! Checks the topics that brokers make by themselves, for groups or since a client asks about one: that those of groups
//! can be made, and that none is larger than others may be.

use super::topics::replicas_in_bounds;
use super::{Check, Checked};
use crate::plan::{Action, Plan, Problem};
use crate::protocol::config::Properties;
use crate::protocol::{GROUP_METADATA_TOPIC, counted};

/// A setting, and what it is unless said.
type Setting = (&'static str, u32);

const AUTO_PARTITIONS: Setting = ("num.partitions", 1);
const AUTO_REPLICAS: Setting = ("default.replication.factor", 1);
const PARTITIONS: Setting = ("offsets.topic.num.partitions", 50);
const REPLICAS: Setting = ("offsets.topic.replication.factor", 3);

impl Plan {
    /// How many partitions brokers' own topic has in which groups are kept: it is there once the first member asks for
    /// its coordinator.
    pub(super) fn offsets_partitions(&self) -> Option<u32> {
        let mut consumers = self.consumers.iter();
        let has_group = consumers.any(|it| it.group_id().is_some());
        has_group.then(|| written(&self.cluster.config, PARTITIONS).unwrap_or(PARTITIONS.1))
    }
}

impl Check<'_> {
    pub(super) fn topics_of_brokers(&mut self) -> Checked {
        self.brokers_make_none_too_large(AUTO_PARTITIONS, AUTO_REPLICAS)?;
        if self.plan.offsets_partitions().is_some() {
            self.brokers_make_none_too_large(PARTITIONS, REPLICAS)?;
            self.group_topic_can_be_made();
        }
        Ok(())
    }

    /// Topics that a broker makes by settings of its own, which any of these may come to be.
    fn brokers_make_none_too_large(&self, partitions: Setting, replicas: Setting) -> Checked {
        let cluster = &self.plan.cluster;
        let common = |key: Setting| written(&cluster.config, key).unwrap_or(key.1);
        let bounded = |path: &[&str], config: &Properties| {
            let key = match config.contains_key(partitions.0) {
                true => partitions.0,
                false => replicas.0,
            };
            let [partitions, replicas] = [partitions, replicas]
                .map(|key| written(config, key).unwrap_or_else(|| common(key)));
            let path = path.iter().copied().chain([key]).map(str::to_string);
            replicas_in_bounds(partitions, replicas, path.collect())
        };
        bounded(&["cluster", "config"], &cluster.config)?;
        for (i, broker) in cluster.brokers.iter().enumerate() {
            let place = i.to_string();
            bounded(&["cluster", "brokers", &place, "config"], &broker.config)?;
        }
        for (i, entry) in self.plan.timeline.iter().enumerate() {
            if let Action::Upgrade { set, .. } = &entry.action {
                bounded(&["timeline", &i.to_string(), "set"], set)?;
            }
        }
        Ok(())
    }

    /// CG6. Any broker that asks for few enough replicas would do, now or after an upgrade.
    fn group_topic_can_be_made(&mut self) {
        let cluster = &self.plan.cluster;
        let brokers = cluster.brokers.len();
        let common = written(&cluster.config, REPLICAS).unwrap_or(REPLICAS.1);
        let of_brokers = cluster.brokers.iter().map(|it| &it.config);
        let upgrades = self.plan.timeline.iter().filter_map(|it| match &it.action {
            Action::Upgrade { set, .. } => written(set, REPLICAS),
            _ => None,
        });
        let asked = of_brokers.map(|config| written(config, REPLICAS).unwrap_or(common));
        let least = asked.chain(upgrades).min().unwrap_or(common);
        if u64::from(least) <= brokers as u64 {
            return;
        }
        let is_written = cluster.config.contains_key(REPLICAS.0);
        let path: &[&str] = match is_written {
            true => &["cluster", "config", REPLICAS.0],
            false => &["cluster", "brokers"],
        };
        let default = if is_written { "" } else { ", the default" };
        let found = format!(
            "{} cannot hold {GROUP_METADATA_TOPIC} with {} ({}{default}): no group finds a coordinator, and no member is \
             given a partition",
            counted(brokers, "broker"),
            counted(least, "replica"),
            REPLICAS.0,
        );
        let warning = Problem::new(path.iter().copied(), found);
        self.warnings.push(warning.expected(format!(
            "as many brokers as replicas, or {}: {brokers} in the cluster's config",
            REPLICAS.0
        )));
    }
}

fn written(config: &Properties, (key, _): Setting) -> Option<u32> {
    config.get(key).and_then(|n| n.trim().parse().ok())
}
