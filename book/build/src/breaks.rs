//! Where a long name may be broken: behind a dot, an underscore or a stroke, and before a capital letter, so that a narrow
//! column holds `offsets.retention.` and `minutes`, not `offsets.retenti` and `on.minutes`. An option keeps its hyphens.

/// A page in which the cells of tables, and code within text, say where they may be broken.
pub fn with_breaks(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut inside = Inside::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, from_tag) = rest.split_at(at);
        inside.put(text, &mut out);
        let length = from_tag.find('>').map_or(from_tag.len(), |end| end + 1);
        let (tag, left) = from_tag.split_at(length);
        rest = left;
        inside.pass(tag);
        // The highlighter would take the breaks out again.
        match tag == "<code>" && !inside.is_fixed {
            true => out.push_str("<code class=\"nohighlight\">"),
            false => out.push_str(tag),
        }
    }
    inside.put(rest, &mut out);
    out
}

#[derive(Default)]
struct Inside {
    /// Its blanks and lines are as they are, or it is no text.
    is_fixed: bool,
    is_cell: bool,
    is_code: bool,
}

impl Inside {
    fn pass(&mut self, tag: &str) {
        let name = tag.trim_matches(['<', '>']).split_whitespace().next();
        match name.unwrap_or_default() {
            "pre" | "script" | "style" | "svg" => self.is_fixed = true,
            "/pre" | "/script" | "/style" | "/svg" => self.is_fixed = false,
            "td" => self.is_cell = true,
            "/td" => self.is_cell = false,
            "code" => self.is_code = true,
            "/code" => self.is_code = false,
            _ => {}
        }
    }

    fn put(&self, text: &str, out: &mut String) {
        if self.is_fixed || !(self.is_cell || self.is_code) {
            out.push_str(text);
            return;
        }
        for word in text.split_inclusive(char::is_whitespace) {
            match word.starts_with('-') && word.trim_end().len() <= 24 {
                true => out.push_str(&format!("<span class=\"whole\">{word}</span>")),
                false => put_word(word, out),
            }
        }
    }
}

/// So many letters at least stand before and behind a break: `.ms` is not parted.
const FEWEST: usize = 3;

/// What is shorter stays whole, and a name without dots or strokes, such as `ZooKeeper`, up to the second length.
const LONG: usize = 12;
const LONG_IN_ONE: usize = 16;

fn put_word(word: &str, out: &mut String) {
    let letters: Vec<char> = word.chars().collect();
    let end = word.trim_end().chars().count();
    let is_number = letters[..end].iter().all(char::is_ascii_digit) && end > 12;
    let mut last = 0;
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|it| letters[it]);
        let may = match before {
            _ if is_number => at == end / 2,
            _ if end < LONG => false,
            Some('.' | '_' | '/' | ':' | ',') => letter.is_alphanumeric(),
            Some(before) => before.is_lowercase() && letter.is_uppercase() && end >= LONG_IN_ONE,
            None => false,
        };
        if may && at >= last + FEWEST && at + FEWEST <= end {
            out.push_str("<wbr>");
            last = at;
        }
        out.push(letter);
    }
}

#[test]
fn names_are_broken_between_their_words() {
    for (name, broken) in [
        (
            "offsets.retention.minutes",
            "offsets.<wbr>retention.<wbr>minutes",
        ),
        ("linger.ms", "linger.ms"),
        ("broker/partition.rs", "broker/<wbr>partition.rs"),
        (
            "UnifiedLog.maybeRoll",
            "Unified<wbr>Log.<wbr>maybe<wbr>Roll",
        ),
        ("log_end_offset", "log_<wbr>end_<wbr>offset"),
        ("9223372036854775807", "922337203<wbr>6854775807"),
        ("ZooKeeper", "ZooKeeper"),
        ("run --out", "run <span class=\"whole\">--out</span>"),
    ] {
        assert_eq!(
            with_breaks(&format!("<td>{name}</td>")),
            format!("<td>{broken}</td>")
        );
    }
}

#[test]
fn only_cells_and_code_in_text_are_broken() {
    assert_eq!(
        with_breaks(
            "<p>a.very.long.name <code>a.very.long.name</code></p><pre><code>a.very.long.name</code></pre>"
        ),
        "<p>a.very.long.name <code class=\"nohighlight\">a.very.<wbr>long.<wbr>name</code></p><pre><code>a.very.long.name</code></pre>"
    );
}
