//! One message about one bad input: where, what was found, what was expected.

use std::fmt;

/// What is wrong with an input, or worth a warning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The file as the user named it, or what stands for it.
    pub file: String,
    /// None where no line can be blamed (a missing file).
    pub excerpt: Option<Excerpt>,
    /// What was found.
    pub found: String,
    /// What was expected, if that is not plain from what was found.
    pub expected: Option<String>,
    /// "Did you mean".
    pub suggestion: Option<String>,
    pub severity: Severity,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    Error,
    Warning,
}

/// The line that is to blame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excerpt {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Without its line end.
    pub text: String,
    /// So many characters are underlined; at least 1.
    pub length: usize,
}

/// Of a very long line so many characters are shown.
const SHOWN: usize = 100;

impl Diagnostic {
    /// An error that no line can be blamed for.
    pub fn about_file(file: impl Into<String>, found: impl Into<String>) -> Self {
        Diagnostic {
            file: file.into(),
            excerpt: None,
            found: found.into(),
            expected: None,
            suggestion: None,
            severity: Severity::Error,
        }
    }

    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.severity {
            Severity::Error => "error: ",
            Severity::Warning => "warning: ",
        })?;
        write!(f, "{}", self.file)?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, ":{}:{}", excerpt.line, excerpt.column)?;
        }
        write!(f, ": {}", without_controls(&self.found))?;
        let margin = match &self.excerpt {
            Some(excerpt) => excerpt.write(f)?,
            None => 1,
        };
        for (word, text) in [
            ("expected", &self.expected),
            ("did you mean", &self.suggestion),
        ] {
            if let Some(text) = text {
                let mark = if word == "expected" { "" } else { "?" };
                let text = without_controls(text);
                write!(f, "\n{:margin$} = {word} {text}{mark}", "")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// A message quotes what stands in a file, and is one line nevertheless, which tells no terminal what to do.
fn without_controls(text: &str) -> String {
    let written = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(written).collect()
}

impl Excerpt {
    /// Writes the line with a mark under the place; returns the width of the margin.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> Result<usize, fmt::Error> {
        let number = self.line.to_string();
        let margin = number.len();
        // Of a long line, the part around the place; control characters would move the mark.
        let first = (self.column - 1).saturating_sub(SHOWN / 2);
        let shown: String = self
            .text
            .chars()
            .skip(first)
            .take(SHOWN)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let before = self.column - 1 - first;
        let length = self
            .length
            .clamp(1, shown.chars().count().saturating_sub(before).max(1));
        write!(
            f,
            "\n{:margin$} |\n{number} | {shown}\n{:margin$} | {:before$}{}",
            "",
            "",
            "",
            "^".repeat(length)
        )?;
        Ok(margin)
    }
}
