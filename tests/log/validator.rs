//! What a leader makes of compressed batches and of `compression.type` (class LogValidator; CM1).

use kafka_trial::kernel::disk::Disk;
use kafka_trial::log::batch::{BatchBuilder, CompressionType, Record, RecordBatch, TimestampType};
use kafka_trial::log::{AppendOrigin, LoadParameters, LogConfig, LogError, UnifiedLog};

fn open(disk: &mut Disk, config: LogConfig) -> UnifiedLog {
    let fresh = LoadParameters {
        clean_shutdown: true,
        recovery_point: 0,
        log_start_offset: 0,
        now_ms: 0,
    };
    UnifiedLog::open(disk, "data/t-0", config, fresh).unwrap()
}

fn builder() -> BatchBuilder {
    let mut builder = BatchBuilder::new().producer(7, 0, 0);
    for i in 0..20 {
        builder.append(100 + i, Some(b"key"), Some(&[b'v'; 50]), &[]);
    }
    builder
}

fn batch(kind: CompressionType) -> RecordBatch {
    builder().compression(kind).build()
}

/// What a log with this configuration holds once it took the batch.
fn stored(config: LogConfig, batch: RecordBatch, origin: AppendOrigin) -> RecordBatch {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, config);
    let mut filler = BatchBuilder::new();
    filler.append(0, None, None, &[]);
    log.append_as_leader(&mut disk, &filler.build().into(), 3, 0)
        .unwrap();
    log.append_as_leader_from(&mut disk, &batch.into(), 3, 1000, origin)
        .unwrap();
    let read = log
        .read(&mut disk, 1, 1 << 20, log.log_end_offset(), true)
        .unwrap();
    assert_eq!(read.records.batches().len(), 1);
    read.records.batches()[0].clone()
}

fn config(compression_type: Option<CompressionType>) -> LogConfig {
    LogConfig {
        compression_type,
        ..LogConfig::default()
    }
}

fn records(batch: &RecordBatch) -> Vec<Record> {
    batch.records().collect::<Result<_, _>>().unwrap()
}

#[test]
fn cm1_a_producers_bytes_are_kept_if_the_codecs_agree() {
    for kind in CompressionType::ALL {
        for topic in [None, Some(kind)] {
            let sent = batch(kind);
            let stored = stored(config(topic), sent.clone(), AppendOrigin::Client);
            assert_eq!(
                (stored.base_offset(), stored.partition_leader_epoch()),
                (1, 3)
            );
            assert_eq!(stored.to_bytes()[16..], sent.to_bytes()[16..], "{kind}");
        }
    }
}

#[test]
fn cm1_another_codec_packs_the_same_records_again() {
    for source in CompressionType::ALL {
        for target in CompressionType::ALL
            .into_iter()
            .filter(|kind| *kind != source)
        {
            let sent = batch(source);
            let stored = stored(config(Some(target)), sent.clone(), AppendOrigin::Client);
            assert!(stored.is_valid());
            assert_eq!(stored.codec(), target.id());
            assert_eq!((stored.base_offset(), stored.last_offset()), (1, 20));
            assert_eq!((stored.producer_id(), stored.base_sequence()), (7, 0));
            assert_eq!(stored.max_timestamp(), 119);
            let moved = records(&sent).into_iter().map(|record| Record {
                offset: record.offset + 1,
                ..record
            });
            assert!(
                records(&stored).into_iter().eq(moved),
                "{source} to {target}"
            );
        }
    }
}

#[test]
fn cm1_append_time_keeps_compressed_bytes_and_changes_the_header() {
    let appended = LogConfig {
        message_timestamp_type: TimestampType::LogAppendTime,
        ..LogConfig::default()
    };
    let sent = batch(CompressionType::Zstd);
    let stored = stored(appended, sent.clone(), AppendOrigin::Client);
    assert!(stored.is_valid());
    assert_eq!(stored.max_timestamp(), 1000);
    assert_eq!(stored.to_bytes()[43..], sent.to_bytes()[43..]);
    assert!(
        records(&stored)
            .iter()
            .all(|record| record.timestamp == 1000)
    );
}

#[test]
fn compressed_offsets_that_do_not_rise_by_one_are_given_anew() {
    let mut gaps = BatchBuilder::new().compression(CompressionType::Gzip);
    gaps.append_at(0, 5, None, Some(b"a"), &[])
        .append_at(4, 6, None, Some(b"b"), &[]);
    let stored = stored(
        LogConfig::default(),
        gaps.build(),
        AppendOrigin::Coordinator,
    );
    let offsets: Vec<_> = records(&stored).iter().map(|r| r.offset).collect();
    assert_eq!(offsets, [1, 2]);
}

#[test]
fn compressed_batches_that_cannot_be_read_are_refused() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    let mut refuse = |change: fn(&mut Vec<u8>)| {
        let mut bytes = batch(CompressionType::Lz4).to_bytes().to_vec();
        change(&mut bytes);
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        let batch = RecordBatch::parse(bytes.into()).unwrap();
        log.append_as_leader(&mut disk, &batch.into(), 0, 1000)
            .unwrap_err()
    };
    let count = refuse(|bytes| (bytes[26], bytes[60]) = (20, 21));
    let LogError::InvalidRecord(count) = count else {
        panic!("{count}")
    };
    assert!(
        count.starts_with("fewer records than the count says"),
        "{count}"
    );
    let codec = refuse(|bytes| bytes[22] = 7).to_string();
    assert_eq!(codec, "compression codec 7 is unknown");
    let stream = refuse(|bytes| bytes[61] = 0).to_string();
    assert!(
        stream.starts_with("decompression failure (lz4)"),
        "{stream}"
    );
    assert_eq!(log.log_end_offset(), 0);
}

#[test]
fn a_batch_that_grows_beyond_the_limit_when_unpacked_is_refused() {
    let mut disk = Disk::new();
    let limits = LogConfig {
        max_message_bytes: 1000,
        ..config(Some(CompressionType::None))
    };
    let mut log = open(&mut disk, limits);
    let packed = batch(CompressionType::Gzip);
    assert!(packed.size() < 200);
    let refused = log.append_as_leader(&mut disk, &packed.into(), 0, 1000);
    assert!(matches!(
        refused,
        Err(LogError::RecordTooLarge { limit: 1000, .. })
    ));
}

#[test]
fn a_producer_sends_one_batch_at_a_time() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    let two = vec![batch(CompressionType::None), batch(CompressionType::None)];
    let refused = log.append_as_leader(&mut disk, &two.into(), 0, 1000);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "a producer sends one batch to a partition at a time, not 2"
    );
}
