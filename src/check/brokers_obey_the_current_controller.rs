//! Z4, Z5 (KIP-380): a broker obeys no controller that is older than one that it has obeyed, and no request
//! that was meant for an earlier life of its own.
//!
//! Looks at whom brokers say that they obey. Not at what an old controller writes
//! (`only_the_current_controller_writes`).

use super::property::{Property, Violation};
use crate::node::view::ClusterView;
use crate::protocol::{Fact, Routine};
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
        format!("{} changes of whom brokers obey", self.looked_at)
    }
}
