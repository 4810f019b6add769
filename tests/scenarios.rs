//! Every shipped scenario, run as a user runs it: what it prints is a reviewed snapshot, it prints the
//! same in every process, and its digest stands in one file with all the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every scenario file by its name, sorted.
fn scenarios() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in std::fs::read_dir(root().join("scenarios")).unwrap() {
        for file in std::fs::read_dir(dir.unwrap().path()).unwrap() {
            files.push(file.unwrap().path());
        }
    }
    files.sort();
    assert!(files.len() >= 13, "the shipped scenarios are there");
    files
}

/// Exit status and standard output of `trial run`, in a process of its own.
fn run(file: &Path) -> (Option<i32>, String) {
    let shown = file.strip_prefix(root()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_trial"))
        .current_dir(root())
        .arg("run")
        .arg(shown)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("text"),
    )
}

#[test]
fn scenarios_hold_and_print_the_same_in_every_process() {
    let mut digests = BTreeMap::new();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for file in scenarios() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_string();
        let (status, printed) = run(&file);
        let (_, again) = run(&file);
        assert_eq!(
            printed, again,
            "{name} printed something else in another process"
        );
        assert_eq!(status, Some(0), "{name} does not hold:\n{printed}");
        let digest = printed
            .lines()
            .find_map(|line| line.strip_prefix("digest "))
            .expect("a digest");
        digests.insert(
            name.clone(),
            digest
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_string(),
        );
        let transcript: String = printed
            .lines()
            .filter(|line| !line.starts_with("digest "))
            .map(|line| format!("{line}\n"))
            .collect();
        settings.bind(|| insta::assert_snapshot!(format!("run@{name}"), transcript));
    }
    let digests: String = digests
        .iter()
        .map(|(name, digest)| format!("{name} {digest}\n"))
        .collect();
    settings.bind(|| insta::assert_snapshot!("digests", digests));
}
