//! The partition log: record batch v2 bytes, segments with offset and time index, leader-epoch cache,
//! checkpoints, recovery after a crash.
//!
//! Knows disks (`kernel::disk`) and nothing of brokers, messages or clusters: the broker maps
//! [`LogError`] to a Kafka error code, and plays the scheduler for [`BackgroundTask`]s. Its rules
//! are those of the book's table under L, E and RL.
//!
//! May not know who leads, who follows, or why it is appended to.

mod abstract_index;
pub mod batch;
mod batch_reader;
pub mod broker_metadata_checkpoint;
mod checkpoint_file;
mod error;
mod java_properties;
mod leader_epoch_cache;
mod load_note;
mod log_config;
pub mod log_dir;
mod log_loader;
mod log_segment;
mod log_segments;
mod log_validator;
pub mod offset_checkpoint;
mod offset_index;
mod partition_metadata_file;
mod producer_state;
mod producer_state_manager;
mod recent_batches;
mod time_index;
mod timestamp_text;
mod transaction_index;
mod unified_log;

pub use batch::Records;
pub use broker_metadata_checkpoint::MetaProperties;
pub use checkpoint_file::replace;
pub use error::LogError;
pub use leader_epoch_cache::{EpochEndOffset, EpochEntry};
pub use load_note::LoadNote;
pub use log_config::{CleanupPolicy, LogConfig, LogRules};
pub use log_loader::{LoadParameters, LogLoader};
pub use log_validator::AppendOrigin;
pub use offset_checkpoint::OffsetCheckpoint;
pub use partition_metadata_file::partition_metadata_problem;
pub use producer_state::{BatchMetadata, CompletedTxn, LatestBatches, ProducerStateEntry};
pub use producer_state_manager::parse_snapshot;
pub use transaction_index::AbortedTxn;
pub use unified_log::{
    BackgroundTask, FetchDataInfo, LogAppendInfo, LogOffsetMetadata, SegmentDeletionReason,
    TimestampAndOffset, UnifiedLog,
};
