//! Which partition a record without a key goes to, under each partitioner (CP8 to CP14, CB4).

use crate::client::cardboard::{Answer, Town, World};
use crate::client::{acked, counting, exceptions, producer};
use kafka_trial::client::workload::{Pace, ValueTemplate, Workload};
use kafka_trial::kernel::Duration;
use kafka_trial::protocol::{ErrorCode, Fact};

/// The partitions of all records, in the order in which they were made.
fn partitions(facts: &[(u64, Fact)]) -> Vec<i32> {
    facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::RecordCreated { partition, .. } => Some(partition.partition),
            _ => None,
        })
        .collect()
}

/// So many records of 100 bytes, one each 5 ms: what each partition of a topic with these leaders gets, as runs
/// of records that went to one partition.
fn runs(leaders: &[i32], settings: &[(&str, &str)], records: u64) -> Vec<(i32, usize)> {
    let mut town = Town::new(1, World::with_partitions(leaders));
    town.start(1);
    town.start(2);
    let workload = Workload {
        pace: Pace::Every(Duration::from_millis(5)),
        value: ValueTemplate::Bytes(100),
        ..counting(records)
    };
    producer(&mut town, settings, workload);
    let facts = town.run_for(records * 5 + 3_000);
    assert_eq!(acked(&facts).len(), records as usize);
    let partitions = partitions(&facts);
    let chunks = partitions.chunk_by(|a, b| a == b);
    chunks.map(|run| (run[0], run.len())).collect()
}

const ROUND_ROBIN: (&str, &str) = (
    "partitioner.class",
    "org.apache.kafka.clients.producer.RoundRobinPartitioner",
);

/// A batch of one record takes 61 + 1 + 1 + 1 + 1 + 1 + 2 + 100 + 1 bytes with a length of two: 170. Six of them
/// are more than 1,000.
#[test]
fn cp8_cp9_records_without_a_key_stay_with_a_partition_for_batch_size_bytes() {
    let runs = runs(&[1, 2, 1], &[("batch.size", "1000")], 600);
    let (_, whole) = runs.split_last().unwrap();
    assert!(whole.iter().all(|(_, length)| length % 6 == 0), "{runs:?}");
    assert!(whole.iter().filter(|(_, length)| *length == 6).count() > 25);
    for partition in 0..3 {
        let got: usize = runs
            .iter()
            .filter(|run| run.0 == partition)
            .map(|run| run.1)
            .sum();
        assert!(got > 100, "{partition} got {got}");
    }
}

/// With a linger the batch is not full when batch.size bytes are through, and is not cut for that: the change
/// waits for it, at most until there are twice as many.
#[test]
fn cp9_cp10_a_change_waits_for_the_batch_unless_there_are_twice_as_many_bytes() {
    let settings = [("batch.size", "1000"), ("linger.ms", "10000")];
    let mut town = Town::new(1, World::with_partitions(&[1, 1]));
    town.start(1);
    let workload = Workload {
        pace: Pace::Every(Duration::from_millis(5)),
        value: ValueTemplate::Bytes(100),
        ..counting(100)
    };
    producer(&mut town, &settings, workload);
    let facts = town.run_for(12_000);
    let partitions = partitions(&facts);
    // 61 and eight times 109 are 933 bytes: eight records are a batch. The ninth finds it without room, and the
    // change that was put off is made for it, or the batch behind it is begun here.
    for run in partitions.chunk_by(|a, b| a == b) {
        assert!(run.len() >= 8 || run.len() < 100 % 8 + 8, "{partitions:?}");
    }
    let world = town.world();
    let counts: Vec<i32> = [world.batches(0), world.batches(1)].concat();
    let full = counts.iter().filter(|count| **count == 8).count();
    assert!(full >= 10, "{counts:?}");
}

#[test]
fn cp11_only_partitions_with_a_leader_are_drawn() {
    let runs = runs(&[1, -1, 1], &[("batch.size", "200")], 60);
    assert!(
        runs.iter().all(|(partition, _)| *partition != 1),
        "{runs:?}"
    );
    assert!(runs.iter().any(|(partition, _)| *partition == 0));
    assert!(runs.iter().any(|(partition, _)| *partition == 2));
}

/// Broker 1 leads two partitions and answers nothing for long: what waits for it makes its partitions less
/// likely.
#[test]
fn cp12_partitions_of_a_slow_broker_are_drawn_less() {
    let share = |adaptive: &str| {
        let mut town = Town::new(1, World::with_partitions(&[1, 2]));
        town.start(1);
        town.start(2);
        let settings = [
            ("batch.size", "200"),
            ("max.in.flight.requests.per.connection", "1"),
            ("request.timeout.ms", "8000"),
            ("partitioner.adaptive.partitioning.enable", adaptive),
        ];
        let workload = Workload {
            pace: Pace::Every(Duration::from_millis(5)),
            value: ValueTemplate::Bytes(100),
            ..counting(1_000)
        };
        producer(&mut town, &settings, workload);
        let mut facts = town.run_for(1_000);
        // The next request of either is stored and not answered; the other goes on.
        town.world().answers.push_back(Answer::Silence);
        facts.extend(town.run_for(5_000));
        let partitions = partitions(&facts);
        let later = &partitions[partitions.len() - 600..];
        let of_0 = later.iter().filter(|partition| **partition == 0).count();
        of_0.min(600 - of_0)
    };
    let (adaptive, uniform) = (share("true"), share("false"));
    assert!(uniform > 200, "{uniform}");
    assert!(adaptive < 60, "{adaptive}");
}

/// Broker 1 is away. What waits for it keeps its partition from being drawn, but not one of which nothing waits.
#[test]
fn cp13_a_partition_whose_leader_takes_nothing_for_too_long_is_left_out() {
    let settings = [
        ("batch.size", "200"),
        ("partitioner.availability.timeout.ms", "300"),
        ("delivery.timeout.ms", "60000"),
    ];
    let mut town = Town::new(1, World::with_partitions(&[1, 2]));
    town.bootstrap_servers = vec!["broker-2".into()];
    town.start(1);
    town.start(2);
    let workload = Workload {
        pace: Pace::Every(Duration::from_millis(5)),
        value: ValueTemplate::Bytes(100),
        ..counting(2_000)
    };
    producer(&mut town, &settings, workload);
    town.run_for(1_000);
    let broker = town.broker(1);
    town.apply(kafka_trial::kernel::Fault::Crash(broker));
    town.run_for(2_000);
    let facts = town.run_for(3_000);
    let partitions = partitions(&facts);
    assert!(partitions.len() > 500);
    assert!(
        partitions.iter().all(|partition| *partition == 1),
        "{partitions:?}"
    );
}

/// CB4: a new batch costs a turn. With a record a batch every second partition gets nothing; of an odd number of
/// partitions each gets something.
#[test]
fn cp14_cb4_round_robin_passes_a_partition_over_with_each_batch() {
    let count = |leaders: &[i32]| {
        let mut counts = vec![0; leaders.len()];
        for (partition, length) in runs(leaders, &[ROUND_ROBIN], 60) {
            counts[partition as usize] += length;
        }
        counts
    };
    // In the order of Java's map: 3, 2, 1, 0, of which the second and the fourth get all.
    assert_eq!(count(&[1, 1, 1, 1]), [30, 0, 30, 0]);
    assert_eq!(count(&[1, 1, 1]), [20, 20, 20]);
    assert_eq!(count(&[1, -1, 1]), [0, 0, 60]);
}

/// While batches linger it is worse: a turn that would begin a batch is never a partition's own (KAFKA-9965).
#[test]
fn cp14_cb4_while_batches_linger_round_robin_never_comes_to_some_partitions() {
    let settings = [
        ROUND_ROBIN,
        ("linger.ms", "60000"),
        ("batch.size", "100000"),
    ];
    for (leaders, turns) in [
        (&[1, 1, 1, 1][..], [2, 0, 2, 0, 2, 0]),
        (&[1, 1, 1], [0, 1, 0, 1, 0, 1]),
    ] {
        let mut town = Town::new(1, World::with_partitions(leaders));
        town.start(1);
        let workload = Workload {
            pace: Pace::Every(Duration::from_millis(5)),
            ..counting(6)
        };
        producer(&mut town, &settings, workload);
        assert_eq!(partitions(&town.run_for(2_000)), turns);
    }
}

/// Before Kafka 3.3: another partition with each batch, and never the same again.
#[test]
fn cp14_the_default_partitioner_of_2_4_changes_with_each_batch() {
    let class = "org.apache.kafka.clients.producer.internals.DefaultPartitioner";
    let changing = runs(&[1, 1, 1], &[("partitioner.class", class)], 60);
    assert!(
        changing.iter().all(|(_, length)| *length == 1),
        "{changing:?}"
    );
    let settings = [("partitioner.class", class), ("linger.ms", "50")];
    let lingering = runs(&[1, 1, 1], &settings, 60);
    let (_, whole) = lingering.split_last().unwrap();
    assert!(
        whole.iter().all(|(_, length)| *length >= 10),
        "{lingering:?}"
    );
    assert_eq!(runs(&[-1, 1], &[("partitioner.class", class)], 9), [(1, 9)]);
}

#[test]
fn cp7_keys_are_hashed_over_all_partitions_unless_they_are_to_be_ignored() {
    use kafka_trial::client::workload::KeyTemplate;
    let spread = |settings: &[(&str, &str)]| {
        let mut town = Town::new(1, World::with_partitions(&[1, -1, 1]));
        town.start(1);
        let workload = Workload {
            key: KeyTemplate::Cycle(30),
            pace: Pace::Every(Duration::from_millis(5)),
            ..counting(30)
        };
        producer(&mut town, settings, workload);
        let mut counts = [0; 3];
        for partition in partitions(&town.run_for(3_000)) {
            counts[partition as usize] += 1;
        }
        counts
    };
    let hashed = spread(&[]);
    assert!(hashed.iter().all(|count| *count > 4), "{hashed:?}");
    let ignored = spread(&[("partitioner.ignore.keys", "true")]);
    assert_eq!(
        ignored.iter().filter(|count| **count == 0).count(),
        2,
        "{ignored:?}"
    );
    let uniform = "org.apache.kafka.clients.producer.UniformStickyPartitioner";
    assert_eq!(spread(&[("partitioner.class", uniform)])[1], 0);
}

/// An error keeps no record from its partition.
#[test]
fn cp7_a_retry_stays_with_its_partition() {
    let mut town = Town::new(1, World::with_partitions(&[1, 1, 1]));
    town.start(1);
    town.world()
        .answers
        .push_back(Answer::Error(ErrorCode::NotEnoughReplicas));
    producer(&mut town, &[("batch.size", "0")], counting(3));
    let facts = town.run_for(6_000);
    let acked_at: Vec<i32> = facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::Acked { partition, .. } => Some(partition.partition),
            _ => None,
        })
        .collect();
    assert_eq!(acked_at, partitions(&facts));
}

/// CP2, CP7: round robin would go round; it is not asked. A third partition is not there: `send` waits for it.
#[test]
fn cp2_cp7_a_partition_that_is_named_is_waited_for_and_no_partitioner_is_asked() {
    let mut town = Town::new(1, World::with_partitions(&[1, 2]));
    town.start(1);
    town.start(2);
    let settings = [ROUND_ROBIN, ("max.block.ms", "2500")];
    let named = |partition, records| Workload {
        partition: Some(partition),
        ..counting(records)
    };
    producer(&mut town, &settings, named(1, 4));
    let facts = town.run_for(5_000);
    assert_eq!(partitions(&facts), [1; 4]);
    assert_eq!(acked(&facts), [(1, 0), (2, 1), (3, 2), (4, 3)]);

    let mut town = Town::new(1, World::with_partitions(&[1, 2]));
    town.start(1);
    town.start(2);
    producer(&mut town, &settings, named(2, 4));
    let mut facts = town.run_for(4_000);
    // Made at 0.1 s; the next right after it, which waits when the partition comes.
    assert_eq!(exceptions(&facts), [(2_600, "TimeoutException".into())]);
    town.world().add_partition(1);
    facts.extend(town.run_for(6_000));
    assert_eq!(partitions(&facts), [2; 4]);
    assert_eq!(acked(&facts), [(2, 0), (3, 1), (4, 2)]);
}
