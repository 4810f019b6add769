//! What Kafka does not come through by itself, though the settings be safe: an operator has to help, or to wait longer.
//! Such a run is labelled, and not blamed.

use super::judged::Failure;
use crate::kernel::{Duration, Time};
use crate::plan::{Action, Entry, Partition, Plan, Role, When};
use crate::protocol::{ErrorCode, Fact, GROUP_METADATA_TOPIC, TopicPartition};
use crate::trace::{Observer, TraceEntry};
use std::collections::BTreeSet;

/// What helps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Limit {
    /// Rule A7: a leader whose change of the ISR was refused as one of an older state asks for no other before it is
    /// told a higher leader epoch. That happens where the answer to the controller's write is lost, and heals by
    /// itself no more than it does in Kafka: somebody has to make another broker lead.
    StuckIsr,
    /// A controller whose session expires drops what waits in its queue, and an AlterPartition among it gets no answer
    /// (`ControllerEvent.preempt`): whoever asked asks again after `controller.socket.timeout.ms`, which may be after
    /// the plan's end.
    UnansweredIsr,
}

impl Limit {
    pub const ALL: &'static [Limit] = &[Limit::StuckIsr, Limit::UnansweredIsr];

    /// As results name it.
    pub const fn name(self) -> &'static str {
        match self {
            Limit::StuckIsr => "stuck-isr",
            Limit::UnansweredIsr => "unanswered-isr",
        }
    }

    /// In words.
    pub const fn says(self) -> &'static str {
        match self {
            Limit::StuckIsr => {
                "a leader waits for ever with its ISR until another broker leads (rule A7)"
            }
            Limit::UnansweredIsr => {
                "a leader's question about its ISR was lost with the controller's session, and is asked again after controller.socket.timeout.ms"
            }
        }
    }
}

/// Looks for them in a run.
#[derive(Default)]
pub(super) struct Limits {
    stuck: BTreeSet<TopicPartition>,
    /// When a controller last gave up its office.
    resigned: Option<Time>,
}

/// Time for a leader to be killed and another to catch up; before it.
const HELP: Duration = Duration::from_secs(14);
/// `controller.socket.timeout.ms`, and time to copy what is missing.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);

const ISR_FULL: &str = "every ISR is full";
const ALL_READ: &str = "every acknowledged record is read";

impl Limits {
    /// The plan with what an operator would do, if this failure may come of such a limit.
    pub(super) fn helped(
        &self,
        plan: &Plan,
        failure: &Failure,
        end: Time,
    ) -> Option<(Limit, Plan)> {
        let not_full = failure.broken.starts_with(ISR_FULL);
        // A group whose coordinator can store nothing reads nothing.
        let of_groups = (self.stuck.iter()).any(|it| *it.topic == *GROUP_METADATA_TOPIC);
        let unread = of_groups && failure.broken.starts_with(ALL_READ);
        if !self.stuck.is_empty() && (not_full || unread) {
            return Some((Limit::StuckIsr, self.with_new_leaders(plan)));
        }
        let since = end.0.saturating_sub(ANSWERED_WITHIN.0);
        let unanswered = self.resigned.is_some_and(|at| at.0 >= since);
        (not_full && unanswered).then(|| {
            let mut plan = plan.clone();
            plan.duration = plan.duration + ANSWERED_WITHIN;
            (Limit::UnansweredIsr, plan)
        })
    }

    fn with_new_leaders(&self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        let from = Duration(plan.duration.0.saturating_sub(HELP.0));
        plan.duration = plan.duration + Duration::from_secs(10);
        for (place, name) in (0..).zip(&self.stuck) {
            let leader = Role::LeaderOf {
                partition: Partition {
                    topic: name.topic.to_string(),
                    partition: name.partition,
                },
            };
            let at = from + Duration::from_secs(place);
            let crash = Entry::new(When::At(at), Action::Crash(leader.into()));
            plan = plan.entry(crash.lasting(Duration::from_secs(10)).optional());
        }
        plan
    }
}

impl Observer for Limits {
    fn fact(&mut self, entry: &TraceEntry) {
        match &entry.fact {
            Fact::AlterPartitionRefused {
                partition,
                error: ErrorCode::InvalidUpdateVersion,
                ..
            } => {
                self.stuck.insert(partition.clone());
            }
            Fact::BecameLeader { partition, .. } => {
                self.stuck.remove(partition);
            }
            Fact::ControllerResigned { .. } => self.resigned = Some(entry.time),
            _ => {}
        }
    }
}
