//! Who becomes leader (`Election`, `PartitionLeaderElectionAlgorithms`). Log end
//! offsets play no part: the order of the assignment does.
//!
//! May not know what a replica's log holds, as Kafka's controller does not.

use super::context::ControllerContext;
use crate::metadata::LeaderAndIsr;
use crate::protocol::{BrokerId, StateWriteReason, TopicPartition};

/// Why a leader is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ElectionStrategy {
    /// The leader is gone, or there was none. An administrator's unclean election allows a leader
    /// from outside the ISR whatever the topic's configuration says (CT16).
    Offline {
        allow_unclean: bool,
    },
    Preferred,
    ControlledShutdown,
}

/// The outcome for one partition.
#[derive(Debug)]
pub(super) struct ElectionResult {
    /// `None`: nobody can lead.
    pub leader_and_isr: Option<LeaderAndIsr>,
    /// Who is told by a LeaderAndIsr (CT9).
    pub recipients: Vec<BrokerId>,
    pub reason: StateWriteReason,
}

/// `unclean`: a leader from outside the ISR is allowed.
pub(super) fn leader_for_offline(
    context: &ControllerContext,
    partition: &TopicPartition,
    current: &LeaderAndIsr,
    unclean: bool,
) -> ElectionResult {
    let assignment = context.replicas(partition);
    let online = |id: &BrokerId| context.is_replica_online(*id, partition);
    let live: Vec<BrokerId> = assignment.iter().copied().filter(online).collect();
    let clean = live.iter().find(|id| current.isr.contains(id));
    let (leader_and_isr, reason) = match clean {
        Some(leader) => {
            let isr = current.isr.iter().copied().filter(online).collect();
            (
                Some(current.new_leader_and_isr(*leader, isr)),
                StateWriteReason::OfflineElection,
            )
        }
        None if unclean => (
            live.first()
                .map(|leader| current.new_recovering_leader_and_isr(*leader, vec![*leader])),
            StateWriteReason::UncleanElection,
        ),
        None => (None, StateWriteReason::OfflineElection),
    };
    ElectionResult {
        leader_and_isr,
        recipients: live,
        reason,
    }
}

pub(super) fn leader_for_preferred_replica(
    context: &ControllerContext,
    partition: &TopicPartition,
    current: &LeaderAndIsr,
) -> ElectionResult {
    let assignment = context.replicas(partition);
    let leader = assignment
        .first()
        .filter(|id| context.is_replica_online(**id, partition) && current.isr.contains(id));
    ElectionResult {
        leader_and_isr: leader.map(|leader| current.new_leader(*leader)),
        recipients: assignment.to_vec(),
        reason: StateWriteReason::PreferredElection,
    }
}

pub(super) fn leader_for_controlled_shutdown(
    context: &ControllerContext,
    partition: &TopicPartition,
    current: &LeaderAndIsr,
) -> ElectionResult {
    let stops = |id: &BrokerId| context.shutting_down_brokers.contains(id);
    let live_or_shutting_down: Vec<BrokerId> = context
        .replicas(partition)
        .iter()
        .copied()
        .filter(|id| context.is_replica_online_or_shutting_down(*id, partition))
        .collect();
    let leader = live_or_shutting_down
        .iter()
        .find(|id| current.isr.contains(id) && !stops(id));
    let isr = current
        .isr
        .iter()
        .copied()
        .filter(|id| !stops(id))
        .collect();
    ElectionResult {
        leader_and_isr: leader.map(|leader| current.new_leader_and_isr(*leader, isr)),
        recipients: live_or_shutting_down,
        reason: StateWriteReason::ControlledShutdown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::ReplicaAssignment;
    use crate::metadata::znode::TopicZNode;
    use crate::protocol::{BrokerEndpoint, LeaderRecoveryState, RegisteredBroker};

    fn context(live: &[BrokerId], stopping: &[BrokerId]) -> (ControllerContext, TopicPartition) {
        let mut context = ControllerContext::default();
        for id in live {
            let endpoint: RegisteredBroker = BrokerEndpoint {
                id: *id,
                host: "h".into(),
                port: 1,
                rack: None,
            }
            .into();
            context.add_live_broker(endpoint, 1);
        }
        context.shutting_down_brokers.extend(stopping);
        let node = TopicZNode {
            topic_id: None,
            assignment: [(0, ReplicaAssignment::of(vec![1, 2, 3]))].into(),
        };
        context.add_topic(&"t".into(), node);
        (context, TopicPartition::new("t", 0))
    }

    fn state(leader: BrokerId, isr: &[BrokerId]) -> LeaderAndIsr {
        LeaderAndIsr {
            leader_epoch: 5,
            ..LeaderAndIsr::initial(leader, isr.to_vec())
        }
    }

    fn elected(result: &ElectionResult) -> Option<(BrokerId, Vec<BrokerId>)> {
        let state = result.leader_and_isr.as_ref()?;
        assert_eq!(state.leader_epoch, 6);
        Some((state.leader, state.isr.clone()))
    }

    #[test]
    fn z6_offline_takes_the_first_live_isr_member_of_the_assignment() {
        let (context, t) = context(&[2, 3], &[]);
        let result = leader_for_offline(&context, &t, &state(1, &[3, 2, 1]), false);
        assert_eq!(
            elected(&result),
            Some((2, vec![3, 2])),
            "the ISR keeps its order"
        );
        assert_eq!(result.recipients, [2, 3]);
    }

    #[test]
    fn n1_offline_without_a_live_isr_member_elects_nobody() {
        let (context, t) = context(&[2, 3], &[]);
        let result = leader_for_offline(&context, &t, &state(1, &[1]), false);
        assert_eq!(elected(&result), None);
    }

    #[test]
    fn rk14_unclean_takes_the_first_live_replica_alone_and_recovering() {
        let (context, t) = context(&[3], &[]);
        let result = leader_for_offline(&context, &t, &state(-1, &[1]), true);
        assert_eq!(elected(&result), Some((3, vec![3])));
        assert_eq!(result.reason, StateWriteReason::UncleanElection);
        let written = result.leader_and_isr.unwrap();
        assert_eq!(
            written.leader_recovery_state,
            LeaderRecoveryState::Recovering
        );
        // A clean election that follows keeps it recovering.
        let again = leader_for_offline(
            &context,
            &t,
            &LeaderAndIsr {
                leader_epoch: 5,
                ..written
            },
            true,
        );
        assert_eq!(again.reason, StateWriteReason::OfflineElection);
        assert_eq!(
            again.leader_and_isr.unwrap().leader_recovery_state,
            LeaderRecoveryState::Recovering
        );
    }

    #[test]
    fn rk18_preferred_is_the_first_replica_or_nobody() {
        let (context, t) = context(&[1, 2, 3], &[]);
        let result = leader_for_preferred_replica(&context, &t, &state(2, &[2, 3, 1]));
        assert_eq!(elected(&result), Some((1, vec![2, 3, 1])));
        assert_eq!(result.recipients, [1, 2, 3]);
        let result = leader_for_preferred_replica(&context, &t, &state(2, &[2, 3]));
        assert_eq!(elected(&result), None);
    }

    #[test]
    fn z7_controlled_shutdown_leaves_the_stopping_broker_out() {
        let (context, t) = context(&[1, 2, 3], &[1]);
        let result = leader_for_controlled_shutdown(&context, &t, &state(1, &[1, 2, 3]));
        assert_eq!(elected(&result), Some((2, vec![2, 3])));
        assert_eq!(result.recipients, [1, 2, 3], "the one that stops is told");
        let result = leader_for_controlled_shutdown(&context, &t, &state(1, &[1]));
        assert_eq!(elected(&result), None);
    }
}
