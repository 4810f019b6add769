//! Recordings of clients (`vectors/kafka/clients`): members of a group join, leave, crash, freeze and come back, and
//! idempotent producers send, while the recorder looks at what their applications are told, what coordinators are asked and answer, what a
//! group has committed, and what `__consumer_offsets` holds.

mod checks;
mod members;
mod offsets_log;
mod play;
mod producers;
mod recording;
mod requests;
mod shape;

pub use play::play_clients;
pub use recording::{ClientRecording, client_recording_of, is_client_recording};
