//! Where the replicas of a new topic go (CT21; `AdminUtils.assignReplicasToBrokers`).

use crate::protocol::BrokerId;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Why no placement could be made; the texts are Kafka's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PlacementError {
    InvalidPartitions(&'static str),
    InvalidReplicationFactor(String),
    /// Some brokers say their rack and some do not.
    RacksIncomplete,
}

/// A broker that may get replicas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerMetadata {
    pub id: BrokerId,
    pub rack: Option<Rc<str>>,
}

/// Replicas of partitions `first_partition..first_partition + partitions`, in that order, the
/// preferred leader first. `start` and `shift` are random for a new topic, each in `0..brokers`;
/// growing a topic passes the same fixed number for both.
pub fn assign_replicas_to_brokers(
    brokers: &[BrokerMetadata],
    partitions: i32,
    replication_factor: i32,
    first_partition: u32,
    start: u32,
    shift: u32,
) -> Result<Vec<Vec<BrokerId>>, PlacementError> {
    if partitions <= 0 {
        return Err(PlacementError::InvalidPartitions(
            "Number of partitions must be larger than 0.",
        ));
    }
    if replication_factor <= 0 {
        return Err(PlacementError::InvalidReplicationFactor(
            "Replication factor must be larger than 0.".to_owned(),
        ));
    }
    if i64::from(replication_factor) > brokers.len() as i64 {
        return Err(PlacementError::InvalidReplicationFactor(format!(
            "Replication factor: {replication_factor} larger than available brokers: {}.",
            brokers.len()
        )));
    }
    let walk = if brokers.iter().all(|broker| broker.rack.is_none()) {
        let mut ids: Vec<BrokerId> = brokers.iter().map(|broker| broker.id).collect();
        ids.sort_unstable();
        Walk::without_racks(ids)
    } else {
        Walk::alternating_racks(brokers)?
    };
    let n = walk.brokers.len() as u64;
    let mut shift = u64::from(shift);
    let mut assignment = Vec::new();
    for i in 0..partitions as u64 {
        let partition = u64::from(first_partition) + i;
        if partition > 0 && partition % n == 0 {
            shift += 1;
        }
        let first = (partition + u64::from(start)) % n;
        assignment.push(walk.replicas(first, shift, replication_factor as u64));
    }
    Ok(assignment)
}

/// The ring of brokers that placements walk along.
struct Walk {
    brokers: Vec<BrokerId>,
    /// Rack by broker; empty where racks play no part.
    racks: BTreeMap<BrokerId, Rc<str>>,
    rack_count: u64,
}

impl Walk {
    fn without_racks(brokers: Vec<BrokerId>) -> Walk {
        Walk {
            brokers,
            racks: BTreeMap::new(),
            rack_count: 1,
        }
    }

    /// The first broker of each rack in the order of rack names, then the second of each, and so on.
    fn alternating_racks(brokers: &[BrokerMetadata]) -> Result<Walk, PlacementError> {
        let mut racks = BTreeMap::new();
        let mut by_rack: BTreeMap<Rc<str>, BTreeSet<BrokerId>> = BTreeMap::new();
        for broker in brokers {
            let rack = broker.rack.clone().ok_or(PlacementError::RacksIncomplete)?;
            by_rack.entry(rack.clone()).or_default().insert(broker.id);
            racks.insert(broker.id, rack);
        }
        let rack_count = by_rack.len() as u64;
        let mut ring = Vec::new();
        while ring.len() < racks.len() {
            ring.extend(by_rack.values_mut().filter_map(BTreeSet::pop_first));
        }
        Ok(Walk {
            brokers: ring,
            racks,
            rack_count,
        })
    }

    fn replicas(&self, first: u64, shift: u64, replication_factor: u64) -> Vec<BrokerId> {
        let leader = self.brokers[first as usize];
        let mut replicas = vec![leader];
        let mut used_racks: BTreeSet<&str> = self.rack(leader).into_iter().collect();
        let mut step = 0;
        while (replicas.len() as u64) < replication_factor {
            let broker = self.further(first, shift * self.rack_count, step);
            step += 1;
            if !self.racks.is_empty() {
                let rack = self.rack(broker);
                let rack_is_used = rack.is_some_and(|rack| used_racks.contains(rack));
                let unused_rack_remains = (used_racks.len() as u64) < self.rack_count;
                if (rack_is_used && unused_rack_remains) || replicas.contains(&broker) {
                    continue;
                }
                used_racks.extend(rack);
            }
            replicas.push(broker);
        }
        replicas
    }

    fn rack(&self, broker: BrokerId) -> Option<&str> {
        self.racks.get(&broker).map(|rack| &**rack)
    }

    /// `AdminUtils.replicaIndex`: never the first broker itself.
    fn further(&self, first: u64, shift: u64, step: u64) -> BrokerId {
        let n = self.brokers.len() as u64;
        let distance = 1 + (shift + step) % (n - 1);
        self.brokers[((first + distance) % n) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brokers(racks: &[(BrokerId, Option<&str>)]) -> Vec<BrokerMetadata> {
        racks
            .iter()
            .map(|(id, rack)| BrokerMetadata {
                id: *id,
                rack: rack.map(Rc::from),
            })
            .collect()
    }

    #[test]
    fn ct21_replicas_without_racks_go_round_with_a_growing_shift() {
        // The table in the comment of Kafka's AdminUtils: 5 brokers, 10 partitions, 3 replicas.
        let five = brokers(&[(0, None), (1, None), (2, None), (3, None), (4, None)]);
        let placed = assign_replicas_to_brokers(&five, 10, 3, 0, 0, 0).unwrap();
        assert_eq!(placed[0], [0, 1, 2]);
        assert_eq!(placed[4], [4, 0, 1]);
        assert_eq!(placed[5], [0, 2, 3]);
        assert_eq!(placed[9], [4, 1, 2]);
    }

    #[test]
    fn ct21_replicas_with_racks_use_each_rack_before_one_twice() {
        let six = brokers(&[
            (0, Some("r1")),
            (1, Some("r1")),
            (2, Some("r1")),
            (3, Some("r2")),
            (4, Some("r2")),
            (5, Some("r3")),
        ]);
        let placed = assign_replicas_to_brokers(&six, 12, 3, 0, 2, 1).unwrap();
        let rack = |id: &BrokerId| match id {
            0..=2 => 1,
            3 | 4 => 2,
            _ => 3,
        };
        for replicas in &placed {
            let racks: BTreeSet<i32> = replicas.iter().map(rack).collect();
            assert_eq!(racks.len(), 3, "{replicas:?}");
        }
        // The ring is 0, 3, 5, 1, 4, 2.
        assert_eq!(placed[0][0], 5);
        assert_eq!(placed[1][0], 1);
    }

    #[test]
    fn ct21_what_cannot_be_placed_is_refused_with_kafkas_words() {
        let three = brokers(&[(1, None), (2, None), (3, None)]);
        assert_eq!(
            assign_replicas_to_brokers(&three, 1, 4, 0, 0, 0),
            Err(PlacementError::InvalidReplicationFactor(
                "Replication factor: 4 larger than available brokers: 3.".to_owned()
            ))
        );
        assert!(assign_replicas_to_brokers(&three, 0, 1, 0, 0, 0).is_err());
        assert!(assign_replicas_to_brokers(&three, 1, 0, 0, 0, 0).is_err());
        let mixed = brokers(&[(1, Some("a")), (2, None)]);
        assert_eq!(
            assign_replicas_to_brokers(&mixed, 1, 1, 0, 0, 0),
            Err(PlacementError::RacksIncomplete)
        );
    }
}
