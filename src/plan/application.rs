//! What the application of a member of a group does beside reading: when it commits, what it does with each
//! record, where it comes to harm; and services outside of Kafka that it calls.

use crate::kernel::Duration;
use std::fmt;

/// Who commits how far a group has read, how, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    /// The library does (`enable.auto.commit`).
    Auto,
    /// The application calls `commitSync`, which blocks it until the commit is stored or refused for good, or
    /// `commitAsync`, which does not.
    Own { waits: bool, when: CommitWhen },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitWhen {
    /// What `poll` gave, before it is processed.
    Before,
    /// After it is processed.
    After,
    /// Whenever so many records more are processed: up to the last of these.
    Every(u64),
}

impl Commit {
    /// How it is written.
    pub const EXPECTED: &'static str =
        "auto, or before, after or every N records, with sync or async before it: sync after";

    /// `commitAsync`, unless said otherwise.
    pub const fn at(when: CommitWhen) -> Commit {
        Commit::Own { waits: false, when }
    }

    /// Reads what `Display` writes, and `async` where nothing is said of how.
    pub fn parse(text: &str) -> Option<Commit> {
        if text == "auto" {
            return Some(Commit::Auto);
        }
        let (waits, when) = match text.split_once(' ') {
            Some(("sync", when)) => (true, when),
            Some(("async", when)) => (false, when),
            _ => (false, text),
        };
        let when = match when {
            "before" => CommitWhen::Before,
            "after" => CommitWhen::After,
            _ => {
                let records = when.strip_prefix("every ")?;
                let number = records
                    .strip_suffix(" records")
                    .or_else(|| records.strip_suffix(" record"))?;
                CommitWhen::Every(number.parse().ok()?)
            }
        };
        Some(Commit::Own { waits, when })
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Commit::Own { waits, when } = self else {
            return f.write_str("auto");
        };
        if *waits {
            f.write_str("sync ")?;
        }
        match when {
            CommitWhen::Before => f.write_str("before"),
            CommitWhen::After => f.write_str("after"),
            CommitWhen::Every(1) => f.write_str("every 1 record"),
            CommitWhen::Every(number) => write!(f, "every {number} records"),
        }
    }
}

/// What processing a record is, beside the time that it takes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum EachRecord {
    /// Nothing that anybody else sees.
    #[default]
    Count,
    /// A producer of its own sends it, as it is, to this topic; it is processed once it is acknowledged there.
    Forward(String),
    /// This service is called with it; it is processed once that has answered.
    Call(String),
}

/// The process is gone from one moment to the next, once in a run, at a point of its loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CrashAt {
    pub point: CrashPoint,
    /// Counted from 1 by what `poll` gives, in the member's first life.
    pub record: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CrashPoint {
    /// `poll` has returned with it, and nothing was done yet.
    AfterPoll,
    /// It is the next to be processed.
    BeforeProcessing,
    /// It is processed, and what comes next was not begun.
    AfterProcessing,
    /// A commit that covers it is known to be stored.
    AfterCommit,
}

impl CrashPoint {
    pub const WORDS: [(&str, CrashPoint); 4] = [
        ("after the poll of", CrashPoint::AfterPoll),
        ("before processing", CrashPoint::BeforeProcessing),
        ("after processing", CrashPoint::AfterProcessing),
        ("after the commit of", CrashPoint::AfterCommit),
    ];
}

impl CrashAt {
    pub const EXPECTED: &'static str = "after the poll of, before processing, after processing or after the commit of record N, such as \"after processing record 20\"";

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<CrashAt> {
        let (point, record) = text.split_once(" record ")?;
        let (_, point) = CrashPoint::WORDS
            .iter()
            .find(|(words, _)| *words == point)?;
        Some(CrashAt {
            point: *point,
            record: record.parse().ok()?,
        })
    }
}

impl fmt::Display for CrashAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = CrashPoint::WORDS.iter().find(|(_, it)| *it == self.point);
        let words = words.map_or("", |(words, _)| *words);
        write!(f, "{words} record {}", self.record)
    }
}

/// Its `ConsumerRebalanceListener` throws, once in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListenerThrows {
    pub callback: Callback,
    /// It catches what `poll` throws then, and polls again; else it closes its consumer and ends.
    pub is_caught: bool,
}

/// A method of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callback {
    Assigned,
    Revoked,
    Lost,
}

impl Callback {
    pub const WORDS: [(&str, Callback); 3] = [
        ("throws in onPartitionsAssigned", Callback::Assigned),
        ("throws in onPartitionsRevoked", Callback::Revoked),
        ("throws in onPartitionsLost", Callback::Lost),
    ];
}

impl ListenerThrows {
    pub const EXPECTED: &'static str = "throws in onPartitionsAssigned, onPartitionsRevoked or onPartitionsLost, with \", caught\" behind it where the application goes on";

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<ListenerThrows> {
        let caught = text.strip_suffix(", caught");
        let words = caught.unwrap_or(text);
        let (_, callback) = Callback::WORDS.iter().find(|(it, _)| *it == words)?;
        Some(ListenerThrows {
            callback: *callback,
            is_caught: caught.is_some(),
        })
    }
}

impl fmt::Display for ListenerThrows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Callback::WORDS.iter().find(|(_, it)| *it == self.callback);
        f.write_str(words.map_or("", |(words, _)| *words))?;
        f.write_str(if self.is_caught { ", caught" } else { "" })
    }
}

/// A program outside of Kafka that applications call. It counts, and answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServicePlan {
    pub name: String,
    pub about: Option<String>,
    /// What it takes for a call.
    pub takes: Duration,
}

impl ServicePlan {
    pub fn new(name: impl Into<String>) -> ServicePlan {
        ServicePlan {
            name: name.into(),
            about: None,
            takes: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_application_does_is_read_as_it_is_written() {
        for text in [
            "auto",
            "before",
            "after",
            "every 10 records",
            "every 1 record",
            "sync before",
            "sync after",
            "sync every 10 records",
        ] {
            assert_eq!(Commit::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Commit::parse("async after"),
            Some(Commit::at(CommitWhen::After))
        );
        for text in ["", "sync", "every ten records", "every 10", "sync auto"] {
            assert_eq!(Commit::parse(text), None, "{text}");
        }
        for (words, _) in CrashPoint::WORDS {
            let text = format!("{words} record 20");
            assert_eq!(CrashAt::parse(&text).unwrap().to_string(), text);
        }
        for (words, _) in Callback::WORDS {
            for text in [words.to_owned(), format!("{words}, caught")] {
                assert_eq!(ListenerThrows::parse(&text).unwrap().to_string(), text);
            }
        }
        assert_eq!(ListenerThrows::parse("throws"), None);
        for text in [
            "after processing",
            "after processing record",
            "at record 20",
        ] {
            assert_eq!(CrashAt::parse(text), None, "{text}");
        }
    }
}
