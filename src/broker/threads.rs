//! Which of a broker's threads an event belongs to (classes `SocketServer`, `KafkaRequestHandlerPool`,
//! `ReplicaFetcherThread`, `KafkaScheduler`; LK5).

use super::controlled_shutdown::WAKE_TRY_AGAIN;
use super::{Broker, CONTROLLED_SHUTDOWN, FETCHERS, WAKE_STATE_CHANGE};
use crate::kernel::{ConnId, NodeId};
use crate::protocol::{BrokerTimer, NetworkTimer};

/// Threads of a broker, as far as what one waits for must not hold up another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerThread {
    /// Starts and stops the process.
    Main,
    /// `num.network.threads`, as one: connections of others come and go.
    Network,
    /// One of `num.io.threads`.
    RequestHandler,
    /// Follows the broker that runs there.
    Fetcher(NodeId),
    /// Talks to the controller about ISRs.
    AlterPartition,
    /// One of `background.threads`: `isr-expiration`, retention, checkpoints, flushes, deletions.
    Scheduler,
    /// `ExpirationReaper`: the time of parked requests is up.
    Reaper,
}

impl Broker {
    /// Who reads a connection that this broker opened; `None` for those of others.
    pub fn thread_of_connection(&self, conn: ConnId) -> Option<BrokerThread> {
        if let Some(node) = self.fetchers.client.destination(conn) {
            Some(BrokerThread::Fetcher(node))
        } else if self.alter_partition.client.owns(conn) {
            Some(BrokerThread::AlterPartition)
        } else if self.controlled_shutdown.client.owns(conn) {
            Some(BrokerThread::Main)
        } else {
            None
        }
    }

    pub fn thread_of_timer(&self, timer: &BrokerTimer) -> BrokerThread {
        match timer {
            BrokerTimer::Purgatory(_) => BrokerThread::Reaper,
            BrokerTimer::FetcherBackoff(leader) => {
                let node = self.fetchers.node_of(*leader as i32);
                node.map_or(BrokerThread::Scheduler, BrokerThread::Fetcher)
            }
            BrokerTimer::Wake(WAKE_TRY_AGAIN) => BrokerThread::Main,
            BrokerTimer::Wake(WAKE_STATE_CHANGE) => BrokerThread::RequestHandler,
            BrokerTimer::Wake(super::background::WAKE_TELL_STALLS) => BrokerThread::Reaper,
            BrokerTimer::Wake(_) => BrokerThread::AlterPartition,
            BrokerTimer::IsrExpiration
            | BrokerTimer::HighWatermarkCheckpoint
            | BrokerTimer::RecoveryPointCheckpoint
            | BrokerTimer::LogStartOffsetCheckpoint
            | BrokerTimer::LogRetention
            | BrokerTimer::LogFlusher
            | BrokerTimer::DeleteFiles
            | BrokerTimer::GoOn(_) => BrokerThread::Scheduler,
        }
    }

    /// `Timer::Network` with an owner in [`Broker::NETWORK_OWNERS`].
    pub fn thread_of_network_timer(
        &self,
        owner: u8,
        conn_or_node: u64,
        what: NetworkTimer,
    ) -> BrokerThread {
        match owner {
            FETCHERS => {
                let node = match what {
                    NetworkTimer::RequestTimeout | NetworkTimer::Sent => {
                        self.fetchers.client.destination(ConnId(conn_or_node))
                    }
                    NetworkTimer::ReconnectBackoff | NetworkTimer::ConnectTimeout => {
                        Some(NodeId(conn_or_node as u32))
                    }
                };
                node.map_or(BrokerThread::Scheduler, BrokerThread::Fetcher)
            }
            CONTROLLED_SHUTDOWN => BrokerThread::Main,
            _ => BrokerThread::AlterPartition,
        }
    }
}
