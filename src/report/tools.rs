//! All that Kafka's tools print of a cluster at a moment, each table under its command. The brokers are asked once for all
//! of it.

use super::group_tables::{
    groups_describe, groups_list, groups_members, groups_state, silent_groups,
};
use super::tables::{get_offsets, topics_describe};
use crate::node::view::{ClusterView, Described, GroupView};
use crate::protocol::config::KafkaVersion;
use crate::protocol::is_internal_topic;
use std::rc::Rc;

/// What the brokers of a cluster told at a moment.
pub struct Tools<'a> {
    view: &'a dyn ClusterView,
    version: KafkaVersion,
    described: Option<Described>,
    groups: Vec<GroupView>,
}

impl<'a> Tools<'a> {
    pub fn asked(view: &'a dyn ClusterView, version: KafkaVersion) -> Tools<'a> {
        Tools {
            view,
            version,
            described: view.described(),
            groups: view.groups(),
        }
    }

    /// Topics, what may be read, groups. `known`: groups of which nobody may tell now.
    pub fn told<'b>(&self, known: impl Iterator<Item = &'b Rc<str>>) -> String {
        let described = self.described.as_ref();
        let cache = described.and_then(|it| it.cache_of);
        let source = cache.map_or_else(String::new, |id| {
            format!("   # as broker-{id} tells it: ZooKeeper does not tell the same")
        });
        // Only where there is an internal topic is there something to leave out.
        let has_internal = described.is_some_and(|it| {
            let mut topics = it.topics.iter();
            topics.any(|topic| is_internal_topic(&topic.name))
        });
        let (exclude, exclude_too) = match has_internal {
            false => ("", ""),
            true => (" --exclude-internal", " --exclude-internal-topics"),
        };
        let topics = topics_describe(described, self.version, true);
        let offsets = get_offsets(self.view, described, true);
        let mut text = format!(
            "$ kafka-topics --describe{exclude}{source}\n{topics}\n$ kafka-get-offsets{exclude_too}\n{offsets}"
        );
        let groups = self.told_of_groups(known);
        if !groups.is_empty() {
            text.push_str(&format!("\n{groups}"));
        }
        text
    }

    /// What the tool for groups prints; nothing where nobody tells of a group.
    pub fn told_of_groups<'b>(&self, known: impl Iterator<Item = &'b Rc<str>>) -> String {
        let described = self.described.as_ref();
        let groups = groups_describe(self.view, described, &self.groups);
        let silent = silent_groups(self.view, described, known);
        let mut tables = Vec::new();
        if !groups.is_empty() || !silent.is_empty() {
            let list = groups_list(&self.groups);
            tables.push(format!(
                "$ kafka-consumer-groups --list --state\n{list}{silent}"
            ));
        }
        if !groups.is_empty() {
            let members = groups_members(&self.groups);
            let state = groups_state(&self.groups);
            let tool = "$ kafka-consumer-groups --describe --all-groups";
            tables.push(format!("{tool}\n{groups}"));
            tables.push(format!("{tool} --members --verbose\n{members}"));
            tables.push(format!("{tool} --state\n{state}"));
        }
        tables.join("\n")
    }
}
