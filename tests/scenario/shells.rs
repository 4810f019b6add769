//! What helps people begin and type: a starter, the schema, completions and manual pages.

use super::command_line::{Scratch, text, trial};
use std::fs;
use std::process::Command;

/// `trial` in a directory of this test's own.
fn trial_in(scratch: &Scratch, arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_trial"))
        .args(arguments)
        .current_dir(&scratch.0)
        .output()
        .expect("the binary runs")
}

#[test]
fn a_new_scenario_holds_and_nothing_is_written_over_it() {
    let scratch = Scratch::new("new");
    let output = trial_in(&scratch, &["new", "two-crashes"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "two-crashes.yaml\n");
    assert!(text(&output.stderr).contains("trial run two-crashes.yaml"));
    let run = trial_in(&scratch, &["run", "two-crashes.yaml"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let file = scratch.0.join("two-crashes.yaml");
    fs::write(&file, "mine").expect("a file");
    let again = trial_in(&scratch, &["new", "two-crashes"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("this is there already"));
    assert_eq!(fs::read_to_string(&file).expect("a file"), "mine");
    let forced = trial_in(&scratch, &["new", "two-crashes", "--force"]);
    assert_eq!(forced.status.code(), Some(0));
    assert!(
        fs::read_to_string(&file)
            .expect("a file")
            .contains("name: two-crashes")
    );
}

#[test]
fn a_new_scenario_can_be_printed() {
    let scratch = Scratch::new("new-printed");
    let output = trial_in(&scratch, &["new", "two-crashes", "--out", "-"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("\nname: two-crashes\n"));
    assert!(!scratch.0.join("-").exists());
}

#[test]
fn a_name_that_no_scenario_has_makes_no_file() {
    let scratch = Scratch::new("new-wrong");
    for (arguments, said) in [
        (
            &["new", "Two Crashes"][..],
            "lower-case letters, digits and hyphens",
        ),
        (&["new", "--out", "."], "this"),
        (
            &["new", "--out", "nowhere/a.yaml"],
            "there is no such directory",
        ),
    ] {
        let output = trial_in(&scratch, arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert_eq!(error.matches("error:").count(), 1, "{error}");
        assert_eq!(text(&output.stdout), "");
    }
    assert_eq!(fs::read_dir(&scratch.0).expect("a directory").count(), 0);
}

#[test]
fn the_schema_that_is_printed_is_the_committed_one() {
    let printed = text(&trial(&["schema"]).stdout);
    let committed = fs::read_to_string("scenarios/schema.json").expect("the schema");
    assert!(printed == committed, "trial schema > scenarios/schema.json");
}

/// A line of bash that prints what it would offer for these words, the last of which is being typed.
fn offered(script: &str, words: &[&str]) -> Option<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let text = format!(
        "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={}\n_trial trial \"${{COMP_WORDS[COMP_CWORD]}}\"\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        quoted.join(" "),
        words.len() - 1,
    );
    let output = Command::new("bash").arg("-c").arg(text).output().ok()?;
    Some(self::text(&output.stdout))
}

#[test]
fn completions_are_scripts_and_bash_knows_the_scenarios() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = trial(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(text(&output.stdout).contains("trial"), "{shell}");
    }
    assert_eq!(trial(&["completions", "tcsh"]).status.code(), Some(2));
    let script = text(&trial(&["completions", "bash"]).stdout);
    // Where there is no bash, there is nothing to try.
    let Some(commands) = offered(&script, &["trial", "comp"]) else {
        return;
    };
    assert_eq!(commands, "compare\ncompletions\n");
    let names = offered(&script, &["trial", "run", "leader-cr"]).expect("bash");
    assert_eq!(names, "leader-crash\n");
}

#[test]
fn each_command_has_a_manual_page() {
    let scratch = Scratch::new("man");
    let output = trial_in(&scratch, &["man", "--out", "pages"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = text(&output.stdout);
    for page in [
        "trial",
        "trial-run",
        "trial-schema",
        "trial-log",
        "trial-log-dump",
    ] {
        let path = format!("pages/{page}.1");
        assert!(written.lines().any(|line| line == path), "{written}");
        let page = fs::read_to_string(scratch.0.join(&path)).expect("a page");
        assert!(page.contains(".TH ") && page.contains(".SH NAME"), "{path}");
    }
    let again = trial_in(&scratch, &["man", "--out", "pages/trial.1"]);
    assert_eq!(again.status.code(), Some(2));
}
