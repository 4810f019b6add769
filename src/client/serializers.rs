//! A client's serializers and deserializers, and what its process knows of schemas (CS15).
//!
//! A registry is asked once for each schema, by the schema when it is written and by its id when it is read; what
//! it refuses, or does not answer, is asked for again.

use crate::client::workload::Object;
use crate::kernel::Address;
use crate::protocol::config::SerializerConfig;
use crate::protocol::{Part, RegistryRequest, RegistryResponse, Serialized, SubjectSchema};
use crate::serialization::{
    Class, Deserializer, Format, ParsedSchema, Schema, Serializer, Value, bytes_in_words, hex,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a scenario says of a client's serializers beside its configuration.
#[derive(Clone, Debug, Default)]
pub struct SchemaOptions {
    pub key: Option<ParsedSchema>,
    pub value: Option<ParsedSchema>,
    pub registry: Option<Address>,
}

/// How many bytes of a message a transcript shows.
const SHOWN: usize = 40;

/// How it begins what a registry has said no to.
pub const REGISTRY_REFUSES: &str = "the registry refuses its schema";

/// A producer's two serializers.
#[derive(Debug)]
pub struct Serializers {
    topic: Rc<str>,
    auto_register: bool,
    key: Half,
    value: Half,
}

#[derive(Debug)]
struct Half {
    serializer: Option<Serializer>,
    schema: Option<ParsedSchema>,
    /// What the registry calls the schema.
    id: Option<u32>,
}

impl Serializers {
    /// `None`: the application makes the bytes itself.
    pub fn new(
        config: &SerializerConfig,
        schemas: &SchemaOptions,
        topic: &Rc<str>,
    ) -> Option<Serializers> {
        if config.key.is_none() && config.value.is_none() {
            return None;
        }
        let half = |class: Option<Class>, charset, schema: &Option<ParsedSchema>| Half {
            serializer: class.map(|class| Serializer {
                class,
                charset,
                schemas_enable: config.schemas_enable,
                schema: schema.as_ref().map(|schema| Rc::clone(&schema.schema)),
            }),
            schema: schema.clone(),
            id: None,
        };
        Some(Serializers {
            topic: Rc::clone(topic),
            auto_register: config.auto_register_schemas,
            key: half(config.key, config.key_charset, &schemas.key),
            value: half(config.value, config.value_charset, &schemas.value),
        })
    }

    /// What has to be asked of the registry before the next record can be written.
    pub fn missing(&self) -> Option<(Part, RegistryRequest)> {
        let parts = [(Part::Key, &self.key), (Part::Value, &self.value)];
        let (part, half) = parts.into_iter().find(|(_, half)| half.lacks_id())?;
        let schema = half.schema.as_ref()?;
        let subject = SubjectSchema {
            // TopicNameStrategy.
            subject: format!("{}-{}", self.topic, part.name()).into(),
            schema_type: schema.schema.schema_type(),
            text: Rc::clone(&schema.text),
        };
        let request = match self.auto_register {
            true => RegistryRequest::Register(subject),
            false => RegistryRequest::LookUp(subject),
        };
        Some((part, request))
    }

    /// The registry's answer to what was `missing`; the error says why there is no id.
    pub fn learn(&mut self, part: Part, answer: RegistryResponse) -> Result<(), String> {
        let half = match part {
            Part::Key => &mut self.key,
            Part::Value => &mut self.value,
        };
        match answer {
            RegistryResponse::Id(id) => half.id = Some(id),
            RegistryResponse::Error { code, message } => {
                return Err(format!("{REGISTRY_REFUSES} ({code}): {message}"));
            }
            RegistryResponse::Schema { .. } => {
                return Err("the registry answers something else".to_owned());
            }
        }
        Ok(())
    }

    pub fn key(&self, object: &Object) -> Result<(Option<Bytes>, Serialized), String> {
        self.key.write(object)
    }

    pub fn value(&self, object: &Object) -> Result<(Option<Bytes>, Serialized), String> {
        self.value.write(object)
    }
}

impl Half {
    fn lacks_id(&self) -> bool {
        let asks = |serializer: &Serializer| serializer.class.registry;
        self.serializer.as_ref().is_some_and(asks) && self.id.is_none()
    }

    fn write(&self, object: &Object) -> Result<(Option<Bytes>, Serialized), String> {
        let bytes = match &self.serializer {
            None => object.text.clone(),
            Some(serializer) => {
                // These take text and bytes: the application makes them of its object.
                let value = match (serializer.class.format, &object.value) {
                    (_, Value::Null) => Value::Null,
                    (Format::String, _) => {
                        let text = object.text.as_deref().unwrap_or_default();
                        Value::Text(String::from_utf8_lossy(text).into_owned())
                    }
                    (Format::Bytes, _) => {
                        Value::Bytes(object.text.as_deref().unwrap_or_default().to_vec())
                    }
                    (_, value) => value.clone(),
                };
                let written = serializer.serialize(&value, self.id);
                written
                    .map_err(|misfit| misfit.to_string())?
                    .map(Bytes::from)
            }
        };
        let by = match &self.serializer {
            None => "the application".to_owned(),
            Some(serializer) => serializer.class.to_string(),
        };
        let shown = bytes.as_deref().unwrap_or_default();
        let mut text = hex(&shown[..shown.len().min(SHOWN)]);
        if shown.len() > SHOWN {
            text.push_str(" ...");
        }
        let written = Serialized {
            by: by.into(),
            object: match &object.value {
                Value::Bytes(bytes) => bytes_in_words(bytes).into(),
                other => other.to_string().into(),
            },
            size: bytes.as_ref().map_or(-1, |bytes| bytes.len() as i64),
            bytes: text.into(),
        };
        Ok((bytes, written))
    }
}

/// A consumer's two deserializers.
#[derive(Debug)]
pub struct Deserializers {
    key: Option<Deserializer>,
    value: Option<Deserializer>,
    /// Writers' schemas by their ids.
    schemas: BTreeMap<u32, Rc<Schema>>,
}

/// What came of a record's bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    Objects {
        key: Value,
        value: Value,
        /// By which schema of the registry the value was written.
        schema: Option<u32>,
    },
    /// The registry has to be asked first.
    NeedsSchema { part: Part, id: u32 },
    Unreadable {
        part: Part,
        expected: String,
        found: String,
    },
}

impl Deserializers {
    /// `None`: the application reads the bytes itself, whatever they are.
    pub fn new(config: &SerializerConfig, schemas: &SchemaOptions) -> Option<Deserializers> {
        let deserializer = |class: Option<Class>, charset, schema: &Option<ParsedSchema>| {
            class.map(|class| Deserializer {
                class,
                charset,
                schemas_enable: config.schemas_enable,
                schema: schema.as_ref().map(|schema| Rc::clone(&schema.schema)),
            })
        };
        let key = deserializer(config.key, config.key_charset, &schemas.key);
        let value = deserializer(config.value, config.value_charset, &schemas.value);
        (key.is_some() || value.is_some()).then_some(Deserializers {
            key,
            value,
            schemas: BTreeMap::new(),
        })
    }

    /// The key first, as in Java.
    pub fn read(&self, key: Option<&[u8]>, value_bytes: Option<&[u8]>) -> Reading {
        let key = match self.read_part(Part::Key, &self.key, key) {
            Ok(key) => key,
            Err(reading) => return reading,
        };
        match self.read_part(Part::Value, &self.value, value_bytes) {
            Ok(value) => {
                let by = self.value.as_ref();
                let schema = by.and_then(|it| it.schema_id(value_bytes).ok().flatten());
                Reading::Objects { key, value, schema }
            }
            Err(reading) => reading,
        }
    }

    /// The registry's answer to a question for this id; the error says what was expected in vain.
    pub fn learn(
        &mut self,
        id: u32,
        answer: Result<RegistryResponse, String>,
    ) -> Result<(), String> {
        match answer {
            Ok(RegistryResponse::Schema { schema_type, text }) => {
                let schema = Schema::parse(schema_type, &text)
                    .map_err(|error| format!("schema {id}, which cannot be read: {error}"))?;
                self.schemas.insert(id, Rc::new(schema));
                Ok(())
            }
            Ok(RegistryResponse::Error { code, message }) => Err(format!(
                "schema {id}, of which the registry says {code}: {message}"
            )),
            Ok(RegistryResponse::Id(_)) => Err(format!(
                "schema {id}, and the registry answers something else"
            )),
            Err(why) => Err(format!(
                "schema {id}, and the registry cannot be asked: {why}"
            )),
        }
    }

    fn read_part(
        &self,
        part: Part,
        deserializer: &Option<Deserializer>,
        bytes: Option<&[u8]>,
    ) -> Result<Value, Reading> {
        let Some(deserializer) = deserializer else {
            return Ok(match bytes {
                Some(bytes) => Value::Bytes(bytes.to_vec()),
                None => Value::Null,
            });
        };
        let unreadable = |why: crate::serialization::Unreadable| Reading::Unreadable {
            part,
            expected: why.expected,
            found: why.found,
        };
        let id = deserializer.schema_id(bytes).map_err(unreadable)?;
        let writer = match id {
            None => None,
            Some(id) => match self.schemas.get(&id) {
                None => return Err(Reading::NeedsSchema { part, id }),
                known => known,
            },
        };
        let writer = writer.map(|schema| &**schema);
        deserializer.deserialize(bytes, writer).map_err(unreadable)
    }
}
