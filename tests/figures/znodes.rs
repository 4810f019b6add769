//! ZooKeeper's tree, its sessions, and who watches what.

use super::{assert_says, played, well_made};
use kafka_trial::figure::{Kind, Picture, Recording, Shape, Style, Wanted, to_svg};
use kafka_trial::kernel::Time;

fn znodes(recording: &Recording, at_ms: u64, topic: Option<&str>) -> Picture {
    let wanted = Wanted {
        at: Some(Time(at_ms * 1_000_000)),
        topic: topic.map(Into::into),
        ..Wanted::default()
    };
    well_made(Kind::Znodes.draw(recording, &wanted), &recording.name)
}

/// Pupils of eyes, filled or hollow.
fn eyes(picture: &Picture, filled: bool) -> usize {
    let is_pupil = |it: &Shape| matches!(it, Shape::Circle { radius: 3, .. });
    let parts = picture.parts.iter();
    let pupils = parts.filter(|it| is_pupil(&it.shape) && (it.style != Style::Frame) == filled);
    pupils.count()
}

#[test]
fn a_dead_brokers_node_stays_as_long_as_its_session() {
    let run = played("leader-crash");
    let before = znodes(&run, 40_000, None);
    assert_says(
        &before,
        &[
            "broker-3 (is down)",
            "expires in 4.00 s",
            "s3, broker-3",
            "leader 3, leader_epoch 0, isr [3,2,1]",
            "preferred_replica_election",
            "is not there",
            "empty: brokers, clients, ips, users",
        ],
    );
    // Nine are the controller's; each of the two brokers that run has one on the controller, and one on configurations.
    assert_eq!((eyes(&before, true), eyes(&before, false)), (13, 0));
    let after = to_svg(&znodes(&run, 44_500, None));
    assert!(!after.contains("broker-3"), "its session is over");
    assert!(after.contains("leader 2, leader_epoch 1, isr [2,1]"));
}

/// Nobody tells clients of changes while they have no server: what they count on is hollow until they have set it again.
#[test]
fn watches_of_clients_without_a_server_are_hollow() {
    let run = played("zookeeper-leader-crash");
    let before = znodes(&run, 29_000, None);
    let without = znodes(&run, 30_500, None);
    let again = znodes(&run, 40_000, None);
    assert_says(
        &without,
        &["zookeeper-3 is down", "zookeeper-2 leads, epoch 2"],
    );
    let all = eyes(&before, true);
    assert_eq!(eyes(&before, false), 0);
    assert!(eyes(&without, false) > 0);
    assert_eq!(eyes(&without, true) + eyes(&without, false), all);
    assert_eq!((eyes(&again, true), eyes(&again, false)), (all, 0));
    insta::assert_snapshot!(to_svg(&without));
}

#[test]
fn of_fifty_partitions_those_stand_there_that_changed_last() {
    let run = played("truck-gps-groups");
    let picture = znodes(&run, 30_000, Some("__consumer_offsets"));
    assert_says(
        &picture,
        &["45 more, which changed longer ago", "1 topic not shown"],
    );
    assert!(!to_svg(&picture).contains("trucks_gps<"));
}

#[test]
fn a_trace_does_not_hold_it() {
    let nothing = Kind::Znodes.draw(&Recording::default(), &Wanted::default());
    assert!(nothing.unwrap_err().found.contains("a trace does not hold"));
}
