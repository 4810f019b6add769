//! Topics that are made because somebody asks about them (class `AutoTopicCreationManager`; CT24).
//!
//! In ZooKeeper mode the broker that is asked makes them by itself, with its own defaults, whoever is the
//! controller: Kafka asks the controller to only while a cluster moves to KRaft. Who asked hears that there is
//! no leader yet, and asks again.
//!
//! May not know whether another broker is about to make the same topic.

use super::purgatory::Pending;
use super::{Broker, BrokerOutput};
use crate::protocol::{
    CreatableTopic, CreateTopicsRequest, CreateTopicsResponse, Ctx, ErrorCode, Fact, GroupFact,
    MetadataRequest, MetadataResponse, Response, TopicName,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What is being made, and the answers that wait for it.
#[derive(Debug, Default)]
pub(super) struct AutoTopicCreationManager {
    /// Nobody is made to wait for these twice.
    inflight: BTreeSet<TopicName>,
    /// By the token of what was asked of the admin manager.
    waiting: BTreeMap<u64, (Pending, MetadataResponse)>,
    /// For whom the topic of groups is being made.
    asker: Option<GroupTopicAsker>,
    /// Why it could not be made, as last stated.
    refusal: Option<ErrorCode>,
}

/// Who asks for a coordinator when there is no topic for groups yet, and how many replicas it shall have.
#[derive(Debug)]
pub(super) struct GroupTopicAsker {
    pub client: Rc<str>,
    pub group: Rc<str>,
    pub replication_factor: i16,
}

impl Broker {
    /// Metadata: what the cache says, and what is not there is made if everybody allows it. Who asks for all
    /// topics misses none.
    pub(super) fn on_metadata(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        client: &Rc<str>,
        request: &MetadataRequest,
    ) {
        let known =
            self.metadata_cache
                .metadata(request, &self.cluster_id, self.listener_of(ctx, to.conn));
        let may_create = self.config.auto_create_topics_enable
            && request.allow_auto_topic_creation
            && request.topics.is_some();
        let missing = match may_create {
            true => self.auto_topic_creation.take_creatable(&known),
            false => Vec::new(),
        };
        if missing.is_empty() {
            self.answer_now(to, known);
            return;
        }
        for topic in &missing {
            ctx.fact(Fact::TopicMissed {
                topic: TopicName::clone(topic),
                client: Rc::clone(client),
                partitions: self.config.num_partitions,
                replication_factor: self.config.default_replication_factor,
            });
        }
        let token = self.forward(to);
        self.auto_topic_creation.waiting.insert(token, (to, known));
        let request = CreateTopicsRequest {
            topics: missing
                .into_iter()
                .map(|name| self.creatable(name))
                .collect(),
            // What came of it is told at once; nobody waits until leaders are known.
            timeout_ms: 0,
            validate_only: false,
        };
        self.outputs
            .push(BrokerOutput::AutoCreateTopics { token, request });
    }

    fn creatable(&self, name: TopicName) -> CreatableTopic {
        CreatableTopic {
            name,
            num_partitions: self.config.num_partitions,
            replication_factor: self.config.default_replication_factor,
            assignments: Vec::new(),
            configs: Vec::new(),
        }
    }

    /// The answer to who waits for these topics, if somebody does; else the response as it came.
    pub(super) fn after_auto_creation(
        &mut self,
        ctx: &mut Ctx<'_>,
        token: u64,
        response: Response,
    ) -> Response {
        let Response::CreateTopics(created) = &response else {
            return response;
        };
        let Some((to, mut answer)) = self.auto_topic_creation.waiting.remove(&token) else {
            if !self.forwarded.contains_key(&token) {
                let refused = self.auto_topic_creation.end_of_internal(created);
                if let Some(refused) = refused {
                    ctx.fact(refused.into());
                }
            }
            return response;
        };
        for result in &created.topics {
            ctx.fact(Fact::TopicAutoCreated {
                topic: TopicName::clone(&result.name),
                error: match result.error {
                    ErrorCode::RequestTimedOut => ErrorCode::None,
                    error => error,
                },
            });
        }
        self.auto_topic_creation.end(&mut answer, created);
        // Brokers as they are known by now; of topics what was known when they were asked about.
        let brokers_only = MetadataRequest {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: false,
        };
        let listener = self.listener_of(ctx, to.conn);
        let now = self
            .metadata_cache
            .metadata(&brokers_only, &self.cluster_id, listener);
        answer.brokers = now.brokers;
        answer.controller_id = now.controller_id;
        answer.into()
    }
}

impl AutoTopicCreationManager {
    /// False if somebody is making it already.
    pub(super) fn begin(&mut self, topic: &TopicName, asker: GroupTopicAsker) -> bool {
        let begins = self.inflight.insert(TopicName::clone(topic));
        if begins {
            self.asker = Some(asker);
        }
        begins
    }

    /// It is made, or could not be: that is stated once, not each time that somebody asks.
    pub(super) fn end_of_internal(&mut self, created: &CreateTopicsResponse) -> Option<GroupFact> {
        let mut refused = None;
        for result in &created.topics {
            self.inflight.remove(&result.name);
            let refusal = match result.error {
                ErrorCode::None | ErrorCode::TopicAlreadyExists | ErrorCode::RequestTimedOut => {
                    None
                }
                error => Some(error),
            };
            let asker = self.asker.take();
            let is_news = std::mem::replace(&mut self.refusal, refusal) != refusal;
            if let (Some(asker), Some(error), true) = (asker, refusal, is_news) {
                refused = Some(GroupFact::TopicRefused {
                    group: asker.group,
                    client: asker.client,
                    replication_factor: asker.replication_factor,
                    error,
                });
            }
        }
        refused
    }

    /// Those that are not there and could be, and that nobody is making yet (`filterCreatableTopics`).
    fn take_creatable(&mut self, known: &MetadataResponse) -> Vec<TopicName> {
        let unknown = known
            .topics
            .iter()
            .filter(|topic| topic.error == ErrorCode::UnknownTopicOrPartition);
        unknown
            .filter(|topic| self.inflight.insert(TopicName::clone(&topic.name)))
            .map(|topic| TopicName::clone(&topic.name))
            .collect()
    }

    /// Says of each topic what came of it (`createTopicsInZk`): one that is made now, or has been made by
    /// others, has no leader that this broker knows.
    fn end(&mut self, answer: &mut MetadataResponse, created: &CreateTopicsResponse) {
        for result in &created.topics {
            let was_in_flight = self.inflight.remove(&result.name);
            assert!(was_in_flight, "{} was made unasked", result.name);
            let described = answer.topics.iter_mut();
            for topic in described.filter(|topic| topic.name == result.name) {
                topic.error = match result.error {
                    ErrorCode::None
                    | ErrorCode::TopicAlreadyExists
                    | ErrorCode::RequestTimedOut => ErrorCode::LeaderNotAvailable,
                    error => error,
                };
            }
        }
    }
}
