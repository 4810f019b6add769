//! Three brokers, a ZooKeeper server and one client in the kernel, with the settings of the recordings.

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
use kafka_trial::protocol::{BrokerId, Cluster, Ctx, Event, Fact, Hosts, Timer, TopicPartition};
use kafka_trial::zookeeper::{Server, ServerConfig};
use std::collections::BTreeMap;
use std::rc::Rc;

pub enum Node {
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

pub const ZOOKEEPER: NodeId = NodeId(0);
pub const CLIENT: NodeId = NodeId(4);

pub fn t0() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// A cluster with the recorder's settings; node 0 is ZooKeeper, 1 to 3 the brokers, 4 the client.
pub struct World {
    pub kernel: Kernel<Cluster, Node>,
    operations: u32,
    pub facts: Vec<FactEntry<Fact>>,
}

/// What the test says of a replica: log end, high watermark, ISR if it leads.
pub type Replica = (i64, i64, Vec<BrokerId>);

impl World {
    /// Starts all; `operations` are what the client may be told to do, in this order.
    pub fn new(seed: u64, config: &[(&str, &str)], operations: Vec<DriverOperation>) -> Self {
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
                id,
                host: format!("broker-{id}").into(),
                rack: None,
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

    pub fn apply(&mut self, fault: Fault) {
        self.kernel.apply(fault);
    }

    pub fn pass(&mut self, ms: u64) {
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
    pub fn run(&mut self, ms: u64) -> Option<DriverResult> {
        let number = self.operations;
        self.operations += 1;
        self.kernel.poke(CLIENT, Timer::Command(number));
        self.pass(ms);
        match self.kernel.actor(CLIENT) {
            Node::Client(driver) => driver.results().get(&number).cloned(),
            _ => None,
        }
    }

    pub fn broker(&self, id: BrokerId) -> &KafkaServer {
        match self.kernel.actor(NodeId(id as u32)) {
            Node::Broker(server) => server,
            _ => panic!("node {id} is no broker"),
        }
    }

    /// t-0 as each running broker sees it.
    pub fn replicas(&self) -> BTreeMap<BrokerId, Replica> {
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
    pub fn leader(&self) -> (BrokerId, i32) {
        (1..=3)
            .filter(|id| self.kernel.status(NodeId(*id as u32)) == NodeStatus::Running)
            .filter_map(|id| self.broker(id).broker().replica(&t0()))
            .map(|replica| (replica.leader_epoch, replica.leader))
            .max()
            .map_or((-1, -1), |(epoch, leader)| (leader, epoch))
    }

    pub fn file(&self, broker: BrokerId, path: &str) -> String {
        let disk = self.kernel.disk(NodeId(broker as u32));
        let file = disk.open(path).unwrap_or_else(|| panic!("no {path}"));
        let bytes: Vec<u8> = disk.peek(file).concat();
        String::from_utf8(bytes).expect("text")
    }

    /// Epoch and start offset of each line of a leader-epoch file.
    pub fn epochs(&self, broker: BrokerId) -> Vec<String> {
        let text = self.file(broker, "data/t-0/leader-epoch-checkpoint");
        text.lines().skip(2).map(str::to_owned).collect()
    }

    pub fn stated(&self, wanted: impl Fn(&Fact) -> bool) -> usize {
        self.facts
            .iter()
            .filter(|entry| wanted(&entry.fact))
            .count()
    }
}

pub fn create(assignment: &[&[BrokerId]], configs: &[(&str, &str)]) -> DriverOperation {
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

pub fn produce(acks: &str, values: &[&str]) -> DriverOperation {
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

pub fn read() -> DriverOperation {
    DriverOperation::Read {
        partition: t0(),
        from: ReadFrom::Beginning,
        ms: 1500,
        properties: Properties::new(),
    }
}

pub fn stored(offset: i64) -> Option<DriverResult> {
    let stored = Produced::Stored {
        partition: 0,
        offset,
    };
    Some(DriverResult::Produced(vec![stored]))
}

pub fn failed(exception: &str) -> Option<DriverResult> {
    let failed = Produced::Failed {
        exception: exception.into(),
    };
    Some(DriverResult::Produced(vec![failed]))
}

pub fn values_read(result: Option<DriverResult>) -> Vec<String> {
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
