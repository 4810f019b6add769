//! The partition log and its tools: rules, random histories, damaged directories, and what real Kafka wrote.
//!
//! Tests that need much the same share a binary: each costs a compilation and a link of its own.

mod compacted;
mod directory;
mod dump;
mod model;
mod old_formats;
mod producers;
mod record_batches;
mod recovery;
mod rules;
mod tools;
mod upkeep;
mod validator;
