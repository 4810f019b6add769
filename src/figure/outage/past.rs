//! Looking things up in a recording: who did what first, after a moment; and what a fault hit.

use crate::figure::Recording;
use crate::kernel::Time;
use crate::protocol::{BrokerId, Fact};
use crate::trace::{SentEntry, TraceEntry};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A recording that is asked.
pub(super) struct Past<'a> {
    pub recording: &'a Recording,
    /// When a message was read, and where, by its number.
    read: BTreeMap<u64, (Time, &'a str)>,
}

/// Something that the scenario does to machines or links, or a process that ends by itself.
pub(super) struct Fault<'a> {
    pub time: Time,
    pub text: String,
    /// Names of nodes.
    pub hits: BTreeSet<&'a str>,
    /// Of a fault of links.
    pub link: Option<u32>,
    /// When the next begins.
    pub next: Option<Time>,
}

impl<'a> Past<'a> {
    pub(super) fn of(recording: &'a Recording) -> Self {
        let causes = recording.causes.iter();
        let read = causes.filter_map(|it| Some((it.message?, (it.time, &*it.node))));
        Past {
            recording,
            read: read.collect(),
        }
    }

    /// The facts after this moment, its own included.
    pub(super) fn since(&self, time: Time) -> &'a [TraceEntry] {
        let facts = &self.recording.facts;
        &facts[facts.partition_point(|it| it.time < time)..]
    }

    pub(super) fn before(&self, time: Time) -> &'a [TraceEntry] {
        let facts = &self.recording.facts;
        &facts[..facts.partition_point(|it| it.time < time)]
    }

    pub(super) fn first(
        &self,
        since: Time,
        is_it: impl Fn(&TraceEntry) -> bool,
    ) -> Option<&'a TraceEntry> {
        self.since(since).iter().find(|it| is_it(it))
    }

    pub(super) fn last(
        &self,
        before: Time,
        is_it: impl Fn(&TraceEntry) -> bool,
    ) -> Option<&'a TraceEntry> {
        self.before(before).iter().rev().find(|it| is_it(it))
    }

    /// What was sent from this moment until before that; nothing where the recording has no messages.
    pub(super) fn sent(
        &self,
        since: Time,
        until: Time,
    ) -> impl Iterator<Item = &'a SentEntry> + use<'a> {
        let sent = &self.recording.sent;
        let first = sent.partition_point(|it| it.time < since);
        let behind = sent.partition_point(|it| it.time < until);
        sent[first..behind.max(first)].iter()
    }

    pub(super) fn read_at(&self, message: u64) -> Option<Time> {
        self.read.get(&message).map(|(time, _)| *time)
    }

    /// When a message that who is hit had sent before reached one of those last, before a moment.
    pub(super) fn heard_last(&self, fault: &Fault<'_>, by: &str, before: Time) -> Option<Time> {
        let sent = &self.recording.sent;
        let behind = sent.partition_point(|it| it.time < fault.time);
        let of_them = sent[..behind].iter().rev();
        let mut of_them = of_them.filter(|it| {
            fault.hits.contains(&*it.node) && it.to.starts_with(by) && &*it.message != "connect"
        });
        of_them.find_map(|it| self.read_at(it.number).filter(|time| *time < before))
    }

    /// All faults, in their order.
    pub(super) fn faults(&self) -> Vec<Fault<'a>> {
        let mut faults: Vec<Fault<'a>> = Vec::new();
        let mut deed: Option<(u64, &'a str)> = None;
        let mut asked: BTreeSet<&str> = BTreeSet::new();
        for entry in &self.recording.facts {
            let text = match deed {
                Some((event, text)) if event == entry.event => Some(text),
                _ => None,
            };
            let node = &*entry.node;
            let (text, hits, link) = match (&entry.fact, text) {
                (Fact::TimelineEvent { end, text, .. }, _) => {
                    deed = (!end).then_some((entry.event, text));
                    continue;
                }
                (
                    Fact::Crashed
                    | Fact::PowerFailed
                    | Fact::Paused
                    | Fact::MachineFault { on: true, .. },
                    Some(text),
                ) => (text.to_owned(), vec![node], None),
                (Fact::TerminateAsked, Some(text)) => {
                    asked.insert(node);
                    (text.to_owned(), vec![node], None)
                }
                (Fact::LinkFault { number, sides, .. }, Some(text)) => {
                    (text.to_owned(), hit_side(sides), Some(*number))
                }
                (Fact::Exiting { why, .. }, _) if !asked.contains(node) => {
                    (format!("{node} ends by itself: {why}"), vec![node], None)
                }
                (Fact::Started, _) => {
                    asked.remove(node);
                    continue;
                }
                _ => continue,
            };
            match faults.last_mut().filter(|it| it.time == entry.time) {
                Some(fault) => fault.hits.extend(hits),
                None => faults.push(Fault {
                    time: entry.time,
                    text,
                    hits: hits.into_iter().collect(),
                    link,
                    next: None,
                }),
            }
        }
        for place in 1..faults.len() {
            faults[place - 1].next = Some(faults[place].time);
        }
        faults
    }

    /// When it was over: the machine is there again, or the link.
    pub(super) fn back(&self, fault: &Fault<'_>) -> Option<Time> {
        let entry = self.first(fault.time, |it| fault.is_over_by(it));
        entry.map(|it| it.time)
    }

    /// The same, where it was hit again before this.
    pub(super) fn back_last(&self, fault: &Fault<'_>, before: Time) -> Option<Time> {
        let since = self.since(fault.time).iter();
        let over = since
            .take_while(|it| it.time <= before)
            .filter(|it| fault.is_over_by(it) || fault.is_back_by(it));
        over.last().map(|it| it.time)
    }
}

/// Who suffers where messages between these are held up: who serves nobody is a client; a broker needs ZooKeeper; else
/// who is alone.
fn hit_side(sides: &[Vec<Rc<str>>]) -> Vec<&str> {
    let has = |side: &[Rc<str>], what: &str| side.iter().any(|it| it.starts_with(what));
    let clients = sides
        .iter()
        .find(|side| !has(side, "broker-") && !has(side, "zookeeper-"));
    let is_between = sides.iter().any(|side| !has(side, "broker-"))
        && sides.iter().any(|side| !has(side, "zookeeper-"));
    let brokers = sides.iter().find(|side| is_between && has(side, "broker-"));
    let smallest = || sides.iter().min_by_key(|side| side.len());
    let side = clients.or(brokers).or_else(smallest);
    side.into_iter().flatten().map(|it| &**it).collect()
}

impl Fault<'_> {
    fn is_over_by(&self, entry: &TraceEntry) -> bool {
        match (&entry.fact, self.link) {
            (Fact::LinkHealed { number }, Some(of)) => *number == of,
            (Fact::MachineFault { on: false, .. }, None) => self.hits.contains(&*entry.node),
            (_, Some(_)) => false,
            (_, None) => self.is_back_by(entry),
        }
    }

    fn is_back_by(&self, entry: &TraceEntry) -> bool {
        matches!(entry.fact, Fact::Started | Fact::Resumed) && self.hits.contains(&*entry.node)
    }

    pub(super) fn hits_broker(&self, broker: BrokerId) -> bool {
        self.hits.contains(&*name_of(broker))
    }

    pub(super) fn hits_ensemble(&self) -> bool {
        self.hits.iter().any(|it| it.starts_with("zookeeper-"))
    }
}

pub(super) fn name_of(broker: BrokerId) -> String {
    format!("broker-{broker}")
}
