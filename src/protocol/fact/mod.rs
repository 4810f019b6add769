//! Facts: what nodes state. The ordered list of facts is the trace; nothing else observes a run.
//!
//! A node states only what it knows itself. Facts carry what the transcript needs to tell the story
//! in words and what checkers need to recompute it; each variant says who states it, and when.
//!
//! The facts of the cluster's own story stand in one enum, since most readers look at several kinds of node at
//! once. A family that readers of its own ask for is an enum of its own in a file of its own, and one variant
//! here (`Shell`); in a trace nobody sees the difference.

mod application;
mod faults;
mod fetch_session;
mod group;
mod message;
mod not_reached;
mod producer_state;
mod record;
mod replication;
mod routine;
mod shell;
mod start;

pub use application::ApplicationFact;
pub use faults::{LinkFault, MachineFault};
pub use fetch_session::FetchSessionFact;
pub use group::{GroupFact, GroupRow, LoadedOffset, MemberGone, OwnerThen, RebalanceReason};
pub use message::{MessageFact, Part, Serialized};
pub use not_reached::{Errand, NotReached};
pub use producer_state::{EpochBumpReason, ProducerStateFact};
pub use record::{RecordId, content_of};
pub use replication::{IsrChange, LogStartReason, StateWriteReason};
pub use routine::Routine;
pub use shell::{LostCommand, ShellFact};
pub use start::Lack;

use super::zab::{ServerId, SyncMode, Txn};
use super::zookeeper::{Answer, Code, Op, SessionId, WatchedEvent, Zxid};
use super::{BrokerId, ConfigResource, ErrorCode, TopicName, TopicPartition};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A statement of one node about itself.
///
/// In a trace its fields stand beside those of the entry: none is called `event`, `time_ns`, `node` or
/// `fact`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(
    tag = "fact",
    rename_all = "kebab-case",
    expecting = "this version knows none of this name with these fields"
)]
pub enum Fact {
    // ---- processes (stated by the run, as operator, or by the process)
    /// A fresh process has begun, whoever started it: the first thing that each states.
    Started,
    /// kill -9 by the run.
    Crashed,
    /// By the run: it was killed in an fsync that hangs, and is gone only when that returns.
    Lingers,
    /// By the run: who lingered is gone.
    Gone,
    /// By the run: its machine lost power.
    PowerFailed,
    /// By the run: its process stands still, and time goes on.
    Paused,
    /// By the run: its process goes on.
    Resumed,
    /// SIGTERM by the run.
    TerminateAsked,
    /// The process is about to end by itself with `status`.
    Exiting { status: i32, why: Rc<str> },
    /// The run carries out line `entry` (from 0) of the plan's timeline, or ends what it began (`end`).
    /// Stated before the facts of what is done; `text` says it in words, with the nodes that were found.
    TimelineEvent {
        entry: u32,
        end: bool,
        text: Rc<str>,
    },
    /// A role could not be resolved, or a fault had no target.
    NobodyFits { text: Rc<str>, optional: bool },
    /// Servers had their time to start, and the run goes on without what it waited for.
    StartUnfinished { lacks: Vec<Lack> },

    /// By the run: from now on the node's machine suffers from this, or no longer (`on`).
    MachineFault { fault: MachineFault, on: bool },
    /// By the run: messages between the sides suffer from this from now on.
    LinkFault {
        number: u32,
        fault: LinkFault,
        sides: Vec<Vec<Rc<str>>>,
    },
    /// By the run: the fault of this number is over.
    LinkHealed { number: u32 },

    // ---- ZooKeeper servers
    /// A server serves (after recovery of its log).
    ZooKeeperServing { last_zxid: Zxid },
    /// A client has seen a transaction that this server does not have: it is turned away (ZB15).
    AheadClientRefused { seen: Zxid, last_zxid: Zxid },
    /// By the server that took a new client's connection.
    SessionOpened { session: SessionId, timeout_ms: u32 },
    /// By the server to which a client has come with a session that it had.
    SessionResumed { session: SessionId },
    /// Nothing was heard for its timeout; `ephemerals` went with it.
    SessionExpired {
        session: SessionId,
        ephemerals: Vec<Rc<str>>,
    },
    /// Its client has closed it; `ephemerals` went with it.
    SessionClosed {
        session: SessionId,
        ephemerals: Vec<Rc<str>>,
    },

    // ---- the members of a ZooKeeper ensemble
    /// A member looks for a leader.
    ZooKeeperLooks { round: u64, last_zxid: Zxid },
    /// It has decided whom to follow; itself: it tries to lead.
    ZooKeeperElects { leader: ServerId, round: u64 },
    /// A leader brings a member up to date (ZB7): by so many transactions, or by a snapshot.
    LearnerSynchronised {
        learner: ServerId,
        last_zxid: Zxid,
        mode: SyncMode,
        transactions: u64,
    },
    /// A quorum is up to date: the leader is established and serves.
    ZooKeeperLeads {
        epoch: i64,
        last_zxid: Zxid,
        synchronised: Vec<ServerId>,
    },
    /// A member is up to date and serves.
    ZooKeeperFollows {
        leader: ServerId,
        epoch: i64,
        last_zxid: Zxid,
    },
    /// It leads or follows no longer; its clients are cut off.
    ZooKeeperLeaves { why: Rc<str> },
    /// A serving member has applied a committed transaction, or an established leader has taken it over.
    TxnApplied { txn: Rc<Txn> },

    // ---- a node's session with ZooKeeper
    /// It has a connection to a server, and a session, its old one (`resumed`) or a new one.
    ZooKeeperConnected { session: SessionId, resumed: bool },
    /// Its connection is gone; its session may live on.
    ZooKeeperDisconnected { session: SessionId },
    /// The client has forgotten, with its connection, all that it watched for.
    ZooKeeperWatchesForgotten { session: SessionId },
    /// The node has learned that its session is gone.
    ZooKeeperSessionLost { session: SessionId },

    /// A client of an ensemble has sent a request.
    ZooKeeperAsked {
        session: SessionId,
        xid: i32,
        op: Rc<Op>,
    },
    /// It was answered; `zxid` is the last transaction of the server that did.
    ZooKeeperAnswered {
        session: SessionId,
        xid: i32,
        zxid: Zxid,
        result: Rc<Result<Answer, Code>>,
    },
    /// It was told of a change.
    ZooKeeperWatchFired {
        session: SessionId,
        change: WatchedEvent,
    },

    // ---- brokers
    /// What this process works by, as far as the trace's readers need it.
    BrokerConfigured { replica_lag_time_max_ms: u64 },
    /// Logs are loaded. `recovered`: partitions whose logs were scanned after an unclean stop.
    LogsLoaded { partitions: u32, recovered: u32 },
    /// A segment was read through while its log was loaded, since the last stop was not clean.
    SegmentScanned {
        partition: TopicPartition,
        base_offset: i64,
        bytes: u64,
    },
    /// A log is loaded; `what` says what it is and knows.
    LogLoaded {
        partition: TopicPartition,
        log_start_offset: i64,
        log_end_offset: i64,
        what: Rc<str>,
    },
    /// Loading a log changed what its directory holds; `what` says it in words.
    LogRepaired {
        partition: TopicPartition,
        what: Rc<str>,
    },
    /// By a broker: it stands in ZooKeeper, with this epoch.
    Registered { broker_epoch: i64 },
    /// By a broker: its place in ZooKeeper is taken by a session of an earlier life.
    RegistrationRefused { owner: SessionId },
    /// Requests are served from now on.
    Serving,
    /// By a broker: it obeys a request of a controller of this epoch that was meant for its life with this
    /// broker epoch. Stated when either is another than before.
    ControllerObeyed {
        controller_epoch: i32,
        broker_epoch: i64,
    },
    /// By a broker that stops: it asks the controller to relieve it of its leaderships.
    ControlledShutdownBegins,
    /// It is over. `remaining`: how many partitions it leads still, though others could; `alone`: what it leads as the only
    /// replica, which no controller moves (CT19).
    ControlledShutdownEnds {
        remaining: u32,
        alone: Vec<TopicPartition>,
    },
    /// An append has waited so long for its flush, with its log locked; so many other threads of the
    /// broker wait for locks.
    FlushWaited {
        partition: TopicPartition,
        ms: u64,
        waiting: u32,
    },

    /// By a broker: `client` has asked about a topic that is not there. It makes it, with its own defaults
    /// (CT24).
    TopicMissed {
        topic: TopicName,
        client: Rc<str>,
        partitions: i32,
        replication_factor: i16,
    },
    /// By that broker: what came of it. Without an error the topic stands in ZooKeeper now.
    TopicAutoCreated { topic: TopicName, error: ErrorCode },

    // ---- the controller
    /// By a broker: it is the controller.
    ControllerElected { controller_epoch: i32 },
    /// By a broker: it is the controller no longer.
    ControllerResigned { controller_epoch: i32, why: Rc<str> },
    /// The controller has seen brokers come, go, or return with another epoch.
    BrokersChanged {
        new: Vec<BrokerId>,
        dead: Vec<BrokerId>,
        bounced: Vec<BrokerId>,
    },
    /// The controller has seen a topic that was not there before.
    TopicSeen { topic: TopicName, partitions: u32 },
    /// A partition's state was written to the coordination service: the committed metadata.
    StateWritten {
        partition: TopicPartition,
        leader: BrokerId,
        leader_epoch: i32,
        isr: Vec<BrokerId>,
        partition_epoch: i32,
        controller_epoch: i32,
        reason: StateWriteReason,
    },
    /// Nobody could be elected; who leads leads on, if anybody does. `reason`: what the election was for.
    ElectionFailed {
        partition: TopicPartition,
        reason: StateWriteReason,
        live: Vec<BrokerId>,
        isr: Vec<BrokerId>,
    },
    /// More than `leader.imbalance.per.broker.percentage` of the partitions whose preferred replica this
    /// broker is are led by others: those that it can lead are given back to it.
    LeadersImbalanced {
        broker: BrokerId,
        led_by_others: u32,
        preferred: u32,
        allowed_percentage: i32,
    },
    /// The controller does not change an ISR as a leader has asked.
    AlterPartitionRefused {
        partition: TopicPartition,
        from: BrokerId,
        error: ErrorCode,
    },

    // ---- replicas
    /// A broker leads a partition from now on, as it was told.
    BecameLeader {
        partition: TopicPartition,
        leader_epoch: i32,
        log_end_offset: i64,
        high_watermark: i64,
        isr: Vec<BrokerId>,
    },
    /// A broker follows the leader of a partition from now on, as it was told.
    BecameFollower {
        partition: TopicPartition,
        leader: BrokerId,
        leader_epoch: i32,
        log_end_offset: i64,
        high_watermark: i64,
    },
    /// The fetcher of a follower gives a partition up until a LeaderAndIsr brings a higher leader epoch
    /// (`markPartitionFailed`).
    FetcherPartitionFailed {
        partition: TopicPartition,
        why: String,
    },
    /// Retention has deleted the oldest segments; `why` names the setting.
    SegmentsDeleted {
        partition: TopicPartition,
        segments: u32,
        log_start_offset: i64,
        why: Rc<str>,
    },
    /// A log begins elsewhere now, though nothing was too old or too much.
    LogStartMoved {
        partition: TopicPartition,
        log_start_offset: i64,
        reason: LogStartReason,
    },
    /// A broker has no part in a partition any more, as it was told.
    ReplicaStopped {
        partition: TopicPartition,
        deleted: bool,
    },
    /// The leader asks the controller to change the ISR.
    IsrChangeAsked {
        partition: TopicPartition,
        change: IsrChange,
        isr: Vec<BrokerId>,
        brokers: Vec<BrokerId>,
    },
    /// The leader knows that the ISR is this now.
    IsrChanged {
        partition: TopicPartition,
        isr: Vec<BrokerId>,
        partition_epoch: i32,
    },
    /// Bytes of a produce request (leader) or of a fetch (follower) stand in the log.
    Appended {
        partition: TopicPartition,
        base_offset: i64,
        last_offset: i64,
        leader_epoch: i32,
        as_leader: bool,
        /// It waits for every in-sync replica before it is acknowledged.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        acks_all: bool,
    },
    /// A replica knows of more, or fewer, records that they are committed.
    HighWatermarkMoved {
        partition: TopicPartition,
        high_watermark: i64,
        as_leader: bool,
    },
    /// A follower cut its log where it differs from the leader's.
    Truncated {
        partition: TopicPartition,
        from: i64,
        to: i64,
        leader: BrokerId,
    },
    /// The leader has records that it does not commit: its ISR is smaller than `min_insync_replicas`
    /// (HW3). Stated once until its high watermark moves.
    HighWatermarkHeld {
        partition: TopicPartition,
        high_watermark: i64,
        isr: Vec<BrokerId>,
        min_insync_replicas: u32,
    },
    /// A produce request was refused or failed on the broker.
    ProduceRefused {
        partition: TopicPartition,
        error: ErrorCode,
    },
    /// A fetch was refused on the broker; `replica` is -1 of a consumer.
    FetchRefused {
        partition: TopicPartition,
        replica: BrokerId,
        error: ErrorCode,
    },
    /// A log directory failed.
    LogDirFailed { why: Rc<str> },

    // ---- clients
    /// Bootstrap: a server of the list answered.
    Bootstrapped { from: Rc<str> },
    /// Bootstrap: it did not.
    BootstrapFailed { from: Rc<str> },
    /// It was told that `broker` is at `at`, where it has never been and cannot come to: stated by clients, and
    /// by brokers that speak to each other.
    BrokerNotReached {
        #[serde(default, skip_serializing_if = "Errand::is_clients")]
        errand: Errand,
        broker: BrokerId,
        at: Rc<str>,
        why: NotReached,
    },
    /// A record that its workload has handed to the producer is in a batch, or was given up before: once for each,
    /// before anything else of it.
    RecordCreated {
        record: RecordId,
        partition: TopicPartition,
        content: u64,
        /// For so long its application's call of `send` has not returned.
        #[serde(default, skip_serializing_if = "is_nothing")]
        waited_ns: u64,
    },
    /// A producer learned that its record is stored (acks as asked). Offset -1 with acks=0.
    Acked {
        record: RecordId,
        partition: TopicPartition,
        offset: i64,
        content: u64,
        latency_ns: u64,
        attempts: u32,
    },
    /// A producer will send a record again.
    Retrying {
        record: RecordId,
        partition: TopicPartition,
        error: ErrorCode,
        attempts: u32,
        /// With a sequence number, by which a broker knows it again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        idempotent: bool,
    },
    /// A producer gave a record up; `exception` is what the application sees.
    Failed {
        record: RecordId,
        partition: TopicPartition,
        exception: Rc<str>,
        attempts: u32,
    },
    /// A consumer's position was set by its reset policy, or by the application (`seek`).
    PositionSet {
        partition: TopicPartition,
        offset: i64,
        why: Rc<str>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_application: bool,
    },
    /// A consumer reads a partition from this replica from now on: one that its leader has named (KIP-392), or its
    /// leader again.
    ReadReplicaChosen {
        partition: TopicPartition,
        replica: BrokerId,
        why: Rc<str>,
    },
    /// A consumer got a record. `content` is the hash of key and value.
    Consumed {
        partition: TopicPartition,
        offset: i64,
        leader_epoch: i32,
        content: u64,
    },
    /// `poll` throws; Java's simple name.
    ConsumerError {
        partition: TopicPartition,
        exception: Rc<str>,
    },
    /// An administrator asks for these settings, of a topic that is to be made too; none: the default.
    ConfigAsked {
        resource: ConfigResource,
        name: Rc<str>,
        settings: Rc<BTreeMap<String, Option<String>>>,
    },
    /// An administrator asks for the records before an offset to be deleted; -1: all that are committed.
    DeleteRecordsAsked {
        partition: TopicPartition,
        before: i64,
    },
    /// It is told that they are gone, and where the log begins now on every replica that is alive.
    RecordsDeleted {
        partition: TopicPartition,
        low_watermark: i64,
    },
    /// An administrator's request was answered.
    AdminAnswered {
        what: Rc<str>,
        /// The topic that was to be made.
        creates: Option<TopicName>,
        error: ErrorCode,
    },

    // ---- families of their own, named in a trace by the tag of each
    #[serde(untagged)]
    Shell(ShellFact),
    #[serde(untagged)]
    Group(GroupFact),
    #[serde(untagged)]
    ProducerState(ProducerStateFact),
    #[serde(untagged)]
    FetchSession(FetchSessionFact),
    #[serde(untagged)]
    Message(MessageFact),
    #[serde(untagged)]
    Application(ApplicationFact),
}

// Facts are moved and looked at by the million: what is rare and large stands in a box.
const _: () = assert!(size_of::<Fact>() <= 104);

/// As a trace leaves it out.
fn is_nothing(nanos: &u64) -> bool {
    *nanos == 0
}
