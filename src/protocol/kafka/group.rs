//! Groups of consumers: who coordinates one, who is in it, who reads what (`FindCoordinator`, `JoinGroup`,
//! `SyncGroup`, `Heartbeat`, `LeaveGroup`), and what an administrator asks (`DescribeGroups`, `ConsumerGroupDescribe`, `ListGroups`,
//! `DeleteGroups`).
//!
//! What a member supports and is given travels as bytes that only clients read (`ConsumerProtocol`).

use super::WireBytes;
use crate::protocol::{BrokerId, ErrorCode};
use bytes::Bytes;
use std::rc::Rc;

/// Member id of a client that has none yet (`JoinGroupRequest.UNKNOWN_MEMBER_ID`).
pub const UNKNOWN_MEMBER_ID: &str = "";
/// Generation of who commits without being a member (`JoinGroupRequest.UNKNOWN_GENERATION_ID`).
pub const UNKNOWN_GENERATION_ID: i32 = -1;
/// `FindCoordinator` key type: groups.
pub const GROUP_COORDINATOR: i8 = 0;

#[derive(Clone, Debug, Hash)]
pub struct FindCoordinatorRequest {
    pub key_type: i8,
    pub coordinator_keys: Vec<Rc<str>>,
}

impl WireBytes for FindCoordinatorRequest {
    fn wire_bytes(&self) -> u64 {
        3 + texts(&self.coordinator_keys)
    }
}

#[derive(Clone, Debug, Hash)]
pub struct FindCoordinatorResponse {
    pub coordinators: Vec<Coordinator>,
}

#[derive(Clone, Debug, Hash)]
pub struct Coordinator {
    pub key: Rc<str>,
    pub error: ErrorCode,
    /// -1 with an error.
    pub node_id: BrokerId,
    pub host: Rc<str>,
    pub port: i32,
}

impl WireBytes for FindCoordinatorResponse {
    fn wire_bytes(&self) -> u64 {
        let of_one = |it: &Coordinator| 14 + text(&it.key) + text(&it.host);
        5 + self.coordinators.iter().map(of_one).sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct JoinGroupRequest {
    pub group_id: Rc<str>,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    /// `UNKNOWN_MEMBER_ID` at first.
    pub member_id: Rc<str>,
    /// `group.instance.id` of a static member (KIP-345).
    pub group_instance_id: Option<Rc<str>>,
    pub protocol_type: Rc<str>,
    /// In the member's order of preference.
    pub protocols: Vec<GroupProtocol>,
    /// Why it joins (KIP-800).
    pub reason: Rc<str>,
}

/// An assignor that a member knows, and what it tells that assignor.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct GroupProtocol {
    pub name: Rc<str>,
    pub metadata: Bytes,
}

impl WireBytes for JoinGroupRequest {
    fn wire_bytes(&self) -> u64 {
        let of_one = |it: &GroupProtocol| 2 + text(&it.name) + bytes(&it.metadata);
        let protocols: u64 = self.protocols.iter().map(of_one).sum();
        let names = [
            &self.group_id,
            &self.member_id,
            &self.protocol_type,
            &self.reason,
        ];
        12 + names.map(|it| text(it)).iter().sum::<u64>()
            + maybe(&self.group_instance_id)
            + protocols
    }
}

#[derive(Clone, Debug, Hash)]
pub struct JoinGroupResponse {
    pub error: ErrorCode,
    /// -1 with an error.
    pub generation_id: i32,
    pub protocol_type: Option<Rc<str>>,
    pub protocol_name: Option<Rc<str>>,
    /// The leader's member id.
    pub leader: Rc<str>,
    /// The leader keeps the assignment that there is (KIP-814).
    pub skip_assignment: bool,
    pub member_id: Rc<str>,
    /// For the leader only.
    pub members: Vec<JoinGroupResponseMember>,
}

#[derive(Clone, Debug, Hash)]
pub struct JoinGroupResponseMember {
    pub member_id: Rc<str>,
    pub group_instance_id: Option<Rc<str>>,
    pub metadata: Bytes,
}

impl WireBytes for JoinGroupResponse {
    fn wire_bytes(&self) -> u64 {
        let of_one = |it: &JoinGroupResponseMember| {
            1 + text(&it.member_id) + maybe(&it.group_instance_id) + bytes(&it.metadata)
        };
        let members: u64 = self.members.iter().map(of_one).sum();
        let protocol = maybe(&self.protocol_type) + maybe(&self.protocol_name);
        13 + protocol + text(&self.leader) + text(&self.member_id) + members
    }
}

#[derive(Clone, Debug, Hash)]
pub struct SyncGroupRequest {
    pub group_id: Rc<str>,
    pub generation_id: i32,
    pub member_id: Rc<str>,
    pub group_instance_id: Option<Rc<str>>,
    pub protocol_type: Option<Rc<str>>,
    pub protocol_name: Option<Rc<str>>,
    /// By member id; from the leader only.
    pub assignments: Vec<(Rc<str>, Bytes)>,
}

impl WireBytes for SyncGroupRequest {
    fn wire_bytes(&self) -> u64 {
        let of_one = |(member, assignment): &(Rc<str>, Bytes)| 1 + text(member) + bytes(assignment);
        let protocol = maybe(&self.protocol_type) + maybe(&self.protocol_name);
        6 + text(&self.group_id)
            + text(&self.member_id)
            + maybe(&self.group_instance_id)
            + protocol
            + self.assignments.iter().map(of_one).sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct SyncGroupResponse {
    pub error: ErrorCode,
    pub protocol_type: Option<Rc<str>>,
    pub protocol_name: Option<Rc<str>>,
    /// Empty with an error, and for who is given nothing.
    pub assignment: Bytes,
}

impl WireBytes for SyncGroupResponse {
    fn wire_bytes(&self) -> u64 {
        7 + maybe(&self.protocol_type) + maybe(&self.protocol_name) + bytes(&self.assignment)
    }
}

#[derive(Clone, Debug, Hash)]
pub struct HeartbeatRequest {
    pub group_id: Rc<str>,
    pub generation_id: i32,
    pub member_id: Rc<str>,
    pub group_instance_id: Option<Rc<str>>,
}

impl WireBytes for HeartbeatRequest {
    fn wire_bytes(&self) -> u64 {
        5 + text(&self.group_id) + text(&self.member_id) + maybe(&self.group_instance_id)
    }
}

#[derive(Clone, Debug, Hash)]
pub struct HeartbeatResponse {
    pub error: ErrorCode,
}

impl WireBytes for HeartbeatResponse {
    fn wire_bytes(&self) -> u64 {
        7
    }
}

#[derive(Clone, Debug, Hash)]
pub struct LeaveGroupRequest {
    pub group_id: Rc<str>,
    pub members: Vec<MemberIdentity>,
}

/// A member that leaves. An administrator names static members by instance, with an empty member id.
#[derive(Clone, Debug, Hash)]
pub struct MemberIdentity {
    pub member_id: Rc<str>,
    pub group_instance_id: Option<Rc<str>>,
    pub reason: Option<Rc<str>>,
}

impl WireBytes for LeaveGroupRequest {
    fn wire_bytes(&self) -> u64 {
        let of_one = |it: &MemberIdentity| {
            1 + text(&it.member_id) + maybe(&it.group_instance_id) + maybe(&it.reason)
        };
        2 + text(&self.group_id) + self.members.iter().map(of_one).sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct LeaveGroupResponse {
    pub error: ErrorCode,
    pub members: Vec<(Rc<str>, Option<Rc<str>>, ErrorCode)>,
}

impl WireBytes for LeaveGroupResponse {
    fn wire_bytes(&self) -> u64 {
        let of_one = |(member, instance, _): &(Rc<str>, Option<Rc<str>>, ErrorCode)| {
            3 + text(member) + maybe(instance)
        };
        8 + self.members.iter().map(of_one).sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct DescribeGroupsRequest {
    pub groups: Vec<Rc<str>>,
}

impl WireBytes for DescribeGroupsRequest {
    fn wire_bytes(&self) -> u64 {
        3 + texts(&self.groups)
    }
}

#[derive(Clone, Debug, Hash)]
pub struct DescribeGroupsResponse {
    pub groups: Vec<DescribedGroup>,
}

#[derive(Clone, Debug, Hash)]
pub struct DescribedGroup {
    pub error: ErrorCode,
    pub group_id: Rc<str>,
    /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable`, `Dead`.
    pub group_state: &'static str,
    pub protocol_type: Rc<str>,
    /// The protocol's name; empty unless the group is stable.
    pub protocol_data: Rc<str>,
    pub members: Vec<DescribedGroupMember>,
}

#[derive(Clone, Debug, Hash)]
pub struct DescribedGroupMember {
    pub member_id: Rc<str>,
    pub group_instance_id: Option<Rc<str>>,
    pub client_id: Rc<str>,
    pub client_host: Rc<str>,
    /// Both empty unless the group is stable.
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
}

impl WireBytes for DescribeGroupsResponse {
    fn wire_bytes(&self) -> u64 {
        let of_member = |it: &DescribedGroupMember| {
            1 + text(&it.member_id)
                + maybe(&it.group_instance_id)
                + text(&it.client_id)
                + text(&it.client_host)
                + bytes(&it.member_metadata)
                + bytes(&it.member_assignment)
        };
        let of_one = |it: &DescribedGroup| {
            9 + text(&it.group_id)
                + it.group_state.len() as u64
                + text(&it.protocol_type)
                + text(&it.protocol_data)
                + it.members.iter().map(of_member).sum::<u64>()
        };
        6 + self.groups.iter().map(of_one).sum::<u64>()
    }
}

/// The same of groups of the newer protocol (KIP-848), which administrators ask first.
#[derive(Clone, Debug, Hash)]
pub struct ConsumerGroupDescribeRequest {
    pub group_ids: Vec<Rc<str>>,
}

impl WireBytes for ConsumerGroupDescribeRequest {
    fn wire_bytes(&self) -> u64 {
        3 + texts(&self.group_ids)
    }
}

/// Of a coordinator of the classic protocol: UNSUPPORTED_VERSION for each.
#[derive(Clone, Debug, Hash)]
pub struct ConsumerGroupDescribeResponse {
    pub groups: Vec<(Rc<str>, ErrorCode)>,
}

impl WireBytes for ConsumerGroupDescribeResponse {
    fn wire_bytes(&self) -> u64 {
        let of_one = |(group, _): &(Rc<str>, ErrorCode)| 20 + text(group);
        6 + self.groups.iter().map(of_one).sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct ListGroupsRequest {
    /// None: all.
    pub states_filter: Vec<Rc<str>>,
}

impl WireBytes for ListGroupsRequest {
    fn wire_bytes(&self) -> u64 {
        3 + texts(&self.states_filter)
    }
}

#[derive(Clone, Debug, Hash)]
pub struct ListGroupsResponse {
    pub error: ErrorCode,
    pub groups: Vec<ListedGroup>,
}

#[derive(Clone, Debug, Hash)]
pub struct ListedGroup {
    pub group_id: Rc<str>,
    pub protocol_type: Rc<str>,
    pub group_state: &'static str,
}

impl WireBytes for ListGroupsResponse {
    fn wire_bytes(&self) -> u64 {
        let of_one = |it: &ListedGroup| {
            9 + text(&it.group_id) + text(&it.protocol_type) + it.group_state.len() as u64
        };
        8 + self.groups.iter().map(of_one).sum::<u64>()
    }
}

#[derive(Clone, Debug, Hash)]
pub struct DeleteGroupsRequest {
    pub groups_names: Vec<Rc<str>>,
}

impl WireBytes for DeleteGroupsRequest {
    fn wire_bytes(&self) -> u64 {
        2 + texts(&self.groups_names)
    }
}

#[derive(Clone, Debug, Hash)]
pub struct DeleteGroupsResponse {
    pub results: Vec<(Rc<str>, ErrorCode)>,
}

impl WireBytes for DeleteGroupsResponse {
    fn wire_bytes(&self) -> u64 {
        6 + self
            .results
            .iter()
            .map(|(group, _)| 3 + text(group))
            .sum::<u64>()
    }
}

pub(super) fn text(text: &str) -> u64 {
    1 + text.len() as u64
}

fn texts(all: &[Rc<str>]) -> u64 {
    all.iter().map(|it| text(it)).sum()
}

pub(super) fn maybe(text: &Option<Rc<str>>) -> u64 {
    1 + text.as_ref().map_or(0, |it| it.len() as u64)
}

fn bytes(bytes: &Bytes) -> u64 {
    2 + bytes.len() as u64
}
