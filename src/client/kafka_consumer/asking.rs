//! Calls with which an application asks its library for an offset, and that wait until it is known or
//! `default.api.timeout.ms` is over (`position`, `committed`, `beginningOffsets`; CC35).

use super::{KafkaConsumer, Polled, Question};
use crate::client::subscription_state::{State, Why};
use crate::kernel::Time;
use crate::protocol::{
    CONSUMER_REPLICA_ID, Ctx, EARLIEST_TIMESTAMP, ListOffsetsPartition, ListOffsetsRequest,
    ListOffsetsResponse, TopicPartition,
};
use std::rc::Rc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetApi {
    /// The next offset that it will read.
    Position,
    /// What its group has committed.
    Committed,
    /// Where the log begins.
    BeginningOffsets,
}

impl OffsetApi {
    pub const fn name(self) -> &'static str {
        match self {
            OffsetApi::Position => "position",
            OffsetApi::Committed => "committed",
            OffsetApi::BeginningOffsets => "beginningOffsets",
        }
    }
}

/// A call that has not returned.
#[derive(Debug)]
pub(super) struct Asking {
    api: OffsetApi,
    partition: TopicPartition,
    until: Time,
    /// The leader is being asked.
    is_asked: bool,
    /// The metadata after which it is asked next.
    after_metadata: u64,
}

impl KafkaConsumer {
    /// `Polled::Told` ends the call; until then nothing else is called.
    pub fn ask_offset(&mut self, ctx: &mut Ctx<'_>, api: OffsetApi, partition: TopicPartition) {
        if api == OffsetApi::Committed
            && let Some(group) = &mut self.group
        {
            group.coordinator.ask_committed(partition.clone());
        }
        self.asking = Some(Asking {
            api,
            partition,
            until: ctx.wall() + self.config.default_api_timeout(),
            is_asked: false,
            after_metadata: 0,
        });
        self.leave_poll();
        self.poll(ctx);
    }

    /// Whatever can be done for the call; answers when to look again.
    pub(super) fn go_on_asking(&mut self, ctx: &mut Ctx<'_>) -> Time {
        let Some(asking) = &self.asking else {
            return Time::MAX;
        };
        let (api, until) = (asking.api, asking.until);
        if ctx.wall() >= until {
            self.told(Err("TimeoutException"));
            return Time::MAX;
        }
        until.min(match api {
            OffsetApi::Position => self.ask_position(ctx),
            OffsetApi::Committed => self.ask_committed(ctx),
            OffsetApi::BeginningOffsets => self.ask_beginning(ctx),
        })
    }

    pub(super) fn on_beginning(&mut self, answer: Option<&ListOffsetsResponse>) {
        let found = answer.and_then(|it| it.partitions.first());
        let found = found.filter(|it| it.error.is_none() && it.offset >= 0);
        match (found, &mut self.asking) {
            (Some(found), Some(_)) => self.told(Ok(Some(found.offset))),
            (None, Some(asking)) => {
                // `awaitMetadataUpdate`
                asking.is_asked = false;
                asking.after_metadata = self.client.metadata.version() + 1;
                self.client.metadata.request_update();
            }
            (_, None) => {}
        }
    }

    /// A position that has to be held against its leader's log first is none yet.
    fn ask_position(&mut self, ctx: &mut Ctx<'_>) -> Time {
        let Some(Asking { partition, .. }) = &self.asking else {
            return Time::MAX;
        };
        if let Some(State::Fetching(position)) = self.subscriptions.state(partition) {
            self.told(Ok(Some(position.offset)));
            return Time::MAX;
        }
        if self.lacks_position() {
            self.told(Err(Why::NoCommittedOffset.exception()));
            return Time::MAX;
        }
        match &mut self.group {
            Some(group) => group.coordinator.find_positions(ctx, &self.subscriptions),
            None => Time::MAX,
        }
    }

    fn ask_committed(&mut self, ctx: &mut Ctx<'_>) -> Time {
        let Some(group) = &mut self.group else {
            return Time::MAX;
        };
        let (answer, again) = group.coordinator.go_on_asking_committed(ctx);
        if let Some(answer) = answer {
            self.told(Ok(answer));
        }
        again
    }

    fn ask_beginning(&mut self, ctx: &mut Ctx<'_>) -> Time {
        let Some(asking) = &self.asking else {
            return Time::MAX;
        };
        if asking.is_asked || self.client.metadata.version() < asking.after_metadata {
            return Time::MAX;
        }
        let partition = asking.partition.clone();
        let Some((_, leader, current_leader_epoch)) = self.client.metadata.leader(&partition)
        else {
            self.client.metadata.request_update();
            return Time::MAX;
        };
        if !self.client.ready(ctx, leader) {
            return Time::MAX;
        }
        let request = ListOffsetsRequest {
            replica_id: CONSUMER_REPLICA_ID,
            isolation_level: i8::from(self.config.read_committed),
            partitions: vec![ListOffsetsPartition {
                partition,
                current_leader_epoch,
                timestamp: EARLIEST_TIMESTAMP,
            }],
        };
        let timeout = self.config.common.request_timeout();
        let question = Rc::new(Question::Beginning);
        self.client
            .send(ctx, leader, request.into(), timeout, question);
        if let Some(asking) = &mut self.asking {
            asking.is_asked = true;
        }
        Time::MAX
    }

    fn told(&mut self, result: Result<Option<i64>, &'static str>) {
        if let Some(Asking { api, partition, .. }) = self.asking.take() {
            self.polled.push_back(Polled::Told {
                api,
                partition,
                result,
            });
        }
    }
}
