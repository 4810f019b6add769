//! `delete-expired-group-metadata`: offsets that nobody needs, and groups without any (`cleanupGroupMetadata`,
//! `removeExpiredOffsets`). Rules CG36 to CG38.

use super::group_coordinator::{GroupCoordinator, set_timer};
use super::group_metadata::{Committed, GroupMetadata, GroupState};
use super::records::Key;
use crate::kernel::Duration;
use crate::protocol::rules::OffsetExpiry;
use crate::protocol::{CONSUMER_PROTOCOL_TYPE, Ctx, Fact, GroupFact, GroupTimer, TopicPartition};
use std::rc::Rc;

impl GroupCoordinator {
    pub(super) fn clean_up(&mut self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.wall_ms();
        for group_id in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.with_group(&group_id, |it, group| {
                let rule = it.config.rules.offset_expiry;
                let expired = expired(group, now_ms, it.config.offsets_retention_ms, rule);
                let gone = group.remove_offsets(&expired);
                it.facts.extend(gone.iter().map(|partition| {
                    Fact::Group(GroupFact::OffsetExpired {
                        group: Rc::clone(&group_id),
                        partition: partition.clone(),
                    })
                }));
                it.clean_up_group(ctx, group, gone);
            });
        }
        let interval = Duration::from_millis(self.config.offsets_retention_check_interval_ms);
        set_timer(ctx, interval, GroupTimer::Cleanup);
    }

    /// A deleted topic's offsets go at once (CG38).
    pub fn on_partitions_deleted(&mut self, ctx: &mut Ctx<'_>, partitions: &[TopicPartition]) {
        for group_id in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.with_group(&group_id, |it, group| {
                let gone = group.remove_offsets(partitions);
                it.clean_up_group(ctx, group, gone);
            });
        }
    }

    /// CB13, CG37: these offsets are gone, and the group with them if that was all; tombstones say so, the group's
    /// own only if it was ever stored.
    pub(super) fn clean_up_group(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        gone: Vec<TopicPartition>,
    ) {
        let now_ms = ctx.wall_ms();
        if group.is(GroupState::Empty) && !group.has_offsets() {
            group.transition_to(GroupState::Dead, now_ms);
        }
        let group_id = Rc::clone(&group.group_id);
        let of_offset = |it| Key::Offset(Rc::clone(&group_id), it).to_bytes();
        let mut keys: Vec<_> = gone.into_iter().map(of_offset).collect();
        if group.is(GroupState::Dead) {
            self.tell(group, None);
            if group.generation_id > 0 {
                keys.push(Key::Group(Rc::clone(&group_id)).to_bytes());
            }
        }
        if !keys.is_empty() {
            let tombstones = keys.into_iter().map(|key| (key, None));
            self.append(&group_id, now_ms, tombstones, None);
        }
    }
}

/// CG36.
fn expired(
    group: &GroupMetadata,
    now_ms: i64,
    retention_ms: i64,
    rule: OffsetExpiry,
) -> Vec<TopicPartition> {
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
            _ if rule == OffsetExpiry::ByAge => by_commit(committed),
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
