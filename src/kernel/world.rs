//! Everything in a simulated world but the state machines: what a handler reaches through its `Ctx`,
//! and what becomes of its effects.
//!
//! A process works on one event at a time. A handler runs at once, at the moment when its work
//! begins; its effects wait until the work that it was charged is done, and die with the process if
//! that dies before. Events that come meanwhile wait in the process's own queue.

use super::actor::{Domain, Payload};
use super::background::{Background, Job};
use super::causes::Causes;
use super::clock::Clock;
use super::digest::Digest;
use super::engine::{FactEntry, NodeStatus};
use super::event::Entry;
use super::network::Network;
use super::queue::Queue;
use super::{Config, ConnId, Disk, Duration, FileId, NodeId, NodeOptions, Stream, Time, TimerId};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

pub(super) struct World<D: Domain> {
    pub(super) config: Config,
    seed: u64,
    pub(super) now: Time,
    /// Events dispatched.
    pub(super) events: u64,
    pub(super) messages: u64,
    pub(super) queue: Queue<Entry<D>>,
    pub(super) network: Network<D>,
    pub(super) nodes: Vec<Node<D>>,
    pub(super) disks: Vec<Disk>,
    random: Vec<Stream>,
    pub(super) digest: Digest,
    pub(super) facts: Vec<FactEntry<D::Fact>>,
    /// Somebody looks at facts of what happens all the time.
    pub(super) routine: bool,
    /// None while nobody asks for causes.
    pub(super) causes: Option<Box<Causes>>,
    /// Serial of the last timer that was set.
    last_timer: u64,
    /// Cancelled timers that are still in the queue.
    cancelled: usize,
    /// 0: no event in the queue is dead. Else the event after which all of them are looked at.
    doubted_until: u64,
    running: Handler<D>,
}

/// What the running handler has asked for.
struct Handler<D: Domain> {
    work: Duration,
    used_disk: bool,
    timers: Vec<(u32, Duration)>,
    effects: Vec<Effect<D>>,
}

/// What the kernel keeps of a node. In this order, what every event touches is in two cache lines.
#[repr(C, align(64))]
pub(super) struct Node<D: Domain> {
    pub(super) clock: Clock,
    pub(super) busy_until: Time,
    /// Timers of earlier processes have lower serials.
    pub(super) first_timer: u64,
    /// Counts the processes that have run here.
    pub(super) incarnation: u32,
    /// How often the process was started.
    pub(super) starts: u32,
    slowness: u32,
    pub(super) cpu_slowness: u32,
    pub(super) status: NodeStatus,
    /// Its end of work is in the queue, or it waits for a hanging fsync.
    pub(super) waking: bool,
    pub(super) hangs: bool,
    /// It was asked to stop.
    pub(super) stopping: bool,
    pub(super) inbox: VecDeque<Waiting>,
    /// Effects of the last handler, until its work is done.
    pub(super) pending: Vec<Effect<D>>,
    /// The event whose handler asked for them.
    pub(super) pending_of: u64,
    /// Events that it has handled.
    pub(super) handled: u64,
    pub(super) background: Background,
    buggify: BTreeMap<&'static str, Stream>,
    pub(super) name: String,
    pub(super) supervisor: Option<Duration>,
    pub(super) exit_status: Option<i32>,
    pub(super) paused_at: Time,
    pub(super) power_failures: u32,
}

/// An event that a process has not come to yet.
#[derive(Clone, Copy)]
pub(super) enum Waiting {
    /// Stored in the queue's slab.
    Stored(u32),
    /// Something to read.
    Readable(ConnId),
}

pub(super) enum Effect<D: Domain> {
    Dial(ConnId),
    Send(ConnId, D::Message),
    Close(ConnId),
    Sync {
        file: FileId,
        token: u64,
    },
    Replace {
        path: String,
        content: Bytes,
        token: u64,
    },
    Exit(i32),
}

impl<D: Domain> World<D> {
    pub(super) fn new(config: Config, seed: u64) -> Self {
        const {
            assert!(
                size_of::<Entry<D>>() <= 64,
                "a queue entry is larger than 64 bytes: a timer has at most 24"
            )
        };
        Self {
            network: Network::new(config.network.clone(), seed),
            config,
            seed,
            now: Time::ZERO,
            events: 0,
            messages: 0,
            queue: Queue::new(),
            nodes: Vec::new(),
            disks: Vec::new(),
            random: Vec::new(),
            digest: Digest::new(seed),
            facts: Vec::new(),
            routine: true,
            causes: None,
            last_timer: 0,
            cancelled: 0,
            doubted_until: 0,
            running: Handler {
                work: Duration::ZERO,
                used_disk: false,
                timers: Vec::new(),
                effects: Vec::new(),
            },
        }
    }

    pub(super) fn add_node(&mut self, name: &str, options: NodeOptions) -> NodeId {
        let node = NodeId(u32::try_from(self.nodes.len()).expect("nodes are few"));
        self.network.add_host(name, options.rack);
        self.disks.push(Disk::with_device(
            self.config.disk.clone(),
            Stream::named(self.seed, &format!("disk {name}")),
        ));
        self.random
            .push(Stream::named(self.seed, &format!("node {name}")));
        self.nodes.push(Node {
            status: NodeStatus::Down,
            waking: false,
            hangs: false,
            incarnation: 0,
            starts: 0,
            first_timer: 0,
            busy_until: Time::ZERO,
            clock: Clock::new(
                self.config.calendar_start_ms,
                options.skew_ms,
                options.drift_ppm,
            ),
            slowness: options.slowness.max(1),
            cpu_slowness: 1,
            inbox: VecDeque::new(),
            pending: Vec::new(),
            pending_of: 0,
            background: Background::default(),
            buggify: BTreeMap::new(),
            name: name.to_owned(),
            supervisor: options.supervisor,
            stopping: false,
            exit_status: None,
            paused_at: Time::ZERO,
            handled: 0,
            power_failures: 0,
        });
        node
    }

    #[inline]
    pub(super) fn node(&self, node: NodeId) -> &Node<D> {
        &self.nodes[node.0 as usize]
    }

    #[inline]
    pub(super) fn node_mut(&mut self, node: NodeId) -> &mut Node<D> {
        &mut self.nodes[node.0 as usize]
    }

    pub(super) fn disk_at_now(&mut self, node: NodeId) -> &mut Disk {
        let disk = &mut self.disks[node.0 as usize];
        disk.set_now(self.now);
        disk
    }

    pub(super) fn stream(&self, name: &str) -> Stream {
        Stream::named(self.seed, name)
    }
}

/// What a handler does through its `Ctx`.
impl<D: Domain> World<D> {
    #[inline]
    pub(super) fn local_now(&self, node: NodeId) -> Time {
        self.node(node).clock.local(self.now)
    }

    #[inline]
    pub(super) fn wall(&self, node: NodeId) -> Time {
        self.node(node).clock.wall(self.now)
    }

    pub(super) fn wall_ms(&self, node: NodeId) -> i64 {
        self.node(node).clock.wall_ms(self.now)
    }

    #[inline]
    pub(super) fn random(&mut self, node: NodeId) -> &mut Stream {
        &mut self.random[node.0 as usize]
    }

    #[inline]
    pub(super) fn disk_in_handler(&mut self, node: NodeId) -> &mut Disk {
        self.running.used_disk = true;
        self.disk_at_now(node)
    }

    pub(super) fn connect(&mut self, from: NodeId, to: NodeId) -> ConnId {
        let conn = self.network.open(from, to);
        self.running.effects.push(Effect::Dial(conn));
        conn
    }

    #[inline]
    pub(super) fn send(&mut self, conn: ConnId, message: D::Message) {
        self.running.effects.push(Effect::Send(conn, message));
    }

    pub(super) fn unsent(&self, conn: ConnId) -> u64 {
        self.network.unsent(conn)
    }

    pub(super) fn close(&mut self, conn: ConnId) {
        // What was sent before goes out before the farewell: the connection itself is closed only
        // when the effects take hold.
        self.running.effects.push(Effect::Close(conn));
        self.network.stop_reading(conn);
    }

    #[inline]
    pub(super) fn mute(&mut self, conn: ConnId) {
        self.network.mute(conn);
    }

    #[inline]
    pub(super) fn unmute(&mut self, node: NodeId, conn: ConnId) {
        for _ in 0..self.network.unmute(conn) {
            self.node_mut(node).inbox.push_back(Waiting::Readable(conn));
        }
    }

    pub(super) fn listen(&mut self, node: NodeId, on: bool) {
        self.network.set_listening(node, on);
    }

    #[inline]
    pub(super) fn set_timer(&mut self, node: NodeId, delay: Duration, timer: D::Timer) -> TimerId {
        let serial = self.next_timer_serial();
        if let Some(causes) = &mut self.causes {
            causes.timer_set(node, serial, self.events);
        }
        let slot = self.queue.store(Entry::Timer {
            node,
            serial,
            timer,
        });
        self.running.timers.push((slot, delay));
        TimerId(serial << 24 | u64::from(slot))
    }

    #[inline]
    pub(super) fn next_timer_serial(&mut self) -> u64 {
        self.last_timer += 1;
        self.last_timer
    }

    #[inline]
    pub(super) fn cancel_timer(&mut self, timer: TimerId) {
        let (slot, wanted) = (timer.0 as u32 & 0xff_ffff, timer.0 >> 24);
        if let Some(entry) = self.queue.get_mut(slot)
            && let Entry::Timer { node, serial, .. } = *entry
            && serial == wanted
        {
            *entry = Entry::Cancelled;
            if let Some(causes) = &mut self.causes {
                causes.timer_cancelled(node, serial);
            }
            self.cancelled += 1;
            self.doubt();
        }
    }

    #[inline]
    pub(super) fn charge(&mut self, work: Duration) {
        self.running.work = self.running.work + work;
    }

    pub(super) fn fact(&mut self, node: NodeId, fact: D::Fact) {
        self.facts.push(FactEntry {
            event: self.events,
            time: self.now,
            node,
            fact,
        });
    }

    #[inline]
    pub(super) fn states_routine(&self) -> bool {
        self.routine
    }

    pub(super) fn exit(&mut self, status: i32) {
        self.running.effects.push(Effect::Exit(status));
    }

    pub(super) fn buggify(&mut self, node: NodeId, site: &'static str) -> bool {
        let Some(chance) = self.config.buggify else {
            return false;
        };
        let seed = self.seed;
        let node = self.node_mut(node);
        let stream = node
            .buggify
            .entry(site)
            .or_insert_with(|| Stream::named(seed, &format!("buggify {} {site}", node.name)));
        stream.chance(chance.num, chance.den)
    }

    pub(super) fn sync_later(&mut self, file: FileId, token: u64) {
        self.running.effects.push(Effect::Sync { file, token });
    }

    pub(super) fn replace_later(&mut self, path: &str, content: Bytes, token: u64) {
        self.running.effects.push(Effect::Replace {
            path: path.to_owned(),
            content,
            token,
        });
    }
}

/// The life of a handler's work.
impl<D: Domain> World<D> {
    /// Whether the process would handle an event at once.
    #[inline]
    pub(super) fn is_idle(&self, node: NodeId) -> bool {
        let node = self.node(node);
        node.status == NodeStatus::Running && !node.waking && node.busy_until <= self.now
    }

    /// Puts an event into the process's own queue.
    #[inline]
    pub(super) fn enqueue(&mut self, node: NodeId, waiting: Waiting) {
        self.node_mut(node).inbox.push_back(waiting);
        self.ensure_wake(node);
    }

    /// The next event that waits for the process.
    #[inline]
    pub(super) fn next_waiting(&mut self, node: NodeId) -> Option<Waiting> {
        self.node_mut(node).inbox.pop_front()
    }

    #[inline]
    pub(super) fn ensure_wake(&mut self, node: NodeId) {
        let now = self.now;
        let it = self.node_mut(node);
        if it.status == NodeStatus::Running
            && !it.waking
            && !(it.inbox.is_empty() && it.pending.is_empty())
        {
            it.waking = true;
            let (at, incarnation) = (it.busy_until.max(now), it.incarnation);
            self.queue.push(at, Entry::Wake { node, incarnation });
        }
    }

    /// The work that was charged is done. False if it is not (a pause has prolonged it), or if it was
    /// the process's last.
    pub(super) fn wake(&mut self, node: NodeId) -> bool {
        let now = self.now;
        let it = self.node_mut(node);
        it.waking = false;
        if it.status != NodeStatus::Running {
            return false;
        }
        if it.busy_until > now {
            self.ensure_wake(node);
            return false;
        }
        if !it.pending.is_empty() {
            let mut effects = std::mem::take(&mut it.pending);
            let event = it.pending_of;
            self.carry_out(node, event, &mut effects);
            self.node_mut(node).pending = effects;
        }
        self.node(node).status == NodeStatus::Running
    }

    #[inline]
    pub(super) fn begin_handler(&mut self, base: Duration) {
        self.running.work = base;
        self.running.used_disk = false;
    }

    /// The handler has returned: its work is charged, its effects follow at once or when it is done.
    #[inline]
    pub(super) fn end_handler(&mut self, node: NodeId) {
        let at = node.0 as usize;
        let it = &mut self.nodes[at];
        it.handled += 1;
        let mut work = self
            .running
            .work
            .saturating_mul(u64::from(it.slowness) * u64::from(it.cpu_slowness));
        if self.running.used_disk {
            work = work + self.disks[at].take_spent();
            it.hangs = self.disks[at].hangs();
        }
        let done = self.now + work;
        it.busy_until = done;
        let local_done = it.clock.local(done);
        for &(slot, delay) in &self.running.timers {
            let due = local_done + delay;
            if let Some(Entry::Timer { .. }) = self.queue.get(slot) {
                self.queue.arm(slot, it.clock.true_time(due).max(done));
            } else {
                self.queue.remove(slot);
                self.cancelled -= 1;
            }
        }
        self.running.timers.clear();
        it.pending_of = self.events;
        if it.hangs {
            it.waking = true;
            it.pending.append(&mut self.running.effects);
        } else if !self.running.effects.is_empty() {
            if work == Duration::ZERO {
                let mut effects = std::mem::take(&mut self.running.effects);
                self.carry_out(node, self.events, &mut effects);
                self.running.effects = effects;
            } else {
                it.pending.append(&mut self.running.effects);
            }
        }
        self.ensure_wake(node);
    }

    /// Blocking fsyncs go on: the process that hung ends its handler's work.
    pub(super) fn disk_unstuck(&mut self, node: NodeId) {
        let it = self.node_mut(node);
        if std::mem::take(&mut it.hangs) {
            it.waking = false;
            self.ensure_wake(node);
        }
        self.background_unstuck(node);
    }

    /// Lets effects take hold that a handler asked for in `event`.
    #[inline]
    fn carry_out(&mut self, node: NodeId, event: u64, effects: &mut Vec<Effect<D>>) {
        let now = self.now;
        self.network.set_cause(event);
        for effect in effects.drain(..) {
            match effect {
                Effect::Send(conn, message) => {
                    let bytes = message.wire_bytes();
                    self.network
                        .send(conn, message, bytes, now, &mut self.queue);
                }
                Effect::Dial(conn) => self.network.dial(conn, now, &mut self.queue),
                Effect::Close(conn) => self.network.close(conn, now, &mut self.queue),
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

/// Upkeep of the queue.
impl<D: Domain> World<D> {
    /// Makes the queue whole after an event, with a live one at its top.
    #[inline]
    pub(super) fn settle(&mut self) {
        self.queue.fill();
        if self.network.take_doubt() {
            self.doubt();
        }
        if self.doubted_until > 0 {
            self.drop_dead();
        }
    }

    /// Something has died that may still be in the queue. While that is so, the top is looked at
    /// after every event; then, for a price that is small beside that, everything is.
    pub(super) fn doubt(&mut self) {
        if self.doubted_until == 0 {
            self.doubted_until = self.events + 4 * self.queue.len() as u64 + 4_096;
        }
    }

    fn drop_dead(&mut self) {
        while let Some((_, slot)) = self.queue.peek()
            && self.queue.get(slot).is_none_or(|entry| self.is_dead(entry))
        {
            self.queue.pop();
            self.queue.fill();
            self.remove_stored(slot);
        }
        let mostly_dead = self.cancelled > 128 && self.cancelled > self.queue.len() / 2;
        if mostly_dead || self.events >= self.doubted_until {
            let mut queue = std::mem::replace(&mut self.queue, Queue::new());
            queue.purge(|entry| self.is_dead(entry));
            self.queue = queue;
            self.doubted_until = 0;
            // Those that wait in a process's own queue have no key; they are counted until it comes
            // to them.
            let waiting = self.nodes.iter().flat_map(|node| &node.inbox);
            let dead = waiting.filter(|waiting| match waiting {
                Waiting::Stored(slot) => matches!(self.queue.get(*slot), Some(Entry::Cancelled)),
                Waiting::Readable(_) => false,
            });
            self.cancelled = dead.count();
        }
    }

    /// Takes a stored event out.
    #[inline]
    pub(super) fn remove_stored(&mut self, slot: u32) -> Option<Entry<D>> {
        let entry = self.queue.remove(slot);
        if matches!(entry, Some(Entry::Cancelled)) {
            self.cancelled -= 1;
        }
        entry
    }

    /// Whether an event concerns a process, a packet or an operation that is gone.
    #[inline]
    pub(super) fn is_dead(&self, entry: &Entry<D>) -> bool {
        match entry {
            Entry::Cancelled => true,
            Entry::Timer { node, serial, .. } => *serial < self.node(*node).first_timer,
            Entry::Started { node, incarnation }
            | Entry::Terminate { node, incarnation }
            | Entry::Wake { node, incarnation }
            | Entry::Supervise { node, incarnation }
            | Entry::DiskResult {
                node, incarnation, ..
            } => self.node(*node).incarnation != *incarnation,
            Entry::Arrive { to, epoch } => !self.network.expects(*to, *epoch),
            Entry::Retransmit { to } => !self.network.is_troubled(*to),
            Entry::DiskDone { node, job } => !self.node(*node).background.has(*job),
        }
    }

    /// A connection's end has news that no packet brought.
    pub(super) fn tell_to_read(&mut self, end: ConnId) {
        if let Some(node) = self.network.node_of(end) {
            self.enqueue(node, Waiting::Readable(end));
        }
    }
}
