//! What must hold of a ZooKeeper ensemble in every run (ZK-a, ZK-b, ZK-c): one property a file.

mod ephemerals;
mod epochs;
mod history;
mod linearizable;
mod model;
mod servers_agree;
mod sessions;
mod watches;

pub(super) use ephemerals::EphemeralsLiveWithTheirSession;
pub(super) use epochs::OneLeaderAZooKeeperEpoch;
pub(super) use history::{Added, History};
pub(super) use linearizable::WritesAreLinearizable;
pub(super) use servers_agree::ServersAgree;
pub(super) use sessions::SessionsGoForward;
pub(super) use watches::WatchesFireOnceAndFirst;

use super::property::Property;

/// All of them.
pub(super) fn properties() -> Vec<Box<dyn Property>> {
    vec![
        Box::new(OneLeaderAZooKeeperEpoch::default()),
        Box::new(ServersAgree::default()),
        Box::new(WritesAreLinearizable::default()),
        Box::new(SessionsGoForward::default()),
        Box::new(WatchesFireOnceAndFirst::default()),
        Box::new(EphemeralsLiveWithTheirSession::default()),
    ]
}

#[cfg(test)]
pub(super) mod testing;
