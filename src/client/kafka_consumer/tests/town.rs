//! A member of a group on a node of its own, and a broker of cardboard: it leads `t-0`, coordinates the group, and
//! answers as the test says.

use crate::client::Bootstrap;
use crate::client::kafka_consumer::{KafkaConsumer, Polled};
use crate::kernel::{self, Actor, Config, Duration, Fault, Kernel, NodeId, NodeOptions};
use crate::log::batch::{RecordBatch, Records};
use crate::protocol::config::{ConsumerConfig, Properties};
use crate::protocol::{
    AbortedTransaction, ApiVersionsResponse, BrokerEndpoint, Cluster, CommittedOffset, Coordinator,
    Ctx, ErrorCode, Event, FetchPartitionResponse, FetchResponse, FindCoordinatorResponse,
    HeartbeatResponse, Hosts, JoinGroupResponse, JoinGroupResponseMember, KNOWN_VERSIONS,
    KafkaResponse, ListOffsetsPartitionResponse, ListOffsetsResponse, Message, MetadataResponse,
    OffsetCommitResponse, OffsetFetchPartition, OffsetFetchResponse, PartitionMetadata, Request,
    Response, SyncGroupResponse, Timer, TopicId, TopicMetadata, TopicPartition,
};
use std::collections::VecDeque;

type Todo = Box<dyn FnOnce(&mut KafkaConsumer, &mut Ctx<'_>)>;

/// What the broker has, and what it was asked.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) log_start_offset: i64,
    /// What it does not send of what is below the high watermark, and how much of that is of an open transaction.
    pub(super) withheld: i64,
    pub(super) open_transaction: i64,
    /// What happens once it has sent records.
    pub(super) then: Option<fn(&mut World)>,
    /// Told to who reads what is committed.
    pub(super) aborted: Vec<AbortedTransaction>,
    /// What the next questions for committed offsets are answered with.
    pub(super) offset_fetch_errors: VecDeque<ErrorCode>,
    /// By somebody else.
    pub(super) committed: Option<i64>,
    /// When these came, in milliseconds.
    pub(super) offset_fetches: Vec<u64>,
    pub(super) generation: i32,
    pub(super) fetches: u32,
    /// It answers the next commit with this, and none after that.
    pub(super) last_commit: Option<ErrorCode>,
    pub(super) commits: u32,
}

enum Node {
    Broker(Box<World>),
    Member(Box<Member>),
}

struct Member {
    bootstrap: Bootstrap,
    config: ConsumerConfig,
    library: KafkaConsumer,
    todo: VecDeque<Todo>,
    polled: Vec<Polled>,
}

impl Actor<Cluster> for Node {
    fn rebooted(&self) -> Self {
        match self {
            Node::Broker(world) => Node::Broker(world.clone()),
            Node::Member(member) => {
                let (bootstrap, config) = (member.bootstrap.clone(), member.config.clone());
                Node::Member(Box::new(Member::new(bootstrap, config)))
            }
        }
    }

    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match self {
            Node::Broker(world) => {
                if let Event::Message {
                    conn,
                    message: Message::Request(request),
                } = event
                    && let Some(body) = world.answer(request.body, ctx.now().as_millis())
                {
                    let correlation_id = request.correlation_id;
                    let answer = KafkaResponse {
                        correlation_id,
                        throttle_time_ms: 0,
                        body,
                    };
                    ctx.send(conn, Message::Response(answer));
                }
            }
            Node::Member(member) => {
                match event {
                    kernel::Event::Started => {
                        member.library.add_topic(&"t".into());
                        member.library.start(ctx);
                    }
                    kernel::Event::Timer(Timer::Command(_)) => {
                        for todo in std::mem::take(&mut member.todo) {
                            todo(&mut member.library, ctx);
                        }
                    }
                    other => member.library.on_event(other, ctx).expect("its own"),
                }
                member
                    .polled
                    .extend(std::iter::from_fn(|| member.library.next_polled()));
            }
        }
    }
}

impl Member {
    fn new(bootstrap: Bootstrap, config: ConsumerConfig) -> Member {
        let membership = config.group.clone().expect("a group");
        let library = KafkaConsumer::new(0, "m", &bootstrap, config.clone());
        Member {
            library: library.subscribe(1, "m", membership, vec!["t".into()]),
            bootstrap,
            config,
            todo: VecDeque::new(),
            polled: Vec::new(),
        }
    }
}

impl World {
    fn end(&self) -> i64 {
        self.batches.last().map_or(0, RecordBatch::next_offset)
    }

    fn answer(&mut self, request: Request, now_ms: u64) -> Option<Response> {
        Some(match request {
            Request::ApiVersions(_) => ApiVersionsResponse {
                error: ErrorCode::None,
                api_keys: KNOWN_VERSIONS,
            }
            .into(),
            Request::Metadata(_) => metadata().into(),
            Request::FindCoordinator(request) => {
                let found = request.coordinator_keys.into_iter().map(|key| Coordinator {
                    key,
                    error: ErrorCode::None,
                    node_id: 1,
                    host: "broker-1".into(),
                    port: 9092,
                });
                let coordinators = found.collect();
                FindCoordinatorResponse { coordinators }.into()
            }
            Request::JoinGroup(request) => {
                self.generation += 1;
                let protocol = request.protocols[0].clone();
                JoinGroupResponse {
                    error: ErrorCode::None,
                    generation_id: self.generation,
                    protocol_type: Some(request.protocol_type),
                    protocol_name: Some(protocol.name),
                    leader: "m".into(),
                    skip_assignment: false,
                    member_id: "m".into(),
                    members: vec![JoinGroupResponseMember {
                        member_id: "m".into(),
                        group_instance_id: None,
                        metadata: protocol.metadata,
                    }],
                }
                .into()
            }
            Request::SyncGroup(request) => SyncGroupResponse {
                error: ErrorCode::None,
                protocol_type: request.protocol_type,
                protocol_name: request.protocol_name,
                assignment: request.assignments[0].1.clone(),
            }
            .into(),
            Request::OffsetFetch(request) => {
                self.offset_fetches.push(now_ms);
                let error = self.offset_fetch_errors.pop_front();
                let offset = self.committed.unwrap_or(-1);
                let asked = request.partitions.into_iter().flatten();
                let partitions = asked.map(|partition| OffsetFetchPartition {
                    partition,
                    error: ErrorCode::None,
                    committed: CommittedOffset {
                        offset,
                        leader_epoch: -1,
                        metadata: "".into(),
                    },
                });
                OffsetFetchResponse {
                    error: error.unwrap_or(ErrorCode::None),
                    partitions: partitions.collect(),
                }
                .into()
            }
            Request::Heartbeat(_) => HeartbeatResponse {
                error: ErrorCode::None,
            }
            .into(),
            Request::OffsetCommit(request) => {
                self.commits += 1;
                let error = self.last_commit.unwrap_or(ErrorCode::None);
                if !error.is_none() && self.commits > 1 {
                    return None;
                }
                let asked = request.partitions.into_iter();
                let partitions = asked.map(|(partition, _)| (partition, error));
                let partitions = partitions.collect();
                OffsetCommitResponse { partitions }.into()
            }
            Request::ListOffsets(request) => {
                let asked = request.partitions.into_iter();
                let partitions = asked.map(|asked| ListOffsetsPartitionResponse {
                    partition: asked.partition,
                    error: ErrorCode::None,
                    timestamp: -1,
                    offset: self.log_start_offset,
                    leader_epoch: 0,
                });
                let partitions = partitions.collect();
                ListOffsetsResponse { partitions }.into()
            }
            Request::Fetch(request) => {
                self.fetches += 1;
                let asked = request.partitions.first()?;
                let is_wanted = |it: &&RecordBatch| it.next_offset() > asked.fetch_offset;
                let batches = self.batches.iter().filter(is_wanted).cloned();
                let batches: Vec<_> = batches.collect();
                let high_watermark = self.end() + self.withheld;
                let log_start_offset = self.log_start_offset;
                if let Some(then) = self.then.take_if(|_| !batches.is_empty()) {
                    then(self);
                }
                FetchResponse {
                    error: ErrorCode::None,
                    session_id: 0,
                    responses: vec![FetchPartitionResponse {
                        high_watermark,
                        last_stable_offset: high_watermark - self.open_transaction,
                        aborted_transactions: (request.isolation_level == 1)
                            .then(|| self.aborted.clone()),
                        log_start_offset,
                        records: Records::from(batches),
                        ..FetchPartitionResponse::without_data(
                            asked.partition.clone(),
                            ErrorCode::None,
                        )
                    }],
                    node_endpoints: Vec::new(),
                }
                .into()
            }
            _ => return None,
        })
    }
}

fn metadata() -> MetadataResponse {
    MetadataResponse {
        brokers: vec![BrokerEndpoint {
            id: 1,
            host: "broker-1".into(),
            port: 9092,
            rack: None,
        }],
        cluster_id: None,
        controller_id: 1,
        topics: vec![TopicMetadata {
            error: ErrorCode::None,
            name: "t".into(),
            topic_id: TopicId([7; 16]),
            is_internal: false,
            partitions: vec![PartitionMetadata {
                error: ErrorCode::None,
                partition: 0,
                leader: 1,
                leader_epoch: 0,
                replicas: vec![1],
                isr: vec![1],
                offline_replicas: Vec::new(),
            }],
        }],
    }
}

pub(super) fn t0() -> TopicPartition {
    TopicPartition::new("t", 0)
}

pub(super) struct Town {
    kernel: Kernel<Cluster, Node>,
    broker: NodeId,
    member: NodeId,
}

impl Town {
    /// Broker and member run; the member is not in `poll` yet.
    pub(super) fn new(world: World, settings: &[(&str, &str)]) -> Town {
        let mut kernel = Kernel::new(Config::default(), 1);
        let node = Node::Broker(Box::new(world));
        let broker = kernel.add_node("broker-1", NodeOptions::default(), node);
        let bootstrap = Bootstrap {
            hosts: Hosts::new([("broker-1".to_owned(), broker)]),
            servers: vec![("broker-1".to_owned(), 9092)],
        };
        let settings = [("group.id", "g"), ("auto.offset.reset", "earliest")]
            .iter()
            .chain(settings);
        let settings = settings.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = ConsumerConfig::parse(&settings.collect::<Properties>()).expect("settings");
        let node = Node::Member(Box::new(Member::new(bootstrap, config)));
        let member = kernel.add_node("m", NodeOptions::default(), node);
        kernel.apply(Fault::Start(broker));
        kernel.apply(Fault::Start(member));
        Town {
            kernel,
            broker,
            member,
        }
    }

    pub(super) fn run_ms(&mut self, ms: u64) {
        let end = self.kernel.now() + Duration::from_millis(ms);
        while self.kernel.next_time().is_some_and(|next| next <= end) {
            self.kernel.step().expect("a test has an end");
        }
        self.kernel.advance_to(end);
    }

    /// Does something as the member.
    pub(super) fn act(&mut self, act: impl FnOnce(&mut KafkaConsumer, &mut Ctx<'_>) + 'static) {
        self.member_mut().todo.push_back(Box::new(act));
        self.kernel.poke(self.member, Timer::Command(0));
        self.run_ms(0);
    }

    /// What came out of the library since this was last asked.
    pub(super) fn polled(&mut self) -> Vec<Polled> {
        std::mem::take(&mut self.member_mut().polled)
    }

    pub(super) fn library(&mut self) -> &mut KafkaConsumer {
        &mut self.member_mut().library
    }

    pub(super) fn world(&mut self) -> &mut World {
        match self.kernel.actor_mut(self.broker) {
            Node::Broker(world) => world,
            Node::Member(_) => unreachable!("it is the broker"),
        }
    }

    fn member_mut(&mut self) -> &mut Member {
        match self.kernel.actor_mut(self.member) {
            Node::Member(member) => member,
            Node::Broker(_) => unreachable!("it is the member"),
        }
    }
}
