//! Campaigns from the command line, as their users have them.

mod fuzz;
mod situations;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs `trial` with these arguments.
fn trial(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trial"));
    command.args(arguments).env("NO_COLOR", "1");
    command.output().expect("the binary of these tests")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A path of this test's own where nothing is.
fn fresh(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("campaign")
        .join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(path.parent().expect("below the target")).expect("it is ours");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}
