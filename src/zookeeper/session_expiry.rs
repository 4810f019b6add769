//! When sessions expire (`SessionTrackerImpl`, `ExpiryQueue`; ZB14).
//!
//! They are opened and closed by transactions (`prep_processor`), resumed by `zookeeper_server`, and heard of
//! there or, in an ensemble, by `quorum::follower`. Times are those of the server's own monotonic clock.
//!
//! May not know whether a silent client is dead, paused or cut off.

use crate::kernel::{Duration, Time, TimerId};
use crate::protocol::zab::ServerId;
use crate::protocol::zookeeper::{Code, SessionId};
use crate::protocol::{Ctx, Timer, ZooKeeperTimer};
use std::collections::{BTreeMap, BTreeSet};

/// Living sessions, each in the bucket of the tick at which it expires unless it is heard of.
#[derive(Clone, Debug)]
pub struct SessionTracker {
    tick: Duration,
    next_id: SessionId,
    sessions: BTreeMap<SessionId, Tracked>,
    buckets: BTreeMap<Time, BTreeSet<SessionId>>,
    /// The tick that is set, and when it will come.
    timer: Option<(Time, TimerId)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tracked {
    /// The end of its bucket; `None` once it is closing.
    expires: Option<Time>,
    /// The server that it speaks with, as far as that is known.
    owner: Option<ServerId>,
}

impl SessionTracker {
    /// Ids carry the server's number in the top byte, then the time of its start, then a count.
    pub fn new(server_id: ServerId, tick: Duration, now: Time) -> Self {
        SessionTracker {
            tick: Duration(tick.0.max(1)),
            next_id: initial_id(server_id, now),
            sessions: BTreeMap::new(),
            buckets: BTreeMap::new(),
            timer: None,
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
        let lives = |tracked: &Tracked| tracked.expires.is_some();
        if !self.sessions.get(&session).is_some_and(lives) {
            return false;
        }
        self.set_expiry(session, timeout_ms, now);
        true
    }

    /// May requests of this session, come by `server`, still be prepared? It belongs to the first
    /// server that asks, until `set_owner` says otherwise (`checkSession`).
    pub fn check(&mut self, session: SessionId, server: ServerId) -> Result<(), Code> {
        match self.sessions.get_mut(&session) {
            Some(tracked) if tracked.expires.is_some() => {
                match *tracked.owner.get_or_insert(server) == server {
                    true => Ok(()),
                    false => Err(Code::SessionMoved),
                }
            }
            Some(_) | None => Err(Code::SessionExpired),
        }
    }

    /// The session speaks with this server from now on.
    pub fn set_owner(&mut self, session: SessionId, server: ServerId) {
        if let Some(tracked) = self.sessions.get_mut(&session) {
            tracked.owner = Some(server);
        }
    }

    /// The server that a session speaks with.
    pub fn owner(&self, session: SessionId) -> Option<ServerId> {
        self.sessions.get(&session)?.owner
    }

    /// From now on it only waits for its closeSession.
    pub fn set_closing(&mut self, session: SessionId) {
        if let Some(tracked) = self.sessions.get_mut(&session)
            && let Some(expires) = tracked.expires.take()
        {
            remove_from_bucket(&mut self.buckets, expires, session);
        }
    }

    pub fn remove(&mut self, session: SessionId) {
        self.set_closing(session);
        self.sessions.remove(&session);
    }

    /// The earliest time at which a session can expire.
    fn next_expiry(&self) -> Option<Time> {
        self.buckets.keys().next().copied()
    }

    /// When a session expires unless it is heard of.
    pub fn expires(&self, session: SessionId) -> Option<Time> {
        self.sessions.get(&session)?.expires
    }

    /// The tick that was set has come: whose time is up? They are closing from now on.
    pub fn on_tick(&mut self, now: Time) -> Vec<SessionId> {
        self.timer = None;
        self.expired(now)
    }

    /// One tick is set, for the earliest bucket that holds a session; those touched since are found
    /// in a later bucket when it comes.
    pub fn set_tick(&mut self, ctx: &mut Ctx<'_>) {
        let Some(next) = self.next_expiry() else {
            return;
        };
        if let Some((at, timer)) = self.timer {
            if at <= next {
                return;
            }
            ctx.cancel_timer(timer);
        }
        let timer = Timer::ZooKeeper(ZooKeeperTimer::Tick);
        self.timer = Some((next, ctx.set_timer(next - ctx.now(), timer)));
    }

    /// No tick will come any more.
    pub fn stop(&mut self, ctx: &mut Ctx<'_>) {
        if let Some((_, timer)) = self.timer.take() {
            ctx.cancel_timer(timer);
        }
    }

    /// Sessions whose time is up; they are closing from now on.
    fn expired(&mut self, now: Time) -> Vec<SessionId> {
        let mut expired = Vec::new();
        while let Some(bucket) = self.buckets.first_entry()
            && *bucket.key() <= now
        {
            expired.extend(bucket.remove());
        }
        for session in &expired {
            let tracked = self.sessions.get_mut(session);
            let expires = tracked.and_then(|tracked| tracked.expires.take());
            // Who is touched, closed or forgotten leaves its bucket.
            assert!(
                expires.is_some_and(|expires| expires <= now),
                "0x{session:x} expires, and nobody waits for that"
            );
        }
        expired
    }

    fn set_expiry(&mut self, session: SessionId, timeout_ms: u32, now: Time) {
        let wanted = now + Duration::from_millis(u64::from(timeout_ms));
        let expires = Time((wanted.0 / self.tick.0 + 1).saturating_mul(self.tick.0));
        let tracked = self.sessions.entry(session).or_default();
        match tracked.expires.replace(expires) {
            Some(before) if before == expires => return,
            Some(before) => remove_from_bucket(&mut self.buckets, before, session),
            None => {}
        }
        let bucket = self.buckets.entry(expires).or_default();
        assert!(bucket.insert(session), "0x{session:x} expires twice");
    }
}

/// The first session id that a server gives which starts now (`initializeNextSessionId`).
pub fn initial_id(server_id: ServerId, now: Time) -> SessionId {
    let time = ((now.as_millis() << 24) >> 8) as i64;
    time | (i64::from(server_id) << 56)
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
        assert_eq!(tracker.check(id, 1), Err(Code::SessionExpired));
        assert!(
            !tracker.touch(id, 2000, ms(3000)),
            "a closing session is not revived"
        );
        assert_eq!(tracker.next_expiry(), None);
        tracker.remove(id);
        assert_eq!(tracker.next_id(), id + 1);
    }
}
