//! The bytes of a batch, and what serializers make of a message.

use super::{assert_says, played, well_made};
use kafka_trial::figure::{Around, Kind, Recording, Wanted, to_svg};
use kafka_trial::protocol::{RecordId, TopicPartition};

#[test]
fn each_byte_of_a_batch_has_its_field() {
    let run = played("anatomy-of-a-message");
    let picture = well_made(Kind::Bytes.draw(&run, &Wanted::default()), &run.name);
    assert_says(
        &picture,
        &[
            "batch header, 61 bytes",
            "of bytes 21 to 185, and is right",
            "bits 0-2 = 0: compression none",
            "record 1 of 1, 125 bytes",
            "\"Hamburg\"",
        ],
    );
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn a_record_is_found_by_its_name_or_its_place_and_what_is_not_stored_is_not() {
    let run = played("leader-crash");
    let around = |around| Wanted {
        around: Some(around),
        ..Wanted::default()
    };
    let partition = TopicPartition::new("trucks_gps", 1);
    let wanted = around(Around::Offset(partition.clone(), 17));
    let picture = well_made(Kind::Bytes.draw(&run, &wanted), &run.name);
    assert_says(&picture, &["the bytes of trucks_gps-1 offset 17"]);
    let wanted = around(Around::Offset(partition, 1_000_000));
    let nothing = Kind::Bytes.draw(&run, &wanted).unwrap_err();
    assert_eq!(
        nothing.found,
        "trucks_gps-1 offset 1000000 lies on no broker's disk"
    );
    let wanted = around(Around::Record(RecordId {
        producer: "nobody".into(),
        number: 1,
    }));
    let nothing = Kind::Bytes.draw(&run, &wanted).unwrap_err();
    assert!(nothing.found.starts_with("nobody#1 was not acknowledged"));
}

#[test]
fn a_trace_does_not_hold_bytes() {
    let trace = Recording {
        played: None,
        ..played("anatomy-of-a-message")
    };
    let nothing = Kind::Bytes.draw(&trace, &Wanted::default()).unwrap_err();
    assert_eq!(
        nothing.found,
        "a trace does not hold the bytes on brokers' disks"
    );
}

#[test]
fn a_message_has_its_size_in_each_serializer() {
    let run = played("every-serializer");
    let picture = well_made(Kind::Message.draw(&run, &Wanted::default()), &run.name);
    assert_says(
        &picture,
        &["91 bytes", "00 00 00 01", "avro of the registry", "null"],
    );
    insta::assert_snapshot!(to_svg(&picture));
}
