//! Groups of consumers beside what a plan has: who is in one, how it is given partitions, how it commits, and what
//! befalls its members and its coordinator.
//!
//! From a stream of its own: with groups or without them, a plan is otherwise the same.

use super::draw::Random;
use super::{Budget, HEALED, ms};
use crate::plan::{
    Action, Commit, CommitWhen, ConsumerPlan, CrashAt, CrashPoint, Entry, Moment, Number,
    Partition, Plan, Role, When,
};

/// So many of a hundred plans have groups.
const WITH_GROUPS: u64 = 25;

/// Until groups have had their time since the healing (`groups_converge`), mostly.
const SETTLED: u64 = 85_000;

const OF_GROUPS: u64 = 0x6772_6f75_7073;

const ASSIGNORS: [&str; 6] = ["Range", "Range", "RoundRobin", "Sticky", STAYS, STAYS];
const STAYS: &str = "CooperativeSticky";

/// Adds groups to some plans.
pub fn draw(mut plan: Plan, seed: u64, budget: Budget) -> Plan {
    let random = &mut Random(seed ^ OF_GROUPS);
    if !random.percent(WITH_GROUPS) {
        return plan;
    }
    plan = coordination(plan, random, budget);
    plan = plan.duration(ms(SETTLED));
    let groups = if random.percent(15) { 2 } else { 1 };
    for number in 0..groups {
        plan = group(plan, random, number);
    }
    for _ in 0..random.range(0..4) {
        let entry = of_a_member(&plan, random);
        plan = plan.entry(entry);
    }
    if budget != Budget::OneDisk && random.percent(40) {
        let entry = of_the_coordinator(random);
        plan = plan.entry(entry);
    }
    // Somebody wants to know how far it is, whatever goes on.
    if random.percent(30) {
        let group = plan.consumers.iter().find_map(ConsumerPlan::group_id);
        if let Some(group) = group.map(str::to_owned) {
            let at = random.ms(5_000..SETTLED - 5_000);
            let asks = Entry::new(When::At(at), Action::DescribeGroup(group));
            plan = plan.entry(asks.optional());
        }
    }
    plan
}

/// What brokers are told of groups: their topic is as safe as others.
fn coordination(mut plan: Plan, random: &mut Random, budget: Budget) -> Plan {
    if budget == Budget::PowerFailures {
        plan = plan.config("log.flush.interval.messages", 1);
    }
    if random.percent(20) {
        // Who was away for a minute by its coordinator's clock is forgotten; who is there is not.
        plan = plan
            .config("offsets.retention.minutes", 1)
            .config("offsets.retention.check.interval.ms", 2_000);
    }
    let delay = *random.of(&[0, 0, 500, 3_000]);
    plan.config("offsets.topic.num.partitions", 1)
        .config("min.insync.replicas", 2)
        .config("group.initial.rebalance.delay.ms", delay)
}

fn group(mut plan: Plan, random: &mut Random, number: u64) -> Plan {
    let mut assignors = random.of(&ASSIGNORS).to_string();
    let spare = *random.of(&ASSIGNORS);
    let both = random.percent(25) && spare != assignors;
    let class = |name: &str| format!("org.apache.kafka.clients.consumer.{name}Assignor");
    assignors = class(&assignors);
    if both {
        assignors = format!("{assignors},{}", class(spare));
    }
    let session = random.range(6_000..9_000);
    let heartbeat = random.range(500..2_500);
    let poll = random.range(5_000..9_000);
    let processing = random.percent(30).then(|| random.ms(1..15));
    let commit = commit(random);
    // Somebody is to write what it reads.
    let is_written = plan.producers.iter().any(|it| it.topic == "t0");
    let two_topics = plan.topics.len() > 1 && (random.percent(60) || !is_written);
    for member in 0..random.range(1..5) {
        let mut one = ConsumerPlan::new(format!("g{number}m{member}"), "t0")
            .start(random.ms(2_000..14_000))
            .config("group.id", format!("g{number}"))
            .config("partition.assignment.strategy", &assignors)
            .config("session.timeout.ms", session)
            .config("heartbeat.interval.ms", heartbeat)
            .config("max.poll.interval.ms", poll)
            .config("request.timeout.ms", random.range(3_000..8_000));
        if two_topics {
            one = one.reads("t1");
        }
        if random.percent(30) {
            // Who is told of new partitions soon has its group join again.
            one = one.config("metadata.max.age.ms", random.range(1_500..8_000));
        }
        if random.percent(25) {
            one = one.config("group.instance.id", format!("i{member}"));
        }
        if random.percent(15) {
            one = one.config("max.poll.records", random.range(1..5));
        }
        one.processing = processing;
        one.commit = Some(commit);
        one = match commit {
            Commit::Auto => one.config("auto.commit.interval.ms", random.range(200..3_000)),
            Commit::Own { .. } => one.config("enable.auto.commit", false),
        };
        if random.percent(15) {
            one.crashes = Some(crash(random, commit));
        }
        plan = plan.consumer(one);
    }
    plan
}

fn commit(random: &mut Random) -> Commit {
    if random.percent(45) {
        return Commit::Auto;
    }
    let when = match random.range(0..5) {
        0 => CommitWhen::Before,
        1 | 2 => CommitWhen::After,
        _ => CommitWhen::Every(random.range(1..6)),
    };
    let waits = random.percent(60);
    Commit::Own { waits, when }
}

fn crash(random: &mut Random, commit: Commit) -> CrashAt {
    let points = [
        CrashPoint::AfterPoll,
        CrashPoint::BeforeProcessing,
        CrashPoint::AfterProcessing,
        CrashPoint::AfterCommit,
    ];
    let able = match commit {
        Commit::Auto => &points[..3],
        Commit::Own { .. } => &points[..],
    };
    CrashAt {
        point: *random.of(able),
        record: random.range(1..30),
    }
}

/// One dies, leaves, stands still or does not reach everybody; it is there again before the healing, or through it.
fn of_a_member(plan: &Plan, random: &mut Random) -> Entry {
    let members = plan.consumers.iter().filter(|it| it.group_id().is_some());
    let members: Vec<&str> = members.map(|it| it.name.as_str()).collect();
    let name = random.of(&members).to_string();
    let who = || Role::Client { name: name.clone() };
    let action = match random.range(0..8) {
        0 | 1 => Action::Crash(who().into()),
        2 | 3 => Action::Stop(who().into()),
        4 | 5 => Action::Pause(who().into()),
        6 => Action::Cut {
            from: who().into(),
            to: coordinator().into(),
            both: random.percent(70),
        },
        _ => Action::SlowLink {
            a: who().into(),
            b: Role::AllBrokers.into(),
            by: random.ms(50..2_000),
        },
    };
    lasting(action, random)
}

/// Who keeps the group is gone, cut off or not heard, or hands it over.
fn of_the_coordinator(random: &mut Random) -> Entry {
    let who = coordinator;
    let action = match random.range(0..6) {
        0 => Action::Crash(who().into()),
        1 => Action::Stop(who().into()),
        2 => Action::Pause(who().into()),
        3 => Action::Cut {
            from: who().into(),
            to: Role::AllBrokers.into(),
            both: random.percent(60),
        },
        4 => Action::StallNetwork {
            a: who().into(),
            b: Role::AllClients.into(),
        },
        _ => Action::ResetConnections {
            a: who().into(),
            b: Role::Everyone.into(),
        },
    };
    lasting(action, random)
}

fn lasting(action: Action, random: &mut Random) -> Entry {
    let at = random.ms(5_000..HEALED - 4_000);
    let moment = match random.range(0..4) {
        0 => Some(Moment::Serves {
            id: Number(random.range(1..4) as i32),
        }),
        1 if random.percent(40) => Some(Moment::AnotherLeader {
            partition: offsets(),
        }),
        _ => None,
    };
    let when = match moment {
        Some(moment) => When::On {
            moment,
            after: random.ms(0..1_500),
            from: at,
        },
        None => When::At(at),
    };
    let can_last = action.can_last();
    let entry = Entry::new(when, action).optional();
    match can_last {
        true => entry.lasting(random.ms(200..11_000)),
        false => entry,
    }
}

fn coordinator() -> Role {
    Role::LeaderOf {
        partition: offsets(),
    }
}

/// All groups are kept in its only partition.
fn offsets() -> Partition {
    Partition::new("__consumer_offsets", 0)
}
