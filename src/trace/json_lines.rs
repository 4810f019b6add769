//! A trace as JSON lines: a header that names the format and its version, a line a fact (and, where they
//! were kept, a line a cause), and a last line that says what the run came to and seals the file.
//!
//! Ids, kinds and numbers are data. The last line counts the facts and carries a checksum over every line
//! before it, so that a trace that was cut or changed is not taken for a run.

pub(super) mod reader;

use super::{CauseEntry, Observer, SentEntry, TraceEntry};
use crate::kernel::Cause;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Write};
use twox_hash::XxHash3_64;

/// What the header of a trace file says that it is.
pub const FORMAT: &str = "kafka-trial trace";
/// Version of the format. Readers refuse others.
pub const VERSION: u64 = 5;

/// The run that a trace is of.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TraceHeader {
    pub scenario: String,
    pub about: String,
    /// Text in the file, as everywhere: not every reader's numbers hold 64 bits.
    #[serde(with = "as_text")]
    pub seed: u64,
    /// What the plan's author should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Producers and consumers of the plan, in its order.
    pub producers: Vec<Group>,
    pub consumers: Vec<Group>,
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom("a seed is a number as text"))
    }
}

/// Clients that a plan calls by one name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub members: Vec<String>,
}

/// What a run came to that its facts do not say: tables of the cluster as it was left, and verdicts.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Closing {
    pub held: bool,
    /// As Kafka's tools print them.
    pub tables: String,
    pub verdicts: String,
    /// Digest, events and messages.
    pub figures: String,
    /// What broke, with its evidence; empty if nothing did.
    pub failure: String,
    /// Simulated time at the end, in nanoseconds; 0 where that was not written.
    #[serde(default)]
    pub end_ns: u64,
}

/// A text that is no trace of this version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceFileError {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    pub why: String,
    /// The line as it stands there.
    pub text: String,
}

impl fmt::Display for TraceFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.why
        )
    }
}

impl std::error::Error for TraceFileError {}

#[derive(Serialize, Deserialize)]
struct HeaderLine {
    format: String,
    version: u64,
    #[serde(flatten)]
    header: TraceHeader,
}

#[derive(Serialize, Deserialize)]
struct CauseLine {
    event: u64,
    time_ns: u64,
    node: std::rc::Rc<str>,
    cause: CauseKind,
    /// The event that brought it about; 0 for none.
    of: u64,
    /// The message that it brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct SentLine {
    event: u64,
    time_ns: u64,
    node: std::rc::Rc<str>,
    sends: std::rc::Rc<str>,
    what: std::rc::Rc<str>,
    to: std::rc::Rc<str>,
    message: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CauseKind {
    Packet,
    Timer,
    Disk,
    Outside,
}

#[derive(Serialize, Deserialize)]
struct EndLine {
    seal: Seal,
    #[serde(flatten)]
    closing: Closing,
}

#[derive(Serialize, Deserialize)]
struct Seal {
    facts: u64,
    checksum: u64,
}

/// Writes a trace while its run goes on.
pub struct TraceWriter<W: Write> {
    out: W,
    facts: u64,
    checksum: u64,
    /// The first write that failed; nothing is written after it.
    failed: Option<io::Error>,
}

impl<W: Write> TraceWriter<W> {
    pub fn new(out: W, header: &TraceHeader) -> Self {
        let mut writer = TraceWriter {
            out,
            facts: 0,
            checksum: 0,
            failed: None,
        };
        writer.line(&HeaderLine {
            format: FORMAT.to_owned(),
            version: VERSION,
            header: header.clone(),
        });
        writer
    }

    /// Where it is written.
    pub fn out(&self) -> &W {
        &self.out
    }

    /// Seals the trace.
    ///
    /// # Errors
    /// The first write that failed.
    pub fn finish(mut self, closing: &Closing) -> io::Result<W> {
        self.line(&EndLine {
            seal: Seal {
                facts: self.facts,
                checksum: self.checksum,
            },
            closing: closing.clone(),
        });
        match self.failed {
            Some(error) => Err(error),
            None => {
                self.out.flush()?;
                Ok(self.out)
            }
        }
    }

    fn line(&mut self, value: &impl Serialize) {
        if self.failed.is_some() {
            return;
        }
        let mut line =
            serde_json::to_vec(value).expect("facts have string keys and no failing serializer");
        self.checksum = add(self.checksum, &line);
        line.push(b'\n');
        self.failed = self.out.write_all(&line).err();
    }
}

impl<W: Write> Observer for TraceWriter<W> {
    fn fact(&mut self, entry: &TraceEntry) {
        self.facts += 1;
        self.line(entry);
    }

    fn cause(&mut self, cause: &CauseEntry) {
        let kind = match cause.cause {
            Cause::Packet { .. } => CauseKind::Packet,
            Cause::Timer { .. } => CauseKind::Timer,
            Cause::Disk { .. } => CauseKind::Disk,
            Cause::Outside => CauseKind::Outside,
        };
        self.line(&CauseLine {
            event: cause.event,
            time_ns: cause.time.0,
            node: cause.node.clone(),
            cause: kind,
            of: cause.cause.event().unwrap_or_default(),
            message: cause.message,
        });
    }

    fn sent(&mut self, sent: &SentEntry) {
        self.line(&SentLine {
            event: sent.event,
            time_ns: sent.time.0,
            node: sent.node.clone(),
            sends: sent.kind.clone(),
            what: sent.message.clone(),
            to: sent.to.clone(),
            message: sent.number,
        });
    }
}

/// The checksum over one more line.
fn add(checksum: u64, line: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(checksum, line)
}

/// A whole trace as text.
pub fn write_json_lines(header: &TraceHeader, entries: &[TraceEntry]) -> String {
    let mut writer = TraceWriter::new(Vec::new(), header);
    entries.iter().for_each(|entry| writer.fact(entry));
    let text = writer.finish(&Closing::default());
    String::from_utf8(text.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::reader::{TraceLine, TraceReader};
    use super::*;
    use crate::kernel::Time;
    use crate::protocol::{ApplicationFact, Fact, ShellFact, TopicPartition};

    fn header() -> TraceHeader {
        TraceHeader {
            scenario: "s".to_owned(),
            seed: 7,
            ..TraceHeader::default()
        }
    }

    fn entry() -> TraceEntry {
        TraceEntry {
            event: 3,
            time: Time(1_500),
            node: "broker-1".into(),
            fact: Fact::HighWatermarkMoved {
                partition: TopicPartition::new("t", 0),
                high_watermark: 4,
                as_leader: true,
            },
        }
    }

    #[test]
    fn line_ends_that_were_changed_are_named() {
        let text = write_json_lines(&header(), &[entry()]).replace('\n', "\r\n");
        let refused = read(&text).expect_err("it is refused");
        assert_eq!(refused.line, 1);
        assert!(refused.why.contains("line ends were changed"), "{refused}");
    }

    /// All lines of a trace, or why it is refused.
    fn read(text: &str) -> Result<(TraceHeader, Vec<TraceLine>), TraceFileError> {
        let (header, mut reader) = TraceReader::open(text.as_bytes())?;
        let mut lines = Vec::new();
        while !matches!(lines.last(), Some(TraceLine::End(_))) {
            lines.push(reader.next_entry()?);
        }
        Ok((header, lines))
    }

    fn refusal(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_trace_is_a_header_a_fact_a_line_and_a_seal() {
        let cause = CauseEntry {
            event: 3,
            time: Time(1_500),
            node: "broker-1".into(),
            cause: Cause::Packet { sent_in: 2 },
            message: Some(7),
        };
        let sent = SentEntry {
            number: 8,
            event: 1,
            time: Time(1_500),
            node: "broker-1".into(),
            to: "broker-2".into(),
            kind: "Fetch".into(),
            message: "Fetch t-0@4".into(),
        };
        let mut writer = TraceWriter::new(Vec::new(), &header());
        writer.cause(&cause);
        writer.fact(&entry());
        writer.sent(&sent);
        let of_a_family = TraceEntry {
            fact: Fact::Shell(ShellFact::Asked {
                command: "get /route".into(),
            }),
            ..entry()
        };
        writer.fact(&of_a_family);
        let text = String::from_utf8(writer.finish(&Closing::default()).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        insta::assert_snapshot!(lines[..5].join("\n"), @r#"
        {"format":"kafka-trial trace","version":5,"scenario":"s","about":"","seed":"7","producers":[],"consumers":[]}
        {"event":3,"time_ns":1500,"node":"broker-1","cause":"packet","of":2,"message":7}
        {"event":3,"time_ns":1500,"node":"broker-1","fact":"high-watermark-moved","partition":"t-0","high_watermark":4,"as_leader":true}
        {"event":1,"time_ns":1500,"node":"broker-1","sends":"Fetch","what":"Fetch t-0@4","to":"broker-2","message":8}
        {"event":3,"time_ns":1500,"node":"broker-1","fact":"zoo-keeper-command","command":"get /route"}
        "#);
        let (found, lines) = read(&text).unwrap();
        assert_eq!(found, header());
        let end = TraceLine::End(Closing::default());
        assert_eq!(
            lines,
            [
                TraceLine::Cause(cause),
                TraceLine::Fact(entry()),
                TraceLine::Sent(sent),
                TraceLine::Fact(of_a_family),
                end
            ]
        );
    }

    /// Families of facts share one list of names.
    #[test]
    fn what_an_application_pauses_is_no_pause_of_its_process() {
        let partitions = vec![TopicPartition::new("t", 0)];
        let by_application = [
            ApplicationFact::Paused {
                partitions: partitions.clone(),
            },
            ApplicationFact::Resumed { partitions },
        ];
        let facts = by_application.map(Fact::from).into_iter();
        let facts: Vec<Fact> = facts.chain([Fact::Paused, Fact::Resumed]).collect();
        let entries = facts.into_iter().map(|fact| TraceEntry { fact, ..entry() });
        let entries: Vec<TraceEntry> = entries.collect();
        let (_, mut lines) = read(&write_json_lines(&header(), &entries)).unwrap();
        lines.pop();
        let same: Vec<TraceLine> = entries.into_iter().map(TraceLine::Fact).collect();
        assert_eq!(lines, same);
    }

    #[test]
    fn another_version_is_refused() {
        let text = write_json_lines(&header(), &[]).replacen(&format!(":{VERSION},"), ":1,", 1);
        assert_eq!(
            refusal(&text),
            "line 1, column 1: version 1 of the format; this program reads version 5"
        );
        assert!(read("").is_err());
        assert!(read("broker:\n").is_err());
    }

    #[test]
    fn a_cut_trace_is_refused_wherever_it_was_cut() {
        let whole = write_json_lines(&header(), &[entry(), entry(), entry()]);
        assert!(read(&whole).is_ok());
        for end in 0..whole.len() - 1 {
            assert!(read(&whole[..end]).is_err(), "cut at {end}");
        }
        let lines: Vec<&str> = whole.lines().collect();
        assert_eq!(
            refusal(&format!("{}\n", lines[..3].join("\n"))),
            "line 4, column 1: the trace ends here without its last line: it was cut"
        );
        assert_eq!(
            refusal(&format!("{}\n{}\n{}\n", lines[0], lines[1], lines[4])),
            "line 3, column 1: the trace had 3 facts when it was written, and 1 now"
        );
    }

    #[test]
    fn a_changed_trace_is_refused_with_its_line() {
        let whole = write_json_lines(&header(), &[entry(), entry()]);
        for at in 0..whole.len() - 1 {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] ^= 1;
            let text = String::from_utf8(bytes).unwrap();
            // One byte of the seal's own words is not sealed.
            let in_seal = at > whole.rfind("\"held\"").unwrap();
            assert!(in_seal || read(&text).is_err(), "changed at {at}: {text}");
        }
        let fact = &whole.lines().nth(1).unwrap();
        for (line, said) in [
            ("garbage", "line 2, column 1: no fact: expected value"),
            (
                &fact[..40],
                "line 2, column 40: no fact: EOF while parsing a string",
            ),
            ("", "line 2, column 1: no fact: EOF while parsing a value"),
        ] {
            let text = whole.replacen(fact, line, 1);
            assert_eq!(refusal(&text), said);
        }
        let unknown = whole.replacen("high-watermark-moved", "high-watermark-lost", 1);
        assert_eq!(
            refusal(&unknown),
            "line 2, column 127: no fact: this version knows none of this name with these fields"
        );
        let later = whole.replacen("1500", "1501", 1);
        assert!(
            refusal(&later).starts_with("line 3, "),
            "{}",
            refusal(&later)
        );
    }
}
