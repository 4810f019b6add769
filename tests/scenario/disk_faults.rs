//! Faults of single files: they hit the files that they name, or nobody fits.

use kafka_trial::protocol::Fact;
use kafka_trial::run::{Report, run};
use kafka_trial::scenario::load;

const LOG: &str = "data/t-0/00000000000000000000.log";

/// A run of one broker with the fault in its timeline.
fn run_with(fault: &str) -> Report {
    let text = format!(
        "\
format: 1
name: test
about: One broker, one fault.
duration: 12s
cluster: {{brokers: 1}}
topics:
  t: {{partitions: 1, replication.factor: 1}}
producers:
  trucks: {{topic: t, value: number, every: 500ms, stop: 8s}}
timeline:
  - {{at: 10s, {fault}}}
"
    );
    let plan = load("test.yaml", text.into_bytes(), &[])
        .unwrap_or_else(|error| panic!("{error}"))
        .plan;
    run(&plan, 1).unwrap_or_else(|error| panic!("{error}"))
}

/// What the timeline did, or did not find.
fn told(report: &Report) -> Vec<String> {
    let facts = report.trace.iter().filter_map(|entry| match &entry.fact {
        Fact::TimelineEvent { text, .. } | Fact::NobodyFits { text, .. } => Some(text.to_string()),
        _ => None,
    });
    facts.collect()
}

fn content(report: &Report, path: &str) -> Vec<u8> {
    let files = report.data_directories();
    let found = files.iter().find(|(_, name, _)| name == path);
    found.expect("the file").2.concat()
}

#[test]
fn a_bit_flips_in_the_file_that_is_named_in_part() {
    let before = content(&run_with("heal: everything"), LOG);
    for file in [LOG, "t-0/00000000000000000000.log"] {
        let flipped = run_with(&format!(
            "flip bit: broker-1, file: {file}, position: 70, bit: 3"
        ));
        assert_eq!(told(&flipped), [format!("bit flip of broker-1: {LOG}")]);
        let after = content(&flipped, LOG);
        assert_eq!(after.len(), before.len());
        let differing: Vec<usize> = (0..after.len())
            .filter(|i| after[*i] != before[*i])
            .collect();
        assert_eq!(differing, [70]);
        assert_eq!(after[70], before[70] ^ 8);
    }
}

#[test]
fn a_fault_that_hits_no_file_finds_nobody() {
    for (fault, said) in [
        (
            "flip bit: broker-1, file: data/u-0/00000000000000000000.log, position: 0",
            "\"broker-1\" has no file with \"data/u-0/00000000000000000000.log\" in its path and more than 0 bytes",
        ),
        (
            "flip bit: broker-1, file: t-0/00000000000000000000.log, position: 99999999",
            "\"broker-1\" has no file with \"t-0/00000000000000000000.log\" in its path and more than 99999999 bytes",
        ),
        (
            "fail reads: broker-1, file: nonsense",
            "\"broker-1\" has no file with \"nonsense\" in its path",
        ),
    ] {
        let report = run_with(fault);
        assert_eq!(told(&report), [said]);
        assert!(!report.held(), "{fault}");
        let last = report.outcomes.last().expect("an outcome").to_string();
        assert!(
            last.starts_with("FAILED: every line of the timeline finds its target"),
            "{last}"
        );
        let optional = run_with(&format!("{fault}, optional: true"));
        assert_eq!(told(&optional), [said]);
        assert!(optional.held(), "{fault}");
    }
}

#[test]
fn reads_fail_of_the_files_that_are_named_in_part() {
    let report = run_with("fail reads: broker-1, file: t-0/00000000000000000000.log");
    assert_eq!(told(&report), [format!("read error of broker-1: {LOG}")]);
}
