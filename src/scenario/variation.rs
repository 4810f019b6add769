//! What `trial compare --set acks=0,1,all` varies: a key without a path stands for every place where it belongs.
//!
//! A setting of Kafka belongs to all who take it: of producers to every producer, of consumers to every consumer,
//! of brokers and topics to the cluster and wherever the scenario says otherwise. Any other word stands for
//! the places where the scenario has it. A key that could mean two things is refused, with what to say instead:
//! `clients/request.timeout.ms` is that of all producers and consumers, and `producers/`, `consumers/` and `cluster/`
//! before a setting mean all of their kind.

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
    if let Some((kind, setting)) = key.split_once('/')
        && let Some(paths) = of_kind(&root, kind, setting)
    {
        return match paths.is_empty() {
            true => Err(unknown(setting)),
            false => Ok(paths),
        };
    }
    if key.contains('/') || key.starts_with('+') || root.get(key).is_some() {
        return Ok(vec![key.to_string()]);
    }
    let takers = KINDS.map(|kind| (kind, of_process(&root, kind, key)));
    let mut takers: Vec<(&str, Vec<Path>)> = takers.into();
    takers.retain(|(_, paths)| !paths.is_empty());
    match &mut takers[..] {
        [] => match standing(&root, key) {
            paths if paths.is_empty() => Err(unknown(key)),
            paths => Ok(paths),
        },
        [(_, paths)] => Ok(std::mem::take(paths)),
        several => Err(of_several(key, several)),
    }
}

/// Kinds of processes that have settings, as the parts of a scenario in which they stand.
const KINDS: [&str; 3] = ["producers", "consumers", "cluster"];

/// All that the setting is of, where a kind stands before it; `None`: it is a path.
fn of_kind(root: &Node, kind: &str, setting: &str) -> Option<Vec<Path>> {
    if setting.contains('/') {
        return None;
    }
    if kind == "clients" {
        let of_clients = ["producers", "consumers"].map(|kind| of_process(root, kind, setting));
        return Some(of_clients.concat());
    }
    let kind = KINDS.into_iter().find(|it| *it == kind)?;
    let of_that_name = root.get(kind).and_then(|(_, part)| part.get(setting));
    let paths = of_process(root, kind, setting);
    (of_that_name.is_none() && !paths.is_empty()).then_some(paths)
}

fn of_process(root: &Node, kind: &str, key: &str) -> Vec<Path> {
    match kind {
        "producers" => of_clients(root, kind, Scope::Producer, key),
        "consumers" => of_clients(root, kind, Scope::Consumer, key),
        _ => of_servers(root, key),
    }
}

/// How to say of whom it is.
fn of_several(key: &str, takers: &[(&str, Vec<Path>)]) -> Diagnostic {
    let kinds: Vec<&str> = takers.iter().map(|(kind, _)| *kind).collect();
    let mut choice = Vec::new();
    if kinds.starts_with(&["producers", "consumers"]) {
        choice.push(format!("clients/{key} (producers and consumers)"));
    }
    choice.extend(kinds.iter().map(|kind| format!("{kind}/{key}")));
    let one = takers.iter().find_map(|(_, paths)| paths.first());
    choice.extend(one.map(|path| format!("a path such as {path}")));
    let found = format!("\"{key}\" is a setting of more than one kind of process");
    Diagnostic::about_file("--set", found).expected(choice.join(", or "))
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
            (
                "clients/request.timeout.ms",
                vec![
                    "+producers/p/config/request.timeout.ms",
                    "+producers/q/config/request.timeout.ms",
                    "+consumers/c/config/request.timeout.ms",
                ],
            ),
            (
                "producers/request.timeout.ms",
                vec![
                    "+producers/p/config/request.timeout.ms",
                    "+producers/q/config/request.timeout.ms",
                ],
            ),
            (
                "consumers/request.timeout.ms",
                vec!["+consumers/c/config/request.timeout.ms"],
            ),
            (
                "cluster/min.insync.replicas",
                vec![
                    "+cluster/config/min.insync.replicas",
                    "cluster/brokers/0/config/min.insync.replicas",
                    "topics/a/config/min.insync.replicas",
                ],
            ),
            // What such a name has is meant, or would be.
            ("cluster/brokers", vec!["cluster/brokers"]),
            ("consumers/linger.ms", vec!["consumers/linger.ms"]),
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
             = expected clients/request.timeout.ms (producers and consumers), or producers/request.timeout.ms, or \
             consumers/request.timeout.ms, or cluster/request.timeout.ms, or a path such as \
             +producers/p/config/request.timeout.ms"
        );
        assert_eq!(
            places("fetch.max.bytes").unwrap_err(),
            "error: --set: \"fetch.max.bytes\" is a setting of more than one kind of process\n  \
             = expected consumers/fetch.max.bytes, or cluster/fetch.max.bytes, or a path such as \
             +consumers/c/config/fetch.max.bytes"
        );
        let nobodys = "error: --set: nobody in this scenario takes \"min.insync.replicas\"\n";
        let error = places("clients/min.insync.replicas").unwrap_err();
        assert!(error.starts_with(nobodys), "{error}");
        assert_eq!(
            places("akcs").unwrap_err(),
            "error: --set: nobody in this scenario takes \"akcs\"\n  \
             = expected a setting such as acks, or a path such as topics/trucks_gps/partitions\n  \
             = did you mean \"acks\"?"
        );
    }
}
