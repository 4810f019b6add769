//! A group: its state, members, generation and committed offsets (classes `GroupMetadata`, `GroupState`).
//! Rules CG8, CG9.
//!
//! Knows no clock and answers nobody: who changes it does.

use super::member_metadata::MemberMetadata;
use super::records::OffsetAndMetadata;
use super::scala_map::{self, as_immutable_hash_map, buckets_for, place_in_mutable_map};
use crate::kernel::TimerId;
use crate::protocol::{CONSUMER_PROTOCOL_TYPE, GroupProtocol, TopicName, TopicPartition};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// CG8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupState {
    /// No members; offsets may be there.
    Empty,
    /// Waits for its members to join.
    PreparingRebalance,
    /// Waits for its leader's assignments.
    CompletingRebalance,
    Stable,
    /// Is being forgotten.
    Dead,
}

impl GroupState {
    /// As DescribeGroups names it.
    pub const fn name(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
            GroupState::Dead => "Dead",
        }
    }

    fn may_follow(self, before: GroupState) -> bool {
        use GroupState::*;
        match self {
            Dead => true,
            Empty => before == PreparingRebalance,
            PreparingRebalance => matches!(before, Stable | CompletingRebalance | Empty),
            CompletingRebalance => before == PreparingRebalance,
            Stable => before == CompletingRebalance,
        }
    }
}

/// An offset that is in the log, and where in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Committed {
    /// Offset of the batch that holds it in `__consumer_offsets`.
    pub append_offset: i64,
    pub value: OffsetAndMetadata,
}

#[derive(Debug)]
pub struct GroupMetadata {
    pub group_id: Rc<str>,
    state: GroupState,
    /// Wall clock in ms at the last change of state, -1 before the first.
    pub current_state_timestamp: i64,
    pub protocol_type: Option<Rc<str>>,
    pub protocol_name: Option<Rc<str>>,
    pub generation_id: i32,
    pub leader_id: Option<Rc<str>>,
    members: BTreeMap<Rc<str>, MemberMetadata>,
    /// Of the hash map in which Kafka has them.
    buckets: u32,
    static_members: BTreeMap<Rc<str>, Rc<str>>,
    /// Member ids that were given out and have not joined yet, each with what ends the wait.
    pub pending_members: BTreeMap<Rc<str>, TimerId>,
    pub pending_sync_members: BTreeSet<Rc<str>>,
    /// A member came while the first rebalance waited (CG17).
    pub new_member_added: bool,
    /// What the members read; `None` where that cannot be told.
    pub subscribed_topics: Option<BTreeSet<TopicName>>,
    pub offsets: BTreeMap<TopicPartition, Committed>,
    /// Appended, and not known to be committed yet.
    pub pending_offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    /// Ends a join that somebody does not come to.
    pub join_timer: Option<TimerId>,
    /// What is left of the first rebalance's wait; `None` in all others.
    pub initial_delay_left_ms: Option<i32>,
    /// Ends a wait for SyncGroups.
    pub sync_timer: Option<TimerId>,
}

impl GroupMetadata {
    pub fn new(group_id: Rc<str>, state: GroupState, now_ms: i64) -> Self {
        GroupMetadata {
            group_id,
            state,
            current_state_timestamp: now_ms,
            protocol_type: None,
            protocol_name: None,
            generation_id: 0,
            leader_id: None,
            members: BTreeMap::new(),
            buckets: scala_map::BUCKETS,
            static_members: BTreeMap::new(),
            pending_members: BTreeMap::new(),
            pending_sync_members: BTreeSet::new(),
            new_member_added: false,
            subscribed_topics: None,
            offsets: BTreeMap::new(),
            pending_offsets: BTreeMap::new(),
            join_timer: None,
            initial_delay_left_ms: None,
            sync_timer: None,
        }
    }

    pub fn state(&self) -> GroupState {
        self.state
    }

    pub fn is(&self, state: GroupState) -> bool {
        self.state == state
    }

    pub fn transition_to(&mut self, state: GroupState, now_ms: i64) {
        assert!(
            state.may_follow(self.state),
            "group {}: {} after {}",
            self.group_id,
            state.name(),
            self.state.name()
        );
        self.state = state;
        self.current_state_timestamp = now_ms;
    }

    // ---- members

    /// Where their order does not matter.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &MemberMetadata> {
        self.members.values()
    }

    /// As Kafka's coordinator walks them: by the hashes of their ids.
    pub fn members_in_order(&self) -> Vec<&MemberMetadata> {
        let mut members: Vec<_> = self.members.values().collect();
        members.sort_by_cached_key(|it| place_in_mutable_map(&it.member_id, self.buckets));
        members
    }

    /// In the same order.
    pub fn member_ids(&self) -> Vec<Rc<str>> {
        let members = self.members_in_order().into_iter();
        members.map(|it| Rc::clone(&it.member_id)).collect()
    }

    pub fn has(&self, member_id: &str) -> bool {
        self.members.contains_key(member_id)
    }

    pub fn get(&self, member_id: &str) -> Option<&MemberMetadata> {
        self.members.get(member_id)
    }

    pub fn get_mut(&mut self, member_id: &str) -> Option<&mut MemberMetadata> {
        self.members.get_mut(member_id)
    }

    pub fn is_pending_member(&self, member_id: &str) -> bool {
        self.pending_members.contains_key(member_id)
    }

    pub fn current_static_member_id(&self, instance: &str) -> Option<&Rc<str>> {
        self.static_members.get(instance)
    }

    pub fn is_leader(&self, member_id: &str) -> bool {
        self.leader_id.as_deref() == Some(member_id)
    }

    /// The first to join an empty group leads it (CG15).
    pub fn add(&mut self, member: MemberMetadata, protocol_type: &Rc<str>) {
        if self.members.is_empty() {
            self.protocol_type = Some(Rc::clone(protocol_type));
        }
        assert_eq!(
            self.protocol_type.as_ref(),
            Some(protocol_type),
            "a group of one type"
        );
        self.leader_id
            .get_or_insert_with(|| Rc::clone(&member.member_id));
        if let Some(instance) = &member.group_instance_id {
            let id = Rc::clone(&member.member_id);
            self.static_members.insert(Rc::clone(instance), id);
        }
        self.insert(member);
    }

    fn insert(&mut self, member: MemberMetadata) {
        if !self.members.contains_key(&member.member_id) {
            self.buckets = buckets_for(self.members.len() + 1, self.buckets);
        }
        self.members.insert(Rc::clone(&member.member_id), member);
    }

    /// Takes a member out, and passes its leadership on to whoever comes first (CG23).
    pub fn remove(&mut self, member_id: &str) -> Option<MemberMetadata> {
        self.pending_sync_members.remove(member_id);
        let gone = self.members.remove(member_id)?;
        if let Some(instance) = &gone.group_instance_id
            && self.static_members.get(instance) == Some(&gone.member_id)
        {
            self.static_members.remove(instance);
        }
        if self.is_leader(member_id) {
            self.leader_id = self.member_ids().into_iter().next();
        }
        Some(gone)
    }

    /// The same static member under another id (KIP-345). If the group waits for a SyncGroup of the old id it
    /// goes on waiting for that one, in vain, as in Kafka.
    pub fn replace_static_member(&mut self, instance: &Rc<str>, old: &Rc<str>, new: &Rc<str>) {
        let member = self.members.remove(old);
        let mut member = member.expect("who is replaced is a member");
        member.member_id = Rc::clone(new);
        self.insert(member);
        self.static_members
            .insert(Rc::clone(instance), Rc::clone(new));
        if self.is_leader(old) {
            self.leader_id = Some(Rc::clone(new));
        }
    }

    // ---- rebalances

    pub fn can_rebalance(&self) -> bool {
        GroupState::PreparingRebalance.may_follow(self.state)
    }

    /// Every member waits in JoinGroup, and no id is out (CG16).
    pub fn has_all_members_joined(&self) -> bool {
        self.members().all(MemberMetadata::is_awaiting_join) && self.pending_members.is_empty()
    }

    pub fn number_awaiting_join(&self) -> usize {
        self.members().filter(|it| it.is_awaiting_join()).count()
    }

    /// The longest of its members.
    pub fn rebalance_timeout_ms(&self) -> i32 {
        self.members()
            .map(|it| it.rebalance_timeout_ms)
            .max()
            .unwrap_or(0)
    }

    /// True if somebody leads who waits: the leader, or the first who does.
    pub fn maybe_elect_new_joined_leader(&mut self) -> bool {
        let Some(leader) = &self.leader_id else {
            return false;
        };
        if self
            .get(leader)
            .is_some_and(MemberMetadata::is_awaiting_join)
        {
            return true;
        }
        let mut members = self.members_in_order().into_iter();
        let next = members.find(|it| it.is_awaiting_join());
        match next.map(|it| Rc::clone(&it.member_id)) {
            Some(next) => {
                self.leader_id = Some(next);
                true
            }
            None => false,
        }
    }

    /// A protocol that all others support too.
    pub fn supports_protocols(&self, protocol_type: &str, protocols: &[GroupProtocol]) -> bool {
        if self.is(GroupState::Empty) {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let by_all = |name: &str| self.members().all(|member| member.supports(name));
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|it| by_all(&it.name))
    }

    /// CG24. Ties fall to the first in the order of Scala's hash map.
    pub fn select_protocol(&self) -> Option<Rc<str>> {
        let candidates = self.candidate_protocols();
        let mut votes: BTreeMap<Rc<str>, u32> = BTreeMap::new();
        for name in self.members().filter_map(|it| it.vote(&candidates)) {
            *votes.entry(name).or_default() += 1;
        }
        let most = votes.values().copied().max()?;
        let mut votes = as_immutable_hash_map(votes.into_iter().collect()).into_iter();
        votes.find(|(_, n)| *n == most).map(|(name, _)| name)
    }

    /// The next generation begins: with members, whose assignments are to come, or without.
    pub fn init_next_generation(&mut self, now_ms: i64) {
        self.generation_id += 1;
        self.pending_sync_members.clear();
        if self.members.is_empty() {
            self.protocol_name = None;
            self.subscribed_topics = self.compute_subscribed_topics();
            self.transition_to(GroupState::Empty, now_ms);
        } else {
            self.protocol_name = self.select_protocol();
            self.subscribed_topics = self.compute_subscribed_topics();
            self.transition_to(GroupState::CompletingRebalance, now_ms);
        }
    }

    /// What consumers among the members subscribe to, as far as it can be read (KIP-496).
    pub fn compute_subscribed_topics(&self) -> Option<BTreeSet<TopicName>> {
        if self.protocol_type.as_deref() != Some(CONSUMER_PROTOCOL_TYPE) {
            return None;
        }
        let Some(protocol) = &self.protocol_name else {
            return self.members.is_empty().then(BTreeSet::new);
        };
        let mut topics = BTreeSet::new();
        for member in self.members() {
            let subscription = super::records::subscribed_topics(&member.metadata(protocol))?;
            topics.extend(subscription);
        }
        Some(topics)
    }

    pub fn assign(&mut self, assignments: &BTreeMap<Rc<str>, Bytes>) {
        for member in self.members.values_mut() {
            let given = assignments.get(&member.member_id);
            member.assignment = given.cloned().unwrap_or_default();
        }
    }

    // ---- offsets

    /// CG29: of two commits under way, the later in the log stays. One that nobody waits for any more, because
    /// its partition's offsets were removed or a later one has failed, changes nothing.
    pub fn on_offset_committed(&mut self, partition: &TopicPartition, committed: Committed) {
        let Some(pending) = self.pending_offsets.get(partition) else {
            return;
        };
        if *pending == committed.value {
            self.pending_offsets.remove(partition);
        }
        let newer = |known: &Committed| known.append_offset < committed.append_offset;
        if self.offsets.get(partition).is_none_or(newer) {
            self.offsets.insert(partition.clone(), committed);
        }
    }

    /// Removes what is there of these, on its way or not; those that were there.
    pub fn remove_offsets(&mut self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let mut removed = Vec::new();
        for partition in partitions {
            self.pending_offsets.remove(partition);
            if self.offsets.remove(partition).is_some() {
                removed.push(partition.clone());
            }
        }
        removed
    }

    pub fn on_offset_failed(&mut self, partition: &TopicPartition, value: &OffsetAndMetadata) {
        if self.pending_offsets.get(partition) == Some(value) {
            self.pending_offsets.remove(partition);
        }
    }

    pub fn has_offsets(&self) -> bool {
        !self.offsets.is_empty() || !self.pending_offsets.is_empty()
    }

    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => true,
        }
    }

    fn candidate_protocols(&self) -> Vec<Rc<str>> {
        let mut members = self.members();
        let Some(first) = members.next() else {
            return Vec::new();
        };
        let others: Vec<&MemberMetadata> = members.collect();
        let known = |name: &Rc<str>| others.iter().all(|it| it.supports(name));
        let names = first.supported_protocols.iter().map(|it| &it.name);
        names.filter(|name| known(name)).cloned().collect()
    }
}
