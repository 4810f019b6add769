//! `trial fuzz`: the same findings however they were come by.

use super::{fresh, stderr, stdout, text, trial};
use std::collections::BTreeMap;
use std::path::Path;

/// Names and contents of a campaign's files.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for place in [directory.to_path_buf(), directory.join("failures")] {
        for entry in std::fs::read_dir(&place).into_iter().flatten() {
            let path = entry.expect("it can be listed").path();
            if path.is_file() {
                let name = path.strip_prefix(directory).expect("below it");
                let content = std::fs::read_to_string(&path).expect("a text");
                files.insert(name.display().to_string(), content);
            }
        }
    }
    files
}

const BROKEN: [&str; 6] = [
    "fuzz",
    "--swarm",
    "--seeds",
    "1..24",
    "--rule",
    "truncation=hw",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    BROKEN.iter().chain(more).copied().collect()
}

#[test]
fn a_campaign_is_the_same_with_any_number_of_jobs() {
    let (one, three) = (fresh("one-job"), fresh("three-jobs"));
    let a = trial(&with(&["--jobs", "1", "--out", text(&one)]));
    let b = trial(&with(&["--jobs", "3", "--out", text(&three)]));
    assert_eq!(a.status.code(), Some(1), "{}", stderr(&a));
    assert_eq!(b.status.code(), Some(1));
    let files = files(&one);
    assert!(files.len() > 1, "{files:?}");
    assert_eq!(files, self::files(&three));
    let said = |output: &str, path: &Path| output.replace(text(path), "DIR");
    assert_eq!(said(&stdout(&a), &one), said(&stdout(&b), &three));
}

#[test]
fn parts_merge_into_the_whole_to_the_byte() {
    let whole = fresh("whole");
    trial(&with(&["--out", text(&whole)]));
    let parts: Vec<_> = (1..=3).map(|part| fresh(&format!("part-{part}"))).collect();
    for (number, part) in (1..).zip(&parts) {
        trial(&with(&[
            "--shard",
            &format!("{number}/3"),
            "--out",
            text(part),
        ]));
    }
    let merged = fresh("merged");
    // In any order.
    let order = [&parts[2], &parts[0], &parts[1]].map(|part| text(part));
    let mut merge = vec!["fuzz", "merge"];
    merge.extend(order);
    merge.extend(["--out", text(&merged)]);
    let output = trial(&merge);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(files(&merged), files(&whole));
}

#[test]
fn a_campaign_that_was_ended_goes_on() {
    let (whole, resumed) = (fresh("not-ended"), fresh("resumed"));
    trial(&with(&["--out", text(&whole)]));
    let first = trial(&with(&["--stop-at-first", "--out", text(&resumed)]));
    assert_eq!(first.status.code(), Some(1));
    assert!(
        stderr(&first).contains("ended at the first failure"),
        "{}",
        stderr(&first)
    );
    assert_ne!(files(&resumed), files(&whole));
    trial(&with(&["--resume", "--out", text(&resumed)]));
    let (whole, resumed) = (files(&whole), files(&resumed));
    assert_eq!(resumed["campaign.json"], whole["campaign.json"]);
    for (name, content) in &whole {
        assert_eq!(resumed.get(name), Some(content), "{name}");
    }
}

/// What is found is a scenario that fails alike, by itself.
#[test]
fn a_failing_plan_fails_again() {
    let out = fresh("fails-again");
    trial(&with(&["--out", text(&out)]));
    let failures = out.join("failures");
    let mut played = 0;
    for entry in std::fs::read_dir(&failures).expect("there are failures") {
        let path = entry.expect("it can be listed").path();
        let yaml = std::fs::read_to_string(&path).expect("a text");
        let broken = yaml
            .lines()
            .find_map(|line| line.trim().strip_prefix("broken: "));
        let broken = broken.expect("what broke stands in it").trim_matches('\'');
        let digest = yaml
            .lines()
            .find_map(|line| line.trim().strip_prefix("digest: "));
        let digest = digest.expect("and the digest").trim_matches('\'');
        let again = trial(&["run", text(&path)]);
        let said = stdout(&again) + &stderr(&again);
        assert_eq!(again.status.code(), Some(1), "{said}");
        assert!(said.contains(broken), "{broken}: {said}");
        assert!(said.contains(digest), "{digest}: {said}");
        played += 1;
    }
    assert!(played > 0);
}

#[test]
fn known_failures_are_told_from_new_ones() {
    let known = fresh("known");
    trial(&with(&["--out", text(&known)]));
    let again = trial(&with(&["--known", text(&known)]));
    assert_eq!(again.status.code(), Some(0), "{}", stdout(&again));
    assert!(stdout(&again).contains(", known)"));
    let mended = [
        "fuzz",
        "--swarm",
        "--seeds",
        "1..24",
        "--known",
        text(&known),
    ];
    let mended = trial(&mended);
    assert_eq!(mended.status.code(), Some(0), "{}", stdout(&mended));
    assert!(
        stdout(&mended).contains("gone: who is in the ISR has all"),
        "{}",
        stdout(&mended)
    );
}

#[test]
fn a_scenario_varies_with_its_seeds_and_keeps_what_always_holds() {
    let varied = trial(&["fuzz", "leader-crash", "--seeds", "1..16"]);
    assert_eq!(varied.status.code(), Some(0), "{}", stdout(&varied));
    assert!(
        stdout(&varied).contains("leader-crash: seeds 1 to 16, 16 runs"),
        "{}",
        stdout(&varied)
    );
    let digests = trial(&["fuzz", "leader-crash", "--seeds", "1..4", "--digests"]);
    let digests = stdout(&digests);
    let mut lines: Vec<&str> = digests.lines().map(|line| &line[2..]).collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 4, "{digests}");
}

#[test]
fn what_cannot_be_played_gets_one_sentence_and_status_2() {
    let out = fresh("there-already");
    trial(&with(&["--out", text(&out)]));
    let other = fresh("of-another-campaign");
    trial(&["fuzz", "--swarm", "--seeds", "1..2", "--out", text(&other)]);
    let damaged = fresh("damaged.json");
    std::fs::write(&damaged, "{\"campaign\": 1}").expect("it is ours");
    let out = text(&out);
    for (arguments, said) in [
        (
            &["fuzz", "--swarm", "--seeds", "9..2"][..],
            "the smaller one first",
        ),
        (
            &["fuzz", "--swarm", "--seeds", "1..9", "--shard", "4/3"],
            "there is no part 4 of 3",
        ),
        (
            &["fuzz", "--swarm", "--seeds", "1..9", "--shard", "0/3"],
            "there is no part 0 of 3",
        ),
        (
            &[
                "fuzz",
                "--swarm",
                "--seeds",
                "1..9",
                "--rule",
                "truncaton=hw",
            ],
            "truncation",
        ),
        (
            &[
                "fuzz",
                "--swarm",
                "--seeds",
                "1..9",
                "--rule",
                "truncation=never",
            ],
            "epoch-kip101",
        ),
        (
            &["fuzz", "--swarm", "--seeds", "1..9", "--out", out],
            "this is there already",
        ),
        (
            &[
                "fuzz", "--swarm", "--seeds", "1..9", "--resume", "--out", out,
            ],
            "this is another campaign",
        ),
        (
            &["fuzz", "merge", out, text(&other)],
            "this is of another campaign",
        ),
        (
            &["fuzz", "merge", out, out],
            "was played in another part too",
        ),
        (&["fuzz", "merge", text(&damaged)], "damaged"),
        (&["fuzz", "merge", "nowhere"], "nowhere"),
        (&["fuzz", "leader-crahs", "--seeds", "1..9"], "leader-crash"),
    ] {
        let output = trial(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(said),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(
            output.stdout.is_empty(),
            "{arguments:?}: {}",
            stdout(&output)
        );
    }
}
