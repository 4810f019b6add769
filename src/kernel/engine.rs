//! The event loop: one queue ordered by (time, sequence number), nodes, faults, and the digest.

use super::actor::Payload;
use super::causes::{Cause, OUTSIDE};
use super::event::{Entry, Kind};
use super::guard::Guard;
use super::network::Read;
use super::process::Lingering;
use super::work::Awake;
use super::world::{Waiting, World};
use super::{
    Actor, Coming, Config, ConnId, Ctx, Disk, Domain, Duration, Event, Fault, FaultId, Lane,
    NodeId, NodeOptions, Time,
};
use std::collections::BTreeSet;
use std::rc::Rc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeStatus {
    Running,
    Paused,
    /// The process is not running: it never started, crashed, lost power, or ended by itself.
    Down,
}

/// One fact with its place in the run.
#[derive(Clone, PartialEq, Debug)]
pub struct FactEntry<F> {
    /// Number of the dispatched event that stated it.
    pub event: u64,
    /// True (not the node's) time.
    pub time: Time,
    /// Stable name of the node.
    pub node: Rc<str>,
    pub fact: F,
}

/// What one step did.
#[derive(Clone, Copy, Debug)]
pub struct Dispatched {
    /// Number of the event; the first is 1.
    pub event: u64,
    pub time: Time,
    pub node: NodeId,
}

/// Why the kernel would not go on.
#[derive(Clone, Debug)]
pub enum Stop {
    /// No event is left.
    Idle,
    /// A guard ended the run: budget of events spent or time stands still; the text names the culprit.
    Guard(String),
}

/// The simulated world.
pub struct Kernel<D: Domain, N: Actor<D>> {
    pub(super) world: World<D>,
    actors: Vec<N>,
    guard: Guard,
}

impl<D: Domain, N: Actor<D>> Kernel<D, N> {
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            guard: Guard::new(config.guards.clone()),
            world: World::new(config, seed),
            actors: Vec::new(),
        }
    }

    /// Adds a node, down. `name` is stable: it keys the node's random streams.
    pub fn add_node(&mut self, name: &str, options: NodeOptions, actor: N) -> NodeId {
        self.actors.push(actor);
        self.world.add_node(name, options)
    }

    /// Applies a fault now. Lasting network rules answer their id. A fault that does not fit the
    /// node's state (a crash of a node that is down) does nothing.
    pub fn apply(&mut self, fault: Fault) -> Option<FaultId> {
        let world = &mut self.world;
        let now = world.now;
        world.network.set_cause(OUTSIDE);
        let mut rule = None;
        match fault {
            Fault::Crash(node) => world.process_ended(node, None, false),
            Fault::PowerFailure(node) => self.power_failure(node),
            Fault::Start(node) => self.start(node),
            Fault::Terminate(node) => {
                let it = world.node_mut(node);
                if it.status != NodeStatus::Down {
                    it.stopping = true;
                    let incarnation = it.incarnation;
                    world
                        .queue
                        .push(now, Entry::Terminate { node, incarnation });
                }
            }
            Fault::Pause(node) => world.pause(node),
            Fault::Resume(node) => world.resume(node),
            Fault::Cut { .. }
            | Fault::SlowLink { .. }
            | Fault::Throttle { .. }
            | Fault::Stall { .. }
            | Fault::LoseOne { .. } => {
                rule = world.network.add_rule(&fault, now, &mut world.queue);
            }
            Fault::Reset { a, b } => {
                for end in world.network.reset(&a, &b) {
                    world.tell_to_read(end);
                }
            }
            Fault::Heal(rule) => world.network.heal(rule, now, &mut world.queue),
            Fault::DiskSlow { node, times } => self.disk_mut(node).set_slowness(times),
            Fault::DiskFull { node, on } => self.disk_mut(node).set_full(on),
            Fault::DiskReadError { node, path, on } => {
                self.disk_mut(node).set_read_error(&path, on)
            }
            Fault::DiskFlip {
                node,
                path,
                position,
                bit,
            } => {
                self.disk_mut(node).flip(&path, position, bit);
            }
            Fault::DiskSyncStuck { node, on } => {
                world.disk_at_now(node).set_sync_stuck(on);
                if !on {
                    world.disk_unstuck(node);
                    if world.linger_no_more(node) {
                        self.start(node);
                    }
                }
            }
            Fault::DiskSyncFails { node, on } => self.disk_mut(node).set_sync_fails(on),
            Fault::DiskSyncSlow { node, extra } => self.disk_mut(node).set_sync_delay(extra),
            Fault::DiskWiped(node) => self.disk_mut(node).wipe(),
            Fault::ClockJump { node, by_ms } => world.node_mut(node).clock.jump(by_ms),
            Fault::ClockDrift { node, ppm } => world.drift(node, ppm),
            Fault::CpuSlow { node, times } => world.set_cpu_slowness(node, times),
        }
        self.world.settle();
        rule
    }

    /// Delivers a timer event to a running node now (how a plan's operator and workloads are driven).
    /// A paused or busy process comes to it later; one that is down never.
    pub fn poke(&mut self, node: NodeId, timer: D::Timer) {
        let world = &mut self.world;
        if world.node(node).status != NodeStatus::Down {
            let serial = world.next_timer_serial();
            world.queue.push(
                world.now,
                Entry::Timer {
                    node,
                    serial,
                    timer,
                },
            );
        }
    }

    /// Dispatches the next event.
    #[inline]
    pub fn step(&mut self) -> Result<Dispatched, Stop> {
        let Some((time, seq, slot)) = self.world.queue.pop() else {
            return Err(Stop::Idle);
        };
        self.world.now = time;
        self.world.events += 1;
        if self.guard.is_due(time, self.world.events) {
            self.guard.look(&self.world, slot)?;
        }
        let node = self.dispatch(seq, slot);
        self.world.settle();
        Ok(Dispatched {
            event: self.world.events,
            time,
            node,
        })
    }

    /// Time of the next event, if any.
    #[inline]
    pub fn next_time(&self) -> Option<Time> {
        self.world.queue.peek().map(|(time, _)| time)
    }

    /// Moves the clock to `time` (not before now, not beyond the next event) without dispatching.
    /// Panics if an event would be passed over.
    pub fn advance_to(&mut self, time: Time) {
        assert!(
            self.next_time().is_none_or(|next| time <= next),
            "events come before {time:?}"
        );
        self.world.now = self.world.now.max(time);
    }

    pub fn now(&self) -> Time {
        self.world.now
    }

    /// Events dispatched so far.
    pub fn events(&self) -> u64 {
        self.world.events
    }

    /// Events in the queue, those included that were cancelled and are not cleared away yet.
    pub fn pending(&self) -> usize {
        self.world.queue.len()
    }

    /// Messages delivered so far.
    pub fn messages(&self) -> u64 {
        self.world.messages
    }

    /// Rolling hash over all that was dispatched.
    pub fn digest(&self) -> u64 {
        self.world.digest.value()
    }

    /// Facts stated since the last call, in order.
    pub fn take_facts(&mut self) -> impl ExactSizeIterator<Item = FactEntry<D::Fact>> + '_ {
        self.world.facts.drain(..)
    }

    /// The same, for somebody who takes them all as they are: what is left in here was not taken.
    #[inline]
    pub fn facts_mut(&mut self) -> &mut Vec<FactEntry<D::Fact>> {
        &mut self.world.facts
    }

    /// From now on nodes are told that nobody looks at facts of what happens all the time.
    pub fn leave_out_routine(&mut self) {
        self.world.routine = false;
    }

    pub fn status(&self, node: NodeId) -> NodeStatus {
        self.world.node(node).status
    }

    /// Whether a process that has ended is not gone: a thread of it is in an fsync that hangs.
    pub fn lingers(&self, node: NodeId) -> bool {
        self.world.node(node).lingering.is_some()
    }

    /// The status with which the last process of a node ended itself; `None` after a crash, and while
    /// it runs.
    pub fn exit_status(&self, node: NodeId) -> Option<i32> {
        self.world.node(node).exit_status
    }

    /// How often the node's process was started.
    pub fn starts(&self, node: NodeId) -> u32 {
        self.world.node(node).starts
    }

    /// The state machine of a node; after a crash, as the crash left it (for reports only).
    pub fn actor(&self, node: NodeId) -> &N {
        &self.actors[node.0 as usize]
    }

    /// For changing a node's configuration while it is down.
    pub fn actor_mut(&mut self, node: NodeId) -> &mut N {
        &mut self.actors[node.0 as usize]
    }

    pub fn disk(&self, node: NodeId) -> &Disk {
        &self.world.disks[node.0 as usize]
    }

    /// For giving a node its initial files. What is written here is charged to nobody; `sync_all`
    /// makes it durable.
    pub fn disk_mut(&mut self, node: NodeId) -> &mut Disk {
        self.world.disk_at_now(node)
    }

    /// Connections of which at least one end is open.
    pub fn connections(&self) -> usize {
        self.world.network.connections()
    }

    /// Bytes sent on a connection, by this end, that have not left their process.
    pub fn unsent(&self, conn: ConnId) -> u64 {
        self.world.network.unsent(conn)
    }

    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<D, N> {
        (0..self.actors.len() as u32).map(NodeId)
    }

    pub fn name(&self, node: NodeId) -> &Rc<str> {
        &self.world.node(node).name
    }
}

impl<D: Domain, N: Actor<D>> Kernel<D, N> {
    fn start(&mut self, node: NodeId) {
        if let Some(then) = &mut self.world.node_mut(node).lingering {
            *then = Lingering::Start;
        } else if self.status(node) == NodeStatus::Down {
            // Files that were given to the node before it ran are charged to nobody.
            self.world.disk_at_now(node).take_spent();
            let actor = &mut self.actors[node.0 as usize];
            *actor = actor.rebooted();
            self.world.process_started(node);
        }
    }

    fn power_failure(&mut self, node: NodeId) {
        let now = self.world.now;
        if !self.world.network.is_powered(node) {
            return;
        }
        self.world.process_ended(node, None, true);
        self.world
            .network
            .set_powered(node, false, now, &mut self.world.queue);
        let it = self.world.node_mut(node);
        // Not even a supervisor of a process that had died before outlives its machine.
        it.incarnation += 1;
        it.background.power_off();
        self.world.doubt();
        let it = self.world.node_mut(node);
        it.power_failures += 1;
        let stream = format!("power failure {} of {}", it.power_failures, it.name);
        let mut random = self.world.stream(&stream);
        self.world.disk_at_now(node).power_failure(&mut random);
    }

    /// Lets one event happen; answers the node that it concerns.
    #[inline]
    fn dispatch(&mut self, seq: u64, slot: u32) -> NodeId {
        let world = &mut self.world;
        // `settle` leaves a live event at the top.
        debug_assert!(
            world
                .queue
                .get(slot)
                .is_some_and(|entry| !world.is_dead(entry))
        );
        match world.queue.get(slot) {
            Some(
                &Entry::Timer { node, .. }
                | &Entry::Started { node, .. }
                | &Entry::Terminate { node, .. }
                | &Entry::DiskResult { node, .. },
            ) => {
                self.offer(seq, node, Waiting::Stored(slot));
                node
            }
            Some(&Entry::Arrive { to, .. }) => {
                world.queue.remove(slot);
                let node = world.network.node_of(to).unwrap_or(NodeId(0));
                let now = world.now;
                if world.network.arrive(to, now, &mut world.queue) {
                    self.offer(seq, node, Waiting::Readable(to));
                } else {
                    world.record(seq, node, Kind::Arrive, 0, 0);
                }
                node
            }
            Some(&Entry::Wake { node, thread, .. }) => {
                world.queue.remove(slot);
                self.wake(seq, node, thread);
                node
            }
            Some(&Entry::Supervise { node, .. }) => {
                world.queue.remove(slot);
                world.record(seq, node, Kind::Supervise, 0, 0);
                self.start(node);
                node
            }
            Some(&Entry::Retransmit { to }) => {
                world.queue.remove(slot);
                let node = world.network.node_of(to).unwrap_or(NodeId(0));
                world.record(seq, node, Kind::Retransmit, 0, 0);
                let now = world.now;
                if let Some(end) = world.network.retransmit(to, now, &mut world.queue) {
                    world.tell_to_read(end);
                }
                node
            }
            Some(&Entry::DiskDone { node, job }) => {
                world.queue.remove(slot);
                world.record(seq, node, Kind::DiskDone, 0, job);
                world.job_done(node, job);
                node
            }
            Some(Entry::Cancelled) | None => unreachable!("a cancelled event was dispatched"),
        }
    }

    /// An event for a process: handled at once, or left to wait.
    #[inline]
    fn offer(&mut self, seq: u64, node: NodeId, waiting: Waiting) {
        let lane = self.lane_of(node, waiting);
        if let Some(thread) = self.world.idle_thread(node, lane) {
            if !self.handle(seq, node, thread, waiting) {
                self.world.record(seq, node, Kind::Wake, 0, 0);
            }
            return;
        }
        let world = &mut self.world;
        let kind = match waiting {
            Waiting::Stored(slot) => world.queue.get(slot).map_or(Kind::Wake, Entry::kind),
            Waiting::Readable(_) => Kind::Arrive,
        };
        world.record(seq, node, kind, 1, 0);
        let lane = self.full(node, lane, waiting).unwrap_or(lane);
        self.world.enqueue(node, lane, waiting);
    }

    /// The lane that brings an event to another one whose queue has no room for it.
    fn full(&self, node: NodeId, lane: Lane, waiting: Waiting) -> Option<Lane> {
        let Waiting::Readable(conn) = waiting else {
            return None;
        };
        let backlog = self.actors[node.0 as usize].backlog(lane)?;
        let queue = self.world.queue_of(node, lane)?;
        if queue.len() < backlog.most {
            return None;
        }
        let mut connections = BTreeSet::new();
        for waiting in queue {
            if let Waiting::Readable(conn) = waiting {
                connections.insert(*conn);
            }
        }
        let has_room = connections.len() < backlog.most || connections.contains(&conn);
        (!has_room).then_some(backlog.brought_by)
    }

    #[inline]
    fn lane_of(&self, node: NodeId, waiting: Waiting) -> Lane {
        let world = &self.world;
        if !world.node(node).began {
            return Lane::MAIN;
        }
        self.actors[node.0 as usize].lane(&Coming { world, waiting })
    }

    /// A thread has done its work: its effects take hold, and it comes to what is next.
    #[inline]
    fn wake(&mut self, seq: u64, node: NodeId, thread: u16) {
        let handled = match self.world.wake(node, thread) {
            Awake::Not => false,
            Awake::Free => self.handle_next_waiting(seq, node, thread),
            Awake::GoesOn(timer, set_in) => {
                self.world.record(seq, node, Kind::Timer, 1, 0);
                self.world.caused(node, |_| Cause::Timer { set_in });
                self.run_handler(node, thread, Event::Timer(timer), Duration::ZERO);
                true
            }
        };
        if !handled {
            self.world.record(seq, node, Kind::Wake, 0, 0);
        }
        if self.status(node) != NodeStatus::Down {
            self.world.ensure_wake(node, thread);
        }
    }

    /// True if there was an event for the process to handle.
    #[inline]
    fn handle_next_waiting(&mut self, seq: u64, node: NodeId, thread: u16) -> bool {
        while let Some(waiting) = self.world.next_waiting(node, thread) {
            let lane = self.lane_of(node, waiting);
            if !lane.has(thread) {
                // It has become another lane's business while it waited, or is brought to it.
                match self.full(node, lane, waiting) {
                    Some(brings) if brings.has(thread) => {
                        self.world.hold_up(node, thread, lane, waiting);
                        return false;
                    }
                    _ => self.world.enqueue(node, lane, waiting),
                }
            } else if self.handle(seq, node, thread, waiting) {
                return true;
            }
        }
        false
    }

    /// False if the event has become void.
    #[inline]
    fn handle(&mut self, seq: u64, node: NodeId, thread: u16, waiting: Waiting) -> bool {
        match waiting {
            Waiting::Stored(slot) => self.handle_stored(seq, node, thread, slot),
            Waiting::Readable(conn) => self.handle_readable(seq, node, thread, conn),
        }
    }

    #[inline]
    fn handle_stored(&mut self, seq: u64, node: NodeId, thread: u16, slot: u32) -> bool {
        let Some(entry) = self.world.remove_stored(slot) else {
            return false;
        };
        let kind = entry.kind();
        self.world.caused(node, |causes| match entry {
            Entry::Timer { serial, .. } => causes.of_timer(node, serial),
            Entry::DiskResult { token, .. } => causes.of_disk(node, token),
            _ => Cause::Outside,
        });
        let (event, cost, length, content) = match entry {
            Entry::Timer { timer, .. } => {
                (Event::Timer(timer), self.world.config.costs.timer, 0, 0)
            }
            Entry::Started { .. } => {
                self.world.node_mut(node).began = true;
                (Event::Started, Duration::ZERO, 0, 0)
            }
            Entry::Terminate { .. } => (Event::Terminate, Duration::ZERO, 0, 0),
            Entry::DiskResult { token, result, .. } => (
                Event::Disk { token, result },
                Duration::ZERO,
                u64::from(result.is_err()),
                token,
            ),
            _ => return false,
        };
        self.world.record(seq, node, kind, length, content);
        self.run_handler(node, thread, event, cost);
        true
    }

    #[inline]
    fn handle_readable(&mut self, seq: u64, node: NodeId, thread: u16, conn: ConnId) -> bool {
        let world = &mut self.world;
        let now = world.now;
        let Some((read, sent_in)) = world.network.read(conn, now, &mut world.queue) else {
            return false;
        };
        world.caused(node, |_| Cause::of_packet(sent_in));
        if thread != 0 {
            world.reads(node, thread, conn);
        }
        let (event, cost) = match read {
            Read::Message { message, bytes } => {
                world.messages += 1;
                world.brings_message(conn);
                world.record_message(seq, node, message.kind(), bytes, message.content_hash());
                (
                    Event::Message { conn, message },
                    world.config.costs.of_message(bytes),
                )
            }
            Read::Accepted { from } => {
                world.record(seq, node, Kind::Accepted, 0, u64::from(from.0));
                (
                    Event::Accepted { conn, from },
                    world.config.costs.connection,
                )
            }
            Read::Connected => {
                world.record(seq, node, Kind::Connected, 0, 0);
                (Event::Connected(conn), Duration::ZERO)
            }
            Read::Closed(reason) => {
                world.record(seq, node, Kind::Closed, 0, reason as u64);
                (Event::Closed { conn, reason }, Duration::ZERO)
            }
        };
        self.run_handler(node, thread, event, cost);
        true
    }

    #[inline]
    fn run_handler(&mut self, node: NodeId, thread: u16, event: Event<D>, cost: Duration) {
        self.world.begin_handler(cost);
        let mut ctx = Ctx::new(&mut self.world, node, thread);
        self.actors[node.0 as usize].on_event(event, &mut ctx);
        self.world.end_handler(node, thread);
    }
}
