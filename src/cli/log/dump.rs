//! `trial log dump`: what lies in a log's files, as `kafka-dump-log` prints it.

use crate::cli::Status;
use crate::cli::inputs::reason;
use crate::cli::terminal::Terminal;
use crate::inspect::dump::{Decoder, DumpFormat, DumpIo, DumpOptions, dump};
use crate::scenario::Diagnostic;
use bytes::Bytes;
use clap::{Args, ValueEnum};

/// Print what .log, .index, .timeindex, .snapshot and .txnindex files hold, as kafka-dump-log of Kafka 3.9
/// prints it; checkpoints and meta.properties too.
///
/// A file that cannot be read to its end ends the dump there, with exit status 1.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Print records with key and value
    #[arg(long)]
    print_data_log: bool,
    /// Print records without key and value
    #[arg(long)]
    deep_iteration: bool,
    /// Print of records only key and value
    #[arg(long)]
    skip_record_metadata: bool,
    /// Read keys and values as those of __consumer_offsets, in either format
    #[arg(long, conflicts_with = "transaction_log_decoder")]
    offsets_decoder: bool,
    /// Read keys and values as those of __transaction_state, in either format
    #[arg(long)]
    transaction_log_decoder: bool,
    /// Check index entries against the log without printing them
    #[arg(long)]
    verify_index_only: bool,
    /// Check of indexes only what a broker checks when it starts
    #[arg(long)]
    index_sanity_check: bool,
    #[arg(long, value_enum, default_value_t = Format::Kafka)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Format {
    /// As kafka-dump-log prints it
    Kafka,
    /// One object a batch or entry, each on a line
    Json,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let options = DumpOptions {
        format: match arguments.format {
            Format::Kafka => DumpFormat::Kafka,
            Format::Json => DumpFormat::Json,
        },
        print_data_log: arguments.print_data_log,
        deep_iteration: arguments.deep_iteration,
        skip_record_metadata: arguments.skip_record_metadata,
        decoder: if arguments.offsets_decoder {
            Decoder::Offsets
        } else if arguments.transaction_log_decoder {
            Decoder::TransactionLog
        } else {
            Decoder::Text
        },
        verify_index_only: arguments.verify_index_only,
        index_sanity_check: arguments.index_sanity_check,
    };
    for file in &arguments.files {
        if let Err(error) = is_a_file(file) {
            terminal.complain(&error);
            return Status::Unusable;
        }
    }
    if dump(&arguments.files, &options, &mut Files(terminal)) {
        Status::Well
    } else {
        Status::Failed
    }
}

/// What is there is judged by its name, as the real tool does; this is about what is not.
fn is_a_file(name: &str) -> Result<(), Diagnostic> {
    match std::fs::metadata(name) {
        Ok(found) if found.is_dir() => {
            Err(Diagnostic::about_file(name, "this is a directory").expected("a file of a log"))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(Diagnostic::about_file(name, reason(&error)).expected("a file of a log")),
    }
}

struct Files<'a>(&'a mut Terminal);

impl DumpIo for Files<'_> {
    fn read(&mut self, path: &str) -> Result<Bytes, String> {
        match std::fs::read(path) {
            Ok(content) => Ok(content.into()),
            Err(error) => Err(format!("cannot read {path}: {}", reason(&error))),
        }
    }

    fn print(&mut self, text: &str) {
        self.0.data(text);
    }

    fn complain(&mut self, line: &str) {
        self.0.note(line);
    }
}
