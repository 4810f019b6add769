//! Same plan, same seed: same run; and nothing that happens in one place shifts a draw in another.

use crate::toy::*;
use kafka_trial::kernel::{Chance, Config, Duration, Fault, Time};

/// A busy little world with every kind of event in it.
fn eventful(seed: u64, observed: bool) -> (u64, u64, Vec<(Time, String)>) {
    let mut config = Config {
        buggify: Some(Chance { num: 1, den: 3 }),
        ..Config::default()
    };
    config.network.give_up = Duration::from_secs(5);
    let mut world = World::new(
        config,
        seed,
        vec![Toy::default(), Toy::echo_with_disk(), Toy::echo()],
    );
    if observed {
        world.kernel.keep_causes();
    }
    world.tell(A, Do::Connect(B));
    world.tell(C, Do::Connect(B));
    for round in 0..40u64 {
        world.until(10 + round * 100);
        for node in [A, C] {
            world.tell(node, Do::Send(round));
            world.tell(node, Do::Buggify);
            world.tell(node, Do::Replace(round as u32));
        }
        match round {
            5 => {
                world.kernel.apply(Fault::Pause(B));
            }
            8 => {
                world.kernel.apply(Fault::Resume(B));
            }
            10 => {
                world.kernel.apply(Fault::partition(&[A], &[B]));
            }
            20 => {
                world.kernel.apply(Fault::Heal(None));
            }
            25 => {
                world.kernel.apply(Fault::PowerFailure(B));
            }
            28 => {
                world.kernel.apply(Fault::Start(B));
            }
            30 => world.tell(A, Do::Connect(B)),
            _ => {}
        }
        if observed {
            drop(world.kernel.take_facts());
            assert!(world.kernel.take_causes().next().is_some());
        }
    }
    world.run_out();
    let said = world
        .said
        .iter()
        .map(|(time, _, what)| (*time, what.clone()))
        .collect();
    (world.kernel.digest(), world.kernel.events(), said)
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..5 {
        assert_eq!(eventful(seed, false), eventful(seed, false));
    }
}

#[test]
fn another_seed_gives_another_run() {
    assert_ne!(eventful(1, false).0, eventful(2, false).0);
}

#[test]
fn the_digest_does_not_depend_on_who_listens_to_facts_and_causes() {
    let ((digest, events, _), watched) = (eventful(3, false), eventful(3, true));
    assert_eq!((digest, events), (watched.0, watched.1));
}

#[test]
fn the_digest_of_a_run_is_the_same_on_every_machine() {
    let (digest, events, _) = eventful(7, false);
    assert_eq!((digest, events), (DIGEST_OF_SEED_7, 8_656));
}
const DIGEST_OF_SEED_7: u64 = 12_253_495_274_861_754_923;

#[test]
fn the_content_of_a_message_and_its_length_are_part_of_the_digest() {
    let digest = |n, bytes| {
        let mut world = World::connected(plain());
        world.tell(A, Do::SendBytes(n, bytes));
        world.run_out();
        world.kernel.digest()
    };
    assert_eq!(digest(1, 5), digest(1, 5));
    assert_ne!(digest(1, 5), digest(2, 5));
    assert_ne!(digest(1, 5), digest(1, 6));
}

/// When C's messages arrive at B while A does more or less.
fn arrivals(
    extra_messages: u64,
    extra_connections: u64,
    extra_draws: u64,
) -> (Vec<Time>, Vec<String>) {
    let mut config = Config::default();
    // Messages cost nothing, so that B's work for A does not delay what C sends.
    config.costs.message = Duration::ZERO;
    config.costs.message_picos_per_byte = 0;
    config.costs.connection = Duration::ZERO;
    let mut world = World::new(
        config,
        9,
        vec![Toy::default(), Toy::default(), Toy::default()],
    );
    for _ in 0..=extra_connections {
        world.tell(A, Do::Connect(B));
    }
    for _ in 0..extra_draws {
        world.tell(A, Do::Draw);
    }
    world.until(10);
    world.tell(C, Do::Connect(B));
    for round in 0..20 {
        world.until(20 + round);
        for n in 0..extra_messages {
            world.tell(A, Do::Send(1_000 + n));
        }
        world.tell(C, Do::Send(round));
    }
    world.tell(C, Do::Draw);
    world.run_out();
    let times = (0..20)
        .filter_map(|n| world.when(B, &format!("got {n}")))
        .collect();
    (
        times,
        world
            .said_by(C)
            .iter()
            .map(|said| (*said).to_owned())
            .collect(),
    )
}

#[test]
fn a_message_a_connection_or_a_draw_more_shifts_no_draw_elsewhere() {
    let plain = arrivals(0, 0, 0);
    assert_eq!(plain.0.len(), 20);
    assert_eq!(plain, arrivals(1, 0, 0));
    assert_eq!(plain, arrivals(7, 0, 3));
    assert_eq!(plain, arrivals(2, 3, 0));
}

#[test]
fn a_node_more_shifts_no_draw_elsewhere() {
    let drawn = |names: &[&str]| {
        let mut world = World::new(Config::default(), 4, Vec::new());
        for name in names {
            let node = world
                .kernel
                .add_node(name, Default::default(), Toy::default());
            world.kernel.apply(Fault::Start(node));
            if *name == "mine" {
                world.tell(node, Do::Draw);
            }
        }
        world.run_out();
        world
            .said
            .iter()
            .map(|(.., what)| what.clone())
            .filter(|what| what.starts_with("drew"))
            .collect::<Vec<_>>()
    };
    assert_eq!(drawn(&["mine"]), drawn(&["other", "mine", "another"]));
    assert_ne!(drawn(&["mine"]), [""; 0]);
}

#[test]
fn buggify_is_off_unless_asked_for_and_then_keeps_its_probability() {
    let count = |config: Config| {
        let mut world = World::new(config, 6, vec![Toy::default()]);
        for _ in 0..1_000 {
            world.tell_now(A, Do::Buggify);
        }
        let last = world.said_by(A).last().unwrap().to_owned();
        last.strip_prefix("buggified ")
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    assert_eq!(count(Config::default()), 0);
    let often = count(Config {
        buggify: Some(Chance { num: 1, den: 4 }),
        ..Config::default()
    });
    assert!((200..300).contains(&often), "{often}");
}
