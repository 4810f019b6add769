//! Text as Java makes it: of bytes that should be UTF-8, and in JSON as Jackson writes it.

use std::fmt::Write;

/// Bytes as Java's UTF-8 decoder reads them: what is malformed becomes U+FFFD, one for each part as Rust
/// counts them, but only one for a whole encoded surrogate.
pub(super) fn utf8(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = surrogate(rest) {
        text.push_str(&String::from_utf8_lossy(&rest[..at]));
        text.push('\u{fffd}');
        let continued = rest.get(at + 2).is_some_and(|byte| is_continuation(*byte));
        rest = &rest[at + 2 + usize::from(continued)..];
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// Where an encoded surrogate begins: no other character has an ED with such a byte behind it.
fn surrogate(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(2)
        .position(|pair| pair[0] == 0xed && (0xa0..=0xbf).contains(&pair[1]))
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// A JSON string.
pub(super) fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Base64 with padding (RFC 4648).
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            if i > chunk.len() {
                out.push('=');
            } else {
                let index = group >> (18 - 6 * i) & 63;
                out.push(char::from(ALPHABET[index as usize]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dl3_bad_utf8_is_replaced_as_java_replaces_it() {
        assert_eq!(utf8("grüße 🚚".as_bytes()), "grüße 🚚");
        assert_eq!(utf8(b"a\xffb\xc3"), "a\u{fffd}b\u{fffd}");
        // Surrogates: one for all three bytes, or for two if the third is missing.
        assert_eq!(utf8(b"\xed\xa0\x80\xed\xbf\xbfx"), "\u{fffd}\u{fffd}x");
        assert_eq!(utf8(b"\xed\xa0x\xed\xb0"), "\u{fffd}x\u{fffd}");
        assert_eq!(utf8(b"\xed\x9f\xbf"), "\u{d7ff}");
        assert_eq!(utf8(b"\xf0\x9f\x9a"), "\u{fffd}");
        assert_eq!(utf8(b"\xe0\x80\x80"), "\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn json_strings_are_escaped_as_jackson_does() {
        assert_eq!(json_string("a\"\\\n\u{1f}ü"), "\"a\\\"\\\\\\n\\u001Fü\"");
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
