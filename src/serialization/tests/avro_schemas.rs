//! Avro schemas: what is none, what reads what.

use super::{POSITION_AVRO, record, text, with_schema};
use crate::serialization::{Compatibility, Double, Schema, SchemaType, Value, hex};

fn avro(text: &str) -> Schema {
    Schema::parse(SchemaType::Avro, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn point(fields: &str) -> Schema {
    avro(&format!(
        r#"{{"type": "record", "name": "P", "fields": [{fields}]}}"#
    ))
}

#[test]
fn what_is_no_schema_is_said_with_its_place_or_name() {
    for (text, why) in [
        (
            "{",
            "no JSON: it ends in the middle, expected a whole value, with all its brackets and quotes closed, at line 1 column 2 of the schema",
        ),
        (
            "{\"type\": \"record\",\n \"name\": }",
            "no JSON from here on, expected a value: text in double quotes, a number, a list or a map, at line 2 column 10 of the schema",
        ),
        (
            "[\"int\" \"ä\"]",
            "no JSON from here on, expected \",\" or \"]\", at line 1 column 8 of the schema",
        ),
        (
            "{type: 1}",
            "no JSON from here on, expected a key in double quotes, at line 1 column 2 of the schema",
        ),
        (
            "\"int\" x",
            "no JSON from here on, expected nothing behind the schema, at line 1 column 7 of the schema",
        ),
        (
            " \n",
            "an empty text, expected a type in JSON, such as \"string\" or {\"type\": \"record\", ...}",
        ),
        (
            r#"[["int"]]"#,
            "a union directly in a union, expected the types of both in one list, at line 1 column 2 of the schema",
        ),
        (
            "5",
            "5 where a type should be, expected a name, a list, or a map with \"type\", at line 1 column 1 of the schema",
        ),
        (
            r#""integer""#,
            "no type is called \"integer\", expected null, boolean, int, long, float, double, bytes, string, or a name that was given before, at line 1 column 1 of the schema",
        ),
        (
            "[]",
            "a union without types, expected at least one type, such as [\"null\", \"string\"], at line 1 column 1 of the schema",
        ),
        (
            r#"["int", "int"]"#,
            "a union with the same type twice, expected each type once; of those with names, each name once, at line 1 column 9 of the schema",
        ),
        (
            r#"{"type": "array"}"#,
            "a type \"array\" without \"items\", expected \"items\" beside \"type\", at line 1 column 1 of the schema",
        ),
        (
            r#"{"type": "record", "name": "a b", "fields": []}"#,
            "\"a b\" is no name, expected letters, digits and _, none of these first a digit, at line 1 column 28 of the schema",
        ),
        (
            r#"{"type": "record", "name": "P", "fields": [{"name": "x", "type": "int", "default": "no"}]}"#,
            "the default of field x of P is no, which is no int, expected a default of type int, at line 1 column 84 of the schema",
        ),
        (
            r#"{"type": "record", "name": "P", "fields": [{"name": "x", "type": ["null", "nt"]}]}"#,
            "field x of P: no type is called \"nt\", expected null, boolean, int, long, float, double, bytes, string, or a name that was given before, at line 1 column 75 of the schema",
        ),
        (
            r#"{"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}, {"name": "x", "type": "int"}]}"#,
            "\"x\" cannot be a field of P, expected a name of letters, digits and _, once, at line 1 column 83 of the schema",
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": []}"#,
            "the symbols of E are no list of names, expected at least one name of letters, digits and _, such as [\"ON\", \"OFF\"], at line 1 column 42 of the schema",
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": -1}"#,
            "the size of F is -1, expected 0 to 65536, at line 1 column 40 of the schema",
        ),
    ] {
        let error = Schema::parse(SchemaType::Avro, text).unwrap_err();
        assert_eq!(error.to_string(), why, "{text}");
    }
    let nested = r#"{"type": "array", "items": "#.repeat(5_000);
    assert!(Schema::parse(SchemaType::Avro, &nested).is_err());
}

#[test]
fn a_type_may_hold_itself() {
    let schema = r#"{"type": "record", "name": "a.Node", "fields": [
        {"name": "v", "type": "int"}, {"name": "next", "type": ["null", "Node"]}]}"#;
    let (writer, reader) = with_schema("avro", SchemaType::Avro, schema);
    let node = |v, next| record(&[("v", Value::Whole(v)), ("next", next)]);
    let value = node(1, node(2, Value::Null));
    let bytes = writer.serialize(&value, None).unwrap().unwrap();
    assert_eq!(hex(&bytes), "02 02 04 00");
    assert_eq!(reader.deserialize(Some(&bytes), None), Ok(value));
    // Without an end: refused, and no stack overflows.
    assert!(reader.deserialize(Some(&[2; 4_000]), None).is_err());
    assert_eq!(
        Compatibility::Full.check(&avro(schema), &[(1, &avro(schema))]),
        Ok(())
    );
}

#[test]
fn values_that_a_schema_does_not_describe_are_refused_with_the_field() {
    let (writer, _) = with_schema("avro", SchemaType::Avro, POSITION_AVRO);
    let misfit = writer
        .serialize(&record(&[("truck", text("t"))]), None)
        .unwrap_err();
    assert_eq!(
        misfit.to_string(),
        r#"fleet.Position wants a field number, which {"truck":"t"} lacks"#
    );
    let misfit = writer
        .serialize(&record(&[("truck", Value::Whole(7))]), None)
        .unwrap_err();
    assert_eq!(
        misfit.to_string(),
        "field truck: the schema wants string, not a whole number: 7"
    );
    let misfit = writer.serialize(&Value::Whole(7), None).unwrap_err();
    assert_eq!(
        misfit.to_string(),
        "the schema wants fleet.Position, not a whole number: 7"
    );
}

/// Every change of a field, who can still read whom, and that decoding agrees.
#[test]
fn compatibility_says_what_decoding_does() {
    let x = r#"{"name": "x", "type": "int"}"#;
    let cases: &[(&str, &str, bool, bool)] = &[
        // older, newer, new reads old, old reads new
        (x, x, true, true),
        (
            x,
            r#"{"name": "x", "type": "int"}, {"name": "y", "type": "int"}"#,
            false,
            true,
        ),
        (
            x,
            r#"{"name": "x", "type": "int"}, {"name": "y", "type": "int", "default": 3}"#,
            true,
            true,
        ),
        (x, r#"{"name": "x", "type": "long"}"#, true, false),
        (x, r#"{"name": "x", "type": "double"}"#, true, false),
        (x, r#"{"name": "x", "type": "string"}"#, false, false),
        (x, r#"{"name": "x", "type": ["null", "int"]}"#, true, false),
        (x, r#"{"name": "z", "type": "int"}"#, false, false),
        (
            x,
            r#"{"name": "z", "aliases": ["x"], "type": "int"}"#,
            true,
            false,
        ),
        (
            r#"{"name": "x", "type": "string"}"#,
            r#"{"name": "x", "type": "bytes"}"#,
            true,
            true,
        ),
        (
            r#"{"name": "x", "type": {"type": "enum", "name": "E", "symbols": ["A"]}}"#,
            r#"{"name": "x", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}}"#,
            true,
            false,
        ),
        (
            r#"{"name": "x", "type": {"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}}"#,
            r#"{"name": "x", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}}"#,
            true,
            true,
        ),
        (
            r#"{"name": "x", "type": {"type": "array", "items": "int"}}"#,
            r#"{"name": "x", "type": {"type": "array", "items": "long"}}"#,
            true,
            false,
        ),
    ];
    for (older, newer, new_reads_old, old_reads_new) in cases {
        let (old, new) = (point(older), point(newer));
        let check = |level: Compatibility| level.check(&new, &[(1, &old)]);
        let backward = check(Compatibility::Backward);
        let forward = check(Compatibility::Forward);
        let full = check(Compatibility::Full);
        assert_eq!(
            backward.is_ok(),
            *new_reads_old,
            "{older} to {newer}: {backward:?}"
        );
        assert_eq!(
            forward.is_ok(),
            *old_reads_new,
            "{older} to {newer}: {forward:?}"
        );
        assert_eq!(full.is_ok(), *new_reads_old && *old_reads_new);
        assert_eq!(check(Compatibility::None), Ok(()));
        assert_eq!(
            can_decode(&old, &new),
            *new_reads_old,
            "{older} read as {newer}"
        );
        assert_eq!(
            can_decode(&new, &old),
            *old_reads_new,
            "{newer} read as {older}"
        );
    }
}

/// Whether some value that `writer` writes cannot be read as `reader` has it.
fn can_decode(writer: &Schema, reader: &Schema) -> bool {
    let (Schema::Avro(writer), Schema::Avro(reader)) = (writer, reader) else {
        return false;
    };
    let values = [
        Value::Whole(5),
        text("A"),
        text("B"),
        Value::Null,
        Value::Double(Double::new(1.5)),
        Value::Bytes(vec![65]),
        Value::List(vec![Value::Whole(1 << 20)]),
    ];
    let mut written = 0;
    for value in values {
        let object = record(&[("x", value.clone()), ("y", Value::Whole(1)), ("z", value)]);
        let Ok(bytes) = writer.encode(&object) else {
            continue;
        };
        written += 1;
        if writer.decode(Some(reader), &bytes).is_err() {
            return false;
        }
    }
    assert!(written > 0, "nothing fits");
    true
}

#[test]
fn a_new_version_is_held_against_the_last_or_against_all() {
    let one = point(r#"{"name": "x", "type": "int"}"#);
    let two = point("");
    let three = point(r#"{"name": "x", "type": "string", "default": ""}"#);
    let versions = [(1, &one), (2, &two)];
    assert_eq!(Compatibility::Backward.check(&three, &versions), Ok(()));
    let why = Compatibility::BackwardTransitive
        .check(&three, &versions)
        .unwrap_err();
    assert_eq!(
        why.to_string(),
        "it cannot read what version 1 wrote: field x: it is written as int and read as string"
    );
    let four = point(r#"{"name": "x", "type": "int"}"#);
    let why = Compatibility::Backward.check(&four, &versions).unwrap_err();
    assert_eq!(
        why.to_string(),
        "it cannot read what version 2 wrote: field x is read, is not written, and has no default"
    );
    assert_eq!(Compatibility::Forward.check(&four, &versions), Ok(()));
    assert_eq!(
        Compatibility::Full.check(&four, &[]),
        Ok(()),
        "the first version"
    );
}

#[test]
fn a_reader_sees_its_own_fields_with_defaults_for_what_was_not_written() {
    let old = point(r#"{"name": "x", "type": "int"}, {"name": "gone", "type": "string"}"#);
    let new = point(
        r#"{"name": "speed", "type": "double", "default": -1}, {"name": "x", "type": "long"}"#,
    );
    let (Schema::Avro(old), Schema::Avro(new)) = (&old, &new) else {
        panic!("two Avro schemas");
    };
    let bytes = old
        .encode(&record(&[("x", Value::Whole(7)), ("gone", text("g"))]))
        .unwrap();
    let read = old.decode(Some(new), &bytes).unwrap();
    assert_eq!(read.to_string(), r#"{"speed":-1,"x":7}"#);
}
