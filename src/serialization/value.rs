//! An application's object, before it is bytes and after.

use super::java_number::{double_text, float_text};
use super::json;
use std::fmt;

/// What an application hands to a serializer and gets from a deserializer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    Null,
    Boolean(bool),
    Whole(i64),
    Float(Float),
    Double(Double),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    /// Names and values, in the object's own order.
    Record(Vec<(String, Value)>),
}

impl Value {
    /// What kind of object it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Whole(_) => "a whole number",
            Value::Float(_) | Value::Double(_) => "a number with a fraction",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "a list",
            Value::Record(_) => "a record",
        }
    }

    /// The value of a record's field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Record(fields) => {
                let found = fields.iter().find(|(field, _)| field == name);
                found.map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

/// Text as it is, everything else as JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            other => f.write_str(&json::text(other)),
        }
    }
}

/// A double by its bits, so that values compare as bytes do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Double(u64);

impl Double {
    pub fn new(value: f64) -> Double {
        Double(value.to_bits())
    }

    /// `millionths` divided by a million: the nearest double, since both are exact.
    pub fn from_millionths(millionths: i32) -> Double {
        Double::new(f64::from(millionths) / 1e6)
    }

    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl fmt::Display for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&double_text(self.get()))
    }
}

/// A float by its bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Float(u32);

impl Float {
    pub fn new(value: f32) -> Float {
        Float(value.to_bits())
    }

    pub fn get(self) -> f32 {
        f32::from_bits(self.0)
    }
}

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&float_text(self.get()))
    }
}
