//! What loading a log did, in words: the steps that `trial log recover` and a run's transcript tell.

use std::fmt;

/// Something that loading did, to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadNote {
    /// In the order in which they went; a broker that retention has just cured of a full disk finds many.
    DeletedLeftovers {
        files: Vec<String>,
    },
    RenamedSwap {
        file: String,
    },
    DeletedOrphanIndex {
        file: String,
    },
    RebuildingIndex {
        segment: i64,
    },
    Scanned {
        segment: i64,
        bytes: u64,
    },
    Cut {
        segment: i64,
        bytes: u64,
        log_end_offset: i64,
    },
    OffsetsRepeat {
        segment: i64,
    },
    Split {
        segment: i64,
        into: Vec<i64>,
    },
    DeletedSegment {
        segment: i64,
    },
    EndBeforeStart {
        log_end_offset: i64,
        log_start_offset: i64,
    },
    /// RL8.
    DeletedSnapshot {
        offset: i64,
        problem: String,
    },
    Loaded {
        log_start_offset: i64,
        log_end_offset: i64,
        recovery_point: i64,
        /// How many producers are known, and the snapshot that was loaded for them.
        producers: u32,
        snapshot: Option<i64>,
    },
}

/// So many files are named one by one.
const NAMED_ALL: usize = 4;

impl fmt::Display for LoadNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadNote::DeletedLeftovers { files } => match files.as_slice() {
                [] => f.write_str("deleted no leftover"),
                [file] => write!(f, "deleted the leftover {file}"),
                [some @ .., last] if files.len() <= NAMED_ALL => {
                    write!(f, "deleted the leftovers {} and {last}", some.join(", "))
                }
                [first, .., last] => {
                    write!(f, "deleted {} leftovers: {first} to {last}", files.len())
                }
            },
            LoadNote::RenamedSwap { file } => write!(f, "finished an interrupted swap: {file}"),
            LoadNote::DeletedOrphanIndex { file } => write!(f, "deleted {file}: it has no log"),
            LoadNote::RebuildingIndex { segment } => {
                write!(f, "segment {segment} has no usable index: it is scanned")
            }
            LoadNote::Scanned { segment, bytes } => {
                write!(f, "scanned segment {segment}: {bytes} bytes are good")
            }
            LoadNote::Cut {
                segment,
                bytes,
                log_end_offset,
            } => {
                write!(
                    f,
                    "cut {bytes} bad bytes off segment {segment}: the log ends at {log_end_offset}"
                )
            }
            LoadNote::OffsetsRepeat { segment } => {
                write!(f, "offsets repeat in segment {segment}: it is emptied")
            }
            LoadNote::Split { segment, into } => write!(
                f,
                "segment {segment} spans more offsets than an index can hold: it is split into {into:?}"
            ),
            LoadNote::DeletedSegment { segment } => write!(f, "deleted segment {segment}"),
            LoadNote::EndBeforeStart {
                log_end_offset,
                log_start_offset,
            } => write!(
                f,
                "the log ends at {log_end_offset}, before its start {log_start_offset}: everything is deleted"
            ),
            LoadNote::DeletedSnapshot { offset, problem } => write!(
                f,
                "deleted the producers' snapshot {offset}, which cannot be read: {problem}"
            ),
            LoadNote::Loaded {
                log_start_offset,
                log_end_offset,
                recovery_point,
                producers,
                snapshot,
            } => {
                write!(
                    f,
                    "loaded: start {log_start_offset}, end {log_end_offset}, recovery point {recovery_point}, producers {producers}"
                )?;
                match snapshot {
                    Some(offset) => write!(f, " from snapshot {offset} and what follows it"),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_told_once_however_many_there_are() {
        for (count, told) in [
            (1, "deleted the leftover 0.log.deleted"),
            (2, "deleted the leftovers 0.log.deleted and 1.log.deleted"),
            (69, "deleted 69 leftovers: 0.log.deleted to 68.log.deleted"),
        ] {
            let files = (0..count).map(|n| format!("{n}.log.deleted")).collect();
            assert_eq!(LoadNote::DeletedLeftovers { files }.to_string(), told);
        }
    }
}
