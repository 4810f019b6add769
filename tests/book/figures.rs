//! Figures: files of their own, which the page shows with the picture's own words for who cannot see it,
//! and which leads to itself: alone in a window there is more room.

use crate::make::{At, Block};
use crate::scenarios;
use kafka_trial::plan::write_duration;
use std::fs;
use std::path::Path;

/// `trial chart` with these further words; `as NAME` at their end is part of the file's name.
pub fn one(at: &At<'_>, scenario: &str, kind: &str, rest: &[&str]) -> Result<Block, String> {
    let (words, name) = named(rest);
    let mut command = vec!["chart", scenario, "--kind", kind];
    command.extend(words);
    drawn(at, command, scenario, kind, name)
}

/// `trial compare --chart`.
pub fn compared(at: &At<'_>, scenario: &str, kind: &str, rest: &[&str]) -> Result<Block, String> {
    let (words, name) = named(rest);
    let name = name.ok_or("two runs need a name: as NAME")?;
    let mut command = vec!["compare", scenario, "--chart", kind];
    command.extend(words);
    drawn(at, command, scenario, kind, Some(name))
}

/// The one that a question shows.
pub fn of_question(at: &At<'_>, scenario: &str, id: &str) -> Result<Block, String> {
    let prediction = scenarios::prediction(scenario, id)?;
    let reveal = prediction.reveal.ok_or("this question shows no figure")?;
    let moment = reveal.at.map(write_duration);
    let mut words = Vec::new();
    let choices = [
        ("--around", &reveal.around),
        ("--partition", &reveal.partition),
        ("--at", &moment),
    ];
    for (key, value) in choices {
        words.extend(value.iter().flat_map(|value| [key, value]));
    }
    words.extend(["as", id]);
    one(at, scenario, &reveal.kind, &words)
}

fn named<'a>(rest: &'a [&'a str]) -> (&'a [&'a str], Option<&'a str>) {
    match rest {
        [words @ .., "as", name] => (words, Some(name)),
        _ => (rest, None),
    }
}

fn drawn(
    at: &At<'_>,
    command: Vec<&str>,
    scenario: &str,
    kind: &str,
    name: Option<&str>,
) -> Result<Block, String> {
    let out = at.directory.path().join("figure-of-the-book");
    let out_name = out.display().to_string();
    let further = ["--out", &out_name, "--force"];
    let output = at.trial(&[&command[..], &further[..]].concat())?;
    // A comparison in which something broke is drawn all the same.
    let svg = fs::read_to_string(out.join(format!("{kind}.svg"))).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.trim().replace('\n', "\n    ")
    })?;
    let _ = fs::remove_dir_all(&out);
    let stem = Path::new(scenario)
        .file_stem()
        .map_or(scenario, |it| it.to_str().unwrap_or(scenario));
    let end = name.map_or_else(String::new, |name| format!("-{name}"));
    let file = format!("{stem}-{kind}{end}.svg");
    let title = of_element(&svg, "title").ok_or("a picture without a title")?;
    let about = of_element(&svg, "desc").ok_or("a picture without a description")?;
    let path = format!("{}figures/{file}", at.up);
    let text = format!("[![{}: {}]({path})]({path})\n", plain(title), plain(about));
    Ok(Block {
        text,
        figures: vec![(file, svg)],
    })
}

/// What the first element of this name holds.
fn of_element<'a>(svg: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = svg.split_once(&format!("<{name} "))?;
    let (_, rest) = rest.split_once('>')?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// As Markdown has plain text; XML's own escapes are Markdown's too.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '[' | ']' | '*' | '_' | '`' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
