//! Facts explain every change of a view: what checkers learn by facts is what there is. Runs of shipped
//! scenarios are stepped event by event; the views before an event, and what its facts say, must come to
//! the views after it. A change without a fact would disarm every checker that lives on facts.

use kafka_trial::node::view::{ClusterView, CommittedPartition, ReplicaView};
use kafka_trial::protocol::{BrokerId, Fact, NO_LEADER, TopicPartition};
use kafka_trial::run::Run;
use kafka_trial::scenario;
use kafka_trial::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Replicas = BTreeMap<(BrokerId, TopicPartition), ReplicaView>;
type Committed = BTreeMap<TopicPartition, CommittedPartition>;

/// A committed state, as it was written: partition, version, leader, leader epoch, ISR.
type Written = (TopicPartition, i32, BrokerId, i32, Vec<BrokerId>);

/// Steps through a scenario; gives what facts did not explain. Facts that `forgotten` names are not heard.
fn unexplained(path: &str, forgotten: fn(&Fact) -> bool) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(path);
    let bytes = std::fs::read(file).expect("it ships");
    let loaded = scenario::load(path, bytes, &[]).unwrap_or_else(|error| panic!("{error}"));
    let plan = loaded.plan;
    let mut run = Run::start(&plan, plan.seed).expect("settings that Kafka takes");
    let mut told = Told::default();
    let mut heard = 0;
    let mut replicas = Replicas::new();
    let mut committed = Committed::new();
    let mut zxid = 0;
    let mut seen = false;
    while run.now() < run.end() && run.step() {
        let facts: Vec<&TraceEntry> = run.trace()[heard..]
            .iter()
            .filter(|entry| !forgotten(&entry.fact))
            .collect();
        heard = run.trace().len();
        let view = run.view();
        let now = view.replicas().into_iter();
        let now: Replicas = now
            .map(|replica| ((replica.broker, replica.partition.clone()), replica))
            .collect();
        told.replicas(&replicas, &facts, &now);
        replicas = now;
        let zxid_now = view.coordination().map_or(0, |server| server.last_zxid());
        if zxid_now != zxid {
            zxid = zxid_now;
            let now = view.committed().into_iter();
            let now: Committed = now.map(|state| (state.partition.clone(), state)).collect();
            told.committed(&committed, &now);
            committed = now;
        }
        seen |= !replicas.is_empty() && !committed.is_empty();
        told.written(&facts);
        if told.unexplained.len() > 20 {
            break;
        }
    }
    assert!(
        seen || plan.topics.is_empty(),
        "{path}: there is something to see"
    );
    told.never_stated();
    told.unexplained
}

#[derive(Default)]
struct Told {
    unexplained: Vec<String>,
    /// Processes that were asked to stop, or said that they end.
    ending: BTreeSet<BrokerId>,
    /// States that were seen to be committed and that no controller has stated yet.
    unstated: Vec<Written>,
    stated: BTreeSet<(TopicPartition, i32)>,
}

impl Told {
    /// The views before, and what the facts of one event say, against the views after it.
    fn replicas(&mut self, before: &Replicas, facts: &[&TraceEntry], after: &Replicas) {
        let mut told = before.clone();
        for entry in facts {
            let Some(broker) = broker_id(&entry.node) else {
                continue;
            };
            match &entry.fact {
                Fact::Started => {
                    self.ending.remove(&broker);
                }
                Fact::TerminateAsked => {
                    self.ending.insert(broker);
                }
                Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                    self.ending.insert(broker);
                    // It may say so and live on until its session is closed.
                    told.retain(|key, _| key.0 != broker || after.contains_key(key));
                }
                fact => apply(&mut told, broker, fact),
            }
        }
        // A process that was asked to stop ends when it is done, and states nothing more.
        told.retain(|key, _| after.contains_key(key) || !self.ending.contains(&key.0));
        if told == *after {
            return;
        }
        let keys: BTreeSet<_> = told.keys().chain(after.keys()).collect();
        for key in keys {
            let (expected, found) = (told.get(key), after.get(key));
            if let (None, Some(found)) = (expected, found)
                && is_idle(found)
            {
                continue; // CT28: a log, of which nobody has said who leads.
            }
            if !expected.zip(found).is_some_and(|(a, b)| same(a, b)) {
                self.unexplained.push(format!(
                    "facts say {expected:?}, the view shows {found:?}; facts: {facts:?}"
                ));
            }
        }
    }

    fn committed(&mut self, before: &Committed, after: &Committed) {
        for (partition, state) in after {
            if before.get(partition) != Some(state) {
                self.unstated.push((
                    partition.clone(),
                    state.partition_epoch,
                    state.leader,
                    state.leader_epoch,
                    state.isr.clone(),
                ));
            }
        }
        for partition in before.keys().filter(|name| !after.contains_key(*name)) {
            self.unexplained.push(format!("{partition} is gone"));
        }
    }

    /// A controller states what it wrote once ZooKeeper has answered.
    fn written(&mut self, facts: &[&TraceEntry]) {
        for entry in facts {
            let Fact::StateWritten {
                partition,
                leader,
                leader_epoch,
                isr,
                partition_epoch,
                ..
            } = &entry.fact
            else {
                continue;
            };
            let written = (
                partition.clone(),
                *partition_epoch,
                *leader,
                *leader_epoch,
                isr.clone(),
            );
            match self.unstated.iter().position(|state| *state == written) {
                Some(at) => {
                    self.unstated.remove(at);
                    self.stated.insert((partition.clone(), *partition_epoch));
                }
                None => self
                    .unexplained
                    .push(format!("nobody has seen {written:?} committed")),
            }
        }
    }

    /// Every state that was committed has been stated, but for those whose writer never heard of it.
    fn never_stated(&mut self) {
        for state in std::mem::take(&mut self.unstated) {
            self.unexplained
                .push(format!("nobody has stated {state:?}"));
        }
    }
}

/// What a fact says of the replicas of the broker that states it.
fn apply(told: &mut Replicas, broker: BrokerId, fact: &Fact) {
    let of = |partition: &TopicPartition| (broker, partition.clone());
    match fact {
        Fact::BecameLeader {
            partition,
            leader_epoch,
            log_end_offset,
            high_watermark,
            isr,
        } => {
            let replica = told
                .entry(of(partition))
                .or_insert_with(|| idle(broker, partition));
            (replica.is_leader, replica.leader) = (true, broker);
            replica.leader_epoch = *leader_epoch;
            replica.isr.clone_from(isr);
            (replica.log_end_offset, replica.high_watermark) = (*log_end_offset, *high_watermark);
            replica.partition_epoch = TOLD_BY_NO_FACT;
        }
        Fact::BecameFollower {
            partition,
            leader,
            leader_epoch,
            log_end_offset,
            high_watermark,
        } => {
            let replica = told
                .entry(of(partition))
                .or_insert_with(|| idle(broker, partition));
            (replica.is_leader, replica.leader) = (false, *leader);
            replica.leader_epoch = *leader_epoch;
            replica.isr.clear();
            (replica.log_end_offset, replica.high_watermark) = (*log_end_offset, *high_watermark);
            replica.partition_epoch = TOLD_BY_NO_FACT;
        }
        Fact::ReplicaStopped {
            partition,
            deleted: true,
        } => {
            told.remove(&of(partition));
        }
        Fact::IsrChanged {
            partition,
            isr,
            partition_epoch,
        } => {
            if let Some(replica) = told.get_mut(&of(partition)) {
                replica.isr.clone_from(isr);
                replica.partition_epoch = *partition_epoch;
            }
        }
        Fact::Appended {
            partition,
            last_offset,
            ..
        } => {
            if let Some(replica) = told.get_mut(&of(partition)) {
                replica.log_end_offset = last_offset + 1;
            }
        }
        Fact::Truncated { partition, to, .. } => {
            if let Some(replica) = told.get_mut(&of(partition)) {
                replica.log_end_offset = *to;
            }
        }
        Fact::HighWatermarkMoved {
            partition,
            high_watermark,
            ..
        } => {
            if let Some(replica) = told.get_mut(&of(partition)) {
                replica.high_watermark = *high_watermark;
            }
        }
        Fact::LogStartMoved {
            partition,
            log_start_offset,
            ..
        }
        | Fact::SegmentsDeleted {
            partition,
            log_start_offset,
            ..
        } => {
            if let Some(replica) = told.get_mut(&of(partition)) {
                replica.log_start_offset = *log_start_offset;
            }
        }
        _ => {}
    }
}

/// The version of a state comes with a leader epoch, of which facts tell.
const TOLD_BY_NO_FACT: i32 = i32::MIN;

/// A replica of which nothing is known but that it is there.
fn idle(broker: BrokerId, partition: &TopicPartition) -> ReplicaView {
    ReplicaView {
        broker,
        partition: partition.clone(),
        is_leader: false,
        leader: NO_LEADER,
        leader_epoch: -1,
        partition_epoch: TOLD_BY_NO_FACT,
        isr: Vec::new(),
        log_start_offset: TOLD_BY_NO_FACT.into(),
        high_watermark: 0,
        log_end_offset: 0,
    }
}

fn is_idle(replica: &ReplicaView) -> bool {
    !replica.is_leader && replica.leader == NO_LEADER && replica.leader_epoch == -1
}

/// What facts say, against what is seen.
fn same(told: &ReplicaView, seen: &ReplicaView) -> bool {
    let mut told = told.clone();
    if told.partition_epoch == TOLD_BY_NO_FACT {
        told.partition_epoch = seen.partition_epoch;
    }
    if told.log_start_offset == i64::from(TOLD_BY_NO_FACT) {
        told.log_start_offset = seen.log_start_offset;
    }
    told == *seen
}

fn broker_id(node: &str) -> Option<BrokerId> {
    node.strip_prefix("broker-")?.parse().ok()
}

const LEADER_CRASH: &str = "03-truck-gps/leader-crash.yaml";
const ACKS_1_LOSS: &str = "12-leaders-and-isr/acks-1-loss.yaml";

#[test]
fn facts_explain_every_change_of_a_view_0() {
    all_shipped(0);
}

#[test]
fn facts_explain_every_change_of_a_view_1() {
    all_shipped(1);
}

/// Every other shipped scenario, so that two cores have something to do. Those that show a bug are ended by what breaks, at
/// times between a write and the answer with which it is stated.
fn all_shipped(half: usize) {
    let mut wrong = Vec::new();
    let sound = scenario::SHIPPED.iter().filter(|it| !it.shows_a_bug());
    for shipped in sound.skip(half).step_by(2) {
        for sentence in unexplained(shipped.path, |_| false) {
            wrong.push(format!("{}: {sentence}", shipped.path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A kind of fact, a scenario in which it matters, and how to know it.
type Forgotten = (&'static str, &'static str, fn(&Fact) -> bool);

/// The other way round: without any one kind of fact, something stays unexplained.
#[test]
fn no_kind_of_fact_can_be_forgotten() {
    let kinds: [Forgotten; 8] = [
        ("BecameLeader", LEADER_CRASH, |f| {
            matches!(f, Fact::BecameLeader { .. })
        }),
        ("BecameFollower", LEADER_CRASH, |f| {
            matches!(f, Fact::BecameFollower { .. })
        }),
        ("IsrChanged", LEADER_CRASH, |f| {
            matches!(f, Fact::IsrChanged { .. })
        }),
        ("Appended", LEADER_CRASH, |f| {
            matches!(f, Fact::Appended { .. })
        }),
        ("HighWatermarkMoved", LEADER_CRASH, |f| {
            matches!(f, Fact::HighWatermarkMoved { .. })
        }),
        ("StateWritten", LEADER_CRASH, |f| {
            matches!(f, Fact::StateWritten { .. })
        }),
        ("Crashed", LEADER_CRASH, |f| matches!(f, Fact::Crashed)),
        ("Truncated", ACKS_1_LOSS, |f| {
            matches!(f, Fact::Truncated { .. })
        }),
    ];
    for (kind, path, forgotten) in kinds {
        assert!(
            !unexplained(path, forgotten).is_empty(),
            "{path} without {kind}"
        );
    }
}
