//! Checks the lines of the timeline.

use super::topics::{not_of_brokers, replicas_in_bounds};
use super::topology::{PLAIN_PATH, is_plain_path};
use super::{Check, Checked, config_problem};
use crate::kernel::Duration;
use crate::plan::{Action, Entry, Healing, Moment, Problem, Role, Targets, When, write_duration};
use crate::protocol::config::{Scope, in_a_line, unfit_group_id};

/// So often at most a line is carried out.
const MOST_TIMES: u64 = 10_000;

impl Check<'_> {
    pub(super) fn entry(&mut self, entry: &Entry) -> Checked {
        match &entry.when {
            When::At(at) => self.within_run(*at, vec!["at".into()])?,
            When::Every { every, from, until } => {
                if *every == Duration::ZERO {
                    return Err(Problem::new(["every"], "every 0s").expected("a time above 0"));
                }
                self.within_run(*from, vec!["from".into()])?;
                if let Some(until) = until {
                    self.within_run(*until, vec!["until".into()])?;
                    if until < from {
                        return Err(Problem::new(["until"], "an end before the beginning")
                            .expected(format!("at least {}", write_duration(*from))));
                    }
                }
                let last = until.unwrap_or(self.plan.duration);
                let times = last.saturating_sub(*from).0 / every.0 + 1;
                if times > MOST_TIMES {
                    return Err(
                        Problem::new(["every"], format!("this happens {times} times"))
                            .expected(format!("at most {MOST_TIMES} times in a run")),
                    );
                }
                if entry.lasting.is_some_and(|lasting| lasting >= *every) {
                    return Err(Problem::new(
                        ["for"],
                        "it would not be over before it begins again",
                    )
                    .expected(format!("less than {}", write_duration(*every))));
                }
            }
            When::On { moment, from, .. } => {
                self.within_run(*from, vec!["from".into()])?;
                self.moment(moment)?;
            }
        }
        if let Some(lasting) = entry.lasting {
            let key = entry.action.key();
            if !entry.action.can_last() {
                return Err(
                    Problem::new(["for"], format!("\"for\" does not go with \"{key}\""))
                        .on_key()
                        .expected("no \"for\": this happens at once"),
                );
            }
            if lasting == Duration::ZERO {
                return Err(Problem::new(["for"], "it would last no time")
                    .expected("a time above 0, or none: to the end"));
            }
        }
        self.action(&entry.action)
    }

    pub(super) fn moment(&self, moment: &Moment) -> Checked {
        let at = || vec!["when".to_string()];
        match moment {
            Moment::AnotherLeader { partition }
            | Moment::NoLeader { partition }
            | Moment::IsrShrinks { partition }
            | Moment::IsrGrows { partition }
            | Moment::Truncates { partition }
            | Moment::Stalls { partition } => self.partition_there(partition, at()),
            Moment::Serves { id } | Moment::Registers { id } => {
                self.role_there(&Role::Broker { id: *id }, at())
            }
            Moment::Acknowledged { record } => {
                self.client_there(&record.producer, &["producers"], at())
            }
            Moment::ControllerElected | Moment::SessionExpires => Ok(()),
        }
    }

    pub(super) fn action(&mut self, action: &Action) -> Checked {
        let key = action.key();
        let own = || vec![key.to_string()];
        let to = || vec!["to".to_string()];
        match action {
            Action::Crash(who)
            | Action::PowerFailure(who)
            | Action::Restart(who)
            | Action::Pause(who)
            | Action::Resume(who)
            | Action::Stop(who)
            | Action::Isolate(who)
            | Action::JumpClock { targets: who, .. }
            | Action::Heal(Healing::Nodes(who)) => self.targets(who, own()),
            Action::FillDisk(who)
            | Action::HangSync(who)
            | Action::FailSync(who)
            | Action::WipeDisk(who)
            | Action::FailReads { targets: who, .. } => self.disks(who, own()),
            Action::Upgrade { targets, set } => {
                self.targets(targets, own())?;
                self.none_but(
                    targets,
                    own(),
                    is_broker,
                    "an upgrade changes the server.properties of a broker",
                    "brokers",
                )?;
                if set.is_empty() {
                    return Err(Problem::new(own(), "nothing to change")
                        .on_key()
                        .expected("set: {...} beside it, or \"restart\""));
                }
                self.properties(Scope::Broker, set, |key| {
                    vec!["set".to_string(), key.to_string()]
                })
            }
            Action::Cut { from: a, to: b, .. }
            | Action::SlowLink { a, b, .. }
            | Action::StallNetwork { a, b }
            | Action::ResetConnections { a, b }
            | Action::LoseMessage { from: a, to: b } => {
                self.targets(a, own())?;
                self.targets(b, to())?;
                self.two_ends(a, b)
            }
            Action::ThrottleNetwork { a, b, rate } => {
                if *rate == 0 {
                    return Err(Problem::new(["rate"], "no bandwidth")
                        .expected("more than 0B/s, or \"cut link\""));
                }
                self.targets(a, own())?;
                self.targets(b, to())?;
                self.two_ends(a, b)
            }
            Action::Partition(sets) => {
                if sets.len() < 2 {
                    return Err(Problem::new(own(), "one set of nodes")
                        .expected("at least 2 sets, such as [[broker-1], [broker-2, broker-3]]"));
                }
                let mut seen: Vec<String> = Vec::new();
                for (i, who) in sets.iter().enumerate() {
                    let at = vec![key.to_string(), i.to_string()];
                    self.targets(who, at.clone())?;
                    let names = self.names_of(who);
                    if let Some(twice) = names.iter().find(|name| seen.contains(name)) {
                        return Err(Problem::new(at, format!("\"{twice}\" is in two sets"))
                            .expected("each node in one set"));
                    }
                    seen.extend(names);
                }
                Ok(())
            }
            Action::SlowDisk { times: 0, .. } | Action::SlowMachine { times: 0, .. } => {
                Err(Problem::new(["times"], "0 times as long").expected("at least 1"))
            }
            Action::SlowDisk { targets, .. } => self.disks(targets, own()),
            Action::SlowMachine { targets, .. } => self.targets(targets, own()),
            Action::DeleteFile { targets, file } => {
                plain_path(file, true)?;
                self.disks(targets, own())
            }
            Action::TruncateFile { targets, file, .. }
            | Action::WriteFile { targets, file, .. } => {
                plain_path(file, false)?;
                self.disks(targets, own())
            }
            Action::FlipBit { targets, bit, .. } => {
                if *bit > 7 {
                    return Err(Problem::new(["bit"], format!("bit {bit}")).expected("from 0 to 7"));
                }
                self.disks(targets, own())
            }
            Action::DriftClock { targets, ppm } => {
                if ppm.unsigned_abs() > 500_000 {
                    return Err(Problem::new(["ppm"], format!("{ppm} parts per million"))
                        .expected("from -500000 to 500000"));
                }
                self.targets(targets, own())
            }
            Action::Heal(_) => Ok(()),
            Action::CreateTopic(topic) => {
                not_of_brokers(&topic.name, &["create topic"])?;
                // What Kafka refuses, the administrator is to be told; this no request can say.
                if !topic.assignment.is_empty() {
                    self.says_no_more_than_assignment(topic, vec!["assignment".to_string()])?;
                }
                if let Some(count) = topic.partitions {
                    replicas_in_bounds(count, self.factor(topic), vec!["partitions".to_string()])?;
                }
                self.properties(Scope::Topic, &topic.config, |key| {
                    vec!["config".to_string(), key.to_string()]
                })
            }
            // How many it has by then, the administrator is to be told.
            Action::CreatePartitions { topic, partitions } => {
                self.topic_there(topic, own())?;
                let factor = self.factor_of(topic);
                replicas_in_bounds(*partitions, factor, vec!["partitions".to_string()])
            }
            Action::DeleteRecords { partition, before } => {
                if let Some(offset) = before.filter(|offset| *offset < 0) {
                    let problem = Problem::new(["before"], format!("offset {offset}"));
                    return Err(problem.expected("an offset from 0 on"));
                }
                self.partition_there(partition, own())
            }
            Action::DescribeGroup(group) if group.is_empty() => {
                let problem = Problem::new(own(), "a group without a name");
                Err(problem.expected("a group.id, such as that of a consumer"))
            }
            Action::DescribeGroup(group) => match unfit_group_id(group) {
                Some(expected) => {
                    let found = format!("a group cannot be called \"{}\"", in_a_line(group));
                    Err(Problem::new(own(), found).expected(expected))
                }
                None => Ok(()),
            },
            Action::AlterTopic { topic, set, delete } => {
                self.topic_there(topic, own())?;
                self.properties(Scope::Topic, set, |key| {
                    vec!["set".to_string(), key.to_string()]
                })?;
                if set.is_empty() && delete.is_empty() {
                    return Err(Problem::new(own(), "nothing to change")
                        .on_key()
                        .expected("set: {...} or delete: [...] beside it"));
                }
                delete.iter().try_for_each(|name| {
                    Scope::Topic
                        .key(name)
                        .map(|_| ())
                        .map_err(|error| config_problem(error, &|_| vec!["delete".to_string()]))
                })
            }
            Action::AskZooKeeper { client, .. } => {
                self.client_there(client, &["zookeeper_clients"], vec!["client".to_string()])
            }
            Action::ElectPreferred(which) | Action::ElectUnclean(which) => which
                .iter()
                .flatten()
                .try_for_each(|partition| self.partition_there(partition, own())),
        }
    }

    /// Nodes that keep something on a disk.
    fn disks(&self, targets: &Targets, path: Vec<String>) -> Checked {
        self.targets(targets, path.clone())?;
        let found = "a client keeps nothing on a disk";
        let expected = "brokers or servers of ZooKeeper";
        self.none_but(targets, path, has_disk, found, expected)
    }

    /// Refuses a role that `fits` nobody of.
    fn none_but(
        &self,
        targets: &Targets,
        mut path: Vec<String>,
        fits: fn(&Role) -> bool,
        found: &str,
        expected: &str,
    ) -> Checked {
        let Some(place) = targets.0.iter().position(|role| !fits(role)) else {
            return Ok(());
        };
        if targets.0.len() > 1 {
            path.push(place.to_string());
        }
        let role = &targets.0[place];
        Err(Problem::new(path, format!("{found}: \"{role}\"")).expected(expected))
    }

    /// A fault between one node and itself touches no link.
    fn two_ends(&self, a: &Targets, b: &Targets) -> Checked {
        let (a, b) = (self.names_of(a), self.names_of(b));
        let mut all = a.iter().chain(&b);
        let first = all.next();
        let is_one = first.is_some_and(|name| self.is_one_node(name));
        match is_one && all.all(|name| Some(name) == first) {
            true => Err(Problem::new(["to"], "both ends are one node, and no link")
                .expected("another node")),
            false => Ok(()),
        }
    }

    /// Each node or role that is meant, brokers by name wherever that can be told beforehand.
    fn names_of(&self, targets: &Targets) -> Vec<String> {
        let mut names = Vec::new();
        for role in &targets.0 {
            match self.named_brokers(&Targets(vec![role.clone()])) {
                Some(ids) => names.extend(ids.into_iter().map(|id| Role::broker(id).to_string())),
                None => names.push(role.to_string()),
            }
        }
        names.sort();
        names.dedup();
        names
    }

    fn is_one_node(&self, name: &str) -> bool {
        match name.parse() {
            Ok(Role::Broker { .. } | Role::ZooKeeper { .. } | Role::LeaderOf { .. }) => true,
            Ok(Role::Controller | Role::ZooKeeperLeader) => true,
            Ok(Role::Client { name }) => {
                let plan = self.plan;
                let producers = plan.producers.iter().map(|plan| (&plan.name, plan.count));
                let consumers = plan.consumers.iter().map(|plan| (&plan.name, plan.count));
                let mut groups = producers.chain(consumers);
                !groups.any(|(group, count)| *group == name && count.is_some_and(|n| n > 1))
            }
            _ => false,
        }
    }
}

/// The path of a file, or of a directory where that may be meant.
fn has_disk(role: &Role) -> bool {
    !matches!(role, Role::Client { .. } | Role::AllClients)
}

fn is_broker(role: &Role) -> bool {
    let of_zookeeper = matches!(
        role,
        Role::ZooKeeper { .. }
            | Role::ZooKeeperLeader
            | Role::ZooKeeperFollower
            | Role::ZooKeeperFollowers
            | Role::AllZooKeepers
    );
    has_disk(role) && !of_zookeeper && *role != Role::Everyone
}

fn plain_path(path: &str, or_directory: bool) -> Checked {
    if is_plain_path(path) && (or_directory || !path.ends_with('/')) {
        return Ok(());
    }
    Err(Problem::new(["file"], format!("the path \"{path}\"")).expected(PLAIN_PATH))
}
