//! What an observer outside the simulation may see of a cluster: read-only, and never told to a node.
//!
//! Checkers, roles and reports read these views; no protocol code does. A view is a copy of what one
//! process holds (`ReplicaView`) or of what the coordination service has committed
//! (`CommittedPartition`), not the truth of the cluster, which no process knows.

use crate::protocol::zab::ServerId;
use crate::protocol::zookeeper::{SessionId, Stat, Zxid};
use crate::protocol::{BrokerId, TopicId, TopicName, TopicPartition};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One replica, as the broker that holds it sees it. Offsets are those of the partition's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplicaView {
    pub broker: BrokerId,
    pub partition: TopicPartition,
    /// The broker believes that it leads.
    pub is_leader: bool,
    /// Whom it believes to lead; `NO_LEADER` if none.
    pub leader: BrokerId,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    /// The committed ISR that it knows; only a leader's is meaningful.
    pub isr: Vec<BrokerId>,
    pub log_start_offset: i64,
    pub high_watermark: i64,
    /// Offset of the next record.
    pub log_end_offset: i64,
}

/// The offsets of one replica, as the broker that holds it sees them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplicaOffsets {
    pub is_leader: bool,
    pub log_start_offset: i64,
    pub high_watermark: i64,
    /// Offset of the next record.
    pub log_end_offset: i64,
}

/// A partition's state as the coordination service holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommittedPartition {
    pub partition: TopicPartition,
    /// `NO_LEADER` if none.
    pub leader: BrokerId,
    pub leader_epoch: i32,
    /// In the order in which it is stored.
    pub isr: Vec<BrokerId>,
    /// In order of preference.
    pub replicas: Vec<BrokerId>,
    pub controller_epoch: i32,
    /// Version of the state's znode.
    pub partition_epoch: i32,
    /// Elected uncleanly and not yet recovered (KIP-704).
    pub recovering: bool,
}

/// A topic as the coordination service holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicView {
    pub name: TopicName,
    pub topic_id: TopicId,
    pub partition_count: u32,
    pub replication_factor: u32,
    /// Overrides of the topic, Kafka's key and value, in the order in which Kafka's tools print them.
    pub configs: Vec<(String, String)>,
}

/// Topics and partitions as a tool is told of them that asks a broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Described {
    /// The broker that was asked, where ZooKeeper does not hold the same; versions and controller epochs
    /// are those that it heard of last.
    pub cache_of: Option<BrokerId>,
    pub topics: Vec<TopicView>,
    pub partitions: Vec<CommittedPartition>,
}

/// What a ZooKeeper server does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ZooKeeperRole {
    /// It serves, and is the only one.
    Standalone,
    /// It leads an ensemble, and serves.
    Leader,
    /// It follows this server, and serves.
    Follower { leader: ServerId },
    /// It starts, looks for a leader, or takes over what one has.
    NotServing,
}

/// A ZooKeeper server as it is, or as it was left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZooKeeperServerView {
    pub name: String,
    pub runs: bool,
    pub role: ZooKeeperRole,
    /// currentEpoch; none for a server by itself.
    pub epoch: Option<i64>,
    /// The last transaction that is durable in its log.
    pub last_logged: Zxid,
    /// The last transaction that it knows to be committed.
    pub last_committed: Zxid,
    /// The last transaction in its tree.
    pub last_applied: Zxid,
}

/// A session, as the server knows it that watches over it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZooKeeperSessionView {
    pub id: SessionId,
    pub timeout_ms: u32,
    /// Until it expires unless it is heard of; none where nobody watches over it.
    pub left_ms: Option<u64>,
    /// The server that it speaks with, in an ensemble.
    pub server: Option<ServerId>,
    pub ephemerals: Vec<String>,
}

/// That a session is to be told, once, of the next change of a node. Its server knows that by itself, and so does its
/// client: each may be wrong about the other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ZooKeeperWatchView {
    pub path: String,
    /// Of the node's children; without it of its data, or of its being there.
    pub children: bool,
    pub session: SessionId,
    /// The running server that would tell; none where its server is gone, or has told already.
    pub server: Option<String>,
    /// The running process that counts on it; none where it is gone, or has not heard of its watch yet.
    pub client: Option<String>,
}

/// A node of ZooKeeper's tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZnodeView {
    pub path: String,
    pub data: Bytes,
    pub stat: Stat,
}

/// What the coordination service is and holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ZooKeeperView {
    /// By number.
    pub servers: Vec<ZooKeeperServerView>,
    /// By id.
    pub sessions: Vec<ZooKeeperSessionView>,
    /// By path.
    pub watches: Vec<ZooKeeperWatchView>,
    /// In the order of paths.
    pub znodes: Vec<ZnodeView>,
}

/// A group, as its coordinator tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupView {
    pub group: Rc<str>,
    /// As DescribeGroups names it.
    pub state: &'static str,
    pub coordinator: BrokerId,
    /// Host and port, as clients are told.
    pub coordinator_at: Rc<str>,
    /// The assignor's name; none unless the group is stable.
    pub protocol: Option<Rc<str>>,
    pub members: Vec<MemberView>,
    /// The next offset to read, by partition.
    pub committed: BTreeMap<TopicPartition, i64>,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberView {
    pub member_id: Rc<str>,
    pub client_id: Rc<str>,
    pub host: Rc<str>,
    /// `group.instance.id`
    pub instance: Option<Rc<str>>,
    /// Empty unless the group is stable.
    pub assignment: Vec<TopicPartition>,
}

/// A cluster between two events.
pub trait ClusterView {
    /// Brokers whose process runs (or is paused), by id.
    fn running_brokers(&self) -> Vec<BrokerId>;
    /// A replica on a running broker.
    fn replica(&self, broker: BrokerId, partition: &TopicPartition) -> Option<ReplicaView>;
    /// The offsets of a replica on a running broker; cheaper than the whole view.
    fn replica_offsets(
        &self,
        broker: BrokerId,
        partition: &TopicPartition,
    ) -> Option<ReplicaOffsets>;
    /// Where each leader epoch begins, as a replica on a running broker has it in its cache.
    fn leader_epochs(
        &self,
        broker: BrokerId,
        partition: &TopicPartition,
    ) -> Option<Vec<(i32, i64)>> {
        let _ = (broker, partition);
        None
    }
    /// Every replica on every running broker, by broker and partition.
    fn replicas(&self) -> Vec<ReplicaView>;
    /// Every partition's committed state, by partition.
    fn committed(&self) -> Vec<CommittedPartition>;
    /// The segment files (`*.log`) of a partition on a broker's disk, running or not: file name and
    /// content, in the order of base offsets.
    fn log_files(&self, broker: BrokerId, partition: &TopicPartition) -> Vec<(String, Vec<Bytes>)>;
    /// The controller and its epoch, as the coordination service holds them.
    fn controller(&self) -> Option<(BrokerId, i32)>;
    /// Every topic, by name.
    fn topics(&self) -> Vec<TopicView>;
    /// What a tool learns that asks the brokers; `None` while none would answer.
    fn described(&self) -> Option<Described> {
        Some(Described {
            cache_of: None,
            topics: self.topics(),
            partitions: self.committed(),
        })
    }
    /// Every group that a running broker coordinates, by name.
    fn groups(&self) -> Vec<GroupView> {
        Vec::new()
    }
    /// Key and value that a producer's application gave the record of this number, as they would be now: what they say
    /// of the world may have changed since.
    fn made(&self, producer: &str, number: u64) -> Option<(Option<Bytes>, Option<Bytes>)> {
        let _ = (producer, number);
        None
    }
    /// ZooKeeper's servers, sessions and tree.
    fn zookeeper(&self) -> ZooKeeperView {
        ZooKeeperView::default()
    }
}
