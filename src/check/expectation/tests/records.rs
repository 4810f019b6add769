//! Expectations about which records lie where, in which order they are read, and who reads none.

use super::story::{Story, created};
use crate::check::testing::{acked, consumed, position};
use crate::plan::{ConsumerPlan, Key, ProducerPlan};
use crate::protocol::Fact;

#[test]
fn keys_keep_their_partition_or_do_not() {
    let mut story = Story::new();
    story
        .entries
        .retain(|entry| !matches!(entry.fact, Fact::Acked { .. }));
    let plan = &mut story.plan;
    plan.producers
        .push(ProducerPlan::new("others", "u").count(2).key(Key::TruckId));
    let one = "records of each key lie in one partition of t";
    let elsewhere = "keys of t lie in other partitions of u";
    assert_eq!(
        story.says(one),
        format!("FAILED: {one} — 0 keys, in 0 partitions")
    );
    for (at, record, partition) in [
        (80_000, "trucks-1#1", "t-0"),
        (80_100, "trucks-1#2", "t-0"),
        (80_200, "trucks-2#1", "t-1"),
        (80_300, "others-1#1", "u-0"),
        (80_400, "others-2#1", "u-1"),
    ] {
        let producer = record.split('#').next().unwrap_or_default();
        story.add(at, producer, acked(record, partition, at as i64, "v"));
    }
    assert_eq!(
        story.says(one),
        format!("held: {one} — 2 keys, in 2 partitions")
    );
    assert_eq!(
        story.says(elsewhere),
        format!("FAILED: {elsewhere} — 0 of 2 keys do")
    );
    story.add(81_000, "others-2", acked("others-2#2", "u-0", 9, "v"));
    assert_eq!(
        story.says(elsewhere),
        format!("held: {elsewhere} — 1 of 2 keys do")
    );
    let one = one.replace("of t", "of u");
    assert_eq!(
        story.says(&one),
        format!("FAILED: {one} — those of truck 2 lie in u-0 and u-1")
    );
}

#[test]
fn order_within_one_partition_and_across_are_two_things() {
    let mut story = Story::new();
    story.entries.retain(|entry| {
        !matches!(
            entry.fact,
            Fact::RecordCreated { .. } | Fact::Consumed { .. }
        )
    });
    let one = "dashboard reads records of one producer out of order";
    let across = "dashboard reads records of different partitions out of order";
    for (number, partition, value) in [(1, "t-0", "m"), (2, "t-0", "n"), (3, "t-1", "o")] {
        let record = format!("trucks-1#{number}");
        story.add(80_000, "trucks-1", created(&record, partition, value));
    }
    let says = |story: &mut Story| [one, across].map(|it| story.says(it).starts_with("held"));
    story.add(81_000, "dashboard", consumed("t-0", 11, "n"));
    assert_eq!(says(&mut story), [false, false]);
    story.add(81_000, "dashboard", consumed("t-0", 12, "m"));
    assert_eq!(says(&mut story), [true, false]);
    story.entries.pop();
    story.entries.pop();
    story.add(81_000, "dashboard", consumed("t-1", 0, "o"));
    story.add(81_000, "dashboard", consumed("t-0", 12, "m"));
    assert_eq!(says(&mut story), [true, true]);
    // A process that starts again may number its records anew: they are later all the same.
    story.entries.pop();
    story.add(80_000, "trucks-1", created("trucks-1#1", "t-0", "p"));
    story.add(81_000, "dashboard", consumed("t-0", 13, "p"));
    assert_eq!(says(&mut story), [false, false]);
}

#[test]
fn a_broker_that_ends_before_it_serves_refuses_to_start() {
    let mut story = Story::new();
    let sentence = "broker-2 refuses to start";
    let ends = |status| Fact::Exiting {
        status,
        why: "no disk".into(),
    };
    // A broker that has served gives up, and one stops as it is asked.
    for fact in [
        Fact::Started,
        Fact::Serving,
        ends(1),
        Fact::Started,
        ends(0),
    ] {
        story.add(80_000, "broker-2", fact);
    }
    assert_eq!(
        story.says(sentence),
        format!("FAILED: {sentence} — it did not")
    );
    story.add(90_000, "broker-2", Fact::Started);
    story.add(91_000, "broker-2", ends(1));
    assert_eq!(
        story.says(sentence),
        format!("held: {sentence} — no disk, at 91.000 s")
    );
}

#[test]
fn who_reads_nothing_is_said_to_read_nothing() {
    let mut story = Story::new();
    let sentence = "every acknowledged record is read";
    let says = |retained: &dyn Fn(&Fact) -> bool, group: Option<&str>| {
        let mut story = Story {
            entries: story.entries.clone(),
            ..Story::new()
        };
        story.entries.retain(|entry| retained(&entry.fact));
        if let Some(group) = group {
            let member = ConsumerPlan::new("dashboard", "t").config("group.id", group);
            story.plan.consumers = vec![member];
        }
        let said = story.says(sentence);
        said.replace(&format!("FAILED: {sentence} — "), "")
    };
    let no_position = |fact: &Fact| !matches!(fact, Fact::PositionSet { .. });
    assert_eq!(
        says(&no_position, Some("g")),
        "group g read 0 of them: it never got a partition"
    );
    assert_eq!(
        says(&no_position, None),
        "dashboard read 0 of them: it never learned where to begin"
    );
    assert_eq!(
        says(&|fact| !matches!(fact, Fact::Acked { .. }), None),
        "none was acknowledged"
    );
    story.entries.retain(|entry| no_position(&entry.fact));
    story.add(80_000, "dashboard", position("t-0", 1));
    assert_eq!(
        story.says(sentence),
        format!("FAILED: {sentence} — dashboard does not read from the beginning")
    );
}
