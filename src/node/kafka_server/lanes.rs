//! The threads of a broker process, as lanes of the kernel: each event goes to the thread that Kafka
//! would handle it on, so that what hangs there holds up nobody else (LK5, LK7).

use super::KafkaServer;
use crate::broker::BrokerThread;
use crate::kernel::{Backlog, Coming, ConnId, Incoming, Lane};
use crate::protocol::{Cluster, Message, NetworkOwner, ServerTimer, Timer};

/// Reads the sockets of others, as one.
const NETWORK: Lane = Lane::thread(1);
/// ZooKeeper's client: keeps the session alive.
pub(super) const ZOOKEEPER: Lane = Lane::thread(2);
/// `ControllerEventThread`, and the admin manager's work.
const CONTROLLER: Lane = Lane::thread(3);
const ALTER_PARTITION: Lane = Lane::thread(4);
const REAPER: Lane = Lane::thread(5);
const STATE_CHANGE: Lane = Lane::thread(6);
const FORWARDING: Lane = Lane::thread(7);
/// The first of the pools.
const POOLS: u16 = 8;
/// More threads than this in a pool are as many as this.
const MANY: u16 = 1_000;

impl KafkaServer {
    pub fn lane(&self, coming: &Coming<'_, Cluster>) -> Lane {
        match coming.what() {
            Incoming::Message {
                message: Message::Request(_),
                ..
            } => self.lane_of(BrokerThread::RequestHandler),
            Incoming::Message { conn, .. } | Incoming::Connected(conn) | Incoming::Closed(conn) => {
                self.lane_of_connection(conn)
            }
            Incoming::Accepted => NETWORK,
            Incoming::Timer(timer) => self.lane_of_timer(timer),
            Incoming::Disk { .. } => self.lane_of(BrokerThread::Scheduler),
            Incoming::Life | Incoming::Nothing => Lane::MAIN,
        }
    }

    /// LK7: the network thread brings requests to their queue, and stands still while that is full.
    pub fn backlog(&self, lane: Lane) -> Option<Backlog> {
        (lane == self.lane_of(BrokerThread::RequestHandler)).then_some(Backlog {
            most: self.setup.config.queued_max_requests,
            brought_by: NETWORK,
        })
    }

    fn lane_of_connection(&self, conn: ConnId) -> Lane {
        if self.zk.session.owns(conn) {
            ZOOKEEPER
        } else if self.channels.owns(conn) {
            CONTROLLER
        } else {
            let thread = self.broker.thread_of_connection(conn);
            thread.map_or(NETWORK, |thread| self.lane_of(thread))
        }
    }

    fn lane_of_timer(&self, timer: &Timer) -> Lane {
        match timer {
            Timer::Session(_) => ZOOKEEPER,
            Timer::Network {
                owner: NetworkOwner::ControllerChannels,
                ..
            }
            | Timer::Server(ServerTimer::Controller(_) | ServerTimer::AdminExpires(_)) => {
                CONTROLLER
            }
            Timer::Network {
                owner,
                conn_or_node,
                what,
            } => self.lane_of(
                self.broker
                    .thread_of_network_timer(*owner, *conn_or_node, *what),
            ),
            Timer::Broker(timer) => self.lane_of(self.broker.thread_of_timer(timer)),
            Timer::Server(
                ServerTimer::Load | ServerTimer::ConnectTimeout | ServerTimer::CloseTimeout,
            )
            | Timer::ZooKeeper(_)
            | Timer::Client(_)
            | Timer::Service(_)
            | Timer::Command(_) => Lane::MAIN,
        }
    }

    fn lane_of(&self, thread: BrokerThread) -> Lane {
        let config = &self.setup.config;
        let background = config.background_threads.min(MANY);
        let io = config.num_io_threads.min(MANY);
        let handlers = POOLS + background;
        match thread {
            BrokerThread::Main => Lane::MAIN,
            BrokerThread::Network => NETWORK,
            BrokerThread::AlterPartition => ALTER_PARTITION,
            BrokerThread::Forwarding => FORWARDING,
            BrokerThread::Reaper => REAPER,
            BrokerThread::StateChange => STATE_CHANGE,
            BrokerThread::Scheduler => Lane::pool(POOLS, background),
            BrokerThread::RequestHandler => Lane::pool(handlers, io),
            BrokerThread::Fetcher(node, number) => {
                let source = u16::try_from(node.id).unwrap_or(MANY);
                let before = source.saturating_mul(config.num_replica_fetchers);
                let first = handlers + io;
                Lane::thread(first.saturating_add(before).saturating_add(number))
            }
        }
    }
}
