//! Clients on the real kernel, against brokers of cardboard: bootstrap, metadata, retries, time-outs,
//! order, positions, administration.

mod cardboard;

use cardboard::{Answer, Town, World};
use kafka_trial::client::workload::{KeyTemplate, Pace, ValueTemplate, Workload};
use kafka_trial::client::{
    Admin, AdminCommand, AdminOptions, AdminOutcome, Client, Consumer, ConsumerOptions, Driver,
    DriverOperation, DriverOptions, DriverRecord, DriverResult, OffsetAnswer, Produced, Producer,
    ProducerOptions, ReadFrom,
};
use kafka_trial::kernel::{Duration, Fault, NodeId, NodeStatus};
use kafka_trial::protocol::config::Properties;
use kafka_trial::protocol::{ElectionType, ErrorCode, Fact, Timer, TopicPartition};
use std::collections::BTreeMap;

fn properties(pairs: &[(&str, &str)]) -> Properties {
    pairs
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

/// One record a second, numbered.
fn counting(limit: u64) -> Workload {
    Workload {
        key: KeyTemplate::None,
        value: ValueTemplate::Counter,
        pace: Pace::Every(Duration::from_secs(1)),
        start_after: Duration::from_millis(100),
        stop_after: None,
        limit: Some(limit),
    }
}

fn producer(town: &mut Town, settings: &[(&str, &str)], workload: Workload) -> NodeId {
    let options = ProducerOptions {
        name: "p".into(),
        bootstrap: town.bootstrap(),
        properties: properties(settings),
        topic: "t".into(),
        workload,
    };
    town.add_client(
        "p",
        Client::Producer(Box::new(Producer::new(options).unwrap())),
    )
}

fn consumer(town: &mut Town, settings: &[(&str, &str)], start: &[(i32, i64)]) -> NodeId {
    let options = ConsumerOptions {
        name: "c".into(),
        bootstrap: town.bootstrap(),
        properties: properties(settings),
        topics: vec!["t".into()],
        start: start
            .iter()
            .map(|(partition, offset)| (TopicPartition::new("t", *partition), *offset))
            .collect(),
    };
    town.add_client(
        "c",
        Client::Consumer(Box::new(Consumer::new(options).unwrap())),
    )
}

/// Offsets of acknowledged records by number, in the order of the acknowledgements.
fn acked(facts: &[(u64, Fact)]) -> Vec<(u64, i64)> {
    facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::Acked { record, offset, .. } => Some((record.number, *offset)),
            _ => None,
        })
        .collect()
}

fn consumed(facts: &[(u64, Fact)]) -> Vec<i64> {
    facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::Consumed { offset, .. } => Some(*offset),
            _ => None,
        })
        .collect()
}

fn exceptions(facts: &[(u64, Fact)]) -> Vec<(u64, String)> {
    facts
        .iter()
        .filter_map(|(ms, fact)| match fact {
            Fact::Failed { exception, .. } | Fact::ConsumerError { exception, .. } => {
                Some((*ms, exception.to_string()))
            }
            _ => None,
        })
        .collect()
}

// ---- bootstrap and metadata

#[test]
fn a_dead_first_server_of_the_bootstrap_list_costs_a_try_and_nothing_else() {
    let mut has_met_the_dead_one = false;
    for seed in 0..8 {
        let mut town = Town::new(seed, World::with_partitions(&[2]));
        town.bootstrap_servers = vec!["broker-1".into(), "broker-2".into()];
        town.start(2);
        producer(&mut town, &[], counting(3));
        let facts = town.run_for(5_000);
        assert_eq!(acked(&facts), [(1, 0), (2, 1), (3, 2)], "seed {seed}");
        let from = |wanted: &Fact| facts.iter().position(|(_, fact)| fact == wanted);
        let dead = from(&Fact::BootstrapFailed {
            from: "broker-1:9092".into(),
        });
        let living = from(&Fact::Bootstrapped {
            from: "broker-2:9092".into(),
        });
        assert!(living.is_some(), "seed {seed}");
        assert!(dead.is_none_or(|at| at < living.unwrap()));
        has_met_the_dead_one |= dead.is_some();
    }
    assert!(
        has_met_the_dead_one,
        "the order of the list is left to chance"
    );
}

#[test]
fn an_unknown_host_in_the_bootstrap_list_is_told_of_and_passed_over() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.bootstrap_servers = vec!["nowhere".into(), "broker-1".into()];
    town.start(1);
    producer(&mut town, &[], counting(1));
    let facts = town.run_for(2_000);
    assert!(facts.iter().any(|(_, fact)| *fact
        == Fact::BootstrapFailed {
            from: "nowhere:9092".into()
        }));
    assert_eq!(acked(&facts).len(), 1);
}

#[test]
fn send_blocks_for_max_block_ms_while_the_topic_is_unknown() {
    let mut town = Town::new(1, World::default());
    town.start(1);
    producer(&mut town, &[("max.block.ms", "2500")], counting(2));
    let facts = town.run_for(6_000);
    let failed = exceptions(&facts);
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert_eq!(failed[0].1, "TimeoutException");
    // Made at 0.1 s, blocked until 2.6 s; the one that fell due meanwhile comes right after it.
    assert_eq!((failed[0].0, failed[1].0), (2_600, 5_100));
}

// ---- the producer

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
fn without_retries_the_application_gets_the_exception_and_the_next_record_the_new_leader() {
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
    let settings = [
        ("delivery.timeout.ms", "1500"),
        ("request.timeout.ms", "1500"),
        ("retries", "5"),
    ];
    producer(&mut town, &settings, counting(1));
    let facts = town.run_for(10_000);
    assert_eq!(exceptions(&facts), [(1_600, "TimeoutException".into())]);
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
    producer(&mut town, &[("request.timeout.ms", "1000")], counting(1));
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
            ..counting(3)
        };
        let settings = [("max.in.flight.requests.per.connection", in_flight)];
        producer(&mut town, &settings, workload);
        let facts = town.run_for(3_000);
        assert_eq!(acked(&facts).len(), 3);
        town.world().values(0)
    };
    assert_eq!(log_with("5"), ["2", "3", "1"]);
    assert_eq!(log_with("1"), ["1", "2", "3"]);
}

#[test]
fn unkeyed_records_take_turns_and_leave_a_partition_without_leader_out() {
    let mut town = Town::new(1, World::with_partitions(&[1, -1, 1]));
    town.start(1);
    producer(&mut town, &[], counting(4));
    town.run_for(6_000);
    assert_eq!(town.world().values(0), ["1", "3"]);
    assert_eq!(town.world().values(2), ["2", "4"]);
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

// ---- the consumer

#[test]
fn a_consumer_begins_where_its_reset_policy_says() {
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

#[test]
fn a_consumer_reads_on_from_the_new_leader() {
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
fn g17_a_consumer_goes_back_to_where_an_unclean_leaders_log_differs() {
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
fn f7_out_of_range_applies_the_reset_policy_or_throws() {
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

// ---- the administrator

fn admin(town: &mut Town, commands: Vec<AdminCommand>) -> NodeId {
    let options = AdminOptions {
        name: "admin".into(),
        bootstrap: town.bootstrap(),
        properties: properties(&[
            ("request.timeout.ms", "1000"),
            ("default.api.timeout.ms", "3000"),
        ]),
        commands,
    };
    town.add_client(
        "admin",
        Client::Admin(Box::new(Admin::new(options).unwrap())),
    )
}

fn create(topic: &str) -> AdminCommand {
    AdminCommand::CreateTopic {
        topic: topic.into(),
        partitions: 1,
        replication_factor: 1,
        assignment: Vec::new(),
        configs: BTreeMap::new(),
    }
}

fn outcome(town: &Town, node: NodeId, number: u32) -> Option<AdminOutcome> {
    match town.client(node) {
        Client::Admin(admin) => admin.outcomes().get(&number).cloned(),
        _ => None,
    }
}

#[test]
fn a_topic_is_created_by_whoever_turns_out_to_be_the_controller() {
    let mut town = Town::new(1, World::default());
    town.start(1);
    town.start(2);
    let node = admin(&mut town, vec![create("new"), create("newer")]);
    town.run_for(500);
    town.poke(node, Timer::Command(0));
    town.run_for(500);
    assert_eq!(outcome(&town, node, 0), Some(AdminOutcome::Done));
    town.world().controller = 2;
    town.poke(node, Timer::Command(1));
    let facts = town.run_for(1_000);
    assert_eq!(outcome(&town, node, 1), Some(AdminOutcome::Done));
    assert!(facts.iter().any(|(_, fact)| *fact
        == Fact::AdminAnswered {
            what: "create topic newer".into(),
            error: ErrorCode::None
        }));
}

#[test]
fn a_call_that_nobody_answers_ends_after_default_api_timeout_ms() {
    let mut town = Town::new(1, World::default());
    town.world().mute_admin = true;
    town.start(1);
    let node = admin(&mut town, vec![create("new")]);
    town.run_for(500);
    town.poke(node, Timer::Command(0));
    town.run_for(2_900);
    assert_eq!(outcome(&town, node, 0), None);
    town.run_for(200);
    let Some(AdminOutcome::Failed { exception, .. }) = outcome(&town, node, 0) else {
        panic!("no outcome");
    };
    assert_eq!(&*exception, "TimeoutException");
}

#[test]
fn an_election_that_is_not_needed_says_so_for_its_partition() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    let partition = TopicPartition::new("t", 0);
    let elect = AdminCommand::ElectLeaders {
        election_type: ElectionType::Preferred,
        partitions: Some(vec![partition.clone()]),
    };
    let node = admin(&mut town, vec![elect]);
    town.run_for(500);
    town.poke(node, Timer::Command(0));
    town.run_for(500);
    let Some(AdminOutcome::Elected(elected)) = outcome(&town, node, 0) else {
        panic!("no outcome");
    };
    assert_eq!(
        elected[&partition].as_deref(),
        Some("ElectionNotNeededException")
    );
}

// ---- the recorder's client

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
        produce("all", &["d"]),
        produce("all", &["e"]),
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
    for number in [6, 7] {
        town.poke(node, Timer::Command(number));
        town.run_for(1_000);
    }
    let failed = Produced::Failed {
        exception: "NotLeaderOrFollowerException".into(),
    };
    assert_eq!(
        result(&town, node, 6),
        Some(DriverResult::Produced(vec![failed]))
    );
    assert_eq!(
        result(&town, node, 7),
        Some(DriverResult::Produced(vec![stored(3)]))
    );
}

#[test]
fn equal_seeds_give_equal_runs() {
    let digest = |seed| {
        let mut town = Town::new(seed, World::with_partitions(&[1, 2]));
        town.start(1);
        town.start(2);
        producer(&mut town, &[], counting(5));
        consumer(&mut town, &[], &[]);
        town.run_for(2_000);
        town.world().move_leader(0, 2);
        town.run_for(5_000);
        town.digest()
    };
    assert_eq!(digest(7), digest(7));
    assert_ne!(digest(7), digest(8));
}
