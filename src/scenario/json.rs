//! Documents of JSON that are no scenarios, with the same messages: what is wrong has its line.

use super::diagnostic::Diagnostic;
use super::node::Node;
use super::source::{Place, Source, Sources, text_of};
use crate::plan::Problem;
use serde_json::Value;

/// A document, and where everything in it stands.
#[derive(Debug)]
pub struct JsonDocument {
    pub value: Value,
    sources: Sources,
    root: Node,
}

impl JsonDocument {
    /// Reads a document of at most so many bytes; `kind` is what it should be, as in "a recording".
    pub fn read(
        name: &str,
        bytes: Vec<u8>,
        most_bytes: usize,
        kind: &str,
    ) -> Result<JsonDocument, Diagnostic> {
        let text = text_of(name, bytes, most_bytes)?;
        let expected = format!("{kind}, which is one document of JSON");
        if text.trim().is_empty() {
            return Err(Diagnostic::about_file(name, "the file is empty").expected(expected));
        }
        let parsed = serde_json::from_str(&text);
        let mut sources = Sources::default();
        let source = sources.add(Source {
            name: name.to_string(),
            text,
        });
        let value = parsed.map_err(|error| {
            let line = sources.0[source].text.lines().nth(error.line().max(1) - 1);
            let before = line.and_then(|line| line.get(..error.column().max(1) - 1));
            let place = Place {
                source,
                line: error.line().max(1),
                column: before.map_or(error.column().max(1), |before| before.chars().count() + 1),
                length: 1,
            };
            sources
                .error(
                    place,
                    format!("this is not JSON: {}", without_place(&error)),
                )
                .expected(expected.clone())
        })?;
        // JSON is YAML too: the index knows each key's place, and finds a key that stands there twice.
        let root = Node::parse(&sources, source)?
            .ok_or_else(|| Diagnostic::about_file(name, "the file is empty").expected(expected))?;
        Ok(JsonDocument {
            value,
            sources,
            root,
        })
    }

    /// The problem at its place.
    pub fn blame(&self, problem: Problem) -> Diagnostic {
        super::blame(&self.sources, &self.root, problem)
    }
}

/// The parser's words; the place is shown otherwise.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text
        .rfind(" at line ")
        .map_or(&text[..], |end| &text[..end]);
    match words {
        // The parser's own name for what begins with the first letter of true, false or null.
        "expected ident" => "expected value".to_string(),
        words => words.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<JsonDocument, String> {
        JsonDocument::read("r.json", text.as_bytes().to_vec(), 1_000, "a recording")
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_problem_is_shown_at_its_place() {
        let document = read("{\n\t\"steps\": [\n\t\t{\"lasted\": \"soon\"}\n\t]\n}").unwrap();
        let problem = Problem::new(["steps", "0", "lasted"], "\"soon\"").expected("seconds");
        assert_eq!(
            document.blame(problem).to_string(),
            "error: r.json:3:14: \"soon\"\n  |\n3 |   {\"lasted\": \"soon\"}\n  |              ^^^^^^\n  = expected seconds"
        );
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_line() {
        for (text, said) in [
            (
                " \n",
                "error: r.json: the file is empty\n  = expected a recording, which is one document of JSON",
            ),
            (
                "{\n \"mode\": ",
                "error: r.json:2:9: this is not JSON: EOF while parsing a value\n  |\n2 |  \"mode\": \n  |         ^\n  = expected a recording, which is one document of JSON",
            ),
            (
                "format: 1",
                "error: r.json:1:2: this is not JSON: expected value\n  |\n1 | format: 1\n  |  ^\n  = expected a recording, which is one document of JSON",
            ),
            (
                "steps",
                "error: r.json:1:1: this is not JSON: expected value\n  |\n1 | steps\n  | ^\n  = expected a recording, which is one document of JSON",
            ),
            (
                "{\"a\": 1,\n \"a\": 2}",
                "error: r.json:2:2: the key \"a\" stands here for the second time (first in line 1)\n  |\n2 |  \"a\": 2}\n  |  ^^^\n  = expected each key once",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), said);
        }
    }
}
