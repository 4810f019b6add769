//! Controllers, admin managers and watchers of several brokers, plumbed as their nodes plumb them.
//! The brokers' replicas are a map of leader epochs: they only answer as Kafka's do (CT27).

use crate::controller::tree::Tree;
use kafka_trial::controller::{Controller, ControllerInput, ControllerOutput};
use kafka_trial::kernel::CloseReason;
use kafka_trial::kernel::task::Task;
use kafka_trial::metadata::MetadataCache;
use kafka_trial::network_client::Disconnected;
use kafka_trial::protocol::config::BrokerConfig;
use kafka_trial::protocol::zookeeper::{Code, SessionId};
use kafka_trial::protocol::{
    BrokerEndpoint, BrokerId, ControllerTimer, ElectLeadersResponse, ErrorCode, Fact,
    LeaderAndIsrResponse, RegisteredBroker, Request, Response, StopReplicaResponse, TopicPartition,
    UpdateMetadataResponse,
};
use kafka_trial::zookeeper_mode::ZkCalls;
use kafka_trial::zookeeper_mode::{AdminInput, AdminManager, AdminOutput};
use kafka_trial::zookeeper_mode::{BrokerInfo, RegistrationError, registration};
use kafka_trial::zookeeper_mode::{ConfigWatcher, ConfigWatcherInput, ConfigWatcherOutput};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

pub const NOW_MS: i64 = 1_795_330_000_000;

pub struct Broker {
    pub session: SessionId,
    pub broker_epoch: i64,
    pub controller: Controller,
    cache: Rc<MetadataCache>,
    admin: AdminManager,
    watcher: ConfigWatcher,
    calls: ZkCalls,
    leader_epochs: BTreeMap<TopicPartition, i32>,
    /// While it waits to open a new session.
    expired: bool,
}

#[derive(Default)]
pub struct Cluster {
    pub tree: Option<Tree>,
    pub brokers: BTreeMap<BrokerId, Broker>,
    /// No ZooKeeper answers: questions wait.
    pub away: bool,
    /// Questions of processes that have died meanwhile are not asked; those that waited are.
    waiting: Vec<(BrokerId, u64, kafka_trial::protocol::zookeeper::Op)>,
    /// The answer to the first such write is lost with its connection, and the write is sent again.
    pub loses_the_answer_to: Option<fn(&str) -> bool>,
    /// Whose watches are delivered first.
    pub first: BrokerId,
    /// What each broker was asked by controllers, with the answer.
    pub requests: Vec<(BrokerId, Request, Response)>,
    pub responses: BTreeMap<u64, Response>,
    pub facts: Vec<(BrokerId, Fact)>,
    pub configs: Vec<(BrokerId, ConfigWatcherOutput)>,
    timers: Vec<(BrokerId, Timer)>,
    next_token: u64,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Timer {
    Controller(ControllerTimer),
    Admin(u64),
}

pub fn endpoint(id: BrokerId) -> RegisteredBroker {
    BrokerEndpoint {
        id,
        host: format!("broker-{id}").into(),
        port: 9092,
        rack: None,
    }
    .into()
}

impl Cluster {
    pub fn new() -> Self {
        Cluster {
            tree: Some(Tree::new()),
            ..Cluster::default()
        }
    }

    /// Brokers 3, 1, 2, in that order, as the recordings start them.
    pub fn of_three() -> Self {
        let mut cluster = Cluster::new();
        for id in [3, 1, 2] {
            cluster.start(id).expect("nobody holds the id");
        }
        cluster
    }

    pub fn tree(&mut self) -> &mut Tree {
        self.tree.as_mut().expect("there is one")
    }

    pub fn active_controller(&self) -> Option<BrokerId> {
        self.brokers
            .iter()
            .find(|(_, broker)| broker.controller.is_active())
            .map(|(id, _)| *id)
    }

    // ---- what happens to brokers

    /// A process starts: paths, cluster id, registration; then its controller and watcher.
    pub fn start(&mut self, id: BrokerId) -> Result<(), RegistrationError> {
        let session = self.tree().create_session();
        let broker_epoch = match self.register(id, session, 0) {
            Ok(epoch) => epoch,
            Err(error) => {
                self.tree().close_session(session);
                return Err(error);
            }
        };
        let calls = ZkCalls::new();
        let config = Rc::new(BrokerConfig::default());
        let mut random = id as u64;
        let mut broker = Broker {
            session,
            broker_epoch,
            controller: Controller::new(endpoint(id), config.clone(), calls.clone()),
            cache: Rc::default(),
            admin: AdminManager::new(config, calls.clone(), move || {
                random = random.wrapping_mul(6_364_136_223_846_793_005) + 1;
                random
            }),
            watcher: ConfigWatcher::new(calls.clone()),
            calls,
            leader_epochs: BTreeMap::new(),
            expired: false,
        };
        broker.controller.input(
            NOW_MS,
            ControllerInput::Startup {
                session,
                broker_epoch,
            },
        );
        broker.watcher.input(NOW_MS, ConfigWatcherInput::Startup);
        self.brokers.insert(id, broker);
        self.settle();
        Ok(())
    }

    /// Paths, cluster id and registration in a session.
    pub fn register(
        &mut self,
        id: BrokerId,
        session: SessionId,
        previous: SessionId,
    ) -> Result<i64, RegistrationError> {
        let calls = ZkCalls::new();
        let registered = Rc::new(RefCell::new(None));
        let mut task = {
            let (calls, registered) = (calls.clone(), Rc::clone(&registered));
            Task::new(async move {
                registration::create_persistent_paths(&calls).await.unwrap();
                registration::get_or_create_cluster_id(&calls, "Gfhlh7fqQeO7R3nXArfhkA")
                    .await
                    .unwrap();
                let info = BrokerInfo {
                    broker: endpoint(id),
                    timestamp_ms: NOW_MS,
                };
                let result = registration::register_broker(&calls, session, previous, &info).await;
                *registered.borrow_mut() = Some(result);
            })
        };
        while !task.poll() {
            for (token, op) in calls.drain() {
                let result = self.tree().apply(session, op);
                calls.answer(token, result);
            }
        }
        registered.borrow_mut().take().expect("the task has ended")
    }

    /// The process dies; its session lives on. Gives the session.
    pub fn crash(&mut self, id: BrokerId) -> SessionId {
        let broker = self.brokers.remove(&id).expect("it runs");
        self.waiting.retain(|(asker, ..)| *asker != id);
        broker.session
    }

    pub fn close_session(&mut self, session: SessionId) {
        self.tree().close_session(session);
        self.settle();
    }

    /// A running broker's session expires; it learns so at once.
    pub fn expire_session_of(&mut self, id: BrokerId) {
        let session = self.brokers[&id].session;
        self.tree().close_session(session);
        let broker = self.brokers.get_mut(&id).expect("it runs");
        broker.expired = true;
        for (token, _) in broker.calls.drain() {
            broker.calls.answer(token, Err(Code::SessionExpired));
        }
        broker
            .controller
            .input(NOW_MS, ControllerInput::SessionExpired);
        self.settle();
    }

    // ---- what is asked of brokers

    /// A request to the controller role of broker `at`; gives the answer, if there is one now.
    pub fn ask_controller(&mut self, at: BrokerId, body: impl Into<Request>) -> Option<Response> {
        let token = self.begin_controller(at, body);
        self.responses.remove(&token)
    }

    pub fn begin_controller(&mut self, at: BrokerId, body: impl Into<Request>) -> u64 {
        let token = self.token();
        let body = body.into();
        let broker = self.brokers.get_mut(&at).expect("it runs");
        broker
            .controller
            .input(NOW_MS, ControllerInput::Request { token, body });
        self.settle();
        token
    }

    /// A request to the admin manager of broker `at`.
    pub fn ask_admin(&mut self, at: BrokerId, body: impl Into<Request>) -> Option<Response> {
        let token = self.begin_admin(at, body);
        self.responses.remove(&token)
    }

    pub fn begin_admin(&mut self, at: BrokerId, body: impl Into<Request>) -> u64 {
        let token = self.token();
        let body = body.into();
        let broker = self.brokers.get_mut(&at).expect("it runs");
        let is_active_controller = broker.controller.is_active();
        broker.admin.input(AdminInput::Request {
            token,
            body,
            is_active_controller,
        });
        self.settle();
        token
    }

    /// Lets every timer that is set fire.
    pub fn fire_timers(&mut self) {
        for (id, timer) in std::mem::take(&mut self.timers) {
            if let Some(broker) = self.brokers.get_mut(&id) {
                match timer {
                    Timer::Controller(timer) => {
                        broker
                            .controller
                            .input(NOW_MS, ControllerInput::Timer(timer));
                    }
                    Timer::Admin(operation) => {
                        broker.admin.input(AdminInput::Expire(operation));
                    }
                }
            }
        }
        self.settle();
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    // ---- plumbing

    /// Runs until nobody has anything to say.
    pub fn settle(&mut self) {
        loop {
            let mut quiet = true;
            let mut ids: Vec<BrokerId> = self.brokers.keys().copied().collect();
            ids.sort_by_key(|id| (*id != self.first, *id));
            for id in ids {
                quiet &= self.deliver_watches(id);
                quiet &= self.ask_zookeeper(id);
                quiet &= self.take_outputs(id);
            }
            if quiet {
                return;
            }
        }
    }

    fn deliver_watches(&mut self, id: BrokerId) -> bool {
        let broker = self.brokers.get_mut(&id).expect("it runs");
        let session = broker.session;
        let tree = self.tree.as_mut().expect("there is one");
        let fired: Vec<_> = tree
            .fired
            .iter()
            .filter(|(owner, _)| *owner == session)
            .map(|(_, event)| event.clone())
            .collect();
        tree.fired.retain(|(owner, _)| *owner != session);
        for event in &fired {
            broker
                .watcher
                .input(NOW_MS, ConfigWatcherInput::Watch(event.clone()));
            broker
                .controller
                .input(NOW_MS, ControllerInput::Watch(event.clone()));
        }
        fired.is_empty()
    }

    fn ask_zookeeper(&mut self, id: BrokerId) -> bool {
        let broker = self.brokers.get_mut(&id).expect("it runs");
        let asked = broker.calls.drain();
        if self.away {
            self.waiting
                .extend(asked.into_iter().map(|(token, op)| (id, token, op)));
            return true;
        }
        let mut questions: Vec<_> = Vec::new();
        self.waiting.retain(|(asker, token, op)| {
            if *asker == id {
                questions.push((*token, op.clone()));
            }
            *asker != id
        });
        questions.extend(asked);
        let quiet = questions.is_empty();
        let tree = self.tree.as_mut().expect("there is one");
        for (token, op) in questions {
            let result = match broker.expired {
                true => Err(Code::SessionExpired),
                false => {
                    let before = tree.log.len();
                    let first = tree.apply(broker.session, op.clone());
                    let mut written = tree.log[before..].iter();
                    let lost = self.loses_the_answer_to;
                    if lost.is_some_and(|it| written.any(|(_, text)| it(text))) {
                        self.loses_the_answer_to = None;
                        tree.apply(broker.session, op)
                    } else {
                        first
                    }
                }
            };
            broker.calls.answer(token, result);
            broker.controller.poll(NOW_MS);
            broker.admin.poll();
            broker.watcher.poll(NOW_MS);
        }
        quiet
    }

    fn take_outputs(&mut self, id: BrokerId) -> bool {
        let broker = self.brokers.get_mut(&id).expect("it runs");
        let outputs = broker.controller.take_outputs();
        let admin_outputs = broker.admin.take_outputs();
        let configs = broker.watcher.take_outputs();
        let quiet = outputs.is_empty() && admin_outputs.is_empty() && configs.is_empty();
        for output in outputs {
            self.controller_output(id, output);
        }
        for output in admin_outputs {
            match output {
                AdminOutput::Respond { token, body } => {
                    self.responses.insert(token, body);
                }
                AdminOutput::SetTimer { operation, .. } => {
                    self.timers.push((id, Timer::Admin(operation)));
                }
            }
        }
        for config in configs {
            let ConfigWatcherOutput::TopicConfigChanged { topic, properties } = &config;
            let unclean = "unclean.leader.election.enable";
            if properties.get(unclean).map(String::as_str) == Some("true") {
                let topic = topic.clone();
                let input = ControllerInput::UncleanLeaderElectionEnabled { topic };
                let broker = self.brokers.get_mut(&id).expect("it runs");
                broker.controller.input(NOW_MS, input);
            }
            self.configs.push((id, config));
        }
        quiet
    }

    fn controller_output(&mut self, id: BrokerId, output: ControllerOutput) {
        match output {
            ControllerOutput::Send {
                to,
                id: request_id,
                body,
                ..
            } => {
                let result = self.answer(to.id, body);
                let broker = self.brokers.get_mut(&id).expect("it runs");
                broker.controller.input(
                    NOW_MS,
                    ControllerInput::BrokerAnswered {
                        broker: to.id,
                        id: request_id,
                        result,
                    },
                );
            }
            ControllerOutput::CloseChannel { .. } => {}
            ControllerOutput::Respond { token, body } => {
                self.responses.insert(token, body);
            }
            ControllerOutput::Elected(elected) => {
                let of_one = |(partition, result): (_, Result<BrokerId, ErrorCode>)| {
                    (partition, result.err().unwrap_or(ErrorCode::None))
                };
                let mut results: Vec<_> = elected.results.into_iter().map(of_one).collect();
                results.sort();
                let error = elected.error;
                let response = ElectLeadersResponse { error, results };
                self.responses.insert(elected.token, response.into());
            }
            ControllerOutput::SetTimer { timer, .. } => {
                self.timers.push((id, Timer::Controller(timer)));
            }
            ControllerOutput::ReopenSession => {
                let session = self.tree().create_session();
                let broker = self.brokers.get_mut(&id).expect("it runs");
                broker.session = session;
                broker.expired = false;
                broker
                    .controller
                    .input(NOW_MS, ControllerInput::SessionReopened { session });
                broker
                    .watcher
                    .input(NOW_MS, ConfigWatcherInput::SessionReopened);
            }
            ControllerOutput::Registered { broker_epoch } => {
                self.brokers.get_mut(&id).expect("it runs").broker_epoch = broker_epoch;
            }
            ControllerOutput::Fact(fact) => self.facts.push((id, fact)),
        }
    }

    /// What a broker answers to its controller.
    fn answer(&mut self, to: BrokerId, body: Request) -> Result<Response, Disconnected> {
        let Some(broker) = self.brokers.get_mut(&to) else {
            return Err(Disconnected::NotSent(CloseReason::Refused));
        };
        let response: Response = match &body {
            Request::LeaderAndIsr(request) => {
                assert_eq!(request.broker_epoch, broker.broker_epoch, "Z5");
                let partition_errors = request
                    .partition_states
                    .iter()
                    .map(|state| {
                        let own = broker.leader_epochs.get(&state.partition);
                        let stale = own.is_some_and(|own| state.leader_epoch <= *own);
                        if stale {
                            return (state.partition.clone(), ErrorCode::StaleControllerEpoch);
                        }
                        let partition = state.partition.clone();
                        broker.leader_epochs.insert(partition, state.leader_epoch);
                        (state.partition.clone(), ErrorCode::None)
                    })
                    .collect();
                LeaderAndIsrResponse {
                    error: ErrorCode::None,
                    partition_errors,
                }
                .into()
            }
            Request::UpdateMetadata(request) => {
                assert_eq!(request.broker_epoch, broker.broker_epoch, "Z5");
                let request = Rc::new((**request).clone());
                Rc::make_mut(&mut broker.cache).update(&request);
                let cache = Rc::clone(&broker.cache);
                let updated = AdminInput::MetadataUpdated { cache, request };
                broker.admin.input(updated);
                UpdateMetadataResponse {
                    error: ErrorCode::None,
                }
                .into()
            }
            Request::StopReplica(request) => StopReplicaResponse {
                error: ErrorCode::None,
                partition_errors: request
                    .partition_states
                    .iter()
                    .map(|state| (state.partition.clone(), ErrorCode::None))
                    .collect(),
            }
            .into(),
            other => panic!("no controller sends {}", other.name()),
        };
        self.requests.push((to, body, response.clone()));
        Ok(response)
    }
}
