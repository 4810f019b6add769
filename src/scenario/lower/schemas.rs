//! Schemas and their registry.

use super::word;
use crate::plan::{Problem, SchemaPlan, SchemaRegistryPlan};
use crate::scenario::document as doc;
use crate::serialization::{Compatibility, SchemaType};

pub(super) fn schema(name: String, said: doc::Schema) -> Result<SchemaPlan, Problem> {
    let languages = [
        (SchemaType::Avro, said.avro),
        (SchemaType::Protobuf, said.protobuf),
        (SchemaType::Connect, said.connect_json),
    ];
    let said = languages.into_iter();
    let said = said.filter_map(|(language, text)| Some((language, text?)));
    let said: Vec<(SchemaType, String)> = said.collect();
    let Ok([(language, text)]) = <[_; 1]>::try_from(said) else {
        return Err(
            Problem::new(["schemas", &name], "not exactly one language").expected(
                "{avro: ...} with JSON, {protobuf: ...} with the text of a .proto file, or {connect-json: ...} with JSON",
            ),
        );
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
