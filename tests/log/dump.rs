//! `trial log dump` against what Kafka 3.9.1's own tool printed of the same files (DL1 to DL10).

use bytes::Bytes;
use kafka_trial::inspect::dump::{Decoder, DumpFormat, DumpIo, DumpOptions, dump};
use kafka_trial::log::batch::{BatchBuilder, CompressionType};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files of a directory, or of a test; and what was printed.
#[derive(Default)]
struct Io {
    directory: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
    out: String,
    err: String,
}

impl DumpIo for Io {
    fn read(&mut self, path: &str) -> Result<Bytes, String> {
        if let Some(content) = self.files.get(path) {
            return Ok(content.clone().into());
        }
        std::fs::read(self.directory.join(path))
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

fn vectors(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/kafka")
        .join(path)
}

fn recorded(path: &str) -> BTreeMap<String, Value> {
    serde_json::from_str(&std::fs::read_to_string(vectors(path)).unwrap()).unwrap()
}

fn text() -> DumpOptions {
    DumpOptions {
        print_data_log: true,
        ..DumpOptions::default()
    }
}

/// Dumps one recorded file.
fn dumped(directory: &str, file: &str, options: &DumpOptions) -> (bool, String) {
    let mut io = Io {
        directory: vectors(directory),
        ..Io::default()
    };
    let whole = dump(&[file.to_owned()], options, &mut io);
    (whole, io.out)
}

/// Dumps a file of bytes.
fn dumped_bytes(name: &str, content: &[u8], options: &DumpOptions) -> (bool, Io) {
    let mut io = Io::default();
    io.files.insert(name.to_owned(), content.to_vec());
    let whole = dump(&[name.to_owned()], options, &mut io);
    (whole, io)
}

fn batch(kind: CompressionType) -> Vec<u8> {
    let mut builder = BatchBuilder::new().compression(kind);
    builder
        .append(5, Some(b"k"), Some(b"v"), &[(Bytes::from("h"), None)])
        .append(6, None, Some(b"\xff"), &[]);
    builder.build().to_bytes().to_vec()
}

#[test]
fn dl2_dl6_dl7_data_directories_are_dumped_as_kafka_dumps_them() {
    let mut files = 0;
    for (directory, dumps) in [
        ("files/live", "files/live.dump.json"),
        ("files/clean", "files/clean.dump.json"),
        ("recovery/crashed", "recovery/crashed.dump.json"),
    ] {
        for (file, expected) in recorded(dumps) {
            let options = if file.starts_with("__consumer_offsets") {
                DumpOptions {
                    decoder: Decoder::Offsets,
                    ..DumpOptions::default()
                }
            } else {
                text()
            };
            let (whole, out) = dumped(directory, &file, &options);
            assert_eq!(out, expected.as_str().unwrap(), "{directory}/{file}");
            // The preallocated index of an empty log points to a batch that is not there.
            let empty = directory == "files/live" && file == "empty-0/00000000000000000000.index";
            assert_eq!(whole, !empty, "{directory}/{file}");
            files += 1;
        }
    }
    assert_eq!(files, 43 + 51 + 11);
}

/// What Kafka's own tool prints of a record behind `key: ` and ` payload: `, as JSON.
fn decoded_by_kafka(dump: &str) -> Vec<(Value, Value)> {
    let json = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let lines = dump
        .lines()
        .filter_map(|line| line.split_once(" key: ")?.1.split_once(" payload: "));
    lines
        .map(|(key, payload)| (json(key), json(payload)))
        .collect()
}

#[test]
fn dl9_in_json_too_records_of_groups_are_decoded() {
    let options = DumpOptions {
        decoder: Decoder::Offsets,
        format: DumpFormat::Json,
        ..DumpOptions::default()
    };
    let mut count = 0;
    for (directory, dumps) in [
        ("files/live", "files/live.dump.json"),
        ("files/clean", "files/clean.dump.json"),
    ] {
        let logs = recorded(dumps).into_iter();
        for (file, expected) in logs
            .filter(|(file, _)| file.starts_with("__consumer_offsets") && file.ends_with(".log"))
        {
            let (whole, out) = dumped(directory, &file, &options);
            assert!(whole, "{file}");
            let batches = out
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let records = batches.flat_map(|batch| batch["records"].as_array().unwrap().clone());
            let decoded: Vec<(Value, Value)> = records
                .map(|record| (record["key"].clone(), record["payload"].clone()))
                .collect();
            assert_eq!(
                decoded,
                decoded_by_kafka(expected.as_str().unwrap()),
                "{file}"
            );
            count += decoded.len();
        }
    }
    assert!(count > 0);
    // What is no record of groups is said in Kafka's words, and ends nothing.
    let mut odd = BatchBuilder::new();
    odd.append(5, Some(&[0, 99]), Some(b"v"), &[]);
    let odd = odd.build().to_bytes().to_vec();
    let (whole, io) = dumped_bytes("a-0/00000000000000000000.log", &odd, &options);
    let batch: Value = serde_json::from_str(&io.out).unwrap();
    assert!(whole);
    assert_eq!(
        batch["records"][0]["key"],
        "Unknown record type 99 at offset 0, skipping."
    );
    // Without a key Kafka's tool ends; here the batch is called unreadable.
    let (whole, io) = dumped_bytes(
        "a-0/00000000000000000000.log",
        &batch_without_key(),
        &options,
    );
    let batch: Value = serde_json::from_str(&io.out).unwrap();
    assert!(!whole);
    assert_eq!(
        batch["problem"],
        "the record at offset 0 is no coordinator's: it has no key"
    );
}

fn batch_without_key() -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    builder.append(5, None, Some(b"v"), &[]);
    builder.build().to_bytes().to_vec()
}

#[test]
fn segments_are_dumped_as_kafka_dumps_them() {
    let dumps = recorded("segments/dump.json");
    for (file, expected) in &dumps {
        let (whole, out) = dumped("segments", file, &text());
        assert_eq!(out, expected["stdout"].as_str().unwrap(), "{file}");
        assert_eq!(whole, expected["status"] == 0, "{file}");
    }
    assert_eq!(dumps.len(), 30);
}

#[test]
fn other_flags_print_what_kafka_prints() {
    for (flag, dumps) in recorded("files/flags.dump.json") {
        let options = DumpOptions {
            deep_iteration: flag.starts_with("--deep-iteration"),
            index_sanity_check: flag == "--index-sanity-check",
            verify_index_only: flag == "--verify-index-only",
            ..DumpOptions::default()
        };
        for (file, expected) in dumps.as_object().unwrap() {
            let (_, out) = dumped("files/clean", file, &options);
            assert_eq!(out, expected.as_str().unwrap(), "{flag} {file}");
        }
    }
}

#[test]
fn dl1_unknown_files_are_passed_over_and_what_cannot_be_read_ends_the_dump() {
    let (whole, io) = dumped_bytes("a//b.txt", b"", &text());
    assert!(whole);
    assert_eq!(
        (io.out.as_str(), io.err.as_str()),
        ("Dumping a/b.txt\n", "Ignoring unknown file a/b.txt\n")
    );
    let mut io = Io::default();
    io.files.insert("t/x.log".into(), Vec::new());
    io.files.insert("t/1.log".into(), Vec::new());
    let paths = ["t/x.log".to_owned(), "t/1.log".to_owned()];
    assert!(!dump(&paths, &text(), &mut io));
    assert_eq!(io.out, "Dumping t/x.log\n");
}

#[test]
fn dl3_metadata_can_be_left_out() {
    let options = DumpOptions {
        skip_record_metadata: true,
        ..text()
    };
    let (_, io) = dumped_bytes("7.log", &batch(CompressionType::Zstd), &options);
    let lines: Vec<_> = io.out.lines().skip(3).collect();
    assert_eq!(lines, ["| key: k payload: v", " payload: \u{fffd}"]);
}

#[test]
fn dl4_trash_ends_the_dump_quietly_or_with_an_error() {
    let whole = batch(CompressionType::None);
    let with_tail = |tail: &[u8]| {
        let bytes = [whole.as_slice(), tail].concat();
        let (status, io) = dumped_bytes("0.log", &bytes, &text());
        (status, io.out.lines().last().unwrap().to_owned())
    };
    let found = |n| format!("Found {n} invalid bytes at the end of 0.log");
    assert_eq!(with_tail(&[0; 17]), (true, found(17)));
    assert_eq!(
        with_tail(&whole[..whole.len() - 1]),
        (true, found(whole.len() - 1))
    );
    // A page of zeros: the length 0 is too small for any batch.
    let (status, last) = with_tail(&[0; 18]);
    assert!(!status && last.starts_with("| offset: 1 "), "{last}");

    let mut flipped = whole.clone();
    flipped[66] ^= 1;
    let (status, io) = dumped_bytes("0.log", &flipped, &text());
    assert!(status && io.out.contains(" isvalid: false\n"));

    // The codec is not known: the line breaks off where Kafka's does.
    let mut unknown = whole.clone();
    unknown[22] = 7;
    let (status, io) = dumped_bytes("0.log", &unknown, &text());
    assert!(!status && io.out.ends_with("deleteHorizonMs: OptionalLong.empty"));

    // A record too many: the error takes the place of the last record, or of all if they are packed.
    for (kind, shown) in [(CompressionType::None, 1), (CompressionType::Lz4, 0)] {
        let mut bytes = batch(kind);
        bytes[60] = 3;
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        let (status, io) = dumped_bytes("0.log", &bytes, &text());
        let records = io.out.lines().filter(|line| line.starts_with('|')).count();
        assert!(!status);
        assert_eq!(records, shown + usize::from(kind == CompressionType::None));
    }
}

#[test]
fn dl5_indexes_that_point_nowhere_end_the_dump() {
    let mut io = Io::default();
    io.files
        .insert("0.log".into(), batch(CompressionType::None));
    io.files
        .insert("0.index".into(), [0, 0, 0, 1, 0, 0, 0, 0].to_vec());
    assert!(dump(&["0.index".to_owned()], &text(), &mut io));
    assert_eq!(
        (io.out.as_str(), io.err.as_str()),
        ("Dumping 0.index\noffset: 1 position: 0\n", "")
    );

    io.files
        .insert("0.index".into(), [0, 0, 0, 2, 0, 0, 0, 0].to_vec());
    assert!(dump(&["0.index".to_owned()], &text(), &mut io));
    assert_eq!(
        io.err,
        "Mismatches in :0.index\n  Index offset: 2, log offset: 1\n"
    );

    io.files
        .insert("0.index".into(), [0, 0, 0, 1, 0, 0, 0, 9].to_vec());
    assert!(!dump(&["0.index".to_owned()], &text(), &mut io));
}

#[test]
fn offsets_beyond_all_numbers_wrap_as_in_java() {
    let mut io = Io::default();
    let name = i64::MAX.to_string();
    let mut last = BatchBuilder::new().base_offset(i64::MAX - 1);
    last.append(5, None, None, &[]);
    let bytes = last.build().to_bytes().to_vec();
    io.files.insert(format!("{name}.log"), bytes.repeat(2));
    io.files.insert(format!("{name}.index"), vec![0x7f; 8]);
    io.files.insert(format!("{name}.timeindex"), vec![0x7f; 12]);
    for kind in ["log", "index", "timeindex"] {
        dump(&[format!("{name}.{kind}")], &text(), &mut io);
    }
    assert!(
        io.out.contains("lastOffset: 9223372036854775806 "),
        "{}",
        io.out
    );
}

#[test]
fn dl8_aborted_transactions_are_dumped_without_a_partial_tail() {
    let mut content = vec![0, 0];
    for field in [4000i64, 10, 20, 21] {
        content.extend_from_slice(&field.to_be_bytes());
    }
    content.extend_from_slice(&[1; 5]);
    let (whole, io) = dumped_bytes("0.txnindex", &content, &text());
    assert!(whole);
    assert_eq!(
        io.out,
        "Dumping 0.txnindex\nversion: 0 producerId: 4000 firstOffset: 10 lastOffset: 20 lastStableOffset: 21\n"
    );
}

#[test]
fn json_has_one_object_a_batch_and_says_where_trash_begins() {
    let options = DumpOptions {
        format: DumpFormat::Json,
        ..DumpOptions::default()
    };
    let first = batch(CompressionType::Gzip);
    let mut second = batch(CompressionType::None);
    second[66] ^= 1;
    let content = [first.as_slice(), &second, &[1, 2, 3]].concat();
    let (whole, io) = dumped_bytes("d/0.log", &content, &options);
    assert!(!whole);
    let at = first.len() + second.len();
    assert_eq!(
        io.err,
        format!("d/0.log: trash begins at byte {at}: 3 bytes are no whole batch\n")
    );
    let objects: Vec<Value> = io
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 2);
    let object = &objects[0];
    assert_eq!(object["file"], "d/0.log");
    assert_eq!(object["compression"], "gzip");
    assert_eq!(object["isValid"], true);
    assert_eq!(object["records"][0]["headers"][0]["key"], "h");
    assert_eq!(object["records"][0]["headers"][0]["value"], Value::Null);
    assert_eq!(object["records"][0]["key"], "k");
    assert_eq!(object["records"][1]["value"]["base64"], "/w==");
    assert_eq!(objects[1]["isValid"], false);
    assert_eq!(objects[1]["position"], first.len());
}

#[test]
fn checkpoints_are_dumped_an_entry_a_line() {
    let shown = |file: &str, content: &str| {
        let (whole, io) = dumped_bytes(file, content.as_bytes(), &text());
        (whole, io.out)
    };
    assert_eq!(
        shown("recovery-point-offset-checkpoint", "0\n1\nr 0 28\n"),
        (
            true,
            "Dumping recovery-point-offset-checkpoint\nversion: 0 entries: 1\n\
             topic: r partition: 0 offset: 28\n"
                .to_owned()
        )
    );
    assert_eq!(
        shown("leader-epoch-checkpoint", "0\n1\n2 7\n").1,
        "Dumping leader-epoch-checkpoint\nversion: 0 entries: 1\nepoch: 2 startOffset: 7\n"
    );
    assert_eq!(
        shown(
            "meta.properties",
            "#\n#Sun Nov 22\nbroker.id=1\nversion=0\n"
        )
        .1,
        "Dumping meta.properties\nbroker.id: 1\nversion: 0\n"
    );
    assert_eq!(
        shown(".kafka_cleanshutdown", "{\"version\":0,\"brokerEpoch\":-1}").1,
        "Dumping .kafka_cleanshutdown\nbrokerEpoch: -1 version: 0\n"
    );
    assert_eq!(
        shown("partition.metadata", "version: 0\ntopic_id: abc").1,
        "Dumping partition.metadata\nversion: 0\ntopic_id: abc\n"
    );
    assert!(!shown("leader-epoch-checkpoint", "0\n2\n2 7\n").0);
    assert!(!shown("replication-offset-checkpoint", "0\n1\nr 0\n").0);
    assert!(
        shown("cleaner-offset-checkpoint", "")
            .1
            .ends_with("state: never written\n")
    );
}
