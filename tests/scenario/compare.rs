//! `trial compare`: a table of what each run came to, where they part, and what it refuses.

use super::command_line::{text, trial};
use serde_json::Value;

fn compared(arguments: &[&str]) -> String {
    let output = trial(&[&["compare"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The cells under a column's name, by row; no cell is empty, and two blanks part cells.
fn column(table: &str, name: &str) -> Vec<String> {
    let rows = table.lines().skip(2).take_while(|line| !line.is_empty());
    let rows: Vec<Vec<&str>> = rows
        .map(|row| {
            let cells = row.split("  ").map(str::trim);
            cells.filter(|cell| !cell.is_empty()).collect()
        })
        .collect();
    let place = rows[0].iter().position(|cell| *cell == name);
    let place = place.unwrap_or_else(|| panic!("no column {name} in\n{table}"));
    let rows = rows[1..].iter().filter(|row| row.len() == rows[0].len());
    rows.map(|row| row[place].to_owned()).collect()
}

#[test]
fn acks_decide_what_is_lost_with_its_leader() {
    let table = compared(&["acks-1-loss", "--set", "acks=0,1,all"]);
    assert_eq!(column(&table, "acks"), ["0", "1", "all"], "{table}");
    assert_eq!(column(&table, "lost"), ["12", "12", "0"], "{table}");
    // As "trial run" says of the plan as it is.
    let run = trial(&["run", "acks-1-loss", "--format", "json"]);
    let document: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    let run = &document["runs"][0];
    let p50 = run["produce_latency_ns"]["p50"].as_u64().expect("a number");
    let p50 = format!("{}.{:03} ms", p50 / 1_000_000, p50 / 1_000 % 1_000);
    assert_eq!(column(&table, "p50")[1], p50);
    let read = run["consumers"][0]["read"].to_string();
    assert_eq!(column(&table, "read")[1], read);
    assert_eq!(column(&table, "as expected")[1], "4 of 4");
    // Where they part is where acks do something, not where a client learnt of the cluster a moment later.
    for other in ["1", "all"] {
        let (_, parting) = table
            .split_once(&format!("acks=0 and acks={other} part after"))
            .expect(&table);
        let (parting, _) = parting.split_once("\n\n").unwrap_or((parting, ""));
        let line = |who: &str| {
            let mut lines = parting.lines();
            let line = lines.find(|line| line.trim_start().starts_with(who));
            line.unwrap_or_else(|| panic!("nothing of {who} in\n{table}"))
        };
        assert!(
            line("acks=0").contains("trucks-1#1 is sent to trucks_gps-0; with acks=0"),
            "{table}"
        );
        let acknowledged = line(&format!("acks={other}"));
        assert!(
            acknowledged.contains("trucks-1#1 is acknowledged: trucks_gps-0"),
            "{table}"
        );
        assert!(!parting.contains("learn of the cluster"), "{table}");
    }
}

#[test]
fn equal_runs_do_not_part_and_programs_get_the_same() {
    let arguments = ["first-steps", "--set", "+seed=7,7,8", "--format", "json"];
    let document: Value = serde_json::from_str(&compared(&arguments)).expect("JSON");
    assert_eq!(document["format"], "kafka-trial comparison");
    assert_eq!(document["held"], true);
    let runs = document["runs"].as_array().expect("runs");
    assert_eq!(runs[0]["digest"], runs[1]["digest"]);
    assert_eq!(runs[1]["parts_from_first"], Value::Null);
    assert_ne!(runs[0]["digest"], runs[2]["digest"]);
    // Another seed is other moments; here everybody does the same.
    assert_eq!(runs[2]["parts_from_first"], Value::Null);
    let text = compared(&["first-steps", "--set", "+seed=7,7,8"]);
    assert!(
        text.contains("seed=7 and seed=7: not one fact differs"),
        "{text}"
    );
    assert!(
        text.contains("seed=7 and seed=8: all do the same; what differs are moments"),
        "{text}"
    );
    let document = compared(&["acks-1-loss", "--set", "acks=1,all", "--format", "json"]);
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let parted = &document["runs"][1]["parts_from_first"];
    assert!(parted["facts_in_common"].is_u64() && parted["node"].is_string());
    assert_ne!(parted["first"][0], parted["this"][0]);
}

/// What both do is told once, and what a setting is told to be is not what came of it.
#[test]
fn lines_of_both_are_not_told_again_and_settings_part_nothing() {
    for arguments in [
        ["slow-member", "--set", "max.poll.interval.ms=10000,60000"],
        ["first-steps", "--set", "acks=1,all"],
        ["acks-1-loss", "--set", "acks=0,all"],
    ] {
        let document = compared(&[&arguments[..], &["--format", "json"]].concat());
        let document: Value = serde_json::from_str(&document).expect("JSON");
        let parted = &document["runs"][1]["parts_from_first"];
        let lines = |who: &str| parted[who].as_array().cloned().expect("lines");
        let (both, first, this) = (lines("both"), lines("first"), lines("this"));
        assert!(both.len() == 2 && !first.is_empty() && !this.is_empty());
        for line in first.iter().chain(&this) {
            assert!(!both.contains(line), "{arguments:?}: {parted:#}");
        }
    }
    let set = "replica.lag.time.max.ms=30000,5000";
    let text = compared(&["leader-crash", "--set", set]);
    assert!(text.contains(" part after "), "{text}");
    assert!(!text.contains("works by"), "{text}");
}

#[test]
fn every_combination_is_a_row() {
    let table = compared(&[
        "min-insync-refused",
        "--set",
        "min.insync.replicas=1,2",
        "--set",
        "acks=1,all",
    ]);
    assert_eq!(column(&table, "min.insync.replicas"), ["1", "1", "2", "2"]);
    assert_eq!(column(&table, "acks"), ["1", "all", "1", "all"]);
    let given_up = column(&table, "given up");
    assert_eq!(given_up[..3], ["0", "0", "0"], "{table}");
    assert_ne!(given_up[3], "0", "{table}");
}

/// With min.insync.replicas=3 an ISR of two holds readers up at what three had, and then does the next leader alone.
#[test]
fn readers_that_wait_for_an_isr_that_is_too_small_stand_still_whatever_acks_are() {
    let sets = ["--set", "acks=0,1", "--set", "min.insync.replicas=1,3"];
    let output = trial(&[&["compare", "acks-and-min-insync"], &sets[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert_eq!(column(&table, "stalls"), ["1", "2", "1", "2"], "{table}");
    // The loss is the lesson, and that is said once.
    assert_eq!(table.matches("\nBROKEN with acks=1").count(), 2, "{table}");
    let said = "\nThat an acknowledged record is lost is what such values do (acks=1, min.insync.replicas=1, unclean \
                elections): it is what is to be seen, and no fault of the simulator.\n";
    assert_eq!(table.matches(said).count(), 1, "{table}");
}

/// What the text of the scenario says.
#[test]
fn partitions_help_until_every_disk_is_busy_and_then_only_brokers_do() {
    let acknowledged = |sets: &[&str]| -> Vec<u64> {
        let table = compared(&[&["throughput-over-partitions"], sets].concat());
        let cells = column(&table, "acknowledged");
        cells.iter().map(|cell| cell.parse().unwrap()).collect()
    };
    let times = |it: u64, other: u64, tenths: std::ops::Range<u64>| {
        assert!(tenths.contains(&(it * 10 / other)), "{it} against {other}");
    };
    let partitions = acknowledged(&["--set", "partitions=1,3,24"]);
    times(partitions[1], partitions[0], 28..31);
    times(partitions[2], partitions[1], 9..11);
    let brokers = ["--set", "partitions=6", "--set", "cluster/brokers=3,6"];
    let brokers = acknowledged(&brokers);
    times(brokers[1], brokers[0], 19..22);
}

/// What producers and consumers both take is set for both, for the one kind, and not twice.
#[test]
fn a_setting_of_all_clients_can_be_varied() {
    let compared_json = |set: &str| -> Value {
        let arguments = ["leader-crash", "--set", set, "--format", "json"];
        serde_json::from_str(&compared(&arguments)).expect("JSON")
    };
    let digests = |set: &str| -> Vec<Value> {
        let document = compared_json(set);
        let runs = document["runs"].as_array().expect("runs").iter();
        runs.map(|run| run["digest"].clone()).collect()
    };
    let both = digests("clients/retry.backoff.ms=100,900");
    let producers = digests("producers/retry.backoff.ms=100,900");
    let consumers = digests("consumers/retry.backoff.ms=100,900");
    assert_eq!([&both[0], &both[0]], [&producers[0], &consumers[0]]);
    let others = [&both[1], &producers[1], &consumers[1]];
    for (at, one) in others.iter().enumerate() {
        assert_ne!(**one, both[0], "{at} does something");
        assert!(!others[..at].contains(one), "{at} is of its own");
    }
    let table = compared(&["leader-crash", "--set", "clients/retry.backoff.ms=100,900"]);
    assert_eq!(column(&table, "clients/retry.backoff.ms"), ["100", "900"]);

    let twice = ["clients/linger.ms=1,2", "producers/linger.ms=3"];
    let output = trial(&[
        "compare",
        "leader-crash",
        "--set",
        twice[0],
        "--set",
        twice[1],
    ]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("\"clients/linger.ms\" and \"producers/linger.ms\" both set producers/"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_compared_is_refused_with_one_message() {
    for (arguments, message) in [
        (
            &["--set", "acks"][..],
            "error: --set: \"acks\" has no \"=\"\n",
        ),
        (
            &["--set", "acks=1,"],
            "error: --set: a value is missing in \"acks=1,\"\n",
        ),
        (
            &["--set", "akcs=1"],
            "error: --set: nobody in this scenario takes \"akcs\"\n",
        ),
        (
            &["--set", "acks=1,1", "--set", "acks=0"],
            "error: --set: \"acks\" is varied twice\n  = expected all values in one: acks=VALUE,VALUE...\n",
        ),
        (
            &["--set", "acks=1", "--set", "producers/trucks/acks=0"],
            "error: --set: \"acks\" and \"producers/trucks/acks\" both set producers/trucks/acks\n",
        ),
        (
            &[
                "--set",
                "topics/trucks_gps/partitions=1,2",
                "--set",
                "topics/trucks_gps={partitions: 3}",
            ],
            "error: --set: \"topics/trucks_gps/partitions\" and \"topics/trucks_gps\" both set \
             topics/trucks_gps/partitions\n",
        ),
        (&["--set", "acks=5"], "error: --set:1:24: \"5\"\n"),
        (
            &["--set", "request.timeout.ms=1"],
            "error: --set: \"request.timeout.ms\" is a setting of more than one kind of process\n",
        ),
        (
            &[
                "--set",
                "+seed=1,2,3,4,5,6,7,8,9",
                "--set",
                "linger.ms=1,2,3,4,5,6,7,8",
            ],
            "error: --set: these make too many combinations\n",
        ),
    ] {
        let output = trial(&[&["compare", "min-insync-refused"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "");
        let said = text(&output.stderr);
        assert!(said.starts_with(message), "{arguments:?}: {said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
    }
}

/// Lost, read twice: none, and yet what was committed too early is what nobody did.
#[test]
fn what_groups_never_processed_and_processed_twice_stands_beside_what_is_lost() {
    let set = "consumers/dashboard/commit=before,after";
    let arguments = ["commit-before-processing", "--set", set];
    let table = compared(&arguments);
    assert_eq!(column(&table, "read twice")[0], "0", "{table}");
    assert_eq!(column(&table, "never processed"), ["52", "0"], "{table}");
    assert_eq!(column(&table, "processed twice"), ["0", "37"], "{table}");
    let document = compared(&[&arguments[..], &["--format", "json"]].concat());
    let document: Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!(document["runs"][0]["never_processed"], 52);
    assert_eq!(document["runs"][1]["processed_twice"], 37);
    // As the scenario expects it.
    let run = trial(&["run", "commit-before-processing"]);
    let run = text(&run.stdout);
    assert!(run.contains("52 committed and never processed"), "{run}");
    let without = compared(&["first-steps", "--set", "+seed=1,2"]);
    assert!(!without.contains("processed"), "{without}");
}
