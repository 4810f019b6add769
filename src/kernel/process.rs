//! The life of a process on its machine: start, pause, end, and the rate of its clock.

use super::engine::NodeStatus;
use super::event::Entry;
use super::lane::{Lane, Thread};
use super::world::{Waiting, World};
use super::{Domain, Duration, NodeId};

impl<D: Domain> World<D> {
    /// The process is gone, by a crash or by itself, or with its machine (`power`).
    pub(super) fn process_ended(&mut self, node: NodeId, status: Option<i32>, power: bool) {
        let now = self.now;
        let first_timer = self.next_timer_serial();
        let it = self.node_mut(node);
        if it.status == NodeStatus::Down {
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
        let (incarnation, delay) = (
            it.incarnation,
            it.supervisor.filter(|_| !it.stopping && !power),
        );
        let main = std::mem::replace(&mut it.main, Thread::new(Lane::MAIN, now));
        let others = std::mem::take(&mut it.others);
        for thread in std::iter::once(main).chain(others) {
            for waiting in thread.inbox {
                if let Waiting::Stored(slot) = waiting {
                    self.remove_stored(slot);
                }
            }
        }
        let disk = &mut self.disks[node.0 as usize];
        disk.take_spent();
        if !power {
            disk.forget_hanging();
        }
        self.doubt();
        self.network.set_listening(node, false);
        self.network.process_died(node, power, now, &mut self.queue);
        if let Some(delay) = delay {
            self.queue
                .push(now + delay, Entry::Supervise { node, incarnation });
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
