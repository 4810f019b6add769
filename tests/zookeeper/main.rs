//! ZooKeeper against real ZooKeeper's transcripts, and the rules that transcripts do not show.

mod ensemble;
mod kazoo;
mod random;
mod rules;
mod safety;
mod session_client;
mod world;
