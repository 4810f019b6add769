//! The document's index: a tree of its events, each with its line and column.
//!
//! Built before anything is interpreted. Here end inputs that are no YAML, that are nested too deep, name
//! a key twice, or would unfold into more than they are (alias bombs).

use super::brackets::unclosed;
use super::diagnostic::Diagnostic;
use super::source::{Place, Sources};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::BTreeMap;

/// Nesting that is too deep for any scenario, and shallow enough for any stack.
pub(super) const MAX_DEPTH: usize = 64;
/// Values that aliases may stand for in all.
const MAX_UNFOLDED: usize = 100_000;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: NodeValue,
    /// Nodes in this tree, itself included.
    size: usize,
    /// Levels below this one.
    depth: usize,
}

#[derive(Clone, Debug)]
pub(super) enum NodeValue {
    /// `plain`: without quotes, so that it may be a number, a truth value or nothing.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The tree of the one document in source number `source`; none if there is only white space.
    pub(super) fn parse(sources: &Sources, source: usize) -> Result<Option<Node>, Diagnostic> {
        let text = &sources.0[source].text;
        Builder {
            sources,
            source,
            text,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            unfolded: 0,
        }
        .build()
    }

    pub(super) fn scalar(place: Place, text: impl Into<String>) -> Node {
        Node {
            place,
            value: NodeValue::Scalar {
                text: text.into(),
                plain: true,
            },
            size: 1,
            depth: 0,
        }
    }

    pub(super) fn map(place: Place) -> Node {
        Node {
            place,
            value: NodeValue::Map(Vec::new()),
            size: 1,
            depth: 0,
        }
    }

    pub(super) fn list(place: Place) -> Node {
        Node {
            value: NodeValue::List(Vec::new()),
            ..Node::map(place)
        }
    }

    /// Puts a key with its value at the end of a map.
    pub(super) fn add(&mut self, key: Node, value: Node) {
        self.size += key.size + value.size;
        self.depth = self.depth.max(value.depth + 1);
        if let NodeValue::Map(entries) = &mut self.value {
            entries.push((key, value));
        }
    }

    /// The same in another source, in which so many characters stand before it in its first line.
    pub(super) fn move_to(&mut self, source: usize, before: usize) {
        self.place.source = source;
        if self.place.line == 1 {
            self.place.column += before;
        }
        match &mut self.value {
            NodeValue::Scalar { .. } => {}
            NodeValue::List(items) => items
                .iter_mut()
                .for_each(|item| item.move_to(source, before)),
            NodeValue::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
                key.move_to(source, before);
                value.move_to(source, before);
            }),
        }
    }

    /// The value under a key, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<(&Node, &Node)> {
        match &self.value {
            NodeValue::Map(entries) => entries
                .iter()
                .find(|(name, _)| name.text() == Some(key))
                .map(|(name, value)| (name, value)),
            NodeValue::List(items) => {
                let item = items.get(key.parse::<usize>().ok()?)?;
                Some((item, item))
            }
            NodeValue::Scalar { .. } => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Nothing was written here: `~`, `null`, or no text at all.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// Nothing stands here: no text, or a list or map without anything in it.
    pub(super) fn is_nothing(&self) -> bool {
        match &self.value {
            NodeValue::Scalar { .. } => self.is_null(),
            NodeValue::List(items) => items.is_empty(),
            NodeValue::Map(entries) => entries.is_empty(),
        }
    }

    /// What this is, in words.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            _ if self.is_null() => "nothing".into(),
            // Quotes are what makes a text of it.
            NodeValue::Scalar { text, plain: true } if is_number(text) => text.clone(),
            NodeValue::Scalar { text, .. } => format!("\"{text}\""),
            NodeValue::List(_) => "a list".into(),
            NodeValue::Map(_) => "a map".into(),
        }
    }
}

/// `5`, `-1` or `0.5`, as a scenario has them.
fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok() && text.ends_with(|last: char| last.is_ascii_digit())
}

/// A collection whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    /// A key that waits for its value.
    key: Option<Node>,
}

struct Builder<'a> {
    sources: &'a Sources,
    source: usize,
    text: &'a str,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    unfolded: usize,
}

impl Builder<'_> {
    /// A tab before the first word of this line or of the next one.
    fn tab_in_indentation(&self, place: Place) -> Option<Place> {
        let lines = self.text.lines().enumerate().skip(place.line - 1).take(2);
        lines
            .filter_map(|(i, line)| {
                let blanks = line.chars().take_while(|c| c.is_whitespace());
                let column = blanks.collect::<Vec<_>>().iter().position(|c| *c == '\t')? + 1;
                Some(Place {
                    line: i + 1,
                    column,
                    ..place
                })
            })
            .next()
    }

    fn build(mut self) -> Result<Option<Node>, Diagnostic> {
        let mut root = None;
        for event in Parser::new_from_str(self.text) {
            let (event, span) = event.map_err(|error| {
                let mark = error.marker();
                let place = Place {
                    source: self.source,
                    line: mark.line().max(1),
                    column: mark.col() + 1,
                    length: 1,
                };
                // The parser stumbles at a tab, or at the end of the line before it.
                if let Some(tab) = self.tab_in_indentation(place) {
                    return self
                        .error(tab, "this is not YAML: a tab in the indentation")
                        .expected("YAML such as \"key: value\", indented by blanks");
                }
                // The parser looks ahead of what it has handed out.
                if error.info() == "recursion limit exceeded" {
                    return self.too_deep(place);
                }
                if let Some(open) = unclosed(self.text, place.line, place.column) {
                    let place = Place {
                        line: open.line,
                        column: open.column,
                        ..place
                    };
                    return self
                        .error(
                            place,
                            format!("what opens here with {} is not closed", open.opens),
                        )
                        .expected(format!("{} where it ends", open.closes()));
                }
                self.error(place, format!("this is not YAML: {}", error.info()))
                    .expected("YAML such as \"key: value\", indented by blanks")
            })?;
            let place = self.place(span);
            let done = match event {
                Event::Scalar(text, style, anchor, tag) => {
                    if tag.is_some() {
                        return Err(self
                            .error(place, "a YAML tag")
                            .expected("a plain value; scenarios use no tags"));
                    }
                    let mut place = place;
                    // A block of text spans lines; its first one is underlined.
                    place.length = place.length.min(text.chars().count().max(1) + 2);
                    let value = NodeValue::Scalar {
                        text: text.into_owned(),
                        plain: style == ScalarStyle::Plain,
                    };
                    let node = Node {
                        place,
                        value,
                        size: 1,
                        depth: 0,
                    };
                    self.keep(anchor, &node);
                    Some(node)
                }
                Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag)
                    if tag.is_some() =>
                {
                    let _ = anchor;
                    return Err(self
                        .error(place, "a YAML tag")
                        .expected("a plain value; scenarios use no tags"));
                }
                Event::SequenceStart(anchor, _) => {
                    self.begin(place, NodeValue::List(Vec::new()), anchor)?;
                    None
                }
                Event::MappingStart(anchor, _) => {
                    self.begin(place, NodeValue::Map(Vec::new()), anchor)?;
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                    Some(open) => {
                        let node = self.merged(open.node)?;
                        self.keep(open.anchor, &node);
                        Some(node)
                    }
                    None => None,
                },
                Event::Alias(anchor) => Some(self.unfold(anchor, place)?),
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(self
                        .error(place, "a second document begins here")
                        .expected("one document a file"));
                }
                _ => None,
            };
            if let Some(node) = done {
                match self.open.is_empty() {
                    true => root = Some(node),
                    false => self.put(node)?,
                }
            }
        }
        Ok(root)
    }

    fn begin(&mut self, place: Place, value: NodeValue, anchor: usize) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_deep(place));
        }
        let node = Node {
            place: Place { length: 1, ..place },
            value,
            size: 1,
            depth: 0,
        };
        self.open.push(Open {
            node,
            anchor,
            key: None,
        });
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node) -> Result<(), Diagnostic> {
        let Some(top) = self.open.last_mut() else {
            return Ok(());
        };
        top.node.size += node.size;
        top.node.depth = top.node.depth.max(node.depth + 1);
        match (&mut top.node.value, top.key.take()) {
            (NodeValue::List(items), _) => items.push(node),
            (NodeValue::Map(entries), Some(key)) => entries.push((key, node)),
            (NodeValue::Map(entries), None) => {
                let Some(name) = node.text() else {
                    return Err(self
                        .error(node.place, format!("{} as a key", node.describe()))
                        .expected("a word or a sentence as a key"));
                };
                if let Some((first, _)) = entries.iter().find(|(key, _)| key.text() == Some(name)) {
                    let found = format!(
                        "the key \"{name}\" stands here for the second time (first in line {})",
                        first.place.line
                    );
                    return Err(self.error(node.place, found).expected("each key once"));
                }
                top.key = Some(node);
            }
            (NodeValue::Scalar { .. }, _) => {}
        }
        Ok(())
    }

    /// A map with the key `<<` has what the map or maps under it have, where it does not say otherwise.
    fn merged(&self, mut node: Node) -> Result<Node, Diagnostic> {
        let NodeValue::Map(entries) = &mut node.value else {
            return Ok(node);
        };
        let is_merge = |(key, _): &(Node, Node)| matches!(&key.value, NodeValue::Scalar { text, plain: true } if text == "<<");
        let Some(at) = entries.iter().position(is_merge) else {
            return Ok(node);
        };
        let (_, under) = entries.remove(at);
        let maps = match under.value {
            NodeValue::List(items) => items,
            _ => vec![under],
        };
        for map in maps {
            let (place, described) = (map.place, map.describe());
            let NodeValue::Map(others) = map.value else {
                return Err(self
                    .error(place, format!("{described} under \"<<\""))
                    .expected("a map, or a list of maps, such as <<: *name"));
            };
            for (key, value) in others {
                if !entries.iter().any(|(known, _)| known.text() == key.text()) {
                    entries.push((key, value));
                }
            }
        }
        Ok(node)
    }

    /// A copy of what the anchor names, if that is not too much.
    fn unfold(&mut self, anchor: usize, place: Place) -> Result<Node, Diagnostic> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(self
                .error(place, "an alias inside of what it stands for")
                .expected("an alias of something that ends before it"));
        };
        if self.open.len() + node.depth > MAX_DEPTH {
            return Err(self.too_deep(place));
        }
        if self.unfolded + node.size > MAX_UNFOLDED {
            return Err(self
                .error(
                    place,
                    format!("aliases unfold into more than {MAX_UNFOLDED} values here"),
                )
                .expected("a document that is not larger than it looks"));
        }
        self.unfolded += node.size;
        Ok(node.clone())
    }

    fn keep(&mut self, anchor: usize, node: &Node) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
    }

    fn too_deep(&self, place: Place) -> Diagnostic {
        self.error(place, format!("nested deeper than {MAX_DEPTH} levels"))
            .expected(format!("at most {MAX_DEPTH} levels"))
    }

    fn error(&self, place: Place, found: impl Into<String>) -> Diagnostic {
        self.sources.error(place, found)
    }

    fn place(&self, span: Span) -> Place {
        Place {
            source: self.source,
            line: span.start.line().max(1),
            column: span.start.col() + 1,
            length: span.len().max(1),
        }
    }
}
