//! An item under `expect`: a sentence, or a map of one with what bounds it.

use super::de::mismatch;
use super::words::Time;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A sentence, or a map of one with its window: `no record is lost`, `acknowledged records lost: 5`,
/// `{that: no election happens, until: 30s}`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Expected {
    pub(super) sentence: String,
    pub(super) from: Option<Time>,
    pub(super) until: Option<Time>,
    pub(super) because: Option<String>,
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sentence;
        impl<'de> Visitor<'de> for Sentence {
            type Value = Expected;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sentence, or a map such as {that: no election happens, until: 30s}")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Expected, E> {
                Ok(Expected {
                    sentence: text.to_string(),
                    from: None,
                    until: None,
                    because: None,
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expected, A::Error> {
                let mut sentence: Option<String> = None;
                let (mut from, mut until, mut because) = (None, None, None);
                while let Some(key) = map.next_key::<String>()? {
                    let said = match key.as_str() {
                        "from" => {
                            from = Some(map.next_value()?);
                            continue;
                        }
                        "until" => {
                            until = Some(map.next_value()?);
                            continue;
                        }
                        "because" => {
                            because = Some(map.next_value()?);
                            continue;
                        }
                        "that" => map.next_value::<String>()?,
                        _ => format!("{key}: {}", map.next_value::<String>()?),
                    };
                    if let Some(first) = &sentence {
                        let found = format!("\"{said}\" beside \"{first}\"");
                        return Err(de::Error::custom(mismatch(
                            found,
                            "one expectation an item, with from, until and because",
                        )));
                    }
                    sentence = Some(said);
                }
                let sentence = sentence.ok_or_else(|| {
                    de::Error::custom(mismatch(
                        "no expectation in this item",
                        "a sentence, under \"that\"",
                    ))
                })?;
                Ok(Expected {
                    sentence,
                    from,
                    until,
                    because,
                })
            }
        }
        deserializer.deserialize_any(Sentence)
    }
}

impl Serialize for Expected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.sentence.split_once(": ");
        let extras = [
            self.from.is_some(),
            self.until.is_some(),
            self.because.is_some(),
        ]
        .iter()
        .filter(|x| **x)
        .count();
        if parts.is_none() && extras == 0 {
            return serializer.serialize_str(&self.sentence);
        }
        let mut map = serializer.serialize_map(Some(1 + extras))?;
        match parts {
            Some((key, value)) => map.serialize_entry(key, value)?,
            None => map.serialize_entry("that", &self.sentence)?,
        }
        if let Some(from) = &self.from {
            map.serialize_entry("from", from)?;
        }
        if let Some(until) = &self.until {
            map.serialize_entry("until", until)?;
        }
        if let Some(because) = &self.because {
            map.serialize_entry("because", because)?;
        }
        map.end()
    }
}
