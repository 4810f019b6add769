//! Where the facts of a run go: how much of its trace stays in memory.
//!
//! Whoever needs a fact looks at it when it is stated (`Sink::fresh`). A sink decides what is left of it
//! afterwards.

use super::TraceEntry;
use crate::protocol::Fact;

/// What of a trace is kept in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keep {
    #[default]
    Everything,
    /// What changes the course of things. Routine facts (`Fact::is_routine`) are counted.
    WithoutRoutine,
    /// The last facts: at least so many, at most twice as many.
    Last(usize),
    Nothing,
}

/// How many routine facts of each kind were stated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RoutineCounts {
    pub created: u64,
    pub appended: u64,
    pub high_watermarks_moved: u64,
    pub acknowledged: u64,
    pub consumed: u64,
}

/// The facts of a run, as far as they are kept.
#[derive(Debug, Default)]
pub struct Sink {
    keep: Keep,
    entries: Vec<TraceEntry>,
    /// Entries from here on have been stated since the last `settle`.
    fresh: usize,
    counts: RoutineCounts,
}

impl Sink {
    pub fn new(keep: Keep) -> Self {
        Sink {
            keep,
            ..Sink::default()
        }
    }

    /// What is kept, and what is fresh.
    pub fn entries(&self) -> &[TraceEntry] {
        &self.entries
    }

    /// What has been stated since the last `settle`.
    pub fn fresh(&self) -> &[TraceEntry] {
        &self.entries[self.fresh..]
    }

    /// Routine facts, of those that are settled.
    pub fn counts(&self) -> RoutineCounts {
        self.counts
    }

    /// Takes in what was stated, all of it.
    #[inline]
    pub fn append(&mut self, entries: &mut Vec<TraceEntry>) {
        if self.entries.is_empty() {
            std::mem::swap(&mut self.entries, entries);
        } else {
            self.entries.append(entries);
        }
    }

    /// Takes in what was stated.
    pub fn extend(&mut self, entries: impl IntoIterator<Item = TraceEntry>) {
        self.entries.extend(entries);
    }

    /// What is fresh has been looked at: the sink keeps of it what it keeps.
    #[inline]
    pub fn settle(&mut self) {
        if self.fresh < self.entries.len() {
            self.settle_fresh();
        }
    }

    fn settle_fresh(&mut self) {
        let mut all_routine = true;
        for entry in &self.entries[self.fresh..] {
            all_routine &= self.counts.count(&entry.fact);
        }
        match self.keep {
            Keep::Everything => {}
            Keep::WithoutRoutine if all_routine => self.entries.truncate(self.fresh),
            Keep::WithoutRoutine => {
                let fresh = self.entries.drain(self.fresh..);
                let kept: Vec<TraceEntry> =
                    fresh.filter(|entry| !entry.fact.is_routine()).collect();
                self.entries.extend(kept);
            }
            Keep::Last(most) => {
                if self.entries.len() > 2 * most {
                    self.entries.drain(..self.entries.len() - most);
                }
            }
            Keep::Nothing => self.entries.clear(),
        }
        self.fresh = self.entries.len();
    }

    /// What is kept at the end.
    pub fn into_entries(mut self) -> Vec<TraceEntry> {
        self.settle();
        self.entries
    }
}

impl RoutineCounts {
    /// False if the fact is no routine.
    fn count(&mut self, fact: &Fact) -> bool {
        let count = match fact {
            Fact::RecordCreated { .. } => &mut self.created,
            Fact::Appended { .. } => &mut self.appended,
            Fact::HighWatermarkMoved { .. } => &mut self.high_watermarks_moved,
            Fact::Acked { .. } => &mut self.acknowledged,
            Fact::Consumed { .. } => &mut self.consumed,
            _ => return false,
        };
        *count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::protocol::TopicPartition;

    fn entry(event: u64, fact: Fact) -> TraceEntry {
        TraceEntry {
            event,
            time: Time(event),
            node: "broker-1".into(),
            fact,
        }
    }

    fn moved() -> Fact {
        Fact::HighWatermarkMoved {
            partition: TopicPartition::new("t", 0),
            high_watermark: 1,
            as_leader: true,
        }
    }

    /// Numbers of the events that are kept of ten, every other of which is routine.
    fn kept(keep: Keep) -> (Vec<u64>, u64) {
        let mut sink = Sink::new(keep);
        for event in 0..10 {
            let fact = if event % 2 == 0 {
                Fact::Serving
            } else {
                moved()
            };
            sink.extend([entry(event, fact)]);
            assert_eq!(sink.fresh().len(), 1, "whoever looks sees each of them");
            sink.settle();
            assert_eq!(sink.fresh(), []);
        }
        let counted = sink.counts().high_watermarks_moved;
        let entries = sink.into_entries();
        (entries.iter().map(|entry| entry.event).collect(), counted)
    }

    #[test]
    fn a_sink_keeps_what_it_is_told_to_and_counts_all() {
        assert_eq!(kept(Keep::Everything), ((0..10).collect(), 5));
        assert_eq!(kept(Keep::WithoutRoutine), (vec![0, 2, 4, 6, 8], 5));
        assert_eq!(kept(Keep::Nothing), (vec![], 5));
        let (last, counted) = kept(Keep::Last(3));
        assert!((3..=6).contains(&last.len()) && last.ends_with(&[7, 8, 9]));
        assert_eq!(counted, 5);
    }
}
