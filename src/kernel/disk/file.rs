//! The content of one file: what is in the page cache, what is durable, and what lies between.

use super::device::READ_AHEAD;
use super::journal::{Change, Journal};
use super::rope::Rope;
use crate::kernel::{Stream, Time};
use bytes::Bytes;
use std::ops::Range;

#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) content: Rope,
    durable: Durable,
    /// Changes of the content that are not durable yet.
    pub(super) journal: Journal,
    pub(super) committed: u64,
    pub(super) dirty: u64,
    pub(super) stored: u64,
    /// Ranges that the page cache does not hold.
    pub(super) cold: Vec<Range<u64>>,
    /// Has no name any more; kept while a power failure could bring the name back.
    pub(super) unlinked: bool,
}

/// What is asked of a file.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Write { position: u64, chunk: Bytes },
    Resize { len: u64 },
}

/// What of a file is durable.
#[derive(Clone, Debug)]
enum Durable {
    /// The content as far as it was `written`, in a file of this length; the journal only adds to it.
    Beginning { written: u64, len: u64 },
    /// Something else, since what stood there was changed.
    Other(Rope),
}

impl Default for Durable {
    fn default() -> Self {
        let (written, len) = (0, 0);
        Durable::Beginning { written, len }
    }
}

/// How many operations at the head of a journal have happened by now. A handler works at the beginning of its time,
/// and each of its operations has a time of its own, after the fsyncs before it.
pub(super) fn happened(times: impl Iterator<Item = Time>, now: Time) -> u64 {
    times.take_while(|time| *time <= now).count() as u64
}

impl File {
    /// Carries out an operation in the page cache.
    pub(super) fn change(&mut self, now: Time, op: Op) {
        let written = self.content.written();
        let change = match (&self.durable, op) {
            (Durable::Beginning { .. }, Op::Write { position, chunk }) if position == written => {
                let bytes = chunk.len() as u64;
                self.content.push(chunk);
                Change::Added { bytes }
            }
            (Durable::Beginning { .. }, Op::Resize { len }) if len >= written => {
                self.content.resize(len);
                Change::Resize { len }
            }
            (_, op) => {
                self.part_durable();
                let change = Change::from(op);
                change.apply(&mut self.content);
                change
            }
        };
        self.journal.push(now, change);
    }

    /// Makes operations durable until so many of them are.
    pub(super) fn commit(&mut self, until: u64) {
        while self.committed < until
            && let Some((_, change)) = self.journal.pop()
        {
            self.committed += 1;
            self.dirty = self.dirty.saturating_sub(change.bytes());
            self.durable.apply(&change);
        }
        if self.journal.is_empty() {
            self.durable = Durable::all_of(&self.content);
        }
    }

    /// Keeps a prefix of what has happened by now, the last operation torn at any byte. The tree's changes are lost
    /// from that time on.
    pub(super) fn power_failure(&mut self, now: Time, tree_lost: Time, random: &mut Stream) {
        let kept = random.below(happened(self.journal.times(), now) + 1);
        let possible = self.until_it_grows(tree_lost);
        self.commit(self.committed + kept.min(possible));
        if kept < possible
            && let Some((time, change)) = self.journal.pop()
            && time <= now
            && !matches!(change, Change::Resize { .. })
        {
            let torn = random.below(change.bytes() + 1);
            self.durable.apply(&change.torn(torn));
        }
        self.journal = Journal::default();
        match std::mem::take(&mut self.durable) {
            Durable::Beginning { written, len } => self.content.keep(written, len),
            Durable::Other(content) => self.content = content,
        }
        self.durable = Durable::all_of(&self.content);
        self.unlinked = false;
        self.dirty = 0;
        self.stored = self.stored.min(self.content.len());
        self.cold.clear();
        self.cold.push(0..self.content.len());
    }

    /// How many operations come before the first that makes the file longer after that time.
    fn until_it_grows(&self, after: Time) -> u64 {
        let (mut written, mut len) = match &self.durable {
            Durable::Beginning { written, len } => (*written, *len),
            Durable::Other(content) => (content.written(), content.len()),
        };
        let mut journal = self.journal.clone();
        let mut count = 0;
        while let Some((time, change)) = journal.pop() {
            let before = len;
            len = match change {
                Change::Added { bytes } => {
                    written += bytes;
                    len.max(written)
                }
                Change::Write(write) => match write.1.len() as u64 {
                    0 => len,
                    bytes => len.max(write.0 + bytes),
                },
                Change::Resize { len } => len,
            };
            if len > before && time > after {
                return count;
            }
            count += 1;
        }
        u64::MAX
    }

    /// Takes back what has not happened by now; whether there was anything. Each operation keeps its place in the
    /// journal, since fsyncs count them.
    pub(super) fn undo(&mut self, now: Time) -> bool {
        if self.journal.times().all(|time| time <= now) {
            return false;
        }
        self.part_durable();
        let mut undone = 0;
        self.journal.rewrite(|time, change| {
            if time <= now {
                return (time, change);
            }
            undone += change.bytes();
            (now, Change::Write(Box::new((0, Bytes::new()))))
        });
        if let Durable::Other(durable) = &self.durable {
            self.content = durable.clone();
        }
        for (_, change) in self.journal.others() {
            change.apply(&mut self.content);
        }
        self.stored = self.stored.saturating_sub(undone).min(self.content.len());
        true
    }

    /// Flips a bit, in the page cache and on the device; true if the operations that are on their way to
    /// the device could undo that.
    pub(super) fn flip(&mut self, position: u64, bit: u8) -> bool {
        if self.journal.is_empty() {
            self.content.flip(position, bit);
            self.durable = Durable::all_of(&self.content);
            return false;
        }
        self.part_durable();
        self.content.flip(position, bit);
        if let Durable::Other(durable) = &mut self.durable {
            durable.flip(position, bit);
        }
        true
    }

    /// Sees that the content can be changed anywhere.
    fn part_durable(&mut self) {
        let Durable::Beginning { written, len } = self.durable else {
            return;
        };
        let mut durable = self.content.clone();
        durable.keep(written, len);
        self.durable = Durable::Other(durable);
        let mut position = written;
        self.journal.rewrite(|time, change| match change {
            Change::Added { bytes } => {
                let chunk = self.content.read(position, bytes).concat().into();
                let write = Change::Write(Box::new((position, chunk)));
                position += bytes;
                (time, write)
            }
            other => (time, other),
        });
    }

    /// Brings a range into the page cache; answers how many bytes had to come from the device.
    pub(super) fn warm(&mut self, position: u64, len: u64) -> u64 {
        let wanted = position..position + len;
        if len == 0
            || !self
                .cold
                .iter()
                .any(|cold| cold.start < wanted.end && wanted.start < cold.end)
        {
            return 0;
        }
        let fetched = position..wanted.end.max(position + READ_AHEAD);
        let mut brought = 0;
        let mut left = Vec::with_capacity(self.cold.len() + 1);
        for cold in self.cold.drain(..) {
            let (start, end) = (cold.start.max(fetched.start), cold.end.min(fetched.end));
            if start >= end {
                left.push(cold);
                continue;
            }
            brought += end - start;
            left.extend(
                [cold.start..start, end..cold.end]
                    .into_iter()
                    .filter(|part| !part.is_empty()),
            );
        }
        self.cold = left;
        brought
    }
}

impl Durable {
    fn all_of(content: &Rope) -> Durable {
        Durable::Beginning {
            written: content.written(),
            len: content.len(),
        }
    }

    fn apply(&mut self, change: &Change) {
        match (self, change) {
            (Durable::Beginning { written, len }, Change::Added { bytes }) => {
                *written += bytes;
                *len = (*len).max(*written);
            }
            (Durable::Beginning { len, .. }, Change::Resize { len: new }) => *len = *new,
            (Durable::Beginning { .. }, Change::Write(_)) => {
                unreachable!("what is durable was parted from the content before")
            }
            (Durable::Other(durable), change) => change.apply(durable),
        }
    }
}

impl Op {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Op::Write { chunk, .. } => chunk.len() as u64,
            Op::Resize { .. } => 0,
        }
    }
}

impl From<Op> for Change {
    fn from(op: Op) -> Self {
        match op {
            Op::Write { position, chunk } => Change::Write(Box::new((position, chunk))),
            Op::Resize { len } => Change::Resize { len },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// A file as two vectors of bytes and every operation in between.
    #[derive(Default)]
    struct Plain {
        content: Vec<u8>,
        durable: Vec<u8>,
        journal: VecDeque<Op>,
    }

    impl Plain {
        fn change(&mut self, op: Op) {
            apply(&op, &mut self.content);
            self.journal.push_back(op);
        }

        fn commit(&mut self, count: u64) {
            for _ in 0..count {
                if let Some(op) = self.journal.pop_front() {
                    apply(&op, &mut self.durable);
                }
            }
        }

        fn power_failure(&mut self, random: &mut Stream) {
            self.commit(random.below(self.journal.len() as u64 + 1));
            if let Some(Op::Write { position, chunk }) = self.journal.pop_front() {
                let torn = random.below(chunk.len() as u64 + 1) as usize;
                let chunk = chunk.slice(..torn);
                apply(&Op::Write { position, chunk }, &mut self.durable);
            }
            self.journal.clear();
            self.content.clone_from(&self.durable);
        }
    }

    fn apply(op: &Op, bytes: &mut Vec<u8>) {
        match op {
            Op::Write { position, chunk } if !chunk.is_empty() => {
                let at = *position as usize;
                bytes.resize(bytes.len().max(at + chunk.len()), 0);
                bytes[at..at + chunk.len()].copy_from_slice(chunk);
            }
            Op::Resize { len } => bytes.resize(*len as usize, 0),
            Op::Write { .. } => {}
        }
    }

    /// Whatever is written, cut and committed, a power failure leaves what it leaves of the plain file.
    #[test]
    fn a_file_is_its_journal_on_top_of_what_is_durable() {
        for seed in 0..2_000 {
            let mut random = Stream::named(seed, "file");
            let (mut file, mut plain) = (File::default(), Plain::default());
            for _ in 0..30 {
                let (written, len) = (file.content.written(), file.content.len());
                let position = match random.below(4) {
                    0 => random.below(len + 10),
                    1 => len,
                    _ => written,
                };
                match random.below(16) {
                    0 => {
                        let count = random.below(4);
                        file.commit(file.committed + count);
                        plain.commit(count);
                    }
                    1 => {
                        file.power_failure(
                            Time::ZERO,
                            Time::MAX,
                            &mut Stream::named(seed, "failure"),
                        );
                        plain.power_failure(&mut Stream::named(seed, "failure"));
                    }
                    2 if position < len => {
                        if file.flip(position, 3) {
                            let chunk: Bytes = file.content.read(position, 1).concat().into();
                            let op = Op::Write { position, chunk };
                            file.change(Time::ZERO, op.clone());
                            plain.journal.push_back(op);
                        }
                        for bytes in [&mut plain.content, &mut plain.durable] {
                            if let Some(byte) = bytes.get_mut(position as usize) {
                                *byte ^= 8;
                            }
                        }
                    }
                    5 => {
                        // What a process has not come to do leaves nothing but its place in the journal.
                        for _ in 0..random.below(4) {
                            let chunk: Bytes = vec![9; random.below(20) as usize].into();
                            let position = random.below(len + 10);
                            let op = match random.below(3) {
                                0 => Op::Resize { len: position },
                                _ => Op::Write { position, chunk },
                            };
                            file.change(Time::MAX, op);
                            let (position, chunk) = (0, Bytes::new());
                            plain.journal.push_back(Op::Write { position, chunk });
                        }
                        file.undo(Time::ZERO);
                    }
                    3 | 4 => {
                        let op = Op::Resize { len: position };
                        plain.change(op.clone());
                        file.change(Time::ZERO, op);
                    }
                    _ => {
                        let chunk: Bytes =
                            vec![random.below(256) as u8; random.below(20) as usize].into();
                        let op = Op::Write { position, chunk };
                        plain.change(op.clone());
                        file.change(Time::ZERO, op);
                    }
                }
                assert_eq!(
                    file.content.len(),
                    plain.content.len() as u64,
                    "seed {seed}"
                );
                assert_eq!(
                    file.content.read(0, u64::MAX).concat(),
                    plain.content,
                    "seed {seed}"
                );
            }
        }
    }

    #[test]
    fn what_is_only_added_to_is_held_once() {
        let mut file = File::default();
        for n in 0..10 {
            let (position, chunk) = (100 * n, vec![n as u8; 100].into());
            file.change(Time::ZERO, Op::Write { position, chunk });
            file.commit(n / 2);
        }
        assert!(matches!(file.durable, Durable::Beginning { .. }));
    }
}
