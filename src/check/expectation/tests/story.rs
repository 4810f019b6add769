//! The made-up history on which expectations are tried.

use crate::check::EndOfRun;
use crate::check::expectation::judge;
use crate::check::testing::{
    Scene, acked, batch, consumed, content, position, record_id, state, tp,
};
use crate::kernel::{Duration, Time};
use crate::plan::{Action, ConsumerPlan, Expectation, Expected, Key, Plan, ProducerPlan, Role};
use crate::protocol::{ErrorCode, Fact, StateWriteReason};
use crate::trace::TraceEntry;

/// A crash of the leader of t-0 at 30 s, a new leader at 45 s, and the old one's return at 75 s.
pub(super) struct Story {
    pub(super) plan: Plan,
    pub(super) scene: Scene,
    pub(super) entries: Vec<TraceEntry>,
}

impl Story {
    pub(super) fn new() -> Self {
        let crash = Action::crash(Role::broker(1));
        let restart = Action::restart(Role::broker(1));
        let plan = Plan::new("story")
            .brokers(3)
            .producer(ProducerPlan::new("trucks", "t").count(2).key(Key::TruckId))
            .consumer(ConsumerPlan::new("dashboard", "t"))
            .at(Duration::from_secs(30), crash)
            .at(Duration::from_secs(75), restart);
        let mut scene = Scene::new();
        scene.commit("t-0", 2, &[2, 3, 1]);
        scene.commit("t-1", 3, &[3]);
        scene.set_replicas("t-1", &[3, 1]);
        scene.store(
            2,
            "t-0",
            [batch(0, 1, &["a", "b"]), batch(2, 1, &["c"])].concat(),
        );
        scene.store(3, "t-1", batch(0, 1, &["d"]));
        let mut story = Story {
            plan,
            scene,
            entries: Vec::new(),
        };
        story.tell();
        story
    }

    pub(super) fn tell(&mut self) {
        let event = |entry, text: &str| Fact::TimelineEvent {
            entry,
            end: false,
            text: text.into(),
        };
        let written = |partition, leader, epoch, isr: &[i32], why| {
            let mut fact = state(partition, leader, epoch, isr);
            if let Fact::StateWritten { reason, .. } = &mut fact {
                *reason = why;
            }
            fact
        };
        let leads_with_1_and_3 = Fact::BecameLeader {
            partition: tp("t-1"),
            leader_epoch: 0,
            log_end_offset: 0,
            high_watermark: 0,
            isr: vec![1, 3],
        };
        let write_that_waits = Fact::Appended {
            partition: tp("t-1"),
            base_offset: 0,
            last_offset: 0,
            leader_epoch: 0,
            as_leader: true,
            acks_all: true,
        };
        use StateWriteReason::{AlterPartition, NewPartition, OfflineElection, UncleanElection};
        let facts = [
            (
                100,
                "broker-3",
                Fact::ControllerElected {
                    controller_epoch: 1,
                },
            ),
            (
                200,
                "broker-3",
                written("t-0", 1, 0, &[1, 2, 3], NewPartition),
            ),
            (200, "broker-3", written("t-1", 1, 0, &[1, 3], NewPartition)),
            (
                300,
                "dashboard",
                Fact::Bootstrapped {
                    from: "broker-2:9092".into(),
                },
            ),
            (300, "dashboard", position("t-0", 0)),
            (300, "dashboard", position("t-1", 0)),
            (900, "trucks-1", created("trucks-1#0", "t-0", "a")),
            (1_000, "trucks-1", acked("trucks-1#0", "t-0", 0, "a")),
            (1_000, "dashboard", consumed("t-0", 0, "a")),
            (1_900, "trucks-1", created("trucks-1#1", "t-0", "b")),
            (2_000, "trucks-1", acked("trucks-1#1", "t-0", 1, "b")),
            (2_000, "dashboard", consumed("t-0", 1, "b")),
            (30_000, "broker-1", event(0, "crash: broker-1")),
            (30_000, "broker-1", Fact::Crashed),
            (30_000, "broker-3", leads_with_1_and_3),
            (30_000, "broker-3", write_that_waits),
            (
                45_000,
                "zookeeper-1",
                Fact::SessionExpired {
                    session: 1,
                    ephemerals: vec![],
                },
            ),
            (
                45_001,
                "broker-3",
                written("t-0", 2, 1, &[2, 3], OfflineElection),
            ),
            (
                45_002,
                "broker-3",
                written("t-1", 3, 1, &[3], UncleanElection),
            ),
            (45_900, "trucks-2", created("trucks-2#0", "t-0", "c")),
            (46_000, "trucks-2", acked("trucks-2#0", "t-0", 2, "c")),
            (46_000, "dashboard", consumed("t-0", 2, "c")),
            (
                50_000,
                "broker-3",
                Fact::ProduceRefused {
                    partition: tp("t-1"),
                    error: ErrorCode::NotEnoughReplicas,
                },
            ),
            (75_000, "broker-1", event(1, "restart: broker-1")),
            (
                75_500,
                "broker-1",
                Fact::Truncated {
                    partition: tp("t-0"),
                    from: 3,
                    to: 2,
                    leader: 2,
                },
            ),
            (
                76_000,
                "broker-3",
                written("t-0", 2, 1, &[2, 3, 1], AlterPartition),
            ),
            (
                80_000,
                "trucks-2",
                Fact::Failed {
                    record: record_id("trucks-2#1"),
                    partition: tp("t-1"),
                    exception: "TimeoutException".into(),
                    attempts: 3,
                },
            ),
        ];
        for (ms, node, fact) in facts {
            self.add(ms, node, fact);
        }
    }

    pub(super) fn add(&mut self, ms: u64, node: &str, fact: Fact) {
        let mut entry = self.scene.fact(node, fact);
        entry.time = Time(ms * 1_000_000);
        self.entries.push(entry);
    }

    pub(super) fn judge(&mut self, expected: Expected) -> String {
        self.plan.expect = vec![expected];
        judge(&self.plan, &self.entries, &EndOfRun::new(&self.scene), None)[0].to_string()
    }

    pub(super) fn says(&mut self, sentence: &str) -> String {
        self.judge(expected(sentence))
    }
}

pub(super) fn expected(sentence: &str) -> Expected {
    expectation(sentence).into()
}

fn expectation(sentence: &str) -> Expectation {
    sentence
        .parse()
        .unwrap_or_else(|error| panic!("{sentence}: {error}"))
}

pub(super) fn created(record: &str, partition: &str, value: &str) -> Fact {
    Fact::RecordCreated {
        record: record_id(record),
        partition: tp(partition),
        content: content(value),
        waited_ns: 0,
    }
}
