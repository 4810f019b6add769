//! A LeaderAndIsr that is carried out, partition by partition (class `ReplicaManager`, `becomeLeaderOrFollower`; rules
//! CT27, CT28, HW7, A7).
//!
//! May not know who fetches from whom: that begins when all of it is done.

use crate::broker::leadership_changes::LeadershipChanges;
use crate::broker::log_manager::{HostedLog, LogManager};
use crate::broker::outbox::Env;
use crate::broker::purgatory::Pending;
use crate::broker::replica_manager::ReplicaManager;
use crate::broker::topic_configs::{Asked, ConfigCalls};
use crate::log::OffsetCheckpoint;
use crate::protocol::config::Properties;
use crate::protocol::rules::TransitionAtomic;
use crate::protocol::{
    BrokerId, ErrorCode, LeaderAndIsrRequest, NO_LEADER, TopicId, TopicPartition,
};
use std::collections::VecDeque;
use std::rc::Rc;

/// A LeaderAndIsr under way: first all that this broker shall lead, then all that it shall follow.
/// Numbers are places in the request.
#[derive(Debug)]
pub(super) struct LeaderAndIsrJob {
    pub(super) to: Pending,
    pub(super) request: Box<LeaderAndIsrRequest>,
    pub(super) to_lead: VecDeque<usize>,
    pub(super) to_follow: VecDeque<usize>,
    /// Fetchers have yet to give up what is to be led.
    pub(super) stops_fetching: bool,
    /// Those that are led now and were not.
    pub(super) leading: Vec<usize>,
    /// Those that are followed in a new leader epoch.
    pub(super) following: Vec<usize>,
    pub(super) errors: Vec<(TopicPartition, ErrorCode)>,
    pub(super) reading: Option<Asked>,
    /// Read from the file when the first log needs it (HW7).
    pub(super) high_watermarks: Option<OffsetCheckpoint>,
}

impl LeaderAndIsrJob {
    pub(super) fn new(to: Pending, request: Box<LeaderAndIsrRequest>) -> Self {
        LeaderAndIsrJob {
            to,
            errors: Vec::with_capacity(request.partition_states.len()),
            request,
            to_lead: VecDeque::new(),
            to_follow: VecDeque::new(),
            stops_fetching: true,
            leading: Vec::new(),
            following: Vec::new(),
            reading: None,
            high_watermarks: None,
        }
    }

    /// CT27, A7: what is to be done, and what is refused.
    pub(super) fn check(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        local: BrokerId,
    ) {
        for (place, state) in self.request.partition_states.iter().enumerate() {
            let loaded_id = replicas.logs.topic_id(&state.partition);
            let partition = replicas.get_or_create(&state.partition);
            let topic_id = topic_id_of(&self.request, &state.partition);
            let known_id = match partition.topic_id() {
                TopicId::ZERO => loaded_id,
                id => id,
            };
            let error =
                if topic_id != TopicId::ZERO && known_id != TopicId::ZERO && topic_id != known_id {
                    ErrorCode::InconsistentTopicId
                } else if state.leader_epoch < partition.leader_epoch() {
                    ErrorCode::StaleControllerEpoch
                } else if state.leader_epoch == partition.leader_epoch() {
                    if topic_id != TopicId::ZERO && known_id == TopicId::ZERO {
                        partition
                            .assign_topic_id(env, topic_id)
                            .err()
                            .unwrap_or(ErrorCode::None)
                    } else {
                        ErrorCode::StaleControllerEpoch
                    }
                } else if !state.replicas.contains(&local) {
                    ErrorCode::UnknownTopicOrPartition
                } else {
                    if state.leader == local {
                        self.to_lead.push_back(place);
                    } else {
                        self.to_follow.push_back(place);
                    }
                    ErrorCode::None
                };
            self.errors.push((state.partition.clone(), error));
        }
    }

    /// The partition that is to change next.
    pub(super) fn next(&self) -> Option<usize> {
        self.to_lead.front().or(self.to_follow.front()).copied()
    }

    /// Changes it (true), unless a configuration has to be answered first.
    pub(super) fn advance(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        local: BrokerId,
        configurations: &ConfigCalls,
        place: usize,
    ) -> bool {
        let Some(ready) = self.ensure_log(env, replicas, configurations, place) else {
            return false;
        };
        self.to_lead
            .pop_front()
            .or_else(|| self.to_follow.pop_front());
        let leads = self.request.partition_states[place].leader == local;
        let done = ready.and_then(|has_log| match (has_log, leads) {
            // Nobody can say how to make the log: the state change is skipped.
            (false, _) => {
                self.skip(replicas, place);
                Ok(())
            }
            (true, true) => self.make_leader(env, replicas, place),
            (true, false) => {
                self.make_follower(env, replicas, place);
                Ok(())
            }
        });
        if let Err(error) = done {
            self.errors[place].1 = error;
        }
        true
    }

    /// Leaves the partition as it was.
    fn skip(&self, replicas: &mut ReplicaManager, place: usize) {
        let state = &self.request.partition_states[place];
        let partition = replicas.get_or_create(&state.partition);
        if partition.rules().transition_atomic == TransitionAtomic::Off {
            partition.note_epoch(state.leader_epoch);
        }
    }

    /// What it came to, for those who host something on a partition.
    pub(super) fn changes(&self) -> LeadershipChanges {
        let of = |place: &usize| {
            let state = &self.request.partition_states[*place];
            (state.partition.clone(), state.leader_epoch)
        };
        let lost = self.following.iter().map(of);
        LeadershipChanges {
            gained: self.leading.iter().map(of).collect(),
            lost: lost.map(|(name, epoch)| (name, Some(epoch))).collect(),
        }
    }

    fn make_leader(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        place: usize,
    ) -> Result<(), ErrorCode> {
        let state = &self.request.partition_states[place];
        let partition = replicas.get_or_create(&state.partition);
        let led_before = partition.is_leader();
        let moved = partition.make_leader(env, state)?;
        if !led_before && partition.is_leader() {
            self.leading.push(place);
        }
        if moved {
            replicas.complete(env, &state.partition, true, true);
        }
        Ok(())
    }

    /// CT28: without its leader in the metadata cache a partition only gets its log.
    fn make_follower(&mut self, env: &mut Env<'_>, replicas: &mut ReplicaManager, place: usize) {
        let state = &self.request.partition_states[place];
        let alive = state.leader != NO_LEADER && env.cache.is_alive(state.leader);
        if alive
            && replicas
                .get_or_create(&state.partition)
                .make_follower(env, state)
        {
            self.following.push(place);
        }
    }

    /// The partition's log: there, loaded at the start, or made now with the topic's configuration.
    /// `None` while the node is asked, `Some(Ok(false))` if nobody can say.
    fn ensure_log(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        configurations: &ConfigCalls,
        place: usize,
    ) -> Option<Result<bool, ErrorCode>> {
        let name = &self.request.partition_states[place].partition.clone();
        let topic_id = topic_id_of(&self.request, name);
        if replicas.get_or_create(name).log().is_some() {
            let assigned = replicas.get_or_create(name).assign_topic_id(env, topic_id);
            return Some(assigned.map(|()| true));
        }
        let hosted = match replicas.logs.take(name) {
            Some(hosted) => hosted,
            None => match self.read_config(configurations, place)? {
                None => return Some(Ok(false)),
                Some(overrides) => {
                    let (disk, now_ms) = (&mut *env.disk, env.now_ms);
                    match replicas.logs.create(disk, now_ms, name, &overrides) {
                        Ok(hosted) => hosted,
                        Err(error) => return Some(Err(env.out.log_error(&error))),
                    }
                }
            },
        };
        Some(self.take_log(env, replicas, place, hosted).map(|()| true))
    }

    /// The topic's overrides; `Some(None)` if nobody can tell.
    fn read_config(
        &mut self,
        configurations: &ConfigCalls,
        place: usize,
    ) -> Option<Option<Properties>> {
        let topic = &self.request.partition_states[place].partition.topic;
        let read = self
            .reading
            .get_or_insert_with(|| Asked::overrides(configurations, Rc::clone(topic)));
        let answer = read.poll_overrides()?;
        self.reading = None;
        Some(answer.ok())
    }

    fn take_log(
        &mut self,
        env: &mut Env<'_>,
        replicas: &mut ReplicaManager,
        place: usize,
        hosted: HostedLog,
    ) -> Result<(), ErrorCode> {
        let name = &self.request.partition_states[place].partition;
        let checkpointed = match &mut self.high_watermarks {
            Some(offsets) => offsets,
            none => none.insert(
                LogManager::checkpointed_high_watermarks(env.disk)
                    .map_err(|error| env.out.log_error(&error))?,
            ),
        };
        let key = (name.topic.to_string(), name.partition);
        let high_watermark = checkpointed.get(&key).copied().unwrap_or(0);
        let partition = replicas.get_or_create(name);
        partition.set_log(hosted.log, high_watermark);
        partition.set_min_insync_replicas(hosted.min_insync_replicas);
        partition.assign_topic_id(env, topic_id_of(&self.request, name))
    }
}

pub(super) fn topic_id_of(request: &LeaderAndIsrRequest, partition: &TopicPartition) -> TopicId {
    request
        .topic_ids
        .iter()
        .find(|(topic, _)| *topic == partition.topic)
        .map_or(TopicId::ZERO, |(_, id)| *id)
}
