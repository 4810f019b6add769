//! Facts, from their docs in the source.

use crate::root;
use std::fs;

/// Families of facts that have an enum of their own, with their headings here.
const FAMILIES: &[(&str, &str)] = &[
    ("Shell", "Clients of ZooKeeper that a scenario has"),
    ("Group", "Groups"),
    ("ProducerState", "Idempotent producers"),
    ("FetchSession", "Fetch sessions"),
    ("Message", "Messages and schemas"),
    ("Application", "Applications and services"),
];

struct Fact {
    name: String,
    about: String,
    fields: Vec<String>,
    /// The enum that holds what this stands for.
    family: Option<String>,
}

struct Section {
    heading: String,
    facts: Vec<Fact>,
}

pub fn made() -> Result<String, String> {
    let folder = root().join("src/protocol/fact");
    let mut texts = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        texts.push(fs::read_to_string(path).map_err(|error| error.to_string())?);
    }
    let enum_of = |name: &str| {
        let begins = format!("pub enum {name} {{\n");
        let found = texts.iter().find_map(|text| text.split_once(&begins));
        let (_, body) = found.ok_or_else(|| format!("no enum {name} in src/protocol/fact"))?;
        Ok::<&str, String>(body.split("\n}").next().unwrap_or_default())
    };
    let mut text = String::new();
    for section in sections(enum_of("Fact")?) {
        let plain: Vec<&Fact> = section
            .facts
            .iter()
            .filter(|it| it.family.is_none())
            .collect();
        if !plain.is_empty() {
            push(&mut text, &section.heading, &plain)?;
        }
        for fact in section.facts.iter().filter(|it| it.family.is_some()) {
            let heading = FAMILIES.iter().find(|(name, _)| *name == fact.name);
            let (_, heading) =
                heading.ok_or_else(|| format!("the family {} has no heading", fact.name))?;
            let family = fact.family.as_deref().unwrap_or_default();
            let sections = sections(enum_of(family)?);
            let facts: Vec<&Fact> = sections.iter().flat_map(|it| &it.facts).collect();
            push(&mut text, heading, &facts)?;
        }
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn push(text: &mut String, heading: &str, facts: &[&Fact]) -> Result<(), String> {
    text.push_str(&format!(
        "## {heading}\n\n| Fact | What is stated | With |\n|---|---|---|\n"
    ));
    for fact in facts {
        if fact.about.is_empty() {
            return Err(format!("the fact {} has no doc", fact.name));
        }
        let name = kebab(&fact.name);
        let about = super::cell(&fact.about);
        text.push_str(&format!(
            "| `{name}` | {about} | {} |\n",
            super::cell(&fact.fields.join(", "))
        ));
    }
    text.push('\n');
    Ok(())
}

/// What a body of an enum says, as rustfmt lays it out.
fn sections(body: &str) -> Vec<Section> {
    let mut sections = vec![Section {
        heading: String::new(),
        facts: Vec::new(),
    }];
    let mut doc = Vec::new();
    let mut renamed = None;
    let mut in_variant = false;
    for line in body.lines() {
        let depth = line.len() - line.trim_start().len();
        let line = line.trim();
        let facts = sections.last_mut().map(|it| &mut it.facts);
        if let Some(heading) = line.strip_prefix("// ---- ") {
            let heading = heading.split(" (").next().unwrap_or(heading);
            sections.push(Section {
                heading: capital(heading),
                facts: Vec::new(),
            });
        } else if let Some(said) = line.strip_prefix("/// ") {
            doc.push(said);
        } else if let Some(name) = line.strip_prefix("#[serde(rename = \"") {
            renamed = name.split('"').next().map(str::to_owned);
        } else if line.starts_with('#') || line.is_empty() || line.starts_with("//") {
        } else if depth == 4 && line.starts_with('}') {
            in_variant = false;
        } else if depth == 4 {
            let end = line.find([' ', '(', ',']).unwrap_or(line.len());
            let (name, rest) = line.split_at(end);
            let inner = rest.trim_matches([' ', ',', '{', '}', '(', ')']);
            let is_family = rest.starts_with('(');
            let fields = match is_family {
                true => Vec::new(),
                false => fields(inner),
            };
            in_variant = rest.trim() == "{";
            if let Some(facts) = facts {
                facts.push(Fact {
                    name: renamed.take().unwrap_or_else(|| name.to_owned()),
                    about: std::mem::take(&mut doc).join(" "),
                    fields,
                    family: is_family.then(|| inner.to_owned()),
                });
            }
        } else if in_variant && let Some(fact) = facts.and_then(|it| it.last_mut()) {
            let said = std::mem::take(&mut doc).join(" ");
            for mut field in fields(line) {
                if !said.is_empty() {
                    field.push_str(&format!(" ({})", said.trim_end_matches('.')));
                }
                fact.fields.push(field);
            }
        }
    }
    sections
}

/// The names in `a: T, b: Vec<U>`.
fn fields(text: &str) -> Vec<String> {
    let parts = text.split(", ");
    let names = parts.filter_map(|part| part.split_once(": "));
    names
        .map(|(name, _)| format!("`{}`", name.trim()))
        .collect()
}

/// As serde has it; a name that was given is so already.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[test]
fn facts_are_read_from_an_enum() {
    let body = "    // ---- the controller (by brokers)\n    /// It is\n    /// over.\n    TheEnd,\n    /// More.\n    #[serde(rename = \"given\")]\n    \
                More {\n        a: i64,\n        /// Why.\n        #[serde(default)]\n        b: Rc<str>,\n    },\n    /// One line.\n    \
                Short { c: Vec<(i32, i32)> },\n    #[serde(untagged)]\n    Shell(ShellFact),";
    let sections = sections(body);
    let told: Vec<String> = sections[1]
        .facts
        .iter()
        .map(|it| {
            format!(
                "{} {} {:?} {:?}",
                kebab(&it.name),
                it.about,
                it.fields,
                it.family
            )
        })
        .collect();
    assert_eq!(sections[1].heading, "The controller");
    assert_eq!(
        told,
        [
            "the-end It is over. [] None",
            "given More. [\"`a`\", \"`b` (Why)\"] None",
            "short One line. [\"`c`\"] None",
            "shell  [] Some(\"ShellFact\")"
        ]
    );
}
