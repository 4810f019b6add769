//! Situations that people who run Kafka met and told, each with what real Kafka does in it (3.9.1: seen in a
//! cluster of its own, or said by its source).

use kafka_trial::protocol::Fact;
use kafka_trial::run::{Report, run};
use kafka_trial::{Scenario, scenario};

const META_PROPERTIES: &str = include_str!("reported/meta-properties.yaml");
const TOLD_WRONG: &str = include_str!("reported/told-wrong.yaml");
const PRODUCER_CLOCK: &str = include_str!("reported/producer-clock.yaml");
const TABLES: &str = include_str!("reported/tables-from-zookeeper.yaml");
const CONTROLLER_EPOCH: &str = include_str!("reported/controller-epoch.yaml");

/// Runs it to its end, where everything must have held.
fn play(text: &str) -> Report {
    let loaded = scenario::load("reported.yaml", text.as_bytes().to_vec(), &[]);
    let plan = loaded.expect("a scenario that can be read").plan;
    let report = run(&plan, plan.seed).expect("a plan that can be built");
    assert_eq!(report.stopped, None);
    assert!(report.held(), "{:?}", report.violations);
    report
}

fn told(text: &str) -> (String, String) {
    let report = Scenario::from_str(text).unwrap().run().unwrap();
    report.assert_held();
    (report.transcript(), report.tables())
}

fn count(report: &Report, is_it: impl Fn(&Fact) -> bool) -> usize {
    let facts = report.trace.iter();
    facts.filter(|entry| is_it(&entry.fact)).count()
}

fn file(report: &Report, broker: i32, name: &str) -> String {
    let mut files = report.data_directories().into_iter();
    let file = files.find(|(id, path, _)| *id == broker && path.ends_with(name));
    let (_, _, chunks) = file.unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8(chunks.concat()).unwrap()
}

#[test]
fn a_broker_writes_its_id_where_meta_properties_says_none() {
    for said in [
        "version=0\\n",
        "version=0\\nnode.id=7\\n",
        "",
        "cluster.id=\\n",
    ] {
        let text = META_PROPERTIES.replace("version=0\\n", said);
        let is_refused = said.starts_with("cluster");
        let loaded = scenario::load("meta.yaml", text.into_bytes(), &[]);
        let plan = loaded.expect("a scenario that can be read").plan;
        let report = run(&plan, plan.seed).expect("a plan that can be built");
        let serving = count(&report, |fact| *fact == Fact::Serving);
        assert_eq!(serving, usize::from(!is_refused), "{said}");
        if !is_refused {
            let meta = file(&report, 1, "meta.properties");
            assert!(meta.contains("\nbroker.id=1\n"), "{said}: {meta}");
        }
    }
}

#[test]
fn nothing_waits_where_only_the_preferred_replica_is_down() {
    let (transcript, _) = told(TOLD_WRONG);
    assert!(
        transcript.contains("PREFERRED_LEADER_NOT_AVAILABLE"),
        "{transcript}"
    );
    assert!(
        !transcript.contains("reads and writes wait"),
        "{transcript}"
    );
    let report = play(TOLD_WRONG);
    assert_eq!(
        count(&report, |fact| matches!(fact, Fact::Failed { .. })),
        0
    );
    // Here they do: who stops is the only one in sync.
    let alone = TOLD_WRONG.replace("elect preferred leader: t-0", "stop: broker-2");
    let (transcript, _) = told(&alone);
    assert!(transcript.contains("wait"), "{transcript}");
}

#[test]
fn records_in_flight_fail_where_the_producers_clock_steps_past_their_time() {
    let timeouts = |text: &str| {
        let loaded = scenario::load("clock.yaml", text.as_bytes().to_vec(), &[]);
        let plan = loaded.expect("a scenario that can be read").plan;
        let report = run(&plan, plan.seed).expect("a plan that can be built");
        assert_eq!(report.violations, []);
        count(
            &report,
            |fact| matches!(fact, Fact::Failed { exception, .. } if &**exception == "TimeoutException"),
        )
    };
    assert!(timeouts(PRODUCER_CLOCK) > 0);
    play(PRODUCER_CLOCK);
    for by in ["1m", "-3m", "-600d"] {
        let text = PRODUCER_CLOCK.replace("by: 3m", &format!("by: {by}"));
        assert_eq!(timeouts(&text), 0, "{by}");
    }
    // Every clock of the machine is another's business.
    let text = PRODUCER_CLOCK.replace("jump clock: p", "jump clock: broker-1");
    assert_eq!(timeouts(&text), 0);
}

#[test]
fn a_topic_whose_znodes_are_deleted_is_served_and_listed() {
    let (_, tables) = told(TABLES);
    assert!(tables.contains("Topic: t\t"), "{tables}");
    assert!(tables.contains("t:0:"), "{tables}");
    // Half of them, and all of both topics.
    let (_, tables) = told(&TABLES.replace(
        "  - {at: 13s, client: zk, ask zookeeper: delete /brokers/topics/t}\n",
        "",
    ));
    assert!(tables.contains("Topic: t\t"), "{tables}");
}

#[test]
fn a_run_goes_on_where_zookeepers_past_is_lost_by_plan() {
    play(CONTROLLER_EPOCH);
    // Not every wipe is of all servers: two of three remember.
    let three = CONTROLLER_EPOCH
        .replace("zookeeper: 1", "zookeeper: 3")
        .replace("restart: broker-2}", "restart: broker-2, optional: true}");
    let report = play(&three);
    assert!(count(&report, |fact| *fact == Fact::Serving) >= 2);
}
