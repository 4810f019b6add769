//! Connections plus metadata: what producer, consumer and administrator have in common (class
//! NetworkClient with its DefaultMetadataUpdater).
//!
//! Asks for metadata when it is due, chooses whom to ask (`leastLoadedNode`), falls through dead
//! servers of the bootstrap list, and takes a lost connection as a sign that its picture is stale.

use crate::client::Bootstrap;
use crate::client::metadata::{Endpoint, Metadata};
use crate::kernel::{CloseReason, Duration, Time, TimerId};
use crate::network_client::{Completed, NetworkClient, Node, Unreached};
use crate::protocol::config::CommonConfig;
use crate::protocol::{
    BrokerId, ClientTimer, Ctx, Errand, Event, Fact, Host, Message, NetworkOwner, Place, Request,
    Response, Timer,
};
use std::collections::VecDeque;
use std::rc::Rc;

/// A client of a cluster. `T` is what its user wants back with each answer.
#[derive(Debug)]
pub struct ClusterClient<T> {
    owner: u8,
    config: CommonConfig,
    network: NetworkClient<Purpose<T>>,
    pub metadata: Metadata,
    metadata_in_progress: bool,
    /// Bootstrap is told of once each time that it is needed.
    told_bootstrapped: bool,
    unreached: Unreached,
    /// With the time on the monotonic clock at which it fires.
    wake: Option<(Time, TimerId)>,
    completed: VecDeque<Completed<T>>,
}

#[derive(Clone, Debug)]
enum Purpose<T> {
    Metadata,
    User(T),
}

impl<T: Clone + std::fmt::Debug> ClusterClient<T> {
    /// `owner` is a number of its own on this node: it tells this client's timers from others'.
    pub fn new(
        owner: u8,
        client_id: &str,
        bootstrap: &Bootstrap,
        config: CommonConfig,
    ) -> ClusterClient<T> {
        ClusterClient {
            owner,
            network: NetworkClient::new(
                NetworkOwner::Client(owner),
                Rc::from(client_id),
                bootstrap.hosts.clone(),
                config.network,
            ),
            metadata: Metadata::new(bootstrap, &config),
            config,
            metadata_in_progress: false,
            told_bootstrapped: false,
            unreached: Unreached::default(),
            wake: None,
            completed: VecDeque::new(),
        }
    }

    /// Says which names of the bootstrap list are unknown.
    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.metadata.shuffle_nodes(ctx);
        let unknown: Vec<Rc<str>> = self
            .metadata
            .bootstrap_servers()
            .iter()
            .filter(|server| server.place.is_none())
            .map(Endpoint::name)
            .collect();
        for from in unknown {
            ctx.fact(Fact::BootstrapFailed { from });
        }
    }

    /// True if a request to `to` would leave at once; otherwise begins to connect if it may.
    pub fn ready(&mut self, ctx: &mut Ctx<'_>, to: Node) -> bool {
        self.network.ready(ctx, to)
    }

    /// True while connecting to `to` is held back after a failure.
    pub fn is_backing_off(&self, to: Node) -> bool {
        self.network.is_backing_off(to)
    }

    /// To be called only if `ready`.
    pub fn send(&mut self, ctx: &mut Ctx<'_>, to: Node, body: Request, timeout: Duration, tag: T) {
        self.network
            .send(ctx, to, body, timeout, Purpose::User(tag));
    }

    /// See [`NetworkClient::visit_unwritten`].
    pub fn visit_unwritten(&self, ctx: &mut Ctx<'_>, visit: impl FnMut(&mut Request)) {
        self.network.visit_unwritten(ctx, visit);
    }

    /// Takes an event that is this client's; gives back one that is not. Which requests it has ended is
    /// told by `next_completed`; after that, the user looks at what it can do next. What has come is taken in before what
    /// has waited too long ends (CN14).
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        match event {
            Event::Connected(conn) if self.network.owns(conn) => {
                if let Some(node) = self.network.destination(conn) {
                    self.unreached.reached(node.place);
                }
                self.network.on_connected(ctx, conn);
            }
            Event::Message {
                conn,
                message: Message::Response(response),
            } if self.network.owns(conn) => {
                let completed = self.network.on_response(ctx, conn, response);
                self.tell_lost(ctx);
                self.take_completed(ctx, completed);
            }
            Event::Closed { conn, reason } if self.network.owns(conn) => {
                let completed = self.network.on_closed(ctx, conn, reason);
                self.tell_lost(ctx);
                self.take_completed(ctx, completed);
            }
            Event::Timer(Timer::Network {
                owner,
                conn_or_node,
                what,
            }) if owner == self.network.owner() => {
                let completed = self.network.on_timer(ctx, conn_or_node, what);
                self.tell_lost(ctx);
                self.take_completed(ctx, completed);
            }
            Event::Timer(Timer::Client(ClientTimer::Wake(owner)))
                if owner == u64::from(self.owner) =>
            {
                self.wake = None;
            }
            other => return Err(other),
        }
        self.time_out(ctx);
        Ok(())
    }

    /// Ends what has waited for too long, as the library does whenever it is woken: after each event, and
    /// when its user hands something over.
    pub fn time_out(&mut self, ctx: &mut Ctx<'_>) {
        if !self.network.is_late(ctx) {
            return;
        }
        let completed = self.network.time_out(ctx);
        self.tell_lost(ctx);
        self.take_completed(ctx, completed);
    }

    /// The user's requests that have ended, in order.
    pub fn next_completed(&mut self) -> Option<Completed<T>> {
        self.completed.pop_front()
    }

    /// CN13: metadata is due and was not asked for yet; that goes before data.
    pub fn owes_metadata(&self, ctx: &Ctx<'_>) -> bool {
        !self.metadata_in_progress && self.metadata.next_update_at() <= ctx.wall()
    }

    /// CN20: asks for metadata if it is due, one question at a time; answers when to look again, if not by an event.
    pub fn maybe_update_metadata(&mut self, ctx: &mut Ctx<'_>) -> Option<Time> {
        if self.metadata_in_progress {
            return None;
        }
        let due = self.metadata.next_update_at();
        if ctx.wall() < due {
            return Some(due);
        }
        let mut choice = self.least_loaded_node(ctx);
        if self.config.rebootstrap && choice == LeastLoaded::NoneAvailable {
            self.rebootstrap(ctx);
            choice = self.least_loaded_node(ctx);
        }
        let pause = Duration::from_millis(self.config.network.reconnect_backoff_ms);
        let LeastLoaded::Node(node) = choice else {
            return Some(ctx.wall() + pause);
        };
        if self.network.can_send(node) {
            let request = self.metadata.request(ctx.wall());
            self.network.send(
                ctx,
                node,
                request.into(),
                self.config.request_timeout(),
                Purpose::Metadata,
            );
            self.metadata_in_progress = true;
        } else if !self.is_any_node_connecting() {
            self.network.ready(ctx, node);
        }
        None
    }

    /// Begins again with the bootstrap list.
    pub fn rebootstrap(&mut self, ctx: &mut Ctx<'_>) {
        self.metadata.rebootstrap(ctx);
        self.told_bootstrapped = false;
    }

    /// CN18: the node with the fewest requests in flight among those that can be asked or connected to;
    /// established connections first, then connections in the making, then the node tried longest
    /// ago; ties by chance.
    pub fn least_loaded_node(&self, ctx: &mut Ctx<'_>) -> LeastLoaded {
        let nodes = self.metadata.nodes();
        if nodes.is_empty() {
            return LeastLoaded::NoneAvailable;
        }
        let offset = ctx.random().below(nodes.len() as u64) as usize;
        let mut ready: Option<(u32, Node)> = None;
        let mut connecting = None;
        let mut connectable: Option<(Time, Node)> = None;
        let mut any_up = false;
        for i in 0..nodes.len() {
            let node = nodes[(offset + i) % nodes.len()];
            any_up |= self.network.is_connected(node) && !self.network.is_throttled(node);
            if self.network.can_send(node) {
                let in_flight = self.network.in_flight(node);
                if in_flight == 0 {
                    return LeastLoaded::Node(node);
                }
                if ready.is_none_or(|(least, _)| in_flight < least) {
                    ready = Some((in_flight, node));
                }
            } else if self.network.is_preparing(node) {
                connecting = Some(node);
            } else if !self.network.is_connected(node) && !self.network.is_backing_off(node) {
                let last = self.network.last_attempt(node);
                if connectable.is_none_or(|(earliest, _)| last < earliest) {
                    connectable = Some((last, node));
                }
            }
        }
        let found = ready
            .map(|(_, node)| node)
            .or(connecting)
            .or(connectable.map(|(_, node)| node));
        match found {
            Some(node) => LeastLoaded::Node(node),
            None if any_up => LeastLoaded::AllBusy,
            None => LeastLoaded::NoneAvailable,
        }
    }

    /// Has `on_event` get a `Wake` at `at`, or earlier if one is under way already.
    pub fn wake_at(&mut self, ctx: &mut Ctx<'_>, at: Time) {
        let after = at.since(ctx.wall());
        let fires = ctx.now() + after;
        if let Some((earlier, timer)) = self.wake {
            if earlier <= fires {
                return;
            }
            ctx.cancel_timer(timer);
        }
        let wake = Timer::Client(ClientTimer::Wake(u64::from(self.owner)));
        self.wake = Some((fires, ctx.set_timer(after, wake)));
    }

    /// Closes all connections and timers: the end of a client on a node that lives on.
    pub fn shut_down(&mut self, ctx: &mut Ctx<'_>) {
        self.network.close_all(ctx);
        if let Some((_, timer)) = self.wake.take() {
            ctx.cancel_timer(timer);
        }
    }

    fn is_any_node_connecting(&self) -> bool {
        self.metadata
            .nodes()
            .iter()
            .any(|node| self.network.is_connecting(*node))
    }

    fn tell_lost(&mut self, ctx: &mut Ctx<'_>) {
        while let Some((node, reason)) = self.network.take_lost() {
            self.on_server_disconnect(ctx, node, reason);
        }
    }

    /// CN16, `handleServerDisconnect`: the disconnect may be the result of stale metadata.
    fn on_server_disconnect(&mut self, ctx: &mut Ctx<'_>, node: Node, reason: CloseReason) {
        let told = self.told_to_be_at(Some(node.place));
        if let Some((_, at)) = told.iter().find(|(broker, _)| *broker == node.id) {
            self.unreached
                .lost(ctx, Errand::Client, node.id, (at, node.place), reason);
        }
        if let Some(server) = self.metadata.bootstrap_server(node)
            && !self.metadata.is_bootstrapped()
        {
            let from = self.as_reached(server, node);
            ctx.fact(Fact::BootstrapFailed { from });
        }
        if !self.metadata_in_progress && self.metadata.next_update_at() <= ctx.wall() {
            self.metadata.failed_update(ctx);
        }
        self.metadata.request_update();
    }

    /// The brokers that are said to be at `place`, in the words of who said so; at no place: their hosts are
    /// unknown. What stands in the bootstrap list was no broker's to say.
    fn told_to_be_at(&self, place: Option<Place>) -> Vec<(BrokerId, Rc<str>)> {
        let listed = self.metadata.bootstrap_servers();
        self.metadata
            .brokers()
            .filter(|(_, endpoint)| endpoint.place == place && !listed.contains(endpoint))
            .map(|(broker, endpoint)| (broker, endpoint.name()))
            .collect()
    }

    /// Keeps the answers to metadata requests to itself.
    fn take_completed(
        &mut self,
        ctx: &mut Ctx<'_>,
        completed: impl IntoIterator<Item = Completed<Purpose<T>>>,
    ) {
        for Completed { tag, to, result } in completed {
            match tag {
                Purpose::User(tag) => self.completed.push_back(Completed { tag, to, result }),
                Purpose::Metadata => {
                    // The next one is not sent before this one has ended.
                    assert!(self.metadata_in_progress, "two requests for metadata");
                    self.metadata_in_progress = false;
                    match result {
                        Ok(Response::Metadata(response)) => self.on_metadata(ctx, to, *response),
                        _ => self.metadata.failed_update(ctx),
                    }
                }
            }
        }
    }

    /// Takes over what `from` said of the cluster.
    pub fn on_metadata(
        &mut self,
        ctx: &mut Ctx<'_>,
        from: Node,
        response: crate::protocol::MetadataResponse,
    ) {
        self.metadata.update(ctx, response);
        for (broker, at) in self.told_to_be_at(None) {
            self.unreached
                .unknown_host(ctx, Errand::Client, broker, &at);
        }
        if self.metadata.is_bootstrapped() && !self.told_bootstrapped {
            self.told_bootstrapped = true;
            if let Some(server) = self.metadata.bootstrap_server(from) {
                let from = self.as_reached(server, from);
                ctx.fact(Fact::Bootstrapped { from });
            }
        }
    }

    /// A server of the bootstrap list; one whose name stands for machines with the one of them that was sought, as
    /// Java writes an address (`kafka.example/broker-1:9092`).
    fn as_reached(&self, server: &Endpoint, node: Node) -> Rc<str> {
        if let Host::Alias(_) = node.place.host
            && let Some(address) = self.network.address(node)
            && let Some(machine) = self.metadata.hosts().canonical_name(address.node)
        {
            return format!("{}/{machine}:{}", server.host, server.port).into();
        }
        server.name()
    }
}

/// Whom to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeastLoaded {
    Node(Node),
    /// Connections are up, with no room for another request.
    AllBusy,
    /// No connection is up, none is being made, and none may be tried now.
    NoneAvailable,
}

impl LeastLoaded {
    pub fn node(self) -> Option<Node> {
        match self {
            LeastLoaded::Node(node) => Some(node),
            LeastLoaded::AllBusy | LeastLoaded::NoneAvailable => None,
        }
    }
}
