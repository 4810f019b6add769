//! Whether a reader's schema can read what was written by another (SchemaCompatibility).

use super::{Avro, Field, Named, Type};

impl Field {
    /// This field of a reader's schema has what `written` has.
    pub(super) fn is_written_as(&self, written: &Field) -> bool {
        self.name == written.name || self.aliases.contains(&written.name)
    }
}

/// The branch of a reader's union that takes what was written: the same type, else the first that is wide
/// enough.
pub(super) fn branch_for<'a>(
    (writer, written): (&Avro, &Type),
    reader: &Avro,
    branches: &'a [Type],
) -> Option<&'a Type> {
    let is_same = |branch: &&Type| match (written, branch) {
        (Type::Named(a), Type::Named(b)) => simple(a) == simple(b),
        (written, branch) => std::mem::discriminant(written) == std::mem::discriminant(*branch),
    };
    let takes = |branch: &&Type| {
        let mut seen = Vec::new();
        check((reader, branch), (writer, written), &mut seen).is_ok()
    };
    branches
        .iter()
        .find(is_same)
        .or_else(|| branches.iter().find(takes))
}

/// Why not, in words.
pub fn can_read(reader: &Avro, writer: &Avro) -> Result<(), String> {
    check(
        (reader, &reader.root),
        (writer, &writer.root),
        &mut Vec::new(),
    )
}

type In<'a> = (&'a Avro, &'a Type);

/// `seen`: pairs of names that are being looked at, since a type may hold itself.
fn check(
    (reader, read): In<'_>,
    (writer, written): In<'_>,
    seen: &mut Vec<(String, String)>,
) -> Result<(), String> {
    let differs = || {
        let (read, written) = (reader.describe(read), writer.describe(written));
        format!("it is written as {written} and read as {read}")
    };
    match (read, written) {
        (_, Type::Union(branches)) => {
            for branch in branches {
                check((reader, read), (writer, branch), seen)?;
            }
            Ok(())
        }
        (Type::Union(branches), _) => {
            let takes = |branch: &Type| check((reader, branch), (writer, written), seen).is_ok();
            match branches.iter().any(takes) {
                true => Ok(()),
                false => Err(differs()),
            }
        }
        (Type::Array(read), Type::Array(written)) | (Type::Map(read), Type::Map(written)) => {
            check((reader, read), (writer, written), seen)
        }
        (Type::Named(own), Type::Named(other)) => {
            let pair = (own.clone(), other.clone());
            if seen.contains(&pair) {
                return Ok(());
            }
            seen.push(pair);
            let result = check_named((reader, own), (writer, other), seen);
            seen.pop();
            result
        }
        (Type::Long, Type::Int)
        | (Type::Float, Type::Int | Type::Long)
        | (Type::Double, Type::Int | Type::Long | Type::Float)
        | (Type::String, Type::Bytes)
        | (Type::Bytes, Type::String) => Ok(()),
        (read, written) if read == written => Ok(()),
        _ => Err(differs()),
    }
}

fn check_named(
    (reader, own): (&Avro, &str),
    (writer, other): (&Avro, &str),
    seen: &mut Vec<(String, String)>,
) -> Result<(), String> {
    if simple(own) != simple(other) {
        return Err(format!("it is written as {other} and read as {own}"));
    }
    match (reader.named(own), writer.named(other)) {
        (Named::Record(fields), Named::Record(written)) => {
            for field in fields {
                match written.iter().find(|other| field.is_written_as(other)) {
                    Some(other) => check((reader, &field.type_), (writer, &other.type_), seen)
                        .map_err(|why| format!("field {}: {why}", field.name))?,
                    None if field.default.is_some() => {}
                    None => {
                        return Err(format!(
                            "field {} is read, is not written, and has no default",
                            field.name
                        ));
                    }
                }
            }
            Ok(())
        }
        (
            Named::Enum { symbols, default },
            Named::Enum {
                symbols: written, ..
            },
        ) => {
            let unknown = written.iter().find(|symbol| !symbols.contains(symbol));
            match unknown {
                Some(symbol) if default.is_none() => Err(format!(
                    "the symbol {symbol} of {own} is written and cannot be read"
                )),
                _ => Ok(()),
            }
        }
        (Named::Fixed(size), Named::Fixed(written)) if size == written => Ok(()),
        _ => Err(format!(
            "{own} is written as another kind of type than it is read"
        )),
    }
}

/// A name without its namespace.
fn simple(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
