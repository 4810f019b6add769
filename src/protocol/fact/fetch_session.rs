//! What brokers, and those who fetch from them, state of fetch sessions (KIP-227).

use super::Fact;
use crate::protocol::{BrokerId, ErrorCode};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// What is stated of fetch sessions. `client` is the client.id of who fetches.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "fact")]
pub enum FetchSessionFact {
    /// By a broker: from now on this client names only what is different.
    #[serde(rename = "fetch-session-created")]
    Created {
        session: i32,
        client: Rc<str>,
        partitions: u32,
    },
    /// By a broker: its client has ended it.
    #[serde(rename = "fetch-session-closed")]
    Closed { session: i32, client: Rc<str> },
    /// By a broker: it had to make room for another.
    #[serde(rename = "fetch-session-evicted")]
    Evicted {
        session: i32,
        client: Rc<str>,
        partitions: u32,
        idle_ms: u64,
        in_favour_of: Rc<str>,
    },
    /// By a broker, once a connection: this client goes without a session, since others are worth more.
    #[serde(rename = "fetch-session-without-room")]
    NoRoom { client: Rc<str>, partitions: u32 },
    /// By who fetches: this broker goes on with its session no longer.
    #[serde(rename = "fetch-session-lost")]
    Lost {
        broker: BrokerId,
        session: i32,
        error: ErrorCode,
    },
}

impl From<FetchSessionFact> for Fact {
    fn from(fact: FetchSessionFact) -> Fact {
        Fact::FetchSession(fact)
    }
}
