//! ZooKeeper against real ZooKeeper's transcripts, and the rules that transcripts do not show.

mod kazoo;
mod random;
mod rules;
mod world;
