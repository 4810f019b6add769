//! Which rows the tree has, from above: in the order of paths, part by part, numbers by their size. What says nothing
//! stands in the row of what it leads to; of many siblings those stand for themselves that somebody owns or that changed
//! last.

use crate::figure::Wanted;
use crate::node::view::{ZnodeView, ZooKeeperView, ZooKeeperWatchView};
use crate::protocol::zookeeper::{SessionId, Zxid};
use crate::protocol::{counted, is_internal_topic};
use serde_json::Value;
use std::collections::BTreeMap;

/// So many siblings below one node, but for the topmost.
const MOST: usize = 5;
/// What is told of what a node holds, in this order; of what holds none of these, all.
const TELLING: [&str; 12] = [
    "endpoints",
    "brokerid",
    "leader",
    "leader_epoch",
    "isr",
    "controller_epoch",
    "partitions",
    "id",
    "broker",
    "block_start",
    "block_end",
    "config",
];

pub(super) struct Tree<'a> {
    pub rows: Vec<Row<'a>>,
    /// What it does not show, in words.
    pub left_out: Vec<String>,
}

pub(super) struct Row<'a> {
    pub depth: usize,
    pub name: String,
    pub what: What,
    watches: Vec<&'a ZooKeeperWatchView>,
}

pub(super) enum What {
    /// `owner`: the session that it goes with; 0 for one that stays.
    Node { says: String, owner: SessionId },
    /// Watched, and not there.
    Absent,
    /// Its name is about several.
    Several,
}

impl<'a> Row<'a> {
    pub(super) fn watched(&self, children: bool) -> impl Iterator<Item = &'a ZooKeeperWatchView> {
        let watches = self.watches.iter().copied();
        watches.filter(move |it| it.children == children)
    }
}

/// Of all that there is and that is watched.
pub(super) fn rows<'a>(view: &'a ZooKeeperView, wanted: &Wanted) -> Tree<'a> {
    let mut root = Node::default();
    for znode in &view.znodes {
        root.at(&znode.path).znode = Some(znode);
    }
    for watch in &view.watches {
        root.at(&watch.path).watches.push(watch);
    }
    let mut left_out = Vec::new();
    // ZooKeeper's own.
    if root.children.remove(&Part::of("zookeeper")).is_some() {
        left_out.push("/zookeeper, which ZooKeeper keeps for itself, is left out".to_owned());
    }
    let topics = ["brokers", "config"].map(|above| root.leave_topics(above, wanted));
    if topics.iter().any(|left| *left > 0) {
        let topics = topics.iter().max().copied().unwrap_or(0);
        left_out.push(format!(
            "{} not shown: --topic chooses; brokers' own only where it names them",
            counted(topics, "topic")
        ));
    }
    let mut tree = Tree {
        rows: Vec::new(),
        left_out,
    };
    root.push("/".to_owned(), 0, &mut tree);
    tree
}

/// A part of a path: numbers by their size, before names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Part(bool, u64, String);

impl Part {
    fn of(text: &str) -> Part {
        let number = text.parse().ok();
        Part(number.is_none(), number.unwrap_or(0), text.to_owned())
    }
}

#[derive(Default)]
struct Node<'a> {
    children: BTreeMap<Part, Node<'a>>,
    znode: Option<&'a ZnodeView>,
    watches: Vec<&'a ZooKeeperWatchView>,
}

impl<'a> Node<'a> {
    fn at(&mut self, path: &str) -> &mut Node<'a> {
        let mut node = self;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            node = node.children.entry(Part::of(part)).or_default();
        }
        node
    }

    /// Takes those away that nobody asked for; how many.
    fn leave_topics(&mut self, above: &str, wanted: &Wanted) -> usize {
        let named = wanted.partition.as_ref().map(|it| &it.topic);
        let shown = |topic: &str| match wanted.topic.as_ref().or(named) {
            Some(only) => &**only == topic,
            None => !is_internal_topic(topic),
        };
        let above = self.children.get_mut(&Part::of(above));
        let Some(topics) = above.and_then(|it| it.children.get_mut(&Part::of("topics"))) else {
            return 0;
        };
        let before = topics.children.len();
        topics.children.retain(|Part(_, _, name), _| shown(name));
        before - topics.children.len()
    }

    fn is_ephemeral(&self) -> bool {
        self.znode.is_some_and(|it| it.stat.ephemeral_owner != 0)
    }

    /// It says nothing and nobody cares.
    fn is_quiet(&self) -> bool {
        let data = self.znode.map_or(0, |it| it.data.len());
        data == 0 && self.watches.is_empty() && !self.is_ephemeral()
    }

    /// Whether somebody owns it, and when it or what is below it changed last.
    fn weight(&self) -> (bool, Zxid) {
        let own = self.znode.map_or(0, |it| it.stat.mzxid);
        let below = self.children.values().map(Node::weight);
        below.fold((self.is_ephemeral(), own), |(a, b), (c, d)| {
            (a || c, b.max(d))
        })
    }

    fn push(&self, mut name: String, depth: usize, tree: &mut Tree<'a>) {
        let mut node = self;
        while let (true, Some((part, child)), 1) = (
            node.is_quiet() && depth > 0,
            node.children.iter().next(),
            node.children.len(),
        ) {
            name += &format!("/{}", part.2);
            node = child;
        }
        tree.rows.push(Row {
            depth,
            name,
            what: node.what(),
            watches: node.watches.clone(),
        });
        node.push_children(depth + 1, tree);
    }

    fn push_children(&self, depth: usize, tree: &mut Tree<'a>) {
        let (empty, mut shown): (Vec<_>, Vec<_>) = self
            .children
            .iter()
            .partition(|(_, it)| it.is_quiet() && it.children.is_empty());
        let mut several = Vec::new();
        match empty[..] {
            [] => {}
            [one] => {
                shown.push(one);
                shown.sort_by_key(|(part, _)| *part);
            }
            _ => {
                let names: Vec<&str> = empty.iter().map(|(part, _)| part.2.as_str()).collect();
                several.push(format!("empty: {}", names.join(", ")));
            }
        }
        if depth > 1 && shown.len() > MOST {
            let left_out = shown.len() - MOST;
            shown.sort_by_key(|(part, it)| (std::cmp::Reverse(it.weight()), *part));
            shown.truncate(MOST);
            shown.sort_by_key(|(part, _)| *part);
            several.push(format!("{left_out} more, which changed longer ago"));
        }
        for (part, child) in shown {
            child.push(part.2.clone(), depth, tree);
        }
        for name in several {
            tree.rows.push(Row {
                depth,
                name,
                what: What::Several,
                watches: Vec::new(),
            });
        }
    }

    fn what(&self) -> What {
        match self.znode {
            None => What::Absent,
            Some(znode) => What::Node {
                says: says(znode),
                owner: znode.stat.ephemeral_owner,
            },
        }
    }
}

/// What it holds, in short, and how often it was written.
fn says(znode: &ZnodeView) -> String {
    let text = match serde_json::from_slice::<Value>(&znode.data) {
        Ok(Value::Object(fields)) => {
            let told = TELLING.iter().filter_map(|key| {
                let value = fields.get(*key)?;
                Some(format!("{key} {}", in_words(value)))
            });
            let told: Vec<String> = told.collect();
            match told.is_empty() {
                true => String::from_utf8_lossy(&znode.data).into_owned(),
                false => told.join(", "),
            }
        }
        _ => String::from_utf8_lossy(&znode.data).into_owned(),
    };
    match znode.stat.version {
        0 => text,
        version => format!("{text} (version {version})"),
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(in_words).collect();
            format!("[{}]", values.join(","))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<String> = fields
                .map(|(key, value)| format!("{key}: {}", in_words(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}
