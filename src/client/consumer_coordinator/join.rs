//! How a member joins its group, and how the group's leader gives partitions out (`onJoinPrepare`,
//! `sendJoinGroupRequest`, `onLeaderElected`). Rules CC38, CC39, CC44, CC45, CC48, CC57,
//! CC58.

use super::{
    Call, CommitPurpose, ConsumerCoordinator, GroupNews, MemberState, Preparation, answers,
};
use crate::client::assignor::{Assignor, Rack, RebalanceProtocol, TopicRacks};
use crate::client::cluster_client::ClusterClient;
use crate::client::metadata::Partition;
use crate::client::subscription_state::SubscriptionState;
use crate::kernel::{Duration, Time};
use crate::protocol::rules::{FetchBeforeJoin, JoinCommit, StaleClaims};
use crate::protocol::{
    Assignment, CONSUMER_PROTOCOL_TYPE, Ctx, ErrorCode, GroupProtocol, JoinGroupRequest,
    Subscription, SyncGroupRequest, TopicName, TopicPartition,
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
        if self.seen_metadata == client.metadata.version() || !self.is_active() {
            return;
        }
        self.seen_metadata = client.metadata.version();
        if let Some(by) = &self.assigned_by
            && *by != partitions_of(client, by.keys())
        {
            self.request_rejoin("cached metadata has changed");
        }
    }

    /// CC39: the last reason is what the coordinator is told.
    pub(super) fn request_rejoin(&mut self, reason: &str) {
        self.rejoin = true;
        self.reason = reason.into();
    }

    /// CC45. Who gives everything up (EAGER) fetches no more from here on; others (COOPERATIVE) go on.
    pub(super) fn prepare_join<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
        subscriptions: &mut SubscriptionState,
    ) -> Time {
        let now = ctx.wall();
        let gives_up_all = self.rebalance_protocol == RebalanceProtocol::Eager;
        if self.preparation == Preparation::NotBegun {
            self.heartbeat.enabled |= self.state == MemberState::Stable;
            if gives_up_all && self.fetch_before_join == FetchBeforeJoin::Stops {
                subscriptions.suspend();
            }
            let until = now + self.membership.max_poll_interval;
            self.preparation = Preparation::CommitAgain { at: now, until };
        }
        match self.preparation {
            Preparation::CommitAgain { at, until } if now < at.min(until) => return at.min(until),
            Preparation::CommitAgain { until, .. } => {
                let commits = self.membership.auto_commit && self.generation >= 0 && now < until;
                self.preparation =
                    match commits && self.commit(ctx, subscriptions, CommitPurpose::BeforeJoin) {
                        true => Preparation::Committing { until },
                        false => Preparation::Committed,
                    };
            }
            _ => {}
        }
        if let Preparation::Committing { until } = self.preparation {
            if now < until {
                return until;
            }
            self.preparation = Preparation::Committed;
        }
        if self.preparation == Preparation::Committed {
            let owned = subscriptions.partitions();
            let keeps_claims = self.stale_claims == StaleClaims::Believed && !gives_up_all;
            if self.has_no_generation() && keeps_claims {
                // It goes on as if it were a member.
            } else if self.has_no_generation() {
                subscriptions.clear();
                if !owned.is_empty() {
                    self.call_listener(GroupNews::Lost {
                        partitions: owned,
                        in_rebalance: false,
                        owner_then: self.heartbeat.silenced,
                    });
                }
            } else if gives_up_all {
                subscriptions.clear();
                self.call_listener(GroupNews::Revoked(owned));
            } else {
                self.give_up_unsubscribed(subscriptions, owned);
            }
            if self.subscribed.is_none() {
                for topic in &self.topics {
                    client.metadata.add_topic(topic, ctx.wall());
                }
            }
            self.preparation = Preparation::Done;
        }
        Time::MAX
    }

    /// Topics that metadata name no more, of who subscribes to a pattern.
    fn give_up_unsubscribed(
        &mut self,
        subscriptions: &mut SubscriptionState,
        owned: Vec<TopicPartition>,
    ) {
        let is_kept = |it: &TopicPartition| self.topics.contains(&it.topic);
        let (kept, gone): (Vec<_>, Vec<_>) = owned.into_iter().partition(is_kept);
        if !gone.is_empty() {
            subscriptions.assign_from_group(&kept);
            self.call_listener(GroupNews::Revoked(gone));
        }
    }

    /// CB10: the application's call of `poll` does not return, and gives it nothing, before that commit is over.
    pub fn holds_poll(&self) -> bool {
        let commits = matches!(
            self.preparation,
            Preparation::Committing { .. } | Preparation::CommitAgain { .. }
        );
        commits && self.join_commit == JoinCommit::InOnePoll
    }

    /// CC38.
    pub(super) fn send_join(&mut self, ctx: &mut Ctx<'_>, subscriptions: &SubscriptionState) {
        let owned = subscriptions.partitions();
        let max_poll_interval = self.membership.max_poll_interval;
        let protocols = self
            .membership
            .assignors
            .iter()
            .map(|assignor| GroupProtocol {
                name: (*assignor).into(),
                metadata: self.subscription(assignor, &owned).to_bytes(),
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
        self.told_what_it_reads();
        self.state = MemberState::PreparingRebalance;
        self.heartbeat.enabled = false;
        self.joining = true;
        let timeout = self
            .request_timeout
            .max(max_poll_interval + Duration::from_secs(5));
        self.ask(ctx, request, timeout, Call::Join);
    }

    /// CA15: who gave everything up owns nothing.
    fn subscription(&self, assignor: &str, owned: &[TopicPartition]) -> Subscription {
        let assignor = Assignor::by_name(assignor);
        let memory = assignor.and_then(|it| self.memories.get(&it));
        Subscription {
            topics: self.topics.clone(),
            user_data: memory.cloned(),
            owned_partitions: owned.to_vec(),
            generation_id: self.generation,
            rack_id: self.rack.clone(),
        }
    }

    /// CC57: the leader assigns once it knows the partitions of all topics that somebody reads. An answer about all
    /// topics, which is what who subscribes to a pattern gets, says nothing of one that is not there: it goes without.
    pub(super) fn assign_if_known<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
    ) {
        let Some(to_assign) = &self.to_assign else {
            return;
        };
        let assignor = self.protocol.as_deref().and_then(Assignor::by_name);
        let Some(assignor) = assignor else {
            self.to_assign = None;
            self.fail("IllegalStateException");
            return;
        };
        let of_one = |member| answers::member_of(member, assignor, self.stale_claims);
        let members: Vec<_> = to_assign.members.iter().map(of_one).collect();
        let topics = members.iter().flat_map(|member| &member.topics);
        let mut all_known = true;
        for topic in topics {
            if self.subscribed.is_none() || !self.subscribes_to(topic) {
                client.metadata.add_topic(topic, ctx.wall());
            }
            let known = client.metadata.topic(topic).is_some();
            all_known &= known || client.metadata.topic_error(topic).is_some();
        }
        if !all_known {
            let answers = client.metadata.answers();
            match to_assign.awaited {
                _ if self.subscribed.is_none() => return,
                Some(before) if before < answers => {}
                Some(_) => return,
                None => {
                    client.metadata.request_update_for_new_topics();
                    if let Some(to_assign) = &mut self.to_assign {
                        to_assign.awaited = Some(answers);
                    }
                    return;
                }
            }
        }
        let topics = members.iter().flat_map(|it| &it.topics);
        let seen = partitions_of(client, topics);
        let known = |(topic, count): (&TopicName, &Option<i32>)| Some((topic.clone(), (*count)?));
        let partitions = seen.iter().filter_map(known).collect();
        let assigned = match to_assign.skip {
            true => BTreeMap::new(),
            false => assignor.assign(&members, &partitions, &racks_of(client, seen.keys())),
        };
        self.to_assign = None;
        self.assigned_by = Some(seen);
        let assignments = assigned.into_iter().map(|(member, partitions)| {
            let assignment = Assignment {
                partitions,
                user_data: None,
            };
            (member, assignment.to_bytes())
        });
        self.send_sync(ctx, assignments.collect());
    }

    /// A coordinator that was lost since it let this member join hears nothing of it: it joins again.
    pub(super) fn send_sync(&mut self, ctx: &mut Ctx<'_>, assignments: Vec<(Rc<str>, Bytes)>) {
        if self.coordinator.is_none() {
            return self.join_later(ctx, ErrorCode::CoordinatorNotAvailable);
        }
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
) -> BTreeMap<TopicName, Option<i32>> {
    let count = |topic: &TopicName| {
        let known = client.metadata.topic(topic);
        let count = known.map(|it| it.partitions.len() as i32);
        (TopicName::clone(topic), count)
    };
    topics.map(count).collect()
}

/// CA4: as brokers say it of themselves, whoever of them lives.
fn racks_of<'a, T: Clone + std::fmt::Debug>(
    client: &ClusterClient<T>,
    topics: impl Iterator<Item = &'a TopicName>,
) -> TopicRacks {
    let of_one = |partition: &Partition| {
        let replicas = partition.replicas.iter();
        let racks = replicas.filter_map(|id| client.metadata.rack(*id));
        racks.map(Rack::clone).collect()
    };
    let of_topic = |topic: &TopicName| {
        let known = client.metadata.topic(topic)?;
        let partitions = known.partitions.iter().map(of_one).collect();
        Some((TopicName::clone(topic), partitions))
    };
    topics.filter_map(of_topic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Hosts;
    use crate::protocol::config::{ConsumerConfig, Properties};

    #[test]
    fn ca15_a_subscription_says_what_its_member_owns_and_since_when() {
        let config = Properties::from([("group.id".to_owned(), "g".to_owned())]);
        let config = ConsumerConfig::parse(&config).expect("a configuration");
        let membership = config.group.clone().expect("a group");
        let names = membership.assignors.clone();
        assert_eq!(names, ["range", "cooperative-sticky"]);
        let hosts = Hosts::default();
        let topics = vec!["t".into()];
        let mut member = ConsumerCoordinator::new(1, "c", &hosts, &config, membership, topics);
        let bytes = |member: &ConsumerCoordinator, name: &str, owned: &[TopicPartition]| {
            let bytes = member.subscription(name, owned).to_bytes();
            bytes
                .iter()
                .map(|it| format!("{it:02x}"))
                .collect::<String>()
        };
        // As recorded: both say the same, but for the data of the second.
        let recorded = "000300000001000174ffffffff00000000ffffffffffff";
        assert_eq!(bytes(&member, "range", &[]), recorded);
        let recorded = "00030000000100017400000004ffffffff00000000ffffffffffff";
        assert_eq!(bytes(&member, "cooperative-sticky", &[]), recorded);
        member.generation = 2;
        let owned = [TopicPartition::new("t", 3)];
        let subscription = member.subscription("cooperative-sticky", &owned);
        assert_eq!(subscription.owned_partitions, owned);
        assert_eq!(subscription.generation_id, 2);
    }
}
