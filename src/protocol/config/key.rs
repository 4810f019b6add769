//! What a configuration key is: its name, the values that it takes, and what comes of it here.

use super::broker_keys::BROKER;
use super::client_keys::{ADMIN, CONSUMER, PRODUCER};
use super::lack::Lack;
use super::nearest;
use super::security_keys::SECURITY;
use super::topic_keys::TOPIC;
use crate::serialization::{Charset, Class};
use std::fmt;

/// Whose configuration it is. Each has keys of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    Broker,
    Topic,
    Producer,
    Consumer,
    Admin,
}

/// A key of Kafka 3.9's configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub effect: Effect,
}

/// What comes of a key here.
#[derive(Clone, Copy, Debug)]
pub enum Effect {
    /// The simulator acts on it. Without it, this is its value; empty: there is none.
    Modelled { default: &'static str },
    /// It makes Kafka faster, slower or more talkative. Nothing comes of it here.
    Tunes,
    /// It changes what is read, written or promised, and nothing here does that. Only values that say what
    /// happens here anyway are taken.
    Changes {
        lack: Lack,
        as_here: &'static [&'static str],
    },
}

/// A setting that is not acted on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unmodelled {
    /// Nothing comes of it, which is worth a warning.
    Idle,
    /// A run without it would teach the opposite: it is refused.
    Refused {
        lack: Lack,
        as_here: &'static [&'static str],
    },
}

/// The values that a key takes (Kafka's ConfigDef.Type and Validator).
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number, both bounds included.
    Number {
        least: i64,
        most: i64,
    },
    /// A number with a decimal point.
    Decimal,
    Boolean,
    OneOf(&'static [&'static str]),
    /// Any of these, with commas between.
    ListOf(&'static [&'static str]),
    List,
    /// -1 or 1 to 9.
    GzipLevel,
    /// `serialization::Class`
    Serializer,
    Deserializer,
    Charset,
    Text,
}

/// A configuration that Kafka would not take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// Kafka has no such key.
    Unknown {
        scope: Scope,
        key: String,
        nearest: Option<&'static str>,
    },
    /// The key cannot have this value.
    Value {
        key: &'static str,
        value: String,
        expected: String,
    },
}

impl Scope {
    /// The key called `name`.
    pub fn key(self, name: &str) -> Result<&'static Key, ConfigError> {
        let find = |keys: &'static [Key]| {
            keys.binary_search_by(|key| key.name.cmp(name))
                .ok()
                .map(|place| &keys[place])
        };
        let (own, shared) = self.keys();
        find(own)
            .or_else(|| find(shared))
            .ok_or_else(|| ConfigError::Unknown {
                scope: self,
                key: name.to_string(),
                nearest: nearest(name, own.iter().map(|key| key.name)),
            })
    }

    /// Kafka takes this value for this key.
    pub fn check(self, name: &str, value: &str) -> Result<&'static Key, ConfigError> {
        let key = self.key(name)?;
        if key.kind.takes(value) {
            Ok(key)
        } else {
            Err(ConfigError::Value {
                key: key.name,
                value: value.to_string(),
                expected: key.kind.expected_of(value),
            })
        }
    }

    /// Every key, those that are shared between scopes after the scope's own.
    pub fn all(self) -> impl Iterator<Item = &'static Key> {
        let (own, shared) = self.keys();
        own.iter().chain(shared)
    }

    const fn keys(self) -> (&'static [Key], &'static [Key]) {
        match self {
            Scope::Broker => (BROKER, SECURITY),
            Scope::Topic => (TOPIC, &[]),
            Scope::Producer => (PRODUCER, SECURITY),
            Scope::Consumer => (CONSUMER, SECURITY),
            Scope::Admin => (ADMIN, SECURITY),
        }
    }
}

impl Key {
    /// Whether this value, which Kafka takes, is acted on; `None`: it is, or it says what happens anyway.
    pub fn unmodelled(&self, value: &str) -> Option<Unmodelled> {
        let value = value.trim();
        match self.effect {
            Effect::Modelled { .. } => None,
            Effect::Tunes => Some(Unmodelled::Idle),
            // Where it is makes no difference.
            Effect::Changes {
                lack: Lack::LogDirectories,
                ..
            } if !value.contains(',') => Some(Unmodelled::Idle),
            Effect::Changes { as_here, .. }
                if as_here.iter().any(|here| here.eq_ignore_ascii_case(value)) =>
            {
                None
            }
            Effect::Changes { lack, as_here } => Some(Unmodelled::Refused { lack, as_here }),
        }
    }
}

impl Kind {
    /// Kafka's parser takes this text, blanks around it aside.
    pub fn takes(self, value: &str) -> bool {
        let value = value.trim();
        match self {
            Kind::Number { least, most } => value
                .parse::<i64>()
                .is_ok_and(|n| (least..=most).contains(&n)),
            Kind::Decimal => {
                let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
                let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
                !whole.is_empty() && digits(whole) && digits(fraction)
            }
            Kind::Boolean => ["true", "false"]
                .iter()
                .any(|b| b.eq_ignore_ascii_case(value)),
            Kind::OneOf(choices) => choices.contains(&value),
            Kind::ListOf(choices) => value.split(',').all(|item| choices.contains(&item.trim())),
            Kind::GzipLevel => value
                .parse::<i64>()
                .is_ok_and(|n| n == -1 || (1..=9).contains(&n)),
            Kind::Serializer => Class::serializer(value).is_some(),
            Kind::Deserializer => Class::deserializer(value).is_some(),
            Kind::Charset => Charset::parse(value).is_some(),
            Kind::List | Kind::Text => true,
        }
    }

    /// What is expected instead of this value: of a number that is too large, both bounds.
    fn expected_of(self, value: &str) -> String {
        let digits = value.trim().trim_start_matches('+');
        let is_too_large = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        match self {
            Kind::Number { least, most }
                if is_too_large && !digits.parse::<i64>().is_ok_and(|n| n <= most) =>
            {
                format!("a whole number from {least} to {most}")
            }
            kind => kind.to_string(),
        }
    }
}

impl fmt::Display for Kind {
    /// What is expected, in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Number { least, most } => match (least, most) {
                (&i64::MIN, _) => f.write_str("a whole number"),
                (least, &i64::MAX) | (least, 2_147_483_647 | 32_767) if *least > -131_072 => {
                    write!(f, "a whole number, at least {least}")
                }
                _ => write!(f, "a whole number from {least} to {most}"),
            },
            Kind::Decimal => f.write_str("a number such as 0.5"),
            Kind::Boolean => f.write_str("true or false"),
            Kind::OneOf(choices) => write!(f, "one of {}", choices.join(", ")),
            Kind::ListOf(choices) => {
                write!(f, "some of {}, with commas between", choices.join(", "))
            }
            Kind::List => f.write_str("a list with commas between"),
            Kind::GzipLevel => f.write_str("-1, or a whole number from 1 to 9"),
            Kind::Serializer | Kind::Deserializer => f.write_str(Class::EXPECTED),
            Kind::Charset => write!(f, "one of {}", Charset::NAMES.join(", ")),
            Kind::Text => f.write_str("a text"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Broker => "broker",
            Scope::Topic => "topic",
            Scope::Producer => "producer",
            Scope::Consumer => "consumer",
            Scope::Admin => "admin",
        })
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Unknown { scope, key, .. } => {
                write!(f, "Kafka has no {scope} configuration \"{key}\"")
            }
            ConfigError::Value {
                key,
                value,
                expected,
            } => {
                let value = in_a_line(value);
                write!(f, "{key} cannot be \"{value}\": expected {expected}")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// A value as a message can show it: on one line, and not all of a very long one.
pub fn in_a_line(value: &str) -> String {
    const SHOWN: usize = 100;
    let plain = |c: char| {
        if c.is_control() {
            c.escape_default().collect()
        } else {
            c.to_string()
        }
    };
    let shown: String = value.chars().take(SHOWN).map(plain).collect();
    match value.chars().nth(SHOWN) {
        Some(_) => shown + "...",
        None => shown,
    }
}

/// The type's own bound.
pub(super) const ANY: i64 = i64::MIN;
pub(super) const BOOLEAN: Kind = Kind::Boolean;
pub(super) const DECIMAL: Kind = Kind::Decimal;
pub(super) const GZIP_LEVEL: Kind = Kind::GzipLevel;
pub(super) const LIST: Kind = Kind::List;
pub(super) const TEXT: Kind = Kind::Text;
pub(super) const SERIALIZER: Kind = Kind::Serializer;
pub(super) const DESERIALIZER: Kind = Kind::Deserializer;
pub(super) const CHARSET: Kind = Kind::Charset;

/// The simulator acts on it.
pub(super) const fn modelled(name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key {
        name,
        kind,
        effect: Effect::Modelled { default },
    }
}

/// Kafka has it; nothing that a scenario is about depends on it.
pub(super) const fn tunes(name: &'static str, kind: Kind) -> Key {
    Key {
        name,
        kind,
        effect: Effect::Tunes,
    }
}

/// Kafka has it, and it would change what is read, written or promised.
pub(super) const fn changes(
    name: &'static str,
    kind: Kind,
    lack: Lack,
    as_here: &'static [&'static str],
) -> Key {
    Key {
        name,
        kind,
        effect: Effect::Changes { lack, as_here },
    }
}

/// ConfigDef.Type.INT.
pub(super) const fn int(least: i64) -> Kind {
    bounded(least, i32::MIN as i64, i32::MAX as i64)
}

/// ConfigDef.Type.LONG.
pub(super) const fn long(least: i64) -> Kind {
    bounded(least, i64::MIN, i64::MAX)
}

/// ConfigDef.Type.SHORT.
pub(super) const fn short(least: i64) -> Kind {
    bounded(least, i16::MIN as i64, i16::MAX as i64)
}

pub(super) const fn number(least: i64, most: i64) -> Kind {
    Kind::Number { least, most }
}

pub(super) const fn one_of(choices: &'static [&'static str]) -> Kind {
    Kind::OneOf(choices)
}

pub(super) const fn list_of(choices: &'static [&'static str]) -> Kind {
    Kind::ListOf(choices)
}

const fn bounded(least: i64, smallest: i64, most: i64) -> Kind {
    Kind::Number {
        least: if least == ANY { smallest } else { least },
        most,
    }
}

/// Whether this setting asks for log compaction, which is not built: who sets it for topics of users is
/// refused.
pub fn asks_for_compaction(name: &str, value: &str) -> bool {
    matches!(name, "cleanup.policy" | "log.cleanup.policy")
        && value.split(',').any(|policy| policy.trim() == "compact")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_have_each_key_once() {
        for keys in [BROKER, TOPIC, PRODUCER, CONSUMER, ADMIN, SECURITY] {
            for pair in keys.windows(2) {
                assert!(
                    pair[0].name < pair[1].name,
                    "{} before {}",
                    pair[0].name,
                    pair[1].name
                );
            }
        }
    }

    #[test]
    fn what_happens_here_anyway_may_be_said_and_nothing_else() {
        let judged = |scope: Scope, key: &str, value: &str| {
            let key = scope.check(key, value).expect("Kafka takes it");
            match key.unmodelled(value) {
                None => "taken",
                Some(Unmodelled::Idle) => "idle",
                Some(Unmodelled::Refused { .. }) => "refused",
            }
        };
        for (scope, key, value, verdict) in [
            (Scope::Consumer, "group.protocol", "consumer", "refused"),
            (Scope::Consumer, "group.protocol", "classic", "taken"),
            (Scope::Consumer, "max.poll.records", "5", "taken"),
            (Scope::Consumer, "exclude.internal.topics", "false", "idle"),
            (Scope::Producer, "transactional.id", "t", "refused"),
            (Scope::Producer, "linger.ms", "5", "taken"),
            (Scope::Producer, "client.id", "p", "idle"),
            (Scope::Producer, "acks", "1", "taken"),
            (Scope::Broker, "log.dirs", "/var/kafka", "idle"),
            (Scope::Broker, "log.dirs", "/a,/b", "refused"),
            (Scope::Topic, "cleanup.policy", "compact", "refused"),
            (Scope::Topic, "cleanup.policy", " delete ", "taken"),
            (Scope::Topic, "cleanup.policy", "compact,delete", "refused"),
        ] {
            assert_eq!(judged(scope, key, value), verdict, "{key}={value}");
        }
    }

    #[test]
    fn cg1_a_broker_coordinates_groups_by_the_classic_protocol_and_no_other() {
        let name = "group.coordinator.rebalance.protocols";
        let judged = |value: &str| Scope::Broker.key(name).map(|key| key.unmodelled(value));
        assert_eq!(judged("classic"), Ok(None));
        for other in ["consumer", "classic,consumer"] {
            assert!(matches!(
                judged(other),
                Ok(Some(Unmodelled::Refused { .. }))
            ));
        }
    }

    #[test]
    fn values_that_say_what_happens_here_are_values_that_kafka_takes() {
        for keys in [BROKER, TOPIC, PRODUCER, CONSUMER, ADMIN, SECURITY] {
            for key in keys {
                let said: &[&str] = match &key.effect {
                    Effect::Modelled { default: "" } | Effect::Tunes => &[],
                    Effect::Modelled { default } => std::slice::from_ref(default),
                    Effect::Changes { as_here, .. } => as_here,
                };
                for value in said {
                    assert!(key.kind.takes(value), "{}={value}", key.name);
                }
            }
        }
    }

    #[test]
    fn a_key_that_kafka_does_not_have_is_told_the_nearest() {
        let nearest = |scope: Scope, key: &str| match scope.key(key) {
            Err(ConfigError::Unknown { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            nearest(Scope::Topic, "min.insync.replica"),
            Some("min.insync.replicas")
        );
        assert_eq!(
            nearest(Scope::Topic, "log.segment.bytes"),
            Some("segment.bytes")
        );
        assert_eq!(
            nearest(Scope::Broker, "retention.ms"),
            Some("log.retention.ms")
        );
        assert_eq!(nearest(Scope::Producer, "ack"), Some("acks"));
        assert_eq!(nearest(Scope::Broker, "colour"), None);
    }

    #[test]
    fn values_are_held_against_kafkas_types_and_ranges() {
        for (scope, key, value, expected) in [
            (Scope::Topic, "segment.bytes", "14", None),
            (
                Scope::Topic,
                "segment.bytes",
                "13",
                Some("a whole number, at least 14"),
            ),
            (
                Scope::Topic,
                "segment.bytes",
                "2147483648",
                Some("a whole number from 14 to 2147483647"),
            ),
            (Scope::Topic, "retention.ms", "-1", None),
            (
                Scope::Topic,
                "retention.ms",
                "soon",
                Some("a whole number, at least -1"),
            ),
            (
                Scope::Topic,
                "retention.ms",
                "9223372036854775808",
                Some("a whole number from -1 to 9223372036854775807"),
            ),
            (Scope::Topic, "cleanup.policy", "compact,delete", None),
            (
                Scope::Topic,
                "cleanup.policy",
                "compress",
                Some("some of compact, delete, with commas between"),
            ),
            (Scope::Topic, "min.cleanable.dirty.ratio", "0.5", None),
            (Scope::Producer, "acks", "2", Some("one of all, -1, 0, 1")),
            (Scope::Broker, "controlled.shutdown.enable", "TRUE", None),
            (
                Scope::Broker,
                "controlled.shutdown.enable",
                "yes",
                Some("true or false"),
            ),
            (Scope::Consumer, "ssl.protocol", "TLSv1.3", None),
        ] {
            let found = match scope.check(key, value) {
                Ok(_) => None,
                Err(ConfigError::Value { expected, .. }) => Some(expected),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(found.as_deref(), expected, "{key}={value}");
        }
    }
}
