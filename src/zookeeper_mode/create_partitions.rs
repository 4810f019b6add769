//! CreateTopics and CreatePartitions wait until the metadata cache knows a leader for each new partition (class
//! `DelayedCreatePartitions`).
//!
//! May not know who leads, nor when a controller will say so.

use crate::metadata::MetadataCache;
use crate::protocol::{
    CreatableTopicResult, CreatePartitionsResponse, CreateTopicsResponse, ErrorCode, NO_LEADER,
    Response, TopicName, TopicPartition,
};
use crate::purgatory::DelayedOperation;
use std::rc::Rc;

/// What is answered once all is led, by topic.
#[derive(Debug)]
pub(super) enum Results {
    Topics(Vec<CreatableTopicResult>),
    Partitions(Vec<(TopicName, ErrorCode, Option<Rc<str>>)>),
}

impl Results {
    /// What has been done is not known to be done in time.
    pub(super) fn time_out(&mut self, is_late: impl Fn(&TopicName) -> bool) {
        let late = ErrorCode::RequestTimedOut;
        match self {
            Results::Topics(topics) => {
                let topics = topics.iter_mut();
                let done = topics.filter(|it| it.error.is_none() && is_late(&it.name));
                done.for_each(|it| it.error = late);
            }
            Results::Partitions(topics) => {
                let topics = topics.iter_mut();
                let done = topics.filter(|(name, error, _)| error.is_none() && is_late(name));
                done.for_each(|(_, error, _)| *error = late);
            }
        }
    }

    pub(super) fn into_response(self) -> Response {
        match self {
            Results::Topics(topics) => CreateTopicsResponse { topics }.into(),
            Results::Partitions(results) => CreatePartitionsResponse { results }.into(),
        }
    }
}

/// A request whose partitions are made.
#[derive(Debug)]
pub(super) struct DelayedCreatePartitions {
    token: u64,
    results: Results,
    /// Those that have no leader as far as is known.
    waits_for: Vec<TopicPartition>,
}

/// What is known of leaders, and what was answered because of it: a request's token and its answer.
pub(super) struct Led {
    cache: Rc<MetadataCache>,
    pub(super) answers: Vec<(u64, Response)>,
}

impl Led {
    pub(super) fn new(cache: Rc<MetadataCache>) -> Self {
        Led {
            cache,
            answers: Vec::new(),
        }
    }

    fn is_led(&self, partition: &TopicPartition) -> bool {
        let known = self.cache.partition(partition);
        known.is_some_and(|state| state.leader != NO_LEADER)
    }
}

impl DelayedCreatePartitions {
    pub(super) fn new(token: u64, results: Results, partitions: Vec<TopicPartition>) -> Self {
        DelayedCreatePartitions {
            token,
            results,
            waits_for: partitions,
        }
    }
}

impl DelayedOperation<Led> for DelayedCreatePartitions {
    fn try_complete(&mut self, led: &mut Led) -> bool {
        self.waits_for.iter().all(|partition| led.is_led(partition))
    }

    fn on_expiration(&mut self, led: &mut Led) {
        let missing = |topic: &TopicName| {
            let mut of_it = self.waits_for.iter().filter(|it| it.topic == *topic);
            of_it.any(|it| !led.is_led(it))
        };
        self.results.time_out(missing);
    }

    fn on_complete(self, led: &mut Led) {
        led.answers.push((self.token, self.results.into_response()));
    }
}
