//! Everything of a plan that can go by itself.

use super::Change;
use super::clients;
use super::question::Kept;
use super::search::List;
use super::servers;
use super::timeline;
use crate::plan::Plan;
use crate::protocol::rules::{About, Rules};

/// Kinds of parts, in the order in which they are tried.
pub(super) const PHASES: &[(&str, List)] = &[
    ("timeline", timeline::entries),
    ("clients", clients::clients),
    ("members", clients::members),
    ("topics", servers::topics),
    ("brokers", servers::brokers),
    ("what faults are for", timeline::details),
    ("clients' settings", clients::settings),
    ("servers' settings", servers::settings),
    ("machines", servers::machines),
    ("network and disks", servers::characters),
    ("rules", rules),
    ("expectations", expectations),
    ("questions", questions),
];

/// All of them.
pub(super) fn all(plan: &Plan) -> Vec<Change> {
    let kept = Kept::default();
    let lists = PHASES.iter().map(|(_, list)| *list);
    lists.flat_map(|list| list(plan, &kept)).collect()
}

/// Whatever is set beside a default, of whomever.
pub(super) fn settings(plan: &Plan) -> Vec<Change> {
    let lists: [List; 4] = [
        clients::settings,
        servers::settings,
        servers::machines,
        servers::characters,
    ];
    let kept = Kept::default();
    lists.iter().flat_map(|list| list(plan, &kept)).collect()
}

pub(super) fn expectations(plan: &Plan, _: &Kept) -> Vec<Change> {
    (0..plan.expect.len())
        .map(|place| remove(move |plan| drop(plan.expect.remove(place))))
        .collect()
}

/// What learners are asked.
pub(super) fn questions(plan: &Plan, _: &Kept) -> Vec<Change> {
    (0..plan.predict.len())
        .map(|place| remove(move |plan| drop(plan.predict.remove(place))))
        .collect()
}

/// Each back to today's.
fn rules(plan: &Plan, _: &Kept) -> Vec<Change> {
    let changed = plan.rules.changed();
    let is_changed = |about: &&About| changed.iter().any(|(name, _)| *name == about.name);
    let rules = Rules::ALL.iter().filter(is_changed);
    let todays = |about: &'static About| {
        remove(move |plan| {
            plan.rules.set(about.name, about.now);
        })
    };
    rules.map(todays).collect()
}

pub(super) fn remove(change: impl Fn(&mut Plan) + Send + Sync + 'static) -> Change {
    Box::new(change)
}

/// Of these only the ones that change this plan.
pub(super) fn effective(plan: &Plan, changes: impl IntoIterator<Item = Change>) -> Vec<Change> {
    let has_effect = |change: &Change| {
        let mut changed = plan.clone();
        change(&mut changed);
        changed != *plan
    };
    changes.into_iter().filter(has_effect).collect()
}
