//! Reading a partition: for consumers, for followers (whose fetches acknowledge), and for those who ask
//! where offsets and epochs lie (class `Partition`; rules F1, F3, F6, E4, E6, E11, I1, I2, HW9).
//!
//! May not know whether a follower has written what it was sent, before it asks for more.

use super::Partition;
use crate::broker::outbox::Env;
use crate::kernel::Disk;
use crate::log::{Records, UnifiedLog};
use crate::protocol::rules::{ConsumerReads, ReplicaFencing, Truncation};
use crate::protocol::{
    AbortedTransaction, BrokerId, CONSUMER_REPLICA_ID, EARLIEST_TIMESTAMP, EpochEndOffset,
    ErrorCode, FetchPartition, LATEST_TIMESTAMP, MAX_TIMESTAMP, UNKNOWN_EPOCH,
};

/// What a read of a partition gives.
#[derive(Debug)]
pub(crate) struct ReadInfo {
    pub(crate) records: Records,
    /// What counts as fetched from: the log end where nothing is left to return, since it was compacted away.
    pub(crate) fetch_offset: i64,
    pub(crate) diverging_epoch: Option<EpochEndOffset>,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
    /// CC18: for who reads what is committed.
    pub(crate) aborted_transactions: Option<Vec<AbortedTransaction>>,
    pub(crate) log_start_offset: i64,
    /// A follower's fetch moved the high watermark.
    pub(crate) high_watermark_moved: bool,
    /// Where a consumer had better read; then there are no records.
    pub(crate) preferred_read_replica: Option<BrokerId>,
}

/// How much of a fetch is to be read, and for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadRequest {
    /// `CONSUMER_REPLICA_ID` or a follower.
    pub(crate) replica: BrokerId,
    pub(crate) read_committed: bool,
    pub(crate) max_bytes: u32,
    pub(crate) min_one_message: bool,
    /// The first read of a fetch updates the follower's state, later ones do not (I2).
    pub(crate) update_fetch_state: bool,
}

/// What a parked fetch would find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Available {
    /// Answer at once, whatever there is (F3).
    CompleteNow,
    Bytes(u64),
}

/// What follows from what a follower's fetch acknowledges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    Nothing,
    /// The follower may join the ISR.
    IsrExpansion,
    /// The high watermark may move.
    HighWatermark,
}

/// The answer to a ListOffsets question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FoundOffset {
    pub(crate) timestamp: i64,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
}

impl Partition {
    /// E11, CC27: epochs that differ fence each other.
    fn check_current_leader_epoch(&self, remote: i32) -> Result<(), ErrorCode> {
        if self.rules.replica_fencing == ReplicaFencing::Off {
            return Ok(());
        }
        if remote == UNKNOWN_EPOCH || remote == self.leader_epoch {
            Ok(())
        } else if remote < self.leader_epoch {
            Err(ErrorCode::FencedLeaderEpoch)
        } else {
            Err(ErrorCode::UnknownLeaderEpoch)
        }
    }

    pub(super) fn local_log(
        &self,
        current_leader_epoch: i32,
        require_leader: bool,
    ) -> Result<&UnifiedLog, ErrorCode> {
        self.check_current_leader_epoch(current_leader_epoch)?;
        if require_leader && !self.is_leader() {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        self.log.as_ref().ok_or(ErrorCode::NotLeaderOrFollower)
    }

    /// F1, E6, I1: reads for a consumer or a follower. A follower must be one of the replicas; its
    /// fetch is its acknowledgement of all below.
    pub(crate) fn fetch_records(
        &mut self,
        env: &mut Env<'_>,
        fetch: &FetchPartition,
        request: ReadRequest,
    ) -> Result<ReadInfo, ErrorCode> {
        let from_follower = request.replica != CONSUMER_REPLICA_ID;
        self.local_log(fetch.current_leader_epoch, from_follower)?;
        let replica = if from_follower {
            Some(
                self.remote_replicas
                    .iter()
                    .position(|replica| replica.broker == request.replica)
                    .ok_or(if fetch.current_leader_epoch == UNKNOWN_EPOCH {
                        ErrorCode::NotLeaderOrFollower
                    } else {
                        ErrorCode::UnknownLeaderEpoch
                    })?,
            )
        } else {
            None
        };
        let mut read = self.read_records(env, fetch, request)?;
        if let Some(at) = replica
            && request.update_fetch_state
            && read.diverging_epoch.is_none()
        {
            read.high_watermark_moved = self.update_follower_fetch_state(
                env,
                at,
                read.fetch_offset,
                fetch.log_start_offset,
            );
        }
        Ok(read)
    }

    /// LK3: what this fetch would lead to once it is noted.
    pub(crate) fn due_after_fetch(
        &self,
        env: &Env<'_>,
        fetch: &FetchPartition,
        broker: BrokerId,
    ) -> Due {
        let replica = self.remote_replicas.iter().find(|it| it.broker == broker);
        let (Some(replica), Ok(log)) = (replica, self.local_log(fetch.current_leader_epoch, true))
        else {
            return Due::Nothing;
        };
        let offset = fetch.fetch_offset;
        let epoch = fetch.last_fetched_epoch;
        if !(log.log_start_offset()..=log.log_end_offset()).contains(&offset)
            || (epoch != UNKNOWN_EPOCH && self.diverges(end_offset_for_epoch(log, epoch), fetch))
        {
            Due::Nothing
        } else if self.may_join(env, broker, offset) {
            Due::IsrExpansion
        } else if replica.log_end_offset != offset {
            Due::HighWatermark
        } else {
            Due::Nothing
        }
    }

    /// LK3: notes what a follower has, and leaves what follows from it for later: whether the high
    /// watermark is concerned.
    pub(crate) fn note_fetch(
        &mut self,
        now_ms: i64,
        fetch: &FetchPartition,
        broker: BrokerId,
    ) -> bool {
        let (Some(log), Some(replica)) = (
            &self.log,
            self.remote_replicas
                .iter_mut()
                .find(|it| it.broker == broker),
        ) else {
            return false;
        };
        let before = replica.log_end_offset;
        replica.update_fetch_state(
            fetch.fetch_offset,
            fetch.log_start_offset,
            now_ms,
            log.log_end_offset(),
        );
        before != fetch.fetch_offset
    }

    fn read_records(
        &mut self,
        env: &mut Env<'_>,
        fetch: &FetchPartition,
        request: ReadRequest,
    ) -> Result<ReadInfo, ErrorCode> {
        let log = self.log.as_ref().ok_or(ErrorCode::NotLeaderOrFollower)?;
        let mut read = ReadInfo {
            records: Records::empty(),
            fetch_offset: fetch.fetch_offset,
            diverging_epoch: None,
            high_watermark: log.high_watermark(),
            last_stable_offset: log.last_stable_offset(),
            aborted_transactions: None,
            log_start_offset: log.log_start_offset(),
            high_watermark_moved: false,
            preferred_read_replica: None,
        };
        if fetch.last_fetched_epoch != UNKNOWN_EPOCH {
            let end = end_offset_for_epoch(log, fetch.last_fetched_epoch);
            let unknown = end.epoch < 0 || end.end_offset < 0;
            if unknown && self.rules.truncation.asks_once() {
                read.diverging_epoch = Some(end);
                return Ok(read);
            }
            if unknown || fetch.fetch_offset < read.log_start_offset {
                return Err(ErrorCode::OffsetOutOfRange);
            }
            if self.diverges(end, fetch) {
                read.diverging_epoch = Some(end);
                return Ok(read);
            }
        }
        let upper_bound = self.upper_bound(log, request.replica, request.read_committed);
        let data = log
            .read(
                env.disk,
                fetch.fetch_offset,
                request.max_bytes,
                upper_bound,
                request.min_one_message,
            )
            .map_err(|error| env.out.log_error(&error))?;
        if request.read_committed && request.replica == CONSUMER_REPLICA_ID {
            let aborted = log.aborted_transactions_in(&data).into_iter();
            let aborted = aborted.map(|txn| AbortedTransaction {
                producer_id: txn.producer_id,
                first_offset: txn.first_offset,
            });
            read.aborted_transactions = Some(aborted.collect());
        }
        read.fetch_offset = data.fetch_offset_metadata.message_offset;
        read.records = data.records;
        Ok(read)
    }

    /// What happens once a follower has acknowledged: I1, I5, HW4. Whether the high watermark moved.
    fn update_follower_fetch_state(
        &mut self,
        env: &mut Env<'_>,
        at: usize,
        fetch_offset: i64,
        log_start_offset: i64,
    ) -> bool {
        let Some(log) = &self.log else {
            return false;
        };
        // What lies past the end is out of range, and was refused when it was read.
        assert!(
            (0..=log.log_end_offset()).contains(&fetch_offset),
            "{}: a follower has up to {fetch_offset}, and the leader up to {}",
            self.name,
            log.log_end_offset()
        );
        let replica = &mut self.remote_replicas[at];
        let before = replica.log_end_offset;
        replica.update_fetch_state(
            fetch_offset,
            log_start_offset,
            env.now_ms,
            log.log_end_offset(),
        );
        self.maybe_expand_isr(env, at);
        before != fetch_offset && self.maybe_increment_leader_high_watermark(env)
    }

    /// F3: what a parked fetch of this partition would find now.
    pub(crate) fn available(
        &self,
        disk: &mut Disk,
        fetch: &FetchPartition,
        replica: BrokerId,
        read_committed: bool,
        min_bytes: u64,
    ) -> Available {
        let from_follower = replica != CONSUMER_REPLICA_ID;
        let Ok(log) = self.local_log(fetch.current_leader_epoch, from_follower) else {
            return Available::CompleteNow;
        };
        let end = self.upper_bound(log, replica, read_committed);
        if fetch.fetch_offset > end {
            return Available::CompleteNow;
        }
        if fetch.last_fetched_epoch != UNKNOWN_EPOCH {
            let end = end_offset_for_epoch(log, fetch.last_fetched_epoch);
            if end.epoch < 0 || end.end_offset < 0 || self.diverges(end, fetch) {
                return Available::CompleteNow;
            }
        }
        if fetch.fetch_offset == end {
            Available::Bytes(0)
        } else if min_bytes <= 1 {
            Available::Bytes(1)
        } else {
            let max_bytes = u32::try_from(fetch.max_bytes).unwrap_or(0);
            match log.read(disk, fetch.fetch_offset, max_bytes, end, true) {
                Ok(data)
                    if data.fetch_offset_metadata.segment_base_offset
                        == log.log_end_offset_metadata().segment_base_offset =>
                {
                    Available::Bytes(data.records.size_in_bytes())
                }
                // On an older segment, or out of range: whatever is there is answered.
                _ => Available::CompleteNow,
            }
        }
    }

    /// E4, for a client; only a leader answers.
    pub(crate) fn end_offset_of(
        &self,
        current_leader_epoch: i32,
        epoch: i32,
    ) -> Result<EpochEndOffset, ErrorCode> {
        let log = self.local_log(current_leader_epoch, true)?;
        Ok(end_offset_for_epoch(log, epoch))
    }

    /// ListOffsets: HW9 for clients (`isolation_level` given), E11.
    pub(crate) fn fetch_offset_for_timestamp(
        &self,
        env: &mut Env<'_>,
        timestamp: i64,
        isolation_level: Option<i8>,
        current_leader_epoch: i32,
    ) -> Result<Option<FoundOffset>, ErrorCode> {
        let log = self.local_log(current_leader_epoch, true)?;
        let last_fetchable = match isolation_level {
            Some(1) => log.last_stable_offset(),
            Some(_) => log.high_watermark(),
            None => log.log_end_offset(),
        };
        let lagging = isolation_level.is_some()
            && self
                .leader_epoch_start_offset
                .is_some_and(|start| start > log.high_watermark());
        let found = match timestamp {
            LATEST_TIMESTAMP if lagging => return Err(ErrorCode::OffsetNotAvailable),
            LATEST_TIMESTAMP => {
                return Ok(Some(FoundOffset {
                    timestamp: -1,
                    offset: last_fetchable,
                    leader_epoch: self.leader_epoch,
                }));
            }
            EARLIEST_TIMESTAMP => {
                let start = log.log_start_offset();
                return Ok(Some(FoundOffset {
                    timestamp: -1,
                    offset: start,
                    leader_epoch: log
                        .leader_epochs()
                        .first()
                        .filter(|entry| entry.start_offset <= start)
                        .map_or(UNKNOWN_EPOCH, |entry| entry.epoch),
                }));
            }
            MAX_TIMESTAMP => log.offset_of_max_timestamp(env.disk),
            _ => log.offset_for_timestamp(env.disk, timestamp),
        };
        let found = found
            .map_err(|error| env.out.log_error(&error))?
            .filter(|found| found.offset < last_fetchable)
            .map(|found| FoundOffset {
                timestamp: found.timestamp,
                offset: found.offset,
                leader_epoch: found.leader_epoch,
            });
        match found {
            None if lagging => Err(ErrorCode::OffsetNotAvailable),
            found => Ok(found),
        }
    }

    /// F1.
    fn upper_bound(&self, log: &UnifiedLog, replica: BrokerId, read_committed: bool) -> i64 {
        let consumers_wait = self.rules.consumer_reads == ConsumerReads::HighWatermark;
        if replica != CONSUMER_REPLICA_ID || !consumers_wait {
            log.log_end_offset()
        } else if read_committed {
            log.last_stable_offset()
        } else {
            log.high_watermark()
        }
    }

    /// E6.
    fn diverges(&self, end: EpochEndOffset, fetch: &FetchPartition) -> bool {
        let says_which_epoch = self.rules.truncation != Truncation::EpochKip101;
        (says_which_epoch && end.epoch < fetch.last_fetched_epoch)
            || end.end_offset < fetch.fetch_offset
    }
}

/// E4, in the words of the protocol.
fn end_offset_for_epoch(log: &UnifiedLog, epoch: i32) -> EpochEndOffset {
    let end = log.end_offset_for_epoch(epoch);
    EpochEndOffset {
        epoch: end.epoch,
        end_offset: end.end_offset,
    }
}
