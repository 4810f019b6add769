//! Anatomy of an outage.

use super::{assert_says, at, played, well_made};
use kafka_trial::figure::{Kind, Picture, Wanted, to_svg};

fn outage(name: &str) -> Picture {
    let drawn = Kind::Outage.draw(&played(name), &Wanted::default());
    well_made(drawn, name)
}

#[test]
fn a_leaders_crash_is_detected_decided_told_learnt_and_caught_up() {
    let picture = outage("leader-crash");
    assert_says(
        &picture,
        &[
            "crash of broker-3",
            "trucks_gps-0: broker-3 led it",
            "zookeeper.session.timeout.ms=18000",
            "broker-1 writes: broker-2 leads, epoch 1, in sync 2,1",
            "broker-2 knows after",
            "retry.backoff.ms",
            "logs loaded after",
            "1 more hit partition not shown",
        ],
    );
}

#[test]
fn a_controllers_crash_has_an_election_more() {
    assert_says(
        &outage("controller-crash"),
        &["elect", "broker-1 is it now, epoch 2"],
    );
}

#[test]
fn writes_to_a_paused_leader_wait_for_their_timeout() {
    let picture = outage("paused-leader");
    assert_says(
        &picture,
        &[
            "request.timeout.ms: the old leader does not answer",
            "REQUEST_TIMED_OUT",
        ],
    );
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn followers_that_are_cut_off_are_detected_by_their_lag() {
    assert_says(
        &outage("leader-cut-from-followers"),
        &["replica.lag.time.max.ms=30000", "min.insync.replicas"],
    );
}

/// It has no error by which it would ask who leads.
#[test]
fn a_consumer_whose_old_leader_answers_stays_with_it() {
    assert_says(
        &outage("leader-cut-from-zookeeper"),
        &[
            "request.timeout.ms",
            "metadata.max.age.ms: the old leader still answers",
        ],
    );
}

#[test]
fn an_ensembles_outage_is_no_outage_of_partitions() {
    let picture = outage("zookeeper-leader-crash");
    assert_says(
        &picture,
        &[
            "ZooKeeper: its leader is hit",
            "bring up",
            "all sessions live",
            "DIFF",
        ],
    );
}

#[test]
fn what_did_not_occur_is_said_to_be_missing() {
    assert_says(
        &outage("zookeeper-quorum-lost"),
        &["did not occur", "no other server came to lead: no quorum"],
    );
    assert_says(&outage("hanging-disk"), &["nobody took note"]);
}

/// Sessions ended, and there was nobody to whom that would have said something.
#[test]
fn where_all_brokers_are_away_it_is_noticed_and_nothing_is_decided() {
    let picture = outage("power-failure-of-all");
    assert_says(
        &picture,
        &[
            "zookeeper.session.timeout.ms=18000",
            "16.0 s",
            "no broker was left to become controller",
            "broker-3 leads again, epoch 0; its log ends at 220, not 228",
        ],
    );
    let svg = to_svg(&picture);
    assert!(!svg.contains("nobody took note"), "{svg}");
}

#[test]
fn a_run_without_an_outage_has_no_anatomy() {
    let of = |name: &str, wanted: &Wanted| {
        let nothing = Kind::Outage.draw(&played(name), wanted);
        nothing.unwrap_err().found
    };
    // Before anything goes wrong.
    assert!(of("leader-crash", &at(10)).contains("nothing goes wrong"));
    for name in ["member-crashes", "clients-cut-from-zookeeper"] {
        assert!(of(name, &Wanted::default()).contains("hits no leader"));
    }
}
