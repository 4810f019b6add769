//! Z4, Z5 (KIP-380): a broker obeys no controller that is older than one that it has obeyed, and no request
//! that was meant for an earlier life of its own.
//!
//! Looks at whom brokers say that they obey. Not at what an old controller writes
//! (`only_the_current_controller_writes`).

use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;
use std::collections::BTreeMap;
use std::rc::Rc;

const NAME: &str = "a broker obeys the current controller, and as what it is now";

#[derive(Debug, Default)]
pub(super) struct BrokersObeyTheCurrentController {
    brokers: BTreeMap<Rc<str>, Obedience>,
    looked_at: u64,
}

#[derive(Debug, Default)]
struct Obedience {
    controller_epoch: i32,
    /// Of its latest registration.
    broker_epoch: i64,
}

impl Property for BrokersObeyTheCurrentController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        match &entry.fact {
            Fact::Started => {
                self.brokers.remove(&entry.node);
                None
            }
            Fact::Registered { broker_epoch } => {
                let known = self.brokers.entry(entry.node.clone()).or_default();
                known.broker_epoch = *broker_epoch;
                None
            }
            Fact::ControllerObeyed {
                controller_epoch,
                broker_epoch,
            } => {
                self.looked_at += 1;
                let known = self.brokers.entry(entry.node.clone()).or_default();
                let before = std::mem::replace(&mut known.controller_epoch, *controller_epoch);
                let sentence = if *controller_epoch < before {
                    format!(
                        "{} obeys the controller of epoch {controller_epoch}, after that of epoch {before}",
                        entry.node
                    )
                } else if (0..known.broker_epoch).contains(broker_epoch) {
                    format!(
                        "{} obeys what was meant for its life with broker epoch {broker_epoch}, and has {}",
                        entry.node, known.broker_epoch
                    )
                } else {
                    return None;
                };
                Some(Violation::at(NAME, entry, sentence))
            }
            _ => None,
        }
    }

    fn figures(&self) -> String {
        format!("{} of whom brokers obey", counted(self.looked_at, "change"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};

    fn fired(facts: &[Fact]) -> Option<String> {
        let scene = Scene::new();
        let mut property = alone(BrokersObeyTheCurrentController::default());
        let entries: Vec<_> = facts
            .iter()
            .map(|fact| scene.fact("broker-2", fact.clone()))
            .collect();
        let found = property.after_event(&entries, &scene);
        found.map(|violation| violation.sentence)
    }

    fn obeyed(controller_epoch: i32, broker_epoch: i64) -> Fact {
        Fact::ControllerObeyed {
            controller_epoch,
            broker_epoch,
        }
    }

    #[test]
    fn z4_fires_when_a_broker_obeys_an_older_controller() {
        let registered = Fact::Registered { broker_epoch: 30 };
        let two = [registered.clone(), obeyed(1, 30), obeyed(2, 30)];
        assert_eq!(fired(&two), None);
        let back = [&two[..], &[obeyed(1, 30)]].concat();
        let expected = "broker-2 obeys the controller of epoch 1, after that of epoch 2";
        assert_eq!(fired(&back).as_deref(), Some(expected));
        // A new process has heard of nobody yet.
        let anew = [&two[..], &[Fact::Started, registered, obeyed(1, 30)]].concat();
        assert_eq!(fired(&anew), None);
    }

    #[test]
    fn z5_fires_when_a_broker_obeys_what_was_meant_for_its_earlier_life() {
        let registered = |broker_epoch| Fact::Registered { broker_epoch };
        let again = [registered(30), obeyed(1, 30), registered(50)];
        assert_eq!(fired(&[&again[..], &[obeyed(1, 50)]].concat()), None);
        let stale = [&again[..], &[obeyed(1, 30)]].concat();
        let expected =
            "broker-2 obeys what was meant for its life with broker epoch 30, and has 50";
        assert_eq!(fired(&stale).as_deref(), Some(expected));
    }
}
