//! What a leader checks in a batch and changes in its header before it appends it (class LogValidator;
//! L1, E1, CM1).
//!
//! May not know the log that the batches go to.

use crate::log::batch::{
    BatchBuilder, BatchProblem, Batches, CompressionType, CorruptBatch, Record, RecordBatch,
    Records, TimestampType, scan_records, summarize,
};
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
/// unless a timestamp in the header has to change, or the topic wants another compression.
pub(crate) fn validate_and_assign_offsets(
    records: &Records,
    config: &LogConfig,
    mut next_offset: i64,
    leader_epoch: i32,
    now_ms: i64,
    origin: AppendOrigin,
) -> Result<Batches, LogError> {
    let count = records.batches().len();
    if origin == AppendOrigin::Client && count > 1 {
        return Err(LogError::InvalidRecord(format!(
            "a producer sends one batch to a partition at a time, not {count}"
        )));
    }
    let mut batches = Batches::None;
    for batch in records.batches() {
        if origin == AppendOrigin::Client {
            validate_client_batch(batch)?;
        }
        let source = compression_of(batch)?;
        let target = config.compression_type.unwrap_or(source);
        let validated = validate_records(batch, config, now_ms)?;
        let in_place = source == target && (validated.offsets_rise_from_0 || source.id() == 0);
        let assigned = if in_place {
            let last_offset = next_offset - 1 + i64::from(batch.records_count());
            let base_offset = last_offset - i64::from(batch.last_offset_delta());
            let assigned = batch.with_offset_and_epoch(base_offset, leader_epoch);
            match config.message_timestamp_type {
                TimestampType::LogAppendTime => assigned.with_append_time(now_ms),
                TimestampType::CreateTime if validated.header_agrees => assigned,
                TimestampType::CreateTime => assigned.with_create_time(validated.max_timestamp),
            }
        } else {
            rebuild(batch, target, config, next_offset, leader_epoch, now_ms)?
        };
        next_offset += i64::from(batch.records_count());
        batches.push(assigned);
    }
    Ok(batches)
}

fn compression_of(batch: &RecordBatch) -> Result<CompressionType, LogError> {
    CompressionType::from_id(batch.codec()).ok_or_else(|| {
        LogError::InvalidRecord(format!("compression codec {} is unknown", batch.codec()))
    })
}

/// The same records in a batch of their own, packed as the topic wants it.
fn rebuild(
    batch: &RecordBatch,
    target: CompressionType,
    config: &LogConfig,
    next_offset: i64,
    leader_epoch: i32,
    now_ms: i64,
) -> Result<RecordBatch, LogError> {
    let mut builder = BatchBuilder::new()
        .base_offset(next_offset)
        .leader_epoch(leader_epoch)
        .producer(
            batch.producer_id(),
            batch.producer_epoch(),
            batch.base_sequence(),
        )
        .compression(target);
    if batch.is_transactional() {
        builder = builder.transactional();
    }
    if batch.is_control() {
        builder = builder.control();
    }
    if config.message_timestamp_type == TimestampType::LogAppendTime {
        builder = builder.append_time(now_ms);
    }
    for (offset, record) in (next_offset..).zip(batch.records()) {
        let record = record?;
        builder.append_record(&Record { offset, ..record });
    }
    let rebuilt = builder.build();
    let (size, limit) = (rebuilt.size(), u64::from(config.max_message_bytes));
    if size > limit {
        return Err(LogError::RecordTooLarge { size, limit });
    }
    Ok(rebuilt)
}

fn validate_client_batch(batch: &RecordBatch) -> Result<(), LogError> {
    let refuse = |problem: String| Err(LogError::InvalidRecord(problem));
    if batch.is_legacy() {
        let magic = batch.magic();
        return refuse(format!("a producer's batch has the old format {magic}"));
    }
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

/// What reading every record told.
struct Validated {
    /// -1 if no record has one.
    max_timestamp: i64,
    /// The header says the largest timestamp, and that the records have their own.
    header_agrees: bool,
    offsets_rise_from_0: bool,
}

fn validate_records(
    batch: &RecordBatch,
    config: &LogConfig,
    now_ms: i64,
) -> Result<Validated, LogError> {
    let create_time = config.message_timestamp_type == TimestampType::CreateTime;
    let append_time_batch = batch.timestamp_type() == TimestampType::LogAppendTime;
    let summary = summarize(batch).map_err(malformed)?;
    let (min_timestamp, max_timestamp) = (summary.min_timestamp, summary.max_timestamp);
    let timeless = min_timestamp <= -1;
    let out_of_range = |timestamp: i64| {
        let age = now_ms.saturating_sub(timestamp);
        timestamp != -1
            && (age > config.message_timestamp_before_max_ms
                || age.saturating_neg() > config.message_timestamp_after_max_ms)
    };
    let may_be_late =
        create_time && (timeless || out_of_range(max_timestamp) || out_of_range(min_timestamp));
    let wants_keys = config.cleanup_policy != CleanupPolicy::Delete;
    // Which records it is, or whether it is one at all, is looked for only then.
    if may_be_late || (wants_keys && !summary.all_have_keys) {
        let (mut records, mut timestamp, mut number) = (Vec::new(), None, 0);
        scan_records(batch, |record| {
            if wants_keys && !record.has_key {
                records.push(number);
            } else if create_time && out_of_range(record.timestamp) {
                timestamp = timestamp.or(Some(record.timestamp));
                records.push(number);
            }
            number += 1;
        })
        .map_err(malformed)?;
        match timestamp {
            Some(timestamp) => {
                return Err(LogError::InvalidTimestamp {
                    timestamp,
                    now_ms,
                    records,
                });
            }
            None if !records.is_empty() => return Err(LogError::WithoutKey { records }),
            None => {}
        }
    }
    if append_time_batch && (max_timestamp == -1 || !create_time) {
        return Err(LogError::InvalidTimestamp {
            timestamp: batch.max_timestamp(),
            now_ms,
            records: (0..batch.records_count()).collect(),
        });
    }
    Ok(Validated {
        max_timestamp,
        header_agrees: !append_time_batch && batch.max_timestamp() == max_timestamp,
        offsets_rise_from_0: summary.offsets_rise_by_one && batch.base_offset() == 0,
    })
}

/// Records whose CRC is right but which cannot be read are invalid, not corrupt; a codec that fails is
/// neither for Kafka (KafkaException).
fn malformed(error: CorruptBatch) -> LogError {
    match error.problem {
        BatchProblem::Decompression { .. } => LogError::Corrupt(error),
        _ => LogError::InvalidRecord(error.to_string()),
    }
}
