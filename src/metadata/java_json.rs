//! The order in which Kafka's JVM writes the keys of a map, so that payloads equal Kafka's bytes.
//!
//! Kafka encodes hash maps without sorting them. Both kinds met here, Scala's mutable `HashMap` and
//! the `ConcurrentHashMap` inside `java.util.Properties`, walk a table of 2^n buckets by the same
//! spread of `String.hashCode` and grow at three quarters.

use crate::protocol::java_hash_code;

/// `keys` in the order of a hash map that began with `table` buckets (a power of two).
pub(super) fn hash_map_order<T: AsRef<str>>(keys: &mut [T], table: u32) {
    let mut table = table;
    while keys.len() as u64 * 4 >= u64::from(table) * 3 {
        table *= 2;
    }
    keys.sort_by_cached_key(|key| {
        let hash = spread(java_hash_code(key.as_ref()));
        (hash as u32 & (table - 1), hash, key.as_ref().to_owned())
    });
}

fn spread(hash: i32) -> i32 {
    hash ^ ((hash as u32) >> 16) as i32
}

/// `text` as a JSON string, quotes included.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_the_order_of_recorded_registrations() {
        let mut keys = [
            "version",
            "host",
            "port",
            "endpoints",
            "jmx_port",
            "timestamp",
            "listener_security_protocol_map",
            "features",
        ];
        hash_map_order(&mut keys, 16);
        assert_eq!(
            keys,
            [
                "features",
                "listener_security_protocol_map",
                "endpoints",
                "jmx_port",
                "port",
                "host",
                "version",
                "timestamp"
            ]
        );
    }

    #[test]
    fn a_table_of_twelve_has_grown() {
        let mut keys: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        hash_map_order(&mut keys, 16);
        assert_eq!(keys[0], "11");
        assert_eq!(keys[1], "0");
        assert_eq!(keys[11], "10");
    }
}
