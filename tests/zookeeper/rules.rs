//! Rules that no transcript shows: restarts, lost connections, silence, damaged disks.

use crate::world::{Do, DoRaw, World, recorded_config};
use bytes::Bytes;
use kafka_trial::kernel::{Duration, Fault, FaultId, NodeId, NodeStatus};
use kafka_trial::protocol::Fact;
use kafka_trial::protocol::zookeeper::{
    Answer, ClientMessage, Code, ConnectRequest, CreateMode, MultiOp, Op, Path, ServerMessage,
    SessionEvent, WatchType, WatchedEvent,
};
use kafka_trial::zookeeper::ServerConfig;
use std::rc::Rc;

fn path(path: &str) -> Path {
    Rc::from(path)
}

fn create(at: &str, mode: CreateMode) -> Op {
    Op::Create {
        path: path(at),
        data: Bytes::new(),
        mode,
    }
}

fn set(at: &str, data: &'static str) -> Op {
    Op::SetData {
        path: path(at),
        data: Bytes::from_static(data.as_bytes()),
        version: -1,
    }
}

fn get(at: &str, watch: bool) -> Op {
    Op::GetData {
        path: path(at),
        watch,
    }
}

fn exists(at: &str, watch: bool) -> Op {
    Op::Exists {
        path: path(at),
        watch,
    }
}

fn children(at: &str, watch: bool) -> Op {
    Op::GetChildren {
        path: path(at),
        watch,
    }
}

fn watch(kind: WatchType, at: &str) -> SessionEvent {
    let path = path(at);
    SessionEvent::Watch(WatchedEvent { kind, path })
}

fn cut(world: &mut World, a: NodeId, b: NodeId) -> FaultId {
    let fault = Fault::Cut {
        from: vec![a],
        to: vec![b],
        both: true,
    };
    world.kernel.apply(fault).expect("a lasting rule")
}

fn restart(world: &mut World) {
    world.kernel.apply(Fault::Start(world.server));
    world.until(|world| world.server().is_serving());
}

/// Everything in the tree, to be compared.
fn picture(world: &World) -> Vec<String> {
    let show = |(path, data, stat): (&Path, &Bytes, _)| format!("{path} {data:?} {stat:?}");
    world.tree().iter().map(show).collect()
}

#[test]
fn zb12_a_restart_finds_the_same_tree_in_snapshot_and_log() {
    let mut world = World::new(1, recorded_config());
    let a = world.connected("a", 10_000);
    for round in 0..3 {
        world
            .ask(a, create("/n-", CreateMode::PERSISTENT_SEQUENTIAL))
            .expect("made");
        world.ask(a, set("/", "root")).expect("set");
        world
            .ask(
                a,
                Op::Multi(vec![
                    MultiOp::Create {
                        path: path("/e-"),
                        data: Bytes::from_static(b"e"),
                        mode: CreateMode::EPHEMERAL_SEQUENTIAL,
                    },
                    MultiOp::Check {
                        path: path("/"),
                        version: round + 1,
                    },
                ]),
            )
            .expect("answered");
        world.ask(a, set("/none", "")).expect_err("NoNode");
        let (before, last) = (picture(&world), world.server().last_zxid());
        world.kernel.apply(Fault::Crash(world.server));
        world.run_ms(50);
        restart(&mut world);
        assert_eq!(picture(&world), before);
        assert_eq!(
            world.server().last_zxid(),
            last,
            "failed writes count too (fact 5)"
        );
        world.until(|world| world.session(a).is_connected());
    }
    assert_eq!(world.tree().children("/").count(), 7);
}

#[test]
fn zb14_after_a_restart_sessions_live_on_with_full_timeouts() {
    let mut world = World::new(2, recorded_config());
    let (back, gone) = (world.connected("back", 4000), world.connected("gone", 4000));
    world
        .ask(back, create("/back", CreateMode::EPHEMERAL))
        .expect("made");
    world
        .ask(gone, create("/gone", CreateMode::EPHEMERAL))
        .expect("made");
    let id = world.session_id(back);
    world.kernel.apply(Fault::Crash(world.server));
    world.kernel.apply(Fault::Crash(gone));
    world.run_ms(20_000);
    restart(&mut world);
    let served = world.kernel.now();
    world.run_ms(3900);
    assert!(
        world.tree().get("/gone").is_some(),
        "nothing expires while nobody counts"
    );
    world.until(|world| world.tree().get("/gone").is_none());
    assert!(world.kernel.now() < served + Duration::from_millis(4600));
    assert_eq!(world.session_id(back), id, "the same session goes on");
    assert!(world.session(back).is_connected());
    assert!(world.tree().get("/back").is_some());
    let facts = world.take_facts();
    assert!(facts.contains(&Fact::SessionResumed { session: id }));
    assert!(facts.contains(&Fact::SessionExpired {
        session: id + 1,
        ephemerals: vec![path("/gone")],
    }));
}

#[test]
fn zb11_what_was_answered_survives_a_power_failure() {
    for seed in 0..20 {
        let mut world = World::new(seed, recorded_config());
        let a = world.connected("a", 10_000);
        for _ in 0..50 {
            world.request(a, create("/n-", CreateMode::PERSISTENT_SEQUENTIAL));
        }
        // Somewhere amid the batches.
        world.run_to(world.kernel.now() + Duration::from_micros(400 + 150 * seed));
        let answered = world
            .take_events(a)
            .into_iter()
            .filter_map(|event| match event {
                SessionEvent::Answer {
                    result: Ok(Answer::Created { path, .. }),
                    ..
                } => Some(path),
                _ => None,
            })
            .collect::<Vec<_>>();
        world.kernel.apply(Fault::PowerFailure(world.server));
        restart(&mut world);
        for path in &answered {
            assert!(world.tree().get(path).is_some(), "{path} was answered");
        }
        // What else is there is a prefix of what was asked.
        let made = world.tree().children("/").count() - 1;
        assert!(made >= answered.len() && made <= 50);
        assert!(made == 0 || world.tree().get(&format!("/n-{:010}", made - 1)).is_some());
    }
}

#[test]
fn zb11_a_batch_of_writes_shares_one_fsync() {
    let mut world = World::new(3, recorded_config());
    let a = world.connected("a", 10_000);
    let begin = world.kernel.now();
    world
        .ask(a, create("/one", CreateMode::PERSISTENT))
        .expect("made");
    let alone = world.kernel.now() - begin;
    let begin = world.kernel.now();
    for _ in 0..199 {
        world.request(a, create("/n-", CreateMode::PERSISTENT_SEQUENTIAL));
    }
    world
        .ask(a, create("/last", CreateMode::PERSISTENT))
        .expect("made");
    let together = world.kernel.now() - begin;
    assert!(
        together < alone.saturating_mul(50),
        "{together:?} for 200, {alone:?} for one"
    );
    assert_eq!(world.tree().children("/").count(), 202);
}

#[test]
fn zk6_the_event_is_on_the_wire_before_the_reply_that_shows_the_change() {
    let mut world = World::new(4, recorded_config());
    let raw = world.raw("raw");
    world.tell_raw(raw, DoRaw::Dial);
    world.tell_raw(
        raw,
        DoRaw::Send(ClientMessage::Connect(ConnectRequest {
            last_zxid_seen: 0,
            timeout_ms: 10_000,
            session_id: 0,
            password: 0,
        })),
    );
    world.run_ms(50);
    for (xid, op) in (1..).zip([
        create("/a", CreateMode::PERSISTENT),
        get("/a", true),
        children("/", true),
        set("/a", "x"),
        get("/a", true),
        Op::Delete {
            path: path("/a"),
            version: -1,
        },
    ]) {
        world.tell_raw(raw, DoRaw::Send(ClientMessage::Request { xid, op }));
    }
    world.run_ms(50);
    let frames: Vec<String> = world
        .raw_mut(raw)
        .inbox
        .drain(..)
        .map(|frame| match frame {
            ServerMessage::Connected(_) => "connected".to_owned(),
            ServerMessage::Pong => "pong".to_owned(),
            ServerMessage::Reply { xid, zxid, .. } => format!("reply {xid} at {zxid}"),
            ServerMessage::Watch(event) => format!("{:?} {}", event.kind, event.path),
        })
        .collect();
    assert_eq!(
        frames,
        [
            "connected",
            "reply 1 at 2",
            "reply 2 at 2",
            "reply 3 at 2",
            "NodeDataChanged /a",
            "reply 4 at 3",
            "reply 5 at 3",
            "NodeDeleted /a",
            "NodeChildrenChanged /",
            "reply 6 at 4",
        ]
    );
}

#[test]
fn zk5_a_client_that_has_seen_more_is_turned_away() {
    let mut world = World::new(5, recorded_config());
    let raw = world.raw("raw");
    world.tell_raw(raw, DoRaw::Dial);
    world.tell_raw(
        raw,
        DoRaw::Send(ClientMessage::Connect(ConnectRequest {
            last_zxid_seen: 1,
            timeout_ms: 10_000,
            session_id: 0,
            password: 0,
        })),
    );
    world.run_ms(50);
    assert!(world.raw_mut(raw).closed && world.raw_mut(raw).inbox.is_empty());
    assert_eq!(world.server().last_zxid(), 0, "and used no zxid");
}

#[test]
fn zk7_watches_are_set_again_after_a_reconnect_and_tell_what_was_missed() {
    let mut world = World::new(6, recorded_config());
    let (a, b) = (world.connected("a", 10_000), world.connected("b", 10_000));
    for at in ["/data", "/child", "/same", "/dead"] {
        world
            .ask(b, create(at, CreateMode::PERSISTENT))
            .expect("made");
    }
    for at in ["/data", "/same", "/dead"] {
        world.ask(a, get(at, true)).expect("there");
    }
    world.ask(a, children("/child", true)).expect("there");
    world
        .ask(a, exists("/new", true))
        .expect_err("not there yet");
    world
        .ask(a, exists("/flash", true))
        .expect_err("not there yet");
    world.run_ms(10);
    world.take_events(a);
    let server = world.server;
    world.kernel.apply(Fault::Reset {
        a: vec![a],
        b: vec![server],
    });
    world.run_ms(20);
    assert_eq!(world.take_events(a), vec![SessionEvent::Disconnected]);
    for op in [
        set("/data", "1"),
        set("/data", "2"),
        create("/child/c", CreateMode::PERSISTENT),
        create("/new", CreateMode::PERSISTENT),
        create("/flash", CreateMode::PERSISTENT),
        Op::Delete {
            path: path("/flash"),
            version: -1,
        },
        Op::Delete {
            path: path("/dead"),
            version: -1,
        },
    ] {
        world.ask(b, op).expect("done");
    }
    // Asked while nobody is there: it waits, and comes after the missed events.
    let token = world.request(a, exists("/data", false));
    world.until(|world| world.session(a).is_connected());
    world.run_ms(20);
    let mut events = world.take_events(a);
    let session = world.session_id(a);
    assert_eq!(events.remove(0), SessionEvent::Connected { session });
    assert!(
        matches!(events.pop(), Some(SessionEvent::Answer { token: t, result: Ok(_) }) if t == token)
    );
    assert_eq!(
        events,
        vec![
            watch(WatchType::NodeDataChanged, "/data"),
            watch(WatchType::NodeDeleted, "/dead"),
            watch(WatchType::NodeCreated, "/new"),
            watch(WatchType::NodeChildrenChanged, "/child"),
        ],
        "changes fold into one event, and what came and went is missed"
    );
    world.ask(b, set("/same", "now")).expect("done");
    world
        .ask(b, create("/flash", CreateMode::PERSISTENT))
        .expect("done");
    world.run_ms(20);
    assert_eq!(
        world.take_events(a),
        vec![
            watch(WatchType::NodeDataChanged, "/same"),
            watch(WatchType::NodeCreated, "/flash"),
        ],
        "the others stand"
    );
}

#[test]
fn zk11_requests_in_flight_end_in_connection_loss_and_may_have_happened() {
    let mut world = World::new(7, recorded_config());
    let a = world.connected("a", 10_000);
    let server = world.server;
    let answers = world.kernel.apply(Fault::Cut {
        from: vec![server],
        to: vec![a],
        both: false,
    });
    let token = world.request(a, create("/maybe", CreateMode::PERSISTENT));
    world.until(|world| world.tree().get("/maybe").is_some());
    world.kernel.apply(Fault::Crash(server));
    world.kernel.apply(Fault::Heal(answers));
    world.kernel.apply(Fault::Reset {
        a: vec![a],
        b: vec![server],
    });
    world.run_ms(20);
    let result = Err(Code::ConnectionLoss);
    assert_eq!(
        world.take_events(a),
        vec![
            SessionEvent::Answer { token, result },
            SessionEvent::Disconnected
        ]
    );
    // One made while disconnected waits for the next attempt, and fails with it.
    let token = world.request(a, create("/never", CreateMode::PERSISTENT));
    world.run_ms(5000);
    let result = Err(Code::ConnectionLoss);
    assert_eq!(
        world.take_events(a),
        vec![SessionEvent::Answer { token, result }]
    );
    restart(&mut world);
    assert!(world.tree().get("/maybe").is_some());
    assert!(world.tree().get("/never").is_none());
}

#[test]
fn zb16_a_silent_server_is_given_up_after_two_thirds_of_the_session() {
    let mut world = World::new(8, recorded_config());
    let a = world.connected("a", 9000);
    world.run_ms(30_000);
    assert!(world.session(a).is_connected(), "pings keep it alive");
    let server = world.server;
    cut(&mut world, a, server);
    let begin = world.kernel.now();
    world.until(|world| !world.session(a).is_connected());
    let waited = (world.kernel.now() - begin).as_millis();
    // The last pong may be as old as a ping interval (a third of the session).
    assert!((3000..=6000).contains(&waited), "{waited} ms");
    assert_eq!(
        world.session(a).session_id(),
        Some(world.server().sessions()[0].id),
        "it knows of no end"
    );
}

#[test]
fn zk9_expiry_is_learned_from_a_server_only_and_ends_in_a_new_session() {
    let mut world = World::new(9, recorded_config());
    let a = world.connected("a", 4000);
    let id = world.session_id(a);
    world
        .ask(a, create("/mine", CreateMode::EPHEMERAL))
        .expect("made");
    world.ask(a, exists("/mine", true)).expect("there");
    let server = world.server;
    let rule = cut(&mut world, a, server);
    world.run_ms(60_000);
    assert!(world.tree().get("/mine").is_none());
    let events = world.take_events(a);
    assert!(!events.contains(&SessionEvent::Expired), "{events:?}");
    assert_eq!(world.session_id(a), id);
    world.kernel.apply(Fault::Heal(Some(rule)));
    world.until(|world| world.session(a).session_id().is_none());
    assert_eq!(world.take_events(a), vec![SessionEvent::Expired]);
    let token = world.request(a, exists("/mine", false));
    world.run_ms(10);
    let result = Err(Code::SessionExpired);
    assert_eq!(
        world.take_events(a),
        vec![SessionEvent::Answer { token, result }]
    );
    world.tell(a, Do::Reopen);
    world.until(|world| world.session(a).is_connected());
    assert!(world.session_id(a) > id);
    let facts = world.take_facts();
    assert!(facts.contains(&Fact::ZooKeeperSessionLost { session: id }));
    assert!(facts.contains(&Fact::ZooKeeperConnected {
        session: id + 1,
        resumed: false
    }));
    world.run_ms(100);
    assert_eq!(
        world.take_events(a),
        vec![SessionEvent::Connected { session: id + 1 }],
        "old watches are gone"
    );
}

#[test]
fn zb16_reconnects_pause_at_random() {
    let waits = |seed| {
        let mut world = World::new(seed, recorded_config());
        let a = world.connected("a", 10_000);
        let server = world.server;
        world.kernel.apply(Fault::Reset {
            a: vec![a],
            b: vec![server],
        });
        let begin = world.kernel.now();
        world.run_ms(5);
        world.until(|world| world.session(a).is_connected());
        (world.kernel.now() - begin).as_millis()
    };
    let waits: Vec<u64> = (0..8).map(waits).collect();
    // One server: its list has been gone round, which is another second.
    assert!(
        waits.iter().all(|ms| (1000..2010).contains(ms)),
        "{waits:?}"
    );
    assert!(waits.iter().max() > waits.iter().min());
}

#[test]
fn closing_a_session_removes_its_ephemerals_at_once_and_closes_the_connection() {
    let mut world = World::new(10, recorded_config());
    let a = world.connected("a", 10_000);
    let id = world.session_id(a);
    world
        .ask(a, create("/mine", CreateMode::EPHEMERAL))
        .expect("made");
    world.request(a, create("/mine-too", CreateMode::EPHEMERAL));
    world.tell(a, Do::Close);
    world.run_ms(50);
    let events = world.take_events(a);
    assert_eq!(events.last(), Some(&SessionEvent::Closed));
    assert_eq!(world.tree().children("/").count(), 1);
    assert!(world.server().sessions().is_empty());
    assert_eq!(world.session(a).session_id(), None);
    assert!(world.take_facts().contains(&Fact::SessionClosed {
        session: id,
        ephemerals: vec![path("/mine"), path("/mine-too")],
    }));
}

#[test]
fn a_log_that_is_damaged_is_refused_and_a_torn_end_is_not() {
    for (position, serves) in [(40, false), (u64::MAX, true)] {
        let mut world = World::new(11, recorded_config());
        let a = world.connected("a", 10_000);
        world
            .ask(a, create("/one", CreateMode::PERSISTENT))
            .expect("made");
        world
            .ask(a, create("/two", CreateMode::PERSISTENT))
            .expect("made");
        let server = world.server;
        world.kernel.apply(Fault::Crash(server));
        let log = "zookeeper/version-2/log.1";
        if serves {
            let disk = world.kernel.disk_mut(server);
            let file = disk.open(log).expect("the log");
            let len = disk.len(file);
            disk.truncate(file, len - 3).expect("cut");
        } else {
            world.kernel.apply(Fault::DiskFlip {
                node: server,
                path: log.to_owned(),
                position,
                bit: 3,
            });
        }
        world.kernel.apply(Fault::Start(server));
        world.run_ms(100);
        assert_eq!(world.server().is_serving(), serves);
        if serves {
            assert!(world.tree().get("/one").is_some());
            assert!(world.tree().get("/two").is_none());
            world.until(|world| world.kernel.status(server) == NodeStatus::Running);
        } else {
            assert_eq!(world.kernel.status(server), NodeStatus::Down);
            assert!(
                world
                    .take_facts()
                    .iter()
                    .any(|fact| matches!(fact, Fact::Exiting { why, .. } if why.contains("log.1")))
            );
        }
    }
}

#[test]
fn a_server_that_cannot_write_its_log_ends_and_answers_nothing() {
    for fault in [
        |node| Fault::DiskFull { node, on: true },
        |node| Fault::DiskSyncFails { node, on: true },
    ] {
        let mut world = World::new(12, recorded_config());
        let a = world.connected("a", 10_000);
        let server = world.server;
        world.kernel.apply(fault(server));
        let token = world.request(a, create("/a", CreateMode::PERSISTENT));
        world.run_ms(100);
        assert_eq!(world.kernel.status(server), NodeStatus::Down);
        let result = Err(Code::ConnectionLoss);
        assert_eq!(
            world.take_events(a)[0],
            SessionEvent::Answer { token, result }
        );
    }
}

#[test]
fn zb11_snapshots_bound_what_a_restart_reads() {
    let mut world = World::new(
        13,
        ServerConfig {
            snap_count: 20,
            ..recorded_config()
        },
    );
    let a = world.connected("a", 10_000);
    for _ in 0..100 {
        world
            .ask(a, create("/n-", CreateMode::PERSISTENT_SEQUENTIAL))
            .expect("made");
    }
    let before = picture(&world);
    let server = world.server;
    let names = world.kernel.disk(server).list("zookeeper/version-2");
    let snapshots = names.iter().filter(|n| n.starts_with("snapshot.")).count();
    assert!((5..=11).contains(&snapshots), "{names:?}");
    // The first log is not needed any more.
    world.kernel.apply(Fault::Crash(server));
    world
        .kernel
        .disk_mut(server)
        .delete("zookeeper/version-2/log.1")
        .expect("there");
    restart(&mut world);
    assert_eq!(picture(&world), before);
}

#[test]
fn an_idle_server_costs_nothing_and_one_with_a_session_its_pings() {
    let mut world = World::new(14, recorded_config());
    assert_eq!(world.kernel.next_time(), None, "no session, no tick");
    world.connected("a", 18_000);
    let begin = world.kernel.events();
    world.run_ms(600_000);
    let events = world.kernel.events() - begin;
    // A ping and a pong every 6 s, each sent, delivered and handled; a tick now and then.
    assert!(events < 1000, "{events} events in ten minutes");
}

#[test]
fn fact_20_the_ephemeral_of_another_session_may_be_deleted_and_made_anew() {
    let mut world = World::new(15, recorded_config());
    let (a, b) = (world.connected("a", 10_000), world.connected("b", 10_000));
    world
        .ask(a, create("/one", CreateMode::EPHEMERAL))
        .expect("made");
    // All three in one go: prepared against what is not applied yet.
    let delete = Op::Delete {
        path: path("/one"),
        version: 0,
    };
    world.request(b, delete);
    world.request(b, create("/one", CreateMode::EPHEMERAL));
    world.tell(a, Do::Close);
    world.run_ms(50);
    let (_, stat) = world.tree().get("/one").expect("b's");
    assert_eq!(stat.ephemeral_owner, world.session_id(b));
}
