//! What `trial compare --set acks=0,1,all` varies: a key without a path stands for every place where it belongs.
//!
//! A setting of Kafka belongs to all who take it: of producers to every producer, of consumers to every consumer,
//! of brokers and topics to the cluster and wherever the scenario says otherwise. Any other word stands for
//! the places where the scenario has it. A key that could mean two things is refused, with the paths to
//! choose from.

use super::diagnostic::Diagnostic;
use super::node::{Node, NodeValue};
use super::source::{Source, Sources, text_of};
use super::{MAX_BYTES, empty};
use crate::protocol::config::{Scope, nearest};

/// A path that changes what a key means, as `--set` takes it, without the value.
type Path = String;

/// The paths in the scenario `name` that `key` stands for. What is a path already, or adds something, stands
/// for itself.
///
/// # Errors
/// A text that is no scenario, a key that stands for nothing in it, or for more than one thing.
pub fn places_of(name: &str, bytes: Vec<u8>, key: &str) -> Result<Vec<Path>, Diagnostic> {
    let mut sources = Sources::default();
    let text = text_of(name, bytes, MAX_BYTES)?;
    let source = sources.add(Source {
        name: name.to_string(),
        text,
    });
    let root = Node::parse(&sources, source)?.ok_or_else(|| empty(name))?;
    if key.contains('/') || key.starts_with('+') || root.get(key).is_some() {
        return Ok(vec![key.to_string()]);
    }
    let scopes: Vec<Vec<Path>> = [
        of_clients(&root, "producers", Scope::Producer, key),
        of_clients(&root, "consumers", Scope::Consumer, key),
        of_servers(&root, key),
    ]
    .into_iter()
    .filter(|paths| !paths.is_empty())
    .collect();
    match <[Vec<Path>; 1]>::try_from(scopes) {
        Ok([paths]) => Ok(paths),
        Err(scopes) if scopes.is_empty() => match standing(&root, key) {
            paths if paths.is_empty() => Err(unknown(key)),
            paths => Ok(paths),
        },
        Err(scopes) => {
            let choice: Vec<&str> = scopes.iter().flatten().map(String::as_str).collect();
            let found = format!("\"{key}\" is a setting of more than one kind of process");
            Err(Diagnostic::about_file("--set", found)
                .expected(format!("a path, such as {}", choice.join(" or "))))
        }
    }
}

/// Every client of a kind, if its kind takes the key.
fn of_clients(root: &Node, kind: &str, scope: Scope, key: &str) -> Vec<Path> {
    if scope.key(key).is_err() {
        return Vec::new();
    }
    let place = |name: &str| match key {
        // The one setting that a scenario says beside its client's others.
        "acks" => format!("+{kind}/{name}/acks"),
        _ => format!("+{kind}/{name}/config/{key}"),
    };
    names(root, kind).map(place).collect()
}

/// The cluster, and whoever of brokers and topics has a value of its own.
fn of_servers(root: &Node, key: &str) -> Vec<Path> {
    let (broker, topic) = (
        Scope::Broker.key(key).is_ok(),
        Scope::Topic.key(key).is_ok(),
    );
    let mut paths = Vec::new();
    if broker {
        paths.push(format!("+cluster/config/{key}"));
    } else if topic {
        paths.extend(names(root, "topics").map(|name| format!("+topics/{name}/config/{key}")));
        return paths;
    }
    if broker || topic {
        let own = standing(root, key).into_iter();
        paths.extend(
            own.filter(|path| path.starts_with("topics/") || path.starts_with("cluster/brokers/")),
        );
    }
    paths
}

/// Names of the entries of a map at the top.
fn names<'a>(root: &'a Node, map: &str) -> impl Iterator<Item = &'a str> {
    let entries = match root.get(map).map(|(_, value)| &value.value) {
        Some(NodeValue::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().filter_map(|(name, _)| name.text())
}

/// Where a key stands in the scenario, but for its timeline and what it expects.
fn standing(root: &Node, key: &str) -> Vec<Path> {
    let mut found = Vec::new();
    for part in [
        "cluster",
        "network",
        "disk",
        "topics",
        "producers",
        "consumers",
    ] {
        if let Some((_, node)) = root.get(part) {
            look(node, part, key, &mut found);
        }
    }
    found
}

fn look(node: &Node, path: &str, key: &str, found: &mut Vec<Path>) {
    let mut enter = |part: &str, node: &Node| {
        let path = format!("{path}/{part}");
        match part == key {
            true => found.push(path),
            false => look(node, &path, key, found),
        }
    };
    match &node.value {
        NodeValue::Scalar { .. } => {}
        NodeValue::List(items) => {
            for (number, item) in items.iter().enumerate() {
                enter(&number.to_string(), item);
            }
        }
        NodeValue::Map(entries) => {
            for (name, value) in entries {
                enter(name.text().unwrap_or_default(), value);
            }
        }
    }
}

fn unknown(key: &str) -> Diagnostic {
    let scopes = [
        Scope::Producer,
        Scope::Consumer,
        Scope::Broker,
        Scope::Topic,
    ];
    let known = scopes.into_iter().flat_map(Scope::all);
    let found = format!("nobody in this scenario takes \"{key}\"");
    let mut error = Diagnostic::about_file("--set", found)
        .expected("a setting such as acks, or a path such as topics/trucks_gps/partitions");
    error.suggestion = nearest(key, known.map(|key| key.name))
        .filter(|near| *near != key)
        .map(|near| format!("\"{near}\""));
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = "format: 1
name: s
cluster: {brokers: [{id: 1, config: {min.insync.replicas: 1}}, {id: 2}], config: {min.insync.replicas: 2}}
topics:
  a: {partitions: 3, config: {min.insync.replicas: 1}}
  b: {partitions: 4}
producers:
  p: {topic: a, acks: 1}
  q: {topic: b, every: 1s}
consumers:
  c: {topics: [a]}
";

    fn places(key: &str) -> Result<Vec<String>, String> {
        places_of("s.yaml", SCENARIO.into(), key).map_err(|error| error.to_string())
    }

    #[test]
    fn a_setting_belongs_to_all_who_take_it() {
        for (key, expected) in [
            ("acks", vec!["+producers/p/acks", "+producers/q/acks"]),
            (
                "linger.ms",
                vec![
                    "+producers/p/config/linger.ms",
                    "+producers/q/config/linger.ms",
                ],
            ),
            (
                "auto.offset.reset",
                vec!["+consumers/c/config/auto.offset.reset"],
            ),
            (
                "min.insync.replicas",
                vec![
                    "+cluster/config/min.insync.replicas",
                    "cluster/brokers/0/config/min.insync.replicas",
                    "topics/a/config/min.insync.replicas",
                ],
            ),
            (
                "retention.ms",
                vec![
                    "+topics/a/config/retention.ms",
                    "+topics/b/config/retention.ms",
                ],
            ),
            (
                "partitions",
                vec!["topics/a/partitions", "topics/b/partitions"],
            ),
            ("every", vec!["producers/q/every"]),
            ("topics/a/partitions", vec!["topics/a/partitions"]),
            ("name", vec!["name"]),
            ("+seed", vec!["+seed"]),
        ] {
            assert_eq!(places(key).unwrap(), expected, "{key}");
        }
    }

    #[test]
    fn what_means_two_things_or_nothing_is_refused() {
        assert_eq!(
            places("request.timeout.ms").unwrap_err(),
            "error: --set: \"request.timeout.ms\" is a setting of more than one kind of process\n  \
             = expected a path, such as +producers/p/config/request.timeout.ms or \
             +producers/q/config/request.timeout.ms or +consumers/c/config/request.timeout.ms or \
             +cluster/config/request.timeout.ms"
        );
        assert_eq!(
            places("akcs").unwrap_err(),
            "error: --set: nobody in this scenario takes \"akcs\"\n  \
             = expected a setting such as acks, or a path such as topics/trucks_gps/partitions\n  \
             = did you mean \"acks\"?"
        );
    }
}
