//! Payloads by their schemas. Who writes is held to the schema; who reads takes Jackson's word for what JSON is of
//! another kind: no number is 0, no boolean false, too large a number its last bits, no text null (CS9).

use super::{Connect, DATE, Kind, TIME, TIMESTAMP};
use crate::serialization::jackson::from_base64;
use crate::serialization::primitive::{as_double, as_float};
use crate::serialization::value::{Double, Float};
use crate::serialization::{Misfit, Value};

const DAY_MS: i64 = 86_400_000;

/// A payload's JSON.
pub(super) fn write(schema: &Connect, value: &Value) -> Result<Value, Misfit> {
    let misfit = || {
        let wants = schema.describe();
        Misfit(format!(
            "the schema wants {wants}, not {}: {value}",
            value.kind()
        ))
    };
    Ok(match (&schema.kind, value) {
        (_, Value::Null) => match &schema.default {
            Some(default) => write(schema, default)?,
            None if schema.optional => Value::Null,
            None => return Err(Misfit(format!("the schema wants {}", schema.describe()))),
        },
        (_, value) if schema.is_logical() => match value {
            Value::Whole(number) if schema.is_in_range(*number) => value.clone(),
            _ => return Err(misfit()),
        },
        (Kind::Int(bits), Value::Whole(number)) if wrapped(*number, *bits) == *number => {
            value.clone()
        }
        (Kind::Float, number) => Value::Float(as_float(number).ok_or_else(misfit)?),
        (Kind::Double, number) => Value::Double(as_double(number).ok_or_else(misfit)?),
        (Kind::Boolean, Value::Boolean(_))
        | (Kind::Bytes, Value::Bytes(_))
        | (Kind::String, Value::Text(_)) => value.clone(),
        (Kind::Array(of), Value::List(items)) => {
            let items: Result<_, _> = items.iter().map(|item| write(of, item)).collect();
            Value::List(items?)
        }
        (Kind::Map(keys, values), Value::Record(entries)) if keys.kind == Kind::String => {
            let entry = |(key, value): &(String, Value)| Ok((key.clone(), write(values, value)?));
            let entries: Result<_, _> = entries.iter().map(entry).collect();
            Value::Record(entries?)
        }
        // With other keys than text it is a list of pairs, for the application too.
        (Kind::Map(keys, values), Value::List(entries)) if keys.kind != Kind::String => {
            let pair = |entry: &Value| match entry {
                Value::List(pair) if pair.len() == 2 => Ok(Value::List(vec![
                    write(keys, &pair[0])?,
                    write(values, &pair[1])?,
                ])),
                _ => Err(misfit()),
            };
            let entries: Result<_, _> = entries.iter().map(pair).collect();
            Value::List(entries?)
        }
        (Kind::Struct(fields), Value::Record(said)) => {
            let is_field = |name: &str| fields.iter().any(|(field, _)| field == name);
            if let Some((name, _)) = said.iter().find(|(name, _)| !is_field(name)) {
                return Err(Misfit(format!("the schema has no field {name}")));
            }
            let mut written = Vec::new();
            for (name, schema) in fields {
                let said = value.field(name).unwrap_or(&Value::Null);
                let field = write(schema, said)
                    .map_err(|misfit| Misfit(format!("field {name}: {misfit}")))?;
                written.push((name.clone(), field));
            }
            Value::Record(written)
        }
        _ => return Err(misfit()),
    })
}

/// The object that a payload's JSON stands for.
pub(super) fn read(schema: &Connect, json: &Value) -> Result<Value, String> {
    read_there(schema, Some(json))
}

/// Likewise, where null counts that was made of something else: in a struct's field, and as a default.
pub(super) fn read_valid(schema: &Connect, json: Option<&Value>) -> Result<Value, String> {
    let value = read_there(schema, json)?;
    validate(schema, &value)?;
    Ok(value)
}

/// Java's -0.0 is 0.0 after it was read: JsonConverter's numbers are decimals in between.
pub(super) fn add_zero(value: &mut Value) {
    match value {
        Value::Double(number) => *number = Double::new(number.get() + 0.0),
        Value::List(items) => items.iter_mut().for_each(add_zero),
        Value::Record(fields) => fields.iter_mut().for_each(|(_, value)| add_zero(value)),
        _ => {}
    }
}

fn read_there(schema: &Connect, json: Option<&Value>) -> Result<Value, String> {
    let json = match json {
        None | Some(Value::Null) => {
            return match &schema.default {
                Some(default) => Ok(default.clone()),
                None if schema.optional => Ok(Value::Null),
                None => Err(format!("null, and {} is required", schema.describe())),
            };
        }
        Some(json) => json,
    };
    if schema.is_logical() {
        return match json {
            Value::Whole(number) if schema.is_in_range(*number) => Ok(json.clone()),
            other => Err(format!("{}: {other}", schema.describe())),
        };
    }
    Ok(match &schema.kind {
        Kind::Boolean => Value::Boolean(*json == Value::Boolean(true)),
        Kind::Int(bits) => Value::Whole(wrapped(whole(json), *bits)),
        Kind::Float => {
            Value::Float(as_float(json).map_or(Float::new(0.0), |it| Float::new(it.get() + 0.0)))
        }
        Kind::Double => Value::Double(
            as_double(json).map_or(Double::new(0.0), |it| Double::new(it.get() + 0.0)),
        ),
        Kind::Bytes => match json {
            Value::Text(text) => match from_base64(text) {
                Some(bytes) => Value::Bytes(bytes),
                None => return Err(format!("no bytes in Base64: {text}")),
            },
            _ => Value::Null,
        },
        Kind::String => match json {
            Value::Text(_) => json.clone(),
            _ => Value::Null,
        },
        Kind::Array(of) => {
            let items: Result<_, String> = items(json).map(|item| read(of, item)).collect();
            Value::List(items?)
        }
        Kind::Map(keys, values) if keys.kind == Kind::String => {
            let Value::Record(entries) = json else {
                return Err(format!("{}, not the object that a map is", json.kind()));
            };
            let entry = |(key, value): &(String, Value)| Ok((key.clone(), read(values, value)?));
            let entries: Result<_, String> = entries.iter().map(entry).collect();
            Value::Record(entries?)
        }
        Kind::Map(keys, values) => {
            let Value::List(entries) = json else {
                return Err(format!("{}, not the list that this map is", json.kind()));
            };
            let mut read_entries: Vec<Value> = Vec::new();
            for entry in entries {
                let Value::List(pair) = entry else {
                    return Err(format!("{} as an entry of a map", entry.kind()));
                };
                let [key, value] = &pair[..] else {
                    return Err(format!("an entry of a map with {} items", pair.len()));
                };
                let pair = vec![read(keys, key)?, read(values, value)?];
                read_entries.push(Value::List(pair));
            }
            Value::List(read_entries)
        }
        Kind::Struct(fields) => {
            if !matches!(json, Value::Record(_)) {
                return Err(format!("{}, not the object that a struct is", json.kind()));
            }
            let mut read = Vec::new();
            for (name, schema) in fields {
                let field = read_valid(schema, json.field(name))
                    .map_err(|why| format!("field {name}: {why}"))?;
                read.push((name.clone(), field));
            }
            Value::Record(read)
        }
    })
}

/// Structs were validated when they were read.
fn validate(schema: &Connect, value: &Value) -> Result<(), String> {
    match (&schema.kind, value) {
        (_, Value::Null) if !schema.optional => {
            Err(format!("null, and {} is required", schema.describe()))
        }
        (Kind::Array(of), Value::List(items)) => {
            items.iter().try_for_each(|item| validate(of, item))
        }
        (Kind::Map(_, values), Value::Record(entries)) => entries
            .iter()
            .try_for_each(|(_, value)| validate(values, value)),
        (Kind::Map(keys, values), Value::List(entries)) => {
            entries.iter().try_for_each(|pair| match pair {
                Value::List(pair) if pair.len() == 2 => {
                    validate(keys, &pair[0]).and_then(|()| validate(values, &pair[1]))
                }
                _ => Ok(()),
            })
        }
        _ => Ok(()),
    }
}

/// Jackson's `longValue`: of a number with a fraction what stands before the point, of what is no number 0.
fn whole(json: &Value) -> i64 {
    match json {
        Value::Whole(number) => *number,
        Value::Double(number) => number.get() as i128 as i64,
        _ => 0,
    }
}

/// The last bits of a number, as a cast in Java leaves them.
fn wrapped(number: i64, bits: u32) -> i64 {
    number << (64 - bits) >> (64 - bits)
}

/// What Jackson iterates over.
fn items(json: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match json {
        Value::List(items) => Box::new(items.iter()),
        Value::Record(fields) => Box::new(fields.iter().map(|(_, value)| value)),
        _ => Box::new(std::iter::empty()),
    }
}

impl Connect {
    fn is_logical(&self) -> bool {
        matches!(self.name.as_deref(), Some(DATE | TIME | TIMESTAMP))
    }

    fn is_in_range(&self, number: i64) -> bool {
        match self.name.as_deref() {
            Some(DATE) => i32::try_from(number).is_ok(),
            Some(TIME) => (0..=DAY_MS).contains(&number),
            _ => true,
        }
    }

    /// A type as a message names it.
    fn describe(&self) -> String {
        match self.name.as_deref() {
            Some(DATE) => "a whole number of days for a Date".to_owned(),
            Some(TIME) => "milliseconds of a day, 0 to 86400000, for a Time".to_owned(),
            Some(TIMESTAMP) => "a whole number of milliseconds for a Timestamp".to_owned(),
            _ => self.kind.name().to_owned(),
        }
    }
}
