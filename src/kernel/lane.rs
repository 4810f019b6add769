//! Lanes: the threads of a process, and the locks between them.
//!
//! An actor names the lane of each event (`Actor::lane`). A lane is a queue and the threads that work
//! it off, oldest event first; each thread does one thing at a time, and all threads run side by side.
//! What hangs, waits for a lock or is busy holds up its own thread and nobody else's. An actor that
//! names no lane has one thread, which costs nothing.
//!
//! A handler changes its process's memory at once, whatever thread it runs on; its effects wait for
//! the end of its thread's work. So a lock only matters where that work waits for something (a device,
//! another lock), and only there does an actor take one: `Ctx::hold` until the work is done.
//! Who finds a lock taken leaves the rest for later: `Ctx::wait_for`, and `Event::Timer` on the same
//! thread once the lock is his, in the order in which they asked.

use super::world::{Effect, Waiting, World};
use super::{ConnId, Domain, NodeId, Time};
use std::collections::VecDeque;

/// A queue of events and the threads that work it off. A process's lanes do not overlap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lane {
    pub(super) first: u16,
    pub(super) threads: u16,
}

impl Lane {
    /// The lane of whoever names none; starts and requests to stop come here in any case.
    pub const MAIN: Self = Self::thread(0);

    /// The lane of one thread.
    pub const fn thread(number: u16) -> Self {
        Self::pool(number, 1)
    }

    /// The threads `first..first + threads` (at least one), of which the first that is free takes the
    /// next event. A connection is read by one of them at a time.
    pub const fn pool(first: u16, threads: u16) -> Self {
        Self {
            first,
            threads: if threads == 0 { 1 } else { threads },
        }
    }

    #[inline]
    pub(super) fn has(self, thread: u16) -> bool {
        self.first <= thread && thread - self.first < self.threads
    }

    pub(super) fn numbers(self) -> std::ops::Range<u16> {
        self.first..self.first + self.threads
    }
}

/// The bound of a lane's queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backlog {
    /// So many connections may have something waiting.
    pub most: usize,
    /// The lane of the thread that brings what they send: it stands still with the next one until there
    /// is room.
    pub brought_by: Lane,
}

/// An event on its way to a process, as far as `Actor::lane` may look at it.
pub struct Coming<'a, D: Domain> {
    pub(super) world: &'a World<D>,
    pub(super) waiting: Waiting,
}

/// What comes.
pub enum Incoming<'a, D: Domain> {
    /// `Event::Started` or `Event::Terminate`.
    Life,
    Timer(&'a D::Timer),
    Accepted,
    Connected(ConnId),
    Message {
        conn: ConnId,
        message: &'a D::Message,
    },
    Closed(ConnId),
    Disk {
        token: u64,
    },
    /// Nothing any more: it has become void on its way.
    Nothing,
}

impl<D: Domain> Coming<'_, D> {
    pub fn what(&self) -> Incoming<'_, D> {
        self.world.incoming(self.waiting)
    }
}

/// How a lock is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// Beside others who share it.
    Shared,
    Alone,
}

/// What the kernel keeps of a thread. What every event touches comes first.
#[repr(C)]
pub(super) struct Thread<D: Domain> {
    pub(super) busy_until: Time,
    /// Its end of work is in the queue, or something else will wake it.
    pub(super) waking: bool,
    /// It waits for a hanging fsync.
    pub(super) hangs: bool,
    /// It has something to do at the end of its work even if no event and no effect waits.
    pub(super) returns: bool,
    /// Its work is done but for a lock.
    pub(super) parked: bool,
    /// It does nothing more until `Ctx::move_on`.
    pub(super) stands: bool,
    pub(super) lane: Lane,
    /// Events for its lane; of several threads the first keeps them.
    pub(super) inbox: VecDeque<Waiting>,
    /// The thread that stands still until there is room in that queue.
    pub(super) held_up: Option<u16>,
    /// Effects of the last handler, until its work is done.
    pub(super) pending: Vec<Effect<D>>,
    /// The event whose handler asked for them.
    pub(super) pending_of: u64,
    /// The connection whose message it works on, where several threads read.
    pub(super) reading: Option<ConnId>,
    pub(super) next: Option<Next<D>>,
}

/// What a thread goes on with.
pub(super) struct Next<D: Domain> {
    pub(super) timer: D::Timer,
    /// The event whose handler goes on.
    pub(super) of: u64,
    /// It need not wait for a lock (any more).
    pub(super) granted: bool,
}

impl<D: Domain> Thread<D> {
    pub(super) fn new(lane: Lane, now: Time) -> Self {
        Self {
            busy_until: now,
            waking: false,
            hangs: false,
            returns: false,
            parked: false,
            stands: false,
            lane,
            inbox: VecDeque::new(),
            held_up: None,
            pending: Vec::new(),
            pending_of: 0,
            reading: None,
            next: None,
        }
    }

    #[inline]
    pub(super) fn is_idle(&self, now: Time) -> bool {
        !self.waking && self.busy_until <= now
    }
}

/// The locks of a process that somebody holds.
pub(super) struct Locks<L>(Vec<Lock<L>>);

struct Lock<L> {
    name: L,
    holders: Vec<(u16, Hold)>,
    waiting: VecDeque<(u16, Hold)>,
}

impl<L: PartialEq> Locks<L> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether a thread could take a lock now. Who holds it takes it again; others stand behind those
    /// who wait.
    pub(super) fn is_free(&self, name: &L, how: Hold, thread: u16) -> bool {
        self.0
            .iter()
            .find(|lock| lock.name == *name)
            .is_none_or(|lock| lock.is_free(how, thread))
    }

    /// Takes a lock that is free.
    pub(super) fn hold(&mut self, name: L, how: Hold, thread: u16) {
        let lock = self.entry(name);
        assert!(
            lock.fits(how, thread),
            "a lock is taken that another thread holds"
        );
        if !lock.holders.contains(&(thread, how)) {
            lock.holders.push((thread, how));
        }
    }

    /// Takes a lock if it is free (true), or stands in the queue for it.
    pub(super) fn ask(&mut self, name: L, how: Hold, thread: u16) -> bool {
        let lock = self.entry(name);
        let free = lock.is_free(how, thread);
        if free {
            lock.holders.push((thread, how));
        } else {
            lock.waiting.push_back((thread, how));
            assert!(
                !self.waits_for(thread, thread, &mut Vec::new()),
                "threads of a process wait for each other, for ever"
            );
        }
        free
    }

    /// Whether `thread` waits for something that `other` has or would get before it, or somebody in between.
    fn waits_for(&self, thread: u16, other: u16, seen: &mut Vec<u16>) -> bool {
        let is_it = |(it, _): &(u16, Hold)| *it == thread;
        self.0.iter().any(|lock| {
            let Some(place) = lock.waiting.iter().position(is_it) else {
                return false;
            };
            let before = lock.holders.iter().filter(|holder| !is_it(holder));
            let before = before.chain(lock.waiting.iter().take(place));
            before.into_iter().any(|(it, _)| {
                if *it == other {
                    return true;
                }
                let new = !seen.contains(it);
                seen.push(*it);
                new && self.waits_for(*it, other, seen)
            })
        })
    }

    /// Gives back all that a thread holds but `keep`; answers who has a lock now that waited for it.
    pub(super) fn release(&mut self, thread: u16, keep: &[L]) -> Vec<u16> {
        let mut granted = Vec::new();
        for lock in &mut self.0 {
            if keep.contains(&lock.name) {
                continue;
            }
            lock.holders.retain(|(holder, _)| *holder != thread);
            while let Some(&(next, how)) = lock.waiting.front()
                && lock.fits(how, next)
            {
                lock.waiting.pop_front();
                lock.holders.push((next, how));
                granted.push(next);
            }
        }
        self.0.retain(|lock| !lock.holders.is_empty());
        granted
    }

    fn entry(&mut self, name: L) -> &mut Lock<L> {
        let at = self.0.iter().position(|lock| lock.name == name);
        let at = at.unwrap_or_else(|| {
            self.0.push(Lock {
                name,
                holders: Vec::new(),
                waiting: VecDeque::new(),
            });
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}

impl<L> Lock<L> {
    /// No other thread holds it in a way that excludes this.
    fn fits(&self, how: Hold, thread: u16) -> bool {
        self.holders.iter().all(|(holder, held)| {
            *holder == thread || (how == Hold::Shared && *held == Hold::Shared)
        })
    }

    fn is_free(&self, how: Hold, thread: u16) -> bool {
        let holds_it = self.holders.iter().any(|(holder, _)| *holder == thread);
        self.fits(how, thread) && (holds_it || self.waiting.is_empty())
    }
}

/// The life of threads.
impl<D: Domain> World<D> {
    /// What a waiting event is.
    pub(super) fn incoming(&self, waiting: Waiting) -> Incoming<'_, D> {
        match waiting {
            Waiting::Stored(slot) => self.stored_incoming(slot),
            Waiting::Readable(conn) => self.network.incoming(conn),
        }
    }

    /// A thread has read from a connection; where several could, they leave the rest of it alone.
    pub(super) fn reads(&mut self, node: NodeId, thread: u16, conn: ConnId) {
        let it = self.thread_mut(node, thread);
        let lane = it.lane;
        if lane.threads > 1 {
            it.reading = Some(conn);
            it.returns = true;
            self.network.occupy(conn);
        }
        self.network.set_lane(conn, lane);
    }

    /// A thread's work is over, and nothing follows: others may have its locks and its connection. It
    /// looks for its next event then.
    #[cold]
    pub(super) fn let_go(&mut self, node: NodeId, thread: u16) {
        let it = self.thread_mut(node, thread);
        it.returns = false;
        let (reading, lane) = (it.reading.take(), it.lane);
        if let Some(conn) = reading {
            for _ in 0..self.network.vacate(conn) {
                let first = self.thread_mut(node, lane.first);
                first.inbox.push_back(Waiting::Readable(conn));
            }
        }
        if !self.node(node).locks.is_empty() {
            self.give_back(node, thread, &[]);
        }
    }

    /// This thread has no lock but `keep` from now on: others may have theirs.
    #[cold]
    pub(super) fn give_back(&mut self, node: NodeId, thread: u16, keep: &[D::Lock]) {
        for granted in self.node_mut(node).locks.release(thread, keep) {
            let it = self.thread_mut(node, granted);
            if let Some(next) = &mut it.next {
                next.granted = true;
            }
            if std::mem::take(&mut it.parked) {
                it.waking = false;
                self.ensure_wake(node, granted);
            }
        }
    }

    /// This thread takes no event after this one. The main thread does: nobody else could wake it.
    pub(super) fn stand_still(&mut self, node: NodeId, thread: u16) {
        if thread != 0 {
            self.thread_mut(node, thread).stands = true;
        }
    }

    /// All threads that stand still take events again.
    pub(super) fn move_on(&mut self, node: NodeId) {
        for thread in self.node(node).numbers() {
            let it = self.thread_mut(node, thread);
            let ends_later = it.hangs || it.returns || !it.pending.is_empty();
            if std::mem::take(&mut it.stands) && !ends_later {
                it.waking = false;
                self.ensure_wake(node, thread);
            }
        }
    }

    /// A lane's queue has no room for what this thread brings: it stands still with it.
    #[cold]
    pub(super) fn hold_up(&mut self, node: NodeId, thread: u16, lane: Lane, waiting: Waiting) {
        let own = self.thread(node, thread).lane.first;
        self.thread_mut(node, own).inbox.push_front(waiting);
        self.thread_mut(node, thread).waking = true;
        let other = self.thread_mut(node, lane.first).held_up.replace(thread);
        assert!(other.is_none(), "two threads bring events to one queue");
    }

    /// There is room in the queue that a thread stood still for.
    #[cold]
    pub(super) fn let_through(&mut self, node: NodeId, thread: u16) {
        self.thread_mut(node, thread).waking = false;
        self.ensure_wake(node, thread);
    }

    /// Does something when this handler's work is done, on the same thread and before anything else.
    pub(super) fn go_on(&mut self, node: NodeId, thread: u16, timer: D::Timer) {
        self.set_next(node, thread, timer, true);
    }

    /// The same, and a lock must be had first.
    pub(super) fn wait_for(
        &mut self,
        node: NodeId,
        thread: u16,
        lock: D::Lock,
        how: Hold,
        timer: D::Timer,
    ) {
        let granted = self.node_mut(node).locks.ask(lock, how, thread);
        self.set_next(node, thread, timer, granted);
    }

    pub(super) fn goes_on(&self, node: NodeId, thread: u16) -> bool {
        let thread = self.node(node).threads().nth(usize::from(thread));
        thread.is_some_and(|it| it.next.is_some())
    }

    fn set_next(&mut self, node: NodeId, thread: u16, timer: D::Timer, granted: bool) {
        let of = self.events;
        let it = self.thread_mut(node, thread);
        assert!(it.next.is_none(), "a handler goes on with two things");
        it.next = Some(Next { timer, of, granted });
        it.returns = true;
    }

    pub(super) fn hold(&mut self, node: NodeId, thread: u16, lock: D::Lock, how: Hold) {
        self.node_mut(node).locks.hold(lock, how, thread);
        self.thread_mut(node, thread).returns = true;
    }
}

#[cfg(test)]
mod tests {
    use super::Hold::{Alone, Shared};
    use super::*;

    #[test]
    fn who_gives_a_share_back_may_have_the_lock_alone() {
        let mut locks = Locks::new();
        for reader in [1, 2] {
            assert!(locks.ask("isr", Shared, reader));
            locks.hold("log", Shared, reader);
        }
        assert!(locks.release(1, &["log"]).is_empty());
        assert!(!locks.ask("isr", Alone, 1), "2 has its share yet");
        assert_eq!(locks.release(2, &["log"]), [1]);
        assert!(!locks.is_free(&"log", Alone, 3), "what is kept is held");
    }

    #[test]
    fn who_waits_has_his_turn_and_readers_share() {
        let mut locks = Locks::new();
        assert!(locks.ask("log", Alone, 1));
        assert!(
            locks.is_free(&"log", Shared, 1),
            "taken again by its holder"
        );
        assert!(!locks.ask("log", Shared, 2));
        assert!(!locks.ask("log", Shared, 3));
        assert!(!locks.ask("log", Alone, 4));
        assert!(!locks.ask("log", Shared, 5));
        assert_eq!(locks.release(1, &[]), [2, 3]);
        assert!(
            !locks.is_free(&"log", Shared, 6),
            "a reader does not overtake a writer that waits"
        );
        assert!(locks.release(2, &[]).is_empty());
        assert_eq!(locks.release(3, &[]), [4]);
        assert_eq!(locks.release(4, &[]), [5]);
        assert!(locks.release(5, &[]).is_empty());
        assert!(locks.is_empty());
    }

    #[test]
    #[should_panic(expected = "wait for each other")]
    fn two_that_wait_for_each_other_are_noticed() {
        let mut locks = Locks::new();
        locks.hold("log", Alone, 1);
        locks.hold("isr", Shared, 2);
        assert!(!locks.ask("log", Alone, 3), "3 waits, and nobody for 3");
        assert!(!locks.ask("log", Alone, 2));
        locks.ask("isr", Alone, 1);
    }

    #[test]
    #[should_panic(expected = "wait for each other")]
    fn who_shares_a_lock_that_both_want_alone_is_noticed() {
        let mut locks = Locks::new();
        for thread in [1, 2] {
            locks.hold("isr", Shared, thread);
        }
        assert!(!locks.ask("isr", Alone, 1));
        locks.ask("isr", Alone, 2);
    }

    #[test]
    #[should_panic(expected = "another thread holds")]
    fn nobody_takes_what_another_holds() {
        let mut locks = Locks::new();
        locks.hold("log", Alone, 1);
        locks.hold("log", Shared, 2);
    }
}
