//! The `trial` binary from outside: exit status, what goes to which stream, what is written.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

pub(super) fn trial(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary runs")
}

/// With these lines on standard input.
pub(super) fn answered(lines: &str, arguments: &[&str]) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // Who needs no answer may have ended before it is given.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(lines.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trial"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("NO_COLOR");
    command
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A directory of this test's own, gone when it ends.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Scratch {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Scratch(path)
    }

    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("a file");
        path.to_str().expect("a plain path").to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn check_says_ok_on_standard_output_and_nothing_else() {
    let output = trial(&["check", "scenarios/03-truck-gps/leader-crash.yaml"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    assert!(
        text(&output.stdout).starts_with(
            "scenarios/03-truck-gps/leader-crash.yaml: ok: leader-crash, 2m, 3 brokers"
        )
    );
}

#[test]
fn shipped_scenarios_can_be_named() {
    let output = trial(&["check", "truck-gps", "leader-crash"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout).lines().count(), 2);
    let list = text(&trial(&["scenarios"]).stdout);
    assert!(
        list.contains("03-truck-gps")
            && list.contains("  leader-crash\n      Trucks report positions"),
        "{list}"
    );
    let shown = text(&trial(&["scenarios", "leader-crash"]).stdout);
    assert_eq!(
        shown,
        std::fs::read_to_string("scenarios/03-truck-gps/leader-crash.yaml").expect("the file")
    );
}

#[test]
fn bad_inputs_end_with_status_2_and_one_message() {
    let scratch = Scratch::new("bad-inputs");
    for (what, argument, message) in [
        (
            "a missing file",
            scratch
                .0
                .join("no.yaml")
                .to_str()
                .expect("a plain path")
                .to_string(),
            "there is no such file",
        ),
        (
            "a name close to a shipped one",
            "leader-crsh".into(),
            "did you mean \"leader-crash\"?",
        ),
        (
            "a directory without scenarios",
            "src".into(),
            "there is no scenario in this directory",
        ),
        (
            "an empty file",
            scratch.file("empty.yaml", ""),
            "the file is empty",
        ),
        (
            "no UTF-8",
            scratch.file("latin1.yaml", b"name: caf\xe9\n"),
            "byte 0xe9 is not UTF-8",
        ),
        (
            "too large",
            scratch.file("large.yaml", vec![b' '; (1 << 20) + 1]),
            "more than 1048576 bytes",
        ),
        (
            "no YAML",
            scratch.file("no-yaml.yaml", "a: b: c\n"),
            "this is not YAML",
        ),
    ] {
        let output = trial(&["check", &argument]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{what}: {said}");
        assert_eq!(text(&output.stdout), "", "{what}");
        assert!(
            said.starts_with("error: ") && said.contains(message),
            "{what}: {said}"
        );
        assert_eq!(said.matches("error:").count(), 1, "{what}: {said}");
    }
}

#[test]
fn what_is_not_there_is_said_so_whatever_is_asked_of_it() {
    let scratch = Scratch::new("not-there");
    let folder = scratch.0.to_str().expect("a plain path").to_string();
    let nothing = format!("{folder}/nope.log");
    let scenario = "scenarios/03-truck-gps/truck-gps.yaml";
    let below_a_file = format!("{scenario}/out");
    for (arguments, message) in [
        (&["log", "dump", &nothing][..], "there is no such file"),
        (&["log", "dump", &folder], "this is a directory"),
        (
            &["run", "-q", scenario, "--out", &below_a_file],
            "cannot be written",
        ),
        (&["run", scenario, "--seed", "-1"], "invalid value '-1'"),
    ] {
        let output = trial(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        assert!(said.contains(message), "{arguments:?}: {said}");
    }
}

#[test]
fn a_data_directory_that_is_recovered_is_only_read() {
    let scratch = Scratch::new("only-read");
    let folder = scratch.0.to_str().expect("a plain path").to_string();
    let data = format!("{folder}/out/brokers/broker-1");
    std::fs::create_dir_all(&data).expect("a directory");
    std::fs::write(format!("{data}/meta.properties"), "version=0\n").expect("a file");
    for out in [&data, &format!("{data}/made"), &format!("{folder}/out")] {
        let output = trial(&["log", "recover", &data, "--out", out, "--force"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{out}: {said}");
        assert!(
            said.contains("in the directory that is to be read"),
            "{out}: {said}"
        );
    }
    assert!(PathBuf::from(data).join("meta.properties").is_file());
}

#[test]
fn standard_input_is_read_for_a_hyphen() {
    let mut child = command(&["check", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let scenario = std::fs::read("scenarios/03-truck-gps/truck-gps.yaml").expect("the file");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(&scenario)
        .expect("it is read");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("-: ok: truck-gps"));
}

#[test]
fn wrong_arguments_end_with_status_2_and_help_with_0() {
    assert_eq!(trial(&["chekc"]).status.code(), Some(2));
    assert_eq!(trial(&["check"]).status.code(), Some(2));
    let help = trial(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Usage: trial"));
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child = command(&["scenarios"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn colours_are_for_terminals() {
    assert!(!text(&trial(&["check", "nothing-here"]).stderr).contains('\x1b'));
}

#[test]
fn a_run_that_holds_ends_with_0_and_says_the_same_twice() {
    let [first, second] = [0, 1].map(|_| trial(&["run", "first-steps"]));
    assert_eq!(first.status.code(), Some(0));
    assert_eq!(text(&first.stderr), "");
    let said = text(&first.stdout);
    assert!(said.starts_with("seed 1\nfirst-steps: "), "{said}");
    assert!(
        said.contains("$ kafka-topics --describe\nTopic: trucks_gps\t"),
        "{said}"
    );
    assert_eq!(said, text(&second.stdout));
    let other = text(&trial(&["run", "first-steps", "--seed", "2"]).stdout);
    assert!(other.starts_with("seed 2\n"), "{other}");
    assert_ne!(said, other);
}

#[test]
fn a_run_that_fails_ends_with_1_and_the_command_that_repeats_it() {
    let output = trial(&[
        "run",
        "leader-crash",
        "--seed",
        "9",
        "--quiet",
        "--set",
        "expect/0=no election happens",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("FAILED: no election happens"), "{said}");
    let last = said.lines().last().unwrap_or_default().trim();
    assert_eq!(
        last,
        "trial run leader-crash --seed 9 --set 'expect/0=no election happens'"
    );
}

#[test]
fn a_run_can_be_cut_short_and_is_then_not_judged() {
    let output = trial(&["run", "leader-crash", "--until", "20s"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stdout);
    assert!(said.contains("20 simulated seconds"), "{said}");
    for sentence in [
        "no acknowledged record is lost",
        "trucks_gps-0 is led by another broker within 25s of the crash",
        "p99 produce latency: 10ms, from 4s, until 30s",
    ] {
        let line = format!("\nnot judged: {sentence} — the run ended at 20s\n");
        assert!(said.contains(&line), "{sentence}: {said}");
    }
    assert_eq!(said.matches("\nnot judged: ").count(), 5, "{said}");
    let several = text(&trial(&["run", "leader-crash", "truck-gps", "--until", "20s"]).stdout);
    assert!(
        several.contains("0 of 5 expectations (5 not judged)"),
        "{several}"
    );
    let whole = text(&trial(&["run", "-q", "leader-crash", "--until", "2m"]).stdout);
    assert!(
        whole.contains("held: no acknowledged record is lost"),
        "{whole}"
    );
    assert_eq!(
        trial(&["run", "leader-crash", "--until", "3m"])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(
        trial(&["run", "leader-crash", "--until", "20"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn the_plan_of_a_run_that_was_cut_short_is_the_same_run() {
    let scratch = Scratch::new("cut-short");
    let out = scratch.0.join("c");
    let out = out.to_str().expect("a plain path");
    let digest = |output: Output| {
        assert_eq!(output.status.code(), Some(0));
        let said = text(&output.stdout);
        let line = said.lines().find(|line| line.starts_with("digest "));
        line.expect("a digest").to_string()
    };
    let cut = digest(trial(&[
        "run",
        "leader-crash",
        "--until",
        "40s",
        "--out",
        out,
    ]));
    let plan = format!("{out}/plan.yaml");
    let again = trial(&["run", &plan]);
    assert!(text(&again.stdout).contains("the run ended at 40s"));
    assert_eq!(digest(again), cut);
    let whole = digest(trial(&["run", "leader-crash"]));
    assert_ne!(whole, cut);
    // What the file says gives way to what the command says.
    assert_eq!(digest(trial(&["run", &plan, "--until", "2m"])), whole);
}

#[test]
fn a_directory_runs_all_of_it_with_a_summary() {
    let output = trial(&["run", "scenarios/03-truck-gps"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stdout);
    assert_eq!(
        said.lines().last(),
        Some("6 scenarios: 6 held, 0 failed"),
        "{said}"
    );
    assert_eq!(trial(&["run", "src"]).status.code(), Some(2));
}

#[test]
fn the_columns_of_a_summary_stand_under_each_other() {
    let said = text(&trial(&["run", "leader-cut-from-zookeeper", "truck-gps"]).stdout);
    let columns: Vec<usize> = said
        .lines()
        .filter_map(|line| line.find("  seed "))
        .collect();
    assert!(columns.len() == 2 && columns[0] == columns[1], "{said}");
}

#[test]
fn the_command_that_repeats_a_run_of_standard_input_says_what_it_needs() {
    let mut child = command(&[
        "run",
        "-q",
        "-",
        "--set",
        "expect/0=records read by dashboard: 1",
    ])
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .expect("the binary runs");
    let scenario = std::fs::read("scenarios/01-first-steps/first-steps.yaml").expect("the file");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&scenario).expect("it is read");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(
        last,
        "  trial run - --seed 1 --set 'expect/0=records read by dashboard: 1'  # needs the same standard input again"
    );
}

#[test]
fn out_holds_plan_trace_tables_and_data_and_is_not_written_over() {
    let scratch = Scratch::new("out");
    let at = |name: &str| {
        scratch
            .0
            .join(name)
            .to_str()
            .expect("a plain path")
            .to_string()
    };
    let (a, b) = (at("a"), at("b"));
    assert_eq!(
        trial(&["run", "-q", "leader-crash", "--out", &a])
            .status
            .code(),
        Some(0)
    );
    for file in [
        "plan.yaml",
        "trace.jsonl",
        "transcript.txt",
        "report.txt",
        "report.json",
        "kafka-topics.txt",
    ] {
        assert!(scratch.0.join("a").join(file).is_file(), "{file}");
    }
    let log = scratch
        .0
        .join("a/brokers/broker-1/data/trucks_gps-0/00000000000000000000.log");
    assert!(std::fs::metadata(log).is_ok_and(|found| found.len() > 0));

    let again = trial(&["run", "-q", "leader-crash", "--out", &a]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("this is there already"));
    assert_eq!(
        trial(&["run", "-q", "leader-crash", "--out", &a, "--force"])
            .status
            .code(),
        Some(0)
    );

    // The plan as run is a scenario of its own, and the same run.
    let plan = at("a/plan.yaml");
    assert_eq!(
        trial(&["run", "-q", &plan, "--out", &b]).status.code(),
        Some(0)
    );
    let same = trial(&["diff", &a, &b]);
    assert_eq!(
        (same.status.code(), text(&same.stdout).as_str()),
        (Some(0), "no difference\n")
    );

    assert_eq!(
        trial(&[
            "run",
            "-q",
            "leader-crash",
            "--seed",
            "8",
            "--out",
            &b,
            "--force"
        ])
        .status
        .code(),
        Some(0)
    );
    let other = trial(&["diff", &a, &b]);
    assert_eq!(other.status.code(), Some(1));
    assert!(
        text(&other.stdout).contains("then they differ"),
        "{}",
        text(&other.stdout)
    );
    assert_eq!(trial(&["diff", &a, &plan]).status.code(), Some(2));
}

#[test]
fn conform_says_what_is_no_recording() {
    let scratch = Scratch::new("conform");
    for (content, message) in [
        ("{\"mode\": ", "this is not JSON"),
        (
            "{\"mode\": \"zookeeper\"}",
            "the key \"name\" is missing here",
        ),
        ("", "the file is empty\n  = expected a recording"),
    ] {
        let file = scratch.file("r.json", content);
        let output = trial(&["conform", &file]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(message), "{said}");
        assert_eq!(said.matches("r.json").count(), 1, "{said}");
    }
    assert_eq!(
        trial(&["conform", "no-such-file.json"]).status.code(),
        Some(2)
    );
}

#[test]
fn conform_skips_older_transcripts_of_zookeeper() {
    let output = trial(&["conform", "tests/vectors/zookeeper/crud_versions.json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "skipped  crud_versions: an older transcript of ZooKeeper, partly prose; a test plays it\n"
    );
}

#[test]
fn conform_shows_the_first_difference_with_the_transcript_around_it() {
    let scratch = Scratch::new("conform-difference");
    let original = "tests/vectors/kafka/failovers/leader_crash.zookeeper.json";
    let mut recording: serde_json::Value =
        serde_json::from_slice(&std::fs::read(original).expect("the file")).expect("JSON");
    recording["steps"][3]["state"]["controller_epoch"] = 4711.into();
    let file = scratch.file("changed.json", recording.to_string());
    let output = trial(&["conform", &file]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    let steps = recording["steps"].as_array().expect("steps").len();
    assert!(
        said.starts_with(&format!(
            "DIFFERS  leader_crash: at step 4 of {steps}\n  step 4: "
        )),
        "{said}"
    );
    assert!(!said.contains("Each line: time"), "no legend: {said}");
    let (before, meanwhile) = said
        .split_once("    before here:\n")
        .and_then(|(_, rest)| rest.split_once("    meanwhile here:\n"))
        .expect("both parts of the transcript");
    assert_eq!(before.lines().count(), 10, "{said}");
    assert!(meanwhile.lines().count() >= 1, "{said}");

    let output = trial(&["conform", &file, original, "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["held"], false);
    let runs = &document["runs"];
    assert_eq!(runs[0]["file"], file.as_str());
    assert_eq!(runs[1]["file"], original);
    assert_eq!(runs[1]["held"], true);
    let step = &runs[0]["differing"][0];
    assert_eq!(step["step"], 4);
    let lines = |key: &str| {
        let lines = step[key].as_array().expect("lines").iter();
        lines
            .map(|line| format!("      {}\n", line.as_str().expect("text")))
            .collect::<String>()
    };
    assert_eq!(lines("transcript_before"), before);
    assert_eq!(lines("transcript"), meanwhile);
}

#[test]
fn out_holds_the_tables_of_groups_as_the_report_shows_them() {
    let scratch = Scratch::new("out-groups");
    let at = |name: &str| scratch.0.join("out").join(name);
    let out = at("");
    let out = out.to_str().expect("a plain path");
    let run = trial(&["run", "-q", "crash-after-the-commit", "--out", out]);
    assert_eq!(run.status.code(), Some(0));
    let read = |name: &str| std::fs::read_to_string(at(name)).expect(name);
    let (groups, report) = (read("kafka-consumer-groups.txt"), read("report.txt"));
    let commands = groups.matches("$ kafka-consumer-groups --").count();
    assert_eq!(commands, 4, "{groups}");
    assert!(report.contains(&groups), "{report}");
}
