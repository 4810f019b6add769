//! Guards: a run that would never end is ended, with the culprit named.

use super::config::Guards;
use super::engine::Stop;
use super::event::Entry;
use super::world::World;
use super::{Domain, NodeId, Time};
use std::collections::BTreeMap;

/// So many of the last events of an endless instant are looked at for what repeats.
const LOOKED_AT: u64 = 10_000;

pub(super) struct Guard {
    limits: Guards,
    instant: Time,
    /// Events of this instant are those after this one.
    before: u64,
    /// So many events of an instant are nobody's business.
    calm: u64,
    seen: BTreeMap<(NodeId, String), u64>,
}

impl Guard {
    pub(super) fn new(limits: Guards) -> Self {
        Self {
            calm: limits.events_in_an_instant.saturating_sub(LOOKED_AT),
            limits,
            instant: Time::ZERO,
            before: 0,
            seen: BTreeMap::new(),
        }
    }

    /// Cheap; true if the event must be looked at.
    #[inline]
    pub(super) fn is_due(&mut self, time: Time, event: u64) -> bool {
        if time != self.instant {
            self.instant = time;
            self.before = event - 1;
        }
        event - self.before > self.calm || event > self.limits.events
    }

    /// Looks at an event that comes late in an endless instant or at the end of the budget.
    #[cold]
    pub(super) fn look<D: Domain>(&mut self, world: &World<D>, slot: u32) -> Result<(), Stop> {
        if world.events > self.limits.events {
            let busiest = world.nodes.iter().max_by_key(|node| node.handled);
            let (name, handled) = busiest.map_or(("nobody", 0), |node| (&*node.name, node.handled));
            return Err(Stop::Guard(format!(
                "the budget of {} events is spent at {:?}; {name} handled most of them ({handled})",
                self.limits.events, world.now
            )));
        }
        let in_instant = world.events - self.before;
        if in_instant + LOOKED_AT <= self.limits.events_in_an_instant {
            return Ok(());
        }
        if in_instant + LOOKED_AT == self.limits.events_in_an_instant + 1 {
            self.seen.clear();
        }
        if let Some(entry) = world.queue.get(slot)
            && let Some(node) = owner(entry, world)
        {
            *self.seen.entry((node, format!("{entry:?}"))).or_insert(0) += 1;
        }
        if in_instant <= self.limits.events_in_an_instant {
            return Ok(());
        }
        let culprit = self.seen.iter().max_by_key(|(_, count)| **count);
        let culprit = culprit.map_or_else(
            || "no node is known to cause it".to_owned(),
            |((node, what), count)| {
                format!(
                    "{} causes most of them ({what}, {count} of the last {LOOKED_AT})",
                    world.node(*node).name
                )
            },
        );
        Err(Stop::Guard(format!(
            "time stands still at {:?} for {} events: {culprit}",
            world.now, self.limits.events_in_an_instant
        )))
    }
}

fn owner<D: Domain>(entry: &Entry<D>, world: &World<D>) -> Option<NodeId> {
    match entry {
        Entry::Cancelled => None,
        Entry::Timer { node, .. }
        | Entry::Started { node, .. }
        | Entry::Terminate { node, .. }
        | Entry::Wake { node, .. }
        | Entry::Supervise { node, .. }
        | Entry::DiskDone { node, .. }
        | Entry::DiskResult { node, .. } => Some(*node),
        Entry::Arrive { to, .. } | Entry::Retransmit { to } => world.network.node_of(*to),
    }
}
