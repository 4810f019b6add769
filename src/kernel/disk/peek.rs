//! What an observer outside the simulation sees of a file's content: charges nothing, fails never.

use super::{Disk, FileId};
use bytes::Bytes;

impl Disk {
    pub fn peek(&self, file: FileId) -> Vec<Bytes> {
        self.peek_from(file, 0)
    }

    /// From a position on.
    pub fn peek_from(&self, file: FileId, position: u64) -> Vec<Bytes> {
        self.linked(file)
            .map_or_else(Vec::new, |file| file.content.read(position, u64::MAX))
    }
}
