//! How clients find the cluster.

use crate::client::cardboard::{Town, World};
use crate::client::{acked, counting, exceptions, producer};
use kafka_trial::protocol::Fact;

#[test]
fn a_dead_first_server_of_the_bootstrap_list_costs_a_try_and_nothing_else() {
    let mut has_met_the_dead_one = false;
    for seed in 0..8 {
        let mut town = Town::new(seed, World::with_partitions(&[2]));
        town.bootstrap_servers = vec!["broker-1".into(), "broker-2".into()];
        town.start(2);
        producer(&mut town, &[], counting(3));
        let facts = town.run_for(5_000);
        assert_eq!(acked(&facts), [(1, 0), (2, 1), (3, 2)], "seed {seed}");
        let from = |wanted: &Fact| facts.iter().position(|(_, fact)| fact == wanted);
        let dead = from(&Fact::BootstrapFailed {
            from: "broker-1:9092".into(),
        });
        let living = from(&Fact::Bootstrapped {
            from: "broker-2:9092".into(),
        });
        assert!(living.is_some(), "seed {seed}");
        assert!(dead.is_none_or(|at| at < living.unwrap()));
        has_met_the_dead_one |= dead.is_some();
    }
    assert!(
        has_met_the_dead_one,
        "the order of the list is left to chance"
    );
}

#[test]
fn cn18_who_is_asked_first_is_a_matter_of_chance() {
    let mut asked = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut town = Town::new(seed, World::with_partitions(&[1]));
        town.bootstrap_servers = vec!["broker-1".into(), "broker-2".into()];
        for broker in 1..=2 {
            town.start(broker);
        }
        producer(&mut town, &[], counting(1));
        let facts = town.run_for(1_000);
        asked.extend(facts.into_iter().filter_map(|(_, fact)| match fact {
            Fact::Bootstrapped { from } => Some(from),
            _ => None,
        }));
    }
    assert_eq!(asked.len(), 2, "{asked:?}");
}

#[test]
fn an_unknown_host_in_the_bootstrap_list_is_told_of_and_passed_over() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.bootstrap_servers = vec!["nowhere".into(), "broker-1".into()];
    town.start(1);
    producer(&mut town, &[], counting(1));
    let facts = town.run_for(2_000);
    assert!(facts.iter().any(|(_, fact)| *fact
        == Fact::BootstrapFailed {
            from: "nowhere:9092".into()
        }));
    assert_eq!(acked(&facts).len(), 1);
}

#[test]
fn cp2_send_blocks_for_max_block_ms_while_the_topic_is_unknown() {
    let mut town = Town::new(1, World::default());
    town.start(1);
    producer(&mut town, &[("max.block.ms", "2500")], counting(2));
    let facts = town.run_for(6_000);
    let failed = exceptions(&facts);
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert_eq!(failed[0].1, "TimeoutException");
    // Made at 0.1 s, blocked until 2.6 s; the one that fell due meanwhile comes right after it.
    assert_eq!((failed[0].0, failed[1].0), (2_600, 5_100));
}
