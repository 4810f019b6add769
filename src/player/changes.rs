//! What each fact changes in what the page shows. Logs that outlive a process keep their last known ends; roles, positions
//! and controllers go with it, sessions do not: ZooKeeper keeps those until it gives them up.

use super::slots::Slots;
use super::words::Words;
use super::znodes::Znodes;
use crate::check::CommittedOffsets;
use crate::node::view::ZooKeeperWatchView;
use crate::protocol::{ErrorCode, Fact, GroupFact, LinkFault, MachineFault, TopicPartition};
use crate::trace::TraceEntry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Follows a run, fact by fact.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) slots: Slots,
    znodes: Znodes,
    session_owners: BTreeMap<i64, Rc<str>>,
    /// The node of each member of a group.
    members: BTreeMap<Rc<str>, Rc<str>>,
    committed: CommittedOffsets,
    links: BTreeMap<u32, Value>,
}

impl Changes {
    pub(super) fn learn(&mut self, entry: &TraceEntry) {
        let node = &*entry.node;
        match &entry.fact {
            Fact::Started => self.process(node, "runs"),
            Fact::Resumed => self.set("process", node, "", "runs"),
            Fact::Paused => self.set("process", node, "", "paused"),
            Fact::Lingers => self.process(node, "killed, hangs in its disk"),
            Fact::Crashed => self.process(node, "crashed"),
            Fact::PowerFailed => self.process(node, "without power"),
            Fact::Exiting { .. } | Fact::Gone => self.process(node, "ended"),
            Fact::MachineFault { fault, on } => {
                let what = match fault {
                    MachineFault::DiskHangs => "its disk hangs",
                    MachineFault::DiskSlow => "its disk is slow",
                    MachineFault::MachineSlow => "its machine is slow",
                };
                self.set("suffers", node, what, on.then_some(what));
            }
            Fact::LinkFault {
                number,
                fault,
                sides,
            } => {
                let what = match fault {
                    LinkFault::Cut => "cut",
                    LinkFault::Stalled => "stalled",
                    LinkFault::Slow => "slow",
                    LinkFault::Throttled => "throttled",
                };
                self.links.insert(*number, json!([what, sides]));
                self.set_links();
            }
            Fact::LinkHealed { number } => {
                self.links.remove(number);
                self.set_links();
            }
            Fact::TxnApplied { txn } => {
                let owners = &self.session_owners;
                self.znodes.apply(&mut self.slots, txn, owners);
            }
            Fact::ControllerElected { controller_epoch } => {
                self.set("controller", node, "", *controller_epoch);
            }
            Fact::ControllerResigned { .. } => self.set("controller", node, "", Value::Null),
            Fact::Registered { broker_epoch } => self.set("registered", node, "", *broker_epoch),
            Fact::Serving => self.set("serves", node, "", true),
            Fact::StateWritten {
                partition,
                leader,
                leader_epoch,
                isr,
                partition_epoch,
                ..
            } => {
                let of = partition.to_string();
                if self.slots.get("state", &of, "").get(1) != Some(&json!(leader_epoch)) {
                    self.set("writes", &of, "", "nobody leads");
                }
                let state = json!([leader, leader_epoch, isr, partition_epoch]);
                self.set("state", &of, "", state);
            }
            Fact::Group(fact) => self.learn_group(node, fact),
            fact => {
                self.learn_ensemble(node, fact);
                self.learn_replica(node, fact);
                self.learn_client(node, fact);
            }
        }
    }

    /// Lines of the tables that Kafka's tools print, by their place.
    pub(super) fn learn_tables<'a>(
        &mut self,
        changed: impl Iterator<Item = &'a (usize, Option<String>)>,
        words: &mut Words,
    ) {
        for (place, line) in changed {
            let line = line.as_ref().map(|line| words.number(line));
            self.set("tables", &place.to_string(), "", json!(line));
        }
    }

    /// All watches that there are: of the children or not, whose, the server that holds it, whether the client counts on it.
    pub(super) fn learn_watches(&mut self, watches: &[ZooKeeperWatchView]) {
        let mut by_path: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for it in watches {
            let owner = self.session_owners.get(&it.session).map(|owner| &**owner);
            let session = || format!("session 0x{:x}", it.session);
            let owner = it.client.as_deref().or(owner);
            let owner = owner.map_or_else(session, str::to_owned);
            let watch = json!([it.children, owner, it.server, it.client.is_some()]);
            by_path.entry(&it.path).or_default().push(watch);
        }
        for (path, _) in self.slots.of_kind("watches") {
            if !by_path.contains_key(&*path) {
                self.set("watches", &path, "", Value::Null);
            }
        }
        for (path, watches) in by_path {
            self.set("watches", path, "", watches);
        }
    }

    fn set(&mut self, kind: &'static str, of: &str, and: &str, value: impl Into<Value>) {
        self.slots.set(kind, of, and, value.into());
    }

    fn set_links(&mut self) {
        let links: Vec<Value> = self.links.values().cloned().collect();
        self.set("links", "", "", links);
    }

    /// A process begins or ends: what it held in memory is gone.
    fn process(&mut self, node: &str, state: &str) {
        self.set("process", node, "", state);
        for kind in ["controller", "serves", "ensemble"] {
            self.set(kind, node, "", Value::Null);
        }
        for kind in ["role", "position"] {
            for (of, and) in self.slots.of_kind(kind) {
                if of == node {
                    self.set(kind, &of, &and, Value::Null);
                }
            }
        }
        for (partition, _) in self.slots.of_kind("state") {
            let leader = self.slots.get("state", &partition, "").get(0);
            let leads = leader.and_then(Value::as_i64);
            if leads.is_some_and(|id| format!("broker-{id}") == node) {
                self.set("writes", &partition, "", "nobody leads");
            }
        }
    }

    fn learn_ensemble(&mut self, node: &str, fact: &Fact) {
        match fact {
            Fact::ZooKeeperServing { .. } => self.set("ensemble", node, "", "serves"),
            Fact::ZooKeeperLooks { .. } => self.set("ensemble", node, "", "looks for a leader"),
            Fact::ZooKeeperLeads { epoch, .. } => {
                self.set("ensemble", node, "", format!("leads, epoch {epoch}"));
            }
            Fact::ZooKeeperFollows { leader, epoch, .. } => {
                let role = format!("follows zookeeper-{leader}, epoch {epoch}");
                self.set("ensemble", node, "", role);
            }
            Fact::ZooKeeperLeaves { .. } => self.set("ensemble", node, "", "serves nobody"),
            Fact::ZooKeeperConnected { session, .. } => {
                self.session_owners.insert(*session, node.into());
                self.set("session", node, "", "connected");
            }
            Fact::ZooKeeperDisconnected { .. } => self.set("session", node, "", "not connected"),
            Fact::ZooKeeperSessionLost { .. } => self.set("session", node, "", "lost"),
            Fact::SessionExpired { session, .. } | Fact::SessionClosed { session, .. } => {
                if let Some(owner) = self.session_owners.get(session).cloned() {
                    let is_over = match fact {
                        Fact::SessionExpired { .. } => "expired",
                        _ => "closed",
                    };
                    self.set("session", &owner, "", is_over);
                    self.set("registered", &owner, "", Value::Null);
                }
            }
            _ => {}
        }
    }

    fn learn_replica(&mut self, node: &str, fact: &Fact) {
        match fact {
            Fact::BecameLeader {
                partition,
                leader_epoch,
                log_end_offset,
                high_watermark,
                ..
            } => {
                let role = json!(["leader", leader_epoch]);
                self.writes(partition, "taken");
                self.replica(node, partition, role, *log_end_offset, *high_watermark);
            }
            Fact::BecameFollower {
                partition,
                leader,
                leader_epoch,
                log_end_offset,
                high_watermark,
            } => {
                let role = json!(["follower", leader_epoch, leader]);
                self.replica(node, partition, role, *log_end_offset, *high_watermark);
            }
            Fact::ReplicaStopped { partition, deleted } => {
                let of = partition.to_string();
                self.set("role", node, &of, Value::Null);
                if *deleted {
                    for kind in ["start", "hw", "end", "epochs"] {
                        self.set(kind, node, &of, Value::Null);
                    }
                }
            }
            Fact::Appended {
                partition,
                base_offset,
                last_offset,
                leader_epoch,
                as_leader,
                acks_all,
            } => {
                let of = partition.to_string();
                self.set("end", node, &of, last_offset + 1);
                self.epochs(node, &of, *base_offset, Some(*leader_epoch));
                if *as_leader && *acks_all {
                    self.writes(partition, "taken");
                }
            }
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                as_leader,
            } => {
                self.set("hw", node, &partition.to_string(), *high_watermark);
                if *as_leader {
                    self.writes(partition, "taken");
                }
            }
            Fact::HighWatermarkHeld { partition, .. } => self.writes(partition, "wait"),
            Fact::ProduceRefused {
                partition,
                error: ErrorCode::NotEnoughReplicas | ErrorCode::NotEnoughReplicasAfterAppend,
            } => self.writes(partition, "refused"),
            // A start may find less on the disk than the log had.
            Fact::LogLoaded {
                partition,
                log_start_offset,
                log_end_offset,
                ..
            } => {
                let of = partition.to_string();
                let known = self.slots.get("hw", node, &of).as_i64();
                self.set("start", node, &of, *log_start_offset);
                self.set("end", node, &of, *log_end_offset);
                self.set("hw", node, &of, known.map(|it| it.min(*log_end_offset)));
                self.epochs(node, &of, *log_end_offset, None);
            }
            Fact::Truncated { partition, to, .. } => {
                let of = partition.to_string();
                self.set("end", node, &of, *to);
                self.epochs(node, &of, *to, None);
            }
            Fact::SegmentsDeleted {
                partition,
                log_start_offset,
                ..
            }
            | Fact::LogStartMoved {
                partition,
                log_start_offset,
                ..
            } => self.set("start", node, &partition.to_string(), *log_start_offset),
            _ => {}
        }
    }

    fn writes(&mut self, partition: &TopicPartition, what: &str) {
        let of = partition.to_string();
        if !self.slots.get("state", &of, "").is_null() {
            self.set("writes", &of, "", what);
        }
    }

    fn replica(&mut self, node: &str, at: &TopicPartition, role: Value, end: i64, hw: i64) {
        let of = at.to_string();
        self.set("role", node, &of, role);
        if self.slots.get("start", node, &of).is_null() {
            self.set("start", node, &of, 0);
        }
        self.set("end", node, &of, end);
        self.set("hw", node, &of, hw);
        self.epochs(node, &of, end, None);
    }

    /// Where each leader epoch begins in a log: `[[offset, epoch], ...]`; nothing of it from `end` on, but for this.
    fn epochs(&mut self, node: &str, of: &str, end: i64, epoch: Option<i32>) {
        let known = self.slots.get("epochs", node, of).as_array();
        let before = |it: &&Value| it[0].as_i64().is_some_and(|from| from < end);
        let mut epochs: Vec<Value> = known
            .into_iter()
            .flatten()
            .filter(before)
            .cloned()
            .collect();
        if let Some(epoch) = epoch
            && epochs.last().and_then(|it| it[1].as_i64()) != Some(epoch.into())
        {
            epochs.push(json!([end, epoch]));
        }
        self.set("epochs", node, of, epochs);
    }

    fn learn_client(&mut self, node: &str, fact: &Fact) {
        let one_more = |kind: &'static str, slots: &mut Slots| {
            let count = slots.get(kind, node, "").as_u64().unwrap_or(0);
            slots.set(kind, node, "", (count + 1).into());
        };
        match fact {
            Fact::RecordCreated { .. } => one_more("made", &mut self.slots),
            Fact::Acked { .. } => one_more("acked", &mut self.slots),
            Fact::Failed { .. } => one_more("failed", &mut self.slots),
            Fact::PositionSet {
                partition, offset, ..
            } => self.set("position", node, &partition.to_string(), *offset),
            Fact::Consumed {
                partition, offset, ..
            } => {
                one_more("read", &mut self.slots);
                self.set("position", node, &partition.to_string(), offset + 1);
            }
            _ => {}
        }
    }

    fn learn_group(&mut self, node: &str, fact: &GroupFact) {
        match fact {
            GroupFact::Changed {
                group,
                state,
                generation,
                members,
                ..
            } => self.set(
                "group",
                group,
                "",
                json!([state, generation, members.len()]),
            ),
            GroupFact::PartitionsAssigned {
                group,
                member,
                partitions,
                kept,
                ..
            } => {
                self.members.insert(member.clone(), node.into());
                for partition in partitions.iter().chain(kept.iter()) {
                    self.set("owner", group, &partition.to_string(), node);
                }
            }
            GroupFact::AssignedByHand {
                group, partitions, ..
            } => {
                for partition in partitions {
                    self.set("owner", group, &partition.to_string(), node);
                }
            }
            GroupFact::PartitionsRevoked {
                group, partitions, ..
            }
            | GroupFact::PartitionsLost {
                group, partitions, ..
            } => {
                for partition in partitions {
                    let of = partition.to_string();
                    self.set("position", node, &of, Value::Null);
                    if self.slots.get("owner", group, &of) == node {
                        self.set("owner", group, &of, Value::Null);
                    }
                }
            }
            GroupFact::MemberRemoved { group, member, .. } => {
                let Some(gone) = self.members.get(member).cloned() else {
                    return;
                };
                for (of, partition) in self.slots.of_kind("owner") {
                    if of == **group && self.slots.get("owner", &of, &partition) == &*gone {
                        self.set("owner", &of, &partition, Value::Null);
                    }
                }
            }
            GroupFact::Processed {
                group,
                partition,
                offset,
            } => self.set("processed", group, &partition.to_string(), offset + 1),
            GroupFact::OffsetCommitted {
                group, partition, ..
            }
            | GroupFact::OffsetExpired { group, partition } => {
                self.committed.learn(fact);
                self.set_committed(group, partition);
            }
            // What it does not find is lost.
            GroupFact::Loaded { .. } => {
                let mut places: Vec<_> = self.committed_places();
                self.committed.learn(fact);
                places.extend(self.committed_places());
                for (group, partition) in places {
                    self.set_committed(&group, &partition);
                }
            }
            _ => {}
        }
    }

    fn committed_places(&self) -> Vec<(Rc<str>, TopicPartition)> {
        let places = self.committed.places();
        places
            .map(|(group, partition)| (Rc::clone(group), partition.clone()))
            .collect()
    }

    fn set_committed(&mut self, group: &str, partition: &TopicPartition) {
        let committed = self.committed.of(group, partition);
        self.set("committed", group, &partition.to_string(), json!(committed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::protocol::LoadedOffset;

    #[test]
    fn a_commit_that_a_coordinator_does_not_find_is_shown_no_more() {
        let partition = || TopicPartition::new("t", 0);
        let after = |found: Option<i64>| {
            let committed = GroupFact::OffsetCommitted {
                group: "g".into(),
                partition: partition(),
                offset: 8,
                of_generation: 1,
                in_generation: 1,
            };
            let found = found.map(|offset| LoadedOffset {
                group: "g".into(),
                partition: partition(),
                offset,
            });
            let loaded = GroupFact::Loaded {
                partition: 0,
                of_partitions: 1,
                groups: Vec::new(),
                committed: found.into_iter().collect(),
            };
            let mut changes = Changes::default();
            for fact in [committed, loaded] {
                changes.learn(&TraceEntry {
                    event: 1,
                    time: Time(0),
                    node: "broker-1".into(),
                    fact: Fact::Group(fact),
                });
            }
            changes.slots.get("committed", "g", "t-0").clone()
        };
        assert_eq!(after(Some(8)), json!(8));
        assert_eq!(after(Some(3)), json!(3));
        assert_eq!(after(None), Value::Null);
    }
}
