//! Whole runs of plans, looked at from outside: what is told, what is checked, what things cost.

mod applications;
mod assigned_by_hand;
mod auto_created_topics;
mod broken_brokers;
mod checks;
mod clocks;
mod compression;
mod cooperative_groups;
mod cost_model;
mod disk_faults;
mod facts;
mod fetch_sessions;
mod file_edits;
mod group_members;
mod groups;
mod join_commits;
mod listeners;
mod producers;
mod readme;
mod reported;
mod serializers;
mod steps;
mod sticky_groups;
mod telling;
mod threads;
mod timeline;
