//! R2: a partition's recorded leader, if there is one, is in its recorded ISR.
//!
//! Looks at each state that the controller writes, at what each leader believes of itself, and at the
//! end at every committed state. Not at the ISR's members being alive: that takes a while to be known.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::replica_key::broker_id;
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, Fact, NO_LEADER, Routine, TopicPartition, counted};
use crate::trace::TraceEntry;

const NAME: &str = "a leader is in its ISR";

#[derive(Debug, Default)]
pub(super) struct LeaderInIsr {
    looked_at: u64,
}

impl Property for LeaderInIsr {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let (partition, leader, isr) = match &entry.fact {
            Fact::StateWritten {
                partition,
                leader,
                isr,
                ..
            } => (partition, *leader, isr),
            Fact::BecameLeader { partition, isr, .. } => (partition, broker_id(&entry.node)?, isr),
            _ => return None,
        };
        self.looked_at += 1;
        let sentence = outside(partition, leader, isr)?;
        Some(
            Violation::at(NAME, entry, sentence)
                .of(partition)
                .with([leader]),
        )
    }

    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        end.committed()
            .filter_map(|state| {
                self.looked_at += 1;
                let sentence = outside(&state.partition, state.leader, &state.isr)?;
                Some(
                    Violation::finally(NAME, sentence)
                        .of(&state.partition)
                        .with([state.leader]),
                )
            })
            .collect()
    }

    fn figures(&self) -> String {
        counted(self.looked_at, "state")
    }
}

fn outside(partition: &TopicPartition, leader: BrokerId, isr: &[BrokerId]) -> Option<String> {
    (leader > NO_LEADER && !isr.contains(&leader))
        .then(|| format!("{partition} is led by broker-{leader}, its ISR is {isr:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone, state};

    #[test]
    fn r2_fires_when_a_leader_outside_the_isr_is_written() {
        let scene = Scene::new();
        let mut property = alone(LeaderInIsr::default());
        let fine = [
            scene.fact("broker-3", state("t-0", 1, 4, &[1, 2])),
            scene.fact("broker-3", state("t-0", NO_LEADER, 5, &[1])),
        ];
        assert_eq!(property.after_event(&fine, &scene), None);
        let bad = [scene.fact("broker-3", state("t-0", 3, 6, &[1]))];
        assert_eq!(
            property.after_event(&bad, &scene).unwrap().sentence,
            "t-0 is led by broker-3, its ISR is [1]"
        );
    }

    #[test]
    fn r2_fires_on_a_committed_state_at_the_end() {
        let mut scene = Scene::new();
        scene.commit("t-0", 1, &[1, 2]);
        let mut property = alone(LeaderInIsr::default());
        assert_eq!(property.at_end(&EndOfRun::new(&scene)), []);
        scene.commit("t-0", 3, &[1, 2]);
        assert_eq!(property.at_end(&EndOfRun::new(&scene)).len(), 1);
    }
}
