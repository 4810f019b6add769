//! Coordinators: what a broker does for clients beside keeping logs. Today one, of groups.
//!
//! A coordinator keeps its state in a partition of an internal topic that its broker leads. It may not know
//! the broker's partitions: it is told when one begins and ends to be led here, is given what the log
//! holds, and hands over batches to append.

pub mod group;
