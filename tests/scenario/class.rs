//! `trial class`: what is made for a class, what of it gives nothing away, and how answers are graded.

use super::command_line::answered;
use super::command_line::{Scratch, text, trial};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn files_below(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        match path.is_dir() {
            true => found.extend(
                files_below(&path)
                    .into_iter()
                    .map(|it| format!("{name}/{it}")),
            ),
            false => _ = found.insert(name),
        }
    }
    found
}

fn read(out: &str, name: &str) -> String {
    fs::read_to_string(format!("{out}/{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn a_class_has_slides_questions_a_key_and_seeds_and_is_the_same_again() {
    let scratch = Scratch::new("class");
    let outs = ["one", "two"].map(|name| {
        scratch
            .0
            .join(name)
            .to_str()
            .expect("a plain path")
            .to_owned()
    });
    for out in &outs {
        let output = trial(&[
            "class",
            "leader-crash",
            "truck-gps",
            "--out",
            out,
            "--students",
            "2",
        ]);
        assert_eq!(text(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(
            text(&output.stdout).lines().count(),
            files_below(Path::new(out)).len()
        );
    }
    let [one, two] = &outs;
    let files = files_below(Path::new(one));
    for name in &files {
        let bytes = |out: &str| fs::read(format!("{out}/{name}")).expect("it is there");
        assert_eq!(bytes(one), bytes(two), "{name}");
    }
    let wanted = [
        "slides.pdf",
        "slides/01-leader-crash-setting.svg",
        "slides/02-leader-crash-figure.svg",
        "slides/05-leader-crash-afterwards.svg",
        "slides/08-truck-gps-figure.svg",
        "key/slides.pdf",
        "key/01-leader-crash-idea.svg",
        "questions.md",
        "seeds.csv",
        "key/answers.csv",
        "key/key.md",
        "key/01-leader-crash-fate-of-the-acknowledged.svg",
    ];
    for name in wanted {
        assert!(files.contains(name), "{name}: {files:?}");
    }
    // Nothing outside of key/ tells an answer: no option's name, no misconception, no word of what came.
    for name in files
        .iter()
        .filter(|name| !name.starts_with("key/") && !name.ends_with(".pdf"))
    {
        let text = read(one, name);
        for word in [
            "in-every-isr",
            "a-failover",
            "**right**",
            "354 acknowledged",
            "elects",
        ] {
            assert!(!text.contains(word), "{name} says {word}");
        }
    }
    assert_eq!(read(one, "seeds.csv").lines().count(), 3);
    let answers = read(one, "key/answers.csv");
    assert!(
        answers.contains("\n2,2,leader-crash,fate-of-the-acknowledged,predict,kept,"),
        "{answers}"
    );
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("class@questions", read(one, "questions.md"));
        insta::assert_snapshot!("class@key", read(one, "key/key.md"));
    });
    let again = trial(&["class", "leader-crash", "--out", one]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("this is there already"));
}

#[test]
fn a_folder_is_a_class_and_what_asks_nothing_is_none() {
    let scratch = Scratch::new("class-folder");
    let out = scratch.0.join("class");
    let out = out.to_str().expect("a plain path");
    for (arguments, message) in [
        (
            vec!["class", "truck-gps", "--out", out],
            "none of these asks anything",
        ),
        (
            vec!["class", "10-ack", "--out", out],
            "there is no such file",
        ),
        (vec!["class", "truck-gps"], "leader-crash"),
        (vec!["class", "leader-crash"], "--out DIR"),
        (
            vec!["class", "nosuch", "--out", out],
            "a directory of such files",
        ),
        (
            vec!["class", "10-acks", "--out", out, "--students", "-1"],
            "-1 is not in 0..=500",
        ),
        (vec!["class", "--out", out], "required"),
    ] {
        let output = trial(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            text(&output.stderr).contains(message),
            "{}",
            text(&output.stderr)
        );
    }
    let output = trial(&["class", "10-acks", "--out", out]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(read(out, "questions.md").contains("## 1. acks-and-min-insync"));
    assert!(!files_below(Path::new(out)).contains("seeds.csv"));
}

/// By the run of the seed, whatever the file says of its answers.
#[test]
fn answers_are_graded_by_exit_status() {
    let scratch = Scratch::new("class-grade");
    let answers = scratch.0.join("answers.jsonl");
    let answers = answers.to_str().expect("a plain path");
    let given = answered(
        "2\n1\n2\n",
        &[
            "predict",
            "leader-crash",
            "--seed",
            "3",
            "--out",
            answers,
            "--as",
            "mia",
        ],
    );
    assert_eq!(given.status.code(), Some(0));
    let right = trial(&["class", "--grade", answers]);
    assert_eq!(text(&right.stdout), "mia: 3 of 3 right\n");
    assert_eq!(right.status.code(), Some(0));

    let more = trial(&["class", "leader-crash", "acks-1-loss", "--grade", answers]);
    assert_eq!(more.status.code(), Some(1));
    assert!(text(&more.stdout).contains("acks-1-loss stored-said-the-leader recall: no answer"));

    // However they are ordered; and a shell may make several files of one name.
    let before = trial(&["class", "--grade", answers, "leader-crash", "acks-1-loss"]);
    assert_eq!(text(&before.stdout), text(&more.stdout));
    let twice = trial(&["class", "--grade", answers, answers]);
    assert_eq!(text(&twice.stdout), "mia: 3 of 3 right\n");

    let forged = read(scratch.0.to_str().expect("a plain path"), "answers.jsonl");
    let forged = scratch.file("forged.jsonl", forged.replace("\"kept\"", "\"gone\""));
    let forged = trial(&["class", "--grade", &forged]);
    assert_eq!(forged.status.code(), Some(1));
    assert!(
        text(&forged.stdout).contains("predict: \"gone\" is not right (seed 3)"),
        "{}",
        text(&forged.stdout)
    );

    let coloured = read(scratch.0.to_str().expect("a plain path"), "answers.jsonl");
    let coloured = coloured.replace("\"mia\"", "\"\\u001b[31m\\nmia\"");
    let coloured = scratch.file("coloured.jsonl", coloured);
    let coloured = trial(&["class", "--grade", &coloured]);
    assert_eq!(
        text(&coloured.stdout),
        "\\u001b[31m\\u000amia: 3 of 3 right\n"
    );

    let unknown = read(scratch.0.to_str().expect("a plain path"), "answers.jsonl");
    let unknown = scratch.file("unknown.jsonl", unknown.replace("leader-crash", "mine"));
    for (file, message) in [
        (unknown, "it answers \"mine\", which does not ship"),
        (scratch.file("empty.jsonl", ""), "there is no answer"),
        (scratch.file("no.jsonl", "{}\n"), "missing field"),
    ] {
        let output = trial(&["class", "--grade", &file]);
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(
            text(&output.stderr).contains(message),
            "{}",
            text(&output.stderr)
        );
    }
}

/// What a scenario says stands on paper as it was written, whatever Markdown or a browser would make of it.
#[test]
fn texts_that_look_like_markup_appear_as_they_are() {
    let scratch = Scratch::new("class-markup");
    let hostile = "<script>alert(1)</script> [l](javascript:x) *b* `c` <img src=x onerror=y>";
    let scenario = format!(
        "format: 1\nname: hostile\nabout: '# {hostile}'\nduration: 3s\ncluster: {{brokers: 1}}\ntopics: {{t: {{}}}}\n\
         producers: {{p: {{topic: t, every: 1s}}}}\n\
         consumers: {{c: {{topics: [t], config: {{group.id: '<b> *g*'}}}}}}\n\
         predict:\n  - id: q\n    at: 1s\n    ask: '{hostile}'\n    options: {{a: {{say: '{hostile}'}}, b: {{say: b}}}}\n    \
         answer: {{is: a, when: no acknowledged record is lost}}\n"
    );
    let file = scratch.file("hostile.yaml", scenario);
    let out = scratch.0.join("out");
    let out = out.to_str().expect("a plain path");
    let output = trial(&["class", &file, "--out", out]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = "&lt;script>alert(1)&lt;/script> [l\\](javascript:x) \\*b\\* \\`c\\` &lt;img src=x onerror=y>";
    for (name, times) in [("questions.md", 2), ("key/key.md", 3)] {
        let paper = read(out, name);
        assert_eq!(paper.matches(written).count(), times, "{name}: {paper}");
        assert!(
            !paper.contains("<script") && !paper.contains("<b>"),
            "{paper}"
        );
    }
    assert!(read(out, "questions.md").contains("group &lt;b> \\*g\\*."));
    assert!(read(out, "key/key.md").contains("\n\\# &lt;script>"));
}
