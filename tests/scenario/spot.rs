//! `trial spot`: a broken run is shown, and who broke it asked.

use super::command_line::answered;
use super::command_line::{Scratch, text, trial};

#[test]
fn what_is_shown_of_a_bug_and_told_of_each_suspect_is_what_was_reviewed() {
    let output = answered("5\n\n1\n", &["spot", "gone"]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    let printed = text(&output.stdout);
    assert!(
        printed.lines().all(|line| line.chars().count() <= 80),
        "{printed}"
    );
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("spot@gone", printed);
    });
}

#[test]
fn a_letter_accuses_and_a_question_mark_explains() {
    let printed = text(&answered("?\nd\n", &["spot", "left-behind"]).stdout);
    assert!(printed.contains("its letter (A is the first)"), "{printed}");
    assert!(printed.contains("\nFound.\n"), "{printed}");
}

#[test]
fn all_bugs_are_listed_and_an_unknown_one_names_them() {
    let list = text(&trial(&["spot"]).stdout);
    assert!(list.matches("trial spot ").count() >= 4, "{list}");
    let output = trial(&["spot", "gonne"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("two-readers") && said.contains("did you mean \"gone\"?"),
        "{said}"
    );
}

#[test]
fn a_bug_is_drawn_into_a_directory_of_its_own() {
    let scratch = Scratch::new("spot-out");
    let out = scratch.0.join("figure");
    let out = out.to_str().expect("a plain path");
    let output = answered("q\n", &["spot", "cut-too-far", "--out", out]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("Nobody was accused.\n"));
    let svg = std::fs::read_to_string(format!("{out}/messages.svg")).expect("it is drawn");
    assert!(svg.contains("cuts to 14"), "{svg}");
    let again = answered("q\n", &["spot", "cut-too-far", "--out", out]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("this is there already"));
}
