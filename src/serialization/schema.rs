//! Schemas: Avro's JSON, Protobuf's `.proto` text and Connect's JSON.

use super::avro::Avro;
use super::connect::Connect;
use super::protobuf::Protobuf;
use std::fmt;
use std::rc::Rc;

/// A schema that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Schema {
    Avro(Avro),
    Protobuf(Protobuf),
    /// Which no registry has: it travels in messages.
    Connect(Connect),
}

/// A schema and the text that it was read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParsedSchema {
    pub text: Rc<str>,
    pub schema: Rc<Schema>,
}

/// Languages of schemas, as a registry calls them, and Connect's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SchemaType {
    Avro,
    Protobuf,
    Connect,
}

/// Text that is no schema.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchemaError {
    /// Lines and columns from 1; `None`: the whole.
    pub place: Option<(u32, u32)>,
    pub what: String,
    /// Where that is not plain from what was found.
    pub expected: Option<String>,
}

impl SchemaError {
    pub(super) fn whole(what: impl Into<String>) -> SchemaError {
        SchemaError {
            place: None,
            what: what.into(),
            expected: None,
        }
    }

    pub(super) fn at(what: impl Into<String>, place: (u32, u32)) -> SchemaError {
        SchemaError {
            place: Some(place),
            ..SchemaError::whole(what)
        }
    }

    pub(super) fn expected(self, expected: impl Into<String>) -> SchemaError {
        SchemaError {
            expected: Some(expected.into()),
            ..self
        }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(expected) = &self.expected {
            write!(f, ", expected {expected}")?;
        }
        match self.place {
            Some((line, column)) => write!(f, ", at line {line} column {column} of the schema"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SchemaType::Avro => "avro",
            SchemaType::Protobuf => "protobuf",
            SchemaType::Connect => "connect-json",
        })
    }
}

impl ParsedSchema {
    pub fn parse(of: SchemaType, text: &str) -> Result<ParsedSchema, SchemaError> {
        Ok(ParsedSchema {
            schema: Rc::new(Schema::parse(of, text)?),
            text: text.into(),
        })
    }
}

impl Schema {
    pub fn parse(of: SchemaType, text: &str) -> Result<Schema, SchemaError> {
        match of {
            SchemaType::Avro => Avro::parse(text).map(Schema::Avro),
            SchemaType::Protobuf => Protobuf::parse(text).map(Schema::Protobuf),
            SchemaType::Connect => Connect::parse(text).map(Schema::Connect),
        }
    }

    pub fn schema_type(&self) -> SchemaType {
        match self {
            Schema::Avro(_) => SchemaType::Avro,
            Schema::Protobuf(_) => SchemaType::Protobuf,
            Schema::Connect(_) => SchemaType::Connect,
        }
    }
}
