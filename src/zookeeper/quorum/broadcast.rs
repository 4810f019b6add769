//! An established leader orders all writes (`LeaderZooKeeperServer`, `ProposalRequestProcessor`;
//! ZB10): each becomes a proposal, and is committed in order once a quorum has it in its log. It
//! watches over the sessions of the whole ensemble (ZB14).

use super::commit_processor::CommitProcessor;
use super::learner_handler::LearnerHandler;
use super::member::{Leave, Member};
use crate::kernel::{ConnId, Time};
use crate::protocol::rules::ZkCommit;
use crate::protocol::zab::{LearnerOp, QuorumPacket, ServerId, Txn, counter_of};
use crate::protocol::zookeeper::{Code, Op, SessionId, Zxid};
use crate::protocol::{Ctx, Fact};
use crate::zookeeper::prep_processor::{Origin, PrepProcessor};
use crate::zookeeper::request::{Request, RequestKind};
use crate::zookeeper::session_expiry::SessionTracker;
use crate::zookeeper::zookeeper_server::ClientCall;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Those who follow, or are on their way.
pub type Learners = BTreeMap<ServerId, LearnerHandler>;

#[derive(Debug)]
pub struct Broadcast {
    prep: PrepProcessor,
    sessions: SessionTracker,
    commit: CommitProcessor,
    /// Proposals in zxid order, without a gap.
    outstanding: VecDeque<Proposal>,
    last_proposed: Zxid,
    /// Syncs that wait for a commit, by the connection on which they came.
    syncs: BTreeMap<Zxid, Vec<ConnId>>,
    /// Room for what a commit lets go.
    ready: Vec<Request>,
}

#[derive(Debug)]
struct Proposal {
    txn: Rc<Txn>,
    /// Who has it in its log: one bit a server.
    acks: u64,
}

impl Broadcast {
    /// The epoch before its first transaction is `zxid`. Every session starts with its full timeout.
    pub fn new(member: &Member, ctx: &mut Ctx<'_>, zxid: Zxid) -> Self {
        let mut sessions = SessionTracker::new(member.id(), member.tick(), ctx.now());
        for (session, timeout_ms) in member.server.tree.sessions() {
            sessions.track(*session, *timeout_ms, ctx.now());
        }
        sessions.set_tick(ctx);
        Broadcast {
            prep: PrepProcessor::new(zxid, &member.server.config.rules),
            sessions,
            commit: CommitProcessor::default(),
            outstanding: VecDeque::new(),
            last_proposed: zxid,
            syncs: BTreeMap::new(),
            ready: Vec::new(),
        }
    }

    pub fn stop(&mut self, ctx: &mut Ctx<'_>) {
        self.sessions.stop(ctx);
    }

    pub fn expires(&self, session: SessionId) -> Option<Time> {
        self.sessions.expires(session)
    }

    pub fn owner(&self, session: SessionId) -> Option<ServerId> {
        self.sessions.owner(session)
    }

    pub fn last_proposed(&self) -> Zxid {
        self.last_proposed
    }

    /// What is proposed and not committed yet, after `zxid`.
    pub fn outstanding_after(&self, zxid: Zxid) -> impl Iterator<Item = &Rc<Txn>> {
        let txns = self.outstanding.iter().map(|proposal| &proposal.txn);
        txns.filter(move |txn| txn.zxid > zxid)
    }

    // ---- proposals

    /// Sends a transaction to all that follow, and to its own log.
    fn propose(
        &mut self,
        learners: &mut Learners,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        txn: Txn,
    ) -> Result<(), Leave> {
        if counter_of(txn.zxid) == 0xffff_ffff {
            return Err(Leave::Look("the zxid's counter is used up".to_owned()));
        }
        // Each zxid that is taken is proposed at once, and acknowledgements are counted by place.
        assert_eq!(
            txn.zxid,
            self.last_proposed + 1,
            "proposals leave no gap after 0x{:x}",
            self.last_proposed
        );
        let txn = Rc::new(txn);
        self.last_proposed = txn.zxid;
        self.outstanding.push_back(Proposal {
            txn: txn.clone(),
            acks: 0,
        });
        for learner in learners.values_mut() {
            if learner.is_forwarding() {
                learner.proposed(txn.zxid, ctx.now());
                learner.send(ctx, QuorumPacket::Proposal(txn.clone()));
            }
        }
        member.log(txn);
        member.run_log(ctx)
    }

    /// The leader's own log has reached the disk.
    pub fn on_log_synced(
        &mut self,
        learners: &Learners,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Leave> {
        for zxid in member.flushed() {
            self.process_ack(learners, member, ctx, member.id(), zxid);
        }
        member.run_log(ctx)
    }

    /// A server has a proposal in its log.
    pub fn process_ack(
        &mut self,
        learners: &Learners,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        sid: ServerId,
        zxid: Zxid,
    ) {
        let first = self.outstanding.front().map(|first| first.txn.zxid);
        let Some(place) = first
            .and_then(|first| zxid.checked_sub(first))
            .and_then(|place| usize::try_from(place).ok())
        else {
            return;
        };
        let Some(proposal) = self.outstanding.get_mut(place) else {
            return;
        };
        proposal.acks |= 1 << sid;
        let is_quorum = match member.server.config.rules.zk_commit {
            ZkCommit::Quorum => member.quorum.is_quorum(proposal.acks.count_ones() as usize),
            ZkCommit::FirstAck => true,
        };
        // Only in order: an older one is still outstanding (ZB10).
        if place == 0
            && is_quorum
            && let Some(proposal) = self.outstanding.pop_front()
        {
            self.commit(learners, member, ctx, proposal.txn);
        }
    }

    fn commit(
        &mut self,
        learners: &Learners,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        txn: Rc<Txn>,
    ) {
        let zxid = txn.zxid;
        for learner in learners.values() {
            if learner.is_forwarding() {
                learner.send(ctx, QuorumPacket::Commit { zxid });
            }
        }
        let mut ready = std::mem::take(&mut self.ready);
        self.commit.commit(txn, &mut ready);
        for request in ready.drain(..) {
            self.finish(member, ctx, request);
        }
        self.ready = ready;
        for conn in self.syncs.remove(&zxid).unwrap_or_default() {
            if let Some(learner) = learners.values().find(|learner| learner.conn == conn) {
                learner.send(ctx, QuorumPacket::Sync);
            }
        }
    }

    fn finish(&mut self, member: &mut Member, ctx: &mut Ctx<'_>, request: Request) {
        let finished = member.finish(ctx, request, true);
        if let Some(zxid) = finished.zxid {
            self.prep.applied(zxid);
        }
        if let Some(session) = finished.closed {
            self.sessions.remove(session);
        }
    }

    // ---- requests

    /// What a follower says that is up to date. False: it does not speak the protocol.
    pub fn on_follower_packet(
        &mut self,
        learners: &mut Learners,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        sid: ServerId,
        packet: QuorumPacket,
    ) -> Result<bool, Leave> {
        let Some(learner) = learners.get_mut(&sid) else {
            return Ok(true);
        };
        match packet {
            QuorumPacket::Ack { zxid } => {
                learner.acknowledged(zxid);
                self.process_ack(learners, member, ctx, sid, zxid);
            }
            QuorumPacket::Ping { touched, .. } => {
                for (session, timeout_ms) in touched {
                    self.sessions.touch(session, timeout_ms, ctx.now());
                }
                self.sessions.set_tick(ctx);
            }
            QuorumPacket::Revalidate {
                session,
                timeout_ms,
            } => {
                let valid = self.sessions.touch(session, timeout_ms, ctx.now());
                if valid {
                    self.sessions.set_owner(session, sid);
                }
                learner.send(ctx, QuorumPacket::Revalidated { session, valid });
            }
            QuorumPacket::Request {
                op: LearnerOp::Op(Op::Sync { .. }),
                ..
            } => {
                if self.outstanding.is_empty() {
                    learner.send(ctx, QuorumPacket::Sync);
                } else {
                    let waiting = self.syncs.entry(self.last_proposed);
                    waiting.or_default().push(learner.conn);
                }
            }
            QuorumPacket::Request { session, cxid, op } => {
                let origin = origin(ctx, session, cxid, sid);
                let prepared = match op {
                    LearnerOp::CreateSession { timeout_ms } => {
                        Some(self.create_session(ctx, origin, timeout_ms))
                    }
                    LearnerOp::Op(op) => self.prepare(member, origin, &op).unwrap_or(None),
                };
                if let Some(txn) = prepared {
                    self.propose(learners, member, ctx, txn)?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// One of the leader's own clients.
    pub fn on_client(
        &mut self,
        learners: &mut Learners,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        call: ClientCall,
    ) -> Result<(), Leave> {
        let id = member.id();
        match call {
            ClientCall::NewSession { timeout_ms } => {
                let session = self.sessions.next_id();
                member.server.connections.bind(conn, session, timeout_ms);
                let request = client_request(conn, session, 0, RequestKind::CreateSession);
                self.commit.submit(request, true);
                let origin = origin(ctx, session, 0, id);
                let txn = self.create_session(ctx, origin, timeout_ms);
                self.propose(learners, member, ctx, txn)
            }
            ClientCall::Reopen {
                session,
                timeout_ms,
                trusted,
            } => {
                let alive = trusted && self.sessions.touch(session, timeout_ms, ctx.now());
                if alive {
                    self.sessions.set_owner(session, id);
                    ctx.fact(Fact::SessionResumed { session });
                }
                member.server.finish_session_init(ctx, conn, session, alive);
                Ok(())
            }
            ClientCall::Request {
                session,
                timeout_ms,
                cxid,
                kind,
            } => {
                if !self.sessions.touch(session, timeout_ms, ctx.now()) {
                    return Ok(());
                }
                let origin = origin(ctx, session, cxid, id);
                let prepared = match &kind {
                    RequestKind::Op(op) => self.prepare(member, origin, op),
                    _ => Ok(None),
                };
                let mut request = client_request(conn, session, cxid, kind);
                request.error = prepared.as_ref().err().copied();
                let txn = prepared.unwrap_or(None);
                if let Some(request) = self.commit.submit(request, txn.is_some()) {
                    self.finish(member, ctx, request);
                }
                match txn {
                    Some(txn) => self.propose(learners, member, ctx, txn),
                    None => Ok(()),
                }
            }
        }
    }

    /// The expiry queue's tick: sessions that nobody heard of end (ZK9).
    pub fn on_tick(
        &mut self,
        learners: &mut Learners,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Leave> {
        let expired = self.sessions.on_tick(ctx.now());
        self.sessions.set_tick(ctx);
        for session in expired {
            let origin = origin(ctx, session, 0, member.id());
            let txn = self.prep.close_session(origin, &member.server.tree);
            self.propose(learners, member, ctx, txn)?;
        }
        Ok(())
    }

    fn create_session(&mut self, ctx: &mut Ctx<'_>, origin: Origin, timeout_ms: u32) -> Txn {
        self.sessions.track(origin.session, timeout_ms, ctx.now());
        self.sessions.set_owner(origin.session, origin.server);
        self.sessions.set_tick(ctx);
        self.prep.create_session(origin, timeout_ms)
    }

    /// The transaction of a write; `None` for a read.
    fn prepare(&mut self, member: &Member, origin: Origin, op: &Op) -> Result<Option<Txn>, Code> {
        let tree = &member.server.tree;
        if *op == Op::CloseSession {
            self.sessions.set_closing(origin.session);
            return Ok(Some(self.prep.close_session(origin, tree)));
        }
        self.prep.request(origin, op, tree, &mut self.sessions)
    }
}

/// A request of a client of this server.
pub fn client_request(conn: ConnId, session: SessionId, cxid: i32, kind: RequestKind) -> Request {
    Request {
        conn: Some(conn),
        session,
        cxid,
        kind,
        txn: None,
        error: None,
    }
}

fn origin(ctx: &Ctx<'_>, session: SessionId, cxid: i32, server: ServerId) -> Origin {
    Origin {
        session,
        cxid,
        time: ctx.wall_ms(),
        server,
    }
}
