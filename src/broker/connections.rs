//! The connections that a broker opens: to the brokers that it follows, and to the controller (classes
//! `BrokerBlockingSender`, `NodeToControllerChannelManager`).
//!
//! Each thread that asks others has lines of its own, so that one destination may have several. Who asked
//! is told with each answer. May not know what is asked, nor more of where brokers are than the metadata
//! cache.

use crate::kernel::{CloseReason, ConnId, Duration};
use crate::metadata::MetadataCache;
use crate::network_client::{Completed, Disconnected, NetworkClient, Node, Unreached};
use crate::protocol::config::{BrokerConfig, NetworkClientConfig};
use crate::protocol::{
    BrokerId, Ctx, Errand, FetcherId, Hosts, KafkaResponse, ListenerName, NetworkOwner,
    NetworkTimer, Request,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Pause before a line to the controller is connected anew (`retry.backoff.ms` of its channel).
pub(crate) const CONTROLLER_RECONNECT_BACKOFF: Duration = Duration::from_millis(50);

/// Whose request it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asker {
    Fetcher(FetcherId),
    AlterPartition,
    ControlledShutdown,
    Forwarding,
}

/// What a broker's request has come to.
pub(crate) type Answered = Completed<Asker>;

/// All connections of a broker that are not others'.
#[derive(Debug)]
pub(crate) struct Connections {
    broker: BrokerId,
    hosts: Hosts,
    /// `inter.broker.listener.name`
    listener: ListenerName,
    /// By number (`num.replica.fetchers`); each has a connection to every broker that it follows.
    fetchers: Vec<NetworkClient<Asker>>,
    alter_partition: NetworkClient<Asker>,
    controlled_shutdown: NetworkClient<Asker>,
    forwarding: NetworkClient<Asker>,
    /// Where each was sought last, by the cache's words.
    places: BTreeMap<BrokerId, Rc<str>>,
    unreached: Unreached,
}

impl Connections {
    pub(crate) fn new(broker: BrokerId, hosts: Hosts, config: &BrokerConfig) -> Self {
        let fetcher = |number| {
            let client_id = format!("broker-{broker}-fetcher-{number}");
            line(
                NetworkOwner::Fetcher(number),
                client_id,
                &hosts,
                Duration::ZERO,
            )
        };
        Connections {
            broker,
            listener: config.listeners.inter_broker.clone(),
            fetchers: (0..config.num_replica_fetchers).map(fetcher).collect(),
            alter_partition: line(
                NetworkOwner::AlterPartition,
                broker.to_string(),
                &hosts,
                CONTROLLER_RECONNECT_BACKOFF,
            ),
            controlled_shutdown: line(
                NetworkOwner::ControlledShutdown,
                broker.to_string(),
                &hosts,
                Duration::ZERO,
            ),
            forwarding: line(
                NetworkOwner::Forwarding,
                broker.to_string(),
                &hosts,
                CONTROLLER_RECONNECT_BACKOFF,
            ),
            places: BTreeMap::new(),
            unreached: Unreached::default(),
            hosts,
        }
    }

    // ---- where to

    /// Where a broker runs, by what the cache says.
    pub(crate) fn node_of(
        &mut self,
        ctx: &mut Ctx<'_>,
        cache: &MetadataCache,
        broker: BrokerId,
        errand: Errand,
    ) -> Option<Node> {
        let endpoint = cache.broker(broker)?.node(&self.listener)?;
        let at = endpoint.place();
        let Some(place) = self.hosts.place(&endpoint.host, endpoint.port) else {
            self.unreached.unknown_host(ctx, errand, broker, &at);
            return None;
        };
        self.places.insert(broker, at);
        Some(Node::new(broker, place))
    }

    /// Where the controller runs, by what the cache says.
    pub(crate) fn controller(
        &mut self,
        ctx: &mut Ctx<'_>,
        cache: &MetadataCache,
        errand: Errand,
    ) -> Option<Node> {
        self.node_of(ctx, cache, cache.controller_id()?, errand)
    }

    // ---- asking

    /// Sends on the asker's line to `to`; one [`Answered`] follows, from a later event.
    pub(crate) fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        asker: Asker,
        to: Node,
        body: Request,
        timeout: Duration,
    ) {
        let line = self.line_of(owner_of(asker));
        line.send(ctx, to, body, timeout, asker);
    }

    /// Closes the asker's line to `to`: what is under way there concerns nobody any more.
    pub(crate) fn close(&mut self, ctx: &mut Ctx<'_>, asker: Asker, to: Node) {
        self.line_of(owner_of(asker)).close(ctx, to);
    }

    // ---- events

    /// Whose connection it is, and where it leads; `None` for those that others opened.
    pub(crate) fn owner(&self, conn: ConnId) -> Option<(NetworkOwner, Node)> {
        self.lines()
            .find_map(|line| Some((line.owner(), line.destination(conn)?)))
    }

    /// Whom a timer of `owner` is about.
    pub(crate) fn destination(
        &self,
        owner: NetworkOwner,
        conn_or_node: u64,
        what: NetworkTimer,
    ) -> Option<Node> {
        let line = self.lines().find(|line| line.owner() == owner)?;
        line.destination_of_timer(conn_or_node, what)
    }

    pub(crate) fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        if let Some((owner, node)) = self.owner(conn) {
            self.unreached.reached(node.place);
            let reached = self.line_of(owner).address(node);
            if let Some(at) = self.places.get(&node.id)
                && reached.is_some_and(|it| it.node == ctx.node())
                && node.id != self.broker
            {
                let errand = errand_of(owner);
                self.unreached.reached_itself(ctx, errand, node.id, at);
            }
            self.line_of(owner).on_connected(ctx, conn);
        }
    }

    pub(crate) fn on_response(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        response: KafkaResponse,
    ) -> Option<Answered> {
        let (owner, _) = self.owner(conn)?;
        self.line_of(owner).on_response(ctx, conn, response)
    }

    pub(crate) fn on_closed(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        reason: CloseReason,
    ) -> Vec<Answered> {
        let Some((owner, _)) = self.owner(conn) else {
            return Vec::new();
        };
        let answered = self.line_of(owner).on_closed(ctx, conn, reason);
        self.tell_unreached(ctx, &answered);
        answered
    }

    pub(crate) fn on_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        owner: NetworkOwner,
        conn_or_node: u64,
        what: NetworkTimer,
    ) -> Vec<Answered> {
        let answered = self.line_of(owner).on_timer(ctx, conn_or_node, what);
        self.tell_unreached(ctx, &answered);
        answered
    }

    fn tell_unreached(&mut self, ctx: &mut Ctx<'_>, answered: &[Answered]) {
        for Answered { tag, to, result } in answered {
            if let (Err(Disconnected::NotSent(reason)), Some(at)) =
                (result, self.places.get(&to.id))
            {
                let errand = errand_of(owner_of(*tag));
                self.unreached
                    .lost(ctx, errand, to.id, (at, to.place), *reason);
            }
        }
    }

    // ---- lines

    fn lines(&self) -> impl Iterator<Item = &NetworkClient<Asker>> {
        let controller = [
            &self.alter_partition,
            &self.controlled_shutdown,
            &self.forwarding,
        ];
        self.fetchers.iter().chain(controller)
    }

    fn line_of(&mut self, owner: NetworkOwner) -> &mut NetworkClient<Asker> {
        match owner {
            NetworkOwner::Fetcher(number) => &mut self.fetchers[usize::from(number)],
            NetworkOwner::AlterPartition => &mut self.alter_partition,
            NetworkOwner::ControlledShutdown => &mut self.controlled_shutdown,
            NetworkOwner::Forwarding => &mut self.forwarding,
            NetworkOwner::Client(_) | NetworkOwner::ControllerChannels => {
                unreachable!("{owner:?} is no thread of a broker")
            }
        }
    }
}

pub(super) fn owner_of(asker: Asker) -> NetworkOwner {
    match asker {
        Asker::Fetcher(id) => NetworkOwner::Fetcher(id.number),
        Asker::AlterPartition => NetworkOwner::AlterPartition,
        Asker::ControlledShutdown => NetworkOwner::ControlledShutdown,
        Asker::Forwarding => NetworkOwner::Forwarding,
    }
}

pub(super) fn errand_of(owner: NetworkOwner) -> Errand {
    match owner {
        NetworkOwner::Fetcher(_) => Errand::Follow,
        NetworkOwner::AlterPartition => Errand::AlterPartition,
        NetworkOwner::ControlledShutdown => Errand::ControlledShutdown,
        NetworkOwner::Forwarding => Errand::AllocateProducerIds,
        NetworkOwner::ControllerChannels => Errand::Control,
        NetworkOwner::Client(_) => Errand::Client,
    }
}

/// One thread's: it waits for an answer before it asks the next.
fn line(
    owner: NetworkOwner,
    client_id: String,
    hosts: &Hosts,
    backoff: Duration,
) -> NetworkClient<Asker> {
    // CN3: only `NodeToControllerChannelManager` asks which requests the other side knows.
    let discover_broker_versions = matches!(
        owner,
        NetworkOwner::AlterPartition | NetworkOwner::Forwarding
    );
    let settings = NetworkClientConfig {
        discover_broker_versions,
        reconnect_backoff_ms: backoff.as_millis(),
        reconnect_backoff_max_ms: backoff.as_millis(),
        max_in_flight: 1,
        ..NetworkClientConfig::default()
    };
    NetworkClient::new(owner, Rc::from(client_id), hosts.clone(), settings)
}
