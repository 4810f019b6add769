//! What a smaller plan is asked: whether it still breaks the same, and still for the same reason.

use super::timeline::is_over;
use crate::campaign::judged::{ASSERTION, Failure, Judged, play};
use crate::kernel::Duration;
use crate::plan::{Action, Entry, Plan};
use crate::protocol::rules::Rules;

/// What must break, with which seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    broken: String,
    /// Of an assertion also what it says, without its numbers: there is more than one.
    says: Option<String>,
    seed: u64,
    /// What today's rules must come to; `None`: the plan breaks it with today's rules.
    today: Option<Today>,
    /// What a plan has to keep where no other rules are there to tell a failure from one that asks for too much.
    kept: Kept,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Today {
    Holds,
    /// Something else breaks with them anyway.
    BreaksNotThis,
}

/// What stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Kept {
    /// Settings by which nothing that was acknowledged is lost.
    pub(super) promises: bool,
    /// What ends faults, and the time from the last of it to the end, in which all may become whole.
    pub(super) mending: Option<Duration>,
    /// Times and replicas: whether a disk that goes bad takes the last copy along depends on them.
    pub(super) copies: bool,
}

impl Question {
    /// What this plan breaks, with how its run ended; `None` if it does not break this.
    pub fn of(plan: &Plan, seed: u64, broken: &str) -> Option<(Question, Judged)> {
        let judged = play(plan, seed);
        let failure = judged.failure.as_ref().filter(|it| it.broken == broken)?;
        let mut question = Question {
            broken: broken.to_owned(),
            says: (broken == ASSERTION).then(|| without_numbers(&failure.says)),
            seed,
            today: None,
            kept: Kept::default(),
        };
        question.today = match with_todays_rules(plan) {
            None => None,
            Some(today) => match play(&today, seed).failure {
                None => Some(Today::Holds),
                Some(failure) if question.is_same(&failure) => None,
                Some(_) => Some(Today::BreaksNotThis),
            },
        };
        if question.today.is_none() {
            question.kept = Kept {
                promises: true,
                mending: failure.event.is_none().then(|| settles(plan)),
                copies: plan.timeline.iter().any(damages_disks),
            };
        }
        Some((question, judged))
    }

    /// How the plan's run ended, if it breaks the same, and with today's rules does not.
    pub fn is_answered_by(&self, plan: &Plan) -> Option<Judged> {
        plan.validate().ok()?;
        let judged = play(plan, self.seed);
        let failure = judged.failure.as_ref()?;
        if !self.is_same(failure) || !self.holds_today(plan) {
            return None;
        }
        Some(judged)
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    fn is_same(&self, failure: &Failure) -> bool {
        let says = |says: &String| *says == without_numbers(&failure.says);
        failure.broken == self.broken && self.says.as_ref().is_none_or(says)
    }

    fn holds_today(&self, plan: &Plan) -> bool {
        let Some(expected) = self.today else {
            return true;
        };
        let Some(today) = with_todays_rules(plan) else {
            return false;
        };
        match (play(&today, self.seed).failure, expected) {
            (None, _) => true,
            (Some(_), Today::Holds) => false,
            (Some(failure), Today::BreaksNotThis) => !self.is_same(&failure),
        }
    }
}

impl Kept {
    /// Whether it says no to a smaller plan.
    pub(super) fn is_kept_by(&self, plan: &Plan) -> bool {
        self.mending.is_none_or(|time| settles(plan) >= time)
    }

    pub(super) fn keeps_setting(&self, key: &str) -> bool {
        self.promises && PROMISES.contains(&key)
    }

    pub(super) fn keeps_entry(&self, entry: &Entry) -> bool {
        self.mending.is_some() && mends(&entry.action)
    }

    /// Of a fault that it ends.
    pub(super) fn keeps_ends(&self) -> bool {
        self.mending.is_some()
    }
}

/// Settings that say what is not lost.
const PROMISES: [&str; 5] = [
    "acks",
    "flush.messages",
    "flush.ms",
    "log.flush.interval.messages",
    "min.insync.replicas",
];

/// It ends what another began.
pub(super) fn mends(action: &Action) -> bool {
    matches!(
        action,
        Action::Heal(_) | Action::Restart(_) | Action::Resume(_) | Action::Upgrade { .. }
    )
}

fn damages_disks(entry: &Entry) -> bool {
    matches!(
        entry.action,
        Action::PowerFailure(_)
            | Action::FlipBit { .. }
            | Action::WipeDisk(_)
            | Action::DeleteFile { .. }
            | Action::TruncateFile { .. }
            | Action::WriteFile { .. }
    )
}

/// From the last line of the timeline, and its end, to the end of the run.
fn settles(plan: &Plan) -> Duration {
    let ends = plan.timeline.iter().map(|entry| is_over(entry, plan.end()));
    let last = ends.max().unwrap_or(Duration::ZERO);
    plan.end().saturating_sub(last)
}

fn with_todays_rules(plan: &Plan) -> Option<Plan> {
    (plan.rules != Rules::default()).then(|| Plan {
        rules: Rules::default(),
        ..plan.clone()
    })
}

fn without_numbers(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}
