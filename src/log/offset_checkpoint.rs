//! `replication-offset-checkpoint`, `recovery-point-offset-checkpoint`, `log-start-offset-checkpoint`:
//! one offset a partition (class OffsetCheckpointFile).

use crate::kernel::disk::Disk;
use crate::log::{LogError, checkpoint_file};
use bytes::Bytes;
use std::collections::BTreeMap;

/// High watermarks.
pub const REPLICATION_OFFSET_CHECKPOINT: &str = "replication-offset-checkpoint";
/// Recovery points.
pub const RECOVERY_POINT_OFFSET_CHECKPOINT: &str = "recovery-point-offset-checkpoint";
/// Log starts, of logs only that start behind their first segment's base (RL11).
pub const LOG_START_OFFSET_CHECKPOINT: &str = "log-start-offset-checkpoint";

/// How far compaction has come, of logs only that were cleaned.
pub const CLEANER_OFFSET_CHECKPOINT: &str = "cleaner-offset-checkpoint";

/// Topic and partition to offset.
pub type OffsetCheckpoint = BTreeMap<(String, i32), i64>;

/// The file's content.
pub fn format(offsets: &OffsetCheckpoint) -> Bytes {
    checkpoint_file::format(
        offsets
            .iter()
            .map(|((topic, partition), offset)| format!("{topic} {partition} {offset}")),
    )
}

/// The problem in words if the content is malformed.
pub fn parse(content: &[u8]) -> Result<OffsetCheckpoint, String> {
    Ok(checkpoint_file::parse(content, entry)?
        .into_iter()
        .collect())
}

/// An absent file and one of 0 bytes have no offsets.
pub fn read(disk: &mut Disk, path: &str) -> Result<OffsetCheckpoint, LogError> {
    Ok(checkpoint_file::read(disk, path, entry)?
        .into_iter()
        .collect())
}

/// Blocking: writes beside, syncs, renames.
pub fn write(disk: &mut Disk, path: &str, offsets: &OffsetCheckpoint) -> Result<(), LogError> {
    checkpoint_file::replace(disk, path, format(offsets))
}

fn entry(line: &str) -> Option<((String, i32), i64)> {
    let mut words = checkpoint_file::words(line)?;
    let entry = (
        (words.next()?.to_owned(), words.next()?.parse().ok()?),
        words.next()?.parse().ok()?,
    );
    words.next().is_none().then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l11_text_is_kafkas() {
        let offsets =
            OffsetCheckpoint::from([(("deleted_to".into(), 0), 4), (("t".into(), 10), 0)]);
        let text = format(&offsets);
        assert_eq!(&text[..], b"0\n2\ndeleted_to 0 4\nt 10 0\n");
        assert_eq!(parse(&text), Ok(offsets));
        assert_eq!(parse(b""), Ok(OffsetCheckpoint::new()));
        assert_eq!(parse(b"0\n"), Ok(OffsetCheckpoint::new()));
    }

    #[test]
    fn rl1_malformed_files_are_told() {
        for (content, problem) in [
            (&b"1\n0\n"[..], "unrecognised version 1, expected 0"),
            (b"0\n2\nt 0 4\n", "expected 2 entries, found 1"),
            (b"0\n1\nt 0\n", "malformed line: t 0"),
            (b"0\n1\nt 0 x\n", "malformed line: t 0 x"),
            (b"zero\n", "malformed line: zero"),
            (b"0\n\xff\n", "not UTF-8"),
        ] {
            assert_eq!(parse(content), Err(problem.to_owned()));
        }
    }
}
