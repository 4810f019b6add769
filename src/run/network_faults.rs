//! Faults of the network: between whom, in which words, and by which rules of the kernel.

use crate::kernel::{Fault, NodeId};
use crate::plan::{Action, Targets, write_duration, write_size};
use crate::protocol::LinkFault;

/// The sets of nodes that a fault of the network is between; `None` for other actions.
pub fn network_sides(action: &Action) -> Option<Vec<&Targets>> {
    Some(match action {
        Action::Cut { from, to, .. } | Action::LoseMessage { from, to } => vec![from, to],
        Action::SlowLink { a, b, .. }
        | Action::ThrottleNetwork { a, b, .. }
        | Action::StallNetwork { a, b }
        | Action::ResetConnections { a, b } => vec![a, b],
        Action::Partition(sides) => sides.iter().collect(),
        Action::Isolate(targets) => vec![targets],
        _ => return None,
    })
}

/// Whether the fault touches no link: all its sides are one and the same node.
pub fn is_between_nobody(sides: &[Vec<NodeId>]) -> bool {
    let mut nodes = sides.iter().flatten();
    let first = nodes.next();
    sides.len() > 1 && nodes.all(|node| Some(node) == first)
}

/// Takes a node out of the other side of its own links: no link leads to itself.
pub fn leave_out_itself(sides: &mut [Vec<NodeId>]) {
    let [a, b] = sides else {
        return;
    };
    match (&a[..], &b[..]) {
        ([one], [_, _, ..]) => b.retain(|other| other != one),
        ([_, _, ..], [one]) => a.retain(|other| other != one),
        _ => {}
    }
}

/// The line of the transcript; `who` are the sides.
pub fn network_words(action: &Action, who: &[String]) -> String {
    let all = who.join(" and ");
    match action {
        Action::Cut { both: false, .. } => format!("network cut from {}", who.join(" to ")),
        Action::Cut { .. } => format!("network cut between {all}"),
        Action::Partition(_) => format!("network partition: {}", who.join(" | ")),
        Action::SlowLink { by, .. } => format!(
            "slow link between {all}: {} more each trip",
            write_duration(*by)
        ),
        Action::ThrottleNetwork { rate, .. } => format!(
            "network between {all} throttled to {} a second",
            write_size(*rate)
        ),
        Action::StallNetwork { .. } => format!("network between {all} stalls"),
        Action::ResetConnections { .. } => format!("connections between {all} are reset"),
        Action::LoseMessage { .. } => {
            format!("the next message from {} is lost", who.join(" to "))
        }
        other => format!("{} of {all}", other.noun()),
    }
}

/// What the trace is told that messages suffer from, where they do for some time.
pub fn link_fault(action: &Action) -> Option<LinkFault> {
    match action {
        Action::Cut { .. } | Action::Partition(_) | Action::Isolate(_) => Some(LinkFault::Cut),
        Action::StallNetwork { .. } => Some(LinkFault::Stalled),
        Action::SlowLink { .. } => Some(LinkFault::Slow),
        Action::ThrottleNetwork { .. } => Some(LinkFault::Throttled),
        _ => None,
    }
}

/// What the kernel is told; `everyone` is whom somebody can be isolated from.
pub fn network_faults_of(
    action: &Action,
    sides: Vec<Vec<NodeId>>,
    everyone: &[NodeId],
) -> Vec<Fault> {
    if let Action::Partition(_) = action {
        let cuts = (0..sides.len()).flat_map(|i| (i + 1..sides.len()).map(move |j| (i, j)));
        return cuts
            .map(|(i, j)| Fault::Cut {
                from: sides[i].clone(),
                to: sides[j].clone(),
                both: true,
            })
            .collect();
    }
    let mut sides = sides.into_iter();
    let a = sides.next().unwrap_or_default();
    let b = sides.next().unwrap_or_default();
    match action {
        Action::Cut { both, .. } => vec![Fault::Cut {
            from: a,
            to: b,
            both: *both,
        }],
        Action::Isolate(_) => {
            let others = everyone.iter().copied().filter(|node| !a.contains(node));
            vec![Fault::Cut {
                to: others.collect(),
                from: a,
                both: true,
            }]
        }
        Action::SlowLink { by, .. } => vec![Fault::SlowLink { a, b, extra: *by }],
        Action::ThrottleNetwork { rate, .. } => vec![Fault::Throttle {
            a,
            b,
            bytes_per_second: *rate,
        }],
        Action::StallNetwork { .. } => vec![Fault::Stall { a, b }],
        Action::ResetConnections { .. } => vec![Fault::Reset { a, b }],
        Action::LoseMessage { .. } => {
            let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (*a, *b)));
            pairs
                .map(|(from, to)| Fault::LoseOne { from, to })
                .collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_cut_from_itself() {
        let [a, b, c] = [NodeId(1), NodeId(2), NodeId(3)];
        let left = |one: &[NodeId], other: &[NodeId]| {
            let mut sides = vec![one.to_vec(), other.to_vec()];
            leave_out_itself(&mut sides);
            sides
        };
        assert_eq!(left(&[c], &[a, b, c]), [vec![c], vec![a, b]]);
        assert_eq!(left(&[a, b], &[b]), [vec![a], vec![b]]);
        // Each is cut from the other.
        assert_eq!(left(&[a, b], &[a, b]), [vec![a, b], vec![a, b]]);
        assert_eq!(left(&[a], &[a]), [vec![a], vec![a]]);
    }

    #[test]
    fn a_fault_between_a_node_and_itself_is_between_nobody() {
        let (a, b) = (NodeId(1), NodeId(2));
        assert!(is_between_nobody(&[vec![a], vec![a]]));
        assert!(!is_between_nobody(&[vec![a], vec![b]]));
        assert!(!is_between_nobody(&[vec![a], vec![a, b]]));
        // An isolation has one side: it is from everybody else.
        assert!(!is_between_nobody(&[vec![a]]));
    }
}
