//! Faults of the timeline carried out, and undone when their time is over or something heals them.
//!
//! Roles are resolved at the moment when a line is carried out; the trace says whom they meant.

use super::administration::{administration, ask_zookeeper};
use super::file_edits::{FileEdit, file_edit_of};
use super::machine_faults::{
    cured_node, machine_fact, machine_fault_of, machine_targets, machine_words, wanted_files,
};
use super::network_faults::{
    is_between_nobody, leave_out_itself, link_fault, network_faults_of, network_sides,
    network_words,
};
use super::operator::{World, admin, command};
use super::process_faults::{Condition, ProcessFault, Then, process_fault_of};
use super::recorded::CarriedOut;
use super::roles::{Downfall, Resolver};
use crate::client::AdminTask;
use crate::kernel::{Fault, FaultId, NodeId, NodeStatus};
use crate::node::{Node, Observed};
use crate::plan::{Action, Entry, Healing, Targets};
use crate::protocol::Fact;
use crate::protocol::config::Properties;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Everything that was broken on purpose and may have to be mended.
#[derive(Default)]
pub struct Nemesis {
    lasting: Vec<Lasting>,
    down: BTreeMap<NodeId, Downfall>,
    /// Every line that was carried out, in order.
    pub carried_out: Vec<CarriedOut>,
}

/// Whom the sets of a line meant, as it is carried out.
struct Found<'a> {
    /// What a recorded line says of them.
    roles: &'a [String],
    sets: Vec<Vec<String>>,
}

/// A fault under way, or over if nothing is left of it.
struct Lasting {
    entry: u32,
    effects: Vec<Effect>,
    /// Rules of the network that it made.
    rules: Vec<FaultId>,
}

/// What a lasting fault did to one node. Effects with the same cure are of one kind: the latest of them
/// counts, and when it is over, the one before it counts again.
struct Effect {
    does: Fault,
    cure: Fault,
    /// How often the node's process had been started: a later one is not what was crashed or paused.
    starts: u32,
}

impl Nemesis {
    /// Does what line `number` says, and puts that into the trace. A fault that lasts answers its
    /// number, by which `end` ends it. A role that nobody fits is named in the error.
    pub fn begin(
        &mut self,
        number: u32,
        entry: &Entry,
        world: &mut World<'_>,
    ) -> Result<Option<usize>, String> {
        let mut found = Found::of(entry);
        let lasting = self.act(number, entry, &mut found, world);
        self.carried_out.push(CarriedOut {
            entry: number,
            at: world.kernel.now(),
            sets: lasting.is_ok().then_some(found.sets),
        });
        let lasting = lasting?;
        if entry.lasting.is_none() && lasting.effects.is_empty() && lasting.rules.is_empty() {
            return Ok(None);
        }
        self.lasting.push(lasting);
        Ok(Some(self.lasting.len() - 1))
    }

    /// The time of a lasting fault is over. Nothing is said of one that somebody ended before.
    pub fn end(&mut self, number: usize, world: &mut World<'_>) {
        let Some(lasting) = self.lasting.get_mut(number) else {
            return;
        };
        let entry = lasting.entry;
        let rules = std::mem::take(&mut lasting.rules);
        let mut effects = std::mem::take(&mut lasting.effects);
        effects.retain(|effect| effect.works(world));
        if effects.is_empty() && rules.is_empty() {
            return;
        }
        let noun = noun_of(world, entry);
        let mut text = format!("the {noun} is over");
        let others: Option<Vec<u32>> = effects
            .iter()
            .map(|effect| self.latest_like(effect, world).map(|(entry, _)| entry))
            .collect();
        // Rules of the network add up: each ends by itself.
        if let (Some(&[other, ..]), true) = (others.as_deref(), rules.is_empty()) {
            text += &match noun_of(world, other) {
                same if same == noun => "; another one goes on".to_string(),
                other => format!("; the {other} goes on"),
            };
        }
        let fact = Fact::TimelineEvent {
            entry,
            end: true,
            text: Rc::from(text),
        };
        world.deeds.push((None, fact));
        self.cure(effects, rules, world);
    }

    /// Does what a line says; answers how to undo it.
    fn act(
        &mut self,
        number: u32,
        entry: &Entry,
        found: &mut Found<'_>,
        world: &mut World<'_>,
    ) -> Result<Lasting, String> {
        let mut lasting = Lasting {
            entry: number,
            effects: Vec::new(),
            rules: Vec::new(),
        };
        let action = &entry.action;
        if let Some(fault) = process_fault_of(action) {
            lasting.effects = self.act_on_processes(number, entry, &fault, found, world)?;
        } else if let Some(sides) = network_sides(action) {
            lasting.rules = self.act_on_network(number, action, &sides, found, world)?;
        } else if let Some(targets) = machine_targets(action) {
            lasting.effects = self.act_on_machines(number, action, targets, found, world)?;
        } else if let Some(edit) = file_edit_of(action) {
            self.edit_file(number, &edit, found, world)?;
        } else if let Some((text, request)) = administration(action) {
            say(world, number, text);
            self.ask_admin(world, request);
        } else if let Action::AskZooKeeper { client, command } = action {
            ask_zookeeper(world, client, command)?;
            let text = format!("{client} is to ask ZooKeeper: {command}");
            say(world, number, text);
        } else if let Action::Heal(healing) = action {
            if let Healing::Nodes(targets) = healing {
                let nodes = self.find(world, targets, Condition::Up)?;
                found.described(world, &nodes, targets);
            }
            say(world, number, "healing".to_string());
            self.heal(healing, world)?;
        }
        Ok(lasting)
    }

    fn act_on_processes(
        &mut self,
        number: u32,
        entry: &Entry,
        fault: &ProcessFault<'_>,
        found: &mut Found<'_>,
        world: &mut World<'_>,
    ) -> Result<Vec<Effect>, String> {
        let wanted = match fault.condition {
            Condition::Any => Condition::Up,
            condition => condition,
        };
        let mut nodes = self.find(world, fault.targets, wanted)?;
        nodes.retain(|node| fault.condition.holds(world.kernel.status(*node)));
        if nodes.is_empty() {
            let condition = fault.condition.words();
            return Err(format!("no one of \"{}\" {condition}", fault.targets));
        }
        if let Some(set) = fault.set {
            for node in &nodes {
                upgrade(world, *node, set)?;
            }
        }
        let who = found.described(world, &nodes, fault.targets);
        let words = fault.words(&entry.action, &who, nodes.len());
        say(world, number, words);
        for node in &nodes {
            let fact = fault.fact.clone().map(|fact| (*node, fact));
            self.fault(world, (fault.fault)(*node), fact);
            match fault.then {
                Then::Down(downfall) => self.down.insert(*node, downfall),
                Then::Up => self.down.remove(node),
                Then::AsBefore => None,
            };
        }
        if let Action::Resume(_) = entry.action {
            for lasting in &mut self.lasting {
                let resumed = |cure: &Fault| nodes.iter().any(|n| *cure == Fault::Resume(*n));
                lasting.effects.retain(|effect| !resumed(&effect.cure));
            }
        }
        let Some(cure) = fault
            .cure
            .filter(|_| fault.heals || entry.lasting.is_some())
        else {
            return Ok(Vec::new());
        };
        let effects = nodes.into_iter().map(|node| Effect {
            does: (fault.fault)(node),
            cure: cure(node),
            starts: world.kernel.starts(node),
        });
        Ok(effects.collect())
    }

    fn act_on_network(
        &mut self,
        number: u32,
        action: &Action,
        targets: &[&Targets],
        found: &mut Found<'_>,
        world: &mut World<'_>,
    ) -> Result<Vec<FaultId>, String> {
        let mut sides = Vec::new();
        for side in targets {
            sides.push(self.find(world, side, Condition::Up)?);
        }
        leave_out_itself(&mut sides);
        let who: Vec<String> = sides
            .iter()
            .zip(targets)
            .map(|(nodes, side)| found.described(world, nodes, side))
            .collect();
        if let Action::Partition(_) = action
            && let Some(node) = sides.iter().flatten().find(|node| {
                let holding = sides.iter().filter(|side| side.contains(node));
                holding.count() > 1
            })
        {
            let name = world.kernel.name(*node);
            return Err(format!("{name} is in two of the sets {}", who.join(" | ")));
        }
        if is_between_nobody(&sides) {
            return Err(format!("{} are one node, and no link", who.join(" and ")));
        }
        say(world, number, network_words(action, &who));
        let everyone = world.layout.everyone();
        let name = |node: &NodeId| Rc::clone(world.kernel.name(*node));
        let names = sides.iter().map(|side| side.iter().map(name).collect());
        let names: Vec<Vec<Rc<str>>> = names.collect();
        let faults = network_faults_of(action, sides, &everyone).into_iter();
        let rules: Vec<FaultId> = faults.flat_map(|fault| world.kernel.apply(fault)).collect();
        // Several rules are one fault, and end together.
        if let (Some(first), Some(fault)) = (rules.first(), link_fault(action)) {
            let fact = Fact::LinkFault {
                number: first.0,
                fault,
                sides: names,
            };
            world.deeds.push((None, fact));
        }
        Ok(rules)
    }

    fn act_on_machines(
        &mut self,
        number: u32,
        fault: &Action,
        targets: &Targets,
        found: &mut Found<'_>,
        world: &mut World<'_>,
    ) -> Result<Vec<Effect>, String> {
        let mut nodes = self.find(world, targets, Condition::Up)?;
        // Of each node the files that the fault is about; of a fault of whole machines none.
        let mut places: Vec<(NodeId, String)> = Vec::new();
        let mut files = String::new();
        if let Some(wanted) = wanted_files(fault) {
            for node in &nodes {
                let paths = wanted.of(world.kernel.disk(*node)).into_iter();
                places.extend(paths.map(|path| (*node, path)));
            }
            if places.is_empty() {
                return Err(format!("\"{targets}\" has {wanted}"));
            }
            nodes.retain(|node| places.iter().any(|(place, _)| place == node));
            let mut paths: Vec<&str> = places.iter().map(|(_, path)| path.as_str()).collect();
            paths.sort();
            paths.dedup();
            files = format!(": {}", paths.join(", "));
        } else {
            places.extend(nodes.iter().map(|node| (*node, String::new())));
        }
        let who = found.described(world, &nodes, targets);
        say(world, number, machine_words(fault, &who, &files));
        let mut effects = Vec::new();
        for (node, path) in places {
            let own_ppm = clock_drift_ppm(world, node);
            if let Some((does, cure)) = machine_fault_of(fault, node, &path, own_ppm) {
                self.fault(world, does.clone(), machine_fact(&does));
                let starts = world.kernel.starts(node);
                effects.extend(cure.map(|cure| Effect { does, cure, starts }));
            }
        }
        Ok(effects)
    }

    /// Only where nobody else works with the file.
    fn edit_file(
        &mut self,
        number: u32,
        edit: &FileEdit<'_>,
        found: &mut Found<'_>,
        world: &mut World<'_>,
    ) -> Result<(), String> {
        let nodes = self.find(world, edit.targets, Condition::Down)?;
        for node in &nodes {
            let name = world.kernel.name(*node);
            if world.kernel.status(*node) != NodeStatus::Down {
                return Err(format!(
                    "{name} runs; its files can be changed only while it is down"
                ));
            }
            if !edit.fits(world.kernel.disk(*node)) {
                return Err(format!("{name} has {}", edit.misfit()));
            }
        }
        let who = found.described(world, &nodes, edit.targets);
        say(world, number, edit.words(&who));
        for node in &nodes {
            let done = edit.apply(world.kernel.disk_mut(*node));
            done.map_err(|error| format!("{}: {error}", world.kernel.name(*node)))?;
        }
        Ok(())
    }

    /// The nodes that a line means at this moment, which is about such as are in this state.
    fn find(
        &self,
        world: &World<'_>,
        targets: &Targets,
        wanted: Condition,
    ) -> Result<Vec<NodeId>, String> {
        let observed = Observed {
            kernel: &*world.kernel,
            layout: world.layout,
        };
        let resolver = Resolver {
            plan: world.plan,
            observed,
            down: &self.down,
            wanted,
        };
        resolver.resolve(targets)
    }

    fn heal(&mut self, healing: &Healing, world: &mut World<'_>) -> Result<(), String> {
        let nodes = match healing {
            Healing::Nodes(targets) => Some(self.find(world, targets, Condition::Up)?),
            Healing::Everything | Healing::Network => None,
        };
        for number in 0..self.lasting.len() {
            let lasting = &mut self.lasting[number];
            let rules = if nodes.is_none() {
                std::mem::take(&mut lasting.rules)
            } else {
                Vec::new()
            };
            let effects = match healing {
                Healing::Network => Vec::new(),
                _ => {
                    let (now, later) = std::mem::take(&mut lasting.effects).into_iter().partition(
                        |Effect { cure, .. }| {
                            // Dead processes stay dead: starting them is a line of its own.
                            !matches!(cure, Fault::Start(_))
                                && nodes.as_ref().is_none_or(|nodes| {
                                    cured_node(cure).is_some_and(|n| nodes.contains(&n))
                                })
                        },
                    );
                    lasting.effects = later;
                    now
                }
            };
            self.cure(effects, rules, world);
        }
        Ok(())
    }

    /// Of the faults under way the latest that does to the same node what this one did: its line and
    /// what it does.
    fn latest_like(&self, ended: &Effect, world: &World<'_>) -> Option<(u32, Fault)> {
        let under_way = self.lasting.iter().rev();
        let mut all = under_way.flat_map(|lasting| {
            let effects = lasting.effects.iter();
            effects.map(|effect| (lasting.entry, effect))
        });
        all.find(|(_, effect)| effect.cure == ended.cure && effect.works(world))
            .map(|(entry, effect)| (entry, effect.does.clone()))
    }

    fn cure(&mut self, effects: Vec<Effect>, rules: Vec<FaultId>, world: &mut World<'_>) {
        if let Some(first) = rules.first() {
            let healed = Fact::LinkHealed { number: first.0 };
            world.deeds.push((None, healed));
        }
        for rule in rules {
            world.kernel.apply(Fault::Heal(Some(rule)));
        }
        for effect in effects {
            if !effect.works(world) {
                continue;
            }
            if let Some((_, other)) = self.latest_like(&effect, world) {
                // A process that is down or paused stays so.
                if !effect.is_of_a_process() {
                    let fact = machine_fact(&other);
                    self.fault(world, other, fact);
                }
                continue;
            }
            let cure = effect.cure;
            match cure {
                Fault::Start(node) => {
                    self.down.remove(&node);
                    world.kernel.apply(cure);
                }
                Fault::Resume(node) => self.fault(world, cure, Some((node, Fact::Resumed))),
                cure => {
                    let fact = machine_fact(&cure);
                    self.fault(world, cure, fact);
                }
            }
        }
    }

    fn fault(&self, world: &mut World<'_>, fault: Fault, fact: Option<(NodeId, Fact)>) {
        let concerned = match fault {
            Fault::Crash(node) | Fault::DiskSyncStuck { node, .. } => Some(node),
            _ => None,
        };
        let lingers = |world: &World<'_>| concerned.filter(|node| world.kernel.lingers(*node));
        let before = lingers(world);
        world.kernel.apply(fault);
        let after = lingers(world);
        if let Some((node, fact)) = fact {
            world.deeds.push((Some(node), fact));
        }
        if before != after {
            let fact = if after.is_some() {
                Fact::Lingers
            } else {
                Fact::Gone
            };
            world.deeds.push((concerned, fact));
        }
    }

    fn ask_admin(&mut self, world: &mut World<'_>, request: AdminTask) {
        if let Some(node) = admin(world.layout) {
            command(world.kernel, node, request);
        }
    }
}

impl Effect {
    /// It is still what keeps its node from working well: nobody has started or resumed the process.
    fn works(&self, world: &World<'_>) -> bool {
        let is = |node: NodeId, status: NodeStatus| {
            world.kernel.status(node) == status && world.kernel.starts(node) == self.starts
        };
        match self.cure {
            Fault::Start(node) => is(node, NodeStatus::Down),
            Fault::Resume(node) => is(node, NodeStatus::Paused),
            _ => true,
        }
    }

    const fn is_of_a_process(&self) -> bool {
        matches!(self.cure, Fault::Start(_) | Fault::Resume(_))
    }
}

/// What a line of the timeline is called in sentences.
fn noun_of(world: &World<'_>, entry: u32) -> &'static str {
    let entry = world.plan.timeline.get(entry as usize);
    entry.map_or("fault", |entry| entry.action.noun())
}

/// How fast a node's clock runs by itself.
fn clock_drift_ppm(world: &World<'_>, node: NodeId) -> i32 {
    let cluster = &world.plan.cluster;
    if world.layout.zookeepers.contains(&node) {
        return cluster.zookeeper.machine.clock_drift_ppm;
    }
    let mut brokers = cluster.brokers.iter();
    let broker = brokers.find(|broker| world.layout.brokers.get(&broker.id) == Some(&node));
    broker.map_or(0, |broker| broker.machine.clock_drift_ppm)
}

/// Puts what line `number` does into the trace.
fn say(world: &mut World<'_>, number: u32, text: String) {
    let fact = Fact::TimelineEvent {
        entry: number,
        end: false,
        text: Rc::from(text),
    };
    world.deeds.push((None, fact));
}

/// Changes what a stopped broker will read when it starts.
fn upgrade(world: &mut World<'_>, node: NodeId, set: &Properties) -> Result<(), String> {
    let name = world.kernel.name(node).to_string();
    match world.kernel.actor_mut(node) {
        Node::Broker(server) => server
            .upgrade(set, world.plan.cluster.kafka_version)
            .map_err(|error| format!("{name}: {error}")),
        _ => Err(format!("{name} is no broker")),
    }
}

impl<'a> Found<'a> {
    fn of(entry: &'a Entry) -> Self {
        Found {
            roles: &entry.roles,
            sets: Vec::new(),
        }
    }

    /// Takes down whom the next set of the line meant, and says it: "broker-2 (leader of trucks_gps-0)", or
    /// just the name where the role is the name.
    fn described(&mut self, world: &World<'_>, nodes: &[NodeId], targets: &Targets) -> String {
        let names = nodes
            .iter()
            .map(|node| world.kernel.name(*node).to_string());
        let names: Vec<String> = names.collect();
        let said = self.roles.get(self.sets.len());
        let role = said.map_or_else(|| targets.to_string(), Clone::clone);
        let shown = names.join(", ");
        self.sets.push(names);
        if shown == role.replace(" and ", ", ") {
            shown
        } else {
            format!("{shown} ({role})")
        }
    }
}
