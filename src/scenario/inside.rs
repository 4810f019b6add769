//! Where a place within a text, such as line 2 of a schema, lies in the scenario that the text stands in.
//!
//! YAML's parser gives the text as it is meant, without quotes, indentation and escapes: so the scenario's characters are
//! followed beside those of the text, and the place is known where they agree all the way.

use super::source::Place;

/// How a text may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A block: each line is indented as the first one.
    Block,
    /// Without quotes, or in them; lines that follow are indented anyhow.
    Plain,
    Quoted(char),
}

/// The place of a line and column (from 1) of a text that begins at `begin` in `source`.
pub(super) fn place_inside(
    source: &str,
    begin: Place,
    text: &str,
    (line, column): (u32, u32),
) -> Option<Place> {
    let line_start = text.split_inclusive('\n').take(line as usize - 1);
    let line_start: usize = line_start.map(|line| line.chars().count()).sum();
    let target = line_start + column as usize - 1;
    let lines: Vec<Vec<char>> = source.lines().map(|line| line.chars().collect()).collect();
    let first = *lines.get(begin.line - 1)?.get(begin.column - 1)?;
    let quoted = matches!(first, '"' | '\'').then_some(Style::Quoted(first));
    let styles = quoted.into_iter().chain([Style::Block, Style::Plain]);
    let text: Vec<char> = text.chars().collect();
    styles.into_iter().find_map(|style| {
        let mut walk = Walk {
            lines: &lines,
            row: begin.line - 1,
            column: begin.column - 1 + usize::from(matches!(style, Style::Quoted(_))),
            indent: begin.column - 1,
            style,
        };
        for c in text.get(..target)? {
            walk.pass(*c)?;
        }
        let there = Place {
            line: walk.row + 1,
            column: walk.column + 1,
            length: walk.word(),
            ..begin
        };
        match text.get(target) {
            // The end of a line may be the end of the document.
            Some('\n') | None => Some(there),
            Some(c) => walk.pass(*c).map(|()| there),
        }
    })
}

struct Walk<'a> {
    lines: &'a [Vec<char>],
    row: usize,
    column: usize,
    indent: usize,
    style: Style,
}

impl Walk<'_> {
    fn here(&self, ahead: usize) -> Option<char> {
        self.lines.get(self.row)?.get(self.column + ahead).copied()
    }

    /// Goes over what stands for a character of the text, if that is what stands here.
    fn pass(&mut self, c: char) -> Option<()> {
        let Some(found) = self.here(0) else {
            // A line's end is one, or a blank where lines are folded.
            return matches!(c, '\n' | ' ').then(|| self.next_line())?;
        };
        let (meant, length) = match (self.style, found) {
            (Style::Quoted('\''), '\'') => (self.here(1).filter(|next| *next == '\'')?, 2),
            (Style::Quoted('"'), '\\') => self.escaped()?,
            (_, found) => (found, 1),
        };
        self.column += length;
        (meant == c).then_some(())
    }

    fn next_line(&mut self) -> Option<()> {
        self.row += 1;
        let line = self.lines.get(self.row)?;
        let blanks = line.iter().take_while(|c| c.is_whitespace()).count();
        self.column = match self.style {
            Style::Block => blanks.min(self.indent),
            Style::Plain | Style::Quoted(_) => blanks,
        };
        Some(())
    }

    /// What stands behind a backslash in double quotes.
    fn escaped(&self) -> Option<(char, usize)> {
        let digits = match self.here(1)? {
            'n' => return Some(('\n', 2)),
            't' => return Some(('\t', 2)),
            c @ ('"' | '\\' | '/' | ' ') => return Some((c, 2)),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return None,
        };
        let code: Option<String> = (2..2 + digits).map(|ahead| self.here(ahead)).collect();
        let code = u32::from_str_radix(&code?, 16).ok()?;
        Some((char::from_u32(code)?, 2 + digits))
    }

    /// So many characters are one word, one text in quotes, or one sign.
    fn word(&self) -> usize {
        let line = self.lines.get(self.row).map_or(&[][..], Vec::as_slice);
        let rest = line.get(self.column..).unwrap_or_default();
        let is_of_word = |c: &char| c.is_alphanumeric() || matches!(*c, '_' | '.' | '-');
        let quote = ["\\\"", "\""].map(|quote| quote.chars().collect::<Vec<char>>());
        let quote = quote.iter().find(|quote| rest.starts_with(quote));
        match quote {
            Some(quote) => {
                let mut ends = quote.len()..=rest.len().saturating_sub(quote.len());
                ends.find(|end| rest[*end..].starts_with(quote))
                    .map_or(1, |end| end + quote.len())
            }
            None => rest.iter().take_while(|c| is_of_word(c)).count().max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of a source that is underlined for a place in a text of it, with its line and column.
    fn blamed(source: &str, begin: (usize, usize), text: &str, at: (u32, u32)) -> Option<String> {
        let begin = Place {
            source: 0,
            line: begin.0,
            column: begin.1,
            length: 1,
        };
        let place = place_inside(source, begin, text, at)?;
        let line = source.lines().nth(place.line - 1).unwrap_or_default();
        let word = line.chars().skip(place.column - 1).take(place.length);
        let word: String = word.collect();
        Some(format!("{}:{} {word}", place.line, place.column))
    }

    #[test]
    fn a_place_in_a_text_is_found_however_the_text_is_written() {
        let block = "a: |\n  one two\n\n    three\nb: 1\n";
        let text = "one two\n\n  three\n";
        for (at, found) in [
            ((1, 5), "2:7 two"),
            ((3, 3), "4:5 three"),
            ((3, 8), "4:10 "),
        ] {
            assert_eq!(blamed(block, (2, 3), text, at).as_deref(), Some(found));
        }
        let folded = "a: >\n  one\n  two\n";
        let found = blamed(folded, (2, 3), "one two\n", (1, 5));
        assert_eq!(found.as_deref(), Some("3:3 two"));
        let plain = "a: one\n   two";
        let found = blamed(plain, (1, 4), "one two", (1, 5));
        assert_eq!(found.as_deref(), Some("2:4 two"));
        let single = "a: 'it''s {\"x\"}'";
        let found = blamed(single, (1, 4), "it's {\"x\"}", (1, 7));
        assert_eq!(found.as_deref(), Some("1:12 \"x\""));
        let double = "a: \"\\u00e4\\n\\\"b\\\" c\"";
        let found = blamed(double, (1, 4), "ä\n\"b\" c", (2, 5));
        assert_eq!(found.as_deref(), Some("1:19 c"));
    }

    #[test]
    fn where_text_and_source_part_no_place_is_made_up() {
        // A backslash at the end of a line joins it to the next.
        let joined = "a: \"one\\\n   two x\"";
        assert_eq!(blamed(joined, (1, 4), "onetwo x", (1, 8)), None);
        assert_eq!(blamed("a: *b", (1, 4), "other", (1, 3)), None);
    }
}
