//! What a breaker types: every command and flag with what it cannot use ends with status 2 and one message, and
//! writes nothing.

use super::command_line::{Scratch, text, trial};

#[test]
fn whatever_is_typed_wrongly_gets_one_message_and_status_2() {
    let scratch = Scratch::new("breaker");
    let json = scratch.file("a.json", "{\"a\": 1}");
    let word = scratch.file("word.yaml", "x");
    let empty = scratch.file("empty.yaml", "");
    let directory = scratch.0.join("nothing");
    std::fs::create_dir(&directory).expect("a directory");
    let directory = directory.to_str().expect("a plain path");
    let ok = "scenarios/01-first-steps/first-steps.yaml";
    let absent = "no-such-thing";
    let cases: &[(&[&str], &str)] = &[
        (&["run"], "required arguments"),
        (&["run", absent], "there is no such file"),
        (&["run", "first-step"], "did you mean \"first-steps\"?"),
        (
            &["run", directory],
            "there is no scenario in this directory",
        ),
        (&["run", &empty], "the file is empty"),
        (&["run", &word], "\"x\" is no scenario"),
        (&["run", &json], "the key \"format\" is missing"),
        (&["run", ok, "--seed"], "a value is required"),
        (
            &["run", ok, "--seed", "-1"],
            "expected a whole number from 0 to",
        ),
        (
            &["run", ok, "--seed", "1.5"],
            "expected a whole number from 0 to",
        ),
        (
            &["run", ok, "--seed", "18446744073709551616"],
            "expected a whole number from 0 to",
        ),
        (&["run", ok, "--until", "0s"], "expected a time above 0"),
        (
            &["run", ok, "--until", "5"],
            "expected a time above 0 with its unit",
        ),
        (&["run", ok, "--until", "-3s"], "expected a time above 0"),
        (&["run", ok, "--until", "99h"], "after the end of the run"),
        (&["run", ok, "--seeds", "3..1"], "the smaller one first"),
        (
            &["run", ok, "--seeds", "-3..1"],
            "expected seeds such as 1..100",
        ),
        (
            &["run", ok, "--seeds", "0..99999999999999999999"],
            "expected seeds such as",
        ),
        (&["run", ok, "--set", "duration"], "has no \"=\""),
        (
            &["run", ok, "--set", "duration="],
            "expected a time with its unit",
        ),
        (
            &["run", ok, "--set", "=3"],
            "a part of the path without a name",
        ),
        (
            &["run", ok, "--set", "/=3"],
            "a part of the path without a name",
        ),
        (
            &["run", ok, "--set", "durations=3s"],
            "did you mean \"duration\"?",
        ),
        (
            &["run", ok, "--set", "topics/x/partitions=3"],
            "there is no \"x\" under topics",
        ),
        (
            &["run", ok, "--set", "timeline/99/at=40s"],
            "there is no \"timeline\"",
        ),
        (&["run", ok, "--set", "cluster/brokers=[1"], "is not closed"),
        (
            &["run", ok, "--set", "cluster/brokers=0"],
            "at least 1 broker",
        ),
        (&["run", ok, "--out", ok], "this is there already"),
        (&["run", ok, "--force"], "--out"),
        (&["run", ok, "--causes"], "--out"),
        (
            &["run", ok, "--format", "xml"],
            "possible values: text, json, junit",
        ),
        (&["run", ok, "--quiet", "--verbose"], "cannot be used with"),
        (
            &["run", ok, "--show", "brokers"],
            "possible values: zookeeper",
        ),
        (&["check"], "required arguments"),
        (&["check", absent], "there is no such file"),
        (&["tell"], "required arguments"),
        (&["tell", absent], "there is no such file"),
        (&["tell", ok], "expected the header of a kafka-trial trace"),
        (&["tell", directory], "there is no such file"),
        (&["diff", ok], "required arguments"),
        (
            &["diff", ok, ok],
            "expected the header of a kafka-trial trace",
        ),
        (&["conform"], "required arguments"),
        (&["conform", absent], "there is no such file"),
        (&["conform", &json], "the key \"name\" is missing"),
        (
            &["conform", directory],
            "there is no recording in this directory",
        ),
        (&["log", "dump"], "required arguments"),
        (&["log", "dump", absent], "there is no such file"),
        (&["log", "verify", absent], "this is no directory"),
        (
            &["log", "verify", directory],
            "nothing of a broker lies here",
        ),
        (&["log", "recover", absent], "this is no directory"),
        (
            &["log", "recover", directory],
            "nothing of a broker lies here",
        ),
        (&["scenarios", absent], "there is no such file"),
        (&["sentences", "extra"], "unexpected argument"),
        (&["no-such-command"], "unrecognized subcommand"),
        (&["--no-such-flag"], "unexpected argument"),
    ];
    for (arguments, message) in cases {
        let output = trial(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        assert!(said.contains(message), "{arguments:?}: {said}");
        assert_eq!(said.matches("error:").count(), 1, "{arguments:?}: {said}");
    }
}
