//! The coordinator as a whole: its groups, its sessions, what it leaves for its broker to do (class
//! `GroupCoordinator`).

use super::group_metadata::{GroupMetadata, GroupState};
use super::group_metadata_manager::{Loading, LogTask};
use super::records::OffsetAndMetadata;
use crate::kernel::Duration;
use crate::log::batch::{BatchBuilder, Records};
use crate::protocol::config::BrokerConfig;
use crate::protocol::rules::{GroupSession, Rules};
use crate::protocol::{
    BrokerTimer, Ctx, ErrorCode, Fact, GroupFact, GroupTimer, HeartbeatRequest, HeartbeatResponse,
    MemberGone, Pending, RebalanceReason, Response, Timer, TopicPartition,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// A broker's settings of groups.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    pub group_min_session_timeout_ms: i32,
    pub group_max_session_timeout_ms: i32,
    pub group_initial_rebalance_delay_ms: i32,
    pub group_max_size: i32,
    pub offset_metadata_max_bytes: i32,
    pub offsets_commit_timeout_ms: i32,
    pub offsets_retention_ms: i64,
    pub offsets_retention_check_interval_ms: u64,
    pub offsets_topic_num_partitions: i32,
    pub rules: Rules,
}

impl GroupConfig {
    pub fn of(config: &BrokerConfig) -> GroupConfig {
        GroupConfig {
            group_min_session_timeout_ms: config.group_min_session_timeout_ms,
            group_max_session_timeout_ms: config.group_max_session_timeout_ms,
            group_initial_rebalance_delay_ms: config.group_initial_rebalance_delay_ms,
            group_max_size: config.group_max_size,
            offset_metadata_max_bytes: config.offset_metadata_max_bytes,
            offsets_commit_timeout_ms: config.offsets_commit_timeout_ms,
            offsets_retention_ms: i64::from(config.offsets_retention_minutes) * 60_000,
            offsets_retention_check_interval_ms: config.offsets_retention_check_interval_ms,
            offsets_topic_num_partitions: config.offsets_topic_num_partitions,
            rules: config.rules,
        }
    }
}

/// A batch for a partition of `__consumer_offsets`.
#[derive(Debug)]
pub struct Append {
    pub partition: i32,
    pub records: Records,
    pub timeout_ms: i32,
    /// `GroupCoordinator::on_appended` is called with it once the batch is committed or has failed;
    /// `None`: nobody waits, the leader's log is enough (CG37).
    pub token: Option<u64>,
}

/// See the module's doc.
pub struct GroupCoordinator {
    pub(super) config: GroupConfig,
    pub(super) started: bool,
    pub(super) groups: BTreeMap<Rc<str>, Box<GroupMetadata>>,
    /// Partitions of `__consumer_offsets` whose groups are here.
    pub(super) owned: BTreeSet<i32>,
    pub(super) loading: BTreeMap<i32, Loading>,
    /// What the one thread that reads logs has to do, in order.
    pub(super) log_tasks: VecDeque<LogTask>,
    /// Partitions whose groups go once more when they are here again (`GroupUnload::Late`).
    pub(super) late_unloads: BTreeSet<i32>,
    /// Highest leader epoch heard of, by partition.
    pub(super) epochs: BTreeMap<i32, i32>,
    pub(super) appends: BTreeMap<u64, Appending>,
    next_token: u64,
    pub(super) answers: Vec<(Pending, Response)>,
    pub(super) to_append: Vec<Append>,
    pub(super) facts: Vec<Fact>,
}

/// What a batch on its way means.
#[derive(Debug)]
pub(super) enum Appending {
    /// The assignments of this generation, by member.
    Assignments {
        group: Rc<str>,
        generation: i32,
        assignments: BTreeMap<Rc<str>, Bytes>,
    },
    /// That the group has nobody any more.
    Emptied,
    StaticMember(ReplacedMember),
    Offsets {
        /// `None` once the group is forgotten: what becomes of the batch is answered, and no more.
        group: Option<Rc<str>>,
        to: Pending,
        /// Of who commits, and of the group.
        generations: (i32, i32),
        /// Refused ones among them, with their errors.
        partitions: Vec<(TopicPartition, Result<OffsetAndMetadata, ErrorCode>)>,
    },
}

/// A static member that came back under a new id while the group was stable, and what it was before.
#[derive(Debug)]
pub(super) struct ReplacedMember {
    pub group: Rc<str>,
    pub instance: Rc<str>,
    pub member: Rc<str>,
    pub before: Rc<str>,
    pub leader_before: Option<Rc<str>>,
    pub rebalance_timeout_before_ms: i32,
    pub session_timeout_before_ms: i32,
}

impl GroupCoordinator {
    pub fn new(config: GroupConfig) -> Self {
        GroupCoordinator {
            config,
            started: false,
            groups: BTreeMap::new(),
            owned: BTreeSet::new(),
            loading: BTreeMap::new(),
            log_tasks: VecDeque::new(),
            late_unloads: BTreeSet::new(),
            epochs: BTreeMap::new(),
            appends: BTreeMap::new(),
            next_token: 0,
            answers: Vec::new(),
            to_append: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// Groups are served from now on, and cleaned up.
    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.started = true;
        set_timer(ctx, Duration::ZERO, GroupTimer::Cleanup);
    }

    /// Answers to requests; look after every call.
    pub fn take_answers(&mut self) -> Vec<(Pending, Response)> {
        std::mem::take(&mut self.answers)
    }

    /// Batches to append; look after every call.
    pub fn take_appends(&mut self) -> Vec<Append> {
        std::mem::take(&mut self.to_append)
    }

    /// What happened to groups; look after every call.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// True if there is nothing to take.
    pub fn is_quiet(&self) -> bool {
        self.answers.is_empty() && self.to_append.is_empty() && self.facts.is_empty()
    }

    pub fn groups(&self) -> impl Iterator<Item = &GroupMetadata> {
        self.groups.values().map(|group| &**group)
    }

    pub fn handle_heartbeat(&mut self, ctx: &mut Ctx<'_>, to: Pending, request: &HeartbeatRequest) {
        let error = self
            .heartbeat(ctx, request)
            .err()
            .unwrap_or(ErrorCode::None);
        self.answer(to, HeartbeatResponse { error });
    }

    fn heartbeat(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: &HeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        match self.named_group_status(&request.group_id) {
            // While its group is read a member cannot be judged (CG3).
            Err(ErrorCode::CoordinatorLoadInProgress) => return Ok(()),
            checked => checked?,
        }
        self.with_group(&request.group_id, |coordinator, group| {
            if group.is(GroupState::Dead) {
                return Err(ErrorCode::CoordinatorNotAvailable);
            }
            let instance = request.group_instance_id.as_deref();
            validate_member(group, &request.member_id, instance)?;
            if request.generation_id != group.generation_id {
                return Err(ErrorCode::IllegalGeneration);
            }
            match group.state() {
                GroupState::Empty | GroupState::Dead => Err(ErrorCode::UnknownMemberId),
                GroupState::CompletingRebalance | GroupState::Stable => {
                    coordinator.restart_session(ctx, group, &request.member_id);
                    Ok(())
                }
                GroupState::PreparingRebalance => {
                    coordinator.restart_session(ctx, group, &request.member_id);
                    Err(ErrorCode::RebalanceInProgress)
                }
            }
        })
        .unwrap_or(Err(ErrorCode::UnknownMemberId))
    }

    /// `BrokerTimer::Group`, but for what concerns the log (`Load`).
    pub fn on_timer(&mut self, ctx: &mut Ctx<'_>, timer: GroupTimer) {
        match timer {
            GroupTimer::Session { group, member } => {
                self.with_group(&group, |it, group| {
                    it.on_session_expired(ctx, group, &member)
                });
            }
            GroupTimer::Join { group } => {
                self.with_group(&group, |it, group| it.on_join_timer(ctx, group));
            }
            GroupTimer::Sync { group, generation } => {
                self.with_group(&group, |it, group| it.on_sync_timer(ctx, group, generation));
            }
            GroupTimer::Cleanup => self.clean_up(ctx),
            GroupTimer::Load => {}
        }
    }

    /// A batch is committed at `base_offset`, or has failed.
    pub fn on_appended(&mut self, ctx: &mut Ctx<'_>, token: u64, result: Result<i64, ErrorCode>) {
        let Some(appending) = self.appends.remove(&token) else {
            return;
        };
        match appending {
            Appending::Emptied => {}
            Appending::Assignments {
                group,
                generation,
                assignments,
            } => {
                self.with_group(&group, |it, group| {
                    it.on_assignments_stored(ctx, group, generation, &assignments, result);
                });
            }
            Appending::StaticMember(replaced) => {
                self.with_group(&replaced.group, |it, group| {
                    it.on_static_member_stored(ctx, group, &replaced, result);
                });
            }
            Appending::Offsets {
                group,
                to,
                generations,
                partitions,
            } => self.on_offsets_stored(group.as_ref(), to, generations, partitions, result),
        }
    }

    // ---- what the parts share

    /// States what a group has become.
    pub(super) fn tell(&mut self, group: &GroupMetadata, why: Option<RebalanceReason>) {
        self.facts.push(Fact::Group(GroupFact::Changed {
            group: Rc::clone(&group.group_id),
            state: group.state().name().into(),
            generation: group.generation_id,
            members: (group.members())
                .map(|it| Rc::clone(&it.member_id))
                .collect(),
            leader: group.leader_id.clone(),
            protocol: group.protocol_name.clone(),
            why: why.map(Box::new),
        }));
    }

    /// States that a group goes on without a member.
    pub(super) fn tell_gone(
        &mut self,
        group: &GroupMetadata,
        member: &Rc<str>,
        why: MemberGone,
        detail: &str,
    ) {
        self.facts.push(Fact::Group(GroupFact::MemberRemoved {
            group: Rc::clone(&group.group_id),
            member: Rc::clone(member),
            why,
            detail: detail.into(),
        }));
    }

    /// Lends a group out. A dead one is forgotten: nobody ever finds a group in that state.
    pub(super) fn with_group<R>(
        &mut self,
        group_id: &str,
        act: impl FnOnce(&mut GroupCoordinator, &mut GroupMetadata) -> R,
    ) -> Option<R> {
        let (id, mut group) = self.groups.remove_entry(group_id)?;
        let result = act(self, &mut group);
        if group.is(GroupState::Dead) {
            self.detach_appends(&id);
        } else {
            self.groups.insert(id, group);
        }
        Some(result)
    }

    /// What a forgotten group has on its way concerns no group of that name that comes after it.
    pub(super) fn detach_appends(&mut self, forgotten: &str) {
        self.appends.retain(|_, appending| match appending {
            Appending::Emptied => true,
            Appending::Assignments { group, .. } => **group != *forgotten,
            Appending::StaticMember(replaced) => *replaced.group != *forgotten,
            Appending::Offsets { group, .. } => {
                group.take_if(|it| **it == *forgotten);
                true
            }
        });
    }

    pub(super) fn answer(&mut self, to: Pending, response: impl Into<Response>) {
        self.answers.push((to, response.into()));
    }

    /// Appends records to the partition of a group, all with the coordinator's time.
    pub(super) fn append(
        &mut self,
        group: &str,
        now_ms: i64,
        records: impl IntoIterator<Item = (Bytes, Option<Bytes>)>,
        appending: Option<Appending>,
    ) {
        let mut builder = BatchBuilder::new();
        if matches!(appending, Some(Appending::Offsets { .. })) {
            // CG33: as Kafka's builder leaves it.
            builder = builder.producer(-1, -1, 0);
        }
        for (key, value) in records {
            builder.append(now_ms, Some(&key), value.as_deref(), &[]);
        }
        let token = appending.map(|appending| {
            self.next_token += 1;
            self.appends.insert(self.next_token, appending);
            self.next_token
        });
        self.to_append.push(Append {
            partition: self.partition_of(group),
            records: Records::from(builder.build()),
            timeout_ms: self.config.offsets_commit_timeout_ms,
            token,
        });
    }

    /// Something was heard of a member (CG25).
    pub(super) fn restart_session(
        &self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        member: &str,
    ) {
        let timeout = group.get(member).map_or(0, |it| it.session_timeout_ms);
        self.schedule_session(ctx, group, member, timeout);
    }

    /// Who waits for an answer of ours is not expected to be heard of (CG22), but for one that is new.
    pub(super) fn schedule_session(
        &self,
        ctx: &mut Ctx<'_>,
        group: &mut GroupMetadata,
        member: &str,
        timeout_ms: i32,
    ) {
        let group_id = Rc::clone(&group.group_id);
        let Some(member) = group.get_mut(member) else {
            return;
        };
        if let Some(timer) = member.session.take() {
            ctx.cancel_timer(timer);
        }
        if member.is_new || !member.waits_for_us() {
            let timer = GroupTimer::Session {
                group: group_id,
                member: Rc::clone(&member.member_id),
            };
            member.session = Some(set_timer(ctx, millis(timeout_ms), timer));
        }
    }

    fn on_session_expired(&mut self, ctx: &mut Ctx<'_>, group: &mut GroupMetadata, member: &str) {
        if group.pending_members.remove(member).is_some() {
            self.maybe_complete_join(ctx, group);
            return;
        }
        let Some(silent) = group.get_mut(member) else {
            return;
        };
        silent.session = None;
        if self.config.rules.group_session == GroupSession::Never {
            return;
        }
        if silent.is_new || !silent.waits_for_us() {
            let id = Rc::clone(&silent.member_id);
            let waited = format!("session.timeout.ms={}", silent.session_timeout_ms);
            let why = MemberGone::SessionExpired;
            self.tell_gone(group, &id, why, &waited);
            self.remove_member_and_update_group(ctx, group, member, why);
        }
    }
}

impl std::fmt::Debug for GroupCoordinator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupCoordinator")
            .field("owned", &self.owned)
            .field("groups", &self.groups.keys())
            .finish_non_exhaustive()
    }
}

/// Is this one a member, under this id? (`validateCurrentMember`)
pub(super) fn validate_member(
    group: &GroupMetadata,
    member_id: &str,
    instance: Option<&str>,
) -> Result<(), ErrorCode> {
    if let Some(instance) = instance {
        match group.current_static_member_id(instance) {
            None => return Err(ErrorCode::UnknownMemberId),
            Some(id) if **id != *member_id => return Err(ErrorCode::FencedInstanceId),
            Some(_) => {}
        }
    }
    match group.has(member_id) {
        true => Ok(()),
        false => Err(ErrorCode::UnknownMemberId),
    }
}

pub(super) fn set_timer(
    ctx: &mut Ctx<'_>,
    after: Duration,
    timer: GroupTimer,
) -> crate::kernel::TimerId {
    ctx.set_timer(after, Timer::Broker(BrokerTimer::Group(timer)))
}

pub(super) fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
