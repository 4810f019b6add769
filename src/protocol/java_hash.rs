//! Java's hash of a text, which decides where Kafka's hash maps put a key, which fetcher has a partition, and who
//! coordinates a group.

/// `java.lang.String.hashCode`.
pub fn java_hash_code(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}
