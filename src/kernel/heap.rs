//! A 4-ary heap of 16-byte keys, the four children of a key in one cache line.
//!
//! Key `n` stands at place `n + 3` of the lines, so that the children of `n` (4n + 1 to 4n + 4) are
//! line `n + 1`. Places without a key hold the greatest one: no comparison needs to know the length.

const ARITY: usize = 4;
const NO_KEY: u128 = u128::MAX;

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([u128; ARITY]);

/// Keys are below `u128::MAX`.
#[derive(Debug)]
pub(super) struct Heap {
    lines: Vec<Line>,
    len: usize,
}

impl Heap {
    pub(super) const fn new() -> Self {
        Self {
            lines: Vec::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The least key.
    #[inline]
    pub(super) fn first(&self) -> Option<u128> {
        if self.len == 0 {
            None
        } else {
            Some(self.get(0))
        }
    }

    #[inline]
    pub(super) fn push(&mut self, key: u128) {
        let mut at = self.len;
        self.len += 1;
        if place(at).0 == self.lines.len() {
            self.lines.push(Line([NO_KEY; ARITY]));
        }
        while at > 0 {
            let parent = (at - 1) / ARITY;
            let above = self.get(parent);
            if above <= key {
                break;
            }
            self.set(at, above);
            at = parent;
        }
        self.set(at, key);
    }

    /// Puts a key in the place of the least one.
    #[inline]
    pub(super) fn replace_first(&mut self, key: u128) {
        self.sift_down(0, key);
    }

    /// Drops the least key.
    #[inline]
    pub(super) fn drop_first(&mut self) {
        if self.len > 0 {
            self.len -= 1;
            let last = self.get(self.len);
            self.set(self.len, NO_KEY);
            if self.len > 0 {
                self.sift_down(0, last);
            }
        }
    }

    /// Changes or drops each key.
    pub(super) fn rebuild(&mut self, mut change: impl FnMut(u128) -> Option<u128>) {
        let keys: Vec<u128> = (0..self.len)
            .filter_map(|at| change(self.get(at)))
            .collect();
        for at in 0..self.len {
            self.set(at, keys.get(at).copied().unwrap_or(NO_KEY));
        }
        self.len = keys.len();
        for at in (0..self.len.div_ceil(ARITY)).rev() {
            self.sift_down(at, self.get(at));
        }
    }

    /// Places a key at `at`, or below where lesser ones are.
    #[inline]
    fn sift_down(&mut self, mut at: usize, key: u128) {
        let (mut line, mut lane) = place(at);
        while let Some(Line(four)) = self.lines.get(at + 1) {
            // Without branches: which of four is the least is anybody's guess.
            let left = usize::from(four[1] < four[0]);
            let right = 2 + usize::from(four[3] < four[2]);
            let child = if four[right] < four[left] {
                right
            } else {
                left
            };
            let least = four[child];
            if key <= least {
                break;
            }
            self.lines[line].0[lane] = least;
            (line, lane) = (at + 1, child);
            at = at * ARITY + 1 + child;
        }
        self.lines[line].0[lane] = key;
    }

    #[inline]
    fn get(&self, at: usize) -> u128 {
        let (line, lane) = place(at);
        self.lines[line].0[lane]
    }

    #[inline]
    fn set(&mut self, at: usize, key: u128) {
        let (line, lane) = place(at);
        self.lines[line].0[lane] = key;
    }
}

#[inline]
fn place(at: usize) -> (usize, usize) {
    ((at + 3) / ARITY, (at + 3) % ARITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;

    #[test]
    fn a_heap_gives_its_keys_in_order_whatever_is_done_to_it() {
        let mut random = Stream::named(2, "heap");
        let (mut heap, mut sorted) = (Heap::new(), Vec::<u128>::new());
        for step in 0..20_000u64 {
            let key = u128::from(random.below(10_000)) << 64 | u128::from(step);
            match random.below(8) {
                0..=3 => {
                    heap.push(key);
                    sorted.push(key);
                }
                4 | 5 if !sorted.is_empty() => {
                    heap.drop_first();
                    sorted.remove(0);
                }
                6 if !sorted.is_empty() => {
                    heap.replace_first(key);
                    sorted[0] = key;
                }
                7 if step % 500 == 0 => {
                    let change = |key: u128| (key & 7 > 0).then_some(key ^ 1 << 70);
                    heap.rebuild(change);
                    sorted = sorted.into_iter().filter_map(change).collect();
                }
                _ => {}
            }
            sorted.sort_unstable();
            assert_eq!(
                (heap.first(), heap.len()),
                (sorted.first().copied(), sorted.len())
            );
        }
    }
}
