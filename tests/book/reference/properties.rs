//! Properties, from the docs of the files that check them.

use crate::make::At;
use crate::root;
use std::fs;
use std::path::Path;

struct Property {
    /// The file's name, by which docs speak of each other.
    file: String,
    name: String,
    /// What must hold, then what is looked at, and where it is not asked for.
    about: Vec<String>,
}

pub fn made(at: &At<'_>) -> Result<String, String> {
    let kafka = properties(&root().join("src/check"))?;
    let zookeeper = properties(&root().join("src/check/zookeeper"))?;
    let all: Vec<&Property> = kafka.iter().chain(&zookeeper).collect();
    // What a run is held against is among them.
    for name in of_a_run(at)? {
        if !all.iter().any(|it| it.name == name) {
            return Err(format!(
                "no file of src/check holds the property \"{name}\""
            ));
        }
    }
    let mut text = String::new();
    for (heading, properties) in [("Kafka", &kafka), ("A ZooKeeper ensemble", &zookeeper)] {
        text.push_str(&format!("## {heading}\n\n"));
        for property in properties {
            text.push_str(&format!("### {}\n\n", property.name));
            for paragraph in &property.about {
                text.push_str(&format!("{}\n\n", named(paragraph, &all)));
            }
        }
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn of_a_run(at: &At<'_>) -> Result<Vec<String>, String> {
    let report = at.trial_must(&["run", "leader-crash", "--format", "json"])?;
    let report: serde_json::Value =
        serde_json::from_str(&report).map_err(|error| error.to_string())?;
    let properties = report["runs"][0]["properties"]
        .as_array()
        .ok_or("a report without properties")?;
    let names = properties.iter().filter_map(|it| it["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Those of the files right in a folder, in the order of their names.
fn properties(folder: &Path) -> Result<Vec<Property>, String> {
    let mut properties = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() || path.ends_with("testing.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let name = text
            .split_once("const NAME: &str = \"")
            .map(|(_, rest)| rest);
        let name = name.or_else(|| Some(text.split_once("const NAME: &str =\n    \"")?.1));
        let Some(name) = name.and_then(|rest| rest.split('"').next()) else {
            continue;
        };
        let file = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        properties.push(Property {
            file,
            name: name.to_owned(),
            about: paragraphs(&text),
        });
    }
    properties.sort_by_key(|it| it.name.to_lowercase());
    Ok(properties)
}

/// Of a file's doc.
fn paragraphs(text: &str) -> Vec<String> {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    let mut paragraphs = vec![String::new()];
    for line in lines.map(str::trim) {
        match (line.is_empty(), paragraphs.last_mut()) {
            (true, _) => paragraphs.push(String::new()),
            (false, Some(last)) => {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(line);
            }
            (false, None) => {}
        }
    }
    paragraphs
}

/// Who reads the book knows properties by their sentences.
fn named(paragraph: &str, all: &[&Property]) -> String {
    let mut text = paragraph.to_owned();
    for property in all {
        text = text.replace(
            &format!("`{}`", property.file),
            &format!("\"{}\"", property.name),
        );
    }
    text
}
