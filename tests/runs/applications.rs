//! What applications of groups do with what they read, in whole runs: how they commit, what they send on and whom
//! they call, and where they come to harm. Rules CC51, CC53 to CC55; B44, B45, B47 of what goes wrong by design.

use kafka_trial::node::view::ClusterView;
use kafka_trial::protocol::{ApplicationFact, Fact, GroupFact, RecordId};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;
use std::collections::BTreeMap;

/// Three brokers, one partition, eight records a second from the start, and a member that begins at 10 s.
fn member(duration: &str, does: &str, rest: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: An application.\nduration: {duration}\ncluster: {{brokers: 3}}\n\
         topics: {{t: {{partitions: 1, replication.factor: 3}}, u: {{partitions: 1, replication.factor: 3}}}}\n\
         producers: {{p: {{count: 8, topic: t, key: truck_id, every: 1s}}}}\n\
         consumers:\n  c:\n    topics: [t]\n    start: 10s\n    {does}\n{rest}"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.held(), "{:?}", report.violations);
    report
}

const OWN: &str = "config: {group.id: g, session.timeout.ms: 10000, enable.auto.commit: false}";

/// How often each record was processed.
fn processed(report: &Report) -> BTreeMap<i64, u32> {
    let mut times = BTreeMap::new();
    for entry in &report.trace {
        if let Fact::Group(GroupFact::Processed { offset, .. }) = entry.fact {
            *times.entry(offset).or_default() += 1;
        }
    }
    times
}

/// Millisecond and offset of each commit that is stored.
fn committed(report: &Report) -> Vec<(u64, i64)> {
    let commits = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::OffsetCommitted { offset, .. }) => {
            Some((entry.time.0 / 1_000_000, *offset))
        }
        _ => None,
    });
    commits.collect()
}

fn failed_commits(report: &Report) -> Vec<String> {
    let failed = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Group(GroupFact::CommitFailed { exception, .. }) => Some(exception.to_string()),
        _ => None,
    });
    failed.collect()
}

fn coordinator(report: &Report) -> i32 {
    let groups = report.view().groups();
    groups.first().expect("a group").coordinator
}

fn started_again(report: &Report) -> u64 {
    let mut starts = report
        .trace
        .iter()
        .filter(|entry| &*entry.node == "c" && matches!(entry.fact, Fact::Started));
    starts.next_back().expect("it has started").time.0 / 1_000_000
}

/// What was worked on before the crash, and from where the second life goes on.
fn lives(report: &Report) -> (Vec<i64>, i64) {
    let again = started_again(report);
    let of = |second: bool| -> Vec<i64> {
        let done = report.trace.iter().filter_map(|entry| match entry.fact {
            Fact::Group(GroupFact::Processed { offset, .. }) => {
                (second == (entry.time.0 / 1_000_000 >= again)).then_some(offset)
            }
            _ => None,
        });
        done.collect()
    };
    (of(false), of(true)[0])
}

/// B44, B45: the same program and the same moment of harm; what comes of it is where the commit stands.
#[test]
fn where_it_crashes_decides_what_is_lost_and_what_comes_twice() {
    let crashed = |commit: &str, crash: &str| {
        let does =
            format!("processing: 10ms\n    {OWN}\n    commit: {commit}\n    crashes: {crash}");
        lives(&member("50s", &does, "timeline: [{at: 20s, restart: c}]\n"))
    };
    let twenty: Vec<i64> = (0..20).collect();
    for commit in ["sync before", "before"] {
        let (first, second) = crashed(commit, "before processing record 21");
        assert_eq!(first, twenty, "{commit}");
        assert!(
            second > 20,
            "{commit}: what was committed and not processed is lost"
        );
    }
    for commit in ["sync after", "after"] {
        let (first, second) = crashed(commit, "after processing record 20");
        assert_eq!((first, second), (twenty.clone(), 0), "{commit}");
        let (first, second) = crashed(commit, "after the commit of record 20");
        assert_eq!(
            second,
            first.len() as i64,
            "{commit}: nothing lost, nothing twice"
        );
        let (first, second) = crashed(commit, "after the poll of record 20");
        assert_eq!((first, second), (Vec::new(), 0), "{commit}");
    }
    for commit in ["sync every 6 records", "every 6 records"] {
        let (first, second) = crashed(commit, "after processing record 20");
        assert_eq!((first, second), (twenty.clone(), 18), "{commit}");
    }
}

/// B47: `close` of a library that commits by itself commits what `poll` gave, whatever became of it.
#[test]
fn an_exception_and_close_lose_what_was_not_processed() {
    let does = "processing: 10ms\n    config: {group.id: g}\n    commit: auto\n    fails_on: 20";
    let report = member("50s", does, "timeline: [{at: 20s, restart: c}]\n");
    let (first, second) = lives(&report);
    assert_eq!(first, (0..19).collect::<Vec<i64>>());
    assert!(second > 19, "{second}");
    let failed = report.trace.iter().find_map(|entry| match &entry.fact {
        Fact::Application(ApplicationFact::Failed { offset, .. }) => Some(*offset),
        _ => None,
    });
    assert_eq!(failed, Some(19));
    assert!(
        report
            .trace
            .iter()
            .any(|entry| matches!(entry.fact, Fact::Exiting { status: 1, .. }))
    );
}

/// Whoever waits in the library throws at once, and whoever works comes to that when it waits next; `close` takes its
/// time all the same.
#[test]
fn cc55_wakeup_ends_the_next_call_that_waits() {
    let stopped = |processing: &str, at: &str, stall: &str| {
        let does = format!("processing: {processing}\n    {OWN}\n    commit: sync after");
        let rest = format!("timeline:\n  - {{at: {at}, stop: c}}\n{stall}");
        member("40s", &does, &rest)
    };
    let when = |report: &Report, is: fn(&Fact) -> bool| -> Vec<u64> {
        let facts = report.trace.iter().filter(|entry| &*entry.node == "c");
        let found = facts.filter(|entry| is(&entry.fact));
        found.map(|entry| entry.time.0 / 1_000_000).collect()
    };
    let worked: fn(&Fact) -> bool = |it| matches!(it, Fact::Group(GroupFact::Processed { .. }));
    let gave_up: fn(&Fact) -> bool =
        |it| matches!(it, Fact::Group(GroupFact::PartitionsRevoked { .. }));
    let ended: fn(&Fact) -> bool = |it| matches!(it, Fact::Exiting { status: 0, .. });

    // At work on all that was there when it began: that is finished, and committed.
    let busy = stopped("100ms", "15s", "");
    let (last, up) = (*when(&busy, worked).last().unwrap(), when(&busy, gave_up));
    assert!(
        last > 16_000 && up[0] >= last && up[0] < last + 50,
        "{last} {up:?}"
    );
    let (worked_on, stored) = (processed(&busy).len() as i64, committed(&busy));
    assert_eq!(stored.last().unwrap().1, worked_on);

    // In `poll`.
    let idle = stopped("0s", "20.6s", "");
    assert_eq!(when(&idle, gave_up), [20_600]);
    assert!(
        when(&idle, ended)[0] < 21_200,
        "a fetch waits for half a second"
    );

    // In a `commitSync` that is not answered, and would go on for a minute.
    let stall = "  - {at: 20s, for: 8s, stall link: c, to: all brokers}\n";
    let waits = stopped("10ms", "23s", stall);
    assert_eq!(when(&waits, gave_up), [23_000]);
    assert_eq!(when(&waits, ended), [28_000], "it waits for its farewell");
}

/// CC53: who calls `commitSync` does nothing else until it is stored, and tries again while its coordinator is gone;
/// `commitAsync` goes on, and what failed is not tried again.
#[test]
fn cc53_commit_sync_blocks_the_loop_and_tries_again() {
    let run = |commit: &str, more: &str| {
        let does = format!("processing: 10ms\n    {OWN}\n    commit: {commit}");
        // All that the member asks is stalled for a while: neither lost nor answered.
        let rest =
            format!("timeline:\n  - {{at: 20s, for: 4s, stall link: c, to: all brokers}}\n{more}");
        member("40s", &does, &rest)
    };
    let between = |report: &Report| {
        let done = report.trace.iter().filter(|entry| {
            (20_100..24_000).contains(&(entry.time.0 / 1_000_000))
                && matches!(entry.fact, Fact::Group(GroupFact::Processed { .. }))
        });
        done.count()
    };
    let sync = run("sync every 1 record", "");
    assert_eq!(between(&sync), 0);
    assert!(processed(&sync).values().all(|times| *times == 1));
    let offsets: Vec<i64> = committed(&sync).iter().map(|(_, offset)| *offset).collect();
    assert_eq!(offsets, (1..=offsets.len() as i64).collect::<Vec<_>>());
}

/// CC53, CC54: while no coordinator is known `commitSync` looks for one, and `commitAsync` is sent once it is found.
#[test]
fn cc53_cc54_commits_wait_for_a_coordinator_that_is_gone() {
    for commit in ["sync every 1 record", "every 1 record"] {
        let does = format!("processing: 100ms\n    {OWN}\n    commit: {commit}");
        let coordinator = coordinator(&member("20s", &does, ""));
        let rest = format!("timeline: [{{at: 30s, crash: broker-{coordinator}}}]\n");
        let report = member("80s", &does, &rest);
        let commits = committed(&report);
        let (_, last) = commits[commits.len() - 1];
        let done = processed(&report).len() as i64;
        assert!(done - last <= 1, "{commit}: {last} of {done}");
        let gap = commits.windows(2).map(|pair| pair[1].0 - pair[0].0).max();
        assert!(gap > Some(3_000), "{commit}: {gap:?}");
        let retriable = failed_commits(&report);
        let sync = commit.starts_with("sync");
        assert_eq!(retriable.is_empty(), sync, "{commit}: {retriable:?}");
    }
}

/// CC51: who is no member any more asks nobody.
#[test]
fn cc51_who_is_out_of_its_group_commits_nothing() {
    for commit in ["sync after", "after"] {
        let does = format!(
            "processing: 3s\n    config: {{group.id: g, enable.auto.commit: false, max.poll.interval.ms: 8000, max.poll.records: 5}}\n    commit: {commit}"
        );
        let report = member("60s", &does, "");
        assert!(committed(&report).is_empty(), "{commit}");
        let failed = failed_commits(&report);
        assert!(!failed.is_empty(), "{commit}");
        assert!(
            failed.iter().all(|it| it == "CommitFailedException"),
            "{failed:?}"
        );
    }
}

/// CC53: after `default.api.timeout.ms` it throws, and the application goes on.
#[test]
fn cc53_commit_sync_gives_up_in_time() {
    let does = "processing: 10ms\n    commit: sync every 5 records\n    config: {group.id: g, enable.auto.commit: false, default.api.timeout.ms: 2000}";
    let report = member(
        "40s",
        does,
        "timeline: [{at: 20s, for: 10s, cut link: c, to: all brokers}]\n",
    );
    assert!(failed_commits(&report).contains(&"TimeoutException".to_owned()));
}

/// What is sent on is the same record; what was not committed is sent on again, and a service is called again.
#[test]
fn what_was_not_committed_is_sent_on_and_asked_for_again() {
    let does = |each: &str| {
        format!(
            "{OWN}\n    commit: sync every 10 records\n    each_record: {each}\n    crashes: after processing record 27"
        )
    };
    let rest = "services: {sms: {takes: 5ms}}\ntimeline: [{at: 20s, restart: c}]\n";
    let report = member("50s", &does("{forward: u}"), rest);
    let mut sent: BTreeMap<i64, u32> = BTreeMap::new();
    for entry in &report.trace {
        if let Fact::Application(ApplicationFact::Forwarded { offset, to, .. }) = &entry.fact {
            assert_eq!(&*to.topic, "u");
            *sent.entry(*offset).or_default() += 1;
        }
    }
    let twice = |times: &BTreeMap<i64, u32>| -> Vec<i64> {
        let again = times.iter().filter(|(_, times)| **times == 2);
        again.map(|(offset, _)| *offset).collect()
    };
    assert_eq!(twice(&sent), (20..27).collect::<Vec<_>>());
    assert!(sent.len() > 200, "{}", sent.len());
    let report = member("50s", &does("{call: sms}"), rest);
    let mut called: BTreeMap<i64, u32> = BTreeMap::new();
    for entry in &report.trace {
        if let Fact::Application(ApplicationFact::ServiceCalled { offset, .. }) = entry.fact {
            assert_eq!(&*entry.node, "sms");
            *called.entry(offset).or_default() += 1;
        }
    }
    assert_eq!(twice(&called), (20..27).collect::<Vec<_>>());
    assert_eq!(called, processed(&report));
}

/// What its producer could not even queue was handed over all the same: it is told of, and then that it failed.
#[test]
fn what_fails_before_it_is_queued_was_made_first() {
    // It is cut off while it works on the first record: its producer has never asked where `u` is.
    let does = format!(
        "processing: 3s\n    {OWN}\n    commit: sync after\n    each_record: {{forward: u}}"
    );
    let rest = "timeline: [{at: 14s, cut link: c, to: all brokers}]\n";
    let report = member("90s", &does, rest);
    let of_forwarder = |pick: fn(&Fact) -> Option<&RecordId>| {
        let facts = report.trace.iter().filter_map(|entry| pick(&entry.fact));
        facts.filter(|it| &*it.producer == "c-forwarder").count()
    };
    let made = of_forwarder(|fact| match fact {
        Fact::RecordCreated { record, .. } => Some(record),
        _ => None,
    });
    let failed = of_forwarder(|fact| match fact {
        Fact::Failed { record, .. } => Some(record),
        _ => None,
    });
    assert_eq!((made, failed), (1, 1));
}

/// A call without an answer may have been heard: the application calls again.
#[test]
fn a_service_that_does_not_answer_is_called_again() {
    let does = format!("{OWN}\n    commit: sync after\n    each_record: {{call: sms}}");
    let rest = "services: {sms: {takes: 20ms}}\n\
        timeline:\n  - {at: 15s, for: 15s, cut link: sms, to: c, one way: true}\n  - {at: 40s, for: 3s, crash: sms}\n";
    let report = member("70s", &does, rest);
    let mut called: BTreeMap<i64, u32> = BTreeMap::new();
    let mut missed = 0;
    for entry in &report.trace {
        match entry.fact {
            Fact::Application(ApplicationFact::ServiceCalled { offset, .. }) => {
                *called.entry(offset).or_default() += 1;
            }
            Fact::Application(ApplicationFact::ServiceNotReached { .. }) => missed += 1,
            _ => {}
        }
    }
    assert!(missed > 1, "{missed}");
    assert!(called.values().any(|times| *times > 1), "{called:?}");
    assert!(processed(&report).values().all(|times| *times == 1));
    assert!(called.len() > 200, "{}", called.len());
}

/// CC12, CC43: who pauses its partitions and goes on calling `poll` may work as long as it likes; nothing is lost of
/// what was fetched, and nothing comes twice.
#[test]
fn cc12_who_pauses_and_polls_on_keeps_its_place() {
    let slow = |pauses: bool| {
        let does = format!(
            "processing: 3s\n    pauses: {pauses}\n    commit: sync after\n    config: {{group.id: g, enable.auto.commit: false, max.poll.interval.ms: 8000, max.poll.records: 5}}"
        );
        member("60s", &does, "")
    };
    let expired = |report: &Report| {
        let expired = report.trace.iter().filter(|entry| {
            matches!(
                entry.fact,
                Fact::Group(GroupFact::PollTimeoutExpired { .. })
            )
        });
        expired.count()
    };
    assert!(expired(&slow(false)) > 0);
    let report = slow(true);
    assert_eq!(expired(&report), 0);
    let done: Vec<i64> = processed(&report).into_keys().collect();
    assert_eq!(done, (0..done.len() as i64).collect::<Vec<_>>());
    assert!(processed(&report).values().all(|times| *times == 1));
    let offsets: Vec<i64> = committed(&report)
        .iter()
        .map(|(_, offset)| *offset)
        .collect();
    assert_eq!(offsets, [5, 10, 15]);
}

/// Who is asked to stop finishes what `poll` gave and closes its consumer then: nothing is lost and nothing comes twice,
/// whoever commits.
#[test]
fn who_is_asked_to_stop_finishes_what_it_was_given() {
    for how in [
        "config: {group.id: g}",
        "config: {group.id: g, enable.auto.commit: false}\n    commit: after",
        "config: {group.id: g, enable.auto.commit: false}\n    commit: sync after",
    ] {
        let does = format!("processing: 50ms\n    {how}");
        let rest = "timeline: [{at: 14s, stop: c}, {at: 25s, restart: c}]\n";
        let report = member("50s", &does, rest);
        let times = processed(&report);
        let done: Vec<i64> = times.keys().copied().collect();
        assert_eq!(done, (0..done.len() as i64).collect::<Vec<_>>(), "{how}");
        assert!(times.values().all(|times| *times == 1), "{how}: {times:?}");
        assert!(done.len() > 200, "{how}: {}", done.len());
    }
}
