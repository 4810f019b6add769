//! Questions whose answers two kinds of brokers share: first somebody says who knows, then who knows is asked (classes
//! AdminApiDriver, CoordinatorStrategy and PartitionLeaderStrategy; DescribeConsumerGroupsHandler,
//! ListConsumerGroupOffsetsHandler and ListOffsetsHandler; CG49).
//!
//! Who says that nobody knows yet is asked again at once; a broker that has answered or failed rests a while before
//! it is asked another time. A lost connection, and a broker that is not the one, lead back to the beginning.

use super::call::Failure;
use crate::kernel::Time;
use crate::protocol::config::CommonConfig;
use crate::protocol::{
    BrokerId, CONSUMER_REPLICA_ID, ConsumerGroupDescribeRequest, Ctx, DescribeGroupsRequest,
    ErrorCode, FindCoordinatorRequest, GROUP_COORDINATOR, LATEST_TIMESTAMP, ListOffsetsPartition,
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, MetadataRequest,
    MetadataResponse, NO_LEADER, OffsetFetchRequest, Request, Response, TopicName, TopicPartition,
    UNKNOWN_EPOCH, exponential,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// `describeConsumerGroups`: answered by a DescribeGroups response.
    DescribeGroup(Rc<str>),
    /// `listConsumerGroupOffsets`, of all that the group has committed: answered by an OffsetFetch response.
    GroupOffsets(Rc<str>),
    /// `listOffsets` of `LATEST_TIMESTAMP`: answered by a ListOffsets response with all of them.
    EndOffsets(Vec<TopicPartition>),
}

/// Whom a request goes to: a broker that was looked up, or whoever can say which.
pub(super) type Scope = Option<BrokerId>;

#[derive(Debug)]
pub(super) struct AdminApiDriver {
    question: Question,
    pub(super) deadline: Time,
    /// Of whom nobody has said yet who knows.
    lookup: BTreeSet<Key>,
    fulfilment: BTreeMap<BrokerId, BTreeSet<Key>>,
    states: BTreeMap<Scope, RequestState>,
    /// The broker does not know the newer request: `useClassicGroupApi`.
    uses_classic_api: bool,
    ends: Vec<ListOffsetsPartitionResponse>,
}

/// What is asked about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Group(Rc<str>),
    Partition(TopicPartition),
}

/// One request to a broker is under way at a time.
#[derive(Debug, Default)]
struct RequestState {
    is_in_flight: bool,
    tries: u32,
    not_before: Time,
}

/// A request that is to be sent.
#[derive(Debug)]
pub(super) struct RequestSpec {
    pub(super) name: String,
    pub(super) scope: Scope,
    pub(super) request: Request,
    pub(super) not_before: Time,
    pub(super) tries: u32,
}

impl AdminApiDriver {
    pub(super) fn new(question: Question, deadline: Time) -> AdminApiDriver {
        let lookup = match &question {
            Question::DescribeGroup(group) | Question::GroupOffsets(group) => {
                BTreeSet::from([Key::Group(Rc::clone(group))])
            }
            Question::EndOffsets(partitions) => {
                partitions.iter().cloned().map(Key::Partition).collect()
            }
        };
        AdminApiDriver {
            question,
            deadline,
            lookup,
            fulfilment: BTreeMap::new(),
            states: BTreeMap::new(),
            uses_classic_api: false,
            ends: Vec::new(),
        }
    }

    /// Requests to be sent now: one to each broker that has none under way.
    pub(super) fn poll(&mut self) -> Vec<RequestSpec> {
        let mut scopes: Vec<Scope> = Vec::new();
        scopes.extend((!self.lookup.is_empty()).then_some(None));
        scopes.extend(self.fulfilment.keys().copied().map(Some));
        let mut specs = Vec::new();
        for scope in scopes {
            let request = self.request(scope);
            let name = self.name(scope);
            let state = self.states.entry(scope).or_default();
            if state.is_in_flight {
                continue;
            }
            state.is_in_flight = true;
            state.tries += 1;
            specs.push(RequestSpec {
                name,
                scope,
                request,
                not_before: state.not_before,
                tries: state.tries,
            });
        }
        specs
    }

    /// Takes an answer; the answer to the whole question if that was the last.
    pub(super) fn on_response(
        &mut self,
        ctx: &mut Ctx<'_>,
        config: &CommonConfig,
        scope: Scope,
        response: Response,
    ) -> Option<Result<Response, Failure>> {
        self.is_back(ctx, config, scope);
        let name = self.name(scope);
        let ended = match (scope, response) {
            (None, Response::FindCoordinator(answer)) => {
                let coordinator = answer.coordinators.first();
                match coordinator.map(|it| (it.error, it.node_id)) {
                    Some((ErrorCode::None, broker)) => {
                        let keys = std::mem::take(&mut self.lookup);
                        self.fulfilment.entry(broker).or_default().extend(keys);
                        Ok(None)
                    }
                    Some((
                        ErrorCode::CoordinatorNotAvailable | ErrorCode::CoordinatorLoadInProgress,
                        _,
                    )) => Ok(None),
                    Some((error, _)) => Err(error),
                    None => Err(ErrorCode::UnknownServerError),
                }
            }
            (None, Response::Metadata(answer)) => self.map_leaders(&answer).map(|()| None),
            (Some(broker), Response::ConsumerGroupDescribe(answer)) => {
                match answer.groups.first().map(|(_, error)| *error) {
                    Some(ErrorCode::UnsupportedVersion | ErrorCode::GroupIdNotFound) => {
                        self.uses_classic_api = true;
                        Ok(None)
                    }
                    Some(error) => self.of_group(broker, error).map(|_| None),
                    None => Err(ErrorCode::UnknownServerError),
                }
            }
            (Some(broker), Response::DescribeGroups(answer)) => {
                let error = answer.groups.first().map(|group| group.error);
                let error = error.unwrap_or(ErrorCode::UnknownServerError);
                let is_answer = self.of_group(broker, error);
                is_answer.map(|yes| yes.then_some(Response::DescribeGroups(answer)))
            }
            (Some(broker), Response::OffsetFetch(answer)) => {
                let is_answer = self.of_group(broker, answer.error);
                is_answer.map(|yes| yes.then_some(Response::OffsetFetch(answer)))
            }
            (Some(broker), Response::ListOffsets(answer)) => self.take_ends(broker, *answer),
            _ => Err(ErrorCode::UnknownServerError),
        };
        match ended {
            Ok(answer) => answer.map(Ok),
            Err(error) => Some(Err(Failure {
                error,
                message: format!("{name} {}", error.name()).into(),
            })),
        }
    }

    /// A connection is lost: somebody else may be the one by now.
    pub(super) fn on_disconnect(&mut self, ctx: &mut Ctx<'_>, config: &CommonConfig, scope: Scope) {
        self.is_back(ctx, config, scope);
        let keys = scope.and_then(|broker| self.fulfilment.remove(&broker));
        self.lookup.extend(keys.into_iter().flatten());
    }

    fn is_back(&mut self, ctx: &mut Ctx<'_>, config: &CommonConfig, scope: Scope) {
        let state = self.states.entry(scope).or_default();
        state.is_in_flight = false;
        state.not_before = ctx.wall();
        if scope.is_some() {
            let (first, most) = (config.retry_backoff_ms, config.retry_backoff_max_ms);
            state.not_before += exponential(ctx, first, most, state.tries.saturating_sub(1));
        }
    }

    /// `callName`: what the handler is called, and the request by its `ApiKeys`.
    fn name(&self, scope: Scope) -> String {
        let (handler, lookup, fulfilment) = match &self.question {
            Question::DescribeGroup(_) => (
                "describeConsumerGroups",
                "FIND_COORDINATOR",
                match self.uses_classic_api {
                    true => "DESCRIBE_GROUPS",
                    false => "CONSUMER_GROUP_DESCRIBE",
                },
            ),
            Question::GroupOffsets(_) => ("offsetFetch", "FIND_COORDINATOR", "OFFSET_FETCH"),
            Question::EndOffsets(_) => ("listOffsets", "METADATA", "LIST_OFFSETS"),
        };
        let api = scope.map_or(lookup, |_| fulfilment);
        format!("{handler}(api={api})")
    }

    fn request(&self, scope: Scope) -> Request {
        let asked = |broker| self.fulfilment.get(&broker).into_iter().flatten();
        match (&self.question, scope) {
            (Question::DescribeGroup(group) | Question::GroupOffsets(group), None) => {
                FindCoordinatorRequest {
                    key_type: GROUP_COORDINATOR,
                    coordinator_keys: vec![Rc::clone(group)],
                }
                .into()
            }
            (Question::DescribeGroup(group), Some(_)) => {
                let groups = vec![Rc::clone(group)];
                match self.uses_classic_api {
                    true => DescribeGroupsRequest { groups }.into(),
                    false => ConsumerGroupDescribeRequest { group_ids: groups }.into(),
                }
            }
            (Question::GroupOffsets(group), Some(_)) => OffsetFetchRequest {
                group_id: Rc::clone(group),
                partitions: None,
                require_stable: false,
            }
            .into(),
            (Question::EndOffsets(_), None) => {
                let topics = self.lookup.iter().filter_map(Key::topic);
                let topics: BTreeSet<&TopicName> = topics.collect();
                MetadataRequest {
                    topics: Some(topics.into_iter().cloned().collect()),
                    allow_auto_topic_creation: false,
                }
                .into()
            }
            (Question::EndOffsets(_), Some(broker)) => ListOffsetsRequest {
                replica_id: CONSUMER_REPLICA_ID,
                isolation_level: 0,
                partitions: asked(broker)
                    .filter_map(Key::partition)
                    .map(|partition| ListOffsetsPartition {
                        partition: partition.clone(),
                        current_leader_epoch: UNKNOWN_EPOCH,
                        timestamp: LATEST_TIMESTAMP,
                    })
                    .collect(),
            }
            .into(),
        }
    }

    /// What a coordinator's word on the group means: true if it is the answer.
    fn of_group(&mut self, broker: BrokerId, error: ErrorCode) -> Result<bool, ErrorCode> {
        match error {
            ErrorCode::None => Ok(true),
            ErrorCode::CoordinatorLoadInProgress => Ok(false),
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                let keys = self.fulfilment.remove(&broker).unwrap_or_default();
                self.lookup.extend(keys);
                Ok(false)
            }
            error => Err(error),
        }
    }

    fn map_leaders(&mut self, answer: &MetadataResponse) -> Result<(), ErrorCode> {
        use ErrorCode::{
            BrokerNotAvailable, KafkaStorageError, LeaderNotAvailable, None as NoError,
            NotLeaderOrFollower, ReplicaNotAvailable, UnknownTopicOrPartition,
        };
        for topic in &answer.topics {
            match topic.error {
                NoError => {}
                UnknownTopicOrPartition | LeaderNotAvailable | BrokerNotAvailable => continue,
                error => return Err(error),
            }
            for known in &topic.partitions {
                let partition = TopicPartition {
                    topic: TopicName::clone(&topic.name),
                    partition: known.partition,
                };
                let key = Key::Partition(partition);
                if !self.lookup.contains(&key) {
                    continue;
                }
                match known.error {
                    NoError if known.leader != NO_LEADER => {
                        self.lookup.remove(&key);
                        let of_leader = self.fulfilment.entry(known.leader).or_default();
                        of_leader.insert(key);
                    }
                    NoError
                    | NotLeaderOrFollower
                    | ReplicaNotAvailable
                    | LeaderNotAvailable
                    | BrokerNotAvailable
                    | KafkaStorageError
                    | UnknownTopicOrPartition => {}
                    error => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn take_ends(
        &mut self,
        broker: BrokerId,
        answer: ListOffsetsResponse,
    ) -> Result<Option<Response>, ErrorCode> {
        for told in answer.partitions {
            let key = Key::Partition(told.partition.clone());
            let asked = self.fulfilment.entry(broker).or_default();
            match told.error {
                ErrorCode::None => {
                    if asked.remove(&key) {
                        self.ends.push(told);
                    }
                }
                ErrorCode::NotLeaderOrFollower | ErrorCode::LeaderNotAvailable => {
                    if asked.remove(&key) {
                        self.lookup.insert(key);
                    }
                }
                error if error.is_retriable() => {}
                error => return Err(error),
            }
        }
        self.fulfilment.retain(|_, keys| !keys.is_empty());
        let is_done = self.lookup.is_empty() && self.fulfilment.is_empty();
        Ok(is_done.then(|| {
            let partitions = std::mem::take(&mut self.ends);
            ListOffsetsResponse { partitions }.into()
        }))
    }
}

impl Key {
    fn partition(&self) -> Option<&TopicPartition> {
        match self {
            Key::Partition(partition) => Some(partition),
            Key::Group(_) => None,
        }
    }

    fn topic(&self) -> Option<&TopicName> {
        self.partition().map(|partition| &partition.topic)
    }
}
