//! R16: once every fault is healed and every broker runs again, each partition has a leader and all its
//! replicas are in sync, within a bound.
//!
//! Looks at the committed states at the end of a plan that heals everything, starts all brokers again, does
//! nothing else after that, and leaves time enough: for a session to expire, for an election, and for who
//! was away to catch up. Not where a disk was damaged or ZooKeeper was tampered with: that does not heal.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use crate::kernel::Duration;
use crate::plan::{Action, Healing, Plan, Role, Targets, When};
use crate::protocol::{NO_LEADER, Routine, counted};

pub(super) const NAME: &str = "after healing every ISR is full again";

/// For what comes after a session's end: registration, election, catching up.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);

const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(18);

#[derive(Debug, Default)]
pub(super) struct WholeAfterHealing {
    looked_at: u64,
}

impl WholeAfterHealing {
    /// Whether a plan is such a one.
    pub(super) fn is_promised_by(plan: &Plan) -> bool {
        WholeAfterHealing::promised_at(plan).is_some_and(|at| at <= plan.end())
    }

    /// When all is whole again at the latest, whether that is before the plan's end or not; `None` for other plans.
    fn promised_at(plan: &Plan) -> Option<Duration> {
        let heals = plan.timeline.iter().filter_map(|entry| match entry.when {
            When::At(at) if entry.action == Action::Heal(Healing::Everything) => Some(at),
            _ => None,
        });
        let healed = heals.max()?;
        let mut restarted = None;
        for entry in &plan.timeline {
            let last = match entry.when {
                When::At(at) => at,
                When::Every { until, .. } => until.unwrap_or(plan.duration),
                When::On { .. } => return None,
            };
            match &entry.action {
                Action::FlipBit { .. }
                | Action::DeleteFile { .. }
                | Action::TruncateFile { .. }
                | Action::WriteFile { .. }
                | Action::AskZooKeeper { .. } => return None,
                Action::Restart(who) if last >= healed && is_of_all(who) => {
                    restarted = restarted.max(Some(last));
                }
                Action::Restart(_) if last >= healed => {}
                Action::Heal(_) => {}
                _ if last > healed => return None,
                _ => {}
            }
        }
        restarted.map(|last: Duration| last + WholeAfterHealing::settles_within(plan))
    }

    /// So long after that.
    pub(super) fn settles_within(plan: &Plan) -> Duration {
        let timeout = plan.cluster.config.get("zookeeper.session.timeout.ms");
        let timeout = timeout.and_then(|text| text.parse().ok());
        let timeout = timeout.map_or(DEFAULT_SESSION_TIMEOUT, Duration::from_millis);
        timeout + SETTLES_WITHIN
    }
}

impl Property for WholeAfterHealing {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut violations = Vec::new();
        for state in end.committed() {
            self.looked_at += 1;
            let partition = &state.partition;
            let away = state.replicas.iter().filter(|id| !state.isr.contains(id));
            let away: Vec<String> = away.map(|id| format!("broker-{id}")).collect();
            let sentence = if state.leader == NO_LEADER {
                format!("{partition} has no leader")
            } else if !away.is_empty() {
                format!("{} is not in the ISR of {partition}", away.join(", "))
            } else {
                continue;
            };
            violations.push(Violation::finally(NAME, sentence).of(partition));
        }
        violations
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "partition")
    }
}

fn is_of_all(who: &Targets) -> bool {
    who.0.contains(&Role::AllBrokers) || who.0.contains(&Role::Everyone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};

    #[test]
    fn r16_fires_when_a_replica_or_a_leader_is_missing() {
        let mut scene = Scene::new();
        let found = |scene: &Scene| -> Vec<String> {
            let violations = alone(WholeAfterHealing::default()).at_end(&EndOfRun::new(scene));
            violations.into_iter().map(|v| v.sentence).collect()
        };
        scene.commit("t-0", 1, &[1, 2]);
        assert!(found(&scene).is_empty());
        scene.set_replicas("t-0", &[1, 2, 3]);
        assert_eq!(found(&scene), ["broker-3 is not in the ISR of t-0"]);
        scene.commit("t-0", NO_LEADER, &[1]);
        assert_eq!(found(&scene), ["t-0 has no leader"]);
    }

    #[test]
    fn r16_is_promised_by_plans_that_heal_and_wait() {
        let seconds = Duration::from_secs;
        let healed = || {
            Plan::new("p")
                .duration(seconds(60))
                .at(seconds(5), Action::crash(Role::broker(1)))
                .at(seconds(10), Action::Heal(Healing::Everything))
        };
        let promised = WholeAfterHealing::is_promised_by;
        assert!(!promised(&healed()));
        let whole = healed().at(seconds(11), Action::restart(Role::AllBrokers));
        assert!(promised(&whole));
        assert!(!promised(&whole.clone().duration(seconds(40))));
        let crash = Action::crash(Role::broker(1));
        assert!(!promised(&whole.clone().at(seconds(12), crash)));
        let flipped = Action::FlipBit {
            targets: Role::broker(1).into(),
            file: "t-0".to_owned(),
            position: 1,
            bit: 1,
        };
        assert!(!promised(&whole.at(seconds(2), flipped)));
    }
}
