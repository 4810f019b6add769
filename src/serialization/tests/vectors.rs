//! Bytes as apache-avro and prost write them (tests/vectors/serialization).

use crate::serialization::{Double, Float, Schema, SchemaType, Value, hex, json};

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

/// Schema, value and bytes.
fn vectors(name: &str) -> Vec<(Value, Value, Vec<u8>)> {
    let path = format!(
        "{}/tests/vectors/serialization/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).expect("a file of vectors");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let mut cases = Vec::new();
    for of_schema in list(&file) {
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
