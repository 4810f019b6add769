//! The producer: retries, time-outs, order, partitions, workloads.

use crate::client::cardboard::{Answer, Town, World};
use crate::client::{acked, counting, exceptions, producer};
use kafka_trial::client::workload::{KeyTemplate, Pace, ValueTemplate, Workload};
use kafka_trial::kernel::{Fault, NodeStatus};
use kafka_trial::protocol::{ErrorCode, Fact};

#[test]
fn a_record_refused_by_an_old_leader_is_retried_on_the_new_one() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    town.start(2);
    producer(&mut town, &[], counting(2));
    town.run_for(500);
    town.world().move_leader(0, 2);
    let facts = town.run_for(3_000);
    let retried = facts.iter().any(|(_, fact)| {
        matches!(
            fact,
            Fact::Retrying {
                error: ErrorCode::NotLeaderOrFollower,
                attempts: 1,
                ..
            }
        )
    });
    assert!(retried, "{facts:?}");
    let attempts = facts.iter().find_map(|(_, fact)| match fact {
        Fact::Acked { attempts, .. } => Some(*attempts),
        _ => None,
    });
    assert_eq!(attempts, Some(2));
    assert_eq!(town.world().values(0), ["1", "2"]);
}

#[test]
fn cn28_kip_951_a_refusal_that_names_the_new_leader_spares_the_question_for_it() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().names_leaders = true;
    town.start(1);
    town.start(2);
    producer(&mut town, &[], counting(2));
    town.run_for(500);
    town.world().move_leader(0, 2);
    let facts = town.run_for(3_000);
    let latency_ms = facts.iter().find_map(|(_, fact)| match fact {
        Fact::Acked {
            latency_ns,
            attempts: 2,
            ..
        } => Some(latency_ns / 1_000_000),
        _ => None,
    });
    // Neither retry.backoff.ms (100) nor a round of metadata lies between the two attempts.
    assert!(latency_ms.is_some_and(|ms| ms < 20), "{latency_ms:?}");
}

#[test]
fn cp30_without_retries_the_application_gets_the_exception_and_the_next_record_the_new_leader() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    town.start(2);
    producer(&mut town, &[("retries", "0")], counting(3));
    town.run_for(500);
    town.world().move_leader(0, 2);
    let facts = town.run_for(3_000);
    assert_eq!(exceptions(&facts)[0].1, "NotLeaderOrFollowerException");
    assert_eq!(acked(&facts), [(3, 1)]);
}

#[test]
fn p6_a_record_fails_once_it_is_older_than_delivery_timeout_ms_even_in_flight() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().answers.push_back(Answer::Silence);
    town.start(1);
    town.start(2);
    let settings = [
        ("delivery.timeout.ms", "1500"),
        ("request.timeout.ms", "1500"),
        ("retries", "5"),
    ];
    producer(&mut town, &settings, counting(1));
    let facts = town.run_for(10_000);
    let is_created = |fact: &Fact| matches!(fact, Fact::RecordCreated { .. });
    let created = facts.iter().find(|(_, fact)| is_created(fact));
    let fails_at = created.map_or(0, |(ms, _)| ms + 1_500);
    assert_eq!(exceptions(&facts), [(fails_at, "TimeoutException".into())]);
    assert_eq!(
        town.world().values(0),
        ["1"],
        "its outcome was unknown: it is there"
    );
}

#[test]
fn a_silent_broker_times_a_request_out_and_the_retry_may_duplicate() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().answers.push_back(Answer::Silence);
    town.start(1);
    let settings = [
        ("request.timeout.ms", "1000"),
        ("enable.idempotence", "false"),
    ];
    producer(&mut town, &settings, counting(1));
    let facts = town.run_for(5_000);
    assert_eq!(acked(&facts), [(1, 1)]);
    assert_eq!(town.world().values(0), ["1", "1"]);
}

#[test]
fn a_refused_connection_fails_nothing_and_a_lost_one_fails_what_is_in_flight() {
    let settings = [
        ("retries", "0"),
        ("request.timeout.ms", "3000"),
        ("delivery.timeout.ms", "4000"),
    ];
    // Refused: broker 1 is down when the record is made; the record waits for a new leader.
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.bootstrap_servers = vec!["broker-2".into()];
    town.start(2);
    producer(&mut town, &settings, counting(1));
    town.run_for(1_500);
    town.world().move_leader(0, 2);
    let facts = town.run_for(2_000);
    assert_eq!(acked(&facts), [(1, 0)]);

    // Refused for ever: TimeoutException by delivery.timeout.ms.
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.bootstrap_servers = vec!["broker-2".into()];
    town.start(2);
    producer(&mut town, &settings, counting(1));
    let facts = town.run_for(6_000);
    let failed = exceptions(&facts);
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].1, "TimeoutException");
    assert!((4_100..4_120).contains(&failed[0].0), "{failed:?}");

    // Lost with the request in flight.
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().answers.push_back(Answer::Silence);
    town.start(1);
    producer(&mut town, &settings, counting(1));
    town.run_for(500);
    town.apply(Fault::Crash(town.broker(1)));
    let facts = town.run_for(1_000);
    assert_eq!(exceptions(&facts)[0].1, "NetworkException");
}

#[test]
fn p4_acks_0_counts_as_sent_when_it_is_sent() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    producer(&mut town, &[("acks", "0")], counting(2));
    let facts = town.run_for(3_000);
    assert_eq!(acked(&facts), [(1, -1), (2, -1)]);
    assert_eq!(town.world().values(0), ["1", "2"]);
}

#[test]
fn p5_retries_reorder_unless_one_request_may_be_in_flight() {
    let log_with = |in_flight: &str| {
        let mut town = Town::new(1, World::with_partitions(&[1]));
        town.world()
            .answers
            .push_back(Answer::Error(ErrorCode::NotEnoughReplicas));
        town.start(1);
        let workload = Workload {
            pace: Pace::AsFastAsAcknowledged { in_flight: 3 },
            value: ValueTemplate::Bytes(50),
            ..counting(3)
        };
        // Each record in a batch, and a request, of its own.
        let settings = [
            ("max.in.flight.requests.per.connection", in_flight),
            ("batch.size", "0"),
            ("enable.idempotence", "false"),
        ];
        producer(&mut town, &settings, workload);
        let facts = town.run_for(3_000);
        assert_eq!(acked(&facts).len(), 3);
        let values = town.world().values(0);
        values
            .iter()
            .map(|value| value[..1].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(log_with("5"), ["2", "3", "1"]);
    assert_eq!(log_with("1"), ["1", "2", "3"]);
}

#[test]
fn as_fast_as_acknowledged_keeps_so_many_on_the_way() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    let workload = Workload {
        pace: Pace::AsFastAsAcknowledged { in_flight: 4 },
        limit: Some(500),
        ..counting(0)
    };
    producer(&mut town, &[], workload);
    let facts = town.run_for(2_000);
    assert_eq!(acked(&facts).len(), 500);
    let mut on_the_way = 0i64;
    let mut most = 0;
    for (_, fact) in &facts {
        match fact {
            Fact::RecordCreated { .. } => on_the_way += 1,
            Fact::Acked { .. } => on_the_way -= 1,
            _ => {}
        }
        most = most.max(on_the_way);
    }
    assert_eq!(most, 4);
}

#[test]
fn a_crash_ends_no_workload_and_repeats_no_number() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    let node = producer(&mut town, &[], counting(6));
    town.run_for(2_500);
    town.apply(Fault::Crash(node));
    town.run_for(1_000);
    town.apply(Fault::Start(node));
    town.run_for(9_000);
    assert_eq!(town.world().values(0), ["1", "2", "3", "4", "5", "6"]);
}

#[test]
fn a_producer_that_is_asked_to_stop_finishes_what_it_has_begun() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().answers.push_back(Answer::Silence);
    town.start(1);
    let node = producer(&mut town, &[("request.timeout.ms", "1000")], counting(9));
    town.run_for(500);
    town.apply(Fault::Terminate(node));
    town.run_for(300);
    assert_eq!(town.status(node), NodeStatus::Running);
    let facts = town.run_for(3_000);
    assert_eq!(acked(&facts).len(), 1);
    assert_eq!(town.status(node), NodeStatus::Down);
}

/// Broker 1 leads one partition, broker 2 two, all with full batches and room for one in a request. With one place to begin
/// for all brokers the first of the two would always come first (KAFKA-13834).
#[test]
fn cb9_where_a_request_begins_is_remembered_for_each_broker_by_itself() {
    let mut town = Town::new(1, World::with_partitions(&[1, 2, 2]));
    town.start(1);
    town.start(2);
    let settings = [
        ("batch.size", "1000"),
        ("max.request.size", "1500"),
        ("max.in.flight.requests.per.connection", "1"),
        ("linger.ms", "500"),
    ];
    let workload = Workload {
        key: KeyTemplate::Cycle(30),
        value: ValueTemplate::Bytes(100),
        pace: Pace::AsFastAsAcknowledged { in_flight: 300 },
        ..counting(300)
    };
    producer(&mut town, &settings, workload);
    town.run_for(3_000);
    let requests = &town.world().requests;
    let asked = requests.iter().flatten().map(|(partition, _)| *partition);
    let of_two: Vec<i32> = asked.filter(|partition| *partition != 0).collect();
    let alternates = of_two[..8].windows(2).all(|two| two[0] != two[1]);
    assert!(alternates, "{of_two:?}");
}
