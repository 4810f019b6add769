//! A coordinator by itself, held against Kafka's rule by rule.

mod inquiries;
mod joins;
mod loading;
mod matrix;
mod offsets;
mod rebalances;
mod records;
mod sessions;
mod static_members;
mod syncs;
mod town;
