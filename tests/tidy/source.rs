//! The project's own files, as the tests read them.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file by its path from the root, with `/`.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// The folder of `src/` in which it stands.
    pub fn room(&self) -> Option<&str> {
        let (room, _) = self.path.strip_prefix("src/")?.split_once('/')?;
        Some(room)
    }

    /// All but the unit tests at its end.
    pub fn code(&self) -> &str {
        if self.path.ends_with("/tests.rs") {
            return "";
        }
        match self.text.find("#[cfg(test)]\nmod tests {") {
            Some(end) => &self.text[..end],
            None => &self.text,
        }
    }
}

pub fn all_sources() -> Vec<Source> {
    ["src", "tests", "benches", "examples"]
        .iter()
        .flat_map(|dir| sources(dir))
        .collect()
}

pub fn sources(dir: &str) -> Vec<Source> {
    files_under(&root().join(dir), "rs")
        .into_iter()
        .map(|path| Source {
            path: relative(&path),
            text: fs::read_to_string(&path).expect("source is text"),
        })
        .collect()
}

pub fn files_under(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                files_under(&path, extension)
            } else if path.extension().is_some_and(|e| e == extension) {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect();
    files.sort();
    files
}

pub fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("inside the project");
    path.to_string_lossy().replace('\\', "/")
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn report(faults: &[String], hint: &str) {
    assert!(faults.is_empty(), "{hint}\n  {}", faults.join("\n  "));
}

/// The words between backticks.
pub fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
