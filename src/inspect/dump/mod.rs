//! What lies in a log's files, as `kafka-dump-log` of Kafka 3.9 prints it, character for character
//! (class DumpLogSegments; DL1 to DL10), or as one JSON object a batch or entry.
//!
//! Knows bytes and names; who calls it reads the files and prints. Checkpoints, which Kafka's tool does
//! not know, have a format of our own.

mod checkpoints;
mod coordinator_records;
mod indexes;
mod java_text;
mod log_file;
mod snapshot;
mod transaction_log;

use bytes::Bytes;
use serde_json::Value;

/// What to print of the files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DumpOptions {
    pub format: DumpFormat,
    /// Records with key and value; a decoder other than `Text` says so too.
    pub print_data_log: bool,
    /// Records, but neither key nor value.
    pub deep_iteration: bool,
    pub skip_record_metadata: bool,
    pub decoder: Decoder,
    /// Index entries are checked against the log, but not printed.
    pub verify_index_only: bool,
    /// Only the check that a broker's start makes of an index.
    pub index_sanity_check: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DumpFormat {
    /// As Kafka's tool prints it.
    #[default]
    Kafka,
    /// One object a line.
    Json,
}

/// What keys and values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Decoder {
    #[default]
    Text,
    /// Records of `__consumer_offsets`.
    Offsets,
    /// Records of `__transaction_state`.
    TransactionLog,
}

/// Where files come from and where lines go.
pub trait DumpIo {
    /// A whole file, or why it cannot be read.
    fn read(&mut self, path: &str) -> Result<Bytes, String>;
    /// Text for standard output.
    fn print(&mut self, text: &str);
    /// A line for standard error.
    fn complain(&mut self, line: &str);
}

/// Dumps files one after the other. False if something could not be read to its end, where Kafka's tool
/// dies of an exception: what follows is not dumped then, except in JSON.
pub fn dump(paths: &[String], options: &DumpOptions, io: &mut dyn DumpIo) -> bool {
    let mut dump = Dump {
        options,
        io,
        inconsistencies: Vec::new(),
        trash: false,
    };
    for path in paths {
        let file = File::new(path);
        if options.format == DumpFormat::Kafka {
            dump.print(&format!("Dumping {}\n", file.path));
        }
        if let Err(Unreadable(problem)) = dump.file(&file) {
            dump.io.complain(&format!("{}: {problem}", file.path));
            if options.format == DumpFormat::Kafka {
                return false;
            }
            dump.trash = true;
        }
    }
    for line in std::mem::take(&mut dump.inconsistencies) {
        dump.io.complain(&line);
    }
    !dump.trash
}

/// Why a file's dump ends early.
struct Unreadable(String);

impl<E: std::fmt::Display> From<E> for Unreadable {
    fn from(problem: E) -> Self {
        Unreadable(problem.to_string())
    }
}

/// A file's path, and what its name says.
struct File {
    /// As Java's File writes it.
    path: String,
    name: String,
}

impl File {
    fn new(path: &str) -> File {
        let mut normal = String::with_capacity(path.len());
        for c in path.chars() {
            if c != '/' || !normal.ends_with('/') {
                normal.push(c);
            }
        }
        if normal.len() > 1 && normal.ends_with('/') {
            normal.pop();
        }
        let name = normal.rsplit('/').next().unwrap_or_default().to_owned();
        File { path: normal, name }
    }

    /// The text after the last dot.
    fn kind(&self) -> Option<&str> {
        self.name.rsplit_once('.').map(|(_, kind)| kind)
    }

    fn stem(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    fn base_offset(&self) -> Result<i64, Unreadable> {
        let stem = self.stem();
        stem.parse().map_err(|_| {
            Unreadable(format!(
                "the name begins with \"{stem}\", not with an offset"
            ))
        })
    }

    /// Its neighbour for the same segment.
    fn neighbour(&self, kind: &str) -> String {
        let directory = &self.path[..self.path.len() - self.name.len()];
        format!("{directory}{}.{kind}", self.stem())
    }
}

struct Dump<'a> {
    options: &'a DumpOptions,
    io: &'a mut dyn DumpIo,
    /// To be said after all files.
    inconsistencies: Vec<String>,
    trash: bool,
}

impl Dump<'_> {
    fn file(&mut self, file: &File) -> Result<(), Unreadable> {
        if checkpoints::knows(&file.name) {
            return self.checkpoint(file);
        }
        match file.kind() {
            Some("log") => self.log(file),
            Some("index") => self.offset_index(file),
            Some("timeindex") => self.time_index(file),
            Some("snapshot") => self.snapshot(file),
            Some("txnindex") => self.transaction_index(file),
            Some(_) => {
                let line = format!("Ignoring unknown file {}", file.path);
                self.io.complain(&line);
                Ok(())
            }
            None => Err(Unreadable(
                "what this file is cannot be told by its name".into(),
            )),
        }
    }

    fn print(&mut self, text: &str) {
        self.io.print(text);
    }

    fn json(&self) -> bool {
        self.options.format == DumpFormat::Json
    }

    fn print_object(&mut self, object: &Value) {
        self.io.print(&format!("{object}\n"));
    }

    fn prints_data(&self) -> bool {
        self.options.print_data_log || self.options.decoder != Decoder::Text
    }

    /// In JSON: from here on the file makes no sense.
    fn trash_begins(&mut self, file: &File, position: u64, what: &str) {
        self.trash = true;
        let line = format!("{}: trash begins at byte {position}: {what}", file.path);
        self.io.complain(&line);
    }
}

/// As Java prints an OptionalLong.
fn optional_long(value: Option<i64>) -> String {
    match value {
        Some(value) => format!("OptionalLong[{value}]"),
        None => "OptionalLong.empty".to_owned(),
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
