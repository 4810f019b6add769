//! What a broker keeps of each fetch session: the partitions that it is about, what was asked of each and what was
//! last said of it (KIP-227; classes CachedPartition, FetchSession; F11).
//!
//! May not know who fetches, but whether it is a follower.

use crate::protocol::{
    ErrorCode, FetchMetadata, FetchPartition, FetchPartitionResponse, FetchResponse, TopicId,
    TopicPartition,
};
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Debug)]
pub(super) struct FetchSession {
    pub(super) id: i32,
    /// The client that it was made for.
    pub(super) client: Rc<str>,
    /// A follower's.
    pub(super) privileged: bool,
    pub(super) uses_topic_ids: bool,
    pub(super) created_ms: i64,
    /// Of the next fetch.
    pub(super) epoch: i32,
    /// By place: who got data last stands last.
    partitions: BTreeMap<u64, CachedPartition>,
    places: BTreeMap<TopicPartition, u64>,
    next_place: u64,
}

/// A partition of a session.
#[derive(Clone, Debug)]
pub(super) struct CachedPartition {
    fetch: FetchPartition,
    /// The broker has known this topic's name since it was asked for by its id.
    is_resolved: bool,
    high_watermark: i64,
    log_start_offset: i64,
}

impl FetchSession {
    /// Of a full fetch that is answered with this.
    pub(super) fn new(
        id: i32,
        client: Rc<str>,
        privileged: bool,
        uses_topic_ids: bool,
        now_ms: i64,
        partitions: impl IntoIterator<Item = CachedPartition>,
    ) -> FetchSession {
        let mut session = FetchSession {
            id,
            client,
            privileged,
            uses_topic_ids,
            created_ms: now_ms,
            epoch: FetchMetadata::next_epoch(FetchMetadata::INITIAL_EPOCH),
            partitions: BTreeMap::new(),
            places: BTreeMap::new(),
            next_place: 0,
        };
        for partition in partitions {
            session.add_last(partition);
        }
        session
    }

    pub(super) fn len(&self) -> usize {
        self.partitions.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Takes over what an incremental fetch says.
    pub(super) fn update(
        &mut self,
        fetches: impl IntoIterator<Item = (FetchPartition, bool)>,
        forgotten: &[(TopicId, TopicPartition)],
    ) {
        for (fetch, is_resolved) in fetches {
            let place = self.places.get(&fetch.partition);
            let cached = place.and_then(|place| self.partitions.get_mut(place));
            match cached.filter(|it| it.fetch.topic_id == fetch.topic_id) {
                Some(cached) => cached.fetch = fetch,
                // New, or another topic of the same name: nobody asks for both.
                None => {
                    self.remove(&fetch.partition);
                    self.add_last(CachedPartition::new(fetch, is_resolved));
                }
            }
        }
        for (topic_id, name) in forgotten {
            let place = self.places.get(name);
            let cached = place.and_then(|place| self.partitions.get(place));
            if cached.is_some_and(|it| it.fetch.topic_id == *topic_id) {
                self.remove(name);
            }
        }
    }

    /// All that is asked for, in its order, and whether the topic is known. `is_known`: by now.
    pub(super) fn partitions(
        &mut self,
        is_known: impl Fn(&FetchPartition) -> bool,
    ) -> impl Iterator<Item = (FetchPartition, bool)> {
        self.partitions.values_mut().map(move |cached| {
            cached.is_resolved = cached.is_resolved || is_known(&cached.fetch);
            (cached.fetch.clone(), cached.is_resolved)
        })
    }

    /// Leaves out of an answer what the other side knows already.
    pub(super) fn leave_out_the_known(&mut self, response: &mut FetchResponse) {
        response.responses.retain(|data| {
            let Some(place) = self.places.get(&data.partition).copied() else {
                return false;
            };
            let cached = self.partitions.get_mut(&place);
            let must_respond = cached.is_some_and(|it| it.must_respond_and_update(data));
            let is_last = place + 1 == self.next_place;
            if !data.records.is_empty() && !is_last {
                self.move_last(&data.partition, place);
            }
            must_respond
        });
    }

    fn add_last(&mut self, partition: CachedPartition) {
        let name = partition.fetch.partition.clone();
        self.places.insert(name, self.next_place);
        self.partitions.insert(self.next_place, partition);
        self.next_place += 1;
    }

    fn move_last(&mut self, name: &TopicPartition, from: u64) {
        if let Some(place) = self.places.get_mut(name)
            && let Some(partition) = self.partitions.remove(&from)
        {
            *place = self.next_place;
            self.partitions.insert(self.next_place, partition);
            self.next_place += 1;
        }
    }

    fn remove(&mut self, name: &TopicPartition) {
        if let Some(place) = self.places.remove(name) {
            self.partitions.remove(&place);
        }
    }
}

impl CachedPartition {
    fn new(fetch: FetchPartition, is_resolved: bool) -> CachedPartition {
        CachedPartition {
            fetch,
            is_resolved,
            high_watermark: -1,
            log_start_offset: -1,
        }
    }

    /// Asked for, and answered.
    pub(super) fn answered(
        fetch: FetchPartition,
        is_resolved: bool,
        data: &FetchPartitionResponse,
    ) -> CachedPartition {
        CachedPartition {
            high_watermark: data.high_watermark,
            log_start_offset: data.log_start_offset,
            ..CachedPartition::new(fetch, is_resolved)
        }
    }

    /// Whether there is something new in it.
    fn must_respond_and_update(&mut self, data: &FetchPartitionResponse) -> bool {
        let has_moved = self.high_watermark != data.high_watermark
            || self.log_start_offset != data.log_start_offset;
        self.high_watermark = data.high_watermark;
        self.log_start_offset = data.log_start_offset;
        if data.error != ErrorCode::None {
            // It comes once more when the error is gone.
            self.high_watermark = -1;
        }
        has_moved
            || !data.records.is_empty()
            || data.preferred_read_replica >= 0
            || data.error != ErrorCode::None
            || data.diverging_epoch.is_some()
    }
}
