//! What reports are made of.

use super::account::{ClientTotals, Evidence, Told};
use crate::check::{Outcome, Violation};
use crate::kernel::Time;
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::run::Report;
use crate::trace::{Group, TraceHeader};

/// A finished run.
#[derive(Clone, Copy)]
pub struct Ending<'a> {
    pub plan: &'a Plan,
    /// Where the plan comes from, as its user named it.
    pub file: &'a str,
    pub seed: u64,
    /// Rolling hash over all that was dispatched.
    pub digest: u64,
    /// Events dispatched.
    pub events: u64,
    /// Messages delivered.
    pub messages: u64,
    /// Simulated time at the end.
    pub end: Time,
    /// What its facts came to.
    pub told: &'a Told,
    /// What there is to see of the first property that broke.
    pub evidence: Option<&'a Evidence>,
    pub view: &'a dyn ClusterView,
    pub zookeeper: ShowZooKeeper,
    /// What the plan expects, judged.
    pub outcomes: &'a [Outcome],
    /// Properties that broke.
    pub violations: &'a [Violation],
    /// What each property looked at.
    pub figures: &'a [(&'static str, String)],
    /// What properties have found that breaks nothing.
    pub remarks: &'a [String],
    /// Why the run ended before its time, if it did.
    pub stopped: Option<&'a str>,
    /// The command that repeats the run.
    pub repeat: &'a str,
}

/// How much of ZooKeeper is shown at the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ShowZooKeeper {
    Nothing,
    /// Who leads, and the sessions.
    Servers,
    /// The tree too.
    Tree,
}

impl<'a> Ending<'a> {
    /// Of a run. `told` is what its facts came to, `view` is the report's, `repeat` the command that repeats
    /// it. ZooKeeper is shown in short where the scenario is about it.
    pub fn of(
        report: &'a Report,
        told: &'a Told,
        view: &'a dyn ClusterView,
        repeat: &'a str,
    ) -> Ending<'a> {
        let plan = &report.plan;
        let is_about_it = plan.cluster.zookeeper.servers > 1 || !plan.zookeeper_clients.is_empty();
        Ending {
            zookeeper: match is_about_it {
                true => ShowZooKeeper::Servers,
                false => ShowZooKeeper::Nothing,
            },
            plan,
            file: &plan.name,
            seed: report.seed,
            digest: report.digest,
            events: report.events,
            messages: report.messages,
            end: report.end,
            told,
            evidence: None,
            view,
            outcomes: &report.outcomes,
            violations: &report.violations,
            figures: &report.figures,
            remarks: &report.remarks,
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
        let groups = self.plan.producers.iter();
        groups
            .map(|plan| (plan.name.as_str(), self.told.sum(&plan.members())))
            .collect()
    }

    /// Totals of each consumer of the plan, member by member, in its order.
    pub fn consumers(&self) -> Vec<(String, ClientTotals)> {
        let members = self.plan.consumers.iter().flat_map(|plan| plan.members());
        members
            .map(|name| {
                let total = self.told.sum(std::slice::from_ref(&name));
                (name, total)
            })
            .collect()
    }

    /// What the first line of the run's trace says.
    pub fn trace_header(&self) -> TraceHeader {
        trace_header(self.plan, self.seed)
    }
}

/// The first line of the trace of a plan's run.
pub fn trace_header(plan: &Plan, seed: u64) -> TraceHeader {
    let group = |name: &str, members| Group {
        name: name.to_owned(),
        members,
    };
    let producers = plan.producers.iter();
    let consumers = plan.consumers.iter();
    TraceHeader {
        scenario: plan.name.clone(),
        about: plan.about.clone(),
        seed,
        warnings: plan.warnings(),
        producers: producers.map(|it| group(&it.name, it.members())).collect(),
        consumers: consumers.map(|it| group(&it.name, it.members())).collect(),
    }
}
