//! A journey in words.

use super::stored::Stored;
use super::{Journey, Station};
use crate::check::millis;
use crate::kernel::Duration;
use crate::protocol::{Serialized, counted};
use crate::trace::write_line;
use std::fmt;

impl fmt::Display for Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}#{}", self.record.producer, self.record.number)?;
        for line in &self.what {
            writeln!(f, "{line}")?;
        }
        writeln!(f)?;
        for Station { time, node, what } in &self.stations {
            writeln!(f, "{}", write_line(*time, node, what))?;
        }
        writeln!(f)?;
        for line in &self.end {
            writeln!(f, "at the end: {line}")?;
        }
        Ok(())
    }
}

pub(super) fn acknowledged(offset: i64, latency_ns: u64, attempts: u32) -> String {
    if offset < 0 {
        return "has sent it, and asked for no answer (acks=0)".to_owned();
    }
    let took = millis(Duration(latency_ns));
    let attempts = match attempts {
        0 | 1 => String::new(),
        attempts => format!(", with attempt {attempts}"),
    };
    format!("is told that it is stored at offset {offset}, after {took}{attempts}")
}

/// Why its producer's own library gave it up, as far as the exception tells.
pub(super) fn given_up(
    exception: &str,
    attempts: u32,
    in_no_batch: bool,
    has_retries: bool,
) -> &'static str {
    match (exception, in_no_batch, attempts) {
        ("TimeoutException", true, _) => {
            ": max.block.ms is over, and its topic, or the partition that it names, is not known"
        }
        ("BufferExhaustedException", true, _) => {
            ": max.block.ms is over, and there is no room for it in buffer.memory"
        }
        ("RecordTooLargeException", true, _) => {
            ": it is larger than max.request.size or buffer.memory, and no broker was asked"
        }
        ("InvalidTopicException", true, _) => ": a broker says that its topic's name is none",
        ("TimeoutException", false, 0) => ": delivery.timeout.ms is over, and it was not sent once",
        ("TimeoutException", false, _) if has_retries => {
            ": delivery.timeout.ms is over, or its retries are"
        }
        ("TimeoutException", false, _) => ": delivery.timeout.ms is over",
        ("KafkaException", false, 1..) => ": another record of its batch was refused",
        _ => "",
    }
}

/// What only a broker's no brings about: to the topic's name, or to another record of the same batch.
pub(super) fn is_refusal(exception: &str, attempts: u32) -> bool {
    match exception {
        "InvalidTopicException" => true,
        "KafkaException" => attempts > 0,
        _ => false,
    }
}

/// What the bytes were made of, where they are no text.
pub(super) fn object(written: Option<&Serialized>) -> String {
    match written {
        Some(it)
            if !["string", "json", "bytes", "the application"].contains(&&*it.by)
                && it.size >= 0 =>
        {
            format!("{} by {}  ", visible(&it.object), it.by)
        }
        _ => String::new(),
    }
}

/// A text, or the first of it.
pub(super) fn beginning(text: &str) -> String {
    const SHOWN: usize = 300;
    match text.char_indices().nth(SHOWN) {
        Some((place, _)) => format!("{} ...", &text[..place]),
        None => text.to_owned(),
    }
}

/// What no terminal shows, as its number.
fn visible(text: &str) -> String {
    let shown = |c: char| match c.is_control() {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    text.chars().map(shown).collect()
}

/// "offset 4, the 2nd of 3 records of a batch (offsets 3 to 5, 312 bytes, epoch 0, ...)".
pub(super) fn in_batch(stored: &Stored) -> String {
    let batch = &stored.batch;
    let (base, last) = (batch.base_offset(), batch.last_offset());
    let offsets = match base == last {
        true => "a batch of its own".to_owned(),
        false => format!(
            "in a batch of {} at offsets {base} to {last}",
            counted(batch.records_count() as u32, "record")
        ),
    };
    let codec = ["none", "gzip", "snappy", "lz4", "zstd"];
    let codec = codec.get(usize::from(batch.codec())).unwrap_or(&"?");
    let mut text = format!(
        "offset {}, {offsets} ({} bytes, leader epoch {}, compression {codec}, CRC {:08x}",
        stored.offset,
        batch.size(),
        batch.partition_leader_epoch(),
        batch.crc()
    );
    if batch.producer_id() >= 0 {
        text.push_str(&format!(
            ", producer id {} epoch {}, sequences {} to {}",
            batch.producer_id(),
            batch.producer_epoch(),
            batch.base_sequence(),
            batch.last_sequence()
        ));
    }
    text + ")"
}

/// Bytes for reading: as text where they are text, and so many of them in hexadecimal.
pub(super) fn part(bytes: Option<&[u8]>) -> String {
    const SHOWN: usize = 16;
    let Some(bytes) = bytes else {
        return "none".to_owned();
    };
    let hex: Vec<String> = (bytes.iter().take(SHOWN))
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let dots = if bytes.len() > SHOWN { " ..." } else { "" };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => format!("{}  ", beginning(text)),
        _ => String::new(),
    };
    let size = counted(bytes.len(), "byte");
    format!("{text}({size}: {}{dots})", hex.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_text_where_they_are_text() {
        assert_eq!(part(None), "none");
        assert_eq!(part(Some(b"ab")), "ab  (2 bytes: 61 62)");
        assert_eq!(part(Some(&[0, 1])), "(2 bytes: 00 01)");
        assert!(part(Some(&[b'x'; 17])).ends_with("78 ...)"));
        let long = part(Some(&[b'x'; 4000]));
        assert!(long.starts_with(&format!("{} ...  (4000 bytes: 78", "x".repeat(300))));
    }
}
