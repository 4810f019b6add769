//! What a log remembers of its producers: sequences, snapshots, transactions.

use crate::rules::{DIR, after_crash, fill, open};
use kafka_trial::kernel::disk::Disk;
use kafka_trial::log::batch::BatchBuilder;
use kafka_trial::log::{AppendOrigin, LoadParameters, LogConfig, LogError, Records, UnifiedLog};

fn sequenced(producer_id: i64, epoch: i16, sequence: i32) -> Records {
    let mut builder = BatchBuilder::new().producer(producer_id, epoch, sequence);
    builder.append(1, None, Some(b"v"), &[]);
    builder.build().into()
}

#[test]
fn d1_d2_d3_the_last_five_batches_are_known_and_sequences_continue() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    for sequence in 0..7 {
        let info = log
            .append_as_leader(&mut disk, &sequenced(9, 0, sequence), 0, 1)
            .unwrap();
        assert_eq!(info.first_offset, i64::from(sequence));
    }
    let mut send =
        |epoch, sequence| log.append_as_leader(&mut disk, &sequenced(9, epoch, sequence), 0, 1);
    let duplicate = send(0, 2).unwrap();
    assert!(
        duplicate.duplicate && duplicate.first_offset == 2,
        "one of the last five"
    );
    assert!(matches!(
        send(0, 1),
        Err(LogError::OutOfOrderSequence {
            expected: 7,
            found: 1,
            ..
        })
    ));
    assert!(matches!(
        send(0, 8),
        Err(LogError::OutOfOrderSequence {
            expected: 7,
            found: 8,
            ..
        })
    ));
    assert!(matches!(
        send(1, 3),
        Err(LogError::OutOfOrderSequence { expected: 0, .. })
    ));
    assert_eq!(
        send(1, 0).unwrap().first_offset,
        7,
        "a new epoch starts at 0"
    );
    assert!(matches!(
        send(0, 7),
        Err(LogError::InvalidProducerEpoch {
            known: 1,
            found: 0,
            ..
        })
    ));
    let unknown = log
        .append_as_leader(&mut disk, &sequenced(10, 0, 77), 0, 1)
        .unwrap();
    assert_eq!(
        unknown.first_offset, 8,
        "any sequence of a producer that is not known"
    );
}

#[test]
fn d4_d19_l10_replicated_sequences_are_believed_and_snapshots_remember_the_last_batch() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    for sequence in [3, 4, 9] {
        let batch =
            &sequenced(9, 0, sequence).batches()[0].with_offset_and_epoch(log.log_end_offset(), 0);
        log.append_as_follower(&mut disk, &batch.clone().into(), 1)
            .unwrap();
    }
    log.close(&mut disk).unwrap();
    let snapshot = disk
        .read_file("data/t-0/00000000000000000003.snapshot")
        .unwrap();
    assert_eq!(snapshot.len(), 10 + 46);
    let parameters = LoadParameters {
        clean_shutdown: true,
        ..after_crash(0)
    };
    let mut log = UnifiedLog::open(&mut disk, DIR, LogConfig::default(), parameters).unwrap();
    assert_eq!(log.active_producers()[&9].last_sequence(), 9);
    let mut send = |sequence| log.append_as_leader(&mut disk, &sequenced(9, 0, sequence), 0, 1);
    assert!(send(9).unwrap().duplicate);
    assert!(send(4).is_err(), "the window of five has shrunk to one");
    assert_eq!(send(10).unwrap().first_offset, 3);
}

#[test]
fn cp50_d19_a_producer_is_forgotten_by_the_time_of_its_records_not_of_their_arrival() {
    let mut disk = Disk::new();
    let config = LogConfig {
        producer_id_expiration_ms: 1_000,
        ..LogConfig::default()
    };
    let mut log = open(&mut disk, config.clone());
    // Its record says 1; the broker's clock 5,000.
    let mut send = |log: &mut UnifiedLog, sequence| {
        log.append_as_leader(&mut disk, &sequenced(9, 0, sequence), 0, 5_000)
    };
    send(&mut log, 0).unwrap();
    assert!(send(&mut log, 7).is_err());
    assert!(log.remove_expired_producers(1_000).is_empty());
    assert_eq!(log.remove_expired_producers(1_001), [9]);
    assert_eq!(
        send(&mut log, 7).unwrap().first_offset,
        1,
        "a stranger may begin anywhere (CP51)"
    );
    log.close(&mut disk).unwrap();
    let reopened = |disk: &mut Disk, now_ms| {
        let parameters = LoadParameters {
            clean_shutdown: true,
            now_ms,
            ..after_crash(0)
        };
        let log = UnifiedLog::open(disk, DIR, config.clone(), parameters).unwrap();
        log.active_producers().len()
    };
    assert_eq!(reopened(&mut disk, 1_000), 1);
    assert_eq!(reopened(&mut disk, 1_001), 0, "nor is it read back");
}

#[test]
fn cp50_an_open_transaction_keeps_its_producer() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    let mut builder = BatchBuilder::new().producer(9, 0, 0).transactional();
    builder.append(1, None, Some(b"in a transaction"), &[]);
    log.append_as_leader(&mut disk, &builder.build().into(), 0, 1)
        .unwrap();
    assert!(log.remove_expired_producers(i64::MAX).is_empty());
}

#[test]
fn cp51_an_old_epoch_is_refused_and_a_new_one_begins_at_0_unless_nobody_knows_the_producer() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    let mut send = |epoch, sequence| {
        log.append_as_leader(&mut disk, &sequenced(9, epoch, sequence), 0, 1)
            .map(|info| info.first_offset)
    };
    assert_eq!(send(4, 77).unwrap(), 0);
    assert!(matches!(
        send(3, 78),
        Err(LogError::InvalidProducerEpoch {
            known: 4,
            found: 3,
            ..
        })
    ));
    assert!(matches!(
        send(5, 78),
        Err(LogError::OutOfOrderSequence { expected: 0, .. })
    ));
    assert_eq!(send(5, 0).unwrap(), 1);
}

#[test]
fn cp51_after_a_marker_alone_a_producer_begins_at_0() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    let mut marker = BatchBuilder::new()
        .producer(9, 3, -1)
        .transactional()
        .control();
    marker.append(2, Some(&[0, 0, 0, 0]), Some(&[0, 0, 0, 0, 0, 5]), &[]);
    log.append_as_leader_from(
        &mut disk,
        &marker.build().into(),
        0,
        2,
        AppendOrigin::Coordinator,
    )
    .unwrap();
    let mut send = |sequence| log.append_as_leader(&mut disk, &sequenced(9, 3, sequence), 0, 1);
    assert!(matches!(
        send(5),
        Err(LogError::OutOfOrderSequence { expected: 0, .. })
    ));
    assert_eq!(send(0).unwrap().first_offset, 1);
}

#[test]
fn cp52_a_follower_that_leads_next_knows_the_last_five_batches_and_truncation_forgets() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    for sequence in 0..7 {
        let batch =
            sequenced(9, 0, sequence).batches()[0].with_offset_and_epoch(log.log_end_offset(), 0);
        log.append_as_follower(&mut disk, &batch.into(), 1).unwrap();
    }
    let mut send = |log: &mut UnifiedLog, sequence| {
        log.append_as_leader(&mut disk, &sequenced(9, 0, sequence), 1, 1)
    };
    for sequence in 2..7 {
        let info = send(&mut log, sequence).unwrap();
        assert!(info.duplicate, "{sequence}");
        assert_eq!(info.first_offset, i64::from(sequence));
    }
    assert!(send(&mut log, 1).is_err());
    log.truncate_to(&mut disk, 5).unwrap();
    let mut send = |sequence| log.append_as_leader(&mut disk, &sequenced(9, 0, sequence), 1, 1);
    assert_eq!(send(5).unwrap().first_offset, 5, "it was cut off");
    assert!(send(3).unwrap().duplicate);
}

#[test]
fn cp53_deleting_records_forgets_no_producer() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    for sequence in 0..3 {
        log.append_as_leader(&mut disk, &sequenced(9, 0, sequence), 0, 1)
            .unwrap();
    }
    log.update_high_watermark(3);
    log.maybe_increment_log_start_offset(&mut disk, 3).unwrap();
    let mut send = |sequence| log.append_as_leader(&mut disk, &sequenced(9, 0, sequence), 0, 1);
    assert!(send(2).unwrap().duplicate, "though its records are gone");
    assert!(send(5).is_err());
    assert_eq!(send(3).unwrap().first_offset, 3);
}

#[test]
fn cp54_what_cannot_be_appended_leaves_no_trace() {
    let mut disk = Disk::new();
    let config = LogConfig {
        segment_bytes: 200,
        max_message_bytes: 1_000,
        ..LogConfig::default()
    };
    let mut log = open(&mut disk, config);
    log.append_as_leader(&mut disk, &sequenced(9, 0, 0), 0, 1)
        .unwrap();
    let mut builder = BatchBuilder::new().producer(9, 1, 0);
    builder.append(1, None, Some(&[0; 300]), &[]);
    let too_large = builder.build().into();
    assert!(log.append_as_leader(&mut disk, &too_large, 0, 1).is_err());
    let known = &log.active_producers()[&9];
    assert_eq!((known.producer_epoch, known.last_sequence()), (0, 0));
    assert_eq!(
        log.append_as_leader(&mut disk, &sequenced(9, 0, 1), 0, 1)
            .unwrap()
            .first_offset,
        1
    );
}

#[test]
fn d3_sequence_numbers_begin_anew_at_0_after_the_largest() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    for (sequence, offset) in [(i32::MAX - 1, 0), (i32::MAX, 1), (0, 2), (1, 3)] {
        let info = log
            .append_as_leader(&mut disk, &sequenced(9, 0, sequence), 0, 1)
            .unwrap();
        assert_eq!(info.first_offset, offset);
    }
}

#[test]
fn d11_d12_d13_an_open_transaction_holds_the_last_stable_offset() {
    let mut disk = Disk::new();
    let mut log = open(&mut disk, LogConfig::default());
    fill(&mut log, &mut disk, 1);
    let mut builder = BatchBuilder::new().producer(9, 0, 0).transactional();
    builder.append(1, None, Some(b"in a transaction"), &[]);
    log.append_as_leader(&mut disk, &builder.build().into(), 0, 1)
        .unwrap();
    log.update_high_watermark(3);
    assert_eq!(log.last_stable_offset(), 2);
    let mut marker = BatchBuilder::new()
        .producer(9, 0, -1)
        .transactional()
        .control();
    marker.append(2, Some(&[0, 0, 0, 0]), Some(&[0, 0, 0, 0, 0, 5]), &[]);
    let marker = Records::from(marker.build());
    log.append_as_leader_from(&mut disk, &marker, 0, 2, AppendOrigin::Coordinator)
        .unwrap();
    let mut older = BatchBuilder::new()
        .producer(9, 0, -1)
        .transactional()
        .control();
    older.append(3, Some(&[0, 0, 0, 1]), Some(&[0, 0, 0, 0, 0, 4]), &[]);
    let older = Records::from(older.build());
    assert!(matches!(
        log.append_as_leader_from(&mut disk, &older, 0, 3, AppendOrigin::Coordinator),
        Err(LogError::CoordinatorFenced {
            known: 5,
            found: 4,
            ..
        })
    ));
    assert_eq!(
        log.last_stable_offset(),
        2,
        "until the marker is below the high watermark"
    );
    log.update_high_watermark(4);
    assert_eq!(log.last_stable_offset(), 4);
    let aborted = log.aborted_transactions(0, 4);
    assert_eq!(aborted.len(), 1);
    assert_eq!(
        (
            aborted[0].producer_id,
            aborted[0].first_offset,
            aborted[0].last_offset
        ),
        (9, 2, 3)
    );
    assert_eq!(aborted[0].last_stable_offset, 4);
    let path = "data/t-0/00000000000000000000.txnindex";
    assert_eq!(disk.read_file(path).unwrap().len(), 34);
}
