//! Commands of a page are run as a reader would: one after the other, in a directory of the page that is empty at first.

use crate::cuts;
use crate::make::At;
use kafka_trial::cli::{command_words, is_command_line};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Commands {
    trial: PathBuf,
}

impl Default for Commands {
    fn default() -> Self {
        let named = std::env::var_os("TRIAL");
        let trial = named.map_or_else(|| env!("CARGO_BIN_EXE_trial").into(), PathBuf::from);
        Commands { trial }
    }
}

/// Of its own, and gone with it.
pub struct Directory(PathBuf);

impl Default for Directory {
    fn default() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kafka-trial-book-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
}

impl Directory {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left lies in the system's directory for that.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl At<'_> {
    /// Runs `trial` with these words. Recordings lie in the project, which no page's directory has.
    pub fn trial(&self, words: &[&str]) -> Result<Output, String> {
        let recordings = (words.first() == Some(&"conform")).then(crate::root);
        let directory = recordings.unwrap_or_else(|| self.directory.path().to_owned());
        let mut command = Command::new(&self.maker.commands.trial);
        let command = command.args(words).current_dir(directory);
        let command = command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        command.output().map_err(|error| error.to_string())
    }

    /// The same; whatever is no success is a fault.
    pub fn trial_must(&self, words: &[&str]) -> Result<String, String> {
        let output = self.trial(words)?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr)
                .trim()
                .replace('\n', "\n    ")),
        }
    }

    /// The command line with what it prints, as far as the cuts leave it.
    pub fn shown(&self, line: &str) -> Result<String, String> {
        let mut parts = line.split(" | ").map(str::trim);
        let command = parts.next().unwrap_or_default();
        let mut cuts: Vec<&str> = parts.collect();
        is_command_line(command)?;
        let words = command_words(command).unwrap_or_default();
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let output = self.trial(&words)?;
        let silent = cuts.last() == Some(&"silent");
        let mut lines = vec![format!("$ {command}")];
        if silent {
            cuts.pop();
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned());
            }
        } else {
            let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
            // What cannot be used is said on the other channel.
            if output.status.code() == Some(2) {
                printed.push_str(&String::from_utf8_lossy(&output.stderr));
            }
            lines.extend(cuts::cut(&printed, &cuts)?);
            match output.status.code() {
                Some(0) => {}
                Some(code) => lines.push(format!("exit status {code}")),
                None => return Err("it was killed".to_owned()),
            }
        }
        let ticks = match lines.iter().any(|line| line.contains("```")) {
            true => "````",
            false => "```",
        };
        let lines = lines.iter().map(|line| format!("{}\n", line.trim_end()));
        Ok(format!(
            "{ticks}console\n{}{ticks}\n",
            lines.collect::<String>()
        ))
    }
}
