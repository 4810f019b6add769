//! Texts that a scenario is read from: the file itself and what `--set` says.

use super::diagnostic::{Diagnostic, Excerpt, Severity};

/// A text and what it is called in messages.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

/// A place in one of the sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Which source.
    pub(super) source: usize,
    /// From 1.
    pub(super) line: usize,
    /// From 1, in characters.
    pub(super) column: usize,
    /// So many characters are meant.
    pub(super) length: usize,
}

/// All texts of one scenario, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(pub(super) Vec<Source>);

impl Sources {
    pub(super) fn add(&mut self, source: Source) -> usize {
        self.0.push(source);
        self.0.len() - 1
    }

    /// An error at a place.
    pub(super) fn error(&self, place: Place, found: impl Into<String>) -> Diagnostic {
        let source = &self.0[place.source];
        let text = source.text.lines().nth(place.line - 1).unwrap_or_default();
        // A text may end before the place at which something was missed.
        let column = place.column.min(text.chars().count() + 1);
        Diagnostic {
            file: source.name.clone(),
            excerpt: Some(Excerpt {
                line: place.line,
                column,
                text: text.to_string(),
                length: place.length.max(1),
            }),
            found: found.into(),
            expected: None,
            suggestion: None,
            severity: Severity::Error,
        }
    }
}

/// Bytes as text; says what is wrong with bytes that are none.
pub(super) fn text_of(name: &str, bytes: Vec<u8>, most: usize) -> Result<String, Diagnostic> {
    if bytes.len() > most {
        return Err(
            Diagnostic::about_file(name, format!("the file has {} bytes", bytes.len())).expected(
                format!(
                    "at most {most} bytes ({})",
                    crate::plan::write_size(most as u64)
                ),
            ),
        );
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(not_utf8(name, &error)),
    };
    let text = text
        .strip_prefix('\u{feff}')
        .map(str::to_string)
        .unwrap_or(text);
    if let Some((line, found)) = text.lines().enumerate().find_map(|(i, line)| {
        line.chars()
            .find(|c| c.is_control() && *c != '\t')
            .map(|c| (i, c))
    }) {
        let sources = Sources(vec![Source {
            name: name.to_string(),
            text: text.clone(),
        }]);
        let column = text
            .lines()
            .nth(line)
            .and_then(|l| l.chars().position(|c| c == found))
            .unwrap_or(0)
            + 1;
        let place = Place {
            source: 0,
            line: line + 1,
            column,
            length: 1,
        };
        return Err(sources
            .error(
                place,
                format!("a control character (U+{:04X})", found as u32),
            )
            .expected("YAML, which is plain text"));
    }
    Ok(text)
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let bytes = error.as_bytes();
    let valid = error.utf8_error().valid_up_to();
    let line_start = bytes[..valid]
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let line_end = bytes[valid..]
        .iter()
        .position(|b| *b == b'\n')
        .map_or(bytes.len(), |at| valid + at);
    let line = bytes[..valid].iter().filter(|b| **b == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&bytes[line_start..valid])
        .chars()
        .count()
        + 1;
    let text = String::from_utf8_lossy(&bytes[line_start..line_end])
        .trim_end_matches('\r')
        .to_string();
    Diagnostic {
        file: name.to_string(),
        excerpt: Some(Excerpt {
            line,
            column,
            text,
            length: 1,
        }),
        found: format!("byte 0x{:02x} is not UTF-8", bytes[valid]),
        expected: Some("a text in UTF-8".into()),
        suggestion: None,
        severity: Severity::Error,
    }
}
