//! What a client knows of the cluster: when it asks again, and what it makes of the answers.

use crate::client::cardboard::{Town, World};
use crate::client::{acked, consumed, consumer, counting, producer};
use kafka_trial::client::workload::{Pace, Workload};
use kafka_trial::kernel::{Duration, Fault};
use kafka_trial::protocol::{Fact, NO_LEADER};

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

/// The topics of each question about the cluster.
fn asked_about(town: &Town) -> Vec<String> {
    let world = town.world();
    let topics = world.asked_about.iter().map(|topics| topics.join(" "));
    topics.collect()
}

/// A producer begins with brokers alone, asks about a topic when it has something for it, and later about all; a
/// consumer asks about what it reads from the start.
#[test]
fn cn21_a_producer_asks_about_the_topics_that_it_has_used() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    producer(&mut town, &[("metadata.max.age.ms", "2000")], counting(9));
    town.run_for(5_000);
    let asked = asked_about(&town);
    assert_eq!(asked[..2], ["", "t"]);
    assert!(
        asked.len() > 3 && asked[2..].iter().all(|it| it == "t"),
        "{asked:?}"
    );
    let mut reads = self::town(&[]);
    reads.run_for(500);
    assert!(asked_about(&reads).iter().all(|it| it == "t"));
}

/// The first answer is 10 ms old when the producer learns of its topic: no back-off of 100 ms holds that question up.
#[test]
fn cn23_a_new_topic_is_asked_about_at_once() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    town.start(2);
    let workload = Workload {
        start_after: Duration::from_millis(10),
        ..counting(1)
    };
    producer(&mut town, &[("enable.idempotence", "false")], workload);
    let facts = town.run_for(40);
    assert_eq!(asked_about(&town), ["", "t"], "{facts:?}");
    assert_eq!(acked(&facts), [(1, 0)]);
}

/// The answer to where the log begins names an epoch that metadata do not have yet: nobody leads until they do.
#[test]
fn cn27_a_newer_epoch_that_is_heard_of_leaves_the_partition_without_a_leader() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.world().append(0, &["a"]);
    town.world().move_leader(0, 1);
    town.world().lags_at = Some((1, 0));
    town.start(1);
    consumer(&mut town, &[("auto.offset.reset", "earliest")], &[]);
    let facts = town.run_for(3_000);
    assert!(town.world().fetched_from.is_empty() && consumed(&facts).is_empty());
    assert!(asked(&town) > 4, "{}: it asks for newer ones", asked(&town));
    town.world().lags_at = None;
    assert_eq!(consumed(&town.run_for(2_000)), [0]);
}

/// A record at 0.1 s and one at 20.1 s. By 6 s the topic has not been used for 5 s: what comes of that answer is that
/// the next question leaves it out.
#[test]
fn cn29_a_topic_that_a_producer_does_not_use_is_forgotten() {
    let mut town = Town::new(1, World::with_partitions(&[1]));
    town.start(1);
    let settings = [
        ("metadata.max.age.ms", "6000"),
        ("metadata.max.idle.ms", "5000"),
    ];
    let workload = Workload {
        pace: Pace::Every(Duration::from_secs(20)),
        ..counting(2)
    };
    producer(&mut town, &settings, workload);
    let mut facts = town.run_for(19_000);
    assert_eq!(asked_about(&town), ["", "t", "t", "", ""]);
    facts.extend(town.run_for(3_000));
    assert_eq!(acked(&facts), [(1, 0), (2, 1)]);
    assert_eq!(asked_about(&town)[5..], ["t"]);
}

/// No broker answers for a while. Whoever may then begins again with the bootstrap list; nobody does unless told to.
#[test]
fn cn29_with_rebootstrap_a_client_goes_back_to_its_list() {
    let bootstraps = |strategy: &str| {
        let settings = [
            ("metadata.recovery.strategy", strategy),
            ("reconnect.backoff.ms", "4000"),
            ("reconnect.backoff.max.ms", "4000"),
        ];
        let mut town = Town::new(1, World::with_partitions(&[1]));
        town.start(1);
        town.start(2);
        producer(&mut town, &settings, counting(30));
        let mut facts = town.run_for(3_000);
        for broker in [1, 2] {
            let node = town.broker(broker);
            town.apply(Fault::Crash(node));
        }
        facts.extend(town.run_for(5_000));
        town.start(1);
        town.start(2);
        facts.extend(town.run_for(10_000));
        let is_bootstrap = |fact: &Fact| matches!(fact, Fact::Bootstrapped { .. });
        facts.iter().filter(|(_, fact)| is_bootstrap(fact)).count()
    };
    assert_eq!(bootstraps("none"), 1);
    let again = bootstraps("rebootstrap");
    assert!(again > 1, "{again}");
}

/// The first broker that answered is known under an id of its own from then on: the connection to it as a server of the
/// bootstrap list is used no more. Whoever looks often enough loses it after the idle time, and nothing else.
#[test]
fn cn12_a_connection_that_is_not_used_is_closed() {
    let closed = |idle: &str| {
        let mut town = Town::new(1, World::with_partitions(&[1]));
        town.start(1);
        let settings = [
            ("connections.max.idle.ms", idle),
            ("enable.idempotence", "false"),
        ];
        producer(&mut town, &settings, counting(20));
        let mut facts = town.run_for(4_000);
        let before = asked(&town);
        facts.extend(town.run_for(18_000));
        assert_eq!(acked(&facts).len(), 20);
        asked(&town) - before
    };
    // A lost connection has metadata asked for.
    assert_eq!(closed("540000"), 0);
    assert_eq!(closed("-1"), 0);
    assert_eq!(closed("5000"), 1);
}
