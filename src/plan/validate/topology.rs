//! Checks the servers: ZooKeeper, brokers and their machines, network and disks.

use super::{Check, Checked};
use crate::kernel::Duration;
use crate::plan::{ClusterPlan, Latency, Machine, Problem, write_duration};
use crate::protocol::config::{KafkaVersion, Scope};

/// Clients wait for all servers that are to be started.
const LONGEST_START: Duration = Duration::from_secs(20);
/// As many as make sense: each write waits for a majority.
const MOST_ZOOKEEPERS: u32 = 7;
/// More would be a slip of the pen, not a plan.
pub const MOST_BROKERS: usize = 1_000;

/// `broker.id` above `reserved.broker.max.id` is refused by a broker that starts.
const LARGEST_BROKER_ID: i32 = 1_000;

const MORE_THAN_NOTHING: &str = "more than 0B, such as 2GiB";
pub(super) const PLAIN_PATH: &str =
    "a relative path without . and .., such as data/meta.properties";

/// A path on a machine's disk; a directory's may end in `/`.
pub(super) fn is_plain_path(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let of_every_file_system = |c: char| !c.is_control() && !r#"\:*?"<>|"#.contains(c);
    path.split('/').all(|part| {
        !part.is_empty() && part != "." && part != ".." && part.chars().all(of_every_file_system)
    })
}

impl Check<'_> {
    pub(super) fn cluster(&mut self, cluster: &ClusterPlan) -> Checked {
        let version = cluster.kafka_version;
        if version < KafkaVersion::new(2, 7) || version > KafkaVersion::V3_9 {
            let why = if version > KafkaVersion::V3_9 {
                "has no ZooKeeper, or is not known here"
            } else {
                "changes in-sync replicas through ZooKeeper, which is not modelled"
            };
            return Err(Problem::new(
                ["cluster", "kafka_version"],
                format!("Kafka {version} {why}"),
            )
            .expected("a release from 2.7 to 3.9"));
        }
        if version != KafkaVersion::V3_9 {
            self.warnings.push(Problem::new(
                ["cluster", "kafka_version"],
                format!("defaults are those of Kafka {version}; the protocol is that of 3.9"),
            ));
        }
        let zookeeper = &cluster.zookeeper;
        if !(1..=MOST_ZOOKEEPERS).contains(&zookeeper.servers) || zookeeper.servers == 2 {
            return Err(Problem::new(
                ["cluster", "zookeeper", "servers"],
                format!("{} ZooKeeper servers", zookeeper.servers),
            )
            .expected("1, or an ensemble of 3 to 7"));
        }
        if zookeeper.tick_time_ms == 0 {
            return Err(
                Problem::new(["cluster", "zookeeper", "tickTime"], "a tick of no length")
                    .expected("milliseconds above 0, such as 2000"),
            );
        }
        let least = zookeeper
            .min_session_timeout_ms
            .unwrap_or(zookeeper.tick_time_ms.saturating_mul(2));
        let most = zookeeper
            .max_session_timeout_ms
            .unwrap_or(zookeeper.tick_time_ms.saturating_mul(20));
        if least > most {
            return Err(Problem::new(
                ["cluster", "zookeeper", "maxSessionTimeout"],
                format!("{most} ms is below minSessionTimeout, {least} ms"),
            )
            .expected("a maxSessionTimeout that is not below minSessionTimeout"));
        }
        self.machine(&zookeeper.machine, &["cluster", "zookeeper", "machine"])?;
        if cluster.brokers.is_empty() {
            return Err(
                Problem::new(["cluster", "brokers"], "no brokers").expected("at least 1 broker")
            );
        }
        if cluster.brokers.len() > MOST_BROKERS {
            return Err(Problem::new(
                ["cluster", "brokers"],
                format!("{} brokers", cluster.brokers.len()),
            )
            .expected(format!("at most {MOST_BROKERS}")));
        }
        let config_at = |key: &str| ["cluster", "config", key].map(str::to_string).to_vec();
        self.properties(Scope::Broker, &cluster.config, config_at)?;
        self.broker_config(&cluster.config, config_at)?;
        for (i, broker) in cluster.brokers.iter().enumerate() {
            let place = i.to_string();
            let path = |key: &str| {
                ["cluster", "brokers", &place, key]
                    .map(str::to_string)
                    .to_vec()
            };
            if !(1..=LARGEST_BROKER_ID).contains(&broker.id) {
                return Err(Problem::new(path("id"), format!("broker id {}", broker.id))
                    .expected(format!("an id from 1 to {LARGEST_BROKER_ID}")));
            }
            if cluster.brokers[..i]
                .iter()
                .any(|other| other.id == broker.id)
            {
                return Err(Problem::new(
                    path("id"),
                    format!("broker id {} for the second time", broker.id),
                )
                .expected("each id once"));
            }
            self.rack(broker.rack.as_deref(), path("rack"))?;
            let config_at = |key: &str| {
                ["cluster", "brokers", &place, "config", key]
                    .map(str::to_string)
                    .to_vec()
            };
            self.properties(Scope::Broker, &broker.config, config_at)?;
            let mut whole = cluster.config.clone();
            whole.extend(broker.config.clone());
            self.broker_config(&whole, config_at)?;
            self.machine(&broker.machine, &["cluster", "brokers", &place, "machine"])?;
        }
        self.listeners()
    }

    pub(super) fn machine(&self, machine: &Machine, path: &[&str]) -> Checked {
        let at = |key: &str| {
            path.iter()
                .copied()
                .chain([key])
                .map(str::to_string)
                .collect::<Vec<_>>()
        };
        if machine.slowness == 0 {
            return Err(Problem::new(at("slowness"), "slowness 0").expected("1 (normal) or more"));
        }
        if machine.supervisor == Some(Duration::ZERO) {
            return Err(
                Problem::new(at("supervisor"), "a supervisor that waits for nothing")
                    .expected("a delay above 0, such as 5s"),
            );
        }
        if machine.start_after > LONGEST_START {
            return Err(
                Problem::new(at("start_after"), write_duration(machine.start_after))
                    .expected(format!("at most {}", write_duration(LONGEST_START))),
            );
        }
        if machine.down_at_start && machine.start_after != Duration::ZERO {
            return Err(
                Problem::new(at("start_after"), "a start of what is down at the start")
                    .on_key()
                    .expected("start_after or down_at_start"),
            );
        }
        if machine.clock_drift_ppm.unsigned_abs() > 500_000 {
            return Err(Problem::new(
                at("clock_drift_ppm"),
                format!("{} parts per million", machine.clock_drift_ppm),
            )
            .expected("from -500000 to 500000"));
        }
        if machine.disk_capacity == Some(0) {
            return Err(Problem::new(at("disk_capacity"), "no space").expected(MORE_THAN_NOTHING));
        }
        for (file, _) in &machine.files {
            if !is_plain_path(file) {
                return Err(
                    Problem::new(at("files"), format!("the path \"{file}\"")).expected(PLAIN_PATH)
                );
            }
        }
        Ok(())
    }

    pub(super) fn latencies(&self) -> Checked {
        let plan = self.plan;
        for (latency, path) in [
            (&plan.network.latency, ["network", "latency"]),
            (&plan.network.other_rack, ["network", "other_rack"]),
            (&plan.disk.read, ["disk", "read"]),
            (&plan.disk.sync, ["disk", "sync"]),
        ] {
            let Some(latency) = latency else { continue };
            match latency {
                Latency::Uniform { low, high } if low > high => {
                    return Err(Problem::new(
                        path,
                        format!("from {} to {}", write_duration(*low), write_duration(*high)),
                    )
                    .expected("the smaller time first"));
                }
                Latency::LogNormal { sigma_percent, .. } if *sigma_percent > 200 => {
                    return Err(Problem::new(path, format!("sigma_percent {sigma_percent}"))
                        .expected("at most 200"));
                }
                _ => {}
            }
        }
        for (bandwidth, path) in [
            (plan.network.bandwidth, ["network", "bandwidth"]),
            (plan.disk.bandwidth, ["disk", "bandwidth"]),
        ] {
            if bandwidth == Some(0) {
                return Err(Problem::new(path, "no bandwidth").expected("more than 0B/s"));
            }
        }
        if plan.disk.capacity == Some(0) {
            return Err(Problem::new(["disk", "capacity"], "no space").expected(MORE_THAN_NOTHING));
        }
        Ok(())
    }
}
