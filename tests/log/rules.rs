//! The rules of a log, each by its name.

use bytes::Bytes;
use kafka_trial::kernel::Stream;
use kafka_trial::kernel::disk::{Disk, DiskError};
use kafka_trial::log::batch::{BatchBuilder, RecordBatch, TimestampType};
use kafka_trial::log::{
    CleanupPolicy, EpochEndOffset, LoadParameters, LogConfig, LogError, LogLoader, Records,
    UnifiedLog,
};

pub const DIR: &str = "data/t-0";

fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 500,
        index_interval_bytes: 100,
        segment_index_bytes: 4096,
        ..LogConfig::default()
    }
}

pub fn after_crash(recovery_point: i64) -> LoadParameters {
    LoadParameters {
        clean_shutdown: false,
        recovery_point,
        log_start_offset: 0,
        now_ms: 1000,
    }
}

pub fn open(disk: &mut Disk, config: LogConfig) -> UnifiedLog {
    UnifiedLog::open(disk, DIR, config, after_crash(0)).unwrap()
}

fn batch(timestamp: i64, values: &[&str]) -> Records {
    let mut builder = BatchBuilder::new();
    for value in values {
        builder.append(timestamp, None, Some(value.as_bytes()), &[]);
    }
    builder.build().into()
}

pub fn fill(log: &mut UnifiedLog, disk: &mut Disk, batches: i64) {
    for i in 0..batches {
        log.append_as_leader(disk, &batch(1000 + i, &["one", "two"]), 0, 1000 + i)
            .unwrap();
    }
}

fn replicated(base_offset: i64, leader_epoch: i32) -> RecordBatch {
    let mut builder = BatchBuilder::new()
        .base_offset(base_offset)
        .leader_epoch(leader_epoch);
    builder.append(7, None, Some(b"v"), &[]);
    builder.build()
}

#[test]
fn e1_l1_a_leader_assigns_offsets_and_epoch_a_follower_keeps_the_bytes() {
    let (mut disk, mut other) = (Disk::new(), Disk::new());
    let (mut leader, mut follower) = (open(&mut disk, small()), open(&mut other, small()));
    for i in 0..3 {
        let info = leader
            .append_as_leader(&mut disk, &batch(i, &["a", "b"]), 4, 1000)
            .unwrap();
        assert_eq!((info.first_offset, info.last_offset), (2 * i, 2 * i + 1));
    }
    let read = leader
        .read(&mut disk, 0, 1 << 20, leader.log_end_offset(), true)
        .unwrap();
    follower
        .append_as_follower(&mut other, &read.records, 1000)
        .unwrap();
    let copy = follower
        .read(&mut other, 0, 1 << 20, follower.log_end_offset(), true)
        .unwrap();
    assert_eq!(copy.records, read.records);
    assert!(
        copy.records
            .batches()
            .iter()
            .all(|batch| batch.partition_leader_epoch() == 4)
    );
    for (ours, theirs) in copy.records.batches().iter().zip(read.records.batches()) {
        assert_eq!(
            ours.to_bytes().as_ptr(),
            theirs.to_bytes().as_ptr(),
            "shared, not copied"
        );
    }
    assert_eq!(follower.leader_epochs(), leader.leader_epochs());
}

#[test]
fn l1_a_follower_refuses_offsets_that_do_not_continue_its_log() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    log.append_as_follower(&mut disk, &replicated(5, 0).into(), 0)
        .unwrap();
    let again = log
        .append_as_follower(&mut disk, &replicated(5, 0).into(), 0)
        .unwrap_err();
    assert_eq!(
        again.to_string(),
        "an append of offsets 5 to 5 does not continue a log that ends at 6"
    );
    let falling = Records::from(vec![replicated(9, 0), replicated(7, 0)]);
    let falling = log.append_as_follower(&mut disk, &falling, 0).unwrap_err();
    assert_eq!(
        falling.to_string(),
        "a batch that ends at 7 follows one that ends at 9"
    );
    assert_eq!(log.log_end_offset(), 6);
}

#[test]
fn a_leader_refuses_bad_batches_and_appends_nothing() {
    let mut disk = Disk::new();
    let mut log = open(
        &mut disk,
        LogConfig {
            max_message_bytes: 200,
            ..small()
        },
    );
    let mut refuse = |records: &Records| {
        log.append_as_leader(&mut disk, records, 0, 1000)
            .unwrap_err()
    };

    let offset = refuse(&replicated(3, 0).into()).to_string();
    assert_eq!(
        offset,
        "the base offset of a producer's batch must be 0, not 3"
    );
    let large = refuse(&batch(0, &[&"x".repeat(200)]));
    assert!(matches!(large, LogError::RecordTooLarge { limit: 200, .. }));
    let mut control = BatchBuilder::new().control();
    control.append(0, Some(b"\0\0\0\0"), None, &[]);
    assert_eq!(
        refuse(&control.build().into()).to_string(),
        "clients may not write control records"
    );
    let gap = batch(0, &["a"]).batches()[0].clone();
    let mut bytes = gap.to_bytes().to_vec();
    bytes[65] ^= 1;
    let flipped = refuse(&RecordBatch::parse_unchecked(bytes.into()).unwrap().into());
    assert!(flipped.to_string().starts_with("crc mismatch"), "{flipped}");
    let mut holes = BatchBuilder::new();
    holes
        .append_at(0, 0, None, None, &[])
        .append_at(5, 0, None, None, &[]);
    assert_eq!(
        refuse(&holes.build().into()).to_string(),
        "a batch has the offsets 0 to 5, but 2 records"
    );
    let own_time = refuse(&batch(0, &["a"]).batches()[0].with_append_time(-1).into());
    assert!(matches!(own_time, LogError::InvalidTimestamp { .. }));
    assert_eq!((log.log_end_offset(), log.size()), (0, 0));
}

#[test]
fn cp32_a_refusal_says_which_records_are_at_fault() {
    let mut disk = Disk::new();
    let config = LogConfig {
        message_timestamp_after_max_ms: 100,
        cleanup_policy: CleanupPolicy::Compact,
        ..small()
    };
    let mut log = open(&mut disk, config);
    let mut refuse = |records: &[(i64, Option<&[u8]>)]| {
        let mut builder = BatchBuilder::new();
        for (timestamp, key) in records {
            builder.append(*timestamp, *key, Some(b"v"), &[]);
        }
        let refused = log.append_as_leader(&mut disk, &builder.build().into(), 0, 1000);
        let error = refused.unwrap_err();
        let is_late = matches!(error, LogError::InvalidTimestamp { .. });
        (is_late, error.refused_records().to_vec())
    };
    let key = Some(&b"k"[..]);
    let late = refuse(&[(1000, key), (1101, key), (1100, key), (9999, key)]);
    assert_eq!(late, (true, vec![1, 3]));
    let keyless = refuse(&[(1000, None), (1000, key), (1000, None)]);
    assert_eq!(keyless, (false, vec![0, 2]));
    let both = refuse(&[(1000, None), (1101, key), (9999, None)]);
    assert_eq!(both, (true, vec![0, 1, 2]));
}

#[test]
fn timestamps_are_checked_or_overwritten() {
    let mut disk = Disk::new();
    let config = LogConfig {
        message_timestamp_after_max_ms: 100,
        ..small()
    };
    let mut log = open(&mut disk, config.clone());
    assert!(
        log.append_as_leader(&mut disk, &batch(1100, &["a"]), 0, 1000)
            .is_ok()
    );
    let late = log.append_as_leader(&mut disk, &batch(1101, &["a"]), 0, 1000);
    assert_eq!(
        late,
        Err(LogError::InvalidTimestamp {
            timestamp: 1101,
            now_ms: 1000,
            records: vec![0],
        })
    );

    log.update_config(LogConfig {
        message_timestamp_type: TimestampType::LogAppendTime,
        ..config
    });
    let info = log
        .append_as_leader(&mut disk, &batch(9999, &["a", "b"]), 0, 1234)
        .unwrap();
    assert_eq!((info.log_append_time, info.max_timestamp), (1234, 1234));
    let read = log
        .read(
            &mut disk,
            info.first_offset,
            1000,
            log.log_end_offset(),
            true,
        )
        .unwrap();
    assert!(
        read.records
            .records()
            .all(|record| record.unwrap().timestamp == 1234)
    );
    assert!(read.records.batches().iter().all(RecordBatch::is_valid));
}

#[test]
fn l2_truncation_removes_whole_batches_and_the_end_is_the_target() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 16);
    assert!(log.segment_base_offsets().len() > 2);
    assert_eq!(log.truncate_to(&mut disk, 13), Ok(true));
    assert_eq!(
        log.log_end_offset(),
        13,
        "the target, though the batch 12..=13 went"
    );
    let last = log.read(&mut disk, 10, 1 << 20, 13, true).unwrap().records;
    assert_eq!(last.next_offset(), Some(12));
    assert_eq!(log.truncate_to(&mut disk, 13), Ok(false));
}

#[test]
fn l3_segments_roll_by_size_time_index_and_offset_range() {
    let bases = |config: LogConfig, appends: &[(i64, i64)]| {
        let mut disk = Disk::new();
        let mut log = open(&mut disk, config);
        for (offset, timestamp) in appends {
            let mut builder = BatchBuilder::new().base_offset(*offset).leader_epoch(0);
            builder.append(*timestamp, None, Some(&[0; 100]), &[]);
            log.append_as_follower(&mut disk, &builder.build().into(), 0)
                .unwrap();
        }
        log.segment_base_offsets()
    };
    let size = 61 + 109 + 2;
    let whole = LogConfig {
        segment_bytes: 2 * size,
        ..LogConfig::default()
    };
    assert_eq!(
        bases(whole, &[(0, 1), (1, 1), (2, 1)]),
        [0, 2],
        "a full segment may be exactly full"
    );
    let time = LogConfig {
        segment_ms: 50,
        ..LogConfig::default()
    };
    assert_eq!(
        bases(time, &[(0, 100), (1, 150), (2, 151), (3, 10)]),
        [0, 2],
        "by the batch's timestamp against the segment's first, not by the clock"
    );
    let index = LogConfig {
        segment_index_bytes: 24,
        index_interval_bytes: 1,
        ..LogConfig::default()
    };
    assert_eq!(
        bases(index, &[(0, 1), (1, 2), (2, 3), (3, 4)]),
        [0, 2],
        "the time index keeps one entry free"
    );
    let far = i64::from(i32::MAX) + 1;
    assert_eq!(
        bases(LogConfig::default(), &[(0, 1), (far - 1, 1), (far, 1)]),
        [0, far]
    );
}

#[test]
fn hw8_truncation_takes_the_high_watermark_along() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 5);
    log.update_high_watermark(10);
    log.truncate_to(&mut disk, 4).unwrap();
    assert_eq!(log.high_watermark(), 4);
    log.truncate_fully_and_start_at(&mut disk, 30).unwrap();
    assert_eq!(
        (
            log.log_start_offset(),
            log.high_watermark(),
            log.log_end_offset()
        ),
        (30, 30, 30)
    );
    assert!(log.leader_epochs().is_empty());
}

#[test]
fn e3_e4_e8_an_epoch_without_records_goes_with_a_truncation_that_cuts_nothing() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 2);
    log.assign_epoch_start_offset(&mut disk, 3, 4).unwrap();
    assert_eq!(log.latest_epoch(), Some(3));
    assert_eq!(
        log.end_offset_for_epoch(0),
        EpochEndOffset {
            epoch: 0,
            end_offset: 4
        }
    );
    assert_eq!(
        log.end_offset_for_epoch(3),
        EpochEndOffset {
            epoch: 3,
            end_offset: 4
        }
    );
    let file = "data/t-0/leader-epoch-checkpoint";
    assert_eq!(
        disk.read_file(file).unwrap(),
        Bytes::from("0\n2\n0 0\n3 4\n")
    );
    assert_eq!(log.truncate_to(&mut disk, 4), Ok(false));
    assert_eq!(log.latest_epoch(), Some(0));
    assert_eq!(disk.read_file(file).unwrap(), Bytes::from("0\n1\n0 0\n"));
}

#[test]
fn l7_l9_a_process_crash_loses_nothing_a_power_failure_what_was_not_flushed() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 4);
    log.flush(&mut disk).unwrap();
    fill(&mut log, &mut disk, 4);
    let flushed = log.recovery_point();
    assert_eq!((flushed, log.log_end_offset()), (8, 16));

    let log = UnifiedLog::open(&mut disk, DIR, small(), after_crash(flushed)).unwrap();
    assert_eq!(log.log_end_offset(), 16);
    let mut lost = false;
    for seed in 0..20 {
        let mut disk = disk.clone();
        disk.power_failure(&mut Stream::named(seed, "power"));
        let log = UnifiedLog::open(&mut disk, DIR, small(), after_crash(flushed)).unwrap();
        assert!((flushed..=16).contains(&log.log_end_offset()));
        assert_eq!(log.log_end_offset() % 2, 0, "whole batches");
        lost |= log.log_end_offset() < 16;
    }
    assert!(lost);
}

#[test]
fn l8_recovery_does_not_truncate_to_the_high_watermark() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 4);
    log.update_high_watermark(2);
    let mut log = open(&mut disk, small());
    assert_eq!(log.log_end_offset(), 8);
    assert_eq!(
        log.high_watermark(),
        0,
        "HW7: until the broker has read its checkpoint"
    );
    assert_eq!(log.update_high_watermark(2), 2);
}

#[test]
fn a_recovery_that_is_cut_off_can_be_begun_anew() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 20);
    let mut steps = 0;
    let mut loader = LogLoader::new(&mut disk, DIR, small(), after_crash(0)).unwrap();
    while !loader.step(&mut disk.clone()).unwrap() {
        steps += 1;
    }
    assert!(steps > 6, "{steps}");
    for stop in 0..steps {
        let mut disk = disk.clone();
        let mut loader = LogLoader::new(&mut disk, DIR, small(), after_crash(0)).unwrap();
        for _ in 0..stop {
            loader.step(&mut disk).unwrap();
        }
        disk.power_failure(&mut Stream::named(stop, "power in recovery"));
        let log = open(&mut disk, small());
        assert!(log.log_end_offset() <= 40 && log.log_end_offset() % 2 == 0);
    }
}

#[test]
fn rl10_after_a_clean_stop_nothing_is_scanned() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 20);
    log.close(&mut disk).unwrap();
    // Damage that a scan would find, in the first segment.
    assert!(disk.flip("data/t-0/00000000000000000000.log", 80, 0));
    let parameters = LoadParameters {
        clean_shutdown: true,
        ..after_crash(0)
    };
    let log = UnifiedLog::open(&mut disk, DIR, small(), parameters).unwrap();
    assert_eq!((log.log_end_offset(), log.recovery_point()), (40, 40));
    let read = log.read(&mut disk, 0, 1000, 40, true).unwrap();
    assert!(
        !read.records.batches()[0].is_valid(),
        "found when it is read"
    );
    assert!(read.records.batches()[1].is_valid());
}

#[test]
fn reads_keep_to_their_limits() {
    let mut disk = Disk::new();
    let mut log = open(
        &mut disk,
        LogConfig {
            segment_bytes: 1 << 20,
            ..small()
        },
    );
    fill(&mut log, &mut disk, 10);
    let size = log.size() / 10;
    let mut count = |from, max: u64, bound, min_one| {
        let read = log
            .read(&mut disk, from, max as u32, bound, min_one)
            .unwrap();
        (read.records.batches().len(), read.first_entry_incomplete)
    };
    assert_eq!(count(0, 3 * size, 20, true), (3, false));
    assert_eq!(
        count(1, 3 * size, 20, true),
        (3, false),
        "the batch that holds the offset comes whole"
    );
    assert_eq!(count(0, 1, 20, true), (1, false));
    assert_eq!(count(0, 1, 20, false), (0, true));
    assert_eq!(
        count(0, 1 << 20, 7, true),
        (3, false),
        "F1: below the bound"
    );
    assert_eq!(
        count(8, 1 << 20, 7, true),
        (0, false),
        "between bound and end: empty, not out of range"
    );
    assert_eq!(count(20, 1 << 20, 20, true), (0, false));
    assert!(log.read(&mut disk, 21, 1000, 20, true).is_err());
}

#[test]
fn offsets_are_found_by_timestamp() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 20);
    let mut find = |timestamp| {
        log.offset_for_timestamp(&mut disk, timestamp)
            .unwrap()
            .map(|found| found.offset)
    };
    assert_eq!(find(0), Some(0));
    assert_eq!(find(1007), Some(14));
    assert_eq!(find(1019), Some(38));
    assert_eq!(find(1020), None);
    let newest = log.offset_of_max_timestamp(&mut disk).unwrap().unwrap();
    assert_eq!(
        (newest.timestamp, newest.offset, newest.leader_epoch),
        (1019, 38, 0)
    );
}

#[test]
fn a_failing_disk_is_told_with_the_file_and_leaves_the_log_as_it_was() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 1);
    disk.set_full(true);
    let full = log
        .append_as_leader(&mut disk, &batch(0, &["a"]), 0, 1)
        .unwrap_err();
    let path = "data/t-0/00000000000000000000.log".to_owned();
    assert_eq!(
        full,
        LogError::Disk {
            path,
            error: DiskError::Full
        }
    );
    disk.set_full(false);
    assert_eq!(log.log_end_offset(), 2);
    fill(&mut log, &mut disk, 1);
    let read = log.read(&mut disk, 0, 1 << 20, 4, true).unwrap();
    assert_eq!(read.records.batches().len(), 2);
    disk.set_read_error("data/t-0", true);
    assert!(log.read(&mut disk, 0, 1 << 20, 4, true).is_err());
    disk.set_read_error("data/t-0", false);
    disk.set_sync_fails(true);
    assert!(log.flush(&mut disk).is_err());
    assert_eq!(log.recovery_point(), 0);
}
