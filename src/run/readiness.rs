//! Whether servers are up, as a person sees who has started them: what the run's start waits for.
//!
//! May not change anything.

use super::operator::World;
use crate::kernel::{NodeId, NodeStatus};
use crate::node::view::ClusterView;
use crate::node::{KafkaServer, Observed};
use crate::protocol::{BrokerId, Lack};

pub(super) fn zookeeper_serves(world: &World<'_>) -> bool {
    observed(world).coordination_is_up()
}

/// Every broker that was started serves and knows the others, and one of them is the controller.
pub(super) fn everybody_is_up(world: &World<'_>) -> bool {
    let observed = observed(world);
    let started = started(world);
    let knows_all = |id: &BrokerId| {
        observed.broker(*id).is_some_and(|server| {
            let known = server.broker().metadata_cache();
            known.controller_id().is_some() && started.iter().all(|other| known.is_alive(*other))
        })
    };
    // ZooKeeper's tree last: reading a znode is the dearest look.
    started.iter().all(knows_all) && observed.controller().is_some()
}

/// What is missing until then.
pub(super) fn lacks(world: &World<'_>) -> Vec<Lack> {
    let observed = observed(world);
    let started = started(world);
    let controller = observed.controller().is_none();
    let of_brokers = started
        .iter()
        .filter_map(|id| lack_of(&observed, *id, &started));
    let controller = controller.then_some(Lack::Controller);
    controller.into_iter().chain(of_brokers).collect()
}

fn lack_of(observed: &Observed<'_>, id: BrokerId, started: &[BrokerId]) -> Option<Lack> {
    if !is_up(observed, id) {
        return Some(Lack::Broker { broker: id });
    }
    let known = observed.broker(id)?.broker().metadata_cache();
    let controller = known.controller_id();
    // That it does not know who is not there is no lack of its own.
    let is_missed = |other: &&BrokerId| !known.is_alive(**other) && is_up(observed, **other);
    let unknown: Vec<BrokerId> = started.iter().filter(is_missed).copied().collect();
    (controller.is_none() || !unknown.is_empty()).then_some(Lack::Knowledge {
        broker: id,
        controller,
        unknown,
    })
}

fn is_up(observed: &Observed<'_>, id: BrokerId) -> bool {
    let runs = |node: &NodeId| observed.kernel.status(*node) != NodeStatus::Down;
    let serves = |server: &KafkaServer| server.broker().is_serving();
    observed.layout.brokers.get(&id).is_some_and(runs) && observed.broker(id).is_some_and(serves)
}

fn started(world: &World<'_>) -> Vec<BrokerId> {
    let brokers = world.plan.cluster.brokers.iter();
    brokers
        .filter(|broker| !broker.machine.down_at_start)
        .map(|broker| broker.id)
        .collect()
}

fn observed<'a>(world: &'a World<'_>) -> Observed<'a> {
    Observed {
        kernel: &*world.kernel,
        layout: world.layout,
    }
}
