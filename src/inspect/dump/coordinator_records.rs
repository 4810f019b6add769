//! Records of `__consumer_offsets` as compact JSON (DL9; classes CoordinatorRecordSerde,
//! OffsetsMessageParser; message files OffsetCommitKey, OffsetCommitValue, GroupMetadataKey,
//! GroupMetadataValue, ConsumerProtocolSubscription, ConsumerProtocolAssignment).

use super::Unreadable;
use super::java_text::utf8;
use crate::log::batch::Record;
use crate::serialization::{base64, json_string};
use bytes::Bytes;

/// From this version on lengths are compact and fields are tagged.
const FLEXIBLE: i16 = 4;

/// Key and payload of a record.
pub(super) fn format(record: &Record) -> Result<(Option<String>, Option<String>), Unreadable> {
    let offset = record.offset;
    let Some(key) = &record.key else {
        return Err(Unreadable(format!(
            "the record at offset {offset} is no coordinator's: it has no key"
        )));
    };
    Ok(match decode(key, record.value.as_ref()) {
        Ok((key, payload)) => (Some(key), Some(payload)),
        Err(Problem::UnknownType(kind)) => (
            Some(format!(
                "Unknown record type {kind} at offset {offset}, skipping."
            )),
            None,
        ),
        Err(Problem::Other(problem)) => (
            Some(format!("Error at offset {offset}, skipping. {problem}")),
            None,
        ),
    })
}

enum Problem {
    UnknownType(i16),
    Other(String),
}

impl From<String> for Problem {
    fn from(problem: String) -> Self {
        Problem::Other(problem)
    }
}

fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<(String, String), Problem> {
    let mut key = Reader::new(key);
    let kind = key.version("key")?;
    if !(0..=2).contains(&kind) {
        return Err(Problem::UnknownType(kind));
    }
    let data = if kind == 2 { group_key } else { offset_key };
    let data = data(&mut key).map_err(|problem| unreadable(kind, "key", &problem))?;
    let key = format!("{{\"type\":\"{kind}\",\"data\":{data}}}");
    let Some(value) = value else {
        return Ok((key, "<DELETE>".to_owned()));
    };
    let mut value = Reader::new(value);
    let version = value.version("value")?;
    value.flexible = version >= FLEXIBLE;
    let data = if kind == 2 { group_value } else { offset_value };
    let data =
        data(&mut value, version).map_err(|problem| unreadable(version, "value", &problem))?;
    Ok((
        key,
        format!("{{\"version\":\"{version}\",\"data\":{data}}}"),
    ))
}

fn unreadable(version: i16, part: &str, problem: &str) -> Problem {
    Problem::Other(format!(
        "Could not read record with version {version} from {part}'s buffer due to: {problem}."
    ))
}

fn offset_key(key: &mut Reader<'_>) -> Result<String, String> {
    let (group, topic) = (key.string("group")?, key.string("topic")?);
    let partition = key.i32()?;
    Ok(object(&[
        ("group", json_string(&group)),
        ("topic", json_string(&topic)),
        ("partition", partition.to_string()),
    ]))
}

fn group_key(key: &mut Reader<'_>) -> Result<String, String> {
    let group = key.string("group")?;
    Ok(object(&[("group", json_string(&group))]))
}

fn offset_value(value: &mut Reader<'_>, version: i16) -> Result<String, String> {
    let mut fields = vec![("offset", value.i64()?.to_string())];
    if version >= 3 {
        fields.push(("leaderEpoch", value.i32()?.to_string()));
    }
    fields.push(("metadata", json_string(&value.string("metadata")?)));
    fields.push(("commitTimestamp", value.i64()?.to_string()));
    if version == 1 {
        fields.push(("expireTimestamp", value.i64()?.to_string()));
    }
    value.tagged_fields()?;
    Ok(object(&fields))
}

fn group_value(value: &mut Reader<'_>, version: i16) -> Result<String, String> {
    let protocol_type = value.string("protocolType")?;
    let mut fields = vec![
        ("protocolType", json_string(&protocol_type)),
        ("generation", value.i32()?.to_string()),
        ("protocol", nullable(value.nullable_string()?)),
        ("leader", nullable(value.nullable_string()?)),
    ];
    if version >= 2 {
        fields.push(("currentStateTimestamp", value.i64()?.to_string()));
    }
    let members = value.array("members", |value| {
        member(value, version, protocol_type == "consumer")
    })?;
    fields.push(("members", members));
    value.tagged_fields()?;
    Ok(object(&fields))
}

fn member(value: &mut Reader<'_>, version: i16, consumer: bool) -> Result<String, String> {
    let mut fields = vec![("memberId", json_string(&value.string("memberId")?))];
    if version >= 3 {
        fields.push(("groupInstanceId", nullable(value.nullable_string()?)));
    }
    fields.push(("clientId", json_string(&value.string("clientId")?)));
    fields.push(("clientHost", json_string(&value.string("clientHost")?)));
    if version >= 1 {
        fields.push(("rebalanceTimeout", value.i32()?.to_string()));
    }
    fields.push(("sessionTimeout", value.i32()?.to_string()));
    let embedded = |bytes: &[u8], read: fn(&mut Reader<'_>, i16) -> Result<String, String>| {
        let mut reader = Reader::new(bytes);
        let decoded = reader.i16().and_then(|version| read(&mut reader, version));
        match decoded {
            Ok(decoded) if consumer => decoded,
            _ => json_string(&base64(bytes)),
        }
    };
    let subscribed = value.bytes("subscription")?;
    fields.push(("subscription", embedded(subscribed, subscription)));
    let assigned = value.bytes("assignment")?;
    fields.push(("assignment", embedded(assigned, assignment)));
    value.tagged_fields()?;
    Ok(object(&fields))
}

fn subscription(value: &mut Reader<'_>, version: i16) -> Result<String, String> {
    let topics = value.array("topics", |value| {
        Ok(json_string(&value.string("topics element")?))
    })?;
    let mut fields = vec![
        ("topics", topics),
        ("userData", user_data(value.nullable_bytes()?)),
    ];
    if version >= 1 {
        let owned = value.array("ownedPartitions", topic_partitions)?;
        fields.push(("ownedPartitions", owned));
    }
    if version >= 2 {
        fields.push(("generationId", value.i32()?.to_string()));
    }
    if version >= 3 {
        fields.push(("rackId", nullable(value.nullable_string()?)));
    }
    Ok(object(&fields))
}

fn assignment(value: &mut Reader<'_>, _version: i16) -> Result<String, String> {
    let assigned = value.array("assignedPartitions", topic_partitions)?;
    let user_data = user_data(value.nullable_bytes()?);
    Ok(object(&[
        ("assignedPartitions", assigned),
        ("userData", user_data),
    ]))
}

fn topic_partitions(value: &mut Reader<'_>) -> Result<String, String> {
    let topic = json_string(&value.string("topic")?);
    let partitions = value.array("partitions", |value| Ok(value.i32()?.to_string()))?;
    Ok(object(&[("topic", topic), ("partitions", partitions)]))
}

fn user_data(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "null".to_owned(), |bytes| json_string(&base64(bytes)))
}

fn nullable(text: Option<String>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| json_string(&text))
}

fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// Reads the fields of a message, as Kafka's generated classes do; the problems in their words.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    pub(super) flexible: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            rest: bytes,
            flexible: false,
        }
    }

    fn version(&mut self, part: &str) -> Result<i16, String> {
        self.i16()
            .map_err(|_| format!("Could not read version from {part}'s buffer."))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        // Java's BufferUnderflowException has no message.
        let (taken, rest) = self.rest.split_first_chunk().ok_or("null")?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn i8(&mut self) -> Result<i8, String> {
        self.take().map(i8::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16, String> {
        self.take().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, String> {
        self.take().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, String> {
        self.take().map(i64::from_be_bytes)
    }

    fn unsigned_varint(&mut self) -> Result<u32, String> {
        let mut value = 0;
        for i in 0..5 {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("Varint is too long".to_owned())
    }

    /// A length, or -1 for null.
    fn length(&mut self, wide: bool) -> Result<i64, String> {
        if self.flexible {
            Ok(i64::from(self.unsigned_varint()?) - 1)
        } else if wide {
            self.i32().map(i64::from)
        } else {
            self.i16().map(i64::from)
        }
    }

    fn slice(&mut self, length: i64) -> Result<Option<&'a [u8]>, String> {
        let Ok(length) = usize::try_from(length) else {
            return Ok(None);
        };
        let left = self.rest.len();
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| {
            format!("Error reading byte array of {length} byte(s): only {left} byte(s) available")
        })?;
        self.rest = rest;
        Ok(Some(taken))
    }

    fn nullable_string(&mut self) -> Result<Option<String>, String> {
        let length = self.length(false)?;
        Ok(self.slice(length)?.map(utf8))
    }

    pub(super) fn string(&mut self, name: &str) -> Result<String, String> {
        self.nullable_string()?.ok_or_else(|| null(name))
    }

    fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, String> {
        let length = self.length(true)?;
        self.slice(length)
    }

    fn bytes(&mut self, name: &str) -> Result<&'a [u8], String> {
        self.nullable_bytes()?.ok_or_else(|| null(name))
    }

    /// The number of elements; none for null.
    pub(super) fn array_length(&mut self) -> Result<Option<usize>, String> {
        let length = self.length(true)?;
        let left = self.rest.len();
        match usize::try_from(length) {
            Err(_) => Ok(None),
            Ok(length) if length > left => Err(format!(
                "Tried to allocate a collection of size {length}, but there are only {left} bytes remaining."
            )),
            Ok(length) => Ok(Some(length)),
        }
    }

    /// An array as JSON.
    fn array(
        &mut self,
        name: &str,
        mut element: impl FnMut(&mut Self) -> Result<String, String>,
    ) -> Result<String, String> {
        let length = self.array_length()?.ok_or_else(|| null(name))?;
        let elements = (0..length)
            .map(|_| element(self))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(format!("[{}]", elements.join(",")))
    }

    /// Skips fields that are not known, where a version has them.
    pub(super) fn tagged_fields(&mut self) -> Result<(), String> {
        if self.flexible {
            for _ in 0..self.unsigned_varint()? {
                self.unsigned_varint()?;
                let size = self.unsigned_varint()?;
                self.slice(i64::from(size))?;
            }
        }
        Ok(())
    }
}

fn null(name: &str) -> String {
    format!("non-nullable field {name} was serialized as null")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(to: &mut Vec<u8>, text: &str) {
        to.extend_from_slice(&(text.len() as i16).to_be_bytes());
        to.extend_from_slice(text.as_bytes());
    }

    fn formatted(key: Option<Vec<u8>>, value: Option<Vec<u8>>) -> (Option<String>, Option<String>) {
        let record = Record {
            offset: 5,
            timestamp: 0,
            key: key.map(Bytes::from),
            value: value.map(Bytes::from),
            headers: Default::default(),
        };
        format(&record).unwrap_or_else(|Unreadable(problem)| panic!("{problem}"))
    }

    #[test]
    fn dl9_old_versions_of_offsets_have_other_fields() {
        let mut key = vec![0, 1];
        text(&mut key, "g");
        text(&mut key, "t");
        key.extend_from_slice(&[0, 0, 0, 9]);
        let value = |version: u8| {
            let mut value = vec![0, version];
            value.extend_from_slice(&7i64.to_be_bytes());
            text(&mut value, "m\"");
            value.extend_from_slice(&8i64.to_be_bytes());
            if version == 1 {
                value.extend_from_slice(&9i64.to_be_bytes());
            }
            value
        };
        let shown = formatted(Some(key.clone()), Some(value(1)));
        assert_eq!(
            shown.0.unwrap(),
            r#"{"type":"1","data":{"group":"g","topic":"t","partition":9}}"#
        );
        assert_eq!(
            shown.1.unwrap(),
            r#"{"version":"1","data":{"offset":7,"metadata":"m\"","commitTimestamp":8,"expireTimestamp":9}}"#
        );
        let shown = formatted(Some(key.clone()), Some(value(2)));
        assert_eq!(
            shown.1.unwrap(),
            r#"{"version":"2","data":{"offset":7,"metadata":"m\"","commitTimestamp":8}}"#
        );
        assert_eq!(formatted(Some(key), None).1.unwrap(), "<DELETE>");
    }

    #[test]
    fn dl9_groups_of_other_protocols_keep_their_bytes() {
        let mut key = vec![0, 2];
        text(&mut key, "g");
        let mut value = vec![0, 0];
        text(&mut value, "connect");
        value.extend_from_slice(&1i32.to_be_bytes());
        value.extend_from_slice(&[0xff; 4]);
        value.extend_from_slice(&1i32.to_be_bytes());
        for name in ["m", "c", "h"] {
            text(&mut value, name);
        }
        value.extend_from_slice(&6i32.to_be_bytes());
        value.extend_from_slice(&[0, 0, 0, 2, 0, 1, 0, 0, 0, 0]);
        let shown = formatted(Some(key), Some(value));
        assert_eq!(
            shown.1.unwrap(),
            r#"{"version":"0","data":{"protocolType":"connect","generation":1,"protocol":null,"leader":null,"members":[{"memberId":"m","clientId":"c","clientHost":"h","sessionTimeout":6,"subscription":"AAE=","assignment":""}]}}"#
        );
    }

    #[test]
    fn dl9_what_is_no_coordinators_is_skipped_with_a_word() {
        let shown = |key| formatted(Some(key), None).0.unwrap();
        assert_eq!(
            shown(vec![0, 99]),
            "Unknown record type 99 at offset 5, skipping."
        );
        assert_eq!(
            shown(vec![0]),
            "Error at offset 5, skipping. Could not read version from key's buffer."
        );
        assert_eq!(
            shown(vec![0, 2, 0, 9, b'g']),
            "Error at offset 5, skipping. Could not read record with version 2 from key's buffer due to: \
             Error reading byte array of 9 byte(s): only 1 byte(s) available."
        );
    }
}
