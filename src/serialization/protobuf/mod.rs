//! Protobuf: `.proto` files of syntax proto3, and values by their messages on the wire.
//!
//! Maps, groups, services, extensions and imports are not known: a file that has one is refused.

mod compatible;
mod decode;
mod encode;
mod parse;

pub use compatible::can_read;

use super::{Misfit, SchemaError, Unreadable, Value};

/// A file. Its first message is the one that is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Protobuf {
    messages: Vec<Message>,
    enums: Vec<Enum>,
}

/// A message, wherever in the file it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Message {
    /// With the messages around it and its package: `fleet.Position.Place`.
    name: String,
    /// Its number among the messages around it, from the outermost (CS13).
    indexes: Vec<u32>,
    /// By their numbers.
    fields: Vec<Field>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Enum {
    name: String,
    /// Names and numbers; the first is the default.
    symbols: Vec<(String, i32)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Field {
    name: String,
    number: u32,
    label: Label,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Label {
    /// Left out where it has the default value: nobody can tell whether it was set.
    Plain,
    /// `optional`, or one of a `oneof`: written whenever it is set.
    Optional,
    Repeated,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    /// Its place in `Protobuf::messages`.
    Message(usize),
    /// Its place in `Protobuf::enums`.
    Enum(usize),
}

/// How a field's bytes end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    /// A length and so many bytes.
    Length = 2,
    Fixed32 = 5,
}

impl Kind {
    fn wire_type(self) -> WireType {
        match self {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => WireType::Fixed64,
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => WireType::Fixed32,
            Kind::String | Kind::Bytes | Kind::Message(_) => WireType::Length,
            _ => WireType::Varint,
        }
    }

    /// Several of one field stand behind one length.
    fn is_packed(self) -> bool {
        self.wire_type() != WireType::Length
    }
}

impl Protobuf {
    pub fn parse(text: &str) -> Result<Protobuf, SchemaError> {
        parse::file(text)
    }

    /// Where the message that is written stands in the file.
    pub fn indexes(&self) -> &[u32] {
        &self.messages[0].indexes
    }

    pub fn encode(&self, value: &Value) -> Result<Vec<u8>, Misfit> {
        let mut out = Vec::new();
        encode::write_message(self, &self.messages[0], value, &mut out)?;
        Ok(out)
    }

    /// Reads the message at `indexes`.
    pub fn decode(&self, indexes: &[u32], bytes: &[u8]) -> Result<Value, Unreadable> {
        let message = self.messages.iter().find(|m| m.indexes == indexes);
        let message = message.ok_or_else(|| {
            Unreadable::new("a message of its schema", bytes).because("its indexes name none")
        })?;
        let read = decode::read_message(self, message, bytes, 0);
        let expected = || format!("Protobuf's message {}", message.name);
        read.map_err(|why| Unreadable::new(expected(), bytes).because(why))
    }

    /// A kind as a file names it.
    fn describe(&self, kind: Kind) -> &str {
        match kind {
            Kind::Message(place) => &self.messages[place].name,
            Kind::Enum(place) => &self.enums[place].name,
            scalar => {
                let word = SCALARS.iter().find(|(_, known)| *known == scalar);
                word.map_or("", |(word, _)| word)
            }
        }
    }
}

/// The kinds that have a word of their own.
const SCALARS: &[(&str, Kind)] = &[
    ("double", Kind::Double),
    ("float", Kind::Float),
    ("int32", Kind::Int32),
    ("int64", Kind::Int64),
    ("uint32", Kind::Uint32),
    ("uint64", Kind::Uint64),
    ("sint32", Kind::Sint32),
    ("sint64", Kind::Sint64),
    ("fixed32", Kind::Fixed32),
    ("fixed64", Kind::Fixed64),
    ("sfixed32", Kind::Sfixed32),
    ("sfixed64", Kind::Sfixed64),
    ("bool", Kind::Bool),
    ("string", Kind::String),
    ("bytes", Kind::Bytes),
];
