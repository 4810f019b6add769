//! Messages of formats 0 and 1 (OF1 to OF4), as Kafka 3.9.1 writes, prints and keeps them
//! (`tests/vectors/README.md`).

use crate::directory::files_below;
use bytes::Bytes;
use kafka_trial::inspect::dump::{DumpFormat, DumpIo, DumpOptions, dump};
use kafka_trial::inspect::verify::verify;
use kafka_trial::inspect::{DataDirectory, recover};
use kafka_trial::kernel::disk::Disk;
use kafka_trial::log::batch::{BatchBuilder, RecordBatch};
use kafka_trial::log::{LoadParameters, LogConfig, Records, UnifiedLog};
use kafka_trial::protocol::config::Properties;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn vectors(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/kafka")
        .join(path)
}

/// Files of `old_formats`, and what was printed.
#[derive(Default)]
struct Io {
    out: String,
    err: String,
}

impl DumpIo for Io {
    fn read(&mut self, path: &str) -> Result<Bytes, String> {
        let path = vectors("old_formats").join(path);
        std::fs::read(path)
            .map(Bytes::from)
            .map_err(|error| error.to_string())
    }

    fn print(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn complain(&mut self, line: &str) {
        self.err.push_str(line);
        self.err.push('\n');
    }
}

fn segment(name: &str) -> Bytes {
    let (_, content) = files_below(&vectors("old_formats").join(name)).remove(0);
    content.into()
}

/// Offset, timestamp and value of each record of a segment; whether all could be read.
fn records(name: &str) -> (Vec<(i64, i64, Option<Bytes>)>, bool) {
    let (mut read, mut complete) = (Vec::new(), true);
    for batch in RecordBatch::parse_run(segment(name)).unwrap() {
        for record in batch.records() {
            match record {
                Ok(record) => read.push((record.offset, record.timestamp, record.value)),
                Err(_) => complete = false,
            }
        }
    }
    (read, complete)
}

#[test]
fn of1_messages_are_dumped_as_kafka_dumps_them() {
    let dumps = std::fs::read_to_string(vectors("old_formats/dump.json")).unwrap();
    let dumps: BTreeMap<String, Value> = serde_json::from_str(&dumps).unwrap();
    let options = DumpOptions {
        print_data_log: true,
        ..DumpOptions::default()
    };
    let mut wrong = Vec::new();
    for (file, expected) in &dumps {
        let mut io = Io::default();
        let whole = dump(std::slice::from_ref(file), &options, &mut io);
        let kafkas = expected["stdout"].as_str().unwrap();
        if io.out != kafkas || whole != (expected["status"] == 0) {
            wrong.push(format!("{file}:\n{}Kafka's:\n{kafkas}", io.out));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(dumps.len(), 64);
}

#[test]
fn of1_a_dump_in_json_has_the_same_shape_for_every_format() {
    let options = DumpOptions {
        format: DumpFormat::Json,
        ..DumpOptions::default()
    };
    let mut io = Io::default();
    assert!(dump(
        &["mixed/00000000000000000007.log".into()],
        &options,
        &mut io
    ));
    let objects: Vec<Value> = io
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let magics: Vec<_> = objects
        .iter()
        .map(|o| o["magic"].as_i64().unwrap())
        .collect();
    assert_eq!(magics, [0, 0, 0, 1, 1, 2, 2, 1]);
    let keys = |object: &Value| {
        object
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert!(
        objects
            .iter()
            .all(|object| keys(object) == keys(&objects[0]))
    );
    // A wrapper: its offset is its last message's.
    assert_eq!(
        (&objects[2]["baseOffset"], &objects[2]["lastOffset"]),
        (&9.into(), &10.into())
    );
    assert_eq!(objects[2]["records"][1]["offset"], 10);
}

#[test]
fn of2_a_wrapper_says_where_its_messages_stand_and_when_they_came() {
    let offsets = |name: &str| {
        let (read, complete) = records(name);
        assert!(complete, "{name}");
        read.iter().map(|(offset, ..)| *offset).collect::<Vec<_>>()
    };
    for codec in ["none", "gzip", "snappy", "lz4"] {
        for magic in [0, 1] {
            assert_eq!(offsets(&format!("v{magic}-{codec}")), [70, 71, 72, 73, 74]);
            let gaps = offsets(&format!("v{magic}-{codec}-gaps"));
            assert_eq!(gaps, [103, 104, 109, 116, 121], "{magic} {codec}");
        }
        let (read, _) = records(&format!("v1-append-{codec}"));
        let times: Vec<_> = read
            .iter()
            .map(|(_, at, _)| at - 1_420_070_400_000)
            .collect();
        assert_eq!(times, [77, 77, 88, 88], "{codec}");
    }
    // A wrapper of offset 0 is some producers' way of saying none.
    assert_eq!(offsets("wrapper-offset-0"), [0, 1, 2]);
    assert_eq!(offsets("inner-offsets-gap"), [52, 56, 59]);
    assert_eq!(offsets("inner-cut"), [1]);
    for bad in [
        "wrapper-offset-too-small",
        "null-wrapper",
        "empty-wrapper",
        "not-packed",
        "packed-inside",
        "inner-crc",
        "inner-tiny",
        "zstd-in-v1",
        "unknown-codec",
        "lz4-broken-checksum-in-v1",
        "long-key",
        "long-value",
    ] {
        assert!(!records(bad).1, "{bad}");
    }
}

/// A data directory that holds one segment of these.
fn directory(name: &str) -> DataDirectory {
    let (file, content) = files_below(&vectors("old_formats").join(name)).remove(0);
    DataDirectory {
        files: vec![
            (
                "meta.properties".into(),
                b"version=0\nbroker.id=1\n".to_vec(),
            ),
            (format!("t-0/{file}"), content),
        ],
    }
}

fn log_of(directory: &DataDirectory) -> &[u8] {
    let mut files = directory.files.iter();
    let log = files.find(|(path, _)| path.starts_with("t-0/") && path.ends_with(".log"));
    &log.unwrap().1
}

#[test]
fn of3_a_start_keeps_what_is_whole_and_verify_says_nothing_of_it() {
    let about_the_log = |directory: &DataDirectory| {
        let findings = verify(&directory.files).into_iter();
        findings
            .filter(|finding| finding.path.ends_with(".log"))
            .map(|finding| finding.to_string())
            .collect::<Vec<_>>()
    };
    let mut whole = 0;
    for (path, content) in files_below(&vectors("old_formats")) {
        let Some((name, _)) = path.split_once('/') else {
            continue;
        };
        let given = directory(name);
        let after = recover(&given, &Properties::new(), 0).unwrap();
        assert_eq!(after.refused, None, "{name}");
        let kept = log_of(&after.directory);
        assert!(content.starts_with(kept), "{name}");
        let is_cut = ["bad-crc", "cut", "zeros", "garbage"]
            .iter()
            .any(|damage| name.starts_with(damage));
        assert_eq!(kept.len() < content.len(), is_cut, "{name}");
        let is_small = name.starts_with("v1-") && name.contains("small");
        let is_plain = name.starts_with("v0-") || name.starts_with("v1-") || name == "mixed";
        if is_plain && !is_small && !name.contains("-in-") {
            // Gaps with keys that come once are compaction's.
            let gaps = name.ends_with("-gaps");
            assert!(
                gaps || about_the_log(&given).is_empty(),
                "{name}: {:?}",
                about_the_log(&given)
            );
            whole += 1;
        }
        assert!(!is_cut || !about_the_log(&given).is_empty(), "{name}");
    }
    assert_eq!(whole, 22);
}

/// What a follower gets of a leader with an old log.
#[test]
fn of4_an_old_message_that_is_appended_clears_what_is_known_of_epochs() {
    let mut disk = Disk::new();
    let parameters = LoadParameters {
        clean_shutdown: true,
        recovery_point: 0,
        log_start_offset: 0,
        now_ms: 0,
    };
    let mut log = UnifiedLog::open(&mut disk, "t-0", LogConfig::default(), parameters).unwrap();
    let mut today = BatchBuilder::new().leader_epoch(3);
    today.append(0, None, Some(b"a"), &[]);
    let records = Records::from(today.build());
    log.append_as_follower(&mut disk, &records, 0).unwrap();
    assert_eq!(log.leader_epochs().len(), 1);
    let old = RecordBatch::parse_run(segment("v1-gzip")).unwrap();
    log.append_as_follower(&mut disk, &Records::from(old), 0)
        .unwrap();
    assert!(log.leader_epochs().is_empty());
    assert_eq!(log.log_end_offset(), 75);
    let read = log.read(&mut disk, 72, 1 << 20, 75, true).unwrap();
    // The whole wrapper that holds it, and what follows.
    assert_eq!(read.records.first_offset(), Some(70));
    assert_eq!(read.records.batches().len(), 2);
    // No producer of today writes them.
    let old = RecordBatch::parse_run(segment("wrapper-offset-0")).unwrap();
    let refused = log.append_as_leader(&mut disk, &Records::from(old), 4, 0);
    assert!(refused.unwrap_err().to_string().contains("old format"));
}
