//! What brought events about: the event that sent a packet, set a timer, began a disk operation; and the messages
//! that were sent, those too that nobody ever read.
//!
//! Kept only while somebody asks for it, and outside the digest: a run is the same run with it and
//! without. Readers of a trace draw arrows from it, and cut out what led to an event.

use super::world::World;
use super::{Actor, ConnId, Domain, Kernel, NodeId, Payload, Time};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Why a process handled an event. Events are given by their number; the first of a run is 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A packet reached it, a message or news of a connection, that was sent in this event.
    Packet { sent_in: u64 },
    /// A timer of its own came up, which it set in this event.
    Timer { set_in: u64 },
    /// A disk operation ended that it began in this event.
    Disk { begun_in: u64 },
    /// No event did: a fault, a command from outside, a service manager, or a network that gave up.
    Outside,
}

/// An event that a process handled, and its cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caused {
    pub event: u64,
    /// True (not the node's) time.
    pub time: Time,
    pub node: NodeId,
    pub cause: Cause,
    /// The message that the packet brought (`Sent::number`).
    pub message: Option<u64>,
}

/// A message that a process has sent. It was lost if no event reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// From 1, in the order of sending.
    pub number: u64,
    /// Of the sender.
    pub event: u64,
    /// True time at which it left the process.
    pub time: Time,
    pub from: NodeId,
    pub to: NodeId,
    /// The name of its kind, and what it is in a few words.
    pub kind: &'static str,
    pub label: Rc<str>,
}

/// Number that stands for no event where a packet's sender is noted.
pub(super) const OUTSIDE: u64 = 0;

/// What is pending and what was found, while causes are kept.
#[derive(Default)]
pub(super) struct Causes {
    /// The event that set a timer, by the timer's serial.
    timers: BTreeMap<(NodeId, u64), u64>,
    /// The event that began a disk operation, by its token.
    disk: BTreeMap<(NodeId, u64), u64>,
    /// Messages that an end of a connection has not read, in their order.
    unread: BTreeMap<ConnId, VecDeque<u64>>,
    messages: u64,
    pub(super) found: Vec<Caused>,
    pub(super) sent: Vec<Sent>,
}

impl Causes {
    pub(super) fn timer_set(&mut self, node: NodeId, serial: u64, event: u64) {
        self.timers.insert((node, serial), event);
    }

    pub(super) fn timer_cancelled(&mut self, node: NodeId, serial: u64) {
        self.timers.remove(&(node, serial));
    }

    pub(super) fn of_timer(&mut self, node: NodeId, serial: u64) -> Cause {
        let set_in = self.timers.remove(&(node, serial));
        set_in.map_or(Cause::Outside, |set_in| Cause::Timer { set_in })
    }

    pub(super) fn disk_begun(&mut self, node: NodeId, token: u64, event: u64) {
        self.disk.insert((node, token), event);
    }

    pub(super) fn of_disk(&mut self, node: NodeId, token: u64) -> Cause {
        let begun_in = self.disk.remove(&(node, token));
        begun_in.map_or(Cause::Outside, |begun_in| Cause::Disk { begun_in })
    }

    /// The message that an end of a connection reads now.
    pub(super) fn of_message(&mut self, end: ConnId) -> Option<u64> {
        self.unread.get_mut(&end)?.pop_front()
    }

    /// What the process had pending went with it.
    pub(super) fn process_ended(&mut self, node: NodeId) {
        self.timers.retain(|(owner, _), _| *owner != node);
        self.disk.retain(|(owner, _), _| *owner != node);
    }
}

impl Cause {
    pub(super) const fn of_packet(sent_in: u64) -> Self {
        match sent_in {
            OUTSIDE => Cause::Outside,
            sent_in => Cause::Packet { sent_in },
        }
    }

    /// The event that brought it about.
    pub const fn event(self) -> Option<u64> {
        match self {
            Cause::Packet { sent_in: event }
            | Cause::Timer { set_in: event }
            | Cause::Disk { begun_in: event } => Some(event),
            Cause::Outside => None,
        }
    }
}

/// For who asks for it.
impl<D: Domain, N: Actor<D>> Kernel<D, N> {
    /// From now on the cause of every event that a process handles is kept for `take_causes`; the run
    /// is the same.
    pub fn keep_causes(&mut self) {
        self.world.causes.get_or_insert_default();
    }

    /// What processes have sent since the last call, while causes are kept.
    pub fn take_sent(&mut self) -> impl Iterator<Item = Sent> + '_ {
        let causes = self.world.causes.iter_mut();
        causes.flat_map(|causes| causes.sent.drain(..))
    }

    /// Whether causes are kept.
    #[inline]
    pub fn keeps_causes(&self) -> bool {
        self.world.causes.is_some()
    }

    /// Causes found since the last call, in the order of events.
    pub fn take_causes(&mut self) -> impl Iterator<Item = Caused> + '_ {
        let causes = self.world.causes.iter_mut();
        causes.flat_map(|causes| causes.found.drain(..))
    }
}

/// What brought events about, while somebody asks for it.
impl<D: Domain> World<D> {
    /// Notes why a process handles the event that is being dispatched.
    #[inline]
    pub(super) fn caused(&mut self, node: NodeId, cause: impl FnOnce(&mut Causes) -> Cause) {
        if let Some(causes) = &mut self.causes {
            let cause = cause(causes);
            causes.found.push(Caused {
                event: self.events,
                time: self.now,
                node,
                cause,
                message: None,
            });
        }
    }

    /// Notes that the event that is being dispatched brings a message.
    #[inline]
    pub(super) fn brings_message(&mut self, end: ConnId) {
        if let Some(causes) = &mut self.causes {
            let message = causes.of_message(end);
            if let Some(caused) = causes.found.last_mut() {
                caused.message = message;
            }
        }
    }

    /// Notes that a message is about to be sent, if its connection still takes one.
    #[inline]
    pub(super) fn message_sent(&mut self, conn: ConnId, event: u64, message: &D::Message) {
        let Some(causes) = &mut self.causes else {
            return;
        };
        let Some((from, to, end)) = self.network.takes_messages(conn) else {
            return;
        };
        causes.messages += 1;
        let number = causes.messages;
        let (kind, label) = message.label();
        causes.unread.entry(end).or_default().push_back(number);
        causes.sent.push(Sent {
            number,
            event,
            time: self.now,
            from,
            to,
            kind,
            label,
        });
    }

    pub(super) fn disk_begun(&mut self, node: NodeId, token: u64, event: u64) {
        if let Some(causes) = &mut self.causes {
            causes.disk_begun(node, token, event);
        }
    }
}
