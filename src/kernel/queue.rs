//! The event queue: a radix heap of 16-byte keys beside a slab of payloads.
//!
//! A key holds time, sequence number and slot, so that ordering never touches a payload. Sequence
//! numbers count the arming of events: of two events at one time the one armed first comes first.

use super::Time;
use super::radix::RadixHeap;

/// Sequence numbers have 40 bits (a million million events), slots 24 (16 million pending events).
const SLOT_BITS: u32 = 24;

#[derive(Debug)]
pub(super) struct Queue<E> {
    heap: RadixHeap,
    slots: Vec<Slot<E>>,
    free: u32,
    next_seq: u64,
}

#[derive(Debug)]
enum Slot<E> {
    /// The next free slot.
    Free(u32),
    Used(E),
}

const NONE: u32 = u32::MAX;

impl<E> Queue<E> {
    pub(super) const fn new() -> Self {
        Self {
            heap: RadixHeap::new(),
            slots: Vec::new(),
            free: NONE,
            next_seq: 0,
        }
    }

    /// Keys in the heap, those of cancelled events included.
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Stores a payload that is not armed yet.
    #[inline]
    pub(super) fn store(&mut self, payload: E) -> u32 {
        let slot = self.free;
        if let Some(place) = self.slots.get_mut(slot as usize) {
            if let Slot::Free(next) = *place {
                self.free = next;
            }
            *place = Slot::Used(payload);
            return slot;
        }
        let slot = self.slots.len();
        assert!(
            slot < 1 << SLOT_BITS,
            "more than 16 million events are pending"
        );
        self.slots.push(Slot::Used(payload));
        slot as u32
    }

    /// Lets a stored payload come up at `time`.
    #[inline]
    pub(super) fn arm(&mut self, slot: u32, time: Time) {
        let seq = self.next_seq;
        self.next_seq += 1;
        let key = u128::from(time.0) << 64 | u128::from(seq << SLOT_BITS | u64::from(slot));
        self.heap.push(key);
    }

    #[inline]
    pub(super) fn push(&mut self, time: Time, payload: E) {
        let slot = self.store(payload);
        self.arm(slot, time);
    }

    /// The next event: its time and its payload, which is still stored.
    #[inline]
    pub(super) fn peek(&self) -> Option<(Time, u32)> {
        self.heap.first().map(|key| (time_of(key), slot_of(key)))
    }

    /// Takes the next key; its payload stays stored.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(Time, u64, u32)> {
        let key = self.heap.pop()?;
        Some((time_of(key), key as u64 >> SLOT_BITS, slot_of(key)))
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&E> {
        match self.slots.get(slot as usize) {
            Some(Slot::Used(payload)) => Some(payload),
            Some(Slot::Free(_)) | None => None,
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut E> {
        match self.slots.get_mut(slot as usize) {
            Some(Slot::Used(payload)) => Some(payload),
            Some(Slot::Free(_)) | None => None,
        }
    }

    /// Takes a payload out; its slot may be used again.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) -> Option<E> {
        let place = self.slots.get_mut(slot as usize)?;
        if matches!(place, Slot::Free(_)) {
            return None;
        }
        let payload = std::mem::replace(place, Slot::Free(self.free));
        self.free = slot;
        match payload {
            Slot::Used(payload) => Some(payload),
            Slot::Free(_) => None,
        }
    }

    /// Moves events to other times where `time` answers one; their order at equal times is kept.
    pub(super) fn rearm(&mut self, time: impl Fn(&E, Time) -> Option<Time>) {
        let mut heap = std::mem::replace(&mut self.heap, RadixHeap::new());
        heap.rebuild(|key| {
            let moved = self
                .get(slot_of(key))
                .and_then(|event| time(event, time_of(key)));
            Some(moved.map_or(key, |time| {
                u128::from(time.0) << 64 | u128::from(key as u64)
            }))
        });
        self.heap = heap;
    }

    /// Drops the events for which `dead` holds, keys and payloads.
    pub(super) fn purge(&mut self, dead: impl Fn(&E) -> bool) {
        let mut heap = std::mem::replace(&mut self.heap, RadixHeap::new());
        heap.rebuild(|key| {
            let slot = slot_of(key);
            let gone = self.get(slot).is_none_or(&dead);
            if gone {
                self.remove(slot);
            }
            (!gone).then_some(key)
        });
        self.heap = heap;
    }
}

fn time_of(key: u128) -> Time {
    Time((key >> 64) as u64)
}

fn slot_of(key: u128) -> u32 {
    key as u32 & ((1 << SLOT_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;

    #[test]
    fn events_come_by_time_and_then_in_the_order_of_arming() {
        let mut random = Stream::named(1, "queue");
        let mut queue = Queue::new();
        let mut expected = Vec::new();
        for n in 0..5_000u64 {
            let time = Time(random.below(300));
            queue.push(time, n);
            expected.push((time, n));
        }
        expected.sort();
        for (time, n) in expected {
            let (popped, seq, slot) = queue.pop().unwrap();
            assert_eq!((popped, seq, queue.remove(slot)), (time, n, Some(n)));
        }
        assert!(queue.pop().is_none());
    }

    #[test]
    fn slots_are_used_again() {
        let mut queue = Queue::new();
        for round in 0..1_000u64 {
            queue.push(Time(round), round);
            queue.push(Time(round), round);
            for _ in 0..2 {
                let (_, _, slot) = queue.pop().unwrap();
                assert_eq!(queue.remove(slot), Some(round));
            }
        }
        assert_eq!(queue.slots.len(), 2);
    }

    #[test]
    fn rearmed_and_purged_queues_keep_their_order() {
        let mut queue = Queue::new();
        for n in 0..1_000u64 {
            queue.push(Time(n * 7 % 1_000), n);
        }
        queue.rearm(|n, _| (n % 2 == 0).then_some(Time(5_000 - n)));
        queue.purge(|n| n % 3 == 0);
        let mut times = Vec::new();
        while let Some((time, _, slot)) = queue.pop() {
            let n = queue.remove(slot).unwrap();
            assert_ne!(n % 3, 0);
            assert_eq!(time.0, if n % 2 == 0 { 5_000 - n } else { n * 7 % 1_000 });
            times.push(time);
        }
        assert_eq!(times.len(), 666);
        assert!(times.is_sorted());
    }
}
