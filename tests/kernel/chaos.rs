//! Anything at any time: no panic, the same run again, and what TCP promises is kept.

use crate::toy::*;
use kafka_trial::kernel::{Config, Duration, Fault, NodeId, NodeStatus, Stream};

fn random_fault(random: &mut Stream, nodes: u32) -> Fault {
    let node = NodeId(random.below(nodes.into()) as u32);
    let other = NodeId(random.below(nodes.into()) as u32);
    let (a, b, on) = (vec![node], vec![other], random.chance(1, 2));
    match random.below(25) {
        0 => Fault::Crash(node),
        1 => Fault::PowerFailure(node),
        2..=5 => Fault::Start(node),
        6 => Fault::Terminate(node),
        7 => Fault::Pause(node),
        8 | 9 => Fault::Resume(node),
        10 => Fault::Cut {
            from: a,
            to: b,
            both: on,
        },
        11 => Fault::SlowLink {
            a,
            b,
            extra: Duration::from_millis(random.below(50)),
        },
        12 => Fault::Throttle {
            a,
            b,
            bytes_per_second: 1 + random.below(100_000),
        },
        13 => Fault::Stall { a, b },
        14 => Fault::Reset { a, b },
        15 => Fault::LoseOne {
            from: node,
            to: other,
        },
        16 | 17 => Fault::Heal(None),
        18 => Fault::DiskFull { node, on },
        19 => Fault::DiskSyncStuck { node, on },
        20 => Fault::DiskSyncFails { node, on },
        21 => Fault::ClockDrift {
            node,
            ppm: random.below(200_000) as i32 - 100_000,
        },
        22 => Fault::CpuSlow {
            node,
            times: random.below(5) as u32,
        },
        23 => Fault::DiskSyncSlow {
            node,
            extra: Duration::from_millis(random.below(300)),
        },
        _ => Fault::DiskSlow {
            node,
            times: random.below(20) as u32,
        },
    }
}

fn random_order(random: &mut Stream, nodes: u32, n: u64) -> Do {
    match random.below(16) {
        0..=2 => Do::Connect(NodeId(random.below(nodes.into()) as u32)),
        3..=8 => Do::SendBytes(n, random.below(3_000) as u32),
        9 => Do::Close,
        10 => Do::Work(random.below(20_000) as u32),
        11 => Do::Write(n as u32),
        12 => Do::Sync,
        13 => Do::SyncLater,
        14 => Do::Replace(n as u32),
        _ => Do::Alarm(random.below(5_000) as u32),
    }
}

fn chaos(seed: u64) -> World {
    let nodes = 4;
    let mut random = Stream::named(seed, "chaos");
    let mut config = Config::default();
    config.network.window = 4_000;
    config.network.give_up = Duration::from_secs(20);
    let mut world = World::new(config, seed, (0..nodes).map(|_| Toy::default()).collect());
    let mut at = 0;
    for n in 1_000..1_400 {
        at += random.below(40);
        world.until(at);
        let node = NodeId(random.below(nodes.into()) as u32);
        world.tell(node, random_order(&mut random, nodes, n));
        if random.chance(1, 4) {
            let fault = random_fault(&mut random, nodes);
            world.kernel.apply(fault);
        }
    }
    world
}

#[test]
fn whatever_happens_it_happens_again() {
    for seed in 0..60 {
        let [first, second] = [(); 2].map(|()| {
            let mut world = chaos(seed);
            world.run_out();
            (world.kernel.digest(), world.kernel.events(), world.said)
        });
        assert!(first == second, "seed {seed}");
    }
}

#[test]
fn every_number_is_received_at_most_once_and_all_is_well_after_the_faults() {
    let mut received = 0;
    for seed in 0..200 {
        let mut world = chaos(seed);
        for said in (1_000..1_400).map(|n| format!("got {n}")) {
            let times = world.said.iter().filter(|(.., what)| *what == said).count();
            assert!(times <= 1, "seed {seed}: {said}");
            received += times;
        }
        // Heal everything; then a new connection must work between any two nodes.
        world.kernel.apply(Fault::Heal(None));
        for node in (0..4).map(NodeId) {
            world.kernel.apply(Fault::Resume(node));
            world.kernel.apply(Fault::DiskFull { node, on: false });
            world.kernel.apply(Fault::DiskSyncStuck { node, on: false });
            world.kernel.apply(Fault::DiskSlow { node, times: 1 });
        }
        // Processes that were asked to stop while they were paused stop now.
        world.run_out();
        for node in (0..4).map(NodeId) {
            world.kernel.apply(Fault::Start(node));
        }
        world.run_out();
        for node in (0..4).map(NodeId) {
            assert_eq!(
                world.kernel.status(node),
                NodeStatus::Running,
                "seed {seed}"
            );
            world.tell(node, Do::Connect(NodeId((node.0 + 1) % 4)));
            world.run_out();
            world.tell(node, Do::Send(90_000 + u64::from(node.0)));
            world.run_out();
        }
        for node in 0..4 {
            let said = format!("got {}", 90_000 + node);
            assert!(
                world.when(NodeId((node + 1) % 4), &said).is_some(),
                "seed {seed}: {said}"
            );
        }
    }
    assert!(
        received > 1_000,
        "the chaos let nothing through: {received}"
    );
}
