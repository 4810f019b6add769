//! Which clock clients' time-outs follow: the wall clock, so that one that is set forward ends what waits,
//! and one that is set back makes it wait so much longer.

use crate::client::cardboard::{Answer, Town, World};
use crate::client::{acked, counting, exceptions, producer, properties};
use kafka_trial::client::{Admin, AdminCommand, AdminOptions, Client};
use kafka_trial::kernel::{Duration, Fault, NodeId};
use kafka_trial::protocol::{Fact, Timer};
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;

fn town() -> Town {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    town.start(2);
    town
}

fn jump(town: &mut Town, node: NodeId, by_ms: i64) {
    town.apply(Fault::ClockJump { node, by_ms });
}

#[test]
fn a_clock_set_forward_fails_records_in_flight_with_the_next_record_and_some_are_stored_all_the_same()
 {
    let mut town = town();
    town.world().answers.push_back(Answer::Silence);
    let node = producer(&mut town, &[], counting(3));
    town.run_for(500);
    jump(&mut town, node, 3 * MINUTE);
    let facts = town.run_for(5_000);
    assert_eq!(
        exceptions(&facts),
        [(1_100, "TimeoutException".into())],
        "with record 2, which wakes the producer"
    );
    assert_eq!(
        town.world().values(0),
        ["1", "2", "3"],
        "record 1 is there; its connection was given up before record 2 was sent"
    );
    let numbers: Vec<u64> = acked(&facts).iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [2, 3]);
}

#[test]
fn a_clock_set_back_keeps_a_record_waiting_so_much_longer() {
    let settings = [
        ("delivery.timeout.ms", "2000"),
        ("request.timeout.ms", "2000"),
    ];
    for (by_ms, fails_after) in [(0, 2_000), (-MINUTE, 62_000)] {
        let mut town = town();
        town.world().answers.push_back(Answer::Silence);
        let node = producer(&mut town, &settings, counting(1));
        let facts = town.run_for(500);
        let is_created = |fact: &Fact| matches!(fact, Fact::RecordCreated { .. });
        let created = facts.iter().find(|(_, fact)| is_created(fact));
        let fails_at = created.map_or(0, |(ms, _)| ms + fails_after);
        jump(&mut town, node, by_ms);
        let facts = town.run_for(100_000);
        let failed: Vec<u64> = exceptions(&facts).iter().map(|(ms, _)| *ms).collect();
        assert_eq!(failed, [fails_at], "{by_ms}");
    }
}

fn is_over(town: &Town, node: NodeId) -> bool {
    match town.client(node) {
        Client::Admin(admin) => !admin.outcomes().is_empty(),
        _ => false,
    }
}

fn admin(town: &mut Town) -> NodeId {
    let options = AdminOptions {
        name: "a".into(),
        bootstrap: town.bootstrap(),
        properties: properties(&[]),
        commands: vec![
            AdminCommand::CreateTopic {
                topic: "new".into(),
                partitions: 1,
                replication_factor: 1,
                assignment: Vec::new(),
                configs: BTreeMap::new(),
            }
            .into(),
        ],
    };
    let node = town.add_client("a", Client::Admin(Box::new(Admin::new(options).unwrap())));
    town.poke(node, Timer::Command(0));
    node
}

#[test]
fn an_administrators_call_ends_by_the_wall_clock() {
    // default.api.timeout.ms is a minute.
    for (by_ms, ends_at) in [(0, 60_000), (-MINUTE, 120_000)] {
        let mut town = town();
        town.world().mute_admin = true;
        let node = admin(&mut town);
        town.run_for(1_000);
        jump(&mut town, node, by_ms);
        town.run_for(ends_at - 1_500);
        assert!(!is_over(&town, node), "{by_ms}");
        town.run_for(1_000);
        assert!(is_over(&town, node), "{by_ms}");
    }
}

/// A client's turn takes in what has come before it looks at what has waited too long.
#[test]
fn cn14_an_answer_that_has_come_counts_though_it_is_late_by_the_clock() {
    let mut town = town();
    let node = producer(&mut town, &[], counting(2));
    let mut facts = town.run_for(900);
    town.apply(Fault::SlowLink {
        a: vec![node],
        b: vec![town.broker(1)],
        extra: Duration::from_millis(40),
    });
    // The second record is on its way; its time would be over after half of that.
    facts.extend(town.run_for(250));
    jump(&mut town, node, MINUTE);
    assert_eq!(acked(&facts).len(), 1);
    let facts = town.run_for(1_000);
    assert_eq!(exceptions(&facts), []);
    assert_eq!(acked(&facts), [(2, 1)]);
    assert_eq!(town.world().sequences(0), [(0, 0), (0, 1)], "sent once");
    let asked = town.world().asked.matches('P').count();
    assert_eq!(asked, 2);
}
