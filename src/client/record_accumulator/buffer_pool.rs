//! The memory of a producer (class BufferPool; CP18): `buffer.memory` bytes, of which blocks of `batch.size` are
//! kept for use again.
//!
//! Java keeps the callers that wait in a queue. This producer has one caller, so one at most waits, and what is
//! given back is its own.
//!
//! A block may still be part of a request that no connection has taken (CB3). It is given out all the same, with what
//! is to know of it.

use crate::client::producer_batch::Unwritten;
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct BufferPool {
    poolable_size: u64,
    /// Blocks of that size that were given back, the first of them first.
    free_blocks: VecDeque<Unwritten>,
    /// What was never made a block, or is none any more.
    non_pooled: u64,
    total: u64,
    somebody_waits: bool,
}

impl BufferPool {
    pub(super) fn new(total: u64, poolable_size: u64) -> BufferPool {
        BufferPool {
            poolable_size,
            free_blocks: VecDeque::new(),
            non_pooled: total,
            total,
            somebody_waits: false,
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Something if there was as much; otherwise the caller waits, and asks again when something was given back,
    /// or leaves.
    pub(super) fn allocate(&mut self, size: u64) -> Option<Unwritten> {
        assert!(size <= self.total, "more than there is at all");
        self.somebody_waits = false;
        if size == self.poolable_size
            && let Some(block) = self.free_blocks.pop_front()
        {
            return Some(block);
        }
        // Blocks are given up for what has another size.
        while self.non_pooled < size && self.free_blocks.pop_back().is_some() {
            self.non_pooled += self.poolable_size;
        }
        self.somebody_waits = self.non_pooled < size;
        if self.somebody_waits {
            return None;
        }
        self.non_pooled -= size;
        Some(Unwritten::default())
    }

    pub(super) fn deallocate(&mut self, size: u64, unwritten: Unwritten) {
        if size == self.poolable_size {
            self.free_blocks.push_back(unwritten);
        } else {
            self.non_pooled += size;
        }
        assert!(self.available() <= self.total, "given back twice");
    }

    /// What is to know of the blocks that are nobody's.
    pub(super) fn free_blocks(&mut self) -> impl Iterator<Item = &mut Unwritten> {
        self.free_blocks.iter_mut()
    }

    /// The caller waits no longer.
    pub(super) fn leave(&mut self) {
        self.somebody_waits = false;
    }

    /// CP20: then every batch is ready to be sent.
    pub(super) fn is_exhausted(&self) -> bool {
        self.somebody_waits
    }

    pub(super) fn available(&self) -> u64 {
        self.non_pooled + self.free_blocks.len() as u64 * self.poolable_size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cp18_blocks_are_used_again_and_given_up_for_what_is_larger() {
        let mut pool = BufferPool::new(100, 30);
        assert!(
            pool.allocate(30).is_some()
                && pool.allocate(30).is_some()
                && pool.allocate(30).is_some()
        );
        assert!(pool.allocate(30).is_none(), "10 are left");
        assert!(pool.is_exhausted());
        pool.deallocate(30, Unwritten::default());
        assert!(pool.allocate(30).is_some(), "the block that came back");
        assert!(!pool.is_exhausted());
        pool.deallocate(30, Unwritten::default());
        pool.deallocate(30, Unwritten::default());
        assert!(pool.allocate(90).is_none(), "10 and two blocks");
        assert_eq!(pool.available(), 70);
        pool.deallocate(30, Unwritten::default());
        assert!(pool.allocate(90).is_some());
        assert_eq!(pool.available(), 10);
        pool.deallocate(90, Unwritten::default());
        assert_eq!(pool.available(), 100);
    }

    #[test]
    fn cp18_who_leaves_waits_no_longer() {
        let mut pool = BufferPool::new(10, 10);
        assert!(pool.allocate(10).is_some() && pool.allocate(10).is_none());
        assert!(pool.is_exhausted());
        pool.leave();
        assert!(!pool.is_exhausted());
    }
}
