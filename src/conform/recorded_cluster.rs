//! The cluster of a recorded failover as a plan. It knows the recorder's fixed settings, and nothing of the
//! steps.

use super::lab::plan_named;
use super::recording::{Recording, is_of_other_mode};
use crate::kernel::Duration;
use crate::plan::Plan;

/// The recorded cluster: one ZooKeeper server with the recorder's settings, brokers that are started
/// by the recording's first step.
pub(super) fn plan_of(recording: &Recording) -> Plan {
    let mut plan = plan_named(&recording.name)
        .about(recording.about.clone())
        .brokers(recording.brokers);
    // The steps say when it ends.
    plan.duration = Duration::MAX;
    plan.cluster.zookeeper.tick_time_ms = 1000;
    plan.cluster.zookeeper.min_session_timeout_ms = Some(2000);
    plan.cluster.zookeeper.max_session_timeout_ms = Some(60_000);
    plan.cluster.zookeeper.machine.down_at_start = true;
    for broker in &mut plan.cluster.brokers {
        broker.machine.down_at_start = true;
    }
    for (key, value) in &recording.config {
        if !is_of_other_mode(key) {
            plan.cluster.config.insert(key.clone(), value.clone());
        }
    }
    plan
}
