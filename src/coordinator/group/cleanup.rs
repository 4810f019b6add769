//! `delete-expired-group-metadata`: offsets that nobody needs, and groups without any (`cleanupGroupMetadata`,
//! `removeExpiredOffsets`). Rules CG36 to CG38.

use super::group_coordinator::{GroupCoordinator, set_timer};
use super::group_metadata::{Committed, GroupMetadata, GroupState};
use super::records::Key;
use crate::kernel::Duration;
use crate::protocol::{CONSUMER_PROTOCOL_TYPE, Ctx, Fact, GroupFact, GroupTimer, TopicPartition};
use std::rc::Rc;

impl GroupCoordinator {
    pub(super) fn clean_up(&mut self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.wall_ms();
        for group_id in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.with_group(&group_id, |it, group| {
                let expired = expired(group, now_ms, it.config.offsets_retention_ms);
                for partition in &expired {
                    group.offsets.remove(partition);
                    it.facts.push(Fact::Group(GroupFact::OffsetExpired {
                        group: Rc::clone(&group_id),
                        partition: partition.clone(),
                    }));
                }
                let dead = group.is(GroupState::Empty) && !group.has_offsets();
                if dead {
                    group.transition_to(GroupState::Dead, now_ms);
                }
                if dead || !expired.is_empty() {
                    it.append_tombstones(ctx, group, expired);
                }
            });
        }
        let interval = Duration::from_millis(self.config.offsets_retention_check_interval_ms);
        set_timer(ctx, interval, GroupTimer::Cleanup);
    }

    /// A deleted topic's offsets go at once (CG38).
    pub fn on_partitions_deleted(&mut self, ctx: &mut Ctx<'_>, partitions: &[TopicPartition]) {
        for group_id in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.with_group(&group_id, |it, group| {
                it.remove_offsets(ctx, group, partitions)
            });
        }
    }

    /// CG37: of these offsets, and of the group itself if it is dead and was ever stored.
    pub(super) fn append_tombstones(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        offsets: Vec<TopicPartition>,
    ) {
        let group_id = Rc::clone(&group.group_id);
        let of_offset = |it| Key::Offset(Rc::clone(&group_id), it).to_bytes();
        let mut keys: Vec<_> = offsets.into_iter().map(of_offset).collect();
        if group.is(GroupState::Dead) && group.generation_id > 0 {
            keys.push(Key::Group(Rc::clone(&group_id)).to_bytes());
        }
        if !keys.is_empty() {
            let tombstones = keys.into_iter().map(|key| (key, None));
            self.append(&group_id, ctx.wall_ms(), tombstones, None);
        }
    }
}

/// CG36.
fn expired(group: &GroupMetadata, now_ms: i64, retention_ms: i64) -> Vec<TopicPartition> {
    let is_old = |base: i64, committed: &Committed| match committed.value.expire_timestamp {
        Some(at) => now_ms >= at,
        None => now_ms - base >= retention_ms,
    };
    let by_commit = |committed: &Committed| is_old(committed.value.commit_timestamp, committed);
    let goes = |(partition, committed): &(&TopicPartition, &Committed)| {
        if group.pending_offsets.contains_key(*partition) {
            return false;
        }
        match &group.protocol_type {
            None => by_commit(committed),
            Some(_) if group.is(GroupState::Empty) => {
                let since = match group.current_state_timestamp {
                    -1 => committed.value.commit_timestamp,
                    at => at,
                };
                is_old(since, committed)
            }
            Some(kind) if **kind == *CONSUMER_PROTOCOL_TYPE && group.is(GroupState::Stable) => {
                !group.is_subscribed_to(&partition.topic) && by_commit(committed)
            }
            Some(_) => false,
        }
    };
    group
        .offsets
        .iter()
        .filter(goes)
        .map(|(partition, _)| partition.clone())
        .collect()
}
