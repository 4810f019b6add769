//! What users of scenarios ran into, each with its whole kind: records read again after a restart, seeds,
//! tombstones, merge keys, losses that nobody is told of.

use super::command_line::{Scratch, text, trial};
use kafka_trial::plan::Plan;
use kafka_trial::protocol::{Fact, content_of};
use kafka_trial::report::{Account, Ending, summary};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use kafka_trial::trace::Style;
use serde_json::Value;

/// A scenario of one producer and one consumer; `body` are its further lines.
fn plan(body: &str) -> Plan {
    let text = format!(
        "\
format: 1
name: test
about: One topic.
{body}"
    );
    load("test.yaml", text.into_bytes(), &[])
        .unwrap_or_else(|error| panic!("{error}"))
        .plan
}

fn play(body: &str) -> Report {
    run(&plan(body), 1).unwrap_or_else(|error| panic!("{error}"))
}

/// What is printed of a run.
fn printed(report: &Report) -> String {
    let told = Account::of(&report.trace, false);
    let view = report.view();
    summary(
        &Ending::of(report, &told, &view, "again"),
        Style::default(),
        false,
    )
}

/// Whether the one thing that a plan expects held, with figures.
fn outcome(report: &Report) -> (bool, String) {
    let outcome = &report.outcomes[0];
    (!outcome.failed(), outcome.to_string())
}

fn one_broker(timeline: &str, expect: &str) -> String {
    format!(
        "\
duration: 20s
cluster: {{brokers: 1}}
topics:
  t: {{partitions: 1, replication.factor: 1}}
producers:
  p: {{topic: t, value: number, every: 500ms, acks: all, stop: 15s}}
consumers:
  c: {{topics: [t], config: {{auto.offset.reset: earliest}}}}
timeline: {timeline}
expect: [{expect}]
"
    )
}

#[test]
fn what_a_restarted_consumer_reads_again_is_counted_as_its_application_would() {
    // However it ends: it has committed nothing, and begins anew.
    for end in ["stop", "crash"] {
        let timeline = format!("[{{at: 6s, {end}: c}}, {{at: 8s, restart: c}}]");
        let report = play(&one_broker(&timeline, "\"duplicates read by c: 0\""));
        let read_before = report.trace.iter().filter(|entry| {
            matches!(entry.fact, Fact::Consumed { .. }) && entry.time.as_millis() < 7_000
        });
        let twice = read_before.count();
        assert!(twice > 3, "{end}");
        let (held, figures) = outcome(&report);
        assert!(
            !held && figures.ends_with(&format!("{twice} read again")),
            "{end}: {figures}"
        );
        let expected = format!("\"duplicates read by c: {twice}\"");
        let (held, figures) = outcome(&play(&one_broker(&timeline, &expected)));
        assert!(held, "{end}: {figures}");
    }
    // One that begins at the end reads nothing again, and one that lives reads all once.
    let latest = one_broker(
        "[{at: 6s, stop: c}, {at: 8s, restart: c}]",
        "\"duplicates read by c: 0\"",
    );
    for body in [
        latest.replace("earliest", "latest"),
        one_broker("[]", "\"duplicates read by c: 0\""),
    ] {
        let (held, figures) = outcome(&play(&body));
        assert!(held, "{figures}");
    }
}

#[test]
fn a_registration_is_told_with_its_broker_epoch_explained_once() {
    let printed = printed(&play(&one_broker("[]", "")));
    assert!(
        printed.contains("/brokers/ids/1, broker epoch "),
        "{printed}"
    );
    let explained = printed
        .lines()
        .filter(|line| line.starts_with("  broker epoch "));
    assert_eq!(explained.count(), 1, "{printed}");
}

#[test]
fn seeds_say_with_which_of_them_something_fails() {
    let scratch = Scratch::new("seeds");
    let scenario = |expect: &str| {
        format!(
            "format: 1\nname: test\nabout: x\n{}",
            one_broker("[]", expect)
        )
    };
    let holds = scratch.file("holds.yaml", scenario("no acknowledged record is lost"));
    let fails = scratch.file("fails.yaml", scenario("\"records read by c: 1\""));

    let output = trial(&["run", &holds, "--seeds", "1..3"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "held    test  3 of 3 seeds\n");

    let output = trial(&["run", &fails, "--seeds", "4..5"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    assert!(told.starts_with("FAILED  test  0 of 2 seeds\n"), "{told}");
    assert!(told.contains("records read by c: 1: seeds 4, 5"), "{told}");

    let output = trial(&["run", &fails, "--seeds", "4..5", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["format"], "kafka-trial seeds");
    assert_eq!(document["version"], 1);
    assert_eq!(document["held"], false);
    let scenario = &document["scenarios"][0];
    assert_eq!(scenario["scenario"], "test");
    assert_eq!(scenario["seeds"], 2);
    assert_eq!(
        scenario["failed"]["records read by c: 1"],
        serde_json::json!(["4", "5"])
    );

    // What goes with no other, and ranges that are none.
    for wrong in [
        &["run", &holds, "--seeds", "1..3", "--seed", "2"][..],
        &["run", &holds, "--seeds", "3..1"],
        &["run", &holds, "--seeds", "1..3", "--out", "somewhere"],
        &["run", &holds, "--seeds", "1..3", "--format", "junit"],
        &["run", "no-such-scenario", "--seeds", "1..3"],
    ] {
        let output = trial(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(
            !output.stderr.is_empty() && output.stdout.is_empty(),
            "{wrong:?}"
        );
    }
}

#[test]
fn a_null_value_is_a_tombstone_and_no_value_a_number() {
    let contents = |value: &str| {
        let body = one_broker("[]", "").replace("value: number, ", value);
        let report = play(&body);
        let read = report.trace.iter().filter_map(|entry| match entry.fact {
            Fact::Consumed { content, .. } => Some(content),
            _ => None,
        });
        read.collect::<Vec<u64>>()
    };
    let tombstone = content_of(None, None);
    let found = contents("value: null, ");
    assert!(found.len() > 10 && found.iter().all(|content| *content == tombstone));
    for numbers in ["", "value: number, "] {
        let found = contents(numbers);
        assert_eq!(found[0], content_of(None, Some(b"1")), "{numbers}");
    }
}

#[test]
fn an_assignment_makes_as_many_partitions_as_it_names() {
    let topic = |said: &str| {
        let body = one_broker("[]", "").replace("{partitions: 1, replication.factor: 1}", said);
        plan(&body).topics[0].assignment.len()
    };
    assert_eq!(topic("{assignment: [[1]]}"), 1);
    assert_eq!(topic("{assignment: [[1], [1], [1]]}"), 3);
}

#[test]
fn merge_keys_give_what_is_not_said_otherwise() {
    let body = one_broker("[]", "");
    let merged = body
        .replace(
            "  p: {topic: t, value: number, every: 500ms, acks: all, stop: 15s}",
            "  p: &p {topic: t, value: number, every: 500ms, acks: all, stop: 15s}\n  q: {<<: *p, acks: \"1\"}\n  r: {<<: [*p, {count: 2}]}",
        );
    let said = body.replace(
        "consumers:",
        "  q: {topic: t, value: number, every: 500ms, acks: \"1\", stop: 15s}\n  r: {topic: t, value: number, every: 500ms, acks: all, stop: 15s, count: 2}\nconsumers:",
    );
    assert_eq!(plan(&merged), plan(&said));
}

#[test]
fn a_loss_with_acks_0_is_stated_where_there_is_one_and_breaks_nothing() {
    // The leader takes what nobody copies, and dies.
    let body = |timeline: &str| {
        format!(
            "\
duration: 30s
cluster: {{brokers: 2, config: {{zookeeper.session.timeout.ms: 6000}}}}
topics:
  t: {{assignment: [[1, 2]]}}
producers:
  p: {{topic: t, value: number, every: 100ms, acks: 0}}
timeline: {timeline}
"
        )
    };
    let without = printed(&play(&body("[]")));
    assert!(!without.contains("note: "), "{without}");
    let report = play(&body(
        "[{at: 8s, cut link: broker-1, to: broker-2}, {at: 10s, crash: broker-1}]",
    ));
    assert!(report.held());
    let text = printed(&report);
    let note = text.lines().find(|line| line.starts_with("note: of "));
    let note = note.unwrap_or_else(|| panic!("{text}"));
    assert!(
        note.contains("sent with acks=0") && note.contains("are in no log"),
        "{note}"
    );
}

#[test]
fn a_reader_that_stands_still_behind_acks_1_is_told_why() {
    let report = play(
        "\
duration: 60s
cluster: {brokers: 3}
topics:
  t: {assignment: [[1, 2, 3]]}
producers:
  p: {topic: t, every: 500ms, acks: \"1\"}
consumers:
  c: {topics: [t], config: {auto.offset.reset: earliest}}
timeline: [{at: 20s, crash: broker-2}]
",
    );
    let text = printed(&report);
    let stands = text
        .lines()
        .find(|line| line.contains("consumers read no further in t-0"));
    let stands = stands.unwrap_or_else(|| panic!("{text}"));
    assert!(
        stands.contains("broker-2 crashed at 20.000 s and is still in the ISR"),
        "{stands}"
    );
    assert!(text.contains("consumers read on in t-0"), "{text}");
}

#[test]
fn that_reads_and_writes_wait_is_said_only_where_somebody_waits() {
    let body = |clients: &str| {
        format!(
            "\
duration: 60s
cluster: {{brokers: 2}}
topics:
  t: {{assignment: [[1]]}}
{clients}
timeline: [{{at: 20s, stop: broker-1}}]
"
        )
    };
    let producer = "producers:\n  p: {topic: t, every: 500ms, config: {acks: 1}}";
    let consumer = "consumers:\n  c: {topics: [t]}";
    for (clients, waits) in [
        (String::new(), None),
        (producer.to_owned(), Some("writes wait")),
        (consumer.to_owned(), Some("reads wait")),
        (
            format!("{producer}\n{consumer}"),
            Some("reads and writes wait"),
        ),
    ] {
        let text = printed(&play(&body(&clients)));
        let (told, _) = text
            .split_once("$ kafka-topics")
            .unwrap_or_else(|| panic!("{text}"));
        let found = ["reads and writes wait", "reads wait", "writes wait"]
            .into_iter()
            .find(|words| told.contains(words));
        assert_eq!(found, waits, "{told}");
    }
}
