//! `trial predict`: asks, goes on, tells; what is written of answers, and what is read of them.

use super::command_line::{self, Scratch, text, trial};
use kafka_trial::plan::{Plan, Question};
use kafka_trial::scenario::{SHIPPED, load};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;

/// With these lines on standard input.
fn answered(lines: &str, arguments: &[&str]) -> Output {
    command_line::answered(lines, &[&["predict"], arguments].concat())
}

#[test]
fn what_is_asked_and_told_is_what_was_reviewed() {
    let output = answered("?\n7\n\n1\nON-DISK\n2\n", &["leader-crash"]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("predict@leader-crash", text(&output.stdout));
    });
}

#[test]
fn the_run_stands_before_the_crash_when_it_asks() {
    let output = answered("", &["leader-crash"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("At 30s: The leader"), "{printed}");
    assert!(!printed.contains("crash of broker"), "{printed}");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "the answers ended here\n");
}

#[test]
fn what_was_answered_before_the_end_of_the_input_is_told_and_written() {
    let scratch = Scratch::new("predict-early-end");
    let out = scratch.file("answers.jsonl", "");
    let output = answered("kept\n", &["leader-crash", "--out", &out, "--as", "mia"]);
    assert_eq!(output.status.code(), Some(0));
    let printed = text(&output.stdout);
    assert!(printed.contains("Yes. kept: "), "{printed}");
    assert!(
        printed.contains("The run: no acknowledged record is lost — "),
        "{printed}"
    );
    let written = std::fs::read_to_string(&out).expect("the file");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        written,
        format!(
            "{{\"scenario\":\"leader-crash\",\"id\":\"fate-of-the-acknowledged\",\"part\":\"predict\",\"option\":\"kept\",\
             \"right\":true,\"seed\":7,\"version\":\"{version}\",\"as\":\"mia\"}}\n"
        )
    );
}

#[test]
fn answers_are_appended_and_counted() {
    let scratch = Scratch::new("predict-stats");
    let out = scratch.file("answers.jsonl", "");
    for (who, lines) in [("a", "2\n1\n2\n"), ("b", "1\n1\n2\n"), ("a", "1\n1\n1\n")] {
        answered(lines, &["leader-crash", "--out", &out, "--as", who]);
    }
    let output = trial(&["predict", "--stats", &out]);
    assert_eq!(output.status.code(), Some(0));
    let printed = text(&output.stdout);
    for line in [
        "leader-crash fate-of-the-acknowledged predict: 2 answers, difficulty 0.50, discrimination none (all alike)",
        "  1 x a-failover-loses-acknowledged: ",
        "leader-crash fate-of-the-acknowledged reason: 2 answers, difficulty 1.00",
        "2 persons, 6 answers (first answers of each; 3 left out)",
    ] {
        assert!(printed.contains(line), "{line}:\n{printed}");
    }
}

#[test]
fn a_file_of_something_else_is_refused_with_its_line() {
    let scratch = Scratch::new("predict-bad-files");
    let good = "{\"scenario\":\"s\",\"id\":\"a\",\"part\":\"predict\",\"option\":\"x\",\"right\":true,\"seed\":1,\"version\":\"0\"}\n";
    for (content, place, found) in [
        ("{\"scenario\":7}\n", ":2:13: ", "integer `7`"),
        ("hello\n", ":2:1: ", "expected value"),
        ("{\"scenario\":\"s\"\n", ":2:15: ", "EOF"),
        ("{\"score\":1}\n", ":2:8: ", "unknown field `score`"),
        (&good.replace("predict", "guess"), ":2:", "guess"),
    ] {
        let file = scratch.file("answers.jsonl", format!("{good}{content}"));
        let output = trial(&["predict", "--stats", &file]);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert_eq!(text(&output.stdout), "");
        let message = text(&output.stderr);
        assert!(
            message.contains(place) && message.contains(found),
            "{message}"
        );
        assert!(message.contains("trial predict --out"), "{message}");
    }
    let file = scratch.file("answers.jsonl", b"\xff\xfe\n");
    assert_eq!(trial(&["predict", "--stats", &file]).status.code(), Some(2));
    assert_eq!(
        trial(&["predict", "--stats", "nowhere.jsonl"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn who_asks_for_what_cannot_be_is_told() {
    for (arguments, found) in [
        (&["truck-gps"][..], "this scenario asks nothing"),
        // What asks in the same folder.
        (&["truck-gps"], "leader-crash"),
        (
            &[
                "leader-crash",
                "--set",
                "producers/trucks/acks=1",
                "--out",
                "a.jsonl",
            ],
            "--out or --set, not both",
        ),
        (&["-"], "the answers come from standard input"),
        (&["leader-crush"], "did you mean \"leader-crash\"?"),
        (
            &["leader-crash", "--out", "nowhere/answers.jsonl"],
            "there is no such file",
        ),
        (&["leader-crash", "--as", "mia"], "--out"),
        (&["--out", "a.jsonl"], "SCENARIO"),
        (
            &["leader-crash", "--out", "nowhere", "--as", "a\n"],
            "expected a name without line breaks",
        ),
        (&["leader-crash", "--lines", "-1"], "invalid value '-1'"),
    ] {
        let output = answered("", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.contains(found), "{arguments:?}: {message}");
        assert!(!message.contains("standard input, or"), "{message}");
    }
}

/// What `trial` alone knows of: kinds of figures, and its own command lines.
#[test]
fn a_figure_or_a_command_line_that_there_is_not_is_refused_with_its_place() {
    let scratch = Scratch::new("predict-check");
    let text_of = |name| {
        let path = format!("scenarios/03-truck-gps/{name}.yaml");
        std::fs::read_to_string(path).expect("the scenario")
    };
    let good = text_of("leader-crash");
    for (line, instead, found) in [
        (
            "{kind: outage, at: 60s}",
            "{kind: outrage, at: 60s}",
            "did you mean \"outage\"?",
        ),
        (
            "{kind: outage, at: 60s}",
            "{kind: outage, around: here}",
            "expected record:",
        ),
        (
            "{kind: outage, at: 60s}",
            "{kind: outage, partition: t}",
            "expected a topic and a number",
        ),
        (
            "then_try: trial predict",
            "then_try: trial walk",
            "unrecognized subcommand 'walk'",
        ),
        (
            "then_try: trial predict",
            "then_try: run",
            "does not begin with trial",
        ),
    ] {
        assert!(good.contains(line));
        let file = scratch.file("bad.yaml", good.replace(line, instead));
        for command in ["check", "run", "predict"] {
            let output = trial(&[command, &file]);
            let message = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command}: {message}");
            assert!(
                message.contains("bad.yaml:") && message.contains(found),
                "{message}"
            );
        }
    }
}

#[test]
fn a_text_that_disagrees_with_the_run_fails() {
    let scratch = Scratch::new("predict-disagree");
    let good = std::fs::read_to_string("scenarios/03-truck-gps/leader-crash.yaml").expect("it");
    let said = "answer: {is: kept, when: no acknowledged record is lost}";
    assert!(good.contains(said));
    let wrong = "answer: {is: kept, when: no election happens}";
    let file = scratch.file("wrong.yaml", good.replace(said, wrong));
    let output = trial(&["run", "-q", &file]);
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    let failed = "the scenario's own answer to the prediction fate-of-the-acknowledged, \"All are still there when another \
                  broker leads.\", is not so: no election happens";
    assert!(printed.contains(failed), "{printed}");
    let out = scratch.file("answers.jsonl", "");
    let output = answered("kept\n1\n2\n", &[&file, "--out", &out]);
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    let not_so = "own answer, \"All are still there when another broker leads.\", is not so";
    assert!(printed.contains(not_so), "{printed}");
    let written = std::fs::read_to_string(&out).expect("the file");
    assert_eq!(
        written.lines().count(),
        1,
        "only the recall is judged: {written}"
    );
}

/// The question says "with acks=all", and so do its reasons.
#[test]
fn with_changed_values_no_reason_is_right_or_wrong() {
    let change = ["--set", "producers/trucks/acks=1"];
    let output = answered("a\nA\n2\n", &[&["leader-crash"][..], &change[..]].concat());
    let printed = text(&output.stdout);
    let said = printed.find("\nChanged: producers/trucks/acks=1. The questions are those");
    let asked = printed.find("\nAt 30s: ");
    assert!(said.is_some() && said < asked, "{printed}");
    for line in [
        "You say: gone\n",
        "\n  Values were changed: no reason is called right or wrong.\n",
        "own answer is so: All are still there",
        "  The run: no acknowledged record is lost — ",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    for line in ["  Yes. ", "  It is ", "every in-sync replica has it. The"] {
        assert!(!printed.contains(line), "{line}: {printed}");
    }
}

#[test]
fn without_a_name_it_says_who_asks() {
    for command in ["predict", "class"] {
        let output = trial(&[command]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let printed = text(&output.stdout);
        assert!(
            printed.contains("\n10-acks\n  acks-and-min-insync ")
                && !printed.contains("truck-gps "),
            "{printed}"
        );
        assert!(
            printed.lines().all(|line| line.chars().count() <= 80),
            "{printed}"
        );
    }
}

fn shipped() -> Vec<(&'static str, Plan)> {
    let plan = |name: &str, text: &str| load(name, text.into(), &[]).expect("it loads").plan;
    SHIPPED
        .iter()
        .filter(|it| !it.shows_a_bug())
        .map(|it| (it.path, plan(it.path, it.text)))
        .collect()
}

/// At least one question in each folder of the course; each with its reason, what happened, and what there is to try.
#[test]
fn every_folder_of_scenarios_asks() {
    let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, plan) in &shipped() {
        let folder = path.split('/').next().expect("a folder");
        *asked.entry(folder).or_default() += plan.predict.len();
        for prediction in &plan.predict {
            let whole = prediction.reason.is_some() && prediction.recall.is_some();
            assert!(whole && prediction.then_try.is_some(), "{path}");
        }
    }
    assert!(
        asked.len() >= 15 && asked.values().all(|asked| *asked > 0),
        "{asked:?}"
    );
}

/// No wrong option is left unexplained, no misconception unused; and the right one is not always the first.
#[test]
fn wrong_options_of_shipped_questions_say_what_is_believed() {
    let mut named = BTreeSet::new();
    let mut places = BTreeSet::new();
    for (path, plan) in &shipped() {
        let mut note = |question: &Question| {
            named.extend(
                question
                    .options
                    .iter()
                    .flat_map(|it| it.misconception.clone()),
            );
        };
        for prediction in &plan.predict {
            note(&prediction.question);
            prediction.reason.iter().for_each(&mut note);
            prediction.recall.iter().for_each(|it| note(&it.question));
            let options = &prediction.question.options;
            for option in options {
                let is = option.name == prediction.question.is;
                assert_eq!(
                    option.misconception.is_none(),
                    is,
                    "{path}: {}",
                    option.name
                );
            }
            places.insert(
                options
                    .iter()
                    .position(|it| it.name == prediction.question.is),
            );
        }
    }
    assert!(places.len() > 2, "{places:?}");
    for (name, _) in kafka_trial::plan::MISCONCEPTIONS {
        assert!(named.contains(*name), "{name} is no option of any question");
    }
}
