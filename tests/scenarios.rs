//! Every shipped scenario, run as a user runs it: what it prints is a reviewed snapshot, it prints the
//! same in every process, and its digest stands in one file with all the others.

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
        for file in std::fs::read_dir(dir.unwrap().path()).unwrap() {
            files.push(file.unwrap().path());
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

fn plan_of(file: &Path) -> Plan {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).expect("the scenario");
    let loaded = load(&name, bytes, &[]).unwrap_or_else(|error| panic!("{error}"));
    loaded.plan
}

/// What `--out` writes as the plan names nodes instead of roles, and is the same run, whose trace reads
/// back.
#[test]
fn the_plan_as_run_is_the_same_run_with_every_role_resolved() {
    for file in scenarios() {
        let mut plan = plan_of(&file);
        let first = kafka_trial::run::run(&plan, plan.seed).unwrap();
        let yaml = to_yaml(&first.plan_as_run);
        let mut recorded = load("plan.yaml", yaml.clone().into_bytes(), &[])
            .unwrap_or_else(|error| panic!("{error}\n{yaml}"))
            .plan;
        assert_eq!(recorded, first.plan_as_run, "{yaml}");
        let again = kafka_trial::run::run(&recorded, recorded.seed).unwrap();
        let name = file.display();
        assert_eq!(again.digest, first.digest, "{name}");
        assert!(again.trace == first.trace, "{name} tells something else");
        assert_eq!(again.plan_as_run, first.plan_as_run, "{name}");
        let header = TraceHeader {
            scenario: plan.name.clone(),
            seed: plan.seed,
        };
        let [written, rewritten] =
            [&first, &again].map(|report| write_json_lines(&header, &report.trace));
        let difference =
            diff(&written, &rewritten).unwrap_or_else(|(_, why)| panic!("{name}: {why}"));
        assert_eq!(difference, None, "{name}");
        assert_eq!(plan.timeline.len(), recorded.timeline.len(), "{name}");
        for (said, run) in plan.timeline.iter_mut().zip(&mut recorded.timeline) {
            let of_the_moment = |targets: &Targets| targets.0.iter().any(Role::is_of_the_moment);
            let sets = said.action.targets_mut();
            let roles: Vec<String> = match sets.iter().any(|targets| of_the_moment(targets)) {
                true => sets.iter().map(ToString::to_string).collect(),
                false => Vec::new(),
            };
            assert_eq!(run.roles, roles, "{name}");
            let mut left = run.action.targets_mut().into_iter();
            assert!(!left.any(|targets| of_the_moment(targets)), "{name}");
        }
    }
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

#[test]
fn scenarios_hold_and_print_the_same_in_every_process() {
    let mut digests = BTreeMap::new();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for file in scenarios() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_string();
        let (status, printed) = run(&file);
        let (_, again) = run(&file);
        assert_eq!(
            printed, again,
            "{name} printed something else in another process"
        );
        assert_eq!(status, Some(0), "{name} does not hold:\n{printed}");
        let digest = printed
            .lines()
            .find_map(|line| line.strip_prefix("digest "))
            .expect("a digest");
        digests.insert(
            name.clone(),
            digest
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_string(),
        );
        let transcript: String = printed
            .lines()
            .filter(|line| !line.starts_with("digest "))
            .map(|line| format!("{line}\n"))
            .collect();
        settings.bind(|| insta::assert_snapshot!(format!("run@{name}"), transcript));
    }
    let digests: String = digests
        .iter()
        .map(|(name, digest)| format!("{name} {digest}\n"))
        .collect();
    settings.bind(|| insta::assert_snapshot!("digests", digests));
}

/// Clients never ask ZooKeeper: whether they reach it makes no difference to anything that they do.
#[test]
fn clients_that_are_cut_from_zookeeper_do_exactly_the_same() {
    let mut plan = plan_of(&root().join("scenarios/14-zookeeper/clients-cut-from-zookeeper.yaml"));
    let told_by_clients = |plan: &Plan| -> Vec<String> {
        let report = kafka_trial::run::run(plan, plan.seed).unwrap();
        let is_server = |node: &str| node.starts_with("broker-") || node.starts_with("zookeeper-");
        let is_of_client = |entry: &&TraceEntry| {
            !is_server(&entry.node) && !matches!(entry.fact, Fact::TimelineEvent { .. })
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
