//! The controller's connections to brokers, its own included (`ControllerChannelManager`, `RequestSendThread`).
//!
//! What is sent over them, and again, is the controller's to say. May not know more of where a broker is than
//! what it has registered.

use crate::controller::ControllerInput;
use crate::kernel::{CloseReason, ConnId, Duration};
use crate::network_client::{Completed, Disconnected, NetworkClient, Node, Unreached};
use crate::protocol::config::{BrokerConfig, NetworkClientConfig};
use crate::protocol::{
    BrokerEndpoint, BrokerId, Ctx, Errand, Hosts, KafkaResponse, NetworkOwner, NetworkTimer,
    Request,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// See the module's doc.
#[derive(Debug)]
pub(super) struct Channels {
    id: BrokerId,
    hosts: Hosts,
    network: NetworkClient<(BrokerId, u64)>,
    /// Where each was sought last, by its words and by the resolver's.
    places: BTreeMap<BrokerId, (Rc<str>, Node)>,
    unreached: Unreached,
}

impl Channels {
    pub(super) fn new(id: BrokerId, hosts: Hosts, config: &BrokerConfig) -> Self {
        let settings = NetworkClientConfig {
            max_in_flight: 1,
            discover_broker_versions: false,
            connection_setup_timeout_ms: config.controller_socket_timeout_ms,
            ..NetworkClientConfig::default()
        };
        Channels {
            id,
            network: NetworkClient::new(
                NetworkOwner::ControllerChannels,
                Rc::from(format!("controller-{id}")),
                hosts.clone(),
                settings,
            ),
            hosts,
            places: BTreeMap::new(),
            unreached: Unreached::default(),
        }
    }

    /// True for connections of the controller: their events belong here.
    pub(super) fn owns(&self, conn: ConnId) -> bool {
        self.network.owns(conn)
    }

    /// Sends request `id`. Answers at once if it cannot even begin to: the host is unknown.
    pub(super) fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: &BrokerEndpoint,
        id: u64,
        body: Request,
        timeout_ms: u64,
    ) -> Option<ControllerInput> {
        let at = to.place();
        let Some(place) = self.hosts.place(&to.host, to.port) else {
            self.unreached
                .unknown_host(ctx, Errand::Control, to.id, &at);
            return Some(ControllerInput::BrokerAnswered {
                broker: to.id,
                id,
                result: Err(Disconnected::NotSent(CloseReason::Refused)),
            });
        };
        let node = Node::new(to.id, place);
        self.places.insert(to.id, (at, node));
        let timeout = Duration::from_millis(timeout_ms);
        self.network.send(ctx, node, body, timeout, (to.id, id));
        None
    }

    /// The controller has dropped the channel: what was in flight concerns nobody.
    pub(super) fn close(&mut self, ctx: &mut Ctx<'_>, broker: BrokerId) {
        if let Some((_, node)) = self.places.remove(&broker) {
            self.network.close(ctx, node);
        }
    }

    pub(super) fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        if let Some(node) = self.network.destination(conn) {
            self.unreached.reached(node.place);
            if let Some((at, _)) = self.places.get(&node.id)
                && (self.network.address(node)).is_some_and(|it| it.node == ctx.node())
                && node.id != self.id
            {
                self.unreached
                    .reached_itself(ctx, Errand::Control, node.id, at);
            }
        }
        self.network.on_connected(ctx, conn);
    }

    pub(super) fn on_response(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        response: KafkaResponse,
    ) -> Option<ControllerInput> {
        let completed = self.network.on_response(ctx, conn, response)?;
        Some(self.answered(ctx, completed))
    }

    pub(super) fn on_closed(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        reason: CloseReason,
    ) -> Vec<ControllerInput> {
        let completed = self.network.on_closed(ctx, conn, reason).into_iter();
        completed.map(|it| self.answered(ctx, it)).collect()
    }

    pub(super) fn on_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn_or_node: u64,
        what: NetworkTimer,
    ) -> Vec<ControllerInput> {
        let completed = self.network.on_timer(ctx, conn_or_node, what).into_iter();
        completed.map(|it| self.answered(ctx, it)).collect()
    }

    /// What a request has come to, as the controller takes it.
    fn answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        completed: Completed<(BrokerId, u64)>,
    ) -> ControllerInput {
        let Completed { tag, result, .. } = completed;
        let (broker, id) = tag;
        if let (Err(Disconnected::NotSent(reason)), Some((at, node))) =
            (&result, self.places.get(&broker))
        {
            self.unreached
                .lost(ctx, Errand::Control, broker, (at, node.place), *reason);
        }
        ControllerInput::BrokerAnswered { broker, id, result }
    }
}
