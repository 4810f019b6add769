//! Avro: schemas, and values by them in binary encoding.
//!
//! Logical types are their underlying types here, as for any reader that does not know them.

mod decode;
mod encode;
mod parse;
mod resolve;

pub use resolve::can_read;

use super::{Misfit, SchemaError, Unreadable, Value};
use std::collections::BTreeMap;

/// A schema: its outermost type, and what its names stand for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Avro {
    root: Type,
    names: BTreeMap<String, Named>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    /// A record, an enum or a fixed, by its full name: a type may hold itself.
    Named(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Named {
    Record(Vec<Field>),
    Enum {
        symbols: Vec<String>,
        default: Option<String>,
    },
    Fixed(usize),
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Field {
    name: String,
    aliases: Vec<String>,
    type_: Type,
    default: Option<Value>,
}

impl Avro {
    pub fn parse(text: &str) -> Result<Avro, SchemaError> {
        parse::schema(text)
    }

    /// A bare `bytes` schema has its bytes without a length (CS12).
    pub fn is_bytes(&self) -> bool {
        self.root == Type::Bytes
    }

    pub fn encode(&self, value: &Value) -> Result<Vec<u8>, Misfit> {
        let mut out = Vec::new();
        encode::write(self, &self.root, value, &mut out)?;
        Ok(out)
    }

    /// Reads what was written by this schema, as `reader` has it; without one, as it was written. What follows
    /// it is not looked at, as in Java.
    pub fn decode(&self, reader: Option<&Avro>, bytes: &[u8]) -> Result<Value, Unreadable> {
        let mut rest = bytes;
        let reader = reader.map(|reader| (reader, &reader.root));
        let read = decode::read((self, &self.root), reader, &mut rest, 0);
        read.map_err(|why| Unreadable::new("Avro by its schema", bytes).because(why))
    }

    fn named(&self, name: &str) -> &Named {
        // A schema with a name that stands for nothing is not parsed.
        &self.names[name]
    }

    /// A type as a message names it.
    fn describe(&self, type_: &Type) -> String {
        match type_ {
            Type::Null => "null".to_owned(),
            Type::Boolean => "boolean".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Long => "long".to_owned(),
            Type::Float => "float".to_owned(),
            Type::Double => "double".to_owned(),
            Type::Bytes => "bytes".to_owned(),
            Type::String => "string".to_owned(),
            Type::Array(of) => format!("array of {}", self.describe(of)),
            Type::Map(of) => format!("map of {}", self.describe(of)),
            Type::Union(branches) => {
                let names: Vec<_> = branches.iter().map(|b| self.describe(b)).collect();
                format!("union of {}", names.join(" and "))
            }
            Type::Named(name) => name.clone(),
        }
    }
}
