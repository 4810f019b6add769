//! Into which phase of the protocols a fault falls.

use crate::protocol::{BrokerId, Fact, GroupFact, LinkFault, MachineFault, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    Crash,
    PowerFailure,
    Pause,
    Stop,
    DiskHangs,
    DiskSlow,
    MachineSlow,
    DiskFails,
    Cut,
    Stalled,
    SlowLink,
    Throttled,
}

/// What is under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// Nothing else of these.
    Steady,
    /// A broker's process has begun, and does not serve yet.
    BrokerStarts,
    /// No broker is the controller.
    NoController,
    /// A partition has no leader.
    NoLeader,
    /// A leader was elected, and does not know of it yet.
    LeaderChanges,
    /// A partition's ISR is smaller than it was at its largest.
    IsrShrunk,
    /// A leader has asked for another ISR, and has no answer.
    IsrChanges,
    /// A broker stops, and hands over what it leads.
    BrokerStops,
    /// A server of an ensemble looks for a leader.
    ZooKeeperElects,
    /// A group is between two generations.
    Rebalance,
}

impl Fault {
    pub const ALL: [(Fault, &'static str); 12] = [
        (Fault::Crash, "crash"),
        (Fault::PowerFailure, "power failure"),
        (Fault::Pause, "pause"),
        (Fault::Stop, "stop"),
        (Fault::DiskHangs, "disk hangs"),
        (Fault::DiskSlow, "disk slow"),
        (Fault::MachineSlow, "machine slow"),
        (Fault::DiskFails, "disk fails"),
        (Fault::Cut, "cut"),
        (Fault::Stalled, "stalled link"),
        (Fault::SlowLink, "slow link"),
        (Fault::Throttled, "throttled link"),
    ];
}

impl Phase {
    pub const ALL: [(Phase, &'static str); 10] = [
        (Phase::Steady, "steady"),
        (Phase::BrokerStarts, "a broker starts"),
        (Phase::NoController, "no controller"),
        (Phase::NoLeader, "no leader"),
        (Phase::LeaderChanges, "leader changes"),
        (Phase::IsrShrunk, "ISR shrunk"),
        (Phase::IsrChanges, "ISR changes"),
        (Phase::BrokerStops, "a broker stops"),
        (Phase::ZooKeeperElects, "ZooKeeper elects"),
        (Phase::Rebalance, "rebalance"),
    ];
}

/// So many pairs there are.
pub const CELLS: u16 = (Fault::ALL.len() * Phase::ALL.len()) as u16;

/// A pair in words.
pub fn cell_name(cell: u16) -> (&'static str, &'static str) {
    let phases = Phase::ALL.len();
    let place = usize::from(cell);
    (Fault::ALL[place / phases].1, Phase::ALL[place % phases].1)
}

fn cell(fault: Fault, phase: Phase) -> u16 {
    fault as u16 * Phase::ALL.len() as u16 + phase as u16
}

/// What is under way, and which faults have met it.
#[derive(Default)]
pub(super) struct Phases {
    met: BTreeSet<u16>,
    starting: BTreeSet<Rc<str>>,
    stopping: BTreeSet<Rc<str>>,
    looking: BTreeSet<Rc<str>>,
    controller: Option<Rc<str>>,
    partitions: BTreeMap<TopicPartition, Seen>,
    rebalancing: BTreeSet<Rc<str>>,
    /// Once the cluster was up: before it, all is a start.
    served: bool,
}

#[derive(Default)]
struct Seen {
    leader: BrokerId,
    epoch: i32,
    /// The epoch of who last said that it leads.
    led: i32,
    isr: usize,
    largest: usize,
    asked: bool,
}

impl Phases {
    pub(super) fn finish(self) -> Vec<u16> {
        self.met.into_iter().collect()
    }

    pub(super) fn fact(&mut self, entry: &TraceEntry) {
        if entry.fact.is_routine() {
            return;
        }
        if let Some(fault) = fault(&entry.fact) {
            self.meet(fault);
        }
        let node = || Rc::clone(&entry.node);
        match &entry.fact {
            Fact::Started if entry.node.starts_with("broker-") => {
                self.starting.insert(node());
            }
            Fact::Serving => {
                self.starting.remove(&entry.node);
                self.served = true;
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                self.starting.remove(&entry.node);
                self.stopping.remove(&entry.node);
                self.looking.remove(&entry.node);
                if self.controller.as_ref() == Some(&entry.node) {
                    self.controller = None;
                }
            }
            Fact::ControlledShutdownBegins => {
                self.stopping.insert(node());
            }
            Fact::ControlledShutdownEnds { .. } => {
                self.stopping.remove(&entry.node);
            }
            Fact::ControllerElected { .. } => self.controller = Some(node()),
            Fact::ControllerResigned { .. } if self.controller.as_ref() == Some(&entry.node) => {
                self.controller = None;
            }
            Fact::ZooKeeperLooks { .. } => {
                self.looking.insert(node());
            }
            Fact::ZooKeeperLeads { .. } | Fact::ZooKeeperFollows { .. } => {
                self.looking.remove(&entry.node);
            }
            Fact::StateWritten {
                partition,
                leader,
                leader_epoch,
                isr,
                ..
            } => {
                let seen = self.partitions.entry(partition.clone()).or_default();
                (seen.leader, seen.epoch, seen.isr) = (*leader, *leader_epoch, isr.len());
                seen.largest = seen.largest.max(isr.len());
            }
            Fact::BecameLeader {
                partition,
                leader_epoch,
                ..
            } => {
                let seen = self.partitions.entry(partition.clone()).or_default();
                seen.led = seen.led.max(*leader_epoch);
                seen.asked = false;
            }
            Fact::IsrChangeAsked { partition, .. } => {
                self.partitions.entry(partition.clone()).or_default().asked = true;
            }
            Fact::IsrChanged { partition, .. } | Fact::AlterPartitionRefused { partition, .. } => {
                self.partitions.entry(partition.clone()).or_default().asked = false;
            }
            Fact::Group(GroupFact::Changed { group, state, .. }) => {
                match state.ends_with("Rebalance") {
                    true => self.rebalancing.insert(Rc::clone(group)),
                    false => self.rebalancing.remove(group),
                };
            }
            _ => {}
        }
    }

    fn meet(&mut self, fault: Fault) {
        if !self.served {
            return;
        }
        let any = |is: fn(&Seen) -> bool| self.partitions.values().any(is);
        let under_way = [
            (Phase::BrokerStarts, !self.starting.is_empty()),
            (Phase::NoController, self.controller.is_none()),
            (Phase::NoLeader, any(|it| it.leader < 0)),
            (
                Phase::LeaderChanges,
                any(|it| it.leader >= 0 && it.led < it.epoch),
            ),
            (Phase::IsrShrunk, any(|it| it.isr < it.largest)),
            (Phase::IsrChanges, any(|it| it.asked)),
            (Phase::BrokerStops, !self.stopping.is_empty()),
            (Phase::ZooKeeperElects, !self.looking.is_empty()),
            (Phase::Rebalance, !self.rebalancing.is_empty()),
        ];
        let phases = under_way.iter().filter(|(_, is)| *is);
        let mut met: Vec<Phase> = phases.map(|(phase, _)| *phase).collect();
        if met.is_empty() {
            met.push(Phase::Steady);
        }
        self.met
            .extend(met.into_iter().map(|phase| cell(fault, phase)));
    }
}

fn fault(fact: &Fact) -> Option<Fault> {
    Some(match fact {
        Fact::Crashed => Fault::Crash,
        Fact::PowerFailed => Fault::PowerFailure,
        Fact::Paused => Fault::Pause,
        Fact::TerminateAsked => Fault::Stop,
        Fact::LogDirFailed { .. } => Fault::DiskFails,
        Fact::MachineFault { fault, on: true } => match fault {
            MachineFault::DiskHangs => Fault::DiskHangs,
            MachineFault::DiskSlow => Fault::DiskSlow,
            MachineFault::MachineSlow => Fault::MachineSlow,
        },
        Fact::LinkFault { fault, .. } => match fault {
            LinkFault::Cut => Fault::Cut,
            LinkFault::Stalled => Fault::Stalled,
            LinkFault::Slow => Fault::SlowLink,
            LinkFault::Throttled => Fault::Throttled,
        },
        _ => return None,
    })
}
