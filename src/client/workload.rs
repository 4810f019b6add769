//! Workloads: which records a producer's application makes, and when.

use crate::kernel::Duration;

/// The records of one producer, and their pace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    pub key: KeyTemplate,
    pub value: ValueTemplate,
    pub pace: Pace,
    /// Time from the start of the process to the first record.
    pub start_after: Duration,
    /// Time from the start of the process after which no record is made.
    pub stop_after: Option<Duration>,
    /// No more records than this (over all lives of the process: numbers start anew with each).
    pub limit: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyTemplate {
    None,
    /// The producer's own name, e.g. `truck-7`.
    TruckId,
    Constant(String),
    /// The record's number.
    Counter,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ValueTemplate {
    /// JSON: truck, number, time, latitude and longitude in micro-degrees, moving along streets.
    Position,
    Text(String),
    Counter,
    /// So many bytes.
    Bytes(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// One record at each multiple of this, counted from the first.
    Every(Duration),
    /// As fast as records are answered, with so many on the way.
    AsFastAsAcknowledged { in_flight: u32 },
}
