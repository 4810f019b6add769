//! Batch after batch of a segment's file, as shared chunks (class FileLogInputStream; RL3).

use crate::kernel::disk::{Disk, DiskError, FileId};
use crate::log::batch::{BatchProblem, CorruptBatch, HEADER_SIZE, RecordBatch};
use bytes::Bytes;
use smallvec::SmallVec;

/// Base offset, length, leader epoch and magic: with no more left, Kafka stops reading.
const UP_TO_MAGIC: u64 = 17;
/// Base offset and length.
const LOG_OVERHEAD: u64 = 12;
/// The smallest length that any format of records has had.
const LEAST_LENGTH: i32 = 14;
/// What a leader's changed head takes as a chunk of its own.
const HEAD: usize = 16;

/// Whoever reads at the end of a log reads so few chunks.
const FEW: usize = 4;

/// What reading the next batch can run into.
#[derive(Debug)]
pub(crate) enum ReadError {
    Disk(DiskError),
    Corrupt(CorruptBatch),
}

impl From<DiskError> for ReadError {
    fn from(error: DiskError) -> Self {
        ReadError::Disk(error)
    }
}

/// Reads a file in windows. A partial batch at the end is the end; CRCs are not checked.
#[derive(Debug)]
pub(crate) struct BatchReader {
    file: FileId,
    position: u64,
    end: u64,
    window: u64,
    /// What was read, and how many of these are used up.
    chunks: SmallVec<[Bytes; FEW]>,
    used: usize,
    buffered: u64,
}

impl BatchReader {
    /// Reads from `position`, where a batch begins, to `end`, `window` bytes at a time.
    pub(crate) fn new(file: FileId, position: u64, end: u64, window: u64) -> BatchReader {
        BatchReader {
            file,
            position,
            end,
            window,
            chunks: SmallVec::new(),
            used: 0,
            buffered: 0,
        }
    }

    /// Where the next batch begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch.
    pub(crate) fn next(&mut self, disk: &mut Disk) -> Result<Option<RecordBatch>, ReadError> {
        let left = self.end.saturating_sub(self.position);
        if left <= UP_TO_MAGIC {
            return Ok(None);
        }
        self.fill(disk, UP_TO_MAGIC)?;
        let Some(head) = self.peek() else {
            return Ok(None);
        };
        let is_legacy = (head[UP_TO_MAGIC as usize - 1] as i8) < 2;
        let (base_offset, length) = head.split_at(8);
        let base_offset =
            i64::from_be_bytes(base_offset.first_chunk().copied().unwrap_or_default());
        let length = i32::from_be_bytes(length.first_chunk().copied().unwrap_or_default());
        let corrupt = |problem| {
            Err(ReadError::Corrupt(CorruptBatch {
                problem,
                position: 8,
                base_offset: Some(base_offset),
            }))
        };
        if length < LEAST_LENGTH {
            return corrupt(BatchProblem::LengthTooSmall { length });
        }
        let size = length as u64 + LOG_OVERHEAD;
        if size > left {
            return Ok(None);
        }
        if size < HEADER_SIZE as u64 && !is_legacy {
            return corrupt(BatchProblem::Truncated {
                needed: HEADER_SIZE as u64,
                found: size,
            });
        }
        self.fill(disk, size)?;
        let batch = self.take(size as usize);
        self.position += batch.as_ref().map_or(0, RecordBatch::size);
        Ok(batch)
    }

    /// Sees that `bytes` bytes are buffered, if the file has them.
    #[inline]
    fn fill(&mut self, disk: &mut Disk, bytes: u64) -> Result<(), DiskError> {
        match self.buffered < bytes {
            true => self.read_window(disk, bytes),
            false => Ok(()),
        }
    }

    fn read_window(&mut self, disk: &mut Disk, bytes: u64) -> Result<(), DiskError> {
        let left = self.end - self.position;
        self.chunks.clear();
        self.used = 0;
        let window = bytes.max(self.window).min(left);
        let chunks = &mut self.chunks;
        disk.read_each(self.file, self.position, window, |chunk| chunks.push(chunk))?;
        self.buffered = self.chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Ok(())
    }

    /// The next bytes up to the magic, without taking them; none if there are fewer.
    fn peek(&self) -> Option<[u8; UP_TO_MAGIC as usize]> {
        if let Some(head) = self.chunks.get(self.used)?.first_chunk() {
            return Some(*head);
        }
        let mut out = [0; UP_TO_MAGIC as usize];
        let mut filled = 0;
        for chunk in &self.chunks[self.used..] {
            let count = chunk.len().min(out.len() - filled);
            out[filled..filled + count].copy_from_slice(&chunk[..count]);
            filled += count;
            if filled == out.len() {
                return Some(out);
            }
        }
        None
    }

    /// Takes a batch of `size` bytes, without a copy if it lies in one chunk, or in two as a leader
    /// wrote it.
    fn take(&mut self, size: usize) -> Option<RecordBatch> {
        let first = self.chunks.get(self.used)?.len();
        if first >= size {
            return Some(RecordBatch::whole(self.take_from_front(size)?));
        }
        if first == HEAD
            && self
                .chunks
                .get(self.used + 1)
                .is_some_and(|rest| rest.len() >= size - HEAD)
        {
            let head = self.take_from_front(HEAD)?;
            return Some(RecordBatch::from_chunks(
                head,
                self.take_from_front(size - HEAD)?,
            ));
        }
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            let count = (size - bytes.len()).min(self.chunks.get(self.used)?.len());
            bytes.extend_from_slice(&self.take_from_front(count)?);
        }
        Some(RecordBatch::whole(bytes.into()))
    }

    fn take_from_front(&mut self, count: usize) -> Option<Bytes> {
        let chunk = self.chunks.get_mut(self.used)?;
        self.buffered -= count as u64;
        if chunk.len() == count {
            self.used += 1;
            Some(std::mem::take(chunk))
        } else {
            Some(chunk.split_to(count))
        }
    }
}
