//! Transcripts of small runs: the lines that explain what would puzzle a beginner are there, and are true.

use kafka_trial::node::view::ClusterView;
use kafka_trial::protocol::Fact;
use kafka_trial::report::{kafka_get_offsets, kafka_topics_describe};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario;
use kafka_trial::trace::{Style, transcript};

fn play(text: &str) -> Report {
    let text = format!("format: 1\nname: telling\nabout: A small run.\n{text}");
    let plan = scenario::load("telling.yaml", text.into_bytes(), &[])
        .unwrap_or_else(|error| panic!("{error}"))
        .plan;
    run(&plan, plan.seed).expect("settings that Kafka takes")
}

fn told(report: &Report) -> String {
    let text = transcript(&report.trace, Style::default());
    let (_legend, told) = text.split_once("\n\n").expect("a legend and lines");
    told.to_owned()
}

/// The line with these words; there must be exactly one.
fn line<'a>(told: &'a str, words: &str) -> &'a str {
    let lines: Vec<&str> = told.lines().filter(|line| line.contains(words)).collect();
    assert_eq!(lines.len(), 1, "lines with \"{words}\" in:\n{told}");
    lines[0]
}

/// Seconds since the start at which a line was told.
fn time(line: &str) -> u64 {
    let (seconds, _) = line.trim_start().split_once('.').expect("a time");
    seconds.parse().expect("seconds")
}

#[test]
fn who_waits_for_no_others_is_not_said_to_wait() {
    let told = |delay: &str| {
        told(&play(&format!(
            "duration: 15s
cluster: {{brokers: 3, config: {{group.initial.rebalance.delay.ms: {delay}}}}}
topics:
  t: {{partitions: 1}}
consumers:
  c: {{topics: [t], config: {{group.id: g}}}}
"
        )))
    };
    let begins = |told: &str| line(told, "begins a rebalance of group g").to_owned();
    let at_once = begins(&told("0"));
    assert!(
        at_once.ends_with(": it waits for no others (group.initial.rebalance.delay.ms=0)"),
        "{at_once}"
    );
    let waits = begins(&told("3000"));
    assert!(waits.ends_with(": it waits a little for others (group.initial.rebalance.delay.ms)"));
}

#[test]
fn hw3_a_high_watermark_below_min_insync_replicas_is_told_with_its_end() {
    let told = told(&play(
        "duration: 60s
cluster: {brokers: 3, config: {min.insync.replicas: 2}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, value: number, every: 1s, acks: 1}
consumers:
  c: {topics: [t]}
timeline:
  - {at: 10s, stop: broker-2}
  - {at: 40s, restart: broker-2}
",
    ));
    let held = line(&told, "commits nothing more in t-0");
    assert!(
        held.contains("ISR 1")
            && held.contains("smaller than min.insync.replicas (2)")
            && held.contains("consumers read no further"),
        "{held}"
    );
    assert!((10..13).contains(&time(held)), "{held}");
    let again = line(&told, "commits again: t-0");
    assert!((40..50).contains(&time(again)), "{again}");
}

#[test]
fn ct33_what_takes_a_silent_follower_out_of_the_isr_first_is_told() {
    let told = told(&play(
        "duration: 60s
cluster: {brokers: 3, config: {min.insync.replicas: 2, replica.lag.time.max.ms: 5000}}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, value: number, every: 1s, acks: all}
timeline:
  - {at: 20s, crash: broker-2}
",
    ));
    let waits = line(&told, "acks=all waits on t-0");
    assert!(
        waits.contains("its leader has missed it for replica.lag.time.max.ms (it leaves the ISR 5 to 7.5 s after the crash)")
            && !waits.contains("session"),
        "{waits}"
    );
    let out = line(&told, "takes broker-2 out of the ISR of t-0");
    assert!((24..29).contains(&time(out)), "{out}");
    // The writes that waited go on waiting: what holds them up now is another thing.
    let held = line(&told, "commits nothing more in t-0 (");
    assert!((24..29).contains(&time(held)), "{held}");
}

#[test]
fn a_leader_that_hangs_itself_does_not_blame_its_followers() {
    let told = told(&play(
        "duration: 40s
cluster: {brokers: 3}
topics:
  t: {assignment: [[1, 2, 3]], config: {flush.messages: 1}}
producers:
  p: {topic: t, value: number, every: 200ms, acks: all}
timeline:
  - {at: 20s, for: 5s, hang sync: broker-1}
",
    ));
    let waits = line(&told, "acks=all waits on t-0");
    assert!(
        waits.contains("its own disk has been hanging since 20.000 s")
            && !waits.contains("broker-2"),
        "{waits}"
    );
    let flushed = line(&told, "has waited 4 s for its flush");
    assert!(
        flushed.contains("broker-1  ") && time(flushed) == 25,
        "{flushed}"
    );
}

#[test]
fn z7_a_stopping_broker_names_what_nobody_else_can_lead() {
    let told = told(&play(
        "duration: 30s
cluster: {brokers: 3}
topics:
  audit: {assignment: [[2]]}
  t: {assignment: [[2, 3]]}
producers:
  p: {topic: audit, value: number, every: 1s, acks: all}
timeline:
  - {at: 10s, stop: broker-2}
",
    ));
    assert!(!told.contains("leads nothing any more"), "{told}");
    let stops = line(&told, "has handed over what others can lead");
    assert!(
        stops.contains("nobody else holds audit-0: writes wait there"),
        "{stops}"
    );
}

#[test]
fn what_a_broker_follows_after_a_stop_and_after_its_disk_was_wiped_is_told() {
    let told = told(&play(
        "duration: 60s
cluster: {brokers: 3}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, value: number, every: 1s, acks: all}
timeline:
  - {at: 10s, stop: broker-2}
  - {at: 15s, restart: broker-2}
  - {at: 30s, stop: broker-2}
  - {at: 32s, wipe disk: broker-2}
  - {at: 35s, restart: broker-2}
",
    ));
    let follows: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("broker-2") && line.contains("follows broker-1 in t-0"))
        .collect();
    assert_eq!(follows.len(), 2, "{told}");
    assert!(!follows[0].contains("log ends at 0)"), "{follows:?}");
    assert!(follows[1].contains("log ends at 0)"), "{follows:?}");
    let empty = line(&told, "finds no log on its disk");
    assert_eq!(time(empty), 35);
    assert!(!told.contains("1 partitions"), "{told}");
}

#[test]
fn zb15_a_wiped_zookeeper_turns_brokers_away_and_tools_ask_their_caches() {
    let report = play(
        "duration: 40s
cluster: {zookeeper: 1, brokers: 2}
topics:
  t: {assignment: [[1, 2]]}
producers:
  p: {topic: t, value: number, every: 1s, acks: all}
timeline:
  - {at: 10s, stop: zookeeper-1}
  - {at: 12s, wipe disk: zookeeper-1}
  - {at: 14s, restart: zookeeper-1}
",
    );
    let told = told(&report);
    let serves = told
        .lines()
        .find(|line| time(line) >= 14 && line.contains("zookeeper-1") && line.contains("serves"));
    assert!(
        serves.is_some_and(|l| l.contains("an empty tree")),
        "{told}"
    );
    let refused = line(&told, "turns clients away that have seen more than it has");
    assert!((14..30).contains(&time(refused)), "{refused}");
    let view = report.view();
    let described = view.described().expect("brokers run");
    assert_eq!(described.cache_of, Some(1));
    let topics = kafka_topics_describe(&view, report.plan.cluster.kafka_version, false);
    assert!(
        topics.contains("Partition: 0\tLeader: 1\tReplicas: 1,2\tIsr: 1,2"),
        "{topics}"
    );
    assert!(kafka_get_offsets(&view, false).starts_with("t:0:"));
}

#[test]
fn no_tool_answers_where_no_broker_runs() {
    let report = play(
        "duration: 20s
cluster: {brokers: 2}
topics:
  t: {assignment: [[1, 2]]}
timeline:
  - {at: 10s, crash: all brokers}
",
    );
    assert_eq!(report.view().described(), None);
    assert!(!report.view().committed().is_empty());
}

#[test]
fn what_is_sent_with_acks_0_is_acknowledged_by_nobody() {
    let report = play(
        "duration: 20s
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, value: number, every: 1s, acks: 0}
",
    );
    let told = told(&report);
    assert!(told.contains("p: records sent with acks=0 "), "{told}");
    assert!(!told.contains("acknowledged"), "{told}");
}

#[test]
fn records_that_are_given_up_for_long_are_told_again_and_counted() {
    let report = play(
        "duration: 90s
cluster: {brokers: 1}
topics:
  t: {partitions: 1, replication.factor: 1}
producers:
  p: {topic: t, value: number, every: 1s, acks: all, config: {delivery.timeout.ms: 5000, request.timeout.ms: 2000, linger.ms: 0}}
timeline:
  - {at: 10s, crash: broker-1}
",
    );
    let told = told(&report);
    let failed = |fact: &Fact| matches!(fact, Fact::Failed { .. });
    let given_up = report.trace.iter().filter(|entry| failed(&entry.fact));
    let given_up = given_up.count();
    assert!(given_up > 50, "{given_up}");
    assert!(
        told.contains(&format!("p: records given up {given_up}")),
        "{told}"
    );
    let lines = told.lines().filter(|line| line.contains("give up with"));
    assert!((5..=12).contains(&lines.count()), "{told}");
}

#[test]
fn each_rule_of_retention_tells_where_it_left_the_log_start() {
    let report = play(
        "duration: 60s
cluster: {brokers: 1, config: {log.initial.task.delay.ms: 5000, log.retention.check.interval.ms: 20000}}
topics:
  t: {partitions: 1, replication.factor: 1, config: {retention.ms: 10000, segment.ms: 2000}}
producers:
  p: {topic: t, value: number, every: 200ms, acks: all}
timeline:
  - {at: 30s, delete records: t-0, before: 95}
",
    );
    // Of one moment: what lay before the log start, which that does not move, then what is too old.
    let deleted: Vec<(u64, &str, i64)> = report
        .trace
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::SegmentsDeleted {
                why,
                log_start_offset,
                ..
            } => Some((entry.event, &**why, *log_start_offset)),
            _ => None,
        })
        .collect();
    let pair = deleted
        .windows(2)
        .find(|pair| pair[0].0 == pair[1].0)
        .unwrap_or_else(|| panic!("two rules at once: {deleted:?}"));
    assert_eq!((pair[0].1, pair[0].2), ("the log start", 95));
    // It names what was too old.
    let why = "retention.ms, their newest timestamp is 17174016";
    assert!(pair[1].1.starts_with(why) && pair[1].2 > 95, "{pair:?}");
}

#[test]
fn faults_say_between_whom_and_by_how_much() {
    let told = told(&play(
        "duration: 30s
cluster: {zookeeper: 3, brokers: 2}
topics:
  t: {assignment: [[1, 2]]}
timeline:
  - {at: 10s, for: 1s, cut link: broker-1, to: broker-2}
  - {at: 12s, for: 1s, cut link: zookeeper-3, to: all zookeepers}
  - {at: 14s, for: 1s, slow disk: broker-1, times: 100}
  - {at: 16s, for: 1s, slow machine: broker-1, times: 7}
  - {at: 18s, jump clock: broker-1, by: -5s}
  - {at: 20s, for: 1s, drift clock: broker-1, ppm: 200}
",
    ));
    for words in [
        "network cut between broker-1 and broker-2",
        "network cut between zookeeper-3 and zookeeper-1, zookeeper-2 (",
        "slow disk of broker-1: all takes 100 times as long",
        "slow machine broker-1: all its work takes 7 times as long",
        "the clock of broker-1 jumps back by 5s",
        "the clock of broker-1 drifts: 200 µs too many each second",
    ] {
        line(&told, words);
    }
}

/// Where the reader `c` of these options reads on, at the first line with these words.
fn reads_on(options: &str, topic: &str, words: &str) -> String {
    let told = told(&play(&format!(
        "duration: 3m
cluster: {{brokers: 3, config: {{log.retention.check.interval.ms: 5000}}}}
topics:
  t: {{partitions: 1, replication.factor: 3, config: {topic}}}
producers:
  p: {{topic: t, value: number, every: 1s, start: 5s, stop: 60s}}
consumers:
  c: {{topics: [t], {options}}}
"
    )));
    let on = told.lines().find(|line| line.contains(words));
    on.unwrap_or_else(|| panic!("no {words} in:\n{told}"))
        .to_owned()
}

#[test]
fn what_poll_has_given_an_application_is_not_told_as_skipped() {
    let on = reads_on(
        "processing: 3s, config: {group.id: g, max.poll.records: 10}",
        "{segment.ms: 10000, retention.ms: 20000, file.delete.delay.ms: 1000}",
        "skipped",
    );
    // The rest of what it was given is worked off, though the log has lost that too.
    let number = |before: &str| -> i64 {
        let rest = on.split_once(before).expect(before).1;
        let end = rest.find(|c: char| !c.is_ascii_digit()).expect("words");
        rest[..end].parse().expect("a number")
    };
    let skipped = number("only: ");
    let (begins, given) = (number("t-0 offset "), number("it was given all up to "));
    assert_eq!(skipped, begins - given - 1, "{on}");
    assert_eq!(given + 1, number("since offset "), "{on}");
}

#[test]
fn records_that_are_nowhere_are_not_told_as_skipped() {
    let on = reads_on(
        "config: {group.id: g}, steps: [{when: 90s, do: seek all to 100000}]",
        "{}",
        "its application seeks",
    );
    assert!(
        on.contains("t-0 offset 100000 (past the end of what is committed: high watermark 55) on"),
        "{on}"
    );
}

#[test]
fn who_has_no_position_and_no_reset_policy_polls_again_and_that_is_told() {
    let on = reads_on(
        "config: {group.id: g, auto.offset.reset: none}",
        "{}",
        "cannot read (NoOffsetForPartitionException)",
    );
    let again = ": t-0: its application polls again, and is given nothing of any partition while one of its own has no position";
    assert!(on.ends_with(again), "{on}");
}

/// The answer would come after the end: the question is not forgotten.
#[test]
fn a_question_about_a_group_that_is_open_at_the_end_is_told() {
    let remarks = |at: &str| {
        play(&format!(
            "duration: 30s
cluster: {{brokers: 1}}
topics:
  t: {{partitions: 1, replication.factor: 1}}
consumers:
  c: {{topics: [t], config: {{group.id: g}}}}
timeline:
  - {{at: {at}, describe group: g}}
"
        ))
        .remarks
    };
    assert_eq!(remarks("20s"), Vec::<String>::new());
    let open = "describe group g: unanswered when the run ended";
    assert_eq!(remarks("29999ms"), [open]);
}
