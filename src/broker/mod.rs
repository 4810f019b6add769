//! A broker: request handling, replicas, ISR, high watermark, fetchers and purgatory.
//!
//! Knows of the cluster only what a message told it: the metadata cache from UpdateMetadata, its
//! partitions from LeaderAndIsr, its controller from the cache. It never meets ZooKeeper itself: the
//! few reads that Kafka's broker makes while it handles a request go out through [`Broker::zk`] and
//! are answered by the node that owns the session.

mod metadata_cache;

pub use metadata_cache::MetadataCache;

use crate::kernel::task::Calls;
use crate::kernel::{CloseReason, ConnId, NodeId};
use crate::protocol::config::{BrokerConfig, Properties};
use crate::protocol::network_client::NetworkTimer;
use crate::protocol::zookeeper::{Answer, Code, Op};
use crate::protocol::{
    BrokerEndpoint, BrokerId, BrokerTimer, Ctx, Hosts, KafkaRequest, KafkaResponse, Request,
    Response, TopicPartition, UpdateMetadataRequest,
};
use std::rc::Rc;

/// What a broker is made of.
#[derive(Clone, Debug)]
pub struct BrokerSetup {
    /// Its id, and where it listens.
    pub endpoint: BrokerEndpoint,
    pub hosts: Hosts,
    pub config: Rc<BrokerConfig>,
}

/// How far loading the log directory has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoadProgress {
    /// Call again, after a zero-delay self-event.
    More,
    /// Waits for [`Broker::zk`]: call again once that is answered.
    WaitsForZooKeeper,
    Done,
}

/// Why a broker cannot start (RL1): the process ends with this status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadFailed {
    pub status: i32,
    pub why: String,
}

/// What a broker wants of the node around it.
#[derive(Clone, Debug)]
pub enum BrokerOutput {
    /// A request for the controller role of this node; answered by [`Broker::respond`].
    ToController { token: u64, body: Request },
    /// CreateTopics or IncrementalAlterConfigs, for `ZkAdminManager`; answered by [`Broker::respond`].
    ToAdmin { token: u64, body: Request },
    /// This UpdateMetadata has been applied to the metadata cache (the admin manager waits for leaders).
    MetadataUpdated { request: Rc<UpdateMetadataRequest> },
    /// The controlled shutdown is over; this many partitions are still led (0: clean).
    ControlledShutdownDone { remaining: u32 },
    /// The last log directory has failed: the process ends with status 1.
    Failed { why: String },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplicaRole {
    /// The replica was told of no leader yet, or of none (-1).
    Idle,
    Leader,
    Follower,
}

/// What a broker believes of one of its replicas.
#[derive(Clone, Debug)]
pub struct ReplicaView<'a> {
    pub role: ReplicaRole,
    /// `NO_LEADER` if there is none.
    pub leader: BrokerId,
    pub leader_epoch: i32,
    /// zkVersion of the state that it knows.
    pub partition_epoch: i32,
    /// The committed ISR, in order; a follower knows the one of the last LeaderAndIsr.
    pub isr: &'a [BrokerId],
    /// A2; equal to `isr` where no change is in flight.
    pub maximal_isr: Vec<BrokerId>,
    pub replicas: &'a [BrokerId],
    pub log_start_offset: i64,
    pub high_watermark: i64,
    pub log_end_offset: i64,
}

/// A Kafka broker without its ZooKeeper session and without its controller role.
pub struct Broker {
    zk: Calls<Op, Result<Answer, Code>>,
    metadata_cache: MetadataCache,
    outputs: Vec<BrokerOutput>,
}

impl Broker {
    /// Owner numbers of `Timer::Network` that belong to a broker's own clients.
    pub const NETWORK_OWNERS: std::ops::RangeInclusive<u8> = 10..=12;

    pub fn new(setup: BrokerSetup) -> Self {
        let _ = setup;
        Broker {
            zk: Calls::new(),
            metadata_cache: MetadataCache::default(),
            outputs: Vec::new(),
        }
    }

    // ---- start and stop, driven by the node (CT25, CT26)

    /// One step of loading: meta.properties, clean marker, checkpoints, topic configurations (from
    /// ZooKeeper), then one log a step. Call until `Done`.
    pub fn load_logs(
        &mut self,
        ctx: &mut Ctx<'_>,
        cluster_id: &str,
    ) -> Result<LoadProgress, LoadFailed> {
        let _ = (ctx, cluster_id);
        todo!()
    }

    /// The czxid of this broker's registration (Z5); set again after each registration.
    pub fn set_broker_epoch(&mut self, broker_epoch: i64) {
        let _ = broker_epoch;
        todo!()
    }

    /// Connections are accepted from now on; before, they are refused.
    pub fn start_serving(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
        todo!()
    }

    /// Asks the controller to move leaderships away; ends in `ControlledShutdownDone`.
    pub fn begin_controlled_shutdown(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
        todo!()
    }

    /// Closes all connections of others; new ones are refused.
    pub fn stop_serving(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
        todo!()
    }

    /// Stops fetchers, checkpoints high watermarks, flushes and closes logs, leaves the clean marker.
    pub fn shutdown_replicas(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
        todo!()
    }

    // ---- events

    pub fn on_accepted(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, from: NodeId) {
        let _ = (ctx, conn, from);
        todo!()
    }

    pub fn on_request(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, request: KafkaRequest) {
        let _ = (ctx, conn, request);
        todo!()
    }

    /// True for connections that the broker opened or accepted: their events belong here.
    pub fn owns(&self, conn: ConnId) -> bool {
        let _ = conn;
        todo!()
    }

    pub fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        let _ = (ctx, conn);
        todo!()
    }

    pub fn on_response(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, response: KafkaResponse) {
        let _ = (ctx, conn, response);
        todo!()
    }

    pub fn on_closed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: CloseReason) {
        let _ = (ctx, conn, reason);
        todo!()
    }

    pub fn on_timer(&mut self, ctx: &mut Ctx<'_>, timer: BrokerTimer) {
        let _ = (ctx, timer);
        todo!()
    }

    /// `Timer::Network` with an owner in [`Broker::NETWORK_OWNERS`].
    pub fn on_network_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        owner: u8,
        conn_or_node: u64,
        what: NetworkTimer,
    ) {
        let _ = (ctx, owner, conn_or_node, what);
        todo!()
    }

    // ---- the node's side

    /// What the node shall do, oldest first. Look after every call.
    pub fn take_outputs(&mut self) -> Vec<BrokerOutput> {
        std::mem::take(&mut self.outputs)
    }

    /// The answer to `ToController` or `ToAdmin`.
    pub fn respond(&mut self, ctx: &mut Ctx<'_>, token: u64, response: Response) {
        let _ = (ctx, token, response);
        todo!()
    }

    /// Reads of ZooKeeper that the broker waits for; drain after every call, answer, then call
    /// [`Broker::on_zk_answered`] (while loading: [`Broker::load_logs`]).
    pub fn zk(&self) -> &Calls<Op, Result<Answer, Code>> {
        &self.zk
    }

    pub fn on_zk_answered(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
        todo!()
    }

    /// A topic's configuration was altered (RK10): applied to its logs at once.
    pub fn apply_topic_config(&mut self, ctx: &mut Ctx<'_>, topic: &str, overrides: &Properties) {
        let _ = (ctx, topic, overrides);
        todo!()
    }

    // ---- views

    pub fn metadata_cache(&self) -> &MetadataCache {
        &self.metadata_cache
    }

    /// Every replica that this broker hosts and knows a state of, sorted by partition.
    pub fn replicas(&self) -> impl Iterator<Item = (&TopicPartition, ReplicaView<'_>)> {
        std::iter::empty()
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}
