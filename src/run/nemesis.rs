//! Faults of the timeline carried out, and undone when their time is over or something heals them.
//!
//! Roles are resolved at the moment when a line is carried out; the trace says whom they meant.

use super::administration::{administration, ask_zookeeper};
use super::machine_faults::{cured_node, machine_fault_of, machine_targets, wanted_files};
use super::network_faults::{is_between_nobody, network_faults_of, network_sides, network_words};
use super::operator::{World, admin, command};
use super::process_faults::{ProcessFault, Then, process_fault_of};
use super::recorded::CarriedOut;
use super::roles::{Downfall, Resolver};
use crate::client::AdminCommand;
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

/// A fault under way.
struct Lasting {
    entry: u32,
    /// What mends nodes.
    cures: Vec<Fault>,
    /// Rules of the network that it made.
    rules: Vec<FaultId>,
    over: bool,
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
        if entry.lasting.is_none() && lasting.cures.is_empty() && lasting.rules.is_empty() {
            return Ok(None);
        }
        self.lasting.push(lasting);
        Ok(Some(self.lasting.len() - 1))
    }

    /// The time of a lasting fault is over.
    pub fn end(&mut self, number: usize, world: &mut World<'_>) {
        let Some(lasting) = self.lasting.get_mut(number).filter(|lasting| !lasting.over) else {
            return;
        };
        lasting.over = true;
        let (entry, cures) = (lasting.entry, std::mem::take(&mut lasting.cures));
        let rules = std::mem::take(&mut lasting.rules);
        let noun = world
            .plan
            .timeline
            .get(entry as usize)
            .map_or("fault", |entry| entry.action.noun());
        world.deeds.push((
            None,
            Fact::TimelineEvent {
                entry,
                end: true,
                text: Rc::from(format!("the {noun} is over")),
            },
        ));
        self.cure(cures, rules, world);
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
            cures: Vec::new(),
            rules: Vec::new(),
            over: false,
        };
        let action = &entry.action;
        if let Some(fault) = process_fault_of(action) {
            lasting.cures = self.act_on_processes(number, entry, &fault, found, world)?;
        } else if let Some(sides) = network_sides(action) {
            lasting.rules = self.act_on_network(number, action, &sides, found, world)?;
        } else if let Some(targets) = machine_targets(action) {
            lasting.cures = self.act_on_machines(number, action, targets, found, world)?;
        } else if let Some((text, request)) = administration(action) {
            say(world, number, text);
            self.ask_admin(world, request);
        } else if let Action::AskZooKeeper { client, command } = action {
            ask_zookeeper(world, client, command)?;
            let text = format!("{client} is to ask ZooKeeper: {command}");
            say(world, number, text);
        } else if let Action::Heal(healing) = action {
            if let Healing::Nodes(targets) = healing {
                let nodes = self.find(world, targets)?;
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
    ) -> Result<Vec<Fault>, String> {
        let mut nodes = self.find(world, fault.targets)?;
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
        say(world, number, fault.words(&entry.action, &who));
        for node in &nodes {
            let fact = fault.fact.clone().map(|fact| (*node, fact));
            self.fault(world, (fault.fault)(*node), fact);
            match fault.then {
                Then::Down(downfall) => self.down.insert(*node, downfall),
                Then::Up => self.down.remove(node),
                Then::AsBefore => None,
            };
        }
        let cure = fault
            .cure
            .filter(|_| fault.heals || entry.lasting.is_some());
        Ok(cure.map_or_else(Vec::new, |cure| nodes.into_iter().map(cure).collect()))
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
            sides.push(self.find(world, side)?);
        }
        let who: Vec<String> = sides
            .iter()
            .zip(targets)
            .map(|(nodes, side)| found.described(world, nodes, side))
            .collect();
        if is_between_nobody(&sides) {
            return Err(format!("{} are one node, and no link", who.join(" and ")));
        }
        say(world, number, network_words(action, &who));
        let everyone = world.layout.everyone();
        let faults = network_faults_of(action, sides, &everyone).into_iter();
        Ok(faults.flat_map(|fault| world.kernel.apply(fault)).collect())
    }

    fn act_on_machines(
        &mut self,
        number: u32,
        fault: &Action,
        targets: &Targets,
        found: &mut Found<'_>,
        world: &mut World<'_>,
    ) -> Result<Vec<Fault>, String> {
        let mut nodes = self.find(world, targets)?;
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
        say(world, number, format!("{} of {who}{files}", fault.noun()));
        let mut cures = Vec::new();
        for (node, path) in places {
            if let Some((fault, cure)) = machine_fault_of(fault, node, &path) {
                world.kernel.apply(fault);
                cures.extend(cure);
            }
        }
        Ok(cures)
    }

    /// The nodes that a line means at this moment.
    fn find(&self, world: &World<'_>, targets: &Targets) -> Result<Vec<NodeId>, String> {
        let observed = Observed {
            kernel: &*world.kernel,
            layout: world.layout,
        };
        let resolver = Resolver {
            plan: world.plan,
            observed,
            down: &self.down,
        };
        resolver.resolve(targets)
    }

    fn heal(&mut self, healing: &Healing, world: &mut World<'_>) -> Result<(), String> {
        let nodes = match healing {
            Healing::Nodes(targets) => Some(self.find(world, targets)?),
            Healing::Everything | Healing::Network => None,
        };
        for number in 0..self.lasting.len() {
            let lasting = &mut self.lasting[number];
            let rules = if nodes.is_none() {
                std::mem::take(&mut lasting.rules)
            } else {
                Vec::new()
            };
            let cures = match healing {
                Healing::Network => Vec::new(),
                _ => {
                    let (now, later) =
                        std::mem::take(&mut lasting.cures)
                            .into_iter()
                            .partition(|cure| {
                                // Dead processes stay dead: starting them is a line of its own.
                                !matches!(cure, Fault::Start(_))
                                    && nodes.as_ref().is_none_or(|nodes| {
                                        cured_node(cure).is_some_and(|n| nodes.contains(&n))
                                    })
                            });
                    lasting.cures = later;
                    now
                }
            };
            lasting.over = lasting.cures.is_empty() && lasting.rules.is_empty();
            self.cure(cures, rules, world);
        }
        Ok(())
    }

    fn cure(&mut self, cures: Vec<Fault>, rules: Vec<FaultId>, world: &mut World<'_>) {
        for rule in rules {
            world.kernel.apply(Fault::Heal(Some(rule)));
        }
        for cure in cures {
            match cure {
                Fault::Start(node) => {
                    if world.kernel.status(node) == NodeStatus::Down {
                        self.down.remove(&node);
                        world.kernel.apply(cure);
                    }
                }
                Fault::Resume(node) => {
                    if world.kernel.status(node) == NodeStatus::Paused {
                        self.fault(world, cure, Some((node, Fact::Resumed)));
                    }
                }
                cure => {
                    world.kernel.apply(cure);
                }
            }
        }
    }

    fn fault(&mut self, world: &mut World<'_>, fault: Fault, fact: Option<(NodeId, Fact)>) {
        world.kernel.apply(fault);
        if let Some((node, fact)) = fact {
            world.deeds.push((Some(node), fact));
        }
    }

    fn ask_admin(&mut self, world: &mut World<'_>, request: AdminCommand) {
        if let Some(node) = admin(world.layout) {
            command(world.kernel, node, request);
        }
    }
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
        if shown == role {
            shown
        } else {
            format!("{shown} ({role})")
        }
    }
}
