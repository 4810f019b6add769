//! Reference that is written from the code.

mod catalogue;
mod course;
mod facts;
mod properties;

use crate::make::At;
use crate::root;
use kafka_trial::figure::TABLE;
use kafka_trial::scenario::keys::{Key, ROOMS};
use kafka_trial::scenario::sentence_tables;
use std::fs;

pub fn made(at: &At<'_>, of: &str) -> Result<String, String> {
    match of {
        "catalogue" => Ok(catalogue::made()),
        "commands" => commands(at),
        "course" => course::made(&at.up),
        "facts" => facts::made(),
        "faults" => Ok(faults()),
        "proofs" => proofs(),
        "properties" => properties::made(at),
        "sentences" => Ok(sentences()),
        "why" => why(),
        "yaml" => Ok(yaml()),
        _ => Err(format!(
            "no reference \"{of}\"; there are catalogue, commands, course, facts, faults, proofs, properties, sentences, why, yaml"
        )),
    }
}

/// Why things happen, with the test that proves each rule.
fn why() -> Result<String, String> {
    let rules =
        fs::read_to_string(root().join("book/src/rules.md")).map_err(|it| it.to_string())?;
    let mut page =
        "| What | Rule | Setting | Read from | Rule's id | Test |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for why in TABLE {
        let key = why
            .key
            .map_or_else(|| "none".to_owned(), |key| format!("`{key}`"));
        page.push_str(&format!(
            "| `{}` | {} | {key} | {} | {} | {} |\n",
            why.of,
            why.words,
            why.source,
            why.rule,
            test_of(&rules, why.rule)?
        ));
    }
    Ok(page)
}

/// The same, for who asks whether it is so: the rule in words, and its test.
fn proofs() -> Result<String, String> {
    let rules =
        fs::read_to_string(root().join("book/src/rules.md")).map_err(|it| it.to_string())?;
    let mut rows = Vec::new();
    for why in TABLE {
        let test = test_of(&rules, why.rule)?;
        let row = format!("| {} | {} | {test} |\n", why.words, why.rule);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    Ok(format!(
        "| Rule | Rule's id | Test |\n|---|---|---|\n{}",
        rows.concat()
    ))
}

/// The last cell of the rule's row.
fn test_of<'a>(rules: &'a str, rule: &str) -> Result<&'a str, String> {
    let begins = format!("| {rule} |");
    let row = rules.lines().find(|line| line.starts_with(&begins));
    let row = row.ok_or_else(|| format!("{rule} has no row in rules.md"))?;
    let cells = row.trim_end_matches('|').rsplit_once('|');
    Ok(cells.map_or("", |(_, test)| test.trim()))
}

/// An example of each step of a timeline.
fn faults() -> String {
    let tables = sentence_tables();
    let actions = tables.iter().find(|(what, _)| *what == ACTIONS);
    table("Write", actions.map_or(&[], |(_, templates)| templates))
}

const ACTIONS: &str = "an action";

/// What scenarios can say in words.
fn sentences() -> String {
    let mut text = String::new();
    for (what, templates) in sentence_tables() {
        if what != ACTIONS {
            let (_, noun) = what.split_once(' ').unwrap_or(("", what));
            let (first, rest) = noun.split_at(noun.len().min(1));
            let heading = format!("{}{rest}s", first.to_uppercase());
            text.push_str(&format!("## {heading}\n\n{}\n", table("Say", templates)));
        }
    }
    text.trim_end().to_owned() + "\n"
}

fn table(first: &str, templates: &[(&str, &str)]) -> String {
    let mut text = format!("| {first} | Meaning |\n|---|---|\n");
    for (template, meaning) in templates {
        let meaning: Vec<&str> = meaning.split_whitespace().collect();
        let row = format!("| `{}` | {} |\n", cell(template), cell(&meaning.join(" ")));
        text.push_str(&row);
    }
    text
}

/// Every key of a scenario file, map by map.
fn yaml() -> String {
    let row = |key: &Key| {
        let unless = key.unless.unwrap_or("must be said");
        format!(
            "| `{}` | {} | {} | {} |\n",
            key.name,
            cell(key.says),
            cell(&key.form.words()),
            cell(unless)
        )
    };
    let room = |room: &&kafka_trial::scenario::keys::Room| {
        let keys: String = room.keys.iter().map(row).collect();
        format!(
            "## {}\n\nWhere: {}.\n\n| Key | What it says | What it takes | Unless said |\n|---|---|---|---|\n{keys}",
            room.title, room.stands
        )
    };
    ROOMS.iter().map(room).collect::<Vec<_>>().join("\n")
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Each command with what `--help` prints.
fn commands(at: &At<'_>) -> Result<String, String> {
    let mut text = String::new();
    help_of(at, &mut Vec::new(), &mut text)?;
    Ok(text)
}

fn help_of(at: &At<'_>, command: &mut Vec<String>, text: &mut String) -> Result<(), String> {
    let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
    words.push("--help");
    let help = at.trial_must(&words)?;
    let name = ["trial"]
        .into_iter()
        .chain(command.iter().map(String::as_str));
    let name: Vec<&str> = name.collect();
    if !text.is_empty() {
        text.push('\n');
    }
    let lines = help.lines().map(|line| format!("{}\n", line.trim_end()));
    text.push_str(&format!(
        "## {}\n\n```text\n{}```\n",
        name.join(" "),
        lines.collect::<String>()
    ));
    for below in subcommands(&help) {
        command.push(below);
        help_of(at, command, text)?;
        command.pop();
    }
    Ok(())
}

/// The names below "Commands:".
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    // A name stands two columns in; what further lines say of it stands deeper.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}
