//! Reads a schema from its JSON.

use super::{Avro, Field, Named, Type};
use crate::serialization::places::{json_of, place_of};
use crate::serialization::{SchemaError, Value};
use std::collections::BTreeMap;

pub(super) fn schema(text: &str) -> Result<Avro, SchemaError> {
    if text.trim().is_empty() {
        return Err(SchemaError::whole("an empty text")
            .expected("a type in JSON, such as \"string\" or {\"type\": \"record\", ...}"));
    }
    let json = json_of(text)?;
    let mut parser = Parser {
        names: BTreeMap::new(),
        open: Vec::new(),
        path: Vec::new(),
        defaults: BTreeMap::new(),
    };
    let placed = |error: SchemaError, path: &[String]| SchemaError {
        place: place_of(text, path),
        ..error
    };
    let root = parser
        .type_(&json, "")
        .map_err(|error| placed(error, &parser.path))?;
    let mut schema = Avro {
        root,
        names: parser.names,
    };
    check_defaults(&mut schema).map_err(|(error, field)| {
        let path = parser.defaults.get(&field).map_or(&[][..], Vec::as_slice);
        placed(error, path)
    })?;
    Ok(schema)
}

/// Deepest nesting of types.
const DEEPEST: usize = 64;

struct Parser {
    names: BTreeMap<String, Named>,
    /// Records that are being read: a name may stand inside itself.
    open: Vec<String>,
    /// Keys and numbers of items down to what is being read; after an error, to what is wrong.
    path: Vec<String>,
    /// Where the defaults of a record's fields stand.
    defaults: BTreeMap<FieldOf, Vec<String>>,
}

/// A record's name, and that of a field.
type FieldOf = (String, String);

impl Parser {
    /// Reads what stands under a key or number; the path leads to it still if that fails.
    fn below<T>(
        &mut self,
        part: impl ToString,
        read: impl FnOnce(&mut Self) -> Result<T, SchemaError>,
    ) -> Result<T, SchemaError> {
        self.path.push(part.to_string());
        let read = read(self)?;
        self.path.pop();
        Ok(read)
    }

    fn type_(&mut self, json: &Value, namespace: &str) -> Result<Type, SchemaError> {
        match json {
            Value::Text(name) => self.by_name(name, namespace),
            Value::List(branches) => self.union(branches, namespace),
            Value::Record(_) => self.complex(json, namespace),
            other => Err(
                SchemaError::whole(format!("{other} where a type should be"))
                    .expected("a name, a list, or a map with \"type\""),
            ),
        }
    }

    fn by_name(&self, name: &str, namespace: &str) -> Result<Type, SchemaError> {
        if let Some(primitive) = primitive(name) {
            return Ok(primitive);
        }
        let full = full_name(name, namespace);
        for known in [&full, name] {
            if self.names.contains_key(known) || self.open.iter().any(|open| open == known) {
                return Ok(Type::Named(known.to_owned()));
            }
        }
        Err(SchemaError::whole(format!("no type is called \"{name}\"")).expected(
            "null, boolean, int, long, float, double, bytes, string, or a name that was given before",
        ))
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<Type, SchemaError> {
        let mut types = Vec::new();
        for (i, branch) in branches.iter().enumerate() {
            let branch = self.below(i, |parser| parser.type_(branch, namespace))?;
            let kind = std::mem::discriminant(&branch);
            let is_named = matches!(branch, Type::Named(_));
            let is_twice = |other: &Type| match is_named {
                true => *other == branch,
                false => std::mem::discriminant(other) == kind,
            };
            if matches!(branch, Type::Union(_)) {
                return self.below(i, |_| {
                    Err(SchemaError::whole("a union directly in a union")
                        .expected("the types of both in one list"))
                });
            }
            if types.iter().any(is_twice) {
                let error = SchemaError::whole("a union with the same type twice")
                    .expected("each type once; of those with names, each name once");
                return self.below(i, |_| Err(error));
            }
            types.push(branch);
        }
        match types.is_empty() {
            true => Err(SchemaError::whole("a union without types")
                .expected("at least one type, such as [\"null\", \"string\"]")),
            false => Ok(Type::Union(types)),
        }
    }

    fn complex(&mut self, json: &Value, namespace: &str) -> Result<Type, SchemaError> {
        let type_ = json.field("type").ok_or_else(|| {
            SchemaError::whole("a map without \"type\"")
                .expected("a type: a name, a list, or a map with \"type\"")
        })?;
        let Value::Text(kind) = type_ else {
            return self.below("type", |parser| parser.type_(type_, namespace));
        };
        let part = |key: &str| {
            let missing = || {
                SchemaError::whole(format!("a type \"{kind}\" without \"{key}\""))
                    .expected(format!("\"{key}\" beside \"type\""))
            };
            json.field(key).ok_or_else(missing)
        };
        match kind.as_str() {
            "array" => {
                let items = part("items")?;
                let of = self.below("items", |parser| parser.type_(items, namespace))?;
                Ok(Type::Array(Box::new(of)))
            }
            "map" => {
                let values = part("values")?;
                let of = self.below("values", |parser| parser.type_(values, namespace))?;
                Ok(Type::Map(Box::new(of)))
            }
            "record" | "enum" | "fixed" => {
                let said = part("name")?;
                let name = self.below("name", |_| text(said, "a name"))?;
                let space = match json.field("namespace") {
                    Some(space) => self.below("namespace", |_| text(space, "a namespace"))?,
                    None => namespace.to_owned(),
                };
                let full = full_name(&name, &space);
                let inner = full
                    .rsplit_once('.')
                    .map_or("", |(space, _)| space)
                    .to_owned();
                if !full.split('.').all(is_name) {
                    let error = SchemaError::whole(format!("\"{full}\" is no name"))
                        .expected("letters, digits and _, none of these first a digit");
                    return self.below("name", |_| Err(error));
                }
                let is_open = self.open.contains(&full);
                if is_open || self.names.contains_key(&full) {
                    let error = SchemaError::whole(format!("the name \"{full}\" is given twice"))
                        .expected(
                            "a name of its own for each; who means the first says its name alone",
                        );
                    return self.below("name", |_| Err(error));
                }
                if self.open.len() == DEEPEST {
                    return Err(SchemaError::whole(format!(
                        "types within types, deeper than {DEEPEST}"
                    ))
                    .expected("types with names that others refer to"));
                }
                let named = match kind.as_str() {
                    "record" => {
                        let said = part("fields")?;
                        self.open.push(full.clone());
                        let fields =
                            self.below("fields", |parser| parser.fields(said, &full, &inner));
                        self.open.pop();
                        Named::Record(fields?)
                    }
                    "enum" => {
                        let symbols = part("symbols")?;
                        self.below("symbols", |_| {
                            enum_of(symbols, json.field("default"), &full)
                        })?
                    }
                    _ => match part("size")? {
                        Value::Whole(size @ 0..=65_536) => Named::Fixed(*size as usize),
                        other => {
                            let what = format!("the size of {full} is {other}");
                            let error = SchemaError::whole(what).expected("0 to 65536");
                            return self.below("size", |_| Err(error));
                        }
                    },
                };
                self.names.insert(full.clone(), named);
                Ok(Type::Named(full))
            }
            name => self.below("type", |parser| parser.by_name(name, namespace)),
        }
    }

    fn fields(
        &mut self,
        json: &Value,
        record: &str,
        namespace: &str,
    ) -> Result<Vec<Field>, SchemaError> {
        let Value::List(items) = json else {
            let what = format!("the fields of {record} are {}", json.kind());
            return Err(SchemaError::whole(what).expected("a list"));
        };
        let mut fields: Vec<Field> = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let field = self.below(i, |parser| parser.field(item, record, namespace, &fields))?;
            fields.push(field);
        }
        Ok(fields)
    }

    fn field(
        &mut self,
        item: &Value,
        record: &str,
        namespace: &str,
        before: &[Field],
    ) -> Result<Field, SchemaError> {
        let part = |key: &str| {
            let missing = || {
                SchemaError::whole(format!("a field of {record} without \"{key}\""))
                    .expected("a map with \"name\" and \"type\"")
            };
            item.field(key).ok_or_else(missing)
        };
        let said = part("name")?;
        let name = self.below("name", |_| text(said, "a name"))?;
        if !is_name(&name) || before.iter().any(|field| field.name == name) {
            let what = format!("\"{name}\" cannot be a field of {record}");
            let error = SchemaError::whole(what).expected("a name of letters, digits and _, once");
            return self.below("name", |_| Err(error));
        }
        let aliases = match item.field("aliases") {
            Some(Value::List(aliases)) => aliases.iter().map(Value::to_string).collect(),
            _ => Vec::new(),
        };
        let said = part("type")?;
        let type_ = self.below("type", |parser| {
            parser.type_(said, namespace).map_err(|error| SchemaError {
                what: format!("field {name} of {record}: {}", error.what),
                ..error
            })
        })?;
        let default = item.field("default").cloned();
        if default.is_some() {
            let mut path = self.path.clone();
            path.push("default".to_owned());
            let field = (record.to_owned(), name.clone());
            self.defaults.insert(field, path);
        }
        Ok(Field {
            type_,
            name,
            aliases,
            default,
        })
    }
}

fn enum_of(symbols: &Value, default: Option<&Value>, name: &str) -> Result<Named, SchemaError> {
    let symbols: Vec<String> = match symbols {
        Value::List(items) => items.iter().map(Value::to_string).collect(),
        _ => Vec::new(),
    };
    let default = default.map(Value::to_string);
    let is_known = |default: &String| symbols.contains(default);
    if symbols.is_empty() || !symbols.iter().all(|symbol| is_name(symbol)) {
        return Err(
            SchemaError::whole(format!("the symbols of {name} are no list of names"))
                .expected("at least one name of letters, digits and _, such as [\"ON\", \"OFF\"]"),
        );
    }
    if !default.as_ref().is_none_or(is_known) {
        return Err(
            SchemaError::whole(format!("the default of {name} is none of its symbols"))
                .expected(format!("one of {}", symbols.join(", "))),
        );
    }
    Ok(Named::Enum { symbols, default })
}

/// Defaults are JSON in a schema; they become values of their fields' types, which they must fit.
fn check_defaults(schema: &mut Avro) -> Result<(), (SchemaError, FieldOf)> {
    let whole = schema.clone();
    for (record, named) in &mut schema.names {
        let Named::Record(fields) = named else {
            continue;
        };
        for field in fields {
            let Some(json) = &field.default else {
                continue;
            };
            // A union's default is one of its first type.
            let type_ = match &field.type_ {
                Type::Union(branches) => &branches[0],
                other => other,
            };
            let value = default_value(&whole, type_, json).ok_or_else(|| {
                let type_ = whole.describe(type_);
                let error = SchemaError::whole(format!(
                    "the default of field {} of {record} is {json}, which is no {type_}",
                    field.name
                ))
                .expected(format!("a default of type {type_}"));
                (error, (record.clone(), field.name.clone()))
            })?;
            field.default = Some(value);
        }
    }
    Ok(())
}

fn default_value(schema: &Avro, type_: &Type, json: &Value) -> Option<Value> {
    let fits = match (type_, json) {
        (Type::Null, Value::Null)
        | (Type::Boolean, Value::Boolean(_))
        | (Type::Long, Value::Whole(_))
        | (Type::Float | Type::Double, Value::Whole(_) | Value::Double(_))
        | (Type::String, Value::Text(_)) => true,
        (Type::Int, Value::Whole(number)) => i32::try_from(*number).is_ok(),
        (Type::Bytes, Value::Text(text)) => {
            let bytes = text.chars().map(|c| u8::try_from(c as u32).ok());
            return Some(Value::Bytes(bytes.collect::<Option<_>>()?));
        }
        (Type::Array(of), Value::List(items)) => {
            let items = items.iter().map(|item| default_value(schema, of, item));
            return Some(Value::List(items.collect::<Option<_>>()?));
        }
        (Type::Map(of), Value::Record(entries)) => {
            let entry = |(key, value): &(String, Value)| {
                Some((key.clone(), default_value(schema, of, value)?))
            };
            return Some(Value::Record(
                entries.iter().map(entry).collect::<Option<_>>()?,
            ));
        }
        (Type::Union(branches), json) => return default_value(schema, &branches[0], json),
        (Type::Named(name), json) => match (schema.names.get(name)?, json) {
            (Named::Enum { symbols, .. }, Value::Text(text)) => symbols.contains(text),
            (Named::Fixed(size), Value::Text(text)) => {
                let bytes = text.chars().map(|c| u8::try_from(c as u32).ok());
                let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
                return (bytes.len() == *size).then_some(Value::Bytes(bytes));
            }
            (Named::Record(fields), Value::Record(_)) => {
                let value = |field: &Field| {
                    let said = json.field(&field.name).or(field.default.as_ref())?;
                    Some((
                        field.name.clone(),
                        default_value(schema, &field.type_, said)?,
                    ))
                };
                return Some(Value::Record(
                    fields.iter().map(value).collect::<Option<_>>()?,
                ));
            }
            _ => false,
        },
        _ => false,
    };
    fits.then(|| json.clone())
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        _ => return None,
    })
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.to_owned(),
        false => format!("{namespace}.{name}"),
    }
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn text(json: &Value, what: &str) -> Result<String, SchemaError> {
    match json {
        Value::Text(text) => Ok(text.clone()),
        other => {
            Err(SchemaError::whole(format!("{other}, which is {}", other.kind())).expected(what))
        }
    }
}
