//! A consumer that is a member of a group: `subscribe`, the calls of `poll`, and what is fetched and not handed
//! out yet (classes ClassicKafkaConsumer, FetchBuffer, FetchCollector). Rules CC4 to CC6, CC11,
//! CC12, CC14.

use super::closing::Closing;
use super::{ConsumerRecord, KafkaConsumer, Polled, Question};
use crate::client::consumer_coordinator::commits::Committing;
use crate::client::consumer_coordinator::listener::Callback;
use crate::client::consumer_coordinator::{ConsumerCoordinator, GroupNews};
use crate::client::subscription_state::{FetchPosition, LogBounds, State};
use crate::kernel::Time;
use crate::network_client::Node;
use crate::protocol::config::GroupMembership;
use crate::protocol::rules::ConsumerPosition;
use crate::protocol::{Ctx, ErrorCode, Response, TopicName, TopicPartition, TopicPattern};
use std::collections::VecDeque;
use std::rc::Rc;

/// A member of a group, and what it has fetched and not handed out yet.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) coordinator: ConsumerCoordinator,
    /// The application is in `poll`.
    in_poll: bool,
    pub(super) buffer: VecDeque<Buffered>,
}

/// Records of one answer for one partition (`CompletedFetch`).
#[derive(Debug)]
pub(super) struct Buffered {
    pub(super) partition: TopicPartition,
    /// The position that the next of them is for.
    pub(super) at: i64,
    /// Of the log, until it is first touched (CC13).
    pub(super) bounds: Option<LogBounds>,
    pub(super) records: VecDeque<ConsumerRecord>,
    /// Where reading goes on after them.
    pub(super) end: FetchPosition,
}

impl Membership {
    fn new(coordinator: ConsumerCoordinator) -> Membership {
        Membership {
            coordinator,
            in_poll: false,
            buffer: VecDeque::new(),
        }
    }

    /// The application is in `poll`, and may be given something.
    pub(super) fn polls(&self) -> bool {
        self.in_poll && !self.coordinator.holds_poll()
    }
}

impl KafkaConsumer {
    /// `KafkaConsumer.subscribe`: its group says which partitions of these topics it reads. `owner` is another
    /// number of its own.
    pub fn subscribe(
        mut self,
        owner: u8,
        client_id: &str,
        membership: GroupMembership,
        topics: Vec<TopicName>,
    ) -> KafkaConsumer {
        let hosts = self.client.metadata.hosts();
        let coordinator =
            ConsumerCoordinator::new(owner, client_id, hosts, &self.config, membership, topics);
        self.group = Some(Membership::new(coordinator));
        self
    }

    /// `subscribe(Pattern)`: all topics that match, as soon as it hears of them.
    pub fn match_topics(&mut self, pattern: &TopicPattern) {
        self.client.metadata.match_topics(pattern.clone());
        if let Some(group) = &mut self.group {
            group.coordinator.match_topics(pattern.clone());
        }
    }

    /// `KafkaConsumer.assign` with a `group.id`: it commits under the group, and begins where that has committed, and
    /// is no member of it.
    pub fn commit_under(
        mut self,
        owner: u8,
        client_id: &str,
        membership: GroupMembership,
    ) -> KafkaConsumer {
        let hosts = self.client.metadata.hosts();
        let coordinator =
            ConsumerCoordinator::by_hand(owner, client_id, hosts, &self.config, membership);
        self.group = Some(Membership::new(coordinator));
        self
    }

    /// The listener that was given to `subscribe` throws when this is called next.
    pub fn have_listener_throw(&mut self, callback: Callback) {
        if let Some(group) = &mut self.group {
            group.coordinator.have_listener_throw(callback);
        }
    }

    /// A member of a group calls `poll`: `Polled::Returned` ends the call, or `GroupNews::ListenerThrew`.
    pub fn begin_poll(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(group) = &mut self.group {
            group.in_poll = true;
        }
        self.poll(ctx);
    }

    /// A member of a group commits these offsets, or what it has been handed out; `GroupNews::CommitReturned` ends
    /// a call that waits.
    pub fn commit(
        &mut self,
        ctx: &mut Ctx<'_>,
        offsets: Option<Vec<(TopicPartition, i64)>>,
        how: Committing,
    ) {
        if let Some(group) = &mut self.group {
            let coordinator = &mut group.coordinator;
            coordinator.commit_asked(ctx, &self.subscriptions, offsets, how);
            self.take_news();
            if how == Committing::Sync {
                self.poll(ctx);
            }
        }
    }

    /// The application is in another call than `poll`.
    pub(super) fn leave_poll(&mut self) {
        if let Some(group) = &mut self.group {
            group.in_poll = false;
        }
    }

    /// A member of a group says farewell.
    pub(super) fn leave_group(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(group) = &mut self.group {
            let until = self.closing.map_or(Time::ZERO, Closing::until);
            let coordinator = &mut group.coordinator;
            coordinator.close(ctx, &mut self.subscriptions, until);
            self.take_news();
        }
    }

    /// It is in a call of `poll` that does not return.
    pub fn is_held_in_poll(&self) -> bool {
        let is_held = |group: &Membership| group.coordinator.holds_poll();
        self.group.as_ref().is_some_and(is_held)
    }

    /// It closes, and its group is told nothing of it.
    pub fn leaves_in_silence(&self) -> bool {
        let silent = |group: &Membership| group.coordinator.is_gone_in_silence();
        self.group.as_ref().is_some_and(silent)
    }

    pub(super) fn has_left_group(&self) -> bool {
        let gone = |group: &Membership| group.coordinator.is_gone();
        self.group.as_ref().is_none_or(gone)
    }

    /// Both threads of a member of a group; answers when to look again.
    pub(super) fn coordinate(&mut self, ctx: &mut Ctx<'_>) -> Time {
        // What was answered may have ended the call.
        self.take_news();
        let Some(group) = &mut self.group else {
            return Time::MAX;
        };
        let timeout = self.config.common.request_timeout();
        let (client, subscriptions) = (&mut self.client, &mut self.subscriptions);
        let coordinator = &mut group.coordinator;
        let mut wake = Time::MAX;
        if group.in_poll {
            wake = coordinator.poll(ctx, client, subscriptions);
        }
        let beat = coordinator.heartbeat(ctx, client, subscriptions, |client, ctx, node, body| {
            client.send(ctx, node, body, timeout, Rc::new(Question::FindCoordinator));
        });
        let commits = coordinator.send_asked_commits(ctx);
        self.take_news();
        self.throw_for_missing_positions();
        wake.min(beat).min(commits)
    }

    /// CC4: who joins its group fetches what it may, and finds no positions meanwhile.
    pub(super) fn finds_positions(&self) -> bool {
        let is_active = |group: &Membership| group.coordinator.is_active();
        self.group.as_ref().is_none_or(is_active)
    }

    fn take_news(&mut self) {
        if let Some(group) = &mut self.group {
            while let Some(news) = group.coordinator.next_news() {
                group.in_poll &= !matches!(news, GroupNews::ListenerThrew(_));
                let position = match &news {
                    GroupNews::ReadsFrom { partition, offset } => Some(Polled::PositionSet {
                        partition: partition.clone(),
                        offset: *offset,
                        why: "its group's committed offset".into(),
                        by_application: false,
                    }),
                    _ => None,
                };
                self.polled.push_back(Polled::Group(news));
                self.polled.extend(position);
            }
        }
    }

    /// CC11, CC12, CC14: the result of `poll`, if there is one. What is no longer assigned, or was sought past,
    /// is dropped. Answers whether there is one.
    pub(super) fn hand_out(&mut self) -> bool {
        let holds_back = self.held || self.closing.is_some() || self.lacks_position();
        let may = |group: &&mut Membership| group.polls() && !holds_back;
        let Some(group) = self.group.as_mut().filter(may) else {
            return false;
        };
        let mut handed_out = 0;
        // CC6: also where nothing but a position has moved the call is over.
        let mut returns = false;
        let mut paused = VecDeque::new();
        while handed_out < self.config.max_poll_records
            && let Some(first) = group.buffer.front_mut()
        {
            if self.subscriptions.is_paused(&first.partition) {
                paused.extend(group.buffer.pop_front());
                continue;
            }
            let position = self.subscriptions.position(&first.partition);
            let fits = position.is_some_and(|position| position.offset == first.at);
            if !fits || self.subscriptions.is_suspended() {
                group.buffer.pop_front();
                continue;
            }
            if let Some(bounds) = first.bounds.take() {
                self.subscriptions.saw_bounds(&first.partition, bounds);
            }
            let portion = (self.config.max_poll_records - handed_out).min(first.records.len());
            match portion.checked_sub(1).map(|last| &first.records[last]) {
                Some(last) => {
                    let position = match self.config.rules.consumer_position {
                        ConsumerPosition::HandedOut => FetchPosition {
                            offset: last.offset + 1,
                            offset_epoch: last.leader_epoch,
                            ..first.end
                        },
                        ConsumerPosition::Fetched => first.end,
                    };
                    first.at = position.offset;
                    let state = State::Fetching(position);
                    self.subscriptions.set(&first.partition, state);
                    let records = first.records.drain(..portion);
                    self.polled.extend(records.map(Polled::Record));
                    handed_out += portion;
                    returns = true;
                }
                None => {
                    returns |= first.at < first.end.offset;
                    self.subscriptions
                        .set(&first.partition, State::Fetching(first.end));
                    group.buffer.pop_front();
                }
            }
        }
        // They keep their places.
        paused.append(&mut group.buffer);
        group.buffer = paused;
        returns
    }

    /// What `hand_out` gives is its result.
    pub(super) fn end_poll(&mut self) {
        if let Some(group) = &mut self.group {
            group.in_poll = false;
        }
        self.polled.push_back(Polled::Returned);
    }

    /// CC7: nothing is fetched of it while something of it is in the buffer.
    pub(super) fn is_buffered(&self, partition: &TopicPartition) -> bool {
        let group = self.group.as_ref();
        group.is_some_and(|it| it.buffer.iter().any(|data| data.partition == *partition))
    }

    pub(super) fn coordinator_in(&self, answer: Option<Response>) -> Result<Node, ErrorCode> {
        let Some(Response::FindCoordinator(answer)) = answer else {
            return Err(ErrorCode::CoordinatorNotAvailable);
        };
        let found = answer.coordinators.first();
        let found = found.ok_or(ErrorCode::CoordinatorNotAvailable)?;
        match found.error {
            ErrorCode::None => self
                .client
                .metadata
                .place_of(&found.host, found.port)
                .map(|place| Node::new(found.node_id, place))
                .ok_or(ErrorCode::CoordinatorNotAvailable),
            error => Err(error),
        }
    }
}
