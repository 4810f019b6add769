//! The tree of znodes (`DataTree`): pure state, changed by transactions only.

use crate::protocol::zookeeper::{Path, Stat};
use bytes::Bytes;
use std::rc::Rc;

/// The znodes of one server.
#[derive(Clone, Debug, Default)]
pub struct DataTree {}

impl DataTree {
    /// Data and counters of a node.
    pub fn get(&self, path: &str) -> Option<(&Bytes, Stat)> {
        let _ = path;
        todo!()
    }

    /// Names (not paths) of a node's children, sorted; empty if there is no such node.
    pub fn children(&self, path: &str) -> impl Iterator<Item = &Rc<str>> {
        let _ = path;
        [].into_iter()
    }

    /// Every node in the order of paths.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Bytes, Stat)> {
        [].into_iter()
    }
}
