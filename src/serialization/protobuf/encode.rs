//! Writes values as messages: fields by their numbers, those with the default value left out.

use super::{Enum, Field, Kind, Label, Message, Protobuf, WireType};
use crate::serialization::primitive::{as_double, as_float};
use crate::serialization::wire::{write_varint, zigzag};
use crate::serialization::{Misfit, Value};

pub(super) fn write_message(
    file: &Protobuf,
    message: &Message,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    if !matches!(value, Value::Record(_)) {
        let (name, kind) = (&message.name, value.kind());
        return Err(Misfit(format!(
            "the schema wants {name}, not {kind}: {value}"
        )));
    }
    for field in &message.fields {
        // A field that the object lacks, or that is null, is not set.
        match value.field(&field.name) {
            None | Some(Value::Null) => {}
            Some(value) => write_field(file, field, value, out)
                .map_err(|misfit| Misfit(format!("field {}: {misfit}", field.name)))?,
        }
    }
    Ok(())
}

fn write_field(
    file: &Protobuf,
    field: &Field,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    match (field.label, value) {
        (Label::Repeated, Value::List(items)) if field.kind.is_packed() => {
            let mut packed = Vec::new();
            for item in items {
                packed.extend(bytes_of(file, field.kind, item)?);
            }
            if !packed.is_empty() {
                write_tag(out, field.number, WireType::Length);
                write_varint(out, packed.len() as u64);
                out.extend(packed);
            }
        }
        (Label::Repeated, Value::List(items)) => {
            for item in items {
                write_one(out, field, &bytes_of(file, field.kind, item)?);
            }
        }
        (Label::Repeated, other) => {
            let kind = other.kind();
            return Err(Misfit(format!(
                "the schema wants a list, not {kind}: {other}"
            )));
        }
        (label, value) => {
            let bytes = bytes_of(file, field.kind, value)?;
            let is_message = matches!(field.kind, Kind::Message(_));
            let is_default =
                bytes.iter().all(|byte| *byte == 0) && field.kind.is_packed() || bytes.is_empty();
            if label == Label::Optional || is_message || !is_default {
                write_one(out, field, &bytes);
            }
        }
    }
    Ok(())
}

fn write_one(out: &mut Vec<u8>, field: &Field, bytes: &[u8]) {
    let wire_type = field.kind.wire_type();
    write_tag(out, field.number, wire_type);
    if wire_type == WireType::Length {
        write_varint(out, bytes.len() as u64);
    }
    out.extend_from_slice(bytes);
}

fn write_tag(out: &mut Vec<u8>, number: u32, wire_type: WireType) {
    write_varint(out, u64::from(number) << 3 | wire_type as u64);
}

/// A value without tag and length.
fn bytes_of(file: &Protobuf, kind: Kind, value: &Value) -> Result<Vec<u8>, Misfit> {
    let misfit = || {
        let wants = file.describe(kind);
        Misfit(format!(
            "the schema wants {wants}, not {}: {value}",
            value.kind()
        ))
    };
    let mut out = Vec::new();
    match (kind, value) {
        (Kind::Double, number) => {
            let number = as_double(number).ok_or_else(misfit)?;
            out.extend(number.get().to_le_bytes());
        }
        (Kind::Float, number) => {
            let number = as_float(number).ok_or_else(misfit)?;
            out.extend(number.get().to_le_bytes());
        }
        (Kind::Int64, Value::Whole(number)) => write_varint(&mut out, *number as u64),
        (Kind::Sint64, Value::Whole(number)) => write_varint(&mut out, zigzag(*number)),
        (Kind::Sfixed64, Value::Whole(number)) => out.extend(number.to_le_bytes()),
        (Kind::Uint64 | Kind::Fixed64, Value::Whole(number)) => {
            let number = u64::try_from(*number).map_err(|_| misfit())?;
            match kind {
                Kind::Uint64 => write_varint(&mut out, number),
                _ => out.extend(number.to_le_bytes()),
            }
        }
        (Kind::Int32 | Kind::Sint32 | Kind::Sfixed32, Value::Whole(number)) => {
            let number = i32::try_from(*number).map_err(|_| misfit())?;
            match kind {
                // A negative one takes ten bytes.
                Kind::Int32 => write_varint(&mut out, i64::from(number) as u64),
                Kind::Sint32 => write_varint(&mut out, zigzag(number.into())),
                _ => out.extend(number.to_le_bytes()),
            }
        }
        (Kind::Uint32 | Kind::Fixed32, Value::Whole(number)) => {
            let number = u32::try_from(*number).map_err(|_| misfit())?;
            match kind {
                Kind::Uint32 => write_varint(&mut out, number.into()),
                _ => out.extend(number.to_le_bytes()),
            }
        }
        (Kind::Bool, Value::Boolean(yes)) => out.push(u8::from(*yes)),
        (Kind::String, Value::Text(text)) => out.extend(text.as_bytes()),
        (Kind::Bytes, Value::Bytes(bytes)) => out.extend(bytes),
        (Kind::Enum(place), value) => {
            let number = symbol(&file.enums[place], value).ok_or_else(misfit)?;
            write_varint(&mut out, i64::from(number) as u64);
        }
        (Kind::Message(place), value) => {
            write_message(file, &file.messages[place], value, &mut out)?;
        }
        _ => return Err(misfit()),
    }
    Ok(out)
}

fn symbol(known: &Enum, value: &Value) -> Option<i32> {
    match value {
        Value::Text(text) => {
            let symbol = known.symbols.iter().find(|(name, _)| name == text);
            symbol.map(|(_, number)| *number)
        }
        Value::Whole(number) => i32::try_from(*number).ok(),
        _ => None,
    }
}
