//! Kafka's ListSerializer and ListDeserializer (CS7).

use super::wire::take;
use super::{Charset, Format, Misfit, Unreadable, Value, primitive};

const CONSTANT_SIZE: u8 = 0;
const VARIABLE_SIZE: u8 = 1;

/// A list of values of one kind. Those whose size is known from their kind are written without lengths, and
/// which of them are null stands before them.
pub fn write(inner: Format, charset: Charset, value: &Value) -> Result<Vec<u8>, Misfit> {
    let Value::List(items) = value else {
        return Err(Misfit(format!(
            "a list takes a list, not {}: {value}",
            value.kind()
        )));
    };
    let mut out = Vec::new();
    let count = |count: usize| (count as i32).to_be_bytes();
    match size_of(inner) {
        Some(_) => {
            out.push(CONSTANT_SIZE);
            let nulls = items
                .iter()
                .enumerate()
                .filter(|(_, item)| **item == Value::Null);
            let nulls: Vec<usize> = nulls.map(|(i, _)| i).collect();
            out.extend(count(nulls.len()));
            nulls.iter().for_each(|null| out.extend(count(*null)));
        }
        None => out.push(VARIABLE_SIZE),
    }
    out.extend(count(items.len()));
    for item in items {
        let bytes = match item {
            Value::Null => None,
            item => primitive::write(inner, charset, item)?,
        };
        match (size_of(inner), bytes) {
            (Some(_), bytes) => out.extend(bytes.unwrap_or_default()),
            (None, None) => out.extend((-1i32).to_be_bytes()),
            (None, Some(bytes)) => {
                out.extend(count(bytes.len()));
                out.extend(bytes);
            }
        }
    }
    Ok(out)
}

pub fn read(inner: Format, charset: Charset, bytes: &[u8]) -> Result<Value, Unreadable> {
    let mut rest = bytes;
    let whole = Unreadable::new(format!("a list of {inner}"), bytes);
    read_items(inner, charset, &mut rest)?.ok_or(whole)
}

fn read_items(
    inner: Format,
    charset: Charset,
    rest: &mut &[u8],
) -> Result<Option<Value>, Unreadable> {
    let is_constant = match take(rest, 1) {
        Some([CONSTANT_SIZE]) => true,
        Some([VARIABLE_SIZE]) => false,
        _ => return Ok(None),
    };
    let mut nulls = Vec::new();
    if is_constant {
        for _ in 0..take_count(rest).unwrap_or_default() {
            match take_count(rest) {
                Some(null) => nulls.push(null),
                None => return Ok(None),
            }
        }
    }
    let Some(count) = take_count(rest) else {
        return Ok(None);
    };
    let mut items = Vec::new();
    for i in 0..count {
        let size = match (is_constant, size_of(inner)) {
            (true, _) if nulls.contains(&i) => None,
            (true, Some(size)) => Some(size),
            _ => match take_count(rest) {
                Some(-1) => None,
                Some(size) => usize::try_from(size).ok(),
                None => return Ok(None),
            },
        };
        let Some(size) = size else {
            items.push(Value::Null);
            continue;
        };
        match take(rest, size) {
            Some(item) => items.push(primitive::read(inner, charset, item)?),
            None => return Ok(None),
        }
    }
    Ok(Some(Value::List(items)))
}

/// Bytes of a value whose kind says how many it has.
fn size_of(inner: Format) -> Option<usize> {
    match inner {
        Format::Short => Some(2),
        Format::Integer | Format::Float => Some(4),
        Format::Long | Format::Double => Some(8),
        Format::Uuid => Some(36),
        _ => None,
    }
}

fn take_count(rest: &mut &[u8]) -> Option<i32> {
    let bytes = take(rest, 4)?;
    Some(i32::from_be_bytes(bytes.try_into().ok()?))
}
