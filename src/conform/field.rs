//! A value of a recording with the path to it, so that whatever is wrong can be shown at its place.

use crate::plan::Problem;
use crate::protocol::config::nearest;
use serde_json::{Map, Value};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    path: Vec<String>,
    pub(super) value: &'a Value,
}

impl<'a> Field<'a> {
    /// The whole document.
    pub(super) fn root(value: &'a Value) -> Self {
        Field {
            path: Vec::new(),
            value,
        }
    }

    /// The value under a key, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        let value = self.value.get(key)?;
        Some(self.below(key, value))
    }

    /// The value under a key that must be there.
    pub(super) fn need(&self, key: &str, example: &str) -> Result<Field<'a>, Problem> {
        self.map()?;
        self.get(key).ok_or_else(|| {
            Problem::new(&self.path, format!("the key \"{key}\" is missing here")).expected(example)
        })
    }

    /// Checks the value under a key, if it is there.
    pub(super) fn may(
        &self,
        key: &str,
        check: impl FnOnce(&Field<'a>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        self.map()?;
        self.get(key).map_or(Ok(()), |field| check(&field))
    }

    pub(super) fn map(&self) -> Result<&'a Map<String, Value>, Problem> {
        self.value.as_object().ok_or_else(|| self.wrong("a map"))
    }

    /// The values of a map.
    pub(super) fn fields(&self) -> Result<impl Iterator<Item = (&'a str, Field<'a>)>, Problem> {
        let fields = self.map()?.iter();
        Ok(fields.map(|(key, value)| (key.as_str(), self.below(key, value))))
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Result<impl Iterator<Item = Field<'a>>, Problem> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let items = items.iter().enumerate();
        Ok(items.map(|(i, item)| self.below(&i.to_string(), item)))
    }

    pub(super) fn text(&self) -> Result<&'a str, Problem> {
        self.value.as_str().ok_or_else(|| self.wrong("a text"))
    }

    /// A text, a number or a truth value, as text.
    pub(super) fn plain(&self) -> Result<String, Problem> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(flag) => Ok(flag.to_string()),
            _ => Err(self.wrong("a plain value")),
        }
    }

    pub(super) fn number(&self, least: i64, most: i64) -> Result<i64, Problem> {
        self.value
            .as_i64()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.wrong(format!("a whole number from {least} to {most}")))
    }

    /// One of these words.
    pub(super) fn word(&self, known: &[&'static str]) -> Result<(), Problem> {
        let text = self.text()?;
        if known.contains(&text) {
            return Ok(());
        }
        let shown: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
        let mut problem = self.wrong(format!("one of {}", shown.join(", ")));
        problem.suggestion = nearest(text, known.iter().copied()).map(|near| format!("\"{near}\""));
        Err(problem)
    }

    pub(super) fn flag(&self) -> Result<bool, Problem> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }

    /// Refuses keys that are not among `known`.
    pub(super) fn only(&self, known: &[&'static str]) -> Result<(), Problem> {
        for key in self.map()?.keys() {
            if !known.contains(&key.as_str()) {
                let mut problem = Problem::new(&self.path, format!("unknown key \"{key}\""))
                    .on_key()
                    .expected(format!("one of {}", known.join(", ")));
                problem.path.push(key.clone());
                problem.suggestion =
                    nearest(key, known.iter().copied()).map(|near| format!("\"{near}\""));
                return Err(problem);
            }
        }
        Ok(())
    }

    /// Refuses keys that are a slip of the pen for one of `known`. Others are for people.
    pub(super) fn no_slips(&self, known: &[&'static str]) -> Result<(), Problem> {
        for key in self.map()?.keys() {
            if known.contains(&key.as_str()) {
                continue;
            }
            if let Some(near) = nearest(key, known.iter().copied()) {
                let mut problem = Problem::new(&self.path, format!("unknown key \"{key}\""))
                    .on_key()
                    .expected(format!(
                        "\"{near}\", or a key that is like none of this format"
                    ))
                    .suggest(format!("\"{near}\""));
                problem.path.push(key.clone());
                return Err(problem);
            }
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &[String] {
        &self.path
    }

    /// A text in which something stands, on one line, and that moves no terminal's cursor.
    pub(super) fn name(&self) -> Result<&'a str, Problem> {
        match self.text()? {
            name if name.trim().is_empty() => Err(self.wrong("a name")),
            name if name.contains(char::is_control) => {
                Err(self.wrong("a name without control characters"))
            }
            name => Ok(name),
        }
    }

    /// This value is not what it should be.
    pub(super) fn wrong(&self, expected: impl Into<String>) -> Problem {
        let found = match self.value {
            Value::Null => "nothing".to_string(),
            Value::Array(_) => "a list".to_string(),
            Value::Object(_) => "a map".to_string(),
            Value::String(text) => format!("\"{text}\""),
            plain => plain.to_string(),
        };
        self.problem(found).expected(expected)
    }

    pub(super) fn problem(&self, found: impl Into<String>) -> Problem {
        Problem::new(&self.path, found)
    }

    fn below(&self, key: &str, value: &'a Value) -> Field<'a> {
        let mut path = self.path.clone();
        path.push(key.to_string());
        Field { path, value }
    }
}
