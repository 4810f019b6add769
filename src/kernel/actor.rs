//! The contract between the kernel and a node's state machine: event in, effects out.

use super::world::World;
use super::{Address, ConnId, Disk, DiskError, Duration, FileId, NodeId, Stream, Time, TimerId};
use super::{Backlog, Coming, Hold, Lane};
use bytes::Bytes;
use std::fmt::Debug;
use std::rc::Rc;

/// What a simulated world is made of. Names message, timer and fact types, never the node type.
pub trait Domain: Sized + 'static {
    type Message: Payload;
    /// Small and plain (at most 24 bytes).
    type Timer: Clone + Debug;
    type Fact: Clone + Debug;
    /// What threads of one process keep each other out of.
    type Lock: PartialEq + Debug;
}

/// What travels on a connection.
pub trait Payload: Clone + Debug {
    /// Bytes on the wire, for bandwidth and per-byte work.
    fn wire_bytes(&self) -> u64;
    /// A stable number for the kind of message (part of the digest).
    fn kind(&self) -> u16;
    /// A hash of the content, equal on every machine, cheap (memoised with large payloads).
    fn content_hash(&self) -> u64;
    /// Its kind's name, and what it is in a few words: for arrows between nodes.
    fn label(&self) -> (&'static str, Rc<str>) {
        ("message", format!("message {}", self.kind()).into())
    }
}

/// Why a connection ended (or never came to be).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// Nothing listens there (process down, machine up).
    Refused,
    /// No answer to the connection attempt, or nothing heard for too long (cut link, dead machine).
    TimedOut,
    /// The other process died, or a fault reset the connection.
    Reset,
    /// The other side closed it in order.
    ByPeer,
}

/// What can happen to a process. One match shows it all.
#[derive(Debug)]
pub enum Event<D: Domain> {
    /// The process has started; memory is new, the disk is as it was left.
    Started,
    /// SIGTERM: the process is asked to stop in order; it ends itself with `Ctx::exit(0)`.
    Terminate,
    Timer(D::Timer),
    /// A connection that this process opened is up.
    Connected(ConnId),
    /// Another process connected to this one.
    Accepted {
        conn: ConnId,
        from: NodeId,
    },
    Message {
        conn: ConnId,
        message: D::Message,
    },
    /// The connection is gone; its id will not be seen again. Not sent for one's own `close`.
    Closed {
        conn: ConnId,
        reason: CloseReason,
    },
    /// A disk operation begun with a token has ended.
    Disk {
        token: u64,
        result: Result<(), DiskError>,
    },
}

/// A node's state machine.
pub trait Actor<D: Domain>: Sized {
    /// The state of a fresh process on the same node: what a crash and a restart leave of `self`
    /// (its configuration, never its memory).
    fn rebooted(&self) -> Self;
    fn on_event(&mut self, event: Event<D>, ctx: &mut Ctx<'_, D>);
    /// Which of the process's threads handles an event that comes. Asked when it comes, and again
    /// when its turn has come.
    #[inline]
    fn lane(&self, _coming: &Coming<'_, D>) -> Lane {
        Lane::MAIN
    }

    /// How many connections may have something waiting for a lane whose threads are all busy. Asked only
    /// then.
    fn backlog(&self, _lane: Lane) -> Option<Backlog> {
        None
    }
}

/// A process's only window on the world: its own clock, disk and random stream, its connections and
/// timers. Effects (messages, closes, timers) take hold when the handler's charged work is done.
pub struct Ctx<'a, D: Domain> {
    world: &'a mut World<D>,
    node: NodeId,
    thread: u16,
}

impl<'a, D: Domain> Ctx<'a, D> {
    #[inline]
    pub(super) fn new(world: &'a mut World<D>, node: NodeId, thread: u16) -> Self {
        Self {
            world,
            node,
            thread,
        }
    }
}

impl<D: Domain> Ctx<'_, D> {
    pub fn node(&self) -> NodeId {
        self.node
    }
    /// The node's own monotonic clock, which Java calls `System.nanoTime` (skew and drift apply, jumps do
    /// not). Stands still within a handler.
    #[inline]
    pub fn now(&self) -> Time {
        self.world.local_now(self.node)
    }
    /// The node's own wall clock as what measures time where Java's code calls
    /// `System.currentTimeMillis`: a jump makes that more, or less, than has passed. Its zero means
    /// nothing. Timers fire by the monotonic clock; who waits for a wall-clock time looks at it again.
    #[inline]
    pub fn wall(&self) -> Time {
        self.world.wall(self.node)
    }
    /// The node's own wall clock in milliseconds since 1970 (skew, drift and jumps apply).
    pub fn wall_ms(&self) -> i64 {
        self.world.wall_ms(self.node)
    }
    /// The node's own random stream.
    #[inline]
    pub fn random(&mut self) -> &mut Stream {
        self.world.random(self.node)
    }
    /// A random stream of this process's life alone, by a name of its own: what is drawn from it shifts no other
    /// draw, and the next process of this node draws anew.
    pub fn stream(&self, name: &str) -> Stream {
        self.world.stream_of(self.node, name)
    }
    #[inline]
    pub fn disk(&mut self) -> &mut Disk {
        self.world.disk_in_handler(self.node)
    }
    /// Opens a connection; ends in `Connected` or `Closed`. Never fails at once.
    pub fn connect(&mut self, to: impl Into<Address>) -> ConnId {
        self.world.connect(self.node, to.into())
    }
    /// The port to which a connection was opened, by either end; 0 if it is gone, or was opened to none.
    pub fn port(&self, conn: ConnId) -> u16 {
        self.world.port(conn)
    }
    /// Sends on a live connection; on one that is gone already it does nothing (as a write to a
    /// socket whose reset is still to be read). What is sent before `Connected` waits for it.
    #[inline]
    pub fn send(&mut self, conn: ConnId, message: D::Message) {
        self.world.send(conn, message);
    }
    /// Bytes sent on a connection that have not left this process, since the receiver does not read.
    pub fn unsent(&self, conn: ConnId) -> u64 {
        self.world.unsent(conn)
    }
    /// The message that this process is writing to a connection, if the connection has taken nothing of it yet: its
    /// bytes still lie in the process's memory, and it is sent as they are when there is room. Its size may not change.
    pub fn first_unsent(&mut self, conn: ConnId) -> Option<&mut D::Message> {
        self.world.first_unsent(conn)
    }
    /// Closes a connection in order, after what was sent on it; nothing more is heard of it.
    pub fn close(&mut self, conn: ConnId) {
        self.world.close(conn);
    }
    /// Stops reading from a connection at once: messages wait in its socket buffer (Kafka mutes a channel
    /// while it works on its request), and fill it, which stops the sender. Its end is not heard of
    /// either until `unmute`.
    #[inline]
    pub fn mute(&mut self, conn: ConnId) {
        self.world.mute(conn);
    }
    /// Reads again, after what was sent before.
    #[inline]
    pub fn unmute(&mut self, conn: ConnId) {
        self.world.unmute(conn);
    }
    /// Whether connections of others are taken in; a fresh process listens.
    pub fn listen(&mut self, on: bool) {
        self.world.listen(self.node, on);
    }
    /// Takes connections in on this port, and from now on on such ports only; `local`: only those that come
    /// from the same machine. A fresh process that never says so takes them in on any.
    pub fn listen_on(&mut self, port: u16, local: bool) {
        self.world.listen_on(self.node, port, local);
    }
    /// `Event::Timer(timer)` after `delay` on the node's own clock.
    #[inline]
    pub fn set_timer(&mut self, delay: Duration, timer: D::Timer) -> TimerId {
        self.world.set_timer(self.node, delay, timer)
    }
    /// The timer will not fire; nothing happens if it already has.
    #[inline]
    pub fn cancel_timer(&mut self, timer: TimerId) {
        self.world.cancel_timer(timer);
    }
    /// Simulated work beyond the default for this event: the process is busy for so much longer.
    #[inline]
    pub fn charge(&mut self, work: Duration) {
        self.world.charge(work);
    }
    /// Whether this handler runs on a thread of that lane.
    pub fn is_on(&self, lane: Lane) -> bool {
        lane.has(self.thread)
    }
    /// Whether any thread of the process holds a lock: cheap, and nearly always false.
    #[inline]
    pub fn any_locks(&self) -> bool {
        !self.world.node(self.node).locks.is_empty()
    }
    /// Whether this thread could have a lock without waiting.
    pub fn is_free(&self, lock: &D::Lock, how: Hold) -> bool {
        let node = self.world.node(self.node);
        node.locks.is_free(lock, how, self.thread)
    }
    /// Takes a lock that is free, until this handler's work is done, and that of all that it goes on
    /// with.
    pub fn hold(&mut self, lock: D::Lock, how: Hold) {
        self.world.hold(self.node, self.thread, lock, how);
    }
    /// Gives back all locks of this thread but `keep`, before the end of its work.
    pub fn give_back(&mut self, keep: &[D::Lock]) {
        self.world.give_back(self.node, self.thread, keep);
    }
    /// Goes on with `Event::Timer(timer)` on this thread when this handler's work is done; until then
    /// and through it the thread does nothing else. Once a handler.
    pub fn go_on(&mut self, timer: D::Timer) {
        self.world.go_on(self.node, self.thread, timer);
    }
    /// The same, and the lock must be had first; it is held from then on.
    pub fn wait_for(&mut self, lock: D::Lock, how: Hold, timer: D::Timer) {
        self.world
            .wait_for(self.node, self.thread, lock, how, timer);
    }
    /// Whether this handler has said already what it goes on with.
    pub fn goes_on(&self) -> bool {
        self.world.goes_on(self.node, self.thread)
    }
    /// This thread does nothing after this handler until somebody calls [`Ctx::move_on`], unless it is the
    /// main one.
    pub fn stand_still(&mut self) {
        self.world.stand_still(self.node, self.thread);
    }
    /// Threads of this process that stand still take events again.
    pub fn move_on(&mut self) {
        self.world.move_on(self.node);
    }
    /// States a fact. Facts are the trace; nothing else observes a run.
    #[inline]
    pub fn fact(&mut self, fact: D::Fact) {
        self.world.fact(self.node, fact);
    }
    /// Whether somebody looks at facts of what happens all the time; if not, they need not be stated.
    /// Nothing else may depend on it.
    #[inline]
    pub fn states_routine(&self) -> bool {
        self.world.states_routine()
    }
    /// The process ends itself with this status after this handler (0: clean).
    pub fn exit(&mut self, status: i32) {
        self.world.exit(status);
    }
    /// A rare but legal path, taken with a seeded probability by node, site and how many times it was
    /// asked; always false unless the run asks for it.
    pub fn buggify(&mut self, site: &'static str) -> bool {
        self.world.buggify(self.node, site)
    }
    /// Begins an fsync of a file; `Event::Disk { token, .. }` tells its end. What is written after the
    /// call is not covered.
    pub fn sync_later(&mut self, file: FileId, token: u64) {
        self.world.sync_later(file, token);
    }
    /// Begins to replace a file: write `path`.tmp, fsync it, rename it over `path`. A crash in between
    /// leaves the old content (and maybe the .tmp). `Event::Disk { token, .. }` tells the end. Two
    /// replacements of one path are done one after the other.
    pub fn replace_later(&mut self, path: &str, content: Bytes, token: u64) {
        self.world.replace_later(path, content, token);
    }
}
