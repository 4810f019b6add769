//! Leaders that return to the preferred replica by timer (`auto.leader.rebalance.enable`,
//! `processAutoPreferredReplicaLeaderElection`).
//!
//! A leader that fails over stays where it went until somebody gives leadership back. Kafka does so by
//! itself: an active controller looks 5 s after its election and then every
//! `leader.imbalance.check.interval.seconds`, broker by broker.

use super::context::ControllerContext;
use super::election::{self, ElectionStrategy};
use super::event_manager::ControllerOutput;
use super::kafka_controller::KafkaController;
use crate::protocol::{BrokerId, ControllerTimer, Fact, TopicPartition};
use crate::zookeeper_mode::Abandoned;
use std::collections::BTreeMap;

/// From the election of a controller to its first look.
const FIRST_CHECK_MS: u64 = 5_000;

impl KafkaController {
    pub(super) fn start_auto_leader_rebalance(&self) {
        if self.config.auto_leader_rebalance_enable {
            self.schedule_auto_leader_rebalance(FIRST_CHECK_MS);
        }
    }

    /// The next look is an interval after the end of this one, whatever came of it.
    pub(super) async fn auto_preferred_replica_leader_election(&mut self) -> Result<(), Abandoned> {
        let outcome = self.check_and_trigger_auto_leader_rebalance().await;
        let seconds = self.config.leader_imbalance_check_interval_seconds;
        self.schedule_auto_leader_rebalance(seconds.saturating_mul(1_000));
        outcome
    }

    async fn check_and_trigger_auto_leader_rebalance(&mut self) -> Result<(), Abandoned> {
        let allowed_percentage = self.config.leader_imbalance_per_broker_percentage;
        for (broker, preferred) in preferred_by_broker(&self.context) {
            let elsewhere: Vec<TopicPartition> = preferred
                .iter()
                .filter(|partition| {
                    self.context.leadership(partition).is_some()
                        && self.context.leader(partition) != broker
                })
                .cloned()
                .collect();
            if !is_imbalanced(elsewhere.len(), preferred.len(), allowed_percentage) {
                continue;
            }
            let candidates: Vec<TopicPartition> = elsewhere
                .iter()
                .filter(|partition| can_preferred_replica_be_leader(&self.context, partition))
                .cloned()
                .collect();
            if candidates.is_empty() {
                continue;
            }
            self.fact(Fact::LeadersImbalanced {
                broker,
                led_by_others: elsewhere.len() as u32,
                preferred: preferred.len() as u32,
                allowed_percentage,
            });
            self.partitions_to_online(&candidates, ElectionStrategy::Preferred)
                .await?;
        }
        Ok(())
    }

    fn schedule_auto_leader_rebalance(&self, after_ms: u64) {
        // A term that has ended meanwhile has no scheduler any more.
        if self.is_active() {
            self.output(ControllerOutput::SetTimer {
                after_ms,
                timer: ControllerTimer::AutoLeaderRebalance {
                    controller_epoch: self.context.epoch,
                },
            });
        }
    }
}

/// All partitions by the first replica of their assignment.
fn preferred_by_broker(context: &ControllerContext) -> BTreeMap<BrokerId, Vec<TopicPartition>> {
    let mut preferred: BTreeMap<BrokerId, Vec<TopicPartition>> = BTreeMap::new();
    for partition in context.all_partitions() {
        if let Some(broker) = context.replicas(partition).first() {
            preferred
                .entry(*broker)
                .or_default()
                .push(partition.clone());
        }
    }
    preferred
}

/// More than so many in a hundred.
fn is_imbalanced(elsewhere: usize, preferred: usize, allowed_percentage: i32) -> bool {
    elsewhere as i64 * 100 > i64::from(allowed_percentage) * preferred as i64
}

fn can_preferred_replica_be_leader(
    context: &ControllerContext,
    partition: &TopicPartition,
) -> bool {
    context.leadership(partition).is_some_and(|state| {
        election::leader_for_preferred_replica(context, partition, &state.leader_and_isr)
            .leader_and_isr
            .is_some()
    })
}
