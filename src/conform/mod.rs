//! Plays a recording of a real cluster as a plan, and compares what both came to, step by step; and
//! damaged data directories, which are recordings of one broker's start, and transcripts of random
//! operations on real ZooKeeper. What a start makes of any data directory is found the same way.
//!
//! May not know how a step is played inside: it commands nodes as the recorder did, and looks from outside.

mod client_command;
mod compare;
mod field;
mod lab;
mod play;
mod recorder_client;
mod recording;
mod recover;
mod recovery;
mod recovery_case;
mod seen;
mod sha256;
mod znode_tree;
mod zookeeper_play;
mod zookeeper_transcript;

pub use compare::{Difference, compared_part, differences};
pub use play::{Outcome, StepDifference, play};
pub use recording::{Action, Mode, Recording, Step, TimedAction, Unreadable, read, recording_of};
pub use recover::{DataDirectory, Recovered, recover};
pub use recovery::play_recovery;
pub use recovery_case::{OUTCOME_FILE, RecoveryCase, read_recovery_case};
pub use zookeeper_play::play_zookeeper;
pub use zookeeper_transcript::{
    ZooKeeperAction, ZooKeeperStep, ZooKeeperTranscript, is_zookeeper, prose_transcript,
    zookeeper_transcripts_of,
};
