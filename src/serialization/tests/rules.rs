//! One test a rule.

use super::{
    POSITION_AVRO, POSITION_CONNECT, deserializer, position, record, serializer, text, with_schema,
};
use crate::serialization::{
    Charset, Class, Deserializer, Double, Float, Format, Misfit, Schema, SchemaType, Serializer,
    Value, framing, hex, list,
};

fn written(name: &str, value: &Value) -> String {
    let bytes = serializer(name).serialize(value, None).unwrap();
    hex(&bytes.expect("not null"))
}

#[test]
fn cs1_numbers_are_big_endian_and_another_length_is_refused() {
    for (name, value, bytes) in [
        ("int", Value::Whole(5), "00 00 00 05"),
        ("int", Value::Whole(-2), "ff ff ff fe"),
        ("long", Value::Whole(5), "00 00 00 00 00 00 00 05"),
        ("long", Value::Whole(i64::MIN), "80 00 00 00 00 00 00 00"),
        ("short", Value::Whole(-300), "fe d4"),
        ("float", Value::Float(Float::new(52.52)), "42 52 14 7b"),
        (
            "double",
            Value::Double(Double::new(52.52)),
            "40 4a 42 8f 5c 28 f5 c3",
        ),
    ] {
        assert_eq!(written(name, &value), bytes, "{name}");
        let class = format!("{name}: read back");
        let bytes = serializer(name).serialize(&value, None).unwrap().unwrap();
        let read = deserializer(name).deserialize(Some(&bytes), None);
        assert_eq!(read, Ok(value), "{class}");
    }
    for (name, why) in [
        ("int", "expected 4 bytes of an int, found 3 bytes, 61 62 63"),
        (
            "long",
            "expected 8 bytes of a long, found 3 bytes, 61 62 63",
        ),
        (
            "short",
            "expected 2 bytes of a short, found 3 bytes, 61 62 63",
        ),
        (
            "float",
            "expected 4 bytes of a float, found 3 bytes, 61 62 63",
        ),
        (
            "double",
            "expected 8 bytes of a double, found 3 bytes, 61 62 63",
        ),
    ] {
        let read = deserializer(name).deserialize(Some(b"abc"), None);
        assert_eq!(read.unwrap_err().to_string(), why);
    }
    // Eight bytes of text are a long, and nobody notices.
    let read = deserializer("long").deserialize(Some(b"truck 42"), None);
    assert_eq!(read, Ok(Value::Whole(8_390_898_125_604_140_082)));
    for (name, value) in [
        ("short", Value::Whole(32_768)),
        ("int", Value::Whole(1 << 31)),
        ("long", text("5")),
        ("double", text("5")),
    ] {
        assert!(
            serializer(name).serialize(&value, None).is_err(),
            "{name} {value}"
        );
    }
}

#[test]
fn cs2_text_is_utf_8_unless_another_encoding_is_set_and_is_read_from_any_bytes() {
    let value = text("Zür\u{1f69a}");
    for (charset, bytes) in [
        ("UTF-8", "5a c3 bc 72 f0 9f 9a 9a"),
        ("utf-16", "fe ff 00 5a 00 fc 00 72 d8 3d de 9a"),
        ("UTF-16BE", "00 5a 00 fc 00 72 d8 3d de 9a"),
        ("UTF-16LE", "5a 00 fc 00 72 00 3d d8 9a de"),
        ("ISO-8859-1", "5a fc 72 3f"),
        ("US-ASCII", "5a 3f 72 3f"),
    ] {
        let charset = Charset::parse(charset).unwrap();
        let writer = Serializer {
            charset,
            ..serializer("string")
        };
        let written = writer.serialize(&value, None).unwrap().unwrap();
        assert_eq!(hex(&written), bytes, "{charset:?}");
    }
    assert_eq!(Charset::parse("EBCDIC"), None);
    let read = |charset, bytes: &[u8]| Charset::parse(charset).unwrap().decode(bytes);
    assert_eq!(read("UTF-8", &[0x41, 0xff]), "A\u{fffd}");
    assert_eq!(read("US-ASCII", &[0x41, 0xc3]), "A\u{fffd}");
    assert_eq!(read("ISO-8859-1", &[0xfc]), "ü");
    assert_eq!(read("UTF-16", &[0xff, 0xfe, 0x41, 0]), "A");
    assert_eq!(read("UTF-16BE", &[0, 0x41, 0]), "A\u{fffd}");
    // Text of what is no text: the application's own words for it.
    assert_eq!(written("string", &Value::Whole(5)), "35");
    assert_eq!(
        position().to_string(),
        r#"{"truck":"truck 7","number":5,"time":1795330000123,"latitude":52.52,"longitude":13.405644}"#
    );
}

#[test]
fn cs3_a_uuid_is_its_36_characters() {
    let id = "123e4567-e89b-12d3-a456-426614174000";
    let bytes = serializer("uuid").serialize(&text(&id.to_uppercase()), None);
    assert_eq!(bytes, Ok(Some(id.as_bytes().to_vec())));
    let read = |text: &str| deserializer("uuid").deserialize(Some(text.as_bytes()), None);
    assert_eq!(read(id), Ok(text(id)));
    assert_eq!(
        read("1-2-3-4-5"),
        Ok(text("00000001-0002-0003-0004-000000000005"))
    );
    assert_eq!(
        read("truck 7").unwrap_err().to_string(),
        "expected the text of a UUID, found 7 bytes, 74 72 75 63 6b 20 37"
    );
}

#[test]
fn cs4_bytes_are_as_they_are() {
    let bytes = Value::Bytes(vec![0, 1, 255]);
    for name in [
        "bytes",
        "ByteArraySerializer",
        "ByteBufferSerializer",
        "BytesSerializer",
    ] {
        assert_eq!(written(name, &bytes), "00 01 ff");
    }
    assert_eq!(
        deserializer("bytes").deserialize(Some(&[0, 1, 255]), None),
        Ok(bytes)
    );
}

#[test]
fn cs5_a_boolean_is_one_byte() {
    assert_eq!(written("boolean", &Value::Boolean(true)), "01");
    assert_eq!(written("boolean", &Value::Boolean(false)), "00");
    let read = |bytes: &[u8]| deserializer("boolean").deserialize(Some(bytes), None);
    assert_eq!(read(&[1]), Ok(Value::Boolean(true)));
    assert!(read(&[2]).is_err() && read(&[0, 0]).is_err() && read(&[]).is_err());
}

#[test]
fn cs6_void_writes_null_and_reads_nothing_else() {
    assert_eq!(serializer("void").serialize(&text("x"), None), Ok(None));
    assert_eq!(
        deserializer("void").deserialize(None, None),
        Ok(Value::Null)
    );
    let read = deserializer("void").deserialize(Some(b"x"), None);
    assert_eq!(
        read.unwrap_err().to_string(),
        "expected null, found 1 byte, 78"
    );
}

#[test]
fn cs7_a_list_of_known_size_says_its_nulls_first_and_others_their_lengths() {
    let numbers = Value::List(vec![Value::Whole(1), Value::Null, Value::Whole(2)]);
    let bytes = list::write(Format::Integer, Charset::Utf8, &numbers).unwrap();
    assert_eq!(
        hex(&bytes),
        "00 00 00 00 01 00 00 00 01 00 00 00 03 00 00 00 01 00 00 00 02"
    );
    assert_eq!(
        list::read(Format::Integer, Charset::Utf8, &bytes),
        Ok(numbers)
    );
    let texts = Value::List(vec![text("a"), Value::Null]);
    let bytes = list::write(Format::String, Charset::Utf8, &texts).unwrap();
    assert_eq!(hex(&bytes), "01 00 00 00 02 00 00 00 01 61 ff ff ff ff");
    assert_eq!(list::read(Format::String, Charset::Utf8, &bytes), Ok(texts));
    assert!(list::read(Format::String, Charset::Utf8, &[2, 0, 0, 0, 0]).is_err());
    assert!(list::read(Format::String, Charset::Utf8, &bytes[..12]).is_err());
    // A length that is a lie takes no memory.
    assert!(list::read(Format::String, Charset::Utf8, &[1, 127, 0, 0, 0]).is_err());
}

#[test]
fn cs8_null_is_null_in_every_serializer() {
    for format in Format::ALL {
        let name = format.name();
        assert_eq!(
            serializer(name).serialize(&Value::Null, None),
            Ok(None),
            "{name}"
        );
        assert_eq!(
            deserializer(name).deserialize(None, None),
            Ok(Value::Null),
            "{name}"
        );
    }
}

#[test]
fn cs10_json_is_compact_with_bytes_in_base64_and_fields_in_their_order() {
    let value = record(&[
        ("b", Value::Bytes(b"any carnal pleas".to_vec())),
        (
            "a",
            Value::List(vec![
                Value::Null,
                Value::Boolean(true),
                Value::Double(Double::new(1.0)),
            ]),
        ),
        ("t", text("\"\\\u{1}\n\u{e9}")),
    ]);
    let bytes = serializer("json").serialize(&value, None).unwrap().unwrap();
    let json = r#"{"b":"YW55IGNhcm5hbCBwbGVhcw==","a":[null,true,1.0],"t":"\"\\\u0001\n"#
        .to_owned()
        + "é\"}";
    assert_eq!(String::from_utf8(bytes).unwrap(), json);
    let read = |bytes: &[u8]| deserializer("json").deserialize(Some(bytes), None);
    assert_eq!(
        read(br#" {"b":1,"a":-2.5e0,"b":[]} and what follows"#),
        Ok(record(&[
            ("b", Value::List(vec![])),
            ("a", Value::Double(Double::new(-2.5)))
        ]))
    );
    assert_eq!(read(b""), Ok(Value::Null));
    let why = read(&[0, 0, 0, 5]).unwrap_err().to_string();
    assert_eq!(
        why,
        "expected JSON, found 4 bytes, 00 00 00 05 (wrong at byte 1)"
    );
}

#[test]
fn cs9_connects_converter_puts_the_schema_beside_each_payload_unless_it_is_told_not_to() {
    let (writer, reader) = with_schema("connect-json", SchemaType::Connect, POSITION_CONNECT);
    let bare = Serializer {
        schemas_enable: false,
        ..writer.clone()
    };
    let json = |writer: &Serializer, value: &Value| {
        let bytes = writer.serialize(value, None).unwrap();
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    };
    let payload = r#"{"truck":"truck 7","number":5,"time":1795330000123,"latitude":52.52,"longitude":13.405644}"#;
    assert_eq!(json(&bare, &position()).as_deref(), Some(payload));
    let enveloped = json(&writer, &position()).unwrap();
    assert!(enveloped.starts_with(r#"{"schema":{"type":"struct","fields":[{"type":"string","#));
    assert!(enveloped.ends_with(&format!("\"payload\":{payload}}}")));
    let read = |reader: &Deserializer, text: &str| reader.deserialize(Some(text.as_bytes()), None);
    assert_eq!(read(&reader, &enveloped), Ok(position()));
    // Each end has its setting, and nothing in the bytes says which.
    let expected = "expected {\"schema\": ..., \"payload\": ...} and no other field, since schemas.enable is true, found ";
    for (text, found) in [
        (
            payload,
            "90 bytes, which begin with 7b 22 74 72 75 63 6b 22 (an object with truck, number, time, latitude, longitude)",
        ),
        ("5", "1 byte, 35 (a whole number)"),
        ("", "no bytes (no JSON)"),
        (
            r#"{"schema":null,"payload":5,"a":1}"#,
            "33 bytes, which begin with 7b 22 73 63 68 65 6d 61 (an object with schema, payload, a)",
        ),
    ] {
        let why = read(&reader, text).unwrap_err().to_string();
        assert_eq!(why, format!("{expected}{found}"));
    }
    let bare_reader = Deserializer {
        schemas_enable: false,
        ..reader.clone()
    };
    let whole = read(&bare_reader, &enveloped).unwrap();
    assert_eq!(whole.field("payload"), Some(&position()));
    // A null without a schema is null, one with a schema that allows it is JSON.
    let without = serializer("JsonConverter");
    assert_eq!(json(&without, &Value::Null), None);
    assert_eq!(
        json(&without, &Value::Whole(5)).as_deref(),
        Some(r#"{"schema":null,"payload":5}"#)
    );
    let optional = r#"{"type": "int32", "optional": true}"#;
    let (optional, _) = with_schema("connect-json", SchemaType::Connect, optional);
    assert_eq!(
        json(&optional, &Value::Null).as_deref(),
        Some(r#"{"schema":{"type":"int32","optional":true},"payload":null}"#)
    );
    // What the schema does not describe is not written, and of another kind of JSON something is read.
    assert_eq!(
        writer.serialize(&text("truck 7"), None),
        Err(Misfit("the schema wants struct, not text: truck 7".into()))
    );
    let wrong = enveloped.replace("52.52", "\"52.52\"");
    let latitude = read(&reader, &wrong).unwrap();
    assert_eq!(
        latitude.field("latitude"),
        Some(&Value::Double(Double::new(0.0)))
    );
    let wrong = enveloped.replace("\"truck 7\"", "7");
    let why = read(&reader, &wrong).unwrap_err().to_string();
    assert!(
        why.ends_with("(field truck: null, and string is required)"),
        "{why}"
    );
}

#[test]
fn cs11_a_schema_of_connects_is_json_and_written_in_one_order() {
    let schema = r#"{"name": "n", "doc": "d", "version": 3, "parameters": {"p": "q"}, "optional": true,
        "fields": [{"field": "m", "values": {"type": "int8"}, "keys": {"type": "string"}, "type": "map"},
                   {"field": "l", "default": [1], "items": {"type": "int16"}, "type": "array"}],
        "type": "struct", "else": 1}"#;
    let (writer, _) = with_schema("connect-json", SchemaType::Connect, schema);
    let value = record(&[("m", record(&[("a", Value::Whole(1))]))]);
    let bytes = writer.serialize(&value, None).unwrap().unwrap();
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        concat!(
            r#"{"schema":{"type":"struct","fields":[{"type":"map","keys":{"type":"string","optional":false},"#,
            r#""values":{"type":"int8","optional":false},"optional":false,"field":"m"},"#,
            r#"{"type":"array","items":{"type":"int16","optional":false},"optional":false,"default":[1],"field":"l"}],"#,
            r#""optional":true,"name":"n","version":3,"doc":"d","parameters":{"p":"q"}},"#,
            r#""payload":{"m":{"a":1},"l":[1]}}"#
        )
    );
    for (schema, why) in [
        (
            "",
            "an empty text, expected a schema of Connect's in JSON, such as {\"type\": \"string\"}",
        ),
        (
            "{\"type\": \"int32\"",
            "no JSON: it ends in the middle, expected a whole value, with all its brackets and quotes closed, at line 1 column 17 of the schema",
        ),
        (
            "\"string\"",
            "text where a schema should be, expected an object with \"type\", such as {\"type\": \"string\"}, at line 1 column 1 of the schema",
        ),
        (
            "{\"type\": \"struct\", \"fields\": [\n  {\"field\": \"truck\", \"type\": \"String\"}]}",
            "an unknown type \"String\", expected one of boolean, int8, int16, int32, int64, float, double, bytes, string, array, map or struct, at line 2 column 30 of the schema",
        ),
        (
            "{\"type\": \"struct\", \"fields\": [\n  {\"name\": \"truck\", \"type\": \"string\"}]}",
            "a field without a name, expected \"field\" with its name beside its \"type\", at line 2 column 3 of the schema",
        ),
        (
            "{\"type\": \"array\"}",
            "type \"array\" without \"items\", expected a schema there, such as {\"type\": \"string\"}, at line 1 column 1 of the schema",
        ),
        (
            "{\"type\": \"int8\", \"default\": null}",
            "a default that is none: null, and int8 is required, expected a value of the type, or no default, at line 1 column 29 of the schema",
        ),
    ] {
        let error = Schema::parse(SchemaType::Connect, schema).unwrap_err();
        assert_eq!(error.to_string(), why);
    }
}

#[test]
fn cs12_the_registrys_serializers_begin_with_0_and_the_schemas_id() {
    let (writer, reader) = with_schema("KafkaAvro*", SchemaType::Avro, r#""string""#);
    let bytes = writer.serialize(&text("hi"), Some(258)).unwrap().unwrap();
    assert_eq!(hex(&bytes), "00 00 00 01 02 04 68 69");
    assert_eq!(reader.schema_id(Some(&bytes)), Ok(Some(258)));
    let schema = writer.schema.as_deref();
    assert_eq!(reader.deserialize(Some(&bytes), schema), Ok(text("hi")));
    // Bare bytes have no length.
    let (writer, reader) = with_schema("KafkaAvro*", SchemaType::Avro, r#""bytes""#);
    let value = Value::Bytes(vec![7, 8]);
    let bytes = writer.serialize(&value, Some(1)).unwrap().unwrap();
    assert_eq!(hex(&bytes), "00 00 00 00 01 07 08");
    assert_eq!(
        reader.deserialize(Some(&bytes), writer.schema.as_deref()),
        Ok(value)
    );
    // Without a registry there is no prefix.
    let (writer, _) = with_schema("avro", SchemaType::Avro, r#""string""#);
    assert_eq!(
        writer.serialize(&text("hi"), None),
        Ok(Some(vec![4, 0x68, 0x69]))
    );
}

#[test]
fn cs13_protobuf_says_which_message_of_its_file_it_is() {
    for (indexes, bytes) in [
        (vec![0], "00"),
        (vec![1], "02 02"),
        (vec![0, 1], "04 00 02"),
        (vec![2, 0], "04 04 00"),
    ] {
        let mut out = Vec::new();
        framing::write_indexes(&mut out, &indexes);
        assert_eq!(hex(&out), bytes);
        assert_eq!(framing::read_indexes(&mut &out[..]), Some(indexes));
    }
    assert_eq!(
        framing::read_indexes(&mut &[2, 0][..]),
        Some(vec![0]),
        "the long form of it"
    );
    assert_eq!(framing::read_indexes(&mut &[200, 1, 0][..]), None);
    let proto = "syntax = \"proto3\"; message A { string a = 1; message B { int32 b = 1; } }";
    let (writer, reader) = with_schema("KafkaProtobuf*", SchemaType::Protobuf, proto);
    let value = record(&[("a", text("x"))]);
    let bytes = writer.serialize(&value, Some(3)).unwrap().unwrap();
    assert_eq!(hex(&bytes), "00 00 00 00 03 00 0a 01 78");
    assert_eq!(
        reader.deserialize(Some(&bytes), writer.schema.as_deref()),
        Ok(value)
    );
    let inner = [0, 0, 0, 0, 3, 4, 0, 0, 8, 9];
    let reader = deserializer("KafkaProtobufDeserializer");
    let reader = Deserializer {
        class: Class {
            format: Format::Protobuf,
            registry: true,
        },
        ..reader
    };
    assert_eq!(
        reader.deserialize(Some(&inner), writer.schema.as_deref()),
        Ok(record(&[("b", Value::Whole(9))]))
    );
}

#[test]
fn cs14_what_does_not_begin_with_the_magic_byte_is_refused_and_null_has_none() {
    let (writer, reader) = with_schema("KafkaAvro*", SchemaType::Avro, POSITION_AVRO);
    assert_eq!(writer.serialize(&Value::Null, Some(1)), Ok(None));
    assert_eq!(reader.schema_id(None), Ok(None));
    let why = reader
        .schema_id(Some(br#"{"truck":"truck 7"}"#))
        .unwrap_err();
    assert_eq!(
        why.to_string(),
        "expected the magic byte 0 and a schema's id of 4 bytes, found 19 bytes, which begin with 7b 22 74 72 75 63 6b 22"
    );
    assert!(reader.schema_id(Some(&[0, 0, 0, 1])).is_err(), "too short");
}

#[test]
fn serializers_are_known_by_short_names_classes_and_classes_with_their_packages() {
    let class = |format, registry| Some(Class { format, registry });
    for (name, expected) in [
        ("int", class(Format::Integer, false)),
        ("IntegerSerializer", class(Format::Integer, false)),
        (
            "org.apache.kafka.common.serialization.UUIDSerializer",
            class(Format::Uuid, false),
        ),
        (
            "org.apache.kafka.connect.json.JsonSerializer",
            class(Format::Json, false),
        ),
        ("JsonConverter", class(Format::ConnectJson, false)),
        (
            "org.apache.kafka.connect.json.JsonConverter",
            class(Format::ConnectJson, false),
        ),
        ("avro", class(Format::Avro, false)),
        (
            "io.confluent.kafka.serializers.KafkaAvroSerializer",
            class(Format::Avro, true),
        ),
        (
            "io.confluent.kafka.serializers.protobuf.KafkaProtobufSerializer",
            class(Format::Protobuf, true),
        ),
        ("IntegerDeserializer", None),
        ("com.example.IntegerSerializer", None),
        ("Integer", None),
    ] {
        assert_eq!(Class::serializer(name), expected, "{name}");
    }
    assert!(Class::deserializer("IntegerDeserializer").is_some());
    assert!(Class::deserializer("JsonConverter").is_some());
}
