//! The controller as its node sees it: inputs, outputs, and the queue of events between them
//! (`ControllerEventManager`, CT1).
//!
//! Inputs that Kafka handles on other threads (watches, answers of brokers) only enqueue events
//! here, or go on with a channel's queue; the coroutine takes the events one after the other.

use super::Elected;
use super::channel_manager::{ChannelOutput, ControllerChannelManager};
use super::kafka_controller::KafkaController;
use crate::kernel::task::{Mailbox, Task};
use crate::metadata::znode;
use crate::network_client::Disconnected;
use crate::protocol::config::BrokerConfig;
use crate::protocol::zookeeper::{SessionId, WatchType, WatchedEvent};
use crate::protocol::{
    AllocateProducerIdsRequest, AlterPartitionRequest, BrokerEndpoint, BrokerId,
    ControlledShutdownRequest, ControlledShutdownResponse, ControllerTimer, ElectLeadersRequest,
    ErrorCode, Fact, LeaderAndIsrResponse, NO_LEADER, RegisteredBroker, Request, Response,
    TopicName,
};
use crate::zookeeper_mode::{Handlers, ZkCalls};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What happens to the controller.
#[derive(Debug)]
pub enum ControllerInput {
    /// The broker has registered itself (`registration::register_broker`): take part in elections.
    Startup {
        session: SessionId,
        broker_epoch: i64,
    },
    /// The session is gone. Everything queued is dropped; `ControllerOutput::ReopenSession` follows
    /// once the controller has resigned (Z11).
    SessionExpired,
    /// A new session is open: register again, elect again.
    SessionReopened { session: SessionId },
    /// A watch of the session fired. Those of others are ignored.
    Watch(WatchedEvent),
    /// AlterPartition, ControlledShutdown, AllocateProducerIds or ElectLeaders arrived at this broker. Answered by
    /// `Respond` (ElectLeaders: by `Elected`) when its turn comes, with Kafka's error if this is not
    /// the active controller then. As in Kafka, one that an expiry or a move catches may stay
    /// without answer.
    Request { token: u64, body: Request },
    /// How the request that `Send` asked for ended.
    BrokerAnswered {
        broker: BrokerId,
        id: u64,
        result: Result<Response, Disconnected>,
    },
    /// A timer of `SetTimer` fired.
    Timer(ControllerTimer),
    /// The broker has seen (`config_watcher`) that a topic's unclean.leader.election.enable is true
    /// now (RK10).
    UncleanLeaderElectionEnabled { topic: TopicName },
}

/// What the controller asks of its node.
#[derive(Clone, Debug)]
pub enum ControllerOutput {
    /// Send `body` on the controller's own connection to that broker (this one included), opening
    /// it if need be. `BrokerAnswered` with the same id must follow. One at a time for each broker.
    Send {
        to: BrokerEndpoint,
        id: u64,
        body: Request,
        timeout_ms: u64,
    },
    /// Close the connection to that broker; the outcome of what is in flight is of no interest.
    CloseChannel { broker: BrokerId },
    /// Answer the request with this token.
    Respond { token: u64, body: Response },
    /// An ElectLeaders request has been decided; hand it to the `AdminManager`, which answers
    /// when the broker's own metadata shows the new leaders.
    Elected(Elected),
    /// Give `ControllerInput::Timer(timer)` after this time on the broker's clock.
    SetTimer {
        after_ms: u64,
        timer: ControllerTimer,
    },
    /// The controller has resigned after an expiry: open a new session now (Z11).
    ReopenSession,
    /// The broker is registered again after an expiry, with this epoch.
    Registered { broker_epoch: i64 },
    /// A statement for the trace.
    Fact(Fact),
}

/// What may be seen of the controller from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ControllerView {
    pub is_active: bool,
    /// Epoch of its term, 0 while it is not active.
    pub epoch: i32,
    /// Who is the controller, as far as this one knows; -1 for none.
    pub active_controller_id: BrokerId,
}

/// One broker's controller, active or not.
pub struct Controller {
    zk: ZkCalls,
    task: Task,
    shared: Rc<Shared>,
}

/// What the controller's thread shares with the others of its process.
pub(super) struct Shared {
    pub events: Mailbox<ControllerEvent>,
    pub handlers: Rc<RefCell<Handlers>>,
    pub channels: RefCell<ControllerChannelManager>,
    pub outputs: RefCell<Vec<ControllerOutput>>,
    /// Channels that pause, by their timer.
    pub backoffs: RefCell<BTreeMap<u64, BrokerId>>,
    /// How long a broker may take to answer (`request.timeout.ms`).
    pub request_timeout_ms: u64,
    pub view: Cell<ControllerView>,
    pub now_ms: Cell<i64>,
}

/// What the thread takes from its queue, one at a time.
#[derive(Debug)]
pub(super) enum ControllerEvent {
    Startup {
        session: SessionId,
    },
    Expire,
    RegisterBrokerAndReelect {
        session: SessionId,
    },
    ControllerChange,
    Reelect,
    BrokerChange,
    BrokerModifications(BrokerId),
    TopicChange,
    PartitionModifications(TopicName),
    IsrChangeNotification,
    LogDirEventNotification,
    ReplicaLeaderElection(LeaderElection),
    AutoPreferredReplicaLeaderElection,
    TopicUncleanLeaderElectionEnable(TopicName),
    ControlledShutdown {
        token: u64,
        request: Box<ControlledShutdownRequest>,
    },
    AlterPartition {
        token: u64,
        request: Box<AlterPartitionRequest>,
    },
    AllocateProducerIds {
        token: u64,
        request: Box<AllocateProducerIdsRequest>,
    },
    LeaderAndIsrResponse {
        broker: BrokerId,
        response: Box<LeaderAndIsrResponse>,
    },
}

/// An election that was asked for.
#[derive(Debug)]
pub(super) enum LeaderElection {
    /// By a node at /admin/preferred_replica_election.
    ZkTriggered,
    /// By an administrator's request.
    AdminClientTriggered {
        token: u64,
        request: Box<ElectLeadersRequest>,
        /// When the request's timeout is over, in ms since 1970.
        deadline_ms: i64,
    },
}

impl Controller {
    /// `zk`: the broker's one table of calls, which it may share with `AdminManager` and
    /// `ConfigWatcher`.
    pub fn new(broker: RegisteredBroker, config: Rc<BrokerConfig>, zk: ZkCalls) -> Controller {
        let shared = Rc::new(Shared {
            events: Mailbox::new(),
            handlers: Rc::default(),
            channels: RefCell::default(),
            outputs: RefCell::default(),
            backoffs: RefCell::default(),
            request_timeout_ms: config.request_timeout_ms,
            view: Cell::new(ControllerView {
                is_active: false,
                epoch: 0,
                active_controller_id: NO_LEADER,
            }),
            now_ms: Cell::new(0),
        });
        let thread = KafkaController::new(broker, config.clone(), zk.clone(), Rc::clone(&shared));
        Controller {
            zk,
            task: Task::new(thread.run()),
            shared,
        }
    }

    /// Questions to ZooKeeper; after answers, call `poll`.
    pub fn zk(&self) -> &ZkCalls {
        &self.zk
    }

    /// Takes an input and runs as far as it goes. `now_ms`: since 1970 on the broker's clock.
    pub fn input(&mut self, now_ms: i64, input: ControllerInput) {
        match input {
            ControllerInput::Startup { session, .. } => {
                self.put(ControllerEvent::Startup { session });
            }
            ControllerInput::SessionExpired => self.expire(),
            ControllerInput::SessionReopened { session } => {
                self.put(ControllerEvent::RegisterBrokerAndReelect { session });
            }
            ControllerInput::Watch(event) => self.watch(&event),
            ControllerInput::Request { token, body } => self.request(now_ms, token, body),
            ControllerInput::BrokerAnswered { broker, id, result } => {
                self.broker_answered(broker, id, result);
            }
            ControllerInput::Timer(ControllerTimer::AutoLeaderRebalance { controller_epoch }) => {
                // A term's scheduler ends with the term.
                if self.epoch() == controller_epoch {
                    self.put(ControllerEvent::AutoPreferredReplicaLeaderElection);
                }
            }
            ControllerInput::Timer(ControllerTimer::ChannelBackoff(id)) => {
                let broker = self.shared.backoffs.borrow_mut().remove(&id);
                if let Some(broker) = broker {
                    let next = self
                        .shared
                        .channels
                        .borrow_mut()
                        .backoff_is_over(broker, id);
                    self.shared.channel_output(next);
                }
            }
            ControllerInput::UncleanLeaderElectionEnabled { topic } => {
                if self.is_active() {
                    self.put(ControllerEvent::TopicUncleanLeaderElectionEnable(topic));
                }
            }
        }
        self.poll(now_ms);
    }

    /// Runs as far as it goes.
    pub fn poll(&mut self, now_ms: i64) {
        self.shared.now_ms.set(now_ms);
        self.task.poll();
    }

    pub fn take_outputs(&mut self) -> Vec<ControllerOutput> {
        self.shared.outputs.take()
    }

    pub fn is_active(&self) -> bool {
        self.view().is_active
    }

    pub fn epoch(&self) -> i32 {
        self.view().epoch
    }

    pub fn view(&self) -> ControllerView {
        self.shared.view.get()
    }

    fn put(&self, event: ControllerEvent) {
        self.shared.events.put(event);
    }

    /// Replaces everything queued by `Expire`; requests among it are answered as far as Kafka
    /// answers them (`ControllerEvent.preempt`).
    fn expire(&self) {
        while let Some(event) = self.shared.events.try_take() {
            match event {
                ControllerEvent::ControlledShutdown { token, .. } => {
                    let body = ControlledShutdownResponse {
                        error: ErrorCode::StaleControllerEpoch,
                        remaining_partitions: Vec::new(),
                    };
                    let body = body.into();
                    self.shared
                        .output(ControllerOutput::Respond { token, body });
                }
                ControllerEvent::ReplicaLeaderElection(LeaderElection::AdminClientTriggered {
                    token,
                    request,
                    ..
                }) => self
                    .shared
                    .output(ControllerOutput::Elected(Elected::not_controller(
                        token, *request,
                    ))),
                _ => {}
            }
        }
        self.put(ControllerEvent::Expire);
    }

    fn watch(&self, event: &WatchedEvent) {
        let path = &*event.path;
        let handlers = self.shared.handlers.borrow();
        let wanted = match event.kind {
            WatchType::NodeChildrenChanged => handlers.children.contains(path),
            _ => handlers.node.contains(path),
        };
        if !wanted {
            return;
        }
        let broker = || {
            let id = path.strip_prefix(znode::BROKER_IDS)?.strip_prefix('/')?;
            id.parse().ok()
        };
        match (event.kind, path) {
            (WatchType::NodeDeleted, znode::CONTROLLER) => self.put(ControllerEvent::Reelect),
            (_, znode::CONTROLLER) => self.put(ControllerEvent::ControllerChange),
            (_, znode::BROKER_IDS) => self.put(ControllerEvent::BrokerChange),
            (_, znode::TOPICS) => self.put(ControllerEvent::TopicChange),
            (_, znode::ISR_CHANGE_NOTIFICATION) => {
                self.put(ControllerEvent::IsrChangeNotification);
            }
            (_, znode::LOG_DIR_EVENT_NOTIFICATION) => {
                self.put(ControllerEvent::LogDirEventNotification);
            }
            (WatchType::NodeCreated, znode::PREFERRED_REPLICA_ELECTION) => self.put(
                ControllerEvent::ReplicaLeaderElection(LeaderElection::ZkTriggered),
            ),
            (WatchType::NodeDataChanged, _) => {
                let topic = path.strip_prefix(znode::TOPICS);
                if let Some(id) = broker() {
                    self.put(ControllerEvent::BrokerModifications(id));
                } else if let Some(topic) = topic.and_then(|rest| rest.strip_prefix('/')) {
                    self.put(ControllerEvent::PartitionModifications(topic.into()));
                }
            }
            _ => {}
        }
    }

    fn request(&self, now_ms: i64, token: u64, body: Request) {
        match body {
            Request::AlterPartition(request) => {
                self.put(ControllerEvent::AlterPartition { token, request });
            }
            Request::AllocateProducerIds(request) => {
                self.put(ControllerEvent::AllocateProducerIds { token, request });
            }
            Request::ControlledShutdown(request) => {
                self.put(ControllerEvent::ControlledShutdown { token, request });
            }
            Request::ElectLeaders(request) => {
                let deadline_ms = now_ms.saturating_add(i64::from(request.timeout_ms));
                self.put(ControllerEvent::ReplicaLeaderElection(
                    LeaderElection::AdminClientTriggered {
                        token,
                        request,
                        deadline_ms,
                    },
                ));
            }
            // No other request is the controller's.
            _ => {}
        }
    }

    fn broker_answered(&self, broker: BrokerId, id: u64, result: Result<Response, Disconnected>) {
        let next = match result {
            Ok(response) => {
                let (response, next) = self
                    .shared
                    .channels
                    .borrow_mut()
                    .on_response(broker, id, response);
                if let Some(Response::LeaderAndIsr(response)) = response {
                    self.put(ControllerEvent::LeaderAndIsrResponse { broker, response });
                }
                next
            }
            Err(_) => self
                .shared
                .channels
                .borrow_mut()
                .on_disconnected(broker, id),
        };
        self.shared.channel_output(next);
    }
}

impl Shared {
    pub fn output(&self, output: ControllerOutput) {
        self.outputs.borrow_mut().push(output);
    }

    /// Turns what a channel wants into the node's outputs.
    pub fn channel_output(&self, output: impl IntoIterator<Item = ChannelOutput>) {
        for output in output {
            self.output(match output {
                ChannelOutput::Send { to, id, body } => ControllerOutput::Send {
                    to,
                    id,
                    body,
                    timeout_ms: self.request_timeout_ms,
                },
                ChannelOutput::Close { broker } => ControllerOutput::CloseChannel { broker },
                ChannelOutput::Backoff {
                    after_ms,
                    broker,
                    id,
                } => {
                    self.backoffs.borrow_mut().insert(id, broker);
                    ControllerOutput::SetTimer {
                        after_ms,
                        timer: ControllerTimer::ChannelBackoff(id),
                    }
                }
            });
        }
    }
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller")
            .field("view", &self.view())
            .field("events", &self.shared.events.len())
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}
