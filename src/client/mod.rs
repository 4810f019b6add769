//! Kafka's clients: producer, consumer, administrator, what they share, and the workloads that
//! drive them.
//!
//! `KafkaProducer`, `KafkaConsumer` and `KafkaAdminClient` are the libraries that applications link;
//! `Producer`, `Consumer`, `Admin` and `Driver` are such applications, each a node of its own. A
//! client knows its bootstrap list and what brokers answer; it never talks to ZooKeeper.
//!
//! May not know replicas, znodes or other clients.

mod admin;
mod assignor;
mod cluster;
mod cluster_client;
mod consumer;
mod consumer_coordinator;
mod consumer_group_command;
mod delivery;
mod driver;
mod fetch_order;
mod java_hash_map;
mod kafka_admin_client;
mod kafka_consumer;
mod kafka_producer;
mod metadata;
mod outstanding;
mod partitioner;
mod producer;
mod producer_batch;
mod record_accumulator;
mod schema_registry_client;
mod sender;
mod serializers;
mod server_link;
mod subscription_state;
mod transaction_manager;
pub mod workload;

pub use admin::{Admin, AdminCommand, AdminOptions, AdminOutcome, AdminTask};
pub use consumer::assigning::Assign;
pub use consumer::steps::{Call, Step, StepWhen};
pub use consumer::work::{CommitPolicy, CommitWhen, Each, Point, WorkOptions};
pub use consumer::{Consumer, ConsumerOptions, Poison};
pub use consumer_coordinator::listener::Callback;
pub use driver::{
    DescribedPartition, Driver, DriverOperation, DriverOptions, DriverRecord, DriverResult,
    OffsetAnswer, PartitionOffsets, Produced, ReadFrom, ReadRecord,
};
pub use java_hash_map::{JavaHashMap, in_hash_order};
pub use kafka_consumer::asking::OffsetApi;
pub use partitioner::{murmur2, partition_for_key};
pub use producer::{Producer, ProducerOptions};
pub use serializers::{REGISTRY_REFUSES, SchemaOptions};

use crate::protocol::{Ctx, Event, Hosts};

/// Where a client begins: the machines that it can look up, and `bootstrap.servers`.
#[derive(Clone, Debug, Default)]
pub struct Bootstrap {
    pub hosts: Hosts,
    /// Host and port, asked in an order that differs from client to client.
    pub servers: Vec<(String, i32)>,
}

/// A node that is a client.
#[derive(Debug)]
pub enum Client {
    Producer(Box<Producer>),
    Consumer(Box<Consumer>),
    Admin(Box<Admin>),
    Driver(Box<Driver>),
}

impl Client {
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match self {
            Client::Producer(producer) => producer.on_event(event, ctx),
            Client::Consumer(consumer) => consumer.on_event(event, ctx),
            Client::Admin(admin) => admin.on_event(event, ctx),
            Client::Driver(driver) => driver.on_event(event, ctx),
        }
    }

    /// The same client as a fresh process: its options, none of its memory.
    pub fn rebooted(&self) -> Client {
        match self {
            Client::Producer(producer) => Client::Producer(Box::new(producer.rebooted())),
            Client::Consumer(consumer) => Client::Consumer(Box::new(consumer.rebooted())),
            Client::Admin(admin) => Client::Admin(Box::new(admin.rebooted())),
            Client::Driver(driver) => Client::Driver(Box::new(driver.rebooted())),
        }
    }
}
