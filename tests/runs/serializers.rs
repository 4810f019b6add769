//! Messages as objects and as bytes in whole clusters: who throws, what is asked of a schema registry, and what
//! becomes of a record that cannot be read.

use kafka_trial::protocol::{Fact, GroupFact, MessageFact};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;

const AVRO: &str = "io.confluent.kafka.serializers.KafkaAvro";

/// Three brokers, one topic of two partitions, and these clients.
fn cluster(duration: &str, rest: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: Serializers.\nduration: {duration}\ncluster: {{brokers: 3}}\n\
         topics: {{t: {{partitions: 2, replication.factor: 3}}, dead: {{partitions: 1, replication.factor: 3}}}}\n\
         schemas:\n  one: {{avro: '{{\"type\": \"record\", \"name\": \"P\", \"fields\": [{{\"name\": \"number\", \"type\": \"long\"}}]}}'}}\n{rest}"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.held(), "{:?}", report.violations);
    report
}

fn messages(report: &Report) -> impl Iterator<Item = (&str, &MessageFact)> {
    report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Message(fact) => Some((&*entry.node, fact)),
        _ => None,
    })
}

/// Offsets of a partition of `t` that a consumer was given, in its order.
fn read(report: &Report, consumer: &str, of: i32) -> Vec<i64> {
    let read = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Consumed {
            partition, offset, ..
        } if *entry.node == *consumer && partition.partition == of => Some(*offset),
        _ => None,
    });
    read.collect()
}

fn thrown(report: &Report, consumer: &str) -> Vec<(i32, i64, u32)> {
    let thrown = messages(report).filter_map(|(node, fact)| match fact {
        MessageFact::NotDeserialized {
            partition,
            offset,
            times,
            ..
        } if node == consumer => Some((partition.partition, *offset, *times)),
        _ => None,
    });
    thrown.collect()
}

/// Numbers as ints, but the fifth of partition 0, which is text.
const POISONED: &str = "\
producers:
  a: {topic: t, key: {text: truck 2}, value: number, every: 1s, config: {value.serializer: int}}
  b: {topic: t, key: {text: truck 1}, value: number, every: 1s, config: {value.serializer: int}}
  x: {topic: t, key: {text: truck 2}, value: {text: poison}, start: 8s, limit: 1}
";

#[test]
fn cs15_each_process_asks_the_registry_once_for_each_schema() {
    let report = cluster(
        "30s",
        &format!(
            "schema_registry: {{}}\n\
             producers:\n  p: {{topic: t, key: {{cycle: 9}}, value: position, value_schema: one, every: 500ms, config: {{value.serializer: {AVRO}Serializer}}}}\n\
             consumers:\n  c: {{topics: [t], config: {{value.deserializer: {AVRO}Deserializer}}}}\n\
             timeline: [{{at: 20s, for: 1s, crash: c}}]\n"
        ),
    );
    let mut registered = Vec::new();
    let mut asked = Vec::new();
    for (node, fact) in messages(&report) {
        match fact {
            MessageFact::SchemaRegistered {
                subject,
                version,
                id,
                client,
            } => {
                assert_eq!(node, "schema-registry");
                registered.push((subject.to_string(), *version, *id, client.to_string()));
            }
            MessageFact::SchemaAsked { id, client } => asked.push((*id, client.to_string())),
            MessageFact::NotDeserialized { .. } | MessageFact::NotSerialized { .. } => {
                panic!("{fact:?}");
            }
            _ => {}
        }
    }
    assert_eq!(registered, [("t-value".to_owned(), 1, 1, "p".to_owned())]);
    // Once in each of its two lives.
    assert_eq!(asked, [(1, "c".to_owned()), (1, "c".to_owned())]);
    assert!(read(&report, "c", 0).len() + read(&report, "c", 1).len() > 40);
}

#[test]
fn cc17_what_comes_before_the_record_is_returned_first_and_then_nothing_of_any_partition() {
    for group in ["", ", group.id: g"] {
        let report = cluster(
            "40s",
            &format!(
                "{POISONED}consumers:\n  c: {{topics: [t], start: 20s, config: {{value.deserializer: int{group}}}}}\n"
            ),
        );
        let thrown = thrown(&report, "c");
        let (partition, offset, _) = thrown[0];
        assert!(thrown.len() >= 5, "each poll throws again: {thrown:?}");
        let times = thrown.iter().map(|(_, _, times)| *times);
        assert!(times.eq(1..=thrown.len() as u32), "{thrown:?}");
        assert!(thrown.iter().all(|it| (it.0, it.1) == (partition, offset)));
        let before: Vec<i64> = (0..offset).collect();
        assert_eq!(
            read(&report, "c", partition),
            before,
            "what comes before it"
        );
        let first = report.trace.iter().position(|entry| {
            matches!(
                &entry.fact,
                Fact::Message(MessageFact::NotDeserialized { .. })
            )
        });
        let after = &report.trace[first.expect("it throws")..];
        let is_read = |fact: &Fact| matches!(fact, Fact::Consumed { .. });
        assert!(
            !after.iter().any(|entry| is_read(&entry.fact)),
            "nothing is read after it"
        );
        if !group.is_empty() {
            let committed = report
                .trace
                .iter()
                .rev()
                .find_map(|entry| match &entry.fact {
                    Fact::Group(GroupFact::OffsetCommitted {
                        partition: of,
                        offset,
                        ..
                    }) if of.partition == partition => Some(*offset),
                    _ => None,
                });
            assert_eq!(committed, Some(offset), "its position stays on the record");
        }
    }
}

#[test]
fn who_skips_a_record_reads_all_others_once() {
    for group in ["", ", group.id: g"] {
        let report = cluster(
            "40s",
            &format!(
                "{POISONED}consumers:\n  c: {{topics: [t], poison: skip, config: {{value.deserializer: int{group}}}}}\n"
            ),
        );
        let thrown = thrown(&report, "c");
        let [(partition, poison, 1)] = thrown[..] else {
            panic!("{thrown:?}");
        };
        let read = read(&report, "c", partition);
        let expected = (0..=read.len() as i64).filter(|offset| *offset != poison);
        assert!(expected.eq(read.iter().copied()), "{read:?}");
        assert!(read.len() > 20);
    }
}

#[test]
fn a_dead_letter_is_acknowledged_before_its_consumer_goes_on() {
    let report = cluster(
        "60s",
        &format!(
            "{POISONED}consumers:\n  c: {{topics: [t], poison: {{dead_letter: dead}}, config: {{value.deserializer: int, group.id: g}}}}\n  \
             d: {{topics: [dead]}}\n"
        ),
    );
    let (partition, poison, _) = thrown(&report, "c")[0];
    let place = |wanted: &dyn Fn(&Fact) -> bool| {
        report
            .trace
            .iter()
            .position(|entry| *entry.node == *"c" && wanted(&entry.fact))
    };
    let acked = place(&|fact| matches!(fact, Fact::Acked { .. })).expect("acknowledged");
    let past = place(&|fact| {
        matches!(fact, Fact::PositionSet { partition: of, offset, by_application: true, .. }
            if of.partition == partition && *offset == poison + 1)
    });
    assert!(
        acked < past.expect("it seeks"),
        "first the one, then the other"
    );
    let lettered = messages(&report).find_map(|(node, fact)| match fact {
        MessageFact::DeadLettered {
            offset,
            to,
            to_offset,
            ..
        } => Some((node.to_owned(), *offset, to.to_string(), *to_offset)),
        _ => None,
    });
    let expected = ("c".to_owned(), poison, "dead-0".to_owned(), 0);
    assert_eq!(lettered, Some(expected));
    assert_eq!(read(&report, "d", 0), [0]);
    assert!(read(&report, "c", partition).last() > Some(&poison));
}

#[test]
fn a_schema_that_was_refused_is_asked_for_with_each_record_and_none_is_sent() {
    let report = cluster(
        "20s",
        &format!(
            "schema_registry: {{compatibility: backward}}\n\
             producers:\n  p: {{topic: t, value: position, value_schema: one, every: 1s, config: {{value.serializer: {AVRO}Serializer, auto.register.schemas: false}}}}\n"
        ),
    );
    let refused =
        messages(&report).filter(|(_, fact)| matches!(fact, MessageFact::NotSerialized { .. }));
    let refused = refused.count();
    assert!(refused > 10, "{refused}");
    let failed = report.trace.iter().filter(|entry| {
        matches!(&entry.fact, Fact::Failed { exception, .. } if **exception == *"SerializationException")
    });
    assert_eq!(failed.count(), refused);
    let is_appended =
        |fact: &Fact| matches!(fact, Fact::Appended { partition, .. } if *partition.topic == *"t");
    assert!(!report.trace.iter().any(|entry| is_appended(&entry.fact)));
}
