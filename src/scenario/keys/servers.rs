//! Keys of servers, their machines, networks and disks, and of topics.

use super::forms::FROM_ONE;
use super::{Form, Room, may, must};
use crate::protocol::config::Scope;

const LATENCY: Form = Form::AnyOf(&[Form::Time, Form::Map(&SPREAD)]);
const DEFAULTS: &str = "Kafka's defaults";

pub(super) static CLUSTER: Room = Room::new(
    "Cluster",
    "`cluster`",
    &[
        may(
            "kafka_version",
            Form::Words(&[
                "2.7", "2.8", "3.0", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9",
            ]),
            "whose defaults hold, from 2.7 to 3.9; the protocol is that of 3.9",
            "`\"3.9\"`",
        ),
        may(
            "coordination",
            Form::Words(&["zookeeper"]),
            "`zookeeper`; KRaft is to come",
            "`zookeeper`",
        ),
        may(
            "zookeeper",
            Form::AnyOf(&[SERVERS, Form::Map(&ZOOKEEPER)]),
            "a number of servers (1, or 3 to 7), or what they are",
            "1",
        ),
        may(
            "brokers",
            Form::AnyOf(&[
                Form::Whole {
                    least: 1,
                    most: 1_000,
                },
                Form::Some(&Form::Map(&BROKER)),
            ]),
            "a number, or a list of what each is. Either all have a rack or none has",
            "1; ids from 1, no racks",
        ),
        may(
            "config",
            Form::Settings(Scope::Broker),
            "Kafka's keys for every broker; those of one broker win",
            "Kafka's defaults, but `auto.create.topics.enable: false`",
        ),
    ],
);

const SERVERS: Form = Form::AnyOf(&[
    Form::Whole { least: 1, most: 1 },
    Form::Whole { least: 3, most: 7 },
]);

pub(super) static ZOOKEEPER: Room = Room::new(
    "ZooKeeper",
    "`zookeeper` under `cluster`",
    &[
        may(
            "servers",
            SERVERS,
            "how many: 1, or an ensemble of 3 to 7",
            "1",
        ),
        may(
            "tickTime",
            FROM_ONE,
            "ZooKeeper's tick, in milliseconds",
            "2000",
        ),
        may(
            "minSessionTimeout",
            COUNT_32,
            "the shortest session that it grants, in milliseconds",
            "2 ticks",
        ),
        may(
            "maxSessionTimeout",
            COUNT_32,
            "the longest session that it grants, in milliseconds",
            "20 ticks",
        ),
        may(
            "machine",
            Form::Map(&MACHINE),
            "the machine of each server",
            "one without faults",
        ),
    ],
);

const COUNT_32: Form = Form::Whole {
    least: 0,
    most: u32::MAX as u64,
};
const SIGNED: Form = Form::Whole {
    least: i32::MIN as i64,
    most: i32::MAX as u64,
};

pub(super) static BROKER: Room = Room::new(
    "Broker",
    "an item of `brokers` under `cluster`",
    &[
        must(
            "id",
            Form::Whole {
                least: 1,
                most: 1_000,
            },
            "its `broker.id`; the node is called `broker-1`",
        ),
        may("rack", Form::Text, "its `broker.rack`", "none"),
        may(
            "config",
            Form::Settings(Scope::Broker),
            "Kafka's keys for this broker",
            "those of the cluster",
        ),
        may(
            "machine",
            Form::Map(&MACHINE),
            "its machine",
            "one without faults",
        ),
    ],
);

pub(super) static MACHINE: Room = Room::new(
    "Machine",
    "`machine` of a broker or of all ZooKeeper servers",
    &[
        may(
            "slowness",
            FROM_ONE,
            "work takes so many times as long, from the start to the end",
            "1",
        ),
        may(
            "clock_skew",
            Form::SignedTime,
            "the wall clock is so much ahead, or behind (`-2s`, `-600d`)",
            "`0s`",
        ),
        may(
            "clock_drift_ppm",
            SIGNED,
            "the clock runs so many parts per million fast, or slow",
            "0",
        ),
        may(
            "supervisor",
            Form::Time,
            "a process that died by itself or was killed is started again after so long; one that was stopped, or whose machine lost power, is not",
            "nobody starts it",
        ),
        may(
            "start_after",
            Form::Time,
            "the process is started so long after the others, at most 20s",
            "`0s`",
        ),
        may(
            "down_at_start",
            Form::Truth,
            "it is not started until the timeline does it",
            "`false`",
        ),
        may(
            "disk_capacity",
            Form::Size,
            "so much fits on its disk, such as `2GiB`; what does not fit is refused as on a full disk. For all machines: `disk: {capacity: 2GiB}`",
            "no end",
        ),
        may(
            "files",
            Form::Names(None, &Form::Map(&FILE)),
            "what lies on the disk at the start, by path: `data/meta.properties: {text: \"version=0\\n\"}`, or `{hex: 00ff}`; a path that ends with `/` is an empty directory",
            "nothing",
        ),
    ],
);

pub(super) static FILE: Room = Room::new(
    "File",
    "`files` of a machine, by path",
    &[
        may("text", Form::Text, "what it holds", "`hex` says it"),
        may(
            "hex",
            Form::Text,
            "what it holds, two digits a byte",
            "`text` says it",
        ),
    ],
)
.exactly_one(&[&["text", "hex"]]);

pub(super) static NETWORK: Room = Room::new(
    "Network",
    "`network`",
    &[
        may(
            "latency",
            LATENCY,
            "one trip between nodes of one rack, or where there are no racks",
            "`{log_normal: 150us, sigma_percent: 25}`",
        ),
        may(
            "other_rack",
            LATENCY,
            "one trip between racks",
            "`{log_normal: 500us, sigma_percent: 25}`",
        ),
        may(
            "bandwidth",
            Form::Rate,
            "what a node's link sends in a second",
            "`1250MB/s`",
        ),
        may(
            "names",
            Form::Names(None, &Form::OneOrMany(&Form::Text)),
            "names that stand for machines, as DNS has them, each with one or a list of them: `{kafka.example: [broker-1, broker-2]}`",
            "none",
        ),
    ],
);

pub(super) static DISK: Room = Room::new(
    "Disk",
    "`disk`",
    &[
        may(
            "read",
            LATENCY,
            "a read that the page cache cannot serve",
            "`80us`",
        ),
        may(
            "sync",
            LATENCY,
            "an fsync, beyond moving its bytes",
            "`{log_normal: 1ms, sigma_percent: 25}`",
        ),
        may(
            "bandwidth",
            Form::Rate,
            "of reads and writes together",
            "`2GB/s`",
        ),
        may(
            "capacity",
            Form::Size,
            "so much fits on each disk",
            "no end",
        ),
    ],
);

pub(super) static SPREAD: Room = Room::new(
    "Spread",
    "a latency, where it is not always the same",
    &[
        may(
            "uniform",
            Form::Pair(&Form::Time),
            "any time between two, each as likely: `[200us, 400us]`",
            "another distribution is said",
        ),
        may(
            "log_normal",
            Form::Time,
            "a log-normal distribution with this median",
            "another distribution is said",
        ),
        may(
            "sigma_percent",
            COUNT_32,
            "beside `log_normal`: how far it spreads",
            "25",
        )
        .beside(&["log_normal"]),
        may(
            "long_tail",
            Form::Time,
            "this median, and rare very long draws",
            "another distribution is said",
        ),
    ],
)
.exactly_one(&[&["uniform", "log_normal", "long_tail"]]);

pub(super) static TOPIC: Room = Room::new(
    "Topic",
    "`topics`, by name",
    &[
        may(
            "about",
            Form::Text,
            "for the reader: what it is for",
            "nothing",
        ),
        may(
            "partitions",
            FROM_ONE,
            "how many",
            "the brokers' `num.partitions` (1)",
        ),
        may(
            "replication.factor",
            FROM_ONE,
            "on how many brokers each partition is",
            "the brokers' `default.replication.factor` (1)",
        ),
        may(
            "assignment",
            ASSIGNMENT,
            "in place of both: which brokers have each partition, the preferred leader first: `[[1, 2], [2, 3]]`",
            "Kafka's rule",
        ),
        may(
            "config",
            Form::Settings(Scope::Topic),
            "Kafka's keys for topics",
            DEFAULTS,
        ),
    ],
);

pub(super) const ASSIGNMENT: Form = Form::Some(&Form::Some(&Form::Whole {
    least: 1,
    most: i32::MAX as u64,
}));
