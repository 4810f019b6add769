//! What Connect's JsonConverter makes of objects and of bytes (CS9, CS11; classes JsonConverter and JsonSchema of
//! connect-json): JSON, by `schemas.enable` with its schema beside it in each message.
//!
//! Of its logical types Date, Time and Timestamp are the numbers that they are written as; Decimal is refused. A whole
//! number that no long holds is a double, and zeros before a number are refused, as for its plain JSON.

mod parse;
mod payload;

use super::places::{json_of, place_of};
use super::{Misfit, SchemaError, Unreadable, Value, json};

/// The envelope's two fields.
const SCHEMA: &str = "schema";
const PAYLOAD: &str = "payload";

/// The logical types that are there.
const DATE: &str = "org.apache.kafka.connect.data.Date";
const TIME: &str = "org.apache.kafka.connect.data.Time";
const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";
const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";

/// A schema as Connect has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connect {
    kind: Kind,
    optional: bool,
    name: Option<String>,
    version: Option<i64>,
    doc: Option<String>,
    parameters: Vec<(String, String)>,
    default: Option<Value>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Kind {
    Boolean,
    /// A whole number, and how many bits it has.
    Int(u32),
    Float,
    Double,
    Bytes,
    String,
    Array(Box<Connect>),
    Map(Box<Connect>, Box<Connect>),
    Struct(Vec<(String, Connect)>),
}

/// The kinds that need no more than their name.
const SCALARS: &[(&str, Kind)] = &[
    ("boolean", Kind::Boolean),
    ("int8", Kind::Int(8)),
    ("int16", Kind::Int(16)),
    ("int32", Kind::Int(32)),
    ("int64", Kind::Int(64)),
    ("float", Kind::Float),
    ("double", Kind::Double),
    ("bytes", Kind::Bytes),
    ("string", Kind::String),
];

impl Connect {
    /// A schema that a person wrote, as JSON.
    pub fn parse(text: &str) -> Result<Connect, SchemaError> {
        if text.trim().is_empty() {
            return Err(SchemaError::whole("an empty text")
                .expected("a schema of Connect's in JSON, such as {\"type\": \"string\"}"));
        }
        parse::schema(&json_of(text)?).map_err(|wrong| SchemaError {
            place: place_of(text, &wrong.path),
            ..wrong.error
        })
    }

    /// As JsonConverter writes it: its fields have an order of their own.
    fn to_json(&self) -> Value {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut fields = vec![("type", text(self.kind.name()))];
        match &self.kind {
            Kind::Array(items) => fields.push(("items", items.to_json())),
            Kind::Map(keys, values) => {
                fields.push(("keys", keys.to_json()));
                fields.push(("values", values.to_json()));
            }
            Kind::Struct(of) => {
                let field = |(name, schema): &(String, Connect)| {
                    let mut json = schema.to_json();
                    if let Value::Record(fields) = &mut json {
                        fields.push(("field".to_owned(), text(name)));
                    }
                    json
                };
                fields.push(("fields", Value::List(of.iter().map(field).collect())));
            }
            _ => {}
        }
        fields.push(("optional", Value::Boolean(self.optional)));
        fields.extend(self.name.as_deref().map(|name| ("name", text(name))));
        fields.extend(self.version.map(|it| ("version", Value::Whole(it))));
        fields.extend(self.doc.as_deref().map(|doc| ("doc", text(doc))));
        if !self.parameters.is_empty() {
            let parameters = self.parameters.iter();
            let parameters = parameters.map(|(name, value)| (name.clone(), text(value)));
            fields.push(("parameters", Value::Record(parameters.collect())));
        }
        fields.extend(self.default.clone().map(|default| ("default", default)));
        record(fields)
    }
}

impl Kind {
    fn name(&self) -> &'static str {
        let scalar = SCALARS.iter().find(|(_, kind)| kind == self);
        match self {
            Kind::Array(_) => "array",
            Kind::Map(..) => "map",
            Kind::Struct(_) => "struct",
            _ => scalar.map_or("", |(name, _)| name),
        }
    }
}

/// Bytes of an object; `None` is null, which without a schema is a tombstone, and with one is written as JSON.
pub fn write(
    schemas_enable: bool,
    schema: Option<&Connect>,
    value: &Value,
) -> Result<Option<Vec<u8>>, Misfit> {
    if schema.is_none() && *value == Value::Null {
        return Ok(None);
    }
    let payload = match schema {
        Some(schema) => payload::write(schema, value)?,
        None => value.clone(),
    };
    let document = match schemas_enable {
        true => {
            let schema = schema.map_or(Value::Null, Connect::to_json);
            record(vec![(SCHEMA, schema), (PAYLOAD, payload)])
        }
        false => payload,
    };
    Ok(Some(json::text(&document).into_bytes()))
}

/// The object that bytes stand for. Without an envelope every number is a long or a double, and every object a map.
pub fn read(schemas_enable: bool, bytes: &[u8]) -> Result<Value, Unreadable> {
    let is_empty = bytes.iter().all(u8::is_ascii_whitespace);
    let mut document = match is_empty {
        true => Value::Null,
        false => json::read(bytes)?,
    };
    if !schemas_enable {
        payload::add_zero(&mut document);
        return Ok(document);
    }
    let envelope = match &document {
        Value::Record(fields) if fields.len() == 2 => {
            document.field(SCHEMA).zip(document.field(PAYLOAD))
        }
        _ => None,
    };
    let Some((schema, payload)) = envelope else {
        let expected =
            "{\"schema\": ..., \"payload\": ...} and no other field, since schemas.enable is true";
        let found = match &document {
            _ if is_empty => "no JSON".to_owned(),
            Value::Record(fields) => {
                let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                match names[..] {
                    [] => "an object without fields".to_owned(),
                    _ => format!("an object with {}", names.join(", ")),
                }
            }
            other => other.kind().to_owned(),
        };
        return Err(Unreadable::new(expected, bytes).because(found));
    };
    if *schema == Value::Null {
        let mut payload = payload.clone();
        payload::add_zero(&mut payload);
        return Ok(payload);
    }
    let schema = parse::schema(schema).map_err(|wrong| {
        let at = match wrong.path.is_empty() {
            true => String::new(),
            false => format!(", at {}", wrong.path.join("/")),
        };
        Unreadable::new("a schema of Connect's in its field schema", bytes)
            .because(format!("{}{at}", wrong.error))
    })?;
    payload::read(&schema, payload)
        .map_err(|why| Unreadable::new("a payload as its schema says", bytes).because(why))
}

fn record(fields: Vec<(&str, Value)>) -> Value {
    let fields = fields.into_iter();
    Value::Record(
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}
