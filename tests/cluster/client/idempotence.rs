//! Producers that number their records, so that brokers know them again (CP27, CP35 to CP43, CB1).

use crate::client::cardboard::{Answer, Town, World};
use crate::client::{acked, counting, exceptions, producer};
use kafka_trial::client::workload::{Pace, ValueTemplate, Workload};
use kafka_trial::kernel::Duration;
use kafka_trial::protocol::{EpochBumpReason, ErrorCode, Fact, ProducerStateFact};

/// So many records of 100 bytes at once, each in a batch of its own with `ALONE`.
fn burst(records: u32) -> Workload {
    Workload {
        pace: Pace::AsFastAsAcknowledged { in_flight: records },
        value: ValueTemplate::Bytes(100),
        ..counting(u64::from(records))
    }
}

/// One record after the other, so that they share no batch.
fn every(ms: u64, records: u64) -> Workload {
    Workload {
        pace: Pace::Every(Duration::from_millis(ms)),
        value: ValueTemplate::Bytes(100),
        ..counting(records)
    }
}

const ALONE: (&str, &str) = ("batch.size", "0");

fn town() -> Town {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    town
}

fn idempotent(town: &mut Town, settings: &[(&str, &str)], workload: Workload) {
    let settings = [settings, &[("enable.idempotence", "true")]].concat();
    producer(town, &settings, workload);
}

fn answer(town: &Town, errors: &[ErrorCode]) {
    let answers = errors.iter().map(|error| match error {
        ErrorCode::None => Answer::Usual,
        error => Answer::Error(*error),
    });
    town.world().answers.extend(answers);
}

/// The numbers of the stored records, in the log's order.
fn stored(town: &Town) -> Vec<String> {
    let values = town.world().values(0);
    let number = |value: &String| value.trim_end_matches('.').to_owned();
    values.iter().map(number).collect()
}

fn bumps(facts: &[(u64, Fact)]) -> Vec<i16> {
    facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::ProducerState(ProducerStateFact::EpochBumped { producer_epoch, .. }) => {
                Some(*producer_epoch)
            }
            _ => None,
        })
        .collect()
}

/// Why they were, partition by partition.
fn reasons(facts: &[(u64, Fact)]) -> Vec<EpochBumpReason> {
    let bumped = facts.iter().filter_map(|(_, fact)| match fact {
        Fact::ProducerState(ProducerStateFact::EpochBumped { partitions, .. }) => Some(partitions),
        _ => None,
    });
    bumped.flat_map(|it| it.values().copied()).collect()
}

#[test]
fn cp27_nothing_is_sent_before_the_producer_has_its_id_which_is_asked_for_again_after_a_pause() {
    let mut town = town();
    let loading = ErrorCode::CoordinatorLoadInProgress;
    town.world().producer_id_errors.extend([loading, loading]);
    idempotent(&mut town, &[], counting(1));
    let facts = town.run_for(2_000);
    assert_eq!(acked(&facts), [(1, 0)]);
    let asked = town.world().asked.clone();
    assert_eq!(asked.matches('I').count(), 3, "{asked}");
    // Metadata of its topic may come in between.
    assert!(asked.starts_with("MI") && asked.ends_with('P'), "{asked}");
    assert_eq!(asked.matches('P').count(), 1, "{asked}");
    assert_eq!(town.world().sequences(0), [(0, 0)]);
}

/// Java's TransactionManager goes into its fatal state: what waits fails, and so does what is handed over later.
#[test]
fn cp27_an_error_that_no_retry_helps_is_the_producers_end() {
    let mut town = town();
    let refused = ErrorCode::InvalidRequest;
    town.world().producer_id_errors.push_back(refused);
    idempotent(&mut town, &[], counting(3));
    let facts = town.run_for(5_000);
    let ended: Vec<String> = exceptions(&facts).into_iter().map(|it| it.1).collect();
    assert_eq!(ended, ["KafkaException"; 3]);
    let asked = town.world().asked.clone();
    assert_eq!(asked.matches('I').count(), 1, "{asked}");
    assert_eq!(asked.matches('P').count(), 0, "{asked}");

    // So does a batch that no version of Produce fits: those on their way with it too.
    let mut town = self::town();
    answer(&town, &[ErrorCode::UnsupportedVersion]);
    idempotent(&mut town, &[ALONE], burst(3));
    let facts = town.run_for(5_000);
    let ended: Vec<String> = exceptions(&facts).into_iter().map(|it| it.1).collect();
    assert_eq!(ended, ["UnsupportedVersionException"; 3]);
}

#[test]
fn cp35_who_may_not_be_idempotent_numbers_nothing() {
    for settings in [("acks", "1"), ("enable.idempotence", "false")] {
        let mut town = town();
        producer(&mut town, &[settings], counting(1));
        town.run_for(1_000);
        assert_eq!(town.world().asked, "MMP");
        assert_eq!(town.world().sequences(0), [(-1, -1)]);
    }
}

#[test]
fn cp37_each_record_of_a_partition_has_the_next_number_and_keeps_it_when_it_is_sent_again() {
    let mut town = town();
    town.world().answers.push_back(Answer::Silence);
    let settings = [("batch.size", "1000"), ("request.timeout.ms", "1000")];
    let workload = Workload {
        pace: Pace::AsFastAsAcknowledged { in_flight: 8 },
        limit: Some(24),
        ..burst(0)
    };
    idempotent(&mut town, &settings, workload);
    let facts = town.run_for(5_000);
    assert_eq!(acked(&facts).len(), 24);
    assert_eq!(
        town.world().batches(0),
        [8, 8, 8],
        "the first was sent twice"
    );
    assert_eq!(town.world().sequences(0), [(0, 0), (0, 8), (0, 16)]);
}

/// The second of four batches is refused, once it is known that there is a producer: those behind it are refused
/// for want of it, and all are stored in order.
#[test]
fn cp36_cp38_retries_wait_for_the_batch_before_them_and_nothing_is_reordered() {
    let mut town = town();
    answer(&town, &[ErrorCode::None, ErrorCode::NotEnoughReplicas]);
    idempotent(&mut town, &[ALONE], burst(4));
    let facts = town.run_for(3_000);
    assert_eq!(acked(&facts), [(1, 0), (2, 1), (3, 2), (4, 3)]);
    assert_eq!(stored(&town), ["1", "2", "3", "4"]);
    assert_eq!(bumps(&facts), [0_i16; 0]);
}

/// No broker knows the producer yet: the first batch is refused, those behind it are taken whatever they begin with.
/// The first comes too late for ever, and fails with its time.
#[test]
fn cb1_the_first_batches_of_a_producer_may_overtake_each_other() {
    let mut town = town();
    answer(&town, &[ErrorCode::NotEnoughReplicas]);
    let settings = [
        ALONE,
        ("delivery.timeout.ms", "2000"),
        ("request.timeout.ms", "1000"),
    ];
    idempotent(&mut town, &settings, burst(3));
    let facts = town.run_for(5_000);
    assert_eq!(stored(&town), ["2", "3"]);
    let failed = exceptions(&facts);
    assert_eq!(failed.len(), 1, "{failed:?}");
    let made = facts
        .iter()
        .find_map(|(at, fact)| matches!(fact, Fact::RecordCreated { .. }).then_some(*at));
    let age = failed[0].0 - made.expect("it was made");
    assert!((2_000..2_100).contains(&age), "{age}: {failed:?}");
}

/// A batch never comes, and its time ends with its first request: what comes after it is refused for want of it, again
/// and again, until its own time is over too. Only then is there a new epoch.
#[test]
fn cb11_what_follows_a_batch_that_was_lost_at_its_first_attempt_waits_in_vain() {
    let mut town = town();
    // Nor does what goes after it by the same connection.
    let lost = [Answer::Usual, Answer::Lost, Answer::Lost];
    town.world().answers.extend(lost);
    let settings = [
        ALONE,
        ("delivery.timeout.ms", "1000"),
        ("request.timeout.ms", "1000"),
    ];
    idempotent(&mut town, &settings, every(700, 6));
    let facts = town.run_for(10_000);
    let failed = exceptions(&facts);
    let names: Vec<&str> = failed.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names[0], "TimeoutException", "{failed:?}");
    assert!(names.len() > 1, "the next ones fail for it: {failed:?}");
    let first_failure = failed[0].0;
    let bumped = facts.iter().find_map(|(at, fact)| {
        let bumped = matches!(
            fact,
            Fact::ProducerState(ProducerStateFact::EpochBumped { .. })
        );
        bumped.then_some(*at)
    });
    let bumped = bumped.expect("a new epoch ends it");
    assert!(first_failure + 500 < bumped, "{first_failure} {bumped}");
    assert_eq!(bumps(&facts)[0], 1);
    let last = acked(&facts).last().map(|(number, _)| *number);
    assert_eq!(last, Some(6), "then it goes on");
}

/// UNKNOWN_PRODUCER_ID: the batch goes again as the first of the next epoch.
#[test]
fn cp39_a_producer_that_is_forgotten_begins_a_new_epoch() {
    let mut town = town();
    answer(&town, &[ErrorCode::None, ErrorCode::UnknownProducerId]);
    idempotent(&mut town, &[], every(500, 3));
    let facts = town.run_for(3_000);
    assert_eq!(acked(&facts).len(), 3);
    assert_eq!(town.world().sequences(0), [(0, 0), (1, 0), (1, 1)]);
    assert_eq!(bumps(&facts), [1]);
    assert_eq!(reasons(&facts), [EpochBumpReason::Unknown]);
}

/// A batch that fails for good leaves a gap, and the next epoch has none. CP42: what was in flight behind it is
/// numbered anew, in what is packed already.
#[test]
fn cp40_cp42_after_a_certain_failure_what_is_in_flight_is_numbered_from_0_in_the_next_epoch() {
    let mut town = town();
    answer(&town, &[ErrorCode::None, ErrorCode::InvalidTimestamp]);
    idempotent(&mut town, &[ALONE], burst(4));
    let facts = town.run_for(3_000);
    assert_eq!(exceptions(&facts)[0].1, "InvalidTimestampException");
    assert_eq!(stored(&town), ["1", "3", "4"]);
    assert_eq!(town.world().sequences(0), [(0, 0), (1, 0), (1, 1)]);
    assert_eq!(bumps(&facts), [1]);
    let error = ErrorCode::InvalidTimestamp;
    assert_eq!(reasons(&facts), [EpochBumpReason::GivenUp { error }]);
    let batches = town.world().batches(0);
    assert_eq!(batches, [1, 1, 1]);
}

/// The second batch is refused until its time is over: nobody knows whether a copy of it will be stored. Nothing of
/// the partition is in flight, so that this is never found out: the next epoch.
#[test]
fn cp41_a_batch_that_expires_after_a_retry_is_followed_by_a_new_epoch() {
    let mut town = town();
    let refusals = [ErrorCode::NotEnoughReplicas; 60];
    answer(&town, &[&[ErrorCode::None], &refusals[..]].concat());
    let settings = [
        ("delivery.timeout.ms", "1000"),
        ("request.timeout.ms", "1000"),
    ];
    idempotent(&mut town, &settings, every(700, 2));
    let facts = town.run_for(4_000);
    assert_eq!(exceptions(&facts).len(), 1);
    assert_eq!(bumps(&facts), [1]);
    let expired = EpochBumpReason::Expired { first: 1, last: 1 };
    assert_eq!(reasons(&facts), [expired]);
}

/// With its retries used up nobody knows whether a batch is stored, and no epoch is begun for it: what comes after it
/// is refused for want of it, and only that failure is certain.
#[test]
fn cp40_used_up_retries_are_no_certain_failure_and_what_follows_fails_for_it() {
    let mut town = town();
    let refused = ErrorCode::NotEnoughReplicas;
    answer(&town, &[ErrorCode::None, refused, refused]);
    idempotent(&mut town, &[("retries", "1")], every(700, 4));
    let facts = town.run_for(5_000);
    let failed: Vec<String> = exceptions(&facts)
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(
        failed,
        ["NotEnoughReplicasException", "OutOfOrderSequenceException"]
    );
    assert_eq!(bumps(&facts), [1]);
    let error = ErrorCode::OutOfOrderSequenceNumber;
    assert_eq!(reasons(&facts), [EpochBumpReason::GivenUp { error }]);
    assert_eq!(acked(&facts), [(1, 0), (4, 1)]);
    assert_eq!(town.world().sequences(0), [(0, 0), (1, 0)]);
}
