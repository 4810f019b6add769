//! JSON as Connect's JsonSerializer and JsonDeserializer have it (Jackson's tree, compact; CS10).

use super::jackson::{base64, write_json_string};
use super::value::{Double, Value};
use super::{Unreadable, java_number};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt::{self, Write};

/// A value as compact JSON. Bytes become Base64, what is not a number its name in quotes.
pub fn text(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

/// Reads one value; what follows it is not looked at.
pub fn read(bytes: &[u8]) -> Result<Value, Unreadable> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    Value::deserialize(&mut json).map_err(|error| {
        let place = format!("wrong at byte {}", error.column());
        Unreadable::new("JSON", bytes).because(place)
    })
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Whole(number) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => write_number(out, &java_number::float_text(number.get())),
        Value::Double(number) => write_number(out, &java_number::double_text(number.get())),
        Value::Text(text) => write_json_string(out, text),
        Value::Bytes(bytes) => write_json_string(out, &base64(bytes)),
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Value::Record(fields) => {
            out.push('{');
            for (i, (name, field)) in fields.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_json_string(out, name);
                out.push(':');
                write(out, field);
            }
            out.push('}');
        }
    }
}

fn write_number(out: &mut String, text: &str) {
    match text.ends_with(|c: char| c.is_ascii_digit()) {
        true => out.push_str(text),
        false => write_json_string(out, text),
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Boolean(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Whole(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                let whole = i64::try_from(value).map(Value::Whole);
                Ok(whole.unwrap_or(Value::Double(Double::new(value as f64))))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Double(Double::new(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Value::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
                let mut fields: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = entries.next_entry::<String, Value>()? {
                    // The last of two of one name counts.
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => *known = value,
                        None => fields.push((name, value)),
                    }
                }
                Ok(Value::Record(fields))
            }
        }
        deserializer.deserialize_any(AnyValue)
    }
}
