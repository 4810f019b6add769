//! Holds the listeners of brokers against each other and against the machines: a broker must be able to listen
//! where it is told to, brokers must reach each other by one name, and no two may be said to be at one place.

use super::{Check, Checked};
use crate::plan::{BrokerPlan, Problem};
use crate::protocol::config::{BrokerConfig, Listeners};
use crate::protocol::is_localhost;
use std::collections::BTreeMap;

/// What a broker may be told to listen on beside its own name.
const ALL_ADDRESSES: [&str; 2] = ["", "0.0.0.0"];

impl Check<'_> {
    /// Of a broker whose configuration Kafka would take.
    pub(super) fn listeners_of(&self, broker: &BrokerPlan) -> Listeners {
        let mut whole = self.plan.cluster.config.clone();
        whole.extend(broker.config.clone());
        BrokerConfig::from_properties(&whole, self.plan.cluster.kafka_version)
            .map(|config| config.listeners)
            .unwrap_or_default()
    }

    pub(super) fn listeners(&self) -> Checked {
        let brokers = &self.plan.cluster.brokers;
        let all: Vec<Listeners> = brokers.iter().map(|it| self.listeners_of(it)).collect();
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for ((place, broker), listeners) in brokers.iter().enumerate().zip(&all) {
            let at = |key: &str| self.where_said(place, broker, key);
            let machine = format!("broker-{}", broker.id);
            for listener in &listeners.bound {
                let host = &*listener.host;
                if !ALL_ADDRESSES.contains(&host) && !is_localhost(host) && host != machine {
                    return Err(Problem::new(
                        at("listeners"),
                        format!("broker {} cannot listen on \"{host}\"", broker.id),
                    )
                    .expected(format!(
                        "no host (all of its addresses), {machine}, or localhost; where others are to reach it \
                         stands in advertised.listeners"
                    )));
                }
            }
            for listener in listeners.advertised(&machine.as_str().into()) {
                let address = format!("{}:{}", listener.host, listener.port);
                if let Some(other) = taken.insert(address.clone(), place)
                    && other != place
                {
                    // One of both says so; who says nothing is at its own name.
                    let said = self.where_advertised(place);
                    let said = said.or_else(|| self.where_advertised(other));
                    return Err(Problem::new(
                        said.unwrap_or_default(),
                        format!(
                            "brokers {} and {} both say that they are at {address}",
                            brokers[other].id, broker.id
                        ),
                    )
                    .expected(
                        "another host or port for each: Kafka does not let the second one start",
                    ));
                }
            }
            let name = &all[0].inter_broker;
            let named = listeners.advertised(&machine.as_str().into());
            if listeners.inter_broker != *name || !named.iter().any(|it| it.name == *name) {
                return Err(Problem::new(
                    at("inter.broker.listener.name"),
                    format!(
                        "broker {} speaks to others by {}, broker {} by {}",
                        broker.id, listeners.inter_broker.0, brokers[0].id, name.0
                    ),
                )
                .expected("one name for all, which each of them advertises"));
            }
        }
        Ok(())
    }

    /// What says where others reach this broker: where nothing is advertised, that is what it listens on.
    fn where_advertised(&self, place: usize) -> Option<Vec<String>> {
        let cluster = &self.plan.cluster;
        let broker = &cluster.brokers[place];
        let is_said =
            |key: &&str| broker.config.contains_key(*key) || cluster.config.contains_key(*key);
        let key = ["advertised.listeners", "listeners"]
            .into_iter()
            .find(is_said)?;
        Some(self.where_said(place, broker, key))
    }

    /// The broker's own line if it has one, else the cluster's.
    fn where_said(&self, place: usize, broker: &BrokerPlan, key: &str) -> Vec<String> {
        let place = place.to_string();
        let own = ["cluster", "brokers", &place, "config", key];
        let of_cluster = ["cluster", "config", key];
        match broker.config.contains_key(key) {
            true => own.map(str::to_string).to_vec(),
            false => of_cluster.map(str::to_string).to_vec(),
        }
    }
}
