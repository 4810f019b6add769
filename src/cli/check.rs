//! `trial check`: says what is wrong with a scenario without running it.

use super::terminal::Terminal;
use super::{Status, inputs};
use crate::plan::{Plan, write_duration};
use crate::protocol::counted;
use clap::Args;

/// Validate scenarios without running them.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Scenario files, directories of them, names of shipped scenarios, or - for standard input
    #[arg(required = true, value_name = "SCENARIO|DIR")]
    scenarios: Vec<String>,
    /// Change a value first; / separates the parts of the path: topics/trucks_gps/partitions=10. What is not
    /// there yet is added with a plus: +seed=7
    #[arg(long = "set", value_name = "[+]KEY=VALUE")]
    sets: Vec<String>,
    /// Print nothing but what is wrong
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let mut status = Status::Well;
    for input in arguments.scenarios.iter().flat_map(|it| inputs::all(it)) {
        let loaded = input.and_then(|input| {
            inputs::load(&input.name, input.bytes, &arguments.sets)
                .map(|loaded| (input.name, loaded))
        });
        match loaded {
            Ok((name, loaded)) => {
                for warning in &loaded.warnings {
                    terminal.complain(warning);
                }
                if !arguments.quiet {
                    terminal.line(&format!("{name}: {}", summary(&loaded.plan)));
                }
            }
            Err(error) => {
                terminal.complain(&error);
                status = Status::Unusable;
            }
        }
    }
    status
}

/// "ok: leader-crash, 2m, 3 brokers, 1 topic, 4 clients, 2 lines in the timeline, 5 expectations".
fn summary(plan: &Plan) -> String {
    let clients = plan
        .producers
        .iter()
        .map(|plan| plan.count.unwrap_or(1))
        .sum::<u32>()
        + plan
            .consumers
            .iter()
            .map(|plan| plan.count.unwrap_or(1))
            .sum::<u32>();
    let parts = [
        counted(plan.cluster.brokers.len(), "broker"),
        counted(plan.topics.len(), "topic"),
        counted(clients, "client"),
        counted(plan.timeline.len(), "line") + " in the timeline",
        counted(plan.expect.len(), "expectation"),
    ];
    format!(
        "ok: {}, {}, {}",
        plan.name,
        write_duration(plan.duration),
        parts.join(", ")
    )
}
