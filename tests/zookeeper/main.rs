//! ZooKeeper against real ZooKeeper's transcripts, and the rules that transcripts do not show.

mod client_rules;
mod ensemble;
mod kazoo;
mod random;
mod rules;
mod safety;
mod world;
