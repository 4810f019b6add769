//! Shrinking: of a plan that breaks something, the least that still breaks it.
//!
//! Parts go by delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): many at
//! a time first, then one by one, until no single one can go. What is left gets earlier, shorter and rounder, and nodes
//! that are named become roles. Every smaller plan is held against itself and played (`question`), so that what comes out
//! was seen to break.
//!
//! The result depends on plan and seed only: of candidates that are played at once the first that breaks is taken.
//!
//! May not know why something breaks: it looks at verdicts alone.

mod clients;
mod parts;
mod question;
mod roles;
mod rounder;
mod search;
mod servers;
mod timeline;
mod times;

pub use question::Question;

use crate::plan::{Plan, write_duration};
use search::Search;

/// How far a shrinking is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// What is tried to go.
    pub phase: &'static str,
    /// Runs so far whose verdict was needed.
    pub plays: u64,
    /// Lines of the timeline that are left.
    pub size: usize,
}

/// A change that makes a plan smaller, or leaves it as it is.
type Change = Box<dyn Fn(&mut Plan) + Send + Sync>;

/// Everything is looked at again so often at most: what one change allows, another may have kept from going.
const ROUNDS: usize = 6;

/// Lines of the timeline: what a schedule is measured by.
pub fn size(plan: &Plan) -> usize {
    plan.timeline.len()
}

/// What a plan is made of, each with how much of it there is.
pub fn measures(plan: &Plan) -> Vec<(&'static str, String)> {
    let count = |parts: Vec<Change>| parts.len().to_string();
    vec![
        ("timeline", size(plan).to_string()),
        ("duration", write_duration(plan.end())),
        ("clients", clients::count(plan).to_string()),
        ("topics", plan.topics.len().to_string()),
        ("partitions", servers::partitions(plan).to_string()),
        ("brokers", plan.cluster.brokers.len().to_string()),
        ("zookeeper", plan.cluster.zookeeper.servers.to_string()),
        ("settings", count(parts::settings(plan))),
        ("rules", plan.rules.changed().len().to_string()),
        ("expectations", plan.expect.len().to_string()),
    ]
}

/// The smallest plan found that breaks the same (`Failure::broken`) with this seed, which it carries; `found` tells of
/// its run. A plan that does not break it comes back as it is.
///
/// Where rules are changed, what breaks it holds with today's: the smaller plan shows the rule, and not that it asks for
/// too much.
pub fn shrink(plan: &Plan, seed: u64, broken: &str, progress: &mut dyn FnMut(Progress)) -> Plan {
    let Some((question, judged)) = Question::of(plan, seed, broken) else {
        return plan.clone();
    };
    let mut search = Search::new(question, plan, judged, progress);
    search.thin("expectations", parts::expectations);
    search.thin("questions", parts::questions);
    for _ in 0..ROUNDS {
        let before = search.plan().clone();
        search.cut_short();
        search.remove_parts();
        search.make_smaller();
        if *search.plan() == before {
            break;
        }
    }
    search.end_early();
    search.remove_parts();
    let (mut plan, judged) = search.finish();
    plan.seed = seed;
    plan.about = format!("The least that was found to break this: {broken}.");
    plan.found = judged.failure.map(|failure| failure.found(judged.digest));
    plan
}

/// Every plan that lacks one single part of this one and can be played: a fault, an end of one, a client, a topic, a
/// partition, a replica, a broker, a setting, a rule. None of them breaks what a plan breaks that was shrunk.
pub fn removals(plan: &Plan) -> Vec<Plan> {
    let changes = parts::all(plan);
    let smaller = changes.iter().map(|change| {
        let mut smaller = plan.clone();
        change(&mut smaller);
        smaller
    });
    let valid = |it: &Plan| it != plan && it.validate().is_ok();
    smaller.filter(valid).collect()
}

impl Search<'_> {
    /// Until no single part can go.
    fn remove_parts(&mut self) {
        loop {
            let before = self.plan().clone();
            for (phase, parts) in parts::PHASES {
                self.thin(phase, *parts);
            }
            if *self.plan() == before {
                return;
            }
        }
    }

    /// What stays gets earlier, shorter, fewer, rounder.
    fn make_smaller(&mut self) {
        self.each("one fault for two", timeline::joined);
        self.each("once for ever again", timeline::once);
        self.each("who is meant", roles::narrower);
        self.each("records", clients::fewer_records);
        self.again("earlier", times::without_a_stretch);
        self.again("shorter", times::shorter);
        self.each("rounder times", times::rounder);
        self.each("rounder numbers", rounder::numbers);
        self.each("roles for names", roles::for_names);
    }

    /// What comes after it breaks is left out; a smaller plan may break it a little later.
    fn cut_short(&mut self) {
        if let Some(at) = self.breaks_at() {
            let end = times::whole_seconds(at) + times::SLACK;
            self.one("duration", times::ending(end));
        }
    }

    /// As soon as it has broken.
    fn end_early(&mut self) {
        match self.breaks_at() {
            Some(at) => {
                self.one("duration", times::ending(times::whole_seconds(at)));
            }
            None => self.again("duration", times::earlier_ends),
        }
    }
}
