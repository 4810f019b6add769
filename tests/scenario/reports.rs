//! What `trial run` hands to other programs, of one scenario, of several, and of those that cannot be run.

use super::command_line::{Scratch, text, trial};

#[test]
fn machines_get_one_document() {
    let document = |arguments: &[&str]| -> serde_json::Value {
        let output = trial(&[&["run", "--format", "json"], arguments].concat());
        assert_eq!(text(&output.stderr), "");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let one = document(&["first-steps"]);
    assert_eq!(
        (
            one["format"].as_str(),
            one["version"].as_u64(),
            one["held"].as_bool()
        ),
        (Some("kafka-trial report"), Some(2), Some(true))
    );
    let run = &one["runs"][0];
    assert_eq!(
        (
            run["scenario"].as_str(),
            run["held"].as_bool(),
            run["seed"].as_str()
        ),
        (Some("first-steps"), Some(true), Some("1"))
    );
    let two = document(&["first-steps", "truck-gps"]);
    let names = |document: &serde_json::Value| -> Vec<String> {
        let runs = document["runs"].as_array().expect("a list").iter();
        runs.map(|run| run["file"].as_str().expect("a text").to_string())
            .collect()
    };
    assert_eq!(names(&two), ["first-steps", "truck-gps"]);
    assert_eq!(two["runs"][0], one["runs"][0], "alone or beside others");
    let cut = document(&["first-steps", "--until", "10s"]);
    assert_eq!(cut["held"].as_bool(), Some(true));
    let first = &cut["runs"][0]["expectations"][0];
    assert!(first["held"].is_null(), "{cut}");
    assert_eq!(first["figures"], "the run ended at 10s");
    let junit = ["run", "--format", "junit", "first-steps", "--until", "10s"];
    let junit = text(&trial(&junit).stdout);
    assert!(
        junit.contains("><skipped message=\"the run ended at 10s\"/>"),
        "{junit}"
    );
    let junit = text(&trial(&["run", "--format", "junit", "first-steps"]).stdout);
    assert!(
        junit.starts_with("<?xml") && junit.contains("<testsuite name=\"first-steps\""),
        "{junit}"
    );
}

/// Files of a folder in which one is good and the others each have another fault.
fn mixed(scratch: &Scratch) -> String {
    let good = std::fs::read("scenarios/01-first-steps/first-steps.yaml").expect("the file");
    scratch.file("a-bad.yaml", "format: 1\nname: bad\n");
    scratch.file("b-good.yaml", &good);
    scratch.file("c-same-name.yaml", &good);
    scratch.file("d-not-yaml.yaml", "a: b: c\n");
    scratch.file("notes.txt", "no scenario");
    scratch.0.to_str().expect("a plain path").to_string()
}

#[test]
fn bad_scenarios_of_several_are_told_and_silence_no_other() {
    let scratch = Scratch::new("one-bad");
    let folder = mixed(&scratch);
    let checked = trial(&["check", &folder]);
    assert_eq!(checked.status.code(), Some(2));
    let said = text(&checked.stdout);
    assert_eq!(said.matches(": ok: first-steps").count(), 2, "{said}");
    assert_eq!(text(&checked.stderr).matches("error: ").count(), 2);

    let elsewhere = Scratch::new("one-bad-out");
    let out = elsewhere.0.join("out");
    let output = trial(&["run", &folder, "--out", out.to_str().expect("a plain path")]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr).matches("error: ").count(), 3);
    let said = text(&output.stdout);
    let begins: Vec<&str> = said.lines().filter_map(|line| line.get(..7)).collect();
    assert_eq!(
        begins,
        ["NOT RUN", "held   ", "NOT RUN", "NOT RUN", "4 scena"],
        "{said}"
    );
    assert!(
        said.ends_with("4 scenarios: 1 held, 0 failed, 3 not run\n"),
        "{said}"
    );
    assert!(out.join("first-steps/report.json").is_file());

    let json = trial(&["run", "--format", "json", &folder]);
    assert_eq!(json.status.code(), Some(2));
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let runs = document["runs"].as_array().expect("a list");
    let verdict = |run: &serde_json::Value| (run["held"] == true, run["error"].is_null());
    let verdicts: Vec<_> = runs.iter().map(verdict).collect();
    let bad = (false, false);
    assert_eq!(verdicts, [bad, (true, true), bad, bad]);
    assert_eq!(runs[3]["error"]["line"], 1, "{document}");
    assert!(
        runs[2]["error"]["found"]
            .as_str()
            .is_some_and(|it| it.contains("first-steps"))
    );

    let junit = trial(&["run", "--format", "junit", &folder]);
    assert_eq!(junit.status.code(), Some(2));
    let junit = text(&junit.stdout);
    assert_eq!(
        junit.matches("name=\"can be run\"><error ").count(),
        3,
        "{junit}"
    );
    assert!(junit.contains("<testsuite name=\"first-steps\""), "{junit}");
}

#[test]
fn where_nothing_can_be_run_nothing_is_written() {
    let scratch = Scratch::new("all-bad");
    let bad = scratch.file("bad.yaml", "format: 1\nname: bad\n");
    let out = scratch.0.join("out");
    let output = trial(&["run", &bad, "--out", out.to_str().expect("a plain path")]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert!(!out.exists());
}

#[test]
fn a_setting_that_only_tunes_is_warned_of_wherever_a_run_is_told() {
    let scratch = Scratch::new("warned");
    let out = scratch.0.join("out");
    let setting = "+cluster/config/num.network.threads=4";
    let output = trial(&[
        "run",
        "first-steps",
        "--set",
        setting,
        "--out",
        out.to_str().expect("a plain path"),
    ]);
    assert_eq!(output.status.code(), Some(0));
    let warning = "cluster/config/num.network.threads: num.network.threads is not modelled, and changes nothing here";
    assert!(text(&output.stderr).contains("num.network.threads is not modelled"));
    let printed = text(&output.stdout);
    assert!(
        printed.contains(&format!("\nwarning: {warning}\n")),
        "{printed}"
    );
    for file in std::fs::read_dir(&out).expect("a directory") {
        let path = file.expect("an entry").path();
        if path.is_file() {
            let written = std::fs::read_to_string(&path).expect("text");
            assert!(written.contains(warning), "{}", path.display());
        }
    }
    let [json, junit] = ["json", "junit"].map(|format| {
        text(&trial(&["run", "first-steps", "--set", setting, "--format", format]).stdout)
    });
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["runs"][0]["warnings"][0], warning);
    assert!(
        junit.contains(&format!("<system-err>{warning}</system-err>")),
        "{junit}"
    );
}

/// A recording that agrees, one that is cut off, one that differs, one that is of no use and one that is
/// skipped: all are told, whatever the form.
#[test]
fn a_bad_recording_silences_no_other() {
    let scratch = Scratch::new("bad-recording");
    let good = "tests/vectors/kafka/failovers/controller_znode_deleted.zookeeper.json";
    let good = std::fs::read_to_string(good).expect("the file");
    let mut other: serde_json::Value = serde_json::from_str(&good).expect("JSON");
    other["steps"][0]["state"]["controller_epoch"] = 4711.into();
    let mut kraft: serde_json::Value = serde_json::from_str(&good).expect("JSON");
    kraft["mode"] = "kraft".into();
    scratch.file("a-cut.json", &good[..good.len() / 2]);
    scratch.file("b-good.json", &good);
    scratch.file("c-differs.json", other.to_string());
    scratch.file("d-nothing.json", "");
    scratch.file("e-skipped.json", kraft.to_string());
    let folder = scratch.0.to_str().expect("a plain path");

    let output = trial(&["conform", folder]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr).matches("error: ").count(), 2);
    let said = text(&output.stdout);
    let words: Vec<&str> = said.lines().filter(|line| !line.starts_with(' ')).collect();
    let words: Vec<&str> = words.iter().filter_map(|line| line.get(..7)).collect();
    assert_eq!(words, ["agrees ", "DIFFERS", "skipped"], "{said}");

    let json = trial(&["conform", "--format", "json", folder]);
    assert_eq!(json.status.code(), Some(2));
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let format = (&document["format"], &document["version"], &document["held"]);
    assert_eq!(
        format,
        (&"kafka-trial conformance".into(), &1.into(), &false.into())
    );
    let runs = document["runs"].as_array().expect("a list");
    let verdict = |run: &serde_json::Value| (run["held"].as_bool(), run["error"].is_null());
    let verdicts: Vec<_> = runs.iter().map(verdict).collect();
    let bad = (Some(false), false);
    let expected = [
        bad,
        (Some(true), true),
        (Some(false), true),
        bad,
        (None, true),
    ];
    assert_eq!(verdicts, expected, "{document}");
    assert!(
        runs[0]["error"]["line"]
            .as_u64()
            .is_some_and(|line| line > 1)
    );
    assert_eq!(runs[2]["differing"][0]["differences"][0]["real"], 4711);

    let junit = trial(&["conform", "--format", "junit", folder]);
    assert_eq!(junit.status.code(), Some(2));
    let junit = text(&junit.stdout);
    let count = |what: &str| junit.matches(what).count();
    assert_eq!(count("<testsuite "), 5, "{junit}");
    assert_eq!(count("name=\"can be played\"><error "), 2, "{junit}");
    assert_eq!(count("name=\"agrees with Kafka\"/>"), 1, "{junit}");
    assert_eq!(count("name=\"agrees with Kafka\"><failure "), 1, "{junit}");
    assert_eq!(count("name=\"agrees with Kafka\"><skipped "), 1, "{junit}");
}
