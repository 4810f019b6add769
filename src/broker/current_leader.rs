//! Errors that name the new leader (KIP-951; `KafkaApis.getCurrentLeader`): a client that asked the
//! wrong broker need not ask for metadata before it tries again.
//!
//! May not know more of the new leader than the metadata cache, which may be old.

use super::replica_manager::ReplicaManager;
use crate::metadata::MetadataCache;
use crate::protocol::{
    BrokerEndpoint, ErrorCode, LeaderIdAndEpoch, ListenerName, NO_LEADER, Response, TopicPartition,
};

/// Fills in the leaders that this broker knows, where the errors of a Produce or Fetch response ask
/// for it: from the partition if it is hosted here, else from the metadata cache.
pub(super) fn name_current_leaders(
    replicas: &ReplicaManager,
    cache: &MetadataCache,
    listener: &ListenerName,
    response: &mut Response,
) {
    let mut endpoints: Vec<BrokerEndpoint> = Vec::new();
    let mut current_leader = |name: &TopicPartition| {
        let leader = leader_of(replicas, cache, name);
        let broker = cache.broker(leader.leader);
        if let Some(endpoint) = broker.and_then(|broker| broker.node(listener))
            && !endpoints.contains(&endpoint)
        {
            endpoints.push(endpoint);
        }
        Some(leader)
    };
    match response {
        Response::Produce(response) => {
            for answer in &mut response.responses {
                if answer.error == ErrorCode::NotLeaderOrFollower {
                    answer.current_leader = current_leader(&answer.partition);
                }
            }
            response.node_endpoints = endpoints;
        }
        Response::Fetch(response) => {
            for answer in &mut response.responses {
                if matches!(
                    answer.error,
                    ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
                ) {
                    answer.current_leader = current_leader(&answer.partition);
                }
            }
            response.node_endpoints = endpoints;
        }
        _ => {}
    }
}

fn leader_of(
    replicas: &ReplicaManager,
    cache: &MetadataCache,
    name: &TopicPartition,
) -> LeaderIdAndEpoch {
    match (replicas.partition(name), cache.partition(name)) {
        (Some(hosted), _) => LeaderIdAndEpoch {
            leader: hosted.leader().unwrap_or(NO_LEADER),
            leader_epoch: hosted.leader_epoch(),
        },
        (None, Some(cached)) => LeaderIdAndEpoch {
            leader: cached.leader,
            leader_epoch: cached.leader_epoch,
        },
        (None, None) => LeaderIdAndEpoch {
            leader: NO_LEADER,
            leader_epoch: -1,
        },
    }
}
