//! A node's simulated disk: files by path, a page cache, and what survives which crash.
//!
//! Calls work on the page cache at once and charge their time to the running handler (a blocking
//! call of a real thread). What is not synced survives a process crash, not a power failure.
//!
//! The model is a journaling file system (ext4, XFS): changes of the directory tree reach the device
//! in the order in which they were made, each atomic; an fsync of a file also makes all changes of
//! the tree before it durable. The contents of files reach the device independently of each other:
//! of each file, what a power failure leaves is a prefix of the unsynced operations, the last of them
//! torn at any byte. A file's size lies in the tree: cutting it short keeps its place among the tree's
//! changes and takes the file's earlier operations along, and what makes it longer survives only with
//! all changes of the tree before it. What is overwritten in place survives without them. After
//! `writeback_after` the operating system has written
//! everything back by itself.

mod device;
mod file;
mod files;
mod journal;
mod killed;
mod names;
mod peek;
mod rope;
mod sealed;
mod write_back;

pub use device::DiskConfig;

use super::{Duration, Stream, Time};
use bytes::Bytes;
use device::Device;
use file::{File, Op, happened};
use files::Files;
use names::{Entry, NameOp, Names};
use sealed::Sealed;
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

/// An open file; stays valid until the file is deleted (a rename keeps it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u64);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskError {
    /// No space left on device.
    Full,
    /// Input/output error.
    Io,
    NotFound,
}

impl std::fmt::Display for DiskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DiskError::Full => "no space left on device",
            DiskError::Io => "input/output error",
            DiskError::NotFound => "no such file or directory",
        })
    }
}

impl std::error::Error for DiskError {}

/// A disk. Paths use `/` and are relative to the node's root, e.g. `data/t-0/leader-epoch-checkpoint`.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    names: Names,
    durable_names: Names,
    /// Changes of the tree that are not durable yet, with the time of each.
    name_journal: VecDeque<(Time, NameOp)>,
    /// How many changes of the tree have become durable.
    names_committed: u64,
    files: Files,
    /// Bytes written and not yet known to the device, over all files.
    dirty: u64,
    /// Bytes stored in all files.
    stored: u64,
    /// `None`: calls cost nothing and time stands still.
    device: Option<Box<Device>>,
    full: bool,
    sync_fails: bool,
    sync_stuck: bool,
    read_errors: Vec<String>,
    /// Blocking fsyncs at work, and when the device will have done each.
    syncing: VecDeque<(Time, Sync)>,
    /// Blocking fsyncs that hang.
    hanging: Vec<Hanging>,
    /// One of them is the running handler's.
    hangs: bool,
    /// The running handler has waited for a blocking fsync.
    waited: bool,
    memory: SharedMemory,
}

/// What the disks of a simulation hold in common, in the memory of the machine that simulates them.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedMemory(Rc<RefCell<Sealed>>);

/// An fsync that has begun: what it will have made durable when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sync {
    file: FileId,
    content: u64,
    names: u64,
}

/// A blocking fsync that hangs; or (not `begun`) one that its handler comes to once another has returned.
#[derive(Clone, Copy, Debug)]
struct Hanging {
    sync: Sync,
    begun: bool,
}

impl Disk {
    /// A disk of its own, without a kernel around it (for tests and tools).
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens `path`, creating it (and its parent directories) if absent.
    pub fn create(&mut self, path: &str) -> Result<FileId, DiskError> {
        let path = trimmed(path);
        self.call(0);
        match self.names.get(path) {
            Some(Entry::File(file)) => return Ok(file),
            Some(Entry::Dir) => return Err(DiskError::Io),
            None => {}
        }
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.make_dir(parent)?;
        }
        let file = self.files.add();
        self.change_names(NameOp::Create {
            path: path.to_owned(),
            file,
        });
        Ok(file)
    }

    pub fn open(&self, path: &str) -> Option<FileId> {
        match self.names.get(trimmed(path)) {
            Some(Entry::File(file)) => Some(file),
            Some(Entry::Dir) | None => None,
        }
    }

    /// Whether a file (not a directory) stands at `path`.
    pub fn exists(&self, path: &str) -> bool {
        self.open(path).is_some()
    }

    /// Whether a directory stands at `path`.
    pub fn is_dir(&self, path: &str) -> bool {
        self.names.get(trimmed(path)) == Some(Entry::Dir)
    }

    /// Names (not paths) of the files and directories in a directory, sorted.
    pub fn list(&self, dir: &str) -> Vec<String> {
        let dir = trimmed(dir);
        let skip = if dir.is_empty() { 0 } else { dir.len() + 1 };
        self.names
            .below(dir)
            .map(|(path, _)| &path[skip..])
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect()
    }

    /// Every file on the disk with its path, sorted by path.
    pub fn files(&self) -> Vec<(String, FileId)> {
        self.names
            .files()
            .map(|(path, file)| (path.to_owned(), file))
            .collect()
    }

    /// Makes a directory and its parents; nothing happens if it is there.
    pub fn make_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        let dir = trimmed(dir);
        let ends = dir.match_indices('/').map(|(at, _)| at).chain([dir.len()]);
        for end in ends.filter(|&end| end > 0) {
            match self.names.get(&dir[..end]) {
                Some(Entry::Dir) => {}
                Some(Entry::File(_)) => return Err(DiskError::Io),
                None => self.change_names(NameOp::MakeDir {
                    path: dir[..end].to_owned(),
                }),
            }
        }
        Ok(())
    }

    /// Bytes of all files together.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Length in bytes. 0 if the file is gone.
    pub fn len(&self, file: FileId) -> u64 {
        self.linked(file).map_or(0, |file| file.content.len())
    }

    /// Appends to the end; returns the position where `chunk` begins. The chunk is shared, not copied.
    pub fn append(&mut self, file: FileId, chunk: Bytes) -> Result<u64, DiskError> {
        let position = self.linked(file).ok_or(DiskError::NotFound)?.content.len();
        self.write_at(file, position, chunk)?;
        Ok(position)
    }

    /// Overwrites from `position` on; a gap after the end of the file is filled with zeros.
    pub fn write_at(&mut self, file: FileId, position: u64, chunk: Bytes) -> Result<(), DiskError> {
        let bytes = chunk.len() as u64;
        self.linked(file).ok_or(DiskError::NotFound)?;
        let capacity = self
            .device
            .as_ref()
            .map_or(u64::MAX, |device| device.config.capacity);
        if self.full || self.stored.saturating_add(bytes) > capacity {
            return Err(DiskError::Full);
        }
        self.change_content(file, Op::Write { position, chunk });
        self.call(bytes);
        if let Some(device) = &mut self.device
            && self.dirty > device.config.dirty_limit
        {
            device.write_through(bytes);
        }
        Ok(())
    }

    /// Cuts (or extends with zeros) to `len`.
    pub fn truncate(&mut self, file: FileId, len: u64) -> Result<(), DiskError> {
        self.linked(file).ok_or(DiskError::NotFound)?;
        self.change_content(file, Op::Resize { len });
        self.call(0);
        Ok(())
    }

    /// The bytes `position..position + len` (fewer at the end of the file), as the chunks in which
    /// they were written where the range covers these whole: no copy is made.
    pub fn read(&mut self, file: FileId, position: u64, len: u64) -> Result<Vec<Bytes>, DiskError> {
        let mut pieces = Vec::new();
        self.read_each(file, position, len, |piece| pieces.push(piece))?;
        Ok(pieces)
    }

    /// Like `read`; each chunk is given to `take`.
    pub fn read_each(
        &mut self,
        file: FileId,
        position: u64,
        len: u64,
        mut take: impl FnMut(Bytes),
    ) -> Result<(), DiskError> {
        let entry = self.linked(file).ok_or(DiskError::NotFound)?;
        if !self.read_errors.is_empty()
            && self
                .names
                .files()
                .any(|(path, id)| id == file && self.is_unreadable(path))
        {
            return Err(DiskError::Io);
        }
        let mut bytes = 0;
        entry.content.read_each(position, len, |piece| {
            bytes += piece.len() as u64;
            take(piece);
        });
        let cold = self
            .files
            .get_mut(file)
            .map_or(0, |file| file.warm(position, bytes));
        self.call(bytes);
        if cold > 0
            && let Some(device) = &mut self.device
        {
            device.read_cold(cold);
        }
        Ok(())
    }

    /// Like `read`, as one contiguous piece (copies if the range spans chunks).
    pub fn read_contiguous(
        &mut self,
        file: FileId,
        position: u64,
        len: u64,
    ) -> Result<Bytes, DiskError> {
        let mut pieces = self.read(file, position, len)?;
        Ok(match pieces.len() {
            0 => Bytes::new(),
            1 => pieces.swap_remove(0),
            _ => pieces.concat().into(),
        })
    }

    /// Whole content of a file by path.
    pub fn read_file(&mut self, path: &str) -> Result<Bytes, DiskError> {
        let file = self.open(path).ok_or(DiskError::NotFound)?;
        self.read_contiguous(file, 0, u64::MAX)
    }

    /// Renames a file or a directory atomically, replacing what stands at `to`.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        let (from, to) = (trimmed(from), trimmed(to));
        self.names.get(from).ok_or(DiskError::NotFound)?;
        self.call(0);
        if to.starts_with(from) && to[from.len()..].starts_with('/') {
            return Err(DiskError::Io);
        }
        if from != to {
            if let Some((parent, _)) = to.rsplit_once('/') {
                self.make_dir(parent)?;
            }
            self.change_names(NameOp::Rename {
                from: from.to_owned(),
                to: to.to_owned(),
            });
        }
        Ok(())
    }

    pub fn delete(&mut self, path: &str) -> Result<(), DiskError> {
        let path = trimmed(path);
        self.open(path).ok_or(DiskError::NotFound)?;
        self.call(0);
        self.change_names(NameOp::Delete {
            path: path.to_owned(),
        });
        Ok(())
    }

    /// Deletes a directory and all in it.
    pub fn delete_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        let dir = trimmed(dir);
        if !self.is_dir(dir) {
            return Err(DiskError::NotFound);
        }
        self.call(0);
        self.change_names(NameOp::DeleteDir {
            path: dir.to_owned(),
        });
        Ok(())
    }

    /// A blocking fsync: the handler is charged the device's latency; after it, the file's content and
    /// its directory entry are durable.
    pub fn sync(&mut self, file: FileId) -> Result<(), DiskError> {
        let delay = self
            .device
            .as_ref()
            .map_or(Duration::ZERO, |it| it.sync_delay);
        self.block_until_durable(file, delay)
    }

    /// The same of a file that is mapped into memory (msync): what makes fsyncs slow leaves it alone.
    pub fn force(&mut self, file: FileId) -> Result<(), DiskError> {
        self.block_until_durable(file, Duration::ZERO)
    }

    fn block_until_durable(&mut self, file: FileId, delay: Duration) -> Result<(), DiskError> {
        let sync = self.begin_sync(file).ok_or(DiskError::NotFound)?;
        let (dirty, clean) = self.work_of(sync);
        self.waited |= self.sync_stuck || self.device.is_some();
        let done = match &mut self.device {
            Some(device) if clean => device.sync_clean(delay),
            Some(device) => device.sync(dirty, delay),
            None => Time::ZERO,
        };
        if self.sync_fails {
            return Err(DiskError::Io);
        }
        match () {
            () if self.sync_stuck => {
                let begun = !self.hangs;
                self.hanging.push(Hanging { sync, begun });
                self.hangs = true;
            }
            () if self.device.is_some() => {
                let at = self.syncing.partition_point(|(end, _)| *end <= done);
                self.syncing.insert(at, (done, sync));
            }
            () => self.end_sync(sync),
        }
        Ok(())
    }

    /// Whether the running handler has waited, or hangs, in a blocking fsync.
    pub fn has_waited(&self) -> bool {
        self.waited
    }

    /// Makes everything durable, as an orderly shutdown of the machine does; costs nothing.
    pub fn sync_all(&mut self) {
        self.commit_names(u64::MAX);
        for file in self.files.ids() {
            self.commit_content(file, u64::MAX);
        }
    }
}

/// What crashes and faults do to a disk.
impl Disk {
    /// The machine loses power: of everything that has happened and is not durable a prefix survives, drawn
    /// from `random`, for the tree and for each file on its own.
    pub fn power_failure(&mut self, random: &mut Stream) {
        let now = self.now();
        self.end_syncs(now);
        self.syncing.clear();
        self.hanging.clear();
        self.hangs = false;
        if let Some(device) = &mut self.device {
            device.power_off();
        }
        self.write_back(now);
        let kept = random.below(happened(self.name_journal.iter().map(|(time, _)| *time), now) + 1);
        self.commit_names(self.names_committed + kept);
        let lost = self
            .name_journal
            .front()
            .map_or(Time::MAX, |(time, _)| *time);
        self.name_journal.clear();
        self.names = self.durable_names.clone();

        let named: BTreeSet<FileId> = self.names.files().map(|(_, file)| file).collect();
        self.files.retain(|file| named.contains(&file));
        (self.dirty, self.stored) = (0, 0);
        for file in self.files.iter_mut() {
            file.power_failure(now, lost, random);
            self.stored += file.stored;
        }
    }

    /// Everything is gone.
    pub fn wipe(&mut self) {
        self.names = Names::default();
        self.durable_names = Names::default();
        self.name_journal.clear();
        self.files.clear();
        self.syncing.clear();
        self.hanging.clear();
        (self.dirty, self.stored) = (0, 0);
    }

    /// Flips one bit of the byte at `position`, in the page cache and on the device; answers whether
    /// there is such a byte.
    pub fn flip(&mut self, path: &str, position: u64, bit: u8) -> bool {
        let now = self.now();
        let file = self.open(path).and_then(|file| self.files.get_mut(file));
        let Some(file) = file.filter(|file| position < file.content.len()) else {
            return false;
        };
        if file.flip(position, bit) {
            let chunk = file.content.read(position, 1).concat().into();
            file.change(now, Op::Write { position, chunk });
            file.dirty += 1;
            self.dirty += 1;
        }
        true
    }

    /// So many bytes fit on it; what is there already stays.
    pub fn set_capacity(&mut self, bytes: u64) {
        if let Some(device) = &mut self.device {
            device.config.capacity = bytes;
        }
    }

    /// Writes fail with `Full` until called with false.
    pub fn set_full(&mut self, on: bool) {
        self.full = on;
    }

    /// Reads of files whose path contains `path` fail until called with false.
    pub fn set_read_error(&mut self, path: &str, on: bool) {
        self.read_errors.retain(|bad| bad != path);
        if on {
            self.read_errors.push(path.to_owned());
        }
    }

    /// Fsyncs fail, and make nothing durable, until called with false.
    pub fn set_sync_fails(&mut self, on: bool) {
        self.sync_fails = on;
    }

    /// Fsyncs that end from now on hang until called with false.
    pub(super) fn set_sync_stuck(&mut self, on: bool) {
        self.sync_stuck = on;
        if !on {
            self.happen_now();
            for hanging in std::mem::take(&mut self.hanging) {
                self.end_sync(hanging.sync);
            }
        }
    }

    pub(super) fn set_sync_delay(&mut self, extra: Duration) {
        if let Some(device) = &mut self.device {
            device.sync_delay = extra;
        }
    }

    pub(super) fn set_slowness(&mut self, times: u32) {
        if let Some(device) = &mut self.device {
            device.set_slowness(times);
        }
    }
}

/// What the kernel around a disk needs.
impl Disk {
    pub(super) fn with_device(config: DiskConfig, random: Stream, memory: SharedMemory) -> Self {
        Self {
            device: Some(Box::new(Device::new(config, random))),
            memory,
            ..Self::default()
        }
    }

    pub(super) fn set_now(&mut self, now: Time) {
        if let Some(device) = &mut self.device {
            device.now = now;
        }
        self.end_syncs(now);
    }

    /// Time spent in calls since the last time it was asked.
    pub(super) fn take_spent(&mut self) -> Duration {
        self.waited = false;
        self.device
            .as_mut()
            .map_or(Duration::ZERO, |device| device.take_spent())
    }

    pub(super) fn sync_is_stuck(&self) -> bool {
        self.sync_stuck
    }

    /// Whether a blocking fsync of the handler that ends hangs.
    pub(super) fn take_hangs(&mut self) -> bool {
        std::mem::take(&mut self.hangs)
    }

    /// Begins an fsync that nobody waits for; answers when the device will have done it.
    pub(super) fn sync_later(&mut self, file: FileId) -> Result<(Sync, Time), DiskError> {
        let sync = self.begin_sync(file).ok_or(DiskError::NotFound)?;
        let (dirty, clean) = self.work_of(sync);
        let now = self.now();
        let done = match &mut self.device {
            Some(device) if !clean => device.sync_later(dirty),
            Some(device) => now + device.sync_delay,
            None => now,
        };
        Ok((sync, done))
    }

    /// Ends an fsync: what was written before its beginning is durable, unless it fails.
    pub(super) fn finish_sync(&mut self, sync: Sync) -> Result<(), DiskError> {
        if self.sync_fails {
            return Err(DiskError::Io);
        }
        self.end_sync(sync);
        Ok(())
    }
}

impl Disk {
    fn linked(&self, file: FileId) -> Option<&File> {
        self.files.get(file).filter(|file| !file.unlinked)
    }

    fn is_unreadable(&self, path: &str) -> bool {
        self.read_errors
            .iter()
            .any(|bad| path.contains(bad.as_str()))
    }

    fn now(&self) -> Time {
        self.device.as_ref().map_or(Time::ZERO, |device| device.now)
    }

    fn call(&mut self, bytes: u64) {
        if let Some(device) = &mut self.device {
            device.call(bytes);
        }
    }
}

/// Paths are relative to the node's root, however they are written.
fn trimmed(path: &str) -> &str {
    path.trim_matches('/')
}
