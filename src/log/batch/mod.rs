//! Record batch v2 (KIP-98): header, records, encoding, and runs of whole batches as messages carry them;
//! and how messages of the formats before it are read.
//!
//! Bytes only; knows no disk and no log. Checked against the vectors of real implementations in
//! `tests/vectors`.

mod batches;
mod builder;
mod compress;
mod corrupt;
mod fields;
mod headers;
mod layout;
pub(crate) mod legacy;
mod record;
mod record_batch;
mod records;
mod summary;
mod unpacker;
mod varint;

pub(crate) use batches::Batches;
pub use builder::BatchBuilder;
pub use compress::CompressionType;
pub(crate) use corrupt::bytes;
pub use corrupt::{BatchProblem, CorruptBatch};
pub use headers::Headers;
pub(crate) use layout::{Layout, Place, Says, layout};
pub use record::{Record, RecordIter};
pub(crate) use record::{scan_records, scan_records_from};
pub(crate) use record_batch::add_sequence;
pub use record_batch::{HEADER_SIZE, RecordBatch, TimestampType};
pub use records::Records;
pub(crate) use summary::summarize;
pub use unpacker::MAX_UNPACKED;
