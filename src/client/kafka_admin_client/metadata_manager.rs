//! When the administrator asks who the brokers and the controller are (class AdminMetadataManager):
//! at first, every `metadata.max.age.ms`, and when something hints that the picture is stale, but no
//! sooner than `retry.backoff.ms` after the time before.

use crate::kernel::{Duration, Time};
use crate::protocol::config::CommonConfig;

#[derive(Debug)]
pub(super) struct AdminMetadataManager {
    expire: Duration,
    backoff: Duration,
    state: State,
    last_update: Option<Time>,
    last_attempt: Option<Time>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Quiescent,
    UpdateRequested,
    /// A question is under way: whatever hints that the picture is stale hints at nothing new.
    UpdatePending,
}

impl AdminMetadataManager {
    pub(super) fn new(config: &CommonConfig) -> AdminMetadataManager {
        AdminMetadataManager {
            expire: Duration::from_millis(config.metadata_max_age_ms),
            backoff: Duration::from_millis(config.retry_backoff_ms),
            state: State::Quiescent,
            last_update: None,
            last_attempt: None,
        }
    }

    pub(super) fn request_update(&mut self) {
        if self.state == State::Quiescent {
            self.state = State::UpdateRequested;
        }
    }

    /// When to ask; never while an answer is awaited (`metadataFetchDelayMs`).
    pub(super) fn fetch_at(&self) -> Time {
        let after = |last: Option<Time>, pause| last.map_or(Time::ZERO, |last| last + pause);
        let attempt = after(self.last_attempt, self.backoff);
        match self.state {
            State::Quiescent => attempt.max(after(self.last_update, self.expire)),
            State::UpdateRequested => attempt,
            State::UpdatePending => Time::MAX,
        }
    }

    pub(super) fn transition_to_update_pending(&mut self, now: Time) {
        self.state = State::UpdatePending;
        self.last_attempt = Some(now);
    }

    pub(super) fn update(&mut self, now: Time) {
        self.state = State::Quiescent;
        self.last_update = Some(now);
    }

    /// The picture is the bootstrap list again; nothing has been learned.
    pub(super) fn rebootstrap(&mut self) {
        self.state = State::Quiescent;
    }

    /// Calls that wait ask for the next attempt.
    pub(super) fn update_failed(&mut self) {
        self.state = State::Quiescent;
    }
}
