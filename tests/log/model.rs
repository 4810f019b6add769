//! A log against a plain vector of batches: random appends, rolls, truncations, retention, flushes,
//! crashes of process and power, and reopenings (L1, L2, L5, L7 to L9, S-3 to S-5).

use bytes::Bytes;
use kafka_trial::kernel::Stream;
use kafka_trial::kernel::disk::Disk;
use kafka_trial::log::batch::{BatchBuilder, RecordBatch};
use kafka_trial::log::{BackgroundTask, LoadParameters, LogConfig, Records, UnifiedLog};
use proptest::prelude::*;

const DIR: &str = "data/t-0";

#[derive(Clone, Debug)]
enum Op {
    Append {
        records: u8,
        value: u16,
        producer: Option<u8>,
    },
    /// A leader's batches with gaps before each, as compaction leaves them.
    Replicate {
        gaps: Vec<u8>,
    },
    NewEpoch,
    Roll,
    /// To the boundary before the batch with this number from the end.
    Truncate {
        batches: u8,
    },
    RestartAt {
        beyond: u8,
    },
    RaiseHighWatermark {
        batches: u8,
    },
    DeleteRecords {
        batches: u8,
    },
    Retention,
    Flush,
    /// The scheduler gets to work.
    Background,
    /// The recovery point and the log start are checkpointed.
    Checkpoint,
    CleanRestart,
    ProcessCrash,
    PowerFailure {
        seed: u64,
    },
    Read {
        from: u16,
        max_length: u16,
        bound: u16,
        min_one: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (1u8..6, 0u16..120, proptest::option::of(0u8..3))
            .prop_map(|(records, value, producer)| Op::Append { records, value, producer }),
        3 => proptest::collection::vec(0u8..4, 1..4).prop_map(|gaps| Op::Replicate { gaps }),
        2 => Just(Op::NewEpoch),
        1 => Just(Op::Roll),
        2 => (0u8..12).prop_map(|batches| Op::Truncate { batches }),
        1 => (0u8..5).prop_map(|beyond| Op::RestartAt { beyond }),
        4 => (0u8..12).prop_map(|batches| Op::RaiseHighWatermark { batches }),
        1 => (0u8..12).prop_map(|batches| Op::DeleteRecords { batches }),
        1 => Just(Op::Retention),
        2 => Just(Op::Flush),
        2 => Just(Op::Background),
        1 => Just(Op::Checkpoint),
        2 => Just(Op::CleanRestart),
        2 => Just(Op::ProcessCrash),
        2 => any::<u64>().prop_map(|seed| Op::PowerFailure { seed }),
        6 => (any::<u16>(), 0u16..2000, any::<u16>(), any::<bool>())
            .prop_map(|(from, max_length, bound, min_one)| Op::Read { from, max_length, bound, min_one }),
    ]
}

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 1200,
        index_interval_bytes: 150,
        segment_index_bytes: 256,
        retention_bytes: 3000,
        retention_ms: -1,
        ..LogConfig::default()
    }
}

/// The real log, and beside it what it must hold.
struct Pair {
    disk: Disk,
    log: UnifiedLog,
    epoch: i32,
    now_ms: i64,
    /// What is visible: all batches from the oldest segment on.
    batches: Vec<RecordBatch>,
    start: i64,
    end: i64,
    high_watermark: i64,
    /// Epochs with their first offsets.
    epochs: Vec<(i32, i64)>,
    next_sequence: [i32; 3],
    /// Below this everything survives a power failure.
    durable: i64,
    /// The log start has raised the recovery point above what was flushed (RL11): a later flush leaves
    /// that out, and until a start has looked at all, a power failure may take everything.
    unflushed_below: bool,
    /// Every batch that was ever appended.
    history: Vec<RecordBatch>,
    checkpointed_recovery_point: i64,
    checkpointed_start: i64,
}

impl Pair {
    fn new() -> Pair {
        let mut disk = Disk::new();
        let parameters = LoadParameters {
            clean_shutdown: false,
            recovery_point: 0,
            log_start_offset: 0,
            now_ms: 0,
        };
        let log = UnifiedLog::open(&mut disk, DIR, config(), parameters).unwrap();
        Pair {
            disk,
            log,
            epoch: 0,
            now_ms: 0,
            batches: Vec::new(),
            start: 0,
            end: 0,
            high_watermark: 0,
            epochs: Vec::new(),
            next_sequence: [0; 3],
            durable: 0,
            unflushed_below: false,
            history: Vec::new(),
            checkpointed_recovery_point: 0,
            checkpointed_start: 0,
        }
    }

    fn apply(&mut self, op: &Op) {
        self.now_ms += 10;
        match op {
            Op::Append {
                records,
                value,
                producer,
            } => self.append(*records, *value, *producer),
            Op::Replicate { gaps } => self.replicate(gaps),
            Op::NewEpoch => {
                self.epoch += 1;
                self.log
                    .assign_epoch_start_offset(&mut self.disk, self.epoch, self.end)
                    .unwrap();
                self.note_epoch(self.epoch, self.end);
            }
            Op::Roll => {
                let segments = self.log.segment_base_offsets();
                if segments.last() != Some(&self.end) {
                    self.log.roll(&mut self.disk, self.now_ms).unwrap();
                    assert_eq!(self.log.segment_base_offsets().last(), Some(&self.end));
                }
            }
            Op::Truncate { batches } => self.truncate(self.boundary(*batches)),
            Op::RestartAt { beyond } => self.restart_at(self.end + i64::from(*beyond)),
            Op::RaiseHighWatermark { batches } => {
                let target = self.boundary(*batches);
                let rose = self.log.maybe_increment_high_watermark(target);
                assert_eq!(
                    rose,
                    (target > self.high_watermark).then_some(self.high_watermark)
                );
                self.high_watermark = self.high_watermark.max(target);
            }
            Op::DeleteRecords { batches } => self.delete_records(self.boundary(*batches)),
            Op::Retention => self.retain(),
            Op::Flush => {
                self.log.flush(&mut self.disk).unwrap();
                assert_eq!(self.log.recovery_point(), self.end);
                self.note_durable(self.end);
            }
            Op::Background => self.work_in_background(),
            Op::Checkpoint => self.checkpoint(),
            Op::CleanRestart => {
                self.log.close(&mut self.disk).unwrap();
                self.note_durable(self.end);
                self.checkpoint();
                self.reopen(true);
                self.assert_nothing_lost();
            }
            Op::ProcessCrash => {
                self.reopen(false);
                self.assert_nothing_lost();
                self.relearn_epochs();
                // So it does producers, whose batches lie before a log start that was not checkpointed.
                self.forget_sequences();
            }
            Op::PowerFailure { seed } => self.fail_power(*seed),
            Op::Read {
                from,
                max_length,
                bound,
                min_one,
            } => {
                let place = |n: u16| self.start + i64::from(n) % (self.end - self.start + 1);
                self.read(
                    place(*from),
                    u32::from(*max_length),
                    place(*bound),
                    *min_one,
                );
            }
        }
        self.assert_equal();
    }

    fn append(&mut self, records: u8, value: u16, producer: Option<u8>) {
        let mut builder = BatchBuilder::new();
        if let Some(producer) = producer {
            let sequence = &mut self.next_sequence[usize::from(producer)];
            builder = builder.producer(i64::from(producer), 0, *sequence);
            *sequence += i32::from(records);
        }
        for i in 0..records {
            let value = vec![i; usize::from(value)];
            builder.append(self.now_ms - i64::from(i), None, Some(&value), &[]);
        }
        let batch = builder.build();
        let sent = Records::from(batch.clone());
        let info = self
            .log
            .append_as_leader(&mut self.disk, &sent, self.epoch, self.now_ms)
            .unwrap();
        assert_eq!(
            (info.first_offset, info.last_offset),
            (self.end, self.end + i64::from(records) - 1)
        );
        if producer.is_some() {
            // D2: the same again is answered with the same offsets, and changes nothing.
            let again = self
                .log
                .append_as_leader(&mut self.disk, &sent, self.epoch, self.now_ms)
                .unwrap();
            assert!(again.duplicate);
            assert_eq!(
                (again.first_offset, again.last_offset),
                (info.first_offset, info.last_offset)
            );
        }
        self.note_appended(batch.with_offset_and_epoch(self.end, self.epoch));
    }

    fn replicate(&mut self, gaps: &[u8]) {
        let mut next = self.end;
        let mut batches = Vec::new();
        for gap in gaps {
            let mut builder = BatchBuilder::new()
                .base_offset(next + i64::from(*gap))
                .leader_epoch(self.epoch);
            builder.append(
                self.now_ms,
                None,
                Some(b"replicated"),
                &[(Bytes::from("h"), None)],
            );
            batches.push(builder.build());
            next = batches[batches.len() - 1].next_offset();
        }
        let records = Records::from(batches.clone());
        self.log
            .append_as_follower(&mut self.disk, &records, self.now_ms)
            .unwrap();
        for batch in batches {
            self.note_appended(batch);
        }
        let again = self
            .log
            .append_as_follower(&mut self.disk, &records, self.now_ms);
        assert!(again.is_err(), "a follower's log takes no offset twice");
    }

    fn truncate(&mut self, target: i64) {
        let truncated = self.log.truncate_to(&mut self.disk, target).unwrap();
        assert_eq!(truncated, target < self.end);
        self.batches.retain(|batch| batch.last_offset() < target);
        self.epochs
            .retain(|(_, start)| *start < target.min(self.end));
        self.end = target;
        self.start = self.start.min(target);
        self.high_watermark = self.high_watermark.min(target);
        self.durable = self.durable.min(target);
        self.forget_sequences();
        // As Kafka's LogManager does after a truncation.
        self.checkpoint();
    }

    fn restart_at(&mut self, offset: i64) {
        self.log
            .truncate_fully_and_start_at(&mut self.disk, offset)
            .unwrap();
        self.batches.clear();
        self.epochs.clear();
        (self.start, self.end, self.high_watermark) = (offset, offset, offset);
        (self.durable, self.unflushed_below) = (0, false);
        self.forget_sequences();
        self.checkpoint();
    }

    fn delete_records(&mut self, target: i64) {
        let rose = self
            .log
            .maybe_increment_log_start_offset(&mut self.disk, target);
        if target > self.high_watermark {
            assert!(rose.is_err());
        } else if rose.unwrap() {
            self.note_start(target);
        }
    }

    fn retain(&mut self) {
        let before = self.log.segment_base_offsets();
        let deleted = self
            .log
            .delete_old_segments(&mut self.disk, self.now_ms)
            .unwrap();
        if !deleted.is_empty() {
            let first = self.log.segment_base_offsets()[0];
            assert!(before.contains(&first) || first == self.end);
            assert!(
                first <= self.high_watermark,
                "S-4: nothing at or above the high watermark is deleted"
            );
            self.batches.retain(|batch| batch.base_offset() >= first);
            self.note_start(first);
        }
    }

    fn work_in_background(&mut self) {
        for task in self.log.take_background_tasks() {
            match task {
                BackgroundTask::Flush { files, up_to } => {
                    for file in files {
                        let _ = self.disk.sync(file);
                    }
                    self.log.mark_flushed(up_to);
                }
                BackgroundTask::DeleteFiles { paths, .. } => {
                    for path in paths {
                        let _ = self.disk.delete(&path);
                    }
                }
            }
        }
        self.note_durable(self.log.recovery_point().min(self.end));
    }

    /// The files of checkpoints are synced when they are written, which also syncs all names.
    fn checkpoint(&mut self) {
        self.checkpointed_recovery_point = self.log.recovery_point();
        self.checkpointed_start = self.log.log_start_offset();
        let path = "data/recovery-point-offset-checkpoint";
        kafka_trial::log::replace(&mut self.disk, path, Bytes::from("0\n0\n")).unwrap();
    }

    fn reopen(&mut self, clean_shutdown: bool) {
        let parameters = LoadParameters {
            clean_shutdown,
            recovery_point: self.checkpointed_recovery_point,
            log_start_offset: self.checkpointed_start,
            now_ms: self.now_ms,
        };
        self.log = UnifiedLog::open(&mut self.disk, DIR, config(), parameters).unwrap();
        self.log.update_high_watermark(self.high_watermark);
    }

    fn assert_nothing_lost(&mut self) {
        assert_eq!(self.log.log_end_offset(), self.end);
        assert!(self.log.log_start_offset() <= self.start);
        let first = self.log.segment_base_offsets()[0];
        self.start = self.checkpointed_start.max(first);
        // E2, RL7: entries at the end go at every load; a raised start keeps folding what is before it.
        self.epochs.retain(|(_, start)| *start < self.end);
        self.fold_epochs();
        self.high_watermark = self.log.high_watermark();
        // D19: of each producer only the last batch survives, which is enough to go on.
    }

    /// L7: the scan adds epochs above the latest known, which a truncation at a raised start forgot.
    fn relearn_epochs(&mut self) {
        let found: Vec<(i32, i64)> = self
            .log
            .leader_epochs()
            .iter()
            .map(|e| (e.epoch, e.start_offset))
            .collect();
        assert!(
            found.starts_with(&self.epochs),
            "{found:?} does not begin with {:?}",
            self.epochs
        );
        for (epoch, start) in &found[self.epochs.len()..] {
            let begins =
                |batch: &RecordBatch| batch.base_offset() == *start || *start == self.start;
            let same =
                |batch: &&RecordBatch| batch.partition_leader_epoch() == *epoch && begins(batch);
            assert!(
                self.history.iter().any(|batch| same(&batch)),
                "no batch begins epoch {epoch}"
            );
        }
        self.epochs = found;
    }

    fn fail_power(&mut self, seed: u64) {
        let durable: Vec<RecordBatch> = self
            .batches
            .iter()
            .filter(|batch| batch.next_offset() <= self.durable)
            .cloned()
            .collect();
        self.disk.power_failure(&mut Stream::named(seed, "power"));
        self.reopen(false);
        let found = self.all_batches();
        for batch in &found {
            assert!(batch.is_valid(), "S-5: every batch is whole");
            assert!(
                self.history.contains(batch),
                "S-5: only what was appended comes back"
            );
        }
        assert!(
            found
                .windows(2)
                .all(|pair| pair[0].last_offset() < pair[1].base_offset())
        );
        let start = self.log.log_start_offset();
        for batch in durable
            .iter()
            .filter(|batch| batch.base_offset() >= start.max(self.start))
        {
            assert!(
                found.contains(batch),
                "flushed below {} is {batch:?}, found from {start} {found:?}",
                self.durable
            );
        }
        self.end = self.log.log_end_offset();
        self.start = start;
        self.high_watermark = self.log.high_watermark();
        self.epochs = self
            .log
            .leader_epochs()
            .iter()
            .map(|e| (e.epoch, e.start_offset))
            .collect();
        assert!(
            self.epochs
                .windows(2)
                .all(|pair| pair[0] < pair[1] && pair[0].1 < pair[1].1)
        );
        self.batches = found;
        self.durable = self.durable.min(self.end);
        self.unflushed_below = false;
        self.epoch += 1;
        self.forget_sequences();
    }

    fn read(&mut self, from: i64, max_length: u32, bound: i64, min_one: bool) {
        let read = self
            .log
            .read(&mut self.disk, from, max_length, bound, min_one)
            .unwrap();
        let first = self
            .batches
            .iter()
            .position(|batch| batch.last_offset() >= from);
        let mut expected: Vec<RecordBatch> = Vec::new();
        if let Some(first) = first {
            let segments = self.log.segment_base_offsets();
            let segment =
                |batch: &RecordBatch| segments.partition_point(|base| *base <= batch.base_offset());
            let mut size = 0;
            for batch in &self.batches[first..] {
                size += batch.size();
                let fits = size <= u64::from(max_length) || (min_one && expected.is_empty());
                let same_segment = segment(batch) == segment(&self.batches[first]);
                if !fits || batch.last_offset() >= bound || !same_segment {
                    break;
                }
                expected.push(batch.clone());
            }
        }
        assert_eq!(
            read.records.batches(),
            expected,
            "read from {from} below {bound}, {max_length} bytes"
        );
    }

    fn all_batches(&mut self) -> Vec<RecordBatch> {
        let mut batches = Vec::new();
        let mut position = self.log.log_start_offset();
        while position < self.log.log_end_offset() {
            let end = self.log.log_end_offset();
            let read = self
                .log
                .read(&mut self.disk, position, 1 << 20, end, true)
                .unwrap();
            match read.records.next_offset() {
                Some(next) => position = next,
                None => break,
            }
            batches.extend_from_slice(read.records.batches());
        }
        batches
    }

    fn assert_equal(&mut self) {
        assert_eq!(self.log.log_end_offset(), self.end);
        assert_eq!(self.log.log_start_offset(), self.start);
        assert_eq!(
            self.log.high_watermark(),
            self.high_watermark.max(self.start)
        );
        self.high_watermark = self.high_watermark.max(self.start);
        assert!(self.log.recovery_point() <= self.end);
        let epochs: Vec<(i32, i64)> = self
            .log
            .leader_epochs()
            .iter()
            .map(|e| (e.epoch, e.start_offset))
            .collect();
        assert_eq!(epochs, self.epochs);
        let visible = self.all_batches();
        let expected: Vec<RecordBatch> = self
            .batches
            .iter()
            .filter(|batch| batch.last_offset() >= self.start)
            .cloned()
            .collect();
        assert_eq!(visible, expected);
    }

    fn note_durable(&mut self, offset: i64) {
        if !self.unflushed_below {
            self.durable = self.durable.max(offset);
        }
    }

    /// The log start rose.
    fn note_start(&mut self, offset: i64) {
        if offset > self.durable {
            (self.unflushed_below, self.durable) = (true, 0);
        }
        self.start = self.start.max(offset);
        self.fold_epochs();
    }

    fn note_appended(&mut self, batch: RecordBatch) {
        self.note_epoch(batch.partition_leader_epoch(), batch.base_offset());
        self.end = batch.next_offset();
        self.batches.push(batch.clone());
        self.history.push(batch);
    }

    fn note_epoch(&mut self, epoch: i32, start: i64) {
        if self.epochs.last().is_none_or(|last| last.0 != epoch) {
            self.epochs
                .retain(|entry| entry.0 < epoch && entry.1 < start);
            self.epochs.push((epoch, start));
        }
    }

    fn fold_epochs(&mut self) {
        let folded = self
            .epochs
            .iter()
            .filter(|(_, start)| *start <= self.start)
            .count();
        if folded > 0 {
            self.epochs.drain(..folded - 1);
            self.epochs[0].1 = self.start;
        }
    }

    /// Producers start anew with a higher id space: what the log still knows of them is its business.
    fn forget_sequences(&mut self) {
        for (producer, sequence) in self.next_sequence.iter_mut().enumerate() {
            let known = self.log.active_producers().get(&(producer as i64));
            *sequence = known.map_or(0, |known| known.last_sequence() + 1);
        }
    }

    /// The end of the batch that stands so many before the last.
    fn boundary(&self, batches: u8) -> i64 {
        let visible: Vec<&RecordBatch> = self
            .batches
            .iter()
            .filter(|batch| batch.base_offset() >= self.start)
            .collect();
        match visible.len().checked_sub(usize::from(batches)) {
            Some(0) | None => self.start,
            Some(n) => visible[n - 1].next_offset(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_a_vector_of_batches(ops in proptest::collection::vec(op(), 1..60)) {
        let mut pair = Pair::new();
        for op in &ops {
            pair.apply(op);
        }
    }
}
