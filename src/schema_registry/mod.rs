//! A schema registry, as Confluent's is: schemas under subjects, each with a version there and an id that is its
//! own everywhere, and a rule for what may follow what. Clients ask it; brokers do not know it.
//!
//! Confluent's keeps what it has in a topic of Kafka's, `_schemas`, and reads it from there when it starts. This
//! one has it at hand after a restart, as if it had read it.
//!
//! May not know topics, messages or who writes what: only what it is asked.

use crate::protocol::{
    Ctx, Event, Fact, Message, MessageFact, RegistryCall, RegistryRequest, RegistryResponse,
    SubjectSchema,
};
use crate::serialization::{Compatibility, ParsedSchema, Schema};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The port that it listens on.
pub const PORT: u16 = 8081;

/// What it answers where it has no such schema, or will not have it.
const INCOMPATIBLE: u32 = 409;
const INVALID_SCHEMA: u32 = 42201;
const SUBJECT_NOT_FOUND: u32 = 40401;
const SCHEMA_NOT_FOUND: u32 = 40403;

/// What a registry is started with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegistryOptions {
    pub compatibility: Compatibility,
    /// Of subjects with a rule of their own.
    pub subjects: BTreeMap<Rc<str>, Compatibility>,
}

#[derive(Clone, Debug)]
pub struct SchemaRegistry {
    options: RegistryOptions,
    /// By id, from 1.
    schemas: Vec<ParsedSchema>,
    /// Ids of a subject's versions, from version 1.
    subjects: BTreeMap<Rc<str>, Vec<u32>>,
}

impl SchemaRegistry {
    pub fn new(options: RegistryOptions) -> SchemaRegistry {
        SchemaRegistry {
            options,
            schemas: Vec::new(),
            subjects: BTreeMap::new(),
        }
    }

    pub fn rebooted(&self) -> SchemaRegistry {
        self.clone()
    }

    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        match event {
            Event::Message {
                conn,
                message: Message::RegistryCall(call),
            } => {
                let RegistryCall { client, request } = *call;
                let (answer, fact) = self.answer(&client, request);
                if let Some(fact) = fact {
                    ctx.fact(fact.into());
                }
                ctx.send(conn, Message::RegistryResponse(Box::new(answer)));
            }
            Event::Message { conn, .. } => ctx.close(conn),
            Event::Terminate => {
                ctx.fact(Fact::Exiting {
                    status: 0,
                    why: "asked to stop".into(),
                });
                ctx.exit(0);
            }
            Event::Started
            | Event::Timer(_)
            | Event::Connected(_)
            | Event::Accepted { .. }
            | Event::Closed { .. }
            | Event::Disk { .. } => {}
        }
    }

    fn answer(
        &mut self,
        client: &Rc<str>,
        request: RegistryRequest,
    ) -> (RegistryResponse, Option<MessageFact>) {
        let asked = |id| MessageFact::SchemaAsked {
            id,
            client: Rc::clone(client),
        };
        match request {
            RegistryRequest::SchemaById(id) => match self.schema(id) {
                Some(schema) => {
                    let answer = RegistryResponse::Schema {
                        schema_type: schema.schema.schema_type(),
                        text: Rc::clone(&schema.text),
                    };
                    (answer, Some(asked(id)))
                }
                None => (error(SCHEMA_NOT_FOUND, "Schema not found"), None),
            },
            RegistryRequest::LookUp(wanted) => {
                if !self.subjects.contains_key(&wanted.subject) {
                    let message = format!("Subject '{}' not found.", wanted.subject);
                    return (error(SUBJECT_NOT_FOUND, &message), None);
                }
                match self.id_under(&wanted) {
                    Some(id) => (RegistryResponse::Id(id), Some(asked(id))),
                    None => (error(SCHEMA_NOT_FOUND, "Schema not found"), None),
                }
            }
            RegistryRequest::Register(wanted) => match self.id_under(&wanted) {
                Some(id) => (RegistryResponse::Id(id), Some(asked(id))),
                None => self.register(client, wanted),
            },
        }
    }

    /// A new version, if what was there before allows it.
    fn register(
        &mut self,
        client: &Rc<str>,
        wanted: SubjectSchema,
    ) -> (RegistryResponse, Option<MessageFact>) {
        let parsed = match ParsedSchema::parse(wanted.schema_type, &wanted.text) {
            Ok(parsed) => parsed,
            Err(why) => return (error(INVALID_SCHEMA, &why.to_string()), None),
        };
        let subject = Rc::clone(&wanted.subject);
        let level = self.options.subjects.get(&subject);
        let level = level.copied().unwrap_or(self.options.compatibility);
        let versions = self.subjects.get(&subject).map_or(&[][..], Vec::as_slice);
        let schemas: Vec<(u32, &Schema)> = (1..)
            .zip(versions)
            .filter_map(|(version, id)| Some((version, &*self.schema(*id)?.schema)))
            .collect();
        if let Err(why) = level.check(&parsed.schema, &schemas) {
            let refused = MessageFact::SchemaRefused {
                subject,
                compatibility: level.to_string().into(),
                why: why.to_string().into(),
                client: Rc::clone(client),
            };
            return (error(INCOMPATIBLE, &why.to_string()), Some(refused));
        }
        let id = self.id_of(&parsed);
        let versions = self.subjects.entry(Rc::clone(&subject)).or_default();
        versions.push(id);
        let registered = MessageFact::SchemaRegistered {
            subject,
            version: versions.len() as u32,
            id,
            client: Rc::clone(client),
        };
        (RegistryResponse::Id(id), Some(registered))
    }

    /// The same schema has the same id under every subject.
    fn id_of(&mut self, parsed: &ParsedSchema) -> u32 {
        let known = self.schemas.iter().position(|s| s.schema == parsed.schema);
        let place = known.unwrap_or_else(|| {
            self.schemas.push(parsed.clone());
            self.schemas.len() - 1
        });
        place as u32 + 1
    }

    fn id_under(&self, wanted: &SubjectSchema) -> Option<u32> {
        let schema = Schema::parse(wanted.schema_type, &wanted.text).ok()?;
        let ids = self.subjects.get(&wanted.subject)?;
        let is_it = |id: &&u32| {
            self.schema(**id)
                .is_some_and(|known| *known.schema == schema)
        };
        ids.iter().find(is_it).copied()
    }

    fn schema(&self, id: u32) -> Option<&ParsedSchema> {
        self.schemas.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }
}

fn error(code: u32, message: &str) -> RegistryResponse {
    RegistryResponse::Error {
        code,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serialization::SchemaType;

    fn ask(registry: &mut SchemaRegistry, subject: &str, text: &str) -> RegistryResponse {
        let wanted = SubjectSchema {
            subject: subject.into(),
            schema_type: SchemaType::Avro,
            text: text.into(),
        };
        registry
            .answer(&"c".into(), RegistryRequest::Register(wanted))
            .0
    }

    #[test]
    fn versions_are_a_subjects_own_and_ids_everybodys() {
        let mut registry = SchemaRegistry::new(RegistryOptions::default());
        assert_eq!(
            ask(&mut registry, "a-value", r#""int""#),
            RegistryResponse::Id(1)
        );
        assert_eq!(
            ask(&mut registry, "a-value", r#""long""#),
            RegistryResponse::Id(2)
        );
        assert_eq!(
            ask(&mut registry, "b-value", r#""long""#),
            RegistryResponse::Id(2)
        );
        assert_eq!(
            ask(&mut registry, "a-value", r#" "int""#),
            RegistryResponse::Id(1),
            "asked again"
        );
        assert_eq!(registry.subjects["a-value"], [1, 2]);
        assert_eq!(registry.subjects["b-value"], [2]);
        let RegistryResponse::Error { code, message } =
            ask(&mut registry, "a-value", r#""string""#)
        else {
            panic!("taken");
        };
        assert_eq!(code, 409);
        assert_eq!(
            &*message,
            "it cannot read what version 2 wrote: it is written as long and read as string"
        );
        let RegistryResponse::Error { code, .. } = ask(&mut registry, "a-value", "{") else {
            panic!("taken");
        };
        assert_eq!(code, 42201);
        let by_id = |registry: &mut SchemaRegistry, id| {
            let request = RegistryRequest::SchemaById(id);
            registry.answer(&"c".into(), request).0
        };
        assert!(matches!(
            by_id(&mut registry, 2),
            RegistryResponse::Schema { .. }
        ));
        for id in [0, 3] {
            let RegistryResponse::Error { code, .. } = by_id(&mut registry, id) else {
                panic!("there is none");
            };
            assert_eq!(code, 40403);
        }
    }

    #[test]
    fn a_subject_may_have_a_rule_of_its_own_and_a_look_up_registers_nothing() {
        let mut registry = SchemaRegistry::new(RegistryOptions {
            compatibility: Compatibility::Full,
            subjects: BTreeMap::from([("free-value".into(), Compatibility::None)]),
        });
        assert_eq!(
            ask(&mut registry, "free-value", r#""int""#),
            RegistryResponse::Id(1)
        );
        assert_eq!(
            ask(&mut registry, "free-value", r#""string""#),
            RegistryResponse::Id(2)
        );
        assert_eq!(
            ask(&mut registry, "t-value", r#""int""#),
            RegistryResponse::Id(1)
        );
        let RegistryResponse::Error { code, .. } = ask(&mut registry, "t-value", r#""long""#)
        else {
            panic!("taken");
        };
        assert_eq!(code, 409);
        for (subject, text, expected) in [
            ("t-value", r#""int""#, RegistryResponse::Id(1)),
            ("t-value", r#""bytes""#, error(40403, "Schema not found")),
            (
                "u-value",
                r#""int""#,
                error(40401, "Subject 'u-value' not found."),
            ),
        ] {
            let wanted = SubjectSchema {
                subject: subject.into(),
                schema_type: SchemaType::Avro,
                text: text.into(),
            };
            let answer = registry
                .answer(&"c".into(), RegistryRequest::LookUp(wanted))
                .0;
            assert_eq!(answer, expected);
        }
    }
}
