//! Text as Java makes it of bytes that should be UTF-8.

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
}
