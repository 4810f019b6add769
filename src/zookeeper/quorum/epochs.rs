//! The two epochs that a server keeps on its disk, each in a file of its own (`QuorumPeer`; ZB5): the
//! one that it has promised to a candidate, and the one whose leader it has synchronised with.

use crate::kernel::Disk;
use crate::protocol::zab::epoch_of;
use crate::protocol::zookeeper::Zxid;
use bytes::Bytes;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Epochs {
    /// `acceptedEpoch`
    pub accepted: i64,
    /// `currentEpoch`
    pub current: i64,
}

impl Epochs {
    /// What the files say. One that is missing stands for the last transaction's epoch. A last
    /// transaction of a later epoch than `currentEpoch` was left by a crash in the middle of a
    /// synchronisation; all before it was synchronised first, so that its epoch counts.
    /// `Err`: the file that makes no sense.
    pub fn load(disk: &mut Disk, dir: &str, last_zxid: Zxid) -> Result<Epochs, String> {
        let epoch = epoch_of(last_zxid);
        let current = read(disk, dir, CURRENT_EPOCH)?.unwrap_or(epoch);
        let accepted = read(disk, dir, ACCEPTED_EPOCH)?.unwrap_or(epoch);
        if accepted < current {
            return Err(format!(
                "the accepted epoch, {accepted}, is less than the current epoch, {current}"
            ));
        }
        let current = current.max(epoch);
        Ok(Epochs {
            accepted: accepted.max(current),
            current,
        })
    }
}

/// Where an epoch's file stands, and what is in it.
pub fn file(dir: &str, name: &str, epoch: i64) -> (String, Bytes) {
    (format!("{dir}/{name}"), Bytes::from(epoch.to_string()))
}

fn read(disk: &mut Disk, dir: &str, name: &str) -> Result<Option<i64>, String> {
    let path = format!("{dir}/{name}");
    if !disk.exists(&path) {
        return Ok(None);
    }
    let bytes = disk
        .read_file(&path)
        .map_err(|error| format!("{name} cannot be read: {error}"))?;
    std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| format!("{name} is damaged"))
}

pub const ACCEPTED_EPOCH: &str = "acceptedEpoch";
pub const CURRENT_EPOCH: &str = "currentEpoch";
