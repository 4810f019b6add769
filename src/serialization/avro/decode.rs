//! Reads Avro's binary encoding by the schema that it was written by, as another schema has it.

use super::resolve::branch_for;
use super::{Avro, Field, Named, Type};
use crate::serialization::wire::{read_varint, take, unzigzag};
use crate::serialization::{Double, Float, Value};

type In<'a> = (&'a Avro, &'a Type);

/// Deepest nesting of values.
const DEEPEST: u32 = 128;

/// The error says what is wrong, in words.
pub(super) fn read(
    (schema, type_): In<'_>,
    reader: Option<In<'_>>,
    rest: &mut &[u8],
    depth: u32,
) -> Result<Value, String> {
    if depth > DEEPEST {
        return Err("values within values without end".to_owned());
    }
    if let Type::Union(branches) = type_ {
        let branch = read_long(rest)?;
        let branch = usize::try_from(branch).ok().and_then(|i| branches.get(i));
        let branch = branch.ok_or("a union's type that it does not have")?;
        return read((schema, branch), reader, rest, depth + 1);
    }
    if let Some((other, Type::Union(branches))) = reader {
        let branch = branch_for((schema, type_), other, branches);
        let branch = branch.ok_or_else(|| {
            let written = schema.describe(type_);
            format!("written as {written}, which the reader's schema does not have here")
        })?;
        return read((schema, type_), Some((other, branch)), rest, depth + 1);
    }
    let inner = |of: &'_ Type, rest: &mut &[u8]| {
        let reader = match reader {
            Some((other, Type::Array(of) | Type::Map(of))) => Some((other, &**of)),
            _ => None,
        };
        read((schema, of), reader, rest, depth + 1)
    };
    let value = match type_ {
        Type::Null => Value::Null,
        Type::Boolean => match take_some(rest, 1)? {
            [byte] => Value::Boolean(*byte == 1),
            _ => return Err("it ends too early".to_owned()),
        },
        Type::Int => {
            let number = read_long(rest)?;
            let number = i32::try_from(number).map_err(|_| "an int of more than 32 bits")?;
            Value::Whole(number.into())
        }
        Type::Long => Value::Whole(read_long(rest)?),
        Type::Float => {
            let bytes = take_some(rest, 4)?.try_into().unwrap_or_default();
            Value::Float(Float::new(f32::from_le_bytes(bytes)))
        }
        Type::Double => {
            let bytes = take_some(rest, 8)?.try_into().unwrap_or_default();
            Value::Double(Double::new(f64::from_le_bytes(bytes)))
        }
        Type::Bytes => Value::Bytes(read_bytes(rest)?.to_vec()),
        Type::String => Value::Text(read_text(rest)?),
        Type::Array(of) => {
            let mut items = Vec::new();
            read_blocks(rest, |rest| {
                items.push(inner(of, rest)?);
                Ok(())
            })?;
            return Ok(Value::List(items));
        }
        Type::Map(of) => {
            let mut entries = Vec::new();
            read_blocks(rest, |rest| {
                let key = read_text(rest)?;
                entries.push((key, inner(of, rest)?));
                Ok(())
            })?;
            return Ok(Value::Record(entries));
        }
        Type::Union(_) => unreachable!("looked at above"),
        Type::Named(name) => match schema.named(name) {
            Named::Record(fields) => {
                return read_record(schema, name, fields, reader, rest, depth);
            }
            Named::Enum { symbols, .. } => {
                let symbol = usize::try_from(read_long(rest)?).ok();
                let symbol = symbol.and_then(|i| symbols.get(i));
                let symbol = symbol.ok_or_else(|| format!("a symbol that {name} does not have"))?;
                match reader {
                    Some((other, Type::Named(own))) => return as_symbol(other, own, symbol),
                    _ => Value::Text(symbol.clone()),
                }
            }
            Named::Fixed(size) => Value::Bytes(take_some(rest, *size)?.to_vec()),
        },
    };
    match reader {
        None => Ok(value),
        Some((other, wanted)) => {
            promote(value, (schema, type_), (other, wanted)).ok_or_else(|| {
                let (written, wanted) = (schema.describe(type_), other.describe(wanted));
                format!("written as {written}, which the reader's schema has as {wanted}")
            })
        }
    }
}

/// Fields in the reader's order: those that were written, and defaults for the others.
fn read_record(
    schema: &Avro,
    name: &str,
    fields: &[Field],
    reader: Option<In<'_>>,
    rest: &mut &[u8],
    depth: u32,
) -> Result<Value, String> {
    let wanted = match reader {
        None => None,
        Some((other, Type::Named(own))) => match other.named(own) {
            Named::Record(wanted) => Some((other, wanted)),
            _ => {
                return Err(format!(
                    "written as {name}, which the reader's schema has as {own}"
                ));
            }
        },
        Some((other, wanted)) => {
            let wanted = other.describe(wanted);
            return Err(format!(
                "written as {name}, which the reader's schema has as {wanted}"
            ));
        }
    };
    let mut written = Vec::new();
    for field in fields {
        let own = wanted.and_then(|(other, wanted)| {
            let own = wanted.iter().find(|own| own.is_written_as(field))?;
            Some((own.name.clone(), (other, &own.type_)))
        });
        let reads_as = own.as_ref().map(|(_, reader)| *reader);
        let value = read((schema, &field.type_), reads_as, rest, depth + 1)
            .map_err(|why| format!("field {}: {why}", field.name))?;
        match (wanted, own) {
            (None, _) => written.push((field.name.clone(), value)),
            (Some(_), Some((own, _))) => written.push((own, value)),
            // The reader does not know the field: it was only gone past.
            (Some(_), None) => {}
        }
    }
    let Some((_, wanted)) = wanted else {
        return Ok(Value::Record(written));
    };
    let value = |own: &Field| {
        let place = written.iter().position(|(name, _)| *name == own.name);
        let value = place.map(|place| written[place].1.clone());
        let value = value.or_else(|| own.default.clone());
        let missing = || {
            format!(
                "no field {}, for which the reader's schema has no default",
                own.name
            )
        };
        Ok((own.name.clone(), value.ok_or_else(missing)?))
    };
    let fields: Result<Vec<_>, String> = wanted.iter().map(value).collect();
    fields.map(Value::Record)
}

fn as_symbol(schema: &Avro, name: &str, symbol: &str) -> Result<Value, String> {
    match schema.named(name) {
        Named::Enum { symbols, default } => {
            let known = symbols.iter().find(|known| *known == symbol);
            let known = known.or(default.as_ref());
            let known = known.ok_or_else(|| {
                format!("the symbol {symbol}, which {name} of the reader's schema does not have")
            })?;
            Ok(Value::Text(known.clone()))
        }
        _ => Err(format!(
            "written as an enum, which the reader's schema has as {name}"
        )),
    }
}

/// A written value as the reader's type, if that is wide enough.
fn promote(value: Value, (schema, written): In<'_>, (other, wanted): In<'_>) -> Option<Value> {
    Some(match (value, wanted) {
        (Value::Whole(number), Type::Float) => Value::Float(Float::new(number as f32)),
        (Value::Whole(number), Type::Double) => Value::Double(Double::new(number as f64)),
        (Value::Float(number), Type::Double) => Value::Double(Double::new(number.get().into())),
        (Value::Text(text), Type::Bytes) if *written == Type::String => {
            Value::Bytes(text.into_bytes())
        }
        (Value::Bytes(bytes), Type::String) if *written == Type::Bytes => {
            Value::Text(String::from_utf8_lossy(&bytes).into_owned())
        }
        (value, wanted) => {
            let is_same = match (written, wanted) {
                (Type::Int, Type::Long) => true,
                (Type::Named(a), Type::Named(b)) => schema.named(a) == other.named(b),
                (written, wanted) => written == wanted,
            };
            return is_same.then_some(value);
        }
    })
}

fn read_blocks(
    rest: &mut &[u8],
    mut item: impl FnMut(&mut &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    loop {
        let mut count = read_long(rest)?;
        if count == 0 {
            return Ok(());
        }
        if count < 0 {
            // A block that says its size in bytes, for readers that skip it.
            read_long(rest)?;
            count = count.saturating_neg();
        }
        for _ in 0..count {
            let before = rest.len();
            item(rest)?;
            if rest.len() == before && count > 65_536 {
                return Err("too many items of no bytes".to_owned());
            }
        }
    }
}

fn read_long(rest: &mut &[u8]) -> Result<i64, String> {
    read_varint(rest)
        .map(unzigzag)
        .ok_or_else(|| match rest.is_empty() {
            true => "it ends too early".to_owned(),
            false => "a number of more than 64 bits".to_owned(),
        })
}

fn read_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let length = read_long(rest)?;
    match usize::try_from(length) {
        Ok(length) => take_some(rest, length),
        Err(_) => Err(format!("a length of {length}")),
    }
}

fn read_text(rest: &mut &[u8]) -> Result<String, String> {
    // Java makes text of any bytes.
    Ok(String::from_utf8_lossy(read_bytes(rest)?).into_owned())
}

fn take_some<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let left = rest.len();
    take(rest, count)
        .ok_or_else(|| format!("it ends too early: {left} bytes left where {count} are due"))
}
