//! From a plan to a kernel with nodes: every process, its machine and its configuration.

mod applications;

use crate::client::workload::{
    KeyTemplate, Pace, PositionField, TimestampTemplate, ValueTemplate, Workload,
};
use crate::client::{
    Admin, AdminOptions, Bootstrap, Client, Consumer, ConsumerOptions, Poison, Producer,
    ProducerOptions, SchemaOptions,
};
use crate::kernel::{
    Address, Chance, Config, Distribution, Duration, Kernel, NodeId, NodeOptions, Time,
};
use crate::node::{KafkaServer, Layout, Node, ServerSetup, ZooKeeperShell};
use crate::plan::{
    self, AUTO_CREATE, BrokerPlan, ConsumerPlan, Key, Latency, Machine, Plan, ProducerPlan,
    SCHEMA_REGISTRY, Timestamp, Value, ZooKeeperClientPlan, truck_name,
};
use crate::protocol::config::{BrokerConfig, ConfigError, KafkaVersion, Properties, Scope};
use crate::protocol::rules::Rules;
use crate::protocol::zab::ServerId;
use crate::protocol::{Cluster, Hosts};
use crate::schema_registry::{self, RegistryOptions, SchemaRegistry};
use crate::serialization::ParsedSchema;
use crate::service::Service;
use crate::zookeeper::{QuorumConfig, Server, ServerConfig};
use applications::work_options;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// Name of the node that carries out the plan's administration.
pub const ADMIN: &str = "admin";

/// A plan that no cluster can be built from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unbuildable(pub String);

impl fmt::Display for Unbuildable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unbuildable {}

/// Builds every node of the plan, all of them down.
pub fn assemble(plan: &Plan, seed: u64) -> Result<(Kernel<Cluster, Node>, Layout), Unbuildable> {
    let mut kernel = Kernel::new(kernel_config(plan), seed);
    let addresses = Addresses::of(plan);
    let mut layout = Layout::default();

    for number in 1..=plan.cluster.zookeeper.servers {
        let node = Node::ZooKeeper(Box::new(Server::new(zookeeper_config(plan, number))));
        let id = add(
            &mut kernel,
            &format!("zookeeper-{number}"),
            None,
            &plan.cluster.zookeeper.machine,
            plan.disk.capacity,
            node,
        );
        layout.zookeepers.push(id);
    }
    for broker in &plan.cluster.brokers {
        let setup = ServerSetup {
            id: broker.id,
            host: Rc::from(host(broker.id)),
            rack: broker.rack.as_deref().map(Rc::from),
            hosts: addresses.seen_from(&host(broker.id)),
            config: Rc::new(broker_config(plan, broker)?),
            properties: Rc::new(broker_properties(plan, broker)),
            zookeeper: layout.zookeepers.clone(),
        };
        let node = Node::Broker(Box::new(KafkaServer::new(setup)));
        let id = add(
            &mut kernel,
            &host(broker.id),
            broker.rack.as_deref(),
            &broker.machine,
            plan.disk.capacity,
            node,
        );
        layout.brokers.insert(broker.id, id);
    }
    for name in client_names(plan) {
        let node = client(plan, &addresses, &name, Time::ZERO)?;
        let rack = rack_of_client(plan, &name);
        let id = add(&mut kernel, &name, rack, &Machine::default(), None, node);
        layout.clients.push((name, id));
    }
    for client in &plan.zookeeper_clients {
        let node = zookeeper_client(client, &layout.zookeepers);
        let id = add(
            &mut kernel,
            &client.name,
            None,
            &Machine::default(),
            None,
            node,
        );
        layout.clients.push((client.name.clone(), id));
    }
    if let Some(registry) = &plan.schema_registry {
        let options = RegistryOptions {
            compatibility: registry.compatibility,
            subjects: registry
                .subjects
                .iter()
                .map(|(subject, level)| (Rc::from(subject.as_str()), *level))
                .collect(),
        };
        let node = Node::SchemaRegistry(Box::new(SchemaRegistry::new(options)));
        let machine = Machine::default();
        let id = add(&mut kernel, SCHEMA_REGISTRY, None, &machine, None, node);
        layout.clients.push((SCHEMA_REGISTRY.to_string(), id));
    }
    for service in &plan.services {
        let node = Node::Service(Box::new(Service::new(service.takes)));
        let machine = Machine::default();
        let id = add(&mut kernel, &service.name, None, &machine, None, node);
        layout.clients.push((service.name.clone(), id));
    }
    debug_assert!(
        addresses.agree_with(&layout),
        "addresses are given in the order in which nodes are added"
    );
    Ok((kernel, layout))
}

fn rack_of_client<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    let is_it = |members: Vec<String>| members.iter().any(|member| member == name);
    let mut producers = plan.producers.iter();
    let mut consumers = plan.consumers.iter();
    let producer = producers.find(|it| is_it(it.members()));
    let consumer = consumers.find(|it| is_it(it.members()));
    let rack = producer.map(|it| &it.rack).or(consumer.map(|it| &it.rack));
    rack?.as_deref()
}

/// The process of a client, made when it starts at `now`: what its plan says of times is counted from
/// the start of the run.
pub fn client(
    plan: &Plan,
    addresses: &Addresses,
    name: &str,
    now: Time,
) -> Result<Node, Unbuildable> {
    let unbuildable = |error: ConfigError| Unbuildable(format!("{name}: {error}"));
    let version = plan.cluster.kafka_version;
    let properties = |scope, said: &Properties| version.client_properties(scope, said);
    if name == ADMIN {
        let options = AdminOptions {
            name: name.to_string(),
            bootstrap: addresses.bootstrap(name, &None),
            properties: properties(Scope::Admin, &Properties::new()),
            commands: Vec::new(),
        };
        return Ok(Node::Client(Client::Admin(Box::new(
            Admin::new(options).map_err(unbuildable)?,
        ))));
    }
    for producer in &plan.producers {
        if let Some(member) = producer.members().iter().position(|member| member == name) {
            let mut options = producer_options(producer, addresses, name, member, now);
            options.properties = properties(Scope::Producer, &options.properties);
            options.rules = plan.rules;
            options.release = version;
            let named = (&producer.key_schema, &producer.value_schema);
            options.schemas = schema_options(plan, addresses, named)?;
            return Ok(Node::Client(Client::Producer(Box::new(
                Producer::new(options).map_err(unbuildable)?,
            ))));
        }
    }
    for consumer in &plan.consumers {
        if consumer.members().iter().any(|member| member == name) {
            let mut options = consumer_options(plan, consumer, addresses, name);
            options.properties = properties(Scope::Consumer, &options.properties);
            options.own_producer = properties(Scope::Producer, &Properties::new());
            let named = (&consumer.key_schema, &consumer.value_schema);
            options.schemas = schema_options(plan, addresses, named)?;
            return Ok(Node::Client(Client::Consumer(Box::new(
                Consumer::new(options).map_err(unbuildable)?,
            ))));
        }
    }
    Err(Unbuildable(format!("{name} is no client of the plan")))
}

fn zookeeper_client(client: &ZooKeeperClientPlan, servers: &[NodeId]) -> Node {
    let known = match &client.servers {
        None => servers.to_vec(),
        Some(numbers) => numbers.iter().map(|number| NodeId(number - 1)).collect(),
    };
    let timeout_ms = u32::try_from(client.session_timeout.as_millis()).unwrap_or(u32::MAX);
    let shell = ZooKeeperShell::new(known, timeout_ms);
    Node::ZooKeeperShell(Box::new(shell.as_witness()))
}

/// Where everybody listens: what DNS is to a real cluster.
pub struct Addresses {
    pub hosts: Hosts,
    /// Host and port of each broker's listener for other brokers.
    brokers: Vec<(String, i32)>,
    nodes: BTreeMap<i32, NodeId>,
}

impl Addresses {
    /// Nodes are numbered in the order in which `assemble` adds them.
    pub fn of(plan: &Plan) -> Addresses {
        let zookeepers = (1..=plan.cluster.zookeeper.servers).map(|n| format!("zookeeper-{n}"));
        let brokers = plan.cluster.brokers.iter().map(|broker| host(broker.id));
        let of_zookeeper = plan.zookeeper_clients.iter().map(|plan| plan.name.clone());
        let registry = plan
            .schema_registry
            .iter()
            .map(|_| SCHEMA_REGISTRY.to_string());
        let machines = zookeepers.chain(brokers).chain(client_names(plan));
        let services = plan.services.iter().map(|service| service.name.clone());
        let machines = machines.chain(of_zookeeper).chain(registry).chain(services);
        let first = plan.cluster.zookeeper.servers;
        let nodes = plan.cluster.brokers.iter().zip(first..);
        let listens = |broker: &BrokerPlan| {
            let config = broker_config(plan, broker).unwrap_or_default();
            (
                host(broker.id),
                i32::from(config.listeners.inter_broker_port()),
            )
        };
        let own = Hosts::new(machines.zip(0..).map(|(name, n)| (name, NodeId(n))));
        let names = plan.network.names.iter();
        Addresses {
            hosts: own.with_aliases(names.map(|(name, of)| (name.as_str(), &of[..]))),
            brokers: plan.cluster.brokers.iter().map(listens).collect(),
            nodes: nodes.map(|(broker, n)| (broker.id, NodeId(n))).collect(),
        }
    }

    fn agree_with(&self, layout: &Layout) -> bool {
        self.nodes == layout.brokers
            && layout
                .clients
                .iter()
                .all(|(name, id)| self.hosts.resolve(name).is_none_or(|node| node == *id))
    }

    /// Names as the machine of this name resolves them.
    fn seen_from(&self, machine: &str) -> Hosts {
        match self.hosts.resolve(machine) {
            Some(node) => self.hosts.seen_from(node),
            None => self.hosts.clone(),
        }
    }

    fn bootstrap(&self, client: &str, servers: &Option<Vec<String>>) -> Bootstrap {
        let named = |server: &String| {
            let (host, port) = server.rsplit_once(':')?;
            Some((host.to_string(), port.parse().ok()?))
        };
        Bootstrap {
            hosts: self.seen_from(client),
            servers: match servers {
                None => self.brokers.clone(),
                Some(servers) => servers.iter().filter_map(named).collect(),
            },
        }
    }
}

/// The broker's settings: the cluster's, then its own.
fn broker_properties(plan: &Plan, broker: &BrokerPlan) -> Properties {
    let mut properties = plan.cluster.config.clone();
    properties.extend(broker.config.clone());
    if let Some(rack) = &broker.rack {
        properties.insert("broker.rack".to_string(), rack.clone());
    }
    // Kafka's own default, true, would make a topic of every slip of the pen.
    properties
        .entry(AUTO_CREATE.to_string())
        .or_insert_with(|| "false".to_string());
    properties
}

fn broker_config(plan: &Plan, broker: &BrokerPlan) -> Result<BrokerConfig, Unbuildable> {
    let properties = broker_properties(plan, broker);
    let config = BrokerConfig::from_properties(&properties, plan.cluster.kafka_version)
        .map_err(|error| Unbuildable(format!("{}: {error}", host(broker.id))))?;
    Ok(BrokerConfig {
        rules: plan.rules,
        ..config
    })
}

fn client_names(plan: &Plan) -> Vec<String> {
    let producers = plan.producers.iter().flat_map(ProducerPlan::members);
    let consumers = plan.consumers.iter().flat_map(ConsumerPlan::members);
    std::iter::once(ADMIN.to_string())
        .chain(producers)
        .chain(consumers)
        .collect()
}

fn add(
    kernel: &mut Kernel<Cluster, Node>,
    name: &str,
    rack: Option<&str>,
    machine: &Machine,
    disk_capacity: Option<u64>,
    node: Node,
) -> NodeId {
    let options = NodeOptions {
        rack: rack.map(str::to_string),
        slowness: machine.slowness,
        skew_ms: machine.clock_skew_ms,
        drift_ppm: machine.clock_drift_ppm,
        supervisor: machine.supervisor,
    };
    let id = kernel.add_node(name, options, node);
    let disk = kernel.disk_mut(id);
    for (path, content) in &machine.files {
        if path.ends_with('/') {
            let made = disk.make_dir(path.trim_end_matches('/'));
            debug_assert!(made.is_ok());
            continue;
        }
        // A new disk is neither full nor broken: initial files are always written.
        if let Ok(file) = disk.create(path) {
            let written = disk
                .append(file, bytes::Bytes::from(content.clone()))
                .and_then(|_| disk.sync(file));
            debug_assert!(written.is_ok());
        }
    }
    // What it holds at the start is there, whatever fits beside it.
    let capacity = machine.disk_capacity.or(disk_capacity);
    disk.set_capacity(capacity.unwrap_or(u64::MAX));
    id
}

fn host(id: i32) -> String {
    format!("broker-{id}")
}

fn kernel_config(plan: &Plan) -> Config {
    let mut config = Config {
        buggify: (plan.buggify > 0).then(|| Chance {
            num: u64::from(plan.buggify),
            den: 100,
        }),
        ..Config::default()
    };
    if let Some(latency) = &plan.network.latency {
        config.network.same_rack = distribution(latency);
    }
    if let Some(latency) = &plan.network.other_rack {
        config.network.other_rack = distribution(latency);
    }
    if let Some(bandwidth) = plan.network.bandwidth {
        config.network.bytes_per_second = bandwidth;
    }
    if let Some(latency) = &plan.disk.read {
        config.disk.read_latency = distribution(latency);
    }
    if let Some(latency) = &plan.disk.sync {
        config.disk.sync_latency = distribution(latency);
    }
    if let Some(bandwidth) = plan.disk.bandwidth {
        config.disk.bytes_per_second = bandwidth;
    }
    config
}

fn distribution(latency: &Latency) -> Distribution {
    match latency {
        Latency::Constant(length) => Distribution::Constant(*length),
        Latency::Uniform { low, high } => Distribution::Uniform {
            low: *low,
            high: *high,
        },
        Latency::LogNormal {
            median,
            sigma_percent,
        } => Distribution::log_normal(*median, *sigma_percent),
        Latency::LongTail { median } => Distribution::long_tail(*median),
    }
}

/// `zoo.cfg` of server `number`, from 1. Its node's id is one less (`Addresses`).
fn zookeeper_config(plan: &Plan, number: u32) -> ServerConfig {
    let zookeeper = &plan.cluster.zookeeper;
    let defaults = ServerConfig::with_tick(zookeeper.tick_time_ms);
    ServerConfig {
        min_session_timeout_ms: zookeeper
            .min_session_timeout_ms
            .unwrap_or(defaults.min_session_timeout_ms),
        max_session_timeout_ms: zookeeper
            .max_session_timeout_ms
            .unwrap_or(defaults.max_session_timeout_ms),
        quorum: (zookeeper.servers > 1).then(|| {
            let ids = 1..=zookeeper.servers;
            let servers = ids.map(|id| (id as ServerId, NodeId(id - 1)));
            QuorumConfig::new(number as ServerId, servers.collect())
        }),
        rules: plan.rules,
        ..defaults
    }
}

fn producer_options(
    producer: &ProducerPlan,
    addresses: &Addresses,
    name: &str,
    member: usize,
    now: Time,
) -> ProducerOptions {
    let mut properties = producer.config.clone();
    if let Some(acks) = producer.acks {
        properties.insert("acks".to_string(), acks.number().to_string());
    }
    let in_flight = producer.on_the_way.unwrap_or_else(|| {
        properties
            .get("max.in.flight.requests.per.connection")
            .and_then(|value| value.parse().ok())
            .unwrap_or(DEFAULT_IN_FLIGHT)
    });
    let truck = truck_name(member as u32 + 1);
    // Members of a group begin one after the other, spread over one interval.
    let spread = producer.every.0 / u64::from(producer.count.unwrap_or(1).max(1)) * member as u64;
    ProducerOptions {
        name: name.to_string(),
        bootstrap: addresses.bootstrap(name, &producer.bootstrap),
        properties,
        topic: Rc::from(producer.topic.as_str()),
        rules: Rules::default(),
        release: KafkaVersion::V3_9,
        schemas: SchemaOptions::default(),
        headers: producer
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), Some(value.as_bytes())))
            .collect(),
        workload: Workload {
            partition: producer.partition,
            key: match &producer.key {
                Key::None => KeyTemplate::None,
                Key::TruckId => KeyTemplate::Constant(truck.clone()),
                Key::Constant(text) => KeyTemplate::Constant(text.clone()),
                Key::Cycle(length) => KeyTemplate::Cycle(*length),
                Key::TruckNumber => KeyTemplate::Whole(member as i64 + 1),
            },
            value: match &producer.value {
                Value::Position => ValueTemplate::Position { truck },
                Value::PositionField(field) => ValueTemplate::Field {
                    truck,
                    field: match field {
                        plan::PositionField::Truck => PositionField::Truck,
                        plan::PositionField::Number => PositionField::Number,
                        plan::PositionField::Time => PositionField::Time,
                        plan::PositionField::Latitude => PositionField::Latitude,
                        plan::PositionField::Longitude => PositionField::Longitude,
                    },
                },
                Value::Number => ValueTemplate::Counter,
                Value::Null => ValueTemplate::None,
                Value::Constant(text) => ValueTemplate::Text(text.clone()),
                // No plan that is valid has more.
                Value::Bytes(size) => {
                    ValueTemplate::Bytes(u32::try_from(*size).unwrap_or(u32::MAX))
                }
            },
            timestamp: match producer.timestamp {
                Timestamp::Clock { ahead_ms } => TimestampTemplate::Clock { ahead_ms },
                Timestamp::Seconds => TimestampTemplate::Seconds,
                Timestamp::Microseconds => TimestampTemplate::Microseconds,
                Timestamp::Fixed(timestamp_ms) => TimestampTemplate::Fixed(timestamp_ms),
            },
            pace: if producer.saturate {
                Pace::AsFastAsAcknowledged { in_flight }
            } else {
                Pace::Every(producer.every)
            },
            start_after: if producer.saturate {
                Duration::ZERO
            } else {
                Duration(spread)
            },
            stop_after: producer
                .stop
                .map(|stop| stop.saturating_sub(now.since(Time::ZERO))),
            limit: producer.limit,
            flush: producer.flush,
        },
    }
}

fn consumer_options(
    plan: &Plan,
    consumer: &ConsumerPlan,
    addresses: &Addresses,
    name: &str,
) -> ConsumerOptions {
    let mut properties = consumer.config.clone();
    // Kafka's own default, latest, would make a learner's first consumer miss the first records.
    properties
        .entry("auto.offset.reset".to_string())
        .or_insert_with(|| "earliest".to_string());
    ConsumerOptions {
        name: name.to_string(),
        bootstrap: addresses.bootstrap(name, &consumer.bootstrap),
        properties,
        topics: consumer
            .topics
            .iter()
            .map(|topic| Rc::from(topic.as_str()))
            .collect(),
        pattern: consumer.pattern.clone(),
        assign: consumer.assign.as_ref().map(applications::assign),
        start: BTreeMap::new(),
        seek: consumer.seek,
        work: work_options(consumer, addresses),
        schemas: SchemaOptions::default(),
        poison: match &consumer.poison {
            None | Some(plan::Poison::Stuck) => Poison::Stuck,
            Some(plan::Poison::Skip) => Poison::Skip,
            Some(plan::Poison::DeadLetter(topic)) => Poison::DeadLetter(Rc::from(topic.as_str())),
        },
        own_producer: Properties::new(),
        release: plan.cluster.kafka_version,
        rules: plan.rules,
    }
}

/// What a client that names these schemas, of its key and its value, is given.
fn schema_options(
    plan: &Plan,
    addresses: &Addresses,
    (key, value): (&Option<String>, &Option<String>),
) -> Result<SchemaOptions, Unbuildable> {
    let schema = |name: &Option<String>| {
        let Some(name) = name else {
            return Ok(None);
        };
        let known = plan.schemas.iter().find(|schema| schema.name == *name);
        let known = known.ok_or_else(|| Unbuildable(format!("there is no schema {name}")))?;
        ParsedSchema::parse(known.language, &known.text)
            .map(Some)
            .map_err(|error| Unbuildable(format!("schema {name}: {error}")))
    };
    let registry = addresses.hosts.resolve(SCHEMA_REGISTRY);
    Ok(SchemaOptions {
        key: schema(key)?,
        value: schema(value)?,
        registry: registry.map(|node| Address::new(node, schema_registry::PORT)),
    })
}

/// `max.in.flight.requests.per.connection` of a producer that does not set it.
const DEFAULT_IN_FLIGHT: u32 = 5;
