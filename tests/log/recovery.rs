//! Damaged data directories, recovered as real Kafka 3.9.1 recovered them (`tests/vectors/README.md`):
//! each case is loaded as a broker would, led again, appended to, read, and stopped cleanly.
//!
//! Cases that a broker decides without its logs (whose directory it is, which topics exist) are left to
//! the tests of brokers.

use bytes::Bytes;
use kafka_trial::kernel::disk::Disk;
use kafka_trial::log::batch::BatchBuilder;
use kafka_trial::log::offset_checkpoint::{self, OffsetCheckpoint};
use kafka_trial::log::{LoadParameters, LogConfig, LogError, Records, UnifiedLog, log_dir};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const CASES: &str = "tests/vectors/kafka/recovery";
/// Decided before or outside of the logs.
const OF_BROKERS: [&str; 29] = [
    "back_preallocated_last",
    "back_torn_retention",
    "back_zero_timeindexes",
    "bad_cleaner",
    "bad_dir",
    "bad_hw",
    "bad_log_start",
    "cluster_metadata",
    "delete_dir",
    "empty_dir",
    "empty_partition_metadata",
    "future_beside",
    "future_dir",
    "future_empty",
    "future_torn",
    "future_twice",
    "log_start_end",
    "log_start_second",
    "meta_version_1",
    "no_metadata",
    "no_partition_metadata",
    "other_broker",
    "other_cluster",
    "other_topic_id",
    "remote_cache",
    "stray_dir",
    "stray_topic",
    "stray_torn",
    "stray_twice",
];
/// The log is not loaded.
const FAIL: [&str; 9] = [
    "back_zero_tail",
    "bad_log_name",
    "bad_metadata",
    "empty_metadata",
    "metadata_bad_id",
    "offset_falls",
    "old_falls",
    "short_epochs",
    "torn_epochs",
];

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 560,
        index_interval_bytes: 200,
        segment_index_bytes: 4096,
        retention_ms: -1,
        retention_bytes: -1,
        ..LogConfig::default()
    }
}

/// The recorded directory, on a simulated disk.
fn load_files(disk: &mut Disk, from: &Path, to: &str) {
    disk.make_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            load_files(disk, &entry.path(), &format!("{to}/{name}"));
        } else if name != ".keep" {
            let file = disk.create(&format!("{to}/{name}")).unwrap();
            disk.append(file, std::fs::read(entry.path()).unwrap().into())
                .unwrap();
        }
    }
}

struct Broker {
    disk: Disk,
    log: UnifiedLog,
    now_ms: i64,
    /// The recovery points could not be read: the directory fails once its logs are loaded.
    failed: bool,
}

/// RL1 as far as it is about logs.
fn start(case: &Path, now_ms: i64) -> Result<Broker, LogError> {
    let mut disk = Disk::new();
    load_files(&mut disk, &case.join("data"), "data");
    let clean_shutdown = log_dir::take_clean_shutdown_file(&mut disk, "data").unwrap();
    let partition = ("r".to_owned(), 0);
    let recovery_points =
        offset_checkpoint::read(&mut disk, "data/recovery-point-offset-checkpoint");
    let failed = matches!(recovery_points, Err(LogError::Malformed { .. }));
    let log_starts =
        offset_checkpoint::read(&mut disk, "data/log-start-offset-checkpoint").unwrap();
    let parameters = LoadParameters {
        clean_shutdown,
        recovery_point: recovery_points
            .unwrap_or_default()
            .get(&partition)
            .copied()
            .unwrap_or(0),
        log_start_offset: log_starts.get(&partition).copied().unwrap_or(0),
        now_ms,
    };
    let mut log = UnifiedLog::open(&mut disk, "data/r-0", config(), parameters)?;
    let high_watermarks =
        offset_checkpoint::read(&mut disk, "data/replication-offset-checkpoint").unwrap();
    log.update_high_watermark(high_watermarks.get(&partition).copied().unwrap_or(0));
    Ok(Broker {
        disk,
        log,
        now_ms,
        failed,
    })
}

impl Broker {
    /// Leads again with epoch 0, alone in the ISR.
    fn lead(&mut self) {
        let end = self.log.log_end_offset();
        self.log
            .assign_epoch_start_offset(&mut self.disk, 0, end)
            .unwrap();
        self.log.maybe_increment_high_watermark(end);
    }

    fn produce(&mut self) -> i64 {
        let mut batch = BatchBuilder::new();
        batch.append(1_795_330_000_000, None, Some(b"after"), &[]);
        let records = Records::from(batch.build());
        let info = self
            .log
            .append_as_leader(&mut self.disk, &records, 0, self.now_ms)
            .unwrap();
        self.log
            .maybe_increment_high_watermark(self.log.log_end_offset());
        info.first_offset
    }

    /// What a consumer reads from the beginning: offsets, leader epochs, and whether it came to an end.
    fn read(&mut self) -> (Vec<i64>, Vec<i64>, bool) {
        let (mut offsets, mut epochs) = (Vec::new(), Vec::new());
        let mut position = self.log.log_start_offset();
        while position < self.log.high_watermark() {
            let read = self.log.read(
                &mut self.disk,
                position,
                1 << 20,
                self.log.high_watermark(),
                true,
            );
            let Ok(read) = read else {
                return (offsets, epochs, false);
            };
            for batch in read.records.batches() {
                if batch.ensure_valid().is_err() {
                    return (offsets, epochs, false);
                }
                for record in batch.records() {
                    let Ok(record) = record else {
                        return (offsets, epochs, false);
                    };
                    if record.offset < position {
                        continue;
                    }
                    offsets.push(record.offset);
                    if !epochs.contains(&i64::from(batch.partition_leader_epoch())) {
                        epochs.push(i64::from(batch.partition_leader_epoch()));
                    }
                }
                position = batch.next_offset();
            }
        }
        (offsets, epochs, true)
    }

    /// RL10.
    fn stop(&mut self) {
        self.log.close(&mut self.disk).unwrap();
        let partition = |offset| OffsetCheckpoint::from([(("r".to_owned(), 0), offset)]);
        let write = |disk: &mut Disk, name: &str, offsets: &OffsetCheckpoint| {
            offset_checkpoint::write(disk, &format!("data/{name}"), offsets).unwrap();
        };
        write(
            &mut self.disk,
            "recovery-point-offset-checkpoint",
            &partition(self.log.recovery_point()),
        );
        write(
            &mut self.disk,
            "replication-offset-checkpoint",
            &partition(self.log.high_watermark()),
        );
        let first_base = self.log.segment_base_offsets()[0];
        let start = self.log.log_start_offset();
        let starts = if start > first_base {
            partition(start)
        } else {
            OffsetCheckpoint::new()
        };
        write(&mut self.disk, "log-start-offset-checkpoint", &starts);
    }

    /// Size and beginning of the SHA-256 of each file but those that Kafka's recorder leaves out.
    fn files(&mut self) -> BTreeMap<String, (u64, String)> {
        let mut files = BTreeMap::new();
        for (path, _) in self.disk.files() {
            let name = path.strip_prefix("data/").unwrap();
            if !name.ends_with(".deleted")
                && name != "meta.properties"
                && !name.starts_with("gone-")
            {
                let content = self.disk.read_file(&path).unwrap();
                files.insert(name.to_owned(), (content.len() as u64, sha256(&content)));
            }
        }
        files
    }
}

fn recorded_files(outcome: &Value) -> BTreeMap<String, (u64, String)> {
    let files = outcome["files_after_clean_stop"].as_object().unwrap();
    let file = |file: &Value| {
        (
            file["size"].as_u64().unwrap(),
            file["sha256"].as_str().unwrap().to_owned(),
        )
    };
    let compared = files.iter().filter(|(name, _)| {
        *name != "meta.properties"
            && *name != ".kafka_cleanshutdown"
            && *name != "cleaner-offset-checkpoint"
            && !name.ends_with(".deleted")
    });
    compared
        .map(|(name, said)| (name.clone(), file(said)))
        .collect()
}

#[test]
fn rl1_to_rl11_damaged_directories_come_out_as_kafkas() {
    let mut cases: Vec<_> = std::fs::read_dir(CASES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    let (mut played, mut wrong) = (0, Vec::new());
    for case in cases
        .iter()
        .filter(|case| case.join("outcome.json").exists())
    {
        let name = case.file_name().unwrap().to_str().unwrap();
        if OF_BROKERS.contains(&name) {
            continue;
        }
        let outcome = std::fs::read_to_string(case.join("outcome.json")).unwrap();
        let outcome: Value = serde_json::from_str(&outcome).unwrap();
        if let Err(difference) = play(case, &outcome) {
            wrong.push(format!("{name} ({}): {difference}", outcome["about"]));
        }
        played += 1;
    }
    assert_eq!(played, 78);
    assert!(
        wrong.is_empty(),
        "{} of {played} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn play(case: &Path, outcome: &Value) -> Result<(), String> {
    let started = start(case, outcome["started_at_ms"].as_i64().unwrap());
    let name = case.file_name().and_then(|name| name.to_str()).unwrap();
    let mut broker = match started {
        Ok(broker) => broker,
        Err(_) if FAIL.contains(&name) => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    assert!(!FAIL.contains(&name), "it must not be loaded");
    let same = |what: &str, ours: &dyn std::fmt::Debug, kafkas: &dyn std::fmt::Debug| {
        let (ours, kafkas) = (format!("{ours:?}"), format!("{kafkas:?}"));
        if ours == kafkas {
            Ok(())
        } else {
            Err(format!("{what}: {ours}, Kafka's {kafkas}"))
        }
    };
    if outcome["outcome"] == "served" {
        same("failed", &broker.failed, &false)?;
        broker.lead();
        let offsets = &outcome["offsets"];
        same(
            "earliest",
            &broker.log.log_start_offset(),
            &offsets["earliest"].as_i64().unwrap(),
        )?;
        same(
            "latest",
            &broker.log.high_watermark(),
            &offsets["latest"].as_i64().unwrap(),
        )?;
        same(
            "stable",
            &broker.log.last_stable_offset(),
            &offsets["latest_committed"].as_i64().unwrap(),
        )?;
        same(
            "produced",
            &broker.produce(),
            &outcome["produce_after"][0]["offset"].as_i64().unwrap(),
        )?;
        let (offsets, epochs, complete) = broker.read();
        let list = |field: &str| -> Vec<i64> {
            outcome["read"][field]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n.as_i64().unwrap())
                .collect()
        };
        same("read", &offsets, &list("offsets"))?;
        same("epochs read", &epochs, &list("epochs"))?;
        same(
            "read to the end",
            &complete,
            &outcome["read"]["error"].is_null(),
        )?;
        broker.stop();
    } else {
        same("failed", &broker.failed, &true)?;
    }
    let epochs: Vec<String> = broker
        .log
        .leader_epochs()
        .iter()
        .map(|entry| format!("{} {}", entry.epoch, entry.start_offset))
        .collect();
    let recorded: Vec<&str> = outcome["leader_epochs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e.as_str().unwrap())
        .collect();
    same("leader epochs", &epochs, &recorded)?;
    let (ours, recorded) = (broker.files(), recorded_files(outcome));
    let ours: BTreeMap<_, _> = ours
        .into_iter()
        .filter(|(name, _)| name != ".kafka_cleanshutdown" && name != "cleaner-offset-checkpoint")
        .collect();
    let mut differing: Vec<String> = Vec::new();
    for name in ours
        .keys()
        .chain(recorded.keys().filter(|name| !ours.contains_key(*name)))
    {
        if ours.get(name) != recorded.get(name) {
            differing.push(format!(
                "{name} {:?}, Kafka's {:?}",
                ours.get(name),
                recorded.get(name)
            ));
        }
    }
    if differing.is_empty() {
        Ok(())
    } else {
        Err(format!("files: {}", differing.join("; ")))
    }
}

/// The first 16 hex digits of SHA-256 (FIPS 180-4), with which the recordings name contents.
fn sha256(content: &Bytes) -> String {
    let primes = (2u64..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0));
    let primes: Vec<u64> = primes.take(64).collect();
    let root = |n: u64, power: u32| -> u32 {
        // The first 32 bits of the fractional part of the root: floor(n^(1/power) * 2^32) mod 2^32.
        let (mut low, mut high) = (0u128, 1u128 << 40);
        while low + 1 < high {
            let middle = (low + high) / 2;
            let fits = match power {
                2 => middle * middle <= u128::from(n) << 64,
                _ => middle * middle <= (u128::from(n) << 96) / middle,
            };
            (low, high) = if fits { (middle, high) } else { (low, middle) };
        }
        low as u32
    };
    let mut hash: Vec<u32> = primes[..8].iter().map(|n| root(*n, 2)).collect();
    let k: Vec<u32> = primes.iter().map(|n| root(*n, 3)).collect();
    let mut message = content.to_vec();
    message.push(0x80);
    message.resize((message.len() + 8).next_multiple_of(64), 0);
    let end = message.len() - 8;
    message[end..].copy_from_slice(&(content.len() as u64 * 8).to_be_bytes());
    for block in message.chunks(64) {
        let mut w: Vec<u32> = block
            .chunks(4)
            .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        for i in 16..64 {
            let s0 = w[i - 15].rotate_right(7) ^ w[i - 15].rotate_right(18) ^ (w[i - 15] >> 3);
            let s1 = w[i - 2].rotate_right(17) ^ w[i - 2].rotate_right(19) ^ (w[i - 2] >> 10);
            w.push(
                w[i - 16]
                    .wrapping_add(s0)
                    .wrapping_add(w[i - 7])
                    .wrapping_add(s1),
            );
        }
        let mut v = hash.clone();
        for i in 0..64 {
            let s1 = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
            let choice = (v[4] & v[5]) ^ (!v[4] & v[6]);
            let t1 = v[7]
                .wrapping_add(s1)
                .wrapping_add(choice)
                .wrapping_add(k[i])
                .wrapping_add(w[i]);
            let s0 = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
            let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
            v.rotate_right(1);
            v[4] = v[4].wrapping_add(t1);
            v[0] = t1.wrapping_add(s0).wrapping_add(majority);
        }
        for (hash, v) in hash.iter_mut().zip(v) {
            *hash = hash.wrapping_add(v);
        }
    }
    hash[..2].iter().map(|word| format!("{word:08x}")).collect()
}

#[test]
fn sha256_is_right() {
    assert_eq!(sha256(&Bytes::new()), "e3b0c44298fc1c14");
    assert_eq!(sha256(&Bytes::from_static(b"abc")), "ba7816bf8f01cfea");
    assert_eq!(sha256(&Bytes::from(vec![b'a'; 64])), "ffe054fe7ae0cb6d");
    assert_eq!(sha256(&Bytes::from(vec![b'a'; 55])), "9f4390f8d30c2dd9");
    assert_eq!(sha256(&Bytes::from(vec![b'a'; 56])), "b35439a4ac6f0948");
    assert_eq!(sha256(&Bytes::from(vec![b'a'; 63])), "7d3e74a05d7db15b");
}
