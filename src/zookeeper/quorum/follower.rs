//! A server that follows an elected one (`Learner`, `Follower`, `FollowerZooKeeperServer`,
//! `FollowerRequestProcessor`): it takes over what the leader has, logs and acknowledges proposals,
//! applies what is committed, answers reads by itself and hands writes to the leader.
//!
//! May not know whether a proposal will be committed.

use super::broadcast::client_request;
use super::commit_processor::CommitProcessor;
use super::learner_sync::{LearnerSync, Step};
use super::member::{Leave, Member, token};
use crate::kernel::{ConnId, Duration, NodeId, Time, TimerId};
use crate::protocol::rules::{ZkAck, ZkNewleaderAck};
use crate::protocol::zab::{LearnerOp, QuorumPacket, ServerId, Txn, first_zxid};
use crate::protocol::zookeeper::{Op, SessionId, Zxid};
use crate::protocol::{Ctx, Fact, Message, Timer, ZooKeeperTimer};
use crate::zookeeper::request::{Request, RequestKind};
use crate::zookeeper::session_expiry::initial_id;
use crate::zookeeper::zookeeper_server::ClientCall;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

#[derive(Debug)]
pub struct Follower {
    leader: ServerId,
    node: NodeId,
    conn: Option<ConnId>,
    /// Attempts to connect.
    tries: u32,
    began: Time,
    epoch: i64,
    phase: Phase,
    /// Silence of the leader for so long ends the following.
    limit: Duration,
    last_heard: Time,
    silence: Option<TimerId>,
    retry: Option<TimerId>,
    serving: Option<Serving>,
}

#[derive(Debug)]
enum Phase {
    Connecting,
    /// FOLLOWERINFO is sent.
    Registers,
    /// Makes its acceptedEpoch durable; the second: what it will answer.
    AcceptsEpoch(Option<i64>),
    /// Waits to be told how it will be brought up to date.
    AwaitsSync,
    Synchronises(LearnerSync),
    /// Makes what it was given durable.
    Persists(LearnerSync),
    /// Makes its currentEpoch durable.
    SetsCurrentEpoch(LearnerSync),
    Follows,
}

/// What a follower works with that serves clients.
#[derive(Debug)]
struct Serving {
    next_session: SessionId,
    /// Sessions heard of since the leader's last ping.
    touched: BTreeMap<SessionId, u32>,
    commit: CommitProcessor,
    /// Logged, or on the way there, and not committed yet.
    pending: VecDeque<Rc<Txn>>,
    /// Syncs on their way to the leader and back.
    syncs: VecDeque<(SessionId, i32)>,
    revalidations: BTreeMap<SessionId, ConnId>,
    ready: Vec<Request>,
}

impl Follower {
    pub fn new(member: &Member, ctx: &mut Ctx<'_>, leader: ServerId) -> Result<Self, Leave> {
        let Some(node) = member.quorum.servers.get(&leader).copied() else {
            return Err(Leave::Look(format!("server {leader} is not known")));
        };
        let mut follower = Follower {
            leader,
            node,
            conn: None,
            tries: 0,
            began: ctx.now(),
            epoch: 0,
            phase: Phase::Connecting,
            limit: member.init_time(),
            last_heard: ctx.now(),
            silence: None,
            retry: None,
            serving: None,
        };
        follower.connect(ctx);
        Ok(follower)
    }

    pub fn leader(&self) -> ServerId {
        self.leader
    }

    pub fn is_serving(&self) -> bool {
        self.serving.is_some()
    }

    pub fn owns(&self, conn: ConnId) -> bool {
        self.conn == Some(conn)
    }

    /// Lets everything go. True if the tree in memory is not what the disk holds.
    pub fn stop(&mut self, ctx: &mut Ctx<'_>) -> bool {
        if let Some(conn) = self.conn.take() {
            ctx.close(conn);
        }
        for timer in [self.silence.take(), self.retry.take()]
            .into_iter()
            .flatten()
        {
            ctx.cancel_timer(timer);
        }
        match &self.phase {
            Phase::Synchronises(sync) | Phase::Persists(sync) => sync.replaced,
            _ => false,
        }
    }

    // ---- connecting

    fn connect(&mut self, ctx: &mut Ctx<'_>) {
        self.tries += 1;
        self.conn = Some(ctx.connect(self.node));
        self.heard(ctx);
    }

    pub fn on_connected(&mut self, member: &Member, ctx: &mut Ctx<'_>) {
        self.phase = Phase::Registers;
        self.heard(ctx);
        let (sid, accepted_epoch) = (member.id(), member.epochs.accepted);
        self.send(
            ctx,
            QuorumPacket::FollowerInfo {
                sid,
                accepted_epoch,
            },
        );
    }

    /// The leader is gone; or it does not lead yet, then it is tried again.
    pub fn on_closed(&mut self, member: &Member, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        self.conn = None;
        let waited = ctx.now() - self.began;
        match self.phase {
            Phase::Connecting | Phase::Registers
                if self.tries < CONNECT_TRIES && waited < member.init_time() =>
            {
                self.phase = Phase::Connecting;
                let timer = Timer::ZooKeeper(ZooKeeperTimer::LeaderRetry);
                self.retry = Some(ctx.set_timer(CONNECT_DELAY, timer));
                Ok(())
            }
            Phase::Connecting | Phase::Registers => Err(self.leave("cannot be reached")),
            _ => Err(self.leave("has closed the connection")),
        }
    }

    pub fn on_retry(&mut self, ctx: &mut Ctx<'_>) {
        self.retry = None;
        self.connect(ctx);
    }

    /// Is the leader still heard of (ZB9)?
    pub fn on_silence_timer(&mut self, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        self.silence = None;
        let busy = matches!(
            self.phase,
            Phase::AcceptsEpoch(_) | Phase::Persists(_) | Phase::SetsCurrentEpoch(_)
        );
        if busy {
            self.last_heard = ctx.now();
        }
        if ctx.now() - self.last_heard >= self.limit {
            return Err(self.leave("has been silent for too long"));
        }
        self.watch(ctx);
        Ok(())
    }

    fn heard(&mut self, ctx: &mut Ctx<'_>) {
        self.last_heard = ctx.now();
        if self.silence.is_none() {
            self.watch(ctx);
        }
    }

    fn set_limit(&mut self, ctx: &mut Ctx<'_>, limit: Duration) {
        self.limit = limit;
        if let Some(timer) = self.silence.take() {
            ctx.cancel_timer(timer);
        }
        self.heard(ctx);
    }

    fn watch(&mut self, ctx: &mut Ctx<'_>) {
        let silent = ctx.now() - self.last_heard;
        let timer = Timer::ZooKeeper(ZooKeeperTimer::LeaderSilence);
        self.silence = Some(ctx.set_timer(self.limit.saturating_sub(silent), timer));
    }

    fn leave(&self, why: &str) -> Leave {
        Leave::Look(format!("its leader, server {}, {why}", self.leader))
    }

    fn send(&self, ctx: &mut Ctx<'_>, packet: QuorumPacket) {
        if let Some(conn) = self.conn {
            ctx.send(conn, Message::Quorum(Box::new(packet)));
        }
    }

    /// While a file is written nothing is read from the leader.
    fn mute(&self, ctx: &mut Ctx<'_>) {
        if let Some(conn) = self.conn {
            ctx.mute(conn);
        }
    }

    fn unmute(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(conn) = self.conn {
            ctx.unmute(conn);
        }
        self.heard(ctx);
    }

    // ---- the leader's packets

    pub fn on_packet(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        packet: QuorumPacket,
    ) -> Result<(), Leave> {
        self.last_heard = ctx.now();
        match &mut self.phase {
            Phase::Follows => self.on_broadcast(member, ctx, packet),
            Phase::Registers => self.on_leader_info(member, ctx, &packet),
            Phase::AwaitsSync => {
                let sync = LearnerSync::begin(member, ctx, packet)?;
                self.phase = Phase::Synchronises(sync);
                Ok(())
            }
            Phase::Synchronises(sync) => {
                let step = sync.on_packet(member, ctx, packet)?;
                self.on_sync_step(member, ctx, step)
            }
            Phase::Connecting
            | Phase::AcceptsEpoch(_)
            | Phase::Persists(_)
            | Phase::SetsCurrentEpoch(_) => Ok(()),
        }
    }

    fn on_leader_info(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        packet: &QuorumPacket,
    ) -> Result<(), Leave> {
        let QuorumPacket::LeaderInfo { epoch } = *packet else {
            return Err(self.leave("did not answer with LEADERINFO"));
        };
        self.epoch = epoch;
        let accepted = member.epochs.accepted;
        if epoch < accepted {
            return Err(self.leave("leads an epoch before the one that was promised"));
        }
        if epoch > accepted {
            self.phase = Phase::AcceptsEpoch(Some(member.epochs.current));
            self.mute(ctx);
            member.accept_epoch(ctx, epoch);
        } else {
            // Promised before: it cannot count again.
            self.acknowledge_epoch(member, ctx, None);
        }
        Ok(())
    }

    fn acknowledge_epoch(&mut self, member: &Member, ctx: &mut Ctx<'_>, current: Option<i64>) {
        self.phase = Phase::AwaitsSync;
        self.send(
            ctx,
            QuorumPacket::AckEpoch {
                current_epoch: current,
                last_zxid: member.server.last_zxid(),
            },
        );
    }

    fn on_sync_step(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        step: Step,
    ) -> Result<(), Leave> {
        let sync = match std::mem::replace(&mut self.phase, Phase::AwaitsSync) {
            Phase::Synchronises(sync) => sync,
            other => {
                self.phase = other;
                return Ok(());
            }
        };
        match step {
            Step::Goes => self.phase = Phase::Synchronises(sync),
            Step::Persists => {
                self.mute(ctx);
                self.phase = Phase::Persists(sync);
            }
            Step::Durable => {
                self.mute(ctx);
                self.phase = Phase::SetsCurrentEpoch(sync);
                member.set_current_epoch(ctx, self.epoch);
            }
            Step::UpToDate => return self.start(member, ctx, sync),
        }
        Ok(())
    }

    /// One of the server's own files is durable.
    pub fn on_written(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        token: u64,
    ) -> Result<(), Leave> {
        match (std::mem::replace(&mut self.phase, Phase::AwaitsSync), token) {
            (Phase::AcceptsEpoch(current), token::ACCEPTED_EPOCH) => {
                self.unmute(ctx);
                self.acknowledge_epoch(member, ctx, current);
            }
            (Phase::Persists(mut sync), token::SYNC_SNAPSHOT | token::SYNC_LOGGED) => {
                if std::mem::take(&mut sync.replaced) {
                    member.forget_log(ctx.disk())?;
                }
                member.last_logged = member.server.last_zxid();
                if epoch_first(member) && token == token::SYNC_LOGGED {
                    self.acknowledge_new_leader(member, ctx, sync);
                } else {
                    self.phase = Phase::SetsCurrentEpoch(sync);
                    member.set_current_epoch(ctx, self.epoch);
                }
            }
            (Phase::SetsCurrentEpoch(mut sync), token::CURRENT_EPOCH) => {
                if sync.on_epoch_set(member, ctx)? == Step::Persists {
                    self.phase = Phase::Persists(sync);
                } else {
                    self.acknowledge_new_leader(member, ctx, sync);
                }
            }
            (phase, _) => self.phase = phase,
        }
        Ok(())
    }

    /// ZB8: all that it was sent before NEWLEADER is durable, and its epoch.
    fn acknowledge_new_leader(&mut self, member: &Member, ctx: &mut Ctx<'_>, sync: LearnerSync) {
        self.phase = Phase::Synchronises(sync);
        self.set_limit(ctx, member.sync_time());
        self.unmute(ctx);
        let zxid = first_zxid(self.epoch);
        self.send(ctx, QuorumPacket::Ack { zxid });
    }

    /// The leader is established: clients are served, and what came since NEWLEADER is logged.
    fn start(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        sync: LearnerSync,
    ) -> Result<(), Leave> {
        let zxid = first_zxid(self.epoch);
        self.send(ctx, QuorumPacket::Ack { zxid });
        self.phase = Phase::Follows;
        self.serving = Some(Serving {
            next_session: initial_id(member.id(), ctx.now()),
            touched: BTreeMap::new(),
            commit: CommitProcessor::default(),
            pending: VecDeque::new(),
            syncs: VecDeque::new(),
            revalidations: BTreeMap::new(),
            ready: Vec::new(),
        });
        member.last_committed = member.server.last_zxid();
        ctx.fact(Fact::ZooKeeperFollows {
            leader: self.leader,
            epoch: self.epoch,
            last_zxid: member.server.last_zxid(),
        });
        for txn in sync.proposed {
            self.log(member, txn);
        }
        member.run_log(ctx)?;
        for zxid in sync.committed {
            self.commit(member, ctx, zxid)?;
        }
        Ok(())
    }

    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    fn on_broadcast(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        packet: QuorumPacket,
    ) -> Result<(), Leave> {
        let Some(serving) = &mut self.serving else {
            return Ok(());
        };
        match packet {
            QuorumPacket::Proposal(txn) => {
                let zxid = txn.zxid;
                self.log(member, txn);
                if member.server.config.rules.zk_ack == ZkAck::BeforeFsync {
                    self.send(ctx, QuorumPacket::Ack { zxid });
                }
                member.run_log(ctx)
            }
            QuorumPacket::Commit { zxid } => self.commit(member, ctx, zxid),
            QuorumPacket::Ping { zxid, .. } => {
                let touched = std::mem::take(&mut serving.touched).into_iter().collect();
                self.send(ctx, QuorumPacket::Ping { zxid, touched });
                Ok(())
            }
            QuorumPacket::Sync => {
                if let Some((session, cxid)) = serving.syncs.pop_front() {
                    serving.commit.synced(session, cxid, &mut serving.ready);
                    serving.finish_ready(member, ctx);
                }
                Ok(())
            }
            QuorumPacket::Revalidated { session, valid } => {
                if let Some(conn) = serving.revalidations.remove(&session) {
                    let waits = member.server.connections.get(conn).is_some();
                    member.server.finish_session_init(ctx, conn, session, valid);
                    if valid && waits {
                        ctx.fact(Fact::SessionResumed { session });
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn log(&mut self, member: &mut Member, txn: Rc<Txn>) {
        if let Some(serving) = &mut self.serving {
            // One leader sends all that is pending, in its order, on one connection.
            let last = serving.pending.back();
            assert!(
                last.is_none_or(|last| last.zxid < txn.zxid),
                "0x{:x} is proposed after what follows it",
                txn.zxid
            );
            serving.pending.push_back(txn.clone());
        }
        member.log(txn);
    }

    /// Its log has reached the disk: that is what an acknowledgement says.
    pub fn on_log_synced(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        for zxid in member.flushed() {
            // Said already, where nobody waits for the disk.
            if member.server.config.rules.zk_ack == ZkAck::AfterFsync {
                self.send(ctx, QuorumPacket::Ack { zxid });
            }
        }
        member.run_log(ctx)
    }

    /// The oldest pending transaction is committed; another one must not be (ZB10).
    fn commit(&mut self, member: &mut Member, ctx: &mut Ctx<'_>, zxid: Zxid) -> Result<(), Leave> {
        let Some(serving) = &mut self.serving else {
            return Ok(());
        };
        match serving.pending.pop_front() {
            None => Ok(()),
            Some(txn) if txn.zxid == zxid => {
                serving.commit.commit(txn, &mut serving.ready);
                serving.finish_ready(member, ctx);
                Ok(())
            }
            Some(txn) => Err(Leave::Exit(format!(
                "0x{zxid:x} was committed while 0x{:x} is the next",
                txn.zxid
            ))),
        }
    }

    // ---- its clients

    pub fn on_client(
        &mut self,
        member: &mut Member,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        call: ClientCall,
    ) -> Result<(), Leave> {
        let Some(serving) = &mut self.serving else {
            return Ok(());
        };
        match call {
            ClientCall::NewSession { timeout_ms } => {
                let session = serving.next_session;
                serving.next_session += 1;
                member.server.connections.bind(conn, session, timeout_ms);
                let request = client_request(conn, session, 0, RequestKind::CreateSession);
                serving.commit.submit(request, true);
                let op = LearnerOp::CreateSession { timeout_ms };
                self.request(ctx, session, 0, op);
            }
            ClientCall::Reopen {
                session,
                timeout_ms,
                trusted: true,
            } => {
                serving.revalidations.insert(session, conn);
                self.send(
                    ctx,
                    QuorumPacket::Revalidate {
                        session,
                        timeout_ms,
                    },
                );
            }
            ClientCall::Reopen { session, .. } => {
                member.server.finish_session_init(ctx, conn, session, false);
            }
            ClientCall::Request {
                session,
                timeout_ms,
                cxid,
                kind,
            } => {
                serving.touched.insert(session, timeout_ms);
                let op = match &kind {
                    RequestKind::Op(op) if op.is_write() || matches!(op, Op::Sync { .. }) => {
                        Some(op.clone())
                    }
                    _ => None,
                };
                let request = client_request(conn, session, cxid, kind);
                if let Some(request) = serving.commit.submit(request, op.is_some()) {
                    serving.finish(member, ctx, request);
                }
                if let Some(op) = op {
                    if matches!(op, Op::Sync { .. }) {
                        serving.syncs.push_back((session, cxid));
                    }
                    self.request(ctx, session, cxid, LearnerOp::Op(op));
                }
            }
        }
        Ok(())
    }

    fn request(&self, ctx: &mut Ctx<'_>, session: SessionId, cxid: i32, op: LearnerOp) {
        self.send(ctx, QuorumPacket::Request { session, cxid, op });
    }
}

impl Serving {
    fn finish_ready(&mut self, member: &mut Member, ctx: &mut Ctx<'_>) {
        let mut ready = std::mem::take(&mut self.ready);
        for request in ready.drain(..) {
            self.finish(member, ctx, request);
        }
        self.ready = ready;
    }

    fn finish(&mut self, member: &mut Member, ctx: &mut Ctx<'_>, request: Request) {
        let finished = member.finish(ctx, request, false);
        if let Some((session, timeout_ms)) = finished.opened {
            self.touched.insert(session, timeout_ms);
        }
        if let Some(session) = finished.closed {
            self.touched.remove(&session);
        }
    }
}

fn epoch_first(member: &Member) -> bool {
    member.server.config.rules.zk_newleader_ack == ZkNewleaderAck::EpochFirst
}

/// Attempts to connect to a leader, which may not listen yet.
const CONNECT_TRIES: u32 = 5;
/// `zookeeper.leaderConnectDelayDuringRetryMs`
const CONNECT_DELAY: Duration = Duration::from_millis(100);
