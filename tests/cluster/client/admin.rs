//! The administrator: whom it asks, how often, and what the application is told.

use crate::client::cardboard::{Town, World};
use crate::client::properties;
use kafka_trial::client::{Admin, AdminCommand, AdminOptions, AdminOutcome, Client};
use kafka_trial::kernel::NodeId;
use kafka_trial::protocol::{ElectionType, ErrorCode, Fact, Timer, TopicPartition};
use std::collections::BTreeMap;

fn admin(town: &mut Town, commands: Vec<AdminCommand>) -> NodeId {
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
