//! Seeded random streams: ChaCha8, one independent stream a stable name.

/// An independent stream of random bits, keyed by the run's seed and a stable name.
#[derive(Clone, Debug)]
pub struct Stream {}

impl Stream {
    /// The stream `name` of the run with `seed`; equal arguments give equal streams on every machine.
    pub fn named(seed: u64, name: &str) -> Self {
        let _ = (seed, name);
        todo!()
    }
    pub fn next_u64(&mut self) -> u64 {
        todo!()
    }
    /// Uniform in `0..bound`. Panics if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let _ = bound;
        todo!()
    }
    /// True with probability `num / den`.
    pub fn chance(&mut self, num: u64, den: u64) -> bool {
        let _ = (num, den);
        todo!()
    }
}
