//! Who gets room, and who has to go.

use super::*;
use crate::broker::fetch_session::CachedPartition;
use crate::protocol::{ErrorCode, FetchPartition, FetchPartitionResponse, TopicId, TopicPartition};

const NOW: i64 = 1_000_000;

/// A cache, and the sessions that were made in it.
struct Cache {
    cache: FetchSessionCache,
    random: Stream,
}

impl Cache {
    /// One shard.
    fn of(slots: i32) -> Cache {
        Cache {
            cache: FetchSessionCache::new(slots, KafkaVersion::new(3, 7)),
            random: Stream::named(1, "sessions"),
        }
    }

    /// The id, and whose session had to go for it.
    fn create(
        &mut self,
        now_ms: i64,
        client: &str,
        privileged: bool,
        size: i32,
    ) -> (Option<i32>, Option<String>) {
        let partitions: Vec<_> = (0..size).map(cached).collect();
        let session =
            |id| FetchSession::new(id, client.into(), privileged, true, now_ms, partitions);
        let size = usize::try_from(size).unwrap();
        let (id, evicted) =
            self.cache
                .maybe_create(now_ms, privileged, size, &mut self.random, session);
        let whose = evicted.map(|evicted| evicted.session.borrow().client.to_string());
        (id, whose)
    }
}

fn cached(partition: i32) -> CachedPartition {
    let name = TopicPartition::new("t", partition);
    let fetch = FetchPartition {
        partition: name.clone(),
        topic_id: TopicId([1; 16]),
        current_leader_epoch: 0,
        fetch_offset: 0,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        max_bytes: 1,
    };
    let data = FetchPartitionResponse {
        high_watermark: 0,
        ..FetchPartitionResponse::without_data(name, ErrorCode::None)
    };
    CachedPartition::answered(fetch, true, &data)
}

#[test]
fn cc23_f12_who_was_not_used_for_two_minutes_goes_first() {
    let mut cache = Cache::of(2);
    let (first, _) = cache.create(NOW, "a", true, 9);
    cache.create(NOW + 1, "b", true, 9);
    let later = NOW + 1 + MIN_EVICTION_MS;
    cache.cache.touch(first.unwrap(), later);
    assert_eq!(
        cache.create(later, "c", false, 1),
        (None, None),
        "just used"
    );
    let (id, whose) = cache.create(later + 1, "c", false, 1);
    assert_eq!((id.is_some(), whose.as_deref()), (true, Some("b")));
}

#[test]
fn cc23_f12_a_follower_takes_a_consumers_place_at_once_and_the_smallest() {
    let mut cache = Cache::of(2);
    cache.create(NOW, "large", false, 9);
    cache.create(NOW, "small", false, 2);
    let (_, whose) = cache.create(NOW, "broker-2-fetcher-0", true, 1);
    assert_eq!(whose.as_deref(), Some("small"));
    let (_, whose) = cache.create(NOW, "broker-3-fetcher-0", true, 1);
    assert_eq!(whose.as_deref(), Some("large"));
    let none = cache.create(NOW, "broker-4-fetcher-0", true, 9);
    assert_eq!(none, (None, None), "followers that are new keep theirs");
}

#[test]
fn cc23_f12_a_consumer_takes_the_place_of_an_old_one_that_has_fewer_partitions() {
    let mut cache = Cache::of(1);
    let (old, _) = cache.create(NOW, "old", false, 2);
    let old = old.unwrap();
    assert_eq!(
        cache.create(NOW, "new", false, 9),
        (None, None),
        "too young"
    );
    let at = NOW + MIN_EVICTION_MS;
    cache.cache.touch(old, at);
    assert_eq!(cache.create(at, "new", false, 9), (None, None), "not yet");
    cache.cache.touch(old, at + 1);
    assert_eq!(
        cache.create(at + 1, "new", false, 2),
        (None, None),
        "as many"
    );
    let (_, whose) = cache.create(at + 1, "new", false, 3);
    assert_eq!(whose.as_deref(), Some("old"));
    assert!(cache.cache.get(old).is_none());
}

#[test]
fn cc23_shards_take_turns_and_have_ids_of_their_own() {
    let mut cache = FetchSessionCache::new(16, KafkaVersion::V3_9);
    let mut random = Stream::named(1, "sessions");
    let mut create = |now_ms: i64| {
        let partitions = [cached(0)];
        let session = |id| FetchSession::new(id, "c".into(), false, true, now_ms, partitions);
        let (id, _) = cache.maybe_create(now_ms, false, 1, &mut random, session);
        id
    };
    let range = i32::MAX / 8;
    for place in 0..16 {
        let id = create(NOW).expect("two each");
        assert_eq!(id / range, place % 8);
    }
    assert_eq!(create(NOW), None);
    // Fewer slots than shards are none.
    let none = FetchSessionCache::new(7, KafkaVersion::V3_9);
    assert!(!none.has_slots());
    assert!(FetchSessionCache::new(7, KafkaVersion::new(3, 7)).has_slots());
}
