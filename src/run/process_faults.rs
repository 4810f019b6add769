//! Faults of processes: crash, power failure, pause, clean stop, and the coming back.

use super::roles::Downfall;
use crate::kernel::{Fault, NodeId, NodeStatus};
use crate::plan::{Action, Targets};
use crate::protocol::Fact;
use crate::protocol::config::Properties;

/// What a line does to each process that it finds.
pub struct ProcessFault<'a> {
    pub targets: &'a Targets,
    /// Whom it can be done to.
    pub condition: Condition,
    /// Settings that a broker reads at this start for the first time.
    pub set: Option<&'a Properties>,
    pub fault: fn(NodeId) -> Fault,
    /// What the trace says of the process.
    pub fact: Option<Fact>,
    pub then: Then,
    /// What ends it, if the line says for how long.
    pub cure: Option<fn(NodeId) -> Fault>,
    /// The fault is over when something heals, though no time was said.
    pub heals: bool,
}

/// The state that a process must be in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Any,
    Up,
    Running,
    Paused,
    Down,
}

/// What roles such as "crashed brokers" know of the process from now on.
#[derive(Clone, Copy)]
pub enum Then {
    Down(Downfall),
    Up,
    AsBefore,
}

impl Condition {
    pub fn holds(self, status: NodeStatus) -> bool {
        match self {
            Condition::Any => true,
            Condition::Up => status != NodeStatus::Down,
            Condition::Running => status == NodeStatus::Running,
            Condition::Paused => status == NodeStatus::Paused,
            Condition::Down => status == NodeStatus::Down,
        }
    }

    /// "Nobody of them ...".
    pub fn words(self) -> &'static str {
        match self {
            Condition::Any => "is there",
            Condition::Up | Condition::Running => "runs",
            Condition::Paused => "is paused",
            Condition::Down => "is down",
        }
    }
}

impl ProcessFault<'_> {
    /// The line of the transcript, once it is known who was meant.
    pub fn words(&self, action: &Action, who: &str, count: usize) -> String {
        match action {
            Action::Restart(_) => format!("start of {who}"),
            Action::Upgrade { set, .. } => {
                let lines: Vec<String> = set.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("start of {who} with {}", lines.join(", "))
            }
            Action::Resume(_) if count == 1 => format!("{who} goes on"),
            Action::Resume(_) => format!("{who} go on"),
            Action::Stop(_) => format!("clean stop of {who}"),
            other => format!("{} of {who}", other.noun()),
        }
    }
}

/// What an action does to processes; `None` for other actions.
pub fn process_fault_of(action: &Action) -> Option<ProcessFault<'_>> {
    let does = |targets, condition, fault| ProcessFault {
        targets,
        condition,
        set: None,
        fault,
        fact: None,
        then: Then::AsBefore,
        cure: None,
        heals: false,
    };
    Some(match action {
        Action::Crash(targets) => ProcessFault {
            fact: Some(Fact::Crashed),
            then: Then::Down(Downfall::Crashed),
            cure: Some(Fault::Start),
            ..does(targets, Condition::Up, Fault::Crash)
        },
        Action::PowerFailure(targets) => ProcessFault {
            fact: Some(Fact::PowerFailed),
            then: Then::Down(Downfall::Crashed),
            cure: Some(Fault::Start),
            ..does(targets, Condition::Any, Fault::PowerFailure)
        },
        Action::Stop(targets) => ProcessFault {
            fact: Some(Fact::TerminateAsked),
            then: Then::Down(Downfall::Stopped),
            cure: Some(Fault::Start),
            ..does(targets, Condition::Up, Fault::Terminate)
        },
        Action::Restart(targets) => ProcessFault {
            then: Then::Up,
            ..does(targets, Condition::Down, Fault::Start)
        },
        Action::Upgrade { targets, set } => ProcessFault {
            set: Some(set),
            then: Then::Up,
            ..does(targets, Condition::Down, Fault::Start)
        },
        Action::Pause(targets) => ProcessFault {
            fact: Some(Fact::Paused),
            cure: Some(Fault::Resume),
            heals: true,
            ..does(targets, Condition::Running, Fault::Pause)
        },
        Action::Resume(targets) => ProcessFault {
            fact: Some(Fact::Resumed),
            ..does(targets, Condition::Paused, Fault::Resume)
        },
        _ => return None,
    })
}
