//! The `trial` binary from outside: exit status, what goes to which stream, what is written.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn trial(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary runs")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trial"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("NO_COLOR");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A directory of this test's own, gone when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Scratch(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
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
    let folder = scratch.0.to_str().expect("a plain path").to_string();
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
        ("a directory", folder, "this is a directory"),
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
            scratch.file("no-yaml.yaml", "{"),
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
