//! The members of an ensemble (`org.apache.zookeeper.server.quorum`): they elect a leader, which brings
//! the others up to date and then orders all writes (Zab). Rules ZK1 and ZK4, and most of ZB.

mod broadcast;
mod commit_processor;
mod committed_log;
mod epochs;
mod fast_leader_election;
mod follower;
mod leader;
mod learner_handler;
mod learner_sync;
mod member;
mod quorum_cnx_manager;
mod quorum_peer;
mod sync_plan;

pub use quorum_peer::{QuorumPeer, QuorumRole, QuorumView};
