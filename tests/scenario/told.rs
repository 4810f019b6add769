//! What is told of who had read before, of applications that throw, and of one client alone, in whole runs.

use super::command_line::{Scratch, text, trial};

/// What it prints, whatever is expected and comes otherwise.
fn printed(arguments: &[&str]) -> String {
    text(&trial(arguments).stdout)
}

fn tells(told: &str, words: &str) {
    assert!(told.contains(words), "{words}\nis not told in\n{told}");
}

#[test]
fn who_reads_on_behind_another_member_is_not_told_as_if_it_had_read_before() {
    let crash = printed(&["run", "member-crashes"]);
    tells(
        &crash,
        "trucks_gps-2 offset 79 (dashboard-2 had processed all up to 83: 5 records are processed twice)",
    );
    let slow = printed(&["run", "slow-member"]);
    tells(
        &slow,
        "trucks_gps-1 offset 27 (slow was given all up to 31: 5 records are read twice)",
    );
    let itself = printed(&["run", "auto-commit-and-a-crash"]);
    // What it was given beyond that is read twice as well, but not done twice.
    tells(
        &itself,
        " (it had processed all up to 111: 19 records are processed twice)",
    );
}

/// Two members of a group that send on what they read, and throw at what is too large for there.
const THROWING: &str = "format: 1
name: throwing
about: Applications throw at a record.
duration: 30s
cluster: {brokers: 1, config: {offsets.topic.replication.factor: 1}}
topics:
  t: {partitions: 1}
  small: {partitions: 1, config: {max.message.bytes: 120}}
producers:
  big: {topic: t, every: 60s, value: {bytes: 300B}}
consumers:
  copier:
    count: 2
    topics: [t]
    config: {group.id: g, enable.auto.commit: false}
    commit: sync every 10 records
    each_record: {forward: small}
";

#[test]
fn what_applications_send_themselves_and_who_threw_is_told() {
    let scratch = Scratch::new("told-throwing");
    let file = scratch.file("throwing.yaml", THROWING);
    let told = printed(&["run", &file]);
    tells(
        &told,
        "refuses writes with MESSAGE_TOO_LARGE (a batch is larger than max.message.bytes allows): small-0",
    );
    tells(
        &told,
        "\ncopier-1: records read 1\ncopier-1's own producer: records made 1, acknowledged 0, given up 1, still waiting 0; sent again 0\n",
    );
    tells(&told, "\ngroup g: records processed 0\n");
    let followed = printed(&["follow", &file, "big#1"]);
    tells(
        &followed,
        "of group g the applications of copier-1 and copier-2 threw at it",
    );
    let verbose = printed(&["run", "--verbose", &file]);
    for words in [
        "  big           learns of the cluster from broker-1:9092\n",
        "  copier-1      gives up with RecordTooLargeException: copier-1-forwarder#1\n",
    ] {
        tells(&verbose, words);
    }
}

#[test]
fn what_was_deleted_is_told_in_whole_sentences() {
    let asked = printed(&["run", "delete-records"]);
    tells(
        &asked,
        "deletes old segments below the log's start: trucks_gps-0 starts at 50 now",
    );
    let followed = printed(&[
        "follow",
        "reader-away-longer-than-retention",
        "trucks_gps-0@3",
    ]);
    tells(
        &followed,
        "no log holds it any more (retention.ms, and of its segments the newest timestamp is ",
    );
}

#[test]
fn what_is_refused_given_up_and_done_about_it_is_told_together_with_what_is_left_out() {
    let told = printed(&["run", "timestamps-in-seconds"]);
    let (told, _tables) = told.split_once("$ kafka-topics").expect("tables");
    for words in [
        "refuses writes with INVALID_TIMESTAMP",
        "give up with InvalidTimestampException",
        "goes on as producer 0 in epoch",
    ] {
        let lines: Vec<&str> = told.lines().filter(|line| line.contains(words)).collect();
        let times = lines
            .iter()
            .map(|line| line.trim_start().split_once('.').unwrap().0);
        let times: Vec<&str> = times.collect();
        assert_eq!(
            times,
            ["2", "22", "32", "42", "52", "62", "72", "82"],
            "{told}"
        );
        assert!(
            lines[1].contains(" (1 other since the last such line)"),
            "{told}"
        );
        assert_eq!(told.matches(words).count(), 8);
    }
}
