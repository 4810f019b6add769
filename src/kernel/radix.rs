//! A radix heap of 16-byte keys: those that come next stand sorted, all others lie in buckets by the
//! highest digit in which they differ from a base.
//!
//! Time only moves on, so a key need not know its place among keys that come much later: it is put down
//! once, and once more for each digit that must be looked at to have few keys left to sort. That
//! makes an event cheaper than a comparison heap's way from the root to a leaf, the more so the more
//! events are pending. (R. Ahuja, K. Mehlhorn, J. Orlin, R. Tarjan, Faster algorithms for the shortest path
//! problem, 1990, with digits of four bits, as wheels of timers have them.) Keys may also come
//! before all others; they are sorted in.

const DIGIT_BITS: u32 = 4;
const DIGITS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = (u64::BITS / DIGIT_BITS) as usize;
/// So many keys of a bucket are sorted; more are told apart by their next digit first.
const SORTED_AT_ONCE: usize = 16;
/// Of more sorted keys than these the later half is put down again.
const SORTED_AT_MOST: usize = 48;

/// Keys are below `u128::MAX`, and all are different.
#[derive(Debug)]
pub(super) struct RadixHeap {
    /// All keys below `horizon`, the least one last; empty only if there is no key at all.
    near: Vec<u128>,
    horizon: u128,
    /// A time, at most that of `horizon`. A key from `horizon` on lies in the bucket of the highest digit
    /// in which its time differs from this, and of what it has there.
    base: u64,
    /// The buckets of each level's digits; none before the first is needed.
    far: Vec<Vec<u128>>,
    /// Which levels, and which digits of each, have keys.
    levels: u16,
    digits: [u16; LEVELS],
    /// An empty place for the keys of a bucket that are on their way to others.
    hand: Vec<u128>,
    len: usize,
}

impl RadixHeap {
    pub(super) const fn new() -> Self {
        Self {
            near: Vec::new(),
            horizon: 0,
            base: 0,
            far: Vec::new(),
            levels: 0,
            digits: [0; LEVELS],
            hand: Vec::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The least key.
    #[inline]
    pub(super) fn first(&self) -> Option<u128> {
        self.near.last().copied()
    }

    #[inline]
    pub(super) fn push(&mut self, key: u128) {
        self.len += 1;
        if key < self.horizon {
            self.sort_in(key);
        } else {
            self.put_down(key);
            if self.near.is_empty() {
                self.refill();
            }
        }
    }

    /// Takes the least key.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<u128> {
        let key = self.near.pop()?;
        self.len -= 1;
        if self.near.is_empty() {
            self.refill();
        }
        Some(key)
    }

    /// Changes or drops each key.
    pub(super) fn rebuild(&mut self, change: impl FnMut(u128) -> Option<u128>) {
        let mut keys = std::mem::take(&mut self.near);
        while let Some(from) = self.take_first_below(LEVELS as u32) {
            keys.append(&mut self.far[from]);
        }
        let keys: Vec<u128> = keys.into_iter().filter_map(change).collect();
        self.len = keys.len();
        self.horizon = keys.iter().min().copied().unwrap_or(0);
        self.base = time_of(self.horizon);
        for key in keys {
            self.put_down(key);
        }
        self.refill();
    }

    fn sort_in(&mut self, key: u128) {
        let mut at = self.near.len();
        self.near.push(key);
        while at > 0 && self.near[at - 1] < key {
            self.near[at] = self.near[at - 1];
            at -= 1;
        }
        self.near[at] = key;
        if self.near.len() > SORTED_AT_MOST {
            self.split();
        }
    }

    #[inline]
    fn put_down(&mut self, key: u128) {
        let time = time_of(key);
        debug_assert!(self.base <= time);
        let level = ((time ^ self.base) | 1).ilog2() / DIGIT_BITS;
        let at = level as usize * DIGITS + digit_of(time, level);
        self.mark(at);
        match self.far.get_mut(at) {
            Some(bucket) => bucket.push(key),
            None => self.put_down_first(at, key),
        }
    }

    #[cold]
    fn put_down_first(&mut self, at: usize, key: u128) {
        self.far.resize_with(LEVELS * DIGITS, Vec::new);
        self.far[at].push(key);
    }

    /// The later half of the sorted keys becomes far.
    #[cold]
    fn split(&mut self) {
        let later = self.near.len() / 2;
        self.horizon = self.near[later - 1];
        if time_of(self.horizon) < self.base {
            self.lower_base(time_of(self.horizon));
        }
        let mut hand = std::mem::take(&mut self.hand);
        hand.extend(self.near.drain(..later));
        for key in hand.drain(..) {
            self.put_down(key);
        }
        self.hand = hand;
    }

    /// Keys that came since the base was chosen are before it. All far keys that agree with the old base
    /// down to the digit in which the new one differs go to that digit's bucket.
    fn lower_base(&mut self, time: u64) {
        let level = (self.base ^ time).ilog2() / DIGIT_BITS;
        let to = level as usize * DIGITS + digit_of(self.base, level);
        let mut hand = std::mem::take(&mut self.hand);
        while let Some(from) = self.take_first_below(level) {
            hand.append(&mut self.far[from]);
        }
        if !hand.is_empty() {
            self.mark(to);
            self.far[to].append(&mut hand);
        }
        self.hand = hand;
        self.base = time;
    }

    /// Sorts the keys that come next.
    fn refill(&mut self) {
        while let Some(at) = self.take_first_below(LEVELS as u32) {
            let level = (at / DIGITS) as u32;
            let shift = level * DIGIT_BITS;
            let above = self.base >> shift & !(DIGITS as u64 - 1);
            self.base = (above | (at % DIGITS) as u64) << shift;
            let bucket = &mut self.far[at];
            if bucket.len() <= SORTED_AT_ONCE || level == 0 {
                std::mem::swap(&mut self.near, bucket);
                self.near.sort_unstable_by(|a, b| b.cmp(a));
                let end = self.base.checked_add(1 << shift);
                self.horizon = end.map_or(u128::MAX, |end| u128::from(end) << 64);
                return;
            }
            let mut hand = std::mem::take(&mut self.hand);
            std::mem::swap(&mut hand, bucket);
            for key in hand.drain(..) {
                self.put_down(key);
            }
            self.hand = hand;
        }
    }

    /// The bucket of the least far keys, if its level is below that one; it is about to be emptied.
    #[inline]
    fn take_first_below(&mut self, level: u32) -> Option<usize> {
        let first = self.levels.trailing_zeros();
        if first >= level.min(LEVELS as u32) {
            return None;
        }
        let digits = &mut self.digits[first as usize];
        let digit = digits.trailing_zeros();
        *digits &= *digits - 1;
        if *digits == 0 {
            self.levels &= self.levels - 1;
        }
        Some(first as usize * DIGITS + digit as usize)
    }

    /// Notes that a bucket has keys.
    #[inline]
    fn mark(&mut self, at: usize) {
        self.levels |= 1 << (at / DIGITS);
        self.digits[at / DIGITS] |= 1 << (at % DIGITS);
    }
}

fn time_of(key: u128) -> u64 {
    (key >> 64) as u64
}

fn digit_of(time: u64, level: u32) -> usize {
    (time >> (level * DIGIT_BITS)) as usize % DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;
    use std::collections::BTreeSet;

    /// What happens to a heap over time: keys come soon or late, many at one time, some before all others.
    #[test]
    fn keys_come_in_order_whatever_is_done() {
        let mut random = Stream::named(2, "heap");
        let (mut heap, mut sorted) = (RadixHeap::new(), BTreeSet::<u128>::new());
        for step in 0..200_000u64 {
            let ahead = match random.below(5) {
                0 => 0,
                1 => random.below(50),
                2 => random.below(100_000),
                3 => random.below(1 << 40),
                _ => u64::MAX >> random.below(30),
            };
            let now = heap.first().map_or(0, |key| (key >> 64) as u64);
            // In turns more keys come than go, and fewer.
            match (random.below(8), step / 1_000 % 2) {
                (0..=3, _) | (4..=5, 0) => {
                    let key = u128::from(now.saturating_add(ahead)) << 64 | u128::from(step);
                    heap.push(key);
                    sorted.insert(key);
                }
                (6, _) if step % 7 == 0 => {
                    let key = u128::from(random.below(now + 1)) << 64 | u128::from(step);
                    heap.push(key);
                    sorted.insert(key);
                }
                (7, _) if step % 500 == 0 => {
                    let change = |key: u128| (key & 7 > 0).then_some(key ^ 1 << 70);
                    heap.rebuild(change);
                    sorted = sorted.into_iter().filter_map(change).collect();
                }
                _ => assert_eq!(heap.pop(), sorted.pop_first()),
            }
            assert_eq!(
                (heap.first(), heap.len()),
                (sorted.first().copied(), sorted.len())
            );
        }
        while let Some(key) = sorted.pop_first() {
            assert_eq!(heap.pop(), Some(key));
        }
        assert_eq!((heap.pop(), heap.first(), heap.len()), (None, None, 0));
    }

    #[test]
    fn a_thousand_keys_of_one_instant_come_in_the_order_of_their_numbers() {
        let mut heap = RadixHeap::new();
        let key = |n: u64| 77 << 64 | u128::from(n);
        for n in 0..500 {
            heap.push(key(n));
        }
        for n in 500..2_000 {
            assert_eq!(heap.pop(), Some(key(n - 500)));
            heap.push(key(n));
        }
        assert_eq!(heap.len(), 500);
    }
}
