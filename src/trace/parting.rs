//! Where runs part in a way that matters: the first thing that a node does in one run and does not in the other, found
//! while they are played.
//!
//! Two runs with different settings draw the same for each connection, yet a message more on one of them moves what
//! follows by a round trip. So runs are held against each other node by node, and a moment's difference is none; nor is
//! it one when a client learnt of the cluster or a producer of its id, which tells how it came to know, not what came
//! of it; nor what a broker says it works by, which tells how it was set. What a line shows of such moments (how long
//! an acknowledgement took, and the offset that who came first got) parts nothing.
//!
//! A trace may be too long to be kept, so of a run each line leaves a mark, and another run is held against the marks.
//! What stands there in words is told by a run that is played again.

use super::TraceEntry;
use super::observer::Observer;
use super::story::Story;
use super::telling::tell;
use super::transcript::write_line;
use crate::kernel::{Duration, Time};
use crate::protocol::{Fact, ProducerStateFact};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use twox_hash::XxHash3_64;

/// Lines shown before a place, and from it on.
const BEFORE: usize = 2;
const AFTER: usize = 3;

/// What is nearer is the same moment: a few round trips of a client with a broker.
const A_MOMENT: Duration = Duration::from_millis(5);

/// The course of a run: a mark for each fact that matters, by node.
#[derive(Debug, Default)]
pub struct Course {
    teller: Teller,
    facts: usize,
    /// Of all facts.
    hash: u64,
    of: BTreeMap<Rc<str>, Vec<Marked>>,
}

/// One fact of a course.
#[derive(Clone, Copy, Debug)]
struct Marked {
    mark: u64,
    time: Time,
    /// The how manieth of the run.
    place: usize,
}

impl Course {
    /// Facts of the run.
    pub fn len(&self) -> usize {
        self.facts
    }

    /// True if the run has stated nothing.
    pub fn is_empty(&self) -> bool {
        self.facts == 0
    }
}

impl Observer for Course {
    fn fact(&mut self, entry: &TraceEntry) {
        let (line, mark) = self.teller.line(entry);
        self.hash = follow(self.hash, &line);
        if let Some(mark) = mark {
            let marked = Marked {
                mark,
                time: entry.time,
                place: self.facts,
            };
            let of = self.of.entry(Rc::clone(&entry.node)).or_default();
            of.push(marked);
        }
        self.facts += 1;
    }
}

/// Another run, held against a course.
#[derive(Debug)]
pub struct Parting<'a> {
    course: &'a Course,
    teller: Teller,
    facts: usize,
    hash: u64,
    /// Of each node of the course: where it stands.
    stand: BTreeMap<Rc<str>, Stand>,
    /// The next that is due of each node.
    due: BTreeSet<(Time, Rc<str>)>,
    last: VecDeque<String>,
    common: usize,
    parted: Option<Found>,
    /// Of the last fact.
    now: Time,
}

/// How far a node has come along its course: all before `next` was met, and of what follows these places were.
#[derive(Debug, Default)]
struct Stand {
    next: usize,
    met: BTreeSet<usize>,
}

/// Where a node has parted.
#[derive(Debug)]
struct Found {
    node: Rc<str>,
    excerpt: Excerpt,
    /// It has come to what this run says instead.
    shows: bool,
}

/// Two runs part here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excerpt {
    /// So many facts that matter both have in common before.
    pub common: usize,
    /// The node that does something else.
    pub node: Rc<str>,
    /// When: in the first run, or in this one where the node does nothing more in the first.
    pub time: Time,
    /// The place in the course of the first run of what it does there; none if it does nothing more.
    pub place: Option<usize>,
    /// Places from there on of what this run has done already: other nodes may be further.
    pub met: BTreeSet<usize>,
    pub before: Vec<String>,
    /// What this run states from there on; nothing where the node does nothing more.
    pub after: Vec<String>,
}

/// How a run came out beside a course.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Beside {
    /// Not one fact differs.
    Same,
    /// They differ in moments, and in how it was learnt who leads what.
    InMomentsOnly,
    Parts(Excerpt),
}

impl<'a> Parting<'a> {
    pub fn from(course: &'a Course) -> Self {
        let first = |(node, of): (&Rc<str>, &Vec<Marked>)| {
            let first = of.first()?;
            Some((first.time, Rc::clone(node)))
        };
        Parting {
            course,
            teller: Teller::default(),
            facts: 0,
            hash: 0,
            stand: BTreeMap::new(),
            due: course.of.iter().filter_map(first).collect(),
            last: VecDeque::new(),
            common: 0,
            parted: None,
            now: Time::ZERO,
        }
    }

    pub fn finish(mut self) -> Beside {
        // What the other run has yet to do this one will not do any more.
        if self.parted.is_none()
            && let Some((_, node)) = self.due.first().cloned()
        {
            self.part(&node);
        }
        match self.parted {
            Some(found) => Beside::Parts(found.excerpt),
            None if self.hash == self.course.hash && self.facts == self.course.facts => {
                Beside::Same
            }
            None => Beside::InMomentsOnly,
        }
    }

    /// This node does something else than in the course, from now on.
    fn part(&mut self, node: &Rc<str>) {
        let stand = self.stand.get(node).map_or(0, |stand| stand.next);
        let of = self.course.of.get(node);
        let place = of.and_then(|of| of.get(stand)).map(|marked| marked.place);
        let met = place.map_or_else(BTreeSet::new, |place| self.met_from(place));
        let time = of.and_then(|of| of.get(stand)).map(|marked| marked.time);
        self.parted = Some(Found {
            node: Rc::clone(node),
            excerpt: Excerpt {
                common: self.common,
                node: Rc::clone(node),
                time: time.unwrap_or(self.now),
                place,
                met,
                before: self.last.iter().cloned().collect(),
                after: Vec::new(),
            },
            shows: false,
        });
    }

    /// Of the course what this run has done too, from a place on.
    fn met_from(&self, place: usize) -> BTreeSet<usize> {
        let of_node = |(node, stand): (&Rc<str>, &Stand)| {
            let of = self.course.of.get(node).map_or(&[][..], Vec::as_slice);
            let is_met = |it: usize| it < stand.next || stand.met.contains(&it);
            let met = of.iter().enumerate().filter(|(it, _)| is_met(*it));
            let places = met.map(|(_, marked)| marked.place);
            places.filter(|it| *it > place).collect::<Vec<_>>()
        };
        self.stand.iter().flat_map(of_node).collect()
    }

    /// Whether the node does so in the course as well, about then; then it is met.
    fn meets(&mut self, node: &Rc<str>, time: Time, mark: u64) -> bool {
        let Some(of) = self.course.of.get(node) else {
            return false;
        };
        let stand = self.stand.entry(Rc::clone(node)).or_default();
        let near = |it: &Marked| it.time.max(time).since(it.time.min(time)) <= A_MOMENT;
        let ahead = of.iter().enumerate().skip(stand.next);
        let mut ahead = ahead.take_while(|(_, it)| it.time <= time || near(it));
        let is_met = |(place, it): &(usize, &Marked)| {
            it.mark == mark && near(it) && !stand.met.contains(place)
        };
        let Some((place, _)) = ahead.find(is_met) else {
            return false;
        };
        let due = |next: usize| of.get(next).map(|it| (it.time, Rc::clone(node)));
        if let Some(due) = due(stand.next) {
            self.due.remove(&due);
        }
        stand.met.insert(place);
        while stand.met.remove(&stand.next) {
            stand.next += 1;
        }
        self.due.extend(due(stand.next));
        true
    }
}

impl Observer for Parting<'_> {
    fn fact(&mut self, entry: &TraceEntry) {
        let (line, mark) = self.teller.line(entry);
        self.hash = follow(self.hash, &line);
        self.facts += 1;
        self.now = entry.time;
        let Some(mark) = mark else {
            return;
        };
        if self.parted.is_none() {
            let overdue = self.due.first();
            let overdue = overdue
                .filter(|(time, _)| entry.time > *time && entry.time.since(*time) > A_MOMENT);
            if let Some((_, node)) = overdue.cloned() {
                self.part(&node);
            } else if !self.meets(&entry.node, entry.time, mark) {
                self.part(&entry.node);
            }
        }
        match &mut self.parted {
            None => {
                self.common += 1;
                if self.last.len() == BEFORE {
                    self.last.pop_front();
                }
                self.last.push_back(line);
            }
            Some(found) => {
                found.shows |= entry.node == found.node;
                if found.shows && found.excerpt.after.len() < AFTER {
                    found.excerpt.after.push(line);
                }
            }
        }
    }
}

/// A run from which lines at some places are wanted.
#[derive(Debug, Default)]
pub struct Lines {
    teller: Teller,
    /// Facts seen.
    seen: usize,
    wanted: Vec<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    place: usize,
    /// What both runs have done before they part.
    met: BTreeSet<usize>,
    lines: Vec<String>,
}

impl Lines {
    /// Lines of the first run from these partings on; of one at which it does nothing more there are none.
    pub fn at<'a>(partings: impl IntoIterator<Item = &'a Excerpt>) -> Self {
        let wanted = partings.into_iter().filter_map(|parting| {
            Some(Wanted {
                place: parting.place?,
                met: parting.met.clone(),
                lines: Vec::new(),
            })
        });
        Lines {
            wanted: wanted.collect(),
            ..Lines::default()
        }
    }

    /// What is told there, in the order in which it was asked for.
    pub fn finish(self) -> Vec<Vec<String>> {
        self.wanted.into_iter().map(|it| it.lines).collect()
    }
}

impl Observer for Lines {
    fn fact(&mut self, entry: &TraceEntry) {
        let (line, mark) = self.teller.line(entry);
        for wanted in &mut self.wanted {
            let is_after = self.seen >= wanted.place && !wanted.met.contains(&self.seen);
            if mark.is_some() && is_after && wanted.lines.len() < AFTER {
                wanted.lines.push(line.clone());
            }
        }
        self.seen += 1;
    }
}

/// Puts each fact into a line.
#[derive(Debug, Default)]
struct Teller(Story);

impl Teller {
    /// The line; and a mark, where the fact tells what came of it.
    fn line(&mut self, entry: &TraceEntry) -> (String, Option<u64>) {
        let told = tell(entry, &self.0).with_short_ids().sentence(&entry.node);
        let mark = matters(&entry.fact).then(|| match &entry.fact {
            // Without how long it took, and who came first; but with acks=0 nobody acknowledges.
            Fact::Acked {
                record,
                partition,
                offset,
                ..
            } => {
                let is_known = *offset >= 0;
                XxHash3_64::oneshot(format!("{record:?} {partition} {is_known}").as_bytes())
            }
            _ => XxHash3_64::oneshot(told.as_bytes()),
        });
        self.0.learn(entry);
        (write_line(entry.time, &entry.node, &told), mark)
    }
}

/// Not what a process was told to work by, nor how it came to be known who leads, who coordinates and who one is; nor
/// what followers and watchers repeat of what a leader has done.
fn matters(fact: &Fact) -> bool {
    !matches!(
        fact,
        Fact::Bootstrapped { .. }
            | Fact::BootstrapFailed { .. }
            | Fact::BrokerNotReached { .. }
            | Fact::ProducerState(
                ProducerStateFact::IdGiven { .. } | ProducerStateFact::IdsAllocated { .. }
            )
            | Fact::BrokerConfigured { .. }
            | Fact::FetchSession(_)
            | Fact::FetchRefused { .. }
            | Fact::HighWatermarkMoved { .. }
            | Fact::Appended {
                as_leader: false,
                ..
            }
            | Fact::TxnApplied { .. }
            | Fact::ZooKeeperAsked { .. }
            | Fact::ZooKeeperAnswered { .. }
            | Fact::ZooKeeperWatchFired { .. }
            | Fact::ZooKeeperConnected { .. }
    )
}

fn follow(hash: u64, line: &str) -> u64 {
    XxHash3_64::oneshot_with_seed(hash, line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ms: u64, node: &str, fact: Fact) -> TraceEntry {
        TraceEntry {
            event: ms,
            time: Time(ms * 1_000_000),
            node: node.into(),
            fact,
        }
    }

    fn course(entries: &[TraceEntry]) -> Course {
        let mut course = Course::default();
        entries.iter().for_each(|entry| course.fact(entry));
        course
    }

    fn beside(course: &Course, other: &[TraceEntry]) -> Beside {
        let mut parting = Parting::from(course);
        other.iter().for_each(|entry| parting.fact(entry));
        parting.finish()
    }

    fn parts(one: &[TraceEntry], other: &[TraceEntry]) -> (Excerpt, Vec<String>) {
        let course = course(one);
        let Beside::Parts(excerpt) = beside(&course, other) else {
            panic!("they do not part")
        };
        let mut lines = Lines::at([&excerpt]);
        one.iter().for_each(|entry| lines.fact(entry));
        let first = lines.finish().pop().unwrap_or_default();
        (excerpt, first)
    }

    fn learns() -> Fact {
        Fact::Bootstrapped {
            from: "broker-1:9092".into(),
        }
    }

    #[test]
    fn runs_part_where_a_node_does_something_else() {
        let one = [
            entry(0, "broker-1", Fact::Started),
            entry(5, "broker-1", Fact::Serving),
            entry(90, "broker-1", Fact::Crashed),
        ];
        assert_eq!(beside(&course(&one), &one), Beside::Same);
        let other = [
            one[0].clone(),
            one[1].clone(),
            entry(60, "broker-1", Fact::Paused),
        ];
        let (found, first) = parts(&one, &other);
        assert_eq!((found.common, found.before.len()), (2, 2));
        assert!(found.after[0].contains("0.060s"), "{found:?}");
        assert!(first[0].contains("0.090s"), "{first:?}");
    }

    #[test]
    fn moments_and_what_was_learnt_when_part_nothing() {
        let one = [
            entry(0, "trucks-1", Fact::Started),
            entry(0, "trucks-2", Fact::Started),
            entry(3, "trucks-1", learns()),
            entry(9, "trucks-1", Fact::Paused),
            entry(10, "trucks-2", Fact::Paused),
        ];
        let other = [
            entry(1, "trucks-2", Fact::Started),
            entry(2, "trucks-1", Fact::Started),
            entry(4, "trucks-2", learns()),
            entry(8, "trucks-2", Fact::Paused),
            entry(12, "trucks-1", Fact::Paused),
        ];
        assert_eq!(beside(&course(&one), &other), Beside::InMomentsOnly);
        // More than a moment is a difference.
        let mut late = other.to_vec();
        late[4].time = Time(60_000_000);
        let (found, first) = parts(&one, &late);
        assert_eq!(&*found.node, "trucks-1");
        assert!(
            found.after[0].contains("0.060s") && first[0].contains("0.009s"),
            "{found:?}"
        );
    }

    /// `b` has come further than `a` when `a` is found to part: what both have done of it is not told again.
    #[test]
    fn what_both_have_done_is_no_line_of_the_first_run_alone() {
        let one = [
            entry(0, "a", Fact::Started),
            entry(10, "a", Fact::Paused),
            entry(12, "b", Fact::Serving),
            entry(13, "b", Fact::Paused),
        ];
        let other = [one[0].clone(), one[2].clone(), entry(90, "a", Fact::Paused)];
        let (found, first) = parts(&one, &other);
        assert_eq!((&*found.node, found.common), ("a", 2));
        assert!(found.before[1].contains("0.012s"), "{found:?}");
        assert!(first[0].contains("0.010s"), "{first:?}");
        assert!(first[1].contains("0.013s"), "{first:?}");
        assert_eq!(first.len(), 2);
    }

    #[test]
    fn what_a_broker_is_set_to_parts_nothing() {
        let works_by = |ms: u64| {
            let works_by = Fact::BrokerConfigured {
                replica_lag_time_max_ms: ms,
            };
            [
                entry(0, "broker-1", Fact::Started),
                entry(1, "broker-1", works_by),
            ]
        };
        let found = beside(&course(&works_by(30_000)), &works_by(5_000));
        assert_eq!(found, Beside::InMomentsOnly);
    }

    #[test]
    fn a_node_may_do_nothing_more() {
        let all = [
            entry(0, "broker-1", Fact::Started),
            entry(0, "broker-2", Fact::Started),
            entry(50, "broker-1", Fact::Crashed),
            entry(70, "broker-2", Fact::Crashed),
        ];
        let silent = [all[0].clone(), all[1].clone(), all[3].clone()];
        let (found, first) = parts(&all, &silent);
        assert_eq!((&*found.node, found.common), ("broker-1", 2));
        assert!(
            found.after.is_empty() && first[0].contains("0.050s"),
            "{found:?}"
        );
        // And the other way round.
        let (found, first) = parts(&silent, &all);
        assert_eq!((&*found.node, found.place), ("broker-1", None));
        assert!(
            found.after[0].contains("0.050s") && first.is_empty(),
            "{found:?}"
        );
        // At its end, too.
        let (found, _) = parts(&all, &all[..3]);
        assert_eq!((&*found.node, found.common), ("broker-2", 3));
    }
}
