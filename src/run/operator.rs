//! The cluster's operator: starts servers, has topics made, starts clients, carries out the timeline.
//!
//! What a person in front of the cluster could do, and nothing else: start and kill processes, pull
//! cables, ask an administrator's client. It looks at the cluster as an observer (`Observed`), never
//! on behalf of a node.
//!
//! May not know what no operator could see.

use super::administration::create_topic;
use super::assemble::{self, ADMIN, Addresses};
use super::nemesis::Nemesis;
use super::readiness;
use super::recorded::plan_as_run;
use crate::client::{AdminTask, Client};
use crate::kernel::{Duration, Fault, Kernel, NodeId, Time};
use crate::node::{Layout, Node};
use crate::plan::{Moment, Partition, Plan, SCHEMA_REGISTRY, When, ZooKeeperClientPlan};
use crate::protocol::{BrokerId, Cluster, Fact, Lack, NO_LEADER, Timer, TopicPartition};
use crate::trace::{StallReader, TraceEntry};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What the operator has its hands on for one deed.
pub struct World<'a> {
    pub plan: &'a Plan,
    pub kernel: &'a mut Kernel<Cluster, Node>,
    pub layout: &'a Layout,
    /// What was done, for the trace; no node: the operator as such.
    pub deeds: &'a mut Vec<(Option<NodeId>, Fact)>,
}

/// See the module's doc.
pub struct Operator {
    phase: Phase,
    agenda: BTreeMap<(Time, u64), Task>,
    next_task: u64,
    /// Lines that wait for a moment.
    waiting: Vec<Waiting>,
    nemesis: Nemesis,
    /// Where a line waits for a stall.
    stalls: Option<StallReader>,
    /// Last committed leader and ISR of each partition, as the trace told them.
    leaders: BTreeMap<TopicPartition, (BrokerId, Vec<BrokerId>)>,
    must_look: bool,
}

/// How far the start of the run has come.
#[derive(Debug)]
enum Phase {
    /// Waits until ZooKeeper serves.
    StartingZooKeeper,
    /// Waits until every broker that was started serves and knows of the others.
    StartingBrokers,
    /// Waits for what becomes of these commands of the administrator's.
    MakingTopics(Vec<u32>),
    Running,
}

#[derive(Clone, Debug)]
enum Task {
    /// Line `entry` of the timeline.
    Begin {
        entry: u32,
    },
    /// The lasting fault number so and so is over.
    End {
        lasting: usize,
    },
    StartBroker {
        id: BrokerId,
    },
    StartClient {
        client: usize,
    },
    StopClient {
        client: usize,
    },
    /// The servers had their time; go on with those that are there.
    GiveUpWaiting,
}

struct Waiting {
    entry: u32,
    moment: Moment,
    after: Duration,
    from: Duration,
}

/// From the last topic's making to the first client: a follower whose first fetch came before its leader
/// knew of the topic tries again after `replica.fetch.backoff.ms`, 1 s.
const SETTLING: Duration = Duration::from_secs(2);
/// Longest wait for servers that were started at the beginning.
const START_LIMIT: Duration = Duration::from_secs(30);

impl Operator {
    pub fn new(plan: &Plan) -> Operator {
        let mut operator = Operator {
            phase: Phase::StartingZooKeeper,
            agenda: BTreeMap::new(),
            next_task: 0,
            waiting: Vec::new(),
            nemesis: Nemesis::default(),
            stalls: None,
            leaders: BTreeMap::new(),
            must_look: false,
        };
        let end = Time::ZERO + plan.duration;
        for (number, entry) in (0..).zip(&plan.timeline) {
            match &entry.when {
                When::At(at) => operator.schedule(Time::ZERO + *at, Task::Begin { entry: number }),
                When::Every { every, from, until } => {
                    let until = until.map_or(end, |until| Time::ZERO + until);
                    let mut at = Time::ZERO + *from;
                    // The plan's reader refuses an interval of zero.
                    while at <= until && every.0 > 0 {
                        operator.schedule(at, Task::Begin { entry: number });
                        at += *every;
                    }
                }
                When::On {
                    moment,
                    after,
                    from,
                } => operator.waiting.push(Waiting {
                    entry: number,
                    moment: moment.clone(),
                    after: *after,
                    from: *from,
                }),
            }
        }
        operator.schedule(Time::ZERO + START_LIMIT, Task::GiveUpWaiting);
        operator.look_for_stalls_if_needed();
        operator
    }

    /// The plan with whom its roles meant.
    pub fn plan_as_run(&self, plan: &Plan) -> Plan {
        plan_as_run(plan, &self.nemesis.carried_out)
    }

    /// When the next thing is to be done.
    pub fn due(&self) -> Option<Time> {
        let task = self.agenda.first_key_value().map(|((time, _), _)| *time);
        match self.stalls.as_ref().and_then(StallReader::due) {
            None => task,
            Some(stall) => Some(task.map_or(stall, |task| task.min(stall))),
        }
    }

    pub fn start_servers(&mut self, world: &mut World<'_>) {
        let mut clients = world.layout.clients.iter();
        if let Some((_, registry)) = clients.find(|(name, _)| name == SCHEMA_REGISTRY) {
            world.kernel.apply(Fault::Start(*registry));
        }
        for service in &world.plan.services {
            let mut clients = world.layout.clients.iter();
            if let Some((_, node)) = clients.find(|(name, _)| *name == service.name) {
                world.kernel.apply(Fault::Start(*node));
            }
        }
        if world.plan.cluster.zookeeper.machine.down_at_start {
            self.start_brokers(world);
        } else {
            for node in &world.layout.zookeepers {
                world.kernel.apply(Fault::Start(*node));
            }
        }
    }

    fn start_brokers(&mut self, world: &mut World<'_>) {
        self.phase = Phase::StartingBrokers;
        let brokers = &world.plan.cluster.brokers;
        let now = world.kernel.now();
        for broker in brokers
            .iter()
            .filter(|broker| !broker.machine.down_at_start)
        {
            let start = now + broker.machine.start_after;
            self.schedule(start, Task::StartBroker { id: broker.id });
        }
    }

    pub fn carry_out_due(&mut self, world: &mut World<'_>) {
        let now = world.kernel.now();
        self.notice_stalls(now);
        while let Some(first) = self.agenda.first_entry() {
            if first.key().0 > now {
                return;
            }
            match first.remove() {
                Task::Begin { entry } => self.begin(entry, world),
                Task::End { lasting } => self.nemesis.end(lasting, world),
                Task::StartBroker { id } => {
                    if let Some(node) = world.layout.brokers.get(&id) {
                        world.kernel.apply(Fault::Start(*node));
                    }
                }
                Task::StartClient { client } => self.start_client(client, world),
                Task::StopClient { client } => {
                    if let Some((_, node)) = world.layout.clients.get(client) {
                        world.kernel.apply(Fault::Terminate(*node));
                    }
                }
                Task::GiveUpWaiting => self.give_up_waiting(world),
            }
        }
    }

    /// What stands still is no fact of a node: it is read off the trace, deeds of the operator included.
    pub fn learn(&mut self, entries: &[TraceEntry]) {
        if let Some(stalls) = &mut self.stalls {
            entries.iter().for_each(|entry| stalls.learn(entry));
        }
    }

    fn notice_stalls(&mut self, now: Time) {
        let Some(stalls) = &mut self.stalls else {
            return;
        };
        let begun = stalls.pass(now);
        for stall in begun.iter().filter(|stall| stall.write.is_some()) {
            let is_it = |waiting: &Waiting| {
                now >= Time::ZERO + waiting.from
                    && matches!(&waiting.moment, Moment::Stalls { partition } if tp(partition) == stall.partition)
            };
            while let Some(place) = self.waiting.iter().position(is_it) {
                let Waiting { entry, after, .. } = self.waiting.remove(place);
                self.schedule(now + after, Task::Begin { entry });
            }
        }
        self.look_for_stalls_if_needed();
    }

    /// Nobody looks for stalls unless a line waits for one.
    fn look_for_stalls_if_needed(&mut self) {
        let stalls = |waiting: &Waiting| matches!(waiting.moment, Moment::Stalls { .. });
        if !self.waiting.iter().any(stalls) {
            self.stalls = None;
        } else {
            self.stalls.get_or_insert_default();
        }
    }

    /// Learns from new entries of the trace.
    pub fn notice(&mut self, entries: &[TraceEntry], now: Time) {
        for entry in entries {
            let begins = |operator: &Operator| {
                operator.waiting.iter().position(|waiting| {
                    let since = Time::ZERO + waiting.from;
                    entry.time >= since && operator.is_moment(&waiting.moment, entry)
                })
            };
            // Several lines may wait for the same.
            while let Some(place) = begins(self) {
                let waiting = self.waiting.remove(place);
                self.schedule(
                    now + waiting.after,
                    Task::Begin {
                        entry: waiting.entry,
                    },
                );
            }
            if let Fact::StateWritten {
                partition,
                leader,
                isr,
                ..
            } = &entry.fact
            {
                self.leaders
                    .insert(partition.clone(), (*leader, isr.clone()));
            }
            if !matches!(self.phase, Phase::Running) {
                self.must_look = true;
            }
        }
    }

    pub fn wants_to_look(&self) -> bool {
        // While the cluster starts, knowledge of brokers spreads without any fact.
        self.must_look
            || matches!(
                self.phase,
                Phase::StartingZooKeeper | Phase::StartingBrokers
            )
    }

    /// Looks at the cluster, as a person who waits for it to come up does.
    pub fn look(&mut self, world: &mut World<'_>) {
        self.must_look = false;
        match &self.phase {
            Phase::StartingZooKeeper if readiness::zookeeper_serves(world) => {
                self.start_brokers(world)
            }
            Phase::StartingBrokers if readiness::everybody_is_up(world) => self.make_topics(world),
            Phase::MakingTopics(asked) if topics_are_made(asked, world) => {
                self.start_clients(world)
            }
            _ => {}
        }
    }

    // ---- the start of a run

    fn give_up_waiting(&mut self, world: &mut World<'_>) {
        let lacks = match self.phase {
            Phase::StartingZooKeeper => vec![Lack::ZooKeeper],
            Phase::StartingBrokers => readiness::lacks(world),
            Phase::MakingTopics(_) | Phase::Running => return,
        };
        world.deeds.push((None, Fact::StartUnfinished { lacks }));
        if matches!(self.phase, Phase::StartingZooKeeper) {
            self.start_brokers(world);
        }
        self.make_topics(world);
    }

    fn make_topics(&mut self, world: &mut World<'_>) {
        let Some(node) = admin(world.layout) else {
            return;
        };
        start_admin(world.kernel, node);
        let topics = world.plan.topics.iter();
        let asked = topics.filter_map(|it| command(world.kernel, node, create_topic(it)));
        self.phase = Phase::MakingTopics(asked.collect());
        self.must_look = true;
    }

    fn start_clients(&mut self, world: &mut World<'_>) {
        self.phase = Phase::Running;
        let now = world.kernel.now() + SETTLING;
        let producers = world
            .plan
            .producers
            .iter()
            .map(|p| (p.members(), p.start, None));
        let consumers = world
            .plan
            .consumers
            .iter()
            .map(|c| (c.members(), c.start, c.stop));
        let of_zookeeper = world.plan.zookeeper_clients.iter();
        let of_zookeeper = of_zookeeper.map(|c| (vec![c.name.clone()], None, None));
        for (members, start, stop) in producers.chain(consumers).chain(of_zookeeper) {
            for member in members {
                let Some(client) = world
                    .layout
                    .clients
                    .iter()
                    .position(|(name, _)| *name == member)
                else {
                    continue;
                };
                let start = start.map_or(now, |start| (Time::ZERO + start).max(now));
                self.schedule(start, Task::StartClient { client });
                if let Some(stop) = stop {
                    self.schedule((Time::ZERO + stop).max(start), Task::StopClient { client });
                }
            }
        }
    }

    fn start_client(&mut self, client: usize, world: &mut World<'_>) {
        let Some((name, node)) = world.layout.clients.get(client) else {
            return;
        };
        let is_of_zookeeper = |plan: &ZooKeeperClientPlan| plan.name == *name;
        if world.plan.zookeeper_clients.iter().any(is_of_zookeeper) || name == SCHEMA_REGISTRY {
            world.kernel.apply(Fault::Start(*node));
            return;
        }
        // The process is made now, since its workload's times are counted from its start.
        let addresses = Addresses::of(world.plan);
        if let Ok(process) = assemble::client(world.plan, &addresses, name, world.kernel.now()) {
            *world.kernel.actor_mut(*node) = process;
            world.kernel.apply(Fault::Start(*node));
        }
    }

    // ---- the timeline

    fn begin(&mut self, number: u32, world: &mut World<'_>) {
        let Some(entry) = world.plan.timeline.get(number as usize).cloned() else {
            return;
        };
        match self.nemesis.begin(number, &entry, world) {
            Ok(lasting) => {
                if let (Some(lasting), Some(length)) = (lasting, entry.lasting) {
                    self.schedule(world.kernel.now() + length, Task::End { lasting });
                }
            }
            Err(nobody) => {
                world.deeds.push((
                    None,
                    Fact::NobodyFits {
                        text: Rc::from(nobody),
                        optional: entry.optional,
                    },
                ));
            }
        }
    }

    fn is_moment(&self, moment: &Moment, entry: &TraceEntry) -> bool {
        let known = |partition: &Partition| self.leaders.get(&tp(partition));
        match (moment, &entry.fact) {
            (
                Moment::AnotherLeader { partition },
                Fact::StateWritten {
                    partition: written,
                    leader,
                    ..
                },
            ) => {
                *written == tp(partition)
                    && *leader != NO_LEADER
                    && known(partition).is_some_and(|(before, _)| before != leader)
            }
            (
                Moment::NoLeader { partition },
                Fact::StateWritten {
                    partition: written,
                    leader,
                    ..
                },
            ) => *written == tp(partition) && *leader == NO_LEADER,
            (
                Moment::IsrShrinks { partition },
                Fact::StateWritten {
                    partition: written,
                    isr,
                    ..
                },
            ) => {
                *written == tp(partition)
                    && known(partition)
                        .is_some_and(|(_, before)| before.iter().any(|id| !isr.contains(id)))
            }
            (
                Moment::IsrGrows { partition },
                Fact::StateWritten {
                    partition: written,
                    isr,
                    ..
                },
            ) => {
                *written == tp(partition)
                    && known(partition)
                        .is_some_and(|(_, before)| isr.iter().any(|id| !before.contains(id)))
            }
            (Moment::Truncates { partition }, Fact::Truncated { partition: cut, .. }) => {
                *cut == tp(partition)
            }
            (Moment::ControllerElected, Fact::ControllerElected { .. })
            | (Moment::SessionExpires, Fact::SessionExpired { .. }) => true,
            (Moment::Serves { id }, Fact::Serving)
            | (Moment::Registers { id }, Fact::Registered { .. }) => {
                *entry.node == *format!("broker-{}", id.0)
            }
            (Moment::Acknowledged { record }, Fact::Acked { record: acked, .. }) => {
                *acked.producer == *record.producer && acked.number == record.number
            }
            _ => false,
        }
    }

    fn schedule(&mut self, at: Time, task: Task) {
        self.agenda.insert((at, self.next_task), task);
        self.next_task += 1;
    }
}

pub fn tp(partition: &Partition) -> TopicPartition {
    TopicPartition::new(partition.topic.as_str(), partition.partition)
}

pub fn admin(layout: &Layout) -> Option<NodeId> {
    layout
        .clients
        .iter()
        .find(|(name, _)| name == ADMIN)
        .map(|(_, node)| *node)
}

/// Hands the administrator a command; answers its number.
pub fn command(
    kernel: &mut Kernel<Cluster, Node>,
    node: NodeId,
    request: impl Into<AdminTask>,
) -> Option<u32> {
    start_admin(kernel, node);
    let Node::Client(Client::Admin(client)) = kernel.actor_mut(node) else {
        return None;
    };
    let number = client.push(request);
    kernel.poke(node, Timer::Command(number));
    Some(number)
}

/// Once, for its first command: a line of the timeline may come before the plan's topics, and whom a fault has ended
/// stays so.
fn start_admin(kernel: &mut Kernel<Cluster, Node>, node: NodeId) {
    if kernel.starts(node) == 0 {
        kernel.apply(Fault::Start(node));
    }
}

/// What the administrator has asked about groups and has no answer to.
pub fn unanswered(kernel: &Kernel<Cluster, Node>, layout: &Layout) -> Vec<String> {
    let asks = admin(layout).map(|node| kernel.actor(node));
    let Some(Node::Client(Client::Admin(client))) = asks else {
        return Vec::new();
    };
    let groups = client.describes();
    groups
        .map(|group| format!("describe group {group}: unanswered when the run ended"))
        .collect()
}

fn topics_are_made(asked: &[u32], world: &World<'_>) -> bool {
    let Some(node) = admin(world.layout) else {
        return true;
    };
    let Node::Client(Client::Admin(client)) = world.kernel.actor(node) else {
        return true;
    };
    let mut asked = asked.iter();
    asked.all(|number| client.outcomes().contains_key(number))
}
