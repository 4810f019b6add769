//! Expectations about groups, their applications, messages and schemas: each seen to hold and seen to fail, on one
//! made-up history of a group whose member crashes.

use super::story::Story;
use crate::check::testing::{Scene, acked, consumed, position, tp};
use crate::kernel::Duration;
use crate::plan::{Action, ConsumerPlan, Plan, ProducerPlan, Role, ServicePlan};
use crate::protocol::{ApplicationFact, Fact, GroupFact, MessageFact, OwnerThen, Part, Serialized};

/// Four records; the first member is given three, processes one, commits two and crashes; the second goes on behind
/// that, and does the first once more.
fn story() -> Story {
    let member = ConsumerPlan::new("dashboard", "t").count(2);
    let plan = Plan::new("story")
        .brokers(3)
        .producer(ProducerPlan::new("trucks", "t"))
        .consumer(member.config("group.id", "g"))
        .service(ServicePlan::new("sms"))
        .at(
            Duration::from_secs(30),
            Action::crash(Role::Client {
                name: "dashboard-1".into(),
            }),
        );
    let mut scene = Scene::new();
    scene.commit("t-0", 2, &[2]);
    let leader = scene.replica_mut(2, "t-0");
    (leader.is_leader, leader.high_watermark) = (true, 4);
    let mut story = Story {
        plan,
        scene,
        entries: Vec::new(),
    };
    for (offset, value) in (0..).zip(["a", "b", "c", "d"]) {
        let record = format!("trucks#{offset}");
        story.add(1_000, "trucks", acked(&record, "t-0", offset, value));
    }
    let (one, two) = ("dashboard-1", "dashboard-2");
    story.add(4_000, one, given(1));
    story.add(4_000, one, position("t-0", 0));
    for (offset, value) in (0..).zip(["a", "b", "c"]) {
        story.add(5_000, one, consumed("t-0", offset, value));
    }
    story.add(6_000, one, processed(0));
    story.add(6_000, one, forwarded(0));
    story.add(6_000, "sms", called(0));
    story.add(7_000, "broker-1", committed(2));
    story.add(
        30_000,
        "operator",
        Fact::TimelineEvent {
            entry: 0,
            end: false,
            text: "crash of dashboard-1".into(),
        },
    );
    story.add(30_000, one, Fact::Crashed);
    story.add(35_000, "broker-1", changed("PreparingRebalance"));
    story.add(40_000, "broker-1", changed("Stable"));
    story.add(40_000, two, given(2));
    story.add(40_000, two, consumed("t-0", 0, "a"));
    story.add(41_000, two, processed(0));
    story.add(41_000, two, forwarded(0));
    story.add(41_000, "sms", called(0));
    story.add(50_000, two, lost());
    story
}

fn given(generation: i32) -> Fact {
    Fact::Group(GroupFact::PartitionsAssigned {
        group: "g".into(),
        generation,
        member: "m".into(),
        instance: None,
        partitions: vec![tp("t-0")],
        kept: [].into(),
    })
}

fn lost() -> Fact {
    Fact::Group(GroupFact::PartitionsLost {
        group: "g".into(),
        partitions: vec![tp("t-0")],
        in_rebalance: false,
        owner_then: OwnerThen::Nobody,
    })
}

fn changed(state: &str) -> Fact {
    Fact::Group(GroupFact::Changed {
        group: "g".into(),
        state: state.into(),
        generation: 2,
        members: ["m".into()].into(),
        leader: None,
        protocol: None,
        why: None,
    })
}

fn processed(offset: i64) -> Fact {
    Fact::Group(GroupFact::Processed {
        group: "g".into(),
        partition: tp("t-0"),
        offset,
    })
}

fn committed(offset: i64) -> Fact {
    Fact::Group(GroupFact::OffsetCommitted {
        group: "g".into(),
        partition: tp("t-0"),
        offset,
        of_generation: 1,
        in_generation: 1,
    })
}

fn forwarded(offset: i64) -> Fact {
    Fact::Application(ApplicationFact::Forwarded {
        partition: tp("t-0"),
        offset,
        to: tp("u-0"),
        to_offset: 7,
    })
}

fn called(offset: i64) -> Fact {
    Fact::Application(ApplicationFact::ServiceCalled {
        client: "dashboard-1".into(),
        partition: tp("t-0"),
        offset,
    })
}

fn says(story: &mut Story, sentences: &[&str], verdict: &str) {
    for sentence in sentences {
        let said = story.says(sentence);
        assert!(said.starts_with(verdict), "{said}");
    }
}

/// CG47.
#[test]
fn a_lag_is_unknown_where_nothing_is_committed() {
    let mut story = story();
    let says =
        |story: &mut Story, count: &str| story.says(&format!("lag of group g at the end: {count}"));
    story.scene.commit("t-1", 2, &[2]);
    story.scene.replica_mut(2, "t-1").is_leader = true;
    assert!(says(&mut story, "2").ends_with("— 2, over 2 partitions"));
    story.scene.replica_mut(2, "t-1").high_watermark = 3;
    let unknown = "2, over 1 partition; unknown in t-1, where nothing is committed";
    for (count, verdict) in [
        ("at least 2", "held"),
        ("2", "FAILED"),
        ("at most 5", "FAILED"),
        ("at least 3", "FAILED"),
    ] {
        let told = says(&mut story, count);
        assert!(
            told.starts_with(verdict) && told.ends_with(unknown),
            "{told}"
        );
    }
}

#[test]
fn a_group_that_nobody_joins_again_is_stable_all_along() {
    let says = |before: &str, after: Option<&str>| {
        let mut story = story();
        let is_change = |fact: &Fact| matches!(fact, Fact::Group(GroupFact::Changed { .. }));
        story.entries.retain(|entry| !is_change(&entry.fact));
        story.add(3_000, "broker-1", changed(before));
        story.entries.rotate_right(1);
        if let Some(state) = after {
            story.add(55_000, "broker-1", changed(state));
        }
        story.says("group g is stable again within 10s of the crash")
    };
    let held = says("Stable", None);
    assert!(held.starts_with("held") && held.ends_with("stable all along, in generation 2"));
    for (before, after, figures) in [
        ("Empty", None, "it was not: its last state is Empty"),
        (
            "Stable",
            Some("PreparingRebalance"),
            "it was not: its last state is PreparingRebalance",
        ),
        (
            "Stable",
            Some("Stable"),
            "it was stable again after 25.000 s",
        ),
    ] {
        let told = says(before, after);
        assert!(
            told.starts_with("FAILED") && told.ends_with(figures),
            "{told}"
        );
    }
}

#[test]
fn sentences_about_groups_hold_and_fail() {
    let mut story = story();
    let holds = [
        "records processed twice by group g: 1",
        "records never processed by group g: 1",
        "records never read by group g: 1",
        "partitions of dashboard at the end: 0",
        "partitions of dashboard-1 at the end: 0",
        "group g is stable again within 10s of the crash",
        "partitions that group g stops reading: 1",
        "lag of group g at the end: 2",
        "records forwarded by dashboard: 2",
        "records forwarded twice by dashboard: 1",
        "calls of sms: 2",
        "repeated calls of sms: 1",
    ];
    says(&mut story, &holds, "held");
    let fails = [
        "group g processes every acknowledged record",
        "records processed twice by group g: 0",
        "records never processed by group g: 0",
        "records never read by group g: 0",
        "partitions of dashboard at the end: 1",
        "group g is stable again within 9s of the crash",
        "group g does not rebalance",
        "partitions that group g stops reading: 0",
        "lag of group g at the end: 0",
        "records forwarded by dashboard: 1",
        "records forwarded twice by dashboard: 0",
        "calls of sms: 1",
        "repeated calls of sms: 0",
    ];
    says(&mut story, &fails, "FAILED");
    for offset in 1..4 {
        story.add(60_000, "dashboard-2", processed(offset));
    }
    let all = "group g processes every acknowledged record";
    says(&mut story, &[all], "held");
    let before = Story {
        entries: story.entries.iter().take(5).cloned().collect(),
        ..self::story()
    };
    let mut before = before;
    before.add(3_000, "broker-1", changed("Stable"));
    says(&mut before, &["group g does not rebalance"], "held");
}

/// Its consumers assign: there is such a group, and nobody in it.
#[test]
fn a_group_that_never_had_a_member_does_not_rebalance() {
    let sentence = "group g does not rebalance";
    let by_hand = GroupFact::AssignedByHand {
        group: "g".into(),
        partitions: vec![tp("t-0")],
        commits_nothing: false,
    };
    for fact in [by_hand.into(), committed(2)] {
        let mut story = story();
        story.entries.clear();
        story.add(1_000, "trucks", acked("trucks#0", "t-0", 0, "a"));
        let nobody = format!("FAILED: {sentence} — there was no such group");
        assert_eq!(story.says(sentence), nobody);
        story.add(3_000, "dashboard-1", fact);
        let held = format!("held: {sentence} — it never had a member");
        assert_eq!(story.says(sentence), held);
    }
}

#[test]
fn sentences_about_commits_and_polls_hold_and_fail() {
    let mut story = story();
    let sentences = [
        "times that members leave group g since they do not poll: 1",
        "times that group g goes on from a commit: 1",
        "commits of group g that go backwards: 1",
    ];
    says(&mut story, &sentences, "FAILED");
    // The same again goes neither forwards nor back.
    story.add(50_000, "broker-1", committed(2));
    says(&mut story, &sentences[2..], "FAILED");
    let goes_on = GroupFact::Resumed {
        group: "g".into(),
        partition: tp("t-0"),
        offset: 2,
    };
    let leaves = |owner_then| GroupFact::PollTimeoutExpired {
        group: "g".into(),
        max_poll_interval_ms: 10_000,
        owner_then,
    };
    story.add(51_000, "dashboard-2", goes_on.into());
    story.add(52_000, "broker-1", committed(1));
    story.add(53_000, "dashboard-2", leaves(OwnerThen::Nobody).into());
    story.add(54_000, "dashboard-1", leaves(OwnerThen::Itself).into());
    assert_eq!(
        sentences.map(|sentence| story.says(sentence)),
        [
            format!(
                "held: {} — dashboard-2 at 53.000 s; static members did not poll either, and do not leave: dashboard-1 at 54.000 s",
                sentences[0]
            ),
            format!("held: {} — t-0 from offset 2", sentences[1]),
            format!("held: {} — t-0 from 2 to 1", sentences[2]),
        ]
    );
}

#[test]
fn sentences_about_messages_hold_and_fail() {
    let mut story = story();
    let cannot = |times| MessageFact::NotDeserialized {
        partition: tp("t-0"),
        offset: 3,
        part: Part::Value,
        expected: "an int".into(),
        found: "00".into(),
        times,
    };
    let nothing = [
        "bytes of a value of trucks: 4",
        "records that dashboard cannot deserialize: 1",
        "dashboard is stuck at the end",
        "records skipped by dashboard: 1",
        "records sent to a dead-letter topic by dashboard: 1",
    ];
    says(&mut story, &nothing, "FAILED");
    let part = |size| Serialized {
        by: "int".into(),
        object: "1".into(),
        size,
        bytes: "00".into(),
    };
    let serialized = MessageFact::Serialized {
        record: crate::check::testing::record_id("trucks#1"),
        key: Box::new(part(-1)),
        value: Box::new(part(4)),
        headers: Vec::new(),
    };
    story.add(61_000, "trucks", serialized.into());
    story.add(62_000, "dashboard-2", cannot(1).into());
    let (partition, offset) = (tp("t-0"), 3);
    let skipped = MessageFact::PoisonSkipped {
        partition: partition.clone(),
        offset,
    };
    let dead = MessageFact::DeadLettered {
        partition,
        offset,
        to: tp("dead-0"),
        to_offset: 0,
    };
    says(&mut story, &nothing[..3], "held");
    says(&mut story, &["bytes of a value of trucks: 5"], "FAILED");
    story.add(63_000, "dashboard-2", skipped.into());
    story.add(64_000, "dashboard-2", dead.into());
    says(&mut story, &nothing[3..], "held");
    says(&mut story, &["dashboard is stuck at the end"], "FAILED");
}

#[test]
fn sentences_about_schemas_hold_and_fail() {
    let mut story = story();
    let sentences = [
        "versions of subject t-value: 2",
        "schemas refused for subject t-value: 1",
    ];
    says(&mut story, &sentences, "FAILED");
    for version in 1..=2 {
        let registered = MessageFact::SchemaRegistered {
            subject: "t-value".into(),
            version,
            id: version,
            client: "trucks".into(),
        };
        story.add(61_000, "schema-registry", registered.into());
    }
    let refused = MessageFact::SchemaRefused {
        subject: "t-value".into(),
        compatibility: "backward".into(),
        why: "it has no default".into(),
        client: "trucks".into(),
    };
    story.add(62_000, "schema-registry", refused.into());
    says(&mut story, &sentences, "held");
}
