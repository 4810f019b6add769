//! `trial follow`: one record's way, station by station, or why there is none.

mod ending;
mod naming;
mod what;

use super::command_line::{Scratch, text, trial};

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

/// The node says exactly this, at one station or more.
fn says(journey: &str, node: &str, what: &str) {
    let said = stations(journey).contains(&(node, what));
    assert!(said, "{node}: {what}\nis not said in\n{journey}");
}

/// What is told at the end, line by line.
fn ends(journey: &str, expected: &[&str]) {
    let lines = journey.lines();
    let end: Vec<&str> = lines
        .filter_map(|it| it.strip_prefix("at the end: "))
        .collect();
    assert_eq!(end, expected, "{journey}");
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
    says(&journey, "broker-2", "crashes, and has it");
    says(
        &journey,
        "broker-3",
        "leads trucks_gps-0 from now on (epoch 1), and does not have it",
    );
    ends(
        &journey,
        &[
            "lost: it was acknowledged, and no log holds it: broker-2 cut it off when it came to follow broker-3, which does not have it",
            "nobody read it",
        ],
    );
    // With acks=0 nobody was told.
    let unanswered = ["--set", "producers/trucks/acks=0"];
    let unanswered = followed(&[&["acks-1-loss", "trucks-1#56"], &unanswered[..]].concat());
    ends(
        &unanswered,
        &[
            "lost: no log holds it any more, and with acks=0 nobody was to say so: broker-2 cut it off when it came to follow broker-3, which does not have it",
            "nobody read it",
        ],
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
    // Who refused, with what, and what that means.
    says(
        &journey,
        "trucks-1",
        "will send it again: broker-1 answers attempt 1 with NOT_ENOUGH_REPLICAS (the ISR is smaller than min.insync.replicas)",
    );
    let why = "TimeoutException: delivery.timeout.ms is over; the attempt before ended with NOT_ENOUGH_REPLICAS (the ISR is smaller than min.insync.replicas)";
    says(&journey, "trucks-1", &format!("gives it up: {why}"));
    let refused = format!("refused: no log has ever held it ({why})");
    ends(&journey, &[&refused, "nobody read it"]);
}

#[test]
fn a_member_that_crashed_before_its_commit_has_it_read_twice() {
    let journey = followed(&["commit-after-processing", "trucks_gps-0@33"]);
    assert!(has(&journey, "dashboard", "is done with it"), "{journey}");
    assert!(
        has(&journey, "dashboard", "reads it again at offset 33;"),
        "{journey}"
    );
    let commit = stations(&journey).into_iter().any(|(node, what)| {
        node.starts_with("broker-") && what.starts_with("stores that group dashboards goes on")
    });
    assert!(commit, "{journey}");
    ends(
        &journey,
        &[
            "broker-1, broker-2, broker-3 hold it at trucks_gps-0 offset 33",
            "dashboard read it 2 times",
            "processed twice: group dashboards was done with it 2 times: dashboard began at offset 30 (its group's committed offset)",
        ],
    );
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
        journey.contains("\npartition  none of trucks_gps: it got none; "),
        "{journey}"
    );
    assert!(!journey.contains("trucks_gps--1"), "{journey}");
}

#[test]
fn while_send_waits_its_application_has_handed_it_over() {
    // It called send at 5 s, and threw after max.block.ms.
    let refused = followed(&["explicit-partition", "early#1"]);
    let handed = "\n    5.000s  early         hands it to its producer\n";
    let why = "TimeoutException: max.block.ms is over, and its topic, or the partition that it names, is not known";
    let thrown =
        format!("   15.000s  early         send gives it up before it is in a batch: {why}\n");
    assert!(refused.contains(&format!("{handed}{thrown}")), "{refused}");
    let never = format!("never sent: no log has ever held it ({why})");
    ends(&refused, &[&never]);
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
/// The second process of an application that sends on counts from 1 again.
#[test]
fn what_is_no_text_stands_as_an_object_beside_its_bytes() {
    let of_int = followed(&["anatomy-of-a-message", "truck#1"]);
    let line = "\nkey        1 by int  (4 bytes: 00 00 00 01)\n";
    assert!(of_int.contains(line), "{of_int}");
    let by_schema = followed(&["registry-down", "truck#1"]);
    let line =
        "\"longitude\":13.4461} by avro of the registry  (29 bytes: 00 00 00 00 01 0e 74 72 ";
    assert!(by_schema.contains(line), "{by_schema}");
    let said = "takes its schema as version 1 of trucks_gps-value, id 1";
    says(&by_schema, "schema-registry", said);
}

#[test]
fn a_reader_that_cannot_deserialize_it_says_what_it_expected() {
    let journey = followed(&["wrong-deserializer", "counter#1"]);
    says(
        &journey,
        "by-long",
        "cannot deserialize its value (numbers-0 offset 0): expected 8 bytes of a long, found 4 bytes, 00 00 00 01; poll throws RecordDeserializationException, and its position stays there",
    );
    ends(
        &journey,
        &[
            "broker-1 holds it at numbers-0 offset 0",
            "stuck: by-long cannot read it, poll threw 36 times for it, and nothing behind it is read",
        ],
    );
    // Once the registry is back it is read.
    let journey = followed(&["registry-down", "truck#1"]);
    says(
        &journey,
        "new-dashboard",
        "cannot deserialize its value (trucks_gps-0 offset 0): expected schema 1, and the registry cannot be asked: nobody listens there, found 29 bytes, which begin with 00 00 00 00 01 0e 74 72; poll throws RecordDeserializationException, and its position stays there",
    );
    assert!(has(&journey, "new-dashboard", "reads it at offset 0;"));
    ends(&journey, &["broker-1 holds it at trucks_gps-0 offset 0"]);
}

const POISON_LIES: &str = "broker-1, broker-2, broker-3 hold it at trucks_gps-1 offset 18";
const POISON_STOPS: &str =
    "stuck: dashboard cannot read it, poll threw 40 times for it, and nothing behind it is read";

#[test]
fn what_comes_of_a_record_that_cannot_be_read_is_told() {
    let skipped = followed(&["poison-record-skipped", "stranger#1"]);
    let what = "cannot read it, and seeks past it: its content is lost to this application";
    says(&skipped, "dashboard", what);
    let passed = "committed and never processed: group dashboards goes on at offset 55, and nobody of it was ever done with it: dashboard could not read it, and went past it";
    ends(&skipped, &[POISON_LIES, passed]);

    let stuck = followed(&["poison-record-stuck", "stranger#1"]);
    ends(&stuck, &[POISON_LIES, POISON_STOPS]);

    let sent = followed(&["poison-record-dead-letter", "stranger#1"]);
    let what =
        "cannot read it, has sent it to trucks_gps.dead-0, where it is offset 0, and seeks past it";
    says(&sent, "dashboard", what);
    let passed = "committed and never processed: group dashboards goes on at offset 55, and nobody of it was ever done with it: dashboard could not read it, and has sent it to trucks_gps.dead-0 offset 0";
    ends(&sent, &[POISON_LIES, passed]);
    let letter = followed(&["poison-record-dead-letter", "trucks_gps.dead-0@0"]);
    let line =
        "\ncopy of    trucks_gps-1 offset 18, which dashboard cannot read and has sent here\n";
    assert!(letter.contains(line), "{letter}");

    let small = "+topics/trucks_gps.dead/config/max.message.bytes=100";
    let refused = followed(&["poison-record-dead-letter", "stranger#1", "--set", small]);
    let what = "cannot send it to its dead-letter topic (RecordTooLargeException): its position stays there";
    says(&refused, "dashboard", what);
    assert_eq!(refused.matches(what).count(), 1, "{refused}");
    ends(&refused, &[POISON_LIES, POISON_STOPS]);
}

#[test]
fn a_record_that_is_sent_on_says_where_it_lies_there() {
    let journey = followed(&["sent-on-twice", "trucks_gps-0@102"]);
    for offset in [102, 107] {
        let what = format!("has sent it on to trucks_copy-0, where it is offset {offset}");
        says(&journey, "copier", &what);
    }
    ends(
        &journey,
        &[
            "broker-1, broker-2, broker-3 hold it at trucks_gps-0 offset 102",
            "copier read it 2 times",
            "processed twice: group copiers was done with it 2 times: copier began at offset 100 (its group's committed offset)",
        ],
    );
    let copy = followed(&["sent-on-twice", "trucks_copy-0@107"]);
    let lines = "copier-forwarder#3\nmade by    process 2 of copier, which has a producer of its own\ncopy of    trucks_gps-0 offset 102, sent on by copier\n";
    assert!(copy.contains(lines), "{copy}");
}

#[test]
fn calls_of_a_service_are_told_and_counted() {
    let journey = followed(&["text-message-twice", "trucks_gps-0@106"]);
    for what in [
        "is called for it by notifications, and does it",
        "is called for it by notifications, and does it once more: call 2",
    ] {
        says(&journey, "text-messages", what);
    }
    let what = "has the answer of text-messages, and is done with it";
    says(&journey, "notifications", what);
    let done = "done twice: text-messages was called for it 2 times, and knows no record again";
    assert!(
        journey.ends_with(&format!("at the end: {done}\n")),
        "{journey}"
    );
    // Paused, it hears a call and answers too late.
    let paused = "+timeline=[{at: 6s, pause: text-messages, for: 15s}]";
    let journey = followed(&["text-message-twice", "trucks_gps-0@31", "--set", paused]);
    says(
        &journey,
        "notifications",
        "gets no answer from text-messages for it (no answer within 10 s): it does not know whether it was done, and calls again",
    );
}

#[test]
fn an_application_that_throws_or_is_gone_leaves_it_committed_and_never_processed() {
    let held = "broker-1, broker-2, broker-3 hold it at trucks_gps-0 offset";
    let thrown = followed(&["failure-and-auto-commit", "trucks_gps-0@19"]);
    let what =
        "throws at it (RuntimeException): nobody catches it, it closes its consumer and ends";
    says(&thrown, "dashboard", what);
    ends(
        &thrown,
        &[
            &format!("{held} 19"),
            "careful read it 2 times: it began again at offset 19 (its group's committed offset)",
            "committed and never processed: group dashboards goes on at offset 448, and nobody of it was ever done with it: the application of dashboard threw at it",
        ],
    );
    let gone = followed(&["crash-before-processing", "trucks_gps-0@30"]);
    let what = "ends, and was not done with it: killed before it processes the next record (its record number 20)";
    says(&gone, "dashboard", what);
    ends(
        &gone,
        &[
            &format!("{held} 30"),
            "committed and never processed: group dashboards goes on at offset 464, and nobody of it was ever done with it: dashboard had read it, and ended before it was done with it",
        ],
    );
    // 18 were processed.
    let done = followed(&["crash-before-processing", "trucks_gps-0@3"]);
    ends(&done, &[&format!("{held} 3")]);
}

#[test]
fn who_begins_behind_it_or_has_it_all_the_while_is_named() {
    let held = "broker-1, broker-2, broker-3 hold it at";
    let late = followed(&["slow-member", "trucks-4#40"]);
    ends(
        &late,
        &[
            &format!("{held} trucks_gps-1 offset 79"),
            "processed twice: group dashboards was done with it 2 times: slow had it all the while, and was done with it after quick",
        ],
    );
    let behind = followed(&["partition-added", "trucks-9#3"]);
    let passed = "committed and never processed: group notifications goes on at offset 394, and nobody of it was ever done with it: notifications began at offset ";
    assert!(behind.contains(passed), "{behind}");
    // It lies in a batch, and its producer comes to no leader.
    let waits = followed(&["advertised-localhost", "truck#1"]);
    let nowhere = "no log has ever held it, and nobody was told what became of it";
    ends(&waits, &[nowhere, "nobody read it"]);
}

#[test]
fn a_batch_that_comes_again_is_known_or_stored_twice() {
    let known = followed(&["retries-twice-or-once", "new_truck#43"]);
    says(
        &known,
        "new_truck",
        "will send it again: attempt 1 ended with REQUEST_TIMED_OUT (no answer in time: if it is stored already, its sequence numbers tell)",
    );
    says(
        &known,
        "broker-1",
        "has the batch already (producer id 0, sequences 42 to 42): it answers with offset 42, and does not store it twice",
    );
    let twice = followed(&["retries-twice-or-once", "old_truck#43"]);
    let held = "broker-1, broker-2, broker-3 hold it at plain-0 offset";
    ends(
        &twice,
        &[
            &format!("{held} 44; {held} 45"),
            "stored twice: its producer sent it again after REQUEST_TIMED_OUT, and without enable.idempotence no broker knows it again",
            "old_dashboard read it 2 times",
        ],
    );
}

#[test]
fn a_refusal_says_which_error_and_who_says_it() {
    let why = "the registry refuses its schema (409): it cannot read what version 1 wrote: field latitude: it is written as double and read as float";
    let journey = followed(&["incompatible-schema-change", "new-trucks#2"]);
    says(
        &journey,
        "schema-registry",
        "refuses its schema for trucks_gps-value (409, compatibility backward): it cannot read what version 1 wrote: field latitude: it is written as double and read as float",
    );
    let exception = format!("SerializationException: its value: {why}");
    let thrown = format!("send gives it up before it is in a batch: {exception}");
    says(&journey, "new-trucks", &thrown);
    let refused = format!("refused: no log has ever held it ({exception})");
    ends(&journey, &[&refused, "nobody read it"]);

    let journey = followed(&["registry-down", "new-truck#1"]);
    let asked = "cannot ask the schema registry for the id of its schema: nobody listens there";
    says(&journey, "new-truck", asked);
    says(
        &journey,
        "new-truck",
        "send gives it up before it is in a batch: SerializationException: its value: the registry cannot be asked for its schema's id: nobody listens there",
    );
}

#[test]
fn what_was_not_flushed_or_was_deleted_says_how_it_went() {
    let unflushed = followed(&["power-failure-of-all", "trucks-1#76"]);
    says(&unflushed, "broker-3", "loses its power, and had it");
    let what = "starts again without it: it was not flushed when the power failed";
    says(&unflushed, "broker-3", what);
    let lost = "lost: it was acknowledged, and no log holds it: broker-1 lost it: it was not flushed when the power failed";
    ends(&unflushed, &[lost]);
    let deleted = followed(&["retention-by-time", "trucks_gps-0@1"]);
    let end = "deleted: no log holds it any more (retention.ms, and of its segments the newest timestamp is 1717401612080, Mon Jun 03 08:00:12 UTC 2024)";
    ends(&deleted, &[end]);
}

/// Deleting stops inside a segment: the file has it still, the log does not.
#[test]
fn what_lies_before_the_log_start_is_held_by_nobody() {
    let before = "+timeline=[{at: 30s, delete records: trucks_gps-0, before: 20}]";
    let journey = followed(&["acks-and-min-insync", "trucks_gps-0@10", "--set", before]);
    for (broker, why) in [
        ("broker-1", "as DeleteRecords asks"),
        ("broker-2", "as its leader's does"),
        ("broker-3", "as its leader's does"),
    ] {
        let what = format!("no longer has it: its log begins at 20 now, {why}");
        says(&journey, broker, &what);
    }
    let end = "deleted: no log holds it any more (an administrator asked for it)";
    ends(&journey, &[end]);
}

#[test]
fn who_led_before_leads_on_in_the_next_epoch() {
    let journey = followed(&["acks-and-min-insync", "trucks-1#10"]);
    for epoch in [1, 2] {
        let what = format!("leads trucks_gps-0 on, in epoch {epoch}, and has it");
        says(&journey, "broker-1", &what);
    }
    let other = "leads trucks_gps-0 from now on (epoch 4), and has it";
    says(&journey, "broker-2", other);
}

#[test]
fn a_commit_that_is_forgotten_and_made_again_is_told_both_times() {
    let journey = followed(&["committed-offset-expires", "trucks_gps-0@10"]);
    let stations = stations(&journey);
    let of_archive = stations.iter().filter(|(_, what)| {
        what.contains("group archive goes on") || what.starts_with("forgets how far")
    });
    let told: Vec<&str> = of_archive.map(|(_, what)| *what).collect();
    let [first, forgotten, again] = told[..] else {
        panic!("{journey}");
    };
    assert_eq!(
        forgotten,
        "forgets how far group archive has read trucks_gps-0: nobody needed it for offsets.retention.minutes"
    );
    assert!(first.ends_with(": it lies before that"), "{journey}");
    assert!(again.ends_with(": it lies before that"), "{journey}");
}

#[test]
fn a_commit_that_is_lost_with_the_power_is_told_where_its_coordinator_reads() {
    let scratch = Scratch::new("lost-commit");
    let of = |config: &str| {
        let plan = format!(
            "format: 1\nname: test\nabout: A broker loses its power.\nduration: 80s\n\
             cluster: {{brokers: 1, config: {{offsets.topic.num.partitions: 1, offsets.topic.replication.factor: 1{config}}}}}\n\
             topics: {{t: {{config: {{flush.messages: 1}}}}}}\nproducers: {{p: {{topic: t, every: 200ms, stop: 18s}}}}\n\
             consumers: {{a: {{topics: [t], assign: t-0, stop: 19s, config: {{group.id: g}}}}}}\n\
             timeline: [{{at: 20s, power failure: broker-1, for: 25s}}]\n"
        );
        let plan = scratch.file("plan.yaml", plan);
        followed(&[&plan, "t-0@60", "--seed", "2"])
    };
    let lost = of("");
    let found = "finds in __consumer_offsets-0 that group g goes on at offset 25: the later commit is lost, and it will be read once more";
    says(&lost, "broker-1", found);
    let end =
        "processed, and not committed any more: the commit of group g that covered it is lost";
    ends(&lost, &["broker-1 holds it at t-0 offset 60", end]);
    let kept = of(", log.flush.interval.messages: 1");
    assert!(!kept.contains("lost"), "{kept}");
}

#[test]
fn what_was_deleted_before_a_group_was_there_was_not_skipped_by_it() {
    let late = [
        "acks-and-min-insync",
        "trucks_gps-0@10",
        "--set",
        "+timeline=[{at: 12s, delete records: trucks_gps-0, before: 20}]",
        "--set",
        "+consumers/late={topics: [trucks_gps], start: 15s, config: {group.id: z}}",
    ];
    let journey = followed(&late);
    assert!(!journey.contains("group z goes on"), "{journey}");
    ends(
        &journey,
        &[
            "deleted: no log holds it any more (an administrator asked for it)",
            "deleted before group z was there",
        ],
    );
}

#[test]
fn what_a_group_still_has_in_hand_is_said_last() {
    let slow = "+consumers/slow={topics: [trucks_gps], processing: 200s, config: {group.id: z, \
                enable.auto.commit: false, max.poll.interval.ms: 500000}}";
    let quick =
        "+consumers/slow={topics: [trucks_gps], config: {group.id: z, enable.auto.commit: false}}";
    for (consumer, last) in [
        (
            slow,
            "read, and not processed or committed yet: of group z slow has it",
        ),
        (
            quick,
            "processed, and not committed yet: no commit of group z covers it",
        ),
    ] {
        let journey = followed(&["acks-and-min-insync", "trucks_gps-0@0", "--set", consumer]);
        assert!(journey.contains(last), "{journey}");
    }
}
