//! A broker process: one ZooKeeper session, the broker, its controller role, and the order in which
//! they start and stop (`KafkaServer`; CT25, CT26, RK1, Z11).
//!
//! It only plumbs: every answer goes to the part that asked, every output to the part that it names.
//! No part sees another's state.

mod channels;
mod lanes;
mod startup;
mod topic_configs;

use crate::broker::{Broker, BrokerOutput, BrokerSetup, Election};
use crate::controller::{Controller, ControllerInput, ControllerOutput};
use crate::kernel::task::Task;
use crate::kernel::{ConnId, Duration, NodeId, Stream};
use crate::node::zookeeper_client::{Caller, ZkOutcome, ZooKeeperClient};
use crate::protocol::config::{BrokerConfig, ConfigError, KafkaVersion, Properties};
use crate::protocol::zookeeper::{Code, SessionId};
use crate::protocol::{
    BrokerId, Ctx, Event, Fact, Hosts, Message, NetworkOwner, RegisteredBroker, ServerTimer, Timer,
};
use crate::zookeeper::session::Session;
use crate::zookeeper_mode::RegistrationError;
use crate::zookeeper_mode::ZkCalls;
use crate::zookeeper_mode::{AdminInput, AdminManager, AdminOutput};
use crate::zookeeper_mode::{ConfigWatcher, ConfigWatcherInput, ConfigWatcherOutput};
use channels::Channels;
use std::cell::RefCell;
use std::rc::Rc;

/// What a broker process is configured with.
#[derive(Clone, Debug)]
pub struct ServerSetup {
    pub id: BrokerId,
    /// Its machine's name, under which it advertises listeners that name no host.
    pub host: Rc<str>,
    pub rack: Option<Rc<str>>,
    pub hosts: Hosts,
    pub config: Rc<BrokerConfig>,
    /// `server.properties` as written.
    pub properties: Rc<Properties>,
    /// Machines of the ZooKeeper ensemble (`zookeeper.connect`).
    pub zookeeper: Vec<NodeId>,
}

impl ServerSetup {
    /// CT34: what it registers (`createBrokerInfo`).
    fn broker(&self) -> RegisteredBroker {
        RegisteredBroker {
            id: self.id,
            listeners: self.config.listeners.advertised(&self.host),
            rack: self.rack.clone(),
        }
    }
}

/// Where a task leaves what it came to.
type Slot<T> = Rc<RefCell<Option<T>>>;

/// How far the process has come.
#[derive(Debug)]
enum Stage {
    /// Waits for the session's first connection.
    Connecting,
    /// Makes the top-level paths, learns the cluster's id.
    Preparing(Task, Slot<Result<Rc<str>, Code>>),
    Loading,
    Registering(Task, Slot<Result<i64, RegistrationError>>),
    Running,
    /// Leaderships are being moved away.
    ControlledShutdown,
    /// Waits for ZooKeeper's word that the session is closed; then exits with the status.
    Closing(i32),
}

/// A broker process's memory.
pub struct KafkaServer {
    setup: ServerSetup,
    stage: Stage,
    zk: ZooKeeperClient,
    calls: ZkCalls,
    broker: Broker,
    controller: Controller,
    admin: Option<AdminManager>,
    config_watcher: ConfigWatcher,
    channels: Channels,
    cluster_id: Rc<str>,
    /// The process serves: its controller takes part in elections.
    controller_started: bool,
}

impl KafkaServer {
    pub fn new(setup: ServerSetup) -> Self {
        let calls = ZkCalls::new();
        let id = setup.id;
        let config = Rc::clone(&setup.config);
        KafkaServer {
            stage: Stage::Connecting,
            zk: ZooKeeperClient::new(
                Session::new(setup.zookeeper.clone(), config.zookeeper_session_timeout_ms)
                    .sends_on(lanes::ZOOKEEPER),
            ),
            broker: Broker::new(BrokerSetup {
                id,
                hosts: setup.hosts.clone(),
                config: Rc::clone(&config),
            }),
            controller: Controller::new(setup.broker(), Rc::clone(&config), calls.clone()),
            admin: None,
            config_watcher: ConfigWatcher::new(calls.clone()),
            channels: Channels::new(id, setup.hosts.clone(), &config),
            cluster_id: Rc::from(""),
            controller_started: false,
            calls,
            setup,
        }
    }

    /// The state of a fresh process with the same configuration.
    pub fn rebooted(&self) -> Self {
        KafkaServer::new(self.setup.clone())
    }

    pub fn setup(&self) -> &ServerSetup {
        &self.setup
    }

    /// Changes lines of a stopped broker's `server.properties`, which its next process reads.
    ///
    /// # Errors
    /// A value that no broker could start with; nothing is changed then.
    pub fn upgrade(&mut self, set: &Properties, version: KafkaVersion) -> Result<(), ConfigError> {
        let mut properties = Properties::clone(&self.setup.properties);
        properties.extend(set.clone());
        self.setup.config = Rc::new(BrokerConfig {
            rules: self.setup.config.rules,
            ..BrokerConfig::from_properties(&properties, version)?
        });
        self.setup.properties = Rc::new(properties);
        Ok(())
    }

    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// For who looks at a broker's requests from outside.
    pub fn broker_mut(&mut self) -> &mut Broker {
        &mut self.broker
    }

    pub fn zookeeper_session(&self) -> &Session {
        &self.zk.session
    }

    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let for_broker_alone = match &event {
            Event::Message { conn, message } => match message {
                Message::Request(_) => true,
                Message::Response(_) => !self.channels.owns(*conn),
                _ => false,
            },
            _ => false,
        };
        match event {
            Event::Started => self.start(ctx),
            Event::Terminate => self.terminate(ctx),
            Event::Timer(timer) => self.on_timer(timer, ctx),
            Event::Connected(conn) => self.on_connected(conn, ctx),
            Event::Accepted { conn, from } => self.broker.on_accepted(ctx, conn, from),
            Event::Message { conn, message } => self.on_message(conn, message, ctx),
            Event::Closed { conn, reason } => {
                if self.zk.session.owns(conn) {
                    self.zk.session.on_closed(ctx, conn, reason);
                } else if self.channels.owns(conn) {
                    let answered = self.channels.on_closed(ctx, conn, reason);
                    self.tell_controller(answered, ctx);
                } else if self.broker.owns(conn) {
                    self.broker.on_closed(ctx, conn, reason);
                }
            }
            Event::Disk { token, result } => self.broker.on_disk(ctx, token, result),
        }
        // Nearly all events are records on their way, which leave nothing for the other parts.
        if !(for_broker_alone && self.broker.is_quiet()) {
            self.plumb(ctx);
        }
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        for listener in &self.setup.config.listeners.bound {
            ctx.listen_on(listener.port, listener.is_local());
        }
        let seed = ctx.random().next_u64();
        let mut random = Stream::named(seed, "admin manager");
        self.admin = Some(AdminManager::new(
            Rc::clone(&self.setup.config),
            self.calls.clone(),
            move || random.next_u64(),
        ));
        self.zk.session.start(ctx);
        let config = &self.setup.config;
        let timeout_ms = config
            .zookeeper_connection_timeout_ms
            .unwrap_or(config.zookeeper_session_timeout_ms);
        let timeout = Duration::from_millis(u64::from(timeout_ms));
        ctx.set_timer(timeout, Timer::Server(ServerTimer::ConnectTimeout));
    }

    fn terminate(&mut self, ctx: &mut Ctx<'_>) {
        match self.stage {
            Stage::Running if self.setup.config.controlled_shutdown_enable => {
                self.stage = Stage::ControlledShutdown;
                self.broker.begin_controlled_shutdown(ctx);
            }
            Stage::Running => self.stop(ctx),
            Stage::ControlledShutdown | Stage::Closing(_) => {}
            // Not up yet: nothing is led, nothing to hand over.
            _ => self.close_session(0, ctx),
        }
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Ctx<'_>) {
        match timer {
            Timer::Session(timer) => self.zk.session.on_timer(ctx, timer),
            Timer::Network {
                owner: NetworkOwner::ControllerChannels,
                conn_or_node,
                what,
            } => {
                let answered = self.channels.on_timer(ctx, conn_or_node, what);
                self.tell_controller(answered, ctx);
            }
            Timer::Network {
                owner,
                conn_or_node,
                what,
            } => {
                self.broker.on_network_timer(ctx, owner, conn_or_node, what);
            }
            Timer::Broker(timer) => self.broker.on_timer(ctx, timer),
            Timer::Server(ServerTimer::Load) => self.load(ctx),
            Timer::Server(ServerTimer::ConnectTimeout) => {
                if matches!(self.stage, Stage::Connecting) {
                    self.exit(
                        1,
                        "ZooKeeper did not answer within zookeeper.connection.timeout.ms",
                        ctx,
                    );
                }
            }
            Timer::Server(ServerTimer::CloseTimeout) => {
                if let Stage::Closing(status) = self.stage {
                    ctx.exit(status);
                }
            }
            Timer::Server(ServerTimer::Controller(timer)) => {
                self.controller
                    .input(ctx.wall_ms(), ControllerInput::Timer(timer));
            }
            Timer::Server(ServerTimer::AdminExpires(operation)) => {
                self.admin_input(AdminInput::Expire(operation));
            }
            // Timers of other kinds of node.
            Timer::ZooKeeper(_) | Timer::Client(_) | Timer::Service(_) | Timer::Command(_) => {}
        }
    }

    fn on_connected(&mut self, conn: ConnId, ctx: &mut Ctx<'_>) {
        if self.zk.session.owns(conn) {
            self.zk.session.on_connected(ctx, conn);
        } else if self.channels.owns(conn) {
            self.channels.on_connected(ctx, conn);
        } else {
            self.broker.on_connected(ctx, conn);
        }
    }

    fn on_message(&mut self, conn: ConnId, message: Message, ctx: &mut Ctx<'_>) {
        match message {
            Message::Request(request) => self.broker.on_request(ctx, conn, request),
            Message::Response(response) if self.channels.owns(conn) => {
                let answered = self.channels.on_response(ctx, conn, response);
                self.tell_controller(answered, ctx);
            }
            Message::Response(response) => self.broker.on_response(ctx, conn, response),
            Message::ZooKeeperReply(reply) => self.zk.session.on_message(ctx, conn, *reply),
            // A broker is no ZooKeeper server: whoever says this to it is cut off.
            Message::ZooKeeperRequest(_)
            | Message::Election(_)
            | Message::Quorum(_)
            | Message::RegistryCall(_)
            | Message::RegistryResponse(_)
            | Message::ServiceCall(_)
            | Message::ServiceAnswer(_) => {
                ctx.close(conn);
            }
        }
    }

    /// Moves what the parts have to say to each other until nobody has anything to say.
    fn plumb(&mut self, ctx: &mut Ctx<'_>) {
        loop {
            let mut quiet = true;
            for (token, op) in self.calls.drain() {
                quiet = false;
                self.zk.ask(ctx, Caller::Server, token, op);
            }
            for (token, question) in self.broker.configurations().drain() {
                quiet = false;
                let (caller, op) = topic_configs::question(question);
                self.zk.ask(ctx, caller, token, op);
            }
            for outcome in self.zk.outcomes(ctx) {
                quiet = false;
                self.on_zk_outcome(outcome, ctx);
            }
            for output in self.controller.take_outputs() {
                quiet = false;
                self.on_controller_output(output, ctx);
            }
            for output in self
                .admin
                .as_mut()
                .map(AdminManager::take_outputs)
                .unwrap_or_default()
            {
                quiet = false;
                match output {
                    AdminOutput::Respond { token, body } => self.broker.respond(ctx, token, body),
                    AdminOutput::SetTimer {
                        after_ms,
                        operation,
                    } => {
                        ctx.set_timer(
                            Duration::from_millis(after_ms),
                            Timer::Server(ServerTimer::AdminExpires(operation)),
                        );
                    }
                }
            }
            for output in self.config_watcher.take_outputs() {
                quiet = false;
                self.on_config_output(output, ctx);
            }
            for output in self.broker.take_outputs() {
                quiet = false;
                self.on_broker_output(output, ctx);
            }
            if quiet {
                return;
            }
        }
    }

    fn on_zk_outcome(&mut self, outcome: ZkOutcome, ctx: &mut Ctx<'_>) {
        match outcome {
            ZkOutcome::Answer {
                caller: Caller::Server,
                token,
                result,
            } => {
                self.calls.answer(token, result);
                self.controller.poll(ctx.wall_ms());
                if let Some(admin) = &mut self.admin {
                    admin.poll();
                }
                self.config_watcher.poll(ctx.wall_ms());
                self.advance_start(ctx);
            }
            ZkOutcome::Answer {
                caller,
                token,
                result,
            } => {
                let answer = topic_configs::answer(caller, result);
                self.broker.configurations().answer(token, answer);
                if matches!(self.stage, Stage::Loading) {
                    ctx.set_timer(Duration::ZERO, Timer::Server(ServerTimer::Load));
                } else {
                    self.broker.on_configuration_answered(ctx);
                }
            }
            ZkOutcome::Watch(event) => {
                self.config_watcher
                    .input(ctx.wall_ms(), ConfigWatcherInput::Watch(event.clone()));
                self.controller
                    .input(ctx.wall_ms(), ControllerInput::Watch(event));
            }
            ZkOutcome::Connected { session, new } => self.on_session(session, new, ctx),
            ZkOutcome::Expired => match self.stage {
                Stage::Closing(status) => ctx.exit(status),
                _ if self.controller_started => {
                    self.controller
                        .input(ctx.wall_ms(), ControllerInput::SessionExpired);
                }
                _ => self.exit(
                    1,
                    "the ZooKeeper session expired while the broker was starting",
                    ctx,
                ),
            },
            ZkOutcome::Closed => {
                if let Stage::Closing(status) = self.stage {
                    ctx.exit(status);
                }
            }
        }
    }

    fn on_session(&mut self, session: SessionId, new: bool, ctx: &mut Ctx<'_>) {
        if matches!(self.stage, Stage::Connecting) {
            self.prepare(ctx);
        } else if new && self.controller_started {
            self.controller
                .input(ctx.wall_ms(), ControllerInput::SessionReopened { session });
            self.config_watcher
                .input(ctx.wall_ms(), ConfigWatcherInput::SessionReopened);
        }
    }

    // ---- stop

    fn stop(&mut self, ctx: &mut Ctx<'_>) {
        self.broker.stop_serving(ctx);
        self.broker.shutdown_replicas(ctx);
        self.close_session(0, ctx);
    }

    /// Closes the session, which takes the ephemerals with it, and then ends the process.
    fn close_session(&mut self, status: i32, ctx: &mut Ctx<'_>) {
        self.stage = Stage::Closing(status);
        self.zk.session.close(ctx);
        let timeout =
            Duration::from_millis(u64::from(self.setup.config.zookeeper_session_timeout_ms));
        ctx.set_timer(timeout, Timer::Server(ServerTimer::CloseTimeout));
    }

    /// A start that failed after the session was open: it is closed, then the process ends with 1.
    fn fail(&mut self, why: &str, ctx: &mut Ctx<'_>) {
        ctx.fact(Fact::Exiting {
            status: 1,
            why: Rc::from(why),
        });
        self.close_session(1, ctx);
    }

    fn exit(&mut self, status: i32, why: &str, ctx: &mut Ctx<'_>) {
        ctx.fact(Fact::Exiting {
            status,
            why: Rc::from(why),
        });
        ctx.exit(status);
    }

    // ---- outputs of the parts

    fn on_controller_output(&mut self, output: ControllerOutput, ctx: &mut Ctx<'_>) {
        match output {
            ControllerOutput::Send {
                to,
                id,
                body,
                timeout_ms,
            } => {
                let answered = self.channels.send(ctx, &to, id, body, timeout_ms);
                self.tell_controller(answered, ctx);
            }
            ControllerOutput::CloseChannel { broker } => self.channels.close(ctx, broker),
            ControllerOutput::Respond { token, body } => self.broker.respond(ctx, token, body),
            ControllerOutput::Elected(elected) => {
                let election = Election {
                    timeout_ms: elected.timeout_ms,
                    error: elected.error,
                    results: elected.results,
                };
                self.broker.elected(ctx, elected.token, election);
            }
            ControllerOutput::SetTimer { after_ms, timer } => {
                ctx.set_timer(
                    Duration::from_millis(after_ms),
                    Timer::Server(ServerTimer::Controller(timer)),
                );
            }
            ControllerOutput::ReopenSession => self.zk.session.reopen(ctx),
            ControllerOutput::Registered { broker_epoch } => {
                ctx.fact(Fact::Registered { broker_epoch });
                self.broker.set_broker_epoch(broker_epoch);
            }
            ControllerOutput::Fact(fact) => ctx.fact(fact),
        }
    }

    fn on_broker_output(&mut self, output: BrokerOutput, ctx: &mut Ctx<'_>) {
        match output {
            BrokerOutput::ToController { token, body } => {
                self.controller
                    .input(ctx.wall_ms(), ControllerInput::Request { token, body });
            }
            BrokerOutput::ToAdmin { token, body } => {
                let is_active_controller = self.controller.is_active();
                self.admin_input(AdminInput::Request {
                    token,
                    body,
                    is_active_controller,
                });
            }
            BrokerOutput::AutoCreateTopics { token, request } => {
                self.admin_input(AdminInput::AutoCreate { token, request });
            }
            BrokerOutput::MetadataUpdated { cache, request } => {
                self.admin_input(AdminInput::MetadataUpdated { cache, request });
            }
            // Nobody outside the broker hosts anything on a partition.
            BrokerOutput::LeadershipChanged(_) => {}
            BrokerOutput::ControlledShutdownDone { .. } => {
                if matches!(self.stage, Stage::ControlledShutdown) {
                    self.stop(ctx);
                }
            }
            BrokerOutput::Failed { why } => self.exit(1, &why, ctx),
        }
    }

    fn on_config_output(&mut self, output: ConfigWatcherOutput, ctx: &mut Ctx<'_>) {
        let ConfigWatcherOutput::TopicConfigChanged { topic, properties } = output;
        let unclean = properties
            .get("unclean.leader.election.enable")
            .is_some_and(|value| value == "true");
        self.broker.apply_topic_config(ctx, &topic, &properties);
        if unclean {
            self.controller.input(
                ctx.wall_ms(),
                ControllerInput::UncleanLeaderElectionEnabled { topic },
            );
        }
    }

    fn tell_controller(
        &mut self,
        inputs: impl IntoIterator<Item = ControllerInput>,
        ctx: &mut Ctx<'_>,
    ) {
        for input in inputs {
            self.controller.input(ctx.wall_ms(), input);
        }
    }

    fn admin_input(&mut self, input: AdminInput) {
        if let Some(admin) = &mut self.admin {
            admin.input(input);
        }
    }
}

impl std::fmt::Debug for KafkaServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaServer")
            .field("id", &self.setup.id)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
