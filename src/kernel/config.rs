//! What a simulated world costs and how far it may run: every default, with its unit and its reason.

use super::{DiskConfig, Distribution, Duration};

/// Costs, network and guards of a simulated world. Every default stands in the book (`costs.md`).
#[derive(Clone, Debug)]
pub struct Config {
    /// Milliseconds since 1970 at time zero. Monday 3 June 2024, 08:00 UTC.
    pub calendar_start_ms: i64,
    pub costs: Costs,
    pub network: NetworkConfig,
    pub disk: DiskConfig,
    /// Rare but legal paths of protocol code are taken with this probability; `None`: never.
    pub buggify: Option<Chance>,
    pub guards: Guards,
}

/// Processor time of a process's own work; one process works on one thing at a time.
#[derive(Clone, Debug)]
pub struct Costs {
    /// Handling a message, its answer included. 20 µs: 50,000 requests a second.
    pub message: Duration,
    /// Handling a byte of it, in picoseconds. 500: 2 GB/s.
    pub message_picos_per_byte: u64,
    /// Taking in a new connection. 50 µs.
    pub connection: Duration,
    /// A timer that fires. Nothing: what it leads to costs.
    pub timer: Duration,
}

/// Latencies are one way.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Between nodes of one rack, or with no rack. Log-normal with median 150 µs.
    pub same_rack: Distribution,
    /// Between racks (availability zones). Log-normal with median 500 µs.
    pub other_rack: Distribution,
    /// From a node to itself. 20 µs.
    pub loopback: Distribution,
    /// What a node's link sends, all its connections together; 10 Gbit/s.
    pub bytes_per_second: u64,
    /// Bytes of a connection that are on their way or wait for the receiving process; beyond, the
    /// sender's bytes stay with the sender. 1 MiB.
    pub window: u64,
    /// The first retransmission of lost bytes; each further one waits twice as long. 200 ms, as Linux.
    pub retransmit_first: Duration,
    /// The longest wait between two retransmissions. 120 s, as Linux.
    pub retransmit_longest: Duration,
    /// A connection whose bytes are not acknowledged for so long has timed out. 924.6 s, as Linux
    /// with 15 retransmissions (`tcp_retries2`).
    pub give_up: Duration,
    /// The first repetition of a connection attempt that nobody answers. 1 s, as Linux.
    pub connect_retry_first: Duration,
    /// A connection attempt without an answer ends after so long. 127 s, as Linux with 6
    /// repetitions (`tcp_syn_retries`).
    pub connect_give_up: Duration,
}

/// Ends of a run that would not end by itself.
#[derive(Clone, Debug)]
pub struct Guards {
    /// Events in one run. 10 thousand million.
    pub events: u64,
    /// Events at one instant. 1 million.
    pub events_in_an_instant: u64,
}

/// A probability of `num` in `den`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chance {
    pub num: u64,
    pub den: u64,
}

/// What may differ from node to node.
#[derive(Clone, Debug, Default)]
pub struct NodeOptions {
    pub rack: Option<String>,
    /// Work takes so many times as long (0 means 1).
    pub slowness: u32,
    /// Clock ahead (or behind) at the start.
    pub skew_ms: i64,
    pub drift_ppm: i32,
    /// Restart after an exit or a crash, after this delay, as a service manager would. Not after a
    /// power failure, and not after an exit that `Fault::Terminate` asked for.
    pub supervisor: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            calendar_start_ms: 1_717_401_600_000,
            costs: Costs::default(),
            network: NetworkConfig::default(),
            disk: DiskConfig::default(),
            buggify: None,
            guards: Guards::default(),
        }
    }
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            message: Duration::from_micros(20),
            message_picos_per_byte: 500,
            connection: Duration::from_micros(50),
            timer: Duration::ZERO,
        }
    }
}

impl Costs {
    #[inline]
    pub(super) fn of_message(&self, bytes: u64) -> Duration {
        self.message + Duration(bytes.saturating_mul(self.message_picos_per_byte) / 1_000)
    }
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            same_rack: Distribution::log_normal(Duration::from_micros(150), 25),
            other_rack: Distribution::log_normal(Duration::from_micros(500), 25),
            loopback: Distribution::Constant(Duration::from_micros(20)),
            bytes_per_second: 1_250_000_000,
            window: 1 << 20,
            retransmit_first: Duration::from_millis(200),
            retransmit_longest: Duration::from_secs(120),
            give_up: Duration::from_millis(924_600),
            connect_retry_first: Duration::from_secs(1),
            connect_give_up: Duration::from_secs(127),
        }
    }
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            events: 10_000_000_000,
            events_in_an_instant: 1_000_000,
        }
    }
}
