//! Where two traces part: the first fact that differs, with what came before and after on both sides.

use super::json_lines::reader::{TraceLine, TraceReader};
use super::json_lines::{TraceFileError, TraceHeader};
use serde_json::Value;
use std::fmt;

/// Lines shown before and after the first difference.
const CONTEXT: usize = 5;

/// The first difference of two traces; prints as text for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Header of each side.
    pub headers: [TraceHeader; 2],
    /// Facts that both have in common before it.
    pub common: u64,
    before: Vec<String>,
    /// What each side has instead, and then; empty where it ends.
    after: [Vec<String>; 2],
}

/// Compares two trace files. `None`: every fact is the same.
///
/// The error names the side (0 or 1) that could not be read.
pub fn diff(a: &str, b: &str) -> Result<Option<Difference>, (u8, TraceFileError)> {
    let (header_a, a) = facts(a).map_err(|error| (0, error))?;
    let (header_b, b) = facts(b).map_err(|error| (1, error))?;
    let common = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    if common == a.len() && common == b.len() {
        return Ok(None);
    }
    let show = |lines: &[String]| lines.iter().map(|line| readable(line)).collect::<Vec<_>>();
    let following = |lines: &[String]| show(&lines[common..lines.len().min(common + CONTEXT)]);
    Ok(Some(Difference {
        headers: [header_a, header_b],
        common: common as u64,
        before: show(&a[common.saturating_sub(CONTEXT)..common]),
        after: [following(&a), following(&b)],
    }))
}

/// The lines of a trace that hold facts.
fn facts(text: &str) -> Result<(TraceHeader, Vec<String>), TraceFileError> {
    let (header, mut reader) = TraceReader::open(text.as_bytes())?;
    let mut facts = Vec::new();
    loop {
        match reader.next_entry()? {
            TraceLine::Fact(_) => facts.push(reader.text().to_owned()),
            TraceLine::Cause(_) | TraceLine::Sent(_) => {}
            TraceLine::End(_) => return Ok((header, facts)),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["A", "B"];
        for (name, header) in names.iter().zip(&self.headers) {
            writeln!(f, "{name}: {}, seed {}", header.scenario, header.seed)?;
        }
        writeln!(f, "{} facts are the same, then they differ:", self.common)?;
        for line in &self.before {
            writeln!(f, "   {line}")?;
        }
        for (name, lines) in names.iter().zip(&self.after) {
            let Some((first, rest)) = lines.split_first() else {
                writeln!(f, "{name}> (ends here)")?;
                continue;
            };
            writeln!(f, "{name}> {first}")?;
            for line in rest {
                writeln!(f, "{name}  {line}")?;
            }
        }
        Ok(())
    }
}

/// A line of a trace without JSON's marks: time, node, fact and its fields.
fn readable(line: &str) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else {
        return line.to_owned();
    };
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let event = take("event");
    let time = take("time_ns").as_u64().unwrap_or_default();
    let (node, fact) = (plain(&take("node")), plain(&take("fact")));
    let (seconds, nanos) = (time / 1_000_000_000, time % 1_000_000_000);
    let mut text = format!("{seconds}.{nanos:09}s  #{event}  {node}  {fact}");
    for (name, value) in &fields {
        text.push_str(&format!("  {name}={}", plain(value)));
    }
    text
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::protocol::Fact;
    use crate::trace::{TraceEntry, write_json_lines};

    fn trace(seed: u64, facts: &[(u64, &str, Fact)]) -> String {
        let header = TraceHeader {
            scenario: "s".to_owned(),
            seed,
            ..TraceHeader::default()
        };
        let entries: Vec<_> = facts
            .iter()
            .enumerate()
            .map(|(event, (ms, node, fact))| TraceEntry {
                event: event as u64,
                time: Time(ms * 1_000_000),
                node: (*node).into(),
                fact: fact.clone(),
            })
            .collect();
        write_json_lines(&header, &entries)
    }

    #[test]
    fn the_first_difference_is_shown_with_both_sides() {
        let a = trace(
            1,
            &[
                (0, "broker-1", Fact::Started),
                (5, "broker-1", Fact::Serving),
            ],
        );
        let b = trace(
            2,
            &[
                (0, "broker-1", Fact::Started),
                (6, "broker-1", Fact::Registered { broker_epoch: 9 }),
                (7, "broker-1", Fact::Serving),
            ],
        );
        let difference = diff(&a, &b).unwrap().unwrap();
        insta::assert_snapshot!(difference, @r"
        A: s, seed 1
        B: s, seed 2
        1 facts are the same, then they differ:
           0.000000000s  #0  broker-1  started
        A> 0.005000000s  #1  broker-1  serving
        B> 0.006000000s  #1  broker-1  registered  broker_epoch=9
        B  0.007000000s  #2  broker-1  serving
        ");
    }

    #[test]
    fn a_trace_that_ends_early_differs_and_equal_ones_do_not() {
        let long = trace(
            1,
            &[
                (0, "broker-1", Fact::Started),
                (5, "broker-1", Fact::Serving),
            ],
        );
        let short = trace(1, &[(0, "broker-1", Fact::Started)]);
        assert_eq!(diff(&long, &long), Ok(None));
        let difference = diff(&long, &short).unwrap().unwrap();
        assert!(difference.to_string().ends_with("B> (ends here)\n"));
        assert_eq!(diff(&long, "nonsense").unwrap_err().0, 1);
    }
}
