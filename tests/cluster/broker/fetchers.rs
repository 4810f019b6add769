//! Following: how many fetchers ask a leader, and for what.

use crate::broker::world::{BROKER_EPOCH, World, state};
use kafka_trial::protocol::TopicPartition;
use kafka_trial::protocol::config::BrokerConfig;

/// The partitions of each fetch that broker 1 has under way, following t-0 to t-2 of broker 2.
fn asked(num_replica_fetchers: u16) -> Vec<Vec<i32>> {
    let mut world = World::with(BrokerConfig {
        num_replica_fetchers,
        ..BrokerConfig::default()
    });
    world.update_metadata(9, 1, BROKER_EPOCH);
    let followed = |number| {
        let mut state = state(2, 5, 0);
        state.partition = TopicPartition::new("t", number);
        state
    };
    world.leader_and_isr(1, BROKER_EPOCH, [0, 1, 2].map(followed).to_vec());
    world.pass(100);
    let fetches = world.fetches();
    let partitions = fetches.iter().map(|fetch| fetch.partitions.iter());
    let mut asked: Vec<Vec<i32>> = partitions
        .map(|of_one| of_one.map(|asked| asked.partition.partition).collect())
        .collect();
    asked.sort();
    asked
}

#[test]
fn lk6_two_fetchers_ask_apart() {
    assert_eq!(
        asked(1),
        [vec![0, 1, 2]],
        "nobody answers, so none asks twice"
    );
    assert_eq!(asked(2), [vec![0, 2], vec![1]]);
}
