//! The same message in each serializer: a row each, its size as a bar, its first bytes. What a serializer made of an
//! object is what its producer says.

use super::picture::{Picture, Style};
use super::{Nothing, Recording, Wanted, letters};
use crate::protocol::counted;
use crate::protocol::{Fact, MessageFact, Part, RecordId, Serialized, TopicName};
use std::collections::BTreeMap;

/// Left edges: who sends and by what, the bar, the size, the bytes.
const NAMES: i32 = 12;
const BARS: i32 = 176;
const SIZES: i32 = 344;
const BYTES: i32 = 414;
/// Of the longest bar.
const WIDTH: i32 = 160;
const ROW: i32 = 40;
/// So many bytes are shown.
const MOST: usize = 24;
/// So many rows.
const ROWS: usize = 16;
/// What a registry's serializers write first: a zero and the schema's id.
const PREFIX: usize = 5;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let (rows, more) = rows(recording, wanted);
    if rows.is_empty() {
        return Err(Nothing {
            found: "no producer says what a serializer made of a message in this run".to_owned(),
            expected: "a run with key.serializer or value.serializer in a producer's config"
                .to_owned(),
        });
    }
    let mut picture = Picture::new(
        format!("{}: messages in their serializers", recording.name),
        "A row a serializer: its producer, how many bytes it made of an object as a bar and a number, and the first of \
         them as hexadecimal digits.",
    );
    picture.text((NAMES, 24), picture.title.clone(), Style::Strong);
    let most = rows.iter().map(|it| it.made.size).max().unwrap_or(1).max(1);
    let mut y = 44;
    let mut topic = None;
    for row in &rows {
        if topic != Some(row.topic) {
            topic = Some(row.topic);
            picture.text((NAMES, y + 10), format!("to {}", row.topic), Style::Ink);
            y += 22;
        }
        row.push(&mut picture, y, most);
        y += ROW;
    }
    let mut notes = vec![format!(
        "one message of each serializer and topic; up to {MOST} bytes of each; framed bytes: a zero and the id of the schema in a registry"
    )];
    if more > 0 {
        notes.push(format!(
            "{} not shown (--topic chooses)",
            counted(more, "more serializer")
        ));
    }
    for note in notes {
        picture.text((NAMES, y + 10), note, Style::Faint);
        y += 14;
    }
    picture.fit(12);
    Ok(picture)
}

/// A part of a message.
struct Row<'a> {
    topic: &'a TopicName,
    record: &'a RecordId,
    part: Part,
    made: &'a Serialized,
}

/// The first message of each serializer and topic, by topic and as they were sent; and how many there are beside.
fn rows<'a>(recording: &'a Recording, wanted: &Wanted) -> (Vec<Row<'a>>, usize) {
    let mut topics: BTreeMap<&RecordId, &TopicName> = BTreeMap::new();
    for entry in &recording.facts {
        if let Fact::RecordCreated {
            record, partition, ..
        } = &entry.fact
            && wanted.shows(partition)
        {
            topics.insert(record, &partition.topic);
        }
    }
    let mut rows: Vec<Row<'a>> = Vec::new();
    for entry in &recording.facts {
        let Fact::Message(MessageFact::Serialized {
            record, key, value, ..
        }) = &entry.fact
        else {
            continue;
        };
        let Some(topic) = topics.get(record).copied() else {
            continue;
        };
        for (part, made) in [(Part::Key, &**key), (Part::Value, &**value)] {
            // A message without a key has had no serializer for it.
            let is_new = !rows.iter().any(|it| {
                (it.topic, it.part, &it.made.by) == (topic, part, &made.by)
                    && it.record.producer == record.producer
            });
            if is_new && (part == Part::Value || made.size >= 0) {
                rows.push(Row {
                    topic,
                    record,
                    part,
                    made,
                });
            }
        }
    }
    rows.sort_by_key(|it| it.topic);
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    (rows, more)
}

impl Row<'_> {
    fn push(&self, picture: &mut Picture, y: i32, most: i64) {
        let Serialized {
            by,
            object,
            size,
            bytes,
        } = self.made;
        let part = self.part.name();
        let why = format!("{part}.serializer = {by}: {}", rule(by));
        let name = letters::cut(by, 11, BARS - NAMES - 8);
        picture
            .text((NAMES, y + 12), name, Style::Ink)
            .because(why.clone());
        let who = format!("{part} of {}", self.record.producer);
        picture.text(
            (NAMES, y + 25),
            letters::cut(&who, 10, BARS - NAMES - 8),
            Style::Faint,
        );
        let width = i32::try_from(i64::from(WIDTH) * (*size).max(0) / most).unwrap_or(WIDTH);
        picture
            .rect((BARS, y + 2), (width.max(1), 14), Style::Epoch(0))
            .because(why.clone());
        let size = match size {
            -1 => "null".to_owned(),
            size => counted(usize::try_from(*size).unwrap_or(0), "byte"),
        };
        picture.text((SIZES, y + 13), size, Style::Ink);
        let all: Vec<&str> = bytes.split_ascii_whitespace().collect();
        let mut shown = all[..all.len().min(MOST)].join(" ");
        if all.len() > MOST {
            shown += " ..";
        }
        picture
            .text((BYTES, y + 13), shown, Style::Mono)
            .because(why);
        if is_framed(by) && all.len() >= PREFIX {
            let width = letters::mono_width(&"00 ".repeat(PREFIX), 11) - 2;
            picture
                .rect((BYTES - 3, y + 1), (width, 16), Style::Frame)
                .because("a zero, and the schema's id in four bytes: whoever reads asks the registry by it");
        }
        let object = format!("the object: {object}");
        picture.text(
            (BARS, y + 27),
            letters::cut(&object, 10, 940 - BARS),
            Style::Faint,
        );
    }
}

/// A registry's serializers.
fn is_framed(by: &str) -> bool {
    by.ends_with(" of the registry")
}

/// What the bytes are.
fn rule(by: &str) -> &'static str {
    match by {
        "string" => "text in the charset that serializer.encoding names, UTF-8 by itself",
        "short" => "2 bytes, the highest first",
        "int" | "integer" => "4 bytes, the highest first",
        "long" => "8 bytes, the highest first",
        "float" => "4 bytes, IEEE 754",
        "double" => "8 bytes, IEEE 754",
        "uuid" => "its 36 letters as text",
        "void" => "null, whatever it is given",
        "json" => "text that names each field in each message",
        "avro" => "fields in the schema's order, and nothing that says which schema",
        "protobuf" => "before each field its number and kind",
        _ if is_framed(by) => "the schema's id in a registry comes first",
        _ => "bytes that no broker looks into",
    }
}
