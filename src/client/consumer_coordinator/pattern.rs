//! A member that subscribes to a pattern (`subscribe(Pattern)`, `updatePatternSubscription`): it reads all topics that
//! match, and joins again when its metadata name others. Rule CC44.
//!
//! Knows of topics what its metadata say; so two members may know of different ones for a while, and each says which
//! it reads.

use super::ConsumerCoordinator;
use crate::client::cluster_client::ClusterClient;
use crate::kernel::Time;
use crate::protocol::{TopicName, TopicPattern};

#[derive(Debug)]
pub(super) struct SubscribedPattern {
    pattern: TopicPattern,
    /// The metadata in which topics were last looked for.
    seen_metadata: u64,
    /// What its group was last told that it reads.
    joined: Vec<TopicName>,
    /// Metadata newer than these are waited for.
    awaited: Option<u64>,
}

impl ConsumerCoordinator {
    pub fn match_topics(&mut self, pattern: TopicPattern) {
        self.subscribed = Some(SubscribedPattern {
            pattern,
            seen_metadata: 0,
            joined: Vec::new(),
            awaited: None,
        });
    }

    /// CC44. The leader takes them for partitions that were not there when it assigned.
    pub(super) fn notice_topics<T: Clone + std::fmt::Debug>(&mut self, client: &ClusterClient<T>) {
        let Some(subscribed) = &mut self.subscribed else {
            return;
        };
        let version = client.metadata.version();
        if subscribed.seen_metadata != version {
            subscribed.seen_metadata = version;
            let topics = client.metadata.topics().map(|topic| &topic.name);
            let matching = topics.filter(|name| subscribed.pattern.matches(name));
            self.topics = matching.cloned().collect();
        }
        let is_other = subscribed.joined != self.topics;
        if is_other && self.is_active() {
            self.request_rejoin(match self.assigned_by {
                Some(_) => "cached metadata has changed",
                None => "subscription has changed",
            });
        }
    }

    /// Before it joins it looks once more which topics there are.
    pub(super) fn waits_for_metadata<T: Clone + std::fmt::Debug>(
        &mut self,
        now: Time,
        client: &mut ClusterClient<T>,
    ) -> bool {
        let Some(subscribed) = &mut self.subscribed else {
            return false;
        };
        let version = client.metadata.version();
        match subscribed.awaited {
            Some(before) if before == version => true,
            Some(_) => {
                subscribed.awaited = None;
                false
            }
            None => {
                let waits = !client.metadata.is_fresh(now);
                subscribed.awaited = waits.then_some(version);
                waits
            }
        }
    }

    pub(super) fn told_what_it_reads(&mut self) {
        if let Some(subscribed) = &mut self.subscribed {
            subscribed.joined.clone_from(&self.topics);
        }
    }

    /// It may be given partitions of this topic.
    pub(super) fn subscribes_to(&self, topic: &TopicName) -> bool {
        match &self.subscribed {
            Some(subscribed) => subscribed.pattern.matches(topic),
            None => self.topics.contains(topic),
        }
    }
}
