//! Where a consumer had better read: at a replica in its own rack (KIP-392; classes `ReplicaManager`,
//! `RackAwareReplicaSelector`; rule CC26).
//!
//! May not know more of a follower than its last fetch said: how far its log went, a round ago, and where it began.

use super::Partition;
use super::fetch::ReadInfo;
use crate::broker::outbox::Env;
use crate::broker::replica::Replica;
use crate::log::{Records, UnifiedLog};
use crate::protocol::{BrokerId, ErrorCode, FetchPartition, ListenerName};
use std::rc::Rc;

/// Who reads, and from where (`ClientMetadata`).
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    /// `client.rack`
    pub(crate) rack: Rc<str>,
    /// By which it has come: it is sent to who has one of the name.
    pub(crate) listener: ListenerName,
}

impl Partition {
    /// CC26: the replica in the reader's rack that has come furthest, if the leader is in another one.
    pub(crate) fn preferred_read_replica(
        &self,
        env: &Env<'_>,
        reader: &Reader,
        fetch_offset: i64,
    ) -> Option<BrokerId> {
        let is_near = |broker: BrokerId| {
            let broker = env.cache.broker(broker);
            broker.is_some_and(|it| it.rack.as_ref() == Some(&reader.rack))
                && broker.is_some_and(|it| it.node(&reader.listener).is_some())
        };
        if !self.is_leader() || is_near(self.local_broker) {
            return None;
        }
        let holds = |replica: &&Replica| {
            self.isr.committed.contains(&replica.broker)
                && replica.log_end_offset >= fetch_offset
                && replica.log_start_offset <= fetch_offset
        };
        self.remote_replicas
            .iter()
            .filter(|replica| is_near(replica.broker))
            .filter(holds)
            .max_by_key(|it| (it.log_end_offset, it.last_caught_up_time_ms(), it.broker))
            .map(|replica| replica.broker)
    }

    /// What a reader gets who is sent elsewhere: no records.
    pub(crate) fn send_elsewhere(
        &self,
        fetch: &FetchPartition,
        preferred: BrokerId,
    ) -> Result<ReadInfo, ErrorCode> {
        let log: &UnifiedLog = self.local_log(fetch.current_leader_epoch, false)?;
        Ok(ReadInfo {
            records: Records::empty(),
            fetch_offset: fetch.fetch_offset,
            diverging_epoch: None,
            high_watermark: log.high_watermark(),
            last_stable_offset: log.last_stable_offset(),
            aborted_transactions: None,
            log_start_offset: log.log_start_offset(),
            high_watermark_moved: false,
            preferred_read_replica: Some(preferred),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::partition::fetch::ReadRequest;
    use crate::broker::testing::*;
    use crate::protocol::CONSUMER_REPLICA_ID;

    fn reader(rack: &str) -> Reader {
        Reader {
            rack: rack.into(),
            listener: ListenerName::default(),
        }
    }

    /// Broker 1 leads from rack a and has records up to 4; brokers 2 and 3 are in rack b.
    fn world() -> (World, Partition) {
        let mut world = World::new();
        world.alive_in(&[(1, Some("a")), (2, Some("b")), (3, Some("b"))]);
        let mut leader = world.leader(&[1, 2, 3], 1);
        leader
            .append_records_to_leader(&mut world.env(), &batch(4), 1)
            .expect("a leader appends");
        (world, leader)
    }

    /// A follower has all up to `offset`, and nothing below `log_start`.
    fn has(
        world: &mut World,
        leader: &mut Partition,
        broker: BrokerId,
        log_start: i64,
        offset: i64,
    ) {
        let fetch = FetchPartition {
            log_start_offset: log_start,
            ..fetch_at(offset, 0, -1)
        };
        let request = ReadRequest {
            replica: broker,
            read_committed: false,
            max_bytes: 1_048_576,
            min_one_message: true,
            update_fetch_state: true,
        };
        leader
            .fetch_records(&mut world.env(), &fetch, request)
            .expect("a replica may fetch");
    }

    fn preferred(
        world: &mut World,
        leader: &Partition,
        rack: &str,
        offset: i64,
    ) -> Option<BrokerId> {
        leader.preferred_read_replica(&world.env(), &reader(rack), offset)
    }

    #[test]
    fn cc26_a_reader_is_sent_to_who_has_come_furthest_in_its_rack() {
        let (mut world, mut leader) = world();
        assert_eq!(
            preferred(&mut world, &leader, "b", 0),
            None,
            "nobody has fetched yet"
        );
        has(&mut world, &mut leader, 3, 0, 2);
        has(&mut world, &mut leader, 2, 0, 4);
        assert_eq!(preferred(&mut world, &leader, "b", 0), Some(2));
        // As far as the other, and at the end more lately; after that the larger id.
        world.now_ms += 10;
        has(&mut world, &mut leader, 3, 0, 4);
        assert_eq!(preferred(&mut world, &leader, "b", 0), Some(3));
        has(&mut world, &mut leader, 2, 0, 4);
        assert_eq!(preferred(&mut world, &leader, "b", 0), Some(3));
        assert_eq!(
            preferred(&mut world, &leader, "a", 0),
            None,
            "the leader is there"
        );
        assert_eq!(
            preferred(&mut world, &leader, "c", 0),
            None,
            "nobody is there"
        );
    }

    #[test]
    fn cc26_nobody_is_sent_to_who_is_out_of_sync_or_out_of_range_or_down() {
        let (mut world, mut leader) = world();
        has(&mut world, &mut leader, 2, 1, 3);
        assert_eq!(
            preferred(&mut world, &leader, "b", 0),
            None,
            "it begins at 1"
        );
        assert_eq!(preferred(&mut world, &leader, "b", 4), None, "it ends at 3");
        assert_eq!(preferred(&mut world, &leader, "b", 3), Some(2));
        world.alive_in(&[(1, Some("a")), (3, Some("b"))]);
        assert_eq!(preferred(&mut world, &leader, "b", 3), None, "it is down");
        world.alive_in(&[(1, Some("a")), (2, Some("b")), (3, Some("b"))]);
        let smaller = state(1, 0, 1, &[1, 3]);
        leader
            .make_leader(&mut world.env(), &smaller)
            .expect("it leads already");
        assert_eq!(
            preferred(&mut world, &leader, "b", 3),
            None,
            "it is out of sync"
        );
    }

    #[test]
    fn cc26_only_a_leader_sends_elsewhere_and_only_who_knows_its_epoch() {
        let (mut world, mut leader) = world();
        has(&mut world, &mut leader, 2, 0, 4);
        let sent = leader
            .send_elsewhere(&fetch_at(0, 0, -1), 2)
            .expect("its epoch");
        assert_eq!(sent.preferred_read_replica, Some(2));
        assert!(sent.records.is_empty());
        let older = leader.send_elsewhere(&fetch_at(0, -2, -1), 2);
        assert_eq!(older.err(), Some(ErrorCode::FencedLeaderEpoch));
        leader.make_follower(&mut world.env(), &state(2, 1, 1, &[1, 2, 3]));
        assert_eq!(preferred(&mut world, &leader, "b", 0), None);
    }

    #[test]
    fn cc27_a_follower_serves_a_reader_of_any_rack_that_knows_its_epoch() {
        let mut world = World::new();
        let mut follower = world.partition(2, 1);
        follower.make_follower(&mut world.env(), &state(1, 3, 0, &[1, 2]));
        let mut ask = |epoch| {
            let request = ReadRequest {
                replica: CONSUMER_REPLICA_ID,
                read_committed: false,
                max_bytes: 1_048_576,
                min_one_message: true,
                update_fetch_state: true,
            };
            let read = follower.fetch_records(&mut world.env(), &fetch_at(0, epoch, -1), request);
            read.map(|read| read.high_watermark)
        };
        assert_eq!(ask(3), Ok(0));
        assert_eq!(ask(2), Err(ErrorCode::FencedLeaderEpoch));
        assert_eq!(ask(4), Err(ErrorCode::UnknownLeaderEpoch));
    }
}
