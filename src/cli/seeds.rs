//! `trial run --seeds`: whether what a scenario expects holds for its own seed only, or for others too.

use super::Status;
use super::terminal::Terminal;
use crate::plan::Plan;
use crate::protocol::counted;
use crate::run;
use crate::scenario::Diagnostic;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// `1..100`, both included, or one number.
pub(super) fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.parse::<u64>().ok();
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err("expected seeds such as 1..100, the smaller one first".into()),
    }
}

/// A single seed.
pub(super) fn one(text: &str) -> Result<u64, String> {
    let seed = text.parse();
    seed.map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

/// A scenario under every seed.
pub(super) struct Tally {
    name: String,
    played: u64,
    /// Seeds with which it failed, by what failed.
    failed: BTreeMap<String, Vec<u64>>,
}

impl Tally {
    /// Plays a plan with each seed.
    pub(super) fn of(
        name: &str,
        plan: &Plan,
        seeds: &RangeInclusive<u64>,
    ) -> Result<Tally, Diagnostic> {
        let mut tally = Tally {
            name: plan.name.clone(),
            played: 0,
            failed: BTreeMap::new(),
        };
        for seed in seeds.clone() {
            let report = run::run(plan, seed)
                .map_err(|error| Diagnostic::about_file(name.to_owned(), error.to_string()))?;
            tally.played += 1;
            let broken = report.violations.iter();
            let broken = broken.map(|violation| format!("always, {}", violation.property));
            let outcomes = report.outcomes.iter().filter(|outcome| outcome.failed());
            let mut wrong: Vec<String> = outcomes.map(|outcome| outcome.sentence.clone()).collect();
            wrong.extend(broken);
            if wrong.is_empty() {
                wrong.extend(report.stopped.clone());
            }
            wrong.sort();
            wrong.dedup();
            for sentence in wrong {
                tally.failed.entry(sentence).or_default().push(seed);
            }
        }
        Ok(tally)
    }

    fn failing(&self) -> Vec<u64> {
        let mut seeds: Vec<u64> = self.failed.values().flatten().copied().collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    /// A line, and one for each sentence that failed.
    fn lines(&self, name_width: usize) -> String {
        let failing = self.failing().len() as u64;
        let verdict = if failing == 0 { "held" } else { "FAILED" };
        let mut text = format!(
            "{verdict:<6}  {:<name_width$}  {} of {}\n",
            self.name,
            self.played - failing,
            counted(self.played, "seed")
        );
        for (sentence, seeds) in &self.failed {
            let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
            text.push_str(&format!("        {sentence}: seeds {}\n", seeds.join(", ")));
        }
        text
    }

    fn json(&self) -> Value {
        let as_text = |seeds: &Vec<u64>| seeds.iter().map(u64::to_string).collect::<Vec<_>>();
        let failed = self.failed.iter();
        let failed: BTreeMap<&str, Vec<String>> = failed
            .map(|(sentence, seeds)| (sentence.as_str(), as_text(seeds)))
            .collect();
        json!({"scenario": self.name, "seeds": self.played, "failed": failed})
    }
}

/// A table for people, as each scenario is done.
pub(super) fn tell(tally: &Tally, name_width: usize, terminal: &mut Terminal) {
    terminal.data(&tally.lines(name_width));
}

/// Version of the document.
const VERSION: u64 = 1;

/// One document for all. Seeds are text in it: not every reader's numbers hold 64 bits.
pub(super) fn tell_json(tallies: &[Tally], terminal: &mut Terminal) {
    let document = json!({
        "format": "kafka-trial seeds",
        "version": VERSION,
        "held": status(tallies) == Status::Well,
        "scenarios": tallies.iter().map(Tally::json).collect::<Vec<_>>(),
    });
    terminal.line(&format!("{document:#}"));
}

pub(super) fn status(tallies: &[Tally]) -> Status {
    match tallies.iter().all(|tally| tally.failed.is_empty()) {
        true => Status::Well,
        false => Status::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range_with_both_ends() {
        assert_eq!(range("1..100"), Ok(1..=100));
        assert_eq!(range("7"), Ok(7..=7));
        for wrong in ["", "..", "9..1", "1..x", "-1..2", "1...3"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_seed_is_a_number_of_64_bits() {
        assert_eq!(one("18446744073709551615"), Ok(u64::MAX));
        for wrong in ["", "-1", "1.5", "x", "18446744073709551616"] {
            let error = one(wrong).unwrap_err();
            assert!(
                error.starts_with("expected a whole number from 0 to 1844674"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_line_counts_seeds_and_names_those_that_fail() {
        let mut tally = Tally {
            name: "s".to_owned(),
            played: 10,
            failed: BTreeMap::new(),
        };
        assert_eq!(tally.lines(3), "held    s    10 of 10 seeds\n");
        tally.failed.insert("one thing".to_owned(), vec![2, 5]);
        tally.failed.insert("other".to_owned(), vec![5]);
        assert_eq!(
            tally.lines(3),
            "FAILED  s    8 of 10 seeds\n        one thing: seeds 2, 5\n        other: seeds 5\n"
        );
    }
}
