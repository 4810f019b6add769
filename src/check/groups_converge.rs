//! A group converges after healing: once every fault is healed and every broker runs, each group is stable within a
//! bound, and each partition of its topics is a running member's; or it is empty, if none of its members runs.
//!
//! Looks at groups as their coordinators have them at the end of plans as `whole_after_healing` describes them, with
//! more time: for the sessions of members that are gone, and for a member that waits for an answer that was lost. Not
//! asked of groups whose members come, go or come to harm later than that, or that work so long between two polls
//! that they may lose their places.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::whole_after_healing::WholeAfterHealing;
use crate::kernel::Duration;
use crate::node::view::{ClusterView, GroupView};
use crate::plan::{Action, ConsumerPlan, Plan};
use crate::protocol::config::ConsumerConfig;
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "after healing every group is whole again";

/// For a rebalance, and the one after it.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);
/// A record that takes longer may keep its member from `poll` for too long.
const BRISK: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct GroupsConverge {
    groups: BTreeMap<String, Promised>,
    running: BTreeSet<String>,
    looked_at: u64,
}

/// A group that is to be whole at the end.
#[derive(Debug, Default)]
struct Promised {
    members: BTreeSet<String>,
    topics: BTreeSet<String>,
}

impl GroupsConverge {
    /// `None` where nothing is promised of any group.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let whole = WholeAfterHealing::promised_at(plan)?;
        let grows = |action: &Action| matches!(action, Action::CreatePartitions { .. });
        if plan.timeline.iter().any(|entry| grows(&entry.action)) {
            return None;
        }
        let mut groups: BTreeMap<String, Promised> = BTreeMap::new();
        let mut not_asked = BTreeSet::new();
        for consumer in &plan.consumers {
            let Some(group) = consumer.group_id() else {
                continue;
            };
            let settled = settles_within(consumer).map(|within| whole + within);
            if settled.is_none_or(|at| at > plan.end()) || !is_steady(consumer, whole) {
                not_asked.insert(group.to_owned());
            }
            let promised = groups.entry(group.to_owned()).or_default();
            promised.members.extend(consumer.members());
            promised.topics.extend(consumer.topics.iter().cloned());
        }
        groups.retain(|name, _| !not_asked.contains(name));
        (!groups.is_empty()).then_some(GroupsConverge {
            groups,
            running: BTreeSet::new(),
            looked_at: 0,
        })
    }

    /// What is wrong with a group, if anything is.
    fn lack(
        &self,
        group: Option<&GroupView>,
        promised: &Promised,
        end: &EndOfRun<'_>,
    ) -> Option<String> {
        let runs = |member: &&String| self.running.contains(*member);
        let is_left = promised.members.iter().any(|it| runs(&it));
        let state = group.map_or("unknown to every broker", |group| group.state);
        let Some(group) = group.filter(|_| is_left) else {
            let is_fine = !is_left && group.is_none_or(|group| group.state == "Empty");
            return (!is_fine).then(|| format!("is {state}"));
        };
        if group.state != "Stable" {
            return Some(format!("is {state}"));
        }
        let of_living = group.members.iter();
        let of_living = of_living.filter(|it| self.running.contains(&*it.client_id));
        let read: BTreeSet<_> = of_living.flat_map(|it| &it.assignment).collect();
        let mut partitions = end.committed().map(|state| &state.partition);
        let unread =
            partitions.find(|it| promised.topics.contains(&*it.topic) && !read.contains(it));
        unread.map(|partition| format!("has no running member for {partition}"))
    }
}

impl Property for GroupsConverge {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match entry.fact {
            Fact::Started => {
                self.running.insert(entry.node.to_string());
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                self.running.remove(&*entry.node);
            }
            _ => {}
        }
        None
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let views = end.view.groups();
        let mut violations = Vec::new();
        for (name, promised) in &self.groups {
            self.looked_at += 1;
            let view = views.iter().find(|it| *it.group == **name);
            if let Some(lack) = self.lack(view, promised, end) {
                let sentence = format!("group {name} {lack}");
                violations.push(Violation::finally(NAME, sentence));
            }
        }
        violations
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "group")
    }
}

/// After brokers are whole again: a lost answer is waited for, then sessions of who is gone end, twice at most.
fn settles_within(consumer: &ConsumerPlan) -> Option<Duration> {
    let config = ConsumerConfig::parse(&consumer.config).ok()?;
    let group = config.group?;
    let waits = config.common.request_timeout();
    let waits = waits.max(group.max_poll_interval + Duration::from_secs(5));
    let sessions = group.session_timeout + group.session_timeout;
    Some(waits + sessions + SETTLES_WITHIN)
}

fn is_steady(consumer: &ConsumerPlan, whole: Duration) -> bool {
    let is_past = |time: Option<Duration>| time.is_none_or(|time| time <= whole);
    is_past(consumer.start)
        && is_past(consumer.stop)
        && consumer.crashes.is_none()
        && consumer.fails_on.is_none()
        && consumer.processing.is_none_or(|it| it <= BRISK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::node::view::MemberView;
    use crate::plan::{Healing, Role};
    use crate::protocol::TopicPartition;

    fn plan(seconds: u64) -> Plan {
        let consumer = ConsumerPlan::new("c", "t").count(2);
        let consumer = consumer.config("group.id", "g");
        let consumer = consumer.config("max.poll.interval.ms", 10_000);
        let at = Duration::from_secs;
        Plan::new("p")
            .duration(at(seconds))
            .consumer(consumer.config("session.timeout.ms", 10_000))
            .at(at(10), Action::Heal(Healing::Everything))
            .at(at(11), Action::restart(Role::AllBrokers))
    }

    fn group(state: &'static str, members: &[(&str, &[i32])]) -> GroupView {
        let member = |(name, partitions): &(&str, &[i32])| MemberView {
            member_id: format!("{name}-1").into(),
            client_id: (*name).into(),
            host: "/c".into(),
            instance: None,
            assignment: partitions
                .iter()
                .map(|p| TopicPartition::new("t", *p))
                .collect(),
        };
        GroupView {
            group: "g".into(),
            state,
            coordinator: 1,
            coordinator_at: "broker-1:9092".into(),
            protocol: None,
            members: members.iter().map(member).collect(),
            committed: BTreeMap::new(),
        }
    }

    /// At the end of a run in which these clients started, and `c-2` crashed if it is said.
    fn found(group: Option<GroupView>, crashes: &[&str]) -> Vec<String> {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1]);
        scene.commit("t-1", 1, &[1]);
        scene.groups.extend(group);
        let mut facts = vec![
            scene.fact("c-1", Fact::Started),
            scene.fact("c-2", Fact::Started),
        ];
        facts.extend(crashes.iter().map(|node| scene.fact(node, Fact::Crashed)));
        let mut property = alone(GroupsConverge::of(&plan(200)).expect("it is promised"));
        property.after_event(&facts, &scene);
        let violations = property.at_end(&EndOfRun::new(&scene));
        violations.into_iter().map(|it| it.sentence).collect()
    }

    #[test]
    fn fires_when_a_group_is_not_stable_or_a_partition_nobodys() {
        let whole = group("Stable", &[("c-1", &[0]), ("c-2", &[1])]);
        assert!(found(Some(whole.clone()), &[]).is_empty());
        let prepares = group("PreparingRebalance", &[("c-1", &[])]);
        assert_eq!(
            found(Some(prepares), &[]),
            ["group g is PreparingRebalance"]
        );
        let nobodys = "group g has no running member for t-1";
        assert_eq!(
            found(Some(group("Stable", &[("c-1", &[0])])), &[]),
            [nobodys]
        );
        // A dead member reads nothing.
        assert_eq!(found(Some(whole), &["c-2"]), [nobodys]);
        assert_eq!(found(None, &[]), ["group g is unknown to every broker"]);
    }

    #[test]
    fn a_group_without_running_members_is_empty() {
        assert!(found(Some(group("Empty", &[])), &["c-1", "c-2"]).is_empty());
        let stuck = group("Stable", &[("c-1", &[0, 1])]);
        assert_eq!(found(Some(stuck), &["c-1", "c-2"]), ["group g is Stable"]);
    }

    #[test]
    fn it_is_promised_where_there_is_time_enough() {
        assert!(GroupsConverge::of(&plan(200)).is_some());
        assert!(GroupsConverge::of(&plan(90)).is_none());
        let mut later = plan(200);
        later.consumers[0].stop = Some(Duration::from_secs(150));
        assert!(GroupsConverge::of(&later).is_none());
    }
}
