//! Brokers of cardboard: they answer clients from one shared picture of a topic `t`, and fail as told.
//! No replication: the logs of all brokers are one.

mod groups;
mod partition;
mod stored;

use groups::Groups;
use kafka_trial::client::{Bootstrap, Client};
use kafka_trial::kernel::{
    Actor, Config, Duration, Event, Fault, Kernel, NodeId, NodeOptions, NodeStatus, Time,
};
use kafka_trial::log::batch::{BatchBuilder, RecordBatch, Records};
use kafka_trial::protocol::{
    ApiVersionsResponse, BrokerEndpoint, BrokerId, Cluster, CreatableTopicResult,
    CreateTopicsResponse, Ctx, ElectLeadersResponse, ErrorCode, Fact, FetchPartitionResponse,
    FetchRequest, FetchResponse, Hosts, InitProducerIdResponse, KNOWN_VERSIONS, KafkaResponse,
    LeaderIdAndEpoch, ListOffsetsPartitionResponse, ListOffsetsResponse, Message, MetadataRequest,
    MetadataResponse, NO_LEADER, OffsetForLeaderEpochResponse, PartitionMetadata,
    PartitionProduceResponse, ProduceRequest, ProduceResponse, Request, Response, Timer, TopicId,
    TopicMetadata,
};
use partition::Partition;
use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;

/// How the next Produce request is answered.
pub enum Answer {
    /// Stored, and never answered.
    Silence,
    /// Neither stored nor answered: it never came.
    Lost,
    /// Not stored.
    Error(ErrorCode),
    /// Not stored, for these records of the batch.
    Records(ErrorCode, Vec<i32>),
    /// Stored by what its sequence numbers say.
    Usual,
}

/// What all brokers know.
#[derive(Default)]
pub struct World {
    partitions: Vec<Partition>,
    pub controller: BrokerId,
    pub answers: VecDeque<Answer>,
    pub list_offsets_errors: VecDeque<ErrorCode>,
    pub epoch_end_questions: u32,
    pub epoch_end_errors: VecDeque<ErrorCode>,
    pub mute_admin: bool,
    /// Errors carry the new leader (KIP-951).
    pub names_leaders: bool,
    /// Larger batches are refused, as by `max.message.bytes`.
    pub largest_batch: Option<u64>,
    /// Of each Produce request its partitions in order, with the bytes of each.
    pub requests: Vec<Vec<(i32, u64)>>,
    /// What each request was, in order: M for Metadata, I for InitProducerId, P for Produce.
    pub asked: String,
    /// The topics of each question about the cluster.
    pub asked_about: Vec<Vec<String>>,
    /// Whom a leader sends readers to that name a rack, and which offsets that one has.
    pub read_replica: Option<(BrokerId, std::ops::Range<i64>)>,
    offline: Option<BrokerId>,
    /// Answers about the cluster name no broker.
    pub names_nobody: bool,
    /// Leader and epoch that answers about the cluster name, from a broker that lags behind.
    pub lags_at: Option<(BrokerId, i32)>,
    /// Who was fetched from, in order.
    pub fetched_from: Vec<BrokerId>,
    /// How the next questions for a producer id are answered.
    pub producer_id_errors: VecDeque<ErrorCode>,
    /// Producer ids that were given out.
    producers: i64,
    brokers: Vec<BrokerId>,
    pub groups: Groups,
}

impl World {
    /// The topic `t` with these leaders of its partitions; broker 1 is the controller.
    pub fn with_partitions(leaders: &[BrokerId]) -> World {
        let partition = |leader: &BrokerId| Partition {
            leader: *leader,
            ..Partition::default()
        };
        World {
            partitions: leaders.iter().map(partition).collect(),
            controller: 1,
            ..World::default()
        }
    }

    pub fn add_partition(&mut self, leader: BrokerId) {
        self.partitions.push(Partition {
            leader,
            ..Partition::default()
        });
    }

    pub fn move_leader(&mut self, partition: usize, leader: BrokerId) {
        let partition = &mut self.partitions[partition];
        partition.leader = leader;
        partition.leader_epoch += 1;
    }

    pub fn append(&mut self, partition: usize, values: &[&str]) {
        for value in values {
            let mut builder = BatchBuilder::new();
            builder.append(0, None, Some(value.as_bytes()), &[]);
            self.append_batch(partition, &builder.build());
        }
    }

    fn append_batch(&mut self, partition: usize, batch: &RecordBatch) -> i64 {
        let partition = &mut self.partitions[partition];
        let offset = partition.end();
        partition
            .batches
            .push(batch.with_offset_and_epoch(offset, partition.leader_epoch));
        offset
    }

    /// Metadata say that this broker is down.
    pub fn partitions_are_offline_on(&mut self, broker: BrokerId) {
        self.offline = Some(broker);
    }

    /// Drops all records from `offset` on, as an unclean election may.
    pub fn lose_after(&mut self, partition: usize, offset: i64) {
        self.partitions[partition]
            .batches
            .retain(|batch| batch.next_offset() <= offset);
    }

    /// Flips a bit of the batch at `index`.
    pub fn damage(&mut self, partition: usize, index: usize) {
        let batch = &mut self.partitions[partition].batches[index];
        let mut bytes = batch.to_bytes().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes.swap(65, 66);
        *batch = RecordBatch::parse_unchecked(bytes.into()).unwrap();
    }

    fn endpoints(&self) -> Vec<BrokerEndpoint> {
        self.brokers
            .iter()
            .map(|id| BrokerEndpoint {
                id: *id,
                host: format!("broker-{id}").into(),
                port: 9092,
                rack: None,
            })
            .collect()
    }
}

type Shared = Rc<RefCell<World>>;

pub struct Broker {
    id: BrokerId,
    world: Shared,
}

pub enum Node {
    Broker(Broker),
    Client(Client),
}

impl Actor<Cluster> for Node {
    fn rebooted(&self) -> Self {
        match self {
            Node::Broker(broker) => Node::Broker(Broker {
                id: broker.id,
                world: Rc::clone(&broker.world),
            }),
            Node::Client(client) => Node::Client(client.rebooted()),
        }
    }

    fn on_event(&mut self, event: Event<Cluster>, ctx: &mut Ctx<'_>) {
        match self {
            Node::Client(client) => client.on_event(event, ctx),
            Node::Broker(broker) => {
                if let Event::Message {
                    conn,
                    message: Message::Request(request),
                } = event
                {
                    let answer = broker.answer(request.body);
                    if let Some(body) = answer {
                        ctx.send(
                            conn,
                            Message::Response(KafkaResponse {
                                correlation_id: request.correlation_id,
                                throttle_time_ms: 0,
                                body,
                            }),
                        );
                    }
                }
            }
        }
    }
}

impl Broker {
    fn answer(&self, request: Request) -> Option<Response> {
        let mut world = self.world.borrow_mut();
        world.groups.hear(self.id, &request);
        if world.groups.is_mute() {
            return None;
        }
        match request {
            Request::Metadata(_) => world.asked.push('M'),
            Request::Produce(_) => world.asked.push('P'),
            Request::InitProducerId(_) => world.asked.push('I'),
            _ => {}
        }
        match request {
            Request::ApiVersions(_) => {
                let error = ErrorCode::None;
                let api_keys = KNOWN_VERSIONS;
                Some(ApiVersionsResponse { error, api_keys }.into())
            }
            Request::Metadata(request) => {
                let topics = request.topics.iter().flatten().map(ToString::to_string);
                world.asked_about.push(topics.collect());
                Some(metadata(&world, &request).into())
            }
            Request::Produce(request) => self.produce(&mut world, *request),
            Request::InitProducerId(_) => {
                let error = world.producer_id_errors.pop_front();
                let error = error.unwrap_or(ErrorCode::None);
                world.producers += i64::from(error.is_none());
                let response = InitProducerIdResponse {
                    error,
                    producer_id: if error.is_none() { world.producers } else { -1 },
                    producer_epoch: if error.is_none() { 0 } else { -1 },
                };
                Some(response.into())
            }
            Request::Fetch(request) => {
                world.fetched_from.push(self.id);
                Some(self.fetch(&world, &request).into())
            }
            Request::ListOffsets(request) => {
                let error = world.list_offsets_errors.pop_front();
                let partitions = request.partitions.iter().map(|asked| {
                    let known = &world.partitions[asked.partition.partition as usize];
                    ListOffsetsPartitionResponse {
                        partition: asked.partition.clone(),
                        error: error.unwrap_or(self.check_leader(known)),
                        timestamp: -1,
                        offset: if asked.timestamp == -2 {
                            0
                        } else {
                            known.end()
                        },
                        leader_epoch: known.leader_epoch,
                    }
                });
                let partitions = partitions.collect();
                Some(ListOffsetsResponse { partitions }.into())
            }
            Request::OffsetForLeaderEpoch(request) => {
                world.epoch_end_questions += 1;
                let error = world.epoch_end_errors.pop_front();
                let partitions = request.partitions.iter().map(|asked| {
                    let known = &world.partitions[asked.partition.partition as usize];
                    let end = known.epoch_end(asked.leader_epoch);
                    let error = error.unwrap_or(self.check_leader(known));
                    (asked.partition.clone(), error, end)
                });
                let partitions = partitions.collect();
                Some(OffsetForLeaderEpochResponse { partitions }.into())
            }
            Request::CreateTopics(request) if !world.mute_admin => {
                let error = if world.controller == self.id {
                    ErrorCode::None
                } else {
                    ErrorCode::NotController
                };
                let topics = request
                    .topics
                    .into_iter()
                    .map(|topic| CreatableTopicResult {
                        name: topic.name,
                        topic_id: TopicId::ZERO,
                        error,
                        error_message: None,
                    });
                let topics = topics.collect();
                Some(CreateTopicsResponse { topics }.into())
            }
            Request::ElectLeaders(request) => {
                let asked = request.partitions.unwrap_or_default();
                let error = if world.controller == self.id {
                    ErrorCode::ElectionNotNeeded
                } else {
                    ErrorCode::NotController
                };
                let results = asked.into_iter().map(|p| (p, error));
                let response = ElectLeadersResponse {
                    error: ErrorCode::None,
                    results: results.collect(),
                };
                Some(response.into())
            }
            other => world.groups.answer(self.id, other),
        }
    }

    fn check_leader(&self, partition: &Partition) -> ErrorCode {
        if partition.leader == self.id {
            ErrorCode::None
        } else {
            ErrorCode::NotLeaderOrFollower
        }
    }

    fn produce(&self, world: &mut World, request: ProduceRequest) -> Option<Response> {
        let answer = world.answers.pop_front();
        let mut responses = Vec::new();
        let sizes = request
            .data
            .iter()
            .map(|(p, records)| (p.partition, records.size_in_bytes()));
        world.requests.push(sizes.collect());
        for (partition, records) in request.data {
            let index = partition.partition as usize;
            let too_large = world
                .largest_batch
                .is_some_and(|most| records.size_in_bytes() > most);
            let mut record_errors = Vec::new();
            let error = match &answer {
                Some(Answer::Error(error)) => *error,
                Some(Answer::Lost) => ErrorCode::NetworkException,
                Some(Answer::Records(error, records)) => {
                    record_errors.clone_from(records);
                    *error
                }
                _ if too_large => ErrorCode::MessageTooLarge,
                _ => self.check_leader(&world.partitions[index]),
            };
            let (mut error, mut base_offset) = (error, -1);
            for batch in records.batches() {
                if !error.is_none() {
                    break;
                }
                match world.partitions[index].check_sequence(batch) {
                    Ok(None) => base_offset = world.append_batch(index, batch),
                    Ok(Some(duplicate)) => base_offset = duplicate,
                    Err(refused) => error = refused,
                }
            }
            responses.push(PartitionProduceResponse {
                partition,
                error,
                current_leader: self.current_leader(world, error, index),
                base_offset,
                log_append_time_ms: -1,
                record_errors,
                log_start_offset: 0,
            });
        }
        let is_silent = matches!(answer, Some(Answer::Silence | Answer::Lost)) || request.acks == 0;
        let node_endpoints = world.endpoints();
        (!is_silent).then(|| {
            ProduceResponse {
                responses,
                node_endpoints,
            }
            .into()
        })
    }

    /// Never waits: an empty answer comes at once, so tests have short long polls.
    fn fetch(&self, world: &World, request: &FetchRequest) -> FetchResponse {
        let responses = request.partitions.iter().map(|asked| {
            let known = &world.partitions[asked.partition.partition as usize];
            let mut error = self.check_leader(known);
            let (mut has, mut sent_to) = (0..known.end(), -1);
            if let Some((replica, its)) = &world.read_replica {
                if error.is_none() && request.rack_id.is_some() {
                    sent_to = *replica;
                } else if self.id == *replica {
                    (error, has) = (ErrorCode::None, its.clone());
                }
            }
            if error.is_none() && !(has.start..=has.end).contains(&asked.fetch_offset) {
                error = ErrorCode::OffsetOutOfRange;
            }
            let wanted = |batch: &&RecordBatch| {
                error.is_none()
                    && sent_to < 0
                    && batch.next_offset() > asked.fetch_offset
                    && batch.next_offset() <= has.end
            };
            let batches: Vec<RecordBatch> = known.batches.iter().filter(wanted).cloned().collect();
            FetchPartitionResponse {
                partition: asked.partition.clone(),
                error,
                current_leader: self.current_leader(
                    world,
                    error,
                    asked.partition.partition as usize,
                ),
                high_watermark: known.end(),
                last_stable_offset: known.end(),
                log_start_offset: 0,
                diverging_epoch: None,
                aborted_transactions: None,
                preferred_read_replica: sent_to,
                records: Records::from(batches),
            }
        });
        FetchResponse {
            error: ErrorCode::None,
            session_id: 0,
            responses: responses.collect(),
            node_endpoints: world.endpoints(),
        }
    }

    fn current_leader(
        &self,
        world: &World,
        error: ErrorCode,
        partition: usize,
    ) -> Option<LeaderIdAndEpoch> {
        let known = &world.partitions[partition];
        (error == ErrorCode::NotLeaderOrFollower && world.names_leaders).then_some(
            LeaderIdAndEpoch {
                leader: known.leader,
                leader_epoch: known.leader_epoch,
            },
        )
    }
}

fn metadata(world: &World, request: &MetadataRequest) -> MetadataResponse {
    let topic = |name: &Rc<str>| {
        if &**name != "t" || world.partitions.is_empty() {
            return TopicMetadata {
                error: ErrorCode::UnknownTopicOrPartition,
                name: Rc::clone(name),
                topic_id: TopicId::ZERO,
                is_internal: false,
                partitions: Vec::new(),
            };
        }
        let partitions = (0..).zip(&world.partitions).map(|(number, partition)| {
            let error = if partition.leader == NO_LEADER {
                ErrorCode::LeaderNotAvailable
            } else {
                ErrorCode::None
            };
            let current = (partition.leader, partition.leader_epoch);
            let (leader, leader_epoch) = world.lags_at.unwrap_or(current);
            PartitionMetadata {
                error,
                partition: number,
                leader,
                leader_epoch,
                replicas: vec![1, 2],
                isr: vec![1, 2],
                offline_replicas: world.offline.into_iter().collect(),
            }
        });
        TopicMetadata {
            error: ErrorCode::None,
            name: Rc::clone(name),
            topic_id: TopicId([7; 16]),
            is_internal: false,
            partitions: partitions.collect(),
        }
    };
    MetadataResponse {
        brokers: match world.names_nobody {
            true => Vec::new(),
            false => world.endpoints(),
        },
        cluster_id: None,
        controller_id: world.controller,
        topics: request.topics.iter().flatten().map(topic).collect(),
    }
}

/// Two brokers, down at first, and clients.
pub struct Town {
    kernel: Kernel<Cluster, Node>,
    world: Shared,
    brokers: Vec<NodeId>,
    hosts: Hosts,
    pub bootstrap_servers: Vec<String>,
}

impl Town {
    pub fn new(seed: u64, world: World) -> Town {
        let mut kernel = Kernel::new(Config::default(), seed);
        let world = Rc::new(RefCell::new(world));
        world.borrow_mut().brokers = vec![1, 2];
        if world.borrow().controller == 0 {
            world.borrow_mut().controller = 1;
        }
        let mut brokers = Vec::new();
        for id in [1, 2] {
            let broker = Broker {
                id,
                world: Rc::clone(&world),
            };
            let name = format!("broker-{id}");
            brokers.push(kernel.add_node(&name, NodeOptions::default(), Node::Broker(broker)));
        }
        let named = (1..)
            .zip(&brokers)
            .map(|(id, node)| (format!("broker-{id}"), *node));
        Town {
            hosts: Hosts::new(named),
            kernel,
            world,
            brokers,
            bootstrap_servers: vec!["broker-1".into()],
        }
    }

    pub fn world(&self) -> RefMut<'_, World> {
        self.world.borrow_mut()
    }

    pub fn bootstrap(&self) -> Bootstrap {
        Bootstrap {
            hosts: self.hosts.clone(),
            servers: self
                .bootstrap_servers
                .iter()
                .map(|host| (host.clone(), 9092))
                .collect(),
        }
    }

    pub fn broker(&self, id: BrokerId) -> NodeId {
        self.brokers[id as usize - 1]
    }

    pub fn start(&mut self, broker: BrokerId) {
        let node = self.broker(broker);
        self.kernel.apply(Fault::Start(node));
    }

    /// Adds a client and starts it.
    pub fn add_client(&mut self, name: &str, client: Client) -> NodeId {
        let node = self
            .kernel
            .add_node(name, NodeOptions::default(), Node::Client(client));
        self.kernel.apply(Fault::Start(node));
        node
    }

    pub fn client(&self, node: NodeId) -> &Client {
        match self.kernel.actor(node) {
            Node::Client(client) => client,
            Node::Broker(_) => panic!("a broker"),
        }
    }

    pub fn apply(&mut self, fault: Fault) {
        self.kernel.apply(fault);
    }

    pub fn poke(&mut self, node: NodeId, timer: Timer) {
        self.kernel.poke(node, timer);
    }

    pub fn status(&self, node: NodeId) -> NodeStatus {
        self.kernel.status(node)
    }

    pub fn digest(&self) -> u64 {
        self.kernel.digest()
    }

    /// Lets time pass; answers the facts that were stated, with their time in milliseconds.
    pub fn run_for(&mut self, ms: u64) -> Vec<(u64, Fact)> {
        let end: Time = self.kernel.now() + Duration::from_millis(ms);
        while self.kernel.next_time().is_some_and(|time| time <= end) {
            self.kernel.step().unwrap();
        }
        self.kernel.advance_to(end);
        let facts = self.kernel.take_facts();
        facts
            .into_iter()
            .map(|entry| (entry.time.as_millis(), entry.fact))
            .collect()
    }
}
