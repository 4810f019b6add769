//! Where a campaign's plans come from: a scenario that is varied, or numbers alone.

use super::swarm;
use super::vary::vary;
use crate::plan::Plan;
use crate::protocol::rules::Rules;

/// What a campaign plays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Everything is drawn.
    Swarm,
    /// A scenario as it is; only what is left to chance varies.
    Same(Box<Plan>),
    /// A scenario whose faults come at other times, last otherwise, and are joined by others.
    Varied(Box<Plan>),
}

/// What a campaign plays, and by which rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    pub source: Source,
    /// Rules that are changed on top of what a scenario says.
    pub rules: Vec<(String, String)>,
}

impl Target {
    /// The plan of a seed: always the same.
    ///
    /// # Panics
    /// If there is no such rule; who makes a target has asked (`is_sound`).
    pub fn plan(&self, seed: u64) -> Plan {
        let mut plan = match &self.source {
            Source::Swarm => swarm::plan(seed),
            Source::Same(plan) => plan.as_ref().clone(),
            Source::Varied(plan) => vary(plan, seed),
        };
        plan.seed = seed;
        for (rule, value) in &self.rules {
            assert!(plan.rules.set(rule, value), "no rule {rule}={value}");
        }
        plan
    }

    /// The first rule that there is not.
    pub fn unknown_rule(&self) -> Option<&(String, String)> {
        let mut rules = Rules::default();
        self.rules
            .iter()
            .find(|(rule, value)| !rules.set(rule, value))
    }

    /// What it is called in results: equal for equal targets.
    pub fn name(&self) -> String {
        let mut name = match &self.source {
            Source::Swarm => "swarm".to_owned(),
            Source::Same(plan) => format!("{}, same faults", plan.name),
            Source::Varied(plan) => plan.name.clone(),
        };
        for (rule, value) in &self.rules {
            name += &format!(", {rule}={value}");
        }
        name
    }
}
