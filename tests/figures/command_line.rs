//! `trial chart` from outside: what is written, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn trial(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trial"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

/// A directory of this test's own, which is not there yet and gone when it ends.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chart-{name}"));
        let _ = fs::remove_dir_all(&path);
        Place(path)
    }

    fn name(&self) -> &str {
        self.0.to_str().expect("a plain name")
    }

    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).expect("it was written");
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// It ends with status 2, writes nothing, and says all this.
fn refused(arguments: &[&str], said: &[&str]) {
    let out = Place::new("refused");
    let output = trial(&[&["chart", "--out", out.name()], arguments].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(!out.0.exists());
    for said in said {
        assert!(error.contains(said), "{said} is not in\n{error}");
    }
}

#[cfg(all(feature = "charts", feature = "png"))]
#[test]
fn pictures_files_for_others_and_figures_of_several_runs_are_written_together() {
    let out = Place::new("written");
    let kinds = ["lag", "acks", "perfetto", "shiviz"].map(|kind| ["--kind", kind]);
    let arguments = [
        &["chart", "acks-and-min-insync", "--out", out.name(), "--png"],
        kinds.as_flattened(),
    ];
    let output = trial(&arguments.concat());
    assert_eq!(output.status.code(), Some(0));
    let files = [
        "acks.png",
        "acks.svg",
        "lag.png",
        "lag.svg",
        "perfetto.json",
        "shiviz.log",
    ];
    assert_eq!(out.files(), files);
    // What it has written it does not write over.
    let output = trial(&arguments.concat());
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_kind_that_there_is_not_names_those_that_there_are() {
    refused(
        &["leader-crash", "--kind", "perfeto"],
        &[
            "\"perfeto\" is no kind of figure",
            "leadership",
            "acks",
            "shiviz",
            "perfetto",
        ],
    );
}

#[test]
fn what_a_run_or_a_trace_has_nothing_of_is_said() {
    #[cfg(feature = "charts")]
    refused(
        &["disk-fills", "--kind", "lag"],
        &[
            "no consumer read or committed anything",
            "a run with consumers",
        ],
    );
    let trace = Place::new("trace");
    let played = trial(&["run", "first-steps", "--quiet", "--out", trace.name()]);
    assert_eq!(played.status.code(), Some(0));
    refused(
        &[trace.name(), "--kind", "acks"],
        &["this kind compares several runs, and a trace holds one"],
    );
    refused(
        &[trace.name(), "--kind", "shiviz"],
        &["does not say what brought each event about", "--causes"],
    );
}

#[test]
fn compare_draws_each_run_with_the_place_where_they_part() {
    let out = Place::new("compare");
    let compare = |more: &[&str]| {
        let arguments = [
            "compare",
            "acks-1-loss",
            "--set",
            "acks=1,all",
            "--out",
            out.name(),
        ];
        trial(&[&arguments[..], more].concat())
    };
    let output = compare(&["--chart", "leadership", "--chart", "messages"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(out.files(), ["leadership.svg", "messages.svg"]);
    let drawn = fs::read_to_string(format!("{}/leadership.svg", out.name())).expect("a file");
    for said in [">acks=1<", ">acks=all<"] {
        assert!(drawn.contains(said), "{said}");
    }
    assert_eq!(
        drawn
            .matches(">thick line: the first thing that another run does otherwise")
            .count(),
        2
    );
    // What is there is not written over, and what is not there finds its place beside it.
    let again = compare(&["--chart", "leadership"]);
    assert_eq!(again.status.code(), Some(2));
    let beside = compare(&["--chart", "lag"]);
    assert_eq!(beside.status.code(), Some(0));
    let unknown = compare(&["--chart", "leaders", "--force"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(said.contains("did you mean leadership?"), "{said}");
}

/// What would be taken for an answer about something else is refused, and names what there is.
#[test]
fn names_that_are_none_of_the_run_are_refused() {
    for (arguments, said) in [
        (["--topic", "nope"], "expected trucks_gps"),
        (
            ["--partition", "trucks_gps-99"],
            "expected trucks_gps-0, trucks_gps-1, trucks_gps-2",
        ),
    ] {
        for kind in ["messages", "throughput", "leadership", "perfetto"] {
            let out = Place::new("names");
            let call = ["chart", "leader-crash", "--kind", kind, "--out", out.name()];
            let output = trial(&[&call[..], &arguments[..]].concat());
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{kind}: {error}");
            assert!(error.contains(said), "{kind}: {error}");
            assert!(!Path::new(out.name()).exists(), "{kind}");
        }
    }
}

/// A run that is over is not played with other values.
#[test]
fn a_trace_takes_no_seed_and_no_values() {
    let run = Place::new("over");
    trial(&[
        "run",
        "first-steps",
        "--causes",
        "--quiet",
        "--out",
        run.name(),
    ]);
    for arguments in [["--seed", "5"], ["--set", "acks=1"]] {
        let out = Place::new("over-chart");
        let call = [
            "chart",
            run.name(),
            "--kind",
            "leadership",
            "--out",
            out.name(),
        ];
        let page = ["play", run.name(), "--out", "over.html"];
        for call in [&call[..], &page[..]] {
            let output = trial(&[call, &arguments[..]].concat());
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{error}");
            assert!(error.contains("is a run that is over"), "{error}");
        }
        assert!(!Path::new(out.name()).exists());
    }
}
