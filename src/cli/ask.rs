//! A screen of text, and what a person says to it: on, an end, or one of several answers. Answers come from standard
//! input, a line each, so that a pipe can give them too.

use super::page::Page;
use super::predict::Reader;
use super::terminal::Terminal;

/// Shows a page below what stands there.
pub(super) fn show(page: &Page, terminal: &mut Terminal) {
    terminal.line("");
    page.lines().iter().for_each(|line| terminal.line(line));
}

/// Waits for Enter; false if the person, or the input, has come to an end.
pub(super) fn goes_on(reader: &mut Reader, terminal: &mut Terminal) -> bool {
    terminal.prompt("[Enter goes on, q ends] ");
    loop {
        match reader.line() {
            None => return false,
            Some(line) if line.is_empty() => return true,
            Some(line) if ends(&line) => return false,
            Some(line) => terminal.prompt(&format!(
                "\n\"{}\" is not asked for here. [Enter goes on, q ends] ",
                shortened(&line)
            )),
        }
    }
}

/// Waits for the number of an answer, from 1 to `count`, or its letter, and gives its place from 0; none at an end.
pub(super) fn chosen(count: usize, reader: &mut Reader, terminal: &mut Terminal) -> Option<usize> {
    let keys = format!("[{}; q ends, ? explains] ", those_of(count));
    terminal.prompt(&keys);
    loop {
        let line = reader.line()?;
        if ends(&line) {
            return None;
        }
        if line == "?" {
            let mut page = Page::default();
            page.text(KEYS);
            show(&page, terminal);
            terminal.prompt(&keys);
            continue;
        }
        match place_of(&line, count) {
            Some(place) => return Some(place),
            None => terminal.prompt(&format!(
                "\n\"{}\" is none of the answers.\n{keys}",
                shortened(&line)
            )),
        }
    }
}

const KEYS: &str = "Type the number of an answer, or its letter (A is the first), then Enter; q or Ctrl-D ends it. Nobody counts \
     how many are right: think of a reason before you answer.";

/// The place, from 0, of an answer that goes by its number, or by its letter as on the paper of a class.
pub(super) fn place_of(line: &str, count: usize) -> Option<usize> {
    let letter = match line.as_bytes() {
        [letter @ (b'a'..=b'z' | b'A'..=b'Z')] => Some(letter.to_ascii_uppercase()),
        _ => None,
    };
    let place = match letter {
        Some(letter) => usize::from(letter - b'A'),
        None => line.parse::<usize>().ok()?.checked_sub(1)?,
    };
    (place < count).then_some(place)
}

/// What `place_of` takes.
pub(super) fn those_of(count: usize) -> String {
    let last = u8::try_from(count).unwrap_or(26).clamp(1, 26);
    format!("1 to {count}, or A to {}", char::from(b'A' + last - 1))
}

fn ends(line: &str) -> bool {
    ["q", "quit", "exit"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(line))
}

/// So that it stays within a line.
fn shortened(line: &str) -> String {
    const MOST: usize = 20;
    match line.chars().count() <= MOST {
        true => line.to_owned(),
        false => line.chars().take(MOST).collect::<String>() + "..",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_by_its_number_or_its_letter() {
        for (line, place) in [
            ("1", Some(0)),
            ("3", Some(2)),
            ("a", Some(0)),
            ("C", Some(2)),
            ("0", None),
            ("4", None),
            ("d", None),
            ("ab", None),
            ("", None),
        ] {
            assert_eq!(place_of(line, 3), place, "{line}");
        }
        assert_eq!(those_of(3), "1 to 3, or A to C");
    }
}
