//! Every configuration of a topic.
//!
//! Names, types and ranges as ConfigDef has them in Kafka 3.9. `modelled`: the simulator acts on it;
//! `known`: it is accepted with a warning.

use super::key::{
    ANY, BOOLEAN, DECIMAL, GZIP_LEVEL, Key, LIST, TEXT, int, known, list_of, long, modelled,
    number, one_of,
};

/// Settings of topics.
pub(super) const TOPIC: &[Key] = &[
    modelled("cleanup.policy", list_of(&["compact", "delete"])),
    known("compression.gzip.level", GZIP_LEVEL),
    known("compression.lz4.level", number(1, 17)),
    modelled(
        "compression.type",
        one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    ),
    known("compression.zstd.level", number(-131072, 22)),
    known("delete.retention.ms", long(0)),
    modelled("file.delete.delay.ms", long(0)),
    modelled("flush.messages", long(1)),
    modelled("flush.ms", long(0)),
    known("follower.replication.throttled.replicas", LIST),
    modelled("index.interval.bytes", int(0)),
    known("leader.replication.throttled.replicas", LIST),
    known("local.retention.bytes", long(-2)),
    known("local.retention.ms", long(-2)),
    known("max.compaction.lag.ms", long(1)),
    modelled("max.message.bytes", int(0)),
    known("message.downconversion.enable", BOOLEAN),
    known("message.format.version", TEXT),
    modelled("message.timestamp.after.max.ms", long(0)),
    modelled("message.timestamp.before.max.ms", long(0)),
    modelled("message.timestamp.difference.max.ms", long(0)),
    modelled(
        "message.timestamp.type",
        one_of(&["CreateTime", "LogAppendTime"]),
    ),
    known("min.cleanable.dirty.ratio", DECIMAL),
    known("min.compaction.lag.ms", long(0)),
    modelled("min.insync.replicas", int(1)),
    known("preallocate", BOOLEAN),
    known("remote.log.copy.disable", BOOLEAN),
    known("remote.log.delete.on.disable", BOOLEAN),
    known("remote.storage.enable", BOOLEAN),
    modelled("retention.bytes", long(ANY)),
    modelled("retention.ms", long(-1)),
    modelled("segment.bytes", int(14)),
    modelled("segment.index.bytes", int(4)),
    known("segment.jitter.ms", long(0)),
    modelled("segment.ms", long(1)),
    modelled("unclean.leader.election.enable", BOOLEAN),
];
