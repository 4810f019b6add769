//! One broker between two peers, each of which plays a controller, a follower and a client at once.

use kafka_trial::broker::{
    Broker, BrokerOutput, BrokerSetup, ConfigAnswer, ConfigQuestion, LeadershipChanges,
    LoadProgress, ReplicaView,
};
use kafka_trial::kernel::{
    Actor, Coming, Config, ConnId, Duration, Event, Fault, Incoming, Kernel, Lane, NodeId,
    NodeOptions, Time,
};
use kafka_trial::protocol::config::{BrokerConfig, Properties};
use kafka_trial::protocol::{
    AllocateProducerIdsRequest, AlterPartitionRequest, AlterPartitionResponse, ApiVersionsResponse,
    BrokerEndpoint, BrokerId, Cluster, Ctx, ErrorCode, FETCH_BY_TOPIC_ID, Fact, FetchMetadata,
    FetchPartition, FetchRequest, Hosts, KNOWN_VERSIONS, KafkaRequest, KafkaResponse,
    LeaderAndIsrPartitionState, LeaderAndIsrRequest, LeaderAndIsrResponse, LeaderRecoveryState,
    Message, RegisteredBroker, Request, Response, StopReplicaPartitionState, StopReplicaRequest,
    StopReplicaResponse, Timer, TopicId, TopicPartition, UpdateMetadataPartitionState,
    UpdateMetadataRequest, UpdateMetadataResponse,
};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

const BROKER: NodeId = NodeId(1);
/// Host `controller`, broker 9; also `broker-2` and `broker-3`.
pub const CONTROLLER: NodeId = NodeId(0);
/// Host `successor`, broker 8.
pub const SUCCESSOR: NodeId = NodeId(2);

/// czxid of the broker's registration.
pub const BROKER_EPOCH: i64 = 100;
pub const TOPIC_ID: TopicId = TopicId([7; 16]);

pub fn t0() -> TopicPartition {
    TopicPartition::new("t", 0)
}

enum Node {
    Broker(Box<Lone>),
    Peer(Box<Peer>),
}

/// A broker process without ZooKeeper and without a controller: reads find nothing.
struct Lone {
    setup: BrokerSetup,
    broker: Broker,
    changes: Vec<LeadershipChanges>,
}

/// Whoever else there is.
#[derive(Default)]
struct Peer {
    to_broker: Option<ConnId>,
    connected: bool,
    unsent: VecDeque<Request>,
    sent: i32,
    answers: VecDeque<Response>,
    /// What the broker asked, and when.
    asked: Vec<(Time, Request)>,
    /// How requests are answered, by their api key: in turn, the last one for good; others: not at all.
    answers_to: BTreeMap<i16, VecDeque<Response>>,
}

impl Lone {
    fn new(setup: BrokerSetup) -> Self {
        Lone {
            broker: Broker::new(setup.clone()),
            setup,
            changes: Vec::new(),
        }
    }

    fn on_event(&mut self, event: Event<Cluster>, ctx: &mut Ctx<'_>) {
        let broker = &mut self.broker;
        match event {
            Event::Started => {
                loop {
                    let progress = broker.load_logs(ctx, "cluster").expect("an empty disk");
                    if progress == LoadProgress::Done {
                        break;
                    }
                    answer_configurations(broker);
                }
                broker.set_broker_epoch(BROKER_EPOCH);
                broker.start_serving(ctx);
            }
            Event::Timer(Timer::Broker(timer)) => broker.on_timer(ctx, timer),
            Event::Timer(Timer::Network {
                owner,
                conn_or_node,
                what,
            }) => broker.on_network_timer(ctx, owner, conn_or_node, what),
            Event::Accepted { conn, from } => broker.on_accepted(ctx, conn, from),
            Event::Connected(conn) => broker.on_connected(ctx, conn),
            Event::Message {
                conn,
                message: Message::Request(request),
            } => broker.on_request(ctx, conn, request),
            Event::Message {
                conn,
                message: Message::Response(response),
            } => broker.on_response(ctx, conn, response),
            Event::Closed { conn, reason } if broker.owns(conn) => {
                broker.on_closed(ctx, conn, reason)
            }
            Event::Disk { token, result } => broker.on_disk(ctx, token, result),
            _ => {}
        }
        loop {
            if !answer_configurations(broker) {
                break;
            }
            broker.on_configuration_answered(ctx);
        }
        for output in broker.take_outputs() {
            match output {
                BrokerOutput::MetadataUpdated { .. } => {}
                BrokerOutput::LeadershipChanged(changes) => self.changes.push(changes),
                output => panic!("nobody asked for {output:?}"),
            }
        }
    }
}

impl Peer {
    fn on_event(&mut self, event: Event<Cluster>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Timer(Timer::Command(_)) => {
                if self.to_broker.is_none() {
                    self.to_broker = Some(ctx.connect(BROKER));
                }
                self.send(ctx);
            }
            Event::Connected(_) => {
                self.connected = true;
                self.send(ctx);
            }
            Event::Message {
                message: Message::Response(response),
                ..
            } => self.answers.push_back(response.body),
            Event::Message {
                conn,
                message: Message::Request(request),
            } => {
                let KafkaRequest {
                    correlation_id,
                    body,
                    ..
                } = request;
                if matches!(body, Request::ApiVersions(_)) {
                    let body = ApiVersionsResponse {
                        error: ErrorCode::None,
                        api_keys: KNOWN_VERSIONS,
                    };
                    let body = body.into();
                    let response = KafkaResponse {
                        correlation_id,
                        throttle_time_ms: 0,
                        body,
                    };
                    ctx.send(conn, Message::Response(response));
                    return;
                }
                self.asked.push((ctx.now(), body.clone()));
                let Some(answers) = self.answers_to.get_mut(&body.api_key()) else {
                    return;
                };
                let Some(body) = answers.pop_front() else {
                    return;
                };
                if answers.is_empty() {
                    answers.push_back(body.clone());
                }
                ctx.send(
                    conn,
                    Message::Response(KafkaResponse {
                        correlation_id,
                        throttle_time_ms: 0,
                        body,
                    }),
                );
            }
            _ => {}
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>) {
        while let (Some(conn), true) = (self.to_broker, self.connected) {
            let Some(body) = self.unsent.pop_front() else {
                return;
            };
            self.sent += 1;
            ctx.send(
                conn,
                Message::Request(KafkaRequest {
                    correlation_id: self.sent,
                    client_id: "peer".into(),
                    body,
                }),
            );
        }
    }
}

impl Actor<Cluster> for Node {
    fn rebooted(&self) -> Self {
        match self {
            Node::Broker(lone) => Node::Broker(Box::new(Lone::new(lone.setup.clone()))),
            Node::Peer(_) => Node::Peer(Box::default()),
        }
    }

    /// A broker has two request handlers, and one thread for all else.
    fn lane(&self, coming: &Coming<'_, Cluster>) -> Lane {
        match (self, coming.what()) {
            (
                Node::Broker(_),
                Incoming::Message {
                    message: Message::Request(_),
                    ..
                },
            ) => Lane::pool(1, 2),
            _ => Lane::MAIN,
        }
    }

    fn on_event(&mut self, event: Event<Cluster>, ctx: &mut Ctx<'_>) {
        match self {
            Node::Broker(lone) => lone.on_event(event, ctx),
            Node::Peer(peer) => peer.on_event(event, ctx),
        }
    }
}

pub struct World(Kernel<Cluster, Node>);

impl World {
    /// Broker 1 serves and knows nothing yet.
    pub fn new() -> Self {
        World::with(BrokerConfig::default())
    }

    pub fn with(config: BrokerConfig) -> Self {
        let mut kernel = Kernel::new(Config::default(), 1);
        let host = |name: &str, node| (name.to_owned(), node);
        let hosts = Hosts::new([
            host("broker-1", BROKER),
            host("broker-2", CONTROLLER),
            host("broker-3", CONTROLLER),
            host("controller", CONTROLLER),
            host("successor", SUCCESSOR),
        ]);
        let setup = BrokerSetup {
            id: 1,
            hosts,
            config: Rc::new(config),
        };
        for (name, node) in [
            ("controller", Node::Peer(Box::default())),
            ("broker-1", Node::Broker(Box::new(Lone::new(setup)))),
            ("successor", Node::Peer(Box::default())),
        ] {
            let id = kernel.add_node(name, NodeOptions::default(), node);
            kernel.apply(Fault::Start(id));
        }
        let mut world = World(kernel);
        world.pass(100);
        world
    }

    /// The same, with the metadata of a cluster whose controller is broker 9, leading t-0 in epoch 5 with
    /// the ISR 1 and 2 of 1, 2 and 3.
    pub fn leading() -> Self {
        let mut world = World::new();
        world.update_metadata(9, 1, BROKER_EPOCH);
        let (error, of_partitions) = world.leader_and_isr(1, BROKER_EPOCH, vec![state(1, 5, 0)]);
        assert_eq!(
            (error, of_partitions),
            (ErrorCode::None, vec![ErrorCode::None])
        );
        world
    }

    pub fn pass(&mut self, ms: u64) {
        let end = self.0.now() + Duration::from_millis(ms);
        while self.0.next_time().is_some_and(|at| at <= end) {
            self.0.step().expect("no guard is met");
        }
        self.0.advance_to(end);
    }

    pub fn replica(&self) -> ReplicaView<'_> {
        self.replica_of(&t0()).expect("t-0 has a log")
    }

    pub fn log_start(&self, partition: &TopicPartition) -> i64 {
        let replica = self.replica_of(partition);
        replica.expect("it has a log").log_start_offset
    }

    pub fn has_replica(&self) -> bool {
        self.replica_of(&t0()).is_some()
    }

    fn replica_of(&self, partition: &TopicPartition) -> Option<ReplicaView<'_>> {
        match self.0.actor(BROKER) {
            Node::Broker(lone) => lone.broker.replica(partition),
            Node::Peer(_) => panic!("node 1 is the broker"),
        }
    }

    /// What became of the broker's leaderships since the last call.
    pub fn leadership_changes(&mut self) -> Vec<LeadershipChanges> {
        match self.0.actor_mut(BROKER) {
            Node::Broker(lone) => std::mem::take(&mut lone.changes),
            Node::Peer(_) => panic!("node 1 is the broker"),
        }
    }

    pub fn facts(&mut self) -> Vec<Fact> {
        self.0.take_facts().map(|entry| entry.fact).collect()
    }

    fn peer(&mut self, node: NodeId) -> &mut Peer {
        match self.0.actor_mut(node) {
            Node::Peer(peer) => peer,
            Node::Broker(_) => panic!("the broker is no peer"),
        }
    }

    /// How `node` answers AlterPartition from now on: in turn, the last one for good.
    pub fn answers_alter_partition(&mut self, node: NodeId, answers: Vec<AlterPartitionResponse>) {
        self.answers(node, answers);
    }

    /// How `node` answers requests of this kind from now on: in turn, the last one for good.
    pub fn answers(&mut self, node: NodeId, answers: Vec<impl Into<Response>>) {
        let answers: VecDeque<Response> = answers.into_iter().map(Into::into).collect();
        let api_key = answers.front().expect("at least one answer").api_key();
        self.peer(node).answers_to.insert(api_key, answers);
    }

    /// The AlterPartition requests that reached `node` so far, and when.
    pub fn alter_partitions(&mut self, node: NodeId) -> Vec<(Time, AlterPartitionRequest)> {
        let asked = self.peer(node).asked.iter();
        let alter = asked.filter_map(|(at, request)| match request {
            Request::AlterPartition(request) => Some((*at, (**request).clone())),
            _ => None,
        });
        alter.collect()
    }

    /// The AllocateProducerIds requests that reached `node` so far.
    pub fn allocations(&mut self, node: NodeId) -> Vec<AllocateProducerIdsRequest> {
        let asked = self.peer(node).asked.iter();
        let allocate = asked.filter_map(|(_, request)| match request {
            Request::AllocateProducerIds(request) => Some((**request).clone()),
            _ => None,
        });
        allocate.collect()
    }

    /// The fetches that the broker has sent as a follower.
    pub fn fetches(&mut self) -> Vec<FetchRequest> {
        let asked = self.peer(CONTROLLER).asked.iter();
        let fetches = asked.filter_map(|(_, request)| match request {
            Request::Fetch(request) => Some((**request).clone()),
            _ => None,
        });
        fetches.collect()
    }

    /// Asks the broker, and waits up to a second for its answer.
    pub fn ask(&mut self, request: impl Into<Request>) -> Response {
        self.tell(request);
        for _ in 0..1_000 {
            self.pass(1);
            if let Some(answer) = self.peer(CONTROLLER).answers.pop_front() {
                return answer;
            }
        }
        panic!("no answer within a second");
    }

    fn tell(&mut self, request: impl Into<Request>) {
        self.tell_from(CONTROLLER, request);
    }

    pub fn tell_from(&mut self, peer: NodeId, request: impl Into<Request>) {
        self.peer(peer).unsent.push_back(request.into());
        self.0.poke(peer, Timer::Command(0));
    }

    /// The oldest answer that came to a peer.
    pub fn answer_to(&mut self, peer: NodeId) -> Option<Response> {
        self.peer(peer).answers.pop_front()
    }

    /// The broker's fsyncs hang, or return.
    pub fn hang_syncs(&mut self, on: bool) {
        self.0.apply(Fault::DiskSyncStuck { node: BROKER, on });
    }

    /// A LeaderAndIsr; its error and those of its partitions.
    pub fn leader_and_isr(
        &mut self,
        controller_epoch: i32,
        broker_epoch: i64,
        partition_states: Vec<LeaderAndIsrPartitionState>,
    ) -> (ErrorCode, Vec<ErrorCode>) {
        self.leader_and_isr_of(TOPIC_ID, controller_epoch, broker_epoch, partition_states)
    }

    pub fn leader_and_isr_of(
        &mut self,
        topic_id: TopicId,
        controller_epoch: i32,
        broker_epoch: i64,
        partition_states: Vec<LeaderAndIsrPartitionState>,
    ) -> (ErrorCode, Vec<ErrorCode>) {
        let answer = self.ask(LeaderAndIsrRequest {
            controller_id: 9,
            controller_epoch,
            broker_epoch,
            topic_ids: vec![("t".into(), topic_id)],
            partition_states,
            live_leaders: vec![],
        });
        let Response::LeaderAndIsr(answer) = answer else {
            panic!("{answer:?}");
        };
        let LeaderAndIsrResponse {
            error,
            partition_errors,
        } = *answer;
        let errors = partition_errors.into_iter().map(|(_, error)| error);
        (error, errors.collect())
    }

    /// A StopReplica of t-0; its error and that of t-0, if it came so far.
    pub fn stop_replica(
        &mut self,
        controller_epoch: i32,
        broker_epoch: i64,
        leader_epoch: i32,
        delete_partition: bool,
    ) -> (ErrorCode, Option<ErrorCode>) {
        let answer = self.ask(StopReplicaRequest {
            controller_id: 9,
            controller_epoch,
            broker_epoch,
            partition_states: vec![StopReplicaPartitionState {
                partition: t0(),
                leader_epoch,
                delete_partition,
            }],
        });
        let Response::StopReplica(answer) = answer else {
            panic!("{answer:?}");
        };
        let StopReplicaResponse {
            error,
            partition_errors,
        } = *answer;
        (error, partition_errors.first().map(|(_, error)| *error))
    }

    /// An UpdateMetadata: brokers 1, 2, 3 and both peers are alive.
    pub fn update_metadata(
        &mut self,
        controller_id: BrokerId,
        controller_epoch: i32,
        broker_epoch: i64,
    ) -> ErrorCode {
        let live = [
            endpoint(1, "broker-1"),
            endpoint(2, "broker-2"),
            endpoint(3, "broker-3"),
            endpoint(8, "successor"),
            endpoint(9, "controller"),
        ];
        self.update_metadata_with(controller_id, controller_epoch, broker_epoch, live.to_vec())
    }

    pub fn update_metadata_with(
        &mut self,
        controller_id: BrokerId,
        controller_epoch: i32,
        broker_epoch: i64,
        live_brokers: Vec<RegisteredBroker>,
    ) -> ErrorCode {
        let known = |number| UpdateMetadataPartitionState {
            partition: TopicPartition::new("t", number),
            controller_epoch,
            leader: 1,
            leader_epoch: 5,
            isr: vec![1, 2],
            zk_version: 0,
            replicas: vec![1, 2, 3],
            offline_replicas: vec![],
        };
        let answer = self.ask(UpdateMetadataRequest {
            controller_id,
            controller_epoch,
            broker_epoch,
            topic_ids: vec![("t".into(), TOPIC_ID)],
            partition_states: [0, 1, 2].map(known).to_vec(),
            live_brokers,
        });
        let Response::UpdateMetadata(answer) = answer else {
            panic!("{answer:?}");
        };
        let UpdateMetadataResponse { error } = *answer;
        error
    }

    /// Broker 3 fetches t-0 at its end: it has all there is.
    pub fn broker_3_catches_up(&mut self) {
        self.broker_3_catches_up_with(&t0());
    }

    pub fn broker_3_catches_up_with(&mut self, partition: &TopicPartition) {
        let replica = self.replica_of(partition).expect("it has a log");
        let (fetch_offset, current_leader_epoch) = (replica.log_end_offset, replica.leader_epoch);
        let answer = self.ask(FetchRequest {
            replica_id: 3,
            replica_epoch: -1,
            max_wait_ms: 0,
            min_bytes: 1,
            max_bytes: 1_048_576,
            isolation_level: 0,
            version: FETCH_BY_TOPIC_ID,
            session: FetchMetadata::LEGACY,
            partitions: vec![FetchPartition {
                partition: partition.clone(),
                topic_id: TOPIC_ID,
                current_leader_epoch,
                fetch_offset,
                last_fetched_epoch: -1,
                log_start_offset: 0,
                max_bytes: 1_048_576,
            }],
            forgotten: vec![],
            rack_id: None,
        });
        let Response::Fetch(answer) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(answer.responses[0].error, ErrorCode::None);
    }
}

pub fn endpoint(id: BrokerId, host: &str) -> RegisteredBroker {
    BrokerEndpoint {
        id,
        host: host.into(),
        port: 9092,
        rack: None,
    }
    .into()
}

/// A LeaderAndIsr's word on t-0: ISR 1 and 2 of 1, 2 and 3.
pub fn state(
    leader: BrokerId,
    leader_epoch: i32,
    partition_epoch: i32,
) -> LeaderAndIsrPartitionState {
    LeaderAndIsrPartitionState {
        partition: t0(),
        controller_epoch: 1,
        leader,
        leader_epoch,
        isr: vec![1, 2],
        partition_epoch,
        replicas: vec![1, 2, 3],
        adding_replicas: vec![],
        removing_replicas: vec![],
        is_new: false,
        leader_recovery_state: LeaderRecoveryState::Recovered,
    }
}

/// No topic was there before, and nothing is set for any. False if nothing was asked.
fn answer_configurations(broker: &Broker) -> bool {
    let asked = broker.configurations().drain();
    for (token, question) in &asked {
        let answer = match question {
            ConfigQuestion::Topics => ConfigAnswer::Topics(Vec::new()),
            ConfigQuestion::Overrides(_) => ConfigAnswer::Overrides(Properties::new()),
        };
        broker.configurations().answer(*token, Ok(answer));
    }
    !asked.is_empty()
}
