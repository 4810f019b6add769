//! Text of scenarios in Markdown: it appears as it was written, whatever Markdown would make of it.

use std::borrow::Cow;

/// In one line, which may begin a paragraph. What Markdown would leave alone stays as it is.
pub fn in_markdown(text: &str) -> String {
    let line = in_one_line(text);
    let letters: Vec<char> = line.chars().collect();
    let mut out = String::with_capacity(line.len());
    let begins = beginning(&letters);
    for (place, &letter) in letters.iter().enumerate() {
        let next = letters.get(place + 1).copied();
        match letter {
            '<' if next.is_some_and(|it| it.is_alphabetic() || "/!?".contains(it)) => {
                out += "&lt;";
            }
            '&' if next.is_some_and(|it| it.is_alphanumeric() || it == '#') => out += "&amp;",
            _ => {
                if begins == Some(place) || acts(&letters, place) {
                    out.push('\\');
                }
                out.push(letter);
            }
        }
    }
    out
}

/// As code, whatever backticks are in it.
pub fn code_in_markdown(text: &str) -> String {
    let line = in_one_line(text);
    let runs = line.split(|letter| letter != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0) + 1);
    match line.starts_with('`') || line.ends_with('`') {
        true => format!("{fence} {line} {fence}"),
        false => format!("{fence}{line}{fence}"),
    }
}

/// A line cannot begin a list or a heading within it; nor may it hold what a terminal would obey.
fn in_one_line(text: &str) -> Cow<'_, str> {
    let breaks = |letter: char| letter.is_control();
    match text.contains(breaks) || text.trim() != text {
        true => {
            let words = text.split(|it: char| it == ' ' || breaks(it));
            let words: Vec<&str> = words.filter(|it| !it.is_empty()).collect();
            words.join(" ").into()
        }
        false => text.into(),
    }
}

/// The mark that would make the line a heading, a quotation, an item of a list or a rule.
fn beginning(letters: &[char]) -> Option<usize> {
    let ends = |place: usize| letters.get(place).is_none_or(|it| *it == ' ');
    let after = |is: fn(&char) -> bool| letters.iter().take_while(|it| is(it)).count();
    let digits = after(char::is_ascii_digit);
    match letters.first()? {
        '>' => Some(0),
        '#' if ends(after(|it| *it == '#')) => Some(0),
        '-' | '+' if ends(1) => Some(0),
        '-' | '=' if letters.iter().all(|it| matches!(it, '-' | '=' | ' ')) => Some(0),
        _ => {
            let point = matches!(letters.get(digits), Some('.' | ')'));
            (digits > 0 && point && ends(digits + 1)).then_some(digits)
        }
    }
}

/// Whether Markdown takes the letter at this place for a mark.
fn acts(letters: &[char], place: usize) -> bool {
    let letter = letters[place];
    let other = |it: &&char| **it != letter;
    let before = letters[..place].iter().rev().find(other);
    let after = letters[place..].iter().find(other);
    let both =
        |is: fn(char) -> bool| before.is_some_and(|it| is(*it)) && after.is_some_and(|it| is(*it));
    match letter {
        '`' => true,
        '\\' => {
            after.is_none_or(char::is_ascii_punctuation) || letters.get(place + 1) == Some(&'\\')
        }
        '*' | '~' => !both(char::is_whitespace),
        '_' => !both(char::is_alphanumeric) && !both(char::is_whitespace),
        ']' => matches!(letters.get(place + 1), Some('(' | '[' | ':')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "The leader of gps-0 (min.insync.replicas=1) crashes; truck_1's records, 3 * 4 of 12.",
            "ISR [1, 2], lag < 5 & rising -> 7; 1.5 s; #3 of 4!",
            "-1 is what it says, C:\\temp too",
            "2.5 of 3",
            "",
        ] {
            assert_eq!(in_markdown(text), text);
        }
    }

    #[test]
    fn what_markdown_would_obey_appears_as_written() {
        for (text, written) in [
            (
                "<script>alert(1)</script>",
                "&lt;script>alert(1)&lt;/script>",
            ),
            ("<img src=x onerror=y>", "&lt;img src=x onerror=y>"),
            ("[l](javascript:x)", "[l\\](javascript:x)"),
            ("[l]: javascript:x", "[l\\]: javascript:x"),
            ("*b* and **c**", "\\*b\\* and \\*\\*c\\*\\*"),
            ("_b_, __consumer_offsets", "\\_b\\_, \\_\\_consumer_offsets"),
            ("`c`", "\\`c\\`"),
            ("~~gone~~", "\\~\\~gone\\~\\~"),
            ("\\*b\\*", "\\\\\\*b\\\\\\*"),
            ("&lt;b&gt; &#60;", "&amp;lt;b&amp;gt; &amp;#60;"),
            ("# a", "\\# a"),
            ("> a", "\\> a"),
            ("- a", "\\- a"),
            ("---", "\\---"),
            ("1. a", "1\\. a"),
            ("a\n\n# b\n    c\u{1b}[31m", "a # b c [31m"),
        ] {
            assert_eq!(in_markdown(text), written);
        }
    }

    #[test]
    fn code_ends_where_the_text_does() {
        assert_eq!(code_in_markdown("trial run a"), "`trial run a`");
        assert_eq!(code_in_markdown("a`b"), "``a`b``");
        assert_eq!(code_in_markdown("``"), "``` `` ```");
    }
}
