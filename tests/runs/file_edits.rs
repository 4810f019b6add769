//! Files of a node that is down, changed by hand: the usual cures, and the usual mistakes. What comes of it is
//! told, and no broker is blamed for it.

use kafka_trial::protocol::Fact;
use kafka_trial::run::{Report, run};
use kafka_trial::scenario;

const CLUSTER: &str = "
format: 1
name: by-hand
about: Somebody changes a file of a broker that is down.
duration: 60s
cluster: {zookeeper: 1, brokers: 2, config: {log.index.interval.bytes: 200}}
topics:
  t: {assignment: [[1, 2]], config: {segment.bytes: 1000, retention.ms: -1}}
producers:
  p: {topic: t, value: {bytes: 100B}, every: 500ms, acks: all}
";

/// Broker 2, which follows, goes down, is changed, and is started again once its session is over.
fn timeline(down: &str, edit: &str) -> String {
    format!(
        "{CLUSTER}
timeline:
  - {{at: 20s, {down}: broker-2}}
  - {{at: 25s, {edit}}}
  - {{at: 40s, restart: broker-2}}
"
    )
}

fn run_to_the_end(text: &str, what: &str) -> Report {
    let loaded = scenario::load("by-hand.yaml", text.as_bytes().to_vec(), &[]);
    let plan = loaded
        .unwrap_or_else(|error| panic!("{what}: {error}"))
        .plan;
    let report = run(&plan, plan.seed).expect("a plan that can be built");
    assert_eq!(report.violations, [], "{what}");
    assert_eq!(report.stopped, None, "{what}");
    report
}

fn edited(down: &str, edit: &str) -> Report {
    run_to_the_end(&timeline(down, edit), edit)
}

/// What broker 2 said of its second start, in words.
fn start(report: &Report) -> Vec<String> {
    let edit = report.trace.iter().rposition(
        |entry| matches!(&entry.fact, Fact::TimelineEvent { text, .. } if text.contains("by hand")),
    );
    let after = &report.trace[edit.expect("the file was changed")..];
    let of_broker = after.iter().filter(|entry| &*entry.node == "broker-2");
    let told = |fact: &Fact| match fact {
        Fact::Serving => Some("serves".to_owned()),
        Fact::Exiting { status, why } => Some(format!("exits {status}: {why}")),
        Fact::LogDirFailed { why } => Some(format!("directory fails: {why}")),
        Fact::LogRepaired { what, .. } => Some(what.to_string()),
        Fact::SegmentScanned { base_offset, .. } => Some(format!("scans {base_offset}")),
        _ => None,
    };
    of_broker.filter_map(|entry| told(&entry.fact)).collect()
}

fn begins(said: &[String], how: &str) -> bool {
    said.iter().any(|step| step.starts_with(how))
}

const FILE: &str = "data/t-0/00000000000000000000";

#[test]
fn meta_properties_that_is_gone_or_empty_is_made_anew_and_anothers_is_refused() {
    for edit in [
        "delete file: broker-2, file: data/meta.properties",
        "truncate file: broker-2, file: data/meta.properties, size: 0",
    ] {
        let report = edited("stop", edit);
        assert!(begins(&start(&report), "serves"), "{edit}");
        let mut files = report.data_directories().into_iter();
        let meta = files.find(|(id, path, _)| *id == 2 && path.ends_with("meta.properties"));
        let meta = String::from_utf8(meta.unwrap().2.concat()).unwrap();
        assert!(meta.contains("broker.id=2"), "{meta}");
    }
    for text in [
        "broker.id=7\\n",
        "broker.id=two\\n",
        "broker.id=2\\ncluster.id=x\\n",
    ] {
        let text = format!("version=0\\n{text}");
        let edit = format!("write file: broker-2, file: data/meta.properties, text: \"{text}\"");
        let said = start(&edited("stop", &edit));
        assert!(begins(&said, "exits 1"), "{text}: {said:?}");
    }
}

#[test]
fn checkpoints_that_are_gone_are_found_anew_and_garbage_costs_the_directory() {
    let delete = |file| format!("delete file: broker-2, file: data/{file}");
    for file in [
        "recovery-point-offset-checkpoint",
        "log-start-offset-checkpoint",
        "replication-offset-checkpoint",
    ] {
        let said = start(&edited("crash", &delete(file)));
        assert!(begins(&said, "serves"), "{file}: {said:?}");
        assert!(begins(&said, "scans 0"), "{file}: {said:?}");
        let garbage = format!("write file: broker-2, file: data/{file}, text: \"0\\n1\\nt\\n\"");
        let said = start(&edited("crash", &garbage));
        assert!(begins(&said, "exits 1"), "{file}: {said:?}");
    }
}

#[test]
fn an_index_that_is_gone_is_made_anew_also_after_a_clean_stop() {
    let said = start(&edited(
        "stop",
        &format!("delete file: broker-2, file: {FILE}.index"),
    ));
    assert!(begins(&said, "segment 0 has no usable index"), "{said:?}");
    assert!(begins(&said, "serves"), "{said:?}");
    let said = start(&edited(
        "stop",
        &format!("delete file: broker-2, file: {FILE}.timeindex"),
    ));
    assert_eq!(said, ["serves"]);
}

#[test]
fn a_segment_that_is_cut_is_repaired_only_after_a_crash() {
    let cut = format!("truncate file: broker-2, file: {FILE}.log, size: 300");
    let said = start(&edited("crash", &cut));
    assert!(begins(&said, "cut"), "{said:?}");
    assert!(begins(&said, "serves"), "{said:?}");
    // After a clean stop nobody looks, and what is gone stays gone: the plan says so.
    let expects = "expect: [\"offsets at which replicas differ: at least 1\"]";
    let report = run_to_the_end(&format!("{}\n{expects}\n", timeline("stop", &cut)), &cut);
    assert_eq!(start(&report), ["serves"]);
    assert!(report.held());
}

/// The log start moves, as it does with retention; nobody has to answer for it.
#[test]
fn a_segment_that_is_deleted_moves_the_log_start_and_no_broker_is_blamed() {
    for down in ["stop", "crash"] {
        let delete = format!("delete file: broker-2, file: {FILE}.log");
        let report = edited(down, &delete);
        let said = start(&report);
        assert!(
            begins(&said, "deleted 00000000000000000000.index"),
            "{down}: {said:?}"
        );
        assert!(begins(&said, "serves"), "{down}: {said:?}");
        // It leads, and the other's log begins where its own does.
        let leads = "  - {at: 50s, stop: broker-1}\n";
        let report = run_to_the_end(&format!("{}{leads}", timeline(down, &delete)), down);
        assert!(report.held(), "{down}");
    }
    let all = "delete file: broker-2, file: data/t-0/";
    let said = start(&edited("stop", all));
    assert!(begins(&said, "serves"), "{said:?}");
}

#[test]
fn files_of_a_running_node_and_files_that_are_not_there_are_left_alone() {
    for edit in [
        "delete file: broker-1, file: data/meta.properties",
        "delete file: broker-2, file: data/nothing",
        "truncate file: broker-2, file: data/meta.properties, size: 5000",
    ] {
        let report = edited("stop", &format!("{edit}, optional: true"));
        let nobody = report
            .trace
            .iter()
            .any(|entry| matches!(&entry.fact, Fact::NobodyFits { optional: true, .. }));
        assert!(nobody, "{edit}");
    }
}
