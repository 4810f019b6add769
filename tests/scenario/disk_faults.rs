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

/// Every action that has nodes, with what it needs beside them, and which of the kinds below it takes.
const ACTIONS: &[(&str, &str, [bool; 6])] = &[
    ("crash", "", ALL),
    ("power failure", "", ALL),
    ("restart", "", ALL),
    ("upgrade", ", set: {num.io.threads: 4}", BROKERS),
    ("pause", "", ALL),
    ("resume", "", ALL),
    ("stop", "", ALL),
    ("cut link", ", to: broker-2", ALL),
    ("isolate", "", ALL),
    ("slow link", ", to: broker-2, by: 5ms", ALL),
    ("throttle link", ", to: broker-2, rate: 1MB/s", ALL),
    ("stall link", ", to: broker-2", ALL),
    ("reset link", ", to: broker-2", ALL),
    ("lose message", ", to: broker-2", ALL),
    ("slow disk", ", times: 10", WITH_DISK),
    ("fill disk", "", WITH_DISK),
    ("fail reads", ", file: t-0", WITH_DISK),
    ("flip bit", ", file: t-0, position: 70", WITH_DISK),
    ("hang sync", "", WITH_DISK),
    ("fail sync", "", WITH_DISK),
    ("wipe disk", "", WITH_DISK),
    ("delete file", ", file: data/t-0/x", WITH_DISK),
    ("truncate file", ", file: data/t-0/x, size: 1", WITH_DISK),
    ("write file", ", file: data/t-0/x, text: x", WITH_DISK),
    ("jump clock", ", by: 5s", ALL),
    ("drift clock", ", ppm: 10", ALL),
    ("slow machine", ", times: 10", ALL),
    ("heal", "", ALL),
];
const KINDS: [&str; 6] = ["broker-1", "zookeeper-1", "p", "c", "shell", "all clients"];
const ALL: [bool; 6] = [true; 6];
const WITH_DISK: [bool; 6] = [true, true, false, false, false, false];
const BROKERS: [bool; 6] = [true, false, false, false, false, false];

#[test]
fn what_is_done_to_a_node_that_cannot_suffer_it_is_refused_where_it_stands() {
    for (action, more, takes) in ACTIONS {
        for (kind, takes) in KINDS.iter().zip(takes) {
            let line = format!("  - {{at: 10s, {action}: {kind}{more}}}");
            let text = format!(
                "format: 1\nname: test\nabout: All kinds of nodes.\nduration: 12s\n\
                 cluster: {{brokers: 2}}\ntopics:\n  t: {{partitions: 1}}\n\
                 producers:\n  p: {{topic: t, every: 1s}}\nconsumers:\n  c: {{topics: [t]}}\n\
                 zookeeper_clients:\n  shell: {{}}\ntimeline:\n{line}\n"
            );
            match load("test.yaml", text.into_bytes(), &[]) {
                Ok(_) => assert!(takes, "{line} is taken"),
                Err(error) => {
                    assert!(!takes, "{line}: {error}");
                    let column = line.find(&format!(" {kind}")).expect("it is there") + 2;
                    let place = format!("error: test.yaml:15:{column}: ");
                    let error = error.to_string();
                    assert!(error.starts_with(&place), "{line}: {error}");
                    assert!(error.contains("expected brokers"), "{line}: {error}");
                }
            }
        }
    }
}
