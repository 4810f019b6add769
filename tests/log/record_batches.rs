//! Record batches against what real implementations wrote and refused (`tests/vectors/README.md`).

use bytes::Bytes;
use kafka_trial::log::batch::{BatchBuilder, Record, RecordBatch, Records, TimestampType};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/record_batches_v2.json")).unwrap()
}

fn hex(text: &Value) -> Bytes {
    let text = text.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

fn hex_or_null(text: &Value) -> Option<Bytes> {
    (!text.is_null()).then(|| hex(text))
}

fn records(vector: &Value) -> Vec<Record> {
    let record = |record: &Value| Record {
        offset: record["offset"].as_i64().unwrap(),
        timestamp: record["timestamp"].as_i64().unwrap(),
        key: hex_or_null(&record["key"]),
        value: hex_or_null(&record["value"]),
        headers: record["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|header| {
                (
                    Bytes::from(header[0].as_str().unwrap().to_owned()),
                    hex_or_null(&header[1]),
                )
            })
            .collect::<Vec<_>>()
            .into(),
    };
    vector["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(record)
        .collect()
}

fn assert_header(batch: &RecordBatch, header: &Value, name: &str) {
    let int = |field: &str| header[field].as_i64().unwrap();
    let flag = |field: &str| header[field].as_bool().unwrap();
    assert_eq!(batch.base_offset(), int("base_offset"), "{name}");
    assert_eq!(batch.size() as i64 - 12, int("batch_length"), "{name}");
    assert_eq!(
        i64::from(batch.partition_leader_epoch()),
        int("partition_leader_epoch"),
        "{name}"
    );
    assert_eq!(i64::from(batch.magic()), int("magic"), "{name}");
    assert_eq!(i64::from(batch.crc()), int("crc"), "{name}");
    assert_eq!(i64::from(batch.attributes()), int("attributes"), "{name}");
    assert_eq!(
        i64::from(batch.last_offset_delta()),
        int("last_offset_delta"),
        "{name}"
    );
    assert_eq!(batch.base_timestamp(), int("base_timestamp"), "{name}");
    assert_eq!(batch.max_timestamp(), int("max_timestamp"), "{name}");
    assert_eq!(batch.producer_id(), int("producer_id"), "{name}");
    assert_eq!(
        i64::from(batch.producer_epoch()),
        int("producer_epoch"),
        "{name}"
    );
    assert_eq!(
        i64::from(batch.base_sequence()),
        int("base_sequence"),
        "{name}"
    );
    assert_eq!(
        i64::from(batch.records_count()),
        int("records_count"),
        "{name}"
    );
    assert_eq!(batch.is_transactional(), flag("transactional"), "{name}");
    assert_eq!(batch.is_control(), flag("control"), "{name}");
    assert_eq!(
        batch.delete_horizon_ms().is_some(),
        flag("delete_horizon"),
        "{name}"
    );
    let create_time = batch.timestamp_type() == TimestampType::CreateTime;
    assert_eq!(
        if create_time { "create" } else { "append" },
        header["timestamp_type"],
        "{name}"
    );
    assert_eq!(
        ["none", "gzip", "snappy", "lz4", "zstd"][batch.codec() as usize],
        header["codec"],
        "{name}"
    );
}

/// The batch that has this header and these records, built from them alone.
fn encode(header: &Value, vector: &Value) -> RecordBatch {
    let int = |field: &str| header[field].as_i64().unwrap();
    let mut builder = BatchBuilder::new()
        .base_offset(int("base_offset"))
        .leader_epoch(int("partition_leader_epoch") as i32)
        .producer(
            int("producer_id"),
            int("producer_epoch") as i16,
            int("base_sequence") as i32,
        )
        .base_timestamp(int("base_timestamp"))
        .max_timestamp(int("max_timestamp"));
    if header["transactional"] == true {
        builder = builder.transactional();
    }
    if header["control"] == true {
        builder = builder.control();
    }
    if header["delete_horizon"] == true {
        builder = builder.delete_horizon_ms(int("base_timestamp"));
    }
    if header["timestamp_type"] == "append" {
        builder = builder.append_time(int("max_timestamp"));
    }
    for (mut record, said) in records(vector)
        .into_iter()
        .zip(vector["records"].as_array().unwrap())
    {
        record.timestamp = int("base_timestamp") + said["timestamp_delta"].as_i64().unwrap();
        builder.append_record(&record);
    }
    builder.build_until(int("base_offset") + int("last_offset_delta"))
}

#[test]
fn rl14_batches_decode_to_what_others_read() {
    let vectors = vectors();
    let mut decoded = 0;
    for vector in vectors["batches"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let batch =
            RecordBatch::parse(hex(&vector["hex"])).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_header(&batch, &vector["header"], name);
        let read = batch
            .records()
            .collect::<Result<Vec<_>, _>>()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(read, records(vector), "{name}");
        decoded += 1;
    }
    assert_eq!(decoded, 28);
}

#[test]
fn batches_encode_to_the_same_bytes() {
    let vectors = vectors();
    let mut encoded = 0;
    for vector in vectors["batches"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|v| v["encode_exact"] == true)
    {
        let name = vector["name"].as_str().unwrap();
        assert_eq!(
            encode(&vector["header"], vector).to_bytes(),
            hex(&vector["hex"]),
            "{name}"
        );
        encoded += 1;
    }
    assert_eq!(encoded, 17);
}

#[test]
fn bad_bytes_are_refused_with_what_and_where() {
    let vectors = vectors();
    let expected = [
        (
            "flipped_value_bit",
            "crc mismatch: 3919285720 stored, 468717275 computed, at byte 17 of the batch with base offset 0",
        ),
        ("flipped_base_offset", "accepted"),
        ("truncated_body", "truncated"),
        (
            "empty",
            "truncated: 61 bytes needed, 0 found, at byte 0 of a batch",
        ),
        ("count_too_high", "fewer records than the count says"),
        ("record_length_too_long", "record of length"),
        (
            "says_gzip_is_plain",
            "decompression failure (gzip): this is no gzip stream, at byte 0",
        ),
    ];
    for (vector, (name, expected)) in vectors["refuse"].as_array().unwrap().iter().zip(expected) {
        assert_eq!(vector["name"], name);
        let outcome = RecordBatch::parse(hex(&vector["hex"]))
            .and_then(|batch| batch.records().collect::<Result<Vec<_>, _>>().map(|_| ()));
        let outcome = outcome.map_or_else(|e| e.to_string(), |()| "accepted".into());
        assert!(outcome.contains(expected), "{name}: {outcome}");
    }
}

#[test]
fn a_run_of_batches_reads_up_to_a_partial_one() {
    let vectors = vectors();
    let run = &vectors["concatenation"];
    let count = |field: &str| {
        let batches = RecordBatch::parse_run(hex(&run[field])).unwrap();
        assert!(batches.iter().all(RecordBatch::is_valid));
        let records = Records::from(batches);
        assert!(records.records().all(|record| record.is_ok()));
        records.batches().len()
    };
    assert_eq!(count("hex"), run["batches"].as_array().unwrap().len());
    assert_eq!(count("with_partial_tail_hex"), count("hex"));
}

#[test]
fn a_leader_changes_only_the_head() {
    let key = [7u8; 600];
    for size in [1, 600] {
        let mut builder = BatchBuilder::new();
        builder
            .append(5, Some(&key[..size]), None, &[])
            .append(6, None, Some(b"v"), &[]);
        let sent = builder.build();
        let appended = sent.with_offset_and_epoch(1000, 7);
        assert!(appended.is_valid());
        assert_eq!(
            (appended.base_offset(), appended.next_offset()),
            (1000, 1002)
        );
        assert_eq!(appended.partition_leader_epoch(), 7);
        assert_eq!(appended.crc(), sent.crc());
        assert_eq!(appended.to_bytes().len() as u64, appended.size());
        assert_eq!(RecordBatch::parse(appended.to_bytes()).unwrap(), appended);
        let offsets: Vec<i64> = appended
            .records()
            .map(|record| record.unwrap().offset)
            .collect();
        assert_eq!(offsets, [1000, 1001]);
        assert_ne!(
            Records::from(appended).content_hash(),
            Records::from(sent).content_hash()
        );
    }
}

#[test]
fn append_time_covers_all_records() {
    let mut builder = BatchBuilder::new();
    builder
        .append(5, None, Some(b"a"), &[])
        .append(9, None, Some(b"b"), &[]);
    let batch = builder.build().with_append_time(77);
    assert!(batch.is_valid());
    assert_eq!(
        (batch.timestamp_type(), batch.max_timestamp()),
        (TimestampType::LogAppendTime, 77)
    );
    assert!(
        batch
            .records()
            .all(|record| record.unwrap().timestamp == 77)
    );
}

mod arbitrary {
    use super::*;
    use proptest::prelude::*;

    type Fields = (
        i64,
        Option<Vec<u8>>,
        Option<Vec<u8>>,
        Vec<(Vec<u8>, Option<Vec<u8>>)>,
    );

    fn arbitrary_record() -> impl Strategy<Value = Fields> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
        let header = (bytes(), proptest::option::of(bytes()));
        (
            any::<i64>(),
            proptest::option::of(bytes()),
            proptest::option::of(bytes()),
            proptest::collection::vec(header, 0..4),
        )
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(
            base in 0i64..1 << 40,
            records in proptest::collection::vec(arbitrary_record(), 0..20),
        ) {
            let mut builder = BatchBuilder::new().base_offset(base);
            let mut expected = Vec::new();
            for (i, (timestamp, key, value, headers)) in records.into_iter().enumerate() {
                let record = Record {
                    offset: base + i as i64,
                    timestamp,
                    key: key.map(Bytes::from),
                    value: value.map(Bytes::from),
                    headers: headers.into_iter().map(|(k, v)| (k.into(), v.map(Bytes::from))).collect::<Vec<_>>().into(),
                };
                builder.append_record(&record);
                expected.push(record);
            }
            let batch = RecordBatch::parse(builder.build().to_bytes()).unwrap();
            prop_assert_eq!(batch.records().collect::<Result<Vec<_>, _>>().unwrap(), expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RecordBatch::parse_run(bytes.clone().into());
            if let Ok(batch) = RecordBatch::parse_unchecked(bytes.into()) {
                let _ = batch.records().count();
            }
        }

        #[test]
        fn damaged_batches_never_panic_or_loop(damage in proptest::collection::vec((0usize..200, any::<u8>()), 1..6)) {
            let mut builder = BatchBuilder::new();
            for i in 0..5u8 {
                builder.append(i64::from(i), Some(&[i; 7]), Some(&[i; 9]), &[(Bytes::from("name"), None)]);
            }
            let mut bytes = builder.build().to_bytes().to_vec();
            for (at, byte) in damage {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            for batch in RecordBatch::parse_run(bytes.into()).unwrap_or_default() {
                prop_assert!(batch.records().count() <= 201);
                let _ = (batch.last_sequence(), batch.next_offset(), batch.delete_horizon_ms());
            }
        }
    }
}
