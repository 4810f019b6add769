//! The faults of a plan: who is hit by what, when and for how long. Only an unclean election is never asked
//! for: who does that gives records up.

use super::chains;
use super::draw::Random;
use super::{Budget, HEALED, SOMEBODY, has_small_fetches, ms};
use crate::plan::{
    Action, Entry, Moment, Number, Partition, Plan, Role, Slot, Targets, TopicPlan, When,
    ZooKeeperCommand,
};
use crate::protocol::config::Properties;
use std::ops::Range;

/// Adds faults to a plan, as many and as bad as it bears.
pub fn draw(mut plan: Plan, random: &mut Random, budget: Budget) -> Plan {
    let first = random.range(5_000..16_000);
    let begin = match random.percent(30) {
        // All at once.
        true => first..first + 4_000,
        false => 4_000..20_000,
    };
    for _ in 0..random.range(1..6) {
        let fault = fault(random, &plan, budget, begin.clone());
        plan = plan.entry(fault);
    }
    if random.percent(80) {
        plan = chains::draw(plan, random, budget);
    }
    match budget {
        Budget::Crashes | Budget::PowerFailures => {}
        Budget::OneDisk => plan = replace_disk(plan, random),
        Budget::OneZooKeeperDisk => plan = replace_zookeeper_disk(plan, random),
    }
    if !plan.zookeeper_clients.is_empty() {
        plan = ask_zookeeper(plan, random);
    }
    plan
}

/// One fault, before everything is healed.
fn fault(random: &mut Random, plan: &Plan, budget: Budget, begin: Range<u64>) -> Entry {
    let action = loop {
        let action = action(random, plan);
        if is_within(budget, &action) {
            break action;
        }
    };
    let at = random.ms(begin);
    let anything = matches!(budget, Budget::Crashes | Budget::PowerFailures);
    if anything && action.can_last() && random.percent(25) {
        let when = When::On {
            moment: moment(random),
            after: random.ms(0..2_000),
            from: at,
        };
        // It may begin after the healing; then it is over, and all is started again, in time.
        let entry = Entry::new(when, action).optional();
        return entry.lasting(random.ms(200..5_000));
    }
    let lasts = action.can_last() && random.percent(85);
    let mut entry = Entry::new(When::At(at), action).optional();
    if lasts {
        entry = entry.lasting(random.ms(200..12_000));
    }
    entry
}

/// When a failover, a start or a catching up is in its middle.
fn moment(random: &mut Random) -> Moment {
    let partition = first_partition();
    let id = Number(random.range(1..4) as i32);
    match random.range(0..8) {
        0 | 1 => Moment::AnotherLeader { partition },
        2 => Moment::NoLeader { partition },
        3 => Moment::IsrShrinks { partition },
        4 => Moment::IsrGrows { partition },
        5 => Moment::ControllerElected,
        6 => Moment::Serves { id },
        _ => Moment::Registers { id },
    }
}

fn is_within(budget: Budget, action: &Action) -> bool {
    let takes_nobody_away = matches!(
        action,
        Action::SlowDisk { .. }
            | Action::SlowMachine { .. }
            | Action::LoseMessage { .. }
            | Action::JumpClock { .. }
            | Action::DriftClock { .. }
            | Action::CreateTopic(_)
            | Action::AlterTopic { .. }
            | Action::CreatePartitions { .. }
            | Action::DeleteRecords { .. }
            | Action::ElectPreferred(_)
    ) || matches!(action, Action::SlowLink { by, .. } if *by < ms(200));
    match budget {
        Budget::Crashes => !matches!(action, Action::PowerFailure(_)),
        Budget::PowerFailures => true,
        Budget::OneDisk => takes_nobody_away,
        Budget::OneZooKeeperDisk => {
            takes_nobody_away
                || !matches!(action, Action::PowerFailure(_)) && spares_zookeeper(action)
        }
    }
}

/// None of ZooKeeper's servers is stopped or cut from another.
fn spares_zookeeper(action: &Action) -> bool {
    let mut action = action.clone();
    let sets = action.targets_mut();
    let roles: Vec<&Role> = sets.iter().flat_map(|set| &set.0).collect();
    !roles.iter().any(|role| {
        matches!(
            role,
            Role::ZooKeeper { .. } | Role::ZooKeeperLeader | Role::ZooKeeperFollower
        )
    })
}

fn action(random: &mut Random, plan: &Plan) -> Action {
    match random.range(0..35) {
        0..3 => Action::Crash(server(random, plan)),
        3 => Action::PowerFailure(server(random, plan)),
        4 => Action::PowerFailure(Role::AllBrokers.into()),
        5 => Action::Stop(broker(random).into()),
        6..8 => Action::Pause(server(random, plan)),
        8 => Action::Resume(Role::AllBrokers.into()),
        9 => Action::Restart(Role::AllBrokers.into()),
        10 => Action::Upgrade {
            targets: broker(random).into(),
            set: settings("replica.fetch.wait.max.ms", random.range(50..1_500)),
        },
        11..13 => {
            let (from, to) = two_ends(random, plan);
            let both = random.percent(60);
            Action::Cut { from, to, both }
        }
        13 => Action::Partition(vec![
            Role::broker(1).into(),
            Targets(vec![Role::broker(2), Role::broker(3)]),
        ]),
        14 => Action::Isolate(server(random, plan)),
        15 => Action::SlowLink {
            a: broker(random).into(),
            b: Role::Everyone.into(),
            by: random.ms(1..120),
        },
        16 => Action::SlowLink {
            a: broker(random).into(),
            b: broker_or_zookeeper(random),
            by: random.ms(100..6_000),
        },
        17 => Action::ThrottleNetwork {
            a: broker(random).into(),
            b: Role::Everyone.into(),
            rate: random.range(500..20_000),
        },
        18..20 => {
            let (a, b) = two_ends(random, plan);
            Action::StallNetwork { a, b }
        }
        20 => Action::ResetConnections {
            a: broker(random).into(),
            b: Role::Everyone.into(),
        },
        21 => Action::LoseMessage {
            from: broker(random).into(),
            to: Role::Everyone.into(),
        },
        22 => Action::SlowDisk {
            targets: server(random, plan),
            times: random.range(2..60) as u32,
        },
        23 => Action::FillDisk(broker(random).into()),
        24 => Action::FailSync(server(random, plan)),
        25 => Action::HangSync(server(random, plan)),
        26 => Action::FailReads {
            targets: broker(random).into(),
            file: random.of(&["t0-0/", "data/", ".index"]).to_string(),
        },
        // A pause that was to end by a clock that is set back lasts so much longer (`DelayedItem`).
        27 => Action::JumpClock {
            targets: server(random, plan),
            by_ms: random.range(0..70_000) as i64 - 10_000,
        },
        28 => Action::DriftClock {
            targets: server(random, plan),
            ppm: random.range(0..100_000) as i32 - 50_000,
        },
        29 => Action::SlowMachine {
            targets: server(random, plan),
            times: random.range(2..40) as u32,
        },
        30 => administration(random, plan),
        31..33 => Action::ElectPreferred(None),
        _ => Action::Pause(Role::AllClients.into()),
    }
}

fn administration(random: &mut Random, plan: &Plan) -> Action {
    match random.range(0..4) {
        // It has three at most.
        3 => Action::CreatePartitions {
            topic: "t0".into(),
            partitions: random.range(4..7) as u32,
        },
        0 => Action::CreateTopic(
            TopicPlan::new("new")
                .partitions(random.range(1..3) as u32)
                .replication_factor(3),
        ),
        1 => Action::AlterTopic {
            topic: "t0".into(),
            set: match has_small_fetches(plan) {
                true => settings("segment.bytes", random.range(200..3_000)),
                false => settings("segment.ms", random.range(1_000..30_000)),
            },
            delete: Vec::new(),
        },
        _ => Action::DeleteRecords {
            partition: first_partition(),
            before: random.percent(50).then(|| random.range(0..30) as i64),
        },
    }
}

/// A broker's disk goes bad while the others hold everything and go on; somebody mends or replaces it.
fn replace_disk(mut plan: Plan, random: &mut Random) -> Plan {
    let id = random.range(1..4) as i32;
    // Nobody but who replaces the disk starts it again.
    let mut brokers = plan.cluster.brokers.iter_mut();
    let owner = brokers.find(|broker| broker.id == id).expect("of three");
    owner.machine.supervisor = None;
    let who = || -> Targets { Role::broker(id).into() };
    let at = random.range(6_000..9_000);
    // Until its session has expired: who is back before may lead with an empty log.
    let back = at + 12_000;
    let wiped = random.percent(60);
    if wiped && random.percent(70) {
        // Before it dies, it serves what it has.
        let bad = Entry::new(
            When::At(ms(at - random.range(0..2_000))),
            damage(who(), random),
        );
        plan = plan.entry(bad.optional());
        // An application that was handed damaged records reads on only in a new process.
        let readers = plan.consumers.iter().map(|plan| plan.name.clone());
        let readers = Targets(readers.map(|name| Role::Client { name }).collect());
        let restarted = Entry::new(When::At(ms(HEALED)), Action::Crash(readers));
        plan = plan.entry(restarted.optional());
    }
    let cure = match wiped {
        true => Action::WipeDisk(who()),
        false => edit(who(), random),
    };
    let crash = Entry::new(When::At(ms(at)), Action::Crash(who())).optional();
    plan.entry(crash)
        .entry(Entry::new(When::At(ms(at + 500)), cure).optional())
        .at(ms(back), Action::Restart(who()))
}

/// What makes a disk worth replacing. Of a log no bit is flipped: what stands before a batch's checksum nobody
/// would notice.
fn damage(targets: Targets, random: &mut Random) -> Action {
    match random.range(0..4) {
        0 => Action::FailReads {
            targets,
            file: random.of(&["t0-0/0", ".log", ".index"]).to_string(),
        },
        _ => Action::FlipBit {
            targets,
            file: random
                .of(&[".index", ".timeindex", "checkpoint"])
                .to_string(),
            position: random.range(0..400),
            bit: random.range(0..8) as u8,
        },
    }
}

/// What is done to files of a broker that is down, and what it makes up for by itself when it is back: all
/// that says less than there was, so that it looks again or asks its leader.
fn edit(targets: Targets, random: &mut Random) -> Action {
    let first = "data/t0-0/00000000000000000000";
    match random.range(0..8) {
        0..3 => Action::DeleteFile {
            targets,
            file: "data/t0-0/".into(),
        },
        3 => Action::DeleteFile {
            targets,
            file: format!("{first}{}", random.of(&[".index", ".timeindex"])),
        },
        4 => Action::DeleteFile {
            targets,
            file: format!(
                "data/{}",
                random.of(&[
                    "recovery-point-offset-checkpoint",
                    "replication-offset-checkpoint",
                    "log-start-offset-checkpoint",
                    "t0-0/leader-epoch-checkpoint",
                ])
            ),
        },
        5 => Action::TruncateFile {
            targets,
            file: format!("{first}.index"),
            size: 0,
        },
        _ => Action::WriteFile {
            targets,
            file: "data/recovery-point-offset-checkpoint".into(),
            content: b"0\n0\n".to_vec(),
        },
    }
}

/// The two others hold all that is committed, and go on.
fn replace_zookeeper_disk(plan: Plan, random: &mut Random) -> Plan {
    let number = Number(random.range(1..4) as i32);
    let who = || -> Targets { Role::ZooKeeper { number }.into() };
    let at = random.range(5_000..12_000);
    let back = at + random.range(500..9_000);
    plan.at(ms(at), Action::Crash(who()))
        .at(ms(at + 200), Action::WipeDisk(who()))
        .at(ms(back), Action::Restart(who()))
}

fn ask_zookeeper(mut plan: Plan, random: &mut Random) -> Plan {
    let commands = [
        "create /trial first",
        "create -e /trial-lock mine",
        "set /trial other",
        "get -w /trial",
        "get -w /controller",
        "ls -w /brokers/ids",
        "sync /trial",
        "delete /trial",
        "delete /trial-lock",
        "delete /controller",
    ];
    for _ in 0..random.range(3..12) {
        let command =
            ZooKeeperCommand::read(random.of::<&str>(&commands)).expect("as one types it");
        let client = SOMEBODY.to_string();
        let ask = Action::AskZooKeeper { client, command };
        let at = random.ms(3_000..HEALED - 2_000);
        plan = plan.entry(Entry::new(When::At(at), ask).optional());
    }
    plan
}

/// A broker, a leader, the controller, a server of ZooKeeper.
fn server(random: &mut Random, plan: &Plan) -> Targets {
    let partition = first_partition;
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

fn broker_or_zookeeper(random: &mut Random) -> Targets {
    match random.percent(50) {
        true => Role::AllZooKeepers,
        false => Role::AllBrokers,
    }
    .into()
}

pub fn broker(random: &mut Random) -> Role {
    Role::broker(random.range(1..4) as i32)
}

pub fn first_partition() -> Partition {
    Partition {
        topic: "t0".into(),
        partition: 0,
    }
}

fn settings(key: &str, value: u64) -> Properties {
    [(key.to_string(), value.to_string())].into()
}
