//! `trial tell`: a trace file gives back the run that it is of, or is refused with its line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn trial(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trial"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A directory of this test's own, gone when it ends.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tell-{name}"));
        let _ = fs::remove_dir_all(&path);
        Place(path)
    }

    fn name(&self) -> &str {
        self.0.to_str().expect("a plain name")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What `trial run` printed of a scenario, and the directory that it wrote.
fn recorded(name: &str, scenario: &str, further: &[&str]) -> (String, Place) {
    let place = Place::new(name);
    let arguments = [&["run", scenario, "--out", place.name()], further].concat();
    (text(&trial(&arguments).stdout), place)
}

#[test]
fn a_trace_tells_what_the_run_told() {
    for scenario in ["leader-crash", "acks-1-loss", "zookeeper-stale-read"] {
        let (printed, place) = recorded(scenario, scenario, &["--causes"]);
        let told = trial(&["tell", place.name()]);
        assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
        assert_eq!(text(&told.stdout), printed, "{scenario}");
    }
}

#[test]
fn causes_are_in_the_trace_only_if_they_were_asked_for_and_change_no_byte_else() {
    let (_, with) = recorded("with-causes", "first-steps", &["--causes"]);
    let (_, without) = recorded("without-causes", "first-steps", &[]);
    let lines = |place: &Place| {
        let text = fs::read_to_string(place.0.join("trace.jsonl")).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.pop();
        lines
    };
    let (with, without) = (lines(&with), lines(&without));
    let of_cause = |line: &&String| line.contains("\"cause\":") || line.contains("\"sends\":");
    assert_eq!(without.iter().filter(of_cause).count(), 0);
    assert!(with.iter().filter(of_cause).count() > without.len());
    let facts: Vec<&String> = with.iter().filter(|line| !of_cause(line)).collect();
    assert_eq!(facts, without.iter().collect::<Vec<_>>());
}

#[test]
fn a_broken_run_is_told_with_its_evidence() {
    let place = Place::new("broken");
    let scenario = format!("{}.yaml", place.name());
    fs::write(
        &scenario,
        "format: 1
name: broken
about: Too few are read.
duration: 20s
cluster: {brokers: 1}
topics: {t: {}}
producers: {p: {topic: t, every: 1s}}
consumers: {c: {topics: [t]}}
expect:
  - that: \"records read by c: 3\"
    because: three were thought to be made
",
    )
    .unwrap();
    let run = trial(&["run", &scenario, "--out", place.name()]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
    let printed = text(&run.stdout);
    assert!(
        printed.contains("      it was expected because: three were thought to be made\n"),
        "{printed}"
    );
    let told = trial(&["tell", &format!("{}/trace.jsonl", place.name())]);
    assert_eq!(text(&told.stdout), printed);
    assert_eq!(told.status.code(), Some(1));
    fs::remove_file(scenario).unwrap();
}

#[test]
fn what_is_no_whole_trace_is_refused_with_its_line() {
    let (_, place) = recorded("damaged", "first-steps", &[]);
    let path = place.0.join("trace.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let count = whole.lines().count();
    let refused = |damaged: &str, line: usize, why: &str| {
        fs::write(&path, damaged).unwrap();
        for command in ["tell", "diff"] {
            let mut arguments = vec![command, place.name()];
            if command == "diff" {
                arguments.push(place.name());
            }
            let output = trial(&arguments);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(
                said.contains(&format!("trace.jsonl:{line}:")) && said.contains(why),
                "{said}"
            );
            assert!(output.stdout.is_empty(), "nothing is told of half a trace");
        }
    };
    let half: String = whole.chars().take(whole.len() / 2).collect();
    let cut_at = half.lines().count();
    refused(&half, cut_at, "no fact");
    let without_end: Vec<&str> = whole.lines().take(count - 1).collect();
    let without_end = format!("{}\n", without_end.join("\n"));
    refused(&without_end, count, "it was cut");
    let other = whole.replacen("\"version\":5", "\"version\":1", 1);
    refused(&other, 1, "this program reads version 5");
    let changed = whole.replacen("\"status\":", "\"stutas\":", 1);
    if changed != whole {
        let line = whole.lines().position(|line| line.contains("\"status\":"));
        refused(&changed, line.unwrap() + 1, "no fact");
    }
    let digit = whole.replacen("\"offset\":0", "\"offset\":7", 1);
    assert_ne!(digit, whole);
    refused(&digit, count, "the checksum does not fit");
    let gone = trial(&["tell", "no-such-directory"]);
    assert_eq!(gone.status.code(), Some(2));
}

/// Linux has a device that takes nothing.
#[test]
fn output_that_cannot_be_written_is_no_success() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    for arguments in [
        &["run", "first-steps"][..],
        &["run", "first-steps", "--quiet"],
        &["scenarios"],
        &["sentences"],
        &["check", "first-steps"],
        &["--help"],
        &["--version"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_trial"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(full.try_clone().unwrap())
            .output()
            .expect("the binary runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
