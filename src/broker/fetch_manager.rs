//! Which partitions a fetch is about, and what of the answer the other side does not know yet (KIP-227; classes
//! FetchManager, FetchContext; F4, F10, CC24, RK16).
//!
//! A fetch is taken in by [`FetchManager::begin`], after which its request names all that it is about, and its
//! answer goes through [`FetchManager::finish`]. What happens in between knows of no sessions.

use super::fetch_session::{CachedPartition, FetchSession};
use super::fetch_session_cache::{FetchSessionCache, SharedSession};
use super::outbox::Env;
use super::purgatory::Pending;
use super::replica_manager::refused;
use crate::kernel::{ConnId, Stream};
use crate::metadata::MetadataCache;
use crate::protocol::config::BrokerConfig;
use crate::protocol::{
    CONSUMER_REPLICA_ID, ErrorCode, FETCH_BY_TOPIC_NAME, FetchMetadata, FetchPartition,
    FetchPartitionResponse, FetchRequest, FetchResponse, FetchSessionFact, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The sessions of a broker, and the fetches that it works on.
#[derive(Debug)]
pub(crate) struct FetchManager {
    cache: FetchSessionCache,
    open: BTreeMap<(ConnId, i32), OpenFetch>,
    /// What the fetch that is being taken in asks for; empty between two.
    asked: Vec<Asked>,
    /// Ids of sessions are drawn from it.
    random: Option<Stream>,
    /// Whose full fetches have found no room already.
    without_room: BTreeSet<ConnId>,
}

#[derive(Debug)]
struct OpenFetch {
    context: FetchContext,
    /// Partitions that were refused when the request came; they stand last in the answer.
    erroneous: Vec<FetchPartitionResponse>,
}

#[derive(Debug)]
enum FetchContext {
    Sessionless,
    /// A session is wanted.
    Full {
        client: Rc<str>,
        privileged: bool,
        uses_topic_ids: bool,
        asked: BTreeMap<TopicPartition, Asked>,
    },
    Incremental {
        session: SharedSession,
        /// What the session waits for after this fetch.
        next_epoch: i32,
    },
}

/// A partition that is asked for, and whether the broker knows its topic.
type Asked = (FetchPartition, bool);

impl FetchManager {
    pub(crate) fn new(config: &BrokerConfig) -> FetchManager {
        let slots = config.max_incremental_fetch_session_cache_slots;
        FetchManager {
            cache: FetchSessionCache::new(slots, config.version),
            open: BTreeMap::new(),
            asked: Vec::new(),
            random: None,
            without_room: BTreeSet::new(),
        }
    }

    /// Has the request name all partitions that it is about, but those that are refused at once; or answers what is
    /// wrong with its session.
    pub(crate) fn begin(
        &mut self,
        env: &mut Env<'_>,
        to: Pending,
        client: &Rc<str>,
        request: &mut FetchRequest,
    ) -> Result<(), FetchResponse> {
        let context = match request.session.is_full() {
            true => self.full(env, client, request),
            false => self.incremental(env, request)?,
        };
        let mut erroneous = Vec::new();
        request.partitions.reserve_exact(self.asked.len());
        let mut is_there = env.cache.contains_each();
        for (fetch, is_known) in self.asked.drain(..) {
            let error = if !is_known {
                ErrorCode::UnknownTopicId
            } else if !is_there(&fetch.partition) {
                ErrorCode::UnknownTopicOrPartition
            } else {
                request.partitions.push(fetch);
                continue;
            };
            erroneous.push(refused(env, &fetch, request.replica_id, error));
        }
        let open = OpenFetch { context, erroneous };
        self.open.insert((to.conn, to.correlation_id), open);
        Ok(())
    }

    /// F10: it ends the session that it names, if it does, and asks for another, or for none.
    fn full(
        &mut self,
        env: &mut Env<'_>,
        client: &Rc<str>,
        request: &mut FetchRequest,
    ) -> FetchContext {
        let FetchMetadata { session_id, epoch } = request.session;
        if self.cache.remove(session_id) {
            let (session, client) = (session_id, Rc::clone(client));
            let fact = FetchSessionFact::Closed { session, client };
            env.out.facts.push(fact.into());
        }
        self.asked.extend(named(env.cache, request));
        match epoch {
            FetchMetadata::FINAL_EPOCH => FetchContext::Sessionless,
            _ => FetchContext::Full {
                client: Rc::clone(client),
                privileged: request.replica_id != CONSUMER_REPLICA_ID,
                uses_topic_ids: uses_topic_ids(request),
                asked: self
                    .asked
                    .iter()
                    .map(|it| (it.0.partition.clone(), it.clone()))
                    .collect(),
            },
        }
    }

    /// F4.
    fn incremental(
        &mut self,
        env: &Env<'_>,
        request: &mut FetchRequest,
    ) -> Result<FetchContext, FetchResponse> {
        let FetchMetadata { session_id, epoch } = request.session;
        let Some(shared) = self.cache.get(session_id).cloned() else {
            return Err(failed(ErrorCode::FetchSessionIdNotFound));
        };
        let mut session = shared.borrow_mut();
        if session.epoch != epoch {
            return Err(failed(ErrorCode::InvalidFetchSessionEpoch));
        }
        if session.uses_topic_ids != uses_topic_ids(request) {
            return Err(failed(ErrorCode::FetchSessionTopicIdError));
        }
        session.update(named(env.cache, request), &request.forgotten);
        if session.is_empty() {
            self.cache.remove(session_id);
            return Ok(FetchContext::Sessionless);
        }
        let next_epoch = FetchMetadata::next_epoch(epoch);
        session.epoch = next_epoch;
        let is_known = |fetch: &FetchPartition| is_known(env.cache, fetch);
        self.asked.extend(session.partitions(is_known));
        drop(session);
        self.cache.touch(session_id, env.now_ms);
        Ok(FetchContext::Incremental {
            session: shared,
            next_epoch,
        })
    }

    /// Says in which session the answer is, and takes out of it what the other side knows. `random`: a stream of this
    /// process's own.
    pub(crate) fn finish(
        &mut self,
        to: Pending,
        response: &mut FetchResponse,
        now_ms: i64,
        random: impl FnOnce() -> Stream,
    ) -> Vec<FetchSessionFact> {
        let Some(open) = self.open.remove(&(to.conn, to.correlation_id)) else {
            return Vec::new();
        };
        response.responses.extend(open.erroneous);
        match open.context {
            FetchContext::Sessionless => Vec::new(),
            FetchContext::Incremental {
                session,
                next_epoch,
            } => {
                let mut session = session.borrow_mut();
                response.session_id = session.id;
                // CC24: nobody has overtaken it.
                if session.epoch == next_epoch {
                    session.leave_out_the_known(response);
                } else {
                    response.error = ErrorCode::InvalidFetchSessionEpoch;
                    response.responses.clear();
                }
                Vec::new()
            }
            FetchContext::Full {
                client,
                privileged,
                uses_topic_ids,
                mut asked,
            } => {
                let random = self.random.get_or_insert_with(random);
                let answered = response.responses.iter().filter_map(|data| {
                    let (fetch, is_known) = asked.remove(&data.partition)?;
                    Some(CachedPartition::answered(fetch, is_known, data))
                });
                let partitions: Vec<_> = answered.collect();
                let size = partitions.len();
                let by = Rc::clone(&client);
                let session =
                    |id| FetchSession::new(id, by, privileged, uses_topic_ids, now_ms, partitions);
                let (created, evicted) = self
                    .cache
                    .maybe_create(now_ms, privileged, size, random, session);
                let mut facts = Vec::new();
                let partitions = u32::try_from(size).unwrap_or(u32::MAX);
                if let Some(evicted) = evicted {
                    facts.push(evicted.fact(&client));
                }
                match created {
                    Some(session) => {
                        response.session_id = session;
                        facts.push(FetchSessionFact::Created {
                            session,
                            client,
                            partitions,
                        });
                    }
                    None if self.cache.has_slots() && self.without_room.insert(to.conn) => {
                        facts.push(FetchSessionFact::NoRoom { client, partitions });
                    }
                    None => {}
                }
                facts
            }
        }
    }

    /// Nobody waits for answers on this connection any more.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.open.retain(|(its, _), _| *its != conn);
        self.without_room.remove(&conn);
    }
}

/// What a request names itself.
fn named<'a>(
    cache: &'a MetadataCache,
    request: &mut FetchRequest,
) -> impl Iterator<Item = Asked> + use<'a> {
    let named = std::mem::take(&mut request.partitions).into_iter();
    named.map(|fetch| {
        let is_known = is_known(cache, &fetch);
        (fetch, is_known)
    })
}

/// RK16: the metadata cache knows a topic with this id, where it is asked for by id.
fn is_known(cache: &MetadataCache, fetch: &FetchPartition) -> bool {
    fetch.topic_id == TopicId::ZERO
        || cache.topic_id(&fetch.partition.topic) == Some(fetch.topic_id)
}

fn uses_topic_ids(request: &FetchRequest) -> bool {
    request.version > FETCH_BY_TOPIC_NAME
}

fn failed(error: ErrorCode) -> FetchResponse {
    FetchResponse {
        error,
        session_id: FetchMetadata::INVALID_SESSION_ID,
        responses: Vec::new(),
        node_endpoints: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
