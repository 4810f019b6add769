//! Rules of the session client: lost connections, silence, expiry, watches set again.

use crate::world::*;
use kafka_trial::kernel::{Fault, FaultId, NodeId};
use kafka_trial::protocol::Fact;
use kafka_trial::protocol::zookeeper::{Code, CreateMode, Op, SessionEvent, WatchType};

fn cut(world: &mut World, a: NodeId, b: NodeId) -> FaultId {
    let fault = Fault::Cut {
        from: vec![a],
        to: vec![b],
        both: true,
    };
    world.kernel.apply(fault).expect("a lasting rule")
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
