//! How fast an ensemble is: committed writes through three servers with pipelined clients, and a day of
//! an idle ensemble.
//!
//! `cargo bench --bench zookeeper`. Each figure is the median of five runs, in processor time. The 2,000 randomised runs are a test (`tests/zookeeper/safety.rs`).

// A bench measures the machine, so it reads the machine's clock.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

mod measure;

use bytes::Bytes;
use kafka_trial::kernel::{
    Actor, Config, ConnId, Duration, Fault, Kernel, NodeId, NodeOptions, Time,
};
use kafka_trial::protocol::zookeeper::{
    ClientMessage, ConnectRequest, CreateMode, Op, Path, ServerMessage,
};
use kafka_trial::protocol::{Cluster, Ctx, Event, Message};
use kafka_trial::zookeeper::{QuorumConfig, Server, ServerConfig};
use measure::{median, timed};
use std::collections::BTreeMap;

const WRITES: u64 = 200_000;
const CLIENTS: u32 = 8;
/// Requests of a client that are not answered yet.
const PIPELINE: u32 = 64;

fn main() {
    let seconds = median(|| {
        let mut kernel = ensemble();
        for number in 0..CLIENTS {
            let client = Client::new(NodeId(number % 3));
            let name = format!("client-{number}");
            let node = kernel.add_node(&name, NodeOptions::default(), Node::Client(client));
            kernel.apply(Fault::Start(node));
        }
        run(&mut kernel, |kernel| answered(kernel) >= WRITES)
    });
    println!(
        "committed writes through three servers: {:.0} a second of processor time (goal: 200,000)",
        WRITES as f64 / seconds
    );
    let day = Time::ZERO + Duration::from_secs(24 * 3600);
    let seconds = median(|| run(&mut ensemble(), |kernel| kernel.now() >= day));
    println!("24 hours of an idle ensemble: {seconds:.2} s of processor time (goal: under 5)");
}

enum Node {
    Server(Box<Server>),
    Client(Client),
}

/// Sets one node's data as fast as it is answered.
struct Client {
    server: NodeId,
    path: Path,
    conn: Option<ConnId>,
    xid: i32,
    answered: u64,
}

impl Client {
    fn new(server: NodeId) -> Self {
        Client {
            server,
            path: Path::from("/"),
            conn: None,
            xid: 0,
            answered: 0,
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, op: Op) {
        self.xid += 1;
        let request = ClientMessage::Request { xid: self.xid, op };
        self.say(ctx, request);
    }

    fn say(&self, ctx: &mut Ctx<'_>, message: ClientMessage) {
        if let Some(conn) = self.conn {
            ctx.send(conn, Message::ZooKeeperRequest(Box::new(message)));
        }
    }

    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Started => self.conn = Some(ctx.connect(self.server)),
            Event::Connected(_) => self.say(
                ctx,
                ClientMessage::Connect(ConnectRequest {
                    last_zxid_seen: 0,
                    timeout_ms: 40_000,
                    session_id: 0,
                    password: 0,
                }),
            ),
            Event::Message {
                message: Message::ZooKeeperReply(message),
                ..
            } => match *message {
                ServerMessage::Connected(_) => {
                    self.path = format!("/{}", ctx.node().0).into();
                    let create = Op::Create {
                        path: self.path.clone(),
                        data: Bytes::new(),
                        mode: CreateMode::PERSISTENT,
                    };
                    self.send(ctx, create);
                    for _ in 0..PIPELINE {
                        self.write(ctx);
                    }
                }
                ServerMessage::Reply { result, .. } => {
                    assert!(result.is_ok());
                    self.answered += 1;
                    self.write(ctx);
                }
                ServerMessage::Pong | ServerMessage::Watch(_) => {}
            },
            _ => {}
        }
    }

    fn write(&mut self, ctx: &mut Ctx<'_>) {
        let set = Op::SetData {
            path: self.path.clone(),
            data: Bytes::from_static(&[7; 100]),
            version: -1,
        };
        self.send(ctx, set);
    }
}

impl Actor<Cluster> for Node {
    fn rebooted(&self) -> Self {
        match self {
            Node::Server(server) => Node::Server(Box::new(Server::new(server.config().clone()))),
            Node::Client(client) => Node::Client(Client::new(client.server)),
        }
    }

    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match self {
            Node::Server(server) => server.on_event(event, ctx),
            Node::Client(client) => client.on_event(event, ctx),
        }
    }
}

/// Three servers that serve.
fn ensemble() -> Kernel<Cluster, Node> {
    let mut kernel = Kernel::new(Config::default(), 1);
    let servers: BTreeMap<u8, NodeId> = (1..).zip((0..3).map(NodeId)).collect();
    for sid in 1..=3 {
        let config = ServerConfig {
            quorum: Some(QuorumConfig::new(sid, servers.clone())),
            ..ServerConfig::default()
        };
        let server = Node::Server(Box::new(Server::new(config)));
        let name = format!("zookeeper-{sid}");
        let node = kernel.add_node(&name, NodeOptions::default(), server);
        kernel.apply(Fault::Start(node));
    }
    run(&mut kernel, |kernel| {
        servers
            .values()
            .all(|node| matches!(kernel.actor(*node), Node::Server(server) if server.is_serving()))
    });
    kernel
}

/// Seconds of processor time until something holds; facts are thrown away.
fn run(kernel: &mut Kernel<Cluster, Node>, holds: impl Fn(&Kernel<Cluster, Node>) -> bool) -> f64 {
    timed(|| {
        while !holds(kernel) {
            for _ in 0..256 {
                kernel.step().expect("something is to happen");
            }
            drop(kernel.take_facts());
        }
    })
}

fn answered(kernel: &Kernel<Cluster, Node>) -> u64 {
    let clients = (3..3 + CLIENTS).map(|node| match kernel.actor(NodeId(node)) {
        Node::Client(client) => client.answered,
        Node::Server(_) => 0,
    });
    clients.sum()
}
