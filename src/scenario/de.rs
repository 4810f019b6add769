//! Serde over the document's index: whatever serde finds wrong is said with its place.
//!
//! Text is only interpreted as what the receiving type asks for, so that `007`, `1e3` or `yes` stay what
//! was written wherever Kafka's configuration takes text.

use super::node::{Node, NodeValue};
use super::source::Place;
use super::unknown::unknown;
use crate::protocol::config::nearest;
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

/// What is wrong, and where.
#[derive(Clone, Debug)]
pub(super) struct Error {
    pub(super) place: Option<Place>,
    pub(super) found: String,
    pub(super) expected: Option<String>,
    pub(super) suggestion: Option<String>,
}

/// Separates what was found from what was expected in the messages of our own `Deserialize` impls.
const SPLIT: char = '\u{1f}';

/// A message for `serde::de::Error::custom` that keeps the two apart.
pub(super) fn mismatch(found: impl fmt::Display, expected: impl fmt::Display) -> String {
    format!("{found}{SPLIT}{expected}")
}

impl Error {
    fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let mut parts = message.split(SPLIT).map(str::to_string);
        Error {
            place: None,
            found: parts.next().unwrap_or_default(),
            expected: parts.next(),
            suggestion: parts.next(),
        }
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match unexpected {
            de::Unexpected::Map => "a map".to_string(),
            de::Unexpected::Seq => "a list".to_string(),
            de::Unexpected::Unit | de::Unexpected::Option => "nothing".to_string(),
            de::Unexpected::Str(text) => format!("\"{text}\""),
            de::Unexpected::Unsigned(number) => number.to_string(),
            de::Unexpected::Signed(number) => number.to_string(),
            de::Unexpected::Bool(truth) => format!("\"{truth}\""),
            other => other.to_string(),
        };
        let expected = match expected.to_string().as_str() {
            "u32" => format!("a whole number from 0 to {}", u32::MAX),
            "a string" => "a text".to_string(),
            "a sequence" => "a list".to_string(),
            other => other.to_string(),
        };
        Self::custom(mismatch(found, expected))
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let said = unknown(field, expected);
        Error {
            place: None,
            found: said.found,
            expected: Some(said.expected),
            suggestion: said.suggestion,
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Error {
            place: None,
            found: format!("\"{variant}\""),
            expected: Some(format!("one of {}", expected.join(", "))),
            suggestion: nearest(variant, expected.iter().copied())
                .map(|word| format!("\"{word}\"")),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(mismatch(
            format_args!("the key \"{field}\" is missing here"),
            format_args!("\"{field}: ...\""),
        ))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)
    }
}

impl std::error::Error for Error {}

macro_rules! numbers {
    ($($method:ident: $type:ty, $visit:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = match &self.value {
                NodeValue::Scalar { text, plain: true } => text.parse::<$type>().ok(),
                _ => None,
            };
            let Some(number) = number else {
                let expected = match (<$type>::MIN, <$type>::MAX) {
                    (0, _) if self.text().is_some_and(|text| text.starts_with('-')) => "a whole number that is not negative".to_string(),
                    (least, most) if self.text().is_some_and(|text| text.parse::<i128>().is_ok()) => {
                        format!("a whole number from {least} to {most}")
                    }
                    _ => "a whole number".to_string(),
                };
                return Err(self.mismatch(expected));
            };
            visitor.$visit(number).map_err(|error: Error| error.at(self.place))
        })*
    };
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.value {
            NodeValue::List(items) => visitor.visit_seq(Items(items.iter())),
            NodeValue::Map(entries) => visitor.visit_map(Entries {
                rest: entries.iter(),
                value: None,
            }),
            NodeValue::Scalar { text, .. } if text.is_empty() && self.is_null() => {
                visitor.visit_none()
            }
            NodeValue::Scalar { .. } if self.is_null() => visitor.visit_unit(),
            NodeValue::Scalar { text, plain } => {
                if let (true, Ok(number)) = (plain, text.parse::<u64>()) {
                    visitor.visit_u64(number)
                } else if let (true, Ok(number)) = (plain, text.parse::<i64>()) {
                    visitor.visit_i64(number)
                } else if let (true, Ok(truth)) = (plain, text.parse::<bool>()) {
                    visitor.visit_bool(truth)
                } else {
                    visitor.visit_borrowed_str(text)
                }
            }
        };
        result.map_err(|error: Error| error.at(self.place))
    }

    numbers! {
        deserialize_u8: u8, visit_u8;
        deserialize_u16: u16, visit_u16;
        deserialize_u32: u32, visit_u32;
        deserialize_u64: u64, visit_u64;
        deserialize_i8: i8, visit_i8;
        deserialize_i16: i16, visit_i16;
        deserialize_i32: i32, visit_i32;
        deserialize_i64: i64, visit_i64;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            NodeValue::Scalar { text, plain: true } if text == "true" => visitor.visit_bool(true),
            NodeValue::Scalar { text, plain: true } if text == "false" => visitor.visit_bool(false),
            _ => Err(self.mismatch("true or false".into())),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.value {
            NodeValue::Scalar { text, .. } if !self.is_null() => visitor.visit_borrowed_str(text),
            _ => return self.deserialize_any(visitor),
        };
        result.map_err(|error: Error| error.at(self.place))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    /// A key with nothing behind it is a slip of the pen: who wants none leaves the key out.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Serde would take a list for the fields of a struct, one after the other.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.value {
            NodeValue::List(_) => {
                let unexpected = de::Unexpected::Seq;
                Err(<Error as de::Error>::invalid_type(unexpected, &visitor).at(self.place))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            NodeValue::List(items) if items.len() == len => self.deserialize_any(visitor),
            _ => Err(self.mismatch(format!("a list of {len}"))),
        }
    }

    /// A word that names a variant without content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.text() {
            Some(text) if !self.is_null() => visitor
                .visit_enum(text.into_deserializer())
                .map_err(|error: Error| error.at(self.place)),
            _ => Err(self.mismatch(format!("one of {}", variants.join(", ")))),
        }
    }

    /// A key: `null` is an unknown one, as any other word.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            NodeValue::Scalar { text, .. } => visitor
                .visit_borrowed_str(text)
                .map_err(|error: Error| error.at(self.place)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple_struct map
    }
}

/// The items of a list for who takes lists: serde's own would give them to a struct, one to each field.
pub(super) struct OfList<A>(pub(super) A);

impl<'de, A: SeqAccess<'de>> de::Deserializer<'de> for OfList<A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_seq(self.0)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        Err(de::Error::invalid_type(de::Unexpected::Seq, &visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl Node {
    fn mismatch(&self, expected: String) -> Error {
        Error {
            place: Some(self.place),
            found: self.describe(),
            expected: Some(expected),
            suggestion: None,
        }
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.0
            .next()
            .map(|node| seed.deserialize(node).map_err(|error| error.at(node.place)))
            .transpose()
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, (Node, Node)>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(key)
            .map(Some)
            .map_err(|error| error.at(key.place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let value = self
            .value
            .take()
            .ok_or_else(|| de::Error::custom("a key without a value"))?;
        seed.deserialize(value)
            .map_err(|error| error.at(value.place))
    }
}
