//! Reads values of one scope's keys, held against the key's type and range.

use super::{ConfigError, Properties, Scope};

/// Settings that Kafka would take: every key is one of `scope`, every value of its key's kind.
pub(super) struct Values<'a> {
    properties: &'a Properties,
}

impl<'a> Values<'a> {
    pub(super) fn checked(properties: &'a Properties, scope: Scope) -> Result<Self, ConfigError> {
        for (key, value) in properties {
            scope.check(key, value)?;
        }
        Ok(Values { properties })
    }

    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.properties.get(key).map(|value| value.trim())
    }

    /// Overwrites `field` if the key is there. Kafka takes some negative numbers that make no sense, and
    /// that the simulator's type cannot hold.
    pub(super) fn number<T: TryFrom<i64>>(
        &self,
        key: &'static str,
        field: &mut T,
    ) -> Result<(), ConfigError> {
        if let Some(text) = self.text(key) {
            *field = text
                .parse::<i64>()
                .ok()
                .and_then(|n| T::try_from(n).ok())
                .ok_or_else(|| ConfigError::Value {
                    key,
                    value: text.to_string(),
                    expected: "a whole number, at least 0".to_string(),
                })?;
        }
        Ok(())
    }

    pub(super) fn flag(&self, key: &str, field: &mut bool) {
        if let Some(text) = self.text(key) {
            *field = text.eq_ignore_ascii_case("true");
        }
    }

    /// The first of these keys that is there, in milliseconds: each stands with its unit.
    pub(super) fn first_in_ms(&self, keys: &[(&str, i64)], field: &mut i64) {
        let found = keys.iter().find_map(|(key, unit)| {
            let number = self.text(key)?.parse::<i64>().ok()?;
            // Kafka: any negative number is "unlimited".
            Some(if number < 0 {
                -1
            } else {
                number.saturating_mul(*unit)
            })
        });
        if let Some(ms) = found {
            *field = ms;
        }
    }
}
