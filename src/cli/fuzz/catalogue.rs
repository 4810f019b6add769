//! `trial fuzz --catalogue`: how soon random seeds find each bug of the catalogue again.

use super::clock::cpu_seconds;
use crate::campaign::catalogue::{Entry, entries};
use crate::campaign::shrink::{shrink, size};
use crate::campaign::{Find, first_find, rediscovered_with};
use crate::cli::Status;
use crate::cli::terminal::Terminal;
use crate::run::{on_threads, spread};

/// Campaigns of each bug, each from another seed.
const STARTS: u64 = 5;
/// Seeds of a campaign that finds nothing.
const MOST: u64 = 2_000;

/// A campaign of one bug.
struct Job {
    entry: &'static Entry,
    start: u64,
}

pub(super) fn run(threads: Option<usize>, terminal: &mut Terminal) -> Result<Status, String> {
    let jobs: Vec<Job> = entries()
        .filter(|entry| rediscovered_with(entry).is_some())
        .flat_map(|entry| (0..STARTS).map(move |start| Job { entry, start }))
        .collect();
    let found = on_threads(threads, || spread(&jobs, search))?;
    terminal.line(&format!(
        "{:<8} {:>7} {:>9}  {:<9} {:>7} {:>6}  found by",
        "bug", "seeds", "CPU s", "in starts", "faults", "least"
    ));
    let mut missed = 0;
    for entry in entries() {
        let of_entry = |(job, found): (&Job, &(Option<Find>, f64))| {
            (job.entry.id == entry.id).then(|| found.clone())
        };
        let mut found: Vec<(Option<Find>, f64)> =
            jobs.iter().zip(&found).filter_map(of_entry).collect();
        if found.is_empty() {
            terminal.line(&format!(
                "{:<8} {:>7} {:>9}  {:<9} {:>7} {:>6}  by design: no rule makes it, and the swarm's settings are safe",
                entry.id, "-", "-", "-", "-", entry.shortest
            ));
            continue;
        }
        // What was not found comes last.
        found.sort_by_key(|(find, _)| find.as_ref().map_or(u64::MAX, |find| find.seeds));
        let times = found.iter().filter(|(find, _)| find.is_some()).count();
        let median = &found[found.len() / 2];
        let line = match &median.0 {
            Some(find) => format!(
                "{:<8} {:>7} {:>9.2}  {times} of {}    {:>7} {:>6}  {}",
                entry.id,
                find.seeds,
                median.1,
                found.len(),
                shrunk(entry, find),
                entry.shortest,
                find.failure.broken
            ),
            None => {
                missed += 1;
                format!(
                    "{:<8} {:>7} {:>9.2}  {times} of {}    {:>7} {:>6}  not in {MOST} seeds",
                    entry.id,
                    "-",
                    median.1,
                    found.len(),
                    "-",
                    entry.shortest
                )
            }
        };
        terminal.line(&line);
    }
    Ok(match missed {
        0 => Status::Well,
        _ => Status::Failed,
    })
}

fn search(job: &Job) -> (Option<Find>, f64) {
    let begun = cpu_seconds();
    let target = rediscovered_with(job.entry);
    // Starts lie so far apart that no two campaigns have a seed in common.
    let first = job.start * 1_000_000 + 1;
    let find = target.and_then(|target| first_find(&target, first, MOST));
    (find, cpu_seconds() - begun)
}

/// Faults that are left of a find when it is shrunk.
fn shrunk(entry: &Entry, find: &Find) -> usize {
    let Some(target) = rediscovered_with(entry) else {
        return find.size;
    };
    let plan = target.plan(find.seed);
    size(&shrink(&plan, find.seed, &find.failure.broken, &mut |_| ()))
}
