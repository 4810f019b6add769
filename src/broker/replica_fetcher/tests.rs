//! A fetcher without a connection: what its partitions make of their leader's answers.

use super::*;
use crate::broker::testing::*;
use crate::kernel::{Address, NodeId};
use crate::network_client::Disconnected;
use crate::protocol::{
    EpochEndOffset, ErrorCode, FetchPartitionResponse, FetchResponse, ListOffsetsPartitionResponse,
    ListOffsetsResponse, Place,
};

const BACKOFF_END: Time = Time(5);

/// Broker 2 follows t-0 from broker 1: its log, and its fetcher.
struct Follower {
    world: World,
    replicas: ReplicaManager,
    fetcher: ReplicaFetcher,
}

impl Follower {
    /// `log`: batches as (epoch, records), from offset 0.
    fn new(log: &[(i32, usize)], leader_epoch: i32) -> Self {
        let mut world = World::new();
        let mut replicas = ReplicaManager::new(2, Rc::new(BrokerConfig::default()));
        let mut partition = world.partition(2, 1);
        partition.make_follower(&mut world.env(), &state(1, leader_epoch, 0, &[1, 2]));
        let mut offset = 0;
        for (epoch, count) in log {
            partition
                .append_records_to_follower(&mut world.env(), &batch_at(offset, *epoch, *count))
                .expect("continues");
            offset += *count as i64;
        }
        let mut fetcher =
            ReplicaFetcher::new(Node::new(1, Place::of(Address::new(NodeId(1), 9092))));
        fetcher.add(
            &InitialFetchState {
                partition: t0(),
                leader: 1,
                node: Node::new(1, Place::of(Address::new(NodeId(1), 9092))),
                topic_id: TopicId::ZERO,
                leader_epoch,
            },
            partition.log().expect("a log"),
            Truncation::default(),
        );
        replicas.insert_for_test(partition);
        world.facts();
        Follower {
            world,
            replicas,
            fetcher,
        }
    }

    fn state(&self) -> Option<&PartitionFetchState> {
        self.fetcher.partitions.get(&t0())
    }

    fn ends(&self) -> (i64, i64) {
        let log = self.replicas.partition(&t0()).and_then(|p| p.log());
        log.map_or((-1, -1), |log| (log.log_end_offset(), log.high_watermark()))
    }

    /// The leader answers the fetch from the current offset.
    fn answered(&mut self, change: impl FnOnce(&mut FetchPartitionResponse)) {
        let (fetch_offset, current_leader_epoch) = self
            .state()
            .map_or((0, 0), |s| (s.fetch_offset, s.current_leader_epoch));
        let asked = fetch_at(fetch_offset, current_leader_epoch, -1);
        self.fetcher.session.build(vec![asked]);
        let mut data = FetchPartitionResponse {
            high_watermark: 0,
            last_stable_offset: 0,
            log_start_offset: 0,
            ..FetchPartitionResponse::without_data(t0(), ErrorCode::None)
        };
        change(&mut data);
        let response = FetchResponse {
            node_endpoints: Vec::new(),
            error: ErrorCode::None,
            session_id: 0,
            responses: vec![data],
        };
        self.on_fetched(response);
    }

    /// One partition after the other, with nothing to wait for.
    fn on_fetched(&mut self, response: FetchResponse) {
        let (env, replicas) = (&mut self.world.env(), &mut self.replicas);
        self.fetcher.on_fetched(env, BACKOFF_END, response);
        while self.fetcher.next_partition().is_some() {
            self.fetcher.take_in_next(env, replicas);
        }
        self.fetcher.finish_answer(env, replicas, BACKOFF_END);
    }

    fn diverged(&mut self, epoch: i32, end_offset: i64) {
        self.answered(|data| {
            data.diverging_epoch = Some(EpochEndOffset { epoch, end_offset });
        });
    }

    fn offset_told(&mut self, offset: i64) {
        let question = self.fetcher.out_of_range.pop_front().expect("a question");
        let answer = ListOffsetsPartitionResponse {
            partition: t0(),
            error: ErrorCode::None,
            timestamp: -1,
            offset,
            leader_epoch: 0,
        };
        let response = ListOffsetsResponse {
            partitions: vec![answer],
        };
        self.fetcher.on_offset(
            &mut self.world.env(),
            &mut self.replicas,
            BACKOFF_END,
            question,
            &response,
        );
    }
}

#[test]
fn e5_a_fetch_carries_the_log_end_and_the_newest_epoch_of_the_cache() {
    let follower = Follower::new(&[(0, 3), (2, 2)], 4);
    let state = follower.state().expect("followed");
    assert_eq!((state.fetch_offset, state.last_fetched_epoch), (5, Some(2)));
    assert_eq!(state.current_leader_epoch, 4);
}

#[test]
fn hw5_data_then_the_leaders_high_watermark() {
    let mut follower = Follower::new(&[(0, 3)], 0);
    follower.answered(|data| {
        data.records = batch_at(3, 0, 2);
        data.high_watermark = 3;
    });
    assert_eq!(follower.ends(), (5, 3));
    assert_eq!(follower.state().map(|s| s.fetch_offset), Some(5));
}

#[test]
fn hw5_with_a_diverging_epoch_the_high_watermark_is_not_taken() {
    let mut follower = Follower::new(&[(0, 3)], 1);
    follower.answered(|data| {
        data.high_watermark = 3;
        data.diverging_epoch = Some(EpochEndOffset {
            epoch: 0,
            end_offset: 3,
        });
    });
    assert_eq!(follower.ends(), (3, 0));
}

#[test]
fn e7_the_same_epoch_is_cut_to_the_shorter_of_both() {
    let mut follower = Follower::new(&[(0, 3), (1, 2), (1, 2)], 2);
    follower.diverged(1, 5);
    assert_eq!(follower.ends().0, 5);
    let state = follower.state().expect("goes on there");
    assert_eq!((state.fetch_offset, state.last_fetched_epoch), (5, Some(1)));
    follower.diverged(1, 9);
    assert_eq!(follower.ends().0, 5, "the leader's is longer");
}

#[test]
fn e7_a_leaders_epoch_that_is_unknown_here_cuts_to_the_end_of_the_one_before() {
    // Leader: epochs 0 and 2. Here: epochs 0, 1 and 3, of which 3 is what the fetch named.
    let mut follower = Follower::new(&[(0, 3), (1, 2), (3, 2)], 4);
    follower.diverged(2, 9);
    assert_eq!(follower.ends().0, 5, "epoch 1 ended here at 5");
    let state = follower.state().expect("asks again, with epoch 1");
    assert_eq!((state.fetch_offset, state.last_fetched_epoch), (5, Some(1)));
    follower.diverged(0, 3);
    assert_eq!(follower.ends().0, 3);
}

#[test]
fn e7_below_all_own_epochs_nothing_is_shared() {
    let mut follower = Follower::new(&[(5, 2), (5, 2)], 6);
    follower.diverged(1, 2);
    assert_eq!(follower.ends().0, 0, "E4: here epoch 1 ends where 5 begins");
}

#[test]
fn e9_out_of_range_above_the_leaders_end_is_cut_to_it() {
    let mut follower = Follower::new(&[(0, 3), (0, 2)], 1);
    follower.answered(|data| data.error = ErrorCode::OffsetOutOfRange);
    follower.offset_told(3);
    assert_eq!(follower.ends().0, 3);
    assert_eq!(follower.state().map(|s| s.fetch_offset), Some(3));
}

#[test]
fn e9_below_the_leaders_start_all_goes() {
    let mut follower = Follower::new(&[(0, 3)], 1);
    follower.answered(|data| data.error = ErrorCode::OffsetOutOfRange);
    follower.offset_told(90);
    follower.offset_told(50);
    assert_eq!(follower.ends(), (50, 50));
    let state = follower.state().expect("goes on there");
    assert_eq!((state.fetch_offset, state.last_fetched_epoch), (50, None));
}

#[test]
fn e9_inside_of_the_leaders_log_it_goes_on_at_the_own_end() {
    let mut follower = Follower::new(&[(0, 3)], 1);
    follower.answered(|data| data.error = ErrorCode::OffsetOutOfRange);
    follower.offset_told(3);
    follower.offset_told(1);
    assert_eq!(follower.ends().0, 3);
    assert_eq!(follower.state().map(|s| s.fetch_offset), Some(3));
}

#[test]
fn e11_fenced_in_the_current_epoch_it_is_parked_in_an_older_one_it_tries_again() {
    let mut follower = Follower::new(&[(0, 3)], 1);
    follower.answered(|data| data.error = ErrorCode::FencedLeaderEpoch);
    assert!(follower.state().is_none(), "until the next LeaderAndIsr");

    let mut follower = Follower::new(&[(0, 3)], 1);
    assert!(follower.fetcher.on_fenced(&t0(), 0));
    assert!(follower.state().is_some());
}

#[test]
fn ct29_without_epochs_it_begins_at_the_high_watermark_with_a_truncation_to_it() {
    let follower = Follower::new(&[], 0);
    let state = follower.state().expect("followed");
    assert!(state.truncating);
    assert_eq!((state.fetch_offset, state.last_fetched_epoch), (0, None));
}

#[test]
fn ct29_an_answer_to_a_fetch_from_another_offset_is_not_used() {
    let mut follower = Follower::new(&[(0, 3)], 0);
    follower.fetcher.session.build(vec![fetch_at(1, 0, -1)]);
    let response = FetchResponse {
        node_endpoints: Vec::new(),
        error: ErrorCode::None,
        session_id: 0,
        responses: vec![FetchPartitionResponse {
            high_watermark: 3,
            last_stable_offset: 3,
            log_start_offset: 0,
            records: batch_at(1, 0, 2),
            ..FetchPartitionResponse::without_data(t0(), ErrorCode::None)
        }],
    };
    follower.on_fetched(response);
    assert_eq!(follower.ends(), (3, 0));
}

#[test]
fn ct30_refused_partitions_wait_and_a_lost_connection_delays_all() {
    for error in [
        ErrorCode::UnknownLeaderEpoch,
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::UnknownTopicId,
    ] {
        let mut follower = Follower::new(&[(0, 3)], 1);
        follower.answered(|data| data.error = error);
        let state = follower.state().expect("still followed");
        assert_eq!(state.delayed_until, Some(BACKOFF_END), "{error}");
    }
    let mut follower = Follower::new(&[(0, 3)], 1);
    follower.fetcher.on_completed(
        &mut follower.world.env(),
        &mut follower.replicas,
        BACKOFF_END,
        Err(Disconnected::TimedOut),
    );
    let delayed = follower.state().and_then(|state| state.delayed_until);
    assert_eq!(delayed, Some(BACKOFF_END));
}

#[test]
fn ct30_corrupt_data_waits_data_that_does_not_continue_the_log_fails_the_partition() {
    let mut follower = Follower::new(&[(0, 3)], 1);
    follower.answered(|data| data.records = batch_at(9, 1, 1));
    assert!(
        follower.state().is_some(),
        "a gap is no error of a follower"
    );
    let mut follower = Follower::new(&[(0, 3)], 1);
    follower.answered(|data| data.records = batch_at(1, 1, 1));
    assert!(follower.state().is_none());
}
