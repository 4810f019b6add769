//! Lines of a scenario that are wrong, one way or another: what `bad_inputs` reads, case by case.

/// A scenario without fault; cases change one line of it.
pub const GOOD: &str = "\
format: 1
name: test
about: A scenario without fault.
duration: 2m
cluster:
  brokers: 3
topics:
  trucks_gps: {partitions: 3, replication.factor: 3}
producers:
  trucks: {count: 3, topic: trucks_gps, key: truck_id, value: position, every: 1s, acks: all}
consumers:
  dashboard: {topics: [trucks_gps]}
timeline:
  - {at: 30s, crash: leader of trucks_gps-0}
  - {at: 75s, restart: crashed brokers}
expect:
  - no acknowledged record is lost
";

/// What is wrong, the line of `GOOD` that is replaced, and what stands there instead.
pub const CHANGES: &[(&str, &str, &str)] = &[
    ("an unknown key at the top", "duration: 2m", "durations: 2m"),
    (
        "an unknown key far from all others",
        "duration: 2m",
        "duration: 2m\ncolour: red",
    ),
    (
        "an unknown key below",
        "  brokers: 3",
        "  brokers: 3\n  zookeper: 1",
    ),
    (
        "an unknown key of a topic",
        "  trucks_gps: {",
        "  trucks_gps: {partition: 3, ",
    ),
    ("an unknown action", "crash: leader", "crush: leader"),
    ("a missing key", "duration: 2m\n", ""),
    ("a missing key below", "topic: trucks_gps, ", ""),
    ("a missing format", "format: 1\n", ""),
    ("another format", "format: 1", "format: 2"),
    (
        "a text where a number belongs",
        "partitions: 3",
        "partitions: three",
    ),
    ("a number in quotes", "partitions: 3", "partitions: \"3\""),
    (
        "log compaction",
        "  trucks_gps: {",
        "  trucks_gps: {config: {cleanup.policy: compact}, ",
    ),
    (
        "a list where a number belongs",
        "partitions: 3",
        "partitions: [3]",
    ),
    (
        "a map where a text belongs",
        "topic: trucks_gps,",
        "topic: {name: trucks_gps},",
    ),
    (
        "a text where a list belongs",
        "{topics: [trucks_gps]}",
        "{topics: trucks_gps}",
    ),
    (
        "a list where a map belongs",
        "topics:\n  trucks_gps: {partitions: 3, replication.factor: 3}",
        "topics:\n  - trucks_gps",
    ),
    (
        "nothing where something belongs",
        "duration: 2m",
        "duration:",
    ),
    (
        "a number too large",
        "partitions: 3",
        "partitions: 5000000000",
    ),
    ("a negative number", "partitions: 3", "partitions: -3"),
    ("a duration without a unit", "duration: 2m", "duration: 120"),
    ("a negative duration", "duration: 2m", "duration: -2m"),
    ("a duration of 0", "duration: 2m", "duration: 0s"),
    (
        "a cut at the start",
        "duration: 2m",
        "duration: 2m\nuntil: 0s",
    ),
    (
        "a cut after the end",
        "duration: 2m",
        "duration: 2m\nuntil: 3m",
    ),
    ("a duration that is none", "duration: 2m", "duration: soon"),
    ("a negative time in the timeline", "at: 30s", "at: -30s"),
    ("a time after the end", "at: 75s", "at: 3m"),
    (
        "a time and another one",
        "at: 30s, crash",
        "at: 30s, every: 10s, crash",
    ),
    ("no time", "at: 30s, crash", "crash"),
    ("every 0s", "at: 30s, crash", "every: 0s, crash"),
    ("no action", "at: 75s, restart: crashed brokers", "at: 75s"),
    (
        "two actions",
        "restart: crashed brokers",
        "restart: crashed brokers, crash: broker-1",
    ),
    (
        "an argument that does not go with its action",
        "restart: crashed brokers",
        "restart: crashed brokers, times: 3",
    ),
    (
        "an action without its argument",
        "restart: crashed brokers",
        "cut link: broker-1",
    ),
    (
        "a length for what has none",
        "restart: crashed brokers",
        "restart: crashed brokers, for: 3s",
    ),
    (
        "a broker that is not there",
        "crash: leader of trucks_gps-0",
        "crash: broker-4",
    ),
    (
        "a topic that is not there",
        "leader of trucks_gps-0",
        "leader of truck_gps-0",
    ),
    (
        "a partition that is not there",
        "leader of trucks_gps-0",
        "leader of trucks_gps-3",
    ),
    (
        "a role that is none",
        "leader of trucks_gps-0",
        "the leader for trucks_gps-0",
    ),
    (
        "a client that is not there",
        "crash: leader of trucks_gps-0",
        "crash: dashbord",
    ),
    (
        "a moment that is none",
        "at: 30s, crash",
        "when: the leader changes, crash",
    ),
    (
        "one role of several",
        "crash: leader of trucks_gps-0",
        "crash: [broker-1, broker-7]",
    ),
    (
        "more replicas than brokers",
        "replication.factor: 3",
        "replication.factor: 4",
    ),
    (
        "replication factor 0",
        "replication.factor: 3",
        "replication.factor: 0",
    ),
    ("no partitions", "partitions: 3", "partitions: 0"),
    ("no brokers", "  brokers: 3", "  brokers: 0"),
    (
        "a broker in no rack beside brokers in racks",
        "  brokers: 3",
        "  brokers: [{id: 1, rack: a}, {id: 2, rack: b}, {id: 3}]",
    ),
    (
        "a negative number of brokers",
        "  brokers: 3",
        "  brokers: -3",
    ),
    (
        "far too many brokers",
        "  brokers: 3",
        "  brokers: 4000000000",
    ),
    ("an empty list of brokers", "  brokers: 3", "  brokers: []"),
    (
        "a broker twice",
        "  brokers: 3",
        "  brokers: [{id: 1}, {id: 2}, {id: 2}]",
    ),
    (
        "a broker with id 0",
        "  brokers: 3",
        "  brokers: [{id: 0}, {id: 1}, {id: 2}]",
    ),
    (
        "an ensemble of two",
        "  brokers: 3",
        "  brokers: 3\n  zookeeper: 2",
    ),
    (
        "no ZooKeeper",
        "  brokers: 3",
        "  brokers: 3\n  zookeeper: 0",
    ),
    (
        "KRaft",
        "  brokers: 3",
        "  brokers: 3\n  coordination: kraft",
    ),
    (
        "a coordination that is none",
        "  brokers: 3",
        "  brokers: 3\n  coordination: zookeper",
    ),
    (
        "a version that is none",
        "  brokers: 3",
        "  brokers: 3\n  kafka_version: latest",
    ),
    (
        "a version that is too new",
        "  brokers: 3",
        "  brokers: 3\n  kafka_version: \"4.0\"",
    ),
    (
        "a version that is too old",
        "  brokers: 3",
        "  brokers: 3\n  kafka_version: \"2.4\"",
    ),
    (
        "a broker configuration that Kafka does not have",
        "  brokers: 3",
        "  brokers: 3\n  config: {replica.lag.time.ms: 10000}",
    ),
    (
        "a topic's key for a broker",
        "  brokers: 3",
        "  brokers: 3\n  config: {retention.ms: 10000}",
    ),
    (
        "a value that Kafka refuses",
        "  brokers: 3",
        "  brokers: 3\n  config: {log.segment.bytes: 10}",
    ),
    (
        "a value with a unit in Kafka's configuration",
        "  brokers: 3",
        "  brokers: 3\n  config: {replica.lag.time.max.ms: 10s}",
    ),
    (
        "values that Kafka refuses together",
        "  brokers: 3",
        "  brokers: 3\n  config: {replica.lag.time.max.ms: 100}",
    ),
    (
        "a topic configuration that Kafka does not have",
        "replication.factor: 3}",
        "replication.factor: 3, config: {min.insync.replica: 2}}",
    ),
    (
        "a truth value that is none",
        "replication.factor: 3}",
        "replication.factor: 3, config: {unclean.leader.election.enable: maybe}}",
    ),
    (
        "a producer configuration that Kafka does not have",
        "acks: all}",
        "acks: all, config: {linger: 5}}",
    ),
    (
        "idempotence",
        "acks: all}",
        "acks: all, config: {enable.idempotence: true}}",
    ),
    (
        "time-outs of a producer that Kafka refuses together",
        "acks: all}",
        "acks: all, config: {delivery.timeout.ms: 1000, request.timeout.ms: 5000}}",
    ),
    (
        "an upgrade to settings that Kafka refuses together",
        "restart: crashed brokers}",
        "upgrade: crashed brokers, set: {replica.lag.time.max.ms: 100}}",
    ),
    (
        "an upgrade to settings that one of the brokers named refuses",
        "restart: crashed brokers}",
        "restart: broker-1}\n  - {at: 80s, upgrade: broker-2, set: {replica.fetch.wait.max.ms: 900}}\n  - {at: 85s, upgrade: [broker-1, broker-2], set: {replica.lag.time.max.ms: 600}}",
    ),
    (
        "a link from a node to itself",
        "crash: leader of trucks_gps-0",
        "cut link: broker-1, to: broker-1",
    ),
    (
        "a link from a role to itself",
        "crash: leader of trucks_gps-0",
        "slow link: controller, to: controller, by: 5ms",
    ),
    (
        "a node in two sets of a partition",
        "crash: leader of trucks_gps-0",
        "partition network: [[broker-1, broker-2], [broker-2, broker-3]]",
    ),
    (
        "a topic made by an assignment and a number of partitions",
        "crash: leader of trucks_gps-0",
        "create topic: made, partitions: 3, assignment: [[1, 2]]",
    ),
    (
        "no record lost and some lost",
        "- no acknowledged record is lost",
        "- no acknowledged record is lost\n  - acknowledged records lost: 3",
    ),
    (
        "a producer that is as fast as it can be, and slower",
        "every: 1s",
        "every: 1s, saturate: true",
    ),
    ("a producer that never rests", "every: 1s", "every: 1ns"),
    ("a line that never rests", "at: 30s", "every: 1ns"),
    (
        "a moment that is like none",
        "at: 30s, crash",
        "when: pigs fly, crash",
    ),
    ("acks that are none", "acks: all", "acks: 2"),
    (
        "acks in two places",
        "acks: all}",
        "acks: all, config: {acks: 1}}",
    ),
    (
        "a consumer configuration with a wrong value",
        "{topics: [trucks_gps]}",
        "{topics: [trucks_gps], config: {auto.offset.reset: first}}",
    ),
    (
        "a producer's topic that is not there",
        "topic: trucks_gps,",
        "topic: trucks,",
    ),
    (
        "a consumer's topic that is not there",
        "[trucks_gps]",
        "[trucks_gps, orders]",
    ),
    ("a group of nobody", "count: 3", "count: 0"),
    ("a record every 0s", "every: 1s", "every: 0s"),
    ("a key that is none", "key: truck_id", "key: truck"),
    ("a name used twice", "  dashboard: {", "  trucks: {"),
    (
        "a name that means a node",
        "  dashboard: {",
        "  broker-1: {",
    ),
    (
        "a topic name that Kafka refuses",
        "  trucks_gps: {",
        "  trucks gps: {",
    ),
    (
        "a bootstrap server that is not there",
        "acks: all}",
        "acks: all, bootstrap: \"broker-9:9092\"}",
    ),
    (
        "a bootstrap server without a port",
        "acks: all}",
        "acks: all, bootstrap: broker-1}",
    ),
    (
        "a sentence that is none",
        "no acknowledged record is lost",
        "no record is ever lost",
    ),
    (
        "a sentence about a topic that is not there",
        "no acknowledged record is lost",
        "truck_gps-0 keeps its leader",
    ),
    (
        "a sentence about a consumer that is not there",
        "  - no acknowledged record is lost",
        "  - records read by dashbord: 3",
    ),
    (
        "a request to ZooKeeper that zkCli does not have",
        "{at: 30s, crash: leader of trucks_gps-0}",
        "{at: 30s, ask zookeeper: look /route, client: reader}",
    ),
    (
        "a request to ZooKeeper by nobody",
        "{at: 30s, crash: leader of trucks_gps-0}",
        "{at: 30s, ask zookeeper: get /route}",
    ),
    (
        "a request to ZooKeeper by a client that is not there",
        "timeline:\n  - {at: 30s, crash: leader of trucks_gps-0}",
        "zookeeper_clients:\n  reader: {}\ntimeline:\n  - {at: 30s, ask zookeeper: get /route, client: raeder}",
    ),
    (
        "a client of ZooKeeper that knows a server that is not there",
        "timeline:\n",
        "zookeeper_clients:\n  reader: {servers: [zookeeper-1, zookeeper-2]}\ntimeline:\n",
    ),
    (
        "a client of ZooKeeper that knows a broker",
        "timeline:\n",
        "zookeeper_clients:\n  reader: {servers: broker-1}\ntimeline:\n",
    ),
    (
        "a client of ZooKeeper with an unknown key",
        "timeline:\n",
        "zookeeper_clients:\n  reader: {timeout: 3s}\ntimeline:\n",
    ),
    (
        "a client of ZooKeeper without time",
        "timeline:\n",
        "zookeeper_clients:\n  reader: {session_timeout: 0s}\ntimeline:\n",
    ),
    (
        "a client of ZooKeeper with a name that is taken",
        "timeline:\n",
        "zookeeper_clients:\n  dashboard: {}\ntimeline:\n",
    ),
    (
        "an answer to a client of ZooKeeper that is not there",
        "  - no acknowledged record is lost",
        "  - reader asks get /route and is answered north",
    ),
    (
        "a way of synchronising that ZooKeeper does not have",
        "  - no acknowledged record is lost",
        "  - zookeeper-1 is brought up to date by FULL",
    ),
    (
        "a sentence about an event that is not there",
        "no acknowledged record is lost",
        "trucks_gps-0 is led by another broker within 25s of the pause",
    ),
    (
        "a window for what has none",
        "- no acknowledged record is lost",
        "- {that: no acknowledged record is lost, until: 30s}",
    ),
    (
        "an error that Kafka does not have",
        "no acknowledged record is lost",
        "writes to trucks_gps-0 are refused with NOT_ENOUGH_REPLICA",
    ),
    (
        "two sentences in one item",
        "- no acknowledged record is lost",
        "- {that: no election happens, acknowledged records lost: 5}",
    ),
    ("a name with blanks", "name: test", "name: my test"),
    (
        "a duplicate key at the top",
        "duration: 2m",
        "duration: 2m\nname: again",
    ),
    (
        "a duplicate key below",
        "{partitions: 3, ",
        "{partitions: 3, partitions: 4, ",
    ),
    (
        "a duplicate key deep inside",
        "acks: all}",
        "acks: all, config: {retries: 1, acks: all, retries: 2}}",
    ),
    (
        "a duplicate action",
        "restart: crashed brokers",
        "restart: broker-1, restart: broker-2",
    ),
    ("a list as a key", "duration: 2m", "? [a, b]\n: 2m"),
    ("a tag", "duration: 2m", "duration: !time 2m"),
    (
        "a second document",
        "duration: 2m",
        "duration: 2m\n---\nformat: 1",
    ),
    ("an alias without anchor", "duration: 2m", "duration: *two"),
    (
        "an alias inside itself",
        "duration: 2m",
        "duration: &a [*a]",
    ),
    ("a bracket that never closes", "[trucks_gps]", "[trucks_gps"),
    ("a quote that never closes", "name: test", "name: \"test"),
    ("a tab as indentation", "  brokers: 3", "\tbrokers: 3"),
    (
        "a tab as indentation of a line that follows a list",
        "timeline:\n",
        "zookeeper_clients:\n  reader: {servers: [zookeeper-1]}\n\ttimeline:\n",
    ),
    (
        "a key that is indented wrongly",
        "  brokers: 3",
        "  brokers: 3\n    zookeeper: 1",
    ),
];
