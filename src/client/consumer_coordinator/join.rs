//! How a member joins its group, and how the group's leader gives partitions out (`onJoinPrepare`,
//! `sendJoinGroupRequest`, `onLeaderElected`). Rules CC38, CC44, CC45, CC57.

use super::{
    Call, CommitPurpose, ConsumerCoordinator, GroupNews, MemberState, Preparation, answers,
};
use crate::client::assignor::Assignor;
use crate::client::cluster_client::ClusterClient;
use crate::client::subscription_state::SubscriptionState;
use crate::kernel::{Duration, Time};
use crate::protocol::{
    Assignment, CONSUMER_PROTOCOL_TYPE, Ctx, GroupProtocol, JoinGroupRequest, Subscription,
    SyncGroupRequest, TopicName, UNKNOWN_MEMBER_ID,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::rc::Rc;

impl ConsumerCoordinator {
    /// CC44: the leader has the group join again when its topics have other partitions.
    pub(super) fn notice_metadata<T: Clone + std::fmt::Debug>(
        &mut self,
        client: &ClusterClient<T>,
    ) {
        if self.seen_metadata == client.metadata.version() {
            return;
        }
        self.seen_metadata = client.metadata.version();
        if self.state != MemberState::Stable || self.rejoin {
            return;
        }
        if let Some(by) = &self.assigned_by
            && *by != partitions_of(client, by.keys())
        {
            self.request_rejoin("cached metadata has changed");
        }
    }

    pub(super) fn request_rejoin(&mut self, reason: &str) {
        if !self.rejoin {
            self.rejoin = true;
            self.reason = reason.into();
        }
    }

    /// CC45, for members that give everything up (EAGER).
    pub(super) fn prepare_join<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
        subscriptions: &mut SubscriptionState,
    ) -> Time {
        let now = ctx.wall();
        if self.preparation == Preparation::NotBegun {
            self.heartbeat.enabled |= self.state == MemberState::Stable;
            subscriptions.suspend();
            let until = now + self.membership.max_poll_interval;
            let commits = self.membership.auto_commit && self.generation >= 0;
            self.preparation =
                match commits && self.commit(ctx, subscriptions, CommitPurpose::BeforeJoin) {
                    true => Preparation::Committing(until),
                    false => Preparation::Committed,
                };
        }
        if let Preparation::Committing(until) = self.preparation {
            if now < until {
                return until;
            }
            self.preparation = Preparation::Committed;
        }
        if self.preparation == Preparation::Committed {
            let owned = subscriptions.partitions();
            subscriptions.clear();
            if self.generation < 0 || *self.member_id == *UNKNOWN_MEMBER_ID {
                if !owned.is_empty() {
                    self.news.push_back(GroupNews::Lost(owned));
                }
            } else {
                self.news.push_back(GroupNews::Revoked(owned));
            }
            for topic in &self.topics {
                client.metadata.add_topic(topic);
            }
            self.preparation = Preparation::Done;
        }
        Time::MAX
    }

    /// CC38.
    pub(super) fn send_join(&mut self, ctx: &mut Ctx<'_>) {
        let max_poll_interval = self.membership.max_poll_interval;
        let protocols = self
            .membership
            .assignors
            .iter()
            .map(|assignor| GroupProtocol {
                name: (*assignor).into(),
                metadata: self.subscription(assignor).to_bytes(),
            });
        let request = JoinGroupRequest {
            group_id: Rc::clone(&self.membership.group_id),
            session_timeout_ms: self.membership.session_timeout.as_millis() as i32,
            rebalance_timeout_ms: max_poll_interval.as_millis() as i32,
            member_id: Rc::clone(&self.member_id),
            group_instance_id: self.membership.group_instance_id.clone(),
            protocol_type: CONSUMER_PROTOCOL_TYPE.into(),
            protocols: protocols.collect(),
            reason: Rc::clone(&self.reason),
        };
        self.state = MemberState::PreparingRebalance;
        self.heartbeat.enabled = false;
        self.joining = true;
        let timeout = self
            .request_timeout
            .max(max_poll_interval + Duration::from_secs(5));
        self.ask(ctx, request, timeout, Call::Join);
    }

    fn subscription(&self, assignor: &str) -> Subscription {
        let is_sticky = assignor == Assignor::Sticky.name();
        Subscription {
            topics: self.topics.clone(),
            user_data: self.sticky_user_data.clone().filter(|_| is_sticky),
            owned_partitions: Vec::new(),
            generation_id: self.generation,
            rack_id: None,
        }
    }

    /// CC57: the leader assigns once it knows the partitions of all topics that somebody reads.
    pub(super) fn assign_if_known<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
    ) {
        let Some(members) = &self.to_assign else {
            return;
        };
        let members: Vec<_> = members.iter().map(answers::member_of).collect();
        let topics = members.iter().flat_map(|member| &member.topics);
        let mut all_known = true;
        for topic in topics {
            client.metadata.add_topic(topic);
            let known = client.metadata.topic(topic).is_some();
            all_known &= known || client.metadata.topic_error(topic).is_some();
        }
        if !all_known {
            return;
        }
        self.to_assign = None;
        let topics: Vec<TopicName> = members.iter().flat_map(|it| it.topics.clone()).collect();
        let partitions = partitions_of(client, topics.iter());
        let assignor = self.protocol.as_deref().and_then(Assignor::by_name);
        let Some(assignor) = assignor else {
            self.news
                .push_back(GroupNews::Exception("IllegalStateException"));
            return;
        };
        let assigned = assignor.assign(&members, &partitions);
        self.assigned_by = Some(partitions);
        let assignments = assigned.into_iter().map(|(member, partitions)| {
            let assignment = Assignment {
                partitions,
                user_data: None,
            };
            (member, assignment.to_bytes())
        });
        self.send_sync(ctx, assignments.collect());
    }

    pub(super) fn send_sync(&mut self, ctx: &mut Ctx<'_>, assignments: Vec<(Rc<str>, Bytes)>) {
        let request = SyncGroupRequest {
            group_id: Rc::clone(&self.membership.group_id),
            generation_id: self.generation,
            member_id: Rc::clone(&self.member_id),
            group_instance_id: self.membership.group_instance_id.clone(),
            protocol_type: Some(CONSUMER_PROTOCOL_TYPE.into()),
            protocol_name: self.protocol.clone(),
            assignments,
        };
        self.joining = true;
        self.ask(ctx, request, self.request_timeout, Call::Sync);
    }
}

fn partitions_of<'a, T: Clone + std::fmt::Debug>(
    client: &ClusterClient<T>,
    topics: impl Iterator<Item = &'a TopicName>,
) -> BTreeMap<TopicName, i32> {
    let count = |topic: &TopicName| {
        let known = client.metadata.topic(topic)?;
        Some((TopicName::clone(topic), known.partitions.len() as i32))
    };
    topics.filter_map(count).collect()
}
