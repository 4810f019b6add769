//! Commits: those of the library, and those that the application asks for (`commitSync`, `commitAsync`). Rules CC50,
//! CC51, CC53, CC54.

use super::{Call, ConsumerCoordinator, GroupNews, MemberState};
use crate::client::subscription_state::SubscriptionState;
use crate::kernel::{Duration, Time};
use crate::protocol::{
    CommittedOffset, Ctx, OffsetCommitRequest, TopicPartition, UNKNOWN_EPOCH, exponential,
};
use std::collections::VecDeque;
use std::rc::Rc;

/// How an application commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Committing {
    /// `commitSync`: tried until it is stored, refused for good, or `default.api.timeout.ms` is over.
    Sync,
    /// `commitAsync`: tried once.
    Async,
}

/// A commit that is on its way.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) generation: i32,
    pub(super) offsets: Vec<(TopicPartition, i64)>,
    pub(super) purpose: CommitPurpose,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CommitPurpose {
    /// `auto.commit.interval.ms` is over.
    Auto,
    /// Before partitions are given up.
    BeforeJoin,
    /// The application asked.
    Asked,
    /// The application waits for it.
    Waited,
}

/// What the application has asked for and no coordinator was sent yet.
#[derive(Debug)]
pub(super) struct AskedCommits {
    default_api_timeout: Duration,
    /// `commitAsync` while no coordinator is known.
    unsent: VecDeque<(Offsets, CommitPurpose)>,
    waited: Option<Waited>,
}

/// A call of `commitSync` that has not returned.
#[derive(Debug)]
struct Waited {
    offsets: Offsets,
    until: Time,
    attempts: u32,
    /// `None` while it is on its way.
    again_at: Option<Time>,
}

type Offsets = Vec<(TopicPartition, CommittedOffset)>;

impl AskedCommits {
    pub(super) fn new(default_api_timeout: Duration) -> AskedCommits {
        AskedCommits {
            default_api_timeout,
            unsent: VecDeque::new(),
            waited: None,
        }
    }

    pub(super) fn somebody_waits(&self) -> bool {
        self.waited.is_some()
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }
}

impl ConsumerCoordinator {
    /// The application commits these offsets, or every position that is sure.
    pub fn commit_asked(
        &mut self,
        ctx: &mut Ctx<'_>,
        subscriptions: &SubscriptionState,
        offsets: Option<Vec<(TopicPartition, i64)>>,
        how: Committing,
    ) {
        let offsets = match offsets {
            None => consumed(subscriptions),
            // `new OffsetAndMetadata(offset)`: without an epoch.
            Some(offsets) => offsets
                .into_iter()
                .map(|(partition, offset)| (partition, committed(offset, UNKNOWN_EPOCH)))
                .collect(),
        };
        match how {
            Committing::Async if offsets.is_empty() => {}
            Committing::Async => self.send_soon(ctx, offsets, CommitPurpose::Asked),
            Committing::Sync if offsets.is_empty() => {
                self.news.push_back(GroupNews::CommitReturned);
            }
            Committing::Sync => {
                let now = ctx.wall();
                self.asked.waited = Some(Waited {
                    offsets,
                    until: now + self.asked.default_api_timeout,
                    attempts: 0,
                    again_at: Some(now),
                });
            }
        }
    }

    /// CC53, CC54: what waits for a coordinator, or for the next attempt; answers when to look again.
    pub fn send_asked_commits(&mut self, ctx: &mut Ctx<'_>) -> Time {
        if self.closed || self.failed {
            return Time::MAX;
        }
        if self.coordinator.is_some() {
            while let Some((offsets, purpose)) = self.asked.unsent.pop_front() {
                self.send_asked(ctx, offsets, purpose);
            }
        }
        let wake = self.go_on_waiting(ctx);
        wake.min(self.go_on_closing_by_hand(ctx.wall()))
    }

    /// CC53.
    fn go_on_waiting(&mut self, ctx: &mut Ctx<'_>) -> Time {
        let now = ctx.wall();
        let Some(waited) = &mut self.asked.waited else {
            return Time::MAX;
        };
        if now >= waited.until {
            self.commit_is_over(Some("TimeoutException"));
            return Time::MAX;
        }
        let until = waited.until;
        match waited.again_at {
            Some(at) if self.coordinator.is_some() && now >= at => {
                waited.again_at = None;
                let offsets = waited.offsets.clone();
                self.send_asked(ctx, offsets, CommitPurpose::Waited);
                until
            }
            Some(at) if self.coordinator.is_some() => at.min(until),
            _ => until,
        }
    }

    /// CC50: every partition with a valid position; false if there is nothing to send, or nobody to send it
    /// to.
    pub(super) fn commit(
        &mut self,
        ctx: &mut Ctx<'_>,
        subscriptions: &SubscriptionState,
        purpose: CommitPurpose,
    ) -> bool {
        let consumed = consumed(subscriptions);
        if self.by_hand.is_some() && !consumed.is_empty() {
            self.send_soon(ctx, consumed, purpose);
            return true;
        }
        if consumed.is_empty() || self.coordinator.is_none() {
            return false;
        }
        if self.generation < 0 {
            self.news
                .push_back(GroupNews::CommitFailed("CommitFailedException"));
            return false;
        }
        self.send_commit(ctx, consumed, purpose);
        true
    }

    /// A commit that was waited for is tried again, if there is time.
    pub(super) fn commit_again(&mut self, ctx: &mut Ctx<'_>) {
        let (initial, max) = self.retry_backoff;
        if let Some(waited) = &mut self.asked.waited {
            let pause = exponential(ctx, initial, max, waited.attempts);
            waited.attempts = waited.attempts.saturating_add(1);
            waited.again_at = Some(ctx.wall() + pause);
        }
    }

    /// `commitSync` returns, or throws this.
    pub(super) fn commit_is_over(&mut self, exception: Option<&'static str>) {
        if let Some(exception) = exception {
            self.news.push_back(GroupNews::CommitFailed(exception));
        }
        if self.asked.waited.take().is_some() {
            self.news.push_back(GroupNews::CommitReturned);
        }
    }

    /// CC54: no coordinator can be found; `commitSync` goes on looking.
    pub(super) fn give_up_asked_commits(&mut self, ctx: &Ctx<'_>) {
        for (_, purpose) in std::mem::take(&mut self.asked.unsent) {
            self.not_sent(ctx, purpose);
        }
    }

    /// What it has read, of who commits by itself; then there is nothing left to be said.
    pub(super) fn wait_for_last_commit(
        &mut self,
        ctx: &Ctx<'_>,
        of: Option<&SubscriptionState>,
        until: Time,
    ) {
        let offsets = of.map(consumed).filter(|offsets| !offsets.is_empty());
        self.asked.waited = offsets.map(|offsets| Waited {
            offsets,
            until,
            attempts: 0,
            again_at: Some(ctx.wall()),
        });
    }

    /// CC54: as soon as a coordinator is known.
    fn send_soon(&mut self, ctx: &mut Ctx<'_>, offsets: Offsets, purpose: CommitPurpose) {
        if self.coordinator.is_some() {
            self.send_asked(ctx, offsets, purpose);
        } else if self.takes_old_answer() {
            self.not_sent(ctx, purpose);
        } else {
            self.asked.unsent.push_back((offsets, purpose));
        }
    }

    fn not_sent(&mut self, ctx: &Ctx<'_>, purpose: CommitPurpose) {
        match purpose {
            CommitPurpose::Auto => self.next_auto_commit = ctx.wall() + self.pause(),
            _ => {
                let failed = GroupNews::CommitFailed("RetriableCommitFailedException");
                self.news.push_back(failed);
            }
        }
    }

    /// CC51: only who is a member of a settled group can commit.
    fn send_asked(&mut self, ctx: &mut Ctx<'_>, offsets: Offsets, purpose: CommitPurpose) {
        let exception = match self.state {
            _ if self.by_hand.is_some() => return self.send_commit(ctx, offsets, purpose),
            MemberState::Stable => return self.send_commit(ctx, offsets, purpose),
            MemberState::PreparingRebalance | MemberState::CompletingRebalance => {
                "RebalanceInProgressException"
            }
            MemberState::Unjoined => "CommitFailedException",
        };
        match purpose {
            CommitPurpose::Waited => self.commit_is_over(Some(exception)),
            _ => self.news.push_back(GroupNews::CommitFailed(exception)),
        }
    }

    fn send_commit(&mut self, ctx: &mut Ctx<'_>, offsets: Offsets, purpose: CommitPurpose) {
        let commit = Commit {
            generation: self.generation,
            offsets: offsets
                .iter()
                .map(|(partition, it)| (partition.clone(), it.offset))
                .collect(),
            purpose,
        };
        let request = OffsetCommitRequest {
            group_id: Rc::clone(&self.membership.group_id),
            generation_id: self.generation,
            member_id: Rc::clone(&self.member_id),
            group_instance_id: self.membership.group_instance_id.clone(),
            partitions: offsets,
        };
        self.ask(ctx, request, self.request_timeout, Call::Commit(commit));
    }
}

fn consumed(subscriptions: &SubscriptionState) -> Offsets {
    let consumed = subscriptions.all_consumed().into_iter();
    consumed
        .map(|(partition, position)| {
            let committed = committed(position.offset, position.offset_epoch);
            (partition, committed)
        })
        .collect()
}

fn committed(offset: i64, leader_epoch: i32) -> CommittedOffset {
    CommittedOffset {
        offset,
        leader_epoch,
        metadata: "".into(),
    }
}
