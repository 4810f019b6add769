//! What the coordinator's answers do to a member: the table of errors of group requests, and CC40,
//! CC46, CC59.

use super::{
    Call, Commit, CommitPurpose, ConsumerCoordinator, GroupNews, MemberState, Preparation, ToAssign,
};
use crate::client::assignor::{Assignor, AssignorMember, RebalanceProtocol};
use crate::client::cluster_client::ClusterClient;
use crate::client::subscription_state::SubscriptionState;
use crate::kernel::{Duration, Time};
use crate::network_client::Completed;
use crate::protocol::rules::StaleClaims;
use crate::protocol::{
    Assignment, Ctx, ErrorCode, JoinGroupResponse, JoinGroupResponseMember, NO_COMMITTED_OFFSET,
    OffsetFetchResponse, OwnerThen, Response, Subscription, SyncGroupResponse, TopicPartition,
};
use std::rc::Rc;

/// What the assignor needs to know of a member. Bytes that nobody can read want nothing.
pub(super) fn member_of(
    member: &JoinGroupResponseMember,
    assignor: Assignor,
    stale_claims: StaleClaims,
) -> AssignorMember {
    let mut subscription = Subscription::from_bytes(&member.metadata).unwrap_or_default();
    let mut claim = assignor.claim(&subscription);
    if stale_claims == StaleClaims::Believed {
        // Nobody's claim is older than another's.
        claim.generation = Some(i32::MAX);
        subscription.generation_id = -1;
    }
    AssignorMember {
        id: Rc::clone(&member.member_id),
        instance: member.group_instance_id.clone(),
        claim,
        topics: subscription.topics,
        generation_id: subscription.generation_id,
        owned_partitions: subscription.owned_partitions,
        rack: subscription.rack_id,
    }
}

impl ConsumerCoordinator {
    pub(super) fn on_completed<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
        subscriptions: &mut SubscriptionState,
        completed: Completed<Call>,
    ) {
        if self.closed {
            // Only that its farewells have ended matters.
            if matches!(completed.tag, Call::Commit(_) | Call::Leave) {
                self.farewells = self.farewells.saturating_sub(1);
            }
            return;
        }
        if self.failed {
            return;
        }
        let answer = completed.result.ok();
        let asked = completed.to.id;
        if answer.is_none() && self.coordinator.is_some_and(|it| it.id == asked) {
            self.coordinator_lost();
        }
        match (completed.tag, answer) {
            (Call::Join, Some(Response::JoinGroup(answer))) => self.on_join(ctx, client, *answer),
            (Call::Sync, Some(Response::SyncGroup(answer))) => {
                self.on_sync(ctx, subscriptions, &answer);
            }
            (Call::Join | Call::Sync, _) => self.join_later(ctx, ErrorCode::NetworkException),
            (Call::Heartbeat { generation }, answer) => {
                self.heartbeat.in_flight = false;
                match answer {
                    Some(Response::Heartbeat(answer)) => {
                        self.on_heartbeat(ctx, generation, answer.error);
                    }
                    _ => self.fail_heartbeat(ctx),
                }
            }
            (Call::Commit(commit), Some(Response::OffsetCommit(answer))) => {
                let mut errors = answer.partitions.iter().map(|(_, error)| *error);
                let error = errors.find(|error| !error.is_none());
                self.on_commit(ctx, commit, error.unwrap_or(ErrorCode::None));
            }
            (Call::Commit(commit), _) => {
                self.on_commit(ctx, commit, ErrorCode::CoordinatorNotAvailable);
            }
            (Call::OffsetFetch, Some(Response::OffsetFetch(answer))) => {
                self.fetching_offsets = false;
                self.on_offsets(ctx, client, subscriptions, *answer);
            }
            (Call::OffsetFetch, _) => {
                self.fetching_offsets = false;
                self.ask_for_offsets_later(ctx);
            }
            (Call::Committed, Some(Response::OffsetFetch(answer))) => {
                self.on_committed(ctx, Some(&answer));
            }
            (Call::Committed, _) => self.on_committed(ctx, None),
            (Call::Leave, _) => {}
        }
    }

    pub(super) fn pause(&self) -> Duration {
        Duration::from_millis(self.retry_backoff.0)
    }

    /// CC40.
    fn on_join<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
        answer: JoinGroupResponse,
    ) {
        self.joining = false;
        if self.state != MemberState::PreparingRebalance {
            return;
        }
        match answer.error {
            ErrorCode::None => {
                self.heartbeat.heard = ctx.wall();
                self.heartbeat.sent = ctx.wall();
                self.heartbeat.enabled = true;
                self.heartbeat.again_at = None;
                self.generation = answer.generation_id;
                self.member_id = Rc::clone(&answer.member_id);
                self.protocol = answer.protocol_name.clone();
                self.state = MemberState::CompletingRebalance;
                let leads = answer.leader == answer.member_id;
                self.assigned_by = None;
                self.joining = true;
                if leads {
                    self.to_assign = Some(ToAssign {
                        members: answer.members,
                        skip: answer.skip_assignment,
                        awaited: None,
                    });
                    self.assign_if_known(ctx, client);
                } else {
                    self.send_sync(ctx, Vec::new());
                }
            }
            ErrorCode::MemberIdRequired => {
                self.member_id = Rc::clone(&answer.member_id);
                self.request_rejoin(&format!(
                    "need to re-join with the given member-id: {}",
                    answer.member_id
                ));
            }
            error @ ErrorCode::UnknownMemberId => {
                self.reset_generation(true);
                self.join_again_for(error.exception());
            }
            error => self.join_later(ctx, error),
        }
    }

    /// CC46.
    fn on_sync(
        &mut self,
        ctx: &mut Ctx<'_>,
        subscriptions: &mut SubscriptionState,
        answer: &SyncGroupResponse,
    ) {
        self.joining = false;
        if self.state != MemberState::CompletingRebalance {
            return;
        }
        match answer.error {
            ErrorCode::None => {
                self.heartbeat.heard = ctx.wall();
                self.state = MemberState::Stable;
                self.heartbeat.silenced = OwnerThen::Nobody;
                self.rejoin = false;
                self.reason = "".into();
                self.preparation = Preparation::NotBegun;
                match Assignment::from_bytes(&answer.assignment) {
                    Some(assignment) => self.take_over(ctx, subscriptions, assignment),
                    None => self.fail("SchemaException"),
                }
            }
            error @ (ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                self.reset_generation(error == ErrorCode::UnknownMemberId);
                self.join_again_for(error.exception());
            }
            error => self.join_later(ctx, error),
        }
    }

    /// What a member owns already it goes on reading where it is. What it does not keep it gives up, and joins
    /// once more, so that another may have it.
    pub(super) fn take_over(
        &mut self,
        ctx: &mut Ctx<'_>,
        subscriptions: &mut SubscriptionState,
        mut assignment: Assignment,
    ) {
        // What the assignor remembers stands as its leader gave it out.
        let given = assignment.partitions.clone();
        assignment.partitions.sort();
        let of_these = |it: &TopicPartition| self.subscribes_to(&it.topic);
        if !assignment.partitions.iter().all(of_these) {
            self.request_rejoin("received assignment does not match the current subscription");
            return;
        }
        let owned = subscriptions.partitions();
        let (kept, added): (Vec<_>, Vec<_>) = assignment
            .partitions
            .iter()
            .cloned()
            .partition(|it| owned.contains(it));
        let mut revoked = owned;
        revoked.retain(|it| !kept.contains(it));
        if self.rebalance_protocol == RebalanceProtocol::Cooperative && !revoked.is_empty() {
            self.call_listener(GroupNews::Revoked(revoked));
            self.request_rejoin("need to revoke partitions and re-join");
        }
        if let Some(assignor) = self.protocol.as_deref().and_then(Assignor::by_name)
            && let Some(memory) = assignor.memory(&given, self.generation)
        {
            self.memories.insert(assignor, memory);
        }
        self.next_auto_commit = ctx.wall() + self.membership.auto_commit_interval;
        self.fetch_offsets_attempts = 0;
        subscriptions.assign_from_group(&assignment.partitions);
        self.call_listener(GroupNews::Assigned {
            partitions: added,
            kept,
            generation: self.generation,
            member: Rc::clone(&self.member_id),
            instance: self.membership.group_instance_id.clone(),
        });
        if self.throws_of_listener() {
            self.listener.unfinished = Some(assignment);
        }
    }

    /// CC41: some errors have it join again at once, others after a pause.
    pub(super) fn join_later(&mut self, ctx: &mut Ctx<'_>, error: ErrorCode) {
        self.joining = false;
        self.to_assign = None;
        if matches!(
            error,
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator
        ) {
            self.coordinator_unknown(ctx);
        }
        match error {
            ErrorCode::RebalanceInProgress => {}
            error if error.is_retriable() => self.join_again_at = ctx.wall() + self.pause(),
            error => return self.fail(error.exception()),
        }
        self.join_again_for(match error {
            ErrorCode::NetworkException => "DisconnectException",
            error => error.exception(),
        });
    }

    /// CC39.
    fn join_again_for(&mut self, exception: &str) {
        self.request_rejoin(&format!("rebalance failed due to {exception}"));
    }

    /// `poll` throws this, and the member is one no more.
    pub(super) fn fail(&mut self, exception: &'static str) {
        self.news.push_back(GroupNews::Exception(exception));
        self.failed = true;
    }

    fn on_heartbeat(&mut self, ctx: &mut Ctx<'_>, generation: i32, error: ErrorCode) {
        let current = generation == self.generation;
        match error {
            ErrorCode::None => self.receive_heartbeat(ctx),
            ErrorCode::RebalanceInProgress => {
                self.receive_heartbeat(ctx);
                if self.state == MemberState::Stable {
                    self.request_rejoin("group is already rebalancing");
                }
            }
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.coordinator_unknown(ctx);
                self.fail_heartbeat(ctx);
            }
            ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId if current => {
                self.reset_generation(error == ErrorCode::UnknownMemberId);
                self.request_rejoin(&format!(
                    "encountered {} from HEARTBEAT response",
                    error.name()
                ));
            }
            ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId => {}
            error => self.fail(error.exception()),
        }
    }

    /// The first error of a commit decides.
    fn on_commit(&mut self, ctx: &mut Ctx<'_>, commit: Commit, error: ErrorCode) {
        let is_awaited = commit.purpose == CommitPurpose::BeforeJoin;
        let awaited_until = match self.preparation {
            Preparation::Committing { until } if is_awaited => {
                self.preparation = Preparation::Committed;
                Some(until)
            }
            _ => None,
        };
        match error {
            ErrorCode::None => {
                self.news.push_back(GroupNews::Committed(commit.offsets));
                if commit.purpose == CommitPurpose::Waited {
                    self.commit_is_over(None);
                }
            }
            ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::RequestTimedOut => {
                self.coordinator_unknown(ctx);
                self.commit_later(ctx, &commit, awaited_until);
            }
            ErrorCode::UnknownTopicOrPartition | ErrorCode::CoordinatorLoadInProgress => {
                self.commit_later(ctx, &commit, awaited_until);
            }
            ErrorCode::RebalanceInProgress => {
                self.request_rejoin("offset commit failed since group is already rebalancing");
                self.commit_failed(&commit, "RebalanceInProgressException");
            }
            ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId => {
                // CB14: whatever generation there is by now.
                let changed = commit.generation != self.generation;
                if changed && self.state == MemberState::PreparingRebalance {
                    self.commit_failed(&commit, "RebalanceInProgressException");
                } else {
                    self.reset_generation(error == ErrorCode::UnknownMemberId);
                    self.request_rejoin(&format!(
                        "encountered {} from OFFSET_COMMIT response",
                        error.name()
                    ));
                    self.commit_failed(&commit, "CommitFailedException");
                }
            }
            ErrorCode::FencedInstanceId if commit.generation == self.generation => {
                self.fail(error.exception());
            }
            ErrorCode::FencedInstanceId => {
                let exception = match self.state {
                    MemberState::PreparingRebalance => "RebalanceInProgressException",
                    _ => "CommitFailedException",
                };
                self.commit_failed(&commit, exception);
            }
            error => self.commit_failed(&commit, error.exception()),
        }
    }

    /// CC52: who asked is told; an automatic one comes again soon.
    fn commit_later(&mut self, ctx: &mut Ctx<'_>, commit: &Commit, awaited_until: Option<Time>) {
        match commit.purpose {
            CommitPurpose::Auto => self.next_auto_commit = ctx.wall() + self.pause(),
            CommitPurpose::BeforeJoin => {
                let at = ctx.wall() + self.pause();
                if let Some(until) = awaited_until {
                    self.preparation = Preparation::CommitAgain { at, until };
                }
            }
            CommitPurpose::Asked => self.commit_failed(commit, "RetriableCommitFailedException"),
            CommitPurpose::Waited => self.commit_again(ctx),
        }
    }

    fn commit_failed(&mut self, commit: &Commit, exception: &'static str) {
        match commit.purpose {
            CommitPurpose::Waited => self.commit_is_over(Some(exception)),
            _ => self.news.push_back(GroupNews::CommitFailed(exception)),
        }
    }

    fn on_offsets<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
        subscriptions: &mut SubscriptionState,
        answer: OffsetFetchResponse,
    ) {
        let error = match answer.error {
            ErrorCode::None => {
                let mut errors = answer.partitions.iter().map(|it| it.error);
                errors.find(|error| !error.is_none())
            }
            error => Some(error),
        };
        if let Some(error) = error {
            if matches!(
                error,
                ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable
            ) {
                self.coordinator_unknown(ctx);
            }
            self.ask_for_offsets_later(ctx);
            return;
        }
        self.fetch_offsets_attempts = 0;
        for found in &answer.partitions {
            let epoch = found.committed.leader_epoch;
            client.metadata.saw_leader_epoch(&found.partition, epoch);
        }
        let leader_epoch = |partition: &TopicPartition| {
            client.metadata.leader(partition).map(|(_, _, epoch)| epoch)
        };
        for found in answer.partitions {
            let offset = found.committed.offset;
            let committed =
                (offset != NO_COMMITTED_OFFSET).then_some((offset, found.committed.leader_epoch));
            if let Some((offset, _)) = committed {
                self.news.push_back(GroupNews::ReadsFrom {
                    partition: found.partition.clone(),
                    offset,
                });
            }
            let epoch = leader_epoch(&found.partition);
            subscriptions.on_committed(&found.partition, committed, epoch);
        }
        // CC34: without a policy the application is told, and polls again.
        if !subscriptions.initializing().is_empty() {
            self.fetch_offsets_again_at = ctx.wall() + self.pause();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Actor, Config, Event as KernelEvent, Fault, Kernel, NodeOptions};
    use crate::protocol::config::{ConsumerConfig, Properties};
    use crate::protocol::{Cluster, Event, Hosts, UNKNOWN_MEMBER_ID};

    /// A member in its second generation hears of a commit of its first.
    struct Late {
        state: MemberState,
        error: ErrorCode,
        member: ConsumerCoordinator,
    }

    impl Late {
        fn new(state: MemberState, error: ErrorCode) -> Late {
            let config = Properties::from([("group.id".to_owned(), "g".to_owned())]);
            let config = ConsumerConfig::parse(&config).expect("a configuration");
            let membership = config.group.clone().expect("a group");
            let topics = vec!["t".into()];
            let mut member =
                ConsumerCoordinator::new(1, "c", &Hosts::default(), &config, membership, topics);
            (member.state, member.generation) = (state, 2);
            (member.member_id, member.rejoin) = ("m".into(), false);
            Late {
                state,
                error,
                member,
            }
        }
    }

    impl Actor<Cluster> for Late {
        fn rebooted(&self) -> Self {
            Late::new(self.state, self.error)
        }

        fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
            if let KernelEvent::Started = event {
                let commit = Commit {
                    generation: 1,
                    offsets: Vec::new(),
                    purpose: CommitPurpose::Asked,
                };
                self.member.on_commit(ctx, commit, self.error);
            }
        }
    }

    /// On one connection answers come in the order of questions: it takes two threads that take them in for this one to
    /// be the later.
    #[test]
    fn cb14_what_comes_of_a_commit_of_an_old_generation_ends_the_newer_one() {
        let after = |state, error| {
            let mut kernel = Kernel::new(Config::default(), 1);
            let late = Late::new(state, error);
            let node = kernel.add_node("c", NodeOptions::default(), late);
            kernel.apply(Fault::Start(node));
            kernel.step().expect("it starts");
            let member = &mut kernel.actor_mut(node).member;
            let told = member.next_news().expect("the application hears of it");
            let id = member.member_id.to_string();
            (member.generation, id, member.rejoin, told)
        };
        let failed = GroupNews::CommitFailed("CommitFailedException");
        for state in [MemberState::CompletingRebalance, MemberState::Stable] {
            let ended = (-1, "m".to_owned(), true, failed.clone());
            assert_eq!(after(state, ErrorCode::IllegalGeneration), ended);
            let forgotten = (-1, UNKNOWN_MEMBER_ID.to_owned(), true, failed.clone());
            assert_eq!(after(state, ErrorCode::UnknownMemberId), forgotten);
        }
        let goes_on = GroupNews::CommitFailed("RebalanceInProgressException");
        assert_eq!(
            after(
                MemberState::PreparingRebalance,
                ErrorCode::IllegalGeneration
            ),
            (2, "m".to_owned(), false, goes_on)
        );
    }
}
