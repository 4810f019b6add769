//! A line of the timeline as YAML says it.

use crate::scenario::words::{OneOrMany, Ordered, Rate, SignedTime, Time};
use serde::{Deserialize, Serialize};

/// A line of the timeline: one of `at`, `every`, `when`; exactly one action; what the action needs.
#[derive(Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map such as {at: 30s, crash: broker-1}"
)]
pub(in crate::scenario) struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) every: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) when: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) after: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) from: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) until: Option<Time>,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) lasting: Option<Time>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) crash: Option<OneOrMany>,
    #[serde(rename = "power failure", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) power_failure: Option<OneOrMany>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) restart: Option<OneOrMany>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) upgrade: Option<OneOrMany>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) pause: Option<OneOrMany>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) resume: Option<OneOrMany>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) stop: Option<OneOrMany>,

    #[serde(rename = "cut link", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) cut_link: Option<OneOrMany>,
    #[serde(rename = "partition network", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) partition_network: Option<Vec<OneOrMany>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) isolate: Option<OneOrMany>,
    #[serde(rename = "slow link", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) slow_link: Option<OneOrMany>,
    #[serde(rename = "throttle link", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) throttle_link: Option<OneOrMany>,
    #[serde(rename = "stall link", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) stall_link: Option<OneOrMany>,
    #[serde(rename = "reset link", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) reset_link: Option<OneOrMany>,
    #[serde(rename = "lose message", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) lose_message: Option<OneOrMany>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) to: Option<OneOrMany>,
    #[serde(rename = "one way", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) one_way: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) rate: Option<Rate>,

    #[serde(rename = "slow disk", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) slow_disk: Option<OneOrMany>,
    #[serde(rename = "fill disk", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) fill_disk: Option<OneOrMany>,
    #[serde(rename = "fail reads", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) fail_reads: Option<OneOrMany>,
    #[serde(rename = "flip bit", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) flip_bit: Option<OneOrMany>,
    #[serde(rename = "hang sync", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) hang_sync: Option<OneOrMany>,
    #[serde(rename = "fail sync", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) fail_sync: Option<OneOrMany>,
    #[serde(rename = "wipe disk", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) wipe_disk: Option<OneOrMany>,
    #[serde(rename = "delete file", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) delete_file: Option<OneOrMany>,
    #[serde(rename = "truncate file", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) truncate_file: Option<OneOrMany>,
    #[serde(rename = "write file", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) write_file: Option<OneOrMany>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) times: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) bit: Option<u8>,

    #[serde(rename = "jump clock", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) jump_clock: Option<OneOrMany>,
    #[serde(rename = "drift clock", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) drift_clock: Option<OneOrMany>,
    #[serde(rename = "slow machine", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) slow_machine: Option<OneOrMany>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) by: Option<SignedTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) ppm: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) heal: Option<OneOrMany>,

    #[serde(rename = "create topic", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) create_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) partitions: Option<u32>,
    #[serde(rename = "replication.factor", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) replication_factor: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) assignment: Option<Vec<Vec<i32>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) config: Option<Ordered<String>>,
    #[serde(rename = "alter topic", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) alter_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) set: Option<Ordered<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) delete: Option<OneOrMany>,
    #[serde(rename = "create partitions", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) create_partitions: Option<String>,
    #[serde(rename = "delete records", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) delete_records: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) before: Option<i64>,
    #[serde(rename = "describe group", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) describe_group: Option<String>,
    #[serde(
        rename = "elect preferred leader",
        skip_serializing_if = "Option::is_none"
    )]
    pub(in crate::scenario) elect_preferred_leader: Option<OneOrMany>,
    #[serde(
        rename = "elect unclean leader",
        skip_serializing_if = "Option::is_none"
    )]
    pub(in crate::scenario) elect_unclean_leader: Option<OneOrMany>,

    #[serde(rename = "ask zookeeper", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) ask_zookeeper: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) client: Option<String>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) optional: Option<bool>,
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) roles: Option<OneOrMany>,
}
