//! Unpacks the records of a compressed batch, apart from `log`'s way of doing it: all at once, with the
//! codecs' own frame readers where there are such.

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use std::io::Read;

/// What a batch may unpack to.
const MOST: u64 = 100 << 20;
/// Magic, version and compatible version of a snappy stream.
const SNAPPY_HEADER: usize = 16;
/// Magic, flags, block descriptor and checksum of an lz4 frame without a content size.
const LZ4_HEADER: usize = 7;

/// The bytes that lie packed in a batch whose attributes name this codec.
pub(super) fn unpack(codec: i16, packed: &[u8]) -> Result<Vec<u8>, String> {
    match codec {
        1 => read(MultiGzDecoder::new(packed)),
        2 => snappy(packed),
        3 => lz4(packed),
        4 => read(StreamingDecoder::new(packed).map_err(|error| error.to_string())?),
        _ => Err(format!("codec {codec} is unknown")),
    }
}

fn read(stream: impl Read) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    match stream.take(MOST + 1).read_to_end(&mut unpacked) {
        Ok(length) if length as u64 > MOST => Err("unpacks to more than 100 MiB".to_owned()),
        Ok(_) => Ok(unpacked),
        Err(error) => Err(error.to_string()),
    }
}

/// Xerial's frame, or one raw block.
fn snappy(packed: &[u8]) -> Result<Vec<u8>, String> {
    let mut decoder = snap::raw::Decoder::new();
    let mut block = |bytes: &[u8]| {
        decoder
            .decompress_vec(bytes)
            .map_err(|error| error.to_string())
    };
    if !packed.starts_with(b"\x82SNAPPY\0") {
        return block(packed);
    }
    let mut rest = packed.get(SNAPPY_HEADER..).ok_or("a header is cut")?;
    let mut unpacked = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        let (chunk, behind) = behind.split_at_checked(length).ok_or("a chunk is cut")?;
        unpacked.extend(block(chunk)?);
        rest = behind;
    }
    Ok(unpacked)
}

fn lz4(packed: &[u8]) -> Result<Vec<u8>, String> {
    let flags = *packed.get(4).ok_or("a frame is cut")?;
    let header = LZ4_HEADER + if flags & 0x08 != 0 { 8 } else { 0 };
    let checksum = if flags & 0x10 != 0 { 4 } else { 0 };
    let mut rest = packed.get(header..).ok_or("a frame is cut")?;
    let mut unpacked = Vec::new();
    loop {
        let (length, behind) = rest.split_first_chunk().ok_or("the end mark is missing")?;
        let length = u32::from_le_bytes(*length);
        let size = (length & 0x7fff_ffff) as usize;
        if size == 0 {
            return Ok(unpacked);
        }
        let (block, behind) = behind.split_at_checked(size).ok_or("a block is cut")?;
        if length == size as u32 {
            let most = 4 << 20;
            let block = lz4_flex::block::decompress(block, most);
            unpacked.extend(block.map_err(|error| error.to_string())?);
        } else {
            unpacked.extend_from_slice(block);
        }
        rest = behind.get(checksum..).ok_or("a checksum is cut")?;
    }
}
