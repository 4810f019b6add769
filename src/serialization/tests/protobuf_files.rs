//! `.proto` files: what is none, what reads what.

use super::{deserializer, record, serializer, text};
use crate::serialization::{
    Compatibility, Deserializer, Schema, SchemaError, SchemaType, Serializer, Value, hex,
};
use std::rc::Rc;

fn proto(body: &str) -> Result<Schema, SchemaError> {
    Schema::parse(
        SchemaType::Protobuf,
        &format!("syntax = \"proto3\";\n{body}"),
    )
}

#[test]
fn what_is_no_file_is_said_with_its_place() {
    for (body, why) in [
        (
            "message M { int32 a = 0; }",
            "the number 0 of field a, expected 1 to 536870911, but none from 19000 to 19999, at line 2 column 23 of the schema",
        ),
        (
            "message M { int32 a = 1; int32 b = 1; }",
            "field b = 1 beside a = 1, expected each name and each number once, at line 2 column 26 of the schema",
        ),
        (
            "message M { integer a = 1; }",
            "no type is called \"integer\", expected a scalar type of proto3 such as int32 or string, or a message or enum of this file, at line 2 column 13 of the schema",
        ),
        (
            "message M { map<string, int32> a = 1; }",
            "\"map\", which this reader of proto3 does not know, expected a field, such as int32 a = 1;, at line 2 column 13 of the schema",
        ),
        (
            "message M { int32 a = 1 }",
            "\"}\", expected \";\", at line 2 column 25 of the schema",
        ),
        (
            "message M {",
            "it ends in the middle, expected more, such as the } of a message, at line 2 column 12 of the schema",
        ),
        (
            "",
            "a file without a message, expected message Name { ... }, at line 1 column 19 of the schema",
        ),
        (
            "enum E { A = 1; }",
            "enum E, whose first symbol is not 0, expected a first symbol with the number 0, at line 2 column 10 of the schema",
        ),
        (
            "service S {}",
            "\"service\", expected package, option, message or enum, at line 2 column 1 of the schema",
        ),
    ] {
        assert_eq!(proto(body).unwrap_err().to_string(), why);
    }
    let old = Schema::parse(SchemaType::Protobuf, "syntax = \"proto2\";");
    assert_eq!(
        old.unwrap_err().to_string(),
        "syntax \"proto2\", expected \"proto3\", at line 1 column 10 of the schema"
    );
}

#[test]
fn names_are_looked_for_from_the_inside_out() {
    let file = "package fleet; // where it belongs
        message Outer {
            option deprecated = true;
            message Inner { Kind kind = 1 [deprecated = true]; .fleet.Kind other = 2; }
            enum Kind { LOCAL = 0; FAR = 5; }
            oneof what { Inner inner = 1; string text = 2; }
            repeated Kind kinds = 3; /* many */
            reserved 9, 10;
        }
        enum Kind { GLOBAL = 0; WIDE = 7; }";
    let schema = Some(Rc::new(proto(file).unwrap()));
    let writer = Serializer {
        schema: schema.clone(),
        ..serializer("protobuf")
    };
    let reader = Deserializer {
        schema,
        ..deserializer("protobuf")
    };
    let inner = record(&[("kind", text("FAR")), ("other", text("WIDE"))]);
    let value = record(&[
        ("inner", inner),
        ("text", Value::Null),
        ("kinds", Value::List(vec![text("FAR"), text("LOCAL")])),
    ]);
    let bytes = writer.serialize(&value, None).unwrap().unwrap();
    assert_eq!(hex(&bytes), "0a 04 08 05 10 07 1a 02 05 00");
    assert_eq!(reader.deserialize(Some(&bytes), None), Ok(value));
}

#[test]
fn unknown_fields_are_gone_past_and_what_is_no_message_is_refused() {
    let schema = Some(Rc::new(proto("message M { int32 a = 1; }").unwrap()));
    let reader = Deserializer {
        schema,
        ..deserializer("protobuf")
    };
    let read = |bytes: &[u8]| reader.deserialize(Some(bytes), None);
    let a = |number| Ok(record(&[("a", Value::Whole(number))]));
    assert_eq!(read(&[]), a(0));
    assert_eq!(read(&[8, 5, 8, 6]), a(6), "the last counts");
    assert_eq!(read(&[0x12, 1, 0x78, 8, 5]), a(5), "an unknown text");
    assert_eq!(read(&[0x0a, 1, 0x78, 8, 5]), a(5), "another wire type");
    assert_eq!(read(&[0x1b, 8, 1, 0x1c, 8, 5]), a(5), "an unknown group");
    let why = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert_eq!(
        why(&[0, 0, 0, 5]),
        "expected Protobuf's message M, found 4 bytes, 00 00 00 05 (a field of number 0)"
    );
    assert!(
        why(br#"{"truck":"truck 7"}"#).starts_with("expected Protobuf's message M, found 19 bytes")
    );
    assert!(why(&[8]).ends_with("(it ends too early)"));
    assert!(why(&[0x0f]).ends_with("(a field of wire type 7, which there is not)"));
    assert!(why(&[0x1b; 300]).ends_with("(groups within groups without end)"));
}

#[test]
fn fields_may_come_and_go_and_a_number_keeps_its_kind() {
    let cases = [
        ("int32 a = 1;", "int32 a = 1; string b = 2;", true),
        ("int32 a = 1; string b = 2;", "int32 a = 1;", true),
        ("int32 a = 1;", "int64 a = 1;", true),
        ("int32 a = 1;", "int32 b = 1;", true),
        ("int32 a = 1;", "sint32 a = 1;", false),
        ("int32 a = 1;", "string a = 1;", false),
        ("string a = 1;", "bytes a = 1;", true),
        ("int32 a = 1;", "repeated int32 a = 1;", false),
        ("N a = 1; message N {}", "string a = 1; message N {}", false),
        (
            "N a = 1; message N { int32 x = 1; }",
            "N a = 1; message N { string x = 1; }",
            false,
        ),
    ];
    for (old, new, fits) in cases {
        let schema = |fields: &str| proto(&format!("message M {{ {fields} }}")).unwrap();
        let (old_schema, new_schema) = (schema(old), schema(new));
        for level in [
            Compatibility::Backward,
            Compatibility::Forward,
            Compatibility::Full,
        ] {
            let checked = level.check(&new_schema, &[(1, &old_schema)]);
            assert_eq!(checked.is_ok(), fits, "{old} to {new}: {checked:?}");
        }
    }
    let (m, n) = (
        proto("message M {}").unwrap(),
        proto("message N {}").unwrap(),
    );
    let why = Compatibility::Backward.check(&n, &[(1, &m)]).unwrap_err();
    assert_eq!(
        why.to_string(),
        "it cannot read what version 1 wrote: the message M is written and is no longer there"
    );
    let avro = Schema::parse(SchemaType::Avro, r#""int""#).unwrap();
    assert!(Compatibility::Backward.check(&avro, &[(1, &m)]).is_err());
}
