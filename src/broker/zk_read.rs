//! A read of ZooKeeper that a broker's thread waits for (`KafkaZkClient`).
//!
//! Knows nothing of sessions: the node that owns one answers. A lost connection is no answer: the read
//! is asked again, as `retryRequestsUntilConnected` does.

use crate::kernel::task::Calls;
use crate::protocol::zookeeper::{Answer, Code, Op, Path};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

pub(crate) type ZkCalls = Calls<Op, Result<Answer, Code>>;

/// One read on its way.
pub(crate) struct ZkRead {
    op: Op,
    answer: Pin<Box<dyn Future<Output = Result<Answer, Code>>>>,
}

impl ZkRead {
    pub(crate) fn data(zk: &ZkCalls, path: Path) -> Self {
        Self::ask(zk, Op::GetData { path, watch: false })
    }

    pub(crate) fn children(zk: &ZkCalls, path: Path) -> Self {
        Self::ask(zk, Op::GetChildren { path, watch: false })
    }

    fn ask(zk: &ZkCalls, op: Op) -> Self {
        ZkRead {
            answer: Box::pin(zk.call(op.clone())),
            op,
        }
    }

    /// The answer, once it is there.
    pub(crate) fn poll(&mut self, zk: &ZkCalls) -> Option<Result<Answer, Code>> {
        let mut context = Context::from_waker(Waker::noop());
        match self.answer.as_mut().poll(&mut context) {
            Poll::Pending => None,
            Poll::Ready(Err(Code::ConnectionLoss)) => {
                *self = Self::ask(zk, self.op.clone());
                None
            }
            Poll::Ready(answer) => Some(answer),
        }
    }
}

impl std::fmt::Debug for ZkRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ZkRead({:?})", self.op)
    }
}
