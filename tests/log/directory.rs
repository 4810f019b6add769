//! A data directory of the vectors, read from the disk.

use std::fs;
use std::path::Path;

/// Every file below `dir` by path and content; a path that ends in `/` is an empty directory.
pub fn files_below(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    collect(dir, "", &mut files);
    files
}

fn collect(dir: &Path, under: &str, files: &mut Vec<(String, Vec<u8>)>) {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for name in names {
        let (path, name) = (dir.join(&name), name.to_str().unwrap());
        if path.is_dir() {
            collect(&path, &format!("{under}{name}/"), files);
        } else if name == ".keep" {
            files.push((under.to_string(), Vec::new()));
        } else {
            files.push((format!("{under}{name}"), fs::read(&path).unwrap()));
        }
    }
}
