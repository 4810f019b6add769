//! The event loop: one queue ordered by (time, sequence number), nodes, and the digest.

use super::{Actor, Disk, Domain, Duration, Fault, FaultId, NodeId, Time};
use std::marker::PhantomData;

/// Costs, network and guards of a simulated world. Every default is documented in the book.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Milliseconds since 1970 at time zero.
    pub calendar_start_ms: i64,
}

/// What may differ from node to node.
#[derive(Clone, Debug, Default)]
pub struct NodeOptions {
    pub rack: Option<String>,
    /// Work takes so many times as long (0 means 1).
    pub slowness: u32,
    /// Wall clock ahead (or behind) at the start.
    pub skew_ms: i64,
    pub drift_ppm: i32,
    /// Restart after an exit or a crash, after this delay, as a service manager would.
    pub supervisor: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeStatus {
    Running,
    Paused,
    /// The process is not running: it never started, crashed, lost power, or ended by itself.
    Down,
}

/// One fact with its place in the run.
#[derive(Clone, Debug)]
pub struct FactEntry<F> {
    /// Sequence number of the dispatched event that stated it.
    pub event: u64,
    /// True (not the node's) time.
    pub time: Time,
    pub node: NodeId,
    pub fact: F,
}

/// What one step did.
#[derive(Clone, Copy, Debug)]
pub struct Dispatched {
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
    _todo: PhantomData<(D, N)>,
}

impl<D: Domain, N: Actor<D>> Kernel<D, N> {
    pub fn new(config: Config, seed: u64) -> Self {
        let _ = (config, seed);
        todo!()
    }
    /// Adds a node, down. `name` is stable: it keys the node's random streams.
    pub fn add_node(&mut self, name: &str, options: NodeOptions, actor: N) -> NodeId {
        let _ = (name, options, actor);
        todo!()
    }
    /// Applies a fault now. Lasting network rules answer their id.
    pub fn apply(&mut self, fault: Fault) -> Option<FaultId> {
        let _ = fault;
        todo!()
    }
    /// Delivers a timer event to a running node now (how a plan's operator and workloads are driven).
    pub fn poke(&mut self, node: NodeId, timer: D::Timer) {
        let _ = (node, timer);
        todo!()
    }
    /// Dispatches the next event.
    pub fn step(&mut self) -> Result<Dispatched, Stop> {
        todo!()
    }
    /// Time of the next event, if any.
    pub fn next_time(&self) -> Option<Time> {
        todo!()
    }
    /// Moves the clock to `time` (not before the next event) without dispatching.
    pub fn advance_to(&mut self, time: Time) {
        let _ = time;
        todo!()
    }
    pub fn now(&self) -> Time {
        todo!()
    }
    /// Events dispatched so far.
    pub fn events(&self) -> u64 {
        todo!()
    }
    /// Messages delivered so far.
    pub fn messages(&self) -> u64 {
        todo!()
    }
    /// Rolling hash over all that was dispatched.
    pub fn digest(&self) -> u64 {
        todo!()
    }
    /// Facts stated since the last call, in order.
    pub fn take_facts(&mut self) -> Vec<FactEntry<D::Fact>> {
        todo!()
    }
    pub fn status(&self, node: NodeId) -> NodeStatus {
        let _ = node;
        todo!()
    }
    /// The state machine of a node; after a crash, as the crash left it (for reports only).
    pub fn actor(&self, node: NodeId) -> &N {
        let _ = node;
        todo!()
    }
    /// For changing a node's configuration while it is down.
    pub fn actor_mut(&mut self, node: NodeId) -> &mut N {
        let _ = node;
        todo!()
    }
    pub fn disk(&self, node: NodeId) -> &Disk {
        let _ = node;
        todo!()
    }
    /// For giving a node its initial files.
    pub fn disk_mut(&mut self, node: NodeId) -> &mut Disk {
        let _ = node;
        todo!()
    }
    pub fn name(&self, node: NodeId) -> &str {
        let _ = node;
        todo!()
    }
}
