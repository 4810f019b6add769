//! What facts of clients and logs are matched by: a record's name, and what is in it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::rc::Rc;
use twox_hash::XxHash3_64;

/// One record of one workload: "truck-7#16" is number 16 of the producer `truck-7`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordId {
    pub producer: Rc<str>,
    pub number: u64,
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}#{}", self.producer, self.number))
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text.rsplit_once('#');
        let read = parts.and_then(|(producer, number)| {
            Some(RecordId {
                producer: producer.into(),
                number: number.parse().ok()?,
            })
        });
        read.ok_or_else(|| D::Error::custom(format!("\"{text}\" is no record, such as p#0")))
    }
}

/// Hash of a record's key and value, by which facts of producers, logs and consumers are matched.
pub fn content_of(key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
    let hash = |seed: u64, part: Option<&[u8]>| match part {
        None => !seed,
        Some(bytes) => XxHash3_64::oneshot_with_seed(seed, bytes),
    };
    hash(hash(0, key), value)
}
