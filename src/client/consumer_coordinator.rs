//! A consumer's membership of its group (classes ConsumerCoordinator, AbstractCoordinator). Rules CC36
//! to CC40, CC42 to CC46, CC48 to CC50, CC52, CC56, CX3 to CX8, CX11.
//!
//! Finds the group's coordinator, joins, is given partitions or gives them out as the group's leader, says
//! that it lives, commits how far it has read. Two threads share it: the application's, while it is in
//! `poll`, drives joins and commits (`poll`); the heartbeat's runs whatever the application does
//! (`heartbeat`). `listener`: what becomes of an application's listener that throws (CC47). `by_hand`: who is no member,
//! and only commits.
//!
//! May not know whether others live, nor what the coordinator has stored but what it answers.

mod answers;
mod by_hand;
pub mod commits;
mod heartbeat;
mod join;
pub mod listener;
mod offsets;
mod pattern;

use crate::client::assignor::{Assignor, RebalanceProtocol};
use crate::client::cluster_client::ClusterClient;
use crate::client::subscription_state::SubscriptionState;
use crate::kernel::{Duration, Time};
use crate::network_client::{Completed, NetworkClient, Node};
use crate::protocol::config::{ConsumerConfig, GroupMembership};
use crate::protocol::rules::{CoordinatorLookup, FetchBeforeJoin, JoinCommit, StaleClaims};
use crate::protocol::{
    Ctx, ErrorCode, Event, Hosts, JoinGroupResponseMember, LeaveGroupRequest, MemberIdentity,
    Message, NetworkOwner, OwnerThen, Request, Timer, TopicName, TopicPartition, UNKNOWN_MEMBER_ID,
    exponential,
};
use by_hand::ByHand;
use bytes::Bytes;
use commits::{AskedCommits, Commit, CommitPurpose};
use listener::{Callback, Listener};
use offsets::AskedCommitted;
use pattern::SubscribedPattern;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// What happens to a member, for its application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupNews {
    /// `onPartitionsRevoked`
    Revoked(Vec<TopicPartition>),
    /// `onPartitionsLost`. `in_rebalance`: it is still a member, and closes while its group rebalances.
    Lost {
        partitions: Vec<TopicPartition>,
        in_rebalance: bool,
        owner_then: OwnerThen,
    },
    /// `onPartitionsAssigned`: what it has not had before, which may be nothing.
    Assigned {
        partitions: Vec<TopicPartition>,
        /// What it keeps, where members keep anything.
        kept: Vec<TopicPartition>,
        generation: i32,
        member: Rc<str>,
        instance: Option<Rc<str>>,
    },
    /// Where the group has committed is where this member reads on.
    ReadsFrom {
        partition: TopicPartition,
        offset: i64,
    },
    /// A commit is stored.
    Committed(Vec<(TopicPartition, i64)>),
    /// `commitSync` is over: what it came to was said before.
    CommitReturned,
    /// It is not, or nobody knows; Java's simple name.
    CommitFailed(&'static str),
    /// `poll` throws this.
    Exception(&'static str),
    /// `poll` throws what the application's `ConsumerRebalanceListener` has thrown, as a KafkaException.
    ListenerThrew(Callback),
    /// The application has not called `poll` for `max.poll.interval.ms`, and the library has left, or forgotten its place.
    PollTimeoutExpired {
        interval: Duration,
        owner_then: OwnerThen,
    },
}

/// `AbstractCoordinator.MemberState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum MemberState {
    Unjoined,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

/// What the coordinator is asked.
#[derive(Clone, Debug)]
enum Call {
    Join,
    Sync,
    Heartbeat {
        generation: i32,
    },
    Commit(Commit),
    OffsetFetch,
    /// For the application.
    Committed,
    Leave,
}

/// How far preparing for a join has come (CC45).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Preparation {
    NotBegun,
    /// The commit is on its way; not waited for beyond this.
    Committing {
        until: Time,
    },
    /// It failed and is tried again at this time.
    CommitAgain {
        at: Time,
        until: Time,
    },
    /// The commit is over.
    Committed,
    /// Partitions are given up.
    Done,
}

#[derive(Debug)]
pub struct ConsumerCoordinator {
    membership: GroupMembership,
    /// It is no member: its application names its partitions itself.
    by_hand: Option<ByHand>,
    rebalance_protocol: RebalanceProtocol,
    topics: Vec<TopicName>,
    subscribed: Option<SubscribedPattern>,
    /// `client.rack`
    rack: Option<Rc<str>>,
    request_timeout: Duration,
    retry_backoff: (u64, u64),
    network: NetworkClient<Call>,
    coordinator: Option<Node>,
    finding: bool,
    find_attempts: u32,
    find_again_at: Time,
    state: MemberState,
    generation: i32,
    member_id: Rc<str>,
    /// The group's assignor, as its coordinator named it.
    protocol: Option<Rc<str>>,
    rejoin: bool,
    reason: Rc<str>,
    preparation: Preparation,
    /// A JoinGroup or SyncGroup is under way.
    joining: bool,
    join_again_at: Time,
    /// The leader's members, while it waits for metadata of their topics.
    to_assign: Option<ToAssign>,
    /// Of the leader: what it assigned by, `None` for a topic that it knew nothing of (CC44).
    assigned_by: Option<BTreeMap<TopicName, Option<i32>>>,
    /// What assignors remember of what this member was given; it stays said even when that is lost (CA8).
    memories: BTreeMap<Assignor, Bytes>,
    seen_metadata: u64,
    listener: Listener,
    heartbeat: Heartbeat,
    next_auto_commit: Time,
    asked: AskedCommits,
    asked_committed: Option<AskedCommitted>,
    /// Committed positions are being asked for.
    fetching_offsets: bool,
    fetch_offsets_attempts: u32,
    fetch_offsets_again_at: Time,
    news: VecDeque<GroupNews>,
    /// `poll` has thrown what no second call mends.
    failed: bool,
    stale_claims: StaleClaims,
    fetch_before_join: FetchBeforeJoin,
    coordinator_lookup: CoordinatorLookup,
    join_commit: JoinCommit,
    closed: bool,
    /// Its group was told that it goes.
    said_farewell: bool,
    /// Answers that a closed member still waits for.
    farewells: u32,
}

/// What the leader of a group has to give out.
#[derive(Debug)]
struct ToAssign {
    members: Vec<JoinGroupResponseMember>,
    /// The assignment that there is stays (KIP-814).
    skip: bool,
    /// It subscribes to a pattern, and metadata newer than these are waited for.
    awaited: Option<u64>,
}

/// The heartbeat thread's memory.
#[derive(Debug, Default)]
struct Heartbeat {
    enabled: bool,
    in_flight: bool,
    /// The last one left; one that failed waits for the back-off only.
    sent: Time,
    again_at: Option<Time>,
    /// Failures since the last sign of life.
    attempts: u32,
    /// Last answer that counts as a sign of life.
    heard: Time,
    /// The application was last in `poll`.
    polled: Time,
    /// It has left since that was too long ago, and not joined again: whose what it had is for its group.
    silenced: OwnerThen,
}

impl ConsumerCoordinator {
    /// `owner` is a number of its own on this node.
    pub fn new(
        owner: u8,
        client_id: &str,
        hosts: &Hosts,
        config: &ConsumerConfig,
        membership: GroupMembership,
        topics: Vec<TopicName>,
    ) -> Self {
        let common = &config.common;
        ConsumerCoordinator {
            network: NetworkClient::new(
                NetworkOwner::Client(owner),
                Rc::from(client_id),
                hosts.clone(),
                common.network,
            ),
            request_timeout: common.request_timeout(),
            retry_backoff: (common.retry_backoff_ms, common.retry_backoff_max_ms),
            rebalance_protocol: RebalanceProtocol::of(&membership.assignors),
            memories: first_memories(&membership.assignors),
            membership,
            by_hand: None,
            topics,
            subscribed: None,
            rack: (!config.client_rack.is_empty()).then(|| config.client_rack.as_str().into()),
            coordinator: None,
            finding: false,
            find_attempts: 0,
            find_again_at: Time::ZERO,
            state: MemberState::Unjoined,
            generation: -1,
            member_id: UNKNOWN_MEMBER_ID.into(),
            protocol: None,
            rejoin: true,
            reason: "".into(),
            preparation: Preparation::NotBegun,
            joining: false,
            join_again_at: Time::ZERO,
            to_assign: None,
            assigned_by: None,
            seen_metadata: 0,
            listener: Listener::default(),
            heartbeat: Heartbeat::default(),
            next_auto_commit: Time::ZERO,
            asked: AskedCommits::new(config.default_api_timeout()),
            asked_committed: None,
            fetching_offsets: false,
            fetch_offsets_attempts: 0,
            fetch_offsets_again_at: Time::ZERO,
            news: VecDeque::new(),
            failed: false,
            stale_claims: config.rules.stale_claims,
            fetch_before_join: config.rules.fetch_before_join,
            coordinator_lookup: config.rules.coordinator_lookup,
            join_commit: config.rules.join_commit,
            closed: false,
            said_farewell: false,
            farewells: 0,
        }
    }

    pub fn next_news(&mut self) -> Option<GroupNews> {
        self.news.pop_front()
    }

    /// Takes an event of the connection to the coordinator; gives back one that is not.
    pub fn on_event<T: Clone + std::fmt::Debug>(
        &mut self,
        event: Event,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
        subscriptions: &mut SubscriptionState,
    ) -> Result<(), Event> {
        let completed: Vec<Completed<Call>> = match event {
            Event::Connected(conn) if self.network.owns(conn) => {
                self.network.on_connected(ctx, conn);
                Vec::new()
            }
            Event::Message {
                conn,
                message: Message::Response(response),
            } if self.network.owns(conn) => {
                let ended = self.network.on_response(ctx, conn, response);
                ended.into_iter().collect()
            }
            Event::Closed { conn, reason } if self.network.owns(conn) => {
                self.network.on_closed(ctx, conn, reason)
            }
            Event::Timer(Timer::Network {
                owner,
                conn_or_node,
                what,
            }) if owner == self.network.owner() => self.network.on_timer(ctx, conn_or_node, what),
            other => return Err(other),
        };
        for ended in completed {
            self.on_completed(ctx, client, subscriptions, ended);
        }
        while let Some((node, _)) = self.network.take_lost() {
            if self.coordinator.is_some_and(|it| it.id == node.id) {
                self.coordinator_lost();
            }
        }
        Ok(())
    }

    /// The application's thread, while it is in `poll`; answers when to look again. What it asks it does not wait for:
    /// a join goes on over several polls, and only who is through with it commits (CC2).
    pub fn poll<T: Clone + std::fmt::Debug>(
        &mut self,
        ctx: &mut Ctx<'_>,
        client: &mut ClusterClient<T>,
        subscriptions: &mut SubscriptionState,
    ) -> Time {
        let now = ctx.wall();
        if !self.holds_poll() {
            self.heartbeat.polled = now;
        }
        if self.closed || self.failed {
            return Time::MAX;
        }
        if self.by_hand.is_some() {
            return self.poll_by_hand(ctx, subscriptions);
        }
        self.notice_topics(client);
        self.notice_metadata(client);
        let mut wake = Time::MAX;
        if self.coordinator.is_none() {
            return wake;
        }
        self.go_on_after_exception(ctx, subscriptions);
        if self.rejoin && self.waits_for_metadata(now, client) {
            return wake;
        }
        if self.rejoin {
            wake = wake.min(self.prepare_join(ctx, client, subscriptions));
            if self.throws_of_listener() {
                return wake;
            }
            if self.preparation == Preparation::Done && !self.joining {
                if now < self.join_again_at {
                    wake = wake.min(self.join_again_at);
                } else {
                    self.send_join(ctx, subscriptions);
                }
            }
        }
        self.assign_if_known(ctx, client);
        if !self.is_active() {
            return wake;
        }
        wake = wake.min(self.ask_for_offsets(ctx, subscriptions));
        wake.min(self.commit_if_due(ctx, subscriptions))
    }

    /// CC52: what the library commits by itself; answers when to look again.
    fn commit_if_due(&mut self, ctx: &mut Ctx<'_>, subscriptions: &SubscriptionState) -> Time {
        if !self.membership.auto_commit {
            return Time::MAX;
        }
        let now = ctx.wall();
        if now >= self.next_auto_commit {
            self.next_auto_commit = now + self.membership.auto_commit_interval;
            self.commit(ctx, subscriptions, CommitPurpose::Auto);
        }
        // With an interval of 0 it is time at each turn of the loop, and nothing is waited for. Here a turn takes
        // a millisecond, the least that Kafka's clock counts, unless something happens before.
        match self.next_auto_commit > now {
            true => self.next_auto_commit,
            false => now + Duration::from_millis(1),
        }
    }

    /// CC4: who is about to join, or joins, finds no positions.
    pub fn is_active(&self) -> bool {
        self.by_hand.is_some() || (self.state == MemberState::Stable && !self.rejoin)
    }

    /// The end of `find_coordinator`'s question.
    pub fn on_coordinator_found(&mut self, ctx: &mut Ctx<'_>, found: Result<Node, ErrorCode>) {
        self.finding = false;
        self.look_up_is_over();
        match found {
            Ok(broker) => {
                let node = broker.as_coordinator();
                self.find_attempts = 0;
                self.coordinator = Some(node);
                self.heartbeat.heard = ctx.wall();
                self.network.ready(ctx, node);
            }
            Err(error) if error.is_retriable() => {
                self.give_up_asked_commits(ctx);
                let (initial, max) = self.retry_backoff;
                let pause = match self.waits_for_coordinator() {
                    true => exponential(ctx, initial, max, self.find_attempts),
                    false => Duration::ZERO,
                };
                self.find_again_at = ctx.wall() + pause;
                self.find_attempts = self.find_attempts.saturating_add(1);
            }
            Err(error) => self.news.push_back(GroupNews::Exception(error.exception())),
        }
    }

    /// CC56: the last commit and the farewell. What they come to nobody hears.
    pub fn close(&mut self, ctx: &mut Ctx<'_>, subscriptions: &mut SubscriptionState, until: Time) {
        if self.closed {
            return;
        }
        if self.by_hand.is_some() {
            return self.close_by_hand(ctx, subscriptions, until);
        }
        if self.membership.auto_commit && self.state == MemberState::Stable && !self.failed {
            let sent = self.commit(ctx, subscriptions, CommitPurpose::Auto);
            self.farewells += u32::from(sent);
        }
        let owned = subscriptions.partitions();
        if !owned.is_empty() {
            let rebalances = matches!(
                self.state,
                MemberState::PreparingRebalance | MemberState::CompletingRebalance
            );
            let in_rebalance = rebalances && !self.has_no_generation();
            self.call_listener(match self.has_no_generation() || rebalances {
                false => GroupNews::Revoked(owned),
                true => GroupNews::Lost {
                    partitions: owned,
                    in_rebalance,
                    owner_then: self.heartbeat.silenced,
                },
            });
        }
        // Who throws here says no farewell: its group misses it for its session's time-out.
        if !self.throws_of_listener() {
            self.said_farewell = self.leave(ctx, "the consumer is being closed");
            self.farewells += u32::from(self.said_farewell);
        }
        self.closed = true;
    }

    /// Closed, and its group was told nothing: to the group it is a member until its session ends.
    pub fn is_gone_in_silence(&self) -> bool {
        self.closed && !self.said_farewell
    }

    /// Closed, and nothing of it is on its way any more.
    pub fn is_gone(&self) -> bool {
        self.closed && self.farewells == 0
    }

    // ---- the coordinator

    /// CC37: what it is still asked will not be answered.
    fn coordinator_unknown(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(old) = self.coordinator {
            self.network.disconnect(ctx, old);
        }
        self.coordinator_lost();
    }

    /// Its connection is gone already.
    fn coordinator_lost(&mut self) {
        self.coordinator = None;
        self.heartbeat.in_flight = false;
    }

    fn ask(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: impl Into<Request>,
        timeout: Duration,
        call: Call,
    ) {
        let Some(coordinator) = self.coordinator else {
            return;
        };
        self.network
            .send(ctx, coordinator, request.into(), timeout, call);
    }

    // ---- leaving

    /// CC43.
    fn leave_for_silence(&mut self, ctx: &mut Ctx<'_>, subscriptions: &mut SubscriptionState) {
        let says_so = self.leave(ctx, "consumer poll timeout has expired.");
        let owner_then = match says_so {
            true => OwnerThen::Nobody,
            false if self.membership.group_instance_id.is_some() => OwnerThen::Itself,
            false => OwnerThen::ItselfInSilence,
        };
        self.heartbeat.silenced = owner_then;
        self.news.push_back(GroupNews::PollTimeoutExpired {
            interval: self.membership.max_poll_interval,
            owner_then,
        });
        self.reset_generation(true);
        self.request_rejoin("");
        self.heartbeat.enabled = false;
        subscriptions.suspend();
    }

    /// Static members do not say that they go (KIP-345).
    fn leave(&mut self, ctx: &mut Ctx<'_>, reason: &str) -> bool {
        let is_member =
            *self.member_id != *UNKNOWN_MEMBER_ID && self.state != MemberState::Unjoined;
        if self.membership.group_instance_id.is_some() || !is_member || self.coordinator.is_none() {
            return false;
        }
        let request = LeaveGroupRequest {
            group_id: Rc::clone(&self.membership.group_id),
            members: vec![MemberIdentity {
                member_id: Rc::clone(&self.member_id),
                group_instance_id: None,
                reason: Some(reason.into()),
            }],
        };
        self.ask(ctx, request, self.request_timeout, Call::Leave);
        true
    }

    fn has_no_generation(&self) -> bool {
        self.generation < 0 || *self.member_id == *UNKNOWN_MEMBER_ID
    }

    fn reset_generation(&mut self, member_too: bool) {
        self.generation = -1;
        self.protocol = None;
        self.state = MemberState::Unjoined;
        if member_too {
            self.member_id = UNKNOWN_MEMBER_ID.into();
        }
    }
}

/// What members say of themselves that assignors have not given anything yet.
fn first_memories(assignors: &[&str]) -> BTreeMap<Assignor, Bytes> {
    let known = assignors.iter().filter_map(|it| Assignor::by_name(it));
    let memory = |it: Assignor| Some((it, it.first_memory()?));
    known.filter_map(memory).collect()
}
