//! What an application's objects are as bytes: Kafka's own serializers (package
//! org.apache.kafka.common.serialization), JSON as Connect's JsonSerializer and its JsonConverter write it, Avro and
//! Protobuf by a schema, and the five bytes that Confluent's serializers put before those two.
//!
//! A broker never looks inside a message: all of this happens in clients. Values may hold floats, decisions
//! never do.
//!
//! Pure functions on bytes. May not know topics, clients or time.

mod avro;
mod charset;
mod compatibility;
mod connect;
mod format;
mod framing;
mod jackson;
mod java_number;
mod json;
pub mod list;
mod places;
mod primitive;
mod protobuf;
mod schema;
mod serde;
mod uuid;
mod value;
mod wire;

#[cfg(test)]
mod tests;

pub use charset::Charset;
pub use compatibility::{Compatibility, Incompatible};
pub use format::{Class, Format};
pub use jackson::{base64, json_string};
pub use schema::{ParsedSchema, Schema, SchemaError, SchemaType};
pub use serde::{Deserializer, Serializer};
pub use value::{Double, Float, Value};

use std::fmt;

/// Bytes that are not what a deserializer reads (SerializationException).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// Such as `4 bytes of an int`.
    pub expected: String,
    /// Such as `16 bytes, which begin with 7b 22 74 72 75 63 6b 22`.
    pub found: String,
}

impl Unreadable {
    /// `bytes` are no `expected`.
    fn new(expected: impl Into<String>, bytes: &[u8]) -> Unreadable {
        Unreadable {
            expected: expected.into(),
            found: bytes_in_words(bytes),
        }
    }

    /// Says more of what was found.
    fn because(mut self, why: impl fmt::Display) -> Unreadable {
        self.found = format!("{} ({why})", self.found);
        self
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

/// A value that is not what a serializer writes (SerializationException).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misfit(pub String);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many bytes of a message an exception shows.
const SHOWN: usize = 8;

/// How many bytes there are, and the first of them.
pub fn bytes_in_words(bytes: &[u8]) -> String {
    let first = hex(&bytes[..bytes.len().min(SHOWN)]);
    match bytes.len() {
        0 => "no bytes".to_owned(),
        1 => format!("1 byte, {first}"),
        length if length <= SHOWN => format!("{length} bytes, {first}"),
        length => format!("{length} bytes, which begin with {first}"),
    }
}

/// Two digits a byte, with blanks between.
pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}
