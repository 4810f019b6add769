//! What a handler works with, and what it leaves behind for the broker to carry out.
//!
//! Partitions and the replica manager know no connections, timers or processes: they see a disk, the
//! wall clock and the metadata cache ([`Env`]), and write what follows from it into an [`Outbox`].

use super::locks::Wanted;
use super::purgatory::Answer;
use crate::kernel::Disk;
use crate::log::{BackgroundTask, LogError, UnifiedLog};
use crate::metadata::MetadataCache;
use crate::protocol::{AlterPartitionData, ErrorCode, Fact, TopicPartition};

/// A partition's window on its broker.
pub(crate) struct Env<'a> {
    pub(crate) disk: &'a mut Disk,
    /// The broker's wall clock.
    pub(crate) now_ms: i64,
    pub(crate) cache: &'a MetadataCache,
    pub(crate) out: &'a mut Outbox,
}

/// Effects that wait until the handler is done.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) facts: Vec<Fact>,
    /// Nobody looks at routine facts (`Fact::is_routine`).
    pub(crate) leaves_out_routine: bool,
    /// Parked requests that are done.
    pub(crate) answers: Vec<Answer>,
    /// ISR changes for the controller.
    pub(crate) isr_changes: Vec<AlterPartitionData>,
    /// Partitions whose change need not be asked for any more (`AlterPartitionReset::ByLeaderAndIsr`).
    pub(crate) isr_changes_dropped: Vec<TopicPartition>,
    /// What logs have left for the scheduler.
    pub(crate) log_tasks: Vec<(TopicPartition, BackgroundTask)>,
    /// What is locked while this handler waits for the device.
    pub(crate) locks: Vec<Wanted>,
    /// Why the log directory cannot be used any more.
    pub(crate) log_dir_failed: Option<String>,
}

impl Outbox {
    /// States what happens to every record, if somebody looks.
    #[inline]
    pub(crate) fn state_routine(&mut self, fact: impl FnOnce() -> Fact) {
        if !self.leaves_out_routine {
            self.facts.push(fact());
        }
    }

    /// Kafka's code for what went wrong with a log; a failed disk takes the log directory with it.
    pub(crate) fn log_error(&mut self, error: &LogError) -> ErrorCode {
        match error {
            LogError::Disk { .. } | LogError::Malformed { .. } => {
                self.log_dir_failed.get_or_insert_with(|| error.to_string());
                ErrorCode::KafkaStorageError
            }
            LogError::Corrupt(_) => ErrorCode::CorruptMessage,
            LogError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            LogError::RecordTooLarge { .. } => ErrorCode::MessageTooLarge,
            LogError::RecordBatchTooLarge { .. } => ErrorCode::RecordListTooLarge,
            LogError::InvalidRecord(_) | LogError::WithoutKey { .. } => ErrorCode::InvalidRecord,
            LogError::InvalidTimestamp { .. } => ErrorCode::InvalidTimestamp,
            LogError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
            LogError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
            LogError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
            LogError::InvalidTxnState { .. } => ErrorCode::InvalidTxnState,
            LogError::UnexpectedAppendOffset { .. }
            | LogError::OffsetsOutOfOrder { .. }
            | LogError::Inconsistent { .. } => ErrorCode::UnknownServerError,
        }
    }
}

/// Hands on what a log has left for the scheduler.
pub(crate) fn take_tasks(name: &TopicPartition, log: &mut UnifiedLog, out: &mut Outbox) {
    let tasks = log.take_background_tasks().into_iter();
    out.log_tasks.extend(tasks.map(|task| (name.clone(), task)));
}
