//! Reads a schema from its JSON, from a message or from a scenario (CS11). What it does not know is not looked at, as
//! in Connect.

use super::{Connect, DECIMAL, Kind, SCALARS, payload};
use crate::serialization::{SchemaError, Value};

/// Deepest nesting of types.
const DEEPEST: usize = 64;

/// No schema, and where: keys and numbers of items.
pub(super) struct Wrong {
    pub(super) path: Vec<String>,
    pub(super) error: SchemaError,
}

/// What is said of a part of a schema.
fn wrong(what: impl Into<String>, expected: &str) -> Wrong {
    Wrong {
        path: Vec::new(),
        error: SchemaError::whole(what).expected(expected),
    }
}

impl Wrong {
    fn below(mut self, part: impl ToString) -> Wrong {
        self.path.insert(0, part.to_string());
        self
    }
}

pub(super) fn schema(json: &Value) -> Result<Connect, Wrong> {
    at_depth(json, 0)
}

fn at_depth(json: &Value, depth: usize) -> Result<Connect, Wrong> {
    if depth > DEEPEST {
        return Err(wrong(
            format!("types nested deeper than {DEEPEST}"),
            "less depth",
        ));
    }
    let said = json.field("type");
    let Some(Value::Text(name)) = said else {
        let what = match (json, said) {
            (_, Some(other)) => format!("{} as its type", other.kind()),
            (Value::Record(_), None) => "no type".to_owned(),
            (other, None) => format!("{} where a schema should be", other.kind()),
        };
        return Err(wrong(
            what,
            "an object with \"type\", such as {\"type\": \"string\"}",
        ));
    };
    let kind = kind(name, json, depth)?;
    let text = |key| match json.field(key) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let mut schema = Connect {
        kind,
        optional: json.field("optional") == Some(&Value::Boolean(true)),
        name: text("name"),
        version: match json.field("version") {
            Some(Value::Whole(version)) => Some((*version as i32).into()),
            _ => None,
        },
        doc: text("doc"),
        parameters: parameters(json)?,
        default: None,
    };
    if schema.name.as_deref() == Some(DECIMAL) {
        let error = wrong("Connect's Decimal, which is not modelled", "another type");
        return Err(error.below("name"));
    }
    if let Some(default) = json.field("default") {
        let read = match schema.kind {
            // JsonConverter compares a finished schema with one that is being built: they are never equal.
            Kind::Struct(_) => Err("JsonConverter reads none of a struct".to_owned()),
            _ => payload::read_valid(&schema, Some(default)),
        };
        let read = read.map_err(|why| {
            let what = format!("a default that is none: {why}");
            wrong(what, "a value of the type, or no default").below("default")
        })?;
        schema.default = (read != Value::Null).then_some(read);
    }
    Ok(schema)
}

fn kind(name: &str, json: &Value, depth: usize) -> Result<Kind, Wrong> {
    if let Some((_, kind)) = SCALARS.iter().find(|(known, _)| *known == name) {
        return Ok(kind.clone());
    }
    let part = |key: &str| match json.field(key) {
        None | Some(Value::Null) => Err(wrong(
            format!("type \"{name}\" without \"{key}\""),
            "a schema there, such as {\"type\": \"string\"}",
        )),
        Some(part) => at_depth(part, depth + 1)
            .map(Box::new)
            .map_err(|wrong| wrong.below(key)),
    };
    Ok(match name {
        "array" => Kind::Array(part("items")?),
        "map" => Kind::Map(part("keys")?, part("values")?),
        "struct" => Kind::Struct(fields(json, depth)?),
        _ => {
            let known = SCALARS.iter().map(|(known, _)| *known);
            let known: Vec<&str> = known.chain(["array", "map"]).collect();
            return Err(wrong(
                format!("an unknown type \"{name}\""),
                &format!("one of {} or struct", known.join(", ")),
            )
            .below("type"));
        }
    })
}

fn fields(json: &Value, depth: usize) -> Result<Vec<(String, Connect)>, Wrong> {
    let Some(Value::List(said)) = json.field("fields") else {
        return Err(wrong(
            "a struct without a list of its fields",
            "\"fields\": [{\"field\": \"truck\", \"type\": \"string\"}]",
        ));
    };
    let mut fields: Vec<(String, Connect)> = Vec::new();
    for (i, field) in said.iter().enumerate() {
        let here = |wrong: Wrong| wrong.below(i).below("fields");
        let name = match field.field("field") {
            Some(Value::Text(name)) if !name.is_empty() => name,
            _ => {
                return Err(here(wrong(
                    "a field without a name",
                    "\"field\" with its name beside its \"type\"",
                )));
            }
        };
        if fields.iter().any(|(known, _)| known == name) {
            let again = wrong(format!("a second field \"{name}\""), "each name once");
            return Err(here(again.below("field")));
        }
        let schema = at_depth(field, depth + 1).map_err(here)?;
        fields.push((name.clone(), schema));
    }
    Ok(fields)
}

fn parameters(json: &Value) -> Result<Vec<(String, String)>, Wrong> {
    let Some(Value::Record(said)) = json.field("parameters") else {
        return Ok(Vec::new());
    };
    let text = |(name, value): &(String, Value)| match value {
        Value::Text(text) => Ok((name.clone(), text.clone())),
        other => Err(wrong(
            format!("a parameter that is {}", other.kind()),
            "text: parameters of a schema have no other values",
        )
        .below(name)
        .below("parameters")),
    };
    said.iter().map(text).collect()
}
