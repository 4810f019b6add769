//! Keys of clients, of the schemas that they write by, and of what else they call.

use super::forms::{self, FROM_ONE};
use super::{Form, Key, Room, may, must};
use crate::protocol::config::Scope;

const ABOUT: Key = may(
    "about",
    Form::Text,
    "for the reader: who this is",
    "nothing",
);
const START: Key = may(
    "start",
    Form::Time,
    "when it begins, counted from the start of the run, but not before the cluster is up",
    "when it is up",
);
const STOP: Key = may(
    "stop",
    Form::Time,
    "when it ends, counted from the start of the run",
    "never",
);
const MEMBERS: Form = Form::Whole {
    least: 1,
    most: 10_000,
};
const BOOTSTRAP: Key = may(
    "bootstrap",
    Form::OneOrMany(&Form::Text),
    "the brokers that it knows at first, such as `[\"broker-1:9092\"]`",
    "all",
);
const RACK: Key = may(
    "rack",
    Form::Text,
    "in which of the brokers' racks its machine stands: `network` says how far it is to the others",
    "near to all",
);
const DEFAULTS: &str = "Kafka's defaults";

pub(super) static SCHEMA: Room = Room::new(
    "Schema",
    "`schemas`, by name",
    &[
        may("avro", Form::Text, "an Avro schema, as JSON in quotes or in lines of its own after `|`", "another language"),
        may(
            "protobuf",
            Form::Text,
            "the text of a `.proto` file of syntax proto3, in lines of its own after `|`",
            "another language",
        ),
        may(
            "connect-json",
            Form::Text,
            "a schema of Kafka Connect's JsonConverter, as JSON in quotes or in lines of its own after `|`",
            "another language",
        ),
    ],
)
.exactly_one(&[&["avro", "protobuf", "connect-json"]]);

pub(super) static REGISTRY: Room = Room::new(
    "Schema registry",
    "`schema_registry`",
    &[
        may(
            "about",
            Form::Text,
            "for the reader: what it is for",
            "nothing",
        ),
        may(
            "compatibility",
            Form::Written(&forms::COMPATIBILITY),
            "what a new version of a schema has to be to the versions before it",
            "`backward`",
        ),
        may(
            "subjects",
            Form::Names(None, &Form::Written(&forms::COMPATIBILITY)),
            "subjects (`TOPIC-key`, `TOPIC-value`) with a compatibility of their own",
            "none",
        ),
    ],
);

pub(super) static PRODUCER: Room = Room::new(
    "Producer",
    "`producers`, by name",
    &[
        ABOUT,
        may("count", MEMBERS, "so many members, called `trucks-1`, `trucks-2` and so on", "one, called `trucks`"),
        must("topic", Form::Text, "where to"),
        may(
            "partition",
            Form::Whole { least: 0, most: i32::MAX as u64 },
            "of each record, whatever its key: no partitioner is asked. One that the topic does not have (yet) is waited for as long as `max.block.ms` says",
            "the partitioner's",
        ),
        may(
            "key",
            Form::AnyOf(&[
                Form::Words(&["none", "truck_id", "truck_number"]),
                Form::Null,
                Form::Map(&RECORD_KEY),
            ]),
            "the key of each record: `none`, `truck_id` (each member has its own, the name of a truck), `truck_number` (its number), or a map",
            "`none`",
        ),
        may(
            "value",
            Form::AnyOf(&[
                Form::Words(&[
                    "number",
                    "position",
                    "position.truck",
                    "position.number",
                    "position.time",
                    "position.latitude",
                    "position.longitude",
                ]),
                Form::Null,
                Form::Map(&RECORD_VALUE),
            ]),
            "the value of each record: `number` (1, 2, 3 ...), `position` (of a truck: a record of `truck`, `number`, `time` in milliseconds, `latitude` and `longitude` in degrees) or one of its fields, `null` (a tombstone), or a map",
            "`number`",
        ),
        may(
            "timestamp",
            Form::Written(&forms::TIMESTAMP),
            "what the application gives its records: `clock` (nothing: its producer takes the time of the machine, once it knows the topic), `-8d` or `+2h` (off that), `seconds` or `microseconds` (the unit that Kafka does not mean), `1577836800000` (always this)",
            "`clock`",
        ),
        may(
            "every",
            Form::Time,
            "a record so often. Members of a group begin one after the other, spread over one such interval",
            "`1s`",
        ),
        may(
            "saturate",
            Form::Truth,
            "in place of `every`: as fast as records are acknowledged, with as many on their way as `max.in.flight.requests.per.connection` says",
            "`false`",
        ),
        may(
            "on_the_way",
            Form::Whole { least: 1, most: 1_000_000 },
            "beside `saturate`: with so many records on their way, at most 1000000 of all members together; enough of them fill batches",
            "as `saturate` says",
        )
        .beside(&["saturate"]),
        START,
        STOP,
        may("limit", Form::Whole { least: 1, most: u64::MAX }, "so many records in all of each member", "no limit"),
        may(
            "flush",
            Form::Whole { least: 1, most: u64::MAX },
            "whenever it has made so many more, its application calls `flush`: nothing lingers, and it goes on when all is answered",
            "never",
        ),
        may("key_schema", Form::Text, "the name of a schema, for a key's serializer that writes by one", "none"),
        may("value_schema", Form::Text, "the name of a schema, for a value's serializer that writes by one", "none"),
        may(
            "headers",
            Form::Names(None, &Form::Text),
            "of each record, by name: `{app: fleet}`",
            "none",
        ),
        may(
            "acks",
            Form::Words(&["0", "1", "all", "-1"]),
            "who has stored a record before it is acknowledged: `0` nobody, `1` the leader, `all` (or `-1`) every in-sync replica",
            "`acks` of `config`, else `all` (before Kafka 3.0: `1`)",
        ),
        may("config", Form::Settings(Scope::Producer), "Kafka's keys for producers", DEFAULTS),
        BOOTSTRAP,
        RACK,
    ],
);

pub(super) static RECORD_KEY: Room = Room::new(
    "Key of records",
    "`key` of a producer",
    &[
        may("text", Form::Text, "always this", "`cycle` says it"),
        may("cycle", FROM_ONE, "so many keys in turn", "`text` says it"),
    ],
)
.exactly_one(&[&["text", "cycle"]]);

pub(super) static RECORD_VALUE: Room = Room::new(
    "Value of records",
    "`value` of a producer",
    &[
        may("text", Form::Text, "always this", "`bytes` says it"),
        may(
            "bytes",
            Form::Size,
            "so many, each time others; at most 100MiB, and 16GiB in a run",
            "`text` says it",
        ),
    ],
)
.exactly_one(&[&["text", "bytes"]]);

/// What goes with `group.id`, with or without `assign`.
macro_rules! in_a_group {
    ($says:literal) => {
        concat!("with a `group.id`, with or without `assign`: ", $says)
    };
}

pub(super) static CONSUMER: Room = Room::new(
    "Consumer",
    "`consumers`, by name",
    &[
        ABOUT,
        may(
            "count",
            MEMBERS,
            "so many members, called `dash-1`, `dash-2` and so on",
            "one, called `dash`",
        ),
        must(
            "topics",
            Form::AnyOf(&[Form::List(&Form::Text), Form::Map(&MATCHING)]),
            "which topics it reads: all their partitions, or what its group gives it",
        ),
        may(
            "assign",
            Form::OneOrMany(&Form::Written(&forms::PARTITIONS)),
            "its application names its partitions itself: `t-0`, `[t-0, t-1]`, or `all partitions` of its topics. With a `group.id` it commits under that group and begins where that has committed, and is no member: as long as the group has members it takes no commit of it (`CommitFailedException`)",
            "its group says which it reads; who is in no group reads all",
        ),
        START,
        STOP,
        may(
            "seek",
            Form::Whole {
                least: i64::MIN,
                most: i64::MAX as u64,
            },
            "it begins at this offset, as an application does that asks for it itself; with a `group.id` only beside `assign`, for a member begins where its group says",
            "as `auto.offset.reset` says",
        ),
        may(
            "processing",
            Form::Time,
            in_a_group!("what its application takes for each record, beside reading it"),
            "no time",
        ),
        may(
            "commit",
            Form::Written(&forms::COMMIT),
            in_a_group!(
                "`auto` (the library commits, every `auto.commit.interval.ms`); or, with `enable.auto.commit: false`, its application commits what `poll` gave `before` it processes it, `after`, or `every 10 records`. `sync` before that means `commitSync`, which blocks the loop until the commit is stored or refused for good; `async`, or nothing, `commitAsync`"
            ),
            "as `enable.auto.commit` says; if that is `false` nobody commits",
        ),
        may(
            "each_record",
            Form::AnyOf(&[Form::Words(&["count"]), Form::Map(&GOES)]),
            in_a_group!("what its application does with each: `count`, or a map"),
            "`count`",
        ),
        may(
            "pauses",
            Form::Truth,
            in_a_group!(
                "its application hands what it was given to a worker, pauses its partitions and goes on calling `poll` until the worker is done; so it keeps its place however long that takes"
            ),
            "`false`: it calls `poll` when it is done",
        ),
        may(
            "steps",
            Form::List(&Form::Map(&STEP)),
            in_a_group!(
                "what its application does to its consumer between two records, each once in a run"
            ),
            "none",
        ),
        may(
            "fails_on",
            Form::Whole {
                least: 1,
                most: u64::MAX,
            },
            in_a_group!(
                "its application throws when it processes the record of this number (counted from 1 as `poll` gives them), closes its consumer and ends; once in a run"
            ),
            "it does not",
        ),
        may(
            "listener",
            Form::Written(&forms::LISTENER),
            "of a member of a group: its application's `ConsumerRebalanceListener` throws, once in a run: `throws in onPartitionsAssigned`, `throws in onPartitionsRevoked` or `throws in onPartitionsLost`. The other methods are called all the same, then `poll` throws; nobody catches that, and it closes its consumer and ends; or, with `, caught` behind it, it polls again and is a member as before. Where it throws in `close` its group is not told that it goes",
            "it does not",
        ),
        may(
            "crashes",
            Form::Written(&forms::CRASH),
            in_a_group!(
                "its process is gone, once in a run, `after the poll of record 20`, `before processing record 20`, `after processing record 20` or `after the commit of record 20`"
            ),
            "it is not",
        ),
        may(
            "key_schema",
            Form::Text,
            "the name of a schema: what the reader has for its own of keys, whatever was written",
            "with a registry, as it was written",
        ),
        may(
            "value_schema",
            Form::Text,
            "the name of a schema: what the reader has for its own of values, whatever was written",
            "with a registry, as it was written",
        ),
        may(
            "poison",
            Form::AnyOf(&[Form::Words(&["stuck", "skip"]), Form::Map(&DEAD_LETTER)]),
            "what its application does when `poll` throws since a record cannot be deserialized: `stuck` (it polls again, a second later), `skip` (it seeks past it), or a map",
            "`stuck`",
        ),
        may(
            "config",
            Form::Settings(Scope::Consumer),
            "Kafka's keys for consumers. With `auto.offset.reset: none`, `poll` throws `NoOffsetForPartitionException` or `OffsetOutOfRangeException`, and the application polls again, as it does when a batch cannot be read (`KafkaException`), while what its group throws, such as `FencedInstanceIdException`, ends it. `client.rack` is what it says of itself: a leader with `replica.selector.class: org.apache.kafka.common.replica.RackAwareReplicaSelector` sends it to a replica in that rack; where it stands is `rack`",
            "Kafka's defaults, but `auto.offset.reset: earliest`",
        ),
        BOOTSTRAP,
        RACK,
    ],
);

pub(super) static MATCHING: Room = Room::new(
    "Topics by a pattern",
    "`topics` of a consumer that is a member of a group",
    &[must(
        "pattern",
        Form::Text,
        "all topics whose whole name matches, those too that are made later, once its metadata name them (`metadata.max.age.ms`). Of Java's patterns `. \\. \\d \\w [a-z] [^a-z] (a|b) * + ? {2,3}`",
    )],
);

pub(super) static GOES: Room = Room::new(
    "What is done with each record",
    "`each_record` of a consumer",
    &[
        may(
            "forward",
            Form::Text,
            "a topic: a producer of its own sends the record there, as it is, and waits for the acknowledgement",
            "`call` says it",
        ),
        may(
            "call",
            Form::Text,
            "a service: it calls that and waits for the answer; without one it calls again",
            "`forward` says it",
        ),
    ],
)
.exactly_one(&[&["forward", "call"]]);

pub(super) static STEP: Room = Room::new(
    "Step",
    "an item of `steps` of a consumer",
    &[
        must(
            "when",
            Form::Written(&forms::STEP_WHEN),
            "a time, or a point as of `crashes` (but not a commit)",
        ),
        must(
            "do",
            Form::Written(&forms::STEP_WHAT),
            "`all` is what it has then. A question (`ask`) is asked between two calls of `poll`: it waits until its library knows, and throws after `default.api.timeout.ms`. What `poll` gave before it still works off; what was fetched for another position is dropped. Of a partition that it does not have each of these throws, and it ends",
        ),
    ],
);

pub(super) static DEAD_LETTER: Room = Room::new(
    "Dead letters",
    "`poison` of a consumer",
    &[must(
        "dead_letter",
        Form::Text,
        "a topic: it sends the record there and seeks past it once that is acknowledged",
    )],
);

pub(super) static ZOOKEEPER_CLIENT: Room = Room::new(
    "Client of ZooKeeper",
    "`zookeeper_clients`, by name",
    &[
        ABOUT,
        may(
            "servers",
            Form::OneOrMany(&Form::Written(&forms::SERVER)),
            "the servers of ZooKeeper that it knows",
            "all",
        ),
        may(
            "session_timeout",
            Form::Time,
            "the length of session that it asks for",
            "`30s`",
        ),
    ],
);

pub(super) static SERVICE: Room = Room::new(
    "Service",
    "`services`, by name",
    &[
        ABOUT,
        may(
            "takes",
            Form::Time,
            "it answers so long after it was called",
            "no time",
        ),
    ],
);
