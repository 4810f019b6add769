//! The partition log: record batch v2 bytes, segments with offset and time index, leader-epoch cache,
//! checkpoints, recovery after a crash.
//!
//! Knows disks (`kernel::disk`) and nothing of brokers, messages or clusters: the broker maps
//! [`LogError`] to a Kafka error code, and plays the scheduler for [`BackgroundTask`]s. Rules:
//! kafka-truth sections 1.2, 2.4, 3 and 12 A.

pub mod batch;
pub mod broker_metadata_checkpoint;
mod checkpoint_file;
mod error;
mod leader_epoch_cache;
mod log_config;
pub mod log_dir;
pub mod offset_checkpoint;
mod partition_metadata_file;
mod unified_log;

pub use batch::Records;
pub use broker_metadata_checkpoint::MetaProperties;
pub use checkpoint_file::replace;
pub use error::LogError;
pub use leader_epoch_cache::{EpochEndOffset, EpochEntry};
pub use log_config::{CleanupPolicy, LogConfig};
pub use offset_checkpoint::OffsetCheckpoint;
pub use unified_log::{
    BackgroundTask, FetchDataInfo, LoadParameters, LogAppendInfo, LogOffsetMetadata,
    TimestampAndOffset, UnifiedLog,
};
