//! What clients and a schema registry say to each other (Confluent's REST interface, one request at a time on a
//! connection).

use crate::serialization::SchemaType;
use std::rc::Rc;

/// What a request or an answer takes beside what it carries: the lines and headers of HTTP.
const HTTP_BYTES: u64 = 250;

/// A client's question, and who asks.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RegistryCall {
    pub client: Rc<str>,
    pub request: RegistryRequest,
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum RegistryRequest {
    /// `POST /subjects/SUBJECT/versions`: the schema's id, which is given now if it has none.
    Register(SubjectSchema),
    /// `POST /subjects/SUBJECT`: the id of a schema that is there.
    LookUp(SubjectSchema),
    /// `GET /schemas/ids/ID`
    SchemaById(u32),
}

/// A schema under a subject.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SubjectSchema {
    pub subject: Rc<str>,
    pub schema_type: SchemaType,
    pub text: Rc<str>,
}

/// The registry's answer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum RegistryResponse {
    Id(u32),
    Schema {
        schema_type: SchemaType,
        text: Rc<str>,
    },
    /// With the registry's own code, such as 409 or 40403.
    Error {
        code: u32,
        message: Rc<str>,
    },
}

impl RegistryRequest {
    pub fn name(&self) -> &'static str {
        match self {
            RegistryRequest::Register(_) => "register schema",
            RegistryRequest::LookUp(_) => "look up schema",
            RegistryRequest::SchemaById(_) => "schema by id",
        }
    }

    pub fn wire_bytes(&self) -> u64 {
        HTTP_BYTES
            + match self {
                RegistryRequest::Register(schema) | RegistryRequest::LookUp(schema) => {
                    (schema.subject.len() + schema.text.len()) as u64
                }
                RegistryRequest::SchemaById(_) => 0,
            }
    }
}

impl RegistryResponse {
    pub fn wire_bytes(&self) -> u64 {
        HTTP_BYTES
            + match self {
                RegistryResponse::Id(_) => 8,
                RegistryResponse::Schema { text, .. } => text.len() as u64,
                RegistryResponse::Error { message, .. } => message.len() as u64,
            }
    }
}
