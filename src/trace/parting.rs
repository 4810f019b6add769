//! Where runs part: the first line, as `--verbose` tells every fact, that one run has and another has not, found
//! while they are played. What no line shows (a number of nanoseconds, the number of an event) parts nothing:
//! who is shown two lines sees what differs.
//!
//! A trace may be too long to be kept, so of a run each line leaves a mark of eight bytes, and another run is
//! held against the marks. What stands there in words is told by a run that is played again.

use super::TraceEntry;
use super::observer::Observer;
use super::story::Story;
use super::telling::tell;
use super::transcript::write_line;
use std::collections::VecDeque;
use twox_hash::XxHash3_64;

/// Lines shown before a place, and from it on.
const BEFORE: usize = 2;
const AFTER: usize = 3;

/// The course of a run: a mark for each fact.
#[derive(Debug, Default)]
pub struct Course {
    teller: Teller,
    marks: Vec<u64>,
}

impl Course {
    /// Facts of the run.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// True if the run has stated nothing.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }
}

impl Observer for Course {
    fn fact(&mut self, entry: &TraceEntry) {
        let line = self.teller.line(entry);
        self.marks.push(mark(&line));
    }
}

/// Another run, held against a course.
#[derive(Debug)]
pub struct Parting<'a> {
    course: &'a Course,
    place: Option<usize>,
    lines: Lines,
}

/// A run from which lines at some places are wanted.
#[derive(Debug, Default)]
pub struct Lines {
    teller: Teller,
    /// Facts seen.
    seen: usize,
    last: VecDeque<String>,
    excerpts: Vec<Excerpt>,
}

/// What a run states around a place of its course.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excerpt {
    pub place: usize,
    pub before: Vec<String>,
    /// From the place on; nothing where the run has ended.
    pub after: Vec<String>,
}

impl<'a> Parting<'a> {
    pub fn from(course: &'a Course) -> Self {
        Parting {
            course,
            place: None,
            lines: Lines::default(),
        }
    }

    /// How many facts both runs have in common, and what this one states then; `None` if they never part.
    pub fn finish(self) -> Option<Excerpt> {
        match self.place {
            Some(_) => self.lines.excerpts.into_iter().next(),
            // This one ends while the other goes on.
            None if self.lines.seen < self.course.len() => Some(Excerpt {
                place: self.lines.seen,
                before: self.lines.last.into(),
                after: Vec::new(),
            }),
            None => None,
        }
    }
}

impl Observer for Parting<'_> {
    fn fact(&mut self, entry: &TraceEntry) {
        let (line, place) = (self.lines.teller.line(entry), self.lines.seen);
        if self.place.is_none() && self.course.marks.get(place) != Some(&mark(&line)) {
            self.place = Some(place);
            self.lines.want(place);
        }
        self.lines.take(line);
    }
}

impl Lines {
    /// Lines around these places, each an excerpt in this order.
    pub fn at(places: impl IntoIterator<Item = usize>) -> Self {
        let mut lines = Lines::default();
        places.into_iter().for_each(|place| lines.want(place));
        lines
    }

    pub fn finish(self) -> Vec<Excerpt> {
        let (seen, last) = (self.seen, self.last);
        let mut excerpts = self.excerpts;
        // Where the run ends, it has lines before and none after.
        for excerpt in excerpts.iter_mut().filter(|excerpt| excerpt.place >= seen) {
            excerpt.before = last.iter().cloned().collect();
        }
        excerpts
    }

    fn take(&mut self, line: String) {
        for excerpt in &mut self.excerpts {
            if excerpt.place == self.seen {
                excerpt.before = self.last.iter().cloned().collect();
            }
            if (excerpt.place..excerpt.place + AFTER).contains(&self.seen) {
                excerpt.after.push(line.clone());
            }
        }
        if self.last.len() == BEFORE {
            self.last.pop_front();
        }
        self.last.push_back(line);
        self.seen += 1;
    }

    fn want(&mut self, place: usize) {
        self.excerpts.push(Excerpt {
            place,
            before: Vec::new(),
            after: Vec::new(),
        });
    }
}

impl Observer for Lines {
    fn fact(&mut self, entry: &TraceEntry) {
        let line = self.teller.line(entry);
        self.take(line);
    }
}

/// Puts each fact into a line.
#[derive(Debug, Default)]
struct Teller(Story);

impl Teller {
    fn line(&mut self, entry: &TraceEntry) -> String {
        let sentence = tell(entry, &self.0).sentence();
        self.0.learn(entry);
        write_line(entry.time, &entry.node, &sentence)
    }
}

fn mark(line: &str) -> u64 {
    XxHash3_64::oneshot(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::protocol::Fact;

    fn entry(event: u64, ms: u64, fact: Fact) -> TraceEntry {
        TraceEntry {
            event,
            time: Time(ms * 1_000_000),
            node: "broker-1".into(),
            fact,
        }
    }

    fn parting(course: &Course, other: &[TraceEntry]) -> Option<Excerpt> {
        let mut parting = Parting::from(course);
        other.iter().for_each(|entry| parting.fact(entry));
        parting.finish()
    }

    #[test]
    fn runs_part_at_the_first_fact_that_only_one_states_then() {
        let one = [
            entry(1, 0, Fact::Started),
            entry(2, 5, Fact::Serving),
            entry(3, 9, Fact::Crashed),
        ];
        let mut course = Course::default();
        one.iter().for_each(|entry| course.fact(entry));
        assert_eq!(course.len(), 3);
        let renumbered: Vec<_> = (one.iter().cloned())
            .map(|entry| TraceEntry { event: 8, ..entry })
            .collect();
        assert_eq!(parting(&course, &renumbered), None);

        let later = [one[0].clone(), entry(2, 6, Fact::Serving), one[2].clone()];
        let found = parting(&course, &later).expect("it serves later");
        assert_eq!(found.place, 1);
        assert_eq!((found.before.len(), found.after.len()), (1, 2));
        assert!(found.after[0].contains("0.006s"), "{found:?}");
        let mut lines = Lines::at([found.place]);
        one.iter().for_each(|entry| lines.fact(entry));
        let told = lines.finish();
        assert_eq!(told[0].before, found.before);
        assert!(told[0].after[0].contains("0.005s"), "{told:?}");
    }

    #[test]
    fn a_run_may_end_before_the_other() {
        let all = [entry(1, 0, Fact::Started), entry(2, 5, Fact::Serving)];
        let mut course = Course::default();
        all.iter().for_each(|entry| course.fact(entry));
        let short = parting(&course, &all[..1]).expect("it ends early");
        assert_eq!((short.place, short.after.len()), (1, 0));

        let mut course = Course::default();
        course.fact(&all[0]);
        let long = parting(&course, &all).expect("it goes on");
        assert_eq!((long.place, long.after.len()), (1, 1));
        let mut lines = Lines::at([1]);
        lines.fact(&all[0]);
        let told = lines.finish();
        assert_eq!((told[0].before.len(), told[0].after.len()), (1, 0));
    }
}
