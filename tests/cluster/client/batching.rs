//! What goes into a batch, when it is sent, in which request, and what becomes of its records (CP15 to CP33,
//! CP44 to CP47).

use crate::client::cardboard::{Answer, Town, World};
use crate::client::{acked, counting, exceptions, producer};
use kafka_trial::client::workload::{
    KeyTemplate, Pace, TimestampTemplate, ValueTemplate, Workload,
};
use kafka_trial::kernel::{Duration, Fault, NodeId, NodeStatus};
use kafka_trial::protocol::{ErrorCode, Fact};

/// So many records of 100 bytes at once; in a batch each takes 109 bytes, after a header of 61.
fn burst(records: u32) -> Workload {
    Workload {
        pace: Pace::AsFastAsAcknowledged { in_flight: records },
        value: ValueTemplate::Bytes(100),
        ..counting(u64::from(records))
    }
}

fn town(leaders: &[i32]) -> Town {
    let mut town = Town::new(1, World::with_partitions(leaders));
    town.start(1);
    town.start(2);
    town
}

/// Numbers of records in the order of this fact.
fn numbers(facts: &[(u64, Fact)], pick: impl Fn(&Fact) -> Option<u64>) -> Vec<u64> {
    facts.iter().filter_map(|(_, fact)| pick(fact)).collect()
}

fn failed(facts: &[(u64, Fact)]) -> Vec<u64> {
    numbers(facts, |fact| match fact {
        Fact::Failed { record, .. } => Some(record.number),
        _ => None,
    })
}

#[test]
fn cp15_cp16_a_batch_takes_records_as_long_as_they_fit_into_batch_size() {
    let mut town = town(&[1]);
    producer(&mut town, &[("batch.size", "1000")], burst(40));
    assert_eq!(acked(&town.run_for(2_000)).len(), 40);
    assert_eq!(
        town.world().batches(0),
        [8; 5],
        "8 times 109 and 61 are 933"
    );
    let sizes: Vec<u64> = town
        .world()
        .requests
        .iter()
        .map(|request| request[0].1)
        .collect();
    assert_eq!(sizes, [933; 5], "a request has one batch of a partition");
}

#[test]
fn cp16_the_first_record_always_has_room() {
    let mut town = town(&[1]);
    producer(&mut town, &[("batch.size", "50")], burst(3));
    assert_eq!(acked(&town.run_for(2_000)).len(), 3);
    assert_eq!(town.world().batches(0), [1; 3]);
}

/// What `.` a hundred times comes to is seen by the first batches, and the later ones take more.
#[test]
fn cp16_compressed_batches_take_more_as_the_producer_learns_how_small_they_get() {
    let mut town = town(&[1]);
    let settings = [("batch.size", "1000"), ("compression.type", "lz4")];
    let workload = Workload {
        limit: Some(20_000),
        ..burst(200)
    };
    producer(&mut town, &settings, workload);
    assert_eq!(acked(&town.run_for(60_000)).len(), 20_000);
    let world = town.world();
    let batches = world.batches(0);
    assert_eq!(
        batches[0], 8,
        "5 % above the size of the records: 61 and 8 times 114"
    );
    let last = batches[batches.len() - 2];
    assert!(last >= 30, "{last}");
    assert_eq!(batches.iter().sum::<i32>(), 20_000);
}

#[test]
fn cp20_a_batch_lingers_unless_it_is_full() {
    let settings = [("batch.size", "1000"), ("linger.ms", "300")];
    let mut town = town(&[1]);
    let workload = Workload {
        pace: Pace::Every(Duration::from_millis(10)),
        limit: Some(20),
        ..burst(0)
    };
    producer(&mut town, &settings, workload);
    let facts = town.run_for(3_000);
    assert_eq!(town.world().batches(0), [8, 8, 4]);
    let times: Vec<u64> = facts
        .iter()
        .filter(|(_, fact)| matches!(fact, Fact::Acked { .. }))
        .map(|(ms, _)| *ms)
        .collect();
    // The first record is made at 100 ms. Record 9 does not fit: the first eight go; the last four linger from
    // 260 ms on.
    assert!((180..184).contains(&times[0]), "{times:?}");
    assert!((260..264).contains(&times[8]), "{times:?}");
    assert!((560..564).contains(&times[16]), "{times:?}");
}

/// CP47: a record's offset is its batch's and its place in it. CP46: they are told in order.
#[test]
fn cp46_cp47_records_of_a_batch_are_acknowledged_in_order_each_with_its_offset() {
    let mut town = town(&[1]);
    producer(&mut town, &[], burst(30));
    let expected: Vec<(u64, i64)> = (1..=30).zip(0..).collect();
    assert_eq!(acked(&town.run_for(2_000)), expected);
    assert_eq!(town.world().batches(0), [30]);
}

#[test]
fn cp46_cp47_without_acks_no_record_has_an_offset() {
    let mut town = town(&[1]);
    producer(&mut town, &[("acks", "0")], burst(3));
    assert_eq!(acked(&town.run_for(2_000)), [(1, -1), (2, -1), (3, -1)]);
}

/// Three partitions in the order 1, 0, 2 of Java's map, and room for one batch a request.
#[test]
fn cp23_each_request_begins_where_the_one_before_found_no_room() {
    let mut town = town(&[1, 1, 1]);
    let settings = [
        ("batch.size", "1000"),
        ("max.request.size", "1500"),
        ("max.in.flight.requests.per.connection", "1"),
        ("linger.ms", "500"),
    ];
    let workload = Workload {
        key: KeyTemplate::Cycle(30),
        ..burst(300)
    };
    producer(&mut town, &settings, workload);
    town.run_for(3_000);
    let world = town.world();
    let asked: Vec<Vec<i32>> = world
        .requests
        .iter()
        .map(|request| request.iter().map(|(partition, _)| *partition).collect())
        .collect();
    assert_eq!(asked[..6], [[1], [0], [2], [1], [0], [2]]);
}

#[test]
fn cp24_a_batch_above_max_request_size_goes_alone() {
    let mut town = town(&[1, 1]);
    let settings = [("batch.size", "4000"), ("max.request.size", "1000")];
    let workload = Workload {
        key: KeyTemplate::Cycle(30),
        ..burst(60)
    };
    producer(&mut town, &settings, workload);
    assert_eq!(acked(&town.run_for(3_000)).len(), 60);
    assert!(
        town.world()
            .requests
            .iter()
            .all(|request| request.len() == 1)
    );
    assert!(town.world().requests[0][0].1 > 1_000);
}

/// What stands behind a batch that is answered with an error may not overtake it.
#[test]
fn cp25_with_one_request_in_flight_a_partition_waits_for_its_answer() {
    let mut town = town(&[1]);
    town.world()
        .answers
        .push_back(Answer::Error(ErrorCode::NotEnoughReplicas));
    let settings = [
        ("max.in.flight.requests.per.connection", "1"),
        ("batch.size", "0"),
    ];
    producer(&mut town, &settings, counting(3));
    let mut facts = town.run_for(1_500);
    assert_eq!(town.world().values(0), ["1", "2"]);
    facts.extend(town.run_for(3_000));
    assert_eq!(acked(&facts), [(1, 0), (2, 1), (3, 2)]);
}

/// CP31, CP32: a batch of batch.size bytes that its broker finds too large is split into batches of batch.size
/// bytes, which is itself, until its time is over (KAFKA-8350). A record alone fails at once.
#[test]
fn cp31_cp32_a_batch_that_no_split_makes_smaller_is_sent_until_it_expires_and_a_record_fails_at_once()
 {
    let mut town = town(&[1]);
    town.world().largest_batch = Some(500);
    let settings = [
        ("batch.size", "1000"),
        ("delivery.timeout.ms", "1000"),
        ("request.timeout.ms", "1000"),
    ];
    producer(&mut town, &settings, burst(8));
    let facts = town.run_for(3_000);
    assert_eq!(
        exceptions(&facts),
        vec![(1_100, "TimeoutException".into()); 8]
    );
    assert!(town.world().requests.len() > 100);

    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    town.world().largest_batch = Some(100);
    producer(&mut town, &[], burst(1));
    let failed = exceptions(&town.run_for(3_000));
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].1, "RecordTooLargeException");
}

/// All are equally old: those that were never sent fail before the one whose answer does not come.
#[test]
fn cp33_what_was_never_sent_expires_before_what_is_in_flight() {
    let settings = [
        ("delivery.timeout.ms", "1500"),
        ("request.timeout.ms", "1500"),
        ("batch.size", "0"),
        ("max.in.flight.requests.per.connection", "1"),
    ];
    let orders: Vec<Vec<u64>> = (0..8)
        .map(|seed| {
            let mut town = Town::new(seed, World::with_partitions(&[2]));
            town.start(1);
            town.start(2);
            town.world().answers.push_back(Answer::Silence);
            producer(&mut town, &settings, burst(3));
            let facts = town.run_for(5_000);
            assert_eq!(exceptions(&facts)[0].1, "TimeoutException");
            failed(&facts)
        })
        .collect();
    // Whether its leader had to be connected to first or not: a request's own time is up a moment later.
    assert_eq!(orders, vec![vec![2, 3, 1]; 8]);
}

/// CP25, CP33: whoever asks for order does not get the place of a batch that expired in flight before its request
/// has ended.
#[test]
fn cp33_a_partition_stays_muted_until_the_request_of_an_expired_batch_ends() {
    let mut town = town(&[1]);
    town.world().answers.push_back(Answer::Silence);
    let settings = [
        ("delivery.timeout.ms", "1500"),
        ("request.timeout.ms", "1400"),
        ("linger.ms", "0"),
        ("max.in.flight.requests.per.connection", "1"),
    ];
    producer(&mut town, &settings, counting(3));
    let facts = town.run_for(6_000);
    let numbers: Vec<u64> = acked(&facts).iter().map(|(number, _)| *number).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

const MEMORY_OF_THREE: [(&str, &str); 2] = [("batch.size", "1000"), ("buffer.memory", "3000")];

/// Each batch has two records of 400 bytes. With the memory of three batches taken, a record waits, and nothing
/// lingers.
#[test]
fn cp18_cp20_who_waits_for_memory_makes_all_batches_ready() {
    let mut town = town(&[1]);
    let workload = Workload {
        value: ValueTemplate::Bytes(400),
        ..burst(10)
    };
    let settings = [&MEMORY_OF_THREE[..], &[("linger.ms", "5000")]].concat();
    producer(&mut town, &settings, workload);
    let facts = town.run_for(1_000);
    let lingers = "the last batch: nobody waits any more";
    assert_eq!(acked(&facts).len(), 8, "{lingers}");
    let facts = town.run_for(6_000);
    assert_eq!(acked(&facts).len(), 2);
    assert_eq!(town.world().batches(0), [2; 5]);
}

#[test]
fn cp3_cp18_who_waits_for_memory_for_max_block_ms_is_told_so() {
    let mut town = town(&[1]);
    for _ in 0..3 {
        town.world().answers.push_back(Answer::Silence);
    }
    let workload = Workload {
        value: ValueTemplate::Bytes(900),
        ..burst(4)
    };
    let settings = [&MEMORY_OF_THREE[..], &[("max.block.ms", "700")]].concat();
    producer(&mut town, &settings, workload);
    let facts = town.run_for(2_000);
    assert_eq!(
        exceptions(&facts),
        [(800, "BufferExhaustedException".into())]
    );
    let made = numbers(&facts, |fact| match fact {
        Fact::RecordCreated { record, .. } => Some(record.number),
        _ => None,
    });
    assert_eq!(made, [1, 2, 3, 4], "each is told of once");
}

/// CP4: by what it takes at most, 61 and 21 bytes beside its fields and their lengths; compression plays no part.
#[test]
fn cp4_a_record_above_max_request_size_is_refused_whatever_compression_makes_of_it() {
    // 61 + 21, no key 1, length 2, 100, no headers 1.
    for (most, fits) in [("186", true), ("185", false)] {
        let mut town = town(&[1]);
        let settings = [("max.request.size", most), ("compression.type", "gzip")];
        producer(&mut town, &settings, burst(1));
        let facts = town.run_for(2_000);
        assert_eq!(acked(&facts).len(), usize::from(fits), "{most}");
        if !fits {
            assert_eq!(exceptions(&facts)[0].1, "RecordTooLargeException");
        }
    }
}

fn lingering_and_terminated(town: &mut Town) -> (NodeId, Vec<(u64, Fact)>) {
    let node = producer(town, &[("linger.ms", "60000")], counting(9));
    town.run_for(2_500);
    town.apply(Fault::Terminate(node));
    (node, town.run_for(1_000))
}

#[test]
fn cp45_who_closes_lets_nothing_linger_and_waits_for_the_answers() {
    let mut town = town(&[1]);
    let (node, facts) = lingering_and_terminated(&mut town);
    assert_eq!(acked(&facts), [(1, 0), (2, 1), (3, 2)]);
    assert_eq!(town.status(node), NodeStatus::Down);
}

/// CP29: with a retry that waits at the front of its queue, what is behind it waits too, unless it is in flight.
#[test]
fn cp29_a_batch_is_retried_from_the_front_of_its_queue() {
    let mut town = town(&[1]);
    town.world()
        .answers
        .push_back(Answer::Error(ErrorCode::NotEnoughReplicas));
    let settings = [("batch.size", "0")];
    let workload = Workload {
        pace: Pace::Every(Duration::from_millis(20)),
        ..counting(4)
    };
    producer(&mut town, &settings, workload);
    let facts = town.run_for(2_000);
    assert_eq!(acked(&facts), [(1, 0), (2, 1), (3, 2), (4, 3)]);
}

/// Four records, 10 ms apart, in a batch that lingers for 50 ms from the first on.
#[test]
fn cp1_cp20_a_record_that_joins_a_batch_does_not_make_it_go_sooner() {
    let mut town = town(&[1]);
    let workload = Workload {
        pace: Pace::Every(Duration::from_millis(10)),
        ..counting(4)
    };
    producer(&mut town, &[("linger.ms", "50")], workload);
    town.run_for(149);
    assert_eq!(town.world().requests.len(), 0);
    town.run_for(10);
    assert_eq!(town.world().batches(0), [4]);
}

#[test]
fn cp6_a_record_without_a_topic_fails_without_a_partition() {
    let mut town = Town::new(1, World::default());
    town.start(1);
    producer(&mut town, &[("max.block.ms", "500")], counting(1));
    let facts = town.run_for(2_000);
    let partition = facts.iter().find_map(|(_, fact)| match fact {
        Fact::Failed { partition, .. } => Some(partition.partition),
        _ => None,
    });
    assert_eq!(partition, Some(-1));
}

/// Of 3,000 bytes two such records cannot have theirs at once.
#[test]
fn cp17_a_large_record_takes_as_much_memory_as_it_may_need() {
    let mut town = town(&[1]);
    let workload = Workload {
        value: ValueTemplate::Bytes(1_500),
        ..burst(3)
    };
    producer(&mut town, &MEMORY_OF_THREE, workload);
    let facts = town.run_for(2_000);
    let made_and_acked: Vec<bool> = facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::RecordCreated { .. } => Some(true),
            Fact::Acked { .. } => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(made_and_acked, [true, false, true, false, true, false]);
}

/// Three batches of one record fill the memory. The fourth record gets that of the first that is answered.
#[test]
fn cp19_who_has_waited_for_memory_begins_a_batch_with_it() {
    let mut town = town(&[1]);
    let workload = Workload {
        value: ValueTemplate::Bytes(900),
        ..burst(6)
    };
    producer(&mut town, &MEMORY_OF_THREE, workload);
    assert_eq!(acked(&town.run_for(2_000)).len(), 6);
    assert_eq!(town.world().batches(0), [1; 6]);
}

#[test]
fn cp22_what_has_no_leader_waits_and_has_metadata_asked_for() {
    let mut town = town(&[1, 1]);
    town.world().move_leader(1, -1);
    let workload = Workload {
        key: KeyTemplate::Cycle(30),
        ..burst(30)
    };
    producer(&mut town, &[], workload);
    let before = acked(&town.run_for(2_000)).len();
    assert!((5..25).contains(&before), "{before}");
    let questions = town.world().asked.matches('M').count();
    assert!((3..20).contains(&questions), "with back-off: {questions}");
    town.world().move_leader(1, 2);
    let facts = town.run_for(3_000);
    assert_eq!(before + acked(&facts).len(), 30);
}

/// Twelve batches of one partition: five at once, then one for each answer.
#[test]
fn cp26_all_that_is_ready_goes_until_five_requests_are_in_flight() {
    let mut town = town(&[1]);
    let silence = (0..12).map(|_| Answer::Silence);
    town.world().answers.extend(silence);
    let settings = [("batch.size", "0"), ("request.timeout.ms", "1000")];
    producer(&mut town, &settings, burst(12));
    town.run_for(500);
    assert_eq!(town.world().requests.len(), 5, "none is answered");
}

#[test]
fn cp28_a_lost_connection_and_a_missing_answer_are_errors_of_their_own() {
    let errors = |crash: bool| {
        let mut town = town(&[1]);
        town.world().answers.push_back(Answer::Silence);
        producer(&mut town, &[("request.timeout.ms", "1000")], burst(1));
        town.run_for(500);
        if crash {
            town.apply(Fault::Crash(town.broker(1)));
        }
        let facts = town.run_for(1_000);
        let errors = facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Retrying { error, .. } => Some(*error),
            _ => None,
        });
        errors.collect::<Vec<_>>()
    };
    assert_eq!(errors(true), [ErrorCode::NetworkException]);
    assert_eq!(errors(false), [ErrorCode::RequestTimedOut]);
}

/// One batch a request, one request at a time, both partitions ready together. The refusal of one's batch asks for
/// metadata, and the other's batch waits until that request has left.
#[test]
fn cn13_metadata_that_are_due_go_before_data() {
    let mut town = town(&[1, 1]);
    let settings = [
        ("linger.ms", "200"),
        ("max.request.size", "300"),
        ("max.in.flight.requests.per.connection", "1"),
    ];
    let workload = Workload {
        key: KeyTemplate::Cycle(30),
        pace: Pace::Every(Duration::from_millis(5)),
        ..counting(1_000)
    };
    producer(&mut town, &settings, workload);
    town.run_for(1_050);
    let error = Answer::Error(ErrorCode::NotLeaderOrFollower);
    town.world().answers.push_back(error);
    town.world().asked.clear();
    town.run_for(210);
    let asked = town.world().asked.clone();
    assert!(asked.starts_with("PMP"), "{asked}");
}

/// Of a batch of four, some are at fault: these are told what for as far as that is known, the others whom they
/// fell in with.
#[test]
fn cp32_each_record_is_told_whether_it_was_at_fault_itself() {
    let told = |error, at_fault: &[i32]| {
        let mut town = town(&[1]);
        let refused = Answer::Records(error, at_fault.to_vec());
        town.world().answers.push_back(refused);
        producer(&mut town, &[("linger.ms", "100")], burst(4));
        let facts = town.run_for(2_000);
        assert_eq!(failed(&facts), [1, 2, 3, 4], "in order");
        let exceptions = exceptions(&facts).into_iter();
        exceptions.map(|(_, name)| name).collect::<Vec<String>>()
    };
    let (late, invalid) = (ErrorCode::InvalidTimestamp, ErrorCode::InvalidRecord);
    let (other, of_late) = ("KafkaException", "InvalidTimestampException");
    let of_several = "InvalidRecordException";
    assert_eq!(told(late, &[]), [of_late; 4], "nobody knows");
    assert_eq!(told(late, &[2]), [other, other, of_late, other]);
    assert_eq!(told(late, &[0, 3]), [of_several, other, other, of_several]);
    assert_eq!(told(invalid, &[1]), [other, of_several, other, other]);
}

/// Five records linger for ten seconds, unless the application flushes: then it goes on when they are answered.
#[test]
fn cp44_flush_sends_what_lingers_and_returns_when_all_is_answered() {
    let workload = |flush| Workload {
        pace: Pace::Every(Duration::from_millis(100)),
        flush,
        ..counting(12)
    };
    let settings = [("linger.ms", "10000"), ("enable.idempotence", "false")];
    let mut town = town(&[1]);
    producer(&mut town, &settings, workload(None));
    assert!(acked(&town.run_for(3_000)).is_empty(), "it lingers");

    let mut town = self::town(&[1]);
    // The first flush waits for a retry: its answer does not come.
    town.world().answers.push_back(Answer::Silence);
    let settings = [&settings[..], &[("request.timeout.ms", "2000")]].concat();
    producer(&mut town, &settings, workload(Some(5)));
    let facts = town.run_for(2_400);
    let made = |facts: &[(u64, Fact)]| {
        let made = |fact: &Fact| matches!(fact, Fact::RecordCreated { .. });
        facts.iter().filter(|(_, fact)| made(fact)).count()
    };
    assert_eq!((made(&facts), acked(&facts).len()), (5, 0), "flush blocks");
    let facts = town.run_for(1_500);
    // One fell due while it was blocked; two more are not flushed.
    assert_eq!((made(&facts), acked(&facts).len()), (7, 10));
    assert_eq!(town.world().batches(0), [5, 5, 5]);
}

/// The topic is not there for two seconds: whoever names no timestamp has that of the moment when it is.
#[test]
fn cp5_a_record_without_a_timestamp_gets_the_time_after_the_wait_for_its_topic() {
    let stamped = |timestamp| {
        let mut town = Town::new(1, World::default());
        town.start(1);
        let workload = Workload {
            timestamp,
            ..counting(1)
        };
        producer(&mut town, &[], workload);
        town.run_for(2_000);
        town.world().add_partition(1);
        assert_eq!(acked(&town.run_for(3_000)).len(), 1);
        town.world().timestamps(0)[0]
    };
    let at_hand_over = stamped(TimestampTemplate::Clock { ahead_ms: 5 }) - 5;
    let waited = stamped(TimestampTemplate::Clock { ahead_ms: 0 }) - at_hand_over;
    assert!((1_900..3_000).contains(&waited), "{waited}");
}
