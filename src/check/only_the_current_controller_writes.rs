//! ZK-c, Z3 (KAFKA-6082): once a controller is elected, no earlier one's write of a partition's state succeeds.
//!
//! Reads ZooKeeper's committed transactions: what stands in /controller_epoch, and the controller epoch in each
//! state that is written after it. Where ZooKeeper's servers state no transactions, it says nothing.

use super::property::{Property, Violation};
use super::zookeeper::{Added, History};
use crate::metadata::znode;
use crate::node::view::ClusterView;
use crate::protocol::zab::TxnBody;
use crate::protocol::{Fact, Routine, counted};
use crate::trace::TraceEntry;
use bytes::Bytes;

const NAME: &str = "only the current controller writes the state of partitions";

#[derive(Debug, Default)]
pub(super) struct OnlyTheCurrentControllerWrites {
    history: History,
    controller_epoch: i32,
    states: u64,
}

impl Property for OnlyTheCurrentControllerWrites {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routine(&self) -> &'static [Routine] {
        &[]
    }

    fn after_fact(&mut self, entry: &TraceEntry, _: &dyn ClusterView) -> Option<Violation> {
        let Fact::TxnApplied { txn } = &entry.fact else {
            return None;
        };
        if self.history.add(txn) != Added::New {
            return None;
        }
        let why = self.apply(&txn.body)?;
        Some(Violation::at(NAME, entry, why))
    }

    fn figures(&self) -> String {
        format!("{} written", counted(self.states, "state"))
    }
}

impl OnlyTheCurrentControllerWrites {
    fn apply(&mut self, body: &TxnBody) -> Option<String> {
        match body {
            TxnBody::Create { path, data, .. } | TxnBody::SetData { path, data, .. } => {
                self.written(path, data)
            }
            TxnBody::Multi(bodies) => {
                let failed = bodies.iter().any(|body| matches!(body, TxnBody::Error(_)));
                let mut bodies = bodies.iter().filter(|_| !failed);
                bodies.find_map(|body| self.apply(body))
            }
            _ => None,
        }
    }

    fn written(&mut self, path: &str, data: &Bytes) -> Option<String> {
        if path == znode::CONTROLLER_EPOCH {
            self.controller_epoch = znode::decode_controller_epoch(data)?;
            return None;
        }
        if !path.starts_with(znode::TOPICS) || !path.ends_with("/state") {
            return None;
        }
        self.states += 1;
        let wrote = znode::decode_partition_state(data, 0)?.controller_epoch;
        let current = self.controller_epoch;
        (wrote < current).then(|| {
            format!(
                "the controller of epoch {wrote} wrote {path}, though epoch {current} had begun"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Scene, alone};
    use crate::check::zookeeper::testing::applied;
    use crate::protocol::zookeeper::Code;

    fn sets(path: &str, data: &str) -> TxnBody {
        TxnBody::SetData {
            path: path.into(),
            data: Bytes::copy_from_slice(data.as_bytes()),
            version: 1,
        }
    }

    fn state(controller_epoch: i32) -> TxnBody {
        let data = format!(
            r#"{{"controller_epoch":{controller_epoch},"leader":1,"version":1,"leader_epoch":3,"isr":[1]}}"#
        );
        sets("/brokers/topics/t/partitions/0/state", &data)
    }

    #[test]
    fn z3_fires_when_an_earlier_controller_writes_a_state() {
        let scene = Scene::new();
        let fired = |bodies: Vec<TxnBody>| {
            let mut property = alone(OnlyTheCurrentControllerWrites::default());
            let txns = bodies.into_iter().enumerate();
            let entries: Vec<_> = txns
                .map(|(i, body)| applied(&scene, "zookeeper-1", i as i64 + 1, 1, body))
                .collect();
            let found = property.after_event(&entries, &scene);
            found.map(|violation| violation.sentence)
        };
        let epoch = |epoch: i32| sets(znode::CONTROLLER_EPOCH, &epoch.to_string());
        let guarded = |body| {
            let check = TxnBody::Check {
                path: znode::CONTROLLER_EPOCH.into(),
                version: 1,
            };
            TxnBody::Multi(vec![check, body])
        };
        assert_eq!(
            fired(vec![epoch(1), state(1), epoch(2), guarded(state(2))]),
            None
        );
        let expected = "the controller of epoch 1 wrote /brokers/topics/t/partitions/0/state, \
             though epoch 2 had begun";
        let late = vec![epoch(1), state(1), epoch(2), guarded(state(1))];
        assert_eq!(fired(late).as_deref(), Some(expected));
        // Of a multi that failed nothing is done.
        let failed = TxnBody::Multi(vec![TxnBody::Error(Code::BadVersion), state(1)]);
        assert_eq!(fired(vec![epoch(1), epoch(2), failed]), None);
    }
}
