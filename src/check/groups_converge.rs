//! A group converges once it is left alone: so long after the last thing that befell the cluster or its members, each
//! group is stable, and each partition of its topics is a running member's; or it is empty, if none of its members runs.
//!
//! Looks at what the run does and at who starts and ends, whenever the plan has it, and at groups as their coordinators
//! have them at the end. How long it may take is said by what befell whom, and by what members and brokers are told: until
//! a session ends, a lost answer is given up, a rebalance and the one after it are over. Not asked while a fault still lasts, where
//! who keeps the groups is not whole again, or where somebody laid hands on files or on ZooKeeper: that does not heal.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::whole_after_healing::WholeAfterHealing;
use crate::kernel::{Duration, Time};
use crate::node::view::{ClusterView, GroupView};
use crate::plan::{Action, ConsumerPlan, EachRecord, Plan};
use crate::protocol::config::ConsumerConfig;
use crate::protocol::zookeeper::Op;
use crate::protocol::{
    Fact, GROUP_METADATA_TOPIC, GroupFact, LinkFault, MachineFault, NO_LEADER, Routine,
    StateWriteReason, TopicPattern, counted, is_internal_topic,
};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub(super) const NAME: &str = "a group that is left alone becomes whole";

/// For the rounds of a rebalance and of the one after it, beside what they wait for.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct GroupsConverge {
    groups: BTreeMap<String, Promised>,
    /// Until brokers are whole again, once nothing befalls them any more.
    brokers_settle: Duration,
    end: Time,
    brokers: usize,
    befallen: Befallen,
    looked_at: u64,
}

/// A group that is to be whole at the end.
#[derive(Debug, Default)]
struct Promised {
    members: BTreeSet<String>,
    topics: BTreeSet<String>,
    patterns: Vec<TopicPattern>,
    /// For members that are at work, and for what is heard by the next heartbeat, twice.
    settles: Duration,
    /// Until who is gone is missed.
    session: Duration,
    /// For an answer that was lost.
    waits: Duration,
    /// Until members know of new partitions.
    learns: Duration,
    /// A topic of it was last given partitions while members read it.
    grown: Option<Time>,
}

/// What has come over the cluster and its members, and when last.
#[derive(Debug, Default)]
struct Befallen {
    last: Time,
    /// Servers, or what links them to others.
    servers: Option<Time>,
    /// A member was gone without a word, or still.
    absence: Option<Time>,
    /// Answers were lost without anybody being told.
    silence: Option<Time>,
    /// Of each line of the timeline, whether it is one whose nodes say what befalls them.
    of_processes: Vec<bool>,
    links: BTreeSet<u32>,
    machines: BTreeSet<(Rc<str>, MachineFault)>,
    paused: BTreeSet<Rc<str>>,
    /// Of these groups members have left, since their applications do not poll, and join again once they do.
    away: BTreeMap<Rc<str>, Rc<str>>,
    running: BTreeSet<Rc<str>>,
}

impl GroupsConverge {
    /// `None` where nothing is promised of any group.
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        if !can_keep_groups(plan) || plan.timeline.iter().any(|it| tampers(&it.action)) {
            return None;
        }
        let mut groups: BTreeMap<String, Promised> = BTreeMap::new();
        for consumer in &plan.consumers {
            if let Some(name) = consumer.subscribes_in() {
                let promised = groups.entry(name.to_owned()).or_default();
                promised.add(consumer)?;
            }
        }
        let end = Time(plan.end().0);
        (!groups.is_empty()).then_some(GroupsConverge {
            groups,
            brokers_settle: WholeAfterHealing::settles_within(plan),
            end,
            brokers: plan.cluster.brokers.len(),
            befallen: Befallen {
                of_processes: plan
                    .timeline
                    .iter()
                    .map(|it| is_of_processes(&it.action))
                    .collect(),
                ..Befallen::default()
            },
            looked_at: 0,
        })
    }

    /// Whether a group has had its time. Who waits for a lost answer does so while brokers settle.
    fn is_due(&self, promised: &Promised) -> bool {
        let Befallen {
            last,
            servers,
            absence,
            silence,
            ..
        } = self.befallen;
        let session = promised.session;
        let begins = [
            Some(last),
            // Who takes a group over hears of all members anew.
            servers.map(|at| at + self.brokers_settle + session),
            absence.map(|at| at + session),
            silence.map(|at| at + promised.waits + session + session),
            promised.grown.map(|at| at + promised.learns),
        ];
        let mut begins = begins.into_iter().flatten();
        self.befallen.is_over() && begins.all(|at| at + promised.settles <= self.end)
    }

    /// Whoever keeps groups can keep them: all who run are in sync.
    fn are_kept(&self, end: &EndOfRun<'_>) -> bool {
        let mut partitions = end
            .committed()
            .filter(|it| *it.partition.topic == *GROUP_METADATA_TOPIC);
        end.view.running_brokers().len() == self.brokers
            && partitions.all(|it| it.leader != NO_LEADER && it.isr.len() == it.replicas.len())
    }

    /// What is wrong with a group, if anything is.
    fn lack(
        &self,
        group: Option<&GroupView>,
        promised: &Promised,
        end: &EndOfRun<'_>,
    ) -> Option<String> {
        let runs = |member: &&String| self.befallen.running.contains(member.as_str());
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
        let of_living = of_living.filter(|it| self.befallen.running.contains(&it.client_id));
        let read: BTreeSet<_> = of_living.flat_map(|it| &it.assignment).collect();
        let mut partitions = end.committed().map(|state| &state.partition);
        let unread = partitions.find(|it| promised.reads(&it.topic) && !read.contains(it));
        unread.map(|partition| format!("has no running member for {partition}"))
    }
}

/// Without enough brokers their topic is never made (CG6).
fn can_keep_groups(plan: &Plan) -> bool {
    const DEFAULT: usize = 3;
    let replicas = plan.cluster.config.get("offsets.topic.replication.factor");
    let replicas = replicas.and_then(|text| text.parse().ok());
    replicas.unwrap_or(DEFAULT) <= plan.cluster.brokers.len()
}

fn of_servers(node: &str) -> bool {
    node.starts_with("broker-") || node.starts_with("zookeeper-")
}

fn is_of_processes(action: &Action) -> bool {
    matches!(
        action,
        Action::Crash(_)
            | Action::PowerFailure(_)
            | Action::Restart(_)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Stop(_)
    )
}

/// Somebody lays hands on what brokers keep, and does not mend it.
fn tampers(action: &Action) -> bool {
    const OF_BROKERS: [&str; 4] = ["/admin", "/brokers", "/config", "/controller_epoch"];
    match action {
        Action::FlipBit { .. }
        | Action::DeleteFile { .. }
        | Action::TruncateFile { .. }
        | Action::WriteFile { .. } => true,
        Action::AskZooKeeper { command, .. } => match command.op() {
            Op::Create { path, .. } | Op::Delete { path, .. } | Op::SetData { path, .. } => {
                OF_BROKERS.iter().any(|of| path.starts_with(of))
            }
            _ => false,
        },
        _ => false,
    }
}

impl Promised {
    fn reads(&self, topic: &str) -> bool {
        let mut patterns = self.patterns.iter();
        self.topics.contains(topic)
            || !is_internal_topic(topic) && patterns.any(|it| it.matches(topic))
    }

    /// `None` where its settings are none.
    fn add(&mut self, consumer: &ConsumerPlan) -> Option<()> {
        self.members.extend(consumer.members());
        self.topics.extend(consumer.topics.iter().cloned());
        self.patterns.extend(consumer.pattern.clone());
        let config = ConsumerConfig::parse(&consumer.config).ok()?;
        let group = config.group?;
        let records = config.max_poll_records as u64;
        let work = consumer
            .processing
            .map_or(0, |each| each.0.saturating_mul(records));
        // What it calls may keep it from `poll` for as long as it may stay away.
        let calls = consumer
            .each_record
            .as_ref()
            .is_some_and(|it| *it != EachRecord::Count);
        let work = match (consumer.pauses, calls) {
            (true, _) => Duration::ZERO,
            (false, true) => group.max_poll_interval,
            (false, false) => Duration(work).min(group.max_poll_interval),
        };
        let heard = group.heartbeat_interval + group.heartbeat_interval;
        self.settles = self.settles.max(work + heard + SETTLES_WITHIN);
        self.session = self.session.max(group.session_timeout);
        let answer = group.max_poll_interval + Duration::from_secs(5);
        self.waits = self.waits.max(answer.max(config.common.request_timeout()));
        let age = Duration::from_millis(config.common.metadata_max_age_ms);
        self.learns = self.learns.max(age);
        Some(())
    }
}

impl Befallen {
    fn is_over(&self) -> bool {
        self.links.is_empty() && self.machines.is_empty() && self.paused.is_empty()
    }

    fn take(&mut self, entry: &TraceEntry) {
        let node = || Rc::clone(&entry.node);
        let mut befalls_servers = of_servers(&entry.node);
        match &entry.fact {
            Fact::Started => {
                // The run waits for servers before it starts who speaks with them.
                befalls_servers &= self.running.iter().any(|it| !of_servers(it));
                self.running.insert(node());
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                self.running.remove(&entry.node);
                self.paused.remove(&entry.node);
                self.away.remove(&entry.node);
                if entry.fact == Fact::PowerFailed {
                    self.silence = Some(entry.time);
                }
                self.absence = Some(entry.time);
            }
            Fact::Paused => {
                self.paused.insert(node());
            }
            Fact::Resumed => {
                self.paused.remove(&entry.node);
                self.absence = Some(entry.time);
            }
            Fact::LinkFault { number, fault, .. } => {
                self.links.insert(*number);
                if *fault == LinkFault::Cut {
                    self.silence = Some(entry.time);
                }
                befalls_servers = true;
            }
            Fact::LinkHealed { number } => {
                self.links.remove(number);
                self.silence = self.silence.map(|_| entry.time);
                befalls_servers = true;
            }
            Fact::MachineFault { fault, on: true } => {
                self.machines.insert((node(), *fault));
            }
            Fact::MachineFault { fault, on: false } => {
                self.machines.remove(&(node(), *fault));
            }
            Fact::TimelineEvent { entry, .. } => {
                let said = self.of_processes.get(*entry as usize);
                befalls_servers = !said.copied().unwrap_or_default();
            }
            Fact::Lingers | Fact::Gone | Fact::TerminateAsked => {}
            Fact::BecameLeader {
                partition,
                leader_epoch,
                ..
            } if *partition.topic == *GROUP_METADATA_TOPIC => {
                befalls_servers = *leader_epoch > 0;
            }
            // Its application has worked for too long, as it may.
            Fact::Group(GroupFact::PollTimeoutExpired { group, .. }) => {
                self.away.insert(node(), Rc::clone(group));
            }
            // It polls, and joins again.
            Fact::Group(
                GroupFact::PartitionsLost { .. } | GroupFact::PartitionsAssigned { .. },
            ) => {
                if self.away.remove(&entry.node).is_none() {
                    return;
                }
            }
            _ => return,
        }
        self.last = entry.time;
        if befalls_servers {
            self.servers = Some(entry.time);
        }
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
        self.befallen.take(entry);
        if let Fact::StateWritten {
            partition,
            reason: StateWriteReason::NewPartition,
            ..
        } = &entry.fact
        {
            // Who starts later knows of them.
            let running = &self.befallen.running;
            let are_there = |it: &Promised| it.members.iter().any(|one| running.contains(&**one));
            let mut readers: Vec<_> = self.groups.values_mut().collect();
            readers.retain(|it| it.reads(&partition.topic) && are_there(it));
            for group in readers {
                group.grown = Some(entry.time);
            }
        }
        None
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let views = end.view.groups();
        let mut violations = Vec::new();
        if !self.are_kept(end) {
            return violations;
        }
        for (name, promised) in &self.groups {
            let is_waited_for = self.befallen.away.values().any(|of| **of == **name);
            if is_waited_for || !self.is_due(promised) {
                continue;
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::node::view::MemberView;
    use crate::plan::{Slot, ZooKeeperCommand};
    use crate::protocol::TopicPartition;

    /// Brokers have 38 s to settle, and groups 30 s.
    fn plan() -> Plan {
        let consumer = ConsumerPlan::new("c", "t").count(2);
        let consumer = consumer.config("group.id", "g");
        let consumer = consumer.config("max.poll.interval.ms", 10_000);
        Plan::new("p")
            .brokers(3)
            .duration(Duration::from_secs(120))
            .consumer(consumer.config("session.timeout.ms", 10_000))
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

    /// At the end of a run in which these clients started, and this happened to these.
    fn found_after(group: Option<GroupView>, happened: &[(&str, Fact)]) -> Vec<String> {
        let mut scene = Scene::new();
        for broker in 1..=3 {
            scene.replica_mut(broker, "t-0");
        }
        scene.commit("t-0", 1, &[1]);
        scene.commit("t-1", 1, &[1]);
        scene.commit("__consumer_offsets-0", 1, &[1, 2, 3]);
        scene.groups.extend(group);
        let started = ["c-1", "c-2"].map(|node| scene.fact(node, Fact::Started));
        let mut facts = started.to_vec();
        scene.pass(Duration::from_secs(10));
        facts.extend(
            happened
                .iter()
                .map(|(node, it)| scene.fact(node, it.clone())),
        );
        let mut property = alone(GroupsConverge::of(&plan()).expect("it is promised"));
        property.after_event(&facts, &scene);
        let violations = property.at_end(&EndOfRun::new(&scene));
        violations.into_iter().map(|it| it.sentence).collect()
    }

    fn found(group: Option<GroupView>, crashes: &[&str]) -> Vec<String> {
        let crashed: Vec<_> = crashes.iter().map(|it| (*it, Fact::Crashed)).collect();
        found_after(group, &crashed)
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

    /// Of 120 s it needs 16, and before that 10 for a session, 38 for brokers, or 30 for an answer.
    #[test]
    fn it_has_its_time_from_the_last_fault_on() {
        let says = |happened: &[(&str, Fact)]| found_after(None, happened).len();
        let cut = |number| Fact::LinkFault {
            number,
            fault: LinkFault::Cut,
            sides: Vec::new(),
        };
        let healed = |number| Fact::LinkHealed { number };
        assert_eq!(says(&[("timeline", cut(1)), ("timeline", healed(1))]), 1);
        assert_eq!(says(&[("timeline", cut(1))]), 0, "it still lasts");
        assert_eq!(says(&[("c-1", Fact::Paused)]), 0);
        assert_eq!(says(&[("c-1", Fact::Paused), ("c-1", Fact::Resumed)]), 1);
        let slow = |on| Fact::MachineFault {
            fault: MachineFault::DiskSlow,
            on,
        };
        assert_eq!(says(&[("broker-1", slow(true))]), 0);
        assert_eq!(
            says(&[("broker-1", slow(true)), ("broker-1", slow(false))]),
            1
        );

        let mut property = GroupsConverge::of(&plan()).expect("it is promised");
        let promised = property.groups.remove("g").expect("the group");
        let mut due = |befallen: Befallen| {
            property.befallen = befallen;
            property.is_due(&promised)
        };
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        for late in [false, true] {
            let (late, other) = (u64::from(late), Befallen::default);
            let befallen = [
                Befallen {
                    last: at(104 + late),
                    ..other()
                },
                Befallen {
                    absence: Some(at(94 + late)),
                    ..other()
                },
                Befallen {
                    servers: Some(at(56 + late)),
                    ..other()
                },
                Befallen {
                    silence: Some(at(54 + late)),
                    ..other()
                },
            ];
            assert_eq!(befallen.map(&mut due), [late == 0; 4]);
        }
    }

    /// It works for as long as it likes, and has its time again once it is back.
    #[test]
    fn who_does_not_poll_is_waited_for() {
        let leaves = || {
            let expired = GroupFact::PollTimeoutExpired {
                group: "g".into(),
                max_poll_interval_ms: 10_000,
                owner_then: Default::default(),
            };
            ("c-1", Fact::Group(expired))
        };
        let lost = || {
            let lost = GroupFact::PartitionsLost {
                group: "g".into(),
                partitions: Vec::new(),
                in_rebalance: false,
                owner_then: Default::default(),
            };
            ("c-1", Fact::Group(lost))
        };
        assert_eq!(found_after(None, &[leaves()]), Vec::<String>::new());
        assert_eq!(found_after(None, &[leaves(), lost()]).len(), 1);
        assert_eq!(
            found_after(None, &[leaves(), ("c-1", Fact::Crashed)]).len(),
            1
        );
    }

    #[test]
    fn it_is_not_asked_where_nobody_can_keep_groups_or_somebody_tampers() {
        let mut few = plan();
        few.cluster.brokers.truncate(2);
        assert!(GroupsConverge::of(&few).is_none());
        let asks = |command: &str| {
            let command = ZooKeeperCommand::read(command).expect("a command");
            let client = "somebody".to_owned();
            let plan = plan().at(
                Duration::from_secs(5),
                Action::AskZooKeeper { client, command },
            );
            GroupsConverge::of(&plan).is_some()
        };
        assert!(asks("delete /controller"));
        assert!(!asks("delete /brokers/ids/1"));
    }
}
