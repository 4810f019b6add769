//! Bugs that Kafka and ZooKeeper had, and weaknesses that they have by design: for each a scenario that shows it, by the
//! rule that is broken in it.
//!
//! The one place that says which shipped scenarios are to break, and by what: tests, the book and campaigns ask here.
//! Where a bug comes from stands in its entry's `report`: the improvement proposal or the issue of its project.

mod clients;
mod controller;
mod replication;
mod storage;
mod zookeeper;

use crate::plan::Plan;
use crate::protocol::rules::{Rules, words};
use crate::scenario::{Diagnostic, SHIPPED, load};

/// A bug, or a weakness.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// By which it is known here: "B01".
    pub id: &'static str,
    pub title: &'static str,
    /// Where it is described: proposals and issues.
    pub report: &'static str,
    /// The rules that make it, as `Rules::parse` takes them; empty where settings or an application's order do.
    pub rules: &'static str,
    /// What keeps it from happening where no rule does: changes as `--set` takes them.
    pub safe: &'static [&'static str],
    /// The property, or the sentence that is expected, which breaks first.
    pub broken: &'static str,
    /// The name of the shipped scenario that shows it.
    pub scenario: &'static str,
    /// The first release that has it, or "always".
    pub since: &'static str,
    /// The first release without it, or "by design", "never shipped".
    pub fixed: &'static str,
    /// Lines of the timeline of the shortest schedule that is known.
    pub shortest: usize,
}

/// Every entry, a part of the system after the other.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    let parts = [
        replication::ENTRIES,
        controller::ENTRIES,
        clients::ENTRIES,
        storage::ENTRIES,
        zookeeper::ENTRIES,
    ];
    parts.into_iter().flatten()
}

/// The entry that a shipped scenario shows, if it is to break.
pub fn shown_by(scenario: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.scenario == scenario)
}

impl Entry {
    /// Its scenario, in which it breaks.
    ///
    /// # Errors
    /// What keeps the scenario from being read.
    pub fn plan(&self) -> Result<Plan, Diagnostic> {
        self.loaded(&[])
    }

    /// Its scenario with today's rules, or as is safe: nothing breaks.
    ///
    /// # Errors
    /// What keeps the scenario from being read.
    pub fn mended(&self) -> Result<Plan, Diagnostic> {
        let mut plan = self.loaded(self.safe)?;
        for (rule, now) in self.todays() {
            plan.rules.set(rule, now);
        }
        Ok(plan)
    }

    /// The rules that make it, each with its value of today.
    pub fn todays(&self) -> Vec<(&'static str, &'static str)> {
        let named = words(self.rules).flatten();
        let about = named.filter_map(|(rule, _)| Rules::about(rule));
        about.map(|about| (about.name, about.now)).collect()
    }

    /// The rules that make it.
    pub fn broken_rules(&self) -> Option<Rules> {
        Rules::parse(self.rules)
    }

    fn loaded(&self, sets: &[&str]) -> Result<Plan, Diagnostic> {
        let shipped = SHIPPED.iter().find(|it| it.name() == self.scenario);
        let Some(shipped) = shipped else {
            let found = format!("no scenario \"{}\" ships", self.scenario);
            return Err(Diagnostic::about_file(self.id, found));
        };
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        Ok(load(shipped.path, shipped.text.into(), &sets)?.plan)
    }
}
