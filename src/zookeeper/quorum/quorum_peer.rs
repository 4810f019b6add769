//! The process of a member (`QuorumPeer`): it recovers, looks for a leader, leads or follows, and looks
//! again when that ends. It hands every event to the part that it belongs to.

use super::epochs::Epochs;
use super::fast_leader_election::{FastLeaderElection, Output, Vote};
use super::follower::Follower;
use super::leader::Leader;
use super::member::{Leave, Member, token};
use super::quorum_cnx_manager::QuorumCnxManager;
use crate::kernel::{ConnId, Duration, Time, TimerId};
use crate::protocol::rules::ZkRetainedTree;
use crate::protocol::zab::{ElectionMessage, Notification, QuorumPacket, ServerId, ServerState};
use crate::protocol::zookeeper::{ClientMessage, SessionId, Zxid};
use crate::protocol::{Ctx, Event, Fact, Message, Timer, ZooKeeperTimer};
use crate::zookeeper::config::{QuorumConfig, ServerConfig};
use crate::zookeeper::file_txn_log::{self, FileTxnLog};
use crate::zookeeper::standalone::{CANNOT_WRITE, exit};
use crate::zookeeper::sync_processor::SyncProcessor;
use crate::zookeeper::zookeeper_server::ZooKeeperServer;
use std::collections::BTreeSet;

#[derive(Debug)]
pub struct QuorumPeer {
    member: Member,
    cnx: QuorumCnxManager,
    election: FastLeaderElection,
    /// What the last election came to.
    current_vote: Option<Vote>,
    role: Role,
    /// Connections of which nobody has spoken yet: a client's, a learner's or an elector's.
    fresh: BTreeSet<ConnId>,
    election_timer: Option<TimerId>,
}

#[derive(Debug)]
enum Role {
    /// It reads its disk and listens to nobody.
    Loading,
    Looking,
    Following(Box<Follower>),
    Leading(Box<Leader>),
    /// It has left its part (which the first tells) and waits for its disk; the second: the tree must be
    /// read again.
    Stopping(ServerState, bool),
    Failed,
}

/// What a member is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuorumRole {
    /// It starts, or has just left its part.
    Between,
    Looking {
        round: u64,
    },
    /// `serves`: it is up to date, and clients are served.
    Following {
        leader: ServerId,
        serves: bool,
    },
    /// `serves`: a quorum follows, and clients are served.
    Leading {
        serves: bool,
    },
}

/// A member as an observer sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuorumView {
    pub id: ServerId,
    pub role: QuorumRole,
    pub accepted_epoch: i64,
    pub current_epoch: i64,
    /// The last transaction that is durable in its log.
    pub last_logged: Zxid,
    /// The last transaction that it knows to be committed.
    pub last_committed: Zxid,
    /// The last transaction in its tree; a new leader shows its epoch with counter 0.
    pub last_processed: Zxid,
}

impl QuorumPeer {
    /// A fresh process. `config` must name an ensemble.
    pub fn new(config: ServerConfig) -> Self {
        let quorum = config
            .quorum
            .clone()
            .unwrap_or_else(|| QuorumConfig::new(1, std::collections::BTreeMap::new()));
        let server = ZooKeeperServer::new(config);
        let voters = quorum.servers.keys().copied().collect();
        QuorumPeer {
            cnx: QuorumCnxManager::new(quorum.my_id, &quorum.servers),
            election: FastLeaderElection::new(quorum.my_id, voters),
            current_vote: None,
            role: Role::Loading,
            fresh: BTreeSet::new(),
            election_timer: None,
            member: Member {
                log: SyncProcessor::idle(
                    FileTxnLog::new(&server.log_dir()),
                    token::LOG_SYNCED,
                    server.config.snap_count,
                ),
                quorum,
                server,
                committed: super::committed_log::CommittedLog::default(),
                epochs: Epochs::default(),
                last_logged: 0,
                last_committed: 0,
                stated: 0,
                writing: 0,
                snapshotting: false,
            },
        }
    }

    pub fn server(&self) -> &ZooKeeperServer {
        &self.member.server
    }

    pub fn is_serving(&self) -> bool {
        match &self.role {
            Role::Leading(leader) => leader.is_serving(),
            Role::Following(follower) => follower.is_serving(),
            Role::Loading | Role::Looking | Role::Stopping(..) | Role::Failed => false,
        }
    }

    /// When a session expires unless it is heard of: the leader knows.
    pub fn expires(&self, session: SessionId) -> Option<Time> {
        match &self.role {
            Role::Leading(leader) => leader.expires(session),
            _ => None,
        }
    }

    /// Which server a session speaks with, as far as the leader knows.
    pub fn owner(&self, session: SessionId) -> Option<ServerId> {
        match &self.role {
            Role::Leading(leader) => leader.owner(session),
            _ => None,
        }
    }

    pub fn view(&self) -> QuorumView {
        QuorumView {
            id: self.member.id(),
            role: match &self.role {
                Role::Looking => QuorumRole::Looking {
                    round: self.election.round(),
                },
                Role::Following(follower) => QuorumRole::Following {
                    leader: follower.leader(),
                    serves: follower.is_serving(),
                },
                Role::Leading(leader) => QuorumRole::Leading {
                    serves: leader.is_serving(),
                },
                Role::Loading | Role::Stopping(..) | Role::Failed => QuorumRole::Between,
            },
            accepted_epoch: self.member.epochs.accepted,
            current_epoch: self.member.epochs.current,
            last_logged: self.member.last_logged,
            last_committed: self.member.last_committed,
            last_processed: self.member.server.last_zxid(),
        }
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let done = match event {
            Event::Started => self.load(ctx),
            Event::Terminate => {
                ctx.exit(0);
                Ok(())
            }
            Event::Timer(Timer::ZooKeeper(timer)) => self.on_timer(ctx, timer),
            Event::Timer(_) => Ok(()),
            Event::Connected(conn) => {
                self.on_connected(ctx, conn);
                Ok(())
            }
            Event::Accepted { conn, .. } => {
                self.fresh.insert(conn);
                Ok(())
            }
            Event::Message { conn, message } => self.on_message(ctx, conn, message),
            Event::Closed { conn, .. } => self.on_closed(ctx, conn),
            Event::Disk { token, result } => match result {
                Ok(()) => self.on_disk(ctx, token),
                Err(error) => Err(Leave::Exit(format!("{CANNOT_WRITE}: {error}"))),
            },
        };
        if let Err(leave) = done {
            self.leave(ctx, leave);
        }
    }

    // ---- start

    fn load(&mut self, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        ctx.listen(false);
        let member = &mut self.member;
        let dir = member.server.log_dir();
        ctx.disk().make_dir(&dir)?;
        let has_snapshot = member.reload(ctx.disk())?;
        let last_zxid = member.server.last_zxid();
        member.epochs = Epochs::load(ctx.disk(), &dir, last_zxid).map_err(Leave::Exit)?;
        member.last_committed = 0;
        member.log.plan_snapshot(ctx);
        member.writing += 1;
        match file_txn_log::newest(ctx.disk(), &dir) {
            // What a crash left in the page cache counts in votes: it must not be lost any more.
            Some(file) if has_snapshot => ctx.sync_later(file, token::LOADED),
            _ => {
                member.writing -= 1;
                member.take_snapshot(ctx, token::LOADED);
            }
        }
        Ok(())
    }

    // ---- roles

    fn look(&mut self, ctx: &mut Ctx<'_>) {
        let member = &self.member;
        let (epoch, zxid) = (member.epochs.current, member.server.last_zxid());
        self.role = Role::Looking;
        let mut out = Vec::new();
        self.election.look(epoch, zxid, &mut out);
        ctx.fact(Fact::ZooKeeperLooks {
            round: self.election.round(),
            last_zxid: zxid,
        });
        self.carry_out(ctx, out);
    }

    fn carry_out(&mut self, ctx: &mut Ctx<'_>, out: Vec<Output>) {
        let mut wait = None;
        let mut elected = None;
        for output in out {
            match output {
                Output::Send(to, notification) => self.cnx.send(ctx, to, notification),
                Output::ConnectAll => self.cnx.connect_all(ctx),
                Output::Wait(duration) => wait = Some(duration),
                Output::Elected(vote) => elected = Some(vote),
            }
        }
        if elected.is_some() || wait.is_some() {
            self.set_election_timer(ctx, wait.filter(|_| elected.is_none()));
        }
        if let Some(vote) = elected
            && let Err(leave) = self.take_part(ctx, vote)
        {
            self.leave(ctx, leave);
        }
    }

    fn set_election_timer(&mut self, ctx: &mut Ctx<'_>, wait: Option<Duration>) {
        if let Some(timer) = self.election_timer.take() {
            ctx.cancel_timer(timer);
        }
        let timer = Timer::ZooKeeper(ZooKeeperTimer::Election);
        self.election_timer = wait.map(|wait| ctx.set_timer(wait, timer));
    }

    fn take_part(&mut self, ctx: &mut Ctx<'_>, vote: Vote) -> Result<(), Leave> {
        let leader = vote.candidate.leader;
        self.current_vote = Some(vote);
        ctx.fact(Fact::ZooKeeperElects {
            leader,
            round: vote.election_epoch,
        });
        self.role = if leader == self.member.id() {
            Role::Leading(Box::new(Leader::new(&mut self.member, ctx)?))
        } else {
            Role::Following(Box::new(Follower::new(&self.member, ctx, leader)?))
        };
        Ok(())
    }

    /// Its part is over: it looks again once its disk has done what was asked of it.
    fn leave(&mut self, ctx: &mut Ctx<'_>, leave: Leave) {
        let why = match leave {
            Leave::Look(why) => why,
            Leave::Exit(why) => {
                self.role = Role::Failed;
                return exit(ctx, &why);
            }
        };
        self.updated_vote();
        let (state, reload) = match &mut self.role {
            Role::Leading(leader) => {
                leader.stop(ctx);
                (ServerState::Leading, false)
            }
            Role::Following(follower) => (ServerState::Following, follower.stop(ctx)),
            _ => return,
        };
        ctx.fact(Fact::ZooKeeperLeaves { why: why.into() });
        self.member.server.close_all(ctx);
        self.role = Role::Stopping(state, reload);
        if let Err(leave) = self.go_on_stopping(ctx) {
            self.leave(ctx, leave);
        }
    }

    fn go_on_stopping(&mut self, ctx: &mut Ctx<'_>) -> Result<(), Leave> {
        let Role::Stopping(_, reload) = self.role else {
            return Ok(());
        };
        let member = &mut self.member;
        member.run_log(ctx)?;
        if !member.log.is_idle() || member.writing > 0 {
            return Ok(());
        }
        if reload {
            member.reload(ctx.disk())?;
        } else if member.server.config.rules.zk_retained_tree == ZkRetainedTree::AsLogged {
            member.fast_forward(ctx.disk())?;
        }
        self.look(ctx);
        Ok(())
    }

    // ---- events

    fn on_timer(&mut self, ctx: &mut Ctx<'_>, timer: ZooKeeperTimer) -> Result<(), Leave> {
        let member = &mut self.member;
        match (timer, &mut self.role) {
            (ZooKeeperTimer::Election, Role::Looking) => {
                self.election_timer = None;
                let mut out = Vec::new();
                let delivered = self.cnx.have_delivered();
                self.election.on_timeout(delivered, &mut out);
                self.carry_out(ctx, out);
                Ok(())
            }
            (ZooKeeperTimer::ElectionDial(sid), _) => {
                self.cnx.on_dial_timeout(ctx, sid);
                Ok(())
            }
            (ZooKeeperTimer::Tick, Role::Leading(leader)) => leader.on_tick(member, ctx),
            (ZooKeeperTimer::HalfTick, Role::Leading(leader)) => leader.on_half_tick(member, ctx),
            (ZooKeeperTimer::LeaderWait, Role::Leading(leader)) => leader.on_wait_over(),
            (ZooKeeperTimer::LearnerSilence(sid), Role::Leading(leader)) => {
                leader.on_learner_silence(ctx, sid);
                Ok(())
            }
            (ZooKeeperTimer::LeaderSilence, Role::Following(follower)) => {
                follower.on_silence_timer(ctx)
            }
            (ZooKeeperTimer::LeaderRetry, Role::Following(follower)) => {
                follower.on_retry(ctx);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn on_connected(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) {
        if self.cnx.on_connected(ctx, conn) {
            return;
        }
        match &mut self.role {
            Role::Following(follower) if follower.owns(conn) => {
                follower.on_connected(&self.member, ctx);
            }
            _ => ctx.close(conn),
        }
    }

    fn on_closed(&mut self, ctx: &mut Ctx<'_>, conn: ConnId) -> Result<(), Leave> {
        if self.fresh.remove(&conn) || self.cnx.on_closed(ctx, conn) {
            return Ok(());
        }
        match &mut self.role {
            Role::Following(follower) if follower.owns(conn) => {
                return follower.on_closed(&self.member, ctx);
            }
            Role::Leading(leader) => {
                if !leader.on_closed(ctx, conn) {
                    self.member.server.forget(conn);
                }
            }
            _ => self.member.server.forget(conn),
        }
        Ok(())
    }

    fn on_message(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        message: Message,
    ) -> Result<(), Leave> {
        let is_fresh = self.fresh.remove(&conn);
        match message {
            Message::Quorum(packet) => self.on_packet(ctx, conn, *packet),
            Message::ZooKeeperRequest(message) => {
                if is_fresh {
                    self.member.server.connections.accept(conn);
                }
                self.on_client(ctx, conn, *message)
            }
            Message::Election(message) => {
                match *message {
                    ElectionMessage::Hello { sid } => self.cnx.on_hello(ctx, conn, sid),
                    ElectionMessage::Notification(notification) => {
                        if let Some(from) = self.cnx.sender(conn) {
                            self.on_notification(ctx, from, notification);
                        }
                    }
                }
                Ok(())
            }
            Message::Request(_)
            | Message::Response(_)
            | Message::ZooKeeperReply(_)
            | Message::RegistryCall(_)
            | Message::RegistryResponse(_)
            | Message::ServiceCall(_)
            | Message::ServiceAnswer(_) => {
                ctx.close(conn);
                self.on_closed(ctx, conn)
            }
        }
    }

    fn on_notification(&mut self, ctx: &mut Ctx<'_>, from: ServerId, notification: Notification) {
        let state = match self.role {
            Role::Looking => {
                let mut out = Vec::new();
                self.election.receive(from, notification, &mut out);
                return self.carry_out(ctx, out);
            }
            Role::Following(_) => ServerState::Following,
            Role::Leading(_) => ServerState::Leading,
            Role::Stopping(state, _) => state,
            Role::Loading | Role::Failed => return,
        };
        // Whoever looks is told whom this server follows (ZB3).
        if notification.state == ServerState::Looking
            && let Some(vote) = self.updated_vote()
        {
            self.cnx.send(ctx, from, vote.notification(state));
        }
    }

    /// The vote that a settled server shows: once it serves with the epoch that the vote led to
    /// (`updateElectionVote`).
    fn updated_vote(&mut self) -> Option<Vote> {
        let epoch = match &self.role {
            Role::Following(follower) if follower.is_serving() => Some(follower.epoch()),
            Role::Leading(leader) if leader.is_serving() => Some(leader.epoch()),
            _ => None,
        };
        if let (Some(vote), Some(epoch)) = (&mut self.current_vote, epoch) {
            vote.candidate.peer_epoch = epoch;
        }
        self.current_vote
    }

    fn on_packet(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        packet: QuorumPacket,
    ) -> Result<(), Leave> {
        let member = &mut self.member;
        match (&mut self.role, packet) {
            (
                Role::Leading(leader),
                QuorumPacket::FollowerInfo {
                    sid,
                    accepted_epoch,
                },
            ) => {
                leader.on_follower_info(member, ctx, conn, sid, accepted_epoch);
                Ok(())
            }
            (Role::Leading(leader), packet) => leader.on_packet(member, ctx, conn, packet),
            (Role::Following(follower), packet) if follower.owns(conn) => {
                follower.on_packet(member, ctx, packet)
            }
            // It does not lead: nobody listens at this port.
            _ => {
                ctx.close(conn);
                Ok(())
            }
        }
    }

    fn on_client(
        &mut self,
        ctx: &mut Ctx<'_>,
        conn: ConnId,
        message: ClientMessage,
    ) -> Result<(), Leave> {
        let member = &mut self.member;
        match &mut self.role {
            Role::Leading(leader) if leader.is_serving() => {
                match member.server.on_message(ctx, conn, message) {
                    Some(call) => leader.on_client(member, ctx, conn, call),
                    None => Ok(()),
                }
            }
            Role::Following(follower) if follower.is_serving() => {
                match member.server.on_message(ctx, conn, message) {
                    Some(call) => follower.on_client(member, ctx, conn, call),
                    None => Ok(()),
                }
            }
            _ => {
                member.server.close(ctx, conn);
                Ok(())
            }
        }
    }

    fn on_disk(&mut self, ctx: &mut Ctx<'_>, token: u64) -> Result<(), Leave> {
        let member = &mut self.member;
        if token == token::LOG_SYNCED {
            return match &mut self.role {
                Role::Leading(leader) => leader.on_log_synced(member, ctx),
                Role::Following(follower) => follower.on_log_synced(member, ctx),
                Role::Stopping(..) => {
                    member.flushed();
                    self.go_on_stopping(ctx)
                }
                Role::Loading | Role::Looking | Role::Failed => Ok(()),
            };
        }
        member.writing = member.writing.saturating_sub(1);
        match (token, &mut self.role) {
            (token::LOADED, Role::Loading) => {
                ctx.listen(true);
                self.look(ctx);
                Ok(())
            }
            (token::SNAPSHOT_TAKEN, role) => {
                member.snapshotting = false;
                match role {
                    Role::Stopping(..) => self.go_on_stopping(ctx),
                    _ => Ok(()),
                }
            }
            (token, Role::Leading(leader)) => leader.on_written(member, ctx, token),
            (token, Role::Following(follower)) => follower.on_written(member, ctx, token),
            (_, Role::Stopping(..)) => self.go_on_stopping(ctx),
            _ => Ok(()),
        }
    }
}
