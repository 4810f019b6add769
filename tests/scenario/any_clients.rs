//! Any clients that a scenario can describe: for `round_trip`.

use super::round_trip::{SECONDS, length, words};
use kafka_trial::kernel::Duration;
use kafka_trial::plan::{
    Acks, ConsumerPlan, Key, Poison, PositionField, ProducerPlan, Timestamp, Value,
    ZooKeeperClientPlan,
};
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
        any::<u64>().prop_map(Value::Bytes),
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
                acks,
                limit,
                start: limit.map(|n| Duration(n * SECONDS)),
                headers: limit.map_or(Vec::new(), |_| vec![("app".into(), "fleet".into())]),
                bootstrap: count.map(|_| vec!["broker-1:9092".into(), "broker-2:9092".into()]),
                ..ProducerPlan::new("trucks", "t")
            },
        );
    let consumer =
        (option::of(words()), option::of(1..20u32)).prop_map(|(about, count)| ConsumerPlan {
            about,
            count,
            bootstrap: count.map(|_| vec!["broker-3:9092".into()]),
            key_schema: count.map(|_| "s".into()),
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
    (producer, consumer, of_zookeeper).prop_map(|(producer, consumer, of_zookeeper)| {
        (vec![producer], vec![consumer], vec![of_zookeeper])
    })
}
