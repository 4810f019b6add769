//! Text for a person who reads a screen at a time: 24 lines of 80 columns, as the smallest terminals have.

/// Columns of a line.
pub(super) const WIDTH: usize = 79;

/// Lines that belong together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Page {
    lines: Vec<String>,
}

impl Page {
    pub(super) fn titled(title: &str) -> Page {
        let mut page = Page::default();
        page.line(title);
        page.gap();
        page
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    pub(super) fn gap(&mut self) {
        self.lines.push(String::new());
    }

    /// Text in lines.
    pub(super) fn text(&mut self, text: &str) {
        self.entry("", 0, text);
    }

    /// Something with its meaning beside it, in a column that begins at `column`.
    pub(super) fn entry(&mut self, name: &str, column: usize, meaning: &str) {
        let mut line = match column {
            0 => String::new(),
            _ => format!("  {name:<width$}", width = column.saturating_sub(2)),
        };
        let mut is_new = true;
        for word in meaning.split_whitespace() {
            let space = usize::from(!is_new);
            if !is_new && line.chars().count() + space + word.chars().count() > WIDTH {
                self.lines
                    .push(std::mem::replace(&mut line, " ".repeat(column)));
                is_new = true;
            }
            if !is_new {
                line.push(' ');
            }
            line.push_str(word);
            is_new = false;
        }
        self.lines.push(line.trim_end().to_owned());
    }

    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_blanks_and_stays_in_its_column() {
        let mut page = Page::default();
        page.entry("name", 10, &"word ".repeat(20));
        page.text("a short text");
        let lines = page.lines();
        assert!(lines[0].starts_with("  name    word word"));
        assert!(lines[1].starts_with("          word"));
        assert!(
            lines
                .iter()
                .all(|line| line.chars().count() <= WIDTH && !line.ends_with(' '))
        );
        assert_eq!(lines.last().map(String::as_str), Some("a short text"));
    }
}
