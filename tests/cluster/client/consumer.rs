//! The consumer with assigned partitions: where it begins, how it follows leaders, what it throws.

use crate::client::cardboard::{Town, World};
use crate::client::{consumed, consumer, exceptions};
use kafka_trial::client::Client;
use kafka_trial::kernel::Fault;
use kafka_trial::protocol::{ErrorCode, Fact, TopicPartition};
use std::collections::BTreeMap;

#[test]
fn cc34_a_consumer_begins_where_its_reset_policy_says() {
    let read_with = |policy: &str| {
        let mut town = Town::new(1, World::with_partitions(&[1]));
        town.world().append(0, &["a", "b", "c"]);
        town.start(1);
        consumer(&mut town, &[("auto.offset.reset", policy)], &[]);
        let mut facts = town.run_for(1_000);
        town.world().append(0, &["d"]);
        facts.extend(town.run_for(1_000));
        (consumed(&facts), exceptions(&facts))
    };
    assert_eq!(read_with("earliest").0, [0, 1, 2, 3]);
    assert_eq!(read_with("latest").0, [3]);
    let (offsets, thrown) = read_with("none");
    assert!(offsets.is_empty());
    assert_eq!(thrown.len(), 1);
    assert_eq!(thrown[0].1, "NoOffsetForPartitionException");
}

/// Partition 0 has a position; of a fetch that is answered when `poll` throws for the other one nothing is seen. With
/// some seed that one brings a record.
#[test]
fn cc34_one_partition_without_position_and_policy_ends_the_reading_of_all() {
    let settings = [
        ("auto.offset.reset", "none"),
        ("metadata.max.age.ms", "500"),
    ];
    for seed in 1..=10 {
        let mut town = Town::new(seed, World::with_partitions(&[1]));
        town.start(1);
        consumer(&mut town, &settings, &[(0, 0)]);
        town.run_for(5_000);
        town.world().add_partition(1);
        let mut facts = Vec::new();
        for _ in 0..1_000 {
            town.world().append(0, &["a"]);
            facts.extend(town.run_for(1));
        }
        let thrown = exceptions(&facts);
        assert_eq!(thrown.len(), 1, "told once: {thrown:?}");
        assert_eq!(thrown[0].1, "NoOffsetForPartitionException");
        let is_thrown = |(_, fact): &(u64, Fact)| matches!(fact, Fact::ConsumerError { .. });
        let at = facts.iter().position(is_thrown).expect("it is thrown");
        assert!(!consumed(&facts[..at]).is_empty());
        assert!(consumed(&facts[at..]).is_empty());
        let fetches = town.world().fetched_from.len();
        town.run_for(1_000);
        assert_eq!(town.world().fetched_from.len(), fetches);
    }
}

#[test]
fn cc30_a_consumer_reads_on_from_the_new_leader() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().append(0, &["a", "b"]);
    town.start(1);
    town.start(2);
    consumer(&mut town, &[], &[(0, 0)]);
    let mut facts = town.run_for(1_000);
    town.world().move_leader(0, 2);
    town.world().append(0, &["c"]);
    facts.extend(town.run_for(2_000));
    assert_eq!(consumed(&facts), [0, 1, 2]);
    assert_eq!(
        town.world().epoch_end_questions,
        1,
        "the position was validated"
    );
}

#[test]
fn g17_cc32_a_consumer_goes_back_to_where_an_unclean_leaders_log_differs() {
    let run_with = |policy: &str| {
        let mut town = Town::new(1, World::with_partitions(&[1]));
        town.world().append(0, &["a", "b", "c"]);
        town.start(1);
        town.start(2);
        consumer(&mut town, &[("auto.offset.reset", policy)], &[(0, 0)]);
        let mut facts = town.run_for(1_000);
        town.world().lose_after(0, 1);
        town.world().move_leader(0, 2);
        town.world().append(0, &["x", "y", "z"]);
        facts.extend(town.run_for(2_000));
        (consumed(&facts), exceptions(&facts))
    };
    assert_eq!(run_with("latest").0, [0, 1, 2, 1, 2, 3]);
    let (offsets, thrown) = run_with("none");
    assert_eq!(offsets, [0, 1, 2]);
    assert_eq!(thrown[0].1, "LogTruncationException");
}

#[test]
fn f7_cc16_out_of_range_applies_the_reset_policy_or_throws() {
    let run_with = |policy: &str| {
        let mut town = Town::new(1, World::with_partitions(&[1]));
        town.world().append(0, &["a", "b"]);
        town.start(1);
        consumer(&mut town, &[("auto.offset.reset", policy)], &[(0, 7)]);
        let facts = town.run_for(2_000);
        (consumed(&facts), exceptions(&facts))
    };
    assert_eq!(run_with("earliest").0, [0, 1]);
    let (offsets, thrown) = run_with("none");
    assert!(offsets.is_empty());
    let names: Vec<&str> = thrown.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["OffsetOutOfRangeException"], "told once");
}

#[test]
fn hw9_an_offset_that_is_not_available_yet_is_asked_for_again() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().append(0, &["a"]);
    for _ in 0..3 {
        let not_yet = ErrorCode::OffsetNotAvailable;
        town.world().list_offsets_errors.push_back(not_yet);
    }
    town.start(1);
    consumer(&mut town, &[("auto.offset.reset", "earliest")], &[]);
    let facts = town.run_for(2_000);
    assert_eq!(consumed(&facts), [0]);
    assert!(town.world().list_offsets_errors.is_empty());
}

#[test]
fn a_batch_with_a_bad_crc_stops_the_consumer_for_ever() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().append(0, &["a", "b", "c"]);
    town.world().damage(0, 1);
    town.start(1);
    consumer(&mut town, &[], &[(0, 0)]);
    let facts = town.run_for(3_000);
    assert_eq!(consumed(&facts), [0]);
    let names: Vec<String> = exceptions(&facts)
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(names, ["KafkaException"]);
}

/// A consumer knows of an end what the last answer said, also when there is more by now.
#[test]
fn cc13_a_consumers_lag_is_what_its_last_answer_left_of_the_log() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().append(0, &["a", "b", "c"]);
    town.start(1);
    let node = consumer(&mut town, &[], &[(0, 0)]);
    let lag = |town: &Town| match town.client(node) {
        Client::Consumer(consumer) => consumer.records_lag(),
        _ => panic!("a consumer"),
    };
    assert_eq!(lag(&town), BTreeMap::new());
    let facts = town.run_for(1_000);
    assert_eq!(consumed(&facts), [0, 1, 2]);
    let partition = TopicPartition::new("t", 0);
    assert_eq!(lag(&town), BTreeMap::from([(partition.clone(), 0)]));
    town.apply(Fault::Crash(town.broker(1)));
    town.world().append(0, &["d"]);
    town.run_for(1_000);
    assert_eq!(lag(&town), BTreeMap::from([(partition, 0)]));
}

/// Until the answer is there nothing is read on, and it is asked no more often.
#[test]
fn cc31_where_an_epoch_ends_is_asked_once_and_again_after_an_error() {
    let questions = |errors: &[ErrorCode], within: u64| {
        let mut town = Town::new(1, World::with_partitions(&[1]));
        town.world().append(0, &["a", "b"]);
        town.start(1);
        town.start(2);
        consumer(&mut town, &[("metadata.max.age.ms", "1000")], &[(0, 0)]);
        town.run_for(900);
        town.world().epoch_end_errors.extend(errors);
        town.world().move_leader(0, 2);
        town.world().append(0, &["c"]);
        let facts = town.run_for(within);
        (town.world().epoch_end_questions, consumed(&facts))
    };
    assert_eq!(questions(&[], 2_000), (1, vec![2]));
    let not_here = ErrorCode::NotLeaderOrFollower;
    assert_eq!(questions(&[not_here; 3], 2_000), (4, vec![2]));
    // 100 ms apart (retry.backoff.ms).
    let (asked, read) = questions(&[not_here; 1_000], 1_000);
    assert!((6..=10).contains(&asked), "{asked}");
    assert_eq!(read, Vec::<i64>::new());
}

/// One request names all of a broker's partitions, and there is no other beside it.
#[test]
fn cc7_a_broker_is_asked_for_all_its_partitions_at_once() {
    let mut town = Town::new(1, World::with_partitions(&[1, 1, 1]));
    for partition in 0..3 {
        town.world().append(partition, &["a"]);
    }
    town.start(1);
    consumer(&mut town, &[], &[(0, 0), (1, 0), (2, 0)]);
    let fetches_when_read = |town: &mut Town| {
        let mut fetches = None;
        for _ in 0..1_000 {
            if consumed(&town.run_for(1)).len() == 3 {
                fetches = Some(town.world().fetched_from.len());
                break;
            }
        }
        fetches
    };
    let first = fetches_when_read(&mut town).expect("all three in one answer");
    for partition in 0..3 {
        town.world().append(partition, &["b"]);
    }
    let then = fetches_when_read(&mut town).expect("all three in one answer");
    assert!(then > first);
}
