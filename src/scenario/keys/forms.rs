//! What may stand behind a key: forms, in words for people and as patterns for programs.

use super::Room;
use crate::plan::{
    Callback, CrashPoint, OffsetApi, Partition, Slot, ZooKeeperCommand, duration_pattern as time,
    escaped,
};
use crate::protocol::config::Scope;
use crate::protocol::rules::About;
use crate::serialization::Compatibility;

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Any text; numbers and truth values are texts too.
    Text,
    Whole {
        least: i64,
        most: u64,
    },
    Truth,
    Time,
    /// May be negative.
    SignedTime,
    Size,
    /// A size a second.
    Rate,
    Percent,
    /// Nothing at all, said as `null`.
    Null,
    /// A value of a rule.
    Rule(&'static About),
    Words(&'static [&'static str]),
    Written(&'static Written),
    /// Whom a fault is for.
    Role,
    Moment,
    /// A sentence that must hold, or a map of one with what bounds it.
    Expected,
    Misconception,
    Settings(Scope),
    Map(&'static Room),
    /// A map from names; `None`: from any.
    Names(Option<&'static Written>, &'static Form),
    /// The same, from two names at least.
    Choice(&'static Written, &'static Form),
    List(&'static Form),
    /// A list of at least one.
    Some(&'static Form),
    /// A list of two.
    Pair(&'static Form),
    /// One, or a list of at least one.
    OneOrMany(&'static Form),
    AnyOf(&'static [Form]),
}

/// A text that is written in a certain way.
#[derive(Debug)]
pub struct Written {
    /// In words, in Markdown.
    pub words: &'static str,
    /// A regular expression for the whole text, in what ECMA 262 and other dialects share.
    pub pattern: fn() -> String,
    /// Digits alone may be one.
    pub may_be_number: bool,
}

pub(super) const COUNT: Form = Form::Whole {
    least: 0,
    most: u64::MAX,
};
/// A number from 1 that fits 32 bits.
pub(super) const FROM_ONE: Form = Form::Whole {
    least: 1,
    most: u32::MAX as u64,
};
pub(super) const ROLES: Form = Form::OneOrMany(&Form::Role);

pub(super) static NAME: Written = Written {
    words: "lower-case letters, digits and hyphens",
    pattern: || "[a-z0-9-]{1,64}".into(),
    may_be_number: true,
};
pub(super) static TOPIC_NAME: Written = Written {
    words: "letters, digits, dots, underscores and hyphens",
    pattern: || "[a-zA-Z0-9._-]{1,249}".into(),
    may_be_number: true,
};
pub(super) static CLIENT_NAME: Written = Written {
    words: "letters, digits, underscores and hyphens",
    pattern: || "[A-Za-z0-9_-]+".into(),
    may_be_number: true,
};
pub(super) static SERVER: Written = Written {
    words: "a server such as `zookeeper-1`",
    pattern: || "(the )?zookeeper-[1-9][0-9]*".into(),
    may_be_number: false,
};
pub(super) static ZOOKEEPER_COMMAND: Written = Written {
    words: "what one would type into `zkCli`: `create -e /lock mine`, `set /route south`, `get -w /route`, `stat`, `ls`, `delete`, `sync /route`, `close`",
    pattern: ZooKeeperCommand::pattern,
    may_be_number: false,
};
pub(super) static PARTITION: Written = Written {
    words: "a partition such as `trucks_gps-0`",
    pattern: Partition::pattern,
    may_be_number: false,
};
pub(super) static PARTITIONS: Written = Written {
    words: "a partition such as `trucks_gps-0`, or `all partitions`",
    pattern: || format!("all partitions|{}", Partition::pattern()),
    may_be_number: false,
};
pub(super) static COMPATIBILITY: Written = Written {
    words: "`none`, `backward`, `forward`, `full`, or one of the last three with `_transitive`",
    pattern: || {
        let names = Compatibility::NAMES.iter();
        let names = names.map(|(name, _)| in_any_case(name));
        format!(" *({}) *", names.collect::<Vec<_>>().join("|"))
    },
    may_be_number: false,
};
pub(super) static TIMESTAMP: Written = Written {
    words: "`clock`, `seconds`, `microseconds`, a length of time off the clock such as `-8d` or `+2h`, or milliseconds since 1970",
    pattern: || format!("clock|seconds|microseconds|[0-9]+|[+-]{}", time()),
    may_be_number: true,
};
pub(super) static COMMIT: Written = Written {
    words: "`auto`, or `before`, `after` or `every 10 records`, with `sync` or `async` before it",
    pattern: || r"auto|((sync|async) )?(before|after|every \+?[0-9]+ records?)".into(),
    may_be_number: false,
};
pub(super) static CRASH: Written = Written {
    words: "`after the poll of record 20`, or `before processing`, `after processing` or `after the commit of` one",
    pattern: point,
    may_be_number: false,
};
pub(super) static LISTENER: Written = Written {
    words: "`throws in onPartitionsAssigned`, `onPartitionsRevoked` or `onPartitionsLost`, with `, caught` behind it where the application goes on",
    pattern: || format!("({})(, caught)?", either(&Callback::WORDS)),
    may_be_number: false,
};
pub(super) static STEP_WHEN: Written = Written {
    words: "a time such as `30s`, or a point such as `after processing record 20`",
    pattern: || format!("{}|{}", time(), point()),
    may_be_number: false,
};
pub(super) static STEP_WHAT: Written = Written {
    words: "`seek t-0 to 5`, `seek all to the beginning` or `to the end`, `pause t-0`, `resume all`; at a time also `ask position of t-0`, `ask committed of t-0` or `ask beginningOffsets of t-0`",
    pattern: || {
        let whose = format!("(all|{})", Partition::pattern());
        format!(
            "seek {whose} to (the beginning|the end|[+-]?[0-9]+)|(pause|resume) {whose}|ask ({}) of {whose}",
            either(&OffsetApi::WORDS)
        )
    },
    may_be_number: false,
};

fn point() -> String {
    format!(r"({}) record \+?[0-9]+", either(&CrashPoint::WORDS))
}

fn either<T>(words: &[(&str, T)]) -> String {
    let words = words.iter().map(|(word, _)| *word);
    words.collect::<Vec<_>>().join("|")
}

/// This text in any case, as a pattern.
pub(in crate::scenario) fn in_any_case(text: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphabetic() {
        true => format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()),
        false => escaped(&c.to_string()),
    };
    text.chars().map(letter).collect()
}

impl Form {
    /// In words, in Markdown; what has a heading is a link to it.
    pub fn words(&self) -> String {
        let listed = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            match &words[..] {
                [] => String::new(),
                [one] => one.clone(),
                [some @ .., last] => format!("{} or {last}", some.join(", ")),
            }
        };
        match self {
            Form::Text => "a text".into(),
            Form::Whole { least, most } if i128::from(*least) == i128::from(*most) => {
                format!("`{least}`")
            }
            Form::Whole { least, most } if *most >= u64::from(u32::MAX) || *most == i32::MAX as u64 => match least {
                0.. => format!("a whole number, at least {least}"),
                _ => "a whole number".into(),
            },
            Form::Whole { least, most } => format!("a whole number from {least} to {most}"),
            Form::Truth => "`true` or `false`".into(),
            Form::Time => "a time such as `30s`".into(),
            Form::SignedTime => "a time such as `50ms`, also back: `-2s`".into(),
            Form::Size => "a size such as `64KiB`".into(),
            Form::Rate => "a size a second such as `64KiB/s`".into(),
            Form::Percent => "a percentage such as `2%`".into(),
            Form::Null => "`null`".into(),
            Form::Words(words) => listed(words),
            Form::Rule(rule) => {
                let other = |(name, says): &(&str, &str)| match *says {
                    "" => format!("`{name}`"),
                    says => format!("`{name}` ({})", says.trim().trim_end_matches('.')),
                };
                let others: Vec<String> = rule.others.iter().map(other).collect();
                format!("`{}`, or {}", rule.now, others.join(", "))
            }
            Form::Written(written) => written.words.into(),
            Form::Role => "a node or [role](sentences.md#roles)".into(),
            Form::Moment => "[a moment](sentences.md#moments)".into(),
            Form::Expected => {
                "[an expectation](sentences.md#expectations), or a map of one with `from`, `until` and `because`".into()
            }
            Form::Misconception => {
                "[one of the misconceptions](../predictions.md#misconceptions)".into()
            }
            Form::Settings(scope) => {
                format!("[settings of {scope}s](../settings.md#{scope}s)")
            }
            Form::Map(room) => format!("a map: [{}](#{})", room.title, anchor(room.title)),
            Form::Names(_, form) | Form::Choice(_, form) => format!("a map from names, each to {}", form.words()),
            Form::List(form) | Form::Some(form) => format!("a list, each {}", form.words()),
            Form::Pair(form) => format!("a list of two, each {}", form.words()),
            Form::OneOrMany(form) => format!("{}, or a list of such", form.words()),
            Form::AnyOf(forms) => {
                let forms: Vec<String> = forms.iter().map(Form::words).collect();
                forms.join("; or ")
            }
        }
    }
}

/// A heading as links name it.
fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}
