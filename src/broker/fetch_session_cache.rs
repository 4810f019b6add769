//! The fetch sessions that a broker has room for (KIP-227; classes FetchSessionCache, FetchSessionCacheShard; CC23,
//! F12): `max.incremental.fetch.session.cache.slots` of them, in shards of their own since 3.8 (KAFKA-9401).
//!
//! They are lost with the process. May not know whether the other side of a session still lives: who does not come
//! back is evicted when somebody else needs the room.

use super::fetch_session::FetchSession;
use crate::kernel::Stream;
use crate::protocol::FetchSessionFact;
use crate::protocol::config::KafkaVersion;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Who is at work on a fetch keeps its session, even one that has left the cache.
pub(super) type SharedSession = Rc<RefCell<FetchSession>>;

/// `NumFetchSessionCacheShards`
const SHARDS: i32 = 8;
/// `MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS`
pub(super) const MIN_EVICTION_MS: i64 = 120_000;

/// When a session was used that is being made.
const NEVER: i64 = i64::MIN;

#[derive(Debug)]
pub(super) struct FetchSessionCache {
    shards: Vec<Shard>,
    /// How many ids a shard has.
    id_range: i32,
    /// Shards take turns with new sessions.
    next_shard: usize,
}

#[derive(Debug, Default)]
struct Shard {
    max_entries: usize,
    ids: (i32, i32),
    sessions: BTreeMap<i32, Entry>,
    last_used: BTreeSet<(i64, i32)>,
    evictable_by_all: BTreeSet<Worth>,
    evictable_by_privileged: BTreeSet<Worth>,
}

/// Followers are worth more than consumers, then many partitions more than few.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Worth {
    privileged: bool,
    size: usize,
    id: i32,
}

#[derive(Debug)]
struct Entry {
    session: SharedSession,
    worth: Worth,
    used_ms: i64,
}

/// A session that had to go.
#[derive(Debug)]
pub(super) struct Evicted {
    session: SharedSession,
    idle_ms: i64,
}

impl Evicted {
    pub(super) fn fact(&self, in_favour_of: &Rc<str>) -> FetchSessionFact {
        let session = self.session.borrow();
        FetchSessionFact::Evicted {
            session: session.id,
            client: Rc::clone(&session.client),
            partitions: u32::try_from(session.len()).unwrap_or(u32::MAX),
            idle_ms: u64::try_from(self.idle_ms).unwrap_or(0),
            in_favour_of: Rc::clone(in_favour_of),
        }
    }
}

impl FetchSessionCache {
    pub(super) fn new(slots: i32, version: KafkaVersion) -> FetchSessionCache {
        let count = match version < KafkaVersion::V3_8 {
            true => 1,
            false => SHARDS,
        };
        let id_range = i32::MAX / count;
        let shard = |number: i32| Shard {
            max_entries: usize::try_from(slots / count).unwrap_or(0),
            ids: ((number * id_range).max(1), (number + 1) * id_range),
            ..Shard::default()
        };
        FetchSessionCache {
            shards: (0..count).map(shard).collect(),
            id_range,
            next_shard: 0,
        }
    }

    /// Sessions are not switched off.
    pub(super) fn has_slots(&self) -> bool {
        self.shards.iter().any(|shard| shard.max_entries > 0)
    }

    pub(super) fn get(&self, id: i32) -> Option<&SharedSession> {
        let shard = self.shards.get(self.shard_of(id)?)?;
        shard.sessions.get(&id).map(|entry| &entry.session)
    }

    /// It was used, and has got as many partitions as it has now.
    pub(super) fn touch(&mut self, id: i32, now_ms: i64) {
        if let Some(shard) = self.shard_of(id).and_then(|at| self.shards.get_mut(at)) {
            shard.touch(id, now_ms);
        }
    }

    pub(super) fn remove(&mut self, id: i32) -> bool {
        let shard = self.shard_of(id).and_then(|at| self.shards.get_mut(at));
        shard.is_some_and(|shard| shard.remove(id).is_some())
    }

    /// A new session for so many partitions, if there is room or somebody has to go.
    pub(super) fn maybe_create(
        &mut self,
        now_ms: i64,
        privileged: bool,
        size: usize,
        random: &mut Stream,
        session: impl FnOnce(i32) -> FetchSession,
    ) -> (Option<i32>, Option<Evicted>) {
        let at = self.next_shard;
        self.next_shard = (at + 1) % self.shards.len();
        let shard = &mut self.shards[at];
        let mut evicted = None;
        if shard.sessions.len() >= shard.max_entries {
            evicted = shard.try_evict(now_ms, privileged, size);
            if evicted.is_none() {
                return (None, None);
            }
        }
        let id = shard.new_id(random);
        let session = session(id);
        let worth = Worth {
            privileged,
            size: session.len(),
            id,
        };
        let entry = Entry {
            session: Rc::new(RefCell::new(session)),
            worth,
            used_ms: NEVER,
        };
        shard.sessions.insert(id, entry);
        shard.touch(id, now_ms);
        (Some(id), evicted)
    }

    fn shard_of(&self, id: i32) -> Option<usize> {
        usize::try_from(id / self.id_range).ok()
    }
}

impl Shard {
    fn new_id(&self, random: &mut Stream) -> i32 {
        let (from, to) = self.ids;
        loop {
            let below = random.below(u64::from((to - from).unsigned_abs()));
            let id = i32::try_from(below).map_or(from, |below| from + below);
            if !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }

    fn touch(&mut self, id: i32, now_ms: i64) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        let session = entry.session.borrow();
        if (entry.used_ms, entry.worth.size) == (now_ms, session.len()) {
            return;
        }
        self.last_used.remove(&(entry.used_ms, id));
        self.evictable_by_all.remove(&entry.worth);
        self.evictable_by_privileged.remove(&entry.worth);
        entry.used_ms = now_ms;
        entry.worth.size = session.len();
        self.last_used.insert((now_ms, id));
        let is_old = now_ms - session.created_ms > MIN_EVICTION_MS;
        if is_old {
            self.evictable_by_all.insert(entry.worth);
        }
        if is_old || !session.privileged {
            self.evictable_by_privileged.insert(entry.worth);
        }
    }

    /// Who was not used for long goes first; else who is worth least, if that is less than the new one.
    fn try_evict(&mut self, now_ms: i64, privileged: bool, size: usize) -> Option<Evicted> {
        let (used_ms, oldest) = *self.last_used.first()?;
        if now_ms - used_ms > MIN_EVICTION_MS {
            return self.evict(oldest, now_ms);
        }
        let evictable = match privileged {
            true => &self.evictable_by_privileged,
            false => &self.evictable_by_all,
        };
        let least = *evictable.first()?;
        // No session has the id 0: who is worth the same is worth less.
        let id = 0;
        let new = Worth {
            privileged,
            size,
            id,
        };
        match new < least {
            true => None,
            false => self.evict(least.id, now_ms),
        }
    }

    fn evict(&mut self, id: i32, now_ms: i64) -> Option<Evicted> {
        let entry = self.remove(id)?;
        Some(Evicted {
            session: entry.session,
            idle_ms: now_ms - entry.used_ms,
        })
    }

    fn remove(&mut self, id: i32) -> Option<Entry> {
        let entry = self.sessions.remove(&id)?;
        self.last_used.remove(&(entry.used_ms, id));
        self.evictable_by_all.remove(&entry.worth);
        self.evictable_by_privileged.remove(&entry.worth);
        Some(entry)
    }
}

#[cfg(test)]
mod tests;
