//! The parts of a cluster among peers of cardboard: brokers, controllers, clients, replicas, connections.

mod broker;
mod client;
mod controller;
mod network_client;
mod replication;
