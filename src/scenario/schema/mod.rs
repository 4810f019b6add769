//! A JSON Schema (draft 7) of scenario files, made of the rooms and keys of `keys`, the tables of sentences and
//! Kafka's settings: editors that know it complete keys, show what each says and mark what cannot be read.
//!
//! It may take what the reader refuses (what a name means is not its business), and never refuses what the reader
//! takes. May not know of any one scenario.

mod sentences;
mod settings;

use super::keys::{Form, Key, ROOMS, Room, SCENARIO, SETTINGS};
use crate::plan::{MISCONCEPTIONS, duration_pattern, size_pattern};
use serde_json::{Map, Value, json};

/// The whole schema.
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    for room in ROOMS {
        definitions.insert(name_of(room.title), of_room(room));
    }
    for (scope, title, _) in SETTINGS {
        definitions.insert(name_of(title), settings::of(scope));
    }
    definitions.insert(
        "time".into(),
        text_like(
            &duration_pattern(),
            "a time with its unit, such as 30s, 1500ms or 2m",
        ),
    );
    definitions.insert(
        "size".into(),
        text_like(
            &size_pattern(),
            "a size with its unit, such as 100B, 64KiB or 1MiB",
        ),
    );
    definitions.insert("role".into(), sentences::roles());
    definitions.insert("moment".into(), sentences::moments());
    definitions.insert("sentence".into(), sentences::sentences());
    definitions.insert("expectation".into(), sentences::expectations());
    definitions.insert("misconception".into(), misconceptions());
    let mut schema = of_room(&SCENARIO);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    // A title would stand above every word that an editor shows.
    schema["$comment"] = json!("Printed by: trial schema");
    schema["definitions"] = Value::Object(definitions);
    schema
}

/// A title as the name of a definition.
fn name_of(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn reference(title: &str) -> Value {
    json!({"$ref": format!("#/definitions/{}", name_of(title))})
}

fn of_room(room: &Room) -> Value {
    let mut properties = Map::new();
    let mut dependencies = Map::new();
    for key in room.keys {
        let mut schema = of_form(&key.form);
        schema["description"] = json!(description(key));
        properties.insert(key.name.into(), schema);
        if !key.needs.is_empty() {
            dependencies.insert(key.name.into(), json!(key.needs));
        } else if !key.beside.is_empty() {
            dependencies.insert(key.name.into(), json!({"anyOf": each_required(key.beside)}));
        }
    }
    let required = room.keys.iter().filter(|key| key.unless.is_none());
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    let required: Vec<&str> = required.map(|key| key.name).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !dependencies.is_empty() {
        schema["dependencies"] = Value::Object(dependencies);
    }
    let one_of = room.exactly_one.iter();
    let one_of: Vec<Value> = one_of
        .map(|set| json!({"oneOf": each_required(set)}))
        .collect();
    if !one_of.is_empty() {
        schema["allOf"] = json!(one_of);
    }
    schema
}

fn each_required(keys: &[&str]) -> Vec<Value> {
    keys.iter().map(|key| json!({"required": [key]})).collect()
}

/// What an editor shows of a key.
fn description(key: &Key) -> String {
    let mut text = plain(key.says);
    let mut say = |part: String| text += &format!("\n\n{part}");
    say(format!("Takes {}.", plain(&key.form.words())));
    match key.unless {
        None => say("Must be said.".into()),
        Some("") => {}
        Some(unless) => say(format!("Unless said: {}.", plain(unless))),
    }
    if !key.beside.is_empty() {
        say(format!("Goes with {}.", key.beside.join(", ")));
    }
    if !key.needs.is_empty() {
        say(format!("Wants {} beside it.", key.needs.join(", ")));
    }
    text
}

/// Markdown as plain text: editors show descriptions as they are, and cannot follow links.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let (head, shown) = before.rsplit_once('[').unwrap_or((before, ""));
        plain += head;
        plain += shown;
        rest = after.split_once(')').map_or("", |(_, tail)| tail);
    }
    (plain + rest).replace('`', "")
}

/// A text of this pattern; otherwise the editor says what was expected.
fn text_like(pattern: &str, expected: &str) -> Value {
    json!({
        "type": "string",
        "pattern": format!("^({pattern})$"),
        "patternErrorMessage": format!("expected {}", expected.replace('`', "")),
    })
}

fn of_form(form: &Form) -> Value {
    match form {
        Form::Text => json!({"type": ["string", "number", "boolean"]}),
        Form::Whole { least, most } => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        Form::Truth => json!({"type": "boolean"}),
        Form::Time => reference("time"),
        Form::SignedTime => text_like(
            &format!("-?{}", duration_pattern()),
            "a time that may be negative, such as 50ms, -2s or -600d",
        ),
        Form::Size => reference("size"),
        Form::Rate => text_like(
            &format!("{}/s", size_pattern()),
            "a size a second, such as 64KiB/s or 125MB/s",
        ),
        Form::Percent => text_like(
            "0*([0-9]{1,2}|100) *%",
            "a whole percentage from 0% to 100%",
        ),
        Form::Null => json!({"type": "null"}),
        Form::Words(words) => json!({"enum": words_and_numbers(words)}),
        Form::Rule(rule) => {
            let others = rule.others.iter().map(|(name, _)| *name);
            let values: Vec<&str> = [rule.now].into_iter().chain(others).collect();
            json!({ "enum": values })
        }
        Form::Written(written) => {
            let mut schema = text_like(&(written.pattern)(), written.words);
            if written.may_be_number {
                schema["type"] = json!(["string", "integer"]);
                schema["minimum"] = json!(0);
            }
            schema
        }
        Form::Role => reference("role"),
        Form::Moment => reference("moment"),
        Form::Expected => reference("expectation"),
        Form::Misconception => reference("misconception"),
        Form::Settings(scope) => {
            let found = SETTINGS.iter().find(|(it, ..)| it == scope);
            reference(found.map_or("", |(_, title, _)| title))
        }
        Form::Map(room) => reference(room.title),
        Form::Choice(names, form) => {
            let mut schema = of_form(&Form::Names(Some(names), form));
            schema["minProperties"] = json!(2);
            schema
        }
        Form::Names(names, form) => {
            let mut schema = json!({
                // A key with nothing behind it is a map of nothing.
                "type": ["object", "null"],
                "additionalProperties": of_form(form),
            });
            if let Some(names) = names {
                schema["propertyNames"] = json!({"pattern": format!("^({})$", (names.pattern)())});
            }
            schema
        }
        Form::List(form) => json!({"type": "array", "items": of_form(form)}),
        Form::Some(form) => json!({"type": "array", "items": of_form(form), "minItems": 1}),
        Form::Pair(form) => {
            json!({"type": "array", "items": of_form(form), "minItems": 2, "maxItems": 2})
        }
        Form::OneOrMany(form) => {
            let one = of_form(form);
            json!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})
        }
        Form::AnyOf(forms) => json!({"anyOf": forms.iter().map(of_form).collect::<Vec<_>>()}),
    }
}

/// Words, and those of them that YAML takes for numbers or truth values as such.
fn words_and_numbers(words: &[&str]) -> Vec<Value> {
    let mut values: Vec<Value> = words.iter().map(|word| json!(word)).collect();
    for word in words {
        if let Ok(number) = word.parse::<i64>() {
            values.push(json!(number));
        } else if let Ok(number) = word.parse::<f64>() {
            values.push(json!(number));
        } else if let Ok(truth) = word.parse::<bool>() {
            values.push(json!(truth));
        }
    }
    values
}

fn misconceptions() -> Value {
    let each = MISCONCEPTIONS.iter();
    let each = each.map(|(name, explained)| json!({"const": name, "description": explained}));
    json!({"oneOf": each.collect::<Vec<_>>()})
}
