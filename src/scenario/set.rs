//! `--set PATH=VALUE` changes what a document says; `--set +PATH=VALUE` adds what it does not say. A slip of
//! the pen in a path is thus no second topic.

use super::diagnostic::Diagnostic;
use super::node::{Node, NodeValue};
use super::source::{Place, Source, Sources};
use crate::plan::MOST_BROKERS;
use crate::protocol::config::nearest;

/// So many names at most are listed as what is there.
const LISTED: usize = 12;

const EXPECTED: &str = "KEY=VALUE, such as duration=30s";

/// Under these names a scenario has lists and nothing else, also where it has none yet.
const LISTS: [&str; 4] = ["timeline", "expect", "steps", "assignment"];

/// Carries out one `[+]KEY=VALUE`, in which `/` separates the parts of the path; the value is YAML.
pub(super) fn apply(sources: &mut Sources, root: &mut Node, set: &str) -> Result<(), Diagnostic> {
    let source = sources.add(Source {
        name: "--set".to_string(),
        text: set.to_string(),
    });
    let at = |column: usize, length: usize| Place {
        source,
        line: 1,
        column,
        length: length.max(1),
    };
    let Some((path, value)) = set.split_once('=') else {
        return Err(sources
            .error(
                at(1, set.chars().count()),
                format!("\"{set}\" has no \"=\""),
            )
            .expected(EXPECTED));
    };
    let value = value_of(sources, source, path, value)?;
    let (adds, parts) = match path.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, path),
    };
    let mut column = 1 + usize::from(adds);
    let mut walked: Vec<&str> = Vec::new();
    let mut node = root;
    for part in parts.split('/') {
        let length = part.chars().count();
        let place = at(column, length);
        column += length + 1;
        if part.is_empty() {
            return Err(sources
                .error(place, "a part of the path without a name")
                .expected(EXPECTED));
        }
        say_one_by_one(node, &walked, place);
        if adds && node.is_nothing() {
            let is_list = part == "0" || walked.last().is_some_and(|name| LISTS.contains(name));
            *node = match is_list {
                true => Node::list(place),
                false => Node::map(place),
            };
        }
        node = match step(node, part, adds, place) {
            Ok(next) => next,
            Err(miss) => return Err(miss.told(sources, place, &walked, set)),
        };
        walked.push(part);
    }
    *node = value;
    Ok(())
}

/// Why a path leads nowhere.
enum Miss {
    /// A map without such a key, and the keys that it has.
    Key { part: String, known: Vec<String> },
    /// A list of so many items.
    Item { part: String, count: usize },
    /// Something that has no parts.
    Scalar { described: String },
}

fn step<'a>(
    node: &'a mut Node,
    part: &str,
    adds: bool,
    place: Place,
) -> Result<&'a mut Node, Miss> {
    let described = node.describe();
    match &mut node.value {
        NodeValue::List(items) => {
            let count = items.len();
            let number = part.parse::<usize>().ok();
            if adds && number == Some(count) {
                items.push(Node::map(place));
            }
            let item = number.and_then(|number| items.get_mut(number));
            item.ok_or_else(|| Miss::Item {
                part: part.to_string(),
                count,
            })
        }
        NodeValue::Map(entries) => {
            let at = entries.iter().position(|(key, _)| key.text() == Some(part));
            if at.is_none() && adds {
                entries.push((Node::scalar(place, part), Node::map(place)));
            } else if at.is_none() {
                let names = entries.iter().filter_map(|(key, _)| key.text());
                return Err(Miss::Key {
                    part: part.to_string(),
                    known: names.map(str::to_string).collect(),
                });
            }
            let last = entries.len() - 1;
            Ok(&mut entries[at.unwrap_or(last)].1)
        }
        NodeValue::Scalar { .. } => Err(Miss::Scalar { described }),
    }
}

impl Miss {
    fn told(self, sources: &Sources, place: Place, walked: &[&str], set: &str) -> Diagnostic {
        let here = match walked {
            [] => "in the scenario".to_string(),
            _ => format!("under {}", walked.join("/")),
        };
        match self {
            Miss::Key { part, known } => {
                let mut error = sources.error(place, format!("there is no \"{part}\" {here}"));
                error.suggestion = nearest(&part, known.iter().map(String::as_str))
                    .map(|name| format!("\"{name}\""));
                let dots = if known.len() > LISTED { ", ..." } else { "" };
                let listed = known[..known.len().min(LISTED)].join(", ");
                error.expected(match known.len() {
                    0 => format!("what is there (nothing is), or +{set} to add it"),
                    _ => format!("one of {listed}{dots}, or +{set} to add it"),
                })
            }
            Miss::Item { part, count } => {
                let error = sources.error(place, format!("\"{part}\" is not in this list"));
                error.expected(match count {
                    0 => format!("+{}/0=... to add the first item", walked.join("/")),
                    _ => format!(
                        "an item's number, from 0 to {}, or +{}/{count}=... to add one",
                        count - 1,
                        walked.join("/")
                    ),
                })
            }
            Miss::Scalar { described } => sources
                .error(
                    place,
                    format!("what stands {here} is {described}, which has no parts"),
                )
                .expected(format!("{}=... to change it", walked.join("/"))),
        }
    }
}

/// `zookeeper: 3` and `brokers: 3` stand for as many servers: a path that goes further finds each of them.
fn say_one_by_one(node: &mut Node, walked: &[&str], place: Place) {
    let number = node.text().and_then(|text| text.parse::<usize>().ok());
    let Some(number) = number.filter(|number| *number <= MOST_BROKERS) else {
        return;
    };
    match walked {
        ["cluster", "zookeeper"] => {
            let mut map = Node::map(place);
            map.add(Node::scalar(place, "servers"), node.clone());
            *node = map;
        }
        ["cluster", "brokers"] => {
            let broker = |id: usize| {
                let mut map = Node::map(place);
                map.add(
                    Node::scalar(place, "id"),
                    Node::scalar(place, id.to_string()),
                );
                map
            };
            node.value = NodeValue::List((1..=number).map(broker).collect());
        }
        _ => {}
    }
}

/// The value of `KEY=VALUE`, which is YAML. Its places are those in the whole text, so that messages show
/// the key too.
fn value_of(
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
    use crate::scenario::load;

    const SCENARIO: &str = "format: 1\nname: s\nabout: a\nduration: 1m\ncluster: {zookeeper: 3, brokers: 3}\ntopics:\n  trucks_gps: {partitions: 3}\n";

    fn changed(set: &str) -> Result<crate::plan::Plan, String> {
        load("s.yaml", SCENARIO.into(), &[set.to_string()])
            .map(|loaded| loaded.plan)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_there_changes_and_what_is_not_is_added_only_with_a_plus() {
        let plan = changed("topics/trucks_gps/partitions=10").expect("it is there");
        assert_eq!(plan.topics[0].partitions, Some(10));
        assert_eq!(
            changed("topics/truck_gps/partitions=10").expect_err("a slip"),
            "error: --set:1:8: there is no \"truck_gps\" under topics\n  |\n1 | topics/truck_gps/partitions=10\n  |        ^^^^^^^^^\n  = expected one of trucks_gps, or +topics/truck_gps/partitions=10 to add it\n  = did you mean \"trucks_gps\"?"
        );
        let plan = changed("+topics/other/partitions=10").expect("it is meant");
        assert_eq!(plan.topics.len(), 2);
        assert_eq!(changed("+seed=9").expect("it is meant").seed, 9);
        let error = changed("seed=9").expect_err("it is not there");
        assert!(error.contains("or +seed=9 to add it"), "{error}");
        let plan = changed("+timeline/0={at: 9s, crash: broker-1}").expect("a first line");
        assert_eq!(plan.timeline.len(), 1);
    }

    #[test]
    fn a_list_that_is_not_there_begins_with_its_first_item() {
        let error = changed("+timeline/3={at: 9s, crash: broker-1}").expect_err("no list");
        assert!(
            error.contains("\"3\" is not in this list")
                && error.contains("expected +timeline/0=... to add the first item"),
            "{error}"
        );
        // What is named by a number is none of them.
        let plan = changed("+topics/3/partitions=2").expect("a topic 3");
        assert_eq!(plan.topics.len(), 2);
    }

    #[test]
    fn a_number_of_servers_gives_way_to_each_of_them() {
        let plan = changed("+cluster/zookeeper/tickTime=1000").expect("it is meant");
        let zookeeper = &plan.cluster.zookeeper;
        assert_eq!((zookeeper.servers, zookeeper.tick_time_ms), (3, 1000));
        let plan = changed("+cluster/brokers/1/config/min.insync.replicas=2").expect("a broker");
        let configs = plan
            .cluster
            .brokers
            .iter()
            .map(|broker| broker.config.len());
        assert_eq!(configs.collect::<Vec<_>>(), [0, 1, 0]);
    }

    #[test]
    fn a_number_is_shown_as_one_and_a_text_in_quotes() {
        let error = changed("topics=5").expect_err("a number");
        assert!(error.contains("--set:1:8: 5\n"), "{error}");
        let error = changed("topics='5'").expect_err("a text");
        assert!(error.contains("--set:1:8: \"5\"\n"), "{error}");
    }

    #[test]
    fn a_value_has_no_parts() {
        for set in ["duration/x=3s", "+duration/x=3s"] {
            let error = changed(set).expect_err("a text");
            assert!(
                error.contains("what stands under duration is \"1m\", which has no parts"),
                "{error}"
            );
        }
    }
}
