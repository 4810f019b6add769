//! What is said of a key that no scenario has: what else there is, in short; and where the key names something
//! that Kafka has or people do, that it is not modelled, or how it is called here.

use crate::protocol::config::{Scope, nearest};

/// Found, expected, "did you mean".
pub(super) struct Unknown {
    pub(super) found: String,
    pub(super) expected: String,
    pub(super) suggestion: Option<String>,
}

/// `known` are the keys that may stand where `key` stands.
pub(super) fn unknown(key: &str, known: &'static [&'static str]) -> Unknown {
    let is_of_a_line = known.contains(&"crash");
    let found = match is_of_a_line {
        true => format!("\"{key}\" is no action, and goes with none"),
        false => format!("unknown key \"{key}\""),
    };
    let expected = match known {
        [] => "no key here".to_string(),
        _ if is_of_a_line => {
            "an action such as crash, restart, cut link or create topic; \"trial sentences\" lists all, with what goes with each".to_string()
        }
        some => {
            let at_the_top = some.contains(&"format");
            let may_be_meant = some
                .iter()
                .filter(|key| !at_the_top || !EVERYWHERE.contains(key));
            let may_be_meant: Vec<&str> = may_be_meant.copied().collect();
            format!("one of {}", may_be_meant.join(", "))
        }
    };
    let (found, suggestion) = match meaning(key, known) {
        Some(Meaning::NotModelled(what)) => (format!("\"{key}\": {what}"), None),
        Some(Meaning::Called(name)) => (found, Some(format!("\"{name}\""))),
        Some(Meaning::Setting) => (found, Some(format!("config: {{{key}: ...}}"))),
        None => (found, None),
    };
    Unknown {
        found,
        expected,
        suggestion,
    }
}

/// What every scenario says: who misses it is told so, and nobody means it by another word.
const EVERYWHERE: &[&str] = &["format", "name", "about"];

/// What somebody means who writes `key`: what it is called for here, Kafka's setting of that name, or what is
/// spelt nearly so.
fn meaning(key: &str, known: &'static [&'static str]) -> Option<Meaning> {
    let here = SAID.iter().filter(|(marker, ..)| known.contains(marker));
    let said = |word: &str| {
        let mut here = here.clone();
        here.find(|(_, words, _)| words.iter().any(|it| it.eq_ignore_ascii_case(word)))
            .map(|(_, _, meaning)| *meaning)
    };
    let is_setting = || {
        let here = SCOPES.iter().find(|(marker, _)| known.contains(marker));
        here.is_some_and(|(_, scope)| scope.key(key).is_ok())
    };
    said(key)
        .or_else(|| is_setting().then_some(Meaning::Setting))
        .or_else(|| nearest(key, known.iter().copied()).map(Meaning::Called))
        .or_else(|| {
            let words = here.clone().flat_map(|(_, words, _)| words.iter().copied());
            nearest(key, words).and_then(said)
        })
}

/// Whose settings stand in the `config` beside a key.
const SCOPES: &[(&str, Scope)] = &[
    ("saturate", Scope::Producer),
    ("seek", Scope::Consumer),
    ("replication.factor", Scope::Topic),
    ("coordination", Scope::Broker),
];

#[derive(Clone, Copy)]
enum Meaning {
    NotModelled(&'static str),
    /// It exists under another name.
    Called(&'static str),
    /// It is a setting of Kafka's, which has its place in `config`.
    Setting,
}

use Meaning::{Called, NotModelled};

/// A key that stands where these words would, the words, and what they mean.
const SAID: &[(&str, &[&str], Meaning)] = &[
    (
        "crash",
        &["delete topic", "delete topics"],
        NotModelled("deletion of topics is not modelled yet"),
    ),
    (
        "crash",
        &["add partitions", "increase partitions", "alter partitions"],
        Called("create partitions"),
    ),
    (
        "crash",
        &[
            "reassign partitions",
            "reassign",
            "move partition",
            "move replica",
        ],
        NotModelled("reassignment of replicas is not modelled yet"),
    ),
    (
        "crash",
        &[
            "alter broker",
            "alter broker config",
            "alter config",
            "configure broker",
        ],
        NotModelled(
            "dynamic configuration of brokers is not modelled; \"upgrade\" starts a stopped broker with other settings",
        ),
    ),
    (
        "crash",
        &[
            "reset offsets",
            "delete group",
            "describe group",
            "list groups",
            "commit offsets",
            "remove member",
            "rebalance",
            "join group",
            "leave group",
        ],
        NotModelled("what an administrator does with groups is not modelled yet"),
    ),
    (
        "crash",
        &[
            "describe topic",
            "list topics",
            "describe cluster",
            "list offsets",
        ],
        NotModelled(
            "an administrator's questions are not modelled; what Kafka's tools would print stands at the end of each run",
        ),
    ),
    (
        "crash",
        &[
            "abort transaction",
            "begin transaction",
            "commit transaction",
        ],
        NotModelled("transactions are not modelled yet"),
    ),
    (
        "crash",
        &["fail writes", "fail write"],
        NotModelled(
            "writes that fail by themselves are not modelled; \"fill disk\" and \"fail sync\" are",
        ),
    ),
    (
        "crash",
        &["add broker", "remove broker", "decommission"],
        NotModelled(
            "brokers come and go by machine: {down_at_start: true}, \"restart\" and \"stop\"",
        ),
    ),
    (
        "crash",
        &["create user", "create acl", "add acl", "set quota"],
        NotModelled("users, access control and quotas are not modelled"),
    ),
    (
        "crash",
        &["compact", "compact topic", "clean"],
        NotModelled("log compaction is not modelled: topics lose old records by age and size only"),
    ),
    (
        "crash",
        &["produce", "send", "consume", "read"],
        NotModelled(
            "clients do what stands under producers and consumers; start and stop there say when",
        ),
    ),
    (
        "crash",
        &["wait", "sleep"],
        NotModelled("each line says when: at: 30s, every: 10s, or when: <a moment>"),
    ),
    (
        "crash",
        &["shrink isr", "expand isr"],
        NotModelled("leaders change ISRs by themselves, when followers lag or have caught up"),
    ),
    (
        "crash",
        &["kill", "kill -9", "oom", "crash broker", "kill broker"],
        Called("crash"),
    ),
    (
        "crash",
        &["start", "reboot", "start broker", "restart broker"],
        Called("restart"),
    ),
    (
        "crash",
        &["elect leader", "elect leaders", "preferred leader election"],
        Called("elect preferred leader"),
    ),
    ("crash", &["remove file"], Called("delete file")),
    (
        "crash",
        &["slow cpu", "cpu", "load", "slow broker"],
        Called("slow machine"),
    ),
    (
        "crash",
        &[
            "shutdown",
            "shut down",
            "terminate",
            "sigterm",
            "kill -15",
            "stop broker",
            "stop consumer",
            "stop producer",
        ],
        Called("stop"),
    ),
    (
        "crash",
        &["freeze", "suspend", "sigstop", "gc pause", "gc"],
        Called("pause"),
    ),
    (
        "crash",
        &["unpause", "continue", "sigcont"],
        Called("resume"),
    ),
    (
        "crash",
        &["power off", "power loss", "power cut", "unplug"],
        Called("power failure"),
    ),
    (
        "crash",
        &["cut", "cut network", "disconnect"],
        Called("cut link"),
    ),
    (
        "crash",
        &["partition", "split network", "split", "network partition"],
        Called("partition network"),
    ),
    (
        "crash",
        &["slow network", "delay link", "delay"],
        Called("slow link"),
    ),
    (
        "crash",
        &["drop message", "drop", "packet loss", "lose packet"],
        Called("lose message"),
    ),
    (
        "crash",
        &["corrupt", "corrupt file", "corrupt disk"],
        Called("flip bit"),
    ),
    ("crash", &["full disk", "disk full"], Called("fill disk")),
    (
        "crash",
        &["skew clock", "set clock", "clock"],
        Called("jump clock"),
    ),
    ("crash", &["repair", "restore", "reconnect"], Called("heal")),
    (
        "timeline",
        &["groups", "group"],
        NotModelled("a group is made by its members: group.id in the config of consumers"),
    ),
    (
        "timeline",
        &["transactions"],
        NotModelled("transactions are not modelled yet"),
    ),
    (
        "timeline",
        &["streams", "connect", "connectors", "mirror"],
        NotModelled("only Kafka itself is modelled"),
    ),
    (
        "timeline",
        &["users", "acls", "quotas"],
        NotModelled("users, access control and quotas are not modelled"),
    ),
    (
        "timeline",
        &["kraft", "controllers"],
        NotModelled("KRaft is not modelled yet: ZooKeeper coordinates"),
    ),
    (
        "timeline",
        &["brokers", "zookeeper", "broker"],
        Called("cluster"),
    ),
    (
        "timeline",
        &["runtime", "length", "time", "run_for", "timeout"],
        Called("duration"),
    ),
    ("timeline", &["description"], Called("about")),
    (
        "timeline",
        &["faults", "events", "actions"],
        Called("timeline"),
    ),
    (
        "timeline",
        &["expectations", "expected", "assert"],
        Called("expect"),
    ),
    (
        "brokers",
        &["kraft", "controllers", "controller", "quorum"],
        NotModelled("KRaft is not modelled yet: ZooKeeper coordinates"),
    ),
    ("brokers", &["version"], Called("kafka_version")),
    ("brokers", &["ensemble"], Called("zookeeper")),
    (
        "saturate",
        &["partitioner"],
        Called("config: {partitioner.class: ...}"),
    ),
    ("saturate", &["partitions"], Called("partition")),
    (
        "saturate",
        &["transactional.id", "transaction", "transactional"],
        NotModelled("transactions are not modelled yet"),
    ),
    ("saturate", &["rate", "interval"], Called("every")),
    ("saturate", &["records", "messages"], Called("limit")),
    (
        "saturate",
        &["compression"],
        Called("config: {compression.type: ...}"),
    ),
    (
        "seek",
        &["group", "group.id", "group_id", "groups"],
        Called("config: {group.id: ...}"),
    ),
    ("seek", &["topic"], Called("topics")),
    ("seek", &["offset"], Called("seek")),
    (
        "seek",
        &["partitions", "partition", "assignment"],
        Called("assign"),
    ),
    (
        "seek",
        &["pause", "resume", "unpause"],
        Called("steps: [{when: 30s, do: pause all}]"),
    ),
    (
        "seek",
        &["from"],
        Called("config: {auto.offset.reset: earliest}"),
    ),
    (
        "coordination",
        &["racks"],
        Called("brokers: [{id: 1, rack: a}, ...]"),
    ),
];

#[cfg(test)]
mod tests {
    use crate::scenario::load;

    const TIMELINE: &str = "timeline: [{at: 9s, KEY: broker-1}]";

    /// Where a key stands, the key, and what is said of it: what is not modelled, or what may be meant.
    const KEYS: &[(&str, &str, &str)] = &[
        (
            TIMELINE,
            "delete topic",
            "deletion of topics is not modelled yet",
        ),
        (
            TIMELINE,
            "delet topic",
            "deletion of topics is not modelled yet",
        ),
        (TIMELINE, "erase topic", ""),
        (TIMELINE, "dance", ""),
        (TIMELINE, "crush", "\"crash\""),
        (TIMELINE, "isolte", "\"isolate\""),
        (TIMELINE, "kill", "\"crash\""),
        (TIMELINE, "crash broker", "\"crash\""),
        (TIMELINE, "start", "\"restart\""),
        (TIMELINE, "stop consumer", "\"stop\""),
        (TIMELINE, "gc pause", "\"pause\""),
        (TIMELINE, "packet loss", "\"lose message\""),
        (TIMELINE, "network partition", "\"partition network\""),
        (TIMELINE, "elect leader", "\"elect preferred leader\""),
        (
            TIMELINE,
            "rebalance",
            "what an administrator does with groups is not modelled yet",
        ),
        (
            TIMELINE,
            "commit offsets",
            "what an administrator does with groups is not modelled yet",
        ),
        (
            TIMELINE,
            "alter config",
            "dynamic configuration of brokers is not modelled; \"upgrade\" starts a stopped broker with other settings",
        ),
        (
            TIMELINE,
            "reassign partitions",
            "reassignment of replicas is not modelled yet",
        ),
        (
            TIMELINE,
            "begin transaction",
            "transactions are not modelled yet",
        ),
        (
            TIMELINE,
            "compact",
            "log compaction is not modelled: topics lose old records by age and size only",
        ),
        (
            TIMELINE,
            "wait",
            "each line says when: at: 30s, every: 10s, or when: <a moment>",
        ),
        (
            TIMELINE,
            "produce",
            "clients do what stands under producers and consumers; start and stop there say when",
        ),
        (
            "KEY: 1",
            "kraft",
            "KRaft is not modelled yet: ZooKeeper coordinates",
        ),
        (
            "KEY: 1",
            "groups",
            "a group is made by its members: group.id in the config of consumers",
        ),
        ("KEY: 1", "runtime", "\"duration\""),
        ("KEY: 1", "expectations", "\"expect\""),
        (
            "topics: {t: {KEY: 1}}",
            "retention.ms",
            "config: {retention.ms: ...}",
        ),
        (
            "topics: {t: {KEY: 1}}",
            "min.insync.replicas",
            "config: {min.insync.replicas: ...}",
        ),
        (
            "topics: {t: {KEY: 1}}",
            "replication",
            "\"replication.factor\"",
        ),
        (
            "producers: {p: {topic: t, KEY: 1}}",
            "linger.ms",
            "config: {linger.ms: ...}",
        ),
        (
            "producers: {p: {topic: t, KEY: 1}}",
            "compression",
            "\"config: {compression.type: ...}\"",
        ),
        (
            "producers: {p: {topic: t, KEY: 1}}",
            "partitioner",
            "\"config: {partitioner.class: ...}\"",
        ),
        ("producers: {p: {topic: t, KEY: 1}}", "rate", "\"every\""),
        (
            "producers: {p: {topic: t, KEY: 1}}",
            "transactional.id",
            "transactions are not modelled yet",
        ),
        (
            "consumers: {c: {topics: [t], KEY: 1}}",
            "group",
            "\"config: {group.id: ...}\"",
        ),
        (
            "consumers: {c: {topics: [t], KEY: 1}}",
            "pause",
            "\"steps: [{when: 30s, do: pause all}]\"",
        ),
        (
            "consumers: {c: {topics: [t], KEY: 1}}",
            "fetch.max.wait.ms",
            "config: {fetch.max.wait.ms: ...}",
        ),
        (
            "consumers: {c: {topics: [t], KEY: 1}}",
            "partitions",
            "\"assign\"",
        ),
        (
            "cluster: {brokers: 1, KEY: 1}",
            "num.io.threads",
            "config: {num.io.threads: ...}",
        ),
        (
            "cluster: {brokers: 1, KEY: 1}",
            "controllers",
            "KRaft is not modelled yet: ZooKeeper coordinates",
        ),
    ];

    #[test]
    fn what_exists_and_is_not_modelled_is_said_and_nothing_silly_is_suggested() {
        for (place, key, said) in KEYS {
            let line = place.replace("KEY", key);
            let cluster = match place.starts_with("cluster") {
                true => "",
                false => "cluster: {brokers: 1}\n",
            };
            let text = format!("format: 1\nname: s\nabout: a\nduration: 1m\n{cluster}{line}\n");
            let Err(error) = load("s.yaml", text.into_bytes(), &[]) else {
                panic!("{key} is taken");
            };
            let error = error.to_string();
            let wanted = match said {
                &"" => format!("\"{key}\" is no action"),
                said if said.starts_with(['"', '{']) || said.starts_with("config") => {
                    format!("did you mean {said}?")
                }
                said => format!("\"{key}\": {said}\n"),
            };
            assert!(error.contains(&wanted), "{error}");
            let hints = error.contains("did you mean");
            assert_eq!(hints, wanted.starts_with("did"), "{error}");
            let longest = error.lines().map(str::len).max();
            assert!(longest < Some(220), "{error}");
        }
    }
}
