//! Rules have names: each name leads to a row of the book, to code, and to a test.

use crate::source::{Source, all_sources, quoted, report, root, sources};
use std::collections::BTreeSet;
use std::fs;

/// The rules' names stand in comments and begin names of tests: each leads to a row that says what it means.
#[test]
fn every_rule_has_its_row_its_code_and_its_test() {
    let rules = rule_table();
    let sources = sources("src");
    let tests: Vec<String> = all_sources().iter().flat_map(tests_of).collect();
    let mut faults = Vec::new();
    for source in &sources {
        for rule in rules_of(source) {
            if !rules.iter().any(|row| row.name == rule) {
                faults.push(format!("{}: {rule} has no row", source.path));
            }
        }
    }
    faults.extend(told_twice(&rules));
    for Rule {
        name,
        code,
        tests: of_row,
    } in &rules
    {
        if !is_rule(name) {
            faults.push(format!("{name}: nobody looks for rules that begin so"));
        }
        for path in code {
            let mentions = sources.iter().any(|source| {
                source.path == format!("src/{path}") && rules_of(source).contains(name)
            });
            if !mentions {
                faults.push(format!("{name}: src/{path} does not name it"));
            }
        }
        if code.is_empty() {
            faults.push(format!("{name}: no code"));
        }
        if of_row.is_empty() {
            faults.push(format!("{name}: no test"));
        }
        for test in of_row {
            if !rules_of_test(test).contains(name) {
                faults.push(format!("{name}: its test is not named after it: {test}"));
            }
            if !tests.contains(test) {
                faults.push(format!("{name}: no test `{test}`"));
            }
        }
    }
    for test in &tests {
        let first = test.split('_').next().unwrap_or_default().to_uppercase();
        if is_rule(&first) && !rules.iter().any(|row| row.name == first) {
            faults.push(format!("{test}: {first} has no row"));
        }
    }
    report(&faults, "book/src/rules.md");
}

#[test]
fn rules_are_found_in_comments_and_in_names_of_tests() {
    let source = Source {
        path: "src/a.rs".to_owned(),
        text: "//! See HW2 and (RL1 to RL3).\nlet I1 = u8::MAX; // CT19\n".to_owned(),
    };
    let found = rules_of(&source).into_iter().collect::<Vec<_>>();
    assert_eq!(found, ["CT19", "HW2", "RL1", "RL2", "RL3"]);
    let found = rules_of_test("rl1_to_rl3_and_i7_a_paused_i64");
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["I7", "RL1", "RL2", "RL3"]
    );
}

#[test]
fn a_rule_may_have_several_rows_but_not_the_same_test_in_two() {
    let row = |name: &str, test: &str| Rule {
        name: name.to_owned(),
        code: Vec::new(),
        tests: vec![test.to_owned()],
    };
    let rows = [
        row("F7", "f7_at_the_leader"),
        row("F7", "f7_at_a_follower"),
        row("CC16", "f7_at_the_leader"),
    ];
    assert!(told_twice(&rows).is_empty());
    let again = [row("F7", "f7_at_the_leader"), row("F7", "f7_at_the_leader")];
    assert_eq!(
        told_twice(&again),
        ["F7: two rows name the test f7_at_the_leader"]
    );
}

/// One row of the table of rules.
struct Rule {
    name: String,
    code: Vec<String>,
    tests: Vec<String>,
}

/// Rows that a merge has left behind: a rule's second with a test of its first.
fn told_twice(rules: &[Rule]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let tests = rules
        .iter()
        .flat_map(|row| row.tests.iter().map(move |test| (&row.name, test)));
    let again = tests.filter(|row| !seen.insert(*row));
    again
        .map(|(name, test)| format!("{name}: two rows name the test {test}"))
        .collect()
}

fn rule_table() -> Vec<Rule> {
    let book = fs::read_to_string(root().join("book/src/rules.md")).expect("the book has them");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        (cells.len() == 7 && looks_like_a_rule(cells[1])).then(|| Rule {
            name: cells[1].to_owned(),
            code: quoted(cells[4]),
            tests: quoted(cells[5]),
        })
    };
    let rules: Vec<Rule> = book.lines().filter_map(row).collect();
    assert!(rules.len() > 150, "the table of rules is in the book");
    rules
}

/// What the names of rules begin with.
const FAMILIES: &[&str] = &[
    "A", "CA", "CB", "CC", "CG", "CM", "CN", "CP", "CS", "CT", "CX", "D", "DL", "E", "F", "G",
    "HW", "I", "L", "LK", "N", "OF", "P", "R", "RK", "RL", "Z", "ZB", "ZK",
];

/// Letters and a number.
fn looks_like_a_rule(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
    digits.len() < word.len() && digits.parse::<u8>().is_ok()
}

/// `HW2`; not `I64`, which is a type.
fn is_rule(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let family = &word[..word.len() - digits.len()];
    FAMILIES.contains(&family)
        && digits.parse::<u8>().is_ok_and(|number| number > 0)
        && !["I16", "I32", "I64"].contains(&word)
}

/// All from one rule to another of its family: `RL1 to RL3`.
fn range(from: &str, to: &str) -> Vec<String> {
    let family = from.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = |word: &str| word.strip_prefix(family)?.parse::<u8>().ok();
    match (number(from), number(to)) {
        (Some(first), Some(last)) => (first..=last).map(|n| format!("{family}{n}")).collect(),
        _ => Vec::new(),
    }
}

/// The rules among words, ranges counted as all that they hold.
fn rules_among(words: &[String]) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        if !is_rule(word) {
            continue;
        }
        rules.insert(word.clone());
        if let Some([to, end]) = words.get(at + 1..at + 3)
            && to.eq_ignore_ascii_case("to")
        {
            rules.extend(range(word, end));
        }
    }
    rules
}

fn rules_of_test(name: &str) -> BTreeSet<String> {
    let words: Vec<String> = name.split('_').map(str::to_uppercase).collect();
    rules_among(&words)
}

/// The names of a file's tests.
fn tests_of(source: &Source) -> Vec<String> {
    let after = source.text.split("#[test]").skip(1);
    let name = |text: &str| {
        let (_, rest) = text.split_once("fn ")?;
        Some(rest.split('(').next()?.to_owned())
    };
    after.filter_map(name).collect()
}

/// The rules that a file's comments name.
fn rules_of(source: &Source) -> BTreeSet<String> {
    let comments = source.text.lines().filter_map(|line| line.split_once("//"));
    let words: Vec<String> = comments
        .flat_map(|(_, comment)| comment.split(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    rules_among(&words)
}
