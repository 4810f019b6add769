//! `trial tour`, and `trial` alone: what a person sees who has never been here, from a pipe.

use super::command_line::{answered, text, trial};

/// Each screen: what stands between two prompts, with the prompt itself.
pub(super) fn fits_screens(printed: &str) {
    let mut lines = 0;
    for line in printed.lines() {
        assert!(line.chars().count() <= 80, "80 columns: {line}");
        assert!(
            line.chars().all(|c| c.is_ascii_graphic() || c == ' '),
            "{line}"
        );
        lines += 1;
        if line.starts_with('[') {
            // The empty line above a screen may have gone.
            assert!(lines <= 25, "24 lines, and has {}: up to {line}", lines - 1);
            lines = 0;
        }
    }
}

#[test]
fn the_tour_is_what_was_reviewed_and_fits_a_small_terminal() {
    let output = answered("\n\n3\n2\n\n\n2\n\n", &["tour"]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    let printed = text(&output.stdout);
    fits_screens(&printed);
    assert!(printed.contains("\n6 of 6"), "{printed}");
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("tour", printed);
    });
}

#[test]
fn the_tour_ends_where_somebody_has_enough() {
    for (lines, last) in [
        ("", "1 of 6"),
        ("q\n", "1 of 6"),
        ("\n\nq\n", "3 of 6"),
        ("\n\n1\n", "You say: "),
    ] {
        let output = answered(lines, &["tour"]);
        let printed = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{lines:?}");
        assert_eq!(text(&output.stderr), "");
        let screens = printed.rsplit("\n\n").find(|it| it.contains(last));
        assert!(screens.is_some(), "{lines:?}: {printed}");
        assert!(
            printed.ends_with("The tour ends here. trial tour begins it again.\n"),
            "{printed}"
        );
        assert!(!printed.contains("4 of 6"), "{lines:?}");
    }
}

#[test]
fn what_is_no_answer_is_asked_again() {
    let nonsense = "x".repeat(100);
    let output = answered(&format!("hello\n\n\n0\n4\n{nonsense}\nb\nq\n"), &["tour"]);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        printed.contains("\"hello\" is not asked for here."),
        "{printed}"
    );
    for word in ["0", "4", "xxxxxxxxxxxxxxxxxxxx.."] {
        assert!(
            printed.contains(&format!("\"{word}\" is none of the answers.")),
            "{printed}"
        );
    }
    assert!(
        printed.contains("\nYou say: All are still there"),
        "{printed}"
    );
}

#[test]
fn alone_it_says_what_it_is_and_where_to_begin() {
    let output = trial(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    let printed = text(&output.stdout);
    assert!(
        printed.lines().all(|line| line.chars().count() <= 80),
        "{printed}"
    );
    assert!(printed.lines().count() <= 30, "{printed}");
    let begin = printed.find("trial tour").expect("the tour is offered");
    let commands = printed.find("\n  run ").expect("commands are listed");
    assert!(begin < commands, "{printed}");
}
