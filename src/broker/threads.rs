//! Which of a broker's threads an event belongs to (classes `SocketServer`, `KafkaRequestHandlerPool`,
//! `ReplicaFetcherThread`, `KafkaScheduler`; LK5).

use super::Broker;
use crate::kernel::ConnId;
use crate::network_client::Node;
use crate::protocol::{BrokerTimer, GroupTimer, NetworkOwner, NetworkTimer};

/// Threads of a broker, as far as what one waits for must not hold up another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerThread {
    /// Starts and stops the process.
    Main,
    /// `num.network.threads`, as one: connections of others come and go.
    Network,
    /// One of `num.io.threads`.
    RequestHandler,
    /// The request handler that stands still in a state change: what it goes on with.
    StateChange,
    /// The fetcher with this number that follows the broker that runs there.
    Fetcher(Node, u16),
    /// Talks to the controller about ISRs.
    AlterPartition,
    /// Talks to the controller about producer ids (channel `forwarding`).
    Forwarding,
    /// One of `background.threads`: `isr-expiration`, retention, checkpoints, flushes, deletions.
    Scheduler,
    /// `ExpirationReaper`: the time of parked requests is up.
    Reaper,
}

impl Broker {
    /// Who reads a connection that this broker opened; `None` for those of others.
    pub fn thread_of_connection(&self, conn: ConnId) -> Option<BrokerThread> {
        let (owner, node) = self.connections.owner(conn)?;
        Some(thread_of(owner, Some(node)))
    }

    pub fn thread_of_timer(&self, timer: &BrokerTimer) -> BrokerThread {
        match timer {
            BrokerTimer::Purgatory(_) => BrokerThread::Reaper,
            // The purgatories of heartbeats and rebalances have reapers of their own.
            BrokerTimer::Group(
                GroupTimer::Session { .. } | GroupTimer::Join { .. } | GroupTimer::Sync { .. },
            ) => BrokerThread::Reaper,
            BrokerTimer::Group(GroupTimer::Load | GroupTimer::Cleanup) => BrokerThread::Scheduler,
            BrokerTimer::FetcherBackoff(id) => {
                thread_of(NetworkOwner::Fetcher(id.number), self.fetchers.node_of(*id))
            }
            BrokerTimer::ControlledShutdown => BrokerThread::Main,
            BrokerTimer::StateChange => BrokerThread::StateChange,
            BrokerTimer::FindController(owner) => thread_of(*owner, None),
            BrokerTimer::SendAlterPartition => BrokerThread::AlterPartition,
            BrokerTimer::IsrExpiration
            | BrokerTimer::HighWatermarkCheckpoint
            | BrokerTimer::RecoveryPointCheckpoint
            | BrokerTimer::LogStartOffsetCheckpoint
            | BrokerTimer::LogRetention
            | BrokerTimer::LogFlusher
            | BrokerTimer::DeleteFiles
            | BrokerTimer::DeleteLogs
            | BrokerTimer::ProducerExpiration
            | BrokerTimer::GoOn(_) => BrokerThread::Scheduler,
        }
    }

    /// `Timer::Network` with an owner that is a thread of the broker.
    pub fn thread_of_network_timer(
        &self,
        owner: NetworkOwner,
        conn_or_node: u64,
        what: NetworkTimer,
    ) -> BrokerThread {
        thread_of(
            owner,
            self.connections.destination(owner, conn_or_node, what),
        )
    }
}

/// Who talks to the broker at `node`; where that is forgotten, nobody is held up.
fn thread_of(owner: NetworkOwner, node: Option<Node>) -> BrokerThread {
    match (owner, node) {
        (NetworkOwner::Fetcher(number), Some(node)) => BrokerThread::Fetcher(node, number),
        (NetworkOwner::Fetcher(_), None) => BrokerThread::Scheduler,
        (NetworkOwner::ControlledShutdown, _) => BrokerThread::Main,
        (NetworkOwner::Forwarding, _) => BrokerThread::Forwarding,
        _ => BrokerThread::AlterPartition,
    }
}
