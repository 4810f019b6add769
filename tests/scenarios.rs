//! Every shipped scenario, run as a user runs it: what it prints is a reviewed snapshot, it prints the
//! same in every process, and its digest stands in one file with all the others.

use kafka_trial::campaign::catalogue::shown_by;
use kafka_trial::plan::{Plan, Role, Targets};
use kafka_trial::protocol::Fact;
use kafka_trial::scenario::{load, to_yaml};
use kafka_trial::trace::{TraceEntry, TraceHeader, diff, write_json_lines};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every scenario file by its name, sorted.
fn scenarios() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in std::fs::read_dir(root().join("scenarios")).unwrap() {
        let dir = dir.unwrap().path();
        // What stands beside the folders, such as the schema, is none.
        let inside = std::fs::read_dir(dir).into_iter().flatten();
        for file in inside {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "yaml") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() >= 13, "the shipped scenarios are there");
    files
}

/// Exit status and standard output of `trial run`, in a process of its own.
fn run(file: &Path) -> (Option<i32>, String) {
    let shown = file.strip_prefix(root()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_trial"))
        .current_dir(root())
        .arg("run")
        .arg(shown)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("text"),
    )
}

fn file_of(path: &str) -> PathBuf {
    root().join("scenarios").join(format!("{path}.yaml"))
}

fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

fn plan_of(file: &Path) -> Plan {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).expect("the scenario");
    let loaded = load(&name, bytes, &[]).unwrap_or_else(|error| panic!("{error}"));
    loaded.plan
}

/// A test a scenario.
macro_rules! each {
    ($($name:ident: $path:literal,)*) => {
        const EACH: &[&str] = &[$($path),*];
        $(
            #[test]
            fn $name() {
                holds_and_is_the_same_again($path);
            }
        )*
    };
}

each! {
    activity_tracking: "01-first-steps/activity-tracking",
    first_steps: "01-first-steps/first-steps",
    log_aggregation: "01-first-steps/log-aggregation",
    many_to_many: "01-first-steps/many-to-many",
    metrics: "01-first-steps/metrics",
    ride_pricing: "01-first-steps/ride-pricing",
    delete_records: "02-topics-and-partitions/delete-records",
    order_within_a_partition: "02-topics-and-partitions/order-within-a-partition",
    reader_away_longer_than_retention: "02-topics-and-partitions/reader-away-longer-than-retention",
    retention_by_size: "02-topics-and-partitions/retention-by-size",
    retention_by_time: "02-topics-and-partitions/retention-by-time",
    timestamps_in_seconds: "02-topics-and-partitions/timestamps-in-seconds",
    topic_by_mistake: "02-topics-and-partitions/topic-by-mistake",
    leader_crash: "03-truck-gps/leader-crash",
    partition_added: "03-truck-gps/partition-added",
    truck_gps_100: "03-truck-gps/truck-gps-100",
    truck_gps_groups: "03-truck-gps/truck-gps-groups",
    truck_gps: "03-truck-gps/truck-gps",
    truck_map: "03-truck-gps/truck-map",
    explicit_partition: "04-keys/explicit-partition",
    key_skew: "04-keys/key-skew",
    null_keys: "04-keys/null-keys",
    same_key_same_partition: "04-keys/same-key-same-partition",
    anatomy_of_a_message: "05-messages/anatomy-of-a-message",
    every_serializer: "05-messages/every-serializer",
    disk_fills: "05-storage/disk-fills",
    where_a_message_lies: "05-storage/where-a-message-lies",
    wrong_broker_id: "05-storage/wrong-broker-id",
    compatible_schema_change: "06-serialization/compatible-schema-change",
    incompatible_schema_change: "06-serialization/incompatible-schema-change",
    poison_record_dead_letter: "06-serialization/poison-record-dead-letter",
    poison_record_skipped: "06-serialization/poison-record-skipped",
    poison_record_stuck: "06-serialization/poison-record-stuck",
    registry_down: "06-serialization/registry-down",
    schema_change_without_a_registry: "06-serialization/schema-change-without-a-registry",
    schema_in_every_message: "06-serialization/schema-in-every-message",
    wrong_deserializer: "06-serialization/wrong-deserializer",
    as_many_members_as_partitions: "07-groups/as-many-members-as-partitions",
    cooperative_rebalance: "07-groups/cooperative-rebalance",
    describe_a_group: "07-groups/describe-a-group",
    eager_rebalance: "07-groups/eager-rebalance",
    fewer_members_than_partitions: "07-groups/fewer-members-than-partitions",
    member_crashes: "07-groups/member-crashes",
    member_joins_and_leaves: "07-groups/member-joins-and-leaves",
    more_members_than_partitions: "07-groups/more-members-than-partitions",
    slow_member_polls_on: "07-groups/slow-member-polls-on",
    slow_member: "07-groups/slow-member",
    static_member_restarts: "07-groups/static-member-restarts",
    topics_by_pattern: "07-groups/topics-by-pattern",
    two_groups: "07-groups/two-groups",
    auto_commit_and_a_crash: "08-commits/auto-commit-and-a-crash",
    commit_after_processing: "08-commits/commit-after-processing",
    commit_before_processing: "08-commits/commit-before-processing",
    committed_offset_expires: "08-commits/committed-offset-expires",
    crash_after_the_commit: "08-commits/crash-after-the-commit",
    crash_before_processing: "08-commits/crash-before-processing",
    crash_before_the_commit: "08-commits/crash-before-the-commit",
    failure_and_auto_commit: "08-commits/failure-and-auto-commit",
    partitions_by_hand: "08-commits/partitions-by-hand",
    read_again: "08-commits/read-again",
    sent_on_twice: "08-commits/sent-on-twice",
    text_message_twice: "08-commits/text-message-twice",
    retries_twice_or_once: "09-delivery/retries-twice-or-once",
    acks_and_min_insync: "10-acks/acks-and-min-insync",
    advertised_localhost: "11-bootstrap/advertised-localhost",
    dead_first_server: "11-bootstrap/dead-first-server",
    one_name: "11-bootstrap/one-name",
    only_known_server_down: "11-bootstrap/only-known-server-down",
    stale_list: "11-bootstrap/stale-list",
    acks_1_loss: "12-leaders-and-isr/acks-1-loss",
    closest_replica: "12-leaders-and-isr/closest-replica",
    controller_crash: "12-leaders-and-isr/controller-crash",
    corrupt_middle: "12-leaders-and-isr/corrupt-middle",
    crash_in_recovery: "12-leaders-and-isr/crash-in-recovery",
    disk_full: "12-leaders-and-isr/disk-full",
    follower_crash: "12-leaders-and-isr/follower-crash",
    hanging_disk_killed: "12-leaders-and-isr/hanging-disk-killed",
    hanging_disk: "12-leaders-and-isr/hanging-disk",
    leader_cut_from_followers: "12-leaders-and-isr/leader-cut-from-followers",
    leader_cut_from_zookeeper: "12-leaders-and-isr/leader-cut-from-zookeeper",
    leader_returns: "12-leaders-and-isr/leader-returns",
    min_insync_refused: "12-leaders-and-isr/min-insync-refused",
    paused_leader: "12-leaders-and-isr/paused-leader",
    power_failure_of_all_flushed: "12-leaders-and-isr/power-failure-of-all-flushed",
    power_failure_of_all: "12-leaders-and-isr/power-failure-of-all",
    power_failure_of_one_flushed: "12-leaders-and-isr/power-failure-of-one-flushed",
    power_failure_of_one: "12-leaders-and-isr/power-failure-of-one",
    producer_clock: "12-leaders-and-isr/producer-clock",
    slow_disk: "12-leaders-and-isr/slow-disk",
    stale_metadata: "12-leaders-and-isr/stale-metadata",
    torn_write: "12-leaders-and-isr/torn-write",
    throughput_over_partitions: "13-performance/throughput-over-partitions",
    under_ten_milliseconds: "13-performance/under-ten-milliseconds",
    broker_back_before_its_session_ends: "14-zookeeper/broker-back-before-its-session-ends",
    broker_paused_past_its_session: "14-zookeeper/broker-paused-past-its-session",
    clients_cut_from_zookeeper: "14-zookeeper/clients-cut-from-zookeeper",
    controller_session_expires: "14-zookeeper/controller-session-expires",
    groups_without_zookeeper: "14-zookeeper/groups-without-zookeeper",
    zookeeper_extra_transaction: "14-zookeeper/zookeeper-extra-transaction",
    zookeeper_follower_crash: "14-zookeeper/zookeeper-follower-crash",
    zookeeper_follower_long_away: "14-zookeeper/zookeeper-follower-long-away",
    zookeeper_four_servers: "14-zookeeper/zookeeper-four-servers",
    zookeeper_leader_crash: "14-zookeeper/zookeeper-leader-crash",
    zookeeper_leader_cut_off: "14-zookeeper/zookeeper-leader-cut-off",
    zookeeper_quorum_lost: "14-zookeeper/zookeeper-quorum-lost",
    zookeeper_role: "14-zookeeper/zookeeper-role",
    zookeeper_session_moves: "14-zookeeper/zookeeper-session-moves",
    zookeeper_stale_read: "14-zookeeper/zookeeper-stale-read",
    b01_cut_to_the_high_watermark: "bugs/b01-cut-to-the-high-watermark",
    b02_both_lose_power: "bugs/b02-both-lose-power",
    b03_an_end_without_its_epoch: "bugs/b03-an-end-without-its-epoch",
    b04_an_epoch_without_a_start: "bugs/b04-an-epoch-without-a-start",
    b05_missed_epochs: "bugs/b05-missed-epochs",
    b06_zombie_follower: "bugs/b06-zombie-follower",
    b08_the_follower_that_never_fetches: "bugs/b08-the-follower-that-never-fetches",
    b09_high_watermark_before_the_cut: "bugs/b09-high-watermark-before-the-cut",
    b10_a_mark_before_the_start: "bugs/b10-a-mark-before-the-start",
    b12_the_leaders_word_alone: "bugs/b12-the-leaders-word-alone",
    b13_an_election_in_peace: "bugs/b13-an-election-in-peace",
    b14_a_leader_from_outside: "bugs/b14-a-leader-from-outside",
    b15_one_copy_is_enough: "bugs/b15-one-copy-is-enough",
    b16_the_last_one_standing: "bugs/b16-the-last-one-standing",
    b18_every_copy_in_memory: "bugs/b18-every-copy-in-memory",
    b19_stored_and_refused: "bugs/b19-stored-and-refused",
    b20_a_smaller_isr_before_its_time: "bugs/b20-a-smaller-isr-before-its-time",
    b22_a_question_that_nobody_asks: "bugs/b22-a-question-that-nobody-asks",
    b23_nobody_looks_again: "bugs/b23-nobody-looks-again",
    b26_zombie_controller: "bugs/b26-zombie-controller",
    b27_obeyed_after_its_time: "bugs/b27-obeyed-after-its-time",
    b28_sent_to_its_earlier_life: "bugs/b28-sent-to-its-earlier-life",
    b29_stopped_by_an_old_request: "bugs/b29-stopped-by-an-old-request",
    b30_half_a_transition: "bugs/b30-half-a-transition",
    b31_a_leader_that_nobody_follows: "bugs/b31-a-leader-that-nobody-follows",
    b36_retry_stored_twice: "bugs/b36-retry-stored-twice",
    b37_retries_out_of_order: "bugs/b37-retries-out-of-order",
    b38_application_sends_again: "bugs/b38-application-sends-again",
    b44_commit_before_processing: "bugs/b44-commit-before-processing",
    b45_commit_after_processing: "bugs/b45-commit-after-processing",
    b46_two_process_the_same: "bugs/b46-two-process-the-same",
    b47_close_commits_what_nobody_did: "bugs/b47-close-commits-what-nobody-did",
    b48_latest_skips_a_new_partition: "bugs/b48-latest-skips-a-new-partition",
    b49_commits_forgotten: "bugs/b49-commits-forgotten",
    b50_offsets_of_a_living_group_expire: "bugs/b50-offsets-of-a-living-group-expire",
    b51_claims_of_a_lost_generation: "bugs/b51-claims-of-a-lost-generation",
    b52_retention_passes_a_reader: "bugs/b52-retention-passes-a-reader",
    b53_out_of_range_at_a_follower: "bugs/b53-out-of-range-at-a-follower",
    b54_another_record_at_its_offset: "bugs/b54-another-record-at-its-offset",
    b55_late_unload: "bugs/b55-late-unload",
    b57_marker_outlives_a_start: "bugs/b57-marker-outlives-a-start",
    b58_retention_above_the_high_watermark: "bugs/b58-retention-above-the-high-watermark",
    b59_epochs_never_reached_the_disk: "bugs/b59-epochs-never-reached-the-disk",
    b62_no_trunc: "bugs/b62-no-trunc",
    b63_write_of_a_moved_session: "bugs/b63-write-of-a-moved-session",
    b64_acknowledged_before_it_was_written: "bugs/b64-acknowledged-before-it-was-written",
    zk_2845_uncommitted_history_survives: "bugs/zk-2845-uncommitted-history-survives",
    zk_3911_logged_when_it_serves: "bugs/zk-3911-logged-when-it-serves",
}

#[test]
fn every_scenario_has_its_test() {
    let files: Vec<PathBuf> = EACH.iter().map(|path| file_of(path)).collect();
    assert_eq!(files, scenarios());
}

/// It prints what its reviewed snapshot says and holds. What `--out` writes as the plan names nodes instead
/// of roles, and is the same run, whose trace reads back.
fn holds_and_is_the_same_again(path: &str) {
    let file = file_of(path);
    let name = file.file_stem().unwrap().to_str().unwrap();
    let mut plan = plan_of(&file);
    let first = kafka_trial::run::run(&plan, plan.seed).unwrap();
    let (status, printed) = run(&file);
    // One that shows a bug is to break, by what its entry says (tests/catalogue.rs).
    let expected = Some(i32::from(shown_by(name).is_some()));
    assert_eq!(status, expected, "it does not hold:\n{printed}");
    let digest = format!("digest {:016x}", first.digest);
    let is_digest = |line: &&str| line.starts_with("digest ");
    let (digests, transcript): (Vec<&str>, Vec<&str>) = printed.lines().partition(is_digest);
    assert!(
        digests.len() == 1 && digests[0].starts_with(&digest),
        "another process: {digests:?}, here: {digest}"
    );
    let transcript: String = transcript.iter().map(|line| format!("{line}\n")).collect();
    snapshots().bind(|| insta::assert_snapshot!(format!("run@{name}"), transcript));

    let yaml = to_yaml(&first.plan_as_run);
    let mut recorded = load("plan.yaml", yaml.clone().into_bytes(), &[])
        .unwrap_or_else(|error| panic!("{error}\n{yaml}"))
        .plan;
    assert_eq!(recorded, first.plan_as_run, "{yaml}");
    let again = kafka_trial::run::run(&recorded, recorded.seed).unwrap();
    assert_eq!(again.digest, first.digest);
    assert!(again.trace == first.trace, "it tells something else");
    assert_eq!(again.plan_as_run, first.plan_as_run);
    let header = TraceHeader {
        scenario: plan.name.clone(),
        seed: plan.seed,
        ..TraceHeader::default()
    };
    let [written, rewritten] =
        [&first, &again].map(|report| write_json_lines(&header, &report.trace));
    let difference = diff(&written, &rewritten).unwrap_or_else(|(_, why)| panic!("{why}"));
    assert_eq!(difference, None);
    assert_eq!(plan.timeline.len(), recorded.timeline.len());
    for (said, run) in plan.timeline.iter_mut().zip(&mut recorded.timeline) {
        let of_the_moment = |targets: &Targets| targets.0.iter().any(Role::is_of_the_moment);
        let sets = said.action.targets_mut();
        let roles: Vec<String> = match sets.iter().any(|targets| of_the_moment(targets)) {
            true => sets.iter().map(ToString::to_string).collect(),
            false => Vec::new(),
        };
        assert_eq!(run.roles, roles);
        let mut left = run.action.targets_mut().into_iter();
        assert!(!left.any(|targets| of_the_moment(targets)));
    }
}

#[test]
fn digests_are_those_that_were_reviewed() {
    let digest = |file: &PathBuf| {
        let plan = plan_of(file);
        let report = kafka_trial::run::run(&plan, plan.seed).unwrap();
        format!("{} {:016x}\n", plan.name, report.digest)
    };
    let mut digests: Vec<String> = scenarios().iter().map(digest).collect();
    digests.sort();
    snapshots().bind(|| insta::assert_snapshot!("digests", digests.concat()));
}

/// A first lesson in which two trucks share a partition and another one stays empty would puzzle.
#[test]
fn each_truck_of_the_first_lessons_has_its_own_partition() {
    for (name, partitions) in [
        ("03-truck-gps/truck-gps.yaml", 3),
        ("03-truck-gps/leader-crash.yaml", 3),
        ("11-bootstrap/dead-first-server.yaml", 2),
    ] {
        let plan = plan_of(&root().join("scenarios").join(name));
        let report = kafka_trial::run::run(&plan, plan.seed).unwrap();
        let mut trucks: BTreeMap<i32, BTreeSet<String>> = BTreeMap::new();
        for entry in &report.trace {
            if let Fact::Acked { partition, .. } = &entry.fact {
                let of_it = trucks.entry(partition.partition).or_default();
                of_it.insert(entry.node.to_string());
            }
        }
        let counts: Vec<usize> = trucks.values().map(BTreeSet::len).collect();
        assert_eq!(counts, vec![1; partitions], "{name}: {trucks:?}");
    }
}

/// One says that its application is the other's, and that only the moment of its death differs.
#[test]
fn the_same_application_dies_before_and_after_its_commit() {
    let consumers = |name: &str| {
        let file = file_of(&format!("08-commits/{name}"));
        let text = std::fs::read_to_string(file).unwrap();
        let (_, rest) = text.split_once("\nconsumers:\n").unwrap();
        let (consumers, _) = rest.split_once("\n\n").unwrap();
        let lines = consumers.lines();
        let lines = lines.filter(|line| !line.trim_start().starts_with("crashes: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        consumers("crash-before-the-commit"),
        consumers("crash-after-the-commit")
    );
}

/// Clients never ask ZooKeeper: whether they reach it makes no difference to anything that they do.
#[test]
fn clients_that_are_cut_from_zookeeper_do_exactly_the_same() {
    let mut plan = plan_of(&root().join("scenarios/14-zookeeper/clients-cut-from-zookeeper.yaml"));
    let told_by_clients = |plan: &Plan| -> Vec<String> {
        let report = kafka_trial::run::run(plan, plan.seed).unwrap();
        let is_server = |node: &str| node.starts_with("broker-") || node.starts_with("zookeeper-");
        let is_of_client = |entry: &&TraceEntry| {
            !is_server(&entry.node) && *entry.node != *kafka_trial::run::OPERATOR
        };
        let entries = report.trace.iter();
        entries
            .filter(is_of_client)
            .map(|entry| format!("{} {} {:?}", entry.time.0, entry.node, entry.fact))
            .collect()
    };
    let cut = told_by_clients(&plan);
    plan.timeline.clear();
    assert!(cut.len() > 300, "clients did something");
    let whole = told_by_clients(&plan);
    let differs = whole.iter().zip(&cut).find(|(whole, cut)| whole != cut);
    assert_eq!((differs, whole.len()), (None, cut.len()));
}
