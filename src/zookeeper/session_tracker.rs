//! Sessions and when they expire (`SessionTrackerImpl`, `ExpiryQueue`; section 1.8, ZB14).
//!
//! Times are those of the server's own monotonic clock.

use crate::kernel::{Duration, Time};
use crate::protocol::zookeeper::{Code, SessionId};
use std::collections::{BTreeMap, BTreeSet};

/// Living sessions, each in the bucket of the tick at which it expires unless it is heard of.
#[derive(Clone, Debug)]
pub struct SessionTracker {
    tick: Duration,
    next_id: SessionId,
    /// The end of its bucket; `None` once it is closing.
    sessions: BTreeMap<SessionId, Option<Time>>,
    buckets: BTreeMap<Time, BTreeSet<SessionId>>,
}

impl SessionTracker {
    /// Ids carry the server's number in the top byte, then the time of its start, then a count.
    pub fn new(server_id: u8, tick: Duration, now: Time) -> Self {
        let time = ((now.as_millis() << 24) >> 8) as i64;
        SessionTracker {
            tick: Duration(tick.0.max(1)),
            next_id: time | (i64::from(server_id) << 56),
            sessions: BTreeMap::new(),
            buckets: BTreeMap::new(),
        }
    }

    /// An id that was never given before.
    pub fn next_id(&mut self) -> SessionId {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Begins to watch over a session, with its full timeout; one that is known already is touched.
    pub fn track(&mut self, session: SessionId, timeout_ms: u32, now: Time) {
        self.set_expiry(session, timeout_ms, now);
    }

    /// The session was heard of. False if it is unknown or closing: then nothing may revive it.
    pub fn touch(&mut self, session: SessionId, timeout_ms: u32, now: Time) -> bool {
        if self.check(session).is_err() {
            return false;
        }
        self.set_expiry(session, timeout_ms, now);
        true
    }

    /// May requests of this session still be prepared?
    pub fn check(&self, session: SessionId) -> Result<(), Code> {
        match self.sessions.get(&session) {
            Some(Some(_)) => Ok(()),
            Some(None) | None => Err(Code::SessionExpired),
        }
    }

    /// From now on it only waits for its closeSession.
    pub fn set_closing(&mut self, session: SessionId) {
        if let Some(expires) = self.sessions.get_mut(&session)
            && let Some(expires) = expires.take()
        {
            remove_from_bucket(&mut self.buckets, expires, session);
        }
    }

    pub fn remove(&mut self, session: SessionId) {
        self.set_closing(session);
        self.sessions.remove(&session);
    }

    /// The earliest time at which a session can expire.
    pub fn next_expiry(&self) -> Option<Time> {
        self.buckets.keys().next().copied()
    }

    /// When a session expires unless it is heard of.
    pub fn expires(&self, session: SessionId) -> Option<Time> {
        *self.sessions.get(&session)?
    }

    /// Sessions whose time is up; they are closing from now on.
    pub fn expired(&mut self, now: Time) -> Vec<SessionId> {
        let mut expired = Vec::new();
        while let Some(bucket) = self.buckets.first_entry()
            && *bucket.key() <= now
        {
            expired.extend(bucket.remove());
        }
        for session in &expired {
            self.sessions.insert(*session, None);
        }
        expired
    }

    fn set_expiry(&mut self, session: SessionId, timeout_ms: u32, now: Time) {
        let wanted = now + Duration::from_millis(u64::from(timeout_ms));
        let expires = Time((wanted.0 / self.tick.0 + 1).saturating_mul(self.tick.0));
        match self.sessions.insert(session, Some(expires)).flatten() {
            Some(before) if before == expires => return,
            Some(before) => remove_from_bucket(&mut self.buckets, before, session),
            None => {}
        }
        self.buckets.entry(expires).or_default().insert(session);
    }
}

fn remove_from_bucket(
    buckets: &mut BTreeMap<Time, BTreeSet<SessionId>>,
    expires: Time,
    session: SessionId,
) {
    if let Some(bucket) = buckets.get_mut(&expires) {
        bucket.remove(&session);
        if bucket.is_empty() {
            buckets.remove(&expires);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(500);

    fn ms(n: u64) -> Time {
        Time::ZERO + Duration::from_millis(n)
    }

    #[test]
    fn zb14_a_session_expires_at_the_tick_after_its_timeout_and_a_touch_moves_it() {
        let mut tracker = SessionTracker::new(1, TICK, ms(0));
        let id = tracker.next_id();
        assert_eq!(id, 0x0100_0000_0000_0000);
        tracker.track(id, 2000, ms(120));
        assert_eq!(tracker.next_expiry(), Some(ms(2500)));
        assert!(tracker.expired(ms(2499)).is_empty());
        assert!(tracker.touch(id, 2000, ms(500)));
        assert_eq!(
            tracker.next_expiry(),
            Some(ms(3000)),
            "a multiple is rounded up too"
        );
        assert_eq!(tracker.expired(ms(3000)), vec![id]);
        assert_eq!(tracker.check(id), Err(Code::SessionExpired));
        assert!(
            !tracker.touch(id, 2000, ms(3000)),
            "a closing session is not revived"
        );
        assert_eq!(tracker.next_expiry(), None);
        tracker.remove(id);
        assert_eq!(tracker.next_id(), id + 1);
    }
}
