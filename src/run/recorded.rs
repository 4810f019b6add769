//! The plan as it was run: roles of the moment are replaced by the nodes that they meant, and named beside
//! them, so that a reader sees both and a replay needs no luck.

use crate::kernel::Time;
use crate::plan::{Entry, Plan, Role, Targets, When};

/// A line of the timeline that was carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CarriedOut {
    pub entry: u32,
    pub at: Time,
    /// The names of those whom each of its sets of nodes meant; none where nobody fitted.
    pub sets: Option<Vec<Vec<String>>>,
}

/// `plan` with what was found out when its timeline was carried out.
pub fn plan_as_run(plan: &Plan, carried_out: &[CarriedOut]) -> Plan {
    let lines = (0..).zip(&plan.timeline).flat_map(|(number, entry)| {
        let times: Vec<&CarriedOut> = carried_out
            .iter()
            .filter(|times| times.entry == number)
            .collect();
        recorded(plan, entry, &times)
    });
    Plan {
        timeline: lines.collect(),
        ..plan.clone()
    }
}

/// A line as it was carried out, each of these times.
fn recorded(plan: &Plan, entry: &Entry, times: &[&CarriedOut]) -> Vec<Entry> {
    let Some(first) = times.first() else {
        return vec![entry.clone()];
    };
    if times.iter().all(|time| time.sets == first.sets) {
        return vec![resolved(plan, entry, first)];
    }
    // Every time it meant somebody else. Sentences that speak of it by its noun want the one line.
    let noun = entry.action.noun();
    let spoken_of = plan
        .expect
        .iter()
        .any(|e| e.what.to_string().contains(noun));
    if spoken_of {
        return vec![entry.clone()];
    }
    let each = times.iter().map(|time| Entry {
        when: When::At(time.at.since(Time::ZERO)),
        ..resolved(plan, entry, time)
    });
    each.collect()
}

fn resolved(plan: &Plan, entry: &Entry, time: &CarriedOut) -> Entry {
    let mut resolved = entry.clone();
    let Some(sets) = &time.sets else {
        return resolved;
    };
    let mut roles = Vec::new();
    let mut changed = false;
    for (i, (targets, names)) in resolved
        .action
        .targets_mut()
        .into_iter()
        .zip(sets)
        .enumerate()
    {
        let said = entry.roles.get(i).cloned();
        roles.push(said.unwrap_or_else(|| targets.to_string()));
        let by_name: Option<Vec<Role>> = names.iter().map(|name| by_name(plan, name)).collect();
        if let Some(by_name) = by_name
            && targets.0.iter().any(Role::is_of_the_moment)
        {
            *targets = Targets(by_name);
            changed = true;
        }
    }
    if changed {
        resolved.roles = roles;
    }
    resolved
}

/// The role that means this node, whenever; none for nodes that no plan names.
fn by_name(plan: &Plan, name: &str) -> Option<Role> {
    let role: Role = name.parse().ok()?;
    let is_client = || {
        let producers = plan.producers.iter().flat_map(|plan| plan.members());
        let consumers = plan.consumers.iter().flat_map(|plan| plan.members());
        let of_zookeeper = plan.zookeeper_clients.iter().map(|plan| plan.name.clone());
        let mut clients = producers.chain(consumers).chain(of_zookeeper);
        clients.any(|client| client == name)
    };
    (!matches!(role, Role::Client { .. }) || is_client()).then_some(role)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Duration;
    use crate::plan::{Action, Expectation, Partition, ProducerPlan, Sentence};

    fn leader() -> Role {
        Role::LeaderOf {
            partition: Partition::new("t", 0),
        }
    }

    fn time(entry: u32, seconds: u64, names: Option<&[&str]>) -> CarriedOut {
        CarriedOut {
            entry,
            at: Time::ZERO + Duration::from_secs(seconds),
            sets: names.map(|names| vec![names.iter().map(ToString::to_string).collect()]),
        }
    }

    #[test]
    fn a_role_becomes_the_node_that_it_meant_and_stays_as_a_comment() {
        let plan = Plan::new("p")
            .at(Duration::from_secs(3), Action::crash(leader()))
            .at(Duration::from_secs(9), Action::restart(Role::AllBrokers))
            .at(Duration::from_secs(9), Action::crash(leader()));
        let run = [
            time(0, 3, Some(&["broker-2"])),
            time(1, 9, Some(&["broker-2"])),
            time(2, 9, None),
        ];
        let recorded = plan_as_run(&plan, &run);
        assert_eq!(recorded.timeline[0].action, Action::crash(Role::broker(2)));
        assert_eq!(recorded.timeline[0].roles, ["leader of t-0"]);
        // What is said by name, and what nobody was, stays.
        assert_eq!(recorded.timeline[1..], plan.timeline[1..]);
        // A recorded plan is recorded as it is.
        assert_eq!(plan_as_run(&recorded, &run), recorded);
    }

    #[test]
    fn what_meant_somebody_else_each_time_becomes_a_line_each() {
        let every = When::Every {
            every: Duration::from_secs(10),
            from: Duration::from_secs(10),
            until: None,
        };
        let plan = Plan::new("p").entry(Entry::new(every, Action::crash(leader())));
        let run = [
            time(0, 10, Some(&["broker-2"])),
            time(0, 20, Some(&["broker-1"])),
        ];
        let recorded = plan_as_run(&plan, &run);
        let lines: Vec<_> = recorded
            .timeline
            .iter()
            .map(|entry| (entry.when.clone(), entry.action.clone()))
            .collect();
        assert_eq!(
            lines,
            [
                (
                    When::At(Duration::from_secs(10)),
                    Action::crash(Role::broker(2))
                ),
                (
                    When::At(Duration::from_secs(20)),
                    Action::crash(Role::broker(1))
                ),
            ]
        );
        let sentence = "a session expires within 25s of the crash";
        let spoken_of = plan.expect(Expectation::read_sentence(sentence).unwrap());
        assert_eq!(plan_as_run(&spoken_of, &run), spoken_of);
    }

    #[test]
    fn a_node_that_no_plan_names_keeps_the_role() {
        let plan = Plan::new("p")
            .producer(ProducerPlan::new("trucks", "t").count(1))
            .at(Duration::from_secs(3), Action::crash(leader()));
        let by_admin = [time(0, 3, Some(&["admin"]))];
        assert_eq!(plan_as_run(&plan, &by_admin), plan);
        let by_truck = [time(0, 3, Some(&["trucks-1"]))];
        assert_ne!(plan_as_run(&plan, &by_truck), plan);
    }
}
