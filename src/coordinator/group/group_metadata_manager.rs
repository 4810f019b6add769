//! Which groups are here, and what of them is in the log (class `GroupMetadataManager`): partitions of
//! `__consumer_offsets` that this broker leads, or is still reading. Rules CG2, CG41 to CG44.

use super::group_coordinator::GroupCoordinator;
use super::group_metadata::{Committed, GroupMetadata, GroupState};
use super::member_metadata::MemberMetadata;
use super::records::{GroupValue, Key, OffsetAndMetadata};
use crate::log::batch::Record;
use crate::protocol::rules::GroupUnload;
use crate::protocol::{
    Ctx, ErrorCode, Fact, GroupFact, GroupProtocol, LoadedOffset, RebalanceReason, TopicPartition,
    partition_for,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A partition that is read before its groups are here.
#[derive(Debug, Default)]
pub(super) struct Loading {
    pub next_offset: i64,
    /// Last value of each key.
    groups: BTreeMap<Rc<str>, GroupValue>,
    offsets: BTreeMap<(Rc<str>, TopicPartition), Committed>,
}

impl Loading {
    /// Takes in the next record; a tombstone removes what it names.
    pub fn take(&mut self, batch_offset: i64, record: &Record) {
        let Some(key) = record.key.as_ref().and_then(Key::from_bytes) else {
            return;
        };
        match key {
            Key::Offset(group, partition) => {
                match record
                    .value
                    .as_ref()
                    .and_then(OffsetAndMetadata::from_bytes)
                {
                    Some(value) => {
                        let committed = Committed {
                            append_offset: batch_offset,
                            value,
                        };
                        self.offsets.insert((group, partition), committed);
                    }
                    None => drop(self.offsets.remove(&(group, partition))),
                }
            }
            Key::Group(group) => match record.value.as_ref().and_then(GroupValue::from_bytes) {
                Some(value) => drop(self.groups.insert(group, value)),
                None => drop(self.groups.remove(&group)),
            },
        }
    }
}

/// What the thread that reads logs has to do for one partition, told in this leader epoch.
#[derive(Debug)]
pub(super) enum LogTask {
    Load(i32, i32),
    /// `None`: the broker does not host the partition any more.
    Unload(i32, Option<i32>),
}

impl GroupCoordinator {
    /// This broker leads a partition of `__consumer_offsets` from now on: its groups are here once the thread
    /// that reads logs has come to it and read it (CG41).
    pub fn on_election(&mut self, partition: i32, leader_epoch: i32) {
        let load = LogTask::Load(partition, leader_epoch);
        self.log_tasks.push_back(load);
    }

    /// It does not lead the partition any more: its groups go once that thread has come to it (CG43).
    pub fn on_resignation(&mut self, partition: i32, leader_epoch: Option<i32>) {
        let unload = LogTask::Unload(partition, leader_epoch);
        self.log_tasks.push_back(unload);
        if self.config.rules.group_unload == GroupUnload::Late {
            self.late_unloads.insert(partition);
        }
    }

    pub fn has_log_tasks(&self) -> bool {
        !self.log_tasks.is_empty()
    }

    /// Does what comes before the next read; the partition to read, and from which offset.
    pub fn next_to_load(&mut self, ctx: &mut Ctx<'_>) -> Option<(i32, i64)> {
        loop {
            match *self.log_tasks.front()? {
                LogTask::Load(partition, leader_epoch) => {
                    if let Some(loading) = self.loading.get(&partition) {
                        return Some((partition, loading.next_offset));
                    }
                    let is_news = self.is_news(partition, Some(leader_epoch));
                    if is_news && !self.owned.contains(&partition) {
                        self.loading.insert(partition, Loading::default());
                        return Some((partition, 0));
                    }
                }
                LogTask::Unload(partition, leader_epoch) => {
                    if self.is_news(partition, leader_epoch) {
                        self.unload_partition(ctx, partition);
                    }
                }
            }
            self.log_tasks.pop_front();
        }
    }

    /// CG43: epochs only go up; what comes late is nothing.
    fn is_news(&mut self, partition: i32, leader_epoch: Option<i32>) -> bool {
        let Some(epoch) = leader_epoch else {
            return true;
        };
        let known = self.epochs.entry(partition).or_insert(epoch);
        *known = epoch.max(*known);
        *known == epoch
    }

    fn unload_partition(&mut self, ctx: &mut Ctx<'_>, partition: i32) {
        self.owned.remove(&partition);
        self.forget_groups(ctx, partition);
    }

    fn forget_groups(&mut self, ctx: &mut Ctx<'_>, partition: i32) {
        let here: Vec<Rc<str>> = self
            .groups
            .keys()
            .filter(|group| self.partition_of(group) == partition)
            .cloned()
            .collect();
        for group in here {
            self.unload(ctx, &group);
        }
    }

    /// Takes in what was read of the partition that `next_to_load` named.
    pub fn take_loaded<'a>(
        &mut self,
        partition: i32,
        records: impl Iterator<Item = (i64, &'a Record)>,
        next_offset: i64,
    ) {
        if let Some(loading) = self.loading.get_mut(&partition) {
            for (batch_offset, record) in records {
                loading.take(batch_offset, record);
            }
            loading.next_offset = next_offset;
        }
    }

    /// It is read to its end: its groups are here (CG42).
    pub fn on_loaded(&mut self, ctx: &mut Ctx<'_>, partition: i32) {
        let Some(loading) = self.loading.remove(&partition) else {
            return;
        };
        self.log_tasks.pop_front();
        let found = loading.offsets.iter();
        let committed = found.map(|((group, partition), committed)| LoadedOffset {
            group: Rc::clone(group),
            partition: partition.clone(),
            offset: committed.value.offset,
        });
        let committed = committed.collect();
        let mut offsets: BTreeMap<Rc<str>, BTreeMap<TopicPartition, Committed>> = BTreeMap::new();
        for ((group, partition), committed) in loading.offsets {
            offsets
                .entry(group)
                .or_default()
                .insert(partition, committed);
        }
        self.owned.insert(partition);
        let with_members = loading.groups.keys();
        let names: BTreeSet<Rc<str>> = with_members.chain(offsets.keys()).cloned().collect();
        self.facts.push(Fact::Group(GroupFact::Loaded {
            partition,
            of_partitions: self.config.offsets_topic_num_partitions,
            groups: names.into_iter().collect(),
            committed,
        }));
        for (group_id, value) in loading.groups {
            let offsets = offsets.remove(&group_id).unwrap_or_default();
            let group = group_of(&group_id, value, offsets);
            self.on_group_loaded(ctx, group);
        }
        for (group_id, offsets) in offsets {
            let mut group = GroupMetadata::new(group_id, GroupState::Empty, -1);
            group.offsets = offsets;
            self.on_group_loaded(ctx, group);
        }
        if self.late_unloads.remove(&partition) {
            self.forget_groups(ctx, partition);
        }
    }

    /// What a request about a group is answered before anything else is looked at (CG3). A partition whose turn
    /// to be read has not come is not ours yet.
    pub(super) fn group_status(&self, group: &str) -> Result<(), ErrorCode> {
        if !self.started {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let partition = self.partition_of(group);
        if self.loading.contains_key(&partition) {
            Err(ErrorCode::CoordinatorLoadInProgress)
        } else if !self.owned.contains(&partition) {
            Err(ErrorCode::NotCoordinator)
        } else {
            Ok(())
        }
    }

    /// The same for what no group without a name is served.
    pub(super) fn named_group_status(&self, group: &str) -> Result<(), ErrorCode> {
        match group.is_empty() {
            true => Err(ErrorCode::InvalidGroupId),
            false => self.group_status(group),
        }
    }

    pub fn partition_of(&self, group: &str) -> i32 {
        partition_for(group, self.config.offsets_topic_num_partitions)
    }

    fn on_group_loaded(&mut self, ctx: &mut Ctx<'_>, mut group: GroupMetadata) {
        for member in group.member_ids() {
            let session = group.get(&member).map_or(0, |it| it.session_timeout_ms);
            self.schedule_session(ctx, &mut group, &member, session);
        }
        if group.members().len() > self.config.group_max_size as usize {
            let why = RebalanceReason::TooManyMembers;
            self.prepare_rebalance(ctx, &mut group, why);
        }
        self.groups
            .insert(Rc::clone(&group.group_id), Box::new(group));
    }

    fn unload(&mut self, ctx: &mut Ctx<'_>, group_id: &str) {
        let Some(mut group) = self.groups.remove(group_id) else {
            return;
        };
        self.detach_appends(group_id);
        group.transition_to(GroupState::Dead, ctx.wall_ms());
        for timer in group
            .join_timer
            .take()
            .into_iter()
            .chain(group.sync_timer.take())
        {
            ctx.cancel_timer(timer);
        }
        for timer in std::mem::take(&mut group.pending_members).into_values() {
            ctx.cancel_timer(timer);
        }
        for member in group.member_ids() {
            self.answer_join(&mut group, &member, Err(ErrorCode::NotCoordinator));
            self.answer_sync(&mut group, &member, ErrorCode::NotCoordinator);
            if let Some(timer) = group.get_mut(&member).and_then(|it| it.session.take()) {
                ctx.cancel_timer(timer);
            }
        }
    }
}

/// Stable if it has members, whatever it was in: who was in the middle of something learns it by an error.
fn group_of(
    group_id: &Rc<str>,
    value: GroupValue,
    offsets: BTreeMap<TopicPartition, Committed>,
) -> GroupMetadata {
    let state = match value.members.is_empty() {
        true => GroupState::Empty,
        false => GroupState::Stable,
    };
    let at = value.current_state_timestamp;
    let mut group = GroupMetadata::new(Rc::clone(group_id), state, at);
    group.generation_id = value.generation;
    group.protocol_name = value.protocol.clone();
    for stored in value.members {
        let protocol = GroupProtocol {
            name: value.protocol.clone().unwrap_or_default(),
            metadata: stored.subscription,
        };
        let member = MemberMetadata {
            member_id: stored.member_id,
            group_instance_id: stored.group_instance_id,
            client_id: stored.client_id,
            client_host: stored.client_host,
            rebalance_timeout_ms: stored.rebalance_timeout_ms,
            session_timeout_ms: stored.session_timeout_ms,
            supported_protocols: vec![protocol],
            assignment: stored.assignment,
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
            session: None,
        };
        group.add(member, &value.protocol_type);
    }
    if !value.protocol_type.is_empty() {
        group.protocol_type = Some(value.protocol_type);
    }
    group.leader_id = value.leader;
    group.subscribed_topics = group.compute_subscribed_topics();
    group.offsets = offsets;
    group
}
