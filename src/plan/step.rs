//! What the application of a member of a group does to its consumer between two records: `seek`, `pause`, `resume`.

use super::application::CrashAt;
use super::role::Partition;
use super::unit::{parse_duration, write_duration};
use crate::kernel::Duration;
use std::fmt;

/// Once in a run, in the member's first life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub when: StepWhen,
    pub call: Call,
    /// None: all that it has then.
    pub partition: Option<Partition>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepWhen {
    /// As soon as it has nothing in hand: while it is in `poll`, or when it is done with a record.
    At(Duration),
    Point(CrashAt),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    Seek(i64),
    SeekToBeginning,
    SeekToEnd,
    Pause,
    Resume,
    /// It asks its library for an offset, and waits.
    Ask(OffsetApi),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetApi {
    Position,
    Committed,
    BeginningOffsets,
}

impl OffsetApi {
    pub const WORDS: [(&str, OffsetApi); 3] = [
        ("position", OffsetApi::Position),
        ("committed", OffsetApi::Committed),
        ("beginningOffsets", OffsetApi::BeginningOffsets),
    ];
}

impl StepWhen {
    pub const EXPECTED: &'static str = "a time such as 30s, or after the poll of, before processing or after processing record N, such as \"after processing record 20\"";

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<StepWhen> {
        match CrashAt::parse(text) {
            Some(point) => Some(StepWhen::Point(point)),
            None => parse_duration(text).map(StepWhen::At),
        }
    }
}

impl fmt::Display for StepWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepWhen::At(time) => f.write_str(&write_duration(*time)),
            StepWhen::Point(point) => point.fmt(f),
        }
    }
}

impl Step {
    /// How `call` and `partition` are written.
    pub const EXPECTED: &'static str = "\"seek t-0 to 5\", \"seek all to the beginning\" or \"to the end\", \"pause t-0\" or \"resume all\"; at a time also \"ask position of t-0\", \"committed of\" or \"beginningOffsets of\"";

    /// Reads what `what` writes.
    pub fn parse_what(text: &str) -> Option<(Call, Option<Partition>)> {
        let (verb, rest) = text.split_once(' ')?;
        let (whose, call) = match verb {
            "seek" => {
                let (whose, to) = rest.split_once(" to ")?;
                let call = match to {
                    "the beginning" => Call::SeekToBeginning,
                    "the end" => Call::SeekToEnd,
                    offset => Call::Seek(offset.parse().ok()?),
                };
                (whose, call)
            }
            "ask" => {
                let (api, whose) = rest.split_once(" of ")?;
                let api = OffsetApi::WORDS.iter().find(|(word, _)| *word == api)?;
                (whose, Call::Ask(api.1))
            }
            "pause" => (rest, Call::Pause),
            "resume" => (rest, Call::Resume),
            _ => return None,
        };
        match whose {
            "all" => Some((call, None)),
            partition => Some((call, Some(partition.parse().ok()?))),
        }
    }

    pub fn what(&self) -> String {
        let whose = match &self.partition {
            None => "all".to_owned(),
            Some(partition) => partition.to_string(),
        };
        match self.call {
            Call::Seek(offset) => format!("seek {whose} to {offset}"),
            Call::SeekToBeginning => format!("seek {whose} to the beginning"),
            Call::SeekToEnd => format!("seek {whose} to the end"),
            Call::Ask(api) => {
                let word = OffsetApi::WORDS.iter().find(|(_, it)| *it == api);
                format!("ask {} of {whose}", word.map_or("", |(word, _)| *word))
            }
            Call::Pause => format!("pause {whose}"),
            Call::Resume => format!("resume {whose}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_as_it_is_written() {
        for (when, what) in [
            ("30s", "seek t-0 to 5"),
            ("after processing record 20", "seek all to the beginning"),
            ("before processing record 1", "seek all to the end"),
            ("after the poll of record 7", "pause t-0"),
            ("1m", "resume all"),
            ("1m", "ask position of t-0"),
            ("1m", "ask committed of t-0"),
            ("1m", "ask beginningOffsets of t-0"),
        ] {
            let (call, partition) = Step::parse_what(what).unwrap();
            let step = Step {
                when: StepWhen::parse(when).unwrap(),
                call,
                partition,
            };
            assert_eq!(
                (step.when.to_string(), step.what()),
                (when.into(), what.into())
            );
        }
        for text in [
            "",
            "seek",
            "seek t-0",
            "seek t-0 to five",
            "stop all",
            "pause",
        ] {
            assert_eq!(Step::parse_what(text), None, "{text}");
        }
        assert_eq!(StepWhen::parse("soon"), None);
    }
}
