//! Which server a client tries next (`StaticHostProvider`).

use crate::kernel::{Duration, NodeId, Stream};

/// The servers in the order in which this client goes round them.
#[derive(Clone, Debug)]
pub struct HostProvider {
    servers: Vec<NodeId>,
    current: Option<usize>,
    /// Where the last round began: the last server that answered.
    last: Option<usize>,
}

impl HostProvider {
    /// Shuffled once.
    pub fn new(mut servers: Vec<NodeId>, random: &mut Stream) -> Self {
        for last in (1..servers.len()).rev() {
            servers.swap(last, random.below(last as u64 + 1) as usize);
        }
        HostProvider {
            servers,
            current: None,
            last: None,
        }
    }

    /// The next server, and the pause before it once all have been tried in vain. `None`: there are
    /// no servers.
    pub fn next(&mut self) -> Option<(NodeId, Duration)> {
        let next = self.current.map_or(0, |current| current + 1) % self.servers.len().max(1);
        let server = *self.servers.get(next)?;
        let pause = if self.last == Some(next) {
            SPIN_DELAY
        } else {
            Duration::ZERO
        };
        self.current = Some(next);
        self.last.get_or_insert(0);
        Some((server, pause))
    }

    /// The server last given has answered.
    pub fn on_connected(&mut self) {
        self.last = self.current;
    }
}

const SPIN_DELAY: Duration = Duration::from_secs(1);
