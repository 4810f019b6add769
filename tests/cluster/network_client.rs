//! Requests over connections that come and go, on the real kernel: back-off, order, time-outs, and one
//! end for each request.

mod addresses;
mod throttling;
mod versions;

use kafka_trial::kernel::{
    Actor, Address, CloseReason, Config, ConnId, Duration, Event, Fault, Kernel, NodeId,
    NodeOptions,
};
use kafka_trial::network_client::{self, Completed, Disconnected, NetworkClient};
use kafka_trial::protocol::config::NetworkClientConfig;
use kafka_trial::protocol::{
    ApiVersionsResponse, Cluster, Ctx, ErrorCode, Hosts, KNOWN_VERSIONS, KafkaRequest,
    KafkaResponse, Message, MetadataRequest, MetadataResponse, NO_LEADER, NetworkOwner, Place,
    ProduceRequest, Request, Timer,
};
use std::collections::VecDeque;

const SERVER: NodeId = NodeId(0);
const BROKER: network_client::Node =
    network_client::Node::new(7, Place::of(Address::new(SERVER, 9092)));
const CLIENT: NodeId = NodeId(1);
const ELSEWHERE: NodeId = NodeId(2);
const OWNER: NetworkOwner = NetworkOwner::Client(3);
const TIMEOUT: Duration = Duration::from_secs(2);

/// How a request ended, and when (milliseconds).
type End = (u64, u32, Result<(), Disconnected>);

enum Node {
    Server(Server),
    Client(Box<Client>),
}

#[derive(Default)]
struct Server {
    /// Answers nothing but ApiVersions.
    silent: bool,
    /// Answers so many requests more, if there is a number; then it is silent.
    answers: Option<u32>,
    /// What it was asked, but ApiVersions.
    received: Vec<(ConnId, i32)>,
    /// In which versions it was asked for those that it knows, and on which connections.
    versions_asked: Vec<(ConnId, i16)>,
    /// How it answers that, in turn; `None`: not at all. Then: as a broker of 3.9.1.
    versions: VecDeque<Option<ApiVersionsResponse>>,
    /// What it throttles for with its answers to all else, in turn; then: not at all.
    throttles: VecDeque<i32>,
}

struct Client {
    network: NetworkClient<u32>,
    config: NetworkClientConfig,
    /// Sent one by one as `Timer::Command` says.
    requests: VecDeque<Request>,
    sent: u32,
    /// Whom the next requests go to; then: `BROKER`.
    destinations: VecDeque<network_client::Node>,
    /// Sends again as soon as a request has failed.
    persistent: bool,
    ends: Vec<End>,
}

impl Client {
    fn new(config: NetworkClientConfig) -> Client {
        Client {
            network: NetworkClient::new(OWNER, "client".into(), hosts(), config),
            config,
            requests: VecDeque::new(),
            sent: 0,
            destinations: VecDeque::new(),
            persistent: false,
            ends: Vec::new(),
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>) {
        let request = self.requests.pop_front().unwrap_or_else(question);
        self.sent += 1;
        let to = self.destinations.pop_front().unwrap_or(BROKER);
        self.network.send(ctx, to, request, TIMEOUT, self.sent);
    }

    fn take(&mut self, ctx: &mut Ctx<'_>, completed: Vec<Completed<u32>>) {
        for Completed { tag, result, .. } in completed {
            let failed = result.is_err();
            self.ends
                .push((ctx.now().as_millis(), tag, result.map(|_| ())));
            if failed && self.persistent {
                self.send(ctx);
            }
        }
    }
}

/// What the client's machine can resolve: `several` stands for both servers.
fn hosts() -> Hosts {
    let machines = ["server", "client", "elsewhere"];
    let named = machines.into_iter().map(str::to_owned);
    let both = ["server".to_owned(), "elsewhere".to_owned()];
    Hosts::new(named.zip([SERVER, CLIENT, ELSEWHERE])).with_aliases([("several", &both[..])])
}

fn question() -> Request {
    MetadataRequest {
        topics: None,
        allow_auto_topic_creation: false,
    }
    .into()
}

impl Actor<Cluster> for Node {
    fn rebooted(&self) -> Self {
        match self {
            Node::Server(server) => Node::Server(Server {
                silent: server.silent,
                ..Server::default()
            }),
            Node::Client(client) => Node::Client(Box::new(Client::new(client.config))),
        }
    }

    fn on_event(&mut self, event: Event<Cluster>, ctx: &mut Ctx<'_>) {
        match (self, event) {
            (
                Node::Server(server),
                Event::Message {
                    conn,
                    message: Message::Request(request),
                },
            ) => {
                let KafkaRequest {
                    correlation_id,
                    body,
                    ..
                } = request;
                if let Request::ApiVersions(body) = body {
                    server.versions_asked.push((conn, body.version));
                    let usual = ApiVersionsResponse {
                        error: ErrorCode::None,
                        api_keys: KNOWN_VERSIONS,
                    };
                    let answer = server.versions.pop_front().unwrap_or(Some(usual));
                    if let Some(answer) = answer {
                        let body = answer.into();
                        let response = KafkaResponse {
                            correlation_id,
                            throttle_time_ms: 0,
                            body,
                        };
                        ctx.send(conn, Message::Response(response));
                    }
                    return;
                }
                server.received.push((conn, correlation_id));
                let left = server.answers.map(|left| left.checked_sub(1));
                server.answers = left.map(Option::unwrap_or_default);
                if !server.silent && left != Some(None) {
                    let body = MetadataResponse {
                        brokers: Vec::new(),
                        cluster_id: None,
                        controller_id: NO_LEADER,
                        topics: Vec::new(),
                    };
                    let response = KafkaResponse {
                        correlation_id,
                        throttle_time_ms: server.throttles.pop_front().unwrap_or(0),
                        body: body.into(),
                    };
                    ctx.send(conn, Message::Response(response));
                }
            }
            (Node::Client(client), event) => {
                let completed = match event {
                    Event::Timer(Timer::Command(_)) => {
                        client.send(ctx);
                        Vec::new()
                    }
                    Event::Timer(Timer::Network {
                        owner: OWNER,
                        conn_or_node,
                        what,
                    }) => client.network.on_timer(ctx, conn_or_node, what),
                    Event::Connected(conn) => {
                        client.network.on_connected(ctx, conn);
                        Vec::new()
                    }
                    Event::Message {
                        conn,
                        message: Message::Response(response),
                    } => Vec::from_iter(client.network.on_response(ctx, conn, response)),
                    Event::Closed { conn, reason } => client.network.on_closed(ctx, conn, reason),
                    _ => Vec::new(),
                };
                client.take(ctx, completed);
            }
            _ => {}
        }
    }
}

struct World(Kernel<Cluster, Node>);

impl World {
    fn new(seed: u64, config: NetworkClientConfig) -> World {
        let mut kernel = Kernel::new(Config::default(), seed);
        kernel.add_node(
            "server",
            NodeOptions::default(),
            Node::Server(Server::default()),
        );
        kernel.add_node(
            "client",
            NodeOptions::default(),
            Node::Client(Box::new(Client::new(config))),
        );
        kernel.add_node(
            "elsewhere",
            NodeOptions::default(),
            Node::Server(Server::default()),
        );
        kernel.apply(Fault::Start(CLIENT));
        World(kernel)
    }

    fn client(&mut self) -> &mut Client {
        match self.0.actor_mut(CLIENT) {
            Node::Client(client) => client,
            Node::Server(_) => panic!("a server"),
        }
    }

    fn server(&mut self) -> &mut Server {
        self.server_at(SERVER)
    }

    fn server_at(&mut self, node: NodeId) -> &mut Server {
        match self.0.actor_mut(node) {
            Node::Server(server) => server,
            Node::Client(_) => panic!("a client"),
        }
    }

    fn send(&mut self, requests: u32) {
        for number in 0..requests {
            self.0.poke(CLIENT, Timer::Command(number));
        }
    }

    fn run_for(&mut self, ms: u64) {
        let end = self.0.now() + Duration::from_millis(ms);
        while self.0.next_time().is_some_and(|time| time <= end) {
            self.0.step().unwrap();
        }
        self.0.advance_to(end);
    }
}

#[test]
fn cn9_the_pause_between_attempts_doubles_from_50_ms_to_1_s_give_or_take_a_fifth() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.client().persistent = true;
    world.send(1);
    world.run_for(10_000);
    let times: Vec<u64> = world.client().ends.iter().map(|(ms, _, _)| *ms).collect();
    let pauses: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.len() >= 10, "{pauses:?}");
    for (pause, wanted) in pauses
        .iter()
        .zip([50, 100, 200, 400, 800, 1_000, 1_000, 1_000])
    {
        let range = wanted * 4 / 5..=(wanted * 6 / 5).min(1_000) + 2;
        assert!(range.contains(pause), "{pause} for {wanted}: {pauses:?}");
    }
    let refused = Err(Disconnected::NotSent(CloseReason::Refused));
    assert!(
        world
            .client()
            .ends
            .iter()
            .all(|(_, _, end)| *end == refused)
    );
}

#[test]
fn cn9_a_connection_that_came_up_starts_the_back_off_anew() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.client().persistent = true;
    world.send(1);
    world.run_for(3_000);
    world.0.apply(Fault::Start(SERVER));
    world.run_for(2_000);
    world.0.apply(Fault::Crash(SERVER));
    world.run_for(1);
    world.client().ends.clear();
    world.send(1);
    world.run_for(45);
    assert!(world.client().ends.is_empty(), "it waits for its back-off");
    world.run_for(30);
    assert!(!world.client().ends.is_empty(), "which is short again");
}

#[test]
fn so_many_requests_are_in_flight_and_the_rest_wait_in_order() {
    let config = NetworkClientConfig {
        max_in_flight: 2,
        ..NetworkClientConfig::default()
    };
    let mut world = World::new(1, config);
    world.server().silent = true;
    world.0.apply(Fault::Start(SERVER));
    world.send(5);
    world.run_for(1_000);
    let ids: Vec<i32> = world.server().received.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids, [1, 2], "after ApiVersions");
    assert_eq!(world.client().network.in_flight(BROKER), 5);
    assert!(!world.client().network.is_ready(BROKER));
}

#[test]
fn cn15_a_silent_server_loses_its_connection_and_all_that_is_in_flight_on_it() {
    let config = NetworkClientConfig {
        max_in_flight: 2,
        ..NetworkClientConfig::default()
    };
    let mut world = World::new(1, config);
    world.server().silent = true;
    world.0.apply(Fault::Start(SERVER));
    world.send(3);
    world.run_for(1_990);
    assert!(world.client().ends.is_empty());
    world.run_for(20);
    let ends = world.client().ends.clone();
    let outcomes: Vec<_> = ends.into_iter().map(|(_, tag, end)| (tag, end)).collect();
    let not_sent = Disconnected::NotSent(CloseReason::TimedOut);
    assert_eq!(
        outcomes,
        [
            (1, Err(Disconnected::TimedOut)),
            (2, Err(Disconnected::TimedOut)),
            (3, Err(not_sent))
        ]
    );
    assert!(world.client().network.is_backing_off(BROKER));
}

#[test]
fn a_clock_that_is_set_back_makes_each_wait_so_much_longer() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.server().silent = true;
    world.0.apply(Fault::Start(SERVER));
    world.send(1);
    world.run_for(1_000);
    world.0.apply(Fault::ClockJump {
        node: CLIENT,
        by_ms: -10_000,
    });
    world.run_for(10_990);
    assert!(world.client().ends.is_empty());
    world.run_for(20);
    assert_eq!(world.client().ends[0].2, Err(Disconnected::TimedOut));
    // The pause before the next attempt (50 ms) too.
    world.0.apply(Fault::ClockJump {
        node: CLIENT,
        by_ms: -10_000,
    });
    world.run_for(9_900);
    assert!(world.client().network.is_backing_off(BROKER));
    world.run_for(200);
    assert!(!world.client().network.is_backing_off(BROKER));
}

#[test]
fn cn16_a_server_that_dies_fails_what_is_in_flight_as_of_unknown_outcome() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.server().silent = true;
    world.0.apply(Fault::Start(SERVER));
    world.send(1);
    world.run_for(100);
    world.0.apply(Fault::Crash(SERVER));
    world.run_for(100);
    let in_flight = Err(Disconnected::InFlight(CloseReason::Reset));
    assert_eq!(world.client().ends[0].2, in_flight);
}

#[test]
fn cn10_nobody_answers_the_knock_until_the_setup_time_is_over() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.0.apply(Fault::Start(SERVER));
    world.0.apply(Fault::Cut {
        from: vec![CLIENT],
        to: vec![SERVER],
        both: true,
    });
    world.send(1);
    world.run_for(7_900);
    assert!(world.client().ends.is_empty());
    world.run_for(4_200);
    let (ms, _, end) = world.client().ends[0];
    assert!(
        (8_000..=12_000).contains(&ms),
        "10 s give or take a fifth: {ms}"
    );
    assert_eq!(end, Err(Disconnected::NotSent(CloseReason::TimedOut)));
}

#[test]
fn p4_a_produce_without_acknowledgement_completes_when_it_is_sent() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.server().silent = true;
    world.0.apply(Fault::Start(SERVER));
    let produce = ProduceRequest {
        acks: 0,
        timeout_ms: 1_000,
        data: Vec::new(),
    };
    world.client().requests.push_back(produce.into());
    world.send(1);
    world.run_for(10);
    assert_eq!(world.client().ends.len(), 1);
    assert!(world.client().ends[0].2.is_ok());
    assert_eq!(world.client().network.in_flight(BROKER), 0);
}

#[test]
fn every_request_ends_exactly_once_whatever_happens_to_the_server() {
    for seed in 0..20 {
        let config = NetworkClientConfig {
            max_in_flight: 1 + seed as u32 % 4,
            ..NetworkClientConfig::default()
        };
        let mut world = World::new(seed, config);
        for round in 0..30u64 {
            world.send(3);
            let fault = match (seed + round * 7) % 6 {
                0 | 3 => Fault::Start(SERVER),
                1 => Fault::Crash(SERVER),
                2 => Fault::Reset {
                    a: vec![CLIENT],
                    b: vec![SERVER],
                },
                4 => Fault::Pause(SERVER),
                _ => Fault::Resume(SERVER),
            };
            world.0.apply(fault);
            world.run_for(20 + (seed * 31 + round * 17) % 400);
        }
        world.0.apply(Fault::Resume(SERVER));
        world.0.apply(Fault::Start(SERVER));
        world.run_for(60_000);
        let mut tags: Vec<u32> = world.client().ends.iter().map(|(_, tag, _)| *tag).collect();
        tags.sort_unstable();
        let all: Vec<u32> = (1..=90).collect();
        assert_eq!(tags, all, "seed {seed}");
        let answered = world.client().ends.iter().filter(|(_, _, end)| end.is_ok());
        assert!(answered.count() > 0, "seed {seed}");
    }
}

#[test]
fn cn1_cn2_two_ids_at_one_place_have_a_connection_each() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.0.apply(Fault::Start(SERVER));
    let coordinator = BROKER.as_coordinator();
    assert_eq!(coordinator.id, i32::MAX - 7);
    world
        .client()
        .destinations
        .extend([BROKER, coordinator, BROKER]);
    world.send(3);
    world.run_for(100);
    let mut conns: Vec<ConnId> = world.server().received.iter().map(|(at, _)| *at).collect();
    assert_eq!(conns.len(), 3);
    conns.sort_unstable();
    conns.dedup();
    assert_eq!(conns.len(), 2);
    assert_eq!(
        world.server().versions_asked.len(),
        2,
        "each asks for itself"
    );
}

#[test]
fn cn1_who_moves_is_held_back_as_before_and_then_begins_anew() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.client().persistent = true;
    world.send(1);
    world.run_for(5_000);
    world.client().persistent = false;
    world.run_for(2_000);
    world.client().ends.clear();
    // The pause by now is a second; the request that fails begins one.
    world.send(1);
    world.run_for(10);
    assert_eq!(world.client().ends.len(), 1);
    world.0.apply(Fault::Start(ELSEWHERE));
    let moved = network_client::Node::new(7, Place::of(Address::new(ELSEWHERE, 9092)));
    world.client().destinations.push_back(moved);
    world.send(1);
    world.run_for(500);
    assert_eq!(world.client().ends.len(), 1, "it waits all the same");
    world.run_for(1_000);
    assert_eq!(world.client().ends[1].2, Ok(()));
}
