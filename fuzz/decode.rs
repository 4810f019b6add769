//! What is done with any bytes: they are read as batches of a log, as the packed records of one batch,
//! and as files that are dumped. Nothing may panic, loop, or take memory without bound; what can be read
//! must encode to bytes that read the same.
//!
//! Shared by the fuzz target and by `tests/fuzz_corpus.rs`, which runs on every test run.

use bytes::Bytes;
use kafka_trial::inspect::dump::{Decoder, DumpFormat, DumpIo, DumpOptions, dump};
use kafka_trial::log::batch::{
    BatchBuilder, CompressionType, MAX_UNPACKED, Record, RecordBatch, TimestampType,
};

/// The entry: the input is anything.
pub fn decode(input: &[u8]) {
    let input = Bytes::copy_from_slice(input);
    if let Ok(batches) = RecordBatch::parse_run(input.clone()) {
        for batch in &batches {
            read(batch);
        }
    }
    read_as_records(&input);
    dump_as_files(&input);
}

/// The first byte is a batch's attributes, the second its record count, the rest its records section.
fn read_as_records(input: &Bytes) {
    if input.len() < 2 {
        return;
    }
    let mut bytes = BatchBuilder::new().build().to_bytes().to_vec();
    bytes.extend_from_slice(&input[2..]);
    let length = bytes.len() as i32 - 12;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    (bytes[22], bytes[60]) = (input[0], input[1]);
    if let Ok(batch) = RecordBatch::parse_unchecked(bytes.into()) {
        read(&batch);
    }
}

fn read(batch: &RecordBatch) {
    let _ = (batch.is_valid(), batch.last_sequence(), batch.next_offset());
    let _ = (batch.delete_horizon_ms(), batch.is_transactional());
    let mut records = Vec::new();
    let (mut bytes, mut failed) = (0, false);
    for record in batch.records() {
        assert!(!failed, "an error must be the last item");
        match record {
            Ok(record) => {
                bytes += size(&record);
                assert!(bytes <= MAX_UNPACKED);
                // A few are kept: a bomb of empty records would take what the iterator must not take.
                if records.len() < 1000 {
                    records.push(record);
                }
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                failed = true;
            }
        }
    }
    if !failed && records.len() as i64 == i64::from(batch.records_count()) {
        encode(batch, &records);
    }
}

/// What was read, in a batch of our own, reads the same.
fn encode(batch: &RecordBatch, records: &[Record]) {
    let kind = CompressionType::from_id(batch.codec()).expect("its records were read");
    let rises = |pair: &[Record]| pair[0].offset < pair[1].offset;
    let first = records.first().map_or(0, |record| record.offset);
    let last = records.last().map_or(0, |record| record.offset);
    let in_reach = last
        .checked_sub(first)
        .is_some_and(|reach| reach < i64::from(i32::MAX));
    if !records.windows(2).all(rises) || !in_reach || last == i64::MAX {
        return;
    }
    let mut builder = BatchBuilder::new().base_offset(first).compression(kind);
    for record in records {
        builder.append_record(record);
    }
    let built = RecordBatch::parse(builder.build().to_bytes()).expect("we built it");
    let read: Vec<Record> = built
        .records()
        .collect::<Result<_, _>>()
        .expect("we built it");
    assert_eq!(built.timestamp_type(), TimestampType::CreateTime);
    assert_eq!(read, records);
}

fn size(record: &Record) -> u64 {
    let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len) as u64;
    length(&record.key) + length(&record.value)
}

/// As a file of one kind and in one way, both told by the input's sum: all of them would take most of the
/// time. A bomb prints more than memory holds: nothing is kept, and large inputs are left out.
fn dump_as_files(input: &Bytes) {
    let sum = input
        .iter()
        .fold(0usize, |sum, byte| sum + usize::from(*byte));
    let name = [
        "0.log",
        "0.log",
        "0.index",
        "0.timeindex",
        "0.snapshot",
        "0.txnindex",
        "leader-epoch-checkpoint",
        "meta.properties",
        ".kafka_cleanshutdown",
    ][sum % 9];
    let (decoder, format) = [
        (Decoder::Text, DumpFormat::Json),
        (Decoder::Offsets, DumpFormat::Kafka),
        (Decoder::TransactionLog, DumpFormat::Kafka),
    ][sum / 9 % 3];
    let options = DumpOptions {
        print_data_log: true,
        decoder,
        format,
        ..DumpOptions::default()
    };
    if input.len() < 4096 {
        dump(&[name.to_owned()], &options, &mut Same(input));
    }
}

/// Every file is the input.
struct Same<'a>(&'a Bytes);

impl DumpIo for Same<'_> {
    fn read(&mut self, _path: &str) -> Result<Bytes, String> {
        Ok(self.0.clone())
    }

    fn print(&mut self, _text: &str) {}

    fn complain(&mut self, line: &str) {
        assert!(!line.is_empty());
    }
}
