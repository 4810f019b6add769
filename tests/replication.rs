//! Three brokers and a ZooKeeper server in the kernel: what clients and brokers see of a partition
//! while its replicas stop, die and return. The scenes are those of recordings of real Kafka 3.9.1
//! (kafka-truth CT25 to CT33, HW, I, A, E, P rules), with the same settings.

use kafka_trial::broker::ReplicaRole;
use kafka_trial::client::{
    AdminCommand, Bootstrap, Driver, DriverOperation, DriverOptions, DriverRecord, DriverResult,
    Produced, ReadFrom,
};
use kafka_trial::kernel::{
    Actor, Config, Duration, FactEntry, Fault, Kernel, NodeId, NodeOptions, NodeStatus,
};
use kafka_trial::node::{KafkaServer, ServerSetup};
use kafka_trial::protocol::config::{BrokerConfig, KafkaVersion, Properties};
use kafka_trial::protocol::{
    BrokerEndpoint, BrokerId, Cluster, Ctx, Event, Fact, Hosts, Timer, TopicPartition,
};
use kafka_trial::zookeeper::{Server, ServerConfig};
use std::collections::BTreeMap;
use std::rc::Rc;

enum Node {
    ZooKeeper(Box<Server>),
    Broker(Box<KafkaServer>),
    Client(Box<Driver>),
}

impl Actor<Cluster> for Node {
    fn rebooted(&self) -> Self {
        match self {
            Node::ZooKeeper(server) => {
                Node::ZooKeeper(Box::new(Server::new(server.config().clone())))
            }
            Node::Broker(server) => Node::Broker(Box::new(server.rebooted())),
            Node::Client(client) => Node::Client(Box::new(client.rebooted())),
        }
    }
    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match self {
            Node::ZooKeeper(server) => server.on_event(event, ctx),
            Node::Broker(server) => server.on_event(event, ctx),
            Node::Client(client) => client.on_event(event, ctx),
        }
    }
}

const ZOOKEEPER: NodeId = NodeId(0);
const CLIENT: NodeId = NodeId(4);

fn t0() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// A cluster with the recorder's settings; node 0 is ZooKeeper, 1 to 3 the brokers, 4 the client.
struct World {
    kernel: Kernel<Cluster, Node>,
    operations: u32,
    facts: Vec<FactEntry<Fact>>,
}

/// What the test says of a replica: log end, high watermark, ISR if it leads.
type Replica = (i64, i64, Vec<BrokerId>);

impl World {
    /// Starts all; `operations` are what the client may be told to do, in this order.
    fn new(seed: u64, config: &[(&str, &str)], operations: Vec<DriverOperation>) -> Self {
        let mut kernel = Kernel::new(Config::default(), seed);
        let hosts = Hosts::new((1..=3).map(|id| (format!("broker-{id}"), NodeId(id))));
        kernel.add_node(
            "zookeeper-1",
            NodeOptions::default(),
            Node::ZooKeeper(Box::new(Server::new(ServerConfig {
                max_session_timeout_ms: 60_000,
                ..ServerConfig::with_tick(1000)
            }))),
        );
        let mut properties = Properties::new();
        for (key, value) in [
            ("zookeeper.session.timeout.ms", "6000"),
            ("replica.lag.time.max.ms", "4000"),
            ("auto.leader.rebalance.enable", "false"),
            ("controlled.shutdown.retry.backoff.ms", "500"),
            ("replica.high.watermark.checkpoint.interval.ms", "1000"),
        ]
        .iter()
        .chain(config)
        {
            properties.insert((*key).to_owned(), (*value).to_owned());
        }
        let config = BrokerConfig::from_properties(&properties, KafkaVersion::V3_9)
            .expect("settings that Kafka takes");
        let config = Rc::new(config);
        for id in 1..=3 {
            let server = KafkaServer::new(ServerSetup {
                endpoint: BrokerEndpoint {
                    id,
                    host: format!("broker-{id}").into(),
                    port: 9092,
                    rack: None,
                },
                hosts: hosts.clone(),
                properties: Default::default(),
                config: Rc::clone(&config),
                zookeeper: vec![ZOOKEEPER],
            });
            let name = format!("broker-{id}");
            kernel.add_node(
                &name,
                NodeOptions::default(),
                Node::Broker(Box::new(server)),
            );
        }
        let driver = Driver::new(DriverOptions {
            name: "driver".to_owned(),
            bootstrap: Bootstrap {
                hosts,
                servers: (1..=3).map(|id| (format!("broker-{id}"), 9092)).collect(),
            },
            operations,
        })
        .expect("settings that Kafka takes");
        kernel.add_node(
            "driver",
            NodeOptions::default(),
            Node::Client(Box::new(driver)),
        );
        let mut world = World {
            kernel,
            operations: 0,
            facts: Vec::new(),
        };
        world.apply(Fault::Start(ZOOKEEPER));
        world.apply(Fault::Start(CLIENT));
        world.pass(400);
        // The first broker becomes the controller.
        for id in [3, 1, 2] {
            world.apply(Fault::Start(NodeId(id)));
            world.pass(1000);
        }
        world
    }

    fn apply(&mut self, fault: Fault) {
        self.kernel.apply(fault);
    }

    fn pass(&mut self, ms: u64) {
        let end = self.kernel.now() + Duration::from_millis(ms);
        while self.kernel.next_time().is_some_and(|at| at <= end) {
            if let Err(stop) = self.kernel.step() {
                panic!("{stop:?}");
            }
        }
        self.kernel.advance_to(end);
        self.facts.extend(self.kernel.take_facts());
    }

    /// The client's next operation, and what came of it within `ms`.
    fn run(&mut self, ms: u64) -> Option<DriverResult> {
        let number = self.operations;
        self.operations += 1;
        self.kernel.poke(CLIENT, Timer::Command(number));
        self.pass(ms);
        match self.kernel.actor(CLIENT) {
            Node::Client(driver) => driver.results().get(&number).cloned(),
            _ => None,
        }
    }

    fn broker(&self, id: BrokerId) -> &KafkaServer {
        match self.kernel.actor(NodeId(id as u32)) {
            Node::Broker(server) => server,
            _ => panic!("node {id} is no broker"),
        }
    }

    /// t-0 as each running broker sees it.
    fn replicas(&self) -> BTreeMap<BrokerId, Replica> {
        (1..=3)
            .filter(|id| self.kernel.status(NodeId(*id as u32)) != NodeStatus::Down)
            .filter_map(|id| {
                let replica = self.broker(id).broker().replica(&t0())?;
                let isr = match replica.role {
                    ReplicaRole::Leader => replica.isr.to_vec(),
                    _ => Vec::new(),
                };
                Some((id, (replica.log_end_offset, replica.high_watermark, isr)))
            })
            .collect()
    }

    /// Leader and leader epoch of t-0 as the highest epoch has it.
    fn leader(&self) -> (BrokerId, i32) {
        (1..=3)
            .filter(|id| self.kernel.status(NodeId(*id as u32)) == NodeStatus::Running)
            .filter_map(|id| self.broker(id).broker().replica(&t0()))
            .map(|replica| (replica.leader_epoch, replica.leader))
            .max()
            .map_or((-1, -1), |(epoch, leader)| (leader, epoch))
    }

    fn file(&self, broker: BrokerId, path: &str) -> String {
        let disk = self.kernel.disk(NodeId(broker as u32));
        let file = disk.open(path).unwrap_or_else(|| panic!("no {path}"));
        let bytes: Vec<u8> = disk.peek(file).concat();
        String::from_utf8(bytes).expect("text")
    }

    /// Epoch and start offset of each line of a leader-epoch file.
    fn epochs(&self, broker: BrokerId) -> Vec<String> {
        let text = self.file(broker, "data/t-0/leader-epoch-checkpoint");
        text.lines().skip(2).map(str::to_owned).collect()
    }

    fn stated(&self, wanted: impl Fn(&Fact) -> bool) -> usize {
        self.facts
            .iter()
            .filter(|entry| wanted(&entry.fact))
            .count()
    }
}

fn create(assignment: &[&[BrokerId]], configs: &[(&str, &str)]) -> DriverOperation {
    DriverOperation::Admin(AdminCommand::CreateTopic {
        topic: "t".into(),
        partitions: -1,
        replication_factor: -1,
        assignment: assignment
            .iter()
            .map(|replicas| replicas.to_vec())
            .collect(),
        configs: configs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    })
}

fn produce(acks: &str, values: &[&str]) -> DriverOperation {
    let properties = [
        ("acks", acks),
        ("enable.idempotence", "false"),
        ("retries", "0"),
        ("linger.ms", "0"),
        ("request.timeout.ms", "3000"),
        ("delivery.timeout.ms", "4000"),
        ("max.block.ms", "5000"),
    ];
    DriverOperation::Produce {
        topic: "t".into(),
        partition: Some(0),
        producer: format!("acks-{acks}"),
        properties: properties
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        records: values
            .iter()
            .map(|value| DriverRecord {
                value: Some((*value).to_owned()),
                ..DriverRecord::default()
            })
            .collect(),
    }
}

fn read() -> DriverOperation {
    DriverOperation::Read {
        partition: t0(),
        from: ReadFrom::Beginning,
        ms: 1500,
        properties: Properties::new(),
    }
}

fn stored(offset: i64) -> Option<DriverResult> {
    let stored = Produced::Stored {
        partition: 0,
        offset,
    };
    Some(DriverResult::Produced(vec![stored]))
}

fn failed(exception: &str) -> Option<DriverResult> {
    let failed = Produced::Failed {
        exception: exception.into(),
    };
    Some(DriverResult::Produced(vec![failed]))
}

fn values_read(result: Option<DriverResult>) -> Vec<String> {
    match result {
        Some(DriverResult::Read { records, .. }) => records
            .into_iter()
            .map(|record| {
                record
                    .value
                    .map_or_else(String::new, |value| value.to_string())
            })
            .collect(),
        other => panic!("not read: {other:?}"),
    }
}

#[test]
fn acks_all_reaches_every_replica_and_followers_learn_of_it() {
    let mut world = World::new(
        1,
        &[],
        vec![create(&[&[1, 2, 3]], &[]), produce("all", &["a"]), read()],
    );
    world.run(2000);
    assert_eq!(world.leader(), (1, 0));
    assert_eq!(world.run(1000), stored(0));
    let follower = (1, 1, vec![]);
    assert_eq!(
        world.replicas(),
        BTreeMap::from([
            (1, (1, 1, vec![1, 2, 3])),
            (2, follower.clone()),
            (3, follower)
        ])
    );
    assert_eq!(values_read(world.run(2500)), ["a"]);
    for broker in 1..=3 {
        assert_eq!(world.epochs(broker), ["0 0"], "RK15");
        let checkpoint = world.file(broker, "data/replication-offset-checkpoint");
        assert_eq!(checkpoint, "0\n1\nt 0 1\n", "HW7");
    }
}

#[test]
fn i7_a_paused_follower_leaves_the_isr_and_comes_back_at_its_end() {
    let mut world = World::new(
        2,
        &[("zookeeper.session.timeout.ms", "60000")],
        vec![
            create(&[&[1, 2, 3]], &[("min.insync.replicas", "2")]),
            produce("all", &["a"]),
            produce("1", &["b"]),
            produce("1", &["c"]),
            produce("all", &["d"]),
            produce("all", &["e"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    assert_eq!(world.run(1000), stored(1));
    world.apply(Fault::Pause(NodeId(2)));
    assert_eq!(world.run(300), stored(2));
    assert_eq!(world.replicas()[&1], (3, 2, vec![1, 2, 3]));
    world.pass(8000);
    assert_eq!(world.replicas()[&1], (3, 3, vec![1, 3]));
    assert_eq!(world.run(1000), stored(3));
    world.apply(Fault::Resume(NodeId(2)));
    world.pass(2300);
    assert_eq!(
        world.replicas()[&1],
        (4, 4, vec![1, 3, 2]),
        "appended (RK14)"
    );
    assert_eq!(world.run(1000), stored(4));
    assert_eq!(world.replicas()[&2], (5, 5, vec![]));
}

#[test]
fn e7_a_crashed_leader_returns_cuts_what_was_never_committed_and_joins_again() {
    let mut world = World::new(
        3,
        &[],
        vec![
            create(&[&[1, 2, 3]], &[]),
            produce("all", &["a"]),
            produce("1", &["b"]),
            produce("1", &["lost"]),
            produce("all", &["c"]),
            produce("all", &["d"]),
            read(),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    assert_eq!(world.run(1000), stored(1));
    // With its followers paused the leader's own copy is the only one.
    world.apply(Fault::Pause(NodeId(2)));
    world.apply(Fault::Pause(NodeId(3)));
    world.pass(100);
    assert_eq!(world.run(300), stored(2));
    world.apply(Fault::Crash(NodeId(1)));
    world.apply(Fault::Resume(NodeId(2)));
    world.apply(Fault::Resume(NodeId(3)));
    world.pass(10_000);
    assert_eq!(world.leader(), (2, 1));
    assert_eq!(world.replicas()[&2], (2, 2, vec![2, 3]));
    // The producer may have to learn of the new leader first.
    world.run(5000);
    world.run(5000);
    let end = world.replicas()[&2].0;
    assert!(end == 3 || end == 4, "{end}");

    world.apply(Fault::Start(NodeId(1)));
    world.pass(6000);
    let cut = |f: &Fact| matches!(f, Fact::Truncated { from: 3, to: 2, .. });
    assert_eq!(world.stated(cut), 1);
    assert_eq!(world.replicas()[&1], (end, end, vec![]));
    assert_eq!(world.replicas()[&2].2, [2, 3, 1]);
    assert_eq!(world.epochs(1), world.epochs(2));
    let values = values_read(world.run(2500));
    assert_eq!(values.len() as i64, end);
    assert_eq!(values[..2], ["a", "b"]);
    assert!(!values.contains(&"lost".to_owned()), "{values:?}");
}

#[test]
fn ct26_a_clean_stop_moves_leaderships_first_and_leaves_a_marker() {
    let mut world = World::new(
        4,
        &[],
        vec![
            create(&[&[1, 2, 3]], &[]),
            produce("all", &["a"]),
            produce("all", &["b"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    world.apply(Fault::Terminate(NodeId(1)));
    world.pass(3000);
    assert_eq!(world.kernel.status(NodeId(1)), NodeStatus::Down);
    assert_eq!(world.leader().0, 2);
    assert_eq!(world.replicas()[&2].2, [2, 3]);
    assert_eq!(
        world.file(1, "data/.kafka_cleanshutdown"),
        "{\"version\":0,\"brokerEpoch\":-1}"
    );
    assert_eq!(
        world.file(1, "data/recovery-point-offset-checkpoint"),
        "0\n1\nt 0 1\n"
    );
    world.apply(Fault::Start(NodeId(1)));
    world.pass(4000);
    assert_eq!(world.replicas()[&2].2, [2, 3, 1]);
    let unclean = |f: &Fact| matches!(f, Fact::LogsLoaded { recovered, .. } if *recovered > 0);
    assert_eq!(world.stated(unclean), 0);
}

#[test]
fn p1_acks_all_is_refused_while_too_few_are_in_sync() {
    let mut world = World::new(
        5,
        &[],
        vec![
            create(&[&[1, 2]], &[("min.insync.replicas", "2")]),
            produce("all", &["a"]),
            produce("all", &["b"]),
            produce("1", &["c"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    world.apply(Fault::Crash(NodeId(2)));
    world.pass(10_000);
    assert_eq!(world.run(3000), failed("NotEnoughReplicasException"));
    assert_eq!(world.run(1000), stored(1));
    assert_eq!(world.replicas()[&1], (2, 1, vec![1]), "HW3");
}

#[test]
fn ct33_after_a_kill_acks_all_stalls_until_the_isr_shrinks_and_the_broker_says_why() {
    let mut world = World::new(
        6,
        &[],
        vec![
            create(&[&[1, 2, 3]], &[]),
            produce("all", &["a"]),
            produce("all", &["b"]),
        ],
    );
    world.run(2000);
    assert_eq!(world.run(1000), stored(0));
    world.apply(Fault::Crash(NodeId(2)));
    world.pass(100);
    assert_eq!(world.run(3500), failed("TimeoutException"));
    let stall = |f: &Fact| matches!(f, Fact::ProduceStalls { waits_for, .. } if *waits_for == [2]);
    assert_eq!(world.stated(stall), 1);
    world.pass(8000);
    assert_eq!(world.replicas()[&1], (2, 2, vec![1, 3]));
}
