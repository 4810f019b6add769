//! The bytes that Confluent's serializers put before a message: 0, the schema's id, and for Protobuf which of
//! the schema's messages it is (CS12 to CS14).

use super::Unreadable;
use super::wire::{read_varint, unzigzag, write_varint, zigzag};

const MAGIC: u8 = 0;

/// The first five bytes.
pub fn prefix(id: u32) -> Vec<u8> {
    [&[MAGIC][..], &id.to_be_bytes()].concat()
}

/// The schema's id, and what stands behind it.
pub fn split(bytes: &[u8]) -> Result<(u32, &[u8]), Unreadable> {
    match bytes {
        [MAGIC, a, b, c, d, rest @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), rest)),
        _ => Err(Unreadable::new(
            "the magic byte 0 and a schema's id of 4 bytes",
            bytes,
        )),
    }
}

/// Where a message stands in its file: its number, or that of the message around it and its number there.
/// The first is by far the most frequent, and takes one byte.
pub fn write_indexes(out: &mut Vec<u8>, indexes: &[u32]) {
    if indexes == [0] {
        return out.push(0);
    }
    write_varint(out, zigzag(indexes.len() as i64));
    for index in indexes {
        write_varint(out, zigzag(i64::from(*index)));
    }
}

/// Takes the indexes off the front; `None` if there are none that can be read.
pub fn read_indexes(rest: &mut &[u8]) -> Option<Vec<u32>> {
    let count = unzigzag(read_varint(rest)?);
    if count == 0 {
        return Some(vec![0]);
    }
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= rest.len())?;
    let index = |_| u32::try_from(unzigzag(read_varint(rest)?)).ok();
    (0..count).map(index).collect()
}
