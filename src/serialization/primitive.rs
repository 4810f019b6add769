//! Kafka's own serializers for single values (CS1 to CS6).

use super::value::{Double, Float, Value};
use super::{Charset, Format, Misfit, Unreadable, uuid};

/// Bytes of a value that is not null; `None`: the serializer makes null of it. `format` is none that has a
/// schema, nor JSON.
pub fn write(format: Format, charset: Charset, value: &Value) -> Result<Option<Vec<u8>>, Misfit> {
    let misfit = || {
        let wants = format.takes();
        Misfit(match value {
            Value::Whole(number) => format!("{format} takes {wants}, not {number}"),
            other => format!("{format} takes {wants}, not {}: {other}", other.kind()),
        })
    };
    let bytes = match (format, value) {
        (Format::Void, _) => return Ok(None),
        (Format::String, value) => charset.encode(&value.to_string()),
        (Format::Bytes, Value::Bytes(bytes)) => bytes.clone(),
        (Format::Bytes, value) => value.to_string().into_bytes(),
        (Format::Short, Value::Whole(number)) => {
            let number = i16::try_from(*number).map_err(|_| misfit())?;
            number.to_be_bytes().to_vec()
        }
        (Format::Integer, Value::Whole(number)) => {
            let number = i32::try_from(*number).map_err(|_| misfit())?;
            number.to_be_bytes().to_vec()
        }
        (Format::Long, Value::Whole(number)) => number.to_be_bytes().to_vec(),
        (Format::Float, value) => {
            let number = as_float(value).ok_or_else(misfit)?;
            number.get().to_be_bytes().to_vec()
        }
        (Format::Double, value) => {
            let number = as_double(value).ok_or_else(misfit)?;
            number.get().to_be_bytes().to_vec()
        }
        (Format::Uuid, Value::Text(text)) => {
            let text = uuid::canonical(text).ok_or_else(misfit)?;
            charset.encode(&text)
        }
        (Format::Boolean, Value::Boolean(yes)) => vec![u8::from(*yes)],
        _ => return Err(misfit()),
    };
    Ok(Some(bytes))
}

/// The value that bytes stand for. `format` as in `write`.
pub fn read(format: Format, charset: Charset, bytes: &[u8]) -> Result<Value, Unreadable> {
    let unreadable = |expected: &str| Unreadable::new(expected, bytes);
    Ok(match format {
        Format::String => Value::Text(charset.decode(bytes)),
        Format::Short => match bytes.try_into() {
            Ok(bytes) => Value::Whole(i16::from_be_bytes(bytes).into()),
            Err(_) => return Err(unreadable("2 bytes of a short")),
        },
        Format::Integer => match bytes.try_into() {
            Ok(bytes) => Value::Whole(i32::from_be_bytes(bytes).into()),
            Err(_) => return Err(unreadable("4 bytes of an int")),
        },
        Format::Long => match bytes.try_into() {
            Ok(bytes) => Value::Whole(i64::from_be_bytes(bytes)),
            Err(_) => return Err(unreadable("8 bytes of a long")),
        },
        Format::Float => match bytes.try_into() {
            Ok(bytes) => Value::Float(Float::new(f32::from_be_bytes(bytes))),
            Err(_) => return Err(unreadable("4 bytes of a float")),
        },
        Format::Double => match bytes.try_into() {
            Ok(bytes) => Value::Double(Double::new(f64::from_be_bytes(bytes))),
            Err(_) => return Err(unreadable("8 bytes of a double")),
        },
        Format::Uuid => match uuid::canonical(&charset.decode(bytes)) {
            Some(text) => Value::Text(text),
            None => return Err(unreadable("the text of a UUID")),
        },
        Format::Boolean => match bytes {
            [0] => Value::Boolean(false),
            [1] => Value::Boolean(true),
            _ => return Err(unreadable("1 byte, 0 or 1")),
        },
        Format::Void => return Err(unreadable("null")),
        _ => Value::Bytes(bytes.to_vec()),
    })
}

/// What an application makes of a number before it hands it to a float's serializer.
pub fn as_float(value: &Value) -> Option<Float> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Double(number) => Some(Float::new(number.get() as f32)),
        Value::Whole(number) => Some(Float::new(*number as f32)),
        _ => None,
    }
}

pub fn as_double(value: &Value) -> Option<Double> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Float(number) => Some(Double::new(number.get().into())),
        Value::Whole(number) => Some(Double::new(*number as f64)),
        _ => None,
    }
}
