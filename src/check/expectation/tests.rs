//! Each expectation seen to hold and seen to fail, on one made-up history of a leader's crash.

mod groups;
mod records;
mod story;

use self::story::{Story, created, expected};
use super::judge;
use crate::check::EndOfRun;
use crate::check::testing::{acked, consumed, position, tp};
use crate::kernel::Duration;
use crate::plan::{Action, ConsumerPlan, Entry, Healing, Moment, Plan, TopicPlan, When};
use crate::protocol::zab::SyncMode;
use crate::protocol::{ApplicationFact, ErrorCode, Fact, GroupFact, MessageFact, Part, ShellFact};

fn snapshot(name: &str, outcomes: &[String]) {
    insta::with_settings!({
        snapshot_path => "../../../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, outcomes.join("\n"));
    });
}

#[test]
fn every_sentence_that_is_true_of_the_story_holds_with_its_figures() {
    let mut story = Story::new();
    let true_ones = [
        "no acknowledged record is lost",
        "acknowledged records lost: 0",
        "offsets used twice: 0",
        "offsets at which replicas differ: 0",
        "t-0 is led by another broker within 16s of the crash",
        "t-0 is led by broker-2 at the end",
        "t-1 gets a leader from outside the ISR",
        "the controller stays",
        "a session expires within 21s of the crash",
        "the ISR of t-0 shrinks within 21s of the crash",
        "the ISR of t-0 is full again within 2s of the restart",
        "the ISR of t-0 is full at the end",
        "a replica of t-0 truncates its log",
        "writes to t-1 are refused with NOT_ENOUGH_REPLICAS",
        "no write to t-1 is acknowledged",
        "a write to t-0 is acknowledged within 20s of the crash",
        "writes to t-1 stall",
        "every acknowledged record is read",
        "dashboard reads every acknowledged record",
        "records read by dashboard: 3",
        "duplicates read by dashboard: 0",
        "dashboard reads a record within 20s of the crash",
        "dashboard reads the records of each key in order",
        "records acknowledged to trucks: 3",
        "records acknowledged in t-0: 3",
        "records failed at trucks: at least 1",
        "dashboard bootstraps from broker-2",
        "p99 produce latency: 10ms",
    ];
    let outcomes: Vec<String> = true_ones
        .iter()
        .map(|sentence| story.says(sentence))
        .collect();
    snapshot("expectations_that_hold", &outcomes);
}

#[test]
fn every_sentence_that_is_false_of_the_story_fails_with_its_figures() {
    let mut story = Story::new();
    let false_ones = [
        "acknowledged records lost: 1",
        "offsets used twice: 1",
        "offsets at which replicas differ: 1",
        "t-0 is led by another broker within 15s of the crash",
        "t-0 is led by another broker within 15s of the restart",
        "t-0 is led by another broker within 15s of the pause",
        "t-0 is led by broker-3 at the end",
        "t-0 keeps its leader",
        "no election happens",
        "no unclean election happens",
        "t-0 gets a leader from outside the ISR",
        "another controller is elected within 20s of the crash",
        "no session expires",
        "a session expires within 14s of the crash",
        "the ISR of t-0 shrinks within 15s of the crash",
        "the ISR of t-1 is full again within 2s of the restart",
        "the ISR of t-0 stays as it is",
        "the ISR of t-1 is full at the end",
        "every ISR is full at the end",
        "a replica of t-1 truncates its log",
        "writes to t-0 are refused with NOT_ENOUGH_REPLICAS",
        "no write to t-0 is acknowledged",
        "a write to t-1 is acknowledged within 20s of the crash",
        "writes to t-0 stall",
        "records read by dashboard: 4",
        "duplicates read by dashboard: 1",
        "dashboard reads a record within 15s of the crash",
        "dashboard reads records of different partitions out of order",
        "records acknowledged to trucks: at most 2",
        "records acknowledged in t-1: at least 1",
        "records failed at trucks-1: at least 1",
        "dashboard bootstraps from broker-1",
        "p99 produce latency: 4ms",
    ];
    let outcomes: Vec<String> = false_ones
        .iter()
        .map(|sentence| story.says(sentence))
        .collect();
    snapshot("expectations_that_fail", &outcomes);
}

#[test]
fn what_becomes_of_logs_on_disk_is_seen() {
    let mut story = Story::new();
    let sentences = [
        "old segments of t-0 are deleted",
        "a log of t-0 is repaired at a start",
        "broker-2 gives up its log directory",
        "dashboard meets OffsetOutOfRangeException",
    ];
    for sentence in sentences {
        assert!(story.says(sentence).starts_with("FAILED"), "{sentence}");
    }
    let none = "no log is repaired at a start";
    assert!(story.says(none).starts_with("held"));
    let partition = || tp("t-0");
    for (node, fact) in [
        (
            "broker-1",
            Fact::SegmentsDeleted {
                partition: partition(),
                segments: 2,
                log_start_offset: 31,
                why: "retention.ms".into(),
            },
        ),
        (
            "broker-2",
            Fact::LogRepaired {
                partition: partition(),
                what: "cut 7 bad bytes off segment 0: the log ends at 9".into(),
            },
        ),
        (
            "broker-2",
            Fact::LogDirFailed {
                why: "data/t-0: no space left on device".into(),
            },
        ),
        (
            "dashboard",
            Fact::ConsumerError {
                partition: partition(),
                exception: "OffsetOutOfRangeException".into(),
            },
        ),
    ] {
        story.add(82_000, node, fact);
    }
    for sentence in sentences {
        assert!(story.says(sentence).starts_with("held"), "{sentence}");
    }
    assert!(story.says(none).starts_with("FAILED"));
}

#[test]
fn what_a_group_a_commit_and_an_application_throw_is_met() {
    let group = || "g".into();
    let facts: [(&str, Fact); 7] = [
        (
            "RecordTooLargeException",
            Fact::Message(MessageFact::DeadLetterFailed {
                partition: tp("t-0"),
                offset: 3,
                exception: "RecordTooLargeException".into(),
            }),
        ),
        (
            "FencedInstanceIdException",
            GroupFact::Failed {
                group: group(),
                exception: "FencedInstanceIdException".into(),
            }
            .into(),
        ),
        (
            "CommitFailedException",
            GroupFact::CommitFailed {
                group: group(),
                exception: "CommitFailedException".into(),
            }
            .into(),
        ),
        (
            "RecordDeserializationException",
            Fact::Message(MessageFact::NotDeserialized {
                partition: tp("t-0"),
                offset: 3,
                part: Part::Value,
                expected: "".into(),
                found: "".into(),
                times: 1,
            }),
        ),
        (
            "IllegalStateException",
            ApplicationFact::CallThrew {
                call: "position".into(),
                partition: tp("t-0"),
                exception: "IllegalStateException".into(),
            }
            .into(),
        ),
        (
            "KafkaException",
            ApplicationFact::ListenerThrew {
                callback: "onPartitionsLost".into(),
                is_caught: true,
                in_close: false,
            }
            .into(),
        ),
        (
            "RuntimeException",
            ApplicationFact::Failed {
                partition: tp("t-0"),
                offset: 3,
                why: "RuntimeException".into(),
            }
            .into(),
        ),
    ];
    for (exception, fact) in facts {
        let mut story = Story::new();
        story.add(82_000, "dashboard", fact);
        let told = story.says(&format!("dashboard meets {exception}"));
        assert!(told.starts_with("held"), "{told}");
        let told = story.says("dashboard meets TimeoutException");
        assert!(
            told.ends_with(&format!("it met only {exception}")),
            "{told}"
        );
    }
}

#[test]
fn zookeeper_loses_its_past_when_it_serves_less_than_was_committed() {
    let mut story = Story::new();
    let sentence = "zookeeper loses its past";
    for (ms, last_zxid, held) in [(50_000, 7, false), (51_000, 7, false), (52_000, 3, true)] {
        story.add(ms, "zookeeper-1", Fact::ZooKeeperServing { last_zxid });
        assert_eq!(story.says(sentence).starts_with("held"), held);
    }
}

#[test]
fn what_zookeeper_does_and_answers_is_seen() {
    let mut story = Story::new();
    let sentences = [
        "zookeeper has a leader within 11s of the crash",
        "zookeeper-1 is brought up to date by TRUNC",
        "reader asks get /route and is answered north",
    ];
    for sentence in sentences {
        assert!(story.says(sentence).starts_with("FAILED"), "{sentence}");
    }
    let nobody = "zookeeper elects no leader";
    assert!(story.says(nobody).starts_with("held"));
    let answered = |command: &str, answer: &str| {
        Fact::Shell(ShellFact::Ended {
            command: command.into(),
            answer: answer.into(),
            lost: None,
        })
    };
    for (ms, node, fact) in [
        (
            41_000,
            "zookeeper-2",
            Fact::ZooKeeperLeads {
                epoch: 2,
                last_zxid: 7,
                synchronised: vec![2, 3],
            },
        ),
        (
            42_000,
            "zookeeper-2",
            Fact::LearnerSynchronised {
                learner: 1,
                last_zxid: 8,
                mode: SyncMode::Trunc,
                transactions: 0,
            },
        ),
        (43_000, "reader", answered("get /route", "north")),
        (44_000, "reader", answered("set /route south", "version 1")),
        (45_000, "writer", answered("get /route", "south")),
    ] {
        story.add(ms, node, fact);
    }
    story.entries.sort_by_key(|entry| entry.time);
    for sentence in sentences {
        assert!(story.says(sentence).starts_with("held"), "{sentence}");
    }
    for sentence in [
        nobody,
        "zookeeper has a leader within 10s of the crash",
        "zookeeper has a leader within 10s of the restart",
        "zookeeper-3 is brought up to date by TRUNC",
        "zookeeper-1 is brought up to date by SNAP",
        "reader asks get /route and is answered south",
        "writer asks get /route and is answered north",
    ] {
        assert!(story.says(sentence).starts_with("FAILED"), "{sentence}");
    }
    // One other answer is enough.
    story.add(90_000, "reader", answered("get /route", "south"));
    let early = expected(sentences[2]).until(Duration::from_secs(60));
    assert!(story.judge(early).starts_with("held"));
    assert!(story.says(sentences[2]).starts_with("FAILED"));
}

#[test]
fn a_window_leaves_out_what_lies_outside() {
    let mut story = Story::new();
    let early = expected("no election happens").until(Duration::from_secs(30));
    assert_eq!(
        story.judge(early),
        "held: no election happens, until 30s — no leader changed"
    );
    let late = expected("no session expires").from(Duration::from_secs(50));
    assert_eq!(
        story.judge(late),
        "held: no session expires, from 50s — none did"
    );
    let first = expected("records acknowledged to trucks: 2");
    let figures = story.judge(first.until(Duration::from_secs(10)));
    assert!(figures.ends_with("— 2"), "{figures}");
}

#[test]
fn a_lost_record_an_unread_one_and_disorder_are_seen() {
    let mut story = Story::new();
    story.add(81_000, "trucks-1", created("trucks-1#2", "t-1", "x"));
    story.add(81_000, "trucks-1", created("trucks-1#3", "t-0", "y"));
    story.add(81_000, "trucks-1", acked("trucks-1#2", "t-1", 5, "x"));
    story.add(90_000, "dashboard", consumed("t-0", 3, "y"));
    story.add(90_000, "dashboard", consumed("t-1", 5, "x"));
    story.add(90_000, "dashboard", consumed("t-1", 6, "x"));
    assert!(
        story
            .says("no acknowledged record is lost")
            .starts_with("FAILED")
    );
    assert!(
        story
            .says("acknowledged records lost: 1")
            .starts_with("held")
    );
    assert!(
        story
            .says("duplicates read by dashboard: 1")
            .starts_with("held")
    );
    // Another record than "y" at offset 3 of t-0, and "d" at offset 0 of t-1, whose log holds "d".
    assert!(story.says("offsets used twice: 0").starts_with("held"));
    story.add(90_500, "dashboard", consumed("t-0", 3, "z"));
    story.add(90_500, "dashboard", consumed("t-1", 0, "e"));
    assert_eq!(
        story.says("offsets used twice: 2"),
        "held: offsets used twice: 2 — 2, in 8 reads"
    );
    assert_eq!(
        story.says("dashboard reads records of different partitions out of order"),
        "held: dashboard reads records of different partitions out of order — dashboard read trucks-1#3 before trucks-1#2"
    );
    assert!(
        story
            .says("dashboard reads the records of each key in order")
            .starts_with("FAILED")
    );
    story.add(91_000, "trucks-1", acked("trucks-1#3", "t-0", 7, "y"));
    story.add(99_000, "broker-1", Fact::Serving);
    assert_eq!(
        story.says("every acknowledged record is read"),
        "FAILED: every acknowledged record is read — dashboard did not read trucks-1#3 (t-0 offset 7)"
    );
}

#[test]
fn a_fault_without_a_target_fails_unless_it_is_optional() {
    let mut story = Story::new();
    story.plan.expect.clear();
    for (text, optional) in [("nobody is paused", true), ("nobody leads t-9", false)] {
        let text = text.into();
        story.add(95_000, "broker-1", Fact::NobodyFits { text, optional });
    }
    let outcomes = judge(
        &story.plan,
        &story.entries,
        &EndOfRun::new(&story.scene),
        None,
    );
    let outcomes: Vec<String> = outcomes.iter().map(ToString::to_string).collect();
    assert_eq!(
        outcomes,
        ["FAILED: every line of the timeline finds its target — at 1m35s, nobody leads t-9"]
    );
}

#[test]
fn a_line_whose_moment_never_comes_fails_unless_it_is_optional() {
    let mut story = Story::new();
    story.plan.expect.clear();
    let waiting = |optional| {
        let moment = When::On {
            moment: Moment::ControllerElected,
            after: Duration::ZERO,
            from: Duration::ZERO,
        };
        let entry = Entry::new(moment, Action::Heal(Healing::Everything));
        if optional { entry.optional() } else { entry }
    };
    story.plan.timeline = vec![waiting(true), waiting(false), waiting(false)];
    let (entry, end, text) = (1, false, "healing".into());
    story.add(95_000, "operator", Fact::TimelineEvent { entry, end, text });
    let judged = |plan: &Plan| {
        let outcomes = judge(plan, &story.entries, &EndOfRun::new(&story.scene), None);
        outcomes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        judged(&story.plan),
        [
            "FAILED: every line of the timeline comes to pass — heal waited for \"a controller is elected\", which never was"
        ]
    );
    let mut cut = story.plan.clone();
    cut.until = Some(Duration::from_secs(1));
    assert_eq!(judged(&cut), [""; 0]);
}

#[test]
fn a_topic_that_is_never_made_fails() {
    let mut story = Story::new();
    story.plan.expect.clear();
    story.plan.topics.push(TopicPlan::new("late"));
    let judged = |story: &Story, stopped| {
        let end = EndOfRun::new(&story.scene);
        let outcomes = judge(&story.plan, &story.entries, &end, stopped);
        outcomes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let sentence = "FAILED: every topic of the plan is made — create topic late:";
    assert_eq!(
        judged(&story, None),
        [format!("{sentence} nobody answered")]
    );
    let refused = Fact::AdminAnswered {
        what: "create topic late".into(),
        creates: Some("late".into()),
        error: ErrorCode::InvalidReplicationFactor,
    };
    story.add(95_000, "admin", refused);
    assert_eq!(
        judged(&story, None),
        [format!(
            "{sentence} refused with INVALID_REPLICATION_FACTOR"
        )]
    );
    assert_eq!(judged(&story, Some("a property broke")), [""; 0]);
}

#[test]
fn nothing_is_judged_of_a_run_that_a_broken_property_ended() {
    let mut story = Story::new();
    story.plan.expect = vec![expected("no acknowledged record is lost")];
    let end = EndOfRun::new(&story.scene);
    let outcomes = judge(&story.plan, &story.entries, &end, Some("a property broke"));
    assert_eq!(
        outcomes[0].to_string(),
        "not judged: no acknowledged record is lost — a property broke"
    );
}

#[test]
fn equal_records_are_read_one_by_one() {
    let mut story = Story::new();
    // Two were acknowledged at one offset, one of them was read.
    story.add(80_000, "trucks-1", acked("trucks-1#8", "t-0", 9, "same"));
    story.add(80_001, "dashboard", consumed("t-0", 9, "same"));
    assert!(
        story
            .says("every acknowledged record is read")
            .starts_with("held")
    );
    story.add(81_000, "trucks-1", acked("trucks-1#9", "t-0", 9, "same"));
    story.add(99_000, "broker-1", Fact::Serving);
    assert_eq!(
        story.says("every acknowledged record is read"),
        "FAILED: every acknowledged record is read — dashboard did not read trucks-1#9 (t-0 offset 9)"
    );
}

#[test]
fn members_of_a_group_read_everything_together() {
    let mut story = Story::new();
    story.plan.consumers = ["a", "b"]
        .map(|name| ConsumerPlan::new(name, "t").config("group.id", "g"))
        .into();
    let first = || position("t-0", 0);
    story
        .entries
        .retain(|entry| !matches!(entry.fact, Fact::Acked { .. }));
    for (at, who, number) in [(80_000, "a", 0), (81_000, "b", 1)] {
        let (record, value) = (format!("trucks-1#{number}"), format!("v{number}"));
        story.add(at, who, first());
        story.add(at, "trucks-1", acked(&record, "t-0", number, &value));
        story.add(at + 10, who, consumed("t-0", number, &value));
    }
    story.add(99_000, "broker-1", Fact::Serving);
    // Another, of which one member begins where nothing is.
    let mut other = ConsumerPlan::new("c", "t").config("group.id", "h");
    other.topics.push("u".into());
    story.plan.consumers.push(other);
    story.add(82_000, "c", position("u-0", 0));
    story.add(82_000, "c", position("t-0", 2));
    let sentence = "every acknowledged record is read";
    assert_eq!(
        story.says(sentence),
        format!("held: {sentence} — group g read 2 of them")
    );
    story.add(99_100, "trucks-1", acked("trucks-1#2", "t-0", 2, "v2"));
    story.add(109_000, "broker-1", Fact::Serving);
    assert_eq!(
        story.says(sentence),
        format!("FAILED: {sentence} — group g did not read trucks-1#2 (t-0 offset 2)")
    );
}
