//! Pages as they lie in the book, taken apart into what is written by hand and what is made.

use crate::make::{At, Maker};
use std::fs;
use std::path::Path;

pub struct Page {
    /// Below `book/src`.
    pub path: String,
    pub text: String,
    pub pieces: Vec<Piece>,
}

pub enum Piece {
    Text(String),
    /// `<!-- file: NAME -->` and a fenced block: commands further down find it in their directory.
    File {
        name: String,
        content: String,
    },
    /// What stands there, if the block has been made before.
    Make {
        line: usize,
        what: String,
        found: Option<String>,
    },
}

const MAKE: &str = "<!-- make: ";
const FILE: &str = "<!-- file: ";
const MADE: &str = "<!-- made -->";

/// All pages, in the order of their paths.
pub fn under(folder: &Path) -> Vec<Page> {
    let mut paths = Vec::new();
    collect(folder, "", &mut paths);
    paths.sort();
    let read = |path: String| Page::of(fs::read_to_string(folder.join(&path)).unwrap(), path);
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, below: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{below}{name}");
        match entry.file_type().unwrap().is_dir() {
            true => collect(&entry.path(), &format!("{path}/"), paths),
            false if name.ends_with(".md") => paths.push(path),
            false => {}
        }
    }
}

impl Page {
    pub fn of(text: String, path: String) -> Page {
        let lines: Vec<&str> = text.lines().collect();
        let mut pieces = Vec::new();
        let mut kept = String::new();
        let mut fenced = false;
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at];
            if is_fence(line) {
                fenced = !fenced;
            }
            if !fenced && let Some(what) = comment(line, MAKE) {
                if !kept.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut kept)));
                }
                let rest = &lines[at + 1..];
                let end = rest
                    .iter()
                    .position(|it| *it == MADE || it.starts_with(MAKE));
                // One that was never made has no end yet.
                let end = end.filter(|end| rest[*end] == MADE);
                pieces.push(Piece::Make {
                    line: at + 1,
                    what: what.to_owned(),
                    found: end.map(|end| rest[..end].iter().map(|it| format!("{it}\n")).collect()),
                });
                at += end.map_or(1, |end| end + 2);
                continue;
            }
            kept.push_str(line);
            kept.push('\n');
            if !fenced && let Some(name) = comment(line, FILE) {
                pieces.push(Piece::Text(std::mem::take(&mut kept)));
                pieces.push(Piece::File {
                    name: name.to_owned(),
                    content: in_fence(&lines[at + 1..]),
                });
            }
            at += 1;
        }
        pieces.push(Piece::Text(kept));
        Page { path, text, pieces }
    }

    /// What makes its blocks.
    pub fn made_at<'a>(&self, maker: &'a Maker) -> At<'a> {
        let up = "../".repeat(self.path.matches('/').count());
        At::new(maker, up)
    }

    /// Command lines that a reader is told to type, each with its line: those of indented blocks, and those in
    /// backticks where a paragraph begins with "Run it" or "Try it".
    pub fn command_lines(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut fenced = false;
        for (at, line) in self.text.lines().enumerate() {
            if is_fence(line) {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            let told = ["Run it", "Try it", "Then try", "See it"];
            let indented = line
                .strip_prefix("    ")
                .filter(|it| it.starts_with("trial "));
            // What follows # is for the reader, and what follows a bar is for other programs.
            let typed = indented.map(|it| it.split(" #").next().unwrap_or(it).trim().to_owned());
            found.extend(typed.map(|it| (at + 1, it)));
            if told
                .iter()
                .any(|it| line.trim_start_matches("**").starts_with(it))
            {
                let quoted = line.split('`').skip(1).step_by(2);
                let commands = quoted.filter(|it| it.starts_with("trial "));
                found.extend(commands.map(|it| (at + 1, it.to_owned())));
            }
        }
        for (_, command) in &mut found {
            for end in [" | ", " > ", " && ", " < "] {
                command.truncate(command.find(end).unwrap_or(command.len()));
            }
        }
        found
    }
}

impl Page {
    /// What stands in backticks, each with its line; fenced blocks apart.
    pub fn quoted(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut fenced = false;
        for (at, line) in self.text.lines().enumerate() {
            fenced ^= is_fence(line);
            if !fenced && !is_fence(line) {
                let quoted = line.split('`').skip(1).step_by(2);
                found.extend(quoted.map(|it| (at + 1, it.to_owned())));
            }
        }
        found
    }
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

/// What a comment of this kind says.
fn comment<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_suffix(" -->")
}

fn in_fence(lines: &[&str]) -> String {
    let mut inside = lines.iter().skip_while(|line| !is_fence(line)).skip(1);
    let mut text = String::new();
    for line in inside.by_ref().take_while(|line| !is_fence(line)) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[test]
fn a_page_is_taken_apart_and_put_together_again() {
    let text = "# A\n<!-- make: one -->\nold\n<!-- made -->\nmore\n```text\n<!-- make: shown -->\n```\n\
                <!-- file: a.yaml -->\n```yaml\nformat: 1\n```\n<!-- make: two -->\n<!-- make: three -->\nend\n";
    let page = Page::of(text.to_owned(), "a/b.md".to_owned());
    let told: Vec<String> = page
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.lines().next().unwrap_or("").to_owned(),
            Piece::File { name, content } => format!("{name}={}", content.trim()),
            Piece::Make { line, what, found } => format!("{line} {what} {found:?}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            "# A",
            "2 one Some(\"old\\n\")",
            "more",
            "a.yaml=format: 1",
            "```yaml",
            "13 two None",
            "14 three None",
            "end"
        ]
    );
}

#[test]
fn command_lines_are_those_that_a_reader_types() {
    let text = "    trial run a --seed 2   # why\n\nRun it: `trial run b`, then `x`.\n```\n    trial no\n```\n`trial no`\n    trial run c | less\n";
    let page = Page::of(text.to_owned(), "a.md".to_owned());
    let lines = [
        (1, "trial run a --seed 2"),
        (3, "trial run b"),
        (8, "trial run c"),
    ];
    assert_eq!(
        page.command_lines(),
        lines.map(|(line, it)| (line, it.to_owned()))
    );
}
