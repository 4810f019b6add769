//! What disk operations cost in time: the device behind the page cache.
//!
//! Defaults are those of a data-centre NVMe drive: an fsync takes about a millisecond, 2 GB/s.

use crate::kernel::{Distribution, Duration, Stream, Time};

/// Costs of a node's disk.
#[derive(Clone, Debug)]
pub struct DiskConfig {
    /// Processor time of one call that works on the page cache. 2 µs.
    pub call: Duration,
    /// Copying to or from the page cache, in picoseconds a byte. 100 (10 GB/s).
    pub memory_picos_per_byte: u64,
    /// Latency of a read that the page cache cannot serve (after a power failure it is empty). 80 µs.
    pub read_latency: Distribution,
    /// Latency of an fsync, beyond moving its bytes. Log-normal with median 1 ms.
    pub sync_latency: Distribution,
    /// Bandwidth of the device for reads and writes together. 2 GB/s.
    pub bytes_per_second: u64,
    /// How long the operating system keeps written data in memory only. 30 s, as Linux
    /// (`vm.dirty_expire_centisecs`).
    pub writeback_after: Duration,
    /// A write call blocks at the device's speed while more than so many bytes wait to be written
    /// back. 1 GiB.
    pub dirty_limit: u64,
    /// Bytes that fit on the disk. No limit.
    pub capacity: u64,
}

impl Default for DiskConfig {
    fn default() -> Self {
        Self {
            call: Duration::from_micros(2),
            memory_picos_per_byte: 100,
            read_latency: Distribution::Constant(Duration::from_micros(80)),
            sync_latency: Distribution::log_normal(Duration::from_millis(1), 25),
            bytes_per_second: 2_000_000_000,
            writeback_after: Duration::from_secs(30),
            dirty_limit: 1 << 30,
            capacity: u64::MAX,
        }
    }
}

/// A reading ahead as Linux does: a cold read brings in at least so many bytes.
pub(super) const READ_AHEAD: u64 = 128 * 1024;

/// The device's queue and the time that the running handler has spent in calls.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) config: DiskConfig,
    random: Stream,
    /// Start of the running handler.
    pub(super) now: Time,
    /// When the device will have done all that was asked of it.
    busy_until: Time,
    /// Time spent in blocking calls since `now`.
    spent: Duration,
    slowness: u64,
    /// How much later than it is done an fsync returns.
    pub(super) sync_delay: Duration,
}

impl Device {
    pub(super) fn new(config: DiskConfig, random: Stream) -> Self {
        Self {
            config,
            random,
            now: Time::ZERO,
            busy_until: Time::ZERO,
            spent: Duration::ZERO,
            slowness: 1,
            sync_delay: Duration::ZERO,
        }
    }

    pub(super) fn set_slowness(&mut self, times: u32) {
        self.slowness = u64::from(times.max(1));
    }

    pub(super) fn take_spent(&mut self) -> Duration {
        std::mem::take(&mut self.spent)
    }

    /// How far the handler has come with its calls.
    pub(super) fn reached(&self) -> Time {
        self.now + self.spent
    }

    pub(super) fn power_off(&mut self) {
        self.busy_until = self.now;
        self.spent = Duration::ZERO;
    }

    /// A call that the page cache serves.
    pub(super) fn call(&mut self, bytes: u64) {
        let picos = u128::from(bytes) * u128::from(self.config.memory_picos_per_byte);
        let work = self.config.call + Duration(clamp(picos / 1_000));
        self.spent = self.spent + work.saturating_mul(self.slowness);
    }

    /// A blocking read from the device itself.
    pub(super) fn read_cold(&mut self, bytes: u64) {
        let latency = self.config.read_latency.sample(&mut self.random);
        self.block(latency + self.transfer(bytes));
    }

    /// A write that must wait for the device, since too much is waiting to be written back.
    pub(super) fn write_through(&mut self, bytes: u64) {
        self.block(self.transfer(bytes));
    }

    /// A blocking fsync that takes so much longer; answers when it will be done.
    pub(super) fn sync(&mut self, dirty: u64, delay: Duration) -> Time {
        let latency = self.config.sync_latency.sample(&mut self.random);
        self.block(latency + self.transfer(dirty));
        self.spent = self.spent + delay;
        self.reached()
    }

    /// A blocking fsync of a file that has nothing to write.
    pub(super) fn sync_clean(&mut self, delay: Duration) -> Time {
        self.call(0);
        self.spent = self.spent + delay;
        self.reached()
    }

    /// An fsync that the process does not wait for; answers when it will be done.
    pub(super) fn sync_later(&mut self, dirty: u64) -> Time {
        let latency = self.config.sync_latency.sample(&mut self.random);
        self.occupy(latency + self.transfer(dirty)) + self.sync_delay
    }

    fn block(&mut self, work: Duration) {
        self.spent = self.occupy(work).since(self.now);
    }

    /// Queues work behind what the device does already; answers when it will be done.
    fn occupy(&mut self, work: Duration) -> Time {
        let begin = self.busy_until.max(self.now + self.spent);
        self.busy_until = begin + work.saturating_mul(self.slowness);
        self.busy_until
    }

    fn transfer(&self, bytes: u64) -> Duration {
        let nanos =
            u128::from(bytes) * 1_000_000_000 / u128::from(self.config.bytes_per_second.max(1));
        Duration(clamp(nanos))
    }
}

fn clamp(nanos: u128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}
