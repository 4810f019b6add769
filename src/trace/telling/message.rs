//! Messages as objects and as bytes, and their schemas, in words.

use super::{Telling, episode, loud};
use crate::protocol::{MessageFact, Serialized};

/// A record that cannot be read is told at the first throw of `poll`, and at these.
const TOLD: [u32; 4] = [1, 10, 100, 1_000];

pub(super) fn of_message(fact: &MessageFact) -> Telling {
    match fact {
        MessageFact::Serialized {
            record,
            key,
            value,
            headers,
        } => {
            let headers: Vec<String> = headers
                .iter()
                .map(|(name, value)| format!(", and the header {name}: {value}"))
                .collect();
            episode(
                format!("serializes its records by {}: ", value.by),
                format!(
                    "{}#{} has {} and {}{}",
                    record.producer,
                    record.number,
                    serialized("the key", key),
                    serialized("the value", value),
                    headers.concat()
                ),
            )
        }
        MessageFact::NotSerialized { record, part, why } => episode(
            format!(
                "cannot serialize the {} of a record (SerializationException out of send, no broker has seen it): ",
                part.name()
            ),
            format!("{}#{}: {why}", record.producer, record.number),
        ),
        MessageFact::Deserialized {
            partition,
            offset,
            value,
            schema,
            first,
            ..
        } => {
            let by = match schema {
                Some(id) => format!(" by schema {id}"),
                None => String::new(),
            };
            let told = loud(format!(
                "deserializes what it reads{by}: {partition} offset {offset} is {}",
                visible(value)
            ));
            match first {
                true => told,
                false => told.quiet(),
            }
        }
        MessageFact::NotDeserialized {
            partition,
            offset,
            part,
            expected,
            found,
            times,
        } => {
            let part = part.name();
            match times {
                1 => loud(format!(
                    "cannot deserialize the {part} of {partition} offset {offset}: expected {expected}, found {found} (poll throws RecordDeserializationException, its position stays there)"
                )),
                times => {
                    let told = loud(format!(
                        "throws for the {part} of {partition} offset {offset} for the {} time: its position is still there, and nothing behind it is read",
                        ordinal(*times)
                    ));
                    match TOLD.contains(times) {
                        true => told,
                        false => told.quiet(),
                    }
                }
            }
        }
        MessageFact::PoisonSkipped { partition, offset } => loud(format!(
            "seeks past {partition} offset {offset}, which it cannot read: its content is lost to this application"
        )),
        MessageFact::DeadLettered {
            partition,
            offset,
            to,
            to_offset,
        } => loud(format!(
            "has sent {partition} offset {offset}, which it cannot read, to {to}, where it is offset {to_offset}, and seeks past it"
        )),
        MessageFact::DeadLetterFailed {
            partition,
            offset,
            exception,
        } => loud(format!(
            "cannot send {partition} offset {offset}, which it cannot read, to its dead-letter topic ({exception}): its position stays there"
        )),
        MessageFact::SchemaRegistered {
            subject,
            version,
            id,
            client,
        } => loud(format!(
            "takes a schema of {client} as version {version} of {subject}, with id {id}"
        )),
        MessageFact::SchemaRefused {
            subject,
            compatibility,
            why,
            client,
        } => episode(
            format!(
                "refuses a schema of {client} for {subject} (409, compatibility {compatibility}): "
            ),
            why.to_string(),
        ),
        MessageFact::SchemaAsked { id, client } => loud(format!("tells {client} of schema {id}")),
        MessageFact::RegistryNotReached { what, why } => episode(
            format!("cannot ask the schema registry for {what}: "),
            why.to_string(),
        ),
    }
}

/// `1st`, `2nd`, `3rd`, `4th`, `11th`, `21st`
fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// What no terminal shows, by its bytes: `\x00\x01`.
fn visible(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c.is_control() {
            true => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    shown.push_str(&format!("\\x{byte:02x}"));
                }
            }
            false => shown.push(c),
        }
    }
    shown
}

/// `the key "truck 1" in 7 bytes (74 72 75 63 6b 20 31)`
fn serialized(what: &str, it: &Serialized) -> String {
    let bytes = match it.size {
        -1 => return format!("{what} null"),
        0 => "no bytes".to_owned(),
        1 => "1 byte".to_owned(),
        size => format!("{size} bytes"),
    };
    let shown = match it.size {
        0 => String::new(),
        _ => format!(" ({})", it.bytes),
    };
    format!("{what} {} in {bytes}{shown}", visible(&it.object))
}

#[cfg(test)]
mod tests {
    use super::{ordinal, visible};

    #[test]
    fn ordinals_end_as_they_are_spoken() {
        let told = [1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 23, 100, 111, 1_002].map(ordinal);
        assert_eq!(
            told.join(" "),
            "1st 2nd 3rd 4th 10th 11th 12th 13th 21st 22nd 23rd 100th 111th 1002nd"
        );
    }

    #[test]
    fn what_no_terminal_shows_stands_there_by_its_bytes() {
        assert_eq!(visible("\0\u{1}é\u{85}"), "\\x00\\x01é\\xc2\\x85");
    }
}
