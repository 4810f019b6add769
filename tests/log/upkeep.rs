//! What a log needs now and then: overflowed segments split, files flushed and deleted late.

use kafka_trial::kernel::Stream;
use kafka_trial::kernel::disk::Disk;
use kafka_trial::log::batch::{BatchBuilder, RecordBatch};
use kafka_trial::log::{
    BackgroundTask, LoadNote, LoadParameters, LogConfig, LogLoader, Records, SegmentDeletionReason,
    UnifiedLog,
};

const DIR: &str = "data/t-0";

fn after_crash() -> LoadParameters {
    LoadParameters {
        clean_shutdown: false,
        recovery_point: 0,
        log_start_offset: 0,
        now_ms: 1000,
    }
}

fn batch(base_offset: i64) -> RecordBatch {
    let mut builder = BatchBuilder::new().base_offset(base_offset).leader_epoch(0);
    builder.append(7, None, Some(b"v"), &[]);
    builder.build()
}

/// Removed by retention: so many segments.
fn deleted(log: &mut UnifiedLog, disk: &mut Disk, now_ms: i64) -> usize {
    log.delete_old_segments(disk, now_ms).unwrap().len()
}

fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 500,
        index_interval_bytes: 100,
        segment_index_bytes: 4096,
        ..LogConfig::default()
    }
}

fn open(disk: &mut Disk, config: LogConfig) -> UnifiedLog {
    UnifiedLog::open(disk, DIR, config, after_crash()).unwrap()
}

fn records(timestamp: i64, values: &[&str]) -> Records {
    let mut builder = BatchBuilder::new();
    for value in values {
        builder.append(timestamp, None, Some(value.as_bytes()), &[]);
    }
    builder.build().into()
}

fn fill(log: &mut UnifiedLog, disk: &mut Disk, batches: i64) {
    for i in 0..batches {
        log.append_as_leader(disk, &records(1000 + i, &["one", "two"]), 0, 1000 + i)
            .unwrap();
    }
}

/// A segment that a broker older than KAFKA-6264 left behind.
fn one_segment(disk: &mut Disk, offsets: &[i64]) {
    let file = disk
        .create(&format!("{DIR}/00000000000000000000.log"))
        .unwrap();
    for offset in offsets {
        for chunk in batch(*offset).chunks() {
            disk.append(file, chunk).unwrap();
        }
    }
}

fn offsets(log: &UnifiedLog, disk: &mut Disk) -> Vec<i64> {
    let (mut position, mut offsets) = (log.log_start_offset(), Vec::new());
    while position < log.log_end_offset() {
        let read = log
            .read(disk, position, 1 << 20, log.log_end_offset(), true)
            .unwrap();
        let Some(next) = read.records.next_offset() else {
            break;
        };
        offsets.extend(read.records.batches().iter().map(RecordBatch::base_offset));
        position = next;
    }
    offsets
}

const FAR: i64 = 3_000_000_000;

/// KAFKA-6264: offsets that are too far from a segment's base for its index.
#[test]
fn an_overflowed_segment_is_split_and_reads_as_before() {
    for recovery_point in [0, i64::MAX] {
        let mut disk = Disk::new();
        one_segment(&mut disk, &[0, 5, FAR, FAR + 1, 2 * FAR]);
        let parameters = LoadParameters {
            recovery_point,
            ..after_crash()
        };
        let mut loader = LogLoader::new(&mut disk, DIR, LogConfig::default(), parameters).unwrap();
        while !loader.step(&mut disk).unwrap() {}
        let split = LoadNote::Split {
            segment: 0,
            into: vec![0, FAR, 2 * FAR],
        };
        assert!(loader.take_notes().contains(&split));
        let log = UnifiedLog::from_loader(&mut disk, loader).unwrap();
        assert_eq!(log.segment_base_offsets(), [0, FAR, 2 * FAR]);
        assert_eq!(offsets(&log, &mut disk), [0, 5, FAR, FAR + 1, 2 * FAR]);
        assert!(disk.exists(&format!("{DIR}/00000000000000000000.log.deleted")));
        let left = |name: &String| name.ends_with(".cleaned") || name.ends_with(".swap");
        assert!(!disk.list(DIR).iter().any(left));
    }
}

/// A power failure after any step, and a start that goes on from there.
#[test]
fn a_split_that_is_cut_off_can_be_begun_anew() {
    for seed in 0..200 {
        let mut random = Stream::named(seed, "a split cut off");
        let mut disk = Disk::new();
        one_segment(&mut disk, &[0, FAR, 2 * FAR]);
        disk.sync_all();
        let config = LogConfig::default();
        let mut loader = LogLoader::new(&mut disk, DIR, config.clone(), after_crash()).unwrap();
        for _ in 0..random.next_u64() % 6 {
            loader.step(&mut disk).unwrap();
        }
        disk.power_failure(&mut random);
        let log = UnifiedLog::open(&mut disk, DIR, config, after_crash()).unwrap();
        assert_eq!(offsets(&log, &mut disk), [0, FAR, 2 * FAR], "seed {seed}");
    }
}

#[test]
fn l4_retention_deletes_the_active_segment_too_and_never_above_the_high_watermark() {
    let mut disk = Disk::new();
    let mut log = open(
        &mut disk,
        LogConfig {
            retention_ms: 100,
            ..small()
        },
    );
    fill(&mut log, &mut disk, 12);
    let end = log.log_end_offset();
    assert_eq!(
        deleted(&mut log, &mut disk, 10_000),
        0,
        "nothing is below the high watermark"
    );
    log.update_high_watermark(log.segment_base_offsets()[1]);
    assert_eq!(deleted(&mut log, &mut disk, 10_000), 1);
    log.update_high_watermark(end);
    let segments = log.segment_base_offsets().len();
    assert_eq!(deleted(&mut log, &mut disk, 10_000), segments);
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (end, end));
    assert_eq!(log.segment_base_offsets(), [end]);
    assert_eq!(
        deleted(&mut log, &mut disk, 99_999),
        0,
        "an empty last segment stays"
    );
    let info = log
        .append_as_leader(&mut disk, &records(0, &["next"]), 0, 10_000)
        .unwrap();
    assert_eq!(info.first_offset, end, "no offset is used again");
    let deleted = log
        .take_background_tasks()
        .into_iter()
        .filter_map(|task| match task {
            BackgroundTask::DeleteFiles { paths, .. } => Some(paths),
            BackgroundTask::Flush { .. } => None,
        });
    for path in deleted.flatten() {
        assert!(path.ends_with(".deleted") && disk.exists(&path), "{path}");
    }
}

#[test]
fn l4_retention_by_size_keeps_at_least_so_much() {
    let mut disk = Disk::new();
    let mut log = open(
        &mut disk,
        LogConfig {
            retention_bytes: 700,
            retention_ms: -1,
            ..small()
        },
    );
    fill(&mut log, &mut disk, 20);
    log.update_high_watermark(log.log_end_offset());
    assert!(deleted(&mut log, &mut disk, 0) > 0);
    assert!(
        log.size() >= 700 && log.size() < 700 + 500,
        "{}",
        log.size()
    );
}

#[test]
fn l5_hw1_log_start_and_high_watermark_bound_each_other() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, small());
    fill(&mut log, &mut disk, 5);
    assert_eq!(log.update_high_watermark(99), 10);
    assert_eq!(log.update_high_watermark(6), 6, "a follower's may fall");
    assert_eq!(log.maybe_increment_high_watermark(4), None);
    assert_eq!(log.maybe_increment_high_watermark(8), Some(6));
    assert!(log.maybe_increment_log_start_offset(&mut disk, 9).is_err());
    assert_eq!(log.maybe_increment_log_start_offset(&mut disk, 7), Ok(true));
    assert_eq!(
        log.maybe_increment_log_start_offset(&mut disk, 7),
        Ok(false)
    );
    assert_eq!(log.update_high_watermark(3), 7, "raised to the log start");
    let below = log.read(&mut disk, 6, 1000, 8, true).unwrap_err();
    assert_eq!(
        below.to_string(),
        "offset 6 is out of range: the log holds 7 to 10"
    );
    assert_eq!(log.recovery_point(), 7, "RL11");
    assert_eq!(log.leader_epochs()[0].start_offset, 7, "RL11");
}

#[test]
fn a_deleted_segment_says_which_setting_asked_for_it() {
    let mut disk = Disk::new();
    let config = LogConfig {
        retention_ms: 3_600_000,
        retention_bytes: 600,
        file_delete_delay_ms: 77,
        ..small()
    };
    let mut log = open(&mut disk, config);
    fill(&mut log, &mut disk, 24);
    log.update_high_watermark(log.log_end_offset());
    let middle = log.segment_base_offsets()[1];
    log.maybe_increment_log_start_offset(&mut disk, middle)
        .unwrap();
    let by_size = log.delete_old_segments(&mut disk, 2000).unwrap();
    assert_eq!(by_size[0], (0, SegmentDeletionReason::LogStart));
    assert_eq!(by_size[1], (middle, SegmentDeletionReason::RetentionSize));
    let by_time = log.delete_old_segments(&mut disk, 9_000_000).unwrap();
    assert!(
        by_time
            .iter()
            .all(|(_, why)| why.setting() == "retention.ms")
    );
    assert!(!by_time.is_empty());
    let delays = log
        .take_background_tasks()
        .into_iter()
        .filter_map(|task| match task {
            BackgroundTask::DeleteFiles { delay_ms, .. } => Some(delay_ms),
            BackgroundTask::Flush { .. } => None,
        });
    assert!(delays.eq([77, 77, 77]));
}

/// `flush.ms`: looked at by the scheduler, so that it needs log.flush.scheduler.interval.ms.
#[test]
fn a_flush_by_time_is_due_once_the_last_one_is_old_enough() {
    let mut disk = Disk::new();
    let config = LogConfig {
        flush_ms: 500,
        ..LogConfig::default()
    };
    let mut log = open(&mut disk, config);
    fill(&mut log, &mut disk, 3);
    log.flush_if_due(&disk, 1499);
    assert_eq!(log.take_background_tasks(), []);
    log.flush_if_due(&disk, 1500);
    let [BackgroundTask::Flush { files, up_to: 6 }] = &log.take_background_tasks()[..] else {
        panic!("a flush is due")
    };
    assert!(!files.is_empty());
    assert_eq!(log.recovery_point(), 0);
    log.mark_flushed(6);
    assert_eq!(log.recovery_point(), 6);
    log.flush_if_due(&disk, 9000);
    assert_eq!(log.take_background_tasks(), [], "nothing is unflushed");
}
