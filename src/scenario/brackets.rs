//! Finds the bracket or quote that was never closed. The parser stumbles long after it; whoever wrote it wants
//! to know where it opens.

/// A bracket or quote that opens at a line and column, from 1, and is not closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unclosed {
    pub(super) opens: char,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Unclosed {
    pub(super) fn closes(self) -> char {
        match self.opens {
            '[' => ']',
            '{' => '}',
            quote => quote,
        }
    }
}

/// What is open where the parser stumbled (line and column from 1), if the text never closes it.
pub(super) fn unclosed(text: &str, line: usize, column: usize) -> Option<Unclosed> {
    let mut scan = Scan::default();
    let mut at_stumble = None;
    for (number, content) in (1..).zip(text.lines()) {
        if number > line && at_stumble.is_none() {
            at_stumble = Some(scan.innermost());
        }
        scan.line(number, content, |scan, at| {
            if number == line && at >= column && at_stumble.is_none() {
                at_stumble = Some(scan.innermost());
            }
        });
    }
    let left = scan.innermost()?;
    let then = at_stumble.flatten().unwrap_or(left);
    ((then.line, then.column) <= (line, column)).then_some(then)
}

#[derive(Default)]
struct Scan {
    brackets: Vec<Unclosed>,
    quote: Option<Unclosed>,
    /// Lines that are indented deeper than this belong to a text.
    text_below: Option<usize>,
}

impl Scan {
    fn innermost(&self) -> Option<Unclosed> {
        self.quote.or_else(|| self.brackets.last().copied())
    }

    fn line(&mut self, number: usize, line: &str, mut before_each: impl FnMut(&Self, usize)) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if let Some(outer) = self.text_below {
            if line.trim().is_empty() || indent > outer {
                return;
            }
            self.text_below = None;
        }
        // What stands in this line before the character, since the last thing that a value may follow.
        let mut before = String::new();
        let mut chars = line.chars().enumerate().peekable();
        while let Some((i, c)) = chars.next() {
            before_each(self, i + 1);
            let here = Unclosed {
                opens: c,
                line: number,
                column: i + 1,
            };
            if let Some(quote) = self.quote {
                match c {
                    '\\' if quote.opens == '"' => {
                        chars.next();
                    }
                    // A doubled quote is one that is meant.
                    '\'' if quote.opens == c
                        && chars.peek().is_some_and(|(_, next)| *next == c) =>
                    {
                        chars.next();
                    }
                    c if c == quote.opens => self.quote = None,
                    _ => {}
                }
                continue;
            }
            let begins = begins_value(&before, !self.brackets.is_empty());
            match c {
                '#' if before.is_empty() || before.ends_with(char::is_whitespace) => break,
                '"' | '\'' if begins => self.quote = Some(here),
                '[' | '{' if begins || !self.brackets.is_empty() => self.brackets.push(here),
                ']' | '}' if self.brackets.last().is_some_and(|open| open.closes() == c) => {
                    self.brackets.pop();
                }
                _ => {}
            }
            before.push(c);
        }
        let words = before.trim_end();
        let begins_text = |end: &str| {
            words.ends_with(&format!(": {end}")) || words.ends_with(&format!("- {end}"))
        };
        if self.brackets.is_empty()
            && self.quote.is_none()
            && ["|", ">", "|-", ">-", "|+", ">+"]
                .into_iter()
                .any(begins_text)
        {
            self.text_below = Some(indent);
        }
    }
}

/// Whether a value may begin after this part of a line.
fn begins_value(before: &str, in_brackets: bool) -> bool {
    let before = before.trim_end();
    // An anchor goes before its value.
    let before = match before.rsplit_once(char::is_whitespace) {
        Some((rest, last)) if last.starts_with('&') => rest.trim_end(),
        _ => before,
    };
    let ends = |end: &[char]| before.ends_with(end);
    before.is_empty() || ends(&[':', '-', '?']) || in_brackets && ends(&[',', '[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_open_is_found_where_it_opens() {
        for (text, stumble, found) in [
            ("a: {b: 1\nc: 2\n", (2, 2), Some(('{', 1, 4))),
            ("a: [1, {b: 2}\nc: 2\n", (2, 2), Some(('[', 1, 4))),
            ("a: {b: [1, 2}\nc: 2\n", (1, 13), Some(('[', 1, 8))),
            ("a: \"b\nc: 2\n", (2, 5), Some(('"', 1, 4))),
            ("a: {b: 1}\nc: [2\n", (3, 1), Some(('[', 2, 4))),
            ("a: &x {b: 1\nc: 2\n", (2, 2), Some(('{', 1, 7))),
            // Closed, so that something else is wrong.
            ("a: {b: 1 c: 2}\n", (1, 11), None),
            ("a: b: c\n", (1, 5), None),
            // Brackets of texts and comments.
            ("a: see [1\n# {\nb: 'it''s ['\nc: d: e\n", (4, 5), None),
            ("a: >-\n  [ {\n\n  x\nb: c: d\n", (5, 5), None),
        ] {
            let open = unclosed(text, stumble.0, stumble.1);
            let open = open.map(|open| (open.opens, open.line, open.column));
            assert_eq!(open, found, "{text}");
        }
    }
}
