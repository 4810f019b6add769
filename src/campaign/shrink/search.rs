//! The search: a plan that breaks, and changes that are tried on it.

use super::question::{Kept, Question};
use super::{Change, Progress, size};
use crate::campaign::judged::Judged;
use crate::kernel::Time;
use crate::plan::Plan;
use crate::run::spread;
use std::collections::BTreeSet;
use std::hash::Hasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use twox_hash::XxHash3_64;

pub(super) struct Search<'a> {
    question: Question,
    /// The smallest so far, and how its run ended.
    plan: Plan,
    judged: Judged,
    plays: u64,
    /// Plans that do not break it, by hash.
    sound: BTreeSet<u64>,
    progress: &'a mut dyn FnMut(Progress),
}

/// Lists the changes that a plan allows for.
pub(super) type List = fn(&Plan, &Kept) -> Vec<Change>;

impl<'a> Search<'a> {
    pub(super) fn new(
        question: Question,
        plan: &Plan,
        judged: Judged,
        progress: &'a mut dyn FnMut(Progress),
    ) -> Search<'a> {
        Search {
            question,
            plan: plan.clone(),
            judged,
            plays: 1,
            sound: BTreeSet::new(),
            progress,
        }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn finish(self) -> (Plan, Judged) {
        (self.plan, self.judged)
    }

    /// When it breaks; `None`: only the end shows it.
    pub(super) fn breaks_at(&self) -> Option<Time> {
        let failure = self.judged.failure.as_ref()?;
        failure.event.and(failure.at)
    }

    /// Delta debugging: as many of these parts go as can, half of them at once to begin with.
    pub(super) fn thin(&mut self, phase: &'static str, list: List) {
        self.tell(phase);
        let base = self.plan.clone();
        let changes = list(&base, self.question.kept());
        let mut left: Vec<usize> = (0..changes.len()).collect();
        let mut gone: BTreeSet<usize> = BTreeSet::new();
        let mut at_once = left.len();
        while at_once > 0 {
            // From the end: what comes late has the least effect.
            let mut end = left.len();
            while end > 0 {
                let begins: Vec<usize> = (0..end).rev().step_by(at_once).collect();
                let chunk = |place: usize| {
                    let last = begins[place];
                    let first = (last + 1).saturating_sub(at_once);
                    first..last + 1
                };
                let without = |place: usize| {
                    let mut without = gone.clone();
                    without.extend(&left[chunk(place)]);
                    let mut plan = base.clone();
                    // The last first: earlier ones keep their places.
                    without.iter().rev().for_each(|it| changes[*it](&mut plan));
                    plan
                };
                let Some(place) = self.first(begins.len(), without) else {
                    break;
                };
                let chunk = chunk(place);
                end = chunk.start;
                gone.extend(left.drain(chunk));
                self.tell(phase);
            }
            at_once = match at_once {
                1 => 0,
                more => more.min(left.len()).div_ceil(2),
            };
        }
    }

    /// Tries these one after the other, each on what the ones before have made of the plan.
    pub(super) fn each(&mut self, phase: &'static str, list: List) {
        self.tell(phase);
        let changes = list(&self.plan, self.question.kept());
        let mut from = 0;
        while let Some(place) = self.first_change(&changes[from..]) {
            from += place + 1;
        }
    }

    /// As `each`, but what is possible is listed anew after each that was.
    pub(super) fn again(&mut self, phase: &'static str, list: List) {
        self.tell(phase);
        loop {
            let changes = list(&self.plan, self.question.kept());
            if self.first_change(&changes).is_none() {
                return;
            }
        }
    }

    pub(super) fn one(&mut self, phase: &'static str, change: Change) {
        self.tell(phase);
        self.first_change(&[change]);
    }

    fn first_change(&mut self, changes: &[Change]) -> Option<usize> {
        let base = self.plan.clone();
        self.first(changes.len(), |place| {
            let mut plan = base.clone();
            changes[place](&mut plan);
            plan
        })
    }

    /// The first of so many plans that still breaks it takes the place of the smallest.
    fn first(&mut self, count: usize, plan: impl Fn(usize) -> Plan + Sync + Send) -> Option<usize> {
        let best = AtomicUsize::new(count);
        let places: Vec<usize> = (0..count).collect();
        // Who comes behind one that was found is not played: whether it is makes no difference.
        let mut tried = spread(&places, |place| {
            if *place > best.load(Ordering::Relaxed) {
                return None;
            }
            let plan = plan(*place);
            let hash = hash(&plan);
            let known = plan == self.plan
                || self.sound.contains(&hash)
                || !self.question.kept().is_kept_by(&plan);
            let judged = match known {
                true => None,
                false => self.question.is_answered_by(&plan),
            };
            if judged.is_some() {
                best.fetch_min(*place, Ordering::Relaxed);
            }
            Some((hash, !known, judged.map(|judged| (plan, judged))))
        });
        let found = tried
            .iter()
            .position(|it| matches!(it, Some((_, _, Some(_)))));
        let needed = found.map_or(count, |place| place + 1);
        for (hash, is_played, judged) in tried[..needed].iter().flatten() {
            self.plays += u64::from(*is_played);
            if judged.is_none() {
                self.sound.insert(*hash);
            }
        }
        let place = found?;
        let (_, _, judged) = tried.swap_remove(place)?;
        (self.plan, self.judged) = judged?;
        Some(place)
    }

    fn tell(&mut self, phase: &'static str) {
        (self.progress)(Progress {
            phase,
            plays: self.plays,
            size: size(&self.plan),
        });
    }
}

fn hash(plan: &Plan) -> u64 {
    let mut hasher = XxHash3_64::with_seed(0);
    hasher.write(format!("{plan:?}").as_bytes());
    hasher.finish()
}
