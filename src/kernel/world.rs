//! Everything in a simulated world but the state machines: what a handler reaches through its `Ctx`,
//! and what becomes of its effects.
//!
//! Each thread of a process works on one event at a time. A handler runs at once, at the moment when
//! its work begins; its effects wait until the work that it was charged is done, and die with the
//! process if that dies before. Events that come meanwhile wait in the lane's own queue.

use super::Address;
use super::actor::Domain;
use super::background::Background;
use super::causes::Causes;
use super::clock::Clock;
use super::digest::Digest;
use super::disk::SharedMemory;
use super::engine::{FactEntry, NodeStatus};
use super::event::Entry;
use super::lane::{Incoming, Lane, Locks, Thread};
use super::network::Network;
use super::process::Lingering;
use super::queue::Queue;
use super::{Config, ConnId, Disk, Duration, FileId, NodeId, NodeOptions, Stream, Time, TimerId};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::rc::Rc;

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
    memory: SharedMemory,
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
    pub(super) cancelled: usize,
    /// 0: nothing in the queue is dead but cancelled timers. Else the event after which all of it is looked at.
    doubted_until: u64,
    pub(super) running: Handler<D>,
}

/// What the running handler has asked for.
pub(super) struct Handler<D: Domain> {
    pub(super) work: Duration,
    pub(super) used_disk: bool,
    pub(super) timers: Vec<(u32, Duration)>,
    pub(super) effects: Vec<Effect<D>>,
}

/// What the kernel keeps of a node. In this order, what every event touches is in two cache lines.
#[repr(C, align(64))]
pub(super) struct Node<D: Domain> {
    pub(super) clock: Clock,
    /// Timers of earlier processes have lower serials.
    pub(super) first_timer: u64,
    /// Counts the processes that have run here.
    pub(super) incarnation: u32,
    /// How often the process was started.
    pub(super) starts: u32,
    pub(super) slowness: u32,
    pub(super) cpu_slowness: u32,
    pub(super) status: NodeStatus,
    /// It was asked to stop.
    pub(super) stopping: bool,
    /// It has handled `Started`; before that nothing else may come to it.
    pub(super) began: bool,
    /// Its first thread, and most often its only one.
    pub(super) main: Thread<D>,
    /// The others, from number 1 on, as far as they have been needed.
    pub(super) others: Vec<Thread<D>>,
    pub(super) locks: Locks<D::Lock>,
    /// Events that it has handled.
    pub(super) handled: u64,
    pub(super) background: Background,
    buggify: BTreeMap<&'static str, Stream>,
    pub(super) name: Rc<str>,
    pub(super) supervisor: Option<Duration>,
    pub(super) exit_status: Option<i32>,
    pub(super) paused_at: Time,
    pub(super) power_failures: u32,
    /// Its last process has ended and is not gone.
    pub(super) lingering: Option<Lingering>,
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
    Unmute(ConnId),
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
            memory: SharedMemory::default(),
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
            self.memory.clone(),
        ));
        self.random
            .push(Stream::named(self.seed, &format!("node {name}")));
        self.nodes.push(Node {
            status: NodeStatus::Down,
            began: false,
            incarnation: 0,
            starts: 0,
            first_timer: 0,
            main: Thread::new(Lane::MAIN, Time::ZERO),
            others: Vec::new(),
            locks: Locks::new(),
            clock: Clock::new(
                self.config.calendar_start_ms,
                options.skew_ms,
                options.drift_ppm,
            ),
            slowness: options.slowness.max(1),
            cpu_slowness: 1,
            background: Background::default(),
            buggify: BTreeMap::new(),
            name: name.into(),
            supervisor: options.supervisor,
            stopping: false,
            exit_status: None,
            paused_at: Time::ZERO,
            handled: 0,
            power_failures: 0,
            lingering: None,
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

    #[inline]
    pub(super) fn thread(&self, node: NodeId, thread: u16) -> &Thread<D> {
        let it = self.node(node);
        match thread {
            0 => &it.main,
            n => &it.others[usize::from(n) - 1],
        }
    }

    #[inline]
    pub(super) fn thread_mut(&mut self, node: NodeId, thread: u16) -> &mut Thread<D> {
        self.node_mut(node).thread_mut(thread)
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

    pub(super) fn stream_of(&self, node: NodeId, name: &str) -> Stream {
        let Node {
            name: whose,
            starts,
            ..
        } = self.node(node);
        self.stream(&format!("{name} of {whose}, start {starts}"))
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

    pub(super) fn connect(&mut self, from: NodeId, to: Address) -> ConnId {
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

    pub(super) fn first_unsent(&mut self, conn: ConnId) -> Option<&mut D::Message> {
        self.network.first_unsent(conn)
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
    pub(super) fn unmute(&mut self, conn: ConnId) {
        self.running.effects.push(Effect::Unmute(conn));
    }

    pub(super) fn port(&self, conn: ConnId) -> u16 {
        self.network.port(conn)
    }

    pub(super) fn listen_on(&mut self, node: NodeId, port: u16, local: bool) {
        self.network.listen_on(node, port, local);
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
        }
    }

    #[inline]
    pub(super) fn charge(&mut self, work: Duration) {
        self.running.work = self.running.work + work;
    }

    #[inline]
    pub(super) fn fact(&mut self, node: NodeId, fact: D::Fact) {
        self.facts.push(FactEntry {
            event: self.events,
            time: self.now,
            node: Rc::clone(&self.nodes[node.0 as usize].name),
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

/// Upkeep of the queue.
impl<D: Domain> World<D> {
    /// Sees to it that a live event is at the top of the queue.
    #[inline]
    pub(super) fn settle(&mut self) {
        if self.network.take_doubt() {
            self.doubt();
        }
        if self.cancelled > 0 || self.doubted_until > 0 {
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

    #[inline]
    fn drop_dead(&mut self) {
        let is_dead = |entry: &Entry<D>| match self.doubted_until {
            // Nothing has died but timers.
            0 => matches!(entry, Entry::Cancelled),
            _ => self.is_dead(entry),
        };
        if let Some((_, slot)) = self.queue.peek()
            && self.queue.get(slot).is_none_or(is_dead)
        {
            self.drop_dead_first();
        }
        let mostly_dead = self.cancelled > 128 && self.cancelled > self.queue.len() / 2;
        if mostly_dead || (self.doubted_until > 0 && self.events >= self.doubted_until) {
            self.purge();
        }
    }

    #[cold]
    fn drop_dead_first(&mut self) {
        while let Some((_, slot)) = self.queue.peek()
            && self.queue.get(slot).is_none_or(|entry| self.is_dead(entry))
        {
            self.queue.pop();
            self.remove_stored(slot);
        }
    }

    #[cold]
    fn purge(&mut self) {
        let mut queue = std::mem::replace(&mut self.queue, Queue::new());
        queue.purge(|entry| self.is_dead(entry));
        self.queue = queue;
        self.doubted_until = 0;
        // Those that wait in a process's own queue have no key; they are counted until it comes
        // to them.
        let threads = self.nodes.iter().flat_map(Node::threads);
        let waiting = threads.flat_map(|thread| &thread.inbox);
        let dead = waiting.filter(|waiting| match waiting {
            Waiting::Stored(slot) => matches!(self.queue.get(*slot), Some(Entry::Cancelled)),
            Waiting::Readable(_) => false,
        });
        self.cancelled = dead.count();
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
            | Entry::Wake {
                node, incarnation, ..
            }
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
        if let Some((node, lane)) = self.network.reader_of(end) {
            self.enqueue(node, lane, Waiting::Readable(end));
        }
    }

    /// What an event in the queue's slab is.
    pub(super) fn stored_incoming(&self, slot: u32) -> Incoming<'_, D> {
        match self.queue.get(slot) {
            Some(Entry::Timer { timer, .. }) => Incoming::Timer(timer),
            Some(Entry::Started { .. } | Entry::Terminate { .. }) => Incoming::Life,
            Some(Entry::DiskResult { token, .. }) => Incoming::Disk { token: *token },
            _ => Incoming::Nothing,
        }
    }
}
