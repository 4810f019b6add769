//! Records of `__transaction_state` as Kafka's tool words them (DL10; classes TransactionLog,
//! TransactionMetadata; message files TransactionLogKey, TransactionLogValue).

use super::Unreadable;
use super::coordinator_records::Reader;
use crate::log::batch::Record;
use std::collections::BTreeSet;

/// From this version on lengths are compact and fields are tagged.
const FLEXIBLE: i16 = 1;

/// States of a transaction by their ids.
const STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

/// Key and payload of a record.
pub(super) fn format(record: &Record) -> Result<(Option<String>, Option<String>), Unreadable> {
    let Some(key) = &record.key else {
        return Err(Unreadable(format!(
            "the record at offset {} is no transaction's: it has no key",
            record.offset
        )));
    };
    let mut key = Reader::new(key);
    let version = key.i16()?;
    if version != 0 {
        return Ok((Some(format!("unknown::version={version}")), None));
    }
    let id = key.string("transactionalId")?;
    let payload = match &record.value {
        None => "<DELETE>".to_owned(),
        Some(value) => metadata(&mut Reader::new(value))?,
    };
    Ok((
        Some(format!("transaction_metadata::transactionalId={id}")),
        Some(payload),
    ))
}

fn metadata(value: &mut Reader<'_>) -> Result<String, Unreadable> {
    let version = value.i16()?;
    if !(0..=FLEXIBLE).contains(&version) {
        return Err(Unreadable(format!(
            "Unknown version {version} from the transaction log message value"
        )));
    }
    value.flexible = version >= FLEXIBLE;
    let (producer_id, producer_epoch) = (value.i64()?, value.i16()?);
    let timeout = value.i32()?;
    let state_id = value.i8()?;
    let mut partitions = JavaSet::default();
    for _ in 0..value.array_length()?.unwrap_or(0) {
        let topic = value.string("topic")?;
        let count = value.array_length()?.ok_or("partitionIds are null")?;
        let ids = (0..count).map(|_| value.i32()).collect::<Result<_, _>>()?;
        value.tagged_fields()?;
        partitions.add_all(&topic, ids);
    }
    let last_update = value.i64()?;
    let _start = value.i64()?;
    value.tagged_fields()?;
    let state = usize::try_from(state_id).ok().and_then(|id| STATES.get(id));
    let Some(state) = state else {
        return Err(Unreadable(format!(
            "Unknown transaction state id {state_id} from the transaction status message"
        )));
    };
    // The partitions of an empty transaction are not looked at.
    let partitions = if state_id == 0 {
        Vec::new()
    } else {
        partitions.in_order()
    };
    Ok(format!(
        "producerId:{producer_id},producerEpoch:{producer_epoch},state={state},partitions=[{}],\
         txnLastUpdateTimestamp={last_update},txnTimeoutMs={timeout}",
        partitions.join(",")
    ))
}

/// The order in which Scala's mutable hash set of partitions hands them out: by slot of its table, in a
/// slot by hash.
struct JavaSet {
    names: BTreeSet<String>,
    elements: Vec<(i32, String)>,
    slots: i32,
}

impl Default for JavaSet {
    fn default() -> Self {
        JavaSet {
            names: BTreeSet::new(),
            elements: Vec::new(),
            slots: 16,
        }
    }
}

impl JavaSet {
    /// Adds a topic's partitions. Up to 4 come one by one; a larger set has its size announced.
    fn add_all(&mut self, topic: &str, mut partitions: Vec<i32>) {
        partitions.sort_unstable();
        partitions.dedup();
        let announced = partitions.len() > 4;
        if announced {
            let wanted = (partitions.len() as i32 + 1) * 4 / 3;
            self.slots = self.slots.max((wanted as u32).next_power_of_two() as i32);
        }
        for partition in partitions {
            if !announced && self.elements.len() as i32 + 1 >= self.slots / 4 * 3 {
                self.slots *= 2;
            }
            let name = format!("{topic}-{partition}");
            if self.names.insert(name.clone()) {
                self.elements.push((partition_hash(topic, partition), name));
            }
        }
    }

    fn in_order(mut self) -> Vec<String> {
        let mask = self.slots - 1;
        self.elements.sort_by_key(|(hash, _)| (hash & mask, *hash));
        self.elements.into_iter().map(|(_, name)| name).collect()
    }
}

/// A TopicPartition's hash in Java, as Scala's set improves it.
fn partition_hash(topic: &str, partition: i32) -> i32 {
    let name = topic.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    let hash = 31i32
        .wrapping_add(partition)
        .wrapping_mul(31)
        .wrapping_add(name);
    hash ^ (hash as u32 >> 16) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn record(value: Option<Vec<u8>>) -> Record {
        Record {
            offset: 0,
            timestamp: 0,
            key: Some(Bytes::from_static(b"\0\0\0\x02tx")),
            value: value.map(Bytes::from),
            headers: Default::default(),
        }
    }

    fn value(state: u8, partitions: &[(&str, &[i32])]) -> Vec<u8> {
        let mut value = vec![0, 0];
        value.extend_from_slice(&5i64.to_be_bytes());
        value.extend_from_slice(&[0, 1, 0, 0, 0xea, 0x60, state]);
        value.extend_from_slice(&(partitions.len() as i32).to_be_bytes());
        for (topic, ids) in partitions {
            value.extend_from_slice(&(topic.len() as i16).to_be_bytes());
            value.extend_from_slice(topic.as_bytes());
            value.extend_from_slice(&(ids.len() as i32).to_be_bytes());
            for id in *ids {
                value.extend_from_slice(&id.to_be_bytes());
            }
        }
        value.extend_from_slice(&1234i64.to_be_bytes());
        value.extend_from_slice(&(-1i64).to_be_bytes());
        value
    }

    fn payload(value: Option<Vec<u8>>) -> String {
        let (key, payload) =
            format(&record(value)).unwrap_or_else(|Unreadable(why)| panic!("{why}"));
        assert_eq!(key.unwrap(), "transaction_metadata::transactionalId=tx");
        payload.unwrap()
    }

    #[test]
    fn dl10_metadata_is_worded_as_kafka_words_it() {
        assert_eq!(
            payload(Some(value(1, &[("u", &[0, 1])]))),
            "producerId:5,producerEpoch:1,state=Ongoing,partitions=[u-1,u-0],\
             txnLastUpdateTimestamp=1234,txnTimeoutMs=60000"
        );
        let empty = payload(Some(value(0, &[("u", &[0])])));
        assert!(empty.contains("state=Empty,partitions=[],"), "{empty}");
        assert_eq!(payload(None), "<DELETE>");
    }

    #[test]
    fn dl10_what_makes_no_sense_ends_the_dump() {
        assert!(format(&record(Some(value(9, &[])))).is_err());
        assert!(format(&record(Some(vec![0, 2]))).is_err());
        assert!(format(&record(Some(vec![0]))).is_err());
    }
}
