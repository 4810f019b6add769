//! Loads a log from its directory, and recovers it after an unclean stop (class LogLoader; L6 to L8,
//! 12 A: RL2 to RL9, RL19).
//!
//! It goes step by step, as a broker's loading thread does: between two steps other things can happen,
//! a crash too, and a load that was cut off can be begun anew.
//!
//! May not know the high watermark, the leader, or what a lost write held.

use crate::kernel::disk::Disk;
use crate::log::leader_epoch_cache::LeaderEpochCache;
use crate::log::log_segment::LogSegment;
use crate::log::log_segment::recovery::{Recovered, SWAP};
use crate::log::log_segments::{LogSegments, Rebuild, rebuild_producer_state};
use crate::log::producer_state_manager::ProducerStateManager;
use crate::log::{BackgroundTask, LoadNote, LogConfig, LogError};
use std::collections::VecDeque;

/// What a broker knows of a log before it loads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoadParameters {
    /// `.kafka_cleanshutdown` was there.
    pub clean_shutdown: bool,
    /// From `recovery-point-offset-checkpoint`; 0 if absent.
    pub recovery_point: i64,
    /// From `log-start-offset-checkpoint`; 0 if absent.
    pub log_start_offset: i64,
    /// The broker's wall clock.
    pub now_ms: i64,
}

/// A load under way.
#[derive(Debug)]
pub struct LogLoader {
    pub(crate) dir: String,
    pub(crate) config: LogConfig,
    parameters: LoadParameters,
    pub(crate) segments: LogSegments,
    pub(crate) epochs: LeaderEpochCache,
    pub(crate) producers: ProducerStateManager,
    pub(crate) tasks: Vec<BackgroundTask>,
    notes: Vec<LoadNote>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Tidy,
    /// Files that are still to be looked at.
    Load(VecDeque<String>),
    /// Segments that are still to be scanned.
    Recover(VecDeque<i64>),
    Finish,
    Done(LoadedOffsets),
}

/// What a scan of a segment came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scan {
    Good,
    /// Something was cut off its end: what follows is not part of the log.
    Cut,
    /// Other segments stand in its place now: the phase begins anew.
    Split,
}

/// Where a loaded log begins and ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LoadedOffsets {
    pub(crate) log_start_offset: i64,
    pub(crate) recovery_point: i64,
    pub(crate) next_offset: i64,
    pub(crate) now_ms: i64,
}

impl LogLoader {
    /// Begins to load the log in `dir`, creating the directory if absent.
    pub fn new(
        disk: &mut Disk,
        dir: &str,
        config: LogConfig,
        parameters: LoadParameters,
    ) -> Result<LogLoader, LogError> {
        disk.make_dir(dir).map_err(LogError::disk(dir))?;
        let epochs = LeaderEpochCache::open(disk, dir, config.rules)?;
        let producers = ProducerStateManager::open(disk, dir, config.producer_id_expiration_ms);
        Ok(LogLoader {
            dir: dir.to_owned(),
            config,
            parameters,
            segments: LogSegments::default(),
            epochs,
            producers,
            tasks: Vec::new(),
            notes: Vec::new(),
            phase: Phase::Tidy,
        })
    }

    /// Does the next piece of work, at most one segment's; true once the log is loaded.
    pub fn step(&mut self, disk: &mut Disk) -> Result<bool, LogError> {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Tidy) {
            Phase::Tidy => {
                self.tidy(disk)?;
                Phase::Load(self.files(disk).into())
            }
            Phase::Load(mut files) => match files.pop_front() {
                Some(file) => match self.load_file(disk, &file)? {
                    Scan::Split => {
                        self.segments = LogSegments::default();
                        Phase::Load(self.files(disk).into())
                    }
                    Scan::Good | Scan::Cut => Phase::Load(files),
                },
                None if self.parameters.clean_shutdown => Phase::Finish,
                None => self.begin_to_recover(),
            },
            Phase::Recover(mut bases) => match bases.pop_front() {
                Some(base) => match self.recover_unflushed(disk, base)? {
                    Scan::Cut => {
                        self.delete_segments(disk, bases.into())?;
                        Phase::Finish
                    }
                    Scan::Split => self.begin_to_recover(),
                    Scan::Good => Phase::Recover(bases),
                },
                None => Phase::Finish,
            },
            Phase::Finish => Phase::Done(self.finish(disk)?),
            Phase::Done(offsets) => Phase::Done(offsets),
        };
        Ok(matches!(self.phase, Phase::Done(_)))
    }

    fn begin_to_recover(&self) -> Phase {
        let from = self.parameters.recovery_point;
        Phase::Recover(self.segments.bases_between(from, i64::MAX).into())
    }

    /// What was done since the last call.
    pub fn take_notes(&mut self) -> Vec<LoadNote> {
        std::mem::take(&mut self.notes)
    }

    pub(crate) fn loaded(&self) -> Option<LoadedOffsets> {
        match self.phase {
            Phase::Done(offsets) => Some(offsets),
            _ => None,
        }
    }

    /// RL2: leftovers of deletions and of interrupted swaps.
    fn tidy(&mut self, disk: &mut Disk) -> Result<(), LogError> {
        let files = self.files(disk);
        let mut lowest_cleaned = i64::MAX;
        for file in files.iter().filter(|file| file.ends_with(".cleaned")) {
            lowest_cleaned = lowest_cleaned.min(self.base_of(file)?);
        }
        let mut swaps = Vec::new();
        for file in files {
            if file.ends_with(".deleted") || file.ends_with(".cleaned") {
                self.delete_leftover(disk, file)?;
            } else if file.ends_with(".swap") {
                if self.base_of(&file)? >= lowest_cleaned {
                    self.delete_leftover(disk, file)?;
                } else {
                    swaps.push(file);
                }
            }
        }
        let (mut from, mut to) = (i64::MAX, i64::MIN);
        for file in swaps.iter().filter(|file| file.ends_with(".log.swap")) {
            let base = self.base_of(file)?;
            let now_ms = self.parameters.now_ms;
            let mut segment = LogSegment::open_with_tail(disk, &self.dir, base, now_ms, SWAP)?;
            let time_index = segment.path(".timeindex");
            let had_time_index = disk.exists(&time_index);
            segment.load_indexes(disk, &self.config)?;
            (from, to) = (from.min(base), to.max(segment.read_next_offset(disk)?));
            if !had_time_index {
                // Kafka has no need of it yet, and does not make it.
                disk.delete(&time_index)
                    .map_err(LogError::disk(&time_index))?;
            }
        }
        for file in self
            .files(disk)
            .into_iter()
            .filter(|file| !file.ends_with(".swap"))
        {
            if base_of(&file).is_some_and(|base| base >= from && base < to) {
                self.delete_leftover(disk, file)?;
            }
        }
        for file in self.files(disk) {
            if let Some(name) = file.strip_suffix(".swap") {
                let (from, to) = (
                    format!("{}/{file}", self.dir),
                    format!("{}/{name}", self.dir),
                );
                disk.rename(&from, &to).map_err(LogError::disk(&from))?;
                self.notes.push(LoadNote::RenamedSwap { file });
            }
        }
        Ok(())
    }

    fn load_file(&mut self, disk: &mut Disk, file: &str) -> Result<Scan, LogError> {
        if [".index", ".timeindex", ".txnindex"]
            .iter()
            .any(|suffix| file.ends_with(suffix))
        {
            let base = self.base_of(file)?;
            if !disk.exists(&format!("{}/{base:020}.log", self.dir)) {
                let path = format!("{}/{file}", self.dir);
                disk.delete(&path).map_err(LogError::disk(&path))?;
                self.notes.push(LoadNote::DeletedOrphanIndex {
                    file: file.to_owned(),
                });
            }
        } else if file.ends_with(".log") {
            return self.load_segment(disk, file);
        }
        Ok(Scan::Good)
    }

    fn load_segment(&mut self, disk: &mut Disk, file: &str) -> Result<Scan, LogError> {
        let base = self.base_of(file)?;
        let mut segment = LogSegment::open(disk, &self.dir, base, self.parameters.now_ms)?;
        let time_index = segment.path(".timeindex");
        let usable = disk.exists(&segment.path(".index")) && !segment.txn_index().is_corrupt(base);
        if !disk.exists(&time_index) {
            disk.create(&time_index)
                .map_err(LogError::disk(&time_index))?;
        }
        if !usable {
            self.notes.push(LoadNote::RebuildingIndex { segment: base });
            let producers = self.producers_before(disk, base)?;
            match self.scan(disk, &mut segment, producers)? {
                Recovered::Cut { .. } => {}
                Recovered::OffsetRepeats => {
                    let problem = "offsets repeat, and its index must be rebuilt".to_owned();
                    return Err(LogError::Inconsistent {
                        path: segment.path(".log"),
                        problem,
                    });
                }
                Recovered::Overflows => {
                    self.split(disk, &segment)?;
                    return Ok(Scan::Split);
                }
            }
        }
        self.segments.add(segment);
        Ok(Scan::Good)
    }

    /// Scans a segment from the recovery point on.
    fn recover_unflushed(&mut self, disk: &mut Disk, base: i64) -> Result<Scan, LogError> {
        let producers = self.producers_before(disk, base)?;
        let Some(mut segment) = self.segments.remove(base) else {
            return Ok(Scan::Good);
        };
        let bytes = match self.scan(disk, &mut segment, producers)? {
            Recovered::Cut { bytes } => bytes,
            Recovered::OffsetRepeats => {
                self.notes.push(LoadNote::OffsetsRepeat { segment: base });
                segment.truncate_to(disk, &self.config, base, self.parameters.now_ms)?
            }
            Recovered::Overflows => {
                for part in self.split(disk, &segment)? {
                    self.segments.add(part);
                }
                return Ok(Scan::Split);
            }
        };
        let scan = if bytes > 0 { Scan::Cut } else { Scan::Good };
        if scan == Scan::Cut {
            let log_end_offset = segment.read_next_offset(disk)?;
            self.notes.push(LoadNote::Cut {
                segment: base,
                bytes,
                log_end_offset,
            });
        }
        self.segments.add(segment);
        Ok(scan)
    }

    /// KAFKA-6264: puts segments in which all offsets fit in the place of one in which they do not. A
    /// crash on the way leaves the old one, or files from which the next start goes on (RL2).
    fn split(
        &mut self,
        disk: &mut Disk,
        segment: &LogSegment,
    ) -> Result<Vec<LogSegment>, LogError> {
        if !segment.has_overflow(disk)? {
            return Err(LogError::Inconsistent {
                path: segment.path(".log"),
                problem: "an offset lies before the segment".to_owned(),
            });
        }
        let mut parts = segment.split(disk, &self.config, self.parameters.now_ms)?;
        for part in parts.iter_mut().rev() {
            part.rename_tail(disk, SWAP)?;
        }
        let paths = segment.mark_deleted(disk)?;
        self.tasks.push(BackgroundTask::DeleteFiles {
            paths,
            delay_ms: self.config.file_delete_delay_ms,
        });
        for part in &mut parts {
            part.rename_tail(disk, "")?;
        }
        self.notes.push(LoadNote::Split {
            segment: segment.base_offset(),
            into: parts.iter().map(LogSegment::base_offset).collect(),
        });
        Ok(parts)
    }

    /// The producers as the log below `base` leaves them.
    fn producers_before(
        &mut self,
        disk: &mut Disk,
        base: i64,
    ) -> Result<ProducerStateManager, LogError> {
        let mut producers =
            ProducerStateManager::open(disk, &self.dir, self.config.producer_id_expiration_ms);
        let LoadParameters {
            log_start_offset,
            now_ms,
            ..
        } = self.parameters;
        let range = Rebuild {
            log_start_offset,
            last_offset: base,
            after_clean_stop: false,
            now_ms,
        };
        rebuild_producer_state(
            disk,
            &mut producers,
            &mut self.segments,
            &self.config,
            range,
        )?;
        note_unreadable(&mut producers, &mut self.notes);
        Ok(producers)
    }

    fn scan(
        &mut self,
        disk: &mut Disk,
        segment: &mut LogSegment,
        mut producers: ProducerStateManager,
    ) -> Result<Recovered, LogError> {
        let recovered = segment.recover(disk, &self.config, &mut self.epochs, &mut producers)?;
        if let Recovered::Cut { .. } = recovered {
            producers.take_snapshot(disk, true)?;
            self.notes.push(LoadNote::Scanned {
                segment: segment.base_offset(),
                bytes: segment.size(),
            });
        }
        Ok(recovered)
    }

    fn finish(&mut self, disk: &mut Disk) -> Result<LoadedOffsets, LogError> {
        let LoadParameters {
            clean_shutdown,
            recovery_point,
            log_start_offset,
            now_ms,
        } = self.parameters;
        let mut end = None;
        if let Some(last) = self.segments.last_mut() {
            last.load_indexes(disk, &self.config)?;
            let log_end_offset = last.read_next_offset(disk)?;
            if log_end_offset >= log_start_offset {
                end = Some(log_end_offset);
            } else {
                self.notes.push(LoadNote::EndBeforeStart {
                    log_end_offset,
                    log_start_offset,
                });
                self.delete_segments(disk, self.segments.base_offsets())?;
                self.epochs.clear(disk)?;
                self.producers
                    .truncate_fully_and_start_at(disk, log_start_offset)?;
            }
        }
        if self.segments.is_empty() {
            self.segments.add(LogSegment::create(
                disk,
                &self.dir,
                log_start_offset,
                &self.config,
                now_ms,
            )?);
        }
        let next_offset = end.unwrap_or(log_start_offset);
        let recovery_point = if clean_shutdown && end.is_some() {
            next_offset
        } else {
            recovery_point.min(next_offset)
        };
        for segment in self.segments.iter_mut() {
            segment.load_indexes(disk, &self.config)?;
        }
        if let Some(last) = self.segments.last_mut() {
            last.resize_indexes(disk, &self.config)?;
        }
        self.epochs.truncate_from_end(disk, next_offset)?;
        let first_base = self
            .segments
            .first_base_offset()
            .unwrap_or(log_start_offset);
        self.epochs.truncate_from_start(disk, log_start_offset)?;
        let log_start_offset = log_start_offset.max(first_base);
        self.producers
            .remove_stray_snapshots(disk, &self.segments.base_offsets())?;
        let range = Rebuild {
            log_start_offset,
            last_offset: next_offset,
            after_clean_stop: clean_shutdown,
            now_ms,
        };
        let snapshot = rebuild_producer_state(
            disk,
            &mut self.producers,
            &mut self.segments,
            &self.config,
            range,
        )?;
        note_unreadable(&mut self.producers, &mut self.notes);
        let recovery_point = recovery_point.max(log_start_offset);
        self.notes.push(LoadNote::Loaded {
            log_start_offset,
            log_end_offset: next_offset,
            recovery_point,
            producers: u32::try_from(self.producers.producers().len()).unwrap_or(u32::MAX),
            snapshot,
        });
        Ok(LoadedOffsets {
            log_start_offset,
            recovery_point,
            next_offset,
            now_ms,
        })
    }

    /// Segments behind a cut, or all: their files go after file.delete.delay.ms.
    fn delete_segments(&mut self, disk: &mut Disk, bases: Vec<i64>) -> Result<(), LogError> {
        let mut paths = Vec::new();
        for base in bases {
            let Some(segment) = self.segments.remove(base) else {
                continue;
            };
            paths.extend(segment.mark_deleted(disk)?);
            paths.extend(self.producers.mark_deleted(disk, base)?);
            self.notes.push(LoadNote::DeletedSegment { segment: base });
        }
        if !paths.is_empty() {
            self.tasks.push(BackgroundTask::DeleteFiles {
                paths,
                delay_ms: self.config.file_delete_delay_ms,
            });
        }
        Ok(())
    }

    fn delete_leftover(&mut self, disk: &mut Disk, file: String) -> Result<(), LogError> {
        let path = format!("{}/{file}", self.dir);
        disk.delete(&path).map_err(LogError::disk(&path))?;
        match self.notes.last_mut() {
            Some(LoadNote::DeletedLeftovers { files }) => files.push(file),
            _ => self
                .notes
                .push(LoadNote::DeletedLeftovers { files: vec![file] }),
        }
        Ok(())
    }

    /// Names of the files in the directory, sorted.
    fn files(&self, disk: &Disk) -> Vec<String> {
        let is_file = |name: &String| disk.exists(&format!("{}/{name}", self.dir));
        disk.list(&self.dir).into_iter().filter(is_file).collect()
    }

    fn base_of(&self, file: &str) -> Result<i64, LogError> {
        base_of(file).ok_or_else(|| LogError::Inconsistent {
            path: format!("{}/{file}", self.dir),
            problem: "the name is no offset".to_owned(),
        })
    }
}

fn note_unreadable(producers: &mut ProducerStateManager, notes: &mut Vec<LoadNote>) {
    for (offset, problem) in producers.take_unreadable() {
        notes.push(LoadNote::DeletedSnapshot { offset, problem });
    }
}

/// The number before the first dot of a file's name.
fn base_of(file: &str) -> Option<i64> {
    file.split_once('.')?.0.parse().ok()
}
