//! README's commands do what README says: each is run, but for the test command, which runs this test.

use std::process::Command;

#[test]
fn every_command_of_the_readme_works() {
    let readme = include_str!("../../README.md");
    let commands: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    let [main_job, "cargo test"] = commands[..] else {
        panic!("README opens with the main job and the test command, not {commands:?}");
    };
    let arguments = main_job
        .strip_prefix("cargo run --release -- ")
        .expect("the main job is run by cargo");
    let run = || {
        Command::new(env!("CARGO_BIN_EXE_trial"))
            .args(arguments.split(' '))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the binary starts")
    };
    let output = run();
    let text = String::from_utf8(output.stdout).expect("reports are UTF-8");
    assert!(output.status.success(), "{text}");
    assert!(text.starts_with("seed "), "{text}");
    for part in [
        "$ kafka-topics --describe",
        "held: no acknowledged record is lost",
        "digest ",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(run().stdout, text.as_bytes(), "same seed, same bytes");
}
