//! Rules that no transcript shows: restarts, batches, damaged disks.

use crate::world::*;
use bytes::Bytes;
use kafka_trial::kernel::{Duration, Fault, NodeStatus};
use kafka_trial::protocol::Fact;
use kafka_trial::protocol::zookeeper::{
    Answer, ClientMessage, Code, ConnectRequest, CreateMode, MultiOp, Op, Path, ServerMessage,
    SessionEvent,
};
use kafka_trial::zookeeper::ServerConfig;

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
