//! Whom a client connects to (class `Node`).

use crate::protocol::Place;

/// Who it is, and where. A connection, its back-off and what waits for it go by the id alone (CN1): two ids at one
/// place have a connection each, and one that moves is still backed off from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Node {
    /// A broker's; -1, -2, ... in the order of the bootstrap list.
    pub id: i32,
    pub place: Place,
}

impl Node {
    pub const fn new(id: i32, place: Place) -> Node {
        Node { id, place }
    }

    /// CN2: the same broker as a group's coordinator, for a connection that never waits behind a fetch.
    pub const fn as_coordinator(self) -> Node {
        Node {
            id: i32::MAX - self.id,
            ..self
        }
    }
}
