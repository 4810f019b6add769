//! Any plan can be written as YAML and is the same plan when it is read back.

use super::any_clients::clients;
use super::any_predictions::predictions;
use super::schema::Judge;
use kafka_trial::kernel::Duration;
use kafka_trial::plan::*;
use kafka_trial::protocol::config::{KafkaVersion, Properties};
use kafka_trial::protocol::rules::Rules;
use kafka_trial::protocol::zab::SyncMode;
use kafka_trial::scenario::{load, to_yaml};
use kafka_trial::serialization::{Compatibility, SchemaType};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub const SECONDS: u64 = 1_000_000_000;
/// Runs of these plans last so long.
const DURATION: Duration = Duration(600 * SECONDS);

const RULES: [&str; 3] = [
    "",
    "truncation=hw",
    "replica_fencing=off zk_ack=before-fsync",
];

thread_local! {
    static JUDGE: Judge = Judge::new();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_survives_being_written_and_read(plan in plan()) {
        let yaml = to_yaml(&plan);
        let loaded = load("written", yaml.clone().into_bytes(), &[]);
        let loaded = loaded.map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
        prop_assert_eq!(&loaded.plan, &plan, "{}", yaml);
        prop_assert_eq!(to_yaml(&loaded.plan), yaml.clone());
        // What is read, editors take too.
        let judged = JUDGE.with(|judge| judge.judge(&yaml));
        judged.map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
    }

    #[test]
    fn durations_and_sizes_survive(nanos: u64, bytes: u64) {
        prop_assert_eq!(parse_duration(&write_duration(Duration(nanos))), Some(Duration(nanos)));
        prop_assert_eq!(parse_size(&write_size(bytes)), Some(bytes));
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        about(),
        (any::<u64>(), option::of(length())),
        cluster(),
        network(),
        vec(entry(), 0..6),
        (vec(expected(), 0..6), predictions()),
        clients(),
    )
        .prop_map(
            |(
                about,
                (seed, until),
                cluster,
                (network, disk),
                timeline,
                (expect, predictions),
                (producers, consumers, zookeeper_clients),
            )| {
                Plan {
                    name: "any-plan".into(),
                    about,
                    seed,
                    duration: DURATION,
                    until,
                    cluster,
                    network,
                    disk,
                    buggify: (seed % 101) as u8,
                    rules: Rules::parse(RULES[(seed % 3) as usize]).expect("rules that there are"),
                    found: (seed % 2 == 1).then(|| Found {
                        broken: "nothing is lost: \"x\"".into(),
                        event: (seed % 4 == 1).then_some(seed),
                        digest: format!("{seed:016x}"),
                        version: "0.1.0".into(),
                    }),
                    topics: vec![
                        TopicPlan::new("t")
                            .partitions(4)
                            .replication_factor(2)
                            .config("retention.ms", -1),
                        TopicPlan::new("u").assignment(vec![vec![1, 2], vec![2, 3]]),
                        TopicPlan {
                            about: Some("third: with # and \"quotes\"".into()),
                            ..TopicPlan::new("v-1")
                        },
                    ],
                    schemas: [
                        ("c", SchemaType::Connect, "{\"type\": \"int32\"}\n"),
                        ("s", SchemaType::Avro, "\"int\"\n"),
                    ]
                    .into_iter()
                    .map(|(name, language, text)| SchemaPlan {
                        name: name.into(),
                        language,
                        text: text.into(),
                    })
                    .collect(),
                    schema_registry: (seed % 2 == 0).then(|| SchemaRegistryPlan {
                        about: None,
                        compatibility: Compatibility::FullTransitive,
                        subjects: vec![("t-value".into(), Compatibility::None)],
                    }),
                    producers,
                    consumers,
                    zookeeper_clients,
                    services: vec![ServicePlan {
                        takes: Duration(seed % SECONDS),
                        ..ServicePlan::new("sms")
                    }],
                    timeline,
                    expect,
                    predict: predictions,
                }
            },
        )
}

/// Text that YAML might take for something else.
pub fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        Just("true".to_string()),
        Just("null".to_string()),
        Just("~".to_string()),
        Just("1e3".to_string()),
        Just("007".to_string()),
        Just("0x10".to_string()),
        Just("- a: {b}".to_string()),
        Just("# not a comment".to_string()),
        Just("two\nlines".to_string()),
        Just("&anchor *alias !tag".to_string()),
        Just("'single' \"double\"".to_string()),
        Just("größe → 路".to_string()),
        "[ -~]{1,20}",
    ]
}

fn about() -> impl Strategy<Value = String> {
    words().prop_map(|text| text.trim().to_string())
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..600u64).prop_map(|s| Duration(s * SECONDS)),
        (1..600 * SECONDS).prop_map(Duration)
    ]
}

pub fn length() -> impl Strategy<Value = Duration> {
    (1..100 * SECONDS).prop_map(Duration)
}

fn cluster() -> impl Strategy<Value = ClusterPlan> {
    let broker = (option::of(Just("a".to_string())), machine(), any::<bool>()).prop_map(
        |(rack, machine, slow)| BrokerPlan {
            rack,
            machine,
            config: match slow {
                true => {
                    Properties::from([("replica.fetch.wait.max.ms".to_string(), "100".to_string())])
                }
                false => Properties::new(),
            },
            ..BrokerPlan::new(0)
        },
    );
    (vec(broker, 3..5), 7..=9u8, 1..5_000u32, machine()).prop_map(
        |(mut brokers, minor, tick, machine)| {
            // All stand in racks, or none.
            let racks = brokers.iter().all(|broker| broker.rack.is_some());
            for (i, broker) in brokers.iter_mut().enumerate() {
                broker.id = i as i32 + 1;
                broker.rack = broker.rack.take().filter(|_| racks);
            }
            ClusterPlan {
                kafka_version: KafkaVersion::new(3, minor),
                brokers,
                zookeeper: ZooKeeperPlan {
                    tick_time_ms: tick,
                    machine,
                    ..ZooKeeperPlan::default()
                },
                config: Properties::from([("min.insync.replicas".to_string(), "2".to_string())]),
                ..ClusterPlan::default()
            }
        },
    )
}

fn machine() -> impl Strategy<Value = Machine> {
    let file = ("[a-z]{1,5}(/[a-z.-]{1,5}x){0,2}", vec(any::<u8>(), 0..20));
    (
        1..5u32,
        -5_000..5_000i64,
        -300..300i32,
        option::of(length()),
        any::<bool>(),
        option::of(file),
        option::of(1..u64::MAX),
    )
        .prop_map(
            |(
                slowness,
                clock_skew_ms,
                clock_drift_ppm,
                supervisor,
                down_at_start,
                file,
                disk_capacity,
            )| Machine {
                disk_capacity,
                start_after: match down_at_start {
                    true => Duration::ZERO,
                    false => Duration(u64::from(slowness) * SECONDS),
                },
                slowness,
                clock_skew_ms,
                clock_drift_ppm,
                supervisor,
                down_at_start,
                files: file.into_iter().collect(),
            },
        )
}

fn latency() -> impl Strategy<Value = Latency> {
    prop_oneof![
        time().prop_map(Latency::Constant),
        (time(), time()).prop_map(|(low, extra)| Latency::Uniform {
            low,
            high: low + extra
        }),
        (time(), 0..200u32).prop_map(|(median, sigma_percent)| Latency::LogNormal {
            median,
            sigma_percent
        }),
        time().prop_map(|median| Latency::LongTail { median }),
    ]
}

/// Of machines that every plan has.
fn names() -> impl Strategy<Value = Vec<(String, Vec<String>)>> {
    let machines = prop_oneof![
        Just(vec!["zookeeper-1".to_string()]),
        Just(vec!["admin".to_string(), "zookeeper-1".to_string()]),
    ];
    let names = proptest::collection::btree_map("[a-z]{1,4}\\.[a-z_-]{0,4}", machines, 0..3);
    names.prop_map(|names| names.into_iter().collect())
}

fn network() -> impl Strategy<Value = (NetworkPlan, DiskPlan)> {
    let some = || option::of(latency());
    (
        some(),
        some(),
        option::of(1..u64::MAX),
        some(),
        some(),
        option::of(1..u64::MAX),
        names(),
    )
        .prop_map(
            |(latency, other_rack, bandwidth, read, sync, disk, names)| {
                (
                    NetworkPlan {
                        latency,
                        other_rack,
                        bandwidth,
                        names,
                    },
                    DiskPlan {
                        read,
                        sync,
                        bandwidth: disk,
                        capacity: disk,
                    },
                )
            },
        )
}

fn partition() -> impl Strategy<Value = Partition> {
    prop_oneof![
        (0..4i32).prop_map(|n| Partition::new("t", n)),
        (0..2i32).prop_map(|n| Partition::new("u", n)),
        Just(Partition::new("v-1", 0)),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![
        partition().prop_map(|partition| Role::LeaderOf { partition }),
        partition().prop_map(|partition| Role::FollowerOf { partition }),
        partition().prop_map(|partition| Role::OtherBrokers { partition }),
        Just(Role::Controller),
        Just(Role::CrashedBrokers),
        Just(Role::Everyone),
        Just(Role::ZooKeeperFollower),
        Just(Role::ZooKeeperFollowers),
        (1..4i32).prop_map(Role::broker),
        Just(Role::ZooKeeper { number: Number(1) }),
        Just("trucks".parse().unwrap()),
    ]
}

fn targets() -> impl Strategy<Value = Targets> {
    vec(role(), 1..4).prop_map(Targets)
}

/// A client keeps nothing on a disk.
fn disks(of: &Targets) -> Targets {
    let is_server = |role: &&Role| !matches!(role, Role::Client { .. });
    let servers = of.0.iter().filter(is_server).cloned();
    Targets(servers.chain([Role::Controller]).collect())
}

fn action() -> impl Strategy<Value = Action> {
    let simple = targets().prop_flat_map(|who| {
        proptest::sample::select(vec![
            Action::Crash(who.clone()),
            Action::PowerFailure(who.clone()),
            Action::Restart(who.clone()),
            Action::Pause(who.clone()),
            Action::Resume(who.clone()),
            Action::Stop(who.clone()),
            Action::Isolate(who.clone()),
            Action::FillDisk(disks(&who)),
            Action::HangSync(disks(&who)),
            Action::FailSync(disks(&who)),
            Action::WipeDisk(disks(&who)),
            Action::Heal(Healing::Nodes(who)),
            Action::Heal(Healing::Everything),
            Action::Heal(Healing::Network),
        ])
    });
    let pair = (targets(), targets(), any::<bool>(), length(), 1..u64::MAX).prop_flat_map(
        |(a, mut b, both, by, rate)| {
            // A fault between a node and itself is refused.
            b.0.retain(|role| !a.0.contains(role));
            b.0.push(Role::AllZooKeepers);
            let ab = || (a.clone(), b.clone());
            let actions = [
                (|(from, to), both, _, _| Action::Cut { from, to, both })
                    as fn((Targets, Targets), bool, Duration, u64) -> Action,
                |(a, b), _, by, _| Action::SlowLink { a, b, by },
                |(a, b), _, _, rate| Action::ThrottleNetwork { a, b, rate },
                |(a, b), _, _, _| Action::StallNetwork { a, b },
                |(a, b), _, _, _| Action::ResetConnections { a, b },
                |(from, to), _, _, _| Action::LoseMessage { from, to },
                |(a, b), _, _, _| Action::Partition(vec![a, b]),
            ];
            proptest::sample::select(actions.map(|action| action(ab(), both, by, rate)).to_vec())
        },
    );
    let numbers = (targets(), 1..100u32, any::<i32>(), words(), 0..8u8).prop_flat_map(
        |(targets, times, n, file, bit)| {
            let file = file.trim().to_string() + "x";
            proptest::sample::select(vec![
                Action::DeleteFile {
                    targets: disks(&targets),
                    file: "data/t-0/".into(),
                },
                Action::TruncateFile {
                    targets: disks(&targets),
                    file: "data/meta.properties".into(),
                    size: times.into(),
                },
                Action::WriteFile {
                    targets: disks(&targets),
                    file: "data/x".into(),
                    content: vec![bit, b'a'],
                },
                Action::SlowDisk {
                    targets: disks(&targets),
                    times,
                },
                Action::SlowMachine {
                    targets: targets.clone(),
                    times,
                },
                Action::FailReads {
                    targets: disks(&targets),
                    file: file.clone(),
                },
                Action::FlipBit {
                    targets: disks(&targets),
                    file,
                    position: u64::from(times),
                    bit,
                },
                Action::JumpClock {
                    targets: targets.clone(),
                    by_ms: i64::from(n),
                },
                Action::DriftClock {
                    targets,
                    ppm: n % 500_000,
                },
            ])
        },
    );
    let set = Properties::from([("segment.bytes".to_string(), "1000".to_string())]);
    let admin = option::of(vec(partition(), 1..3)).prop_flat_map(move |which| {
        proptest::sample::select(vec![
            Action::ElectPreferred(which.clone()),
            Action::ElectUnclean(which),
            Action::CreateTopic(TopicPlan::new("made").partitions(3).config("flush.ms", 5)),
            Action::Upgrade {
                targets: Targets(vec![Role::Broker { id: Number(1) }]),
                set: Properties::from([("log.segment.bytes".to_string(), "1000".to_string())]),
            },
            Action::CreatePartitions {
                topic: "t".into(),
                partitions: 12,
            },
            Action::DescribeGroup("g".into()),
            Action::DeleteRecords {
                partition: "t-0".parse().unwrap(),
                before: Some(7),
            },
            Action::AlterTopic {
                topic: "t".into(),
                set: set.clone(),
                delete: vec!["retention.ms".into()],
            },
        ])
    });
    let commands = [
        "create -e -s /a b: c",
        "set -v 3 /a # d",
        "get -w /",
        "close",
    ];
    let ask = proptest::sample::select(commands.to_vec()).prop_map(|text| Action::AskZooKeeper {
        client: "reader".into(),
        command: ZooKeeperCommand::read(text).unwrap(),
    });
    prop_oneof![simple, pair, numbers, admin, ask]
}

fn entry() -> impl Strategy<Value = Entry> {
    let moment = prop_oneof![
        partition().prop_map(|partition| Moment::AnotherLeader { partition }),
        Just(Moment::ControllerElected),
        (1..4i32).prop_map(|id| Moment::Serves { id: Number(id) }),
        (1..99u64).prop_map(|number| Moment::Acknowledged {
            record: Record {
                producer: "trucks".into(),
                number
            }
        }),
    ];
    let when = prop_oneof![
        time().prop_map(When::At),
        (100..200u64, time()).prop_map(|(every, from)| When::Every {
            every: Duration(every * SECONDS),
            from,
            until: None
        }),
        (101..200u64, 0..100u64).prop_map(|(every, from)| When::Every {
            every: Duration(every * SECONDS),
            from: Duration(from * SECONDS),
            until: Some(Duration((from + 300) * SECONDS)),
        }),
        (moment, time(), time()).prop_map(|(moment, after, from)| When::On {
            moment,
            after,
            from
        }),
    ];
    (
        when,
        action(),
        option::of(length()),
        any::<bool>(),
        option::of(words()),
        option::of(words()),
    )
        .prop_map(|(when, action, lasting, optional, role, about)| {
            let lasting = lasting.filter(|_| action.can_last());
            Entry {
                when,
                action,
                lasting,
                optional,
                roles: role.into_iter().chain(about.clone()).collect(),
                about,
            }
        })
}

pub fn expected() -> impl Strategy<Value = Expected> {
    let count = prop_oneof![
        any::<u64>().prop_map(Count::Exactly),
        any::<u64>().prop_map(Count::AtLeast),
        any::<u64>().prop_map(Count::AtMost),
    ];
    let what = prop_oneof![
        Just(Expectation::NoneLost),
        Just(Expectation::NoElection),
        Just(Expectation::EveryRecordRead),
        any::<u64>().prop_map(|n| Expectation::Lost {
            count: Count::AtMost(n)
        }),
        count
            .clone()
            .prop_map(|count| Expectation::UsedTwice { count }),
        count
            .clone()
            .prop_map(|count| Expectation::ReplicasDiffer { count }),
        partition().prop_map(|partition| Expectation::KeepsLeader { partition }),
        (partition(), 1..4i32).prop_map(|(partition, id)| Expectation::LedAtTheEnd {
            partition,
            id: Number(id)
        }),
        (partition(), 1..4i32).prop_map(|(partition, id)| Expectation::ReadsFrom {
            consumer: "dashboard".into(),
            partition,
            id: Number(id)
        }),
        Just(Expectation::ReadsLater {
            consumer: "dashboard".into(),
            other: "dashboard".into()
        }),
        partition().prop_map(|partition| Expectation::Refused {
            partition,
            error: ErrorName("NOT_ENOUGH_REPLICAS".into())
        }),
        words().prop_map(|answer| Expectation::ZooKeeperAnswers {
            client: "reader".into(),
            command: ZooKeeperCommand::read("get /a").unwrap(),
            answer: ZooKeeperAnswer(answer.trim().to_string() + "x"),
        }),
        Just(Expectation::BroughtUpToDate {
            number: Number(1),
            mode: SyncMode::Trunc,
        }),
        count.prop_map(|count| Expectation::Read {
            consumer: "dashboard".into(),
            count
        }),
        (1..=1_000u16, time()).prop_map(|(per_mille, most)| Expectation::ProduceLatency {
            percentile: Percentile { per_mille },
            bound: TimeBound::AtMost(most),
        }),
    ];
    (
        what,
        option::of(0..100u64),
        option::of(100..600u64),
        option::of(words()),
    )
        .prop_map(|(what, from, until, because)| {
            let window = what.takes_window();
            let seconds = |n: u64| Duration(n * SECONDS);
            Expected {
                from: from.filter(|_| window).map(seconds),
                until: until.filter(|_| window).map(seconds),
                because,
                what,
            }
        })
}
