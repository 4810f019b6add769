//! Lasting rules of the nemesis, and what they make of the path from one node to another.

use crate::kernel::{Distribution, Duration, Fault, FaultId, NetworkConfig, NodeId, Time};

/// The verdict on packets from one node to another.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Path {
    /// Nothing gets through; the sender sends again, and times out in the end.
    pub(super) cut: bool,
    /// Nothing gets through on the way back: acknowledgements are lost.
    pub(super) ack_cut: bool,
    /// Packets wait for the rule to be healed.
    pub(super) stalled: bool,
    pub(super) throttled: bool,
    /// The next message is lost.
    pub(super) loses: bool,
    pub(super) extra: Duration,
    pub(super) distance: Distance,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Distance {
    Loopback,
    #[default]
    SameRack,
    OtherRack,
}

impl Path {
    /// Whether a packet needs a second look when it is sent.
    #[inline]
    pub(super) fn is_special(&self) -> bool {
        self.cut || self.ack_cut || self.stalled || self.loses
    }

    #[inline]
    pub(super) fn latency<'a>(&self, config: &'a NetworkConfig) -> &'a Distribution {
        match self.distance {
            Distance::Loopback => &config.loopback,
            Distance::SameRack => &config.same_rack,
            Distance::OtherRack => &config.other_rack,
        }
    }
}

#[derive(Default)]
pub(super) struct Rules {
    active: Vec<Rule>,
    next: u32,
}

struct Rule {
    id: FaultId,
    from: Vec<NodeId>,
    to: Vec<NodeId>,
    both: bool,
    effect: Effect,
}

enum Effect {
    Cut,
    SlowLink(Duration),
    /// When each direction will have sent what was given to it.
    Throttle {
        bytes_per_second: u64,
        free: [Time; 2],
    },
    Stall,
    LoseOne,
}

impl Rules {
    pub(super) fn add(&mut self, fault: &Fault) -> Option<FaultId> {
        let (from, to, both, effect) = match fault {
            Fault::Cut { from, to, both } => (from.clone(), to.clone(), *both, Effect::Cut),
            Fault::SlowLink { a, b, extra } => {
                (a.clone(), b.clone(), true, Effect::SlowLink(*extra))
            }
            Fault::Throttle {
                a,
                b,
                bytes_per_second,
            } => {
                let effect = Effect::Throttle {
                    bytes_per_second: (*bytes_per_second).max(1),
                    free: [Time::ZERO; 2],
                };
                (a.clone(), b.clone(), true, effect)
            }
            Fault::Stall { a, b } => (a.clone(), b.clone(), true, Effect::Stall),
            Fault::LoseOne { from, to } => (vec![*from], vec![*to], false, Effect::LoseOne),
            _ => return None,
        };
        let id = FaultId(self.next);
        self.next += 1;
        self.active.push(Rule {
            id,
            from,
            to,
            both,
            effect,
        });
        Some(id)
    }

    /// Ends a rule, or all.
    pub(super) fn remove(&mut self, id: Option<FaultId>) {
        self.active
            .retain(|rule| id.is_some_and(|id| id != rule.id));
    }

    /// A message has been lost: the first rule that asked for it is done.
    pub(super) fn message_lost(&mut self, from: NodeId, to: NodeId) {
        let done = self.active.iter().position(|rule| {
            matches!(rule.effect, Effect::LoseOne) && rule.covers(from, to).is_some()
        });
        if let Some(done) = done {
            self.active.remove(done);
        }
    }

    pub(super) fn path(&self, from: NodeId, to: NodeId) -> Path {
        let mut path = Path::default();
        for rule in &self.active {
            if matches!(rule.effect, Effect::Cut) && rule.covers(to, from).is_some() {
                path.ack_cut = true;
            }
            if rule.covers(from, to).is_none() {
                continue;
            }
            match rule.effect {
                Effect::Cut => path.cut = true,
                Effect::SlowLink(extra) => path.extra = path.extra + extra,
                Effect::Throttle { .. } => path.throttled = true,
                Effect::Stall => path.stalled = true,
                Effect::LoseOne => path.loses = true,
            }
        }
        path
    }

    /// Sends bytes through every throttle on the way; answers when the last lets them go.
    pub(super) fn throttle(&mut self, from: NodeId, to: NodeId, bytes: u64, now: Time) -> Time {
        let mut departure = now;
        for rule in &mut self.active {
            if let Some(direction) = rule.covers(from, to)
                && let Effect::Throttle {
                    bytes_per_second,
                    free,
                } = &mut rule.effect
            {
                let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(*bytes_per_second);
                free[direction] =
                    free[direction].max(now) + Duration(u64::try_from(nanos).unwrap_or(u64::MAX));
                departure = departure.max(free[direction]);
            }
        }
        departure
    }
}

impl Rule {
    /// The direction in which the rule covers the way (0 there, 1 back). No rule stands between a
    /// node and itself.
    fn covers(&self, from: NodeId, to: NodeId) -> Option<usize> {
        if from == to {
            return None;
        }
        let there = self.from.contains(&from) && self.to.contains(&to);
        let back = self.both && self.from.contains(&to) && self.to.contains(&from);
        if there { Some(0) } else { back.then_some(1) }
    }
}
