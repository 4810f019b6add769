//! Expectations about ZooKeeper itself: who leads, how servers come back, what its clients are answered.

use super::history::{History, seconds, within};
use super::tally::Found;
use super::{Verdict, verdict_of};
use crate::kernel::{Duration, Time};
use crate::plan::{EventRef, Number};
use crate::protocol::zab::SyncMode;
use crate::protocol::{Fact, ShellFact, counted};

pub(super) fn has_a_leader(history: &History<'_>, limit: Duration, event: &EventRef) -> Verdict {
    let index = history.event(event)?;
    let since = history.time(index);
    let mut after = history.entries[index..].iter();
    let leads = after.find(|entry| leads(&entry.fact));
    match leads {
        Some(entry) => within(since, entry.time, limit, &format!("{} leads", entry.node)),
        None => Err("no server came to lead after it".to_owned()),
    }
}

pub(super) fn no_leader(history: &History<'_>) -> Verdict {
    let mut window = history.window();
    let leads = window.find(|entry| leads(&entry.fact));
    match leads {
        Some(entry) => Err(format!("{} leads from {} on", entry.node, at(entry.time))),
        None => Ok("none did".to_owned()),
    }
}

pub(super) fn loses_its_past(history: &History<'_>) -> Verdict {
    match &history.tally.found {
        Found::Past(_, Some((time, how))) => Ok(format!("at {}, {how}", at(*time))),
        _ => Err("it remembers all".to_owned()),
    }
}

pub(super) fn brought_up_to_date(
    history: &History<'_>,
    number: Number,
    wanted: SyncMode,
) -> Verdict {
    let times = history.window().filter_map(|entry| match &entry.fact {
        Fact::LearnerSynchronised { learner, mode, .. } if i32::from(*learner) == number.0 => {
            Some((entry.time, *mode))
        }
        _ => None,
    });
    let times: Vec<(Time, SyncMode)> = times.collect();
    let shown = times
        .iter()
        .map(|(time, mode)| format!("{mode} at {}", at(*time)));
    let shown: Vec<String> = shown.collect();
    let figures = match shown.is_empty() {
        true => "it was not brought up to date".to_owned(),
        false => shown.join(", "),
    };
    verdict_of(times.iter().any(|(_, mode)| *mode == wanted), figures)
}

pub(super) fn answers(
    history: &History<'_>,
    client: &str,
    command: &str,
    expected: &str,
) -> Verdict {
    let ended = history.window().filter_map(|entry| match &entry.fact {
        Fact::Shell(ShellFact::Ended {
            command: asked,
            answer,
            ..
        }) if *entry.node == *client && **asked == *command => Some((entry.time, answer)),
        _ => None,
    });
    let ended: Vec<_> = ended.collect();
    let as_expected = ended.iter().filter(|(_, answer)| ***answer == *expected);
    let other = ended.iter().find(|(_, answer)| ***answer != *expected);
    match (other, as_expected.count()) {
        (Some((time, answer)), _) => Err(format!("at {} it was \"{answer}\"", at(*time))),
        (None, 0) => Err("no such request was answered".to_owned()),
        (None, 1) => Ok(format!("at {}", at(ended[0].0))),
        (None, times) => Ok(counted(times, "time")),
    }
}

/// A server by itself leads once it serves.
fn leads(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::ZooKeeperLeads { .. } | Fact::ZooKeeperServing { .. }
    )
}

fn at(time: Time) -> String {
    seconds(time.since(Time::ZERO))
}
