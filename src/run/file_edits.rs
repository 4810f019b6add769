//! What an operator does by hand to files of nodes that are down: the usual cures, and the usual
//! mistakes.

use crate::kernel::{Disk, DiskError};
use crate::plan::{Action, Targets};
use bytes::Bytes;

/// An edit of one file of each of some nodes.
pub struct FileEdit<'a> {
    pub targets: &'a Targets,
    file: &'a str,
    edit: Edit<'a>,
}

enum Edit<'a> {
    Delete,
    Truncate(u64),
    Write(&'a [u8]),
}

/// `None` for other actions.
pub fn file_edit_of(action: &Action) -> Option<FileEdit<'_>> {
    let (targets, file, edit) = match action {
        Action::DeleteFile { targets, file } => (targets, file, Edit::Delete),
        Action::TruncateFile {
            targets,
            file,
            size,
        } => (targets, file, Edit::Truncate(*size)),
        Action::WriteFile {
            targets,
            file,
            content,
        } => (targets, file, Edit::Write(content)),
        _ => return None,
    };
    Some(FileEdit {
        targets,
        file,
        edit,
    })
}

impl FileEdit<'_> {
    /// The file is there, or need not be.
    pub fn fits(&self, disk: &Disk) -> bool {
        match &self.edit {
            Edit::Delete if self.file.ends_with('/') => disk.is_dir(self.file),
            Edit::Delete => disk.exists(self.file),
            Edit::Truncate(size) => disk
                .open(self.file)
                .is_some_and(|file| *size <= disk.len(file)),
            Edit::Write(_) => true,
        }
    }

    /// Why it does not fit.
    pub fn misfit(&self) -> String {
        match self.edit {
            Edit::Truncate(size) => format!("no file {} of at least {size} bytes", self.file),
            _ => format!("no {}", self.file),
        }
    }

    /// Done, and on the disk for good.
    pub fn apply(&self, disk: &mut Disk) -> Result<(), DiskError> {
        match self.edit {
            Edit::Delete if self.file.ends_with('/') => disk.delete_dir(self.file),
            Edit::Delete => disk.delete(self.file),
            Edit::Truncate(size) => {
                let file = disk.open(self.file).ok_or(DiskError::NotFound)?;
                disk.truncate(file, size)?;
                disk.sync(file)
            }
            Edit::Write(content) => {
                let file = disk.create(self.file)?;
                disk.truncate(file, 0)?;
                disk.append(file, Bytes::copy_from_slice(content))?;
                disk.sync(file)
            }
        }
    }

    /// The line of the transcript.
    pub fn words(&self, who: &str) -> String {
        let file = self.file;
        match self.edit {
            Edit::Delete => format!("{file} of {who} is deleted by hand"),
            Edit::Truncate(size) => format!("{file} of {who} is cut to {size} bytes by hand"),
            Edit::Write(content) => {
                format!(
                    "{file} of {who} is written by hand: {} bytes",
                    content.len()
                )
            }
        }
    }
}
