//! Every action of the timeline, by an example of what goes with it: for the book, for `trial sentences`, and for
//! who writes one wrong.

/// An example, and what is done. The examples are those of a scenario with a topic `t` of two partitions, a
/// producer `p` and a client of ZooKeeper `z`.
pub(super) const ACTIONS: &[(&str, &str)] = &[
    (
        "crash: broker-1",
        "kill -9: memory is gone, the page cache stays",
    ),
    (
        "power failure: broker-1",
        "the machine goes dark; what was not synced may be gone",
    ),
    (
        "restart: crashed brokers",
        "starts processes that are not running",
    ),
    (
        "upgrade: broker-1, set: {log.segment.bytes: 1000}",
        "starts brokers that are not running, with these lines changed in their server.properties",
    ),
    (
        "pause: broker-1",
        "nothing runs, time goes on, timers fire late",
    ),
    ("resume: broker-1", "ends a pause"),
    (
        "stop: broker-1",
        "SIGTERM: a broker does its controlled shutdown",
    ),
    (
        "cut link: broker-1, to: broker-2, one way: true",
        "nothing gets through; with one way: true, answers still do",
    ),
    (
        "partition network: [[broker-1], [broker-2, broker-3]]",
        "only nodes of one set reach each other",
    ),
    ("isolate: broker-1", "cut from everybody else"),
    (
        "slow link: broker-1, to: broker-2, by: 50ms",
        "so much more latency each trip, both ways",
    ),
    (
        "throttle link: broker-1, to: broker-2, rate: 64KiB/s",
        "so many bytes a second, both ways",
    ),
    (
        "stall link: broker-1, to: broker-2",
        "messages are held until the fault ends, then delivered in order",
    ),
    (
        "reset link: broker-1, to: broker-2",
        "every connection between the two is reset, once",
    ),
    (
        "lose message: broker-1, to: broker-2",
        "the next message is lost, and its connection reset",
    ),
    (
        "slow disk: broker-1, times: 10",
        "every operation takes so many times as long",
    ),
    ("fill disk: broker-1", "no space is left"),
    (
        "fail reads: broker-1, file: t-0",
        "reads fail of every file with this in its path",
    ),
    (
        "flip bit: broker-1, file: t-0, position: 100, bit: 3",
        "one bit flips in every file with this in its path that is long enough",
    ),
    ("hang sync: broker-1", "fsync hangs"),
    ("fail sync: broker-1", "fsync fails"),
    ("wipe disk: broker-1", "everything on the disk is gone"),
    (
        "delete file: broker-1, file: data/meta.properties",
        "somebody deletes a file of a node that is down",
    ),
    (
        "truncate file: broker-1, file: data/meta.properties, size: 0",
        "somebody cuts a file of a node that is down",
    ),
    (
        "write file: broker-1, file: data/meta.properties, text: x",
        "somebody writes a file of a node that is down; hex goes with it in place of text",
    ),
    (
        "jump clock: broker-1, by: -5s",
        "the wall clock jumps, also back",
    ),
    (
        "drift clock: broker-1, ppm: 200",
        "the clock runs so many parts per million fast, or slow",
    ),
    (
        "slow machine: broker-1, times: 4",
        "work takes so many times as long",
    ),
    (
        "heal: everything",
        "ends faults that last: everything, network, or those of the nodes named",
    ),
    (
        "create topic: u, partitions: 3, replication.factor: 2",
        "an administrator makes a topic; assignment and config go with it too",
    ),
    (
        "alter topic: t, set: {retention.ms: 5000}, delete: [flush.ms]",
        "an administrator changes a topic's configuration",
    ),
    (
        "create partitions: t, partitions: 8",
        "an administrator gives a topic more partitions, so many in all",
    ),
    (
        "delete records: t-0, before: 10",
        "an administrator deletes records below an offset, or all that are committed",
    ),
    (
        "describe group: dashboards",
        "an administrator asks how far a group has read, as kafka-consumer-groups --describe does",
    ),
    (
        "elect preferred leader: t-0",
        "an administrator asks that the preferred replica lead, also of all partitions",
    ),
    (
        "elect unclean leader: t-0",
        "the same, from outside the ISR",
    ),
    (
        "ask zookeeper: get /brokers/ids, client: z",
        "a client of ZooKeeper asks it what one would type into zkCli",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load;
    use std::collections::BTreeSet;

    #[test]
    fn each_example_is_an_action_and_each_action_has_one() {
        let mut nouns = BTreeSet::new();
        for (example, _) in ACTIONS {
            let text = format!(
                "format: 1\nname: s\nabout: a\nduration: 1m\ncluster: {{brokers: 3}}\n\
                 topics: {{t: {{partitions: 2}}}}\nproducers: {{p: {{topic: t, key: truck_id}}}}\nzookeeper_clients: {{z: {{}}}}\n\
                 timeline: [{{at: 9s, {example}}}]\n"
            );
            let loaded = load("s.yaml", text.into_bytes(), &[]);
            let plan = loaded
                .unwrap_or_else(|error| panic!("{example}: {error}"))
                .plan;
            let action = &plan.timeline[0].action;
            assert!(
                example.starts_with(&format!("{}:", action.key())),
                "{example}"
            );
            nouns.insert(action.noun());
        }
        let all: BTreeSet<&str> = crate::plan::Action::NOUNS.iter().copied().collect();
        assert_eq!(nouns, all);
    }
}
