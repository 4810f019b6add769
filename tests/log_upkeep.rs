//! What a log needs now and then: overflowed segments split, files flushed and deleted late.

use kafka_trial::kernel::Stream;
use kafka_trial::kernel::disk::Disk;
use kafka_trial::log::batch::{BatchBuilder, RecordBatch};
use kafka_trial::log::{LoadNote, LoadParameters, LogConfig, LogLoader, UnifiedLog};

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
