//! The recorder's client: operations one after the other, results as the recordings hold them.

use crate::client::cardboard::{Town, World};
use crate::client::properties;
use kafka_trial::client::{
    Client, Driver, DriverOperation, DriverOptions, DriverRecord, DriverResult, OffsetAnswer,
    Produced, ReadFrom,
};
use kafka_trial::kernel::NodeId;
use kafka_trial::protocol::config::Properties;
use kafka_trial::protocol::{Timer, TopicPartition};

fn driver(town: &mut Town, operations: Vec<DriverOperation>) -> NodeId {
    let options = DriverOptions {
        name: "driver".into(),
        bootstrap: town.bootstrap(),
        operations,
    };
    let node = town.add_client(
        "driver",
        Client::Driver(Box::new(Driver::new(options).unwrap())),
    );
    town.run_for(100);
    let Client::Driver(driver) = town.client(node) else {
        panic!("not a driver");
    };
    assert!(driver.is_idle());
    node
}

fn result(town: &Town, node: NodeId, number: u32) -> Option<DriverResult> {
    match town.client(node) {
        Client::Driver(driver) => driver.results().get(&number).cloned(),
        _ => None,
    }
}

fn produce(acks: &str, values: &[&str]) -> DriverOperation {
    DriverOperation::Produce {
        topic: "t".into(),
        partition: Some(0),
        producer: format!("acks-{acks}"),
        properties: properties(&[("acks", acks)]),
        records: values
            .iter()
            .map(|value| DriverRecord {
                value: Some(value.to_string()),
                ..DriverRecord::default()
            })
            .collect(),
    }
}

#[test]
fn recorded_operations_run_one_after_the_other_and_keep_their_producers() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    town.start(2);
    let read = DriverOperation::Read {
        partition: TopicPartition::new("t", 0),
        from: ReadFrom::Offset(0),
        ms: 1_500,
        properties: Properties::new(),
    };
    let operations = vec![
        produce("all", &["a", "b"]),
        produce("0", &["c"]),
        read,
        DriverOperation::Offsets { topic: "t".into() },
        DriverOperation::Describe { topic: "t".into() },
        DriverOperation::Describe { topic: "u".into() },
        produce("all", &["d", "e"]),
    ];
    let node = driver(&mut town, operations);
    for number in 0..6 {
        town.poke(node, Timer::Command(number));
    }
    town.run_for(3_000);
    let stored = |offset| Produced::Stored {
        partition: 0,
        offset,
    };
    assert_eq!(
        result(&town, node, 0),
        Some(DriverResult::Produced(vec![stored(0), stored(1)]))
    );
    assert_eq!(
        result(&town, node, 1),
        Some(DriverResult::Produced(vec![stored(-1)]))
    );
    let Some(DriverResult::Read {
        records,
        position: Some(3),
        exception: None,
    }) = result(&town, node, 2)
    else {
        panic!("{:?}", result(&town, node, 2));
    };
    let values: Vec<_> = records.iter().map(|r| r.value.as_deref()).collect();
    assert_eq!(values, [Some("a"), Some("b"), Some("c")]);
    let Some(DriverResult::Offsets(offsets)) = result(&town, node, 3) else {
        panic!("no offsets");
    };
    assert_eq!(offsets[&0].earliest, OffsetAnswer::Offset(0));
    assert_eq!(offsets[&0].latest, OffsetAnswer::Offset(3));
    assert_eq!(offsets[&0].leader_epoch, Some(0));
    let Some(DriverResult::Described(partitions)) = result(&town, node, 4) else {
        panic!("not described");
    };
    assert_eq!(partitions[&0].leader, 1);
    assert_eq!(
        result(&town, node, 5),
        Some(DriverResult::Failed {
            exception: "UnknownTopicOrPartitionException".into()
        })
    );

    // The living producer believes in its old leader, once.
    town.world().move_leader(0, 2);
    town.world().names_leaders = true;
    town.poke(node, Timer::Command(6));
    town.run_for(2_000);
    let failed = Produced::Failed {
        exception: "NotLeaderOrFollowerException".into(),
    };
    assert_eq!(
        result(&town, node, 6),
        Some(DriverResult::Produced(vec![failed, stored(3)]))
    );
}
