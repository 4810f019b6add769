//! A member of a group, as its coordinator knows it (class `MemberMetadata`).

use crate::kernel::TimerId;
use crate::protocol::{GroupProtocol, Pending};
use bytes::Bytes;
use std::rc::Rc;

#[derive(Debug)]
pub struct MemberMetadata {
    pub member_id: Rc<str>,
    pub group_instance_id: Option<Rc<str>>,
    pub client_id: Rc<str>,
    /// As Java prints an address: `/127.0.0.1`.
    pub client_host: Rc<str>,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// In its order of preference.
    pub supported_protocols: Vec<GroupProtocol>,
    /// Empty until its leader has given it something.
    pub assignment: Bytes,
    /// Its JoinGroup or SyncGroup waits for an answer.
    pub awaiting_join: Option<Pending>,
    pub awaiting_sync: Option<Pending>,
    /// Has not been through a rebalance yet.
    pub is_new: bool,
    /// Its session ends when this fires.
    pub session: Option<TimerId>,
}

impl MemberMetadata {
    pub fn is_static(&self) -> bool {
        self.group_instance_id.is_some()
    }

    pub fn is_awaiting_join(&self) -> bool {
        self.awaiting_join.is_some()
    }

    /// Who waits for the coordinator cannot be expected to say that it lives (CG22).
    pub fn waits_for_us(&self) -> bool {
        self.awaiting_join.is_some() || self.awaiting_sync.is_some()
    }

    pub fn supports(&self, protocol: &str) -> bool {
        self.supported_protocols
            .iter()
            .any(|it| *it.name == *protocol)
    }

    /// The same protocols with the same bytes (CG14).
    pub fn matches(&self, protocols: &[GroupProtocol]) -> bool {
        self.supported_protocols == protocols
    }

    /// What it told the assignor of this name; nothing if it does not know it.
    pub fn metadata(&self, protocol: &str) -> Bytes {
        let named = |it: &&GroupProtocol| *it.name == *protocol;
        let found = self.supported_protocols.iter().find(named);
        found.map_or_else(Bytes::new, |it| it.metadata.clone())
    }

    /// The first of `candidates` in its own order.
    pub fn vote(&self, candidates: &[Rc<str>]) -> Option<Rc<str>> {
        let names = self.supported_protocols.iter().map(|it| &it.name);
        names
            .into_iter()
            .find(|name| candidates.contains(name))
            .cloned()
    }
}
