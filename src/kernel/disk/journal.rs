//! What was done to a file and is not durable yet, in the order in which it was done.
//!
//! A log that is written fast has an operation for every batch of half a minute, nearly all of them writes at its
//! end: those take six bytes each.

use super::rope::Rope;
use crate::kernel::Time;
use bytes::Bytes;
use std::collections::VecDeque;

/// Operations, each with the time at which it happens.
#[derive(Clone, Default)]
pub(super) struct Journal {
    entries: VecDeque<Entry>,
    /// What an entry has no room for, in the same order.
    others: VecDeque<(Time, Change)>,
    /// The times that those of the first and of the next entry are counted from.
    begin: Time,
    end: Time,
}

/// What was done to a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// So many bytes written where nothing was written yet: the content has them.
    Added {
        bytes: u64,
    },
    Resize {
        len: u64,
    },
    /// Anything else, which is rare.
    Write(Box<(u64, Bytes)>),
}

/// So many bytes added, so many nanoseconds after the operation before, or earlier than that (an fsync of another
/// thread has delayed that one); or `OTHER`.
#[derive(Clone, Copy)]
#[repr(C, packed(2))]
struct Entry {
    after: i32,
    bytes: u16,
}

const OTHER: u16 = u16::MAX;

impl Journal {
    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, time: Time, change: Change) {
        if self.is_empty() {
            (self.begin, self.end) = (time, time);
        }
        let after = i32::try_from(time.0.wrapping_sub(self.end.0).cast_signed());
        let bytes = match change {
            Change::Added { bytes } => u16::try_from(bytes).ok().filter(|n| *n != OTHER),
            _ => None,
        };
        let entry = match (after, bytes) {
            (Ok(after), Some(bytes)) => Entry { after, bytes },
            _ => {
                self.others.push_back((time, change));
                Entry {
                    after: 0,
                    bytes: OTHER,
                }
            }
        };
        self.entries.push_back(entry);
        self.end = time;
    }

    pub(super) fn pop(&mut self) -> Option<(Time, Change)> {
        let (time, change) = match self.entries.pop_front()? {
            Entry { bytes: OTHER, .. } => self
                .others
                .pop_front()
                .expect("each entry without room has its operation"),
            Entry { after, bytes } => {
                let bytes = u64::from(bytes);
                (later(self.begin, after), Change::Added { bytes })
            }
        };
        self.begin = time;
        Some((time, change))
    }

    /// Bytes that its operations write.
    pub(super) fn bytes(&self) -> u64 {
        let others = self.others.iter().map(|(_, change)| change.bytes());
        let small = self.entries.iter().filter(|entry| entry.bytes != OTHER);
        others.sum::<u64>() + small.map(|entry| u64::from(entry.bytes)).sum::<u64>()
    }

    /// The operations that are no mere additions, each with its time.
    pub(super) fn others(&self) -> impl Iterator<Item = &(Time, Change)> {
        self.others.iter()
    }

    /// When the first operation happens.
    pub(super) fn front(&self) -> Option<Time> {
        self.times().next()
    }

    /// When each happens.
    pub(super) fn times(&self) -> impl Iterator<Item = Time> {
        let mut others = self.others.iter();
        let mut time = self.begin;
        self.entries.iter().map(move |entry| {
            time = match entry.bytes {
                OTHER => others.next().map_or(time, |(time, _)| *time),
                _ => later(time, entry.after),
            };
            time
        })
    }

    /// Changes what it holds, operation by operation.
    pub(super) fn rewrite(&mut self, mut how: impl FnMut(Time, Change) -> (Time, Change)) {
        let mut before = std::mem::take(self);
        while let Some((time, change)) = before.pop() {
            let (time, change) = how(time, change);
            self.push(time, change);
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} operations", self.len())
    }
}

fn later(time: Time, after: i32) -> Time {
    Time(time.0.wrapping_add_signed(i64::from(after)))
}

impl Change {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Change::Write(write) => write.1.len() as u64,
            Change::Added { bytes } => *bytes,
            Change::Resize { .. } => 0,
        }
    }

    /// The beginning of a write.
    pub(super) fn torn(self, bytes: u64) -> Change {
        match self {
            Change::Write(mut write) => {
                let end =
                    usize::try_from(bytes).map_or(write.1.len(), |end| end.min(write.1.len()));
                write.1.truncate(end);
                Change::Write(write)
            }
            Change::Added { .. } => Change::Added { bytes },
            Change::Resize { len } => Change::Resize { len },
        }
    }

    pub(super) fn apply(&self, rope: &mut Rope) {
        match self {
            Change::Write(write) => rope.write(write.0, write.1.clone()),
            Change::Resize { len } => rope.resize(*len),
            Change::Added { .. } => unreachable!("it stands only where the content has the bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;

    /// Whatever its times and sizes are, it gives back what it was given.
    #[test]
    fn a_journal_is_a_queue() {
        for seed in 0..500 {
            let mut random = Stream::named(seed, "journal");
            let (mut journal, mut plain) = (Journal::default(), VecDeque::new());
            for _ in 0..60 {
                let time = match random.below(8) {
                    0 => Time::MAX,
                    1 => Time(random.below(1 << 40)),
                    _ => Time(5_000_000_000 + random.below(1_000_000)),
                };
                let change = match random.below(8) {
                    0 => Change::Resize {
                        len: random.below(9),
                    },
                    1 => Change::Added { bytes: 1 << 40 },
                    2 => Change::Added {
                        bytes: u64::from(OTHER),
                    },
                    3 => Change::Write(Box::new((random.below(9), Bytes::from_static(b"x")))),
                    _ => Change::Added {
                        bytes: random.below(1_000),
                    },
                };
                match random.below(16) {
                    0..=5 => assert_eq!(journal.pop(), plain.pop_front(), "seed {seed}"),
                    6 => {
                        let now = Time(7_000_000_000);
                        journal.rewrite(|time, change| (time.min(now), change));
                        for (time, _) in &mut plain {
                            *time = (*time).min(now);
                        }
                    }
                    _ => {
                        journal.push(time, change.clone());
                        plain.push_back((time, change));
                    }
                }
                assert_eq!(journal.len(), plain.len() as u64, "seed {seed}");
                assert_eq!(journal.front(), plain.front().map(|(time, _)| *time));
                assert!(journal.times().eq(plain.iter().map(|(time, _)| *time)));
            }
        }
    }

    #[test]
    fn what_is_added_at_the_end_takes_six_bytes() {
        let mut journal = Journal::default();
        for n in 0..100 {
            journal.push(Time(1_000_000 * n), Change::Added { bytes: 170 });
        }
        assert!(journal.others.is_empty());
        assert_eq!(size_of::<Entry>(), 6);
    }
}
