//! A run: a plan and a seed put together, stepped, watched and brought to its report.
//!
//! The one place that knows all: it builds the nodes, carries out the timeline as the cluster's
//! operator, resolves roles at the moment when they are needed, and feeds facts to the checkers. It
//! never tells a node what another knows.
//!
//! It knows everything, and may not let a node know.

mod administration;
mod assemble;
mod file_edits;
mod machine_faults;
mod nemesis;
mod network_faults;
mod operator;
mod process_faults;
mod readiness;
mod recorded;
mod roles;
mod spread;

pub use assemble::{Addresses, Unbuildable};
pub use spread::{on_threads, spread};

use crate::check::{Checks, Judge, Outcome, Violation};
use crate::kernel::{Caused, Fault, Kernel, NodeId, NodeOptions, NodeStatus, Sent, Stop, Time};
use crate::node::{Layout, Node, Observed};
use crate::plan::{MOST_RECORDS, Plan};
use crate::protocol::{Cluster, Fact, Timer};
use crate::trace::{
    CauseEntry, Keep, Nobody, Observer, RoutineCounts, SentEntry, Sink, TraceEntry,
};
use operator::Operator;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A simulation under way.
pub struct Run {
    plan: Plan,
    seed: u64,
    kernel: Kernel<Cluster, Node>,
    layout: Layout,
    operator: Operator,
    checks: Checks,
    judge: Judge,
    sink: Sink,
    /// Causes of the events since the last look, while they are kept.
    causes: Vec<CauseEntry>,
    sent: Vec<SentEntry>,
    /// Names of kinds of messages, each once.
    kinds: BTreeMap<&'static str, Rc<str>>,
    end: Time,
    /// A property that broke while the cluster ran; it ends the run.
    violation: Option<Violation>,
    stopped: Option<String>,
}

/// Everything that a run came to.
pub struct Report {
    pub plan: Plan,
    /// The plan with the nodes that its roles turned out to mean; running it is the same run.
    pub plan_as_run: Plan,
    pub seed: u64,
    /// Equal for equal plan, seed and version, on every machine.
    pub digest: u64,
    pub events: u64,
    pub messages: u64,
    /// Simulated time at the end.
    pub end: Time,
    /// As much of the trace as was kept.
    pub trace: Vec<TraceEntry>,
    /// Routine facts that were stated.
    pub routine: RoutineCounts,
    /// Properties that broke, the one that ended the run first.
    pub violations: Vec<Violation>,
    /// What came of the plan's expectations, in their order.
    pub outcomes: Vec<Outcome>,
    /// What came of the answers of its predictions, in the order of `Plan::answers`.
    pub answers: Vec<Outcome>,
    /// What each property looked at, in figures.
    pub figures: Vec<(&'static str, String)>,
    /// What properties have found that breaks nothing, and what was asked about groups and not answered.
    pub remarks: Vec<String>,
    /// Records that producers hold to be stored and no log holds, if they were to be counted.
    pub lost: Option<u64>,
    /// Why the run ended early, if a guard or a broken property ended it.
    pub stopped: Option<String>,
    kernel: Kernel<Cluster, Node>,
    layout: Layout,
}

/// Runs a plan to its end.
///
/// # Errors
/// A plan that does not hold together, or whose configuration no process could start with.
pub fn run(plan: &Plan, seed: u64) -> Result<Report, Unbuildable> {
    let mut run = Run::start(plan, seed)?;
    run.until(run.end);
    Ok(run.finish())
}

impl Run {
    /// Builds the cluster and starts its servers; nothing has happened yet.
    ///
    /// # Errors
    /// A plan that does not hold together, or whose configuration no process could start with.
    pub fn start(plan: &Plan, seed: u64) -> Result<Run, Unbuildable> {
        Run::start_with(plan, seed, |_, _| Ok(Vec::new()))
    }

    /// As `start`, with further nodes that the plan does not know: they are given the addresses of all
    /// brokers and the ZooKeeper servers, stand among the clients, and are down until a `fault` starts
    /// them.
    ///
    /// # Errors
    /// A plan that does not hold together, or whose configuration no process could start with.
    pub fn start_with(
        plan: &Plan,
        seed: u64,
        further: impl FnOnce(&Addresses, &[NodeId]) -> Result<Vec<(String, Node)>, Unbuildable>,
    ) -> Result<Run, Unbuildable> {
        plan.validate()
            .map_err(|problem| Unbuildable(problem.to_string()))?;
        let (mut kernel, mut layout) = assemble::assemble(plan, seed)?;
        for (name, node) in further(&Addresses::of(plan), &layout.zookeepers)? {
            let id = kernel.add_node(&name, NodeOptions::default(), node);
            layout.clients.push((name, id));
        }
        let mut run = Run {
            operator: Operator::new(plan),
            checks: Checks::built_in(plan),
            end: Time::ZERO + plan.end(),
            plan: plan.clone(),
            seed,
            kernel,
            layout,
            judge: Judge::new(plan),
            sink: Sink::default(),
            causes: Vec::new(),
            sent: Vec::new(),
            kinds: BTreeMap::new(),
            violation: None,
            stopped: None,
        };
        run.operate(|operator, world| operator.start_servers(world));
        Ok(run)
    }

    /// Keeps this of the trace, instead of everything. The run is the same.
    pub fn keep(&mut self, keep: Keep) {
        let mut sink = Sink::new(keep);
        sink.extend(std::mem::take(&mut self.sink).into_entries());
        self.sink = sink;
    }

    /// From now on nodes need not state routine facts (`Fact::is_routine`), for a run of which only the
    /// course matters: it is the same run, for less. Nobody may ask then what became of each record:
    /// properties that look at it are left out, expectations are not judged, and a plan whose timeline
    /// waits for an acknowledgement or a stall waits for ever.
    pub fn leave_out_routine(&mut self) {
        self.kernel.leave_out_routine();
        self.checks.leave_out_routine();
        self.judge.leave_out_routine();
    }

    /// Does not ask this property: one that the plan's rules break by themselves, where another is looked for.
    pub fn leave_out_property(&mut self, name: &str) {
        self.checks.leave_out(name);
    }

    /// Counts what becomes of every record, for `Report::lost`. The run is the same.
    pub fn count_lost(&mut self) {
        self.judge.count_lost();
    }

    /// From now on observers are shown why each event came to be. The run is the same.
    pub fn keep_causes(&mut self) {
        self.kernel.keep_causes();
    }

    pub fn now(&self) -> Time {
        self.kernel.now()
    }

    /// Applies a fault now, beside the timeline; the fact is stated of the node.
    pub fn fault(&mut self, fault: Fault, fact: Option<(NodeId, Fact)>) {
        self.operate(|_, world| {
            world.kernel.apply(fault);
            world
                .deeds
                .extend(fact.map(|(node, fact)| (Some(node), fact)));
        });
    }

    /// Hands a running node a timer now: how an operator's client is given its next command.
    pub fn poke(&mut self, node: NodeId, timer: Timer) {
        self.kernel.poke(node, timer);
    }

    /// A node's process, for giving an operator's client its commands.
    pub fn node_mut(&mut self, node: NodeId) -> &mut Node {
        self.kernel.actor_mut(node)
    }

    /// When the plan ends, or is cut short.
    pub fn end(&self) -> Time {
        self.end
    }

    pub fn view(&self) -> Observed<'_> {
        Observed {
            kernel: &self.kernel,
            layout: &self.layout,
        }
    }

    /// As much of the trace as is kept, and the facts of the last step.
    pub fn trace(&self) -> &[TraceEntry] {
        self.sink.entries()
    }

    /// What brought about the last step's events, where causes are kept.
    pub fn causes(&self) -> &[CauseEntry] {
        &self.causes
    }

    /// What was sent in the last step, where causes are kept.
    pub fn sent(&self) -> &[SentEntry] {
        &self.sent
    }

    /// True if a guard or a broken property has ended the run.
    pub fn is_over(&self) -> bool {
        self.stopped.is_some() || self.violation.is_some()
    }

    /// Events dispatched so far.
    pub fn events(&self) -> u64 {
        self.kernel.events()
    }

    /// Dispatches the next event, or carries out what the timeline has due before it. False when
    /// nothing is left to happen, or a guard has ended the run.
    pub fn step(&mut self) -> bool {
        self.sink.settle();
        self.causes.clear();
        self.sent.clear();
        let (due, next) = (self.operator.due(), self.kernel.next_time());
        !self.is_over() && self.step_from(due, next)
    }

    /// As `step`, if something is left to happen before or at `time`.
    pub fn step_until(&mut self, time: Time) -> bool {
        let next = [self.operator.due(), self.kernel.next_time()];
        next.into_iter().flatten().any(|first| first <= time) && self.step()
    }

    /// Lets the first happen of what the operator has due and the kernel's next event.
    #[inline]
    fn step_from(&mut self, due: Option<Time>, next: Option<Time>) -> bool {
        if let Some(due) = due
            && next.is_none_or(|next| due <= next)
        {
            self.kernel.advance_to(due);
            self.operate(|operator, world| operator.carry_out_due(world));
            return true;
        }
        match self.kernel.step() {
            Ok(_) => {
                self.collect();
                self.stop_before_it_is_too_much();
                true
            }
            Err(Stop::Idle) => false,
            Err(Stop::Guard(why)) => {
                self.stopped = Some(why);
                false
            }
        }
    }

    /// Steps until nothing before or at `time` is left to happen; the clock then stands at `time`.
    pub fn until(&mut self, time: Time) {
        self.until_watched(time, &mut Nobody);
    }

    /// As `until`; the observer is shown every fact in its order, also those that are not kept.
    pub fn until_watched(&mut self, time: Time, observer: &mut impl Observer) {
        self.show(observer);
        loop {
            let (due, next) = (self.operator.due(), self.kernel.next_time());
            if !due.into_iter().chain(next).any(|first| first <= time) {
                break;
            }
            let goes_on = !self.is_over() && self.step_from(due, next);
            self.show(observer);
            if !goes_on {
                return;
            }
        }
        if !self.is_over() && self.kernel.now() < time {
            self.kernel.advance_to(time);
        }
    }

    /// Shows an observer what it has not seen yet, before it is settled.
    #[inline]
    fn show(&mut self, observer: &mut impl Observer) {
        if !self.causes.is_empty() {
            self.causes.drain(..).for_each(|it| observer.cause(&it));
        }
        if !self.sink.fresh().is_empty() {
            self.sink.fresh().iter().for_each(|it| observer.fact(it));
            self.sink.settle();
        }
        if !self.sent.is_empty() {
            self.sent.drain(..).for_each(|it| observer.sent(&it));
        }
    }

    /// Ends the run here: what must hold at the end is checked now.
    pub fn finish(mut self) -> Report {
        let mut violations: Vec<Violation> = self.violation.take().into_iter().collect();
        let observed = Observed {
            kernel: &self.kernel,
            layout: &self.layout,
        };
        if self.stopped.is_some() {
            self.checks.ends_early();
        }
        let end_of_run = self.checks.end_of_run(&observed);
        if let Some(broken) = violations.first() {
            // What the run would have come to, nobody can say.
            let at = self.kernel.now().since(Time::ZERO).as_millis();
            let why = format!(
                "the run ended at {}.{:03} s, since a property broke: {}",
                at / 1_000,
                at % 1_000,
                broken.property
            );
            self.stopped.get_or_insert(why);
        } else {
            violations = self.checks.at_end(&end_of_run);
        }
        let verdicts = self.judge.verdicts(&end_of_run, self.stopped.as_deref());
        let lost = self.judge.lost(&end_of_run);
        self.sink.settle();
        let figures = self.checks.figures();
        let mut remarks = self.checks.remarks();
        remarks.extend(operator::unanswered(&self.kernel, &self.layout));
        Report {
            digest: self.kernel.digest(),
            events: self.kernel.events(),
            messages: self.kernel.messages(),
            end: self.kernel.now(),
            plan_as_run: self.operator.plan_as_run(&self.plan),
            plan: self.plan,
            seed: self.seed,
            routine: self.sink.counts(),
            trace: self.sink.into_entries(),
            violations,
            outcomes: verdicts.outcomes,
            answers: verdicts.answers,
            figures,
            remarks,
            lost,
            stopped: self.stopped,
            kernel: self.kernel,
            layout: self.layout,
        }
    }

    /// A run that makes more than a machine holds would end it, and with it what it has shown.
    #[inline]
    fn stop_before_it_is_too_much(&mut self) {
        if self.kernel.events().is_multiple_of(LOOK_EVERY) {
            self.stopped = self.too_much();
        }
    }

    #[cold]
    fn too_much(&self) -> Option<String> {
        let what = if self.sink.counts().created > MOST_RECORDS {
            format!("{MOST_RECORDS} records are made")
        } else {
            let nodes = self.kernel.nodes();
            let stored: u64 = nodes.map(|node| self.kernel.disk(node).stored()).sum();
            if stored <= MOST_STORED {
                return None;
            }
            format!("disks hold {} GiB together", stored >> 30)
        };
        let at = self.kernel.now().since(Time::ZERO).as_millis();
        Some(format!(
            "{what} at {}.{:03} s, more than a run can bear: a shorter run or a slower producer holds",
            at / 1_000,
            at % 1_000
        ))
    }

    /// Takes the facts of the event just dispatched to the trace, the checkers and the operator.
    fn collect(&mut self) {
        let first = self.sink.entries().len();
        self.collect_facts();
        let stated = &self.sink.entries()[first..];
        if !stated.is_empty() {
            let observed = Observed {
                kernel: &self.kernel,
                layout: &self.layout,
            };
            self.violation = self.checks.after_event(stated, &observed);
            self.judge.learn(stated);
            self.operator.learn(stated);
            self.operator.notice(stated, self.kernel.now());
        }
        if self.operator.wants_to_look() {
            self.operate(|operator, world| operator.look(world));
        }
    }

    /// Lets the operator act, and puts what it did into the trace.
    fn operate(&mut self, act: impl FnOnce(&mut Operator, &mut operator::World<'_>)) {
        let mut deeds = Vec::new();
        let mut world = operator::World {
            plan: &self.plan,
            kernel: &mut self.kernel,
            layout: &self.layout,
            deeds: &mut deeds,
        };
        act(&mut self.operator, &mut world);
        for (node, deed) in &*world.deeds {
            tracing::debug!(?node, ?deed, "the operator acts");
        }
        let (event, time) = (self.kernel.events(), self.kernel.now());
        let first = self.sink.entries().len();
        let deeds = deeds.into_iter();
        self.sink.extend(
            deeds.map(|(node, fact): (Option<NodeId>, Fact)| TraceEntry {
                event,
                time,
                node: node.map_or_else(
                    || Rc::from(OPERATOR),
                    |node| Rc::clone(self.kernel.name(node)),
                ),
                fact,
            }),
        );
        let observed = Observed {
            kernel: &self.kernel,
            layout: &self.layout,
        };
        self.violation = self
            .checks
            .after_event(&self.sink.entries()[first..], &observed)
            .or(self.violation.take());
        // A fault may make a node state facts at once; they follow the deed.
        self.collect_facts();
        let stated = &self.sink.entries()[first..];
        self.judge.learn(stated);
        self.operator.learn(stated);
    }

    /// Takes what nodes have stated to the trace.
    fn collect_facts(&mut self) {
        if self.kernel.keeps_causes() {
            let causes: Vec<Caused> = self.kernel.take_causes().collect();
            self.causes
                .extend(causes.into_iter().map(|caused| CauseEntry {
                    event: caused.event,
                    time: caused.time,
                    node: Rc::clone(self.kernel.name(caused.node)),
                    cause: caused.cause,
                    message: caused.message,
                }));
            let sent: Vec<Sent> = self.kernel.take_sent().collect();
            self.sent.extend(sent.into_iter().map(|sent| {
                SentEntry {
                    number: sent.number,
                    event: sent.event,
                    time: sent.time,
                    node: Rc::clone(self.kernel.name(sent.from)),
                    to: Rc::clone(self.kernel.name(sent.to)),
                    kind: Rc::clone(
                        self.kinds
                            .entry(sent.kind)
                            .or_insert_with(|| sent.kind.into()),
                    ),
                    message: sent.label,
                }
            }));
        }
        let facts = self.kernel.facts_mut();
        if facts.is_empty() {
            return;
        }
        if tracing::enabled!(tracing::Level::TRACE) {
            for entry in &*facts {
                let (event, node, fact) = (entry.event, &entry.node, &entry.fact);
                tracing::trace!(event, time_ns = entry.time.0, %node, ?fact);
            }
        }
        self.sink.append(facts);
    }
}

/// What a run has come to is looked at each time that so many events have happened.
const LOOK_EVERY: u64 = 4_096;
/// Bytes on all disks together. Replicas share them in memory.
const MOST_STORED: u64 = 16 << 30;

/// Name under which the run states what it does itself.
pub const OPERATOR: &str = "operator";

impl Report {
    /// The cluster as the run left it.
    pub fn view(&self) -> Observed<'_> {
        Observed {
            kernel: &self.kernel,
            layout: &self.layout,
        }
    }

    /// True if no property broke and no expectation failed.
    pub fn held(&self) -> bool {
        self.stopped.is_none()
            && self.violations.is_empty()
            && !self.outcomes.iter().any(Outcome::failed)
    }

    /// Every file of every broker's disk: broker, path on its disk, content.
    pub fn data_directories(&self) -> Vec<(i32, String, Vec<bytes::Bytes>)> {
        let mut files = Vec::new();
        for (id, node) in &self.layout.brokers {
            let disk = self.kernel.disk(*node);
            files.extend(
                disk.files()
                    .into_iter()
                    .map(|(path, file)| (*id, path, disk.peek(file))),
            );
        }
        files
    }

    /// How many records each consumer has read, in the plan's order.
    pub fn records_read(&self) -> Vec<(String, u64)> {
        let mut read = Vec::new();
        for name in self
            .plan
            .consumers
            .iter()
            .flat_map(|consumer| consumer.members())
        {
            let count = self
                .trace
                .iter()
                .filter(|entry| *entry.node == *name && matches!(entry.fact, Fact::Consumed { .. }))
                .count();
            read.push((name, count as u64));
        }
        read
    }

    /// Which nodes are not running at the end.
    pub fn down(&self) -> Vec<String> {
        let nodes = self
            .layout
            .zookeepers
            .iter()
            .chain(self.layout.brokers.values());
        nodes
            .filter(|node| self.kernel.status(**node) == NodeStatus::Down)
            .map(|node| self.kernel.name(*node).to_string())
            .collect()
    }
}
