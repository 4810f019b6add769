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
