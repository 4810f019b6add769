//! Who takes part, and as what: the page gives each a place by it.

use crate::figure::Recording;
use crate::protocol::{Fact, GroupFact};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a node is, from its name or from what it states.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Part {
    Other,
    Consumer,
    Producer,
    Broker,
    ZooKeeper,
    /// The run itself, which does things to others.
    Timeline,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Part::Other => "other",
            Part::Consumer => "consumer",
            Part::Producer => "producer",
            Part::Broker => "broker",
            Part::ZooKeeper => "zookeeper",
            Part::Timeline => "timeline",
        }
    }
}

/// By name, with the number that stands for each.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    parts: Vec<(String, Part)>,
    numbers: BTreeMap<String, usize>,
}

impl Nodes {
    pub(super) fn of(recording: &Recording) -> Nodes {
        let mut parts: BTreeMap<&str, Part> = BTreeMap::new();
        for entry in &recording.facts {
            let part = match &entry.fact {
                Fact::RecordCreated { .. } => Part::Producer,
                Fact::Consumed { .. }
                | Fact::PositionSet { .. }
                | Fact::Group(
                    GroupFact::PartitionsAssigned { .. } | GroupFact::AssignedByHand { .. },
                ) => Part::Consumer,
                Fact::TimelineEvent { .. } | Fact::NobodyFits { .. } => Part::Timeline,
                _ => Part::Other,
            };
            learn(&mut parts, &entry.node, part);
        }
        for sent in &recording.sent {
            learn(&mut parts, &sent.node, Part::Other);
            learn(&mut parts, &sent.to, Part::Other);
        }
        let parts: Vec<(String, Part)> = parts
            .into_iter()
            .map(|(name, part)| (name.to_owned(), part))
            .collect();
        let names = parts.iter().map(|(name, _)| name.clone());
        let numbers = names.zip(0..).collect();
        Nodes { parts, numbers }
    }

    pub(super) fn number(&self, name: &str) -> usize {
        self.numbers.get(name).copied().unwrap_or_default()
    }

    pub(super) fn as_json(&self) -> Vec<Value> {
        let one = |(name, part): &(String, Part)| json!([name, part.name()]);
        self.parts.iter().map(one).collect()
    }
}

fn learn<'a>(parts: &mut BTreeMap<&'a str, Part>, name: &'a str, part: Part) {
    let part = match name {
        _ if name.starts_with("broker-") => Part::Broker,
        _ if name.starts_with("zookeeper-") => Part::ZooKeeper,
        _ => part,
    };
    let known = parts.entry(name).or_insert(part);
    *known = part.max(*known);
}
