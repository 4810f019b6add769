//! The administrator: whom it asks, how often, and what the application is told.

use crate::client::cardboard::{Town, World};
use crate::client::properties;
use kafka_trial::client::{Admin, AdminCommand, AdminOptions, AdminOutcome, AdminTask, Client};
use kafka_trial::kernel::{Fault, NodeId};
use kafka_trial::protocol::{ElectionType, ErrorCode, Fact, GroupFact, Timer, TopicPartition};
use std::collections::BTreeMap;

fn admin(town: &mut Town, commands: Vec<impl Into<AdminTask>>) -> NodeId {
    let options = AdminOptions {
        name: "admin".into(),
        bootstrap: town.bootstrap(),
        properties: properties(&[
            ("request.timeout.ms", "1000"),
            ("default.api.timeout.ms", "3000"),
        ]),
        commands: commands.into_iter().map(Into::into).collect(),
    };
    town.add_client(
        "admin",
        Client::Admin(Box::new(Admin::new(options).unwrap())),
    )
}

fn create(topic: &str) -> AdminCommand {
    AdminCommand::CreateTopic {
        topic: topic.into(),
        partitions: 1,
        replication_factor: 1,
        assignment: Vec::new(),
        configs: BTreeMap::new(),
    }
}

fn outcome(town: &Town, node: NodeId, number: u32) -> Option<AdminOutcome> {
    match town.client(node) {
        Client::Admin(admin) => admin.outcomes().get(&number).cloned(),
        _ => None,
    }
}

#[test]
fn a_topic_is_created_by_whoever_turns_out_to_be_the_controller() {
    let mut town = Town::new(1, World::default());
    town.start(1);
    town.start(2);
    let node = admin(&mut town, vec![create("new"), create("newer")]);
    town.run_for(500);
    // It has learned of the old one by now.
    town.world().controller = 2;
    town.poke(node, Timer::Command(0));
    town.run_for(500);
    assert_eq!(outcome(&town, node, 0), Some(AdminOutcome::Done));
    town.poke(node, Timer::Command(1));
    let facts = town.run_for(1_000);
    assert_eq!(outcome(&town, node, 1), Some(AdminOutcome::Done));
    assert!(facts.iter().any(|(_, fact)| *fact
        == Fact::AdminAnswered {
            what: "create topic newer".into(),
            creates: Some("newer".into()),
            error: ErrorCode::None
        }));
}

#[test]
fn a_call_that_nobody_answers_ends_after_default_api_timeout_ms() {
    let mut town = Town::new(1, World::default());
    town.world().mute_admin = true;
    town.start(1);
    let node = admin(&mut town, vec![create("new")]);
    town.run_for(500);
    town.poke(node, Timer::Command(0));
    town.run_for(2_900);
    assert_eq!(outcome(&town, node, 0), None);
    town.run_for(200);
    let Some(AdminOutcome::Failed { exception, .. }) = outcome(&town, node, 0) else {
        panic!("no outcome");
    };
    assert_eq!(&*exception, "TimeoutException");
}

#[test]
fn an_election_that_is_not_needed_says_so_for_its_partition() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    let partition = TopicPartition::new("t", 0);
    let elect = AdminCommand::ElectLeaders {
        election_type: ElectionType::Preferred,
        partitions: Some(vec![partition.clone()]),
    };
    town.start(2);
    let node = admin(&mut town, vec![elect.clone(), elect]);
    town.run_for(500);
    // Java does not look for another controller here; but the second command is run by a tool that has
    // not learned of the first one's.
    for (number, controller) in [(0, 1), (1, 2)] {
        town.world().controller = controller;
        town.poke(node, Timer::Command(number));
        town.run_for(500);
        let Some(AdminOutcome::Elected(elected)) = outcome(&town, node, number) else {
            panic!("no outcome");
        };
        let error = elected[&partition].as_deref();
        assert_eq!(
            error,
            Some("ElectionNotNeededException"),
            "command {number}"
        );
    }
}

/// Two brokers that lead a partition each; the second one coordinates the group.
fn group_town() -> (Town, NodeId) {
    let mut world = World::with_partitions(&[1, 2]);
    world.append(0, &["a", "b", "c"]);
    world.groups.coordinator = 2;
    world.groups.state = "Stable";
    world.groups.assigned = vec![0, 1];
    world.groups.committed = vec![(0, 1)];
    let mut town = Town::new(1, world);
    town.start(1);
    town.start(2);
    let node = admin(&mut town, vec![AdminTask::DescribeGroup("g".into())]);
    town.run_for(500);
    (town, node)
}

/// What was heard since, and whether the tool is done.
fn heard(town: &mut Town, node: NodeId, millis: u64) -> (Vec<String>, bool) {
    town.run_for(millis);
    let is_done = outcome(town, node, 0).is_some();
    (std::mem::take(&mut town.world().groups.heard), is_done)
}

const DESCRIBED: [&str; 4] = [
    "FindCoordinator [\"g\"]",
    "ConsumerGroupDescribe at 2",
    "DescribeGroups at 2",
    "FindCoordinator [\"g\"]",
];

#[test]
fn cg49_a_group_is_described_by_its_coordinator_and_its_ends_by_their_leaders() {
    let (mut town, node) = group_town();
    town.poke(node, Timer::Command(0));
    let facts = town.run_for(500);
    let (heard, is_done) = heard(&mut town, node, 0);
    assert!(is_done);
    assert_eq!(heard[..4], DESCRIBED);
    assert_eq!(heard[4..6], ["OffsetFetch at 2", "Metadata of t"]);
    let mut ends = heard[6..].to_vec();
    ends.sort();
    assert_eq!(
        ends,
        ["ListOffsets of t-0 at 1", "ListOffsets of t-1 at 2"],
        "both leaders at a time"
    );
    let rows = facts.iter().filter_map(|(_, fact)| match fact {
        Fact::Group(GroupFact::DescribedRow { row, .. }) => Some(row),
        _ => None,
    });
    let rows: Vec<_> = rows
        .map(|row| {
            let member = row.member.as_deref();
            let numbers = (row.committed, row.log_end, row.lag());
            (row.partition.partition, numbers, member)
        })
        .collect();
    assert_eq!(
        rows,
        [
            (1, (None, Some(0), None), Some("m")),
            (0, (Some(1), Some(3), Some(2)), Some("m")),
        ],
        "in the order of Java's map"
    );
}

#[test]
fn cg49_who_is_not_found_is_asked_for_at_once_and_who_cannot_say_yet_after_a_while() {
    let (mut town, node) = group_town();
    let not_yet = ErrorCode::CoordinatorNotAvailable;
    town.world().groups.find_errors = [not_yet; 3].into();
    town.world().groups.describe_errors = [
        ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::NotCoordinator,
    ]
    .into();
    town.world().list_offsets_errors = [ErrorCode::NotLeaderOrFollower].into();
    town.poke(node, Timer::Command(0));
    let (first, _) = heard(&mut town, node, 60);
    let mut expected = vec![DESCRIBED[0]; 4];
    expected.push(DESCRIBED[1]);
    assert_eq!(first, expected, "no pause between the four");
    // The coordinator rests before each of its three answers, a little longer each time.
    let (second, _) = heard(&mut town, node, 80);
    assert_eq!(second, [DESCRIBED[2]], "it loads");
    let (third, _) = heard(&mut town, node, 300);
    assert_eq!(third, [DESCRIBED[2], DESCRIBED[0]], "it is not the one");
    let (rest, is_done) = heard(&mut town, node, 1_500);
    assert!(is_done);
    assert_eq!(rest[..2], [DESCRIBED[2], DESCRIBED[0]]);
    // The one whose leader had moved is looked up again by itself.
    let (ends, again): (Vec<&String>, Vec<&String>) = {
        let ends = rest[3..].iter();
        ends.partition(|it| it.starts_with("ListOffsets"))
    };
    assert_eq!(again, ["Metadata of t", "Metadata of t"]);
    assert_eq!(ends.len(), 3, "{ends:?}");
}

#[test]
fn cg49_without_a_coordinator_the_tool_fails_after_its_5_seconds() {
    let (mut town, node) = group_town();
    let not_yet = ErrorCode::CoordinatorNotAvailable;
    town.world().groups.find_errors = [not_yet; 100_000].into();
    town.poke(node, Timer::Command(0));
    let (_, is_done) = heard(&mut town, node, 4_900);
    assert!(!is_done);
    town.run_for(200);
    let Some(AdminOutcome::Failed { exception, .. }) = outcome(&town, node, 0) else {
        panic!("no outcome");
    };
    assert_eq!(&*exception, "TimeoutException");
    // Another time it is refused for good.
    town.world().groups.find_errors = [ErrorCode::InvalidGroupId].into();
    town.poke(node, Timer::Command(0));
    let facts = town.run_for(500);
    let failed = facts.iter().find_map(|(_, fact)| match fact {
        Fact::Group(GroupFact::DescribeFailed { exception, .. }) => Some(&**exception),
        _ => None,
    });
    assert_eq!(failed, Some("InvalidGroupIdException"));
}

/// What the tool says once it has given up.
fn told(town: &mut Town, node: NodeId) -> String {
    town.poke(node, Timer::Command(0));
    let facts = town.run_for(16_000);
    let failed = facts.iter().find_map(|(_, fact)| match fact {
        Fact::Group(GroupFact::DescribeFailed {
            exception, message, ..
        }) => Some(format!("{exception}: {message}")),
        _ => None,
    });
    failed.expect("it gives up")
}

#[test]
fn cg49_each_question_says_of_itself_that_its_time_is_over() {
    // The coordinator has answered once before it is asked by the older request.
    for (mute, call, attempts) in [
        (
            "FindCoordinator",
            "describeConsumerGroups(api=FIND_COORDINATOR)",
            1,
        ),
        (
            "ConsumerGroupDescribe",
            "describeConsumerGroups(api=CONSUMER_GROUP_DESCRIBE)",
            1,
        ),
        (
            "DescribeGroups",
            "describeConsumerGroups(api=DESCRIBE_GROUPS)",
            2,
        ),
        ("OffsetFetch", "offsetFetch(api=OFFSET_FETCH)", 1),
        ("Metadata of t", "listOffsets(api=METADATA)", 1),
        ("ListOffsets", "listOffsets(api=LIST_OFFSETS)", 1),
    ] {
        let (mut town, node) = group_town();
        town.world().groups.mute = mute;
        assert_eq!(
            told(&mut town, node),
            format!(
                "TimeoutException: Call(callName={call}) timed out after {attempts} attempt(s)"
            )
        );
    }
}

#[test]
fn cg49_what_is_never_sent_says_what_it_waits_for() {
    // A broker that the metadata do not name.
    let (mut town, node) = group_town();
    town.world().groups.coordinator = 3;
    assert_eq!(
        told(&mut town, node),
        "TimeoutException: Timed out waiting for a node assignment. \
         Call: describeConsumerGroups(api=CONSUMER_GROUP_DESCRIBE)"
    );
    // One that stands still: its machine takes the connection, and nobody answers on it.
    let (mut town, node) = group_town();
    let broker = town.broker(2);
    town.apply(Fault::Pause(broker));
    let said = told(&mut town, node);
    assert_eq!(
        said,
        "TimeoutException: Timed out waiting to send the call. \
         Call: describeConsumerGroups(api=CONSUMER_GROUP_DESCRIBE)"
    );
}
