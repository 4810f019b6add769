//! What is wrong with a plan, with the path to it.

use std::fmt;

/// Something impossible in a plan, or something worth a warning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where, as keys and numbers in the scenario's own words: `topics`, `trucks_gps`, `partitions`.
    pub path: Vec<String>,
    /// It is the key that is wrong, not what stands under it.
    pub on_key: bool,
    pub found: String,
    pub expected: Option<String>,
    /// "Did you mean".
    pub suggestion: Option<String>,
    /// Line and column, from 1, within the text that stands there.
    pub inside: Option<(u32, u32)>,
}

impl Problem {
    pub fn new<S: AsRef<str>>(path: impl IntoIterator<Item = S>, found: impl Into<String>) -> Self {
        Problem {
            path: path
                .into_iter()
                .map(|part| part.as_ref().to_string())
                .collect(),
            on_key: false,
            found: found.into(),
            expected: None,
            suggestion: None,
            inside: None,
        }
    }

    pub fn on_key(mut self) -> Self {
        self.on_key = true;
        self
    }

    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// At a line and column of the text that stands there.
    pub fn inside(mut self, place: Option<(u32, u32)>) -> Self {
        self.inside = place;
        self
    }

    /// What was found, with its place within a text: where nobody knows where that text stands.
    pub fn found_inside(&self) -> String {
        match self.inside {
            Some((line, column)) => {
                format!(
                    "{}, at line {line} column {column} of this text",
                    self.found
                )
            }
            None => self.found.clone(),
        }
    }

    /// A map of these would do as well.
    pub fn or_map(mut self, examples: &str) -> Self {
        self.expected = Some(match self.expected {
            Some(expected) => format!("{expected}, or {examples}"),
            None => examples.to_string(),
        });
        self
    }

    /// The same, seen from one level further up.
    pub fn below(mut self, parent: &str) -> Self {
        self.path.insert(0, parent.to_string());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join("/"), self.found_inside())?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean {suggestion}?")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
