//! `key.serializer`, `value.deserializer` and what goes with them.

use super::{ConfigError, Properties};
use crate::serialization::{Charset, Class};

/// The classes at one end; `None`: the application makes and reads the bytes itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SerializerConfig {
    pub key: Option<Class>,
    pub value: Option<Class>,
    /// `key.serializer.encoding`, else `serializer.encoding`; of a consumer `key.deserializer.encoding`
    pub key_charset: Charset,
    pub value_charset: Charset,
    /// `auto.register.schemas`: a registry gives a schema that it does not have an id.
    pub auto_register_schemas: bool,
    /// `schemas.enable`, which Connect's JsonConverter looks for: each message has its schema beside it.
    pub schemas_enable: bool,
}

impl SerializerConfig {
    pub fn of_producer(properties: &Properties) -> Result<SerializerConfig, ConfigError> {
        let class = |key| class(properties, key, Class::serializer);
        Ok(SerializerConfig {
            key: class("key.serializer")?,
            value: class("value.serializer")?,
            key_charset: charset(
                properties,
                ["key.serializer.encoding", "serializer.encoding"],
            )?,
            value_charset: charset(
                properties,
                ["value.serializer.encoding", "serializer.encoding"],
            )?,
            auto_register_schemas: is_on(properties, "auto.register.schemas"),
            schemas_enable: is_on(properties, "schemas.enable"),
        })
    }

    pub fn of_consumer(properties: &Properties) -> Result<SerializerConfig, ConfigError> {
        let class = |key| class(properties, key, Class::deserializer);
        Ok(SerializerConfig {
            key: class("key.deserializer")?,
            value: class("value.deserializer")?,
            key_charset: charset(
                properties,
                ["key.deserializer.encoding", "deserializer.encoding"],
            )?,
            value_charset: charset(
                properties,
                ["value.deserializer.encoding", "deserializer.encoding"],
            )?,
            auto_register_schemas: false,
            schemas_enable: is_on(properties, "schemas.enable"),
        })
    }

    /// A registry is asked.
    pub fn needs_registry(&self) -> bool {
        let asks = |class: Option<Class>| class.is_some_and(|class| class.registry);
        asks(self.key) || asks(self.value)
    }
}

fn class(
    properties: &Properties,
    key: &'static str,
    parse: fn(&str) -> Option<Class>,
) -> Result<Option<Class>, ConfigError> {
    let Some(value) = properties.get(key) else {
        return Ok(None);
    };
    match parse(value) {
        Some(class) => Ok(Some(class)),
        None => Err(ConfigError::Value {
            key,
            value: value.clone(),
            expected: Class::EXPECTED.to_owned(),
        }),
    }
}

/// Unless it is said to be off.
fn is_on(properties: &Properties, key: &str) -> bool {
    let said = properties.get(key);
    said.is_none_or(|value| !value.trim().eq_ignore_ascii_case("false"))
}

/// The first of the keys that is set.
fn charset(properties: &Properties, keys: [&'static str; 2]) -> Result<Charset, ConfigError> {
    for key in keys {
        if let Some(value) = properties.get(key) {
            return Charset::parse(value).ok_or_else(|| ConfigError::Value {
                key,
                value: value.clone(),
                expected: format!("one of {}", Charset::NAMES.join(", ")),
            });
        }
    }
    Ok(Charset::default())
}
