//! The bytes of `__consumer_offsets`.

use super::town::{Town, committing, protocol};
use crate::coordinator::group::records::{GroupValue, Key, OffsetAndMetadata};
use crate::log::batch::BatchBuilder;
use crate::protocol::TopicPartition;
use bytes::Bytes;

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

#[test]
fn cg30_keys_of_offsets_and_groups() {
    let offset = Key::Offset("g".into(), TopicPartition::new("t", 5));
    let group = Key::Group("g".into());
    assert_eq!(
        hex(&offset.to_bytes()),
        "00 01 00 01 67 00 01 74 00 00 00 05"
    );
    assert_eq!(hex(&group.to_bytes()), "00 02 00 01 67");
    for key in [offset, group] {
        assert_eq!(Key::from_bytes(&key.to_bytes()), Some(key));
    }
    let old = Bytes::from_static(b"\x00\x00\x00\x01g\x00\x01t\x00\x00\x00\x05");
    assert!(matches!(Key::from_bytes(&old), Some(Key::Offset(..))));
    assert_eq!(
        Key::from_bytes(&Bytes::from_static(b"\x00\x03\x00\x01g")),
        None
    );
    assert_eq!(
        Key::from_bytes(&Bytes::from_static(b"\x00\x02\x00\x09g")),
        None
    );
}

#[test]
fn cg31_an_offsets_value_and_what_a_commit_takes() {
    let value = OffsetAndMetadata {
        offset: 258,
        leader_epoch: 3,
        metadata: "".into(),
        commit_timestamp: 1,
        expire_timestamp: None,
    };
    assert_eq!(
        hex(&value.to_bytes()),
        "00 03 00 00 00 00 00 00 01 02 00 00 00 03 00 00 00 00 00 00 00 00 00 01"
    );
    assert_eq!(
        OffsetAndMetadata::from_bytes(&value.to_bytes()),
        Some(value)
    );
    let v0 = Bytes::from_static(b"\0\0\0\0\0\0\0\0\0\x05\0\x01m\0\0\0\0\0\0\0\x09");
    let read = OffsetAndMetadata::from_bytes(&v0).expect("version 0");
    assert_eq!(
        (read.offset, &*read.metadata, read.commit_timestamp),
        (5, "m", 9)
    );
    // Six partitions of t: 319 bytes.
    let mut builder = BatchBuilder::new();
    for partition in 0..6 {
        let key = Key::Offset("g".into(), TopicPartition::new("t", partition));
        let value = OffsetAndMetadata {
            offset: 7,
            leader_epoch: 0,
            metadata: "".into(),
            commit_timestamp: 1,
            expire_timestamp: None,
        };
        builder.append(1, Some(&key.to_bytes()), Some(&value.to_bytes()), &[]);
    }
    assert_eq!(builder.build().size(), 61 + 43 * 6);
}

#[test]
fn cg32_a_groups_value() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    let stored = &town.log[0].records[0];
    let value = stored.value.as_ref().expect("a value");
    let group = GroupValue::from_bytes(value).expect("a group");
    assert_eq!(group.to_bytes(), value);
    assert_eq!(&value[..12], b"\x00\x03\x00\x08consumer");
    assert_eq!((&*group.protocol_type, group.generation), ("consumer", 1));
    assert_eq!(group.protocol.as_deref(), Some("range"));
    assert_eq!(group.leader, Some(members[0].clone()));
    let member = &group.members[0];
    assert_eq!(
        (&*member.client_id, &*member.client_host),
        ("c1", "/10.0.0.7")
    );
    assert_eq!(
        (member.rebalance_timeout_ms, member.session_timeout_ms),
        (60_000, 10_000)
    );
    assert_eq!(member.subscription, protocol("range", &["t"]).metadata);
    assert_eq!(&member.assignment[..], b"what it reads");
}

#[test]
fn cg33_batches_without_a_producer_with_the_coordinators_time() {
    let mut town = Town::new();
    town.keeps_appends = true;
    town.commit_offsets(committing("", -1, &[("t", 1, 5), ("t", 0, 6)]));
    let offsets = town.first_append();
    let batch = &offsets.batches()[0];
    assert_eq!((batch.producer_id(), batch.base_sequence()), (-1, 0));
    let now_ms = town.wall_ms();
    let mut records = offsets.records().map(|it| it.expect("whole"));
    assert!(records.all(|it| it.timestamp == now_ms));
    town.commit();
    let members = town.completing(&["c1"]);
    town.sync(&members[0], 1, &[]);
    let group = town.first_append();
    let batch = &group.batches()[0];
    assert_eq!((batch.producer_id(), batch.base_sequence()), (-1, -1));
}

#[test]
fn cg34_a_generations_record_has_the_time_when_its_members_had_joined() {
    let mut town = Town::new();
    let members = town.completing(&["c1"]);
    let joined = town.wall_ms();
    town.run_ms(500);
    town.settle(&members, 1);
    let stable = town.wall_ms();
    town.run_ms(500);
    town.leave(&[(&members[0], None)]);
    let emptied = town.wall_ms();
    let times: Vec<i64> = town
        .log
        .iter()
        .map(|it| it.records[0].value.as_ref().expect("a value"))
        .map(|it| {
            GroupValue::from_bytes(it)
                .expect("a group")
                .current_state_timestamp
        })
        .collect();
    assert_eq!(times, [joined, emptied]);
    assert!(joined < stable);
}

#[test]
fn cg35_a_members_life_in_the_log() {
    let mut town = Town::new();
    let members = town.stable(&["c1"]);
    town.commit_offset(&members[0], 1, 5);
    town.leave(&[(&members[0], None)]);
    let told: Vec<String> = town
        .log
        .iter()
        .flat_map(|it| &it.records)
        .map(|record| {
            let key = Key::from_bytes(record.key.as_ref().expect("a key"));
            let value = record.value.as_ref().expect("a value");
            match key.expect("ours") {
                Key::Offset(..) => "offset".to_owned(),
                Key::Group(_) => {
                    let group = GroupValue::from_bytes(value).expect("a group");
                    format!("generation {} of {}", group.generation, group.members.len())
                }
            }
        })
        .collect();
    assert_eq!(told, ["generation 1 of 1", "offset", "generation 2 of 0"]);
}
