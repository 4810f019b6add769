//! Each node has clocks of its own.

use crate::toy::*;
use kafka_trial::kernel::{Config, Fault, NodeOptions};

fn world(options: NodeOptions) -> World {
    let mut world = World::new(plain(), 1, Vec::new());
    let node = world.kernel.add_node("a", options, Toy::default());
    world.kernel.apply(Fault::Start(node));
    world
}

#[test]
fn the_calendar_starts_on_a_fixed_day() {
    let mut world = World::new(Config::default(), 1, vec![Toy::default()]);
    world.until(5);
    world.tell(A, Do::Clock);
    world.run_out();
    assert_eq!(world.said_by(A).last(), Some(&"now 5 wall 1717401600005"));
}

#[test]
fn a_jump_moves_the_wall_clock_and_no_timer() {
    let mut world = world(NodeOptions::default());
    world.tell(A, Do::Alarm(1_000));
    world.until(400);
    world.kernel.apply(Fault::ClockJump {
        node: A,
        by_ms: -3_600_000,
    });
    world.run_out();
    assert_eq!(world.said_by(A).last(), Some(&"now 1000 wall -3599000"));
    assert_eq!(world.kernel.now(), ms(1_000));
}

#[test]
fn skew_is_there_from_the_start() {
    let mut world = world(NodeOptions {
        skew_ms: -250,
        ..NodeOptions::default()
    });
    world.tell(A, Do::Clock);
    world.run_out();
    assert_eq!(world.said_by(A).last(), Some(&"now 0 wall -250"));
}

#[test]
fn a_drifting_clock_fires_its_timers_at_other_true_times() {
    let mut world = world(NodeOptions {
        drift_ppm: 250_000,
        ..NodeOptions::default()
    });
    world.tell(A, Do::Alarm(1_000));
    world.run_out();
    assert_eq!(world.kernel.now(), ms(800));
    assert_eq!(world.said_by(A).last(), Some(&"now 1000 wall 1000"));
}

#[test]
fn a_change_of_the_rate_moves_timers_that_are_set_already() {
    let mut world = world(NodeOptions::default());
    world.tell(A, Do::Alarm(1_000));
    world.until(500);
    world.kernel.apply(Fault::ClockDrift {
        node: A,
        ppm: -500_000,
    });
    world.until(1_400);
    assert_eq!(world.said_by(A), ["started"]);
    world.run_out();
    assert_eq!(world.kernel.now(), ms(1_500));
    assert_eq!(world.said_by(A).last(), Some(&"now 1000 wall 1000"));
}
