//! Who is said to be where, and cannot be reached there: told when it begins or changes, not with each attempt.
//!
//! May not know whose mistake it is. Who was reached at a place once and is not there now has gone away, which
//! is another story.

use crate::kernel::CloseReason;
use crate::protocol::{BrokerId, Ctx, Errand, Fact, NotReached, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a process has learned of the places that it was told.
#[derive(Debug, Default)]
pub struct Unreached {
    /// Where it has ever been.
    reached: BTreeSet<Place>,
    /// What it said last.
    told: BTreeMap<(Errand, BrokerId), (Rc<str>, NotReached)>,
}

impl Unreached {
    pub fn reached(&mut self, place: Place) {
        self.reached.insert(place);
    }

    /// A broker has reached the place where another is said to be, and has found itself.
    pub fn reached_itself(
        &mut self,
        ctx: &mut Ctx<'_>,
        errand: Errand,
        broker: BrokerId,
        at: &Rc<str>,
    ) {
        self.tell(ctx, errand, broker, at, NotReached::Itself);
    }

    /// The host of the place that was told is nobody's name.
    pub fn unknown_host(
        &mut self,
        ctx: &mut Ctx<'_>,
        errand: Errand,
        broker: BrokerId,
        at: &Rc<str>,
    ) {
        self.tell(ctx, errand, broker, at, NotReached::UnknownHost);
    }

    /// A connection to `place`, as which `at` was resolved, ended so, or was not made.
    pub fn lost(
        &mut self,
        ctx: &mut Ctx<'_>,
        errand: Errand,
        broker: BrokerId,
        (at, place): (&Rc<str>, Place),
        reason: CloseReason,
    ) {
        let why = match reason {
            CloseReason::Refused => NotReached::Refused,
            CloseReason::TimedOut => NotReached::TimedOut,
            CloseReason::Reset | CloseReason::ByPeer => return,
        };
        if !self.reached.contains(&place) {
            self.tell(ctx, errand, broker, at, why);
        }
    }

    fn tell(
        &mut self,
        ctx: &mut Ctx<'_>,
        errand: Errand,
        broker: BrokerId,
        at: &Rc<str>,
        why: NotReached,
    ) {
        let said = (Rc::clone(at), why);
        if self.told.get(&(errand, broker)) == Some(&said) {
            return;
        }
        self.told.insert((errand, broker), said);
        let at = Rc::clone(at);
        ctx.fact(Fact::BrokerNotReached {
            errand,
            broker,
            at,
            why,
        });
    }
}
