//! Values as people write them: `30s`, `64KiB`, `125MB/s`, one name or a list of them.

use super::de::mismatch;
use crate::kernel::Duration;
use crate::plan::{
    Misnumbered, misnumbered, parse_duration, parse_size, write_duration, write_size,
};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;
use std::marker::PhantomData;

macro_rules! written {
    ($(#[doc = $doc:literal])* $name:ident($inner:ty), $expected:literal, $most:expr, $read:expr, $write:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) struct $name(pub(super) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Written;
                impl Visitor<'_> for Written {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        let read: fn(&str) -> Option<$inner> = $read;
                        let expected = || match misnumbered(text, |text| read(text).is_some()) {
                            Some(Misnumbered::Negative) => format!("{}, and not negative", $expected),
                            Some(Misnumbered::TooLarge) => format!("at most {}", $most),
                            Some(Misnumbered::TooSmall) => format!("{}, and more than 0", $expected),
                            Some(Misnumbered::Zeros) => format!("{}, without zeros before it", $expected),
                            None => $expected.to_owned(),
                        };
                        read(text).map($name).ok_or_else(|| E::custom(mismatch(format_args!("\"{text}\""), expected())))
                    }
                }
                deserializer.deserialize_str(Written)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let write: fn($inner) -> String = $write;
                serializer.serialize_str(&write(self.0))
            }
        }
    };
}

written!(
    /// A length of time, or a time since the start.
    Time(Duration),
    "a time with its unit, such as 30s, 1500ms or 2m",
    "213503d",
    parse_duration,
    write_duration
);
written!(
    /// Bytes.
    Size(u64),
    "a size with its unit, such as 100B, 64KiB or 1MiB",
    "17179869183GiB",
    parse_size,
    write_size
);
written!(
    /// Bytes a second.
    Rate(u64),
    "a size a second, such as 64KiB/s or 125MB/s",
    "17179869183GiB/s",
    |text| parse_size(text.strip_suffix("/s")?),
    |bytes| format!("{}/s", write_size(bytes))
);
written!(
    /// Hundredths.
    Percent(u8),
    "a whole percentage from 0% to 100%",
    "100%",
    |text| {
        let number = text.strip_suffix('%')?.trim().parse().ok()?;
        (number <= 100).then_some(number)
    },
    |percent| format!("{percent}%")
);
written!(
    /// Nanoseconds to come or gone.
    SignedTime(i64),
    "a time that may be negative, such as 50ms, -2s or -600d (units: d, h, m, s, ms, us, ns), up to 106751d",
    "106751d, forwards or back",
    |text| {
        let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        Some(sign * i64::try_from(parse_duration(text)?.0).ok()?)
    },
    |nanos| format!("{}{}", if nanos < 0 { "-" } else { "" }, write_duration(Duration(nanos.unsigned_abs())))
);

/// A text that has a language of its own, and what is expected where something else stands.
struct TextOf(&'static str);

impl Visitor<'_> for TextOf {
    type Value = Option<String>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<String>, E> {
        Ok(Some(text.to_owned()))
    }
}

/// JSON may look like YAML's own maps and lists.
pub(super) fn json_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    from.deserialize_str(TextOf(
        "JSON as a text: in quotes, such as '{\"type\": ...}', or in lines of its own after |",
    ))
}

pub(super) fn proto_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    from.deserialize_str(TextOf(
        "the text of a .proto file, in lines of its own after |",
    ))
}

/// One text, or a list of texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or role, or a list of them")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_string()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element::<String>()? {
                    texts.push(text);
                }
                if texts.is_empty() {
                    return Err(de::Error::custom(mismatch(
                        "an empty list",
                        "at least one name or role",
                    )));
                }
                Ok(OneOrMany(texts))
            }
        }
        deserializer.deserialize_str(Texts)
    }
}

impl Serialize for OneOrMany {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => serializer.serialize_str(one),
            many => many.serialize(serializer),
        }
    }
}

/// A map in the order in which it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl<T> Ordered<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Named<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from names to what they are")
            }
            fn visit_none<E: de::Error>(self) -> Result<Ordered<T>, E> {
                Ok(Ordered::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry::<String, T>()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Named(PhantomData))
    }
}

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
