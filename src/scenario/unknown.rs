//! What is said of a key that no scenario has: what else there is, in short; and where the key names something
//! that Kafka has or people do, that it is not modelled, or how it is called here.

use crate::protocol::config::nearest;

/// Found, expected, "did you mean".
pub(super) struct Unknown {
    pub(super) found: String,
    pub(super) expected: String,
    pub(super) suggestion: Option<String>,
}

/// `known` are the keys that may stand where `key` stands.
pub(super) fn unknown(key: &str, known: &'static [&'static str]) -> Unknown {
    let what = known
        .contains(&"crash")
        .then_some("an action, or goes with none");
    let found = match what {
        Some(_) => format!("\"{key}\" is no action, and goes with none"),
        None => format!("unknown key \"{key}\""),
    };
    let expected = match (known, what) {
        ([], _) => "no key here".to_string(),
        (_, Some(_)) => {
            "an action such as crash, restart, cut link or create topic; \"trial sentences\" lists all, with what goes with each".to_string()
        }
        (some, None) => format!("one of {}", some.join(", ")),
    };
    let said = |(marker, words, _): &&(&str, &[&str], Meaning)| {
        known.contains(marker) && words.iter().any(|word| word.eq_ignore_ascii_case(key))
    };
    match SAID.iter().find(said) {
        Some((_, _, Meaning::NotModelled(what))) => Unknown {
            found: format!("\"{key}\": {what}"),
            expected,
            suggestion: None,
        },
        Some((_, _, Meaning::Called(name))) => Unknown {
            found,
            expected,
            suggestion: Some(format!("\"{name}\"")),
        },
        None => Unknown {
            found,
            expected,
            suggestion: nearest(key, known.iter().copied()).map(|key| format!("\"{key}\"")),
        },
    }
}

enum Meaning {
    NotModelled(&'static str),
    /// It exists under another name.
    Called(&'static str),
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
        &[
            "add partitions",
            "create partitions",
            "increase partitions",
            "alter partitions",
        ],
        NotModelled("more partitions for a topic are not modelled yet"),
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
        ],
        NotModelled("consumer groups are not modelled yet"),
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
    ("crash", &["kill", "kill -9"], Called("crash")),
    ("crash", &["start", "reboot"], Called("restart")),
    (
        "crash",
        &["shutdown", "shut down", "terminate", "sigterm", "kill -15"],
        Called("stop"),
    ),
    ("crash", &["freeze", "suspend", "sigstop"], Called("pause")),
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
        &["partition", "split network", "split"],
        Called("partition network"),
    ),
    (
        "crash",
        &["slow network", "delay link", "delay"],
        Called("slow link"),
    ),
    ("crash", &["drop message", "drop"], Called("lose message")),
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
        NotModelled("consumer groups are not modelled yet"),
    ),
    (
        "timeline",
        &["transactions"],
        NotModelled("transactions are not modelled yet"),
    ),
    (
        "timeline",
        &[
            "streams",
            "connect",
            "connectors",
            "schema_registry",
            "mirror",
        ],
        NotModelled("only Kafka itself is modelled"),
    ),
    (
        "timeline",
        &["users", "acls", "quotas"],
        NotModelled("users, access control and quotas are not modelled"),
    ),
    ("timeline", &["brokers", "zookeeper"], Called("cluster")),
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
        &["partition", "partitioner"],
        NotModelled(
            "partitioners are not modelled yet: records with a key go by its hash, others go round the partitions",
        ),
    ),
    (
        "saturate",
        &["headers"],
        NotModelled("headers of records are not modelled"),
    ),
    (
        "saturate",
        &["transactional.id", "transaction", "transactional"],
        NotModelled("transactions are not modelled yet"),
    ),
    (
        "saturate",
        &["idempotent", "idempotence", "enable.idempotence"],
        NotModelled("idempotent producers are not modelled yet"),
    ),
    ("saturate", &["rate", "interval"], Called("every")),
    (
        "seek",
        &["group", "group.id", "group_id", "groups"],
        NotModelled(
            "consumer groups are not modelled yet: each consumer reads every partition of its topics by itself",
        ),
    ),
    ("seek", &["topic"], Called("topics")),
    ("seek", &["offset"], Called("seek")),
];

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: &[&str] = &["crash", "restart", "create topic", "stop"];

    #[test]
    fn what_exists_and_is_not_modelled_is_said_and_nothing_silly_is_suggested() {
        let said = unknown("delete topic", ACTIONS);
        assert_eq!(
            said.found,
            "\"delete topic\": deletion of topics is not modelled yet"
        );
        assert_eq!(said.suggestion, None);
        assert_eq!(
            unknown("kill", ACTIONS).suggestion.as_deref(),
            Some("\"crash\"")
        );
        assert_eq!(
            unknown("crush", ACTIONS).suggestion.as_deref(),
            Some("\"crash\"")
        );
        assert_eq!(unknown("erase topic", ACTIONS).suggestion, None);
        assert!(unknown("dance", ACTIONS).expected.len() < 150);
    }
}
