//! `trial log recover`: what a broker's start and clean stop make of a data directory.

use crate::cli::Status;
use crate::cli::data_directory;
use crate::cli::output_directory::OutputDirectory;
use crate::cli::terminal::Terminal;
use crate::inspect::{self, Recovered, verify};
use crate::scenario::Diagnostic;
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Start a simulated broker on a data directory, stop it cleanly, and tell what it did.
///
/// DIR is what log.dirs names: meta.properties, checkpoint files and a directory for each partition, ours
/// or a real broker's (Kafka 3.9 with ZooKeeper). It is only read, and without --out nothing is written:
/// DIR2 lies neither in it nor around it. Exit status 1 if the broker refuses to start; the directory is
/// then written as the failed start leaves it.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A broker's data directory
    dir: PathBuf,
    /// Write the directory as it is afterwards to DIR2, which must not be there yet
    #[arg(long, value_name = "DIR2")]
    out: Option<PathBuf>,
    /// Write over what is in DIR2
    #[arg(long, requires = "out")]
    force: bool,
    /// A setting of the broker (server.properties), such as log.index.interval.bytes=200
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
    /// The broker's clock at its start, in milliseconds since 1970: producers that were silent for a day
    /// before it are forgotten. Without it, the time of the newest record
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    at: Option<i64>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    match recover(arguments) {
        Err(diagnostic) => {
            terminal.complain(&diagnostic);
            Status::Unusable
        }
        Ok(recovered) => {
            for step in &recovered.steps {
                terminal.line(step);
            }
            match recovered.refused {
                None => Status::Well,
                Some(_) => Status::Failed,
            }
        }
    }
}

fn recover(arguments: &Arguments) -> Result<Recovered, Diagnostic> {
    let shown = arguments.dir.display().to_string();
    let output = match &arguments.out {
        Some(out) => {
            stay_apart(&arguments.dir, out)?;
            Some((out, OutputDirectory::claim(out, arguments.force)?))
        }
        None => None,
    };
    let directory = data_directory::read(&arguments.dir)?;
    let mut config = BTreeMap::new();
    for setting in &arguments.config {
        let (key, value) = setting.split_once('=').ok_or_else(|| {
            Diagnostic::about_file("--config", format!("\"{setting}\" has no value"))
                .expected("KEY=VALUE")
        })?;
        config.insert(key.to_string(), value.to_string());
    }
    let newest = || verify::newest_timestamp(&directory.files).unwrap_or(0);
    let recovered = inspect::recover(&directory, &config, arguments.at.unwrap_or_else(newest))
        .map_err(|error| Diagnostic::about_file(shown, error.to_string()))?;
    if let Some((out, output)) = output {
        write(out, output, &recovered)?;
    }
    Ok(recovered)
}

fn write(out: &Path, output: OutputDirectory, recovered: &Recovered) -> Result<(), Diagnostic> {
    let (dirs, files): (Vec<_>, Vec<_>) = recovered
        .directory
        .files
        .iter()
        .cloned()
        .partition(|(path, _)| path.ends_with('/'));
    let files = files.into_iter();
    output.write(
        None,
        files.map(|(path, content)| (path, vec![content.into()])),
    )?;
    for (dir, _) in dirs {
        let path = out.join(dir);
        std::fs::create_dir_all(&path).map_err(|error| {
            let problem = format!("this cannot be written: {error}");
            Diagnostic::about_file(path.display().to_string(), problem)
        })?;
    }
    Ok(())
}

/// Nothing is written into the directory that is read, nor around it, where a forced write clears away.
fn stay_apart(dir: &Path, out: &Path) -> Result<(), Diagnostic> {
    // Of what is not there yet the nearest directory that is.
    let absolute = std::path::absolute(out).unwrap_or_else(|_| out.to_path_buf());
    let there = absolute
        .ancestors()
        .find_map(|path| path.canonicalize().ok());
    let (Ok(dir), Some(there)) = (dir.canonicalize(), there) else {
        return Ok(());
    };
    if there.starts_with(&dir) || out.exists() && dir.starts_with(&there) {
        let found = "this lies in the directory that is to be read, or around it";
        return Err(Diagnostic::about_file(out.display().to_string(), found)
            .expected("another directory for --out"));
    }
    Ok(())
}
