//! Any clients that a scenario can describe: for `round_trip`.

use super::round_trip::{SECONDS, length, words};
use kafka_trial::kernel::Duration;
use kafka_trial::plan::{
    Acks, Assign, Call, Callback, Commit, CommitWhen, ConsumerPlan, CrashAt, CrashPoint,
    EachRecord, Key, ListenerThrows, OffsetApi, Partition, Poison, PositionField, ProducerPlan,
    Step, StepWhen, Timestamp, Value, ZooKeeperClientPlan,
};
use kafka_trial::protocol::TopicPattern;
use proptest::option;
use proptest::prelude::*;

pub type Clients = (
    Vec<ProducerPlan>,
    Vec<ConsumerPlan>,
    Vec<ZooKeeperClientPlan>,
);

pub fn clients() -> impl Strategy<Value = Clients> {
    let key = prop_oneof![
        Just(Key::None),
        Just(Key::TruckId),
        Just(Key::TruckNumber),
        words().prop_map(Key::Constant),
        (1..1_000u32).prop_map(Key::Cycle),
    ];
    let value = prop_oneof![
        Just(Value::Position),
        Just(Value::PositionField(PositionField::Latitude)),
        Just(Value::Number),
        Just(Value::Null),
        words().prop_map(Value::Constant),
        (0..=1_000u64).prop_map(Value::Bytes),
    ];
    let timestamp = prop_oneof![
        Just(Timestamp::Seconds),
        Just(Timestamp::Microseconds),
        any::<i32>().prop_map(|ahead_ms| Timestamp::Clock {
            ahead_ms: ahead_ms.into()
        }),
        (0..i64::MAX).prop_map(Timestamp::Fixed),
    ];
    let acks = option::of(prop_oneof![
        Just(Acks::None),
        Just(Acks::Leader),
        Just(Acks::All)
    ]);
    let producer = (
        option::of(words()),
        option::of(1..20u32),
        key,
        value,
        length(),
        any::<bool>(),
        acks,
        option::of(1..100u64),
        timestamp,
    )
        .prop_map(
            |(about, count, key, value, every, saturate, acks, limit, timestamp)| ProducerPlan {
                timestamp,
                partition: limit.map(|n| n as i32),
                flush: limit,
                about,
                count,
                key,
                value,
                every: if saturate {
                    Duration(SECONDS)
                } else {
                    every.max(Duration(SECONDS / 100))
                },
                saturate,
                on_the_way: limit.filter(|_| saturate).map(|n| n as u32),
                acks,
                limit,
                start: limit.map(|n| Duration(n * SECONDS)),
                headers: limit.map_or(Vec::new(), |_| vec![("app".into(), "fleet".into())]),
                bootstrap: count.map(|_| vec!["broker-1:9092".into(), "broker-2:9092".into()]),
                ..ProducerPlan::new("trucks", "t")
            },
        );
    let commit = (any::<bool>(), 0..3u8, 1..9u64).prop_map(|(waits, when, n)| Commit::Own {
        waits,
        when: match when {
            0 => CommitWhen::Before,
            1 => CommitWhen::After,
            _ => CommitWhen::Every(n),
        },
    });
    let work = (commit, any::<u8>(), 0..4usize, 1..99u64).prop_map(|(commit, each, point, n)| {
        let member = ConsumerPlan::new("member", "u").config("group.id", "g");
        let member = match each % 3 {
            0 => member.pattern(TopicPattern::parse("[uw].*").expect("a pattern")),
            _ => member,
        };
        ConsumerPlan {
            commit: Some(commit),
            each_record: match each % 4 {
                0 => None,
                1 => Some(EachRecord::Count),
                2 => Some(EachRecord::Forward("t".into())),
                _ => Some(EachRecord::Call("sms".into())),
            },
            steps: steps(each, n),
            fails_on: (each > 9).then_some(n),
            listener: (each % 5 < 3).then_some(ListenerThrows {
                callback: Callback::WORDS[usize::from(each % 3)].1,
                is_caught: each > 99,
            }),
            crashes: Some(CrashAt {
                point: CrashPoint::WORDS[point].1,
                record: n,
            }),
            ..member.config("enable.auto.commit", "false")
        }
    });
    let consumer =
        (option::of(words()), option::of(1..20u32)).prop_map(|(about, count)| ConsumerPlan {
            about,
            count,
            bootstrap: count.map(|_| vec!["broker-3:9092".into()]),
            key_schema: count.map(|_| "s".into()),
            assign: count.map(|n| match n % 2 {
                0 => Assign::All,
                _ => Assign::These(vec![Partition::new("u", 0), Partition::new("v-1", 0)]),
            }),
            poison: Some(match count {
                Some(n) if n % 2 == 0 => Poison::Skip,
                Some(_) => Poison::DeadLetter("t".into()),
                None => Poison::Stuck,
            }),
            ..ConsumerPlan::new("dashboard", "u")
                .reads("v-1")
                .config(
                    "key.deserializer",
                    if count.is_some() { "avro" } else { "int" },
                )
                .config("auto.offset.reset", "earliest")
        });
    let of_zookeeper =
        (option::of(words()), any::<bool>(), 1..3_600u64).prop_map(|(about, all, timeout)| {
            ZooKeeperClientPlan {
                about,
                servers: (!all).then(|| vec![1]),
                session_timeout: Duration(timeout * SECONDS),
                ..ZooKeeperClientPlan::new("reader")
            }
        });
    (producer, consumer, work, of_zookeeper).prop_map(
        |(producer, consumer, member, of_zookeeper)| {
            (vec![producer], vec![consumer, member], vec![of_zookeeper])
        },
    )
}

fn steps(any: u8, n: u64) -> Vec<Step> {
    let (when, call) = match any % 6 {
        0 => return Vec::new(),
        1 => (StepWhen::At(Duration(n * SECONDS)), Call::Seek(n as i64)),
        2 => (StepWhen::At(Duration(n * SECONDS)), Call::SeekToEnd),
        3 => {
            let point = CrashPoint::BeforeProcessing;
            (StepWhen::Point(CrashAt { point, record: n }), Call::Pause)
        }
        4 => (
            StepWhen::At(Duration(n * SECONDS)),
            Call::Ask(OffsetApi::Committed),
        ),
        _ => (StepWhen::At(Duration(n)), Call::Resume),
    };
    let asks = matches!(call, Call::Ask(_));
    let partition = (asks || any > 100).then(|| Partition::new("u", 0));
    let step = Step {
        when,
        call,
        partition,
    };
    vec![step; 2]
}
