//! A trace read back, line by line: what was cut, changed or is of another version is refused at its line.

use super::{
    CauseKind, CauseLine, Closing, EndLine, FORMAT, HeaderLine, SentLine, TraceFileError,
    TraceHeader, VERSION, add,
};
use crate::kernel::{Cause, Time};
use crate::trace::{CauseEntry, SentEntry, TraceEntry};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::BufRead;
use std::rc::Rc;

/// Reads a trace line by line.
pub struct TraceReader<R: BufRead> {
    input: R,
    line: Vec<u8>,
    /// Number of the line that was read last.
    number: usize,
    facts: u64,
    checksum: u64,
    /// Event and time of the last line.
    last: (u64, u64),
    /// Of processes and kinds of messages: few, and on each line.
    names: BTreeSet<Rc<str>>,
}

/// What a line of a trace says.
#[derive(Clone, PartialEq, Debug)]
pub enum TraceLine {
    Fact(TraceEntry),
    Cause(CauseEntry),
    Sent(SentEntry),
    End(Closing),
}

/// By what only such a line has.
enum LineKind {
    Fact,
    Cause,
    Sent,
    End,
}

impl<R: BufRead> TraceReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// What is no header of a trace of this version.
    pub fn open(input: R) -> Result<(TraceHeader, Self), TraceFileError> {
        let mut reader = TraceReader {
            input,
            line: Vec::new(),
            number: 0,
            facts: 0,
            checksum: 0,
            last: (0, 0),
            names: BTreeSet::new(),
        };
        #[derive(Deserialize)]
        struct Version {
            format: String,
            version: u64,
        }
        let none = || format!("expected the header of a {FORMAT}");
        if !reader.next_line()? {
            return Err(reader.refuse(1, none()));
        }
        match serde_json::from_slice::<Version>(&reader.line) {
            Ok(found) if found.format != FORMAT => return Err(reader.refuse(1, none())),
            Ok(found) if found.version != VERSION => {
                let why = format!(
                    "version {} of the format; this program reads version {VERSION}",
                    found.version
                );
                return Err(reader.refuse(1, why));
            }
            Ok(_) => {}
            Err(_) => return Err(reader.refuse(1, none())),
        }
        match serde_json::from_slice::<HeaderLine>(&reader.line) {
            Ok(header) => Ok((header.header, reader)),
            Err(error) => Err(reader.malformed("no header", &error)),
        }
    }

    /// The next line; the last one is `TraceLine::End`.
    ///
    /// # Errors
    /// A line that was cut or changed, or the end of a trace that has lost its last line.
    pub fn next_entry(&mut self) -> Result<TraceLine, TraceFileError> {
        let before = self.checksum;
        if !self.next_line()? {
            let why = "the trace ends here without its last line: it was cut";
            return Err(self.refuse(1, why.to_owned()));
        }
        let line = match self.kind() {
            LineKind::End => return self.end(before),
            LineKind::Cause => {
                let mut cause: CauseEntry = self.read::<CauseLine>("no cause")?.into();
                cause.node = self.known(cause.node);
                TraceLine::Cause(cause)
            }
            LineKind::Sent => {
                let mut sent: SentEntry = self.read::<SentLine>("no message")?.into();
                sent.node = self.known(sent.node);
                sent.to = self.known(sent.to);
                sent.kind = self.known(sent.kind);
                TraceLine::Sent(sent)
            }
            LineKind::Fact => {
                self.facts += 1;
                let mut fact: TraceEntry = self.read("no fact")?;
                fact.node = self.known(fact.node);
                TraceLine::Fact(fact)
            }
        };
        let place = match &line {
            TraceLine::Fact(entry) => (entry.event, entry.time.0),
            TraceLine::Cause(cause) => (cause.event, cause.time.0),
            // What a process was at work on leaves it when that is done: others have had events since.
            TraceLine::Sent(sent) => (self.last.0, sent.time.0),
            TraceLine::End(_) => self.last,
        };
        if place.0 < self.last.0 || place.1 < self.last.1 {
            let why = format!(
                "event {} at {} ns comes after event {} at {} ns",
                place.0, place.1, self.last.0, self.last.1
            );
            return Err(self.refuse(1, why));
        }
        self.last = place;
        Ok(line)
    }

    /// The line that was read last, as it stands there.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.line).unwrap_or_default()
    }

    fn end(&mut self, checksum: u64) -> Result<TraceLine, TraceFileError> {
        let EndLine { seal, closing } = self.read("no last line")?;
        if seal.facts != self.facts {
            let why = format!(
                "the trace had {} facts when it was written, and {} now",
                seal.facts, self.facts
            );
            return Err(self.refuse(1, why));
        }
        if seal.checksum != checksum {
            let why = "the checksum does not fit: a line before this one was changed";
            return Err(self.refuse(1, why.to_owned()));
        }
        if self.next_line()? {
            return Err(self.refuse(1, "this stands after the last line of the trace".to_owned()));
        }
        Ok(TraceLine::End(closing))
    }

    /// Each kind of line has a field that no other has.
    fn kind(&self) -> LineKind {
        #[derive(Deserialize)]
        struct Fields {
            seal: Option<serde::de::IgnoredAny>,
            cause: Option<serde::de::IgnoredAny>,
            sends: Option<serde::de::IgnoredAny>,
        }
        match serde_json::from_slice::<Fields>(&self.line) {
            Ok(Fields { seal: Some(_), .. }) => LineKind::End,
            Ok(Fields { cause: Some(_), .. }) => LineKind::Cause,
            Ok(Fields { sends: Some(_), .. }) => LineKind::Sent,
            _ => LineKind::Fact,
        }
    }

    /// The same name once, and not anew for each line.
    fn known(&mut self, name: Rc<str>) -> Rc<str> {
        if let Some(known) = self.names.get(&name) {
            return known.clone();
        }
        self.names.insert(name.clone());
        name
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, what: &str) -> Result<T, TraceFileError> {
        serde_json::from_slice(&self.line).map_err(|error| self.malformed(what, &error))
    }

    /// False at the end of the input. A last line without its end was cut, and shows it by what it lacks.
    fn next_line(&mut self) -> Result<bool, TraceFileError> {
        self.line.clear();
        self.number += 1;
        let read = self.input.read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| self.refuse(1, format!("cannot be read: {error}")))?;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        if self.line.last() == Some(&b'\r') {
            let why = "the line ends with a carriage return, which no trace has: its line ends were changed";
            return Err(self.refuse(self.line.len(), why.to_owned()));
        }
        self.checksum = add(self.checksum, &self.line);
        if std::str::from_utf8(&self.line).is_err() {
            return Err(self.refuse(1, "this is not UTF-8".to_owned()));
        }
        Ok(read > 0)
    }

    fn malformed(&self, what: &str, error: &serde_json::Error) -> TraceFileError {
        self.refuse(
            error.column().max(1),
            format!("{what}: {}", without_place(error)),
        )
    }

    fn refuse(&self, column: usize, why: String) -> TraceFileError {
        TraceFileError {
            line: self.number,
            column,
            why,
            text: String::from_utf8_lossy(&self.line).into_owned(),
        }
    }
}

impl From<CauseLine> for CauseEntry {
    fn from(line: CauseLine) -> Self {
        CauseEntry {
            event: line.event,
            time: Time(line.time_ns),
            node: line.node,
            cause: match line.cause {
                CauseKind::Packet => Cause::Packet { sent_in: line.of },
                CauseKind::Timer => Cause::Timer { set_in: line.of },
                CauseKind::Disk => Cause::Disk { begun_in: line.of },
                CauseKind::Outside => Cause::Outside,
            },
            message: line.message,
        }
    }
}

impl From<SentLine> for SentEntry {
    fn from(line: SentLine) -> Self {
        SentEntry {
            number: line.message,
            event: line.event,
            time: Time(line.time_ns),
            node: line.node,
            to: line.to,
            kind: line.sends,
            message: line.what,
        }
    }
}

/// The reader's words; the place that it adds counts from the line's own beginning.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
