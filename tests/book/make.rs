//! A block is made: by what its first word says.

use crate::command::Commands;
use crate::{cuts, figures, questions, reference, scenarios};
use kafka_trial::cli::command_words;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What all pages share.
#[derive(Default)]
pub struct Maker {
    pub commands: Commands,
}

/// Where blocks of one page are made.
pub struct At<'a> {
    pub maker: &'a Maker,
    /// From the page to the book's first folder.
    pub up: String,
    pub directory: crate::command::Directory,
    /// Of scenarios that were asked before.
    pub answers: RefCell<BTreeMap<String, questions::Answers>>,
}

#[derive(Default)]
pub struct Block {
    /// Ends with a line's end.
    pub text: String,
    /// Name and picture.
    pub figures: Vec<(String, String)>,
}

impl Block {
    pub fn text(text: impl Into<String>) -> Block {
        Block {
            text: text.into(),
            figures: Vec::new(),
        }
    }
}

impl<'a> At<'a> {
    pub fn new(maker: &'a Maker, up: String) -> At<'a> {
        At {
            maker,
            up,
            directory: Default::default(),
            answers: RefCell::default(),
        }
    }

    pub fn place(&self, name: &str, content: &str) {
        std::fs::write(self.directory.path().join(name), content).unwrap();
    }

    pub fn make(&self, what: &str) -> Result<Block, String> {
        if let Some(command) = what.strip_prefix("$ ") {
            return self.shown(command).map(Block::text);
        }
        if let Some(source) = what.strip_prefix("source ") {
            return source_of(source).map(Block::text);
        }
        let words = command_words(what).ok_or("a quote that nothing ends")?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["figure", scenario, kind, rest @ ..] => figures::one(self, scenario, kind, rest),
            ["compare", scenario, kind, rest @ ..] => figures::compared(self, scenario, kind, rest),
            ["reveal", scenario, id] => figures::of_question(self, scenario, id),
            ["question", scenario, id] => questions::asked(self, scenario, id).map(Block::text),
            ["recall", scenario, id] => questions::recalled(self, scenario, id).map(Block::text),
            ["try", scenario, id] => questions::tried(scenario, id).map(Block::text),
            ["scenario", scenario, parts @ ..] => scenarios::file(scenario, parts).map(Block::text),
            ["run", scenario] => scenarios::run(scenario).map(Block::text),
            ["reference", of] => reference::made(self, of).map(Block::text),
            _ => Err("expected $ trial …, source PATH, figure SCENARIO KIND, compare SCENARIO KIND, reveal SCENARIO ID, question \
                      SCENARIO ID, recall SCENARIO ID, try SCENARIO ID, scenario NAME, run SCENARIO or reference OF"
                .to_owned()),
        }
    }
}

/// A file of the project with what the cuts leave of it, and no marks at its ends: it is read as a piece.
fn source_of(line: &str) -> Result<String, String> {
    let mut parts = line.split(" | ").map(str::trim);
    let path = parts.next().unwrap_or_default();
    let text = std::fs::read_to_string(crate::root().join(path))
        .map_err(|error| format!("{path}: {error}"))?;
    let lines = cuts::cut(&text, &parts.collect::<Vec<_>>())?;
    let text = lines.join("\n");
    let language = match path.rsplit_once('.') {
        Some((_, "rs")) => "rust",
        Some((_, "yaml")) => "yaml",
        _ => "text",
    };
    let text = text.trim_matches(['…', '\n']);
    Ok(format!("`{path}`:\n\n```{language}\n{text}\n```\n"))
}
