//! Reads messages as Java's classes do: a field that the schema does not have, or has with another wire type,
//! is gone past.

use super::{Field, Kind, Label, Message, Protobuf, WireType};
use crate::serialization::wire::{read_varint, take, unzigzag};
use crate::serialization::{Double, Float, Value};

/// Deepest nesting of messages, as in Java.
const DEEPEST: u32 = 100;
const START_GROUP: u64 = 3;
const END_GROUP: u64 = 4;

/// The error says what is wrong, in words.
pub(super) fn read_message(
    file: &Protobuf,
    message: &Message,
    bytes: &[u8],
    depth: u32,
) -> Result<Value, String> {
    if depth > DEEPEST {
        return Err("messages within messages without end".to_owned());
    }
    let mut values: Vec<Option<Value>> = vec![None; message.fields.len()];
    let mut rest = bytes;
    while !rest.is_empty() {
        let (number, wire_type) = read_tag(&mut rest)?;
        let place = message
            .fields
            .iter()
            .position(|field| field.number == number);
        let known = place.map(|place| (place, &message.fields[place]));
        match known {
            Some((place, field)) if field.kind.wire_type() as u64 == wire_type => {
                let value = read_value(file, field.kind, &mut rest, depth)?;
                set(&mut values[place], field, value);
            }
            Some((place, field))
                if field.label == Label::Repeated
                    && field.kind.is_packed()
                    && wire_type == WireType::Length as u64 =>
            {
                let mut packed = read_length(&mut rest)?;
                while !packed.is_empty() {
                    let value = read_value(file, field.kind, &mut packed, depth)?;
                    set(&mut values[place], field, value);
                }
            }
            _ => skip(&mut rest, number, wire_type, depth)?,
        }
    }
    let fields = message.fields.iter().zip(values);
    let fields = fields.map(|(field, value)| {
        let value = value.unwrap_or_else(|| default(file, field));
        (field.name.clone(), value)
    });
    Ok(Value::Record(fields.collect()))
}

/// Of a field that comes more than once the last counts.
fn set(place: &mut Option<Value>, field: &Field, value: Value) {
    match (field.label, place) {
        (Label::Repeated, Some(Value::List(items))) => items.push(value),
        (Label::Repeated, place) => *place = Some(Value::List(vec![value])),
        (_, place) => *place = Some(value),
    }
}

fn default(file: &Protobuf, field: &Field) -> Value {
    match (field.label, field.kind) {
        (Label::Repeated, _) => Value::List(Vec::new()),
        (Label::Optional, _) | (_, Kind::Message(_)) => Value::Null,
        (_, Kind::Double) => Value::Double(Double::new(0.0)),
        (_, Kind::Float) => Value::Float(Float::new(0.0)),
        (_, Kind::Bool) => Value::Boolean(false),
        (_, Kind::String) => Value::Text(String::new()),
        (_, Kind::Bytes) => Value::Bytes(Vec::new()),
        (_, Kind::Enum(place)) => Value::Text(file.enums[place].symbols[0].0.clone()),
        _ => Value::Whole(0),
    }
}

fn read_value(file: &Protobuf, kind: Kind, rest: &mut &[u8], depth: u32) -> Result<Value, String> {
    Ok(match kind {
        Kind::Double => Value::Double(Double::new(f64::from_bits(read_fixed64(rest)?))),
        Kind::Float => Value::Float(Float::new(f32::from_bits(read_fixed32(rest)?))),
        Kind::Fixed64 => unsigned(read_fixed64(rest)?),
        Kind::Sfixed64 => Value::Whole(read_fixed64(rest)? as i64),
        Kind::Fixed32 => Value::Whole(read_fixed32(rest)?.into()),
        Kind::Sfixed32 => Value::Whole((read_fixed32(rest)? as i32).into()),
        Kind::Int32 => Value::Whole((read_number(rest)? as i32).into()),
        Kind::Int64 => Value::Whole(read_number(rest)? as i64),
        Kind::Uint32 => Value::Whole((read_number(rest)? as u32).into()),
        Kind::Uint64 => unsigned(read_number(rest)?),
        Kind::Sint32 => Value::Whole((unzigzag(read_number(rest)?) as i32).into()),
        Kind::Sint64 => Value::Whole(unzigzag(read_number(rest)?)),
        Kind::Bool => Value::Boolean(read_number(rest)? != 0),
        Kind::String => {
            let text = std::str::from_utf8(read_length(rest)?);
            Value::Text(text.map_err(|_| "text that is not UTF-8")?.to_owned())
        }
        Kind::Bytes => Value::Bytes(read_length(rest)?.to_vec()),
        Kind::Enum(place) => {
            let number = read_number(rest)? as i32;
            let symbols = &file.enums[place].symbols;
            let symbol = symbols.iter().find(|(_, known)| *known == number);
            symbol.map_or(Value::Whole(number.into()), |(name, _)| {
                Value::Text(name.clone())
            })
        }
        Kind::Message(place) => {
            let bytes = read_length(rest)?;
            read_message(file, &file.messages[place], bytes, depth + 1)?
        }
    })
}

/// More than 63 bits do not fit a whole number here: they are what Java makes of them, negative.
fn unsigned(number: u64) -> Value {
    Value::Whole(number as i64)
}

fn read_tag(rest: &mut &[u8]) -> Result<(u32, u64), String> {
    let tag = read_number(rest)? as u32;
    match tag >> 3 {
        0 => Err("a field of number 0".to_owned()),
        number => Ok((number, u64::from(tag & 7))),
    }
}

fn skip(rest: &mut &[u8], number: u32, wire_type: u64, depth: u32) -> Result<(), String> {
    match wire_type {
        0 => read_number(rest).map(|_| ()),
        1 => read_fixed64(rest).map(|_| ()),
        2 => read_length(rest).map(|_| ()),
        5 => read_fixed32(rest).map(|_| ()),
        START_GROUP if depth <= DEEPEST => loop {
            match read_tag(rest)? {
                (end, END_GROUP) if end == number => return Ok(()),
                (_, END_GROUP) => return Err("the end of a group that has not begun".to_owned()),
                (inner, wire_type) => skip(rest, inner, wire_type, depth + 1)?,
            }
        },
        START_GROUP => Err("groups within groups without end".to_owned()),
        END_GROUP => Err("the end of a group that has not begun".to_owned()),
        other => Err(format!("a field of wire type {other}, which there is not")),
    }
}

const TOO_EARLY: &str = "it ends too early";

fn read_number(rest: &mut &[u8]) -> Result<u64, String> {
    read_varint(rest).ok_or_else(|| match rest.is_empty() {
        true => TOO_EARLY.to_owned(),
        false => "a number of more than 64 bits".to_owned(),
    })
}

fn read_length<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let length = usize::try_from(read_number(rest)?).unwrap_or(usize::MAX);
    take(rest, length).ok_or_else(|| TOO_EARLY.to_owned())
}

fn read_fixed64(rest: &mut &[u8]) -> Result<u64, String> {
    let bytes = take(rest, 8).and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(u64::from_le_bytes)
        .ok_or_else(|| TOO_EARLY.to_owned())
}

fn read_fixed32(rest: &mut &[u8]) -> Result<u32, String> {
    let bytes = take(rest, 4).and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(u32::from_le_bytes)
        .ok_or_else(|| TOO_EARLY.to_owned())
}
