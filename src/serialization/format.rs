//! The serializers that there are, by the names of their classes and by short names.

use std::fmt;

/// How a value becomes bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    String,
    Integer,
    Long,
    Short,
    Float,
    Double,
    Uuid,
    Bytes,
    Boolean,
    Void,
    Json,
    ConnectJson,
    Avro,
    Protobuf,
}

/// A class of a serializer and its deserializer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Class {
    pub format: Format,
    /// Asks a schema registry, and puts the schema's id before each message.
    pub registry: bool,
}

const KAFKA: &str = "org.apache.kafka.common.serialization.";
const CONNECT: &str = "org.apache.kafka.connect.json.";
/// One class for both directions.
const CONVERTER: &str = "JsonConverter";
const CONFLUENT: &str = "io.confluent.kafka.serializers.";
const CONFLUENT_PROTOBUF: &str = "io.confluent.kafka.serializers.protobuf.";

/// Package and class, without `Serializer` or `Deserializer` at its end.
const CLASSES: &[(&str, &str, Format)] = &[
    (KAFKA, "String", Format::String),
    (KAFKA, "Integer", Format::Integer),
    (KAFKA, "Long", Format::Long),
    (KAFKA, "Short", Format::Short),
    (KAFKA, "Float", Format::Float),
    (KAFKA, "Double", Format::Double),
    (KAFKA, "UUID", Format::Uuid),
    (KAFKA, "ByteArray", Format::Bytes),
    (KAFKA, "ByteBuffer", Format::Bytes),
    (KAFKA, "Bytes", Format::Bytes),
    (KAFKA, "Boolean", Format::Boolean),
    (KAFKA, "Void", Format::Void),
    (CONNECT, "Json", Format::Json),
    (CONFLUENT, "KafkaAvro", Format::Avro),
    (CONFLUENT_PROTOBUF, "KafkaProtobuf", Format::Protobuf),
];

impl Format {
    pub const ALL: [Format; 14] = [
        Format::String,
        Format::Integer,
        Format::Long,
        Format::Short,
        Format::Float,
        Format::Double,
        Format::Uuid,
        Format::Bytes,
        Format::Boolean,
        Format::Void,
        Format::Json,
        Format::ConnectJson,
        Format::Avro,
        Format::Protobuf,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Format::String => "string",
            Format::Integer => "int",
            Format::Long => "long",
            Format::Short => "short",
            Format::Float => "float",
            Format::Double => "double",
            Format::Uuid => "uuid",
            Format::Bytes => "bytes",
            Format::Boolean => "boolean",
            Format::Void => "void",
            Format::Json => "json",
            Format::ConnectJson => "connect-json",
            Format::Avro => "avro",
            Format::Protobuf => "protobuf",
        }
    }

    /// It writes and reads by a schema.
    pub const fn has_schema(self) -> bool {
        matches!(self, Format::Avro | Format::Protobuf)
    }

    /// Its serializer goes by a schema if it is given one.
    pub const fn may_write_by_schema(self) -> bool {
        self.has_schema() || matches!(self, Format::ConnectJson)
    }

    /// What its serializer takes, in words.
    pub const fn takes(self) -> &'static str {
        match self {
            Format::String | Format::Bytes | Format::Json => "anything",
            Format::Integer => "a whole number from -2147483648 to 2147483647",
            Format::Long => "a whole number",
            Format::Short => "a whole number from -32768 to 32767",
            Format::Float | Format::Double => "a number",
            Format::Uuid => "the text of a UUID",
            Format::Boolean => "true or false",
            Format::Void => "nothing",
            Format::ConnectJson | Format::Avro | Format::Protobuf => "what its schema describes",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Class {
    /// What is expected where `parse` finds nothing.
    pub const EXPECTED: &str = "string, int, long, short, float, double, uuid, bytes, boolean, void, json, connect-json, avro or \
         protobuf, or the name of a class of Kafka's, Connect's JSON or Confluent's Avro and Protobuf";

    /// A serializer by its short name (`int`), its class (`IntegerSerializer`), or the class with its package.
    /// `avro` and `protobuf` are an application's own classes: its schema, and no registry.
    pub fn serializer(name: &str) -> Option<Class> {
        Class::parse(name, "Serializer")
    }

    /// A deserializer, likewise.
    pub fn deserializer(name: &str) -> Option<Class> {
        Class::parse(name, "Deserializer")
    }

    fn parse(name: &str, suffix: &str) -> Option<Class> {
        let name = name.trim();
        if let Some(format) = Format::ALL.into_iter().find(|format| format.name() == name) {
            return Some(Class {
                format,
                registry: false,
            });
        }
        if name.strip_prefix(CONNECT).unwrap_or(name) == CONVERTER {
            return Some(Class {
                format: Format::ConnectJson,
                registry: false,
            });
        }
        let stem = name.strip_suffix(suffix)?;
        let is =
            |package: &str, class: &str| stem == class || stem.strip_prefix(package) == Some(class);
        let (package, _, format) = CLASSES
            .iter()
            .find(|(package, class, _)| is(package, class))?;
        Some(Class {
            format: *format,
            registry: package.starts_with(CONFLUENT),
        })
    }
}

/// As an exception names it.
impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.registry {
            true => write!(f, "{} of the registry", self.format),
            false => write!(f, "{}", self.format),
        }
    }
}
