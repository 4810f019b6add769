//! YAML to plan and back, with errors that point at the line.
//!
//! A text is first made into an index of its events (`node`), in which duplicate keys, depth and aliases
//! are judged; then serde reads plain structs from the index (`de`, `document`), so that whatever is wrong
//! has its line and column; then words become a plan (`lower`), and the plan is held against itself
//! (`Plan::validate`), each complaint being looked up in the index again. `raise` goes the other way.
//! `json` gives documents of other rooms the same messages.
//!
//! May not know what a plan does when it runs.

mod de;
mod diagnostic;
mod document;
mod json;
mod lower;
mod node;
mod raise;
mod shipped;
mod source;
mod words;

pub use diagnostic::{Diagnostic, Excerpt, Severity};
pub use json::JsonDocument;
pub use lower::sentence_tables;
pub use shipped::{SHIPPED, Shipped};

use crate::plan::{Plan, Problem};
use node::{Node, NodeValue};
use serde::de::DeserializeOwned;
use source::{Place, Source, Sources, text_of};

/// A scenario file may have so many bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A plan that holds together, and what its author should know.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub plan: Plan,
    pub warnings: Vec<Diagnostic>,
}

/// Reads a scenario. `name` is what messages call it, `sets` are `KEY=VALUE` changes in which `/` separates
/// the parts of the path (`topics/trucks_gps/partitions=10`).
pub fn load(name: &str, bytes: Vec<u8>, sets: &[String]) -> Result<Loaded, Diagnostic> {
    let mut sources = Sources::default();
    let text = text_of(name, bytes, MAX_BYTES)?;
    let source = sources.add(Source {
        name: name.to_string(),
        text,
    });
    let mut root = Node::parse(&sources, source)?.ok_or_else(|| {
        Diagnostic::about_file(name, "the file is empty")
            .expected("a scenario, which begins with \"format: 1\"")
    })?;
    for set in sets {
        apply_set(&mut sources, &mut root, set)?;
    }
    check_format(&sources, &root)?;
    let document = deserialize(&sources, &root)?;
    let blame = |problem: Problem| blame(&sources, &root, problem);
    let plan = lower::plan(document).map_err(blame)?;
    let warnings = plan.validate().map_err(blame)?;
    let warnings = warnings.into_iter().map(|problem| Diagnostic {
        severity: Severity::Warning,
        ..blame(problem)
    });
    Ok(Loaded {
        warnings: warnings.collect(),
        plan,
    })
}

/// The plan as a scenario that `load` reads back as the same plan.
pub fn to_yaml(plan: &Plan) -> String {
    // Texts, numbers, lists and maps with texts as keys: there is nothing that could fail.
    serde_yaml::to_string(&raise::document(plan)).unwrap_or_else(|error| format!("# {error}\n"))
}

fn deserialize<T: DeserializeOwned>(sources: &Sources, root: &Node) -> Result<T, Diagnostic> {
    T::deserialize(root).map_err(|error: de::Error| Diagnostic {
        expected: error.expected,
        suggestion: error.suggestion,
        ..sources.error(error.place.unwrap_or(root.place), error.found)
    })
}

/// Another format may have other keys: it is refused before any of them is.
fn check_format(sources: &Sources, root: &Node) -> Result<(), Diagnostic> {
    let expected = format!("format: {}", document::FORMAT);
    let NodeValue::Map(entries) = &root.value else {
        return Err(sources
            .error(root.place, format!("{} is no scenario", root.describe()))
            .expected(format!("a map of keys, which begins with \"{expected}\"")));
    };
    match root.get("format") {
        None => {
            let place = entries.first().map_or(root.place, |(key, _)| key.place);
            Err(sources
                .error(place, "the key \"format\" is missing")
                .expected(format!("\"{expected}\" as the first line")))
        }
        Some((_, value)) if value.text() != Some(&document::FORMAT.to_string()) => Err(sources
            .error(value.place, format!("format {}", value.describe()))
            .expected(format!(
                "{}, the only format that this version of trial reads",
                document::FORMAT
            ))),
        Some(_) => Ok(()),
    }
}

/// A problem of the plan with the place in the document that brought it about.
fn blame(sources: &Sources, root: &Node, problem: Problem) -> Diagnostic {
    let mut place = root.place;
    let mut node = root;
    let last = problem.path.len().saturating_sub(1);
    for (i, part) in problem.path.iter().enumerate() {
        let Some((key, value)) = node.get(part) else {
            break;
        };
        place = if problem.on_key && i == last {
            key.place
        } else {
            value.place
        };
        // A list or map begins at its first item: its key says better what is meant.
        if i == last && !matches!(value.value, NodeValue::Scalar { .. }) {
            place = key.place;
        }
        node = value;
    }
    Diagnostic {
        expected: problem.expected,
        suggestion: problem.suggestion,
        ..sources.error(place, problem.found)
    }
}

/// Carries out one `KEY=VALUE`; the value is YAML.
fn apply_set(sources: &mut Sources, root: &mut Node, set: &str) -> Result<(), Diagnostic> {
    let name = "--set".to_string();
    let Some((path, value)) = set.split_once('=') else {
        let source = sources.add(Source {
            name,
            text: set.to_string(),
        });
        let place = Place {
            source,
            line: 1,
            column: 1,
            length: set.chars().count().max(1),
        };
        return Err(sources
            .error(place, format!("\"{set}\" has no \"=\""))
            .expected("KEY=VALUE, such as duration=30s"));
    };
    let key_source = sources.add(Source {
        name,
        text: set.to_string(),
    });
    let value = value_of_set(sources, key_source, path, value)?;
    let mut column = 1;
    let mut node = root;
    for part in path.split('/') {
        let length = part.chars().count();
        let place = Place {
            source: key_source,
            line: 1,
            column,
            length: length.max(1),
        };
        column += length + 1;
        if part.is_empty() {
            return Err(sources
                .error(place, "a part of the path without a name")
                .expected("KEY=VALUE, such as duration=30s"));
        }
        if let NodeValue::Scalar { .. } = node.value {
            // "zookeeper: 1" gives way to what is said of it.
            *node = Node::map(place);
        }
        node = match &mut node.value {
            NodeValue::List(items) => {
                let count = items.len();
                let item = part.parse::<usize>().ok().and_then(|i| items.get_mut(i));
                item.ok_or_else(|| {
                    sources
                        .error(place, format!("\"{part}\" is not in this list"))
                        .expected(format!(
                            "an item's number, from 0 to {}",
                            count.saturating_sub(1)
                        ))
                })?
            }
            NodeValue::Map(entries) => {
                let at = match entries.iter().position(|(key, _)| key.text() == Some(part)) {
                    Some(at) => at,
                    None => {
                        entries.push((Node::scalar(place, part), Node::map(place)));
                        entries.len() - 1
                    }
                };
                &mut entries[at].1
            }
            NodeValue::Scalar { .. } => return Ok(()),
        };
    }
    *node = value;
    Ok(())
}

/// The value of `KEY=VALUE`, which is YAML. Its places are those in the whole text, so that messages show
/// the key too.
fn value_of_set(
    sources: &mut Sources,
    set: usize,
    path: &str,
    value: &str,
) -> Result<Node, Diagnostic> {
    let before = path.chars().count() + 1;
    let place = Place {
        source: set,
        line: 1,
        column: before + 1,
        length: value.chars().count().max(1),
    };
    let alone = sources.add(Source {
        name: sources.0[set].name.clone(),
        text: value.to_string(),
    });
    let node = Node::parse(sources, alone).map_err(|mut error| {
        let whole = &sources.0[set].text;
        if let Some(excerpt) = &mut error.excerpt {
            match whole.lines().nth(excerpt.line - 1) {
                Some(line) if excerpt.line == 1 => {
                    excerpt.column += before;
                    excerpt.text = line.to_string();
                }
                Some(_) => {}
                // Something was missed at the end.
                None => {
                    let last = whole.lines().last().unwrap_or_default();
                    excerpt.line = whole.lines().count().max(1);
                    excerpt.column = last.chars().count() + 1;
                    excerpt.text = last.to_string();
                }
            }
        }
        error
    })?;
    let Some(mut node) = node else {
        return Ok(Node::scalar(place, ""));
    };
    node.move_to(set, before);
    Ok(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Role, When};

    const LEADER_CRASH: &str = include_str!("../../scenarios/03-truck-gps/leader-crash.yaml");

    fn load_text(text: &str, sets: &[&str]) -> Result<Loaded, Diagnostic> {
        let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
        load("test.yaml", text.as_bytes().to_vec(), &sets)
    }

    #[test]
    fn a_scenario_becomes_a_plan_and_comes_back() {
        let loaded = load_text(LEADER_CRASH, &[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.warnings, vec![]);
        let plan = loaded.plan;
        assert_eq!(
            (plan.name.as_str(), plan.seed, plan.topics.len()),
            ("leader-crash", 7, 1)
        );
        assert_eq!(
            plan.producers[0].members(),
            ["trucks-1", "trucks-2", "trucks-3"]
        );
        assert_eq!(
            plan.timeline[1].when,
            When::At(crate::kernel::Duration::from_secs(75))
        );
        assert_eq!(
            plan.timeline[1].action,
            crate::plan::Action::restart(Role::CrashedBrokers)
        );
        let written = to_yaml(&plan);
        let again = load_text(&written, &[])
            .unwrap_or_else(|error| panic!("{written}\n{error}"))
            .plan;
        assert_eq!(again, plan);
    }

    #[test]
    fn set_changes_what_is_there_and_adds_what_is_not() {
        let plan = load_text(
            LEADER_CRASH,
            &[
                "duration=3m",
                "topics/trucks_gps/partitions=10",
                "cluster/config/min.insync.replicas=1",
                "timeline/0/at=20s",
                "cluster/zookeeper/tickTime=1000",
                "producers/trucks/config/retries=3",
            ],
        )
        .unwrap_or_else(|error| panic!("{error}"))
        .plan;
        assert_eq!(plan.duration, crate::kernel::Duration::from_secs(180));
        assert_eq!(plan.topics[0].partitions, Some(10));
        assert_eq!(plan.cluster.config["min.insync.replicas"], "1");
        assert_eq!(plan.cluster.zookeeper.tick_time_ms, 1_000);
        assert_eq!(plan.producers[0].config["retries"], "3");
        let error = load_text(LEADER_CRASH, &["topics/trucks_gps/partitons=10"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "error: --set:1:19: unknown key \"partitons\"\n  |\n1 | topics/trucks_gps/partitons=10\n  |                   ^^^^^^^^^\n  = expected one of about, partitions, replication.factor, assignment, config\n  = did you mean \"partitions\"?"
        );
    }
}
