//! Requests that wait for something, whatever that is (`DelayedOperation`, `DelayedOperationPurgatory`).
//!
//! An operation is watched under keys; who changes what a key stands for has the operations under it looked
//! at. Each ends once: it is complete, its time is up, or nobody waits for its answer any more. What an
//! operation looks at, and where it leaves its answer, is the world `W` that its user hands in.
//!
//! May not know the time: its user sets the timer that ends a wait, and hands in its number.

use std::collections::{BTreeMap, VecDeque};

/// Number of an operation that waits; never given twice by one purgatory.
pub type OperationId = u64;

/// What waits.
pub trait DelayedOperation<W> {
    /// Notes what has come of that which it waits for; true once all has (`tryComplete`).
    fn try_complete(&mut self, world: &mut W) -> bool;

    /// Its time is up: what has not come is told as that (`onExpiration`). `on_complete` follows.
    fn on_expiration(&mut self, world: &mut W);

    /// Answers (`onComplete`).
    fn on_complete(self, world: &mut W);
}

/// All that waits, and under which keys.
#[derive(Debug)]
pub struct DelayedOperationPurgatory<K, O> {
    last: OperationId,
    /// By number: few at a time, of which most are done soon after they came.
    operations: VecDeque<(OperationId, O)>,
    /// In the order in which they came. Numbers of operations that are done go when a list is next walked, or
    /// has grown to `PURGE_LENGTH`.
    watchers: BTreeMap<K, Vec<OperationId>>,
}

const PURGE_LENGTH: usize = 64;

impl<K, O> Default for DelayedOperationPurgatory<K, O> {
    fn default() -> Self {
        DelayedOperationPurgatory {
            last: 0,
            operations: VecDeque::new(),
            watchers: BTreeMap::new(),
        }
    }
}

impl<K: Ord, O> DelayedOperationPurgatory<K, O> {
    /// Completes an operation at once, or watches it; then this is its number.
    pub fn try_complete_else_watch<W>(
        &mut self,
        mut operation: O,
        keys: impl IntoIterator<Item = K>,
        world: &mut W,
    ) -> Option<OperationId>
    where
        O: DelayedOperation<W>,
    {
        if operation.try_complete(world) {
            operation.on_complete(world);
            return None;
        }
        Some(self.watch(operation, keys))
    }

    /// Watches an operation of which its user knows that it is not complete.
    pub fn watch(&mut self, operation: O, keys: impl IntoIterator<Item = K>) -> OperationId {
        self.last += 1;
        let id = self.last;
        let newest = self.operations.back().map(|(newest, _)| *newest);
        // Who waits is found by its number.
        assert!(newest < Some(id), "operations are numbered in order");
        for key in keys {
            let watchers = self.watchers.entry(key).or_default();
            if watchers.len() >= PURGE_LENGTH && watchers.len() == watchers.capacity() {
                let operations = &self.operations;
                watchers.retain(|id| place(operations, *id).is_some());
            }
            watchers.push(id);
        }
        self.operations.push_back((id, operation));
        id
    }

    /// Something has changed with what `key` stands for: looks at all that is watched under it.
    pub fn check_and_complete<W>(&mut self, key: &K, world: &mut W)
    where
        O: DelayedOperation<W>,
    {
        let Some(watchers) = self.watchers.get_mut(key) else {
            return;
        };
        watchers.retain(|id| {
            let Some(place) = place(&self.operations, *id) else {
                return false;
            };
            if !self.operations[place].1.try_complete(world) {
                return true;
            }
            if let Some((_, operation)) = self.operations.remove(place) {
                operation.on_complete(world);
            }
            false
        });
    }

    /// What `key` stands for is gone: looks at all that is watched under it a last time.
    pub fn complete_and_forget<W>(&mut self, key: &K, world: &mut W)
    where
        O: DelayedOperation<W>,
    {
        self.check_and_complete(key, world);
        self.watchers.remove(key);
    }

    /// The time of an operation is up, if it still waits.
    pub fn expire<W>(&mut self, id: OperationId, world: &mut W)
    where
        O: DelayedOperation<W>,
    {
        let place = place(&self.operations, id);
        if let Some((_, mut operation)) = place.and_then(|place| self.operations.remove(place)) {
            operation.on_expiration(world);
            operation.on_complete(world);
        }
    }

    /// Drops operations whose answer nobody waits for.
    pub fn cancel(&mut self, mut nobody_waits: impl FnMut(&O) -> bool) -> Vec<O> {
        let all = std::mem::take(&mut self.operations).into_iter();
        let (gone, kept): (VecDeque<_>, _) =
            all.partition(|(_, operation)| nobody_waits(operation));
        self.operations = kept;
        gone.into_iter().map(|(_, operation)| operation).collect()
    }

    /// True while something waits under `key`, or did when that was last looked at.
    pub fn watches(&self, key: &K) -> bool {
        self.watchers.get(key).is_some_and(|ids| !ids.is_empty())
    }

    pub fn get(&self, id: OperationId) -> Option<&O> {
        place(&self.operations, id).map(|place| &self.operations[place].1)
    }

    pub fn get_mut(&mut self, id: OperationId) -> Option<&mut O> {
        place(&self.operations, id).map(|place| &mut self.operations[place].1)
    }

    /// All that waits, oldest first.
    pub fn operations(&self) -> impl Iterator<Item = &O> {
        self.operations.iter().map(|(_, operation)| operation)
    }
}

/// Where the operation of this number is, if it still waits.
#[inline]
fn place<O>(operations: &VecDeque<(OperationId, O)>, id: OperationId) -> Option<usize> {
    operations.binary_search_by_key(&id, |(id, _)| *id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until all of its letters are there; the world is what is there, and what was answered.
    struct Waits(&'static str);

    #[derive(Default)]
    struct World {
        there: String,
        answers: Vec<String>,
    }

    impl DelayedOperation<World> for Waits {
        fn try_complete(&mut self, world: &mut World) -> bool {
            self.0.chars().all(|letter| world.there.contains(letter))
        }

        fn on_expiration(&mut self, world: &mut World) {
            world.answers.push(format!("{} is late", self.0));
        }

        fn on_complete(self, world: &mut World) {
            world.answers.push(self.0.to_owned());
        }
    }

    fn scene() -> (DelayedOperationPurgatory<char, Waits>, World) {
        Default::default()
    }

    fn watch(
        purgatory: &mut DelayedOperationPurgatory<char, Waits>,
        world: &mut World,
        letters: &'static str,
    ) -> Option<OperationId> {
        purgatory.try_complete_else_watch(Waits(letters), letters.chars(), world)
    }

    #[test]
    fn an_operation_that_has_all_is_answered_at_once() {
        let (mut purgatory, mut world) = scene();
        world.there.push('a');
        assert_eq!(watch(&mut purgatory, &mut world, "a"), None);
        assert_eq!(world.answers, ["a"]);
    }

    #[test]
    fn others_wait_under_each_key_and_are_answered_once_in_the_order_in_which_they_came() {
        let (mut purgatory, mut world) = scene();
        for letters in ["ab", "b", "a"] {
            assert!(watch(&mut purgatory, &mut world, letters).is_some());
        }
        world.there.push('b');
        purgatory.check_and_complete(&'a', &mut world);
        assert!(world.answers.is_empty(), "nothing about a has changed");
        purgatory.check_and_complete(&'b', &mut world);
        assert_eq!(world.answers, ["b"]);
        world.there.push('a');
        purgatory.check_and_complete(&'a', &mut world);
        purgatory.check_and_complete(&'b', &mut world);
        assert_eq!(world.answers, ["b", "ab", "a"]);
        assert_eq!(purgatory.operations().count(), 0);
    }

    #[test]
    fn who_is_late_is_told_so_and_answered_and_never_again() {
        let (mut purgatory, mut world) = scene();
        let id = watch(&mut purgatory, &mut world, "a").expect("it waits");
        purgatory.expire(id, &mut world);
        purgatory.expire(id, &mut world);
        world.there.push('a');
        purgatory.complete_and_forget(&'a', &mut world);
        assert_eq!(world.answers, ["a is late", "a"]);
    }

    #[test]
    fn what_nobody_waits_for_is_never_answered() {
        let (mut purgatory, mut world) = scene();
        watch(&mut purgatory, &mut world, "a");
        watch(&mut purgatory, &mut world, "b");
        let gone = purgatory.cancel(|operation| operation.0 == "a");
        assert_eq!(gone.len(), 1);
        world.there.push_str("ab");
        purgatory.check_and_complete(&'a', &mut world);
        purgatory.check_and_complete(&'b', &mut world);
        assert_eq!(world.answers, ["b"]);
    }

    #[test]
    fn a_long_list_is_cleaned_of_what_is_done() {
        let (mut purgatory, mut world) = scene();
        for _ in 0..10 * PURGE_LENGTH {
            let id = purgatory.watch(Waits("a"), ['a']);
            purgatory.expire(id, &mut world);
        }
        assert!(purgatory.watchers[&'a'].len() <= PURGE_LENGTH);
    }
}
