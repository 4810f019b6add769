//! `--out`: a directory that is this run's own, unless the user says otherwise.

use crate::report::OutputFile;
use crate::scenario::Diagnostic;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub(super) struct OutputDirectory {
    path: PathBuf,
}

impl OutputDirectory {
    /// Refuses what is there already, unless by force. Nothing is written yet.
    pub(super) fn claim(path: &Path, force: bool) -> Result<Self, Diagnostic> {
        let name = path.display().to_string();
        match fs::symlink_metadata(path) {
            Ok(found) if force && !found.is_dir() => {
                Err(Diagnostic::about_file(name, "this is no directory")
                    .expected("a directory for --out, or a path where nothing is"))
            }
            Ok(_) if !force => Err(Diagnostic::about_file(name, "this is there already")
                .expected("a path where nothing is, or --force to write over it")),
            _ => Ok(OutputDirectory {
                path: path.to_path_buf(),
            }),
        }
    }

    /// Makes the directory, still empty.
    pub(super) fn make(&self) -> Result<(), Diagnostic> {
        fs::create_dir_all(&self.path).map_err(|error| cannot_write(&self.path, &error))
    }

    /// Writes the files of one run, below `place` if there are several.
    pub(super) fn write(
        &self,
        place: Option<&str>,
        files: impl IntoIterator<Item = OutputFile>,
    ) -> Result<(), Diagnostic> {
        let root = place.map_or(self.path.clone(), |place| self.path.join(place));
        // Data directories of an earlier run would mix with this one's.
        let earlier = root.join("brokers");
        if root.join("trace.jsonl").is_file() && earlier.is_dir() {
            fs::remove_dir_all(&earlier).map_err(|error| cannot_write(&earlier, &error))?;
        }
        for (path, pieces) in files {
            let path = root.join(path);
            write_file(&path, &pieces).map_err(|error| cannot_write(&path, &error))?;
        }
        Ok(())
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::about_file(
        path.display().to_string(),
        format!("this cannot be written: {error}"),
    )
}

fn write_file(path: &Path, pieces: &[bytes::Bytes]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = BufWriter::new(fs::File::create(path)?);
    for piece in pieces {
        file.write_all(piece)?;
    }
    file.flush()
}
