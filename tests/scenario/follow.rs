//! `trial follow`: one record's way, station by station, or why there is none.

use super::command_line::{text, trial};

fn followed(arguments: &[&str]) -> String {
    let output = trial(&[&["follow"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Node and words of each station.
fn stations(journey: &str) -> Vec<(&str, &str)> {
    let lines = journey.lines().skip_while(|line| !line.is_empty()).skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    lines
        .map(|line| {
            let (_, rest) = line.split_once("s  ").expect("a time");
            let (node, what) = rest.split_once("  ").expect("a node");
            (node.trim(), what.trim())
        })
        .collect()
}

fn has(journey: &str, node: &str, begins: &str) -> bool {
    let stations = stations(journey);
    let mut of_it = stations.iter().filter(|(of, _)| *of == node);
    of_it.any(|(_, what)| what.starts_with(begins))
}

#[test]
fn a_record_is_followed_from_its_producer_to_its_reader() {
    let journey = followed(&["acks-1-loss", "trucks-2#1"]);
    for (node, begins) in [
        ("trucks-2", "hands it to its producer"),
        ("broker-2", "appends it as leader: offset 1,"),
        ("broker-1", "copies it from the leader"),
        ("broker-3", "copies it from the leader"),
        ("broker-2", "counts it as committed"),
        ("trucks-2", "is told that it is stored at offset 1, after "),
        ("dashboard", "reads it at offset 1;"),
        (
            "broker-3",
            "leads trucks_gps-0 from now on (epoch 1), and has it",
        ),
    ] {
        assert!(has(&journey, node, begins), "{node} {begins}\n{journey}");
    }
    assert!(
        journey.contains("key        truck 2  (7 bytes: 74 72 75 63 6b 20 32)"),
        "{journey}"
    );
    assert!(journey.ends_with(
        "\n\nat the end: broker-1, broker-2, broker-3 hold it at trucks_gps-0 offset 1\n"
    ));
    // The same record by its key, and by where it lies.
    assert_eq!(followed(&["acks-1-loss", "key=truck 2"]), journey);
    assert_eq!(followed(&["acks-1-loss", "trucks_gps-0@1"]), journey);
}

#[test]
fn a_record_that_was_acknowledged_and_lost_ends_where_it_was_cut_off() {
    let journey = followed(&["acks-1-loss", "trucks-1#56"]);
    assert!(
        has(&journey, "broker-2", "appends it as leader: offset"),
        "{journey}"
    );
    assert!(
        has(&journey, "trucks-1", "is told that it is stored"),
        "{journey}"
    );
    assert!(has(&journey, "broker-2", "cuts it off: "), "{journey}");
    assert!(!journey.contains("copies it"), "{journey}");
    assert!(!journey.contains("counts it as committed"), "{journey}");
    assert!(
        journey.contains("at the end: lost: it was acknowledged, and no log holds it\n"),
        "{journey}"
    );
    assert!(
        journey.ends_with("at the end: nobody read it\n"),
        "{journey}"
    );
    // With acks=all nobody says so before the followers have it, and it is not lost.
    let kept = followed(&[
        "acks-1-loss",
        "trucks-1#56",
        "--set",
        "producers/trucks/acks=all",
    ]);
    assert!(kept.contains("hold it at trucks_gps-0 offset"), "{kept}");
}

#[test]
fn a_record_that_was_refused_says_how_often_and_why() {
    let journey = followed(&["min-insync-refused", "trucks-1#50"]);
    assert!(
        has(
            &journey,
            "trucks-1",
            "will send it again: attempt 1 ended with NOT_ENOUGH_REPLICAS"
        ),
        "{journey}"
    );
    assert!(
        has(&journey, "trucks-1", "gives it up: TimeoutException"),
        "{journey}"
    );
    assert!(
        journey.contains("at the end: no log has ever held it"),
        "{journey}"
    );
}

#[test]
fn a_member_that_crashed_before_its_commit_has_it_read_twice() {
    let journey = followed(&["commit-after-processing", "trucks_gps-0@3"]);
    assert!(has(&journey, "dashboard", "is done with it"), "{journey}");
    assert!(
        has(&journey, "dashboard", "reads it again at offset 3;"),
        "{journey}"
    );
    let commit = stations(&journey).into_iter().any(|(node, what)| {
        node.starts_with("broker-") && what.starts_with("stores that group dashboards goes on")
    });
    assert!(commit, "{journey}");
    assert!(
        journey.ends_with("at the end: dashboard read it 2 times\n"),
        "{journey}"
    );
}

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
            "error: t-0@3: no such record is made in this run\n",
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
fn a_record_whose_application_named_its_partition_says_so() {
    let journey = followed(&["explicit-partition", "express-1#3"]);
    let why = "partition  parcels-2: its application named it\n";
    assert!(journey.contains(why), "{journey}");
}

#[test]
fn a_record_that_got_no_partition_is_said_to_have_none() {
    let journey = followed(&["incompatible-schema-change", "new-trucks#2"]);
    assert!(
        journey.contains("\npartition  none of trucks_gps: it got none\n"),
        "{journey}"
    );
    assert!(!journey.contains("trucks_gps--1"), "{journey}");
}

#[test]
fn while_send_waits_its_application_has_handed_it_over() {
    // It called send at 5 s, and threw after max.block.ms.
    let refused = followed(&["explicit-partition", "early#1"]);
    let thrown = "send gives it up before it is in a batch: TimeoutException";
    assert!(has(&refused, "early", thrown), "{refused}");
    assert!(!refused.contains("hands it to its producer"), "{refused}");
    // This one waited until the partition was there.
    let waited = followed(&["explicit-partition", "early#2"]);
    let handed = "15.000s  early         hands it to its producer\n";
    assert!(waited.contains(handed), "{waited}");
    assert!(
        has(&waited, "early", "has it in a batch: send had waited for"),
        "{waited}"
    );
}

/// Four riders make the same bytes, and one reader goes back to the begin and reads all again.
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

/// The second process of an application that sends on counts from 1 again.
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
