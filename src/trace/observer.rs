//! Who looks at a run while it goes on, or at a trace while it is read.

use super::TraceEntry;
use crate::kernel::{Cause, Time};
use std::rc::Rc;

/// Why a node handled an event, for arrows between the facts of a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CauseEntry {
    pub event: u64,
    pub time: Time,
    pub node: Rc<str>,
    pub cause: Cause,
    /// The message that reached it, by its number.
    pub message: Option<u64>,
}

/// A message that left a process. Nobody read it if it is no cause of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentEntry {
    /// From 1, in the order of sending.
    pub number: u64,
    /// Of the sender.
    pub event: u64,
    pub time: Time,
    pub node: Rc<str>,
    pub to: Rc<str>,
    /// The name of its kind, such as `Fetch` or `FetchResponse`, and what it is in a few words.
    pub kind: Rc<str>,
    pub message: Rc<str>,
}

/// Sees every fact in its order, and, where causes are kept, the cause of an event before its facts.
pub trait Observer {
    fn fact(&mut self, entry: &TraceEntry);

    fn cause(&mut self, cause: &CauseEntry) {
        let _ = cause;
    }

    /// Where causes are kept: after the facts of the event that sent it, before any fact that follows from it.
    fn sent(&mut self, sent: &SentEntry) {
        let _ = sent;
    }
}

/// A run at which nobody looks.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Observer for Nobody {
    fn fact(&mut self, _: &TraceEntry) {}
}

/// Both look, where there are two.
impl<A: Observer, B: Observer> Observer for (A, Option<B>) {
    fn fact(&mut self, entry: &TraceEntry) {
        self.0.fact(entry);
        if let Some(second) = &mut self.1 {
            second.fact(entry);
        }
    }

    fn cause(&mut self, cause: &CauseEntry) {
        self.0.cause(cause);
        if let Some(second) = &mut self.1 {
            second.cause(cause);
        }
    }

    fn sent(&mut self, sent: &SentEntry) {
        self.0.sent(sent);
        if let Some(second) = &mut self.1 {
            second.sent(sent);
        }
    }
}

impl<O: Observer> Observer for &mut O {
    fn fact(&mut self, entry: &TraceEntry) {
        (**self).fact(entry);
    }

    fn cause(&mut self, cause: &CauseEntry) {
        (**self).cause(cause);
    }

    fn sent(&mut self, sent: &SentEntry) {
        (**self).sent(sent);
    }
}
