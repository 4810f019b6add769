//! What an application does to its consumer between two records: `seek`, `pause`, `resume` (CC12).

use kafka_trial::protocol::{ApplicationFact, Fact, GroupFact};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;

/// A member of a group alone, which gets seven records a poll of a partition to which eight come each second.
fn member(steps: &str, more: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: Steps.\nduration: 40s\ncluster: {{brokers: 1, config: {{offsets.topic.replication.factor: 1}}}}\n\
         topics: {{t: {{partitions: 1, replication.factor: 1}}}}\n\
         producers: {{p: {{count: 8, topic: t, every: 1s, stop: 30s}}}}\n\
         consumers:\n  c:\n    topics: [t]\n    start: 10s\n    steps: {steps}\n    {more}\n    \
         config: {{group.id: g, max.poll.records: 7, enable.auto.commit: false}}\n"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.held(), "{:?}", report.violations);
    report
}

/// Millisecond and offset of each record that is processed.
fn processed(report: &Report) -> Vec<(u64, i64)> {
    let done = report.trace.iter().filter_map(|entry| match entry.fact {
        Fact::Group(GroupFact::Processed { offset, .. }) => {
            Some((entry.time.0 / 1_000_000, offset))
        }
        _ => None,
    });
    done.collect()
}

fn offsets(report: &Report) -> Vec<i64> {
    processed(report)
        .iter()
        .map(|(_, offset)| *offset)
        .collect()
}

/// What `poll` gave is worked off, what lies in the buffer behind it is dropped, and what is committed is where it
/// reads on.
#[test]
fn cc12_who_seeks_gets_nothing_of_what_was_fetched_for_another_position() {
    let steps = "[{when: after processing record 20, do: seek t-0 to 5}]";
    let report = member(steps, "commit: sync after");
    let offsets = offsets(&report);
    let sought: Vec<i64> = (0..21).chain(5..100).collect();
    assert_eq!(offsets[..sought.len()], sought);
    let commits = report.trace.iter().filter_map(|entry| match entry.fact {
        Fact::Group(GroupFact::OffsetCommitted { offset, .. }) => Some(offset),
        _ => None,
    });
    let commits: Vec<i64> = commits.take(4).collect();
    assert_eq!(commits, [7, 14, 5, 12]);
}

#[test]
fn cc12_seek_forward_and_to_the_ends_of_the_log() {
    let steps = "[{when: before processing record 8, do: seek all to 50}]";
    let forward = offsets(&member(steps, ""));
    assert_eq!(forward[..20], (0..14).chain(50..56).collect::<Vec<i64>>());
    // It has read all by then, and waits in `poll`.
    let steps = "[{when: 35s, do: seek all to the beginning}]";
    let again = offsets(&member(steps, ""));
    let (first, second) = again.split_at(again.len() / 2);
    assert_eq!(first, second);
    assert!(first.len() > 200, "{}", first.len());
    // Slow as it is, it never comes to what it has passed over.
    let steps = "[{when: 20s, do: seek t-0 to the end}]";
    let report = member(steps, "processing: 1s");
    let done = processed(&report);
    let gap = done.windows(2).find(|pair| pair[1].1 != pair[0].1 + 1);
    let [(before, _), (_, to)] = gap.expect("it passes records over") else {
        unreachable!("two");
    };
    // The poll in which it was is worked off.
    assert!((20_000..28_000).contains(before), "{before}");
    assert!(*to > 120, "{to}");
}

#[test]
fn cc12_who_pauses_gets_nothing_until_it_resumes_and_then_all() {
    let steps = "[{when: 20s, do: pause t-0}, {when: 33s, do: resume all}]";
    let report = member(steps, "processing: 10ms");
    let done = processed(&report);
    let meanwhile = done.iter().filter(|(ms, _)| (20_200..33_000).contains(ms));
    assert_eq!(meanwhile.count(), 0);
    let offsets = offsets(&report);
    assert_eq!(offsets, (0..offsets.len() as i64).collect::<Vec<_>>());
    assert!(offsets.len() > 200, "{}", offsets.len());
    let told = |wanted: fn(&ApplicationFact) -> bool| {
        let facts = report.trace.iter();
        let at = facts.filter_map(|entry| match &entry.fact {
            Fact::Application(fact) if wanted(fact) => Some(entry.time.0 / 1_000_000_000),
            _ => None,
        });
        at.collect::<Vec<u64>>()
    };
    assert_eq!(
        told(|it| matches!(it, ApplicationFact::Paused { .. })),
        [20]
    );
    assert_eq!(
        told(|it| matches!(it, ApplicationFact::Resumed { .. })),
        [33]
    );
}

/// Before its group has given it anything there is nothing to seek in.
#[test]
fn cc12_who_calls_for_what_it_does_not_have_ends() {
    let steps = "[{when: 10001ms, do: seek t-0 to 5}]";
    let report = member(steps, "");
    let threw = report.trace.iter().find_map(|entry| match &entry.fact {
        Fact::Application(ApplicationFact::CallThrew { exception, .. }) => Some(&**exception),
        _ => None,
    });
    assert_eq!(threw, Some("IllegalStateException"));
    assert!(processed(&report).is_empty());
    let ends = |entry: &kafka_trial::trace::TraceEntry| {
        &*entry.node == "c" && matches!(entry.fact, Fact::Exiting { status: 1, .. })
    };
    assert!(report.trace.iter().any(ends));
}

#[test]
fn cc35_an_application_asks_between_two_polls_and_ends_where_nobody_says_in_time() {
    let said = |report: &Report| -> Vec<String> {
        let facts = report.trace.iter().filter_map(|entry| match &entry.fact {
            Fact::Application(ApplicationFact::OffsetTold { call, offset, .. }) => {
                Some(format!("{call} {}", offset.unwrap_or(-1)))
            }
            Fact::Application(ApplicationFact::CallThrew {
                call, exception, ..
            }) => Some(format!(
                "{call} {exception} at {}",
                entry.time.as_millis() / 1_000
            )),
            _ => None,
        });
        facts.collect()
    };
    let ask = |what: &str| format!("[{{when: 35s, do: ask {what} of t-0}}]");
    let commits = "commit: sync after";
    // All has been read, and more was to come.
    let position = member(&ask("position"), commits);
    let all = offsets(&position).len();
    assert_eq!(said(&position), [format!("position {all}")]);
    let committed = member(&ask("committed"), commits);
    assert_eq!(said(&committed), [format!("committed {all}")]);
    let beginning = member(&ask("beginningOffsets"), commits);
    assert_eq!(said(&beginning), ["beginningOffsets 0"]);
    let gone = |what: &str| {
        let steps = format!("[{{when: 35s, do: ask {what} of t-0}}]");
        let text = format!(
            "format: 1\nname: test\nabout: Steps.\nduration: 45s\ncluster: {{brokers: 1, config: {{offsets.topic.replication.factor: 1}}}}\n\
             topics: {{t: {{partitions: 1, replication.factor: 1}}}}\n\
             producers: {{p: {{topic: t, every: 1s, stop: 20s}}}}\n\
             consumers:\n  c: {{topics: [t], steps: {steps}, config: {{group.id: g, default.api.timeout.ms: 3000}}}}\n\
             timeline: [{{at: 30s, crash: broker-1}}]\n"
        );
        let loaded = load("test.yaml", text.into_bytes(), &[]);
        let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
        run(&plan, 1).unwrap_or_else(|error| panic!("{error}"))
    };
    for what in ["committed", "beginningOffsets"] {
        let thrown = format!("{what} TimeoutException at 38");
        assert_eq!(said(&gone(what)), [thrown]);
    }
    assert_eq!(said(&gone("position")), ["position 18"], "it knows that");
}
