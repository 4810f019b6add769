//! Sentences in the schema: an alternative for each template, with what it means.

use super::{plain, reference};
use crate::plan::{Expectation, Moment, Role, Sentence};
use serde_json::{Map, Value, json};

/// A leading "the" is allowed, as the reader has it.
pub(super) fn roles() -> Value {
    any_of(alternatives::<Role>("(the )?"))
}

pub(super) fn moments() -> Value {
    any_of(alternatives::<Moment>(""))
}

/// What must hold, in words alone.
pub(super) fn sentences() -> Value {
    any_of(alternatives::<Expectation>(""))
}

/// A sentence as a text; one under `that` with what bounds it; or, where it has a colon, as a key and its value.
pub(super) fn expectations() -> Value {
    let mut forms = vec![reference("sentence")];
    let bounds = |first: Option<(&str, Value)>| {
        let mut properties = Map::new();
        for (key, says) in [
            (
                "from",
                "it is about the run from this time on; unless said: from the start",
            ),
            (
                "until",
                "it is about the run up to this time; unless said: to the end",
            ),
        ] {
            let mut time = reference("time");
            time["description"] = json!(says);
            properties.insert(key.into(), time);
        }
        let because = json!({
            "type": ["string", "number", "boolean"],
            "description": "for the reader: why this is to be expected",
        });
        properties.insert("because".into(), because);
        properties.extend(first.map(|(key, value)| (key.to_string(), value)));
        Value::Object(properties)
    };
    forms.push(json!({
        "type": "object",
        "required": ["that"],
        "additionalProperties": false,
        "properties": bounds(Some(("that", reference("sentence")))),
    }));
    forms.push(json!({
        "type": "object",
        "additionalProperties": false,
        "properties": bounds(None),
        "patternProperties": counted(),
        "minProperties": 1,
    }));
    any_of(forms)
}

/// Sentences with a colon: what stands before it, and what after it.
fn counted() -> Map<String, Value> {
    let mut properties = Map::new();
    let all = Expectation::TEMPLATES.iter().zip(Expectation::patterns());
    for ((template, meaning), pattern) in all {
        let Some((head, tail)) = pattern.rsplit_once(": ") else {
            continue;
        };
        let value = json!({
            "type": ["string", "integer"],
            "minimum": 0,
            "pattern": format!("^{tail}$"),
            "patternErrorMessage": "expected a number such as 3, at least 3 or at most 3; of a latency a time such as 10ms",
            "description": plain(&format!("{template}\n\n{}", meaning.trim())),
        });
        properties.insert(format!("^{head}$"), value);
    }
    // What ZooKeeper is asked, and answers, may have a colon anywhere.
    let text = json!({"type": ["string", "number", "boolean"]});
    properties.insert("^[^ ]+ asks ".into(), text);
    properties
}

fn alternatives<T: Sentence>(before: &str) -> Vec<Value> {
    let all = T::TEMPLATES.iter().zip(T::patterns());
    let each = all.map(|((template, meaning), pattern)| {
        json!({
            "type": "string",
            "pattern": format!("^{before}{pattern}$"),
            "patternErrorMessage": format!("this is not {} that trial knows: \"trial sentences\" lists all", T::WHAT),
            "description": plain(&format!("{template}\n\n{}", meaning.trim())),
            "defaultSnippets": [{"label": template, "body": snippet(template)}],
        })
    });
    each.collect()
}

/// A template as editors write it, which go from slot to slot.
fn snippet(template: &str) -> String {
    let mut parts = template.split('{');
    let mut snippet = parts.next().unwrap_or_default().to_string();
    for (number, part) in (1..).zip(parts) {
        snippet += &format!("${{{number}:{part}");
    }
    snippet
}

fn any_of(forms: Vec<Value>) -> Value {
    json!({"anyOf": forms})
}
