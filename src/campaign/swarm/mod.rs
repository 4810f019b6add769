//! A small plan from a number: safe settings, and faults of all kinds that safe settings bear.
//!
//! Safe: three replicas, `acks=all`, `min.insync.replicas=2`, no unclean election. What may go wrong with
//! disks is the plan's `Budget`: safe settings do not bear that all that holds a record goes.

mod chains;
mod draw;
mod faults;
mod groups;

use crate::kernel::Duration;
use crate::plan::{
    Acks, Action, BrokerPlan, ConsumerPlan, Entry, Expectation, Healing, Key, Latency, Plan,
    ProducerPlan, Role, Targets, TopicPlan, When, ZooKeeperClientPlan,
};
use crate::protocol::BrokerId;
pub use draw::Random;
use std::ops::Range;

/// When everything is healed and every process is started again.
pub const HEALED: u64 = 24_000;
/// When nothing is started again any more, and a leader is killed whose ISR stands still.
pub const REPAIRED: u64 = 46_000;
/// Until when producers make records.
const MADE: u64 = 28_000;
const END: u64 = 60_000;

/// The setting without which no topic's segments become smaller.
const SMALL_FETCHES: &str = "replica.fetch.max.bytes";

/// Whether segments may become smaller.
pub fn has_small_fetches(plan: &Plan) -> bool {
    plan.cluster.config.contains_key(SMALL_FETCHES)
}

/// Who asks ZooKeeper by hand, where somebody does.
pub const SOMEBODY: &str = "somebody";

pub fn plan(seed: u64) -> Plan {
    let mut random = Random(seed);
    let random = &mut random;
    let plan = Plan::new(format!("random-{seed}"))
        .about(
            "Drawn at random: safe settings bear every fault, and all is whole again after them.",
        )
        .seed(seed)
        .duration(ms(END));
    let budget = Budget::of(random);
    let plan = coordination(plan, random, budget);
    let plan = brokers(plan, random);
    let plan = topics(plan, random, budget);
    let mut plan = workload(plan, random);
    if seed % 4 == 3 {
        // As before Kafka 3.0: retries may store a record twice, and in another order.
        for producer in &mut plan.producers {
            let off = "false".to_string();
            producer.config.insert("enable.idempotence".into(), off);
        }
    }
    let plan = faults::draw(plan, random, budget);
    let mut plan = groups::draw(plan, seed, budget);
    plan.timeline.sort_by_key(|entry| match entry.when {
        When::At(at) => at,
        _ => Duration::ZERO,
    });
    let may_delete = |entry: &Entry| matches!(entry.action, Action::DeleteRecords { .. });
    let all_stay = !plan.timeline.iter().any(may_delete);
    let plan = heal(plan)
        .expect(Expectation::NoneLost)
        .expect(Expectation::EveryIsrFull);
    match all_stay {
        true => plan.expect(Expectation::EveryRecordRead),
        // What somebody deletes before it is read nobody reads.
        false => plan,
    }
}

/// What may go wrong with disks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Budget {
    /// Nothing is lost: processes die, page caches stay.
    Crashes,
    /// Page caches go, and every record is synced before it counts.
    PowerFailures,
    /// One broker's disk goes bad, is mended by hand or replaced; nothing else takes a replica out of the ISR.
    OneDisk,
    /// One server's of three of ZooKeeper is replaced while the two others go on.
    OneZooKeeperDisk,
}

impl Budget {
    fn of(random: &mut Random) -> Budget {
        match random.range(0..20) {
            0..11 => Budget::Crashes,
            11..16 => Budget::PowerFailures,
            16..19 => Budget::OneDisk,
            _ => Budget::OneZooKeeperDisk,
        }
    }
}

fn coordination(mut plan: Plan, random: &mut Random, budget: Budget) -> Plan {
    let zookeeper = &mut plan.cluster.zookeeper;
    let ensemble = budget == Budget::OneZooKeeperDisk || random.percent(25);
    zookeeper.servers = if ensemble { 3 } else { 1 };
    zookeeper.tick_time_ms = 1_000;
    if random.percent(20) {
        plan = plan.zookeeper_client(ZooKeeperClientPlan::new(SOMEBODY));
    }
    if random.percent(15) {
        plan.network.latency = Some(Latency::LongTail {
            median: random.ms(1..5),
        });
    }
    if random.percent(15) {
        plan.disk.sync = Some(Latency::LogNormal {
            median: random.ms(1..30),
            sigma_percent: 80,
        });
    }
    if random.percent(20) {
        plan.buggify = random.range(1..30) as u8;
    }
    plan.config("zookeeper.session.timeout.ms", random.range(4_000..9_000))
}

/// Three that replicate, and sometimes a fourth, which is the controller at first.
fn brokers(mut plan: Plan, random: &mut Random) -> Plan {
    let of_its_own = random.percent(25);
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
            machine.supervisor = Some(random.ms(500..8_000));
        }
        if of_its_own {
            machine.start_after = ms(1_000);
        }
        plan = plan.broker(broker);
    }
    if of_its_own {
        plan = plan.broker(BrokerPlan::new(4));
    }
    if random.percent(15) {
        plan = plan
            .config("auto.leader.rebalance.enable", true)
            .config("leader.imbalance.check.interval.seconds", 5);
    }
    if random.percent(60) {
        // Segments that become smaller must hold what a follower appends at once (RecordBatchTooLargeException).
        plan = plan.config(SMALL_FETCHES, 200);
    }
    plan.config("replica.lag.time.max.ms", random.range(2_000..8_000))
        .config("num.partitions", 1)
        .config("unclean.leader.election.enable", false)
}

fn topics(mut plan: Plan, random: &mut Random, budget: Budget) -> Plan {
    let topics = if random.percent(30) { 2 } else { 1 };
    for number in 0..topics {
        let mut topic = TopicPlan::new(format!("t{number}")).config("min.insync.replicas", 2);
        topic = topic.assignment(assignment(random));
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

/// Brokers 1 to 3 have all; which of them is the preferred leader is drawn.
fn assignment(random: &mut Random) -> Vec<Vec<BrokerId>> {
    let partitions = random.range(1..4) as usize;
    let first = random.range(0..3) as usize;
    let mut replicas = vec![1, 2, 3];
    replicas.rotate_left(first);
    let mut next = || {
        replicas.rotate_left(1);
        replicas.clone()
    };
    (0..partitions).map(|_| next()).collect()
}

fn workload(mut plan: Plan, random: &mut Random) -> Plan {
    let topics = plan.topics.len() as u64;
    for number in 0..random.range(1..4) {
        let topic = format!("t{}", random.range(0..topics));
        let mut producer = ProducerPlan::new(format!("p{number}"), topic)
            .every(random.ms(150..900))
            .acks(Acks::All)
            .start(random.ms(2_000..5_000))
            .stop(ms(MADE))
            .config("linger.ms", random.range(0..60))
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
            .start(random.ms(2_000..10_000))
            .config("request.timeout.ms", random.range(3_000..8_000));
        if topics > 1 {
            consumer = consumer.reads("t1");
        }
        plan = plan.consumer(consumer);
    }
    plan
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
        until: Some(ms(HEALED + 20_500)),
    };
    let restart = Entry::new(again, Action::Restart(everyone())).optional();
    plan.at(ms(HEALED), Action::Heal(Healing::Everything))
        .entry(restart)
}

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Random {
    pub fn ms(&mut self, range: Range<u64>) -> Duration {
        ms(self.range(range))
    }
}
