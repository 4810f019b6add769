//! The rules of serializers, and bytes of other implementations.

mod avro_schemas;
mod protobuf_files;
mod rules;
mod vectors;

use crate::serialization::{
    Charset, Class, Deserializer, Double, Schema, SchemaType, Serializer, Value,
};
use std::rc::Rc;

fn serializer(name: &str) -> Serializer {
    Serializer {
        class: Class::serializer(name).unwrap(),
        charset: Charset::Utf8,
        schemas_enable: true,
        schema: None,
    }
}

fn deserializer(name: &str) -> Deserializer {
    Deserializer {
        class: Class::deserializer(name).unwrap(),
        charset: Charset::Utf8,
        schemas_enable: true,
        schema: None,
    }
}

fn with_schema(name: &str, of: SchemaType, schema: &str) -> (Serializer, Deserializer) {
    let schema = Some(Rc::new(Schema::parse(of, schema).unwrap()));
    let writer = Serializer {
        schema: schema.clone(),
        ..serializer(&name.replace('*', "Serializer"))
    };
    let reader = Deserializer {
        schema,
        ..deserializer(&name.replace('*', "Deserializer"))
    };
    (writer, reader)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn record(fields: &[(&str, Value)]) -> Value {
    let field = |(name, value): &(&str, Value)| (name.to_string(), value.clone());
    Value::Record(fields.iter().map(field).collect())
}

fn position() -> Value {
    record(&[
        ("truck", text("truck 7")),
        ("number", Value::Whole(5)),
        ("time", Value::Whole(1_795_330_000_123)),
        (
            "latitude",
            Value::Double(Double::from_millionths(52_520_000)),
        ),
        (
            "longitude",
            Value::Double(Double::from_millionths(13_405_644)),
        ),
    ])
}

const POSITION_AVRO: &str = r#"{"type": "record", "name": "Position", "namespace": "fleet", "fields": [
    {"name": "truck", "type": "string"}, {"name": "number", "type": "long"}, {"name": "time", "type": "long"},
    {"name": "latitude", "type": "double"}, {"name": "longitude", "type": "double"}]}"#;

const POSITION_CONNECT: &str = r#"{"type": "struct", "name": "fleet.Position", "fields": [
    {"field": "truck", "type": "string"}, {"field": "number", "type": "int64"}, {"field": "time", "type": "int64"},
    {"field": "latitude", "type": "double"}, {"field": "longitude", "type": "double"}]}"#;
