//! `partition.metadata`: the topic id of a partition's directory (class PartitionMetadataFile).

use crate::kernel::disk::Disk;
use crate::log::{LogError, checkpoint_file};
use bytes::Bytes;

const FILE: &str = "partition.metadata";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The topic id in the file of the log in `dir`, if there is a file.
pub(crate) fn read(disk: &mut Disk, dir: &str) -> Result<Option<[u8; 16]>, LogError> {
    let path = format!("{dir}/{FILE}");
    if !disk.exists(&path) {
        return Ok(None);
    }
    let content = disk.read_file(&path).map_err(LogError::disk(&path))?;
    match parse(&content) {
        Ok(id) => Ok(Some(id)),
        Err(Problem::Malformed(problem)) => Err(LogError::Malformed { path, problem }),
        Err(Problem::Exception(problem)) => Err(LogError::Inconsistent { path, problem }),
    }
}

/// What is wrong with a file's content; a broker does not start with such a file.
pub fn partition_metadata_problem(content: &[u8]) -> Option<String> {
    match parse(content) {
        Ok(_) => None,
        Err(Problem::Malformed(problem) | Problem::Exception(problem)) => Some(problem),
    }
}

/// What is wrong with a file, as Kafka meets it.
#[derive(Debug)]
enum Problem {
    /// An I/O error, which takes the log directory offline.
    Malformed(String),
    /// An exception that nobody expects (a line that is not there, an id that is none): it ends the start.
    Exception(String),
}

pub(crate) fn write(disk: &mut Disk, dir: &str, topic_id: &[u8; 16]) -> Result<(), LogError> {
    checkpoint_file::replace(disk, &format!("{dir}/{FILE}"), format(topic_id))
}

/// The file's content: two lines, the last without newline.
fn format(topic_id: &[u8; 16]) -> Bytes {
    format!("version: 0\ntopic_id: {}", uuid_text(topic_id))
        .into_bytes()
        .into()
}

fn parse(content: &[u8]) -> Result<[u8; 16], Problem> {
    let malformed = |problem: String| Err(Problem::Malformed(problem));
    let Ok(text) = std::str::from_utf8(content) else {
        return malformed("not UTF-8".to_owned());
    };
    let mut lines = text.lines();
    let mut value = || {
        let Some(line) = lines.next() else {
            return Err(Problem::Exception("a line is missing".to_owned()));
        };
        let words: Vec<&str> = checkpoint_file::words(line).into_iter().flatten().collect();
        match words[..] {
            [_, value] => Ok(value),
            _ => Err(Problem::Malformed(format!("malformed line: {line}"))),
        }
    };
    let version = value()?;
    match version.parse::<i32>() {
        Ok(0..) => {}
        Ok(_) => return malformed(format!("unrecognised version {version}")),
        Err(_) => return malformed(format!("malformed version: {version}")),
    }
    let id = value()?;
    match parse_uuid(id) {
        Some(uuid) if uuid == [0; 16] => malformed(format!("invalid topic id: {id}")),
        Some(uuid) => Ok(uuid),
        None => Err(Problem::Exception(format!("invalid topic id: {id}"))),
    }
}

/// Kafka's form of a UUID: base64 with the alphabet for URLs, 22 characters, no padding.
fn uuid_text(id: &[u8; 16]) -> String {
    let mut bits = u128::from_be_bytes(*id);
    let mut text = [0u8; 22];
    text[21] = ALPHABET[(bits << 4 & 0x3f) as usize];
    bits >>= 2;
    for place in text[..21].iter_mut().rev() {
        *place = ALPHABET[(bits & 0x3f) as usize];
        bits >>= 6;
    }
    text.iter().map(|&byte| char::from(byte)).collect()
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != 22 {
        return None;
    }
    let mut bits = 0u128;
    for (i, byte) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&b| b == byte)? as u128;
        bits = if i < 21 {
            bits << 6 | digit
        } else {
            bits << 2 | digit >> 4
        };
    }
    Some(bits.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l11_text_is_kafkas() {
        let content = b"version: 0\ntopic_id: 9aFIBmjDRwmaIXV-LGVpWA";
        let id = parse(content).unwrap();
        assert_eq!(&format(&id)[..], content);
        assert!(parse(b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA").is_err());
        assert!(parse(b"version: 0").is_err());
        assert!(parse(b"").is_err());
    }
}
