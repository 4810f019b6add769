//! C-3: how far a group has read is not forgotten while it lives. Offsets expire in the absence of all members, or
//! where nobody subscribes to the topic (B50: KAFKA-8069, KAFKA-13636).
//!
//! Looks at who a coordinator says is in a group, and at what it forgets. Whom a group's members read, the plan says.

use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::plan::{ConsumerPlan, Plan};
use crate::protocol::{Fact, GroupFact, Routine, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "what a living group has committed is not forgotten";

#[derive(Debug)]
pub(super) struct LivingGroupsAreRemembered {
    consumers: Vec<ConsumerPlan>,
    members: BTreeMap<Rc<str>, usize>,
    forgotten: u64,
}

impl LivingGroupsAreRemembered {
    pub(super) fn new(plan: &Plan) -> Self {
        let consumers = plan.consumers.iter();
        let subscribes = consumers.filter(|it| it.subscribes_in().is_some());
        LivingGroupsAreRemembered {
            consumers: subscribes.cloned().collect(),
            members: BTreeMap::new(),
            forgotten: 0,
        }
    }
}

impl Property for LivingGroupsAreRemembered {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::Group(GroupFact::Changed { group, members, .. }) => {
                self.members.insert(Rc::clone(group), members.len());
                None
            }
            Fact::Group(GroupFact::OffsetExpired { group, partition }) => {
                self.forgotten += 1;
                let mut consumers = self.consumers.iter();
                let is_read = consumers.any(|it| {
                    it.subscribes_in() == Some(group) && it.reads_topic(&partition.topic)
                });
                let members = *self.members.get(group)?;
                (members > 0 && is_read).then(|| {
                    let sentence = format!(
                        "{} forgets how far group {group} has read {partition}, and it has {}",
                        entry.node,
                        counted(members, "member")
                    );
                    Violation::at(NAME, entry, sentence).of(partition)
                })
            }
            _ => None,
        }
    }

    fn figures(&self) -> String {
        format!("{} forgotten", counted(self.forgotten, "offset"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::protocol::TopicPartition;

    fn look(members: &[&str], topic: &str) -> Option<String> {
        let scene = Scene::new();
        let changed = Fact::Group(GroupFact::Changed {
            group: "g".into(),
            state: "Stable".into(),
            generation: 1,
            members: members.iter().map(|it| (*it).into()).collect(),
            leader: None,
            protocol: None,
            why: None,
        });
        let expired = Fact::Group(GroupFact::OffsetExpired {
            group: "g".into(),
            partition: TopicPartition::new(topic, 0),
        });
        let entries = [
            scene.fact("broker-1", changed),
            scene.fact("broker-1", expired),
        ];
        let consumer = ConsumerPlan::new("c", "t").config("group.id", "g");
        let plan = Plan::new("p").consumer(consumer);
        let mut property = alone(LivingGroupsAreRemembered::new(&plan));
        property.after_event(&entries, &scene).map(|it| it.sentence)
    }

    #[test]
    fn fires_when_a_group_with_members_loses_an_offset() {
        assert_eq!(
            look(&["m"], "t").unwrap(),
            "broker-1 forgets how far group g has read t-0, and it has 1 member"
        );
        assert_eq!(look(&[], "t"), None);
        assert_eq!(look(&["m"], "u"), None);
    }
}
