//! YAML to plan and back, with errors that point at the line.
//!
//! A text is first made into an index of its events (`node`), in which duplicate keys, depth and aliases
//! are judged; then serde reads plain structs from the index (`de`, `document`), so that whatever is wrong
//! has its line and column; then words become a plan (`lower`), and the plan is held against itself
//! (`Plan::validate`), each complaint being looked up in the index again. `raise` goes the other way.
//! `json` gives documents of other rooms the same messages.
//!
//! May not know what a plan does when it runs.

mod actions;
mod brackets;
mod de;
mod diagnostic;
mod document;
mod expected;
mod inside;
mod json;
pub mod keys;
mod lower;
mod node;
mod raise;
mod schema;
mod set;
mod shipped;
mod source;
mod unknown;
mod variation;
mod words;

pub use diagnostic::{Diagnostic, Excerpt, Severity};
pub use json::JsonDocument;
pub use lower::sentence_tables;
pub use schema::json_schema;
pub use shipped::{SHIPPED, Shipped};
pub use variation::places_of;

use crate::plan::{Plan, Problem};
use inside::place_inside;
use node::{Node, NodeValue};
use serde::de::DeserializeOwned;
use source::{Source, Sources, text_of};

/// A scenario file may have so many bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A plan that holds together, and what its author should know.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub plan: Plan,
    pub warnings: Vec<Diagnostic>,
}

/// Reads a scenario. `name` is what messages call it, `sets` are `KEY=VALUE` changes in which `/` separates
/// the parts of the path (`topics/trucks_gps/partitions=10`); `+KEY=VALUE` also adds what is not there.
pub fn load(name: &str, bytes: Vec<u8>, sets: &[String]) -> Result<Loaded, Diagnostic> {
    load_and(name, bytes, sets, &|_| Ok(()))
}

/// As `load`; `further` looks at what rooms above know of: names of figures, command lines.
pub fn load_and(
    name: &str,
    bytes: Vec<u8>,
    sets: &[String],
    further: &dyn Fn(&Plan) -> Result<(), Problem>,
) -> Result<Loaded, Diagnostic> {
    let mut sources = Sources::default();
    let text = text_of(name, bytes, MAX_BYTES)?;
    let source = sources.add(Source {
        name: name.to_string(),
        text,
    });
    let mut root = Node::parse(&sources, source)?.ok_or_else(|| empty(name))?;
    for set in sets {
        set::apply(&mut sources, &mut root, set)?;
    }
    check_format(&sources, &root)?;
    let document = deserialize(&sources, &root)?;
    let blame = |problem: Problem| blame(&sources, &root, problem);
    let plan = lower::plan(document).map_err(blame)?;
    let warnings = plan.validate().map_err(blame)?;
    further(&plan).map_err(blame)?;
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

fn empty(name: &str) -> Diagnostic {
    Diagnostic::about_file(name, "the file is empty")
        .expected("a scenario, which begins with \"format: 1\"")
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
                .expected(format!("\"{expected}\" as the first key")))
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
        // A list or map begins at its first item, and a block in which nothing stands at what follows: the key says
        // better what is meant.
        let begins_below = match &value.value {
            NodeValue::Scalar { .. } => {
                value.text() == Some("") && value.place.line > key.place.line
            }
            _ => true,
        };
        if i == last && begins_below {
            place = key.place;
        }
        node = value;
    }
    let source = &sources.0[place.source].text;
    let exact = problem
        .inside
        .zip(node.text().filter(|text| !text.is_empty()))
        .and_then(|(inside, text)| place_inside(source, place, text, inside));
    let found = match exact {
        Some(_) => problem.found,
        None => problem.found_inside(),
    };
    Diagnostic {
        expected: problem.expected,
        suggestion: problem.suggestion,
        ..sources.error(exact.unwrap_or(place), found)
    }
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
    fn what_is_set_is_in_the_plan() {
        let plan = load_text(
            LEADER_CRASH,
            &[
                "duration=3m",
                "topics/trucks_gps/partitions=10",
                "cluster/config/min.insync.replicas=1",
                "timeline/0/at=20s",
                "+cluster/zookeeper/tickTime=1000",
                "+producers/trucks/config/retries=3",
            ],
        )
        .unwrap_or_else(|error| panic!("{error}"))
        .plan;
        assert_eq!(plan.duration, crate::kernel::Duration::from_secs(180));
        assert_eq!(plan.topics[0].partitions, Some(10));
        assert_eq!(plan.cluster.config["min.insync.replicas"], "1");
        assert_eq!(plan.cluster.zookeeper.tick_time_ms, 1_000);
        assert_eq!(plan.producers[0].config["retries"], "3");
        let error = load_text(LEADER_CRASH, &["+topics/trucks_gps/partitons=10"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "error: --set:1:20: unknown key \"partitons\"\n  |\n1 | +topics/trucks_gps/partitons=10\n  |                    ^^^^^^^^^\n  = expected one of about, partitions, replication.factor, assignment, config\n  = did you mean \"partitions\"?"
        );
    }
}
