//! LeaveGroup, and what follows when a member is gone (`handleLeaveGroup`, `removeMemberAndUpdateGroup`).
//! Rules CG23, CG25.

use super::group_coordinator::{GroupCoordinator, validate_member};
use super::group_metadata::{GroupMetadata, GroupState};
use super::join::{forget, refusal};
use crate::protocol::{
    Ctx, ErrorCode, LeaveGroupRequest, LeaveGroupResponse, MemberGone, MemberIdentity, Pending,
    RebalanceReason, UNKNOWN_MEMBER_ID,
};
use std::rc::Rc;

impl GroupCoordinator {
    pub fn handle_leave_group(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: &LeaveGroupRequest,
    ) {
        let members = self.leave_group(ctx, request);
        let response = match members {
            Ok(members) => LeaveGroupResponse {
                error: ErrorCode::None,
                members,
            },
            Err(error) => LeaveGroupResponse {
                error,
                members: Vec::new(),
            },
        };
        self.answer(to, response);
    }

    #[allow(clippy::type_complexity)]
    fn leave_group(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: &LeaveGroupRequest,
    ) -> Result<Vec<(Rc<str>, Option<Rc<str>>, ErrorCode)>, ErrorCode> {
        self.named_group_status(&request.group_id)?;
        let answered = |leaving: &MemberIdentity, error| {
            (
                Rc::clone(&leaving.member_id),
                leaving.group_instance_id.clone(),
                error,
            )
        };
        let left = self.with_group(&request.group_id, |it, group| {
            if group.is(GroupState::Dead) {
                return Err(ErrorCode::CoordinatorNotAvailable);
            }
            let each = request.members.iter().map(|leaving| {
                let left = it.leave(ctx, group, leaving);
                answered(leaving, left.err().unwrap_or(ErrorCode::None))
            });
            Ok(each.collect())
        });
        left.unwrap_or_else(|| {
            let unknown = request.members.iter();
            Ok(unknown
                .map(|it| answered(it, ErrorCode::UnknownMemberId))
                .collect())
        })
    }

    fn leave(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        leaving: &MemberIdentity,
    ) -> Result<(), ErrorCode> {
        let instance = leaving.group_instance_id.as_deref();
        let member_id = match (&*leaving.member_id, instance) {
            (UNKNOWN_MEMBER_ID, Some(instance)) => group
                .current_static_member_id(instance)
                .cloned()
                .ok_or(ErrorCode::UnknownMemberId)?,
            (id, _) if group.is_pending_member(id) => {
                forget(ctx, group, id);
                self.maybe_complete_join(ctx, group);
                return Ok(());
            }
            (id, instance) => {
                validate_member(group, id, instance)?;
                Rc::clone(&leaving.member_id)
            }
        };
        let said = leaving.reason.as_deref().unwrap_or_default();
        let said = said.trim_end_matches('.');
        self.tell_gone(group, &member_id, MemberGone::Left, said);
        self.remove_member_and_update_group(ctx, group, &member_id, MemberGone::Left);
        Ok(())
    }

    pub(super) fn remove_member_and_update_group(
        &mut self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        member_id: &str,
        why: MemberGone,
    ) {
        let gone = refusal(UNKNOWN_MEMBER_ID, ErrorCode::UnknownMemberId);
        self.answer_join(group, member_id, Ok(gone));
        forget(ctx, group, member_id);
        match group.state() {
            GroupState::Empty | GroupState::Dead => {}
            GroupState::Stable | GroupState::CompletingRebalance => {
                let member = member_id.into();
                let why = RebalanceReason::MemberGone { member, why };
                self.maybe_prepare_rebalance(ctx, group, why);
            }
            GroupState::PreparingRebalance => self.maybe_complete_join(ctx, group),
        }
    }
}
