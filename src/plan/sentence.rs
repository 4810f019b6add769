//! Sentences of scenarios: closed tables of templates with typed slots, and one parser for all.
//!
//! `sentences!` declares an enum whose variants are templates: `LeaderOf { partition: Partition } =
//! "leader of {partition}"`. The enum is its own table: reading, writing and the list for `--help` and
//! the book come from the one declaration.

use crate::kernel::Duration;
use crate::protocol::config::distance;
use std::fmt;

/// A type whose values are sentences of a closed table.
pub trait Sentence: Sized + fmt::Display {
    /// What such a sentence is called in messages, e.g. "a role".
    const WHAT: &'static str;
    /// Every template with its slots in braces, and what it means.
    const TEMPLATES: &'static [(&'static str, &'static str)];
    /// Reads a sentence.
    fn read_sentence(text: &str) -> Result<Self, SentenceError>;
    /// A regular expression for each template, of the whole sentence. It may match what `read_sentence` does not
    /// take, never the other way round.
    fn patterns() -> Vec<String>;
}

/// A value in a sentence.
pub trait Slot: Sized + fmt::Display {
    /// Reads one or more words; `None` if they are not such a value.
    fn read(words: &str) -> Option<Self>;
    /// A regular expression for all such words.
    fn pattern() -> String;
}

/// A sentence that is not in its table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentenceError {
    /// What such a sentence is called, e.g. "a role".
    pub what: &'static str,
    /// The template that looks most like it; none if no template has a word of it.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for SentenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this is not {}", self.what)?;
        match self.nearest {
            Some(nearest) => write!(f, "; the nearest is \"{nearest}\""),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SentenceError {}

/// Declares an enum of sentences.
macro_rules! sentences {
    (
        $(#[$meta:meta])*
        pub enum $name:ident, $what:literal {
            $( #[doc = $doc:literal] $variant:ident $({ $($slot:ident: $type:ty),+ })? = $template:literal, )+
        }
    ) => {
        $(#[$meta])*
        pub enum $name {
            $( #[doc = $doc] $variant $({ $($slot: $type),+ })?, )+
        }

        impl $crate::plan::sentence::Sentence for $name {
            const WHAT: &'static str = $what;
            const TEMPLATES: &'static [(&'static str, &'static str)] = &[$(($template, $doc)),+];

            fn patterns() -> Vec<String> {
                vec![$(
                    $crate::plan::sentence::pattern($template, &[
                        $($((stringify!($slot), <$type as $crate::plan::sentence::Slot>::pattern())),+)?
                    ])
                ),+]
            }

            fn read_sentence(text: &str) -> Result<Self, $crate::plan::sentence::SentenceError> {
                $(
                    let fits = |_slot: &str, _words: &str| match _slot {
                        $($( stringify!($slot) => <$type as $crate::plan::sentence::Slot>::read(_words).is_some(), )+)?
                        _ => false,
                    };
                    if let Some(_slots) = $crate::plan::sentence::fill($template, text, &fits) {
                        let _words = |name: &str| _slots.iter().find(|(slot, _)| *slot == name).map(|(_, words)| *words);
                        let read = || Some($name::$variant {
                            $($( $slot: <$type as $crate::plan::sentence::Slot>::read(_words(stringify!($slot))?)?, )+)?
                        });
                        if let Some(sentence) = read() {
                            return Ok(sentence);
                        }
                    }
                )+
                Err($crate::plan::sentence::SentenceError {
                    what: $what,
                    nearest: $crate::plan::sentence::nearest(text, Self::TEMPLATES),
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $( $name::$variant $({ $($slot),+ })? => write!(f, $template $($(, $slot = $slot)+)?), )+
                }
            }
        }
    };
}
pub(in crate::plan) use sentences;

/// The template as a regular expression, each slot by its own.
pub(in crate::plan) fn pattern(template: &str, slots: &[(&str, String)]) -> String {
    let mut pattern = String::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        let (slot, tail) = after.split_once('}').unwrap_or((after, ""));
        let words = slots.iter().find(|(name, _)| *name == slot);
        pattern += &escaped(literal);
        pattern += &format!("({})", words.map_or(".+", |(_, words)| words));
        rest = tail;
    }
    pattern + &escaped(rest)
}

/// This text and no other, as a regular expression.
pub fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if "\\^$.|?*+()[]{}".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// The words of `text` that stand in each slot of `template`, if they can stand so.
pub(in crate::plan) fn fill<'a>(
    template: &'static str,
    text: &'a str,
    fits: &dyn Fn(&str, &str) -> bool,
) -> Option<Vec<(&'static str, &'a str)>> {
    match template.find('{') {
        None => (template == text).then(Vec::new),
        Some(open) => {
            let rest = text.strip_prefix(&template[..open])?;
            let close = open + template[open..].find('}')?;
            let slot = &template[open + 1..close];
            let after = &template[close + 1..];
            // A slot ends where its template goes on; try the earliest such place first.
            let ends = (1..=rest.len()).filter(|end| rest.is_char_boundary(*end));
            for end in ends {
                let (words, tail) = rest.split_at(end);
                let literal = &after[..after.find('{').unwrap_or(after.len())];
                if tail.starts_with(literal)
                    && (!literal.is_empty() || tail.is_empty())
                    && fits(slot, words)
                    && let Some(mut filled) = fill(after, tail, fits)
                {
                    filled.push((slot, words));
                    return Some(filled);
                }
            }
            None
        }
    }
}

/// The template that `text` is most like: one of which it has more than half of the words that mean something.
pub(in crate::plan) fn nearest(
    text: &str,
    templates: &[(&'static str, &'static str)],
) -> Option<&'static str> {
    let words: Vec<String> = text.split(' ').map(str::to_lowercase).collect();
    let mut best: Option<(i64, &'static str)> = None;
    for (template, _) in templates {
        let literal = template.split(' ').filter(|word| !word.starts_with('{'));
        let (shared, missing): (Vec<&str>, Vec<&str>) =
            literal.partition(|word| words.iter().any(|it| is_form_of(it, word)));
        let says = |of: &[&str]| of.iter().filter(|it| !SMALL_WORDS.contains(it)).count();
        let likeness = shared.len() as i64 * 4 - missing.len() as i64;
        if says(&shared) > says(&missing) && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, template));
        }
    }
    best.map(|(_, template)| template)
}

const SMALL_WORDS: &[&str] = &[
    "a", "all", "an", "and", "are", "at", "but", "by", "every", "has", "in", "is", "its", "no",
    "of", "on", "than", "that", "the", "to", "within",
];

/// "reads" and "read" are forms of one word, and so is "raed".
fn is_form_of(word: &str, other: &str) -> bool {
    let other = other.trim_end_matches(':').to_lowercase();
    let short = word.len().min(other.len());
    word == other || (short >= 4 && distance(word, &other) <= short / 4 + 1)
}

impl Slot for String {
    /// A name: one word.
    fn read(words: &str) -> Option<Self> {
        (!words.is_empty() && !words.contains(' ')).then(|| words.to_string())
    }

    fn pattern() -> String {
        "[^ ]+".into()
    }
}

/// A length of time in a sentence.
impl Slot for Within {
    fn read(words: &str) -> Option<Self> {
        super::parse_duration(words).map(Within)
    }

    fn pattern() -> String {
        super::unit::duration_pattern()
    }
}

/// A length of time as sentences write it: `25s`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Within(pub Duration);

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::write_duration(self.0))
    }
}
