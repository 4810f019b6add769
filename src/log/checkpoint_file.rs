//! The text format that Kafka's checkpoint files share (class CheckpointFile): a version, the number of
//! entries, one entry a line; every line ends in a newline. A file of 0 bytes was never written.

use crate::kernel::disk::Disk;
use crate::log::LogError;
use bytes::Bytes;
use std::fmt::{Display, Write};
use std::str::SplitAsciiWhitespace;

/// The only version there is.
const VERSION: i32 = 0;

/// The text of a checkpoint file.
pub(crate) fn format<E: Display>(entries: impl ExactSizeIterator<Item = E>) -> Bytes {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{VERSION}\n{}", entries.len());
    for entry in entries {
        let _ = writeln!(text, "{entry}");
    }
    text.into_bytes().into()
}

/// The lines after the count, checked as Kafka does; the problem in words otherwise.
pub(crate) fn parse<E>(
    content: &[u8],
    entry: impl Fn(&str) -> Option<E>,
) -> Result<Vec<E>, String> {
    let text = std::str::from_utf8(content).map_err(|_| "not UTF-8".to_owned())?;
    let mut lines = text.lines();
    let number = |line: &str| line.parse::<i32>().map_err(|_| malformed(line));
    let Some(version) = lines.next() else {
        return Ok(Vec::new());
    };
    let version = number(version)?;
    if version != VERSION {
        return Err(format!(
            "unrecognised version {version}, expected {VERSION}"
        ));
    }
    let Some(count) = lines.next() else {
        return Ok(Vec::new());
    };
    let count = number(count)?;
    let entries = lines
        .map(|line| entry(line).ok_or_else(|| malformed(line)))
        .collect::<Result<Vec<E>, _>>()?;
    if entries.len() as i64 != i64::from(count) {
        return Err(format!("expected {count} entries, found {}", entries.len()));
    }
    Ok(entries)
}

/// The words of a line. One that begins with a blank has none to Kafka, which counts what stands before it.
pub(crate) fn words(line: &str) -> Option<SplitAsciiWhitespace<'_>> {
    (!line.starts_with(|c: char| c.is_ascii_whitespace())).then(|| line.split_ascii_whitespace())
}

/// Reads and parses a file; an absent one has no entries.
pub(crate) fn read<E>(
    disk: &mut Disk,
    path: &str,
    entry: impl Fn(&str) -> Option<E>,
) -> Result<Vec<E>, LogError> {
    if !disk.exists(path) {
        return Ok(Vec::new());
    }
    let content = disk.read_file(path).map_err(LogError::disk(path))?;
    parse(&content, entry).map_err(|problem| LogError::Malformed {
        path: path.to_owned(),
        problem,
    })
}

/// Replaces a file so that a crash leaves the old or the new content: `path`.tmp, sync, rename (L9).
/// Blocking; a broker may rather give the content to the kernel's `Ctx::replace_later`.
pub fn replace(disk: &mut Disk, path: &str, content: Bytes) -> Result<(), LogError> {
    write(disk, path, content, true)
}

/// As `replace`, and the name may reach the device before the content: after a power failure less of it may be
/// there, or nothing.
pub(crate) fn replace_unsynced(
    disk: &mut Disk,
    path: &str,
    content: Bytes,
) -> Result<(), LogError> {
    write(disk, path, content, false)
}

fn write(disk: &mut Disk, path: &str, content: Bytes, sync: bool) -> Result<(), LogError> {
    let tmp = format!("{path}.tmp");
    let write = || {
        let file = disk.create(&tmp)?;
        disk.truncate(file, 0)?;
        disk.append(file, content)?;
        if sync {
            disk.sync(file)?;
        }
        disk.rename(&tmp, path)
    };
    write().map_err(LogError::disk(path))
}

fn malformed(line: &str) -> String {
    format!("malformed line: {line}")
}
