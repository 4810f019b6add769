//! Record batch v2 (KIP-98): header, records, encoding, and runs of whole batches as messages carry them.
//!
//! Bytes only; knows no disk and no log. Checked against the vectors of real implementations in
//! `tests/vectors`.

mod builder;
mod corrupt;
mod record;
mod record_batch;
mod records;
mod varint;

pub use builder::BatchBuilder;
pub use corrupt::{BatchProblem, CorruptBatch};
pub(crate) use record::scan_records;
pub use record::{Record, RecordIter};
pub(crate) use record_batch::add_sequence;
pub use record_batch::{HEADER_SIZE, RecordBatch, TimestampType};
pub use records::Records;
