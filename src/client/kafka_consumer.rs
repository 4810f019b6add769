//! The consumer library for assigned partitions (classes KafkaConsumer, SubscriptionState,
//! OffsetFetcher, AbstractFetch, FetchCollector; CC16, CC32, E11, F7, G17,
//! HW9).
//!
//! Positions come from the application or from `ListOffsets`; records come by one long poll a
//! broker. When a partition gets a new leader, the position is held against that leader's log
//! first (KIP-320). A fetch that fails is tried again after `retry.backoff.ms`.
//!
//! May not know what lies above the high watermark, nor who else reads.

pub mod asking;
mod closing;
mod completed_fetch;
mod membership;
mod questions;
mod read_replica;
#[cfg(test)]
mod tests;

use crate::client::Bootstrap;
use crate::client::cluster_client::ClusterClient;
use crate::client::consumer_coordinator::GroupNews;
use crate::client::subscription_state::{
    Assigned, FetchPosition, ResetTo, State, SubscriptionState, Why,
};
use crate::kernel::{Duration, Time};
use crate::log::batch::Headers;
use crate::network_client::{Completed, FetchSessionHandler};
use crate::protocol::config::{AutoOffsetReset, ConsumerConfig};
use crate::protocol::rules::FollowerOor;
use crate::protocol::{
    BrokerId, Ctx, EpochEndOffset, ErrorCode, Event, FetchPartitionResponse, FetchResponse,
    FetchSessionFact, ListOffsetsPartitionResponse, Response, TopicName, TopicPartition,
    UNKNOWN_EPOCH,
};
use asking::{Asking, OffsetApi};
use bytes::Bytes;
use closing::Closing;
use membership::Membership;
use questions::{Kind, Question};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// What `poll` gives to the application, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Polled {
    /// The position of a partition was found: by a reset, or after a truncation of its log.
    PositionSet {
        partition: TopicPartition,
        offset: i64,
        why: Rc<str>,
        /// It is where the application has sought to.
        by_application: bool,
    },
    Record(ConsumerRecord),
    /// The end of a call of `poll` by a member of a group: the records before it are its result.
    Returned,
    /// What happened to a member of a group.
    Group(GroupNews),
    /// Where a partition is read from now on (KIP-392): at a replica that its leader has named, or at its leader
    /// again.
    ReadReplicaChosen {
        partition: TopicPartition,
        replica: BrokerId,
        why: Rc<str>,
    },
    /// What the application has asked for, or what that call throws; nothing where nothing is committed.
    Told {
        api: OffsetApi,
        partition: TopicPartition,
        result: Result<Option<i64>, &'static str>,
    },
    /// `poll` throws this (Java's simple name).
    Exception {
        partition: TopicPartition,
        exception: &'static str,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerRecord {
    pub partition: TopicPartition,
    pub offset: i64,
    pub leader_epoch: i32,
    pub timestamp_ms: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Headers,
}

#[derive(Debug)]
pub struct KafkaConsumer {
    config: ConsumerConfig,
    client: ClusterClient<Rc<Question>>,
    subscriptions: SubscriptionState,
    /// Brokers that work on a fetch of this consumer.
    fetching: BTreeSet<BrokerId>,
    /// By broker; whoever was fetched from once has one.
    sessions: BTreeMap<BrokerId, FetchSessionHandler>,
    /// The application waits for an offset.
    asking: Option<Asking>,
    /// It is being closed.
    closing: Option<Closing>,
    /// Brokers that a fetch waits to be connected to.
    connecting: BTreeSet<BrokerId>,
    /// The metadata that positions were last held against.
    seen_metadata: u64,
    /// Records of the answer that is being taken apart, for a member of a group.
    taken: VecDeque<ConsumerRecord>,
    /// `poll` throws the same exception for ever: the buffer holds a batch that cannot be read.
    stuck: bool,
    /// The application is at a record that it cannot make objects of: nothing is fetched or handed out.
    held: bool,
    polled: VecDeque<Polled>,
    /// With a `group.id`: of a member, and of who only commits.
    group: Option<Membership>,
}

impl KafkaConsumer {
    /// `owner`: see `ClusterClient`.
    pub fn new(
        owner: u8,
        client_id: &str,
        bootstrap: &Bootstrap,
        config: ConsumerConfig,
    ) -> KafkaConsumer {
        KafkaConsumer {
            client: ClusterClient::new(owner, client_id, bootstrap, config.common.clone()),
            subscriptions: SubscriptionState::new(
                config.auto_offset_reset,
                config.rules.consumer_truncation_check,
            ),
            config,
            fetching: BTreeSet::new(),
            sessions: BTreeMap::new(),
            asking: None,
            closing: None,
            connecting: BTreeSet::new(),
            seen_metadata: 0,
            taken: VecDeque::new(),
            stuck: false,
            held: false,
            polled: VecDeque::new(),
            group: None,
        }
    }

    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.client.start(ctx);
        self.poll(ctx);
    }

    /// Makes a topic's partitions known to `partitions_of` by and by.
    pub fn add_topic(&mut self, topic: &TopicName) {
        // A consumer's topics are of use as long as it lives.
        self.client.metadata.add_topic(topic, Time::ZERO);
    }

    /// How many partitions a topic has, once known.
    pub fn partitions_of(&self, topic: &str) -> Option<i32> {
        let topic = self.client.metadata.topic(topic)?;
        Some(topic.partitions.len() as i32)
    }

    /// Grows with each answer about the cluster.
    pub fn metadata_version(&self) -> u64 {
        self.client.metadata.version()
    }

    pub fn is_assigned(&self, partition: &TopicPartition) -> bool {
        self.subscriptions.is_assigned(partition)
    }

    /// Adds a partition. Where to read is what was committed there under its group, if it has one, and else follows
    /// `auto.offset.reset`, until the application says.
    pub fn assign(&mut self, partition: TopicPartition) {
        self.add_topic(&partition.topic);
        self.subscriptions.assign(partition, self.group.is_some());
    }

    /// `KafkaConsumer.seek`. The partition is assigned.
    pub fn seek(&mut self, partition: &TopicPartition, offset: i64) {
        let leader_epoch = self.current_leader_epoch(partition);
        self.subscriptions.set(
            partition,
            State::Fetching(FetchPosition {
                offset,
                offset_epoch: UNKNOWN_EPOCH,
                leader_epoch,
            }),
        );
    }

    /// `seekToBeginning`, `seekToEnd`. The partition is assigned.
    pub fn seek_to(&mut self, partition: &TopicPartition, to: ResetTo) {
        self.subscriptions
            .set(partition, State::AwaitReset(to, Why::Seek));
    }

    /// `KafkaConsumer.pause`: of these partitions nothing is fetched or handed out until `resume`. Who is given a
    /// partition anew is given it unpaused.
    pub fn pause(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.subscriptions.set_paused(partition, true);
        }
    }

    /// `KafkaConsumer.resume`
    pub fn resume(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.subscriptions.set_paused(partition, false);
        }
    }

    /// `KafkaConsumer.assignment`
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.subscriptions.partitions()
    }

    /// While it is held it fetches nothing and hands nothing out; its group hears of it as ever.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// The next offset to read of each partition that has a position.
    pub fn positions(&self) -> BTreeMap<TopicPartition, i64> {
        let position = |(partition, assigned): (&TopicPartition, &Assigned)| {
            Some((partition.clone(), assigned.state.position()?.offset))
        };
        self.subscriptions.iter().filter_map(position).collect()
    }

    /// `records-lag` and `records-lead`, Kafka's metrics of a partition; as far as its answers say (CC13).
    pub fn lag_and_lead(&self, partition: &TopicPartition) -> (Option<i64>, Option<i64>) {
        let read_committed = self.config.read_committed;
        self.subscriptions.lag_and_lead(partition, read_committed)
    }

    /// What the application gets next.
    pub fn next_polled(&mut self) -> Option<Polled> {
        self.polled.pop_front()
    }

    /// Takes an event that is this consumer's; gives back one that is not.
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        if let Err(event) = self.client.on_event(event, ctx) {
            let Some(group) = &mut self.group else {
                return Err(event);
            };
            let coordinator = &mut group.coordinator;
            coordinator.on_event(event, ctx, &mut self.client, &mut self.subscriptions)?;
        }
        while let Some(completed) = self.client.next_completed() {
            self.on_completed(ctx, completed);
        }
        self.poll(ctx);
        Ok(())
    }

    /// Asks whatever can be asked now. The library does so after each event; an application calls it
    /// after `assign` and `seek`.
    pub fn poll(&mut self, ctx: &mut Ctx<'_>) {
        if self.seen_metadata != self.client.metadata.version() {
            self.seen_metadata = self.client.metadata.version();
            let metadata = &self.client.metadata;
            let cleared = self.subscriptions.validate_positions(|partition| {
                metadata.leader(partition).map(|(_, _, epoch)| epoch)
            });
            for (partition, before) in cleared {
                self.say_from_leader(&partition, before, "there is another leader");
            }
        }
        let mut wake = self.coordinate(ctx);
        wake = wake.min(self.go_on_closing(ctx));
        if self.closing.is_none() {
            wake = wake.min(self.go_on_asking(ctx));
        }
        if !self.stuck && !self.held && self.closing.is_none() {
            if self.finds_positions() {
                for kind in [Kind::ListOffsets, Kind::EpochEnds] {
                    wake = wake.min(self.ask(ctx, kind));
                }
            }
            wake = wake.min(self.ask(ctx, Kind::Fetch));
        }
        if let Some(at) = self.client.maybe_update_metadata(ctx) {
            wake = wake.min(at);
        }
        if wake < Time::MAX {
            self.client.wake_at(ctx, wake);
        }
        if self.hand_out() {
            if !self.stuck && !self.held {
                // CC1: while the application works on these, the next are on their way.
                let wake = self.ask(ctx, Kind::Fetch);
                if wake < Time::MAX {
                    self.client.wake_at(ctx, wake);
                }
            }
            self.end_poll();
        }
    }

    /// Nothing is heard of it any more, on a node that lives on: as if its process were gone.
    pub fn close(&mut self, ctx: &mut Ctx<'_>) {
        self.client.shut_down(ctx);
    }

    // ---- answers

    fn on_completed(&mut self, ctx: &mut Ctx<'_>, completed: Completed<Rc<Question>>) {
        let question = completed.tag;
        if let Question::Fetch = *question {
            assert!(self.fetching.remove(&completed.to.id), "nobody asked");
        }
        match (&*question, completed.result) {
            (Question::FindCoordinator, result) => {
                let found = self.coordinator_in(result.ok());
                if let Some(group) = &mut self.group {
                    group.coordinator.on_coordinator_found(ctx, found);
                }
            }
            (Question::ListOffsets(_), Ok(Response::ListOffsets(response))) => {
                for answer in response.partitions {
                    self.on_list_offsets(ctx, answer);
                }
            }
            (Question::EpochEnds(asked), Ok(Response::OffsetForLeaderEpoch(response))) => {
                for (partition, error, end) in response.partitions {
                    if let Some((_, position)) = asked.iter().find(|(p, _)| *p == partition) {
                        self.on_epoch_end(ctx, &partition, *position, error, end);
                    }
                }
            }
            (Question::Fetch, Ok(Response::Fetch(response))) => {
                self.on_fetch_answered(ctx, completed.to.id, *response);
            }
            (Question::Fetch, _) => self.on_fetch_failed(ctx, completed.to.id),
            (Question::CloseSession, _) => self.on_session_closed(),
            (Question::Beginning, Ok(Response::ListOffsets(response))) => {
                self.on_beginning(Some(&response));
            }
            (Question::Beginning, _) => self.on_beginning(None),
            // Lost with its connection, which has metadata asked for anyway.
            (question, _) => self.retry_later(ctx, question.partitions()),
        }
    }

    /// CC21.
    fn on_fetch_answered(&mut self, ctx: &mut Ctx<'_>, broker: BrokerId, response: FetchResponse) {
        let Some(handler) = self.sessions.get_mut(&broker) else {
            return;
        };
        let session = handler.session_id();
        if !handler.handle_response(&response) {
            let error = response.error;
            if !error.is_none() {
                let lost = FetchSessionFact::Lost {
                    broker,
                    session,
                    error,
                };
                ctx.fact(lost.into());
            }
            if error == ErrorCode::FetchSessionTopicIdError {
                self.client.metadata.request_update();
            }
            return;
        }
        if self.closing.is_some() {
            return;
        }
        for answer in response.responses {
            if let Some(leader) = answer.current_leader {
                self.client.metadata.update_leader(
                    &answer.partition,
                    leader,
                    &response.node_endpoints,
                );
            }
            let handler = self.sessions.get(&broker);
            if let Some(asked) = handler.and_then(|it| it.asked(&answer.partition)) {
                self.on_fetched(ctx, asked.fetch_offset, answer);
            }
        }
    }

    /// CC22.
    fn on_fetch_failed(&mut self, ctx: &mut Ctx<'_>, broker: BrokerId) {
        let Some(handler) = self.sessions.get_mut(&broker) else {
            return;
        };
        handler.handle_error();
        let partitions: Vec<_> = handler.partitions().cloned().collect();
        for partition in &partitions {
            self.read_from_leader(partition, "no answer");
        }
        self.retry_later(ctx, &partitions);
    }

    fn on_list_offsets(&mut self, ctx: &mut Ctx<'_>, answer: ListOffsetsPartitionResponse) {
        let partition = answer.partition;
        let Some(State::AwaitReset(to, why)) = self.subscriptions.state(&partition) else {
            return;
        };
        if !answer.error.is_none() || answer.offset < 0 {
            self.client.metadata.request_update();
            self.retry_later(ctx, [&partition]);
            return;
        }
        let leader_epoch = self.current_leader_epoch(&partition);
        let metadata = &mut self.client.metadata;
        metadata.saw_leader_epoch(&partition, answer.leader_epoch);
        // CC33: the answer's epoch is none of a record that was read.
        self.subscriptions.set(
            &partition,
            State::Fetching(FetchPosition {
                offset: answer.offset,
                offset_epoch: UNKNOWN_EPOCH,
                leader_epoch,
            }),
        );
        self.polled.push_back(Polled::PositionSet {
            partition,
            offset: answer.offset,
            why: why.text(to).into(),
            by_application: why == Why::Seek,
        });
    }

    /// `maybeCompleteValidation`. After an error it is asked again when `retry.backoff.ms` is over, by newer metadata
    /// (CC31).
    fn on_epoch_end(
        &mut self,
        ctx: &mut Ctx<'_>,
        partition: &TopicPartition,
        asked: FetchPosition,
        error: ErrorCode,
        end: EpochEndOffset,
    ) {
        if self.subscriptions.state(partition) != Some(State::AwaitValidation(asked)) {
            return;
        }
        if !error.is_none() {
            self.client.metadata.request_update();
            self.retry_later(ctx, [partition]);
        } else if end.epoch < 0 || end.end_offset < 0 {
            self.reset_or_throw(partition, Why::Truncated(asked.offset));
        } else if end.end_offset >= asked.offset {
            self.subscriptions.set(partition, State::Fetching(asked));
        } else if self.subscriptions.policy() == AutoOffsetReset::None {
            self.reset_or_throw(partition, Why::Truncated(asked.offset));
        } else {
            self.subscriptions.set(
                partition,
                State::Fetching(FetchPosition {
                    offset: end.end_offset,
                    offset_epoch: end.epoch,
                    ..asked
                }),
            );
            self.polled.push_back(Polled::PositionSet {
                partition: partition.clone(),
                offset: end.end_offset,
                why: format!(
                    "the new leader's log differs from here on: what was read up to {} is gone",
                    asked.offset - 1
                )
                .into(),
                by_application: false,
            });
        }
    }

    fn on_fetched(&mut self, ctx: &mut Ctx<'_>, asked: i64, answer: FetchPartitionResponse) {
        let partition = &answer.partition;
        let Some(State::Fetching(position)) = self.subscriptions.state(partition) else {
            return;
        };
        if position.offset != asked || self.stuck || self.held {
            return;
        }
        // Without a group nothing keeps what comes while no poll returns anything.
        if self.group.is_none() && self.lacks_position() {
            return;
        }
        match answer.error {
            ErrorCode::None => {
                if answer.preferred_read_replica >= 0 {
                    self.read_from(ctx, partition, answer.preferred_read_replica);
                }
                self.take_records(partition, position, &answer);
            }
            ErrorCode::OffsetOutOfRange => self.on_out_of_range(ctx, partition, position.offset),
            ErrorCode::CorruptMessage => {
                self.retry_later(ctx, [partition]);
                self.throw(partition, "KafkaException");
            }
            ErrorCode::UnknownLeaderEpoch | ErrorCode::UnknownServerError => {
                self.retry_later(ctx, [partition]);
            }
            error => {
                self.client.metadata.request_update();
                self.read_from_leader(partition, error.name());
                self.retry_later(ctx, [partition]);
            }
        }
    }

    /// F7, CC16: a follower may have less than the leader, at either end; only the leader's word counts.
    fn on_out_of_range(&mut self, ctx: &mut Ctx<'_>, partition: &TopicPartition, offset: i64) {
        let asks_leader = self.config.rules.follower_oor == FollowerOor::AskTheLeader;
        let why = "its offset is out of range there";
        if asks_leader && self.read_from_leader(partition, why) {
            return;
        }
        self.retry_later(ctx, [partition]);
        self.reset_or_throw(partition, Why::OutOfRange(offset));
    }

    // ---- positions

    /// Applies `auto.offset.reset`, or throws if there is none.
    fn reset_or_throw(&mut self, partition: &TopicPartition, why: Why) {
        match self.subscriptions.after_policy(why) {
            State::NoPosition => self.throw(partition, why.exception()),
            state => self.subscriptions.set(partition, state),
        }
    }

    /// CC34: one partition with neither a position nor a policy has each `poll` throw, whatever else could be read.
    /// While its group cannot be asked, `poll` does not come to that.
    fn lacks_position(&self) -> bool {
        let asks = |group: &Membership| group.coordinator.finds_positions();
        self.subscriptions.lacks_position() && self.group.as_ref().is_none_or(asks)
    }

    /// Tells the application of partitions without a position and without a policy.
    pub fn throw_for_missing_positions(&mut self) {
        // The call of `position` throws, then, and not `poll`.
        if self.asking.is_some() {
            return;
        }
        let missing: Vec<TopicPartition> = self
            .subscriptions
            .iter()
            .filter(|(_, assigned)| assigned.state == State::NoPosition)
            .map(|(partition, _)| partition.clone())
            .collect();
        for partition in missing {
            self.throw(&partition, Why::NoCommittedOffset.exception());
        }
    }

    fn throw(&mut self, partition: &TopicPartition, exception: &'static str) {
        if self.subscriptions.is_news(partition, exception) {
            self.polled.push_back(Polled::Exception {
                partition: partition.clone(),
                exception,
            });
        }
    }

    fn current_leader_epoch(&self, partition: &TopicPartition) -> i32 {
        let leader = self.client.metadata.leader(partition);
        leader.map_or(UNKNOWN_EPOCH, |(_, _, epoch)| epoch)
    }

    fn retry_later<'a>(
        &mut self,
        ctx: &mut Ctx<'_>,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) {
        let pause = Duration::from_millis(self.config.common.retry_backoff_ms);
        self.subscriptions.hold_back(partitions, ctx.wall() + pause);
    }
}
