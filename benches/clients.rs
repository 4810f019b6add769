//! How fast clients and groups are: records a second through batches, replication and a group; a rebalance of a
//! thousand members; the memory of a million records that are kept.
//!
//! `cargo bench --bench clients`, and `cargo bench --bench clients memory` for the last. Each time is the median of
//! five runs, in seconds on the processor.

// A bench measures the machine, so it reads the machine's clock.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use kafka_trial::kernel::{Duration, Time};
use kafka_trial::plan::Plan;
use kafka_trial::protocol::{Fact, GroupFact};
use kafka_trial::run::{Report, Run};
use kafka_trial::scenario::load;
use kafka_trial::trace::{Keep, Observer, TraceEntry};
use measure::{median, peak_memory, timed};

mod measure;

fn main() {
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("records") {
        records();
    }
    if wanted("rebalance") {
        rebalance();
    }
    // Only when asked for by name: what came before would count.
    if only.as_deref() == Some("memory") {
        memory();
    }
}

/// Ten producers, each of which fills batches of a hundred records of 100 bytes as fast as they are acknowledged; a
/// group of three reads.
fn records() {
    let plan = plan(
        "records",
        "duration: 14s
cluster: {brokers: 3}
topics:
  t: {partitions: 10, replication.factor: 3}
producers:
  p:
    {count: 10, topic: t, value: {bytes: 100B}, saturate: true, on_the_way: 1000, start: 4s, limit: 50000, acks: all,
     config: {batch.size: 11000, linger.ms: 5}}
consumers:
  c: {count: 3, topics: [t], config: {group.id: g}}
",
    );
    let first = play(&plan, |_| ());
    let names: Vec<&'static str> = first.figures.iter().map(|(name, _)| *name).collect();
    let read = first.routine.consumed;
    println!("records, acks=all on 3 replicas, batches of 100 records of 100 bytes, a group of 3:");
    let without_properties = |run: &mut Run| {
        for name in &names {
            run.leave_out_property(name);
        }
    };
    let rate = |what: &str, prepare: &dyn Fn(&mut Run)| {
        let mut report = None;
        let seconds = median(|| {
            // What the last run came to is given back before the next begins.
            report = None;
            timed(|| report = Some(play(&plan, prepare)))
        });
        let rate = read as f64 / seconds;
        println!("  {what}: {read} records read, {rate:.0} a second on the processor");
    };
    rate("all properties", &|_| ());
    rate("no properties", &without_properties);
    rate(
        "no properties, and nobody who looks at single records",
        &|run| {
            without_properties(run);
            run.leave_out_routine();
        },
    );
}

fn play(plan: &Plan, prepare: impl Fn(&mut Run)) -> Report {
    let mut run = Run::start(plan, 1).unwrap();
    run.keep(Keep::Nothing);
    prepare(&mut run);
    run.until(run.end());
    let report = run.finish();
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    report
}

/// How many members know their partitions since the last rebalance began.
#[derive(Default)]
struct Settled {
    members: usize,
}

impl Observer for Settled {
    fn fact(&mut self, entry: &TraceEntry) {
        match &entry.fact {
            Fact::Group(GroupFact::Changed { state, .. }) if **state == *"PreparingRebalance" => {
                self.members = 0;
            }
            Fact::Group(GroupFact::PartitionsAssigned { .. }) => self.members += 1,
            _ => {}
        }
    }
}

/// One more joins a group of a thousand members that share ten thousand partitions, until all have theirs.
fn rebalance() {
    let plan = plan(
        "rebalance",
        "duration: 120s
cluster: {brokers: 3}
topics:
  t: {partitions: 10000, replication.factor: 1}
consumers:
  c: {count: 1000, topics: [t], config: {group.id: g}}
  late: {topics: [t], start: 60s, config: {group.id: g}}
",
    );
    let mut run = Run::start(&plan, 1).unwrap();
    run.keep(Keep::Nothing);
    run.until(Time::ZERO + Duration::from_secs(59));
    let mut settled = Settled::default();
    let seconds = timed(|| {
        let mut until = run.now();
        while settled.members < 1_001 && until < run.end() {
            until += Duration::from_millis(100);
            run.until_watched(until, &mut settled);
        }
    });
    println!(
        "rebalance of 1,001 members over 10,000 partitions: {seconds:.2} s on the processor, {} settled at {:?}",
        settled.members,
        run.now()
    );
}

/// A million records of 100 bytes on three replicas, kept to the end.
fn memory() {
    let plan = plan(
        "memory",
        "duration: 24s
cluster: {brokers: 3}
topics:
  t: {partitions: 10, replication.factor: 3}
producers:
  p:
    {count: 10, topic: t, value: {bytes: 100B}, saturate: true, on_the_way: 1000, start: 4s, limit: 100000, acks: all,
     config: {batch.size: 11000, linger.ms: 5}}
",
    );
    let report = play(&plan, |_| ());
    println!(
        "{} records of 100 bytes acknowledged by 3 replicas: {} events, peak memory {}",
        report.routine.acknowledged,
        report.events,
        peak_memory().unwrap_or_default()
    );
}

fn plan(name: &str, rest: &str) -> Plan {
    let text = format!("format: 1\nname: {name}\nabout: A bench.\n{rest}");
    load("bench.yaml", text.into_bytes(), &[]).unwrap().plan
}
