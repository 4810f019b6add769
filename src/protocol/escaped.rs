//! Bytes of znodes in a trace: text as it is, with `\\` before itself and `\\x00` for what is no printable
//! ASCII. Nothing is lost: `read(write(bytes))` is `bytes`.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write(bytes))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).ok_or_else(|| D::Error::custom("bytes that are escaped otherwise than with \\x"))
}

fn write(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

fn read(text: &str) -> Option<Bytes> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                after
            }
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                after
            }
            (b' '..=b'~', after) if byte != b'\\' => {
                bytes.push(byte);
                after
            }
            _ => return None,
        };
    }
    Some(Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_read_as_it_was_written() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(read(&write(&all)).as_deref(), Some(&all[..]));
        assert_eq!(write(br#"{"a":"\b"}"#), r#"{"a":"\\b"}"#);
        for damaged in ["\\", "\\x", "\\x1", "\\xzz", "é", "\\n"] {
            assert_eq!(read(damaged), None, "{damaged}");
        }
    }
}
