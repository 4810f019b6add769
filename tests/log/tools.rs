//! `trial log verify` and `trial log recover` on damaged data directories of real Kafka 3.9.1 and on one
//! that a run has left (`tests/vectors/README.md`).

use crate::directory::files_below;
use kafka_trial::inspect::verify::{newest_timestamp, verify};
use kafka_trial::inspect::{DataDirectory, Recovered, recover};
use kafka_trial::kernel::disk::Disk;
use kafka_trial::log::batch::BatchBuilder;
use kafka_trial::log::log_dir;
use kafka_trial::protocol::config::Properties;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Name and directory of every damaged case.
fn cases() -> Vec<(String, DataDirectory)> {
    let mut dirs: Vec<PathBuf> = std::fs::read_dir(root().join("tests/vectors/kafka/recovery"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("data").is_dir())
        .collect();
    dirs.sort();
    let read = |dir: &PathBuf| {
        let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
        (name, directory(&dir.join("data")))
    };
    dirs.iter().map(read).collect()
}

fn directory(path: &Path) -> DataDirectory {
    DataDirectory {
        files: files_below(path),
    }
}

fn undamaged() -> DataDirectory {
    directory(&root().join("tests/vectors/kafka/recovery/crashed"))
}

/// As the recorder's topic was configured.
fn config() -> Properties {
    [
        ("log.segment.bytes", "560"),
        ("log.index.interval.bytes", "200"),
        ("log.index.size.max.bytes", "4096"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

fn recovered(directory: &DataDirectory) -> Recovered {
    let at = newest_timestamp(&directory.files).unwrap_or(0);
    recover(directory, &config(), at).unwrap()
}

fn snapshot(name: &str, text: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn rl16_every_damage_is_found_with_what_a_broker_makes_of_it() {
    assert_eq!(verify(&undamaged().files), []);
    let mut text = String::new();
    for (name, directory) in cases() {
        writeln!(text, "# {name}").unwrap();
        for finding in verify(&directory.files) {
            writeln!(text, "{finding}").unwrap();
        }
    }
    snapshot("log_verify_of_damaged_directories", text);
}

#[test]
fn a_recovery_tells_its_steps() {
    let mut text = String::new();
    for (name, directory) in cases() {
        writeln!(text, "# {name}").unwrap();
        for step in recovered(&directory).steps {
            writeln!(text, "{step}").unwrap();
        }
    }
    snapshot("log_recover_of_damaged_directories", text);
}

/// A start on what a clean stop has left changes nothing, and what Kafka's start checks holds together.
#[test]
fn what_a_recovery_leaves_is_left_alone_by_the_next_one() {
    for (name, directory) in cases() {
        let first = recovered(&directory);
        // Where a log starts at its end, no snapshot and no epoch counts, and a clean start writes
        // empty snapshots (L10, RL7, RL8).
        if first.refused.is_some() || name == "log_start_beyond" || name == "log_start_end" {
            continue;
        }
        let second = recovered(&first.directory);
        assert_eq!(second.refused, None, "{name}");
        let leftover = |(path, _): &&(String, Vec<u8>)| !path.ends_with(".deleted");
        let files = |of: &DataDirectory| {
            let files = of.files.iter().filter(leftover).cloned();
            files.collect::<Vec<_>>()
        };
        assert_eq!(files(&second.directory), files(&first.directory), "{name}");
        assert_eq!(
            second
                .steps
                .iter()
                .find(|step| step.contains("the last stop was")),
            second.steps.iter().find(|step| step.contains("was clean")),
            "{name}"
        );
    }
}

/// Each byte of the segment files is under a checksum or checked otherwise, but for what Kafka believes.
#[test]
fn a_flipped_bit_in_a_batch_is_found() {
    let undamaged = undamaged();
    let log = "r-0/00000000000000000014.log";
    let at = undamaged.files.iter().position(|(path, _)| path == log);
    let at = at.expect("the segment is there");
    // Behind base offset, length, epoch, magic and CRC all is covered by the CRC.
    for position in (21..undamaged.files[at].1.len()).step_by(7) {
        let mut damaged = undamaged.clone();
        damaged.files[at].1[position] ^= 0x10;
        assert!(
            !verify(&damaged.files).is_empty(),
            "a flip at {position} goes unnoticed"
        );
    }
}

/// An empty marker counts, and reading it uses it up; a clean stop writes it anew.
#[test]
fn l6_rl12_the_clean_marker_counts_by_being_there_once_and_a_failed_start_may_leave_it() {
    const MARKER: &str = ".kafka_cleanshutdown";
    let file = |directory: &DataDirectory, name: &str| {
        let mut files = directory.files.iter();
        let found = files.find(|(path, _)| path == name);
        found.map(|(_, content)| String::from_utf8(content.clone()).unwrap())
    };
    let mut directory = undamaged();
    assert_eq!(file(&directory, MARKER), None);
    directory.files.push((MARKER.to_owned(), Vec::new()));
    let clean = recovered(&directory);
    assert!(!clean.steps.iter().any(|step| step.contains("scanned")));
    assert!(clean.steps.iter().any(|step| step.contains("was clean")));
    assert_eq!(
        file(&clean.directory, MARKER).as_deref(),
        Some(r#"{"version":0,"brokerEpoch":-1}"#)
    );
    // RL12: a start that fails before it has loaded the logs stops as cleanly as the one before it did.
    directory
        .files
        .push(("no partition/".to_owned(), Vec::new()));
    let refused = recovered(&directory);
    assert!(refused.refused.is_some());
    assert!(file(&refused.directory, MARKER).is_some());
    directory.files.retain(|(path, _)| path != MARKER);
    let refused = recovered(&directory);
    assert!(refused.refused.is_some());
    assert_eq!(file(&refused.directory, MARKER), None);
    // A crash while it loads: the marker was used up when it was read.
    let mut disk = Disk::new();
    disk.create("data/.kafka_cleanshutdown").unwrap();
    let mut take = || log_dir::take_clean_shutdown_file(&mut disk, "data").unwrap();
    assert!(take());
    assert!(!take());
}

/// D19, RL8: a snapshot that can be read, and says something else of its producer than the log.
#[test]
fn a_snapshot_that_differs_from_the_batches_is_found() {
    let undamaged = directory(&root().join("tests/vectors/kafka/files/clean"));
    let of_snapshots = |directory: &DataDirectory| {
        let mut findings = verify(&directory.files);
        findings.retain(|finding| finding.path.ends_with(".snapshot"));
        findings
    };
    assert_eq!(of_snapshots(&undamaged), []);
    let name = "idempotent-0/00000000000000000024.snapshot";
    let at = undamaged.files.iter().position(|(path, _)| path == name);
    let at = at.expect("the snapshot is there");
    let mut text = String::new();
    // A byte of each field of the first entry, but for the coordinator's epoch, which is unknown.
    for (last, bits) in [
        (17, 1),
        (19, 1),
        (23, 1),
        (31, 1),
        (35, 1),
        (43, 1),
        (48, 128),
    ] {
        let mut damaged = undamaged.clone();
        let content = &mut damaged.files[at].1;
        content[last] ^= bits;
        let crc = crc32c::crc32c(&content[6..]);
        content[2..6].copy_from_slice(&crc.to_be_bytes());
        let findings = of_snapshots(&damaged);
        assert_eq!(findings.len(), 1, "byte {last}");
        writeln!(text, "{}", findings[0]).unwrap();
    }
    snapshot("log_verify_of_changed_snapshots", text);
}

fn trial(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_trial"))
        .current_dir(root())
        .args(arguments)
        .output()
        .expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A run's `--out` is a directory of a broker like any other.
#[test]
fn a_directory_that_a_run_leaves_holds_together_and_starts_again() {
    let dir = std::env::temp_dir().join(format!("trial-log-tools-{}", std::process::id()));
    let path = |part: &str| dir.join(part).display().to_string();
    let scenario = "scenarios/05-storage/where-a-message-lies.yaml";
    let (status, ..) = trial(&["run", scenario, "--quiet", "--out", &path("run")]);
    assert_eq!(status, Some(0));
    let data = path("run/brokers/broker-1/data");
    let (status, said, _) = trial(&["log", "verify", &data]);
    assert_eq!((status, said.as_str()), (Some(0), "all holds together\n"));
    let (status, said, _) = trial(&["log", "recover", &data, "--out", &path("again")]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("the last stop was clean"), "{said}");
    let (status, _, complaint) = trial(&["log", "recover", &data, "--out", &path("again")]);
    assert_eq!(status, Some(2), "what is there is not written over");
    assert!(complaint.contains("there already"), "{complaint}");
    let (status, _, complaint) = trial(&["log", "verify", &path("nothing")]);
    assert_eq!(status, Some(2), "{complaint}");
    std::fs::remove_dir_all(&dir).unwrap();
}

/// One partition of records with these timestamps, a batch each.
fn with_timestamps(timestamps: &[i64]) -> DataDirectory {
    let mut log = Vec::new();
    for (offset, timestamp) in (0..).zip(timestamps) {
        let mut builder = BatchBuilder::new().base_offset(offset).leader_epoch(0);
        builder.append(*timestamp, None, Some(b"v"), &[]);
        log.extend(builder.build().to_bytes());
    }
    let meta = b"version=0\nbroker.id=1\n".to_vec();
    DataDirectory {
        files: vec![
            ("meta.properties".to_owned(), meta),
            ("t-0/00000000000000000000.log".to_owned(), log),
        ],
    }
}

/// Seconds, microseconds, nanoseconds, before 1970, and what no calendar has.
const TIMESTAMPS: [i64; 10] = [
    1_717_401_600_000,
    1_717_401_600,
    1_717_401_600_000_000,
    1_717_401_600_000_000_000,
    0,
    -1,
    -5_000_000_000_000,
    i64::MIN,
    i64::MAX - 1,
    i64::MAX,
];

#[test]
fn any_timestamp_is_legal_and_so_is_any_clock() {
    let log = |directory: &DataDirectory| {
        let mut files = directory.files.iter();
        let log = files.find(|(path, _)| path == "t-0/00000000000000000000.log");
        log.unwrap().1.clone()
    };
    let start = |directory: &DataDirectory, at: i64| {
        let after = recover(directory, &Properties::new(), at).unwrap();
        assert_eq!(after.refused, None, "{at}: {:?}", after.steps);
        assert_eq!(log(&after.directory), log(directory), "{at}");
    };
    for timestamp in TIMESTAMPS {
        let directory = with_timestamps(&[timestamp]);
        start(&directory, newest_timestamp(&directory.files).unwrap_or(0));
        // The broker's own clock may show anything too.
        start(&with_timestamps(&[0]), timestamp);
    }
    let all = with_timestamps(&TIMESTAMPS);
    assert_eq!(newest_timestamp(&all.files), Some(i64::MAX));
    start(&all, i64::MAX);
}

#[test]
fn a_recovery_without_out_writes_nothing() {
    let dir = std::env::temp_dir().join(format!("trial-log-read-only-{}", std::process::id()));
    let data = dir.join("data");
    let files = undamaged().files;
    for (path, content) in &files {
        let path = data.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let seen = || {
        let entries = std::fs::read_dir(&dir).unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        (names, files_below(&data))
    };
    let before = seen();
    let (status, said, _) = trial(&["log", "recover", &data.display().to_string()]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("scanned segment"), "{said}");
    assert_eq!(seen(), before);
    std::fs::remove_dir_all(&dir).unwrap();
}

/// Indexes are made long at once; on a real disk they take no more than what was written to them.
#[cfg(unix)]
#[test]
fn what_is_zeros_takes_no_room_in_out() {
    use std::os::unix::fs::MetadataExt;
    let dir = std::env::temp_dir().join(format!("trial-log-sparse-{}", std::process::id()));
    let out = dir.display().to_string();
    // Its brokers run at the end.
    let scenario = "scenarios/03-truck-gps/leader-crash.yaml";
    let (status, ..) = trial(&["run", scenario, "--quiet", "--out", &out]);
    assert_eq!(status, Some(0));
    let (mut long, mut taken) = (0, 0);
    let mut dirs = vec![dir.clone()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let (path, found) = entry
                .map(|entry| (entry.path(), entry.metadata().unwrap()))
                .unwrap();
            if found.is_dir() {
                dirs.push(path);
            } else if path
                .extension()
                .is_some_and(|kind| kind == "index" || kind == "timeindex")
            {
                long += found.len();
                taken += found.blocks() * 512;
            }
        }
    }
    assert!(
        long >= 20 << 20 && taken <= 256 << 10,
        "{long} bytes take {taken}"
    );
    std::fs::remove_dir_all(&dir).unwrap();
}
