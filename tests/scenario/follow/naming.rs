//! Which record a name means, and which are told apart that are alike.

use super::{followed, has, stations};
use crate::command_line::{text, trial};

#[test]
fn what_is_no_record_is_refused_with_one_message() {
    for (record, message) in [
        ("x", "error: x: this names no record\n"),
        (
            "trucks-1#5000",
            "error: trucks-1#5000: no such record is made in this run\n  = expected one of those that are: trucks-1 made 236 records",
        ),
        (
            "t-0@3",
            "error: t-0@3: there is no partition t-0 in this run\n  = expected one of trucks_gps-0\n",
        ),
        (
            "trucks_gps-0@-1",
            "error: trucks_gps-0@-1: no record of a producer of this scenario lies there\n  = expected one of the offsets",
        ),
        (
            "trucks_gps-0@5000",
            "error: trucks_gps-0@5000: no record of a producer of this scenario lies there\n  = expected one of the offsets that trucks_gps-0 holds at the end of the run: 0 to 695\n",
        ),
    ] {
        let output = trial(&["follow", "acks-1-loss", record]);
        assert_eq!(output.status.code(), Some(2), "{record}");
        assert_eq!(text(&output.stdout), "");
        assert!(
            text(&output.stderr).starts_with(message),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn what_no_producer_has_made_is_not_followed() {
    let output = trial(&["follow", "sent-on-twice", "__consumer_offsets-31@0"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    let begins = "error: __consumer_offsets-31@0: no record of a producer of this scenario lies there\n  = expected what a producer has made: copier-forwarder made ";
    assert!(said.starts_with(begins), "{said}");
}

#[test]
fn records_of_equal_bytes_are_told_apart() {
    let journey = followed(&["read-again", "riders-1#1"]);
    let of = |begins: &str| {
        let stations = stations(&journey);
        let alike = stations.iter().filter(|(_, what)| what.starts_with(begins));
        alike.count()
    };
    assert_eq!(of("appends it"), 1, "{journey}");
    assert_eq!(of("reads it at") + of("reads it again at"), 2, "{journey}");
}

#[test]
fn records_of_one_number_of_two_processes_are_told_apart() {
    let journey = followed(&["sent-on-twice", "trucks_copy-0@107"]);
    let stored = stations(&journey)
        .iter()
        .filter(|(_, what)| what.contains("offset ") && !what.contains("offset 107"))
        .count();
    assert_eq!(stored, 0, "{journey}");
    assert!(
        has(
            &journey,
            "copier",
            "is told that it is stored at offset 107"
        ),
        "{journey}"
    );
}

#[test]
fn a_number_that_several_processes_gave_is_refused_with_the_places() {
    let refused = |arguments: &[&str]| {
        let output = trial(&[&["follow", "sent-on-twice"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "");
        text(&output.stderr)
    };
    let places = "2 records have this name\n  = expected one by where it lies: trucks_copy-0@2 (of process 1 of copier-forwarder); trucks_copy-0@107 (of process 2 of copier-forwarder)\n";
    for name in ["copier-forwarder#3", "copier#3"] {
        let said = refused(&[name]);
        assert_eq!(said, format!("error: {name}: {places}"));
    }
    // The first process did not come to number 300.
    let alone = followed(&["sent-on-twice", "copier#300"]);
    assert_eq!(alone, followed(&["sent-on-twice", "copier-forwarder#300"]));
    for place in ["trucks_copy-0@2", "trucks_copy-0@107"] {
        let journey = followed(&["sent-on-twice", place]);
        let head = "copier-forwarder#3\nmade by    process ";
        assert!(journey.contains(head), "{journey}");
    }
    // Its process was gone before the paused broker stored it: a log tells where it lies, or that none has it.
    let apart = "topics={trucks_gps: {assignment: [[2]], config: {min.insync.replicas: 1}}, trucks_copy: {assignment: [[1, 2, 3]]}}";
    let ended = "of process 1 of copier-forwarder, which ended before it was told an offset";
    for (fault, first, second) in [
        ("for: 5s, pause", format!("trucks_copy-0@64 ({ended})"), 129),
        ("crash", format!("no log holds that {ended}"), 128),
    ] {
        let timeline = format!(
            "+timeline=[{{at: 10s, {fault}: broker-1}}, {{at: 12s, crash: copier}}, {{at: 20s, restart: copier}}]"
        );
        let said = refused(&["copier#65", "--set", apart, "--set", &timeline]);
        let second = format!("trucks_copy-0@{second} (of process 2 of copier-forwarder)");
        let expected = format!("= expected one by where it lies: {first}; {second}\n");
        assert!(said.ends_with(&expected), "{said}");
    }
}
