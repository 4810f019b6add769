//! Schemas in JSON, and where something stands in them: `serde_json` gives values without places.

use super::{SchemaError, Value};

/// The JSON that a schema is written in.
pub(super) fn json_of(text: &str) -> Result<Value, SchemaError> {
    serde_json::from_str(text).map_err(|error| no_json(text, &error))
}

/// Line and column, from 1, of what stands under these keys and numbers of items. The text was read as JSON before.
pub(super) fn place_of(json: &str, path: &[String]) -> Option<(u32, u32)> {
    let mut scan = Scan { json, at: 0 };
    scan.find(path)?;
    Some(place_at(json, scan.at))
}

/// Line and column of a byte, from 1.
fn place_at(text: &str, byte: usize) -> (u32, u32) {
    let before = &text[..byte];
    let line = before.matches('\n').count() as u32 + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() as u32 + 1)
}

/// In the words of `serde_json`, which are few.
fn no_json(text: &str, error: &serde_json::Error) -> SchemaError {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    if error.is_eof() {
        let end = place_at(text, text.trim_end().len());
        return SchemaError::at("no JSON: it ends in the middle", end)
            .expected("a whole value, with all its brackets and quotes closed");
    }
    let line_start = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let line_start: usize = line_start.map(str::len).sum();
    let byte = line_start + error.column().saturating_sub(1);
    let byte = (0..=byte.min(text.len())).rev();
    let byte = byte.into_iter().find(|byte| text.is_char_boundary(*byte));
    let byte = byte.unwrap_or_default();
    let place = place_at(text, byte);
    let found = "no JSON from here on";
    match (message.strip_prefix("expected "), message) {
        (Some("value"), _) => SchemaError::at(found, place)
            .expected("a value: text in double quotes, a number, a list or a map"),
        (Some(expected), _) => SchemaError::at(found, place).expected(expected.replace('`', "\"")),
        (None, "key must be a string") => {
            SchemaError::at(found, place).expected("a key in double quotes")
        }
        (None, "trailing characters") => {
            SchemaError::at(found, place).expected("nothing behind the schema")
        }
        (None, "trailing comma") => {
            SchemaError::at(found, place).expected("another item before it, or no comma")
        }
        (None, "recursion limit exceeded") => {
            SchemaError::at("lists and maps nested deeper than 127", place)
                .expected("less depth, or parts with names of their own")
        }
        (None, other) => {
            SchemaError::at(format!("{found}: {other}"), place).expected("a schema in JSON")
        }
    }
}

struct Scan<'a> {
    json: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn find(&mut self, path: &[String]) -> Option<()> {
        self.skip_blanks();
        let [first, rest @ ..] = path else {
            return Some(());
        };
        let is_map = match self.next()? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        let mut number = 0;
        loop {
            self.skip_blanks();
            let is_it = match is_map {
                true => {
                    let start = self.at;
                    self.skip_value()?;
                    let key: String = serde_json::from_str(&self.json[start..self.at]).ok()?;
                    self.skip_blanks();
                    (self.next()? == b':').then_some(key == *first)?
                }
                false => first.parse() == Ok(number),
            };
            if is_it {
                return self.find(rest);
            }
            self.skip_blanks();
            self.skip_value()?;
            self.skip_blanks();
            (self.next()? == b',').then_some(())?;
            number += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0;
        loop {
            match self.peek() {
                Some(b'"') => self.skip_text()?,
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b'}' | b']') | None => return Some(()),
                Some(b',' | b':') if depth == 0 => return Some(()),
                Some(byte) if byte.is_ascii_whitespace() && depth == 0 => return Some(()),
                Some(_) => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_text(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_under_a_path_is_found() {
        let json = "{\"a\\\"b\": [1, {\"x\": [\"}\", 2]} , \"ä\", true],\n \"c\": {\"d\": -1.5e3, \"e\": null}}";
        for (path, place) in [
            ("", (1, 1)),
            ("a\"b", (1, 10)),
            ("a\"b/0", (1, 11)),
            ("a\"b/1/x/1", (1, 26)),
            ("a\"b/2", (1, 32)),
            ("a\"b/3", (1, 37)),
            ("c/d", (2, 13)),
            ("c/e", (2, 26)),
        ] {
            let path: Vec<String> = path.split_terminator('/').map(str::to_owned).collect();
            assert_eq!(place_of(json, &path), Some(place), "{path:?}");
        }
        assert_eq!(place_of(json, &["z".to_owned()]), None);
    }
}
