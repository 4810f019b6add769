//! Faults of the timeline carried out, and undone when their time is over or something heals them.
//!
//! Roles are resolved at the moment when a line is carried out; the trace says whom they meant.

use super::administration::administration;
use super::machine_faults::{cured_node, machine_fault_of, machine_targets, wanted_files};
use super::operator::{World, admin, command};
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
        let find = |nemesis: &Nemesis, world: &World<'_>, targets: &Targets| {
            let observed = Observed {
                kernel: &*world.kernel,
                layout: world.layout,
            };
            Resolver {
                plan: world.plan,
                observed,
                down: &nemesis.down,
            }
            .resolve(targets)
        };
        let mut lasting = Lasting {
            entry: number,
            cures: Vec::new(),
            rules: Vec::new(),
            over: false,
        };
        let say = |world: &mut World<'_>, text: String| {
            world.deeds.push((
                None,
                Fact::TimelineEvent {
                    entry: number,
                    end: false,
                    text: Rc::from(text),
                },
            ));
        };
        let lasts = entry.lasting.is_some();
        match &entry.action {
            Action::Crash(targets) => {
                let nodes = self.only(
                    find(self, world, targets)?,
                    world,
                    |s| s != NodeStatus::Down,
                    targets,
                    "runs",
                )?;
                say(
                    world,
                    format!(
                        "{} of {}",
                        entry.action.noun(),
                        found.described(world, &nodes, targets)
                    ),
                );
                for node in nodes {
                    self.fault(world, Fault::Crash(node), Some((node, Fact::Crashed)));
                    self.down.insert(node, Downfall::Crashed);
                    lasting.cures.extend(lasts.then_some(Fault::Start(node)));
                }
            }
            Action::PowerFailure(targets) => {
                let nodes = find(self, world, targets)?;
                say(
                    world,
                    format!(
                        "power failure of {}",
                        found.described(world, &nodes, targets)
                    ),
                );
                for node in nodes {
                    self.fault(
                        world,
                        Fault::PowerFailure(node),
                        Some((node, Fact::PowerFailed)),
                    );
                    self.down.insert(node, Downfall::Crashed);
                    lasting.cures.extend(lasts.then_some(Fault::Start(node)));
                }
            }
            Action::Restart(targets) => {
                let nodes = self.only(
                    find(self, world, targets)?,
                    world,
                    |s| s == NodeStatus::Down,
                    targets,
                    "is down",
                )?;
                say(
                    world,
                    format!("start of {}", found.described(world, &nodes, targets)),
                );
                for node in nodes {
                    self.fault(world, Fault::Start(node), None);
                    self.down.remove(&node);
                }
            }
            Action::Upgrade { targets, set } => {
                let nodes = self.only(
                    find(self, world, targets)?,
                    world,
                    |s| s == NodeStatus::Down,
                    targets,
                    "is down",
                )?;
                for node in &nodes {
                    upgrade(world, *node, set)?;
                }
                let lines: Vec<String> = set.iter().map(|(k, v)| format!("{k}={v}")).collect();
                let who = found.described(world, &nodes, targets);
                say(world, format!("start of {who} with {}", lines.join(", ")));
                for node in nodes {
                    self.fault(world, Fault::Start(node), None);
                    self.down.remove(&node);
                }
            }
            Action::Pause(targets) => {
                let nodes = self.only(
                    find(self, world, targets)?,
                    world,
                    |s| s == NodeStatus::Running,
                    targets,
                    "runs",
                )?;
                say(
                    world,
                    format!("pause of {}", found.described(world, &nodes, targets)),
                );
                for node in nodes {
                    self.fault(world, Fault::Pause(node), Some((node, Fact::Paused)));
                    lasting.cures.push(Fault::Resume(node));
                }
            }
            Action::Resume(targets) => {
                let nodes = self.only(
                    find(self, world, targets)?,
                    world,
                    |s| s == NodeStatus::Paused,
                    targets,
                    "is paused",
                )?;
                say(
                    world,
                    format!("{} goes on", found.described(world, &nodes, targets)),
                );
                for node in nodes {
                    self.fault(world, Fault::Resume(node), Some((node, Fact::Resumed)));
                }
            }
            Action::Stop(targets) => {
                let nodes = self.only(
                    find(self, world, targets)?,
                    world,
                    |s| s != NodeStatus::Down,
                    targets,
                    "runs",
                )?;
                say(
                    world,
                    format!("clean stop of {}", found.described(world, &nodes, targets)),
                );
                for node in nodes {
                    self.fault(
                        world,
                        Fault::Terminate(node),
                        Some((node, Fact::TerminateAsked)),
                    );
                    self.down.insert(node, Downfall::Stopped);
                    lasting.cures.extend(lasts.then_some(Fault::Start(node)));
                }
            }
            Action::Cut { from, to, both } => {
                let (a, b) = (find(self, world, from)?, find(self, world, to)?);
                let direction = if *both { "and" } else { "to" };
                say(
                    world,
                    format!(
                        "network cut from {} {direction} {}",
                        found.described(world, &a, from),
                        found.described(world, &b, to)
                    ),
                );
                lasting.rules.extend(world.kernel.apply(Fault::Cut {
                    from: a,
                    to: b,
                    both: *both,
                }));
            }
            Action::Partition(sides) => {
                let mut groups = Vec::new();
                for side in sides {
                    groups.push(find(self, world, side)?);
                }
                let names: Vec<String> = groups
                    .iter()
                    .zip(sides)
                    .map(|(nodes, side)| found.described(world, nodes, side))
                    .collect();
                say(world, format!("network partition: {}", names.join(" | ")));
                for (i, a) in groups.iter().enumerate() {
                    for b in &groups[i + 1..] {
                        let cut = Fault::Cut {
                            from: a.clone(),
                            to: b.clone(),
                            both: true,
                        };
                        lasting.rules.extend(world.kernel.apply(cut));
                    }
                }
            }
            Action::Isolate(targets) => {
                let nodes = find(self, world, targets)?;
                say(
                    world,
                    format!("isolation of {}", found.described(world, &nodes, targets)),
                );
                let servers = world
                    .layout
                    .zookeepers
                    .iter()
                    .chain(world.layout.brokers.values())
                    .copied();
                let others: Vec<NodeId> = servers
                    .chain(world.layout.clients.iter().map(|(_, node)| *node))
                    .filter(|node| !nodes.contains(node))
                    .collect();
                lasting.rules.extend(world.kernel.apply(Fault::Cut {
                    from: nodes,
                    to: others,
                    both: true,
                }));
            }
            Action::SlowNetwork { a, b, by } => {
                let (x, y) = (find(self, world, a)?, find(self, world, b)?);
                say(
                    world,
                    format!(
                        "slow network between {} and {}: {} more each trip",
                        found.described(world, &x, a),
                        found.described(world, &y, b),
                        crate::plan::write_duration(*by)
                    ),
                );
                lasting.rules.extend(world.kernel.apply(Fault::Slow {
                    a: x,
                    b: y,
                    extra: *by,
                }));
            }
            Action::ThrottleNetwork { a, b, rate } => {
                let (x, y) = (find(self, world, a)?, find(self, world, b)?);
                say(
                    world,
                    format!(
                        "network between {} and {} throttled to {} a second",
                        found.described(world, &x, a),
                        found.described(world, &y, b),
                        crate::plan::write_size(*rate)
                    ),
                );
                lasting.rules.extend(world.kernel.apply(Fault::Throttle {
                    a: x,
                    b: y,
                    bytes_per_second: *rate,
                }));
            }
            Action::StallNetwork { a, b } => {
                let (x, y) = (find(self, world, a)?, find(self, world, b)?);
                say(
                    world,
                    format!(
                        "network between {} and {} stalls",
                        found.described(world, &x, a),
                        found.described(world, &y, b)
                    ),
                );
                lasting
                    .rules
                    .extend(world.kernel.apply(Fault::Stall { a: x, b: y }));
            }
            Action::ResetConnections { a, b } => {
                let (x, y) = (find(self, world, a)?, find(self, world, b)?);
                say(
                    world,
                    format!(
                        "connections between {} and {} are reset",
                        found.described(world, &x, a),
                        found.described(world, &y, b)
                    ),
                );
                world.kernel.apply(Fault::Reset { a: x, b: y });
            }
            Action::LoseMessage { from, to } => {
                let (x, y) = (find(self, world, from)?, find(self, world, to)?);
                say(
                    world,
                    format!(
                        "the next message from {} to {} is lost",
                        found.described(world, &x, from),
                        found.described(world, &y, to)
                    ),
                );
                for (from, to) in x.iter().flat_map(|a| y.iter().map(move |b| (*a, *b))) {
                    world.kernel.apply(Fault::LoseOne { from, to });
                }
            }
            Action::Heal(healing) => {
                if let Healing::Nodes(targets) = healing {
                    let nodes = find(self, world, targets)?;
                    found.described(world, &nodes, targets);
                }
                say(world, "healing".to_string());
                self.heal(healing, world)?;
            }
            machine_fault => {
                let Some(targets) = machine_targets(machine_fault) else {
                    if let Some((text, request)) = administration(&entry.action) {
                        say(world, text);
                        self.ask_admin(world, request);
                    }
                    return Ok(lasting);
                };
                let mut nodes = find(self, world, targets)?;
                // Of each node the files that the fault is about; of a fault of whole machines none.
                let mut places: Vec<(NodeId, String)> = Vec::new();
                let mut files = String::new();
                if let Some(wanted) = wanted_files(machine_fault) {
                    for node in &nodes {
                        let paths = wanted.of(world.kernel.disk(*node)).into_iter();
                        places.extend(paths.map(|path| (*node, path)));
                    }
                    if places.is_empty() {
                        return Err(format!("\"{targets}\" has {wanted}"));
                    }
                    nodes.retain(|node| places.iter().any(|(place, _)| place == node));
                    let mut paths: Vec<&str> =
                        places.iter().map(|(_, path)| path.as_str()).collect();
                    paths.sort();
                    paths.dedup();
                    files = format!(": {}", paths.join(", "));
                } else {
                    places.extend(nodes.iter().map(|node| (*node, String::new())));
                }
                say(
                    world,
                    format!(
                        "{} of {}{files}",
                        entry.action.noun(),
                        found.described(world, &nodes, targets)
                    ),
                );
                for (node, path) in places {
                    if let Some((fault, cure)) = machine_fault_of(machine_fault, node, &path) {
                        world.kernel.apply(fault);
                        lasting.cures.extend(cure);
                    }
                }
            }
        }
        Ok(lasting)
    }

    fn heal(&mut self, healing: &Healing, world: &mut World<'_>) -> Result<(), String> {
        let nodes = match healing {
            Healing::Nodes(targets) => {
                let observed = Observed {
                    kernel: &*world.kernel,
                    layout: world.layout,
                };
                Some(
                    Resolver {
                        plan: world.plan,
                        observed,
                        down: &self.down,
                    }
                    .resolve(targets)?,
                )
            }
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

    /// Of the nodes found, those to whom it can be done; nobody left is nobody fitting.
    fn only(
        &self,
        nodes: Vec<NodeId>,
        world: &World<'_>,
        fits: impl Fn(NodeStatus) -> bool,
        targets: &Targets,
        condition: &str,
    ) -> Result<Vec<NodeId>, String> {
        let fitting: Vec<NodeId> = nodes
            .into_iter()
            .filter(|node| fits(world.kernel.status(*node)))
            .collect();
        if fitting.is_empty() {
            Err(format!("no one of \"{targets}\" {condition}"))
        } else {
            Ok(fitting)
        }
    }

    fn ask_admin(&mut self, world: &mut World<'_>, request: AdminCommand) {
        if let Some(node) = admin(world.layout) {
            command(world.kernel, node, request);
        }
    }
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
