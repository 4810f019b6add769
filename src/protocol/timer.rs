//! Timers: what a node asks its clock for. One small enum a room.

use super::FetcherId;
use std::rc::Rc;

/// Any timer of any node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Timer {
    /// Connections of this owner's `NetworkClient`.
    Network {
        owner: NetworkOwner,
        conn_or_node: u64,
        what: NetworkTimer,
    },
    ZooKeeper(ZooKeeperTimer),
    Session(SessionTimer),
    Broker(BrokerTimer),
    Server(ServerTimer),
    Client(ClientTimer),
    /// A service outside of Kafka is done with its call of this number.
    Service(u64),
    /// The plan's operator hands a client node its command number `n` (admin actions, recorded steps).
    Command(u32),
}

/// Whose `NetworkClient` it is, among those of one node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NetworkOwner {
    /// The library of an application that has this number there.
    Client(u8),
    /// The controller's channels to brokers.
    ControllerChannels,
    /// A broker's fetchers with this number, one for each broker that it follows.
    Fetcher(u16),
    /// A broker's requests to change ISRs.
    AlterPartition,
    /// A broker's request to be relieved of its leaderships.
    ControlledShutdown,
    /// A broker's requests for producer ids.
    Forwarding,
}

/// What a `NetworkClient` asks its clock for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NetworkTimer {
    /// A request on this connection may have waited for its timeout.
    RequestTimeout,
    /// The back-off before the next attempt to connect is over.
    ReconnectBackoff,
    /// The attempt to connect has taken too long.
    ConnectTimeout,
    /// A connection may not have been used for `connections.max.idle.ms`.
    Idle,
    /// A request has ended that no answer ends: one without an answer (acks=0) has left, or one cannot be sent.
    Ended,
    /// A node that has asked not to be asked for a while may be asked again.
    Throttle,
}

/// A ZooKeeper server's timers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ZooKeeperTimer {
    /// The expiry queue's tick.
    Tick,
    /// Nothing was heard in an election for a while.
    Election,
    /// Nobody answered the dialling of this server's election port.
    ElectionDial(super::zab::ServerId),
    /// A leader's half tick.
    HalfTick,
    /// A candidate has no quorum after `initLimit` ticks.
    LeaderWait,
    /// A leader looks whether this learner has been silent for too long.
    LearnerSilence(super::zab::ServerId),
    /// A learner looks whether its leader has been silent for too long.
    LeaderSilence,
    /// A learner tries again to connect to its leader.
    LeaderRetry,
}

/// A ZooKeeper session client's timers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionTimer {
    /// Try the next server.
    Reconnect,
    /// Time to look at idleness: ping, or give the connection up.
    Check,
    /// Another thread has left something to send.
    Send,
}

/// A broker's timers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BrokerTimer {
    /// A parked request's time is up.
    Purgatory(u64),
    /// `isr-expiration`, every `replica.lag.time.max.ms` / 2.
    IsrExpiration,
    /// `highwatermark-checkpoint`.
    HighWatermarkCheckpoint,
    /// `kafka-recovery-point-checkpoint`.
    RecoveryPointCheckpoint,
    /// `kafka-log-start-offset-checkpoint`.
    LogStartOffsetCheckpoint,
    /// `kafka-log-retention`.
    LogRetention,
    /// `kafka-log-flusher`.
    LogFlusher,
    /// Deleted files have waited for `file.delete.delay.ms`.
    DeleteFiles,
    /// `kafka-delete-logs`.
    DeleteLogs,
    /// `PeriodicProducerExpirationCheck`, every `producer.id.expiration.check.interval.ms`.
    ProducerExpiration,
    /// A fetcher's pause (`replica.fetch.backoff.ms`) ends.
    FetcherBackoff(FetcherId),
    /// A thread goes on with what it was interrupted in: it has its lock, or its flush is done.
    GoOn(u64),
    /// A state change goes on: what it asked about a topic's configuration is answered.
    StateChange,
    /// The line of this owner to the controller looks again who that is.
    FindController(NetworkOwner),
    /// AlterPartition goes out again after an error.
    SendAlterPartition,
    /// The next attempt at a controlled shutdown.
    ControlledShutdown,
    Group(GroupTimer),
}

/// What a group coordinator waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupTimer {
    /// Nothing was heard of a member, or of who was given a member id, for its session's time-out.
    Session { group: Rc<str>, member: Rc<str> },
    /// Members had their time to join.
    Join { group: Rc<str> },
    /// Members of this generation had their time to sync.
    Sync { group: Rc<str>, generation: i32 },
    /// The next piece of the partition of `__consumer_offsets` that is being loaded.
    Load,
    /// `delete-expired-group-metadata`.
    Cleanup,
}

/// What the whole broker process waits for while it starts and stops (`KafkaServer`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerTimer {
    /// The next step of loading the logs.
    Load,
    /// `zookeeper.connection.timeout.ms` is over.
    ConnectTimeout,
    /// The session's close was not answered in time.
    CloseTimeout,
    /// The controller's `SetTimer`.
    Controller(ControllerTimer),
    /// The time of what waits in the admin manager under this number is up.
    AdminExpires(u64),
}

/// What the active controller waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ControllerTimer {
    /// The pause of the channel whose request this is ends.
    ChannelBackoff(u64),
    /// `auto-leader-rebalance-task` of the controller's term with this epoch.
    AutoLeaderRebalance { controller_epoch: i32 },
}

/// A client's timers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientTimer {
    /// The workload's next record.
    NextRecord,
    /// The application has processed what `poll` gave it.
    Processed,
    /// The application calls `poll` again after it threw.
    PollAgain,
    /// The application has something to do to its consumer.
    Step,
    /// A schema registry has not answered in time.
    Registry,
    /// A service has not answered in time, or is to be called again.
    Service,
    /// Expiry, back-off or linger of the accumulator; metadata age.
    Wake(u64),
}
