//! CreateTopics waits until the metadata cache knows a leader for each new partition (class
//! `DelayedCreatePartitions`).
//!
//! May not know who leads, nor when a controller will say so.

use crate::metadata::MetadataCache;
use crate::protocol::{
    CreatableTopicResult, CreateTopicsResponse, ErrorCode, NO_LEADER, Response, TopicPartition,
};
use crate::purgatory::DelayedOperation;
use std::rc::Rc;

/// A CreateTopics whose topics are made.
#[derive(Debug)]
pub(super) struct DelayedCreatePartitions {
    token: u64,
    results: Vec<CreatableTopicResult>,
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
    pub(super) fn new(
        token: u64,
        results: Vec<CreatableTopicResult>,
        partitions: Vec<TopicPartition>,
    ) -> Self {
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
        let missing = self.waits_for.iter().filter(|it| !led.is_led(it));
        for partition in missing {
            for result in &mut self.results {
                if result.name == partition.topic {
                    result.error = ErrorCode::RequestTimedOut;
                }
            }
        }
    }

    fn on_complete(self, led: &mut Led) {
        let topics = self.results;
        led.answers
            .push((self.token, CreateTopicsResponse { topics }.into()));
    }
}
