//! Checks the names of hosts: those that stand for machines, and those that clients look for brokers at.

use super::{Check, Checked, with_suggestion};
use crate::plan::{ConsumerPlan, Problem, ProducerPlan, SCHEMA_REGISTRY};
use crate::protocol::config::nearest;
use crate::protocol::is_localhost;

/// The port that brokers listen on unless told otherwise.
const PORT: &str = "9092";

/// The administrator's machine.
const ADMIN: &str = "admin";

impl Check<'_> {
    /// `network: names`.
    pub(super) fn host_names(&self) -> Checked {
        let machines = self.machines();
        for (name, stands_for) in &self.plan.network.names {
            let path = ["network", "names", name.as_str()];
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if name.is_empty() || !name.chars().all(plain) || name.len() > 253 {
                return Err(
                    Problem::new(path, format!("\"{name}\" is no name for a host"))
                        .on_key()
                        .expected("letters, digits, dots, hyphens and underscores"),
                );
            }
            if machines.contains(name) || is_localhost(name) || name == "0.0.0.0" {
                return Err(
                    Problem::new(path, format!("\"{name}\" is a machine's own name"))
                        .on_key()
                        .expected("another name"),
                );
            }
            if stands_for.is_empty() {
                return Err(
                    Problem::new(path, format!("\"{name}\" stands for no machine"))
                        .expected("one or more, such as [broker-1, broker-2]"),
                );
            }
            for (i, machine) in stands_for.iter().enumerate() {
                let mut path: Vec<String> = path.map(str::to_string).to_vec();
                if stands_for.len() > 1 {
                    path.push(i.to_string());
                }
                if stands_for[..i].contains(machine) {
                    return Err(Problem::new(path, format!("{machine} for the second time"))
                        .expected("each machine once"));
                }
                if !machines.contains(machine) {
                    let problem = Problem::new(path, format!("there is no machine \"{machine}\""))
                        .expected("a machine such as broker-1, or a client's name");
                    let near = nearest(machine, machines.iter().map(String::as_str));
                    return Err(with_suggestion(problem, near));
                }
            }
        }
        Ok(())
    }

    /// All that have a name of their own.
    fn machines(&self) -> Vec<String> {
        let plan = self.plan;
        let brokers = plan.cluster.brokers.iter();
        let mut machines: Vec<String> = brokers
            .map(|broker| format!("broker-{}", broker.id))
            .collect();
        let zookeepers = 1..=plan.cluster.zookeeper.servers;
        machines.extend(zookeepers.map(|number| format!("zookeeper-{number}")));
        machines.extend(plan.producers.iter().flat_map(ProducerPlan::members));
        machines.extend(plan.consumers.iter().flat_map(ConsumerPlan::members));
        machines.extend(plan.zookeeper_clients.iter().map(|it| it.name.clone()));
        machines.extend(plan.services.iter().map(|it| it.name.clone()));
        machines.extend(plan.schema_registry.iter().map(|_| SCHEMA_REGISTRY.into()));
        machines.push(ADMIN.to_string());
        machines
    }

    pub(super) fn bootstrap(&self, servers: Option<&[String]>, path: Vec<String>) -> Checked {
        let Some(servers) = servers else {
            return Ok(());
        };
        let brokers = &self.plan.cluster.brokers;
        let hosts = brokers.iter().map(|broker| format!("broker-{}", broker.id));
        let hosts: Vec<String> = hosts.collect();
        let names = &self.plan.network.names;
        for server in servers {
            let expected = format!("host:port, such as {}:{PORT}", hosts[0]);
            let Some((host, port)) = server.split_once(':') else {
                return Err(
                    Problem::new(path, format!("\"{server}\" has no port")).expected(expected)
                );
            };
            let alias = names.iter().find(|(name, _)| name == host);
            let is_meant = |known: &str| match alias {
                Some((_, machines)) => machines.iter().any(|machine| machine == known),
                None => known == host,
            };
            let numbered = hosts.iter().zip(brokers);
            let meant: Vec<_> = numbered.filter(|(known, _)| is_meant(known)).collect();
            if meant.is_empty() && alias.is_none() {
                let problem = Problem::new(path, format!("there is no host \"{host}\""))
                    .expected("a broker's machine, or a name under network: names");
                let known = hosts.iter().chain(names.iter().map(|(name, _)| name));
                return Err(with_suggestion(
                    problem,
                    nearest(host, known.map(String::as_str)),
                ));
            }
            let mut ports: Vec<String> = Vec::new();
            for (_, broker) in meant {
                for listener in self.listeners_of(broker).bound {
                    let open = listener.port.to_string();
                    if !ports.contains(&open) {
                        ports.push(open);
                    }
                }
            }
            if ports.is_empty() {
                return Err(Problem::new(path, format!("no broker is behind {host}"))
                    .expected("a name that stands for a broker, or a broker's own"));
            }
            if !ports.iter().any(|open| open == port) {
                return Err(
                    Problem::new(path, format!("nothing listens on port {port}")).expected(
                        format!("port {}, on which {host} listens", ports.join(" or ")),
                    ),
                );
            }
        }
        Ok(())
    }
}
