//! `java.util.UUID` as text (CS3).

/// Bits that each of the five parts may have.
const BITS: [u32; 5] = [32, 16, 16, 16, 48];
const LONGEST: usize = 36;

/// `UUID.fromString(text).toString()`: five hexadecimal numbers with dashes between. Each is cut to its bits
/// and written with all its digits, so that a short form is read too.
pub fn canonical(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('-').collect();
    if parts.len() != BITS.len() || text.len() > LONGEST {
        return None;
    }
    let part = |(part, bits): (&&str, u32)| {
        let is_hex = !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u64::from_str_radix(part, 16).ok().filter(|_| is_hex)?;
        let digits = bits as usize / 4;
        Some(format!("{:0digits$x}", number & ((1 << bits) - 1)))
    };
    let parts: Option<Vec<String>> = parts.iter().zip(BITS).map(part).collect();
    Some(parts?.join("-"))
}
