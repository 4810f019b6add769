//! Standard output and standard error, neither of which a closed pipe turns into a panic.

use crate::scenario::{Diagnostic, Severity};
use std::io::{self, BufWriter, IsTerminal, Stderr, Stdout, Write};

pub(super) struct Terminal {
    /// None once the reader has gone.
    out: Option<BufWriter<Stdout>>,
    err: Stderr,
    colours: bool,
}

impl Terminal {
    pub(super) fn new() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Terminal {
            out: Some(BufWriter::new(io::stdout())),
            err: io::stderr(),
            colours: io::stderr().is_terminal() && !no_colour,
        }
    }

    /// A line of data.
    pub(super) fn line(&mut self, text: &str) {
        self.data(text);
        self.data("\n");
    }

    /// Data as it is.
    pub(super) fn data(&mut self, text: &str) {
        if let Some(out) = &mut self.out
            && out.write_all(text.as_bytes()).is_err()
        {
            self.out = None;
        }
    }

    /// A line about what is going on; what was printed before it stands before it.
    pub(super) fn note(&mut self, text: &str) {
        self.flush();
        let _ = writeln!(self.err, "{text}");
    }

    /// What is under way; only for people who watch.
    pub(super) fn progress(&mut self, text: &str) {
        if self.err.is_terminal() {
            self.note(text);
        }
    }

    /// What is wrong, or worth a warning.
    pub(super) fn complain(&mut self, diagnostic: &Diagnostic) {
        let text = diagnostic.to_string();
        let colour = match diagnostic.severity {
            Severity::Error => "\x1b[1;31m",
            Severity::Warning => "\x1b[1;33m",
        };
        match text.split_once(':') {
            Some((word, rest)) if self.colours => {
                self.note(&format!("{colour}{word}\x1b[0m:{rest}"))
            }
            _ => self.note(&text),
        }
    }

    pub(super) fn finish(mut self) {
        self.flush();
    }

    fn flush(&mut self) {
        if let Some(out) = &mut self.out
            && out.flush().is_err()
        {
            self.out = None;
        }
    }
}
