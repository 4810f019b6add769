//! What reports are made of.

use crate::check::{Outcome, Violation};
use crate::kernel::Time;
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::protocol::Fact;
use crate::run::Report;
use crate::trace::TraceEntry;
use std::collections::BTreeMap;

/// Of ZooKeeper's tree, so many nodes are shown unasked.
const NODES_IN_SHORT: usize = 40;

/// A finished run.
#[derive(Clone, Copy)]
pub struct Ending<'a> {
    pub plan: &'a Plan,
    pub seed: u64,
    /// Rolling hash over all that was dispatched.
    pub digest: u64,
    /// Events dispatched.
    pub events: u64,
    /// Messages delivered.
    pub messages: u64,
    /// Simulated time at the end.
    pub end: Time,
    pub trace: &'a [TraceEntry],
    pub view: &'a dyn ClusterView,
    /// Show ZooKeeper too, and of its tree at most so many nodes.
    pub zookeeper: Option<usize>,
    /// What the plan expects, judged.
    pub outcomes: &'a [Outcome],
    /// Properties that broke.
    pub violations: &'a [Violation],
    /// What each property looked at.
    pub figures: &'a [(&'static str, String)],
    /// Why the run ended before its time, if it did.
    pub stopped: Option<&'a str>,
    /// The command that repeats the run.
    pub repeat: &'a str,
}

/// What one group of clients did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientTotals {
    pub created: u64,
    pub acknowledged: u64,
    /// Handed to the network with acks=0: nobody acknowledges.
    pub sent: u64,
    pub failed: u64,
    /// Times that a record was sent again.
    pub retried: u64,
    pub read: u64,
}

impl<'a> Ending<'a> {
    /// Of a run. `view` is the report's, `repeat` the command that repeats it. ZooKeeper is shown in short
    /// where the scenario is about it.
    pub fn of(report: &'a Report, view: &'a dyn ClusterView, repeat: &'a str) -> Ending<'a> {
        let plan = &report.plan;
        let is_about_it = plan.cluster.zookeeper.servers > 1 || !plan.zookeeper_clients.is_empty();
        Ending {
            zookeeper: is_about_it.then_some(NODES_IN_SHORT),
            plan,
            seed: report.seed,
            digest: report.digest,
            events: report.events,
            messages: report.messages,
            end: report.end,
            trace: &report.trace,
            view,
            outcomes: &report.outcomes,
            violations: &report.violations,
            figures: &report.figures,
            stopped: report.stopped.as_deref(),
            repeat,
        }
    }
}

impl Ending<'_> {
    /// Nothing that had to hold failed.
    pub fn held(&self) -> bool {
        self.stopped.is_none()
            && self.violations.is_empty()
            && !self.outcomes.iter().any(Outcome::failed)
    }

    /// Totals of each producer group of the plan, in its order.
    pub fn producers(&self) -> Vec<(&str, ClientTotals)> {
        let totals = self.totals();
        let groups = self.plan.producers.iter();
        groups
            .map(|plan| (plan.name.as_str(), sum(&totals, &plan.members())))
            .collect()
    }

    /// Totals of each consumer of the plan, member by member, in its order.
    pub fn consumers(&self) -> Vec<(String, ClientTotals)> {
        let totals = self.totals();
        let members = self.plan.consumers.iter().flat_map(|plan| plan.members());
        members
            .map(|name| {
                let total = sum(&totals, std::slice::from_ref(&name));
                (name, total)
            })
            .collect()
    }

    /// Totals by node.
    fn totals(&self) -> BTreeMap<&str, ClientTotals> {
        let mut all: BTreeMap<&str, ClientTotals> = BTreeMap::new();
        for entry in self.trace {
            let field: fn(&mut ClientTotals) -> &mut u64 = match entry.fact {
                Fact::RecordCreated { .. } => |totals| &mut totals.created,
                Fact::Acked { offset: -1, .. } => |totals| &mut totals.sent,
                Fact::Acked { .. } => |totals| &mut totals.acknowledged,
                Fact::Failed { .. } => |totals| &mut totals.failed,
                Fact::Retrying { .. } => |totals| &mut totals.retried,
                Fact::Consumed { .. } => |totals| &mut totals.read,
                _ => continue,
            };
            *field(all.entry(&entry.node).or_default()) += 1;
        }
        all
    }
}

fn sum(totals: &BTreeMap<&str, ClientTotals>, names: &[String]) -> ClientTotals {
    let mut sum = ClientTotals::default();
    for one in names.iter().filter_map(|name| totals.get(name.as_str())) {
        sum.created += one.created;
        sum.acknowledged += one.acknowledged;
        sum.sent += one.sent;
        sum.failed += one.failed;
        sum.retried += one.retried;
        sum.read += one.read;
    }
    sum
}
