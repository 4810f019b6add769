//! Runs in which one rule is broken on purpose: the run, the property that notices, and who is suspected.
//!
//! The broken rules are those of `protocol::rules`; no scenario can name one, only this table and tests. Each suspect says
//! what in the lines of the run clears or convicts it.

/// A broken run.
#[derive(Debug)]
pub(in crate::cli) struct Bug {
    pub(super) name: &'static str,
    /// What was seen, in a line.
    pub(super) seen: &'static str,
    /// The broken rule, as `Rules::parse` takes it.
    pub(super) broken: &'static str,
    /// The property that notices.
    pub(super) noticed_by: &'static str,
    /// A scenario.
    pub(super) plan: &'static str,
    /// The lines that are shown begin at this second.
    pub(super) from: u64,
    /// A record whose own way is shown too.
    pub(super) record: Option<&'static str>,
    /// What the figure is cut around, as `trial chart --around` takes it; none: the event that shows it.
    pub(super) around: Option<&'static str>,
    pub(super) suspects: [Suspect; 4],
    /// Where the rule stands in the book's table of rules.
    pub(super) rule: &'static str,
}

#[derive(Debug)]
pub(super) struct Suspect {
    /// The rule that would be broken.
    pub(super) rule: &'static str,
    pub(super) guilty: bool,
    /// What clears or convicts it.
    pub(super) why: &'static str,
}

const fn innocent(rule: &'static str, why: &'static str) -> Suspect {
    Suspect {
        rule,
        guilty: false,
        why,
    }
}

const fn guilty(rule: &'static str, why: &'static str) -> Suspect {
    Suspect {
        rule,
        guilty: true,
        why,
    }
}

pub(in crate::cli) const BUGS: &[Bug] = &[
    Bug {
        name: "gone",
        seen: "records that were acknowledged with acks=all are gone after a failover",
        broken: "acks_all=appended",
        noticed_by: "no acknowledged record is lost",
        plan: "
format: 1
name: gone
about: A truck writes with acks=all to a partition on two brokers. Its leader is cut off from the follower, and dies.
duration: 45s
cluster:
  zookeeper: 1
  brokers: [{id: 1, machine: {start_after: 1s}}, {id: 2}]
  config: {zookeeper.session.timeout.ms: 6000, replica.lag.time.max.ms: 4000}
topics:
  positions: {assignment: [[1, 2]]}
producers:
  truck: {topic: positions, every: 500ms, acks: all}
timeline:
  - {at: 10s, for: 4s, cut link: broker-1, to: broker-2}
  - {at: 12s, crash: broker-1}
  - {at: 30s, restart: broker-1}
",
        from: 10,
        record: Some("truck#15"),
        around: Some("record:truck#15"),
        suspects: [
            innocent(
                "Only a replica that is in sync may be elected leader.",
                "Nobody had taken broker-2 out of the ISR: it was in sync by Kafka's definition, and could be elected.",
            ),
            innocent(
                "A follower cuts off only what its leader does not have.",
                "broker-1 comes back and cuts what broker-2 does not have, as it must. By then the records were lost: nobody who may \
                 lead had them.",
            ),
            guilty(
                "With acks=all a leader acknowledges a record when every in-sync replica has it.",
                "From 10 s on broker-2 got nothing, and was in the ISR: nothing could be committed, and so nothing acknowledged. Yet \
                 truck#15 was acknowledged in less than a millisecond.",
            ),
            innocent(
                "A broker that did not stop cleanly checks its logs when it starts again.",
                "It did, at 30.022 s, and found nothing damaged.",
            ),
        ],
        rule: "P2",
    },
    Bug {
        name: "left-behind",
        seen: "twelve seconds of acknowledged records are gone, though they were stored where they had to be",
        broken: "offline_election=any-live",
        noticed_by: "no acknowledged record is lost",
        plan: "
format: 1
name: left-behind
about: A truck writes with acks=all to a partition on two brokers, which cannot reach each other for a while. Then the leader dies.
duration: 60s
cluster:
  zookeeper: 1
  brokers:
    - {id: 1, machine: {start_after: 2s}}
    - {id: 2, machine: {start_after: 2s}}
    - {id: 3}
  config: {zookeeper.session.timeout.ms: 6000, replica.lag.time.max.ms: 4000}
topics:
  positions: {assignment: [[1, 2]]}
producers:
  truck: {topic: positions, every: 500ms, acks: all}
timeline:
  - {at: 10s, for: 20s, cut link: broker-1, to: broker-2}
  - {at: 22s, crash: broker-1, for: 15s}
",
        from: 10,
        record: Some("truck#20"),
        around: Some("record:truck#20"),
        suspects: [
            innocent(
                "With acks=all a leader acknowledges a record when every in-sync replica has it.",
                "truck#20 waited until broker-2 was out of the ISR, at 14.036 s. From then on broker-1 was all that was in \
                 sync, and min.insync.replicas is 1: it may acknowledge alone.",
            ),
            innocent(
                "A follower that does not catch up for replica.lag.time.max.ms leaves the ISR.",
                "It left at 14.036 s, four seconds after the cut, as set.",
            ),
            innocent(
                "A broker is given up only when its session has timed out.",
                "It died at 22 s and was given up at 28 s: six seconds, as set.",
            ),
            guilty(
                "Only a replica that is in sync may be elected leader.",
                "broker-2 had been out of the ISR for 14 s, and unclean.leader.election.enable is false. The partition should have \
                 waited without a leader until broker-1 came back.",
            ),
        ],
        rule: "Z3",
    },
    Bug {
        name: "offset-used-twice",
        seen: "a reader was given the same offset by two leaders",
        broken: "consumer_reads=log-end",
        noticed_by: "no offset is used twice",
        plan: "
format: 1
name: offset-used-twice
about: A truck writes with acks=all, a dashboard reads. The leader is cut off from its follower, and dies.
duration: 45s
cluster:
  zookeeper: 1
  brokers: [{id: 1, machine: {start_after: 1s}}, {id: 2}]
  config: {zookeeper.session.timeout.ms: 6000, replica.lag.time.max.ms: 4000}
topics:
  positions: {assignment: [[1, 2]]}
producers:
  truck: {topic: positions, every: 500ms, acks: all}
consumers:
  dashboard: {topics: [positions]}
timeline:
  - {at: 10s, for: 4s, cut link: broker-1, to: broker-2}
  - {at: 12s, crash: broker-1}
  - {at: 30s, restart: broker-1}
",
        from: 10,
        record: Some("truck#15"),
        around: Some("record:truck#15"),
        suspects: [
            innocent(
                "A leader gives each offset once.",
                "It does. broker-2 never had what broker-1 stored at 14, so 14 is free for it. That is why nobody may look at what is \
                 not committed.",
            ),
            guilty(
                "A consumer gets only what is committed.",
                "Committed was what lay below 14, and the dashboard had read that much. Before the leader died it read offset 14 \
                 too, which only that leader had.",
            ),
            innocent(
                "A record that is sent again is stored once.",
                "truck#15 was sent again, since nobody had acknowledged it, and broker-2 stored it once, in its own log.",
            ),
            innocent(
                "Only a replica that is in sync may be elected leader.",
                "broker-2 was in the ISR: it had all that was committed.",
            ),
        ],
        rule: "F1",
    },
    Bug {
        name: "two-readers",
        seen: "two members of a group read the same partition",
        broken: "group_join=first-comer",
        noticed_by: "a partition has one reader a generation",
        plan: "
format: 1
name: two-readers
about: One member reads three partitions. A second one joins its group.
duration: 40s
cluster: {brokers: 3, config: {zookeeper.session.timeout.ms: 6000}}
topics: {positions: {partitions: 3, replication.factor: 3}}
producers: {truck: {count: 3, topic: positions, key: truck_id, every: 500ms}}
consumers:
  a: {topics: [positions], config: {group.id: g}}
  b: {topics: [positions], start: 20s, config: {group.id: g}}
",
        from: 2,
        record: None,
        around: None,
        suspects: [
            guilty(
                "A rebalance waits until each member has joined again, or its time is up.",
                "It began at 20.001 s and was over within a millisecond or two. a, which is told to join again only by its next \
                 heartbeat, had not been heard of, and went on reading all it had.",
            ),
            innocent(
                "Who plans the assignment gives each partition to one member.",
                "The plan was right: b got one partition, the two others are for a. But a had not heard of it.",
            ),
            innocent(
                "A member that is silent for session.timeout.ms is put out of its group.",
                "a was not silent: it sent its heartbeats, and had no cause to stop reading.",
            ),
            innocent(
                "A commit is refused if it comes from an earlier generation.",
                "That would show later: a's next commit would be refused. It cannot keep two from reading at the same time.",
            ),
        ],
        rule: "CG18",
    },
    Bug {
        name: "twice",
        seen: "an idempotent producer's record stands in the log twice",
        broken: "retry_sequence=new",
        noticed_by: "an idempotent producer's records are stored once and in order",
        plan: "
format: 1
name: twice
about: A truck sends to one broker, which stands still for five seconds. The truck does not wait that long for an answer.
duration: 30s
cluster: {brokers: 1}
topics: {positions: {partitions: 1, replication.factor: 1}}
producers: {truck: {topic: positions, every: 1s, config: {request.timeout.ms: 2000}}}
consumers: {dashboard: {topics: [positions]}}
timeline: [{at: 10s, for: 5s, pause: broker-1}]
",
        from: 10,
        record: Some("truck#10"),
        around: Some("record:truck#10"),
        suspects: [
            innocent(
                "A broker stores nothing that came while it stood still.",
                "There is no such rule: it cannot know how long a request lay there, nor that its sender has given up waiting.",
            ),
            innocent(
                "A leader refuses a batch whose sequence numbers it has stored already.",
                "It compares them. These were new each time, so nothing told it that it had the records.",
            ),
            innocent(
                "A consumer passes over what it has read.",
                "A consumer looks at offsets, and these are two. What the records say it does not compare.",
            ),
            guilty(
                "A producer sends a batch again with the sequence numbers that it had.",
                "The same record came under two numbers. Only if they are the same can the leader know a batch again and store it once.",
            ),
        ],
        rule: "CP37",
    },
    Bug {
        name: "cut-too-far",
        seen: "a replica that is in sync lacks a committed record",
        broken: "truncation=hw",
        noticed_by: "who is in the ISR has all that is committed",
        plan: "
format: 1
name: cut-too-far
about: One record is written with acks=all to a partition on three brokers. A moment later another of them becomes the leader.
duration: 45s
cluster:
  zookeeper: 1
  brokers:
    - {id: 1, machine: {start_after: 1s}}
    - {id: 2, machine: {start_after: 1s}}
    - {id: 3, machine: {start_after: 1s}}
    - {id: 4}
  config: {zookeeper.session.timeout.ms: 6000, replica.lag.time.max.ms: 10000}
topics:
  positions: {assignment: [[2, 1, 3]]}
producers:
  early: {topic: positions, every: 1s, stop: 17s, acks: all}
  late: {topic: positions, start: 30s, limit: 1, acks: all}
timeline:
  - {at: 5s, for: 8s, crash: broker-2}
  - {when: late#1 is acknowledged, elect preferred leader: [positions-0]}
",
        from: 30,
        record: Some("late#1"),
        around: None,
        suspects: [
            innocent(
                "Only a replica that is in sync may be elected leader.",
                "broker-2 was in the ISR (1, 3, 2), and its log ended at 15, with the record.",
            ),
            innocent(
                "With acks=all a leader acknowledges a record when every in-sync replica has it.",
                "All three logs had late#1 before it was acknowledged.",
            ),
            guilty(
                "A follower asks its leader where their logs part, and cuts there.",
                "Its log and its leader's were the same up to 15. It cut at its own high watermark, of which it hears later than of the \
                 record itself: so it threw away what was committed. (Kafka did so before 0.11.)",
            ),
            innocent(
                "A new leader has a higher leader epoch than the one before.",
                "It rose from 1 to 2.",
            ),
        ],
        rule: "E5",
    },
];
