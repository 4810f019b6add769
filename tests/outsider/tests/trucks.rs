//! What a team writes that tests its own use of Kafka: everything by kafka-trial's front door.

use kafka_trial::{Scenario, ScenarioError};

const TRUCKS: &str = "
format: 1
name: our-trucks
about: Our trucks report to three brokers, and the one that leads dies.
seed: 11
duration: 60s
cluster: {brokers: 3}
topics:
  gps: {partitions: 1, replication.factor: 3, config: {min.insync.replicas: 2}}
producers:
  trucks: {count: 2, topic: gps, key: truck_id, value: position, every: 1s, acks: all}
consumers:
  dashboard: {topics: [gps]}
timeline:
  - {at: 20s, crash: leader of gps-0}
expect:
  - no acknowledged record is lost
";

#[test]
fn a_crash_of_the_leader_loses_nothing() -> Result<(), ScenarioError> {
    let report = Scenario::from_str(TRUCKS)?.run()?;
    report.assert_held();
    insta::assert_snapshot!("transcript", report.transcript());
    insta::assert_snapshot!("tables", report.tables());
    Ok(())
}

#[test]
fn it_is_the_same_again_and_another_seed_is_another_run() -> Result<(), ScenarioError> {
    let scenario = Scenario::from_str(TRUCKS)?;
    assert_eq!(scenario.seed(), 11);
    let [first, again] = [scenario.run()?, scenario.run()?];
    assert_eq!(first.digest(), again.digest());
    assert_eq!(first.transcript(), again.transcript());
    let other = scenario.with_seed(12).run()?;
    assert!(other.held());
    assert_ne!(first.digest(), other.digest());
    Ok(())
}

#[test]
fn a_scenario_that_ships_is_read_from_its_file() -> Result<(), ScenarioError> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../scenarios/01-first-steps/first-steps.yaml"
    );
    let scenario = Scenario::from_path(path)?;
    assert_eq!(scenario.name(), "first-steps");
    assert!(scenario.warnings().is_empty());
    scenario.run()?.assert_held();
    Ok(())
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let error = Scenario::from_str(&TRUCKS.replace("partitions: 1", "partitions: one"));
    insta::assert_snapshot!("unreadable", error.unwrap_err());
    assert!(Scenario::from_path("nowhere.yaml").is_err());
}

#[test]
#[should_panic(expected = "FAILED")]
fn what_did_not_hold_fails_the_test_and_says_why() {
    let text = TRUCKS.replace("no acknowledged record is lost", "acknowledged records lost: 5");
    let scenario = Scenario::from_str(&text).unwrap();
    scenario.run().unwrap().assert_held();
}
