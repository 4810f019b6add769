//! The controller as its node sees it: inputs, outputs, and the queue of events between them
//! (`ControllerEventManager`, CT1).

use super::ZkCalls;
use crate::protocol::config::BrokerConfig;
use crate::protocol::network_client::Disconnected;
use crate::protocol::zookeeper::{SessionId, WatchedEvent};
use crate::protocol::{
    BrokerEndpoint, BrokerId, ErrorCode, Fact, Request, Response, TopicName, TopicPartition,
};
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
    /// AlterPartition, ControlledShutdown or ElectLeaders arrived at this broker. Answered by
    /// `Respond` (ElectLeaders: by `Elected`), at once with NOT_CONTROLLER if this is not the active
    /// controller.
    Request { token: u64, body: Request },
    /// How the request that `Send` asked for ended.
    BrokerAnswered {
        broker: BrokerId,
        id: u64,
        result: Result<Response, Disconnected>,
    },
    /// A timer of `SetTimer` fired.
    Wake(u64),
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
    /// An ElectLeaders request has been decided; hand it to `admin::AdminManager`, which answers
    /// when the broker's own metadata shows the new leaders.
    Elected(Elected),
    /// Give `ControllerInput::Wake(wake)` after this time on the broker's clock.
    SetTimer { after_ms: u64, wake: u64 },
    /// The controller has resigned after an expiry: open a new session now (Z11).
    ReopenSession,
    /// The broker is registered again after an expiry, with this epoch.
    Registered { broker_epoch: i64 },
    /// The process ends.
    Exit { status: i32, why: Rc<str> },
    /// A statement for the trace.
    Fact(Fact),
}

/// The outcome of an ElectLeaders request: the leader elected for each partition, or why not.
#[derive(Clone, Debug)]
pub struct Elected {
    pub token: u64,
    pub timeout_ms: i32,
    pub error: ErrorCode,
    pub results: Vec<(TopicPartition, Result<BrokerId, ErrorCode>)>,
}

/// What may be seen of the controller from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ControllerView {
    pub is_active: bool,
    /// Epoch of the last term that this controller began or saw at its start, 0 for none.
    pub epoch: i32,
    /// Who is the controller, as far as this one knows; -1 for none.
    pub active_controller_id: BrokerId,
}

/// One broker's controller, active or not.
pub struct Controller {
    zk: ZkCalls,
}

impl Controller {
    pub fn new(broker: BrokerEndpoint, config: Rc<BrokerConfig>, zk: ZkCalls) -> Controller {
        let _ = (broker, config);
        Controller { zk }
    }

    /// Questions to ZooKeeper; after answers, call `poll`.
    pub fn zk(&self) -> &ZkCalls {
        &self.zk
    }

    /// Takes an input and runs as far as it goes. `now_ms`: since 1970 on the broker's clock.
    pub fn input(&mut self, now_ms: i64, input: ControllerInput) {
        let _ = (now_ms, input);
        todo!()
    }

    /// Runs as far as it goes.
    pub fn poll(&mut self, now_ms: i64) {
        let _ = now_ms;
        todo!()
    }

    pub fn take_outputs(&mut self) -> Vec<ControllerOutput> {
        todo!()
    }

    pub fn is_active(&self) -> bool {
        self.view().is_active
    }

    pub fn epoch(&self) -> i32 {
        self.view().epoch
    }

    pub fn view(&self) -> ControllerView {
        todo!()
    }
}
