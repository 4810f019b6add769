//! What a client knows of the cluster: when it asks again, and what it makes of the answers.

use crate::client::cardboard::{Town, World};
use crate::client::{consumed, consumer};
use kafka_trial::kernel::Fault;
use kafka_trial::protocol::NO_LEADER;

/// Both brokers are up, broker 1 leads, and a consumer reads.
fn town(settings: &[(&str, &str)]) -> Town {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().append(0, &["a"]);
    town.start(1);
    town.start(2);
    consumer(&mut town, settings, &[(0, 0)]);
    town
}

/// How often the cluster was asked about.
fn asked(town: &Town) -> usize {
    town.world().asked.matches('M').count()
}

#[test]
fn cn19_metadata_are_asked_for_again_when_they_are_old() {
    let mut often = town(&[("metadata.max.age.ms", "300")]);
    often.run_for(2_000);
    // At the start, and after 300, 600 and so on.
    assert!((6..=8).contains(&asked(&often)), "{}", asked(&often));
    let mut seldom = town(&[]);
    seldom.run_for(2_000);
    assert!(asked(&seldom) <= 2, "{}", asked(&seldom));
}

#[test]
fn cn19_cn22_cn25_a_missing_leader_is_asked_for_less_and_less_often() {
    let mut town = town(&[]);
    town.run_for(300);
    town.world().move_leader(0, NO_LEADER);
    let before = asked(&town);
    town.run_for(2_000);
    let early = asked(&town) - before;
    town.run_for(10_000);
    let late = asked(&town) - before - early;
    // Pauses of 100, 200, 400, 800 ms and then a second, a fifth more or less.
    assert!((3..=8).contains(&early), "{early}");
    assert!((8..=13).contains(&late), "{late}");
    // A newer epoch is news: the pauses are short again.
    town.world().move_leader(0, 2);
    town.world().append(0, &["b"]);
    let facts = town.run_for(2_000);
    assert_eq!(consumed(&facts), [1]);
}

#[test]
fn cn20_only_one_question_about_the_cluster_is_under_way() {
    let mut town = town(&[("metadata.max.age.ms", "300")]);
    town.run_for(250);
    let brokers = [1, 2].map(|id| town.broker(id));
    for broker in brokers {
        town.apply(Fault::Pause(broker));
    }
    let before = asked(&town);
    town.run_for(5_000);
    for broker in brokers {
        town.apply(Fault::Resume(broker));
    }
    town.run_for(10);
    assert_eq!(asked(&town), before + 1);
}

#[test]
fn cn24_an_answer_without_brokers_is_none() {
    let mut town = town(&[("metadata.max.age.ms", "300")]);
    let mut facts = town.run_for(100);
    town.world().names_nobody = true;
    facts.extend(town.run_for(1_000));
    let meanwhile = asked(&town);
    assert!(meanwhile >= 3, "{meanwhile}: it asks again, after a pause");
    town.world().append(0, &["b"]);
    facts.extend(town.run_for(1_000));
    assert_eq!(consumed(&facts), [0, 1], "it goes by what it knew");
}

#[test]
fn cn26_an_answer_with_an_older_epoch_is_not_taken_over() {
    let mut town = town(&[("metadata.max.age.ms", "300")]);
    let mut facts = town.run_for(100);
    town.world().move_leader(0, 2);
    facts.extend(town.run_for(1_000));
    let newer = town.world().fetched_from.len();
    town.world().lags_at = Some((1, 0));
    town.world().append(0, &["b"]);
    facts.extend(town.run_for(1_000));
    assert_eq!(consumed(&facts), [0, 1]);
    let asked = &town.world().fetched_from[newer..];
    assert!(!asked.is_empty() && asked.iter().all(|broker| *broker == 2));
}
