//! A small plan from a number: safe settings, and faults of all kinds that safe settings bear.
//!
//! Safe: three replicas, `acks=all`, `min.insync.replicas=2`, no unclean election. What they do not bear is
//! not drawn: that all that holds a record goes (`budget`), bits that flip, and ZooKeeper losing its disk.

use kafka_trial::kernel::Duration;
use kafka_trial::plan::{
    Acks, Action, BrokerPlan, ConsumerPlan, Entry, Expectation, Healing, Key, Partition, Plan,
    ProducerPlan, Role, Targets, TopicPlan, When,
};
use std::ops::Range;

/// When everything is healed and every process is started again.
const HEALED: u64 = 24_000;
/// Until when producers make records.
const MADE: u64 = 28_000;
const END: u64 = 60_000;

pub fn plan(seed: u64) -> Plan {
    let mut random = Random(seed);
    let mut plan = Plan::new(format!("random-{seed}"))
        .about(
            "Drawn at random: safe settings bear every fault, and all is whole again after them.",
        )
        .seed(seed)
        .duration(ms(END));
    plan.cluster.zookeeper.servers = if random.percent(20) { 3 } else { 1 };
    plan.cluster.zookeeper.tick_time_ms = 1_000;
    let budget = Budget::of(&mut random);
    plan = cluster(plan, &mut random, budget);
    plan = workload(plan, &mut random);
    for _ in 0..random.range(1..6) {
        let entry = fault(&mut random, &plan, budget);
        plan = plan.entry(entry);
    }
    if budget == Budget::OneWipe {
        plan = wipe(plan, &mut random);
    }
    plan.timeline.sort_by_key(|entry| match entry.when {
        When::At(at) => at,
        _ => Duration::ZERO,
    });
    heal(plan)
        .expect(Expectation::NoneLost)
        .expect(Expectation::EveryIsrFull)
        .expect(Expectation::EveryRecordRead)
}

/// What may be lost of disks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Budget {
    /// Nothing: processes die, page caches stay.
    Crashes,
    /// Page caches go, and every record is synced before it counts.
    PowerFailures,
    /// One disk is wiped while the others are whole; nothing else takes a replica out of the ISR.
    OneWipe,
}

impl Budget {
    fn of(random: &mut Random) -> Budget {
        match random.range(0..10) {
            0..6 => Budget::Crashes,
            6..9 => Budget::PowerFailures,
            _ => Budget::OneWipe,
        }
    }
}

fn cluster(mut plan: Plan, random: &mut Random, budget: Budget) -> Plan {
    for id in 1..=3 {
        let mut broker = BrokerPlan::new(id);
        let machine = &mut broker.machine;
        if random.percent(30) {
            machine.clock_skew_ms = random.range(0..20_000) as i64 - 10_000;
        }
        if random.percent(20) {
            machine.slowness = random.range(1..5) as u32;
        }
        if random.percent(40) {
            machine.supervisor = Some(ms(random.range(500..8_000)));
        }
        plan = plan.broker(broker);
    }
    let session = random.range(4_000..9_000);
    let lag = random.range(2_000..8_000);
    plan = plan
        .config("zookeeper.session.timeout.ms", session)
        .config("replica.lag.time.max.ms", lag)
        .config("num.partitions", 1)
        .config("unclean.leader.election.enable", false);
    if random.percent(20) {
        plan.buggify = random.range(1..30) as u8;
    }
    let topics = if random.percent(30) { 2 } else { 1 };
    for number in 0..topics {
        let mut topic = TopicPlan::new(format!("t{number}"))
            .partitions(random.range(1..4) as u32)
            .replication_factor(3)
            .config("min.insync.replicas", 2);
        if budget == Budget::PowerFailures {
            topic = topic.config("flush.messages", 1);
        }
        if random.percent(30) {
            topic = topic.config("segment.bytes", random.range(200..3_000));
        }
        if random.percent(15) {
            topic = topic
                .config("retention.bytes", random.range(2_000..8_000))
                .config("segment.bytes", 500);
            plan = plan.config("log.retention.check.interval.ms", 2_000);
        }
        plan = plan.topic(topic);
    }
    plan
}

fn workload(mut plan: Plan, random: &mut Random) -> Plan {
    let topics = plan.topics.len();
    for number in 0..random.range(1..4) {
        let topic = format!("t{}", random.index(topics));
        let mut producer = ProducerPlan::new(format!("p{number}"), topic)
            .every(ms(random.range(150..900)))
            .acks(Acks::All)
            .start(ms(random.range(2_000..5_000)))
            .stop(ms(MADE))
            .config("linger.ms", random.range(0..60))
            .config("enable.idempotence", false)
            .config("request.timeout.ms", random.range(1_500..6_000))
            .config("delivery.timeout.ms", random.range(8_000..30_000));
        if random.percent(40) {
            producer = producer.key(Key::Cycle(random.range(2..6) as u32));
        }
        if random.percent(20) {
            producer = producer.config("max.in.flight.requests.per.connection", 1);
        }
        plan = plan.producer(producer);
    }
    for number in 0..random.range(1..3) {
        let mut consumer = ConsumerPlan::new(format!("c{number}"), "t0")
            .start(ms(random.range(2_000..10_000)))
            .config("request.timeout.ms", random.range(3_000..8_000));
        if topics > 1 {
            consumer = consumer.reads("t1");
        }
        plan = plan.consumer(consumer);
    }
    plan
}

/// One fault, before everything is healed.
fn fault(random: &mut Random, plan: &Plan, budget: Budget) -> Entry {
    let mild = budget == Budget::OneWipe;
    let action = loop {
        let action = action(random, plan);
        let fits = match &action {
            Action::PowerFailure(_) => budget == Budget::PowerFailures,
            Action::SlowLink { .. }
            | Action::SlowDisk { .. }
            | Action::SlowMachine { .. }
            | Action::LoseMessage { .. }
            | Action::JumpClock { .. }
            | Action::DriftClock { .. }
            | Action::ElectPreferred(_) => true,
            _ => !mild,
        };
        if fits {
            break action;
        }
    };
    let at = ms(random.range(4_000..20_000));
    let lasts = action.can_last() && random.percent(85);
    let mut entry = Entry::new(When::At(at), action).optional();
    if lasts {
        entry = entry.lasting(ms(random.range(200..12_000)));
    }
    entry
}

fn action(random: &mut Random, plan: &Plan) -> Action {
    match random.range(0..24) {
        0..3 => Action::Crash(server(random, plan)),
        3 => Action::PowerFailure(server(random, plan)),
        4 => Action::PowerFailure(Role::AllBrokers.into()),
        5 => Action::Stop(broker(random).into()),
        6..8 => Action::Pause(server(random, plan)),
        8 => {
            let (from, to) = two_ends(random, plan);
            let both = random.percent(60);
            Action::Cut { from, to, both }
        }
        9 => Action::Partition(vec![
            Role::broker(1).into(),
            Targets(vec![Role::broker(2), Role::broker(3)]),
        ]),
        10 => Action::Isolate(server(random, plan)),
        11 => Action::SlowLink {
            a: broker(random).into(),
            b: Role::Everyone.into(),
            by: ms(random.range(1..120)),
        },
        12 => {
            let (a, b) = two_ends(random, plan);
            Action::StallNetwork { a, b }
        }
        13 => Action::ResetConnections {
            a: broker(random).into(),
            b: Role::Everyone.into(),
        },
        14 => Action::LoseMessage {
            from: broker(random).into(),
            to: Role::Everyone.into(),
        },
        15 => Action::SlowDisk {
            targets: server(random, plan),
            times: random.range(2..60) as u32,
        },
        16 => Action::FillDisk(broker(random).into()),
        17 => Action::FailSync(broker(random).into()),
        18 => Action::HangSync(broker(random).into()),
        19 => Action::JumpClock {
            targets: server(random, plan),
            by_ms: random.range(0..120_000) as i64 - 60_000,
        },
        20 => Action::DriftClock {
            targets: server(random, plan),
            ppm: random.range(0..100_000) as i32 - 50_000,
        },
        21 => Action::SlowMachine {
            targets: server(random, plan),
            times: random.range(2..40) as u32,
        },
        22 => Action::ElectPreferred(None),
        _ => Action::Pause(Role::AllClients.into()),
    }
}

/// A broker's disk is replaced while the others hold everything and go on.
fn wipe(plan: Plan, random: &mut Random) -> Plan {
    let who = broker(random);
    let at = random.range(6_000..9_000);
    // Until its session has expired: who is back before may lead with an empty log.
    let back = at + 12_000;
    plan.at(ms(at), Action::crash(who.clone()))
        .at(ms(at + 500), Action::WipeDisk(who.clone().into()))
        .at(ms(back), Action::restart(who))
}

fn heal(plan: Plan) -> Plan {
    let everyone = || -> Targets {
        Targets(vec![
            Role::AllZooKeepers,
            Role::AllBrokers,
            Role::AllClients,
        ])
    };
    let again = When::Every {
        every: ms(2_000),
        from: ms(HEALED + 500),
        until: Some(ms(HEALED + 12_500)),
    };
    let restart = Entry::new(again, Action::Restart(everyone())).optional();
    plan.at(ms(HEALED), Action::Heal(Healing::Everything))
        .entry(restart)
}

/// A broker, a leader, the controller, a server of ZooKeeper.
fn server(random: &mut Random, plan: &Plan) -> Targets {
    let partition = || Partition {
        topic: "t0".into(),
        partition: 0,
    };
    match random.range(0..12) {
        0..5 => broker(random),
        5..8 => Role::LeaderOf {
            partition: partition(),
        },
        8 => Role::FollowersOf {
            partition: partition(),
        },
        9 => Role::Controller,
        _ if plan.cluster.zookeeper.servers > 1 && random.percent(50) => Role::ZooKeeperFollower,
        _ => Role::ZooKeeperLeader,
    }
    .into()
}

/// Two that are not called the same.
fn two_ends(random: &mut Random, plan: &Plan) -> (Targets, Targets) {
    loop {
        let (a, b) = (server(random, plan), server(random, plan));
        if a != b {
            return (a, b);
        }
    }
}

fn broker(random: &mut Random) -> Role {
    Role::broker(random.range(1..4) as i32)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// splitmix64.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn range(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    fn index(&mut self, len: usize) -> usize {
        (self.next() % len as u64) as usize
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}
