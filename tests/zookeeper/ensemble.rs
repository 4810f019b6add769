//! What a real ensemble was seen to do: the recorded change of leaders, and the facts of the vectors'
//! README (23 to 27) with the rules behind them.

use crate::world::{Do, DoRaw, World, children, create, exists, get, path, recorded_config, set};
use bytes::Bytes;
use kafka_trial::kernel::{Fault, NodeId};
use kafka_trial::protocol::Fact;
use kafka_trial::protocol::rules::ZkNewleaderAck;
use kafka_trial::protocol::zab::SyncMode;
use kafka_trial::protocol::zookeeper::{
    Answer, ClientMessage, Code, ConnectRequest, CreateMode, Op, ServerMessage, SessionEvent, Stat,
    Zxid,
};
use kafka_trial::zookeeper::QuorumRole;

const EPHEMERAL: CreateMode = CreateMode::EPHEMERAL;
const PERSISTENT: CreateMode = CreateMode::PERSISTENT;

fn zxid(epoch: i64, counter: i64) -> Zxid {
    (epoch << 32) + counter
}

/// `vectors/zookeeper/ensemble_leader_change.json`, step by step.
#[test]
fn zk1_zb5_zb6_zb10_ensemble_leader_change_replays() {
    let mut world = World::members(1, &recorded_config(), 3);
    let servers = world.servers.clone();
    for server in &servers {
        world.kernel.apply(Fault::Start(*server));
    }
    world.until(|world| world.all_serve());
    assert_eq!(leader(&world), 3);
    assert_eq!(zxids(&world), [Some(0), Some(0), Some(zxid(1, 0))]);
    assert_eq!(epochs(&world), [(1, 1); 3]);

    let mut x = Spoken::new(&mut world, "x", servers[2], 30_000);
    let y = world.connected_at("y", 30_000, &servers[..1]);
    assert_eq!(x.ask(&mut world, create("/n", PERSISTENT)).0, zxid(1, 3));
    assert_eq!(
        made(world.ask(y, create("/y", EPHEMERAL))).czxid,
        zxid(1, 4)
    );
    assert_eq!(x.ask(&mut world, create("/x", EPHEMERAL)).0, zxid(1, 5));
    assert_eq!(shown(world.ask(y, exists("/x", true))).czxid, zxid(1, 5));
    let stat = shown(world.ask(y, set("/n", "1")));
    assert_eq!((stat.mzxid, stat.version), (zxid(1, 6), 1));
    let mut z = Spoken::new(&mut world, "z", servers[2], 4_000);
    assert_eq!(z.ask(&mut world, create("/z", EPHEMERAL)).0, zxid(1, 8));
    let k = world.connected("k", 30_000);
    assert!(world.ask(k, create("/k", EPHEMERAL)).is_ok());

    world.kernel.apply(Fault::Crash(servers[2]));
    let killed = world.kernel.now();
    let stat = until_done(&mut world, k, "/n");
    assert_eq!((stat.mzxid, stat.version), (zxid(2, 1), 2));
    let stat = until_done(&mut world, k, "/n");
    assert_eq!((stat.mzxid, stat.version), (zxid(2, 2), 3));
    world.until(|world| world.all_serve());
    assert_eq!(leader(&world), 2);
    assert_eq!(zxids(&world), [Some(zxid(2, 2)), Some(zxid(2, 2)), None]);
    assert_eq!(epochs(&world), [(2, 2), (2, 2), (1, 1)]);

    // Followers have dropped their clients; sessions and ephemerals live on.
    let events = world.take_events(y);
    assert!(events.contains(&SessionEvent::Disconnected));
    world.until(|world| world.session(y).is_connected());
    assert_eq!(shown(world.ask(y, exists("/y", false))).czxid, zxid(1, 4));
    assert_eq!(shown(world.ask(y, exists("/x", false))).czxid, zxid(1, 5));
    assert!(world.tree().get("/k").is_some());

    // The new leader starts every timer afresh: Z, which is not back, goes after its 4 s and not before.
    world.until(|world| world.tree().get("/z").is_none());
    let after = (world.kernel.now() - killed).as_millis();
    assert!((4_000..=5_500).contains(&after), "gone after {after} ms");

    let mut x = x.move_to(&mut world, servers[0]);
    let (at, answer) = x.ask(&mut world, exists("/x", false));
    assert_eq!((at, shown(answer).czxid), (zxid(2, 3), zxid(1, 5)));
    let (at, _) = x.ask(&mut world, create("/after", PERSISTENT));
    assert_eq!(at, zxid(2, 4));

    world.kernel.apply(Fault::Start(servers[2]));
    world.run_ms(50);
    world.until(|world| world.all_serve());
    assert_eq!(leader(&world), 2, "the old leader follows");
    assert_eq!(zxids(&world), [Some(zxid(2, 4)); 3]);
    assert_eq!(epochs(&world), [(2, 2); 3]);

    world.kernel.apply(Fault::Crash(servers[1]));
    world.run_ms(50);
    world.until(|world| world.all_serve());
    let q = world.connected_at("q", 30_000, &servers[..1]);
    assert_eq!(leader(&world), 3);
    world.run_ms(20);
    assert_eq!(zxids(&world), [Some(zxid(3, 1)), None, Some(zxid(3, 1))]);
    assert_eq!(epochs(&world), [(3, 3), (2, 2), (3, 3)]);
    let stat = shown(world.ask(q, set("/n", "3")));
    assert_eq!((stat.mzxid, stat.version), (zxid(3, 2), 4));
    let Ok(Answer::Children { children, .. }) = world.ask(q, children("/", false)) else {
        panic!("children")
    };
    let names: Vec<&str> = children.iter().map(|name| &**name).collect();
    assert_eq!(names, ["after", "k", "n", "x", "y", "zookeeper"]);
    world.tell(q, Do::Close);
    world.run_ms(100);

    for server in [servers[0], servers[2]] {
        world.kernel.apply(Fault::Terminate(server));
    }
    world.run_ms(100);
    for server in &servers {
        world.kernel.apply(Fault::Start(*server));
    }
    world.run_ms(50);
    world.until(|world| world.all_serve());
    assert_eq!(leader(&world), 3);
    let last = zxid(3, 3);
    assert_eq!(zxids(&world), [Some(last), Some(last), Some(zxid(4, 0))]);
    assert_eq!(epochs(&world), [(4, 4); 3]);

    let q = world.connected_at("q2", 30_000, &servers[..1]);
    let Ok(Answer::Data { data, stat }) = world.ask(q, get("/n", false)) else {
        panic!("data")
    };
    assert_eq!(data, Bytes::from_static(b"3"));
    assert_eq!((stat.czxid, stat.mzxid), (zxid(1, 3), zxid(3, 2)));
    let stat = made(world.ask(q, create("/last", PERSISTENT)));
    assert_eq!(stat.czxid, zxid(4, 2));
    world.run_ms(20);
    assert_eq!(zxids(&world), [Some(zxid(4, 2)); 3]);
    assert_eq!(epochs(&world), [(4, 4); 3]);
}

#[test]
fn zk5_a_read_at_a_follower_may_be_stale_and_sync_makes_it_fresh() {
    let mut world = World::ensemble(2, &recorded_config(), 3);
    let (leader, follower) = (world.servers[2], world.servers[0]);
    let writer = world.connected_at("writer", 30_000, &[leader]);
    let reader = world.connected_at("reader", 30_000, &[follower]);
    assert!(world.ask(writer, create("/n", PERSISTENT)).is_ok());
    world.run_ms(10);

    let (a, b) = (vec![leader], vec![follower]);
    world.kernel.apply(Fault::Stall { a, b });
    let written = shown(world.ask(writer, set("/n", "new")));
    assert_eq!(written.version, 1, "a quorum has it");
    let stale = shown(world.ask(reader, get("/n", false)));
    assert_eq!(stale.version, 0, "an answered write is not seen");

    let sync = world.request(reader, Op::Sync { path: path("/n") });
    let read = world.request(reader, get("/n", false));
    world.run_ms(300);
    let events = world.take_events(reader);
    assert!(events.is_empty(), "it waits for the leader: {events:?}");
    world.kernel.apply(Fault::Heal(None));
    world.run_ms(500);
    let events = world.take_events(reader);
    let answers: Vec<_> = events.into_iter().filter_map(answer_of).collect();
    assert_eq!(answers[0], (sync, Ok(Answer::Synced)));
    let (token, fresh) = answers[1].clone();
    assert_eq!((token, shown(fresh).version), (read, 1));
}

#[test]
fn zb15_a_write_by_the_server_that_a_session_has_left_is_refused() {
    let mut world = World::ensemble(3, &recorded_config(), 3);
    let servers = world.servers.clone();
    let mut old = Spoken::new(&mut world, "old", servers[0], 30_000);
    assert!(old.ask(&mut world, create("/a", PERSISTENT)).1.is_ok());
    let mut new = old.move_to(&mut world, servers[1]);
    assert!(new.ask(&mut world, create("/b", PERSISTENT)).1.is_ok());

    old.send(&mut world, create("/c", PERSISTENT));
    world.until(|world| world.raw_mut(old.node).closed);
    assert!(world.tree().get("/c").is_none());
    assert!(new.ask(&mut world, create("/d", PERSISTENT)).1.is_ok());
}

#[test]
fn zb7_a_follower_that_was_away_comes_back_by_diff_and_one_that_was_long_away_by_snap() {
    let mut world = World::ensemble(4, &recorded_config(), 3);
    let away = world.servers[0];
    let last = world.servers[2];
    let client = world.connected_at("client", 30_000, &[last]);
    assert!(world.ask(client, create("/n", PERSISTENT)).is_ok());
    for (writes, expected) in [(20, "DIFF"), (600, "SNAP")] {
        world.run_ms(50);
        world.kernel.apply(Fault::Crash(away));
        for _ in 0..writes {
            assert!(world.ask(client, set("/n", "x")).is_ok());
        }
        world.take_facts();
        world.kernel.apply(Fault::Start(away));
        world.run_ms(20);
        world.until(|world| world.all_serve());
        let facts = world.take_facts();
        let mode = facts.iter().find_map(|fact| match fact {
            Fact::LearnerSynchronised { mode, .. } => Some(mode.to_string()),
            _ => None,
        });
        assert_eq!(mode.as_deref(), Some(expected), "after {writes} writes");
        world.run_ms(50);
        let tree = world.server_at(away).tree();
        assert_eq!(tree.get("/n"), world.tree().get("/n"));
    }
}

#[test]
fn zb7_what_only_a_lost_leader_had_is_cut_off_when_it_returns() {
    let mut world = World::ensemble(5, &recorded_config(), 3);
    let old = world.servers[2];
    let client = world.connected_at("client", 30_000, &[old]);
    assert!(world.ask(client, create("/kept", PERSISTENT)).is_ok());
    world.run_ms(20);
    let others = world.servers[..2].to_vec();
    world.kernel.apply(Fault::partition(&[old], &others));
    let token = world.request(client, create("/lost", PERSISTENT));
    world.until(|world| world.leader() == Some(world.servers[1]));
    world.until(|world| !world.server_at(old).is_serving());
    world.run_ms(10);
    let events = world.take_events(client);
    let lost = (token, Err(Code::ConnectionLoss));
    assert!(
        events
            .into_iter()
            .filter_map(answer_of)
            .any(|answer| answer == lost)
    );

    world.take_facts();
    world.kernel.apply(Fault::Heal(None));
    world.until(|world| world.all_serve());
    let facts = world.take_facts();
    assert!(facts.iter().any(|fact| matches!(
        fact,
        Fact::LearnerSynchronised {
            learner: 3,
            mode: SyncMode::Trunc,
            ..
        }
    )));
    world.run_ms(50);
    for server in &world.servers {
        let tree = world.server_at(*server).tree();
        assert!(tree.get("/kept").is_some() && tree.get("/lost").is_none());
    }
}

/// The server that was away when a write was committed makes a quorum with the leader, which has it acknowledged
/// that it is up to date; at that moment its power fails. It counts more than who has the write, unless the new
/// name of its currentEpoch is lost too, for which nobody waits.
#[test]
fn zb8_what_a_learner_acknowledges_is_on_its_disk() {
    let kept = |ack| (1..6).all(|seed| keeps_what_was_acknowledged(seed, ack));
    assert!(kept(ZkNewleaderAck::Durable));
    assert!(!kept(ZkNewleaderAck::BeforeFsync));
}

fn keeps_what_was_acknowledged(seed: u64, ack: ZkNewleaderAck) -> bool {
    let mut config = recorded_config();
    config.rules.zk_newleader_ack = ack;
    let mut world = World::ensemble(seed, &config, 3);
    let [away, other, last] = world.servers[..] else {
        panic!("three servers");
    };
    let client = world.connected_at("client", 30_000, &[last]);
    assert!(world.ask(client, create("/n", PERSISTENT)).is_ok());
    world.run_ms(50);
    world.kernel.apply(Fault::Crash(away));
    assert!(world.ask(client, set("/n", "x")).is_ok());
    world.kernel.apply(Fault::Crash(other));
    world.until(|world| world.leader().is_none());
    world.kernel.apply(Fault::Start(away));
    world.until(|world| world.leader() == Some(last));
    world.kernel.apply(Fault::PowerFailure(away));
    world.kernel.apply(Fault::Crash(last));
    world.kernel.apply(Fault::Start(away));
    world.kernel.apply(Fault::Start(other));
    world.until(|world| world.all_serve());
    let tree = world.server_at(other).tree();
    tree.get("/n").is_some_and(|(data, _)| &data[..] == b"x")
}

#[test]
fn zb12_a_write_that_nobody_answered_may_be_there() {
    let mut world = World::ensemble(6, &recorded_config(), 3);
    let followers = world.servers[..2].to_vec();
    let last = world.servers[2];
    let client = world.connected_at("client", 30_000, &[last]);
    for follower in &followers {
        world.kernel.apply(Fault::Pause(*follower));
    }
    let paused = world.kernel.now();
    let token = world.request(client, create("/maybe", PERSISTENT));
    world.run_ms(1_000);
    assert!(world.ask(client, get("/", false)).is_err() || world.tree().get("/maybe").is_none());
    world.until(|world| world.leader().is_none());
    let after = (world.kernel.now() - paused).as_millis();
    assert!(
        (3_000..=4_500).contains(&after),
        "it steps down after {after} ms"
    );
    world.run_ms(10);
    let _ = (token, world.take_events(client));
    for follower in &followers {
        world.kernel.apply(Fault::Resume(*follower));
    }
    world.until(|world| world.all_serve());
    assert!(world.tree().get("/maybe").is_some());
}

#[test]
fn zk4_without_a_quorum_nothing_is_answered_and_nothing_expires() {
    let mut world = World::ensemble(7, &recorded_config(), 3);
    let first = world.servers[0];
    let mut short = Spoken::new(&mut world, "short", first, 4_000);
    assert!(short.ask(&mut world, create("/e", EPHEMERAL)).1.is_ok());
    world.run_ms(20);
    for server in [world.servers[1], world.servers[2]] {
        world.kernel.apply(Fault::Crash(server));
    }
    world.run_ms(15_000);
    assert!(world.raw_mut(short.node).closed, "its clients are cut off");
    let view = world
        .server_at(world.servers[0])
        .quorum()
        .expect("a member");
    assert!(matches!(view.role, QuorumRole::Looking { .. }));
    let late = world.raw_at("late", world.servers[0]);
    world.tell_raw(late, DoRaw::Dial);
    world.tell_raw(late, DoRaw::Send(connect(0, 0, 4_000)));
    world.until(|world| world.raw_mut(late).closed);

    world.kernel.apply(Fault::Start(world.servers[1]));
    world.until(|world| world.leader().is_some());
    let begin = world.kernel.now();
    assert!(world.tree().get("/e").is_some(), "it outlived its timeout");
    world.until(|world| world.tree().get("/e").is_none());
    let after = (world.kernel.now() - begin).as_millis();
    assert!((4_000..=6_500).contains(&after), "gone after {after} ms");
}

#[test]
fn zb17_four_servers_bear_one_loss_as_three_do() {
    for count in [3, 4] {
        let mut world = World::ensemble(8, &recorded_config(), count);
        world.kernel.apply(Fault::Crash(world.servers[0]));
        world.run_ms(5_000);
        assert!(world.leader().is_some(), "{count} servers less one");
        world.kernel.apply(Fault::Crash(world.servers[1]));
        world.run_ms(5_000);
        assert!(world.leader().is_none(), "{count} servers less two");
    }
    let mut world = World::ensemble(8, &recorded_config(), 5);
    world.kernel.apply(Fault::Crash(world.servers[0]));
    world.kernel.apply(Fault::Crash(world.servers[1]));
    world.run_ms(5_000);
    assert!(world.leader().is_some(), "5 servers less two");
}

#[test]
fn zb9_a_follower_that_does_not_log_is_dropped_and_the_others_go_on() {
    let mut world = World::ensemble(9, &recorded_config(), 3);
    let slow = world.servers[0];
    let last = world.servers[2];
    let client = world.connected_at("client", 30_000, &[last]);
    world.kernel.apply(Fault::DiskSyncStuck {
        node: slow,
        on: true,
    });
    assert!(world.ask(client, create("/n", PERSISTENT)).is_ok());
    world.run_ms(6_000);
    assert!(!world.server_at(slow).is_serving());
    assert!(world.leader().is_some());
    world.kernel.apply(Fault::DiskSyncStuck {
        node: slow,
        on: false,
    });
    world.until(|world| world.all_serve());
    world.run_ms(50);
    assert!(world.server_at(slow).tree().get("/n").is_some());
}

// ---- helpers

/// The number of the server that leads.
fn leader(world: &World) -> usize {
    let leader = world.leader().expect("a leader");
    1 + world
        .servers
        .iter()
        .position(|server| *server == leader)
        .expect("a server")
}

/// What `srvr` shows of each server that runs.
fn zxids(world: &World) -> Vec<Option<Zxid>> {
    let zxid = |server: &NodeId| {
        world
            .is_up(*server)
            .then(|| world.server_at(*server).last_zxid())
    };
    world.servers.iter().map(zxid).collect()
}

/// acceptedEpoch and currentEpoch, as the files of each server say.
fn epochs(world: &World) -> Vec<(i64, i64)> {
    let read = |server: &NodeId, name: &str| {
        let disk = world.kernel.disk(*server);
        let file = disk
            .open(&format!("zookeeper/version-2/{name}"))
            .expect(name);
        let content = disk.peek(file).concat();
        std::str::from_utf8(&content)
            .expect("text")
            .parse()
            .expect("a number")
    };
    let both = |server: &NodeId| (read(server, "acceptedEpoch"), read(server, "currentEpoch"));
    world.servers.iter().map(both).collect()
}

/// Sets a node's data until it is answered.
fn until_done(world: &mut World, client: NodeId, at: &str) -> Stat {
    loop {
        match world.ask(client, set(at, "2")) {
            Err(Code::ConnectionLoss) => {}
            other => return shown(other),
        }
    }
}

fn shown(answer: Result<Answer, Code>) -> Stat {
    match answer {
        Ok(Answer::Exists(stat) | Answer::SetData(stat) | Answer::Data { stat, .. }) => stat,
        other => panic!("no stat: {other:?}"),
    }
}

fn made(answer: Result<Answer, Code>) -> Stat {
    match answer {
        Ok(Answer::Created { stat, .. }) => stat,
        other => panic!("not made: {other:?}"),
    }
}

fn answer_of(event: SessionEvent) -> Option<(u64, Result<Answer, Code>)> {
    match event {
        SessionEvent::Answer { token, result } => Some((token, result)),
        _ => None,
    }
}

fn connect(session_id: i64, password: u64, timeout_ms: u32) -> ClientMessage {
    ClientMessage::Connect(ConnectRequest {
        last_zxid_seen: 0,
        timeout_ms,
        session_id,
        password,
    })
}

/// A client that speaks by hand with one server.
struct Spoken {
    node: NodeId,
    session: i64,
    password: u64,
    xid: i32,
}

impl Spoken {
    fn new(world: &mut World, name: &str, server: NodeId, timeout_ms: u32) -> Self {
        Self::begin(world, name, server, connect(0, 0, timeout_ms), 0)
    }

    /// The same session on another server; the old connection stays as it is.
    fn move_to(&self, world: &mut World, server: NodeId) -> Self {
        let name = format!("{} of {:x}", server.0, self.session);
        let message = connect(self.session, self.password, 30_000);
        let moved = Self::begin(world, &name, server, message, self.xid);
        assert_eq!(moved.session, self.session);
        moved
    }

    fn begin(
        world: &mut World,
        name: &str,
        server: NodeId,
        message: ClientMessage,
        xid: i32,
    ) -> Self {
        let node = world.raw_at(name, server);
        world.tell_raw(node, DoRaw::Dial);
        world.tell_raw(node, DoRaw::Send(message));
        world.until(|world| !world.raw_mut(node).inbox.is_empty());
        match world.raw_mut(node).inbox.remove(0) {
            ServerMessage::Connected(response) => Spoken {
                node,
                session: response.session_id,
                password: response.password,
                xid,
            },
            other => panic!("{other:?}"),
        }
    }

    fn send(&mut self, world: &mut World, op: Op) {
        self.xid += 1;
        let xid = self.xid;
        world.tell_raw(self.node, DoRaw::Send(ClientMessage::Request { xid, op }));
    }

    /// The zxid of the reply, and the answer.
    fn ask(&mut self, world: &mut World, op: Op) -> (Zxid, Result<Answer, Code>) {
        self.send(world, op);
        world.until(|world| !world.raw_mut(self.node).inbox.is_empty());
        match world.raw_mut(self.node).inbox.remove(0) {
            ServerMessage::Reply { zxid, result, .. } => (zxid, result),
            other => panic!("{other:?}"),
        }
    }
}
