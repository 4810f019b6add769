//! The directory tree of a disk: which path names which file.
//!
//! A tree is changed by operations only, so that the tree in memory and the one that a power failure
//! leaves are made by the same code from different prefixes of one journal.

use super::FileId;
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    File(FileId),
    Dir,
}

/// One atomic change of the tree.
#[derive(Clone, Debug)]
pub(super) enum NameOp {
    Create {
        path: String,
        file: FileId,
    },
    MakeDir {
        path: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Delete {
        path: String,
    },
    DeleteDir {
        path: String,
    },
    /// Something that a process did not come to do.
    Undone,
    /// A file was cut short by its operation number `operations`; no name changes.
    Shrink {
        file: FileId,
        operations: u64,
    },
}

#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    by_path: BTreeMap<String, Entry>,
}

impl Names {
    pub(super) fn get(&self, path: &str) -> Option<Entry> {
        self.by_path.get(path).copied()
    }

    /// Every entry, sorted by path.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Entry)> {
        self.by_path
            .iter()
            .map(|(path, entry)| (path.as_str(), *entry))
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, FileId)> {
        self.iter().filter_map(|(path, entry)| match entry {
            Entry::File(file) => Some((path, file)),
            Entry::Dir => None,
        })
    }

    /// Everything below `dir` (the root is the empty path), sorted by path.
    pub(super) fn below(&self, dir: &str) -> impl Iterator<Item = (&str, Entry)> {
        let prefix = if dir.is_empty() {
            String::new()
        } else {
            format!("{dir}/")
        };
        let from = prefix.clone();
        self.by_path
            .range(from..)
            .map(|(path, entry)| (path.as_str(), *entry))
            .take_while(move |(path, _)| path.starts_with(&prefix))
    }

    /// Carries out an operation; answers the files that have lost their name by it.
    pub(super) fn apply(&mut self, op: &NameOp) -> Vec<FileId> {
        match op {
            NameOp::Create { path, file } => {
                lost(self.by_path.insert(path.clone(), Entry::File(*file)))
            }
            NameOp::MakeDir { path } => lost(self.by_path.insert(path.clone(), Entry::Dir)),
            NameOp::Rename { from, to } => {
                let mut gone = self.remove_all(to);
                let moved: Vec<String> =
                    self.below(from).map(|(path, _)| path.to_owned()).collect();
                for path in moved.into_iter().chain([from.clone()]) {
                    if let Some(entry) = self.by_path.remove(&path) {
                        let target = format!("{to}{}", &path[from.len()..]);
                        gone.extend(lost(self.by_path.insert(target, entry)));
                    }
                }
                gone
            }
            NameOp::Delete { path } => lost(self.by_path.remove(path)),
            NameOp::DeleteDir { path } => self.remove_all(path),
            NameOp::Shrink { .. } | NameOp::Undone => Vec::new(),
        }
    }

    fn remove_all(&mut self, path: &str) -> Vec<FileId> {
        let doomed: Vec<String> = self.below(path).map(|(path, _)| path.to_owned()).collect();
        let mut gone = lost(self.by_path.remove(path));
        for path in doomed {
            gone.extend(lost(self.by_path.remove(&path)));
        }
        gone
    }
}

fn lost(entry: Option<Entry>) -> Vec<FileId> {
    match entry {
        Some(Entry::File(file)) => vec![file],
        Some(Entry::Dir) | None => Vec::new(),
    }
}
