//! Requests of one session stay in order while those of others go on (`CommitProcessor`; ZB13): what
//! must be committed waits for its commit, and what its session asks after it waits behind it.

use crate::protocol::zab::Txn;
use crate::protocol::zookeeper::SessionId;
use crate::zookeeper::request::{Request, RequestKind};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

#[derive(Clone, Debug, Default)]
pub struct CommitProcessor {
    /// By session: the first is always one that waits for its commit.
    pending: BTreeMap<SessionId, VecDeque<Waiting>>,
    /// What waits for commits, in the order in which these will come.
    uncommitted: VecDeque<(SessionId, i32)>,
}

#[derive(Clone, Debug)]
struct Waiting {
    request: Request,
    needs_commit: bool,
}

impl CommitProcessor {
    /// A request of a client of this server. Answered if it need not wait.
    pub fn submit(&mut self, request: Request, needs_commit: bool) -> Option<Request> {
        if needs_commit {
            self.uncommitted.push_back((request.session, request.cxid));
        } else if !self.pending.contains_key(&request.session) {
            return Some(request);
        }
        let waiting = Waiting {
            request,
            needs_commit,
        };
        self.pending
            .entry(waiting.request.session)
            .or_default()
            .push_back(waiting);
        None
    }

    /// The next transaction is committed. Adds to `ready` the request that it answers (or, if another
    /// server's client waits for it, the bare transaction), and what waited behind that.
    pub fn commit(&mut self, txn: Rc<Txn>, ready: &mut Vec<Request>) {
        let (session, cxid) = (txn.session, txn.cxid);
        match self.take(session, cxid) {
            Some(mut request) => {
                request.txn = Some(txn);
                ready.push(request);
                self.release(session, ready);
            }
            None => ready.push(Request {
                conn: None,
                session,
                cxid,
                kind: RequestKind::Replicated,
                txn: Some(txn),
                error: None,
            }),
        }
    }

    /// A sync of a client of this server has been to the leader and back.
    pub fn synced(&mut self, session: SessionId, cxid: i32, ready: &mut Vec<Request>) {
        if let Some(request) = self.take(session, cxid) {
            ready.push(request);
            self.release(session, ready);
        }
    }

    fn take(&mut self, session: SessionId, cxid: i32) -> Option<Request> {
        if self.uncommitted.front() != Some(&(session, cxid)) {
            return None;
        }
        self.uncommitted.pop_front();
        let waiting = self.pending.get_mut(&session)?.pop_front()?;
        // ZB13: what need not wait left its session's queue with what was before it.
        assert!(
            waiting.needs_commit && waiting.request.cxid == cxid,
            "{cxid} of 0x{session:x} is committed, and {} waits",
            waiting.request.cxid
        );
        Some(waiting.request)
    }

    fn release(&mut self, session: SessionId, ready: &mut Vec<Request>) {
        let Some(queue) = self.pending.get_mut(&session) else {
            return;
        };
        while let Some(next) = queue.pop_front_if(|waiting| !waiting.needs_commit) {
            ready.push(next.request);
        }
        if queue.is_empty() {
            self.pending.remove(&session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::zab::TxnBody;
    use crate::protocol::zookeeper::Op;

    fn request(session: SessionId, cxid: i32) -> Request {
        let op = Op::GetData {
            path: "/a".into(),
            watch: false,
        };
        Request {
            conn: None,
            session,
            cxid,
            kind: RequestKind::Op(op),
            txn: None,
            error: None,
        }
    }

    fn txn(session: SessionId, cxid: i32) -> Rc<Txn> {
        Rc::new(Txn {
            session,
            cxid,
            zxid: 1,
            time: 0,
            body: TxnBody::CloseSession { paths: Vec::new() },
        })
    }

    #[test]
    fn zb13_a_read_waits_behind_the_write_of_its_session_and_of_no_other() {
        let mut processor = CommitProcessor::default();
        assert!(processor.submit(request(1, 1), true).is_none());
        assert!(processor.submit(request(1, 2), false).is_none());
        let other = processor.submit(request(2, 1), false);
        assert!(other.is_some(), "another session's goes on");

        let mut ready = Vec::new();
        processor.commit(txn(7, 1), &mut ready);
        assert_eq!(ready.len(), 1, "another server's client waits for that one");
        processor.commit(txn(1, 1), &mut ready);
        let order: Vec<_> = ready.iter().map(|r| (r.session, r.cxid)).collect();
        assert_eq!(order, [(7, 1), (1, 1), (1, 2)]);
    }
}
