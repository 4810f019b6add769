//! A broker: request handling, replicas, ISR, high watermark, fetchers and purgatory.
//!
//! May not know more of the cluster than a message told it: the metadata cache from UpdateMetadata, its
//! partitions from LeaderAndIsr, its controller from the cache. It never meets ZooKeeper or a quorum: what
//! it asks about topics' configurations ([`Broker::configurations`]) its node answers.

/// What a partition sees of its broker, with the broker's other parts free to be borrowed.
macro_rules! env {
    ($broker:expr, $ctx:expr) => {{
        let now_ms = $ctx.wall_ms();
        $broker.out.leaves_out_routine = !$ctx.states_routine();
        Env {
            disk: $ctx.disk(),
            now_ms,
            cache: &$broker.metadata_cache,
            out: &mut $broker.out,
        }
    }};
}

mod alter_partition_manager;
mod auto_topic_creation_manager;
mod background;
mod completions;
mod connections;
mod controlled_shutdown;
mod current_leader;
mod delete_records;
mod elect_leaders;
mod fetch_manager;
mod fetch_session;
mod fetch_session_cache;
mod groups;
mod kafka_apis;
mod leadership_changes;
mod locks;
mod log_loading;
mod log_manager;
mod node_to_controller_channel;
mod outbox;
mod partition;

mod produce;
mod producer_id_manager;
mod purgatory;
mod replica;
mod replica_fetcher;
mod replica_fetcher_manager;
mod replica_manager;
mod replica_state_change;
mod replica_view;
mod request_log;
#[cfg(test)]
mod testing;
mod threads;
mod topic_configs;

pub use elect_leaders::Election;
pub use leadership_changes::LeadershipChanges;
pub use replica_view::{ReplicaRole, ReplicaView};
pub use request_log::{CompletedRequest, Wanted};
pub use threads::BrokerThread;
pub use topic_configs::{ConfigAnswer, ConfigCalls, ConfigQuestion};

use crate::coordinator::group::{GroupConfig, GroupCoordinator};
use crate::kernel::{CloseReason, ConnId, DiskError, Duration, NodeId};
use crate::log::LoadNote;
use crate::metadata::MetadataCache;
use crate::protocol::config::{BrokerConfig, Properties};
use crate::protocol::{
    BrokerId, BrokerTimer, CreateTopicsRequest, Ctx, Fact, GroupTimer, Hosts, KafkaRequest,
    KafkaResponse, ListenerName, NetworkOwner, NetworkTimer, Request, Response, Timer,
    UpdateMetadataRequest,
};
use alter_partition_manager::AlterPartitionManager;
use auto_topic_creation_manager::AutoTopicCreationManager;
use background::Background;
use connections::Connections;
use controlled_shutdown::ControlledShutdown;
use fetch_manager::FetchManager;
use locks::{Interrupted, Interruptions};
use outbox::Outbox;
use producer_id_manager::ProducerIdManager;
use purgatory::Pending;
use replica_fetcher_manager::ReplicaFetcherManager;
use replica_manager::ReplicaManager;
use replica_state_change::ReplicaStateChanges;
use request_log::RequestLog;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a broker is made of.
#[derive(Clone, Debug)]
pub struct BrokerSetup {
    pub id: BrokerId,
    pub hosts: Hosts,
    pub config: Rc<BrokerConfig>,
}

/// How far loading the log directory has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoadProgress {
    /// Call again, after a zero-delay self-event.
    More,
    /// Waits for [`Broker::configurations`]: call again once that is answered.
    WaitsForConfigurations,
    Done,
}

/// Why a broker cannot start (RL1): the process ends with this status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadFailed {
    pub status: i32,
    pub why: String,
    /// The process ends where it stands; else it closes its session first.
    pub halts: bool,
}

/// What a broker wants of the node around it.
#[derive(Clone, Debug)]
pub enum BrokerOutput {
    /// A request for the controller role of this node; answered by [`Broker::respond`], ElectLeaders by
    /// [`Broker::elected`].
    ToController { token: u64, body: Request },
    /// CreateTopics, CreatePartitions or IncrementalAlterConfigs, for `ZkAdminManager`; answered by [`Broker::respond`].
    ToAdmin { token: u64, body: Request },
    /// Topics that this broker makes by itself, since somebody asked about them; answered by
    /// [`Broker::respond`].
    AutoCreateTopics {
        token: u64,
        request: CreateTopicsRequest,
    },
    /// The metadata cache has taken this UpdateMetadata in, and is what it is now.
    MetadataUpdated {
        cache: Rc<MetadataCache>,
        request: Rc<UpdateMetadataRequest>,
    },
    /// Partitions that are led from now on, or not any more; the broker's own coordinator has heard of it.
    LeadershipChanged(LeadershipChanges),
    /// The controlled shutdown is over; this many partitions are still led (0: clean).
    ControlledShutdownDone { remaining: u32 },
    /// The last log directory has failed: the process ends with status 1.
    Failed { why: String },
}

/// A connection that somebody else opened.
struct Accepted {
    from: NodeId,
    /// It is not read.
    muted: bool,
}

/// A Kafka broker without its ZooKeeper session and without its controller role.
pub struct Broker {
    id: BrokerId,
    config: Rc<BrokerConfig>,
    cluster_id: Rc<str>,
    broker_epoch: i64,
    serving: bool,
    shutting_down: bool,
    /// Connections that others opened.
    accepted: BTreeMap<ConnId, Accepted>,
    /// Whose request this event brought, until it is answered.
    unanswered: Option<ConnId>,
    configurations: ConfigCalls,
    metadata_cache: Rc<MetadataCache>,
    connections: Connections,
    replicas: ReplicaManager,
    state_changes: ReplicaStateChanges,
    fetchers: ReplicaFetcherManager,
    fetch_manager: FetchManager,
    alter_partition: AlterPartitionManager,
    controlled_shutdown: ControlledShutdown,
    producer_ids: ProducerIdManager,
    auto_topic_creation: AutoTopicCreationManager,
    groups: GroupCoordinator,
    background: Background,
    next_token: u64,
    forwarded: BTreeMap<u64, Pending>,
    /// Those of them that ask for an election of all partitions.
    elections_of_all: BTreeSet<u64>,
    interruptions: Interruptions,
    out: Outbox,
    outputs: Vec<BrokerOutput>,
    failed: bool,
    request_log: RequestLog,
}

impl Broker {
    pub fn new(setup: BrokerSetup) -> Self {
        let BrokerSetup { id, hosts, config } = setup;
        Broker {
            cluster_id: "".into(),
            broker_epoch: -1,
            serving: false,
            shutting_down: false,
            accepted: BTreeMap::new(),
            unanswered: None,
            configurations: ConfigCalls::new(),
            metadata_cache: Rc::default(),
            connections: Connections::new(id, hosts, &config),
            replicas: ReplicaManager::new(id, Rc::clone(&config)),
            state_changes: ReplicaStateChanges::default(),
            fetchers: ReplicaFetcherManager::new(id, Rc::clone(&config)),
            fetch_manager: FetchManager::new(&config),
            alter_partition: AlterPartitionManager::new(id, &config),
            controlled_shutdown: ControlledShutdown::new(id, Rc::clone(&config)),
            producer_ids: ProducerIdManager::new(id, &config),
            auto_topic_creation: AutoTopicCreationManager::default(),
            groups: GroupCoordinator::new(GroupConfig::of(&config)),
            background: Background::default(),
            next_token: 0,
            forwarded: BTreeMap::new(),
            elections_of_all: BTreeSet::new(),
            interruptions: Interruptions::default(),
            out: Outbox::default(),
            outputs: Vec::new(),
            failed: false,
            request_log: RequestLog::default(),
            id,
            config,
        }
    }

    // ---- start and stop, driven by the node (CT25, CT26)

    /// One step of loading (RL1): meta.properties, topic configurations, clean
    /// marker and checkpoints, then one log a step. Call until `Done`; the tasks of the log and replica
    /// managers run from then on.
    pub fn load_logs(
        &mut self,
        ctx: &mut Ctx<'_>,
        cluster_id: &str,
    ) -> Result<LoadProgress, LoadFailed> {
        let now_ms = ctx.wall_ms();
        let logs = &mut self.replicas.logs;
        let progress = logs.load(ctx.disk(), now_ms, &self.configurations, cluster_id);
        for (partition, note) in std::mem::take(&mut logs.notes) {
            match note {
                LoadNote::Loaded {
                    log_start_offset,
                    log_end_offset,
                    ..
                } => ctx.fact(Fact::LogLoaded {
                    partition,
                    log_start_offset,
                    log_end_offset,
                    what: note.to_string().into(),
                }),
                LoadNote::Scanned { segment, bytes } => ctx.fact(Fact::SegmentScanned {
                    partition,
                    base_offset: segment,
                    bytes,
                }),
                repair => ctx.fact(Fact::LogRepaired {
                    partition,
                    what: repair.to_string().into(),
                }),
            }
        }
        let progress = progress?;
        if progress == LoadProgress::Done {
            self.cluster_id = cluster_id.into();
            ctx.fact(Fact::BrokerConfigured {
                replica_lag_time_max_ms: u64::try_from(self.config.replica_lag_time_max_ms)
                    .unwrap_or(0),
            });
            ctx.fact(Fact::LogsLoaded {
                partitions: self.replicas.logs.loaded,
                recovered: self.replicas.logs.recovered,
            });
            self.start_background_tasks(ctx);
        }
        Ok(progress)
    }

    /// The czxid of this broker's registration (Z5); set again after each registration.
    pub fn set_broker_epoch(&mut self, broker_epoch: i64) {
        self.broker_epoch = broker_epoch;
        self.fetchers.set_broker_epoch(broker_epoch);
        self.alter_partition.set_broker_epoch(broker_epoch);
        self.producer_ids.set_broker_epoch(broker_epoch);
    }

    /// The listener by which a connection has come.
    fn listener_of(&self, ctx: &Ctx<'_>, conn: ConnId) -> &ListenerName {
        self.config.listeners.on_port(ctx.port(conn))
    }

    /// Connections are accepted from now on; before, they are refused.
    pub fn start_serving(&mut self, ctx: &mut Ctx<'_>) {
        self.serving = true;
        ctx.fact(Fact::Serving);
        self.groups.start(ctx);
    }

    /// Asks the controller to move leaderships away; ends in `ControlledShutdownDone`.
    pub fn begin_controlled_shutdown(&mut self, ctx: &mut Ctx<'_>) {
        self.shutting_down = true;
        self.mark_clean_early(ctx);
        let led = self.replicas.led();
        if self.config.controlled_shutdown_enable {
            ctx.fact(Fact::ControlledShutdownBegins);
            self.controlled_shutdown.begin(led);
            self.try_controlled_shutdown(ctx);
        } else {
            self.outputs
                .push(BrokerOutput::ControlledShutdownDone { remaining: led });
        }
    }

    fn try_controlled_shutdown(&mut self, ctx: &mut Ctx<'_>) {
        let (connections, cache) = (&mut self.connections, &self.metadata_cache);
        let done = self
            .controlled_shutdown
            .attempt(ctx, connections, cache, self.broker_epoch);
        self.end_controlled_shutdown(ctx, done);
    }

    fn end_controlled_shutdown(&mut self, ctx: &mut Ctx<'_>, done: Option<u32>) {
        if let Some(remaining) = done {
            let alone = self.replicas.led_alone();
            ctx.fact(Fact::ControlledShutdownEnds { remaining, alone });
            self.outputs
                .push(BrokerOutput::ControlledShutdownDone { remaining });
        }
    }

    /// Closes all connections of others; new ones are refused.
    pub fn stop_serving(&mut self, ctx: &mut Ctx<'_>) {
        self.serving = false;
        for conn in std::mem::take(&mut self.accepted).into_keys() {
            ctx.close(conn);
            self.forget(ctx, conn);
        }
    }

    /// Stops fetchers, checkpoints high watermarks, flushes and closes logs, leaves the clean marker.
    pub fn shutdown_replicas(&mut self, ctx: &mut Ctx<'_>) {
        self.fetchers.shutdown(ctx, &mut self.connections);
        self.alter_partition.shutdown(ctx, &mut self.connections);
        self.producer_ids.shutdown(ctx, &mut self.connections);
        self.close_logs(ctx);
        self.flush(ctx);
    }

    // ---- events

    pub fn on_accepted(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, from: NodeId) {
        if self.serving {
            self.accepted.insert(conn, Accepted { from, muted: false });
        } else {
            ctx.close(conn);
        }
    }

    pub fn on_request(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, request: KafkaRequest) {
        if !self.accepted.contains_key(&conn) {
            return;
        }
        self.unanswered = Some(conn);
        let to = Pending {
            conn,
            correlation_id: request.correlation_id,
        };
        self.serve(ctx, to, request);
        self.flush(ctx);
        if self.unanswered.take().is_some()
            && let Some(accepted) = self.accepted.get_mut(&conn)
        {
            accepted.muted = true;
            ctx.mute(conn);
        }
    }

    /// True for connections that the broker opened or accepted: their events belong here.
    pub fn owns(&self, conn: ConnId) -> bool {
        self.accepted.contains_key(&conn) || self.connections.owner(conn).is_some()
    }

    pub fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        self.connections.on_connected(ctx, conn);
    }

    pub fn on_response(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, response: KafkaResponse) {
        let answered = self.connections.on_response(ctx, conn, response);
        self.on_answered(ctx, answered);
    }

    pub fn on_closed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId, reason: CloseReason) {
        if self.accepted.remove(&conn).is_some() {
            self.forget(ctx, conn);
        } else {
            let answered = self.connections.on_closed(ctx, conn, reason);
            self.on_answered(ctx, answered);
        }
    }

    pub fn on_timer(&mut self, ctx: &mut Ctx<'_>, timer: BrokerTimer) {
        if ctx.any_locks() {
            let wanted = self.wanted_by_task(&timer);
            let what = Interrupted::Task(timer.clone());
            if self.unless_taken(ctx, wanted, what).is_none() {
                return;
            }
        }
        match timer {
            BrokerTimer::GoOn(number) => self.go_on(ctx, number),
            BrokerTimer::StateChange => self.run_state_changes(ctx),
            BrokerTimer::Group(GroupTimer::Load) => self.load_groups(ctx),
            BrokerTimer::Group(timer) => self.groups.on_timer(ctx, timer),
            BrokerTimer::Purgatory(op) => self.on_parked_expired(ctx, op),
            BrokerTimer::FetcherBackoff(fetcher) => {
                self.fetchers.on_backoff(fetcher);
                self.run_fetchers(ctx);
            }
            BrokerTimer::ControlledShutdown => self.try_controlled_shutdown(ctx),
            BrokerTimer::SendAlterPartition => {
                let (connections, cache) = (&mut self.connections, &self.metadata_cache);
                self.alter_partition.on_send(ctx, connections, cache);
            }
            BrokerTimer::FindController(owner) => {
                let (connections, cache) = (&mut self.connections, &self.metadata_cache);
                match owner {
                    NetworkOwner::Forwarding => {
                        self.producer_ids
                            .on_find_controller(ctx, connections, cache)
                    }
                    _ => self
                        .alter_partition
                        .on_find_controller(ctx, connections, cache),
                }
            }
            task => self.on_task(ctx, task),
        }
        self.flush(ctx);
    }

    /// `Timer::Network` with an owner that is a thread of the broker.
    pub fn on_network_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        owner: NetworkOwner,
        conn_or_node: u64,
        what: NetworkTimer,
    ) {
        let answered = self.connections.on_timer(ctx, owner, conn_or_node, what);
        self.on_answered(ctx, answered);
    }

    /// `Event::Disk`: a checkpoint or a flush in the background has ended.
    pub fn on_disk(&mut self, ctx: &mut Ctx<'_>, token: u64, result: Result<(), DiskError>) {
        self.on_disk_done(ctx, token, result);
        self.flush(ctx);
    }

    // ---- the node's side

    /// What the node shall do, oldest first. Look after every call.
    pub fn take_outputs(&mut self) -> Vec<BrokerOutput> {
        std::mem::take(&mut self.outputs)
    }

    /// From now on it is written down which of the wanted requests came and how they were answered.
    pub fn keep_requests(&mut self, wanted: Wanted) {
        self.request_log.keep(wanted);
    }

    /// What was answered since the last call.
    pub fn take_requests(&mut self) -> Vec<CompletedRequest> {
        self.request_log.take()
    }

    /// True if there are neither outputs nor questions.
    pub fn is_quiet(&self) -> bool {
        self.outputs.is_empty() && self.configurations.is_quiet()
    }

    /// The answer to `ToController` or `ToAdmin`.
    pub fn respond(&mut self, ctx: &mut Ctx<'_>, token: u64, response: Response) {
        self.on_forwarded_answered(ctx, token, response);
        self.flush(ctx);
    }

    /// Questions that the broker waits for; drain after every call, answer, then call
    /// [`Broker::on_configuration_answered`] (while loading: [`Broker::load_logs`]).
    pub fn configurations(&self) -> &ConfigCalls {
        &self.configurations
    }

    pub fn on_configuration_answered(&mut self, ctx: &mut Ctx<'_>) {
        // A request handler works on, not the thread that brought the answer.
        ctx.set_timer(Duration::ZERO, Timer::Broker(BrokerTimer::StateChange));
    }

    /// A topic's configuration was altered (RK10): applied to its logs at once. A lower
    /// min.insync.replicas releases the high watermark at its next chance to move.
    pub fn apply_topic_config(&mut self, _ctx: &mut Ctx<'_>, topic: &str, overrides: &Properties) {
        self.replicas.apply_topic_config(topic, overrides);
    }

    // ---- views

    /// The groups that this broker coordinates.
    pub fn groups(&self) -> &GroupCoordinator {
        &self.groups
    }

    /// What this broker knows of the cluster; a snapshot is cheap.
    pub fn metadata_cache(&self) -> &Rc<MetadataCache> {
        &self.metadata_cache
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("id", &self.id)
            .field("broker_epoch", &self.broker_epoch)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}
