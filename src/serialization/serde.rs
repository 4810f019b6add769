//! A serializer and a deserializer as a client is configured with them. Null is null in each of them (CS8), but for
//! Connect's JsonConverter, which writes it by its schema if it has one.

use super::{
    Charset, Class, Format, Misfit, Schema, Unreadable, Value, connect, framing, json, primitive,
};
use std::rc::Rc;

/// Writes an application's objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Serializer {
    pub class: Class,
    pub charset: Charset,
    /// Of Connect's JsonConverter: each message has its schema beside it.
    pub schemas_enable: bool,
    /// With `Format::has_schema`, and perhaps with Connect's JsonConverter.
    pub schema: Option<Rc<Schema>>,
}

/// Reads them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deserializer {
    pub class: Class,
    pub charset: Charset,
    /// Of Connect's JsonConverter: each message has its schema beside it.
    pub schemas_enable: bool,
    /// The reader's own; without one, and with a registry, values are as they were written.
    pub schema: Option<Rc<Schema>>,
}

impl Serializer {
    /// Bytes of an object; `None` is null. `id`: what the registry calls the schema, if there is a registry.
    pub fn serialize(&self, value: &Value, id: Option<u32>) -> Result<Option<Vec<u8>>, Misfit> {
        let Class { format, registry } = self.class;
        if format == Format::ConnectJson {
            let schema = match self.schema.as_deref() {
                Some(Schema::Connect(schema)) => Some(schema),
                _ => None,
            };
            return connect::write(self.schemas_enable, schema, value);
        }
        if *value == Value::Null {
            return Ok(None);
        }
        let mut out = match id.filter(|_| registry) {
            Some(id) => framing::prefix(id),
            None => Vec::new(),
        };
        match (format, self.schema.as_deref()) {
            (Format::Json, _) => out.extend(json::text(value).into_bytes()),
            (Format::Avro, Some(Schema::Avro(schema))) => match value {
                Value::Bytes(bytes) if registry && schema.is_bytes() => out.extend(bytes),
                value => out.extend(schema.encode(value)?),
            },
            (Format::Protobuf, Some(Schema::Protobuf(schema))) => {
                if registry {
                    framing::write_indexes(&mut out, schema.indexes());
                }
                out.extend(schema.encode(value)?);
            }
            (Format::Avro | Format::Protobuf, _) => {
                return Err(Misfit(format!("{format} without a schema of its own")));
            }
            (format, _) => return primitive::write(format, self.charset, value),
        }
        Ok(Some(out))
    }
}

impl Deserializer {
    /// The id of the schema that bytes were written by, which has to be asked for. `None`: they need none.
    pub fn schema_id(&self, bytes: Option<&[u8]>) -> Result<Option<u32>, Unreadable> {
        match bytes {
            Some(bytes) if self.class.registry => framing::split(bytes).map(|(id, _)| Some(id)),
            _ => Ok(None),
        }
    }

    /// The object that bytes stand for. `writer`: the schema of `schema_id`.
    pub fn deserialize(
        &self,
        bytes: Option<&[u8]>,
        writer: Option<&Schema>,
    ) -> Result<Value, Unreadable> {
        let Class { format, registry } = self.class;
        let Some(whole) = bytes else {
            return Ok(Value::Null);
        };
        let mut rest = match registry {
            true => framing::split(whole)?.1,
            false => whole,
        };
        let reader = self.schema.as_deref();
        match (format, writer.or(reader)) {
            (Format::Json, _) if whole.is_empty() => Ok(Value::Null),
            (Format::Json, _) => json::read(whole),
            (Format::ConnectJson, _) => connect::read(self.schemas_enable, whole),
            (Format::Avro, Some(Schema::Avro(schema))) => {
                if registry && schema.is_bytes() {
                    return Ok(Value::Bytes(rest.to_vec()));
                }
                let reader = match reader {
                    Some(Schema::Avro(reader)) if writer.is_some() => Some(reader),
                    _ => None,
                };
                schema.decode(reader, rest)
            }
            (Format::Protobuf, Some(Schema::Protobuf(schema))) => {
                let indexes = match registry {
                    true => framing::read_indexes(&mut rest).ok_or_else(|| {
                        Unreadable::new("Protobuf's message indexes after the schema's id", whole)
                    })?,
                    false => schema.indexes().to_vec(),
                };
                // A reader's own classes read what they know, whatever wrote it.
                match reader {
                    Some(Schema::Protobuf(own)) => own.decode(own.indexes(), rest),
                    _ => schema.decode(&indexes, rest),
                }
            }
            (Format::Avro | Format::Protobuf, Some(other)) => {
                let found = format!("the schema's id names a schema of {}", other.schema_type());
                Err(Unreadable::new(format!("{format} by its schema"), whole).because(found))
            }
            (Format::Avro | Format::Protobuf, None) => {
                let expected = format!("{format} by a schema, of which none is known");
                Err(Unreadable::new(expected, whole))
            }
            (format, _) => primitive::read(format, self.charset, whole),
        }
    }
}
