//! The back-off of Kafka's clients (class ExponentialBackoff, KIP-580; CN8).

use super::Ctx;
use crate::kernel::Duration;

/// `initial` x 2^`attempts`, give or take a fifth, at most `max`; drawn anew with each call.
pub fn exponential(ctx: &mut Ctx<'_>, initial_ms: u64, max_ms: u64, attempts: u32) -> Duration {
    let millis = backoff(initial_ms, max_ms, attempts, |n| ctx.random().below(n));
    let waits = if ctx.buggify("late retry") { 4 } else { 1 };
    Duration::from_millis(millis * waits)
}

/// CN8: whole milliseconds. Where nothing can grow nothing is drawn either: it is `max` each time.
fn backoff(
    initial_ms: u64,
    max_ms: u64,
    attempts: u32,
    draw_below: impl FnOnce(u64) -> u64,
) -> u64 {
    if initial_ms >= max_ms {
        return max_ms;
    }
    let term = initial_ms.saturating_mul(1 << attempts.min(20)).min(max_ms);
    let micros = term.saturating_mul(1_000);
    let jittered = micros - micros / 5 + draw_below(micros / 5 * 2 + 1);
    (jittered / 1_000).min(max_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Stream;

    #[test]
    fn cn8_a_back_off_doubles_give_or_take_a_fifth_up_to_its_end() {
        let mut stream = Stream::named(1, "back-off");
        let mut spread = |initial, max, attempts| {
            let draws: Vec<u64> = (0..500)
                .map(|_| backoff(initial, max, attempts, |n| stream.below(n)))
                .collect();
            (draws.iter().min().copied(), draws.iter().max().copied())
        };
        for (attempts, least, most) in [(0, 80, 120), (1, 160, 240), (3, 640, 960)] {
            let (shortest, longest) = spread(100, 1_000, attempts);
            assert!(shortest >= Some(least) && shortest < Some(least + least / 10));
            assert!(longest <= Some(most) && longest > Some(most - most / 10));
        }
        // The end is no middle: half of the draws come to it.
        for attempts in [4, 5, 70] {
            let (shortest, longest) = spread(100, 1_000, attempts);
            assert!(shortest >= Some(800) && shortest < Some(850));
            assert_eq!(longest, Some(1_000));
        }
        for initial in [1_000, 5_000] {
            let nothing = |_: u64| -> u64 { panic!("nothing is drawn") };
            assert_eq!(backoff(initial, 1_000, 3, nothing), 1_000);
        }
        assert_eq!(spread(0, 1_000, 9), (Some(0), Some(0)));
    }
}
