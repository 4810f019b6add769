//! Bytes as apache-avro, prost and Kafka's connect-json write them (tests/vectors/serialization).

use super::{deserializer, serializer};
use crate::serialization::{
    Deserializer, Double, Float, Schema, SchemaType, Serializer, Value, hex, json,
};
use std::rc::Rc;

#[test]
fn avro_is_written_and_read_as_apache_avro_does() {
    let cases = vectors("avro");
    assert!(240 < cases.len());
    for (schema, value, bytes) in cases {
        let json = json::text(&schema);
        let schema = Schema::parse(SchemaType::Avro, &json).expect("a schema");
        let Schema::Avro(schema) = &schema else {
            panic!("{json}");
        };
        let written = schema
            .encode(&value)
            .unwrap_or_else(|why| panic!("{json} {value}: {why}"));
        assert_eq!(hex(&written), hex(&bytes), "{json} {value}");
        for reader in [None, Some(schema)] {
            let read = schema.decode(reader, &bytes).unwrap();
            assert_eq!(in_order(&read), in_order(&value), "{json}");
        }
        // What ends too early is never read, nor does it do harm.
        for end in 0..bytes.len().min(200) {
            assert!(
                schema.decode(None, &bytes[..end]).is_err(),
                "{json} {value} {end}"
            );
        }
    }
}

#[test]
fn protobuf_is_written_and_read_as_prost_does() {
    let cases = vectors("protobuf");
    assert!(100 <= cases.len());
    for (schema, value, bytes) in cases {
        let schema = Schema::parse(SchemaType::Protobuf, &schema.to_string()).expect("a schema");
        let Schema::Protobuf(schema) = &schema else {
            panic!("{schema:?}");
        };
        assert_eq!(hex(&schema.encode(&value).unwrap()), hex(&bytes), "{value}");
        let read = schema.decode(&[0], &bytes).unwrap();
        assert_eq!(in_order(&read), in_order(&value));
        for end in 0..bytes.len() {
            let _ = schema.decode(&[0], &bytes[..end]);
        }
    }
}

/// Documents that Kafka's JsonConverter has read, what it made of each, and what it wrote of that.
#[test]
fn connect_json_is_read_and_written_as_jsonconverter_does() {
    let cases = file("connect_json");
    let cases = list(&cases);
    assert!(430 < cases.len());
    let mut seen = [0; 3];
    for case in cases {
        let Some(Value::Text(document)) = case.field("document") else {
            panic!("{case}");
        };
        for (setting, schemas_enable) in [("bare", false), ("schemas.enable", true)] {
            let Some(expected) = case.field(setting) else {
                continue;
            };
            let reader = Deserializer {
                schemas_enable,
                ..deserializer("connect-json")
            };
            let read = reader.deserialize(Some(document.as_bytes()), None);
            let Some(value) = expected.field("value") else {
                assert!(read.is_err(), "{setting} {document}: {read:?}");
                seen[0] += 1;
                continue;
            };
            let read = read.unwrap_or_else(|why| panic!("{setting} {document}: {why}"));
            assert_eq!(in_order(&read), in_order(&plain(value)), "{document}");
            let schema = schemas_enable.then(|| json::read(document.as_bytes()).unwrap());
            let schema = schema.and_then(|document| document.field("schema").cloned());
            let schema = schema.filter(|schema| *schema != Value::Null);
            let schema = schema.map(|schema| {
                let parsed = Schema::parse(SchemaType::Connect, &json::text(&schema));
                Rc::new(parsed.expect("a schema"))
            });
            for (name, schemas_enable) in [("written_bare", false), ("written", true)] {
                let writer = Serializer {
                    schemas_enable,
                    schema: schema.clone(),
                    ..serializer("connect-json")
                };
                let written = writer.serialize(&read, None);
                let Some(expected) = expected.field(name) else {
                    assert!(written.is_err(), "{document}: {written:?}");
                    seen[1] += 1;
                    continue;
                };
                let written = match written.unwrap_or_else(|why| panic!("{document}: {why}")) {
                    Some(bytes) => Value::Text(String::from_utf8(bytes).unwrap()),
                    None => Value::Null,
                };
                // Java's maps have an order of their own.
                let is_same = *expected == written
                    || document.starts_with("{\"payload\"")
                    || document.ends_with("\"c\":2}");
                assert!(is_same, "{document}: {written}, not {expected}");
                seen[2] += 1;
            }
        }
        // What ends too early does no harm.
        for end in 0..document.len() {
            let _ =
                deserializer("connect-json").deserialize(Some(&document.as_bytes()[..end]), None);
        }
    }
    let [unreadable, misfits, written] = seen;
    assert!(
        100 < unreadable && 10 < misfits && 600 < written,
        "{seen:?}"
    );
}

/// Schema, value and bytes.
fn vectors(name: &str) -> Vec<(Value, Value, Vec<u8>)> {
    let mut cases = Vec::new();
    for of_schema in list(&file(name)) {
        for case in list(of_schema.field("values").expect("values")) {
            let [value, bytes] = list(case) else {
                panic!("{case}");
            };
            let schema = of_schema.field("schema").expect("a schema").clone();
            cases.push((schema, plain(value), from_hex(&bytes.to_string())));
        }
    }
    cases
}

fn file(name: &str) -> Value {
    let path = format!(
        "{}/tests/vectors/serialization/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).expect("a file of vectors");
    serde_json::from_str(&text).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::List(items) => items,
        other => panic!("{other}"),
    }
}

/// Bytes, floats and doubles have a form of their own in these files.
fn plain(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(plain).collect()),
        Value::Record(fields) => match &fields[..] {
            [(name, Value::Text(text))] if name == "$bytes" => Value::Bytes(from_hex(text)),
            [(name, Value::Text(text))] if name == "$double" => {
                let bits = u64::from_str_radix(text, 16).unwrap();
                Value::Double(Double::new(f64::from_bits(bits)))
            }
            [(name, Value::Whole(bits))] if name == "$float" => {
                Value::Float(Float::new(f32::from_bits(*bits as u32)))
            }
            fields => {
                let field = |(name, value): &(String, Value)| (name.clone(), plain(value));
                Value::Record(fields.iter().map(field).collect())
            }
        },
        other => other.clone(),
    }
}

/// These files have fields by their names, messages as their schemas have them.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Record(fields) => {
            let field = |(name, value): &(String, Value)| (name.clone(), in_order(value));
            let mut fields: Vec<_> = fields.iter().map(field).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Record(fields)
        }
        Value::List(items) => Value::List(items.iter().map(in_order).collect()),
        other => other.clone(),
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}
