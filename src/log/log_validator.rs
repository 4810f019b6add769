//! What a leader checks in a batch and changes in its header before it appends it (class LogValidator;
//! L1, E1).

use crate::log::batch::{RecordBatch, Records, TimestampType, scan_records};
use crate::log::{CleanupPolicy, LogConfig, LogError};

/// Who wrote what is appended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AppendOrigin {
    /// A leader, whose batches are taken as they are.
    Replication,
    /// The broker's own coordinators: transaction markers, committed offsets.
    Coordinator,
    Client,
}

/// The batches with their offsets from `next_offset` on and the leader's epoch. Their bytes are shared
/// unless a timestamp in the header has to change.
pub(crate) fn validate_and_assign_offsets(
    records: &Records,
    config: &LogConfig,
    mut next_offset: i64,
    leader_epoch: i32,
    now_ms: i64,
    origin: AppendOrigin,
) -> Result<Vec<RecordBatch>, LogError> {
    let mut batches = Vec::with_capacity(records.batches().len());
    for batch in records.batches() {
        if origin == AppendOrigin::Client {
            validate_client_batch(batch)?;
        }
        let max_timestamp = validate_records(batch, config, now_ms)?;
        next_offset += i64::from(batch.records_count());
        let base_offset = next_offset - 1 - i64::from(batch.last_offset_delta());
        let assigned = batch.with_offset_and_epoch(base_offset, leader_epoch);
        batches.push(match config.message_timestamp_type {
            TimestampType::LogAppendTime => assigned.with_append_time(now_ms),
            TimestampType::CreateTime if batch.max_timestamp() != max_timestamp => {
                assigned.with_max_timestamp(max_timestamp)
            }
            TimestampType::CreateTime => assigned,
        });
    }
    Ok(batches)
}

fn validate_client_batch(batch: &RecordBatch) -> Result<(), LogError> {
    let refuse = |problem: String| Err(LogError::InvalidRecord(problem));
    let (base, last, count) = (
        batch.base_offset(),
        batch.last_offset(),
        batch.records_count(),
    );
    if last < base {
        return refuse(format!("a batch has the offsets {base} to {last}"));
    }
    if count <= 0 {
        return refuse(format!("a batch says that it has {count} records"));
    }
    if last - base + 1 != i64::from(count) {
        return refuse(format!(
            "a batch has the offsets {base} to {last}, but {count} records"
        ));
    }
    if batch.is_control() {
        return refuse("clients may not write control records".to_owned());
    }
    if batch.producer_id() >= 0 && batch.base_sequence() < 0 {
        let (sequence, producer) = (batch.base_sequence(), batch.producer_id());
        return refuse(format!(
            "a batch of producer {producer} has the sequence number {sequence}"
        ));
    }
    Ok(())
}

/// Reads every record; the largest timestamp, -1 if none has one.
fn validate_records(batch: &RecordBatch, config: &LogConfig, now_ms: i64) -> Result<i64, LogError> {
    let create_time = config.message_timestamp_type == TimestampType::CreateTime;
    if create_time && batch.timestamp_type() == TimestampType::LogAppendTime {
        return Err(LogError::InvalidTimestamp {
            timestamp: batch.max_timestamp(),
            now_ms,
        });
    }
    let keys_needed = config.cleanup_policy != CleanupPolicy::Delete;
    let (mut max_timestamp, mut bad_timestamp, mut keyless) = (-1, None, false);
    scan_records(batch, |record| {
        max_timestamp = max_timestamp.max(record.timestamp);
        if create_time && record.timestamp != -1 {
            let age = now_ms.saturating_sub(record.timestamp);
            if age > config.message_timestamp_before_max_ms
                || age.saturating_neg() > config.message_timestamp_after_max_ms
            {
                bad_timestamp.get_or_insert(record.timestamp);
            }
        }
        keyless |= !record.has_key;
    })?;
    if let Some(timestamp) = bad_timestamp {
        return Err(LogError::InvalidTimestamp { timestamp, now_ms });
    }
    if keys_needed && keyless {
        return Err(LogError::InvalidRecord(
            "a compacted topic takes no record without a key".to_owned(),
        ));
    }
    Ok(max_timestamp)
}
