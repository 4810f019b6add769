//! How a run reads: a leader's crash told as a story, stalls, what is folded and what repeats.

use super::*;
use crate::protocol::{RecordId, StateWriteReason};

fn entries(facts: Vec<(u64, &str, Fact)>) -> Vec<TraceEntry> {
    let numbered = facts.into_iter().enumerate();
    numbered
        .map(|(event, (ms, node, fact))| TraceEntry {
            event: event as u64,
            time: Time(ms * 1_000_000),
            node: node.into(),
            fact,
        })
        .collect()
}

fn trucks(partition: i32) -> TopicPartition {
    TopicPartition::new("trucks_gps", partition)
}

fn acked(number: u64) -> Fact {
    Fact::Acked {
        record: RecordId {
            producer: "trucks-1".into(),
            number,
        },
        partition: trucks(0),
        offset: number as i64,
        content: number,
        latency_ns: 3_000_000,
        attempts: 1,
    }
}

fn state(partition: i32, leader: i32, epoch: i32, isr: &[i32], reason: StateWriteReason) -> Fact {
    Fact::StateWritten {
        partition: trucks(partition),
        leader,
        leader_epoch: epoch,
        isr: isr.to_vec(),
        partition_epoch: epoch,
        controller_epoch: 1,
        reason,
    }
}

fn leader_crash() -> Vec<TraceEntry> {
    let new = StateWriteReason::NewPartition;
    let appends = |first, last, as_leader| Fact::Appended {
        partition: trucks(1),
        base_offset: first,
        last_offset: last,
        leader_epoch: 0,
        as_leader,
        acks_all: as_leader,
    };
    let commits = |high_watermark| Fact::HighWatermarkMoved {
        partition: trucks(1),
        high_watermark,
        as_leader: true,
    };
    entries(vec![
        (0, "broker-1", Fact::Started),
        (
            5,
            "broker-3",
            Fact::ControllerElected {
                controller_epoch: 1,
            },
        ),
        (
            6,
            "zookeeper-1",
            Fact::SessionOpened {
                session: 9,
                timeout_ms: 18_000,
            },
        ),
        (
            7,
            "broker-1",
            Fact::ZooKeeperConnected {
                session: 9,
                resumed: false,
            },
        ),
        (90, "broker-3", state(0, 1, 0, &[1, 2, 3], new)),
        (90, "broker-3", state(1, 2, 0, &[2, 3, 1], new)),
        (
            91,
            "broker-2",
            Fact::BecameLeader {
                partition: trucks(1),
                leader_epoch: 0,
                log_end_offset: 0,
                high_watermark: 0,
                isr: vec![2, 3, 1],
            },
        ),
        (900, "broker-2", appends(0, 30, true)),
        (901, "broker-2", commits(31)),
        (1_000, "trucks-1", acked(0)),
        (2_000, "trucks-1", acked(1)),
        (
            30_000,
            "broker-1",
            Fact::TimelineEvent {
                entry: 0,
                end: false,
                text: "crash: leader of trucks_gps-0, broker-1".into(),
            },
        ),
        (30_000, "broker-1", Fact::Crashed),
        (30_000, "broker-2", appends(31, 31, true)),
        (30_001, "broker-3", appends(31, 31, false)),
        (30_500, "broker-2", appends(32, 32, true)),
        (
            45_000,
            "zookeeper-1",
            Fact::SessionExpired {
                session: 9,
                ephemerals: vec!["/brokers/ids/1".into()],
            },
        ),
        (
            45_001,
            "broker-3",
            Fact::BrokersChanged {
                new: vec![],
                dead: vec![1],
                bounced: vec![],
            },
        ),
        (
            45_002,
            "broker-3",
            state(0, 2, 1, &[2, 3], StateWriteReason::OfflineElection),
        ),
        (
            45_003,
            "broker-3",
            state(1, 2, 1, &[2, 3], StateWriteReason::ReplicaOffline),
        ),
        (
            45_005,
            "broker-2",
            Fact::BecameLeader {
                partition: trucks(0),
                leader_epoch: 1,
                log_end_offset: 31,
                high_watermark: 30,
                isr: vec![2, 3],
            },
        ),
        (45_006, "broker-2", commits(33)),
        (45_010, "trucks-1", acked(2)),
        (75_000, "broker-1", Fact::Started),
        (
            76_000,
            "broker-3",
            state(0, 2, 1, &[2, 3, 1], StateWriteReason::AlterPartition),
        ),
    ])
}

#[test]
fn a_leader_crash_reads_like_a_story() {
    insta::with_settings!({
        snapshot_path => "../../../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(
            "transcript_of_a_leader_crash",
            transcript(&leader_crash(), Style::default())
        );
    });
}

#[test]
fn an_excerpt_is_cut_where_an_entry_begins() {
    let entries = leader_crash();
    let whole: Vec<String> = {
        let mut transcript = Transcript::new(Style::default());
        entries.iter().for_each(|entry| transcript.push(entry));
        transcript.finish()
    };
    let crash = entries
        .iter()
        .position(|entry| entry.fact == Fact::Crashed)
        .unwrap();
    let (before, since) = excerpt(&entries, crash, 2);
    assert_eq!(before.len(), 2);
    assert!(
        before[1].contains("crash: leader of trucks_gps-0"),
        "{before:?}"
    );
    assert!(since[0].contains("crashes (kill -9)"), "{since:?}");
    let (all_before, same_since) = excerpt(&entries, crash, usize::MAX);
    assert_eq!([all_before, same_since].concat(), whole);
}

#[test]
fn verbose_tells_every_fact() {
    let entries = leader_crash();
    let text = transcript(&entries, Style { verbose: true });
    let (_legend, told) = text.split_once("\n\n").unwrap();
    // The stall and its end are nobody's facts.
    assert_eq!(told.lines().count(), entries.len() + 2);
}

#[test]
fn ct33_a_stall_after_a_crash_is_called_no_bug() {
    let text = transcript(&leader_crash(), Style::default());
    let line = text
        .lines()
        .find(|line| line.contains("acks=all waits"))
        .unwrap();
    assert!(
        line.contains("broker-1 crashed at 30.000 s and is still in the ISR"),
        "{line}"
    );
    assert!(line.contains("12 to 21 s after the crash"), "{line}");
    assert!(line.contains("no bug"), "{line}");
    assert_eq!(
        text.matches("acks=all waits").count(),
        1,
        "a second write that waits is the same stall"
    );
}

#[test]
fn ct33_a_pause_says_what_it_holds_up_and_for_how_long() {
    let mut facts = leader_crash();
    let crash = facts
        .iter()
        .position(|entry| entry.fact == Fact::Crashed)
        .unwrap();
    facts[crash].fact = Fact::Paused;
    let text = transcript(&facts, Style::default());
    let line = |words| text.lines().find(|line| line.contains(words)).unwrap();
    let pause = line("is paused: it answers nothing");
    assert!(
        pause.contains("acks=all waits wherever it is in the ISR")
            && pause.contains(
                "until it goes on, or ZooKeeper gives up its session (12 to 21 s after the pause)"
            ),
        "{pause}"
    );
    let stall = line("acks=all waits on trucks_gps-1");
    assert!(
        stall.contains("broker-1 has been paused since 30.000 s")
            && stall.contains("(12 to 21 s after the pause)"),
        "{stall}"
    );
}

#[test]
fn several_brokers_have_come() {
    let seen = |new: &[i32], dead: &[i32]| Fact::BrokersChanged {
        new: new.to_vec(),
        dead: dead.to_vec(),
        bounced: vec![],
    };
    let facts = vec![
        (0, "broker-1", seen(&[2, 3], &[])),
        (9, "broker-1", seen(&[4], &[2, 3])),
    ];
    let text = transcript(&entries(facts), Style::default());
    assert!(text.contains("broker-2 and broker-3 have come\n"), "{text}");
    assert!(
        text.contains("broker-4 has come; broker-2 and broker-3 are gone"),
        "{text}"
    );
}

#[test]
fn a_repeated_refusal_is_told_once_until_it_has_been_silent() {
    let refused = || Fact::ProduceRefused {
        partition: trucks(0),
        error: crate::protocol::ErrorCode::NotEnoughReplicas,
    };
    let every_second = (0..20).map(|s| (s * 1_000, "broker-1", refused()));
    let facts = every_second
        .chain([(60_000, "broker-1", refused())])
        .collect();
    let text = transcript(&entries(facts), Style::default());
    assert_eq!(text.matches("refuses writes").count(), 2);
}

#[test]
fn the_first_record_that_each_producer_gives_up_is_told() {
    let fails = |producer: &'static str, number| Fact::Failed {
        record: RecordId {
            producer: producer.into(),
            number,
        },
        partition: trucks(0),
        exception: "RecordTooLargeException".into(),
        attempts: 1,
    };
    let text = transcript(
        &entries(vec![
            (5_001, "huge", fails("huge", 1)),
            (5_102, "big", fails("big", 1)),
            (6_000, "big", fails("big", 2)),
        ]),
        Style::default(),
    );
    assert!(text.contains("huge#1") && text.contains("big#1"), "{text}");
    assert!(!text.contains("big#2"), "{text}");
}

#[test]
fn what_could_not_be_committed_is_told_every_ten_seconds_with_how_often() {
    let fails = |exception: &str| {
        Fact::Group(GroupFact::CommitFailed {
            group: "g".into(),
            exception: exception.into(),
        })
    };
    let often = (0..21).map(|s| (s * 1_000, "c", fails("CommitFailedException")));
    let other = (20_500, "c", fails("TimeoutException"));
    let text = transcript(&entries(often.chain([other]).collect()), Style::default());
    let (words, left_out) = (
        "could not commit how far it has read for group g: ",
        "CommitFailedException (9 others since the last such line)\n",
    );
    assert_eq!(text.matches(words).count(), 4, "{text}");
    assert_eq!(text.matches(left_out).count(), 2, "{text}");
    assert!(text.contains("TimeoutException\n"), "{text}");
}
