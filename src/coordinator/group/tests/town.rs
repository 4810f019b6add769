//! A coordinator on a node of its own: requests go in by hand, and its batches are committed at once, unless a
//! test keeps them to say what becomes of them.

use crate::coordinator::group::{Append, Caller, GroupConfig, GroupCoordinator, GroupMetadata};
use crate::kernel::{self, Actor, Config, ConnId, Duration, Fault, Kernel, NodeId, NodeOptions};
use crate::log::batch::{Record, Records};
use crate::protocol::config::BrokerConfig;
use crate::protocol::{
    BrokerTimer, Cluster, CommittedOffset, Ctx, ErrorCode, Event, Fact, GroupFact, GroupProtocol,
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, MemberIdentity,
    OffsetCommitRequest, OffsetFetchPartition, OffsetFetchRequest, Pending, Response, Subscription,
    SyncGroupRequest, SyncGroupResponse, Timer, TopicPartition, partition_for,
};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

type Todo = Box<dyn FnOnce(&mut GroupCoordinator, &mut Ctx<'_>)>;

/// The node's actor.
struct Desk {
    config: GroupConfig,
    coordinator: GroupCoordinator,
    todo: VecDeque<Todo>,
    answers: BTreeMap<i32, Response>,
    appends: VecDeque<Append>,
    facts: Vec<GroupFact>,
}

impl Actor<Cluster> for Desk {
    fn rebooted(&self) -> Self {
        Desk::new(self.config.clone())
    }

    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            kernel::Event::Started => self.coordinator.start(ctx),
            kernel::Event::Timer(Timer::Command(_)) => {
                for todo in std::mem::take(&mut self.todo) {
                    todo(&mut self.coordinator, ctx);
                }
            }
            kernel::Event::Timer(Timer::Broker(BrokerTimer::Group(timer))) => {
                self.coordinator.on_timer(ctx, timer);
            }
            other => panic!("not expected: {other:?}"),
        }
        let answers = self.coordinator.take_answers().into_iter();
        self.answers
            .extend(answers.map(|(to, response)| (to.correlation_id, response)));
        self.appends.extend(self.coordinator.take_appends());
        for fact in self.coordinator.take_facts() {
            match fact {
                Fact::Group(fact) => self.facts.push(fact),
                other => panic!("not about a group: {other:?}"),
            }
        }
    }
}

impl Desk {
    fn new(config: GroupConfig) -> Desk {
        Desk {
            coordinator: GroupCoordinator::new(config.clone()),
            config,
            todo: VecDeque::new(),
            answers: BTreeMap::new(),
            appends: VecDeque::new(),
            facts: Vec::new(),
        }
    }
}

/// A batch in `__consumer_offsets`.
pub(super) struct Stored {
    pub(super) partition: i32,
    pub(super) base_offset: i64,
    pub(super) records: Vec<Record>,
}

pub(super) struct Town {
    kernel: Kernel<Cluster, Desk>,
    node: NodeId,
    asked: i32,
    /// Batches wait until the test commits them or has them fail.
    pub(super) keeps_appends: bool,
    pub(super) log: Vec<Stored>,
}

impl Town {
    /// It has started, and the partition of group `g` is here.
    pub(super) fn new() -> Town {
        Town::with(|_| {})
    }

    pub(super) fn with(set: impl FnOnce(&mut GroupConfig)) -> Town {
        let mut town = Town::down(set);
        town.start();
        town.elect(partition_for("g", 50), 1);
        town.read_all();
        town
    }

    /// It has not started.
    pub(super) fn down(set: impl FnOnce(&mut GroupConfig)) -> Town {
        let mut config = GroupConfig::of(&BrokerConfig::default());
        set(&mut config);
        let mut kernel = Kernel::new(Config::default(), 1);
        let desk = Desk::new(config);
        let node = kernel.add_node("broker-1", NodeOptions::default(), desk);
        Town {
            kernel,
            node,
            asked: 0,
            keeps_appends: false,
            log: Vec::new(),
        }
    }

    pub(super) fn start(&mut self) {
        self.kernel.apply(Fault::Start(self.node));
        self.run_ms(0);
    }

    // ---- time

    pub(super) fn run_ms(&mut self, ms: u64) {
        let end = self.kernel.now() + Duration::from_millis(ms);
        while self.kernel.next_time().is_some_and(|next| next <= end) {
            self.kernel.step().expect("a test has an end");
            if !self.keeps_appends {
                self.commit_all();
            }
        }
        self.kernel.advance_to(end);
    }

    /// The node's wall clock.
    pub(super) fn wall_ms(&self) -> i64 {
        let since = self.kernel.now().since(kernel::Time::ZERO);
        Config::default().calendar_start_ms + since.as_millis() as i64
    }

    /// Does something as the node.
    pub(super) fn act(&mut self, act: impl FnOnce(&mut GroupCoordinator, &mut Ctx<'_>) + 'static) {
        self.desk().todo.push_back(Box::new(act));
        self.kernel.poke(self.node, Timer::Command(0));
        self.run_ms(0);
    }

    fn desk(&mut self) -> &mut Desk {
        self.kernel.actor_mut(self.node)
    }

    // ---- the log

    pub(super) fn waiting_appends(&mut self) -> usize {
        self.desk().appends.len()
    }

    pub(super) fn first_append(&mut self) -> Records {
        let first = self.desk().appends.front().expect("a batch waits");
        first.records.clone()
    }

    fn commit_all(&mut self) {
        while self.waiting_appends() > 0 {
            self.commit();
        }
    }

    /// The first batch that waits is committed.
    pub(super) fn commit(&mut self) {
        self.end_append(true, None);
    }

    /// It is not: nothing of it is in the log.
    pub(super) fn fail(&mut self, error: ErrorCode) {
        self.end_append(false, Some(error));
    }

    /// It is in the log, and nobody knows whether for good.
    pub(super) fn fail_but_keep(&mut self, error: ErrorCode) {
        self.end_append(true, Some(error));
    }

    fn end_append(&mut self, stored: bool, error: Option<ErrorCode>) {
        let append = self.desk().appends.pop_front().expect("a batch waits");
        let base_offset = self.log.last().map_or(0, |last| {
            last.base_offset + i64::try_from(last.records.len()).expect("a small log")
        });
        if stored {
            let records = append.records.records().map(|it| it.expect("whole"));
            let records = records.collect();
            self.log.push(Stored {
                partition: append.partition,
                base_offset,
                records,
            });
        }
        if let Some(token) = append.token {
            let result = error.map_or(Ok(base_offset), Err);
            self.act(move |it, ctx| it.on_appended(ctx, token, result));
        }
    }

    pub(super) fn elect(&mut self, partition: i32, epoch: i32) {
        self.act(move |it, _| it.on_election(partition, epoch));
    }

    pub(super) fn resign(&mut self, partition: i32, epoch: Option<i32>) {
        self.act(move |it, _| it.on_resignation(partition, epoch));
    }

    /// The thread that reads logs does what there is to do.
    pub(super) fn read_all(&mut self) {
        while self.read() {}
    }

    /// It has come to the next partition, and read nothing.
    pub(super) fn begin_reading(&mut self) {
        self.act(|it, ctx| {
            it.next_to_load(ctx).expect("a partition to read");
        });
    }

    /// It reads the next batch, or finds that there is none; false if it has nothing to do.
    pub(super) fn read(&mut self) -> bool {
        let log: Vec<(i32, i64, Vec<Record>)> = self
            .log
            .iter()
            .map(|it| (it.partition, it.base_offset, it.records.clone()))
            .collect();
        self.act(move |it, ctx| {
            let Some((partition, from)) = it.next_to_load(ctx) else {
                return;
            };
            let next = log
                .iter()
                .find(|(of, base, _)| *of == partition && *base >= from);
            match next {
                Some((_, base, records)) => {
                    let end = base + records.len() as i64;
                    let records = records.iter().map(|record| (*base, record));
                    it.take_loaded(partition, records, end);
                }
                None => it.on_loaded(ctx, partition),
            }
        });
        self.desk().coordinator.has_log_tasks()
    }

    // ---- requests

    pub(super) fn ask(
        &mut self,
        ask: impl FnOnce(&mut GroupCoordinator, &mut Ctx<'_>, Pending) + 'static,
    ) -> i32 {
        self.asked += 1;
        let to = Pending {
            conn: ConnId(1),
            correlation_id: self.asked,
        };
        self.act(move |it, ctx| ask(it, ctx, to));
        self.asked
    }

    /// The answer, if there is one by now.
    pub(super) fn answer(&mut self, asked: i32) -> Option<Response> {
        self.desk().answers.remove(&asked)
    }

    pub(super) fn join(&mut self, request: JoinGroupRequest) -> i32 {
        self.join_from("c", "/10.0.0.7", request)
    }

    pub(super) fn join_from(
        &mut self,
        client: &'static str,
        host: &'static str,
        request: JoinGroupRequest,
    ) -> i32 {
        self.ask(move |it, ctx, to| {
            let caller = Caller {
                to,
                client_id: client,
                client_host: host,
            };
            it.handle_join_group(ctx, caller, &request);
        })
    }

    pub(super) fn joined(&mut self, asked: i32) -> Option<JoinGroupResponse> {
        self.answer(asked).map(|response| match response {
            Response::JoinGroup(response) => *response,
            other => panic!("{other:?}"),
        })
    }

    /// What a JoinGroup is answered at once.
    pub(super) fn join_error(&mut self, request: JoinGroupRequest) -> ErrorCode {
        let asked = self.join(request);
        self.joined(asked).expect("an answer").error
    }

    pub(super) fn sync(
        &mut self,
        member: &str,
        generation: i32,
        assignments: &[(&Rc<str>, &'static str)],
    ) -> i32 {
        let assignments = assignments.iter();
        let request = SyncGroupRequest {
            assignments: assignments
                .map(|(member, given)| (Rc::clone(member), Bytes::from_static(given.as_bytes())))
                .collect(),
            ..syncing(member, generation)
        };
        self.ask(move |it, ctx, to| it.handle_sync_group(ctx, to, &request))
    }

    pub(super) fn synced(&mut self, asked: i32) -> Option<SyncGroupResponse> {
        self.answer(asked).map(|response| match response {
            Response::SyncGroup(response) => *response,
            other => panic!("{other:?}"),
        })
    }

    pub(super) fn heartbeat(&mut self, member: &str, generation: i32) -> ErrorCode {
        self.heartbeat_as(member, None, generation)
    }

    pub(super) fn heartbeat_as(
        &mut self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: "g".into(),
            generation_id: generation,
            member_id: member.into(),
            group_instance_id: instance.map(Rc::from),
        };
        let asked = self.ask(move |it, ctx, to| it.handle_heartbeat(ctx, to, &request));
        match self.answer(asked) {
            Some(Response::Heartbeat(response)) => response.error,
            other => panic!("{other:?}"),
        }
    }

    /// Errors: of the whole, or of each member.
    pub(super) fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<ErrorCode> {
        let identity = |(member, instance): &(&str, Option<&str>)| MemberIdentity {
            member_id: (*member).into(),
            group_instance_id: instance.map(Rc::from),
            reason: None,
        };
        let request = LeaveGroupRequest {
            group_id: "g".into(),
            members: members.iter().map(identity).collect(),
        };
        let asked = self.ask(move |it, ctx, to| it.handle_leave_group(ctx, to, &request));
        match self.answer(asked) {
            Some(Response::LeaveGroup(response)) if response.error.is_none() => {
                let members = response.members.iter();
                members.map(|(_, _, error)| *error).collect()
            }
            Some(Response::LeaveGroup(response)) => vec![response.error],
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn commit_offset(&mut self, member: &str, generation: i32, offset: i64) -> i32 {
        let request = committing(member, generation, &[("t", 0, offset)]);
        self.commit_offsets(request)
    }

    pub(super) fn commit_offsets(&mut self, request: OffsetCommitRequest) -> i32 {
        self.ask(move |it, ctx, to| it.handle_offset_commit(ctx, to, &request, Vec::new()))
    }

    pub(super) fn stored(&mut self, asked: i32) -> Option<Vec<ErrorCode>> {
        self.answer(asked).map(|response| match response {
            Response::OffsetCommit(response) => {
                let partitions = response.partitions.iter();
                partitions.map(|(_, error)| *error).collect()
            }
            other => panic!("{other:?}"),
        })
    }

    /// Error and offset of t-0.
    pub(super) fn fetch_offset(&mut self, require_stable: bool) -> (ErrorCode, i64) {
        let partitions = Some(vec![TopicPartition::new("t", 0)]);
        let found = self.fetch_offsets(partitions, require_stable);
        let found = found.expect("a group that is here");
        (found[0].error, found[0].committed.offset)
    }

    pub(super) fn fetch_offsets(
        &mut self,
        partitions: Option<Vec<TopicPartition>>,
        require_stable: bool,
    ) -> Result<Vec<OffsetFetchPartition>, ErrorCode> {
        let request = OffsetFetchRequest {
            group_id: "g".into(),
            partitions,
            require_stable,
        };
        let asked = self.ask(move |it, _, to| it.handle_offset_fetch(to, &request));
        match self.answer(asked) {
            Some(Response::OffsetFetch(response)) if response.error.is_none() => {
                Ok(response.partitions)
            }
            Some(Response::OffsetFetch(response)) => Err(response.error),
            other => panic!("{other:?}"),
        }
    }

    // ---- groups that have come some way

    /// An id that was given out.
    pub(super) fn given_id(&mut self, client: &'static str) -> Rc<str> {
        let asked = self.join_from(client, "/10.0.0.7", joining(""));
        let response = self.joined(asked).expect("an answer");
        assert_eq!(response.error, ErrorCode::MemberIdRequired);
        response.member_id
    }

    /// A dynamic member that waits in JoinGroup.
    pub(super) fn enter(&mut self, client: &'static str) -> (Rc<str>, i32) {
        let id = self.given_id(client);
        let asked = self.join_from(client, "/10.0.0.7", joining(&id));
        (id, asked)
    }

    /// Members of generation 1 that have joined and not synced. The first one leads.
    pub(super) fn completing(&mut self, clients: &[&'static str]) -> Vec<Rc<str>> {
        let entered: Vec<(Rc<str>, i32)> = clients.iter().map(|it| self.enter(it)).collect();
        self.run_ms(if clients.len() > 1 { 6_000 } else { 3_000 });
        for (id, asked) in &entered {
            let response = self.joined(*asked).expect("the first wait is over");
            assert_eq!(response.error, ErrorCode::None);
            assert_eq!(response.generation_id, 1);
            assert_eq!(response.leader, entered[0].0, "{id}");
        }
        entered.into_iter().map(|(id, _)| id).collect()
    }

    /// Members of generation 1, each given `what it reads`.
    pub(super) fn stable(&mut self, clients: &[&'static str]) -> Vec<Rc<str>> {
        let members = self.completing(clients);
        self.settle(&members, 1);
        members
    }

    /// The first leads and gives each `what it reads`.
    pub(super) fn settle(&mut self, members: &[Rc<str>], generation: i32) {
        let given: Vec<(&Rc<str>, &'static str)> =
            members.iter().map(|id| (id, "what it reads")).collect();
        let asked = self.sync(&members[0], generation, &given);
        let mut all = vec![asked];
        all.extend(members[1..].iter().map(|id| self.sync(id, generation, &[])));
        for asked in all {
            let response = self.synced(asked).expect("an assignment");
            assert_eq!(response.error, ErrorCode::None);
            assert_eq!(&response.assignment[..], b"what it reads");
        }
        assert_eq!(self.state(), "Stable");
    }

    // ---- looking

    /// What there is of group `g`; `None`: nothing.
    pub(super) fn group(&self) -> Option<&GroupMetadata> {
        let desk = self.kernel.actor(self.node);
        desk.coordinator.groups().find(|it| &*it.group_id == "g")
    }

    pub(super) fn state(&self) -> &'static str {
        self.group().map_or("none", |it| it.state().name())
    }

    pub(super) fn generation(&self) -> i32 {
        self.group().map_or(-1, |it| it.generation_id)
    }

    pub(super) fn members(&self) -> Vec<Rc<str>> {
        self.group().map_or_else(Vec::new, |it| it.member_ids())
    }

    pub(super) fn take_facts(&mut self) -> Vec<GroupFact> {
        std::mem::take(&mut self.desk().facts)
    }
}

/// A dynamic member's JoinGroup for topic t.
pub(super) fn joining(member: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: member.into(),
        group_instance_id: None,
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range", &["t"])],
        reason: "".into(),
    }
}

/// A static member's.
pub(super) fn joining_as(instance: &str, member: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_instance_id: Some(instance.into()),
        ..joining(member)
    }
}

pub(super) fn protocol(name: &str, topics: &[&str]) -> GroupProtocol {
    let subscription = Subscription {
        topics: topics.iter().map(|it| (*it).into()).collect(),
        generation_id: -1,
        ..Subscription::default()
    };
    GroupProtocol {
        name: name.into(),
        metadata: subscription.to_bytes(),
    }
}

pub(super) fn syncing(member: &str, generation: i32) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: "g".into(),
        generation_id: generation,
        member_id: member.into(),
        group_instance_id: None,
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: Vec::new(),
    }
}

/// Partitions by topic, number and offset.
pub(super) fn committing(
    member: &str,
    generation: i32,
    partitions: &[(&str, i32, i64)],
) -> OffsetCommitRequest {
    let of_one = |(topic, partition, offset): &(&str, i32, i64)| {
        let committed = CommittedOffset {
            offset: *offset,
            leader_epoch: -1,
            metadata: "".into(),
        };
        (TopicPartition::new(*topic, *partition), committed)
    };
    OffsetCommitRequest {
        group_id: "g".into(),
        generation_id: generation,
        member_id: member.into(),
        group_instance_id: None,
        partitions: partitions.iter().map(of_one).collect(),
    }
}
