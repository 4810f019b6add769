//! A broker's data directory read from the machine's own disk.

use super::inputs::reason;
use crate::inspect::DataDirectory;
use crate::scenario::Diagnostic;
use std::fs;
use std::path::Path;

/// A file that stands for an empty directory, since some archives hold none.
const KEEP: &str = ".keep";

/// A directory that may be a broker's: it is there, and something of a broker's lies in it.
pub(super) fn read(path: &Path) -> Result<DataDirectory, Diagnostic> {
    let shown = path.display().to_string();
    if !path.is_dir() {
        return Err(Diagnostic::about_file(shown, "this is no directory")
            .expected("a broker's data directory, which log.dirs names"));
    }
    let files = files_below(path)?;
    let of_a_broker = |(name, _): &(String, Vec<u8>)| {
        name == "meta.properties"
            || !name.contains('/') && name.ends_with("-checkpoint")
            || name.matches('/').count() == 1 && name.ends_with(".log")
    };
    if !files.iter().any(of_a_broker) {
        return Err(
            Diagnostic::about_file(shown, "nothing of a broker lies here")
                .expected("meta.properties, checkpoint files, and a directory for each partition"),
        );
    }
    Ok(DataDirectory { files })
}

/// Every file below a directory, by path and content, in the order of names; a path that ends in `/` is an
/// empty directory.
pub(super) fn files_below(dir: &Path) -> Result<Vec<(String, Vec<u8>)>, Diagnostic> {
    let mut files = Vec::new();
    collect(dir, "", &mut files)?;
    Ok(files)
}

fn collect(dir: &Path, under: &str, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), Diagnostic> {
    let about =
        |path: &Path, problem: String| Diagnostic::about_file(path.display().to_string(), problem);
    let unreadable = |error: std::io::Error| about(dir, reason(&error));
    let mut entries = fs::read_dir(dir)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    if entries.is_empty() && !under.is_empty() {
        files.push((under.to_string(), Vec::new()));
    }
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(about(
                &path,
                "the name of this file is not UTF-8".to_string(),
            ));
        };
        if path.is_dir() {
            // A link may lead back to where it stands.
            if under.matches('/').count() > DEEPEST {
                return Err(
                    about(&path, "directories lie too deep in each other".to_string())
                        .expected("files of partitions, one directory each"),
                );
            }
            collect(&path, &format!("{under}{name}/"), files)?;
        } else if name == KEEP {
            files.push((under.to_string(), Vec::new()));
        } else if path.is_file() {
            let content = fs::read(&path).map_err(|error| about(&path, reason(&error)))?;
            files.push((format!("{under}{name}"), content));
        } else {
            return Err(about(
                &path,
                "this is neither a file nor a directory".to_string(),
            ));
        }
    }
    Ok(())
}

/// So deep nothing of a broker lies.
const DEEPEST: usize = 8;
