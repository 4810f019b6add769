//! A consumer that its leader sends to another replica (KIP-392): for how long it reads there, and what sends it back.

use crate::client::cardboard::{Town, World};
use crate::client::{consumed, consumer, exceptions};
use kafka_trial::kernel::Fault;
use kafka_trial::protocol::{BrokerId, Fact};
use std::ops::Range;

/// Broker 1 leads and has three records; it sends the consumer to broker 2, which has these of them.
fn town(has: Range<i64>, settings: &[(&str, &str)], start: i64) -> Town {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().append(0, &["a", "b", "c"]);
    town.world().read_replica = Some((2, has));
    town.start(1);
    town.start(2);
    let settings = [settings, &[("client.rack", "b")]].concat();
    consumer(&mut town, &settings, &[(0, start)]);
    town
}

/// Where it was told to read.
fn chosen(facts: &[(u64, Fact)]) -> Vec<BrokerId> {
    let replica = |(_, fact): &(u64, Fact)| match fact {
        Fact::ReadReplicaChosen { replica, .. } => Some(*replica),
        _ => None,
    };
    facts.iter().filter_map(replica).collect()
}

fn times_leader_was_asked(town: &Town) -> usize {
    let asked = &town.world().fetched_from;
    asked.iter().filter(|broker| **broker == 1).count()
}

#[test]
fn cc28_the_leaders_word_holds_for_metadata_max_age_ms_and_costs_a_round_trip_then() {
    let mut town = town(0..3, &[("metadata.max.age.ms", "400")], 0);
    let facts = town.run_for(1_000);
    assert_eq!(consumed(&facts), [0, 1, 2]);
    // At the start, and after 400 and 800 ms.
    assert_eq!(times_leader_was_asked(&town), 3);
    assert_eq!(chosen(&facts), [2], "it reads on where it has read");
}

#[test]
fn cc28_another_leader_has_a_word_of_its_own() {
    let mut town = town(0..3, &[], 0);
    let mut facts = town.run_for(300);
    assert_eq!(times_leader_was_asked(&town), 1);
    town.world().read_replica = None;
    town.world().move_leader(0, 2);
    facts.extend(town.run_for(1_000));
    town.world().append(0, &["d"]);
    facts.extend(town.run_for(1_000));
    assert_eq!(consumed(&facts), [0, 1, 2, 3]);
    assert_eq!(chosen(&facts), [2]);
}

#[test]
fn cc28_a_replica_that_metadata_do_not_name_is_not_read_from() {
    let mut town = town(0..3, &[], 0);
    let mut facts = town.run_for(300);
    town.world().partitions_are_offline_on(2);
    town.world().read_replica = None;
    // The connection is lost, and with it a fetch; metadata are asked for.
    let replica = town.broker(2);
    town.apply(Fault::Crash(replica));
    facts.extend(town.run_for(300));
    town.world().append(0, &["d"]);
    facts.extend(town.run_for(1_000));
    assert_eq!(consumed(&facts), [0, 1, 2, 3]);
    assert_eq!(chosen(&facts), [2, 1]);
}

#[test]
fn cc22_a_fetch_that_fails_leads_back_to_the_leader_again_and_again_while_that_sends_elsewhere() {
    let mut town = town(0..3, &[], 0);
    let mut facts = town.run_for(300);
    let replica = town.broker(2);
    town.apply(Fault::Crash(replica));
    facts.extend(town.run_for(3_000));
    let back_and_forth = chosen(&facts);
    assert!(back_and_forth.len() > 5, "{back_and_forth:?}");
    let alternates = |pair: &[BrokerId]| pair[0] != pair[1];
    assert!(back_and_forth.windows(2).all(alternates));
    assert!(exceptions(&facts).is_empty());
    // Each time it waits until the replica may be dialled again.
    assert!(times_leader_was_asked(&town) < 20);
    town.world().read_replica = None;
    town.world().append(0, &["d"]);
    facts.extend(town.run_for(2_000));
    assert_eq!(consumed(&facts), [0, 1, 2, 3]);
}

#[test]
fn cc16_f7_out_of_range_at_a_follower_is_asked_of_the_leader_and_nothing_is_reset() {
    // The follower ends before the position, or begins after it.
    for (has, start) in [(0..1, 2), (2..3, 0)] {
        let mut town = town(has, &[("auto.offset.reset", "none")], start);
        let mut facts = town.run_for(5);
        town.world().read_replica = None;
        facts.extend(town.run_for(2_000));
        let all: Vec<i64> = (start..3).collect();
        assert_eq!(consumed(&facts), all);
        // A leader that knows no better sends it there again.
        let chosen = chosen(&facts);
        assert_eq!((&chosen[..2], chosen.last()), (&[2, 1][..], Some(&1)));
        assert!(exceptions(&facts).is_empty());
    }
}
