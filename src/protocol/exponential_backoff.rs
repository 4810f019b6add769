//! The back-off of Kafka's clients (class ExponentialBackoff, KIP-580).

use super::Ctx;
use crate::kernel::Duration;

/// `ExponentialBackoff`: `initial` x 2^`attempts`, give or take a fifth, at most `max`.
pub fn exponential(ctx: &mut Ctx<'_>, initial_ms: u64, max_ms: u64, attempts: u32) -> Duration {
    let term = initial_ms.saturating_mul(1 << attempts.min(20)).min(max_ms);
    let micros = term.saturating_mul(1_000);
    let jittered = micros - micros / 5 + ctx.random().below(micros / 5 * 2 + 1);
    let waits = if ctx.buggify("late retry") { 4 } else { 1 };
    Duration::from_micros(jittered.min(max_ms.saturating_mul(1_000)) * waits)
}
