//! Which changes of a `.proto` file a registry takes: those after which the bytes of one are still read by the
//! other with the meaning that they had.

use super::{Field, Kind, Label, Message, Protobuf};

/// Why a reader with `reader` cannot read what was written by `writer`, in words. A field may come and go; its
/// number may not become another thing.
pub fn can_read(reader: &Protobuf, writer: &Protobuf) -> Result<(), String> {
    for written in &writer.messages {
        let Some(read) = reader
            .messages
            .iter()
            .find(|read| read.name == written.name)
        else {
            return Err(format!(
                "the message {} is written and is no longer there",
                written.name
            ));
        };
        check((reader, read), (writer, written))
            .map_err(|why| format!("message {}: {why}", written.name))?;
    }
    Ok(())
}

fn check(
    (reader, read): (&Protobuf, &Message),
    (writer, written): (&Protobuf, &Message),
) -> Result<(), String> {
    for field in &read.fields {
        let Some(old) = written.fields.iter().find(|old| old.number == field.number) else {
            continue;
        };
        let describe = |file: &Protobuf, field: &Field| {
            let repeated = match field.label {
                Label::Repeated => "repeated ",
                _ => "",
            };
            format!("{repeated}{}", file.describe(field.kind))
        };
        let is_same = match (field.kind, old.kind) {
            (Kind::Message(a), Kind::Message(b)) => {
                reader.messages[a].name == writer.messages[b].name
            }
            (a, b) => family(a) == family(b),
        };
        let is_list = |field: &Field| field.label == Label::Repeated;
        // Packed numbers of a list are no number; of texts and messages the last counts.
        let is_list_changed = is_list(field) != is_list(old) && field.kind.is_packed();
        if !is_same || is_list_changed {
            return Err(format!(
                "number {} is written as {} and read as {}",
                field.number,
                describe(writer, old),
                describe(reader, field)
            ));
        }
    }
    Ok(())
}

/// Kinds of one family read each other's bytes.
fn family(kind: Kind) -> u8 {
    match kind {
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool => 0,
        Kind::Enum(_) => 0,
        Kind::Sint32 | Kind::Sint64 => 1,
        Kind::String | Kind::Bytes => 2,
        Kind::Fixed32 | Kind::Sfixed32 => 3,
        Kind::Fixed64 | Kind::Sfixed64 => 4,
        Kind::Double => 5,
        Kind::Float => 6,
        Kind::Message(_) => 7,
    }
}
