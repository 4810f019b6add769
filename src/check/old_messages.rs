//! Messages of formats 0 and 1, which a plan may put on a disk, read apart from `log`'s way of doing it.
//!
//! Verifies CRC-32 of each, wrapped ones too.

use super::stored_log::{BEFORE_LENGTH_COUNTS, Fields, StoredBatch, StoredLog, StoredRecord};
use crate::check::unpack::unpack;
use crate::protocol::content_of;

/// Old messages say no leader epoch.
const NO_EPOCH: i32 = -1;

/// A message, from its CRC on, without what it wraps.
struct Message<'a> {
    magic: u8,
    codec: i16,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

/// Adds what a message of an old format holds, which stands at `offset`: itself, or what it wraps.
pub(super) fn read_into(log: &mut StoredLog, offset: i64, message: &[u8]) -> Result<(), String> {
    let outer = read(&message[BEFORE_LENGTH_COUNTS..])?;
    let mut held = Vec::new();
    if outer.codec == 0 {
        held.push((offset, content_of(outer.key, outer.value)));
    } else {
        let packed = outer.value.ok_or("it is packed and has no value")?;
        let unpacked = unpack(outer.codec, packed)?;
        let mut rest = unpacked.as_slice();
        while rest.len() >= BEFORE_LENGTH_COUNTS {
            let mut fields = Fields(rest);
            let inner_offset = fields.i64()?;
            let length = usize::try_from(fields.i32()?).map_err(|_| "negative length")?;
            let inner = read(fields.take(length)?)?;
            held.push((inner_offset, content_of(inner.key, inner.value)));
            rest = fields.0;
        }
        let last = held.last().ok_or("it is packed and holds no message")?.0;
        // In format 1 they count from 0, and the last has the wrapper's offset.
        if outer.magic == 1 && offset != 0 {
            let base = offset - last;
            held.iter_mut().for_each(|(inner, _)| *inner += base);
        }
    }
    let first = held.first().map_or(offset, |(first, _)| *first);
    log.batches.push(StoredBatch {
        base_offset: first,
        last_offset_delta: i32::try_from(offset - first)
            .map_err(|_| "its messages' offsets lie too far apart")?,
        leader_epoch: NO_EPOCH,
        producer: None,
    });
    log.records
        .extend(held.into_iter().map(|(offset, content)| StoredRecord {
            offset,
            leader_epoch: NO_EPOCH,
            content,
        }));
    Ok(())
}

fn read(bytes: &[u8]) -> Result<Message<'_>, String> {
    let mut fields = Fields(bytes);
    let crc = fields.i32()? as u32;
    let mut computed = flate2::Crc::new();
    computed.update(fields.0);
    if crc != computed.sum() {
        return Err("CRC does not match".to_owned());
    }
    let magic = fields.take(1)?[0];
    let codec = i16::from(fields.take(1)?[0] & 0x7);
    if magic == 1 {
        let _timestamp = fields.i64()?;
    }
    let mut optional = || -> Result<_, String> {
        match usize::try_from(fields.i32()?) {
            Ok(length) => fields.take(length).map(Some),
            Err(_) => Ok(None),
        }
    };
    Ok(Message {
        magic,
        codec,
        key: optional()?,
        value: optional()?,
    })
}
