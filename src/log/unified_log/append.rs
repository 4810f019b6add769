//! Appending to a log as leader or follower (L1, L3, D1 to D4).

use super::{LogAppendInfo, UnifiedLog};
use crate::kernel::disk::Disk;
use crate::log::batch::{RecordBatch, Records, TimestampType};
use crate::log::log_segment::Append;
use crate::log::log_validator::validate_and_assign_offsets;
use crate::log::{AbortedTxn, AppendOrigin, CompletedTxn, LogError, ProducerStateEntry};
use std::collections::BTreeMap;

impl UnifiedLog {
    /// Appends a client's batches: validates them, gives them offsets and the leader epoch.
    pub fn append_as_leader(
        &mut self,
        disk: &mut Disk,
        records: &Records,
        leader_epoch: i32,
        now_ms: i64,
    ) -> Result<LogAppendInfo, LogError> {
        self.append_as_leader_from(disk, records, leader_epoch, now_ms, AppendOrigin::Client)
    }

    /// Like `append_as_leader`, for what the broker itself writes too.
    pub fn append_as_leader_from(
        &mut self,
        disk: &mut Disk,
        records: &Records,
        leader_epoch: i32,
        now_ms: i64,
        origin: AppendOrigin,
    ) -> Result<LogAppendInfo, LogError> {
        self.clock_ms = now_ms;
        for batch in records.batches() {
            if origin == AppendOrigin::Client && batch.base_offset() != 0 {
                return Err(LogError::InvalidRecord(format!(
                    "the base offset of a producer's batch must be 0, not {}",
                    batch.base_offset()
                )));
            }
            let limit = u64::from(self.config.max_message_bytes);
            if batch.size() > limit {
                return Err(LogError::RecordTooLarge {
                    size: batch.size(),
                    limit,
                });
            }
            batch.ensure_valid()?;
        }
        let batches = validate_and_assign_offsets(
            records,
            &self.config,
            self.log_end_offset,
            leader_epoch,
            now_ms,
            origin,
        )?;
        self.append(disk, &batches, origin)
    }

    /// Appends a leader's batches with their offsets, epochs and bytes as they are.
    pub fn append_as_follower(
        &mut self,
        disk: &mut Disk,
        records: &Records,
        now_ms: i64,
    ) -> Result<LogAppendInfo, LogError> {
        self.clock_ms = now_ms;
        let mut last_offset = None;
        for batch in records.batches() {
            batch.ensure_valid()?;
            if let Some(last_offset) = last_offset.filter(|last| *last >= batch.last_offset()) {
                return Err(LogError::OffsetsOutOfOrder {
                    last_offset,
                    next_last_offset: batch.last_offset(),
                });
            }
            last_offset = Some(batch.last_offset());
        }
        if let Some(first_offset) = records.first_offset()
            && first_offset < self.log_end_offset
        {
            return Err(LogError::UnexpectedAppendOffset {
                first_offset,
                last_offset: last_offset.unwrap_or(first_offset),
                log_end_offset: self.log_end_offset,
            });
        }
        self.append(disk, records.batches(), AppendOrigin::Replication)
    }

    fn append(
        &mut self,
        disk: &mut Disk,
        batches: &[RecordBatch],
        origin: AppendOrigin,
    ) -> Result<LogAppendInfo, LogError> {
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else {
            return Ok(self.nothing_appended());
        };
        let (first_offset, last_offset) = (first.base_offset(), last.last_offset());
        assert!(
            self.log_end_offset <= first_offset && first_offset <= last_offset,
            "{}: {first_offset} to {last_offset} are to be appended to a log that ends at {}",
            self.dir,
            self.log_end_offset
        );
        self.producers.assert_at(self.log_end_offset);
        let mut append = Append {
            size: 0,
            last_offset,
            max_timestamp: -1,
            offset_of_max_timestamp: -1,
        };
        for batch in batches {
            append.size += batch.size();
            if batch.max_timestamp() > append.max_timestamp {
                append.max_timestamp = batch.max_timestamp();
                append.offset_of_max_timestamp = batch.last_offset();
            }
            if batch.is_legacy() {
                // OF4: epochs are not known of what does not say them.
                if !self.epochs.entries().is_empty() {
                    self.epochs.clear(disk)?;
                }
                continue;
            }
            self.epochs
                .assign(disk, batch.partition_leader_epoch(), batch.base_offset())?;
        }
        let limit = u64::from(self.config.segment_bytes);
        if append.size > limit {
            return Err(LogError::RecordBatchTooLarge {
                size: append.size,
                limit,
            });
        }
        self.maybe_roll(disk, &append, first_offset)?;

        let completed = match self.analyze_producers(batches, origin)? {
            Producers::Duplicate(info) => return Ok(info),
            Producers::New { completed } => completed,
        };
        let now_ms = self.clock_ms;
        let active = self.segments.active_mut();
        active.append(disk, &self.config, &append, batches, now_ms)?;
        self.log_end_offset = last_offset + 1;
        for info in self.updates.drain(..) {
            self.producers.update(info);
        }
        for completed in completed {
            let last_stable_offset = self.producers.last_stable_offset(&completed);
            if completed.is_aborted {
                let txn = AbortedTxn::new(&completed, last_stable_offset);
                self.segments.active_mut().append_aborted_txn(disk, txn)?;
            }
            self.producers.complete_txn(&completed);
        }
        self.producers.update_map_end_offset(self.log_end_offset);
        if self.unflushed_messages() >= self.config.flush_messages {
            self.flush(disk)?;
        }
        let by_append_time = first.timestamp_type() == TimestampType::LogAppendTime;
        Ok(LogAppendInfo {
            first_offset,
            last_offset,
            log_append_time: if by_append_time {
                append.max_timestamp
            } else {
                -1
            },
            log_start_offset: self.log_start_offset,
            max_timestamp: append.max_timestamp,
            size_in_bytes: append.size,
            duplicate: false,
        })
    }

    fn nothing_appended(&self) -> LogAppendInfo {
        LogAppendInfo {
            first_offset: -1,
            last_offset: -1,
            log_append_time: -1,
            log_start_offset: self.log_start_offset,
            max_timestamp: -1,
            size_in_bytes: 0,
            duplicate: false,
        }
    }

    /// D1 to D4, D18, CP52, CP54: what these batches make of their producers, once they are written.
    fn analyze_producers(
        &mut self,
        batches: &[RecordBatch],
        origin: AppendOrigin,
    ) -> Result<Producers, LogError> {
        let origin = match self.config.rules.sequence_check {
            true => origin,
            false => AppendOrigin::Replication,
        };
        let updates = &mut self.updates;
        updates.clear();
        let mut completed = Vec::new();
        for batch in batches.iter().filter(|batch| batch.producer_id() >= 0) {
            let producer_id = batch.producer_id();
            if origin == AppendOrigin::Client
                && let Some(known) = self.producers.producers().get(&producer_id)
                && let Some(duplicate) = known.find_duplicate(batch)
            {
                return Ok(Producers::Duplicate(LogAppendInfo {
                    first_offset: duplicate.first_offset(),
                    last_offset: duplicate.last_offset,
                    log_append_time: duplicate.timestamp,
                    duplicate: true,
                    ..self.nothing_appended()
                }));
            }
            let place = updates.iter().rposition(|it| it.producer_id == producer_id);
            let place = place.unwrap_or_else(|| {
                updates.push(self.producers.prepare_update(producer_id, origin));
                updates.len() - 1
            });
            completed.extend(updates[place].append(batch)?);
        }
        Ok(Producers::New { completed })
    }

    /// What is known of the producers that wrote here, by producer id.
    pub fn active_producers(&self) -> &BTreeMap<i64, ProducerStateEntry> {
        self.producers.producers()
    }

    /// CP50: forgets producers that have been silent for `producer.id.expiration.ms`, and says which.
    pub fn remove_expired_producers(&mut self, now_ms: i64) -> Vec<i64> {
        self.clock_ms = now_ms;
        self.producers.remove_expired(now_ms)
    }
}

/// What an append would do to producers.
enum Producers {
    Duplicate(LogAppendInfo),
    /// Beside what is in `updates`.
    New {
        completed: Vec<CompletedTxn>,
    },
}
