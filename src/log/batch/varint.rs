//! Zigzag varints as in protocol buffers (class ByteUtils), and fields that begin with their length.

/// Appends `value` zigzag-encoded.
#[inline(always)]
pub(crate) fn write(out: &mut Vec<u8>, value: i64) {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    if zigzag < 0x80 {
        out.push(zigzag as u8);
    } else if zigzag < 0x4000 {
        out.extend_from_slice(&[zigzag as u8 | 0x80, (zigzag >> 7) as u8]);
    } else {
        write_any(out, zigzag);
    }
}

#[inline(never)]
fn write_any(out: &mut Vec<u8>, mut rest: u64) {
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Bytes that `write` takes for `value`.
pub(crate) fn size(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    (70 - (zigzag | 1).leading_zeros() as usize) / 7
}

/// Appends a length and so many bytes; null is the length -1.
#[inline(always)]
pub(crate) fn write_field(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => write(out, -1),
        Some(bytes) => {
            write(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
    }
}

/// Bytes that `write_field` takes.
pub(crate) fn field_size(field: Option<&[u8]>) -> usize {
    field.map_or(1, |bytes| size(bytes.len() as i64) + bytes.len())
}

/// Why no varint could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum VarintError {
    TooLong,
    Truncated,
}

/// Reads a 64-bit varint at `*position` and moves past it.
#[inline(always)]
pub(crate) fn read_i64(bytes: &[u8], position: &mut usize) -> Result<i64, VarintError> {
    read(bytes, position, 10).map(|raw| ((raw >> 1) as i64) ^ -((raw & 1) as i64))
}

/// Reads a 32-bit varint at `*position` and moves past it. At most 5 bytes, higher bits are dropped.
#[inline(always)]
pub(crate) fn read_i32(bytes: &[u8], position: &mut usize) -> Result<i32, VarintError> {
    read(bytes, position, 5).map(|raw| {
        let raw = raw as u32;
        ((raw >> 1) as i32) ^ -((raw & 1) as i32)
    })
}

/// Most varints have one byte or two.
#[inline(always)]
fn read(bytes: &[u8], position: &mut usize, most: usize) -> Result<u64, VarintError> {
    let rest = bytes.get(*position..).unwrap_or(&[]);
    if let Some(&[first, second]) = rest.first_chunk() {
        if first < 0x80 {
            *position += 1;
            return Ok(u64::from(first));
        }
        if second < 0x80 {
            *position += 2;
            return Ok(u64::from(first & 0x7f) | u64::from(second) << 7);
        }
    }
    read_any(rest, position, most)
}

#[inline(never)]
fn read_any(rest: &[u8], position: &mut usize, most: usize) -> Result<u64, VarintError> {
    let mut value = 0u64;
    for (i, &byte) in rest.iter().take(most).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *position += i + 1;
            return Ok(value);
        }
    }
    Err(if rest.len() < most {
        VarintError::Truncated
    } else {
        VarintError::TooLong
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_those_of_others() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/varints.json")).unwrap();
        for vector in vectors["vectors"].as_array().unwrap() {
            let value = vector["value"].as_i64().unwrap();
            let hex = vector["zigzag_varint_hex"].as_str().unwrap();
            let mut bytes = Vec::new();
            write(&mut bytes, value);
            assert_eq!(
                bytes.iter().map(|b| format!("{b:02x}")).collect::<String>(),
                hex
            );
            assert_eq!(bytes.len(), size(value), "{value}");
            let mut position = 0;
            assert_eq!(read_i64(&bytes, &mut position), Ok(value));
            assert_eq!(position, bytes.len());
            if let Ok(value) = i32::try_from(value) {
                assert_eq!(read_i32(&bytes, &mut 0), Ok(value));
            }
        }
    }

    #[test]
    fn bad_varints_are_refused() {
        assert_eq!(read_i64(&[], &mut 0), Err(VarintError::Truncated));
        assert_eq!(read_i64(&[0x80], &mut 0), Err(VarintError::Truncated));
        assert_eq!(read_i64(&[0xff; 11], &mut 0), Err(VarintError::TooLong));
        assert_eq!(read_i32(&[0xff; 6], &mut 0), Err(VarintError::TooLong));
        assert_eq!(read_i32(&[1], &mut 7), Err(VarintError::Truncated));
    }

    #[test]
    fn crc32c_is_that_of_others() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/crc32c.json")).unwrap();
        for vector in vectors["vectors"].as_array().unwrap() {
            let hex = vector["hex"].as_str().unwrap();
            let bytes: Vec<u8> = (0..hex.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
                .collect();
            assert_eq!(
                i64::from(crc32c::crc32c(&bytes)),
                vector["crc32c"].as_i64().unwrap()
            );
        }
    }
}
