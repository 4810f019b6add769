//! What these brokers say of the one group that there is: one of them coordinates it.

use kafka_trial::protocol::{
    Assignment, BrokerId, CommittedOffset, ConsumerGroupDescribeResponse, Coordinator,
    DescribeGroupsResponse, DescribedGroup, DescribedGroupMember, ErrorCode,
    FindCoordinatorResponse, OffsetFetchPartition, OffsetFetchResponse, Request, Response,
    TopicPartition,
};
use std::collections::VecDeque;

/// The group `g`, of which member `m` has `assigned`.
#[derive(Default)]
pub struct Groups {
    pub coordinator: BrokerId,
    pub state: &'static str,
    pub assigned: Vec<i32>,
    pub committed: Vec<(i32, i64)>,
    pub find_errors: VecDeque<ErrorCode>,
    pub describe_errors: VecDeque<ErrorCode>,
    pub fetch_errors: VecDeque<ErrorCode>,
    /// A request that no broker answers, as it is called in `heard`.
    pub mute: &'static str,
    /// Which broker was asked what, in order.
    pub heard: Vec<String>,
}

impl Groups {
    pub fn hear(&mut self, broker: BrokerId, request: &Request) {
        let what = match request {
            Request::Metadata(it) if it.topics.as_ref().is_some_and(|it| !it.is_empty()) => {
                "Metadata of t".to_owned()
            }
            Request::FindCoordinator(it) => format!("FindCoordinator {:?}", it.coordinator_keys),
            Request::ConsumerGroupDescribe(_) | Request::DescribeGroups(_) => {
                format!("{} at {broker}", request.name())
            }
            Request::OffsetFetch(it) => {
                assert!(it.partitions.is_none() && !it.require_stable);
                format!("OffsetFetch at {broker}")
            }
            Request::ListOffsets(it) => {
                assert_eq!(it.replica_id, -1);
                let of = it.partitions.iter().map(|it| it.partition.to_string());
                let of: Vec<String> = of.collect();
                let committed = match it.isolation_level {
                    0 => "",
                    _ => " as far as it is committed",
                };
                format!("ListOffsets of {} at {broker}{committed}", of.join(" "))
            }
            _ => return,
        };
        self.heard.push(what);
    }

    /// Nobody answers what was heard last.
    pub fn is_mute(&self) -> bool {
        let last = self.heard.last();
        !self.mute.is_empty() && last.is_some_and(|it| it.starts_with(self.mute))
    }

    pub fn answer(&mut self, broker: BrokerId, request: Request) -> Option<Response> {
        let is_it = match self.coordinator == broker {
            true => ErrorCode::None,
            false => ErrorCode::NotCoordinator,
        };
        match request {
            Request::FindCoordinator(request) => {
                let error = self.find_errors.pop_front().unwrap_or(ErrorCode::None);
                let coordinators = request.coordinator_keys.into_iter();
                let coordinators = coordinators.map(|key| Coordinator {
                    key,
                    error,
                    node_id: if error.is_none() {
                        self.coordinator
                    } else {
                        -1
                    },
                    host: "".into(),
                    port: -1,
                });
                let coordinators = coordinators.collect();
                Some(FindCoordinatorResponse { coordinators }.into())
            }
            Request::ConsumerGroupDescribe(request) => {
                let groups = request.group_ids.into_iter();
                let groups = groups.map(|group| (group, ErrorCode::UnsupportedVersion));
                let groups = groups.collect();
                Some(ConsumerGroupDescribeResponse { groups }.into())
            }
            Request::DescribeGroups(_) => {
                let error = self.describe_errors.pop_front().unwrap_or(is_it);
                let partitions = self.assigned.iter();
                let partitions = partitions.map(|number| TopicPartition::new("t", *number));
                let assignment = Assignment {
                    partitions: partitions.collect(),
                    user_data: None,
                };
                let member = DescribedGroupMember {
                    member_id: "m".into(),
                    group_instance_id: None,
                    client_id: "client".into(),
                    client_host: "/10.0.0.9".into(),
                    member_metadata: Default::default(),
                    member_assignment: assignment.to_bytes(),
                };
                let has_member = error.is_none() && !self.assigned.is_empty();
                let group = DescribedGroup {
                    error,
                    group_id: "g".into(),
                    group_state: if error.is_none() { self.state } else { "" },
                    protocol_type: "consumer".into(),
                    protocol_data: "range".into(),
                    members: has_member.then_some(member).into_iter().collect(),
                };
                let groups = vec![group];
                Some(DescribeGroupsResponse { groups }.into())
            }
            Request::OffsetFetch(_) => {
                let error = self.fetch_errors.pop_front().unwrap_or(is_it);
                let committed = self.committed.iter().filter(|_| error.is_none());
                let partitions = committed.map(|(number, offset)| OffsetFetchPartition {
                    partition: TopicPartition::new("t", *number),
                    error: ErrorCode::None,
                    committed: CommittedOffset {
                        offset: *offset,
                        leader_epoch: 0,
                        metadata: "".into(),
                    },
                });
                let partitions = partitions.collect();
                Some(OffsetFetchResponse { error, partitions }.into())
            }
            _ => None,
        }
    }
}
