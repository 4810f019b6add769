//! Where something stands in a schema's JSON: `serde_json` gives values without places.

/// Line and column, from 1, of what stands under these keys and numbers of items. The text was read as JSON before.
pub(super) fn place_of(json: &str, path: &[String]) -> Option<(u32, u32)> {
    let mut scan = Scan { json, at: 0 };
    scan.find(path)?;
    Some(place_at(json, scan.at))
}

/// Line and column of a byte, from 1.
pub(super) fn place_at(text: &str, byte: usize) -> (u32, u32) {
    let before = &text[..byte];
    let line = before.matches('\n').count() as u32 + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() as u32 + 1)
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
