//! Checks: what must hold in every run (one property a file), and what a plan expects of this one.
//!
//! A check recomputes from facts, from views, and from the bytes on simulated disks, which it reads with
//! a reader of its own. It shares no code with what it judges and changes nothing.
//!
//! May not know how a broker or a server comes to what it does, only what Kafka promises.

mod a_partition_has_one_reader;
mod brokers_obey_the_current_controller;
mod changed_by_hand;
mod checks;
mod committed_offsets;
mod consumers_read_without_gaps;
mod end_of_run;
mod epoch_caches_match_logs;
mod epochs_never_fall;
mod expectation;
mod generations_of_groups_grow;
mod groups_converge;
mod groups_go_on_where_they_committed;
mod groups_skip_nothing;
mod high_watermark_in_bounds;
mod high_watermark_needs_min_isr;
mod high_watermark_never_falls;
mod idempotent_producers_repeat_nothing;
mod in_sync_replicas_hold_what_is_committed;
mod latency;
mod leader_in_isr;
mod living_groups_are_remembered;
mod log_starts_move_as_allowed;
mod logs_equal_below_high_watermark;
mod no_acknowledged_record_lost;
mod no_offset_used_twice;
mod nothing_above_high_watermark_deleted;
mod nothing_committed_is_cut_off;
mod old_messages;
mod one_leader_an_epoch;
mod only_a_clean_stop_is_taken_for_clean;
mod only_live_brokers_join_the_isr;
mod only_the_current_controller_writes;
mod property;
mod recovery_leaves_a_valid_prefix;
mod replica_key;
mod retention_keeps_offsets;
mod retention_limits;
mod sequences_follow_each_other;
mod stored_log;
#[cfg(test)]
pub(crate) mod testing;
mod unpack;
mod unprocessed;
mod whole_after_healing;
mod zookeeper;
mod zookeeper_past;

pub use checks::Checks;
pub use committed_offsets::CommittedOffsets;
pub use end_of_run::EndOfRun;
pub use expectation::{Judge, Judgement, Outcome, Verdicts, judge};
pub use latency::{Latencies, millis};
pub use no_acknowledged_record_lost::NAME as NO_ACKNOWLEDGED_RECORD_IS_LOST;
pub use property::{Property, Violation};
pub use stored_log::{StoredLog, StoredRecord};
pub use unprocessed::Unprocessed;
