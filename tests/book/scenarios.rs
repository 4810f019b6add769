//! Shipped scenarios: their files, parts of these, and what they are about.

use kafka_trial::plan::{Plan, Prediction};
use kafka_trial::protocol::config::nearest;
use kafka_trial::report::in_markdown;
use kafka_trial::scenario::{SHIPPED, Shipped, load};

/// The file as it lies there, or its parts with these names, or `except` them.
pub fn file(name: &str, parts: &[&str]) -> Result<String, String> {
    let shipped = shipped(name)?;
    let text = match parts {
        [] => shipped.text.trim_end().to_owned(),
        ["except", parts @ ..] => chosen(shipped.text, parts, false)?,
        parts => chosen(shipped.text, parts, true)?,
    };
    Ok(format!(
        "`scenarios/{}`:\n\n```yaml\n{text}\n```\n",
        shipped.path
    ))
}

pub fn run(name: &str) -> Result<String, String> {
    let about = plan(name)?.about;
    Ok(format!(
        "Run it: `trial run {name}`. {}\n",
        in_markdown(&about)
    ))
}

/// Its plan.
pub fn plan(name: &str) -> Result<Plan, String> {
    let shipped = shipped(name)?;
    let loaded = load(shipped.path, shipped.text.into(), &[]);
    loaded.map(|it| it.plan).map_err(|error| error.to_string())
}

pub fn prediction(scenario: &str, id: &str) -> Result<Prediction, String> {
    let plan = plan(scenario)?;
    let ids: Vec<String> = plan.predict.iter().map(|it| it.id.clone()).collect();
    let found = plan.predict.into_iter().find(|it| it.id == id);
    found.ok_or_else(|| format!("{scenario} asks no \"{id}\"; it asks {}", ids.join(", ")))
}

pub fn shipped(name: &str) -> Result<&'static Shipped, String> {
    let found = SHIPPED.iter().find(|it| it.name() == name);
    found.ok_or_else(|| {
        let near = nearest(name, SHIPPED.iter().map(Shipped::name));
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        format!("no scenario is called \"{name}\"{near}")
    })
}

/// Top-level parts with the comments right above them; a mark where something is left out.
fn chosen(text: &str, names: &[&str], wanted: bool) -> Result<String, String> {
    let parts = parts(text);
    for name in names {
        if !parts.iter().any(|(part, _)| part == name) {
            let all: Vec<&str> = parts.iter().map(|(part, _)| part.as_str()).collect();
            return Err(format!("no part \"{name}\"; there are {}", all.join(", ")));
        }
    }
    let mut out: Vec<String> = Vec::new();
    for (part, lines) in &parts {
        if names.contains(&part.as_str()) == wanted {
            out.push(lines.join("\n"));
        } else if out.last().is_none_or(|it| it != "# …\n") {
            out.push("# …\n".to_owned());
        }
    }
    Ok(out.join("\n").trim_end().to_owned())
}

fn parts(text: &str) -> Vec<(String, Vec<&str>)> {
    let mut parts: Vec<(String, Vec<&str>)> = Vec::new();
    let mut above = Vec::new();
    for line in text.lines() {
        let begins = !line.is_empty() && !line.starts_with([' ', '#', '-']);
        let key = line.split(':').next().filter(|_| begins);
        match (key, parts.last_mut()) {
            (Some(key), _) => {
                let mut lines = std::mem::take(&mut above);
                lines.push(line);
                parts.push((key.to_owned(), lines));
            }
            (None, Some((_, lines))) if line.starts_with([' ', '-']) => {
                lines.append(&mut above);
                lines.push(line);
            }
            (None, Some((_, lines))) if line.is_empty() && above.is_empty() => lines.push(line),
            _ => above.push(line),
        }
    }
    parts
}

#[test]
fn parts_keep_the_comments_above_them() {
    let text = "# first\nformat: 1\nname: a\n\n# Why.\ncluster:\n  brokers: 1\n\n  # inside\n  x: 1\ntopics: {}\n";
    let cluster = "# …\n\n# Why.\ncluster:\n  brokers: 1\n\n  # inside\n  x: 1\n# …";
    assert_eq!(chosen(text, &["cluster"], true).as_deref(), Ok(cluster));
    let rest = "# first\nformat: 1\nname: a\n\n# …\n\ntopics: {}";
    assert_eq!(chosen(text, &["cluster"], false).as_deref(), Ok(rest));
    assert!(chosen(text, &["x"], true).is_err());
}
