//! The content of one file: what is in the page cache, what is durable, and what lies between.

use super::device::READ_AHEAD;
use super::rope::Rope;
use crate::kernel::{Stream, Time};
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Range;

#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) content: Rope,
    pub(super) durable: Rope,
    /// Operations on the content that are not durable yet, with the time of each.
    pub(super) journal: VecDeque<(Time, Op)>,
    pub(super) committed: u64,
    pub(super) dirty: u64,
    pub(super) stored: u64,
    /// Ranges that the page cache does not hold.
    pub(super) cold: Vec<Range<u64>>,
    /// Has no name any more; kept while a power failure could bring the name back.
    pub(super) unlinked: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Write { position: u64, chunk: Bytes },
    Resize { len: u64 },
}

impl File {
    /// Makes operations durable until so many of them are.
    pub(super) fn commit(&mut self, until: u64) {
        while self.committed < until
            && let Some((_, op)) = self.journal.pop_front()
        {
            self.committed += 1;
            self.dirty = self.dirty.saturating_sub(op.bytes());
            op.apply(&mut self.durable);
        }
    }

    /// Keeps a prefix of the journal, the last operation torn at any byte.
    pub(super) fn power_failure(&mut self, random: &mut Stream) {
        let kept = random.below(self.journal.len() as u64 + 1);
        self.commit(self.committed + kept);
        if let Some((_, Op::Write { position, chunk })) = self.journal.pop_front() {
            let torn = random.below(chunk.len() as u64 + 1);
            let torn = usize::try_from(torn).map_or(chunk.len(), |torn| torn.min(chunk.len()));
            Op::Write {
                position,
                chunk: chunk.slice(..torn),
            }
            .apply(&mut self.durable);
        }
        self.journal.clear();
        self.content = self.durable.clone();
        self.unlinked = false;
        self.dirty = 0;
        self.stored = self.stored.min(self.content.len());
        self.cold.clear();
        self.cold.push(0..self.content.len());
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

impl Op {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Op::Write { chunk, .. } => chunk.len() as u64,
            Op::Resize { .. } => 0,
        }
    }

    pub(super) fn apply(&self, rope: &mut Rope) {
        match self {
            Op::Write { position, chunk } if *position == rope.len() => rope.push(chunk.clone()),
            Op::Write { position, chunk } => rope.write(*position, chunk.clone()),
            Op::Resize { len } => rope.resize(*len),
        }
    }
}
