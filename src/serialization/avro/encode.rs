//! Writes values by a schema in Avro's binary encoding.

use super::{Avro, Named, Type};
use crate::serialization::primitive::{as_double, as_float};
use crate::serialization::wire::{write_varint, zigzag};
use crate::serialization::{Misfit, Value};

pub(super) fn write(
    schema: &Avro,
    type_: &Type,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let misfit = || {
        let wants = schema.describe(type_);
        Misfit(format!(
            "the schema wants {wants}, not {}: {value}",
            value.kind()
        ))
    };
    match (type_, value) {
        (Type::Null, Value::Null) => {}
        (Type::Boolean, Value::Boolean(yes)) => out.push(u8::from(*yes)),
        (Type::Int, Value::Whole(number)) => {
            let number = i32::try_from(*number).map_err(|_| misfit())?;
            write_long(out, number.into());
        }
        (Type::Long, Value::Whole(number)) => write_long(out, *number),
        (Type::Float, number) => {
            let number = as_float(number).ok_or_else(misfit)?;
            out.extend(number.get().to_le_bytes());
        }
        (Type::Double, number) => {
            let number = as_double(number).ok_or_else(misfit)?;
            out.extend(number.get().to_le_bytes());
        }
        (Type::Bytes, Value::Bytes(bytes)) => write_bytes(out, bytes),
        (Type::String, Value::Text(text)) => write_bytes(out, text.as_bytes()),
        (Type::Array(of), Value::List(items)) => {
            write_block(out, items.len());
            for item in items {
                write(schema, of, item, out)?;
            }
            write_long(out, 0);
        }
        (Type::Map(of), Value::Record(entries)) => {
            write_block(out, entries.len());
            for (key, value) in entries {
                write_bytes(out, key.as_bytes());
                write(schema, of, value, out)?;
            }
            write_long(out, 0);
        }
        (Type::Union(branches), value) => {
            for (i, branch) in branches.iter().enumerate() {
                let start = out.len();
                write_long(out, i as i64);
                if write(schema, branch, value, out).is_ok() {
                    return Ok(());
                }
                out.truncate(start);
            }
            return Err(misfit());
        }
        (Type::Named(name), value) => match (schema.named(name), value) {
            (Named::Record(fields), Value::Record(_)) => {
                for field in fields {
                    let said = value.field(&field.name).or(field.default.as_ref());
                    let said = said.ok_or_else(|| {
                        Misfit(format!(
                            "{name} wants a field {}, which {value} lacks",
                            field.name
                        ))
                    })?;
                    write(schema, &field.type_, said, out)
                        .map_err(|misfit| Misfit(format!("field {}: {misfit}", field.name)))?;
                }
            }
            (Named::Enum { symbols, .. }, Value::Text(text)) => {
                let symbol = symbols.iter().position(|symbol| symbol == text);
                write_long(out, symbol.ok_or_else(misfit)? as i64);
            }
            (Named::Fixed(size), Value::Bytes(bytes)) if bytes.len() == *size => {
                out.extend_from_slice(bytes);
            }
            _ => return Err(misfit()),
        },
        _ => return Err(misfit()),
    }
    Ok(())
}

fn write_long(out: &mut Vec<u8>, number: i64) {
    write_varint(out, zigzag(number));
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

/// All items stand in one block; a block of none is the end.
fn write_block(out: &mut Vec<u8>, items: usize) {
    if items > 0 {
        write_long(out, items as i64);
    }
}
