//! SyncGroup: the leader's assignments go into the log and then to everybody (`doSyncGroup`,
//! `DelayedSync`). Rules CG19 to CG21.

use super::group_coordinator::{Appending, GroupCoordinator, validate_member};
use super::group_metadata::{GroupMetadata, GroupState};
use super::records::{GroupValue, Key};
use crate::protocol::{
    Ctx, ErrorCode, MemberGone, Pending, RebalanceReason, SyncGroupRequest, SyncGroupResponse,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::rc::Rc;

impl GroupCoordinator {
    pub fn handle_sync_group(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: &SyncGroupRequest,
    ) {
        if let Err(error) = self.sync_group(ctx, to, request) {
            self.answer(to, refusal(error));
        }
    }

    fn sync_group(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: &SyncGroupRequest,
    ) -> Result<(), ErrorCode> {
        self.named_group_status(&request.group_id)
            .map_err(|error| match error {
                // Whether its rebalance is still on, only the log can tell.
                ErrorCode::CoordinatorLoadInProgress => ErrorCode::RebalanceInProgress,
                other => other,
            })?;
        self.with_group(&request.group_id, |it, group| {
            validate(group, request)?;
            let member_id = &request.member_id;
            match group.state() {
                GroupState::Empty | GroupState::Dead => Err(ErrorCode::UnknownMemberId),
                GroupState::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
                GroupState::CompletingRebalance => {
                    if let Some(member) = group.get_mut(member_id) {
                        member.awaiting_sync = Some(to);
                    }
                    it.has_synced(ctx, group, member_id);
                    if group.is_leader(member_id) {
                        it.store_assignments(ctx, group, request);
                    }
                    Ok(())
                }
                GroupState::Stable => {
                    it.has_synced(ctx, group, member_id);
                    let assignment = group.get(member_id).map(|it| it.assignment.clone());
                    let response = given(group, assignment.unwrap_or_default());
                    it.answer(to, response);
                    it.restart_session(ctx, group, member_id);
                    Ok(())
                }
            }
        })
        .unwrap_or(Err(ErrorCode::UnknownMemberId))
    }

    fn has_synced(&self, ctx: &mut Ctx<'_>, group: &mut GroupMetadata, member_id: &str) {
        group.pending_sync_members.remove(member_id);
        if group.pending_sync_members.is_empty()
            && let Some(timer) = group.sync_timer.take()
        {
            ctx.cancel_timer(timer);
        }
    }

    /// Members that it names not are given nothing.
    fn store_assignments(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        request: &SyncGroupRequest,
    ) {
        let named: BTreeMap<&str, &Bytes> = request
            .assignments
            .iter()
            .map(|(member, assignment)| (&**member, assignment))
            .collect();
        let assignments: BTreeMap<Rc<str>, Bytes> = group
            .member_ids()
            .into_iter()
            .map(|member| {
                let given = named.get(&*member).map(|it| (*it).clone());
                (member, given.unwrap_or_default())
            })
            .collect();
        let value = GroupValue::of(group, |member| assignments[member].clone()).to_bytes();
        let key = Key::Group(Rc::clone(&group.group_id)).to_bytes();
        let appending = Appending::Assignments {
            group: Rc::clone(&group.group_id),
            generation: group.generation_id,
            assignments,
        };
        let group_id = Rc::clone(&group.group_id);
        self.append(
            &group_id,
            ctx.wall_ms(),
            [(key, Some(value))],
            Some(appending),
        );
    }

    /// The group's record is committed, or has failed (CG20).
    pub(super) fn on_assignments_stored(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        generation: i32,
        assignments: &BTreeMap<Rc<str>, Bytes>,
        result: Result<i64, ErrorCode>,
    ) {
        if !group.is(GroupState::CompletingRebalance) || group.generation_id != generation {
            return;
        }
        match result.map_err(stored_as) {
            Ok(_) => {
                group.assign(assignments);
                group.transition_to(GroupState::Stable, ctx.wall_ms());
                self.propagate_assignment(ctx, group, ErrorCode::None);
                self.tell(group, None);
            }
            Err(error) => {
                self.propagate_assignment(ctx, group, error);
                let why = RebalanceReason::AssignmentsNotStored;
                self.maybe_prepare_rebalance(ctx, group, why);
            }
        }
    }

    /// Answers all SyncGroups that wait; with an error nobody has anything any more.
    pub(super) fn propagate_assignment(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        error: ErrorCode,
    ) {
        if !error.is_none() {
            group.assign(&BTreeMap::new());
        }
        for member in group.member_ids() {
            if self.answer_sync(group, &member, error) {
                self.restart_session(ctx, group, &member);
            }
        }
    }

    /// Answers a SyncGroup that waits; true if there was one.
    pub(super) fn answer_sync(
        &mut self,
        group: &mut GroupMetadata,
        member_id: &str,
        error: ErrorCode,
    ) -> bool {
        let Some(member) = group.get_mut(member_id) else {
            return false;
        };
        let Some(to) = member.awaiting_sync.take() else {
            return false;
        };
        let response = match error {
            ErrorCode::None => {
                let assignment = member.assignment.clone();
                given(group, assignment)
            }
            error => refusal(error),
        };
        self.answer(to, response);
        true
    }

    /// CG19: who has not synced in time is out.
    pub(super) fn on_sync_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        generation: i32,
    ) {
        if group.generation_id != generation
            || !matches!(
                group.state(),
                GroupState::CompletingRebalance | GroupState::Stable
            )
        {
            return;
        }
        group.sync_timer = None;
        let waited = format!("max.poll.interval.ms={}", group.rebalance_timeout_ms());
        let mut last = None;
        for member in std::mem::take(&mut group.pending_sync_members) {
            let why = MemberGone::DidNotSync;
            if group.has(&member) {
                self.tell_gone(group, &member, why, &waited);
            }
            super::join::forget(ctx, group, &member);
            last = Some(RebalanceReason::MemberGone { member, why });
        }
        if let Some(why) = last {
            self.maybe_prepare_rebalance(ctx, group, why);
        }
    }
}

fn validate(group: &GroupMetadata, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
    if group.is(GroupState::Dead) {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    validate_member(
        group,
        &request.member_id,
        request.group_instance_id.as_deref(),
    )?;
    if request.generation_id != group.generation_id {
        return Err(ErrorCode::IllegalGeneration);
    }
    let differs =
        |asked: &Option<Rc<str>>, known: &Option<Rc<str>>| asked.is_some() && asked != known;
    if differs(&request.protocol_type, &group.protocol_type)
        || differs(&request.protocol_name, &group.protocol_name)
    {
        return Err(ErrorCode::InconsistentGroupProtocol);
    }
    Ok(())
}

/// What the members are told of a group's record that could not be stored.
pub(super) fn stored_as(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::RequestTimedOut => ErrorCode::RebalanceInProgress,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}

fn given(group: &GroupMetadata, assignment: Bytes) -> SyncGroupResponse {
    SyncGroupResponse {
        error: ErrorCode::None,
        protocol_type: group.protocol_type.clone(),
        protocol_name: group.protocol_name.clone(),
        assignment,
    }
}

fn refusal(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse {
        error,
        protocol_type: None,
        protocol_name: None,
        assignment: Bytes::new(),
    }
}
