//! Administrators' requests that a broker carries out by writing to ZooKeeper (`ZkAdminManager`,
//! `AdminZkClient`): CreateTopics (CT20, CT21, RK9) and IncrementalAlterConfigs (RK10); and the wait
//! of ElectLeaders for the new leaders (`DelayedElectLeader`).

use super::{Elected, ZkCalls};
use crate::protocol::config::BrokerConfig;
use crate::protocol::{Request, Response, UpdateMetadataRequest};
use std::rc::Rc;

/// What happens to the admin manager.
#[derive(Debug)]
pub enum AdminInput {
    /// CreateTopics or IncrementalAlterConfigs. Whether this broker is the controller was checked
    /// before (`is_active_controller` must be true for CreateTopics, else NOT_CONTROLLER).
    Request {
        token: u64,
        body: Request,
        is_active_controller: bool,
    },
    /// The broker has applied this UpdateMetadata to its metadata cache.
    MetadataUpdated(Rc<UpdateMetadataRequest>),
    /// The controller's word on an ElectLeaders request.
    Elected(Elected),
    /// A timer of `SetTimer` fired.
    Wake(u64),
}

/// What the admin manager asks of its node.
#[derive(Clone, Debug)]
pub enum AdminOutput {
    Respond { token: u64, body: Response },
    SetTimer { after_ms: u64, wake: u64 },
}

/// One broker's admin manager.
pub struct AdminManager {
    zk: ZkCalls,
}

impl AdminManager {
    /// `random` gives the node's random bits: start and shift of placements, topic ids.
    pub fn new(
        config: Rc<BrokerConfig>,
        zk: ZkCalls,
        random: impl FnMut() -> u64 + 'static,
    ) -> AdminManager {
        let _ = (config, random);
        AdminManager { zk }
    }

    /// Questions to ZooKeeper; after answers, call `poll`.
    pub fn zk(&self) -> &ZkCalls {
        &self.zk
    }

    /// Takes an input and runs as far as it goes.
    pub fn input(&mut self, input: AdminInput) {
        let _ = input;
        todo!()
    }

    pub fn poll(&mut self) {
        todo!()
    }

    pub fn take_outputs(&mut self) -> Vec<AdminOutput> {
        todo!()
    }
}
