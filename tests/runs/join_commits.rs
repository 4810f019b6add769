//! The commit before a join that its coordinator refuses, since it has not heard of a topic yet. Rules CB10, CC45.

use kafka_trial::protocol::rules::Rules;
use kafka_trial::protocol::{ApplicationFact, Fact, GroupFact};
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;

const COOPERATIVE: &str = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
const RANGE: &str = "org.apache.kafka.clients.consumer.RangeAssignor";

/// Broker 2 is the controller, and what it says does not come to broker 3, the coordinator, from 15 s to 48 s.
/// Meanwhile a topic is made, which the group reads too; and at 30 s another member joins.
fn late(assignor: &str, rules: &str, more: &str) -> Report {
    let text = format!(
        "format: 1\nname: test\nabout: A coordinator that has not heard of a topic.\nduration: 60s
cluster:
  zookeeper: 1
  brokers:
    - {{id: 1, machine: {{start_after: 2s}}}}
    - {{id: 2}}
    - {{id: 3, machine: {{start_after: 2s}}}}
  config: {{offsets.topic.num.partitions: 1, offsets.topic.replication.factor: 1}}
topics: {{t: {{assignment: [[1]]}}}}
producers: {{p: {{topic: t, every: 200ms}}, q: {{topic: u, start: 20s, every: 200ms}}}}
consumers:
  a:
    topics: [t, u]
    steps: [{{when: 40s, do: ask position of t-0}}]
    config: {{group.id: g, partition.assignment.strategy: {assignor}{more}}}
  b: {{topics: [t, u], start: 30s, config: {{group.id: g, partition.assignment.strategy: {assignor}{more}}}}}
timeline:
  - {{at: 15s, for: 33s, cut link: controller, to: leader of __consumer_offsets-0, one way: true}}
  - {{at: 17s, create topic: u, assignment: [[1]]}}
"
    );
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let mut plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    plan.rules = Rules::parse(rules).expect("rules that there are");
    let report = run(&plan, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.held(), "{:?}", report.violations);
    report
}

/// When the first member says such things, in milliseconds.
fn times(report: &Report, is_meant: impl Fn(&Fact) -> bool) -> Vec<u64> {
    let of_it = report.trace.iter().filter(|entry| &*entry.node == "a");
    let meant = of_it.filter(|entry| is_meant(&entry.fact));
    meant.map(|entry| entry.time.0 / 1_000_000).collect()
}

/// How many records it is given while its commit is refused.
fn read_meanwhile(report: &Report) -> usize {
    let read = times(report, |fact| matches!(fact, Fact::Consumed { .. }));
    let meanwhile = read.iter().filter(|at| (33_000..48_000).contains(*at));
    meanwhile.count()
}

/// When its application is told the position for which it asks at 40 s.
fn told(report: &Report) -> u64 {
    times(report, |fact| {
        matches!(fact, Fact::Application(ApplicationFact::OffsetTold { .. }))
    })[0]
}

fn rejoined(report: &Report) -> u64 {
    let given = times(report, |fact| {
        matches!(
            fact,
            Fact::Group(GroupFact::PartitionsAssigned { generation: 3, .. })
        )
    });
    given[0]
}

#[test]
fn cb10_a_commit_that_is_refused_before_a_join_holds_up_the_join_and_not_the_application() {
    // It is tried again until the coordinator has heard of the topic.
    let today = late(COOPERATIVE, "", "");
    assert!((48_000..49_000).contains(&rejoined(&today)));
    assert!(read_meanwhile(&today) > 100);
    assert!((40_000..40_100).contains(&told(&today)));
    let before = late(COOPERATIVE, "join_commit=in-one-poll", "");
    assert!((48_000..49_000).contains(&rejoined(&before)));
    assert_eq!(read_meanwhile(&before), 0);
    assert!((48_000..48_300).contains(&told(&before)));
}

/// Who gives everything up first reads nothing meanwhile, then as now; but `poll` returns.
#[test]
fn cb10_who_gives_everything_up_waits_too_and_its_application_goes_on() {
    let today = late(RANGE, "", "");
    assert_eq!(read_meanwhile(&today), 0);
    assert!((40_000..40_100).contains(&told(&today)));
    let before = late(RANGE, "join_commit=in-one-poll", "");
    assert_eq!(read_meanwhile(&before), 0);
    assert!((48_000..48_300).contains(&told(&before)));
}

/// The coordinator waits for `max.poll.interval.ms`, of which it has begun to count first.
#[test]
fn cb10_who_is_held_up_for_too_long_is_out_of_its_group() {
    for rules in ["", "join_commit=in-one-poll"] {
        let report = late(COOPERATIVE, rules, ", max.poll.interval.ms: 10000");
        let lost = times(&report, |fact| {
            matches!(fact, Fact::Group(GroupFact::PartitionsLost { .. }))
        });
        assert!((40_000..44_000).contains(&lost[0]), "{rules}: {lost:?}");
    }
}
