//! How fast the log is: appending, encoding and decoding, opening, recovering. And how much memory three
//! replicas take.
//!
//! `cargo bench --bench log [-- NAME]` (`memory` for that alone). One core; everything lies in memory, and the simulated disk takes
//! no time. Append is to be held against `crc_and_memcpy`, which does the same CRC-32C and one copy of
//! the same bytes; encode and decode against the crate kafka-protocol, which decodes less of a batch.

// A bench measures the machine.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use bytes::{Bytes, BytesMut};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use kafka_protocol::records as other;
use kafka_trial::kernel::disk::Disk;
use kafka_trial::log::batch::{BatchBuilder, RecordBatch};
use kafka_trial::log::{LoadParameters, LogConfig, Records, UnifiedLog};
use measure::resident_memory;

mod measure;

fn main() {
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    if let Some((records, size)) = only.as_deref().and_then(|only| only.split_once('x'))
        && let (Ok(records), Ok(size)) = (records.parse(), size.parse())
    {
        return memory_of(records, size);
    }
    if only.as_deref().is_none_or(|only| only == "memory") {
        memory();
    }
    if only.as_deref() != Some("memory") {
        divan::main();
    }
}

/// Records of a batch, and bytes of each record's value.
const SIZES: [(usize, usize); 2] = [(1_000, 1024), (1_000, 100)];
const KEY: &[u8] = b"truck-17";
const NOW: i64 = 1_700_000_000_000;
const GIB: u64 = 1 << 30;

/// Appends of one sample.
const APPENDS: usize = 1_000;

#[divan::bench(sample_count = 50)]
fn append_as_leader(bencher: Bencher<'_, '_>) {
    let sent = Records::from(batch(100, 100));
    bencher
        .counter(BytesCount::new(sent.size_in_bytes() * APPENDS as u64))
        .with_inputs(fresh)
        .bench_local_refs(|(disk, log)| {
            for _ in 0..APPENDS {
                log.append_as_leader(disk, black_box(&sent), 3, NOW)
                    .expect("the batch is good");
            }
        });
}

#[divan::bench(sample_count = 50)]
fn crc_and_memcpy(bencher: Bencher<'_, '_>) {
    let bytes = batch(100, 100).to_bytes();
    let mut copy = vec![0; bytes.len()];
    bencher
        .counter(BytesCount::new(bytes.len() * APPENDS))
        .bench_local(|| {
            for _ in 0..APPENDS {
                black_box(crc32c::crc32c(black_box(&bytes)));
                copy.copy_from_slice(black_box(&bytes));
                black_box(&mut copy);
            }
        });
}

#[divan::bench(args = SIZES, sample_count = 200)]
fn encode(bencher: Bencher<'_, '_>, (records, size): (usize, usize)) {
    bencher
        .counter(BytesCount::new(batch(records, size).size()))
        .counter(ItemsCount::new(records))
        .bench_local(|| batch(black_box(records), black_box(size)));
}

#[divan::bench(args = SIZES, sample_count = 200)]
fn encode_kafka_protocol(bencher: Bencher<'_, '_>, (records, size): (usize, usize)) {
    let all = other_records(records, size);
    let options = other::RecordEncodeOptions {
        version: 2,
        compression: other::Compression::None,
    };
    bencher
        .counter(BytesCount::new(batch(records, size).size()))
        .counter(ItemsCount::new(records))
        .bench_local(|| {
            let mut out = BytesMut::with_capacity(records * (size + 32));
            other::RecordBatchEncoder::encode(&mut out, black_box(&all), &options)
                .expect("the records are good");
            out
        });
}

/// CRC, then every record.
#[divan::bench(args = SIZES, sample_count = 200)]
fn decode(bencher: Bencher<'_, '_>, (records, size): (usize, usize)) {
    let bytes = batch(records, size).to_bytes();
    bencher
        .counter(BytesCount::new(bytes.len()))
        .counter(ItemsCount::new(records))
        .bench_local(|| {
            let batch = RecordBatch::parse(black_box(bytes.clone())).expect("the batch is good");
            for record in batch.records() {
                black_box(record.expect("the record is good"));
            }
        });
}

#[divan::bench(args = SIZES, sample_count = 200)]
fn decode_kafka_protocol(bencher: Bencher<'_, '_>, (records, size): (usize, usize)) {
    let bytes = batch(records, size).to_bytes();
    bencher
        .counter(BytesCount::new(bytes.len()))
        .counter(ItemsCount::new(records))
        .bench_local(|| {
            let set = other::RecordBatchDecoder::decode(&mut black_box(bytes.clone()))
                .expect("the batch is good");
            for record in set.records {
                black_box(record);
            }
        });
}

/// A gibibyte in batches of 100 records of 100 bytes, stopped cleanly.
#[divan::bench(sample_count = 10)]
fn open_1_gib_after_a_clean_stop(bencher: Bencher<'_, '_>) {
    let (mut disk, mut log) = filled(GIB);
    log.close(&mut disk).expect("the disk is well");
    let end = log.log_end_offset();
    bencher
        .with_inputs(|| disk.clone())
        .bench_local_refs(|disk| open(disk, true, end));
}

/// Every batch of a gibibyte is read and its CRC checked.
#[divan::bench(sample_count = 5)]
fn recover_1_gib(bencher: Bencher<'_, '_>) {
    let (disk, log) = filled(GIB);
    bencher
        .counter(BytesCount::new(log.size()))
        .with_inputs(|| disk.clone())
        .bench_local_refs(|disk| open(disk, false, 0));
}

/// What a leader and two followers hold in memory of the same batches, with indexes and all, against the
/// bytes of the batches. Each size in a process of its own, so that none uses what another has given back.
fn memory() {
    let bench = std::env::current_exe().expect("this runs");
    for size in ["1000x1024", "100x100", "10x100", "1x100"] {
        let child = std::process::Command::new(&bench).arg(size).status();
        assert!(child.is_ok_and(|status| status.success()));
    }
}

fn memory_of(records: usize, size: usize) {
    const BYTES: u64 = 256 << 20;
    let Some(before) = resident_memory() else {
        return println!("memory: this system does not tell");
    };
    let held = || resident_memory().unwrap_or(before).saturating_sub(before) as f64;
    let (mut disk, mut leader) = fresh();
    while leader.size() < BYTES {
        let sent = batch(records, size).into();
        leader
            .append_as_leader(&mut disk, &sent, 3, NOW)
            .expect("the batch is good");
        // What the operating system does after a while.
        if leader.log_end_offset() % 1000 == 0 {
            disk.sync_all();
        }
    }
    let one = held();
    let mut followers = [fresh(), fresh()];
    for (own_disk, own) in &mut followers {
        while own.log_end_offset() < leader.log_end_offset() {
            let (from, end) = (own.log_end_offset(), leader.log_end_offset());
            let fetched = leader.read(&mut disk, from, 1 << 20, end, true);
            let fetched = fetched.expect("it lies there").records;
            own.append_as_follower(own_disk, &fetched, NOW)
                .expect("the batches are good");
            own_disk.sync_all();
        }
    }
    let bytes = leader.size() as f64;
    println!(
        "memory, batches of {} bytes ({records} records of {size}): one replica takes {:.3} of their bytes, three {:.3}",
        batch(records, size).size(),
        one / bytes,
        held() / bytes
    );
}

fn batch(records: usize, size: usize) -> RecordBatch {
    const VALUE: [u8; 1024] = [b'v'; 1024];
    let mut builder = BatchBuilder::new().reserve(records * (size + 20));
    for i in 0..records {
        builder.append(NOW + i as i64, Some(KEY), Some(&VALUE[..size]), &[]);
    }
    builder.build()
}

fn other_records(records: usize, size: usize) -> Vec<other::Record> {
    let record = |i: i64| other::Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: other::TimestampType::Creation,
        offset: i,
        // Must rise with the offset, else each record gets a batch of its own.
        sequence: i as i32,
        timestamp: NOW + i,
        key: Some(Bytes::from_static(KEY)),
        value: Some(vec![b'v'; size].into()),
        headers: Default::default(),
    };
    (0..records as i64).map(record).collect()
}

fn fresh() -> (Disk, UnifiedLog) {
    let mut disk = Disk::new();
    let log = open(&mut disk, true, 0);
    (disk, log)
}

fn filled(bytes: u64) -> (Disk, UnifiedLog) {
    let (mut disk, mut log) = fresh();
    let sent = Records::from(batch(100, 100));
    while log.size() < bytes {
        log.append_as_leader(&mut disk, &sent, 3, NOW)
            .expect("the batch is good");
    }
    (disk, log)
}

fn open(disk: &mut Disk, clean_shutdown: bool, recovery_point: i64) -> UnifiedLog {
    let recovery = LoadParameters {
        clean_shutdown,
        recovery_point,
        log_start_offset: 0,
        now_ms: NOW,
    };
    UnifiedLog::open(disk, "data/t-0", LogConfig::default(), recovery).expect("the disk is well")
}
