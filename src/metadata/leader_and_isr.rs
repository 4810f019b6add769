//! Who leads a partition, who is in sync with it, and who hosts it (`LeaderAndIsr`,
//! `ReplicaAssignment`).

use crate::protocol::{BrokerId, LeaderRecoveryState};

/// The state of a partition as its state znode holds it; `partition_epoch` is that node's version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaderAndIsr {
    /// `NO_LEADER` (-1) for none.
    pub leader: BrokerId,
    pub leader_epoch: i32,
    /// In order: elections and shrinks keep it, expansion appends (RK14).
    pub isr: Vec<BrokerId>,
    pub leader_recovery_state: LeaderRecoveryState,
    pub partition_epoch: i32,
}

impl LeaderAndIsr {
    /// A new partition's first state: leader epoch 0.
    pub fn initial(leader: BrokerId, isr: Vec<BrokerId>) -> Self {
        LeaderAndIsr {
            leader,
            leader_epoch: 0,
            isr,
            leader_recovery_state: LeaderRecoveryState::Recovered,
            partition_epoch: 0,
        }
    }

    /// The next leadership: any change that the controller makes raises the leader epoch (I9).
    pub fn new_leader_and_isr(&self, leader: BrokerId, isr: Vec<BrokerId>) -> Self {
        LeaderAndIsr {
            leader,
            leader_epoch: self.leader_epoch + 1,
            isr,
            ..self.clone()
        }
    }

    /// Another leader, same ISR.
    pub fn new_leader(&self, leader: BrokerId) -> Self {
        self.new_leader_and_isr(leader, self.isr.clone())
    }

    /// A leader from outside the ISR (RK14): it alone is in sync, and it is recovering.
    pub fn new_recovering_leader_and_isr(&self, leader: BrokerId, isr: Vec<BrokerId>) -> Self {
        LeaderAndIsr {
            leader_recovery_state: LeaderRecoveryState::Recovering,
            ..self.new_leader_and_isr(leader, isr)
        }
    }

    pub fn with_partition_epoch(self, partition_epoch: i32) -> Self {
        LeaderAndIsr {
            partition_epoch,
            ..self
        }
    }

    /// True if this, asked for at an older or the same partition epoch, is what stands already.
    pub fn equals_allow_stale_partition_epoch(&self, current: &LeaderAndIsr) -> bool {
        self.leader == current.leader
            && self.leader_epoch == current.leader_epoch
            && self.isr == current.isr
            && self.leader_recovery_state == current.leader_recovery_state
            && self.partition_epoch <= current.partition_epoch
    }
}

/// A partition's state with the epoch of the controller that wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaderIsrAndControllerEpoch {
    pub leader_and_isr: LeaderAndIsr,
    pub controller_epoch: i32,
}

/// Where a partition's replicas are; `adding` and `removing` are not empty while it is reassigned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReplicaAssignment {
    pub replicas: Vec<BrokerId>,
    pub adding_replicas: Vec<BrokerId>,
    pub removing_replicas: Vec<BrokerId>,
}

impl ReplicaAssignment {
    pub fn of(replicas: Vec<BrokerId>) -> Self {
        ReplicaAssignment {
            replicas,
            ..ReplicaAssignment::default()
        }
    }
}
