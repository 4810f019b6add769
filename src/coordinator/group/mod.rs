//! The group coordinator (package `kafka.coordinator.group`): who is in a group, who reads what, and how far
//! each group has read, kept in `__consumer_offsets`. Rules CG2 to CG6 and CG8 to CG46.
//!
//! May not know what assignments mean (clients agree on them), nor whether a member lives: only that it has
//! not been heard of for its session's time-out.

mod cleanup;
mod commits;
mod group_coordinator;
mod group_metadata;
mod group_metadata_manager;
mod inquiries;
mod join;
mod leave;
mod member_metadata;
pub mod records;
mod scala_map;
mod sync;
#[cfg(test)]
mod tests;

pub use group_coordinator::{Append, GroupConfig, GroupCoordinator};
pub use group_metadata::{GroupMetadata, GroupState};
pub use join::Caller;
pub use member_metadata::MemberMetadata;
