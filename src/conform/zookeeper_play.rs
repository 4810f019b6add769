//! Plays a transcript of real ZooKeeper: the same operations by clients of the same names, each after
//! the one before was answered and its events were delivered, and compares every answer.
//!
//! The recorder's clients were kazoo's: when its connection drops, kazoo tells the callbacks of all that it
//! watches for (`NONE`, no path), and forgets them. Java's clients, a broker's among them, set their watches
//! again on the next server and tell nothing.
//!
//! Zxids are pairs of epoch and counter. An election may skip epochs, in life as here: epochs are compared
//! by their order.

use super::compare::differences;
use super::lab::plan_named;
use super::play::{Outcome, StepDifference};
use super::zookeeper_transcript::{ZooKeeperAction, ZooKeeperStep, ZooKeeperTranscript};
use crate::kernel::{Duration, Fault, NodeId, NodeStatus};
use crate::node::{Node, ShellCommand, ZooKeeperShell};
use crate::plan::Plan;
use crate::protocol::zookeeper::{Answer, Code, MultiAnswer, Op, SessionId, Stat, WatchType, Zxid};
use crate::protocol::{Fact, Timer};
use crate::run::{Run, Unbuildable};
use crate::trace::excerpt;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Plays a transcript; shows the first step that differs, or all of them.
///
/// # Errors
/// No cluster can be built like the recorded one.
pub fn play_zookeeper(transcript: &ZooKeeperTranscript, all: bool) -> Result<Outcome, Unbuildable> {
    let mut first = None;
    for seed in SEED..SEED + PLACES {
        let (outcome, misplaced) = play_seed(transcript, all, seed)?;
        if !misplaced {
            return Ok(outcome);
        }
        first.get_or_insert(outcome);
    }
    Ok(first.unwrap_or(Outcome::Differed(Vec::new())))
}

/// Which server each client is connected to is chance, and a recording of a crash shows who had its connection
/// there. So many seeds are tried for one that places the clients so.
const PLACES: u64 = 64;

/// Plays with one seed; and whether what differs first is who lost its connection in a crash.
fn play_seed(
    transcript: &ZooKeeperTranscript,
    all: bool,
    seed: u64,
) -> Result<(Outcome, bool), Unbuildable> {
    let mut player = Player::start(transcript, seed)?;
    let mut ours = Vec::new();
    let mut begins = Vec::new();
    for step in &transcript.steps {
        begins.push(player.run.trace().len());
        ours.push(player.step(step));
    }
    begins.push(player.run.trace().len());
    ours.push(json!({"final_tree": player.tree()}));
    let mut theirs: Vec<Value> = transcript
        .steps
        .iter()
        .map(|step| step.seen.clone())
        .collect();
    theirs.push(json!({"final_tree": transcript.final_tree}));
    rank_epochs(&mut ours);
    rank_epochs(&mut theirs);

    let mut differed = Vec::new();
    let mut misplaced = false;
    for (place, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        let found = differences(theirs, ours, &[]);
        if found.is_empty() {
            continue;
        }
        let end = begins.get(place + 1).copied();
        let trace = player.run.trace();
        let (before, meanwhile) = excerpt(
            &trace[..end.unwrap_or(trace.len())],
            begins[place],
            LINES_BEFORE,
        );
        let step = transcript.steps.get(place);
        misplaced |= differed.is_empty() && step.is_some_and(drops_connections);
        differed.push(StepDifference {
            step: place + 1,
            what: step.map_or("the tree at the end".to_string(), |step| step.what.clone()),
            differences: found,
            before,
            meanwhile,
        });
        if !all {
            break;
        }
    }
    let outcome = match differed.is_empty() {
        true => Outcome::Agreed {
            steps: transcript.steps.len(),
        },
        false => Outcome::Differed(differed),
    };
    Ok((outcome, misplaced))
}

fn drops_connections(step: &ZooKeeperStep) -> bool {
    matches!(
        step.action,
        ZooKeeperAction::CrashLeader | ZooKeeperAction::CrashFollower | ZooKeeperAction::Restart
    )
}

/// So many lines of the transcript are shown of the time before a step that differs.
const LINES_BEFORE: usize = 10;
/// Any seed must do, but for the places of clients.
const SEED: u64 = 1;
/// Longest wait for an answer, or for the ensemble to serve again.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events are waited for after each step.
const AFTERWARDS: Duration = Duration::from_millis(60);
const PAUSE: Duration = Duration::from_millis(1);

struct Player {
    run: Run,
    clients: BTreeMap<String, NodeId>,
    /// Those that have a session.
    connected: BTreeSet<String>,
    /// Names of sessions.
    sessions: BTreeMap<SessionId, String>,
    down: Option<NodeId>,
}

impl Player {
    fn start(transcript: &ZooKeeperTranscript, seed: u64) -> Result<Player, Unbuildable> {
        let timeouts: BTreeMap<String, u32> = transcript
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                ZooKeeperAction::Connect { client, timeout_ms } => {
                    Some((client.clone(), *timeout_ms))
                }
                _ => None,
            })
            .collect();
        let run = Run::start_with(&plan_of(transcript), seed, |_, zookeepers| {
            let shell = |(name, timeout_ms): (&String, &u32)| {
                let shell = ZooKeeperShell::new(zookeepers.to_vec(), *timeout_ms);
                let shell = shell.forgetting_watches();
                (name.clone(), Node::ZooKeeperShell(Box::new(shell)))
            };
            Ok(timeouts.iter().map(shell).collect())
        })?;
        let layout = run.view().layout;
        let clients = layout.clients.iter();
        let clients = clients.filter(|(name, _)| timeouts.contains_key(name));
        let mut player = Player {
            clients: clients.cloned().collect(),
            run,
            connected: BTreeSet::new(),
            sessions: BTreeMap::new(),
            down: None,
        };
        player.until(|player| player.serves());
        Ok(player)
    }

    /// Plays a step; answers what it came to, as the recording would show it.
    fn step(&mut self, step: &ZooKeeperStep) -> Value {
        let mut seen = Map::new();
        match &step.action {
            ZooKeeperAction::Connect { client, .. } => {
                self.run.fault(Fault::Start(self.clients[client]), None);
                self.connected.insert(client.clone());
                self.until(|player| player.everybody_is_connected());
                if let Some(session) = self.shell(client).and_then(ZooKeeperShell::session_id) {
                    self.sessions.insert(session, client.clone());
                }
            }
            ZooKeeperAction::CloseSession { client } => {
                self.connected.remove(client);
                let Some(node) = self.clients.get(client).copied() else {
                    return json!({"error": "it never connected"});
                };
                self.run.fault(Fault::Terminate(node), None);
                self.until(|player| player.run.view().kernel.status(node) == NodeStatus::Down);
                // Nobody was there any more to write down what the closing client was told.
                if let Node::ZooKeeperShell(shell) = self.run.node_mut(node) {
                    shell.take_watch_events();
                    shell.take_forgotten_watches();
                }
            }
            ZooKeeperAction::Ask { client, op } => {
                let (part, value) = self.ask(client, op);
                seen.insert(part.to_string(), value);
            }
            ZooKeeperAction::CrashLeader => self.crash(true),
            ZooKeeperAction::CrashFollower => self.crash(false),
            ZooKeeperAction::Restart => {
                if let Some(server) = self.down.take() {
                    self.run.fault(Fault::Start(server), None);
                }
                self.recover();
            }
        }
        let end = self.run.now() + AFTERWARDS;
        self.run.until(end);
        let events = self.take_events();
        if !events.is_empty() {
            seen.insert("events".to_string(), json!(events));
        }
        Value::Object(seen)
    }

    fn crash(&mut self, leader: bool) {
        let leads = self.run.view().zookeeper_leader();
        let servers = &self.run.view().layout.zookeepers;
        let victim = servers
            .iter()
            .copied()
            .find(|server| (Some(*server) == leads) == leader);
        if let Some(victim) = victim {
            let fact = Some((victim, Fact::Crashed));
            self.run.fault(Fault::Crash(victim), fact);
            self.down = Some(victim);
        }
        self.recover();
    }

    /// The ensemble serves, and every client is connected again.
    fn recover(&mut self) {
        let end = self.run.now() + AFTERWARDS;
        self.run.until(end);
        self.until(|player| player.serves() && player.everybody_is_connected());
    }

    fn ask(&mut self, client: &str, op: &Op) -> (&'static str, Value) {
        let Some(node) = self.clients.get(client).copied() else {
            return ("error", json!("it never connected"));
        };
        let Node::ZooKeeperShell(shell) = self.run.node_mut(node) else {
            return ("error", json!("no client"));
        };
        let number = shell.push(ShellCommand::Ask(op.clone()));
        self.run.poke(node, Timer::Command(number));
        let answer = |player: &Player| player.shell(client)?.results().get(&number).cloned();
        self.until(|player| answer(player).is_some());
        match answer(self) {
            None => ("error", json!("no answer in time")),
            Some(Err(Code::NoNode)) if matches!(op, Op::Exists { .. }) => ("result", Value::Null),
            Some(Err(code)) => ("error", json!(error_name(code))),
            Some(Ok(Answer::Synced)) => match op {
                Op::Sync { path } => ("result", json!(&**path)),
                _ => ("result", Value::Null),
            },
            Some(Ok(answer)) => ("result", self.shown(answer)),
        }
    }

    fn serves(&self) -> bool {
        self.run.view().coordination_is_up() && self.run.view().zookeeper_leader().is_some()
    }

    fn everybody_is_connected(&self) -> bool {
        let mut connected = self.connected.iter();
        connected.all(|client| self.shell(client).is_some_and(ZooKeeperShell::is_connected))
    }

    fn shell(&self, client: &str) -> Option<&ZooKeeperShell> {
        match self.run.view().kernel.actor(*self.clients.get(client)?) {
            Node::ZooKeeperShell(shell) => Some(shell),
            _ => None,
        }
    }

    fn take_events(&mut self) -> Vec<[Value; 3]> {
        let mut events = Vec::new();
        for (name, node) in self.clients.clone() {
            let Node::ZooKeeperShell(shell) = self.run.node_mut(node) else {
                continue;
            };
            for event in shell.take_watch_events() {
                let kind = match event.kind {
                    WatchType::NodeCreated => "CREATED",
                    WatchType::NodeDeleted => "DELETED",
                    WatchType::NodeDataChanged => "CHANGED",
                    WatchType::NodeChildrenChanged => "CHILD",
                };
                events.push([json!(name), json!(kind), json!(&*event.path)]);
            }
            if shell.take_forgotten_watches() {
                events.push([json!(name), json!("NONE"), Value::Null]);
            }
        }
        events.sort_by_key(|event| event.each_ref().map(Value::to_string));
        events
    }

    fn until(&mut self, holds: impl Fn(&Player) -> bool) {
        let end = self.run.now() + PATIENCE;
        while !holds(self) && self.run.now() < end && !self.run.is_over() {
            let next = self.run.now() + PAUSE;
            self.run.until(next);
        }
    }

    fn shown(&self, answer: Answer) -> Value {
        match answer {
            Answer::Created { path, stat } => json!({"value": &*path, "stat": self.stat(&stat)}),
            Answer::SetData(stat) | Answer::Exists(stat) | Answer::AclSet(stat) => {
                json!({"stat": self.stat(&stat)})
            }
            Answer::Data { data, stat } => {
                json!({"value": latin1(&data), "stat": self.stat(&stat)})
            }
            Answer::Children { children, .. } => {
                children.iter().map(|child| json!(&**child)).collect()
            }
            Answer::Multi(results) => results
                .into_iter()
                .map(|result| match result {
                    Ok(MultiAnswer::Created(path)) => json!(&*path),
                    Ok(MultiAnswer::SetData(stat)) => json!({"stat": self.stat(&stat)}),
                    Ok(MultiAnswer::Deleted | MultiAnswer::Checked) => json!(true),
                    Ok(MultiAnswer::RolledBack) => json!({"error": "RolledBack"}),
                    Err(code) => json!({"error": error_name(code)}),
                })
                .collect(),
            Answer::Deleted
            | Answer::Synced
            | Answer::WatchesSet
            | Answer::SessionClosed
            | Answer::Acl { .. } => json!(true),
        }
    }

    fn stat(&self, stat: &Stat) -> Value {
        let pair = |zxid: Zxid| json!([zxid >> 32, zxid & 0xffff_ffff]);
        json!({
            "czxid": pair(stat.czxid), "mzxid": pair(stat.mzxid), "pzxid": pair(stat.pzxid),
            "version": stat.version, "cversion": stat.cversion, "aversion": stat.aversion,
            "dataLength": stat.data_length, "numChildren": stat.num_children,
            "mtime_eq_ctime": stat.mtime == stat.ctime,
            "ephemeralOwner": match self.sessions.get(&stat.ephemeral_owner) {
                None => json!(stat.ephemeral_owner),
                Some(client) => json!(format!("session:{client}")),
            },
        })
    }

    fn tree(&self) -> Value {
        let Some(tree) = self.run.view().tree() else {
            return Value::Null;
        };
        let own = |path: &str| path.starts_with("/zookeeper");
        tree.iter()
            .filter(|(path, ..)| !own(path))
            .map(|(path, data, stat)| {
                let mut node = self.stat(&stat);
                node["value"] = json!(latin1(data));
                (path.to_string(), node)
            })
            .collect::<Map<_, _>>()
            .into()
    }
}

/// Servers like the recorded ones, and a broker that is never started.
fn plan_of(transcript: &ZooKeeperTranscript) -> Plan {
    let mut plan = plan_named(&transcript.name);
    // The steps say when it ends.
    plan.duration = Duration::MAX;
    plan.cluster.zookeeper.servers = transcript.servers;
    plan.cluster.zookeeper.tick_time_ms = 500;
    plan.cluster.zookeeper.max_session_timeout_ms = Some(60_000);
    for broker in &mut plan.cluster.brokers {
        broker.machine.down_at_start = true;
    }
    plan
}

/// Replaces each epoch by its place among those that a transcript shows. Epoch 0 is before the first.
fn rank_epochs(parts: &mut [Value]) {
    let mut epochs = BTreeSet::from([0]);
    for part in parts.iter_mut() {
        each_zxid(part, &mut |epoch| {
            epochs.insert(epoch);
            epoch
        });
    }
    let ranks: BTreeMap<i64, i64> = epochs.into_iter().zip(0..).collect();
    for part in parts {
        each_zxid(part, &mut |epoch| ranks[&epoch]);
    }
}

fn each_zxid(value: &mut Value, change: &mut impl FnMut(i64) -> i64) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value.get_mut(0) {
                    Some(epoch) if ["czxid", "mzxid", "pzxid"].contains(&key.as_str()) => {
                        if let Some(said) = epoch.as_i64() {
                            *epoch = json!(change(said));
                        }
                    }
                    _ => each_zxid(value, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_zxid(item, change)),
        _ => {}
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// kazoo's names of errors.
fn error_name(code: Code) -> &'static str {
    match code {
        Code::NoNode => "NoNode",
        Code::BadVersion => "BadVersion",
        Code::NoChildrenForEphemerals => "NoChildrenForEphemerals",
        Code::NodeExists => "NodeExists",
        Code::NotEmpty => "NotEmpty",
        Code::BadArguments => "BadArguments",
        Code::RuntimeInconsistency => "RuntimeInconsistency",
        Code::SessionExpired => "SessionExpired",
        Code::SessionMoved => "SessionMoved",
        Code::ConnectionLoss => "ConnectionLoss",
        Code::MarshallingError => "MarshallingError",
        Code::Unimplemented => "Unimplemented",
    }
}
