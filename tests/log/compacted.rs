//! `trial log verify` of compacted directories (RL18): what the cleaner of Kafka 3.9.1 left is healthy
//! (`tests/vectors/README.md`), and what was lost otherwise is not.

use crate::directory::files_below;
use kafka_trial::inspect::verify::verify;
use kafka_trial::log::batch::BatchBuilder;
use std::path::Path;

type Files = Vec<(String, Vec<u8>)>;

/// A partition `t-0` after a clean stop, with one batch a record: its offset, and its key.
fn compacted(records: &[(i64, Option<&str>)]) -> Files {
    let mut log = Vec::new();
    for (offset, key) in records {
        let mut builder = BatchBuilder::new().base_offset(*offset).leader_epoch(0);
        builder.append(0, key.map(str::as_bytes), Some(b"v"), &[]);
        log.extend(builder.build().to_bytes());
    }
    let file = |name: &str, content: Vec<u8>| (name.to_owned(), content);
    let metadata = b"version: 0\ntopic_id: Cq8qGcuZRsS7PR0MzfbjnA".to_vec();
    vec![
        file("meta.properties", b"version=0\nbroker.id=1\n".to_vec()),
        file("t-0/00000000000000000000.index", Vec::new()),
        file("t-0/00000000000000000000.log", log),
        file("t-0/00000000000000000000.timeindex", Vec::new()),
        file("t-0/leader-epoch-checkpoint", b"0\n1\n0 0\n".to_vec()),
        file("t-0/partition.metadata", metadata),
    ]
}

fn found(files: &Files) -> Vec<String> {
    verify(files).iter().map(ToString::to_string).collect()
}

#[test]
fn rl18_what_the_cleaner_leaves_is_healthy() {
    let dirs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/kafka/compacted");
    let mut looked_at = 0;
    for dir in std::fs::read_dir(dirs).unwrap() {
        let dir = dir.unwrap().path();
        let mut files = files_below(&dir);
        assert_eq!(found(&files), [""; 0], "{}", dir.display());
        // Without the file that says what was cleaned, which not every copy has.
        files.retain(|(path, _)| path != "cleaner-offset-checkpoint");
        assert_eq!(found(&files), [""; 0], "{} without it", dir.display());
        looked_at += 1;
    }
    assert!(looked_at >= 2);
}

#[test]
fn rl18_a_gap_is_compactions_where_each_key_stands_once_before_it() {
    let (a, b, c) = (Some("a"), Some("b"), Some("c"));
    for healthy in [
        &[(0, a), (5, b), (9, c)][..],
        &[(3, a), (9, b), (10, a)],
        &[(0, a), (1, b), (2, a), (3, None)],
    ] {
        assert_eq!(found(&compacted(healthy)), [""; 0], "{healthy:?}");
    }
    for lossy in [
        &[(0, a), (1, a), (5, b)][..],
        &[(0, None), (5, a)],
        &[(0, a), (4, b), (5, a), (9, c)],
    ] {
        let found = found(&compacted(lossy));
        assert_eq!(found.len(), 1, "{lossy:?}: {found:?}");
        assert!(found[0].contains("there is a gap"), "{found:?}");
    }
}

#[test]
fn rl18_holes_at_a_segments_border_are_healthy_too() {
    let mut files = compacted(&[(0, Some("a")), (7, Some("b"))]);
    for (suffix, content) in [("index", &[][..]), ("log", &[]), ("timeindex", &[])] {
        let name = format!("t-0/00000000000000000040.{suffix}");
        files.push((name, content.to_vec()));
    }
    files.push((
        "replication-offset-checkpoint".into(),
        b"0\n1\nt 0 40\n".to_vec(),
    ));
    assert_eq!(found(&files), [""; 0]);
    // The same behind records that no cleaner would leave.
    let log = compacted(&[(0, None), (7, None)]).remove(2).1;
    files[2].1 = log;
    assert_eq!(found(&files).len(), 2, "{:?}", found(&files));
}
