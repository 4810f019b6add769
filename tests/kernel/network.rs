//! Connections behave as TCP does, and every network fault does what it says.

use crate::toy::*;
use kafka_trial::kernel::{Config, Distribution, Duration, Fault, NodeOptions};

fn cut(both: bool) -> Fault {
    Fault::Cut {
        from: vec![A],
        to: vec![B],
        both,
    }
}

#[test]
fn a_connection_takes_a_round_trip_and_a_message_one_trip() {
    let mut world = World::connected(plain());
    assert_eq!(world.when(B, "accepted 0"), Some(ms(1)));
    assert_eq!(world.when(A, "connected"), Some(ms(2)));
    world.tell(A, Do::SendBytes(1, 0));
    world.run_out();
    assert_eq!(world.when(B, "got 1"), Some(ms(11)));
    assert_eq!(world.when(A, "got 1001"), Some(ms(12)));
}

#[test]
fn a_connection_to_a_node_that_is_down_is_refused() {
    let mut world = World::new(plain(), 1, vec![Toy::default(), Toy::default()]);
    world.kernel.apply(Fault::Crash(B));
    world.tell(A, Do::Connect(B));
    world.run_out();
    assert_eq!(world.when(A, "closed Refused"), Some(ms(2)));
}

#[test]
fn a_process_that_does_not_listen_refuses() {
    let mut world = World::new(plain(), 1, vec![Toy::default(), Toy::default()]);
    world.tell(B, Do::Listen(false));
    world.tell(A, Do::Connect(B));
    world.until(5);
    assert_eq!(world.said_by(A), ["started", "closed Refused"]);
    world.tell(B, Do::Listen(true));
    world.tell(A, Do::Connect(B));
    world.until(10);
    assert_eq!(world.said_by(A).last(), Some(&"connected"));
}

#[test]
fn a_connection_to_a_dead_machine_times_out() {
    let mut world = World::new(plain(), 1, vec![Toy::default(), Toy::default()]);
    world.kernel.apply(Fault::PowerFailure(B));
    world.tell(A, Do::Connect(B));
    world.run_out();
    assert_eq!(world.when(A, "closed TimedOut"), Some(ms(127_000)));
}

#[test]
fn messages_of_a_connection_arrive_in_order_whatever_their_latencies() {
    let mut config = plain();
    config.network.same_rack = Distribution::Uniform {
        low: Duration::from_micros(10),
        high: Duration::from_millis(30),
    };
    let mut world = World::new(config, 5, vec![Toy::default(), Toy::default()]);
    world.tell(A, Do::Connect(B));
    world.until(100);
    for n in 0..50 {
        world.tell_now(A, Do::Send(n));
        world.until(100 + n);
    }
    world.run_out();
    let got: Vec<String> = (0..50).map(|n| format!("got {n}")).collect();
    assert_eq!(world.said_by(B)[2..], got);
}

#[test]
fn what_is_sent_before_the_connection_is_up_waits_for_it() {
    let mut world = World::new(plain(), 1, vec![Toy::default(), Toy::default()]);
    world.tell(A, Do::Connect(B));
    world.tell(A, Do::SendBytes(1, 0));
    world.run_out();
    assert_eq!(world.when(B, "got 1"), Some(ms(3)));
}

#[test]
fn a_node_connects_to_itself() {
    let mut world = World::new(plain(), 1, vec![Toy::default()]);
    world.kernel.apply(Fault::Cut {
        from: vec![A],
        to: vec![A],
        both: true,
    });
    world.tell(A, Do::Connect(A));
    world.until(1);
    world.tell(A, Do::Send(4));
    world.until(2);
    assert_eq!(
        world.said_by(A),
        ["started", "accepted 0", "connected", "got 4"]
    );
    world.kernel.apply(Fault::Crash(A));
    world.run_out();
}

#[test]
fn a_close_comes_after_what_was_sent() {
    let mut world = World::connected(plain());
    world.tell(A, Do::Send(1));
    world.tell(A, Do::Close);
    world.run_out();
    assert_eq!(
        world.said_by(B),
        ["started", "accepted 0", "got 1", "closed ByPeer"]
    );
    assert!(
        !world
            .said_by(A)
            .iter()
            .any(|said| said.starts_with("closed"))
    );
}

#[test]
fn a_send_after_the_others_close_does_nothing() {
    let mut world = World::connected(plain());
    world.tell(B, Do::Close);
    world.until(12);
    world.tell(A, Do::Send(1));
    world.run_out();
    assert_eq!(world.said_by(A).last(), Some(&"closed ByPeer"));
    assert!(world.when(B, "got 1").is_none());
}

#[test]
fn bandwidth_makes_large_messages_late_and_is_shared_by_a_nodes_connections() {
    let mut config = plain();
    config.network.bytes_per_second = 1_000_000;
    let mut world = World::new(
        config,
        1,
        vec![Toy::default(), Toy::default(), Toy::default()],
    );
    world.tell(A, Do::Connect(B));
    world.until(10);
    world.tell(A, Do::SendBytes(1, 100_000));
    world.tell(A, Do::Connect(C));
    world.until(12);
    world.tell(A, Do::SendBytes(2, 100_000));
    world.run_out();
    assert_eq!(world.when(B, "got 1"), Some(ms(111)));
    // The attempt itself waits behind the 100 ms that the link is busy with.
    assert_eq!(world.when(C, "accepted 0"), Some(ms(111)));
    assert_eq!(world.when(C, "got 2"), Some(ms(213)));
}

#[test]
fn racks_are_further_apart_than_neighbours() {
    let mut config = plain();
    config.network.other_rack = Distribution::Constant(Duration::from_millis(7));
    let mut world = World::new(config, 1, Vec::new());
    for (name, rack) in [("a", "r1"), ("b", "r2"), ("c", "r1")] {
        let options = NodeOptions {
            rack: Some(rack.into()),
            ..NodeOptions::default()
        };
        let node = world.kernel.add_node(name, options, Toy::default());
        world.kernel.apply(Fault::Start(node));
    }
    world.tell(A, Do::Connect(B));
    world.tell(A, Do::Connect(C));
    world.run_out();
    assert_eq!(world.when(B, "accepted 0"), Some(ms(7)));
    assert_eq!(world.when(C, "accepted 0"), Some(ms(1)));
}

#[test]
fn default_latencies_are_those_of_a_data_centre() {
    let mut world = World::new(Config::default(), 3, vec![Toy::default(), Toy::default()]);
    world.tell(A, Do::Connect(B));
    world.run_out();
    let trip = world.when(B, "accepted 0").unwrap();
    assert!((50_000..600_000).contains(&trip.0), "{trip:?}");
}

#[test]
fn a_muted_connection_fills_its_window_and_stops_the_sender() {
    let mut config = plain();
    config.network.window = 1_000;
    // Nothing comes back that could tell the sender of room.
    let mut world = World::new(config, 1, vec![Toy::default(), Toy::default()]);
    world.tell(A, Do::Connect(B));
    world.until(10);
    world.tell_now(B, Do::Mute);
    for n in 0..40 {
        world.tell(A, Do::SendBytes(n, 100));
    }
    world.until(100);
    assert!(world.when(B, "got 0").is_none());
    let conn = world.kernel.actor(A).last.unwrap();
    assert_eq!(world.kernel.unsent(conn), 3_000);
    world.tell(B, Do::Unmute);
    world.run_out();
    let got: Vec<String> = (0..40).map(|n| format!("got {n}")).collect();
    assert_eq!(world.said_by(B)[2..], got);
    // The first ten are read at once; what the window lets go then takes a trip to be known and one to come.
    assert_eq!(world.when(B, "got 9"), Some(ms(100)));
    assert!(world.when(B, "got 10").unwrap() >= ms(102));
}

#[test]
fn muting_between_two_messages_that_have_arrived_holds_the_second() {
    let mut world = World::connected(plain());
    world.tell(A, Do::Send(1));
    world.tell(A, Do::Send(2));
    // B is at work when both arrive, and then mutes.
    world.tell(B, Do::Work(5_000));
    world.until(12);
    world.tell(B, Do::Mute);
    world.until(50);
    assert_eq!(world.said_by(B)[2..], ["got 1", "got 2"]);
    world.tell(A, Do::Send(3));
    world.until(60);
    assert_eq!(world.said_by(B).len(), 4);
    world.tell(B, Do::Unmute);
    world.run_out();
    assert_eq!(world.said_by(B)[2..], ["got 1", "got 2", "got 3"]);
}

#[test]
fn a_crash_resets_connections_after_one_trip() {
    let mut world = World::connected(plain());
    world.kernel.apply(Fault::Crash(B));
    world.run_out();
    assert_eq!(world.when(A, "closed Reset"), Some(ms(11)));
}

#[test]
fn a_power_failure_is_silence_and_then_a_timeout() {
    let mut world = World::connected(plain());
    world.kernel.apply(Fault::PowerFailure(B));
    world.until(1_000);
    world.tell(A, Do::Send(1));
    world.until(925_000);
    assert_eq!(world.said_by(A), ["started", "connected"]);
    world.run_out();
    assert_eq!(world.when(A, "closed TimedOut"), Some(ms(925_600)));
}

#[test]
fn who_sends_nothing_never_hears_of_a_power_failure() {
    let mut world = World::connected(plain());
    world.kernel.apply(Fault::PowerFailure(B));
    world.run_out();
    assert_eq!(world.said_by(A), ["started", "connected"]);
}

#[test]
fn a_rebooted_machine_resets_old_connections() {
    let mut world = World::connected(plain());
    world.kernel.apply(Fault::PowerFailure(B));
    world.until(100);
    world.tell(A, Do::SendBytes(1, 0));
    world.until(250);
    world.kernel.apply(Fault::Start(B));
    world.until(2_000);
    // Sent at 100, again at 300: that one meets the new kernel, which knows no such connection.
    assert_eq!(world.when(A, "closed Reset"), Some(ms(302)));
    assert_eq!(world.said_by(B).last(), Some(&"started"));
}

#[test]
fn a_short_cut_delays_messages_until_they_are_sent_again() {
    let mut world = World::connected(plain());
    let fault = world.kernel.apply(cut(true));
    world.tell(A, Do::Send(1));
    world.tell(A, Do::Send(2));
    world.until(300);
    world.kernel.apply(Fault::Heal(fault));
    world.until(2_000);
    // Sent at 10, again after 200 ms (still cut), and after 400 ms more.
    assert!(world.when(B, "got 1").unwrap() >= ms(611));
    assert!(world.when(B, "got 2").unwrap() < ms(612));
    assert_eq!(world.said_by(A).last(), Some(&"got 1002"));
}

#[test]
fn a_message_on_its_way_into_a_cut_is_sent_again() {
    let mut world = World::connected(plain());
    world.tell_now(A, Do::Send(1));
    let fault = world.kernel.apply(cut(true));
    world.until(50);
    world.kernel.apply(Fault::Heal(fault));
    world.until(1_000);
    assert!((ms(210)..ms(215)).contains(&world.when(B, "got 1").unwrap()));
}

#[test]
fn a_long_cut_is_silence_and_then_a_timeout_on_the_side_that_sent() {
    let mut world = World::connected(plain());
    world.kernel.apply(cut(true));
    world.tell(A, Do::Send(1));
    world.run_out();
    assert_eq!(world.when(A, "closed TimedOut"), Some(ms(924_610)));
    assert_eq!(world.said_by(B), ["started", "accepted 0"]);
}

#[test]
fn a_half_open_connection_is_reset_when_the_other_side_speaks_again() {
    let mut world = World::connected(plain());
    world.kernel.apply(cut(true));
    world.tell(A, Do::Send(1));
    world.run_out();
    world.kernel.apply(Fault::Heal(None));
    world.tell(B, Do::Send(2));
    world.run_out();
    assert_eq!(world.said_by(B).last(), Some(&"closed Reset"));
}

#[test]
fn a_one_way_cut_lets_the_other_direction_through_unacknowledged() {
    let mut world = World::connected(plain());
    world.kernel.apply(cut(false));
    world.tell(B, Do::Send(5));
    world.tell(A, Do::Send(6));
    world.run_out();
    assert!((ms(11)..ms(12)).contains(&world.when(A, "got 5").unwrap()));
    assert!(world.when(B, "got 6").is_none());
    assert_eq!(world.when(A, "closed TimedOut"), Some(ms(924_610)));
    assert_eq!(world.when(B, "closed TimedOut"), Some(ms(924_610)));
}

#[test]
fn a_healed_one_way_cut_leaves_the_connection_whole() {
    let mut world = World::connected(plain());
    let fault = world.kernel.apply(cut(false));
    world.tell(B, Do::Send(5));
    world.until(5_000);
    world.kernel.apply(Fault::Heal(fault));
    world.run_out();
    world.tell(A, Do::Send(7));
    world.run_out();
    assert_eq!(world.said_by(A).last(), Some(&"got 1007"));
    assert_eq!(
        world
            .said_by(A)
            .iter()
            .filter(|said| **said == "got 5")
            .count(),
        1
    );
}

#[test]
fn a_cut_stops_new_connections_and_a_short_one_delays_them() {
    let mut world = World::new(plain(), 1, vec![Toy::default(), Toy::default()]);
    let fault = world.kernel.apply(cut(true));
    world.tell(A, Do::Connect(B));
    world.until(2_000);
    world.kernel.apply(Fault::Heal(fault));
    world.run_out();
    // Tried at 0, 1 s and 3 s.
    assert_eq!(world.when(A, "connected"), Some(ms(3_002)));
}

#[test]
fn a_partition_separates_groups_and_an_isolated_node_is_alone() {
    let mut world = World::new(
        plain(),
        1,
        vec![Toy::default(), Toy::default(), Toy::default()],
    );
    world.kernel.apply(Fault::isolate(B, &[A, B, C]));
    world.tell(A, Do::Connect(B));
    world.tell(B, Do::Connect(C));
    world.tell(C, Do::Connect(A));
    world.until(100);
    assert_eq!(world.said_by(C), ["started", "connected"]);
    assert_eq!(world.said_by(A), ["started", "accepted 2"]);
    assert_eq!(world.said_by(B), ["started"]);
}

#[test]
fn a_reset_over_a_cut_link_is_lost() {
    let mut world = World::connected(plain());
    world.kernel.apply(cut(true));
    world.kernel.apply(Fault::Crash(B));
    world.until(100);
    world.kernel.apply(Fault::Heal(None));
    world.until(10_000);
    assert_eq!(world.said_by(A).last(), Some(&"connected"));
    world.tell(A, Do::Send(1));
    world.run_out();
    assert_eq!(world.said_by(A).last(), Some(&"closed Reset"));
}

#[test]
fn slow_adds_to_every_trip_in_both_directions() {
    let mut world = World::connected(plain());
    let extra = Duration::from_millis(30);
    let fault = world.kernel.apply(Fault::SlowLink {
        a: vec![A],
        b: vec![B],
        extra,
    });
    world.tell(A, Do::SendBytes(1, 0));
    world.until(100);
    assert_eq!(world.when(B, "got 1"), Some(ms(41)));
    assert_eq!(world.when(A, "got 1001"), Some(ms(72)));
    world.kernel.apply(Fault::Heal(fault));
    world.tell(A, Do::SendBytes(2, 0));
    world.run_out();
    assert_eq!(world.when(B, "got 2"), Some(ms(101)));
}

#[test]
fn throttle_limits_the_bandwidth_between_groups() {
    let mut world = World::connected(plain());
    world.kernel.apply(Fault::Throttle {
        a: vec![A],
        b: vec![B],
        bytes_per_second: 1_000,
    });
    world.tell(A, Do::SendBytes(1, 500));
    world.tell(A, Do::SendBytes(2, 500));
    world.until(5_000);
    assert!((ms(511)..ms(512)).contains(&world.when(B, "got 1").unwrap()));
    assert!((ms(1_011)..ms(1_012)).contains(&world.when(B, "got 2").unwrap()));
}

#[test]
fn a_stall_holds_messages_and_lets_them_go_in_order() {
    let mut world = World::connected(plain());
    world.tell_now(A, Do::Send(1));
    let fault = world.kernel.apply(Fault::Stall {
        a: vec![A],
        b: vec![B],
    });
    world.tell(A, Do::Send(2));
    // Longer than any time-out: a stall is no loss.
    world.until(2_000_000);
    assert_eq!(world.said_by(B), ["started", "accepted 0"]);
    world.kernel.apply(Fault::Heal(fault));
    world.run_out();
    assert_eq!(world.said_by(B)[2..], ["got 1", "got 2"]);
    assert!(world.when(B, "got 2").unwrap() < ms(2_000_002));
}

#[test]
fn reset_ends_every_connection_between_the_groups_at_once() {
    let mut world = World::connected(plain());
    world.tell_now(A, Do::Send(1));
    world.kernel.apply(Fault::Reset {
        a: vec![A],
        b: vec![B],
    });
    world.run_out();
    assert_eq!(world.when(A, "closed Reset"), Some(ms(10)));
    assert_eq!(world.when(B, "closed Reset"), Some(ms(10)));
    assert!(world.when(B, "got 1").is_none());
}

#[test]
fn one_lost_message_resets_its_connection_and_only_the_first_is_lost() {
    let mut world = World::connected(plain());
    world.kernel.apply(Fault::LoseOne { from: A, to: B });
    world.tell(A, Do::Send(1));
    world.run_out();
    assert!(world.when(B, "got 1").is_none());
    assert_eq!(world.when(A, "closed Reset"), Some(ms(11)));
    assert_eq!(world.when(B, "closed Reset"), Some(ms(11)));
    world.tell(A, Do::Connect(B));
    world.run_out();
    world.tell(A, Do::Send(2));
    world.run_out();
    assert_eq!(world.said_by(B).last(), Some(&"got 2"));
}

#[test]
fn healing_one_rule_leaves_the_others() {
    let mut world = World::connected(plain());
    let first = world.kernel.apply(cut(true));
    let second = world.kernel.apply(cut(true));
    assert_ne!(first, second);
    world.kernel.apply(Fault::Heal(first));
    world.tell(A, Do::Send(1));
    world.until(1_000);
    assert!(world.when(B, "got 1").is_none());
    world.kernel.apply(Fault::Heal(None));
    world.until(5_000);
    assert!(world.when(B, "got 1").is_some());
}

#[test]
fn a_paused_process_is_buffered_for_up_to_a_window() {
    let mut config = plain();
    config.network.window = 1_000;
    let mut world = World::connected(config);
    world.kernel.apply(Fault::Pause(B));
    for n in 0..30 {
        world.tell(A, Do::SendBytes(n, 100));
    }
    world.until(5_000);
    assert_eq!(
        world.kernel.unsent(world.kernel.actor(A).last.unwrap()),
        2_000
    );
    // The operating system takes connections in while the process stands still.
    world.tell(C, Do::Connect(B));
    world.until(6_000);
    assert_eq!(world.said_by(C).last(), Some(&"connected"));
    world.kernel.apply(Fault::Resume(B));
    world.run_out();
    assert_eq!(
        world
            .said_by(B)
            .iter()
            .filter(|said| said.starts_with("got"))
            .count(),
        30
    );
    assert!(world.when(B, "got 0").unwrap() >= ms(6_000));
}

#[test]
fn a_full_window_towards_a_machine_that_lost_power_is_probed_until_the_sender_knows() {
    let full = |start_again: bool| {
        let mut config = plain();
        config.network.window = 100;
        let mut world = World::connected(config);
        world.tell_now(B, Do::Mute);
        for n in 0..3 {
            world.tell(A, Do::SendBytes(n, 100));
        }
        world.until(50);
        world.kernel.apply(Fault::PowerFailure(B));
        world.until(100);
        if start_again {
            world.kernel.apply(Fault::Start(B));
        }
        world.run_out();
        world.said.last().unwrap().clone()
    };
    assert_eq!(full(false), (ms(924_650), A, "closed TimedOut".to_owned()));
    let (time, node, said) = full(true);
    assert_eq!((node, said.as_str()), (A, "closed Reset"));
    assert!((ms(250)..ms(254)).contains(&time), "{time:?}");
}

#[test]
fn connections_that_came_to_nothing_are_forgotten() {
    let mut world = World::new(plain(), 1, vec![Toy::default(), Toy::default()]);
    for round in 0..50u64 {
        let fault = world.kernel.apply(cut(true));
        world.tell(A, Do::Connect(B));
        match round % 4 {
            0 => world.run_out(),
            1 => world.tell(A, Do::Close),
            2 => {
                world.until(1 + world.kernel.now().as_millis());
                world.kernel.apply(Fault::Crash(A));
            }
            _ => {
                world.until(1 + world.kernel.now().as_millis());
                world.kernel.apply(Fault::PowerFailure(A));
            }
        }
        world.run_out();
        world.kernel.apply(Fault::Heal(fault));
        world.kernel.apply(Fault::Start(A));
        world.run_out();
    }
    assert_eq!(world.kernel.connections(), 0);
    assert!(
        !world
            .said_by(B)
            .iter()
            .any(|said| said.starts_with("accepted"))
    );
}

#[test]
fn ends_of_connections_are_told_once_whatever_happens_to_both() {
    // Every pair of happenings, half a trip apart: no panic, and no end hears twice.
    let apply = |world: &mut World, fault: Fault| {
        world.kernel.apply(fault);
    };
    let happenings: [&dyn Fn(&mut World); 8] = [
        &|world| world.tell(A, Do::Close),
        &|world| world.tell(B, Do::Close),
        &|world| apply(world, Fault::Crash(A)),
        &|world| apply(world, Fault::Crash(B)),
        &|world| apply(world, Fault::PowerFailure(B)),
        &|world| {
            apply(
                world,
                Fault::Reset {
                    a: vec![A],
                    b: vec![B],
                },
            )
        },
        &|world| apply(world, cut(true)),
        &|world| world.tell(A, Do::Send(3)),
    ];
    for first in happenings {
        for second in happenings {
            for third in happenings {
                let mut world = World::new(plain(), 1, vec![Toy::default(), Toy::echo()]);
                world.tell(A, Do::Connect(B));
                for (happening, at) in [first, second, third].iter().zip([1_500, 2_500, 3_100]) {
                    world.run_to(kafka_trial::kernel::Time(at * 1_000));
                    happening(&mut world);
                }
                world.run_out();
                for node in [A, B] {
                    let closed = world
                        .said_by(node)
                        .iter()
                        .filter(|said| said.starts_with("closed"))
                        .count();
                    assert!(closed <= 1, "{:?}", world.said);
                }
            }
        }
    }
}
