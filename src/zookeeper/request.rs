//! A request on its way through the pipeline (`Request`).

use crate::kernel::ConnId;
use crate::protocol::zab::Txn;
use crate::protocol::zookeeper::{Code, Op, SessionId};
use std::rc::Rc;

#[derive(Clone, Debug)]
pub struct Request {
    /// Who waits for the answer; `None` for what the server does by itself.
    pub conn: Option<ConnId>,
    pub session: SessionId,
    /// The client's number of the request.
    pub cxid: i32,
    pub kind: RequestKind,
    /// What it does to the tree; `None` for a read.
    pub txn: Option<Rc<Txn>>,
    /// It failed before it came to the tree.
    pub error: Option<Code>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RequestKind {
    CreateSession,
    /// Nobody waits for it here: another server's, or the server's own.
    Replicated,
    Ping,
    Op(Op),
}
