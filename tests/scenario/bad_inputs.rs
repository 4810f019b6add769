//! Every bad input gets one message: file, line, column, the line itself, what was found, what was
//! expected. All of them stand in one snapshot, to be read from top to bottom.

use super::bad_lines::{GOOD, changes};
use kafka_trial::scenario::load;
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt::Write;

#[test]
fn every_bad_input_gets_one_message_with_its_place() {
    let mut all = String::new();
    let mut say = |what: &str, bytes: Vec<u8>| {
        let message = match load("test.yaml", bytes, &[]) {
            Ok(_) => panic!("{what} was taken"),
            Err(error) => error.to_string(),
        };
        assert!(message.starts_with("error: test.yaml"), "{what}: {message}");
        assert_eq!(message.matches("error:").count(), 1, "{what}: {message}");
        writeln!(all, "# {what}\n{message}\n").unwrap();
    };
    load("test.yaml", GOOD.into(), &[]).unwrap_or_else(|error| panic!("{error}"));
    for (what, line, instead) in changes(include_str!("bad_lines.txt")) {
        assert_eq!(
            GOOD.matches(&line).count().min(1),
            1,
            "{what}: {line} is not in the scenario"
        );
        say(&what, GOOD.replacen(&line, &instead, 1).into_bytes());
    }
    say("an empty file", Vec::new());
    say("only comments", b"# nothing\n# here\n".to_vec());
    say("a text that is no map", b"hello world\n".to_vec());
    say("a list", b"- format: 1\n".to_vec());
    say(
        "bytes that are not UTF-8",
        b"format: 1\nname: caf\xe9\n".to_vec(),
    );
    say("UTF-16", b"\xff\xfef\0o\0r\0m\0a\0t\0".to_vec());
    say("a binary file", b"\x7fELF\x02\x01\x01\0\0\0".to_vec());
    say("more than 1 MiB", vec![b'#'; (1 << 20) + 1]);
    say(
        "nesting in brackets",
        format!("format: 1\nname: {}\n", "[".repeat(5_000)).into_bytes(),
    );
    say("nesting by indentation", {
        let lines = (0..100).map(|i| format!("{}a:\n", " ".repeat(i)));
        format!(
            "format: 1\nname:\n{}",
            lines.map(|line| format!(" {line}")).collect::<String>()
        )
        .into_bytes()
    });
    say("an alias bomb", alias_bomb().into_bytes());
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("bad_scenarios", all);
    });
}

#[test]
fn nesting_of_64_levels_is_still_yaml() {
    // One level is the document's own map.
    for (levels, found) in [
        (63, "\"format\" is missing"),
        (64, "nested deeper than 64 levels"),
    ] {
        let text = format!("name: {}1{}\n", "[".repeat(levels), "]".repeat(levels));
        let error = load("test.yaml", text.into_bytes(), &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains(found), "{levels}: {error}");
    }
}

#[test]
fn an_anchor_that_is_no_bomb_is_welcome() {
    let text = GOOD.replace(
        "  dashboard: {topics: [trucks_gps]}",
        "  dashboard: &reader {topics: [trucks_gps]}\n  archive: *reader",
    );
    let loaded =
        load("test.yaml", text.into_bytes(), &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.plan.consumers[1].topics, ["trucks_gps"]);
}

#[test]
fn a_key_that_is_not_modelled_gets_one_warning_with_its_place() {
    let text = GOOD.replace(
        "  brokers: 3",
        "  brokers: 3\n  config: {num.network.threads: 4, log.dirs: /var/kafka}",
    );
    let loaded =
        load("test.yaml", text.into_bytes(), &[]).unwrap_or_else(|error| panic!("{error}"));
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "warning: test.yaml:7:36: log.dirs is not modelled, and changes nothing here\n  |\n7 |   config: {num.network.threads: 4, log.dirs: /var/kafka}\n  |                                    ^^^^^^^^",
            "warning: test.yaml:7:12: num.network.threads is not modelled, and changes nothing here\n  |\n7 |   config: {num.network.threads: 4, log.dirs: /var/kafka}\n  |            ^^^^^^^^^^^^^^^^^^^",
        ]
    );
}

#[test]
fn a_group_that_can_never_form_gets_a_warning_with_its_place() {
    let warned = |changes: &[(&str, &str)]| {
        let changes = [("dashboard: {", "dashboard: {config: {group.id: g}, ")]
            .iter()
            .chain(changes);
        let text = changes.fold(GOOD.to_owned(), |text, (part, instead)| {
            text.replace(part, instead)
        });
        let loaded = load("test.yaml", text.into_bytes(), &[]);
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
        let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        warnings.join("\n")
    };
    let two = ("replication.factor: 3}", "replication.factor: 2}");
    assert_eq!(
        warned(&[("  brokers: 3", "  brokers: 2"), two]),
        "warning: test.yaml:6:12: 2 brokers cannot hold __consumer_offsets with 3 replicas \
         (offsets.topic.replication.factor, the default): no group finds a coordinator, and no member is given a \
         partition\n  |\n6 |   brokers: 2\n  |            ^\n  = expected as many brokers as replicas, or \
         offsets.topic.replication.factor: 2 in the cluster's config"
    );
    let setting =
        |factor| format!("  brokers: 3\n  config: {{offsets.topic.replication.factor: {factor}}}");
    let five = warned(&[("  brokers: 3", &setting(5))]);
    assert!(
        five.starts_with(
            "warning: test.yaml:7:46: 3 brokers cannot hold __consumer_offsets with 5 replicas"
        ),
        "{five}"
    );
    // Nobody is warned of what can be, now or later.
    assert_eq!(warned(&[]), "");
    let three = setting(2).replace("3\n", "2\n");
    assert_eq!(warned(&[("  brokers: 3", &three), two]), "");
    let upgrade =
        "timeline:\n  - {at: 9s, upgrade: broker-1, set: {offsets.topic.replication.factor: 2}}";
    assert_eq!(
        warned(&[
            ("  brokers: 3", "  brokers: 2"),
            two,
            ("timeline:", upgrade)
        ]),
        ""
    );
    let alone = GOOD
        .replace("  brokers: 3", "  brokers: 2")
        .replace(two.0, two.1);
    let alone = load("test.yaml", alone.into_bytes(), &[]).expect("a good scenario");
    assert_eq!(alone.warnings, [], "there is no group");
}

#[test]
fn changes_by_set_are_blamed_as_written() {
    for (set, message) in [
        (
            "duration",
            "error: --set:1:1: \"duration\" has no \"=\"\n  |\n1 | duration\n  | ^^^^^^^^\n  = expected KEY=VALUE, such as duration=30s",
        ),
        (
            "duration=soon",
            "error: --set:1:10: \"soon\"\n  |\n1 | duration=soon\n  |          ^^^^\n  = expected a time with its unit, such as 30s, 1500ms or 2m",
        ),
        (
            "topics/trucks_gps/partitions={a: x",
            "error: --set:1:30: what opens here with { is not closed\n  |\n1 | topics/trucks_gps/partitions={a: x\n  |                              ^\n  = expected } where it ends",
        ),
        (
            "=5",
            "error: --set:1:1: a part of the path without a name\n  |\n1 | =5\n  | ^\n  = expected KEY=VALUE, such as duration=30s",
        ),
        (
            "timeline/7/at=3s",
            "error: --set:1:10: \"7\" is not in this list\n  |\n1 | timeline/7/at=3s\n  |          ^\n  = expected an item's number, from 0 to 1, or +timeline/2=... to add one",
        ),
    ] {
        let error = load("test.yaml", GOOD.into(), &[set.to_string()]).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

/// A thousand million of strings in nine lines.
fn alias_bomb() -> String {
    let mut text = String::from("format: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..9 {
        let before = format!("*a{}", i - 1);
        text += &format!("a{i}: &a{i} [{}]\n", vec![before; 10].join(", "));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", bytes in vec(any::<u8>(), 0..200)) {
        let _ = load("any", text.into_bytes(), &[]);
        let _ = load("any", bytes, &[]);
    }

    #[test]
    fn no_yaml_makes_the_reader_panic(lines in vec("[ ]{0,6}(- )?[a-z&*!|>'\"{}\\[\\]#:,?~0-9 .-]{0,24}", 0..12)) {
        let text = format!("format: 1\n{}", lines.join("\n"));
        let _ = load("any", text.into_bytes(), &[]);
    }
}
