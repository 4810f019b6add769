//! A small world for tests: a ZooKeeper server, clients with sessions, and clients that speak the
//! protocol by hand.

use bytes::Bytes;
use kafka_trial::kernel::{
    self, Actor, Config, ConnId, Duration, FactEntry, Fault, Kernel, NodeId, NodeOptions,
    NodeStatus, Time,
};
use kafka_trial::protocol::zookeeper::{
    Answer, ClientMessage, Code, CreateMode, Op, Path, ServerMessage, SessionEvent, SessionId,
    WatchType, WatchedEvent,
};
use kafka_trial::protocol::{Cluster, Ctx, Event, Fact, Message, Timer};
use kafka_trial::zookeeper::{DataTree, QuorumConfig, QuorumRole, Server, ServerConfig, Session};
use std::collections::BTreeMap;
use std::rc::Rc;

pub enum Node {
    Server(Box<Server>),
    Client(Box<Client>),
    Raw(Raw),
}

/// A process with a session.
pub struct Client {
    servers: Vec<NodeId>,
    timeout_ms: u32,
    pub session: Session,
    todo: Vec<Do>,
    pub events: Vec<SessionEvent>,
}

pub enum Do {
    Start,
    Request(u64, Op),
    Close,
    Reopen,
}

/// A process that speaks the protocol by hand, on its newest connection.
pub struct Raw {
    server: NodeId,
    conn: Option<ConnId>,
    pub inbox: Vec<ServerMessage>,
    todo: Vec<DoRaw>,
    pub closed: bool,
}

pub enum DoRaw {
    Dial,
    Send(ClientMessage),
    HangUp,
}

impl Actor<Cluster> for Node {
    fn rebooted(&self) -> Self {
        match self {
            Node::Server(server) => Node::Server(Box::new(Server::new(server.config().clone()))),
            Node::Client(client) => client_node(&client.servers, client.timeout_ms),
            Node::Raw(raw) => raw_node(raw.server),
        }
    }

    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match self {
            Node::Server(server) => server.on_event(event, ctx),
            Node::Client(client) => client.on_event(event, ctx),
            Node::Raw(raw) => raw.on_event(event, ctx),
        }
    }
}

impl Client {
    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let session = &mut self.session;
        match event {
            kernel::Event::Timer(Timer::Command(_)) => {
                for todo in self.todo.drain(..) {
                    match todo {
                        Do::Start => session.start(ctx),
                        Do::Request(token, op) => session.request(ctx, token, op),
                        Do::Close => session.close(ctx),
                        Do::Reopen => session.reopen(ctx),
                    }
                }
            }
            kernel::Event::Timer(Timer::Session(timer)) => session.on_timer(ctx, timer),
            kernel::Event::Connected(conn) => session.on_connected(ctx, conn),
            kernel::Event::Message {
                conn,
                message: Message::ZooKeeperReply(message),
            } => session.on_message(ctx, conn, *message),
            kernel::Event::Closed { conn, reason } => session.on_closed(ctx, conn, reason),
            _ => {}
        }
        self.events.extend(session.take_events());
    }
}

impl Raw {
    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            kernel::Event::Timer(Timer::Command(_)) => {
                for todo in self.todo.drain(..) {
                    match (todo, self.conn) {
                        (DoRaw::Dial, _) => {
                            self.closed = false;
                            self.conn = Some(ctx.connect(self.server));
                        }
                        (DoRaw::Send(message), Some(conn)) => {
                            ctx.send(conn, Message::ZooKeeperRequest(Box::new(message)));
                        }
                        (DoRaw::HangUp, Some(conn)) => ctx.close(conn),
                        _ => panic!("no connection"),
                    }
                }
            }
            kernel::Event::Message {
                conn,
                message: Message::ZooKeeperReply(message),
            } if Some(conn) == self.conn => self.inbox.push(*message),
            kernel::Event::Closed { conn, .. } if Some(conn) == self.conn => self.closed = true,
            _ => {}
        }
    }
}

fn client_node(servers: &[NodeId], timeout_ms: u32) -> Node {
    Node::Client(Box::new(Client {
        servers: servers.to_vec(),
        timeout_ms,
        session: Session::new(servers.to_vec(), timeout_ms),
        todo: Vec::new(),
        events: Vec::new(),
    }))
}

fn raw_node(server: NodeId) -> Node {
    Node::Raw(Raw {
        server,
        conn: None,
        inbox: Vec::new(),
        todo: Vec::new(),
        closed: false,
    })
}

pub struct World {
    pub kernel: Kernel<Cluster, Node>,
    pub server: NodeId,
    pub servers: Vec<NodeId>,
    facts: Vec<Fact>,
    next_token: u64,
}

/// The settings of the recorded servers.
pub fn recorded_config() -> ServerConfig {
    ServerConfig {
        max_session_timeout_ms: 60_000,
        ..ServerConfig::with_tick(500)
    }
}

impl World {
    /// One server, running.
    pub fn new(seed: u64, config: ServerConfig) -> Self {
        let mut kernel = Kernel::new(Config::default(), seed);
        let node = Node::Server(Box::new(Server::new(config)));
        let server = kernel.add_node("zookeeper-1", NodeOptions::default(), node);
        kernel.apply(Fault::Start(server));
        let mut world = World {
            kernel,
            server,
            servers: vec![server],
            facts: Vec::new(),
            next_token: 1,
        };
        world.run_ms(100);
        assert!(world.server().is_serving());
        world
    }

    /// An ensemble of so many servers, started one after the other, that serves.
    pub fn ensemble(seed: u64, config: &ServerConfig, count: u32) -> Self {
        let mut world = Self::members(seed, config, count);
        for server in world.servers.clone() {
            world.kernel.apply(Fault::Start(server));
            world.run_ms(1);
        }
        world.until(|world| world.all_serve());
        world
    }

    /// An ensemble of so many servers, all down.
    pub fn members(seed: u64, config: &ServerConfig, count: u32) -> Self {
        let mut kernel = Kernel::new(Config::default(), seed);
        let nodes: Vec<NodeId> = (0..count).map(NodeId).collect();
        let servers: BTreeMap<u8, NodeId> = (1..).zip(nodes.iter().copied()).collect();
        for (sid, node) in &servers {
            let config = ServerConfig {
                quorum: Some(QuorumConfig {
                    init_limit: 20,
                    sync_limit: 6,
                    ..QuorumConfig::new(*sid, servers.clone())
                }),
                ..config.clone()
            };
            let actor = Node::Server(Box::new(Server::new(config)));
            let name = format!("zookeeper-{sid}");
            assert_eq!(kernel.add_node(&name, NodeOptions::default(), actor), *node);
        }
        World {
            kernel,
            server: nodes[0],
            servers: nodes,
            facts: Vec::new(),
            next_token: 1,
        }
    }

    pub fn server(&self) -> &Server {
        self.server_at(self.server)
    }

    pub fn server_at(&self, node: NodeId) -> &Server {
        match self.kernel.actor(node) {
            Node::Server(server) => server,
            _ => panic!("not a server"),
        }
    }

    pub fn is_up(&self, node: NodeId) -> bool {
        self.kernel.status(node) == NodeStatus::Running
    }

    /// The server that leads and serves.
    pub fn leader(&self) -> Option<NodeId> {
        let leads = |node: &NodeId| {
            self.is_up(*node)
                && self
                    .server_at(*node)
                    .quorum()
                    .is_some_and(|view| matches!(view.role, QuorumRole::Leading { serves: true }))
        };
        self.servers.iter().copied().find(leads)
    }

    /// Every server that runs serves, and one of them leads.
    pub fn all_serve(&self) -> bool {
        self.leader().is_some()
            && self
                .servers
                .iter()
                .filter(|node| self.is_up(**node))
                .all(|node| self.server_at(*node).is_serving())
    }

    /// What the leader of an ensemble, or the one server, answers.
    pub fn tree(&self) -> &DataTree {
        self.server_at(self.leader().unwrap_or(self.server)).tree()
    }

    /// A client process whose session is being opened.
    pub fn client(&mut self, name: &str, timeout_ms: u32) -> NodeId {
        let servers = self.servers.clone();
        self.client_at(name, timeout_ms, &servers)
    }

    /// One of kazoo's: its watches end with its connection.
    pub fn kazoo(&mut self, name: &str, timeout_ms: u32) -> NodeId {
        let id = self.connected(name, timeout_ms);
        if let Node::Client(client) = self.kernel.actor_mut(id) {
            client.session.forget_watches_with_connection();
        }
        id
    }

    /// One that knows only some of the servers.
    pub fn client_at(&mut self, name: &str, timeout_ms: u32, servers: &[NodeId]) -> NodeId {
        let node = client_node(servers, timeout_ms);
        let id = self.kernel.add_node(name, NodeOptions::default(), node);
        self.kernel.apply(Fault::Start(id));
        self.tell(id, Do::Start);
        id
    }

    /// A client process with an open session.
    pub fn connected(&mut self, name: &str, timeout_ms: u32) -> NodeId {
        let servers = self.servers.clone();
        self.connected_at(name, timeout_ms, &servers)
    }

    /// One that knows only some of the servers.
    pub fn connected_at(&mut self, name: &str, timeout_ms: u32, servers: &[NodeId]) -> NodeId {
        let id = self.client_at(name, timeout_ms, servers);
        self.until(|world| world.session(id).is_connected());
        self.run_ms(1);
        self.take_events(id);
        id
    }

    pub fn raw(&mut self, name: &str) -> NodeId {
        self.raw_at(name, self.server)
    }

    pub fn raw_at(&mut self, name: &str, server: NodeId) -> NodeId {
        let node = raw_node(server);
        let id = self.kernel.add_node(name, NodeOptions::default(), node);
        self.kernel.apply(Fault::Start(id));
        self.run_ms(1);
        id
    }

    pub fn tell(&mut self, node: NodeId, todo: Do) {
        match self.kernel.actor_mut(node) {
            Node::Client(client) => client.todo.push(todo),
            _ => panic!("not a client"),
        }
        self.kernel.poke(node, Timer::Command(0));
    }

    pub fn tell_raw(&mut self, node: NodeId, todo: DoRaw) {
        self.raw_mut(node).todo.push(todo);
        self.kernel.poke(node, Timer::Command(0));
    }

    pub fn raw_mut(&mut self, node: NodeId) -> &mut Raw {
        match self.kernel.actor_mut(node) {
            Node::Raw(raw) => raw,
            _ => panic!("not a raw client"),
        }
    }

    pub fn session(&self, node: NodeId) -> &Session {
        match self.kernel.actor(node) {
            Node::Client(client) => &client.session,
            _ => panic!("not a client"),
        }
    }

    pub fn session_id(&self, node: NodeId) -> SessionId {
        self.session(node).session_id().expect("a session")
    }

    pub fn take_events(&mut self, node: NodeId) -> Vec<SessionEvent> {
        match self.kernel.actor_mut(node) {
            Node::Client(client) => std::mem::take(&mut client.events),
            _ => panic!("not a client"),
        }
    }

    /// Begins a request; answers its token.
    pub fn request(&mut self, node: NodeId, op: Op) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        self.tell(node, Do::Request(token, op));
        token
    }

    /// Makes a request and waits for its answer; other events stay where they are.
    pub fn ask(&mut self, node: NodeId, op: Op) -> Result<Answer, Code> {
        let token = self.request(node, op);
        let mut answer = None;
        self.until(|world| {
            let Node::Client(client) = world.kernel.actor_mut(node) else {
                panic!("not a client")
            };
            let found = client.events.iter().position(
                |event| matches!(event, SessionEvent::Answer { token: t, .. } if *t == token),
            );
            if let Some(found) = found
                && let SessionEvent::Answer { result, .. } = client.events.remove(found)
            {
                answer = Some(result);
            }
            answer.is_some()
        });
        answer.expect("until")
    }

    /// Steps until something holds; a minute is for ever.
    pub fn until(&mut self, mut holds: impl FnMut(&mut World) -> bool) {
        let end = self.kernel.now() + Duration::from_secs(60);
        while !holds(self) {
            self.step();
            assert!(self.kernel.now() < end, "waited for a minute in vain");
        }
    }

    pub fn run_ms(&mut self, ms: u64) {
        let end = self.kernel.now() + Duration::from_millis(ms);
        self.run_to(end);
    }

    pub fn run_to(&mut self, end: Time) {
        while self.kernel.next_time().is_some_and(|next| next <= end) {
            self.step();
        }
        self.kernel.advance_to(end);
    }

    fn step(&mut self) {
        self.step_with_facts();
    }

    /// One event, and what was stated at it.
    pub fn step_with_facts(&mut self) -> Vec<FactEntry<Fact>> {
        self.kernel.step().expect("something is to happen");
        let facts: Vec<FactEntry<Fact>> = self.kernel.take_facts().collect();
        self.facts
            .extend(facts.iter().map(|entry| entry.fact.clone()));
        facts
    }

    /// What was stated since they were taken.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }
}

pub fn path(path: &str) -> Path {
    Rc::from(path)
}

pub fn create(at: &str, mode: CreateMode) -> Op {
    Op::Create {
        path: path(at),
        data: Bytes::new(),
        mode,
    }
}

pub fn set(at: &str, data: &'static str) -> Op {
    Op::SetData {
        path: path(at),
        data: Bytes::from_static(data.as_bytes()),
        version: -1,
    }
}

pub fn get(at: &str, watch: bool) -> Op {
    Op::GetData {
        path: path(at),
        watch,
    }
}

pub fn exists(at: &str, watch: bool) -> Op {
    Op::Exists {
        path: path(at),
        watch,
    }
}

pub fn children(at: &str, watch: bool) -> Op {
    Op::GetChildren {
        path: path(at),
        watch,
    }
}

pub fn watch(kind: WatchType, at: &str) -> SessionEvent {
    let path = path(at);
    SessionEvent::Watch(WatchedEvent { kind, path })
}

pub fn restart(world: &mut World) {
    world.kernel.apply(Fault::Start(world.server));
    world.until(|world| world.server().is_serving());
}
