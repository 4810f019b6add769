//! A node's simulated disk: files by path, a page cache, and what survives which crash.
//!
//! Calls work on the page cache at once and charge their time to the running handler (a blocking
//! call of a real thread). What is not synced survives a process crash, not a power failure.

use bytes::Bytes;

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
#[derive(Debug, Default)]
pub struct Disk {}

impl Disk {
    /// A disk of its own, without a kernel around it (for tests and tools).
    pub fn new() -> Self {
        Self::default()
    }
    /// Opens `path`, creating it (and its parent directories) if absent.
    pub fn create(&mut self, path: &str) -> Result<FileId, DiskError> {
        let _ = path;
        todo!()
    }
    pub fn open(&self, path: &str) -> Option<FileId> {
        let _ = path;
        todo!()
    }
    pub fn exists(&self, path: &str) -> bool {
        self.open(path).is_some()
    }
    /// Names (not paths) of the files and directories in a directory, sorted.
    pub fn list(&self, dir: &str) -> Vec<String> {
        let _ = dir;
        todo!()
    }
    /// Every file on the disk with its path, sorted by path.
    pub fn files(&self) -> Vec<(String, FileId)> {
        todo!()
    }
    pub fn make_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        let _ = dir;
        todo!()
    }
    /// Length in bytes. 0 if the file is gone.
    pub fn len(&self, file: FileId) -> u64 {
        let _ = file;
        todo!()
    }
    /// Appends to the end; returns the position where `chunk` begins. The chunk is shared, not copied.
    pub fn append(&mut self, file: FileId, chunk: Bytes) -> Result<u64, DiskError> {
        let _ = (file, chunk);
        todo!()
    }
    pub fn write_at(&mut self, file: FileId, position: u64, chunk: Bytes) -> Result<(), DiskError> {
        let _ = (file, position, chunk);
        todo!()
    }
    /// Cuts (or extends with zeros) to `len`.
    pub fn truncate(&mut self, file: FileId, len: u64) -> Result<(), DiskError> {
        let _ = (file, len);
        todo!()
    }
    /// The bytes `position..position + len` (fewer at the end of the file), as the chunks in which
    /// they were written where the range covers these whole: no copy is made.
    pub fn read(&mut self, file: FileId, position: u64, len: u64) -> Result<Vec<Bytes>, DiskError> {
        let _ = (file, position, len);
        todo!()
    }
    /// Like `read`, as one contiguous piece (copies if the range spans chunks).
    pub fn read_contiguous(
        &mut self,
        file: FileId,
        position: u64,
        len: u64,
    ) -> Result<Bytes, DiskError> {
        let _ = (file, position, len);
        todo!()
    }
    /// Whole content of a file by path.
    pub fn read_file(&mut self, path: &str) -> Result<Bytes, DiskError> {
        let file = self.open(path).ok_or(DiskError::NotFound)?;
        self.read_contiguous(file, 0, u64::MAX)
    }
    /// Renames atomically, replacing what stands at `to`.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        let _ = (from, to);
        todo!()
    }
    pub fn delete(&mut self, path: &str) -> Result<(), DiskError> {
        let _ = path;
        todo!()
    }
    /// Deletes a directory and all in it.
    pub fn delete_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        let _ = dir;
        todo!()
    }
    /// A blocking fsync: the handler is charged the device's latency; after it, the file's content and
    /// its directory entry are durable.
    pub fn sync(&mut self, file: FileId) -> Result<(), DiskError> {
        let _ = file;
        todo!()
    }
    /// What an observer outside the simulation sees of a file's content: charges nothing, fails never.
    pub fn peek(&self, file: FileId) -> Vec<Bytes> {
        let _ = file;
        todo!()
    }
}
