//! Stalls in words that keep a beginner from taking them for a bug (CT33): who waits, since when, and for
//! what.

use super::process::{expiry, span};
use super::{Telling, brokers_named, joined, meaning};
use crate::kernel::{Duration, Time};
use crate::protocol::{BrokerId, ErrorCode, LinkFault, MachineFault, NO_LEADER, TopicPartition};
use crate::trace::stalls::{Stall, Waiting};
use crate::trace::story::{Absence, Story, broker_id, broker_name};

pub(in crate::trace) fn stall(stall: &Stall, story: &Story) -> Telling {
    let who_waits = match (stall.write, &stall.readers[..]) {
        (Some(_), []) => "acks=all waits on ",
        (Some(_), _) => "acks=all waits and consumers read no further on ",
        (None, _) => "consumers read no further in ",
    };
    joined(
        who_waits,
        format!(
            "{} (committed below {} since {})",
            stall.partition,
            stall.high_watermark,
            at(stall.since)
        ),
        format!(": {}", why_it_waits(stall, story)),
    )
}

/// The line about a stall that comes back for the reason that was told.
pub(in crate::trace) fn stands_still_again(partition: &TopicPartition) -> Telling {
    joined(
        "stands still and goes on by turns now, for that same reason: ",
        partition.to_string(),
        "",
    )
}

/// The line about the end of a stall.
pub(in crate::trace) fn end_of_stall(ended: &Waiting) -> Vec<Telling> {
    let mut lines = Vec::new();
    let mut say = |words| lines.push(joined(words, ended.partition.to_string(), ""));
    if ended.held {
        say("commits again: ");
    }
    match (ended.writes, ended.readers) {
        (true, true) => say("acks=all and consumers go on for "),
        (true, false) => say("acks=all goes on for "),
        (false, true) => say("consumers read on in "),
        (false, false) => {}
    }
    lines
}

/// The line about a stall that has not ended when the run has.
pub(in crate::trace) fn still_stands(waiting: &Waiting) -> String {
    let partition: &TopicPartition = &waiting.partition;
    match (waiting.held, waiting.writes, waiting.readers) {
        (true, _, _) => format!("still commits nothing more in {partition}"),
        (_, true, true) => {
            format!("acks=all still waits and consumers read no further on {partition}")
        }
        (_, true, false) => format!("acks=all still waits on {partition}"),
        (_, false, _) => format!("consumers still read no further in {partition}"),
    }
}

/// What holds a follower up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holdup {
    Absent(Absence, Time),
    Machine(MachineFault, Time),
    Link(LinkFault, Time),
    /// Its last fetch; and what keeps it from asking again.
    Refused(Time, ErrorCode, Option<(MachineFault, Time)>),
    Unknown,
}

impl Holdup {
    fn of(broker: BrokerId, stall: &Stall, story: &Story) -> Self {
        let name = broker_name(broker);
        let absent = story
            .absence(&name)
            .map(|(why, since)| Holdup::Absent(why, since));
        let link = story.link_fault(&name, &stall.leader);
        let link = link.map(|(fault, since)| Holdup::Link(fault, since));
        let suffers = story.machine_fault(&name);
        let machine = suffers.map(|(fault, since)| Holdup::Machine(fault, since));
        let refused = story.refused_lately(&stall.partition, broker, stall.at);
        let refused = refused.map(|(time, error)| Holdup::Refused(time, error, suffers));
        let known = absent.or(link).or(refused).or(machine);
        known.unwrap_or(Holdup::Unknown)
    }
}

fn why_it_waits(stall: &Stall, story: &Story) -> String {
    let node = &stall.leader;
    let leader = story.leader(&stall.partition);
    if leader > NO_LEADER && leader != broker_id(node) {
        return format!(
            "{node} does not know yet that {} leads now; nobody copies from it any more, so what it took will not be acknowledged",
            broker_name(leader)
        );
    }
    let holdups = stall
        .waits_for
        .iter()
        .map(|id| (*id, Holdup::of(*id, stall, story)));
    let mut holdups: Vec<(BrokerId, Holdup)> = holdups.collect();
    if stall.copied {
        // They have all that waits: what it waits for is at home, or on the way back.
        if let Some((fault, since)) = story.machine_fault(node) {
            return own_machine(fault, since);
        }
        let is_known = |(_, holdup): &(BrokerId, Holdup)| *holdup != Holdup::Unknown;
        if holdups.iter().any(is_known) {
            holdups.retain(is_known);
        }
    }
    let who: Vec<BrokerId> = holdups.iter().map(|(id, _)| *id).collect();
    let are = match who.len() {
        1 => "is",
        _ => "are",
    };
    // Several for one reason are told as one.
    let mut reasons: Vec<(Holdup, Vec<BrokerId>)> = Vec::new();
    for (id, holdup) in holdups {
        match reasons.iter_mut().find(|(reason, _)| *reason == holdup) {
            Some((_, brokers)) => brokers.push(id),
            None => reasons.push((holdup, vec![id])),
        }
    }
    let clauses = reasons
        .iter()
        .map(|(reason, brokers)| clause(*reason, brokers, stall));
    let clauses = clauses.collect::<Vec<_>>().join("; ");
    let end = match &reasons[..] {
        [(reason, brokers)] => until(*reason, brokers, stall, story),
        _ => None,
    };
    match end {
        Some(end) => format!("{clauses} and {are} still in the ISR; until {end} this is no bug"),
        None if who.is_empty() => clauses,
        None => format!(
            "{clauses}. This is no bug: {}",
            leaves(stall, story, who.len())
        ),
    }
}

/// The leader itself holds everybody up.
fn own_machine(fault: MachineFault, since: Time) -> String {
    match fault {
        MachineFault::DiskHangs => format!(
            "its own disk has been hanging since {}; the append that waits for its sync holds the log's lock, and fetches wait for that. Until the disk goes on this is no bug: to ZooKeeper and the others the broker is alive",
            at(since)
        ),
        MachineFault::DiskSlow => format!("its own disk has been slow since {}", at(since)),
        MachineFault::MachineSlow => format!("its own machine has been slow since {}", at(since)),
    }
}

/// What holds these brokers up.
fn clause(reason: Holdup, brokers: &[BrokerId], stall: &Stall) -> String {
    let who = brokers_named(brokers);
    let (has, asks, waits) = match brokers {
        [_] => ("has", "asks", "it waits"),
        _ => ("have", "ask", "they wait"),
    };
    match reason {
        Holdup::Absent(Absence::Crashed, since) => format!("{who} crashed at {}", at(since)),
        Holdup::Absent(Absence::WithoutPower, since) => {
            format!("{who} lost power at {}", at(since))
        }
        Holdup::Absent(Absence::Ended, since) => format!("{who} ended at {}", at(since)),
        Holdup::Absent(Absence::Paused, since) => {
            format!("{who} {has} been paused since {}", at(since))
        }
        Holdup::Machine(fault, since) => suffering(fault, since, &who),
        Holdup::Link(LinkFault::Cut, since) => {
            format!(
                "{who} {has} been cut off from {} since {}",
                stall.leader,
                at(since)
            )
        }
        Holdup::Link(LinkFault::Stalled, since) => {
            format!(
                "the network to {who} has carried nothing since {}",
                at(since)
            )
        }
        Holdup::Link(LinkFault::Slow, since) => {
            format!("the network to {who} has been slow since {}", at(since))
        }
        Holdup::Link(LinkFault::Throttled, since) => {
            format!(
                "the network to {who} has been throttled since {}",
                at(since)
            )
        }
        Holdup::Refused(time, error, suffers) => {
            let suffers = suffers.map(|(fault, since)| suffering(fault, since, &who));
            format!(
                "the last fetch of {who} was refused at {} with {error}{}; {waits} for replica.fetch.backoff.ms and {asks} again{}",
                at(time),
                refusal(error),
                suffers.map_or_else(String::new, |words| format!("; {words}")),
            )
        }
        Holdup::Unknown if brokers.is_empty() => {
            "the leader alone is in the ISR, and waits for a follower that has nearly caught up"
                .to_owned()
        }
        Holdup::Unknown if stall.copied => {
            format!("{who} {has} copied it, but not said so yet by the next fetch")
        }
        Holdup::Unknown => format!("{who} {has} not copied it"),
    }
}

fn suffering(fault: MachineFault, since: Time, who: &str) -> String {
    let what = match fault {
        MachineFault::DiskHangs => "the disk of {} has been hanging",
        MachineFault::DiskSlow => "the disk of {} has been slow",
        MachineFault::MachineSlow => "the machine of {} has been slow",
    };
    format!("{} since {}", what.replace("{}", who), at(since))
}

/// What a leader's refusal of a fetch says to a beginner, in brackets.
fn refusal(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::UnknownLeaderEpoch => {
            " (it had heard of a new leader epoch before the leader itself had)"
        }
        ErrorCode::FencedLeaderEpoch => " (it had not yet heard of the new leader epoch)",
        _ => meaning(error),
    }
}

/// What ends the wait for members that do nothing at all, while ZooKeeper holds their sessions.
fn until(reason: Holdup, brokers: &[BrokerId], stall: &Stall, story: &Story) -> Option<String> {
    let Holdup::Absent(absence, _) = reason else {
        return None;
    };
    if !brokers.iter().all(|id| story.has_session(*id)) {
        return None;
    }
    let (session, missed) = windows(brokers, stall, story);
    let goes_on = match brokers {
        [_] => " or it goes on",
        _ => " or they go on",
    };
    Some(match absence {
        Absence::Crashed => until_it_leaves(session, missed, "crash"),
        Absence::WithoutPower => until_it_leaves(session, missed, "power failure"),
        Absence::Ended => until_it_leaves(session, missed, "end"),
        Absence::Paused => until_it_leaves(session, missed, "pause") + goes_on,
    })
}

/// When ZooKeeper gives a session up, and when a leader gives a follower up: earliest and latest after
/// each has fallen silent.
type Window = (Duration, Duration);

fn windows(brokers: &[BrokerId], stall: &Stall, story: &Story) -> (Window, Window) {
    let timeouts = brokers.iter().map(|id| story.session_timeout(*id));
    let lag = story.lag_time_max(&stall.leader);
    // I5: the leader looks twice within its lag time.
    let missed = (lag, Duration::from_millis(lag.as_millis() * 3 / 2));
    (expiry(timeouts.max().unwrap_or_default()), missed)
}

fn leaves(stall: &Stall, story: &Story, count: usize) -> String {
    let (_, missed) = windows(&[], stall, story);
    let who = match count {
        1 => "a member of the ISR that stays behind",
        _ => "each member of the ISR that stays behind",
    };
    format!(
        "{who} leaves it after {} (replica.lag.time.max.ms) or with its session",
        span(missed.0, missed.1)
    )
}

/// What takes a silent member out of the ISR first, ZooKeeper or its leader.
fn until_it_leaves(session: Window, missed: Window, what: &str) -> String {
    let by_zookeeper = format!(
        "ZooKeeper gives up its session ({} after the {what})",
        span(session.0, session.1)
    );
    let by_leader = format!(
        "its leader has missed it for replica.lag.time.max.ms (it leaves the ISR {} after the {what})",
        span(missed.0, missed.1)
    );
    if session.1 <= missed.0 {
        by_zookeeper
    } else if missed.1 <= session.0 {
        by_leader
    } else {
        format!("{by_zookeeper} or {by_leader}")
    }
}

/// `44.012 s`.
fn at(time: Time) -> String {
    let ms = time.as_millis();
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}
