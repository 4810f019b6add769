//! How fast a whole cluster is: until it serves, the leader-crash scenario, and messages a second of
//! saturated produce, replicate and consume with every property checked.
//!
//! `cargo bench --bench cluster`, and `cargo bench --bench cluster memory` for the memory of a long run. Each figure is the median of five runs, in seconds on the processor.

// A bench measures the machine, so it reads the machine's clock.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use kafka_trial::plan::Plan;
use kafka_trial::protocol::Fact;
use kafka_trial::run::{Report, Run, run};
use kafka_trial::scenario::{SHIPPED, load};
use kafka_trial::trace::Keep;
use measure::{median, medians_of, peak_memory, timed};

mod measure;

fn main() {
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("start") {
        start();
    }
    if wanted("leader-crash") {
        leader_crash();
    }
    if wanted("saturated") {
        saturated();
    }
    // Only when asked for by name: what came before would count.
    if only.as_deref() == Some("memory") {
        memory();
    }
}

/// One ZooKeeper server and three brokers, from nothing until all serve and one is the controller.
fn start() {
    let plan = plan("start", "cluster: {brokers: 3}");
    // One start is shorter than what the system's clock of processor time can tell.
    const STARTS: u32 = 200;
    let seconds = median(|| {
        timed(|| {
            for seed in 0..STARTS {
                let mut run = Run::start(&plan, u64::from(seed)).unwrap();
                let mut seen = Seen::default();
                while !seen.is_up(&run) {
                    assert!(run.step(), "the cluster never came up");
                }
            }
        }) / f64::from(STARTS)
    });
    println!(
        "start until all brokers and a controller: {:.2} ms",
        seconds * 1e3
    );
    if let Some(peak) = peak_memory() {
        println!("  peak memory of the process: {peak}");
    }
}

/// What of a start has been seen; it looks at each fact once, so that looking is no part of the figure.
#[derive(Default)]
struct Seen {
    facts: usize,
    serving: u32,
    elected: bool,
}

impl Seen {
    fn is_up(&mut self, run: &Run) -> bool {
        for entry in &run.trace()[self.facts..] {
            match entry.fact {
                Fact::Serving => self.serving += 1,
                Fact::ControllerElected { .. } => self.elected = true,
                _ => {}
            }
        }
        self.facts = run.trace().len();
        self.serving == 3 && self.elected
    }
}

fn leader_crash() {
    let mut shipped = SHIPPED.iter();
    let scenario = shipped
        .find(|shipped| shipped.name() == "leader-crash")
        .unwrap();
    let plan = load("leader-crash.yaml", scenario.text.as_bytes().to_vec(), &[])
        .unwrap()
        .plan;
    let seconds = median(|| timed(|| drop(held(&plan))));
    println!("leader-crash, simulated: {:.2} ms", seconds * 1e3);
}

/// As `trial run` does it: every property looks, and no fact is kept longer than somebody looks at it.
fn saturated() {
    println!("saturated, acks=all, 3 brokers, 6 partitions of 3 replicas, 1 consumer:");
    for (producers, idempotence, duration) in [
        (1, true, "8s"),
        (6, true, "8s"),
        (6, false, "8s"),
        (6, true, "20s"),
    ] {
        let plan = saturating(producers, idempotence, duration);
        let messages = streamed(&plan, true).messages;
        let (with, without) = medians_of(|routine| {
            let mut report = None;
            // What it came to is given back outside the figure.
            timed(|| report = Some(streamed(&plan, routine)))
        });
        let (with, without) = (messages as f64 / with, messages as f64 / without);
        println!(
            "  {producers} producers, enable.idempotence={idempotence}, {duration}: {messages} messages, {with:.0} a second on the processor"
        );
        println!(
            "    without routine facts {without:.0}: {:.0} % less work a message",
            (1.0 - with / without) * 100.0
        );
    }
}

/// The most memory that 20 s of six producers take, in a process of its own.
fn memory() {
    let report = streamed(&saturating(6, true, "20s"), true);
    println!(
        "saturated, 6 producers, 20 s: {} messages, peak memory {}",
        report.messages,
        peak_memory().unwrap_or_default()
    );
}

/// Each record in a batch and a request of its own: most messages for each record. `benches/clients.rs` fills batches.
fn saturating(producers: u32, idempotence: bool, duration: &str) -> Plan {
    let rest = format!(
        "cluster: {{brokers: 3}}
topics:
  t: {{partitions: 6, replication.factor: 3}}
producers:
  p: {{count: {producers}, topic: t, value: {{bytes: 100B}}, saturate: true, acks: all,
      config: {{batch.size: 0, enable.idempotence: {idempotence}}}}}
consumers:
  c: {{topics: [t]}}"
    );
    lasting(duration, "saturated", &rest)
}

fn streamed(plan: &Plan, routine: bool) -> Report {
    let mut run = Run::start(plan, 1).unwrap();
    run.keep(Keep::Nothing);
    if !routine {
        run.leave_out_routine();
    }
    run.until(run.end());
    let report = run.finish();
    assert!(report.held(), "{:?}", report.violations);
    report
}

fn plan(name: &str, rest: &str) -> Plan {
    lasting("8s", name, rest)
}

fn lasting(duration: &str, name: &str, rest: &str) -> Plan {
    let text = format!("format: 1\nname: {name}\nabout: A bench.\nduration: {duration}\n{rest}\n");
    load("bench.yaml", text.into_bytes(), &[]).unwrap().plan
}

/// Runs a plan with all properties; they must hold.
fn held(plan: &Plan) -> Report {
    let report = run(plan, 1).unwrap();
    assert!(report.held(), "{:?}", report.violations);
    report
}
