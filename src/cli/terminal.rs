//! Standard output and standard error, neither of which a closed pipe turns into a panic.

use crate::scenario::{Diagnostic, Severity};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, BufWriter, IsTerminal, Stderr, Stdout, Write};

pub(super) struct Terminal {
    /// None once the reader has gone, or the device takes no more.
    out: Option<BufWriter<Stdout>>,
    /// Why standard output takes no more, unless its reader has gone, who has read enough.
    failed: Option<io::Error>,
    /// A status line stands where the cursor is.
    status: bool,
    /// Standard output is a terminal, which obeys what is printed.
    is_screen: bool,
    err: Stderr,
    warned: BTreeSet<String>,
    colours: bool,
}

impl Terminal {
    pub(super) fn new() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Terminal {
            out: Some(BufWriter::new(io::stdout())),
            failed: None,
            status: false,
            is_screen: io::stdout().is_terminal(),
            err: io::stderr(),
            warned: BTreeSet::new(),
            colours: io::stderr().is_terminal() && !no_colour,
        }
    }

    /// True if a person sees output and errors on one screen.
    pub(super) fn is_one(&self) -> bool {
        io::stdout().is_terminal() && self.err.is_terminal()
    }

    /// A line of data.
    pub(super) fn line(&mut self, text: &str) {
        self.data(text);
        self.data("\n");
    }

    /// Data as it is.
    pub(super) fn data(&mut self, text: &str) {
        let text = match self.is_screen {
            true => harmless(text),
            false => text.into(),
        };
        let written = self.out.as_mut().map(|out| out.write_all(text.as_bytes()));
        self.note_failure(written);
    }

    /// Something to be answered; what was printed before it stands before it.
    pub(super) fn prompt(&mut self, text: &str) {
        self.data(text);
        self.flush();
    }

    /// A line about what is going on; what was printed before it stands before it.
    pub(super) fn note(&mut self, text: &str) {
        self.note_as_it_is(&harmless(text));
    }

    fn note_as_it_is(&mut self, text: &str) {
        self.flush();
        self.clear_status();
        // Where nobody hears of anything, nobody hears of that either.
        let _ = writeln!(self.err, "{text}");
    }

    /// What is under way; only for people who watch.
    pub(super) fn progress(&mut self, text: &str) {
        if self.err.is_terminal() {
            self.note(text);
        }
    }

    /// How far something has come: one line that is written over; only for people who watch.
    pub(super) fn status(&mut self, text: &str) {
        if self.err.is_terminal() {
            let _ = write!(self.err, "\r\x1b[K{text}");
            self.status = true;
        }
    }

    /// What was under way is done.
    pub(super) fn clear_status(&mut self) {
        if std::mem::take(&mut self.status) {
            let _ = write!(self.err, "\r\x1b[K");
        }
    }

    /// What is wrong, or worth a warning; of the same twice one is enough.
    pub(super) fn complain(&mut self, diagnostic: &Diagnostic) {
        let text = diagnostic.to_string();
        if diagnostic.severity == Severity::Warning && !self.warned.insert(text.clone()) {
            return;
        }
        let colour = match diagnostic.severity {
            Severity::Error => "\x1b[1;31m",
            Severity::Warning => "\x1b[1;33m",
        };
        match text.split_once(':') {
            Some((word, rest)) if self.colours => {
                let rest = harmless(rest);
                self.note_as_it_is(&format!("{colour}{word}\x1b[0m:{rest}"))
            }
            _ => self.note(&text),
        }
    }

    /// False if something was to be printed and could not be; it says so.
    pub(super) fn finish(mut self) -> bool {
        self.flush();
        let Some(error) = self.failed.take() else {
            return true;
        };
        let what = format!("this cannot be written: {error}");
        self.complain(&Diagnostic::about_file("standard output", what));
        false
    }

    fn flush(&mut self) {
        let flushed = self.out.as_mut().map(Write::flush);
        self.note_failure(flushed);
    }

    fn note_failure(&mut self, done: Option<io::Result<()>>) {
        if let Some(Err(error)) = done {
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.failed.get_or_insert(error);
            }
            // What is left in the buffer is not tried again.
            if let Some(out) = self.out.take() {
                let _ = out.into_parts();
            }
        }
    }
}

/// Text from files as a terminal may have it: none of it moves the cursor or chooses a colour. What stands instead is
/// what JSON writes.
fn harmless(text: &str) -> Cow<'_, str> {
    shown_where(text, |c| c.is_control() && !matches!(c, '\n' | '\t'))
}

/// Text of others within a line, which it may not end, wherever that line goes.
pub(super) fn in_a_line(text: &str) -> Cow<'_, str> {
    shown_where(text, char::is_control)
}

fn shown_where(text: &str, obeyed: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&obeyed) {
        return text.into();
    }
    let shown = |c: char| match obeyed(c) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    text.chars().map(shown).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::{harmless, in_a_line};

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_json_writes_it() {
        assert_eq!(harmless("a\tb\n"), "a\tb\n");
        assert_eq!(harmless("red: \x1b[31m\r"), "red: \\u001b[31m\\u000d");
        assert_eq!(harmless("\u{9b}2J"), "\\u009b2J");
        assert_eq!(in_a_line("a\nb\t\x1b"), "a\\u000ab\\u0009\\u001b");
    }
}
