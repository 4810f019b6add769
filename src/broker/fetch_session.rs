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
    places: BTreeMap<TopicPartition, usize>,
    partitions: Vec<CachedPartition>,
    /// Their places: who got data last stands last.
    order: Vec<usize>,
    /// Places of partitions that are forgotten.
    free: Vec<usize>,
    /// Of an answer: who got data; empty between two.
    with_data: Vec<usize>,
}

/// A partition of a session.
#[derive(Clone, Debug)]
pub(super) struct CachedPartition {
    fetch: FetchPartition,
    /// The broker has known this topic's name since it was asked for by its id.
    is_resolved: bool,
    high_watermark: i64,
    log_start_offset: i64,
    is_forgotten: bool,
    /// By the answer that is being made.
    has_data: bool,
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
            places: BTreeMap::new(),
            partitions: Vec::new(),
            order: Vec::new(),
            free: Vec::new(),
            with_data: Vec::new(),
        };
        for partition in partitions {
            session.add_last(partition);
        }
        session
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes over what an incremental fetch says.
    pub(super) fn update(
        &mut self,
        fetches: impl IntoIterator<Item = (FetchPartition, bool)>,
        forgotten: &[(TopicId, TopicPartition)],
    ) {
        for (fetch, is_resolved) in fetches {
            let place = self.places.get(&fetch.partition);
            let cached = place.map(|place| &mut self.partitions[*place]);
            match cached.filter(|it| it.fetch.topic_id == fetch.topic_id) {
                Some(cached) => cached.fetch = fetch,
                // New, or another topic of the same name: nobody asks for both.
                None => {
                    self.forget(&fetch.partition);
                    self.add_last(CachedPartition::new(fetch, is_resolved));
                }
            }
        }
        for (topic_id, name) in forgotten {
            let place = self.places.get(name);
            if place.is_some_and(|place| self.partitions[*place].fetch.topic_id == *topic_id) {
                self.forget(name);
            }
        }
        if self.order.len() > self.places.len() {
            let Self {
                partitions,
                order,
                free,
                ..
            } = self;
            free.extend(order.extract_if(.., |place| partitions[*place].is_forgotten));
        }
    }

    /// All that is asked for, in its order, and whether the topic is known. `is_known`: by now.
    pub(super) fn partitions(
        &mut self,
        is_known: impl Fn(&FetchPartition) -> bool,
    ) -> impl Iterator<Item = (FetchPartition, bool)> {
        let Self {
            partitions, order, ..
        } = self;
        order.iter().map(move |place| {
            let cached = &mut partitions[*place];
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
            let cached = &mut self.partitions[place];
            if !data.records.is_empty() && !cached.has_data {
                cached.has_data = true;
                self.with_data.push(place);
            }
            cached.must_respond_and_update(data)
        });
        if !self.with_data.is_empty() {
            let Self {
                partitions, order, ..
            } = self;
            order.retain(|place| !std::mem::take(&mut partitions[*place].has_data));
            order.append(&mut self.with_data);
        }
    }

    fn add_last(&mut self, partition: CachedPartition) {
        let name = partition.fetch.partition.clone();
        let place = match self.free.pop() {
            Some(place) => {
                self.partitions[place] = partition;
                place
            }
            None => {
                self.partitions.push(partition);
                self.partitions.len() - 1
            }
        };
        self.places.insert(name, place);
        self.order.push(place);
    }

    fn forget(&mut self, name: &TopicPartition) {
        if let Some(place) = self.places.remove(name) {
            self.partitions[place].is_forgotten = true;
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
            is_forgotten: false,
            has_data: false,
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
