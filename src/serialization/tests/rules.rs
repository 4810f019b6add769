//! One test a rule.

use super::{POSITION_AVRO, deserializer, position, record, serializer, text, with_schema};
use crate::serialization::{
    Charset, Class, Deserializer, Double, Float, Format, SchemaType, Serializer, Value, framing,
    hex, list,
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
}
