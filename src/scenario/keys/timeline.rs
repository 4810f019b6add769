//! Keys of a line of the timeline: when, what, to whom, and what goes with it.

use super::forms::{self, FROM_ONE, ROLES};
use super::servers::ASSIGNMENT;
use super::{Form, Key, Room, may};
use crate::protocol::config::Scope;
use crate::scenario::actions::ACTIONS;

/// Of an action, whose words stand in the table of actions.
const fn action(name: &'static str, form: Form) -> Key {
    may(name, form, said(name), "")
}

/// What is done, by the key that names it.
const fn said(name: &str) -> &'static str {
    let mut i = 0;
    while i < ACTIONS.len() {
        if begins(ACTIONS[i].0.as_bytes(), name.as_bytes()) {
            return ACTIONS[i].1;
        }
        i += 1;
    }
    panic!("no such action")
}

/// `text` is this name and a colon, and what follows.
const fn begins(text: &[u8], name: &[u8]) -> bool {
    let mut i = 0;
    while i < name.len() {
        if i >= text.len() || text[i] != name[i] {
            return false;
        }
        i += 1;
    }
    name.len() < text.len() && text[name.len()] == b':'
}

const TOPIC: Form = Form::Written(&forms::TOPIC_NAME);

pub(super) static LINE: Room = Room::new(
    "Line of the timeline",
    "an item of `timeline`",
    &[
        may("about", Form::Text, "for the reader: why this is done", "nothing"),
        may("at", Form::Time, "at this time, counted from the start of the run", "`every` or `when` says it"),
        may("every", Form::Time, "so often: first after this time, or at `from`, and up to `until`", "`at` or `when` says it"),
        may(
            "when",
            Form::Moment,
            "the first time that this happens",
            "`at` or `every` says it",
        ),
        may("after", Form::Time, "beside `when`: so much later", "`0s`").beside(&["when"]),
        may("from", Form::Time, "beside `every` or `when`: not before this time", "at once").beside(&["every", "when"]),
        may("until", Form::Time, "beside `every`: not after this time", "the end").beside(&["every"]),
        may(
            "for",
            Form::Time,
            "a fault that lasts ends by itself after so long; a process that was killed or stopped is started again",
            "it lasts",
        )
        .beside(LASTING),
        action("crash", ROLES),
        action("power failure", ROLES),
        action("restart", ROLES),
        action("upgrade", ROLES),
        action("pause", ROLES),
        action("resume", ROLES),
        action("stop", ROLES),
        action("cut link", ROLES).needs(&["to"]),
        action("partition network", Form::List(&ROLES)),
        action("isolate", ROLES),
        action("slow link", ROLES).needs(&["to", "by"]),
        action("throttle link", ROLES).needs(&["to", "rate"]),
        action("stall link", ROLES).needs(&["to"]),
        action("reset link", ROLES).needs(&["to"]),
        action("lose message", ROLES).needs(&["to"]),
        may("to", ROLES, "the nodes at the other end of a link", "must be said").beside(&[
            "cut link",
            "slow link",
            "throttle link",
            "stall link",
            "reset link",
            "lose message",
        ]),
        may("one way", Form::Truth, "answers still get through", "`false`").beside(&["cut link"]),
        may("rate", Form::Rate, "so many bytes a second", "must be said").beside(&["throttle link"]),
        action("slow disk", ROLES).needs(&["times"]),
        action("fill disk", ROLES),
        action("fail reads", ROLES).needs(&["file"]),
        action("flip bit", ROLES).needs(&["file", "position"]),
        action("hang sync", ROLES),
        action("fail sync", ROLES),
        action("wipe disk", ROLES),
        action("delete file", ROLES).needs(&["file"]),
        action("truncate file", ROLES).needs(&["file", "size"]),
        action("write file", ROLES).needs(&["file"]),
        may("times", FROM_ONE, "so many times as long", "must be said").beside(&["slow disk", "slow machine"]),
        may(
            "file",
            Form::Text,
            "of `fail reads` and `flip bit`: a part of paths; of the others a path such as `data/meta.properties`",
            "must be said",
        )
        .beside(&["fail reads", "flip bit", "delete file", "truncate file", "write file"]),
        may("size", forms::COUNT, "so many bytes are left of it", "must be said").beside(&["truncate file"]),
        may("text", Form::Text, "the file holds this and nothing else", "`hex` says it").beside(&["write file"]),
        may("hex", Form::Text, "the file holds this and nothing else, two digits a byte", "`text` says it")
            .beside(&["write file"]),
        may("position", forms::COUNT, "which byte of the file, from 0", "must be said").beside(&["flip bit"]),
        may("bit", Form::Whole { least: 0, most: 7 }, "which bit of the byte, from 0 to 7", "0").beside(&["flip bit"]),
        action("jump clock", ROLES).needs(&["by"]),
        action("drift clock", ROLES).needs(&["ppm"]),
        action("slow machine", ROLES).needs(&["times"]),
        may(
            "by",
            Form::SignedTime,
            "of a link: so much later each trip; of a clock: so far, also back",
            "must be said",
        )
        .beside(&["slow link", "jump clock"]),
        may(
            "ppm",
            Form::Whole { least: i32::MIN as i64, most: i32::MAX as u64 },
            "so many parts per million fast, or (negative) slow",
            "must be said",
        )
        .beside(&["drift clock"]),
        action("heal", ROLES),
        action("create topic", TOPIC),
        may("partitions", FROM_ONE, "how many in all", "of a new topic: the brokers' `num.partitions`")
            .beside(&["create topic", "create partitions"]),
        may("replication.factor", FROM_ONE, "on how many brokers each partition is", "the brokers' `default.replication.factor`")
            .beside(&["create topic"]),
        may(
            "assignment",
            ASSIGNMENT,
            "in place of both: which brokers have each partition, the preferred leader first",
            "Kafka's rule",
        )
        .beside(&["create topic"]),
        may("config", Form::Settings(Scope::Topic), "Kafka's keys for the new topic", "Kafka's defaults")
            .beside(&["create topic"]),
        action("alter topic", TOPIC),
        may(
            "set",
            Form::AnyOf(&[Form::Settings(Scope::Topic), Form::Settings(Scope::Broker)]),
            "of `alter topic`: Kafka's keys for topics; of `upgrade`: lines of `server.properties`",
            "nothing",
        )
        .beside(&["upgrade", "alter topic"]),
        may(
            "delete",
            Form::OneOrMany(&Form::Text),
            "Kafka's keys whose values the topic loses",
            "nothing",
        )
        .beside(&["alter topic"]),
        action("create partitions", TOPIC).needs(&["partitions"]),
        action("delete records", Form::Written(&forms::PARTITION)),
        may(
            "before",
            Form::Whole { least: i64::MIN, most: i64::MAX as u64 },
            "this offset stays",
            "all that are committed go",
        )
        .beside(&["delete records"]),
        action("describe group", Form::Text),
        action("elect preferred leader", Form::OneOrMany(&Form::Written(&forms::PARTITIONS))),
        action("elect unclean leader", Form::OneOrMany(&Form::Written(&forms::PARTITIONS))),
        action("ask zookeeper", Form::Written(&forms::ZOOKEEPER_COMMAND)).needs(&["client"]),
        may("client", Form::Text, "who asks: one of `zookeeper_clients`", "must be said").beside(&["ask zookeeper"]),
        may(
            "optional",
            Form::Truth,
            "where nobody fits, the run goes on",
            "`false`: the run fails",
        ),
        may(
            "as",
            Form::OneOrMany(&Form::Text),
            "in a plan that was run: the role by which the nodes were found. It changes nothing",
            "nothing",
        ),
    ],
)
.exactly_one(&[&["at", "every", "when"], ALL]);

/// Actions whose effect lasts.
const LASTING: &[&str] = &[
    "crash",
    "power failure",
    "pause",
    "stop",
    "cut link",
    "partition network",
    "isolate",
    "slow link",
    "throttle link",
    "stall link",
    "slow disk",
    "fill disk",
    "fail reads",
    "hang sync",
    "fail sync",
    "drift clock",
    "slow machine",
];

/// All actions.
const ALL: &[&str] = &{
    let mut all = [""; ACTIONS.len()];
    let mut i = 0;
    while i < ACTIONS.len() {
        let (name, _) = ACTIONS[i].0.split_at(colon(ACTIONS[i].0.as_bytes()));
        all[i] = name;
        i += 1;
    }
    all
};

/// Where the action's name ends.
const fn colon(text: &[u8]) -> usize {
    let mut i = 0;
    while text[i] != b':' {
        i += 1;
    }
    i
}
