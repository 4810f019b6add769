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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::config::BrokerConfig;
    use crate::protocol::{
        Listener, PartitionProduceResponse, ProduceResponse, RegisteredBroker,
        UpdateMetadataPartitionState, UpdateMetadataRequest,
    };
    use std::rc::Rc;

    /// Broker 2 leads t-0, and has a listener inside and one outside.
    fn cache() -> MetadataCache {
        let listener = |name: &str, host: &str| Listener {
            name: ListenerName(name.into()),
            host: host.into(),
            port: 9092,
        };
        let mut cache = MetadataCache::default();
        cache.update(&UpdateMetadataRequest {
            controller_id: 1,
            controller_epoch: 1,
            broker_epoch: -1,
            topic_ids: vec![],
            partition_states: vec![UpdateMetadataPartitionState {
                partition: TopicPartition::new("t", 0),
                controller_epoch: 1,
                leader: 2,
                leader_epoch: 5,
                isr: vec![2],
                zk_version: 0,
                replicas: vec![2],
                offline_replicas: vec![],
            }],
            live_brokers: vec![RegisteredBroker {
                id: 2,
                listeners: vec![
                    listener("INSIDE", "broker-2"),
                    listener("OUTSIDE", "kafka.example.org"),
                ],
                rack: None,
            }],
        });
        cache
    }

    #[test]
    fn ct34_an_error_names_the_new_leader_by_the_listener_on_which_it_was_asked() {
        let replicas = ReplicaManager::new(1, Rc::new(BrokerConfig::default()));
        let told = |listener: &str| {
            let refused = PartitionProduceResponse {
                partition: TopicPartition::new("t", 0),
                error: ErrorCode::NotLeaderOrFollower,
                current_leader: None,
                base_offset: -1,
                log_append_time_ms: -1,
                record_errors: Vec::new(),
                log_start_offset: -1,
            };
            let mut response = Response::from(ProduceResponse {
                responses: vec![refused],
                node_endpoints: vec![],
            });
            let listener = ListenerName(listener.into());
            name_current_leaders(&replicas, &cache(), &listener, &mut response);
            let Response::Produce(response) = response else {
                unreachable!("it was one");
            };
            let leader = response.responses[0].current_leader;
            assert_eq!(leader.map(|it| (it.leader, it.leader_epoch)), Some((2, 5)));
            let endpoints = response.node_endpoints.iter();
            endpoints.map(|it| it.host.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(told("INSIDE"), ["broker-2"]);
        assert_eq!(told("OUTSIDE"), ["kafka.example.org"]);
        // Who leads is said to who cannot be told where.
        assert_eq!(told("ELSEWHERE"), [""; 0]);
    }
}
