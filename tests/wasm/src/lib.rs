//! What a page with the simulator in it would call. Without wasm-bindgen: numbers in, numbers out.

use kafka_trial::Scenario;

/// Those whose names stand in `run.mjs`, in that order.
const SCENARIOS: [&str; 3] = [
    include_str!("../../../scenarios/01-first-steps/first-steps.yaml"),
    include_str!("../../../scenarios/03-truck-gps/leader-crash.yaml"),
    include_str!("../../../scenarios/14-zookeeper/zookeeper-leader-crash.yaml"),
];

/// Runs a scenario to its end; its digest, or 0 if something did not hold.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn digest(scenario: u32) -> u64 {
    let report = Scenario::from_str(SCENARIOS[scenario as usize])
        .and_then(|scenario| scenario.run())
        .expect("a scenario that ships runs");
    if report.held() { report.digest() } else { 0 }
}
