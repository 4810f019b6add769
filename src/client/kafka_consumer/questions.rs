//! What a consumer asks the leaders of its partitions: where logs begin and end, where epochs end, and for
//! records (classes OffsetFetcher, OffsetsForLeaderEpochClient, AbstractFetch; E11, CC8 to CC10).

use super::KafkaConsumer;
use super::membership::Membership;
use crate::client::metadata::Metadata;
use crate::client::subscription_state::{FetchPosition, ResetTo, State};
use crate::kernel::Time;
use crate::network_client::{FetchRequestData, Node};
use crate::protocol::rules::ConsumerTruncationCheck;
use crate::protocol::{
    CONSUMER_REPLICA_ID, Ctx, EARLIEST_TIMESTAMP, FetchPartition, FetchRequest, LATEST_TIMESTAMP,
    ListOffsetsPartition, ListOffsetsRequest, OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition, Request, TopicId, TopicPartition, UNKNOWN_EPOCH,
};
use std::rc::Rc;

#[derive(Clone, Debug)]
pub(super) enum Question {
    FindCoordinator,
    /// A fetch that ends a session.
    CloseSession,
    /// Where the log begins of which the application has asked that.
    Beginning,
    ListOffsets(Vec<TopicPartition>),
    /// What is asked for, the session of that broker knows.
    Fetch,
    EpochEnds(Vec<(TopicPartition, FetchPosition)>),
}

impl KafkaConsumer {
    /// Asks each node about its partitions that need this kind of question; answers when another
    /// one may be asked about.
    pub(super) fn ask(&mut self, ctx: &mut Ctx<'_>, kind: Kind) -> Time {
        let now = ctx.wall();
        let mut wake = Time::MAX;
        // Before it comes to these, `poll` throws.
        if kind != Kind::EpochEnds && self.lacks_position() {
            return wake;
        }
        // CC1: while its application works, a member fetches from nobody but those whom it waits to be connected to.
        let polls = self.group.as_ref().is_none_or(Membership::polls);
        let is_held_up = !polls && self.connecting.is_empty();
        if kind == Kind::Fetch && (is_held_up || self.subscriptions.is_suspended()) {
            return wake;
        }
        let mut due: Vec<Due> = Vec::new();
        let mut leader_unknown = false;
        let mut unfit = Vec::new();
        let mut fetchable = 0;
        for (partition, assigned) in self.subscriptions.iter() {
            if !kind.concerns(&assigned.state) {
                continue;
            }
            if kind == Kind::Fetch && (assigned.paused || self.is_buffered(partition)) {
                continue;
            }
            fetchable += 1;
            if now < assigned.retry_at {
                wake = wake.min(assigned.retry_at);
                continue;
            }
            let Some((_, leader, leader_epoch)) = self.client.metadata.leader(partition) else {
                leader_unknown = true;
                continue;
            };
            let mut node = leader;
            if kind == Kind::Fetch {
                let (chosen, objection) =
                    self.select_read_replica(partition, assigned, leader, now);
                node = chosen;
                unfit.extend(objection.map(|why| (partition.clone(), why)));
                let waits = polls || self.connecting.contains(&node.id);
                if !waits || self.fetching.contains(&node.id) {
                    continue;
                }
            }
            due.push(Due {
                node,
                leader_epoch,
                partition: partition.clone(),
                position: assigned.state.position(),
                order: (0, 0),
            });
        }
        if leader_unknown || !unfit.is_empty() {
            self.client.metadata.request_update();
        }
        for (partition, why) in unfit {
            self.read_from_leader(&partition, why);
        }
        if kind == Kind::Fetch && due.len() > 1 {
            let order = self.subscriptions.fetch_order();
            for due in &mut due {
                due.order = order.key(&due.partition, fetchable);
            }
        }
        due.sort_by_key(|due| (due.node, due.order));
        for of_one_node in due.chunk_by(|a, b| a.node == b.node) {
            let node = of_one_node[0].node;
            let is_ready = self.client.ready(ctx, node);
            if kind == Kind::Fetch {
                let waits = !is_ready && !self.client.is_backing_off(node);
                match waits {
                    true => self.connecting.insert(node.id),
                    false => self.connecting.remove(&node.id),
                };
            }
            if !is_ready {
                continue;
            }
            let (question, request) = self.question(kind, of_one_node);
            let timeout = self.config.common.request_timeout();
            match &question {
                Question::Fetch => {
                    assert!(self.fetching.insert(node.id), "two fetches of one broker");
                }
                Question::CloseSession
                | Question::Beginning
                | Question::FindCoordinator
                | Question::ListOffsets(_)
                | Question::EpochEnds(_) => {
                    self.subscriptions
                        .hold_back(question.partitions(), now + timeout);
                }
            }
            self.client
                .send(ctx, node, request, timeout, Rc::new(question));
        }
        wake
    }

    fn question(&mut self, kind: Kind, due: &[Due]) -> (Question, Request) {
        let isolation_level = i8::from(self.config.read_committed);
        let state = |partition| self.subscriptions.state(partition);
        let position = |due: &Due| Some((due.partition.clone(), due.position?));
        match kind {
            Kind::ListOffsets => {
                let request = ListOffsetsRequest {
                    replica_id: CONSUMER_REPLICA_ID,
                    isolation_level,
                    partitions: due
                        .iter()
                        .map(|due| ListOffsetsPartition {
                            partition: due.partition.clone(),
                            current_leader_epoch: due.leader_epoch,
                            timestamp: match state(&due.partition) {
                                Some(State::AwaitReset(ResetTo::Earliest, _)) => EARLIEST_TIMESTAMP,
                                _ => LATEST_TIMESTAMP,
                            },
                        })
                        .collect(),
                };
                let partitions = due.iter().map(|due| due.partition.clone()).collect();
                (Question::ListOffsets(partitions), request.into())
            }
            Kind::EpochEnds => {
                let positions: Vec<_> = due.iter().filter_map(position).collect();
                let request = OffsetForLeaderEpochRequest {
                    replica_id: CONSUMER_REPLICA_ID,
                    partitions: positions
                        .iter()
                        .map(|(partition, position)| OffsetForLeaderPartition {
                            partition: partition.clone(),
                            current_leader_epoch: position.leader_epoch,
                            leader_epoch: position.offset_epoch,
                        })
                        .collect(),
                };
                (Question::EpochEnds(positions), request.into())
            }
            Kind::Fetch => {
                let asked = due.iter().filter_map(position);
                let names_epoch =
                    self.config.rules.consumer_truncation_check == ConsumerTruncationCheck::On;
                let wanted = asked.map(|(partition, position)| FetchPartition {
                    topic_id: topic_id(&self.client.metadata, &partition.topic),
                    partition,
                    current_leader_epoch: match names_epoch {
                        true => position.leader_epoch,
                        false => UNKNOWN_EPOCH,
                    },
                    fetch_offset: position.offset,
                    last_fetched_epoch: UNKNOWN_EPOCH,
                    log_start_offset: -1,
                    max_bytes: self.config.max_partition_fetch_bytes,
                });
                let session = self.sessions.entry(due[0].node.id).or_default();
                let data = session.build(wanted);
                (Question::Fetch, self.fetch_request(data).into())
            }
        }
    }

    /// CC8.
    pub(super) fn fetch_request(&self, data: FetchRequestData) -> FetchRequest {
        let rack = &self.config.client_rack;
        FetchRequest {
            replica_id: CONSUMER_REPLICA_ID,
            replica_epoch: -1,
            max_wait_ms: self.config.fetch_max_wait_ms,
            min_bytes: self.config.fetch_min_bytes,
            max_bytes: self.config.fetch_max_bytes,
            isolation_level: i8::from(self.config.read_committed),
            version: data.version,
            session: data.metadata,
            partitions: data.to_send,
            forgotten: data.forgotten,
            rack_id: (!rack.is_empty()).then(|| rack.as_str().into()),
        }
    }
}

fn topic_id(metadata: &Metadata, topic: &str) -> TopicId {
    let topic = metadata.topic(topic);
    topic.map_or(TopicId::ZERO, |topic| topic.topic_id)
}

/// A partition to ask a node about: its leader, or who else may be read from.
struct Due {
    node: Node,
    leader_epoch: i32,
    partition: TopicPartition,
    position: Option<FetchPosition>,
    /// CC9: among those of its node.
    order: (usize, usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    ListOffsets,
    EpochEnds,
    Fetch,
}

impl Kind {
    pub(super) fn concerns(self, state: &State) -> bool {
        match self {
            Kind::ListOffsets => matches!(state, State::AwaitReset(..)),
            Kind::EpochEnds => matches!(state, State::AwaitValidation(_)),
            Kind::Fetch => matches!(state, State::Fetching(_)),
        }
    }
}

impl Question {
    pub(super) fn partitions(&self) -> Vec<&TopicPartition> {
        match self {
            Question::Fetch
            | Question::CloseSession
            | Question::Beginning
            | Question::FindCoordinator => Vec::new(),
            Question::ListOffsets(partitions) => partitions.iter().collect(),
            Question::EpochEnds(asked) => asked.iter().map(|(partition, _)| partition).collect(),
        }
    }
}
