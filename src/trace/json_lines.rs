//! A trace as JSON lines: a header that names the format and its version, then one fact a line.

use super::TraceEntry;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What the header of a trace file says that it is.
pub const FORMAT: &str = "kafka-trial trace";
/// Version of the format. Readers refuse others.
pub const VERSION: u64 = 1;

/// The run that a trace is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceHeader {
    pub scenario: String,
    pub seed: u64,
}

/// A text that is no trace of this version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceFileError {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    pub why: String,
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

/// Writes header and entries, each on a line of its own.
pub fn write_json_lines(header: &TraceHeader, entries: &[TraceEntry]) -> String {
    #[derive(Serialize)]
    struct Header<'a> {
        format: &'a str,
        version: u64,
        scenario: &'a str,
        seed: u64,
    }
    let mut text = json(&Header {
        format: FORMAT,
        version: VERSION,
        scenario: &header.scenario,
        seed: header.seed,
    });
    text.push('\n');
    for entry in entries {
        text.push_str(&json(entry));
        text.push('\n');
    }
    text
}

/// Splits a trace file into its header and the lines of its entries, each of which holds a fact.
pub(super) fn read_json_lines(text: &str) -> Result<(TraceHeader, Vec<&str>), TraceFileError> {
    let refuse = |why: String| TraceFileError {
        line: 1,
        column: 1,
        why,
    };
    let mut lines = text.lines();
    let header: Value = serde_json::from_str(lines.next().unwrap_or_default())
        .map_err(|_| refuse(format!("expected the header of a {FORMAT}")))?;
    if header["format"] != FORMAT {
        return Err(refuse(format!("expected the header of a {FORMAT}")));
    }
    if header["version"] != VERSION {
        return Err(refuse(format!(
            "version {} of the format; this program reads version {VERSION}",
            header["version"]
        )));
    }
    let (Some(scenario), Some(seed)) = (header["scenario"].as_str(), header["seed"].as_u64())
    else {
        return Err(refuse("the header names no scenario and seed".to_owned()));
    };
    let header = TraceHeader {
        scenario: scenario.to_owned(),
        seed,
    };
    let lines: Vec<&str> = lines.collect();
    for (number, line) in (2..).zip(&lines) {
        check_entry(line).map_err(|error| TraceFileError {
            line: number,
            column: error.column().max(1),
            why: format!("no fact: {}", without_place(&error)),
        })?;
    }
    Ok((header, lines))
}

/// What every fact has: a line without it was damaged, or was never a trace's.
fn check_entry(line: &str) -> Result<(), serde_json::Error> {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only that they are there is asked")]
    struct Entry {
        event: u64,
        time_ns: u64,
        node: String,
        fact: String,
    }
    serde_json::from_str::<Entry>(line).map(|_| ())
}

/// The reader's words; the place that it adds counts from the line's own beginning.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("facts have string keys and no failing serializer")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::protocol::{Fact, TopicPartition};

    #[test]
    fn a_trace_is_a_header_and_a_fact_a_line() {
        let header = TraceHeader {
            scenario: "s".to_owned(),
            seed: 7,
        };
        let entry = TraceEntry {
            event: 3,
            time: Time(1_500),
            node: "broker-1".into(),
            fact: Fact::HighWatermarkMoved {
                partition: TopicPartition::new("t", 0),
                high_watermark: 4,
                as_leader: true,
            },
        };
        let text = write_json_lines(&header, &[entry]);
        insta::assert_snapshot!(text, @r#"
        {"format":"kafka-trial trace","version":1,"scenario":"s","seed":7}
        {"event":3,"time_ns":1500,"node":"broker-1","fact":"high-watermark-moved","partition":"t-0","high_watermark":4,"as_leader":true}
        "#);
        let (read, lines) = read_json_lines(&text).unwrap();
        assert_eq!((read, lines.len()), (header, 1));
    }

    #[test]
    fn another_version_is_refused() {
        let text =
            "{\"format\":\"kafka-trial trace\",\"version\":2,\"scenario\":\"s\",\"seed\":7}\n";
        assert_eq!(
            read_json_lines(text).unwrap_err().to_string(),
            "line 1, column 1: version 2 of the format; this program reads version 1"
        );
        assert!(read_json_lines("").is_err());
        assert!(read_json_lines("broker:\n").is_err());
    }

    #[test]
    fn a_line_that_holds_no_fact_is_refused_with_its_place() {
        let header =
            "{\"format\":\"kafka-trial trace\",\"version\":1,\"scenario\":\"s\",\"seed\":7}";
        let fact = "{\"event\":3,\"time_ns\":1500,\"node\":\"broker-1\",\"fact\":\"started\"}";
        assert!(read_json_lines(&format!("{header}\n{fact}\n")).is_ok());
        for (line, said) in [
            ("garbage", "line 3, column 1: no fact: expected value"),
            (
                &fact[..40],
                "line 3, column 40: no fact: EOF while parsing a string",
            ),
            ("", "line 3, column 1: no fact: EOF while parsing a value"),
            ("{}", "line 3, column 2: no fact: missing field `event`"),
            (
                "{\"event\":3,\"time_ns\":-1}",
                "line 3, column 23: no fact: invalid value: integer `-1`, expected u64",
            ),
        ] {
            let text = format!("{header}\n{fact}\n{line}\n{fact}\n");
            assert_eq!(read_json_lines(&text).unwrap_err().to_string(), said);
        }
    }
}
