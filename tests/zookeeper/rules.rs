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
        assert_eq!(world.server().last_zxid(), last, "failed writes count too");
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

/// The watches that have fired since the last look.
fn fired(world: &mut World, of: kafka_trial::kernel::NodeId) -> Vec<String> {
    world.run_ms(20);
    let events = world.take_events(of).into_iter();
    events
        .filter_map(|event| match event {
            SessionEvent::Watch(event) => Some(format!("{:?} {}", event.kind, event.path)),
            _ => None,
        })
        .collect()
}

fn delete(at: &str) -> Op {
    Op::Delete {
        path: path(at),
        version: -1,
    }
}

#[test]
fn zk8_each_change_fires_the_watches_that_it_concerns_once() {
    let mut world = World::new(16, recorded_config());
    let (a, b) = (world.connected("a", 10_000), world.connected("b", 10_000));
    // Made: who asked whether it is there, and who looks at its parent's children.
    world.ask(b, exists("/n", true)).expect_err("NoNode");
    world.ask(b, children("/", true)).expect("the root");
    world
        .ask(a, create("/n", CreateMode::PERSISTENT))
        .expect("made");
    assert_eq!(
        fired(&mut world, b),
        ["NodeCreated /n", "NodeChildrenChanged /"]
    );
    // Set: who looks at it, and nobody who looks at children.
    world.ask(b, get("/n", true)).expect("there");
    world.ask(b, children("/", true)).expect("the root");
    world.ask(b, children("/n", true)).expect("there");
    world.ask(a, set("/n", "x")).expect("set");
    assert_eq!(fired(&mut world, b), ["NodeDataChanged /n"]);
    world.ask(a, set("/n", "y")).expect("set");
    assert_eq!(fired(&mut world, b), [""; 0], "a watch fires once");
    // A child of it: only who looks at its children.
    world.ask(b, exists("/n", true)).expect("there");
    world
        .ask(a, create("/n/c", CreateMode::PERSISTENT))
        .expect("made");
    assert_eq!(fired(&mut world, b), ["NodeChildrenChanged /n"]);
    world.ask(a, delete("/n/c")).expect("gone");
    assert_eq!(fired(&mut world, b), [""; 0]);
    // Gone: who looks at it, at its children (told once), and at its parent's.
    world.ask(b, children("/n", true)).expect("there");
    world.ask(a, delete("/n")).expect("gone");
    assert_eq!(
        fired(&mut world, b),
        ["NodeDeleted /n", "NodeChildrenChanged /"]
    );
}

#[test]
fn zk10_names_in_sequence_count_all_children_ever_made() {
    let mut world = World::new(17, recorded_config());
    let a = world.connected("a", 10_000);
    world
        .ask(a, create("/p", CreateMode::PERSISTENT))
        .expect("made");
    let made = |world: &mut World| match world
        .ask(a, create("/p/n-", CreateMode::PERSISTENT_SEQUENTIAL))
    {
        Ok(Answer::Created { path, .. }) => path.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(made(&mut world), "/p/n-0000000000");
    world
        .ask(a, create("/p/other", CreateMode::PERSISTENT))
        .expect("made");
    world.ask(a, delete("/p/n-0000000000")).expect("gone");
    assert_eq!(
        made(&mut world),
        "/p/n-0000000002",
        "not of those that are there"
    );
    let Ok(Answer::Exists(stat)) = world.ask(a, exists("/p", false)) else {
        panic!("the parent");
    };
    assert_eq!(
        (stat.num_children, stat.cversion),
        (2, 4),
        "creates and deletes"
    );
}

#[test]
fn zk10_an_ephemeral_has_no_children_versions_guard_and_a_multi_is_all_or_nothing() {
    let mut world = World::new(18, recorded_config());
    let a = world.connected("a", 10_000);
    world
        .ask(a, create("/e", CreateMode::EPHEMERAL))
        .expect("made");
    assert_eq!(
        world.ask(a, create("/e/c", CreateMode::PERSISTENT)).err(),
        Some(Code::NoChildrenForEphemerals)
    );
    world
        .ask(a, create("/n", CreateMode::PERSISTENT))
        .expect("made");
    world.ask(a, set("/n", "x")).expect("version 1");
    let guarded = |version| Op::SetData {
        path: path("/n"),
        data: Bytes::from_static(b"y"),
        version,
    };
    assert_eq!(world.ask(a, guarded(0)).err(), Some(Code::BadVersion));
    world.ask(a, guarded(1)).expect("version 2");
    let stale = Op::Delete {
        path: path("/n"),
        version: 1,
    };
    assert_eq!(world.ask(a, stale).err(), Some(Code::BadVersion));
    let before = picture(&world);
    let multi = |version| {
        Op::Multi(vec![
            MultiOp::Create {
                path: path("/m"),
                data: Bytes::new(),
                mode: CreateMode::PERSISTENT,
            },
            MultiOp::Check {
                path: path("/n"),
                version,
            },
        ])
    };
    let Ok(Answer::Multi(results)) = world.ask(a, multi(1)) else {
        panic!("a failed multi is an answer");
    };
    assert_eq!(results[1], Err(Code::BadVersion));
    assert_eq!(picture(&world), before, "nothing of it");
    let Ok(Answer::Multi(results)) = world.ask(a, multi(2)) else {
        panic!("answered");
    };
    assert!(results.iter().all(Result::is_ok), "all of it");
    assert!(world.tree().get("/m").is_some());
}

/// A client dials and shows a session; what the server says to that, and whether it hangs up.
fn shown(
    world: &mut World,
    raw: kafka_trial::kernel::NodeId,
    session_id: i64,
    password: u64,
) -> (Vec<ServerMessage>, bool) {
    world.tell_raw(raw, DoRaw::Dial);
    world.tell_raw(
        raw,
        DoRaw::Send(ClientMessage::Connect(ConnectRequest {
            last_zxid_seen: 0,
            timeout_ms: 10_000,
            session_id,
            password,
        })),
    );
    world.run_ms(50);
    let raw = world.raw_mut(raw);
    (std::mem::take(&mut raw.inbox), raw.closed)
}

#[test]
fn zb15_a_session_goes_on_with_its_password_and_with_no_other() {
    let mut world = World::new(19, recorded_config());
    let raw = world.raw("raw");
    let (said, _) = shown(&mut world, raw, 0, 0);
    let [ServerMessage::Connected(opened)] = &said[..] else {
        panic!("{said:?}");
    };
    let (session, password) = (opened.session_id, opened.password);
    assert_ne!((session, opened.timeout_ms), (0, 0));
    let make = ClientMessage::Request {
        xid: 1,
        op: create("/e", CreateMode::EPHEMERAL),
    };
    world.tell_raw(raw, DoRaw::Send(make));
    world.run_ms(50);
    world.raw_mut(raw).inbox.clear();
    let refused = |said: &[ServerMessage]| match said {
        [ServerMessage::Connected(said)] => (said.session_id, said.timeout_ms) == (0, 0),
        other => panic!("{other:?}"),
    };
    // A wrong password, and a session that nobody has: expired, says the server, which is final.
    let thief = world.raw("thief");
    let (said, closed) = shown(&mut world, thief, session, password ^ 1);
    assert!(refused(&said) && closed);
    let (said, closed) = shown(&mut world, thief, session ^ 1, password);
    assert!(refused(&said) && closed);
    assert!(world.tree().get("/e").is_some(), "the session lives on");
    // The right one on another connection: the same session with its ephemerals.
    let heir = world.raw("heir");
    let (said, closed) = shown(&mut world, heir, session, password);
    let [ServerMessage::Connected(resumed)] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!((resumed.session_id, resumed.password), (session, password));
    assert!(!closed);
    let (_, stat) = world.tree().get("/e").expect("its ephemeral");
    assert_eq!(stat.ephemeral_owner, session);
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
