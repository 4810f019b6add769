//! Schemas and their registry.

use super::word;
use crate::plan::{Problem, SchemaPlan, SchemaRegistryPlan};
use crate::scenario::document as doc;
use crate::serialization::{Compatibility, SchemaType};

pub(super) fn schema(name: String, said: doc::Schema) -> Result<SchemaPlan, Problem> {
    let (language, text) = match said {
        doc::Schema {
            avro: Some(text),
            protobuf: None,
        } => (SchemaType::Avro, text),
        doc::Schema {
            avro: None,
            protobuf: Some(text),
        } => (SchemaType::Protobuf, text),
        _ => {
            return Err(
                Problem::new(["schemas", &name], "not exactly one language").expected(
                    "{avro: ...} with JSON, or {protobuf: ...} with the text of a .proto file",
                ),
            );
        }
    };
    Ok(SchemaPlan {
        name,
        language,
        text,
    })
}

pub(super) fn registry(said: doc::SchemaRegistry) -> Result<SchemaRegistryPlan, Problem> {
    let level = |text: &str, path: &[&str]| {
        Compatibility::parse(text).ok_or_else(|| word(path.iter().copied(), text, LEVELS))
    };
    let mut subjects = Vec::new();
    for (subject, text) in said.subjects.0 {
        let compatibility = level(&text, &["schema_registry", "subjects", &subject])?;
        subjects.push((subject, compatibility));
    }
    let compatibility = said
        .compatibility
        .map_or(Ok(Compatibility::default()), |text| {
            level(&text, &["schema_registry", "compatibility"])
        })?;
    Ok(SchemaRegistryPlan {
        about: said.about,
        compatibility,
        subjects,
    })
}

const LEVELS: &[&str] = &[
    "none",
    "backward",
    "forward",
    "full",
    "backward_transitive",
    "forward_transitive",
    "full_transitive",
];
