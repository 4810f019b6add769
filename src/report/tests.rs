//! Whole reports of one made-up run that fails.

use super::{
    Account, Ending, Evidence, ShowZooKeeper, Suite, Told, json, junit, output_files, summary,
    verdict_line,
};
use crate::check::testing::{Scene, acked, consumed, record_id, state, tp};
use crate::check::{Judgement, Outcome, Violation};
use crate::kernel::Time;
use crate::node::view::TopicView;
use crate::plan::{ConsumerPlan, Plan, ProducerPlan};
use crate::protocol::{Fact, TopicId};
use crate::trace::{Observer, Style};
use bytes::Bytes;

/// A run in which broker-2 leads outside the ISR.
struct Failed {
    plan: Plan,
    scene: Scene,
    told: Told,
    evidence: Evidence,
    outcomes: Vec<Outcome>,
    violations: Vec<Violation>,
    figures: Vec<(&'static str, String)>,
}

impl Failed {
    fn new() -> Self {
        let mut scene = Scene::new();
        scene.topic(TopicView {
            name: "t".into(),
            topic_id: TopicId([1; 16]),
            partition_count: 1,
            replication_factor: 2,
            configs: vec![("min.insync.replicas".to_owned(), "2".to_owned())],
        });
        scene.commit("t-0", 2, &[1]);
        let leader = scene.replica_mut(2, "t-0");
        (leader.is_leader, leader.high_watermark) = (true, 1);
        let mut trace = vec![
            scene.fact("broker-2", Fact::Started),
            scene.fact(
                "trucks-1",
                Fact::RecordCreated {
                    record: record_id("trucks-1#0"),
                    partition: tp("t-0"),
                    content: 1,
                    waited_ns: 0,
                },
            ),
            scene.fact("trucks-1", acked("trucks-1#0", "t-0", 0, "a")),
            scene.fact("dashboard", consumed("t-0", 0, "a")),
            scene.fact("broker-2", state("t-0", 2, 1, &[1])),
        ];
        trace[4].time = Time(2_000_000_000);
        let violation = Violation {
            property: "a leader is in its ISR",
            sentence: "t-0 is led by broker-2, its ISR is [1]".to_owned(),
            event: Some(trace[4].event),
            time: Some(trace[4].time),
            nodes: vec!["broker-2".into()],
            partition: Some(tp("t-0")),
            contents: Vec::new(),
        };
        let mut evidence = Evidence::of(&violation);
        trace.iter().for_each(|entry| evidence.fact(entry));
        let outcome = |sentence: &str, held, figures: &str| Outcome {
            sentence: sentence.to_owned(),
            judgement: if held {
                Judgement::Held
            } else {
                Judgement::Failed
            },
            figures: figures.to_owned(),
            because: held.then(|| "acks is all".to_owned()),
        };
        Failed {
            plan: Plan::new("made-up")
                .about("Something breaks.")
                .producer(ProducerPlan::new("trucks", "t").count(1))
                .consumer(ConsumerPlan::new("dashboard", "t")),
            scene,
            told: Account::of(&trace, false),
            evidence,
            outcomes: vec![
                outcome(
                    "no acknowledged record is lost",
                    true,
                    "1 acknowledged, all 1 still there",
                ),
                outcome("records read by dashboard: 2", false, "1 read"),
            ],
            violations: vec![violation],
            figures: vec![
                ("a leader is in its ISR", "1 state".to_owned()),
                ("no offset is used twice", "1 read".to_owned()),
            ],
        }
    }

    fn ending(&self) -> Ending<'_> {
        Ending {
            zookeeper: ShowZooKeeper::Nothing,
            plan: &self.plan,
            file: "made-up.yaml",
            seed: 7,
            digest: 0xabc,
            events: 12,
            messages: 9,
            end: Time(60_000_000_000),
            told: &self.told,
            evidence: Some(&self.evidence),
            view: &self.scene,
            outcomes: &self.outcomes,
            violations: &self.violations,
            figures: &self.figures,
            remarks: &[],
            stopped: None,
            repeat: "trial run made-up --seed 7",
        }
    }
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "../../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn a_failing_run_ends_with_what_broke_and_how_to_repeat_it() {
    let failed = Failed::new();
    let text = summary(&failed.ending(), Style::default(), false);
    assert!(text.starts_with("seed 7\n"));
    assert!(text.ends_with("repeat it with\n  trial run made-up --seed 7\n"));
    snapshot("report_summary_of_a_failing_run", &text);
    let quiet = summary(&failed.ending(), Style::default(), true);
    assert!(
        !quiet.contains("kafka-topics") && quiet.contains("BROKEN"),
        "{quiet}"
    );
    assert!(verdict_line(&failed.ending(), 9).starts_with("FAILED  made-up    seed 7  1 of"));
}

#[test]
fn the_json_document_says_the_same() {
    let failed = Failed::new();
    snapshot(
        "report_json_of_a_failing_run",
        &format!("{:#}", json(&failed.ending())),
    );
}

#[test]
fn junit_counts_expectations_and_properties() {
    let failed = Failed::new();
    let document = junit(&[
        Suite::of(&failed.ending()),
        Suite::error("other", "no such file"),
    ]);
    snapshot("report_junit_of_a_failing_run", &document);
}

#[test]
fn a_run_that_held_ends_with_its_digest() {
    let mut held = Failed::new();
    held.violations.clear();
    held.outcomes.remove(1);
    let text = summary(&held.ending(), Style::default(), false);
    assert!(!text.contains("repeat it"), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("digest 0000000000000abc"), "{last}");
}

#[test]
fn output_files_hold_documents_and_disks() {
    let failed = Failed::new();
    let log = vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")];
    let disks = [(
        2,
        "data/t-0/00000000000000000000.log".to_owned(),
        log.clone(),
    )];
    let files: Vec<_> = output_files(&failed.ending(), "format: 1\n", disks).collect();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "plan.yaml",
            "transcript.txt",
            "kafka-topics.txt",
            "kafka-get-offsets.txt",
            "kafka-consumer-groups.txt",
            "report.txt",
            "report.json",
            "brokers/broker-2/data/t-0/00000000000000000000.log"
        ]
    );
    assert_eq!(files[0].1.concat(), b"format: 1\n");
    assert_eq!(files[3].1.concat(), b"t:0:1\n");
    assert_eq!(files.last().unwrap().1, log);
}
