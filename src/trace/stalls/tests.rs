//! Scenes of stalls: who waits since when, what is named as the cause, and what is none.

use super::*;
use crate::protocol::{LinkFault, MachineFault, StateWriteReason};
use crate::trace::{Style, transcript};

fn t0() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn entries(facts: Vec<(u64, &str, Fact)>) -> Vec<TraceEntry> {
    let entry = |(event, (ms, node, fact)): (u64, (u64, &str, Fact))| TraceEntry {
        event,
        time: Time(ms * 1_000_000),
        node: node.into(),
        fact,
    };
    (0..).zip(facts).map(entry).collect()
}

/// Broker 1 leads, 2 and 3 follow; all is committed up to 10, and a consumer has read it.
fn start(with_reader: bool) -> Vec<(u64, &'static str, Fact)> {
    let follows = || Fact::BecameFollower {
        partition: t0(),
        leader: 1,
        leader_epoch: 0,
        log_end_offset: 10,
        high_watermark: 10,
    };
    let mut facts = vec![
        (
            0,
            "broker-1",
            Fact::BrokerConfigured {
                replica_lag_time_max_ms: 10_000,
            },
        ),
        (
            0,
            "broker-1",
            Fact::StateWritten {
                partition: t0(),
                leader: 1,
                leader_epoch: 0,
                isr: vec![1, 2, 3],
                partition_epoch: 0,
                controller_epoch: 1,
                reason: StateWriteReason::NewPartition,
            },
        ),
        (
            0,
            "broker-1",
            Fact::BecameLeader {
                partition: t0(),
                leader_epoch: 0,
                log_end_offset: 10,
                high_watermark: 10,
                isr: vec![1, 2, 3],
            },
        ),
        (0, "broker-2", follows()),
        (0, "broker-3", follows()),
    ];
    if with_reader {
        facts.push((0, "reader", reads(9)));
    }
    facts
}

fn reads(offset: i64) -> Fact {
    Fact::Consumed {
        partition: t0(),
        offset,
        leader_epoch: 0,
        content: 0,
    }
}

fn appends(offset: i64, as_leader: bool, acks_all: bool) -> Fact {
    Fact::Appended {
        partition: t0(),
        base_offset: offset,
        last_offset: offset,
        leader_epoch: 0,
        as_leader,
        acks_all,
    }
}

fn moves(high_watermark: i64) -> Fact {
    Fact::HighWatermarkMoved {
        partition: t0(),
        high_watermark,
        as_leader: true,
    }
}

/// What stands still until the last entry.
fn stalls(facts: Vec<(u64, &'static str, Fact)>) -> Vec<Stall> {
    let mut reader = StallReader::default();
    let mut stalls = Vec::new();
    for entry in entries(facts) {
        stalls.extend(reader.pass(entry.time));
        reader.learn(&entry);
    }
    stalls
}

fn lines(facts: Vec<(u64, &'static str, Fact)>) -> String {
    transcript(&entries(facts), Style::default())
}

#[test]
fn ct33_a_write_that_waits_is_told_a_second_later_with_whom_it_waits_for() {
    let mut facts = start(false);
    facts.extend([
        (5_000, "broker-1", appends(10, true, true)),
        (5_010, "broker-2", appends(10, false, false)),
        (9_000, "broker-1", Fact::Serving),
    ]);
    let stall = Stall {
        at: Time(6_000_000_000),
        leader: "broker-1".into(),
        partition: t0(),
        since: Time(5_000_000_000),
        high_watermark: 10,
        write: Some(10),
        readers: vec![],
        waits_for: vec![3],
        copied: false,
    };
    assert_eq!(stalls(facts.clone()), [stall], "once");
    let text = lines(facts);
    let told = "6.000s  broker-1      acks=all waits on t-0 (committed below 10 since 5.000 s): broker-3 has not copied it. This is no bug: a member of the ISR that stays behind leaves it after 10 to 15 s";
    assert!(text.contains(told), "{text}");
    assert!(text.contains("acks=all still waits on t-0"), "{text}");
}

#[test]
fn what_is_committed_within_a_second_is_no_stall_and_what_moved_begins_anew() {
    let mut facts = start(true);
    for second in 5..9 {
        let (ms, offset) = (second * 1_000, second as i64 + 5);
        facts.push((ms, "broker-1", appends(offset, true, true)));
        facts.push((ms + 900, "broker-1", moves(offset + 1)));
    }
    facts.push((20_000, "broker-1", Fact::Serving));
    assert_eq!(stalls(facts), []);

    let mut facts = start(false);
    facts.extend([
        (5_000, "broker-1", appends(10, true, true)),
        (5_100, "broker-1", appends(11, true, true)),
        (6_500, "broker-1", moves(11)),
        (9_000, "broker-1", moves(12)),
        (9_000, "broker-1", Fact::Serving),
    ]);
    let found = stalls(facts.clone());
    let found: Vec<(u64, Option<i64>)> = found
        .iter()
        .map(|stall| (stall.at.as_millis(), stall.write))
        .collect();
    assert_eq!(found, [(6_000, Some(10)), (7_500, Some(11))]);
    let text = lines(facts);
    assert!(
        text.contains("6.500s  broker-1      acks=all goes on for t-0"),
        "{text}"
    );
}

#[test]
fn a_consumer_that_stands_still_behind_acks_1_is_told_why() {
    let mut facts = start(true);
    facts.extend([
        (4_000, "broker-3", Fact::Crashed),
        (5_000, "broker-1", appends(10, true, false)),
        (5_010, "broker-2", appends(10, false, false)),
        (9_000, "broker-1", Fact::Serving),
        (19_000, "broker-1", moves(11)),
    ]);
    let text = lines(facts.clone());
    let told = "6.000s  broker-1      consumers read no further in t-0 (committed below 10 since 5.000 s): broker-3 crashed at 4.000 s";
    assert!(text.contains(told), "{text}");
    assert!(text.contains("consumers read on in t-0"), "{text}");

    // Whether nobody reads, or the consumer itself is away: then nothing waits, and nothing is told.
    let mut without = facts.clone();
    without.retain(|(_, node, _)| *node != "reader");
    assert_eq!(stalls(without), []);
    facts.insert(7, (4_500, "reader", Fact::Crashed));
    assert_eq!(stalls(facts), []);
}

#[test]
fn a_stall_of_both_names_both() {
    let mut facts = start(true);
    facts.extend([
        (5_000, "broker-1", appends(10, true, true)),
        (9_000, "broker-1", moves(11)),
    ]);
    let text = lines(facts);
    assert!(
        text.contains("acks=all waits and consumers read no further on t-0"),
        "{text}"
    );
    assert!(
        text.contains("acks=all and consumers go on for t-0"),
        "{text}"
    );
}

#[test]
fn the_cause_is_named_whatever_it_is() {
    let hangs = |fault, on| Fact::MachineFault { fault, on };
    let cut = |fault| Fact::LinkFault {
        number: 1,
        fault,
        sides: vec![vec!["broker-1".into()], vec!["broker-3".into()]],
    };
    let refused = Fact::FetchRefused {
        partition: t0(),
        replica: 3,
        error: ErrorCode::FencedLeaderEpoch,
    };
    let ended = Fact::Exiting {
        status: 0,
        why: "SIGTERM".into(),
    };
    let cases = [
        ("broker-3", Fact::Crashed, "broker-3 crashed at 4.000 s"),
        (
            "broker-3",
            Fact::PowerFailed,
            "broker-3 lost power at 4.000 s",
        ),
        (
            "broker-3",
            Fact::Paused,
            "broker-3 has been paused since 4.000 s",
        ),
        ("broker-3", ended, "broker-3 ended at 4.000 s"),
        (
            "broker-3",
            hangs(MachineFault::DiskHangs, true),
            "the disk of broker-3 has been hanging since 4.000 s",
        ),
        (
            "broker-3",
            hangs(MachineFault::DiskSlow, true),
            "the disk of broker-3 has been slow since 4.000 s",
        ),
        (
            "broker-3",
            hangs(MachineFault::MachineSlow, true),
            "the machine of broker-3 has been slow since 4.000 s",
        ),
        (
            "operator",
            cut(LinkFault::Cut),
            "broker-3 has been cut off from broker-1 since 4.000 s",
        ),
        (
            "operator",
            cut(LinkFault::Stalled),
            "the network to broker-3 has carried nothing since 4.000 s",
        ),
        (
            "broker-1",
            refused,
            "the last fetch of broker-3 was refused at 4.000 s with FENCED_LEADER_EPOCH",
        ),
    ];
    for (node, fault, cause) in cases {
        let mut facts = start(false);
        facts.extend([
            (4_000, node, fault),
            (4_010, "broker-1", appends(10, true, true)),
            (4_020, "broker-2", appends(10, false, false)),
            (9_000, "broker-2", Fact::Serving),
        ]);
        let text = lines(facts);
        assert!(text.contains(cause), "{cause}\n{text}");
    }

    // What has gone by is no cause; what the leader suffers from itself is one where all have copied.
    let mut facts = start(false);
    facts.extend([
        (3_000, "broker-3", hangs(MachineFault::DiskHangs, true)),
        (3_500, "broker-3", hangs(MachineFault::DiskHangs, false)),
        (3_500, "operator", cut(LinkFault::Cut)),
        (3_900, "operator", Fact::LinkHealed { number: 1 }),
        (4_000, "broker-1", hangs(MachineFault::DiskHangs, true)),
        (4_010, "broker-1", appends(10, true, true)),
        (4_020, "broker-2", appends(10, false, false)),
        (4_020, "broker-3", appends(10, false, false)),
        (9_000, "broker-2", Fact::Serving),
    ]);
    let text = lines(facts);
    assert!(
        text.contains("its own disk has been hanging since 4.000 s"),
        "{text}"
    );
}

#[test]
fn a_paused_leader_has_its_second_when_it_goes_on() {
    let mut facts = start(false);
    facts.extend([
        (5_000, "broker-1", appends(10, true, true)),
        (5_001, "broker-1", Fact::Paused),
        (25_000, "broker-1", Fact::Resumed),
        (25_500, "broker-1", moves(11)),
        (30_000, "broker-1", Fact::Serving),
    ]);
    assert_eq!(stalls(facts.clone()), []);
    facts.retain(|(_, _, fact)| !matches!(fact, Fact::HighWatermarkMoved { .. }));
    let found = stalls(facts);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].at, Time(26_000_000_000));
}

#[test]
fn who_leads_no_longer_holds_nobody_up() {
    let ends = [
        Fact::Crashed,
        Fact::ReplicaStopped {
            partition: t0(),
            deleted: false,
        },
        Fact::BecameFollower {
            partition: t0(),
            leader: 2,
            leader_epoch: 1,
            log_end_offset: 11,
            high_watermark: 10,
        },
    ];
    for end in ends {
        let mut facts = start(true);
        facts.extend([
            (5_000, "broker-1", appends(10, true, true)),
            (5_500, "broker-1", end),
            (9_000, "broker-2", Fact::Serving),
        ]);
        assert_eq!(stalls(facts), []);
    }
}

#[test]
fn what_stands_still_and_goes_on_by_turns_is_told_twice_and_no_more() {
    let mut facts = start(false);
    for turn in 0..6 {
        let (ms, offset) = (5_000 + turn * 3_000, 10 + turn as i64);
        facts.push((ms, "broker-1", appends(offset, true, true)));
        facts.push((ms + 2_000, "broker-1", moves(offset + 1)));
    }
    // After a silence it is news again.
    facts.push((60_000, "broker-1", appends(16, true, true)));
    facts.push((62_000, "broker-1", moves(17)));
    let text = lines(facts);
    assert_eq!(text.matches("acks=all waits on t-0").count(), 2, "{text}");
    assert_eq!(text.matches("by turns now").count(), 1, "{text}");
    assert_eq!(text.matches("acks=all goes on for").count(), 2, "{text}");
}

#[test]
fn who_was_deposed_holds_up_writes_that_it_took_but_no_reader() {
    let mut facts = start(true);
    facts.extend([
        (
            4_000,
            "broker-2",
            Fact::StateWritten {
                partition: t0(),
                leader: 2,
                leader_epoch: 1,
                isr: vec![2, 3],
                partition_epoch: 1,
                controller_epoch: 1,
                reason: StateWriteReason::OfflineElection,
            },
        ),
        (5_000, "broker-1", appends(10, true, true)),
        (9_000, "broker-2", Fact::Serving),
    ]);
    let found = stalls(facts.clone());
    assert_eq!(
        (found.len(), found[0].write, found[0].readers.len()),
        (1, Some(10), 0)
    );
    let text = lines(facts);
    assert!(
        text.contains("broker-1 does not know yet that broker-2 leads now"),
        "{text}"
    );
}
