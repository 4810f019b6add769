//! Every configuration of a topic.
//!
//! Names, types and ranges as ConfigDef has them in Kafka 3.9. `modelled`: the simulator acts on it, by
//! default with this value; `tunes` and `changes`: it does not (see `Effect`).

use super::key::{
    ANY, BOOLEAN, DECIMAL, GZIP_LEVEL, Key, LIST, TEXT, changes, int, list_of, long, modelled,
    number, one_of, tunes,
};
use super::lack::Lack;

/// Settings of topics.
pub(super) const TOPIC: &[Key] = &[
    changes(
        "cleanup.policy",
        list_of(&["compact", "delete"]),
        Lack::Compaction,
        &["delete"],
    ),
    tunes("compression.gzip.level", GZIP_LEVEL),
    tunes("compression.lz4.level", number(1, 17)),
    modelled(
        "compression.type",
        one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        "producer",
    ),
    tunes("compression.zstd.level", number(-131072, 22)),
    tunes("delete.retention.ms", long(0)),
    modelled("file.delete.delay.ms", long(0), "60000"),
    modelled("flush.messages", long(1), "9223372036854775807"),
    modelled("flush.ms", long(0), "9223372036854775807"),
    changes(
        "follower.replication.throttled.replicas",
        LIST,
        Lack::Quotas,
        &[""],
    ),
    modelled("index.interval.bytes", int(0), "4096"),
    changes(
        "leader.replication.throttled.replicas",
        LIST,
        Lack::Quotas,
        &[""],
    ),
    tunes("local.retention.bytes", long(-2)),
    tunes("local.retention.ms", long(-2)),
    tunes("max.compaction.lag.ms", long(1)),
    modelled("max.message.bytes", int(0), "1048588"),
    tunes("message.downconversion.enable", BOOLEAN),
    tunes("message.format.version", TEXT),
    modelled(
        "message.timestamp.after.max.ms",
        long(0),
        "9223372036854775807",
    ),
    modelled(
        "message.timestamp.before.max.ms",
        long(0),
        "9223372036854775807",
    ),
    modelled(
        "message.timestamp.difference.max.ms",
        long(0),
        "9223372036854775807",
    ),
    modelled(
        "message.timestamp.type",
        one_of(&["CreateTime", "LogAppendTime"]),
        "CreateTime",
    ),
    tunes("min.cleanable.dirty.ratio", DECIMAL),
    tunes("min.compaction.lag.ms", long(0)),
    modelled("min.insync.replicas", int(1), "1"),
    changes("preallocate", BOOLEAN, Lack::Preallocation, &["false"]),
    tunes("remote.log.copy.disable", BOOLEAN),
    tunes("remote.log.delete.on.disable", BOOLEAN),
    changes(
        "remote.storage.enable",
        BOOLEAN,
        Lack::TieredStorage,
        &["false"],
    ),
    modelled("retention.bytes", long(ANY), "-1"),
    modelled("retention.ms", long(-1), "604800000"),
    modelled("segment.bytes", int(14), "1073741824"),
    modelled("segment.index.bytes", int(4), "10485760"),
    changes("segment.jitter.ms", long(0), Lack::RollJitter, &["0"]),
    modelled("segment.ms", long(1), "604800000"),
    modelled("unclean.leader.election.enable", BOOLEAN, "false"),
];
