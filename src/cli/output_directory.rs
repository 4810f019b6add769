//! `--out`: a directory that is this run's own, unless the user says otherwise.

use crate::report::OutputFile;
use crate::scenario::Diagnostic;
use std::fs;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
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

    /// Takes what is there already for a neighbour: refuses only what these files would write over, unless by force.
    pub(super) fn beside<'a>(
        path: &Path,
        force: bool,
        files: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Diagnostic> {
        let directory = OutputDirectory::claim(path, path.is_dir() || force)?;
        let mut paths = files.into_iter().map(|name| path.join(name));
        match paths.find(|it| !force && fs::symlink_metadata(it).is_ok()) {
            Some(there) => Err(Diagnostic::about_file(
                there.display().to_string(),
                "this is there already",
            )
            .expected("another --out, or --force to write over it")),
            None => Ok(directory),
        }
    }

    /// Makes the directory, still empty.
    pub(super) fn make(&self) -> Result<(), Diagnostic> {
        fs::create_dir_all(&self.path).map_err(|error| cannot_write(&self.path, &error))
    }

    /// The file of a run's trace, below `place` if there are several runs; what an earlier run left
    /// there goes.
    pub(super) fn begin(&self, place: Option<&str>) -> Result<TraceFile, Diagnostic> {
        let root = self.root(place);
        let path = root.join("trace.jsonl");
        // Data directories of an earlier run would mix with this one's.
        let earlier = root.join("brokers");
        if path.is_file() && earlier.is_dir() {
            fs::remove_dir_all(&earlier).map_err(|error| cannot_write(&earlier, &error))?;
        }
        fs::create_dir_all(&root).map_err(|error| cannot_write(&root, &error))?;
        let file = fs::File::create(&path).map_err(|error| cannot_write(&path, &error))?;
        Ok(TraceFile {
            path,
            out: BufWriter::new(file),
        })
    }

    fn root(&self, place: Option<&str>) -> PathBuf {
        place.map_or(self.path.clone(), |place| self.path.join(place))
    }

    /// Writes the files of one run beside its trace.
    pub(super) fn write(
        &self,
        place: Option<&str>,
        files: impl IntoIterator<Item = OutputFile>,
    ) -> Result<(), Diagnostic> {
        let root = self.root(place);
        for (path, pieces) in files {
            let path = root.join(path);
            write_file(&path, &pieces).map_err(|error| cannot_write(&path, &error))?;
        }
        Ok(())
    }
}

/// Where a trace is written while its run goes on.
pub(super) struct TraceFile {
    path: PathBuf,
    out: BufWriter<fs::File>,
}

impl TraceFile {
    /// What is said if it cannot be written to its end.
    pub(super) fn failed(path: &Path, error: &io::Error) -> Diagnostic {
        cannot_write(path, error)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for TraceFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::about_file(
        path.display().to_string(),
        format!("this cannot be written: {error}"),
    )
}

/// Writes a file; where whole blocks are zeros, as in the indexes that a broker makes long at once, it
/// leaves a hole that reads as zeros and takes no space.
fn write_file(path: &Path, pieces: &[bytes::Bytes]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = BufWriter::new(fs::File::create(path)?);
    let mut hole = 0i64;
    for block in pieces.iter().flat_map(|piece| piece.chunks(BLOCK)) {
        // Of gigabytes nearly all are zeros: compared as a whole, not byte by byte.
        if block == ZEROS {
            hole += BLOCK as i64;
            continue;
        }
        if hole > 0 {
            file.seek(SeekFrom::Current(std::mem::take(&mut hole)))?;
        }
        file.write_all(block)?;
    }
    file.flush()?;
    if hole > 0 {
        let length = pieces.iter().map(|piece| piece.len() as u64).sum();
        file.get_ref().set_len(length)?;
    }
    Ok(())
}

/// What file systems keep or leave out as a whole.
const BLOCK: usize = 4096;
const ZEROS: [u8; BLOCK] = [0; BLOCK];

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn zeros_are_left_out_and_read_back() {
        let zeros = Bytes::from(vec![0; 2 * BLOCK]);
        let short = Bytes::from_static(&[0; 10]);
        let text = Bytes::from_static(b"an entry");
        let path = std::env::temp_dir().join(format!("trial-zeros-{}", std::process::id()));
        for pieces in [
            vec![],
            vec![zeros.clone()],
            vec![text.clone(), zeros.clone(), text.clone()],
            vec![zeros.clone(), text, short.clone(), zeros, short],
        ] {
            write_file(&path, &pieces).expect("written");
            assert_eq!(fs::read(&path).expect("there"), pieces.concat());
        }
        fs::remove_file(&path).expect("removed");
    }
}
