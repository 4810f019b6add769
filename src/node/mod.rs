//! Nodes: what runs on a simulated machine, and the read-only views of it.
//!
//! A node is one of a few processes; this room wires them to the kernel and to each other's ports, and
//! decides nothing. Views are for checkers, roles and reports; no protocol code reads them.
//!
//! May not know a protocol: it hands on, and whoever it hands to decides.

mod kafka_server;
mod observed;
pub mod view;
mod zookeeper_client;
mod zookeeper_shell;

pub use kafka_server::{KafkaServer, ServerSetup};
pub use observed::{Layout, Observed};
pub use zookeeper_shell::{ShellCommand, ZooKeeperShell};

use crate::client::Client;
use crate::kernel::{Actor, Backlog, Coming, Lane};
use crate::protocol::{Cluster, Ctx, Event, Fact, Message};
use crate::schema_registry::{self, SchemaRegistry};
use crate::service::{self, Service};
use crate::zookeeper::{Server, Session};

/// A process of the simulated cluster.
#[derive(Debug)]
pub enum Node {
    ZooKeeper(Box<Server>),
    Broker(Box<KafkaServer>),
    Client(Client),
    ZooKeeperShell(Box<ZooKeeperShell>),
    SchemaRegistry(Box<SchemaRegistry>),
    Service(Box<Service>),
}

/// `clientPort`. ZooKeeper's own clients, and its servers among themselves, need not say it.
const ZOOKEEPER_PORT: u16 = 2181;

impl Node {
    /// Where it is a client of ZooKeeper.
    pub fn zookeeper_session(&self) -> Option<&Session> {
        match self {
            Node::Broker(server) => Some(server.zookeeper_session()),
            Node::ZooKeeperShell(shell) => Some(shell.zookeeper_session()),
            _ => None,
        }
    }
}

impl Actor<Cluster> for Node {
    fn rebooted(&self) -> Self {
        match self {
            Node::ZooKeeper(server) => {
                Node::ZooKeeper(Box::new(Server::new(server.config().clone())))
            }
            Node::Broker(server) => Node::Broker(Box::new(server.rebooted())),
            Node::Client(client) => Node::Client(client.rebooted()),
            Node::ZooKeeperShell(shell) => Node::ZooKeeperShell(Box::new(shell.rebooted())),
            Node::SchemaRegistry(registry) => Node::SchemaRegistry(Box::new(registry.rebooted())),
            Node::Service(service) => Node::Service(Box::new(service.rebooted())),
        }
    }

    fn lane(&self, coming: &Coming<'_, Cluster>) -> Lane {
        match self {
            Node::Broker(server) => server.lane(coming),
            Node::ZooKeeper(_)
            | Node::Client(_)
            | Node::ZooKeeperShell(_)
            | Node::SchemaRegistry(_)
            | Node::Service(_) => Lane::MAIN,
        }
    }

    fn backlog(&self, lane: Lane) -> Option<Backlog> {
        match self {
            Node::Broker(server) => server.backlog(lane),
            _ => None,
        }
    }

    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        // Here and not where processes are started: the run does that, and so do supervisors.
        if matches!(event, Event::Started) {
            ctx.fact(Fact::Started);
            match self {
                Node::ZooKeeper(_) => ctx.listen_on(ZOOKEEPER_PORT, false),
                Node::SchemaRegistry(_) => ctx.listen_on(schema_registry::PORT, false),
                Node::Service(_) => ctx.listen_on(service::PORT, false),
                Node::Client(_) | Node::ZooKeeperShell(_) => ctx.listen(false),
                // By its settings.
                Node::Broker(_) => {}
            }
        }
        match self {
            Node::ZooKeeper(server) => match event {
                // A Kafka client that was pointed at ZooKeeper's port is cut off.
                Event::Message {
                    conn,
                    message: Message::Request(_) | Message::Response(_),
                } => ctx.close(conn),
                event => server.on_event(event, ctx),
            },
            Node::Broker(server) => server.on_event(event, ctx),
            Node::Client(client) => client.on_event(event, ctx),
            Node::ZooKeeperShell(shell) => shell.on_event(event, ctx),
            Node::SchemaRegistry(registry) => registry.on_event(event, ctx),
            Node::Service(service) => service.on_event(event, ctx),
        }
    }
}
