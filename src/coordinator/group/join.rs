//! JoinGroup, and how a rebalance begins and ends (`handleJoinGroup`, `prepareRebalance`, `onCompleteJoin`;
//! DelayedJoin, InitialDelayedJoin). Rules CG9 to CG18.

use super::group_coordinator::{
    Appending, GroupCoordinator, ReplacedMember, millis, set_timer, validate_member,
};
use super::group_metadata::{GroupMetadata, GroupState};
use super::member_metadata::MemberMetadata;
use super::records::{GroupValue, Key};
use super::sync::stored_as;
use crate::protocol::rules::{GroupGeneration, GroupJoin, StaticMemberId};
use crate::protocol::{
    Ctx, ErrorCode, GroupTimer, JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember,
    MemberGone, Pending, RebalanceReason, UNKNOWN_MEMBER_ID,
};
use std::rc::Rc;

/// How long a new member may wait in its first JoinGroup.
const NEW_MEMBER_JOIN_TIMEOUT_MS: i32 = 300_000;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    pub to: Pending,
    pub client_id: &'a str,
    /// As Java prints an address.
    pub client_host: &'a str,
}

impl GroupCoordinator {
    pub fn handle_join_group(
        &mut self,
        ctx: &mut Ctx<'_>,
        caller: Caller<'_>,
        request: &JoinGroupRequest,
    ) {
        if let Err(error) = self.join_group(ctx, caller, request) {
            // Who is turned away because the group is full is told to forget its id.
            let member_id = match error {
                ErrorCode::GroupMaxSizeReached => UNKNOWN_MEMBER_ID,
                _ => &request.member_id,
            };
            self.answer(caller.to, refusal(member_id, error));
        }
    }

    fn join_group(
        &mut self,
        ctx: &mut Ctx<'_>,
        caller: Caller<'_>,
        request: &JoinGroupRequest,
    ) -> Result<(), ErrorCode> {
        self.named_group_status(&request.group_id)?;
        let bounds =
            self.config.group_min_session_timeout_ms..=self.config.group_max_session_timeout_ms;
        if !bounds.contains(&request.session_timeout_ms) {
            return Err(ErrorCode::InvalidSessionTimeout);
        }
        let is_unknown = *request.member_id == *UNKNOWN_MEMBER_ID;
        if is_unknown && !self.groups.contains_key(&request.group_id) {
            let id = Rc::clone(&request.group_id);
            let group = GroupMetadata::new(Rc::clone(&id), GroupState::Empty, ctx.wall_ms());
            self.groups.insert(id, Box::new(group));
        }
        self.with_group(&request.group_id, |it, group| {
            let joined = if !it.accepts(group, &request.member_id) {
                forget(ctx, group, &request.member_id);
                Err(ErrorCode::GroupMaxSizeReached)
            } else if is_unknown {
                it.do_new_member_join(ctx, group, caller, request)
            } else {
                it.do_current_member_join(ctx, group, caller, request)
            };
            it.maybe_complete_join(ctx, group);
            joined
        })
        .unwrap_or(Err(ErrorCode::UnknownMemberId))
    }

    /// CG11.
    fn accepts(&self, group: &GroupMetadata, member_id: &str) -> bool {
        let max = self.config.group_max_size as usize;
        match group.state() {
            GroupState::Empty | GroupState::Dead => true,
            GroupState::PreparingRebalance => {
                let waits = group
                    .get(member_id)
                    .is_some_and(MemberMetadata::is_awaiting_join);
                waits || group.number_awaiting_join() < max
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                group.has(member_id) || group.members().len() < max
            }
        }
    }

    fn do_new_member_join(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        caller: Caller<'_>,
        request: &JoinGroupRequest,
    ) -> Result<(), ErrorCode> {
        check_protocols(group, request)?;
        let stem = request
            .group_instance_id
            .as_deref()
            .unwrap_or(caller.client_id);
        let member_id: Rc<str> = format!("{stem}-{}", random_uuid(ctx)).into();
        match &request.group_instance_id {
            Some(instance) => match group.current_static_member_id(instance).cloned() {
                Some(before) => {
                    self.update_static_member_and_rebalance(
                        ctx, group, caller, request, before, member_id,
                    );
                }
                None => self.add_member_and_rebalance(ctx, group, caller, request, member_id),
            },
            None => {
                // CG12: an id first, so that a JoinGroup whose answer is lost leaves no member behind.
                let timer = GroupTimer::Session {
                    group: Rc::clone(&group.group_id),
                    member: Rc::clone(&member_id),
                };
                let timer = set_timer(ctx, millis(request.session_timeout_ms), timer);
                group.pending_members.insert(Rc::clone(&member_id), timer);
                self.answer(caller.to, refusal(&member_id, ErrorCode::MemberIdRequired));
            }
        }
        Ok(())
    }

    /// CG14.
    fn do_current_member_join(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        caller: Caller<'_>,
        request: &JoinGroupRequest,
    ) -> Result<(), ErrorCode> {
        check_protocols(group, request)?;
        let member_id = &request.member_id;
        if group.is_pending_member(member_id) && request.group_instance_id.is_some() {
            // Ids are given to dynamic members only.
            return Err(ErrorCode::UnknownServerError);
        }
        if let Some(timer) = group.pending_members.remove(member_id) {
            ctx.cancel_timer(timer);
            let member_id = Rc::clone(member_id);
            self.add_member_and_rebalance(ctx, group, caller, request, member_id);
            return Ok(());
        }
        let instance = request.group_instance_id.as_deref();
        validate_member(group, member_id, instance)?;
        let unchanged = group
            .get(member_id)
            .is_some_and(|member| member.matches(&request.protocols));
        let repeats = match group.state() {
            GroupState::PreparingRebalance => false,
            GroupState::CompletingRebalance => unchanged,
            GroupState::Stable => unchanged && !group.is_leader(member_id),
            GroupState::Empty | GroupState::Dead => return Err(ErrorCode::UnknownMemberId),
        };
        if repeats {
            let response = current_generation(group, member_id);
            self.answer(caller.to, response);
        } else {
            self.update_member_and_rebalance(ctx, group, caller, request);
        }
        Ok(())
    }

    fn add_member_and_rebalance(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        caller: Caller<'_>,
        request: &JoinGroupRequest,
        member_id: Rc<str>,
    ) {
        let member = MemberMetadata {
            member_id: Rc::clone(&member_id),
            group_instance_id: request.group_instance_id.clone(),
            client_id: caller.client_id.into(),
            client_host: caller.client_host.into(),
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            supported_protocols: request.protocols.clone(),
            assignment: bytes::Bytes::new(),
            awaiting_join: Some(caller.to),
            awaiting_sync: None,
            is_new: true,
            session: None,
        };
        if group.is(GroupState::PreparingRebalance) && group.generation_id == 0 {
            group.new_member_added = true;
        }
        group.add(member, &request.protocol_type);
        self.schedule_session(ctx, group, &member_id, NEW_MEMBER_JOIN_TIMEOUT_MS);
        let why = RebalanceReason::MemberJoined {
            member: member_id,
            at_once: self.config.group_initial_rebalance_delay_ms == 0,
        };
        self.maybe_prepare_rebalance(ctx, group, why);
    }

    fn update_member_and_rebalance(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        caller: Caller<'_>,
        request: &JoinGroupRequest,
    ) {
        update_member(group, &request.member_id, caller.to, request);
        let why = rejoined(&request.member_id, request);
        self.maybe_prepare_rebalance(ctx, group, why);
    }

    /// CG13: the same member under a new id. In a stable group nobody else needs to notice.
    fn update_static_member_and_rebalance(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        caller: Caller<'_>,
        request: &JoinGroupRequest,
        before: Rc<str>,
        member_id: Rc<str>,
    ) {
        let Some(instance) = &request.group_instance_id else {
            return;
        };
        self.answer_join(group, &before, Err(ErrorCode::FencedInstanceId));
        self.answer_sync(group, &before, ErrorCode::FencedInstanceId);
        let leader_before = group.leader_id.clone();
        group.replace_static_member(instance, &before, &member_id);
        // With the time-out that it had: it does not wait for us yet.
        self.restart_session(ctx, group, &member_id);
        let known = group.get(&member_id);
        let timeouts = known.map(|it| (it.rebalance_timeout_ms, it.session_timeout_ms));
        let (rebalance_timeout_before_ms, session_timeout_before_ms) = timeouts.unwrap_or_default();
        let chosen = group.protocol_name.clone();
        update_member(group, &member_id, caller.to, request);
        match group.state() {
            GroupState::Stable if group.select_protocol() == chosen => {
                let stored = |member: &str| {
                    let of = group.get(member);
                    of.map_or_else(bytes::Bytes::new, |it| it.assignment.clone())
                };
                let now_ms = ctx.wall_ms();
                let value = GroupValue::of(group, stored).to_bytes();
                let key = Key::Group(Rc::clone(&group.group_id)).to_bytes();
                let replaced = ReplacedMember {
                    group: Rc::clone(&group.group_id),
                    instance: Rc::clone(instance),
                    member: member_id,
                    before,
                    leader_before,
                    rebalance_timeout_before_ms,
                    session_timeout_before_ms,
                };
                if self.config.rules.static_member_id == StaticMemberId::InMemory {
                    return self.on_static_member_stored(ctx, group, &replaced, Ok(0));
                }
                let appending = Appending::StaticMember(replaced);
                let group_id = Rc::clone(&group.group_id);
                self.append(&group_id, now_ms, [(key, Some(value))], Some(appending));
            }
            GroupState::Stable | GroupState::CompletingRebalance => {
                let why = rejoined(&member_id, request);
                self.maybe_prepare_rebalance(ctx, group, why);
            }
            // It waits with the others.
            _ => {}
        }
    }

    /// The record that a static member came back under a new id is stored, or is not (CG13).
    pub(super) fn on_static_member_stored(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        replaced: &ReplacedMember,
        result: Result<i64, ErrorCode>,
    ) {
        let (instance, member_id) = (&replaced.instance, &replaced.member);
        if group.current_static_member_id(instance) != Some(member_id) {
            return;
        }
        match result.map_err(stored_as) {
            // A leader that a new rebalance has overtaken waits in that; others are told what was.
            Ok(_) if group.is_leader(member_id) && group.is(GroupState::PreparingRebalance) => {}
            Ok(_) => {
                let response = JoinGroupResponse {
                    skip_assignment: group.is_leader(member_id),
                    ..current_generation(group, member_id)
                };
                self.answer_join(group, member_id, Ok(response));
            }
            Err(error) => {
                let waiting = group.get_mut(member_id).and_then(|member| {
                    // Its protocols stay the new ones: Kafka has kept no others.
                    member.rebalance_timeout_ms = replaced.rebalance_timeout_before_ms;
                    member.session_timeout_ms = replaced.session_timeout_before_ms;
                    member.awaiting_join.take()
                });
                self.answer_sync(group, member_id, ErrorCode::FencedInstanceId);
                group.replace_static_member(instance, member_id, &replaced.before);
                self.restart_session(ctx, group, &replaced.before);
                if let Some(to) = waiting {
                    let response = JoinGroupResponse {
                        generation_id: group.generation_id,
                        protocol_type: group.protocol_type.clone(),
                        protocol_name: group.protocol_name.clone(),
                        leader: replaced.leader_before.clone().unwrap_or_default(),
                        ..refusal(UNKNOWN_MEMBER_ID, error)
                    };
                    self.answer(to, response);
                }
            }
        }
    }

    // ---- rebalances

    pub(super) fn maybe_prepare_rebalance(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        why: RebalanceReason,
    ) {
        if group.can_rebalance() {
            self.prepare_rebalance(ctx, group, why);
        }
    }

    /// CB12, CG16, CG17.
    pub(super) fn prepare_rebalance(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        why: RebalanceReason,
    ) {
        if group.is(GroupState::CompletingRebalance) {
            self.propagate_assignment(ctx, group, ErrorCode::RebalanceInProgress);
        }
        group.pending_sync_members.clear();
        if let Some(timer) = group.sync_timer.take() {
            ctx.cancel_timer(timer);
        }
        let rebalance_timeout = group.rebalance_timeout_ms();
        let timeout = match group.is(GroupState::Empty) {
            true => {
                let delay = self.config.group_initial_rebalance_delay_ms;
                group.initial_delay_left_ms = Some((rebalance_timeout - delay).max(0));
                delay
            }
            false => {
                group.initial_delay_left_ms = None;
                rebalance_timeout
            }
        };
        group.transition_to(GroupState::PreparingRebalance, ctx.wall_ms());
        self.tell(group, Some(why));
        wait_for_members(ctx, group, timeout);
        self.maybe_complete_join(ctx, group);
    }

    /// Ends the wait once everybody has come; a first wait lasts its time whoever has come.
    pub(super) fn maybe_complete_join(&mut self, ctx: &mut Ctx<'_>, group: &mut GroupMetadata) {
        if group.is(GroupState::PreparingRebalance)
            && group.initial_delay_left_ms.is_none()
            && (group.has_all_members_joined() || self.goes_on_without_the_rest(group))
        {
            self.on_complete_join(ctx, group);
        }
    }

    /// Only by a broken rule.
    fn goes_on_without_the_rest(&self, group: &GroupMetadata) -> bool {
        let is_broken = self.config.rules.group_join == GroupJoin::FirstComer;
        is_broken && group.number_awaiting_join() > 0
    }

    pub(super) fn on_join_timer(&mut self, ctx: &mut Ctx<'_>, group: &mut GroupMetadata) {
        group.join_timer = None;
        if !group.is(GroupState::PreparingRebalance) {
            return;
        }
        match group.initial_delay_left_ms {
            Some(left) if left > 0 && group.new_member_added => {
                group.new_member_added = false;
                let delay = self.config.group_initial_rebalance_delay_ms.min(left);
                group.initial_delay_left_ms = Some(left - delay);
                wait_for_members(ctx, group, delay);
            }
            _ => self.on_complete_join(ctx, group),
        }
    }

    /// CG18.
    fn on_complete_join(&mut self, ctx: &mut Ctx<'_>, group: &mut GroupMetadata) {
        if let Some(timer) = group.join_timer.take() {
            ctx.cancel_timer(timer);
        }
        group.initial_delay_left_ms = None;
        let gone: Vec<Rc<str>> = group
            .members_in_order()
            .into_iter()
            .filter(|member| !member.is_awaiting_join() && !member.is_static())
            .filter(|_| !self.goes_on_without_the_rest(group))
            .map(|member| Rc::clone(&member.member_id))
            .collect();
        let waited = format!("max.poll.interval.ms={}", group.rebalance_timeout_ms());
        for member in &gone {
            self.tell_gone(group, member, MemberGone::DidNotJoin, &waited);
            forget(ctx, group, member);
        }
        let led = group.maybe_elect_new_joined_leader();
        if !led && group.members().len() > 0 {
            let timeout = group.rebalance_timeout_ms();
            wait_for_members(ctx, group, timeout);
            return;
        }
        group.init_next_generation(ctx.wall_ms());
        if self.config.rules.group_generation == GroupGeneration::Kept {
            group.generation_id = (group.generation_id - 1).max(1);
        }
        self.tell(group, None);
        if group.is(GroupState::Empty) {
            let now_ms = ctx.wall_ms();
            let value = GroupValue::of(group, |_| bytes::Bytes::new()).to_bytes();
            let key = Key::Group(Rc::clone(&group.group_id)).to_bytes();
            let group_id = Rc::clone(&group.group_id);
            self.append(
                &group_id,
                now_ms,
                [(key, Some(value))],
                Some(Appending::Emptied),
            );
            return;
        }
        for member in group.member_ids() {
            let response = current_generation(group, &member);
            self.answer_join(group, &member, Ok(response));
            self.restart_session(ctx, group, &member);
            if let Some(member) = group.get_mut(&member) {
                member.is_new = false;
            }
            group.pending_sync_members.insert(member);
        }
        let timer = GroupTimer::Sync {
            group: Rc::clone(&group.group_id),
            generation: group.generation_id,
        };
        let timeout = group.rebalance_timeout_ms();
        group.sync_timer = Some(set_timer(ctx, millis(timeout), timer));
    }

    /// Answers a waiting JoinGroup, if there is one.
    pub(super) fn answer_join(
        &mut self,
        group: &mut GroupMetadata,
        member_id: &str,
        response: Result<JoinGroupResponse, ErrorCode>,
    ) {
        let waiting = group
            .get_mut(member_id)
            .and_then(|it| it.awaiting_join.take());
        if let Some(to) = waiting {
            let response = response.unwrap_or_else(|error| refusal(member_id, error));
            self.answer(to, response);
        }
    }
}

fn check_protocols(group: &GroupMetadata, request: &JoinGroupRequest) -> Result<(), ErrorCode> {
    if group.is(GroupState::Dead) {
        Err(ErrorCode::CoordinatorNotAvailable)
    } else if !group.supports_protocols(&request.protocol_type, &request.protocols) {
        Err(ErrorCode::InconsistentGroupProtocol)
    } else {
        Ok(())
    }
}

/// What it supports and how long it takes is as it says now. Whose client it is and where it runs stays what
/// it was at first, even for a static member that has moved.
fn update_member(
    group: &mut GroupMetadata,
    member_id: &str,
    to: Pending,
    request: &JoinGroupRequest,
) {
    if let Some(member) = group.get_mut(member_id) {
        member.supported_protocols = request.protocols.clone();
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
        member.session_timeout_ms = request.session_timeout_ms;
        member.awaiting_join = Some(to);
    }
}

fn rejoined(member: &Rc<str>, request: &JoinGroupRequest) -> RebalanceReason {
    RebalanceReason::MemberRejoined {
        member: Rc::clone(member),
        said: Rc::clone(&request.reason),
    }
}

/// Takes a member, or an id that was given out, out of the group with its timer.
pub(super) fn forget(ctx: &mut Ctx<'_>, group: &mut GroupMetadata, member_id: &str) {
    let given_out = group.pending_members.remove(member_id);
    let session = group.remove(member_id).and_then(|member| member.session);
    for timer in given_out.into_iter().chain(session) {
        ctx.cancel_timer(timer);
    }
}

fn wait_for_members(ctx: &mut Ctx<'_>, group: &mut GroupMetadata, timeout_ms: i32) {
    let timer = GroupTimer::Join {
        group: Rc::clone(&group.group_id),
    };
    let before = group
        .join_timer
        .replace(set_timer(ctx, millis(timeout_ms), timer));
    if let Some(before) = before {
        ctx.cancel_timer(before);
    }
}

pub(super) fn refusal(member_id: &str, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error,
        generation_id: -1,
        protocol_type: None,
        protocol_name: None,
        leader: UNKNOWN_MEMBER_ID.into(),
        skip_assignment: false,
        member_id: member_id.into(),
        members: Vec::new(),
    }
}

/// The generation as it is; who is in it, for its leader.
fn current_generation(group: &GroupMetadata, member_id: &str) -> JoinGroupResponse {
    let protocol = group.protocol_name.as_deref().unwrap_or_default();
    let members = match group.is_leader(member_id) {
        true => group
            .members_in_order()
            .into_iter()
            .map(|member| JoinGroupResponseMember {
                member_id: Rc::clone(&member.member_id),
                group_instance_id: member.group_instance_id.clone(),
                metadata: member.metadata(protocol),
            })
            .collect(),
        false => Vec::new(),
    };
    JoinGroupResponse {
        error: ErrorCode::None,
        generation_id: group.generation_id,
        protocol_type: group.protocol_type.clone(),
        protocol_name: group.protocol_name.clone(),
        leader: group.leader_id.clone().unwrap_or_default(),
        skip_assignment: false,
        member_id: member_id.into(),
        members,
    }
}

/// A random UUID (version 4) as text.
fn random_uuid(ctx: &mut Ctx<'_>) -> String {
    let (high, low) = (ctx.random().next_u64(), ctx.random().next_u64());
    let high = high & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
