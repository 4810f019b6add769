//! A simulated cluster with what a recorder of real Kafka has beside it: a client that carries out
//! its operations one by one, and a ZooKeeper shell.

use super::recorder_client::offset;
use crate::client::{Bootstrap, Client, Driver, DriverOperation, DriverOptions, DriverResult};
use crate::kernel::{Duration, Fault, NodeId, Time};
use crate::node::{Node, ShellCommand, ZooKeeperShell};
use crate::plan::Plan;
use crate::protocol::Timer;
use crate::run::{Run, Unbuildable};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The cluster under way; client and shell are down until they are started.
pub(super) struct Lab {
    pub(super) run: Run,
    driver: NodeId,
    shell: NodeId,
    pub(super) zookeeper: NodeId,
    pub(super) brokers: BTreeMap<i32, NodeId>,
}

/// Any seed must do, but where a race decides.
pub(super) const SEED: u64 = 1;
/// A question is given up after this: longer than any client's own time-out.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
const DRIVER: &str = "driver";
const SHELL: &str = "recorder";

/// A plan called as a recording is, as far as a plan may be.
pub(super) fn plan_named(recording: &str) -> Plan {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    Plan::new(recording.chars().map(plain).take(64).collect::<String>())
}

impl Lab {
    pub(super) fn start(plan: &Plan, seed: u64) -> Result<Lab, Unbuildable> {
        Lab::start_with(plan, seed, |_| Ok(Vec::new()))
    }

    /// With further nodes, down until they are started, which may begin with these servers.
    pub(super) fn start_with(
        plan: &Plan,
        seed: u64,
        more: impl FnOnce(&Bootstrap) -> Result<Vec<(String, Node)>, Unbuildable>,
    ) -> Result<Lab, Unbuildable> {
        let ids: Vec<i32> = plan
            .cluster
            .brokers
            .iter()
            .map(|broker| broker.id)
            .collect();
        let run = Run::start_with(plan, seed, |addresses, zookeepers| {
            let bootstrap = Bootstrap {
                hosts: addresses.hosts.clone(),
                servers: ids
                    .iter()
                    .map(|id| (format!("broker-{id}"), 9092))
                    .collect(),
            };
            let more = more(&bootstrap)?;
            let options = DriverOptions {
                name: DRIVER.to_string(),
                bootstrap,
                operations: Vec::new(),
            };
            let driver = Driver::new(options).map_err(|error| Unbuildable(error.to_string()))?;
            let shell = ZooKeeperShell::new(zookeepers.to_vec(), 30_000);
            let mut nodes = vec![
                (
                    DRIVER.to_string(),
                    Node::Client(Client::Driver(Box::new(driver))),
                ),
                (SHELL.to_string(), Node::ZooKeeperShell(Box::new(shell))),
            ];
            nodes.extend(more);
            Ok(nodes)
        })?;
        let layout = run.view().layout;
        let named = |name: &str| {
            let found = layout
                .clients
                .iter()
                .find(|(client, _)| client == name)
                .map(|(_, node)| *node);
            found.ok_or_else(|| Unbuildable(format!("no node is called {name}")))
        };
        let zookeeper = layout.zookeepers.first().copied();
        Ok(Lab {
            driver: named(DRIVER)?,
            shell: named(SHELL)?,
            zookeeper: zookeeper.ok_or_else(|| Unbuildable("no ZooKeeper server".to_string()))?,
            brokers: layout.brokers.clone(),
            run,
        })
    }

    pub(super) fn start_driver(&mut self) {
        self.run.fault(Fault::Start(self.driver), None);
    }

    pub(super) fn start_shell(&mut self) {
        self.run.fault(Fault::Start(self.shell), None);
    }

    pub(super) fn broker(&self, id: i32) -> Result<NodeId, Unbuildable> {
        let found = self.brokers.get(&id).copied();
        found.ok_or_else(|| Unbuildable(format!("the recording has no broker {id}")))
    }

    /// Types a command into the ZooKeeper shell.
    pub(super) fn shell(&mut self, command: ShellCommand) {
        if let Node::ZooKeeperShell(shell) = self.run.node_mut(self.shell) {
            let number = shell.push(command);
            self.run.poke(self.shell, Timer::Command(number));
        }
    }

    /// Whether every command of the shell has been carried out.
    pub(super) fn shell_is_done(&self) -> bool {
        match self.run.view().kernel.actor(self.shell) {
            Node::ZooKeeperShell(shell) => shell.is_done(),
            _ => true,
        }
    }

    /// Steps until something is so, or until `end`.
    pub(super) fn run_until(&mut self, end: Time, done: impl Fn(&Lab) -> bool) {
        while !done(self) && self.run.now() < end && self.run.step() {}
    }

    /// Begins an operation of the client; its number.
    pub(super) fn operate(&mut self, operation: DriverOperation) -> Result<u32, Unbuildable> {
        let Node::Client(Client::Driver(driver)) = self.run.node_mut(self.driver) else {
            return Err(Unbuildable("the driver is no driver".to_string()));
        };
        let number = driver.push(operation);
        self.run.poke(self.driver, Timer::Command(number));
        Ok(number)
    }

    /// Runs until an operation has ended, or for longer than any client would wait.
    pub(super) fn answer(&mut self, number: u32) -> Option<DriverResult> {
        self.answer_by(number, self.run.now() + ANSWER_LIMIT)
    }

    /// Nobody waits for the answer of an operation any more.
    pub(super) fn abandon(&mut self, number: u32) {
        if let Node::Client(Client::Driver(driver)) = self.run.node_mut(self.driver) {
            driver.abandon(number);
        }
    }

    /// Runs until an operation has ended, or until `limit`.
    pub(super) fn answer_by(&mut self, number: u32, limit: Time) -> Option<DriverResult> {
        loop {
            if let Node::Client(Client::Driver(driver)) = self.run.view().kernel.actor(self.driver)
                && let Some(result) = driver.results().get(&number)
            {
                return Some(result.clone());
            }
            if self.run.now() >= limit || !self.run.step() {
                return None;
            }
        }
    }

    /// The offsets of a topic's partitions, as the recorder wrote them.
    pub(super) fn offsets(&mut self, topic: &str) -> Value {
        let question = DriverOperation::Offsets {
            topic: Rc::from(topic),
        };
        let Some(DriverResult::Offsets(partitions)) = self
            .operate(question)
            .ok()
            .and_then(|number| self.answer(number))
        else {
            return Value::Null;
        };
        partitions
            .into_iter()
            .map(|(number, offsets)| {
                let mut shown = Map::new();
                shown.insert("earliest".to_string(), offset(&offsets.earliest));
                shown.insert("latest".to_string(), offset(&offsets.latest));
                shown.insert(
                    "latest_committed".to_string(),
                    offset(&offsets.latest_committed),
                );
                if let Some(epoch) = offsets.leader_epoch {
                    shown.insert("leader_epoch".to_string(), json!(epoch));
                }
                (number.to_string(), Value::Object(shown))
            })
            .collect()
    }
}
