//! Messages with the times at which they were sent and read. A page holds so many; above that, those go first from which
//! nothing followed: neither their sender nor their reader stated anything in the same event.

use super::nodes::Nodes;
use super::thinning::Thinning;
use super::words::Words;
use crate::figure::Recording;
use crate::kernel::Time;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// So many messages at most.
const MOST: u64 = 15_000;

/// What is said of messages, and which of those that were sent are there, by their number in the run.
pub(super) struct Flights {
    pub(super) json: Value,
    pub(super) places: BTreeMap<u64, usize>,
    pub(super) left_out: BTreeMap<String, u64>,
}

pub(super) fn flights(recording: &Recording, nodes: &Nodes, words: &mut Words) -> Flights {
    let read: BTreeMap<u64, (Time, u64)> = recording
        .causes
        .iter()
        .filter_map(|cause| Some((cause.message?, (cause.time, cause.event))))
        .collect();
    let telling: BTreeSet<u64> = recording.facts.iter().map(|entry| entry.event).collect();
    // From what goes first to what stays longest.
    let class = |number: u64, event: u64| match read.get(&number) {
        None => 3,
        Some((_, reading)) => {
            usize::from(telling.contains(&event)) + usize::from(telling.contains(reading))
        }
    };
    let mut counts = BTreeMap::new();
    for sent in &recording.sent {
        *counts.entry(class(sent.number, sent.event)).or_default() += 1;
    }
    let mut thinning = Thinning::new(&counts, MOST);
    let mut columns: [Vec<Value>; 6] = Default::default();
    let mut places = BTreeMap::new();
    let mut left_out = BTreeMap::new();
    let mut last = 0;
    for sent in &recording.sent {
        if !thinning.keeps(class(sent.number, sent.event)) {
            *left_out.entry(sent.kind.to_string()).or_default() += 1;
            continue;
        }
        places.insert(sent.number, places.len());
        let time = sent.time.0 / 1_000;
        // A message whose process sent it in the future of its event's clock is still sent in order.
        let time = time.max(last);
        let flight = read
            .get(&sent.number)
            .map(|(at, _)| (at.0 / 1_000).saturating_sub(time));
        let row = [
            Value::from(time - last),
            flight.into(),
            nodes.number(&sent.node).into(),
            nodes.number(&sent.to).into(),
            words.number(&sent.kind).into(),
            words.number(&sent.message).into(),
        ];
        last = time;
        columns
            .iter_mut()
            .zip(row)
            .for_each(|(column, value)| column.push(value));
    }
    let [time, flight, from, to, kind, label] = columns;
    let json = json!({
        "time": time, "flight": flight, "from": from, "to": to, "kind": kind, "label": label,
    });
    Flights {
        json,
        places,
        left_out,
    }
}
