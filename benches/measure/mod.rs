//! What benches measure with: processor time, the median of five, the peak of memory.

// Not every bench needs all of it.
#![allow(dead_code)]

use std::time::Instant;

/// The median of five runs.
pub fn median(mut run: impl FnMut() -> f64) -> f64 {
    let mut times: Vec<f64> = (0..5).map(|_| run()).collect();
    times.sort_by(f64::total_cmp);
    times[2]
}

/// The medians of five runs of each of two, which take turns: what disturbs the machine disturbs both.
pub fn medians_of(mut run: impl FnMut(bool) -> f64) -> (f64, f64) {
    let mut times: Vec<(f64, f64)> = (0..5).map(|_| (run(true), run(false))).collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let first = times[2].0;
    times.sort_by(|a, b| a.1.total_cmp(&b.1));
    (first, times[2].1)
}

/// Runs a piece of work; answers the seconds that it took on the processor, where the system tells
/// them (a busy machine disturbs these less), or else those that passed.
pub fn timed(work: impl FnOnce()) -> f64 {
    let (start, on_cpu) = (Instant::now(), cpu_seconds());
    work();
    match (on_cpu, cpu_seconds()) {
        (Some(before), Some(after)) => after - before,
        _ => start.elapsed().as_secs_f64(),
    }
}

/// The most memory that the process has held, as Linux tells it.
pub fn peak_memory() -> Option<String> {
    status("VmHWM:")
}

/// Bytes of memory that the process holds now, as Linux tells it.
pub fn resident_memory() -> Option<u64> {
    let kibibytes: u64 = status("VmRSS:")?.split(' ').next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn status(field: &str) -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().to_string())
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(stat.split(' ').next()?.parse::<u64>().ok()? as f64 / 1e9)
}
