//! Every bad input gets one message: file, line, column, the line itself, what was found, what was
//! expected. All of them stand in one snapshot, to be read from top to bottom.

use kafka_trial::scenario::load;
use std::fmt::Write;

/// A scenario without fault; cases change one line of it.
const GOOD: &str = "\
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
const CHANGES: &[(&str, &str, &str)] = &[
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

#[test]
fn every_bad_input_gets_one_message_with_its_place() {
    let mut all = String::new();
    let mut say = |what: &str, bytes: Vec<u8>| {
        let message = match load("test.yaml", bytes, &[]) {
            Ok(_) => panic!("{what} was taken"),
            Err(error) => error.to_string(),
        };
        assert!(message.starts_with("error: test.yaml"), "{what}: {message}");
        assert_eq!(message.matches("error:").count(), 1, "{what}: {message}");
        writeln!(all, "# {what}\n{message}\n").unwrap();
    };
    load("test.yaml", GOOD.into(), &[]).unwrap_or_else(|error| panic!("{error}"));
    for (what, line, instead) in CHANGES {
        assert_eq!(
            GOOD.matches(line).count().min(1),
            1,
            "{what}: {line} is not in the scenario"
        );
        say(what, GOOD.replacen(line, instead, 1).into_bytes());
    }
    say("an empty file", Vec::new());
    say("only comments", b"# nothing\n# here\n".to_vec());
    say("a text that is no map", b"hello world\n".to_vec());
    say("a list", b"- format: 1\n".to_vec());
    say(
        "bytes that are not UTF-8",
        b"format: 1\nname: caf\xe9\n".to_vec(),
    );
    say("UTF-16", b"\xff\xfef\0o\0r\0m\0a\0t\0".to_vec());
    say("a binary file", b"\x7fELF\x02\x01\x01\0\0\0".to_vec());
    say("more than 1 MiB", vec![b'#'; (1 << 20) + 1]);
    say(
        "nesting in brackets",
        format!("format: 1\nname: {}\n", "[".repeat(5_000)).into_bytes(),
    );
    say("nesting by indentation", {
        let lines = (0..100).map(|i| format!("{}a:\n", " ".repeat(i)));
        format!(
            "format: 1\nname:\n{}",
            lines.map(|line| format!(" {line}")).collect::<String>()
        )
        .into_bytes()
    });
    say("an alias bomb", alias_bomb().into_bytes());
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("bad_scenarios", all);
    });
}

#[test]
fn nesting_of_64_levels_is_still_yaml() {
    // One level is the document's own map.
    for (levels, found) in [
        (63, "\"format\" is missing"),
        (64, "nested deeper than 64 levels"),
    ] {
        let text = format!("name: {}1{}\n", "[".repeat(levels), "]".repeat(levels));
        let error = load("test.yaml", text.into_bytes(), &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains(found), "{levels}: {error}");
    }
}

#[test]
fn an_anchor_that_is_no_bomb_is_welcome() {
    let text = GOOD.replace(
        "  dashboard: {topics: [trucks_gps]}",
        "  dashboard: &reader {topics: [trucks_gps]}\n  archive: *reader",
    );
    let loaded =
        load("test.yaml", text.into_bytes(), &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.plan.consumers[1].topics, ["trucks_gps"]);
}

#[test]
fn a_key_that_is_not_modelled_gets_one_warning_with_its_place() {
    let text = GOOD.replace(
        "  brokers: 3",
        "  brokers: 3\n  config: {num.io.threads: 4, log.dirs: /var/kafka}",
    );
    let loaded =
        load("test.yaml", text.into_bytes(), &[]).unwrap_or_else(|error| panic!("{error}"));
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "warning: test.yaml:7:31: Kafka has the broker configuration \"log.dirs\", but it is not modelled yet and changes nothing\n  |\n7 |   config: {num.io.threads: 4, log.dirs: /var/kafka}\n  |                               ^^^^^^^^",
            "warning: test.yaml:7:12: Kafka has the broker configuration \"num.io.threads\", but it is not modelled yet and changes nothing\n  |\n7 |   config: {num.io.threads: 4, log.dirs: /var/kafka}\n  |            ^^^^^^^^^^^^^^",
        ]
    );
}

#[test]
fn changes_by_set_are_blamed_as_written() {
    for (set, message) in [
        (
            "duration",
            "error: --set:1:1: \"duration\" has no \"=\"\n  |\n1 | duration\n  | ^^^^^^^^\n  = expected KEY=VALUE, such as duration=30s",
        ),
        (
            "duration=soon",
            "error: --set:1:10: \"soon\"\n  |\n1 | duration=soon\n  |          ^^^^\n  = expected a time with its unit, such as 30s, 1500ms or 2m",
        ),
        (
            "topics/trucks_gps/partitions={a: x",
            "error: --set:1:35: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'\n  |\n1 | topics/trucks_gps/partitions={a: x\n  |                                   ^\n  = expected YAML such as \"key: value\", indented by blanks",
        ),
        (
            "=5",
            "error: --set:1:1: a part of the path without a name\n  |\n1 | =5\n  | ^\n  = expected KEY=VALUE, such as duration=30s",
        ),
        (
            "timeline/7/at=3s",
            "error: --set:1:10: \"7\" is not in this list\n  |\n1 | timeline/7/at=3s\n  |          ^\n  = expected an item's number, from 0 to 1",
        ),
    ] {
        let error = load("test.yaml", GOOD.into(), &[set.to_string()]).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

/// A thousand million of strings in nine lines.
fn alias_bomb() -> String {
    let mut text = String::from("format: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..9 {
        let before = format!("*a{}", i - 1);
        text += &format!("a{i}: &a{i} [{}]\n", vec![before; 10].join(", "));
    }
    text
}
