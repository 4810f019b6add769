//! The life of a process on its machine: start, pause, end, and the rate of its clock.
//!
//! A process that is killed while one of its threads is in an fsync that hangs runs no more, but is not gone: Linux
//! ends a thread only when its device answers. Until then its connections stay, and nobody reads them; its ports are
//! taken, and no other process can start in its place.

use super::engine::NodeStatus;
use super::event::Entry;
use super::lane::{Lane, Thread};
use super::world::{Waiting, World};
use super::{Domain, Duration, NodeId};

/// What the operating system does once a process that has ended is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lingering {
    Nothing,
    /// Its supervisor counts from then.
    Supervise,
    /// Somebody has tried to start another one: it starts.
    Start,
}

impl<D: Domain> World<D> {
    /// The process ends, by a crash or by itself, or with its machine (`power`).
    pub(super) fn process_ended(&mut self, node: NodeId, status: Option<i32>, power: bool) {
        let first_timer = self.next_timer_serial();
        let lingers = !power && self.hangs_in_sync(node);
        let it = self.node_mut(node);
        if it.status == NodeStatus::Down {
            if power && it.lingering.take().is_some() {
                self.process_gone(node, power);
            }
            return;
        }
        it.first_timer = first_timer;
        it.status = NodeStatus::Down;
        it.exit_status = status;
        it.incarnation += 1;
        it.began = false;
        it.locks.clear();
        if let Some(causes) = &mut self.causes {
            causes.process_ended(node);
        }
        let it = self.node_mut(node);
        let supervised = it.supervisor.is_some() && !it.stopping && !power;
        let disk = self.disk_at_now(node);
        disk.take_spent();
        if !power {
            disk.process_ended();
        }
        let then = match supervised {
            true => Lingering::Supervise,
            false => Lingering::Nothing,
        };
        if lingers {
            self.forget_threads(node);
            self.node_mut(node).lingering = Some(then);
            return;
        }
        self.process_gone(node, power);
        if then == Lingering::Supervise {
            self.supervise(node);
        }
    }

    /// Whether a thread of a process is in an fsync that hangs, or will hang.
    fn hangs_in_sync(&self, node: NodeId) -> bool {
        let it = self.node(node);
        self.disks[node.0 as usize].sync_is_stuck()
            && (it.threads().any(|thread| thread.hangs) || it.background.is_at_work(it.incarnation))
    }

    /// The disk answers again: who has lingered is gone. True if another process is to start now.
    pub(super) fn linger_no_more(&mut self, node: NodeId) -> bool {
        let Some(then) = self.node_mut(node).lingering.take() else {
            return false;
        };
        self.process_gone(node, false);
        if then == Lingering::Supervise {
            self.supervise(node);
        }
        then == Lingering::Start
    }

    /// The operating system closes what a process had open, unless it is gone too (`power`).
    fn process_gone(&mut self, node: NodeId, power: bool) {
        let now = self.now;
        self.forget_threads(node);
        self.doubt();
        self.network.set_listening(node, false);
        self.network.process_died(node, power, now, &mut self.queue);
    }

    fn forget_threads(&mut self, node: NodeId) {
        let now = self.now;
        let it = self.node_mut(node);
        let main = std::mem::replace(&mut it.main, Thread::new(Lane::MAIN, now));
        let others = std::mem::take(&mut it.others);
        for thread in std::iter::once(main).chain(others) {
            for waiting in thread.inbox {
                if let Waiting::Stored(slot) = waiting {
                    self.remove_stored(slot);
                }
            }
        }
    }

    fn supervise(&mut self, node: NodeId) {
        let it = self.node(node);
        let incarnation = it.incarnation;
        if let Some(delay) = it.supervisor {
            self.queue
                .push(self.now + delay, Entry::Supervise { node, incarnation });
        }
    }

    /// A fresh process; its memory is the caller's business.
    pub(super) fn process_started(&mut self, node: NodeId) {
        let now = self.now;
        let it = self.node_mut(node);
        it.status = NodeStatus::Running;
        it.incarnation += 1;
        it.starts += 1;
        it.main.busy_until = now;
        it.stopping = false;
        it.exit_status = None;
        let incarnation = it.incarnation;
        // A supervisor that was about to start it.
        self.doubt();
        if !self.network.is_powered(node) {
            self.network.set_powered(node, true, now, &mut self.queue);
        }
        self.network.set_listening(node, true);
        self.network.close_ports(node);
        // Before everything else that may come to it at this instant.
        let slot = self.queue.store(Entry::Started { node, incarnation });
        self.enqueue(node, Lane::MAIN, Waiting::Stored(slot));
    }

    pub(super) fn pause(&mut self, node: NodeId) {
        let now = self.now;
        let it = self.node_mut(node);
        if it.status == NodeStatus::Running {
            it.status = NodeStatus::Paused;
            it.paused_at = now;
        }
    }

    pub(super) fn resume(&mut self, node: NodeId) {
        let now = self.now;
        let it = self.node_mut(node);
        if it.status == NodeStatus::Paused {
            it.status = NodeStatus::Running;
            let paused_at = it.paused_at;
            for thread in it.numbers() {
                let it = self.thread_mut(node, thread);
                let left = it.busy_until.since(paused_at);
                if left > Duration::ZERO {
                    it.busy_until = now + left;
                }
                self.ensure_wake(node, thread);
            }
        }
    }

    pub(super) fn set_cpu_slowness(&mut self, node: NodeId, times: u32) {
        self.node_mut(node).cpu_slowness = times.max(1);
    }

    /// Changes the rate of a node's clock: its timers come up at other true times.
    pub(super) fn drift(&mut self, node: NodeId, ppm: i32) {
        let now = self.now;
        let it = &mut self.nodes[node.0 as usize];
        let before = it.clock;
        it.clock.drift(now, ppm);
        let after = it.clock;
        self.queue.rearm(|entry, due| match entry {
            Entry::Timer { node: owner, .. } if *owner == node => {
                Some(after.true_time(before.local(due)).max(now))
            }
            _ => None,
        });
    }
}
