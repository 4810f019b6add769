//! What is gone was allowed to go: a log start moves only over records that are older than `retention.ms`,
//! that left `retention.bytes` behind them, or that an administrator asked to delete (L4, L5, S-4).
//!
//! Judged by the settings (`retention_limits`), the clock and the requests; never by what the accused says
//! of its log. Where the log of a partition may begin by that, no other check takes it from a broker
//! (`EndOfRun::may_begin_at`). Looks at every statement of a log start, at every change of leadership, and
//! at the end. How old a record is, acknowledgements tell: what was never acknowledged is held against
//! nobody here. Clocks that jump or drift are given what they may be apart; files that the plan changes by hand
//! are no broker's doing.

use super::changed_by_hand::ChangedByHand;
use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::replica_key::{ReplicaKey, broker_id};
use super::retention_limits::RetentionLimits;
use crate::kernel::{Duration, Time};
use crate::node::view::ClusterView;
use crate::plan::{Action, Plan, Timestamp};
use crate::protocol::{BrokerId, Fact, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const NAME: &str = "a log start moves only as retention allows";

/// Ages are known to so much: one acknowledgement in this time is remembered of each partition.
const REMEMBERED_EVERY: u64 = Duration::from_millis(100).0;

/// Clocks and timestamps count whole milliseconds.
const ROUNDED: i64 = 2;

#[derive(Debug)]
pub(super) struct LogStartsMoveAsAllowed {
    limits: RetentionLimits,
    clocks: Clocks,
    /// Topics whose records have timestamps of their producers' own: how old they are nobody can tell here.
    own_timestamps: BTreeSet<String>,
    /// Offset and time of making of acknowledged records, both rising; under broker 0.
    made: BTreeMap<ReplicaKey, Vec<(i64, u64)>>,
    requests: BTreeMap<TopicPartition, Requests>,
    by_hand: ChangedByHand,
    allowed: AllowedStarts,
    /// When a fact was seen last.
    now: Time,
    looked_at: u64,
}

/// Where the log of each partition may begin.
#[derive(Clone, Debug, Default)]
pub struct AllowedStarts(Rc<RefCell<BTreeMap<TopicPartition, i64>>>);

impl AllowedStarts {
    pub(super) fn of(&self, partition: &TopicPartition) -> i64 {
        self.0.borrow().get(partition).copied().unwrap_or(0)
    }

    pub(super) fn allow(&self, partition: &TopicPartition, start: i64) {
        self.0.borrow_mut().insert(partition.clone(), start);
    }
}

/// What administrators have asked to delete of a partition.
#[derive(Debug, Default)]
struct Requests {
    /// Before the highest of these offsets.
    before: i64,
    /// Requests for all that is committed that have not been answered.
    for_all: u32,
}

impl LogStartsMoveAsAllowed {
    pub(super) fn new(plan: &Plan) -> Self {
        LogStartsMoveAsAllowed {
            limits: RetentionLimits::of(plan),
            own_timestamps: plan
                .producers
                .iter()
                .filter(|producer| producer.timestamp != Timestamp::default())
                .map(|producer| producer.topic.clone())
                .collect(),
            clocks: Clocks::of(plan),
            made: BTreeMap::new(),
            requests: BTreeMap::new(),
            by_hand: ChangedByHand::of(plan),
            allowed: AllowedStarts::default(),
            now: Time::ZERO,
            looked_at: 0,
        }
    }

    /// What it finds, as it finds it.
    pub(super) fn allowed(&self) -> AllowedStarts {
        self.allowed.clone()
    }

    fn learn(&mut self, entry: &TraceEntry) {
        match &entry.fact {
            Fact::Acked {
                partition,
                offset,
                latency_ns,
                ..
            } if *offset >= 0 => {
                let made = entry.time.0.saturating_sub(*latency_ns);
                let known = self.made.entry(ReplicaKey::new(0, partition)).or_default();
                let newer =
                    |(before, at): &(i64, u64)| before < offset && at + REMEMBERED_EVERY <= made;
                if known.last().is_none_or(newer) {
                    known.push((*offset, made));
                }
            }
            // What was there may be replaced by something older.
            Fact::Truncated { partition, to, .. }
            | Fact::BecameLeader {
                partition,
                log_end_offset: to,
                ..
            } => {
                if let Some(known) = self.made.get_mut(&ReplicaKey::new(0, partition)) {
                    known.retain(|(offset, _)| offset < to);
                }
            }
            Fact::DeleteRecordsAsked { partition, before } => {
                let requests = self.requests.entry(partition.clone()).or_default();
                requests.for_all += u32::from(*before < 0);
                requests.before = requests.before.max(*before);
            }
            Fact::RecordsDeleted {
                partition,
                low_watermark,
            } if *low_watermark >= 0 => {
                let requests = self.requests.entry(partition.clone()).or_default();
                requests.for_all = requests.for_all.saturating_sub(1);
            }
            fact => {
                self.by_hand.learn(fact);
                self.limits.learn(fact);
                self.clocks.learn(entry);
            }
        }
    }

    /// Whether a replica's log may begin where it does; `more` was deleted in the same event.
    fn judge(
        &mut self,
        broker: BrokerId,
        partition: &TopicPartition,
        (start, more): (i64, bool),
        view: &dyn ClusterView,
    ) -> Option<String> {
        self.looked_at += 1;
        let now = self.now;
        if start <= self.allowed.of(partition) {
            return None;
        }
        let is_asked = || {
            let requests = self.requests.get(partition)?;
            let committed = view.replicas().into_iter();
            let committed = committed
                .filter(|replica| replica.partition == *partition)
                .map(|replica| replica.high_watermark)
                .max();
            let all = requests.for_all > 0 && committed.is_some_and(|end| start <= end);
            (all || start <= requests.before).then_some(())
        };
        // The newest record of those that are gone.
        let made = self.made.get(&ReplicaKey::new(0, partition));
        let newest = made.and_then(|made| {
            let gone = made.partition_point(|(offset, _)| *offset < start);
            made[..gone].last().map(|(_, at)| *at)
        });
        let age_ms = newest.map(|at| (now.0 - at) as i64 / 1_000_000);
        let limits = self.limits.of_topic(&partition.topic, view);
        let is_dated = self.own_timestamps.contains(&*partition.topic);
        let age_ms = age_ms.filter(|_| !(is_dated && limits.ms.is_some()));
        let is_old = age_ms.is_none_or(|age| {
            let may_seem = age.saturating_add(self.clocks.apart_ms(now));
            limits.ms.is_some_and(|ms| may_seem + ROUNDED >= ms)
        });
        let left = || bytes_from(&view.log_files(broker, partition), start);
        let leaves_enough = || limits.bytes.is_some_and(|bytes| more || left() >= bytes);
        let is_allowed = is_old || is_asked().is_some() || leaves_enough();
        if is_allowed || self.by_hand.explains(partition) {
            self.allowed.allow(partition, start);
            return None;
        }
        let words = |limit: Option<i64>| limit.map_or_else(|| "-1".to_owned(), |n| n.to_string());
        Some(format!(
            "begins {partition} at {start}: retention.ms is {} and a record before it {} ms old, \
             retention.bytes is {} and {} bytes are left, nobody asked to delete records before it",
            words(limits.ms),
            age_ms.unwrap_or_default(),
            words(limits.bytes),
            left()
        ))
    }
}

impl Property for LogStartsMoveAsAllowed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[Routine::Acked]
    }

    fn after_event(&mut self, facts: &[TraceEntry], view: &dyn ClusterView) -> Option<Violation> {
        let mut found = None;
        for (place, entry) in facts.iter().enumerate() {
            self.now = entry.time;
            self.learn(entry);
            let (partition, stated) = match &entry.fact {
                Fact::SegmentsDeleted {
                    partition,
                    log_start_offset,
                    ..
                }
                | Fact::LogStartMoved {
                    partition,
                    log_start_offset,
                    ..
                } => (partition, *log_start_offset),
                Fact::BecameLeader { partition, .. } | Fact::BecameFollower { partition, .. } => {
                    (partition, 0)
                }
                _ => continue,
            };
            let Some(broker) = broker_id(&entry.node) else {
                continue;
            };
            let more = facts[place + 1..].iter().any(|later| {
                matches!(&later.fact, Fact::SegmentsDeleted { partition: other, .. } if other == partition)
            });
            let seen = view.replica_offsets(broker, partition);
            let seen = seen.map_or(0, |replica| replica.log_start_offset);
            // The view shows what is after the whole event.
            let start = if more { stated } else { stated.max(seen) };
            if let Some(wrong) = self.judge(broker, partition, (start, more), view) {
                let sentence = format!("{} {wrong}", entry.node);
                found.get_or_insert(Violation::at(NAME, entry, sentence).of(partition));
            }
        }
        found
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut violations = Vec::new();
        for replica in end.view.replicas() {
            let (broker, partition) = (replica.broker, &replica.partition);
            let start = (replica.log_start_offset, false);
            if let Some(wrong) = self.judge(broker, partition, start, end.view) {
                let sentence = format!("broker-{broker} {wrong}");
                violations.push(
                    Violation::finally(NAME, sentence)
                        .of(partition)
                        .with([broker]),
                );
            }
        }
        violations
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "log start")
    }
}

/// How many bytes of segments hold an offset from `start` on.
fn bytes_from(files: &[(String, Vec<bytes::Bytes>)], start: i64) -> i64 {
    let base = |name: &String| name.strip_suffix(".log")?.parse::<i64>().ok();
    let mut bytes = 0;
    for (place, (_, chunks)) in files.iter().enumerate() {
        let next = files.get(place + 1).and_then(|(name, _)| base(name));
        if next.is_none_or(|next| next > start) {
            bytes += chunks.iter().map(|chunk| chunk.len() as i64).sum::<i64>();
        }
    }
    bytes
}

/// How far the clocks of two machines may be apart.
#[derive(Debug, Default)]
struct Clocks {
    skew_ms: i64,
    jumped_ms: i64,
    ppm: i64,
    /// Jumps and drifts of the plan's timeline, by their line.
    faults: BTreeMap<u32, ClockFault>,
}

#[derive(Clone, Copy, Debug)]
enum ClockFault {
    Jump { ms: i64 },
    Drift { ppm: i64 },
}

impl Clocks {
    fn of(plan: &Plan) -> Self {
        let machines = plan.cluster.brokers.iter().map(|broker| &broker.machine);
        let mut clocks = Clocks::default();
        for machine in machines {
            clocks.skew_ms = clocks.skew_ms.max(machine.clock_skew_ms.saturating_abs());
            clocks.ppm = clocks.ppm.max(i64::from(machine.clock_drift_ppm).abs());
        }
        for (line, entry) in (0..).zip(&plan.timeline) {
            let fault = match &entry.action {
                Action::JumpClock { by_ms, .. } => ClockFault::Jump {
                    ms: by_ms.saturating_abs(),
                },
                Action::DriftClock { ppm, .. } => ClockFault::Drift {
                    ppm: i64::from(*ppm).abs(),
                },
                _ => continue,
            };
            clocks.faults.insert(line, fault);
        }
        clocks
    }

    fn learn(&mut self, entry: &TraceEntry) {
        if let Fact::TimelineEvent {
            entry, end: false, ..
        } = &entry.fact
        {
            match self.faults.get(entry) {
                Some(ClockFault::Jump { ms }) => {
                    self.jumped_ms = self.jumped_ms.saturating_add(*ms);
                }
                Some(ClockFault::Drift { ppm }) => self.ppm = self.ppm.max(*ppm),
                None => {}
            }
        }
    }

    fn apart_ms(&self, now: Time) -> i64 {
        let drifted = self.ppm.saturating_mul((now.0 / 1_000_000) as i64) / 1_000_000;
        let each = self.skew_ms.saturating_add(drifted);
        self.jumped_ms.saturating_add(each.saturating_mul(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Alone, Scene, acked, alone, batch, deleted, tp};
    use crate::plan::Role;
    use crate::protocol::ConfigResource;

    /// Ten records of a topic with these settings, acknowledged; then 60 s pass.
    fn written(scene: &mut Scene, settings: &[(&str, &str)]) -> Alone {
        written_in(&Plan::new("p"), scene, settings)
    }

    fn written_in(plan: &Plan, scene: &mut Scene, settings: &[(&str, &str)]) -> Alone {
        let mut checks = alone(LogStartsMoveAsAllowed::new(plan));
        let settings = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned())));
        let asked = Fact::ConfigAsked {
            resource: ConfigResource::Topic,
            name: "t".into(),
            settings: Rc::new(settings.collect()),
        };
        let facts = [scene.fact("admin", asked)];
        assert_eq!(checks.after_event(&facts, scene), None);
        for offset in 0..10 {
            let facts = [scene.fact("p", acked(&format!("p#{offset}"), "t-0", offset, "a"))];
            assert_eq!(checks.after_event(&facts, scene), None);
            scene.pass(Duration::from_secs(1));
        }
        scene.pass(Duration::from_secs(50));
        scene.store(1, "t-0", batch(0, 1, &["a"; 10]));
        let replica = scene.replica_mut(1, "t-0");
        (replica.log_end_offset, replica.high_watermark) = (10, 10);
        checks
    }

    fn begins_at(scene: &mut Scene, checks: &mut Alone, start: i64) -> Option<String> {
        scene.replica_mut(1, "t-0").log_start_offset = start;
        let facts = [scene.fact("broker-1", deleted("t-0", start))];
        let violation = checks.after_event(&facts, scene);
        violation.map(|violation| violation.sentence)
    }

    #[test]
    fn l4_fires_when_a_log_start_passes_what_is_young_and_fits() {
        let mut scene = Scene::new();
        let settings = [("retention.ms", "55000"), ("retention.bytes", "1000000")];
        let mut checks = written(&mut scene, &settings);
        // Offset 4 was made 56 s ago, offset 5 not yet 55 s.
        assert_eq!(begins_at(&mut scene, &mut checks, 5), None);
        let wrong = begins_at(&mut scene, &mut checks, 8).unwrap();
        assert!(
            wrong.starts_with(
                "broker-1 begins t-0 at 8: retention.ms is 55000 and a record before it 530"
            ),
            "{wrong}"
        );
    }

    #[test]
    fn l4_fires_when_nothing_may_be_deleted_and_is_silent_when_it_is_asked_for() {
        let mut scene = Scene::new();
        let mut checks = written(&mut scene, &[("retention.ms", "-1")]);
        assert!(begins_at(&mut scene, &mut checks, 1).is_some());
        let mut scene = Scene::new();
        let mut checks = written(&mut scene, &[("retention.ms", "-1")]);
        let asked = |before| Fact::DeleteRecordsAsked {
            partition: tp("t-0"),
            before,
        };
        let facts = [scene.fact("admin", asked(3))];
        assert_eq!(checks.after_event(&facts, &scene), None);
        assert_eq!(begins_at(&mut scene, &mut checks, 3), None);
        let facts = [scene.fact("admin", asked(-1))];
        assert_eq!(checks.after_event(&facts, &scene), None);
        assert_eq!(begins_at(&mut scene, &mut checks, 6), None);
        // Answered: what comes from now on was not asked for.
        let answered = Fact::RecordsDeleted {
            partition: tp("t-0"),
            low_watermark: 6,
        };
        let facts = [scene.fact("admin", answered)];
        assert_eq!(checks.after_event(&facts, &scene), None);
        assert!(begins_at(&mut scene, &mut checks, 7).is_some());
    }

    #[test]
    fn l4_fires_when_fewer_bytes_are_left_than_retention_says() {
        for (bytes, fires) in [("50", false), ("100000", true)] {
            let mut scene = Scene::new();
            let settings = [("retention.ms", "-1"), ("retention.bytes", bytes)];
            let mut checks = written(&mut scene, &settings);
            assert_eq!(begins_at(&mut scene, &mut checks, 5).is_some(), fires);
        }
    }

    #[test]
    fn l4_what_somebody_deletes_by_hand_is_nobodys_doing_once() {
        for (file, is_about) in [
            ("data/t-0/00000000000000000000.log", true),
            ("data/log-start-offset-checkpoint", true),
            ("data/t-1/00000000000000000000.log", false),
            ("version-2/log.1", false),
        ] {
            let delete = Action::DeleteFile {
                targets: Role::AllBrokers.into(),
                file: file.to_owned(),
            };
            let plan = Plan::new("p").at(Duration::from_secs(1), delete);
            let mut scene = Scene::new();
            let mut checks = written_in(&plan, &mut scene, &[("retention.ms", "-1")]);
            let done = Fact::TimelineEvent {
                entry: 0,
                end: false,
                text: "by hand".into(),
            };
            let facts = [scene.fact("timeline", done)];
            assert_eq!(checks.after_event(&facts, &scene), None);
            let first = begins_at(&mut scene, &mut checks, 3);
            assert_eq!(first.is_none(), is_about, "{file}: {first:?}");
            assert!(begins_at(&mut scene, &mut checks, 6).is_some(), "{file}");
        }
    }

    #[test]
    fn l4_gives_clocks_what_they_may_be_apart() {
        let mut plan = Plan::new("p");
        plan.cluster.brokers[0].machine.clock_skew_ms = -1_000;
        plan.cluster.brokers[0].machine.clock_drift_ppm = 100;
        let clocks = Clocks::of(&plan);
        assert_eq!(clocks.apart_ms(Time(10_000_000_000)), 2_002);
    }
}
