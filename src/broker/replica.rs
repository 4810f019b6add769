//! What a leader knows of one of its followers, all of it from the follower's fetches (class
//! `Replica`; rules I1 to I4).
//!
//! May not know the follower's log: what it asks for is all that is known of it, a round late.

use crate::protocol::BrokerId;

/// Log end of a follower that has not fetched in this leadership.
pub(crate) const UNKNOWN_OFFSET: i64 = -1;

/// A remote replica. Times are the leader's wall clock in milliseconds; 0 stands for never, so that
/// clock must be far from 0 (I4).
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    pub(crate) broker: BrokerId,
    /// The offset of its last fetch: one round late (I1).
    pub(crate) log_end_offset: i64,
    pub(crate) log_start_offset: i64,
    last_fetch_leader_log_end_offset: i64,
    last_fetch_time_ms: i64,
    last_caught_up_time_ms: i64,
}

impl Replica {
    pub(crate) fn new(broker: BrokerId) -> Self {
        Replica {
            broker,
            log_end_offset: UNKNOWN_OFFSET,
            log_start_offset: UNKNOWN_OFFSET,
            last_fetch_leader_log_end_offset: 0,
            last_fetch_time_ms: 0,
            last_caught_up_time_ms: 0,
        }
    }

    /// When it had all that there was.
    pub(crate) fn last_caught_up_time_ms(&self) -> i64 {
        self.last_caught_up_time_ms
    }

    /// I1: it has fetched from `fetch_offset` at `now_ms`, when the leader's log ended at
    /// `leader_log_end_offset`.
    pub(crate) fn update_fetch_state(
        &mut self,
        fetch_offset: i64,
        log_start_offset: i64,
        now_ms: i64,
        leader_log_end_offset: i64,
    ) {
        let caught_up = if fetch_offset >= leader_log_end_offset {
            now_ms
        } else if fetch_offset >= self.last_fetch_leader_log_end_offset {
            self.last_fetch_time_ms
        } else {
            self.last_caught_up_time_ms
        };
        self.last_caught_up_time_ms = self.last_caught_up_time_ms.max(caught_up);
        self.log_end_offset = fetch_offset;
        self.log_start_offset = log_start_offset;
        self.last_fetch_leader_log_end_offset = self
            .last_fetch_leader_log_end_offset
            .max(leader_log_end_offset);
        self.last_fetch_time_ms = now_ms;
    }

    /// I4: a new leader epoch begins at `leader_log_end_offset`; `new_leader`: this broker did not
    /// lead before it.
    pub(crate) fn reset(
        &mut self,
        now_ms: i64,
        leader_log_end_offset: i64,
        new_leader: bool,
        in_sync: bool,
    ) {
        let time = if in_sync { now_ms } else { 0 };
        self.last_caught_up_time_ms = time;
        if new_leader {
            self.log_start_offset = UNKNOWN_OFFSET;
            self.log_end_offset = UNKNOWN_OFFSET;
            self.last_fetch_leader_log_end_offset = UNKNOWN_OFFSET;
            self.last_fetch_time_ms = 0;
        } else {
            self.last_fetch_leader_log_end_offset = leader_log_end_offset;
            self.last_fetch_time_ms = time;
        }
    }

    /// I3.
    pub(crate) fn is_caught_up(
        &self,
        leader_log_end_offset: i64,
        now_ms: i64,
        max_lag_ms: i64,
    ) -> bool {
        leader_log_end_offset == self.log_end_offset
            || now_ms.saturating_sub(self.last_caught_up_time_ms) <= max_lag_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: i64 = 1000;

    #[test]
    fn i1_a_follower_is_caught_up_as_of_the_last_moment_at_which_it_had_all() {
        let mut replica = Replica::new(2);
        replica.reset(10_000, 5, true, false);
        assert_eq!(replica.log_end_offset, UNKNOWN_OFFSET);

        // At the leader's end: caught up now.
        replica.update_fetch_state(5, 0, 11_000, 5);
        assert_eq!(replica.last_caught_up_time_ms, 11_000);
        // Behind, but at what was the end when it fetched last: caught up as of then.
        replica.update_fetch_state(5, 0, 12_000, 9);
        assert_eq!(replica.last_caught_up_time_ms, 11_000);
        replica.update_fetch_state(9, 0, 13_000, 12);
        assert_eq!(replica.last_caught_up_time_ms, 12_000);
        // Behind even that: never decreases.
        replica.update_fetch_state(10, 0, 14_000, 20);
        assert_eq!(replica.last_caught_up_time_ms, 12_000);
        assert_eq!(replica.log_end_offset, 10);
    }

    #[test]
    fn i3_caught_up_is_the_leaders_end_or_recent_enough() {
        let mut replica = Replica::new(2);
        replica.reset(10_000, 0, true, true);
        assert!(replica.is_caught_up(5, 10_000 + LAG, LAG));
        assert!(!replica.is_caught_up(5, 10_001 + LAG, LAG));
        replica.update_fetch_state(5, 0, 10_500, 5);
        assert!(
            replica.is_caught_up(5, 99_000, LAG),
            "an idle follower at the end stays in sync"
        );
        assert!(!replica.is_caught_up(6, 99_000, LAG));
    }

    #[test]
    fn i4_a_new_leader_knows_no_ends_a_reelected_one_keeps_them() {
        let mut replica = Replica::new(2);
        replica.update_fetch_state(7, 3, 10_000, 7);
        replica.reset(20_000, 9, false, true);
        assert_eq!(replica.log_end_offset, 7);
        assert!(replica.is_caught_up(9, 20_000 + LAG, LAG));
        replica.reset(30_000, 9, false, false);
        assert!(
            !replica.is_caught_up(9, 30_000, LAG),
            "out of the ISR: never caught up"
        );
        replica.reset(30_000, 9, true, true);
        assert_eq!(replica.log_end_offset, UNKNOWN_OFFSET);
    }
}
