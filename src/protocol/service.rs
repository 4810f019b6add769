//! What applications say to a service outside of Kafka, and what it answers (one HTTP request at a time on a
//! connection).

use super::TopicPartition;
use bytes::Bytes;
use std::rc::Rc;

/// What a request or an answer takes beside what it carries: the lines and headers of HTTP.
const HTTP_BYTES: u64 = 250;

/// `POST /`: a record's value, and which record it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ServiceCall {
    pub client: Rc<str>,
    pub partition: TopicPartition,
    pub offset: i64,
    pub value: Option<Bytes>,
}

impl ServiceCall {
    pub fn wire_bytes(&self) -> u64 {
        HTTP_BYTES + self.value.as_ref().map_or(0, |value| value.len() as u64)
    }
}

/// `200 OK`, to the call for this record.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ServiceAnswer {
    pub partition: TopicPartition,
    pub offset: i64,
}

impl ServiceAnswer {
    pub fn wire_bytes(&self) -> u64 {
        HTTP_BYTES
    }
}
