//! The outage of ZooKeeper while servers of its ensemble are hit: until another leads, until brokers are connected again,
//! until the server is up to date. Brokers lead on meanwhile, as long as their sessions live.

use super::past::{Fault, Past};
use super::phase::{Kind, Outage, Phase};
use crate::figure::words::moment;
use crate::kernel::Time;
use crate::protocol::Fact;
use crate::protocol::counted;
use crate::trace::TraceEntry;
use std::collections::BTreeSet;

pub(super) fn outage(past: &Past<'_>, fault: &Fault<'_>) -> Outage {
    let led = past.last(fault.time, |it| {
        matches!(it.fact, Fact::ZooKeeperLeads { .. })
    });
    let leader_is_hit = led.is_some_and(|it| fault.hits.contains(&*it.node));
    let mut phases = Vec::new();
    let serves = match leader_is_hit {
        true => new_leader(past, fault, &mut phases),
        false => {
            let said = "its leader is not hit, and goes on with a quorum";
            let why = "ZooKeeper serves while more than half of its servers do";
            phases.push(Phase::missing("elect", said, why));
            Some(fault.time)
        }
    };
    let whole = match serves {
        Some(serves) => {
            let whole = connected(past, fault, serves, &mut phases);
            catch_up(past, fault, &mut phases);
            whole
        }
        // Nobody serves before who was hit is back.
        None => {
            let serves = catch_up(past, fault, &mut phases);
            connected(past, fault, serves.unwrap_or(fault.time), &mut phases)
        }
    };
    let acked = past
        .since(fault.time)
        .iter()
        .take_while(|it| it.time <= whole);
    let acked = acked
        .filter(|it| matches!(it.fact, Fact::Acked { .. }))
        .count();
    let meanwhile = match acked {
        0 => String::new(),
        _ => format!(
            "; {} acknowledged by brokers until all had a server again",
            counted(acked, "record")
        ),
    };
    Outage {
        title: format!(
            "ZooKeeper: {}{meanwhile}",
            match leader_is_hit {
                true => "its leader is hit",
                false => "a server is hit",
            }
        ),
        phases,
    }
}

/// Until another leads and serves, if that is so.
fn new_leader(past: &Past<'_>, fault: &Fault<'_>, phases: &mut Vec<Phase>) -> Option<Time> {
    let survivor = |it: &TraceEntry| !fault.hits.contains(&*it.node);
    let first = |since, is_it: &dyn Fn(&Fact) -> bool| {
        past.first(since, |it| survivor(it) && is_it(&it.fact))
    };
    let why = "a server that hears nothing of its leader for syncLimit ticks, or whose connection closes, looks for another";
    let Some(looks) = first(fault.time, &|it| matches!(it, Fact::ZooKeeperLeaves { .. })) else {
        phases.push(Phase::missing("detect", "no other server took note", why));
        return None;
    };
    let said = match &looks.fact {
        Fact::ZooKeeperLeaves { why } => format!("{}: {why}", looks.node),
        _ => String::new(),
    };
    phases.push(Phase {
        name: "detect",
        span: Some((fault.time, looks.time)),
        key: "syncLimit x tickTime; at once if it closes".to_owned(),
        said,
        why,
        kind: Kind::Work,
    });
    let why = "servers vote for who has the newest transaction, and wait a little for a better vote (FastLeaderElection)";
    let leads = first(looks.time, &|it| matches!(it, Fact::ZooKeeperLeads { .. }));
    let Some(leads) = leads else {
        phases.push(Phase::missing(
            "elect",
            "no other server came to lead: no quorum",
            why,
        ));
        return None;
    };
    let elects = past.last(Time(leads.time.0 + 1), |it| {
        matches!(it.fact, Fact::ZooKeeperElects { .. }) && it.node == leads.node
    });
    let elected = elects.map_or(looks.time, |it| it.time.max(looks.time));
    phases.push(Phase {
        name: "elect",
        span: Some((looks.time, elected)),
        key: "no key: 200 ms wait for better votes".to_owned(),
        said: format!("{} has a quorum of votes", leads.node),
        why,
        kind: Kind::Work,
    });
    let synchronised = match &leads.fact {
        Fact::ZooKeeperLeads {
            epoch,
            synchronised,
            ..
        } => format!(
            "{} servers have all that it has, epoch {epoch}",
            synchronised.len()
        ),
        _ => String::new(),
    };
    phases.push(Phase {
        name: "bring up",
        span: Some((elected, leads.time)),
        key: "initLimit x tickTime at most".to_owned(),
        said: synchronised,
        why: "a new leader serves once a quorum has acknowledged its epoch and its transactions (DIFF, TRUNC, SNAP)",
        kind: Kind::Work,
    });
    Some(leads.time)
}

/// Until the brokers that were cut off have a server again.
fn connected(past: &Past<'_>, fault: &Fault<'_>, serves: Time, phases: &mut Vec<Phase>) -> Time {
    let why = "a client library that loses its server tries the others one by one, and waits up to a second between them; \
               its session lives meanwhile (zookeeper.session.timeout.ms)";
    let mut cut: BTreeSet<&str> = BTreeSet::new();
    let (mut all, mut last, mut lost) = (0, None, 0);
    for entry in past.since(fault.time) {
        if cut.is_empty() && last.is_some() {
            break;
        }
        match &entry.fact {
            Fact::ZooKeeperDisconnected { .. } => {
                all += usize::from(cut.insert(&entry.node));
            }
            Fact::ZooKeeperConnected { resumed, .. } if cut.remove(&*entry.node) => {
                last = Some(entry.time);
                lost += usize::from(!resumed);
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                cut.remove(&*entry.node);
            }
            _ => {}
        }
    }
    let Some(last) = last else {
        let said = match all {
            0 => "no client lost its server".to_owned(),
            all => format!(
                "{} lost their server, and found none in this run",
                counted(all, "client")
            ),
        };
        phases.push(Phase::missing("clients", said, why));
        return serves;
    };
    let sessions = match lost {
        0 => "all sessions live".to_owned(),
        lost => format!("{} lost", counted(lost, "session")),
    };
    phases.push(Phase {
        name: "clients",
        span: Some((serves.min(last), last)),
        key: "no key: up to 1 s before the next server".to_owned(),
        said: format!(
            "{} had lost their server; {sessions}",
            counted(all, "client")
        ),
        why,
        kind: Kind::Work,
    });
    last
}

fn catch_up(past: &Past<'_>, fault: &Fault<'_>, phases: &mut Vec<Phase>) -> Option<Time> {
    let why = "a server that comes back is sent what it lacks, and serves then";
    let Some(back) = past.back(fault) else {
        phases.push(Phase::missing(
            "catch up",
            "it did not come back in this run",
            why,
        ));
        return None;
    };
    phases.push(Phase {
        name: "away",
        span: Some((fault.time, back)),
        key: "no key: who runs the machines".to_owned(),
        said: format!("what was hit is back at {}", moment(back)),
        why: "until then ZooKeeper can lose one server less",
        kind: Kind::Away,
    });
    let serves = past.first(back, |it| {
        fault.hits.contains(&*it.node)
            && matches!(
                it.fact,
                Fact::ZooKeeperFollows { .. }
                    | Fact::ZooKeeperLeads { .. }
                    | Fact::ZooKeeperServing { .. }
            )
    });
    let Some(serves) = serves else {
        phases.push(Phase::missing(
            "catch up",
            "it did not serve again in this run",
            why,
        ));
        return None;
    };
    let mode = past
        .since(back)
        .iter()
        .take_while(|it| it.time <= serves.time);
    let mode = mode.filter_map(|it| match it.fact {
        Fact::LearnerSynchronised {
            mode, transactions, ..
        } => Some(format!("{} ({transactions} transactions)", mode)),
        _ => None,
    });
    let mode = mode
        .last()
        .map_or_else(String::new, |it| format!(" by {it}"));
    phases.push(Phase {
        name: "catch up",
        span: Some((back, serves.time)),
        key: "initLimit x tickTime at most".to_owned(),
        said: format!("{} is up to date{mode} and serves", serves.node),
        why,
        kind: Kind::Work,
    });
    Some(serves.time)
}
