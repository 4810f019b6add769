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

/// Waits for the number of an answer, from 1 to `count`, and gives its place from 0; none at an end.
pub(super) fn chosen(count: usize, reader: &mut Reader, terminal: &mut Terminal) -> Option<usize> {
    terminal.prompt(&format!("[1 to {count}; q ends] "));
    loop {
        let line = reader.line()?;
        if ends(&line) {
            return None;
        }
        match line.parse() {
            Ok(number) if (1..=count).contains(&number) => return Some(number - 1),
            _ => terminal.prompt(&format!(
                "\n\"{}\" is none of the answers. [1 to {count}; q ends] ",
                shortened(&line)
            )),
        }
    }
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
