//! What administrators ask and order (`handleDescribeGroup`, `handleListGroups`, `handleDeleteGroups`,
//! `handleDeleteOffsets`). Rules CG39, CG45, CG46.

use super::group_coordinator::GroupCoordinator;
use super::group_metadata::{GroupMetadata, GroupState};
use crate::protocol::{
    CONSUMER_PROTOCOL_TYPE, Ctx, DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest,
    DescribeGroupsResponse, DescribedGroup, DescribedGroupMember, ErrorCode, ListGroupsRequest,
    ListGroupsResponse, ListedGroup, OffsetDeleteRequest, OffsetDeleteResponse, Pending,
    TopicPartition,
};
use bytes::Bytes;
use std::rc::Rc;

impl GroupCoordinator {
    pub fn handle_describe_groups(&mut self, to: Pending, request: &DescribeGroupsRequest) {
        let groups = request.groups.iter();
        let groups = groups.map(|group| match self.group_status(group) {
            Ok(()) => described(group, self.groups.get(group).map(|it| &**it)),
            Err(error) => DescribedGroup {
                error,
                group_state: "",
                ..described(group, None)
            },
        });
        let groups = groups.collect();
        self.answer(to, DescribeGroupsResponse { groups });
    }

    pub fn handle_list_groups(&mut self, to: Pending, request: &ListGroupsRequest) {
        let wanted = |name: &str| {
            let states = &request.states_filter;
            states.is_empty() || states.iter().any(|it| it.eq_ignore_ascii_case(name))
        };
        let response = match self.started {
            false => ListGroupsResponse {
                error: ErrorCode::CoordinatorNotAvailable,
                groups: Vec::new(),
            },
            true => ListGroupsResponse {
                error: match self.loading.is_empty() {
                    true => ErrorCode::None,
                    false => ErrorCode::CoordinatorLoadInProgress,
                },
                groups: self
                    .groups()
                    .filter(|group| wanted(group.state().name()))
                    .map(|group| ListedGroup {
                        group_id: Rc::clone(&group.group_id),
                        protocol_type: group.protocol_type.clone().unwrap_or_default(),
                        group_state: group.state().name(),
                    })
                    .collect(),
            },
        };
        self.answer(to, response);
    }

    pub fn handle_delete_groups(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: &DeleteGroupsRequest,
    ) {
        let results = request.groups_names.iter().map(|group| {
            let deleted = self.delete_group(ctx, group);
            (Rc::clone(group), deleted.err().unwrap_or(ErrorCode::None))
        });
        let results = results.collect();
        self.answer(to, DeleteGroupsResponse { results });
    }

    fn delete_group(&mut self, ctx: &mut Ctx<'_>, group_id: &Rc<str>) -> Result<(), ErrorCode> {
        self.group_status(group_id)?;
        self.with_group(group_id, |it, group| match group.state() {
            GroupState::Empty => {
                group.transition_to(GroupState::Dead, ctx.wall_ms());
                let all: Vec<_> = group.offsets.keys().cloned().collect();
                let gone = group.remove_offsets(&all);
                it.clean_up_group(ctx, group, gone);
                Ok(())
            }
            GroupState::Dead => Err(ErrorCode::GroupIdNotFound),
            _ => Err(ErrorCode::NonEmptyGroup),
        })
        .unwrap_or(Err(ErrorCode::GroupIdNotFound))
    }

    /// `refused`: partitions that the broker knows nothing of.
    pub fn handle_offset_delete(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: &OffsetDeleteRequest,
        refused: Vec<TopicPartition>,
    ) {
        let unknown = refused
            .into_iter()
            .map(|partition| (partition, ErrorCode::UnknownTopicOrPartition));
        let response = match self.offset_delete(ctx, request) {
            Ok(partitions) => OffsetDeleteResponse {
                error: ErrorCode::None,
                partitions: unknown.chain(partitions).collect(),
            },
            Err(error) => OffsetDeleteResponse {
                error,
                partitions: Vec::new(),
            },
        };
        self.answer(to, response);
    }

    fn offset_delete(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: &OffsetDeleteRequest,
    ) -> Result<Vec<(TopicPartition, ErrorCode)>, ErrorCode> {
        self.named_group_status(&request.group_id)?;
        self.with_group(&request.group_id, |it, group| {
            let is_consumer = group.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE);
            let active = !group.is(GroupState::Empty);
            if group.is(GroupState::Dead) {
                return Err(ErrorCode::GroupIdNotFound);
            }
            if active && !is_consumer {
                return Err(ErrorCode::NonEmptyGroup);
            }
            let mut gone = Vec::new();
            let mut answers = Vec::new();
            for partition in &request.partitions {
                if active && group.is_subscribed_to(&partition.topic) {
                    answers.push((partition.clone(), ErrorCode::GroupSubscribedToTopic));
                } else {
                    gone.push(partition.clone());
                    answers.push((partition.clone(), ErrorCode::None));
                }
            }
            if !gone.is_empty() {
                let gone = group.remove_offsets(&gone);
                it.clean_up_group(ctx, group, gone);
            }
            Ok(answers)
        })
        .unwrap_or(Err(ErrorCode::GroupIdNotFound))
    }
}

/// CG45: members say what they want and have only in a stable group.
fn described(group_id: &Rc<str>, group: Option<&GroupMetadata>) -> DescribedGroup {
    let Some(group) = group else {
        return DescribedGroup {
            error: ErrorCode::None,
            group_id: Rc::clone(group_id),
            group_state: GroupState::Dead.name(),
            protocol_type: "".into(),
            protocol_data: "".into(),
            members: Vec::new(),
        };
    };
    let stable = group.is(GroupState::Stable);
    let protocol = group
        .protocol_name
        .clone()
        .filter(|_| stable)
        .unwrap_or_default();
    let members = group.members_in_order().into_iter();
    let members = members.map(|member| DescribedGroupMember {
        member_id: Rc::clone(&member.member_id),
        group_instance_id: member.group_instance_id.clone(),
        client_id: Rc::clone(&member.client_id),
        client_host: Rc::clone(&member.client_host),
        member_metadata: member.metadata(&protocol),
        member_assignment: match stable {
            true => member.assignment.clone(),
            false => Bytes::new(),
        },
    });
    DescribedGroup {
        error: ErrorCode::None,
        group_id: Rc::clone(group_id),
        group_state: group.state().name(),
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        members: members.collect(),
        protocol_data: protocol,
    }
}
