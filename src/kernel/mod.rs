//! The kernel: a discrete-event simulator that knows nothing of Kafka.
//!
//! Virtual time, one event queue, seeded randomness, network, disks, clocks, processes and faults. A
//! process has one thread or several (`lane`), which do one thing at a time each and run side by side.
//! Generic over the domain's message, timer and fact types; it imports nothing of ours.
//!
//! May not know what a message, a timer or a fact means.

mod actor;
mod background;
mod causes;
mod clock;
mod config;
mod digest;
pub mod disk;
mod distribution;
mod engine;
mod event;
mod fault;
mod guard;
mod id;
mod lane;
mod network;
mod process;
mod queue;
mod radix;
mod random;
pub mod task;
mod time;
mod work;
mod world;

pub use actor::{Actor, CloseReason, Ctx, Domain, Event, Payload};
pub use causes::{Cause, Caused, Sent};
pub use config::{Chance, Config, Costs, Guards, NetworkConfig, NodeOptions};
pub use disk::{Disk, DiskConfig, DiskError, FileId};
pub use distribution::{Distribution, Quantiles};
pub use engine::{Dispatched, FactEntry, Kernel, NodeStatus, Stop};
pub use fault::{Fault, FaultId};
pub use id::{Address, ConnId, NodeId, TimerId};
pub use lane::{Backlog, Coming, Hold, Incoming, Lane};
pub use random::Stream;
pub use time::{Duration, Time};
