//! Kafka's settings in the schema: names, types, ranges, defaults, and what comes of each here.

use super::{plain, words_and_numbers};
use crate::protocol::config::{Effect, Key, Kind, Lack, Scope, meaning};
use crate::scenario::keys::in_any_case;
use serde_json::{Map, Value, json};

/// All settings of a scope.
pub(super) fn of(scope: Scope) -> Value {
    let mut properties = Map::new();
    for key in scope.all() {
        let mut schema = of_key(key);
        schema["description"] = json!(plain(&description(key)));
        properties.insert(key.name.into(), schema);
    }
    json!({
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": properties,
    })
}

fn of_key(key: &Key) -> Value {
    match key.effect {
        // Several are refused, one is taken.
        Effect::Changes {
            lack: Lack::LogDirectories,
            ..
        } => json!({"type": ["string", "number", "boolean"], "pattern": "^[^,]*$"}),
        Effect::Changes { as_here: [], .. } => json!({"not": {}, "doNotSuggest": true}),
        Effect::Changes { as_here, .. } => {
            let words = as_here.iter().map(|word| in_any_case(word));
            let pattern = format!("^ *({}) *$", words.collect::<Vec<_>>().join("|"));
            json!({"anyOf": [
                {"type": "string", "pattern": pattern},
                {"enum": words_and_numbers(as_here)},
            ]})
        }
        Effect::Modelled { .. } | Effect::Tunes => of_kind(key.kind),
    }
}

fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Number { least, most } => json!({
            "type": ["integer", "string"],
            "minimum": least,
            "maximum": most,
            "pattern": "^ *[+-]?[0-9]+ *$",
        }),
        Kind::GzipLevel => json!({
            "type": ["integer", "string"],
            "minimum": -1,
            "maximum": 9,
            "pattern": "^ *[+-]?[0-9]+ *$",
        }),
        Kind::Decimal => json!({
            "type": ["number", "string"],
            "minimum": 0,
            "pattern": r"^ *[0-9]+(\.[0-9]*)? *$",
        }),
        Kind::Boolean => json!({"anyOf": [
            {"type": "boolean"},
            {"type": "string", "pattern": format!("^ *({}|{}) *$", in_any_case("true"), in_any_case("false"))},
        ]}),
        Kind::OneOf(choices) => json!({"anyOf": [
            {"enum": words_and_numbers(choices)},
            {"type": "string", "pattern": format!("^ *({}) *$", either(choices))},
        ]}),
        Kind::ListOf(choices) => json!({
            "type": "string",
            "pattern": format!("^ *({0})( *, *({0}))* *$", either(choices)),
        }),
        Kind::List | Kind::Serializer | Kind::Deserializer | Kind::Charset | Kind::Text => {
            json!({"type": ["string", "number", "boolean"]})
        }
    }
}

fn either(choices: &[&str]) -> String {
    let choices = choices.iter().map(|choice| crate::plan::escaped(choice));
    choices.collect::<Vec<_>>().join("|")
}

fn description(key: &Key) -> String {
    let mut expected = format!("Takes {}.", key.kind);
    if let Some(meaning) = meaning(key.name) {
        expected = format!("{meaning}\n\n{expected}");
    }
    match key.effect {
        Effect::Modelled { default: "" } => expected,
        Effect::Modelled { default } => format!("{expected}\n\nUnless said: `{default}`."),
        Effect::Tunes => {
            format!("{expected}\n\nNot modelled: it changes nothing here, and a warning says so.")
        }
        Effect::Changes { lack, as_here } => {
            let values = as_here.iter().filter(|value| !value.is_empty());
            let values: Vec<String> = values.map(|value| format!("`{value}`")).collect();
            match values[..] {
                [] => format!("Refused: {lack}."),
                _ => format!("Refused, but for {}: {lack}.", values.join(", ")),
            }
        }
    }
}
