//! The life of a handler's work: which thread does it, when it is done, and what follows.
//!
//! An event that finds a thread of its lane idle is handled at once; another waits in the lane's queue.
//! The handler runs at the beginning of its work; its effects take hold at the end, which is an event
//! of its own unless the work took no time.

use super::actor::{Domain, Payload};
use super::background::Job;
use super::engine::NodeStatus;
use super::event::Entry;
use super::lane::{Lane, Thread};
use super::world::{Effect, Node, Waiting, World};
use super::{Duration, NodeId, Time};
use std::collections::VecDeque;

/// What a thread does at the end of its work.
pub(super) enum Awake<D: Domain> {
    /// It is not at its end, or it waits for a lock, or the process has ended.
    Not,
    /// The next event.
    Free,
    /// What the handler of that event has left.
    GoesOn(D::Timer, u64),
}

/// The life of a handler's work.
impl<D: Domain> World<D> {
    /// The thread that would handle an event of this lane at once.
    #[inline]
    pub(super) fn idle_thread(&mut self, node: NodeId, lane: Lane) -> Option<u16> {
        let now = self.now;
        let it = self.node_mut(node);
        if it.status != NodeStatus::Running {
            return None;
        }
        if lane == Lane::MAIN {
            return it.main.is_idle(now).then_some(0);
        }
        it.provide(lane, now);
        lane.numbers()
            .find(|number| it.thread_mut(*number).is_idle(now))
    }

    /// Puts an event into a lane's own queue.
    #[inline]
    pub(super) fn enqueue(&mut self, node: NodeId, lane: Lane, waiting: Waiting) {
        let now = self.now;
        let it = self.node_mut(node);
        it.provide(lane, now);
        it.thread_mut(lane.first).inbox.push_back(waiting);
        // Busy threads of a pool look for more when they are done.
        let next = lane.numbers().find(|number| !it.thread_mut(*number).waking);
        if let Some(thread) = next {
            self.ensure_wake(node, thread);
        }
    }

    /// What waits for a lane; nothing while nobody has needed its threads.
    pub(super) fn queue_of(&self, node: NodeId, lane: Lane) -> Option<&VecDeque<Waiting>> {
        let mut threads = self.node(node).threads();
        let first = threads.nth(usize::from(lane.first))?;
        Some(&first.inbox)
    }

    /// The next event that waits for a thread.
    #[inline]
    pub(super) fn next_waiting(&mut self, node: NodeId, thread: u16) -> Option<Waiting> {
        let first = self.thread(node, thread).lane.first;
        let it = self.thread_mut(node, first);
        let next = it.inbox.pop_front();
        if let Some(held_up) = it.held_up.take() {
            self.let_through(node, held_up);
        }
        next
    }

    #[inline]
    pub(super) fn ensure_wake(&mut self, node: NodeId, thread: u16) {
        let it = self.node_mut(node);
        let running = it.status == NodeStatus::Running;
        let it = it.thread_mut(thread);
        if it.waking || !running {
            return;
        }
        let (first, returns) = (it.lane.first, it.returns || !it.pending.is_empty());
        if returns || !self.thread(node, first).inbox.is_empty() {
            self.wake_later(node, thread);
        }
    }

    fn wake_later(&mut self, node: NodeId, thread: u16) {
        let now = self.now;
        let it = self.node_mut(node);
        let incarnation = it.incarnation;
        let it = it.thread_mut(thread);
        it.waking = true;
        let at = it.busy_until.max(now);
        let entry = Entry::Wake {
            node,
            incarnation,
            thread,
        };
        self.queue.push(at, entry);
    }

    /// The work that a thread was charged is done, unless a pause has prolonged it.
    pub(super) fn wake(&mut self, node: NodeId, thread: u16) -> Awake<D> {
        let now = self.now;
        let status = self.node(node).status;
        let it = self.thread_mut(node, thread);
        if status != NodeStatus::Running || it.busy_until > now {
            it.waking = false;
            self.ensure_wake(node, thread);
            return Awake::Not;
        }
        if !it.pending.is_empty() {
            let mut effects = std::mem::take(&mut it.pending);
            let event = it.pending_of;
            self.carry_out(node, event, &mut effects);
            if self.node(node).status != NodeStatus::Running {
                return Awake::Not;
            }
            self.thread_mut(node, thread).pending = effects;
        }
        let it = self.thread_mut(node, thread);
        if it.stands && it.next.is_none() {
            if it.returns {
                self.let_go(node, thread);
            }
            return Awake::Not;
        }
        it.waking = false;
        if !it.returns {
            return Awake::Free;
        }
        match it.next.take() {
            None => {
                self.let_go(node, thread);
                Awake::Free
            }
            Some(next) if next.granted => Awake::GoesOn(next.timer, next.of),
            waits => {
                it.next = waits;
                (it.waking, it.parked) = (true, true);
                Awake::Not
            }
        }
    }

    #[inline]
    pub(super) fn begin_handler(&mut self, base: Duration) {
        self.running.work = base;
        self.running.used_disk = false;
    }

    /// The handler has returned: its work is charged, its effects follow at once or when it is done.
    // Every event ends here, and most find nothing to do: a call would cost more.
    #[inline(always)]
    pub(super) fn end_handler(&mut self, node: NodeId, thread: u16) {
        let at = node.0 as usize;
        let it = &mut self.nodes[at];
        it.handled += 1;
        let mut work = self.running.work;
        if work > Duration::ZERO {
            work = work.saturating_mul(u64::from(it.slowness) * u64::from(it.cpu_slowness));
        }
        let mut hangs = false;
        if self.running.used_disk {
            work = work + self.disks[at].take_spent();
            hangs = self.disks[at].take_hangs();
        }
        let done = self.now + work;
        for &(slot, delay) in &self.running.timers {
            if let Some(Entry::Timer { .. }) = self.queue.get(slot) {
                self.queue.arm(slot, it.clock.after(done, delay));
            } else {
                self.queue.remove(slot);
                self.cancelled -= 1;
            }
        }
        self.running.timers.clear();
        let it = it.thread_mut(thread);
        it.busy_until = done;
        it.hangs = hangs;
        it.pending_of = self.events;
        let returns = it.returns;
        if hangs {
            it.waking = true;
            it.pending.append(&mut self.running.effects);
            return;
        }
        if work > Duration::ZERO {
            it.pending.append(&mut self.running.effects);
        } else {
            let goes_on = it.next.is_some();
            if !self.running.effects.is_empty() {
                let mut effects = std::mem::take(&mut self.running.effects);
                self.carry_out(node, self.events, &mut effects);
                self.running.effects = effects;
            }
            if returns && !goes_on && self.node(node).status != NodeStatus::Down {
                self.let_go(node, thread);
            }
        }
        if thread == 0 || self.node(node).status != NodeStatus::Down {
            self.ensure_wake(node, thread);
            let it = self.thread_mut(node, thread);
            it.waking |= it.stands;
        }
    }

    /// Blocking fsyncs go on: the threads that hung end their handlers' work.
    pub(super) fn disk_unstuck(&mut self, node: NodeId) {
        for thread in self.node(node).numbers() {
            let it = self.thread_mut(node, thread);
            if std::mem::take(&mut it.hangs) {
                it.waking = false;
                self.ensure_wake(node, thread);
            }
        }
        self.background_unstuck(node);
    }

    #[inline]
    fn carry_out(&mut self, node: NodeId, event: u64, effects: &mut Vec<Effect<D>>) {
        let now = self.now;
        self.network.set_cause(event);
        for effect in effects.drain(..) {
            match effect {
                Effect::Send(conn, message) => {
                    let bytes = message.wire_bytes();
                    self.message_sent(conn, event, &message);
                    self.network
                        .send(conn, message, bytes, now, &mut self.queue);
                }
                Effect::Dial(conn) => self.network.dial(conn, now, &mut self.queue),
                Effect::Close(conn) => self.network.close(conn, now, &mut self.queue),
                Effect::Unmute(conn) => {
                    for _ in 0..self.network.unmute(conn) {
                        self.tell_to_read(conn);
                    }
                }
                Effect::Sync { file, token } => {
                    self.disk_begun(node, token, event);
                    self.begin_job(node, Job::Sync { file }, token);
                }
                Effect::Replace {
                    path,
                    content,
                    token,
                } => {
                    self.disk_begun(node, token, event);
                    self.begin_job(node, Job::Replace { path, content }, token);
                }
                Effect::Exit(status) => {
                    self.process_ended(node, Some(status), false);
                    break;
                }
            }
        }
    }
}

impl<D: Domain> Node<D> {
    #[inline]
    pub(super) fn thread_mut(&mut self, thread: u16) -> &mut Thread<D> {
        match thread {
            0 => &mut self.main,
            n => &mut self.others[usize::from(n) - 1],
        }
    }

    pub(super) fn threads(&self) -> impl Iterator<Item = &Thread<D>> {
        std::iter::once(&self.main).chain(&self.others)
    }

    /// Numbers of the threads that have been needed so far.
    pub(super) fn numbers(&self) -> std::ops::RangeInclusive<u16> {
        0..=self.others.len() as u16
    }

    /// Makes sure that there are threads for a lane.
    #[inline]
    fn provide(&mut self, lane: Lane, now: Time) {
        let last = usize::from(lane.first + lane.threads - 1);
        while self.others.len() < last {
            let number = self.others.len() as u16 + 1;
            self.others.push(Thread::new(Lane::thread(number), now));
        }
        if lane.threads > 1 && self.thread_mut(lane.first).lane != lane {
            for number in lane.numbers() {
                self.thread_mut(number).lane = lane;
            }
        }
    }
}
