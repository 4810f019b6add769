//! Processes: work takes time, one thing after the other; crash, exit, pause, restart.

use crate::toy::*;
use kafka_trial::kernel::{Config, Duration, Fault, NodeOptions, NodeStatus, Stop};

fn costly() -> Config {
    let mut config = plain();
    config.costs.message = Duration::from_millis(4);
    config.costs.message_picos_per_byte = 1_000_000;
    config
}

#[test]
fn a_message_costs_its_base_and_its_bytes_and_the_answer_leaves_afterwards() {
    let mut world = World::connected(costly());
    world.tell(A, Do::SendBytes(1, 1_000));
    world.run_out();
    // A trip of 1 ms and 800 ns on the link; 4 ms, and 1 µs a byte; the way back.
    assert!((ms(17)..ms(18)).contains(&world.when(A, "got 1001").unwrap()));
    assert!((ms(11)..ms(12)).contains(&world.when(B, "got 1").unwrap()));
}

#[test]
fn a_busy_process_lets_events_wait_in_order() {
    let mut world = World::connected(costly());
    for n in 0..5 {
        world.tell(A, Do::SendBytes(n, 0));
    }
    world.tell(B, Do::Tick(2));
    world.until(40);
    for n in 0..5 {
        // The first tick is at 10 ms, the messages arrive at 11 ms, each takes 4 ms.
        assert_eq!(world.when(B, &format!("got {n}")), Some(ms(11 + 4 * n)));
    }
    // The tick that was due at 12 ms waited for the messages that were there before it.
    let ticks: Vec<_> = world
        .said
        .iter()
        .filter(|(_, _, what)| what == "tick")
        .map(|(time, ..)| *time)
        .collect();
    assert_eq!(ticks[..2], [ms(10), ms(31)]);
}

#[test]
fn work_beyond_the_default_makes_the_process_busy() {
    let mut world = World::connected(plain());
    world.tell(B, Do::Work(7_000));
    world.tell(A, Do::SendBytes(1, 0));
    world.run_out();
    assert_eq!(world.when(B, "got 1"), Some(ms(17)));
}

#[test]
fn slow_machines_take_longer_for_the_same_work() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    let options = NodeOptions {
        slowness: 3,
        ..NodeOptions::default()
    };
    let slow = world.kernel.add_node("slow", options, Toy::default());
    world.kernel.apply(Fault::Start(slow));
    world.until(10);
    world.kernel.apply(Fault::CpuSlow {
        node: slow,
        times: 2,
    });
    for node in [A, slow] {
        world.tell(node, Do::Work(1_000));
        world.tell(node, Do::Clock);
    }
    world.kernel.apply(Fault::CpuSlow {
        node: slow,
        times: 1,
    });
    world.until(10);
    world.kernel.apply(Fault::CpuSlow {
        node: slow,
        times: 2,
    });
    world.tell(slow, Do::Work(1_000));
    world.tell(slow, Do::Draw);
    world.run_out();
    assert_eq!(world.when(A, "now 11 wall 11"), Some(ms(11)));
    assert_eq!(world.when(slow, "now 13 wall 13"), Some(ms(13)));
    let drew = world
        .said
        .iter()
        .find(|(_, _, what)| what.starts_with("drew"))
        .unwrap();
    assert_eq!(drew.0, ms(19));
}

#[test]
fn effects_die_with_a_process_that_crashes_before_its_work_is_done() {
    let mut world = World::connected(costly());
    world.tell(A, Do::SendBytes(1, 0));
    world.until(12);
    assert!(world.when(B, "got 1").is_some());
    world.kernel.apply(Fault::Crash(B));
    world.run_out();
    assert!(world.when(A, "got 1001").is_none());
    assert_eq!(world.said_by(A).last(), Some(&"closed Reset"));
}

#[test]
fn the_next_process_does_not_finish_what_the_crashed_one_began() {
    let mut config = plain();
    config.costs.timer = Duration::from_millis(5);
    let mut world = World::new(config, 1, vec![Toy::default()]);
    world.tell(A, Do::Replace(1));
    world.until(2);
    world.kernel.apply(Fault::Crash(A));
    world.kernel.apply(Fault::Start(A));
    world.run_out();
    assert_eq!(world.said_by(A), ["started", "started"]);
    assert!(world.kernel.disk(A).files().is_empty());
}

#[test]
fn a_crash_takes_the_memory_and_a_start_gives_a_fresh_process() {
    let mut world = World::connected(plain());
    world.tell_now(B, Do::Write(1));
    world.tell_now(B, Do::Tick(5));
    world.kernel.apply(Fault::Crash(B));
    assert_eq!(world.kernel.status(B), NodeStatus::Down);
    world.until(50);
    world.kernel.apply(Fault::Start(B));
    world.tell(B, Do::Read);
    world.until(100);
    // One tick before the crash, none after: timers die with the process. The page cache does not.
    assert_eq!(
        world.said_by(B),
        [
            "started",
            "accepted 0",
            "tick",
            "started",
            "read Ok(\"1\\n\")"
        ]
    );
    assert!(world.kernel.actor(B).last.is_none());
    assert!(world.kernel.actor(B).echoes);
}

#[test]
fn a_process_that_is_down_hears_nothing() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.until(1);
    world.kernel.apply(Fault::Crash(A));
    world.tell(A, Do::Draw);
    world.run_out();
    assert_eq!(world.said_by(A), ["started"]);
}

#[test]
fn a_crash_before_the_first_event_of_a_process_leaves_nothing_of_it() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.kernel.apply(Fault::Crash(A));
    world.kernel.apply(Fault::Start(A));
    world.run_out();
    assert_eq!(world.said_by(A), ["started"]);
}

#[test]
fn terminate_asks_and_the_process_ends_itself() {
    let mut world = World::connected(plain());
    world.kernel.apply(Fault::Terminate(B));
    world.run_out();
    assert_eq!(world.said_by(B).last(), Some(&"asked to stop"));
    assert_eq!(world.kernel.status(B), NodeStatus::Down);
    assert_eq!(world.kernel.exit_status(B), Some(0));
    assert_eq!(world.said_by(A).last(), Some(&"closed Reset"));
}

#[test]
fn an_exit_waits_for_the_work_of_its_handler_and_has_a_status() {
    let mut world = World::connected(costly());
    world.tell(A, Do::SendBytes(1, 0));
    world.until(11);
    world.tell(B, Do::Exit(3));
    world.until(14);
    assert_eq!(world.kernel.status(B), NodeStatus::Running);
    world.run_out();
    // The answer of the handler before left first.
    assert_eq!(world.said_by(A)[2..], ["got 1001", "closed Reset"]);
    assert_eq!(world.kernel.exit_status(B), Some(3));
}

#[test]
fn a_supervisor_restarts_after_a_crash_and_after_an_exit_but_not_after_an_order_to_stop() {
    let mut world = World::new(plain(), 1, Vec::new());
    let options = NodeOptions {
        supervisor: Some(Duration::from_secs(5)),
        ..NodeOptions::default()
    };
    let node = world.kernel.add_node("a", options, Toy::default());
    world.kernel.apply(Fault::Start(node));
    world.until(1_000);
    world.kernel.apply(Fault::Crash(node));
    world.until(5_999);
    assert_eq!(world.kernel.status(node), NodeStatus::Down);
    world.until(7_000);
    assert_eq!(world.kernel.status(node), NodeStatus::Running);
    world.tell(node, Do::Exit(1));
    world.until(11_999);
    assert_eq!(world.kernel.status(node), NodeStatus::Down);
    world.until(12_001);
    assert_eq!(world.kernel.status(node), NodeStatus::Running);
    // Started by hand before the supervisor comes to it: it leaves that process alone.
    world.kernel.apply(Fault::Crash(node));
    world.kernel.apply(Fault::Start(node));
    world.run_out();
    assert_eq!(
        world
            .said_by(node)
            .iter()
            .filter(|said| **said == "started")
            .count(),
        4
    );
    world.kernel.apply(Fault::Terminate(node));
    world.run_out();
    assert_eq!(world.kernel.status(node), NodeStatus::Down);
    assert!(world.kernel.next_time().is_none());
    world.kernel.apply(Fault::Start(node));
    world.run_out();
    world.kernel.apply(Fault::PowerFailure(node));
    world.run_out();
    assert_eq!(world.kernel.status(node), NodeStatus::Down);
}

#[test]
fn a_supervisor_does_not_outlive_its_machine() {
    let mut world = World::new(plain(), 1, Vec::new());
    let options = NodeOptions {
        supervisor: Some(Duration::from_secs(5)),
        ..NodeOptions::default()
    };
    let node = world.kernel.add_node("a", options, Toy::default());
    world.kernel.apply(Fault::Start(node));
    world.until(10);
    world.kernel.apply(Fault::Crash(node));
    world.kernel.apply(Fault::PowerFailure(node));
    world.run_out();
    assert_eq!(world.kernel.status(node), NodeStatus::Down);
}

#[test]
fn a_process_starts_before_anything_else_comes_to_it() {
    let mut world = World::new(plain(), 1, vec![Toy::default(), Toy::default()]);
    world.until(10);
    world.kernel.apply(Fault::Crash(B));
    world.tell(A, Do::Connect(B));
    // The attempt arrives at the very instant of the start.
    world.run_to(kafka_trial::kernel::Time(ms(11).0 - 1));
    world.kernel.advance_to(ms(11));
    world.kernel.apply(Fault::Start(B));
    world.run_out();
    assert_eq!(world.said_by(B), ["started", "started", "accepted 0"]);
}

#[test]
fn a_paused_process_does_nothing_and_its_timers_fire_late() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Tick(10));
    world.until(15);
    world.kernel.apply(Fault::Pause(A));
    assert_eq!(world.kernel.status(A), NodeStatus::Paused);
    world.until(100);
    assert_eq!(world.said_by(A), ["started", "tick", "tick"]);
    world.kernel.apply(Fault::Resume(A));
    world.until(115);
    assert_eq!(
        world.said_by(A),
        ["started", "tick", "tick", "tick", "tick"]
    );
    let ticks: Vec<_> = world.said[1..].iter().map(|(time, ..)| *time).collect();
    assert_eq!(ticks, [ms(0), ms(10), ms(100), ms(110)]);
}

#[test]
fn a_pause_in_the_middle_of_work_prolongs_it() {
    let mut world = World::connected(costly());
    world.tell(A, Do::SendBytes(1, 0));
    world.until(12);
    world.kernel.apply(Fault::Pause(B));
    world.until(50);
    assert!(world.when(A, "got 1001").is_none());
    world.kernel.apply(Fault::Resume(B));
    world.run_out();
    // 1 ms of 4 was done; 3 ms and a trip are left.
    assert_eq!(world.when(A, "got 1001"), Some(ms(54)));
}

#[test]
fn a_paused_process_can_crash_and_be_asked_to_stop_later() {
    let mut world = World::connected(plain());
    world.kernel.apply(Fault::Pause(B));
    world.kernel.apply(Fault::Terminate(B));
    world.until(20);
    assert_eq!(world.kernel.status(B), NodeStatus::Paused);
    world.kernel.apply(Fault::Resume(B));
    world.until(30);
    assert_eq!(world.kernel.status(B), NodeStatus::Down);
    world.kernel.apply(Fault::Start(B));
    world.until(40);
    world.kernel.apply(Fault::Pause(B));
    world.kernel.apply(Fault::Crash(B));
    assert_eq!(world.kernel.status(B), NodeStatus::Down);
}

#[test]
fn a_cancelled_timer_does_not_fire() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Alarm(20));
    world.until(10);
    world.tell(A, Do::Cancel);
    world.until(10);
    assert!(world.kernel.next_time().is_none());
    assert_eq!(world.said_by(A), ["started"]);
}

#[test]
fn a_timer_that_waits_behind_work_can_still_be_cancelled() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Alarm(5));
    world.tell(A, Do::Work(20_000));
    world.tell(A, Do::Cancel);
    world.run_out();
    assert_eq!(world.said_by(A), ["started"]);
}

#[test]
fn cancelling_a_timer_that_has_fired_leaves_its_successor_alone() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.tell(A, Do::Alarm(1));
    world.until(5);
    // In the same place of the slab.
    world.tell(A, Do::Tick(1));
    world.tell(A, Do::Cancel);
    world.until(10);
    assert_eq!(
        world
            .said_by(A)
            .iter()
            .filter(|said| **said == "tick")
            .count(),
        6
    );
}

#[test]
fn many_cancelled_timers_do_not_pile_up() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    for n in 0..20_000 {
        world.tell(A, Do::Alarm(1_000_000 + n));
        world.tell_now(A, Do::Cancel);
    }
    assert!(world.kernel.pending() < 4_000, "{}", world.kernel.pending());
    world.tell(A, Do::Tick(1));
    world.until(3);
    assert_eq!(world.said_by(A).len(), 5);
}

#[test]
fn an_idle_cluster_costs_only_its_timers() {
    let mut world = World::connected(plain());
    let before = world.kernel.events();
    world.tell(A, Do::Tick(100));
    world.until(10_000);
    assert_eq!(world.kernel.events() - before, 100);
}

#[test]
fn time_that_stands_still_is_noticed_and_the_culprit_named() {
    let mut config = plain();
    config.guards.events_in_an_instant = 50_000;
    let mut world = World::connected(config);
    world.tell(B, Do::Spin);
    let why = loop {
        match world.kernel.step() {
            Ok(_) => {}
            Err(Stop::Guard(why)) => break why,
            Err(Stop::Idle) => panic!("it spins"),
        }
    };
    assert!(
        why.contains("time stands still at 0.010000000s for 50000 events"),
        "{why}"
    );
    assert!(why.contains("b causes most of them (timer Spin"), "{why}");
    // Who is told so still asks when the next event is due.
    world.kernel.next_time();
}

#[test]
fn the_budget_of_events_ends_a_run_and_names_the_busiest() {
    let mut config = plain();
    config.guards.events = 1_000;
    let mut world = World::new(config, 1, vec![Toy::default(), Toy::default()]);
    world.tell(B, Do::Tick(1));
    let why = loop {
        match world.kernel.step() {
            Ok(_) => {}
            Err(Stop::Guard(why)) => break why,
            Err(Stop::Idle) => panic!("it ticks"),
        }
    };
    assert!(
        why.contains("the budget of 1000 events is spent")
            && why.contains("b handled most of them"),
        "{why}"
    );
}

#[test]
fn an_empty_world_is_idle() {
    let mut world = World::new(plain(), 1, Vec::new());
    assert!(matches!(world.kernel.step(), Err(Stop::Idle)));
    world.kernel.advance_to(ms(7));
    assert_eq!(world.kernel.now(), ms(7));
}
