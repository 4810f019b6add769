//! Plays a recording of a real cluster, or of groups of consumers on one, as a plan, and compares what both came to,
//! step by step; and damaged data directories, which are recordings of one broker's start, and transcripts of random
//! operations on real ZooKeeper.
//!
//! May not know how a step is played inside: it commands nodes as the recorder did, and looks from outside.

mod client_command;
mod clients;
mod compare;
mod field;
mod lab;
mod lateness;
mod look;
mod play;
mod recorded_cluster;
mod recorder_client;
mod recording;
mod recovery;
mod recovery_case;
mod seen;
mod sha256;
mod shape;
mod znode_tree;
mod zookeeper_play;
mod zookeeper_transcript;

pub use clients::{ClientRecording, client_recording_of, is_client_recording, play_clients};
pub use compare::{Difference, compared_part, differences};
pub use lateness::{Lateness, seconds};
pub use play::{Outcome, StepDifference, play, play_with_lateness};
pub use recording::{Action, DiskFault, Mode, Recording, Step, TimedAction, recording_of};
pub use recovery::play_recovery;
pub use recovery_case::{
    DAMAGED_DIR, META_PROPERTIES, OUTCOME_FILE, PARTITION_METADATA, RecoveryCase, UNDAMAGED_DIR,
    recovery_case_of,
};
pub use zookeeper_play::play_zookeeper;
pub use zookeeper_transcript::{
    ZooKeeperAction, ZooKeeperStep, ZooKeeperTranscript, is_zookeeper, prose_transcript,
    zookeeper_transcripts_of,
};
